//! Verifiers in other languages: one process each, a question and an answer a line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use sealmark::base::encoding::base64;

use crate::Verdict;
use crate::row::{Artifact, Row};

/// A peer that answers.
pub(crate) struct Process {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// sigstore-python in the virtual environment below `SEALMARK_PEERS`, where it is.
    pub(crate) fn python() -> Option<Self> {
        let python = peers()?.join("venv/bin/python");
        python.exists().then(|| Self::start(Command::new(python).arg(script("python.py"))))
    }

    /// sigstore-js with its packages below `SEALMARK_PEERS`, where they are.
    pub(crate) fn js() -> Option<Self> {
        let packages = peers()?.join("node");
        let node = packages.join("node_modules/.bin/node");
        node.exists().then(|| Self::start(Command::new(node).arg(script("js.cjs")).env("NODE_MODULES_OF", packages)))
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a peer that starts");
        let questions = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, questions, answers }
    }

    pub(crate) fn verdict(&mut self, row: &Row) -> Verdict {
        let Artifact::File(artifact) = &row.artifact else { return Err("it is asked by file only".to_owned()) };
        if row.key.is_some() {
            return Err("it is asked about certificates only".to_owned());
        }
        let question = serde_json::json!({
            "root": base64::encode(&row.trusted_root),
            "bundle": base64::encode(&row.bundle),
            "artifact": base64::encode(artifact),
            "identity": row.identity,
            "issuer": row.issuer,
        });
        writeln!(self.questions, "{question}").expect("a peer that listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("a peer that answers");
        match answer.trim_end().split_once(' ') {
            None if answer.trim_end() == "accept" => Ok(()),
            Some(("refuse", why)) => Err(why.to_owned()),
            _ => panic!("a peer answered {answer:?}"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn peers() -> Option<PathBuf> {
    std::env::var_os("SEALMARK_PEERS").map(PathBuf::from)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}
