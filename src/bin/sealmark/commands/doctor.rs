//! `doctor`: what would keep this job from signing. The parts look; here is the order, the verdict and the report.

mod clock;
mod job;
mod registry;
mod services;
mod token;
mod trust;

use sealmark::base::code::Code;
use sealmark::service::look::{Seen, Status};
use serde::Serialize;

use crate::cli::{Doctor, Format};
use crate::report::console::Style;
use crate::report::text::visible;
use crate::report::{Failure, TOOL, Tool, console, print_json};
use crate::settings::{self, Signing};

/// Schema `sealmark.doctor/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    schema: &'static str,
    tool: Tool,
    source: String,
    /// `ok`, `wrong` or `could-not-look`.
    verdict: &'static str,
    checks: Vec<Check>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    about: &'static str,
    /// `ok`, `warn`, `fail` or `not-looked`.
    status: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

pub(super) fn run(args: &Doctor) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let signing = Signing::named(&args.services)?.hasty(&args.services.budget);
    let seen = settings::runtime()?.block_on(look(args, &signing))?;
    let shown = Shown::of(&signing.source, &seen);
    match args.format.format {
        Format::Json => print_json(&shown)?,
        Format::Human => console::data(&human(&shown))?,
    }
    Ok(match shown.verdict {
        "ok" => 0,
        "wrong" => 1,
        _ => 3,
    })
}

async fn look(args: &Doctor, signing: &Signing) -> Result<Vec<Seen>, Failure> {
    let mut seen = Vec::new();
    let token = token::look(args, signing, &mut seen).await?;
    seen.extend(job::look());
    seen.extend(trust::look(args, signing)?);
    let clocks = services::look(args, signing, token.as_ref(), &mut seen).await?;
    seen.push(clock::judge(&clocks, args.offline));
    seen.extend(registry::look(args).await?);
    Ok(seen)
}

/// A failure of another part, as a line.
fn failed(about: &'static str, failure: &Failure) -> Seen {
    Seen::failed(about, failure.message(), failure.code())
}

/// What is not asked when nothing is to be asked.
const OFFLINE: &str = "--offline";

impl Shown {
    fn of(source: &str, seen: &[Seen]) -> Self {
        let any = |wrong: fn(&Seen) -> bool| seen.iter().any(wrong);
        let verdict = match () {
            () if any(|seen| seen.status == Status::Bad) => "wrong",
            () if any(|seen| seen.status == Status::NotLooked && seen.code.is_some()) => "could-not-look",
            () => "ok",
        };
        let checks = seen.iter().map(Check::of).collect();
        Self { schema: "sealmark.doctor/v1", tool: TOOL, source: source.to_owned(), verdict, checks }
    }
}

impl Check {
    fn of(seen: &Seen) -> Self {
        let status = match seen.status {
            Status::Good => "ok",
            Status::Doubtful => "warn",
            Status::Bad => "fail",
            Status::NotLooked => "not-looked",
        };
        let (code, hint) = (seen.code.map(Code::name), seen.code.map(Code::hint));
        Self { about: seen.about, status, message: seen.words.clone(), code, hint }
    }
}

fn human(shown: &Shown) -> String {
    let style = Style::of_stdout();
    let width = shown.checks.iter().map(|check| check.about.len()).max().unwrap_or(0);
    let mut out = String::new();
    for check in &shown.checks {
        let word = format!("{:10}", check.status.replace('-', " "));
        let word = match check.status {
            "ok" => style.green(&word),
            "warn" => style.yellow(&word),
            "fail" => style.red(&word),
            _ => style.dim(&word),
        };
        let lines: Vec<_> = check.message.lines().map(visible).collect();
        let (first, rest) = lines.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
        let code = check.code.map(|code| format!(": {}", style.bold(code))).unwrap_or_default();
        out.push_str(&format!("{word}  {:width$}  {first}{code}\n", check.about));
        let indent = 10 + 2 + width + 2;
        rest.iter().for_each(|line| out.push_str(&format!("{:indent$}{line}\n", "")));
        if let Some(hint) = check.hint {
            out.push_str(&format!("{:indent$}{} {}\n", "", style.cyan("fix:"), visible(hint)));
        }
    }
    out.push_str(match shown.verdict {
        "ok" => "\nnothing that was looked at keeps this job from signing\n",
        "wrong" => "\nthis job cannot sign: mend what failed\n",
        _ => "\nnothing wrong was seen, and not everything could be looked at\n",
    });
    out
}
