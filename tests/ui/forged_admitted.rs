//! Only a policy admits: an `Admitted` cannot be made of what was verified.
//! E0451

use sealmark::policy::{Admitted, Rule};
use sealmark::verify::Verified;

fn forge<'a>(verified: &'a Verified, rule: &'a Rule) -> Admitted<'a> {
    Admitted { verified, rule }
}

fn main() {}
