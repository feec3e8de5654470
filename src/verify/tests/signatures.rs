//! Rows about the bytes of a signature and of what is signed.

use super::*;
use crate::base::encoding::base64;
use crate::base::encoding::der::{self, Reader};
use crate::format::x509::San;
use crate::format::x509::build::Extension;
use crate::verify::testing::cases;

/// The order of P-256's group (SEC 2 section 2.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The order of Ed25519's group (RFC 8032 section 5.1), little-endian.
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The other signature that verifies: (r, n - s) for (r, s).
fn negated(signature: &[u8]) -> Vec<u8> {
    let mut pair = Reader::new(signature).sequence().unwrap();
    let (r, s) = (pair.integer().unwrap(), pair.integer().unwrap());
    let s: Vec<u8> = std::iter::repeat_n(0, 33 - s.len()).chain(s.iter().copied()).skip(1).collect();
    let mut borrow = 0;
    let mut other = [0; 32];
    for at in (0..32).rev() {
        let difference = 256 + u16::from(P256_ORDER[at]) - u16::from(s[at]) - borrow;
        borrow = u16::from(difference < 256);
        other[at] = u8::try_from(difference % 256).unwrap();
    }
    der::sequence(&[&der::unsigned(r), &der::unsigned(&other)])
}

#[test]
fn s04_high_s_with_its_entry() {
    let world = World::new();
    let mut signed = world.message(&Key::p256());
    let Content::Message { signature, .. } = &mut signed.content else { panic!() };
    let first = signature.clone();
    *signature = negated(&first);
    assert!(world.verify(&world.complete_v2(signed.clone())).is_ok());
    // The entry of the first form is about other bytes.
    let other = negated(signed.content.signature());
    assert_eq!(other, first);
    let mut swapped = world.complete_v2(signed);
    let Content::Message { signature, .. } = &mut swapped.content else { panic!() };
    *signature = other;
    assert_eq!(world.code(&swapped), "log-body-mismatch");
}

#[test]
fn s06_ed25519_s_beyond_the_order() {
    let key = Key::ed25519();
    let mut signature = key.sign(ARTIFACT);
    assert!(key.public().verify(key.scheme(), ARTIFACT, &signature).is_ok());
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ED25519_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        carry = sum / 256;
        *byte = u8::try_from(sum % 256).unwrap();
    }
    assert_eq!(key.public().verify(key.scheme(), ARTIFACT, &signature).unwrap_err().code().name(), "sig-invalid");
    let world = World::new();
    let mut message = world.message(&key);
    let Content::Message { signature: place, .. } = &mut message.content else { panic!() };
    *place = signature;
    assert_eq!(world.code(&world.complete_v2(message)), "sig-invalid");
}

#[test]
fn s16_payload_encoded_anew() {
    let world = World::new();
    let signed = world.v2_attestation();
    let Content::Dsse(envelope) = &signed.content else { panic!() };
    // The alphabet of URLs, where it differs.
    let mut url_safe = envelope.clone();
    url_safe.payload.extend([b' ', 0xfb, 0xff]);
    let json = Signed { content: Content::Dsse(url_safe.clone()), ..signed.clone() }.bundle().to_json();
    let payload = base64::encode(&url_safe.payload);
    let json = json.replace(&payload, &payload.replace('+', "-").replace('/', "_"));
    assert_eq!(UnverifiedBundle::parse(json.as_bytes()).unwrap_err().code().name(), "bundle-base64");
    // The same JSON with a space.
    let mut spaced = envelope.clone();
    spaced.payload.insert(1, b' ');
    let resigned = Signed { content: Content::Dsse(spaced), ..signed };
    assert_eq!(world.code(&world.complete_v2(resigned)), "sig-invalid");
}

#[test]
fn s18_weak_digests() {
    let world = World::new();
    let json = world.v2_message().bundle().to_json();
    for weak in ["SHA1", "MD5", "SHA2_224"] {
        let json = json.replace("SHA2_256", weak);
        let error = UnverifiedBundle::parse(json.as_bytes()).unwrap_err();
        assert_eq!(error.code().name(), "digest-alg", "{weak}");
        cases::bundle(json.as_bytes(), error.code());
    }
}

#[test]
fn c27_a_root_in_the_bundle_is_not_trusted() {
    let (world, mut attacker) = (World::new(), World::new());
    attacker.root = Authority::root("attacker's root");
    attacker.issuer = attacker.root.intermediate("attacker's issuer");
    let key = Key::p256();
    let template = Template::leaf(&key).with(Extension::subject_alt_name(&San::Email("signer@example.com".to_owned())));
    let signed = Signed { leaf: attacker.certify(template), ..world.message(&key) };
    let signed = world.complete_v2(signed);
    let chain = [&signed.leaf, &attacker.issuer.certificate, &attacker.root.certificate];
    let certificates: Vec<_> =
        chain.iter().map(|c| format!("{{\"rawBytes\":\"{}\"}}", base64::encode(c.der()))).collect();
    let single = format!("\"certificate\":{}", certificates[0]);
    let chain = format!("\"x509CertificateChain\":{{\"certificates\":[{}]}}", certificates.join(","));
    let v0_3 = signed.bundle().to_json().replace(&single, &chain);
    assert_eq!(UnverifiedBundle::parse(v0_3.as_bytes()).unwrap_err().code().name(), "bundle-version-mix");
    let v0_2 = v0_3.replace(
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
    );
    let bundle = UnverifiedBundle::parse(v0_2.as_bytes()).unwrap();
    let VerificationMaterial::Certificate(material) = bundle.claimed_material() else { panic!() };
    assert_eq!(material.intermediates, [attacker.issuer.certificate]);
    let verdict = world.verifier().verify(&Artifact::from_bytes(ARTIFACT), &bundle, &Requirements::STRICT, NOW);
    assert_eq!(code(verdict), "chain-untrusted");
}
