//! Frozen shards: what they hold stays readable, at `/shards/SHARD/NAME/`, for whoever audits or verifies.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::config::Config;
use super::ct::CtCodec;
use super::folder::{Folder, StoredKey};
use super::log::{Beside, Codec, Disk, LogError, read_path};
use super::place::Place;
use super::rekor::RekorCodec;
use super::rekor_v1::RekorV1Codec;
use super::{Role, StackError};
use crate::format::merkle::{Tile, TileKind};
use crate::serve::Status;

/// A log that nobody writes any more.
#[derive(Debug)]
struct Frozen<C: Codec> {
    codec: C,
    dir: PathBuf,
}

impl<C: Codec> Frozen<C> {
    fn checkpoint(&self) -> Result<Vec<u8>, LogError> {
        Ok(Beside::open(Arc::new(Disk), &self.dir, &self.codec)?.note().as_bytes().to_vec())
    }

    /// A tile, full or partial; `None` where the log has none. A narrower one is the beginning of a wider.
    fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        let log = Beside::open(Arc::new(Disk), &self.dir, &self.codec)?;
        match Tile::of_tree(tile.kind(), tile.index(), log.size()) {
            Some(there) if tile.width() <= there.width() => match tile.kind() {
                TileKind::Hashes { .. } => {
                    let hashes = log.hashes(there)?.concat();
                    Ok(hashes.get(..32 * usize::from(tile.width())).map(<[u8]>::to_vec))
                }
                kind if kind == C::BUNDLES => log.bundle(tile).map(Some),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn routes(self, prefix: &str) -> Router {
        let (checkpoint, tiles) = (format!("{prefix}/checkpoint"), format!("{prefix}/tile/{{*path}}"));
        Router::new()
            .route(
                &checkpoint,
                get(async |State(log): State<Arc<Self>>| {
                    let read = tokio::task::spawn_blocking(move || log.checkpoint()).await;
                    match read {
                        Ok(Ok(note)) => read_path::note(note, "public, max-age=3600"),
                        _ => Status::internal("the checkpoint cannot be read").into_response(),
                    }
                }),
            )
            .route(&tiles, get(async |State(log): State<Arc<Self>>, Path(path): Path<String>| serve(log, &path).await))
            .with_state(Arc::new(self))
    }
}

async fn serve<C: Codec>(log: Arc<Frozen<C>>, path: &str) -> Response {
    let Ok(tile) = Tile::parse(&format!("tile/{path}")) else {
        return Status::not_found("no such tile").into_response();
    };
    match tokio::task::spawn_blocking(move || log.tile(tile)).await {
        Ok(Ok(Some(bytes))) => read_path::bytes(bytes, true),
        Ok(Ok(None)) => Status::not_found("no such tile").into_response(),
        _ => Status::internal("the tile cannot be read").into_response(),
    }
}

/// The routes of every frozen shard's logs that a folder holds, each with the name of its service.
pub(super) fn routes(place: &Place, config: &Config) -> Result<Vec<(&'static str, Router)>, StackError> {
    let mut routes = Vec::new();
    for shard in config.shards().filter(|shard| shard.shard != config.shard) {
        let folder = Folder::of_shard(place, &shard);
        let prefix = |name: &str| format!("/shards/{}/{name}", shard.shard);
        if config.has(Role::Log) {
            let codec = RekorCodec::new(folder.key(StoredKey::Rekor)?, &shard.log_name())?;
            routes.push(("log", Frozen { codec, dir: folder.log("rekor") }.routes(&prefix("rekor"))));
        }
        if config.has(Role::Log) && config.rekor_v1 {
            let codec = RekorV1Codec::new(folder.key(StoredKey::RekorV1)?, &shard.rekor_v1_name())?;
            routes.push(("log-v1", Frozen { codec, dir: folder.log("rekor-v1") }.routes(&prefix("rekor-v1"))));
        }
        if config.has(Role::Ct) {
            let codec = CtCodec::new(folder.key(StoredKey::Ct)?, &shard.ct_name())?;
            routes.push(("ct", Frozen { codec, dir: folder.log("ct") }.routes(&prefix("ct"))));
        }
    }
    Ok(routes)
}
