//! The registry that the flags describe.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use sealmark::base::limits;
use sealmark::format::oci::{Registry, Repository};
use sealmark::service::http::{ClientCertificate, Settings};
use sealmark::service::store::ArtifactStore;
use sealmark::service::store::registry::{Credential, RegistrySettings, RegistryStore, Scheme, Secret};
use zeroize::Zeroizing;

use super::{SettingsError, environment};
use crate::cli::RegistryArgs;
use crate::files::{self, FileError};
use crate::report::Failure;

/// The store of all registries, told by the flags how to reach that of `repositories`. Flags about one registry
/// (credentials, client certificate) are for the one that all of them lie in.
pub(crate) fn registry_store(
    args: &RegistryArgs,
    repositories: &[&Repository],
) -> Result<Arc<dyn ArtifactStore>, Failure> {
    registry_store_with(args, repositories, |settings| settings)
}

/// The same with other bounds of time.
pub(crate) fn registry_store_with(
    args: &RegistryArgs,
    repositories: &[&Repository],
    bounds: impl FnOnce(Settings) -> Settings,
) -> Result<Arc<dyn ArtifactStore>, Failure> {
    Ok(Arc::new(registries(args, repositories, bounds)?))
}

/// The same, as what it is.
pub(crate) fn registries(
    args: &RegistryArgs,
    repositories: &[&Repository],
    bounds: impl FnOnce(Settings) -> Settings,
) -> Result<RegistryStore, Failure> {
    let mut settings = RegistrySettings { http: bounds(http(args)?), ..RegistrySettings::default() };
    for host in &args.plain_http {
        settings.hosts.entry(Registry::parse(host)?).or_default().scheme = Some(Scheme::PlainHttp);
    }
    // Whoever says how TLS is to be verified means TLS, on loopback too.
    if args.registry_ca.is_some() || args.registry_client_cert.is_some() {
        for registry in repositories.iter().map(|repository| repository.registry()) {
            settings.hosts.entry(registry.clone()).or_default().scheme.get_or_insert(Scheme::Https);
        }
    }
    let credential = credential(args)?;
    let client_certificate = client_certificate(args)?;
    if credential.is_some() || client_certificate.is_some() || !args.registry_token_server.is_empty() {
        let host = settings.hosts.entry(only(repositories)?).or_default();
        host.credential = credential;
        host.client_certificate = client_certificate;
        host.realms = args.registry_token_server.iter().cloned().collect();
    }
    Ok(RegistryStore::new(settings, environment()))
}

/// `http` or `https`, as the requests to `registry` begin.
pub(crate) fn registry_scheme(args: &RegistryArgs, registry: &Registry) -> &'static str {
    let plain = |host: &String| Registry::parse(host).is_ok_and(|host| host == *registry);
    let tls = args.registry_ca.is_some() || args.registry_client_cert.is_some();
    if args.plain_http.iter().any(plain) || (registry.is_loopback() && !tls) { "http" } else { "https" }
}

/// Nobody's credentials go to a registry that they may not be for.
fn only(repositories: &[&Repository]) -> Result<Registry, SettingsError> {
    let registries: BTreeSet<&Registry> = repositories.iter().map(|repository| repository.registry()).collect();
    match registries.into_iter().collect::<Vec<_>>()[..] {
        [registry] => Ok(registry.clone()),
        ref several => Err(SettingsError::OneRegistry { registries: several.len() }),
    }
}

fn http(args: &RegistryArgs) -> Result<Settings, Failure> {
    let mut settings = Settings::from_environment(environment().as_ref());
    if let Some(path) = &args.registry_ca {
        settings.extra_roots = Some(String::from_utf8_lossy(&files::read(path, limits::PEM_BYTES)?).into_owned());
    }
    Ok(settings)
}

fn credential(args: &RegistryArgs) -> Result<Option<Credential>, Failure> {
    if let Some(path) = &args.registry_token_file {
        return Ok(Some(Credential::RegistryToken(Secret::new(&secret(path)?))));
    }
    let Some(username) = args.registry_username.clone() else { return Ok(None) };
    let password = match &args.registry_password_file {
        Some(path) => secret(path)?,
        None => secret(Path::new("-"))?,
    };
    Ok(Some(Credential::Basic { username, password: Secret::new(&password) }))
}

/// The first line of a file; `-` is standard input.
fn secret(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().take(limits::TOKEN_BYTES as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| FileError::Read { path: path.to_owned(), kind: error.kind() })?;
        if bytes.len() > limits::TOKEN_BYTES {
            return Err(FileError::TooLarge { path: path.to_owned(), limit: limits::TOKEN_BYTES }.into());
        }
        Zeroizing::new(bytes)
    } else {
        Zeroizing::new(files::read(path, limits::TOKEN_BYTES)?)
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| SettingsError::PasswordText)?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn client_certificate(args: &RegistryArgs) -> Result<Option<ClientCertificate>, Failure> {
    let (Some(chain), Some(key)) = (&args.registry_client_cert, &args.registry_client_key) else { return Ok(None) };
    let chain = String::from_utf8_lossy(&files::read(chain, limits::PEM_BYTES)?).into_owned();
    let key = Zeroizing::new(files::read(key, limits::PEM_BYTES)?);
    let key = Zeroizing::new(String::from_utf8_lossy(&key).into_owned());
    Ok(Some(ClientCertificate::new(chain, key)?))
}
