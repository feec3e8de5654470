//! A registry: whether this job may read and write there, how it lists what is attached, and whether the image is
//! signed.

use sealmark::base::code::Code;
use sealmark::format::oci::{DigestRef, ImageRef};
use sealmark::service::look::{Seen, Status};
use sealmark::service::store::registry::RegistryError;
use sealmark::service::store::{ArtifactStore as _, FoundBy, RegistryStore, StoreError};

use crate::cli::Doctor;
use crate::report::Failure;
use crate::settings;

const READ: &str = "registry";
const WRITE: &str = "push";
const REFERRERS: &str = "referrers";
const SIGNATURE: &str = "signature";

const BY_TAG: Code = Code::refused(
    "registry-no-referrers",
    "signatures are listed in a tag instead: keep `sha256-…` tags from clean-up rules, and let one job at a time sign",
);
const UNSIGNED: Code =
    Code::refused("registry-image-unsigned", "sign it where it is built: `sealmark sign image IMAGE@DIGEST`");

pub(super) async fn look(args: &Doctor) -> Result<Vec<Seen>, Failure> {
    let Some(name) = &args.image else {
        return Ok(vec![Seen::skipped(
            READ,
            if args.offline { super::OFFLINE } else { "name an image: --registry IMAGE" },
        )]);
    };
    let image = settings::image(name)?;
    let hasty = |http| sealmark::service::http::Settings { attempts: 1, ..http };
    let store = settings::registries(&args.access, &[image.repository()], hasty)?;
    let mut seen = Vec::new();
    let found = read(&store, &image, &mut seen).await;
    seen.push(match store.may_write(image.repository()).await {
        Ok(()) => Seen::good(WRITE, format!("this job may push to {}", image.repository())),
        Err(error) => failed(WRITE, error),
    });
    // Of an image that is not there yet nothing is attached: how the registry lists that is seen all the same.
    let about = found.clone().unwrap_or_else(|| image.repository().content(b"sealmark doctor"));
    seen.extend(referrers(&store, &about, found.is_some()).await);
    Ok(seen)
}

/// A registry that lets this job do nothing has been looked at: that is what is wrong.
fn failed(about: &'static str, error: StoreError) -> Seen {
    let refused = matches!(error, StoreError::Registry(RegistryError::Unauthorized { .. }));
    let seen = super::failed(about, &Failure::from(error));
    if refused { Seen { status: Status::Bad, ..seen } } else { seen }
}

/// The image, when it is there.
async fn read(store: &RegistryStore, image: &ImageRef, seen: &mut Vec<Seen>) -> Option<DigestRef> {
    let found = match image {
        ImageRef::Tagged(name) => store.resolve(name).await,
        ImageRef::Digested(digest) => store.manifest(digest).await,
    };
    match found {
        Ok(manifest) => {
            seen.push(Seen::good(READ, format!("{} is there", manifest.image())));
            Some(manifest.image().clone())
        }
        Err(StoreError::Absent { .. }) => {
            seen.push(Seen::good(READ, format!("{} answers; there is no {image} yet", image.repository().registry())));
            None
        }
        Err(error) => {
            seen.push(failed(READ, error));
            None
        }
    }
}

async fn referrers(store: &RegistryStore, image: &DigestRef, is_there: bool) -> Vec<Seen> {
    let found = match store.referrers(image, None).await {
        Ok(found) => found,
        Err(error) => return vec![failed(REFERRERS, error)],
    };
    let mut seen = vec![match found.found_by {
        FoundBy::Api | FoundBy::Content => Seen::good(REFERRERS, "the registry lists them"),
        FoundBy::Tag => Seen::doubtful(REFERRERS, "the registry has no list of them", BY_TAG),
    }];
    if is_there {
        seen.push(match found.descriptors.len() {
            0 => Seen::doubtful(SIGNATURE, format!("nothing is attached to {image}"), UNSIGNED),
            attached => Seen::good(SIGNATURE, format!("{attached} attached (`sealmark tree` lists them)")),
        });
    }
    seen
}
