//! Platforms whose jobs declare their token beforehand and find it in a variable, or in a file that a
//! variable names.

use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{IdToken, IdentityError, IdentityTokenSource, env};
use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::environment::Environment;

/// A platform of this kind: how it is known, where its token is, and how a job declares one.
#[derive(Debug)]
pub struct DeclaringPlatform {
    /// The name that people know it by.
    pub name: &'static str,
    /// The variables that are all set in its jobs.
    pub marks: &'static [&'static str],
    /// The variables that may hold the token, in the order of asking.
    pub variables: &'static [&'static str],
    /// The variable that may name a file with the token.
    pub file: Option<&'static str>,
    /// The lines that declare a token; `{audience}` stands for the audience.
    pub fix: &'static str,
    /// Where the platform describes it.
    pub documentation: &'static str,
}

/// Every platform of this kind.
pub static DECLARING_PLATFORMS: &[DeclaringPlatform] = &[
    DeclaringPlatform {
        name: "Jenkins",
        marks: &["JENKINS_URL", "JOB_NAME"],
        variables: &[env::VARIABLE],
        file: Some("SIGSTORE_ID_TOKEN_FILE"),
        fix: "make an \"OpenID Connect id token\" credential with the audience {audience}, and bind it in the Jenkinsfile:\n    \
              withCredentials([string(credentialsId: 'sigstore', variable: 'SIGSTORE_ID_TOKEN')]) {\n      \
                sh 'sealmark sign blob app.tar.gz'\n    \
              }",
        documentation: "https://plugins.jenkins.io/oidc-provider/",
    },
    DeclaringPlatform {
        name: "Bitbucket Pipelines",
        marks: &["BITBUCKET_BUILD_NUMBER", "BITBUCKET_PIPELINE_UUID"],
        variables: &[env::VARIABLE, "BITBUCKET_STEP_OIDC_TOKEN"],
        file: None,
        fix: "declare it on the step in bitbucket-pipelines.yml:\n    \
              - step:\n        \
                oidc:\n          \
                  audiences: [{audience}]",
        documentation: "https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/",
    },
    DeclaringPlatform {
        name: "HCP Terraform",
        marks: &["TFC_RUN_ID"],
        variables: &[env::VARIABLE, "TFC_WORKLOAD_IDENTITY_TOKEN_SIGSTORE"],
        file: None,
        fix: "set a variable of the workspace's environment:\n    \
              TFC_WORKLOAD_IDENTITY_AUDIENCE_SIGSTORE={audience}",
        documentation: "https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/manual-generation",
    },
];

/// Takes the token that a job of one of these platforms declared.
#[derive(Debug)]
pub struct DeclaredToken {
    platform: &'static DeclaringPlatform,
    environment: Arc<dyn Environment>,
}

impl DeclaredToken {
    /// Looks for a token of `platform` in this environment.
    pub fn new(platform: &'static DeclaringPlatform, environment: Arc<dyn Environment>) -> Self {
        Self { platform, environment }
    }

    fn read(&self) -> Result<Option<IdToken>, IdentityError> {
        let DeclaringPlatform { name, variables, file, .. } = self.platform;
        if let Some(text) = variables.iter().find_map(|variable| self.environment.var(variable)) {
            return IdToken::new(Zeroizing::new(text), name).map(Some);
        }
        let Some(path) = file.and_then(|variable| self.environment.var(variable)).map(PathBuf::from) else {
            return Ok(None);
        };
        match self.environment.read(&path, limits::TOKEN_BYTES) {
            Ok(bytes) => IdToken::from_bytes(bytes, name).map(Some),
            Err(error) => Err(IdentityError::Unreadable { path, error }),
        }
    }
}

impl IdentityTokenSource for DeclaredToken {
    fn name(&self) -> &'static str {
        self.platform.name
    }

    fn detect<'a>(&'a self, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async move {
            if !self.platform.marks.iter().all(|mark| self.environment.var(mark).is_some()) {
                return Ok(None);
            }
            let undeclared = |found| IdentityError::Undeclared {
                platform: self.platform.name,
                found,
                fix: self.platform.fix.replace("{audience}", audience),
            };
            let token = self.read()?.ok_or_else(|| undeclared(None))?;
            let found = token.claims().audience();
            if found.iter().any(|found| found == audience) {
                return Ok(Some(token));
            }
            Err(undeclared(Some(found.join(", "))))
        })
    }
}
