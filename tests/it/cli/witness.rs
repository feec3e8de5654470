//! Two stacks that witness each other, and what becomes of a fork between them: K16, K17, T14, T17.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use super::monitor::{Site, Up, free_port, url};
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
