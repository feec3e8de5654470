//! Reading a tiled log: <https://c2sp.org/tlog-tiles>. What is read here is as the log's server gave it; nothing is
//! verified.

use thiserror::Error;

use crate::base::code::Code;
use crate::base::limits;
use crate::format::merkle::{Tile, TileKind, tile};
use crate::service::http::{Endpoint, Exchange, HttpClient, HttpError, Method, Repeat, Response, Service};

/// Where Rekor v2 has its tiles below the log's URL.
const REKOR_V2: &str = "api/v2";

/// Where a log is read.
#[derive(Debug, Clone)]
pub struct TiledLog {
    url: Endpoint,
    http: HttpClient,
}

/// The folder in which a log's checkpoint was found.
#[derive(Debug, Clone)]
pub struct Tiles {
    folder: Endpoint,
    http: HttpClient,
}

/// Why something of a log cannot be read: whether it is sound cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The way there.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Neither Rekor v2's path nor a plain one has a checkpoint.
    #[error("{url} has no checkpoint, neither as Rekor v2 nor as plain tiles")]
    NotTiled {
        /// The log.
        url: String,
    },
    /// A file that the checkpoint covers.
    #[error("{url} answered {status}, and the log's checkpoint covers it")]
    Missing {
        /// The file.
        url: String,
        /// What was answered.
        status: u16,
    },
}

impl ReadError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            // An answer of any status is judged here.
            Self::Http(error) => error.code(),
            Self::NotTiled { .. } => Code::undecided(
                "log-not-tiled",
                "give the URL of a Rekor v2 log, or the folder of a tlog-tiles log; the sharded logs of Rekor v1 are not \
                 followed",
            ),
            Self::Missing { .. } => Code::undecided(
                "log-incomplete",
                "the log's read path is broken or behind: look again; if it stays, ask its operator",
            ),
        }
    }
}

impl TiledLog {
    /// The log at a URL: Rekor v2's, or the folder of a tlog-tiles log.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`].
    pub fn new(url: &str, http: HttpClient) -> Result<Self, HttpError> {
        Ok(Self { url: Endpoint::parse(Service::Log, url)?, http })
    }

    /// The signed checkpoint, unverified, and where the tiles are.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn checkpoint(&self) -> Result<(Vec<u8>, Tiles), ReadError> {
        for folder in [self.url.below(REKOR_V2), self.url.clone()] {
            let tiles = Tiles { folder, http: self.http.clone() };
            let response = tiles.get("checkpoint", limits::CHECKPOINT_BYTES).await?;
            match response.status {
                200 => return Ok((response.body, tiles)),
                404 => {}
                status => {
                    let url = tiles.folder.below("checkpoint").to_string();
                    return Err(ReadError::Missing { url, status });
                }
            }
        }
        Err(ReadError::NotTiled { url: self.url.to_string() })
    }
}

impl Tiles {
    async fn get(&self, path: &str, limit: usize) -> Result<Response, HttpError> {
        let call = Exchange {
            service: Service::Log,
            method: &Method::GET,
            endpoint: &self.folder.below(path),
            headers: &reqwest::header::HeaderMap::new(),
            body: None,
            limit,
            repeat: Repeat::Allowed,
            secrets: &[],
        };
        self.http.exchange(&call).await
    }

    /// The bytes of a tile. A partial one may have given way to the full one, of which it is the beginning: then the
    /// full one's bytes are given.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn tile(&self, wanted: Tile) -> Result<Vec<u8>, ReadError> {
        let limit = match wanted.kind() {
            TileKind::Hashes { .. } => 32 * usize::from(tile::WIDTH),
            _ => limits::BUNDLE_TILE_BYTES,
        };
        let mut response = self.get(&wanted.to_string(), limit).await?;
        if response.status == 404
            && !wanted.is_full()
            && let Some(full) = Tile::new(wanted.kind(), wanted.index(), tile::WIDTH)
        {
            response = self.get(&full.to_string(), limit).await?;
        }
        match response.status {
            200 => Ok(response.body),
            status => Err(ReadError::Missing { url: self.folder.below(&wanted.to_string()).to_string(), status }),
        }
    }
}
