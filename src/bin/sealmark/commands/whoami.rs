//! `whoami`: whom the token at hand names, and what is wrong with it.

use sealmark::service::ca::{CaError, CertificateAuthority as _};
use sealmark::service::identity::{self, ExpectedIdentity, IdToken, SIGSTORE_AUDIENCE};
use serde::Serialize;

use crate::cli::{Format, Whoami};
use crate::report::console::Style;
use crate::report::text::{Table, shell_word, visible};
use crate::report::{Failure, Problem, TOOL, Tool, console, print_json};
use crate::settings::{self, Signing};

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
    /// Who would certify; null when nobody was asked.
    authority: Option<String>,
    /// Whether it takes tokens of this issuer; null when it was not asked or does not say.
    accepted: Option<bool>,
    problems: Vec<Problem>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verify_arguments: Vec<String>,
}

pub(super) fn run(args: &Whoami) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let environment = settings::environment();
    let runtime = settings::runtime()?;
    // What certifies is read only where it is needed: it takes longer than all the rest.
    let named = args.services.authority.authority.is_some();
    let signing = if args.offline && !named { None } else { Some(Signing::named(&args.services)?) };
    let authority = signing.as_ref().map(Signing::certificate_authority).transpose()?;
    let audience = match (&authority, &args.services.authority.authority_audience) {
        (Some(authority), _) => authority.audience().unwrap_or(SIGSTORE_AUDIENCE),
        (None, Some(audience)) => audience,
        (None, None) => SIGSTORE_AUDIENCE,
    };
    let sources = settings::token_sources(&args.signer, &settings::http())?;
    let token = runtime.block_on(identity::find(&sources, audience))?;
    let problems = token.claims().problems(audience, environment.now());
    let mut failures: Vec<Failure> = problems.iter().map(Failure::from).collect();
    let mut code = problems.iter().find(|problem| problem.rules_out()).map_or(0, |problem| problem.code().exit_code());
    let mut asked = Asked { name: None, takes: None };
    if let Some(authority) = authority.filter(|_| !args.offline) {
        asked.name = Some(authority.name());
        match runtime.block_on(authority.takes(token.claims())) {
            Ok(says) => asked.takes = says.then_some(true),
            Err(error) => {
                asked.takes = matches!(error, CaError::UnknownIssuer { .. }).then_some(false);
                code = if code == 0 { error.code().exit_code() } else { code };
                failures.push(error.into());
            }
        }
    }
    let shown = Shown::of(&token, asked, code != 1, &failures);
    match args.format.format {
        Format::Json => print_json(&shown)?,
        Format::Human => console::data(&human(&shown))?,
    }
    failures.iter().for_each(console::failure);
    Ok(code)
}

/// What the authority that would certify was asked, and said.
struct Asked {
    name: Option<String>,
    /// None when it was not asked, did not answer, or does not say.
    takes: Option<bool>,
}

impl Shown {
    fn of(token: &IdToken, asked: Asked, usable: bool, failures: &[Failure]) -> Self {
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
            usable,
            origin: token.origin(),
            identity,
            identity_is,
            issuer,
            subject: claims.subject().map(str::to_owned),
            audience: claims.audience().to_vec(),
            expires: claims.expires().map(|time| time.to_string()),
            authority: asked.name,
            accepted: asked.takes,
            problems: failures.iter().map(Problem::from).collect(),
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
    if let Some(authority) = &shown.authority {
        let says = match shown.accepted {
            Some(true) => "takes tokens of this issuer",
            Some(false) => "takes no tokens of this issuer",
            None => "does not say whose tokens it takes",
        };
        table.row("authority", &format!("{authority} ({says})"));
    }
    let title = if shown.usable { style.bold("you would sign as") } else { style.red("you could not sign") };
    let mut out = format!("{title}\n{}", table.print(2));
    if !shown.verify_arguments.is_empty() {
        let words: Vec<_> = shown.verify_arguments.iter().map(|word| shell_word(&visible(word))).collect();
        out.push_str(&format!("\nwhat you sign would be verified with:\n  sealmark {}\n", words.join(" ")));
    }
    out
}
