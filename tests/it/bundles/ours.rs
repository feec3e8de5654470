//! Our own verdict on a row, through the library's one decision function.

use sealmark::admit::{self, Trust};
use sealmark::base::crypto::PublicKey;
use sealmark::base::time::UnixTime;
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::trust::TrustedRoot;
use sealmark::policy::{Matcher, Policy, Rule};
use sealmark::verify::{Artifact, KeyTrust, Promise, Verifier};

use super::row::{self, Row};

/// How a row's artifact is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// Its bytes, where the row has them.
    Bytes,
    /// Its digest alone.
    Digest,
}

/// A verdict: admitted, or the code that it was refused with and the words.
pub(crate) type Verdict = Result<(), (String, String)>;

/// The trust that a row's identity and issuer, or its key, spell out.
pub(crate) fn trust(row: &Row, promise: Promise) -> Trust {
    match &row.key {
        Some(key) => Trust::Key(Box::new(KeyTrust::logged(PublicKey::from_pem(key).unwrap()).promise(promise))),
        None => {
            // Some rows of malformed bundles name nobody: then nobody is who may sign.
            let exact = |text: &str| Matcher::exact(if text.is_empty() { "nobody" } else { text }).unwrap();
            let rule = Rule::named("row").identity(exact(&row.identity)).issuer(exact(&row.issuer));
            Trust::Policy(Policy::of(rule.promise(promise).build().unwrap()))
        }
    }
}

/// Decides over a row.
pub(crate) fn verdict(row: &Row, given: Given, trust: &Trust) -> Verdict {
    let refused = |code: &str, words: String| (code.to_owned(), words);
    let root =
        TrustedRoot::parse(&row.trusted_root).map_err(|error| refused(error.code().name(), error.to_string()))?;
    let verifier = Verifier::new(&root).map_err(|error| refused(error.code().name(), error.to_string()))?;
    let artifact = match (&row.artifact, given) {
        (row::Artifact::File(bytes), Given::Bytes) => Artifact::from_bytes(bytes),
        (row::Artifact::File(bytes), Given::Digest) => {
            Artifact::from_digest(Artifact::from_bytes(bytes).shown_digest())
        }
        _ => Artifact::parse_digest(&row.digest()).map_err(|error| refused(error.code().name(), error.to_string()))?,
    };
    let bundles = [UnverifiedBundle::parse(&row.bundle)];
    let decision = admit::decide(&verifier, trust, &artifact, &bundles, now());
    match decision.refused() {
        None => Ok(()),
        Some(reason) => Err(refused(reason.code().name(), reason.to_string())),
    }
}

/// After every vector was made: 2026-11-01.
pub(crate) fn now() -> UnixTime {
    UnixTime::parse_rfc3339("2026-11-01T00:00:00Z").unwrap()
}
