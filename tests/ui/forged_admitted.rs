//! Only a policy admits: an `Admitted` cannot be made of what was verified.
//! E0451

use sealmark::policy::{Admitted, Rule};
use sealmark::verify::Verified;

fn forge<'a>(verified: &'a Verified, rule: &'a Rule) -> Admitted<'a> {
    let (rules, counted) = (vec![rule], vec![verified]);
    Admitted { rules, counted, first: verified, first_rule: rule, tolerated: Vec::new() }
}

fn main() {}
