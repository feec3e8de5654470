//! JSON canonicalisation, RFC 8785, for trees without fractions: log entries hold none.

use std::fmt::Write as _;

use super::Json;

/// The canonical text of `json`; `None` when it holds a number that is not an integer, or one that a
/// double cannot hold exactly.
pub fn canonical(json: &Json<'_>) -> Option<String> {
    let mut out = String::new();
    write(json, &mut out)?;
    Some(out)
}

fn write(json: &Json<'_>, out: &mut String) -> Option<()> {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Integer(value) if value.unsigned_abs() <= 1 << 53 => write!(out, "{value}").ok()?,
        Json::Integer(_) | Json::Float(_) => return None,
        Json::String(text) => quote(text, out),
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Json::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            // RFC 8785 section 3.2.3: by UTF-16 code units.
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                quote(key, out);
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}

/// Appends a JSON string. RFC 8785 section 3.2.2.2: the two-character escapes, `\u00xx` for other controls, nothing else.
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x8 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0xc => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            control => {
                out.push_str("\\u00");
                out.push_str(&crate::base::encoding::hex::encode(&[control]));
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_and_escapes() {
        let json = Json::parse(
            "{\"\u{20ac}\":1,\"\\r\":2,\"\u{1F600}\":3,\"\u{fb33}\":4,\"1\":\"\\u000f\\/\\\"\"}".as_bytes(),
        )
        .unwrap();
        assert_eq!(
            canonical(&json).unwrap(),
            "{\"\\r\":2,\"1\":\"\\u000f/\\\"\",\"\u{20ac}\":1,\"\u{1F600}\":3,\"\u{fb33}\":4}"
        );
        assert_eq!(canonical(&Json::parse(b"[1.5]").unwrap()), None);
    }
}
