//! Certificates in files, folders and Kubernetes manifests.

use std::fs;
use std::path::{Path, PathBuf};

use sealmark::base::encoding::{base64, pem};
use sealmark::base::limits;
use sealmark::format::x509::Certificate;
use serde_json::Value;

use super::CertificateCommandError as Error;
use crate::files::{self, FileError};
use crate::report::text::{visible, visible_path};

/// How deep folders are walked, and how many files are looked at.
const DEPTH: usize = 8;
const FILES: usize = 10_000;
const MARK: &str = "-----BEGIN CERTIFICATE-----";

/// A certificate, and where it stands.
pub(super) struct Found {
    pub(super) place: String,
    pub(super) certificate: Certificate,
}

/// What was found, and what could not be read.
#[derive(Default)]
pub(super) struct Finds {
    pub(super) found: Vec<Found>,
    pub(super) unread: Vec<Error>,
}

impl Finds {
    /// Looks at what was named: it must hold a certificate, or be a folder.
    pub(super) fn look(&mut self, path: &Path) -> Result<(), crate::report::Failure> {
        if path.as_os_str() != "-" && path.is_dir() {
            let mut left = FILES;
            self.folder(path, DEPTH, &mut left);
            return Ok(());
        }
        let bytes = if path.as_os_str() == "-" {
            files::read_stdin(limits::CERTIFICATE_TEXT_BYTES)?
        } else {
            files::read(path, limits::CERTIFICATE_TEXT_BYTES)?
        };
        let before = self.found.len() + self.unread.len();
        let place = if path.as_os_str() == "-" { "standard input".to_owned() } else { visible_path(path) };
        self.text(&place, &String::from_utf8_lossy(&bytes));
        if self.found.len() + self.unread.len() == before {
            return Err(Error::None { path: path.to_owned() }.into());
        }
        Ok(())
    }

    /// Whatever below holds certificates; names that begin with a dot are left out, as in a mounted Secret, whose
    /// files are links to them.
    fn folder(&mut self, folder: &Path, depth: usize, left: &mut usize) {
        let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) => {
                return self
                    .unread(visible_path(folder), &FileError::Read { path: folder.to_owned(), kind: error.kind() });
            }
        };
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden || *left == 0 {
                continue;
            }
            if path.is_dir() {
                // A link may lead back up.
                if depth > 0 && !path.is_symlink() {
                    self.folder(&path, depth - 1, left);
                }
                continue;
            }
            *left -= 1;
            match files::read(&path, limits::CERTIFICATE_TEXT_BYTES) {
                Ok(bytes) => self.text(&visible_path(&path), &String::from_utf8_lossy(&bytes)),
                Err(FileError::TooLarge { .. }) => {}
                Err(error) => self.unread(visible_path(&path), &error),
            }
            if *left == 0 {
                self.unread(visible_path(folder), &format!("more than {FILES} files: the rest was not looked at"));
            }
        }
    }

    fn text(&mut self, place: &str, text: &str) {
        if text.contains(MARK) && !text.contains("tls.crt") {
            return self.pem(place, text);
        }
        // A manifest, or nothing of ours.
        if !text.contains("Secret") {
            return;
        }
        if let Ok(documents) = serde_saphyr::from_multiple::<Value>(text) {
            for document in &documents {
                self.object(place, document);
            }
        }
    }

    /// A Secret, or a list that `kubectl get` prints.
    fn object(&mut self, place: &str, object: &Value) {
        for item in object["items"].as_array().into_iter().flatten() {
            self.object(place, item);
        }
        if object["kind"] != "Secret" {
            return;
        }
        let metadata = |field: &str| object["metadata"][field].as_str().unwrap_or("default");
        let name = format!("{place}: Secret {}/{}", visible(metadata("namespace")), visible(metadata("name")));
        for (field, value) in object["data"].as_object().into_iter().flatten() {
            let decoded = value.as_str().and_then(|text| base64::decode(text.trim()));
            let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            if let Some(text) = text.filter(|text| text.contains(MARK)) {
                self.pem(&format!("{name} {}", visible(field)), &text);
            }
        }
        for (field, value) in object["stringData"].as_object().into_iter().flatten() {
            if let Some(text) = value.as_str().filter(|text| text.contains(MARK)) {
                self.pem(&format!("{name} {}", visible(field)), text);
            }
        }
    }

    fn pem(&mut self, place: &str, text: &str) {
        let blocks = match pem::decode_all(text, "CERTIFICATE") {
            Ok(blocks) => blocks,
            Err(error) => return self.unread(place.to_owned(), &error),
        };
        for der in blocks {
            match Certificate::from_der(&der) {
                Ok(certificate) => self.found.push(Found { place: place.to_owned(), certificate }),
                Err(error) => self.unread(place.to_owned(), &error),
            }
        }
    }

    fn unread(&mut self, place: String, problem: &impl ToString) {
        self.unread.push(Error::Unreadable { place, problem: problem.to_string() });
    }
}
