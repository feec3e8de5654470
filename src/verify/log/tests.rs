//! The rows of the refusal catalogue for log entries (L01 to L39): in each test everything else holds.
//!
//! Elsewhere: L14 (leaf and node) with the Merkle tree, L20 and L23 with the checkpoint, L29 (the leaf's
//! window) with the chain, L32 with the trusted root, the thresholds of L34 and L35 with the walk, which
//! counts [`EntryLogged::log_key`]s. Not here: L36 and L37, for no entry is ever looked up online.

mod bodies;
mod fixture;
mod proofs;
mod times;

use super::*;
use fixture::{INDEX, INTEGRATED, SIZE, World, code};

#[test]
fn good_entries_of_every_kind() {
    let world = World::new();
    for (entry, signed) in world.entries() {
        let logged = world.verify(&entry, &signed).unwrap();
        let v1 = entry.integrated_time != 0;
        let log = if v1 { &world.v1 } else { &world.v2 };
        assert_eq!(logged.base_url(), log.instance().base_url);
        assert_eq!((logged.log_id(), logged.log_key()), (&entry.log_id[..], log.key.public()));
        assert_eq!(logged.kind_version(), (entry.kind.as_str(), entry.version.as_str()));
        assert_eq!(logged.log_index(), Some(entry.log_index));
        assert_eq!(logged.integrated_time(), v1.then_some(INTEGRATED));
        let (origin, cosignatures) = (log.origin(), Vec::new());
        assert_eq!(*logged.inclusion(), Inclusion::Proof { index: INDEX, tree_size: SIZE, origin, cosignatures });
    }
}

/// What has no proof is known by its name, never taken for one that has.
#[test]
fn a_promise_is_not_a_proof() {
    let world = World::new();
    let [(mut v1, _), (v2, _)] = world.one_each();
    v1.inclusion_proof = None;
    let logged = world.verify(&v1, &world.act.message()).unwrap();
    assert_eq!((logged.inclusion(), logged.integrated_time()), (&Inclusion::PromiseOnly, Some(INTEGRATED)));
    v1.inclusion_promise = None;
    v1.integrated_time = 0;
    assert_eq!(world.code(&v1), "log-proof-missing");
    assert_eq!(world.changed(&v2, |entry| entry.inclusion_proof = None), "log-proof-missing");
}

/// A proof without a SET proves inclusion and no time.
#[test]
fn a_proof_is_not_a_time() {
    let world = World::new();
    let [(mut entry, _), _] = world.one_each();
    entry.inclusion_promise = None;
    entry.integrated_time = 0;
    let logged = world.verify(&entry, &world.act.message()).unwrap();
    assert_eq!((logged.integrated_time(), logged.log_index()), (None, None));
}
