//! TimeStampResp, RFC 3161 section 2.4.2, and its PKIStatusInfo.

use std::fmt;

use super::TokenError;
use super::token::TimestampToken;
use crate::base::encoding::der::{DerError, Reader, tag};
use crate::base::limits;

/// An authority's answer. The two kinds cannot be mixed: a token comes with status 0 only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimestampResponse<'a> {
    /// Status 0, granted.
    Granted(Box<TimestampToken<'a>>),
    /// Any status that comes without a token.
    Rejected(Rejection),
}

impl<'a> TimestampResponse<'a> {
    /// Reads a response in DER that fills `der`.
    ///
    /// `grantedWithMods` (1) is an error: what was asked is not what was given, and clients of the field
    /// refuse it.
    pub fn parse(der: &'a [u8]) -> Result<Self, TokenError> {
        if der.len() > limits::TIMESTAMP_BYTES {
            return Err(TokenError::TooLong { found: der.len() });
        }
        let mut body = Reader::whole(der, tag::SEQUENCE)?;
        let rejection = Rejection::read(&mut body.sequence()?)?;
        let token = if body.is_empty() { None } else { Some(body.element()?) };
        body.finish()?;
        match (rejection.status, token) {
            (0, Some(token)) => Ok(Self::Granted(Box::new(TimestampToken::read(token)?))),
            (2..=5, None) => Ok(Self::Rejected(rejection)),
            (status, token) => Err(TokenError::Status { status, with_token: token.is_some() }),
        }
    }
}

/// PKIStatusInfo of an answer without a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// PKIStatus: 2 rejection, 3 waiting, 4 and 5 about revocation.
    pub status: u64,
    /// What the authority says, in its own words; nobody signed it.
    pub text: Option<String>,
    /// The first failure that it names.
    pub failure: Option<Failure>,
}

impl Rejection {
    fn read(body: &mut Reader<'_>) -> Result<Self, TokenError> {
        let status = body.small()?;
        let mut text = None;
        if let Some(texts) = body.optional(tag::SEQUENCE)? {
            let mut texts = texts.reader()?;
            while !texts.is_empty() {
                let next = texts.utf8()?;
                text.get_or_insert_with(|| next.replace(char::is_control, "\u{fffd}"));
            }
        }
        let failure = match body.optional(tag::BIT_STRING)? {
            Some(bits) => Failure::read(bits.content)?,
            None => None,
        };
        body.clone().finish()?;
        Ok(Self { status, text, failure })
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        if let Some(failure) = self.failure {
            write!(f, ", {failure}")?;
        }
        match &self.text {
            Some(text) => write!(f, ": {text:?}"),
            None => Ok(()),
        }
    }
}

/// PKIFailureInfo: why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// badAlg (0): the imprint's digest algorithm.
    BadAlgorithm,
    /// badRequest (2): a transaction that is not permitted.
    BadRequest,
    /// badDataFormat (5): data of the wrong form.
    BadDataFormat,
    /// timeNotAvailable (14): the authority's clock.
    TimeNotAvailable,
    /// unacceptedPolicy (15): the policy asked for.
    UnacceptedPolicy,
    /// unacceptedExtension (16): an extension of the request.
    UnacceptedExtension,
    /// addInfoNotAvailable (17): additional information asked for.
    AdditionalInfoNotAvailable,
    /// systemFailure (25)
    SystemFailure,
}

impl Failure {
    const ALL: [Self; 8] = [
        Self::BadAlgorithm,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::AdditionalInfoNotAvailable,
        Self::SystemFailure,
    ];

    /// The bit in PKIFailureInfo.
    pub const fn bit(self) -> u8 {
        match self {
            Self::BadAlgorithm => 0,
            Self::BadRequest => 2,
            Self::BadDataFormat => 5,
            Self::TimeNotAvailable => 14,
            Self::UnacceptedPolicy => 15,
            Self::UnacceptedExtension => 16,
            Self::AdditionalInfoNotAvailable => 17,
            Self::SystemFailure => 25,
        }
    }

    /// The name in RFC 3161.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadAlgorithm => "badAlg",
            Self::BadRequest => "badRequest",
            Self::BadDataFormat => "badDataFormat",
            Self::TimeNotAvailable => "timeNotAvailable",
            Self::UnacceptedPolicy => "unacceptedPolicy",
            Self::UnacceptedExtension => "unacceptedExtension",
            Self::AdditionalInfoNotAvailable => "addInfoNotAvailable",
            Self::SystemFailure => "systemFailure",
        }
    }

    /// The first known failure of a BIT STRING's content.
    fn read(content: &[u8]) -> Result<Option<Self>, DerError> {
        let (unused, bytes) = content.split_first().ok_or(DerError::Value("bit string"))?;
        if *unused > 7 || bytes.len() > 4 {
            return Err(DerError::Value("bit string"));
        }
        let is_set = |bit: u8| bytes.get(usize::from(bit / 8)).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
        Ok(Self::ALL.into_iter().find(|failure| is_set(failure.bit())))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
