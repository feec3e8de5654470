//! What is refused before metadata is verified: JSON that two readers may read differently, keys that count twice,
//! names that lead elsewhere.

use std::collections::BTreeSet;

use super::TufError;
use crate::base::encoding::json::Json;

/// Refuses metadata that is not one strict JSON document, and a role that lists one key under two names: it would
/// reach a threshold by itself.
pub(super) fn check(metadata: &[u8]) -> Result<(), TufError> {
    let json = Json::parse(metadata).map_err(|error| TufError::Parse { problem: error.to_string() })?;
    let Some(signed) = json.member("signed") else {
        return Err(TufError::Parse { problem: "signed is missing".to_owned() });
    };
    let delegations = signed.member("delegations");
    for holder in [Some(signed), delegations].into_iter().flatten() {
        let Some(Json::Object(keys)) = holder.member("keys") else { continue };
        let roles: Vec<&Json<'_>> = match holder.member("roles") {
            Some(Json::Object(roles)) => roles.iter().map(|(_, role)| role).collect(),
            Some(Json::Array(roles)) => roles.iter().collect(),
            _ => continue,
        };
        for role in roles {
            let Some(Json::Array(ids)) = role.member("keyids") else { continue };
            let mut seen = BTreeSet::new();
            for id in ids.iter().filter_map(Json::as_str) {
                let key = keys.iter().find(|(name, _)| name == id).map(|(_, key)| key);
                let public = key.and_then(|key| key.member("keyval")?.member("public")?.as_str());
                // An id twice, and one key by two ids.
                if !seen.insert(public.unwrap_or(id).trim().to_ascii_lowercase()) {
                    return Err(TufError::Threshold { key: id.chars().take(80).collect() });
                }
            }
        }
    }
    Ok(())
}

/// Refuses names that could lead out of a folder, on any system.
pub(super) fn name(name: &str) -> Result<(), TufError> {
    const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];
    let refused = || TufError::Name { name: name.chars().take(80).collect() };
    if name.is_empty() || name.len() > 255 || name.chars().any(|c| c.is_control() || c == '\\' || c == ':') {
        return Err(refused());
    }
    let bad = |part: &str| {
        let lower = part.to_ascii_lowercase();
        let stem = part.split('.').next().unwrap_or(part).to_ascii_uppercase();
        matches!(part, "" | "." | "..") || lower.contains("%2e") || lower.contains("%2f") || DEVICES.contains(&&*stem)
    };
    if name.split('/').any(bad) { Err(refused()) } else { Ok(()) }
}

/// One file name for a path of segments.
pub(super) fn file_name(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F")
}
