//! The folder of outside vectors, named by `SEALMARK_VECTORS`.

use std::fs;
use std::path::PathBuf;

/// The folder `name` of the outside vectors; says that they were left out when there is none.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("SEALMARK_VECTORS") else {
        println!("left out: {name}: SEALMARK_VECTORS is not set");
        return None;
    };
    let folder = PathBuf::from(root).join(name);
    assert!(folder.is_dir(), "{} is not a folder", folder.display());
    Some(folder)
}

/// The bytes of a vector.
pub(crate) fn read(path: &std::path::Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
