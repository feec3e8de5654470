use super::*;
use crate::base::encoding::base64;
use crate::format::bundle::Content;
use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};
use crate::service::tlog::TlogError;
use crate::verify::testing::{Signed, World};
use crate::verify::{SignedBy, SignedContent};

fn material(signed: &Signed) -> SignedMaterial<'_> {
    let content = match &signed.content {
        Content::Message { digest, .. } => SignedContent::Message { digest: digest.unwrap() },
        Content::Dsse(envelope) => SignedContent::Dsse { envelope },
        Content::SimpleSigning { payload, .. } => SignedContent::SimpleSigning { payload },
    };
    SignedMaterial { signature: signed.content.signature(), signed_by: SignedBy::Certificate(&signed.leaf), content }
}

fn append(server: &FakeServer, signed: &Signed) -> Result<LogEntry, TlogError> {
    let log = RekorV1::new(&server.url, impatient_client()).unwrap();
    block_on(log.append(&material(signed)))
}

/// The entry as the API gives it.
fn answer(entry: &LogEntry) -> String {
    let proof = entry.inclusion_proof.as_ref().unwrap();
    let hashes: Vec<String> = proof.hashes.iter().map(|hash| format!("\"{}\"", hex::encode(hash))).collect();
    format!(
        r#"{{"{uuid}":{{"body":"{body}","integratedTime":{time},"logID":"{log}","logIndex":{index},"verification":{{"inclusionProof":{{"checkpoint":"{checkpoint}","hashes":[{hashes}],"logIndex":{place},"rootHash":"{root}","treeSize":{size}}},"signedEntryTimestamp":"{set}"}}}}}}"#,
        uuid = "a".repeat(80),
        body = base64::encode(&entry.canonicalized_body),
        time = entry.integrated_time,
        log = hex::encode(&entry.log_id),
        index = entry.log_index,
        checkpoint = proof.checkpoint.as_ref().unwrap().replace('\n', "\\n"),
        hashes = hashes.join(","),
        place = proof.log_index,
        root = hex::encode(&proof.root_hash),
        size = proof.tree_size,
        set = base64::encode(entry.inclusion_promise.as_ref().unwrap()),
    )
}

#[test]
fn proposes_and_reads_messages_and_attestations() {
    let world = World::new();
    for signed in [world.v1_message(), world.v1_attestation()] {
        let body = answer(&signed.entries[0]);
        let server = FakeServer::start(move |_, _| Answer::new(201, body.clone()).with("etag", "a".repeat(80)));
        let entry = append(&server, &signed).unwrap();
        assert_eq!(entry, signed.entries[0]);
        assert!(world.verify(&Signed { entries: vec![entry], ..signed.clone() }).is_ok());

        let [sent] = server.received().try_into().unwrap();
        assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/api/v1/log/entries"));
        let proposal = Json::parse(&sent.body).unwrap();
        let spec = proposal.member("spec").unwrap();
        match &signed.content {
            // A hashedrekord is proposed in the very form that it is stored in.
            Content::Message { .. } | Content::SimpleSigning { .. } => {
                assert_eq!(sent.body, signed.entries[0].canonicalized_body)
            }
            Content::Dsse(envelope) => {
                let proposed = spec.member("proposedContent").unwrap().member("envelope").unwrap();
                assert_eq!(proposed.as_str(), Some(envelope.to_json().as_str()));
            }
        }
    }
}

#[test]
fn an_entry_that_is_there_already_is_fetched() {
    let world = World::new();
    let signed = world.v1_message();
    let body = answer(&signed.entries[0]);
    let server = FakeServer::start(move |_, sent| match sent.method.as_str() {
        "POST" => Answer::gateway(409, "an equivalent entry already exists in the transparency log with UUID aaaa")
            .with("location", "/api/v1/log/entries/aaaa"),
        _ => Answer::new(200, body.clone()),
    });
    assert_eq!(append(&server, &signed).unwrap(), signed.entries[0]);
    assert_eq!(server.received()[1].target, "/api/v1/log/entries/aaaa");
}

#[test]
fn a_duplicate_elsewhere_is_not_followed() {
    let signed = World::new().v1_message();
    for location in [None, Some("https://evil.example/api/v1/log/entries/aaaa")] {
        let server = FakeServer::start(move |_, _| {
            let conflict = Answer::gateway(409, "an equivalent entry already exists");
            match location {
                Some(location) => conflict.with("location", location),
                None => conflict,
            }
        });
        assert_eq!(append(&server, &signed).unwrap_err().code().name(), "log-duplicate");
    }
}

#[test]
fn answers_that_are_no_entry() {
    let signed = World::new().v1_message();
    let good = answer(&signed.entries[0]);
    for bad in [
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        good.replace("\"hashes\":[\"", "\"hashes\":[\"zz"),
        good.replace("\"rootHash\":\"", "\"rootHash\":\"ZZ"),
        good.replace("\"logID\":\"", "\"logID\":\"ZZ"),
        good.replace("\"body\":\"", "\"body\":\"e30=\",\"b\":\""),
        good.replace("inclusionProof", "proof"),
    ] {
        let body = bad.clone();
        let server = FakeServer::start(move |_, _| Answer::new(201, body.clone()));
        assert_eq!(append(&server, &signed).unwrap_err().code().name(), "log-malformed", "{bad}");
    }
}

#[test]
fn the_logs_own_words_are_shown() {
    let signed = World::new().v1_message();
    let server = FakeServer::start(|_, _| {
        Answer::gateway(400, "error processing entry: verifying signature: invalid signature")
    });
    let error = append(&server, &signed).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("log-refused", 1));
    assert!(error.to_string().contains("verifying signature: invalid signature"), "{error}");
}
