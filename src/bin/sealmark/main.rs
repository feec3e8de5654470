//! The command line: parse, run, exit code.
//!
//! `cli` names every flag, `settings` says what flags and environment mean together, `commands` do one
//! thing each through the library's public API, `report` is everything that is printed.

mod artifact;
mod cli;
mod commands;
mod files;
mod glob;
mod report;
mod settings;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use report::{Failure, console};

/// A caught panic: not one of the codes that mean something.
const PANICKED: u8 = 70;

fn main() -> ExitCode {
    ExitCode::from(guarded(run))
}

fn run() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return parse_failed(&error),
    };
    match commands::run(cli.command) {
        Ok(code) => code,
        Err(failure) => {
            console::failure(&failure);
            failure.exit_code()
        }
    }
}

/// Help and version are answers; the rest is a usage error, which programs get as JSON as well.
fn parse_failed(error: &clap::Error) -> u8 {
    if error.use_stderr() {
        if asks_for_json() {
            let failure = Failure::usage(&error.kind().to_string());
            // The words below carry the detail; a closed stdout changes nothing about the exit code.
            let _ = report::print_json(&report::Verdicts::failed(&failure));
        }
        let _ = error.print();
        return 2;
    }
    match error.print() {
        Ok(()) => 0,
        Err(error) => {
            let failure = Failure::from(files::FileError::Stdout(error.kind()));
            console::failure(&failure);
            failure.exit_code()
        }
    }
}

/// Whether the arguments, which could not be parsed, ask for JSON.
fn asks_for_json() -> bool {
    let arguments: Vec<_> = std::env::args_os().collect();
    let pair = |pair: &[std::ffi::OsString]| matches!(pair, [flag, value] if flag == "--format" && value == "json");
    arguments.iter().any(|argument| argument == "--format=json") || arguments.windows(2).any(pair)
}

/// Runs `run`; a panic anywhere in it is a no. What the panic says may hold secrets: only its place is
/// printed.
fn guarded(run: impl FnOnce() -> u8) -> u8 {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        console::words(&format!("error: internal error{place}: NOT verified, NOT signed"));
    }));
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(PANICKED)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    #[test]
    fn x02_a_panic_is_exit_70() {
        assert_eq!(super::guarded(|| panic!("secret")), 70);
        assert_eq!(
            super::guarded(|| std::thread::scope(|s| s.spawn(|| panic!("in a thread")).join().map_or(9, |()| 0))),
            9
        );
        assert_eq!(super::guarded(|| 0), 0);
    }
}
