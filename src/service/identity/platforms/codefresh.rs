//! Codefresh: a service beside the pipeline gives tokens.

use crate::service::identity::ask::{Ask, Call};
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "codefresh",
    name: "Codefresh",
    search: Search::Automatic,
    marks: &[Mark::Set("CF_BUILD_ID")],
    ask: &[Ask::Call(Call {
        post: false,
        url: "{CF_OIDC_REQUEST_URL}",
        query: &[("audience", "{audience}")],
        headers: &[],
        authorization: Some(("", "CF_OIDC_REQUEST_TOKEN")),
        body: None,
        value: Some("id_token"),
        socket: None,
    })],
    issuer: "https://oidc.codefresh.io",
    public: &["https://oidc.codefresh.io"],
    claims: "account_id, account_name, pipeline_id, pipeline_name, workflow_id, scm_repo_url, scm_ref",
    san: "{platform_url|https://g.codefresh.io}/{account_name}/{pipeline_name}:{account_id}/{pipeline_id}",
    fix: Fix {
        say: "have a step ask for it before, and pass it on:",
        lines: "\
steps:
  obtain_id_token:
    type: obtain-oidc-id-token
    arguments:
      AUDIENCE: {audience}
  sign:
    image: registry.example.com/build
    commands:
      - SIGSTORE_ID_TOKEN=$ID_TOKEN sealmark sign blob app.tar.gz",
        language: "yaml",
    },
    documentation: "https://codefresh.io/docs/docs/integrations/oidc-pipelines/",
    run: Run { against: "a strict fake of the token service", test: "platforms_that_are_asked" },
};
