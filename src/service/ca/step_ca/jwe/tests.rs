use super::*;

/// Made by step's own library (go.step.sm/crypto 0.77.1), for the password `canary password`.
pub(in super::super) const ENCRYPTED: &str = "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJjdHkiOiJqd2sranNvbiIsImVuYyI6IkEyNTZHQ00iLCJwMmMiOjYwMDAwMCwicDJzIjoiZGZtdF9DVC1xbGVnakJEXzJWREFDQSJ9.35vgo_xRjyHMFTKpGanJiLpxQobHvD0dL1a7zSTSB8eDBE1psN3Y-g.LrA_bIto4tXOdbIE.Nwtn8r4QnPOfkXUs1jvysbI8aKM2L_QygDLulAfuoA2LxfD45nV6fhZAR-xg8YCqy3sPp5qzD3OfxzB7WBn5QkE-6dtV0Yao1CsRc51H_Hsw6aq92ZTLIIE6tiCdgk2Cggdn-0nCc-nCHRkQ1cHKIyDhQnEqCiqP5pDtMkJ7JUyMvTzPHfWrR_VK2kPE9A8LRduU3L6d2HhYYiVNM3mRVSwejseZfIy2TMrON7yIut-C7GT37_OQjOw4Z1Q5Iw8Fm1kLDqTdMlB_nkXewKBfaaLAlA2liuF9Yl3ilAIlExxaJZJEaWbtMA8b_2Jbv7qO2gNMDGeL-Q2R9H6ac3s.FwAFHrn3g5oN_7RJTnK2DQ";
pub(in super::super) const PASSWORD: &[u8] = b"canary password";

#[test]
fn a_key_of_steps_own_library_opens() {
    let jwk = open(ENCRYPTED, PASSWORD).unwrap();
    let jwk = String::from_utf8(jwk.to_vec()).unwrap();
    assert!(jwk.contains(r#""crv":"P-256""#) && jwk.contains(r#""d":""#));
}

#[test]
fn one_change_at_a_time() {
    assert_eq!(open(ENCRYPTED, b"another").unwrap_err(), Closed::Password);
    let parts: Vec<&str> = ENCRYPTED.split('.').collect();
    let with = |index: usize, part: &str| {
        let mut changed = parts.clone();
        changed[index] = part;
        open(&changed.join("."), PASSWORD).unwrap_err()
    };
    // Of the sealed part no bit may change, and neither of the header that it is bound to.
    let other = |part: &str| format!("{}{}", if part.starts_with('A') { 'B' } else { 'A' }, &part[1..]);
    for (index, part) in parts.iter().enumerate().skip(2) {
        assert_eq!(with(index, &other(part)), Closed::Unknown, "{index}");
    }
    assert_eq!(with(1, &other(parts[1])), Closed::Password);
    let header = |json: &str| with(0, &base64::encode_url(json.as_bytes()));
    let salted = r#""p2s":"fZzdEl8wuHKUyRQkohbZ8Q""#;
    assert_eq!(header("{}"), Closed::Unknown);
    assert_eq!(header(&format!(r#"{{"alg":"dir","enc":"A256GCM","p2c":1000,{salted}}}"#)), Closed::Unknown);
    assert_eq!(header(&format!(r#"{{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":0,{salted}}}"#)), Closed::Unknown);
    let endless = r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":4000000000,"p2s":"AAAA"}"#;
    assert_eq!(header(endless), Closed::Unknown);
    for bad in ["", "a.b.c", "a.b.c.d.e.f", "....", "!.!.!.!.!"] {
        assert_eq!(open(bad, PASSWORD).unwrap_err(), Closed::Unknown, "{bad}");
    }
}
