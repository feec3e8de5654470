//! One command a module; each returns the exit code, or the failure to print.

mod completions;
mod conformance;
mod inspect;
mod trust;
mod verify;
mod whoami;

use crate::cli::{Command, Format, Trust, Verify};
use crate::report::{Failure, Verdicts, print_json};

/// Runs a command. Whoever asked for JSON gets a document also when nothing came of it.
pub(crate) fn run(command: Command) -> Result<u8, Failure> {
    let format = format(&command);
    dispatch(command).inspect_err(|failure| {
        if format == Format::Json {
            // The exit code says the same; a closed standard output cannot make it worse.
            let _ = print_json(&Verdicts::failed(failure));
        }
    })
}

fn dispatch(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Verify(Verify::Blob(args)) => verify::blob(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Whoami(args) => whoami::run(&args),
        Command::Trust(Trust::Show(args)) => trust::show(&args),
        Command::Completions(args) => completions::run(&args),
        Command::VerifyBundle(args) => conformance::verify(&args),
        _ => Err(Failure::usage("this command is not part of this build")),
    }
}

fn format(command: &Command) -> Format {
    match command {
        Command::Verify(Verify::Blob(args)) => args.report.format.format,
        Command::Inspect(args) => args.format.format,
        Command::Whoami(args) => args.format.format,
        Command::Trust(Trust::Show(args)) => args.format.format,
        _ => Format::Human,
    }
}
