//! `stack status`: what can be seen of a stack from beside it, without its keys and without its locks.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::Config;
use super::folder::{self, Folder};
use super::log::{self, Disk};
use super::{Role, StackError};
use crate::base::limits;
use crate::format::checkpoint::Checkpoint;

/// A stack as seen from beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackStatus {
    /// Where it should answer.
    pub url: String,
    /// Whether it says that it is serving; where it serves TLS, whether a TLS server answers at its address, since its
    /// certificate may be of an authority that only its clients know.
    pub serving: bool,
    /// The verifier key of its witness, where it has one.
    pub witness: Option<String>,
    /// Its logs.
    pub logs: Vec<LogStatus>,
}

/// A log by its last committed checkpoint, whose signature is not checked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStatus {
    /// Its folder's name.
    pub name: &'static str,
    /// Its origin.
    pub origin: String,
    /// Leaves in its tree.
    pub size: u64,
}

/// Looks at the stack in a folder.
pub async fn status(dir: &Path) -> Result<StackStatus, StackError> {
    let config = Config::read(dir)?;
    let folder = Folder::of_shard(&dir.into(), &config);
    let mut logs = Vec::new();
    let held = |name: &&str| match *name {
        "ct" => config.has(Role::Ct),
        "rekor-v1" => config.rekor_v1 && config.has(Role::Log),
        _ => config.has(Role::Log),
    };
    for name in ["rekor", "ct", "rekor-v1"].into_iter().filter(held) {
        let path = folder.log(name);
        let note = log::last_note(&Disk, &path)?;
        let (checkpoint, _) = Checkpoint::parse(&note)
            .map_err(|_| StackError::Damaged { path, what: "its last commit is not a checkpoint" })?;
        logs.push(LogStatus { name, origin: checkpoint.origin().to_owned(), size: checkpoint.size() });
    }
    let answer = timeout(Duration::from_secs(limits::HEAD_SECS), health(&config.listen)).await;
    let serving = matches!(answer, Ok(Ok(answer)) if says_that_it_serves(&answer));
    let witness = witness_key(dir)?;
    Ok(StackStatus { url: config.url, serving, witness, logs })
}

/// The verifier key of the witness of the stack in a folder, where it has one.
pub fn witness_key(dir: &Path) -> Result<Option<String>, StackError> {
    let config = Config::read(dir)?;
    if !config.includes(Role::Witness) {
        return Ok(None);
    }
    let text = Folder::new(&dir.into()).read(folder::WITNESS_KEY)?;
    Ok(Some(String::from_utf8_lossy(&text).trim_end().to_owned()))
}

/// What `/healthz` answers on the address that the stack listens on.
async fn health(address: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Health in plain HTTP, or the alert by which a TLS server refuses plain text: RFC 8446 section 6, content type 21.
fn says_that_it_serves(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    (text.starts_with("HTTP/1.1 200") && text.contains("SERVING")) || answer.starts_with(&[21, 3])
}
