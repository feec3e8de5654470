//! A service of the stack behind a faulty way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) enum Fault {
    /// It passes.
    None,
    /// It is answered with this status, and with how many seconds to wait.
    Status(u16, Option<u32>),
    /// It is never answered.
    Silence,
    /// It reaches the service, and the answer is lost.
    LostAnswer,
    /// It reaches the service, and the answer is changed.
    Lie(fn(&mut Vec<u8>)),
}

/// A way to a service.
pub(in crate::cli) struct Way {
    pub(in crate::cli) url: String,
    /// What the service answered, passed on or not.
    answers: Arc<Mutex<Vec<Vec<u8>>>>,
    requests: Arc<Mutex<usize>>,
    /// The first line of each request.
    lines: Arc<Mutex<Vec<String>>>,
}

impl Way {
    /// A way to `upstream` (`http://HOST:PORT`) where the n-th request, from 0 on, meets a fault.
    pub(in crate::cli) fn to(upstream: &str, fault: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let upstream = upstream.strip_prefix("http://").unwrap().to_owned();
        let (answers, requests, lines) = (Arc::default(), Arc::new(Mutex::new(0)), Arc::default());
        let way =
            Self { url, answers: Arc::clone(&answers), requests: Arc::clone(&requests), lines: Arc::clone(&lines) };
        let fault = Arc::new(fault);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let (upstream, fault) = (upstream.clone(), Arc::clone(&fault));
                let (answers, requests, lines) = (Arc::clone(&answers), Arc::clone(&requests), Arc::clone(&lines));
                std::thread::spawn(move || {
                    let Some(request) = read(&client) else { return };
                    let line =
                        String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap()).into_owned();
                    lines.lock().unwrap().push(line);
                    let number = {
                        let mut requests = requests.lock().unwrap();
                        *requests += 1;
                        *requests - 1
                    };
                    serve(client, &request, &upstream, fault(number), &answers);
                });
            }
        });
        way
    }

    /// Nothing listens there.
    pub(in crate::cli) fn down() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { url, answers: Arc::default(), requests: Arc::default(), lines: Arc::default() }
    }

    pub(in crate::cli) fn requests(&self) -> usize {
        *self.requests.lock().unwrap()
    }

    /// The first line of each request.
    pub(in crate::cli) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The bodies of what the service answered.
    pub(in crate::cli) fn answers(&self) -> Vec<String> {
        let answers = self.answers.lock().unwrap();
        let body = |answer: &Vec<u8>| String::from_utf8_lossy(&answer[body_at(answer)..]).into_owned();
        answers.iter().map(body).collect()
    }
}

fn body_at(answer: &[u8]) -> usize {
    answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4
}

/// A request as it is to go on: its connection is for this one alone.
fn read(client: &TcpStream) -> Option<Vec<u8>> {
    let mut reader = BufReader::new(client);
    let mut request = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
        if !lower.starts_with("connection:") {
            request.extend_from_slice(line.as_bytes());
        }
    }
    request.extend_from_slice(b"connection: close\r\n\r\n");
    let head = request.len();
    request.resize(head + length, 0);
    reader.read_exact(&mut request[head..]).ok()?;
    Some(request)
}

fn serve(mut client: TcpStream, request: &[u8], upstream: &str, fault: Fault, answers: &Mutex<Vec<Vec<u8>>>) {
    let lie = match fault {
        Fault::Status(status, after) => {
            let after = after.map(|after| format!("retry-after: {after}\r\n")).unwrap_or_default();
            let answer = format!("HTTP/1.1 {status} X\r\n{after}content-length: 0\r\nconnection: close\r\n\r\n");
            let _ = client.write_all(answer.as_bytes());
            return;
        }
        Fault::Silence => {
            // Until the client has had enough.
            let _ = client.read(&mut [0]);
            return;
        }
        Fault::Lie(lie) => Some(lie),
        Fault::None | Fault::LostAnswer => None,
    };
    let mut service = TcpStream::connect(upstream).unwrap();
    service.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _ = service.read_to_end(&mut answer);
    answers.lock().unwrap().push(answer.clone());
    if matches!(fault, Fault::LostAnswer) {
        return;
    }
    if let Some(lie) = lie {
        lie(&mut answer);
    }
    let _ = client.write_all(&answer);
}

/// Changes the character in the middle of the base64 that follows a name.
pub(in crate::cli) fn change_after(answer: &mut [u8], name: &str) {
    let at = answer.windows(name.len()).position(|part| part == name.as_bytes()).unwrap() + name.len() + 40;
    answer[at] = if answer[at] == b'A' { b'B' } else { b'A' };
}

/// Changes the last byte.
pub(in crate::cli) fn change_last(answer: &mut [u8]) {
    *answer.last_mut().unwrap() ^= 1;
}
