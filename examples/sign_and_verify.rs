//! Signs a file with the identity of the CI job that this runs in, and verifies the bundle.
//!
//! ```sh
//! sealmark stack init ./stack && sealmark stack up ./stack &
//! SIGSTORE_ID_TOKEN=… cargo run --example sign_and_verify -- ./stack/client_trust_config.json app.tar.gz
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use sealmark::admit::{Trust, decide};
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::trust::ClientTrustConfig;
use sealmark::format::x509::FulcioClaims;
use sealmark::policy::{Matcher, Policy, Rule};
use sealmark::service::environment::{Environment, SystemEnvironment};
use sealmark::service::files::write_whole;
use sealmark::service::http::{HttpClient, Settings};
use sealmark::service::identity::ambient;
use sealmark::sign::blob::{bundle_path, hash_file};
use sealmark::sign::{Keyless, Services, Session, certificate_authority};
use sealmark::verify::{Artifact, Verifier};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, config, file] = arguments.as_slice() else { return Err("usage: sign_and_verify CONFIG FILE".into()) };
    let config = ClientTrustConfig::parse(&std::fs::read(config)?)?;
    let verifier = Arc::new(Verifier::new(&config.trusted_root)?);
    sign(&config, &verifier, Path::new(file)).await?;
    verify(&verifier, Path::new(file))
}

/// From the job's token to `FILE.sigstore.json`.
async fn sign(config: &ClientTrustConfig, verifier: &Arc<Verifier>, file: &Path) -> Result<(), Box<dyn Error>> {
    let environment: Arc<dyn Environment> = Arc::new(SystemEnvironment);
    let (http, now) = (HttpClient::new(Settings::from_environment(&*environment)), environment.now());

    // Which services: those that the signing config selects.
    let services = Services::select(&config.signing_config, &config.trusted_root, now, &http)?;
    let authority = certificate_authority(&config.signing_config, now, &http)?;

    // Who signs: whoever this job is. One session has one certificate, for as many files as you like.
    let sources = ambient(&environment, &http);
    let identity = Keyless::new(sources, authority, Arc::clone(verifier), Arc::clone(&environment));
    let session = Session::begin(&identity, services, Arc::clone(verifier), environment).await?;
    let signed = session.sign(hash_file(file, session.digest_algorithm())?).await?;

    // What comes back was verified already.
    write_whole(&bundle_path(file), signed.json().as_bytes())?;
    Ok(())
}

/// What whoever receives the file does: offline, with the identity that they expect.
fn verify(verifier: &Verifier, file: &Path) -> Result<(), Box<dyn Error>> {
    let artifact = std::fs::read(file)?;
    let bundles = UnverifiedBundle::parse_lines(&std::fs::read(bundle_path(file))?)?;

    // Here it is taken from the bundle that we just made; elsewhere it is written down beforehand.
    let certificate = bundles.first().and_then(|bundle| bundle.as_ref().ok()?.claimed_certificate());
    let certificate = certificate.ok_or("no certificate")?;
    let issuer = FulcioClaims::read(certificate)?.issuer().unwrap_or_default().to_owned();
    let rule = Rule::named("this job")
        .identity(Matcher::exact(certificate.san()?.as_str())?)
        .issuer(Matcher::exact(&issuer)?)
        .build()?;

    let trust = Trust::Policy(Policy::of(rule));
    let now = SystemEnvironment.now();
    let decision = decide(verifier, &trust, &Artifact::from_bytes(&artifact), &bundles, now);
    match decision.admitted() {
        Some((verified, _)) => println!("{} signed by {}", verified.artifact(), certificate.san()?),
        None => return Err(decision.refused().map_or("refused".into(), |reason| reason.to_string().into())),
    }
    Ok(())
}
