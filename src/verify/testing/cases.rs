//! The cases of these tests as files, so that the command line is asked the same: `SEALMARK_CASES` names the
//! folder, `tests/it/cli/rows.rs` asks. Only tests of a row write, those that its id stands in the name of.
//!
//! A test of one part (a chain, an entry, a token) has no whole bundle: one is made around the part, and written
//! only when the walk refuses it with the very code that the part was refused with.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

use super::{ARTIFACT, NOW, Signed, World};
use crate::base::code::Code;
use crate::base::crypto::{Digest, DigestAlgorithm, PublicKey};
use crate::base::encoding::base64;
use crate::base::time::UnixTime;
use crate::format::bundle::{Content, LogEntry, UnverifiedBundle, VerificationMaterial};
use crate::format::trust::{AuthorityInstance, LogInstance, TrustedRoot};
use crate::format::x509::Certificate;
use crate::format::x509::testing::{Key, SIGNED};
use crate::verify::{Artifact, KeyTrust, Requirements, SignedBy, SignedContent, SignedMaterial, Signer, Verifier};

/// Who signs in these tests.
const SIGNER: &str = "signer@example.com";

thread_local! {
    /// Cases of this test so far; a test has a thread of its own.
    static WRITTEN: RefCell<BTreeMap<String, usize>> = const { RefCell::new(BTreeMap::new()) };
    /// Set while a case is made: what is called on the way is no case.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Everything that the command line is given.
struct Case {
    trusted_root: String,
    bundle: Vec<u8>,
    artifact: Option<Digest>,
    key: Option<PublicKey>,
    flags: &'static str,
    now: UnixTime,
}

/// Whether this test writes its cases.
fn wanted() -> Option<(String, String)> {
    if BUSY.get() {
        return None;
    }
    let folder = env::var("SEALMARK_CASES").ok()?;
    let name = thread::current().name()?.replace("::", ".");
    let last = name.rsplit('.').next()?;
    let is_id = |word: &str| {
        let number = word.trim_start_matches(|c: char| c.is_ascii_lowercase());
        let family = word.strip_suffix(number).unwrap_or_default();
        ["c", "sct", "b", "s", "l", "t", "i"].contains(&family) && number.parse::<u16>().is_ok()
    };
    is_id(last.split('_').next()?).then_some((folder, name))
}

/// The clock that the command line has.
fn clock() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime::from_secs(i64::try_from(since.as_secs()).unwrap())
}

/// Runs `make` unless this is no test of a row; nothing that it calls is a case.
fn when_wanted(make: impl FnOnce() -> Option<(Case, &'static str)>) {
    let Some((folder, test)) = wanted() else { return };
    BUSY.set(true);
    if let Some((case, expected)) = make()
        && (case.judge(case.now) == expected || expected == "issuer-missing")
    {
        case.write(&folder, &test, expected);
    }
    BUSY.set(false);
}

impl Case {
    fn of(trust: &TrustedRoot, bundle: Vec<u8>) -> Self {
        Self { trusted_root: trust.to_json(), bundle, artifact: None, key: None, flags: "", now: NOW }
    }

    /// The verdict of the library on the files.
    fn judge(&self, now: UnixTime) -> &'static str {
        fn code<T>(result: Result<T, Code>) -> Result<T, &'static str> {
            result.map_err(|code| code.name())
        }
        let judged = || {
            let root = code(TrustedRoot::parse(self.trusted_root.as_bytes()).map_err(|error| error.code()))?;
            let verifier = code(Verifier::new(&root).map_err(|error| error.code()))?;
            let mut bundles = code(UnverifiedBundle::parse_lines(&self.bundle).map_err(|error| error.code()))?;
            let bundle = code(bundles.pop().ok_or("nothing")?.map_err(|error| error.code()))?;
            let artifact = self.artifact.map_or(Artifact::from_bytes(ARTIFACT), Artifact::from_digest);
            let verdict = match &self.key {
                Some(key) => {
                    let trust = KeyTrust::logged(key.clone());
                    verifier.verify_with_key(&artifact, &bundle, &trust, &trust.requirements(), now)
                }
                None => verifier.verify(&artifact, &bundle, &self.requirements(), now),
            };
            code(verdict.map(drop).map_err(|error| error.code()))
        };
        judged().err().unwrap_or("accept")
    }

    fn requirements(&self) -> Requirements {
        use crate::verify::Promise;
        let promise = if self.flags.is_empty() { Promise::Refused } else { Promise::Accepted };
        Requirements::STRICT.promise(promise)
    }

    fn write(&self, folder: &str, test: &str, expected: &str) {
        let number = WRITTEN.with_borrow_mut(|written| {
            let count = written.entry(test.to_owned()).or_default();
            *count += 1;
            *count
        });
        let folder = Path::new(folder).join(format!("{test}-{number}"));
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
        write("trusted_root.json", self.trusted_root.as_bytes());
        write("bundle.json", &self.bundle);
        write("expected", expected.as_bytes());
        write("flags", self.flags.as_bytes());
        match self.artifact {
            Some(digest) => write("digest", digest.to_string().as_bytes()),
            None => write("artifact", ARTIFACT),
        }
        if let Some(key) = &self.key {
            write("key.pub", key.to_pem().as_bytes());
        }
        // The command line has the real clock: a case that needs another one says which.
        if self.judge(clock()) != expected {
            write("now", self.now.to_string().as_bytes());
        }
    }
}

/// The walk over a whole bundle.
pub(crate) fn walk(
    trust: &TrustedRoot,
    artifact: &Artifact<'_>,
    bundle: &UnverifiedBundle,
    requirements: &Requirements,
    now: UnixTime,
    outcome: Result<&Signer, Code>,
) {
    when_wanted(|| {
        let flags = match () {
            () if *requirements == Requirements::STRICT => "",
            () if *requirements == Requirements::STRICT.promise(crate::verify::Promise::Accepted) => "--accept-promise",
            () => return None,
        };
        let expected = match outcome {
            // Without its issuer the policy has the last word.
            Ok(Signer::Certificate(signer))
                if signer.san().as_str() == SIGNER && signer.claims().issuer().is_some() =>
            {
                "accept"
            }
            // The signer is there, and who vouches for it is not: no policy takes that.
            Ok(Signer::Certificate(signer)) if signer.san().as_str() == SIGNER => "issuer-missing",
            Ok(_) => return None,
            Err(code) => code.name(),
        };
        let artifact = match artifact.bytes() {
            Some(ARTIFACT) => None,
            _ => Some(artifact.shown_digest()),
        };
        let case = Case { artifact, flags, now, ..Case::of(trust, bundle.to_json().into_bytes()) };
        Some((case, expected))
    });
}

/// The same with a key that the verifier was given.
pub(crate) fn walk_with_key(
    trust: &TrustedRoot,
    bundle: &UnverifiedBundle,
    key: &KeyTrust,
    now: UnixTime,
    outcome: Result<(), Code>,
) {
    when_wanted(|| {
        let expected = outcome.map_or_else(|code| code.name(), |()| "accept");
        let case = Case { key: Some(key.key().clone()), now, ..Case::of(trust, bundle.to_json().into_bytes()) };
        Some((case, expected))
    });
}

/// A bundle that cannot be read.
pub(crate) fn bundle(json: &[u8], code: Code) {
    when_wanted(|| Some((Case::of(&World::new().trust, json.to_vec()), code.name())));
}

/// A certificate that cannot be read, in a bundle.
pub(crate) fn certificate(der: &[u8], code: Code) {
    when_wanted(|| {
        let world = World::new();
        let signed = world.v1_message();
        let json = signed.bundle().to_json();
        let (own, other) = (base64::encode(signed.leaf.der()), base64::encode(der));
        Some((Case::of(&world.trust, json.replacen(&own, &other, 1).into_bytes()), code.name()))
    });
}

/// A trusted root that cannot be read.
pub(crate) fn trusted_root(json: &[u8], code: Code) {
    when_wanted(|| {
        let world = World::new();
        let bundle = world.v1_message().bundle().to_json().into_bytes();
        let trusted_root = String::from_utf8(json.to_vec()).ok()?;
        Some((Case { trusted_root, ..Case::of(&world.trust, bundle) }, code.name()))
    });
}

/// A leaf with its intermediates, under authorities that may themselves be at fault.
pub(crate) fn chain(
    authorities: Vec<AuthorityInstance>,
    leaf: Option<&Certificate>,
    intermediates: &[Certificate],
    times: &[UnixTime],
    code: Code,
) {
    when_wanted(|| {
        let mut world = World::new();
        world.trust.certificate_authorities = authorities;
        let mut signed = junk(&world, leaf, &[0x30, 6, 2, 1, 1, 2, 1, 1]);
        let (first, rest) = times.split_first().unwrap_or((&SIGNED, &[]));
        signed.entries = vec![world.v1_entry(&signed, *first)];
        signed.timestamps =
            rest.iter().map(|time| world.timestamp(signed.content.signature(), *time)).collect::<Vec<_>>();
        let json = with_chain(&signed, intermediates);
        Some((Case::of(&world.trust, json.into_bytes()), code.name()))
    });
}

/// A leaf whose SCTs are at fault; `issuer` is its root.
pub(crate) fn sct(logs: &[LogInstance], issuer: &Certificate, leaf: &Certificate, now: UnixTime, code: Code) {
    when_wanted(|| {
        let mut world = World::new();
        world.trust.ct_logs = logs.to_vec();
        if logs.is_empty() {
            // No log listed would waive the SCT.
            world.trust.ct_logs = World::new().trust.ct_logs;
        }
        let authority = world.trust.certificate_authorities.first_mut()?;
        authority.chain = vec![issuer.clone()];
        let mut signed = junk(&world, Some(leaf), &[0x30, 6, 2, 1, 1, 2, 1, 1]);
        signed.entries = vec![world.v1_entry(&signed, SIGNED)];
        let bundle = signed.bundle().to_json().into_bytes();
        Some((Case { now, ..Case::of(&world.trust, bundle) }, code.name()))
    });
}

/// A timestamp over a signature.
pub(crate) fn timestamp(
    authorities: &[AuthorityInstance],
    response: &[u8],
    signature: &[u8],
    now: UnixTime,
    code: Code,
) {
    when_wanted(|| {
        let mut world = World::new();
        world.trust.timestamp_authorities = authorities.to_vec();
        let mut signed = junk(&world, None, signature);
        // A token of nobody that is known matters where it is the only time.
        let untrusted = code.name() == "tsa-untrusted";
        let entry = if untrusted { world.v2_entry(&signed) } else { world.v1_entry(&signed, SIGNED) };
        signed.entries = vec![entry];
        signed.timestamps = vec![response.to_vec()];
        let bundle = signed.bundle().to_json().into_bytes();
        Some((Case { now, ..Case::of(&world.trust, bundle) }, code.name()))
    });
}

/// A log entry about a signing act.
pub(crate) fn entry(logs: &[LogInstance], entry: &LogEntry, material: &SignedMaterial<'_>, now: UnixTime, code: Code) {
    when_wanted(|| {
        let mut world = World::new();
        world.trust.logs = logs.to_vec();
        let (content, artifact) = match material.content {
            SignedContent::Message { digest } => {
                (Content::Message { digest: Some(digest), signature: material.signature.to_vec() }, Some(digest))
            }
            SignedContent::Dsse { envelope } => (Content::Dsse(envelope.clone()), None),
            SignedContent::SimpleSigning { .. } => return None,
        };
        let (bundle, key) = match material.signed_by {
            SignedBy::Certificate(leaf) => {
                let signed =
                    Signed { leaf: leaf.clone(), content, entries: vec![entry.clone()], timestamps: Vec::new() };
                (signed.bundle(), None)
            }
            SignedBy::Key(key) => {
                let material = VerificationMaterial::PublicKey { hint: String::new(), raw: None };
                let bundle = UnverifiedBundle::assemble(material, vec![entry.clone()], Vec::new(), content);
                (bundle, Some(key.clone()))
            }
        };
        let case = Case { artifact, key, now, ..Case::of(&world.trust, bundle.to_json().into_bytes()) };
        Some((case, code.name()))
    });
}

/// A message with this signature, which verifies under no key: what refuses it must come before.
fn junk(world: &World, leaf: Option<&Certificate>, signature: &[u8]) -> Signed {
    let digest = Digest::of(DigestAlgorithm::Sha256, ARTIFACT);
    let content = Content::Message { digest: Some(digest), signature: signature.to_vec() };
    let leaf = leaf.cloned().unwrap_or_else(|| world.message(&Key::p256()).leaf);
    Signed { leaf, content, entries: Vec::new(), timestamps: Vec::new() }
}

/// The bundle with a chain, which 0.3 does not have.
fn with_chain(signed: &Signed, intermediates: &[Certificate]) -> String {
    let json = signed.bundle().to_json();
    if intermediates.is_empty() {
        return json;
    }
    let raw = |certificate: &Certificate| format!(r#"{{"rawBytes":"{}"}}"#, base64::encode(certificate.der()));
    let chain: Vec<_> = std::iter::once(&signed.leaf).chain(intermediates).map(raw).collect();
    let single = format!(r#""certificate":{}"#, raw(&signed.leaf));
    assert!(json.contains(&single), "{json}");
    json.replacen(&single, &format!(r#""x509CertificateChain":{{"certificates":[{}]}}"#, chain.join(",")), 1).replacen(
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        1,
    )
}
