//! How much evidence a verdict needs. Nothing here can be zero, and the strict form is the only one that
//! needs no words.

use std::num::NonZeroU8;

/// Whether a promise of inclusion may stand for its proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// No: an entry needs an inclusion proof.
    Refused,
    /// Yes: a signed entry timestamp is enough. The log may still leave the entry out.
    Accepted,
}

/// What must be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirements {
    pub(super) promise: Promise,
    pub(super) logs: NonZeroU8,
    pub(super) timestamp_authorities: Option<NonZeroU8>,
    pub(super) scts: NonZeroU8,
}

impl Requirements {
    /// An inclusion proof in one log, one proven time from whatever source, one SCT.
    pub const STRICT: Self =
        Self { promise: Promise::Refused, logs: NonZeroU8::MIN, timestamp_authorities: None, scts: NonZeroU8::MIN };

    /// Says whether a promise may stand for an inclusion proof.
    #[must_use]
    pub const fn promise(self, promise: Promise) -> Self {
        Self { promise, ..self }
    }

    /// Asks for entries in so many different logs.
    #[must_use]
    pub const fn logs(self, logs: NonZeroU8) -> Self {
        Self { logs, ..self }
    }

    /// Asks for timestamps by so many different authorities.
    #[must_use]
    pub const fn timestamp_authorities(self, authorities: NonZeroU8) -> Self {
        Self { timestamp_authorities: Some(authorities), ..self }
    }

    /// Asks for SCTs by so many different CT logs.
    #[must_use]
    pub const fn scts(self, scts: NonZeroU8) -> Self {
        Self { scts, ..self }
    }
}
