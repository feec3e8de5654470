//! The services of a [`World`], in process, each with at most one fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use zeroize::Zeroizing;

use crate::base::crypto::{Digest, DigestAlgorithm, PublicKey};
use crate::base::encoding::base64;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::bundle::{Content, LogEntry};
use crate::format::log_entry_body::Verifier as BodyVerifier;
use crate::format::timestamp::{MessageImprint, TokenFields, TokenToSign};
use crate::format::x509::build::{Extension, key_id};
use crate::format::x509::testing::{Authority, Key, SIGNED, START, Template};
use crate::format::x509::{Certificate, Claim, San, oids};
use crate::service::BoxFuture;
use crate::service::ca::{CaError, CertificateAuthority, CertificateChain, CertificateRequest};
use crate::service::environment::{Environment, FixedEnvironment};
use crate::service::http::{HttpError, Service};
use crate::service::identity::ExplicitToken;
use crate::service::tlog::{TlogError, TransparencyLog};
use crate::service::tsa::{TimestampAuthority, TsaError};
use crate::sign::credential::Keyless;
use crate::sign::{Services, Session, SignError};
use crate::verify::testing::{Signed, World, timestamp_leaf};
use crate::verify::{SignedBy, SignedContent, SignedMaterial, Verifier};

/// A token of signer@example.com that is good for ten minutes after [`SIGNED`].
pub(in crate::sign) fn keyless_token() -> String {
    token_with("")
}

/// The same with other claims beside.
pub(in crate::sign) fn token_with(other: &str) -> String {
    let claims = format!(
        r#"{{{other}"iss":"https://issuer.example.com","sub":"subject-of-token","email":"signer@example.com","email_verified":true,"aud":"sigstore","exp":{}}}"#,
        SIGNED.plus_secs(600).secs()
    );
    let part = |text: &str| base64::encode_url(text.as_bytes());
    format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(&claims), part("canary-canary-canary"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sign) enum CaFault {
    None,
    OtherKey,
    OtherIdentity,
    OtherIssuer,
    OtherSubject,
    NoSct,
    /// No SCT within, one beside it.
    SctBeside,
    Expired,
    OtherAuthority,
    NoCodeSigning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sign) enum LogFault {
    None,
    OtherDigest,
    NoProof,
    BrokenProof,
    Unreachable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sign) enum TsaFault {
    None,
    OtherImprint,
    OtherAuthority,
    Garbage,
    Silent,
}

/// What the services were asked.
#[derive(Debug, Default)]
pub(in crate::sign) struct Counts {
    pub(in crate::sign) issued: AtomicUsize,
    pub(in crate::sign) stamped: AtomicUsize,
    pub(in crate::sign) logged: AtomicUsize,
}

/// An instance, its faults, and the clock of whoever signs.
pub(in crate::sign) struct Stage {
    pub(in crate::sign) world: Arc<World>,
    pub(in crate::sign) counts: Arc<Counts>,
    versions: Vec<u8>,
    timestamps: bool,
    now: UnixTime,
    ca: CaFault,
    log: LogFault,
    tsa: TsaFault,
    log_key_until: Option<UnixTime>,
}

impl Stage {
    fn new(versions: &[u8], timestamps: bool) -> Self {
        Self {
            world: Arc::new(World::new()),
            counts: Arc::default(),
            versions: versions.to_vec(),
            timestamps,
            now: SIGNED,
            ca: CaFault::None,
            log: LogFault::None,
            tsa: TsaFault::None,
            log_key_until: None,
        }
    }

    pub(in crate::sign) fn none() -> Self {
        Self::new(&[], true)
    }
    pub(in crate::sign) fn v1() -> Self {
        Self::new(&[1], false)
    }
    pub(in crate::sign) fn v2() -> Self {
        Self::new(&[2], true)
    }
    pub(in crate::sign) fn v1_and_v2() -> Self {
        Self::new(&[1, 2], true)
    }

    /// In the instance of another stage.
    pub(in crate::sign) fn of(self, other: &Self) -> Self {
        Self { world: Arc::clone(&other.world), ..self }
    }
    pub(in crate::sign) fn with_ca(self, ca: CaFault) -> Self {
        Self { ca, ..self }
    }
    pub(in crate::sign) fn with_log(self, log: LogFault) -> Self {
        Self { log, ..self }
    }
    pub(in crate::sign) fn with_tsa(self, tsa: TsaFault) -> Self {
        Self { tsa, ..self }
    }
    pub(in crate::sign) fn without_tsa(self) -> Self {
        Self { timestamps: false, ..self }
    }
    pub(in crate::sign) fn at(self, now: UnixTime) -> Self {
        Self { now, ..self }
    }
    pub(in crate::sign) fn with_log_key_until(self, end: UnixTime) -> Self {
        Self { log_key_until: Some(end), ..self }
    }

    pub(in crate::sign) fn logs(&self) -> usize {
        self.versions.len()
    }

    pub(in crate::sign) fn environment(&self) -> Arc<dyn Environment> {
        Arc::new(FixedEnvironment { now: Some(self.now), ..FixedEnvironment::default() })
    }

    pub(in crate::sign) fn verifier(&self) -> Arc<Verifier> {
        let mut trust = self.world.trust.clone();
        for log in trust.logs.iter_mut().filter(|_| self.log_key_until.is_some()) {
            log.validity = ValidityPeriod::new(log.validity.start(), self.log_key_until).unwrap();
        }
        Arc::new(Verifier::new(&trust).unwrap())
    }

    pub(in crate::sign) fn ca(&self) -> TestCa {
        TestCa { world: Arc::clone(&self.world), counts: Arc::clone(&self.counts), fault: self.ca }
    }

    pub(in crate::sign) fn keyless(&self) -> Keyless {
        let source = ExplicitToken::text(Zeroizing::new(keyless_token()));
        Keyless::new(vec![Box::new(source)], self.ca(), self.verifier(), self.environment())
    }

    pub(in crate::sign) fn tsas(&self) -> Vec<Box<dyn TimestampAuthority>> {
        let tsa = TestTsa { world: Arc::clone(&self.world), counts: Arc::clone(&self.counts), fault: self.tsa };
        if self.timestamps { vec![Box::new(tsa)] } else { Vec::new() }
    }

    pub(in crate::sign) fn tlogs(&self) -> Vec<Box<dyn TransparencyLog>> {
        let log = |version: &u8| -> Box<dyn TransparencyLog> {
            let (world, counts) = (Arc::clone(&self.world), Arc::clone(&self.counts));
            Box::new(TestLog { world, counts, version: *version, fault: self.log })
        };
        self.versions.iter().map(log).collect()
    }

    pub(in crate::sign) fn services(&self) -> Services {
        Services::new(self.tlogs(), self.tsas())
    }

    pub(in crate::sign) async fn begin(&self) -> Result<Session, SignError> {
        Session::begin(&self.keyless(), self.services(), self.verifier(), self.environment()).await
    }
}

#[derive(Clone)]
pub(in crate::sign) struct TestCa {
    world: Arc<World>,
    counts: Arc<Counts>,
    fault: CaFault,
}

impl std::fmt::Debug for TestCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestCa")
    }
}

impl TestCa {
    fn template(&self, key: &PublicKey) -> Template {
        let mut template = Template::leaf(&Key::p256());
        if self.fault != CaFault::OtherKey {
            template.spki = key.spki().to_vec();
        }
        let claim = |arc, text| Extension::claim(Claim::by_arc(arc).unwrap(), text);
        let template = template.with(Extension::subject_key_id(&key_id(key))).with(claim(24, "subject-of-token"));
        match self.fault {
            CaFault::OtherIdentity => {
                template.with(Extension::subject_alt_name(&San::Email("victim@example.com".to_owned())))
            }
            CaFault::OtherIssuer => {
                template.with(claim(1, "https://other.example.com")).with(claim(8, "https://other.example.com"))
            }
            CaFault::OtherSubject => template.with(claim(24, "other-subject")),
            CaFault::NoCodeSigning => template.without(oids::EXTENDED_KEY_USAGE),
            CaFault::Expired => template.valid(START.plus_secs(-3600), 600),
            _ => template,
        }
    }

    fn leaf(&self, key: &PublicKey) -> Certificate {
        let template = self.template(key);
        match self.fault {
            CaFault::NoSct | CaFault::SctBeside => self.world.issuer.sign(template),
            CaFault::OtherAuthority => World::new().certify(template),
            _ => self.world.certify(template),
        }
    }
}

impl CertificateAuthority for TestCa {
    fn name(&self) -> String {
        "https://ca.example.com".to_owned()
    }

    fn issue<'a>(&'a self, request: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        self.counts.issued.fetch_add(1, Ordering::Relaxed);
        assert_eq!(request.token.unwrap().claims().challenge(), Some("signer@example.com"));
        let above = vec![self.world.issuer.certificate.clone(), self.world.root.certificate.clone()];
        let chain = CertificateChain {
            leaf: self.leaf(request.key.public_key()),
            above,
            sct_beside: self.fault == CaFault::SctBeside,
        };
        Box::pin(std::future::ready(Ok(chain)))
    }
}

struct TestLog {
    world: Arc<World>,
    counts: Arc<Counts>,
    version: u8,
    fault: LogFault,
}

impl std::fmt::Debug for TestLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TestLog({})", self.version)
    }
}

impl TransparencyLog for TestLog {
    fn name(&self) -> String {
        "https://log.example.com".to_owned()
    }

    fn proves_time(&self) -> bool {
        self.version == 1
    }

    fn append<'a>(&'a self, signed: &'a SignedMaterial<'a>) -> BoxFuture<'a, Result<LogEntry, TlogError>> {
        if self.fault == LogFault::Unreachable {
            let (service, url, attempts, cause) = (Service::Log, self.name(), 1, "down".to_owned());
            let error = HttpError::Unreachable { service, url, attempts, cause };
            return Box::pin(std::future::ready(Err(error.into())));
        }
        self.counts.logged.fetch_add(1, Ordering::Relaxed);
        let signature = signed.signature.to_vec();
        let content = match signed.content {
            SignedContent::Message { .. } if self.fault == LogFault::OtherDigest => {
                Content::Message { digest: Some(Digest::of(DigestAlgorithm::Sha256, b"other")), signature }
            }
            SignedContent::Message { digest } => Content::Message { digest: Some(digest), signature },
            SignedContent::Dsse { envelope } => Content::Dsse(envelope.clone()),
            SignedContent::SimpleSigning { payload } => Content::SimpleSigning { payload: payload.to_vec(), signature },
        };
        let verifier = match signed.signed_by {
            SignedBy::Certificate(leaf) => BodyVerifier::Certificate(leaf),
            SignedBy::Key(key) => BodyVerifier::PublicKey(key),
        };
        let leaf = self.world.root.certificate.clone();
        let act = Signed { leaf, content, entries: Vec::new(), timestamps: Vec::new() };
        let mut entry = match self.version {
            1 => self.world.v1_entry_by(&act, verifier, SIGNED),
            _ => self.world.v2_entry_by(&act, verifier),
        };
        match self.fault {
            LogFault::NoProof => entry.inclusion_proof = None,
            LogFault::BrokenProof => entry.inclusion_proof.as_mut().unwrap().hashes[0][0] ^= 1,
            _ => {}
        }
        Box::pin(std::future::ready(Ok(entry)))
    }
}

struct TestTsa {
    world: Arc<World>,
    counts: Arc<Counts>,
    fault: TsaFault,
}

impl std::fmt::Debug for TestTsa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestTsa")
    }
}

impl TimestampAuthority for TestTsa {
    fn name(&self) -> String {
        "https://tsa.example.com".to_owned()
    }

    fn timestamp(&self, imprint: Digest) -> BoxFuture<'_, Result<Vec<u8>, TsaError>> {
        self.counts.stamped.fetch_add(1, Ordering::Relaxed);
        if self.fault == TsaFault::Silent {
            return Box::pin(std::future::pending());
        }
        let imprint = match self.fault {
            TsaFault::OtherImprint => Digest::of(DigestAlgorithm::Sha256, b"other"),
            _ => imprint,
        };
        let other = timestamp_leaf(&Authority::root("other"));
        let tsa = if self.fault == TsaFault::OtherAuthority { &other } else { &self.world.tsa };
        let fields = TokenFields {
            policy: oids::SIGSTORE_TSA_POLICY,
            imprint: &MessageImprint::new(imprint),
            serial: &[7; 16],
            time: SIGNED,
            accuracy_secs: 1,
            nonce: None,
        };
        let token = TokenToSign::new(fields, &tsa.certificate, tsa.key.scheme());
        let response = match self.fault {
            TsaFault::Garbage => b"garbage".to_vec(),
            _ => token.grant(&tsa.key.sign(token.signed_bytes()), &[]),
        };
        Box::pin(std::future::ready(Ok(response)))
    }
}
