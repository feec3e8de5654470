//! What was signed, schema `sealmark.signed/v1`, for people, for programs and for the pages of a CI run.

use std::fmt::Write;
use std::path::Path;

use sealmark::sign::Signed;
use serde::Serialize;

use super::console::Style;
use super::evidence::{Check, SignerShown, checks};
use super::images::{self, ImageSigned};
use super::text::{Table, shell_word, thousands, visible, visible_path};
use super::{Failure, Problem, TOOL, Tool, Verdict};

/// The document: what became of each file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedReport {
    schema: &'static str,
    tool: Tool,
    services: String,
    waivers: Vec<&'static str>,
    pub(crate) files: Vec<SignedFile>,
    /// Images whose signatures had waited for a log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<ImageSigned>,
}

impl SignedReport {
    pub(crate) fn new(services: &str, waivers: Vec<&'static str>, files: Vec<SignedFile>) -> Self {
        let services = services.to_owned();
        Self { schema: "sealmark.signed/v1", tool: TOOL, services, waivers, files, images: Vec::new() }
    }

    /// With images.
    pub(crate) fn with_images(self, images: Vec<ImageSigned>) -> Self {
        Self { images, ..self }
    }

    /// Why something was not signed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failure> + Clone {
        let images = self.images.iter().filter_map(|image| image.failure.as_ref());
        self.files.iter().filter_map(|file| file.failure.as_ref()).chain(images)
    }
}

/// One file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedFile {
    pub(crate) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) made: Option<Made>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spooled: Option<Spooled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Problem>,
    /// The same for people.
    #[serde(skip)]
    pub(crate) failure: Option<Failure>,
}

/// A signature that was kept aside: not a bundle, and not signed until it is finished.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spooled {
    pub(crate) kept: String,
    /// Where its bundle will be.
    pub(crate) bundle: String,
    /// Why no log has it.
    pub(crate) reason: Problem,
    /// The command that finishes it, word by word.
    pub(crate) finish: Vec<String>,
}

impl Spooled {
    /// What is kept in `kept` until `bundle` can be written.
    pub(crate) fn new(bundle: String, kept: &Path, why: &Failure, flags: &[String]) -> Self {
        let mut finish = ["sealmark", "sign", "finish"].map(str::to_owned).to_vec();
        finish.push(kept.to_string_lossy().into_owned());
        finish.extend(flags.iter().cloned());
        Self { kept: visible_path(kept), bundle, reason: Problem::from(why), finish }
    }

    /// For people.
    pub(super) fn human(&self, what: &str, style: Style) -> String {
        let mut table = Table::default();
        table.row("kept in", &self.kept);
        table.row("because", &self.reason.to_string());
        let command = command_line(&self.finish);
        let head = format!("{}  {what}  no log has it yet", style.yellow("WAITS"));
        format!("{head}\n{}  finish with\n    {command}\n", table.print(2))
    }
}

/// A bundle that was written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Made {
    pub(crate) bundle: String,
    pub(crate) bytes: usize,
    pub(crate) digest: String,
    pub(crate) signer: SignerShown,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) predicate_type: Option<String>,
    /// What was proven of it before it was written.
    pub(crate) checks: Vec<Check>,
    /// The command that verifies it, word by word.
    pub(crate) verify: Vec<String>,
}

impl SignedFile {
    /// A bundle that was written to `bundle`.
    pub(crate) fn made(file: &Path, bundle: &Path, signed: &Signed, flags: &[String]) -> Self {
        let verified = signed.verified();
        let signer = SignerShown::from(verified.signer());
        let made = Made {
            bundle: visible_path(bundle),
            bytes: signed.json().len(),
            digest: verified.artifact().to_string(),
            verify: command(file, bundle, &signer, flags),
            signer,
            predicate_type: verified.statement().map(|statement| statement.predicate_type.clone()),
            checks: checks(verified, None),
        };
        Self { file: visible_path(file), made: Some(made), spooled: None, error: None, failure: None }
    }

    /// A file that was not signed.
    pub(crate) fn failed(file: &Path, failure: Failure) -> Self {
        let failure = failure.about(&visible_path(file));
        let (file, error) = (visible_path(file), Some(Problem::from(&failure)));
        Self { file, made: None, spooled: None, error, failure: Some(failure) }
    }

    /// A file whose signature waits for a log in `kept`.
    pub(crate) fn spooled(file: &Path, bundle: &Path, kept: &Path, why: &Failure, flags: &[String]) -> Self {
        let spooled = Some(Spooled::new(visible_path(bundle), kept, why, flags));
        Self { file: visible_path(file), made: None, spooled, error: None, failure: None }
    }
}

/// `sealmark verify blob …`, with exactly the identity that signed.
fn command(file: &Path, bundle: &Path, signer: &SignerShown, flags: &[String]) -> Vec<String> {
    let word = |path: &Path| path.to_string_lossy().into_owned();
    let mut words = vec!["sealmark".to_owned(), "verify".to_owned(), "blob".to_owned(), word(file)];
    if crate::artifact::beside(file) != bundle {
        words.extend(["--bundle".to_owned(), word(bundle)]);
    }
    words.extend(signer_words(signer));
    words.extend(flags.iter().cloned());
    words
}

/// The flags of `verify` that expect exactly this signer.
pub(super) fn signer_words(signer: &SignerShown) -> Vec<String> {
    match signer {
        SignerShown::Certificate { identity, issuer, authority, .. } => {
            let (flag, by) = match issuer {
                Some(issuer) => ("--issuer", issuer),
                None => ("--certificate-authority", authority),
            };
            ["--identity", identity, flag, by].map(str::to_owned).to_vec()
        }
        SignerShown::Key { .. } => ["--key", "PUBLIC.pem"].map(str::to_owned).to_vec(),
    }
}

/// A command as one line for a shell.
pub(crate) fn command_line(words: &[String]) -> String {
    words.iter().map(|word| shell_word(&visible(word))).collect::<Vec<_>>().join(" ")
}

/// Signed and kept aside: no log has it yet.
pub(super) const SPOOLED: u8 = 4;

impl SignedReport {
    /// The code of the worst file; what waits for a log is no yes.
    pub(crate) fn exit_code(&self) -> u8 {
        let verdict = Verdict::of_failures(self.failures());
        let waits = self.files.iter().any(|file| file.spooled.is_some())
            || self.images.iter().any(|image| image.spooled.is_some());
        if waits && verdict == Verdict::Verified { SPOOLED } else { verdict.exit_code() }
    }
}

/// For people, on standard output.
pub(crate) fn human(report: &SignedReport) -> String {
    let style = Style::of_stdout();
    let mut out = String::new();
    for (file, made) in report.files.iter().filter_map(|file| Some((file, file.made.as_ref()?))) {
        let _ = writeln!(out, "{}  {}  {}", style.green("SIGNED"), file.file, made.digest);
        let mut table = Table::default();
        table.row("bundle", &format!("{}, {} bytes", made.bundle, thousands(made.bytes as u64)));
        let shown = |check: &&Check| ["signer", "issuer", "signing time", "transparency"].contains(&check.name);
        made.checks.iter().filter(shown).for_each(|check| table.row(check.name, &check.detail));
        out.push_str(&table.print(2));
        let _ = writeln!(out, "  verify with\n    {}", command_line(&made.verify));
    }
    for (file, spooled) in report.files.iter().filter_map(|file| Some((file, file.spooled.as_ref()?))) {
        out.push_str(&spooled.human(&file.file, style));
    }
    out.push_str(&images::lines(&report.images, false, style));
    out
}

/// For the summary page of a GitHub Actions job (Markdown).
pub(crate) fn summary(report: &SignedReport) -> String {
    let mut out = String::from("### Signed by sealmark\n\n| file | digest | bundle |\n| --- | --- | --- |\n");
    let made = || report.files.iter().filter_map(|file| Some((file, file.made.as_ref()?)));
    for (file, made) in made() {
        let _ = writeln!(out, "| {} | {} | {} |", code(&file.file), code(&made.digest), code(&made.bundle));
    }
    out.push_str("\nVerify with:\n\n```sh\n");
    made().for_each(|(_, made)| out.push_str(&format!("{}\n", command_line(&made.verify).replace("```", ""))));
    out.push_str("```\n");
    out
}

/// A code span in a table of Markdown: neither ticks nor bars may end it early.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", visible(text).replace('`', "'").replace('|', "\\|"))
}
