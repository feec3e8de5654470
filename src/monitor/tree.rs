//! The tree under one checkpoint, read from tiles that are proven up to its root.

use std::collections::{BTreeSet, HashMap};

use crate::base::limits;
use crate::format::checkpoint::Checkpoint;
use crate::format::merkle::{
    Frontier, Hash, Tile, consistency_proof, empty_root, inclusion_proof, tile::node_in, verify_consistency,
    verify_inclusion,
};
use crate::service::BoxFuture;
use crate::service::bounded::bounded;
use crate::service::tlog::tiles::{ReadError, Tiles};

/// Why a part of the tree is not known.
#[derive(Debug)]
pub(super) enum TreeError {
    /// It could not be fetched.
    Read(ReadError),
    /// What was fetched does not lead to the signed root.
    Wrong,
}

type Fetched = Result<Vec<u8>, ReadError>;

fn fetch(tiles: &Tiles, tile: Tile) -> BoxFuture<'_, Fetched> {
    Box::pin(tiles.tile(tile))
}

/// A tree.
#[derive(Debug)]
pub(super) struct Tree {
    tiles: Tiles,
    size: u64,
    root: Hash,
    /// Tiles that were fetched, each with the hashes that it should have. Only proofs make something of them.
    kept: HashMap<Tile, Vec<Hash>>,
}

impl Tree {
    pub(super) fn new(tiles: Tiles, checkpoint: &Checkpoint) -> Self {
        Self { tiles, size: checkpoint.size(), root: *checkpoint.root(), kept: HashMap::new() }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn tiles(&self) -> &Tiles {
        &self.tiles
    }

    /// The frontier of the first `size` leaves, proven to be the beginning of this tree.
    pub(super) async fn prefix(&mut self, size: u64) -> Result<Frontier, TreeError> {
        if size > self.size || (self.size == 0 && self.root != empty_root()) {
            return Err(TreeError::Wrong);
        }
        if size == 0 {
            return Ok(Frontier::new());
        }
        let mut wanted: Vec<(u8, u64)> = Frontier::nodes(size).collect();
        let _ = consistency_proof(size, self.size, |level, index| {
            wanted.push((level, index));
            Ok::<_, TreeError>(Hash::default())
        });
        let nodes = self.nodes(&wanted).await?;
        let node = |level, index| nodes.get(&(level, index)).copied().ok_or(TreeError::Wrong);
        let hashes = Frontier::nodes(size).map(|(level, index)| node(level, index)).collect::<Result<_, _>>()?;
        let frontier = Frontier::from_hashes(size, hashes).ok_or(TreeError::Wrong)?;
        let proof = consistency_proof(size, self.size, node)?.ok_or(TreeError::Wrong)?;
        let proven = verify_consistency((size, &frontier.root()), (self.size, &self.root), &proof);
        proven.map_err(|_| TreeError::Wrong)?;
        Ok(frontier)
    }

    /// The inclusion proof of a leaf.
    pub(super) async fn inclusion(&mut self, index: u64, leaf: &Hash) -> Result<Vec<Hash>, TreeError> {
        let mut wanted = Vec::new();
        let _ = inclusion_proof(index, self.size, |level, index| {
            wanted.push((level, index));
            Ok::<_, TreeError>(Hash::default())
        });
        let nodes = self.nodes(&wanted).await?;
        let node = |level, index| nodes.get(&(level, index)).copied().ok_or(TreeError::Wrong);
        let proof = inclusion_proof(index, self.size, node)?.ok_or(TreeError::Wrong)?;
        verify_inclusion(index, self.size, leaf, &proof, &self.root).map_err(|_| TreeError::Wrong)?;
        Ok(proof)
    }

    /// Nodes as the log gives them, unproven.
    async fn nodes(&mut self, wanted: &[(u8, u64)]) -> Result<HashMap<(u8, u64), Hash>, TreeError> {
        let size = self.size;
        let place = |level, index| Tile::of_node(level, index, size).ok_or(TreeError::Wrong);
        let mut missing = BTreeSet::new();
        let mut ordered = Vec::new();
        for (level, index) in wanted {
            let (tile, ..) = place(*level, *index)?;
            if !self.kept.contains_key(&tile) && missing.insert(tile.to_string()) {
                ordered.push(tile);
            }
        }
        if self.kept.len() + ordered.len() > limits::MONITOR_TILES {
            self.kept.clear();
            let all = wanted.iter().map(|(level, index)| Ok(place(*level, *index)?.0));
            ordered = all.collect::<Result<_, TreeError>>()?;
            let mut seen = BTreeSet::new();
            ordered.retain(|tile| seen.insert(tile.to_string()));
        }
        let tiles = &self.tiles;
        let fetches: Vec<BoxFuture<'_, Fetched>> = ordered.iter().map(|tile| fetch(tiles, *tile)).collect();
        for (tile, bytes) in ordered.iter().zip(bounded(fetches, limits::MONITOR_FETCHES).await) {
            let mut bytes = bytes.map_err(TreeError::Read)?;
            bytes.truncate(32 * usize::from(tile.width()));
            self.kept.insert(*tile, tile.hashes(&bytes).map_err(|_| TreeError::Wrong)?);
        }
        let mut nodes = HashMap::new();
        for (level, index) in wanted {
            let (tile, above, at) = place(*level, *index)?;
            let node = self.kept.get(&tile).and_then(|hashes| node_in(hashes, above, at));
            nodes.insert((*level, *index), node.ok_or(TreeError::Wrong)?);
        }
        Ok(nodes)
    }

    /// Bundles of entries as the log gives them, unproven, in their order.
    pub(super) async fn bundles(&self, wanted: &[Tile]) -> Result<Vec<Vec<u8>>, ReadError> {
        let tiles = self.tiles();
        let fetches: Vec<BoxFuture<'_, Fetched>> = wanted.iter().map(|tile| fetch(tiles, *tile)).collect();
        bounded(fetches, limits::MONITOR_FETCHES).await.into_iter().collect()
    }
}
