//! Logs that lie in every way that a server can, with a key that is the log's own.

use std::fs;
use std::sync::{Arc, Mutex};

use super::*;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::format::log_entry_body::{HashedRekordV2, Verifier};
use crate::format::merkle::{Tile, TileKind, leaf_hash, tile};
use crate::format::x509::testing::Key;
use crate::service::BoxFuture;
use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};

/// A log whose owner does as he likes.
struct Liar {
    key: Key,
    name: NoteKey,
    entries: Vec<Vec<u8>>,
    /// Bytes that are served in place of those of a path.
    instead: Vec<(String, Answer)>,
    /// Signs in place of the log.
    signer: Option<Key>,
}

impl Liar {
    fn checkpoint(&self) -> String {
        let mut frontier = crate::format::merkle::Frontier::new();
        self.entries.iter().for_each(|entry| frontier.append(leaf_hash(entry), |_, _, _| {}));
        let checkpoint = Checkpoint::new(self.name.name(), frontier.size(), frontier.root()).unwrap();
        let signature = self.signer.as_ref().unwrap_or(&self.key).sign(checkpoint.text().as_bytes());
        Note::new(checkpoint.text(), vec![self.name.signature(signature)]).unwrap().to_string()
    }

    fn tile(&self, wanted: Tile) -> Option<Vec<u8>> {
        let there = Tile::of_tree(wanted.kind(), wanted.index(), self.entries.len() as u64)?;
        (wanted.width() <= there.width()).then_some(())?;
        let first = wanted.index() as usize * 256;
        let own = self.entries.get(first..first + usize::from(wanted.width()));
        match wanted.kind() {
            TileKind::Hashes { level: 0 } => Some(own?.iter().flat_map(|entry| leaf_hash(entry)).collect()),
            TileKind::Hashes { level: 1 } => {
                let full = |at: usize| {
                    let leaves: Vec<_> = self.entries[at * 256..at * 256 + 256].iter().map(|e| leaf_hash(e)).collect();
                    tile::node_in(&leaves, 8, 0).unwrap()
                };
                Some((0..usize::from(wanted.width())).flat_map(full).collect())
            }
            TileKind::Entries => {
                let mut bytes = Vec::new();
                own?.iter().for_each(|entry| tile::push_entry(&mut bytes, entry).unwrap());
                Some(bytes)
            }
            _ => None,
        }
    }

    fn answer(&self, path: &str) -> Answer {
        if let Some((_, answer)) = self.instead.iter().find(|(instead, _)| instead == path) {
            return answer.clone();
        }
        if path == "/checkpoint" {
            return Answer::new(200, self.checkpoint());
        }
        match Tile::parse(path.trim_start_matches('/')).ok().and_then(|wanted| self.tile(wanted)) {
            Some(bytes) => Answer::new(200, bytes),
            None => Answer::new(404, "not here"),
        }
    }
}

struct Watched {
    liar: Arc<Mutex<Liar>>,
    server: FakeServer,
    folder: tempfile::TempDir,
    interest: Interest,
}

#[derive(Default)]
struct Heard {
    events: Vec<Event>,
    /// Takes nothing.
    deaf: bool,
}

impl Listener for Heard {
    fn tell(&mut self, event: Event) -> BoxFuture<'_, Result<(), MonitorError>> {
        Box::pin(async move {
            if self.deaf && matches!(event, Event::Found(_)) {
                let code = Code::undecided("webhook-unreachable", "a test");
                return Err(MonitorError::Untold("nobody listens".to_owned(), code));
            }
            self.events.push(event);
            Ok(())
        })
    }
}

impl Heard {
    fn findings(&self) -> Vec<&Finding> {
        let mut found = Vec::new();
        for event in &self.events {
            if let Event::Found(finding) = event {
                found.push(&**finding);
            }
        }
        found
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.findings().iter().map(|finding| finding.kind.name()).collect()
    }
}

/// An entry by a key.
fn entry(key: &Key, number: usize) -> Vec<u8> {
    let digest = Digest::of(DigestAlgorithm::Sha256, &number.to_be_bytes());
    HashedRekordV2::body(&digest, &[7; 70], &Verifier::PublicKey(key.public())).unwrap().into_bytes()
}

impl Watched {
    /// A log of this many entries, looked at once.
    fn new(size: usize) -> Self {
        let watched = Self::unseen(size);
        let (heard, ended) = watched.look();
        assert!(ended.is_ok() && heard.findings().is_empty(), "{ended:?}");
        watched
    }

    fn unseen(size: usize) -> Self {
        let (key, stranger) = (Key::ed25519(), Key::p256());
        let name = NoteKey::new("liar.example", key.public().clone()).unwrap();
        let entries = (0..size).map(|number| entry(&stranger, number)).collect();
        let liar = Arc::new(Mutex::new(Liar { key, name, entries, instead: Vec::new(), signer: None }));
        let served = Arc::clone(&liar);
        let server = FakeServer::start(move |_, request| served.lock().unwrap().answer(&request.target));
        Self { liar, server, folder: tempfile::tempdir().unwrap(), interest: Interest::default() }
    }

    fn change(&self, change: impl FnOnce(&mut Liar)) -> &Self {
        change(&mut self.liar.lock().unwrap());
        self
    }

    fn grow(&self, by: usize) -> &Self {
        let stranger = Key::p256();
        self.change(|liar| {
            let size = liar.entries.len();
            liar.entries.extend((size..size + by).map(|number| entry(&stranger, number)));
        })
    }

    fn monitor(&self, begin: Begin) -> Result<Monitor, MonitorError> {
        let log = TiledLog::new(&self.server.url, impatient_client()).unwrap();
        let keys = vec![self.liar.lock().unwrap().name.clone()];
        let (folder, evidence) = (self.folder.path().join("state"), self.folder.path().join("evidence"));
        Monitor::open(log, keys, &folder, &evidence, begin, self.interest.clone())
    }

    fn look_with(&self, mut heard: Heard) -> (Heard, Result<u64, MonitorError>) {
        let ended = self.monitor(Begin::At(0)).and_then(|monitor| block_on(monitor.look(&mut heard)));
        (heard, ended)
    }

    fn look(&self) -> (Heard, Result<u64, MonitorError>) {
        self.look_with(Heard::default())
    }

    /// The kinds of findings of a look that came to its end.
    fn kinds(&self) -> Vec<&'static str> {
        let (heard, ended) = self.look();
        assert_eq!(ended.unwrap(), heard.findings().len() as u64);
        heard.kinds()
    }

    /// The code of a look that came to none.
    fn code(&self) -> &'static str {
        let (_, ended) = self.look();
        let code = ended.unwrap_err().code();
        assert_eq!(code.exit_code(), 3, "{code}");
        code.name()
    }
}

#[test]
fn k19_a_log_that_only_grows_is_read_once() {
    let watched = Watched::new(3);
    for by in [0, 1, 252, 1, 1, 700, 5000] {
        let (heard, ended) = watched.grow(by).look();
        assert_eq!(ended.unwrap(), 0);
        let [Event::Read { size, entries, .. }] = heard.events.as_slice() else { panic!("{:?}", heard.events) };
        assert_eq!((*entries, *size), (by as u64, watched.liar.lock().unwrap().entries.len() as u64));
    }
}

#[test]
fn k19_an_empty_log_and_where_reading_begins() {
    let watched = Watched::new(0);
    assert!(watched.grow(600).kinds().is_empty());
    for (begin, expected) in [(Begin::Now, 600), (Begin::At(0), 0), (Begin::At(299), 299), (Begin::At(9999), 600)] {
        let mut fresh = Watched::unseen(0);
        let entries = watched.liar.lock().unwrap().entries.clone();
        fresh.change(|liar| liar.entries = entries);
        fresh.interest = Interest::default();
        let mut heard = Heard::default();
        block_on(fresh.monitor(begin).unwrap().look(&mut heard)).unwrap();
        let [Event::Begun { from, size: 600, .. }, Event::Read { entries, .. }] = heard.events.as_slice() else {
            panic!("{:?}", heard.events)
        };
        assert_eq!((*from, *entries), (expected, 600 - expected));
        assert!(fresh.grow(77).kinds().is_empty());
    }
}

#[test]
fn k19_logt14_a_fork_leaves_both_checkpoints() {
    for (grows, at) in [(0, 299), (0, 0), (40, 17), (1000, 299), (1000, 256)] {
        let watched = Watched::new(300);
        let before = watched.liar.lock().unwrap().checkpoint();
        watched.change(|liar| liar.entries[at] = b"{\"another\":\"history\"}".to_vec()).grow(grows);
        let (heard, ended) = watched.look();
        assert_eq!((ended.unwrap(), heard.kinds()), (1, vec!["fork"]), "{grows} {at}");
        let kept: Vec<_> = heard.findings()[0].evidence.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        assert_eq!(kept, [before, watched.liar.lock().unwrap().checkpoint()]);
        // It is no part of what is remembered: the next look finds it again, and the honest tree is still the log.
        assert_eq!(watched.kinds(), ["fork"]);
    }
}

#[test]
fn k19_a_rollback_and_a_stolen_name() {
    let watched = Watched::new(300);
    let entries = watched.liar.lock().unwrap().entries.clone();
    assert_eq!(watched.change(|liar| liar.entries.truncate(256)).kinds(), ["rollback"]);
    assert_eq!(watched.change(|liar| liar.entries.clear()).kinds(), ["rollback"]);
    assert_eq!(watched.change(|liar| liar.signer = Some(Key::ed25519())).kinds(), ["signature"]);
    watched.change(|liar| (liar.signer, liar.entries) = (None, entries)).grow(20);
    assert!(watched.kinds().is_empty());
}

#[test]
fn k19_tiles_and_bundles_that_are_not_the_trees() {
    let flip = |path: &str, at: usize| {
        let watched = Watched::new(300);
        watched.grow(700).change(|liar| {
            let mut answer = liar.answer(path);
            assert_eq!(answer.status, 200, "{path}");
            let at = at.min(answer.body.len() - 1);
            answer.body[at] ^= 1;
            liar.instead.push((path.to_owned(), answer));
        });
        let kinds = watched.kinds();
        // What was wrong once is looked at again, and is right when it is right.
        watched.change(|liar| liar.instead.clear());
        assert!(watched.kinds().is_empty(), "{path}");
        kinds
    };
    assert_eq!(flip("/tile/0/001", 40), ["tiles"]);
    assert_eq!(flip("/tile/0/003.p/232", 40), ["tiles"]);
    assert_eq!(flip("/tile/1/000.p/3", 0), ["tiles"]);
    for (path, at) in [("/tile/entries/001", 50_000), ("/tile/entries/002", 0), ("/tile/entries/003.p/232", 90_000)] {
        assert_eq!(flip(path, at), ["entries"], "{path}");
    }
}

#[test]
fn k19_evidence_names_the_bundle() {
    let watched = Watched::new(1);
    watched.grow(1400).change(|liar| liar.instead.push(("/tile/entries/004".to_owned(), Answer::new(200, "short"))));
    let (heard, ended) = watched.look();
    assert_eq!(ended.unwrap(), 1);
    let [found] = heard.findings()[..] else { panic!() };
    assert!(found.message.contains("bundle 4"), "{}", found.message);
    assert_eq!(fs::read(&found.evidence[1]).unwrap(), b"short");
}

#[test]
fn k19_a_log_that_cannot_be_looked_at_is_not_a_sound_one() {
    let watched = Watched::new(300);
    watched.grow(300);
    let with = |path: &str, answer: Answer| {
        watched.change(|liar| liar.instead = vec![(path.to_owned(), answer)]);
        watched.code()
    };
    assert_eq!(with("/checkpoint", Answer::new(404, "")), "log-not-tiled");
    assert_eq!(with("/checkpoint", Answer::new(403, "")), "log-incomplete");
    assert_eq!(with("/checkpoint", Answer::new(503, "")), "log-unavailable");
    assert_eq!(with("/checkpoint", Answer::new(200, "<html>")), "monitor-no-checkpoint");
    assert_eq!(with("/checkpoint", Answer::new(200, vec![b'x'; 1 << 20])), "log-malformed");
    assert_eq!(with("/tile/entries/001", Answer::new(404, "")), "log-incomplete");
    assert_eq!(with("/tile/0/001", Answer::new(500, "")), "log-unavailable");
    let other = Watched::new(2).liar.lock().unwrap().checkpoint().replace("liar.example", "other.example");
    assert_eq!(with("/checkpoint", Answer::new(200, other)), "monitor-log-unknown");
    watched.change(|liar| liar.instead.clear());
    assert!(watched.kinds().is_empty());
}

#[test]
fn k19_partial_tiles_may_have_given_way_to_full_ones() {
    let watched = Watched::new(300);
    // The log grows while it is read: what the checkpoint calls partial is gone.
    let checkpoint = watched.grow(100).liar.lock().unwrap().checkpoint();
    watched.grow(400).change(|liar| {
        let gone = |path: &str| (path.to_owned(), Answer::new(404, ""));
        liar.instead = vec![gone("/tile/entries/001.p/144"), gone("/tile/0/001.p/144"), gone("/tile/1/000.p/1")];
        liar.instead.push(("/checkpoint".to_owned(), Answer::new(200, checkpoint)));
        // The full tile of level 1 is not there either: this one stays partial.
        liar.instead.remove(2);
    });
    assert!(watched.kinds().is_empty());
    watched.change(|liar| liar.instead.clear());
    assert!(watched.kinds().is_empty());
}

#[test]
fn k19_entries_by_a_key_that_is_watched_and_what_the_ledger_has() {
    let mut watched = Watched::new(10);
    let own = Key::p256();
    watched.interest.watches = vec![Watch::key(own.public().clone())];
    watched.grow(290).change(|liar| liar.entries.push(entry(&own, 1)));
    watched.grow(4000).change(|liar| liar.entries.push(b"not an entry".to_vec()));
    // A listener who takes nothing hears it again; a place that was read is not read again.
    let (_, ended) = watched.look_with(Heard { deaf: true, ..Heard::default() });
    assert_eq!(ended.unwrap_err().code().name(), "webhook-unreachable");
    let (heard, _) = watched.look();
    assert_eq!(heard.kinds(), ["entry", "unclear"]);
    let [found, _] = heard.findings()[..] else { panic!() };
    assert_eq!(found.entry.as_ref().unwrap().index, 300);
    let logged = fs::read(&found.evidence[0]).unwrap();
    let json = crate::base::encoding::json::Json::parse(&logged).unwrap();
    let logged = crate::format::bundle::LogEntry::from_json(&json, "").unwrap();
    let proof = logged.inclusion_proof.unwrap();
    let root = proof.root_hash.try_into().unwrap();
    let leaf = leaf_hash(&logged.canonicalized_body);
    crate::format::merkle::verify_inclusion(300, proof.tree_size, &leaf, &proof.hashes, &root).unwrap();
    assert!(watched.kinds().is_empty());

    // With a ledger, what it has is ours.
    let ledger = watched.folder.path().join("ledger.jsonl");
    watched.interest.ledgers = vec![ledger.clone()];
    let recorded =
        crate::format::bundle::LogEntry { canonicalized_body: entry(&own, 2), inclusion_proof: None, ..logged };
    let signed_as = crate::service::ledger::SignedAs { identity: "me", issuer: None };
    let artifact = Digest::of(DigestAlgorithm::Sha256, b"artifact");
    let now = crate::base::time::UnixTime::from_secs(1_790_000_000);
    let line = crate::service::ledger::Line::new(now, artifact, signed_as, &recorded);
    watched.change(|liar| liar.entries.push(entry(&own, 2)));
    assert_eq!(watched.code(), "ledger-io", "a ledger that is not there is no empty one");
    crate::service::ledger::Ledger::at(&ledger).append(&[line]).unwrap();
    assert!(watched.kinds().is_empty());
    watched.change(|liar| liar.entries.push(entry(&own, 3)));
    assert_eq!(watched.kinds(), ["unrecorded"]);
}

#[test]
fn a_folder_that_cannot_be_kept() {
    let watched = Watched::unseen(3);
    let folder = watched.folder.path().join("state");
    fs::write(&folder, "").unwrap();
    assert_eq!(watched.code(), "monitor-state-io");
    fs::remove_file(&folder).unwrap();
    assert!(watched.look().1.is_ok());
    // A folder in the place of the state itself.
    let state = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let state = state.into_iter().find(|path| path.to_string_lossy().ends_with(".state.json")).unwrap();
    fs::remove_file(&state).unwrap();
    fs::create_dir(&state).unwrap();
    assert_eq!(watched.code(), "monitor-state-io");
}

#[test]
fn k19_a_state_that_is_not_its_own() {
    let watched = Watched::new(300);
    let _held = watched.monitor(Begin::Now).unwrap();
    assert_eq!(watched.code(), "monitor-locked");
    drop(_held);
    let folder = watched.folder.path().join("state");
    let state = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let state = state.into_iter().find(|path| path.to_string_lossy().ends_with(".state.json")).unwrap();
    let good = fs::read_to_string(&state).unwrap();
    for bad in [good.replace("\"read\": 300", "\"read\": 301"), good.replace("300\\n", "299\\n"), String::new()] {
        assert_ne!(bad, good);
        fs::write(&state, &bad).unwrap();
        assert_eq!(watched.code(), "monitor-state");
    }
    // Another log in the same folder is its successor: it is read from its beginning.
    fs::write(&state, good).unwrap();
    let next = Watched { folder: watched.folder, ..Watched::unseen(20) };
    let mut heard = Heard::default();
    block_on(next.monitor(Begin::Now).unwrap().look(&mut heard)).unwrap();
    assert!(matches!(heard.events[0], Event::Begun { from: 0, size: 20, .. }));
}
