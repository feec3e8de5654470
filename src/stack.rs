//! The private Sigstore in one process.

pub mod clock;
pub mod log;
pub mod tsa;
