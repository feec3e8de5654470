//! One line for each check that was performed, from the proof object alone, and what was not checked.

use std::collections::BTreeMap;

use sealmark::base::encoding::hex;
use sealmark::format::trust::LeafProfile;
use sealmark::verify::log::Inclusion;
use sealmark::verify::{Signer, TimeSource, Verified, Waiver, Witnessed};
use serde::Serialize;

use super::text::thousands;

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Performed, and it holds.
    Ok,
    /// Holds in a weaker form that the caller allowed.
    Weak,
    /// Not performed, because the caller or the trusted root waived it.
    Waived,
}

impl Status {
    /// The word in reports.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Weak => "weak",
            Self::Waived => "waived",
        }
    }
}

/// A check.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) status: Status,
    pub(crate) detail: String,
}

/// Who signed, proven.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum SignerShown {
    #[serde(rename_all = "camelCase")]
    Certificate {
        identity: String,
        form: &'static str,
        issuer: Option<String>,
        authority: String,
        claims: BTreeMap<&'static str, String>,
    },
    #[serde(rename_all = "camelCase")]
    Key { key: String, spki_sha256: String },
}

impl From<&Signer> for SignerShown {
    fn from(signer: &Signer) -> Self {
        match signer {
            Signer::Certificate(signer) => Self::Certificate {
                identity: signer.san().to_string(),
                form: signer.san().form(),
                issuer: signer.issuer().map(str::to_owned),
                authority: signer.authority().to_owned(),
                claims: signer.claims().iter().map(|(claim, value)| (claim.name, value.to_owned())).collect(),
            },
            Signer::Key(key) => Self::Key { key: key.kind().to_string(), spki_sha256: hex::encode(&key.spki_sha256()) },
        }
    }
}

/// The checks that the proof holds, in the order in which a reader asks for them. `length` is how many
/// bytes of the artifact were read; none for a digest.
pub(crate) fn checks(verified: &Verified, length: Option<u64>) -> Vec<Check> {
    let ok = |name, detail| Check { name, status: Status::Ok, detail };
    let mut checks = vec![ok("signature", signature(verified, length))];
    match verified.signer() {
        Signer::Certificate(signer) => {
            checks.push(ok("signer", format!("{} ({})", signer.san(), signer.san().form())));
            checks.extend(signer.issuer().map(|issuer| ok("issuer", issuer.to_owned())));
        }
        Signer::Key(key) => {
            checks.push(ok(
                "signer",
                format!("the given {} key, sha256:{}", key.kind(), hex::encode(&key.spki_sha256())),
            ));
        }
    }
    for proven in verified.evidence().times() {
        let by = match proven.source() {
            TimeSource::Log(log) => format!("signed by log {log}"),
            TimeSource::TimestampAuthority(authority) => format!("timestamp by {authority}"),
        };
        checks.push(ok("signing time", format!("{}, {by}", proven.time())));
    }
    if let Signer::Certificate(signer) = verified.signer() {
        let use_of = match signer.leaf_profile() {
            LeafProfile::CodeSigning => String::new(),
            LeafProfile::X509Svid(domain) => {
                format!("; an X.509-SVID, not for code signing, which the trust root lets {domain} sign with")
            }
        };
        let detail = format!("leads to {}, valid at every proven time{use_of}", signer.authority());
        checks.push(ok("certificate", detail));
    }
    sct(verified, &mut checks);
    log(verified, &mut checks);
    checks
}

fn signature(verified: &Verified, length: Option<u64>) -> String {
    let scheme = verified.evidence().signature().scheme();
    let artifact = match length {
        Some(length) => format!("the {} bytes read", thousands(length)),
        None => "the artifact with the given digest".to_owned(),
    };
    if let Some(payload) = verified.payload() {
        let name = &payload.docker_reference;
        return format!("{scheme}, over an older cosign payload about {artifact}, called {name:?}");
    }
    match verified.statement() {
        None => format!("{scheme}, over {artifact}"),
        Some(statement) => {
            format!("{scheme}, over a statement of type {}, a subject of which is {artifact}", statement.predicate_type)
        }
    }
}

fn sct(verified: &Verified, checks: &mut Vec<Check>) {
    match verified.evidence().sct() {
        Witnessed::By(valid) => {
            for log in valid.logs() {
                let detail = format!("by {} at {}", log.url(), log.time());
                checks.push(Check { name: "SCT", status: Status::Ok, detail });
            }
        }
        // A key has no certificate, so there is nothing that a CT log could have seen.
        Witnessed::Waived(Waiver::KeyTrust) => {}
        Witnessed::Waived(waiver) => checks.push(waived("SCT", *waiver)),
    }
}

fn log(verified: &Verified, checks: &mut Vec<Check>) {
    let entries = match verified.evidence().log() {
        Witnessed::By(entries) => entries,
        Witnessed::Waived(waiver) => return checks.push(waived("transparency", *waiver)),
    };
    for entry in entries {
        let place = match entry.log_index() {
            Some(index) => format!("entry {} of {}", thousands(index), entry.base_url()),
            None => format!("an entry of {}", entry.base_url()),
        };
        let (kind, version) = entry.kind_version();
        let bound = format!("{place} ({kind} {version}) is about this signature, signer and artifact");
        checks.push(Check { name: "transparency", status: Status::Ok, detail: bound });
        let (status, detail) = match entry.inclusion() {
            Inclusion::Proof { tree_size, origin, .. } => {
                (Status::Ok, format!("proven, in a tree of {} signed as {origin}", thousands(*tree_size)))
            }
            Inclusion::PromiseOnly => (Status::Weak, "inclusion: promise only".to_owned()),
        };
        checks.push(Check { name: "inclusion", status, detail });
        if let Inclusion::Proof { cosignatures, .. } = entry.inclusion()
            && !cosignatures.is_empty()
        {
            checks.push(Check { name: "witnesses", status: Status::Ok, detail: cosignatures.join(", ") });
        }
    }
}

fn waived(name: &'static str, waiver: Waiver) -> Check {
    let detail = match waiver {
        Waiver::TrustedRootHasNone => "not asked for: the trust root has no such log",
        Waiver::KeyTrust => "not asked for: --log-not-required-unsafe",
        Waiver::PrivateAuthority => "not asked for: the trust root has the authority as a private one",
    };
    Check { name, status: Status::Waived, detail: detail.to_owned() }
}

/// What no check here can tell, so that nobody takes it for granted.
pub(crate) fn not_checked(verified: &Verified) -> Vec<String> {
    let mut list = vec!["what the artifact does".to_owned(), "whether the signer's account was stolen".to_owned()];
    if verified.statement().is_some() {
        list.push("what the predicate says".to_owned());
    }
    let witnessed =
        |inclusion: &Inclusion| matches!(inclusion, Inclusion::Proof { cosignatures, .. } if !cosignatures.is_empty());
    if !verified.evidence().entries().iter().any(|entry| witnessed(entry.inclusion())) {
        list.push("whether the log shows everyone the same tree (no witness)".to_owned());
    }
    if verified.evidence().rests_on_promise() {
        list.push("whether the log kept its promise to include the entry".to_owned());
    }
    match verified.evidence().unknown_timestamps() {
        0 => {}
        count => list.push(format!("{count} timestamps of authorities that the trust root does not know")),
    }
    list
}
