//! One private stack for all tests of the command line, and a folder of its own for each.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use sealmark::stack::clock::Clock;
use sealmark::stack::{EntryPolicy, IssuerKind, Running, TokenRequest};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{sealmark, stderr, stdout};

/// The identity of the default token.
pub(super) const IDENTITY: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0";

struct Stack {
    running: Running,
    dir: PathBuf,
    _runtime: Runtime,
    _folder: TempDir,
}

fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("stack");
        let running = Running::start_with(&dir, Clock::system(), |config| {
            config.entry_policy = EntryPolicy::Any;
            config.rekor_v1 = true;
        });
        Stack { running: runtime.block_on(running).unwrap(), dir, _runtime: runtime, _folder: folder }
    })
}

/// The folder of the stack.
pub(super) fn stack_dir() -> &'static str {
    stack().dir.to_str().unwrap()
}

/// Where the stack listens.
pub(super) fn stack_url() -> String {
    stack().running.url().to_string()
}

/// The issuer of the default token.
pub(super) fn issuer() -> String {
    format!("{}/github", stack().running.url())
}

/// A token of the stack.
pub(super) fn issued(request: &TokenRequest) -> String {
    stack().running.token(request).unwrap()
}

/// The issuer of tokens of a kind.
pub(super) fn issuer_of(kind: IssuerKind) -> String {
    stack().running.issuer().url(kind)
}

/// A working folder with a token in `token.jwt` and an artifact in `app.txt`.
pub(super) struct Desk(TempDir);

impl Desk {
    pub(super) fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let token = stack().running.token(&TokenRequest::new(IssuerKind::GithubWorkflow)).unwrap();
        desk.write("token.jwt", token.as_bytes());
        desk.write("app.txt", b"an artifact\n");
        desk
    }

    /// With `app.txt` signed.
    pub(super) fn signed() -> Self {
        let desk = Self::new();
        let output = desk.sign(&["app.txt"]);
        assert!(output.status.success(), "{}", stderr(&output));
        desk
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: impl AsRef<Path>, content: &[u8]) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs the program in this folder.
    pub(super) fn run(&self, args: &[&str]) -> Output {
        sealmark(args).current_dir(self.0.path()).output().unwrap()
    }

    pub(super) fn sign(&self, args: &[&str]) -> Output {
        let with = ["--stack", stack_dir(), "--identity-token-file", "token.jwt"];
        self.run(&[&["sign", "blob"], args, &with].concat())
    }

    /// `verify blob` against the stack and the default identity.
    pub(super) fn verify(&self, args: &[&str]) -> Output {
        let issuer = issuer();
        let with = ["--stack", stack_dir(), "--identity", IDENTITY, "--issuer", &issuer];
        self.run(&[&["verify", "blob"], args, &with].concat())
    }
}

/// The code of a refusal; X01: exit code 1, a reason, and no word of success on standard output.
pub(super) fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(output), stderr(output));
    let printed = stdout(output).to_lowercase();
    assert!(!printed.contains("verified") && !printed.contains("signed "), "{printed}");
    reason(output)
}

/// The code of a question that was put wrongly.
pub(super) fn usage(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}{}", stdout(output), stderr(output));
    reason(output)
}

/// The code of a failure of any class, and its exit code.
pub(super) fn failure(output: &Output) -> (String, Option<i32>) {
    assert!(!output.status.success(), "{}{}", stdout(output), stderr(output));
    (reason(output), output.status.code())
}

/// The code at the end of the first reason; there is a hint, too.
fn reason(output: &Output) -> String {
    let words = stderr(output);
    let line = words.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("no reason: {words}"));
    assert!(words.contains("hint: "), "{words}");
    line.rsplit(": ").next().unwrap().to_owned()
}
