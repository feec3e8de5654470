//! Bills of materials.

use super::super::forms::{each, filled, objects, require_each, texts, time, times, top, wrong};
use crate::base::encoding::json::{Fields, Json, ShapeError};

/// SPDX 2 in JSON (<https://spdx.github.io/spdx-spec/v2.3/>, sections 6 and 7), SPDX 3 in JSON-LD, and the text form in
/// a string, as cosign writes it.
pub(super) fn spdx(json: &Json<'_>) -> Result<(), ShapeError> {
    if let Json::String(text) = json {
        let is_spdx = text.lines().any(|line| line.starts_with("SPDXVersion: SPDX-"));
        return if is_spdx { Ok(()) } else { Err(wrong("predicate".to_owned(), "an SPDX document")) };
    }
    let mut fields = top(json)?;
    if json.member("@graph").is_some() {
        return spdx_3(&mut fields);
    }
    if !filled(&mut fields, "spdxVersion")?.starts_with("SPDX-2.") {
        return Err(wrong(fields.path("spdxVersion"), "SPDX-2.x"));
    }
    if filled(&mut fields, "SPDXID")? != "SPDXRef-DOCUMENT" {
        return Err(wrong(fields.path("SPDXID"), "SPDXRef-DOCUMENT"));
    }
    if filled(&mut fields, "dataLicense")? != "CC0-1.0" {
        return Err(wrong(fields.path("dataLicense"), "CC0-1.0"));
    }
    filled(&mut fields, "name")?;
    filled(&mut fields, "documentNamespace")?;
    let mut creation = fields.require_object("creationInfo")?;
    time(&mut creation, "created")?;
    require_each(&mut creation, "creators", |item, path| {
        let who = |kind: &&str| item.as_str().is_some_and(|text| text.starts_with(kind));
        let known = ["Person:", "Organization:", "Tool:"].iter().any(who);
        if known { Ok(()) } else { Err(wrong(path.to_owned(), "a Person:, an Organization: or a Tool:")) }
    })?;
    each(&mut fields, "packages", |item, path| {
        let mut package = Fields::of(item, path)?;
        element(&mut package)?;
        filled(&mut package, "name")?;
        filled(&mut package, "downloadLocation").map(drop)
    })?;
    each(&mut fields, "files", |item, path| {
        let mut file = Fields::of(item, path)?;
        element(&mut file)?;
        filled(&mut file, "fileName").map(drop)
    })
}

/// An element's identifier.
fn element(fields: &mut Fields<'_, '_>) -> Result<(), ShapeError> {
    let is_reference = filled(fields, "SPDXID")?.starts_with("SPDXRef-");
    if is_reference { Ok(()) } else { Err(wrong(fields.path("SPDXID"), "an identifier that begins with SPDXRef-")) }
}

/// <https://spdx.github.io/spdx-spec/v3.0.1/serializations/>
fn spdx_3(fields: &mut Fields<'_, '_>) -> Result<(), ShapeError> {
    let context = |json: &Json<'_>| json.as_str().is_some_and(|text| text.starts_with("https://spdx.org/rdf/3."));
    let found = fields.require("@context")?;
    let good = match found {
        Json::Array(all) => all.iter().any(context),
        one => context(one),
    };
    if !good {
        return Err(wrong(fields.path("@context"), "the context of SPDX 3"));
    }
    require_each(fields, "@graph", |item, path| filled(&mut Fields::of(item, path)?, "type").map(drop))
}

/// <https://cyclonedx.org/docs/1.6/json/>
pub(super) fn cyclonedx(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    if filled(&mut fields, "bomFormat")? != "CycloneDX" {
        return Err(wrong(fields.path("bomFormat"), "CycloneDX"));
    }
    let minor = filled(&mut fields, "specVersion")?.strip_prefix("1.").map(str::as_bytes);
    if !minor.is_some_and(|minor| !minor.is_empty() && minor.iter().all(u8::is_ascii_digit)) {
        return Err(wrong(fields.path("specVersion"), "a version 1.x"));
    }
    match fields.take("version") {
        None | Some(Json::Null) => {}
        Some(Json::Integer(version)) if *version >= 1 => {}
        Some(_) => return Err(wrong(fields.path("version"), "a number from 1 on")),
    }
    if fields.string("serialNumber")?.is_some_and(|serial| !serial.starts_with("urn:uuid:")) {
        return Err(wrong(fields.path("serialNumber"), "a urn:uuid:"));
    }
    if let Some(mut metadata) = fields.object("metadata")? {
        times(&mut metadata, &["timestamp"])?;
        objects(&mut metadata, &["component"])?;
    }
    each(&mut fields, "components", |item, path| {
        let mut component = Fields::of(item, path)?;
        filled(&mut component, "type")?;
        filled(&mut component, "name")?;
        texts(&mut component, &["bom-ref", "version", "purl"])
    })?;
    each(&mut fields, "dependencies", |item, path| filled(&mut Fields::of(item, path)?, "ref").map(drop))
}
