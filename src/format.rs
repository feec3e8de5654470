//! What the bytes mean: parse and build, one specification a module. No network, clock or files.

pub mod bundle;
pub mod checkpoint;
pub mod cosign;
pub mod dsse;
pub mod intoto;
pub mod jwt;
pub mod log_entry_body;
pub mod merkle;
pub mod oci;
pub mod spiffe;
pub mod timestamp;
pub mod trust;
pub mod x509;
