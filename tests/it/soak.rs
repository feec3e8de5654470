//! The soak: a real gate process under load while all around it changes and fails, and every verdict compared with
//! the one that is expected. `SEALMARK_SOAK_SECS` is how long (20); `SEALMARK_SOAK_PROGRAM` another program than the
//! one under test, such as a release build.
//!
//! Two registries: one that is well, and one that answers with errors, throttling, silence and bodies that break off.
//! Policies, trusted root and certificate are replaced every few seconds, by good ones and by bad ones. A yes is
//! expected exactly where the signer of the policy in force signed and the trusted root in force knows the signature;
//! "could not look" is expected of the failing registry only.

mod expected;
mod load;
mod site;

use std::time::{Duration, Instant};

use expected::Change;
use site::Site;

/// What is replaced, step after step. The files are looked at every five seconds.
const STEPS: &[Change] = &[
    Change { policy: Some("acme/other"), root: Some(true), certificate: true },
    // A bad file keeps everything as it was.
    Change { policy: None, root: Some(true), certificate: false },
    Change { policy: Some("acme/app"), root: Some(true), certificate: true },
    Change { policy: Some("acme/app"), root: Some(false), certificate: true },
    Change { policy: Some("acme/app"), root: None, certificate: false },
    Change { policy: Some("acme/other"), root: Some(false), certificate: true },
    Change { policy: Some("acme/other"), root: Some(true), certificate: true },
    Change { policy: Some("acme/app"), root: Some(true), certificate: true },
];

#[test]
fn a_gate_in_a_changing_world_gives_no_wrong_verdict() {
    let seconds = std::env::var("SEALMARK_SOAK_SECS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let Some(site) = runtime.block_on(Site::new()) else {
        println!("left out: the soak of the gate: there is no openssl here");
        return;
    };
    let ends = Instant::now() + Duration::from_secs(seconds);
    let clients: Vec<_> = (0..12).map(|number| runtime.spawn(load::ask(site.asker(number), ends))).collect();
    let memory = runtime.spawn(load::measure(site.meter(), ends));
    let mut steps = 0;
    for change in STEPS.iter().cycle() {
        if Instant::now() >= ends || clients.iter().any(tokio::task::JoinHandle::is_finished) {
            break;
        }
        site.change(change, steps, ends);
        steps += 1;
    }
    let mut told = load::Told::default();
    for client in clients {
        told.add(runtime.block_on(client).unwrap());
    }
    let memory = runtime.block_on(memory).unwrap();
    println!("soak: {seconds} s, {steps} changes; {told}; {memory}; {}", site.journal());
    assert!(told.of_every_kind(), "too little was seen: {told}");
    memory.assert_no_growth();
}
