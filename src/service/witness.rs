//! Witnesses: <https://c2sp.org/tlog-witness>. What one answers is verified under its key before it is used.

use thiserror::Error;

use super::http::{Endpoint, Exchange, HttpClient, HttpError, Method, Repeat, Service};
use crate::base::code::Code;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::checkpoint::{Note, NoteSignature, Submission, WitnessKey};

/// A witness and where it is asked.
#[derive(Debug, Clone)]
pub struct Witness {
    endpoint: Endpoint,
    key: WitnessKey,
    http: HttpClient,
}

/// What a witness says to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It cosigned.
    Cosigned(NoteSignature),
    /// It has cosigned a tree of this size before, and not of the size that it was told.
    Knows(u64),
}

/// Why a witness did not cosign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// The way there.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It refuses.
    #[error("witness {url} answered {status}")]
    Refused {
        /// The witness.
        url: String,
        /// The status: 404 for a log that it does not know, 403 for another key, 422 for a proof that does not hold.
        status: u16,
    },
    /// What it answered is no cosignature by its key, or one of another time.
    #[error("witness {url} answered no cosignature by its key")]
    Answer {
        /// The witness.
        url: String,
    },
}

impl WitnessError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Http(error) => error.code(),
            Self::Refused { .. } => Code::undecided(
                "witness-refuses",
                "the witness must be told of the log, by its name and key; a proof that does not hold means that it saw \
                 another tree",
            ),
            Self::Answer { .. } => {
                Code::undecided("witness-answer", "compare the witness's key with the one of the configuration")
            }
        }
    }
}

impl Witness {
    /// The witness at a submission prefix, with its key.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`].
    pub fn new(url: &str, key: WitnessKey, http: HttpClient) -> Result<Self, HttpError> {
        Ok(Self { endpoint: Endpoint::parse(Service::Witness, url)?.below("add-checkpoint"), key, http })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.key.name()
    }

    /// Has a checkpoint cosigned.
    ///
    /// # Errors
    ///
    /// [`WitnessError`].
    pub async fn cosign(&self, submission: &Submission, now: UnixTime) -> Result<Answer, WitnessError> {
        let text = submission.to_text();
        let call = Exchange {
            service: Service::Witness,
            method: &Method::POST,
            endpoint: &self.endpoint,
            headers: &reqwest::header::HeaderMap::new(),
            body: Some(text.as_bytes()),
            limit: limits::CHECKPOINT_BYTES,
            repeat: Repeat::Allowed,
            secrets: &[],
        };
        let answer = self.http.exchange(&call).await?;
        let url = || self.endpoint.to_string();
        match answer.status {
            200 => self.read(&submission.note, &answer.body, now).ok_or_else(|| WitnessError::Answer { url: url() }),
            409 => {
                let size = std::str::from_utf8(&answer.body).ok().and_then(|size| size.trim_end().parse().ok());
                size.map(Answer::Knows).ok_or_else(|| WitnessError::Answer { url: url() })
            }
            status => Err(WitnessError::Refused { url: url(), status }),
        }
    }

    /// The line by its key; lines of others are passed over. A cosignature of the future would not be counted yet by
    /// whoever verifies.
    fn read(&self, note: &str, lines: &[u8], now: UnixTime) -> Option<Answer> {
        let own = Note::parse(note).ok()?;
        let lines = std::str::from_utf8(lines).ok()?;
        let cosigned = Note::parse(&format!("{}\n{lines}", own.text())).ok()?;
        let time = self.key.verify(&cosigned).ok()?;
        let own = |line: &&NoteSignature| line.name() == self.key.name() && line.hint() == self.key.hint();
        let line = cosigned.signatures().iter().find(own)?;
        (time <= now.plus_secs(limits::CLOCK_TOLERANCE_SECS)).then(|| Answer::Cosigned(line.clone()))
    }
}

#[cfg(test)]
mod tests;
