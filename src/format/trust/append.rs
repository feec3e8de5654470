//! Another certificate authority for a trusted root. What stands in the document stays as it is, byte order and
//! fields of later versions included; an authority that was trusted once goes on being listed with its window, so
//! that what it signed then verifies for ever.

use thiserror::Error;

use super::{AuthorityInstance, AuthorityKind, ClientTrustConfig, TrustError, TrustedRoot};
use crate::base::code::Code;

/// What became of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// The document with the authority as the last of its kind.
    Added(String),
    /// The very authority stands in it already.
    Present,
}

/// Why the document was left alone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The document cannot be read.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Neither a private authority nor a Fulcio at a URL.
    #[error("{uri:?} names no authority of a known kind")]
    Kind {
        /// Its uri.
        uri: String,
    },
    /// Rules that name the one would be met by the other.
    #[error("the trusted root has another authority of the name {name:?}, at {uri:?}")]
    NameTaken {
        /// The name.
        name: String,
        /// Where the one in the document is.
        uri: String,
    },
    /// The same key would be believed in two ways.
    #[error("the trusted root has a certificate of {subject:?} already, in the authority {name:?}")]
    KeyKnown {
        /// The certificate.
        subject: String,
        /// The authority that has it.
        name: String,
    },
}

impl AppendError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Trust(error) => error.code(),
            Self::Kind { .. } => {
                Code::usage("trust-add-kind", "say which system it is of: --from vault, step-ca, spire, fulcio or file")
            }
            Self::NameTaken { .. } => Code::refused(
                "trust-add-name",
                "choose a name of its own: policies tell authorities apart by their names",
            ),
            Self::KeyKnown { .. } => {
                Code::refused("trust-add-known", "an authority is believed in one way only: see `sealmark trust show`")
            }
        }
    }
}

/// Appends a private authority, or a Fulcio of one's own, to a trusted_root.json or a client_trust_config.json.
///
/// # Errors
///
/// [`AppendError`].
pub fn append(document: &[u8], authority: &AuthorityInstance) -> Result<Appended, AppendError> {
    // A Fulcio is one at a URL: its word about issuers will be believed.
    let fulcio = authority.uri.starts_with("https://") || authority.uri.starts_with("http://127.0.0.1:");
    if authority.kind() != AuthorityKind::Private && !fulcio {
        return Err(AppendError::Kind { uri: authority.uri.clone() });
    }
    let client_config = ClientTrustConfig::is_one(document);
    let root = read(document, client_config)?;
    if root.certificate_authorities.contains(authority) {
        return Ok(Appended::Present);
    }
    for known in &root.certificate_authorities {
        if known.name() == authority.name() && known.uri != authority.uri {
            return Err(AppendError::NameTaken { name: known.name(), uri: known.uri.clone() });
        }
        let same_key = |one: &&crate::format::x509::Certificate| {
            authority.chain.iter().any(|new| new.public_key() == one.public_key())
        };
        // A root that renewed its intermediate stays the one authority of its place and name.
        if (known.uri != authority.uri || known.name() != authority.name())
            && let Some(shared) = known.chain.iter().find(same_key)
        {
            return Err(AppendError::KeyKnown { subject: shared.label(), name: known.name() });
        }
    }
    let longer = write(document, client_config, authority).ok_or(TrustError::TooLarge { found: document.len() })?;
    // What is written is read back as what was meant.
    let read_back = read(longer.as_bytes(), client_config)?;
    match read_back.certificate_authorities.last() {
        Some(last) if last == authority => Ok(Appended::Added(longer)),
        _ => Err(TrustError::TooLarge { found: longer.len() }.into()),
    }
}

fn read(document: &[u8], client_config: bool) -> Result<TrustedRoot, TrustError> {
    if client_config { Ok(ClientTrustConfig::parse(document)?.trusted_root) } else { TrustedRoot::parse(document) }
}

fn write(document: &[u8], client_config: bool, authority: &AuthorityInstance) -> Option<String> {
    let mut json: serde_json::Value = serde_json::from_slice(document).ok()?;
    let root = if client_config { json.get_mut("trustedRoot")? } else { &mut json };
    let list = root.as_object_mut()?.entry("certificateAuthorities").or_insert_with(|| serde_json::json!([]));
    list.as_array_mut()?.push(authority.to_json());
    Some(format!("{json:#}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::ValidityPeriod;
    use crate::format::trust::Embedded;
    use crate::format::x509::testing::{Authority, START};

    fn instance(uri: &str, name: &str, root: &Authority) -> AuthorityInstance {
        AuthorityInstance {
            organization: String::new(),
            common_name: name.to_owned(),
            uri: uri.to_owned(),
            chain: vec![root.certificate.clone()],
            validity: ValidityPeriod::new(START, None).unwrap(),
        }
    }

    fn added(document: &str, authority: &AuthorityInstance) -> String {
        match append(document.as_bytes(), authority).unwrap() {
            Appended::Added(longer) => longer,
            Appended::Present => panic!("it was there"),
        }
    }

    fn code(document: &str, authority: &AuthorityInstance) -> &'static str {
        append(document.as_bytes(), authority).unwrap_err().code().name()
    }

    #[test]
    fn an_authority_is_appended_and_nothing_else_changes() {
        let before = Embedded::PublicGood.trusted_root_json().replacen('{', r#"{"later":{"field":1},"#, 1);
        let vault = instance("vault:https://vault.example.com/v1/pki", "acme ci", &Authority::root("root"));
        let after = added(&before, &vault);
        let (mut old, new) =
            (TrustedRoot::parse(before.as_bytes()).unwrap(), TrustedRoot::parse(after.as_bytes()).unwrap());
        old.certificate_authorities.push(vault.clone());
        assert_eq!(old, new);
        assert!(after.contains("\"later\""));
        assert_eq!(append(after.as_bytes(), &vault).unwrap(), Appended::Present);
        // A rotation: the same place and name, another key; the old one stays.
        let renewed = instance(&vault.uri, "acme ci", &Authority::root("root"));
        let third = TrustedRoot::parse(added(&after, &renewed).as_bytes()).unwrap();
        assert_eq!(third.certificate_authorities.len(), old.certificate_authorities.len() + 1);
        assert!(third.certificate_authorities.contains(&vault));
    }

    #[test]
    fn a_name_or_a_key_belongs_to_one_authority() {
        let root = Authority::root("root");
        let vault = instance("vault:https://vault.example.com/v1/pki", "acme ci", &root);
        let document = added(Embedded::PublicGood.trusted_root_json(), &vault);
        let other = instance("step-ca:https://ca.example.com", "acme ci", &Authority::root("other"));
        assert_eq!(code(&document, &other), "trust-add-name");
        let same_key = instance("step-ca:https://ca.example.com", "acme step", &root);
        assert_eq!(code(&document, &same_key), "trust-add-known");
        // Nor does a private one take the name of a Fulcio.
        let public = &TrustedRoot::parse(document.as_bytes()).unwrap().certificate_authorities[0];
        let mut fulcio = other;
        fulcio.organization.clone_from(&public.organization);
        fulcio.common_name.clone_from(&public.common_name);
        assert_eq!(code(&document, &fulcio), "trust-add-name");
    }

    #[test]
    fn only_authorities_of_known_kinds_are_added() {
        let document = Embedded::PublicGood.trusted_root_json();
        let fulcio = instance("https://fulcio.example.com", "acme", &Authority::root("root"));
        assert!(matches!(append(document.as_bytes(), &fulcio), Ok(Appended::Added(_))));
        for uri in ["", "http://fulcio.example.com", "Vault:x", "vault"] {
            assert_eq!(code(document, &instance(uri, "n", &Authority::root("root"))), "trust-add-kind", "{uri}");
        }
        let spire = instance("spiffe://example.org", "n", &Authority::root("root"));
        assert_eq!(code("{}", &spire), "trust-root-parse");
    }
}
