//! `verify … --output vsa`: the verdict as a SLSA verification summary, which is signed for later stages in the same
//! call, or attested by another. <https://slsa.dev/spec/v1.1/verification_summary>

mod signed;

use std::collections::BTreeMap;

use sealmark::base::code::Code;
use sealmark::base::crypto::Digest;
use sealmark::base::encoding::json::Json;
use sealmark::base::time::UnixTime;
use sealmark::format::intoto::predicate::{Predicate, SUMMARY_V1};
use sealmark::format::oci::ImageRef;
use serde::Serialize;
use thiserror::Error;

use crate::cli::{SummaryArgs, TrustArgs};
use crate::commands::output::{self, Kind};
use crate::report::{ArtifactVerdict, Failure, Verdict, Verdicts, console, print_json};
use crate::settings::{Expected, Registries};

/// Why there is no summary.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SummaryError {
    /// A summary is about one artifact.
    #[error("a summary is about one artifact, not about {artifacts}")]
    Artifacts { artifacts: usize },
    /// No URI.
    #[error("{text:?} is no URI")]
    Uri { text: String },
    /// A level that the specification does not have, or a second one of a track.
    #[error("{level:?} is no level, or its track has another one already")]
    Level { level: String },
    /// A file cannot have anything attached.
    #[error("a summary is attached to an image, and this is a file")]
    Attach,
    /// Trust without services.
    #[error("the trust that was named has no services that sign")]
    Services,
}

impl SummaryError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Artifacts { .. } => Code::usage("vsa-artifacts", "call it once for each"),
            Self::Uri { .. } => Code::usage("vsa-uri", "write SCHEME:REST, such as https://example.com/verifier"),
            Self::Level { .. } => Code::usage(
                "vsa-level",
                "SLSA_BUILD_LEVEL_0 to 3, one a track; a name of yours does not begin with SLSA_",
            ),
            Self::Attach => Code::usage("vsa-attach", "write it to a file with --summary-bundle FILE"),
            Self::Services => Code::usage(
                "vsa-services",
                "name services with --stack, --trust-config, or --trusted-root and --signing-config",
            ),
        }
    }
}

/// The predicate, version 1: "Fields".
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'s> {
    verifier: Verifier<'s>,
    time_verified: String,
    resource_uri: &'s str,
    policy: Resource,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    input_attestations: Vec<Resource>,
    verification_result: &'static str,
    verified_levels: Vec<&'s str>,
}

#[derive(Debug, Serialize)]
struct Verifier<'s> {
    id: &'s str,
    version: BTreeMap<&'static str, &'static str>,
}

/// A resource descriptor.
#[derive(Debug, Serialize)]
struct Resource {
    uri: String,
    digest: BTreeMap<String, String>,
}

impl Resource {
    fn new(uri: String, digest: &Digest) -> Self {
        Self { uri, digest: [(digest.algorithm().to_string(), digest.hex())].into() }
    }
}

/// What the flags say, checked before anything is looked at.
pub(super) fn check(args: &SummaryArgs, images: bool) -> Result<(), Failure> {
    said(args)?;
    if args.signer.token.says_where() && !args.attach_summary && args.summary_bundle.is_none() {
        return Err(Failure::usage("a token signs a summary: give --summary-bundle FILE or --attach-summary"));
    }
    if args.attach_summary && !images {
        return Err(SummaryError::Attach.into());
    }
    Ok(args.summary_bundle.as_deref().map_or(Ok(()), |path| output::free(path, Kind::Attestation))?)
}

fn said(args: &SummaryArgs) -> Result<(), SummaryError> {
    let uris = [&args.verifier_id, &args.resource_uri, &args.policy_uri];
    if let Some(text) = uris.into_iter().flatten().find(|text| !is_uri(text)) {
        return Err(SummaryError::Uri { text: text.clone() });
    }
    let mut tracks = Vec::new();
    for level in &args.verified_levels {
        let track = track(level).filter(|track| !tracks.contains(track));
        tracks.push(track.ok_or_else(|| SummaryError::Level { level: level.clone() })?);
    }
    Ok(())
}

/// RFC 3986, section 3: a scheme, and nothing that a URI cannot hold.
fn is_uri(text: &str) -> bool {
    let scheme = |scheme: &str| {
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()) && scheme.bytes().all(rest)
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\'));
    plain && text.split_once(':').is_some_and(|(first, rest)| scheme(first) && !rest.is_empty())
}

/// Section "SlsaResult": one level a track, and no names of one's own that begin with `SLSA_`.
fn track(level: &str) -> Option<&str> {
    let Some(rest) = level.strip_prefix("SLSA_") else { return Some(level).filter(|level| *level != "FAILED") };
    let (track, number) = rest.split_once("_LEVEL_")?;
    let known = matches!((track, number), ("BUILD", "0" | "1" | "2" | "3") | ("SOURCE", "1" | "2" | "3" | "4"));
    known.then_some(track)
}

/// Prints the summary of a yes or a no, and signs that of a yes when it is asked for. What could not be decided is
/// neither, and there is none.
pub(super) fn print(
    args: &SummaryArgs,
    verdicts: &Verdicts,
    expected: &Expected,
    trust: &TrustArgs,
    registries: Option<&Registries>,
    now: UnixTime,
) -> Result<(), Failure> {
    let [verdict] = verdicts.artifacts.as_slice() else {
        return Err(SummaryError::Artifacts { artifacts: verdicts.artifacts.len() }.into());
    };
    let (Some(verifier_id), Some(resource_uri), Some(policy)) =
        (&args.verifier_id, &args.resource_uri, &expected.policy_digest)
    else {
        return Err(Failure::usage("a summary needs --policy, --verifier-id and --resource-uri"));
    };
    let passed = match verdict.verdict {
        Verdict::Verified => true,
        Verdict::Refused => false,
        Verdict::Undecided | Verdict::Usage => return Ok(()),
    };
    let levels = args.verified_levels.iter().map(String::as_str).collect();
    let policy_uri = args.policy_uri.clone().unwrap_or_else(|| format!("file:{}", escaped(&expected.source)));
    let summary = Summary {
        verifier: Verifier { id: verifier_id, version: [("sealmark", env!("CARGO_PKG_VERSION"))].into() },
        time_verified: now.to_string(),
        resource_uri,
        policy: Resource::new(policy_uri, policy),
        input_attestations: if passed { inputs(verdict) } else { Vec::new() },
        verification_result: if passed { "PASSED" } else { "FAILED" },
        verified_levels: if passed { levels } else { vec!["FAILED"] },
    };
    let text = serde_json::to_string(&summary).unwrap_or_default();
    // What is printed is read back: it is a summary.
    let json = Json::parse(text.as_bytes()).map_err(|_| Failure::usage("the summary cannot be written"))?;
    Predicate::parse(SUMMARY_V1, &json).map_err(|error| Failure::usage(&error.to_string()))?;
    let about = verdict.image.as_ref().unwrap_or(&verdict.artifact);
    if !args.attach_summary && args.summary_bundle.is_none() {
        print_json(&summary)?;
        console::words(&format!("about {about}; attest it with --type vsa"));
        return Ok(());
    }
    if passed {
        signed::sign(args, verdict, text, trust, registries)?;
    } else {
        console::words(&format!("about {about}: a no is not signed"));
    }
    Ok(print_json(&summary)?)
}

/// All that counted, where each has a digest of its own; else none is named.
fn inputs(verdict: &ArtifactVerdict) -> Vec<Resource> {
    let counted = verdict.signatures.iter().filter(|one| one.verdict == Verdict::Verified);
    let resource = |place: &Option<String>| match ImageRef::parse(place.as_deref()?).ok()? {
        ImageRef::Digested(referrer) => Some(Resource::new(referrer.to_string(), referrer.digest())),
        ImageRef::Tagged(_) => None,
    };
    counted.map(|one| resource(&one.place)).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// A path within a URI.
fn escaped(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~');
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_and_levels() {
        for good in ["https://example.com/v", "pkg:oci/app", "urn:x:y"] {
            assert!(is_uri(good), "{good}");
        }
        for bad in ["", "app", ":x", "https:", "1a:b", "a b:c", "https://x y", "a\u{e9}:b"] {
            assert!(!is_uri(bad), "{bad}");
        }
        for good in ["SLSA_BUILD_LEVEL_3", "SLSA_SOURCE_LEVEL_2", "ACME_REVIEWED"] {
            assert!(track(good).is_some(), "{good}");
        }
        for bad in ["FAILED", "SLSA_BUILD_LEVEL_4", "SLSA_", "SLSA_BUILD_LEVEL_03", "SLSA_OTHER_LEVEL_1"] {
            assert!(track(bad).is_none(), "{bad}");
        }
        assert_eq!(escaped("a b/policy.yaml"), "a%20b/policy.yaml");
    }
}
