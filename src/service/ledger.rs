//! The signing ledger: one line of JSON for each entry that this site made in a log. It is what a monitor holds a
//! log's entries against: an entry by our identity that no ledger has was signed by somebody else.
//!
//! Lines are only ever added, under a lock that every writer takes, and are on the disk before a signature is reported.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::Digest;
use crate::base::encoding::hex;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::bundle::LogEntry;
use crate::format::merkle::{Hash, leaf_hash};

/// The version of a line.
const VERSION: u32 = 1;

/// One entry in a log. The leaf hash is what a monitor looks for; the rest is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    version: u32,
    time: String,
    artifact: String,
    identity: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    issuer: Option<String>,
    log_id: String,
    log_index: u64,
    leaf_hash: String,
}

/// Who signed, for people.
#[derive(Debug, Clone, Copy)]
pub struct SignedAs<'a> {
    /// The name in the certificate, or the key's fingerprint.
    pub identity: &'a str,
    /// Who vouches for it.
    pub issuer: Option<&'a str>,
}

impl Line {
    /// The line of one entry about an artifact.
    pub fn new(time: UnixTime, artifact: Digest, signer: SignedAs<'_>, entry: &LogEntry) -> Self {
        Self {
            version: VERSION,
            time: time.to_string(),
            artifact: artifact.to_string(),
            identity: signer.identity.to_owned(),
            issuer: signer.issuer.map(str::to_owned),
            log_id: hex::encode(&entry.log_id),
            log_index: entry.log_index,
            leaf_hash: hex::encode(&leaf_hash(&entry.canonicalized_body)),
        }
    }
}

/// Why a ledger cannot be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The file.
    #[error("cannot {operation} the ledger {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// More than a monitor holds.
    #[error("the ledgers have more than {limit} lines", limit = limits::LEDGER_LINES)]
    TooMany,
    /// Something that is no ledger.
    #[error("{} holds no line of a ledger", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

impl LedgerError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Io { .. } => Code::undecided(
                "ledger-io",
                "look at the file, its folder and the disk; what was signed is in the log, and not in the ledger",
            ),
            Self::TooMany => Code::undecided("limit-ledger", "begin a new ledger, and give the monitor the newer ones"),
            Self::Foreign { .. } => Code::undecided("ledger-parse", "give the file that `--ledger` wrote"),
        }
    }
}

/// A ledger's file.
#[derive(Debug, Clone)]
pub struct Ledger(PathBuf);

impl Ledger {
    /// The ledger at a path; the file is made with the first line.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn io(&self, operation: &'static str) -> impl Fn(std::io::Error) -> LedgerError {
        let path = self.0.clone();
        move |source| LedgerError::Io { operation, path: path.clone(), source }
    }

    /// Whether lines can be added, before anything is signed.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Io`].
    pub fn ready(&self) -> Result<(), LedgerError> {
        self.open().map(drop)
    }

    fn open(&self) -> Result<File, LedgerError> {
        OpenOptions::new().read(true).append(true).create(true).open(&self.0).map_err(self.io("open"))
    }

    /// Adds lines; they are on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Io`].
    pub fn append(&self, lines: &[Line]) -> Result<(), LedgerError> {
        let mut text = String::new();
        for line in lines {
            text.push_str(&serde_json::to_string(line).map_err(|error| self.io("write")(error.into()))?);
            text.push('\n');
        }
        let mut file = self.open()?;
        file.lock().map_err(self.io("lock"))?;
        let written = (|| {
            let length = file.seek(SeekFrom::End(0))?;
            if length > 0 {
                // A line that a crash cut short stays alone.
                let mut last = [0];
                file.seek(SeekFrom::Start(length - 1))?;
                file.read_exact(&mut last)?;
                if last != *b"\n" {
                    text.insert(0, '\n');
                }
            }
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty());
            if length == 0 { File::open(folder.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
        })();
        written.map_err(self.io("write"))
    }
}

/// The leaves that ledgers have.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    leaves: HashSet<Hash>,
    torn: usize,
}

impl Recorded {
    /// Reads ledgers to their ends. Lines that cannot be read are counted: what they had, the ledger does not have.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; a ledger that is not there is one.
    pub fn read(ledgers: &[PathBuf]) -> Result<Self, LedgerError> {
        let mut recorded = Self::default();
        ledgers.iter().try_for_each(|path| recorded.add(path))?;
        Ok(recorded)
    }

    fn add(&mut self, path: &Path) -> Result<(), LedgerError> {
        let io = |source| LedgerError::Io { operation: "read", path: path.to_owned(), source };
        let mut reader = BufReader::new(File::open(path).map_err(io)?);
        let (mut line, mut read, mut found) = (Vec::new(), 0_usize, 0_usize);
        loop {
            line.clear();
            let bound = limits::LEDGER_LINE_BYTES as u64;
            if reader.by_ref().take(bound).read_until(b'\n', &mut line).map_err(io)? == 0 {
                break;
            }
            read += 1;
            match serde_json::from_slice::<Line>(&line).ok().and_then(|line| leaf(&line)) {
                Some(leaf) => {
                    found += 1;
                    self.leaves.insert(leaf);
                }
                None => self.torn += 1,
            }
            if self.leaves.len() + self.torn > limits::LEDGER_LINES {
                return Err(LedgerError::TooMany);
            }
        }
        if read > 0 && found == 0 {
            return Err(LedgerError::Foreign { path: path.to_owned() });
        }
        Ok(())
    }

    /// Whether a ledger has the entry with this leaf.
    pub fn has(&self, leaf: &Hash) -> bool {
        self.leaves.contains(leaf)
    }

    /// Lines that could not be read.
    pub fn torn(&self) -> usize {
        self.torn
    }
}

fn leaf(line: &Line) -> Option<Hash> {
    (line.version == VERSION).then_some(())?;
    hex::decode(&line.leaf_hash)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::DigestAlgorithm;

    fn line(body: &[u8]) -> Line {
        let entry = LogEntry {
            log_index: 7,
            log_id: vec![1; 32],
            kind: "hashedrekord".to_owned(),
            version: "0.0.2".to_owned(),
            integrated_time: 0,
            inclusion_promise: None,
            inclusion_proof: None,
            canonicalized_body: body.to_vec(),
        };
        let artifact = Digest::of(DigestAlgorithm::Sha256, b"artifact");
        Line::new(UnixTime::from_secs(1_790_000_000), artifact, SignedAs { identity: "me", issuer: None }, &entry)
    }

    #[test]
    fn a_monitor_holds_so_many_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let first = serde_json::to_string(&line(b"a")).unwrap();
        let read = |lines: usize| {
            std::fs::write(&path, format!("{first}{}", "\n".repeat(lines))).unwrap();
            Recorded::read(std::slice::from_ref(&path)).map_err(|error| (error.code().name(), error.code().exit_code()))
        };
        // Lines that cannot be read take their places, too.
        assert_eq!(read(9).unwrap().torn(), 8);
        assert_eq!(read(limits::LEDGER_LINES + 1).unwrap_err(), ("limit-ledger", 3));
    }

    #[test]
    fn lines_of_many_writers_are_all_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        std::thread::scope(|scope| {
            for writer in 0..4_u8 {
                let path = &path;
                scope.spawn(move || {
                    for at in 0..10_u8 {
                        Ledger::at(path).append(&[line(&[writer, at]), line(&[writer, at, 0])]).unwrap();
                    }
                });
            }
        });
        let recorded = Recorded::read(std::slice::from_ref(&path)).unwrap();
        assert_eq!((recorded.leaves.len(), recorded.torn()), (80, 0));
        assert!(recorded.has(&leaf_hash(&[3, 9])) && !recorded.has(&leaf_hash(&[4, 0])));
    }

    #[test]
    fn a_torn_line_takes_nothing_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let ledger = Ledger::at(&path);
        ledger.ready().unwrap();
        ledger.append(&[line(b"one"), line(b"two")]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        ledger.append(&[line(b"three")]).unwrap();
        let recorded = Recorded::read(std::slice::from_ref(&path)).unwrap();
        assert_eq!(recorded.torn(), 1);
        assert_eq!([&b"one"[..], b"two", b"three"].map(|body| recorded.has(&leaf_hash(body))), [true, false, true]);
    }

    #[test]
    fn what_is_no_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other");
        let code = |paths: &[PathBuf]| Recorded::read(paths).unwrap_err().code();
        assert_eq!(code(std::slice::from_ref(&path)).name(), "ledger-io");
        std::fs::write(&path, "hello\nworld\n").unwrap();
        assert_eq!(code(std::slice::from_ref(&path)).name(), "ledger-parse");
        assert_eq!(Ledger::at(folder.path()).append(&[line(b"x")]).unwrap_err().code().exit_code(), 3);
    }
}
