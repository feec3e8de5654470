//! Sends prepared requests and looks at the clock: throughput, latencies, the CPU of either side, the server's memory.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

/// A request, and when it is to be sent.
type Request = (Instant, Vec<u8>);

/// Sends all requests of a file over kept connections.
pub(crate) fn load(url: &str, file: &str, server: &str, connections: usize, rate: Option<f64>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = url.split_once("://").unwrap().1.to_owned();
    let (sender, queue) = mpsc::channel(4 * connections);
    let queue = Arc::new(Mutex::new(queue));
    let (before, own) = (process(server), process("self"));
    let started = Instant::now();
    let path = file.to_owned();
    let reader = std::thread::spawn(move || read(&path, rate, &sender));
    let done = Arc::new(AtomicU64::new(0));
    let mut latencies = runtime.block_on(async {
        let tasks: Vec<_> = (0..connections)
            .map(|_| tokio::spawn(connection(address.clone(), Arc::clone(&queue), Arc::clone(&done))))
            .collect();
        let mut latencies: Vec<Duration> = Vec::new();
        let sampler = tokio::spawn(sample(server.to_owned(), Arc::clone(&done)));
        for task in tasks {
            latencies.extend(task.await.unwrap());
        }
        sampler.abort();
        latencies
    });
    reader.join().unwrap();
    let wall = started.elapsed().as_secs_f64();
    let (after, own_after) = (process(server), process("self"));
    latencies.sort_unstable();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    let count = latencies.len() as f64;
    println!(
        "{} requests in {wall:.1} s: {:.0}/s; p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        latencies.len(),
        count / wall,
        at(0.5),
        at(0.99),
        at(1.0)
    );
    println!(
        "server CPU {:.1} s ({:.0}/s a core); generator CPU {:.1} s; server memory {} MiB before, {} MiB after, {} MiB peak",
        after.cpu - before.cpu,
        count / (after.cpu - before.cpu),
        own_after.cpu - own.cpu,
        before.resident / 1024,
        after.resident / 1024,
        after.peak / 1024
    );
}

fn read(path: &str, rate: Option<f64>, queue: &mpsc::Sender<Request>) {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).unwrap());
    let started = Instant::now();
    let mut length = [0; 4];
    let mut number = 0u32;
    while file.read_exact(&mut length).is_ok() {
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        file.read_exact(&mut request).unwrap();
        let due = rate.map(|rate| started + Duration::from_secs_f64(f64::from(number) / rate));
        if let Some(due) = due {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        // Waiting for a free connection counts.
        queue.blocking_send((due.unwrap_or_else(Instant::now), request)).unwrap();
        number += 1;
    }
}

async fn connection(
    address: String,
    queue: Arc<Mutex<mpsc::Receiver<Request>>>,
    done: Arc<AtomicU64>,
) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut latencies = Vec::new();
    let mut answer = Vec::new();
    loop {
        let next = queue.lock().await.recv().await;
        let Some((due, request)) = next else { return latencies };
        stream.write_all(&request).await.unwrap();
        whole(&mut stream, &mut answer).await;
        latencies.push(due.elapsed());
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads one answer, which must be one of success.
async fn whole(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    answer.clear();
    loop {
        assert!(stream.read_buf(answer).await.unwrap() > 0, "the server hung up");
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
        assert!(text.starts_with("http/1.1 20"), "{}", String::from_utf8_lossy(answer));
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let length: usize = length.parse().unwrap();
        while answer.len() < head + 4 + length {
            assert!(stream.read_buf(answer).await.unwrap() > 0, "the server hung up");
        }
        return;
    }
}

/// Says every ten seconds how far it is, and what the server's memory is then.
async fn sample(server: String, done: Arc<AtomicU64>) {
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let now = done.load(Ordering::Relaxed);
        println!("  {now} ({}/s), server {} MiB", (now - before) / 10, process(&server).resident / 1024);
        before = now;
    }
}

/// A process as the system sees it.
struct Process {
    /// Seconds of CPU.
    cpu: f64,
    /// KiB in memory.
    resident: u64,
    /// KiB at most so far.
    peak: u64,
}

fn process(id: &str) -> Process {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    // USER_HZ is 100 on every Linux.
    Process { cpu: (ticks(11) + ticks(12)) / 100.0, resident: kib("VmRSS:"), peak: kib("VmHWM:") }
}
