//! Two stacks that witness each other, and what becomes of a fork between them: K16, K17, T14, T17.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use super::monitor::{Site, Up, free_port, told, url};
use super::{sealmark, stderr, stdout};

/// A witness in its folder.
struct Witness {
    dir: PathBuf,
    url: String,
    key: String,
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ok(args: &[&str]) -> String {
    let output = sealmark(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    stdout(&output)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl Witness {
    fn init(site: &Site, name: &str) -> Self {
        let (dir, listen) = (site.path(name), format!("127.0.0.1:{}", free_port()));
        let host = format!("{name}.example");
        let key = ok(&["stack", "witness", "init", text(&dir), "--name", &host, "--listen", &listen]);
        Self { dir, url: format!("http://{listen}"), key: key.trim_end().to_owned() }
    }

    fn watch(&self, stack: &Path) -> String {
        ok(&["stack", "witness", "watch", text(&self.dir), "--stack", text(stack)])
    }

    fn start(&self) -> Running {
        let mut command = sealmark(&["stack", "witness", "up", text(&self.dir)]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(&self.key), "{line}");
        Running(child)
    }

    /// A stack whose log needs this witness.
    fn stack(&self, site: &Site, name: &str) -> PathBuf {
        let (dir, listen) = (site.path(name), format!("127.0.0.1:{}", free_port()));
        let witness = format!("{}={}", self.url, self.key);
        ok(&["stack", "init", text(&dir), "--listen", &listen, "--witness", &witness]);
        assert!(self.watch(&dir).starts_with("watches log"));
        dir
    }
}

/// A try to sign, without much patience.
fn hurried(site: &Site, stack: &Path, what: &str) -> Output {
    site.sign(stack, what, &["--timeout", "2s", "--retry-budget", "3s"])
}

/// The code of a stack that does not start.
fn refused(stack: &Path) -> String {
    let output = sealmark(&["stack", "up", text(stack)]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let words = stderr(&output);
    let line = words.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    line.rsplit(": ").next().unwrap().to_owned()
}

fn verify(site: &Site, stack: &Path, what: &str, witnesses: &[&Witness], needed: usize) -> Option<i32> {
    let keys: Vec<_> = witnesses.iter().map(|witness| format!("'{}'", witness.key)).collect();
    let rule = format!("identity: me@example.com, issuer: '{}', witnesses: {needed}", url(stack));
    let policy = format!("version: 1\nwitnesses: [{}]\nrules: [{{{rule}}}]\n", keys.join(", "));
    std::fs::write(site.path("policy.yaml"), policy).unwrap();
    let args = ["verify", "blob", what, "--stack", text(stack), "--policy", "policy.yaml"];
    sealmark(&args).current_dir(site.path("")).output().unwrap().status.code()
}

#[test]
fn k16_k17_logt14_logt17_two_stacks_witness_each_other_and_catch_a_fork() {
    let site = Site::new();
    let (of_one, of_two) = (Witness::init(&site, "of-one"), Witness::init(&site, "of-two"));
    let (one, two) = (of_two.stack(&site, "one"), of_one.stack(&site, "two"));
    // Without its witness a log does not even begin.
    assert_eq!(refused(&one), "log-unwitnessed");
    let (running_one, running_two) = (of_one.start(), of_two.start());
    let (up_one, _up_two) = (Up::start(&one), Up::start(&two));
    site.signed(&one, "a");
    site.signed(&two, "b");
    assert_eq!(verify(&site, &one, "a", &[&of_two], 1), Some(0));
    assert_eq!(verify(&site, &one, "a", &[&of_one], 1), Some(1), "who is not its witness has not cosigned");
    assert_eq!(verify(&site, &one, "a", &[&of_one, &of_two], 2), Some(1));
    assert_eq!(verify(&site, &two, "b", &[&of_one], 1), Some(0));

    // A witness that is down: nothing is published, nothing acknowledged; and when it is back all goes on.
    drop(running_two);
    let output = hurried(&site, &one, "c");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(!site.path("c.sigstore.json").exists());
    let looked = |name: &str| {
        let args = ["monitor", "--stack", text(&one), "--state", name, "--once", "--from", "start"];
        let output = sealmark(&args).current_dir(site.path("")).output().unwrap();
        (output.status.code(), stdout(&output))
    };
    let (code, said) = looked("while-down");
    assert_eq!(code, Some(0));
    assert!(said.contains("holds: 1 entries"), "{said}");
    let running_two = of_two.start();
    site.signed(&one, "d");
    assert_eq!(verify(&site, &one, "d", &[&of_two], 1), Some(0));
    assert_eq!(looked("while-down").0, Some(0));

    // A thief with everything: the keys, the log, the witness's address.
    drop(up_one);
    let (stale, thief) = (site.copy(&one, "stale"), site.copy(&one, "thief"));
    let up_one = Up::start(&one);
    let up_thief = Up::start(&thief);
    site.signed(&one, "honest");
    let output = hurried(&site, &thief, "forged");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(!site.path("forged.sigstore.json").exists());
    // The witness has both trees of that size, each signed by the log's own key.
    let kept: Vec<String> = std::fs::read_dir(of_two.dir.join("evidence"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    let line = |note: &String, at: usize| note.lines().nth(at).unwrap().to_owned();
    assert_eq!((line(&kept[0], 0), line(&kept[0], 1)), (line(&kept[1], 0), line(&kept[1], 1)));
    assert_ne!(line(&kept[0], 2), line(&kept[1], 2));
    // Neither the thief nor an older copy starts any more; the honest log goes on.
    drop(up_thief);
    assert_eq!(refused(&thief), "log-unwitnessed");
    assert_eq!(refused(&stale), "log-rolled-back");
    site.signed(&one, "honest again");
    assert_eq!(looked("while-down").0, Some(0));
    drop((up_one, running_one, running_two));
}

/// A site whose witness is a part of its stack, in a process of its own.
struct Apart {
    witness: PathBuf,
    rest: PathBuf,
    at: String,
}

impl Apart {
    fn init(site: &Site, name: &str, more: &[&str]) -> Self {
        let dir = site.path(name);
        let (listen, url) = (format!("127.0.0.1:{}", free_port()), format!("http://127.0.0.1:{}", free_port()));
        let (at, host) = (format!("witness={url}"), format!("{name}.example"));
        let words = ["stack", "init", text(&dir), "--listen", &listen, "--at", &at, "--witness-name", &host];
        let said: serde_json::Value =
            serde_json::from_str(&ok(&[&words[..], more, &["--format", "json"]].concat())).unwrap();
        let key = said["witness"].as_str().unwrap();
        assert!(key.starts_with(&host), "{key}");
        Self { witness: dir.join("witness"), rest: dir.join("ca-ct-log-tsa-oidc-trust"), at: format!("{url}={key}") }
    }

    fn watch(&self, other: &Self) {
        let said = ok(&["stack", "witness", "watch", text(&self.witness), "--stack", text(&other.rest)]);
        assert!(said.starts_with("watches log"), "{said}");
    }

    /// Its witness, with a listener for its operator.
    fn start(&self, operator: &str) -> Up {
        Up::spawn(sealmark(&["stack", "up", text(&self.witness), "--role", "witness", "--operator", operator]))
    }
}

#[test]
fn k16_k17_logt14_two_stacks_whose_witnesses_are_parts_of_them() {
    let site = Site::new();
    let one = Apart::init(&site, "one", &[]);
    let two = Apart::init(&site, "two", &["--witness", &one.at]);
    // The first had to be made before it could name the second.
    let path = one.rest.join("stack.json");
    let (url, key) = two.at.split_once('=').unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["witnesses"] = serde_json::json!({ "required": 1, "of": [{ "url": url, "key": key }] });
    std::fs::write(&path, config.to_string()).unwrap();
    one.watch(&two);
    two.watch(&one);
    assert_eq!(refused(&one.rest), "log-unwitnessed");
    let operator = format!("127.0.0.1:{}", free_port());
    let (of_one, _of_two) = (one.start(&operator), two.start(&format!("127.0.0.1:{}", free_port())));
    let (_up_one, up_two) = (Up::start(&one.rest), Up::start(&two.rest));
    site.signed(&one.rest, "a");
    site.signed(&two.rest, "b");

    assert!(told(&operator, "/readyz").starts_with("HTTP/1.1 200"));
    let metrics = told(&operator, "/metrics");
    assert!(metrics.contains(r#"sealmark_requests_total{service="witness",status="2xx"}"#), "{metrics}");
    assert!(metrics.contains("\nsealmark_witness_logs 1\n"), "{metrics}");
    assert!(metrics.contains("\nsealmark_witness_evidence 0\n"), "{metrics}");

    // A fork by the log's own key is refused, kept, and counted where an operator is woken by it.
    drop(up_two);
    let thief = site.copy(&two.rest, "thief");
    let (_up_two, up_thief) = (Up::start(&two.rest), Up::start(&thief));
    site.signed(&two.rest, "honest");
    assert_eq!(hurried(&site, &thief, "forged").status.code(), Some(3));
    assert!(told(&operator, "/metrics").contains("\nsealmark_witness_evidence 2\n"));
    assert_eq!(std::fs::read_dir(one.witness.join("evidence")).unwrap().count(), 2);
    drop((up_thief, of_one));

    // It is served as a part, and in no other way.
    let alone = sealmark(&["stack", "witness", "up", text(&one.witness)]).output().unwrap();
    assert_eq!(alone.status.code(), Some(2), "{}", stderr(&alone));
    assert!(stderr(&alone).contains("stack up --role witness") && stderr(&alone).contains("stack-config"));
    let _again = one.start(&operator);
    let second = sealmark(&["stack", "up", text(&one.witness)]).output().unwrap();
    assert!(stderr(&second).contains(": log-locked"), "{}", stderr(&second));
}

#[test]
fn witnesses_that_cannot_be() {
    let site = Site::new();
    let witness = Witness::init(&site, "w");
    let code = |flags: &[&str]| {
        let dir = site.path("stack");
        sealmark(&[&["stack", "init", text(&dir)], flags].concat()).output().unwrap().status.code()
    };
    let at = format!("{}={}", witness.url, witness.key);
    assert_eq!(code(&["--witness", "http://127.0.0.1:1=key"]), Some(2));
    assert_eq!(code(&["--witness", "http://127.0.0.1:1"]), Some(2));
    assert_eq!(code(&["--witness", &at, "--witness", &at]), Some(2));
    assert_eq!(code(&["--witness", &at, "--witnesses-required", "2"]), Some(2));
    assert_eq!(code(&["--witness", &at, "--witnesses-required", "0"]), Some(2));
    assert_eq!(code(&["--witnesses-required", "1"]), Some(2));
    let watch = sealmark(&["stack", "witness", "watch", text(&witness.dir)]).output().unwrap();
    assert_eq!(watch.status.code(), Some(2));
}
