//! The whole log judged from its bytes: entries, leaves, tiles, root, checkpoint. It changes nothing, and
//! goes on past what it finds as far as there is something to go on with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::beside::Beside;
use super::{Codec, LogError};
use crate::base::crypto::sha256;
use crate::base::limits;
use crate::format::merkle::{Frontier, Hash, Tile, TileKind, tile};

/// What the files of a log hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Leaves in the tree that was judged.
    pub size: u64,
    /// Bytes of its entries.
    pub bytes: u64,
    /// Full tiles of hashes that were compared.
    pub tiles: u64,
    /// What is wrong; nothing when the log is sound.
    pub findings: Vec<Finding>,
}

/// Something that the signed checkpoint disproves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

/// Reads the whole log and compares everything with everything. Errors are of the disk: no judgement.
pub fn fsck<C: Codec>(log: &Beside<'_, C>) -> Result<Report, LogError> {
    let report = Report { size: log.size(), bytes: 0, tiles: 0, findings: Vec::new() };
    let mut scan = Scan { log, frontier: Frontier::new(), digest: Hash::default(), open: BTreeMap::new(), report };
    let whole = scan.all()?;
    let Scan { frontier, digest, mut report, .. } = scan;
    let commits = || log.commits();
    if whole && frontier.root() != log.root() {
        let what = "the entries do not lead to the root that it signs".to_owned();
        report.findings.push(Finding { path: commits(), what });
    } else if whole && report.findings.is_empty() && digest != log.records() {
        let what = "an entry is not stored as it was committed".to_owned();
        report.findings.push(Finding { path: commits(), what });
    }
    Ok(report)
}

/// Entries whose tiles may not have been made yet.
const UNSEALED: u64 = limits::LOG_BATCH as u64 + tile::WIDTH as u64;

struct Scan<'a, 'c, C: Codec> {
    log: &'a Beside<'c, C>,
    frontier: Frontier,
    /// As the commits have it: SHA-256(digest before ‖ record).
    digest: Hash,
    /// Hashes of each level since its last full tile.
    open: BTreeMap<u8, Vec<Hash>>,
    report: Report,
}

impl<C: Codec> Scan<'_, '_, C> {
    /// Whether there were leaves for the whole tree.
    fn all(&mut self) -> Result<bool, LogError> {
        for bundle in 0..self.log.size().div_ceil(tile::WIDTH.into()) {
            let Some(tile) = Tile::of_tree(C::BUNDLES, bundle, self.log.size()) else { return Ok(false) };
            let Some(leaves) = self.leaves(tile)? else { return Ok(false) };
            let open = &mut self.open;
            for leaf in leaves {
                self.frontier.append(leaf, |level, _, hash| {
                    if level % tile::HEIGHT == 0 {
                        open.entry(level / tile::HEIGHT).or_default().push(hash);
                    }
                });
            }
            self.compare_full()?;
        }
        Ok(true)
    }

    /// The leaves of a bundle: of its entries, or of the tile over it where the entries are damaged.
    fn leaves(&mut self, bundle: Tile) -> Result<Option<Vec<Hash>>, LogError> {
        match self.read(bundle) {
            Ok(leaves) => return Ok(Some(leaves)),
            Err(LogError::Lost { path, found, committed }) => {
                let what = format!("it holds {found} whole entries of {committed}");
                self.report.findings.push(Finding { path, what });
            }
            Err(LogError::Damaged { path, what }) => {
                self.report.findings.push(Finding { path, what: what.to_owned() });
            }
            Err(error) => return Err(error),
        }
        let tile = Tile::new(TileKind::Hashes { level: 0 }, bundle.index(), bundle.width());
        let Some(tile) = tile.filter(Tile::is_full) else { return Ok(None) };
        Ok(self.log.full_tile(tile)?.and_then(|bytes| tile.hashes(&bytes).ok()))
    }

    fn read(&mut self, bundle: Tile) -> Result<Vec<Hash>, LogError> {
        let (path, bytes) = self.log.bundle_file(bundle.index())?;
        let mut rest = bytes.as_slice();
        let mut leaves = Vec::with_capacity(bundle.width().into());
        for found in 0..u64::from(bundle.width()) {
            let Some((record, after)) = self.log.codec().read(rest) else {
                return Err(LogError::Lost { path, found, committed: bundle.width().into() });
            };
            let (raw, _) = rest.split_at(rest.len() - after.len());
            self.digest = sha256(&[&self.digest, raw]);
            leaves.push(record.leaf);
            rest = after;
        }
        if bundle.is_full() && !rest.is_empty() {
            return Err(LogError::Damaged { path, what: "it holds more than 256 entries" });
        }
        self.report.bytes += (bytes.len() - rest.len()) as u64;
        Ok(leaves)
    }

    /// Compares the tiles that became full with their files.
    fn compare_full(&mut self) -> Result<(), LogError> {
        for (level, hashes) in &mut self.open {
            if hashes.len() < usize::from(tile::WIDTH) {
                continue;
            }
            let (level, hashes) = (*level, std::mem::take(hashes).concat());
            let index = (self.frontier.size() >> (u32::from(level + 1) * u32::from(tile::HEIGHT))) - 1;
            let Some(tile) = Tile::new(TileKind::Hashes { level }, index, tile::WIDTH) else { continue };
            self.report.tiles += 1;
            let what = match self.log.full_tile(tile)? {
                Some(bytes) if bytes == hashes => continue,
                // A log that was killed makes the tiles of its last batch when it starts again.
                None if self.frontier.size() + UNSEALED >= self.log.size() => continue,
                Some(_) => "it holds other hashes than the entries have",
                None => "it is missing",
            };
            self.report.findings.push(Finding { path: self.log.path(tile), what: what.to_owned() });
        }
        Ok(())
    }
}
