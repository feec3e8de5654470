//! Spacelift: every run of a paid account has a token, for the account's own host.

use crate::service::identity::ask::Ask;
use crate::service::identity::env;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "spacelift",
    name: "Spacelift",
    search: Search::Automatic,
    marks: &[Mark::Any(&[Mark::Set("SPACELIFT_OIDC_TOKEN"), Mark::Exists("/mnt/workspace/spacelift.oidc")])],
    ask: &[
        Ask::Variable(env::VARIABLE),
        Ask::Variable("SPACELIFT_OIDC_TOKEN"),
        Ask::File("/mnt/workspace/spacelift.oidc"),
    ],
    issuer: "https://ACCOUNT.app.spacelift.io",
    public: &[],
    claims: "callerType, callerId, runType, runId, spaceId, scope",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "its audience is the account's host and cannot be chosen: have a private authority take that, and name it:",
        lines: "sealmark sign blob app.tar.gz --authority-audience ACCOUNT.app.spacelift.io",
        language: "sh",
    },
    documentation: "https://docs.spacelift.io/integrations/cloud-providers/oidc",
    run: Run { against: "the variable and the file of a run", test: "platforms_that_declare_tokens" },
};
