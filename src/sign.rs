//! Signing: from an identity or a key to a bundle that verifies.
//!
//! ```text
//! Services      which logs and timestamp authorities, by signing config
//! Keyless       token -> key of the session -> certificate     } a credential,
//! ManagedKey    a key of the user's                            } checked as received
//! Session       one credential for any number of signatures:
//!               signature -> timestamps -> log entries -> bundle -> verified by our own core
//! Signed        a bundle that was verified; only then is it handed out
//! Unlogged      what is kept of a signature whose time is proven while no log answers
//! image         signatures of images: written into a registry and found there again
//! ```
//!
//! Each part is checked when it is received, before anything is built on it, and the whole once more
//! before it is given away: what [`Session`] gives, [`crate::verify`] accepts under the same trusted root.
//!
//! `examples/sign_and_verify.rs` is the whole of it for a CI job, `examples/custom_signer.rs` for a key of
//! your own.

pub mod attestation;
pub mod blob;
mod completion;
pub mod credential;
mod error;
pub mod image;
mod pace;
mod pool;
pub mod provenance;
mod services;
mod session;
mod unlogged;

pub use completion::Signed;
#[cfg(feature = "spiffe")]
pub use credential::WorkloadSvid;
pub use credential::{CredentialSource, Keyless, ManagedKey, Record, SigningCredential};
pub use error::SignError;
pub use pace::Pace;
pub use services::{Services, ServicesError, certificate_authority};
pub use session::Session;
pub use unlogged::Unlogged;

use crate::base::code::Code;
use crate::base::time::UnixTime;
use crate::verify::VerifyError;
use crate::verify::log::LogError;
use crate::verify::sct::SctError;
use crate::verify::times::TimestampError;

/// One of two clocks is wrong.
const CLOCK: Code = Code::undecided(
    "clock-wrong",
    "set this machine's clock (`timedatectl` or NTP), then run it again: services say it is later by over a minute",
);

/// The time that a refusal found to be later than now, when that is the reason.
fn future_time(error: &VerifyError) -> Option<UnixTime> {
    match error {
        VerifyError::Timestamp(TimestampError::Future { time, .. }) => Some(*time),
        VerifyError::Sct(SctError::Future { at, .. }) => Some(*at),
        VerifyError::Log(LogError::Time { time, now }) if time > now => Some(*time),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
