//! Merkle proofs against the vectors of transparency-dev, and tiles and checkpoints against a log that
//! Tessera wrote and checkpoints of Rekor v1.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use sealmark::base::encoding::base64;
use sealmark::base::encoding::json::{Fields, Json};
use sealmark::format::checkpoint::{Checkpoint, NoteKey};
use sealmark::format::merkle::{
    Frontier, Hash, Tile, TileKind, consistency_proof, inclusion_proof, leaf_hash, verify_consistency, verify_inclusion,
};
use sealmark::verify::log::verify_extension;

use crate::vectors;

/// The verifier key of the log in Tessera's testdata, from the script that made it.
const TESSERA_KEY: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";

/// Every JSON file under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found
}

/// A hash; roots that are no hash at all stand in the vectors for "any".
fn hash(fields: &mut Fields<'_, '_>, name: &str) -> Option<Hash> {
    fields.bytes(name).unwrap()?.try_into().ok()
}

fn hashes(fields: &mut Fields<'_, '_>) -> Option<Vec<Hash>> {
    let items = fields.items("proof", usize::MAX).unwrap();
    items.iter().map(|item| base64::decode(item.as_str()?)?.try_into().ok()).collect()
}

/// Runs every vector of a kind; `verify` says whether it holds. Returns how many were to hold and how
/// many were not.
fn run(kind: &str, verify: impl Fn(&mut Fields<'_, '_>) -> bool) -> Option<(usize, usize)> {
    let folder = vectors::folder("transparency-dev-merkle/testdata")?.join(kind);
    let (mut good, mut bad) = (0, 0);
    for path in files(&folder) {
        let bytes = vectors::read(&path);
        let json = Json::parse(&bytes).unwrap();
        let mut fields = Fields::of(&json, "").unwrap();
        let refused = fields.take("wantErr") == Some(&Json::Bool(true));
        assert_eq!(verify(&mut fields), !refused, "{}", path.display());
        *(if refused { &mut bad } else { &mut good }) += 1;
    }
    Some((good, bad))
}

#[test]
fn inclusion_vectors() {
    let counted = run("inclusion", |fields| {
        let (Ok(index), Ok(size)) = (fields.unsigned("leafIdx"), fields.unsigned("treeSize")) else { return false };
        let (leaf, root) = (hash(fields, "leafHash"), hash(fields, "root"));
        let (Some(leaf), Some(root), Some(proof)) = (leaf, root, hashes(fields)) else { return false };
        verify_inclusion(index, size, &leaf, &proof, &root).is_ok()
    });
    assert!(counted.is_none_or(|(good, bad)| good >= 5 && bad >= 52), "{counted:?}");
}

#[test]
fn consistency_vectors() {
    let counted = run("consistency", |fields| {
        let (Ok(old), Ok(new)) = (fields.unsigned("size1"), fields.unsigned("size2")) else { return false };
        let (old_root, new_root) = (hash(fields, "root1"), hash(fields, "root2"));
        let (Some(old_root), Some(new_root), Some(proof)) = (old_root, new_root, hashes(fields)) else { return false };
        verify_consistency((old, &old_root), (new, &new_root), &proof).is_ok()
    });
    assert!(counted.is_none_or(|(good, bad)| good >= 2 && bad >= 49), "{counted:?}");
}

/// Proofs about ranges of leaves, which no Sigstore format has.
#[test]
fn subtree_vectors() {
    let Some(folder) = vectors::folder("transparency-dev-merkle/testdata") else { return };
    let count = ["subtreeinclusion", "subtreeconsistency"].map(|kind| files(&folder.join(kind)).len());
    println!("left out: {} subtree vectors: no format here carries subtree proofs", count[0] + count[1]);
}

/// The whole log: each checkpoint verifies, its tile and entries lead to its root, and it extends the
/// ones before it.
#[test]
fn log_of_tessera() {
    let Some(folder) = vectors::folder("tessera/testdata/log") else { return };
    let key = NoteKey::parse(TESSERA_KEY).unwrap();
    let mut earlier: Vec<Checkpoint> = Vec::new();
    for size in 0..16u64 {
        let text = String::from_utf8(vectors::read(&folder.join(format!("checkpoint.{size}")))).unwrap();
        let (checkpoint, note) = Checkpoint::parse(&text).unwrap();
        key.verify(&note).unwrap();
        assert_eq!((checkpoint.size(), checkpoint.origin(), note.to_string()), (size, key.name(), text));
        let leaves = leaves(&folder, size);
        let mut frontier = Frontier::new();
        let mut nodes = std::collections::HashMap::new();
        for leaf in &leaves {
            frontier.append(*leaf, |level, index, hash| {
                nodes.insert((level, index), hash);
            });
        }
        assert_eq!(frontier.root(), *checkpoint.root(), "{size}");
        let node = |level, index| Ok::<Hash, Infallible>(nodes[&(level, index)]);
        for (index, leaf) in (0..).zip(&leaves) {
            let Ok(proof) = inclusion_proof(index, size, node);
            verify_inclusion(index, size, leaf, &proof.unwrap(), checkpoint.root()).unwrap();
        }
        for old in &earlier {
            let Ok(proof) = consistency_proof(old.size(), size, node);
            verify_extension(old, &checkpoint, &proof.unwrap_or_default()).unwrap();
        }
        earlier.push(checkpoint);
    }
}

/// The leaf hashes of the tree of `size`, from its tile of hashes and from its entries, which must agree.
fn leaves(folder: &Path, size: u64) -> Vec<Hash> {
    let read = |tile: &Tile| vectors::read(&folder.join(tile.to_string()));
    let Some(tile) = Tile::of_tree(TileKind::Hashes { level: 0 }, 0, size) else { return Vec::new() };
    let hashes = tile.hashes(&read(&tile)).unwrap();
    let tile = Tile::of_tree(TileKind::Entries, 0, size).unwrap();
    let entries = read(&tile);
    let from_entries: Vec<_> = tile.entries(&entries).unwrap().into_iter().map(leaf_hash).collect();
    assert_eq!(from_entries, hashes, "{tile}");
    hashes
}

/// Files named `error_*` are no checkpoints; the others are.
#[test]
fn checkpoints_of_rekor_v1() {
    let samples = "sigstore-java/sigstore-java/src/test/resources/dev/sigstore/samples/checkpoints";
    let Some(folder) = vectors::folder(samples) else { return };
    let mut refused = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8(vectors::read(&path)).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(Checkpoint::parse(&text).is_err(), name.starts_with("error_"), "{name}");
        refused += usize::from(name.starts_with("error_"));
    }
    assert_eq!(refused, 5);
}
