//! What a condition is asked about, whether or not this build has conditions.

use super::condition::Prepared;
use crate::base::encoding::json::Json;
use crate::base::time::UnixTime;

/// What a condition is asked about.
#[cfg_attr(not(all(feature = "policy-cel", feature = "policy-rego")), allow(dead_code))]
pub(super) struct Seen<'a, 'j> {
    pub(super) statement: Option<&'j Json<'a>>,
    pub(super) predicate: Option<&'j Json<'a>>,
    pub(super) prepared: &'j Prepared,
    pub(super) predicate_type: &'j str,
    pub(super) now: UnixTime,
    pub(super) signed: Option<UnixTime>,
}
