//! Entries, as they are stored and read back.

use super::*;
use crate::base::crypto::KeyKind;

const AT: UnixTime = UnixTime::from_millis(1_800_000_000_123);

fn codec() -> CtCodec {
    CtCodec::new(PrivateKey::generate(KeyKind::P256).unwrap(), "ct.example").unwrap()
}

fn entry() -> PrecertEntry {
    PrecertEntry {
        tbs: vec![1; 300],
        precertificate: vec![2; 400],
        issuer_key_hash: [3; 32],
        chain: vec![[4; 32], [5; 32]],
    }
}

#[test]
fn a_tile_leaf_is_read_back() {
    let codec = codec();
    let sealed = codec.seal(&entry(), 7, AT).unwrap();
    let bundle = [sealed.bytes.clone(), vec![9; 3]].concat();
    let (record, rest) = codec.read(&bundle).unwrap();
    assert_eq!((record.leaf, record.at, rest), (sealed.leaf, Some(AT), &[9; 3][..]));
    for length in 0..sealed.bytes.len() {
        assert!(codec.read(&sealed.bytes[..length]).is_none(), "{length}");
    }
}

/// The layout of <https://c2sp.org/static-ct-api>, byte by byte.
#[test]
fn the_layout_of_a_tile_leaf() {
    let expected = [
        &AT.millis().to_be_bytes()[..],
        &[0, 1],
        &[3; 32],
        &[0, 1, 44],
        &[1; 300],
        &[0, 8, 0, 0, 5, 0, 0, 0, 0, 7],
        &[0, 1, 144],
        &[2; 400],
        &[0, 64],
        &[4; 32],
        &[5; 32],
    ]
    .concat();
    assert_eq!(codec().seal(&entry(), 7, AT).unwrap().bytes, expected);
    assert!(codec().seal(&entry(), 1 << 40, AT).is_none(), "an index has 40 bits");
}

#[test]
fn k14_checkpoints_of_another_key_or_name() {
    let (codec, other) = (codec(), codec());
    let note = codec.sign(5, &[6; 32], AT).unwrap();
    assert_eq!(codec.open(&note), Some((5, [6; 32])));
    assert_eq!(other.open(&note), None);
    assert_eq!(codec.open(&note.replacen("ct.example", "ct2.example", 1)), None);
    assert_eq!(codec.open(&note.replacen("\n5\n", "\n6\n", 1)), None);
}
