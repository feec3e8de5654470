//! What takes the place of something in a stack's folder, all of it or nothing.
//!
//! It is made under `rotation/`, `stack.json` last. With that file it is decided: whoever opens the stack next takes
//! over what is there, as often as it takes. Without it nothing has happened.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::log::export;
use super::{StackError, config, folder, handover};

/// The folder.
const STAGE: &str = "rotation";
/// Private keys, which are moved.
const KEYS: [&str; 2] = ["keys/ca.pem", "keys/tsa.pem"];
/// Documents, in the order in which they are taken over.
const DOCUMENTS: [&str; 9] = [
    folder::CA,
    folder::CA_BEFORE,
    folder::TSA,
    folder::TRUSTED_ROOT,
    folder::SIGNING_CONFIG,
    folder::SIGNING_CONFIG_V1,
    folder::CLIENT_TRUST_CONFIG,
    handover::NAME,
    config::NAME,
];

/// Where it is made.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join(STAGE)
}

/// Makes the folder, which must not exist.
pub(super) fn begin(dir: &Path) -> Result<(), StackError> {
    let stage = path(dir);
    fs::create_dir(&stage).map_err(|error| StackError::io("create", &stage, error))
}

/// Writes the documents, `stack.json` last, and takes over what is there.
pub(super) fn decide(
    dir: &Path,
    documents: Vec<(&'static str, String)>,
    step: &mut dyn FnMut(),
) -> Result<(), StackError> {
    for (name, text) in documents {
        step();
        export::write(&path(dir).join(name), text.as_bytes())?;
    }
    step();
    take_over(dir, step)
}

/// Takes over what was decided, and drops what was not.
pub(super) fn settle(dir: &Path) -> Result<(), StackError> {
    take_over(dir, &mut || {})
}

fn take_over(dir: &Path, step: &mut dyn FnMut()) -> Result<(), StackError> {
    let stage = path(dir);
    if !stage.exists() {
        return Ok(());
    }
    if stage.join(config::NAME).exists() {
        for name in KEYS {
            match fs::rename(stage.join(name), dir.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StackError::io("move", &stage.join(name), error));
                }
                _ => step(),
            }
        }
        sync(&dir.join("keys"))?;
        for name in DOCUMENTS {
            let staged = stage.join(name);
            match fs::read(&staged) {
                Ok(bytes) => export::write(&dir.join(name), &bytes)?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(StackError::io("read", &staged, error)),
            }
            step();
        }
    }
    fs::remove_dir_all(&stage).map_err(|error| StackError::io("remove", &stage, error))?;
    step();
    sync(dir)
}

fn sync(dir: &Path) -> Result<(), StackError> {
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| StackError::io("sync", dir, error))
}
