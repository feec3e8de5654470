//! A Vault or an OpenBao, from the variables of its own client.

use std::path::Path;

use sealmark::base::limits;
use sealmark::service::ca::{CaError, SanTemplate, Vault, VaultLogin, VaultRole, vault_client_pair, vault_variable};
use sealmark::service::environment::Environment;
use sealmark::service::http::HttpClient;
use zeroize::Zeroizing;

use super::{CertifiedFor, account, client};
use crate::cli::AuthorityArgs;
use crate::report::Failure;
use crate::settings::SettingsError;

pub(super) fn named(
    args: &AuthorityArgs,
    place: &str,
    name: Option<SanTemplate>,
    http: &HttpClient,
    purpose: CertifiedFor,
    environment: &dyn Environment,
) -> Result<Vault, Failure> {
    let unknown = || SettingsError::Authority { flag: "--authority", found: format!("vault:{place}") };
    let (mount, role) = place.rsplit_once('/').ok_or_else(unknown)?;
    let variable = |name: &str| vault_variable(environment, name);
    let needed = |name: &'static str| variable(name).ok_or(SettingsError::VaultVariable { name });
    if name.is_none() && purpose == CertifiedFor::Signing {
        return Err(SettingsError::AuthorityName.into());
    }
    let role = VaultRole { mount: mount.to_owned(), role: role.to_owned(), name, lifetime_secs: None };
    let login = login(args, &role.role, &needed, environment)?;
    let root = args.authority_tls_root.clone().or_else(|| variable("CACERT").map(Into::into));
    let own = vault_client_pair(environment).map_err(CaError::from)?;
    let own = own.as_ref().map(|(chain, key)| (Path::new(chain), Path::new(key)));
    let mut vault = Vault::new(&needed("ADDR")?, role, login, client(http, root.as_deref(), own)?)?;
    if let Some(namespace) = variable("NAMESPACE") {
        vault = vault.with_namespace(&namespace);
    }
    if let Some(audience) = &args.authority_audience {
        vault = vault.with_audience(audience);
    }
    Ok(vault)
}

fn login(
    args: &AuthorityArgs,
    signing_role: &str,
    needed: &dyn Fn(&'static str) -> Result<String, SettingsError>,
    environment: &dyn Environment,
) -> Result<VaultLogin, SettingsError> {
    let given = args.authority_login.as_deref().unwrap_or("jwt");
    let (method, role) = match given.split_once(':') {
        Some((method, role)) => (method, Some(role.to_owned())),
        None => (given, None),
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
            let token = environment.read(&account(args).join("token"), limits::TOKEN_BYTES);
            let text = token.ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let jwt = Zeroizing::new(text.ok_or(SettingsError::PodToken)?);
            VaultLogin::Kubernetes { mount, role: role_or_same(), jwt }
        }
        "cert" => VaultLogin::Certificate { mount, role },
        other => return Err(SettingsError::Authority { flag: "--authority-login", found: other.to_owned() }),
    })
}
