//! Files that change under a gate: good ones replace, bad ones are said and change nothing.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::service::environment::SystemEnvironment;

const POLICY: &str = "version: 1\nrules:\n  - {name: one, identity: a@x.example, issuer: https://x.example}\n";
const SETTINGS: &str = "version: 1\npolicies: {one: one.yaml}\nnamespaces: [{names: ['*'], policy: one}]\n";

struct Site {
    dir: TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap() };
        site.write("gate.yaml", SETTINGS);
        site.write("one.yaml", POLICY);
        site.write("trusted_root.json", Embedded::PublicGood.trusted_root_json());
        site
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn sources(&self) -> Sources {
        Sources {
            policies: PolicySource::Settings(self.dir.path().join("gate.yaml")),
            trust: TrustSource::File(self.dir.path().join("trusted_root.json")),
            private_registries: Vec::new(),
        }
    }

    fn state(&self) -> Result<State, &'static str> {
        State::read(&SystemEnvironment, self.sources()).map_err(|error| error.code().name())
    }
}

fn kept(reload: Reload) -> &'static str {
    match reload {
        Reload::Kept(error) => error.code().name(),
        Reload::Same => "same",
        Reload::Replaced => "replaced",
    }
}

/// What is missing or bad: a gate does not start on it, and one that runs keeps what it has.
#[test]
fn g02_i24_bad_files_keep_the_last_good_ones() {
    let half = &POLICY[..POLICY.len() / 2];
    let root = Embedded::PublicGood.trusted_root_json();
    for (file, text, code) in [
        ("one.yaml", half, "policy-parse"),
        ("one.yaml", "", "policy-parse"),
        ("gate.yaml", &SETTINGS[..SETTINGS.len() / 2], "gate-settings"),
        ("gate.yaml", &SETTINGS.replace("one.yaml", "two.yaml"), "gate-file"),
        ("trusted_root.json", &root[..root.len() / 2], "trust-root-parse"),
    ] {
        let site = Site::new();
        let state = site.state().unwrap();
        let before = state.current();
        site.write(file, text);
        assert_eq!(kept(state.reload(&SystemEnvironment)), code, "{file}");
        assert!(Arc::ptr_eq(&before, &state.current()), "{file}");
        // It is said as long as it lasts.
        assert_eq!(kept(state.reload(&SystemEnvironment)), code, "{file}");
        assert_eq!(site.state().err(), Some(code), "{file}");
    }
    for file in ["one.yaml", "gate.yaml", "trusted_root.json"] {
        let site = Site::new();
        let state = site.state().unwrap();
        fs::remove_file(site.dir.path().join(file)).unwrap();
        assert_eq!(kept(state.reload(&SystemEnvironment)), "gate-file", "{file}");
        assert_eq!(site.state().err(), Some("gate-file"), "{file}");
    }
}

#[test]
fn g25_a_review_keeps_the_snapshot_that_it_took() {
    let site = Site::new();
    let state = site.state().unwrap();
    assert_eq!(kept(state.reload(&SystemEnvironment)), "same");
    let taken = state.current();
    site.write("one.yaml", &POLICY.replace("a@x", "b@x"));
    assert_eq!(kept(state.reload(&SystemEnvironment)), "replaced");
    assert_eq!(kept(state.reload(&SystemEnvironment)), "same");
    let version = |snapshot: &Snapshot| snapshot.policy_of("any").unwrap().0.version;
    assert_eq!(version(&taken), sha256(&[POLICY.as_bytes()]));
    assert_ne!(version(&taken), version(&state.current()));
    // Another trust root is another version too.
    site.write("trusted_root.json", Embedded::Staging.trusted_root_json());
    assert_eq!(kept(state.reload(&SystemEnvironment)), "replaced");
    assert_ne!(taken.trust_version, state.current().trust_version);
}
