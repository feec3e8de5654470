//! The server against clients that behave, and those that do not.

use std::time::Instant;

use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::post;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

struct Server {
    address: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServeError>>,
}

async fn start() -> Server {
    let echo = async |body: Body| match body::read(body, 10).await {
        Ok(bytes) => bytes.into_response(),
        Err(status) => status.into_response(),
    };
    let slow = async || sleep(Duration::from_millis(300)).await;
    let broken = async || -> Response { panic!("a fault") };
    let router = Router::new().route("/echo", post(echo)).route("/slow", get(slow)).route("/broken", get(broken));
    let listener = bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(serve(listener, router, async { drop(stopped.await) }));
    Server { address, stop, ended }
}

async fn send(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn request(line: &str, head: &str, body: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n{body}")
}

#[tokio::test]
async fn health_and_errors_in_one_form() {
    let server = start().await;
    let health = send(&server, &request("GET /healthz", "", "")).await;
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with(r#"{"status":"SERVING"}"#), "{health}");
    let none = send(&server, &request("GET /none", "", "")).await;
    assert!(none.starts_with("HTTP/1.1 404"), "{none}");
    assert!(none.ends_with(r#"{"code":5,"details":[],"message":"no such path"}"#), "{none}");
    assert!(send(&server, &request("GET /echo", "", "")).await.starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn f26_bodies_are_bounded() {
    let server = start().await;
    let of = |length: usize| request("POST /echo", &format!("Content-Length: {length}\r\n"), &"x".repeat(length));
    assert!(send(&server, &of(10)).await.ends_with("xxxxxxxxxx"));
    assert!(send(&server, &of(11)).await.starts_with("HTTP/1.1 413"));
    // A declared length is refused before the body comes.
    let huge = request("POST /echo", "Content-Length: 99999999999\r\n", "");
    assert!(send(&server, &huge).await.starts_with("HTTP/1.1 413"));
    let chunks = request("POST /echo", "Transfer-Encoding: chunked\r\n", "6\r\nxxxxxx\r\n6\r\nxxxxxx\r\n0\r\n\r\n");
    assert!(send(&server, &chunks).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn f26_heads_are_bounded() {
    let server = start().await;
    let long = request("GET /healthz", &format!("X: {}\r\n", "x".repeat(2 * limits::HEAD_BYTES)), "");
    assert!(send(&server, &long).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test(start_paused = true)]
async fn f26_a_slow_head_and_a_slow_body_are_cut() {
    let server = start().await;
    for (bytes, limit) in [
        ("GET /healthz HTTP/1.1\r\nHos", limits::HEAD_SECS),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nx", limits::REQUEST_SECS),
    ] {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let started = tokio::time::Instant::now();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408") || answer.starts_with("HTTP/1.1 504"),
            "{answer}"
        );
        assert!(started.elapsed() <= Duration::from_secs(limit + limits::HEAD_SECS + 1), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_drain_lets_requests_end_and_takes_no_more() {
    let server = start().await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    server.stop.send(()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.ended.await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(&server.address).await.is_err());
}

/// A drain has an end: who sends no more of a request does not keep the process.
#[tokio::test(start_paused = true)]
async fn a_drain_cuts_what_does_not_end() {
    let server = start().await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nx").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    server.stop.send(()).unwrap();
    let cut = server.ended.await.unwrap().unwrap_err();
    assert_eq!((cut.code().name(), cut.to_string().contains('1')), ("serve-cut", true), "{cut}");
}

#[tokio::test]
async fn a_handler_that_panics_harms_its_own_request_only() {
    let server = start().await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 500");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with(r#"{"status":"SERVING"}"#), "{rest}");
}

/// A client that uses its connection is told of its end by an answer, and never by a reset.
#[tokio::test(start_paused = true)]
async fn an_old_connection_ends_with_an_answer() {
    let server = start().await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let started = tokio::time::Instant::now();
    let mut bytes = vec![0; 4096];
    loop {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let read = stream.read(&mut bytes).await.unwrap();
        let answer = std::str::from_utf8(&bytes[..read]).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        if answer.contains("connection: close") {
            break;
        }
        sleep(Duration::from_secs(5)).await;
    }
    assert!(started.elapsed() >= Duration::from_secs(limits::CONNECTION_SECS));
    assert_eq!(stream.read(&mut bytes).await.unwrap(), 0);
}

#[tokio::test]
async fn a_taken_address() {
    let first = bind("127.0.0.1:0").await.unwrap();
    let error = bind(&first.local_addr().unwrap().to_string()).await.unwrap_err();
    assert_eq!(error.code().name(), "serve-bind");
}
