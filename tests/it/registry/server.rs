//! A registry in memory for tests: strict about what it takes, and able to lie about what it gives. The tests of
//! the library include this file too.
//!
//! It follows the distribution specification 1.1, with its error codes. A [`Lie`] sees every request first and
//! may answer it in the registry's place.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What a client sent.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// Without the query.
    pub path: String,
    /// As sent, without the question mark.
    pub query: String,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// `GET /v2/app/manifests/v1`
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub way: Way,
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// With its length.
    Whole,
    /// With a length that is not its own.
    Length(usize),
    /// In chunks, again and again without an end.
    Endless,
    /// A byte at a time, with this pause.
    Drip(Duration),
    /// Nothing is ever answered.
    Silence,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), way: Way::Whole }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn by(mut self, way: Way) -> Self {
        self.way = way;
        self
    }

    /// The error body of the specification.
    pub fn error(status: u16, code: &str) -> Self {
        let body = json!({"errors": [{"code": code, "message": code.to_lowercase(), "detail": null}]});
        Self::new(status, body.to_string()).with("content-type", "application/json")
    }
}

/// Answers in the registry's place, or not.
pub type Lie = Box<dyn Fn(&Asked) -> Option<Answer> + Send + Sync>;

/// What the registry has and wants.
pub struct Options {
    /// The referrers API.
    pub referrers: bool,
    /// Heeds `If-Match` and `If-None-Match`.
    pub conditional: bool,
    /// Gives weak validators, as proxies that compress make them.
    pub weak_etags: bool,
    /// Referrers a page; 0 is all.
    pub page: usize,
    /// `USER:PASSWORD` that it wants.
    pub login: Option<Login>,
    /// Added to each answer.
    pub latency: Duration,
    /// Asked first.
    pub lie: Option<Lie>,
}

/// How a registry wants to know who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// By name and password (`USER:PASSWORD` in base64).
    Basic(&'static str),
    /// By a token of its own `/token`; with a name and password there, or for anyone who reads.
    Bearer(Option<&'static str>),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            referrers: true,
            conditional: false,
            weak_etags: false,
            page: 0,
            login: None,
            latency: Duration::ZERO,
            lie: None,
        }
    }
}

/// A running registry; its threads end with the process.
#[derive(Clone)]
pub struct TestRegistry {
    /// `127.0.0.1:PORT`
    pub authority: String,
    state: Arc<State>,
}

struct State {
    authority: String,
    options: Options,
    stored: Mutex<Stored>,
    asked: Mutex<Vec<Asked>>,
}

#[derive(Default)]
struct Stored {
    /// By repository and digest.
    blobs: BTreeMap<(String, String), Vec<u8>>,
    /// By repository and digest: media type and bytes.
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    tags: BTreeMap<(String, String), String>,
    uploads: BTreeMap<String, Vec<u8>>,
    next_upload: usize,
}

impl TestRegistry {
    pub fn start(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let (stored, asked) = (Mutex::default(), Mutex::default());
        let state = Arc::new(State { authority: authority.clone(), options, stored, asked });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(&state, &stream));
            }
        });
        Self { authority, state }
    }

    /// An honest one.
    pub fn honest() -> Self {
        Self::start(Options::default())
    }

    /// One that lies.
    pub fn lying(lie: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self::start(Options { lie: Some(Box::new(lie)), ..Options::default() })
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// `GET /v2/…`, a line a request.
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    pub fn forget_requests(&self) {
        self.state.asked.lock().unwrap().clear();
    }

    /// Puts a manifest there, whatever it is.
    pub fn plant(&self, repository: &str, tag: Option<&str>, media_type: &str, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        let mut stored = self.state.stored.lock().unwrap();
        let key = (repository.to_owned(), digest.clone());
        stored.manifests.insert(key, (media_type.to_owned(), bytes.to_vec()));
        if let Some(tag) = tag {
            stored.tags.insert((repository.to_owned(), tag.to_owned()), digest.clone());
        }
        digest
    }

    /// Has a blob.
    pub fn plant_blob(&self, repository: &str, bytes: &[u8]) {
        let mut stored = self.state.stored.lock().unwrap();
        stored.blobs.insert((repository.to_owned(), digest(bytes)), bytes.to_vec());
    }

    /// Has every blob of a repository in another one too.
    pub fn copy_blobs(&self, from: &str, to: &str) {
        let mut stored = self.state.stored.lock().unwrap();
        let copied = stored.blobs.iter().filter(|((repository, _), _)| repository == from);
        let copied: Vec<_> =
            copied.map(|((_, digest), bytes)| ((to.to_owned(), digest.clone()), bytes.clone())).collect();
        stored.blobs.extend(copied);
    }

    /// The manifest that a tag names.
    pub fn manifest(&self, repository: &str, tag: &str) -> Vec<u8> {
        let stored = self.state.stored.lock().unwrap();
        let digest = &stored.tags[&(repository.to_owned(), tag.to_owned())];
        stored.manifests[&(repository.to_owned(), digest.clone())].1.clone()
    }
}

pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn serve(state: &State, stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        std::thread::sleep(state.options.latency);
        state.asked.lock().unwrap().push(asked.clone());
        let lie = state.options.lie.as_ref().and_then(|lie| lie(&asked));
        let answer = lie.unwrap_or_else(|| state.answer(&asked));
        // A client that has seen enough may hang up.
        if write(stream, &asked, &answer).is_err() || answer.way != Way::Whole {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked { method, path, query, headers, body: Vec::new() };
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    asked.body.resize(length, 0);
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

fn write(mut stream: &TcpStream, asked: &Asked, answer: &Answer) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
    match answer.way {
        Way::Silence => {
            std::thread::sleep(Duration::from_secs(60));
            return Ok(());
        }
        Way::Endless => head.push_str("transfer-encoding: chunked\r\n"),
        Way::Length(length) => head.push_str(&format!("content-length: {length}\r\n")),
        Way::Whole | Way::Drip(_) => head.push_str(&format!("content-length: {}\r\n", answer.body.len())),
    }
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    if asked.method == "HEAD" {
        return Ok(());
    }
    match answer.way {
        Way::Endless => loop {
            stream.write_all(format!("{:x}\r\n", answer.body.len()).as_bytes())?;
            stream.write_all(&answer.body)?;
            stream.write_all(b"\r\n")?;
        },
        Way::Drip(pause) => {
            for byte in &answer.body {
                std::thread::sleep(pause);
                stream.write_all(&[*byte])?;
            }
            Ok(())
        }
        _ => stream.write_all(&answer.body),
    }
}

impl State {
    fn answer(&self, asked: &Asked) -> Answer {
        if asked.path == "/token" {
            return self.token(asked);
        }
        if let Some(answer) = self.challenge(asked) {
            return answer;
        }
        let Some(rest) = asked.path.strip_prefix("/v2/") else { return Answer::new(404, "404 page not found\n") };
        for (mark, part) in [
            ("/manifests/", Self::manifests as fn(&Self, &Asked, &str, &str) -> Answer),
            ("/blobs/uploads/", Self::uploads),
            ("/blobs/", Self::blobs),
            ("/referrers/", Self::referrers),
            ("/tags/", Self::tags),
        ] {
            if let Some((repository, rest)) = rest.split_once(mark) {
                return part(self, asked, repository, rest);
            }
        }
        Answer::new(404, "404 page not found\n")
    }

    fn token(&self, asked: &Asked) -> Answer {
        let Some(Login::Bearer(wanted)) = &self.options.login else { return Answer::new(404, "404 page not found\n") };
        let basic = asked.header("authorization").and_then(|value| value.strip_prefix("Basic "));
        if wanted.is_some() && basic != *wanted && basic.is_some() {
            return Answer::error(401, "UNAUTHORIZED");
        }
        let may_write = basic == *wanted && basic.is_some();
        // The first scope is that of the repository that is written.
        let scope = asked.query.split('&').find_map(|pair| pair.strip_prefix("scope=")).unwrap_or_default();
        let scope = scope.replace("%3A", ":").replace("%2C", ",").replace("%2F", "/");
        // No two tokens are alike.
        let number = self.asked.lock().unwrap().len();
        let token = format!("{}{number}|{scope}", if may_write { "rw" } else { "r" });
        Answer::new(200, json!({"token": token, "expires_in": 300}).to_string())
            .with("content-type", "application/json")
    }

    fn challenge(&self, asked: &Asked) -> Option<Answer> {
        let sent = asked.header("authorization");
        let writes = !matches!(asked.method.as_str(), "GET" | "HEAD");
        match self.options.login.as_ref()? {
            Login::Basic(wanted) => (sent != Some(&format!("Basic {wanted}")))
                .then(|| Answer::error(401, "UNAUTHORIZED").with("www-authenticate", "Basic realm=\"registry\"")),
            Login::Bearer(_) => {
                let repository = asked.path.strip_prefix("/v2/")?;
                let token = sent.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
                let (rights, scope) = token.split_once('|').unwrap_or_default();
                let named = scope.strip_prefix("repository:").and_then(|scope| scope.rsplit_once(':'));
                let fits = named.is_some_and(|(name, actions)| {
                    repository.starts_with(&format!("{name}/"))
                        && actions.split(',').any(|action| action == if writes { "push" } else { "pull" })
                });
                (!fits || (writes && !rights.starts_with("rw"))).then(|| {
                    let realm = format!("Bearer realm=\"http://{}/token\",service=\"test\"", self.authority);
                    Answer::error(401, "UNAUTHORIZED").with("www-authenticate", realm)
                })
            }
        }
    }

    fn manifests(&self, asked: &Asked, repository: &str, reference: &str) -> Answer {
        let mut stored = self.stored.lock().unwrap();
        let tag = (repository.to_owned(), reference.to_owned());
        let named = if reference.contains(':') { Some(reference.to_owned()) } else { stored.tags.get(&tag).cloned() };
        if asked.method == "PUT" {
            return self.put_manifest(&mut stored, asked, repository, reference, named);
        }
        let found = named.and_then(|digest| {
            let (media_type, bytes) = stored.manifests.get(&(repository.to_owned(), digest.clone()))?;
            Some((digest, media_type.clone(), bytes.clone()))
        });
        match found {
            Some((digest, media_type, bytes)) => Answer::new(200, bytes)
                .with("content-type", media_type)
                .with("etag", format!("{}\"{digest}\"", if self.options.weak_etags { "W/" } else { "" }))
                .with("docker-content-digest", digest),
            None => Answer::error(404, "MANIFEST_UNKNOWN"),
        }
    }

    fn put_manifest(
        &self,
        stored: &mut Stored,
        asked: &Asked,
        repository: &str,
        reference: &str,
        named: Option<String>,
    ) -> Answer {
        let digest = digest(&asked.body);
        let Ok(manifest) = serde_json::from_slice::<Value>(&asked.body) else {
            return Answer::error(400, "MANIFEST_INVALID");
        };
        let media_type = asked.header("content-type").unwrap_or_default().to_owned();
        if manifest["mediaType"] != Value::String(media_type.clone()) || manifest["schemaVersion"] != 2 {
            return Answer::error(400, "MANIFEST_INVALID");
        }
        if reference.contains(':') && reference != digest {
            return Answer::error(400, "DIGEST_INVALID");
        }
        let layers = manifest["layers"].as_array().into_iter().flatten();
        let mut blobs = layers.chain(manifest.get("config"));
        let there = |digest: &str| stored.blobs.contains_key(&(repository.to_owned(), digest.to_owned()));
        if blobs.any(|blob| !blob["digest"].as_str().is_some_and(there)) {
            return Answer::error(404, "MANIFEST_BLOB_UNKNOWN");
        }
        if self.options.conditional && !reference.contains(':') {
            let current = named.map(|digest| format!("\"{digest}\""));
            let lost = match (asked.header("if-match"), asked.header("if-none-match")) {
                (Some(etag), _) => current.as_deref() != Some(etag),
                (None, Some("*")) => current.is_some(),
                _ => false,
            };
            if lost {
                return Answer::error(412, "PRECONDITION_FAILED");
            }
        }
        stored.manifests.insert((repository.to_owned(), digest.clone()), (media_type, asked.body.clone()));
        if !reference.contains(':') {
            stored.tags.insert((repository.to_owned(), reference.to_owned()), digest.clone());
        }
        let answer = Answer::new(201, "").with("location", format!("/v2/{repository}/manifests/{digest}"));
        match manifest["subject"]["digest"].as_str() {
            Some(subject) if self.options.referrers => answer.with("oci-subject", subject),
            _ => answer,
        }
    }

    fn blobs(&self, asked: &Asked, repository: &str, reference: &str) -> Answer {
        let key = (repository.to_owned(), reference.to_owned());
        match (asked.method.as_str(), self.stored.lock().unwrap().blobs.get(&key)) {
            ("GET" | "HEAD", Some(bytes)) => {
                Answer::new(200, bytes.clone()).with("content-type", "application/octet-stream")
            }
            ("GET" | "HEAD", None) => Answer::error(404, "BLOB_UNKNOWN"),
            _ => Answer::error(405, "UNSUPPORTED"),
        }
    }

    fn uploads(&self, asked: &Asked, repository: &str, id: &str) -> Answer {
        let mut stored = self.stored.lock().unwrap();
        if asked.method == "POST" {
            let value = |name: &str| {
                let value = asked.query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap_or_default();
                value.replace("%3A", ":").replace("%2F", "/")
            };
            if let Some(bytes) = stored.blobs.get(&(value("from="), value("mount="))).cloned() {
                stored.blobs.insert((repository.to_owned(), value("mount=")), bytes);
                return Answer::new(201, "");
            }
            stored.next_upload += 1;
            let id = format!("u{}", stored.next_upload);
            stored.uploads.insert(id.clone(), Vec::new());
            return Answer::new(202, "").with("location", format!("/v2/{repository}/blobs/uploads/{id}?state=x"));
        }
        let Some(mut bytes) = stored.uploads.remove(id) else { return Answer::error(404, "BLOB_UPLOAD_UNKNOWN") };
        if asked.method == "PATCH" {
            let range = format!("{}-{}", bytes.len(), bytes.len() + asked.body.len() - 1);
            if asked.header("content-range") != Some(&range) {
                return Answer::error(416, "BLOB_UPLOAD_INVALID");
            }
            bytes.extend_from_slice(&asked.body);
            stored.uploads.insert(id.to_owned(), bytes);
            return Answer::new(202, "").with("location", format!("/v2/{repository}/blobs/uploads/{id}?state=y"));
        }
        bytes.extend_from_slice(&asked.body);
        let digest = digest(&bytes);
        let wanted = asked.query.split('&').find_map(|pair| pair.strip_prefix("digest=")).unwrap_or_default();
        if wanted.replace("%3A", ":") != digest || !asked.query.contains("state=") {
            return Answer::error(400, "DIGEST_INVALID");
        }
        stored.blobs.insert((repository.to_owned(), digest), bytes);
        Answer::new(201, "")
    }

    fn referrers(&self, asked: &Asked, repository: &str, subject: &str) -> Answer {
        if !self.options.referrers {
            return Answer::new(404, "404 page not found\n");
        }
        let stored = self.stored.lock().unwrap();
        let here = stored.manifests.iter().filter(|((name, _), _)| name == repository);
        let mut listed: Vec<Value> = here
            .filter_map(|((_, digest), (media_type, bytes))| {
                let manifest: Value = serde_json::from_slice(bytes).ok()?;
                if manifest["subject"]["digest"] != subject {
                    return None;
                }
                let kind = manifest.get("artifactType").cloned();
                let kind = kind.unwrap_or_else(|| manifest["config"]["mediaType"].clone());
                let annotations = manifest.get("annotations").cloned().unwrap_or_else(|| json!({}));
                Some(json!({"mediaType": media_type, "digest": digest, "size": bytes.len(), "artifactType": kind, "annotations": annotations}))
            })
            .collect();
        let at = asked.query.split('&').find_map(|pair| pair.strip_prefix("at=")?.parse().ok()).unwrap_or(0);
        let mut answer = Answer::new(200, "").with("content-type", "application/vnd.oci.image.index.v1+json");
        if self.options.page > 0 {
            let next = at + self.options.page;
            if next < listed.len() {
                answer = answer.with("link", format!("<{}?at={next}>; rel=\"next\"", asked.path));
            }
            listed = listed.into_iter().skip(at).take(self.options.page).collect();
        }
        let index =
            json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": listed});
        answer.body = index.to_string().into_bytes();
        answer
    }

    fn tags(&self, _asked: &Asked, repository: &str, _rest: &str) -> Answer {
        let stored = self.stored.lock().unwrap();
        let tags: Vec<_> = stored.tags.keys().filter(|(name, _)| name == repository).map(|(_, tag)| tag).collect();
        if tags.is_empty() {
            return Answer::error(404, "NAME_UNKNOWN");
        }
        Answer::new(200, json!({"name": repository, "tags": tags}).to_string()).with("content-type", "application/json")
    }
}
