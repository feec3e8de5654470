//! OpenVEX: <https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md>

use super::super::forms::{each, filled, one_of, require_each, time, times, top, wrong};
use crate::base::encoding::json::{Fields, Json, ShapeError};

const STATUS: [&str; 4] = ["not_affected", "affected", "fixed", "under_investigation"];

const JUSTIFICATIONS: [&str; 5] = [
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];

pub(super) fn openvex(json: &Json<'_>) -> Result<(), ShapeError> {
    let mut fields = top(json)?;
    if !filled(&mut fields, "@context")?.starts_with("https://openvex.dev/ns") {
        return Err(wrong(fields.path("@context"), "https://openvex.dev/ns"));
    }
    filled(&mut fields, "@id")?;
    filled(&mut fields, "author")?;
    time(&mut fields, "timestamp")?;
    times(&mut fields, &["last_updated"])?;
    if !matches!(fields.require("version")?, Json::Integer(version) if *version >= 0) {
        return Err(wrong(fields.path("version"), "a number"));
    }
    require_each(&mut fields, "statements", statement)
}

fn statement(item: &Json<'_>, path: &str) -> Result<(), ShapeError> {
    let mut fields = Fields::of(item, path)?;
    // Before version 0.2 a vulnerability was its name.
    match fields.require("vulnerability")? {
        Json::String(name) if !name.is_empty() => {}
        _ => drop(filled(&mut fields_of(&fields, item)?, "name")?),
    }
    times(&mut fields, &["timestamp", "last_updated", "action_statement_timestamp"])?;
    each(&mut fields, "products", |item, path| match item {
        Json::String(_) | Json::Object(_) => Ok(()),
        _ => Err(wrong(path.to_owned(), "a product")),
    })?;
    let impact = fields.string("impact_statement")?.is_some();
    let action = fields.string("action_statement")?.is_some();
    let justified = item.member("justification").is_some_and(|given| !matches!(given, Json::Null));
    if justified {
        one_of(&mut fields, "justification", &JUSTIFICATIONS, "one of VEX's justifications")?;
    }
    match one_of(&mut fields, "status", &STATUS, "not_affected, affected, fixed or under_investigation")? {
        "not_affected" if !justified && !impact => Err(ShapeError::Missing { path: fields.path("justification") }),
        "affected" if !action => Err(ShapeError::Missing { path: fields.path("action_statement") }),
        _ => Ok(()),
    }
}

/// The fields of a statement's vulnerability.
fn fields_of<'j, 'a>(statement: &Fields<'j, 'a>, item: &'j Json<'a>) -> Result<Fields<'j, 'a>, ShapeError> {
    let path = statement.path("vulnerability");
    Fields::of(item.member("vulnerability").unwrap_or(&Json::Null), &path)
}
