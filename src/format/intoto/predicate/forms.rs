//! The forms that fields of predicates share:
//! <https://github.com/in-toto/attestation/blob/main/spec/v1/field_types.md>

use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::json::{Fields, Json, ShapeError};
use crate::base::limits;
use crate::base::time::UnixTime;

/// What a time must be.
const TIME: &str = "a time as RFC 3339 writes it";

/// The fields of the predicate at the top.
pub(super) fn top<'j, 'a>(json: &'j Json<'a>) -> Result<Fields<'j, 'a>, ShapeError> {
    Fields::of(json, "predicate")
}

/// A value of another type.
pub(super) fn wrong(path: String, expected: &'static str) -> ShapeError {
    ShapeError::Type { path, expected }
}

/// A string that says something.
pub(super) fn filled<'j>(fields: &mut Fields<'j, '_>, name: &str) -> Result<&'j str, ShapeError> {
    let text = fields.require_string(name)?;
    if text.trim().is_empty() { Err(ShapeError::Missing { path: fields.path(name) }) } else { Ok(text) }
}

/// Strings that may be left out.
pub(super) fn texts(fields: &mut Fields<'_, '_>, names: &[&str]) -> Result<(), ShapeError> {
    names.iter().try_for_each(|name| fields.string(name).map(drop))
}

/// Objects that may be left out, with whatever in them.
pub(super) fn objects(fields: &mut Fields<'_, '_>, names: &[&str]) -> Result<(), ShapeError> {
    names.iter().try_for_each(|name| fields.object(name).map(drop))
}

/// Booleans that may be left out.
pub(super) fn flags(fields: &mut Fields<'_, '_>, names: &[&str]) -> Result<(), ShapeError> {
    names.iter().try_for_each(|name| match fields.take(name) {
        None | Some(Json::Null | Json::Bool(_)) => Ok(()),
        Some(_) => Err(wrong(fields.path(name), "true or false")),
    })
}

/// One of a few texts.
pub(super) fn one_of<'j>(
    fields: &mut Fields<'j, '_>,
    name: &str,
    known: &[&str],
    expected: &'static str,
) -> Result<&'j str, ShapeError> {
    let text = filled(fields, name)?;
    if known.contains(&text) { Ok(text) } else { Err(wrong(fields.path(name), expected)) }
}

/// RFC 3986, section 3: a scheme, and nothing that a URI cannot hold.
pub(super) fn uri<'j>(fields: &mut Fields<'j, '_>, name: &str) -> Result<&'j str, ShapeError> {
    let text = filled(fields, name)?;
    let scheme = |scheme: &str| {
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()) && scheme.bytes().all(rest)
    };
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    match text.split_once(':') {
        Some((first, rest)) if plain && scheme(first) && !rest.is_empty() => Ok(text),
        _ => Err(wrong(fields.path(name), "a URI")),
    }
}

/// A time that must be there.
pub(super) fn time(fields: &mut Fields<'_, '_>, name: &str) -> Result<UnixTime, ShapeError> {
    let text = filled(fields, name)?;
    UnixTime::parse_rfc3339(text).ok_or_else(|| wrong(fields.path(name), TIME))
}

/// A time that may be left out.
pub(super) fn maybe_time(fields: &mut Fields<'_, '_>, name: &str) -> Result<Option<UnixTime>, ShapeError> {
    match fields.string(name)? {
        None => Ok(None),
        Some(text) => UnixTime::parse_rfc3339(text).map(Some).ok_or_else(|| wrong(fields.path(name), TIME)),
    }
}

/// Times that may be left out.
pub(super) fn times(fields: &mut Fields<'_, '_>, names: &[&str]) -> Result<(), ShapeError> {
    names.iter().try_for_each(|name| maybe_time(fields, name).map(drop))
}

/// A list that may be left out, each item with its path.
pub(super) fn each<'j, 'a>(
    fields: &mut Fields<'j, 'a>,
    name: &str,
    check: impl Fn(&'j Json<'a>, &str) -> Result<(), ShapeError>,
) -> Result<(), ShapeError> {
    let path = fields.path(name);
    let items = fields.items(name, limits::PREDICATE_ITEMS)?;
    items.iter().enumerate().try_for_each(|(index, item)| check(item, &format!("{path}[{index}]")))
}

/// A list that must be there.
pub(super) fn require_each<'j, 'a>(
    fields: &mut Fields<'j, 'a>,
    name: &str,
    check: impl Fn(&'j Json<'a>, &str) -> Result<(), ShapeError>,
) -> Result<(), ShapeError> {
    let path = fields.path(name);
    let Json::Array(items) = fields.require(name)? else { return Err(wrong(path, "an array")) };
    if items.len() > limits::PREDICATE_ITEMS {
        return Err(ShapeError::TooMany { path, found: items.len(), limit: limits::PREDICATE_ITEMS });
    }
    items.iter().enumerate().try_for_each(|(index, item)| check(item, &format!("{path}[{index}]")))
}

/// A string.
pub(super) fn text(item: &Json<'_>, path: &str) -> Result<(), ShapeError> {
    item.as_str().map(drop).ok_or_else(|| wrong(path.to_owned(), "a string"))
}

/// An object of strings that may be left out, such as versions.
pub(super) fn text_map(fields: &mut Fields<'_, '_>, name: &str) -> Result<(), ShapeError> {
    let path = fields.path(name);
    match fields.take(name) {
        None | Some(Json::Null) => Ok(()),
        Some(Json::Object(members)) => {
            members.iter().try_for_each(|(key, value)| text(value, &format!("{path}.{key}")))
        }
        Some(_) => Err(wrong(path, "an object")),
    }
}

/// A set of digests: those of known algorithms in lower-case hexadecimal of their length. Empty when it is left out.
/// <https://github.com/in-toto/attestation/blob/main/spec/v1/digest_set.md>
pub(super) fn digests(fields: &mut Fields<'_, '_>, name: &str) -> Result<Vec<(String, String)>, ShapeError> {
    let path = fields.path(name);
    let members = match fields.take(name) {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Object(members)) => members,
        Some(_) => return Err(wrong(path, "an object")),
    };
    let digest = |(algorithm, value): &(std::borrow::Cow<'_, str>, Json<'_>)| {
        let path = format!("{path}.{algorithm}");
        let Some(hex) = value.as_str() else { return Err(wrong(path, "a string")) };
        let git = || matches!(hex.len(), 40 | 64) && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let good = match (algorithm.as_ref(), DigestAlgorithm::from_name(algorithm)) {
            (_, Some(algorithm)) => Digest::from_hex(algorithm, hex).is_some(),
            ("gitCommit" | "gitTree" | "gitBlob" | "gitTag", None) => git(),
            ("sha1", None) => hex.len() == 40 && git(),
            _ => !hex.is_empty(),
        };
        if good { Ok((algorithm.to_string(), hex.to_owned())) } else { Err(wrong(path, "a digest of this algorithm")) }
    };
    members.iter().map(digest).collect()
}

/// A resource descriptor: a URI, digests or content, and what it is called.
/// <https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md>
pub(super) fn descriptor(item: &Json<'_>, path: &str) -> Result<(), ShapeError> {
    let mut fields = Fields::of(item, path)?;
    let named = digests(&mut fields, "digest")?;
    let uri = fields.string("uri")?.is_some_and(|uri| !uri.is_empty());
    let content = fields.bytes("content")?.is_some();
    texts(&mut fields, &["name", "downloadLocation", "mediaType"])?;
    objects(&mut fields, &["annotations"])?;
    if named.is_empty() && !uri && !content {
        return Err(wrong(path.to_owned(), "a resource: it has no uri, digest or content"));
    }
    Ok(())
}
