//! Entries: read, proven, and held against whom one watches for.

use super::finding::FoundEntry;
use super::state::State;
use super::tree::{Tree, TreeError};
use super::{Event, Finding, Kind, LEDGER_PAUSE, Listener, Monitor, MonitorError};
use crate::base::crypto::PublicKey;
use crate::base::encoding::hex;
use crate::base::limits;
use crate::format::bundle::{InclusionProof, LogEntry};
use crate::format::checkpoint::{Checkpoint, NoteKey};
use crate::format::log_entry_body::{EntryBody, VerifierDer};
use crate::format::merkle::{Frontier, Hash, Tile, TileKind, leaf_hash, tile};
use crate::format::x509::{Certificate, FulcioClaims, GeneralName};
use crate::policy::{Claimant, Concern};
use crate::service::ledger::Recorded;

/// The entries under one checkpoint.
pub(super) struct Reading<'m> {
    pub(super) monitor: &'m Monitor,
    pub(super) key: &'m NoteKey,
    pub(super) checkpoint: &'m Checkpoint,
}

/// An entry that somebody has to hear of.
struct Told {
    kind: Kind,
    entry: FoundEntry,
    body: Vec<u8>,
}

impl Reading<'_> {
    /// Reads on to the last entry, some bundles at a time; what they hold is proven before anything is made of it,
    /// told, and only then counted as read.
    pub(super) async fn read(
        &self,
        tree: &mut Tree,
        state: &mut State,
        listener: &mut dyn Listener,
    ) -> Result<u64, MonitorError> {
        let mut findings = 0;
        let mut recorded = self.monitor.recorded()?;
        if let Some(lines) = recorded.as_ref().map(Recorded::torn).filter(|lines| *lines > 0) {
            listener.tell(Event::TornLedger { lines }).await?;
        }
        let width = u64::from(tile::WIDTH);
        while state.read.size() < tree.size() {
            let first = state.read.size() / width;
            let wanted: Vec<Tile> = (first..first + limits::MONITOR_BUNDLES)
                .map_while(|index| Tile::of_tree(TileKind::Entries, index, tree.size()))
                .collect();
            let bundles = tree.bundles(&wanted).await?;
            let mut read = state.read.clone();
            let mut told = Vec::new();
            let mut ends = Vec::with_capacity(wanted.len());
            let mut whole = true;
            for (tile, bytes) in wanted.iter().zip(&bundles) {
                let Some(entries) = entries(*tile, bytes) else {
                    whole = false;
                    break;
                };
                let skipped = usize::try_from(read.size() - tile.index() * width).unwrap_or(usize::MAX);
                for body in entries.iter().skip(skipped) {
                    let (index, leaf) = (read.size(), leaf_hash(body));
                    told.extend(self.concerning(index, leaf, body));
                    read.append(leaf, |_, _, _| {});
                }
                ends.push(read.clone());
            }
            let proven = match tree.prefix(read.size()).await {
                Ok(prefix) => whole && prefix.root() == read.root(),
                Err(TreeError::Read(error)) => return Err(error.into()),
                Err(TreeError::Wrong) => {
                    let found = Finding::tiles(self.checkpoint);
                    self.monitor.served_wrong(listener, found, &state.note, &[]).await?;
                    return Ok(findings + 1);
                }
            };
            if !proven {
                self.wrong(tree, (&wanted, &bundles, &ends), &state.note, listener).await?;
                return Ok(findings + 1);
            }
            findings += self.tell(tree, told, &mut recorded, &state.note, listener).await?;
            state.read = read;
            self.monitor.states.save(self.key, state)?;
        }
        Ok(findings)
    }

    /// The first bundle that is not the tree's, as evidence.
    async fn wrong(
        &self,
        tree: &mut Tree,
        (wanted, bundles, ends): (&[Tile], &[Vec<u8>], &[Frontier]),
        note: &str,
        listener: &mut dyn Listener,
    ) -> Result<(), MonitorError> {
        let mut at = ends.len();
        for (place, end) in ends.iter().enumerate() {
            match tree.prefix(end.size()).await {
                Ok(prefix) if prefix.root() == end.root() => {}
                Err(TreeError::Read(error)) => return Err(error.into()),
                _ => {
                    at = place;
                    break;
                }
            }
        }
        let (bundle, bytes) = (wanted.get(at).map_or(0, Tile::index), bundles.get(at).map_or(&[][..], Vec::as_slice));
        let found = Finding::entries(self.checkpoint, bundle);
        self.monitor.served_wrong(listener, found, note, &[("bundle", bytes)]).await
    }

    /// The entry, if one watches for whom it is by.
    fn concerning(&self, index: u64, leaf: Hash, body: &[u8]) -> Option<Told> {
        let watches = &self.monitor.interest.watches;
        if watches.is_empty() {
            return None;
        }
        let read = Read::of(body);
        let concern = match &read.claimant {
            Some(claimant) => {
                let all = watches.iter().map(|watch| watch.concerns(claimant.borrowed()));
                let all: Vec<Concern> = all.collect();
                match () {
                    () if all.contains(&Concern::Yes) => Kind::Entry,
                    () if all.contains(&Concern::Unclear) => Kind::Unclear,
                    () => return None,
                }
            }
            None => Kind::Unclear,
        };
        let (names, issuer) = read.claimant.as_ref().map_or((Vec::new(), None), Owned::shown);
        let entry = FoundEntry { index, leaf, artifact: read.artifact, names, issuer };
        Some(Told { kind: concern, entry, body: body.to_vec() })
    }

    /// Tells of entries, each with the proof that it is in the log; of those that a ledger has, nothing.
    async fn tell(
        &self,
        tree: &mut Tree,
        mut told: Vec<Told>,
        recorded: &mut Option<Recorded>,
        note: &str,
        listener: &mut dyn Listener,
    ) -> Result<u64, MonitorError> {
        if let Some(before) = recorded
            && told.iter().any(|told| !before.has(&told.entry.leaf))
        {
            // A signer writes its line after the log has answered it.
            tokio::time::sleep(LEDGER_PAUSE).await;
            *recorded = self.monitor.recorded()?;
        }
        if let Some(recorded) = recorded {
            told.retain(|told| !recorded.has(&told.entry.leaf));
            for told in &mut told {
                told.kind = if told.kind == Kind::Entry { Kind::Unrecorded } else { told.kind };
            }
        }
        let findings = told.len() as u64;
        for told in told {
            let hashes = match tree.inclusion(told.entry.index, &told.entry.leaf).await {
                Ok(hashes) => hashes,
                Err(TreeError::Read(error)) => return Err(error.into()),
                // The leaves were proven: only what is served beside them can be wrong.
                Err(TreeError::Wrong) => Vec::new(),
            };
            let entry = self.entry(&told, hashes, note);
            let found = Finding::entry(told.kind, self.checkpoint, told.entry);
            self.monitor.found(listener, found, &[("logged", entry.as_bytes()), ("body", &told.body)]).await?;
        }
        Ok(findings)
    }

    /// The entry as bundles have it: with its proof and the checkpoint that it leads to.
    fn entry(&self, told: &Told, hashes: Vec<Hash>, note: &str) -> String {
        let kind = EntryBody::parse(&told.body).map_or(("", ""), |body| body.kind_version());
        let proof = InclusionProof {
            log_index: told.entry.index,
            root_hash: self.checkpoint.root().to_vec(),
            tree_size: self.checkpoint.size(),
            hashes,
            checkpoint: Some(note.to_owned()),
        };
        LogEntry {
            log_index: told.entry.index,
            log_id: self.key.id().to_vec(),
            kind: kind.0.to_owned(),
            version: kind.1.to_owned(),
            integrated_time: 0,
            inclusion_promise: None,
            inclusion_proof: Some(proof),
            canonicalized_body: told.body.clone(),
        }
        .to_json()
    }
}

/// The entries of a bundle; of one that was served longer than it was asked for, the beginning.
fn entries(tile: Tile, bytes: &[u8]) -> Option<Vec<&[u8]>> {
    if let Ok(entries) = tile.entries(bytes) {
        return Some(entries);
    }
    let full = Tile::new(tile.kind(), tile.index(), tile::WIDTH)?;
    let mut entries = full.entries(bytes).ok()?;
    entries.truncate(tile.width().into());
    Some(entries)
}

/// Whom an entry is by.
enum Owned {
    Certificate(Box<Certificate>),
    Key(Box<PublicKey>),
}

impl Owned {
    fn borrowed(&self) -> Claimant<'_> {
        match self {
            Self::Certificate(certificate) => Claimant::Certificate(certificate),
            Self::Key(key) => Claimant::Key(key),
        }
    }

    fn shown(&self) -> (Vec<String>, Option<String>) {
        match self {
            Self::Key(key) => (vec![format!("key sha256:{}", hex::encode(&key.spki_sha256()))], None),
            Self::Certificate(certificate) => {
                let names = certificate.extensions().subject_alt_names.as_ref().map_or(&[][..], |names| &names.names);
                let text = |name: &GeneralName| match name {
                    GeneralName::Email(text)
                    | GeneralName::Uri(text)
                    | GeneralName::Dns(text)
                    | GeneralName::Username(text) => Some(text.clone()),
                    _ => None,
                };
                let issuer = FulcioClaims::read(certificate).ok();
                (names.iter().filter_map(text).collect(), issuer.and_then(|claims| claims.issuer().map(str::to_owned)))
            }
        }
    }
}

/// What can be read of a body.
struct Read {
    claimant: Option<Owned>,
    artifact: Option<String>,
}

impl Read {
    fn of(body: &[u8]) -> Self {
        let Ok(EntryBody::HashedRekordV2(record)) = EntryBody::parse(body) else {
            return Self { claimant: None, artifact: None };
        };
        let claimant = match &record.verifier {
            VerifierDer::Certificate(der) => {
                Certificate::from_der(der).ok().map(|found| Owned::Certificate(found.into()))
            }
            VerifierDer::PublicKey(spki) => PublicKey::from_spki(spki).ok().map(|found| Owned::Key(found.into())),
        };
        Self { claimant, artifact: Some(record.digest.to_string()) }
    }
}
