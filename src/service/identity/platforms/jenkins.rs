//! Jenkins, with the OpenID Connect Provider plugin: a credential is a token, bound to a variable or a file. One without
//! an audience has tokens without one, which nobody takes.

use crate::service::identity::ask::Ask;
use crate::service::identity::env;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "jenkins",
    name: "Jenkins",
    search: Search::Automatic,
    marks: &[Mark::Set("JENKINS_URL"), Mark::Set("JOB_NAME")],
    ask: &[Ask::Variable(env::VARIABLE), Ask::FileIn("SIGSTORE_ID_TOKEN_FILE")],
    issuer: "JENKINS_URL/oidc, with /job/FOLDER for a folder's credential, or the credential's own issuer URI",
    public: &[],
    claims: "sub (the job's URL, with the slash at its end), build_number; further ones by templates",
    san: "the job's URL, by a private Fulcio's type `uri`",
    fix: Fix {
        say: "make an \"OpenID Connect id token\" credential with the audience {audience}, and bind it in the Jenkinsfile:",
        lines: "\
withCredentials([string(credentialsId: 'sigstore', variable: 'SIGSTORE_ID_TOKEN')]) {
  sh 'sealmark sign blob app.tar.gz'
}",
        language: "groovy",
    },
    documentation: "https://plugins.jenkins.io/oidc-provider/",
    run: Run { against: "the variables of a job, both bindings", test: "platforms_that_declare_tokens" },
};
