//! Several keys at once, each with the time in which it is in use.

use crate::cli::fixture::{Desk, refusal, stack_dir, usage};
use crate::cli::stderr;

/// A policy of two keys, each in use at another time, and a signature by each: rotation.
#[test]
fn keys_are_rotated() {
    let desk = Desk::new();
    for name in ["old", "new"] {
        let made = desk.run(&["key", "generate", "-o", name, "--unencrypted-unsafe"]);
        assert!(made.status.success(), "{}", stderr(&made));
    }
    let sign = |key: &str| {
        let signed = desk.run(&["sign", "blob", "app.txt", "--key", key, "--stack", stack_dir()]);
        assert!(signed.status.success(), "{}", stderr(&signed));
    };
    let verify = |old: &str, new: &str| {
        let key = |name: &str, window: &str| format!("        - {{key-file: {name}.pub{window}}}\n");
        let (old, new) = (key("old", old), key("new", new));
        let policy = format!("version: 1\nrules:\n  - name: release\n    signers:\n      any:\n{old}{new}");
        desk.write("policy.yaml", policy.as_bytes());
        desk.run(&["verify", "blob", "app.txt", "--policy", "policy.yaml", "--stack", stack_dir()])
    };
    let (past, future) = (", valid-until: '2026-01-01T00:00:00Z'", ", valid-from: '2099-01-01T00:00:00Z'");
    let now = ", valid-from: '2026-01-01T00:00:00Z', valid-until: '2099-01-01T00:00:00Z'";
    for key in ["old", "new"] {
        sign(&format!("{key}.key"));
        let verified = verify("", "");
        assert!(verified.status.success(), "{key}: {}", stderr(&verified));
        let verified = verify(now, now);
        assert!(verified.status.success(), "{key}: {}", stderr(&verified));
    }
    // The new key signed last.
    assert!(verify(past, now).status.success());
    assert_eq!(refusal(&verify(now, future)), "key-not-valid-at-time");
    assert_eq!(refusal(&verify(now, past)), "key-not-valid-at-time");
    // Without a proven time a window cannot be held.
    let unlogged = ["--log-not-required-unsafe"];
    let signed = desk.run(&[&["sign", "blob", "app.txt", "--key", "new.key"], &unlogged[..]].concat());
    assert!(signed.status.success(), "{}", stderr(&signed));
    let lax = ", log-not-required-unsafe: true";
    assert!(verify("", lax).status.success());
    assert_eq!(refusal(&verify("", &format!("{lax}{now}"))), "key-not-valid-at-time");
    // A window that ends before it begins, or of nobody.
    let wrong = verify("", ", valid-from: '2027-01-01T00:00:00Z', valid-until: '2026-01-01T00:00:00Z'");
    assert_eq!(usage(&wrong), "policy-parse");
}
