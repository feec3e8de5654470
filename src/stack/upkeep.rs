//! What an operator does with a stack's logs from beside the server: check all of their bytes, and write them
//! out as static files. Neither needs the locks, so that both work on a running stack.

use std::path::Path;
use std::sync::Arc;

use super::config::Config;
use super::ct::CtCodec;
use super::folder::{Folder, StoredKey};
use super::log::bucket::Bucket;
use super::log::export::{self, Exported};
use super::log::fsck::{self, Report};
use super::log::{self, Beside, Codec, Disk};
use super::place::Place;
use super::rekor::RekorCodec;
use super::rekor_v1::RekorV1Codec;
use super::{Role, StackError, bucket, ct};
use crate::base::crypto::sha256;
use crate::base::encoding::hex;

/// A log of a stack, and what came of looking at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfLog<T> {
    /// Its folder's name.
    pub name: String,
    /// Its origin.
    pub origin: String,
    /// What came of it.
    pub result: T,
}

/// Checks every log of the stack in a folder, from entries to checkpoint, and what its bucket has of it. Errors are of the disk, the keys or a
/// checkpoint that is not the log's own: what else is wrong is in the reports.
pub fn fsck(place: impl Into<Place>) -> Result<Vec<OfLog<Report>>, StackError> {
    each_log(&place.into(), &Check)
}

/// Writes every log of the stack in a folder as static files to `out/NAME`: its checkpoint and tiles, and the CT
/// log's issuers. What an earlier export wrote is kept and added to.
pub fn export(place: impl Into<Place>, out: &Path) -> Result<Vec<OfLog<Exported>>, StackError> {
    let place = place.into();
    let exported = each_log(&place, &Write { out })?;
    let issuers = match Config::read(place.dir())?.has(Role::Ct) {
        true => {
            let folder = Folder::new(&place);
            [folder.chain("ca")?, folder.issued_before()?, ct::others::read(&folder)?.concat()].concat()
        }
        false => Vec::new(),
    };
    for certificate in issuers {
        let name = format!("ct/issuer/{}", hex::encode(&sha256(&[certificate.der()])));
        export::write(&out.join(name), certificate.der())?;
    }
    Ok(exported)
}

/// Something to do with a log of any kind.
trait Work {
    type Result;

    fn log<C: Codec>(&self, name: &str, log: &Beside<'_, C>) -> Result<Self::Result, StackError>;

    /// The same log in its bucket.
    fn published<C: Codec>(
        &self,
        _result: &mut Self::Result,
        _bucket: &dyn Bucket,
        _log: (&Path, &C),
    ) -> Result<(), StackError> {
        Ok(())
    }
}

struct Check;

impl Work for Check {
    type Result = Report;

    fn log<C: Codec>(&self, _name: &str, log: &Beside<'_, C>) -> Result<Report, StackError> {
        Ok(fsck::fsck(log)?)
    }

    fn published<C: Codec>(
        &self,
        result: &mut Report,
        bucket: &dyn Bucket,
        (dir, codec): (&Path, &C),
    ) -> Result<(), StackError> {
        result.findings.extend(log::bucket::check(bucket, Arc::new(Disk), dir, codec)?);
        Ok(())
    }
}

struct Write<'a> {
    out: &'a Path,
}

impl Work for Write<'_> {
    type Result = Exported;

    fn log<C: Codec>(&self, name: &str, log: &Beside<'_, C>) -> Result<Exported, StackError> {
        Ok(export::export(log, &self.out.join(name))?)
    }
}

/// Every log of every shard, frozen ones first.
fn each_log<W: Work>(place: &Place, work: &W) -> Result<Vec<OfLog<W::Result>>, StackError> {
    let mut done = Vec::new();
    for config in Config::read(place.dir())?.shards() {
        let folder = Folder::of_shard(place, &config);
        if config.has(Role::Log) {
            let rekor = RekorCodec::new(folder.key(StoredKey::Rekor)?, &config.log_name())?;
            done.push(one_log(&folder, &config, ("rekor", config.log_name()), &rekor, work)?);
        }
        if config.has(Role::Ct) {
            let ct = CtCodec::new(folder.key(StoredKey::Ct)?, &config.ct_name())?;
            done.push(one_log(&folder, &config, ("ct", config.ct_name()), &ct, work)?);
        }
        if config.rekor_v1 && config.has(Role::Log) {
            let codec = RekorV1Codec::new(folder.key(StoredKey::RekorV1)?, &config.rekor_v1_name())?;
            done.push(one_log(&folder, &config, ("rekor-v1", config.rekor_v1_name()), &codec, work)?);
        }
    }
    Ok(done)
}

fn one_log<C: Codec, W: Work>(
    folder: &Folder,
    config: &Config,
    (name, origin): (&str, String),
    codec: &C,
    work: &W,
) -> Result<OfLog<W::Result>, StackError> {
    let (dir, bucket) = (folder.log(name), bucket::of(folder, config, name)?);
    let log = Beside::open(Arc::new(Disk), &dir, codec)?;
    let name = folder.log_name(name);
    let mut result = work.log(&name, &log)?;
    if let Some(bucket) = bucket {
        work.published(&mut result, bucket.as_ref(), (&dir, codec))?;
    }
    Ok(OfLog { name, origin, result })
}
