//! A tar archive whose files are read in place: an index of names, made once, and reads at offsets.
//!
//! Only regular files are taken, each name once, none absolute and none with a part that is empty, `.` or `..`:
//! the archive means the same to every program that unpacks it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tar::EntryType;

use super::files::file_error;
use crate::base::crypto::{Digest, DigestAlgorithm, Hasher};
use crate::base::limits;
use crate::service::store::StoreError;

/// A file out of an archive; `None` when there is none of its name.
pub type Picked = Option<Vec<u8>>;

/// An archive that is open for reading. Clones read the same file.
#[derive(Debug, Clone)]
pub struct Archive {
    path: PathBuf,
    file: Arc<File>,
    /// Where each file begins, and how long it is.
    entries: Arc<BTreeMap<String, (u64, u64)>>,
}

impl Archive {
    /// Opens an archive and reads its names.
    ///
    /// # Errors
    ///
    /// [`StoreError::Layout`] when it is none, or holds more than plain files; [`StoreError::File`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let wrong = |problem| StoreError::Layout { path: path.to_owned(), problem };
        let failed = |error: io::Error| file_error(path, &error);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut archive = tar::Archive::new(BufReader::new(file.try_clone().map_err(failed)?));
        let mut entries = BTreeMap::new();
        for entry in archive.entries_with_seek().map_err(|_| wrong("it is no tar archive"))? {
            let entry = entry.map_err(|_| wrong("it is no tar archive, or is cut short"))?;
            match entry.header().entry_type() {
                EntryType::Directory => continue,
                EntryType::Regular => {}
                _ => return Err(wrong("it holds a link or a special file")),
            }
            let bytes = entry.path_bytes();
            let name = std::str::from_utf8(&bytes).ok().filter(|name| is_plain(name));
            let name = name.ok_or_else(|| wrong("it holds a name that leads elsewhere"))?;
            let (at, size) = (entry.raw_file_position(), entry.size());
            if at.checked_add(size).is_none_or(|end| end > length) {
                return Err(wrong("it is cut short"));
            }
            if entries.insert(name.to_owned(), (at, size)).is_some() {
                return Err(wrong("it holds a name twice"));
            }
            if entries.len() > limits::ARCHIVE_ENTRIES {
                return Err(wrong("it holds more files than are looked at"));
            }
        }
        Ok(Self { path: path.to_owned(), file: Arc::new(file), entries: Arc::new(entries) })
    }

    /// Where the archive is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of its files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// A file; `None` when there is none of this name.
    pub fn open_file(&self, name: &str) -> Option<impl Read + use<>> {
        self.part(name)
    }

    /// A file of at most `limit` bytes; `None` when there is none of this name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Layout`] when it is longer, [`StoreError::File`].
    pub fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(mut part) = self.part(name) else { return Ok(None) };
        if part.left > u64::try_from(limit).unwrap_or(u64::MAX) {
            let path = self.path.join(name);
            return Err(StoreError::Layout { path, problem: "the file is longer than such files may be" });
        }
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).map_err(|error| file_error(&self.path, &error))?;
        Ok(Some(bytes))
    }

    /// The SHA-256 digest of the whole archive, and some of its files out of the very bytes that the digest is of:
    /// whoever changes the archive meanwhile changes the digest, too. Each file has at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As of [`read`](Self::read).
    pub fn hashed<const N: usize>(&self, names: [&str; N], limit: usize) -> Result<(Digest, [Picked; N]), StoreError> {
        let ranges = names.map(|name| self.entries.get(name).copied());
        if ranges.iter().flatten().any(|(_, size)| *size > u64::try_from(limit).unwrap_or(u64::MAX)) {
            let path = self.path.clone();
            return Err(StoreError::Layout { path, problem: "a file is longer than such files may be" });
        }
        let mut kept = ranges.map(|range| range.map(|_| Vec::new()));
        let mut whole = Part { file: Arc::clone(&self.file), at: 0, left: u64::MAX };
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        let mut buffer = vec![0; limits::READ_BUFFER];
        loop {
            let at = whole.at;
            let read = whole.read(&mut buffer).map_err(|error| file_error(&self.path, &error))?;
            let piece = buffer.get(..read).unwrap_or_default();
            if piece.is_empty() {
                return Ok((hasher.finish(), kept));
            }
            hasher.update(piece);
            for (range, kept) in ranges.iter().zip(&mut kept) {
                if let (Some((start, size)), Some(kept)) = (range, kept) {
                    kept.extend_from_slice(overlap(piece, at, *start, *size));
                }
            }
        }
    }

    pub(super) fn part(&self, name: &str) -> Option<Part> {
        let (at, left) = self.entries.get(name).copied()?;
        Some(Part { file: Arc::clone(&self.file), at, left })
    }
}

/// What of `piece`, which stands at `at`, lies within `size` bytes from `start` on.
fn overlap(piece: &[u8], at: u64, start: u64, size: u64) -> &[u8] {
    let place = |offset: u64| usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX).min(piece.len());
    piece.get(place(start)..place(start.saturating_add(size))).unwrap_or_default()
}

/// A name below the archive's root, the same to every program.
fn is_plain(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    name.len() <= limits::ARCHIVE_NAME_BYTES
        && name.bytes().all(|byte| byte.is_ascii_graphic())
        && name.split('/').all(part)
}

/// Part of a file, read at offsets: many may read one file at once.
#[derive(Debug)]
pub(super) struct Part {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Part {
    /// A file from its start to its end.
    pub(super) fn whole(file: File) -> Self {
        Self { file: Arc::new(file), at: 0, left: u64::MAX }
    }
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.at)?;
        let read_bytes = u64::try_from(read).unwrap_or_default();
        self.at = self.at.saturating_add(read_bytes);
        self.left = self.left.saturating_sub(read_bytes);
        Ok(read)
    }
}
