//! The files of a layout. None of them may be a link: a layout comes from others.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::super::stored::Check;
use super::archive::{Archive, Part};
use super::{BlobReader, StoreError};
use crate::base::crypto::Digest;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::format::oci::{OciError, index};
use crate::service::BoxFuture;
use crate::service::files::{NewFile, write_whole};

const VERSION: &str = "oci-layout";
const INDEX: &str = "index.json";
const BLOBS: &str = "blobs";

/// The files of a layout.
#[derive(Debug)]
pub(super) struct Files {
    /// The folder, or the archive's file.
    place: PathBuf,
    archive: Option<Archive>,
}

impl Files {
    pub(super) fn folder(folder: &Path) -> Self {
        Self { place: folder.to_owned(), archive: None }
    }

    pub(super) fn archive(archive: Archive) -> Self {
        Self { place: archive.path().to_owned(), archive: Some(archive) }
    }

    /// That the folder says of itself that it is a layout of version 1.0.0.
    pub(super) fn check_version(&self) -> Result<(), StoreError> {
        let path = self.place.join(VERSION);
        let wrong = |problem| StoreError::Layout { path: path.clone(), problem };
        let bytes = self.read(VERSION, limits::OCI_LAYOUT_BYTES)?.ok_or_else(|| wrong("there is no such file"))?;
        let json = Json::parse(&bytes).map_err(|_| wrong("it is not JSON"))?;
        match json.member("imageLayoutVersion").and_then(Json::as_str) {
            Some("1.0.0") => Ok(()),
            _ => Err(wrong("it names no version that is known")),
        }
    }

    /// Makes a layout of a new or empty folder; a layout stays as it is.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        fs::create_dir_all(&self.place).map_err(|error| file_error(&self.place, &error))?;
        let entries = fs::read_dir(&self.place).map_err(|error| file_error(&self.place, &error))?;
        if self.place.join(VERSION).exists() {
            return Ok(());
        }
        if entries.count() > 0 {
            return Err(StoreError::Layout { path: self.place.clone(), problem: "the folder holds something else" });
        }
        self.write_index(&index(&[], &Default::default()))?;
        self.write_file(VERSION, br#"{"imageLayoutVersion":"1.0.0"}"#)
    }

    pub(super) fn index(&self) -> Result<Vec<u8>, StoreError> {
        let missing = || StoreError::Layout { path: self.place.join(INDEX), problem: "there is no such file" };
        self.read(INDEX, limits::OCI_MANIFEST_BYTES)?.ok_or_else(missing)
    }

    pub(super) fn write_index(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_file(INDEX, bytes)
    }

    /// The bytes under a digest, not yet checked; `None` when there is no such file.
    pub(super) fn blob(&self, digest: &Digest, limit: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(&blob_name(digest), limit)
    }

    pub(super) fn open(&self, digest: &Digest) -> Result<Option<Reader>, StoreError> {
        let name = blob_name(digest);
        let part = self.regular(&name)?;
        Ok(part.map(|part| Reader { part, path: self.place.join(name) }))
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        match self.archive {
            Some(_) => Err(StoreError::Layout { path: self.place.clone(), problem: "an archive is only read" }),
            None => Ok(()),
        }
    }

    pub(super) fn new_blob(&self, digest: &Digest) -> Result<NewBlob, StoreError> {
        self.check_writable()?;
        let path = self.place.join(blob_name(digest));
        let folder = path.parent().unwrap_or(&self.place);
        fs::create_dir_all(folder).map_err(|error| file_error(folder, &error))?;
        let file = NewFile::create(&path).map_err(|error| file_error(&path, &error))?;
        Ok(NewBlob { file, path })
    }

    pub(super) fn write_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let mut file = self.new_blob(digest)?;
        file.write(bytes)?;
        file.finish()
    }

    pub(super) fn malformed(&self, error: &OciError) -> StoreError {
        StoreError::Oci { name: self.place.join(INDEX).display().to_string(), error: error.clone() }
    }

    fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(part) = self.regular(name)? else { return Ok(None) };
        let path = self.place.join(name);
        let mut bytes = Vec::new();
        let ceiling = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        part.take(ceiling).read_to_end(&mut bytes).map_err(|error| file_error(&path, &error))?;
        if bytes.len() > limit {
            return Err(StoreError::Layout { path, problem: "the file is longer than such files may be" });
        }
        Ok(Some(bytes))
    }

    /// The file, which must be one, in folders that are none but folders.
    fn regular(&self, name: &str) -> Result<Option<Part>, StoreError> {
        if let Some(archive) = &self.archive {
            return Ok(archive.part(name));
        }
        let mut path = self.place.clone();
        let mut parts = name.split('/').peekable();
        while let Some(part) = parts.next() {
            path.push(part);
            let metadata = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                other => other.map_err(|error| file_error(&path, &error))?,
            };
            let fits = if parts.peek().is_none() { metadata.is_file() } else { metadata.is_dir() };
            if !fits {
                return Err(StoreError::Layout { path, problem: "it is a link, or no file where one should be" });
            }
        }
        File::open(&path).map(|file| Some(Part::whole(file))).map_err(|error| file_error(&path, &error))
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.check_writable()?;
        let path = self.place.join(name);
        write_whole(&path, bytes).map_err(|error| file_error(&path, &error))
    }
}

fn blob_name(digest: &Digest) -> String {
    format!("{BLOBS}/{}/{}", digest.algorithm(), digest.hex())
}

pub(super) fn file_error(path: &Path, error: &io::Error) -> StoreError {
    StoreError::File { path: path.to_owned(), kind: error.kind() }
}

/// A blob on its way into the layout.
pub(super) struct NewBlob {
    file: NewFile,
    path: PathBuf,
}

impl NewBlob {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write(bytes).map_err(|error| file_error(&self.path, &error))
    }

    pub(super) fn finish(self) -> Result<(), StoreError> {
        let path = self.path;
        self.file.finish().map_err(|error| file_error(&path, &error))
    }
}

/// A blob's file.
#[derive(Debug)]
pub(super) struct Reader {
    part: Part,
    path: PathBuf,
}

impl Reader {
    pub(super) fn checked(self, check: Check) -> CheckedReader {
        CheckedReader { reader: self, check, done: false }
    }
}

/// Reads a blob's file against its descriptor.
#[derive(Debug)]
pub(super) struct CheckedReader {
    reader: Reader,
    check: Check,
    done: bool,
}

impl CheckedReader {
    fn read(&mut self) -> Result<Vec<u8>, StoreError> {
        let mut piece = vec![0; limits::READ_BUFFER];
        let read = self.reader.part.read(&mut piece).map_err(|error| file_error(&self.reader.path, &error))?;
        piece.truncate(read);
        self.check.update(&piece)?;
        Ok(piece)
    }
}

impl BlobReader for CheckedReader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            if self.done {
                return Ok(None);
            }
            let piece = self.read()?;
            if piece.is_empty() || self.check.is_long_enough() {
                // Whatever follows the end is too long.
                self.read()?;
                self.check.finish()?;
                self.done = true;
            }
            Ok(Some(piece).filter(|piece| !piece.is_empty()))
        })
    }
}
