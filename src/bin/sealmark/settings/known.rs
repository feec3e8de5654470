//! The name that a trust root has an authority under.

use std::collections::BTreeSet;

use sealmark::format::trust::TrustedRoot;

/// The name for `--certificate-authority` of the authority that `--authority` names and that answers at `at`: of those
/// that `trust add` wrote down as of its system, the one whose place that is. Where a place is no URL, as of
/// cert-manager, it is the only one of the system. `None` when that is none, or several.
pub(crate) fn known_as(root: &TrustedRoot, authority: &str, at: &str) -> Option<String> {
    let system = authority.split(':').next().unwrap_or_default();
    let of_system = root.certificate_authorities.iter().filter_map(|known| {
        let place = match system {
            "spiffe" => known.uri.split('?').next().filter(|uri| uri.starts_with("spiffe://"))?,
            system => known.uri.strip_prefix(system)?.strip_prefix(':')?,
        };
        Some((place, known.name()))
    });
    let (places, named): (Vec<_>, Vec<_>) = of_system.partition(|(place, _)| place.contains("://"));
    let here = places.into_iter().filter(|(place, _)| is_below(at, place)).collect();
    [here, named].into_iter().find_map(only_name)
}

fn is_below(at: &str, place: &str) -> bool {
    let rest = at.strip_prefix(place.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Several chains may stand under one name.
fn only_name(found: Vec<(&str, String)>) -> Option<String> {
    let mut names: BTreeSet<String> = found.into_iter().map(|(_, name)| name).collect();
    names.pop_first().filter(|_| names.is_empty())
}

#[cfg(test)]
mod tests {
    use sealmark::format::trust::Embedded;

    use super::*;

    fn known(uris: &[(&str, &str)], authority: &str, at: &str) -> Option<String> {
        let json = Embedded::PublicGood.trusted_root_json();
        let mut root = TrustedRoot::parse(json.as_bytes()).ok()?;
        let one = root.certificate_authorities.first()?.clone();
        for (uri, name) in uris {
            let mut added = one.clone();
            (added.uri, added.common_name, added.organization) = ((*uri).to_owned(), (*name).to_owned(), String::new());
            root.certificate_authorities.push(added);
        }
        known_as(&root, authority, at)
    }

    #[test]
    fn the_one_at_its_place() {
        let uris = [
            ("vault:https://vault.example/v1/pki", "ci"),
            ("vault:https://vault.example/v1/pki-other", "other"),
            ("step-ca:https://ca.example", "step"),
            ("cert-manager:cluster", "cluster"),
            ("spiffe://example.org?leaf-eku=client-auth", "workloads"),
            ("spiffe://example.org?leaf-eku=client-auth", "workloads"),
        ];
        let found = |authority: &str, at: &str| known(&uris, authority, at);
        assert_eq!(found("vault:pki/ci", "https://vault.example/v1/pki/sign/ci").as_deref(), Some("ci"));
        assert_eq!(found("vault:pki/ci", "https://elsewhere.example/v1/pki/sign/ci"), None);
        assert_eq!(found("step-ca:https://ca.example", "https://ca.example/1.0/sign").as_deref(), Some("step"));
        assert_eq!(found("step-ca:https://ca.example.org", "https://ca.example.org/1.0/sign"), None);
        assert_eq!(found("cert-manager:issuer/ci", "https://10.0.0.1/apis").as_deref(), Some("cluster"));
        assert_eq!(found("spiffe", "spiffe://example.org/ci").as_deref(), Some("workloads"));
        assert_eq!(found("spiffe", "spiffe://example.com/ci"), None);
        let two = [("cert-manager:one", "one"), ("cert-manager:two", "two")];
        assert_eq!(known(&two, "cert-manager:issuer/ci", "https://10.0.0.1/apis"), None);
    }
}
