//! TimeStampToken and its TSTInfo, RFC 3161 section 2.4.2.

use std::time::Duration;

use super::TokenError;
use super::cms::{SignedData, SignerInfo};
use super::request::MessageImprint;
use crate::base::encoding::der::{Element, Oid, Reader, tag};
use crate::base::limits;
use crate::base::time::UnixTime;

/// A token: what is stated, and who signed the statement. Nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampToken<'a> {
    /// What is stated.
    pub info: TstInfo<'a>,
    /// The TSTInfo's bytes, which the signer's messageDigest is over.
    pub content: &'a [u8],
    /// Who signed.
    pub signer: SignerInfo<'a>,
    /// The certificates that travel with it, in DER.
    pub certificates: Vec<&'a [u8]>,
}

impl<'a> TimestampToken<'a> {
    /// Reads a token: the ContentInfo that a granted response holds.
    pub fn read(element: Element<'a>) -> Result<Self, TokenError> {
        let signed = SignedData::read(element)?;
        let info = TstInfo::parse(signed.content)?;
        Ok(Self { info, content: signed.content, signer: signed.signer, certificates: signed.certificates })
    }
}

/// TSTInfo: the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TstInfo<'a> {
    /// The policy that the token was issued under.
    pub policy: Oid<'a>,
    /// What was timestamped.
    pub imprint: MessageImprint,
    /// The token's number: the content of its INTEGER.
    pub serial: &'a [u8],
    /// genTime, fractions of a second kept to the millisecond.
    pub time: UnixTime,
    /// How far `time` may be off, when stated; at most [`limits::TIMESTAMP_ACCURACY_SECS`].
    pub accuracy: Option<Duration>,
    /// The request's nonce: the content of its INTEGER.
    pub nonce: Option<&'a [u8]>,
}

impl<'a> TstInfo<'a> {
    /// Reads a TSTInfo in DER that fills `der`.
    pub fn parse(der: &'a [u8]) -> Result<Self, TokenError> {
        let mut body = Reader::whole(der, tag::SEQUENCE)?;
        if body.small()? != 1 {
            return Err(TokenError::Malformed("TSTInfo is not of version 1"));
        }
        let policy = body.oid()?;
        let imprint = MessageImprint::read(body.expect(tag::SEQUENCE)?)?;
        let serial = body.integer()?;
        let time = body.generalized_time()?;
        let accuracy = match body.optional(tag::SEQUENCE)? {
            Some(accuracy) => Some(read_accuracy(accuracy)?),
            None => None,
        };
        if body.peek() == Some(tag::BOOLEAN) && !body.boolean()? {
            return Err(TokenError::Malformed("TSTInfo writes out a default"));
        }
        let nonce = if body.peek() == Some(tag::INTEGER) { Some(body.integer()?) } else { None };
        // The authority's name is a hint for finding its certificate; ours is pinned.
        if let Some(name) = body.optional(tag::context(0))? {
            let mut name = name.reader()?;
            name.element()?;
            name.finish()?;
        }
        if let Some(extensions) = body.optional(tag::context(1))? {
            refuse_critical(extensions.reader()?)?;
        }
        body.finish()?;
        Ok(Self { policy, imprint, serial, time, accuracy, nonce })
    }
}

/// Accuracy: seconds, milliseconds and microseconds, each optional, the latter two within 1 to 999.
fn read_accuracy(element: Element<'_>) -> Result<Duration, TokenError> {
    let mut body = element.reader()?;
    let seconds = if body.peek() == Some(tag::INTEGER) { body.small()? } else { 0 };
    let mut part = |number| -> Result<u64, TokenError> {
        let Some(element) = body.optional(tag::context_primitive(number))? else { return Ok(0) };
        match *element.content {
            [value @ 1..=0x7f] => Ok(u64::from(value)),
            [high @ 0..=3, low] if (high, low) >= (0, 0x80) && (high, low) <= (3, 0xe7) => {
                Ok(u64::from(high) << 8 | u64::from(low))
            }
            _ => Err(TokenError::Malformed("accuracy")),
        }
    };
    let (millis, micros) = (part(0)?, part(1)?);
    body.finish()?;
    let accuracy = Duration::from_secs(seconds) + Duration::from_micros(millis * 1000 + micros);
    if accuracy > Duration::from_secs(limits::TIMESTAMP_ACCURACY_SECS) {
        Err(TokenError::Accuracy)
    } else {
        Ok(accuracy)
    }
}

/// No extension is known, so none may be critical (RFC 5280 section 4.2).
fn refuse_critical(mut extensions: Reader<'_>) -> Result<(), TokenError> {
    while !extensions.is_empty() {
        let mut extension = extensions.sequence()?;
        extension.oid()?;
        if extension.peek() == Some(tag::BOOLEAN) {
            return Err(TokenError::Malformed("critical extension"));
        }
        extension.octets()?;
        extension.finish()?;
    }
    Ok(())
}
