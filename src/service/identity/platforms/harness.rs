//! Harness, whose workload identities are behind a flag; how a step finds its token is not documented in full.

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "harness",
    name: "Harness",
    search: Search::Unconfirmed,
    marks: &[Mark::Set("HARNESS_ACCOUNT_ID"), Mark::Set("HARNESS_PIPELINE_ID")],
    ask: &[Ask::Variable("HARNESS_OIDC_TOKEN"), Ask::Variable("PLUGIN_OIDC_TOKEN_ID")],
    issuer: "one for each kind of deployment; of a connector, https://app.harness.io/ng/api/oidc/account/ACCOUNT",
    public: &[],
    claims: "account_id, organization_id, project_id, pipeline_id",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "put the step's token for the audience {audience} where it is looked for:",
        lines: "export SIGSTORE_ID_TOKEN=\"$YOUR_TOKEN_VARIABLE\"",
        language: "sh",
    },
    documentation: "https://developer.harness.io/harness-platform/use-harness-platform/pipelines/workload-identity",
    run: Run { against: "the variables of a step, as far as they are known", test: "unconfirmed_platforms_are_off" },
};
