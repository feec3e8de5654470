//! What an operator does with a stack's logs from beside the server: check all of their bytes, and write them
//! out as static files. Neither needs the locks, so that both work on a running stack.

use std::path::Path;
use std::sync::Arc;

use super::config::Config;
use super::ct::CtCodec;
use super::folder::{Folder, StoredKey};
use super::log::export::{self, Exported};
use super::log::fsck::{self, Report};
use super::log::{Beside, Codec, Disk};
use super::place::Place;
use super::rekor::RekorCodec;
use super::rekor_v1::RekorV1Codec;
use super::{Role, StackError};
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

/// Checks every log of the stack in a folder, from entries to checkpoint. Errors are of the disk, the keys or a
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
        true => [Folder::new(&place).chain("ca")?, Folder::new(&place).issued_before()?].concat(),
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
}

struct Check;

impl Work for Check {
    type Result = Report;

    fn log<C: Codec>(&self, _name: &str, log: &Beside<'_, C>) -> Result<Report, StackError> {
        Ok(fsck::fsck(log)?)
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
            done.push(one_log(&folder, ("rekor", config.log_name()), &rekor, work)?);
        }
        if config.has(Role::Ct) {
            let ct = CtCodec::new(folder.key(StoredKey::Ct)?, &config.ct_name())?;
            done.push(one_log(&folder, ("ct", config.ct_name()), &ct, work)?);
        }
        if config.rekor_v1 && config.has(Role::Log) {
            let codec = RekorV1Codec::new(folder.key(StoredKey::RekorV1)?, &config.rekor_v1_name())?;
            done.push(one_log(&folder, ("rekor-v1", config.rekor_v1_name()), &codec, work)?);
        }
    }
    Ok(done)
}

fn one_log<C: Codec, W: Work>(
    folder: &Folder,
    (name, origin): (&str, String),
    codec: &C,
    work: &W,
) -> Result<OfLog<W::Result>, StackError> {
    let log = Beside::open(Arc::new(Disk), &folder.log(name), codec)?;
    let name = folder.log_name(name);
    let result = work.log(&name, &log)?;
    Ok(OfLog { name, origin, result })
}
