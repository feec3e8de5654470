//! Buddy, which has described its tokens (to Fulcio, whose public instance takes them), and no variable that holds one:
//! its own pages (<https://buddy.works/docs/integrations/oidc>) have Buddy hand them to clouds.

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "buddy",
    name: "Buddy",
    search: Search::Unconfirmed,
    marks: &[Mark::Any(&[Mark::Is("BUDDY", "true"), Mark::Set("BUDDY_PIPELINE_ID"), Mark::Set("BUDDY_EXECUTION_ID")])],
    ask: &[Ask::Variable("BUDDY_ID_TOKEN")],
    issuer: "https://oidc.buddyusercontent.com, https://eu-oidc.buddyusercontent.com, https://asia-oidc.buddyusercontent.com",
    public: &[
        "https://oidc.buddyusercontent.com",
        "https://eu-oidc.buddyusercontent.com",
        "https://asia-oidc.buddyusercontent.com",
    ],
    claims: "workspace_domain, project_name, pipeline_id, execution_id, revision, ref, base_url",
    san: "{base_url}/{workspace_domain}/{project_name}/pipelines/pipeline/{pipeline_id}",
    fix: Fix {
        say: "put the token that the pipeline has for the audience {audience} where it is looked for:",
        lines: "export SIGSTORE_ID_TOKEN=\"$YOUR_TOKEN_VARIABLE\"",
        language: "sh",
    },
    documentation: "https://github.com/sigstore/fulcio/pull/2371",
    run: Run {
        against: "the variables of a pipeline, as far as they are known",
        test: "unconfirmed_platforms_are_off",
    },
};
