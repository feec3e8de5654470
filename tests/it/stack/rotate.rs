//! `stack rotate`: what was signed before and after verifies under the new trust.

use sealmark::format::trust::TrustedRoot;
use sealmark::stack::{self, Stack, TokenRequest, token};
use sealmark::verify::{Artifact, Requirements, Verifier};

use super::http::Http;
use super::signer::{self, Form};
use super::{now, start};

#[tokio::test(flavor = "multi_thread")]
async fn both_shards_verify_after_a_rotation() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, memory) = (parent.path().join("stack"), parent.path().join("memory"));
    std::fs::create_dir(&memory).unwrap();
    let (running, http) = start(parent.path()).await;
    let request = TokenRequest::email("me@example.com");
    let before = signer::sign(&http, &running.token(&request).unwrap(), Form::PublicKey, b"before").await;
    let url = running.url().to_owned();
    running.stop().await.unwrap();
    drop(Stack::open(&dir).unwrap().remembering(&memory).unwrap());
    let rotated = stack::rotate(&dir).unwrap();
    assert_ne!(rotated.frozen, rotated.shard);

    let stack = Stack::open(&dir).unwrap().remembering(&memory).unwrap();
    let listener = sealmark::serve::bind(&stack.config().listen).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(stack.serve(listener, async { drop(stopped.await) }));
    let http = Http::new(&url);
    let after = signer::sign(&http, &token(&dir, &request).unwrap(), Form::PublicKey, b"after").await;
    let root = TrustedRoot::parse(&std::fs::read(dir.join("trusted_root.json")).unwrap()).unwrap();
    let verifier = Verifier::new(&root).unwrap();
    for (artifact, bundle) in [(&b"before"[..], &before), (b"after", &after)] {
        let verified = verifier.verify(&Artifact::from_bytes(artifact), bundle, &Requirements::STRICT, now());
        assert_eq!(verified.unwrap().evidence().entries().len(), 1);
    }
    // The frozen shard is still read, under the checkpoint that it ended with.
    for (name, bundles) in [("rekor", "entries"), ("ct", "data")] {
        let at = format!("/shards/{}/{name}", rotated.frozen);
        let note = http.get(&format!("{at}/checkpoint")).await;
        let (checkpoint, _) = sealmark::format::checkpoint::Checkpoint::parse(note.text()).unwrap();
        assert_eq!((note.status, checkpoint.size()), (200, 1));
        assert!(checkpoint.origin().contains(&rotated.frozen));
        let leaf = http.get(&format!("{at}/tile/0/000.p/1")).await;
        assert_eq!((leaf.status, leaf.body.as_slice()), (200, &checkpoint.root()[..]));
        assert!(!http.get(&format!("{at}/tile/{bundles}/000.p/1")).await.body.is_empty());
        for absent in ["tile/0/000", "tile/0/000.p/2", "tile/1/000.p/1", "tile/x", "tile/0/001.p/1"] {
            assert_eq!(http.get(&format!("{at}/{absent}")).await.status, 404, "{absent}");
        }
    }
    let current = format!("/shards/{}/rekor/checkpoint", rotated.shard);
    assert_eq!(http.get(&current).await.status, 404, "it is at its own place");
    let checked = stack::fsck(&dir).unwrap();
    assert!(checked.iter().all(|log| log.result.findings.is_empty() && log.result.size == 1));
    let names: Vec<_> = checked.iter().map(|log| log.name.clone()).collect();
    let of_shard = |name: &str| format!("{name}-{}", rotated.shard);
    assert_eq!(names, ["rekor".to_owned(), "ct".to_owned(), of_shard("rekor"), of_shard("ct")]);
    stack::export(&dir, &parent.path().join("out")).unwrap();
    drop(stop);
    serving.await.unwrap().unwrap();
    // A frozen shard that was damaged is found.
    let tail = dir.join("logs/rekor/tail/0");
    let mut bytes = std::fs::read(&tail).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&tail, bytes).unwrap();
    assert!(!stack::fsck(&dir).unwrap()[0].result.findings.is_empty());
}
