//! Registries for tests: one of ours that keeps what it was asked, and real ones where they are installed.

pub(crate) mod real;
pub(crate) mod server;
