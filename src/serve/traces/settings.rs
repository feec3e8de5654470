//! Where spans go, and which: the variables that OpenTelemetry has for it.
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>,
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

use crate::base::code::Code;
use crate::base::limits;
use crate::service::environment::Environment;
use crate::service::http::{Endpoint, HttpError, Service, Settings};

/// Why traces cannot go where they should.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// A variable that says something that is not done here.
    #[error("{variable}: {problem}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What is wrong; never what it says, for some hold secrets.
        problem: &'static str,
    },
    /// A file of authorities.
    #[error("{path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// The collector's URL.
    #[error(transparent)]
    Endpoint(#[from] HttpError),
}

impl TraceError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Variable { .. } => Code::usage("traces-settings", "the manual has the variables that are read"),
            Self::File { .. } => Code::undecided("traces-file", "check the path and who may read it"),
            Self::Endpoint(error) => error.code(),
        }
    }
}

/// Which traces are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampler {
    /// Of the traces that begin here, by the last half of their number.
    below: Option<u64>,
    /// Whether whoever asks decides for their own.
    by_parent: bool,
}

impl Sampler {
    /// All that begin here, and of others those that whoever asks has chosen.
    pub const BY_PARENT: Self = Self { below: Some(u64::MAX), by_parent: true };

    pub(super) fn takes(self, trace: u128, chosen: Option<bool>) -> bool {
        match chosen {
            Some(chosen) if self.by_parent => chosen,
            // The lower half is what every sampler of the field looks at.
            _ => self.below.is_some_and(|below| (trace & u128::from(u64::MAX)) as u64 <= below),
        }
    }

    fn read(environment: &dyn Environment) -> Result<Self, TraceError> {
        let wrong = |variable, problem| TraceError::Variable { variable, problem };
        let name = said(environment, "OTEL_TRACES_SAMPLER").unwrap_or_else(|| "parentbased_always_on".to_owned());
        let (by_parent, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name.as_str()),
        };
        let below = match root {
            "always_on" => Some(u64::MAX),
            "always_off" => None,
            "traceidratio" => {
                let given = said(environment, "OTEL_TRACES_SAMPLER_ARG").map_or(Ok(1.0), |text| text.parse::<f64>());
                let ratio = given.ok().filter(|ratio| (0.0..=1.0).contains(ratio));
                let ratio = ratio.ok_or_else(|| wrong("OTEL_TRACES_SAMPLER_ARG", "it is a number from 0 to 1"))?;
                (ratio > 0.0).then_some((ratio * u64::MAX as f64) as u64)
            }
            _ => return Err(wrong("OTEL_TRACES_SAMPLER", "it is no sampler that is known here")),
        };
        Ok(Self { below, by_parent })
    }
}

/// Where spans go, and which are made.
#[derive(Clone)]
pub struct TraceSettings {
    pub(super) endpoint: Endpoint,
    pub(super) headers: HeaderMap,
    pub(super) secrets: Vec<String>,
    pub(super) http: Settings,
    pub(super) sampler: Sampler,
    /// Names and values, that of `service.name` among them.
    pub(super) resource: Vec<(String, String)>,
}

impl TraceSettings {
    /// What the environment says; `None` where it names no collector, or says that there is none. `endpoint` goes before
    /// what it names.
    ///
    /// # Errors
    ///
    /// [`TraceError`]: what is said and cannot be done is never left out silently.
    pub fn read(environment: &dyn Environment, endpoint: Option<&str>) -> Result<Option<Self>, TraceError> {
        let wrong = |variable, problem| TraceError::Variable { variable, problem };
        let Some(url) = collector(environment, endpoint)? else { return Ok(None) };
        let protocol = said(environment, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            .or_else(|| said(environment, "OTEL_EXPORTER_OTLP_PROTOCOL"));
        if protocol.is_some_and(|protocol| protocol != "http/json") {
            return Err(wrong("OTEL_EXPORTER_OTLP_PROTOCOL", "only http/json is spoken here"));
        }
        let endpoint = Endpoint::of_this_network(Service::TraceCollector, &url)?;
        let (headers, secrets) = headers(environment)?;
        if !headers.is_empty() && !endpoint.keeps_secrets() {
            return Err(wrong("OTEL_EXPORTER_OTLP_HEADERS", "they would be sent in clear: give an https URL"));
        }
        let millis = said(environment, "OTEL_EXPORTER_OTLP_TIMEOUT").map_or(Ok(10_000), |text| text.parse::<u32>());
        let millis = millis.map_err(|_| wrong("OTEL_EXPORTER_OTLP_TIMEOUT", "it is a number of milliseconds"))?;
        let budget = Duration::from_millis(millis.into()).min(Duration::from_secs(30));
        let extra_roots = authorities(environment)?;
        let http = Settings { budget, attempt_timeout: budget, attempts: 3, extra_roots, ..Settings::default() };
        let sampler = Sampler::read(environment)?;
        Ok(Some(Self { endpoint, headers, secrets, http, sampler, resource: resource(environment)? }))
    }

    /// The collector, for people.
    pub fn collector(&self) -> String {
        self.endpoint.to_string()
    }
}

/// A variable that says something: an empty one is as good as none.
fn said(environment: &dyn Environment, name: &str) -> Option<String> {
    environment.var(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn collector(environment: &dyn Environment, given: Option<&str>) -> Result<Option<String>, TraceError> {
    let off = said(environment, "OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match said(environment, "OTEL_TRACES_EXPORTER").as_deref() {
        None | Some("otlp") if !off => {}
        None | Some("otlp" | "none") => return Ok(None),
        Some(_) => {
            let problem = "spans go out by otlp, or none do";
            return Err(TraceError::Variable { variable: "OTEL_TRACES_EXPORTER", problem });
        }
    }
    let below = |base: &str| format!("{}/v1/traces", base.trim_end_matches('/'));
    let whole = || said(environment, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let base = || said(environment, "OTEL_EXPORTER_OTLP_ENDPOINT");
    Ok(given.map(below).or_else(whole).or_else(|| base().as_deref().map(below)))
}

/// `name=value,…`, percent-encoded.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_owned(), decoded(value.trim())?))
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let hex = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
                rest = after;
            }
            (b'%', _) => return None,
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn headers(environment: &dyn Environment) -> Result<(HeaderMap, Vec<String>), TraceError> {
    let problem = "it is NAME=VALUE,…, percent-encoded";
    let wrong = || TraceError::Variable { variable: "OTEL_EXPORTER_OTLP_HEADERS", problem };
    let text = said(environment, "OTEL_EXPORTER_OTLP_TRACES_HEADERS");
    let text = text.or_else(|| said(environment, "OTEL_EXPORTER_OTLP_HEADERS")).unwrap_or_default();
    let (mut headers, mut secrets) = (HeaderMap::new(), Vec::new());
    for (name, value) in pairs(&text).ok_or_else(wrong)? {
        let name = HeaderName::from_bytes(name.to_lowercase().as_bytes()).map_err(|_| wrong())?;
        let mut field = HeaderValue::from_str(&value).map_err(|_| wrong())?;
        field.set_sensitive(true);
        headers.insert(name, field);
        secrets.push(value);
    }
    Ok((headers, secrets))
}

fn authorities(environment: &dyn Environment) -> Result<Option<String>, TraceError> {
    let path = said(environment, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE");
    let path = path.or_else(|| said(environment, "OTEL_EXPORTER_OTLP_CERTIFICATE"));
    let Some(path) = path.map(PathBuf::from) else { return Ok(None) };
    let read = environment.read(&path, limits::PEM_BYTES);
    let bytes = read.map_err(|error| TraceError::File { path, kind: error.kind() })?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn resource(environment: &dyn Environment) -> Result<Vec<(String, String)>, TraceError> {
    let text = said(environment, "OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let problem = "it is NAME=VALUE,…, percent-encoded";
    let wrong = || TraceError::Variable { variable: "OTEL_RESOURCE_ATTRIBUTES", problem };
    let mut resource = pairs(&text).ok_or_else(wrong)?;
    let named = resource.iter().position(|(name, _)| name == "service.name").map(|at| resource.remove(at).1);
    let name = said(environment, "OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| "sealmark-gate".to_owned());
    resource.insert(0, ("service.name".to_owned(), name));
    Ok(resource)
}

impl fmt::Debug for TraceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceSettings({})", self.endpoint)
    }
}
