//! The rows of `EXPECT.tsv` and the folders of the conformance suite, as one kind of case.

use std::fs;
use std::path::Path;

use sealmark::base::encoding::{base64, hex};
use serde_json::Value;

use crate::vectors;

/// One bundle, what it is to be verified with, and what the vectors say of it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The path in the vectors, with `#1` for the second document of a file of several.
    pub(crate) name: String,
    /// `accept`, `reject`, `special` or `disputed`.
    pub(crate) expect: String,
    /// Who agreed, or the policy that a special row needs.
    pub(crate) confidence: String,
    /// The bundle's bytes.
    pub(crate) bundle: Vec<u8>,
    /// Whose trusted root it is: `prod`, `staging`, or `local` to the case.
    #[allow(dead_code, reason = "read by tests/oracles")]
    pub(crate) instance: &'static str,
    /// The trusted root's bytes.
    pub(crate) trusted_root: Vec<u8>,
    /// The identity, empty when a key signed.
    pub(crate) identity: String,
    /// The issuer, empty when a key signed.
    pub(crate) issuer: String,
    /// The key that signed, as PEM, when no certificate did.
    pub(crate) key: Option<String>,
    /// What sigstore-python, sigstore-js and sigstore-rust said of it; empty for conformance cases.
    #[allow(dead_code, reason = "read by tests/oracles")]
    pub(crate) peers: [String; 3],
    /// A file, a digest, or nothing (some rows name a file that the vectors do not hold).
    pub(crate) artifact: Artifact,
}

/// What a row says was signed.
#[derive(Debug, Clone)]
pub(crate) enum Artifact {
    /// The bytes.
    File(Vec<u8>),
    /// `sha256:HEX`.
    Digest(String),
    /// Nothing: the driver takes a digest that the bundle itself claims.
    Unnamed,
}

/// Every row of `EXPECT.tsv`; `None` when the vectors are not at hand.
pub(crate) fn expected() -> Option<Vec<Row>> {
    let root = vectors::folder("")?;
    let table = fs::read_to_string(root.join("EXPECT.tsv")).unwrap();
    let mut lines = table.lines();
    let columns: Vec<_> = lines.next().unwrap().split('\t').collect();
    let rows = lines.map(|line| {
        let cells: Vec<_> = line.split('\t').collect();
        let cell = |name: &str| cells[columns.iter().position(|column| *column == name).unwrap()];
        row(&root, &cell)
    });
    Some(rows.collect())
}

fn row<'a>(root: &Path, cell: &dyn Fn(&str) -> &'a str) -> Row {
    let name = cell("bundle");
    let (path, document) = name.split_once('#').map_or((name, 0), |(path, n)| (path, n.parse().unwrap()));
    let path = root.join(path);
    let bundle = document_of(&path, document);
    Row {
        name: name.to_owned(),
        key: key_of(root, &path, &bundle),
        expect: cell("expect").to_owned(),
        confidence: cell("confidence").to_owned(),
        bundle,
        instance: match cell("trusted_root").split('/').next() {
            Some("root-signing") => "prod",
            Some("root-signing-staging") => "staging",
            _ => "local",
        },
        trusted_root: vectors::read(&root.join(cell("trusted_root"))),
        identity: cell("identity").to_owned(),
        issuer: cell("issuer").to_owned(),
        peers: ["sigstore_python", "sigstore_js", "sigstore_rust"].map(|peer| cell(peer).to_owned()),
        artifact: match cell("artifact_or_digest") {
            "" => Artifact::Unnamed,
            digest if digest.starts_with("sha256:") => Artifact::Digest(digest.to_owned()),
            file => fs::read(root.join(file)).map_or(Artifact::Unnamed, Artifact::File),
        },
    }
}

/// A file's bundle: the file itself, or one of npm's `{"attestations":[{"bundle":…}]}`.
fn document_of(path: &Path, document: usize) -> Vec<u8> {
    let bytes = vectors::read(path);
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(fields)) if fields.contains_key("attestations") => {
            serde_json::to_vec(&fields["attestations"][document]["bundle"]).unwrap()
        }
        _ => bytes,
    }
}

/// The key that npm's registry signs publish attestations with, by the name in their bundles.
const NPM_KEY: (&str, &str) = (
    "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA",
    "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i
6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkhBktUgg==
-----END PUBLIC KEY-----
",
);

/// The key for a bundle that no certificate signed: from beside it, or from where its project keeps it.
fn key_of(root: &Path, path: &Path, bundle: &[u8]) -> Option<String> {
    let bundle: Value = serde_json::from_slice(bundle).ok()?;
    let key = bundle.pointer("/verificationMaterial/publicKey")?;
    if key["hint"] == NPM_KEY.0 {
        return Some(NPM_KEY.1.to_owned());
    }
    let elsewhere = match path.strip_prefix(root).ok()?.iter().next()?.to_str()? {
        "sigstore-go" => "sigstore-go/pkg/testing/data/public-keys/public-key-validity.pem",
        "model-transparency" => "model-transparency/scripts/tests/keys/certificate/signing-key-pub.pem",
        _ => "",
    };
    let text = fs::read_to_string(path.with_file_name("key.pub")).or_else(|_| fs::read_to_string(root.join(elsewhere)));
    // Some files describe the key in words first.
    text.ok().and_then(|text| text.find("-----BEGIN").map(|at| text[at..].to_owned()))
}

/// The identity that conformance cases have when they name none.
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/\
    .github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
/// The issuer that conformance cases have when they name none.
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Every case of the conformance suite's `bundle-verify` that has a bundle; `None` when the vectors are
/// not at hand.
pub(crate) fn conformance() -> Option<Vec<Row>> {
    let root = vectors::folder("")?;
    let cases = root.join("sigstore-conformance/test/assets/bundle-verify");
    let mut rows: Vec<_> =
        fs::read_dir(&cases).unwrap().filter_map(|entry| case(&root, &entry.unwrap().path())).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    Some(rows)
}

fn case(root: &Path, folder: &Path) -> Option<Row> {
    let bundle = fs::read(folder.join("bundle.sigstore.json")).ok()?;
    let name = folder.file_name()?.to_str()?.to_owned();
    let text = |file: &str| fs::read_to_string(folder.join(file)).ok().map(|text| text.trim().to_owned());
    let bytes = |file: &str| fs::read(folder.join(file)).ok();
    Some(Row {
        expect: if name.ends_with("_fail") { "reject" } else { "accept" }.to_owned(),
        confidence: String::new(),
        peers: Default::default(),
        bundle,
        instance: "local",
        trusted_root: bytes("trusted_root.json")
            .unwrap_or_else(|| vectors::read(&root.join("root-signing/targets/trusted_root.json"))),
        identity: text("identity").unwrap_or_else(|| IDENTITY.to_owned()),
        issuer: text("issuer").unwrap_or_else(|| ISSUER.to_owned()),
        key: text("key.pub"),
        artifact: Artifact::File(bytes("artifact").unwrap_or_else(|| vectors::read(&folder.with_file_name("a.txt")))),
        name,
    })
}

impl Row {
    /// Whether some log entry has a promise of inclusion and no proof.
    pub(crate) fn rests_on_promise(&self) -> bool {
        let Ok(bundle) = serde_json::from_slice::<Value>(&self.bundle) else { return false };
        let entries = bundle.pointer("/verificationMaterial/tlogEntries").and_then(Value::as_array);
        let promised = |entry: &Value| entry["inclusionProof"].is_null() && !entry["inclusionPromise"].is_null();
        entries.is_some_and(|entries| entries.iter().any(promised))
    }

    /// Whether this row is sound but for a proof of inclusion.
    pub(crate) fn is_promise_row(&self) -> bool {
        let sound = self.expect == "accept" || self.confidence.starts_with("promise");
        sound && self.rests_on_promise()
    }

    /// A digest to verify with when the row has no file: its own, else the one that the bundle claims.
    pub(crate) fn digest(&self) -> String {
        match &self.artifact {
            Artifact::Digest(digest) => digest.clone(),
            _ => serde_json::from_slice(&self.bundle)
                .ok()
                .and_then(|bundle| claimed_digest(&bundle))
                .unwrap_or_else(|| format!("sha256:{}", "0".repeat(64))),
        }
    }
}

/// The digest of a message, or of the statement's first subject.
fn claimed_digest(bundle: &Value) -> Option<String> {
    let decode = |pointer: &str| base64::decode(bundle.pointer(pointer)?.as_str()?);
    if let Some(digest) = decode("/messageSignature/messageDigest/digest") {
        return Some(format!("sha256:{}", hex::encode(&digest)));
    }
    let statement: Value = serde_json::from_slice(&decode("/dsseEnvelope/payload")?).ok()?;
    let digests = statement.pointer("/subject/0/digest")?;
    let named = |name: &str| Some(format!("{name}:{}", digests.get(name)?.as_str()?));
    named("sha256").or_else(|| named("sha512")).or_else(|| named("sha384"))
}
