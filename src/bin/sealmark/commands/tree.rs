//! `tree`: everything that is attached to an image, for each platform. Nothing is verified.

use std::collections::BTreeSet;
use std::fmt::Write;

use sealmark::admit::image::{Candidates, Lookup, Place, fetch};
use sealmark::format::bundle::{Content, UnverifiedBundle};
use sealmark::format::intoto::Statement;
use sealmark::format::oci::{CosignSuffix, DigestRef, ImageRef, Manifest, Tag};
use sealmark::service::store::{ArtifactStore, FoundBy, StoreError};
use sealmark::sign::image::{FoundImage, SIGNATURE_PREDICATE, find, with_children};
use serde::Serialize;

use crate::cli::{Format, Tree};
use crate::report::claimed::{Claimed, ClaimedSigner, Readable};
use crate::report::console::Style;
use crate::report::text::{thousands, visible};
use crate::report::{Failure, Problem, TOOL, Tool, Verdict, console, print_json};
use crate::settings::{self, Registries};

/// Schema `sealmark.tree/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    schema: &'static str,
    tool: Tool,
    reference: String,
    /// Always false: nothing here is proven.
    verified: bool,
    images: Vec<Node>,
}

/// An image, or the index over several.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    image: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    /// Which list of referrers answered: `api`, `tag` or `content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    found_by: Option<&'static str>,
    attached: Vec<Leaf>,
    /// What could not be looked at.
    errors: Vec<Problem>,
    #[serde(skip)]
    failures: Vec<Failure>,
}

/// Something that is attached.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum Leaf {
    /// A signature or attestation.
    #[serde(rename_all = "camelCase")]
    Signature {
        place: String,
        /// `bundle` or `legacy`.
        form: &'static str,
        predicate_type: Option<String>,
        claimed: Box<Readable<Claimed>>,
    },
    /// Anything else.
    #[serde(rename_all = "camelCase")]
    Artifact { place: String, artifact_type: Option<String>, size: u64 },
}

pub(super) fn run(args: &Tree) -> Result<u8, Failure> {
    let reference = ImageRef::parse(&args.image)?;
    let registries = Registries::named(&args.registry, &args.place, std::slice::from_ref(&reference))?;
    let images =
        settings::runtime()?.block_on(look(&registries, &reference)).map_err(|error| error.about_image(&args.image))?;
    let failures: Vec<Failure> = images.iter().flat_map(|node| node.failures.clone()).collect();
    let reference = reference.to_string();
    let attached = Attached { schema: "sealmark.tree/v1", tool: TOOL, reference, verified: false, images };
    match args.format.format {
        Format::Json => print_json(&attached)?,
        Format::Human => console::data(&human(&attached))?,
    }
    failures.iter().for_each(console::failure);
    Ok(if failures.is_empty() { 0 } else { Verdict::Undecided.exit_code() })
}

async fn look(registries: &Registries, reference: &ImageRef) -> Result<Vec<Node>, Failure> {
    let store = &*registries.store;
    let all = with_children(store, find(store, reference).await?).await?;
    let mut nodes = Vec::new();
    for found in &all {
        nodes.push(node(registries, found).await);
    }
    Ok(nodes)
}

async fn node(registries: &Registries, found: &FoundImage) -> Node {
    let image = found.image();
    let mut lookup = Lookup::of(image);
    if let Some(repository) = &registries.signatures {
        lookup = lookup.signatures_in(repository.clone());
    }
    let mut node = Node {
        image: image.to_string(),
        kind: if matches!(found.manifest.manifest(), Manifest::Index(_)) { "index" } else { "image" },
        platform: found.platform.as_ref().map(ToString::to_string),
        found_by: None,
        attached: Vec::new(),
        errors: Vec::new(),
        failures: Vec::new(),
    };
    match fetch(&*registries.store, lookup).await {
        Ok(mut candidates) => {
            candidates.fetch_legacy(&*registries.store).await;
            node.found_by = Some(match candidates.found_by() {
                FoundBy::Api => "api",
                FoundBy::Tag => "tag",
                FoundBy::Content => "content",
            });
            node.failures.extend(candidates.unread().iter().map(Failure::from));
            node.attached = leaves(&candidates);
        }
        Err(error) => node.failures.push(error.into()),
    }
    let beside = registries.signatures.as_ref().unwrap_or(image.repository());
    match sbom(&*registries.store, &image.within(beside)).await {
        Ok(sbom) => node.attached.extend(sbom),
        Err(error) => node.failures.push(error.into()),
    }
    node.errors = node.failures.iter().map(Problem::from).collect();
    node
}

/// Signatures first, then the other referrers.
fn leaves(candidates: &Candidates) -> Vec<Leaf> {
    let mut shown = BTreeSet::new();
    let mut leaves = Vec::new();
    for found in candidates.found() {
        let form = match &found.place {
            Place::Referrer(referrer) => {
                shown.insert(*referrer.digest());
                "bundle"
            }
            Place::Legacy { .. } => "legacy",
        };
        leaves.push(Leaf::Signature {
            place: found.place.to_string(),
            form,
            predicate_type: found.bundle.as_ref().ok().and_then(predicate_type),
            claimed: Box::new(found.bundle.as_ref().map(Claimed::from).map_err(Clone::clone).into()),
        });
    }
    for listed in candidates.listed().iter().filter(|listed| !shown.contains(&listed.digest)) {
        leaves.push(Leaf::Artifact {
            place: listed.digest.to_string(),
            artifact_type: listed.artifact_type.clone(),
            size: listed.size,
        });
    }
    leaves
}

fn predicate_type(bundle: &UnverifiedBundle) -> Option<String> {
    match bundle.claimed_content() {
        Content::Dsse(envelope) => Statement::parse(&envelope.payload).ok().map(|statement| statement.predicate_type),
        Content::Message { .. } | Content::SimpleSigning { .. } => None,
    }
}

/// What older cosign clients attached as a bill of materials: unsigned.
async fn sbom(store: &dyn ArtifactStore, image: &DigestRef) -> Result<Option<Leaf>, StoreError> {
    let tag = image.repository().tagged(Tag::of_cosign(image.digest(), CosignSuffix::Sbom));
    match store.resolve(&tag).await {
        Ok(found) => Ok(Some(Leaf::Artifact {
            place: tag.to_string(),
            artifact_type: found.manifest().artifact_type().map(str::to_owned),
            size: found.descriptor().size,
        })),
        Err(StoreError::Absent { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn human(attached: &Attached) -> String {
    let style = Style::of_stdout();
    let mut out = format!("{}  {}: nothing below is verified\n", style.yellow("UNVERIFIED"), attached.reference);
    for node in &attached.images {
        let platform = node.platform.as_ref().map_or(String::new(), |platform| format!("  {}", visible(platform)));
        let _ = writeln!(out, "\n{}  {}{platform}", style.bold(&node.image), node.kind);
        let count = node.attached.len() + node.failures.len();
        let mut branch = |index: usize, text: String| {
            let _ = writeln!(out, "{} {text}", if index + 1 == count { "└─" } else { "├─" });
        };
        for (index, leaf) in node.attached.iter().enumerate() {
            branch(index, words(leaf));
        }
        for (index, failure) in node.failures.iter().enumerate() {
            branch(node.attached.len() + index, format!("not looked at: {}", visible(failure.message())));
        }
        if count == 0 {
            out.push_str("   nothing is attached\n");
        }
    }
    out
}

fn words(leaf: &Leaf) -> String {
    match leaf {
        Leaf::Signature { place, form, predicate_type, claimed } => {
            let what = match predicate_type.as_deref() {
                None | Some(SIGNATURE_PREDICATE) => "signature".to_owned(),
                Some(kind) => format!("attestation {kind}"),
            };
            let whose = match claimed.as_ref() {
                Readable::Yes(claimed) => format!("claimed by {}", signer(&claimed.signer)),
                Readable::No { error } => format!("unreadable: {error}"),
            };
            visible(&format!("{form} {what}, {whose}  ({place})"))
        }
        Leaf::Artifact { place, artifact_type, size } => {
            let kind = artifact_type.as_deref().unwrap_or("an artifact of no type");
            visible(&format!("{kind}, {} bytes  ({place})", thousands(*size)))
        }
    }
}

fn signer(signer: &ClaimedSigner) -> String {
    match signer {
        ClaimedSigner::Certificate(certificate) => {
            let identity = match &certificate.identity {
                Readable::Yes(identity) => identity.value.clone(),
                Readable::No { error } => error.to_string(),
            };
            match &certificate.issuer {
                Some(issuer) => format!("{identity} ({issuer})"),
                None => identity,
            }
        }
        ClaimedSigner::Key { hint } if hint.is_empty() => "a key".to_owned(),
        ClaimedSigner::Key { hint } => format!("a key, hint {hint}"),
    }
}
