//! The verifiers that run here.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::format::trust::TrustedRoot;

use crate::Verdict;
use crate::row::{Artifact, Row};

/// A verifier of the Sigstore project, in Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// `sigstore-verify` 0.15.1
    SigstoreVerify,
    /// `sigstore` 0.15.0
    Sigstore,
}

impl Peer {
    pub(crate) const ALL: [Self; 2] = [Self::SigstoreVerify, Self::Sigstore];

    /// The name in the table of differences.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SigstoreVerify => "sigstore-verify",
            Self::Sigstore => "sigstore",
        }
    }

    /// Its verdict; a panic is a refusal that says so.
    pub(crate) fn verdict(self, row: &Row) -> Verdict {
        let verify = || match self {
            Self::SigstoreVerify => sigstore_verify(row),
            Self::Sigstore => sigstore(row),
        };
        catch_unwind(AssertUnwindSafe(verify)).unwrap_or_else(|_| Err("it panicked".to_owned()))
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn sigstore_verify(row: &Row) -> Verdict {
    use sigstore_verify::trust_root::TrustedRoot;
    use sigstore_verify::types::{self, ArtifactDigest, Bundle, DerPublicKey, HashAlgorithm};
    use sigstore_verify::{Policy, PublicKeyVerificationPolicy, VerificationPolicy, Verifier};

    let root = TrustedRoot::from_json(text(&row.trusted_root)?).map_err(words)?;
    let verifier = Verifier::new(&root).map_err(words)?;
    let bundle = Bundle::from_json(text(&row.bundle)?).map_err(words)?;
    let policy: Box<dyn Policy> = match &row.key {
        Some(key) => Box::new(PublicKeyVerificationPolicy::new(DerPublicKey::from_pem(key).map_err(words)?)),
        None => Box::new(VerificationPolicy::new(row.identity.as_str(), row.issuer.as_str())),
    };
    let artifact = match &row.artifact {
        Artifact::File(bytes) => types::Artifact::from_blob(bytes),
        _ => {
            let digest = Digest::parse(&row.digest()).ok_or("no digest")?;
            let algorithm = match digest.algorithm() {
                DigestAlgorithm::Sha256 => HashAlgorithm::Sha2256,
                DigestAlgorithm::Sha384 => HashAlgorithm::Sha2384,
                DigestAlgorithm::Sha512 => HashAlgorithm::Sha2512,
            };
            types::Artifact::from_digest(ArtifactDigest::new(algorithm, digest.as_bytes().to_vec()).map_err(words)?)
        }
    };
    verifier.verify(artifact, &bundle, policy.as_ref()).map(|_| ()).map_err(words)
}

fn sigstore(row: &Row) -> Verdict {
    use sigstore::bundle::Bundle;
    use sigstore::bundle::verify::policy::Identity;
    use sigstore::bundle::verify::{ArtifactDigest, blocking::Verifier};
    use sigstore::trust::ManualTrustRoot;

    if row.key.is_some() {
        return Err("it verifies no bundles of bare keys".to_owned());
    }
    let root = TrustedRoot::parse(&row.trusted_root).map_err(words)?;
    let certificates = root.certificate_authorities.iter().flat_map(|authority| &authority.chain);
    let keys = |logs: &[sealmark::format::trust::LogInstance]| -> BTreeMap<String, Vec<u8>> {
        logs.iter().map(|log| (format!("{:?}", log.log_id), log.key.spki().to_vec())).collect()
    };
    let root = ManualTrustRoot {
        fulcio_certs: certificates.map(|certificate| certificate.der().to_vec().into()).collect(),
        rekor_keys: keys(&root.logs),
        ctfe_keys: keys(&root.ct_logs),
    };
    let verifier = Verifier::new(Default::default(), root).map_err(words)?;
    let bundle: Bundle = serde_json::from_slice(&row.bundle).map_err(words)?;
    let digest = match &row.artifact {
        Artifact::File(bytes) => Digest::of(DigestAlgorithm::Sha256, bytes),
        _ => Digest::parse(&row.digest()).ok_or("no digest")?,
    };
    let digest = match digest.algorithm() {
        DigestAlgorithm::Sha256 => ArtifactDigest::Sha256(digest.as_bytes().try_into().map_err(words)?),
        DigestAlgorithm::Sha512 => ArtifactDigest::Sha512(digest.as_bytes().try_into().map_err(words)?),
        DigestAlgorithm::Sha384 => return Err("it takes no sha384".to_owned()),
    };
    let policy = Identity::new(&row.identity, &row.issuer);
    verifier.verify_digest_with(digest, bundle, &policy, true).map_err(words)
}

/// A verdict out of `EXPECT.tsv`; `None` where the peer was not asked the row's question.
pub(crate) fn recorded(cell: &str, instance: &str) -> Option<Verdict> {
    if cell.is_empty() || cell.starts_with("NO-ARTIFACT") || cell.starts_with("n/a") {
        return None;
    }
    // sigstore-python was run with several roots: `prod:REJECT …; staging:ACCEPT`.
    let run = cell.split("; ").find_map(|run| run.strip_prefix(instance)?.strip_prefix(':'));
    if let Some(run) = run {
        return Some(if run.starts_with("ACCEPT") { Ok(()) } else { Err(run.to_owned()) });
    }
    // sigstore-js: the root that it accepted with, if it did with any.
    match cell.strip_prefix("ACCEPT root=") {
        Some(root) => (root == instance).then_some(Ok(())),
        None => (!cell.contains("ACCEPT")).then(|| Err(cell.to_owned())),
    }
}
