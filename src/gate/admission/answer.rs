//! The answer to a review, and the words that a person reads: `kubectl` prints the message of a denial after
//! `admission webhook "NAME" denied the request:`, and each warning on a line of its own.
//!
//! What strangers wrote (names of images, identities, registries' words) is shown in printable ASCII, cut short.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::images::ImageField;
use crate::base::encoding::base64;
use crate::base::encoding::json::quote;
use crate::base::limits;
use crate::gate::verdict::{Objection, Verdict};

/// An answer about three images.
const ANSWER_BYTES: usize = 1536;

/// An answer to a review.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Why not; `None` allows.
    pub denial: Option<Denial>,
    /// Shown to whoever asked the API server.
    pub warnings: Vec<String>,
    /// Kept in the API server's audit log, under the webhook's name.
    pub annotations: Vec<(&'static str, String)>,
    /// Changes of the object.
    pub patch: Vec<Pin>,
}

/// A no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// 403 for what was looked at, 503 for what could not be.
    pub status: u16,
    /// For people.
    pub message: String,
}

/// The change of one image field from a name to what was verified. There is no other change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The field that named it.
    pointer: String,
    /// The repository with the digest that was verified.
    reference: String,
}

impl Pin {
    /// Pins an image field.
    pub fn new(field: &ImageField<'_>, reference: String) -> Self {
        Self { pointer: field.pointer.clone(), reference }
    }
}

impl Answer {
    /// The AdmissionReview that answers `uid`.
    pub fn to_json(&self, uid: &str) -> String {
        let mut out = String::with_capacity(ANSWER_BYTES);
        out.push_str(r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"#);
        quote(uid, &mut out);
        out.push_str(if self.denial.is_none() { r#","allowed":true"# } else { r#","allowed":false"# });
        if let Some(denial) = &self.denial {
            let reason = if denial.status == 403 { "Forbidden" } else { "ServiceUnavailable" };
            let code = denial.status;
            let _ = write!(out, r#","status":{{"status":"Failure","code":{code},"reason":"{reason}","message":"#);
            quote(&denial.message, &mut out);
            out.push('}');
        }
        if !self.warnings.is_empty() {
            out.push_str(r#","warnings":["#);
            separated(&mut out, &self.warnings, |out, warning| quote(warning, out));
            out.push(']');
        }
        if !self.annotations.is_empty() {
            out.push_str(r#","auditAnnotations":{"#);
            separated(&mut out, &self.annotations, |out, (name, value)| {
                quote(name, out);
                out.push(':');
                quote(value, out);
            });
            out.push('}');
        }
        if self.denial.is_none() && !self.patch.is_empty() {
            // Base64 needs no escapes.
            let _ =
                write!(out, r#","patchType":"JSONPatch","patch":"{}""#, base64::encode(self.json_patch().as_bytes()));
        }
        out.push_str("}}");
        out
    }

    /// RFC 6902.
    fn json_patch(&self) -> String {
        let mut out = "[".to_owned();
        separated(&mut out, &self.patch, |out, pin| {
            out.push_str(r#"{"op":"replace","path":"#);
            quote(&pin.pointer, out);
            out.push_str(r#","value":"#);
            quote(&pin.reference, out);
            out.push('}');
        });
        out.push(']');
        out
    }
}

fn separated<T>(out: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
}

/// Text that is in printable ASCII already, at most `limit` characters.
pub(super) fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(limit);
        text.push_str("...");
    }
    text
}

/// Text in printable ASCII, at most `limit` characters.
pub(crate) fn visible(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.len() >= limit {
            out.truncate(limit);
            out.push_str("...");
            break;
        }
        match c {
            ' '..='~' => out.push(c),
            _ => out.extend(c.escape_default()),
        }
    }
    Cow::Owned(out)
}

/// What stands against one image, in a sentence or two.
pub(super) fn objection(field: &ImageField<'_>, verdict: &Verdict, objection: &Objection) -> String {
    let what = match verdict {
        Verdict::Undecided(_) => "could not be checked",
        _ => "is not admitted",
    };
    let sentence = format!(
        "image \"{}\" of {} {what}: {}: {}",
        visible(field.image, 200),
        place(field),
        objection.code,
        visible(&objection.message, limits::DENIAL_IMAGE_TEXT),
    );
    format!("{sentence} (hint: {})", objection.code.hint())
}

/// The place for people: `container "web"`.
fn place(field: &ImageField<'_>) -> String {
    let kind = match field.list {
        "containers" => "container",
        "initContainers" => "init container",
        "ephemeralContainers" => "ephemeral container",
        "volumes" => "volume",
        _ => return visible(&field.pointer, 120).into_owned(),
    };
    format!("{kind} \"{}\"", visible(field.name, 80))
}

/// Objections to several images as one message: each image once, the first ones told, the others counted.
pub(super) fn message<'f>(objections: impl Iterator<Item = (&'f ImageField<'f>, String)>) -> String {
    let mut seen = BTreeSet::new();
    let mut told = Vec::new();
    for (field, objection) in objections {
        if seen.insert(field.image) && told.len() < limits::DENIAL_IMAGES {
            told.push(objection);
        }
    }
    if seen.len() > told.len() {
        told.push(format!("and {} more images", seen.len() - told.len()));
    }
    cut(told.join("\n"), limits::DENIAL_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::code::Code;
    use crate::base::encoding::json::Json;

    const CODE: Code = Code::refused("identity-mismatch", "a hint");

    fn field(image: &str) -> ImageField<'_> {
        ImageField { pointer: "/spec/containers/0/image".to_owned(), list: "containers", name: "web", image }
    }

    #[test]
    fn g31_what_strangers_wrote_is_escaped_and_cut() {
        let evil = format!("\u{1b}[2Jimage\r\nallowed: true\u{202e}\u{430}{}", "x".repeat(1 << 20));
        let verdict = Verdict::against(CODE, &evil);
        let field = ImageField { name: &evil, ..field(&evil) };
        let text = objection(&field, &verdict, verdict.objection().unwrap());
        assert!(text.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{text}");
        assert!(text.len() < 1200, "{}", text.len());
        assert!(text.contains("\\u{1b}[2Jimage\\r\\nallowed") && text.ends_with("(hint: a hint)"), "{text}");
        let images: Vec<_> = (0..10).map(|number| format!("{number}{evil}")).collect();
        let fields: Vec<_> = images.iter().map(|image| super::tests::field(image)).collect();
        let all = message(fields.iter().map(|field| (field, objection(field, &verdict, verdict.objection().unwrap()))));
        assert!(all.len() <= limits::DENIAL_TEXT + 3, "{}", all.len());
    }

    #[test]
    fn a_denial_tells_of_each_image_once() {
        let images = ["a", "b", "a", "c", "d", "e", "f"];
        let fields: Vec<_> = images.iter().map(|image| field(image)).collect();
        let text = message(fields.iter().map(|field| (field, format!("no {}", field.image))));
        assert_eq!(text, "no a\nno b\nno c\nno d\nand 2 more images");
    }

    #[test]
    fn g30_a_patch_replaces_image_fields_and_nothing_else() {
        let pin = Pin::new(&field("app:v1"), "registry.example.com/app@sha256:00".to_owned());
        let answer = Answer { patch: vec![pin], ..Answer::default() };
        let json = answer.to_json("u\"1");
        let json = Json::parse(json.as_bytes()).unwrap();
        let response = json.member("response").unwrap();
        assert_eq!(response.member("uid").and_then(Json::as_str), Some("u\"1"));
        let patch = base64::decode(response.member("patch").and_then(Json::as_str).unwrap()).unwrap();
        let expected =
            r#"[{"op":"replace","path":"/spec/containers/0/image","value":"registry.example.com/app@sha256:00"}]"#;
        assert_eq!(String::from_utf8(patch).unwrap(), expected);
        // A denial changes nothing.
        let denial = Denial { status: 403, message: "no".to_owned() };
        let denied = Answer { denial: Some(denial), ..answer }.to_json("1");
        assert!(!denied.contains("patch"), "{denied}");
    }
}
