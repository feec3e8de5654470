//! `inspect`: what a bundle says, or all that are attached to an image, with the flags that would accept the
//! signer.

mod image;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use sealmark::base::limits;
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::trust::{Embedded, TrustedRoot};
use serde::Serialize;

use crate::artifact::{beside, image_named};
use crate::cli::{Format, Inspect};
use crate::files;
use crate::glob::BUNDLE_SUFFIX;
use crate::report::claimed::{
    Claimed, ClaimedCertificate, ClaimedContent, ClaimedEntry, ClaimedSigner, LEGACY, Readable,
};
use crate::report::console::Style;
use crate::report::text::{Table, shell_word, thousands, visible, visible_path};
use crate::report::{Failure, Problem, TOOL, Tool, console, print_json};

/// Schema `sealmark.inspect/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspected {
    schema: &'static str,
    tool: Tool,
    bundle: String,
    /// Of an image: its name by the digest that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// Always false: nothing here is proven.
    verified: bool,
    signatures: Vec<Readable<Candidate>>,
    /// Of an image: what could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Problem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    /// Of an image: where it is attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    claimed: Claimed,
    verify_arguments: Vec<String>,
}

pub(super) fn run(args: &Inspect) -> Result<u8, Failure> {
    match image_named(&args.file) {
        Some(reference) => image::run(args, reference),
        None => file(args),
    }
}

fn file(args: &Inspect) -> Result<u8, Failure> {
    let (path, artifact) = bundle_of(&args.file);
    let about = |failure: Failure| failure.about(&visible_path(&path));
    let json = files::read(&path, limits::BUNDLES_BYTES)?;
    let bundles = UnverifiedBundle::parse_lines(&json).map_err(|error| about(error.into()))?;
    let one = bundles.len() == 1;
    let mut signatures = Vec::new();
    for bundle in bundles {
        match bundle {
            Ok(bundle) => signatures.push(Readable::Yes(Candidate::of(&bundle, verify_blob(&artifact, &path)))),
            Err(error) if one => return Err(about(error.into())),
            Err(error) => signatures.push(Readable::No { error: Problem::from(error) }),
        }
    }
    let bundle = visible_path(&path);
    show(&Inspected::of(bundle, signatures), args)?;
    Ok(0)
}

impl Inspected {
    fn of(bundle: String, signatures: Vec<Readable<Candidate>>) -> Self {
        let schema = "sealmark.inspect/v1";
        Self { schema, tool: TOOL, bundle, image: None, verified: false, signatures, errors: Vec::new() }
    }
}

fn show(inspected: &Inspected, args: &Inspect) -> Result<(), Failure> {
    match args.format.format {
        Format::Json => print_json(inspected)?,
        Format::Human => console::data(&human(inspected))?,
    }
    Ok(())
}

/// The words before those that say whom to expect.
fn verify_blob(artifact: &Path, bundle: &Path) -> Vec<String> {
    let mut words = vec!["verify".to_owned(), "blob".to_owned(), artifact.to_string_lossy().into_owned()];
    if beside(artifact) != bundle {
        words.extend(["--bundle".to_owned(), bundle.to_string_lossy().into_owned()]);
    }
    words
}

/// The bundle that is meant, and the artifact that it would lie beside.
fn bundle_of(file: &Path) -> (PathBuf, PathBuf) {
    if let Some(artifact) = file.to_str().and_then(|text| text.strip_suffix(BUNDLE_SUFFIX)) {
        let artifact = Path::new(artifact);
        return (file.to_owned(), if artifact.is_file() { artifact.to_owned() } else { "FILE".into() });
    }
    let beside = beside(file);
    if beside.is_file() { (beside, file.to_owned()) } else { (file.to_owned(), "FILE".into()) }
}

impl Candidate {
    fn of(bundle: &UnverifiedBundle, mut arguments: Vec<String>) -> Self {
        let claimed = Claimed::from(bundle);
        match &claimed.signer {
            ClaimedSigner::Certificate(certificate) => {
                if let Readable::Yes(identity) = &certificate.identity {
                    arguments.extend(["--identity".to_owned(), identity.value.clone()]);
                }
                match &certificate.issuer {
                    Some(issuer) => arguments.extend(["--issuer".to_owned(), issuer.clone()]),
                    None => arguments.extend(["--certificate-authority".to_owned(), "NAME".to_owned()]),
                }
            }
            ClaimedSigner::Key { .. } => arguments.extend(["--key".to_owned(), "PEM".to_owned()]),
        }
        match instance(bundle) {
            Some(Embedded::PublicGood) => {}
            Some(other) => arguments.extend(["--instance".to_owned(), other.name().to_owned()]),
            None if matches!(claimed.signer, ClaimedSigner::Key { .. }) => {}
            None => arguments.extend(["--trusted-root".to_owned(), "FILE".to_owned()]),
        }
        if claimed.log_entries.iter().any(|entry| entry.promise && entry.proof.is_none()) {
            arguments.push("--accept-promise".to_owned());
        }
        Self { place: None, claimed, verify_arguments: arguments }
    }
}

/// The built-in instance whose authority the certificate names as its issuer.
fn instance(bundle: &UnverifiedBundle) -> Option<Embedded> {
    let issuer = bundle.claimed_certificate()?.issuer();
    Embedded::ALL.into_iter().find(|embedded| {
        let root = TrustedRoot::parse(embedded.trusted_root_json().as_bytes()).unwrap_or_default();
        let authorities = root.certificate_authorities;
        authorities.iter().filter_map(|authority| authority.chain.first()).any(|ca| ca.subject() == issuer)
    })
}

fn human(inspected: &Inspected) -> String {
    let style = Style::of_stdout();
    let mut out = String::new();
    for (index, signature) in inspected.signatures.iter().enumerate() {
        if inspected.signatures.len() > 1 {
            let _ = writeln!(
                out,
                "{}{}",
                if index > 0 { "\n" } else { "" },
                style.bold(&format!("signature {}", index + 1))
            );
        }
        match signature {
            Readable::Yes(candidate) => {
                let title = style.yellow("UNVERIFIED");
                let what = candidate.place.as_ref().unwrap_or(&inspected.bundle);
                match candidate.claimed.version {
                    LEGACY => writeln!(out, "{title}  {what}, an older cosign signature"),
                    version => writeln!(out, "{title}  {what}, version {version}"),
                }
                .unwrap_or_default();
                out.push_str(&claims(&candidate.claimed, style));
                let words: Vec<_> = candidate.verify_arguments.iter().map(|word| shell_word(&visible(word))).collect();
                let _ = writeln!(
                    out,
                    "\nif this is the signer that you expect, verify with:\n  sealmark {}",
                    words.join(" ")
                );
            }
            Readable::No { error } => {
                let _ = writeln!(out, "{}  {}", style.red("UNREADABLE"), visible(&error.to_string()));
            }
        }
    }
    out
}

fn claims(claimed: &Claimed, style: Style) -> String {
    let mut out = String::new();
    let mut section = |title: &str, table: Table| {
        let _ = write!(out, "\n{}\n{}", style.bold(title), table.print(2));
    };
    section("signer, as claimed", signer(&claimed.signer));
    section("content, as claimed", content(&claimed.content));
    if let ClaimedSigner::Certificate(certificate) = &claimed.signer
        && !certificate.claims.is_empty()
    {
        let mut table = Table::default();
        certificate.claims.iter().for_each(|claim| table.row(claim.name, &claim.value));
        section("claims of the certificate", table);
    }
    for entry in &claimed.log_entries {
        section("log entry, as claimed", log_entry(entry));
    }
    if !claimed.timestamps.is_empty() {
        let mut table = Table::default();
        for timestamp in &claimed.timestamps {
            match &timestamp.time {
                Readable::Yes(time) => table.row("time", time),
                Readable::No { error } => table.row("unreadable", &error.to_string()),
            }
        }
        section("timestamps, as claimed", table);
    }
    out
}

fn signer(signer: &ClaimedSigner) -> Table {
    let mut table = Table::default();
    match signer {
        ClaimedSigner::Certificate(certificate) => {
            match &certificate.identity {
                Readable::Yes(identity) => table.row("identity", &format!("{} ({})", identity.value, identity.form)),
                Readable::No { error } => table.row("identity", &error.to_string()),
            }
            table.row("issuer", certificate.issuer.as_deref().unwrap_or("none named"));
            let ClaimedCertificate { key, serial, intermediates, .. } = certificate.as_ref();
            let with = match intermediates {
                0 => String::new(),
                count => format!(", {count} intermediates with it"),
            };
            table.row("certificate", &format!("{key}, serial {serial}{with}"));
            table.row("issued by", &certificate.issued_by);
            let until = certificate.not_after.as_deref().unwrap_or("ever");
            table.row("valid", &format!("{} to {until}", certificate.not_before));
        }
        ClaimedSigner::Key { hint } if hint.is_empty() => table.row("key", "not in the bundle, nor a hint"),
        ClaimedSigner::Key { hint } => table.row("key", &format!("not in the bundle; hint {hint}")),
    }
    table
}

fn content(content: &ClaimedContent) -> Table {
    let mut table = Table::default();
    match content {
        ClaimedContent::Message { digest } => {
            table.row("signed", digest.as_deref().unwrap_or("a file, whose digest is not in the bundle"));
        }
        ClaimedContent::SimpleSigning { payload: Readable::Yes(image) } => {
            table.row("image", &image.digest);
            table.row("named", &image.name);
        }
        ClaimedContent::SimpleSigning { payload: Readable::No { error } } => table.row("payload", &error.to_string()),
        ClaimedContent::Attestation { payload_type, statement } => {
            table.row("payload", payload_type);
            match statement {
                Readable::Yes(statement) => {
                    table.row("predicate", &statement.predicate_type);
                    for subject in &statement.subjects {
                        table.row("subject", &format!("{} {}", subject.name, subject.digests.join(" ")));
                    }
                }
                Readable::No { error } => table.row("statement", &error.to_string()),
            }
        }
    }
    table
}

fn log_entry(entry: &ClaimedEntry) -> Table {
    let mut table = Table::default();
    table.row("kind", &entry.kind);
    table.row("index", &thousands(entry.log_index));
    table.row("log id", &entry.log_id);
    match &entry.proof {
        Some(proof) => {
            let origin = proof.origin.as_deref().unwrap_or("an unreadable checkpoint");
            let size = thousands(proof.tree_size);
            table.row("proof", &format!("in a tree of {size}, {origin}, {} signatures", proof.signatures));
        }
        None => table.row("proof", "none"),
    }
    if entry.promise {
        table.row("promise", "signed entry timestamp (SET)");
    }
    if let Some(time) = &entry.integrated_time {
        table.row("time", time);
    }
    table
}
