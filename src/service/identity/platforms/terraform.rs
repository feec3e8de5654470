//! HCP Terraform and Terraform Enterprise: a variable of the workspace declares the token.

use crate::service::identity::ask::Ask;
use crate::service::identity::env;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "hcp-terraform",
    name: "HCP Terraform",
    search: Search::Automatic,
    marks: &[Mark::Set("TFC_RUN_ID")],
    ask: &[Ask::Variable(env::VARIABLE), Ask::Variable("TFC_WORKLOAD_IDENTITY_TOKEN_SIGSTORE")],
    issuer: "https://app.terraform.io, or the host of Terraform Enterprise",
    public: &[],
    claims: "terraform_organization_name, terraform_project_name, terraform_workspace_name, terraform_run_id, terraform_run_phase",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "set a variable of the workspace's environment:",
        lines: "TFC_WORKLOAD_IDENTITY_AUDIENCE_SIGSTORE={audience}",
        language: "sh",
    },
    documentation: "https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/manual-generation",
    run: Run { against: "the variables of a run", test: "platforms_that_declare_tokens" },
};
