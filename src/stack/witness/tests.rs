//! K17: what a witness must not cosign.

use std::path::Path;

use super::*;
use crate::base::time::UnixTime;
use crate::format::checkpoint::{Checkpoint, Note, Submission};
use crate::format::merkle::{Frontier, Hash, consistency_proof, leaf_hash, node_hash};

const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);

fn clock() -> Clock {
    Clock::from_fn(|| NOW)
}

struct Log {
    key: PrivateKey,
    name: NoteKey,
    leaves: Vec<Hash>,
}

impl Log {
    fn new(name: &str) -> Self {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        let name = NoteKey::new(name, key.public_key().clone()).unwrap();
        Self { key, name, leaves: (0..40u8).map(|leaf| leaf_hash(&[leaf])).collect() }
    }

    fn root(&self, size: u64) -> Hash {
        let mut frontier = Frontier::new();
        self.leaves.iter().take(size as usize).for_each(|leaf| frontier.append(*leaf, |_, _, _| {}));
        frontier.root()
    }

    fn node(&self, level: u8, index: u64) -> Hash {
        match level {
            0 => self.leaves[index as usize],
            _ => node_hash(&self.node(level - 1, 2 * index), &self.node(level - 1, 2 * index + 1)),
        }
    }

    fn note_of(&self, size: u64, root: Hash) -> String {
        let checkpoint = Checkpoint::new(self.name.name(), size, root).unwrap();
        let line = self.name.signature(self.key.sign(checkpoint.text().as_bytes()).unwrap());
        Note::new(checkpoint.text(), vec![line]).unwrap().to_string()
    }

    fn submission(&self, old: u64, size: u64) -> Submission {
        let proof = consistency_proof(old, size, |level, index| Ok::<_, ()>(self.node(level, index)));
        Submission { old, proof: proof.unwrap().unwrap_or_default(), note: self.note_of(size, self.root(size)) }
    }
}

struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new(logs: &[&Log]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = logs.iter().map(|log| log.name.verifier_key().unwrap()).collect();
        Witness::init(&folder.path().join("w"), &WitnessConfig::new("w.example", "127.0.0.1:0", keys)).unwrap();
        Self { folder }
    }

    fn dir(&self) -> std::path::PathBuf {
        self.folder.path().join("w")
    }

    fn open(&self) -> Witness {
        Witness::open(&self.dir(), clock()).unwrap()
    }
}

fn add(witness: &Witness, submission: &Submission) -> Answer {
    witness.add(submission.to_text().as_bytes())
}

/// Whether it was cosigned, by the witness's own key and at its time.
fn cosigned(witness: &Witness, submission: &Submission) -> bool {
    let Answer::Cosigned(lines) = add(witness, submission) else { return false };
    let (_, note) = Checkpoint::parse(&submission.note).unwrap();
    let note = Note::parse(&format!("{}\n{lines}", note.text())).unwrap();
    WitnessKey::parse(&witness.verifier_key()).unwrap().verify(&note) == Ok(NOW)
}

#[test]
fn k17_a_tree_that_grows_is_cosigned_from_where_it_was() {
    let log = Log::new("log.example");
    let site = Site::new(&[&log]);
    let mut witness = site.open();
    let mut known = 0;
    for size in [0, 0, 1, 1, 7, 8, 33, 40] {
        assert!(cosigned(&witness, &log.submission(known, size)), "{known} {size}");
        known = size;
        // What it knows it knows after a restart.
        drop(witness);
        witness = site.open();
        for told in (0..=size).filter(|told| *told != known) {
            assert_eq!(add(&witness, &log.submission(told, size)), Answer::Conflict { size: known });
        }
    }
}

#[test]
fn k17_nothing_else_is() {
    let (log, stranger) = (Log::new("log.example"), Log::new("log.example"));
    let (other, unknown) = (Log::new("other.example"), Log::new("unknown.example"));
    let site = Site::new(&[&log, &other]);
    let witness = site.open();
    assert_eq!(add(&witness, &unknown.submission(0, 5)), Answer::UnknownLog);
    assert_eq!(add(&witness, &stranger.submission(0, 5)), Answer::Untrusted);
    assert_eq!(add(&witness, &Submission { proof: vec![[0; 32]], ..log.submission(0, 5) }), Answer::Inconsistent);
    assert_eq!(
        add(&witness, &Submission { note: log.note_of(0, [1; 32]), ..log.submission(0, 0) }),
        Answer::Conflict { size: 0 }
    );
    assert!(cosigned(&witness, &log.submission(0, 9)));
    let conflict = Answer::Conflict { size: 9 };
    // An older tree, an old size that it does not know, one beyond the tree.
    assert_eq!(add(&witness, &log.submission(0, 3)), conflict);
    assert_eq!(add(&witness, &log.submission(8, 12)), conflict);
    assert_eq!(add(&witness, &Submission { old: 13, ..log.submission(9, 12) }), Answer::Malformed);
    // Another root of its size, another history of the next one, no proof, a proof of another log.
    let fork = Submission { note: log.note_of(9, [1; 32]), ..log.submission(9, 9) };
    assert_eq!(add(&witness, &fork), conflict);
    let forked = Log { leaves: (9..49u8).map(|leaf| leaf_hash(&[leaf])).collect(), ..log };
    assert_eq!(add(&witness, &forked.submission(9, 12)), Answer::Inconsistent);
    let log = Log { leaves: (0..40u8).map(|leaf| leaf_hash(&[leaf])).collect(), ..forked };
    assert_eq!(add(&witness, &Submission { proof: Vec::new(), ..log.submission(9, 12) }), Answer::Inconsistent);
    let foreign = Submission { proof: other.submission(8, 12).proof, ..log.submission(9, 12) };
    assert_eq!(add(&witness, &foreign), Answer::Inconsistent);
    for body in ["", "old 9\n\n", "old 9\n\nlog.example\n12\nAAAA\n\n— x AAAAAAE=\n"] {
        assert_eq!(witness.add(body.as_bytes()), Answer::Malformed);
    }
    assert!(cosigned(&witness, &log.submission(9, 12)));
    assert!(cosigned(&witness, &other.submission(0, 2)), "one log's tree is nothing to another's");
}

#[test]
fn k17_logt14_two_trees_of_one_size_are_kept() {
    let log = Log::new("log.example");
    let site = Site::new(&[&log]);
    let witness = site.open();
    assert!(cosigned(&witness, &log.submission(0, 9)));
    let fork = Submission { note: log.note_of(9, [1; 32]), ..log.submission(9, 9) };
    for _ in 0..3 {
        assert_eq!(add(&witness, &fork), Answer::Conflict { size: 9 });
    }
    let mut kept: Vec<_> = std::fs::read_dir(site.dir().join("evidence"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let mut both = vec![log.submission(0, 9).note, fork.note];
    kept.sort();
    both.sort();
    assert_eq!(kept, both);
}

#[test]
fn k17_what_cannot_be_remembered_is_not_cosigned() {
    let log = Log::new("log.example");
    let site = Site::new(&[&log]);
    let witness = site.open();
    assert!(Witness::open(&site.dir(), clock()).is_err(), "one process");
    let seen = site.dir().join("seen");
    std::fs::remove_dir(&seen).unwrap();
    assert_eq!(add(&witness, &log.submission(0, 9)), Answer::Failed);
    std::fs::create_dir(&seen).unwrap();
    assert!(cosigned(&witness, &log.submission(0, 9)));
    drop(witness);
    let file = std::fs::read_dir(&seen).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, "damaged").unwrap();
    let error = Witness::open(&site.dir(), clock()).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("stack-damaged", 3));
}

#[test]
fn a_witness_is_made_once_and_from_keys() {
    let folder = tempfile::tempdir().unwrap();
    let init = |name: &str, keys: &[&str]| {
        let config = WitnessConfig::new(name, "127.0.0.1:0", keys.iter().map(|key| (*key).to_owned()).collect());
        Witness::init(Path::new(&folder.path().join("w")), &config).map_err(|error| error.code().name())
    };
    assert_eq!(init("w.example", &["not a key"]), Err("stack-config"));
    assert_eq!(init("a b", &[]), Err("stack-config"));
    assert!(init("w.example", &[]).is_ok());
    assert_eq!(init("w.example", &[]), Err("stack-exists"));
    let absent = Witness::open(folder.path(), Clock::system()).unwrap_err();
    assert_eq!(absent.code().name(), "witness-absent");
}
