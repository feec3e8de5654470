//! Bitrise: a step fetches a token into a variable; which one, its page does not say.

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "bitrise",
    name: "Bitrise",
    search: Search::Unconfirmed,
    marks: &[Mark::Is("BITRISE_IO", "true")],
    ask: &[Ask::Variable("BITRISE_IDENTITY_TOKEN")],
    issuer: "not confirmed",
    public: &[],
    claims: "not confirmed",
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
    documentation: "https://bitrise.io/integrations/steps/get-identity-token",
    run: Run { against: "the variables of a build, as far as they are known", test: "unconfirmed_platforms_are_off" },
};
