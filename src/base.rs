//! What everything stands on: encodings, digests, keys, time, limits and error codes.
//!
//! Nothing here knows a Sigstore format, and nothing here reads a clock, a file, the network or
//! the system's randomness.

pub mod code;
pub mod crypto;
pub mod encoding;
pub mod limits;
pub mod time;
