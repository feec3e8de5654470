//! Base64, RFC 4648 section 4: the standard alphabet, padded, nothing between, no stray bits.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Encodes with padding.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes; `None` for another alphabet, missing padding, whitespace or non-zero trailing bits.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Encodes for a JWT: the URL-safe alphabet without padding (RFC 7515 section 2).
pub fn encode_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a JWT's part: the URL-safe alphabet without padding (RFC 7515 section 2).
pub fn decode_url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict() {
        assert_eq!(decode("AQ=="), Some(vec![1]));
        for bad in ["AQ", "AQ=", "AR==", "A Q==", "AQ==\n", "__8=", "AQ==AQ=="] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
