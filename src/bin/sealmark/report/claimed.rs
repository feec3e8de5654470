//! What a bundle says, schema `sealmark.inspect/v1`. Nothing in it is proven.

use sealmark::base::encoding::hex;
use sealmark::base::time::UnixTime;
use sealmark::format::bundle::{Content, LogEntry, UnverifiedBundle, VerificationMaterial, Version};
use sealmark::format::checkpoint::Checkpoint;
use sealmark::format::intoto::Statement;
use sealmark::format::oci::SimpleSigning;
use sealmark::format::timestamp::TimestampResponse;
use sealmark::format::x509::{Certificate, FulcioClaims};
use serde::Serialize;

use super::Problem;

/// Something in the bundle, or why it cannot be read.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Readable<T> {
    Yes(T),
    No { error: Problem },
}

impl<T, E: Into<Problem>> From<Result<T, E>> for Readable<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(found) => Self::Yes(found),
            Err(error) => Self::No { error: error.into() },
        }
    }
}

/// In the place of a bundle's version: an older cosign signature.
pub(crate) const LEGACY: &str = "legacy";

/// The claims of one bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claimed {
    pub(crate) version: &'static str,
    pub(crate) signer: ClaimedSigner,
    pub(crate) content: ClaimedContent,
    pub(crate) log_entries: Vec<ClaimedEntry>,
    pub(crate) timestamps: Vec<ClaimedTimestamp>,
}

/// Who is said to have signed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum ClaimedSigner {
    Certificate(Box<ClaimedCertificate>),
    #[serde(rename_all = "camelCase")]
    Key {
        hint: String,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimedCertificate {
    pub(crate) identity: Readable<Identity>,
    pub(crate) issuer: Option<String>,
    pub(crate) claims: Vec<ClaimedClaim>,
    pub(crate) issued_by: String,
    pub(crate) not_before: String,
    pub(crate) not_after: Option<String>,
    pub(crate) key: String,
    pub(crate) serial: String,
    pub(crate) intermediates: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct Identity {
    pub(crate) form: &'static str,
    pub(crate) value: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct ClaimedClaim {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) meaning: &'static str,
}

/// What is said to be signed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum ClaimedContent {
    #[serde(rename_all = "camelCase")]
    Message { digest: Option<String> },
    /// The payload of an older cosign signature.
    #[serde(rename_all = "camelCase")]
    SimpleSigning { payload: Readable<ClaimedImage> },
    #[serde(rename_all = "camelCase")]
    Attestation { payload_type: String, statement: Readable<ClaimedStatement> },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimedImage {
    pub(crate) name: String,
    pub(crate) digest: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimedStatement {
    pub(crate) predicate_type: String,
    pub(crate) subjects: Vec<ClaimedSubject>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ClaimedSubject {
    pub(crate) name: String,
    pub(crate) digests: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimedEntry {
    pub(crate) kind: String,
    pub(crate) log_index: u64,
    pub(crate) log_id: String,
    pub(crate) integrated_time: Option<String>,
    pub(crate) promise: bool,
    pub(crate) proof: Option<ClaimedProof>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimedProof {
    pub(crate) log_index: u64,
    pub(crate) tree_size: u64,
    pub(crate) origin: Option<String>,
    pub(crate) signatures: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimedTimestamp {
    pub(crate) time: Readable<String>,
}

impl From<&UnverifiedBundle> for Claimed {
    fn from(bundle: &UnverifiedBundle) -> Self {
        let version = match bundle.claimed_version() {
            Version::V0_1 => "0.1",
            Version::V0_2 => "0.2",
            Version::V0_3 => "0.3",
        };
        let signer = match bundle.claimed_material() {
            VerificationMaterial::Certificate(material) => certificate(&material.leaf, material.intermediates.len()),
            VerificationMaterial::PublicKey { hint, .. } => ClaimedSigner::Key { hint: hint.clone() },
        };
        Self {
            version,
            signer,
            content: bundle.claimed_content().into(),
            log_entries: bundle.claimed_log_entries().iter().map(ClaimedEntry::from).collect(),
            timestamps: bundle.claimed_timestamps().iter().map(|der| ClaimedTimestamp { time: time(der) }).collect(),
        }
    }
}

fn certificate(leaf: &Certificate, intermediates: usize) -> ClaimedSigner {
    let claims = FulcioClaims::read(leaf).unwrap_or_default();
    let identity = leaf.san().map(|san| Identity { form: san.form(), value: san.to_string() });
    let list = claims.iter().map(|(claim, value)| ClaimedClaim {
        name: claim.name,
        value: value.to_owned(),
        meaning: claim.meaning,
    });
    ClaimedSigner::Certificate(Box::new(ClaimedCertificate {
        identity: identity.into(),
        issuer: claims.issuer().map(str::to_owned),
        claims: list.collect(),
        issued_by: leaf.issuer().to_string(),
        not_before: leaf.validity().start().to_string(),
        not_after: leaf.validity().end().map(|end| end.to_string()),
        key: leaf.public_key().kind().to_string(),
        serial: hex::encode(leaf.serial()),
        intermediates,
    }))
}

impl From<&Content> for ClaimedContent {
    fn from(content: &Content) -> Self {
        match content {
            Content::Message { digest, .. } => Self::Message { digest: digest.map(|digest| digest.to_string()) },
            Content::SimpleSigning { payload, .. } => {
                Self::SimpleSigning { payload: SimpleSigning::parse(payload).map(ClaimedImage::from).into() }
            }
            Content::Dsse(envelope) => Self::Attestation {
                payload_type: envelope.payload_type.clone(),
                statement: Statement::parse(&envelope.payload).map(ClaimedStatement::from).into(),
            },
        }
    }
}

impl From<SimpleSigning> for ClaimedImage {
    fn from(payload: SimpleSigning) -> Self {
        Self { name: payload.docker_reference, digest: payload.manifest_digest.to_string() }
    }
}

impl From<Statement> for ClaimedStatement {
    fn from(statement: Statement) -> Self {
        let subjects = statement.subjects.into_iter().map(|subject| ClaimedSubject {
            name: subject.name,
            digests: subject.digests.iter().map(ToString::to_string).collect(),
        });
        Self { predicate_type: statement.predicate_type, subjects: subjects.collect() }
    }
}

impl From<&LogEntry> for ClaimedEntry {
    fn from(entry: &LogEntry) -> Self {
        let proof = entry.inclusion_proof.as_ref().map(|proof| {
            let checkpoint = proof.checkpoint.as_deref().and_then(|text| Checkpoint::parse(text).ok());
            ClaimedProof {
                log_index: proof.log_index,
                tree_size: proof.tree_size,
                origin: checkpoint.as_ref().map(|(checkpoint, _)| checkpoint.origin().to_owned()),
                signatures: checkpoint.map_or(0, |(_, note)| note.signatures().len()),
            }
        });
        let seconds = i64::try_from(entry.integrated_time).ok().filter(|seconds| *seconds != 0);
        Self {
            kind: format!("{} {}", entry.kind, entry.version),
            log_index: entry.log_index,
            log_id: hex::encode(&entry.log_id),
            integrated_time: seconds.map(|seconds| UnixTime::from_secs(seconds).to_string()),
            promise: entry.inclusion_promise.is_some(),
            proof,
        }
    }
}

fn time(response: &[u8]) -> Readable<String> {
    match TimestampResponse::parse(response) {
        Ok(TimestampResponse::Granted(token)) => Readable::Yes(token.info.time.to_string()),
        Ok(TimestampResponse::Rejected(_)) => Readable::Yes("none: the authority refused the request".to_owned()),
        Err(error) => Readable::No { error: error.into() },
    }
}
