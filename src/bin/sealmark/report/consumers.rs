//! Which clients see what was written, by form, signer and registry.

use sealmark::service::store::FoundBy;
use sealmark::sign::image::Form;
use serde::Serialize;

/// What was written, as far as clients differ over it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written<'a> {
    pub(crate) forms: &'a [Form],
    /// A bare key signed, and no identity.
    pub(crate) by_key: bool,
    pub(crate) attestation: bool,
    /// Which list has the bundle; not known before it is written.
    pub(crate) found_by: Option<FoundBy>,
    /// It lies in another repository than the image.
    pub(crate) elsewhere: bool,
}

/// Whether a client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sees {
    Yes,
    No,
}

impl Sees {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
        }
    }
}

/// One client.
#[derive(Debug, Serialize)]
pub(crate) struct Consumer {
    pub(crate) name: &'static str,
    pub(crate) sees: Sees,
    /// By what, or why not.
    pub(crate) because: &'static str,
}

/// Every client that is known, in a stable order.
pub(crate) fn consumers(written: &Written<'_>) -> Vec<Consumer> {
    let bundle = written.forms.contains(&Form::Bundle);
    let legacy = written.forms.contains(&Form::Legacy);
    let yes = |name, because| Consumer { name, sees: Sees::Yes, because };
    let no = |name, because| Consumer { name, sees: Sees::No, because };
    let needs_legacy = "it reads the older form only: add legacy to --signature-format";
    let by_list = match written.found_by {
        Some(FoundBy::Tag) => "the bundle, by the tag that lists referrers",
        Some(_) => "the bundle, by the registry's list of referrers",
        None => "the bundle, by the list of referrers",
    };
    let mut all = vec![
        if bundle {
            yes("sealmark", by_list)
        } else {
            yes("sealmark", "the older form, with --accept-promise for identities")
        },
        match (bundle, legacy) {
            (true, _) => yes("cosign 3", by_list),
            _ => yes("cosign 3", "the older form, which cosign 4 is to drop"),
        },
        match (legacy, bundle && written.attestation) {
            (true, _) => yes("cosign 2", "the older form"),
            (false, true) => yes("cosign 2", "the bundle, with --new-bundle-format"),
            _ => no("cosign 2", needs_legacy),
        },
        match (legacy, written.attestation) {
            (_, true) => no("podman, skopeo (policy.json)", "they look at signatures, not at attestations"),
            (true, false) if written.by_key => yes(
                "podman, skopeo (policy.json)",
                "the older form: sigstoreSigned with keyPath, use-sigstore-attachments: true",
            ),
            (true, false) => {
                yes("podman, skopeo (policy.json)", "the older form: sigstoreSigned with fulcio and rekorPublicKeyPath")
            }
            (false, false) => no("podman, skopeo (policy.json)", needs_legacy),
        },
        match (legacy, bundle && written.attestation) {
            (true, _) => yes("Kyverno (verifyImages)", "the older form"),
            (false, true) => yes("Kyverno (verifyImages)", "the bundle, where the rule says type: SigstoreBundle"),
            _ => no("Kyverno (verifyImages)", needs_legacy),
        },
        match (legacy, bundle && written.attestation) {
            (true, _) => yes("policy-controller", "the older form"),
            (false, true) => yes("policy-controller", "the bundle, where the authority says signatureFormat: bundle"),
            _ => no("policy-controller", needs_legacy),
        },
        match (bundle, written.by_key, written.attestation) {
            (_, _, false) => no("gh attestation verify", "it looks at attestations, not at signatures"),
            (false, ..) => no("gh attestation verify", "it reads bundles only"),
            (true, true, true) => no("gh attestation verify", "it takes identities, not keys"),
            (true, false, true) => {
                yes("gh attestation verify", "the bundle, with --bundle-from-oci and a trusted root that it knows")
            }
        },
        no("notation", "it has a form of its own"),
    ];
    if written.elsewhere {
        all.iter_mut().for_each(Consumer::looks_elsewhere);
    }
    all
}

impl Consumer {
    /// What becomes of it where the signatures lie in another repository than the image.
    fn looks_elsewhere(&mut self) {
        if self.sees == Sees::No {
            return;
        }
        (self.sees, self.because) = match self.name {
            "sealmark" => (Sees::Yes, "where it is told so: --signature-repository, or COSIGN_REPOSITORY"),
            "cosign 3" | "cosign 2" => (Sees::Yes, "where it is told so: COSIGN_REPOSITORY"),
            "Kyverno (verifyImages)" => (Sees::Yes, "where the rule names the repository"),
            "policy-controller" => (Sees::Yes, "where the authority names the repository as source"),
            _ => (Sees::No, "it looks in the image's own repository only"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeing(forms: &[Form], by_key: bool, attestation: bool) -> Vec<&'static str> {
        let written = Written { forms, by_key, attestation, found_by: Some(FoundBy::Api), elsewhere: false };
        names(&written)
    }

    fn names(written: &Written<'_>) -> Vec<&'static str> {
        let seen = consumers(written).into_iter().filter(|consumer| consumer.sees == Sees::Yes);
        seen.map(|consumer| consumer.name).collect()
    }

    #[test]
    fn another_repository_hides_signatures_from_those_who_cannot_be_told() {
        let forms = [Form::Bundle, Form::Legacy];
        let written =
            |attestation| Written { forms: &forms, by_key: false, attestation, found_by: None, elsewhere: true };
        let told = ["sealmark", "cosign 3", "cosign 2", "Kyverno (verifyImages)", "policy-controller"];
        assert_eq!(names(&written(false)), told);
        assert_eq!(names(&written(true)), told);
    }

    #[test]
    fn bundles_alone_are_invisible_to_half_of_the_field() {
        assert_eq!(seeing(&[Form::Bundle], false, false), ["sealmark", "cosign 3"]);
        let both = seeing(&[Form::Bundle, Form::Legacy], true, false);
        assert!(both.contains(&"podman, skopeo (policy.json)") && both.contains(&"Kyverno (verifyImages)"), "{both:?}");
        assert!(seeing(&[Form::Bundle], false, true).contains(&"gh attestation verify"));
        assert!(!seeing(&[Form::Bundle], true, true).contains(&"gh attestation verify"));
        assert!(!seeing(&[Form::Legacy], true, true).contains(&"podman, skopeo (policy.json)"));
        assert!(!both.contains(&"notation"));
    }
}
