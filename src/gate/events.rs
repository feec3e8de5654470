//! Events in the cluster (`events.k8s.io/v1`): what was denied, or let in with a warning, stands where people look,
//! `kubectl get events` and `kubectl describe`, beside the workload that it is about.
//!
//! They are written by the gate's service account, where it has one with a role for it. Reviews never wait for them:
//! what is told goes through a bounded queue; what happens again within [`limits::EVENT_SERIES_SECS`] is counted in the
//! event that is there; writes are bounded by [`limits::EVENTS_A_SECOND`]. What does not fit is left out and counted.
//!
//! <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>

mod recorder;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc::{Sender, channel};

pub use recorder::Recorder;

use super::admission::{Review, visible};
use crate::base::code::Code;
use crate::base::encoding::json::{Json, quote};
use crate::base::limits;
use crate::serve::metrics::Counters;
use crate::service::environment::Environment;
use crate::service::http::Settings;
use crate::service::kubernetes::{ApiServer, ApiServerError};

/// Notes of an event, in characters: Kubernetes takes 1024 bytes.
const NOTE: usize = 1000;

/// Events are worth no long wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the API server is asked for events.
pub fn event_settings() -> Settings {
    Settings { connect_timeout: PATIENCE, attempt_timeout: PATIENCE, budget: PATIENCE, ..Settings::default() }
}

/// Why an event cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventsError {
    /// The API server could not be asked.
    #[error(transparent)]
    Server(#[from] ApiServerError),
    /// It does not take events of this account.
    #[error("the API server answered {status} to an event")]
    Refused {
        /// The status.
        status: u16,
    },
}

impl EventsError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Server(error) => error.code(),
            Self::Refused { .. } => {
                Code::undecided("events-refused", "give the gate's service account the role that the manifests have")
            }
        }
    }
}

/// What an event is about: an object, or the one that manages it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Regarding {
    api_version: String,
    kind: String,
    name: String,
    uid: String,
}

/// What is told in an event. The same again is the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Same {
    namespace: String,
    regarding: Regarding,
    reason: &'static str,
    code: &'static str,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Happening {
    same: Same,
    note: String,
}

/// Takes what happened.
#[derive(Debug)]
pub(super) struct Events {
    queue: Sender<Happening>,
    counts: Counters,
}

/// What takes events, and what writes them.
pub(super) fn start(server: ApiServer, counts: Counters, environment: Arc<dyn Environment>) -> (Events, Recorder) {
    let (queue, happenings) = channel(limits::EVENTS_QUEUED);
    let recorder = Recorder::new(server, happenings, counts.clone(), environment);
    (Events { queue, counts }, recorder)
}

impl Events {
    /// Has it noted, unless too much waits.
    pub(super) fn tell(&self, happening: Happening) {
        if self.queue.try_send(happening).is_err() {
            self.counts.count(&["dropped"]);
        }
    }
}

impl Happening {
    /// What became of a review; `None` of what has no namespace, where no event could be.
    pub(super) fn of(review: &Review<'_>, reason: &'static str, code: &'static str, text: &str) -> Option<Self> {
        let namespace = review.namespace?.to_owned();
        let note = visible(text, NOTE).into_owned();
        Some(Self { same: Same { namespace, regarding: Regarding::of(review), reason, code }, note })
    }

    /// The event that says so.
    fn to_json(&self, name: &str, now: &str, instance: &str) -> String {
        let Same { namespace, regarding, reason, .. } = &self.same;
        let mut out = String::from(r#"{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":"#);
        object(&mut out, &[("name", name), ("namespace", namespace)]);
        out.push_str(r#","regarding":"#);
        let Regarding { api_version, kind, name, uid } = regarding;
        let about = [("apiVersion", api_version.as_str()), ("kind", kind), ("namespace", namespace), ("name", name)];
        let with_uid: Vec<_> = about.into_iter().chain((!uid.is_empty()).then_some(("uid", uid.as_str()))).collect();
        object(&mut out, &with_uid);
        for (field, value) in [
            ("type", "Warning"),
            ("reason", reason),
            ("action", "Admission"),
            ("note", &self.note),
            ("eventTime", now),
            ("reportingController", "sealmark.dev/gate"),
            ("reportingInstance", instance),
        ] {
            out.push(',');
            quote(field, &mut out);
            out.push(':');
            quote(value, &mut out);
        }
        out.push('}');
        out
    }
}

fn object(out: &mut String, members: &[(&str, &str)]) {
    for (index, (name, value)) in members.iter().enumerate() {
        out.push(if index == 0 { '{' } else { ',' });
        quote(name, out);
        out.push(':');
        quote(value, out);
    }
    out.push('}');
}

impl Regarding {
    /// The object's manager, which is there when the object never comes to be; else the object itself.
    fn of(review: &Review<'_>) -> Self {
        let metadata = review.object.and_then(|object| object.member("metadata"));
        let owners = match metadata.and_then(|metadata| metadata.member("ownerReferences")) {
            Some(Json::Array(owners)) => owners.as_slice(),
            _ => &[],
        };
        let manages = |owner: &&Json<'_>| owner.member("controller") == Some(&Json::Bool(true));
        let text = |json: Option<&Json<'_>>, name: &str| {
            let value = json.and_then(|json| json.member(name)).and_then(Json::as_str).unwrap_or_default();
            visible(value, 253).into_owned()
        };
        if let Some(owner) = owners.iter().find(manages) {
            let part = |name| text(Some(owner), name);
            return Self { api_version: part("apiVersion"), kind: part("kind"), name: part("name"), uid: part("uid") };
        }
        let api_version = match review.group {
            "" => visible(review.version, 253).into_owned(),
            group => visible(&format!("{group}/{}", review.version), 253).into_owned(),
        };
        // The API server has no name yet for what is to be called by a prefix.
        let names = [visible(review.name, 253).into_owned(), text(metadata, "name"), text(metadata, "generateName")];
        let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        Self { api_version, kind: visible(review.kind, 253).into_owned(), name, uid: text(metadata, "uid") }
    }
}

#[cfg(test)]
mod tests;
