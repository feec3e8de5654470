//! Certificates for services that speak TLS: the same authorities, other roles.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

use super::CertificateChain;
use crate::base::code::Code;
use crate::base::crypto::PublicKey;
use crate::base::encoding::der::{self, tag};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::x509::build::Extension;
use crate::format::x509::{GeneralName, oids};
use crate::service::identity::IdToken;
use crate::service::signer::Signer;

/// A name of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceName {
    /// A host, or all of one level: `app.example.com`, `*.example.com`.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// An identity, as SPIFFE has them.
    Uri(String),
}

impl ServiceName {
    /// Reads a host name (RFC 1123, with the wildcard of RFC 6125 in front); `None` when it is none.
    pub fn dns(text: &str) -> Option<Self> {
        let label = |label: &str| {
            let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            !label.is_empty() && label.len() <= 63 && plain && !label.starts_with('-') && !label.ends_with('-')
        };
        let name = text.strip_prefix("*.").unwrap_or(text);
        let fits = text.len() <= 253 && name.split('.').all(label);
        fits.then(|| Self::Dns(text.to_ascii_lowercase()))
    }

    /// Reads a URI: scheme, host, and no character that separates names elsewhere; `None` when it is none.
    pub fn uri(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let plain = |byte: u8| (0x21..0x7f).contains(&byte) && byte != b',';
        let fits = !scheme.is_empty() && !rest.is_empty() && text.len() <= limits::SAN_BYTES && text.bytes().all(plain);
        fits.then(|| Self::Uri(text.to_owned()))
    }

    fn der(&self) -> Vec<u8> {
        match self {
            Self::Dns(text) => der::tlv(tag::context_primitive(2), text.as_bytes()),
            Self::Uri(text) => der::tlv(tag::context_primitive(6), text.as_bytes()),
            Self::Ip(IpAddr::V4(address)) => der::tlv(tag::context_primitive(7), &address.octets()),
            Self::Ip(IpAddr::V6(address)) => der::tlv(tag::context_primitive(7), &address.octets()),
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text) | Self::Uri(text) => f.write_str(text),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// What a service's certificate is to say, and by what right.
#[derive(Debug, Clone, Copy)]
pub struct ServiceRequest<'a> {
    /// The key.
    pub key: &'a dyn Signer,
    /// The right, for authorities that have an audience.
    pub token: Option<&'a IdToken>,
    /// At least one name.
    pub names: &'a [ServiceName],
    /// In seconds; the authority's default when `None`.
    pub lifetime_secs: Option<u32>,
}

impl ServiceRequest<'_> {
    /// The names as an extension, which is critical because there is no subject (RFC 5280 section 4.2.1.6).
    pub(super) fn names_extension(&self) -> Extension {
        let names: Vec<u8> = self.names.iter().flat_map(ServiceName::der).collect();
        Extension::new(oids::SUBJECT_ALT_NAME, true, &der::sequence(&[&names]))
    }

    /// Names of one form, as Vault's API has them.
    pub(super) fn joined(&self, of: impl Fn(&ServiceName) -> Option<String>) -> String {
        self.names.iter().filter_map(of).collect::<Vec<_>>().join(",")
    }
}

/// A certificate that was received and is not used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ServiceCertificateError {
    /// Of another key.
    #[error("the certificate that was issued is for another key")]
    OtherKey,
    /// Names beyond those that were asked for, or some of them missing.
    #[error("the certificate that was issued names {found}; asked for was {asked}")]
    OtherNames {
        /// What was asked for.
        asked: String,
        /// What it says.
        found: String,
    },
    /// For neither end of TLS.
    #[error("the certificate that was issued is neither for servers nor for clients")]
    NotForTls,
    /// Not valid now.
    #[error("the certificate that was issued is not valid now: {validity}")]
    NotValid {
        /// When it is.
        validity: String,
    },
    /// The next certificate did not sign it.
    #[error("{issuer:?} did not sign the certificate below it")]
    Chain {
        /// The certificate above.
        issuer: String,
    },
}

impl ServiceCertificateError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const BROKEN: &str = "the authority is broken or hostile: nothing was written, tell its operator";
        match self {
            Self::OtherKey => Code::refused("service-certificate-key", BROKEN),
            Self::OtherNames { .. } => Code::refused(
                "service-certificate-names",
                "have the role or template write the names that are asked for (Vault: use_csr_sans, step-ca: its SANs)",
            ),
            Self::NotForTls => Code::refused(
                "service-certificate-usage",
                "have the role issue for servers or clients, or ask another role",
            ),
            Self::NotValid { .. } => {
                Code::refused("service-certificate-validity", "compare the clocks of this machine and of the authority")
            }
            Self::Chain { .. } => Code::refused("service-certificate-chain", BROKEN),
        }
    }
}

/// Checks a chain as it was received: the key's, for exactly these names, for TLS, valid at `now`, each certificate
/// signed by the next. Whether its root is to be trusted is for its peers to say.
///
/// # Errors
///
/// [`ServiceCertificateError`].
pub fn check_service(
    chain: &CertificateChain,
    key: &PublicKey,
    names: &[ServiceName],
    now: UnixTime,
) -> Result<(), ServiceCertificateError> {
    let leaf = &chain.leaf;
    if leaf.public_key() != key {
        return Err(ServiceCertificateError::OtherKey);
    }
    let extensions = leaf.extensions();
    let asked: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
    let found: BTreeSet<String> = extensions.subject_alt_names.iter().flat_map(|list| &list.names).map(shown).collect();
    if asked != found {
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        return Err(ServiceCertificateError::OtherNames { asked: list(asked), found: list(found) });
    }
    let purposes = [oids::SERVER_AUTH, oids::CLIENT_AUTH];
    let for_tls = extensions.extended_key_usage.as_ref();
    if !for_tls.is_some_and(|usage| purposes.iter().any(|purpose| usage.contains(*purpose))) {
        return Err(ServiceCertificateError::NotForTls);
    }
    let soon = now.plus_secs(limits::CLOCK_TOLERANCE_SECS);
    if leaf.validity().start() > soon || leaf.validity().end().is_some_and(|end| end <= now) {
        return Err(ServiceCertificateError::NotValid { validity: leaf.validity().to_string() });
    }
    let mut below = leaf;
    for above in &chain.above {
        if below.verify_signature(above.public_key()).is_err() {
            return Err(ServiceCertificateError::Chain { issuer: above.label() });
        }
        below = above;
    }
    Ok(())
}

/// A name as it is compared and shown.
pub fn shown(name: &GeneralName) -> String {
    match name {
        GeneralName::Dns(text) => text.to_ascii_lowercase(),
        GeneralName::Uri(text) | GeneralName::Email(text) | GeneralName::Username(text) => text.clone(),
        GeneralName::Ip(address) => address.to_string(),
        GeneralName::OtherName { oid } => format!("other name {oid}"),
        GeneralName::Unsupported(number) => format!("a name of form {number}"),
        GeneralName::Malformed => "a malformed name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::x509::testing::{Authority, Key, START, Template};

    const HOST: &str = "app.example.com";

    fn names() -> Vec<ServiceName> {
        vec![
            ServiceName::dns(HOST).unwrap(),
            ServiceName::Ip("192.0.2.7".parse().unwrap()),
            ServiceName::Ip("2001:db8::7".parse().unwrap()),
            ServiceName::uri("spiffe://example.org/app").unwrap(),
        ]
    }

    /// The code for a leaf that was changed; `None` when it holds.
    fn check(change: impl FnOnce(Template) -> Template) -> Option<&'static str> {
        let (root, key) = (Authority::root("root"), Key::p256());
        let signer = crate::service::signer::EphemeralKey::generate().unwrap();
        let list = names();
        let request = ServiceRequest { key: &signer, token: None, names: &list, lifetime_secs: None };
        let template = Template::leaf(&key)
            .with(request.names_extension())
            .with(Extension::extended_key_usage(&[oids::SERVER_AUTH, oids::CLIENT_AUTH], false));
        let leaf = root.sign(change(template));
        let chain = CertificateChain { leaf, above: vec![root.certificate.clone()], sct_beside: false };
        check_service(&chain, key.public(), &list, START.plus_secs(60)).err().map(|error| error.code().name())
    }

    #[test]
    fn one_check_at_a_time() {
        assert_eq!(check(|leaf| leaf), None);
        let other = Key::p256();
        assert_eq!(
            check(|leaf| Template { spki: other.public().spki().to_vec(), ..leaf }),
            Some("service-certificate-key")
        );
        let fewer = || {
            let name = der::tlv(tag::context_primitive(2), HOST.as_bytes());
            Extension::new(oids::SUBJECT_ALT_NAME, true, &der::sequence(&[&name]))
        };
        assert_eq!(check(|leaf| leaf.with(fewer())), Some("service-certificate-names"));
        let usage = Extension::extended_key_usage(&[oids::CODE_SIGNING], false);
        assert_eq!(check(|leaf| leaf.with(usage)), Some("service-certificate-usage"));
        assert_eq!(check(|leaf| leaf.without(oids::EXTENDED_KEY_USAGE)), Some("service-certificate-usage"));
        assert_eq!(check(|leaf| leaf.valid(START, 30)), Some("service-certificate-validity"));
        assert_eq!(check(|leaf| leaf.valid(START.plus_secs(600), 600)), Some("service-certificate-validity"));
    }

    #[test]
    fn a_chain_of_strangers() {
        let (root, key) = (Authority::root("root"), Key::p256());
        let list = [ServiceName::dns(HOST).unwrap()];
        let name = der::tlv(tag::context_primitive(2), HOST.as_bytes());
        let leaf = root.sign(
            Template::leaf(&key)
                .with(Extension::new(oids::SUBJECT_ALT_NAME, true, &der::sequence(&[&name])))
                .with(Extension::extended_key_usage(&[oids::SERVER_AUTH], false)),
        );
        let above = vec![Authority::root("root").certificate];
        let chain = CertificateChain { leaf, above, sct_beside: false };
        let error = check_service(&chain, key.public(), &list, START.plus_secs(60)).unwrap_err();
        assert_eq!(error.code().name(), "service-certificate-chain");
    }

    #[test]
    fn names_that_are_none() {
        assert_eq!(ServiceName::dns("*.Example.com"), Some(ServiceName::Dns("*.example.com".to_owned())));
        for bad in ["", "a,b", "a..b", "-a", "a-", "*.*.a", "a b", "a.", "ä", "*"] {
            assert_eq!(ServiceName::dns(bad), None, "{bad}");
        }
        for bad in ["", "app", "://a", "a://", "a://b,c", "a://b c"] {
            assert_eq!(ServiceName::uri(bad), None, "{bad}");
        }
    }
}
