//! Single values of the document.

use super::error::PolicyError;
use super::yaml::Node;
use crate::base::crypto::Digest;
use crate::base::time::UnixTime;
use crate::format::checkpoint::WitnessKey;
use crate::policy::Mode;

const DENIED: &[&str] = &["digest", "reason"];

pub(super) fn mode(node: &Node) -> Result<Mode, PolicyError> {
    match node.text("mode")? {
        "enforce" => Ok(Mode::Enforce),
        "warn" => Ok(Mode::Warn),
        "audit" => Ok(Mode::Audit),
        _ => Err(node.wrong("`mode` is enforce, warn or audit")),
    }
}

pub(super) fn denied(node: &Node) -> Result<(Digest, Option<String>), PolicyError> {
    let fields = node.fields("a denied digest", DENIED)?;
    let digest = fields.require("digest")?;
    let parsed = Digest::parse(digest.text("digest")?);
    let parsed = parsed.ok_or_else(|| digest.wrong("`digest` is sha256:…, sha384:… or sha512:…, in lower case"))?;
    Ok((parsed, reason(fields.text("reason")?)))
}

pub(super) fn reason(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| text.chars().take(256).collect())
}

pub(super) fn witnesses(nodes: &[Node]) -> Result<Vec<WitnessKey>, PolicyError> {
    let one = |node: &Node| {
        WitnessKey::parse(node.text("witnesses")?).map_err(|error| node.wrong(format!("a witness's key: {error}")))
    };
    nodes.iter().map(one).collect()
}

pub(super) fn moment(node: &Node, name: &str) -> Result<UnixTime, PolicyError> {
    let time = UnixTime::parse_rfc3339(node.text(name)?);
    time.ok_or_else(|| node.wrong(format!("`{name}` is a moment such as 2026-10-01T00:00:00Z")))
}

/// `90d`, `24h`, `30m`, `45s`: a number of at least one, and a unit. In seconds.
pub(super) fn duration(node: &Node, name: &str) -> Result<u64, PolicyError> {
    let wrong = || node.wrong(format!("`{name}` is a duration such as 90d, 24h, 30m or 45s, and not zero"));
    let text = node.text(name)?;
    let unit = match text.chars().last() {
        Some('d') => 86_400,
        Some('h') => 3600,
        Some('m') => 60,
        Some('s') => 1,
        _ => return Err(wrong()),
    };
    let number = text.get(..text.len() - 1).unwrap_or_default();
    let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    let number: u64 = number.parse::<u32>().ok().filter(|_| plain).map(u64::from).ok_or_else(wrong)?;
    number.checked_mul(unit).ok_or_else(wrong)
}
