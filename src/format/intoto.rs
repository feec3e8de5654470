//! In-toto statements, v0.1 and v1: which artifacts a predicate is about.
//! <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>
//!
//! The predicate is kept as the value that was received; those of types with a schema are read by [`predicate`].

pub mod predicate;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::json::{self, Fields, Json, JsonError, ShapeError};
use crate::base::limits;

/// The type of a v1 statement.
pub const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// The type of a v0.1 statement.
pub const STATEMENT_V0_1: &str = "https://in-toto.io/Statement/v0.1";

/// Why a payload is not a statement.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Not JSON.
    #[error("statement is {0}")]
    Json(#[from] JsonError),
    /// A field of another shape.
    #[error("statement: {0}")]
    Shape(#[from] ShapeError),
    /// Not an in-toto statement of a known version.
    #[error("statement type {found:?} is not known")]
    Type {
        /// What `_type` said.
        found: String,
    },
    /// No subject.
    #[error("statement has no subject")]
    SubjectEmpty,
    /// A subject without a digest.
    #[error("subject {index} of the statement has no digest")]
    DigestEmpty {
        /// The subject's place, from 0.
        index: usize,
    },
    /// A digest that is not lower-case hexadecimal of its algorithm's length.
    #[error("subject {index} of the statement has a malformed {algorithm} digest")]
    DigestMalformed {
        /// The subject's place, from 0.
        index: usize,
        /// The digest's algorithm.
        algorithm: DigestAlgorithm,
    },
}

impl StatementError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const ASK: &str = "the attestation was made wrongly: its maker has to attest anew";
        match self {
            Self::Json(JsonError::DuplicateKey { .. }) => Code::refused("predicate-dup-key", ASK),
            Self::Json(JsonError::Depth) => {
                Code::refused("limit-depth", "the attestation nests deeper than any real one")
            }
            Self::Shape(ShapeError::TooMany { .. }) => {
                Code::refused("limit-subjects", "attest fewer subjects in one statement")
            }
            Self::SubjectEmpty | Self::Shape(ShapeError::Missing { .. }) => Code::refused(
                "subject-empty",
                "a statement about nothing proves nothing: attest with the artifact's digest",
            ),
            Self::DigestEmpty { .. } => {
                Code::refused("subject-alg", "the subject needs a sha256, sha384 or sha512 digest")
            }
            Self::Json(_) | Self::Shape(_) | Self::Type { .. } | Self::DigestMalformed { .. } => {
                Code::refused("predicate-parse", ASK)
            }
        }
    }
}

/// A subject: a name, which never binds, and digests, which do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The name: for people.
    pub name: String,
    /// The digests of the algorithms that we compute; others (`sha1`, `gitCommit`) are left out.
    pub digests: Vec<Digest>,
}

/// A statement, parsed; who said it is the envelope's matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What it is about; never empty.
    pub subjects: Vec<Subject>,
    /// The predicate's type. Some builders wrote an empty one; it meets no rule that names a type.
    pub predicate_type: String,
    /// The predicate as received; null when there is none. An object by the specification; cosign writes SPDX
    /// documents of the older text form as a string.
    pub predicate: Json<'static>,
}

impl Statement {
    /// Parses a payload of type [`IN_TOTO`](crate::format::dsse::IN_TOTO). Fields that the specification
    /// does not have are left alone, as it asks.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        let json = Json::parse(payload)?;
        let mut fields = Fields::of(&json, "")?;
        let kind = fields.string("_type")?.unwrap_or_default();
        if kind != STATEMENT_V1 && kind != STATEMENT_V0_1 {
            return Err(StatementError::Type { found: kind.chars().take(128).collect() });
        }
        let items = fields.items("subject", limits::SUBJECTS)?;
        if items.is_empty() {
            return Err(StatementError::SubjectEmpty);
        }
        let subjects = items.iter().enumerate().map(|(index, item)| subject(index, item)).collect::<Result<_, _>>()?;
        let predicate_type = fields
            .string("predicateType")?
            .ok_or(ShapeError::Type { path: "predicateType".to_owned(), expected: "a string" })?;
        let predicate = fields.take("predicate").cloned().unwrap_or(Json::Null);
        Ok(Self { subjects, predicate_type: predicate_type.to_owned(), predicate: predicate.into_owned() })
    }

    /// The digest algorithms that the subjects use.
    pub fn digest_algorithms(&self) -> impl Iterator<Item = DigestAlgorithm> {
        self.subjects.iter().flat_map(|subject| &subject.digests).map(Digest::algorithm)
    }

    /// A v1 statement in JSON about `subjects`. `predicate` is a JSON value and stands in it unchanged.
    pub fn to_json(subjects: &[Subject], predicate_type: &str, predicate: &str) -> String {
        let quote = |text: &str| Json::String(text.to_owned().into());
        let subjects = subjects.iter().map(|subject| {
            let digests = subject.digests.iter().map(|d| (d.algorithm().name().into(), quote(&d.hex()))).collect();
            Json::Object(vec![("name".into(), quote(&subject.name)), ("digest".into(), Json::Object(digests))])
        });
        let text = |json: &Json<'_>| json::canonical(json).unwrap_or_default();
        format!(
            "{{\"_type\":\"{STATEMENT_V1}\",\"subject\":{},\"predicateType\":{},\"predicate\":{predicate}}}",
            text(&Json::Array(subjects.collect())),
            text(&quote(predicate_type)),
        )
    }
}

fn subject(index: usize, item: &Json<'_>) -> Result<Subject, StatementError> {
    let path = format!("subject[{index}]");
    let mut fields = match item {
        Json::Null => return Err(StatementError::SubjectEmpty),
        item => Fields::of(item, &path)?,
    };
    let name = fields.string("name")?.unwrap_or_default().to_owned();
    let digest_path = fields.path("digest");
    let members = match fields.take("digest") {
        Some(Json::Object(members)) => members,
        Some(Json::Null) | None => return Err(StatementError::DigestEmpty { index }),
        Some(_) => return Err(ShapeError::Type { path: digest_path, expected: "an object" }.into()),
    };
    if members.len() > limits::SUBJECT_DIGESTS {
        let limit = limits::SUBJECT_DIGESTS;
        return Err(ShapeError::TooMany { path: digest_path, found: members.len(), limit }.into());
    }
    if members.is_empty() {
        return Err(StatementError::DigestEmpty { index });
    }
    let mut digests = Vec::new();
    for (algorithm, value) in members {
        let text = json::string(value, &digest_path)?;
        if let Some(algorithm) = DigestAlgorithm::from_name(algorithm) {
            let digest = Digest::from_hex(algorithm, text);
            digests.push(digest.ok_or(StatementError::DigestMalformed { index, algorithm })?);
        }
    }
    Ok(Subject { name, digests })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        Statement::parse(text.as_bytes()).unwrap_err().code().name()
    }

    fn statement(subject: &str) -> String {
        format!(r#"{{"_type":"{STATEMENT_V1}","subject":{subject},"predicateType":"p","predicate":{{}}}}"#)
    }

    #[test]
    fn round_trip() {
        let digest = Digest::of(DigestAlgorithm::Sha512, b"x");
        let subjects = [Subject { name: "a \"quoted\" name".to_owned(), digests: vec![digest] }];
        let text = Statement::to_json(&subjects, "https://example.com/p", "{\"b\":1.50,\"a\":[]}");
        let parsed = Statement::parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.subjects, subjects);
        assert_eq!(parsed.predicate_type, "https://example.com/p");
        assert_eq!(parsed.predicate.member("b"), Some(&Json::Float(1.5)));
        assert!(text.ends_with("\"predicate\":{\"b\":1.50,\"a\":[]}}"));
    }

    #[test]
    fn a02_subject_empty() {
        for subject in ["[]", "null", "[null]"] {
            assert_eq!(code(&statement(subject)), "subject-empty", "{subject}");
        }
    }

    #[test]
    fn a03_digest_map_empty() {
        for subject in [r#"[{"name":"a","digest":{}}]"#, r#"[{"name":"a"}]"#] {
            assert_eq!(code(&statement(subject)), "subject-alg", "{subject}");
        }
    }

    #[test]
    fn a04_b16_digest_of_wrong_length_or_case() {
        let hex = Digest::of(DigestAlgorithm::Sha256, b"x").hex();
        for hex in [hex.to_uppercase(), hex[2..].to_owned()] {
            assert_eq!(code(&statement(&format!(r#"[{{"digest":{{"sha256":"{hex}"}}}}]"#))), "predicate-parse");
        }
    }

    #[test]
    fn a07_too_many_subjects_or_digests() {
        let one = r#"{"name":"a","digest":{"sha1":"00"}}"#;
        let many = format!("[{}{one}]", format!("{one},").repeat(limits::SUBJECTS));
        assert_eq!(code(&statement(&many)), "limit-subjects");
        let digests: Vec<_> = (0..=limits::SUBJECT_DIGESTS).map(|n| format!("\"d{n}\":\"00\"")).collect();
        assert_eq!(code(&statement(&format!("[{{\"digest\":{{{}}}}}]", digests.join(",")))), "limit-subjects");
    }

    #[test]
    fn a11_not_a_statement() {
        for text in ["", "[]", "{}", r#"{"_type":"https://in-toto.io/Statement/v2","subject":[]}"#] {
            assert_eq!(code(text), "predicate-parse", "{text}");
        }
        let good = statement(r#"[{"digest":{"sha1":"00"}}]"#);
        assert!(Statement::parse(good.as_bytes()).is_ok());
        for predicate in ["{", "{'a':1}", "{\"a\":01}", "\"\\ud800\"", ""] {
            let text = good.replace("\"predicate\":{}", &format!("\"predicate\":{predicate}"));
            assert_eq!(code(&text), "predicate-parse", "{text}");
        }
    }

    #[test]
    fn a12_duplicate_keys() {
        let good = statement(r#"[{"digest":{"sha1":"00"}}]"#);
        for twice in [r#"{"subject":[],"#, r#"{"predicateType":"q","#, r#"{"predicate":{},"#] {
            assert_eq!(code(&good.replacen('{', twice, 1)), "predicate-dup-key", "{twice}");
        }
        let inside = good.replace("\"predicate\":{}", r#""predicate":{"a":1,"a":1}"#);
        assert_eq!(code(&inside), "predicate-dup-key");
    }
}
