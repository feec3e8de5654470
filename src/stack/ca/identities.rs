//! The issuers that a CA believes, in the words of Fulcio's own configuration, so that a site's file moves over
//! as it is. <https://github.com/sigstore/fulcio/blob/main/docs/configuration.md>
//!
//! ```yaml
//! oidc-issuers:
//!   https://token.actions.githubusercontent.com:
//!     issuer-url: https://token.actions.githubusercontent.com
//!     client-id: sigstore
//!     type: ci-provider
//!     ci-provider: github-workflow
//! meta-issuers:
//!   https://oidc.eks.*.amazonaws.com/id/*:
//!     client-id: sigstore
//!     type: kubernetes
//! ```
//!
//! Beside Fulcio's fields an entry may have `jwks-uri` (the keys are there, and the metadata is not asked for),
//! `jwks-file` (no request at all), `ca-cert-file` and `token-file` (for a cluster's own issuer), `addresses: any`
//! (not only public ones), and `template-values`, which stand above a token's claims.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;

use super::issuer_keys::IssuerKeys;
use super::issuer_url::{IssuerUrl, IssuerUrlError};
use super::principal::{SubjectKind, TrustedIssuer};
use super::provider::{Provider, ProviderError};
use crate::base::limits;
use crate::format::jwt::{JwtError, KeySet};
use crate::service::http::{Endpoint, HttpClient, HttpError, Reach, Service, Settings};

/// Issuers of one document.
const ISSUERS: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    /// Names for YAML's anchors.
    #[serde(default, rename = "define")]
    _define: Option<IgnoredAny>,
    #[serde(default)]
    oidc_issuers: BTreeMap<String, Entry>,
    #[serde(default)]
    meta_issuers: BTreeMap<String, Entry>,
    #[serde(default)]
    ci_issuer_metadata: BTreeMap<String, Metadata>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    issuer_url: Option<String>,
    client_id: String,
    r#type: String,
    ci_provider: Option<String>,
    issuer_claim: Option<String>,
    subject_domain: Option<String>,
    spiffe_trust_domain: Option<String>,
    challenge_claim: Option<String>,
    #[serde(rename = "contact")]
    _contact: Option<IgnoredAny>,
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    jwks_uri: Option<String>,
    jwks_file: Option<PathBuf>,
    ca_cert_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    addresses: Option<Addresses>,
    #[serde(default)]
    template_values: BTreeMap<String, String>,
}

/// Where an issuer's host may lead.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Addresses {
    Public,
    Any,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Metadata {
    #[serde(default)]
    default_template_values: BTreeMap<String, String>,
    #[serde(default)]
    extension_templates: BTreeMap<String, String>,
    subject_alternative_name_template: String,
}

/// Why a document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentitiesError {
    /// It does not read.
    #[error("{0}")]
    Document(String),
    /// An entry's URL.
    #[error(transparent)]
    Url(#[from] IssuerUrlError),
    /// A provider.
    #[error("provider {id}: {error}")]
    Provider {
        /// Its id.
        id: String,
        /// What is wrong.
        error: ProviderError,
    },
    /// An entry.
    #[error("issuer {url}: {problem}")]
    Entry {
        /// Its URL or pattern.
        url: String,
        /// What is wrong.
        problem: String,
    },
}

/// Reads a document; the files that it names are relative to `dir`.
pub fn read(yaml: &str, dir: &Path) -> Result<Vec<TrustedIssuer>, IdentitiesError> {
    if yaml.len() > limits::POLICY_BYTES {
        return Err(IdentitiesError::Document("it is too long".to_owned()));
    }
    let document: Document = serde_saphyr::from_str(&aliases_as_keys(yaml))
        .map_err(|error| IdentitiesError::Document(error.without_snippet().to_string()))?;
    let entries = document.oidc_issuers.len() + document.meta_issuers.len();
    if entries == 0 || entries > ISSUERS {
        return Err(IdentitiesError::Document(format!("it has {entries} issuers; 1 to {ISSUERS} are allowed")));
    }
    let providers = document.ci_issuer_metadata.iter().map(|(id, metadata)| match metadata.read() {
        Ok(provider) => Ok((id.as_str(), provider)),
        Err(error) => Err(IdentitiesError::Provider { id: id.clone(), error }),
    });
    let providers: BTreeMap<&str, Provider> = providers.collect::<Result<_, _>>()?;
    let mut issuers = Vec::with_capacity(entries);
    for (key, entry) in &document.oidc_issuers {
        let url = entry.issuer_url.as_deref().unwrap_or(key);
        let wrong = |problem: String| IdentitiesError::Entry { url: key.clone(), problem };
        if url != key {
            return Err(wrong("issuer-url is not the entry's own".to_owned()));
        }
        issuers.push(entry.read(IssuerUrl::exact(url)?, &providers, dir).map_err(wrong)?);
    }
    for (pattern, entry) in &document.meta_issuers {
        let wrong = |problem: String| IdentitiesError::Entry { url: pattern.clone(), problem };
        if let Some(problem) = entry.not_for_patterns() {
            return Err(wrong(format!("{problem} belongs to one issuer, not to a pattern")));
        }
        issuers.push(entry.read(IssuerUrl::pattern(pattern)?, &providers, dir).map_err(wrong)?);
    }
    Ok(issuers)
}

/// Fulcio's own files have aliases as keys, `*name:`, which Go's parser reads. In YAML 1.2 the colon would belong to
/// the name (section 6.9.2), so that a space has to stand before it.
fn aliases_as_keys(yaml: &str) -> String {
    let mut text = String::with_capacity(yaml.len() + 16);
    for line in yaml.split_inclusive('\n') {
        let key = line.trim_start();
        let length = key
            .strip_prefix('*')
            .map_or(0, |name| name.bytes().take_while(|c| c.is_ascii_alphanumeric() || b"-_".contains(c)).count() + 1);
        let (alias, rest) = line.split_at(line.len() - key.len() + length);
        text.push_str(alias);
        if length > 1 && rest.starts_with(':') {
            text.push(' ');
        }
        text.push_str(rest);
    }
    text
}

impl Metadata {
    fn read(&self) -> Result<Provider, ProviderError> {
        let name = &self.subject_alternative_name_template;
        Provider::new(name, &pairs(&self.extension_templates), pairs(&self.default_template_values))
    }
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(String, String)> {
    map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl Entry {
    fn not_for_patterns(&self) -> Option<&'static str> {
        [
            ("issuer-url", self.issuer_url.is_some()),
            ("type spiffe", self.r#type == "spiffe"),
            ("jwks-uri", self.jwks_uri.is_some()),
            ("jwks-file", self.jwks_file.is_some()),
            ("token-file", self.token_file.is_some()),
            ("addresses", self.addresses.is_some()),
        ]
        .into_iter()
        .find_map(|(name, there)| there.then_some(name))
    }

    fn read(&self, url: IssuerUrl, providers: &BTreeMap<&str, Provider>, dir: &Path) -> Result<TrustedIssuer, String> {
        if self.client_id.is_empty() {
            return Err("client-id is empty".to_owned());
        }
        let subject = self.subject(&url, providers)?;
        let challenge = if matches!(subject, SubjectKind::Email { .. }) { "email" } else { "sub" };
        if self.challenge_claim.as_deref().is_some_and(|claim| claim != challenge) {
            return Err(format!("challenge-claim of this type is {challenge}"));
        }
        Ok(TrustedIssuer { keys: self.keys(dir)?, url, audience: self.client_id.clone(), subject })
    }

    fn subject(&self, url: &IssuerUrl, providers: &BTreeMap<&str, Provider>) -> Result<SubjectKind, String> {
        let domain = |name: &str, value: &Option<String>| match value.as_deref() {
            Some(value) if !value.is_empty() => Ok(value.to_owned()),
            _ => Err(format!("{name} is missing")),
        };
        for (name, value, wanted) in [
            ("issuer-claim", &self.issuer_claim, self.r#type == "email"),
            ("ci-provider", &self.ci_provider, self.r#type == "ci-provider"),
            ("spiffe-trust-domain", &self.spiffe_trust_domain, self.r#type == "spiffe"),
            ("subject-domain", &self.subject_domain, ["uri", "username"].contains(&self.r#type.as_str())),
        ] {
            if value.is_some() && !wanted {
                return Err(format!("{name} is not of type {}", self.r#type));
            }
        }
        match self.r#type.as_str() {
            "email" => Ok(SubjectKind::Email { issuer_claim: self.issuer_claim.as_deref().map(path).transpose()? }),
            "kubernetes" => Ok(SubjectKind::Kubernetes),
            "chainguard-identity" => Ok(SubjectKind::Chainguard),
            "spiffe" => {
                let trust_domain = domain("spiffe-trust-domain", &self.spiffe_trust_domain)?;
                let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
                if trust_domain.len() > 255 || !trust_domain.bytes().all(plain) {
                    return Err("spiffe-trust-domain is no trust domain".to_owned());
                }
                Ok(SubjectKind::Spiffe { trust_domain })
            }
            "uri" => {
                let domain = domain("subject-domain", &self.subject_domain)?;
                let (scheme, host) = domain.split_once("://").ok_or("subject-domain of a uri has a scheme")?;
                if url.as_str().split("://").next() != Some(scheme) {
                    return Err("subject-domain has another scheme than the issuer".to_owned());
                }
                of_one_owner(host, url)?;
                Ok(SubjectKind::Uri { domain })
            }
            "username" => {
                let domain = domain("subject-domain", &self.subject_domain)?;
                of_one_owner(&domain, url)?;
                Ok(SubjectKind::Username { domain })
            }
            "ci-provider" => self.provider(self.ci_provider.as_deref().ok_or("ci-provider is missing")?, providers),
            // Fulcio's older words for some providers.
            id @ ("github-workflow" | "gitlab-pipeline" | "codefresh-workflow" | "buildkite-job") => {
                self.provider(id, providers)
            }
            other => Err(format!("type {other:?} is not supported")),
        }
    }

    fn provider(&self, id: &str, providers: &BTreeMap<&str, Provider>) -> Result<SubjectKind, String> {
        let written = providers.get(id).cloned().or_else(|| Provider::built_in(id));
        let provider = written.ok_or_else(|| format!("ci-provider {id:?} is not in ci-issuer-metadata"))?;
        let provider = Arc::new(provider.with(pairs(&self.template_values)));
        Ok(SubjectKind::CiProvider { id: id.to_owned(), provider })
    }

    fn keys(&self, dir: &Path) -> Result<IssuerKeys, String> {
        let read = |path: &Path| std::fs::read(dir.join(path)).map_err(|error| format!("{}: {error}", path.display()));
        if let Some(path) = &self.jwks_file {
            if self.jwks_uri.is_some() {
                return Err("jwks-file beside jwks-uri: which?".to_owned());
            }
            let keys = KeySet::parse(&read(path)?).map_err(|error: JwtError| format!("{}: {error}", path.display()))?;
            return Ok(IssuerKeys::Fixed(Arc::new(keys)));
        }
        let roots = self.ca_cert_file.as_deref().map(read).transpose()?;
        let roots = roots.map(String::from_utf8).transpose().map_err(|_| "ca-cert-file is not PEM".to_owned())?;
        let settings = Settings {
            connect_timeout: Duration::from_secs(3),
            attempt_timeout: Duration::from_secs(5),
            budget: Duration::from_secs(8),
            attempts: 2,
            extra_roots: roots,
            reach: if self.addresses == Some(Addresses::Any) { Reach::Any } else { Reach::Public },
            ..Settings::default()
        };
        let uri = self.jwks_uri.as_deref().map(|uri| Endpoint::parse(Service::IdentityProvider, uri)).transpose();
        let uri = uri.map_err(|error: HttpError| error.to_string())?;
        Ok(IssuerKeys::asked(HttpClient::new(settings), uri, self.token_file.clone()))
    }
}

/// `$.a.b`: the names of claims, each inside the one before.
fn path(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<_> = text.strip_prefix("$.").unwrap_or_default().split('.').map(str::to_owned).collect();
    let word = |name: &String| !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    if names.len() <= 8 && names.iter().all(word) {
        Ok(names)
    } else {
        Err("issuer-claim is not $.name.name".to_owned())
    }
}

/// A domain that an issuer may vouch for: its own host, or one under the same two last labels. So who configures
/// the entry has shown that both are theirs.
fn of_one_owner(domain: &str, url: &IssuerUrl) -> Result<(), String> {
    let host = url.as_str().split("://").nth(1).unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let last = |name: &str| name.rsplit('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-".contains(&c);
    let related = last(domain).len() == 2 && last(domain) == last(host);
    if !domain.is_empty() && domain.bytes().all(plain) && (domain == host || related) {
        return Ok(());
    }
    Err("subject-domain is not the issuer's own domain".to_owned())
}

#[cfg(test)]
mod tests;
