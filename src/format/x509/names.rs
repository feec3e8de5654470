//! GeneralName, RFC 5280 section 4.2.1.6, and the one name that an identity certificate carries.

use core::net::IpAddr;
use std::fmt;

use super::oids;
use crate::base::encoding::der::{DerError, Element, Oid, tag};

/// A name in a subjectAltName extension. Text is kept only when it is clean ASCII (IA5String).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GeneralName {
    /// rfc822Name
    Email(String),
    /// uniformResourceIdentifier
    Uri(String),
    /// dNSName
    Dns(String),
    /// iPAddress
    Ip(IpAddr),
    /// otherName with Fulcio's username identifier
    Username(String),
    /// otherName of another type
    OtherName {
        /// Its type, dotted.
        oid: String,
    },
    /// A form that no identity has: the tag's number.
    Unsupported(u8),
    /// Text that holds control characters, spaces or bytes beyond ASCII.
    Malformed,
}

impl GeneralName {
    /// Reads one name.
    pub fn read(element: &Element<'_>) -> Result<Self, DerError> {
        let text = |make: fn(String) -> Self| match clean(element.content) {
            Some(text) => make(text.to_owned()),
            None => Self::Malformed,
        };
        Ok(match element.tag {
            0x81 => text(Self::Email),
            0x82 => text(Self::Dns),
            0x86 => text(Self::Uri),
            0x87 => match (<[u8; 4]>::try_from(element.content), <[u8; 16]>::try_from(element.content)) {
                (Ok(address), _) => Self::Ip(address.into()),
                (_, Ok(address)) => Self::Ip(address.into()),
                // Name constraints have a mask beside the address.
                _ => Self::Unsupported(7),
            },
            0xa0 => {
                let mut body = element.reader()?;
                let oid = body.oid()?;
                let mut value = body.nested(tag::context(0))?;
                let inner = value.element()?;
                value.finish()?;
                body.finish()?;
                match oid {
                    oids::FULCIO_USERNAME => username(&inner),
                    other => Self::OtherName { oid: other.to_string() },
                }
            }
            other if other & 0xc0 == 0x80 => Self::Unsupported(other & 0x1f),
            other => return Err(DerError::Tag { expected: 0x80, found: other }),
        })
    }
}

/// Fulcio writes the username as a UTF8String.
fn username(inner: &Element<'_>) -> GeneralName {
    let text = std::str::from_utf8(inner.content).ok();
    match text.filter(|text| inner.tag == tag::UTF8_STRING && !text.is_empty() && !text.chars().any(char::is_control)) {
        Some(text) => GeneralName::Username(text.to_owned()),
        None => GeneralName::Malformed,
    }
}

fn clean(content: &[u8]) -> Option<&str> {
    let printable = !content.is_empty() && content.iter().all(|byte| (0x21..0x7f).contains(byte));
    if printable { std::str::from_utf8(content).ok() } else { None }
}

/// The one subject alternative name of an identity certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum San {
    /// An e-mail address.
    Email(String),
    /// A URI: a workflow, a SPIFFE id, a service account.
    Uri(String),
    /// A Fulcio username, `name!domain`.
    Username(String),
}

impl San {
    /// The text that policies compare.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(text) | Self::Uri(text) | Self::Username(text) => text,
        }
    }

    /// The field's word for the form.
    pub fn form(&self) -> &'static str {
        match self {
            Self::Email(_) => "e-mail",
            Self::Uri(_) => "URI",
            Self::Username(_) => "username",
        }
    }
}

impl fmt::Display for San {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A distinguished name in DER, with its attributes for people to read. Decisions compare bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    der: Vec<u8>,
    text: String,
}

impl Name {
    /// Reads a Name (RFC 5280 section 4.1.2.4).
    pub fn read(element: &Element<'_>) -> Result<Self, DerError> {
        let mut text = String::new();
        let mut parts = element.expect(tag::SEQUENCE)?.reader()?;
        while !parts.is_empty() {
            let mut set = parts.nested(tag::SET)?;
            if set.is_empty() {
                return Err(DerError::Value("name"));
            }
            while !set.is_empty() {
                let mut attribute = set.sequence()?;
                let oid = attribute.oid()?;
                let value = attribute.element()?;
                attribute.finish()?;
                if !text.is_empty() {
                    text.push_str(", ");
                }
                text.push_str(&label(oid));
                text.push('=');
                text.push_str(&String::from_utf8_lossy(value.content).replace(char::is_control, "\u{fffd}"));
            }
        }
        Ok(Self { der: element.raw.to_vec(), text })
    }

    /// The DER encoding, which issuer and subject are compared by.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether the name has no attributes.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn label(oid: Oid<'_>) -> String {
    match oid {
        oids::COMMON_NAME => "CN".to_owned(),
        oids::ORGANIZATION => "O".to_owned(),
        other => other.to_string(),
    }
}
