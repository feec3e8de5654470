//! Lower-case hexadecimal.

use std::fmt;

/// Encodes in lower case.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    // A string takes everything.
    let _ = write(bytes, &mut text);
    text
}

/// Writes in lower case.
pub fn write(bytes: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [0; 64];
    for chunk in bytes.chunks(32) {
        for (pair, byte) in pairs.as_chunks_mut::<2>().0.iter_mut().zip(chunk) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        out.write_str(std::str::from_utf8(&pairs[..2 * chunk.len()]).map_err(|_| fmt::Error)?)?;
    }
    Ok(())
}

/// Decodes; `None` for upper case, an odd length or anything that is not a hexadecimal digit.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_refusals() {
        assert_eq!(decode(&encode(&[0, 0xab, 0xff])), Some(vec![0, 0xab, 0xff]));
        for bad in ["a", "AB", "0x", " 0"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
