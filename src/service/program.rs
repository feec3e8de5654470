//! Other programs that are asked one question: what they are told, how long they may take and how much they may
//! answer is bounded.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// How a program ended, and what it printed.
pub(crate) struct Answer {
    pub(crate) success: bool,
    pub(crate) output: Zeroizing<Vec<u8>>,
}

/// Runs a program that is told `question` on standard input. What it says on standard error goes nowhere. One that
/// is too slow, or prints more than `limit` bytes, is killed.
pub(crate) fn ask(
    program: &Path,
    arguments: &[&str],
    question: &[u8],
    timeout: Duration,
    limit: usize,
) -> Result<Answer, &'static str> {
    let deadline = Instant::now() + timeout;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| "it cannot be started")?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let question = Zeroizing::new(question.to_vec());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // A program that does not read its question will not answer it.
        let _ = input.map(|mut input| input.write_all(&question));
    });
    std::thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::new());
        let ceiling = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let read = output.map(|output| output.take(ceiling).read_to_end(&mut bytes));
        // Nobody waits any more when time is up.
        let _ = sender.send(matches!(read, Some(Ok(_))).then_some(bytes));
    });
    let ended = match receiver.recv_timeout(timeout) {
        Ok(Some(output)) if output.len() <= limit => {
            wait(&mut child, deadline).map(|success| Answer { success, output })
        }
        Ok(Some(_)) => Err("it prints too much"),
        Ok(None) => Err("it cannot be read"),
        Err(_) => Err("it did not answer in time"),
    };
    if ended.is_err() {
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
    ended
}

fn wait(child: &mut Child, deadline: Instant) -> Result<bool, &'static str> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if Instant::now() >= deadline => return Err("it did not end in time"),
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Err(_) => return Err("it cannot be waited for"),
        }
    }
}
