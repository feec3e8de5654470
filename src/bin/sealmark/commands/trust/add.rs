//! `trust add`: a private authority beside what a trust root has.

use sealmark::base::crypto::sha256;
use sealmark::base::encoding::{hex, pem};
use sealmark::base::limits;
use sealmark::base::time::ValidityPeriod;
use sealmark::format::spiffe::TrustDomain;
use sealmark::format::trust::{Appended, AuthorityInstance, ClientTrustConfig, TrustedRoot, append};
use sealmark::format::x509::Certificate;
use sealmark::service::ca::{CaError, fulcio_anchors, step_ca_anchors, step_ca_root, vault_anchors};
use sealmark::service::files::write_whole;
use sealmark::service::http::{Endpoint, HttpClient, Service, Settings};
use sealmark::verify::Verifier;
use serde::Serialize;

use crate::cli::{AuthoritySystem, Format, LeafEku, TrustAdd};
use crate::commands::output::OutputError;
use crate::files;
use crate::report::text::{visible, visible_path};
use crate::report::{Failure, Tool, console, print_json};
use crate::settings::{self, SettingsError};

/// Schema `sealmark.trust-add/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    schema: &'static str,
    tool: Tool,
    name: String,
    uri: String,
    /// SHA-256 of each root that was added; empty when all stood there.
    added: Vec<String>,
    present: usize,
}

pub(in crate::commands) fn run(args: &TrustAdd) -> Result<u8, Failure> {
    let about = |failure: Failure| failure.about(&visible_path(&args.file));
    let mut document = files::read(&args.file, limits::TRUST_BYTES)?;
    let uri = uri(args)?;
    let (mut added, mut present) = (Vec::new(), 0);
    for chain in received(args)? {
        if let (Some(digest), Some(root)) = (&args.root_sha256, chain.last()) {
            digest.check(root).map_err(CaError::from)?;
        }
        let root = chain.last().map(|root| hex::encode(&sha256(&[root.der()]))).unwrap_or_default();
        let validity = window(&chain)?;
        let (organization, common_name) = (String::new(), args.name.clone());
        let authority = AuthorityInstance { organization, common_name, uri: uri.clone(), chain, validity };
        match append(&document, &authority).map_err(|error| about(error.into()))? {
            Appended::Present => present += 1,
            Appended::Added(longer) => {
                document = longer.into_bytes();
                added.push(root);
            }
        }
    }
    // An authority whose own chain does not hold would make the whole document useless.
    let root = if ClientTrustConfig::is_one(&document) {
        ClientTrustConfig::parse(&document)?.trusted_root
    } else {
        TrustedRoot::parse(&document)?
    };
    Verifier::new(&root)?;
    if !added.is_empty() {
        write_whole(&args.file, &document)
            .map_err(|error| OutputError::Write { path: args.file.clone(), kind: error.kind() })?;
    }
    show(
        args,
        Report {
            schema: "sealmark.trust-add/v1",
            tool: crate::report::TOOL,
            name: args.name.clone(),
            uri,
            added,
            present,
        },
    )
}

fn show(args: &TrustAdd, report: Report) -> Result<u8, Failure> {
    match args.format.format {
        Format::Json => print_json(&report)?,
        Format::Human => {
            let mut out = String::new();
            for root in &report.added {
                out.push_str(&format!("added {} with root sha256:{root}\n", visible(&report.name)));
            }
            if report.added.is_empty() {
                out.push_str(&format!("{} stands there already: nothing was changed\n", visible(&report.name)));
            }
            console::data(&out)?;
        }
    }
    Ok(0)
}

/// The place that tells authorities apart, and says which system it is.
fn uri(args: &TrustAdd) -> Result<String, SettingsError> {
    let at = args.at.as_str();
    if args.from != AuthoritySystem::Spire && args.leaf_eku.is_some() {
        return Err(SettingsError::LeafEku);
    }
    Ok(match args.from {
        AuthoritySystem::Vault => format!("vault:{at}"),
        AuthoritySystem::StepCa => format!("step-ca:{at}"),
        AuthoritySystem::CertManager => format!("cert-manager:{at}"),
        AuthoritySystem::File => format!("private-ca:{at}"),
        AuthoritySystem::Fulcio => at.to_owned(),
        AuthoritySystem::Spire => match (trust_domain(at)?, args.leaf_eku) {
            (domain, Some(LeafEku::ClientAuth)) => AuthorityInstance::svid_uri(&domain),
            (domain, None) => format!("spiffe://{domain}"),
        },
    })
}

fn trust_domain(at: &str) -> Result<TrustDomain, SettingsError> {
    let name = at.trim_start_matches("spiffe://").trim_end_matches('/');
    TrustDomain::parse(name).ok_or_else(|| SettingsError::TrustDomain { found: at.to_owned() })
}

/// The authority's chains: from the file, else from the authority.
fn received(args: &TrustAdd) -> Result<Vec<Vec<Certificate>>, Failure> {
    if let Some(chain) = &args.chain {
        let text = files::read(chain, limits::TRUST_BYTES)?;
        let certificates = certificates(&text).map_err(|failure| failure.about(&visible_path(chain)))?;
        return Ok(chains(certificates, args.from)?);
    }
    let runtime = settings::runtime()?;
    let http = settings::client_with_root(&settings::http(), args.tls_root.as_deref())?;
    let certificates = match args.from {
        AuthoritySystem::Spire => runtime.block_on(settings::agent()?.x509_bundle(&trust_domain(&args.at)?))?,
        AuthoritySystem::Vault => runtime.block_on(vault_anchors(&args.at, &http))?,
        AuthoritySystem::StepCa => runtime.block_on(step_ca(args, http))?,
        AuthoritySystem::Fulcio => return Ok(runtime.block_on(fulcio_anchors(&args.at, &http))?),
        AuthoritySystem::CertManager | AuthoritySystem::File => {
            return Err(SettingsError::TrustChain { problem: "no file with certificates was given" }.into());
        }
    };
    Ok(chains(certificates, args.from)?)
}

/// Over TLS that its own root proves, when that is known by its digest.
async fn step_ca(args: &TrustAdd, http: HttpClient) -> Result<Vec<Certificate>, CaError> {
    let http = match args.root_sha256 {
        None => http,
        Some(digest) => {
            let base = Endpoint::parse(Service::CertificateAuthority, &args.at)?;
            let root = step_ca_root(&base, digest, &http).await?;
            HttpClient::new(Settings { extra_roots: Some(root.to_pem()), ..http.settings().clone() })
        }
    };
    step_ca_anchors(&args.at, &http).await
}

fn certificates(text: &[u8]) -> Result<Vec<Certificate>, Failure> {
    let text = std::str::from_utf8(text).map_err(|_| SettingsError::TrustChain { problem: "it is not text" })?;
    let mut certificates = Vec::new();
    for der in pem::decode_all(text, "CERTIFICATE").map_err(sealmark::format::x509::CertificateError::from)? {
        let certificate = Certificate::from_der(&der)?;
        if !certificates.contains(&certificate) {
            certificates.push(certificate);
        }
    }
    Ok(certificates)
}

/// One chain, its root last; of a SPIRE bundle each root for itself.
fn chains(certificates: Vec<Certificate>, from: AuthoritySystem) -> Result<Vec<Vec<Certificate>>, SettingsError> {
    let bad = |problem| SettingsError::TrustChain { problem };
    if certificates.is_empty() {
        return Err(bad("it holds no certificate"));
    }
    if from == AuthoritySystem::Spire {
        return Ok(certificates.into_iter().map(|root| vec![root]).collect());
    }
    let (roots, mut below): (Vec<_>, Vec<_>) = certificates.into_iter().partition(Certificate::is_self_issued);
    let [root] = <[Certificate; 1]>::try_from(roots).map_err(|_| bad("exactly one root is expected"))?;
    // From the root down, so that the order in the file does not matter.
    let mut chain = vec![root];
    while !below.is_empty() {
        let above = chain.last().map(|above| above.subject().der().to_vec()).unwrap_or_default();
        let next = below.iter().position(|one| one.issuer().der() == above.as_slice());
        chain.push(below.swap_remove(next.ok_or_else(|| bad("its certificates are not one chain"))?));
    }
    chain.reverse();
    Ok(vec![chain])
}

/// When all of the chain is valid.
fn window(chain: &[Certificate]) -> Result<ValidityPeriod, SettingsError> {
    let start = chain.iter().map(|one| one.validity().start()).max();
    let end = chain.iter().filter_map(|one| one.validity().end()).min();
    let period = start.and_then(|start| ValidityPeriod::new(start, end));
    period.ok_or(SettingsError::TrustChain { problem: "its certificates are never valid together" })
}
