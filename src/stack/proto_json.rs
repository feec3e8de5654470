//! Requests in proto3 JSON, as leniently as grpc-gateway reads them: names in lowerCamelCase or as the proto
//! file has them, base64 of either alphabet, enums by name or number. Unknown fields are refused.
//! <https://protobuf.dev/programming-guides/json/>
//!
//! Only our own servers' requests are read like this; bundles and trust documents are read strictly.

use std::borrow::Cow;

use crate::base::encoding::base64;
use crate::base::encoding::json::{self, Fields, Json, ShapeError};
use crate::serve::Status;

/// The fields of a message.
#[derive(Debug)]
pub(super) struct Message<'j, 'a>(Fields<'j, 'a>);

impl<'j, 'a> Message<'j, 'a> {
    /// The fields of a document.
    pub(super) fn of(json: &'j Json<'a>) -> Result<Self, Status> {
        Fields::of(json, "").map(Self).map_err(refuse)
    }

    /// Takes a field out by its lowerCamelCase name.
    pub(super) fn take(&mut self, name: &str) -> Option<&'j Json<'a>> {
        self.0.take(name).or_else(|| self.0.take(&snake_case(name)))
    }

    /// The path of a field.
    pub(super) fn path(&self, name: &str) -> String {
        self.0.path(name)
    }

    /// Takes a message out.
    pub(super) fn message(&mut self, name: &str) -> Result<Option<Message<'j, 'a>>, Status> {
        let path = self.path(name);
        self.take(name).map(|json| Fields::of(json, &path).map(Self)).transpose().map_err(refuse)
    }

    /// Takes a message out that must be there.
    pub(super) fn require_message(&mut self, name: &str) -> Result<Message<'j, 'a>, Status> {
        self.message(name)?.ok_or_else(|| self.missing(name))
    }

    /// Takes a message out that must be there and be the only field.
    pub(super) fn require_only(mut self, name: &str) -> Result<Message<'j, 'a>, Status> {
        let message = self.require_message(name)?;
        self.finish().map(|()| message)
    }

    /// Takes a list of messages out, at most `limit`.
    pub(super) fn messages(&mut self, name: &str, limit: usize) -> Result<Vec<Message<'j, 'a>>, Status> {
        let path = self.path(name);
        let items = self.items(name, limit)?;
        items.iter().map(|item| Fields::of(item, &path).map(Self).map_err(refuse)).collect()
    }

    /// Takes a list of strings out, at most `limit`.
    pub(super) fn strings(&mut self, name: &str, limit: usize) -> Result<Vec<&'j str>, Status> {
        let path = self.path(name);
        self.items(name, limit)?.iter().map(|item| json::string(item, &path).map_err(refuse)).collect()
    }

    fn items(&mut self, name: &str, limit: usize) -> Result<&'j [Json<'a>], Status> {
        let path = self.path(name);
        self.take(name).map_or(Ok(&[][..]), |json| json::items(json, &path, limit)).map_err(refuse)
    }

    /// Takes a string out; absent is empty.
    pub(super) fn string(&mut self, name: &str) -> Result<&'j str, Status> {
        let path = self.path(name);
        self.take(name).map_or(Ok(""), |json| json::string(json, &path)).map_err(refuse)
    }

    /// Takes bytes out; absent and empty are the same.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, Status> {
        let path = self.path(name);
        match self.string(name)? {
            "" => Ok(None),
            text => decode(text).map(Some).ok_or_else(|| refuse(ShapeError::Base64 { path })),
        }
    }

    /// Takes bytes out that must be there and not be empty.
    pub(super) fn require_bytes(&mut self, name: &str) -> Result<Vec<u8>, Status> {
        self.bytes(name)?.ok_or_else(|| self.missing(name))
    }

    /// Takes an enum out by name, or by its number's place in `numbers`; absent is empty.
    pub(super) fn enumeration(&mut self, name: &str, numbers: &[(i128, &'static str)]) -> Result<Cow<'j, str>, Status> {
        let path = self.path(name);
        match self.take(name) {
            None => Ok("".into()),
            Some(Json::Integer(number)) => {
                let known = numbers.iter().find(|(known, _)| known == number).map(|(_, name)| (*name).into());
                Ok(known.unwrap_or_else(|| number.to_string().into()))
            }
            Some(json) => json::string(json, &path).map(Cow::Borrowed).map_err(refuse),
        }
    }

    /// Refuses whatever was not taken.
    pub(super) fn finish(self) -> Result<(), Status> {
        self.0.finish().map_err(refuse)
    }

    /// The answer to a field that is not there.
    pub(super) fn missing(&self, name: &str) -> Status {
        refuse(ShapeError::Missing { path: self.path(name) })
    }
}

/// Parses a request's document.
pub(super) fn parse(body: &[u8]) -> Result<Json<'_>, Status> {
    Json::parse(body).map_err(|error| Status::invalid(format!("the request is {error}")))
}

fn refuse(error: ShapeError) -> Status {
    Status::invalid(error.to_string())
}

/// Base64 of the standard or the URL-safe alphabet, padded or not.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim_end_matches('=');
    base64::decode_url(&bare.replace('+', "-").replace('/', "_")).filter(|_| text.len() - bare.len() <= 2)
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_and_both_alphabets() {
        let json = Json::parse(br#"{"raw_bytes":"-_8=","keyDetails":5,"public_key":{}}"#).unwrap();
        let mut message = Message::of(&json).unwrap();
        assert_eq!(message.require_bytes("rawBytes").unwrap(), [0xfb, 0xff]);
        assert_eq!(message.enumeration("keyDetails", &[(5, "FIVE")]).unwrap(), "FIVE");
        assert!(message.message("publicKey").unwrap().is_some());
        message.finish().unwrap();
        assert_eq!(snake_case("hashedRekordRequestV002"), "hashed_rekord_request_v002");
    }

    #[test]
    fn k02_refusals() {
        for (text, message) in [
            (&br#"{"content":"!"}"#[..], "content is not standard base64 (RFC 4648 section 4, padded)"),
            (br#"{"content":""}"#, "content is missing"),
            (br#"{"content":null}"#, "content is missing"),
            (br#"{"content":1}"#, "content is not a string"),
            (br#"[]"#, "the document is not an object"),
        ] {
            let json = Json::parse(text).unwrap();
            let refused = Message::of(&json).and_then(|mut fields| fields.require_bytes("content"));
            assert_eq!(refused.unwrap_err().message(), message);
        }
        let json = Json::parse(br#"{"content":"AA==","more":1}"#).unwrap();
        let mut fields = Message::of(&json).unwrap();
        fields.require_bytes("content").unwrap();
        assert_eq!(fields.finish().unwrap_err().message(), "more is not a field of this format");
        assert_eq!(decode("AA==="), None);
        assert_eq!(decode("A"), None);
    }
}
