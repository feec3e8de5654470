//! Buildkite: the agent's program asks, or we ask the agent API as it does.

use crate::service::identity::ask::{Ask, Call};
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "buildkite",
    name: "Buildkite",
    search: Search::Automatic,
    marks: &[Mark::Is("BUILDKITE", "true")],
    ask: &[
        Ask::Program(&["buildkite-agent", "oidc", "request-token", "--audience", "{audience}"]),
        Ask::Call(Call {
            post: true,
            url: "{BUILDKITE_AGENT_ENDPOINT|https://agent.buildkite.com/v3}/jobs/{BUILDKITE_JOB_ID}/oidc/tokens",
            query: &[],
            headers: &[],
            authorization: Some(("Token", "BUILDKITE_AGENT_ACCESS_TOKEN")),
            body: Some("audience"),
            value: Some("token"),
            socket: None,
        }),
    ],
    issuer: "https://agent.buildkite.com",
    public: &["https://agent.buildkite.com"],
    claims: "organization_slug, pipeline_slug, build_number, build_branch, build_commit, build_source, runner_environment, job_id",
    san: "https://buildkite.com/{organization_slug}/{pipeline_slug}",
    fix: Fix {
        say: "run it where the agent's program or its variables reach it; a container needs them passed on:",
        lines: "\
steps:
  - command: sealmark sign blob app.tar.gz
    plugins:
      - docker#v5.13.0:
          image: registry.example.com/build
          mount-buildkite-agent: true
          environment:
            - BUILDKITE
            - BUILDKITE_JOB_ID
            - BUILDKITE_AGENT_ENDPOINT
            - BUILDKITE_AGENT_ACCESS_TOKEN",
        language: "yaml",
    },
    documentation: "https://buildkite.com/docs/agent/cli/reference/oidc",
    run: Run {
        against: "strict fakes of the program and of the agent API",
        test: "platforms_whose_programs_are_asked",
    },
};
