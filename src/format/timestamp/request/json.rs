//! The JSON form of a request: `artifactHash`, `hashAlgorithm`, and optionally `certificates`, `nonce`
//! and `tsaPolicyOID`. sigstore-js sends it.

use super::{MessageImprint, RequestError, TimestampRequest};
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::der::Oid;
use crate::base::encoding::json::{Fields, Json, ShapeError};
use crate::base::limits;

impl TimestampRequest {
    /// Reads a request in JSON that fills `json`. The nonce is an integer of at most 64 bits.
    pub fn parse_json(json: &[u8]) -> Result<Self, RequestError> {
        const LIMIT: usize = limits::TIMESTAMP_REQUEST_JSON_BYTES;
        if json.len() > LIMIT {
            return Err(RequestError::TooLong { found: json.len(), limit: LIMIT });
        }
        let json = Json::parse(json)?;
        let mut fields = Fields::of(&json, "")?;
        let hash = fields.require_bytes("artifactHash")?;
        let algorithm = fields.require_string("hashAlgorithm")?;
        let certificates = match fields.take("certificates") {
            None => false,
            Some(Json::Bool(wanted)) => *wanted,
            Some(_) => return Err(ShapeError::Type { path: "certificates".to_owned(), expected: "a boolean" }.into()),
        };
        let nonce = match fields.take("nonce") {
            None => None,
            Some(Json::Integer(nonce)) => Some(u64::try_from(*nonce).map_err(|_| RequestError::Nonce)?),
            Some(_) => return Err(RequestError::Nonce),
        };
        let policy = match fields.string("tsaPolicyOID")? {
            None | Some("") => None,
            Some(text) => Some(parse_oid(text).ok_or(RequestError::Policy)?),
        };
        fields.finish()?;
        let digest = DigestAlgorithm::from_name(algorithm)
            .and_then(|algorithm| Digest::from_bytes(algorithm, &hash))
            .ok_or(RequestError::Imprint)?;
        let nonce = nonce.map(u64::to_be_bytes);
        let request = Self::new(digest, nonce.as_ref().map(<[u8; 8]>::as_slice), certificates);
        Ok(Self { policy, imprint: MessageImprint::new(digest), ..request })
    }
}

/// The DER content of a dotted object identifier.
fn parse_oid(text: &str) -> Option<Vec<u8>> {
    let mut arcs = text.split('.').map(|arc| {
        let plain = arc.bytes().all(|c| c.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'));
        if plain { arc.parse::<u64>().ok() } else { None }
    });
    let (first, second) = (arcs.next()??, arcs.next()??);
    if first > 2 || (first < 2 && second > 39) {
        return None;
    }
    let mut content = Vec::new();
    push_arc(&mut content, second.checked_add(first * 40)?);
    for arc in arcs {
        push_arc(&mut content, arc?);
    }
    let fits = content.len() <= limits::TIMESTAMP_POLICY_BYTES;
    if fits { Oid::parse(&content).ok().map(|oid| oid.as_bytes().to_vec()) } else { None }
}

fn push_arc(content: &mut Vec<u8>, arc: u64) {
    let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        content.push((arc >> (7 * group)) as u8 & 0x7f | more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_identifiers() {
        for text in ["1.3.6.1.4.1.57264.2", "2.999.1", "0.0", "2.16.840.1.101.3.4.2.1", "1.2.4294967296"] {
            let content = parse_oid(text).unwrap();
            assert_eq!(Oid::parse(&content).unwrap().to_string(), text);
        }
        let long = format!("1.2{}", ".1".repeat(70));
        for bad in ["", "1", "1.", "3.1", "1.40", "1.2.03", "1.2.-1", "1.2.18446744073709551616", "1..2", "a.b", &long]
        {
            assert_eq!(parse_oid(bad), None, "{bad}");
        }
    }
}
