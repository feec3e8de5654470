//! What is done with hostile bytes: one function a parser. Each calls the parser that the library calls, reads
//! what came out of it, holds it to what must be true of everything that parses, and says whether anything did. The fuzz targets and the
//! deterministic smoke test (`tests/it/smoke.rs`) share them.

use std::hint::black_box;

use sealmark::base::encoding::der::{Element, Reader, tag};
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::checkpoint::{Checkpoint, Note, NoteKey, WitnessKey};
use sealmark::format::cosign;
use sealmark::format::intoto::Statement;
use sealmark::format::jwt::{Claims, KeySet, UnverifiedToken};
use sealmark::format::log_entry_body::EntryBody;
use sealmark::format::merkle::Tile;
use sealmark::format::oci::{
    Descriptor, IMAGE_MANIFEST, ImageRef, Manifest, SIMPLE_SIGNING, SimpleSigning, referrers_index,
};
use sealmark::format::timestamp::{TimestampRequest, TimestampResponse};
use sealmark::format::trust::{ClientTrustConfig, SigningConfig, TrustedRoot, Unsupported};
use sealmark::format::x509::{Certificate, CertificateRequest, FulcioClaims, sct};
use sealmark::policy::Policy;

/// A parser's function.
pub type Parser = fn(&[u8]) -> bool;

/// Every parser by the name of its fuzz target.
pub const ALL: &[(&str, Parser)] = &[
    ("der", der),
    ("certificate", certificate),
    ("bundle", bundle),
    ("log_entry", log_entry),
    ("note", note),
    ("tile", tile),
    ("timestamp", timestamp),
    ("jwt", jwt),
    ("policy", policy),
    ("statement", statement),
    ("trusted_root", trusted_root),
    ("reference", reference),
    ("manifest", manifest),
    ("legacy", legacy),
];

/// Every value, as every type, however deep.
pub fn der(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    while let Some(tag) = reader.peek() {
        let typed = || reader.clone();
        match tag {
            tag::INTEGER => drop(black_box((typed().integer(), typed().small()))),
            tag::BOOLEAN => drop(black_box(typed().boolean())),
            tag::OID => drop(black_box(typed().oid().map(|oid| oid.to_string()))),
            tag::BIT_STRING => drop(black_box((typed().bits(), typed().named_bits()))),
            _ => drop(black_box((typed().utf8(), typed().x509_time(), typed().generalized_time()))),
        }
        let Ok(element) = reader.element() else { return false };
        assert!(element.raw.ends_with(element.content));
        walk(element);
    }
    true
}

/// The values in a value, as deep as the reader goes.
fn walk(element: Element<'_>) {
    let Ok(mut reader) = element.reader() else { return };
    while let Ok(element) = reader.element() {
        walk(element);
    }
}

/// Certificates with everything that is read from them, certificate requests and SCT lists.
pub fn certificate(bytes: &[u8]) -> bool {
    let certificate = Certificate::from_der(bytes);
    if let Ok(certificate) = &certificate {
        assert_eq!(certificate.der(), bytes);
        assert_eq!(Certificate::from_pem(&certificate.to_pem()).as_ref(), Ok(certificate));
        black_box((certificate.san().is_ok(), FulcioClaims::read(certificate).is_ok(), certificate.label()));
        black_box((
            certificate.tbs_without_scts().is_ok(),
            certificate.verify_signature(certificate.public_key()).is_ok(),
        ));
    }
    let scts = sct::read_list(bytes);
    if let Ok(scts) = &scts {
        assert_eq!(sct::write_list(scts).as_deref(), Some(bytes));
    }
    certificate.is_ok() || scts.is_ok() || CertificateRequest::from_der(bytes).is_ok()
}

/// Bundles, one or several: what parses can be written, and reads the same again.
pub fn bundle(bytes: &[u8]) -> bool {
    let bundles: Vec<_> = UnverifiedBundle::parse_lines(bytes).unwrap_or_default().into_iter().flatten().collect();
    for bundle in &bundles {
        black_box(bundle.needed_digests(None));
        let again = UnverifiedBundle::parse(bundle.to_json().as_bytes()).unwrap();
        assert_eq!(again.claimed_certificate(), bundle.claimed_certificate());
        assert_eq!(again.claimed_log_entries(), bundle.claimed_log_entries());
        assert_eq!(again.claimed_timestamps(), bundle.claimed_timestamps());
        assert_eq!(again.claimed_content(), bundle.claimed_content());
    }
    !bundles.is_empty()
}

/// Bodies of log entries.
pub fn log_entry(bytes: &[u8]) -> bool {
    EntryBody::parse(bytes).is_ok()
}

/// Signed notes, checkpoints and the keys that verify them.
pub fn note(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let note = Note::parse(text);
    if let Ok(note) = &note {
        assert_eq!(note.to_string(), text);
    }
    if let Ok((checkpoint, note)) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), note.text());
    }
    note.is_ok() || NoteKey::parse(text).is_ok() || WitnessKey::parse(text).is_ok()
}

/// Tiles: the first line is the path, the rest the contents.
pub fn tile(bytes: &[u8]) -> bool {
    let (path, contents) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let contents = contents.get(1..).unwrap_or_default();
    let Some(tile) = std::str::from_utf8(path).ok().and_then(|path| Tile::parse(path).ok()) else { return false };
    assert_eq!(tile.to_string().as_bytes(), path);
    let (hashes, entries) = (tile.hashes(contents), tile.entries(contents));
    if let Ok(hashes) = &hashes {
        assert_eq!(hashes.len(), usize::from(tile.width()));
    }
    if let Ok(entries) = &entries {
        assert_eq!(entries.iter().map(|entry| entry.len() + 2).sum::<usize>(), contents.len());
    }
    hashes.is_ok() || entries.is_ok()
}

/// Timestamp responses and requests, in DER and in JSON.
pub fn timestamp(bytes: &[u8]) -> bool {
    let requests = [TimestampRequest::parse(bytes), TimestampRequest::parse_json(bytes)];
    for request in requests.iter().flatten() {
        assert_eq!(TimestampRequest::parse(&request.to_der()).as_ref(), Ok(request));
    }
    requests.iter().any(Result::is_ok) || TimestampResponse::parse(bytes).is_ok()
}

/// Identity tokens, their payloads and the key sets of issuers.
pub fn jwt(bytes: &[u8]) -> bool {
    let keys = KeySet::parse(bytes);
    let claims = Claims::parse(bytes);
    if let Ok(claims) = &claims {
        black_box((claims.time("exp").is_ok(), claims.require_text("sub").is_ok()));
    }
    let parsed = keys.is_ok() || claims.is_ok();
    let Some(token) = std::str::from_utf8(bytes).ok().and_then(|text| UnverifiedToken::parse(text).ok()) else {
        return parsed;
    };
    black_box(token.verify(&keys.unwrap_or_else(|_| KeySet::new(Vec::new()))).is_ok());
    true
}

/// Policies: what parses has a rule, and every rule says who and by whose word.
pub fn policy(bytes: &[u8]) -> bool {
    let policy = Policy::parse(bytes);
    if let Ok(policy) = &policy {
        assert!(policy.rules().count() > 0);
        assert!(policy.rules().all(|rule| rule.conditions().len() > 1));
    }
    policy.is_ok()
}

/// In-toto statements: what parses has a subject.
pub fn statement(bytes: &[u8]) -> bool {
    let statement = Statement::parse(bytes);
    if let Ok(statement) = &statement {
        assert!(!statement.subjects.is_empty());
    }
    statement.is_ok()
}

/// Trust documents: what parses can be written, and reads the same again.
pub fn trusted_root(bytes: &[u8]) -> bool {
    let root = TrustedRoot::parse(bytes);
    if let Ok(root) = &root
        && root.unsupported == Unsupported::default()
    {
        assert_eq!(TrustedRoot::parse(root.to_json().as_bytes()).as_ref(), Ok(root));
    }
    let config = SigningConfig::parse(bytes);
    if let Ok(config) = &config {
        assert_eq!(SigningConfig::parse(config.to_json().as_bytes()).as_ref(), Ok(config));
    }
    root.is_ok() || config.is_ok() || ClientTrustConfig::parse(bytes).is_ok()
}

/// Names of images: each has one normal form, which is read as itself.
pub fn reference(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(image) = ImageRef::parse(text) else { return false };
    assert_eq!(ImageRef::parse(&image.to_string()).as_ref(), Ok(&image));
    assert!(!image.to_string().bytes().any(|byte| byte <= b' ' || byte >= 0x7f));
    true
}

/// Manifests, indexes, and the payloads of older signatures.
pub fn manifest(bytes: &[u8]) -> bool {
    let payload = SimpleSigning::parse(bytes);
    if let Ok(payload) = &payload {
        assert_eq!(SimpleSigning::parse(&payload.to_bytes()).as_ref(), Ok(payload));
    }
    let found = Manifest::parse(bytes, None);
    if let Ok(found) = &found {
        assert_eq!(Manifest::parse(bytes, Some(found.media_type())).as_ref(), Ok(found));
    }
    let added = [Descriptor::of(IMAGE_MANIFEST, b"added")];
    if let (Ok(Manifest::Index(before)), Ok(Some(after))) = (&found, referrers_index(Some(bytes), &added)) {
        let after = Manifest::parse(&after, None);
        let listed = after.as_ref().ok().and_then(|after| after.index().ok()).map(|index| index.manifests.as_slice());
        assert_eq!(listed, Some([before.manifests.as_slice(), &added].concat().as_slice()));
    }
    payload.is_ok() || found.is_ok()
}

/// Older signatures and attestations: the first line is the manifest beside an image, the rest what its layers hold.
/// Nothing that is read has more than a promise, a log entry reads the same when it is written again, and what is
/// added to the manifest leaves the rest as it is.
pub fn legacy(bytes: &[u8]) -> bool {
    let (manifest, content) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let content = content.get(1..).unwrap_or_default();
    let Ok(Manifest::Image(before)) = Manifest::parse(manifest, None) else { return false };
    let added = Descriptor::of(SIMPLE_SIGNING, b"added");
    if let Ok(Some(after)) = cosign::manifest(Some(manifest), std::slice::from_ref(&added)) {
        let after = Manifest::parse(&after.manifest, None).unwrap();
        assert_eq!(after.image().unwrap().layers, [before.layers.as_slice(), &[added]].concat());
    }
    let mut parsed = false;
    for layer in &before.layers {
        let signature = cosign::signature(content.to_vec(), &layer.annotations);
        let attestation = cosign::attestation(content, &layer.annotations);
        for bundle in [signature, attestation].into_iter().flatten() {
            parsed = true;
            black_box((bundle.needed_digests(None), bundle.to_json()));
            let [entry] = bundle.claimed_log_entries() else { continue };
            assert!(entry.inclusion_proof.is_none() && entry.inclusion_promise.is_some());
            let written = cosign::log_entry_annotation(entry).unwrap();
            let evidence = [(cosign::SIGNATURE, "c2ln".to_owned()), (cosign::LOG_ENTRY, written)];
            let evidence = evidence.map(|(name, text)| (name.to_owned(), text)).into();
            let again = cosign::signature(Vec::new(), &evidence).unwrap();
            assert_eq!(again.claimed_log_entries(), bundle.claimed_log_entries());
        }
    }
    parsed
}
