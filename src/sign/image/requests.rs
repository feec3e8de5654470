//! What signing an image asks of its registry: the requests by name, made by nobody here.

use std::fmt;

use super::{Claim, Form};
use crate::format::oci::{CosignSuffix, DigestRef, ImageRef, Repository, Tag};

/// Whether a request changes what the registry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writes {
    /// It only reads.
    No,
    /// It writes.
    Yes,
}

/// A request that would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// Where; `{digest}` stands for what only signing makes.
    pub url: String,
    /// Whether it writes.
    pub writes: Writes,
    /// Why it is made.
    pub purpose: &'static str,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:5} {}", self.method, self.url)
    }
}

/// The requests that find `name`.
pub fn finding(scheme: &str, name: &ImageRef) -> Request {
    let reference = match name {
        ImageRef::Tagged(tagged) => tagged.tag().as_str().to_owned(),
        ImageRef::Digested(image) => image.digest().to_string(),
    };
    let url = format!("{}/manifests/{reference}", base(scheme, name.repository()));
    Request { method: "GET", url, writes: Writes::No, purpose: "the image" }
}

/// The requests that write `claim` of `image` into `repository` in these forms, in their order. Blobs that are
/// there already are not sent again; a registry without the referrers API is asked for the tag as well.
pub fn requests(
    scheme: &str,
    repository: &Repository,
    image: &DigestRef,
    claim: &Claim,
    forms: &[Form],
) -> Vec<Request> {
    let base = base(scheme, repository);
    let mut requests = Vec::new();
    let mut add = |method, path: &str, writes, purpose| {
        requests.push(Request { method, url: format!("{base}/{path}"), writes, purpose });
    };
    for form in forms {
        let (blobs, tag) = match form {
            Form::Bundle => (["the empty config", "the bundle"], Tag::of_referrers(image.digest())),
            Form::Legacy if *claim == Claim::Signature => {
                (["the payload", "the config"], Tag::of_cosign(image.digest(), CosignSuffix::Signatures))
            }
            Form::Legacy => {
                (["the envelope", "the config"], Tag::of_cosign(image.digest(), CosignSuffix::Attestations))
            }
        };
        for blob in blobs {
            add("HEAD", "blobs/{digest}", Writes::No, blob);
            add("POST", "blobs/uploads/", Writes::Yes, blob);
            add("PUT", "blobs/uploads/{session}", Writes::Yes, blob);
        }
        let tagged = format!("manifests/{}", tag.as_str());
        match form {
            Form::Bundle => {
                add("PUT", "manifests/{digest}", Writes::Yes, "the referrer");
                add("GET", &format!("referrers/{}", image.digest()), Writes::No, "whether it is listed");
                add("GET", &tagged, Writes::No, "the list of referrers, where there is no referrers API");
                add("PUT", &tagged, Writes::Yes, "the list of referrers, where there is no referrers API");
                add("GET", "manifests/{digest}", Writes::No, "the referrer, read back");
            }
            Form::Legacy => {
                add("GET", &tagged, Writes::No, "the signatures so far");
                add("PUT", &tagged, Writes::Yes, "the signatures");
                add("GET", &tagged, Writes::No, "the signatures, read back");
            }
        }
        add("GET", "blobs/{digest}", Writes::No, "what was signed, read back");
    }
    requests
}

fn base(scheme: &str, repository: &Repository) -> String {
    format!("{scheme}://{}/v2/{}", repository.registry().authority(), repository.path())
}
