//! The fields of predicates that nothing here reads further, against their specifications.

mod sbom;
mod vex;

use super::forms::{
    descriptor, digests, each, filled, objects, one_of, require_each, text, texts, time, top, uri, wrong,
};
use crate::base::encoding::json::{Fields, Json, ShapeError};

type Check = fn(&Json<'_>) -> Result<(), ShapeError>;

/// The check of a type. SPDX, CycloneDX and OpenVEX are also written with a version behind a slash.
pub(super) fn of(predicate_type: &str) -> Option<Check> {
    let versioned =
        |base: &str| predicate_type.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with("/v"));
    Some(match predicate_type {
        _ if versioned("https://spdx.dev/Document") => sbom::spdx,
        _ if versioned("https://cyclonedx.org/bom") => sbom::cyclonedx,
        _ if versioned("https://openvex.dev/ns") => vex::openvex,
        "https://cosign.sigstore.dev/attestation/vuln/v1" => cosign_vuln,
        "https://in-toto.io/attestation/vulns/v0.1" | "https://in-toto.io/attestation/vulns/v0.2" => vulns,
        "https://in-toto.io/attestation/test-result/v0.1" => test_result,
        "https://in-toto.io/attestation/link/v0.3" => link,
        "https://in-toto.io/Link/v1" => older_link,
        "https://in-toto.io/attestation/release/v0.1" => release,
        _ => return None,
    })
}

/// <https://github.com/sigstore/cosign/blob/main/specs/COSIGN_VULN_ATTESTATION_SPEC.md>; the report is the scanner's
/// own, of any form.
fn cosign_vuln(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    if let Some(mut invocation) = fields.object("invocation")? {
        texts(&mut invocation, &["uri", "event_id", "builder.id"])?;
    }
    let mut scanner = scanner(&mut fields)?;
    scanner.require("result")?;
    scanned(&mut fields)
}

/// <https://github.com/in-toto/attestation/blob/main/spec/predicates/vuln.md>
fn vulns(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    let mut scanner = scanner(&mut fields)?;
    require_each(&mut scanner, "result", |item, path| {
        let mut found = Fields::of(item, path)?;
        texts(&mut found, &["id"])?;
        each(&mut found, "severity", |item, path| {
            let mut severity = Fields::of(item, path)?;
            filled(&mut severity, "method")?;
            severity.require("score").map(drop)
        })
    })?;
    scanned(&mut fields)
}

/// Which scanner, with which database.
fn scanner<'j, 'a>(fields: &mut Fields<'j, 'a>) -> Result<Fields<'j, 'a>, ShapeError> {
    let mut scanner = fields.require_object("scanner")?;
    filled(&mut scanner, "uri")?;
    texts(&mut scanner, &["version"])?;
    if let Some(mut database) = scanner.object("db")? {
        texts(&mut database, &["uri", "version", "lastUpdate"])?;
    }
    Ok(scanner)
}

/// When a scan began and ended.
fn scanned(fields: &mut Fields<'_, '_>) -> Result<(), ShapeError> {
    let mut metadata = fields.require_object("metadata")?;
    time(&mut metadata, "scanStartedOn")?;
    time(&mut metadata, "scanFinishedOn").map(drop)
}

/// <https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md>
fn test_result(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    one_of(&mut fields, "result", &["PASSED", "WARNED", "FAILED"], "PASSED, WARNED or FAILED")?;
    require_each(&mut fields, "configuration", descriptor)?;
    texts(&mut fields, &["url"])?;
    ["passedTests", "warnedTests", "failedTests"].iter().try_for_each(|name| each(&mut fields, name, text))
}

/// <https://github.com/in-toto/attestation/blob/main/spec/predicates/link.md>
fn link(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    filled(&mut fields, "name")?;
    each(&mut fields, "command", text)?;
    objects(&mut fields, &["byproducts", "environment"])?;
    let names = std::cell::RefCell::new(std::collections::BTreeSet::new());
    each(&mut fields, "materials", |item, path| {
        descriptor(item, path)?;
        let mut material = Fields::of(item, path)?;
        let name = filled(&mut material, "name")?;
        if digests(&mut material, "digest")?.is_empty() {
            return Err(ShapeError::Missing { path: material.path("digest") });
        }
        match names.borrow_mut().insert(name) {
            true => Ok(()),
            false => Err(wrong(material.path("name"), "a name that no other material has")),
        }
    })
}

/// Links before version 0.3, whose materials had another form in each version.
fn older_link(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    filled(&mut fields, "name")?;
    objects(&mut fields, &["byproducts", "environment"])
}

/// <https://github.com/in-toto/attestation/blob/main/spec/predicates/release.md>: the package URL must have a version.
fn release(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    let purl = uri(&mut fields, "purl")?;
    let named = purl.strip_prefix("pkg:").and_then(|rest| rest.split(['?', '#']).next());
    let (place, name) = named.and_then(|named| named.rsplit_once('/')).unwrap_or_default();
    let version = name.rsplit_once('@').filter(|(name, version)| !name.is_empty() && !version.is_empty());
    if place.is_empty() || version.is_none() {
        return Err(wrong(fields.path("purl"), "a package URL with a version"));
    }
    texts(&mut fields, &["packageId", "releaseId"])
}
