//! RSA keys that parse and yet are weak.

use crate::base::crypto::{KeyKind, PublicKey};
use crate::base::encoding::der::{Reader, tag};

/// The largest modulus that is certified, in bits: more costs every verifier time and adds nothing.
const RSA_BITS: usize = 4096;

/// Whether a key must not be certified: an RSA modulus over [`RSA_BITS`], with a small factor, or of the
/// Infineon library whose keys can be factored.
pub(super) fn is_weak(key: &PublicKey) -> bool {
    let KeyKind::Rsa { bits } = key.kind() else { return false };
    let modulus = Reader::whole(key.key_bytes(), tag::SEQUENCE).and_then(|mut body| body.integer());
    bits > RSA_BITS || modulus.map_or(true, |modulus| has_small_factor(modulus) || is_roca(modulus))
}

/// Whether a prime below 752 divides the modulus, as Go's and Fulcio's check has it.
fn has_small_factor(modulus: &[u8]) -> bool {
    (3..752).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0)).any(|prime| rest(modulus, prime) == 0)
}

/// CVE-2017-15361: primes of the form k·M + (65537^a mod M), so that the modulus is a power of 65537 modulo
/// each small prime of M. A sound key passes for all of these with probability 2^-27.
fn is_roca(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    PRIMES.iter().all(|prime| {
        let (wanted, mut power) = (rest(modulus, *prime), 1);
        for _ in 0..*prime {
            if power == wanted {
                return true;
            }
            power = power * 65_537 % *prime;
        }
        false
    })
}

/// The remainder of a big-endian number.
fn rest(number: &[u8], divisor: u32) -> u32 {
    number.iter().fold(0, |rest, byte| (rest << 8 | u32::from(*byte)) % divisor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::encoding::der;
    use crate::format::x509::testing::Key;

    fn rsa(modulus: &[u8]) -> PublicKey {
        let key = der::sequence(&[&der::unsigned(modulus), &der::unsigned(&[1, 0, 1])]);
        PublicKey::from_key_bytes(KeyKind::Rsa { bits: 0 }, &key).unwrap()
    }

    #[test]
    fn f21_weak_rsa() {
        assert!(!is_weak(Key::rsa().public()));
        assert!(!is_weak(Key::p256().public()));
        // 2^2047 + … ending so that 3 divides it.
        let mut modulus = vec![0xff; 256];
        assert!(is_weak(&rsa(&modulus)), "2^2048 - 1 has many small factors");
        modulus = vec![0xff; 520];
        assert!(is_weak(&rsa(&modulus)), "4160 bits");
    }

    #[test]
    fn f21_roca() {
        // A power of 65537: of the form that the broken library makes, with k = 0.
        let mut number = vec![1u8];
        while number.len() < 256 {
            let mut product = vec![0u32; number.len() + 3];
            for (at, byte) in number.iter().rev().enumerate() {
                product[at] += u32::from(*byte);
                product[at + 2] += u32::from(*byte);
            }
            for at in 0..product.len() - 1 {
                product[at + 1] += product[at] >> 8;
                product[at] &= 0xff;
            }
            number = product.iter().rev().map(|digit| *digit as u8).skip_while(|byte| *byte == 0).collect();
        }
        assert!(is_roca(&number));
        assert!(!has_small_factor(&number));
        number[255] ^= 2;
        assert!(!is_roca(&number));
    }
}
