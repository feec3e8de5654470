//! Roles that delegate: order, ends, circles, depth, paths and signatures.

use super::*;

/// A role: its name, whether it lists the target, and whom it delegates to (name, path, whether the search ends there).
struct Role {
    name: String,
    lists: bool,
    delegates: Vec<(String, &'static str, bool)>,
}

fn role(name: &str, lists: bool, delegates: &[(&str, &'static str, bool)]) -> Role {
    let delegates = delegates.iter().map(|(name, path, ends)| ((*name).to_owned(), *path, *ends)).collect();
    Role { name: name.to_owned(), lists, delegates }
}

/// A repository with these roles, the first of them `targets`; the others are signed by the key that is delegated to,
/// or by another one.
fn repository(roles: &[Role], other: Option<&Key>) -> Repo {
    let mut repo = Repo::new();
    let online = repo.online.clone();
    let digest = hex::encode(&sha256(&[&repo.target]));
    let mut meta = serde_json::Map::new();
    for role in roles {
        let mut value = repo.common(TARGETS, "targets");
        let target = serde_json::json!({ "length": repo.target.len(), "hashes": { "sha256": digest } });
        value["targets"] = if role.lists { serde_json::json!({ TRUSTED_ROOT: target }) } else { serde_json::json!({}) };
        let delegated = |(name, path, ends): &(String, &str, bool)| {
            serde_json::json!({
                "name": name, "keyids": [online.id()], "threshold": 1, "paths": [path], "terminating": ends,
            })
        };
        let all: Vec<_> = role.delegates.iter().map(delegated).collect();
        value["delegations"] = serde_json::json!({ "keys": { online.id(): online.json() }, "roles": all });
        let key = other.filter(|_| role.name != "targets").unwrap_or(&online);
        let bytes = signed(&value, &[key]);
        meta.insert(format!("{}.json", role.name), Repo::meta(1, &bytes));
        repo.files.insert(format!("1.{}.json", role.name), bytes);
    }
    let mut snapshot = repo.common(SNAPSHOT, "snapshot");
    snapshot["meta"] = meta.into();
    let snapshot = signed(&snapshot, &[&online]);
    let mut timestamp = repo.common(TIMESTAMP, "timestamp");
    timestamp["meta"] = serde_json::json!({ "snapshot.json": Repo::meta(1, &snapshot) });
    repo.files.insert("1.snapshot.json".to_owned(), snapshot);
    repo.files.insert("timestamp.json".to_owned(), signed(&timestamp, &[&online]));
    repo
}

/// What comes of an update, and how many requests it took.
fn update(roles: &[Role], other: Option<&Key>) -> (String, usize) {
    let scene = Scene::new(&repository(roles, other));
    let code = scene.update_at(NOW).map_or_else(|error| error.code().name().to_owned(), |_| "accept".to_owned());
    (code, scene.host.server.received().len())
}

fn code(roles: &[Role]) -> String {
    update(roles, None).0
}

#[test]
fn r13_delegations_are_followed_in_their_order() {
    let all = "*.json";
    let found =
        [role("targets", false, &[("a", all, false), ("b", all, false)]), role("a", false, &[]), role("b", true, &[])];
    assert_eq!(code(&found), "accept");
    let deep =
        [role("targets", false, &[("a", all, false)]), role("a", false, &[("b", all, false)]), role("b", true, &[])];
    assert_eq!(code(&deep), "accept");
    // Whoever is asked last is not asked after the one that ends the search.
    let ended =
        [role("targets", false, &[("a", all, true), ("b", all, false)]), role("a", false, &[]), role("b", true, &[])];
    assert_eq!(code(&ended), "trust-target");
    // A role speaks of its own paths only.
    for path in ["other/*", "*.txt", "*/trusted_root.json"] {
        let elsewhere = [role("targets", false, &[("a", path, false)]), role("a", true, &[])];
        assert_eq!(code(&elsewhere), "trust-target", "{path}");
    }
    let unsigned = [role("targets", false, &[("a", all, false)]), role("a", true, &[])];
    assert_eq!(update(&unsigned, Some(&Key::new())).0, "trust-signatures");
}

#[test]
fn r13_circles_and_depths_have_an_end() {
    let all = "*.json";
    let circle = [
        role("targets", false, &[("a", all, false)]),
        role("a", false, &[("b", all, false)]),
        role("b", false, &[("a", all, false)]),
    ];
    let (code, requests) = update(&circle, None);
    assert_eq!(code, "trust-target");
    assert!(requests < 16, "{requests}");
    let name = |n: usize| format!("r{n}");
    let mut chain = vec![role("targets", false, &[(&name(0), all, false)])];
    chain.extend((0..999).map(|n| role(&name(n), false, &[(&name(n + 1), all, false)])));
    chain.push(role(&name(999), true, &[]));
    let (code, requests) = update(&chain, None);
    assert_eq!(code, "trust-target");
    assert!(requests < 100, "{requests}");
}
