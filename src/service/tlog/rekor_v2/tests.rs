use std::collections::BTreeMap;

use super::*;
use crate::base::encoding::base64;
use crate::format::bundle::Content;
use crate::format::checkpoint::{Checkpoint, Note, NoteKey};
use crate::format::merkle::{Frontier, Tile, TileKind, leaf_hash};
use crate::format::x509::testing::Key;
use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};
use crate::verify::testing::{Signed, World};
use crate::verify::{SignedBy, SignedContent};

fn material(signed: &Signed) -> SignedMaterial<'_> {
    let content = match &signed.content {
        Content::Message { digest, .. } => SignedContent::Message { digest: digest.unwrap() },
        Content::Dsse(envelope) => SignedContent::Dsse { envelope },
        Content::SimpleSigning { payload, .. } => SignedContent::SimpleSigning { payload },
    };
    SignedMaterial { signature: signed.content.signature(), signed_by: SignedBy::Certificate(&signed.leaf), content }
}

fn append(server: &FakeServer, signed: &Signed, known: &[LogInstance]) -> Result<LogEntry, TlogError> {
    let log = RekorV2::new(&server.url, impatient_client()).unwrap().with_known_logs(known);
    block_on(log.append(&material(signed)))
}

#[test]
fn requests_and_reads_messages_and_attestations() {
    let world = World::new();
    for signed in [world.v2_message(), world.v2_attestation()] {
        let body = signed.entries[0].to_json();
        let server = FakeServer::start(move |_, _| Answer::new(201, body.clone()));
        assert_eq!(append(&server, &signed, &[]).unwrap(), signed.entries[0]);
        let [sent] = server.received().try_into().unwrap();
        assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/api/v2/log/entries"));
        let request = Json::parse(&sent.body).unwrap();
        let record = request.member("hashedRekordRequestV002").unwrap();
        let digest = match &signed.content {
            Content::Message { digest, .. } => digest.unwrap(),
            Content::Dsse(envelope) => Digest::of(crate::base::crypto::DigestAlgorithm::Sha256, &envelope.pae()),
            Content::SimpleSigning { .. } => unreachable!(),
        };
        assert_eq!(record.member("digest").unwrap().as_str(), Some(base64::encode(digest.as_bytes()).as_str()));
    }
}

/// A log that holds an entry among others and says no more than its index.
struct Holder {
    files: BTreeMap<String, Vec<u8>>,
    index: u64,
}

impl Holder {
    fn new(world: &World, body: &[u8], index: u64, size: u64) -> Self {
        let mut frontier = Frontier::new();
        let mut nodes: BTreeMap<(u8, u64), [u8; 32]> = BTreeMap::new();
        for leaf in 0..size {
            let hash = if leaf == index { leaf_hash(body) } else { leaf_hash(&leaf.to_be_bytes()) };
            frontier.append(hash, |level, index, hash| {
                nodes.insert((level, index), hash);
            });
        }
        let mut files = BTreeMap::new();
        for (level, at) in nodes.keys().filter(|(level, at)| level % 8 == 0 && at % 256 == 0) {
            let tile = Tile::of_tree(TileKind::Hashes { level: level / 8 }, at / 256, size).unwrap();
            let first = tile.index() * 256;
            let hashes = (first..first + u64::from(tile.width())).flat_map(|at| nodes[&(*level, at)]).collect();
            files.insert(format!("/api/v2/{tile}"), hashes);
        }
        let host = world.trust.logs[1].host();
        let text = Checkpoint::new(host, size, frontier.root()).unwrap().text();
        let key = NoteKey::new(host, world.v2_key.public().clone()).unwrap();
        let line = key.signature(world.v2_key.sign(text.as_bytes()));
        files.insert("/api/v2/checkpoint".to_owned(), Note::new(text, vec![line]).unwrap().to_string().into());
        Self { files, index }
    }

    fn serve(self) -> FakeServer {
        FakeServer::start(move |_, sent| match sent.method.as_str() {
            "POST" => {
                let words =
                    format!("an equivalent entry already exists in the transparency log with index {}", self.index);
                Answer::gateway(409, &words).with("x-log-index", self.index.to_string())
            }
            _ => self.files.get(&sent.target).map_or(Answer::new(404, ""), |file| Answer::new(200, file.clone())),
        })
    }
}

#[test]
fn an_entry_that_is_there_already_is_proven_from_tiles() {
    let world = World::new();
    let signed = world.v2_message();
    let body = signed.entries[0].canonicalized_body.clone();
    for (index, size) in [(0, 1), (1, 3), (300, 301), (5, 70_000), (69_999, 70_000)] {
        let server = Holder::new(&world, &body, index, size).serve();
        let entry = append(&server, &signed, &world.trust.logs).unwrap();
        assert_eq!((entry.log_index, &entry.canonicalized_body), (index, &body));
        assert!(world.verify(&Signed { entries: vec![entry], ..signed.clone() }).is_ok(), "{index} of {size}");
    }
}

#[test]
fn a_duplicate_that_cannot_be_read_back() {
    let world = World::new();
    let signed = world.v2_message();
    let body = &signed.entries[0].canonicalized_body;
    let code = |server: FakeServer, known: &[LogInstance]| append(&server, &signed, known).unwrap_err().code().name();
    let logs = &world.trust.logs;
    assert_eq!(code(Holder::new(&world, body, 1, 3).serve(), &[]), "log-duplicate");
    assert_eq!(code(FakeServer::start(|_, _| Answer::gateway(409, "exists")), logs), "log-duplicate");
    // The checkpoint does not reach the entry yet.
    assert_eq!(code(Holder { index: 3, ..Holder::new(&world, body, 1, 3) }.serve(), logs), "log-malformed");
    let mut broken = Holder::new(&world, body, 1, 3);
    broken.files.insert("/api/v2/tile/0/000.p/3".to_owned(), vec![0; 95]);
    assert_eq!(code(broken.serve(), logs), "log-tile");
}

#[test]
fn a_frozen_log_says_so() {
    let server =
        FakeServer::start(|_, _| Answer::gateway(405, "This log has been frozen, please switch to the latest log."));
    let error = append(&server, &World::new().v2_message(), &[]).unwrap_err();
    assert_eq!(error.code().name(), "log-refused");
    assert!(error.to_string().contains("has been frozen"), "{error}");
}

#[test]
fn a_plain_ed25519_key_is_not_even_sent() {
    let server = FakeServer::start(|_, _| Answer::new(500, ""));
    let error = append(&server, &World::new().message(&Key::ed25519()), &[]).unwrap_err();
    assert_eq!((error.code().name(), server.received().len()), ("log-key-unsupported", 0));
}

#[test]
fn answers_that_are_no_entry() {
    let signed = World::new().v2_message();
    for bad in ["", "{}", "[]", r#"{"logIndex":"-1"}"#] {
        let server = FakeServer::start(move |_, _| Answer::new(201, bad));
        assert_eq!(append(&server, &signed, &[]).unwrap_err().code().name(), "log-malformed", "{bad}");
    }
}
