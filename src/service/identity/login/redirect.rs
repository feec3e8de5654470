//! The port that the browser brings its answer to (RFC 8252 section 7.3): on the loopback address, for one answer.

use std::io;
use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::LoginError;
use crate::base::limits;
use crate::service::http::excerpt;

/// The path that providers know Sigstore clients by.
const PATH: &str = "/auth/callback";

/// Waits for the browser.
pub(super) struct Redirect {
    listener: TcpListener,
    port: u16,
}

/// What the browser brought: the parameters of the one answer.
struct Answer {
    state: Option<String>,
    code: Option<Zeroizing<String>>,
    error: Option<String>,
    issuer: Option<String>,
}

impl Redirect {
    pub(super) async fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    /// Where the provider sends the browser: by name, as providers let clients without a fixed port register it.
    pub(super) fn url(&self) -> String {
        format!("http://localhost:{}{PATH}", self.port)
    }

    /// The code of the first answer. It must be to this login: one to another ends it.
    pub(super) async fn code(self, state: &str, issuer: &str) -> Result<Zeroizing<String>, LoginError> {
        let patience = Duration::from_secs(limits::LOGIN_SECS);
        let waited = tokio::time::timeout(patience, self.answer(state, issuer)).await;
        waited.unwrap_or(Err(LoginError::TimedOut { seconds: limits::LOGIN_SECS }))
    }

    async fn answer(self, state: &str, issuer: &str) -> Result<Zeroizing<String>, LoginError> {
        let (sender, mut asked) = mpsc::channel(limits::LOGIN_CONNECTIONS);
        loop {
            tokio::select! {
                // Browsers open connections that they may not use: none of them holds up the others.
                accepted = self.listener.accept() => {
                    let (mut stream, _) = accepted.map_err(LoginError::Listener)?;
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        let patience = Duration::from_secs(limits::LOGIN_REQUEST_SECS);
                        if let Ok(Some(target)) = tokio::time::timeout(patience, head(&mut stream)).await {
                            // Nobody listens when the login has ended.
                            let _ = sender.send((stream, target)).await;
                        }
                    });
                }
                Some((mut stream, target)) = asked.recv() => {
                    let Some(answer) = Answer::of(&target) else {
                        reply(&mut stream, "404 Not Found", "There is nothing here.").await;
                        continue;
                    };
                    let judged = answer.judge(state, issuer);
                    let (status, text) = match &judged {
                        Ok(_) => ("200 OK", "You are signed in. You can close this page and go back to the terminal."),
                        Err(_) => ("400 Bad Request", "You are not signed in: see the terminal, and begin again."),
                    };
                    reply(&mut stream, status, text).await;
                    return judged;
                }
            }
        }
    }
}

impl Answer {
    /// The parameters of a request for our path; a parameter that is there twice counts as none.
    fn of(target: &str) -> Option<Self> {
        let url = Url::parse("http://localhost").ok()?.join(target).ok()?;
        if url.path() != PATH {
            return None;
        }
        let one = |name: &str| {
            let mut values = url.query_pairs().filter(|(found, _)| found == name).map(|(_, value)| value.into_owned());
            values.next().filter(|_| values.next().is_none())
        };
        let error = one("error").map(|error| match one("error_description") {
            Some(description) => format!("{error}: {description}"),
            None => error,
        });
        Some(Self { state: one("state"), code: one("code").map(Zeroizing::new), error, issuer: one("iss") })
    }

    /// The code, when this answers the login of this state at this issuer (RFC 9207 for the latter).
    fn judge(self, state: &str, issuer: &str) -> Result<Zeroizing<String>, LoginError> {
        if self.state.as_deref() != Some(state) {
            return Err(LoginError::Foreign { what: "state" });
        }
        if self.issuer.is_some_and(|found| found != issuer) {
            return Err(LoginError::Foreign { what: "issuer" });
        }
        if let Some(error) = self.error {
            let answer = excerpt(error.as_bytes(), &[]);
            return Err(LoginError::Refused { issuer: issuer.to_owned(), answer });
        }
        self.code.ok_or(LoginError::Foreign { what: "code" })
    }
}

/// The target of a GET; `None` for anything else.
async fn head(stream: &mut TcpStream) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(limits::LOGIN_REQUEST_BYTES));
    let mut piece = [0; 1024];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        if bytes.len() + read > limits::LOGIN_REQUEST_BYTES {
            return None;
        }
        bytes.extend_from_slice(piece.get(..read)?);
    }
    let text = std::str::from_utf8(&bytes).ok()?;
    let mut words = text.lines().next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    (method == "GET").then(|| Zeroizing::new(target.to_owned()))
}

/// A page of one sentence, which nothing may frame, run in or keep.
async fn reply(stream: &mut TcpStream, status: &str, text: &str) {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sealmark</title><body><p>{text}</p></body></html>\n"
    );
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
         content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n\r\n{page}",
        page.len()
    );
    // A browser that has gone needs no page.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::OwnedFd;

    use super::*;

    /// A socket that cannot accept, and says so as soon as something has come.
    #[tokio::test]
    async fn a_port_that_takes_no_connections() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        let listener = TcpListener::from_std(OwnedFd::from(socket).into()).unwrap();
        let error = Redirect { listener, port: 0 }.code("state", "https://issuer.example").await.unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("login-listener", 3));
    }
}
