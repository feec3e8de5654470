//! The right edge of the tree: what is not yet, or will never be, a full tile on the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::crypto::sha256;
use crate::format::merkle::{Frontier, Hash, Tile, TileKind, node_hash, tile};

/// Hashes and records at the right edge, shared cheaply between a head and the one after it.
#[derive(Debug, Clone, Default)]
pub(super) struct Edge {
    frontier: Frontier,
    /// The chained digest of every record.
    digest: Hash,
    /// By level and index of the tile.
    tiles: BTreeMap<(u8, u64), Arc<Nodes>>,
    /// By index of the bundle.
    bundles: BTreeMap<u64, Bundle>,
}

/// The complete nodes within one tile by their level above its hashes, which are the first: a proof looks them up.
#[derive(Debug, Clone, Default)]
struct Nodes([Vec<Hash>; tile::HEIGHT as usize]);

impl Nodes {
    /// The nodes over the hashes of a tile.
    fn over(hashes: Vec<Hash>) -> Self {
        let mut below = hashes;
        let levels = std::array::from_fn(|_| {
            let above = below.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
            std::mem::replace(&mut below, above)
        });
        Self(levels)
    }

    fn hashes(&self) -> &[Hash] {
        let [hashes, ..] = &self.0;
        hashes
    }
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
        self.tiles.insert((level, index), Arc::new(Nodes::over(hashes)));
    }

    /// Appends a record.
    pub(super) fn push(&mut self, record: Arc<[u8]>, leaf: Hash) {
        let before = self.digest;
        self.digest = sha256(&[&before, &record]);
        let bundle = self.bundles.entry(self.frontier.size() / WIDTH);
        let bundle = bundle.or_insert_with(|| Bundle { before, records: Arc::default() });
        Arc::make_mut(&mut bundle.records).push(record);
        let tiles = &mut self.tiles;
        self.frontier.append(leaf, |level, index, hash| {
            let (tile, above, _) = place(level, index);
            let Nodes(levels) = Arc::make_mut(tiles.entry(tile).or_default());
            if let Some(nodes) = levels.get_mut(usize::from(above)) {
                nodes.push(hash);
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
        self.tiles.get(&(level, index)).map(|nodes| nodes.hashes())
    }

    /// A complete node of the tree by its level and index, when its tile is here.
    pub(super) fn node(&self, level: u8, index: u64) -> Option<Hash> {
        let (tile, above, at) = place(level, index);
        self.tiles.get(&tile)?.0.get(usize::from(above))?.get(at).copied()
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
        let full = self.tiles.iter().filter(|(_, nodes)| nodes.hashes().len() as u64 == WIDTH);
        full.filter_map(|((level, index), nodes)| {
            let tile = Tile::new(TileKind::Hashes { level: *level }, *index, tile::WIDTH)?;
            Some((tile, nodes.hashes().concat()))
        })
        .collect()
    }

    /// Lets go of full bundles and tiles: they are on the disk.
    pub(super) fn drop_full(&mut self) {
        self.drop_full_bundles();
        self.tiles.retain(|_, nodes| (nodes.hashes().len() as u64) < WIDTH);
    }

    /// Lets go of full bundles.
    pub(super) fn drop_full_bundles(&mut self) {
        self.bundles.retain(|_, bundle| (bundle.records.len() as u64) < WIDTH);
    }

    /// Lets go of one tile of hashes.
    pub(super) fn drop_tile(&mut self, tile: Tile) {
        if let TileKind::Hashes { level } = tile.kind() {
            self.tiles.remove(&(level, tile.index()));
        }
    }
}

/// Where a node of the tree stands: level and index of its tile, its level above the tile's hashes, its index there.
fn place(level: u8, index: u64) -> ((u8, u64), u8, usize) {
    let (tile, above) = (level / tile::HEIGHT, level % tile::HEIGHT);
    let width = WIDTH >> above;
    ((tile, index / width), above, (index % width) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_those_over_the_hashes() {
        let mut edge = Edge::default();
        let leaf = |number: u64| sha256(&[&number.to_be_bytes()]);
        for number in 0..600 {
            edge.push(Arc::from([]), leaf(number));
        }
        let mut adopted = Edge::resume(Frontier::default(), [0; 32]);
        for ((level, index), nodes) in &edge.tiles {
            adopted.adopt(*level, *index, nodes.hashes().to_vec());
        }
        for level in 0..10u8 {
            for index in 0..600 >> level {
                let leaves: Vec<_> = (index << level..(index + 1) << level).map(leaf).collect();
                let mut frontier = Frontier::new();
                leaves.into_iter().for_each(|leaf| frontier.append(leaf, |_, _, _| {}));
                assert_eq!(edge.node(level, index), Some(frontier.root()), "{level} {index}");
                assert_eq!(adopted.node(level, index), Some(frontier.root()), "{level} {index}");
            }
            assert_eq!(edge.node(level, 600 >> level), None);
        }
    }
}
