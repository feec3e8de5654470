//! The search's index: for each entry and each thing that it can be found by, half a hash and the entry's index,
//! sixteen bytes, in the log's order.
//!
//! The file is made from the log and never believed over it: a result is read from the log and must say what was
//! asked for. Deleting it costs the time to make it again. A search reads it from its end, so that the newest are
//! found first, within [`limits::SEARCH_RESULTS`].

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::entry;
use crate::base::crypto::sha256;
use crate::base::limits;
use crate::format::merkle::tile;
use crate::stack::log::{Head, Log, LogError, ReadError};
use crate::stack::rekor::RekorCodec;

/// Bytes of a record.
const RECORD: u64 = 16;
/// Bytes that are read at once.
const CHUNK: u64 = 1 << 20;

/// The index of a log, in one file.
#[derive(Debug)]
pub struct SearchIndex {
    path: PathBuf,
    indexed: AtomicU64,
}

impl SearchIndex {
    /// Opens or makes the file. What does not end in a whole entry is cut off.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let io = |source| LogError::io("open", path, source);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        // The last entry may lack a record: it is made again.
        let (mut kept, mut indexed) = (length - length % RECORD, 0);
        if let Some((last, _)) = read_back(&mut file, kept).map_err(io)?.last() {
            indexed = *last;
            while kept > 0 && read_back(&mut file, kept).map_err(io)?.last().is_some_and(|(index, _)| *index == indexed)
            {
                kept -= RECORD;
            }
        }
        file.set_len(kept).map_err(io)?;
        Ok(Self { path: path.to_owned(), indexed: AtomicU64::new(indexed) })
    }

    /// Entries that can be found.
    pub fn indexed(&self) -> u64 {
        self.indexed.load(Ordering::Relaxed)
    }

    /// Takes in the next bundle of the log; `false` when there is nothing to take in.
    pub fn advance(&self, log: &Log<RekorCodec>, head: &Head) -> Result<bool, ReadError> {
        let start = self.indexed();
        let end = head.size().min((start / u64::from(tile::WIDTH) + 1) * u64::from(tile::WIDTH));
        if start >= end {
            return Ok(false);
        }
        let mut records = Vec::new();
        for shown in super::range(log, head, start, end)? {
            let index = shown["index"].as_u64().unwrap_or_default();
            let mut terms = entry::terms(&shown);
            if terms.is_empty() {
                // So that the file says how far it has come.
                terms.push(String::new());
            }
            for term in terms {
                records.extend_from_slice(&half(&term));
                records.extend_from_slice(&index.to_be_bytes());
            }
        }
        let io = |source| ReadError::IndexIo(LogError::io("write", &self.path, source));
        let mut file = OpenOptions::new().append(true).open(&self.path).map_err(io)?;
        file.write_all(&records).map_err(io)?;
        self.indexed.store(end, Ordering::Relaxed);
        Ok(true)
    }

    /// Entries that may say this, newest first.
    pub(super) fn find(&self, term: &str) -> Result<Vec<u64>, LogError> {
        let io = |source| LogError::io("read", &self.path, source);
        let sought = half(term);
        let mut file = File::open(&self.path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut end = length - length % RECORD;
        let mut found = Vec::new();
        while end > 0 && found.len() < limits::SEARCH_RESULTS {
            let records = read_back(&mut file, end).map_err(io)?;
            found.extend(records.iter().rev().filter(|(_, half)| *half == sought).map(|(index, _)| *index));
            end -= records.len() as u64 * RECORD;
        }
        found.dedup();
        found.truncate(limits::SEARCH_RESULTS);
        Ok(found)
    }
}

/// The records before `end`, a chunk of them.
fn read_back(file: &mut File, end: u64) -> io::Result<Vec<(u64, [u8; 8])>> {
    let start = end.saturating_sub(CHUNK);
    let mut bytes = vec![0; usize::try_from(end - start).unwrap_or_default()];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut bytes)?;
    let record = |record: &[u8]| {
        let (half, index) = record.split_at_checked(8)?;
        Some((u64::from_be_bytes(index.try_into().ok()?), half.try_into().ok()?))
    };
    Ok(bytes.chunks_exact(16).filter_map(record).collect())
}

fn half(term: &str) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = sha256(&[term.as_bytes()]);
    [a, b, c, d, e, f, g, h]
}
