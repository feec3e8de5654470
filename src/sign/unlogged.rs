//! A signature whose time is proven, and which no log has taken: kept aside until one does.

use super::completion::{Completion, Signed};
use super::error::SignError;
use super::services::Services;
use crate::base::crypto::PublicKey;
use crate::base::encoding::base64;
use crate::base::encoding::json::{Fields, Json};
use crate::base::limits;
use crate::format::bundle::{Content, UnverifiedBundle, VerificationMaterial};
use crate::format::intoto::Statement;
use crate::service::environment::Environment;
use crate::verify::{Artifact, SignedBy, Verifier};

/// What the document calls itself: no verifier takes it for a bundle.
const SCHEMA: &str = "sealmark.unlogged/v1";

/// A signature with its timestamps and without a log entry. It proves nothing until [`finish`](Self::finish)
/// has logged and verified it.
///
/// There is one only where the log proves no time by itself: the timestamp says when the certificate was used,
/// so that the entry may come after the certificate's end.
#[derive(Debug, Clone)]
pub struct Unlogged {
    bundle: UnverifiedBundle,
    /// Of a signature without a certificate.
    key: Option<PublicKey>,
}

impl Unlogged {
    pub(super) fn new(bundle: UnverifiedBundle, key: Option<&PublicKey>) -> Self {
        Self { bundle, key: key.cloned() }
    }

    /// What was signed, unverified.
    pub fn claimed_content(&self) -> &Content {
        self.bundle.claimed_content()
    }

    /// A document that [`Self::parse`] reads, with what the caller says of it: where the bundle is to go, say.
    pub fn to_json(&self, about: &[(&str, &str)]) -> String {
        let mut document = serde_json::json!({ "schema": SCHEMA, "unlogged": self.bundle.to_json() });
        if let Some(key) = &self.key {
            document["key"] = base64::encode(key.spki()).into();
        }
        for (name, value) in about {
            document[*name] = (*value).into();
        }
        format!("{document:#}\n")
    }

    /// Reads a document, and what was said of it under these names.
    ///
    /// # Errors
    ///
    /// [`SignError::Spooled`].
    pub fn parse<const N: usize>(json: &[u8], about: [&str; N]) -> Result<(Self, [String; N]), SignError> {
        let unreadable = |what: &str| SignError::Spooled { what: what.to_owned() };
        if json.len() > limits::SPOOLED_BYTES {
            return Err(unreadable("it is too long"));
        }
        let json = Json::parse(json).map_err(|error| unreadable(&error.to_string()))?;
        let mut fields = Fields::of(&json, "").map_err(|error| unreadable(&error.to_string()))?;
        let mut text = |name: &str| fields.require_string(name).map_err(|error| unreadable(&error.to_string()));
        if text("schema")? != SCHEMA {
            return Err(unreadable("its schema is another"));
        }
        let bundle = UnverifiedBundle::parse(text("unlogged")?.as_bytes())?;
        let mut said = [const { String::new() }; N];
        for (place, name) in said.iter_mut().zip(about) {
            text(name)?.clone_into(place);
        }
        let key = fields.bytes("key").map_err(|error| unreadable(&error.to_string()))?;
        let key = key.map(|spki| PublicKey::from_spki(&spki)).transpose();
        let key = key.map_err(|error| unreadable(&error.to_string()))?;
        if !bundle.claimed_log_entries().is_empty() {
            return Err(unreadable("it has a log entry already"));
        }
        Ok((Self { bundle, key }, said))
    }

    /// Logs the signature and verifies the whole. Before anything is sent, all but the log is verified; the
    /// same signature logged twice is one entry.
    ///
    /// # Errors
    ///
    /// [`SignError`]; [`SignError::Unlogged`] again when no log takes it now.
    pub async fn finish(
        &self,
        services: &Services,
        verifier: &Verifier,
        environment: &dyn Environment,
    ) -> Result<Signed, SignError> {
        let signed_by = match (self.bundle.claimed_material(), &self.key) {
            (VerificationMaterial::Certificate(material), None) => SignedBy::Certificate(&material.leaf),
            (VerificationMaterial::PublicKey { .. }, Some(key)) => SignedBy::Key(key),
            _ => return Err(SignError::Spooled { what: "it has not exactly one of certificate and key".to_owned() }),
        };
        let artifact = self.artifact()?;
        let completion = Completion { services, verifier, environment, signed_by };
        let checked = verifier.check_unlogged(&artifact, &self.bundle, signed_by, completion.latest());
        checked.map_err(|error| completion.refused(error))?;
        completion.finish(&self.bundle, &artifact).await
    }

    /// The artifact, by the digest that was signed.
    fn artifact(&self) -> Result<Artifact<'static>, SignError> {
        let digest = match self.bundle.claimed_content() {
            Content::Message { digest, .. } => *digest,
            Content::Dsse(envelope) => {
                let statement = Statement::parse(&envelope.payload)?;
                statement.subjects.iter().flat_map(|subject| &subject.digests).next().copied()
            }
            Content::SimpleSigning { .. } => None,
        };
        digest.map(Artifact::from_digest).ok_or_else(|| SignError::Spooled { what: "it names no digest".to_owned() })
    }
}
