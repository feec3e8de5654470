//! The entry that a log has already. It answers 409 with the index alone; body, checkpoint and proof
//! are made from what the index says: the body is known, the rest stands in the log's tiles
//! (<https://c2sp.org/tlog-tiles>).

use std::collections::HashMap;

use super::RekorV2;
use crate::base::limits;
use crate::format::bundle::{InclusionProof, LogEntry};
use crate::format::checkpoint::Checkpoint;
use crate::format::merkle::tile::node_in;
use crate::format::merkle::{Hash, Tile, inclusion_proof};
use crate::service::http::{Response, excerpt};
use crate::service::tlog::TlogError;

/// Tiles that a proof needs at most: one a level of tiles, and one more each at the tree's right edge.
const TILES: usize = 16;

impl RekorV2 {
    pub(super) async fn existing(&self, conflict: &Response, body: &[u8]) -> Result<LogEntry, TlogError> {
        let duplicate = || TlogError::Duplicate { url: self.entries.to_string(), answer: excerpt(&conflict.body, &[]) };
        let index = conflict.headers.get("x-log-index").and_then(|value| value.to_str().ok()?.parse().ok());
        let index: u64 = index.ok_or_else(duplicate)?;
        let response = self.call(&self.base.below("api/v2/checkpoint"), None, &[200]).await?;
        let signed = String::from_utf8(response.body).ok().filter(|text| text.len() <= limits::CHECKPOINT_BYTES);
        let signed = signed.ok_or_else(|| self.malformed("a checkpoint is expected"))?;
        let (checkpoint, _) = Checkpoint::parse(&signed).map_err(|_| self.malformed("a checkpoint is expected"))?;
        let known = self.known.iter().find(|(host, _)| host == checkpoint.origin());
        let (_, log_id) = known.ok_or_else(duplicate)?;
        let hashes = self.proof(index, checkpoint.size()).await?;
        let proof = InclusionProof {
            log_index: index,
            root_hash: checkpoint.root().to_vec(),
            tree_size: checkpoint.size(),
            hashes: hashes.ok_or_else(|| self.malformed("the checkpoint does not cover the entry"))?,
            checkpoint: Some(signed),
        };
        Ok(LogEntry {
            log_index: index,
            log_id: log_id.clone(),
            kind: "hashedrekord".to_owned(),
            version: "0.0.2".to_owned(),
            integrated_time: 0,
            inclusion_promise: None,
            inclusion_proof: Some(proof),
            canonicalized_body: body.to_vec(),
        })
    }

    /// The proof from tiles: walked until a tile is missing, which is fetched, and walked again.
    async fn proof(&self, index: u64, size: u64) -> Result<Option<Vec<Hash>>, TlogError> {
        let mut tiles: HashMap<Tile, Vec<Hash>> = HashMap::new();
        for _ in 0..=TILES {
            let walked: Result<_, Option<Tile>> = inclusion_proof(index, size, |level, index| {
                let (tile, above, place) = Tile::of_node(level, index, size).ok_or(None)?;
                let hashes = tiles.get(&tile).ok_or(Some(tile))?;
                node_in(hashes, above, place).ok_or(None)
            });
            let tile = match walked {
                Ok(proof) => return Ok(proof),
                Err(Some(tile)) => tile,
                Err(None) => return Ok(None),
            };
            let response = self.call(&self.base.below(&format!("api/v2/{tile}")), None, &[200]).await?;
            let hashes = tile.hashes(&response.body);
            let hashes = hashes.map_err(|error| TlogError::Tile { url: self.entries.to_string(), error })?;
            tiles.insert(tile, hashes);
        }
        Ok(None)
    }
}
