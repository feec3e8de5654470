//! A log of each generation, a signing act, and entries about it that verify until a test changes them.

use std::convert::Infallible;

use super::super::binding::Generation;
use super::super::{EntryLogged, LogError, Logs, promise};
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::bundle::{InclusionProof, LogEntry};
use crate::format::checkpoint::{Checkpoint, Note, NoteKey};
use crate::format::dsse::{Envelope, IN_TOTO};
use crate::format::log_entry_body::{Dsse, EntryBody, HashedRekord, HashedRekordV2, Verifier};
use crate::format::merkle::{self, Frontier, Hash};
use crate::format::trust::LogInstance;
use crate::format::x509::Certificate;
use crate::format::x509::testing::{Authority, Key, SIGNED, START};
use crate::verify::testing::cases;
use crate::verify::{SignedBy, SignedContent, SignedMaterial};

/// When entries are taken in.
pub(super) const INTEGRATED: UnixTime = SIGNED;
/// When the tests verify.
pub(super) const NOW: UnixTime = SIGNED.plus_secs(3600);
/// Place of the entry in its tree, and the tree's size.
pub(super) const INDEX: u64 = 5;
pub(super) const SIZE: u64 = 11;

/// A log with its key.
pub(super) struct Log {
    pub(super) key: Key,
    pub(super) host: &'static str,
    pub(super) generation: Generation,
}

impl Log {
    pub(super) fn v1(host: &'static str) -> Self {
        Self { key: Key::p256(), host, generation: Generation::V1 }
    }

    pub(super) fn v2(host: &'static str) -> Self {
        Self { key: Key::ed25519(), host, generation: Generation::V2 }
    }

    pub(super) fn instance(&self) -> LogInstance {
        LogInstance {
            base_url: format!("https://{}", self.host),
            key: self.key.public().clone(),
            validity: ValidityPeriod::new(START, None).unwrap(),
            log_id: self.note_key().id().to_vec(),
            operator: None,
        }
    }

    pub(super) fn note_key(&self) -> NoteKey {
        let key = self.key.public().clone();
        match self.generation {
            Generation::V1 => NoteKey::rekor_v1(self.host, key).unwrap(),
            Generation::V2 => NoteKey::new(self.host, key).unwrap(),
        }
    }

    pub(super) fn origin(&self) -> String {
        match self.generation {
            Generation::V1 => format!("{} - 1193050959916656506", self.host),
            Generation::V2 => self.host.to_owned(),
        }
    }

    /// A signed checkpoint.
    pub(super) fn checkpoint(&self, size: u64, root: Hash) -> Note {
        self.sign(Checkpoint::new(&self.origin(), size, root).unwrap())
    }

    pub(super) fn sign(&self, checkpoint: Checkpoint) -> Note {
        let text = checkpoint.text();
        let line = self.note_key().signature(self.key.sign(text.as_bytes()));
        Note::new(text, vec![line]).unwrap()
    }

    /// An entry with a body that this log holds and promised (v1) to hold.
    pub(super) fn entry(&self, body: &str) -> LogEntry {
        let (kind, version) = EntryBody::parse(body.as_bytes()).map_or(("hashedrekord", "0.0.1"), |b| b.kind_version());
        let (proof, root) = tree(body.as_bytes(), SIZE);
        let v1 = self.generation == Generation::V1;
        let mut entry = LogEntry {
            log_index: if v1 { 1_000_000 + INDEX } else { INDEX },
            log_id: self.note_key().id().to_vec(),
            kind: kind.to_owned(),
            version: version.to_owned(),
            integrated_time: if v1 { INTEGRATED.secs() as u64 } else { 0 },
            inclusion_promise: None,
            inclusion_proof: Some(InclusionProof {
                log_index: INDEX,
                root_hash: root.to_vec(),
                tree_size: SIZE,
                hashes: proof,
                checkpoint: Some(self.checkpoint(SIZE, root).to_string()),
            }),
            canonicalized_body: body.as_bytes().to_vec(),
        };
        if v1 {
            self.promise(&mut entry);
        }
        entry
    }

    /// Signs the entry's time, as it stands.
    pub(super) fn promise(&self, entry: &mut LogEntry) {
        entry.inclusion_promise = Some(self.key.sign(promise::message(entry).as_bytes()));
    }
}

/// Inclusion proof and root of a tree of `size` leaves with `body` at [`INDEX`].
pub(super) fn tree(body: &[u8], size: u64) -> (Vec<Hash>, Hash) {
    let (mut frontier, mut nodes) = (Frontier::new(), std::collections::HashMap::new());
    for index in 0..size {
        let leaf = if index == INDEX { merkle::leaf_hash(body) } else { merkle::leaf_hash(&index.to_be_bytes()) };
        frontier.append(leaf, |level, index, hash| {
            nodes.insert((level, index), hash);
        });
    }
    let node = |level, index| Ok::<_, Infallible>(nodes[&(level, index)]);
    let Ok(proof) = merkle::inclusion_proof(INDEX, size, node);
    (proof.unwrap(), frontier.root())
}

/// A signer who signed an artifact and an attestation.
pub(super) struct Act {
    pub(super) key: Key,
    pub(super) certificate: Certificate,
    pub(super) digest: Digest,
    pub(super) signature: Vec<u8>,
    pub(super) envelope: Envelope,
}

impl Act {
    pub(super) fn new(artifact: &[u8]) -> Self {
        let (certificate, key) = Authority::root("root").leaf();
        Self::by(key, certificate, artifact)
    }

    pub(super) fn by(key: Key, certificate: Certificate, artifact: &[u8]) -> Self {
        let mut envelope = Envelope {
            payload_type: IN_TOTO.to_owned(),
            payload: artifact.to_vec(),
            signature: Vec::new(),
            key_id: String::new(),
        };
        envelope.signature = key.sign(&envelope.pae());
        let digest = Digest::of(DigestAlgorithm::Sha256, artifact);
        Self { signature: key.sign(artifact), key, certificate, digest, envelope }
    }

    pub(super) fn verifier(&self) -> Verifier<'_> {
        Verifier::Certificate(&self.certificate)
    }

    pub(super) fn message(&self) -> SignedMaterial<'_> {
        SignedMaterial {
            signature: &self.signature,
            signed_by: SignedBy::Certificate(&self.certificate),
            content: SignedContent::Message { digest: self.digest },
        }
    }

    pub(super) fn attestation(&self) -> SignedMaterial<'_> {
        SignedMaterial {
            signature: &self.envelope.signature,
            signed_by: SignedBy::Certificate(&self.certificate),
            content: SignedContent::Dsse { envelope: &self.envelope },
        }
    }

    pub(super) fn payload_digest(&self) -> Digest {
        Digest::of(DigestAlgorithm::Sha256, &self.envelope.payload)
    }

    /// hashedrekord 0.0.1 of the artifact.
    pub(super) fn hashed(&self) -> String {
        HashedRekord::body(&self.digest, &self.signature, &self.verifier())
    }

    /// dsse 0.0.1 of the attestation.
    pub(super) fn dsse(&self) -> String {
        Dsse::body(&self.digest, &self.payload_digest(), &self.envelope.signature, &self.verifier())
    }

    /// hashedrekord 0.0.2 of the artifact.
    pub(super) fn hashed_v2(&self) -> String {
        HashedRekordV2::body(&self.digest, &self.signature, &self.verifier()).unwrap()
    }

    /// hashedrekord 0.0.2 of the attestation.
    pub(super) fn dsse_v2(&self) -> String {
        let digest = Digest::of(DigestAlgorithm::Sha256, &self.envelope.pae());
        HashedRekordV2::body(&digest, &self.envelope.signature, &self.verifier()).unwrap()
    }
}

/// Two logs of each generation, all known, and an act.
pub(super) struct World {
    pub(super) v1: Log,
    pub(super) v2: Log,
    pub(super) other_v1: Log,
    pub(super) other_v2: Log,
    pub(super) act: Act,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            v1: Log::v1("rekor.example"),
            v2: Log::v2("log2026-1.example"),
            other_v1: Log::v1("other.example"),
            other_v2: Log::v2("log2026-2.example"),
            act: Act::new(b"artifact"),
        }
    }

    pub(super) fn logs(&self) -> Logs {
        Logs::new(&self.instances())
    }

    fn instances(&self) -> [LogInstance; 4] {
        [&self.v1, &self.v2, &self.other_v1, &self.other_v2].map(Log::instance)
    }

    /// A good entry of each kind with what it is about.
    pub(super) fn entries(&self) -> [(LogEntry, SignedMaterial<'_>); 4] {
        [
            (self.v1.entry(&self.act.hashed()), self.act.message()),
            (self.v1.entry(&self.act.dsse()), self.act.attestation()),
            (self.v2.entry(&self.act.hashed_v2()), self.act.message()),
            (self.v2.entry(&self.act.dsse_v2()), self.act.attestation()),
        ]
    }

    /// A good entry of each generation.
    pub(super) fn one_each(&self) -> [(LogEntry, &Log); 2] {
        [(self.v1.entry(&self.act.hashed()), &self.v1), (self.v2.entry(&self.act.hashed_v2()), &self.v2)]
    }

    pub(super) fn verify(&self, entry: &LogEntry, signed: &SignedMaterial<'_>) -> Result<EntryLogged, LogError> {
        judge(&self.instances(), entry, signed)
    }

    /// The code of the verdict about an entry on the artifact.
    pub(super) fn code(&self, entry: &LogEntry) -> &'static str {
        code(self.verify(entry, &self.act.message()))
    }

    /// The code of the verdict about an entry after a change to it.
    pub(super) fn changed(&self, entry: &LogEntry, change: impl FnOnce(&mut LogEntry)) -> &'static str {
        let mut entry = entry.clone();
        change(&mut entry);
        self.code(&entry)
    }

    /// The same, for a change to the proof.
    pub(super) fn proof(&self, entry: &LogEntry, change: impl FnOnce(&mut InclusionProof)) -> &'static str {
        self.changed(entry, |entry| change(entry.inclusion_proof.as_mut().unwrap()))
    }
}

/// The verdict of these logs, written out as a case.
pub(super) fn judge(
    logs: &[LogInstance],
    entry: &LogEntry,
    signed: &SignedMaterial<'_>,
) -> Result<EntryLogged, LogError> {
    let verdict = Logs::new(logs).verify_entry(entry, signed, NOW);
    if let Err(error) = &verdict {
        cases::entry(logs, entry, signed, NOW, error.code());
    }
    verdict
}

pub(super) fn code(verdict: Result<EntryLogged, LogError>) -> &'static str {
    verdict.map_or_else(|error| error.code().name(), |_| "accepted")
}
