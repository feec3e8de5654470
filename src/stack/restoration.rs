//! `stack restore`: logs whose disk is lost, made again from the bucket that they were published to.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::config::{self, Config};
use super::ct::CtCodec;
use super::folder::{Folder, StoredKey};
use super::log::bucket::{self as in_bucket, Restored};
use super::log::{Codec, Disk};
use super::place::Place;
use super::rekor::RekorCodec;
use super::rekor_v1::RekorV1Codec;
use super::{OfLog, Role, StackError, bucket, lock, stage};
use crate::base::limits;

/// Makes every log again that a stack's folder should have and has not, of each shard, from the bucket that `stack.json`
/// names. The keys must be there, and nothing may run the stack.
pub fn restore(place: impl Into<Place>) -> Result<Vec<OfLog<Restored>>, StackError> {
    let place = place.into();
    let dir = place.dir();
    Config::read(dir)?;
    let _alone = lock::take(dir)?;
    stage::settle(dir)?;
    let config = Config::read(dir)?;
    if config.bucket.is_none() {
        let what = "it names no bucket to restore from".to_owned();
        return Err(StackError::Config { path: dir.join(config::NAME), what });
    }
    let logs = dir.join("logs");
    fs::create_dir_all(&logs).map_err(|error| StackError::io("create", &logs, error))?;
    let mut done = Vec::new();
    for shard in config.shards() {
        let folder = &Folder::of_shard(&place, &shard);
        if is_absent(folder, &shard, Role::Log, "rekor") {
            let codec = RekorCodec::new(folder.key(StoredKey::Rekor)?, &shard.log_name())?;
            done.extend(one(folder, &shard, ("rekor", shard.log_name()), &codec)?);
        }
        if is_absent(folder, &shard, Role::Ct, "ct") {
            let codec = CtCodec::new(folder.key(StoredKey::Ct)?, &shard.ct_name())?;
            done.extend(one(folder, &shard, ("ct", shard.ct_name()), &codec)?);
        }
        if shard.rekor_v1 && is_absent(folder, &shard, Role::Log, "rekor-v1") {
            let codec = RekorV1Codec::new(folder.key(StoredKey::RekorV1)?, &shard.rekor_v1_name())?;
            done.extend(one(folder, &shard, ("rekor-v1", shard.rekor_v1_name()), &codec)?);
        }
    }
    Ok(done)
}

/// Whether a log should be here and is not: one whose folder holds a commit is never touched.
fn is_absent(folder: &Folder, config: &Config, role: Role, name: &str) -> bool {
    config.has(role) && !folder.log(name).join("commits").exists()
}

/// A log is not put into the place of something: whatever is there may be wanted once more.
fn vacant(path: &Path) -> Result<(), StackError> {
    let what = "it holds something, and no commit: move it away";
    match fs::read_dir(path).map(|mut inside| inside.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(StackError::Damaged { path: path.to_owned(), what }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StackError::io("list", path, error)),
    }
}

/// What follows the name of a log that is being made.
const UNFINISHED: &str = ".restored";

fn one<C: Codec>(
    folder: &Folder,
    config: &Config,
    (name, origin): (&str, String),
    codec: &C,
) -> Result<Option<OfLog<Restored>>, StackError> {
    let Some(bucket) = bucket::of(folder, config, name)? else { return Ok(None) };
    let (to, made) = (folder.log(name), folder.path(format!("logs/{}{UNFINISHED}", folder.log_name(name))));
    vacant(&to)?;
    // Only a restoration that was interrupted has left it.
    match fs::remove_dir_all(&made) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(StackError::io("remove", &made, error)),
        _ => {}
    }
    let watch = Duration::from_secs(limits::RESTORE_WATCH_SECS);
    let result = in_bucket::restore(bucket.as_ref(), (Arc::new(Disk), &made), codec, watch)?;
    let moved = fs::rename(&made, &to).and_then(|()| fs::File::open(folder.path("logs"))?.sync_all());
    moved.map_err(|error| StackError::io("move", &made, error))?;
    Ok(Some(OfLog { name: folder.log_name(name), origin, result }))
}
