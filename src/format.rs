//! What the bytes mean: parse and build, one specification a module. No network, clock or files.

pub mod merkle;
pub mod x509;
