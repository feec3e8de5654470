//! Whether a job runs for somebody else's copy of the repository: what it signs as then, if at all.

use std::path::Path;

use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::service::environment::Environment;

/// A job that was started by a change in a fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// The platform gives it no token (GitHub's `pull_request`).
    WithoutToken,
    /// It has the token of the repository that it was proposed to (GitHub's `pull_request_target`): whoever wrote the
    /// change may sign in its name.
    WithOurToken,
    /// It has a token of the fork (a merge request pipeline of GitLab).
    WithItsToken,
}

/// What the job's platform says of where the change comes from; `None` when it is no fork, or says nothing.
pub fn fork(environment: &dyn Environment) -> Option<Fork> {
    let var = |name: &str| environment.var(name);
    match var("GITHUB_EVENT_NAME").as_deref() {
        Some("pull_request") if is_fork_event(environment) => return Some(Fork::WithoutToken),
        Some("pull_request_target") if is_fork_event(environment) => return Some(Fork::WithOurToken),
        _ => {}
    }
    let (source, target) = (var("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")?, var("CI_MERGE_REQUEST_PROJECT_ID")?);
    let own = var("CI_PROJECT_ID");
    match source == target {
        true => None,
        // The fork's change in a pipeline of the project itself. Since GitLab 18.2.2 `project_path` of the token names
        // the fork (<https://gitlab.com/gitlab-org/gitlab/-/issues/563038>); `ci_config_ref_uri`, which becomes the name
        // in the certificate, is still the project's.
        false if own.as_ref() == Some(&target) => Some(Fork::WithOurToken),
        false => Some(Fork::WithItsToken),
    }
}

/// Whether GitHub's event is about a pull request whose head is a fork.
fn is_fork_event(environment: &dyn Environment) -> bool {
    let fork = || {
        let path = environment.var("GITHUB_EVENT_PATH")?;
        let event = environment.read(Path::new(&path), limits::CI_EVENT_BYTES).ok()?;
        let json = Json::parse(&event).ok()?;
        Some(*json.member("pull_request")?.member("head")?.member("repo")?.member("fork")? == Json::Bool(true))
    };
    fork().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::environment::FixedEnvironment;

    #[test]
    fn github() {
        let event = |fork: bool| format!(r#"{{"pull_request":{{"head":{{"repo":{{"fork":{fork}}}}}}}}}"#);
        for (name, of_fork, expected) in [
            ("pull_request", true, Some(Fork::WithoutToken)),
            ("pull_request", false, None),
            ("pull_request_target", true, Some(Fork::WithOurToken)),
            ("push", true, None),
        ] {
            let variables = [("GITHUB_EVENT_NAME", name), ("GITHUB_EVENT_PATH", "event.json")];
            let environment = FixedEnvironment::with_variables(variables).with_file("event.json", event(of_fork));
            assert_eq!(fork(&environment), expected, "{name} {of_fork}");
        }
    }

    #[test]
    fn gitlab() {
        for (source, target, own, expected) in [
            ("2", "1", "2", Some(Fork::WithItsToken)),
            ("2", "1", "1", Some(Fork::WithOurToken)),
            ("1", "1", "1", None),
        ] {
            let environment = FixedEnvironment::with_variables([
                ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", source),
                ("CI_MERGE_REQUEST_PROJECT_ID", target),
                ("CI_PROJECT_ID", own),
            ]);
            assert_eq!(fork(&environment), expected, "{source} {target} {own}");
        }
        assert_eq!(fork(&FixedEnvironment::default()), None);
    }
}
