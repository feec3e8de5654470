//! There is no policy without a rule, and no rule without a condition.
//! E0599 E0308

use sealmark::policy::{Policy, Rule};

fn main() {
    let _ = Policy::default();
    let _ = Policy::of(Rule::named("anyone"));
}
