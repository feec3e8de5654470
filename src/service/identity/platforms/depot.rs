//! Depot CI runs GitHub's workflows, and puts what asks for a token into a job's environment as GitHub does.

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "depot",
    name: "Depot CI",
    search: Search::Automatic,
    marks: &[Mark::Set("DEPOT_JOB_URL")],
    ask: &[Ask::Call(super::github::CALL)],
    issuer: "https://identity.depot.dev",
    public: &[],
    claims: "repository, repository_id, repository_owner_id, repository_visibility, workflow_ref, ref, sha, event_name, org_id, job_id; no job_workflow_ref",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "grant it on the job, or on the workflow:",
        lines: "\
permissions:
  id-token: write",
        language: "yaml",
    },
    documentation: "https://depot.dev/docs/ci/oidc",
    run: Run { against: "a strict fake of the token service", test: "platforms_that_are_asked" },
};
