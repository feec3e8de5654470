//! `stack witness …`: a witness in one folder and one process.

use std::sync::Arc;

use sealmark::format::checkpoint::NoteKey;
use sealmark::serve::tls::Reload;
use sealmark::serve::{self, Journal, Server};
use sealmark::stack::StackError;
use sealmark::stack::clock::Clock;
use sealmark::stack::witness::{Witness, WitnessConfig};

use crate::cli::{WitnessInit, WitnessUp, WitnessWatch};
use crate::report::{Failure, console};
use crate::settings;

pub(super) fn init(args: &WitnessInit) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let config = WitnessConfig::new(&args.name, &args.listen.to_string(), Vec::new());
    let key = Witness::init_with(&args.dir, &config, args.token_key.as_deref())?;
    console::data(&format!("{key}\n"))?;
    console::words("have it watch a log with `sealmark stack witness watch`, then run it with `stack witness up`");
    Ok(0)
}

pub(super) fn watch(args: &WitnessWatch) -> Result<u8, Failure> {
    let logs = match args.log_keys.as_slice() {
        [] => {
            let trust = &args.trust;
            let files = [&trust.trusted_root, &trust.trust_config, &trust.stack, &trust.trust_folder];
            if files.iter().all(|file| file.is_none()) && trust.instance.is_none() {
                return Err(Failure::usage("say which logs: --stack, --trusted-root or --log-key"));
            }
            let root = settings::trust(trust)?.root;
            let key = |log: &sealmark::format::trust::LogInstance| {
                NoteKey::new(log.host(), log.key.clone()).ok().and_then(|key| key.verifier_key())
            };
            root.logs.iter().filter_map(key).collect()
        }
        keys => keys.to_vec(),
    };
    let new = Witness::watch(&args.dir, &logs)?;
    for key in &new {
        console::data(&format!("watches {key}\n"))?;
    }
    if new.is_empty() {
        console::words("it watches them already");
    }
    Ok(0)
}

pub(super) fn up(args: &WitnessUp) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let journal = Journal::to(std::io::stderr()).map_err(|error| settings::SettingsError::Runtime(error.kind()))?;
    let mut tls = settings::serving(args.tls_cert.as_deref(), args.tls_key.as_deref(), None, &args.acme, &journal)?;
    settings::server_runtime()?.block_on(async {
        let witness = Arc::new(Witness::open(&args.dir, Clock::system())?);
        let listener = serve::bind(witness.listen()?).await.map_err(StackError::from)?;
        // Logs keep their connections.
        let mut server = Server::new(listener).pooled();
        tls.keep();
        if let Some(certificate) = tls.certificate {
            tokio::spawn(Arc::clone(&certificate).follow(settings::environment(), |change| match change {
                Reload::Kept(error) => console::warning(&format!("the certificate before stays in force: {error}")),
                Reload::Replaced | Reload::Same => console::words("a new certificate is in force"),
            }));
            server = server.tls(certificate);
        }
        console::data(&format!("witnessing as {} on {}\n", witness.verifier_key(), witness.listen()?))?;
        console::words("interrupt it to stop");
        witness.serve(server, Some(journal), settings::interrupted()).await?;
        Ok(0)
    })
}
