//! CircleCI: the program in every job's image asks for a token of any audience.

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
    claims: "oidc.circleci.com/project-id, /pipeline-definition-id, /vcs-origin, /vcs-ref, /job-id",
    san: "https://circleci.com/api/v2/projects/{oidc.circleci.com/project-id}/pipeline-definitions/{oidc.circleci.com/pipeline-definition-id}",
    fix: Fix {
        say: "let the job ask for a token of the audience {audience}: it needs the program `circleci`, as CircleCI's own images have it, and must not be a build of a fork:",
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
