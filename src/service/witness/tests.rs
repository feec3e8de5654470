//! A witness that answers in each of its ways, and in wrong ones.

use super::*;
use crate::base::crypto::KeyKind;
use crate::format::checkpoint::{Checkpoint, NoteKey};
use crate::service::http::fake::{Answer as Said, FakeServer, block_on, impatient_client};
use crate::service::signer::{Prepared, PrivateKey, Signer as _};

const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);

struct Key(PrivateKey);

impl Key {
    fn new() -> Self {
        Self(PrivateKey::generate(KeyKind::Ed25519).unwrap())
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        block_on(self.0.signer().sign(Prepared::Message(message))).unwrap()
    }

    fn witness(&self) -> WitnessKey {
        WitnessKey::new("witness.example", self.0.signer().public_key().clone()).unwrap()
    }

    /// The line that it adds to a note at a time.
    fn cosign(&self, note: &Note, time: UnixTime) -> String {
        let line = self.witness().signature(time, &self.sign(&WitnessKey::message(time, note.text())));
        let signed = Note::new(note.text().to_owned(), vec![line]).unwrap().to_string();
        signed[note.text().len() + 1..].to_owned()
    }
}

/// A checkpoint of a log, signed by it.
fn note() -> Note {
    let key = Key::new();
    let text = Checkpoint::new("log.example", 7, [7; 32]).unwrap().text();
    let name = NoteKey::new("log.example", key.0.signer().public_key().clone()).unwrap();
    let line = name.signature(key.sign(text.as_bytes()));
    Note::new(text, vec![line]).unwrap()
}

/// What comes of an answer to `note`.
fn asked(key: &Key, note: &Note, status: u16, body: &str) -> Result<Answer, (&'static str, u8)> {
    let body = body.to_owned();
    let server = FakeServer::start(move |_, sent| {
        assert_eq!(sent.target, "/add-checkpoint");
        Said::new(status, body.clone())
    });
    let witness = Witness::new(&server.url, key.witness(), impatient_client()).unwrap();
    let submission = Submission { old: 0, proof: Vec::new(), note: note.to_string() };
    let answer = block_on(witness.cosign(&submission, NOW));
    answer.map_err(|error| (error.code().name(), error.code().exit_code()))
}

#[test]
fn a_cosignature_counts_by_its_key_about_this_checkpoint_and_not_from_the_future() {
    let (key, other, note, another) = (Key::new(), Key::new(), note(), self::note());
    let said = |body: &str| asked(&key, &note, 200, body);
    assert!(matches!(said(&key.cosign(&note, NOW)), Ok(Answer::Cosigned(_))));
    let none = Err(("witness-answer", 3));
    assert_eq!(said(""), none);
    assert_eq!(said(&other.cosign(&note, NOW)), none);
    let of_another_size = Note::new(another.text().replace("\n7\n", "\n8\n"), another.signatures().to_vec()).unwrap();
    assert_eq!(said(&key.cosign(&of_another_size, NOW)), none);
    let late = NOW.plus_secs(limits::CLOCK_TOLERANCE_SECS + 1);
    assert_eq!(said(&key.cosign(&note, late)), none);
}

#[test]
fn the_size_that_it_knows_is_a_number() {
    let (key, note) = (Key::new(), note());
    assert_eq!(asked(&key, &note, 409, "5\n"), Ok(Answer::Knows(5)));
    assert_eq!(asked(&key, &note, 409, "five\n"), Err(("witness-answer", 3)));
}

#[test]
fn a_no_of_the_protocol_is_told_from_an_answer() {
    let (key, note) = (Key::new(), note());
    for status in [400, 403, 404, 422] {
        assert_eq!(asked(&key, &note, status, ""), Err(("witness-refuses", 3)), "{status}");
    }
}
