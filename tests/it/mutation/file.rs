//! Mutants of the file as it stands.

use super::Mutant;
use super::cases::Case;

/// Inside base64 of some length every eleventh byte is flipped: the fields' own bytes are flipped in
/// [`super::fields`].
const STEP: usize = 11;

/// Every byte of the file, one bit flipped.
pub(super) fn every_byte(case: &Case) -> Vec<Mutant> {
    let flip = |at: usize| {
        let mut bytes = case.bundle.clone();
        bytes[at] ^= 1 << (at % 7);
        Mutant { place: format!("byte {at}"), change: "flipped", bytes }
    };
    let sampled = |at: &usize| at.is_multiple_of(STEP) || !inside_base64(&case.bundle, *at);
    (0..case.bundle.len()).filter(sampled).map(flip).collect()
}

/// Whether the eight bytes on both sides are base64 too.
fn inside_base64(bytes: &[u8], at: usize) -> bool {
    let around = bytes.get(at.saturating_sub(8)..at + 9).unwrap_or_default();
    around.len() == 17 && around.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
}
