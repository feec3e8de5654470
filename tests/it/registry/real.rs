//! Registries of others, started on a port of loopback for as long as a test holds them.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running registry; stopped when dropped.
pub struct RealRegistry {
    /// `127.0.0.1:PORT`
    pub authority: String,
    process: Child,
    folder: PathBuf,
}

impl RealRegistry {
    /// Debian's docker-registry: no referrers API. `None` where it is not installed, with a word about it.
    pub fn docker() -> Option<Self> {
        let program = found("docker-registry")?;
        Self::start(|folder, port| {
            let config = folder.join("config.yml");
            let text = format!(
                "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n",
                folder.join("data").display()
            );
            std::fs::write(&config, text).unwrap();
            let mut command = Command::new(&program);
            command.arg("serve").arg(config);
            command
        })
    }

    /// The registry of go-containerregistry with the referrers API, from `tests/registry`; `tests/run` builds it.
    pub fn go_containerregistry() -> Option<Self> {
        let peers = std::env::var_os("SEALMARK_PEERS").map(PathBuf::from);
        let program = peers.map(|peers| peers.join("go/bin/registry-referrers")).filter(|program| program.exists());
        let Some(program) = program else {
            println!("left out: go-containerregistry's registry: not built (tests/run does)");
            return None;
        };
        Self::start(|_, port| {
            let mut command = Command::new(&program);
            command.arg(format!("127.0.0.1:{port}"));
            command
        })
    }

    fn start(command: impl Fn(&Path, u16) -> Command) -> Option<Self> {
        // The port is free when it is asked for, and may be taken a moment later.
        for attempt in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let folder = std::env::temp_dir().join(format!("sealmark-registry-{}-{port}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let mut command = command(&folder, port);
            let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let mut started = Self { authority: format!("127.0.0.1:{port}"), process, folder };
            if started.answers() {
                return Some(started);
            }
            println!("registry did not start, attempt {attempt}");
        }
        panic!("the registry does not start");
    }

    fn answers(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(&self.authority).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|program| program.exists());
    if found.is_none() {
        println!("left out: {program}: not installed");
    }
    found
}
