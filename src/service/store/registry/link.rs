//! `Link: <…>; rel="next"` (RFC 8288): the next page of a list, of the same host and list only.

use std::collections::BTreeSet;

use super::RegistryError;
use crate::base::limits;
use crate::service::http::{Endpoint, Response};

/// The pages that were read of one list.
#[derive(Debug)]
pub(super) struct Pages {
    first: Endpoint,
    read: BTreeSet<String>,
}

impl Pages {
    pub(super) fn new(first: &Endpoint) -> Self {
        Self { first: first.clone(), read: BTreeSet::from([first.whole().to_owned()]) }
    }

    /// The page after `page`; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`RegistryError::CrossHost`] when it is not of the same host and list, [`RegistryError::Pages`] when there
    /// are too many or it was read already.
    pub(super) fn next(&mut self, page: &Endpoint, response: &Response) -> Result<Option<Endpoint>, RegistryError> {
        let url = || page.to_string();
        let mut targets = response.headers.get_all("link").iter().filter_map(|value| next_of(value.to_str().ok()?));
        let Some(target) = targets.next() else { return Ok(None) };
        let elsewhere =
            |problem| RegistryError::CrossHost { url: url(), target: target.chars().take(100).collect(), problem };
        let next = page.joined(target).ok_or_else(|| elsewhere("the next page is no URL"))?;
        if !next.same_origin(&self.first) {
            return Err(elsewhere("the next page is on another host"));
        }
        if next.path() != self.first.path() {
            return Err(elsewhere("the next page is of another list"));
        }
        if self.read.len() >= limits::REGISTRY_PAGES || !self.read.insert(next.whole().to_owned()) {
            return Err(RegistryError::Pages { url: url() });
        }
        Ok(Some(next))
    }
}

/// The target of the link with the relation `next`.
fn next_of(value: &str) -> Option<&str> {
    let (target, parameters) = value.trim().strip_prefix('<')?.split_once('>')?;
    let relation = |parameter: &str| {
        let (name, value) = parameter.split_once('=')?;
        (name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"') == "next").then_some(())
    };
    parameters.split(';').find_map(relation).map(|()| target)
}
