//! The reader: a cursor over a slice that gives out elements, each checked before it is given.

use super::{DerError, Oid, tag};
use crate::base::limits;
use crate::base::time::UnixTime;

/// One value: its tag, its content, and its whole encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag byte.
    pub tag: u8,
    /// The content bytes.
    pub content: &'a [u8],
    /// Header and content.
    pub raw: &'a [u8],
    depth: u8,
}

impl<'a> Element<'a> {
    /// A reader of the content, one level deeper.
    pub fn reader(&self) -> Result<Reader<'a>, DerError> {
        let depth = self.depth.checked_add(1).filter(|depth| *depth <= limits::DER_DEPTH).ok_or(DerError::Depth)?;
        Ok(Reader { rest: self.content, depth })
    }

    /// Refuses an element of another tag.
    pub fn expect(self, expected: u8) -> Result<Self, DerError> {
        if self.tag == expected { Ok(self) } else { Err(DerError::Tag { expected, found: self.tag }) }
    }
}

/// A cursor over DER values that stand one after another.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Reader<'a> {
    /// A reader at the top of `input`.
    pub fn new(input: &'a [u8]) -> Self {
        Self { rest: input, depth: 0 }
    }

    /// Reads exactly one value of `tag` that fills `input`, and gives a reader of its content.
    pub fn whole(input: &'a [u8], tag: u8) -> Result<Self, DerError> {
        let mut reader = Self::new(input);
        let element = reader.element()?.expect(tag)?;
        reader.finish()?;
        element.reader()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses what is left.
    pub fn finish(self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError::Trailing) }
    }

    /// The tag of the next value, if there is one.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, whatever its tag.
    pub fn element(&mut self) -> Result<Element<'a>, DerError> {
        let input = self.rest;
        let (&tag, after_tag) = input.split_first().ok_or(DerError::Truncated)?;
        if tag & 0x1f == 0x1f {
            return Err(DerError::Header);
        }
        let (&first, mut after) = after_tag.split_first().ok_or(DerError::Truncated)?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let count = usize::from(first & 0x7f);
            if !(1..=4).contains(&count) {
                return Err(DerError::Header);
            }
            let (bytes, rest) = after.split_at_checked(count).ok_or(DerError::Truncated)?;
            length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            if length < 0x80 || bytes.first() == Some(&0) {
                return Err(DerError::Header);
            }
            after = rest;
        }
        let (content, rest) = after.split_at_checked(length).ok_or(DerError::Truncated)?;
        self.rest = rest;
        let raw = input.get(..input.len() - rest.len()).ok_or(DerError::Truncated)?;
        Ok(Element { tag, content, raw, depth: self.depth })
    }

    /// The next value, which must carry `tag`.
    pub fn expect(&mut self, tag: u8) -> Result<Element<'a>, DerError> {
        self.element()?.expect(tag)
    }

    /// The next value, if it carries `tag`.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, DerError> {
        if self.peek() == Some(tag) { self.element().map(Some) } else { Ok(None) }
    }

    /// A reader of the next value's content, which must carry `tag`.
    pub fn nested(&mut self, tag: u8) -> Result<Reader<'a>, DerError> {
        self.expect(tag)?.reader()
    }

    /// A reader of the next SEQUENCE's content.
    pub fn sequence(&mut self) -> Result<Reader<'a>, DerError> {
        self.nested(tag::SEQUENCE)
    }

    /// An INTEGER's content in minimal two's complement.
    pub fn integer(&mut self) -> Result<&'a [u8], DerError> {
        let content = self.expect(tag::INTEGER)?.content;
        match content {
            [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err(DerError::Value("integer")),
            _ => Ok(content),
        }
    }

    /// A non-negative INTEGER of at most 63 bits.
    pub fn small(&mut self) -> Result<u64, DerError> {
        let content = self.integer()?;
        if content.len() > 8 || content.first().is_some_and(|first| first & 0x80 != 0) {
            return Err(DerError::Value("integer"));
        }
        Ok(content.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// A BOOLEAN: `ff` or `00` only.
    pub fn boolean(&mut self) -> Result<bool, DerError> {
        match self.expect(tag::BOOLEAN)?.content {
            [0xff] => Ok(true),
            [0] => Ok(false),
            _ => Err(DerError::Value("boolean")),
        }
    }

    /// An OBJECT IDENTIFIER.
    pub fn oid(&mut self) -> Result<Oid<'a>, DerError> {
        Oid::parse(self.expect(tag::OID)?.content)
    }

    /// An OCTET STRING's bytes.
    pub fn octets(&mut self) -> Result<&'a [u8], DerError> {
        Ok(self.expect(tag::OCTET_STRING)?.content)
    }

    /// A BIT STRING that holds whole bytes.
    pub fn bits(&mut self) -> Result<&'a [u8], DerError> {
        match self.expect(tag::BIT_STRING)?.content.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(DerError::Value("bit string")),
        }
    }

    /// A named-bit list as its first 16 bits, bit 0 the highest; unused bits must be zero and trailing
    /// zero bits left out (X.690 section 11.2.2).
    pub fn named_bits(&mut self) -> Result<u16, DerError> {
        let malformed = DerError::Value("bit string");
        let (&unused, bytes) = self.expect(tag::BIT_STRING)?.content.split_first().ok_or(malformed)?;
        let Some(&last) = bytes.last() else {
            return if unused == 0 { Ok(0) } else { Err(malformed) };
        };
        if unused > 7 || bytes.len() > 2 || u32::from(unused) != last.trailing_zeros() {
            return Err(malformed);
        }
        Ok(u16::from_be_bytes([bytes[0], bytes.get(1).copied().unwrap_or(0)]))
    }

    /// A UTF8String.
    pub fn utf8(&mut self) -> Result<&'a str, DerError> {
        let content = self.expect(tag::UTF8_STRING)?.content;
        std::str::from_utf8(content).map_err(|_| DerError::Value("UTF8String"))
    }

    /// A certificate's time: UTCTime to 2049, GeneralizedTime from 2050 on, whole seconds, `Z`
    /// (RFC 5280 section 4.1.2.5).
    pub fn x509_time(&mut self) -> Result<UnixTime, DerError> {
        let element = self.element()?;
        let malformed = DerError::Value("time");
        let text = std::str::from_utf8(element.content).map_err(|_| malformed)?;
        match element.tag {
            tag::UTC_TIME if text.len() == 13 => {
                let short: i64 = digits(text, 0, 2).ok_or(malformed)?;
                let year = if short < 50 { 2000 + short } else { 1900 + short };
                moment(year, text.get(2..).ok_or(malformed)?).ok_or(malformed)
            }
            tag::GENERALIZED_TIME if text.len() == 15 => {
                let year = digits(text, 0, 4).ok_or(malformed)?;
                if year < 2050 {
                    return Err(malformed);
                }
                moment(year, text.get(4..).ok_or(malformed)?).ok_or(malformed)
            }
            _ => Err(malformed),
        }
    }

    /// A GeneralizedTime in UTC, with or without a fraction of a second, which is kept to the
    /// millisecond (RFC 3161 section 2.4.2: no trailing zeros).
    pub fn generalized_time(&mut self) -> Result<UnixTime, DerError> {
        let malformed = DerError::Value("time");
        let content = self.expect(tag::GENERALIZED_TIME)?.content;
        let text = std::str::from_utf8(content).map_err(|_| malformed)?;
        let whole = text.strip_suffix('Z').ok_or(malformed)?;
        let (whole, fraction) = whole.split_once('.').map_or((whole, None), |(whole, f)| (whole, Some(f)));
        if whole.len() != 14 {
            return Err(malformed);
        }
        let year = digits(whole, 0, 4).ok_or(malformed)?;
        let rest = whole.get(4..).ok_or(malformed)?;
        let time = moment(year, &format!("{rest}Z")).ok_or(malformed)?;
        let Some(fraction) = fraction else { return Ok(time) };
        let plain = fraction.bytes().all(|c| c.is_ascii_digit()) && fraction.len() <= 9;
        if fraction.is_empty() || fraction.ends_with('0') || !plain {
            return Err(malformed);
        }
        let millis = fraction.bytes().chain(*b"000").take(3).fold(0, |n, d| n * 10 + i64::from(d - b'0'));
        Ok(UnixTime::from_millis(time.millis() + millis))
    }
}

fn digits(text: &str, at: usize, count: usize) -> Option<i64> {
    let part = text.as_bytes().get(at..at + count)?;
    part.iter().all(u8::is_ascii_digit).then(|| part.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

/// `MMDDHHMMSSZ` in a given year.
fn moment(year: i64, text: &str) -> Option<UnixTime> {
    if text.len() != 11 || !text.ends_with('Z') {
        return None;
    }
    let part = |at| digits(text, at, 2).and_then(|n| u8::try_from(n).ok());
    UnixTime::from_civil(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?)
}
