//! What a GitHub Actions job is told: its summary page and the outputs of the step.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use crate::files::FileError;
use crate::report::images::{ImagesReport, summary as images_summary};
use crate::report::signed::{SignedReport, summary};

/// Appends to the files that the runner names, when it does.
pub(super) fn publish(report: &SignedReport) -> Result<(), FileError> {
    if report.files.iter().all(|file| file.made.is_none()) {
        return Ok(());
    }
    append("GITHUB_STEP_SUMMARY", &summary(report))?;
    append("GITHUB_OUTPUT", &outputs(report))
}

/// The same for images.
pub(super) fn publish_images(report: &ImagesReport) -> Result<(), FileError> {
    let signed = || report.images.iter().filter(|image| !image.signatures.is_empty());
    if signed().next().is_none() {
        return Ok(());
    }
    append("GITHUB_STEP_SUMMARY", &images_summary(report))?;
    let digest = |image: &'_ str| image.rsplit('@').next().unwrap_or_default().to_owned();
    let digests: Vec<String> = signed().map(|image| digest(&image.image)).collect();
    let images = list("images", &signed().map(|image| image.image.as_str()).collect::<Vec<_>>());
    append("GITHUB_OUTPUT", &(images + &list("digests", &digests.iter().map(String::as_str).collect::<Vec<_>>())))
}

/// `bundles` and `digests`, one a line. What is printed has no line ends in it, so that no file name can
/// end the list early.
fn outputs(report: &SignedReport) -> String {
    let made = || report.files.iter().filter_map(|file| file.made.as_ref());
    list("bundles", &made().map(|made| made.bundle.as_str()).collect::<Vec<_>>())
        + &list("digests", &made().map(|made| made.digest.as_str()).collect::<Vec<_>>())
}

fn list(name: &str, lines: &[&str]) -> String {
    format!("{name}<<END_OF_LIST\n{}\nEND_OF_LIST\n", lines.join("\n"))
}

fn append(variable: &str, text: &str) -> Result<(), FileError> {
    let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(());
    };
    let opened = OpenOptions::new().append(true).create(true).open(&path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| FileError::Append { path, kind: error.kind() })
}
