//! The seam between the log and the disk: every file operation of the engine, and nothing else.
//!
//! The engine only ever creates, appends, links, renames and removes; it never opens a written file to
//! write again, so that what a failed `fdatasync` left in the page cache is never trusted (recovery
//! copies what it keeps into new files).

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// The file operations of the log. An implementor guarantees, for local disks as for fakes:
///
/// * after [`Appender::sync`] returned, the bytes appended before it survive a power cut;
/// * after [`Vfs::sync_dir`] returned, the names created, linked, renamed or removed in it before do;
/// * [`Vfs::link`] and [`Vfs::create`] fail with `AlreadyExists` and never replace.
pub trait Vfs: fmt::Debug + Send + Sync {
    /// Locks a file for one process, creating it where needed; `WouldBlock` when another holds it. The
    /// lock lasts until the value is dropped.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send>>;
    /// Reads a whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Opens a file to read parts of it.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Reader>>;
    /// The names in a folder, in no order.
    fn names(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Creates a file that must not exist.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Appender>>;
    /// Creates a folder that must not exist, in one that does.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Gives a file a second name that must not exist.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames a file, replacing what had the name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a name.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder's names durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A file that was just created and only grows.
pub trait Appender: fmt::Debug + Send {
    /// Appends all of `bytes`.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes the bytes appended so far durable (`fdatasync`).
    fn sync(&mut self) -> io::Result<()>;
}

/// A file of which parts are read. It stays readable when its name is removed.
pub trait Reader: fmt::Debug + Send + Sync {
    /// Bytes in it.
    fn length(&self) -> io::Result<u64>;
    /// Fills `bytes` from `offset` on; an error when the file ends before.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// The local disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Vfs for Disk {
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        // flock, not fcntl: a fcntl lock is lost when any descriptor of the file is closed.
        file.try_lock()?;
        Ok(Box::new(file))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Reader>> {
        Ok(Box::new(File::open(path)?))
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Appender>> {
        let file = OpenOptions::new().create_new(true).append(true).open(path)?;
        Ok(Box::new(file))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl Appender for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

impl Reader for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, bytes, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let read = std::os::windows::fs::FileExt::seek_read(self, bytes, offset)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes = bytes.get_mut(read..).unwrap_or_default();
            offset += read as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod failing;
#[cfg(test)]
pub(crate) mod memory;
