//! The control: what is meant to be written compiles.
//!

use sealmark::base::time::UnixTime;
use sealmark::policy::{Admitted, NotAdmitted, Policy, Question};
use sealmark::service::identity::IdToken;
use sealmark::verify::{Artifact, Verified};

fn admit<'a>(
    policy: &'a Policy,
    artifact: &'a Artifact<'a>,
    verified: &'a [&'a Verified],
    now: UnixTime,
) -> Result<Admitted<'a>, NotAdmitted> {
    policy.admit(&Question::new(artifact, verified, now))
}

fn debug(token: &IdToken) -> String {
    format!("{token:?}")
}

fn main() {
    let _ = (admit, debug);
}
