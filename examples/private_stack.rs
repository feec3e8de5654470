//! A private Sigstore inside a test of your own release code: it starts in a folder, on a free port,
//! hands out whatever token you need, and is gone afterwards.
//!
//! ```sh
//! cargo run --example private_stack
//! ```

use std::error::Error;
use std::sync::Arc;

use sealmark::admit::{Trust, decide};
use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::policy::{Matcher, Policy, Rule};
use sealmark::service::environment::{Environment, FixedEnvironment, SystemEnvironment};
use sealmark::service::http::{HttpClient, Settings};
use sealmark::service::identity::VariableToken;
use sealmark::sign::{Keyless, Services, Session, certificate_authority};
use sealmark::stack::{IssuerKind, Running, TokenRequest};
use sealmark::verify::{Artifact, Verifier};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let stack = Running::start(&folder.path().join("stack")).await?;
    println!("a private Sigstore answers at {}", stack.url());

    // A token as a release job on GitHub would have it.
    let job = TokenRequest::new(IssuerKind::GithubWorkflow).with("repository", "acme/app")?;
    let bundle = sign(&stack, &stack.token(&job)?, b"the release").await?;

    // The policy under test: only the release workflow, only tags.
    let rule = Rule::named("release")
        .identity(Matcher::glob("https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*")?)
        .issuer(Matcher::exact(&stack.issuer().url(IssuerKind::GithubWorkflow))?)
        .build()?;
    let (verifier, trust) = (Verifier::new(stack.trusted_root())?, Trust::Policy(Policy::of(rule)));
    let bundles = UnverifiedBundle::parse_lines(bundle.as_bytes())?;
    for artifact in [&b"the release"[..], b"something else"] {
        let artifact = Artifact::from_bytes(artifact);
        let decision = decide(&verifier, &trust, &artifact, &bundles, SystemEnvironment.now());
        match (decision.admitted(), decision.refused()) {
            (Some(_), _) => println!("admitted {}", artifact.shown_digest()),
            (None, reason) => println!("refused {}: {:?}", artifact.shown_digest(), reason.map(|reason| reason.code())),
        }
    }
    stack.stop().await?;
    Ok(())
}

/// What your release job does, against the stack.
async fn sign(stack: &Running, token: &str, artifact: &[u8]) -> Result<String, Box<dyn Error>> {
    let environment: Arc<dyn Environment> = Arc::new(SystemEnvironment);
    let (http, now) = (HttpClient::new(Settings::default()), environment.now());
    let verifier = Arc::new(Verifier::new(stack.trusted_root())?);
    let variables = FixedEnvironment::with_variables([("SIGSTORE_ID_TOKEN", token)]);
    let source = Box::new(VariableToken::new(Arc::new(variables)));
    let authority = certificate_authority(stack.signing_config(), now, &http)?;
    let identity = Keyless::new(vec![source], authority, Arc::clone(&verifier), Arc::clone(&environment));
    let services = Services::select(stack.signing_config(), stack.trusted_root(), now, &http)?;
    let session = Session::begin(&identity, services, verifier, environment).await?;
    let signed = session.sign(Digest::of(DigestAlgorithm::Sha256, artifact)).await?;
    Ok(signed.json().to_owned())
}
