//! Templates of certificate fields: claims put into text, in the part of Go's template language that Fulcio's
//! configuration uses. <https://github.com/sigstore/fulcio/blob/main/docs/configuration.md>,
//! <https://pkg.go.dev/text/template>
//!
//! ```text
//! sha                                                    a claim, whole
//! {{ .url }}/{{ .repository }}                           claims in text
//! {{ index . "oidc.circleci.com/vcs-ref" }}              a claim whose name is no word
//! {{ if eq .ref_type "branch" }}heads{{ else }}tags{{ end }}
//! ```
//!
//! Fulcio runs these as HTML templates, which turn the `+` of a version into `&#43;`; here text stays as it is.

use thiserror::Error;

/// Bytes of a template.
const BYTES: usize = 1024;
/// Conditions within conditions.
const DEPTH: usize = 4;

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Claim(String),
    If { condition: Condition, then: Vec<Piece>, other: Vec<Piece> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    claim: String,
    /// What it must be; otherwise it must not be empty.
    equal: Option<String>,
}

/// What a claim is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// To stand in a certificate.
    Text,
    /// To be compared with.
    Compared,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It is empty, or longer than a template may be.
    #[error("a template has 1 to {BYTES} bytes")]
    Length,
    /// `{{` without `}}`, `if` without `end`, or the reverse.
    #[error("{{{{ }}}} or if and end do not match")]
    Unclosed,
    /// An action outside of the part of the language that is understood.
    #[error("{{{{ {0} }}}} is not understood; a claim, index, if, else and end are")]
    Action(String),
    /// Conditions within conditions.
    #[error("conditions lie more than {DEPTH} deep")]
    Depth,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.trim().is_empty() || text.len() > BYTES {
            return Err(TemplateError::Length);
        }
        if !text.contains("{{") {
            return Ok(Self(vec![Piece::Claim(text.to_owned())]));
        }
        let mut source = Source { rest: text };
        match source.pieces(0)? {
            (pieces, Stop::Text) => Ok(Self(pieces)),
            _ => Err(TemplateError::Unclosed),
        }
    }

    /// The text, with claims as `value` gives them.
    pub(super) fn render<E>(&self, value: &impl Fn(&str, Use) -> Result<String, E>) -> Result<String, E> {
        let mut text = String::new();
        render(&self.0, value, &mut text)?;
        Ok(text)
    }
}

fn render<E>(pieces: &[Piece], value: &impl Fn(&str, Use) -> Result<String, E>, text: &mut String) -> Result<(), E> {
    for piece in pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Claim(claim) => text.push_str(&value(claim, Use::Text)?),
            Piece::If { condition, then, other } => {
                let found = value(&condition.claim, Use::Compared)?;
                let holds = condition.equal.as_ref().map_or(!found.is_empty(), |equal| *equal == found);
                render(if holds { then } else { other }, value, text)?;
            }
        }
    }
    Ok(())
}

/// What ended a run of pieces.
#[derive(PartialEq, Eq)]
enum Stop {
    Text,
    Else,
    End,
}

struct Source<'t> {
    rest: &'t str,
}

impl<'t> Source<'t> {
    fn pieces(&mut self, depth: usize) -> Result<(Vec<Piece>, Stop), TemplateError> {
        if depth > DEPTH {
            return Err(TemplateError::Depth);
        }
        let mut pieces = Vec::new();
        loop {
            let (text, action) = match self.rest.split_once("{{") {
                Some((text, rest)) => {
                    let (action, rest) = rest.split_once("}}").ok_or(TemplateError::Unclosed)?;
                    self.rest = rest;
                    (text, Some(action.trim()))
                }
                None => (std::mem::take(&mut self.rest), None),
            };
            if text.contains("}}") {
                return Err(TemplateError::Unclosed);
            }
            if !text.is_empty() {
                pieces.push(Piece::Text(text.to_owned()));
            }
            match action {
                None => return Ok((pieces, Stop::Text)),
                Some("else") => return Ok((pieces, Stop::Else)),
                Some("end") => return Ok((pieces, Stop::End)),
                Some(action) => pieces.push(self.action(action, depth)?),
            }
        }
    }

    fn action(&mut self, action: &'t str, depth: usize) -> Result<Piece, TemplateError> {
        let unknown = || TemplateError::Action(action.chars().take(64).collect());
        let Some(condition) = action.strip_prefix("if ") else {
            return claim(action).map(Piece::Claim).ok_or_else(unknown);
        };
        let condition = condition_of(condition.trim()).ok_or_else(unknown)?;
        let (then, stop) = self.pieces(depth + 1)?;
        let (other, stop) = if stop == Stop::Else { self.pieces(depth + 1)? } else { (Vec::new(), stop) };
        if stop == Stop::End { Ok(Piece::If { condition, then, other }) } else { Err(TemplateError::Unclosed) }
    }
}

/// `.name`, `index . "name"`, or the latter in parentheses.
fn claim(text: &str) -> Option<String> {
    let text = match text.strip_prefix('(') {
        Some(inside) => inside.strip_suffix(')')?.trim(),
        None => text,
    };
    if let Some(name) = text.strip_prefix('.') {
        let word = !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
        return word.then(|| name.to_owned());
    }
    let name = text.strip_prefix("index ")?.trim_start().strip_prefix(". ")?;
    quoted(name.trim_start()).filter(|name| !name.is_empty())
}

/// `CLAIM`, or `eq CLAIM "text"`.
fn condition_of(text: &str) -> Option<Condition> {
    let Some(pair) = text.strip_prefix("eq ") else {
        return Some(Condition { claim: claim(text)?, equal: None });
    };
    // The text is the last word: nothing in quotes holds a quote.
    let pair = pair.trim();
    let start = pair.strip_suffix('"')?.rfind('"')?;
    let (name, equal) = pair.split_at_checked(start)?;
    Some(Condition { claim: claim(name.trim())?, equal: Some(quoted(equal)?) })
}

/// The text between quotes, in which nothing is escaped.
fn quoted(text: &str) -> Option<String> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inside.contains(['"', '\\'])).then(|| inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> Result<String, String> {
        let value = |name: &str, _: Use| match name {
            "url" => Ok("https://x.example".to_owned()),
            "ref" => Ok("v1+2".to_owned()),
            "ref_type" => Ok("tag".to_owned()),
            "a.b/c-d" => Ok("odd".to_owned()),
            "empty" => Ok(String::new()),
            other => Err(format!("no {other}")),
        };
        Template::parse(template).map_err(|error| error.to_string())?.render(&value)
    }

    #[test]
    fn what_is_understood() {
        for (template, text) in [
            ("ref", "v1+2"),
            ("{{ .url }}/{{.ref}}", "https://x.example/v1+2"),
            (r#"{{index . "a.b/c-d"}}"#, "odd"),
            (r#"x/{{(index . "a.b/c-d")}}/y"#, "x/odd/y"),
            (r#"refs/{{if eq .ref_type "branch"}}heads/{{ else }}tags/{{end}}{{ .ref }}"#, "refs/tags/v1+2"),
            (r#"{{if eq (index . "a.b/c-d") "odd"}}yes{{end}}"#, "yes"),
            (r#"{{if .empty}}a{{else}}{{if .ref}}b{{end}}{{end}}"#, "b"),
        ] {
            assert_eq!(rendered(template).as_deref(), Ok(text), "{template}");
        }
        assert_eq!(rendered("{{ .url }}/{{ .other }}"), Err("no other".to_owned()));
        assert_eq!(rendered("other"), Err("no other".to_owned()));
    }

    #[test]
    fn what_is_not() {
        let action = |text: &str| Err(TemplateError::Action(text.to_owned()));
        for (template, expected) in [
            ("", Err(TemplateError::Length)),
            (&"x".repeat(1025), Err(TemplateError::Length)),
            ("{{ .a", Err(TemplateError::Unclosed)),
            ("{{ .a }} }}", Err(TemplateError::Unclosed)),
            ("{{ if .a }}x", Err(TemplateError::Unclosed)),
            ("{{ if .a }}x{{ else }}y{{ else }}z{{ end }}", Err(TemplateError::Unclosed)),
            ("{{ .a }}{{ end }}", Err(TemplateError::Unclosed)),
            ("{{- .a }}", action("- .a")),
            ("{{ . }}", action(".")),
            ("{{ .a.b }}", action(".a.b")),
            ("{{ .a | html }}", action(".a | html")),
            ("{{ printf .a }}", action("printf .a")),
            (r#"{{ index . "a\"b" }}"#, action(r#"index . "a\"b""#)),
            (r#"{{ if ne .a "b" }}x{{ end }}"#, action(r#"if ne .a "b""#)),
            (&"{{ if .a }}".repeat(6), Err(TemplateError::Depth)),
        ] {
            assert_eq!(Template::parse(template).map(drop), expected, "{template}");
        }
    }
}
