//! The job itself: whose change it runs, and what of its secrets it shows.

use sealmark::base::code::Code;
use sealmark::service::environment::Environment;
use sealmark::service::identity::{Fork, fork};
use sealmark::service::look::Seen;

use crate::settings;

const FORK: &str = "fork";
const SECRETS: &str = "secrets";
const GITLAB: &str = "gitlab";

const WITHOUT_TOKEN: Code = Code::refused(
    "job-fork-no-token",
    "sign on push, on a tag or on workflow_run: pull requests of forks get no tokens",
);
const WITH_OUR_TOKEN: Code = Code::refused(
    "job-fork-our-token",
    "do not sign what a fork wrote in your name: sign after the merge, or in a job that runs none of its code",
);
const WITH_ITS_TOKEN: Code =
    Code::refused("job-fork-its-token", "policies that name your project refuse it: sign after the merge");
const TRACED: Code = Code::refused(
    "job-traced",
    "unset CI_DEBUG_TRACE and `set -x` around what holds tokens: traced jobs write them into their log",
);
const KEY_VARIABLE: Code = Code::refused(
    "job-key-variable",
    "keep private keys out of variables: the key of a session is made here and forgotten; else give --key a file",
);
const OLD_TOKEN: Code = Code::refused(
    "gitlab-job-jwt",
    "GitLab 17.0 has none of it: declare id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } } (for a Vault aud is its address)",
);

pub(super) fn look() -> Vec<Seen> {
    let environment = settings::environment();
    let mut seen = vec![match fork(environment.as_ref()) {
        None => Seen::good(FORK, "not a fork's change, as far as the platform says"),
        Some(Fork::WithoutToken) => Seen::failed(FORK, "this is the pull request of a fork", WITHOUT_TOKEN),
        Some(Fork::WithOurToken) => {
            Seen::doubtful(FORK, "a fork's change runs with this repository's token", WITH_OUR_TOKEN)
        }
        Some(Fork::WithItsToken) => Seen::doubtful(FORK, "this job runs in a fork, and signs as it", WITH_ITS_TOKEN),
    }];
    if let Some(how) = traced(environment.as_ref()) {
        seen.push(Seen::doubtful(SECRETS, format!("{how}: this job writes its variables into its log"), TRACED));
    }
    let names = key_variables();
    if !names.is_empty() {
        seen.push(Seen::doubtful(SECRETS, format!("a private key stands in {}", names.join(", ")), KEY_VARIABLE));
    }
    for name in ["CI_JOB_JWT", "CI_JOB_JWT_V2"] {
        if environment.var(name).is_some() {
            seen.push(Seen::doubtful(GITLAB, format!("this GitLab still sets {name}"), OLD_TOKEN));
        }
    }
    seen
}

fn traced(environment: &dyn Environment) -> Option<&'static str> {
    let var = |name: &str| environment.var(name).unwrap_or_default();
    if var("CI_DEBUG_TRACE") == "true" {
        return Some("CI_DEBUG_TRACE is true");
    }
    var("SHELLOPTS").split(':').any(|option| option == "xtrace").then_some("the shell traces (set -x)")
}

/// The variables that hold a private key in PEM; that of Vault's `pki/issue` ends there in many recipes.
fn key_variables() -> Vec<String> {
    let holds = |value: &std::ffi::OsString| {
        value.to_str().is_some_and(|text| text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----"))
    };
    let mut names: Vec<_> = std::env::vars_os().filter(|(_, value)| holds(value)).map(|(name, _)| name).collect();
    names.sort();
    names.iter().map(|name| name.to_string_lossy().into_owned()).collect()
}
