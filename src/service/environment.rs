//! What a process knows of its surroundings: variables, small files and the clock, injected so that a
//! platform's detection is tested without touching the real ones.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::base::time::UnixTime;

/// The surroundings of a run.
pub trait Environment: fmt::Debug + Send + Sync {
    /// A variable; one that is empty or not UTF-8 counts as not set.
    fn var(&self, name: &str) -> Option<String>;

    /// A file of at most `limit` bytes; a longer one is an error of kind
    /// [`InvalidData`](io::ErrorKind::InvalidData).
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>>;

    /// Whether there is something at `path`.
    fn exists(&self, path: &Path) -> bool;

    /// The time of the local clock.
    fn now(&self) -> UnixTime;
}

/// The process's own environment, file system and clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        read_bounded(File::open(path)?, limit)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Reads all of `source`, which may hold at most `limit` bytes.
pub fn read_bounded(source: impl io::Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let ceiling = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    source.take(ceiling).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("longer than {limit} bytes")));
    }
    Ok(bytes)
}

/// An environment of fixed values, for tests and for programs that configure a source themselves.
#[derive(Clone, Default)]
pub struct FixedEnvironment {
    /// Variables.
    pub variables: BTreeMap<String, String>,
    /// Files.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// The time; `None` is the real clock's.
    pub now: Option<UnixTime>,
}

impl FixedEnvironment {
    /// With these variables, no files and the real clock.
    pub fn with_variables<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { variables: variables.into(), ..Self::default() }
    }

    /// With one file more.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }
}

impl Environment for FixedEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let content = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        read_bounded(content.as_slice(), limit)
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    fn now(&self) -> UnixTime {
        self.now.unwrap_or_else(|| SystemEnvironment.now())
    }
}

impl fmt::Debug for FixedEnvironment {
    /// Names only: values may be tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedEnvironment")
            .field("variables", &self.variables.keys())
            .field("files", &self.files.keys())
            .field("now", &self.now)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_unset_and_files_are_bounded() {
        let environment = FixedEnvironment::with_variables([("A", ""), ("B", "b")]).with_file("f", [0; 9]);
        assert_eq!((environment.var("A"), environment.var("B")), (None, Some("b".to_owned())));
        assert_eq!(environment.read(Path::new("f"), 9).map(|bytes| bytes.len()).ok(), Some(9));
        let too_long = environment.read(Path::new("f"), 8).unwrap_err();
        assert_eq!(too_long.kind(), io::ErrorKind::InvalidData);
        assert!(!environment.exists(Path::new("g")));
    }
}
