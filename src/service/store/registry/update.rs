//! Changing what a tag names while others do the same.
//!
//! Where the registry heeds `If-Match` and `If-None-Match`, a lost race is a 412 and nothing is lost. Others
//! take the last writer's word. There each writer waits, after its write, longer than the time it took itself
//! from reading to writing, then reads again and adds what is missing: whoever had read before that write has
//! written by then, and is seen; where others write too, it reads twice. What was found so stays, unless a writer
//! was slower than that: it is best effort.

use std::time::{Duration, Instant};

use reqwest::header::{self, HeaderName};

use super::super::{StoreError, StoredManifest, TagUpdate};
use super::transport::Transport;
use super::{pull, push};
use crate::base::limits;
use crate::format::oci::{DigestRef, TaggedRef};

/// The shortest wait between a write and the read that confirms it.
const SETTLE: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST: Duration = Duration::from_secs(5);

/// What this writer has seen of others.
#[derive(Debug, Default)]
struct Seen {
    /// The registry has refused a condition that was lost: it heeds them.
    conditional: bool,
    /// What a condition named when it was lost, if one was: should that stand there still, the registry (or a
    /// proxy that changes its validators) does not mean its conditions.
    lost_against: Option<Option<DigestRef>>,
    /// What was written last.
    written: Option<DigestRef>,
    /// Somebody else writes too.
    contended: bool,
    /// Reads in a row that needed no change.
    confirmed: u32,
    /// The longest way from reading to writing.
    took: Duration,
}

pub(super) async fn update(transport: &Transport, name: &TaggedRef, update: &dyn TagUpdate) -> Result<(), StoreError> {
    let mut seen = Seen::default();
    for attempt in 0..limits::TAG_ATTEMPTS {
        let asked = Instant::now();
        let before = match pull::read_tag(transport, name).await {
            Ok(read) => Some(read),
            Err(StoreError::Absent { .. }) => None,
            Err(error) => return Err(error),
        };
        let wanted = update.next(before.as_ref().map(|read| &read.manifest))?;
        let standing = before.as_ref().map(|read| read.manifest.image());
        let Some(bytes) = wanted else {
            if seen.is_settled(standing) {
                return Ok(());
            }
            tokio::time::sleep(settle(seen.took, attempt)).await;
            continue;
        };
        let changed = StoredManifest::of(name.repository(), bytes, None)?;
        let condition = seen.condition(before.as_ref());
        let unconditional = condition.is_none();
        let written = push::put(transport, &changed, name.tag().as_str(), condition).await?;
        seen.took = seen.took.max(asked.elapsed());
        seen.contended |= seen.written.is_some();
        seen.confirmed = 0;
        if written == push::Put::Lost {
            (seen.conditional, seen.lost_against) = (true, Some(standing.cloned()));
        } else {
            seen.conditional &= !unconditional;
            seen.written = Some(changed.image().clone());
            if seen.conditional {
                continue;
            }
        }
        tokio::time::sleep(settle(seen.took, attempt)).await;
    }
    Err(StoreError::Contended { name: name.to_string(), attempts: limits::TAG_ATTEMPTS })
}

impl Seen {
    /// Whether a read that needed no change is the last word: where conditions are heeded, where nothing was
    /// written, or where what was written stands alone. Where others write too, two such reads in a row are.
    fn is_settled(&mut self, standing: Option<&DigestRef>) -> bool {
        self.contended |= self.written.as_ref() != standing;
        self.confirmed += 1;
        self.conditional || self.written.is_none() || !self.contended || self.confirmed > 1
    }

    fn condition<'r>(&self, before: Option<&'r pull::Read>) -> Option<(HeaderName, &'r str)> {
        let standing = before.map(|read| read.manifest.image().clone());
        if self.lost_against.as_ref() == Some(&standing) {
            return None;
        }
        let Some(read) = before else { return Some((header::IF_NONE_MATCH, "*")) };
        // If-Match compares strongly (RFC 9110 section 13.1.1): a weak validator never fits.
        read.etag.as_deref().filter(|etag| etag.starts_with('"')).map(|etag| (header::IF_MATCH, etag))
    }
}

/// Longer than others need from reading to writing, and at random, so that they do not meet again.
fn settle(took: Duration, attempt: u32) -> Duration {
    let mut byte = [0];
    // Without randomness writers merely meet more often.
    let _ = getrandom::fill(&mut byte);
    let spread = took.max(SETTLE).saturating_mul(1 << attempt.min(4)) * u32::from(byte[0]) / 255;
    (SETTLE + took.saturating_mul(4) + spread).min(LONGEST)
}
