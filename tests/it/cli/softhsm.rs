//! softhsm2: PKCS#11 tokens in folders.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::stderr;

/// Debian's place for the module.
pub(super) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
pub(super) const PIN: &str = "86420975";

/// A token `site` below `dir`, with the keys of these PEM files, each under its label: softhsm2's configuration, by
/// which it is found (`SOFTHSM2_CONF`). `None` without softhsm2.
pub(super) fn token(dir: &Path, name: &str, keys: &[(&str, PathBuf)]) -> Option<PathBuf> {
    let (tokens, configuration) = (dir.join(name), dir.join(format!("{name}.conf")));
    std::fs::create_dir(&tokens).unwrap();
    std::fs::write(&configuration, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    let run = |args: &[&str]| {
        let output = Command::new("softhsm2-util").args(args).env("SOFTHSM2_CONF", &configuration).output().ok()?;
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        Some(())
    };
    run(&["--init-token", "--free", "--label", "site", "--pin", PIN, "--so-pin", "13579246"])?;
    for (number, (label, file)) in keys.iter().enumerate() {
        let (file, id) = (file.to_str().unwrap(), format!("{number:02x}"));
        run(&["--import", file, "--token", "site", "--label", label, "--id", &id, "--pin", PIN])?;
    }
    Some(configuration)
}
