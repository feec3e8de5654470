//! nameConstraints, RFC 5280 section 4.2.1.10: the subtrees. What lies within one is for
//! [`crate::verify`] to say.

use super::CertificateError;
use super::names::GeneralName;
use crate::base::encoding::der::{DerError, Element, Reader, tag};
use crate::base::limits;

/// The names that an authority's certificate allows below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameConstraints {
    /// A name of a form that stands here must lie within one of them.
    pub permitted: Vec<GeneralName>,
    /// No name may lie within one of them.
    pub excluded: Vec<GeneralName>,
}

impl NameConstraints {
    /// Reads the extension's value; at most [`limits::NAME_CONSTRAINTS`] subtrees.
    pub(super) fn read(value: &[u8]) -> Result<Self, CertificateError> {
        let mut body = Reader::whole(value, tag::SEQUENCE)?;
        let permitted = body.optional(tag::context(0))?;
        let excluded = body.optional(tag::context(1))?;
        body.finish()?;
        if permitted.is_none() && excluded.is_none() {
            return Err(DerError::Value("name constraints").into());
        }
        let found = Self { permitted: subtrees(permitted)?, excluded: subtrees(excluded)? };
        if found.permitted.len() + found.excluded.len() > limits::NAME_CONSTRAINTS {
            return Err(CertificateError::Limit("name constraints"));
        }
        Ok(found)
    }
}

fn subtrees(list: Option<Element<'_>>) -> Result<Vec<GeneralName>, CertificateError> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let mut list = list.reader()?;
    let mut names = Vec::new();
    while !list.is_empty() {
        if names.len() == limits::NAME_CONSTRAINTS {
            return Err(CertificateError::Limit("name constraints"));
        }
        let mut subtree = list.sequence()?;
        names.push(GeneralName::read(&subtree.element()?)?);
        // minimum is zero, so DER leaves it out, and maximum is absent.
        subtree.finish()?;
    }
    if names.is_empty() { Err(DerError::Value("name constraints").into()) } else { Ok(names) }
}
