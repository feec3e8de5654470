//! Seeds for the parsers: good inputs, from the embedded trusted roots, our own bundles in `testdata` and, where
//! the machine has them, the outside vectors.

use std::path::Path;

use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::base::encoding::base64;
use sealmark::format::bundle::{
    CertificateMaterial, Content, InclusionProof, LogEntry, UnverifiedBundle, VerificationMaterial,
};
use sealmark::format::cosign;
use sealmark::format::log_entry_body::{HashedRekordV2, Verifier};
use sealmark::format::oci::{self, Descriptor};
use sealmark::format::trust::{Embedded, TrustedRoot};

use crate::vectors;

const POLICY: &[u8] = br#"version: 1
rules:
  - name: release
    identity: https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1
    issuer: https://token.actions.githubusercontent.com
  - name: people
    identity-regex: '[a-z]+@acme\.example'
    issuer: https://accounts.google.com
    claims: { source-repository-ref: refs/tags/* }
    accept-promise: true
"#;

const STATEMENT: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app.tar.gz","digest":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","gitCommit":"1f7af43"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{"externalParameters":{"n":1.5}}}}"#;

const NOTE: &[u8] = b"log.example/2026\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n\n\
\xe2\x80\x94 log.example/2026 AAAAAHNpZ25hdHVyZQ==\n\xe2\x80\x94 witness.example AQIDBHNpZ25hdHVyZQ==\n";

const NOTE_KEY: &[u8] = b"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

const ENTRIES: &[u8] = b"tile/entries/x001/234.p/2\n\x00\x03abc\x00\x01d";

const HASHES: &[u8] = b"tile/0/000.p/1\n0123456789abcdef0123456789abcdef";

const CLAIMS: &str = r#"{"iss":"https://issuer.example","sub":"repo:acme/app","aud":["sigstore"],"exp":1795478400,"iat":1795478100,"nbf":1795478100,"email":"a@acme.example","email_verified":true}"#;

const KEY_SET: &[u8] = br#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","alg":"ES256","use":"sig","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

/// Requests as clients write them: a SHA-256 imprint, a nonce, with certificates.
const TIMESTAMP_REQUEST: &str =
    "MEMCAQEwMTANBglghkgBZQMEAgEFAAQg47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUCCBI0VniavN7wAQH/";
const TIMESTAMP_REQUEST_JSON: &[u8] = br#"{"artifactHash":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","hashAlgorithm":"sha256","nonce":1234567890,"certificates":true}"#;

const REFERENCES: &[&str] = &[
    "ubuntu",
    "ghcr.io/acme/app:v1.0.0",
    "registry.example:5000/a/b__c/d-e.f@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "[2001:db8::1]:5000/app:latest",
];

const MANIFEST: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","digest":"sha256:af9afe19889b4aa9f54c92e3e2c6ccf5c2c7292ed1df2175c82bae3df8ebb149","size":659}],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:dfb6295512351ae5b69c85310079d56e381ee23305f84914d35df5427891e59d","size":423},"annotations":{"dev.sigstore.bundle.content":"dsse-envelope"}}"#;

const INDEX: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:dfb6295512351ae5b69c85310079d56e381ee23305f84914d35df5427891e59d","size":423,"artifactType":"a/b","platform":{"architecture":"arm64","os":"linux","variant":"v8"},"annotations":{"a":"b"}}]}"#;

const SIMPLE_SIGNING: &[u8] = br#"{"critical":{"identity":{"docker-reference":"ghcr.io/acme/app"},"image":{"docker-manifest-digest":"sha256:dfb6295512351ae5b69c85310079d56e381ee23305f84914d35df5427891e59d"},"type":"cosign container image signature"},"optional":{"creator":"x"}}"#;

/// The seeds of a parser, by the name of its fuzz target.
pub(super) fn of(parser: &str) -> Vec<Vec<u8>> {
    let jwt = || {
        let part = |json: &str| base64::encode_url(json.as_bytes());
        format!("{}.{}.{}", part(r#"{"alg":"ES256","kid":"a","typ":"JWT"}"#), part(CLAIMS), part("signature"))
    };
    match parser {
        "der" => [certificates(), timestamps()].concat(),
        "certificate" => certificates(),
        "bundle" => bundles().iter().map(|bundle| bundle.to_json().into_bytes()).collect(),
        "log_entry" => entries().map(|entry| entry.canonicalized_body).filter(|body| !body.is_empty()).collect(),
        "note" => [NOTE.to_vec(), NOTE_KEY.to_vec()].into_iter().chain(entries().filter_map(checkpoint)).collect(),
        "tile" => vec![ENTRIES.to_vec(), HASHES.to_vec()],
        "timestamp" => {
            let request = base64::decode(TIMESTAMP_REQUEST).unwrap();
            [vec![request, TIMESTAMP_REQUEST_JSON.to_vec()], timestamps()].concat()
        }
        "jwt" => vec![jwt().into_bytes(), CLAIMS.into(), KEY_SET.to_vec()],
        "policy" => vec![POLICY.to_vec()],
        "statement" => std::iter::once(STATEMENT.to_vec()).chain(bundles().iter().filter_map(payload)).collect(),
        "trusted_root" => Embedded::ALL.iter().map(|embedded| embedded.trusted_root_json().into()).collect(),
        "reference" => REFERENCES.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "manifest" => vec![MANIFEST.to_vec(), INDEX.to_vec(), SIMPLE_SIGNING.to_vec()],
        "legacy" => legacy(),
        other => panic!("no seeds for {other}"),
    }
}

/// A signature and an attestation as they lie beside an image, with a certificate, its chain, a log entry's promise
/// and a timestamp, and the same with a key.
fn legacy() -> Vec<Vec<u8>> {
    let root = TrustedRoot::parse(Embedded::PublicGood.trusted_root_json().as_bytes()).unwrap();
    let [leaf, chain, ..] = root.certificate_authorities.last().unwrap().chain.as_slice() else { panic!("no chain") };
    let entry = entries().find(|entry| entry.version == "0.0.1" && entry.inclusion_promise.is_some()).unwrap();
    let envelope = bundles().iter().find_map(|bundle| match bundle.claimed_content() {
        Content::Dsse(envelope) => Some(envelope.to_json().into_bytes()),
        _ => None,
    });
    let timestamp = format!(r#"{{"SignedRFC3161Timestamp":"{}"}}"#, base64::encode(timestamps().first().unwrap()));
    let identity = [
        (cosign::SIGNATURE, base64::encode(&[6; 70])),
        (cosign::CERTIFICATE, leaf.to_pem()),
        (cosign::CHAIN, chain.to_pem()),
        (cosign::LOG_ENTRY, cosign::log_entry_annotation(&entry).unwrap()),
        (cosign::TIMESTAMP, timestamp),
    ];
    let seed = |media_type: &str, content: &[u8], evidence: &[(&str, String)]| {
        let annotations = evidence.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
        let layer = Descriptor { annotations, ..Descriptor::of(media_type, content) };
        [&cosign::manifest(None, &[layer]).unwrap().unwrap().manifest, b"\n".as_slice(), content].concat()
    };
    vec![
        seed(oci::SIMPLE_SIGNING, SIMPLE_SIGNING, &identity),
        seed(oci::SIMPLE_SIGNING, SIMPLE_SIGNING, &identity[..1]),
        seed(cosign::ENVELOPE, &envelope.unwrap(), &identity[1..]),
    ]
}

fn bundles() -> Vec<UnverifiedBundle> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bundles"), &mut found);
    if let Some(folder) = vectors::folder("sigstore-conformance/test/assets/bundle-verify") {
        collect(&folder, &mut found);
    }
    found.push(plain_bundle());
    found
}

/// The bundles of the case folders in `folder`.
fn collect(folder: &Path, found: &mut Vec<UnverifiedBundle>) {
    let Ok(cases) = std::fs::read_dir(folder) else { return };
    let mut cases: Vec<_> = cases.map(|case| case.unwrap().path().join("bundle.sigstore.json")).collect();
    cases.sort();
    found.extend(cases.iter().filter_map(|file| UnverifiedBundle::parse(&std::fs::read(file).ok()?).ok()));
}

/// A bundle with something in every field, proving nothing.
fn plain_bundle() -> UnverifiedBundle {
    let root = TrustedRoot::parse(Embedded::PublicGood.trusted_root_json().as_bytes()).unwrap();
    let leaf = root.certificate_authorities[0].chain[0].clone();
    let body = HashedRekordV2::body(&Digest::of(DigestAlgorithm::Sha384, b""), &[6; 70], &Verifier::Certificate(&leaf));
    let body = body.unwrap();
    let proof = InclusionProof {
        log_index: 2,
        root_hash: vec![1; 32],
        tree_size: 3,
        hashes: vec![[2; 32]],
        checkpoint: Some(String::from_utf8(NOTE.to_vec()).unwrap()),
    };
    let entry = LogEntry {
        log_index: 2,
        log_id: vec![3; 32],
        kind: "hashedrekord".to_owned(),
        version: "0.0.2".to_owned(),
        integrated_time: 1_700_000_000,
        inclusion_promise: Some(vec![4; 70]),
        inclusion_proof: Some(proof),
        canonicalized_body: body.into_bytes(),
    };
    UnverifiedBundle::assemble(
        VerificationMaterial::Certificate(Box::new(CertificateMaterial { leaf, intermediates: Vec::new() })),
        vec![entry],
        vec![vec![5; 100]],
        Content::Message { digest: None, signature: vec![6; 70] },
    )
}

fn entries() -> impl Iterator<Item = LogEntry> {
    bundles().into_iter().flat_map(|bundle| bundle.claimed_log_entries().to_vec())
}

fn checkpoint(entry: LogEntry) -> Option<Vec<u8>> {
    Some(entry.inclusion_proof?.checkpoint?.into_bytes())
}

fn payload(bundle: &UnverifiedBundle) -> Option<Vec<u8>> {
    match bundle.claimed_content() {
        Content::Dsse(envelope) => Some(envelope.payload.clone()),
        Content::SimpleSigning { payload, .. } => Some(payload.clone()),
        Content::Message { .. } => None,
    }
}

fn certificates() -> Vec<Vec<u8>> {
    let root = TrustedRoot::parse(Embedded::PublicGood.trusted_root_json().as_bytes()).unwrap();
    let authorities = root.certificate_authorities.iter().chain(&root.timestamp_authorities);
    let of_root = authorities.flat_map(|authority| &authority.chain).map(|certificate| certificate.der().to_vec());
    let of_bundles: Vec<_> = bundles().iter().filter_map(|b| Some(b.claimed_certificate()?.der().to_vec())).collect();
    of_root.chain(of_bundles).collect()
}

fn timestamps() -> Vec<Vec<u8>> {
    bundles().iter().flat_map(|bundle| bundle.claimed_timestamps().to_vec()).collect()
}
