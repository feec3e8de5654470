//! Strict encodings: what is not canonical is refused, never repaired.

pub mod base64;
pub mod der;
pub mod hex;
pub mod json;
pub mod pem;
