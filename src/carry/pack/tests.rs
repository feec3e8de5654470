use super::*;

#[test]
fn contents_are_read_strictly() {
    let image = format!("registry.example/app@sha256:{}", "ab".repeat(32));
    let good = format!(r#"{{"schema":"sealmark.pack/v1","images":["{image}"],"files":["a.txt"]}}"#);
    let contents = Contents::parse(good.as_bytes()).unwrap();
    assert_eq!((contents.images[0].to_string(), &contents.files), (image.clone(), &vec!["a.txt".to_owned()]));
    assert_eq!(Contents::parse(contents.to_json().as_bytes()).unwrap(), contents);
    for bad in [
        good.replace("pack/v1", "pack/v2"),
        good.replace(r#""files""#, r#""file""#),
        good.replace(r#"["a.txt"]"#, r#""a.txt""#),
        good.replace(&image, "registry.example/app:v1"),
        good.replace(r#""files":["a.txt"]"#, r#""images":[]"#),
        r#"{"schema":"sealmark.pack/v1","images":[],"files":[]}"#.to_owned(),
        String::new(),
    ] {
        assert_eq!(Contents::parse(bad.as_bytes()).unwrap_err().code().name(), "pack-parse", "{bad}");
    }
}

/// An archive by another hand: names and contents as they are, of one type.
fn archive(entries: &[(&[u8], tar::EntryType)]) -> (tempfile::TempDir, Result<Archive, StoreError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let mut builder = tar::Builder::new(File::create(&path).unwrap());
    for (name, kind) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(*kind);
        header.set_size(4);
        header.set_cksum();
        builder.append(&header, &b"text"[..]).unwrap();
    }
    builder.into_inner().unwrap();
    let archive = Archive::open(&path);
    (folder, archive)
}

#[test]
fn archives_mean_the_same_to_everyone() {
    use tar::EntryType::{Fifo, Link, Regular, Symlink};
    let (_folder, good) = archive(&[(b"a/b", Regular), (b"c", Regular)]);
    let good = good.unwrap();
    assert_eq!(good.names().collect::<Vec<_>>(), ["a/b", "c"]);
    assert_eq!(good.read("a/b", 4).unwrap().unwrap(), b"text");
    assert_eq!(good.read("a/b", 3).unwrap_err().code().name(), "oci-layout");
    assert_eq!(good.read("b", 4).unwrap(), None);
    for bad in [
        (&b"/a"[..], Regular),
        (b"../a", Regular),
        (b"a/../b", Regular),
        (b"./a", Regular),
        (b"a//b", Regular),
        (b"a\nb", Regular),
        (b"\xff", Regular),
        (b"a", Symlink),
        (b"a", Link),
        (b"a", Fifo),
    ] {
        assert_eq!(archive(&[bad]).1.unwrap_err().code().name(), "oci-layout", "{bad:?}");
    }
    assert_eq!(archive(&[(b"a", Regular), (b"a", Regular)]).1.unwrap_err().code().name(), "oci-layout");
}

#[test]
fn a_pack_holds_so_many_images() {
    let folder = tempfile::tempdir().unwrap();
    LayoutStore::create(folder.path()).unwrap();
    let image = crate::format::oci::Repository::parse("registry.example/app").unwrap().content(b"image");
    let pack = |images: usize| {
        let mut writer = PackWriter::create(&folder.path().join("a.pack.tar")).unwrap();
        writer.images(folder.path(), vec![image.clone(); images]).unwrap();
        writer.finish(b"version: 1", b"{}").map(drop).map_err(|error| (error.code().name(), error.code().exit_code()))
    };
    assert_eq!(pack(limits::PACKED), Ok(()));
    assert_eq!(pack(limits::PACKED + 1), Err(("limit-pack", 2)));
}

/// A pack whose policy and trusted root stand beside a file that is longer than one piece of reading.
fn packed(folder: &Path) -> std::path::PathBuf {
    let (path, file) = (folder.join("a.pack.tar"), folder.join("file"));
    fs::write(&file, vec![7; limits::READ_BUFFER * 2 + 5]).unwrap();
    let mut writer = PackWriter::create(&path).unwrap();
    writer.file("file", &file, b"bundles").unwrap();
    writer.finish(b"the policy", b"the root").unwrap().finish().unwrap();
    path
}

#[test]
fn the_packers_word_is_that_of_the_archive_with_the_digest() {
    let folder = tempfile::tempdir().unwrap();
    let path = packed(folder.path());
    let pack = Pack::open(&path).unwrap();
    let digest = pack.digest().unwrap();
    assert_eq!(digest, Digest::of(crate::base::crypto::DigestAlgorithm::Sha256, &fs::read(&path).unwrap()));
    let word = pack.word(&digest).unwrap();
    assert_eq!((word.policy.as_slice(), word.trusted_root.as_slice()), (&b"the policy"[..], &b"the root"[..]));
    // Another file under the same name after the pack was opened: what was opened counts, never the name.
    let evil = fs::read(&path).unwrap().windows(10).position(|window| window == b"the policy").unwrap();
    let mut changed = fs::read(&path).unwrap();
    changed[evil] = b'T';
    fs::rename(&path, folder.path().join("moved")).unwrap();
    fs::write(&path, &changed).unwrap();
    assert_eq!(pack.word(&digest).unwrap(), word);
    assert_eq!(Pack::open(&path).unwrap().word(&digest).unwrap_err().code().name(), "pack-digest-mismatch");
    // Changed in its place: the digest is of the bytes that the word is taken from.
    fs::write(folder.path().join("moved"), &changed).unwrap();
    assert_eq!(pack.word(&digest).unwrap_err().code().name(), "pack-digest-mismatch");
}

#[test]
fn archives_that_are_cut_short_or_none() {
    let (folder, _) = archive(&[(b"a", tar::EntryType::Regular)]);
    let path = folder.path().join("a.tar");
    let whole = fs::read(&path).unwrap();
    for length in [1, 511, 513] {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(Archive::open(&path).unwrap_err().code().name(), "oci-layout", "{length}");
    }
    fs::write(&path, b"").unwrap();
    assert_eq!(Pack::open(&path).unwrap_err().code().name(), "pack-parse");
    assert_eq!(Pack::open(&folder.path().join("absent")).unwrap_err().code().name(), "layout-file");
}
