//! `completions`: scripts for shells, from the table of flags.

use clap::CommandFactory;

use crate::cli::{Cli, Completions};
use crate::report::{Failure, console};

pub(super) fn run(args: &Completions) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sealmark", &mut script);
    console::data(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
