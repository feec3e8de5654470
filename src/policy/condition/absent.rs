//! A build without CEL: a document with conditions is an error, never a document without them.

use super::refusal::Refusal;
use crate::base::encoding::json::Json;
use crate::base::time::UnixTime;

/// There is none.
#[derive(Debug)]
pub(super) enum Condition {}

/// What a condition would be asked about.
#[expect(dead_code, reason = "nobody is asked")]
pub(super) struct Seen<'a, 'j> {
    pub(super) predicate: Option<&'j Json<'a>>,
    pub(super) predicate_type: &'j str,
    pub(super) now: UnixTime,
    pub(super) signed: Option<UnixTime>,
}

impl Condition {
    pub(super) fn compile(_: &str, _: &str) -> Result<Self, String> {
        Err("this build has no conditions: it was made without the feature `policy-cel`".to_owned())
    }

    pub(super) fn meet(&self, _: &Seen<'_, '_>) -> Result<(), Refusal> {
        match *self {}
    }
}
