//! The right edge of the tree: what is not yet, or will never be, a full tile on the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::crypto::sha256;
use crate::format::merkle::{Frontier, Hash, Tile, TileKind, tile};

/// Hashes and records at the right edge, shared cheaply between a head and the one after it.
#[derive(Debug, Clone, Default)]
pub(super) struct Edge {
    frontier: Frontier,
    /// The chained digest of every record.
    digest: Hash,
    /// By level and index of the tile.
    hashes: BTreeMap<(u8, u64), Arc<Vec<Hash>>>,
    /// By index of the bundle.
    bundles: BTreeMap<u64, Bundle>,
}

/// Records of one bundle.
#[derive(Debug, Clone)]
struct Bundle {
    /// The digest of the records before it.
    before: Hash,
    records: Arc<Vec<Arc<[u8]>>>,
}

const WIDTH: u64 = tile::WIDTH as u64;

impl Edge {
    /// The edge of a tree of full bundles, all of them on the disk.
    pub(super) fn resume(frontier: Frontier, digest: Hash) -> Self {
        Self { frontier, digest, ..Self::default() }
    }

    /// Takes over hashes of a tile.
    pub(super) fn adopt(&mut self, level: u8, index: u64, hashes: Vec<Hash>) {
        self.hashes.insert((level, index), Arc::new(hashes));
    }

    /// Appends a record.
    pub(super) fn push(&mut self, record: Arc<[u8]>, leaf: Hash) {
        let before = self.digest;
        self.digest = sha256(&[&before, &record]);
        let bundle = self.bundles.entry(self.frontier.size() / WIDTH);
        let bundle = bundle.or_insert_with(|| Bundle { before, records: Arc::default() });
        Arc::make_mut(&mut bundle.records).push(record);
        let hashes = &mut self.hashes;
        self.frontier.append(leaf, |level, index, hash| {
            if level % tile::HEIGHT == 0 {
                let tile = hashes.entry((level / tile::HEIGHT, index / WIDTH)).or_default();
                Arc::make_mut(tile).push(hash);
            }
        });
    }

    /// Leaves in the tree.
    pub(super) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of the tree.
    pub(super) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The chained digest of every record as stored: SHA-256(digest before ‖ record), from 32 zeros on.
    pub(super) fn digest(&self) -> Hash {
        self.digest
    }

    /// The hashes of a tile, when they are here.
    pub(super) fn hashes(&self, level: u8, index: u64) -> Option<&[Hash]> {
        self.hashes.get(&(level, index)).map(|hashes| hashes.as_slice())
    }

    /// The records of a bundle, when they are here.
    pub(super) fn records(&self, index: u64) -> Option<&[Arc<[u8]>]> {
        self.bundles.get(&index).map(|bundle| bundle.records.as_slice())
    }

    /// The first bundle that is here, with the digest of the records before it; at the edge of a tree of full
    /// bundles, the one that comes next.
    pub(super) fn unsealed(&self) -> (u64, Hash) {
        let first = self.bundles.first_key_value().map(|(index, bundle)| (*index, bundle.before));
        first.unwrap_or((self.size() / WIDTH, self.digest))
    }

    /// Bundles that are full, lowest first.
    pub(super) fn full_bundles(&self) -> Vec<u64> {
        let full = self.bundles.iter().filter(|(_, bundle)| bundle.records.len() as u64 == WIDTH);
        full.map(|(index, _)| *index).collect()
    }

    /// Tiles of hashes that are full, with their bytes, lowest level first.
    pub(super) fn full_tiles(&self) -> Vec<(Tile, Vec<u8>)> {
        let full = self.hashes.iter().filter(|(_, hashes)| hashes.len() as u64 == WIDTH);
        full.filter_map(|((level, index), hashes)| {
            let tile = Tile::new(TileKind::Hashes { level: *level }, *index, tile::WIDTH)?;
            Some((tile, hashes.concat()))
        })
        .collect()
    }

    /// Lets go of full bundles and tiles: they are on the disk.
    pub(super) fn drop_full(&mut self) {
        self.drop_full_bundles();
        self.hashes.retain(|_, hashes| (hashes.len() as u64) < WIDTH);
    }

    /// Lets go of full bundles.
    pub(super) fn drop_full_bundles(&mut self) {
        self.bundles.retain(|_, bundle| (bundle.records.len() as u64) < WIDTH);
    }

    /// Lets go of one tile of hashes.
    pub(super) fn drop_tile(&mut self, tile: Tile) {
        if let TileKind::Hashes { level } = tile.kind() {
            self.hashes.remove(&(level, tile.index()));
        }
    }
}
