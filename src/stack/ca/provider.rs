//! CI providers: which claims of their tokens become which fields of a certificate.
//! <https://github.com/sigstore/fulcio/blob/main/config/identity/config.yaml>

use super::principal::AuthenticationError;
use super::template::{Template, TemplateError, Use};
use crate::format::jwt::{ClaimValue, Claims};
use crate::format::x509::Claim;

/// A provider: the templates of a certificate's name and extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    name: Template,
    extensions: Vec<(u8, Template)>,
    /// What stands for claims of these names, whatever a token claims.
    values: Vec<(String, String)>,
    /// What stands for claims that a token does not have.
    defaults: Vec<(String, String)>,
}

/// A provider as it is written down.
#[derive(Debug, Clone, Copy)]
pub(super) struct BuiltIn {
    pub(super) id: &'static str,
    name: &'static str,
    extensions: &'static [(&'static str, &'static str)],
    values: &'static [(&'static str, &'static str)],
    defaults: &'static [(&'static str, &'static str)],
}

/// <https://docs.github.com/en/actions/reference/security/oidc>
const GITHUB: BuiltIn = BuiltIn {
    id: "github-workflow",
    name: "{{ .url }}/{{ .job_workflow_ref }}",
    extensions: &[
        ("github-workflow-trigger", "event_name"),
        ("github-workflow-sha", "sha"),
        ("github-workflow-name", "workflow"),
        ("github-workflow-repository", "repository"),
        ("github-workflow-ref", "ref"),
        ("build-signer-uri", "{{ .url }}/{{ .job_workflow_ref }}"),
        ("build-signer-digest", "job_workflow_sha"),
        ("runner-environment", "runner_environment"),
        ("source-repository-uri", "{{ .url }}/{{ .repository }}"),
        ("source-repository-digest", "sha"),
        ("source-repository-ref", "ref"),
        ("source-repository-identifier", "repository_id"),
        ("source-repository-owner-uri", "{{ .url }}/{{ .repository_owner }}"),
        ("source-repository-owner-identifier", "repository_owner_id"),
        ("build-config-uri", "{{ .url }}/{{ .workflow_ref }}"),
        ("build-config-digest", "workflow_sha"),
        ("build-trigger", "event_name"),
        ("run-invocation-uri", "{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}"),
        ("source-repository-visibility", "repository_visibility"),
        ("deployment-environment", "environment"),
    ],
    values: &[("url", "https://github.com")],
    defaults: &[("environment", "")],
};

/// <https://docs.gitlab.com/ci/secrets/id_token_authentication/>
const GITLAB: BuiltIn = BuiltIn {
    id: "gitlab-pipeline",
    name: "https://{{ .ci_config_ref_uri }}",
    extensions: &[
        ("build-signer-uri", "https://{{ .ci_config_ref_uri }}"),
        ("build-signer-digest", "ci_config_sha"),
        ("runner-environment", "runner_environment"),
        ("source-repository-uri", "{{ .url }}/{{ .project_path }}"),
        ("source-repository-digest", "sha"),
        ("source-repository-ref", r#"refs/{{ if eq .ref_type "branch" }}heads{{ else }}tags{{ end }}/{{ .ref }}"#),
        ("source-repository-identifier", "project_id"),
        ("source-repository-owner-uri", "{{ .url }}/{{ .namespace_path }}"),
        ("source-repository-owner-identifier", "namespace_id"),
        ("build-config-uri", "https://{{ .ci_config_ref_uri }}"),
        ("build-config-digest", "ci_config_sha"),
        ("build-trigger", "pipeline_source"),
        ("run-invocation-uri", "{{ .url }}/{{ .project_path }}/-/jobs/{{ .job_id }}"),
        ("source-repository-visibility", "project_visibility"),
        ("deployment-environment", "environment"),
    ],
    values: &[("url", "https://gitlab.com")],
    defaults: &[("environment", "")],
};

/// <https://codefresh.io/docs/docs/integrations/oidc-pipelines/>
const CODEFRESH: BuiltIn = BuiltIn {
    id: "codefresh-workflow",
    name: "{{ .platform_url }}/{{ .account_name }}/{{ .pipeline_name }}:{{ .account_id }}/{{ .pipeline_id }}",
    extensions: &[
        ("build-signer-uri", "{{ .platform_url }}/build/{{ .workflow_id }}"),
        ("runner-environment", "runner_environment"),
        ("source-repository-uri", "scm_repo_url"),
        ("source-repository-ref", "scm_ref"),
        ("build-config-uri", "{{ .platform_url }}/api/pipelines/{{ .pipeline_id }}"),
        ("run-invocation-uri", "{{ .platform_url }}/build/{{ .workflow_id }}"),
    ],
    values: &[],
    defaults: &[
        ("platform_url", "https://g.codefresh.io"),
        ("scm_repo_url", ""),
        ("scm_ref", ""),
        ("runner_environment", ""),
    ],
};

/// <https://buildkite.com/docs/agent/cli/reference/oidc>
const BUILDKITE: BuiltIn = BuiltIn {
    id: "buildkite-job",
    name: "{{ .url }}/{{ .organization_slug }}/{{ .pipeline_slug }}",
    extensions: &[
        (
            "run-invocation-uri",
            "{{ .url }}/{{ .organization_slug }}/{{ .pipeline_slug }}/builds/{{ .build_number }}#{{ .job_id }}",
        ),
        ("runner-environment", "runner_environment"),
        ("source-repository-digest", "build_commit"),
        ("build-trigger", "build_source"),
    ],
    values: &[("url", "https://buildkite.com")],
    defaults: &[],
};

/// <https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/>. The two slashes in the
/// run's URI are the public instance's.
const CIRCLECI: BuiltIn = BuiltIn {
    id: "circleci-job",
    name: r#"{{ .api_url }}/projects/{{ index . "oidc.circleci.com/project-id" }}/pipeline-definitions/{{ index . "oidc.circleci.com/pipeline-definition-id" }}"#,
    extensions: &[
        (
            "build-signer-uri",
            r#"{{ .api_url }}/projects/{{ index . "oidc.circleci.com/project-id" }}/pipeline-definitions/{{ index . "oidc.circleci.com/pipeline-definition-id" }}"#,
        ),
        ("runner-environment", r#"{{ if eq (index . "oidc.circleci.com/ssh-rerun") "true" }}ssh-rerun{{ end }}"#),
        ("source-repository-uri", r#"{{ index . "oidc.circleci.com/vcs-origin" }}"#),
        ("source-repository-ref", r#"{{ index . "oidc.circleci.com/vcs-ref" }}"#),
        ("build-config-uri", r#"{{ .api_url }}/pipeline/{{ index . "oidc.circleci.com/pipeline-id" }}/config"#),
        (
            "run-invocation-uri",
            r#"{{ .platform_url }}/workflow/{{ index . "oidc.circleci.com/workflow-id" }}/job/{{ index . "oidc.circleci.com/job-id" }}"#,
        ),
    ],
    values: &[("api_url", "https://circleci.com/api/v2"), ("platform_url", "https://app.circleci.com/")],
    defaults: &[("oidc.circleci.com/vcs-origin", ""), ("oidc.circleci.com/vcs-ref", "")],
};

/// The providers of Fulcio's public configuration. Buddy's, which it has since June 2026, is not among them: what its
/// templates make of the claims beside the name is not known here.
pub(super) const BUILT_IN: [BuiltIn; 5] = [GITHUB, GITLAB, CODEFRESH, BUILDKITE, CIRCLECI];

/// Why a provider cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// A template.
    #[error("{field}: {error}")]
    Template {
        /// The field that it is of.
        field: String,
        /// What is wrong.
        error: TemplateError,
    },
    /// A field that no certificate has, or that is not a provider's to fill.
    #[error("{0} is not an extension that a template fills")]
    Field(String),
}

/// Names and values, as a document has them.
pub(super) type Pairs = Vec<(String, String)>;

impl Provider {
    /// One of the providers of Fulcio's public configuration, by its id, such as `github-workflow`.
    pub fn built_in(id: &str) -> Option<Self> {
        let found = BUILT_IN.into_iter().find(|provider| provider.id == id)?;
        let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let provider = Self::new(found.name, &own(found.extensions), own(found.defaults)).ok()?;
        Some(Self { values: own(found.values), ..provider })
    }

    /// A provider of a document: extensions by their names.
    pub(super) fn new(name: &str, extensions: &Pairs, defaults: Pairs) -> Result<Self, ProviderError> {
        let template = |field: &str, text: &str| {
            Template::parse(text).map_err(|error| ProviderError::Template { field: field.to_owned(), error })
        };
        let mut read = Vec::with_capacity(extensions.len());
        for (field, text) in extensions {
            let known = if field == "source-repository-visibility-at-signing" { &field[..28] } else { field };
            let arc = Claim::by_name(known).map(|claim| claim.arc);
            let arc = arc.filter(|arc| ![1, 8, 24].contains(arc) && read.iter().all(|(other, _)| other != arc));
            read.push((arc.ok_or_else(|| ProviderError::Field(field.clone()))?, template(field, text)?));
        }
        read.sort_by_key(|(arc, _)| *arc);
        let name = template("subject-alternative-name-template", name)?;
        Ok(Self { name, extensions: read, values: Vec::new(), defaults })
    }

    /// The same with values that no claim replaces.
    pub(super) fn with(mut self, values: Pairs) -> Self {
        self.values.retain(|(name, _)| values.iter().all(|(other, _)| other != name));
        self.values.extend(values);
        self
    }

    /// The name of a certificate for a token, and its extensions by their last arcs.
    pub(super) fn fields(&self, claims: &Claims) -> Result<(String, Vec<(u8, String)>), AuthenticationError> {
        let name = self.name.render(&|claim: &str, wanted: Use| {
            let text = self.value(claims, claim, wanted)?;
            let graphic = text.bytes().all(|c| c.is_ascii_graphic());
            if graphic { Ok(text) } else { Err(AuthenticationError::claim(claim)) }
        })?;
        let mut extensions = Vec::with_capacity(self.extensions.len());
        for (arc, template) in &self.extensions {
            let text = template.render(&|claim: &str, wanted: Use| self.value(claims, claim, wanted))?;
            if !text.is_empty() {
                extensions.push((*arc, text));
            }
        }
        Ok((name, extensions))
    }

    /// What stands for a claim. An empty one is as good as none.
    fn value(&self, claims: &Claims, claim: &str, wanted: Use) -> Result<String, AuthenticationError> {
        let of = |pairs: &Pairs| pairs.iter().find(|(name, _)| name == claim).map(|(_, value)| value.clone());
        if let Some(value) = of(&self.values) {
            return Ok(value);
        }
        let found = match claims.get(claim) {
            Some(ClaimValue::Bool(value)) if wanted == Use::Compared => Some(value.to_string()),
            _ => super::principal::text(claims, claim)?,
        };
        found.or_else(|| of(&self.defaults)).ok_or_else(|| AuthenticationError::claim(claim))
    }
}
