//! Sign artifacts from a CI identity token and verify them, Sigstore-style.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod base;
pub mod format;
<<<<<<< HEAD
#[cfg(feature = "sign")]
pub mod service;
=======
pub mod admit;
pub mod policy;
>>>>>>> c43904e (Walk from bundle to proof, hold it against a policy, decide over candidates)
pub mod verify;

#[cfg(feature = "stack")]
pub mod stack;
