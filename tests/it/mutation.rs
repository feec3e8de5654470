//! Good bundles with one thing changed: none may be admitted unless it still reads as the same bundle, or
//! what changed is on the list of what carries no weight ([`weightless`]), each entry with its reason. And
//! what is admitted proves nothing that the good bundle did not.
//!
//! Three families, over every case of [`cases`]:
//!
//! * every JSON field, in every way that its type allows ([`fields::every_field`]);
//! * every byte of every base64 field and every character of every text, one bit flipped
//!   ([`fields::every_byte`]);
//! * every byte of the file, one bit flipped: punctuation, keys and texts ([`file`]).
//!
//! The bit moves with the position (`position % 8`, in text `position % 7`: the eighth never leaves UTF-8),
//! so that neighbouring bytes get different ones. Sampled are, by a fixed step: base64 fields of more than a
//! kilobyte (certificates and bodies, which are compared as a whole), every fifth byte; and in the file the
//! text of base64 fields, whose values the second family flips, every eleventh.

mod cases;
mod fields;
mod file;
mod weightless;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sealmark::format::bundle::UnverifiedBundle;

use cases::Case;

/// A mutated file.
struct Mutant {
    /// The field, as a dotted path with indexes, or the byte.
    place: String,
    /// What was done to it.
    change: &'static str,
    bytes: Vec<u8>,
}

/// What became of mutants.
#[derive(Default)]
struct Tally {
    refused: usize,
    equal: usize,
    /// Entries of the list of the weightless that let one pass.
    weightless: BTreeSet<usize>,
    wrong: Vec<String>,
}

impl Tally {
    /// Judges a mutant of `case`, which reads as `original`.
    fn judge(&mut self, case: &Case, original: &UnverifiedBundle, mutant: &Mutant) {
        let mut wrong = |what| self.wrong.push(format!("{}: {} {}: {what}", case.name, mutant.place, mutant.change));
        let Ok(verified) = catch_unwind(AssertUnwindSafe(|| case.admitted(&mutant.bytes))) else {
            return wrong("a panic");
        };
        let Some(verified) = verified else {
            self.refused += 1;
            return;
        };
        let read = UnverifiedBundle::parse(&mutant.bytes).unwrap();
        if !weightless::proves_no_more(&case.admitted(&case.bundle).unwrap(), &verified) {
            wrong("admitted with other proof");
        } else if read == *original {
            self.equal += 1;
        } else if let Some(index) = weightless::find(original, &read, &verified) {
            self.weightless.insert(index);
        } else {
            wrong("admitted");
        }
    }
}

/// Judges every mutant of every case; the entries of the list of the weightless that were needed.
fn judge(cases: Vec<Case>, mutants: impl Fn(&Case) -> Vec<Mutant>) -> BTreeSet<usize> {
    let mut all = Tally::default();
    for case in cases {
        let original = UnverifiedBundle::parse(&case.bundle).unwrap();
        mutants(&case).iter().for_each(|mutant| all.judge(&case, &original, mutant));
    }
    let needed: Vec<_> = all.weightless.iter().map(|index| weightless::name(*index)).collect();
    println!("{} refused, {} read the same; passed without weight: {}", all.refused, all.equal, needed.join(", "));
    assert!(all.wrong.is_empty(), "{} mutants:\n{}", all.wrong.len(), all.wrong.join("\n"));
    all.weightless
}

#[test]
fn the_good_ones_are_good() {
    for case in cases::all() {
        assert!(case.admitted(&case.bundle).is_some(), "{} is refused: {:?}", case.name, case.reason(&case.bundle));
    }
}

#[test]
fn every_field_in_every_way() {
    let needed = judge(cases::all(), fields::every_field);
    // Both lists change together: an entry that lets nothing pass any more is to be taken out.
    let unneeded: Vec<_> = (0..weightless::COUNT).filter(|index| !needed.contains(index)).collect();
    assert!(
        !cases::all().iter().any(|case| case.name.starts_with("rekor2")) || unneeded.is_empty(),
        "the list of the weightless has idle entries: {unneeded:?}"
    );
}

#[test]
fn every_byte_of_every_field() {
    judge(cases::few(), fields::every_byte);
}

#[test]
fn every_byte_of_the_file() {
    judge(cases::few(), file::every_byte);
}
