//! Logs and authorities of a trusted root, and their JSON.

use super::error::TrustError;
use crate::base::crypto::{KeyError, PublicKey, Scheme};
use crate::base::encoding::json::{self, Fields, Json, ShapeError};
use crate::base::encoding::{base64, der};
use crate::base::limits;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::spiffe::TrustDomain;
use crate::format::x509::{Certificate, oids};

/// A transparency log or CT log: one key with its window. `ctlogs` and `tlogs` share the shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInstance {
    /// The log's identity as a URL; not necessarily where it is read.
    pub base_url: String,
    /// Its key.
    pub key: PublicKey,
    /// When the key is to be believed, both ends included.
    pub validity: ValidityPeriod,
    /// Its id in entries and SCTs.
    pub log_id: Vec<u8>,
    /// Who runs it.
    pub operator: Option<String>,
}

impl LogInstance {
    /// The host of [`LogInstance::base_url`]: the origin of a Rekor v2 log's checkpoints.
    pub fn host(&self) -> &str {
        let rest = self.base_url.split_once("://").map_or(self.base_url.as_str(), |(_, rest)| rest);
        rest.split(['/', ':']).next().unwrap_or_default()
    }

    /// Reads one; `None` when its key is of a type that we do not use: it is kept aside, so that a trust
    /// root which adds such a key goes on working for everything else.
    pub(super) fn read(item: &Json<'_>, path: &str) -> Result<Option<Self>, TrustError> {
        let mut fields = Fields::of(item, path)?;
        let base_url = fields.string("baseUrl")?.unwrap_or_default().to_owned();
        let operator = fields.string("operator")?.map(str::to_owned);
        let mut key_fields = fields.require_object("publicKey")?;
        let validity = validity(&mut key_fields)?;
        let bytes = key_fields.require_bytes("rawBytes")?;
        let details = key_fields.string("keyDetails")?.unwrap_or_default();
        let key_path = fields.path("publicKey");
        let key = match read_key(&bytes, details) {
            Ok(key) => key,
            Err(KeyError::Algorithm(_)) => return Ok(None),
            Err(error) => return Err(TrustError::Key { path: key_path, error }),
        };
        let mut id_fields = fields.require_object("logId")?;
        let log_id = id_fields.require_bytes("keyId")?;
        Ok(Some(Self { base_url, key, validity, log_id, operator }))
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        let details = Scheme::key_details(self.key.kind()).unwrap_or("PUBLIC_KEY_DETAILS_UNSPECIFIED");
        serde_json::json!({
            "baseUrl": self.base_url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": base64::encode(self.key.spki()),
                "keyDetails": details,
                "validFor": write_validity(&self.validity),
            },
            "logId": { "keyId": base64::encode(&self.log_id) },
        })
    }
}

/// A certificate or timestamp authority: a chain with its window, one unit that is never mixed with
/// another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityInstance {
    /// subject.organization
    pub organization: String,
    /// subject.commonName
    pub common_name: String,
    /// Where it answers.
    pub uri: String,
    /// For a CA: intermediates, then the root. For a timestamp authority: the leaf, then the same.
    pub chain: Vec<Certificate>,
    /// When the authority is to be believed, both ends included.
    pub validity: ValidityPeriod,
}

/// Whose word an authority's certificates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorityKind {
    /// A Fulcio: it verified a token and wrote down the issuer, which rules name.
    Fulcio,
    /// Any other CA: it may write any issuer, so that only rules which name the authority itself are met.
    Private,
}

/// What the leaves of an authority must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeafProfile {
    /// For code signing and nothing else.
    CodeSigning,
    /// An X.509-SVID, which is for authentication by TLS and never for code signing. It holds for an authority whose
    /// entry says so in as many words, and for IDs of its own trust domain.
    X509Svid(TrustDomain),
}

/// What the URI of a trust domain's authority ends with, where its X.509-SVIDs may sign: the use that stands in them.
const CLIENT_AUTH: &str = "?leaf-eku=client-auth";

/// Schemes of [`AuthorityInstance::uri`] that say which system a private authority is.
const PRIVATE_SCHEMES: [&str; 5] = ["vault:", "step-ca:", "spiffe:", "cert-manager:", "private-ca:"];

impl AuthorityInstance {
    /// Whose word its certificates are, by the scheme of [`AuthorityInstance::uri`].
    pub fn kind(&self) -> AuthorityKind {
        let private = PRIVATE_SCHEMES.iter().any(|scheme| self.uri.starts_with(scheme));
        if private { AuthorityKind::Private } else { AuthorityKind::Fulcio }
    }

    /// What its leaves must be like: code signing, unless [`AuthorityInstance::uri`] is
    /// `spiffe://TRUST-DOMAIN?leaf-eku=client-auth`.
    pub fn leaf_profile(&self) -> LeafProfile {
        let domain = self.uri.strip_prefix("spiffe://").and_then(|rest| rest.strip_suffix(CLIENT_AUTH));
        domain.and_then(TrustDomain::parse).map_or(LeafProfile::CodeSigning, LeafProfile::X509Svid)
    }

    /// The [`AuthorityInstance::uri`] of a trust domain whose X.509-SVIDs may sign.
    pub fn svid_uri(domain: &TrustDomain) -> String {
        format!("spiffe://{domain}{CLIENT_AUTH}")
    }

    /// The name that people and policies use: `common name (organization)`.
    pub fn name(&self) -> String {
        match (self.common_name.as_str(), self.organization.as_str()) {
            ("", "") => self.uri.clone(),
            (name, "") | ("", name) => name.to_owned(),
            (name, organization) => format!("{name} ({organization})"),
        }
    }

    /// Reads one; `None` when a certificate's key is of a type that we do not use.
    pub(super) fn read(item: &Json<'_>, path: &str) -> Result<Option<Self>, TrustError> {
        use crate::format::x509::CertificateError;
        let mut fields = Fields::of(item, path)?;
        let mut subject = fields.object("subject")?;
        let mut name = |field| -> Result<String, ShapeError> {
            let text = subject.as_mut().map(|subject| subject.string(field)).transpose()?.flatten();
            Ok(text.unwrap_or_default().to_owned())
        };
        let (organization, common_name) = (name("organization")?, name("commonName")?);
        let uri = fields.string("uri")?.unwrap_or_default().to_owned();
        let mut chain_fields = fields.require_object("certChain")?;
        let chain_path = chain_fields.path("certificates");
        let mut chain = Vec::new();
        for (index, item) in chain_fields.items("certificates", limits::CHAIN)?.iter().enumerate() {
            let path = format!("{chain_path}[{index}]");
            let der = Fields::of(item, &path)?.require_bytes("rawBytes")?;
            match Certificate::from_der(&der) {
                Ok(certificate) => chain.push(certificate),
                Err(CertificateError::Key(KeyError::Algorithm(_))) => return Ok(None),
                Err(error) => return Err(TrustError::Certificate { path, error }),
            }
        }
        if chain.is_empty() {
            return Err(ShapeError::Missing { path: chain_path }.into());
        }
        let validity = validity(&mut fields)?;
        Ok(Some(Self { organization, common_name, uri, chain, validity }))
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        let certificates: Vec<_> =
            self.chain.iter().map(|c| serde_json::json!({ "rawBytes": base64::encode(c.der()) })).collect();
        serde_json::json!({
            "subject": { "organization": self.organization, "commonName": self.common_name },
            "uri": self.uri,
            "certChain": { "certificates": certificates },
            "validFor": write_validity(&self.validity),
        })
    }
}

/// A key in SubjectPublicKeyInfo, or in bare PKCS#1 where the type says so (old staging CT logs).
fn read_key(bytes: &[u8], details: &str) -> Result<PublicKey, KeyError> {
    if !details.starts_with("PKCS1_RSA") {
        return PublicKey::from_spki(bytes);
    }
    let algorithm = der::sequence(&[&der::oid(oids::RSA_ENCRYPTION), &der::null()]);
    PublicKey::from_spki(&der::sequence(&[&algorithm, &der::bit_string(bytes)]))
}

/// Reads `validFor`; its start is required.
pub(super) fn validity(fields: &mut Fields<'_, '_>) -> Result<ValidityPeriod, TrustError> {
    let path = fields.path("validFor");
    let malformed = || TrustError::Validity { path: path.clone() };
    let mut period = fields.object("validFor")?.ok_or_else(malformed)?;
    let mut moment = |field| -> Result<Option<UnixTime>, TrustError> {
        let text = period.take(field).map(|value| json::string(value, field)).transpose()?;
        text.map(|text| UnixTime::parse_rfc3339(text).ok_or_else(malformed)).transpose()
    };
    let (start, end) = (moment("start")?.ok_or_else(malformed)?, moment("end")?);
    ValidityPeriod::new(start, end).ok_or_else(malformed)
}

pub(super) fn write_validity(validity: &ValidityPeriod) -> serde_json::Value {
    match validity.end() {
        Some(end) => serde_json::json!({ "start": validity.start().to_string(), "end": end.to_string() }),
        None => serde_json::json!({ "start": validity.start().to_string() }),
    }
}
