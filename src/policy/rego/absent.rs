//! A build without Rego: a document with Rego policies is an error, never a document without them.

use super::refusal::Refusal;
use super::seen::Seen;

/// There is none.
#[derive(Debug)]
pub(super) enum Rego {}

impl Rego {
    pub(super) fn compile(_: Option<&str>, _: &str) -> Result<Self, String> {
        Err("this build has no Rego: it was made without the feature `policy-rego`".to_owned())
    }

    pub(super) fn meet(&self, _: &Seen<'_, '_>) -> Result<(), Refusal> {
        match *self {}
    }
}
