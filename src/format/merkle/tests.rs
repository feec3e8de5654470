//! K11: every proof of every small tree against a naive tree, and the sizes around a tile's edge.

use std::collections::HashMap;
use std::convert::Infallible;

use super::*;
use crate::base::limits;

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

/// A tree as RFC 9162 section 2.1 defines it, over any run of leaves; roots are kept, as tests ask often.
#[derive(Default)]
struct Naive(HashMap<(u64, u64), Hash>);

impl Naive {
    /// Section 2.1.1.
    fn root(&mut self, start: u64, end: u64) -> Hash {
        if let Some(root) = self.0.get(&(start, end)) {
            return *root;
        }
        let root = match end - start {
            0 => empty_root(),
            1 => leaf(start),
            length => {
                let middle = start + length.next_power_of_two() / 2;
                node_hash(&self.root(start, middle), &self.root(middle, end))
            }
        };
        self.0.insert((start, end), root);
        root
    }

    /// Section 2.1.3.1.
    fn path(&mut self, index: u64, start: u64, end: u64) -> Vec<Hash> {
        if end - start < 2 {
            return Vec::new();
        }
        let middle = start + (end - start).next_power_of_two() / 2;
        let (mut path, other) = if index < middle {
            (self.path(index, start, middle), self.root(middle, end))
        } else {
            (self.path(index, middle, end), self.root(start, middle))
        };
        path.push(other);
        path
    }

    /// Section 2.1.4.1.
    fn subproof(&mut self, old: u64, start: u64, end: u64, whole: bool) -> Vec<Hash> {
        if old == end {
            return if whole { Vec::new() } else { vec![self.root(start, end)] };
        }
        let middle = start + (end - start).next_power_of_two() / 2;
        let (mut proof, other) = if old <= middle {
            (self.subproof(old, start, middle, whole), self.root(middle, end))
        } else {
            (self.subproof(old, middle, end, false), self.root(start, middle))
        };
        proof.push(other);
        proof
    }
}

/// All complete nodes of a growing tree, by level.
#[derive(Default)]
struct Nodes(Vec<Vec<Hash>>);

impl Nodes {
    fn grow(&mut self, frontier: &mut Frontier) {
        frontier.append(leaf(frontier.size()), |level, index, hash| {
            self.0.resize_with(self.0.len().max(usize::from(level) + 1), Vec::new);
            assert_eq!(self.0[usize::from(level)].len() as u64, index);
            self.0[usize::from(level)].push(hash);
        });
    }

    fn read(&self) -> impl FnMut(u8, u64) -> Result<Hash, Infallible> + '_ {
        |level, index| Ok(self.0[usize::from(level)][usize::try_from(index).unwrap()])
    }
}

#[test]
fn k11_every_proof_of_every_tree_up_to_300() {
    let (mut frontier, mut nodes, mut naive) = (Frontier::new(), Nodes::default(), Naive::default());
    let mut roots = vec![frontier.root()];
    for size in 1..=300 {
        nodes.grow(&mut frontier);
        let root = frontier.root();
        assert_eq!(root, naive.root(0, size), "{size}");
        roots.push(root);
        for index in 0..size {
            let Ok(Some(proof)) = inclusion_proof(index, size, nodes.read()) else { panic!() };
            assert_eq!(proof, naive.path(index, 0, size), "{index} of {size}");
            assert_eq!(verify_inclusion(index, size, &leaf(index), &proof, &root), Ok(()));
            assert!(verify_inclusion(index, size, &leaf(999), &proof, &root).is_err());
        }
        for old in 1..=size {
            let Ok(Some(proof)) = consistency_proof(old, size, nodes.read()) else { panic!() };
            assert_eq!(proof, naive.subproof(old, 0, size, true), "{old} to {size}");
            let (old, new) = ((old, &roots[old as usize]), (size, &root));
            assert_eq!(verify_consistency(old, new, &proof), Ok(()), "{} to {size}", old.0);
            if !proof.is_empty() {
                assert!(verify_consistency(old, new, &proof[1..]).is_err());
                assert_eq!(verify_consistency(old, (new.0, &leaf(999)), &proof), Err(ProofError::Root));
            }
        }
    }
}

#[test]
fn k11_sizes_around_tiles() {
    let (mut frontier, mut nodes) = (Frontier::new(), Nodes::default());
    let mut edges = Vec::new();
    for size in 1..=65_537u64 {
        nodes.grow(&mut frontier);
        if [1, 2, 255, 256, 257, 65_535, 65_536, 65_537].contains(&size) {
            let stored: Vec<_> = Frontier::nodes(size).map(|(l, i)| nodes.read()(l, i).unwrap()).collect();
            assert_eq!(Frontier::from_hashes(size, stored).as_ref(), Some(&frontier));
            edges.push((size, frontier.root()));
        }
    }
    for (size, root) in &edges {
        for index in [0, 1, 254, 255, 256, 65_534, 65_535, 65_536].into_iter().filter(|index| index < size) {
            let Ok(Some(proof)) = inclusion_proof(index, *size, nodes.read()) else { panic!() };
            assert_eq!(verify_inclusion(index, *size, &leaf(index), &proof, root), Ok(()));
        }
        for (old, old_root) in edges.iter().filter(|(old, _)| old <= size) {
            let Ok(Some(proof)) = consistency_proof(*old, *size, nodes.read()) else { panic!() };
            assert_eq!(verify_consistency((*old, old_root), (*size, root), &proof), Ok(()));
        }
    }
    // Every node of the tree is found through its tile.
    for (level, index) in Frontier::nodes(65_537).chain([(0, 65_535), (7, 511), (8, 255), (9, 127), (15, 1)]) {
        let (tile, above, at) = Tile::of_node(level, index, 65_537).unwrap();
        let TileKind::Hashes { level: tile_level } = tile.kind() else { panic!() };
        let start = usize::try_from(tile.index()).unwrap() * 256;
        let hashes = &nodes.0[usize::from(tile_level) * 8][start..start + usize::from(tile.width())];
        assert_eq!(tile::node_in(hashes, above, at), Some(nodes.read()(level, index).unwrap()), "{level} {index}");
    }
}

#[test]
fn l12_index_and_size_at_their_ends() {
    let root = leaf(0);
    assert_eq!(verify_inclusion(0, 1, &leaf(0), &[], &root), Ok(()));
    assert_eq!(verify_inclusion(0, 1, &leaf(0), &[root], &root), Err(ProofError::Length { found: 1 }));
    for (index, size) in [(0, 0), (1, 1), (u64::MAX, u64::MAX), (1 << 63, 1)] {
        assert_eq!(verify_inclusion(index, size, &leaf(0), &[], &root), Err(ProofError::Index { index, size }));
    }
    // The largest tree takes 64 hashes and no shift overflows.
    let longest = vec![root; 64];
    assert!(root_from_inclusion(0, u64::MAX, &root, &longest).is_ok());
    assert!(root_from_inclusion(u64::MAX - 1, u64::MAX, &root, &longest).is_err());
    let old = (1 << 63, &root);
    assert_eq!(verify_consistency(old, (u64::MAX, &root), &[root]), Err(ProofError::Root));
    for (old, new) in [(2, 1), (0, 0), (0, 1)] {
        assert_eq!(verify_consistency((old, &root), (new, &root), &[]), Err(ProofError::Sizes { old, new }));
    }
}

#[test]
fn l14_a_node_is_not_a_leaf() {
    let (left, right) = (leaf(0), leaf(1));
    let root = node_hash(&left, &right);
    // The two child hashes as an entry give another leaf hash, and no proof turns a node into a leaf.
    let spliced = leaf_hash(&[left, right].concat());
    assert_ne!(spliced, root);
    assert_eq!(verify_inclusion(0, 1, &spliced, &[], &root), Err(ProofError::Root));
    assert_eq!(verify_inclusion(0, 2, &root, &[], &root), Err(ProofError::Length { found: 0 }));
}

#[test]
fn l15_proofs_are_bounded() {
    for found in [limits::PROOF_HASHES + 1, 100_000] {
        let hashes = vec![leaf(0); found];
        assert_eq!(root_from_inclusion(0, u64::MAX, &leaf(0), &hashes), Err(ProofError::TooLong { found }));
        assert_eq!(
            verify_consistency((1, &leaf(0)), (u64::MAX, &leaf(0)), &hashes),
            Err(ProofError::TooLong { found })
        );
    }
}

#[test]
fn tile_paths() {
    for (kind, index, width, path) in [
        (TileKind::Hashes { level: 0 }, 1_234_067, 256, "tile/0/x001/x234/067"),
        (TileKind::Hashes { level: 63 }, 0, 255, "tile/63/000.p/255"),
        (TileKind::Entries, 999, 256, "tile/entries/999"),
        (TileKind::Entries, 1000, 1, "tile/entries/x001/000.p/1"),
        (TileKind::Data, u64::MAX, 256, "tile/data/x018/x446/x744/x073/x709/x551/615"),
    ] {
        let tile = Tile::new(kind, index, width).unwrap();
        assert_eq!(tile.to_string(), path);
        assert_eq!(Tile::parse(path), Ok(tile));
    }
    for bad in [
        "",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/x001/",
        "tile/0/../000",
        "tile/0/00a",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile//000",
        "tile/other/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
    ] {
        assert_eq!(Tile::parse(bad), Err(TileError::Path), "{bad:?}");
    }
}

#[test]
fn tiles_of_a_tree() {
    let width = |level, index, size| Tile::of_tree(TileKind::Hashes { level }, index, size).map(|tile| tile.width());
    assert_eq!(width(0, 0, 0), None);
    assert_eq!(width(0, 0, 255), Some(255));
    assert_eq!(width(0, 0, 257), Some(256));
    assert_eq!(width(0, 1, 257), Some(1));
    assert_eq!(width(0, 1, 256), None);
    assert_eq!(width(1, 0, 255), None);
    assert_eq!(width(1, 0, 65_535), Some(255));
    assert_eq!(width(8, 0, u64::MAX), None);
    assert_eq!(width(0, u64::MAX, u64::MAX), None);
}

#[test]
fn tile_contents() {
    let tile = Tile::new(TileKind::Entries, 0, 2).unwrap();
    let mut bytes = Vec::new();
    push(&mut bytes, b"one");
    push(&mut bytes, b"");
    assert_eq!(tile.entries(&bytes), Ok(vec![&b"one"[..], b""]));
    let wrong = Err(TileError::Contents { width: 2 });
    assert_eq!(tile.entries(&bytes[..6]), wrong);
    assert_eq!(tile.entries(&[&bytes[..], b"\0"].concat()), wrong);
    assert_eq!(tile::push_entry(&mut bytes, &vec![0; 65_536]), None);
    let hashes = Tile::new(TileKind::Hashes { level: 0 }, 0, 1).unwrap();
    assert_eq!(hashes.hashes(&[7; 32]), Ok(vec![[7; 32]]));
    assert!(hashes.hashes(&[7; 31]).is_err() && hashes.hashes(&[7; 64]).is_err());
}

fn push(tile: &mut Vec<u8>, entry: &[u8]) {
    assert_eq!(tile::push_entry(tile, entry), Some(()));
}
