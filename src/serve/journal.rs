//! The journal: one line of JSON for each thing that happened, for machines that collect them.
//!
//! Who writes a line gives only texts, numbers and truths; texts are cut at [`limits::JOURNAL_TEXT`] and
//! escaped by JSON, and whatever could change what a terminal shows is escaped as well. Lines go through a
//! bounded queue to a thread of their own, so that a reader that has stopped reading stops no request: what
//! does not fit is left out, counted, and said in the next line that fits. What must never be left out is
//! [`Journal::insist`]ed on.

use std::fmt::{self, Write as _};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::base::limits;
use crate::base::time::UnixTime;

/// A line about a review of three images, and some more.
const LINE_BYTES: usize = 2048;
/// Lines of so long a time are written at once.
const MOMENT: Duration = Duration::from_millis(2);

/// A journal. Clones write to the same place.
#[derive(Clone)]
pub struct Journal {
    sender: SyncSender<String>,
    sink: Arc<Mutex<dyn Write + Send>>,
    left_out: Arc<AtomicU64>,
}

/// A line being made.
#[derive(Debug, Clone)]
#[must_use]
pub struct Line(String);

impl Line {
    /// A line about an event, such as `decision`.
    pub fn new(time: UnixTime, event: &str) -> Self {
        let mut line = String::with_capacity(LINE_BYTES);
        let _ = write!(line, "{{\"time\":\"{time}\"");
        Self(line).text("event", event)
    }

    /// Adds a text.
    pub fn text(mut self, name: &'static str, value: &str) -> Self {
        self.name(name);
        quote(value, limits::JOURNAL_TEXT, &mut self.0);
        self
    }

    /// Adds a text, if there is one.
    pub fn maybe(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Adds a list of texts.
    pub fn texts<'t>(mut self, name: &'static str, values: impl Iterator<Item = &'t str>) -> Self {
        self.name(name);
        let mut separator = '[';
        for value in values {
            self.0.push(separator);
            quote(value, limits::JOURNAL_TEXT, &mut self.0);
            separator = ',';
        }
        self.0.push_str(if separator == '[' { "[]" } else { "]" });
        self
    }

    /// Adds a number.
    pub fn number(mut self, name: &'static str, value: u64) -> Self {
        self.name(name);
        let _ = write!(self.0, "{value}");
        self
    }

    /// Adds a truth.
    pub fn truth(mut self, name: &'static str, value: bool) -> Self {
        self.name(name);
        self.0 += if value { "true" } else { "false" };
        self
    }

    fn name(&mut self, name: &'static str) {
        self.0.push_str(",\"");
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn finish(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}

/// A JSON string of at most `limit` characters, in printable ASCII: letters of other scripts, which can pass
/// for others, and controls are escaped.
fn quote(text: &str, limit: usize, out: &mut String) {
    out.push('"');
    if text.len() <= limit && text.bytes().all(is_plain) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for (index, c) in text.chars().enumerate() {
        if index == limit {
            out.push_str("...");
            break;
        }
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// A byte that stands for itself in a line.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

impl Journal {
    /// A journal that writes to `sink`, on a thread that ends with the last clone.
    pub fn to(sink: impl Write + Send + 'static) -> std::io::Result<Self> {
        let sink: Arc<Mutex<dyn Write + Send>> = Arc::new(Mutex::new(sink));
        let (sender, lines) = sync_channel::<String>(limits::JOURNAL_LINES);
        let writer = Arc::clone(&sink);
        thread::Builder::new().name("journal".to_owned()).spawn(move || {
            while let Ok(mut batch) = lines.recv() {
                // Lines come in crowds: one write for all of a moment, not one awakening for each.
                thread::sleep(MOMENT);
                lines.try_iter().take(limits::JOURNAL_LINES).for_each(|line| batch.push_str(&line));
                let mut sink = writer.lock().unwrap_or_else(PoisonError::into_inner);
                // A sink that is gone takes no further line either; requests go on.
                let _ = sink.write_all(batch.as_bytes());
                let _ = sink.flush();
            }
        })?;
        Ok(Self { sender, sink, left_out: Arc::default() })
    }

    /// Writes a line, unless the queue is full.
    pub fn write(&self, line: Line) {
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        let line = if left_out > 0 { line.number("linesLeftOutBefore", left_out) } else { line };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.sender.try_send(line.finish()) {
            self.left_out.fetch_add(left_out + 1, Ordering::Relaxed);
        }
    }

    /// Writes a line before it returns: for what may not happen unseen.
    pub fn insist(&self, line: Line) -> std::io::Result<()> {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        sink.write_all(line.finish().as_bytes())?;
        sink.flush()
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::base::encoding::json::Json;

    /// Hands each write to a test, which may take its time.
    struct Pipe(Sender<Vec<u8>>, Option<Receiver<()>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if let Some(permit) = &self.1 {
                let _ = permit.recv_timeout(Duration::from_secs(20));
            }
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn line() -> Line {
        Line::new(UnixTime::from_secs(0), "decision")
    }

    #[test]
    fn lines_are_json_and_show_nothing_but_themselves() {
        let (sender, written) = channel();
        let journal = Journal::to(Pipe(sender, None)).unwrap();
        let text = "\u{1b}[2J\nb\u{202e}\u{e9}\u{1f600}\"\\";
        journal.write(
            line()
                .text("image", text)
                .number("n", 7)
                .texts("a", [].into_iter())
                .texts("b", ["x", "\""].into_iter())
                .truth("allowed", false)
                .maybe("none", None),
        );
        let bytes = written.recv_timeout(Duration::from_secs(5)).unwrap();
        assert!(bytes.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\n'));
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
        let json = Json::parse(bytes.trim_ascii_end()).unwrap();
        assert_eq!(json.member("image").and_then(Json::as_str), Some(text));
        assert_eq!(json.member("time").and_then(Json::as_str), Some("1970-01-01T00:00:00Z"));
        assert_eq!(json.member("none"), None);
    }

    #[test]
    fn long_texts_are_cut() {
        let (sender, written) = channel();
        let journal = Journal::to(Pipe(sender, None)).unwrap();
        journal.write(line().text("image", &"x".repeat(1 << 20)));
        assert!(written.recv_timeout(Duration::from_secs(5)).unwrap().len() < 2 * limits::JOURNAL_TEXT);
    }

    #[test]
    fn a_reader_that_stops_reading_stops_nobody() {
        let (sender, written) = channel();
        let (permit, permits) = channel();
        let journal = Journal::to(Pipe(sender, Some(permits))).unwrap();
        // One crowd is on its way when the next one fills the queue.
        for _ in 0..3 * limits::JOURNAL_LINES {
            journal.write(line());
        }
        assert!(journal.left_out.load(Ordering::Relaxed) > 0);
        drop(permit);
        let mut lines = 0;
        while lines < limits::JOURNAL_LINES {
            let batch = written.recv_timeout(Duration::from_secs(5)).unwrap();
            lines += batch.iter().filter(|byte| **byte == b'\n').count();
        }
        let said =
            loop {
                journal.write(line());
                let batch = written.recv_timeout(Duration::from_secs(5)).unwrap();
                let said = batch.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).find_map(|line| {
                    match Json::parse(line).unwrap().member("linesLeftOutBefore") {
                        Some(Json::Integer(said)) => Some(*said),
                        _ => None,
                    }
                });
                if let Some(said) = said {
                    break said;
                }
            };
        assert!((1..=2 * limits::JOURNAL_LINES as i128).contains(&said), "{said}");
    }
}
