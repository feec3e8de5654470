//! `monitor` and `sign --ledger` against real stacks: K19, T14.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealmark::stack::{Config, Stack, TokenRequest};

use super::fixture::{Desk, issued, stack_dir};
use super::{sealmark, stderr, stdout};

/// `stack up`, killed at the latest when it is dropped.
pub(super) struct Up(Child);

impl Up {
    pub(super) fn start(dir: &Path) -> Self {
        Self::spawn(sealmark(&["stack", "up", dir.to_str().unwrap()]))
    }

    pub(super) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("serving on "), "{line}");
        Self(child)
    }

    pub(super) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What is told at a path of loopback.
pub(super) fn told(address: &str, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A stack of one's own in a folder.
pub(super) struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn init(&self, name: &str) -> PathBuf {
        let dir = self.path(name);
        Stack::init(&dir, &Config::loopback(free_port())).unwrap();
        dir
    }

    /// The same stack once more, keys and all, at another port: what a thief of the disk has.
    pub(super) fn copy(&self, from: &Path, name: &str) -> PathBuf {
        let dir = self.path(name);
        assert!(Command::new("cp").arg("-r").arg(from).arg(&dir).status().unwrap().success());
        let (own, other) = (url(from), format!("127.0.0.1:{}", free_port()));
        let own = own.strip_prefix("http://").unwrap();
        for file in ["stack.json", "client_trust_config.json"] {
            let text = std::fs::read_to_string(dir.join(file)).unwrap();
            std::fs::write(dir.join(file), text.replace(own, &other)).unwrap();
        }
        dir
    }

    /// Signs something new at a stack, with more flags.
    pub(super) fn sign(&self, stack: &Path, what: &str, flags: &[&str]) -> Output {
        let token =
            sealmark(&["stack", "token", stack.to_str().unwrap(), "--kind", "email", "--set", "email=me@example.com"])
                .output()
                .unwrap();
        std::fs::write(self.path("token.jwt"), token.stdout).unwrap();
        std::fs::write(self.path(what), what).unwrap();
        let with = ["sign", "blob", what, "--stack", stack.to_str().unwrap(), "--identity-token-file", "token.jwt"];
        sealmark(&[&with, flags].concat()).current_dir(self.folder.path()).output().unwrap()
    }

    pub(super) fn signed(&self, stack: &Path, what: &str) {
        let output = self.sign(stack, what, &[]);
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// One look at a stack with the trust of another.
    fn look(&self, trust: &Path, at: &str) -> Looked {
        let trust = trust.to_str().unwrap();
        let args =
            ["monitor", at, "--stack", trust, "--state", "state", "--once", "--from", "start", "--format", "json"];
        Looked::of(&sealmark(&args).current_dir(self.folder.path()).output().unwrap())
    }
}

pub(super) fn url(stack: &Path) -> String {
    let config: serde_json::Value = serde_json::from_slice(&std::fs::read(stack.join("stack.json")).unwrap()).unwrap();
    config["url"].as_str().unwrap().to_owned()
}

/// What a look said.
#[derive(Debug)]
struct Looked {
    code: Option<i32>,
    lines: Vec<serde_json::Value>,
}

impl Looked {
    fn of(output: &Output) -> Self {
        let lines = stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Self { code: output.status.code(), lines }
    }

    fn kinds(&self) -> Vec<&str> {
        self.lines.iter().filter_map(|line| line["kind"].as_str()).collect()
    }

    fn last(&self) -> &serde_json::Value {
        self.lines.last().unwrap()
    }
}

#[test]
fn k19_logt14_a_fork_with_the_real_key_is_seen_and_kept() {
    let site = Site::new();
    let honest = site.init("honest");
    let up = Up::start(&honest);
    site.signed(&honest, "one");
    let looked = site.look(&honest, &url(&honest));
    assert_eq!((looked.code, looked.lines[0]["from"].as_u64()), (Some(0), Some(0)), "{looked:?}");
    assert_eq!(looked.last()["size"], 1);
    // The thief copies it now; it goes on, and is killed, and goes on.
    drop(up);
    let (stale, thief) = (site.copy(&honest, "stale"), site.copy(&honest, "thief"));
    let up = Up::start(&honest);
    site.signed(&honest, "two");
    up.kill();
    let _up = Up::start(&honest);
    site.signed(&honest, "three");
    let looked = site.look(&honest, &url(&honest));
    assert_eq!((looked.code, looked.last()["entries"].as_u64()), (Some(0), Some(2)), "{looked:?}");
    // An older tree is no new one.
    let _stale = Up::start(&stale);
    assert_eq!(site.look(&honest, &url(&stale)).kinds(), ["rollback"]);
    // Another tree of the same key.
    let _thief = Up::start(&thief);
    for what in ["four", "five", "six"] {
        site.signed(&thief, what);
        if what == "four" {
            assert_eq!(site.look(&honest, &url(&thief)).kinds(), ["rollback"]);
            continue;
        }
        let looked = site.look(&honest, &url(&thief));
        assert_eq!((looked.code, looked.kinds()), (Some(1), vec!["fork"]), "{looked:?}");
        let kept: Vec<String> = looked.lines[0]["evidence"]
            .as_array()
            .unwrap()
            .iter()
            .map(|path| std::fs::read_to_string(site.path(path.as_str().unwrap())).unwrap())
            .collect();
        let sizes: Vec<_> = kept.iter().map(|note| note.lines().nth(1).unwrap().to_owned()).collect();
        assert_eq!(sizes, ["3", if what == "five" { "3" } else { "4" }]);
        assert_ne!(kept[0].lines().nth(2), kept[1].lines().nth(2));
    }
    // The honest log is still what is remembered.
    assert_eq!(site.look(&honest, &url(&honest)).code, Some(0));
}

#[test]
fn k19_a_log_that_is_silent_or_something_else() {
    let site = Site::new();
    let (stack, other) = (site.init("stack"), site.init("other"));
    let looked = site.look(&stack, &url(&stack));
    assert_eq!((looked.code, looked.last()["code"].as_str()), (Some(3), Some("log-unreachable")), "{looked:?}");
    let _up = Up::start(&other);
    // Stacks have names by their domain: this one has the same name, and another key.
    assert_eq!(site.look(&stack, &url(&other)).kinds(), ["signature"]);
    let key = "other.example+5fb3ed5a+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let args = ["monitor", &url(&other), "--log-key", key, "--state", "s", "--once"];
    assert_eq!(sealmark(&args).current_dir(site.path("")).output().unwrap().status.code(), Some(2));
}

/// A webhook that takes one post after the other.
fn webhook() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook/s3cr3t", listener.local_addr().unwrap());
    let posted = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&posted);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            kept.lock().unwrap().push(String::from_utf8(body).unwrap());
            let _ = (&stream).write_all(b"HTTP/1.1 204 Taken\r\nconnection: close\r\n\r\n");
        }
    });
    (url, posted)
}

#[test]
fn k19_an_entry_that_no_ledger_has() {
    const ME: &str = "Watched-One@example.com";
    let desk = Desk::new();
    let (hook, posted) = webhook();
    desk.write("hook.url", format!("{hook}\n").as_bytes());
    desk.write("me.jwt", issued(&TokenRequest::email("watched-one@example.com")).as_bytes());
    let sign = |args: &[&str]| {
        let output = desk.run(&[args, &["--stack", stack_dir(), "--identity-token-file", "me.jwt"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
    };
    let look = |flags: &[&str]| {
        let with = ["monitor", "--stack", stack_dir(), "--identity", ME, "--from", "start", "--format", "json"];
        Looked::of(&desk.run(&[&with, flags].concat()))
    };
    let ledger = ["--state", "state", "--once", "--ledger", "signed.jsonl", "--webhook-file", "hook.url"];
    desk.write("other.txt", b"another artifact\n");
    sign(&["sign", "blob", "app.txt", "other.txt", "--ledger", "signed.jsonl"]);
    desk.write("p.json", br#"{"packages":[],"SPDXID":"SPDXRef-DOCUMENT","spdxVersion":"SPDX-2.3"}"#);
    desk.write("third.txt", b"a third\n");
    let attest = ["attest", "blob", "third.txt", "--predicate", "p.json", "--type", "https://example.com/p"];
    sign(&[&attest[..], &["--ledger", "signed.jsonl"]].concat());
    let lines = std::fs::read_to_string(desk.path("signed.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 3);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["identity"], &first["version"]), (&"watched-one@example.com".into(), &1.into()));
    let looked = look(&ledger);
    assert_eq!((looked.code, looked.kinds()), (Some(0), vec![]), "{looked:?}");

    // A stranger with my token.
    desk.write("loot.txt", b"what I never signed\n");
    sign(&["sign", "blob", "loot.txt"]);
    let looked = look(&ledger);
    assert_eq!((looked.code, looked.kinds()), (Some(1), vec!["unrecorded"]), "{looked:?}");
    let found = looked.lines.iter().find(|line| line["event"] == "finding").unwrap();
    assert_eq!(found["entry"]["names"][0], "watched-one@example.com");
    let logged = desk.path(found["evidence"][0].as_str().unwrap());
    let logged: serde_json::Value = serde_json::from_slice(&std::fs::read(logged).unwrap()).unwrap();
    assert_eq!(logged["kindVersion"]["kind"], "hashedrekord");
    let posted: Vec<String> = std::mem::take(&mut *posted.lock().unwrap());
    assert!(posted.len() == 1 && posted[0].contains("unrecorded"), "{posted:?}");
    // It was told: the place counts as read.
    assert_eq!(look(&ledger).code, Some(0));
    // A line that was lost is the same as one that never was; without a ledger all are findings.
    let some: Vec<_> = lines.lines().skip(1).collect();
    desk.write("signed.jsonl", format!("{}\n", some.join("\n")).as_bytes());
    let again = ["--state", "again", "--once", "--ledger", "signed.jsonl"];
    assert_eq!(look(&again).kinds(), ["unrecorded", "unrecorded"]);
    assert_eq!(look(&["--state", "none", "--once"]).kinds(), ["entry"; 4]);
    // A ledger that cannot be written keeps anything from being signed.
    let output = desk.sign(&["app.txt", "--ledger", "no/such/folder/signed.jsonl"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("ledger-io"), "{}", stderr(&output));
}

#[test]
fn k19_what_a_log_ended_with_is_read_after_a_rotation() {
    let site = Site::new();
    let stack = site.init("stack");
    let look = || {
        let who = ["--identity", "me@example.com", "--from", "start", "--format", "json"];
        let args = [&["monitor", "--stack", "stack", "--state", "state", "--once"], &who[..]].concat();
        Looked::of(&sealmark(&args).current_dir(site.path("")).output().unwrap())
    };
    let up = Up::start(&stack);
    site.signed(&stack, "one");
    assert_eq!(look().kinds(), ["entry"]);
    drop(up);
    let thief = site.copy(&stack, "thief");
    let up = Up::start(&stack);
    site.signed(&stack, "two");
    drop(up);
    let rotated = sealmark(&["stack", "rotate", stack.to_str().unwrap()]).output().unwrap();
    assert!(rotated.status.success(), "{}", stderr(&rotated));
    let up = Up::start(&stack);
    site.signed(&stack, "three");
    // Of the shard that was followed the rest, of the next all.
    let looked = look();
    let found = looked.lines.iter().filter(|line| line["event"] == "finding");
    assert_eq!(found.map(|line| line["entry"]["index"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(0)], "{looked:?}");
    let looked = look();
    assert_eq!((looked.code, looked.kinds()), (Some(0), vec![]), "{looked:?}");
    drop(up);

    // Another frozen log, by the same key.
    let up_thief = Up::start(&thief);
    site.signed(&thief, "forged");
    drop(up_thief);
    let of = |dir: &Path| dir.join("logs/rekor");
    std::fs::rename(of(&stack), site.path("honest")).unwrap();
    assert!(Command::new("cp").arg("-r").arg(of(&thief)).arg(of(&stack)).status().unwrap().success());
    let up = Up::start(&stack);
    let looked = look();
    assert_eq!((looked.code, looked.kinds()), (Some(1), vec!["fork"]), "{looked:?}");
    assert!(looked.lines.iter().any(|line| line["event"] == "read"), "the present one is looked at all the same");
    drop(up);
    // None at all: it cannot be said that it is as it was.
    std::fs::remove_dir_all(of(&stack)).unwrap();
    std::fs::rename(site.path("honest"), site.path("kept")).unwrap();
    let up = Up::start(&stack);
    assert_eq!(look().code, Some(3));
    drop(up);
    std::fs::rename(site.path("kept"), of(&stack)).unwrap();
    let _up = Up::start(&stack);
    assert_eq!(look().code, Some(0));
}

#[test]
fn k19_a_webhook_that_takes_nothing_is_told_again() {
    let desk = Desk::new();
    let address = "watched-two@example.com";
    desk.write("me.jwt", issued(&TokenRequest::email(address)).as_bytes());
    let output = desk.run(&["sign", "blob", "app.txt", "--stack", stack_dir(), "--identity-token-file", "me.jwt"]);
    assert!(output.status.success(), "{}", stderr(&output));
    desk.write("hook.url", format!("http://127.0.0.1:{}/s3cr3t", free_port()).as_bytes());
    let look = |flags: &[&str]| {
        let with = ["monitor", "--stack", stack_dir(), "--identity", address, "--from", "start", "--state", "state"];
        desk.run(&[&with, flags].concat())
    };
    for flags in [&["--once", "--webhook-file", "hook.url"][..], &["--once"]] {
        let output = look(flags);
        assert_eq!(output.status.code(), Some(1));
        assert!(stdout(&output).contains("FOUND entry "), "{}", stdout(&output));
        let words = format!("{}{}", stdout(&output), stderr(&output));
        assert!(!words.contains("s3cr3t"), "{words}");
        assert_eq!(words.contains("webhook-unreachable"), flags.len() > 1, "{words}");
    }
    assert_eq!(look(&["--once"]).status.code(), Some(0));
}

#[test]
fn k19_it_goes_on_looking_until_it_is_stopped() {
    let desk = Desk::new();
    let address = "watched-three@example.com";
    let args = ["monitor", "--stack", stack_dir(), "--identity", address, "--state", "state", "--interval", "200ms"];
    let mut command = sealmark(&args);
    let mut child = command.current_dir(desk.path("")).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.next().unwrap().starts_with("following log"));
    // One folder, one monitor.
    let second = desk.run(&[&args[..7], &["--once"]].concat());
    assert_eq!(second.status.code(), Some(3));
    assert!(stderr(&second).contains("monitor-locked"), "{}", stderr(&second));
    desk.write("me.jwt", issued(&TokenRequest::email(address)).as_bytes());
    let output = desk.run(&["sign", "blob", "app.txt", "--stack", stack_dir(), "--identity-token-file", "me.jwt"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(lines.any(|line| line.starts_with("FOUND entry ")));
    std::thread::sleep(Duration::from_millis(300));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
