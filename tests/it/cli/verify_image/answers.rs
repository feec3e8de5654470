//! Refused, absent, could not look: from a registry that lies. Through the library, with a client that does not try
//! again for long; through the command line where nothing is tried twice.

use sealmark::admit::Trust;
use sealmark::admit::image::image;
use sealmark::base::code::Class;
use sealmark::base::time::UnixTime;
use sealmark::format::oci::ImageRef;
use sealmark::format::trust::{ClientTrustConfig, TrustedRoot};
use sealmark::policy::{Matcher, Policy, Rule};
use sealmark::service::environment::FixedEnvironment;
use sealmark::service::http::Settings;
use sealmark::service::store::registry::{RegistrySettings, RegistryStore};
use sealmark::verify::Verifier;

use super::*;
use crate::registry::server::Way;

/// How long a registry that says nothing is waited for.
const PATIENCE: Duration = Duration::from_millis(400);

fn root() -> TrustedRoot {
    let path = std::path::Path::new(stack_dir()).join("client_trust_config.json");
    ClientTrustConfig::parse(&std::fs::read(path).unwrap()).unwrap().trusted_root
}

/// The code and its class; `verified` for a yes.
fn answer(reference: &str) -> (String, Option<Class>) {
    let http = Settings {
        attempts: 2,
        first_pause: Duration::from_millis(1),
        attempt_timeout: PATIENCE,
        budget: 2 * PATIENCE,
        ..Settings::default()
    };
    let settings = RegistrySettings { http, ..RegistrySettings::default() };
    let store = RegistryStore::new(settings, Arc::new(FixedEnvironment::default()));
    let verifier = Verifier::new(&root()).unwrap();
    let rule = Rule::named("release")
        .identity(Matcher::exact(IDENTITY).unwrap())
        .issuer(Matcher::exact(&issuer()).unwrap())
        .build();
    let trust = Trust::Policy(Policy::of(rule.unwrap()));
    let now = UnixTime::from_secs(i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap() + 1);
    let reference = ImageRef::parse(reference).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(image(&store, &reference, &verifier, &trust, now)) {
        Err(error) => (error.code().name().to_owned(), Some(error.code().class())),
        Ok(decision) => match decision.error() {
            Some(error) => (error.code().name().to_owned(), Some(error.code().class())),
            None => ("verified".to_owned(), None),
        },
    }
}

fn html(status: u16) -> Answer {
    Answer::new(status, "<html>sign in</html>").with("content-type", "text/html")
}

fn login() -> Answer {
    Answer::error(401, "UNAUTHORIZED").with("www-authenticate", "Basic realm=\"registry\"")
}

fn index(body: &str) -> Answer {
    Answer::new(200, body).with("content-type", INDEX)
}

fn outage(status: u16) -> Answer {
    Answer::error(status, "TOOMANYREQUESTS").with("retry-after", "0")
}

/// What a registry answers in the place of a step.
type Case = (&'static str, Given, &'static str);

/// Makes an answer.
type Given = fn() -> Answer;

/// The ways in which a registry keeps one from looking.
const OUTAGES: &[Case] = &[
    ("throttled", || outage(429), "registry-unavailable"),
    ("unauthorized", login, "registry-unauthorized"),
    ("forbidden", || Answer::error(403, "DENIED"), "registry-unauthorized"),
    ("broken", || outage(500), "registry-unavailable"),
    ("silent", || Answer::new(200, "").by(Way::Silence), "registry-unreachable"),
    ("a page for people", || html(200), "registry-malformed"),
];

/// At every step that is a question, an outage is no no: the same image is verified a moment later.
#[test]
fn an_outage_at_any_step_is_never_a_no() {
    let world = World::signed();
    for (step, path) in
        [("tag", "/manifests/v1"), ("list", "/referrers/"), ("manifest", "/manifests/sha256:"), ("bundle", "/blobs/")]
    {
        for (name, answer_of, code) in OUTAGES {
            let answer_of = *answer_of;
            world.lie.tell(move |asked| asked.path.contains(path).then(answer_of));
            let (found, class) = answer(&world.tag());
            // A page in the place of content that has a digest is content that is not what was listed.
            if *name == "a page for people" && ["manifest", "bundle"].contains(&step) {
                assert_eq!((class, found.starts_with("oci-")), (Some(Class::Refused), true), "{step} {name}: {found}");
                continue;
            }
            assert_eq!(class, Some(Class::Undecided), "{step} {name}: {found}");
            assert_eq!(found, *code, "{step} {name}");
        }
        world.lie.tell(|_| None);
        assert_eq!(answer(&world.tag()).0, "verified", "{step}");
    }
}

/// The list answers, and is none.
#[test]
fn a_list_that_is_none_is_never_absent() {
    let world = World::signed();
    let lists: [(&str, Given); 6] = [
        ("nothing", || index("")),
        ("half", || index(r#"{"schemaVersion":2,"manifests":["#)),
        ("a list", || index("[]")),
        ("an image", || index(r#"{"schemaVersion":2,"config":{},"layers":[]}"#)),
        ("digests that are none", || {
            index(r#"{"schemaVersion":2,"manifests":[{"mediaType":"a","digest":"sha256:00","size":1}]}"#)
        }),
        ("JSON of another type", || Answer::new(200, r#"{"referrers":[]}"#).with("content-type", "application/json")),
    ];
    for (name, list) in lists {
        world.lie.tell(move |asked| asked.path.contains("/referrers/").then(list));
        let (found, class) = answer(&world.by_digest());
        assert_eq!(class, Some(Class::Undecided), "{name}: {found}");
    }
}

/// The list is good, and what it names is not given, or is something else.
#[test]
fn a_list_whose_content_is_missing_is_never_absent() {
    let world = World::signed();
    for part in ["/manifests/sha256:", "/blobs/"] {
        world.lie.tell(move |asked| asked.path.contains(part).then(|| Answer::error(404, "BLOB_UNKNOWN")));
        let (found, class) = answer(&world.by_digest());
        assert_eq!((found.as_str(), class), ("attached-unreadable", Some(Class::Undecided)), "{part}");
        // Other bytes than those of the digest are a no, with a name of their own.
        world.lie.tell(move |asked| {
            asked.path.contains(part).then(|| Answer::new(200, manifest("evil")).with("content-type", IMAGE))
        });
        let (found, class) = answer(&world.by_digest());
        assert!(["oci-digest", "oci-size"].contains(&found.as_str()), "{part}: {found}");
        assert_eq!(class, Some(Class::Refused));
    }
}

/// One good signature is a yes, whatever the rest; without it, nothing that could not be had makes a no.
#[test]
fn a_good_signature_beside_one_that_cannot_be_had() {
    let world = World::signed();
    let first = world.registry.lines();
    world.sign(&world.tag(), &[]);
    let blobs = blobs(&world);
    assert_eq!(blobs.len(), 2, "{first:?}");
    for blob in blobs {
        world.lie.tell(move |asked| asked.path.ends_with(&blob).then(|| outage(503)));
        assert_eq!(answer(&world.tag()).0, "verified");
    }
    world.lie.tell(|asked| asked.path.contains("/blobs/").then(|| outage(503)));
    assert_eq!(answer(&world.tag()).1, Some(Class::Undecided));
}

/// The bundles that a look at the image asks for.
fn blobs(world: &World) -> Vec<String> {
    world.registry.forget_requests();
    assert_eq!(answer(&world.by_digest()).0, "verified");
    let lines = world.registry.lines();
    lines.iter().filter_map(|line| line.split_once("/blobs/").map(|(_, digest)| digest.to_owned())).collect()
}

#[test]
fn absent_is_an_answer() {
    let world = World::unsigned();
    assert_eq!(answer(&world.tag()), ("image-unsigned".to_owned(), Some(Class::Refused)));
    let missing = format!("{}/acme/app:v9", world.registry.authority);
    assert_eq!(answer(&missing), ("image-not-found".to_owned(), Some(Class::Refused)));
    // Of what the legacy tags hold nobody can say anything when they cannot be asked.
    world.lie.tell(|asked| asked.path.ends_with(".sig").then(|| Answer::error(403, "DENIED")));
    assert_eq!(answer(&world.tag()), ("registry-unauthorized".to_owned(), Some(Class::Undecided)));
}

/// Exit codes, and who was asked for what.
#[test]
fn the_command_line_tells_the_three_apart() {
    let world = World::signed();
    let code = |output: &Output| json(output)["artifacts"][0]["error"]["code"].as_str().unwrap().to_owned();
    let run = || world.verify(&[&world.by_digest(), "--format", "json"]);

    world.lie.tell(|asked| asked.path.contains("/referrers/").then(login));
    let output = run();
    assert_eq!((output.status.code(), code(&output).as_str()), (Some(3), "registry-unauthorized"));
    let words = stderr(&output);
    assert!(words.contains("could not look for signatures of") && words.contains("/referrers/sha256:"), "{words}");
    assert!(!words.contains("no signature"), "{words}");

    world.lie.tell(|asked| asked.path.contains("/referrers/").then(|| html(200)));
    let output = run();
    assert_eq!((output.status.code(), code(&output).as_str()), (Some(3), "registry-malformed"));

    world.lie.tell(|asked| asked.path.contains("/referrers/").then(|| index(r#"{"schemaVersion":2,"manifests":[]}"#)));
    let output = run();
    assert_eq!((output.status.code(), code(&output).as_str()), (Some(1), "image-unsigned"));
    assert!(stderr(&output).contains("the referrers API and the legacy tags of"), "{}", stderr(&output));

    world.lie.tell(|asked| asked.path.contains("/blobs/").then(|| Answer::error(404, "BLOB_UNKNOWN")));
    let output = run();
    assert_eq!((output.status.code(), code(&output).as_str()), (Some(3), "attached-unreadable"));
    assert_eq!(world.desk.run(&["tree", &world.tag()]).status.code(), Some(3));
    assert_eq!(world.desk.run(&["inspect", &world.tag()]).status.code(), Some(3));
}
