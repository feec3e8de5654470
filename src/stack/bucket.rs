//! `bucket` in `stack.json`: the object store that a stack's logs are published to, each under its folder's name.

#[cfg(feature = "object-storage")]
mod s3;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::StackError;
use super::config::{self, Config};
use super::folder::Folder;
use super::log::bucket::Bucket;

/// Where a stack's logs are published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketAt {
    /// `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    pub url: String,
    /// The URL of an S3-compatible service; without it AWS's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Its region; without it the environment's (`AWS_REGION`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// A file with the authority's certificate, in PEM, where the service's is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

impl BucketAt {
    /// What is no place for logs.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        self.parts().map(drop)
    }

    /// The bucket's name, and the prefix without slashes around it.
    fn parts(&self) -> Result<(&str, &str), &'static str> {
        let rest = self.url.strip_prefix("s3://").ok_or("the bucket is not s3://BUCKET or s3://BUCKET/PREFIX")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let name = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.';
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
        let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
        match () {
            () if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(name) => {
                Err("the bucket's name is none: 3 to 63 of a-z, 0-9, dots and dashes")
            }
            () if prefix.len() > 256 || !(prefix.is_empty() || prefix.split('/').all(segment)) => {
                Err("the bucket's prefix is of letters, digits, dots, dashes, underscores and single slashes")
            }
            () => Ok((bucket, prefix)),
        }
    }

    /// The place of a log. `dir` is the stack's folder, which a relative `ca` is in.
    #[cfg(feature = "object-storage")]
    pub(super) fn open(&self, dir: &Path, log: &str) -> Result<Arc<dyn Bucket>, String> {
        let (bucket, prefix) = self.parts()?;
        let prefix = if prefix.is_empty() { log.to_owned() } else { format!("{prefix}/{log}") };
        Ok(Arc::new(s3::S3::open(self, dir, bucket, prefix)?))
    }

    /// The place of a log, in a build that has none.
    #[cfg(not(feature = "object-storage"))]
    pub(super) fn open(&self, _dir: &Path, _log: &str) -> Result<Arc<dyn Bucket>, String> {
        Err("this build has no object storage (feature `object-storage`), and stack.json names a bucket".to_owned())
    }
}

/// The place of a log of the stack in a folder, where it has one.
pub(super) fn of(folder: &Folder, config: &Config, name: &str) -> Result<Option<Arc<dyn Bucket>>, StackError> {
    let what = |what| StackError::Config { path: folder.path(config::NAME), what };
    let open = |at: &BucketAt| at.open(&folder.path("."), &folder.log_name(name)).map_err(what);
    config.bucket.as_ref().map(open).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let at = |url: &str| BucketAt { url: url.to_owned(), endpoint: None, region: None, ca: None };
        for (url, bucket, prefix) in [
            ("s3://logs", "logs", ""),
            ("s3://logs/", "logs", ""),
            ("s3://my.logs-1/a/b_c", "my.logs-1", "a/b_c"),
            ("s3://logs/site/", "logs", "site"),
        ] {
            assert_eq!(at(url).parts(), Ok((bucket, prefix)), "{url}");
        }
        for url in ["logs", "https://logs", "s3://", "s3://ab", "s3://Logs", "s3://logs//a", "s3://logs/a//b"] {
            assert!(at(url).parts().is_err(), "{url}");
        }
        for url in ["s3://logs/..", "s3://logs/a/../b", "s3://logs/a b", "s3://logs/a?b", "s3://a@b/c"] {
            assert!(at(url).parts().is_err(), "{url}");
        }
    }
}
