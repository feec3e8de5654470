//! Workloads that a SPIFFE agent knows: they sign with their X.509-SVID, and their JWT-SVID is an identity token.
//! `tests/authorities/run` does the same with SPIRE itself.

mod agent;

use std::process::Output;

use agent::{Agent, ID, Say, TrustDomain};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

use super::fixture::{Desk, refusal, stack_dir, usage};
use super::{json, sealmark, stderr, stdout};

/// A desk with the stack's trust in `trust.json`, and an agent.
struct Site {
    desk: Desk,
    agent: Agent,
    domain: TrustDomain,
}

impl Site {
    fn new() -> Self {
        let desk = Desk::new();
        desk.write("trust.json", &std::fs::read(format!("{}/client_trust_config.json", stack_dir())).unwrap());
        let domain = TrustDomain::new();
        let agent = Agent::start([Say::Bundle(domain.root.clone())]);
        Self { desk, agent, domain }
    }

    /// With the agent's domain trusted to sign with its X.509-SVIDs.
    fn trusting() -> Self {
        let site = Self::new();
        let output = site.add(&["--leaf-eku", "client-auth"]);
        assert!(output.status.success(), "{}", stderr(&output));
        site
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = sealmark(args);
        let folder = self.desk.path("trust.json");
        command.current_dir(folder.parent().unwrap()).env("SPIFFE_ENDPOINT_SOCKET", self.agent.socket());
        command.output().unwrap()
    }

    /// `trust add` of what the agent has now.
    fn add(&self, more: &[&str]) -> Output {
        let fixed = ["trust", "add", "trust.json", "--from", "spire", "--at", "example.org", "--name", "workloads"];
        self.agent.say(Say::Bundle(self.domain.root.clone()));
        self.run(&[&fixed[..], more].concat())
    }

    fn sign(&self, say: Say, more: &[&str]) -> Output {
        self.agent.say(say);
        let fixed = ["sign", "blob", "app.txt", "--trust-config", "trust.json", "--authority", "spiffe"];
        self.run(&[&fixed[..], more].concat())
    }

    fn sign_with(&self, svid: agent::Svid) -> Output {
        self.sign(Say::Svids(vec![svid]), &[])
    }

    fn verify(&self, name: &str, authority: &str) -> Output {
        let flags = ["--trust-config", "trust.json", "--identity", ID, "--certificate-authority", authority];
        self.run(&[&["verify", "blob", "app.txt", "--bundle", name][..], &flags].concat())
    }
}

#[test]
fn an_svid_signs_and_verifies_by_its_authority_alone() {
    let site = Site::trusting();
    let output = site.sign_with(site.domain.svid(ID));
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let command = text.lines().find_map(|line| line.trim().strip_prefix("sealmark ")).unwrap();
    let verified = site.run(&command.split(' ').collect::<Vec<_>>());
    assert!(verified.status.success(), "{command}: {}", stderr(&verified));
    let report = stdout(&verified);
    for words in ["leads to workloads", "an X.509-SVID, not for code signing", "has the authority as a private one"] {
        assert!(report.contains(words), "no {words:?} in {report}");
    }
    let bundle = "app.txt.sigstore.json";
    assert_eq!(refusal(&site.verify(bundle, "sealmark root (sealmark)")), "authority-mismatch");
    // No issuer stands by anybody's word.
    let flags = ["--trust-config", "trust.json", "--identity", ID, "--issuer", "spiffe://example.org"];
    let by_issuer = site.run(&[&["verify", "blob", "app.txt"][..], &flags].concat());
    assert_eq!(refusal(&by_issuer), "authority-unnamed");
    assert_eq!(site.agent.asked().last().unwrap().0, "/SpiffeWorkloadAPI/FetchX509SVID");
}

#[test]
fn only_where_the_trust_root_says_so() {
    let site = Site::new();
    assert!(site.add(&[]).status.success());
    assert_eq!(refusal(&site.sign_with(site.domain.svid(ID))), "cert-eku-wrong");
    assert_eq!(site.desk.names(), ["app.txt", "token.jwt", "trust.json"]);
    // For its own trust domain, and for no other certificates than those of the profile.
    let site = Site::trusting();
    let with = |id: &str, change: &dyn Fn(&mut rcgen::CertificateParams)| {
        refusal(&site.sign_with(site.domain.svid_with(id, change)))
    };
    assert_eq!(with("spiffe://example.com/ci", &|_| {}), "cert-trust-domain");
    let server_alone = vec![ExtendedKeyUsagePurpose::ServerAuth];
    assert_eq!(with(ID, &|leaf| leaf.extended_key_usages = server_alone.clone()), "cert-svid-eku");
    let more = [ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::CodeSigning];
    assert_eq!(with(ID, &|leaf| leaf.extended_key_usages = more.to_vec()), "cert-svid-eku");
    assert_eq!(with(ID, &|leaf| leaf.extended_key_usages = Vec::new()), "cert-eku-missing");
    assert_eq!(with(ID, &|leaf| leaf.key_usages = vec![KeyUsagePurpose::KeyEncipherment]), "cert-key-usage");
    assert_eq!(refusal(&site.sign_with(TrustDomain::new().svid(ID))), "chain-untrusted");
    let for_vault = site.run(&[
        "trust",
        "add",
        "trust.json",
        "chain.pem",
        "--from",
        "vault",
        "--at",
        "x",
        "--name",
        "n",
        "--leaf-eku",
        "client-auth",
    ]);
    assert_eq!(usage(&for_vault), "trust-add-leaf-eku");
    assert_eq!(
        usage(&site.run(&["trust", "add", "trust.json", "--from", "spire", "--at", "A.b", "--name", "n"])),
        "trust-domain"
    );
}

#[test]
fn a_root_that_rotates_is_added_beside_the_old_one() {
    let mut site = Site::trusting();
    assert!(site.sign(Say::Svids(vec![site.domain.svid(ID)]), &["--output", "old.json"]).status.success());
    site.domain = TrustDomain::new();
    assert_eq!(refusal(&site.sign_with(site.domain.svid(ID))), "chain-untrusted");
    assert!(site.add(&["--leaf-eku", "client-auth"]).status.success());
    let again = site.add(&["--leaf-eku", "client-auth", "--format", "json"]);
    assert_eq!(json(&again)["present"], 1);
    assert!(site.sign(Say::Svids(vec![site.domain.svid(ID)]), &["--output", "new.json"]).status.success());
    for bundle in ["old.json", "new.json"] {
        let output = site.verify(bundle, "workloads");
        assert!(output.status.success(), "{bundle}: {}", stderr(&output));
    }
    // The bundle of the server, in PEM, is the same.
    site.desk.write("bundle.pem", site.domain.pem.as_bytes());
    let from_file = site.add(&["bundle.pem", "--leaf-eku", "client-auth", "--format", "json"]);
    assert_eq!(json(&from_file)["present"], 1, "{}", stderr(&from_file));
}

#[test]
fn agents_that_say_no_or_nonsense() {
    let site = Site::trusting();
    let code = |say: Say| {
        let output = site.sign(say, &[]);
        let words = stderr(&output);
        assert!(words.contains("hint: "), "{words}");
        let line = words.lines().find(|line| line.starts_with("error: ")).unwrap();
        (line.rsplit(": ").next().unwrap().to_owned(), output.status.code().unwrap())
    };
    let is = |name: &str, exit: i32| (name.to_owned(), exit);
    assert_eq!(code(Say::Status(7, "no identity issued")), is("spiffe-not-registered", 1));
    assert_eq!(code(Say::Status(14, "starting")), is("spiffe-unreachable", 3));
    assert_eq!(code(Say::Status(3, "what?")), is("spiffe-refused", 1));
    assert_eq!(code(Say::Status(12, "unknown service")), is("spiffe-malformed", 3));
    assert_eq!(code(Say::Svids(Vec::new())), is("spiffe-malformed", 3));
    assert_eq!(code(Say::Bytes(vec![0xff; 9])), is("spiffe-malformed", 3));
    let (good, other) = (site.domain.svid(ID), site.domain.svid("spiffe://example.org/other"));
    let changed = |change: &dyn Fn(&mut agent::Svid)| {
        let mut svid = good.clone();
        change(&mut svid);
        code(Say::Svids(vec![svid]))
    };
    assert_eq!(changed(&|svid| svid.key.clone_from(&other.key)), is("spiffe-malformed", 3));
    assert_eq!(changed(&|svid| svid.id.clone_from(&other.id)), is("spiffe-malformed", 3));
    assert_eq!(changed(&|svid| svid.key.truncate(9)), is("spiffe-malformed", 3));
    assert_eq!(changed(&|svid| svid.chain.truncate(9)), is("spiffe-malformed", 3));
    assert_eq!(changed(&|svid| svid.chain.clear()), is("spiffe-malformed", 3));
    assert_eq!(changed(&|svid| svid.chain = svid.chain.repeat(65)), is("spiffe-malformed", 3));
    assert_eq!(site.desk.names(), ["app.txt", "token.jwt", "trust.json"]);
    // The first of several, or the one that is asked for.
    let both = || Say::Svids(vec![good.clone(), other.clone()]);
    let named = |id: &str| site.sign(both(), &["--authority-name", id]);
    assert!(named("spiffe://example.org/other").status.success());
    let signed = json(&site.run(&["inspect", "app.txt", "--format", "json"])).to_string();
    assert!(signed.contains("spiffe://example.org/other"), "{signed}");
    assert_eq!(usage(&named("spiffe://example.org/third")), "spiffe-id");
    assert_eq!(usage(&named("https://example.org/third")), "authority-unknown");
    assert_eq!(usage(&site.sign(both(), &["--authority-login", "token"])), "authority-unknown");
    let nowhere = |socket: &str| {
        let mut command =
            sealmark(&["sign", "blob", "app.txt", "--trust-config", "trust.json", "--authority", "spiffe"]);
        let folder = site.desk.path("app.txt");
        let command = command.current_dir(folder.parent().unwrap()).env("SPIFFE_ENDPOINT_SOCKET", socket);
        stderr(&command.output().unwrap())
    };
    for (socket, code) in
        [("", "spiffe-socket"), ("/run/api.sock", "spiffe-address"), ("unix:///nowhere/api.sock", "spiffe-unreachable")]
    {
        assert!(nowhere(socket).contains(code), "{socket}: {}", nowhere(socket));
    }
}

#[test]
fn a_jwt_svid_is_an_identity_token() {
    let site = Site::new();
    let part = |text: &str| sealmark::base::encoding::base64::encode_url(text.as_bytes());
    let claims = format!(r#"{{"aud":["sigstore"],"exp":4102444800,"iss":"https://spire.example.org","sub":"{ID}"}}"#);
    let token = format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(&claims), part("sig"));
    site.agent.say(Say::Token(token.clone()));
    let output = site.run(&["whoami", "--offline", "--format", "json"]);
    let shown = json(&output);
    assert_eq!((&shown["subject"], &shown["origin"]), (&ID.into(), &"SPIFFE".into()), "{}", stderr(&output));
    assert!(!stdout(&output).contains(&token));
    let (method, question) = site.agent.asked().pop().unwrap();
    assert_eq!((method.as_str(), &question[..]), ("/SpiffeWorkloadAPI/FetchJWTSVID", &b"\n\x08sigstore"[..]));
    // A platform that is there and broken ends the search.
    site.agent.say(Say::Status(7, "no identity issued"));
    assert_eq!(refusal(&site.run(&["whoami", "--offline"])), "spiffe-not-registered");
}

#[test]
fn doctor_looks_at_the_agent_and_at_what_the_trust_root_says_of_it() {
    let doctor = |site: &Site, say: Say| {
        site.agent.say(say);
        let output = site.run(&["doctor", "--trust-config", "trust.json", "--authority", "spiffe"]);
        (output.status.code(), stdout(&output))
    };
    let site = Site::trusting();
    let (code, text) = doctor(&site, Say::Svids(vec![site.domain.svid(ID)]));
    assert_eq!(code, Some(0), "{text}");
    for words in [&format!("gives an SVID of {ID}"), "gives certificate and key", "may sign by the trust root"] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    assert!(!text.contains("ct log"), "{text}");
    let (code, text) = doctor(&site, Say::Svids(vec![TrustDomain::new().svid(ID)]));
    assert!(code == Some(1) && text.contains("trust root"), "{text}");
    let (code, text) = doctor(&site, Say::Status(7, "no identity issued"));
    assert!(code == Some(1) && text.contains("no identity issued"), "{text}");
    // A trust root that does not say that SVIDs may sign.
    let strict = Site::new();
    assert!(strict.add(&[]).status.success());
    let (code, text) = doctor(&strict, Say::Svids(vec![strict.domain.svid(ID)]));
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn whoami_shows_what_the_agent_gives() {
    let site = Site::trusting();
    site.agent.say(Say::Svids(vec![site.domain.svid(ID)]));
    let flags = ["whoami", "--trust-config", "trust.json", "--authority", "spiffe", "--format", "json"];
    let output = site.run(&flags);
    let shown = json(&output);
    assert_eq!((&shown["identity"], &shown["identityIs"]), (&ID.into(), &"certain".into()), "{}", stderr(&output));
    assert_eq!((&shown["issuer"], &shown["audience"]), (&serde_json::Value::Null, &serde_json::json!([])));
    let expires = shown["expires"].as_str().expect("an SVID ends");
    assert_eq!(shown["verifyArguments"].as_array().unwrap().last().unwrap(), "workloads");
    let human = stdout(&site.run(&flags[..flags.len() - 2]));
    assert!(human.lines().any(|line| line.contains("expires") && line.contains(expires)), "{human}");
    site.agent.say(Say::Svids(vec![TrustDomain::new().svid(ID)]));
    assert_eq!(refusal(&site.run(&flags)), "chain-untrusted");
}
