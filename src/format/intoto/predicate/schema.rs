//! The required fields of predicates that nothing here reads further.

use super::{filled, top};
use crate::base::encoding::json::{Fields, Json, ShapeError};
use crate::base::limits;
use crate::base::time::UnixTime;

type Check = fn(&Json<'_>) -> Result<(), ShapeError>;

/// The check of a type. SPDX, CycloneDX and OpenVEX are also written with a version behind a slash.
pub(super) fn of(predicate_type: &str) -> Option<Check> {
    let versioned =
        |base: &str| predicate_type.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with("/v"));
    Some(match predicate_type {
        _ if versioned("https://spdx.dev/Document") => spdx,
        _ if versioned("https://cyclonedx.org/bom") => cyclonedx,
        _ if versioned("https://openvex.dev/ns") => openvex,
        "https://cosign.sigstore.dev/attestation/vuln/v1" => cosign_vuln,
        "https://in-toto.io/attestation/vulns/v0.1" | "https://in-toto.io/attestation/vulns/v0.2" => vulns,
        "https://in-toto.io/attestation/test-result/v0.1" => test_result,
        "https://in-toto.io/attestation/link/v0.3" | "https://in-toto.io/Link/v1" => link,
        "https://in-toto.io/attestation/release/v0.1" => release,
        _ => return None,
    })
}

/// SPDX 2 in JSON, SPDX 3 in JSON-LD, and the text form in a string, as cosign writes it.
fn spdx(json: &Json<'_>) -> Result<(), ShapeError> {
    let expected = "an SPDX document";
    if let Json::String(text) = json {
        let is_spdx = text.lines().any(|line| line.starts_with("SPDXVersion: SPDX-"));
        return if is_spdx { Ok(()) } else { Err(ShapeError::Type { path: "predicate".to_owned(), expected }) };
    }
    let mut fields = top(json)?;
    if fields.take("@graph").is_some_and(|graph| matches!(graph, Json::Array(_))) {
        return match fields.require("@context")? {
            Json::String(context) if context.starts_with("https://spdx.org/rdf/3.") => Ok(()),
            _ => Err(ShapeError::Type { path: fields.path("@context"), expected: "the context of SPDX 3" }),
        };
    }
    let path = fields.path("spdxVersion");
    if !filled(&mut fields, "spdxVersion")?.starts_with("SPDX-2.") {
        return Err(ShapeError::Type { path, expected: "SPDX-2.x" });
    }
    filled(&mut fields, "SPDXID")?;
    filled(&mut fields, "name")?;
    Ok(())
}

fn cyclonedx(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    let path = fields.path("bomFormat");
    if filled(&mut fields, "bomFormat")? != "CycloneDX" {
        return Err(ShapeError::Type { path, expected: "CycloneDX" });
    }
    filled(&mut fields, "specVersion").map(drop)
}

fn openvex(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    let path = fields.path("@context");
    if !filled(&mut fields, "@context")?.starts_with("https://openvex.dev/ns") {
        return Err(ShapeError::Type { path, expected: "https://openvex.dev/ns" });
    }
    filled(&mut fields, "@id")?;
    filled(&mut fields, "author")?;
    time(&mut fields, "timestamp")?;
    array(&mut fields, "statements")
}

/// The report is the scanner's own, of any form.
fn cosign_vuln(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    let mut scanner = fields.require_object("scanner")?;
    filled(&mut scanner, "uri")?;
    scanner.require("result")?;
    scanned(&mut fields)
}

fn vulns(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    let mut scanner = fields.require_object("scanner")?;
    filled(&mut scanner, "uri")?;
    array(&mut scanner, "result")?;
    scanned(&mut fields)
}

/// When a scan began and ended.
fn scanned(fields: &mut Fields<'_, '_>) -> Result<(), ShapeError> {
    let mut metadata = fields.require_object("metadata")?;
    time(&mut metadata, "scanStartedOn")?;
    time(&mut metadata, "scanFinishedOn")
}

fn test_result(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    let path = fields.path("result");
    if !matches!(filled(&mut fields, "result")?, "PASSED" | "WARNED" | "FAILED") {
        return Err(ShapeError::Type { path, expected: "PASSED, WARNED or FAILED" });
    }
    array(&mut fields, "configuration")
}

fn link(json: &Json<'_>) -> Result<(), ShapeError> {
    filled(&mut top(json)?, "name").map(drop)
}

fn release(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    let path = fields.path("purl");
    if !filled(&mut fields, "purl")?.starts_with("pkg:") {
        return Err(ShapeError::Type { path, expected: "a package URL" });
    }
    Ok(())
}

fn array(fields: &mut Fields<'_, '_>, name: &str) -> Result<(), ShapeError> {
    let path = fields.path(name);
    match fields.require(name)? {
        Json::Array(items) if items.len() <= limits::PREDICATE_ITEMS => Ok(()),
        Json::Array(items) => Err(ShapeError::TooMany { path, found: items.len(), limit: limits::PREDICATE_ITEMS }),
        _ => Err(ShapeError::Type { path, expected: "an array" }),
    }
}

fn time(fields: &mut Fields<'_, '_>, name: &str) -> Result<(), ShapeError> {
    let path = fields.path(name);
    let text = fields.require_string(name)?;
    UnixTime::parse_rfc3339(text).map(drop).ok_or(ShapeError::Type { path, expected: "a time as RFC 3339 writes it" })
}
