//! `--dry-run`: every request by its name.

use sealmark::sign::image::{Form, finding, requests};

use super::{Item, Work};
use crate::report::Failure;
use crate::report::images::RequestShown;
use crate::settings;

impl Work<'_> {
    /// Names the requests of each item in its line, and gives those of the call as a whole.
    pub(super) fn plan(&self, items: &mut [Item]) -> Result<Vec<RequestShown>, Failure> {
        for item in items.iter_mut() {
            let image = item.image.image();
            let repository = self.registries.signatures.as_ref().unwrap_or_else(|| image.repository());
            let scheme = settings::registry_scheme(&self.call.registry, repository.registry());
            let found = finding(scheme, &sealmark::format::oci::ImageRef::Digested(image.clone()));
            item.shown
                .requests
                .push(RequestShown { purpose: "the image; made for this plan".to_owned(), ..found.into() });
            for form in &item.missing {
                for service in self.services(*form)?.names() {
                    item.shown.requests.push(RequestShown::post(&service, purpose(*form)));
                }
            }
            let writes = requests(scheme, repository, image, self.claim, &item.missing);
            item.shown.requests.extend(writes.into_iter().map(RequestShown::from));
        }
        let needed = items.iter().any(|item| !item.missing.is_empty());
        if !needed || self.call.signing.signer.key.is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![RequestShown::post(
            &self.signing.authority()?,
            "one certificate, for the token of the environment or flags",
        )])
    }
}

const fn purpose(form: Form) -> &'static str {
    match form {
        Form::Bundle => "timestamp or log entry of the bundle",
        Form::Legacy => "log entry of the legacy signature",
    }
}
