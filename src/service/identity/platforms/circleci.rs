//! CircleCI: the program that every job has asks for a token of any audience.

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "circleci",
    name: "CircleCI",
    search: Search::Automatic,
    marks: &[Mark::Is("CIRCLECI", "true")],
    ask: &[
        Ask::Variable("CIRCLE_OIDC_TOKEN_V2"),
        Ask::Program(&["circleci", "run", "oidc", "get", "--root-issuer", "--claims", "{\"aud\":\"{audience}\"}"]),
    ],
    issuer: "https://oidc.circleci.com, or https://oidc.circleci.com/org/ORGANISATION",
    public: &["https://oidc.circleci.com", "https://oidc.circleci.com/org/*"],
    claims: "oidc.circleci.com/org-id, /project-id, /pipeline-id, /pipeline-definition-id, /vcs-origin, /vcs-ref, /ssh-rerun",
    san: "https://circleci.com/api/v2/projects/{oidc.circleci.com/project-id}/pipeline-definitions/{oidc.circleci.com/pipeline-definition-id}",
    fix: Fix {
        say: "run it in a step of the job, where CircleCI's program `circleci` is on the PATH (a container that the step starts has none); a build of a fork has tokens only where the project passes secrets to such builds:",
        lines: "\
jobs:
  sign:
    docker:
      - image: cimg/base:current
    steps:
      - run: sealmark sign blob app.tar.gz",
        language: "yaml",
    },
    documentation: "https://circleci.com/docs/guides/permissions-authentication/oidc-tokens-with-custom-claims/",
    run: Run { against: "a strict fake of the program", test: "platforms_whose_programs_are_asked" },
};
