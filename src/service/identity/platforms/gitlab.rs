//! GitLab CI, on gitlab.com or elsewhere: tokens are declared by `id_tokens` and arrive in variables.

use zeroize::Zeroizing;

use crate::service::BoxFuture;
use crate::service::identity::ask::{Ask, Site};
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};
use crate::service::identity::{IdToken, IdentityError, env};

pub(super) static PLATFORM: Platform = Platform {
    key: "gitlab",
    name: "GitLab CI",
    search: Search::Automatic,
    marks: &[Mark::Is("GITLAB_CI", "true")],
    ask: &[Ask::Own {
        how: "`SIGSTORE_ID_TOKEN`; for another audience first `AUDIENCE_ID_TOKEN`, in capitals and underscores",
        find,
    }],
    issuer: "https://gitlab.com, or the instance's own URL",
    public: &["https://gitlab.com", "https://dev.gitlab.org", "https://ops.gitlab.net", "https://gitlab.archlinux.org"],
    claims: "project_path (of a fork's merge request, since GitLab 18.2.2, the fork's), job_project_path, ci_config_ref_uri, ci_config_sha, ref, ref_protected, sha, pipeline_source, project_visibility, runner_environment",
    san: "https://{ci_config_ref_uri}",
    fix: Fix {
        say: "declare it on the job in .gitlab-ci.yml:",
        lines: "\
sign:
  id_tokens:
    SIGSTORE_ID_TOKEN:
      aud: {audience}
  script:
    - sealmark sign blob app.tar.gz",
        language: "yaml",
    },
    documentation: "https://docs.gitlab.com/ci/secrets/id_token_authentication/",
    run: Run { against: "the variables of a job", test: "gitlab_shows_the_lines_that_are_missing" },
};

/// The token that the job declared for the audience.
fn find<'a>(site: &'a Site, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
    Box::pin(async move {
        let own = variable(audience);
        let text = site.environment.var(&own).or_else(|| site.environment.var(env::VARIABLE));
        let missing = || IdentityError::GitlabToken { variable: own.clone(), audience: audience.to_owned() };
        let token = IdToken::new(Zeroizing::new(text.ok_or_else(missing)?), PLATFORM.name)?;
        // Declared for another service: the same lines put it right.
        let fits = token.claims().audience().iter().any(|found| found == audience);
        if fits { Ok(Some(token)) } else { Err(missing()) }
    })
}

/// The variable of an audience: upper case, all but letters and digits made `_`.
fn variable(audience: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = audience.chars().map(plain).collect();
    format!("{name}_ID_TOKEN")
}
