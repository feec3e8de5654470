//! The certificate that a server shows.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sealmark::base::limits;
use sealmark::serve::acme::{Acme, AcmeSettings};
use sealmark::serve::{Journal, ServingCertificate};
use sealmark::service::http::{Endpoint, HttpClient, Service, Settings};

use super::environment;
use crate::cli::AcmeArgs;
use crate::files;
use crate::report::Failure;

/// After a failure of an ACME server, before the next try.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// A certificate, with what keeps it fresh.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    /// `None` serves plain HTTP.
    pub(crate) certificate: Option<Arc<ServingCertificate>>,
    acme: Option<Acme>,
}

impl Serving {
    /// Keeps the certificate fresh while the server runs, when that is ours to do.
    pub(crate) fn keep(&mut self) {
        if let Some(acme) = self.acme.take() {
            tokio::spawn(acme.keep());
        }
    }
}

/// From files, or by ACME.
pub(crate) fn serving(
    chain: Option<&Path>,
    key: Option<&Path>,
    client_authorities: Option<&Path>,
    acme: &AcmeArgs,
    journal: &Journal,
) -> Result<Serving, Failure> {
    if let Some((chain, key)) = chain.zip(key) {
        let certificate = match client_authorities {
            Some(authorities) => ServingCertificate::read_for(environment().as_ref(), chain, key, authorities)?,
            None => ServingCertificate::read(environment().as_ref(), chain, key)?,
        };
        return Ok(Serving { certificate: Some(certificate), acme: None });
    }
    let Some((directory, folder)) = acme.acme.as_ref().zip(acme.acme_folder.clone()) else {
        return Ok(Serving::default());
    };
    let mut http = Settings::from_environment(environment().as_ref());
    if let Some(path) = &acme.acme_ca {
        http.extra_roots = Some(String::from_utf8_lossy(&files::read(path, limits::PEM_BYTES)?).into_owned());
    }
    let settings = AcmeSettings {
        directory: Endpoint::parse(Service::AcmeServer, directory)?,
        names: acme.acme_name.clone(),
        contacts: acme.acme_contact.iter().map(|address| format!("mailto:{address}")).collect(),
        folder,
        first_pause: FIRST_PAUSE,
    };
    let acme = Acme::open(environment(), settings, HttpClient::new(http), journal.clone())?;
    Ok(Serving { certificate: Some(Arc::clone(acme.certificate())), acme: Some(acme) })
}
