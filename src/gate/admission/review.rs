//! AdmissionReview v1: the API server's question, read strictly.
//! <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>
//!
//! Keys that stand twice are refused at every depth: the API server would take one of them and we the other.
//! Fields that we do not know are let be: newer servers send more.

use thiserror::Error;

use crate::base::code::Code;
use crate::base::encoding::json::{Json, JsonError};
use crate::base::limits;

/// Why bytes are no question.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// Not the JSON that we read.
    #[error("the review is {0}")]
    Json(JsonError),
    /// Something else than an AdmissionReview of `admission.k8s.io/v1`.
    #[error("the review is {found:?}, not \"admission.k8s.io/v1 AdmissionReview\"")]
    NotAReview {
        /// Its apiVersion and kind.
        found: String,
    },
    /// A field that is missing, or of another type.
    #[error("the review's {field} is missing or not {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
}

impl ReviewError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Json(_) => {
                Code::usage("admission-json", "send the review as JSON, each key once, as the API server does")
            }
            Self::NotAReview { .. } => {
                Code::usage("admission-version", "let admissionReviewVersions of the webhook name v1")
            }
            Self::Field { .. } => Code::usage("admission-review", "send what the API server sends"),
        }
    }
}

/// What is to be done with the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It goes.
    Delete,
    /// Somebody connects to it: exec, attach, port-forward, proxy.
    Connect,
}

impl Operation {
    /// The API server's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// A question about one object.
#[derive(Debug)]
pub struct Review<'j> {
    /// Echoed in the answer, exactly.
    pub uid: &'j str,
    /// What is to be done.
    pub operation: Operation,
    /// The group of the object's kind; empty for the core group.
    pub group: &'j str,
    /// The version of the object's kind.
    pub version: &'j str,
    /// The object's kind.
    pub kind: &'j str,
    /// The part of the object that is addressed, such as `ephemeralcontainers`; empty for the whole.
    pub sub_resource: &'j str,
    /// The namespace; `None` for objects without one.
    pub namespace: Option<&'j str>,
    /// The object's name; empty when the API server is to make one.
    pub name: &'j str,
    /// Who asks, for the journal.
    pub user: &'j str,
    /// Whether nothing is kept of it.
    pub dry_run: bool,
    /// The object as it is to be.
    pub object: Option<&'j Json<'j>>,
    /// The object as it is.
    pub old_object: Option<&'j Json<'j>>,
}

impl<'j> Review<'j> {
    /// Reads a review that was parsed as JSON.
    pub fn of(json: &'j Json<'j>) -> Result<Self, ReviewError> {
        let version = json.member("apiVersion").and_then(Json::as_str).unwrap_or_default();
        let kind = json.member("kind").and_then(Json::as_str).unwrap_or_default();
        if (version, kind) != ("admission.k8s.io/v1", "AdmissionReview") {
            let found = format!("{version} {kind}").chars().take(160).collect();
            return Err(ReviewError::NotAReview { found });
        }
        let request = object(json, "request")?.ok_or(missing("request", "an object"))?;
        let uid = text(request, "uid")?;
        if uid.is_empty() || uid.len() > limits::REVIEW_UID_BYTES {
            return Err(missing("request.uid", "a short text"));
        }
        let operation = match text(request, "operation")? {
            "CREATE" => Operation::Create,
            "UPDATE" => Operation::Update,
            "DELETE" => Operation::Delete,
            "CONNECT" => Operation::Connect,
            _ => return Err(missing("request.operation", "CREATE, UPDATE, DELETE or CONNECT")),
        };
        let kind = object(request, "kind")?.ok_or(missing("request.kind", "an object"))?;
        let dry_run = match request.member("dryRun") {
            None | Some(Json::Null) => false,
            Some(Json::Bool(dry_run)) => *dry_run,
            Some(_) => return Err(missing("request.dryRun", "true or false")),
        };
        let user = object(request, "userInfo")?;
        Ok(Self {
            uid,
            operation,
            group: text(kind, "group")?,
            version: text(kind, "version")?,
            kind: text(kind, "kind")?,
            sub_resource: text(request, "subResource")?,
            namespace: Some(text(request, "namespace")?).filter(|namespace| !namespace.is_empty()),
            name: text(request, "name")?,
            user: user.map_or(Ok(""), |user| text(user, "username"))?,
            dry_run,
            object: object(request, "object")?,
            old_object: object(request, "oldObject")?,
        })
    }
}

fn missing(field: &'static str, expected: &'static str) -> ReviewError {
    ReviewError::Field { field, expected }
}

/// A text; one that is absent is empty, as the API server writes it.
fn text<'j>(json: &'j Json<'j>, field: &'static str) -> Result<&'j str, ReviewError> {
    match json.member(field) {
        None | Some(Json::Null) => Ok(""),
        Some(Json::String(text)) => Ok(text.as_ref()),
        Some(_) => Err(missing(field, "a text")),
    }
}

fn object<'j>(json: &'j Json<'j>, field: &'static str) -> Result<Option<&'j Json<'j>>, ReviewError> {
    match json.member(field) {
        None | Some(Json::Null) => Ok(None),
        Some(object @ Json::Object(_)) => Ok(Some(object)),
        Some(_) => Err(missing(field, "an object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        let json = Json::parse(text.as_bytes()).unwrap();
        Review::of(&json).err().map(|error| error.code().name())
    }

    #[test]
    fn g05_what_is_no_review() {
        let good = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1",
            "operation":"CREATE","kind":{"group":"","version":"v1","kind":"Pod"},"object":null}}"#;
        assert_eq!(code(good), None);
        for (from, to, expected) in [
            ("admission.k8s.io/v1", "admission.k8s.io/v1beta1", "admission-version"),
            ("\"AdmissionReview\"", "\"Pod\"", "admission-version"),
            ("\"AdmissionReview\"", "1", "admission-version"),
            ("\"uid\":\"1\"", "\"uid\":\"\"", "admission-review"),
            ("\"uid\":\"1\"", "\"uid\":1", "admission-review"),
            ("\"uid\":\"1\",", "", "admission-review"),
            ("CREATE", "MAKE", "admission-review"),
            ("CREATE", "create", "admission-review"),
            ("\"object\":null", "\"object\":[]", "admission-review"),
            ("\"object\":null", "\"dryRun\":\"no\"", "admission-review"),
            ("\"request\":", "\"response\":", "admission-review"),
            ("{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"}", "null", "admission-review"),
        ] {
            assert!(good.contains(from), "{from}");
            assert_eq!(code(&good.replace(from, to)), Some(expected), "{to}");
        }
        assert_eq!(code("{}"), Some("admission-version"));
    }
}
