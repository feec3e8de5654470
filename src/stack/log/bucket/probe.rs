//! Whether a store does what a log stands on, tried with an object of its own before anything else: a store that
//! ignores preconditions would let two writers at the log.

use super::error;
use super::record::name;
use super::{Bucket, BucketError, LogError, Put, Unpublished};

/// Tries the store.
pub(super) fn probe(bucket: &dyn Bucket) -> Result<(), Unpublished> {
    let name = format!("probe/{}", name().map_err(LogError::from)?);
    let tried = try_all(bucket, &name);
    // One that stays is in nobody's way.
    let _ = bucket.remove(&name);
    match tried? {
        None => Ok(()),
        Some(what) => {
            let path = error::path(bucket, "");
            Err(Unpublished::Never(BucketError::Preconditions { path, what }.into()))
        }
    }
}

/// What is wrong with it.
fn try_all(bucket: &dyn Bucket, name: &str) -> Result<Option<&'static str>, Unpublished> {
    if bucket.get(name)?.is_some() {
        return Ok(Some("it has an object that nobody wrote"));
    }
    if bucket.create(name, b"first")? == Put::Refused {
        return Ok(Some("it refuses to create an object that is not there"));
    }
    let Some(first) = bucket.get(name)?.filter(|there| there.bytes == b"first") else {
        return Ok(Some("what was written is not read"));
    };
    if bucket.create(name, b"second")? == Put::Done {
        return Ok(Some("it ignores If-None-Match"));
    }
    if bucket.replace(name, b"third", &first.tag)? == Put::Refused {
        return Ok(Some("it refuses If-Match with the tag that it gave"));
    }
    let third = bucket.get(name)?.filter(|there| there.bytes == b"third");
    if third.is_none_or(|third| third.tag == first.tag) {
        return Ok(Some("what was replaced is not read"));
    }
    if bucket.replace(name, b"fourth", &first.tag)? == Put::Done {
        return Ok(Some("it ignores If-Match"));
    }
    let after = bucket.get(name)?;
    Ok(after.is_none_or(|there| there.bytes != b"third").then_some("it refused a write, and did it"))
}
