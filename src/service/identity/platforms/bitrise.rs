//! Bitrise: the step `get-identity-token` fetches a token into a variable
//! (<https://github.com/bitrise-steplib/bitrise-step-get-identity-token>).

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "bitrise",
    name: "Bitrise",
    search: Search::Automatic,
    marks: &[Mark::Is("BITRISE_IO", "true")],
    ask: &[Ask::Variable("BITRISE_IDENTITY_TOKEN")],
    issuer: "https://token.builds.bitrise.io",
    public: &[],
    claims: "those of its page: build number, commit, repository, app, workflow",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "add the step before, with the audience {audience}:",
        lines: "\
steps:
  - get-identity-token@0:
      inputs:
        - audience: {audience}",
        language: "yaml",
    },
    documentation: "https://docs.bitrise.io/en/bitrise-platform/integrations/oidc-authentication/oidc-authentication-overview.html",
    run: Run { against: "the variables of a build", test: "a_step_of_bitrise_has_fetched_the_token" },
};
