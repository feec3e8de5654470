//! `key …`: key pairs in files.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sealmark::base::crypto::KeyKind;
use sealmark::service::signer::{PrivateKey, Protection, Signer as _};

use super::output::OutputError;
use crate::cli::{KeyForm, KeyGenerate, KeyImport, KeyOutput, KeyPublic, NewKeyKind};
use crate::report::text::visible_path;
use crate::report::{Failure, console};
use crate::settings;

/// Only the owner reads a private key; anyone a public one.
const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

pub(super) fn generate(args: &KeyGenerate) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    write_pair(&PrivateKey::generate(kind_of(args.kind))?, &args.output)
}

/// The kind that the flag names.
pub(super) fn kind_of(kind: NewKeyKind) -> KeyKind {
    match kind {
        NewKeyKind::P256 => KeyKind::P256,
        NewKeyKind::P384 => KeyKind::P384,
        NewKeyKind::P521 => KeyKind::P521,
        NewKeyKind::Ed25519 => KeyKind::Ed25519,
        NewKeyKind::Rsa2048 => KeyKind::Rsa { bits: 2048 },
        NewKeyKind::Rsa3072 => KeyKind::Rsa { bits: 3072 },
        NewKeyKind::Rsa4096 => KeyKind::Rsa { bits: 4096 },
    }
}

pub(super) fn import(args: &KeyImport) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    write_pair(&settings::private_key(&args.file, args.from_password_file.as_deref())?, &args.output)
}

pub(super) fn public(args: &KeyPublic) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let key = settings::signing_key(&args.key, args.key_password_file.as_deref())?;
    let key = settings::runtime()?.block_on(key.open(&settings::http()))?;
    console::data(&key.public_key().to_pem())?;
    Ok(0)
}

fn write_pair(key: &PrivateKey, output: &KeyOutput) -> Result<u8, Failure> {
    let pem = if output.unencrypted_unsafe {
        console::warning("--unencrypted-unsafe: who reads the key's file can sign");
        key.to_pem(Protection::NoneUnsafe)?
    } else {
        let password = settings::new_password(output.key_password_file.as_deref())?;
        if password.is_empty() {
            console::warning("the password is empty: who reads the key's file can sign");
        }
        key.to_pem(match output.form {
            KeyForm::Pkcs8 => Protection::Pkcs8(&password),
            KeyForm::Cosign => Protection::Cosign(&password),
        })?
    };
    let (private, public) = (with_suffix(&output.output, ".key"), with_suffix(&output.output, ".pub"));
    create(&private, PRIVATE, pem.as_bytes())?;
    if let Err(error) = create(&public, PUBLIC, key.signer().public_key().to_pem().as_bytes()) {
        // Half a pair is not left behind; the first error says more than a failure to clean up after it.
        let _ = fs::remove_file(&private);
        return Err(error.into());
    }
    let kind = key.signer().public_key().kind();
    console::data(&format!("{kind} key in {}, its public key in {}\n", visible_path(&private), visible_path(&public)))?;
    Ok(0)
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes a new file; one that is there stays as it is.
fn create(path: &Path, mode: u32, content: &[u8]) -> Result<(), OutputError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => OutputError::Taken { path: path.to_owned(), what: "not overwritten" },
        kind => OutputError::Write { path: path.to_owned(), kind },
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    written.map_err(|error| {
        let _ = fs::remove_file(path);
        failed(error)
    })
}
