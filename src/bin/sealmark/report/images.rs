//! Images that were signed, schema `sealmark.signed-images/v1`, for people and for programs.

use std::fmt::Write;

use sealmark::format::oci::DigestRef;
use sealmark::service::store::FoundBy;
use sealmark::sign::image::{Form, FoundImage, Present, Published, Request, SIGNATURE_PREDICATE};
use sealmark::verify::Verified;
use serde::Serialize;

use super::console::Style;
use super::consumers::Consumer;
use super::evidence::{Check, SignerShown, checks};
use super::signed::{SPOOLED, Spooled, code, command_line, signer_words};
use super::text::Table;
use super::{Failure, Problem, TOOL, Tool, Verdict};

/// The document: what became of each image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImagesReport {
    schema: &'static str,
    tool: Tool,
    services: String,
    waivers: Vec<&'static str>,
    /// Whether nothing was written because nothing was to be.
    dry_run: bool,
    pub(crate) images: Vec<ImageSigned>,
    /// Requests that are made for the call as a whole; only of a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<RequestShown>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumers: Vec<Consumer>,
}

impl ImagesReport {
    pub(crate) fn new(services: &str, waivers: Vec<&'static str>, images: Vec<ImageSigned>) -> Self {
        Self {
            schema: "sealmark.signed-images/v1",
            tool: TOOL,
            services: services.to_owned(),
            waivers,
            dry_run: false,
            images,
            requests: Vec::new(),
            consumers: Vec::new(),
        }
    }

    /// The code of the worst image; what waits for a log is no yes.
    pub(crate) fn exit_code(&self) -> u8 {
        let verdict = Verdict::of_failures(self.images.iter().filter_map(|image| image.failure.as_ref()));
        let waits = self.images.iter().any(|image| image.spooled.is_some());
        if waits && verdict == Verdict::Verified { SPOOLED } else { verdict.exit_code() }
    }

    /// The document of a call that writes nothing.
    pub(crate) fn dry_run(self, requests: Vec<RequestShown>) -> Self {
        Self { dry_run: true, requests, ..self }
    }

    /// Adds who sees the result.
    pub(crate) fn with_consumers(self, consumers: Vec<Consumer>) -> Self {
        Self { consumers, ..self }
    }
}

/// One image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageSigned {
    /// By digest.
    pub(crate) image: String,
    /// As it was named in the call; none below an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<String>,
    pub(crate) signatures: Vec<SignatureShown>,
    /// A signature that waits for a log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spooled: Option<Spooled>,
    /// The command that verifies it, word by word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) verify: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) requests: Vec<RequestShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Problem>,
    /// The same for people.
    #[serde(skip)]
    pub(crate) failure: Option<Failure>,
}

/// One signature of an image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignatureShown {
    pub(crate) form: &'static str,
    /// `made`, or `present` when this signer had said so before.
    pub(crate) status: &'static str,
    /// The referrer by digest, or the tag.
    pub(crate) place: String,
    /// Which list has it: `referrers-api` or `referrers-tag`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "list_word")]
    pub(crate) listed_by: Option<FoundBy>,
    pub(crate) signer: SignerShown,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) predicate_type: Option<String>,
    /// What was proven of it.
    pub(crate) checks: Vec<Check>,
}

/// A request that would be made.
#[derive(Debug, Serialize)]
pub(crate) struct RequestShown {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) purpose: String,
}

impl From<Request> for RequestShown {
    fn from(request: Request) -> Self {
        Self { method: request.method, url: request.url, purpose: request.purpose.to_owned() }
    }
}

impl RequestShown {
    /// A request to a service.
    pub(crate) fn post(url: &str, purpose: &str) -> Self {
        Self { method: "POST", url: url.to_owned(), purpose: purpose.to_owned() }
    }

    fn line(&self) -> String {
        format!("{:5} {}  ({})", self.method, self.url, self.purpose)
    }
}

impl SignatureShown {
    fn new(form: Form, status: &'static str, place: &str, found_by: Option<FoundBy>, verified: &Verified) -> Self {
        Self {
            form: form_word(form),
            status,
            place: place.to_owned(),
            listed_by: found_by,
            signer: SignerShown::from(verified.signer()),
            predicate_type: verified.statement().map(|statement| statement.predicate_type.clone()),
            checks: checks(verified, None),
        }
    }

    pub(crate) fn made(published: &Published) -> Self {
        Self::new(published.form, "made", &published.place, published.found_by, &published.verified)
    }

    pub(crate) fn present(form: Form, present: &Present) -> Self {
        Self::new(form, "present", &present.place, present.found_by, &present.verified)
    }
}

pub(crate) const fn form_word(form: Form) -> &'static str {
    match form {
        Form::Bundle => "bundle",
        Form::Legacy => "legacy",
    }
}

const fn list(found_by: FoundBy) -> &'static str {
    match found_by {
        FoundBy::Api => "referrers-api",
        FoundBy::Tag => "referrers-tag",
        FoundBy::Content => "content",
    }
}

#[allow(clippy::ref_option, reason = "the signature that serde wants")]
fn list_word<S: serde::Serializer>(found_by: &Option<FoundBy>, serializer: S) -> Result<S::Ok, S::Error> {
    found_by.map(list).serialize(serializer)
}

impl ImageSigned {
    pub(crate) fn of(image: &FoundImage, name: Option<&str>) -> Self {
        Self {
            name: name.map(str::to_owned),
            platform: image.platform.as_ref().map(ToString::to_string),
            ..Self::named(image.image())
        }
    }

    /// An image of which no more is known than its digest.
    pub(crate) fn named(image: &DigestRef) -> Self {
        Self {
            image: image.to_string(),
            name: None,
            platform: None,
            signatures: Vec::new(),
            spooled: None,
            verify: Vec::new(),
            requests: Vec::new(),
            error: None,
            failure: None,
        }
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        let failure = failure.about_image(&self.image);
        self.error = Some(Problem::from(&failure));
        self.failure = Some(failure);
    }
}

/// `sealmark verify image …` or `verify attestation …`, with exactly the identity that signed. An older signature
/// under a certificate has only a log's promise, which must be said.
pub(crate) fn verify_command(image: &DigestRef, signature: &SignatureShown, flags: &[String]) -> Vec<String> {
    let attested = signature.predicate_type.as_deref().filter(|kind| *kind != SIGNATURE_PREDICATE);
    let verb = if attested.is_some() { "attestation" } else { "image" };
    let mut words = ["sealmark", "verify", verb].map(str::to_owned).to_vec();
    words.push(image.to_string());
    words.extend(attested.into_iter().flat_map(|kind| ["--type".to_owned(), kind.to_owned()]));
    words.extend(signer_words(&signature.signer));
    if signature.form == form_word(Form::Legacy) && matches!(signature.signer, SignerShown::Certificate { .. }) {
        words.push("--accept-promise".to_owned());
    }
    words.extend(flags.iter().cloned());
    words
}

/// For people, on standard output.
pub(crate) fn human(report: &ImagesReport) -> String {
    let style = Style::of_stdout();
    let mut out = lines(&report.images, report.dry_run, style);
    if !report.requests.is_empty() {
        let _ = writeln!(out, "once for all of them");
    }
    for request in &report.requests {
        let _ = writeln!(out, "  {}", request.line());
    }
    if !report.consumers.is_empty() {
        let _ = writeln!(out, "who sees it");
        let mut table = Table::default();
        for consumer in &report.consumers {
            table.row(consumer.name, &format!("{:3}  {}", consumer.sees.word(), consumer.because));
        }
        out.push_str(&table.print(2));
    }
    out
}

/// The images, one after the other.
pub(super) fn lines(images: &[ImageSigned], dry_run: bool, style: Style) -> String {
    let mut out = String::new();
    for image in images {
        if let Some(spooled) = &image.spooled {
            out.push_str(&spooled.human(&image.image, style));
        }
        let nothing = image.signatures.is_empty() && (image.error.is_some() || image.spooled.is_some());
        if nothing {
            continue;
        }
        let new = image.signatures.is_empty() || image.signatures.iter().any(|signature| signature.status == "made");
        let word = match (dry_run, image.error.is_some(), new) {
            (true, ..) => "WOULD SIGN",
            (false, true, _) => "PARTLY SIGNED",
            (false, false, true) => "SIGNED",
            (false, false, false) => "PRESENT",
        };
        let word = if image.error.is_some() { style.yellow(word) } else { style.green(word) };
        let platform = image.platform.as_ref().map_or_else(String::new, |platform| format!("  {platform}"));
        let _ = writeln!(out, "{word}  {}{platform}", image.image);
        out.push_str(&signatures(image).print(2));
        for request in &image.requests {
            let _ = writeln!(out, "  {}", request.line());
        }
        if !image.verify.is_empty() {
            let _ = writeln!(out, "  verify with\n    {}", command_line(&image.verify));
        }
    }
    out
}

/// For the summary page of a GitHub Actions job (Markdown).
pub(crate) fn summary(report: &ImagesReport) -> String {
    let mut out =
        String::from("### Images signed by sealmark\n\n| image | platform | signatures |\n| --- | --- | --- |\n");
    let signed = || report.images.iter().filter(|image| !image.signatures.is_empty());
    for image in signed() {
        let forms: Vec<String> =
            image.signatures.iter().map(|signature| format!("{} ({})", signature.form, signature.status)).collect();
        let platform = image.platform.as_deref().unwrap_or_default();
        let _ = writeln!(out, "| {} | {} | {} |", code(&image.image), code(platform), forms.join(", "));
    }
    out.push_str("\nVerify with:\n\n```sh\n");
    signed().for_each(|image| out.push_str(&format!("{}\n", command_line(&image.verify).replace("```", ""))));
    out.push_str("```\n");
    out
}

fn signatures(image: &ImageSigned) -> Table {
    let mut table = Table::default();
    if let Some(name) = &image.name {
        table.row("name", name);
    }
    for signature in &image.signatures {
        let listed = signature.listed_by.map_or_else(String::new, |by| format!(", listed by {}", list(by)));
        let said = if signature.status == "present" { ", there already" } else { "" };
        table.row(signature.form, &format!("{}{listed}{said}", signature.place));
    }
    if let Some(signature) = image.signatures.first() {
        let shown = |check: &&Check| ["signer", "issuer", "signing time", "transparency"].contains(&check.name);
        signature.checks.iter().filter(shown).for_each(|check| table.row(check.name, &check.detail));
    }
    table
}
