//! L11 to L25, L33, L34 and L39: inclusion proofs, checkpoints, logs and witnesses.

use super::fixture::{INDEX, NOW, SIZE, World, judge, tree};
use super::*;
use crate::base::crypto::PublicKey;
use crate::base::limits;
use crate::format::checkpoint::{Checkpoint, Note, NoteKey, NoteSignature, WitnessKey};
use crate::format::merkle::{self, Frontier};
use crate::format::x509::testing::Key;

#[test]
fn l11_hashes_of_the_proof() {
    let world = World::new();
    for (entry, _) in world.one_each() {
        assert_eq!(world.code(&entry), "accepted");
        let proof = |change: fn(&mut Vec<merkle::Hash>)| world.proof(&entry, |proof| change(&mut proof.hashes));
        assert_eq!(proof(|hashes| hashes[0][0] ^= 1), "log-proof-invalid");
        assert_eq!(proof(|hashes| hashes[2][31] ^= 0x80), "log-proof-invalid");
        assert_eq!(proof(|hashes| hashes.truncate(3)), "log-proof-invalid");
        assert_eq!(proof(|hashes| hashes.rotate_left(1)), "log-proof-invalid");
        assert_eq!(proof(|hashes| hashes.push([0; 32])), "log-proof-invalid");
        assert_eq!(proof(|hashes| hashes.swap(0, 1)), "log-proof-invalid");
        assert_eq!(proof(Vec::clear), "log-proof-invalid");
    }
}

#[test]
fn l12_index_and_size() {
    let world = World::new();
    let [(v1, log), _] = world.one_each();
    for index in [SIZE, u64::MAX, 1 << 63, 0] {
        assert_eq!(world.proof(&v1, |proof| proof.log_index = index), "log-proof-invalid", "{index}");
    }
    // Sizes that the log itself signed: the leaf is not in such a tree.
    let leaf = merkle::leaf_hash(&v1.canonicalized_body);
    for (size, root, hashes) in [(0, merkle::empty_root(), vec![]), (1, leaf, vec![leaf]), (5, leaf, vec![])] {
        let verdict = world.proof(&v1, |proof| {
            (proof.tree_size, proof.root_hash, proof.hashes) = (size, root.to_vec(), hashes);
            proof.log_index = if size == 1 { 0 } else { INDEX };
            proof.checkpoint = Some(log.checkpoint(size, root).to_string());
        });
        assert_eq!(verdict, "log-proof-invalid", "{size}");
    }
}

#[test]
fn l12_index_beside_the_proof_of_rekor_v2() {
    let world = World::new();
    let [_, (v2, _)] = world.one_each();
    assert_eq!(world.changed(&v2, |entry| entry.log_index += 1), "log-proof-invalid");
}

#[test]
fn l13_proof_of_another_leaf_or_tree() {
    let world = World::new();
    for (entry, log) in world.one_each() {
        let (hashes, _) = tree(b"another leaf", SIZE);
        let (_, root) = tree(b"another leaf", SIZE);
        let other = world.proof(&entry, |proof| {
            (proof.hashes, proof.root_hash) = (hashes, root.to_vec());
            proof.checkpoint = Some(log.checkpoint(SIZE, root).to_string());
        });
        assert_eq!(other, "log-proof-invalid");
        let (_, newer) = tree(&entry.canonicalized_body, 2 * SIZE);
        let stale = world.proof(&entry, |proof| {
            (proof.tree_size, proof.root_hash) = (2 * SIZE, newer.to_vec());
            proof.checkpoint = Some(log.checkpoint(2 * SIZE, newer).to_string());
        });
        assert_eq!(stale, "log-proof-invalid");
    }
}

#[test]
fn l15_proofs_are_bounded() {
    let world = World::new();
    for (entry, _) in world.one_each() {
        for length in [limits::PROOF_HASHES + 1, 1_000_000] {
            assert_eq!(world.proof(&entry, |proof| proof.hashes = vec![[0; 32]; length]), "limit-proof");
        }
    }
}

#[test]
fn l16_root_hash_other_than_checkpoint() {
    let world = World::new();
    for (entry, _) in world.one_each() {
        assert_eq!(world.proof(&entry, |proof| proof.root_hash[0] ^= 1), "log-checkpoint-mismatch");
        assert_eq!(world.proof(&entry, |proof| proof.root_hash.clear()), "log-checkpoint-mismatch");
    }
}

#[test]
fn l16_tree_size_other_than_checkpoint() {
    let world = World::new();
    for (entry, _) in world.one_each() {
        assert_eq!(world.proof(&entry, |proof| proof.tree_size += 1), "log-checkpoint-mismatch");
        assert_eq!(world.proof(&entry, |proof| proof.tree_size = 0), "log-checkpoint-mismatch");
    }
}

#[test]
fn l17_checkpoint_missing() {
    let world = World::new();
    for (entry, _) in world.one_each() {
        assert_eq!(world.proof(&entry, |proof| proof.checkpoint = None), "log-checkpoint-missing");
        assert_eq!(world.proof(&entry, |proof| proof.checkpoint = Some(String::new())), "log-checkpoint-missing");
    }
}

#[test]
fn l18_checkpoint_of_another_origin() {
    let world = World::new();
    let [(v1, _), (v2, _)] = world.one_each();
    for (entry, other) in [(v1, &world.other_v1), (v2, &world.other_v2)] {
        let (_, root) = tree(&entry.canonicalized_body, SIZE);
        let verdict = world.proof(&entry, |proof| proof.checkpoint = Some(other.checkpoint(SIZE, root).to_string()));
        assert_eq!(verdict, "log-origin");
    }
}

/// The log's own key under an origin that its generation does not have.
#[test]
fn l18_origins_are_exact() {
    let world = World::new();
    let [(v1, first), (v2, second)] = world.one_each();
    let (v1_host, v2_host) = (first.host, second.host);
    let v1_origins = ["", " - ", " - 1a", " - 1 - 2", " -1"].map(|tail| format!("{v1_host}{tail}"));
    let v2_origins = [":443", "/", " - 1", "."].map(|tail| format!("{v2_host}{tail}"));
    for (entry, log, origins) in [(v1, first, &v1_origins[..]), (v2, second, &v2_origins)] {
        let (_, root) = tree(&entry.canonicalized_body, SIZE);
        for origin in origins.iter().chain([&" - 1".to_owned(), &format!("https://{}", log.host)]) {
            let note = log.sign(Checkpoint::new(origin, SIZE, root).unwrap());
            let verdict = world.proof(&entry, |proof| proof.checkpoint = Some(note.to_string()));
            assert_eq!(verdict, "log-origin", "{origin}");
        }
    }
}

/// A Rekor v2 log's own key, with all of the checkpoint under another name than its host.
#[test]
fn l18_rekor_v2_has_the_name_of_its_host() {
    let world = World::new();
    let [_, (entry, log)] = world.one_each();
    let (_, root) = tree(&entry.canonicalized_body, SIZE);
    for (name, expected) in [(log.host, "accepted"), ("elsewhere.example", "log-origin")] {
        let text = Checkpoint::new(name, SIZE, root).unwrap().text();
        let key = NoteKey::new(name, log.key.public().clone()).unwrap();
        let line = key.signature(log.key.sign(text.as_bytes()));
        let note = Note::new(text, vec![line]).unwrap().to_string();
        assert_eq!(world.proof(&entry, |proof| proof.checkpoint = Some(note)), expected);
    }
}

/// A Rekor v1 server signs under the name that it was started with; its key says which log it is.
#[test]
fn rekor_v1_names_itself() {
    let world = World::new();
    let [(entry, log), _] = world.one_each();
    let (_, root) = tree(&entry.canonicalized_body, SIZE);
    let text = Checkpoint::new("rekor-7c9:3000 - 12", SIZE, root).unwrap().text();
    let key = NoteKey::rekor_v1("rekor-7c9:3000", log.key.public().clone()).unwrap();
    let line = key.signature(log.key.sign(text.as_bytes()));
    let note = Note::new(text.clone(), vec![line]).unwrap().to_string();
    assert_eq!(world.proof(&entry, |proof| proof.checkpoint = Some(note.clone())), "accepted");
    // The name in the signature line must be the origin's.
    let line = log.note_key().signature(log.key.sign(text.as_bytes()));
    let note = Note::new(text, vec![line]).unwrap().to_string();
    assert_eq!(world.proof(&entry, |proof| proof.checkpoint = Some(note.clone())), "log-origin");
}

/// The entry's checkpoint with its signature lines changed.
fn resigned(entry: &LogEntry, change: impl FnOnce(&Note, NoteSignature) -> Vec<NoteSignature>) -> String {
    let text = entry.inclusion_proof.as_ref().and_then(|proof| proof.checkpoint.clone()).unwrap();
    let note = Note::parse(&text).unwrap();
    let lines = change(&note, note.signatures()[0].clone());
    Note::new(note.text().to_owned(), lines).unwrap().to_string()
}

#[test]
fn l19_l24_checkpoint_not_signed_by_the_log() {
    let world = World::new();
    for (entry, log) in world.one_each() {
        let unsigned = {
            let text = entry.inclusion_proof.as_ref().and_then(|proof| proof.checkpoint.clone()).unwrap();
            text.split_inclusive("\n\n").next().unwrap().to_owned()
        };
        let stranger = Key::ed25519();
        let strangers = NoteKey::new(log.host, stranger.public().clone()).unwrap();
        let forged = resigned(&entry, |note, _| vec![strangers.signature(stranger.sign(note.text().as_bytes()))]);
        let witness = WitnessKey::new("w.example", stranger.public().clone()).unwrap();
        let renamed = resigned(&entry, |_, line| vec![witness.signature(NOW, line.signature())]);
        let broken = resigned(&entry, |_, line| {
            let mut signature = line.signature().to_vec();
            *signature.last_mut().unwrap() ^= 1;
            vec![log.note_key().signature(signature)]
        });
        // L24: the hint of the log's key over a signature of another.
        let collision =
            resigned(&entry, |note, _| vec![log.note_key().signature(Key::p256().sign(note.text().as_bytes()))]);
        for checkpoint in [unsigned, forged, renamed, broken, collision] {
            let verdict = world.proof(&entry, |proof| proof.checkpoint = Some(checkpoint.clone()));
            assert_eq!(verdict, "log-checkpoint-sig", "{checkpoint}");
        }
    }
}

#[test]
fn l20_checkpoint_not_readable() {
    let world = World::new();
    for (entry, _) in world.one_each() {
        let change = |from: &str, to: &str| {
            world.proof(&entry, |proof| {
                proof.checkpoint = proof.checkpoint.as_ref().map(|text| text.replacen(from, to, 1));
            })
        };
        assert_eq!(change("\n11\n", "\n+11\n"), "log-checkpoint-parse");
        assert_eq!(change("\n11\n", "\n"), "log-checkpoint-parse");
        assert_eq!(change("\n\n", "\n"), "log-checkpoint-parse");
    }
}

#[test]
fn l21_l22_lines_beside_the_logs() {
    let world = World::new();
    for (entry, log) in world.one_each() {
        let witness = WitnessKey::new("w.example", Key::ed25519().public().clone()).unwrap();
        let twice = resigned(&entry, |_, line| vec![line.clone(), line]);
        let not_first = resigned(&entry, |_, line| vec![witness.signature(NOW, &[0; 64]), line]);
        let stranger = Key::ed25519();
        let same_name = NoteKey::new(log.host, stranger.public().clone()).unwrap();
        let two_keys = resigned(&entry, |_, line| vec![same_name.signature(vec![0; 64]), line]);
        for checkpoint in [twice, not_first, two_keys] {
            assert_eq!(world.proof(&entry, |proof| proof.checkpoint = Some(checkpoint)), "accepted");
        }
        let lines = "— a AAAAAAE=\n".repeat(limits::CHECKPOINT_SIGNATURES);
        let verdict = world.proof(&entry, |proof| {
            proof.checkpoint = proof.checkpoint.as_ref().map(|text| format!("{text}{lines}"));
        });
        assert_eq!(verdict, "limit-sigs");
    }
}

#[test]
fn l23_extension_lines_are_signed() {
    let world = World::new();
    for (entry, log) in world.one_each() {
        let (_, root) = tree(&entry.canonicalized_body, SIZE);
        let plain = Checkpoint::new(&log.origin(), SIZE, root).unwrap();
        let extended = plain.with_extensions(vec!["Timestamp: 1697034484441201852".to_owned()]).unwrap();
        let signed = log.sign(extended.clone());
        assert_eq!(world.proof(&entry, |proof| proof.checkpoint = Some(signed.to_string())), "accepted");
        let moved = Note::new(extended.text(), log.checkpoint(SIZE, root).signatures().to_vec()).unwrap();
        assert_eq!(world.proof(&entry, |proof| proof.checkpoint = Some(moved.to_string())), "log-checkpoint-sig");
    }
}

#[test]
fn l25_witnesses() {
    let world = World::new();
    let [_, (entry, log)] = world.one_each();
    let (one, two) = (Key::ed25519(), Key::ed25519());
    let key = |name: &str, key: &PublicKey| WitnessKey::new(name, key.clone()).unwrap();
    let (first, second) = (key("w1.example", one.public()), key("w2.example", two.public()));
    let required = Witnesses::new(vec![first.clone(), second.clone()], 2).unwrap();
    let logs = world.logs().with_witnesses(required);
    let verdict = |lines: &[(&WitnessKey, &Key, UnixTime)]| {
        let mut entry = entry.clone();
        let checkpoint = resigned(&entry, |note, own| {
            let cosign = |(witness, key, time): &(&WitnessKey, &Key, UnixTime)| {
                witness.signature(*time, &key.sign(&WitnessKey::message(*time, note.text())))
            };
            std::iter::once(own).chain(lines.iter().map(cosign)).collect()
        });
        entry.inclusion_proof.as_mut().unwrap().checkpoint = Some(checkpoint);
        logs.verify_entry(&entry, &world.act.message(), NOW)
    };
    let logged = verdict(&[(&second, &two, NOW), (&first, &one, NOW)]).unwrap();
    let Inclusion::Proof { cosignatures, .. } = logged.inclusion() else { panic!("{logged:?}") };
    assert_eq!(cosignatures, &["w1.example", "w2.example"]);
    for lines in [
        &[(&first, &one, NOW)][..],
        &[(&first, &one, NOW), (&first, &one, NOW.plus_secs(-60))],
        &[(&first, &one, NOW), (&second, &one, NOW)],
        &[(&first, &one, NOW), (&second, &two, NOW.plus_secs(1))],
        &[],
    ] {
        assert_eq!(code(verdict(lines)), "witness-threshold");
    }
    // The log's own key is no witness of the log.
    let own = key("w3.example", log.key.public());
    let logs = world.logs().with_witnesses(Witnesses::new(vec![own.clone()], 1).unwrap());
    let mut cosigned = entry.clone();
    let checkpoint = resigned(&entry, |note, line| {
        vec![line, own.signature(NOW, &log.key.sign(&WitnessKey::message(NOW, note.text())))]
    });
    cosigned.inclusion_proof.as_mut().unwrap().checkpoint = Some(checkpoint);
    assert_eq!(code(logs.verify_entry(&cosigned, &world.act.message(), NOW)), "witness-threshold");
}

#[test]
fn l25_l35_more_witnesses_than_known() {
    let key = Key::ed25519();
    let names = ["w1.example", "w2.example"].map(|name| WitnessKey::new(name, key.public().clone()).unwrap());
    let error = Witnesses::new(names.to_vec(), 2).unwrap_err();
    assert_eq!(error, WitnessesError::Threshold { required: 2, known: 1 });
    assert_eq!((error.code().name(), error.code().exit_code()), ("witness-threshold-usage", 2));
}

#[test]
fn l33_log_id_of_no_known_log() {
    let world = World::new();
    let [(v1, log), (v2, _)] = world.one_each();
    for entry in [&v1, &v2] {
        assert_eq!(world.changed(entry, |entry| entry.log_id[0] ^= 1), "log-id");
        assert_eq!(world.changed(entry, |entry| entry.log_id.clear()), "log-id");
        assert_eq!(world.changed(entry, |entry| entry.log_id.truncate(4)), "log-id");
    }
    assert_eq!(code(judge(&[world.other_v1.instance()], &v1, &world.act.message())), "log-id");
    assert_eq!(log.instance().log_id, v1.log_id);
}

/// Two shards of one host: each proves its own entries only. (Where the hosts differ too, the origin says
/// so first: L18.)
#[test]
fn l33_log_id_of_another_known_log() {
    let mut world = World::new();
    world.other_v1.host = world.v1.host;
    world.other_v2.host = world.v2.host;
    let [(mut v1, _), (v2, _)] = world.one_each();
    v1.log_id = world.other_v1.instance().log_id;
    world.other_v1.promise(&mut v1);
    assert_eq!(world.code(&v1), "log-id");
    assert_eq!(world.changed(&v2, |entry| entry.log_id = world.other_v2.instance().log_id), "log-id");
}

#[test]
fn l34_one_key_under_two_log_ids() {
    let world = World::new();
    let [(v1, log), _] = world.one_each();
    let mut again = log.instance();
    again.log_id = vec![7; 32];
    let logs = Logs::new(&[log.instance(), again.clone()]);
    let renamed = LogEntry { log_id: again.log_id, ..v1.clone() };
    assert_eq!(code(logs.verify_entry(&renamed, &world.act.message(), NOW)), "log-id");
    // The same entry twice is one log: the walk counts keys.
    let once = logs.verify_entry(&v1, &world.act.message(), NOW).unwrap();
    let twice = logs.verify_entry(&v1, &world.act.message(), NOW).unwrap();
    assert_eq!(once.log_key(), twice.log_key());
}

#[test]
fn l39_checkpoints_of_one_log() {
    let roots: Vec<_> = {
        let mut frontier = Frontier::new();
        let grow = |n: u8| {
            frontier.append([n; 32], |_, _, _| {});
            frontier.root()
        };
        std::iter::once(merkle::empty_root()).chain((0..4).map(grow)).collect()
    };
    let at = |size: usize| Checkpoint::new("log.example", size as u64, roots[size]).unwrap();
    let proof = [[2; 32], [3; 32], merkle::node_hash(&[0; 32], &[1; 32])];
    let name = |result: Result<(), LogError>| result.map_or_else(|error| error.code().name(), |()| "accepted");
    assert_eq!(name(verify_extension(&at(3), &at(4), &proof)), "accepted");
    assert_eq!(name(verify_extension(&at(3), &at(3), &[])), "accepted");
    assert_eq!(name(verify_extension(&at(0), &at(3), &[])), "accepted");
    assert_eq!(name(verify_extension(&at(0), &at(0), &[])), "accepted");
    assert_eq!(name(verify_extension(&at(0), &at(3), &proof)), "log-proof-invalid");
    let other = |size| Checkpoint::new("log.example", size, [9; 32]).unwrap();
    assert_eq!(name(verify_extension(&at(3), &other(3), &[])), "log-fork");
    assert_eq!(name(verify_extension(&at(3), &other(4), &proof)), "log-fork");
    assert_eq!(name(verify_extension(&other(0), &at(3), &[])), "log-fork");
    assert_eq!(name(verify_extension(&at(4), &at(3), &[])), "log-rollback");
    assert_eq!(name(verify_extension(&at(3), &at(4), &[])), "log-proof-invalid");
    let elsewhere = Checkpoint::new("other.example", 4, roots[4]).unwrap();
    assert_eq!(name(verify_extension(&at(3), &elsewhere, &proof)), "log-origin");
}
