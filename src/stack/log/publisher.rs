//! Between a commit and the sight of it, where a log has witnesses or a bucket: a checkpoint is shown, and its entries
//! are acknowledged, when enough witnesses cosigned it and the bucket holds it with all of its tiles. Commits go on
//! meanwhile; the newest one is what is shown next.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::backlog::{Backlog, Bound};
use super::bucket::{Bucket, BucketError, Opener, Outlet, Unpublished};
use super::head::{self, Head};
use super::sequencer::Batch;
use super::{Appended, Files, LogError, Poison, Request};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::merkle::{Hash, Tile, TileKind, consistency_proof, tile};

/// After a round that too few witnesses took part in, or that the bucket did not take.
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

/// Who stands between a commit and the sight of it.
#[derive(Debug)]
pub struct Publishing {
    /// Who cosigns.
    pub cosigner: Option<Arc<dyn Cosigner>>,
    /// Where the log is published.
    pub bucket: Option<Arc<dyn Bucket>>,
    /// How long a start waits for them.
    pub patience: Duration,
    /// How much may wait for them.
    pub bound: Bound,
}

impl Default for Publishing {
    fn default() -> Self {
        Self {
            cosigner: None,
            bucket: None,
            patience: Duration::from_secs(limits::PUBLISHING_START_SECS),
            bound: Bound::default(),
        }
    }
}

impl Publishing {
    /// Whether nobody does.
    pub(super) fn is_empty(&self) -> bool {
        self.cosigner.is_none() && self.bucket.is_none()
    }
}

/// What a publisher works on.
pub(super) struct Subject {
    pub(super) files: Files,
    pub(super) bundles: TileKind,
    pub(super) open: Opener,
    /// Has the recovered head, and then what is published.
    pub(super) shown: Arc<RwLock<Arc<Head>>>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) poison: Poison,
}

/// The thread that has heads published.
#[derive(Debug)]
pub(super) struct Publisher<E> {
    queue: Option<mpsc::Sender<Publication<E>>>,
    backlog: Arc<Backlog>,
    thread: Option<JoinHandle<()>>,
}

impl<E: Send + 'static> Publisher<E> {
    /// Has the head that was recovered published, then starts.
    pub(super) fn start(publishing: Publishing, subject: Subject) -> Result<Self, LogError> {
        let Subject { files, bundles, open, shown, backlog, poison } = subject;
        let dir = files.dir.clone();
        let failed = |error| LogError::io("start the publisher of", &dir, error);
        let (queue, published) = mpsc::channel();
        let (ready, first) = mpsc::channel();
        let outlet = publishing.bucket.map(|bucket| Outlet::new(bucket, files.clone(), bundles, open));
        let mut work = Work {
            files,
            cosigner: publishing.cosigner,
            outlet,
            shown,
            queue: published,
            waiting: VecDeque::new(),
            newest: None,
            backlog: Arc::clone(&backlog),
            patience: publishing.patience,
        };
        let thread = std::thread::Builder::new().name("log-publisher".to_owned()).spawn(move || {
            let recovered = head::current(&work.shown);
            let ended = work.first(&recovered);
            let goes_on = ended.is_ok();
            if ready.send(ended).is_ok()
                && goes_on
                && let Err(error) = work.run()
            {
                poison.report(error);
            }
        });
        let thread = thread.map_err(failed)?;
        first.recv().map_err(|_| LogError::Ended)??;
        Ok(Self { queue: Some(queue), backlog, thread: Some(thread) })
    }

    /// A publisher that is gone drops the answers, and nobody is told yes: the log is at its end.
    pub(super) fn publish(&self, publication: Publication<E>) -> Result<(), LogError> {
        self.backlog.committed(publication.head.size());
        let sent = self.queue.as_ref().map(|queue| queue.send(publication).is_ok());
        sent.filter(|sent| *sent).map(drop).ok_or(LogError::Ended)
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

/// Why a head is not published.
enum Delay {
    /// Too few witnesses, or one that knows more.
    Cosign(CosignError),
    /// The bucket did not take it.
    Bucket(BucketError),
    /// It never will be.
    End(LogError),
}

impl Delay {
    fn of(outlet: &Outlet, error: Unpublished) -> Self {
        match error {
            Unpublished::Later(error) => Self::Bucket(BucketError::Unreachable { path: outlet.place(), error }),
            Unpublished::Never(error) => Self::End(error),
        }
    }
}

struct Work<E> {
    files: Files,
    cosigner: Option<Arc<dyn Cosigner>>,
    outlet: Option<Outlet>,
    shown: Arc<RwLock<Arc<Head>>>,
    queue: mpsc::Receiver<Publication<E>>,
    /// Committed, and not acknowledged.
    waiting: VecDeque<(Request<E>, u64, bool, UnixTime)>,
    /// The newest head that is not shown.
    newest: Option<Arc<Head>>,
    backlog: Arc<Backlog>,
    patience: Duration,
}

impl<E> Work<E> {
    /// The checkpoint of the last commit may never have been shown: it is not before it is published.
    fn first(&mut self, recovered: &Arc<Head>) -> Result<(), LogError> {
        let end = Instant::now() + self.patience;
        loop {
            let delay = match self.publish(recovered) {
                Ok(head) => {
                    self.show(head);
                    return Ok(());
                }
                Err(delay) => delay,
            };
            let path = self.files.dir.clone();
            match delay {
                Delay::End(error) => return Err(error),
                Delay::Cosign(CosignError::Ahead { size }) => {
                    return Err(LogError::RolledBack { path, remembered: size, size: recovered.size() });
                }
                _ if Instant::now() < end => std::thread::sleep(PAUSE),
                Delay::Cosign(CosignError::Few { found, required }) => {
                    return Err(LogError::Unwitnessed { path, found, required });
                }
                Delay::Bucket(error) => return Err(error.into()),
            }
        }
    }

    fn run(mut self) -> Result<(), LogError> {
        loop {
            let next = match self.newest {
                None => self.queue.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                Some(_) => self.queue.recv_timeout(PAUSE),
            };
            match next {
                Ok(publication) => self.take(publication),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return self.round(),
            }
            while let Ok(publication) = self.queue.try_recv() {
                self.take(publication);
            }
            self.round()?;
        }
    }

    fn take(&mut self, publication: Publication<E>) {
        let Publication { head, batch, at } = publication;
        self.newest = Some(head);
        self.waiting.extend(batch.into_iter().map(|(request, index, duplicate)| (request, index, duplicate, at)));
        if self.waiting.len() > limits::LOG_QUEUE {
            // Who is gone waits for nothing; beyond the bound the oldest are not answered, and come again.
            self.waiting.retain(|(request, ..)| !request.answer.is_closed());
            let over = self.waiting.len().saturating_sub(limits::LOG_QUEUE);
            self.waiting.drain(..over);
        }
    }

    /// Has the newest head published, shows it, and acknowledges what it covers.
    fn round(&mut self) -> Result<(), LogError> {
        let Some(newest) = self.newest.take() else { return Ok(()) };
        if newest.size() > head::current(&self.shown).size() {
            match self.publish(&newest) {
                Ok(head) => self.show(head),
                Err(Delay::End(error)) => return Err(error),
                Err(_) => {
                    self.newest = Some(newest);
                    return Ok(());
                }
            }
        }
        let head = head::current(&self.shown);
        self.backlog.shown(head.size());
        for (request, index, duplicate, at) in self.waiting.drain(..) {
            let _ = request.answer.send(Ok(Appended { index, at, duplicate, head: Arc::clone(&head) }));
        }
        Ok(())
    }

    /// Witnesses see nothing that a later writer would not go on from: what they cosign is in the bucket before.
    fn publish(&mut self, head: &Arc<Head>) -> Result<Head, Delay> {
        if let Some(outlet) = &mut self.outlet {
            outlet.stage(head).map_err(|error| Delay::of(outlet, error))?;
        }
        let note = match &self.cosigner {
            Some(cosigner) => {
                let prove = |old| proof(&self.files, head, old);
                let uncosigned = Uncosigned { note: head.note(), size: head.size(), prove: &prove };
                cosigner.cosign(&uncosigned).map_err(Delay::Cosign)?
            }
            None => head.note().to_owned(),
        };
        if let Some(outlet) = &mut self.outlet {
            outlet.show(head, &note).map_err(|error| Delay::of(outlet, error))?;
        }
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
