//! A progress line on standard error, when that is a terminal and hashing takes long. There is one line: of
//! several files at once, the first to claim it is shown.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sealmark::base::limits;

use crate::report::text::{thousands, visible_path};

/// Whether some file has the line.
static LINE_TAKEN: AtomicBool = AtomicBool::new(false);

/// The progress of one file.
#[derive(Debug)]
pub(super) struct Progress {
    name: String,
    length: Option<u64>,
    started: Instant,
    shown: Option<Instant>,
    wanted: bool,
}

impl Progress {
    const QUIET: Duration = Duration::from_millis(500);
    const EVERY: Duration = Duration::from_millis(100);
    /// Clocks are asked once in so many bytes.
    const STEP: u64 = 8 << 20;

    pub(super) fn new(path: &Path, length: Option<u64>) -> Self {
        let long = length.is_none_or(|length| length > Self::STEP) && io::stderr().is_terminal();
        let wanted = long && !LINE_TAKEN.swap(true, Ordering::Relaxed);
        Self { name: visible_path(path), length, started: Instant::now(), shown: None, wanted }
    }

    pub(super) fn at(&mut self, total: u64) {
        if !self.wanted || total % Self::STEP >= limits::READ_BUFFER as u64 {
            return;
        }
        let now = Instant::now();
        let since_start = now.duration_since(self.started);
        if since_start < Self::QUIET || self.shown.is_some_and(|shown| now.duration_since(shown) < Self::EVERY) {
            return;
        }
        self.shown = Some(now);
        let rate = total as f64 / since_start.as_secs_f64() / 1e6;
        let part = match self.length.filter(|length| *length > 0) {
            Some(length) => {
                let filled = (total.min(length) * 20 / length) as usize;
                format!("[{}{}] {:3}%", "#".repeat(filled), ".".repeat(20 - filled), total.min(length) * 100 / length)
            }
            None => format!("{} bytes", thousands(total)),
        };
        let _ = write!(io::stderr(), "\r\x1b[Khashing {} {part} {rate:.0} MB/s", self.name);
    }

    pub(super) fn done(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.wanted {
            LINE_TAKEN.store(false, Ordering::Relaxed);
        }
    }
}
