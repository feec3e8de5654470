//! A whole instance for tests: a CA with its CT log, a Rekor v1 and a Rekor v2 log, a timestamp authority, and
//! bundles signed with them. Each part of a bundle stays open to change, so that a test can break one thing
//! and sign everything else anew.

use std::collections::BTreeMap;

use crate::base::crypto::{Digest, DigestAlgorithm, sha256};
use crate::base::encoding::json::{self, Json};
use crate::base::encoding::{base64, hex};
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::bundle::{
    CertificateMaterial, Content, InclusionProof, LogEntry, UnverifiedBundle, VerificationMaterial,
};
use crate::format::checkpoint::{Checkpoint, Note, NoteKey};
use crate::format::cosign;
use crate::format::dsse::{self, Envelope};
use crate::format::intoto::{Statement, Subject};
use crate::format::log_entry_body::{Dsse, HashedRekord, HashedRekordV2, Verifier as BodyVerifier};
use crate::format::merkle;
use crate::format::oci::SimpleSigning;
use crate::format::timestamp::{TimestampRequest, TokenFields, TokenToSign};
use crate::format::trust::{AuthorityInstance, LogInstance, TrustedRoot};
use crate::format::x509::build::Extension;
use crate::format::x509::sct::{self, Sct};
use crate::format::x509::testing::{Authority, Key, SIGNED, START, Template};
use crate::format::x509::{Certificate, oids};
use crate::verify::{Artifact, KeyTrust, Requirements, Verified, Verifier, VerifyError};

pub(crate) mod cases;

/// The artifact of every good bundle.
pub(crate) const ARTIFACT: &[u8] = b"an artifact\n";
/// The now of every verification: a year after signing.
pub(crate) const NOW: UnixTime = SIGNED.plus_secs(365 * 86_400);

const V1_HOST: &str = "rekor.example.com";
const V2_HOST: &str = "log2026-1.example.com";

/// The instance.
pub(crate) struct World {
    pub(crate) root: Authority,
    pub(crate) issuer: Authority,
    pub(crate) ct_key: Key,
    pub(crate) v1_key: Key,
    pub(crate) v2_key: Key,
    pub(crate) tsa_root: Authority,
    pub(crate) tsa: Authority,
    pub(crate) trust: TrustedRoot,
}

/// A signing act, every part open.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) leaf: Certificate,
    pub(crate) content: Content,
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) timestamps: Vec<Vec<u8>>,
}

impl Signed {
    pub(crate) fn bundle(&self) -> UnverifiedBundle {
        let material = CertificateMaterial { leaf: self.leaf.clone(), intermediates: Vec::new() };
        UnverifiedBundle::assemble(
            VerificationMaterial::Certificate(Box::new(material)),
            self.entries.clone(),
            self.timestamps.clone(),
            self.content.clone(),
        )
    }
}

/// Valid from a day before the leaves on.
pub(crate) fn open_window() -> ValidityPeriod {
    ValidityPeriod::new(START.plus_secs(-86_400), None).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let root = Authority::root("root");
        let issuer = root.intermediate("issuer");
        let (ct_key, v1_key, v2_key) = (Key::p256(), Key::p256(), Key::ed25519());
        let tsa_root = Authority::root("timestamp root");
        let tsa = timestamp_leaf(&tsa_root);
        let log = |url: &str, key: &Key, log_id: Vec<u8>| LogInstance {
            base_url: format!("https://{url}"),
            key: key.public().clone(),
            validity: open_window(),
            log_id,
            operator: None,
        };
        let authority = |name: &str, chain: Vec<Certificate>| AuthorityInstance {
            organization: "example.com".to_owned(),
            common_name: name.to_owned(),
            uri: String::new(),
            chain,
            validity: open_window(),
        };
        let v2_id = NoteKey::new(V2_HOST, v2_key.public().clone()).unwrap().id().to_vec();
        let trust = TrustedRoot {
            logs: vec![log(V1_HOST, &v1_key, v1_key.public().spki_sha256().to_vec()), log(V2_HOST, &v2_key, v2_id)],
            ct_logs: vec![log("ct.example.com/2026", &ct_key, ct_key.public().spki_sha256().to_vec())],
            certificate_authorities: vec![authority("ca", vec![issuer.certificate.clone(), root.certificate.clone()])],
            timestamp_authorities: vec![authority("tsa", vec![tsa.certificate.clone(), tsa_root.certificate.clone()])],
            unsupported: Default::default(),
        };
        Self { root, issuer, ct_key, v1_key, v2_key, tsa_root, tsa, trust }
    }

    /// A leaf with its SCT.
    pub(crate) fn certify(&self, template: Template) -> Certificate {
        let tbs = self.issuer.tbs(template);
        let issuer_hash = sha256(&[self.issuer.key.public().spki()]);
        let signed = sct::signed_data(SIGNED, &issuer_hash, &tbs.der(), &[]).unwrap();
        let sct = Sct {
            log_id: self.ct_key.public().spki_sha256(),
            timestamp: SIGNED,
            extensions: Vec::new(),
            scheme: self.ct_key.scheme(),
            signature: self.ct_key.sign(&signed),
        };
        let tbs = tbs.with(&Extension::sct_list(&sct::write_list(&[sct]).unwrap()));
        Certificate::from_der(&tbs.sign(&self.issuer.key.sign(&tbs.der()))).unwrap()
    }

    /// A message signature with a Rekor v1 entry.
    pub(crate) fn v1_message(&self) -> Signed {
        let key = Key::p256();
        let signed = self.message(&key);
        let entry = self.v1_entry(&signed, SIGNED);
        Signed { entries: vec![entry], ..signed }
    }

    /// A message signature with a Rekor v2 entry and a timestamp.
    pub(crate) fn v2_message(&self) -> Signed {
        self.complete_v2(self.message(&Key::p256()))
    }

    /// An attestation with a Rekor v1 entry.
    pub(crate) fn v1_attestation(&self) -> Signed {
        let signed = self.attestation(&Key::p256(), dsse::IN_TOTO, &statement(ARTIFACT));
        Signed { entries: vec![self.v1_entry(&signed, SIGNED)], ..signed }
    }

    /// An attestation with a Rekor v2 entry and a timestamp.
    pub(crate) fn v2_attestation(&self) -> Signed {
        self.complete_v2(self.attestation(&Key::p256(), dsse::IN_TOTO, &statement(ARTIFACT)))
    }

    /// Adds a Rekor v2 entry and a timestamp.
    pub(crate) fn complete_v2(&self, signed: Signed) -> Signed {
        let entry = self.v2_entry(&signed);
        let timestamp = self.timestamp(signed.content.signature(), SIGNED);
        Signed { entries: vec![entry], timestamps: vec![timestamp], ..signed }
    }

    /// A message signature without evidence.
    pub(crate) fn message(&self, key: &Key) -> Signed {
        let digest = Digest::of(key.scheme().digest, ARTIFACT);
        let content = Content::Message { digest: Some(digest), signature: key.sign(ARTIFACT) };
        Signed { leaf: self.certify(Template::leaf(key)), content, entries: Vec::new(), timestamps: Vec::new() }
    }

    /// An envelope without evidence.
    pub(crate) fn attestation(&self, key: &Key, payload_type: &str, payload: &str) -> Signed {
        let payload = payload.as_bytes().to_vec();
        let signature = key.sign(&dsse::pae(payload_type, &payload));
        let envelope = Envelope { payload_type: payload_type.to_owned(), payload, signature, key_id: String::new() };
        let leaf = self.certify(Template::leaf(key));
        Signed { leaf, content: Content::Dsse(envelope), entries: Vec::new(), timestamps: Vec::new() }
    }

    /// An older cosign signature of an image, by `payload`, with a promise of a Rekor v1 log.
    pub(crate) fn legacy_signature(&self, payload: &SimpleSigning) -> Signed {
        let key = Key::p256();
        let payload = payload.to_bytes();
        let content = Content::SimpleSigning { signature: key.sign(&payload), payload };
        self.promised(Signed { content, ..self.message(&key) })
    }

    /// Puts the promise of a Rekor v1 log in the place of all other evidence.
    pub(crate) fn promised(&self, signed: Signed) -> Signed {
        let entry = LogEntry { inclusion_proof: None, ..self.v1_entry(&signed, SIGNED) };
        Signed { entries: vec![entry], timestamps: Vec::new(), ..signed }
    }

    /// What a Rekor v1 log answers for a signing act at `time`.
    pub(crate) fn v1_entry(&self, signed: &Signed, time: UnixTime) -> LogEntry {
        self.v1_entry_by(signed, BodyVerifier::Certificate(&signed.leaf), time)
    }

    pub(crate) fn v1_entry_by(&self, signed: &Signed, verifier: BodyVerifier<'_>, time: UnixTime) -> LogEntry {
        let signature = signed.content.signature();
        let (kind, body) = match &signed.content {
            Content::Message { digest, .. } => {
                ("hashedrekord", HashedRekord::body(&digest.unwrap(), signature, &verifier))
            }
            Content::Dsse(envelope) => {
                let digest = |bytes: &[u8]| Digest::of(DigestAlgorithm::Sha256, bytes);
                ("dsse", Dsse::body(&digest(b"envelope"), &digest(&envelope.payload), signature, &verifier))
            }
            Content::SimpleSigning { payload, .. } => {
                let digest = Digest::of(DigestAlgorithm::Sha256, payload);
                ("hashedrekord", HashedRekord::body(&digest, signature, &verifier))
            }
        };
        self.v1_body(kind, "0.0.1", body.into_bytes(), time)
    }

    /// A Rekor v1 entry of any body: SET, proof and checkpoint are genuine.
    pub(crate) fn v1_body(&self, kind: &str, version: &str, body: Vec<u8>, time: UnixTime) -> LogEntry {
        let log_id = self.v1_key.public().spki_sha256();
        let promise = Json::Object(vec![
            ("body".into(), Json::String(base64::encode(&body).into())),
            ("integratedTime".into(), Json::Integer(time.secs().into())),
            ("logID".into(), Json::String(hex::encode(&log_id).into())),
            ("logIndex".into(), Json::Integer(1001)),
        ]);
        let set = self.v1_key.sign(json::canonical(&promise).unwrap().as_bytes());
        let note_key = NoteKey::new(V1_HOST, self.v1_key.public().clone()).unwrap();
        LogEntry {
            log_index: 1001,
            log_id: log_id.to_vec(),
            kind: kind.to_owned(),
            version: version.to_owned(),
            integrated_time: u64::try_from(time.secs()).unwrap(),
            inclusion_promise: Some(set),
            inclusion_proof: Some(prove(&body, 1, &format!("{V1_HOST} - 42"), &note_key, &self.v1_key)),
            canonicalized_body: body,
        }
    }

    /// What a Rekor v2 log answers for a signing act.
    pub(crate) fn v2_entry(&self, signed: &Signed) -> LogEntry {
        self.v2_entry_by(signed, BodyVerifier::Certificate(&signed.leaf))
    }

    pub(crate) fn v2_entry_by(&self, signed: &Signed, verifier: BodyVerifier<'_>) -> LogEntry {
        let digest = match &signed.content {
            Content::Message { digest, .. } => digest.unwrap(),
            Content::Dsse(envelope) => Digest::of(DigestAlgorithm::Sha256, &envelope.pae()),
            Content::SimpleSigning { payload, .. } => Digest::of(DigestAlgorithm::Sha256, payload),
        };
        let body = HashedRekordV2::body(&digest, signed.content.signature(), &verifier).unwrap().into_bytes();
        let note_key = NoteKey::new(V2_HOST, self.v2_key.public().clone()).unwrap();
        LogEntry {
            log_index: 1,
            log_id: note_key.id().to_vec(),
            kind: "hashedrekord".to_owned(),
            version: "0.0.2".to_owned(),
            integrated_time: 0,
            inclusion_promise: None,
            inclusion_proof: Some(prove(&body, 1, V2_HOST, &note_key, &self.v2_key)),
            canonicalized_body: body,
        }
    }

    /// A timestamp over a signature.
    pub(crate) fn timestamp(&self, signature: &[u8], time: UnixTime) -> Vec<u8> {
        timestamp_by(&self.tsa, signature, time)
    }

    pub(crate) fn verifier(&self) -> Judge {
        Judge { verifier: Verifier::new(&self.trust).unwrap(), trust: self.trust.clone() }
    }

    pub(crate) fn verify(&self, signed: &Signed) -> Result<Verified, VerifyError> {
        self.verify_as(signed, &Requirements::STRICT)
    }

    pub(crate) fn verify_as(&self, signed: &Signed, requirements: &Requirements) -> Result<Verified, VerifyError> {
        // Through the written form, as a stranger's bundle comes.
        let bundle = UnverifiedBundle::parse(signed.bundle().to_json().as_bytes()).unwrap();
        self.verifier().verify(&Artifact::from_bytes(ARTIFACT), &bundle, requirements, NOW)
    }

    /// The layer and annotations of an older cosign signature or attestation.
    pub(crate) fn legacy_layer(&self, signed: &Signed) -> (Vec<u8>, BTreeMap<String, String>) {
        let mut annotations = BTreeMap::from([
            (cosign::CERTIFICATE.to_owned(), signed.leaf.to_pem()),
            (cosign::CHAIN.to_owned(), self.issuer.certificate.to_pem() + &self.root.certificate.to_pem()),
        ]);
        for entry in &signed.entries {
            let text = format!(
                r#"{{"SignedEntryTimestamp":"{}","Payload":{{"body":"{}","integratedTime":{},"logIndex":{},"logID":"{}"}}}}"#,
                base64::encode(entry.inclusion_promise.as_deref().unwrap_or_default()),
                base64::encode(&entry.canonicalized_body),
                entry.integrated_time,
                entry.log_index,
                hex::encode(&entry.log_id),
            );
            annotations.insert(cosign::LOG_ENTRY.to_owned(), text);
        }
        for response in &signed.timestamps {
            let text = format!(r#"{{"SignedRFC3161Timestamp":"{}"}}"#, base64::encode(response));
            annotations.insert(cosign::TIMESTAMP.to_owned(), text);
        }
        let (layer, signature) = match &signed.content {
            Content::Dsse(envelope) => (envelope.to_json().into_bytes(), String::new()),
            Content::SimpleSigning { payload, signature } => (payload.clone(), base64::encode(signature)),
            Content::Message { .. } => unreachable!("no layer holds one"),
        };
        annotations.insert(cosign::SIGNATURE.to_owned(), signature);
        (layer, annotations)
    }

    /// The code of the refusal.
    pub(crate) fn code(&self, signed: &Signed) -> &'static str {
        self.verify(signed).expect_err("must be refused").code().name()
    }
}

/// A verifier whose questions are written out as cases.
#[derive(Debug)]
pub(crate) struct Judge {
    verifier: Verifier,
    trust: TrustedRoot,
}

impl std::ops::Deref for Judge {
    type Target = Verifier;

    fn deref(&self) -> &Verifier {
        &self.verifier
    }
}

impl Judge {
    pub(crate) fn verify(
        &self,
        artifact: &Artifact<'_>,
        bundle: &UnverifiedBundle,
        requirements: &Requirements,
        now: UnixTime,
    ) -> Result<Verified, VerifyError> {
        let verdict = self.verifier.verify(artifact, bundle, requirements, now);
        let outcome = match &verdict {
            Ok(verified) => Ok(verified.signer()),
            Err(error) => Err(error.code()),
        };
        cases::walk(&self.trust, artifact, bundle, requirements, now, outcome);
        verdict
    }

    pub(crate) fn verify_with_key(
        &self,
        artifact: &Artifact<'_>,
        bundle: &UnverifiedBundle,
        trust: &KeyTrust,
        requirements: &Requirements,
        now: UnixTime,
    ) -> Result<Verified, VerifyError> {
        let verdict = self.verifier.verify_with_key(artifact, bundle, trust, requirements, now);
        cases::walk_with_key(&self.trust, bundle, trust, now, verdict.as_ref().map(drop).map_err(VerifyError::code));
        verdict
    }
}

/// A v1 statement about an artifact.
pub(crate) fn statement(artifact: &[u8]) -> String {
    statement_of("https://example.com/predicate", artifact)
}

/// The statement by which cosign signs an image.
#[cfg(feature = "sign")]
pub(crate) fn signature_statement(manifest: &[u8]) -> String {
    statement_of(cosign::SIGNATURE_PREDICATE, manifest)
}

fn statement_of(predicate_type: &str, artifact: &[u8]) -> String {
    let digest = Digest::of(DigestAlgorithm::Sha256, artifact);
    let subject = Subject { name: "artifact".to_owned(), digests: vec![digest] };
    Statement::to_json(&[subject], predicate_type, "{}")
}

/// A timestamp authority's leaf below a root.
pub(crate) fn timestamp_leaf(root: &Authority) -> Authority {
    timestamp_leaf_for(root, 86_400 * 700)
}

/// The same for so many seconds.
pub(crate) fn timestamp_leaf_for(root: &Authority, seconds: i64) -> Authority {
    let key = Key::p256();
    let template = Template::leaf(&key)
        .without(oids::SUBJECT_ALT_NAME)
        .with(Extension::extended_key_usage(&[oids::TIME_STAMPING], true))
        .valid(START.plus_secs(-86_400), seconds);
    root.below(key, template)
}

/// A token of an authority over a signature.
pub(crate) fn timestamp_by(tsa: &Authority, signature: &[u8], time: UnixTime) -> Vec<u8> {
    let request = TimestampRequest::new(Digest::of(DigestAlgorithm::Sha256, signature), None, false);
    let fields = TokenFields {
        policy: oids::SIGSTORE_TSA_POLICY,
        imprint: request.imprint(),
        serial: &[7; 16],
        time,
        accuracy_secs: 1,
        nonce: None,
    };
    let token = TokenToSign::new(fields, &tsa.certificate, tsa.key.scheme());
    token.grant(&tsa.key.sign(token.signed_bytes()), &[])
}

/// Puts a body between two others, and proves it.
fn prove(body: &[u8], index: u64, origin: &str, note_key: &NoteKey, key: &Key) -> InclusionProof {
    let leaves = [merkle::leaf_hash(b"before"), merkle::leaf_hash(body), merkle::leaf_hash(b"after")];
    let pair = merkle::node_hash(&leaves[0], &leaves[1]);
    let root = merkle::node_hash(&pair, &leaves[2]);
    let text = Checkpoint::new(origin, 3, root).unwrap().text();
    let signature = note_key.signature(key.sign(text.as_bytes()));
    let checkpoint = Note::new(text, vec![signature]).unwrap().to_string();
    InclusionProof {
        log_index: index,
        root_hash: root.to_vec(),
        tree_size: 3,
        hashes: vec![leaves[0], leaves[2]],
        checkpoint: Some(checkpoint),
    }
}
