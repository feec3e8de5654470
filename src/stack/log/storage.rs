//! The write side of a log's folder. Every method returns only when what it says is durable, except
//! [`Storage::append`], which [`Storage::sync`] completes.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::commits::Commit;
use super::vfs::Appender;
use super::{Files, LogError};
use crate::format::merkle::Tile;

/// Bytes at which the commit file is begun anew with its last commit: it stays quick to read on start.
pub(super) const COMMITS_BYTES: usize = 4 << 20;

/// The files that a sequencer writes.
#[derive(Debug)]
pub(super) struct Storage {
    files: Files,
    commits: Commits,
    tails: BTreeMap<u64, Tail>,
    /// Held as long as this process may write.
    _lock: Lock,
}

/// The commit file.
#[derive(Debug)]
pub(super) struct Commits {
    file: Box<dyn Appender>,
    /// Bytes in it.
    bytes: usize,
    /// The last commit as it stands there.
    last: Vec<u8>,
}

#[derive(Debug)]
struct Tail {
    file: Box<dyn Appender>,
    dirty: bool,
}

/// A held lock.
pub(super) struct Lock(#[expect(dead_code, reason = "dropping it is its use")] Box<dyn Send>);

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lock")
    }
}

impl Files {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(super) fn tail(&self, bundle: u64) -> PathBuf {
        self.path(&format!("tail/{bundle}"))
    }

    pub(super) fn lock(&self) -> Result<Lock, LogError> {
        let path = self.path("LOCK");
        match self.vfs.lock(&path) {
            Ok(lock) => Ok(Lock(lock)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(LogError::Locked { path }),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(LogError::Absent { path: self.dir.clone() }),
            Err(error) => Err(LogError::io("lock", &path, error)),
        }
    }

    /// Reads a file; `None` when there is none.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, LogError> {
        match self.vfs.read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LogError::io("read", path, error)),
        }
    }

    pub(super) fn create_dir(&self, path: &Path) -> Result<(), LogError> {
        self.vfs.create_dir(path).map_err(|error| LogError::io("create", path, error))?;
        path.parent().map_or(Ok(()), |parent| self.sync_dir(parent))
    }

    pub(super) fn sync_dir(&self, path: &Path) -> Result<(), LogError> {
        self.vfs.sync_dir(path).map_err(|error| LogError::io("sync", path, error))
    }

    pub(super) fn remove(&self, path: &Path) -> Result<(), LogError> {
        self.vfs.remove(path).map_err(|error| LogError::io("remove", path, error))
    }

    /// A new file under `tmp`, whose bytes are durable, open for more.
    fn make(&self, name: &str, bytes: &[u8]) -> Result<(PathBuf, Box<dyn Appender>), LogError> {
        let path = self.path(&format!("tmp/{name}"));
        let mut file = self.vfs.create(&path).map_err(|error| LogError::io("create", &path, error))?;
        file.append(bytes).and_then(|()| file.sync()).map_err(|error| LogError::io("write", &path, error))?;
        Ok((path, file))
    }

    /// Puts a file with `bytes` in the place of another, or where there was none; it stays open.
    pub(super) fn replace(&self, to: &Path, bytes: &[u8]) -> Result<Box<dyn Appender>, LogError> {
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let (from, file) = self.make(&name, bytes)?;
        self.vfs.rename(&from, to).map_err(|error| LogError::io("rename", to, error))?;
        to.parent().map_or(Ok(()), |parent| self.sync_dir(parent))?;
        Ok(file)
    }

    /// Begins the commit file anew with one commit.
    pub(super) fn restart_commits(&self, commit: Commit<'_>) -> Result<Commits, LogError> {
        let path = self.path("commits");
        let last = encode(&path, commit)?;
        Ok(Commits { file: self.replace(&path, &last)?, bytes: last.len(), last })
    }

    /// Copies what was read from a tail into a new file, leaving behind what was not committed.
    pub(super) fn restart_tail(&self, bundle: u64, bytes: &[u8]) -> Result<Box<dyn Appender>, LogError> {
        self.replace(&self.tail(bundle), bytes)
    }

    /// Gives the durable file `from` its final name; one that is there already must hold the same bytes.
    fn publish(&self, from: &Path, tile: Tile) -> Result<(), LogError> {
        let to = self.path(&tile.to_string());
        let parent = to.parent().unwrap_or(&self.dir);
        self.create_dirs(parent)?;
        match self.vfs.link(from, &to) {
            Ok(()) => self.sync_dir(parent),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && self.read(from)? == self.read(&to)? => {
                self.sync_dir(parent)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(LogError::Damaged { path: to, what: "it holds other bytes than the tree has here" })
            }
            Err(error) => Err(LogError::io("link", &to, error)),
        }
    }

    /// Creates the folders on the way to `dir`, each durable before the next.
    fn create_dirs(&self, dir: &Path) -> Result<(), LogError> {
        match self.vfs.create_dir(dir) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let parent = dir.parent().filter(|parent| parent.starts_with(&self.dir));
                self.create_dirs(parent.ok_or_else(|| LogError::Absent { path: self.dir.clone() })?)?;
                return self.create_dirs(dir);
            }
            Err(error) => return Err(LogError::io("create", dir, error)),
        }
        dir.parent().map_or(Ok(()), |parent| self.sync_dir(parent))
    }

    /// Makes a full tile.
    pub(super) fn seal(&self, tile: Tile, bytes: &[u8]) -> Result<(), LogError> {
        let (made, _) = self.make(&tile.to_string().replace('/', "-"), bytes)?;
        self.publish(&made, tile)?;
        self.remove(&made)
    }
}

fn encode(path: &Path, commit: Commit<'_>) -> Result<Vec<u8>, LogError> {
    let too_long = || LogError::Damaged { path: path.to_owned(), what: "the checkpoint does not fit a commit" };
    commit.encode().ok_or_else(too_long)
}

impl Storage {
    /// The storage of a recovered log.
    pub(super) fn new(files: Files, commits: Commits, lock: Lock) -> Self {
        Self { files, commits, tails: BTreeMap::new(), _lock: lock }
    }

    /// Takes over a tail that recovery has written.
    pub(super) fn adopt_tail(&mut self, bundle: u64, file: Box<dyn Appender>) {
        self.tails.insert(bundle, Tail { file, dirty: false });
    }

    /// Appends records to the tail of a bundle.
    pub(super) fn append(&mut self, bundle: u64, records: &[u8]) -> Result<(), LogError> {
        let path = self.files.tail(bundle);
        let tail = match self.tails.entry(bundle) {
            std::collections::btree_map::Entry::Occupied(tail) => tail.into_mut(),
            std::collections::btree_map::Entry::Vacant(none) => {
                let file = self.files.vfs.create(&path).map_err(|error| LogError::io("create", &path, error))?;
                self.files.sync_dir(&self.files.path("tail"))?;
                none.insert(Tail { file, dirty: true })
            }
        };
        tail.dirty = true;
        tail.file.append(records).map_err(|error| LogError::io("append to", &path, error))
    }

    /// Makes what was appended durable.
    pub(super) fn sync(&mut self) -> Result<(), LogError> {
        for (bundle, tail) in self.tails.iter_mut().filter(|(_, tail)| tail.dirty) {
            tail.file.sync().map_err(|error| LogError::io("sync", &self.files.tail(*bundle), error))?;
            tail.dirty = false;
        }
        Ok(())
    }

    /// Commits a checkpoint.
    pub(super) fn commit(&mut self, commit: Commit<'_>) -> Result<(), LogError> {
        let path = self.files.path("commits");
        let commit = encode(&path, commit)?;
        let written = self.commits.file.append(&commit).and_then(|()| self.commits.file.sync());
        written.map_err(|error| LogError::io("commit to", &path, error))?;
        self.commits.bytes += commit.len();
        self.commits.last = commit;
        Ok(())
    }

    /// Moves a full bundle from the tail to its final place.
    pub(super) fn seal_bundle(&mut self, tile: Tile) -> Result<(), LogError> {
        let tail = self.files.tail(tile.index());
        self.files.publish(&tail, tile)?;
        self.tails.remove(&tile.index());
        self.files.remove(&tail)
    }

    /// Makes a full tile of hashes.
    pub(super) fn seal_hashes(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), LogError> {
        self.files.seal(tile, bytes)
    }

    /// Keeps the commit file short, once there is nothing but the last commit to keep.
    pub(super) fn shorten_commits(&mut self) -> Result<(), LogError> {
        if self.commits.bytes >= COMMITS_BYTES {
            let last = std::mem::take(&mut self.commits.last);
            let file = self.files.replace(&self.files.path("commits"), &last)?;
            self.commits = Commits { file, bytes: last.len(), last };
        }
        Ok(())
    }
}
