//! `whoami`: whom the token at hand names, and what is wrong with it.

use sealmark::format::x509::Certificate;
use sealmark::service::ca::{CaError, CertificateAuthority as _};
use sealmark::service::identity::{self, ExpectedIdentity, IdToken, SIGSTORE_AUDIENCE};
use sealmark::sign::{CredentialSource as _, SignError};
use serde::Serialize;

use crate::cli::{Format, Whoami};
use crate::report::console::Style;
use crate::report::text::{Table, shell_word, visible};
use crate::report::{Failure, Problem, TOOL, Tool, console, print_json};
use crate::settings::{self, Signing};

/// Stands for the authority's name where it cannot be told.
const UNKNOWN: &str = "NAME";

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
    let named = args.services.authority.authority.as_deref();
    let signing = if args.offline && named.is_none() { None } else { Some(Signing::named(&args.services)?) };
    let known_as = |at: &str| settings::known_as(signing.as_ref()?.root(), named?, at);
    if let Some((agent, svid)) = signing.as_ref().map(Signing::workload_svid).transpose()?.flatten() {
        let leaf = match args.offline {
            true => None,
            false => runtime.block_on(svid.acquire()).map_err(SignError::from)?.certificate().cloned(),
        };
        return without_token(args, &Shown::of_agent(agent, leaf.as_ref(), known_as));
    }
    let authority = signing.as_ref().map(Signing::certificate_authority).transpose()?;
    if let Some(authority) = authority.as_ref().filter(|authority| authority.audience().is_none()) {
        let name = authority.wanted_name(None)?.map(|name| name.to_string());
        return without_token(args, &Shown::asked_for(authority.name(), name, known_as(&authority.name())));
    }
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
    let wanted = authority.as_ref().map(|authority| authority.wanted_name(Some(token.claims()))).transpose()?.flatten();
    let known_as = authority.as_ref().and_then(|authority| known_as(&authority.name()));
    let mut asked = Asked { name: None, takes: None, wanted: wanted.map(|name| name.to_string()), known_as };
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

/// Whoever is known by other means than a token.
fn without_token(args: &Whoami, shown: &Shown) -> Result<u8, Failure> {
    match args.format.format {
        Format::Json => print_json(shown)?,
        Format::Human => console::data(&human(shown))?,
    }
    Ok(0)
}

/// What the authority that would certify was asked, and said.
struct Asked {
    name: Option<String>,
    /// None when it was not asked, did not answer, or does not say.
    takes: Option<bool>,
    /// The name that it would be asked for, where that is for the client to say.
    wanted: Option<String>,
    /// The name that the trust root has it under.
    known_as: Option<String>,
}

impl Shown {
    /// The name that an authority would be asked for, which no token has.
    fn asked_for(authority: String, name: Option<String>, known_as: Option<String>) -> Self {
        let identity_is = if name.is_some() { "likely" } else { "open" };
        Self {
            schema: "sealmark.whoami/v1",
            tool: TOOL,
            usable: true,
            origin: "no token is sent",
            verify_arguments: name.as_deref().map(|name| by_authority(name, known_as)).unwrap_or_default(),
            identity: name,
            identity_is,
            issuer: None,
            subject: None,
            audience: Vec::new(),
            expires: None,
            authority: Some(authority),
            accepted: None,
            problems: Vec::new(),
        }
    }

    /// The identity that an agent gave, which the trust root takes.
    fn of_agent(agent: String, leaf: Option<&Certificate>, known_as: impl FnOnce(&str) -> Option<String>) -> Self {
        let name = leaf.and_then(|leaf| leaf.san().ok()).map(|name| name.to_string());
        let identity_is = if name.is_some() { "certain" } else { "open" };
        let expires = leaf.and_then(|leaf| leaf.validity().end()).map(|end| end.to_string());
        let known_as = name.as_deref().and_then(known_as);
        Self { identity_is, expires, ..Self::asked_for(agent, name, known_as) }
    }

    fn of(token: &IdToken, asked: Asked, usable: bool, failures: &[Failure]) -> Self {
        let claims = token.claims();
        let (identity, identity_is) = match claims.expected_identity() {
            ExpectedIdentity::Certain(san) => (Some(san.to_string()), "certain"),
            ExpectedIdentity::Likely(san) => (Some(san.to_string()), "likely"),
            ExpectedIdentity::Open => (None, "open"),
        };
        let issuer = claims.certificate_issuer().map(str::to_owned);
        // What is asked for goes before what a Fulcio would write.
        let (identity, identity_is) = match &asked.wanted {
            Some(wanted) => (Some(wanted.clone()), "likely"),
            None => (identity, identity_is),
        };
        let verify_arguments = match (&identity, &issuer) {
            (Some(identity), _) if asked.wanted.is_some() => by_authority(identity, asked.known_as),
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

/// By the name that the trust root has the authority under, where that can be told.
fn by_authority(identity: &str, known_as: Option<String>) -> Vec<String> {
    let name = known_as.as_deref().unwrap_or(UNKNOWN);
    ["verify", "blob", "FILE", "--identity", identity, "--certificate-authority", name].map(str::to_owned).to_vec()
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
    if shown.audience.is_empty() {
        if let Some(expires) = &shown.expires {
            table.row("expires", expires);
        }
        table.row("token", shown.origin);
    } else {
        table.row("audience", &shown.audience.join(", "));
        table.row("expires", shown.expires.as_deref().unwrap_or("never"));
        table.row("token from", shown.origin);
    }
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
        if shown.verify_arguments.last().is_some_and(|last| last == UNKNOWN) {
            out.push_str("NAME is what the trust root calls the authority: `sealmark trust add --name` gave it\n");
        }
    }
    out
}
