//! `witness.json`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::limits;
use crate::format::checkpoint::NoteKey;
use crate::service::files::write_whole;
use crate::stack::StackError;

/// The file's name.
pub(in crate::stack) const NAME: &str = "witness.json";

/// What a witness is and what it watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// The version of this document.
    pub version: u32,
    /// Its name in cosignatures.
    pub name: String,
    /// The address that it listens on; without it the stack's, whose part it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// The verifier keys of the logs that it watches; a log's name is its origin.
    pub logs: Vec<String>,
}

impl WitnessConfig {
    /// A witness of these logs.
    pub fn new(name: &str, listen: &str, logs: Vec<String>) -> Self {
        Self { version: 1, name: name.to_owned(), listen: Some(listen.to_owned()), logs }
    }

    /// A stack's witness, of no logs yet.
    pub(in crate::stack) fn of_stack(name: &str) -> Self {
        Self { version: 1, name: name.to_owned(), listen: None, logs: Vec::new() }
    }

    pub(super) fn read(dir: &Path) -> Result<Self, StackError> {
        let path = dir.join(NAME);
        let text = match fs::metadata(&path) {
            Ok(metadata) if metadata.len() <= limits::POLICY_BYTES as u64 => fs::read(&path),
            Ok(_) => return Err(StackError::Config { path, what: "it is too long".to_owned() }),
            Err(error) => Err(error),
        };
        let text = match text {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(StackError::WitnessAbsent { path: dir.to_owned() });
            }
            Err(error) => return Err(StackError::io("read", &path, error)),
        };
        let config: Self = serde_json::from_slice(&text)
            .map_err(|error| StackError::Config { path: path.clone(), what: error.to_string() })?;
        config.check().map_err(|what| StackError::Config { path, what })?;
        Ok(config)
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), StackError> {
        let path = dir.join(NAME);
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|error| StackError::Config { path: path.clone(), what: error.to_string() })?;
        write_whole(&path, format!("{text}\n").as_bytes()).map_err(|error| StackError::io("write", &path, error))
    }

    /// The keys of the logs.
    pub(super) fn keys(&self) -> Result<Vec<NoteKey>, String> {
        let read = |text: &String| NoteKey::parse(text).map_err(|error| format!("log key {text:?}: {error}"));
        self.logs.iter().map(read).collect()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.version != 1 {
            return Err("its version is not 1".to_owned());
        }
        if self.logs.len() > limits::WITNESSED_LOGS {
            return Err(format!("more than {} logs", limits::WITNESSED_LOGS));
        }
        if !is_name(&self.name) {
            return Err("its name is empty, long, or holds a space or a plus sign".to_owned());
        }
        self.keys().map(drop)
    }
}

/// What a verifier key may name: <https://c2sp.org/signed-note>.
pub(in crate::stack) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && !name.contains(|c: char| !c.is_ascii_graphic() || c == '+')
}
