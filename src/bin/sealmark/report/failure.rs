//! Why a command did not do what was asked.

use std::error::Error;

use sealmark::admit::image::{FoundError, ImageError, Unread};
use sealmark::admit::{AttestationError, Reason};
use sealmark::base::code::Code;
use sealmark::base::crypto::KeyError;
use sealmark::carry::CarryError;
use sealmark::carry::pack::PackError;
use sealmark::format::bundle::BundleError;
use sealmark::format::checkpoint::NoteError;
use sealmark::format::intoto::StatementError;
use sealmark::format::oci::OciError;
use sealmark::format::timestamp::TokenError;
use sealmark::format::trust::{AppendError, TrustError};
use sealmark::format::x509::CertificateError;
use sealmark::gate::SnapshotError;
use sealmark::gate::manifests::ManifestsError;
use sealmark::monitor::MonitorError;
use sealmark::policy::{ImportError, PatternError, PolicyError, Refusal, RuleError};
use sealmark::serve::ServeError;
use sealmark::serve::acme::AcmeError;
use sealmark::serve::clients::ClientsError;
use sealmark::serve::tls::TlsError;
use sealmark::serve::traces::TraceError;
use sealmark::service::ca::{CaError, ServiceCertificateError};
use sealmark::service::http::HttpError;
use sealmark::service::identity::{IdentityError, TokenProblem};
use sealmark::service::ledger::LedgerError;
use sealmark::service::signer::SignerError;
use sealmark::service::spiffe::SpiffeError;
use sealmark::service::store::StoreError;
use sealmark::service::tuf::TufError;
use sealmark::service::webhook::WebhookError;
use sealmark::sign::image::SignImageError;
use sealmark::sign::{ServicesError, SignError};
use sealmark::stack::StackError;
use sealmark::verify::{ContentError, VerifyError};

use crate::artifact::ArtifactError;
use crate::commands::{
    CertificateCommandError, LayoutError, OutputError, PackDigestError, PolicyCommandError, PredicateTypeError,
    SelectionError, SummaryError, TourError,
};
use crate::files::FileError;
use crate::report::text::shell_word;
use crate::settings::SettingsError;

/// An error with a stable code.
pub(crate) trait Coded: Error {
    /// The code.
    fn code(&self) -> Code;
}

macro_rules! coded {
    ($($error:ty),* $(,)?) => {
        $(impl Coded for $error {
            fn code(&self) -> Code {
                <$error>::code(self)
            }
        })*
    };
}

coded!(
    AppendError,
    ArtifactError,
    AttestationError,
    BundleError,
    CaError,
    CarryError,
    AcmeError,
    TraceError,
    CertificateCommandError,
    CertificateError,
    ServiceCertificateError,
    ClientsError,
    ContentError,
    FileError,
    FoundError,
    HttpError,
    ImportError,
    IdentityError,
    KeyError,
    LayoutError,
    LedgerError,
    MonitorError,
    ManifestsError,
    OciError,
    OutputError,
    PackDigestError,
    PackError,
    PatternError,
    PolicyCommandError,
    PolicyError,
    PredicateTypeError,
    RuleError,
    ServicesError,
    SettingsError,
    SpiffeError,
    SummaryError,
    SignImageError,
    SignError,
    SnapshotError,
    ServeError,
    TlsError,
    SignerError,
    StackError,
    StoreError,
    SelectionError,
    StatementError,
    TokenError,
    TourError,
    TrustError,
    TufError,
    VerifyError,
    NoteError,
    WebhookError,
);

/// A reason to print: code, message, what was expected and found, hints.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    code: Code,
    message: String,
    facts: Vec<(&'static str, String)>,
    hints: Vec<String>,
}

impl Failure {
    /// A usage error that the argument parser found.
    pub(crate) fn usage(message: &str) -> Self {
        Self::new(Code::usage("usage", "see --help"), message.to_owned())
    }

    fn new(code: Code, message: String) -> Self {
        Self { code, message, facts: Vec::new(), hints: vec![code.hint().to_owned()] }
    }

    /// The same, with what it is about in front.
    pub(crate) fn about(mut self, subject: &str) -> Self {
        self.message = format!("{subject}: {}", self.message);
        self
    }

    /// The same for an image, which many reasons begin with already.
    pub(crate) fn about_image(self, name: &str) -> Self {
        if self.message.starts_with(name) { self } else { self.about(name) }
    }

    /// Adds a line of its own, such as what was expected.
    pub(crate) fn fact(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((label, value.into()));
        self
    }

    /// Adds both sides of a policy's comparison, and what would have met it.
    fn compare(mut self, refusal: &Refusal) -> Self {
        let flag = match refusal {
            Refusal::Identity { .. } => Some("--identity"),
            Refusal::Issuer { .. } => Some("--issuer"),
            Refusal::Authority { .. } => Some("--certificate-authority"),
            _ => None,
        };
        let Some((expected, found)) = refusal.comparison() else { return self };
        if let Some(flag) = flag {
            let word = shell_word(&found);
            self.hints.push(format!("if that is whom you expect, say so: {flag} {word}, or a rule of the policy"));
        }
        self.fact("expected", expected).fact("found", found)
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.code.exit_code()
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn facts(&self) -> &[(&'static str, String)] {
        &self.facts
    }

    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl From<Reason> for Failure {
    /// Where the reason compares, both sides have a line of their own.
    fn from(reason: Reason) -> Self {
        let failure = Self::new(reason.code(), reason.to_string());
        match &reason {
            Reason::Policy(not_admitted) => failure.compare(&not_admitted.refusal),
            Reason::Verify(VerifyError::Content(ContentError::DigestMismatch { signed, found })) => {
                failure.fact("expected", signed.to_string()).fact("found", found.to_string())
            }
            _ => failure,
        }
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Refused(reason) => (*reason).into(),
            error => Self::new(error.code(), error.to_string()),
        }
    }
}

impl From<&Unread> for Failure {
    fn from(unread: &Unread) -> Self {
        Self::new(unread.code(), unread.to_string())
    }
}

impl From<&TokenProblem> for Failure {
    fn from(problem: &TokenProblem) -> Self {
        Self::new(problem.code(), format!("the identity token: {problem}"))
    }
}

impl<E: Coded> From<E> for Failure {
    /// The message holds the chain of causes, each said once.
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        Self::new(error.code(), message)
    }
}
