//! `copy`, `save`, `load`: images with everything that is attached to them.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use sealmark::base::code::Code;
use sealmark::carry::{Cargo, Progress, carry};
use sealmark::format::oci::{DigestRef, ImageRef, OciError, Platform, Repository, Tag};
use sealmark::service::store::{ArtifactStore, LayoutStore, StoredManifest};
use sealmark::sign::image::find;
use serde::Serialize;
use thiserror::Error;

use super::verify;
use crate::cli::{
    Copy, Format, FormatArg, GroundArgs, ImageSelection, Load, PlatformArg, RegistryArgs, Save, SignaturePlace,
};
use crate::report::text::{counted, thousands, visible_path};
use crate::report::{Failure, TOOL, Tool, console, print_json};
use crate::settings;

/// The name that a layout's content goes by here: a layout has no repositories.
const LAYOUT: &str = "layout.invalid/layout";

/// Why nothing was carried.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum LayoutError {
    /// None or several images, and none is named.
    #[error("the layout holds {found} images{}", names(.tags))]
    Images { found: usize, tags: Vec<Tag> },
}

fn names(tags: &[Tag]) -> String {
    if tags.is_empty() {
        return String::new();
    }
    format!(": {}", tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(", "))
}

impl LayoutError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        Code::usage("layout-images", "say which one: --image TAG")
    }
}

/// Schema `sealmark.carried/v1`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Carried {
    schema: &'static str,
    tool: Tool,
    source: String,
    destination: String,
    /// What arrived, by digest.
    image: String,
    manifests: u64,
    referrers: u64,
    older_tags: u64,
    blobs: u64,
    bytes: u64,
}

pub(super) fn copy(args: &Copy) -> Result<u8, Failure> {
    let source = ImageRef::parse(&args.source)?;
    let (repository, tag) = destination(&args.destination, tag_of(&source))?;
    let platform = platform(&args.platform)?;
    let repositories = [source.repository(), &repository];
    let store = settings::registry_store(&args.registry, &repositories)?;
    let arrived = settings::runtime()?.block_on(async {
        let image = find(&*store, &source).await?.manifest;
        let cargo = Cargo { image: &image, platform: platform.as_ref(), repository: &repository, tag: tag.as_ref() };
        act(&store, &store, cargo).await
    })?;
    let arrival = Arrival(&args.grounds);
    report(&arrived, &args.source, &name(&repository, tag.as_ref()), &args.format, Some(&arrival))?;
    arrival.verify(&arrived.0, &args.registry, &args.format)
}

pub(super) fn save(args: &Save) -> Result<u8, Failure> {
    let source = ImageRef::parse(&args.image)?;
    let repository = Repository::parse(LAYOUT)?;
    let platform = platform(&args.platform)?;
    let registry = settings::registry_store(&args.registry, &[source.repository()])?;
    let tag = tag_of(&source);
    let arrived = settings::runtime()?.block_on(async {
        let image = find(&*registry, &source).await?.manifest;
        let layout: Arc<dyn ArtifactStore> = Arc::new(LayoutStore::create(&args.dir)?);
        let cargo = Cargo { image: &image, platform: platform.as_ref(), repository: &repository, tag: tag.as_ref() };
        act(&registry, &layout, cargo).await
    })?;
    report(&arrived, &args.image, &visible_path(&args.dir), &args.format, None)?;
    Ok(0)
}

pub(super) fn load(args: &Load) -> Result<u8, Failure> {
    let platform = platform(&args.platform)?;
    let layout = Arc::new(LayoutStore::open(&args.dir)?);
    let named = args.image.as_deref().map(Tag::parse).transpose()?;
    let arrived = settings::runtime()?.block_on(async {
        let image = only_image(&layout, named).await?;
        let tag = image.1.clone();
        let (repository, tag) = destination(&args.destination, tag)?;
        let registry = settings::registry_store(&args.registry, &[&repository])?;
        let cargo = Cargo { image: &image.0, platform: platform.as_ref(), repository: &repository, tag: tag.as_ref() };
        let layout: Arc<dyn ArtifactStore> = layout;
        act(&layout, &registry, cargo).await
    })?;
    let arrival = Arrival(&args.grounds);
    report(&arrived, &visible_path(&args.dir), &args.destination, &args.format, Some(&arrival))?;
    arrival.verify(&arrived.0, &args.registry, &args.format)
}

/// What is to hold where the image has arrived.
struct Arrival<'a>(&'a GroundArgs);

impl Arrival<'_> {
    /// Verifies the copy, when anyone is expected.
    fn verify(&self, image: &DigestRef, registry: &RegistryArgs, format: &FormatArg) -> Result<u8, Failure> {
        if !self.0.expected.says_who() {
            return Ok(0);
        }
        verify::signatures(&verify::Asked {
            references: vec![ImageRef::Digested(image.clone())],
            selection: &ImageSelection { recursive: false, platform: None, signed_as: Vec::new() },
            place: &SignaturePlace { signature_repository: None },
            grounds: self.0,
            registry,
            format: format.format,
            explain: false,
            summary: None,
        })
    }
}

/// The image of a layout, with its tag: the named one, or the only one.
async fn only_image(layout: &LayoutStore, named: Option<Tag>) -> Result<(StoredManifest, Option<Tag>), Failure> {
    let repository = Repository::parse(LAYOUT)?;
    if let Some(tag) = named {
        return Ok((layout.resolve(&repository.tagged(tag.clone())).await?, Some(tag)));
    }
    let mut images = layout.images(&repository)?;
    match (images.pop(), images.is_empty()) {
        (Some(image), true) => Ok(image),
        (last, _) => {
            let all: Vec<_> = images.into_iter().chain(last).collect();
            let tags = all.iter().filter_map(|(_, tag)| tag.clone()).collect();
            Err(LayoutError::Images { found: all.len(), tags }.into())
        }
    }
}

/// Where something goes: the repository, and the tag that is written or that it has.
fn destination(text: &str, own: Option<Tag>) -> Result<(Repository, Option<Tag>), OciError> {
    if let Ok(repository) = Repository::parse(text) {
        return Ok((repository, own));
    }
    match ImageRef::parse(text)? {
        ImageRef::Tagged(tagged) => Ok((tagged.repository().clone(), Some(tagged.tag().clone()))),
        // The digest is the image's own, whatever the destination says.
        ImageRef::Digested(image) => Err(OciError::Reference {
            text: image.to_string(),
            problem: "a destination has no digest: the copy has that of its source",
        }),
    }
}

fn tag_of(reference: &ImageRef) -> Option<Tag> {
    match reference {
        ImageRef::Tagged(tagged) => Some(tagged.tag().clone()),
        ImageRef::Digested(_) => None,
    }
}

fn name(repository: &Repository, tag: Option<&Tag>) -> String {
    tag.map_or_else(|| repository.to_string(), |tag| repository.tagged(tag.clone()).to_string())
}

fn platform(args: &PlatformArg) -> Result<Option<Platform>, Failure> {
    Ok(args.platform.as_deref().map(verify::platform).transpose()?)
}

/// Carries, and shows on a terminal how far it has come.
async fn act(
    source: &Arc<dyn ArtifactStore>,
    target: &Arc<dyn ArtifactStore>,
    cargo: Cargo<'_>,
) -> Result<(DigestRef, Progress), Failure> {
    let progress = Progress::default();
    let shown = async {
        let mut every = tokio::time::interval(Duration::from_millis(200));
        every.tick().await;
        loop {
            every.tick().await;
            if io::stderr().is_terminal() {
                let (manifests, bytes) = (progress.manifests() + progress.referrers(), thousands(progress.bytes()));
                let _ = write!(io::stderr(), "\r\x1b[Kcarried {}, {bytes} bytes", counted(manifests, "manifest"));
            }
        }
    };
    let arrived = tokio::select! {
        arrived = carry(&**source, &**target, cargo, &progress) => arrived,
        never = shown => never,
    };
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    Ok((arrived?, progress))
}

fn report(
    (image, progress): &(DigestRef, Progress),
    source: &str,
    destination: &str,
    format: &FormatArg,
    arrival: Option<&Arrival<'_>>,
) -> Result<(), Failure> {
    let carried = Carried {
        schema: "sealmark.carried/v1",
        tool: TOOL,
        source: source.to_owned(),
        destination: destination.to_owned(),
        image: image.digest().to_string(),
        manifests: progress.manifests(),
        referrers: progress.referrers(),
        older_tags: progress.legacy(),
        blobs: progress.blobs(),
        bytes: progress.bytes(),
    };
    match format.format {
        // One document: that of the verdict, where there is one.
        Format::Json if arrival.is_some_and(|arrival| arrival.0.expected.says_who()) => {}
        Format::Json => print_json(&carried)?,
        Format::Human => console::data(&format!(
            "{} from {source} to {destination}\n  {}, {}, {}, {} of {} bytes\n",
            carried.image,
            counted(carried.manifests, "manifest"),
            counted(carried.referrers, "referrer"),
            counted(carried.older_tags, "older signature tag"),
            counted(carried.blobs, "blob"),
            thousands(carried.bytes),
        ))?,
    }
    Ok(())
}
