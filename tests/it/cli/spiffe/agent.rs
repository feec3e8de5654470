//! A SPIFFE agent that is strict about its callers and says what a test wants: the Workload API over a unix socket,
//! frame by frame, and a trust domain's authority behind it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;

pub(super) const ID: &str = "spiffe://example.org/ci/release";

/// The authority of a trust domain.
pub(super) struct TrustDomain {
    issuer: Issuer<'static, KeyPair>,
    pub(super) root: Vec<u8>,
    pub(super) pem: String,
}

impl TrustDomain {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "SPIFFE");
        params.distinguished_name.push(rcgen::DnType::CommonName, format!("root {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.subject_alt_names = vec![SanType::URI("spiffe://example.org".try_into().unwrap())];
        let root = params.self_signed(&key).unwrap();
        Self { pem: root.pem(), root: root.der().to_vec(), issuer: Issuer::new(params, key) }
    }

    /// A leaf as SPIRE's server makes them, changed.
    pub(super) fn svid_with(&self, id: &str, change: impl FnOnce(&mut CertificateParams)) -> Svid {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "SPIRE");
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::KeyAgreement];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let chain = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Svid { id: id.to_owned(), chain, key: key.serialize_der() }
    }

    pub(super) fn svid(&self, id: &str) -> Svid {
        self.svid_with(id, |_| {})
    }
}

#[derive(Clone)]
pub(super) struct Svid {
    pub(super) id: String,
    pub(super) chain: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// What the agent says to the next calls; the last goes on for ever.
#[derive(Clone)]
pub(super) enum Say {
    Svids(Vec<Svid>),
    Bundle(Vec<u8>),
    Token(String),
    Status(u32, &'static str),
    Bytes(Vec<u8>),
}

pub(super) struct Agent {
    folder: TempDir,
    script: Arc<Mutex<VecDeque<Say>>>,
    asked: Asked,
    _runtime: Runtime,
}

impl Agent {
    pub(super) fn start(script: impl IntoIterator<Item = Say>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let listener = runtime.block_on(async { UnixListener::bind(folder.path().join("api.sock")).unwrap() });
        let (told, heard) = (Arc::clone(&script), Arc::clone(&asked));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&told), Arc::clone(&heard)));
            }
        });
        Self { folder, script, asked, _runtime: runtime }
    }

    pub(super) fn socket(&self) -> String {
        format!("unix://{}", self.folder.path().join("api.sock").display())
    }

    pub(super) fn say(&self, say: Say) {
        *self.script.lock().unwrap() = VecDeque::from([say]);
    }

    /// Methods that were called, with the messages.
    pub(super) fn asked(&self) -> Vec<(String, Vec<u8>)> {
        self.asked.lock().unwrap().clone()
    }
}

type Script = Arc<Mutex<VecDeque<Say>>>;
type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

async fn serve(stream: UnixStream, script: Script, asked: Asked) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(answer(request, respond, Arc::clone(&script), Arc::clone(&asked)));
    }
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, script: Script, asked: Asked) {
    let (head, mut body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let strict = header("content-type") == "application/grpc" && header("te") == "trailers";
    let secured = header("workload.spiffe.io") == "true";
    let mut message = Vec::new();
    while let Some(Ok(part)) = body.data().await {
        body.flow_control().release_capacity(part.len()).unwrap();
        message.extend_from_slice(&part);
    }
    asked.lock().unwrap().push((head.uri.path().to_owned(), message.split_off(5)));
    let say = {
        let mut script = script.lock().unwrap();
        if script.len() > 1 { script.pop_front().unwrap() } else { script[0].clone() }
    };
    let say = match (strict && head.method == "POST", secured) {
        (true, true) => say,
        (true, false) => Say::Status(3, "security header missing from request"),
        (false, _) => Say::Status(13, "no gRPC"),
    };
    let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    let mut stream = respond.send_response(head, false).unwrap();
    let (status, words) = match encode(say) {
        Ok(message) => {
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            stream.send_data([&[0], &length[..], &message].concat().into(), false).unwrap();
            (0, "")
        }
        Err(refused) => refused,
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.into());
    trailers.insert("grpc-message", words.parse().unwrap());
    // A caller that has what it wants hangs up.
    let _ = stream.send_trailers(trailers);
}

fn encode(say: Say) -> Result<Vec<u8>, (u32, &'static str)> {
    Ok(match say {
        Say::Svids(svids) => svids
            .iter()
            .flat_map(|svid| {
                let parts =
                    [field(1, svid.id.as_bytes()), field(2, &svid.chain), field(3, &svid.key), field(5, b"hint")];
                field(1, &parts.concat())
            })
            .collect(),
        Say::Bundle(der) => field(2, &[field(1, b"spiffe://example.org"), field(2, &der)].concat()),
        Say::Token(token) => field(1, &[field(1, ID.as_bytes()), field(2, token.as_bytes())].concat()),
        Say::Status(status, words) => return Err((status, words)),
        Say::Bytes(bytes) => bytes,
    })
}

/// A length-delimited field of protocol buffers.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 0x7f {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(content);
    out
}
