//! A stack whose logs are in a bucket, over the whole program and a real server of S3's protocol: published before it
//! is acknowledged, killed and started again, fenced off by a second writer, and refused when the bucket is not its own.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const CREDENTIALS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "sealmark"), ("AWS_SECRET_ACCESS_KEY", "sealmark-test"), ("AWS_REGION", "us-east-1")];

/// A process, killed when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn patiently(what: &str, mut done: impl FnMut() -> bool) {
    let done = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        done()
    });
    assert!(done, "{what}");
}

/// A server of S3's protocol that honours `If-None-Match` and `If-Match` on PUT, and a bucket in it.
struct Server {
    process: Process,
    _data: tempfile::TempDir,
    port: u16,
    python: PathBuf,
}

/// What a reader, and a vandal, does in the bucket.
const BOTO: &str = r#"
import boto3, sys
s3 = boto3.client('s3', endpoint_url='http://127.0.0.1:' + sys.argv[1])
match sys.argv[2]:
    case 'create': s3.create_bucket(Bucket='logs')
    case 'get': print(s3.get_object(Bucket='logs', Key=sys.argv[3])['Body'].read().decode('latin-1'), end='')
    case 'delete': s3.delete_object(Bucket='logs', Key=sys.argv[3])
"#;

impl Server {
    /// moto, and MinIO where it was built.
    fn all() -> Vec<Self> {
        let Some(peers) = std::env::var_os("SEALMARK_PEERS").map(PathBuf::from) else {
            println!("left out: SEALMARK_PEERS is not set");
            return Vec::new();
        };
        let (moto, minio) = (peers.join("moto/bin/moto_server"), peers.join("go/bin/minio"));
        if !moto.exists() {
            println!("left out: moto: not here, nor boto3");
            return Vec::new();
        }
        let python = peers.join("moto/bin/python");
        let mut servers = vec![Self::start(&moto, &["-H", "127.0.0.1", "-p", "PORT"], &python)];
        if minio.exists() {
            servers.push(Self::start(&minio, &["server", "DATA", "--address", "127.0.0.1:PORT"], &python));
        } else {
            println!("left out: MinIO: not here");
        }
        servers
    }

    fn start(program: &Path, words: &[&str], python: &Path) -> Self {
        let (port, data) = (free_port(), tempfile::tempdir().unwrap());
        let path = data.path().to_str().unwrap();
        let words = words.iter().map(|word| word.replace("PORT", &port.to_string()).replace("DATA", path));
        let mut command = Command::new(program);
        command.args(words).env("MINIO_ROOT_USER", CREDENTIALS[0].1).env("MINIO_ROOT_PASSWORD", CREDENTIALS[1].1);
        let process = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let server = Self { process, _data: data, port, python: python.to_owned() };
        patiently("the server does not answer", || server.ask(&["create"]).is_some());
        server
    }

    fn ask(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new(&self.python);
        command.args(["-c", BOTO, &self.port.to_string()]).args(words).envs(CREDENTIALS);
        let answer = command.output().unwrap();
        answer.status.success().then(|| String::from_utf8(answer.stdout).unwrap())
    }

    /// It answers nobody until it is woken, and forgets nothing.
    fn sleep(&self) {
        self.signal("-STOP");
    }

    fn wake(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Entries of the checkpoint that readers of the bucket have.
    fn size(&self, log: &str) -> u64 {
        let note = self.ask(&["get", &format!("site/{log}/checkpoint")]).expect("a checkpoint");
        note.lines().nth(1).unwrap().parse().unwrap()
    }
}

fn sealmark(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealmark"));
    command.args(words).current_dir(dir).env_clear().envs(CREDENTIALS).stdin(Stdio::null());
    command
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn init(dir: &Path, server: &Server) {
    let (listen, endpoint) = (format!("127.0.0.1:{}", free_port()), format!("http://127.0.0.1:{}", server.port));
    let words = ["stack", "init", "one", "--listen", &listen, "--bucket", "s3://logs/site"];
    let endpoint = ["--bucket-endpoint", &endpoint, "--bucket-region", "us-east-1"];
    good(&sealmark(dir, &words).args(endpoint).output().unwrap());
    std::fs::write(dir.join("app.txt"), "an artifact").unwrap();
}

fn up(dir: &Path, stack: &str) -> Process {
    let journal = std::fs::File::create(dir.join(format!("{stack}.journal"))).unwrap();
    let process =
        Process(sealmark(dir, &["stack", "up", stack]).stdout(Stdio::null()).stderr(journal).spawn().unwrap());
    patiently("the stack does not come up", || {
        sealmark(dir, &["stack", "status", stack]).output().unwrap().status.success()
    });
    process
}

fn journal(dir: &Path, stack: &str) -> String {
    std::fs::read_to_string(dir.join(format!("{stack}.journal"))).unwrap()
}

fn sign(dir: &Path, stack: &str) -> bool {
    std::fs::write(dir.join("token.jwt"), good(&sealmark(dir, &["stack", "token", stack]).output().unwrap())).unwrap();
    let _ = std::fs::remove_file(dir.join("app.bundle.json"));
    let words =
        ["sign", "blob", "app.txt", "--stack", stack, "--identity-token-file", "token.jwt", "-o", "app.bundle.json"];
    let signed = sealmark(dir, &words).output().unwrap();
    if !signed.status.success() {
        println!("{}", String::from_utf8_lossy(&signed.stderr));
    }
    signed.status.success()
}

fn copy(dir: &Path, from: &str, to: &str) {
    assert!(Command::new("cp").args(["-r", from, to]).current_dir(dir).status().unwrap().success());
}

#[test]
fn logt9_a_stack_in_a_bucket() {
    Server::all().into_iter().for_each(a_stack_in_a_bucket);
}

fn a_stack_in_a_bucket(server: Server) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    init(dir, &server);
    let first = up(dir, "one");
    for signed in 1..4 {
        assert!(sign(dir, "one"), "{}", journal(dir, "one"));
        // It was there before it was acknowledged.
        assert_eq!((server.size("rekor"), server.size("ct")), (signed, signed));
    }
    assert!(server.ask(&["get", "site/rekor/tile/entries/000.p/3"]).is_some());
    good(&sealmark(dir, &["stack", "fsck", "one"]).output().unwrap());
    // SIGKILL, and the same again.
    drop(first);
    let first = up(dir, "one");
    assert!(sign(dir, "one") && server.size("rekor") == 4);

    // A second one with a copy of the folder, on a machine of its own: the first is at its end.
    copy(dir, "one", "two");
    let config = std::fs::read_to_string(dir.join("two/stack.json")).unwrap();
    let port = |config: &str| config.split_once("127.0.0.1:").unwrap().1.split_once('"').unwrap().0.to_owned();
    let elsewhere = config.replace(&format!("127.0.0.1:{}\"", port(&config)), &format!("127.0.0.1:{}\"", free_port()));
    std::fs::write(dir.join("two/stack.json"), elsewhere).unwrap();
    let second = up(dir, "two");
    assert!(!sign(dir, "one"), "an entry of a writer that was fenced off was acknowledged");
    let mut first = first;
    patiently("the first does not end", || first.0.try_wait().unwrap().is_some());
    assert!(journal(dir, "one").contains("bucket-fenced"), "{}", journal(dir, "one"));
    assert_eq!((server.size("rekor"), server.size("ct")), (4, 4));
    // It takes over the address, too.
    drop(second);
    std::fs::write(dir.join("two/stack.json"), config).unwrap();
    let second = up(dir, "two");
    assert!(sign(dir, "two") && server.size("rekor") == 5);
    let refused = sealmark(dir, &["stack", "up", "one"]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("log-rolled-back"), "{refused:?}");

    // Rotated: the frozen logs stay where they are, the next ones stand beside them.
    drop(second);
    good(&sealmark(dir, &["stack", "rotate", "two"]).output().unwrap());
    let second = up(dir, "two");
    assert!(sign(dir, "two") && server.size("rekor") == 5);
    good(&sealmark(dir, &["stack", "fsck", "two"]).output().unwrap());
    drop(second);

    // The disk is lost: its logs come back, of every shard, and go on.
    std::fs::rename(dir.join("two/logs"), dir.join("lost")).unwrap();
    assert!(!sealmark(dir, &["stack", "up", "two"]).output().unwrap().status.success());
    let restored = good(&sealmark(dir, &["stack", "restore", "two"]).output().unwrap());
    assert_eq!(restored.lines().count(), 4, "{restored}");
    assert!(restored.starts_with("log rekor: 5 entries, log"), "{restored}");
    assert_eq!(good(&sealmark(dir, &["stack", "restore", "two"]).output().unwrap()), "every log is here already\n");
    good(&sealmark(dir, &["stack", "fsck", "two"]).output().unwrap());
    let second = up(dir, "two");
    assert!(sign(dir, "two"));
    let verify = [
        "verify",
        "blob",
        "app.txt",
        "--bundle",
        "app.bundle.json",
        "--stack",
        "two",
        "--identity",
        "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0",
        "--issuer-glob",
        "http://127.0.0.1:*/github",
    ];
    drop(second);
    let verified = sealmark(dir, &verify).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));

    // What is missing is named; a bucket that is away is no finding.
    server.ask(&["delete", "site/rekor/tile/0/000.p/5"]).unwrap();
    let found = sealmark(dir, &["stack", "fsck", "two"]).output().unwrap();
    let text = String::from_utf8_lossy(&found.stdout);
    assert!(
        found.status.code() == Some(1) && text.contains("s3://logs/site/rekor/tile/0/000.p/5: it is missing"),
        "{text}"
    );
    held_up(dir, &server);
    drop(server);
    let away = sealmark(dir, &["stack", "fsck", "two"]).output().unwrap();
    assert!(
        away.status.code() == Some(3) && String::from_utf8_lossy(&away.stderr).contains("bucket-unreachable"),
        "{away:?}"
    );
}

/// The store goes away under a running stack: nothing is acknowledged, and after a minute nothing is taken, which is said
/// wherever an operator looks. It comes back, and so does the log.
fn held_up(dir: &Path, server: &Server) {
    let operator = format!("127.0.0.1:{}", free_port());
    let journal_file = std::fs::File::create(dir.join("two.journal")).unwrap();
    let mut up = sealmark(dir, &["stack", "up", "two", "--operator", &operator]);
    let _up = Process(up.stdout(Stdio::null()).stderr(journal_file).spawn().unwrap());
    let told = |path: &str| {
        let mut stream = std::net::TcpStream::connect(&operator).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    };
    patiently("the stack does not come up", || told("/readyz").is_some_and(|said| said.starts_with("HTTP/1.1 200")));
    server.sleep();
    assert!(!sign(dir, "two"), "acknowledged without the bucket");
    for _ in 0..2 {
        if journal(dir, "two").contains("log-held-up") {
            break;
        }
        let said = || journal(dir, "two").contains("log-held-up");
        (0..600).find(|_| {
            std::thread::sleep(Duration::from_millis(100));
            said()
        });
    }
    assert!(journal(dir, "two").contains(r#""event":"log-held-up""#), "{}", journal(dir, "two"));
    let ready = told("/readyz").unwrap();
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("takes no entries"), "{ready}");
    let metrics = told("/metrics").unwrap();
    let waited = metrics.lines().find_map(|line| line.strip_prefix("sealmark_log_unpublished_seconds ")).unwrap();
    assert!(waited.parse::<u64>().unwrap() >= 60, "{waited}");
    assert!(!sign(dir, "two"));
    assert!(
        journal(dir, "two").contains("the log waits for its witnesses or its bucket; retry"),
        "{}",
        journal(dir, "two")
    );
    server.wake();
    patiently("the log does not go on", || journal(dir, "two").contains(r#""event":"log-resumed""#));
    assert!(told("/readyz").unwrap().starts_with("HTTP/1.1 200"));
    assert!(sign(dir, "two"));
}

/// The bucket of one stack is none for another.
#[test]
fn logt11_a_bucket_of_another_stack() {
    for server in Server::all() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        init(dir, &server);
        drop(up(dir, "one"));
        std::fs::rename(dir.join("one"), dir.join("before")).unwrap();
        init(dir, &server);
        let refused = sealmark(dir, &["stack", "up", "one"]).output().unwrap();
        assert!(String::from_utf8_lossy(&refused.stderr).contains("log-key-mismatch"), "{refused:?}");
    }
}
