//! Between a commit and the sight of it, where a log has witnesses: a checkpoint is shown, and its entries are
//! acknowledged, when enough of them cosigned it. Commits go on meanwhile; the newest one is what is shown next.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::head::{self, Head};
use super::sequencer::Batch;
use super::{Appended, Files, LogError, Request};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::merkle::{Hash, Tile, consistency_proof, tile};

/// After a round that too few witnesses took part in.
const PAUSE: Duration = Duration::from_millis(200);

/// A committed checkpoint that nobody has seen.
pub struct Uncosigned<'a> {
    /// The note, signed by the log.
    pub note: &'a str,
    /// Leaves in its tree.
    pub size: u64,
    /// The consistency proof from a smaller tree of the log, not an empty one.
    pub prove: &'a dyn Fn(u64) -> Option<Vec<Hash>>,
}

impl fmt::Debug for Uncosigned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uncosigned({})", self.size)
    }
}

/// Has checkpoints cosigned before anyone sees them. It is called from a thread of its own.
pub trait Cosigner: fmt::Debug + Send + Sync + 'static {
    /// The note with the cosignatures that it needs.
    fn cosign(&self, checkpoint: &Uncosigned<'_>) -> Result<String, CosignError>;
}

/// Why a checkpoint is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CosignError {
    /// Too few witnesses cosigned.
    #[error("{found} of {required} witnesses cosigned")]
    Few {
        /// Who did.
        found: usize,
        /// How many are needed.
        required: usize,
    },
    /// A witness has cosigned more of this log than there is.
    #[error("a witness has cosigned {size} entries of this log")]
    Ahead {
        /// Entries that it knows of.
        size: u64,
    },
}

/// A batch that was committed under a head.
#[derive(Debug)]
pub(super) struct Publication<E> {
    pub(super) head: Arc<Head>,
    pub(super) batch: Batch<E>,
    pub(super) at: UnixTime,
}

/// The thread that has heads cosigned.
#[derive(Debug)]
pub(super) struct Publisher<E> {
    queue: Option<mpsc::Sender<Publication<E>>>,
    thread: Option<JoinHandle<()>>,
}

impl<E: Send + 'static> Publisher<E> {
    /// Has the head that was recovered cosigned, then starts; `shown` has that head.
    pub(super) fn start(
        files: Files,
        cosigner: Arc<dyn Cosigner>,
        shown: Arc<RwLock<Arc<Head>>>,
        committed: Arc<AtomicU64>,
    ) -> Result<Self, LogError> {
        let dir = files.dir.clone();
        let failed = |error| LogError::io("start the publisher of", &dir, error);
        let (queue, published) = mpsc::channel();
        let (ready, first) = mpsc::channel();
        let mut work =
            Work { files, cosigner, shown, queue: published, waiting: VecDeque::new(), newest: None, committed };
        let thread = std::thread::Builder::new().name("log-publisher".to_owned()).spawn(move || {
            let recovered = head::current(&work.shown);
            let ended = work.first(&recovered);
            let goes_on = ended.is_ok();
            if ready.send(ended).is_ok() && goes_on {
                work.run();
            }
        });
        let thread = thread.map_err(failed)?;
        first.recv().map_err(|_| LogError::Ended)??;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) fn publish(&self, publication: Publication<E>) {
        if let Some(queue) = &self.queue {
            // A publisher that is gone has dropped the answers: nobody is told yes.
            let _ = queue.send(publication);
        }
    }
}

impl<E> Drop for Publisher<E> {
    /// Lets the last round end.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has acknowledged nothing since.
            let _ = thread.join();
        }
    }
}

struct Work<E> {
    files: Files,
    cosigner: Arc<dyn Cosigner>,
    shown: Arc<RwLock<Arc<Head>>>,
    queue: mpsc::Receiver<Publication<E>>,
    /// Committed, and not acknowledged.
    waiting: VecDeque<(Request<E>, u64, bool, UnixTime)>,
    /// The newest head that is not shown.
    newest: Option<Arc<Head>>,
    committed: Arc<AtomicU64>,
}

impl<E> Work<E> {
    /// The checkpoint of the last commit may never have been shown: it is not before it is cosigned.
    fn first(&mut self, recovered: &Arc<Head>) -> Result<(), LogError> {
        let patience = Instant::now() + Duration::from_secs(limits::WITNESS_START_SECS);
        loop {
            let error = match self.cosigned(recovered) {
                Ok(head) => {
                    self.show(head);
                    return Ok(());
                }
                Err(error) => error,
            };
            let path = self.files.dir.clone();
            match error {
                CosignError::Ahead { size } => {
                    return Err(LogError::RolledBack { path, remembered: size, size: recovered.size() });
                }
                CosignError::Few { found, required } if Instant::now() >= patience => {
                    return Err(LogError::Unwitnessed { path, found, required });
                }
                CosignError::Few { .. } => std::thread::sleep(PAUSE),
            }
        }
    }

    fn run(mut self) {
        loop {
            let next = match self.newest {
                None => self.queue.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                Some(_) => self.queue.recv_timeout(PAUSE),
            };
            match next {
                Ok(publication) => self.take(publication),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    self.round();
                    return;
                }
            }
            while let Ok(publication) = self.queue.try_recv() {
                self.take(publication);
            }
            self.round();
        }
    }

    fn take(&mut self, publication: Publication<E>) {
        let Publication { head, batch, at } = publication;
        self.committed.store(head.size(), Ordering::Relaxed);
        self.newest = Some(head);
        self.waiting.extend(batch.into_iter().map(|(request, index, duplicate)| (request, index, duplicate, at)));
        if self.waiting.len() > limits::LOG_QUEUE {
            // Who is gone waits for nothing; beyond the bound the oldest are not answered, and come again.
            self.waiting.retain(|(request, ..)| !request.answer.is_closed());
            let over = self.waiting.len().saturating_sub(limits::LOG_QUEUE);
            self.waiting.drain(..over);
        }
    }

    /// Has the newest head cosigned, shows it, and acknowledges what it covers.
    fn round(&mut self) {
        let Some(newest) = self.newest.take() else { return };
        if newest.size() > head::current(&self.shown).size() {
            match self.cosigned(&newest) {
                Ok(head) => self.show(head),
                Err(_) => {
                    self.newest = Some(newest);
                    return;
                }
            }
        }
        let head = head::current(&self.shown);
        for (request, index, duplicate, at) in self.waiting.drain(..) {
            let _ = request.answer.send(Ok(Appended { index, at, duplicate, head: Arc::clone(&head) }));
        }
    }

    fn cosigned(&self, head: &Arc<Head>) -> Result<Head, CosignError> {
        let prove = |old| proof(&self.files, head, old);
        let note = self.cosigner.cosign(&Uncosigned { note: head.note(), size: head.size(), prove: &prove })?;
        Ok(Head::new(note, head.edge.clone()))
    }

    fn show(&self, head: Head) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(head);
    }
}

/// A proof that cannot be made is none: the witness would refuse it.
fn proof(files: &Files, head: &Head, old: u64) -> Option<Vec<Hash>> {
    let node = |level, index| {
        let (tile, above, at) = Tile::of_node(level, index, head.size()).ok_or(())?;
        let hashes = head::hashes(files, head, tile).map_err(drop)?;
        tile::node_in(&hashes, above, at).ok_or(())
    };
    consistency_proof(old, head.size(), node).ok().flatten()
}
