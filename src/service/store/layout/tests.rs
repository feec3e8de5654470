use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use super::super::tests::{bundle, contract, image};
use super::*;
use crate::service::http::fake::block_on;

fn layout() -> (TempDir, LayoutStore, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let store = LayoutStore::create(folder.path()).unwrap();
    (folder, store, Repository::parse("registry.example/acme/app").unwrap())
}

/// The file of an image's only layer.
fn layer_file(folder: &TempDir, image: &StoredManifest) -> (Descriptor, PathBuf) {
    let layer = image.manifest().image().unwrap().layers[0].clone();
    let path = folder.path().join("blobs/sha256").join(layer.digest.hex());
    assert!(path.is_file());
    (layer, path)
}

#[test]
fn a_layout_holds_to_the_contract() {
    let (folder, store, repository) = layout();
    block_on(contract(&store, &repository));
    // And after it was opened anew.
    let again = LayoutStore::open(folder.path()).unwrap();
    let name = repository.tagged(Tag::parse("v1").unwrap());
    let image = block_on(again.resolve(&name)).unwrap();
    assert_eq!(block_on(again.referrers(image.image(), None)).unwrap().descriptors.len(), 2);
}

#[test]
fn what_an_index_holds_is_not_listed_twice() {
    let (_folder, store, repository) = layout();
    block_on(async {
        let one = image(&store, &repository, "one").await;
        let child = StoredManifest::of(&repository, one.bytes().to_vec(), None).unwrap();
        let other = image(&store, &repository, "other").await;
        store.put_manifest(&child, None).await.unwrap();
        let index = crate::format::oci::index(&[one.descriptor(), other.descriptor()], &Default::default());
        let index = StoredManifest::of(&repository, index, None).unwrap();
        store.put_manifest(&index, Some(&Tag::parse("all").unwrap())).await.unwrap();
        let tags: Vec<_> = store.tags(&repository).await.unwrap().iter().map(Tag::to_string).collect();
        assert_eq!(tags, ["one", "other", "all"]);
        // A tag moves, and what it named keeps its other names.
        store.put_manifest(&other, Some(&Tag::parse("one").unwrap())).await.unwrap();
        let name = repository.tagged(Tag::parse("one").unwrap());
        assert_eq!(store.resolve(&name).await.unwrap(), other);
    });
}

#[test]
fn o29_a_link_instead_of_a_blob() {
    let (folder, store, repository) = layout();
    let image = block_on(image(&store, &repository, "v1"));
    let (layer, path) = layer_file(&folder, &image);
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert_eq!(block_on(store.blob(&repository, &layer, 100)).unwrap_err().code().name(), "oci-layout");
    assert_eq!(block_on(store.open_blob(&repository, &layer)).unwrap_err().code().name(), "oci-layout");
    // The folder of the blobs itself.
    fs::remove_file(&path).unwrap();
    fs::rename(&elsewhere, &path).unwrap();
    assert!(block_on(store.blob(&repository, &layer, 100)).is_ok());
    fs::rename(folder.path().join("blobs"), folder.path().join("moved")).unwrap();
    symlink(folder.path().join("moved"), folder.path().join("blobs")).unwrap();
    assert_eq!(block_on(store.blob(&repository, &layer, 100)).unwrap_err().code().name(), "oci-layout");
}

#[test]
fn o29_a_blob_under_another_name() {
    let (folder, store, repository) = layout();
    let image = block_on(image(&store, &repository, "v1"));
    let (layer, path) = layer_file(&folder, &image);
    let read = |store: &LayoutStore| {
        block_on(async {
            let mut reader = store.open_blob(&repository, &layer).await.unwrap();
            reader.next().await
        })
    };
    fs::write(&path, b"v2").unwrap();
    assert_eq!(block_on(store.blob(&repository, &layer, 100)).unwrap_err().code().name(), "oci-digest");
    assert_eq!(read(&store).unwrap_err().code().name(), "oci-digest");
    // The right bytes, and more after them.
    fs::write(&path, b"v1+").unwrap();
    assert_eq!(read(&store).unwrap_err().code().name(), "oci-size");
    let manifest = folder.path().join("blobs/sha256").join(image.image().digest().hex());
    fs::write(manifest, b"{}").unwrap();
    assert_eq!(block_on(store.manifest(image.image())).unwrap_err().code().name(), "oci-digest");
}

#[test]
fn o29_an_index_that_points_out_of_the_folder() {
    let (folder, store, repository) = layout();
    let image = block_on(image(&store, &repository, "v1"));
    let index = folder.path().join("index.json");
    let text = fs::read_to_string(&index).unwrap();
    let changed = text.replace(&image.image().digest().hex(), "../../../../etc/passwd");
    assert_ne!(text, changed);
    fs::write(&index, changed).unwrap();
    assert_eq!(
        block_on(store.resolve(&repository.tagged(Tag::parse("v1").unwrap()))).unwrap_err().code().name(),
        "oci-digest-format"
    );
}

#[test]
fn what_is_no_layout_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(LayoutStore::open(folder.path()).unwrap_err().code().name(), "oci-layout");
    fs::write(folder.path().join("mine"), "text").unwrap();
    assert_eq!(LayoutStore::create(folder.path()).unwrap_err().code().name(), "oci-layout");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert_eq!(LayoutStore::open(folder.path()).unwrap_err().code().name(), "oci-layout");
}

#[test]
fn nothing_half_written_stays() {
    let (folder, store, repository) = layout();
    let blob = Descriptor::of("x", b"content");
    let wrong = block_on(store.put_blob(&repository, &blob, Content::Bytes(b"contents")));
    assert_eq!(wrong.unwrap_err().code().name(), "oci-size");
    assert_eq!(fs::read_dir(folder.path().join("blobs/sha256")).unwrap().count(), 0);
}

#[test]
fn referrers_in_a_copied_tag_are_found() {
    let (_folder, store, repository) = layout();
    block_on(async {
        let image = image(&store, &repository, "v1").await;
        let bundle = bundle(&store, &image, b"bundle").await;
        // As a program leaves it that copied the tags of a registry without the referrers API.
        store.files.write_blob(bundle.image().digest(), bundle.bytes()).unwrap();
        let index = crate::format::oci::index(&[bundle.as_referrer()], &Default::default());
        let index = StoredManifest::of(&repository, index, None).unwrap();
        store.put_manifest(&index, Some(&Tag::of_referrers(image.image().digest()))).await.unwrap();
        let found = store.referrers(image.image(), None).await.unwrap().descriptors;
        assert_eq!(found, [bundle.as_referrer()]);
    });
}
