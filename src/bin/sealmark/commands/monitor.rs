//! `monitor`: a log followed, each thing that there is to tell a line.

use std::collections::BTreeSet;

use sealmark::base::crypto::PublicKey;
use sealmark::base::encoding::hex;
use sealmark::base::limits;
use sealmark::format::checkpoint::NoteKey;
use sealmark::format::trust::{ClientTrustConfig, TrustedRoot};
use sealmark::monitor::{Begin, Event, Finding, Interest, Listener, Monitor, MonitorError};
use sealmark::policy::Watch;
use sealmark::service::BoxFuture;
use sealmark::service::tlog::tiles::TiledLog;
use sealmark::service::webhook::Webhook;
use serde::Serialize;

use crate::cli::{Format, Monitor as Args, MonitorFrom};
use crate::files;
use crate::report::console::Style;
use crate::report::text::{visible, visible_path};
use crate::report::{Failure, console, print_json_line};
use crate::settings;

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let mut teller = Teller::new(args)?;
    match prepare(args) {
        Ok(monitor) => settings::runtime()?.block_on(follow(args, &monitor, &mut teller)),
        Err(failure) => {
            teller.print(&Line::failure(&failure))?;
            Err(failure)
        }
    }
}

fn prepare(args: &Args) -> Result<Monitor, Failure> {
    let Followed { url, keys, frozen } = log(args)?;
    let interest = interest(args)?;
    let begin = match args.from {
        MonitorFrom::Now => Begin::Now,
        MonitorFrom::At(index) => Begin::At(index),
    };
    let evidence = args.evidence.clone().unwrap_or_else(|| args.state.join("evidence"));
    let log = TiledLog::new(&url, settings::http())?;
    let frozen = frozen.iter().map(|url| TiledLog::new(url, settings::http())).collect::<Result<_, _>>()?;
    Ok(Monitor::open(log, keys, &args.state, &evidence, begin, interest)?.after(frozen))
}

/// Looks once, or until it is interrupted. The code is that of the worst that was seen: a finding, then a look that
/// came to no end.
async fn follow(args: &Args, monitor: &Monitor, teller: &mut Teller) -> Result<u8, Failure> {
    let interrupted = settings::interrupted();
    tokio::pin!(interrupted);
    loop {
        let looked = tokio::select! {
            looked = monitor.look(teller) => looked,
            () = &mut interrupted => return Ok(teller.exit_code(0)),
        };
        let code = match looked {
            Ok(_) => {
                teller.out_of_sight = false;
                0
            }
            Err(error) => {
                let failure = Failure::from(error);
                teller.could_not_look(&failure).await?;
                failure.exit_code()
            }
        };
        let Some(interval) = args.interval else { return Ok(teller.exit_code(code)) };
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = &mut interrupted => return Ok(teller.exit_code(code)),
        }
    }
}

/// Where the log is, the keys that it may have, and where the shards before it are.
struct Followed {
    url: String,
    keys: Vec<NoteKey>,
    frozen: Vec<String>,
}

fn log(args: &Args) -> Result<Followed, Failure> {
    let named = |url: Option<String>| url.ok_or_else(|| Failure::usage("give the log's URL"));
    if !args.log_keys.is_empty() {
        let keys = args.log_keys.iter().map(|key| NoteKey::parse(key)).collect::<Result<_, _>>()?;
        return Ok(Followed { url: named(args.url.clone())?, keys, frozen: Vec::new() });
    }
    let (root, config) = match settings::client_config(&args.trust)? {
        Some(ClientTrustConfig { trusted_root, signing_config }) => (trusted_root, Some(signing_config)),
        None => (settings::trust(&args.trust)?.root, None),
    };
    let logs = config.map(|config| config.logs).unwrap_or_default();
    let tiled = logs.iter().find(|log| log.major_api_version >= 2).map(|log| log.url.clone());
    let url = named(args.url.clone().or(tiled))?;
    // A stack serves its own; who names a URL means what is there.
    let frozen = match args.trust.stack.is_some() && args.url.is_none() {
        true => frozen(&root).map(|shard| format!("{url}/shards/{shard}/rekor")).collect(),
        false => Vec::new(),
    };
    Ok(Followed { url, keys: keys(&root), frozen })
}

/// The shards of a stack's transparency log that its trusted root believes no longer: logSHARD.DOMAIN.
fn frozen(root: &TrustedRoot) -> impl Iterator<Item = &str> {
    let ended = root.logs.iter().filter(|log| log.validity.end().is_some());
    ended.filter_map(|log| log.host().strip_prefix("log")?.split('.').next())
}

/// The keys of all logs of a trusted root: the checkpoint says whose it is.
fn keys(root: &TrustedRoot) -> Vec<NoteKey> {
    root.logs.iter().filter_map(|log| NoteKey::new(log.host(), log.key.clone()).ok()).collect()
}

fn interest(args: &Args) -> Result<Interest, Failure> {
    let who = &args.watched;
    let mut watches = Vec::new();
    if who.certified.says_who() {
        watches.push(settings::certified(&who.certified)?.watch()?);
    }
    if let Some(path) = &who.key {
        let pem = files::read(path, limits::PEM_BYTES)?;
        let key = PublicKey::from_pem(&String::from_utf8_lossy(&pem));
        watches.push(Watch::key(key.map_err(|error| Failure::from(error).about(&visible_path(path)))?));
    }
    if let Some(path) = &who.policy {
        watches.extend(settings::policy(path, &files::read(path, limits::POLICY_BYTES)?)?.watches());
    }
    if watches.is_empty() && !who.ledgers.is_empty() {
        return Err(Failure::usage("say whom you watch for: a ledger tells which of their entries are yours"));
    }
    Ok(Interest { watches, ledgers: who.ledgers.clone() })
}

/// Schema `sealmark.monitor/v1`: one line.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    schema: &'static str,
    event: &'static str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<EntryShown>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryShown {
    index: u64,
    leaf_hash: String,
    artifact: Option<String>,
    names: Vec<String>,
    issuer: Option<String>,
}

impl Line {
    fn new(event: &'static str, message: String) -> Self {
        Self { schema: "sealmark.monitor/v1", event, time: settings::now().to_string(), message, ..Self::default() }
    }

    fn failure(failure: &Failure) -> Self {
        Self { code: Some(failure.code().name()), ..Self::new("failure", failure.message().to_owned()) }
    }

    fn of(event: Event) -> Self {
        match event {
            Event::Begun { origin, from, size } => {
                let message = format!("following {origin}, of {size} entries, from entry {from} on");
                Self { log: Some(origin), size: Some(size), from: Some(from), ..Self::new("begun", message) }
            }
            Event::TornLedger { lines } => {
                Self::new("torn-ledger", format!("{lines} lines of the ledgers cannot be read"))
            }
            Event::Read { origin, size, entries } => {
                let message = format!("{origin} holds: {size} entries, {entries} of them read now");
                Self { log: Some(origin), size: Some(size), entries: Some(entries), ..Self::new("read", message) }
            }
            Event::Found(finding) => Self::found(*finding),
            _ => Self::new("other", String::new()),
        }
    }

    fn found(finding: Finding) -> Self {
        let entry = finding.entry.map(|entry| EntryShown {
            index: entry.index,
            leaf_hash: hex::encode(&entry.leaf),
            artifact: entry.artifact,
            names: entry.names,
            issuer: entry.issuer,
        });
        Self {
            log: Some(finding.origin),
            size: Some(finding.size),
            kind: Some(finding.kind.name()),
            entry,
            evidence: finding.evidence.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            ..Self::new("finding", finding.message)
        }
    }
}

/// Who hears what there is to tell: standard output, and the webhook of findings and of looks that came to no end.
struct Teller {
    format: Format,
    webhook: Option<Webhook>,
    told: BTreeSet<String>,
    found: bool,
    /// Whether the last look came to no end.
    out_of_sight: bool,
}

impl Teller {
    fn new(args: &Args) -> Result<Self, Failure> {
        let webhook = match &args.webhook_file {
            Some(path) => {
                let url = files::read(path, limits::URL_BYTES)?;
                let url = String::from_utf8_lossy(&url);
                let webhook = Webhook::new(url.trim(), settings::http());
                Some(webhook.map_err(|error| Failure::from(error).about(&visible_path(path)))?)
            }
            None => None,
        };
        Ok(Self { format: args.format.format, webhook, told: BTreeSet::new(), found: false, out_of_sight: false })
    }

    fn exit_code(&self, looked: u8) -> u8 {
        if self.found { 1 } else { looked }
    }

    fn print(&self, line: &Line) -> Result<(), Failure> {
        match self.format {
            Format::Json => print_json_line(line)?,
            Format::Human => {
                let style = Style::of_stdout();
                let mut text = match line.event {
                    "finding" => format!("{} {}\n", style.red("FOUND"), visible(&line.message)),
                    // Told on standard error.
                    "failure" => return Ok(()),
                    _ => format!("{}\n", visible(&line.message)),
                };
                line.evidence.iter().for_each(|path| text.push_str(&format!("  evidence  {}\n", visible(path))));
                console::data(&text)?;
            }
        }
        Ok(())
    }

    async fn post(&self, line: &Line) -> Result<(), MonitorError> {
        let Some(webhook) = &self.webhook else { return Ok(()) };
        let json = serde_json::to_string(line).unwrap_or_default();
        webhook.post(&json).await.map_err(|error| MonitorError::Untold(error.to_string(), error.code()))
    }

    /// The first time in a row the webhook hears of it too: a log that fell silent is what a liar would like.
    async fn could_not_look(&mut self, failure: &Failure) -> Result<(), Failure> {
        let line = Line::failure(failure);
        self.print(&line)?;
        console::failure(failure);
        if !std::mem::replace(&mut self.out_of_sight, true)
            && let Err(error) = self.post(&line).await
        {
            console::warning(&error.to_string());
        }
        Ok(())
    }
}

impl Listener for Teller {
    fn tell(&mut self, event: Event) -> BoxFuture<'_, Result<(), MonitorError>> {
        Box::pin(async move {
            let id = match &event {
                Event::Found(finding) => Some(finding.id()),
                _ => None,
            };
            self.found |= id.is_some();
            if id.as_ref().is_some_and(|id| self.told.contains(id)) {
                return Ok(());
            }
            let line = Line::of(event);
            self.print(&line).map_err(|failure| MonitorError::Untold(failure.message().to_owned(), failure.code()))?;
            if let Some(id) = id {
                self.post(&line).await?;
                if self.told.len() >= limits::EVIDENCE_FILES {
                    self.told.clear();
                }
                self.told.insert(id);
            }
            Ok(())
        })
    }
}
