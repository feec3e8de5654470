//! `trusted_root.json`.

use super::error::TrustError;
use super::instances::{AuthorityInstance, LogInstance};
use crate::base::encoding::json::{Fields, Json};
use crate::base::limits;

/// The media type that we write: sigstore-go and sigstore-python refuse any other.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
const MEDIA_TYPE_V0_2: &str = "application/vnd.dev.sigstore.trustedroot.v0.2+json";

/// Instances of one kind in a trusted root: old ones stay in it for ever.
const INSTANCES: usize = 256;

/// A trusted root. Fields that it may gain later are left alone; whatever is read is read strictly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedRoot {
    /// Transparency logs.
    pub logs: Vec<LogInstance>,
    /// CT logs, which sign SCTs.
    pub ct_logs: Vec<LogInstance>,
    /// Certificate authorities.
    pub certificate_authorities: Vec<AuthorityInstance>,
    /// Timestamp authorities.
    pub timestamp_authorities: Vec<AuthorityInstance>,
    /// Instances that were left out because their keys are of a type that we do not use.
    pub unsupported: Unsupported,
}

/// How many instances of each kind were left out. A kind of which only such instances are listed is not
/// an empty kind: nothing may be waived for its sake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unsupported {
    /// Transparency logs.
    pub logs: usize,
    /// CT logs.
    pub ct_logs: usize,
    /// Certificate authorities.
    pub certificate_authorities: usize,
    /// Timestamp authorities.
    pub timestamp_authorities: usize,
}

impl TrustedRoot {
    /// Parses the document.
    pub fn parse(json: &[u8]) -> Result<Self, TrustError> {
        if json.len() > limits::TRUST_BYTES {
            return Err(TrustError::TooLarge { found: json.len() });
        }
        Self::from_json(&Json::parse(json)?, "")
    }

    pub(super) fn from_json(json: &Json<'_>, path: &str) -> Result<Self, TrustError> {
        let mut fields = Fields::of(json, path)?;
        let media_type = fields.string("mediaType")?.unwrap_or_default();
        if media_type != MEDIA_TYPE && media_type != MEDIA_TYPE_V0_2 {
            let found = media_type.chars().take(128).collect();
            return Err(TrustError::MediaType { found, expected: MEDIA_TYPE });
        }
        let (logs, unsupported_logs) = read(&mut fields, "tlogs", LogInstance::read)?;
        let (ct_logs, unsupported_ct_logs) = read(&mut fields, "ctlogs", LogInstance::read)?;
        let (certificate_authorities, unsupported_cas) =
            read(&mut fields, "certificateAuthorities", AuthorityInstance::read)?;
        let (timestamp_authorities, unsupported_tsas) =
            read(&mut fields, "timestampAuthorities", AuthorityInstance::read)?;
        let unsupported = Unsupported {
            logs: unsupported_logs,
            ct_logs: unsupported_ct_logs,
            certificate_authorities: unsupported_cas,
            timestamp_authorities: unsupported_tsas,
        };
        Ok(Self { logs, ct_logs, certificate_authorities, timestamp_authorities, unsupported })
    }

    /// The document as JSON.
    pub fn to_json(&self) -> String {
        format!("{:#}\n", self.to_value())
    }

    pub(super) fn to_value(&self) -> serde_json::Value {
        let logs = |logs: &[LogInstance]| logs.iter().map(LogInstance::to_json).collect::<Vec<_>>();
        let authorities = |all: &[AuthorityInstance]| all.iter().map(AuthorityInstance::to_json).collect::<Vec<_>>();
        serde_json::json!({
            "mediaType": MEDIA_TYPE,
            "tlogs": logs(&self.logs),
            "certificateAuthorities": authorities(&self.certificate_authorities),
            "ctlogs": logs(&self.ct_logs),
            "timestampAuthorities": authorities(&self.timestamp_authorities),
        })
    }
}

/// Reads the instances of one kind, and counts those that `read_one` leaves out.
fn read<T>(
    fields: &mut Fields<'_, '_>,
    name: &str,
    read_one: fn(&Json<'_>, &str) -> Result<Option<T>, TrustError>,
) -> Result<(Vec<T>, usize), TrustError> {
    let path = fields.path(name);
    let mut found = Vec::new();
    let mut unsupported = 0;
    for (index, item) in fields.items(name, INSTANCES)?.iter().enumerate() {
        match read_one(item, &format!("{path}[{index}]"))? {
            Some(instance) => found.push(instance),
            None => unsupported += 1,
        }
    }
    Ok((found, unsupported))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::trust::Embedded;

    fn code(json: &str) -> &'static str {
        let code = TrustedRoot::parse(json.as_bytes()).unwrap_err().code();
        crate::verify::testing::cases::trusted_root(json.as_bytes(), code);
        code.name()
    }

    #[test]
    fn embedded_roots_round_trip() {
        for embedded in Embedded::ALL {
            let root = TrustedRoot::parse(embedded.trusted_root_json().as_bytes()).unwrap();
            assert!(!root.certificate_authorities.is_empty());
            assert_eq!(TrustedRoot::parse(root.to_json().as_bytes()).unwrap(), root);
        }
    }

    #[test]
    fn l32_r18_validity() {
        let json = Embedded::PublicGood.trusted_root_json();
        let parsed: serde_json::Value = serde_json::from_str(json).unwrap();
        for broken in [
            serde_json::json!({}),
            serde_json::json!({ "end": "2030-01-01T00:00:00Z" }),
            serde_json::json!({ "start": "yesterday" }),
            serde_json::json!({ "start": "2030-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z" }),
        ] {
            let mut root = parsed.clone();
            root["tlogs"][0]["publicKey"]["validFor"] = broken.clone();
            assert_eq!(code(&root.to_string()), "trust-root-parse", "{broken}");
            let mut root = parsed.clone();
            root["certificateAuthorities"][0]["validFor"] = broken;
            assert_eq!(code(&root.to_string()), "trust-root-parse");
        }
    }

    #[test]
    fn r14_wrong_shapes() {
        for json in ["", "{}", "[]", "null", r#"{"mediaType":"application/json"}"#, r#"{"mediaType":1}"#] {
            assert_eq!(code(json), "trust-root-parse", "{json}");
        }
        let json = Embedded::PublicGood.trusted_root_json();
        assert_eq!(code(&json.replacen('{', r#"{"tlogs":[],"#, 1)), "trust-root-parse");
        assert_eq!(code(&" ".repeat(limits::TRUST_BYTES + 1)), "limit-trust-size");
    }

    #[test]
    fn r18_unknown_key_type_is_kept_aside() {
        let mut root: serde_json::Value = serde_json::from_str(Embedded::PublicGood.trusted_root_json()).unwrap();
        // An ML-DSA-44 key's algorithm, with a key that we cannot read.
        root["tlogs"][0]["publicKey"]["rawBytes"] = "MBEwCwYJYIZIAWUDBAMRAwIAAA==".into();
        let parsed = TrustedRoot::parse(root.to_string().as_bytes()).unwrap();
        let before = TrustedRoot::parse(Embedded::PublicGood.trusted_root_json().as_bytes()).unwrap();
        assert_eq!((parsed.unsupported.logs, parsed.logs.len() + 1), (1, before.logs.len()));
    }
}
