//! Tokens good and bad: each refusal for its own reason.

use super::*;
use crate::format::x509::testing::Key;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const ISSUER: &str = "https://issuer.example";
const EXPECTED: Expected<'_> = Expected { issuer: ISSUER, audience: "sigstore", now: NOW };

fn keys(key: &Key) -> KeySet {
    KeySet::new(vec![Jwk::new("one", key.public().clone())])
}

fn good_payload() -> String {
    let now = NOW.secs();
    format!(r#"{{"iss":"{ISSUER}","aud":"sigstore","sub":"me","iat":{now},"nbf":{now},"exp":{}}}"#, now + 600)
}

/// A token with any header, signed by `key` as ES256.
fn token(key: &Key, header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", base64::encode_url(header.as_bytes()), base64::encode_url(payload.as_bytes()));
    let signature = from_der(&key.sign(signed.as_bytes()), 32).unwrap();
    format!("{signed}.{}", base64::encode_url(&signature))
}

const HEADER: &str = r#"{"alg":"ES256","kid":"one","typ":"JWT"}"#;

fn check(key: &Key, text: &str) -> Result<Claims, JwtError> {
    let claims = UnverifiedToken::parse(text)?.verify(&keys(key))?;
    claims.check(&EXPECTED)?;
    Ok(claims)
}

/// The code that refuses a token with this payload.
fn payload_code(payload: &str) -> &'static str {
    let key = Key::p256();
    check(&key, &token(&key, HEADER, payload)).unwrap_err().code().name()
}

/// The code that refuses a token with this header.
fn header_code(header: &str) -> &'static str {
    let key = Key::p256();
    check(&key, &token(&key, header, &good_payload())).unwrap_err().code().name()
}

#[test]
fn what_we_write_we_read() {
    let key = Key::p256();
    let text = write_es256::<DerError>("one", &good_payload(), |message| Ok(key.sign(message))).unwrap();
    let claims = check(&key, &text).unwrap();
    assert_eq!(claims.text("sub"), Some("me"));
    let jwk = crate::base::encoding::json::canonical(&keys(&key).find(None).unwrap().to_json().unwrap()).unwrap();
    let set = KeySet::parse(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes()).unwrap();
    UnverifiedToken::parse(&text).unwrap().verify(&set).unwrap();
}

#[test]
fn f01_no_token_or_a_huge_one() {
    for (text, code) in [
        (String::new(), "token-parse"),
        ("a".into(), "token-parse"),
        (".".repeat(1000), "token-parse"),
        (".".repeat(1_000_000), "limit-token"),
        ("a".repeat(10 << 20), "limit-token"),
    ] {
        assert_eq!(UnverifiedToken::parse(&text).unwrap_err().code().name(), code);
    }
}

#[test]
fn f02_f03_f04_algorithms() {
    for alg in ["none", "None", "nOnE", "HS256", "HS384", "PS256", "ES256K", ""] {
        assert_eq!(header_code(&format!(r#"{{"alg":"{alg}","kid":"one"}}"#)), "token-alg", "{alg}");
    }
    assert_eq!(header_code(r#"{"kid":"one"}"#), "token-parse");
    // RS256 and ES384 with a P-256 key.
    for alg in ["RS256", "ES384", "EdDSA"] {
        assert_eq!(header_code(&format!(r#"{{"alg":"{alg}","kid":"one"}}"#)), "token-alg", "{alg}");
    }
    // ES256 with a P-384 key.
    let (p256, p384) = (Key::p256(), Key::p384());
    let text = token(&p256, HEADER, &good_payload());
    assert_eq!(check(&p384, &text).unwrap_err().code().name(), "token-alg");
    // The set allows the key another algorithm only.
    let mut json = keys(&p256).find(None).unwrap().to_json().unwrap();
    if let Json::Object(members) = &mut json {
        members[0].1 = Json::String("ES384".into());
    }
    let set = format!(r#"{{"keys":[{}]}}"#, crate::base::encoding::json::canonical(&json).unwrap());
    let refused = UnverifiedToken::parse(&text).unwrap().verify(&KeySet::parse(set.as_bytes()).unwrap());
    assert_eq!(refused.unwrap_err().code().name(), "token-alg");
}

#[test]
fn f05_key_material_in_the_header_is_not_looked_at() {
    let (own, other) = (Key::p256(), Key::p256());
    let header = r#"{"alg":"ES256","kid":"one","jku":"https://evil.example","x5u":"https://evil.example","jwk":{}}"#;
    let forged = token(&other, header, &good_payload());
    assert_eq!(check(&own, &forged).unwrap_err().code().name(), "token-signature");
    for extra in [r#""crit":["b64"]"#, r#""b64":false"#, r#""zip":"DEF""#, r#""cty":"JWT""#] {
        assert_eq!(header_code(&format!(r#"{{"alg":"ES256","kid":"one",{extra}}}"#)), "token-parse", "{extra}");
    }
}

#[test]
fn f06_kid() {
    for kid in ["two", "../../etc/passwd", "' or 1=1 --"] {
        assert_eq!(header_code(&format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#)), "token-key-unknown", "{kid}");
    }
    assert_eq!(header_code(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(300))), "token-parse");
    let (one, two) = (Key::p256(), Key::p256());
    let text = token(&one, r#"{"alg":"ES256"}"#, &good_payload());
    assert!(check(&one, &text).is_ok());
    let set = KeySet::new(vec![Jwk::new("one", one.public().clone()), Jwk::new("two", two.public().clone())]);
    let refused = UnverifiedToken::parse(&text).unwrap().verify(&set);
    assert_eq!(refused.unwrap_err().code().name(), "token-key-unknown");
}

#[test]
fn f07_audience() {
    for audience in [r#""other""#, r#"["sigstore","other"]"#, r#""sigstore2""#, "[]", "1"] {
        let payload = good_payload().replace(r#""sigstore""#, audience);
        assert_eq!(payload_code(&payload), "token-audience", "{audience}");
    }
    assert_eq!(payload_code(&good_payload().replace(r#""aud":"sigstore","#, "")), "token-audience");
    let key = Key::p256();
    let list = good_payload().replace(r#""sigstore""#, r#"["sigstore"]"#);
    assert!(check(&key, &token(&key, HEADER, &list)).is_ok());
}

#[test]
fn f08_times() {
    let now = NOW.secs();
    let with = |exp: &str, iat: &str, nbf: &str| {
        format!(r#"{{"iss":"{ISSUER}","aud":"sigstore","exp":{exp},"iat":{iat},"nbf":{nbf}}}"#)
    };
    let (later, now_text) = ((now + 600).to_string(), now.to_string());
    for (exp, iat, nbf, code) in [
        ((now - 5).to_string(), now - 600, now - 600, "token-expired"),
        ((now + 600).to_string(), now + 6, now, "token-not-yet-valid"),
        ((now + 600).to_string(), now, now + 6, "token-not-yet-valid"),
        ((now + limits::TOKEN_LIFETIME_SECS + 1).to_string(), now, now, "token-lifetime"),
        ("1e300".into(), now, now, "token-parse"),
        ("\"1900000000\"".into(), now, now, "token-parse"),
        ("-1".into(), now, now, "token-parse"),
    ] {
        assert_eq!(payload_code(&with(&exp, &iat.to_string(), &nbf.to_string())), code, "{exp} {iat} {nbf}");
    }
    assert_eq!(payload_code(&with(&later, &now_text, &now_text).replace(r#""exp""#, r#""exq""#)), "token-parse");
    let key = Key::p256();
    let edge = with(&(now - 4).to_string(), &(now + 5).to_string(), &(now + 5).to_string());
    assert!(check(&key, &token(&key, HEADER, &edge)).is_ok());
}

#[test]
fn f09_issuer() {
    for issuer in
        ["https://issuer.example/", "https://Issuer.example", "https://issuer.example:443", "http://issuer.example"]
    {
        assert_eq!(payload_code(&good_payload().replace(ISSUER, issuer)), "token-issuer", "{issuer}");
    }
}

#[test]
fn f13_key_sets() {
    let rsa = |n: &[u8], e: &str| {
        format!(r#"{{"keys":[{{"kty":"RSA","kid":"a","n":"{}","e":"{e}"}}]}}"#, base64::encode_url(n))
    };
    let mut modulus = vec![0xc1; 256];
    assert!(KeySet::parse(rsa(&modulus, "AQAB").as_bytes()).is_ok());
    assert!(matches!(KeySet::parse(rsa(&modulus, "Aw").as_bytes()), Err(JwtError::Key(KeyError::Weak(_)))));
    modulus.truncate(128);
    assert!(matches!(KeySet::parse(rsa(&modulus, "AQAB").as_bytes()), Err(JwtError::Key(KeyError::Weak(_)))));
    let p256 = Key::p256();
    let json = keys(&p256).find(None).unwrap().to_json().unwrap();
    let one = crate::base::encoding::json::canonical(&json).unwrap();
    let set = |items: &[&str]| KeySet::parse(format!(r#"{{"keys":[{}]}}"#, items.join(",")).as_bytes());
    assert_eq!(set(&[&one, &one]), Err(JwtError::KeySet("the same kid twice")));
    assert_eq!(set(&[&one.replace("sig", "enc")]), Err(JwtError::KeySet("no key that we use")));
    assert_eq!(set(&[&one, &one]).unwrap_err().code().name(), "key-set-parse");
    assert!(set(&[&one, r#"{"kty":"oct","k":"AAAA"}"#]).unwrap().find(None).is_some());
    assert!(matches!(set(&vec![one.as_str(); 65]), Err(JwtError::Shape(ShapeError::TooMany { .. }))));
    assert_eq!(KeySet::parse(&vec![b' '; limits::KEY_SET_BYTES + 1]), Err(JwtError::KeySet("too long")));
}

#[test]
fn f17_duplicate_claims() {
    assert_eq!(payload_code(&good_payload().replace("{", r#"{"sub":"other","#)), "token-parse");
}

#[test]
fn f18_nested_and_encrypted_tokens() {
    assert_eq!(UnverifiedToken::parse("a.b.c.d.e").unwrap_err(), JwtError::Parts);
    let key = Key::p256();
    let inner = token(&key, HEADER, &good_payload());
    assert_eq!(payload_code(&format!("\"{inner}\"")), "token-parse");
}

#[test]
fn signatures_are_of_one_form() {
    let key = Key::p256();
    let text = token(&key, HEADER, &good_payload());
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let fixed = base64::decode_url(signature).unwrap();
    let der = to_der(&fixed, 32).unwrap();
    for bad in [der, vec![], vec![0; 64], fixed[..63].to_vec(), [&fixed[..], &[0]].concat()] {
        let forged = format!("{signed}.{}", base64::encode_url(&bad));
        assert_eq!(check(&key, &forged).unwrap_err(), JwtError::Signature);
    }
    assert_eq!(check(&Key::p256(), &text).unwrap_err(), JwtError::Signature);
}

#[test]
fn f32_values_are_exact() {
    let claims = Claims::parse(br#"{"a":1e3,"b":12345678901,"c":true,"d":["x",1],"e":{"f":1},"g":""}"#).unwrap();
    assert_eq!(claims.get("a"), Some(&ClaimValue::Other));
    assert_eq!(claims.get("b"), Some(&ClaimValue::Integer(12_345_678_901)));
    assert_eq!(claims.get("c"), Some(&ClaimValue::Bool(true)));
    assert_eq!(claims.get("d"), Some(&ClaimValue::Other));
    assert_eq!(claims.get("e"), Some(&ClaimValue::Object(vec![("f".to_owned(), ClaimValue::Integer(1))])));
    assert_eq!(claims.text("g"), None);
}
