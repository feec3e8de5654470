//! A disk that dies: from a chosen operation on, nothing that would change it works any more.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Appender, Disk, Reader, Vfs};

/// The local disk until `left` changing operations are used up.
#[derive(Debug, Clone)]
pub(crate) struct FailingDisk {
    left: Arc<AtomicUsize>,
}

impl FailingDisk {
    /// A disk that does `operations` changes and fails the next, and all after it.
    pub(crate) fn after(operations: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(operations)) }
    }

    /// Changes that this disk will still make.
    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }

    fn spend(&self) -> io::Result<()> {
        let spent = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        spent.map(drop).map_err(|_| io::Error::other("the disk died"))
    }
}

impl Vfs for FailingDisk {
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send>> {
        Disk.lock(path)
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(path)
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn Reader>> {
        Disk.open(path)
    }
    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        Disk.names(dir)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn Appender>> {
        self.spend()?;
        Ok(Box::new(FailingFile { disk: self.clone(), file: Disk.create(path)? }))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        Disk.create_dir(path)
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.spend()?;
        Disk.link(from, to)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.spend()?;
        Disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        Disk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.spend()?;
        Disk.sync_dir(dir)
    }
}

#[derive(Debug)]
struct FailingFile {
    disk: FailingDisk,
    file: Box<dyn Appender>,
}

impl Appender for FailingFile {
    /// The last append before the end is torn: half of it reaches the disk.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.disk.spend() {
            Ok(()) => self.file.append(bytes),
            Err(died) => {
                self.file.append(bytes.get(..bytes.len() / 2).unwrap_or_default())?;
                Err(died)
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.spend()?;
        self.file.sync()
    }
}
