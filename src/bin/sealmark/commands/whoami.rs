//! `whoami`: whom the token at hand names, and what is wrong with it.

use sealmark::service::identity::{self, ExpectedIdentity, IdToken, SIGSTORE_AUDIENCE, TokenProblem};
use serde::Serialize;

use crate::cli::{Format, Whoami};
use crate::report::console::Style;
use crate::report::text::{Table, shell_word, visible};
use crate::report::{Failure, Problem, TOOL, Tool, console, print_json};
use crate::settings;

/// Schema `sealmark.whoami/v1`. The token is read, not verified: that is the authority's to do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    schema: &'static str,
    tool: Tool,
    usable: bool,
    origin: &'static str,
    identity: Option<String>,
    /// `certain`, `likely`, or `open`: the authority's configuration decides.
    identity_is: &'static str,
    issuer: Option<String>,
    subject: Option<String>,
    audience: Vec<String>,
    expires: Option<String>,
    problems: Vec<Problem>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verify_arguments: Vec<String>,
}

pub(super) fn run(args: &Whoami) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let environment = settings::environment();
    let http = settings::http();
    let signer = &args.signer;
    let sources = settings::token_sources(signer, &http)?;
    let token = settings::runtime()?.block_on(identity::find(&sources, SIGSTORE_AUDIENCE))?;
    let problems = token.claims().problems(SIGSTORE_AUDIENCE, environment.now());
    let shown = Shown::of(&token, &problems);
    match args.format.format {
        Format::Json => print_json(&shown)?,
        Format::Human => console::data(&human(&shown))?,
    }
    for problem in &problems {
        console::failure(&Failure::from(problem));
    }
    let worst = problems.iter().find(|problem| problem.rules_out());
    Ok(worst.map_or(0, |problem| problem.code().exit_code()))
}

impl Shown {
    fn of(token: &IdToken, problems: &[TokenProblem]) -> Self {
        let claims = token.claims();
        let (identity, identity_is) = match claims.expected_identity() {
            ExpectedIdentity::Certain(san) => (Some(san.to_string()), "certain"),
            ExpectedIdentity::Likely(san) => (Some(san.to_string()), "likely"),
            ExpectedIdentity::Open => (None, "open"),
        };
        let issuer = claims.certificate_issuer().map(str::to_owned);
        let verify_arguments = match (&identity, &issuer) {
            (Some(identity), Some(issuer)) => {
                ["verify", "blob", "FILE", "--identity", identity, "--issuer", issuer].map(str::to_owned).to_vec()
            }
            _ => Vec::new(),
        };
        Self {
            schema: "sealmark.whoami/v1",
            tool: TOOL,
            usable: !problems.iter().any(TokenProblem::rules_out),
            origin: token.origin(),
            identity,
            identity_is,
            issuer,
            subject: claims.subject().map(str::to_owned),
            audience: claims.audience().to_vec(),
            expires: claims.expires().map(|time| time.to_string()),
            problems: problems.iter().map(|problem| Problem::from(&Failure::from(problem))).collect(),
            verify_arguments,
        }
    }
}

fn human(shown: &Shown) -> String {
    let style = Style::of_stdout();
    let mut table = Table::default();
    let identity = match (&shown.identity, shown.identity_is) {
        (Some(identity), "certain") => identity.clone(),
        (Some(identity), _) => format!("{identity} (likely; the authority's configuration decides)"),
        (None, _) => "the authority's configuration decides".to_owned(),
    };
    table.row("identity", &identity);
    table.row("issuer", shown.issuer.as_deref().unwrap_or("none"));
    table.row("subject", shown.subject.as_deref().unwrap_or("none"));
    table.row("audience", &shown.audience.join(", "));
    table.row("expires", shown.expires.as_deref().unwrap_or("never"));
    table.row("token from", shown.origin);
    let title = if shown.usable { style.bold("you would sign as") } else { style.red("you could not sign") };
    let mut out = format!("{title}\n{}", table.print(2));
    if !shown.verify_arguments.is_empty() {
        let words: Vec<_> = shown.verify_arguments.iter().map(|word| shell_word(&visible(word))).collect();
        out.push_str(&format!("\nwhat you sign would be verified with:\n  sealmark {}\n", words.join(" ")));
    }
    out
}
