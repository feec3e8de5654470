//! K16, T17: witnesses that are down, slow, lying, or ahead.

use std::time::Instant;

use super::*;
use crate::base::time::UnixTime;
use crate::format::checkpoint::{Checkpoint, NoteKey};
use crate::format::merkle::Hash;
use crate::format::x509::testing::Key;
use crate::service::http::fake::{Answer as Reply, FakeServer, Received};

const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);

/// A witness that behaves as it is told, and its place in a policy.
fn witness(
    answer: impl Fn(usize, &Submission, &Key, &WitnessKey) -> Reply + Send + 'static,
) -> (FakeServer, WitnessAt) {
    let key = Key::ed25519();
    let own = WitnessKey::new("w.example", key.public().clone()).unwrap();
    let text = own.verifier_key();
    let server = FakeServer::start(move |count, request: &Received| {
        answer(count, &Submission::parse(&request.body).unwrap(), &key, &own)
    });
    let at = WitnessAt { url: server.url.clone(), key: text };
    (server, at)
}

fn line(note: &str, key: &Key, own: &WitnessKey, time: UnixTime) -> Reply {
    let (_, note) = Checkpoint::parse(note).unwrap();
    let signature = own.signature(time, &key.sign(&WitnessKey::message(time, note.text())));
    let whole = Note::new(note.text().to_owned(), vec![signature]).unwrap().to_string();
    Reply::new(200, whole.split_once("\n\n").unwrap().1)
}

fn honest() -> (FakeServer, WitnessAt) {
    witness(|_, submission, key, own| line(&submission.note, key, own, NOW))
}

fn note(size: u64) -> String {
    let key = Key::ed25519();
    let name = NoteKey::new("log.example", key.public().clone()).unwrap();
    let checkpoint = Checkpoint::new("log.example", size, [7; 32]).unwrap();
    Note::new(checkpoint.text(), vec![name.signature(key.sign(checkpoint.text().as_bytes()))]).unwrap().to_string()
}

fn cosign(required: usize, of: &[&WitnessAt], size: u64) -> Result<String, CosignError> {
    let policy = WitnessPolicy { required, of: of.iter().map(|at| (*at).clone()).collect() };
    assert_eq!(policy.check(), Ok(()));
    let cosigners = policy.cosigners(&Clock::from_fn(|| NOW)).unwrap();
    round(&*cosigners, size)
}

fn round(cosigners: &dyn Cosigner, size: u64) -> Result<String, CosignError> {
    let prove = |old: u64| -> Option<Vec<Hash>> { Some(vec![[old as u8; 32]]) };
    cosigners.cosign(&Uncosigned { note: &note(size), size, prove: &prove })
}

#[test]
fn k16_as_many_as_are_required_and_no_fewer() {
    let ((_a, first), (_b, second)) = (honest(), honest());
    let (_c, down) = witness(|_, _, _, _| Reply::new(500, "down"));
    for (required, of, lines) in
        [(1, vec![&first], 2), (2, vec![&first, &second], 3), (2, vec![&down, &first, &second], 3)]
    {
        let cosigned = Note::parse(&cosign(required, &of, 5).unwrap()).unwrap();
        assert_eq!(cosigned.signatures().len(), lines, "the log's own and theirs");
    }
    let few = |found, required| Err(CosignError::Few { found, required });
    assert_eq!(cosign(2, &[&down, &first], 5), few(1, 2));
    assert_eq!(cosign(1, &[&down], 5), few(0, 1));
    let gone = WitnessAt { url: "http://127.0.0.1:1".to_owned(), ..honest().1 };
    assert_eq!(cosign(1, &[&gone], 5), few(0, 1));
}

#[test]
fn k16_logt17_no_answer_counts_that_is_no_cosignature_of_this_checkpoint() {
    let few = Err(CosignError::Few { found: 0, required: 1 });
    let (_other, stranger) = honest();
    let key = stranger.key.clone();
    let bad: Vec<(FakeServer, WitnessAt)> = vec![
        witness(|_, _, _, _| Reply::new(200, "")),
        witness(|_, _, _, _| Reply::new(200, "— w.example AAAAAAE=\n")),
        witness(|_, _, _, _| Reply::new(200, vec![b'x'; 4 << 20])),
        witness(|_, _, key, own| line(&note(6), key, own, NOW)),
        witness(|_, s, key, own| line(&s.note, key, own, NOW.plus_secs(3600))),
        witness(|_, s, _, own| line(&s.note, &Key::ed25519(), own, NOW)),
        witness(|_, _, _, _| Reply::new(302, "").with("location", "http://127.0.0.1:1/add-checkpoint")),
        witness(|_, _, _, _| Reply::new(404, "")),
        witness(|_, _, _, _| Reply::new(403, "")),
        witness(|_, _, _, _| Reply::new(422, "")),
        witness(|_, _, _, _| Reply::new(409, "not a size")),
    ];
    for (server, at) in &bad {
        assert_eq!(cosign(1, &[at], 5), few, "{:?}", server.received().len());
    }
    // The right answer under another key than the configuration's.
    let (_server, at) = honest();
    assert_eq!(cosign(1, &[&WitnessAt { key, ..at }], 5), few);
}

#[test]
fn k16_a_witness_is_told_from_where_it_is() {
    // It knows 3 entries; then what it was shown.
    let (server, at) = witness(|count, submission, key, own| match (count, submission.old) {
        (0, 0) => Reply::new(409, "3\n"),
        (1, 3) | (2, 5) | (3, 5) => line(&submission.note, key, own, NOW),
        other => Reply::new(400, format!("{other:?}")),
    });
    let policy = WitnessPolicy { required: 1, of: vec![at] };
    let cosigners = policy.cosigners(&Clock::from_fn(|| NOW)).unwrap();
    for size in [5, 5, 9] {
        round(&*cosigners, size).unwrap();
    }
    let sent: Vec<_> = server.received().iter().map(|request| Submission::parse(&request.body).unwrap()).collect();
    let told: Vec<_> = sent.iter().map(|submission| (submission.old, submission.proof.len())).collect();
    assert_eq!(told, [(0, 0), (3, 1), (5, 0), (5, 1)]);
}

#[test]
fn k16_k09_one_that_is_ahead_ends_it_and_one_that_loops_does_not_hold_it() {
    let (_server, ahead) = witness(|_, _, _, _| Reply::new(409, "77\n"));
    assert_eq!(cosign(1, &[&ahead], 5), Err(CosignError::Ahead { size: 77 }));
    let (server, loops) = witness(|count, _, _, _| Reply::new(409, format!("{}\n", 1 + count % 2)));
    assert_eq!(cosign(1, &[&loops], 5), Err(CosignError::Few { found: 0, required: 1 }));
    assert!(server.received().len() <= 4, "{}", server.received().len());
}

#[test]
fn logt17_a_slow_witness_holds_nobody_where_others_are_enough() {
    let (_fast, fast) = honest();
    let (_slow, slow) = witness(|_, submission, key, own| {
        std::thread::sleep(Duration::from_secs(4));
        line(&submission.note, key, own, NOW)
    });
    let start = Instant::now();
    assert!(cosign(1, &[&slow, &fast], 5).is_ok());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(cosign(2, &[&slow, &fast], 5), Err(CosignError::Few { found: 1, required: 2 }));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn policies_that_nobody_meets() {
    let key = |_: u8| honest().1;
    let (one, two) = (key(1), key(2));
    let check = |required, of: &[&WitnessAt]| {
        WitnessPolicy { required, of: of.iter().map(|at| (*at).clone()).collect() }.check().is_ok()
    };
    assert!(check(1, &[&one]) && check(2, &[&one, &two]));
    assert!(!check(0, &[&one]) && !check(2, &[&one]) && !check(1, &[]) && !check(1, &[&one, &one]));
    assert!(!check(1, &[&WitnessAt { key: "no key".to_owned(), ..one }]));
}
