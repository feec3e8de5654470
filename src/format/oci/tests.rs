//! Names and manifests: good ones in their normal form, bad ones with their reason.

use std::collections::BTreeMap;

use super::*;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::limits;
use crate::base::time::UnixTime;

const HEX: &str = "c90e4ad05f1f3b820bd645917c946ccf1bd05380cb8334ef574ea244eac7f3b7";

fn code(text: &str) -> &'static str {
    ImageRef::parse(text).expect_err(text).code().name()
}

#[test]
fn o25_one_normal_form() {
    let digest = format!("sha256:{HEX}");
    for (written, normal) in [
        ("ubuntu", "docker.io/library/ubuntu:latest".to_owned()),
        ("ubuntu:24.04", "docker.io/library/ubuntu:24.04".to_owned()),
        ("acme/app", "docker.io/acme/app:latest".to_owned()),
        ("index.docker.io/acme/app:v1", "docker.io/acme/app:v1".to_owned()),
        ("registry-1.docker.io/acme/app:v1", "docker.io/acme/app:v1".to_owned()),
        ("docker.io:443/ubuntu", "docker.io/library/ubuntu:latest".to_owned()),
        ("GHCR.io/acme/app:V1", "ghcr.io/acme/app:V1".to_owned()),
        ("ghcr.io:443/acme/app:v1", "ghcr.io/acme/app:v1".to_owned()),
        ("localhost/app", "localhost/app:latest".to_owned()),
        ("localhost:5000/app:v1", "localhost:5000/app:v1".to_owned()),
        ("127.0.0.1:443/app:v1", "127.0.0.1:443/app:v1".to_owned()),
        ("[::1]:5000/app:v1", "[::1]:5000/app:v1".to_owned()),
        ("[0:0:0:0:0:0:0:1]/app:v1", "[::1]/app:v1".to_owned()),
        ("ghcr.io/a/b__c/d-e.f---g:v1", "ghcr.io/a/b__c/d-e.f---g:v1".to_owned()),
        (&format!("ghcr.io/acme/app@{digest}"), format!("ghcr.io/acme/app@{digest}")),
        (&format!("ghcr.io/acme/app:v1@{digest}"), format!("ghcr.io/acme/app@{digest}")),
    ] {
        let parsed = ImageRef::parse(written).unwrap();
        assert_eq!(parsed.to_string(), normal, "{written}");
        assert_eq!(ImageRef::parse(&normal), Ok(parsed), "{written}");
    }
}

#[test]
fn o25_anything_else_is_no_reference() {
    let long = format!("ghcr.io/{}", "a".repeat(300));
    for bad in [
        "",
        "ghcr.io/",
        "ghcr.io//app",
        "ghcr.io/acme/app:",
        "ghcr.io/acme/App:v1",
        "Acme/app",
        "ghcr.io/acme/app:v1\n",
        "ghcr.io/acme/app\n",
        " ghcr.io/acme/app",
        "ghcr.io/acme/app:v1 ",
        "ghcr.io/acme/\u{0430}pp",
        "ghcr.\u{0456}o/acme/app",
        "https://ghcr.io/acme/app",
        "docker://ghcr.io/acme/app",
        "user@ghcr.io/acme/app",
        "user:pw@ghcr.io/acme/app",
        "ghcr.io:0/acme/app",
        "ghcr.io:65536/acme/app",
        "ghcr.io:05000/acme/app",
        "ghcr.io:/acme/app",
        "ghcr.io./acme/app",
        "-ghcr.io/acme/app",
        "ghcr..io/acme/app",
        "[::1/app",
        "[::1]x/app",
        "[fe80::1%25eth0]/app",
        "::1/app",
        // A URL parser would read these as 127.0.0.1.
        "2130706433:5000/app",
        "0x7f.0x1:5000/app",
        "127.1:5000/app",
        "0177.0.0.1/app",
        "ghcr.io/acme/.app",
        "ghcr.io/acme/app-",
        "ghcr.io/acme/a..b",
        "ghcr.io/acme/a___b",
        "ghcr.io/../app",
        "ghcr.io/acme/app:.v1",
        "ghcr.io/acme/app:v1/x",
        "ghcr.io/acme/app?x=1",
        &format!("ghcr.io/acme/app:{}", "t".repeat(129)),
        &long,
    ] {
        assert_eq!(code(bad), "ref-parse", "{bad}");
    }
}

#[test]
fn o13_digests_of_other_forms() {
    for bad in [
        "sha256:../../x".to_owned(),
        format!("sha256:{}", &HEX[..63]),
        format!("sha256:{HEX}0"),
        format!("sha256:{}", HEX.to_uppercase()),
        format!("SHA256:{HEX}"),
        format!("md5:{}", &HEX[..32]),
        format!("sha512:{HEX}"),
        format!("sha384:{HEX}{}", &HEX[..32]),
        format!("sha256:{HEX}@sha256:{HEX}"),
        format!("sha256:{HEX}\n"),
        "sha256:".to_owned(),
        HEX.to_owned(),
    ] {
        assert_eq!(code(&format!("ghcr.io/acme/app@{bad}")), "oci-digest-format", "{bad}");
        let manifest = image_json().replace(&format!("sha256:{HEX}"), &bad.replace('\n', "\\n"));
        assert_eq!(parse_error(&manifest, None), "oci-digest-format", "{bad}");
    }
    assert!(ImageRef::parse(&format!("ghcr.io/acme/app@sha512:{HEX}{HEX}")).is_ok());
    let repository = Repository::parse("ghcr.io/acme/app").unwrap();
    assert!(repository.digested(Digest::of(DigestAlgorithm::Sha384, b"")).is_err());
}

#[test]
fn loopback_is_this_machine_only() {
    let loopback = |text| Registry::parse(text).unwrap().is_loopback();
    for here in ["localhost", "localhost:5000", "127.0.0.1:1", "127.8.9.1", "[::1]:5000"] {
        assert!(loopback(here), "{here}");
    }
    for elsewhere in ["localhost.evil.com", "127.0.0.1.evil.com", "ghcr.io", "10.0.0.1", "[::ffff:127.0.0.1]"] {
        assert!(!loopback(elsewhere), "{elsewhere}");
    }
    assert_eq!(Registry::docker_hub().authority(), "registry-1.docker.io");
}

#[test]
fn tags_beside_an_image() {
    let digest = Digest::parse(&format!("sha256:{HEX}")).unwrap();
    assert_eq!(Tag::of_referrers(&digest).as_str(), format!("sha256-{HEX}"));
    assert_eq!(Tag::of_cosign(&digest, CosignSuffix::Signatures).as_str(), format!("sha256-{HEX}.sig"));
    let long = Digest::of(DigestAlgorithm::Sha512, b"");
    assert_eq!(Tag::of_referrers(&long).as_str().len(), "sha512-".len() + 64);
}

fn image_json() -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE_MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:{HEX}","size":7}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:{HEX}","size":99}}]}}"#
    )
}

fn index_json() -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE_INDEX}","manifests":[{{"mediaType":"{IMAGE_MANIFEST}","digest":"sha256:{HEX}","size":7,"platform":{{"os":"linux","architecture":"arm","variant":"v7"}}}}]}}"#
    )
}

fn parse_error(text: &str, media_type: Option<&str>) -> &'static str {
    Manifest::parse(text.as_bytes(), media_type).expect_err(text).code().name()
}

#[test]
fn manifests_and_indexes() {
    let image = Manifest::parse(image_json().as_bytes(), Some(IMAGE_MANIFEST)).unwrap();
    assert_eq!(image.image().unwrap().layers[0].size, 99);
    assert_eq!(image.artifact_type(), Some("application/vnd.oci.image.config.v1+json"));
    let with_charset = format!("{IMAGE_INDEX}; charset=utf-8");
    let index = Manifest::parse(index_json().as_bytes(), Some(&with_charset)).unwrap();
    assert_eq!(index.index().unwrap().manifests[0].platform.as_ref().unwrap().to_string(), "linux/arm/v7");
    // The index of a registry without referrers, as Go writes it.
    let none = format!(r#"{{"schemaVersion":2,"mediaType":"{IMAGE_INDEX}","manifests":null}}"#);
    assert!(Manifest::parse(none.as_bytes(), None).unwrap().index().unwrap().manifests.is_empty());
}

#[test]
fn o10_an_image_is_no_index() {
    let both = image_json().replace("\"config\"", "\"manifests\":[],\"config\"");
    assert_eq!(parse_error(&both, None), "oci-type-confusion");
    let both = index_json().replace("\"manifests\"", "\"layers\":[],\"manifests\"");
    assert_eq!(parse_error(&both, None), "oci-type-confusion");
    let both = index_json().replace("\"manifests\"", "\"config\":{},\"manifests\"");
    assert_eq!(parse_error(&both, None), "oci-type-confusion");
    let image = Manifest::parse(image_json().as_bytes(), None).unwrap();
    let index = Manifest::parse(index_json().as_bytes(), None).unwrap();
    assert_eq!(image.index().unwrap_err().code().name(), "oci-type-confusion");
    assert_eq!(index.image().unwrap_err().code().name(), "oci-type-confusion");
}

#[test]
fn o11_the_media_type_is_one_and_known() {
    assert_eq!(parse_error(&image_json(), Some(IMAGE_INDEX)), "oci-media-type");
    assert_eq!(parse_error(&image_json(), Some("text/html")), "oci-media-type");
    let silent = image_json().replace(&format!("\"mediaType\":\"{IMAGE_MANIFEST}\","), "");
    assert_eq!(parse_error(&silent, None), "oci-media-type");
    assert!(Manifest::parse(silent.as_bytes(), Some(IMAGE_MANIFEST)).is_ok(), "OCI 1.0 images do not say");
    let schema_1 = format!("{{\"schemaVersion\":1,\"name\":\"app\",\"tag\":\"v1\",\"fsLayers\":[{HEX:?}]}}");
    assert_eq!(parse_error(&schema_1, Some("application/vnd.docker.distribution.manifest.v1+json")), "oci-media-type");
    assert_eq!(parse_error(&image_json().replace("schemaVersion\":2", "schemaVersion\":1"), None), "oci-media-type");
    let artifact = image_json().replace(IMAGE_MANIFEST, "application/vnd.oci.artifact.manifest.v1+json");
    assert_eq!(parse_error(&artifact, None), "oci-media-type");
}

#[test]
fn o14_sizes_are_plain_numbers_within_bounds() {
    for bad in ["-1", "9223372036854775808", "99.5", "1e3", "\"99\"", "null", "4398046511105"] {
        let text = image_json().replace("\"size\":99", &format!("\"size\":{bad}"));
        let expected = if bad == "null" { "oci-manifest-parse" } else { "oci-size" };
        assert_eq!(parse_error(&text, None), expected, "{bad}");
    }
    assert!(Manifest::parse(image_json().replace(":99", ":4398046511104").as_bytes(), None).is_ok());
}

#[test]
fn o06_o05_manifests_are_bounded() {
    let layer = format!(r#"{{"mediaType":"x","digest":"sha256:{HEX}","size":1}}"#);
    let list = |count: usize| vec![layer.as_str(); count].join(",");
    let manifest = |count| image_json().replace("\"layers\":[", &format!("\"layers\":[{},", list(count)));
    assert!(Manifest::parse(manifest(limits::OCI_LAYERS - 1).as_bytes(), None).is_ok());
    assert_eq!(parse_error(&manifest(limits::OCI_LAYERS), None), "limit-manifest-items");
    let index = |count| index_json().replace("\"manifests\":[", &format!("\"manifests\":[{},", list(count)));
    assert_eq!(parse_error(&index(limits::OCI_MANIFESTS), None), "limit-manifest-items");
    let padded = |length: usize| image_json() + &" ".repeat(length - image_json().len());
    assert!(Manifest::parse(padded(limits::OCI_MANIFEST_BYTES).as_bytes(), None).is_ok());
    assert_eq!(parse_error(&padded(limits::OCI_MANIFEST_BYTES + 1), None), "limit-manifest-size");
}

#[test]
fn duplicate_keys_are_refused() {
    let twice = image_json().replace("\"layers\"", "\"layers\":[],\"layers\"");
    assert_eq!(parse_error(&twice, None), "oci-manifest-parse");
}

/// What `cosign sign --key` 3.1.3 wrote.
const COSIGN: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json"},"layers":[{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","size":659,"digest":"sha256:af9afe19889b4aa9f54c92e3e2c6ccf5c2c7292ed1df2175c82bae3df8ebb149"}],"annotations":{"dev.sigstore.bundle.content":"dsse-envelope","dev.sigstore.bundle.predicateType":"https://sigstore.dev/cosign/sign/v1","org.opencontainers.image.created":"2026-11-26T12:33:56Z"},"subject":{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","size":423,"digest":"sha256:dfb6295512351ae5b69c85310079d56e381ee23305f84914d35df5427891e59d"},"artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json"}"#;

#[test]
fn a_bundles_manifest_is_cosigns() {
    let cosigns = Manifest::parse(COSIGN.as_bytes(), Some(IMAGE_MANIFEST)).unwrap();
    let image = cosigns.image().unwrap();
    // Of the subject, annotations and the like stay behind.
    let subject = image.subject.clone().unwrap();
    let subject = Descriptor { annotations: BTreeMap::from([("x".into(), "y".into())]), ..subject };
    let kind = BundleKind::Envelope { predicate_type: "https://sigstore.dev/cosign/sign/v1" };
    let created = UnixTime::from_civil(2026, 11, 26, 12, 33, 56).unwrap();
    let ours = bundle_manifest(&subject, &image.layers[0], kind, created);
    assert_eq!(Manifest::parse(&ours, Some(IMAGE_MANIFEST)), Ok(cosigns));
}

#[test]
fn the_list_of_a_referrers_tag_grows_and_keeps_what_it_has() {
    let first = Descriptor { artifact_type: Some("a/b".into()), ..Descriptor::of(IMAGE_MANIFEST, b"1") };
    let second = Descriptor::of(IMAGE_MANIFEST, b"2");
    let one = referrers_index(None, std::slice::from_ref(&first)).unwrap().unwrap();
    assert_eq!(referrers_index(Some(&one), std::slice::from_ref(&first)), Ok(None));
    // A field that we do not know stays.
    let foreign =
        String::from_utf8(one).unwrap().replacen("\"artifactType\"", "\"com.example\":[1],\"artifactType\"", 1);
    let two = referrers_index(Some(foreign.as_bytes()), std::slice::from_ref(&second)).unwrap().unwrap();
    assert!(String::from_utf8(two.clone()).unwrap().contains("\"com.example\":[1]"));
    let Manifest::Index(read) = Manifest::parse(&two, None).unwrap() else { panic!("no index") };
    assert_eq!(read.manifests, [first, second]);
}

/// The form of the specification.
#[test]
fn simple_signing_as_cosign_writes_it() {
    let text = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"ghcr.io/acme/app"}},"image":{{"docker-manifest-digest":"sha256:{HEX}"}},"type":"cosign container image signature"}},"optional":null}}"#
    );
    let payload = SimpleSigning::parse(text.as_bytes()).unwrap();
    assert_eq!(payload.docker_reference, "ghcr.io/acme/app");
    assert_eq!(payload.manifest_digest.hex(), HEX);
    assert_eq!(String::from_utf8(payload.to_bytes()).unwrap(), text);
    let annotated = text.replace(":null", r#":{"creator":"x","n":1}"#);
    let annotated = SimpleSigning::parse(annotated.as_bytes()).unwrap();
    assert_eq!(annotated.optional, BTreeMap::from([("creator".to_owned(), "x".to_owned())]));
    let other = text.replace("cosign container image signature", "something else");
    assert_eq!(SimpleSigning::parse(other.as_bytes()).unwrap_err().code().name(), "simple-signing-parse");
    let upper = text.replace(HEX, &HEX.to_uppercase());
    assert_eq!(SimpleSigning::parse(upper.as_bytes()).unwrap_err().code().name(), "oci-digest-format");
}

#[test]
fn the_image_of_a_platform_is_never_guessed() {
    let platform = |text: &str| {
        let mut parts = text.split('/').map(str::to_owned);
        Platform { os: parts.next().unwrap(), architecture: parts.next().unwrap(), variant: parts.next() }
    };
    let listed = |text: &str| Descriptor { platform: Some(platform(text)), ..Descriptor::of("x", text.as_bytes()) };
    let all = ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8"];
    let mut manifests: Vec<_> = all.map(listed).into();
    manifests.push(Descriptor::of("x", b"no platform"));
    let bytes = index(&manifests, &std::collections::BTreeMap::new());
    let parsed = Manifest::parse(&bytes, None).unwrap();
    let found = |text: &str| parsed.index().unwrap().for_platform(&platform(text)).map(|found| found.digest);
    let of = |text: &str| Some(listed(text).digest);
    assert_eq!(found("linux/amd64"), of("linux/amd64"));
    assert_eq!(found("linux/arm/v7"), of("linux/arm/v7"));
    assert_eq!(found("linux/arm64"), of("linux/arm64/v8"));
    for none in ["linux/arm", "linux/arm64/v9", "windows/amd64", "linux/amd64/v3"] {
        assert_eq!(found(none), None, "{none}");
    }
}
