//! The witnesses of a stack's transparency log, asked all at once; so many of them must have cosigned a checkpoint
//! before anyone sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::clock::Clock;
use super::log::{CosignError, Cosigner, Uncosigned};
use crate::base::limits;
use crate::format::checkpoint::{Note, NoteSignature, Submission, WitnessKey};
use crate::service::http::{HttpClient, Settings};
use crate::service::witness::{Answer, Witness, WitnessError};

/// For one witness: it reads, compares, and writes one file.
const PATIENCE: Duration = Duration::from_secs(2);
/// For the others, once enough have cosigned.
const GRACE: Duration = Duration::from_millis(20);

/// Who must cosign (`witnesses` in `stack.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessPolicy {
    /// How many of them.
    pub required: usize,
    /// Whom.
    pub of: Vec<WitnessAt>,
}

/// A witness and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessAt {
    /// Its submission prefix.
    pub url: String,
    /// Its verifier key.
    pub key: String,
}

impl WitnessPolicy {
    /// What cannot be required.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let keys = self.of.iter().map(|witness| WitnessKey::parse(&witness.key)).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|_| "a witness's key is no verifier key of one")?;
        let twice = |(at, key): (usize, &WitnessKey)| keys.iter().take(at).any(|other| other.key() == key.key());
        match () {
            () if keys.len() > limits::POLICY_WITNESSES => Err("too many witnesses"),
            () if keys.iter().enumerate().any(twice) => Err("two witnesses have one key"),
            () if self.required == 0 || self.required > keys.len() => {
                Err("as many witnesses are required as there are, or fewer, and at least one")
            }
            () => Ok(()),
        }
    }

    /// The witnesses, ready to be asked.
    pub(super) fn cosigners(&self, clock: &Clock) -> Option<Arc<dyn Cosigner>> {
        let settings = Settings {
            connect_timeout: PATIENCE,
            attempt_timeout: PATIENCE,
            budget: PATIENCE,
            attempts: 1,
            ..Settings::default()
        };
        let http = HttpClient::new(settings);
        let witness = |at: &WitnessAt| {
            let key = WitnessKey::parse(&at.key).ok()?;
            Some(Known { witness: Arc::new(Witness::new(&at.url, key, http.clone()).ok()?), size: AtomicU64::new(0) })
        };
        let of = self.of.iter().map(witness).collect::<Option<Vec<_>>>()?;
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("witnesses").enable_all().build().ok()?;
        Some(Arc::new(Cosigners { required: self.required, of, runtime: Some(runtime), clock: clock.clone() }))
    }
}

/// A witness, and the size of the tree that it cosigned last as far as is known here.
#[derive(Debug)]
struct Known {
    witness: Arc<Witness>,
    size: AtomicU64,
}

#[derive(Debug)]
struct Cosigners {
    required: usize,
    of: Vec<Known>,
    /// Taken when it ends: it may end within another one.
    runtime: Option<Runtime>,
    clock: Clock,
}

/// What a round has brought so far.
#[derive(Default)]
struct Round {
    lines: Vec<NoteSignature>,
    /// Who has to be asked once more, from another size.
    again: Vec<usize>,
    /// Who was: nobody is asked a third time.
    twice: Vec<usize>,
    ahead: Option<u64>,
}

type Asked = JoinSet<(usize, Result<Answer, WitnessError>)>;

impl Cosigners {
    /// The proof that a witness needs. One that knows nothing is told of nothing.
    fn submission(&self, at: usize, checkpoint: &Uncosigned<'_>) -> Option<(Arc<Witness>, Submission)> {
        let known = self.of.get(at)?;
        let old = known.size.load(Ordering::Relaxed).min(checkpoint.size);
        let proof = match old {
            0 => Vec::new(),
            old if old == checkpoint.size => Vec::new(),
            old => (checkpoint.prove)(old)?,
        };
        Some((Arc::clone(&known.witness), Submission { old, proof, note: checkpoint.note.to_owned() }))
    }

    fn ask(&self, asked: &mut Asked, at: usize, checkpoint: &Uncosigned<'_>) {
        let Some((witness, submission)) = self.submission(at, checkpoint) else { return };
        let now = self.clock.now();
        asked.spawn(async move { (at, witness.cosign(&submission, now).await) });
    }

    fn take(&self, round: &mut Round, at: usize, size: u64, answer: Result<Answer, WitnessError>) {
        let Some(known) = self.of.get(at) else { return };
        match answer {
            Ok(Answer::Cosigned(line)) => {
                known.size.store(size, Ordering::Relaxed);
                round.lines.push(line);
            }
            Ok(Answer::Knows(found)) if found > size => round.ahead = round.ahead.max(Some(found)),
            Ok(Answer::Knows(found)) => {
                // The same size again: it knows another tree of it.
                if known.size.swap(found, Ordering::Relaxed) != found && !round.twice.contains(&at) {
                    round.twice.push(at);
                    round.again.push(at);
                }
            }
            Err(_) => {}
        }
    }

    async fn round(&self, checkpoint: &Uncosigned<'_>) -> Round {
        let mut round = Round::default();
        let mut asked = Asked::new();
        (0..self.of.len()).for_each(|at| self.ask(&mut asked, at, checkpoint));
        loop {
            let next = match round.lines.len() >= self.required {
                true => tokio::time::timeout(GRACE, asked.join_next()).await.unwrap_or(None),
                false => asked.join_next().await,
            };
            match next {
                Some(Ok((at, answer))) => self.take(&mut round, at, checkpoint.size, answer),
                Some(Err(_)) => {}
                None => return round,
            }
            for at in std::mem::take(&mut round.again) {
                self.ask(&mut asked, at, checkpoint);
            }
        }
    }
}

impl Cosigner for Cosigners {
    fn cosign(&self, checkpoint: &Uncosigned<'_>) -> Result<String, CosignError> {
        let few = |found| CosignError::Few { found, required: self.required };
        let runtime = self.runtime.as_ref().ok_or(few(0))?;
        let round = runtime.block_on(self.round(checkpoint));
        if let Some(size) = round.ahead {
            return Err(CosignError::Ahead { size });
        }
        let found = round.lines.len();
        if found < self.required {
            return Err(few(found));
        }
        let note = Note::parse(checkpoint.note).map_err(|_| few(0))?;
        let cosigned = round.lines.into_iter().try_fold(note, Note::with_signature);
        cosigned.map(|note| note.to_string()).map_err(|_| few(found))
    }
}

impl Drop for Cosigners {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
