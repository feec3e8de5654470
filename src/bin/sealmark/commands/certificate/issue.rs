//! `certificate issue`.

use std::path::{Path, PathBuf};

use sealmark::base::crypto::{KeyKind, sha256};
use sealmark::base::encoding::{base64, hex};
use sealmark::service::ca::{CertificateChain, ServiceName, ServiceRequest, check_service};
use sealmark::service::files::{NewFile, write_secret};
use sealmark::service::identity;
use sealmark::service::signer::{PrivateKey, Protection, Signer as _};
use serde::Serialize;

use super::CertificateCommandError as Error;
use crate::cli::{CertificateForm, CertificateIssue, Format};
use crate::commands::key::kind_of;
use crate::commands::output::OutputError;
use crate::report::text::{visible, visible_path};
use crate::report::{Failure, TOOL, Tool, console, print_json};
use crate::settings::{self, CertifiedFor};

/// Schema `sealmark.certificate-issued/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issued {
    schema: &'static str,
    tool: Tool,
    authority: String,
    names: Vec<String>,
    key: String,
    sha256: String,
    not_before: String,
    not_after: Option<String>,
    files: Vec<String>,
}

pub(crate) fn issue(args: &CertificateIssue) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let place = Place::of(args)?;
    let names: Vec<ServiceName> = [&args.dns[..], &args.ip, &args.uri].concat();
    let http = settings::http();
    let authority = settings::named_authority(&args.authority, &http, CertifiedFor::Service)?;
    let authority = authority.ok_or(Error::NoAuthority)?;
    let key = PrivateKey::generate(kind_of(args.kind))?;
    let environment = settings::environment();
    let chain = settings::runtime()?.block_on(async {
        let token = match authority.audience() {
            None => None,
            Some(audience) => {
                let sources = settings::token_sources(&args.token, &http)?;
                let token = identity::find(&sources, audience).await?;
                token.check(audience, environment.now())?;
                Some(token)
            }
        };
        let lifetime_secs = args.lifetime.map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
        let request = ServiceRequest { key: key.signer(), token: token.as_ref(), names: &names, lifetime_secs };
        Ok::<_, Failure>(authority.issue_for_service(request).await?)
    })?;
    check_service(&chain, key.signer().public_key(), &names, environment.now())?;
    let files = place.write(&key, &chain)?;
    let kind: KeyKind = key.signer().public_key().kind();
    let report = Issued {
        schema: "sealmark.certificate-issued/v1",
        tool: TOOL,
        authority: authority.name(),
        names: names.iter().map(ToString::to_string).collect(),
        key: kind.to_string(),
        sha256: hex::encode(&sha256(&[chain.leaf.der()])),
        not_before: chain.leaf.validity().start().to_string(),
        not_after: chain.leaf.validity().end().map(|end| end.to_string()),
        files: files.iter().map(|path| visible_path(path)).collect(),
    };
    show(args, &report)
}

fn show(args: &CertificateIssue, report: &Issued) -> Result<u8, Failure> {
    // The manifest is what stands on standard output.
    if report.files.is_empty() {
        return Ok(0);
    }
    match args.format.format {
        Format::Json => print_json(report)?,
        Format::Human => {
            let names: Vec<_> = report.names.iter().map(|name| visible(name)).collect();
            let until = report.not_after.as_deref().unwrap_or("no end");
            let text = format!(
                "certificate for {}\n  by {}\n  until {until}\n  in {}\n",
                names.join(", "),
                visible(&report.authority),
                report.files.join(", ")
            );
            console::data(&text)?;
        }
    }
    Ok(0)
}

/// Where it goes, known to be possible before anybody is asked.
enum Place<'a> {
    Files(&'a Path),
    Bundle(&'a Path),
    Manifest { path: Option<&'a Path>, namespace: &'a str, name: &'a str },
}

impl<'a> Place<'a> {
    fn of(args: &'a CertificateIssue) -> Result<Self, Error> {
        let stdout = args.output.as_os_str() == "-";
        Ok(match args.form {
            CertificateForm::Files | CertificateForm::Bundle if stdout => return Err(Error::Stdout),
            CertificateForm::Files => Self::Files(&args.output),
            CertificateForm::Bundle => Self::Bundle(&args.output),
            CertificateForm::Kubernetes => {
                let found = args.secret.as_deref().unwrap_or_default();
                let plain = |part: &str| {
                    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
                    !part.is_empty() && part.len() <= 253 && part.bytes().all(fits)
                };
                let named = found.split_once('/').filter(|(namespace, name)| plain(namespace) && plain(name));
                let (namespace, name) = named.ok_or_else(|| Error::Secret { found: found.to_owned() })?;
                Self::Manifest { path: (!stdout).then_some(&args.output), namespace, name }
            }
        })
    }

    fn write(&self, key: &PrivateKey, chain: &CertificateChain) -> Result<Vec<PathBuf>, Failure> {
        let key = key.to_pem(Protection::NoneUnsafe)?;
        let leading: Vec<_> = chain.above.iter().filter(|one| !one.is_self_issued()).collect();
        let served: String = std::iter::once(&chain.leaf).chain(leading).map(|one| one.to_pem()).collect();
        let top = chain.above.last().map(|top| top.to_pem()).unwrap_or_default();
        match self {
            Self::Files(prefix) => {
                let named = |suffix: &str| {
                    let mut name = prefix.as_os_str().to_owned();
                    name.push(suffix);
                    PathBuf::from(name)
                };
                let (key_path, chain_path, top_path) = (named(".key"), named(".crt"), named(".ca.crt"));
                // All are written before the first is put into its place.
                let mut files = vec![begin(&key_path, &key, true)?, begin(&chain_path, &served, false)?];
                let mut paths = vec![key_path, chain_path];
                if !top.is_empty() {
                    files.push(begin(&top_path, &top, false)?);
                    paths.push(top_path);
                }
                for (file, path) in files.into_iter().zip(&paths) {
                    file.finish().map_err(|error| unwritten(path, &error))?;
                }
                Ok(paths)
            }
            Self::Bundle(path) => {
                let text = zeroize::Zeroizing::new(format!("{}{served}", key.as_str()));
                write_secret(path, text.as_bytes()).map_err(|error| unwritten(path, &error))?;
                Ok(vec![path.to_path_buf()])
            }
            Self::Manifest { path, namespace, name } => {
                let text = zeroize::Zeroizing::new(manifest(namespace, name, &key, &served, &top));
                match path {
                    Some(path) => {
                        write_secret(path, text.as_bytes()).map_err(|error| unwritten(path, &error))?;
                        Ok(vec![path.to_path_buf()])
                    }
                    None => {
                        console::data(&text)?;
                        Ok(Vec::new())
                    }
                }
            }
        }
    }
}

fn begin(path: &Path, content: &str, secret: bool) -> Result<NewFile, OutputError> {
    let file = if secret { NewFile::secret(path) } else { NewFile::create(path) };
    let mut file = file.map_err(|error| unwritten(path, &error))?;
    file.write(content.as_bytes()).map_err(|error| unwritten(path, &error))?;
    Ok(file)
}

fn unwritten(path: &Path, error: &std::io::Error) -> OutputError {
    OutputError::Write { path: path.to_owned(), kind: error.kind() }
}

/// <https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets>; names were checked, the rest is base64.
fn manifest(namespace: &str, name: &str, key: &str, served: &str, top: &str) -> String {
    let mut out = format!(
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata:\n  name: {name}\n  namespace: {namespace}\ndata:\n"
    );
    for (field, value) in [("tls.crt", served), ("tls.key", key), ("ca.crt", top)] {
        if !value.is_empty() {
            out.push_str(&format!("  {field}: {}\n", base64::encode(value.as_bytes())));
        }
    }
    out
}
