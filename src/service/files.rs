//! Files that are there whole or not at all: written beside their place under another name, synchronised, then
//! renamed into it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::base::encoding::hex;

/// A file on its way to its place. Dropped before [`finish`](Self::finish), it leaves nothing behind.
#[derive(Debug)]
pub struct NewFile {
    place: PathBuf,
    /// Where it is written; `None` once it is in its place.
    beside: Option<PathBuf>,
    file: File,
}

impl NewFile {
    /// Begins a file that will stand at `path`.
    ///
    /// # Errors
    ///
    /// What the file system gives.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::begin(path, OpenOptions::new().write(true).create_new(true))
    }

    /// The same, readable for its owner only from the first moment.
    ///
    /// # Errors
    ///
    /// What the file system gives.
    pub fn secret(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Self::begin(path, options.write(true).create_new(true))
    }

    fn begin(path: &Path, options: &OpenOptions) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| io::Error::other("no randomness for a file name"))?;
        let mut new_name = std::ffi::OsString::from(".");
        new_name.push(name);
        new_name.push(format!(".{}", hex::encode(&random)));
        let beside = folder(path).join(new_name);
        let file = options.open(&beside)?;
        Ok(Self { place: path.to_owned(), beside: Some(beside), file })
    }

    /// Adds bytes.
    ///
    /// # Errors
    ///
    /// What the file system gives.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Where it is meanwhile: what was written so far can be read there.
    pub fn meanwhile(&self) -> &Path {
        self.beside.as_deref().unwrap_or(&self.place)
    }

    /// Puts the file into its place; what was there before is replaced.
    ///
    /// # Errors
    ///
    /// What the file system gives; nothing is left beside the place then.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        if let Some(beside) = &self.beside {
            fs::rename(beside, &self.place)?;
            self.beside = None;
        }
        // So that the name, too, outlives a crash; not every file system can.
        let _ = File::open(folder(&self.place)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl io::Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut self.file, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // The first error says more than a failure to clean up after it.
            let _ = fs::remove_file(beside);
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file so that at every moment it is there whole or not at all. What was there before is replaced.
///
/// # Errors
///
/// What the file system gives; nothing half-written stays.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = NewFile::create(path)?;
    file.write(content)?;
    file.finish()
}

/// The same for what only its owner may read: mode 0600.
///
/// # Errors
///
/// What the file system gives; nothing half-written stays.
pub fn write_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = NewFile::secret(path)?;
    file.write(content)?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x24_a_file_is_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let names =
            || -> Vec<_> { fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect() };
        let path = folder.path().join("a.sigstore.json");
        write_whole(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!((fs::read(&path).unwrap(), names().len()), (b"new".to_vec(), 1));
        // The last step fails: a folder stands in the place. Nothing is left beside it.
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("inner")).unwrap();
        assert!(write_whole(&taken, b"new").is_err());
        assert_eq!(names().len(), 2);
        assert!(write_whole(&folder.path().join("absent/a"), b"new").is_err());
        // Given up half-way.
        let mut half = NewFile::create(&path).unwrap();
        half.write(b"half").unwrap();
        drop(half);
        assert_eq!((fs::read(&path).unwrap(), names().len()), (b"new".to_vec(), 2));
    }
}
