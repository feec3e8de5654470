//! `signing_config.v0.2.json`: which services to sign with, and how many of them.

use super::error::TrustError;
use super::instances::{validity, write_validity};
use crate::base::encoding::json::{Fields, Json};
use crate::base::limits;
use crate::base::time::{UnixTime, ValidityPeriod};

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";
/// Services of one kind in a document.
const SERVICES: usize = 64;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Base URL (CA, log, identity provider) or full URL (timestamp authority).
    pub url: String,
    /// The version of its API.
    pub major_api_version: u64,
    /// When to use it, both ends included.
    pub validity: ValidityPeriod,
    /// Who runs it.
    pub operator: String,
}

/// How many of the fitting services to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// Every one.
    All,
    /// One.
    Any,
    /// Exactly so many, of different operators.
    Exact(usize),
}

/// Services of one kind that fit, best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<'s> {
    /// All of them: those after the first `needed` stand in for one that fails.
    pub services: Vec<&'s Service>,
    /// How many are to be used.
    pub needed: usize,
}

impl<'s> Choice<'s> {
    /// Those to be used while none fails.
    fn first(mut self) -> Vec<&'s Service> {
        self.services.truncate(self.needed);
        self.services
    }
}

/// The services to sign with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningConfig {
    /// Certificate authorities.
    pub ca: Vec<Service>,
    /// Identity providers.
    pub oidc: Vec<Service>,
    /// Transparency logs.
    pub logs: Vec<Service>,
    /// How many logs.
    pub log_selector: Option<Selector>,
    /// Timestamp authorities.
    pub timestamp_authorities: Vec<Service>,
    /// How many timestamp authorities.
    pub timestamp_selector: Option<Selector>,
}

/// API versions that we speak. The Fulcio API at `/api/v2` counts as 1 here.
const CA_VERSIONS: &[u64] = &[1];
const OIDC_VERSIONS: &[u64] = &[1];
const LOG_VERSIONS: &[u64] = &[1, 2];
const TIMESTAMP_VERSIONS: &[u64] = &[1];

impl SigningConfig {
    /// Parses the document.
    pub fn parse(json: &[u8]) -> Result<Self, TrustError> {
        if json.len() > limits::TRUST_BYTES {
            return Err(TrustError::TooLarge { found: json.len() });
        }
        Self::from_json(&Json::parse(json)?, "")
    }

    pub(super) fn from_json(json: &Json<'_>, path: &str) -> Result<Self, TrustError> {
        let mut fields = Fields::of(json, path)?;
        let media_type = fields.string("mediaType")?.unwrap_or_default();
        if media_type != MEDIA_TYPE {
            let found = media_type.chars().take(128).collect();
            return Err(TrustError::MediaType { found, expected: MEDIA_TYPE });
        }
        Ok(Self {
            ca: services(&mut fields, "caUrls")?,
            oidc: services(&mut fields, "oidcUrls")?,
            logs: services(&mut fields, "rekorTlogUrls")?,
            log_selector: selector(&mut fields, "rekorTlogConfig")?,
            timestamp_authorities: services(&mut fields, "tsaUrls")?,
            timestamp_selector: selector(&mut fields, "tsaConfig")?,
        })
    }

    /// The document as JSON.
    pub fn to_json(&self) -> String {
        format!("{:#}\n", self.to_value())
    }

    pub(super) fn to_value(&self) -> serde_json::Value {
        let list = |services: &[Service]| -> Vec<_> {
            let one = |service: &Service| {
                serde_json::json!({
                    "url": service.url,
                    "majorApiVersion": service.major_api_version,
                    "validFor": write_validity(&service.validity),
                    "operator": service.operator,
                })
            };
            services.iter().map(one).collect()
        };
        let mut value = serde_json::json!({
            "mediaType": MEDIA_TYPE,
            "caUrls": list(&self.ca),
            "oidcUrls": list(&self.oidc),
            "rekorTlogUrls": list(&self.logs),
            "tsaUrls": list(&self.timestamp_authorities),
        });
        for (name, selector) in [("rekorTlogConfig", self.log_selector), ("tsaConfig", self.timestamp_selector)] {
            value[name] = match selector {
                Some(Selector::All) => serde_json::json!({ "selector": "ALL" }),
                Some(Selector::Any) => serde_json::json!({ "selector": "ANY" }),
                Some(Selector::Exact(count)) => serde_json::json!({ "selector": "EXACT", "count": count }),
                None => continue,
            };
        }
        value
    }

    /// The certificate authority to use at `now`.
    pub fn select_ca(&self, now: UnixTime) -> Result<&Service, TrustError> {
        first(&self.ca, CA_VERSIONS, now, "CA")
    }

    /// The certificate authorities that fit at `now`, in the order in which they are to be tried: one is enough.
    pub fn choose_ca(&self, now: UnixTime) -> Result<Choice<'_>, TrustError> {
        choose(&self.ca, CA_VERSIONS, Some(Selector::Any), now, "CA").and_then(|choice| match choice.services.len() {
            0 => Err(TrustError::Services { kind: "CA", found: 0, needed: 1 }),
            _ => Ok(choice),
        })
    }

    /// The identity provider to use at `now`.
    pub fn select_oidc(&self, now: UnixTime) -> Result<&Service, TrustError> {
        first(&self.oidc, OIDC_VERSIONS, now, "OIDC")
    }

    /// The transparency logs to use at `now`; empty only when the document lists none at all.
    pub fn select_logs(&self, now: UnixTime) -> Result<Vec<&Service>, TrustError> {
        self.choose_logs(now).map(Choice::first)
    }

    /// The transparency logs that fit at `now`, in the order in which they are to be tried, and how many of them
    /// are needed; none only when the document lists none at all.
    pub fn choose_logs(&self, now: UnixTime) -> Result<Choice<'_>, TrustError> {
        choose(&self.logs, LOG_VERSIONS, self.log_selector, now, "transparency log")
    }

    /// A log of Rekor's first API that is valid at `now`, whatever newer ones there are: the older cosign
    /// signature can hold no other's entry.
    pub fn select_log_v1(&self, now: UnixTime) -> Option<&Service> {
        fitting(&self.logs, &[1], now).first().copied()
    }

    /// The timestamp authorities to use at `now`; empty only when the document lists none at all.
    pub fn select_timestamp_authorities(&self, now: UnixTime) -> Result<Vec<&Service>, TrustError> {
        self.choose_timestamp_authorities(now).map(Choice::first)
    }

    /// The timestamp authorities that fit at `now`, as [`Self::choose_logs`] has the logs.
    pub fn choose_timestamp_authorities(&self, now: UnixTime) -> Result<Choice<'_>, TrustError> {
        choose(&self.timestamp_authorities, TIMESTAMP_VERSIONS, self.timestamp_selector, now, "timestamp")
    }
}

fn services(fields: &mut Fields<'_, '_>, name: &str) -> Result<Vec<Service>, TrustError> {
    let path = fields.path(name);
    let items = fields.items(name, SERVICES)?;
    let read = |(index, item)| {
        let mut fields = Fields::of(item, &format!("{path}[{index}]"))?;
        Ok(Service {
            url: fields.require_string("url")?.to_owned(),
            major_api_version: fields.unsigned("majorApiVersion")?,
            validity: validity(&mut fields)?,
            operator: fields.string("operator")?.unwrap_or_default().to_owned(),
        })
    };
    items.iter().enumerate().map(read).collect()
}

fn selector(fields: &mut Fields<'_, '_>, name: &'static str) -> Result<Option<Selector>, TrustError> {
    let Some(mut config) = fields.object(name)? else { return Ok(None) };
    let count = config.unsigned("count")?;
    match config.string("selector")?.unwrap_or_default() {
        "ALL" => Ok(Some(Selector::All)),
        "ANY" => Ok(Some(Selector::Any)),
        "EXACT" => match usize::try_from(count) {
            Ok(count) if count > 0 => Ok(Some(Selector::Exact(count))),
            _ => Err(TrustError::Selector { path: name, why: "EXACT needs a count of at least 1" }),
        },
        _ => Err(TrustError::Selector { path: name, why: "selector is none of ALL, ANY, EXACT" }),
    }
}

/// The selection rules of the specification: valid now and of a version that we speak; of these only
/// the highest version; newest start first; at most one an operator.
fn fitting<'s>(services: &'s [Service], versions: &[u64], now: UnixTime) -> Vec<&'s Service> {
    let usable = |service: &&Service| versions.contains(&service.major_api_version) && service.validity.contains(now);
    let Some(highest) = services.iter().filter(usable).map(|service| service.major_api_version).max() else {
        return Vec::new();
    };
    let mut fitting: Vec<_> =
        services.iter().filter(usable).filter(|service| service.major_api_version == highest).collect();
    fitting.sort_by_key(|service| std::cmp::Reverse(service.validity.start()));
    let mut operators = std::collections::HashSet::new();
    fitting.retain(|service| operators.insert(service.operator.as_str()));
    fitting
}

fn first<'s>(
    services: &'s [Service],
    versions: &[u64],
    now: UnixTime,
    kind: &'static str,
) -> Result<&'s Service, TrustError> {
    let found = fitting(services, versions, now);
    found.first().copied().ok_or(TrustError::Services { kind, found: 0, needed: 1 })
}

fn choose<'s>(
    services: &'s [Service],
    versions: &[u64],
    selector: Option<Selector>,
    now: UnixTime,
    kind: &'static str,
) -> Result<Choice<'s>, TrustError> {
    if services.is_empty() {
        return Ok(Choice { services: Vec::new(), needed: 0 });
    }
    let fitting = fitting(services, versions, now);
    let needed = match selector {
        None => return Err(TrustError::Selector { path: kind, why: "services without a selector" }),
        Some(Selector::All) => fitting.len().max(1),
        Some(Selector::Any) => 1,
        Some(Selector::Exact(count)) => count,
    };
    if fitting.len() < needed {
        return Err(TrustError::Services { kind, found: fitting.len(), needed });
    }
    Ok(Choice { services: fitting, needed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::trust::Embedded;

    fn service(url: &str, version: u64, start: i64, operator: &str) -> Service {
        let validity = ValidityPeriod::new(UnixTime::from_secs(start), None).unwrap();
        Service { url: url.to_owned(), major_api_version: version, validity, operator: operator.to_owned() }
    }

    fn config(logs: Vec<Service>, log_selector: Option<Selector>) -> SigningConfig {
        let (ca, oidc, timestamp_authorities) = (Vec::new(), Vec::new(), Vec::new());
        SigningConfig { ca, oidc, logs, log_selector, timestamp_authorities, timestamp_selector: None }
    }

    fn urls(config: &SigningConfig) -> Result<Vec<&str>, TrustError> {
        Ok(config.select_logs(UnixTime::from_secs(100))?.into_iter().map(|s| s.url.as_str()).collect())
    }

    #[test]
    fn embedded_round_trip() {
        for embedded in [Embedded::PublicGood, Embedded::Staging] {
            let json = embedded.signing_config_json().unwrap();
            let config = SigningConfig::parse(json.as_bytes()).unwrap();
            assert_eq!(SigningConfig::parse(config.to_json().as_bytes()).unwrap(), config);
            assert!(config.select_ca(UnixTime::from_secs(1_790_000_000)).is_ok());
        }
    }

    #[test]
    fn highest_version_newest_start_one_an_operator() {
        let logs = vec![
            service("old", 1, 1, "a"),
            service("early", 2, 10, "b"),
            service("late", 2, 20, "b"),
            service("other", 2, 5, "c"),
            service("future", 2, 1000, "d"),
            service("unknown", 3, 1, "e"),
        ];
        assert_eq!(urls(&config(logs.clone(), Some(Selector::All))), Ok(vec!["late", "other"]));
        assert_eq!(urls(&config(logs.clone(), Some(Selector::Any))), Ok(vec!["late"]));
        assert_eq!(urls(&config(logs.clone(), Some(Selector::Exact(2)))), Ok(vec!["late", "other"]));
        let choice = config(logs.clone(), Some(Selector::Any));
        let choice = choice.choose_logs(UnixTime::from_secs(100)).unwrap();
        assert_eq!((choice.services.len(), choice.needed), (2, 1), "one stands in for the other");
        let few = urls(&config(logs.clone(), Some(Selector::Exact(3)))).unwrap_err();
        assert_eq!(few.code().name(), "signing-config-service");
        assert_eq!(urls(&config(logs, None)).unwrap_err().code().name(), "trust-root-parse");
        assert_eq!(urls(&config(Vec::new(), None)), Ok(Vec::new()));
    }

    #[test]
    fn selectors() {
        for bad in [r#"{"selector":"EXACT"}"#, r#"{"selector":"EXACT","count":0}"#, r#"{"selector":"SOME"}"#, "{}"] {
            let json = format!(r#"{{"mediaType":"{MEDIA_TYPE}","tsaConfig":{bad}}}"#);
            assert_eq!(SigningConfig::parse(json.as_bytes()).unwrap_err().code().name(), "trust-root-parse", "{bad}");
        }
    }
}
