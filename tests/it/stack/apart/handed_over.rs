//! Parts that stand apart, rotated and renewed one by one.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use sealmark::stack::Role;

use super::super::http::Http;
use super::{Process, good, sealmark, up, urls};

/// A signer at a site: what its parts do to each other shows in what is signed.
struct Signing<'a> {
    parent: &'a Path,
    dir: &'a Path,
    urls: &'a BTreeMap<Role, String>,
}

impl Signing<'_> {
    fn path(&self, name: &str) -> String {
        self.parent.join(name).display().to_string()
    }

    fn folder(&self, part: &str) -> String {
        self.dir.join(part).display().to_string()
    }

    /// Signs with the trust that a part's folder has.
    fn sign(&self, what: &str, trust: &str) -> Output {
        let (file, bundle, token) = (self.path(what), self.path(&format!("{what}.json")), self.path("token"));
        std::fs::write(&file, what).unwrap();
        let words = ["stack", "token", &self.folder("oidc"), "--kind", "email", "--set", "email=me@example.com"];
        std::fs::write(&token, good(&sealmark(&words))).unwrap();
        let trust = format!("{}/client_trust_config.json", self.folder(trust));
        let words = ["sign", "blob", &file, "--trust-config", &trust, "--identity-token-file", &token, "-o", &bundle];
        sealmark(&[&words[..], &["--timeout", "5s", "--retry-budget", "5s"]].concat())
    }

    fn verifies(&self, what: &str, trust: &str) -> bool {
        let (file, bundle) = (self.path(what), self.path(&format!("{what}.json")));
        let root = format!("{}/trusted_root.json", self.folder(trust));
        let who = ["--identity", "me@example.com", "--issuer", &self.urls[&Role::Oidc]];
        let words = ["verify", "blob", &file, "--bundle", &bundle, "--trusted-root", &root];
        sealmark(&[&words[..], &who].concat()).status.success()
    }

    async fn up(&self) -> Vec<Process> {
        let mut running = Vec::new();
        for (role, url) in self.urls {
            running.push(up(&self.dir.join(role.name()), url).await);
        }
        running
    }

    /// Every other part takes over what one handed over.
    fn follow(&self, of: &str, parts: &[&str]) {
        for part in parts.iter().filter(|part| **part != of) {
            let said = good(&sealmark(&[
                "stack",
                "follow",
                &self.folder(part),
                &format!("{}/handover.jsonl", self.folder(of)),
            ]));
            assert!(said.starts_with(&format!("new here: {of}\n")), "{part} of {of}: {said}");
        }
    }
}

/// Each part gets new keys in its own folder, and the others follow: what was signed before, between and after is verified
/// with the trust files of whichever part.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f23_f24_parts_that_rotate_and_renew_apart() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, roots) = (parent.path().join("site"), parent.path().join("roots").display().to_string());
    let urls: BTreeMap<_, _> = urls().into_iter().filter(|(role, _)| *role != Role::Witness).collect();
    let mut words = ["stack", "init", "--root-keys", &roots].map(str::to_owned).to_vec();
    words.push(dir.display().to_string());
    for (role, url) in &urls {
        words.extend(["--at".to_owned(), format!("{role}={url}")]);
    }
    good(&sealmark(&words.iter().map(String::as_str).collect::<Vec<_>>()));
    let site = Signing { parent: parent.path(), dir: &dir, urls: &urls };
    let parts = ["ca", "ct", "log", "tsa", "oidc", "trust"];
    let running = site.up().await;
    good(&site.sign("first", "oidc"));
    // What runs is not changed.
    let refused = sealmark(&["stack", "rotate", &site.folder("log")]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains(": log-locked"));
    drop(running);

    let said = good(&sealmark(&["stack", "rotate", &site.folder("log")]));
    assert!(said.contains("handover.jsonl"), "{said}");
    site.follow("log", &parts);
    good(&sealmark(&["stack", "rotate", &site.folder("ct")]));
    let running = site.up().await;
    // The CA believes the CT log that it knows, and issues nothing until it has followed.
    assert_eq!(site.sign("second", "ct").status.code(), Some(3));
    drop(running);
    site.follow("ct", &parts);
    let running = site.up().await;
    good(&site.sign("second", "tsa"));
    drop(running);

    good(&sealmark(&["stack", "renew", &site.folder("ca"), "--root-keys", &roots]));
    good(&sealmark(&["stack", "renew", &site.folder("tsa"), "--root-keys", &roots]));
    let running = site.up().await;
    // Nor does the CT log take certificates of a CA that it does not know.
    assert_eq!(site.sign("third", "ca").status.code(), Some(3));
    drop(running);
    site.follow("ca", &parts);
    site.follow("tsa", &parts);
    let running = site.up().await;
    good(&site.sign("third", "trust"));
    for part in parts {
        for what in ["first", "second", "third"] {
            assert!(site.verifies(what, part), "{what} by the trust of {part}");
        }
    }
    // The repository of trust files has them, too.
    let tuf = Http::new(&urls[&Role::Trust]).get("/tuf/timestamp.json").await;
    assert_eq!(tuf.status, 200);
    drop(running);
    for part in ["log", "ct"] {
        let checked = sealmark::stack::fsck(&dir.join(part)).unwrap();
        assert_eq!(checked.len(), 2, "{part}: what was frozen, and what follows");
        assert!(checked.iter().all(|log| log.result.findings.is_empty()));
    }
}
