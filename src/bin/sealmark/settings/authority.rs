//! Who certifies, from flags and the variables that the authorities' own clients read.

mod vault;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealmark::base::limits;
use sealmark::format::spiffe::SpiffeId;
use sealmark::service::ca::{
    CaError, CertManager, CertificateAuthority, Fulcio, IssuerRef, JwkProvisioner, Requests, RootDigest, SanTemplate,
    StepCa,
};
use sealmark::service::environment::Environment;
use sealmark::service::http::{ClientCertificate, HttpClient};
use sealmark::service::identity::SIGSTORE_AUDIENCE;
use sealmark::service::kubernetes::ApiServer;
use sealmark::service::spiffe::WorkloadApi;
use zeroize::Zeroizing;

use super::{SettingsError, environment};
use crate::cli::{AnsweredRequests, AuthorityArgs};
use crate::files;
use crate::report::Failure;

/// A pod's own account: <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>.
const POD_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// A file of PEM certificates, or of a key.
const PEM_BYTES: usize = 1 << 20;

/// The SPIFFE agent that the flags name as the one that certifies.
pub(super) fn named_agent(args: &AuthorityArgs) -> Result<Option<(WorkloadApi, Option<SpiffeId>)>, Failure> {
    if args.authority.as_deref() != Some("spiffe") {
        return Ok(None);
    }
    unfit(args, &[Flag::Login, Flag::Audience, Flag::TlsRoot, Flag::Account, Flag::Requests, Flag::Password])?;
    let unknown = |found: &str| SettingsError::Authority { flag: "--authority-name", found: found.to_owned() };
    let id = args.authority_name.as_deref();
    let id = id.map(|id| SpiffeId::parse(id).ok_or_else(|| unknown(id))).transpose()?;
    Ok(Some((agent()?, id)))
}

/// The SPIFFE agent of the environment.
pub(crate) fn agent() -> Result<WorkloadApi, Failure> {
    Ok(WorkloadApi::of(environment().as_ref())?.ok_or(SettingsError::NoAgent)?)
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertifiedFor {
    /// Whoever signs artifacts: a role that takes any name must be told which.
    Signing,
    /// A service that speaks TLS: it has names of its own.
    Service,
}

/// The authority that the flags name; `None` is the services' own.
pub(crate) fn named_authority(
    args: &AuthorityArgs,
    http: &HttpClient,
    purpose: CertifiedFor,
) -> Result<Option<Box<dyn CertificateAuthority>>, Failure> {
    let Some(authority) = &args.authority else { return Ok(None) };
    let name = args.authority_name.as_deref().map(SanTemplate::parse).transpose().map_err(CaError::from)?;
    let environment = environment();
    Ok(Some(match authority.split_once(':') {
        Some(("vault", place)) => {
            unfit(args, &[Flag::Requests, Flag::Password])?;
            Box::new(vault::named(args, place, name, http, purpose, environment.as_ref())?)
        }
        Some(("step-ca", url)) => {
            unfit(args, &[Flag::Account, Flag::Requests])?;
            Box::new(step_ca(args, url, name, http, purpose, environment)?)
        }
        Some(("fulcio", url)) => {
            unfit(args, &[Flag::Login, Flag::Name, Flag::Audience, Flag::Account, Flag::Requests, Flag::Password])?;
            Box::new(Fulcio::new(url, client(http, args.authority_tls_root.as_deref(), None)?)?)
        }
        Some(("cert-manager", issuer)) => {
            unfit(args, &[Flag::Login, Flag::TlsRoot, Flag::Password])?;
            if name.is_none() && purpose == CertifiedFor::Signing {
                return Err(SettingsError::AuthorityName.into());
            }
            Box::new(cert_manager(args, issuer, name, http, environment)?)
        }
        _ => return Err(SettingsError::Authority { flag: "--authority", found: authority.clone() }.into()),
    }))
}

/// A flag that some authorities have no use for.
#[derive(Debug, Clone, Copy)]
enum Flag {
    Login,
    Name,
    Audience,
    TlsRoot,
    Account,
    Requests,
    Password,
}

/// What is not read must not be given.
fn unfit(args: &AuthorityArgs, flags: &[Flag]) -> Result<(), SettingsError> {
    let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    for flag in flags {
        let (flag, found) = match flag {
            Flag::Login => ("--authority-login", args.authority_login.clone()),
            Flag::Name => ("--authority-name", args.authority_name.clone()),
            Flag::Audience => ("--authority-audience", args.authority_audience.clone()),
            Flag::TlsRoot => ("--authority-tls-root", text(&args.authority_tls_root)),
            Flag::Account => ("--authority-account", text(&args.authority_account)),
            Flag::Password => ("--authority-password-file", text(&args.authority_password_file)),
            Flag::Requests => ("--authority-requests", args.authority_requests.map(|_| "here".to_owned())),
        };
        if let Some(found) = found {
            return Err(SettingsError::Authority { flag, found });
        }
    }
    Ok(())
}

fn step_ca(
    args: &AuthorityArgs,
    url: &str,
    name: Option<SanTemplate>,
    http: &HttpClient,
    purpose: CertifiedFor,
    environment: Arc<dyn Environment>,
) -> Result<StepCa, Failure> {
    let audience = args.authority_audience.as_deref().unwrap_or(SIGSTORE_AUDIENCE);
    let mut ca = StepCa::new(url, audience, client(http, args.authority_tls_root.as_deref(), None)?)?;
    if let Some(digest) = environment.var("STEP_FINGERPRINT") {
        ca = ca.with_root(RootDigest::parse(&digest).ok_or(SettingsError::StepFingerprint)?);
    }
    match args.authority_login.as_deref() {
        None => unfit(args, &[Flag::Password])?,
        Some(login) => {
            let unknown = || SettingsError::Authority { flag: "--authority-login", found: login.to_owned() };
            let provisioner = login.strip_prefix("jwk:").filter(|name| !name.is_empty()).ok_or_else(unknown)?;
            if name.is_none() && purpose == CertifiedFor::Signing {
                return Err(SettingsError::AuthorityName.into());
            }
            let file = args.authority_password_file.as_deref().ok_or(SettingsError::ProvisionerPassword)?;
            let mut password = Zeroizing::new(files::read(file, limits::TOKEN_BYTES)?);
            let length = password.trim_ascii_end().len();
            password.truncate(length);
            ca = ca.with_provisioner(JwkProvisioner::new(provisioner, password), environment);
        }
    }
    Ok(match name {
        Some(name) => ca.with_name(name),
        None => ca,
    })
}

fn cert_manager(
    args: &AuthorityArgs,
    issuer: &str,
    name: Option<SanTemplate>,
    http: &HttpClient,
    environment: Arc<dyn Environment>,
) -> Result<CertManager, Failure> {
    let unknown = || SettingsError::Authority { flag: "--authority", found: format!("cert-manager:{issuer}") };
    let issuer = IssuerRef::parse(issuer).ok_or_else(unknown)?;
    let server = ApiServer::of_cluster(environment, &account(args), http.settings().clone())?;
    let ca = CertManager::new(server.ok_or(SettingsError::NoPod)?, issuer, name).map_err(CaError::from)?;
    let ca = match &args.authority_audience {
        Some(audience) => ca.with_audience(audience),
        None => ca,
    };
    Ok(match args.authority_requests {
        Some(AnsweredRequests::Keep) => ca.with_requests(Requests::Keep),
        Some(AnsweredRequests::Delete) | None => ca,
    })
}

/// Where the pod's account is mounted.
fn account(args: &AuthorityArgs) -> PathBuf {
    args.authority_account.clone().unwrap_or_else(|| POD_ACCOUNT.into())
}

/// A client that trusts the root in a file too.
pub(crate) fn client_with_root(http: &HttpClient, root: Option<&Path>) -> Result<HttpClient, Failure> {
    client(http, root, None)
}

/// The client of the session, with this root for TLS and this certificate of its own.
fn client(http: &HttpClient, root: Option<&Path>, own: Option<(&Path, &Path)>) -> Result<HttpClient, Failure> {
    if root.is_none() && own.is_none() {
        return Ok(http.clone());
    }
    let mut settings = http.settings().clone();
    let text = |path: &Path| -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&files::read(path, PEM_BYTES)?).into_owned())
    };
    settings.extra_roots = root.map(text).transpose()?.or(settings.extra_roots);
    if let Some((chain, key)) = own {
        settings.client_certificate = Some(ClientCertificate::new(text(chain)?, Zeroizing::new(text(key)?))?);
    }
    Ok(HttpClient::new(settings))
}
