//! `verify image`, `verify attestation`, `tree` and `inspect` of images, against a registry that keeps what it was
//! asked and lies when told to, and against real ones. What other clients sign is in `tests/interop/images`.

mod answers;
mod platforms;

use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::fixture::{Desk, IDENTITY, issuer, refusal, stack_dir};
use super::{json, stderr, stdout};
use crate::registry::real::RealRegistry;
use crate::registry::server::{Answer, Asked, Options, TestRegistry, digest};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A manifest that differs by its name.
fn manifest(name: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{}","size":2}},"layers":[],"annotations":{{"name":"{name}"}}}}"#,
        digest(b"{}")
    )
}

/// A lie that is told from the moment that it is set.
#[derive(Clone, Default)]
struct Lie(Arc<Mutex<Option<Told>>>);

type Told = Arc<dyn Fn(&Asked) -> Option<Answer> + Send + Sync>;

impl Lie {
    fn tell(&self, lie: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) {
        *self.0.lock().unwrap() = Some(Arc::new(lie));
    }
}

/// A registry with the image `acme/app:v1`, and a desk with a token.
struct World {
    desk: Desk,
    registry: TestRegistry,
    lie: Lie,
    digest: String,
}

impl World {
    fn with(options: Options) -> Self {
        let lie = Lie::default();
        let told = lie.clone();
        let tell = move |asked: &Asked| {
            // Told without the lock: requests that are under way together are answered together.
            let lie = told.0.lock().unwrap().clone();
            lie.and_then(|lie| lie(asked))
        };
        let registry = TestRegistry::start(Options { lie: Some(Box::new(tell)), ..options });
        let digest = registry.plant("acme/app", Some("v1"), IMAGE, manifest("app").as_bytes());
        Self { desk: Desk::new(), registry, lie, digest }
    }

    fn unsigned() -> Self {
        Self::with(Options::default())
    }

    fn signed() -> Self {
        let world = Self::unsigned();
        world.sign(&world.tag(), &[]);
        world
    }

    fn tag(&self) -> String {
        format!("{}/acme/app:v1", self.registry.authority)
    }

    fn by_digest(&self) -> String {
        format!("{}/acme/app@{}", self.registry.authority, self.digest)
    }

    fn sign(&self, image: &str, more: &[&str]) {
        let with = ["sign", "image", image, "--stack", stack_dir(), "--identity-token-file", "token.jwt"];
        let output = self.desk.run(&[&with, more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
    }

    fn attest(&self, image: &str, kind: &str) {
        self.desk.write("predicate.json", b"{}");
        let with = ["attest", "image", image, "--predicate", "predicate.json", "--type", kind, "--stack", stack_dir()];
        let output = self.desk.run(&[&with[..], &["--identity-token-file", "token.jwt"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// `verify image` against the stack and the default identity.
    fn verify(&self, args: &[&str]) -> Output {
        self.run(&[&["image"], args].concat())
    }

    fn run(&self, args: &[&str]) -> Output {
        self.registry.forget_requests();
        let issuer = issuer();
        let with = ["--stack", stack_dir(), "--identity", IDENTITY, "--issuer", &issuer];
        self.desk.run(&[&["verify"], args, &with].concat())
    }

    /// What was asked, each as `GET manifests/v1`; nothing twice, and no ping.
    fn asked(&self) -> Vec<String> {
        let lines = self.registry.lines();
        let mut once = lines.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), lines.len(), "asked twice: {lines:?}");
        assert!(lines.iter().all(|line| !line.ends_with("/v2/")), "{lines:?}");
        let short = |line: &String| line.replace("/v2/acme/app/", "").split(':').next().unwrap_or_default().to_owned();
        lines.iter().map(short).collect()
    }
}

fn verified(output: &Output) -> Value {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    let document = json(output);
    assert_eq!((&document["schema"], &document["verdict"]), (&"sealmark.verdict/v1".into(), &"verified".into()));
    document
}

/// By digest three requests, by tag four; one more where the registry has no referrers API.
#[test]
fn requests_are_counted() {
    let world = World::signed();
    assert!(world.verify(&[&world.by_digest()]).status.success());
    let bundle = ["GET referrers/sha256", "GET manifests/sha256", "GET blobs/sha256"];
    assert_eq!(world.asked(), bundle);
    assert!(world.verify(&[&world.tag()]).status.success());
    assert_eq!(world.asked(), [&["GET manifests/v1"], &bundle[..]].concat());

    let world = World::with(Options { referrers: false, ..Options::default() });
    world.sign(&world.tag(), &[]);
    assert!(world.verify(&[&world.by_digest()]).status.success());
    let tag = format!("GET manifests/{}", world.digest.replace(':', "-"));
    assert_eq!(world.asked(), [bundle[0], &tag, bundle[1], bundle[2]]);
    assert!(world.verify(&[&world.tag()]).status.success());
    assert_eq!(world.asked(), ["GET manifests/v1", bundle[0], &tag, bundle[1], bundle[2]]);
}

#[test]
fn the_verdict_names_the_digest_to_deploy() {
    let world = World::signed();
    let document = verified(&world.verify(&[&world.tag(), "--format", "json"]));
    let artifact = &document["artifacts"][0];
    assert_eq!(artifact["artifact"], world.tag());
    assert_eq!(artifact["image"], world.by_digest());
    assert_eq!(artifact["proof"]["digest"], world.digest);
    assert_eq!(artifact["proof"]["predicateType"], "https://sigstore.dev/cosign/sign/v1");
    assert_eq!(artifact["proof"]["assurance"], "full");
    assert_eq!(artifact["proof"]["signer"]["identity"], IDENTITY);
    let place = artifact["signatures"][0]["place"].as_str().unwrap();
    assert!(place.starts_with(&format!("{}/acme/app@sha256:", world.registry.authority)), "{place}");
    let people = world.verify(&[&world.tag(), "--explain"]);
    let text = stdout(&people);
    assert!(text.contains(&format!("VERIFIED  {}  {}", world.tag(), world.by_digest())), "{text}");
    assert!(text.contains("deploy the digest") && text.contains("11 policy            ok"), "{text}");
}

#[test]
fn several_images_and_several_signatures() {
    let world = World::signed();
    world.sign(&world.tag(), &[]);
    let other = world.registry.plant("acme/other", Some("v1"), IMAGE, manifest("other").as_bytes());
    let other = format!("{}/acme/other@{other}", world.registry.authority);
    let output = world.verify(&[&world.tag(), &other, "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let document = json(&output);
    assert_eq!(document["artifacts"][0]["verdict"], "verified");
    assert_eq!(document["artifacts"][0]["signatures"].as_array().unwrap().len(), 2);
    assert_eq!(document["artifacts"][1]["error"]["code"], "image-unsigned");
    world.sign(&other, &[]);
    let document = verified(&world.verify(&[&world.tag(), &other, "--format", "json"]));
    assert_eq!(document["artifacts"][1]["image"], other);
}

#[test]
fn another_identity_is_refused_with_both_sides() {
    let world = World::signed();
    let issuer = issuer();
    let with =
        ["verify", "image", &world.tag(), "--stack", stack_dir(), "--identity", "a@b.example", "--issuer", &issuer];
    let output = world.desk.run(&with);
    assert_eq!(refusal(&output), "identity-mismatch");
    assert!(stderr(&output).contains("a@b.example") && stderr(&output).contains(IDENTITY), "{}", stderr(&output));
}

#[test]
fn attestations_are_asked_for_by_type() {
    let world = World::signed();
    world.attest(&world.tag(), "https://example.com/tests");
    let wants = |kind: &str| world.run(&["attestation", &world.tag(), "--type", kind, "--format", "json"]);
    let document = verified(&wants("https://example.com/tests"));
    assert_eq!(document["artifacts"][0]["proof"]["predicateType"], "https://example.com/tests");
    let output = wants("slsaprovenance1");
    let error = &json(&output)["artifacts"][0]["error"];
    assert_eq!((output.status.code(), &error["code"]), (Some(1), &"image-unsigned".into()));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(r#"has no attestation of type "https://slsa.dev/provenance/v1""#), "{message}");
    // An attestation alone is no signature.
    let attested = World::unsigned();
    attested.attest(&attested.tag(), "https://example.com/tests");
    assert_eq!(refusal(&attested.verify(&[&attested.tag()])), "image-unsigned");
    assert_eq!(attested.run(&["attestation", &attested.tag(), "--type", "no type"]).status.code(), Some(2));
}

#[test]
fn a_keyless_legacy_signature_needs_the_word_for_its_promise() {
    let world = World::unsigned();
    world.sign(&world.tag(), &["--signature-format", "legacy"]);
    assert_eq!(refusal(&world.verify(&[&world.tag()])), "log-proof-missing");
    let output = world.verify(&[&world.tag(), "--accept-promise", "--format", "json"]);
    let document = verified(&output);
    assert_eq!(document["waivers"][0], "accept-promise");
    assert_eq!(document["artifacts"][0]["proof"]["assurance"], "reduced");
    // Referrers, none; both legacy tags are for a policy, flags ask for signatures.
    let tag = world.digest.replace(':', "-");
    assert_eq!(
        world.asked()[..3],
        ["GET manifests/v1".to_owned(), "GET referrers/sha256".to_owned(), format!("GET manifests/{tag}.sig")]
    );
    // The words say what was signed.
    let text = stdout(&world.verify(&[&world.tag(), "--accept-promise"]));
    assert!(text.contains("over an older cosign payload"), "{text}");
}

/// O26: in another repository a legacy signature needs the word for the name that it was made for.
#[test]
fn o26_a_copied_legacy_signature_names_another_repository() {
    let world = World::unsigned();
    world.sign(&world.tag(), &["--signature-format", "legacy"]);
    let mirror = format!("{}/acme/mirror", world.registry.authority);
    let origin = format!("{}/acme/app", world.registry.authority);
    world.registry.plant("acme/mirror", Some("v1"), IMAGE, manifest("app").as_bytes());
    let tag = format!("{}.sig", world.digest.replace(':', "-"));
    let signature = world.registry.manifest("acme/app", &tag);
    world.registry.plant("acme/mirror", Some(&tag), IMAGE, &signature);
    world.registry.copy_blobs("acme/app", "acme/mirror");
    let image = format!("{mirror}:v1");
    assert_eq!(refusal(&world.verify(&[&image, "--accept-promise"])), "subject-mismatch");
    assert!(world.verify(&[&image, "--accept-promise", "--signed-as", &origin]).status.success());
    // A signature beside another image, which its payload does not name.
    let other = world.registry.plant("acme/app", Some("v2"), IMAGE, manifest("other").as_bytes());
    world.registry.plant("acme/app", Some(&format!("{}.sig", other.replace(':', "-"))), IMAGE, &signature);
    assert_eq!(refusal(&world.verify(&[&format!("{origin}:v2"), "--accept-promise"])), "subject-mismatch");
}

#[test]
fn signatures_in_another_repository() {
    let world = World::unsigned();
    let elsewhere = format!("{}/acme/signatures", world.registry.authority);
    world.sign(&world.tag(), &["--signature-repository", &elsewhere]);
    assert_eq!(refusal(&world.verify(&[&world.tag()])), "image-unsigned");
    assert!(world.verify(&[&world.tag(), "--signature-repository", &elsewhere]).status.success());
}

/// What begins with the image's name gets no second one in front.
#[test]
fn an_image_is_named_once() {
    let world = World::signed();
    let absent = format!("{}/acme/app:v9", world.registry.authority);
    let words = stderr(&world.verify(&[&absent]));
    assert_eq!(words.matches(&absent).count(), 1, "{words}");
    let title = stdout(&world.verify(&[&world.by_digest()]));
    assert_eq!(title.lines().next().unwrap().matches(&world.digest).count(), 1, "{title}");
}

#[test]
fn trees_and_claims() {
    let world = World::signed();
    world.sign(&world.tag(), &["--signature-format", "legacy"]);
    world.attest(&world.tag(), "https://example.com/tests");
    let tree = world.desk.run(&["tree", &world.tag(), "--format", "json"]);
    let document = json(&tree);
    assert_eq!((&document["schema"], &document["verified"]), (&"sealmark.tree/v1".into(), &false.into()));
    let attached = document["images"][0]["attached"].as_array().unwrap();
    let mut shown: Vec<_> = attached.iter().map(|one| format!("{} {}", one["form"], one["predicateType"])).collect();
    shown.sort();
    let sign = r#""bundle" "https://sigstore.dev/cosign/sign/v1""#;
    assert_eq!(shown, [r#""bundle" "https://example.com/tests""#, sign, r#""legacy" null"#]);
    let text = stdout(&world.desk.run(&["tree", &world.tag()]));
    assert!(text.starts_with("UNVERIFIED") && text.contains(&format!("claimed by {IDENTITY}")), "{text}");

    let inspected = world.desk.run(&["inspect", &world.tag(), "--format", "json"]);
    let document = json(&inspected);
    assert_eq!((&document["image"], &document["verified"]), (&world.by_digest().into(), &false.into()));
    let arguments = |at: usize| document["signatures"][at]["verifyArguments"].to_string();
    let all: Vec<_> = (0..3).map(arguments).collect();
    assert!(
        all.iter().any(|one| one.contains(r#""attestation""#) && one.contains("https://example.com/tests")),
        "{all:?}"
    );
    assert!(all.iter().any(|one| one.contains("--accept-promise")), "{all:?}");
    assert!(all.iter().all(|one| one.contains(IDENTITY) && one.contains(&world.digest)), "{all:?}");
}

/// X06: a file of that name is a file; what has neither a host nor a digest is no image.
#[test]
fn inspect_tells_files_from_images() {
    let desk = Desk::signed();
    assert!(desk.run(&["inspect", "app.txt"]).status.success());
    assert_eq!(desk.run(&["inspect", "./registry.example.com/app"]).status.code(), Some(3));
    assert_eq!(desk.run(&["inspect", "no-such-file"]).status.code(), Some(3));
    assert_eq!(desk.run(&["inspect", "127.0.0.1:1/Upper"]).status.code(), Some(2));
}

/// Ten bundles are asked for at once: the latency of one is that of all.
#[test]
fn ten_bundles_are_fetched_together() {
    let world = World::unsigned();
    for _ in 0..10 {
        world.sign(&world.tag(), &[]);
    }
    let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    world.lie.tell(move |_| {
        seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        now.fetch_sub(1, Ordering::SeqCst);
        None
    });
    let output = world.verify(&[&world.tag(), "--format", "json"]);
    assert_eq!(verified(&output)["artifacts"][0]["signatures"].as_array().unwrap().len(), 10);
    assert_eq!(world.asked().len(), 2 + 2 * 10);
    assert!(most.load(Ordering::SeqCst) > 1, "one at a time");
}

/// The real ones: Debian's docker-registry (no referrers API) and go-containerregistry's (with it).
#[test]
fn real_registries() {
    for real in [RealRegistry::docker(), RealRegistry::go_containerregistry()].into_iter().flatten() {
        let world = World::unsigned();
        let image = format!("{}/acme/app:v1", real.authority);
        let content = world.desk.path("layout");
        let made = std::process::Command::new("umoci").arg("init").arg("--layout").arg(&content).status();
        if !made.is_ok_and(|status| status.success()) {
            println!("left out: real registries: no umoci to make an image with");
            return;
        }
        let reference = format!("{}:v1", content.display());
        let run = |program: &str, args: &[&str]| {
            let output = std::process::Command::new(program).args(args).output().unwrap();
            assert!(output.status.success(), "{program}: {}", stderr(&output));
        };
        run("umoci", &["new", "--image", &reference]);
        run(
            "skopeo",
            &["copy", "-q", "--dest-tls-verify=false", &format!("oci:{reference}"), &format!("docker://{image}")],
        );
        assert_eq!(refusal(&world.verify(&[&image])), "image-unsigned");
        world.sign(&image, &["--signature-format", "bundle,legacy"]);
        let document = verified(&world.verify(&[&image, "--format", "json"]));
        let digest = document["artifacts"][0]["image"].as_str().unwrap().to_owned();
        assert!(world.verify(&[&digest]).status.success());
        world.attest(&image, "https://example.com/tests");
        assert!(world.run(&["attestation", &image, "--type", "https://example.com/tests"]).status.success());
        let tree = json(&world.desk.run(&["tree", &image, "--format", "json"]));
        assert_eq!(tree["images"][0]["attached"].as_array().unwrap().len(), 3);
    }
}
