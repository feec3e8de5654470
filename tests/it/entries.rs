//! The log entries of real bundles, apart from the rest of the walk: each entry of a bundle that is to be
//! accepted describes its bundle and is held by its log.

use std::collections::BTreeMap;
use std::path::Path;

use sealmark::base::crypto::{Digest, PublicKey};
use sealmark::base::encoding::json::Json;
use sealmark::base::time::UnixTime;
use sealmark::format::bundle::{Content, UnverifiedBundle};
use sealmark::format::log_entry_body::EntryBody;
use sealmark::format::trust::TrustedRoot;
use sealmark::verify::log::{Inclusion, Logs};
use sealmark::verify::{SignedBy, SignedContent, SignedMaterial};

use crate::vectors;

/// When the vectors were gathered.
const NOW: &str = "2026-08-22T00:00:00Z";

#[test]
fn entries_of_accepted_bundles() {
    let Some(root) = vectors::folder("") else { return };
    let table = String::from_utf8(vectors::read(&root.join("EXPECT.tsv"))).unwrap();
    let mut lines = table.lines();
    let names: Vec<_> = lines.next().unwrap().split('\t').collect();
    let (mut proven, mut promised) = (0, 0);
    for line in lines {
        let row: BTreeMap<_, _> = names.iter().copied().zip(line.split('\t')).collect();
        if row["expect"] != "accept" {
            continue;
        }
        for inclusion in inclusions(&root, &row) {
            *(if inclusion == Inclusion::PromiseOnly { &mut promised } else { &mut proven }) += 1;
        }
    }
    assert!(proven >= 248 && promised >= 23, "{proven} with a proof, {promised} with a promise");
}

/// How each entry of the row's bundle is in its log.
fn inclusions(root: &Path, row: &BTreeMap<&str, &str>) -> Vec<Inclusion> {
    let name = row["bundle"];
    let (path, index) = name.split_once('#').unwrap_or((name, "0"));
    let bytes = vectors::read(&root.join(path));
    let bundle = UnverifiedBundle::parse(&documents(&bytes)[index.parse::<usize>().unwrap()]).unwrap();
    if bundle.claimed_log_entries().is_empty() {
        return Vec::new();
    }
    let trust = TrustedRoot::parse(&vectors::read(&root.join(row["trusted_root"]))).unwrap();
    let logs = Logs::new(&trust.logs);
    let key = key_in_body(&bundle);
    let signed_by = match bundle.claimed_certificate() {
        Some(certificate) => SignedBy::Certificate(certificate),
        None => SignedBy::Key(key.as_ref().unwrap()),
    };
    let content = match bundle.claimed_content() {
        Content::Message { digest, .. } => SignedContent::Message { digest: artifact(root, row, digest.unwrap()) },
        Content::Dsse(envelope) => SignedContent::Dsse { envelope },
        Content::SimpleSigning { payload, .. } => SignedContent::SimpleSigning { payload },
    };
    let signed = SignedMaterial { signature: bundle.claimed_content().signature(), signed_by, content };
    let now = UnixTime::parse_rfc3339(NOW).unwrap();
    let verify = |entry| logs.verify_entry(entry, &signed, now).unwrap_or_else(|error| panic!("{name}: {error}"));
    bundle.claimed_log_entries().iter().map(|entry| verify(entry).inclusion().clone()).collect()
}

/// The artifact's digest, in the algorithm that the signer chose.
fn artifact(root: &Path, row: &BTreeMap<&str, &str>, claimed: Digest) -> Digest {
    let given = row["artifact_or_digest"];
    match Digest::parse(given) {
        Some(digest) => digest,
        None if given.is_empty() => claimed,
        None => Digest::of(claimed.algorithm(), &vectors::read(&root.join(given))),
    }
}

/// The key that a v1 entry of a bundle without a certificate names: here only the entry is in question.
fn key_in_body(bundle: &UnverifiedBundle) -> Option<PublicKey> {
    let pem = match EntryBody::parse(&bundle.claimed_log_entries()[0].canonicalized_body).unwrap() {
        EntryBody::HashedRekord(body) => body.verifier,
        EntryBody::Dsse(body) => body.verifier,
        EntryBody::Intoto(body) => body.verifier,
        EntryBody::HashedRekordV2(_) => return None,
    };
    PublicKey::from_pem(std::str::from_utf8(&pem).unwrap()).ok()
}

/// The bundles in a file: one, one a line, or some within a list of attestations.
fn documents(bytes: &[u8]) -> Vec<Vec<u8>> {
    fn walk(value: &serde_json::Value, found: &mut Vec<Vec<u8>>) {
        if value.get("verificationMaterial").is_some() {
            found.push(value.to_string().into_bytes());
        } else if let Some(members) = value.as_object() {
            members.values().for_each(|value| walk(value, found));
        } else if let Some(items) = value.as_array() {
            items.iter().for_each(|value| walk(value, found));
        }
    }
    let lines = if Json::parse(bytes).is_ok() { vec![bytes] } else { bytes.split(|byte| *byte == b'\n').collect() };
    let mut found = Vec::new();
    for value in lines.into_iter().filter_map(|line| serde_json::from_slice(line).ok()) {
        walk(&value, &mut found);
    }
    found
}
