//! Semaphore: every job has a token, for the organisation's own URL.

use crate::service::identity::ask::Ask;
use crate::service::identity::env;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "semaphore",
    name: "Semaphore",
    search: Search::Automatic,
    marks: &[Mark::Is("SEMAPHORE", "true")],
    ask: &[Ask::Variable(env::VARIABLE), Ask::Variable("SEMAPHORE_OIDC_TOKEN")],
    issuer: "https://ORGANISATION.semaphoreci.com",
    public: &[],
    claims: "org, prj, repo, ref_type, ref, branch, tag, wf_id, ppl_id, job_id",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "its audience is the organisation's URL and cannot be chosen: have a private authority take that, and name it:",
        lines: "sealmark sign blob app.tar.gz --authority-audience https://ORGANISATION.semaphoreci.com",
        language: "sh",
    },
    documentation: "https://docs.semaphore.io/reference/openid",
    run: Run { against: "the variables of a job", test: "platforms_that_declare_tokens" },
};
