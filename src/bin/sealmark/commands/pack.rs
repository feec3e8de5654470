//! `pack`: what is packed is verified before the archive is there.

use std::io;
use std::path::Path;
use std::sync::Arc;

use sealmark::admit::Trust;
use sealmark::admit::image::Wanted;
use sealmark::base::limits;
use sealmark::carry::pack::{Pack, PackWriter};
use sealmark::carry::{Cargo, Progress, carry};
use sealmark::format::oci::{DigestRef, ImageRef, Tag};
use sealmark::policy::Policy;
use sealmark::service::store::{ArtifactStore, LayoutStore};
use sealmark::sign::image::find;

use super::folder::Folder;
use super::output::OutputError;
use super::verify::Packed;
use crate::artifact::beside;
use crate::cli::{self, Format};
use crate::files;
use crate::report::text::visible_path;
use crate::report::{Failure, console, human, print_json};
use crate::settings::{self, Expected};

pub(super) fn run(args: &cli::Pack) -> Result<u8, Failure> {
    let yaml = files::read(&args.policy, limits::POLICY_BYTES)?;
    let source = visible_path(&args.policy);
    let policy = Policy::parse(&yaml).map_err(|error| Failure::from(error).about(&source))?;
    let anchor = settings::trust(&args.trust)?;
    let references = args.images.iter().map(|text| ImageRef::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let mut writer = PackWriter::create(&args.output)?;
    let folder = Folder::make(None)?;
    if !references.is_empty() {
        let layout = folder.path("layout");
        let images = settings::runtime()?.block_on(fetch(args, &references, &layout))?;
        writer.images(&layout, images)?;
    }
    for file in &args.files {
        let bundles = files::read(&beside(file), limits::BUNDLES_BYTES)?;
        writer.file(&visible_path(file), file, &bundles)?;
    }
    let written = writer.finish(&yaml, anchor.root.to_json().as_bytes())?;
    // Read back as a stranger would, before it has its name.
    let pack = Pack::open(written.meanwhile())?;
    let expected = Expected { trust: Trust::Policy(policy), source, policy_digest: None };
    let packed = Packed { expected, anchor, wanted: Wanted::Anything, version: None };
    let verdicts = packed.verdicts(&pack)?.under(&packed.anchor.source, &packed.expected.source, Vec::new());
    let yes = verdicts.verdict.exit_code() == 0;
    let digest = pack.digest()?;
    if yes {
        let failed = |error: io::Error| OutputError::Write { path: args.output.clone(), kind: error.kind() };
        written.finish().map_err(failed)?;
    }
    match args.report.format.format {
        Format::Json => print_json(&verdicts)?,
        Format::Human => console::data(&human::report(&verdicts, args.report.explain))?,
    }
    human::words(&verdicts);
    if yes {
        let name = visible_path(&args.output);
        console::words(&format!("packed {name}: {digest}\nverify it anywhere, offline:"));
        console::words(&format!("  sealmark verify pack {name} --pack-digest {digest}"));
    } else {
        console::words("nothing was packed: what is refused is not carried");
    }
    Ok(verdicts.verdict.exit_code())
}

/// Carries the images into a layout; gives their names, by digest.
async fn fetch(args: &cli::Pack, references: &[ImageRef], folder: &Path) -> Result<Vec<DigestRef>, Failure> {
    let repositories: Vec<_> = references.iter().map(ImageRef::repository).collect();
    let registry = settings::registry_store(&args.registry, &repositories)?;
    let layout: Arc<dyn ArtifactStore> = Arc::new(LayoutStore::create(folder)?);
    let mut images = Vec::new();
    let mut taken: Vec<Tag> = Vec::new();
    for reference in references {
        let image = find(&*registry, reference).await?.manifest;
        // Two images of one tag are in the layout by their digests.
        let tag = match reference {
            ImageRef::Tagged(tagged) if !taken.contains(tagged.tag()) => Some(tagged.tag().clone()),
            _ => None,
        };
        let cargo = Cargo { image: &image, platform: None, repository: reference.repository(), tag: tag.as_ref() };
        images.push(carry(&*registry, &*layout, cargo, &Progress::default()).await?);
        taken.extend(tag);
    }
    Ok(images)
}
