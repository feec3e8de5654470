//! Services that are down, wrong or not the trust root's, and trust roots that are over.

use sealmark::stack::Running;
use sealmark::stack::clock::Clock;
use serde_json::{Value, json};

use super::super::fixture::{Desk, stack_dir, stack_url};
use super::super::outage::proxy::{Fault, Way, change_last};
use super::super::outage::{Ways, config, write_config};
use super::super::stderr;
use super::{doctor, found, one};

fn with(desk: &Desk, config: &Value) -> (i32, Vec<String>) {
    write_config(desk, config);
    found(&doctor(desk, &[], &["--trust-config", "ways.json", "--identity-token-file", "token.jwt"]))
}

/// The trusted root of another instance.
fn other_root() -> Value {
    serde_json::from_str(sealmark::format::trust::Embedded::PublicGood.trusted_root_json()).unwrap()
}

#[test]
fn services_that_are_down_could_not_be_looked_at() {
    let desk = Desk::new();
    for (ways, expected) in [
        (Ways { ca: Way::down(), ..Ways::open() }, "authority not-looked ca-unreachable"),
        (Ways { tsa: Way::down(), ..Ways::open() }, "tsa not-looked tsa-unreachable"),
        (Ways { log: Way::down(), ..Ways::open() }, "log not-looked log-unreachable"),
    ] {
        assert_eq!(with(&desk, &config(&ways)), one(3, expected));
    }
    let busy = || Way::to(&stack_url(), |_| Fault::Status(503, None));
    let ways = Ways { ca: busy(), tsa: busy(), log: busy() };
    let all =
        ["authority not-looked ca-unavailable", "tsa not-looked tsa-unavailable", "log not-looked log-unavailable"];
    assert_eq!(with(&desk, &config(&ways)), (3, all.map(str::to_owned).to_vec()));
    // Each was asked once.
    assert_eq!([&ways.ca, &ways.tsa, &ways.log].map(Way::requests), [1, 1, 1]);
}

#[test]
fn services_that_the_trust_root_does_not_know() {
    let desk = Desk::new();
    let other = other_root();
    for (kind, expected) in [
        ("certificateAuthorities", "authority fail ca-untrusted"),
        ("tlogs", "log fail log-untrusted"),
        ("ctlogs", ""),
        ("timestampAuthorities", "tsa fail tsa-untrusted"),
    ] {
        let mut config = config(&Ways::open());
        let own = config["trustedRoot"][kind][0].clone();
        config["trustedRoot"][kind] = other[kind].clone();
        if kind == "ctlogs" {
            // Its own place, with the other's key.
            let mut log = own;
            log["baseUrl"] = format!("{}/ct", stack_url()).into();
            for field in ["publicKey", "logId"] {
                log[field] = other[kind].as_array().unwrap().last().unwrap()[field].clone();
            }
            config["trustedRoot"][kind] = json!([log]);
            assert_eq!(with(&desk, &config), one(1, "ct log fail ct-log-untrusted"));
            continue;
        }
        assert_eq!(with(&desk, &config), one(1, expected));
    }
}

#[test]
fn a_timestamp_authority_that_lies_and_a_ct_log_that_is_silent() {
    let desk = Desk::new();
    let lying = Way::to(&stack_url(), |_| Fault::Lie(|answer| change_last(answer)));
    assert_eq!(with(&desk, &config(&Ways { tsa: lying, ..Ways::open() })), one(1, "tsa fail tsa-sig"));
    let mut config = config(&Ways::open());
    config["trustedRoot"]["ctlogs"][0]["baseUrl"] = Way::down().url.into();
    assert_eq!(with(&desk, &config), one(0, "ct log warn ct-log-unreachable"));
}

#[test]
fn an_authority_without_a_list_of_issuers() {
    let desk = Desk::new();
    let old = Way::to(&stack_url(), |_| Fault::Status(404, None));
    let config = config(&Ways { ca: old, ..Ways::open() });
    assert_eq!(with(&desk, &config), one(0, "authority warn ca-issuers-untold"));
}

#[test]
fn a_clock_that_no_service_shares() {
    // Nobody's clock but ours: each answer is of another day.
    fn another_day(answer: &mut [u8]) {
        let at = answer.windows(6).position(|part| part.eq_ignore_ascii_case(b"\r\ndate")).unwrap() + 8;
        let day = b"Wed, 21 Oct 2015 07:28:00 GMT";
        answer[at..at + day.len()].copy_from_slice(day);
    }
    let desk = Desk::new();
    let far = || Way::to(&stack_url(), |_| Fault::Lie(|answer| another_day(answer)));
    let mut config = config(&Ways { ca: far(), log: far(), ..Ways::open() });
    config["signingConfig"]["tsaUrls"] = json!([]);
    config["signingConfig"]["tsaConfig"] = Value::Null;
    assert_eq!(with(&desk, &config), one(1, "clock fail clock-not-set"));
}

#[test]
fn trust_roots_that_are_over_or_soon_will_be() {
    let desk = Desk::new();
    let term = |config: &mut Value, start: &str, end: &str| {
        for log in config["trustedRoot"]["tlogs"].as_array_mut().unwrap() {
            log["publicKey"]["validFor"] = json!({ "start": start, "end": end });
        }
    };
    let mut over = config(&Ways::open());
    term(&mut over, "2019-01-01T00:00:00Z", "2020-01-01T00:00:00Z");
    assert_eq!(with(&desk, &over), one(1, "trust root fail trust-outdated"));
    let mut soon = config(&Ways::open());
    let week = super::now() + 7 * 86_400;
    term(&mut soon, "2019-01-01T00:00:00Z", &sealmark::base::time::UnixTime::from_secs(week).to_string());
    assert_eq!(with(&desk, &soon), one(0, "trust root warn trust-ending"));
}

#[test]
fn trust_folders() {
    let desk = Desk::new();
    let make = |name: &str, stack: &str, url: &str| {
        let (root, url) = (format!("{stack}/tuf/1.root.json"), format!("{url}/tuf"));
        let made = desk.run(&["trust", "init", name, "--root", &root, "--url", &url]);
        assert!(made.status.success(), "{}", stderr(&made));
    };
    let folder = |name: &str| {
        let with = ["--stack", stack_dir(), "--identity-token-file", "token.jwt", "--trust-folder", name];
        found(&doctor(&desk, &[], &with))
    };
    make("trust", stack_dir(), &stack_url());
    assert_eq!(folder("trust"), (0, Vec::new()));
    desk.write("trust/metadata.json", b"{}");
    assert_eq!(folder("trust").0, 3);
    assert!(folder("trust").1[0].starts_with("trust folder not-looked trust-"), "{:?}", folder("trust"));

    // A repository gives out what lasts two days; this one stood still for thirty hours.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dir = desk.path("still");
    let clock = Clock::from_fn(|| Clock::system().now().plus_secs(-30 * 3600));
    let still = runtime.block_on(Running::start_with(&dir, clock, |_| {})).unwrap();
    make("ending", dir.to_str().unwrap(), still.url());
    assert_eq!(folder("ending"), one(0, "trust folder warn trust-folder-ending"));
}
