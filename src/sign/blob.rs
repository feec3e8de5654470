//! Files: hashed in parallel, signed at once.

use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::completion::Signed;
use super::credential::CredentialSource;
use super::error::SignError;
use super::pace::Pace;
use super::session::Session;
use crate::base::crypto::{Digest, DigestAlgorithm, Hasher};
use crate::base::limits;

/// The digest of a file, streamed.
///
/// # Errors
///
/// What reading it gives; of a folder, an error too.
pub fn hash_file(path: &Path, algorithm: DigestAlgorithm) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; limits::READ_BUFFER];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// The digests of files, in their order, by as many threads as there are processors.
pub fn hash_files(paths: &[PathBuf], algorithm: DigestAlgorithm) -> Vec<io::Result<Digest>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(paths.len());
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, io::Result<Digest>)>> = Mutex::new(Vec::with_capacity(paths.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = paths.get(index) else { return };
                    let digest = hash_file(path, algorithm);
                    found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, digest));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, digest)| digest).collect()
}

/// Signs many artifacts in one session, [`limits::SIGNING_REQUESTS`] at once, and gives the results in
/// their order.
pub async fn sign_all(session: &Arc<Session>, digests: &[Digest]) -> Vec<Result<Signed, SignError>> {
    sign_paced(session, None, None, digests).await
}

/// The same, each signature in its turn; and when too little is left of the certificate's life, `source` gives
/// another one, after the wait for the turn. The first turn was had before the session began. What would have been
/// signed by a credential that could not be renewed is [`SignError::Interrupted`] but for the first.
pub async fn sign_paced(
    session: &Arc<Session>,
    source: Option<&dyn CredentialSource>,
    pace: Option<&Pace>,
    digests: &[Digest],
) -> Vec<Result<Signed, SignError>> {
    let mut results: Vec<_> = digests.iter().map(|_| Err(SignError::Interrupted)).collect();
    let mut session = Arc::clone(session);
    let mut tasks = JoinSet::new();
    let mut waiting = digests.iter().copied().enumerate();
    loop {
        while tasks.len() < limits::SIGNING_REQUESTS
            && let Some((index, digest)) = waiting.next()
        {
            if let (Some(pace), 1..) = (pace, index) {
                pace.turn().await;
            }
            match fresh(&session, source).await {
                Ok(None) => {}
                Ok(Some(renewed)) => session = Arc::new(renewed),
                Err(error) => {
                    if let Some(slot) = results.get_mut(index) {
                        *slot = Err(error);
                    }
                    waiting = [].iter().copied().enumerate();
                    break;
                }
            }
            let session = Arc::clone(&session);
            tasks.spawn(async move { (index, session.sign(digest).await) });
        }
        match tasks.join_next().await {
            None => return results,
            Some(Ok((index, result))) => {
                if let Some(slot) = results.get_mut(index) {
                    *slot = result;
                }
            }
            // A task that panicked leaves its result as it was: interrupted.
            Some(Err(_)) => {}
        }
    }
}

/// Another session, when the certificate of this one is about to end.
async fn fresh(session: &Session, source: Option<&dyn CredentialSource>) -> Result<Option<Session>, SignError> {
    let ends = session.certified_for().is_some_and(|left| left < limits::CERTIFICATE_MARGIN);
    match source {
        Some(source) if ends => session.renew(source).await.map(Some),
        _ => Ok(None),
    }
}

/// Where the bundle of an artifact belongs: `FILE.sigstore.json`.
pub fn bundle_path(artifact: &Path) -> PathBuf {
    let mut name = artifact.as_os_str().to_owned();
    name.push(".sigstore.json");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn digests_come_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..20).map(|n| folder.path().join(n.to_string())).collect();
        for (n, path) in paths.iter().enumerate().filter(|(n, _)| *n != 7) {
            fs::write(path, vec![0; n * 100_000]).unwrap();
        }
        let found = hash_files(&paths, DigestAlgorithm::Sha256);
        for (n, digest) in found.into_iter().enumerate() {
            match n {
                7 => assert_eq!(digest.unwrap_err().kind(), io::ErrorKind::NotFound),
                n => assert_eq!(digest.unwrap(), Digest::of(DigestAlgorithm::Sha256, &vec![0; n * 100_000])),
            }
        }
        assert!(hash_file(folder.path(), DigestAlgorithm::Sha256).is_err());
        assert!(hash_files(&[], DigestAlgorithm::Sha256).is_empty());
    }

    #[test]
    fn the_bundle_stands_beside_its_artifact() {
        assert_eq!(bundle_path(Path::new("d/a.tar.gz")), Path::new("d/a.tar.gz.sigstore.json"));
    }
}
