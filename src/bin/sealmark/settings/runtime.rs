//! The asynchronous runtimes: one thread to sign, several to serve. Verifying has none.

use tokio::runtime::{Builder, Runtime};
use tokio::signal;

use super::SettingsError;

/// The runtime of the commands that talk to services.
pub(crate) fn runtime() -> Result<Runtime, SettingsError> {
    started(Builder::new_current_thread().enable_all().build())
}

/// The runtime of a server.
pub(crate) fn server_runtime() -> Result<Runtime, SettingsError> {
    started(Builder::new_multi_thread().enable_all().build())
}

fn started(built: std::io::Result<Runtime>) -> Result<Runtime, SettingsError> {
    built.map_err(|error| SettingsError::Runtime(error.kind()))
}

/// Completes when the process is asked to end: an interrupt from the terminal, or SIGTERM from a supervisor.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    if let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    // Nothing to wait for that could fail: without a signal handler the default ends the process.
    drop(signal::ctrl_c().await);
}
