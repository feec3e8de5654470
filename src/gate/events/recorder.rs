//! Writes events: each once, and what happens again as a number in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{EventsError, Happening, Same};
use crate::base::code::Code;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::serve::metrics::Counters;
use crate::service::environment::Environment;
use crate::service::http::{Method, Repeat};
use crate::service::kubernetes::{ApiCall, ApiServer};

/// An event that is there.
#[derive(Debug)]
struct Known {
    name: String,
    count: u64,
    /// The count that is written.
    written: u64,
    last: UnixTime,
    happened: Instant,
    wrote: Instant,
}

/// Writes what was told.
#[derive(Debug)]
pub struct Recorder {
    server: ApiServer,
    happenings: Receiver<Happening>,
    counts: Counters,
    environment: Arc<dyn Environment>,
    known: HashMap<Same, Known>,
    budget: Budget,
    well: bool,
    made: u64,
}

/// Writes that may be made now.
#[derive(Debug)]
struct Budget {
    left: f64,
    since: Instant,
}

impl Budget {
    fn take(&mut self) -> bool {
        let now = Instant::now();
        let gained = now.duration_since(self.since).as_secs_f64() * f64::from(limits::EVENTS_A_SECOND);
        (self.left, self.since) = ((self.left + gained).min(f64::from(limits::EVENTS_AT_ONCE)), now);
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

impl Recorder {
    pub(super) fn new(
        server: ApiServer,
        happenings: Receiver<Happening>,
        counts: Counters,
        environment: Arc<dyn Environment>,
    ) -> Self {
        let budget = Budget { left: f64::from(limits::EVENTS_AT_ONCE), since: Instant::now() };
        Self { server, happenings, counts, environment, known: HashMap::new(), budget, well: true, made: 0 }
    }

    /// Writes what is told until nobody tells any more. `told` hears of the first write that fails after one that did
    /// not.
    pub async fn run(mut self, told: impl Fn(Code, &str)) {
        let mut pauses = interval(Duration::from_secs(limits::EVENT_PAUSE_SECS));
        pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                happening = self.happenings.recv() => match happening {
                    Some(happening) => self.note(happening, &told).await,
                    None => return,
                },
                _ = pauses.tick() => self.count_on(&told).await,
            }
        }
    }

    async fn note(&mut self, happening: Happening, told: &impl Fn(Code, &str)) {
        let (now, series) = (Instant::now(), Duration::from_secs(limits::EVENT_SERIES_SECS));
        if let Some(known) = self.known.get_mut(&happening.same)
            && now.duration_since(known.happened) < series
        {
            (known.count, known.happened, known.last) = (known.count + 1, now, self.environment.now());
            self.counts.count(&["counted"]);
            return;
        }
        if self.known.len() >= limits::EVENTS_REMEMBERED {
            self.known.retain(|_, known| now.duration_since(known.happened) < series);
        }
        if self.known.len() >= limits::EVENTS_REMEMBERED || !self.budget.take() {
            self.counts.count(&["dropped"]);
            return;
        }
        let last = self.environment.now();
        let name = self.name();
        let body = happening.to_json(&name, &moment(last), &self.instance());
        let path = path(&happening.same.namespace, "");
        let written = self.write(&Method::POST, &path, "application/json", &body).await;
        if self.became(written, told).is_some() {
            let known = Known { name, count: 1, written: 1, last, happened: now, wrote: now };
            self.known.insert(happening.same, known);
        }
    }

    /// Writes how often what is known has happened since.
    async fn count_on(&mut self, told: &impl Fn(Code, &str)) {
        let (now, pause) = (Instant::now(), Duration::from_secs(limits::EVENT_PAUSE_SECS));
        let due = |known: &Known| known.count > known.written && now.duration_since(known.wrote) >= pause;
        let due: Vec<Same> = self.known.iter().filter(|(_, known)| due(known)).map(|(same, _)| same.clone()).collect();
        for same in due {
            let Some(known) = self.known.get(&same) else { continue };
            if !self.budget.take() {
                return;
            }
            let (count, last) = (known.count, moment(known.last));
            let body = format!(r#"{{"series":{{"count":{count},"lastObservedTime":"{last}"}}}}"#);
            let path = path(&same.namespace, &known.name);
            let media_type = "application/merge-patch+json";
            let written = self.write(&Method::PATCH, &path, media_type, &body).await;
            match self.became(written, told) {
                // It has expired, as events do.
                Some(404) => drop(self.known.remove(&same)),
                _ => {
                    if let Some(known) = self.known.get_mut(&same) {
                        (known.written, known.wrote) = (count, now);
                    }
                }
            }
        }
    }

    /// Writes; gives the status of what is there now, or 404.
    async fn write(
        &self,
        method: &Method,
        path: &str,
        media_type: &'static str,
        body: &str,
    ) -> Result<u16, EventsError> {
        let call = ApiCall { method, path, body: Some((media_type, body)), repeat: Repeat::Never };
        match self.server.call(&call).await?.status {
            status @ (200..300 | 404 | 409) => Ok(status),
            status => Err(EventsError::Refused { status }),
        }
    }

    fn became(&mut self, written: Result<u16, EventsError>, told: &impl Fn(Code, &str)) -> Option<u16> {
        match written {
            Ok(status) => {
                self.well = true;
                self.counts.count(&["written"]);
                Some(status)
            }
            Err(error) => {
                self.counts.count(&["refused"]);
                if std::mem::take(&mut self.well) {
                    told(error.code(), &error.to_string());
                }
                None
            }
        }
    }

    /// A name that no other event has.
    fn name(&mut self) -> String {
        let mut chance = [0; 8];
        // Without chance the count tells events of one process apart.
        let _ = getrandom::fill(&mut chance);
        self.made += 1;
        format!("sealmark-gate.{:016x}{:x}", u64::from_le_bytes(chance), self.made)
    }

    /// The pod.
    fn instance(&self) -> String {
        let name = self.environment.var("HOSTNAME").unwrap_or_else(|| "sealmark-gate".to_owned());
        name.chars().take(128).collect()
    }
}

fn path(namespace: &str, name: &str) -> String {
    let path = format!("apis/events.k8s.io/v1/namespaces/{namespace}/events");
    if name.is_empty() { path } else { format!("{path}/{name}") }
}

/// With microseconds, which the API server wants to see.
fn moment(time: UnixTime) -> String {
    let text = UnixTime::from_secs(time.secs()).to_string();
    format!("{}.000000Z", text.trim_end_matches('Z'))
}
