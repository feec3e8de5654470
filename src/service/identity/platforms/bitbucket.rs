//! Bitbucket Pipelines: a step declares the audiences of its token.

use crate::service::identity::ask::Ask;
use crate::service::identity::env;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "bitbucket",
    name: "Bitbucket Pipelines",
    search: Search::Automatic,
    marks: &[Mark::Set("BITBUCKET_BUILD_NUMBER"), Mark::Set("BITBUCKET_PIPELINE_UUID")],
    ask: &[Ask::Variable(env::VARIABLE), Ask::Variable("BITBUCKET_STEP_OIDC_TOKEN")],
    issuer: "https://api.bitbucket.org/2.0/workspaces/WORKSPACE/pipelines-config/identity/oidc",
    public: &[],
    claims: "repositoryUuid, workspaceUuid, pipelineUuid, stepUuid, branchName, deploymentEnvironmentUuid",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "declare it on the step in bitbucket-pipelines.yml:",
        lines: "\
- step:
    oidc:
      audiences: [{audience}]
    script:
      - sealmark sign blob app.tar.gz",
        language: "yaml",
    },
    documentation: "https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/",
    run: Run { against: "the variables of a step", test: "platforms_that_declare_tokens" },
};
