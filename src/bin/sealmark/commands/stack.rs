//! `stack …`: a private Sigstore in one folder and one process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealmark::serve::tls::Reload;
use sealmark::serve::{self, Journal, Server};
use sealmark::stack::{
    self, BucketAt, CaKey, Config, EntryPolicy, IssuerKind, KeyPlan, Place, Serving, StackStatus, TokenRequest,
    WitnessAt, WitnessPolicy,
};
use serde::Serialize;

use crate::cli::{
    CaKeyKind, Format, StackInit, StackPassword, StackRenewTrust, StackStatus as StatusArgs, StackToken, StackUp,
    TokenKind,
};
use crate::report::console::Style;
use crate::report::signed::command_line;
use crate::report::text::{Table, visible_path};
use crate::report::{Failure, TOOL, Tool, console, print_json};
use crate::settings;

/// Schema `sealmark.stack/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    schema: &'static str,
    tool: Tool,
    url: String,
    serving: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<String>,
    logs: Vec<Log>,
}

#[derive(Serialize)]
struct Log {
    name: &'static str,
    origin: String,
    size: u64,
}

/// Schema `sealmark.stack-apart/v1`.
#[derive(Serialize)]
struct ShownApart {
    schema: &'static str,
    tool: Tool,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<String>,
    folders: Vec<String>,
}

impl From<StackStatus> for Shown {
    fn from(status: StackStatus) -> Self {
        let log = |log: stack::LogStatus| Log { name: log.name, origin: log.origin, size: log.size };
        let StackStatus { url, serving, witness, logs } = status;
        let logs = logs.into_iter().map(log).collect();
        Self { schema: "sealmark.stack/v1", tool: TOOL, url, serving, witness, logs }
    }
}

pub(super) fn init(args: &StackInit) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let mut config = Config::loopback(args.listen.port());
    config.listen = args.listen.to_string();
    config.url = args.url.clone().unwrap_or_else(|| format!("http://{}", args.listen));
    config.rekor_v1 = args.rekor_v1;
    config.witness = args.witness_name.clone();
    if args.any_signer {
        config.entry_policy = EntryPolicy::Any;
    }
    config.ca_key = match args.ca_key {
        CaKeyKind::P256 => CaKey::P256,
        CaKeyKind::P384 => CaKey::P384,
    };
    let password = args.encrypt_keys.then(|| settings::new_stack_password(&args.password)).transpose()?;
    let keys = KeyPlan { password, tokens: args.token_key.clone(), root_keys: args.root_keys.clone() };
    if !args.witnesses.is_empty() {
        let of = args.witnesses.iter().map(|(url, key)| WitnessAt { url: url.clone(), key: key.clone() });
        let of: Vec<_> = of.collect();
        config.witnesses = Some(WitnessPolicy { required: args.witnesses_required.unwrap_or(of.len()), of });
    }
    config.bucket = args.bucket.clone().map(|url| BucketAt {
        url,
        endpoint: args.bucket_endpoint.clone(),
        region: args.bucket_region.clone(),
        // It is read by whoever runs the stack, from anywhere.
        ca: args.bucket_ca.as_ref().map(|ca| std::path::absolute(ca).unwrap_or_else(|_| ca.clone())),
    });
    if !args.at.is_empty() {
        config.urls = args.at.iter().cloned().collect();
        return apart(args, &stack::Stack::init_apart(&args.dir, &config, &keys)?);
    }
    stack::Stack::init_with(&args.dir, &config, &keys)?;
    let shown = Shown::from(settings::runtime()?.block_on(stack::status(&args.dir))?);
    match args.format.format {
        Format::Json => print_json(&shown)?,
        Format::Human => {
            let dir = args.dir.to_string_lossy().into_owned();
            let up = command_line(&["sealmark".to_owned(), "stack".to_owned(), "up".to_owned(), dir]);
            console::data(&format!(
                "a private Sigstore is in {}\n{}run it with:\n  {up}\n",
                visible_path(&args.dir),
                table(&shown).print(2)
            ))?;
        }
    }
    Ok(0)
}

/// What was made of a stack whose parts stand apart.
fn apart(args: &StackInit, folders: &[PathBuf]) -> Result<u8, Failure> {
    let witness = folders.first().map(|folder| stack::witness_key(folder)).transpose()?.flatten();
    match args.format.format {
        Format::Json => print_json(&ShownApart {
            schema: "sealmark.stack-apart/v1",
            tool: TOOL,
            witness,
            folders: folders.iter().map(|path| visible_path(path).to_string()).collect(),
        })?,
        Format::Human => {
            let mut text = witness.map(|key| format!("the witness is {key}\n")).unwrap_or_default();
            text.push_str(&format!(
                "the trust files are in {}; bring each folder to its machine, and run it there:\n",
                visible_path(&args.dir)
            ));
            for folder in folders {
                let folder = folder.to_string_lossy().into_owned();
                let up = command_line(&["sealmark".to_owned(), "stack".to_owned(), "up".to_owned(), folder]);
                text.push_str(&format!("  {up}\n"));
            }
            console::data(&text)?;
        }
    }
    Ok(0)
}

pub(super) fn up(args: &StackUp) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let environment = settings::environment();
    let journal = Journal::to(std::io::stderr()).map_err(|error| settings::SettingsError::Runtime(error.kind()))?;
    let mut tls = settings::serving(args.tls_cert.as_deref(), args.tls_key.as_deref(), None, &args.acme, &journal)?;
    let runtime = settings::server_runtime()?;
    runtime.block_on(async {
        let mut at = place(&args.dir, &args.password)?;
        if !args.role.is_empty() {
            at = at.only(args.role.iter().copied());
        }
        let mut stack = stack::Stack::open(at)?;
        if let Some(folder) = &args.high_water {
            stack = stack.remembering(folder)?;
        }
        stack = stack.comparing_clocks(args.time_source.clone());
        let listener = serve::bind(&stack.config().listen).await.map_err(stack::StackError::from)?;
        let mut server = Server::new(listener);
        tls.keep();
        if let Some(certificate) = tls.certificate {
            tokio::spawn(Arc::clone(&certificate).follow(environment, |change| match change {
                Reload::Kept(error) => console::warning(&format!("the certificate before stays in force: {error}")),
                Reload::Replaced | Reload::Same => console::words("a new certificate is in force"),
            }));
            server = server.tls(certificate);
        }
        let mut serving = Serving::new(server).journal(journal);
        if let Some(address) = args.operator {
            serving = serving.operator(serve::bind(&address.to_string()).await.map_err(stack::StackError::from)?);
        }
        console::data(&format!("serving on {}\n", stack.config().url))?;
        console::words("interrupt it to stop");
        stack.serve_with(serving, settings::interrupted()).await?;
        Ok(0)
    })
}

pub(super) fn status(args: &StatusArgs) -> Result<u8, Failure> {
    let shown = Shown::from(settings::runtime()?.block_on(stack::status(&args.dir))?);
    match args.format.format {
        Format::Json => print_json(&shown)?,
        Format::Human => {
            let style = Style::of_stdout();
            let title = if shown.serving { style.green("serving") } else { style.red("not serving") };
            console::data(&format!("{title}\n{}", table(&shown).print(2)))?;
        }
    }
    Ok(if shown.serving { 0 } else { 1 })
}

pub(super) fn token(args: &StackToken) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let kind = match args.kind {
        TokenKind::Github => IssuerKind::GithubWorkflow,
        TokenKind::Gitlab => IssuerKind::GitlabPipeline,
        TokenKind::Email => IssuerKind::Email,
        TokenKind::Uri => IssuerKind::Uri,
        TokenKind::Username => IssuerKind::Username,
    };
    let mut request = TokenRequest::new(kind);
    for (name, value) in &args.settings {
        request = request.with(name, value).map_err(stack::StackError::from)?;
    }
    console::data(&format!("{}\n", stack::token(place(&args.dir, &args.password)?, &request)?))?;
    Ok(0)
}

pub(super) fn renew_trust(args: &StackRenewTrust) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let version = stack::renew_trust(place(&args.dir, &args.password)?)?;
    console::data(&format!("root {version} is in {}\n", visible_path(&args.dir.join("tuf"))))?;
    Ok(0)
}

/// A stack's folder, with the password of its keys where there is one.
pub(super) fn place(dir: &Path, password: &StackPassword) -> Result<Place, Failure> {
    Ok(Place::new(dir).unlocked_by(settings::stack_password(password)?))
}

fn table(shown: &Shown) -> Table {
    let mut table = Table::default();
    table.row("address", &shown.url);
    if let Some(witness) = &shown.witness {
        table.row("witness", witness);
    }
    for log in &shown.logs {
        table.row(&format!("log {}", log.name), &format!("{} entries, {}", log.size, log.origin));
    }
    table
}
