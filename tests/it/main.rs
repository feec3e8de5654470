//! The integration tests, in one binary: each module is one subject.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
