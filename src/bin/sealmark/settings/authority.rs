//! Who certifies, from flags and the variables that the authorities' own clients read.

use std::path::Path;

use sealmark::format::spiffe::SpiffeId;
use sealmark::service::ca::{
    CaError, CertificateAuthority, Fulcio, RootDigest, SanTemplate, StepCa, Vault, VaultLogin, VaultRole,
};
use sealmark::service::environment::Environment;
use sealmark::service::http::{ClientCertificate, HttpClient};
use sealmark::service::spiffe::WorkloadApi;
use zeroize::Zeroizing;

use super::{SettingsError, environment};
use crate::cli::AuthorityArgs;
use crate::files;
use crate::report::Failure;

/// A pod's own token: <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>.
const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// A file of PEM certificates, or of a key.
const PEM_BYTES: usize = 1 << 20;

/// The SPIFFE agent that the flags name as the one that certifies.
pub(super) fn named_agent(args: &AuthorityArgs) -> Result<Option<(WorkloadApi, Option<SpiffeId>)>, Failure> {
    if args.authority.as_deref() != Some("spiffe") {
        return Ok(None);
    }
    let flag = |flag: &'static str, found: &str| SettingsError::Authority { flag, found: found.to_owned() };
    for (name, value) in
        [("--authority-login", &args.authority_login), ("--authority-audience", &args.authority_audience)]
    {
        if let Some(value) = value {
            return Err(flag(name, value).into());
        }
    }
    let id = args.authority_name.as_deref();
    let id = id.map(|id| SpiffeId::parse(id).ok_or_else(|| flag("--authority-name", id))).transpose()?;
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
    let flag = |flag: &'static str, found: &str| SettingsError::Authority { flag, found: found.to_owned() };
    let name = args.authority_name.as_deref().map(SanTemplate::parse).transpose().map_err(CaError::from)?;
    let environment = environment();
    match authority.split_once(':') {
        Some(("vault", place)) => {
            let (mount, role) = place.rsplit_once('/').ok_or_else(|| flag("--authority", authority))?;
            let variable = |name: &str| {
                environment.var(&format!("VAULT_{name}")).or_else(|| environment.var(&format!("BAO_{name}")))
            };
            let needed = |name: &'static str| variable(name).ok_or(SettingsError::VaultVariable { name });
            if name.is_none() && purpose == CertifiedFor::Signing {
                return Err(SettingsError::AuthorityName.into());
            }
            let role = VaultRole { mount: mount.to_owned(), role: role.to_owned(), name, lifetime_secs: None };
            let login = login(args.authority_login.as_deref(), &role.role, &needed, environment.as_ref())?;
            let root = args.authority_tls_root.clone().or_else(|| variable("CACERT").map(Into::into));
            let own = variable("CLIENT_CERT").zip(variable("CLIENT_KEY"));
            let own = own.as_ref().map(|(chain, key)| (Path::new(chain), Path::new(key)));
            let mut vault = Vault::new(&needed("ADDR")?, role, login, client(http, root.as_deref(), own)?)?;
            if let Some(namespace) = variable("NAMESPACE") {
                vault = vault.with_namespace(&namespace);
            }
            if let Some(audience) = &args.authority_audience {
                vault = vault.with_audience(audience);
            }
            Ok(Some(Box::new(vault)))
        }
        Some(("step-ca", url)) => {
            if let Some(login) = &args.authority_login {
                return Err(flag("--authority-login", login).into());
            }
            let audience = args.authority_audience.as_deref().unwrap_or("sigstore");
            let client = client(http, args.authority_tls_root.as_deref(), None)?;
            let ca = StepCa::new(url, audience, client)?;
            let ca = match environment.var("STEP_FINGERPRINT") {
                Some(digest) => ca.with_root(RootDigest::parse(&digest).ok_or(SettingsError::StepFingerprint)?),
                None => ca,
            };
            Ok(Some(match name {
                Some(name) => Box::new(ca.with_name(name)),
                None => Box::new(ca),
            }))
        }
        Some(("fulcio", url)) => {
            for (name, value) in [
                ("--authority-login", &args.authority_login),
                ("--authority-name", &args.authority_name),
                ("--authority-audience", &args.authority_audience),
            ] {
                if let Some(value) = value {
                    return Err(flag(name, value).into());
                }
            }
            Ok(Some(Box::new(Fulcio::new(url, client(http, args.authority_tls_root.as_deref(), None)?)?)))
        }
        _ => Err(flag("--authority", authority).into()),
    }
}

fn login(
    method: Option<&str>,
    signing_role: &str,
    needed: &dyn Fn(&'static str) -> Result<String, SettingsError>,
    environment: &dyn Environment,
) -> Result<VaultLogin, SettingsError> {
    let (method, role) = match method.unwrap_or("jwt").split_once(':') {
        Some((method, role)) => (method, Some(role.to_owned())),
        None => (method.unwrap_or("jwt"), None),
    };
    let role_or_same = || role.clone().unwrap_or_else(|| signing_role.to_owned());
    let mount = method.to_owned();
    Ok(match method {
        "jwt" => VaultLogin::Jwt { mount, role: role_or_same() },
        "token" if role.is_none() => VaultLogin::Token(Zeroizing::new(needed("TOKEN")?)),
        "approle" if role.is_none() => {
            VaultLogin::AppRole { mount, role_id: needed("ROLE_ID")?, secret_id: Zeroizing::new(needed("SECRET_ID")?) }
        }
        "kubernetes" => {
            let token = environment.read(Path::new(POD_TOKEN), sealmark::base::limits::TOKEN_BYTES);
            let text = token.ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let jwt = Zeroizing::new(text.ok_or(SettingsError::PodToken)?);
            VaultLogin::Kubernetes { mount, role: role_or_same(), jwt }
        }
        "cert" => VaultLogin::Certificate { mount, role },
        other => return Err(SettingsError::Authority { flag: "--authority-login", found: other.to_owned() }),
    })
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
