//! Forgejo Actions: GitHub's way of asking, another way of granting. It sets `GITHUB_ACTIONS` too.

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "forgejo",
    name: "Forgejo Actions",
    search: Search::Automatic,
    marks: &[Mark::Is("FORGEJO_ACTIONS", "true")],
    ask: &[Ask::Call(super::github::CALL)],
    issuer: "https://HOST/api/actions",
    public: &[],
    claims: "repository, repository_owner, workflow_ref, ref, ref_protected, sha, event_name, actor, run_id; no job_workflow_ref",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "let the job have a token; `permissions` do not do it here (Forgejo 15, runner 12.5 or later):",
        lines: "\
jobs:
  sign:
    runs-on: docker
    enable-openid-connect: true
    steps:
      - run: sealmark sign blob app.tar.gz",
        language: "yaml",
    },
    documentation: "https://forgejo.org/docs/latest/user/actions/security-openid-connect/",
    run: Run { against: "a strict fake of the token service", test: "platforms_that_are_asked" },
};
