//! What may be shown of an answer: its message, without secrets, escaped and cut short.

use crate::base::encoding::json::Json;

/// Characters of an answer that an error shows.
const SHOWN: usize = 300;
/// Shorter parts of a secret are left alone: they would blank out ordinary words.
const SECRET_PART: usize = 12;

/// What an error about a call must not show, and how the call was made.
#[derive(Debug, Default)]
pub(super) struct Hidden<'a> {
    pub(super) secrets: Vec<&'a str>,
    pub(super) limit: usize,
    /// Whether a root was given for TLS.
    pub(super) with_root: bool,
}

/// The part of an error's body that says what is wrong: the `message` of a gRPC gateway, an `error` or
/// `errors`, else the text.
pub fn excerpt(body: &[u8], secrets: &[&str]) -> String {
    let message = Json::parse(body).ok().and_then(|json| message(&json));
    let text = message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
    if text.is_empty() { "nothing more".to_owned() } else { hide(&text, secrets) }
}

fn message(json: &Json<'_>) -> Option<String> {
    let found = ["message", "error_description", "error", "errors"].iter().find_map(|key| json.member(key))?;
    match found {
        Json::String(text) => Some(text.to_string()),
        Json::Array(items) => items.first().and_then(Json::as_str).map(str::to_owned),
        other => message(other),
    }
}

/// A body of an error without these secrets, however short.
pub(in crate::service) fn without(body: Vec<u8>, secrets: &[&str]) -> Vec<u8> {
    let told = |secret: &&&str| !secret.is_empty() && body.windows(secret.len()).any(|part| part == secret.as_bytes());
    if !secrets.iter().any(|secret| told(&secret)) {
        return body;
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    let shown = |text: String, secret: &&str| if secret.is_empty() { text } else { text.replace(secret, "[redacted]") };
    secrets.iter().fold(text, shown).into_bytes()
}

/// `text` without the secrets, each of their dotted parts, and whatever looks like a JWT; then escaped
/// and cut short.
pub(super) fn hide(text: &str, secrets: &[&str]) -> String {
    let whole = secrets.iter().fold(text.to_owned(), |text, secret| replace(&text, secret));
    let parts = secrets.iter().flat_map(|secret| secret.split('.'));
    escape(&parts.fold(without_tokens(&whole), |text, part| replace(&text, part)))
}

fn replace(text: &str, secret: &str) -> String {
    if secret.len() < SECRET_PART { text.to_owned() } else { text.replace(secret, "[redacted]") }
}

/// Replaces each run of a JWT's characters that starts with `eyJ`, as every JWT header does.
fn without_tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let (before, token) = rest.split_at(at);
        let end = token.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.=".contains(c)).unwrap_or(token.len());
        out.push_str(before);
        out.push_str(if end < SECRET_PART { token.get(..end).unwrap_or_default() } else { "[redacted]" });
        rest = token.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Cuts after [`SHOWN`] characters and escapes what could move a terminal's cursor or reverse text.
fn escape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(SHOWN) {
        let reorders =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c == '\n' {
            out.push(' ');
        } else if c.is_control() || reorders {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V4YW1wbGUifQ.c2lnbmF0dXJlLWJ5dGVz";

    #[test]
    fn messages_of_the_services() {
        let gateway = br#"{"code":3,"message":"There was an error processing the identity token","details":[]}"#;
        assert_eq!(excerpt(gateway, &[]), "There was an error processing the identity token");
        assert_eq!(excerpt(br#"{"errors":["missing token"]}"#, &[]), "missing token");
        assert_eq!(excerpt(br#"{"error":{"message":"no"}}"#, &[]), "no");
        assert_eq!(excerpt(b"<html>\n504</html>\n", &[]), "<html> 504</html>");
        assert_eq!(excerpt(b"", &[]), "nothing more");
    }

    #[test]
    fn x09_a_repeated_token_is_hidden_whole_and_in_part() {
        let parts: Vec<&str> = TOKEN.split('.').collect();
        for echo in [TOKEN, &TOKEN[..40], parts[1], parts[2]] {
            let shown = excerpt(format!("bad token '{echo}' given").as_bytes(), &[TOKEN]);
            assert_eq!(shown, "bad token '[redacted]' given", "{echo}");
        }
        // Another token than the one that was sent.
        assert_eq!(excerpt(format!("have {TOKEN}").as_bytes(), &[]), "have [redacted]");
    }

    #[test]
    fn x13_escapes_and_cuts() {
        assert_eq!(excerpt("a\u{1b}[2Jb\u{202e}c".as_bytes(), &[]), "a\\u{1b}[2Jb\\u{202e}c");
        let long = excerpt("x".repeat(5000).as_bytes(), &[]);
        assert_eq!(long.chars().count(), SHOWN + 1);
    }
}
