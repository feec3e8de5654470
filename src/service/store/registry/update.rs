//! Changing what a tag names while others do the same.
//!
//! Where the registry heeds `If-Match` and `If-None-Match`, a lost race is a 412 and nothing is lost. Others
//! take the last writer's word. There each writer waits, after its write, longer than the time it took itself
//! from reading to writing, then reads again and adds what is missing: whoever had read before that write has
//! written by then, and is seen. What was found by such a read stays, unless a writer was slower than that;
//! so it is best effort, and says so.

use std::time::{Duration, Instant};

use reqwest::header;

use super::super::{StoreError, StoredManifest, TagUpdate};
use super::transport::Transport;
use super::{pull, push};
use crate::base::limits;
use crate::format::oci::TaggedRef;

/// The shortest wait between a write and the read that confirms it.
const SETTLE: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST: Duration = Duration::from_secs(5);

pub(super) async fn update(transport: &Transport, name: &TaggedRef, update: &dyn TagUpdate) -> Result<(), StoreError> {
    let mut conditional = false;
    // What a condition named when it was lost: if that is what stands there still, the registry (or a proxy that
    // changes its validators) does not mean it.
    let mut lost_against = None;
    for attempt in 0..limits::TAG_ATTEMPTS {
        let asked = Instant::now();
        let before = match pull::read_tag(transport, name).await {
            Ok(read) => Some(read),
            Err(StoreError::Absent { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some(bytes) = update.next(before.as_ref().map(|read| &read.manifest))? else { return Ok(()) };
        let changed = StoredManifest::of(name.repository(), bytes, None)?;
        let standing = before.as_ref().map(|read| read.manifest.image().clone());
        let meaningless = lost_against.as_ref() == Some(&standing);
        let condition = match &before {
            _ if meaningless => None,
            // If-Match compares strongly (RFC 9110 section 13.1.1): a weak validator never fits.
            Some(read) => {
                read.etag.as_deref().filter(|etag| etag.starts_with('"')).map(|etag| (header::IF_MATCH, etag))
            }
            None => Some((header::IF_NONE_MATCH, "*")),
        };
        let written = push::put(transport, &changed, name.tag().as_str(), condition).await?;
        if written == push::Put::Lost {
            lost_against = Some(standing);
        }
        conditional = written == push::Put::Lost || (conditional && !meaningless);
        let wait = match written {
            push::Put::Done if conditional => continue,
            _ => settle(asked.elapsed(), attempt),
        };
        tokio::time::sleep(wait).await;
    }
    Err(StoreError::Contended { name: name.to_string(), attempts: limits::TAG_ATTEMPTS })
}

/// Longer than others need from reading to writing, and at random, so that they do not meet again.
fn settle(took: Duration, attempt: u32) -> Duration {
    let mut byte = [0];
    // Without randomness writers merely meet more often.
    let _ = getrandom::fill(&mut byte);
    let spread = took.max(SETTLE).saturating_mul(1 << attempt.min(4)) * u32::from(byte[0]) / 255;
    (SETTLE + took.saturating_mul(4) + spread).min(LONGEST)
}
