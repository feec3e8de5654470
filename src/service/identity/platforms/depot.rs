//! Depot CI runs GitHub's workflows; where `GITHUB_ACTIONS` is set, it is asked as GitHub Actions.

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "depot",
    name: "Depot CI",
    search: Search::Unconfirmed,
    marks: &[Mark::Set("DEPOT_JOB_ID")],
    ask: &[Ask::Call(super::github::CALL)],
    issuer: "https://identity.depot.dev",
    public: &[],
    claims: "repository, repository_id, ref, event_name, org_id, job_id",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "grant it on the job:",
        lines: "\
permissions:
  id-token: write",
        language: "yaml",
    },
    documentation: "https://depot.dev/docs/ci/oidc",
    run: Run { against: "a strict fake of the token service", test: "platforms_that_are_asked" },
};
