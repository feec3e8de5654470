//! Azure Pipelines: the job's access token buys an identity token of one fixed audience.

use crate::service::identity::ask::{Ask, Call};
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "azure-devops",
    name: "Azure DevOps",
    search: Search::Automatic,
    marks: &[Mark::Is("TF_BUILD", "true"), Mark::Set("SYSTEM_OIDCREQUESTURI")],
    ask: &[Ask::Call(Call {
        post: true,
        url: "{SYSTEM_OIDCREQUESTURI}",
        query: &[("api-version", "7.1"), ("serviceConnectionId", "{AZURESUBSCRIPTION_SERVICE_CONNECTION_ID}")],
        // Else the service answers a bad token with a page to sign in by.
        headers: &[("x-tfs-fedauthredirect", "Suppress")],
        authorization: Some(("Bearer", "SYSTEM_ACCESSTOKEN")),
        body: None,
        value: Some("oidcToken"),
        socket: None,
    })],
    issuer: "https://vstoken.dev.azure.com/ORGANISATION; of newer service connections, Entra's",
    public: &[],
    claims: "org_id, prj_id, def_id, rpo_uri, rpo_ver, rpo_ref, run_id",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "map the job's access token; the audience is fixed, so have a private authority take that:",
        lines: "\
steps:
  - script: sealmark sign blob app.tar.gz --authority-audience api://AzureADTokenExchange
    env:
      SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
        language: "yaml",
    },
    documentation: "https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create",
    run: Run { against: "a strict fake of the token service", test: "platforms_that_are_asked" },
};
