//! A log of many entries, quickly: its entries are made up and go past admission. Every byte that the engine writes
//! is counted.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use sealmark::base::crypto::{KeyKind, sha256};
use sealmark::base::encoding::hex;
use sealmark::stack::Config;
use sealmark::stack::clock::Clock;
use sealmark::stack::keys::PrivateKey;
use sealmark::stack::log::vfs::{Appender, Reader};
use sealmark::stack::log::{Disk, Log, Vfs};
use sealmark::stack::rekor::RekorCodec;

/// Bytes of an entry with a certificate of Fulcio's profile.
const ENTRY: usize = 1500;

/// Appends `count` entries to the log of the stack in a folder.
pub(crate) fn grow(dir: &Path, count: u64) {
    let config = Config::read(dir).unwrap();
    let key = PrivateKey::read(&dir.join("keys/rekor.pem"), KeyKind::Ed25519).unwrap();
    let codec = RekorCodec::new(key, &format!("log{}.{}", config.shard, config.domain)).unwrap();
    let counted = Counted::default();
    let log = Log::open(Arc::new(counted.clone()), &dir.join("logs/rekor"), codec, Clock::system()).unwrap();
    let from = log.head().size();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let started = Instant::now();
    let template =
        format!("{{\"apiVersion\":\"0.0.2\",\"kind\":\"hashedrekord\",\"filler\":\"{}\"", "A".repeat(ENTRY - 130));
    // Tiles of hashes: 32 bytes for a leaf, and for every 256 one level higher.
    let mut stored = count as f64 * 32.125;
    runtime.block_on(async {
        let log = Arc::new(log);
        let mut waiting = std::collections::VecDeque::new();
        for number in from..from + count {
            let digest = hex::encode(&sha256(&[&number.to_be_bytes()]));
            let body: Arc<[u8]> = format!("{template},\"digest\":\"{digest}\"}}").into_bytes().into();
            stored += (body.len() + 2) as f64;
            let log = Arc::clone(&log);
            waiting.push_back(Box::pin(async move { log.append(body).await.unwrap() }));
            if waiting.len() == 2048 {
                all(&mut waiting).await;
            }
        }
        all(&mut waiting).await;
    });
    let seconds = started.elapsed().as_secs_f64();
    println!("{count} entries in {seconds:.1} s: {:.0}/s", count as f64 / seconds);
    let written = counted.0.lock().unwrap();
    let of = |kinds: &[&str]| kinds.iter().map(|kind| written.get(*kind).copied().unwrap_or(0)).sum::<u64>() as f64;
    for (kind, bytes) in written.iter() {
        println!("  {kind}: {:.1} bytes an entry", *bytes as f64 / count as f64);
    }
    println!("written for entries and tiles / their bytes: {:.3}", of(&["tail", "tile"]) / stored);
}

/// Polls every append at once: they are answered in batches.
async fn all<F: Future + Unpin>(waiting: &mut std::collections::VecDeque<F>) {
    let mut done = vec![false; waiting.len()];
    std::future::poll_fn(|context| {
        for (future, done) in waiting.iter_mut().zip(&mut done).filter(|(_, done)| !**done) {
            *done = std::pin::Pin::new(future).poll(context).is_ready();
        }
        if done.iter().all(|done| *done) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    waiting.clear();
}

/// The local disk, which counts what is appended by the kind of the file.
#[derive(Debug, Clone, Default)]
struct Counted(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Counted {
    fn kind(path: &Path) -> &'static str {
        let text = path.to_string_lossy();
        let kinds = [("/tail/", "tail"), ("/tmp/tile-", "tile"), ("/tmp/index-", "index"), ("commits", "commits")];
        kinds.into_iter().find(|(part, _)| text.contains(part)).map_or("restart", |(_, kind)| kind)
    }
}

impl Vfs for Counted {
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send>> {
        Disk.lock(path)
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(path)
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn Reader>> {
        Disk.open(path)
    }
    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        Disk.names(dir)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn Appender>> {
        Ok(Box::new(CountedFile { file: Disk.create(path)?, kind: Self::kind(path), counted: self.clone() }))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        Disk.create_dir(path)
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.link(from, to)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        Disk.sync_dir(dir)
    }
}

#[derive(Debug)]
struct CountedFile {
    file: Box<dyn Appender>,
    kind: &'static str,
    counted: Counted,
}

impl Appender for CountedFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        *self.counted.0.lock().unwrap().entry(self.kind).or_default() += bytes.len() as u64;
        self.file.append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}
