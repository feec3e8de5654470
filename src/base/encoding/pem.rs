//! PEM, RFC 7468: strict blocks, nothing before, between or after them but line ends.

use thiserror::Error;

use super::base64;
use crate::base::code::Code;
use crate::base::limits;

/// Why a text is not the PEM that was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PemError {
    /// More bytes than [`limits::PEM_BYTES`].
    #[error("PEM text of {found} bytes, {limit} allowed", limit = limits::PEM_BYTES)]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// The text is not made of PEM blocks only.
    #[error("not PEM: {0}")]
    Malformed(&'static str),
    /// A block of another label.
    #[error("PEM block {found:?} where {expected:?} is expected")]
    Label {
        /// The label that was asked for.
        expected: &'static str,
        /// The label found.
        found: String,
    },
    /// Not exactly one block.
    #[error("{found} PEM blocks where one is expected")]
    Count {
        /// Blocks found.
        found: usize,
    },
}

impl PemError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::TooLong { .. } => {
                Code::refused("limit-pem", "give a file that holds only the key or the certificates")
            }
            _ => Code::refused("pem-parse", "give PEM as RFC 7468 has it: BEGIN and END lines and base64 between them"),
        }
    }
}

/// Decodes every block; all must carry `label`.
pub fn decode_all(text: &str, label: &'static str) -> Result<Vec<Vec<u8>>, PemError> {
    if text.len() > limits::PEM_BYTES {
        return Err(PemError::TooLong { found: text.len() });
    }
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    while let Some(begin) = lines.next() {
        let found = begin
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.strip_suffix("-----"))
            .ok_or(PemError::Malformed("text outside a block"))?;
        if found != label {
            return Err(PemError::Label { expected: label, found: found.chars().take(64).collect() });
        }
        let mut body = String::new();
        loop {
            let line = lines.next().ok_or(PemError::Malformed("block without an END line"))?;
            if let Some(end) = line.strip_prefix("-----END ") {
                if end.strip_suffix("-----") != Some(label) {
                    return Err(PemError::Malformed("END line of another label"));
                }
                break;
            }
            body.push_str(line);
        }
        blocks.push(base64::decode(&body).ok_or(PemError::Malformed("base64"))?);
    }
    Ok(blocks)
}

/// Decodes exactly one block that carries `label`.
pub fn decode_one(text: &str, label: &'static str) -> Result<Vec<u8>, PemError> {
    let mut blocks = decode_all(text, label)?;
    match (blocks.pop(), blocks.len()) {
        (Some(block), 0) => Ok(block),
        (_, rest) => Err(PemError::Count { found: if rest == 0 { 0 } else { rest + 1 } }),
    }
}

/// Encodes one block, 64 characters a line, ended by a newline.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = base64::encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let pem = encode("CERTIFICATE", &[7; 100]);
        assert_eq!(decode_one(&pem, "CERTIFICATE"), Ok(vec![7; 100]));
        assert_eq!(decode_all(&(pem.clone() + &pem), "CERTIFICATE").unwrap().len(), 2);
        assert_eq!(decode_one(&(pem.clone() + &pem), "CERTIFICATE"), Err(PemError::Count { found: 2 }));
        assert_eq!(decode_one("", "CERTIFICATE"), Err(PemError::Count { found: 0 }));
        assert!(matches!(decode_one(&pem, "PUBLIC KEY"), Err(PemError::Label { .. })));
        assert!(matches!(decode_one(&format!("garbage\n{pem}"), "CERTIFICATE"), Err(PemError::Malformed(_))));
        assert!(matches!(decode_one(&pem.replace("-----END", "----END"), "CERTIFICATE"), Err(PemError::Malformed(_))));
    }
}
