//! A renewal that is interrupted after any of its steps.

use std::process::Command;

use super::*;
use crate::format::trust::TrustedRoot;
use crate::stack::Stack;

/// A stack that opens: its keys are those of its chains, and clients believe the chains. Gives its CA's certificate.
fn whole(dir: &Path) -> Certificate {
    Stack::open(dir).unwrap();
    assert!(!stage::path(dir).exists());
    let folder = Folder::new(&dir.into());
    let root = TrustedRoot::parse(&folder.read(folder::TRUSTED_ROOT).unwrap()).unwrap();
    assert_eq!(folder.client_trust_config().unwrap().trusted_root, root);
    let open = |authorities: &[AuthorityInstance]| {
        let open: Vec<_> = authorities.iter().filter(|authority| authority.validity.end().is_none()).collect();
        assert_eq!(open.len(), 1);
        open[0].chain.clone()
    };
    assert_eq!(open(&root.certificate_authorities), folder.chain("ca").unwrap());
    assert_eq!(open(&root.timestamp_authorities), folder.chain("tsa").unwrap());
    assert_eq!(folder.issued_before().unwrap().len() + 1, root.certificate_authorities.len());
    folder.chain("ca").unwrap().remove(0)
}

#[test]
fn k06_a_crash_in_the_middle_of_a_renewal() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, roots) = (parent.path().join("stack"), parent.path().join("roots"));
    let plan = KeyPlan { root_keys: Some(roots.clone()), ..KeyPlan::default() };
    Stack::init_with(&dir, &Config::loopback(1), &plan).unwrap();
    let first = whole(&dir);
    let mut copies: Vec<PathBuf> = Vec::new();
    let renewed = renew_watched(&Place::from(&dir), &roots, &KeyPlan::default(), &Clock::system(), &mut || {
        let copy = parent.path().join(format!("copy-{}", copies.len()));
        assert!(Command::new("cp").arg("-a").arg(&dir).arg(&copy).status().unwrap().success());
        copies.push(copy);
    });
    assert_eq!(renewed.unwrap().authorities, [Role::Ca, Role::Tsa]);
    let second = whole(&dir);
    assert_ne!(first, second);
    assert!(copies.len() > 12, "{}", copies.len());
    let mut after = Vec::new();
    for copy in copies {
        let found = whole(&copy);
        assert!([&first, &second].contains(&&found));
        after.push(found == second);
        // And it is renewed, whatever was left lying about.
        renew(&copy, &roots, &KeyPlan::default()).unwrap();
        assert!(![&found, &first].contains(&&whole(&copy)));
    }
    // Once it is decided, it stays so.
    assert!(after.is_sorted() && after.first() != after.last(), "{after:?}");
}

/// Nothing is made below a root that has ended, nor below one that has not begun: and it is said so.
#[test]
fn a_root_whose_time_is_over() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, roots) = (parent.path().join("stack"), parent.path().join("roots"));
    let plan = KeyPlan { root_keys: Some(roots.clone()), ..KeyPlan::default() };
    Stack::init_with(&dir, &Config::loopback(1), &plan).unwrap();
    let root = Folder::new(&(&dir).into()).chain("tsa").unwrap().remove(1);
    let before = std::fs::read(dir.join(folder::TRUSTED_ROOT)).unwrap();
    let (start, end) = (root.validity().start(), root.validity().end().unwrap());
    for time in [start.plus_secs(-1), end.plus_secs(1), end.plus_secs(3600 * 24 * 366)] {
        let clock = Clock::from_fn(move || time);
        let error = renew_watched(&Place::from(&dir), &roots, &KeyPlan::default(), &clock, &mut || {}).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("stack-root-ended", 3));
        assert!(error.to_string().contains(&end.to_string()), "{error}");
        assert!(!stage::path(&dir).exists());
        assert_eq!(std::fs::read(dir.join(folder::TRUSTED_ROOT)).unwrap(), before);
    }
    let last = Clock::from_fn(move || end);
    renew_watched(&Place::from(&dir), &roots, &KeyPlan::default(), &last, &mut || {}).unwrap();
}

#[cfg(unix)]
#[test]
fn x10_x11_renewed_keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let (dir, roots) = (parent.path().join("stack"), parent.path().join("roots"));
    let plan = KeyPlan { root_keys: Some(roots.clone()), ..KeyPlan::default() };
    Stack::init_with(&dir, &Config::loopback(1), &plan).unwrap();
    let key = |name: &str| std::fs::read(dir.join("keys").join(name)).unwrap();
    let before = (key("ca.pem"), key("tsa.pem"));
    std::fs::remove_file(roots.join(init::TSA_ROOT)).unwrap();
    assert_eq!(renew(&dir, &roots, &KeyPlan::default()).unwrap().authorities, [Role::Ca]);
    assert!(before.0 != key("ca.pem") && before.1 == key("tsa.pem"), "that of which the root is there, alone");
    let mode = std::fs::metadata(dir.join("keys/ca.pem")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}
