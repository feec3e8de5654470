//! A run of the index: the leaves of a range of entries, sorted by hash, in one file that never changes.
//!
//! ```text
//! blocks of 4096 bytes:   up to 102 × (leaf hash, u64 index), zeros, the first 8 bytes of the SHA-256 of these
//! fences:                 the first 8 bytes of each block's first hash
//! trailer:                u64 first, u64 end, SHA-256 of fences, first and end
//! ```
//!
//! The fences are in memory, 8 bytes for 102 entries: a leaf is found with one read. Every block is held to its
//! checksum when it is read.

use std::path::{Path, PathBuf};

use crate::base::crypto::sha256;
use crate::format::merkle::Hash;
use crate::stack::log::vfs::{Appender, Reader};
use crate::stack::log::{Files, LogError};

const BLOCK: usize = 4096;
const CHECKSUM: usize = 8;
const RECORD: usize = 40;
const RECORDS: usize = (BLOCK - CHECKSUM) / RECORD;
const TRAILER: usize = 48;
/// Blocks that are written at once.
const WRITTEN: usize = 64;

/// A leaf and the index of its entry.
pub(in crate::stack::log) type Leaf = (Hash, u64);

/// A run that can be searched.
#[derive(Debug)]
pub(in crate::stack::log) struct Run {
    pub(super) first: u64,
    pub(super) end: u64,
    path: PathBuf,
    file: Box<dyn Reader>,
    fences: Vec<u64>,
}

/// Why a run did not answer, or was not written.
#[derive(Debug)]
pub(in crate::stack::log) enum RunError {
    /// The run that begins here does not hold what was written.
    Damaged {
        /// Its first entry.
        first: u64,
    },
    /// The log is closing.
    Stopped,
    /// The disk.
    Io(LogError),
}

impl From<LogError> for RunError {
    fn from(error: LogError) -> Self {
        Self::Io(error)
    }
}

impl Run {
    /// The name of the run of a range.
    pub(in crate::stack::log) fn name(first: u64, end: u64) -> String {
        format!("{first}-{end}")
    }

    /// The range that a name says, if it is a run's.
    pub(in crate::stack::log) fn range(name: &str) -> Option<(u64, u64)> {
        let (first, end) = name.split_once('-')?;
        let (first, end) = (first.parse().ok()?, end.parse().ok()?);
        (first < end && Self::name(first, end) == name).then_some((first, end))
    }

    /// Opens the run of a range; `None` when it is not there or not whole.
    pub(in crate::stack::log) fn open(
        files: &Files,
        path: &Path,
        first: u64,
        end: u64,
    ) -> Result<Option<Self>, LogError> {
        let failed = |error| LogError::io("read", path, error);
        let file = match files.vfs.open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        let Some(blocks) = usize::try_from(end - first).ok().map(|leaves| leaves.div_ceil(RECORDS)) else {
            return Ok(None);
        };
        if file.length().map_err(failed)? != (blocks * (BLOCK + 8) + TRAILER) as u64 {
            return Ok(None);
        }
        let mut end_of_file = vec![0; blocks * 8 + TRAILER];
        file.read_at((blocks * BLOCK) as u64, &mut end_of_file).map_err(failed)?;
        let (fences, trailer) = end_of_file.split_at(blocks * 8);
        if trailer != self::trailer(fences, first, end) {
            return Ok(None);
        }
        let fences = fences.as_chunks().0.iter().map(|fence| u64::from_be_bytes(*fence)).collect();
        Ok(Some(Self { first, end, path: path.to_owned(), file, fences }))
    }

    /// Entries in it.
    pub(in crate::stack::log) fn length(&self) -> u64 {
        self.end - self.first
    }

    /// The index of an entry with this leaf.
    pub(in crate::stack::log) fn find(&self, leaf: &Hash) -> Result<Option<u64>, RunError> {
        let fence = fence(leaf);
        // The last block that can hold it, and those before which begin with the same bytes.
        let mut blocks = self.fences.partition_point(|first| *first <= fence);
        while let Some(block) = blocks.checked_sub(1) {
            let leaves = self.block(block)?;
            if let Ok(at) = leaves.binary_search_by(|(hash, _)| hash.cmp(leaf)) {
                return Ok(leaves.get(at).map(|(_, index)| *index));
            }
            if self.fences.get(block) != Some(&fence) {
                break;
            }
            blocks = block;
        }
        Ok(None)
    }

    /// The leaves of a block.
    fn block(&self, block: usize) -> Result<Vec<Leaf>, RunError> {
        let mut bytes = vec![0; BLOCK];
        let offset = (block * BLOCK) as u64;
        self.file.read_at(offset, &mut bytes).map_err(|error| LogError::io("read", &self.path, error))?;
        let (leaves, sum) = bytes.split_at(BLOCK - CHECKSUM);
        if checksum(leaves) != sum {
            return Err(self.damaged());
        }
        let count = usize::try_from(self.length()).unwrap_or(usize::MAX).saturating_sub(block * RECORDS).min(RECORDS);
        let leaves: Vec<_> = leaves.as_chunks::<RECORD>().0.iter().take(count).map(decode).collect();
        // A block that is whole in itself may still be one of another place or time.
        let here = leaves.iter().all(|(_, index)| (self.first..self.end).contains(index));
        let sorted =
            leaves.is_sorted() && leaves.first().map(|(hash, _)| self::fence(hash)) == self.fences.get(block).copied();
        if here && sorted { Ok(leaves) } else { Err(self.damaged()) }
    }

    fn damaged(&self) -> RunError {
        RunError::Damaged { first: self.first }
    }

    /// Its leaves in order.
    fn leaves(&self) -> impl Iterator<Item = Result<Leaf, RunError>> {
        (0..self.fences.len()).flat_map(|block| match self.block(block) {
            Ok(leaves) => leaves.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
    }
}

/// The leaves of two runs in order.
pub(in crate::stack::log) fn merge<'a>(
    left: &'a Run,
    right: &'a Run,
) -> impl Iterator<Item = Result<Leaf, RunError>> + 'a {
    let (mut left, mut right) = (left.leaves().peekable(), right.leaves().peekable());
    std::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(Ok(one)), Some(Ok(other))) if one > other => right.next(),
        (None, _) | (Some(Ok(_)), Some(Err(_))) => right.next(),
        _ => left.next(),
    })
}

/// Writes a run, leaf by leaf in order.
pub(in crate::stack::log) struct RunWriter<'a> {
    path: &'a Path,
    file: Box<dyn Appender>,
    first: u64,
    end: u64,
    block: Vec<u8>,
    blocks: Vec<u8>,
    fences: Vec<u8>,
}

impl<'a> RunWriter<'a> {
    /// The writer of a run into a file that must not exist.
    pub(in crate::stack::log) fn create(files: &Files, path: &'a Path, first: u64, end: u64) -> Result<Self, LogError> {
        let file = files.vfs.create(path).map_err(|error| LogError::io("create", path, error))?;
        Ok(Self { path, file, first, end, block: Vec::new(), blocks: Vec::new(), fences: Vec::new() })
    }

    /// Adds a leaf.
    pub(in crate::stack::log) fn push(&mut self, (hash, index): Leaf) -> Result<(), LogError> {
        if self.block.is_empty() {
            self.fences.extend_from_slice(&fence(&hash).to_be_bytes());
        }
        self.block.extend_from_slice(&hash);
        self.block.extend_from_slice(&index.to_be_bytes());
        if self.block.len() == RECORDS * RECORD { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), LogError> {
        self.block.resize(BLOCK - CHECKSUM, 0);
        self.blocks.extend_from_slice(&self.block);
        self.blocks.extend_from_slice(&checksum(&self.block));
        self.block.clear();
        if self.blocks.len() >= WRITTEN * BLOCK { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), LogError> {
        let blocks = std::mem::take(&mut self.blocks);
        self.file.append(&blocks).map_err(|error| LogError::io("write", self.path, error))
    }

    /// Makes it durable.
    pub(in crate::stack::log) fn finish(mut self) -> Result<(), LogError> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.blocks.extend_from_slice(&self.fences);
        self.blocks.extend(trailer(&self.fences, self.first, self.end));
        self.write()?;
        self.file.sync().map_err(|error| LogError::io("sync", self.path, error))
    }
}

fn fence(hash: &Hash) -> u64 {
    hash.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

fn decode(record: &[u8; RECORD]) -> Leaf {
    let mut leaf = (Hash::default(), 0);
    if let Some((hash, index)) = record.split_first_chunk() {
        leaf = (*hash, index.first_chunk().copied().map_or(0, u64::from_be_bytes));
    }
    leaf
}

fn checksum(block: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&sha256(&[block])[..CHECKSUM]);
    sum
}

fn trailer(fences: &[u8], first: u64, end: u64) -> Vec<u8> {
    let (first, end) = (first.to_be_bytes(), end.to_be_bytes());
    [&first[..], &end, &sha256(&[fences, &first, &end])].concat()
}
