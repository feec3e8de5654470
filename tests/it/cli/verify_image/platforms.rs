//! Images for several platforms: every one is verified, or named.

use super::*;

/// An index over amd64 and arm64, and a build attestation for neither; the digests of the two images.
fn index(world: &World) -> [String; 2] {
    let child = |name: &str| {
        let bytes = manifest(name);
        (world.registry.plant("acme/app", None, IMAGE, bytes.as_bytes()), bytes.len())
    };
    let children = ["amd64", "arm64"].map(|name| (name, child(name)));
    let mut listed: Vec<String> = children
        .iter()
        .map(|(name, (digest, size))| {
            format!(r#"{{"mediaType":"{IMAGE}","digest":"{digest}","size":{size},"platform":{{"os":"linux","architecture":"{name}"}}}}"#)
        })
        .collect();
    let (digest, size) = child("provenance");
    listed.push(format!(
        r#"{{"mediaType":"{IMAGE}","digest":"{digest}","size":{size},"platform":{{"os":"unknown","architecture":"unknown"}},"annotations":{{"vnd.docker.reference.type":"attestation-manifest"}}}}"#
    ));
    let bytes = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, listed.join(","));
    world.registry.plant("acme/app", Some("multi"), INDEX, bytes.as_bytes());
    children.map(|(_, (digest, _))| format!("{}/acme/app@{digest}", world.registry.authority))
}

fn multi(world: &World) -> String {
    format!("{}/acme/app:multi", world.registry.authority)
}

#[test]
fn o28_one_platform_signed_is_not_all() {
    let world = World::unsigned();
    let [amd64, arm64] = index(&world);
    world.sign(&multi(&world), &[]);
    world.sign(&amd64, &[]);
    let output = world.verify(&[&multi(&world), "--recursive", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let document = json(&output);
    let verdicts = document["artifacts"].as_array().unwrap();
    let shown: Vec<_> =
        verdicts.iter().map(|one| (one["image"].as_str().unwrap(), one["verdict"].as_str().unwrap())).collect();
    assert_eq!(shown[1..], [(amd64.as_str(), "verified"), (arm64.as_str(), "refused")]);
    assert_eq!(verdicts[2]["error"]["code"], "image-unsigned");
    assert!(verdicts[2]["artifact"].as_str().unwrap().ends_with("(linux/arm64)"));
    world.sign(&arm64, &[]);
    let document = verified(&world.verify(&[&multi(&world), "--recursive", "--format", "json"]));
    assert_eq!(document["artifacts"].as_array().unwrap().len(), 3);
    // What is no image is named, and not taken for verified.
    let left_out = document["leftOut"].as_array().unwrap();
    assert!(left_out.len() == 1 && left_out[0].as_str().unwrap().contains("a build attestation"), "{left_out:?}");
}

/// That a manifest calls itself a build attestation does not keep it from being verified where a platform runs it.
#[test]
fn o28_a_platform_is_never_left_out_by_its_annotation() {
    let world = World::unsigned();
    let bytes = manifest("evil");
    let digest = world.registry.plant("acme/app", None, IMAGE, bytes.as_bytes());
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{IMAGE}","digest":"{digest}","size":{},"platform":{{"os":"linux","architecture":"amd64"}},"annotations":{{"vnd.docker.reference.type":"attestation-manifest"}}}}]}}"#,
        bytes.len()
    );
    world.registry.plant("acme/app", Some("multi"), INDEX, index.as_bytes());
    world.sign(&multi(&world), &[]);
    assert!(world.verify(&[&multi(&world)]).status.success());
    let output = world.verify(&[&multi(&world), "--recursive"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
}

#[test]
fn a_platform_by_its_own_signature_or_the_index_s() {
    let world = World::unsigned();
    let [amd64, arm64] = index(&world);
    world.sign(&amd64, &[]);
    let pick = |platform: &str| world.verify(&[&multi(&world), "--platform", platform, "--format", "json"]);
    let document = verified(&pick("linux/amd64"));
    assert_eq!(document["artifacts"][0]["image"], amd64);
    let output = pick("linux/arm64");
    assert_eq!(
        (output.status.code(), &json(&output)["artifacts"][0]["error"]["code"]),
        (Some(1), &"image-unsigned".into())
    );
    // The index is signed: it binds what it lists by digest.
    world.sign(&multi(&world), &[]);
    let document = verified(&pick("linux/arm64"));
    assert_eq!(document["artifacts"][0]["image"], arm64);
    assert_eq!(document["artifacts"][0]["proof"]["checks"][0]["name"], "index");
    let output = pick("linux/riscv64");
    assert_eq!(json(&output)["artifacts"][0]["error"]["code"], "platform-not-found");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(pick("linux").status.code(), Some(2));
    let single = world.verify(&[&world.tag(), "--platform", "linux/amd64", "--format", "json"]);
    assert_eq!(json(&single)["artifacts"][0]["error"]["code"], "platform-not-found");
}

/// A policy asks for everything that is attached: what a platform's image has of statements is no signature, and does
/// not keep that of the index from speaking for it.
#[test]
fn a_platform_that_was_only_attested_is_the_index_s_to_speak_for() {
    let world = World::unsigned();
    let [amd64, _] = index(&world);
    world.attest(&amd64, "https://example.com/tests");
    let policy = format!("version: 1\nrules: [{{identity: '{IDENTITY}', issuer: '{}'}}]\n", issuer());
    world.desk.write("policy.yaml", policy.as_bytes());
    let pick = || {
        let asked = ["verify", "image", &multi(&world), "--platform", "linux/amd64", "--policy", "policy.yaml"];
        world.desk.run(&[&asked[..], &["--stack", stack_dir()]].concat())
    };
    assert_eq!(refusal(&pick()), "attested-not-signed");
    world.sign(&multi(&world), &[]);
    let output = pick();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn the_tree_shows_every_platform() {
    let world = World::unsigned();
    let [amd64, _] = index(&world);
    world.sign(&amd64, &[]);
    let text = stdout(&world.desk.run(&["tree", &multi(&world)]));
    assert!(text.contains("  index\n   nothing is attached"), "{text}");
    assert!(
        text.contains(&format!("{amd64}  image  linux/amd64\n└─ bundle signature, claimed by {IDENTITY}")),
        "{text}"
    );
}
