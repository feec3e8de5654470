//! What an operator does beside a running stack: check its logs, export them, keep it from going back.

use std::path::Path;

use sealmark::base::crypto::sha256;
use sealmark::base::encoding::hex;
use sealmark::stack::{self, Stack, TokenRequest};

use super::signer::{self, Form};
use super::start;

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        match item.file_type().unwrap().is_dir() {
            true => copy_dir(&item.path(), &to.join(item.file_name())),
            false => drop(std::fs::copy(item.path(), to.join(item.file_name())).unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_fsck_and_export_beside_a_running_stack() {
    let parent = tempfile::tempdir().unwrap();
    let (running, http) = start(parent.path()).await;
    let (dir, out) = (parent.path().join("stack"), parent.path().join("out"));
    for number in 0..3 {
        let token = running.token(&TokenRequest::email("me@example.com")).unwrap();
        signer::sign(&http, &token, Form::PublicKey, &[number]).await;
    }
    let checked = stack::fsck(&dir).unwrap();
    assert!(checked.iter().all(|log| log.result.size == 3 && log.result.bytes > 0 && log.result.findings.is_empty()));
    assert_eq!(checked.iter().map(|log| log.name.as_str()).collect::<Vec<_>>(), ["rekor", "ct"]);
    stack::export(&dir, &out).unwrap();
    let pairs = [("/api/v2", "rekor", "entries"), ("/ct", "ct", "data")];
    for (prefix, name, bundles) in pairs {
        for path in ["checkpoint".to_owned(), "tile/0/000.p/3".to_owned(), format!("tile/{bundles}/000.p/3")] {
            let served = http.get(&format!("{prefix}/{path}")).await;
            assert_eq!(served.status, 200);
            assert_eq!(std::fs::read(out.join(name).join(&path)).unwrap(), served.body, "{name} {path}");
        }
    }
    for issuer in std::fs::read_dir(out.join("ct/issuer")).unwrap() {
        let issuer = issuer.unwrap();
        let bytes = std::fs::read(issuer.path()).unwrap();
        assert_eq!(issuer.file_name().to_string_lossy(), hex::encode(&sha256(&[&bytes])));
        let served = http.get(&format!("/ct/issuer/{}", issuer.file_name().to_string_lossy())).await;
        assert_eq!(served.body, bytes);
    }
    running.stop().await.unwrap();
    let tail = dir.join("logs/ct/tail/0");
    let mut bytes = std::fs::read(&tail).unwrap();
    // In the precertificate, which no leaf covers.
    let at = bytes.len() - 200;
    bytes[at] ^= 1;
    std::fs::write(&tail, bytes).unwrap();
    let checked = stack::fsck(&dir).unwrap();
    assert_eq!(checked.iter().map(|log| log.result.findings.len()).collect::<Vec<_>>(), [0, 1]);
}

/// An older copy of the whole folder is sound by itself; the memory on other storage has more.
#[tokio::test(flavor = "multi_thread")]
async fn k09_an_older_copy_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, older) = (parent.path().join("stack"), parent.path().join("older"));
    let memory = parent.path().join("memory");
    let (running, http) = start(parent.path()).await;
    let token = running.token(&TokenRequest::email("me@example.com")).unwrap();
    signer::sign(&http, &token, Form::PublicKey, b"one").await;
    running.stop().await.unwrap();
    copy_dir(&dir, &older);
    let remember = |dir: &Path| Stack::open(dir).unwrap().remembering(&memory);
    let code = |dir: &Path| remember(dir).unwrap_err().code().name();
    // Storage that is not mounted.
    assert_eq!(code(&dir), "log-io");
    std::fs::create_dir(&memory).unwrap();
    let serve = async |dir: &Path| {
        let listener = sealmark::serve::bind("127.0.0.1:0").await.unwrap();
        remember(dir).unwrap().serve(listener, async {}).await.unwrap();
    };
    // Without a memory of it, nothing tells.
    serve(&older).await;
    serve(&dir).await;
    assert_eq!(std::fs::read_to_string(memory.join("rekor")).unwrap().lines().nth(1), Some("1"));
    grow(&dir).await;
    serve(&dir).await;
    assert_eq!(code(&older), "log-rolled-back");
    remember(&dir).unwrap();
}

/// One more entry in each log of a stopped stack.
async fn grow(dir: &Path) {
    let stack = Stack::open(dir).unwrap();
    let listener = sealmark::serve::bind("127.0.0.1:0").await.unwrap();
    let http = super::http::Http::new(&format!("http://{}", listener.local_addr().unwrap()));
    let token = stack.issuer().unwrap().issue(&TokenRequest::email("me@example.com"), super::now()).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(stack.serve(listener, async {
        let _ = stopped.await;
    }));
    signer::sign(&http, &token, Form::PublicKey, b"two").await;
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
}
