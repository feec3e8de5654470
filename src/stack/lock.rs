//! Who has a stack's folder: any number of processes that serve its parts, or one that changes what they stand on.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use super::StackError;
use super::log::LogError;

/// The file. A lock goes with its process: one that is left over locks nothing.
const NAME: &str = "stack.lock";

/// A program that is being started has what its parent had open, locks and all, until it has begun: a lock that was just
/// let go may be held for a moment more.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Has the folder with others, for as long as the value lives. `None` where nothing can be written: nobody changes
/// anything there.
pub(super) fn share(dir: &Path) -> Result<Option<File>, StackError> {
    let file = match open(dir) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            return Ok(None);
        }
        Err(error) => return Err(StackError::io("open", &dir.join(NAME), error)),
    };
    taken(dir, || file.try_lock_shared())?;
    Ok(Some(file))
}

/// Has the folder alone, for as long as the value lives.
pub(super) fn take(dir: &Path) -> Result<File, StackError> {
    let file = open(dir).map_err(|error| StackError::io("open", &dir.join(NAME), error))?;
    taken(dir, || file.try_lock())?;
    Ok(file)
}

fn open(dir: &Path) -> std::io::Result<File> {
    fs::OpenOptions::new().create(true).append(true).open(dir.join(NAME))
}

fn taken(dir: &Path, take: impl Fn() -> Result<(), TryLockError>) -> Result<(), StackError> {
    let path = dir.join(NAME);
    for _ in 1..TRIES {
        if !matches!(take(), Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    match take() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(LogError::Locked { path }.into()),
        Err(TryLockError::Error(error)) => Err(StackError::io("lock", &path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k08_one_that_changes_or_many_that_serve() {
        let dir = tempfile::tempdir().unwrap();
        let code = |taken: Result<(), StackError>| taken.map_err(|error| error.code().name());
        let (one, two) = (share(dir.path()).unwrap(), share(dir.path()).unwrap());
        assert_eq!(code(take(dir.path()).map(drop)), Err("log-locked"));
        drop(one);
        assert_eq!(code(take(dir.path()).map(drop)), Err("log-locked"));
        drop(two);
        let alone = take(dir.path()).unwrap();
        assert_eq!(code(share(dir.path()).map(drop)), Err("log-locked"));
        assert_eq!(code(take(dir.path()).map(drop)), Err("log-locked"));
        drop(alone);
        assert!(share(dir.path()).unwrap().is_some());
        assert_eq!(code(share(&dir.path().join("none")).map(drop)), Err("stack-io"));
    }
}
