//! Services of one kind that stand in for one another.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::SignError;
use crate::base::code::Class;

/// Services of one kind, best first, of which so many must answer. One that fails goes to the end of the line,
/// so that a run of many files waits for it once.
#[derive(Debug)]
pub(super) struct Pool<S: ?Sized> {
    members: Vec<Box<S>>,
    needed: usize,
    first: AtomicUsize,
}

impl<S: ?Sized> Pool<S> {
    /// Every one of them is needed.
    pub(super) fn all(members: Vec<Box<S>>) -> Self {
        let needed = members.len();
        Self::some(members, needed)
    }

    /// So many of them are needed.
    pub(super) fn some(members: Vec<Box<S>>, needed: usize) -> Self {
        Self { members, needed, first: AtomicUsize::new(0) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &S> {
        self.members.iter().map(Box::as_ref)
    }

    /// Begins to ask.
    pub(super) fn ask<T>(&self) -> Asking<'_, S, T> {
        let first = self.first.load(Ordering::Relaxed);
        Asking { pool: self, first, asked: 0, given: Vec::with_capacity(self.needed), failed: None }
    }
}

/// One round through a pool, until enough have given something.
pub(super) struct Asking<'p, S: ?Sized, T> {
    pool: &'p Pool<S>,
    first: usize,
    asked: usize,
    given: Vec<T>,
    failed: Option<SignError>,
}

impl<'p, S: ?Sized, T> Asking<'p, S, T> {
    /// The next to ask; `None` when enough was given.
    pub(super) fn next(&mut self) -> Option<&'p S> {
        if self.given.len() >= self.pool.needed {
            return None;
        }
        let place = (self.first + self.asked) % self.pool.members.len().max(1);
        self.asked += 1;
        self.pool.members.get(place).map(Box::as_ref)
    }

    /// What the one that was asked last gave.
    ///
    /// # Errors
    ///
    /// The gravest of the failures, once those that were not asked yet are too few; a wrong question at once.
    pub(super) fn take(&mut self, answer: Result<T, SignError>) -> Result<(), SignError> {
        let error = match answer {
            Ok(given) => {
                self.given.push(given);
                return Ok(());
            }
            Err(error) => error,
        };
        let members = self.pool.members.len();
        self.pool.first.store((self.first + self.asked) % members.max(1), Ordering::Relaxed);
        let gravest = match self.failed.take() {
            Some(before) if gravity(&before) >= gravity(&error) => before,
            _ => error,
        };
        if gravity(&gravest) == WRONG || members - self.asked < self.pool.needed - self.given.len() {
            return Err(gravest);
        }
        self.failed = Some(gravest);
        Ok(())
    }

    /// What was given, in the order of asking.
    pub(super) fn given(self) -> Vec<T> {
        self.given
    }
}

/// A wrong question is wrong for all.
const WRONG: u8 = 2;

/// A service that answers with what would not verify says more than one that does not answer.
fn gravity(error: &SignError) -> u8 {
    match error.code().class() {
        Class::Usage => WRONG,
        Class::Refused => 1,
        Class::Undecided => 0,
    }
}
