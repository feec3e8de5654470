//! The writer: each function gives one whole encoded value.

use super::{Oid, tag};
use crate::base::time::UnixTime;

/// A value of any tag.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    match content.len() {
        short @ 0..0x80 => out.push(short as u8),
        long => {
            let bytes = long.to_be_bytes();
            let skip = bytes.iter().take_while(|byte| **byte == 0).count();
            out.push(0x80 | (bytes.len() - skip) as u8);
            out.extend_from_slice(&bytes[skip..]);
        }
    }
    out.extend_from_slice(content);
    out
}

/// Values one after another.
pub fn concat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A SEQUENCE of encoded values.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag::SEQUENCE, &parts.concat())
}

/// A SET OF encoded values, sorted (X.690 section 11.6).
pub fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    tlv(tag::SET, &parts.concat())
}

/// An explicitly tagged value.
pub fn explicit(number: u8, value: &[u8]) -> Vec<u8> {
    tlv(tag::context(number), value)
}

/// A non-negative INTEGER from big-endian bytes of any length, made minimal.
pub fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut content = Vec::with_capacity(bytes.len() + 1);
    if bytes.get(skip).is_none_or(|first| first & 0x80 != 0) {
        content.push(0);
    }
    content.extend_from_slice(&bytes[skip..]);
    tlv(tag::INTEGER, &content)
}

/// A non-negative INTEGER.
pub fn integer(value: u64) -> Vec<u8> {
    unsigned(&value.to_be_bytes())
}

/// A BOOLEAN.
pub fn boolean(value: bool) -> Vec<u8> {
    tlv(tag::BOOLEAN, &[if value { 0xff } else { 0 }])
}

/// NULL.
pub fn null() -> Vec<u8> {
    tlv(tag::NULL, &[])
}

/// An OBJECT IDENTIFIER.
pub fn oid(oid: Oid<'_>) -> Vec<u8> {
    tlv(tag::OID, oid.as_bytes())
}

/// An OCTET STRING.
pub fn octet_string(bytes: &[u8]) -> Vec<u8> {
    tlv(tag::OCTET_STRING, bytes)
}

/// A BIT STRING of whole bytes.
pub fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(tag::BIT_STRING, &[&[0], bytes].concat())
}

/// A named-bit list of 16 bits, bit 0 the highest: trailing zero bits are left out (X.690 section 11.2.2).
pub fn named_bits(bits: u16) -> Vec<u8> {
    let bytes = bits.to_be_bytes();
    match bits.trailing_zeros() {
        16 => tlv(tag::BIT_STRING, &[0]),
        unused @ 8..16 => tlv(tag::BIT_STRING, &[unused as u8 - 8, bytes[0]]),
        unused => tlv(tag::BIT_STRING, &[unused as u8, bytes[0], bytes[1]]),
    }
}

/// A UTF8String.
pub fn utf8_string(text: &str) -> Vec<u8> {
    tlv(tag::UTF8_STRING, text.as_bytes())
}

/// An IA5String; the caller gives ASCII.
pub fn ia5_string(text: &str) -> Vec<u8> {
    tlv(tag::IA5_STRING, text.as_bytes())
}

/// A UTCTime, whole seconds.
pub fn utc_time(time: UnixTime) -> Vec<u8> {
    let (year, month, day, hour, minute, second) = time.civil();
    let short = year.rem_euclid(100);
    tlv(tag::UTC_TIME, format!("{short:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z").as_bytes())
}

/// A GeneralizedTime, whole seconds.
pub fn generalized_time(time: UnixTime) -> Vec<u8> {
    let (year, month, day, hour, minute, second) = time.civil();
    let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    tlv(tag::GENERALIZED_TIME, text.as_bytes())
}

/// A certificate's time: UTCTime to 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5).
pub fn x509_time(time: UnixTime) -> Vec<u8> {
    if time.civil().0 < 2050 { utc_time(time) } else { generalized_time(time) }
}
