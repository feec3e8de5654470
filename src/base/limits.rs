//! Every bound of the library, each with its reason. A bound is applied before the bytes it bounds
//! are parsed.

use std::time::Duration;

/// A bundle file, in bytes. Real bundles are 4 to 40 KiB; attestations carry SBOMs of some MiB.
pub const BUNDLE_BYTES: usize = 16 << 20;
/// A file of several bundles (JSONL), in bytes.
pub const BUNDLES_BYTES: usize = 64 << 20;
/// Bundles in one JSONL file.
pub const BUNDLES: usize = 256;
/// Bundles of one image that are fetched at a time: ten take no longer than one then.
pub const BUNDLE_FETCHES: usize = 16;
/// A signature that waits for its log, in bytes: a bundle within a string, with some words around it.
pub const SPOOLED_BYTES: usize = 2 * BUNDLE_BYTES + (64 << 10);
/// Signatures that wait in one folder.
pub const SPOOLED: usize = 10_000;
/// The first pause between two looks at a request that waits in a cluster, in milliseconds; each further one is twice
/// as long.
pub const REQUEST_PAUSE_MILLIS: u64 = 100;
/// The longest such pause, in milliseconds: a controller needs less than a second, people need minutes.
pub const REQUEST_PAUSE_MOST_MILLIS: u64 = 2_000;
/// Rounds of the derivation of a key from a password, where an authority says how many: step writes 600,000.
pub const JWE_ITERATIONS: u32 = 10_000_000;
/// TUF root metadata, in bytes: Sigstore's are under 8 KiB.
pub const TUF_ROOT_BYTES: usize = 512 << 10;
/// Any file of kept TUF metadata, in bytes.
pub const TUF_METADATA_BYTES: usize = 5 << 20;
/// New roots that are followed in one update: Sigstore's repository made 15 in five years.
pub const TUF_ROTATIONS: u32 = 32;
/// All that a trust folder keeps, in bytes: base64 of metadata and two targets.
pub const TUF_KEPT_BYTES: usize = 32 << 20;
/// Mirrors of one repository.
pub const TUF_MIRRORS: usize = 16;
/// A trust document (trusted root, signing config, client trust config), in bytes.
pub const TRUST_BYTES: usize = 4 << 20;
/// A policy document, in bytes.
pub const POLICY_BYTES: usize = 1 << 20;
/// Rules in one policy.
pub const POLICY_RULES: usize = 1024;
/// Scopes in one policy: each is asked about every artifact.
pub const POLICY_SCOPES: usize = 256;
/// Patterns of one kind in a scope.
pub const POLICY_NAMES: usize = 256;
/// Signers in one rule: quorums are matched in the product of signers and signatures.
pub const POLICY_SIGNERS: usize = 64;
/// Attestations that one rule asks for.
pub const POLICY_ATTESTATIONS: usize = 16;
/// Fields that are compared in one predicate.
pub const POLICY_FIELDS: usize = 64;
/// A condition of a policy, in bytes.
pub const CONDITION_BYTES: usize = 2 << 10;
/// Nesting of brackets and signs in a condition: its parser recurses.
pub const CONDITION_DEPTH: usize = 32;
/// Parts of a condition's expression, those of its macros included.
pub const CONDITION_NODES: u64 = 512;
/// Macros within macros: two walk a list for each item of another.
pub const CONDITION_NESTING: u32 = 2;
/// Steps that one condition may take on one predicate, counted beforehand: well under a second.
pub const CONDITION_STEPS: u64 = 1_000_000;
/// A Rego policy, in bytes.
pub const REGO_BYTES: usize = 16 << 10;
/// Rules of a Rego policy that lean on each other: its interpreter recurses.
pub const REGO_DEPTH: usize = 16;
/// Multiplications in a Rego policy: each can double the digits of a number.
pub const REGO_PRODUCTS: usize = 8;
/// A text that a Rego policy makes, in bytes.
pub const REGO_VALUE_BYTES: usize = 1 << 20;
/// A list that a Rego policy makes by joining or counting.
pub const REGO_ITEMS: usize = 100_000;
/// How long a Rego policy may think about one statement, in milliseconds.
pub const REGO_MILLIS: u64 = 250;
/// Values of a statement that are shown when a Rego policy says no.
pub const REGO_SHOWN: usize = 8;
/// Conditions on one predicate.
pub const POLICY_CONDITIONS: usize = 16;
/// Digests on a policy's deny list, within [`POLICY_BYTES`].
pub const POLICY_DENIED: usize = 8192;
/// Signers whom a policy distrusts: each is held against every signature.
pub const POLICY_DISTRUST: usize = 256;
/// Witnesses that a policy knows: each is looked for on every checkpoint.
pub const POLICY_WITNESSES: usize = 64;
/// A regular expression's text, in bytes.
pub const REGEX_BYTES: usize = 4 << 10;
/// Nesting of JSON. The deepest field of a bundle is at 8; a statement's predicate may nest more.
pub const JSON_DEPTH: usize = 64;
/// Nesting of DER. A Fulcio certificate nests 6 deep, a timestamp token with certificates 12.
pub const DER_DEPTH: u8 = 32;
/// A certificate, in bytes. Fulcio's are under 2 KiB.
pub const CERTIFICATE_BYTES: usize = 32 << 10;
/// Extensions in a certificate. Fulcio's leaves carry up to 30.
pub const CERTIFICATE_EXTENSIONS: usize = 64;
/// Subject alternative names that are parsed at all.
pub const CERTIFICATE_NAMES: usize = 64;
/// Subtrees of one certificate's name constraints: each is compared with every name below it.
pub const NAME_CONSTRAINTS: usize = 64;
/// Certificates in a chain.
pub const CHAIN: usize = 8;
/// Signatures that are checked to find one leaf's path: authorities of one name multiply the ways.
pub const CHAIN_SIGNATURES: usize = 64;
/// Signed certificate timestamps in a list.
pub const SCTS: usize = 16;
/// Transparency log entries in a bundle (conformance refuses 33).
pub const LOG_ENTRIES: usize = 32;
/// Signed timestamps in a bundle (conformance refuses 33).
pub const TIMESTAMPS: usize = 32;
/// A timestamp response, in bytes: the real ones are under 8 KiB with a full chain.
pub const TIMESTAMP_BYTES: usize = 64 << 10;
/// Certificates in a timestamp token.
pub const TIMESTAMP_CERTIFICATES: usize = 16;
/// The accuracy that a timestamp may state, in seconds. Sigstore's authorities state one second; beyond a
/// minute the time says too little about a certificate of ten minutes.
pub const TIMESTAMP_ACCURACY_SECS: u64 = 60;
/// A nonce, in bytes: clients send 8, the longest that a certificate's serial number could hold is 20.
pub const TIMESTAMP_NONCE: usize = 32;
/// A timestamp request in DER, in bytes: the real ones are under 150; extensions are refused.
pub const TIMESTAMP_REQUEST_BYTES: usize = 16 << 10;
/// A timestamp request in JSON, in bytes: a SHA-512 digest and five names need 250.
pub const TIMESTAMP_REQUEST_JSON_BYTES: usize = 1 << 10;
/// The policy identifier that a timestamp request may ask for, in bytes of its DER content.
pub const TIMESTAMP_POLICY_BYTES: usize = 64;
/// Hashes in an inclusion proof: a tree of 2^64 leaves needs 64.
pub const PROOF_HASHES: usize = 64;
/// A checkpoint, in bytes.
pub const CHECKPOINT_BYTES: usize = 16 << 10;
/// Signature lines in a checkpoint.
pub const CHECKPOINT_SIGNATURES: usize = 32;
/// A log entry's body, in bytes: entries of tiled logs are bounded by a u16, Rekor v1's by its
/// attestation storage; 1 MiB leaves room for a stored certificate chain.
pub const LOG_BODY_BYTES: usize = 1 << 20;
/// Subjects of an in-toto statement.
pub const SUBJECTS: usize = 1024;
/// Items of a predicate's lists that are read: a build's dependencies, a scan's findings. Predicates are bounded by their
/// bundle already; large builds name tens of thousands.
pub const PREDICATE_ITEMS: usize = 100_000;
/// Bytes of a variable of a job that its provenance repeats; longer ones are left out.
pub const PROVENANCE_VARIABLE_BYTES: usize = 1024;
/// Digests of one subject.
pub const SUBJECT_DIGESTS: usize = 32;
/// RSA moduli, in bits: below is weak, above is a denial of service.
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Manifests and lists of Kubernetes that are looked through for certificates, in bytes: a Secret holds 1 MiB.
pub const CERTIFICATE_TEXT_BYTES: usize = 64 << 20;
/// A PEM file that is expected to hold one key or a chain, in bytes.
pub const PEM_BYTES: usize = 256 << 10;
/// The memory that a key's password may be stretched in, in bytes: cosign takes 64 MiB.
pub const SCRYPT_MEMORY: u64 = 256 << 20;
/// The answer of an external signer, in bytes: a key or a signature in JSON.
pub const SIGNER_BYTES: usize = 64 << 10;
/// Seconds that an external signer may take: somebody may have to touch a token.
pub const SIGNER_SECS: u64 = 60;
/// The answer of a key management service, in bytes: a key with its older versions.
pub const KMS_BYTES: usize = 1 << 20;
/// The longest message that AWS KMS signs whole, in bytes.
pub const AWS_KMS_MESSAGE_BYTES: usize = 4096;
/// A file that holds a password, in bytes.
pub const PASSWORD_BYTES: usize = 4 << 10;
/// One answer of a SPIFFE agent, in bytes: identities of a process and bundles of every federated trust domain.
pub const WORKLOAD_API_BYTES: usize = 4 << 20;
/// Seconds that a SPIFFE agent may take: it answers from memory, or signs one token through its server.
pub const WORKLOAD_API_SECS: u64 = 10;
/// Identities of one process that are looked at.
pub const WORKLOAD_API_SVIDS: usize = 64;
/// Certificates in a SPIFFE agent's chain or bundle: a bundle holds a root for each rotation that still counts.
pub const WORKLOAD_API_CERTIFICATES: usize = 64;
/// An identity token, in bytes.
pub const TOKEN_BYTES: usize = 16 << 10;
/// The answer of a service that gives identity tokens, in bytes.
pub const TOKEN_ANSWER_BYTES: usize = 64 << 10;
/// Seconds that a program may take to give an identity token.
pub const TOKEN_PROGRAM_SECS: u64 = 30;
/// Milliseconds that a cloud's metadata server may take: it is a part of the machine; elsewhere nobody answers.
pub const METADATA_MILLIS: u64 = 1000;
/// Seconds that a person may take to sign in.
pub const LOGIN_SECS: u64 = 300;
/// Seconds that a browser may take to say what it brings.
pub const LOGIN_REQUEST_SECS: u64 = 10;
/// Requests of a browser that wait to be looked at.
pub const LOGIN_CONNECTIONS: usize = 8;
/// What a browser brings, in bytes: a code and a state, among all that browsers send.
pub const LOGIN_REQUEST_BYTES: usize = 16 << 10;
/// A name that a certificate is asked for, in bytes.
pub const SAN_BYTES: usize = 2 << 10;
/// An identity token's life, in seconds. CI platforms give minutes, GitLab as long as a job may run.
pub const TOKEN_LIFETIME_SECS: i64 = 24 * 3600;
/// The last second of the year 9999: later times have no calendar form.
pub const TIME_SECS: i64 = 253_402_300_799;
/// An issuer's key set, in bytes.
pub const KEY_SET_BYTES: usize = 256 << 10;
/// Keys in an issuer's key set; Google's has 3, Kubernetes' a handful.
pub const KEY_SET_KEYS: usize = 64;
/// The body of an HTTP response from a CA, TSA, log or identity provider, in bytes.
pub const RESPONSE_BYTES: usize = 8 << 20;
/// An artifact that must be in memory whole, in bytes: pure Ed25519 signs the message, not a digest.
pub const ARTIFACT_BYTES: usize = 256 << 20;
/// The buffer between a file and its digest, in bytes: measured best between 64 and 256 KiB.
pub const READ_BUFFER: usize = 256 << 10;

/// A reference to an image, in bytes: a name of 255, a tag of 128, a digest of 136.
pub const OCI_REFERENCE_BYTES: usize = 1 << 10;
/// A registry's host with a repository's path, in bytes: what clients in the field agree on.
pub const OCI_NAME_BYTES: usize = 255;
/// A manifest or index, in bytes: the distribution specification has registries accept 4 MiB.
pub const OCI_MANIFEST_BYTES: usize = 4 << 20;
/// Layers of a manifest: container engines stop at 127, artifacts of files go higher.
pub const OCI_LAYERS: usize = 1024;
/// Descriptors of an index, and of one page of referrers: an image has some ten platforms.
pub const OCI_MANIFESTS: usize = 4096;
/// Annotations of a descriptor or manifest: signers write ten.
pub const OCI_ANNOTATIONS: usize = 256;
/// The size that a descriptor may state, in bytes: the largest layers, model weights, are under 1 TiB.
pub const OCI_BLOB_BYTES: u64 = 4 << 40;
/// The slowest that a blob may come, in bytes a second: slower is a server that holds us.
pub const STREAM_RATE: u64 = 1 << 10;
/// Referrers of one image, over all pages: each may be a signature that has to be looked at.
pub const OCI_REFERRERS: usize = 4096;
/// An annotation of an older cosign signature, in bytes: a chain, or a log entry with its body, is under 16 KiB;
/// the entry of an attestation may hold its payload.
pub const COSIGN_ANNOTATION_BYTES: usize = 1 << 20;
/// Manifests that one call signs below an index: an image has some ten platforms, each with attestations.
pub const OCI_SIGNED_IMAGES: usize = 256;
/// Pages of a list of a registry: of referrers, of tags.
pub const REGISTRY_PAGES: usize = 64;
/// Tags that are listed of one repository.
pub const REGISTRY_TAGS: usize = 100_000;
/// One page of a list of tags, in bytes.
pub const REGISTRY_LIST_BYTES: usize = 4 << 20;
/// What a registry says about who may ask it (`WWW-Authenticate`), in bytes: real ones are under 300.
pub const CHALLENGE_BYTES: usize = 4 << 10;
/// The answer of a registry's token server, in bytes: tokens of clouds have some 4 KiB.
pub const REGISTRY_TOKEN_BYTES: usize = 64 << 10;
/// How often a download may be sent elsewhere: registries send once, storage before another storage twice.
pub const REDIRECTS: usize = 5;
/// Requests to one registry under way at once: enough to hide latency, too few to be throttled for.
pub const REGISTRY_REQUESTS: usize = 16;
/// Repositories whose tokens and credentials are kept: a gate meets names that others choose.
pub const REGISTRY_CACHE: usize = 1024;
/// Seconds that found credentials are kept: a login that was renewed is seen after this.
pub const CREDENTIAL_SECS: u64 = 300;
/// A file of registry credentials, in bytes.
pub const CREDENTIAL_FILE_BYTES: usize = 1 << 20;
/// What a credential helper may answer, in bytes: a name and a token.
pub const HELPER_BYTES: usize = 64 << 10;
/// Seconds that a credential helper may take: some ask a cloud.
pub const HELPER_SECS: u64 = 20;
/// Blobs up to this many bytes are written in one request; longer ones in pieces of as many, each of which is
/// in memory.
pub const UPLOAD_PIECE: usize = 8 << 20;
/// Tags that are looked at for lost referrers, one request each.
pub const REPAIR_TAGS: usize = 1024;
/// How often a manifest is written once more that the registry takes for incomplete, and the first pause before
/// that; each further one is twice as long.
pub const SETTLE_ATTEMPTS: u32 = 6;
/// See [`SETTLE_ATTEMPTS`].
pub const SETTLE_PAUSE: Duration = Duration::from_millis(50);
/// Attempts to have a referrer in the list after it was found there once, and then no more.
pub const LISTING_ATTEMPTS: u32 = 5;
/// The longest while after which a list that others write too is looked at once more.
pub const LULL: Duration = Duration::from_secs(3);
/// Attempts to change a tag that others write too, each with a read: twenty writers need a handful.
pub const TAG_ATTEMPTS: u32 = 60;

/// Time sources that are asked.
pub const TIME_SOURCES: usize = 16;
/// Certificates of its own CA that a log remembers, 32 bytes each.
pub const ISSUED_REMEMBERED: usize = 65_536;
/// Entries that wait for a log's sequencer; beyond it a server answers "retry" at once.
pub const LOG_QUEUE: usize = 4096;
/// Entries in one batch of a log: with entries of 64 KiB at most, a batch is bounded in memory, and four
/// bundles can become full at once.
pub const LOG_BATCH: usize = 1024;
/// Entries of the shortest file of a log's index: a start reads the leaves of at most as many again, 512 KiB.
pub const LOG_INDEX_UNIT: u64 = 16_384;
/// Bundles of a log that a monitor reads before it proves what they hold: 256 entries each, 16 MiB at most.
pub const MONITOR_BUNDLES: u64 = 8;
/// Files of a log that are fetched at a time.
pub const MONITOR_FETCHES: usize = 8;
/// Tiles of hashes that a monitor keeps, 8 KiB each.
pub const MONITOR_TILES: usize = 128;
/// A bundle of a tiled log, in bytes: 256 entries of at most 65,535 bytes with their lengths.
pub const BUNDLE_TILE_BYTES: usize = 256 * (2 + TILE_ENTRY_BYTES);
/// What a witness is sent, in bytes: a checkpoint, 63 hashes in base64 and a number.
pub const SUBMISSION_BYTES: usize = CHECKPOINT_BYTES + (4 << 10);
/// Logs that a witness watches.
pub const WITNESSED_LOGS: usize = 1024;
/// Seconds that a log waits at its start for its witnesses and its bucket: what it committed last may be on none of them.
pub const PUBLISHING_START_SECS: u64 = 15;
/// Entries of a log that wait for its witnesses and its bucket, before it takes no more: at 3 KiB each, 200 MB on the disk.
pub const UNPUBLISHED_ENTRIES: u64 = 65_536;
/// Seconds in which nothing comes through to them, before a log takes no more: three times what a client waits.
pub const UNPUBLISHED_SECS: u64 = 60;
/// Seconds for one answer of a bucket, of which a full bundle may be in.
pub const BUCKET_ANSWER_SECS: u64 = 20;
/// Seconds for which it is looked whether another process writes a log that is restored from its bucket.
pub const RESTORE_WATCH_SECS: u64 = 5;
/// Objects that are on their way to a bucket at once.
pub const BUCKET_UPLOADS: usize = 16;
/// An object in a bucket, in bytes: a full bundle of entries of 64 KiB.
pub const BUCKET_OBJECT_BYTES: usize = 17 << 20;
/// The record of a log's writer in its bucket, in bytes.
pub const BUCKET_RECORD_BYTES: usize = 8 << 10;
/// What a monitor remembers of one log, in bytes: a checkpoint and 64 hashes.
pub const MONITOR_STATE_BYTES: usize = 64 << 10;
/// Pieces of evidence that a monitor or a witness keeps in one folder; past it they are only reported.
pub const EVIDENCE_FILES: usize = 10_000;
/// A line of a signing ledger, in bytes: names of certificates are under 2 KiB.
pub const LEDGER_LINE_BYTES: usize = 16 << 10;
/// Lines of all ledgers of one monitor: 32 bytes of each are kept in memory.
pub const LEDGER_LINES: usize = 4_000_000;
/// How long a monitor waits for a line of a ledger: a signer writes it right after the log's answer.
pub const LEDGER_PAUSE: Duration = Duration::from_secs(3);
/// Issuers that are read of a CA's configuration: public Fulcio has some 30.
pub const ISSUERS: usize = 256;
/// Blobs of one image that are carried at a time.
pub const CARRIED_BLOBS: usize = 4;
/// How deep indexes hold indexes, and referrers have referrers: an image index is 2, a signature of an SBOM 3.
pub const CARRY_DEPTH: usize = 6;
/// Files in an archive: a blob each, and few images have a thousand layers.
pub const ARCHIVE_ENTRIES: usize = 16 << 10;
/// The name of a file in an archive, in bytes: what fits into a tar header.
pub const ARCHIVE_NAME_BYTES: usize = 100;
/// What a pack says of itself, in bytes.
pub const PACK_BYTES: usize = 1 << 20;
/// Files and images in a pack.
pub const PACKED: usize = 1024;
/// The file that names a layout's version, in bytes.
pub const OCI_LAYOUT_BYTES: usize = 4 << 10;
/// What is read of an error answer: its message stands at the start.
pub const ERROR_RESPONSE_BYTES: usize = 64 << 10;
/// A service's URL, in bytes; those that GitHub hands out for tokens are under 1 KiB.
pub const URL_BYTES: usize = 4 << 10;
/// The longest pause between two attempts that a server did not ask for.
pub const RETRY_PAUSE: Duration = Duration::from_secs(8);
/// Signatures of one session under way at once: enough to hide a log's batch time, too few to crowd it.
pub const SIGNING_REQUESTS: usize = 16;
/// What must be left of a certificate's life for a signature to be begun: less than the slowest log takes would
/// lose it. A run that is longer gets another certificate.
pub const CERTIFICATE_MARGIN: Duration = Duration::from_secs(60);
/// Bundles that are written at a time.
pub const FILE_WRITES: usize = 16;
/// How far the local clock may lag behind times that authorities prove.
pub const CLOCK_TOLERANCE_SECS: i64 = 60;
/// A CI platform's description of the event that started a job: GitHub's webhook payloads are at most
/// 25 MB, a pull request's is some 30 KiB.
pub const CI_EVENT_BYTES: usize = 4 << 20;

/// Connections that a server holds; the next wait to be accepted.
pub const CONNECTIONS: usize = 1024;
/// Seconds for the head of a request, and for an idle connection to begin one.
pub const HEAD_SECS: u64 = 10;
/// The head of a request, in bytes: a token of [`TOKEN_BYTES`] and as much again.
pub const HEAD_BYTES: usize = 32 << 10;
/// Seconds that an idle connection of a client with a pool is kept: Go's clients drop theirs after 90, and
/// who closes last never closes under a request.
pub const IDLE_SECS: u64 = 120;
/// Seconds between two looks at a file that may be replaced: certificates, policies, trust.
pub const RELOAD_SECS: u64 = 5;
/// An answer of an ACME server, or a file of its account, in bytes: a chain is some 8 KiB.
pub const ACME_BYTES: usize = 256 << 10;
/// Seconds for one ACME order, the CA's look at every name included.
pub const ACME_ORDER_SECS: u64 = 180;
/// Requests of one step of an order that an ACME server may answer by asking for another nonce, three tries each.
pub const ACME_NONCES: u32 = 10;
/// Seconds between two looks at the clock while a certificate is fresh.
pub const ACME_LOOK_SECS: u64 = 60;
/// Lines of a server's journal that wait to be written; beyond it lines are left out and counted.
pub const JOURNAL_LINES: usize = 8192;
/// Spans that wait to be sent to a collector; beyond it they are left out and counted.
pub const SPANS_QUEUED: usize = 4096;
/// Spans that are sent together.
pub const SPANS_SENT: usize = 512;
/// Events that wait to be written to the API server; beyond it they are left out and counted.
pub const EVENTS_QUEUED: usize = 512;
/// Things that events are about and that are remembered, so that what happens again is counted in one event.
pub const EVENTS_REMEMBERED: usize = 1024;
/// Seconds in which what happens again is counted in the same event, as Kubernetes' own components have it.
pub const EVENT_SERIES_SECS: u64 = 360;
/// Seconds between two writes of one event.
pub const EVENT_PAUSE_SECS: u64 = 10;
/// Writes to the API server a second, and how many at once after a quiet time.
pub const EVENTS_A_SECOND: u32 = 5;
/// See [`EVENTS_A_SECOND`].
pub const EVENTS_AT_ONCE: u32 = 25;
/// One text in a line of a journal, in characters: what a request says is cut there.
pub const JOURNAL_TEXT: usize = 1024;
/// Series of one metric: labels come from closed sets, this is what catches a mistake.
pub const METRIC_SERIES: usize = 512;
/// Seconds for a request, body and answer included: Rekor's clients wait 20.
pub const REQUEST_SECS: u64 = 20;
/// Seconds that a connection lives, so that no client keeps one for ever.
pub const CONNECTION_SECS: u64 = 300;
/// Seconds for requests in flight to end when a server stops.
pub const DRAIN_SECS: u64 = 10;
/// Subjects that a limit of rates remembers: 40 bytes each.
pub const RATE_SUBJECTS: usize = 16_384;
/// The most that a rate allows, a second and at once: beyond it, it is none.
pub const RATE_PER_SECOND: u32 = 100_000;
/// A request for a certificate, in bytes: a token, a key and a signature.
pub const CERTIFICATE_REQUEST_BYTES: usize = 64 << 10;
/// A request to log an entry, in bytes: an entry of a tiled log has at most 65,535, base64 adds a third.
pub const ENTRY_REQUEST_BYTES: usize = 256 << 10;
/// A request for an identity token, in bytes.
pub const TOKEN_REQUEST_BYTES: usize = 16 << 10;
/// An entry of a tiled log, in bytes: its length is a u16 (C2SP tlog-tiles).
pub const TILE_ENTRY_BYTES: usize = 65_535;

/// An AdmissionReview, in bytes: etcd takes objects of 1.5 MiB, and an update sends two.
pub const REVIEW_BYTES: usize = 3 << 20;
/// Image fields in one reviewed object. The largest pods of the field have some 40 containers.
pub const REVIEW_IMAGES: usize = 256;
/// A review's uid, in bytes: a UUID has 36.
pub const REVIEW_UID_BYTES: usize = 128;
/// The text of a denial, in characters: kubectl prints all of it, events keep 1024.
pub const DENIAL_TEXT: usize = 2048;
/// What a denial says of one image, in characters.
pub const DENIAL_IMAGE_TEXT: usize = 480;
/// Images that a denial tells of; it counts the others.
pub const DENIAL_IMAGES: usize = 4;
/// A warning to the client of the API server, in characters: it cuts all warnings of an answer at 4096.
pub const WARNING_TEXT: usize = 256;
/// Seconds that a webhook may take (Kubernetes: 1 to 30).
pub const WEBHOOK_SECS: u64 = 30;
/// Seconds that a webhook has when the API server does not say (Kubernetes' default).
pub const WEBHOOK_DEFAULT_SECS: u64 = 10;
/// A request for a verdict over HTTP, in bytes: a reference and three names.
pub const VERDICT_REQUEST_BYTES: usize = 16 << 10;
/// Verdicts that a gate keeps; one takes some 150 bytes.
pub const VERDICTS: usize = 100_000;
/// Seconds that a yes is kept: what a policy says of time holds that much later.
pub const VERDICT_SECS: u64 = 300;
/// Seconds that a no is kept: a signature may arrive right after the first try.
pub const VERDICT_NO_SECS: u64 = 10;
/// Rules with signers that verdicts name and share.
pub const ADMISSIONS: usize = 4096;
/// Lookups under way in one gate, the waiting ones included.
pub const LOOKUPS: usize = 8192;
/// Lookups under way at one registry; the next wait, within their deadline.
pub const REGISTRY_LOOKUPS: usize = 32;
/// Registries that a gate keeps count of.
pub const REGISTRIES: usize = 1024;
/// Failures in a row after which a registry is not asked for [`REGISTRY_PAUSE_SECS`].
pub const REGISTRY_FAILURES: u32 = 5;
/// Seconds that a registry which fails is left alone.
pub const REGISTRY_PAUSE_SECS: u64 = 10;
/// Seconds for one lookup of an image: longer than any webhook, so that the verdict of a slow registry is
/// there for the next try.
pub const LOOKUP_SECS: u64 = 45;
/// Kinds of objects with images that a gate's settings may add.
pub const GATE_KINDS: usize = 64;
/// Policies and namespace entries that a gate's settings may have.
pub const GATE_ENTRIES: usize = 1024;
/// A gate's settings, in bytes.
pub const GATE_SETTINGS_BYTES: usize = 1 << 20;
/// The file of a server's clients, in bytes.
pub const CLIENTS_BYTES: usize = 64 << 10;
/// The shortest token of a client, in bytes.
pub const CLIENT_TOKEN_BYTES: usize = 16;
/// Manifests that are looked at for holes, in bytes: all of a large cluster's.
pub const MANIFESTS_BYTES: usize = 16 << 20;
/// Seconds that a break-glass entry may last at most.
pub const BREAK_GLASS_SECS: i64 = 24 * 3600;

/// Bytes of a search on the log's page: a certificate's longest name.
pub const SEARCH_BYTES: usize = 2048;
/// Entries that a search looks at.
pub const SEARCH_RESULTS: usize = 1000;
