//! The person at the terminal.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::process::{Command, Stdio};

use sealmark::service::identity::Person;
use zeroize::Zeroizing;

/// Bytes of a line that is typed in.
const LINE: u64 = 4 << 10;

/// Whoever sits at standard input and standard error.
#[derive(Debug)]
pub(super) struct AtTerminal;

impl Person for AtTerminal {
    fn is_there(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn tell(&self, text: &str) {
        // Nobody there shows as a login that nobody answers.
        let _ = writeln!(io::stderr(), "{text}");
    }

    fn open(&self, url: &str) -> bool {
        let Some(mut browser) = browser() else { return false };
        let started = browser.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(mut child) = started else { return false };
        // It is not waited for, and leaves nothing behind.
        std::thread::spawn(move || child.wait());
        true
    }

    fn ask(&self, question: &str) -> Option<Zeroizing<String>> {
        write!(io::stderr(), "{question}").and_then(|()| io::stderr().flush()).ok()?;
        let mut line = Zeroizing::new(String::new());
        let mut byte = [0];
        let mut input = io::stdin().lock().take(LINE);
        while input.read(&mut byte).ok()? == 1 && byte != [b'\n'] {
            line.push(char::from(byte[0]));
        }
        Some(line)
    }
}

/// The program that opens pages: that of `BROWSER`, else the desktop's.
fn browser() -> Option<Command> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(program) = set("BROWSER") {
        return Some(Command::new(program));
    }
    if cfg!(target_os = "macos") {
        return Some(Command::new("open"));
    }
    if cfg!(windows) {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        return Some(command);
    }
    let desktop = set("DISPLAY").or_else(|| set("WAYLAND_DISPLAY")).is_some();
    desktop.then(|| Command::new("xdg-open"))
}
