//! Which private key, and its password.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealmark::base::limits;
use sealmark::service::http::HttpClient;
use sealmark::service::signer::{KeyFile, KeyReference, Password, PrivateKey, Signer, SignerError};
use zeroize::Zeroizing;

use super::SettingsError;
use super::identity::environment;
use crate::cli::StackPassword;
use crate::files;
use crate::report::Failure;
use crate::report::console::warning;
use crate::report::text::visible_path;

/// A key that stands in a variable of the environment.
const VARIABLE: &str = "env://";

/// A key that signs.
#[derive(Debug)]
pub(crate) enum SigningKey {
    /// It was read.
    Here(KeyFile),
    /// Another program or service holds it, and was not asked yet.
    Named(KeyReference),
}

impl SigningKey {
    /// What signs with it.
    pub(crate) async fn open(self, http: &HttpClient) -> Result<Arc<dyn Signer>, Failure> {
        Ok(match self {
            Self::Here(key) => Arc::new(key),
            Self::Named(reference) => reference.open(http, &environment()).await?,
        })
    }
}

/// Reads the key that `--key` names: a file, `env://NAME`, or the name of one that is held elsewhere.
pub(crate) fn signing_key(key: &Path, password_file: Option<&Path>) -> Result<SigningKey, Failure> {
    match key.to_str().and_then(KeyReference::parse) {
        Some(reference) => Ok(SigningKey::Named(reference?)),
        None => Ok(SigningKey::Here(with_password(key, password_file, KeyFile::from_pem)?)),
    }
}

/// The same, to be written in another form.
pub(crate) fn private_key(key: &Path, password_file: Option<&Path>) -> Result<PrivateKey, Failure> {
    with_password(key, password_file, PrivateKey::import)
}

/// The password for a key that is about to be written: asked twice where there is a terminal.
pub(crate) fn new_password(password_file: Option<&Path>) -> Result<Password, Failure> {
    if let Some(password) = known_password(password_file)? {
        return Ok(password);
    }
    let first = ask("password for the new key: ")?;
    if *first != *ask("the same again: ")? {
        return Err(SettingsError::PasswordsDiffer.into());
    }
    Ok(Password::new(first.to_string()))
}

fn with_password<T>(
    key: &Path,
    password_file: Option<&Path>,
    open: impl Fn(&str, Option<&Password>) -> Result<T, SignerError>,
) -> Result<T, Failure> {
    let text = text(key)?;
    let about = |error: SignerError| Failure::from(error).about(&visible_path(key));
    match open(&text, known_password(password_file)?.as_ref()) {
        Err(SignerError::PasswordNeeded) if can_ask() => {
            let password = Password::new(ask(&format!("password of {}: ", visible_path(key)))?.to_string());
            open(&text, Some(&password)).map_err(about)
        }
        other => other.map_err(about),
    }
}

fn text(key: &Path) -> Result<Zeroizing<String>, Failure> {
    if let Some(name) = key.to_str().and_then(|key| key.strip_prefix(VARIABLE)) {
        let value = environment().var(name);
        return Ok(Zeroizing::new(value.ok_or_else(|| SettingsError::KeyVariable { name: name.to_owned() })?));
    }
    warn_of_readers(key);
    let bytes = Zeroizing::new(files::read(key, limits::PEM_BYTES)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| SignerError::Key("PEM"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The password of a file, else of the environment: ours, then cosign's. A variable that is set but empty is
/// the empty password.
fn known_password(file: Option<&Path>) -> Result<Option<Password>, Failure> {
    if let Some(file) = file {
        let bytes = Zeroizing::new(files::read(file, limits::PASSWORD_BYTES)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| SettingsError::PasswordText)?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        return Ok(Some(Password::new(line.strip_suffix('\r').unwrap_or(line).to_owned())));
    }
    let set = ["SEALMARK_KEY_PASSWORD", "COSIGN_PASSWORD"].into_iter().find_map(|name| std::env::var(name).ok());
    Ok(set.map(Password::new))
}

/// The password of a stack's keys, if anything has one: a file, a descriptor, our variable, a credential of systemd.
pub(crate) fn stack_password(given: &StackPassword) -> Result<Option<Arc<Password>>, Failure> {
    let descriptor = given.key_password_fd.map(|number| PathBuf::from(format!("/dev/fd/{number}")));
    let file = descriptor.or_else(|| given.key_password_file.clone());
    let credential = || Some(PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join("sealmark-key-password"));
    let variable = || std::env::var("SEALMARK_KEY_PASSWORD").ok();
    let password = match file {
        Some(file) => known_password(Some(&file))?,
        None => match variable() {
            Some(text) => Some(Password::new(text)),
            None => credential().filter(|file| file.exists()).map_or(Ok(None), |file| known_password(Some(&file)))?,
        },
    };
    Ok(password.map(Arc::new))
}

/// The same for keys that are about to be written: asked for twice where nothing has one.
pub(crate) fn new_stack_password(given: &StackPassword) -> Result<Arc<Password>, Failure> {
    match stack_password(given)? {
        Some(password) => Ok(password),
        None => Ok(Arc::new(new_password(None)?)),
    }
}

fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if !can_ask() {
        return Err(SignerError::PasswordNeeded.into());
    }
    let answer = rpassword::prompt_password(prompt).map_err(|_| SettingsError::PasswordText)?;
    Ok(Zeroizing::new(answer))
}

/// Says when others than the owner may read a private key. A warning, for mounted secrets often come so.
fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map(|metadata| metadata.permissions().mode());
    if let Ok(mode) = mode
        && mode & 0o077 != 0
    {
        let name = visible_path(path);
        warning(&format!("others on this machine may read {name} (mode {:04o}): chmod 600 {name}", mode & 0o7777));
    }
}
