//! `client_trust_config.json`: a trusted root and a signing config in one document.

use super::error::TrustError;
use super::{SigningConfig, TrustedRoot};
use crate::base::encoding::json::{Fields, Json};
use crate::base::limits;

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";

/// Everything that a client needs to sign with an instance and to verify what it signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTrustConfig {
    /// Whom to believe.
    pub trusted_root: TrustedRoot,
    /// What to sign with.
    pub signing_config: SigningConfig,
}

impl ClientTrustConfig {
    /// Whether a document says that it is one.
    pub fn is_one(json: &[u8]) -> bool {
        json.len() <= limits::TRUST_BYTES
            && Json::parse(json).is_ok_and(|json| json.member("mediaType").and_then(Json::as_str) == Some(MEDIA_TYPE))
    }

    /// Parses the document.
    pub fn parse(json: &[u8]) -> Result<Self, TrustError> {
        if json.len() > limits::TRUST_BYTES {
            return Err(TrustError::TooLarge { found: json.len() });
        }
        let json = Json::parse(json)?;
        let mut fields = Fields::of(&json, "")?;
        let media_type = fields.string("mediaType")?.unwrap_or_default();
        if media_type != MEDIA_TYPE {
            let found = media_type.chars().take(128).collect();
            return Err(TrustError::MediaType { found, expected: MEDIA_TYPE });
        }
        Ok(Self {
            trusted_root: TrustedRoot::from_json(fields.require("trustedRoot")?, "trustedRoot")?,
            signing_config: SigningConfig::from_json(fields.require("signingConfig")?, "signingConfig")?,
        })
    }

    /// The document as JSON.
    pub fn to_json(&self) -> String {
        let value = serde_json::json!({
            "mediaType": MEDIA_TYPE,
            "trustedRoot": self.trusted_root.to_value(),
            "signingConfig": self.signing_config.to_value(),
        });
        format!("{value:#}\n")
    }
}
