use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

use super::*;
use crate::base::crypto::PublicKey;
use crate::base::encoding::{der, hex};
use crate::base::limits;
use crate::base::time::UnixTime;

struct Signer(Ed25519KeyPair);

impl Signer {
    fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn key(&self) -> PublicKey {
        let prefix = hex::decode("302a300506032b6570032100").unwrap();
        PublicKey::from_spki(&[&prefix, self.0.public_key().as_ref()].concat()).unwrap()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

fn checkpoint() -> Checkpoint {
    Checkpoint::new("log.example", 42, [7; 32]).unwrap()
}

/// A checkpoint signed by the key of seed 1 under its own name.
fn signed() -> (Note, NoteKey) {
    let (signer, text) = (Signer::new(1), checkpoint().text());
    let key = NoteKey::new("log.example", signer.key()).unwrap();
    let line = key.signature(signer.sign(text.as_bytes()));
    (Note::new(text, vec![line]).unwrap(), key)
}

fn name(result: Result<(), NoteError>) -> &'static str {
    result.map_or_else(|error| error.code().name(), |()| "accepted")
}

#[test]
fn round_trip() {
    let (note, key) = signed();
    let (parsed, read) = Checkpoint::parse(&note.to_string()).unwrap();
    assert_eq!((&parsed, &read), (&checkpoint(), &note));
    assert_eq!(key.verify(&read), Ok(()));
    let extended = checkpoint().with_extensions(vec!["Log frozen — see the next".to_owned()]).unwrap();
    assert_eq!(Checkpoint::parse_text(&extended.text()), Ok(extended));
    assert_eq!(Checkpoint::new("", 0, [0; 32]), Err(CheckpointError::Origin));
    assert_eq!(checkpoint().with_extensions(vec![String::new()]), Err(CheckpointError::Extension));
}

#[test]
fn l19_no_signature_by_the_log() {
    let (note, key) = signed();
    let unsigned = format!("{}\n", note.text());
    assert_eq!(Note::parse(&unsigned), Err(NoteError::Unsigned));
    assert_eq!(NoteError::Unsigned.code().name(), "log-checkpoint-sig");
    let line = &note.signatures()[0];
    for (why, change) in [
        ("unknown key", NoteSignature { hint: [9; 4], ..line.clone() }),
        ("name of another key", NoteSignature { name: "other.example".to_owned(), ..line.clone() }),
    ] {
        let forged = Note::new(note.text().to_owned(), vec![change]).unwrap();
        assert_eq!(name(key.verify(&forged)), "log-checkpoint-sig", "{why}");
    }
}

#[test]
fn l20_malformed_texts() {
    let root = base64::encode(&[7; 32]);
    let parse = |text: &str| match Checkpoint::parse(&format!("{text}\n\n— log.example AAAAAAE=\n")) {
        Ok(_) => "accepted",
        Err(error) => error.code().name(),
    };
    assert_eq!(parse(&format!("log.example\n42\n{root}")), "accepted");
    assert_eq!(parse(&format!("log.example\n42\n{root}\nextension")), "accepted");
    for text in [
        format!("42\n{root}"),
        format!("\n42\n{root}"),
        format!("log.example\n{root}"),
        "log.example\n42".to_owned(),
        "log.example".to_owned(),
        format!("log.example\n042\n{root}"),
        format!("log.example\n+5\n{root}"),
        format!("log.example\n-5\n{root}"),
        format!("log.example\n 42\n{root}"),
        format!("log.example\n4 2\n{root}"),
        format!("log.example\n\n{root}"),
        format!("log.example\n18446744073709551616\n{root}"),
        format!("log.example\r\n42\r\n{root}\r"),
        format!("log.example\n42\n{}", root.trim_end_matches('=')),
        format!("log.example\n42\n{}", root.replace("c=", "d=")),
        format!("log.example\n42\n{}", base64::encode(&[0xff; 32]).replace('/', "_")),
        format!("log.example\n42\n{}", base64::encode(&[7; 31])),
        format!("log.example\n42\n{}", base64::encode(&[7; 33])),
        format!("log.example\n42\n{root} "),
        format!("log.example\n42\n{root}\n\nextension"),
        format!("log.example\n42\n{root}\n"),
        format!("log.example\n42\n{root}\n\u{7}"),
    ] {
        assert_eq!(parse(&text), "log-checkpoint-parse", "{text:?}");
    }
}

#[test]
fn l20_malformed_signature_lines() {
    let (note, _) = signed();
    let good = note.to_string();
    for bad in [
        good.trim_end().to_owned(),
        format!("{good}\n"),
        good.replace("\n\n", "\n"),
        good.replace("— ", "- "),
        good.replace("— ", "—"),
        good.replace("— log.example", "— "),
        good.replace("— log.example", "— log+example"),
        good.replace("— log.example", "— log\u{a0}example"),
        good.replace("— log.example ", "— log.example  "),
        good.replace('\n', "\r\n"),
        format!("{}\n— log.example AAAAAA==\n", note.text()),
        format!("{}\n— log.example AAAAAAE\n", note.text()),
        format!("{}\n— log.example\n", note.text()),
    ] {
        let error = Note::parse(&bad).unwrap_err();
        assert_eq!(error.code().name(), "log-checkpoint-parse", "{bad:?}");
    }
}

#[test]
fn l21_signature_lines_are_bounded() {
    let (note, key) = signed();
    let line = note.signatures()[0].clone();
    let mut many = note.clone();
    for _ in 1..limits::CHECKPOINT_SIGNATURES {
        many = many.with_signature(line.clone()).unwrap();
    }
    assert_eq!(key.verify(&Note::parse(&many.to_string()).unwrap()), Ok(()));
    assert_eq!(many.clone().with_signature(line).unwrap_err().code().name(), "limit-sigs");
    let (head, tail) = many.to_string().split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let over = format!("{head}\n\n{tail}— a AAAAAAE=\n");
    assert_eq!(Note::parse(&over).unwrap_err().code().name(), "limit-sigs");
    let long = format!("{head}\n\n{}", "— a AAAAAAE=\n".repeat(10_000));
    assert_eq!(Note::parse(&long).unwrap_err().code().name(), "limit-checkpoint");
}

#[test]
fn l22_other_signatures_beside_the_logs() {
    let (note, key) = signed();
    let own = note.signatures()[0].clone();
    let same_name = NoteSignature { hint: [1, 2, 3, 4], ..own.clone() };
    let witness = NoteSignature { name: "witness.example/w1".to_owned(), ..same_name.clone() };
    let mixed = Note::new(note.text().to_owned(), vec![witness, same_name, own]).unwrap();
    assert_eq!(key.verify(&Note::parse(&mixed.to_string()).unwrap()), Ok(()));
}

#[test]
fn l23_signature_over_other_extension_lines() {
    let (note, key) = signed();
    let extended = checkpoint().with_extensions(vec!["Log frozen".to_owned()]).unwrap();
    let forged = Note::new(extended.text(), note.signatures().to_vec()).unwrap();
    assert_eq!(key.verify(&forged), Err(NoteError::Signature { name: "log.example".to_owned() }));
}

#[test]
fn l24_hint_of_another_key() {
    let (note, key) = signed();
    let other = Signer::new(2);
    let collision = NoteSignature { signature: other.sign(note.text().as_bytes()), ..note.signatures()[0].clone() };
    let forged = Note::new(note.text().to_owned(), vec![collision]).unwrap();
    assert_eq!(key.verify(&forged), Err(NoteError::Signature { name: "log.example".to_owned() }));
    assert_eq!(name(key.verify(&forged)), "log-checkpoint-sig");
}

#[test]
fn key_ids() {
    let key = Signer::new(1).key();
    let id = NoteKey::new("log.example", key.clone()).unwrap().id();
    assert_eq!(id, crate::base::crypto::sha256(&[b"log.example\n\x01", key.key_bytes()]));
    assert_ne!(WitnessKey::new("log.example", key.clone()).unwrap().hint(), id[..4]);
    let ecdsa = p256().1;
    assert_eq!(NoteKey::new("log.example", ecdsa.clone()).unwrap().id(), ecdsa.spki_sha256());
    assert!(WitnessKey::new("w", ecdsa).is_err() && TreeHeadKey::new("t", key.clone()).is_err());
    for bad in ["", "a b", "a+b", "a\n"] {
        assert_eq!(NoteKey::new(bad, key.clone()), Err(NoteError::Name(bad.to_owned())));
    }
}

#[test]
fn verifier_keys() {
    let key = Signer::new(1).key();
    let text = |name: &str, kind: u8, hint: [u8; 4]| {
        format!("{name}+{}+{}", hex::encode(&hint), base64::encode(&[&[kind], key.key_bytes()].concat()))
    };
    let log = NoteKey::new("log.example", key.clone()).unwrap();
    let witness = WitnessKey::new("w.example", key.clone()).unwrap();
    assert_eq!(NoteKey::parse(&text("log.example", 1, log.hint())), Ok(log.clone()));
    assert_eq!(log.verifier_key(), Some(text("log.example", 1, log.hint())));
    assert_eq!(witness.verifier_key(), text("w.example", 4, witness.hint()));
    assert_eq!(WitnessKey::parse(&text("w.example", 4, witness.hint())), Ok(witness));
    for bad in [
        text("other.example", 1, log.hint()),
        text("log.example", 4, log.hint()),
        text("log.example", 1, [0; 4]),
        "log.example".to_owned(),
        "log.example+00000000".to_owned(),
        "log.example+0+AQ==".to_owned(),
    ] {
        assert_eq!(NoteKey::parse(&bad).unwrap_err().code().name(), "note-key", "{bad}");
    }
}

#[test]
fn cosignatures() {
    let (note, _) = signed();
    let signer = Signer::new(3);
    let key = WitnessKey::new("witness.example", signer.key()).unwrap();
    let time = UnixTime::from_secs(1_700_000_000);
    let line = key.signature(time, &signer.sign(&WitnessKey::message(time, note.text())));
    let cosigned = note.clone().with_signature(line.clone()).unwrap();
    assert_eq!(key.verify(&Note::parse(&cosigned.to_string()).unwrap()), Ok(time));
    let wrong = Err(NoteError::Signature { name: "witness.example".to_owned() });
    let later = key.signature(time.plus_secs(1), &line.signature()[8..]);
    assert_eq!(key.verify(&note.clone().with_signature(later).unwrap()), wrong);
    let plain = key.signature(time, &signer.sign(note.text().as_bytes()));
    assert_eq!(key.verify(&note.with_signature(plain).unwrap()), wrong);
}

#[test]
fn tree_heads() {
    let (pair, public) = p256();
    let key = TreeHeadKey::new("ct.example", public).unwrap();
    let time = UnixTime::from_millis(1_700_000_000_123);
    let sign = |checkpoint: &Checkpoint| {
        let signature = pair.sign(&SystemRandom::new(), &TreeHeadKey::message(time, checkpoint)).unwrap();
        Note::new(checkpoint.text(), vec![key.signature(time, signature.as_ref()).unwrap()]).unwrap()
    };
    assert_eq!(key.verify(&sign(&checkpoint())), Ok(time));
    let extended = checkpoint().with_extensions(vec!["more".to_owned()]).unwrap();
    assert_eq!(key.verify(&sign(&extended)), Err(CheckpointError::Extension));
    let other = Checkpoint::new("log.example", 43, [7; 32]).unwrap();
    let moved = Note::new(other.text(), sign(&checkpoint()).signatures().to_vec()).unwrap();
    assert_eq!(key.verify(&moved).unwrap_err().code().name(), "log-checkpoint-sig");
}

fn p256() -> (EcdsaKeyPair, PublicKey) {
    let algorithm = &aws::ECDSA_P256_SHA256_ASN1_SIGNING;
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let prefix = hex::decode("301306072a8648ce3d020106082a8648ce3d030107").unwrap();
    let spki = [prefix, der::bit_string(pair.public_key().as_ref())].concat();
    let public = PublicKey::from_spki(&der::tlv(der::tag::SEQUENCE, &spki)).unwrap();
    (pair, public)
}
