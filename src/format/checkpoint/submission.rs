//! What a witness is sent, <https://c2sp.org/tlog-witness>: the size that it knows, a proof from there, a checkpoint.

use thiserror::Error;

use crate::base::encoding::base64;
use crate::base::limits;
use crate::format::merkle::Hash;

/// The lines of a proof that may be sent.
const PROOF_LINES: usize = 63;

/// The body of `add-checkpoint`. Nothing in it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The size of the tree that the witness cosigned last.
    pub old: u64,
    /// From there to the checkpoint's tree.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub note: String,
}

/// Bytes that are no submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no submission to a witness: {0}")]
pub struct SubmissionError(&'static str);

impl Submission {
    /// Reads a body of at most [`limits::SUBMISSION_BYTES`].
    pub fn parse(body: &[u8]) -> Result<Self, SubmissionError> {
        if body.len() > limits::SUBMISSION_BYTES {
            return Err(SubmissionError("it is too long"));
        }
        let text = std::str::from_utf8(body).map_err(|_| SubmissionError("it is not text"))?;
        let (head, note) = text.split_once("\n\n").ok_or(SubmissionError("no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(super::tree_size);
        let old = old.ok_or(SubmissionError("its first line is not the old size"))?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == PROOF_LINES {
                return Err(SubmissionError("more than 63 lines of proof"));
            }
            let hash = base64::decode(line).and_then(|hash| hash.try_into().ok());
            proof.push(hash.ok_or(SubmissionError("a line of the proof is not a hash"))?);
        }
        Ok(Self { old, proof, note: note.to_owned() })
    }

    /// The body.
    pub fn to_text(&self) -> String {
        let proof: String = self.proof.iter().map(|hash| format!("{}\n", base64::encode(hash))).collect();
        format!("old {}\n{proof}\n{}", self.old, self.note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k17_bodies_that_are_none() {
        let hash = base64::encode(&[7; 32]);
        let good = Submission { old: 20, proof: vec![[7; 32]; 63], note: "a\n1\nb\n\n— c d\n".to_owned() };
        assert_eq!(Submission::parse(good.to_text().as_bytes()), Ok(good.clone()));
        let empty = Submission { old: 0, proof: Vec::new(), note: String::new() };
        assert_eq!(Submission::parse(b"old 0\n\n"), Ok(empty));
        for bad in [
            String::new(),
            "old 1\n".to_owned(),
            format!("old 1\n{hash}\nnote\n"),
            "old 01\n\nnote".to_owned(),
            "old -1\n\nnote".to_owned(),
            "old 18446744073709551616\n\nnote".to_owned(),
            "Old 1\n\nnote".to_owned(),
            "old  1\n\nnote".to_owned(),
            "old 1\r\n\r\nnote".to_owned(),
            format!("old 1\n{}\n\nnote", hash.trim_end_matches('=')),
            format!("old 1\n{hash} \n\nnote"),
            format!("old 1\n{}\n\nnote", base64::encode(&[7; 31])),
            format!("old 1\n{}\nnote", format!("{hash}\n").repeat(64)),
            format!("old 1\n\n{}", "x".repeat(limits::SUBMISSION_BYTES)),
        ] {
            assert!(Submission::parse(bad.as_bytes()).is_err(), "{bad:.80}");
        }
        assert!(Submission::parse(b"old 1\n\n\xff").is_err());
    }
}
