//! The control: what is meant to be written compiles.
//!

use sealmark::policy::{Admitted, NotAdmitted, Policy};
use sealmark::service::identity::IdToken;
use sealmark::verify::Verified;

fn admit<'a>(policy: &'a Policy, verified: &'a Verified) -> Result<Admitted<'a>, NotAdmitted> {
    policy.admit(verified)
}

fn debug(token: &IdToken) -> String {
    format!("{token:?}")
}

fn main() {
    let _ = (admit, debug);
}
