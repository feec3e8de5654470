//! A program that the user names, which prints a token.

use std::fmt;
use std::path::PathBuf;

use super::{IdToken, IdentityError, IdentityTokenSource, ask};
use crate::base::encoding::json::Json;
use crate::service::BoxFuture;

/// Runs a program; always this environment. The program is started as it is, by no shell, and inherits the variables.
/// `{audience}` in an argument stands for the audience; the token is what it prints on standard output. Time and
/// output are bounded ([`limits::TOKEN_PROGRAM_SECS`](crate::base::limits::TOKEN_PROGRAM_SECS),
/// [`limits::TOKEN_BYTES`](crate::base::limits::TOKEN_BYTES)).
pub struct CommandToken {
    program: PathBuf,
    arguments: Vec<String>,
}

impl CommandToken {
    /// Reads a command: words between blanks, or a JSON list of texts where a word holds blanks. `None` when it
    /// names no program.
    pub fn parse(command: &str) -> Option<Self> {
        let words: Vec<String> = if command.trim_start().starts_with('[') {
            let json = Json::parse(command.as_bytes()).ok()?;
            let Json::Array(items) = &json else { return None };
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?
        } else {
            command.split_whitespace().map(str::to_owned).collect()
        };
        let (program, arguments) = words.split_first()?;
        (!program.is_empty()).then(|| Self { program: PathBuf::from(program), arguments: arguments.to_vec() })
    }
}

impl IdentityTokenSource for CommandToken {
    fn name(&self) -> &'static str {
        "the given command"
    }

    fn detect<'a>(&'a self, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async move {
            let arguments = self.arguments.iter().map(|word| word.replace("{audience}", audience)).collect();
            let answer = ask::run(self.program.clone(), arguments, "the given command").await;
            let program = self.program.display().to_string();
            answer.map_err(|problem| IdentityError::Command { program, problem })?.map(Some)
        })
    }
}

impl fmt::Debug for CommandToken {
    /// The program alone: an argument may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandToken({})", self.program.display())
    }
}
