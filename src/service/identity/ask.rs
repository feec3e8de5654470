//! The ways to a platform's token, as data: a variable, a file, a call, a program, or a function of its own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use zeroize::{Zeroize as _, Zeroizing};

use super::{IdToken, IdentityError};
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::service::environment::Environment;
use crate::service::http::{
    Endpoint, Exchange, HttpClient, HttpError, Method, Reach, Repeat, Response, Service, Settings, excerpt,
};
use crate::service::{BoxFuture, program};

/// A way to a token.
#[derive(Debug, Clone, Copy)]
pub enum Ask {
    /// The variable that holds it.
    Variable(&'static str),
    /// The variable that names the file with it.
    FileIn(&'static str),
    /// The file that holds it.
    File(&'static str),
    /// The service that gives it.
    Call(Call),
    /// The program that prints it, and its arguments, where the program is installed.
    Program(&'static [&'static str]),
    /// Rules of the platform's own.
    Own {
        /// What they are, for people.
        how: &'static str,
        /// Follows them; `Ok(None)` when this way is not there.
        find: Finder,
    },
}

/// A function that finds a token in its own way.
pub type Finder = for<'a> fn(&'a Site, &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>>;

/// A call that gives a token. Texts may hold `{audience}`, `{VARIABLE}`, and `{VARIABLE|default}`.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// POST, else GET.
    pub post: bool,
    /// The URL.
    pub url: &'static str,
    /// Parameters of its query; one whose variable is not set is left out.
    pub query: &'static [(&'static str, &'static str)],
    /// Header fields.
    pub headers: &'static [(&'static str, &'static str)],
    /// The scheme of `Authorization` and the variable with what follows.
    pub authorization: Option<(&'static str, &'static str)>,
    /// The member of a JSON body that names the audience; `None` sends no body.
    pub body: Option<&'static str>,
    /// The member of the answer that holds the token; `None` when it is all of it.
    pub value: Option<&'static str>,
    /// The Unix socket to call over.
    pub socket: Option<&'static str>,
}

/// Why a call gave no token.
#[derive(Debug)]
pub(super) enum CallError {
    /// A variable that it needs.
    Unset(String),
    /// The service's no.
    Refused {
        /// Its URL.
        url: String,
        /// Its status.
        status: u16,
        /// Its words.
        answer: String,
    },
    /// Anything else.
    Other(IdentityError),
}

impl From<HttpError> for CallError {
    fn from(error: HttpError) -> Self {
        Self::Other(error.into())
    }
}

/// Where a source looks, and with what it asks.
#[derive(Debug, Clone)]
pub struct Site {
    /// Variables, files and the clock.
    pub environment: Arc<dyn Environment>,
    /// For calls.
    pub http: HttpClient,
}

impl Site {
    pub(super) fn read(&self, path: &Path, origin: &'static str) -> Result<IdToken, IdentityError> {
        match self.environment.read(path, limits::TOKEN_BYTES) {
            Ok(bytes) => IdToken::from_bytes(bytes, origin),
            Err(error) => Err(IdentityError::Unreadable { path: path.to_owned(), error }),
        }
    }

    /// A text with its variables filled in, or the name of the one that is not set.
    fn fill(&self, template: &str, audience: &str) -> Result<String, String> {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let (name, default) = name.split_once('|').map_or((name, None), |(name, text)| (name, Some(text)));
            text.push_str(before);
            match (name, self.environment.var(name), default) {
                ("audience", ..) => text.push_str(audience),
                (_, Some(value), _) => text.push_str(&value),
                (_, None, Some(default)) => text.push_str(default),
                (name, None, None) => return Err(name.to_owned()),
            }
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }

    /// Makes a call, and gives the token of its answer.
    pub(super) async fn call(&self, call: &Call, origin: &'static str, audience: &str) -> Result<IdToken, CallError> {
        let url = self.fill(call.url, audience).map_err(CallError::Unset)?;
        let mut endpoint = Endpoint::parse(Service::IdentityProvider, &url)?;
        for (name, template) in call.query {
            if let Ok(value) = self.fill(template, audience) {
                endpoint = endpoint.with_query(name, &value);
            }
        }
        let mut headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
        for (name, value) in call.headers {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_str(value)) else { continue };
            headers.insert(name, value);
        }
        let mut secret = Zeroizing::new(String::new());
        if let Some((scheme, variable)) = call.authorization {
            *secret = self.environment.var(variable).ok_or_else(|| CallError::Unset(variable.to_owned()))?;
            headers.insert(header::AUTHORIZATION, authorization(scheme, &secret, &endpoint)?);
        }
        let body = call.body.map(|member| serde_json::json!({ member: audience }).to_string());
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let own = call.socket.map(|socket| self.over(socket));
        let http = own.as_ref().unwrap_or(&self.http);
        let asked = Asked { http, endpoint: &endpoint, headers: &headers, body: body.as_deref(), secret: &secret };
        let mut response = asked.send(call.post).await?;
        let token = match call.value {
            Some(member) => member_of(&response.body, &[member]),
            None => String::from_utf8(response.body.clone()).ok(),
        };
        response.body.zeroize();
        let token = Zeroizing::new(token.ok_or_else(|| malformed(&endpoint))?);
        IdToken::new(token, origin).map_err(CallError::Other)
    }

    /// The client over a Unix socket.
    fn over(&self, socket: &str) -> HttpClient {
        HttpClient::new(Settings { socket: Some(PathBuf::from(socket)), ..self.http.settings().clone() })
    }

    /// A client for a cloud's metadata server: it is near, or not there.
    pub(super) fn metadata_client(&self) -> HttpClient {
        let patience = Duration::from_millis(limits::METADATA_MILLIS);
        HttpClient::new(Settings {
            connect_timeout: patience,
            attempt_timeout: patience,
            budget: patience,
            attempts: 1,
            ..self.http.settings().clone()
        })
    }

    /// The program of this name on the `PATH`.
    fn find_program(&self, name: &str) -> Option<PathBuf> {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let path = self.environment.var("PATH")?;
        let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
        folders.map(|folder| folder.join(&file)).find(|program| self.environment.exists(program))
    }
}

/// `Authorization`, which no log shows.
fn authorization(scheme: &str, secret: &str, endpoint: &Endpoint) -> Result<HeaderValue, HttpError> {
    let text = Zeroizing::new(if scheme.is_empty() { secret.to_owned() } else { format!("{scheme} {secret}") });
    let mut value = HeaderValue::from_str(&text).map_err(|_| HttpError::Malformed {
        service: Service::IdentityProvider,
        url: endpoint.to_string(),
        problem: "the token that asks for it is not text for a header",
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// One question to a service that gives tokens.
pub(super) struct Asked<'a> {
    pub(super) http: &'a HttpClient,
    pub(super) endpoint: &'a Endpoint,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Option<&'a str>,
    pub(super) secret: &'a str,
}

impl Asked<'_> {
    /// The good answer.
    pub(super) async fn send(&self, post: bool) -> Result<Response, CallError> {
        let exchange = Exchange {
            service: Service::IdentityProvider,
            method: if post { &Method::POST } else { &Method::GET },
            endpoint: self.endpoint,
            headers: self.headers,
            body: self.body.map(str::as_bytes),
            limit: limits::TOKEN_ANSWER_BYTES,
            repeat: Repeat::Allowed,
            secrets: &[self.secret],
        };
        let response = self.http.exchange(&exchange).await?;
        if matches!(response.status, 200..=202) {
            return Ok(response);
        }
        let answer = excerpt(&response.body, &[self.secret]);
        Err(CallError::Refused { url: self.endpoint.to_string(), status: response.status, answer })
    }
}

/// The text at a path of members.
pub(super) fn member_of(body: &[u8], path: &[&str]) -> Option<String> {
    let json = Json::parse(body).ok()?;
    let mut found = &json;
    for member in path {
        found = found.member(member)?;
    }
    found.as_str().map(str::to_owned)
}

pub(super) fn malformed(endpoint: &Endpoint) -> HttpError {
    let problem = "an object with the token in it is expected";
    HttpError::Malformed { service: Service::IdentityProvider, url: endpoint.to_string(), problem }
}

/// What a program prints as a token.
pub(super) async fn run(
    program: PathBuf,
    arguments: Vec<String>,
    origin: &'static str,
) -> Result<Result<IdToken, IdentityError>, &'static str> {
    let asked = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let timeout = Duration::from_secs(limits::TOKEN_PROGRAM_SECS);
        program::ask(&program, &arguments, b"", timeout, limits::TOKEN_BYTES)
    });
    let mut answer = asked.await.map_err(|_| "it cannot be waited for")??;
    if !answer.success {
        return Err("it ended with an error");
    }
    Ok(IdToken::from_bytes(std::mem::take(&mut *answer.output), origin))
}

impl Ask {
    /// The token; `Ok(None)` when this way is not there.
    pub(super) async fn find(
        &self,
        site: &Site,
        origin: &'static str,
        audience: &str,
        fix: &str,
    ) -> Result<Option<IdToken>, IdentityError> {
        let stopped = |problem: String| IdentityError::Platform { platform: origin, problem, fix: fix.to_owned() };
        match self {
            Self::Variable(name) => {
                site.environment.var(name).map(|text| IdToken::new(Zeroizing::new(text), origin)).transpose()
            }
            Self::FileIn(name) => {
                site.environment.var(name).map(|path| site.read(Path::new(&path), origin)).transpose()
            }
            Self::File(path) if site.environment.exists(Path::new(path)) => {
                site.read(Path::new(path), origin).map(Some)
            }
            Self::File(_) => Ok(None),
            Self::Call(call) => match site.call(call, origin, audience).await {
                Ok(token) => Ok(Some(token)),
                Err(error) => Err(error.stopped(stopped)),
            },
            Self::Program(words) => {
                let Some((name, arguments)) = words.split_first() else { return Ok(None) };
                let Some(program) = site.find_program(name) else { return Ok(None) };
                if site.http.settings().reach == Reach::Nowhere {
                    return Err(HttpError::Setup("a program that would call a service is not run".to_owned()).into());
                }
                let arguments = arguments.iter().map(|word| word.replace("{audience}", audience)).collect();
                let answer = run(program, arguments, origin).await;
                answer.map_err(|problem| stopped(format!("{name} was asked: {problem}")))?.map(Some)
            }
            Self::Own { find, .. } => find(site, audience).await,
        }
    }
}

impl CallError {
    /// The error of a platform whose fix is known.
    pub(super) fn stopped(self, stopped: impl FnOnce(String) -> IdentityError) -> IdentityError {
        match self {
            Self::Unset(variable) => stopped(format!("{variable} is not set")),
            Self::Refused { url, status, answer } => stopped(format!("{url} answered {status}: {answer}")),
            Self::Other(error) => error,
        }
    }
}

impl fmt::Display for Ask {
    /// For the manual.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "`{name}`"),
            Self::FileIn(name) => write!(f, "the file that `{name}` names"),
            Self::File(path) => write!(f, "`{path}`"),
            Self::Call(call) => {
                let method = if call.post { "POST" } else { "GET" };
                write!(f, "`{method} {}`", call.url)?;
                call.socket.map_or(Ok(()), |socket| write!(f, " over `{socket}`"))
            }
            Self::Program(words) => write!(f, "`{}`", words.join(" ")),
            Self::Own { how, .. } => f.write_str(how),
        }
    }
}
