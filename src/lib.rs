//! Sign artifacts from a CI identity token and verify them, Sigstore-style.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod base;
pub mod format;
#[cfg(feature = "sign")]
pub mod service;
pub mod verify;

#[cfg(feature = "stack")]
pub mod stack;
