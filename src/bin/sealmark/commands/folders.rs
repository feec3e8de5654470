//! `trust init` and `trust update`: folders of trust roots, and the client of the TUF conformance suite.

use sealmark::base::limits;
use sealmark::service::files::write_whole;
use sealmark::service::tuf::{TrustFolder, TufError, Updated, conform as tuf_conform};

use crate::cli::{TrustInit, TrustUpdate, TufClient};
use crate::files;
use crate::report::text::{visible, visible_path};
use crate::report::{Failure, console};
use crate::settings;

pub(super) fn init(args: &TrustInit) -> Result<u8, Failure> {
    let root = files::read(&args.root, limits::TUF_ROOT_BYTES)?;
    let folder = TrustFolder::create(&args.dir, &root, &args.urls)?;
    report(&args.dir, &ask(&folder)?)
}

pub(super) fn update(args: &TrustUpdate) -> Result<u8, Failure> {
    let folder = TrustFolder::open(&args.dir)?;
    report(&args.dir, &ask(&folder)?)
}

fn ask(folder: &TrustFolder) -> Result<Updated, Failure> {
    let now = settings::environment().now();
    Ok(settings::runtime()?.block_on(folder.update(&settings::http(), now))?)
}

fn report(dir: &std::path::Path, updated: &Updated) -> Result<u8, Failure> {
    let Updated { root_version, mirror, targets } = updated;
    let (dir, targets) = (visible_path(dir), targets.join(", "));
    console::data(&format!("{dir} is up to date: root {root_version}, {targets}, from {}\n", visible(mirror)))?;
    Ok(0)
}

/// Every no is exit code 1: the suite knows no other.
pub(super) fn conform(args: &TufClient) -> Result<u8, Failure> {
    match conforming(args) {
        Ok(()) => Ok(0),
        Err(failure) => {
            console::failure(&failure);
            Ok(1)
        }
    }
}

fn conforming(args: &TufClient) -> Result<(), Failure> {
    let url = args.metadata_url.as_deref().ok_or(TufError::NoMirror);
    let now = settings::environment().now();
    let client = |targets| {
        let runtime = settings::runtime()?;
        Ok::<_, Failure>(runtime.block_on(tuf_conform(&args.metadata_dir, url?, targets, &settings::http(), now))?)
    };
    match (args.command.as_str(), &args.root, &args.target_base_url, &args.target_dir) {
        ("init", Some(root), ..) => {
            let root = files::read(root, limits::TUF_ROOT_BYTES)?;
            let unwritable =
                |error: std::io::Error| TufError::Unwritable { dir: args.metadata_dir.clone(), kind: error.kind() };
            Ok(write_whole(&args.metadata_dir.join("root.json"), &root).map_err(unwritable)?)
        }
        ("refresh", ..) => client(None),
        ("download", _, Some(base), Some(dir)) => {
            client(Some((base.as_str(), args.target_names.as_slice(), dir.as_path())))
        }
        _ => Err(Failure::usage("init ROOT, refresh or download")),
    }
}
