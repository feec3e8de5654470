//! DER, X.690 section 10, read without copying and written by concatenation.
//!
//! Our own small reader rather than a derive-based crate: it refuses every non-canonical form, bounds
//! its depth, keeps the raw bytes that signatures are checked over, and the stack writes with the same
//! tags that the verifier reads.

mod reader;
mod write;

use std::fmt;

use thiserror::Error;

pub use reader::{Element, Reader};
pub use write::{
    bit_string, boolean, concat, explicit, generalized_time, ia5_string, integer, named_bits, null, octet_string, oid,
    sequence, set_of, tlv, unsigned, utc_time, utf8_string, x509_time,
};

/// Tags of the universal class that our formats use.
pub mod tag {
    /// BOOLEAN
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING
    pub const BIT_STRING: u8 = 0x03;
    /// OCTET STRING
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER
    pub const OID: u8 = 0x06;
    /// UTF8String
    pub const UTF8_STRING: u8 = 0x0c;
    /// PrintableString
    pub const PRINTABLE_STRING: u8 = 0x13;
    /// IA5String
    pub const IA5_STRING: u8 = 0x16;
    /// UTCTime
    pub const UTC_TIME: u8 = 0x17;
    /// GeneralizedTime
    pub const GENERALIZED_TIME: u8 = 0x18;
    /// SEQUENCE
    pub const SEQUENCE: u8 = 0x30;
    /// SET
    pub const SET: u8 = 0x31;

    /// A constructed, context-specific tag.
    pub const fn context(number: u8) -> u8 {
        0xa0 | number
    }

    /// A primitive, context-specific tag.
    pub const fn context_primitive(number: u8) -> u8 {
        0x80 | number
    }
}

/// Why bytes are not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DerError {
    /// The input ends within a value.
    #[error("DER ends early")]
    Truncated,
    /// A value of another tag.
    #[error("DER tag {found:#04x} where {expected:#04x} is expected")]
    Tag {
        /// The tag expected.
        expected: u8,
        /// The tag found.
        found: u8,
    },
    /// A length that is indefinite, not minimal, or beyond 4 GiB; or a multi-byte tag.
    #[error("DER header is not canonical")]
    Header,
    /// Bytes after the value.
    #[error("bytes follow the DER value")]
    Trailing,
    /// Values nested deeper than [`DER_DEPTH`](crate::base::limits::DER_DEPTH).
    #[error("DER nested too deep")]
    Depth,
    /// A value that is not canonical or out of its range.
    #[error("DER {0} is malformed")]
    Value(&'static str),
}

/// An object identifier: the content bytes of its DER form, already checked to be canonical.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid<'a>(&'a [u8]);

impl<'a> Oid<'a> {
    /// An identifier from content bytes that are known to be canonical: for constants.
    pub const fn constant(content: &'a [u8]) -> Self {
        Self(content)
    }

    /// An identifier from received content bytes, which must be canonical.
    pub fn parse(content: &'a [u8]) -> Result<Self, DerError> {
        let ends = content.last().is_some_and(|last| last & 0x80 == 0);
        let mut starts_arc = true;
        let mut minimal = true;
        let mut arc_bytes = 0;
        for byte in content {
            minimal &= !(starts_arc && *byte == 0x80);
            arc_bytes = if starts_arc { 1 } else { arc_bytes + 1 };
            // Arcs beyond 63 bits name nothing that we know; refusing them keeps printing exact.
            minimal &= arc_bytes <= 9;
            starts_arc = byte & 0x80 == 0;
        }
        if ends && minimal { Ok(Self(content)) } else { Err(DerError::Value("object identifier")) }
    }

    /// The content bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Display for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arc: u64 = 0;
        let mut first = true;
        for byte in self.0 {
            arc = arc << 7 | u64::from(byte & 0x7f);
            if byte & 0x80 != 0 {
                continue;
            }
            if first {
                let root = (arc / 40).min(2);
                write!(f, "{root}.{}", arc - root * 40)?;
                first = false;
            } else {
                write!(f, ".{arc}")?;
            }
            arc = 0;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
