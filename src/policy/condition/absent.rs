//! A build without CEL: a document with conditions is an error, never a document without them.

use super::refusal::Refusal;
use super::seen::Seen;
use crate::base::encoding::json::Json;

/// Nobody looks at it.
#[derive(Debug)]
pub(super) struct Prepared;

impl Prepared {
    pub(super) fn of(_: Option<&Json<'_>>) -> Self {
        Self
    }
}

/// There is none.
#[derive(Debug)]
pub(super) enum Condition {}

impl Condition {
    pub(super) fn compile(_: &str, _: &str) -> Result<Self, String> {
        Err("this build has no conditions: it was made without the feature `policy-cel`".to_owned())
    }

    pub(super) fn meet(&self, _: &Seen<'_, '_>) -> Result<(), Refusal> {
        match *self {}
    }
}
