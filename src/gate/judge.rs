//! One image under one policy: where it may be looked for, what is kept of it, and the look itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::addresses::{self, Stores};
use super::cache::{Cache, Key, Source};
use super::registries::{Leave, Registries};
use super::snapshot::{LoadedPolicy, Snapshot};
use super::tracing::Traced;
use super::verdict::{Admission, Verdict};
use crate::admit::image::{self, Candidates, ImageDecision, ImageError, Lookup};
use crate::base::code::Code;
use crate::base::encoding::hex;
use crate::base::limits;
use crate::format::oci::{DigestRef, ImageRef, Registry};
use crate::serve::metrics::Seconds;
use crate::serve::traces::Span;
use crate::service::environment::Environment;
use crate::service::http::HttpError;
use crate::service::store::StoreError;
use crate::verify::{Signer, Verified};

/// Looks at images.
#[derive(Debug)]
pub(super) struct Judge {
    stores: Stores,
    environment: Arc<dyn Environment>,
    cache: Arc<Cache>,
    registries: Arc<Registries>,
    lookups: Seconds,
}

/// A verdict about one reference.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    /// What the reference was found to name, when it could be found out.
    pub image: Option<DigestRef>,
    /// Whether the reference is a tag, which its owner may move.
    pub tagged: bool,
    /// The verdict.
    pub verdict: Arc<Verdict>,
    /// Where it came from.
    pub source: Source,
}

impl Judge {
    /// Over registries; `lookups` notes how long their answers take.
    pub(super) fn new(stores: Stores, environment: Arc<dyn Environment>, lookups: Seconds) -> Self {
        Self { stores, environment, cache: Arc::default(), registries: Arc::default(), lookups }
    }

    /// Verdicts that are kept, and registries that are left alone now.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.cache.len(), self.registries.paused())
    }

    /// The verdicts about several references, each looked at once, all at the same time. None takes longer than
    /// [`limits::LOOKUP_SECS`] and what resolving a tag takes.
    pub(super) async fn all<'r>(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        policy: &Arc<LoadedPolicy>,
        references: impl Iterator<Item = &'r str>,
        traced: &Traced,
    ) -> HashMap<&'r str, Judged> {
        let mut judged = HashMap::new();
        let mut waiting = Vec::new();
        for reference in references {
            if judged.contains_key(reference) || waiting.iter().any(|(waits, _)| *waits == reference) {
                continue;
            }
            if let Some(kept) = self.kept(snapshot, policy, reference) {
                kept.tell(&mut traced.span("image"), reference);
                judged.insert(reference, kept);
                continue;
            }
            let (judge, snapshot, policy) = (Arc::clone(self), Arc::clone(snapshot), Arc::clone(policy));
            let (text, traced) = (reference.to_owned(), traced.clone());
            let task = tokio::spawn(async move { judge.one(&snapshot, &policy, &text, &traced).await });
            waiting.push((reference, AbortOnDrop(task)));
        }
        for (reference, mut task) in waiting {
            let found = (&mut task.0).await.unwrap_or_else(|_| Judged::of(broken()));
            judged.insert(reference, found);
        }
        judged
    }

    /// What needs no wait: a digest whose verdict is kept, and a reference that is none or leads nowhere.
    fn kept(&self, snapshot: &Snapshot, policy: &LoadedPolicy, reference: &str) -> Option<Judged> {
        match parse(snapshot, reference) {
            Ok(ImageRef::Digested(image)) => {
                let verdict = self.cache.kept(key(snapshot, policy, &image, None))?;
                Some(Judged { image: Some(image), tagged: false, verdict, source: Source::Kept })
            }
            Ok(ImageRef::Tagged(_)) => None,
            Err(verdict) => Some(Judged::of(verdict)),
        }
    }

    /// The verdict about one reference.
    pub(super) async fn one(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        policy: &Arc<LoadedPolicy>,
        text: &str,
        traced: &Traced,
    ) -> Judged {
        let (mut span, traced) = traced.part("image");
        let judged = self.one_traced(snapshot, policy, text, &traced).await;
        judged.tell(&mut span, text);
        judged
    }

    async fn one_traced(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        policy: &Arc<LoadedPolicy>,
        text: &str,
        traced: &Traced,
    ) -> Judged {
        let reference = match parse(snapshot, text) {
            Ok(reference) => reference,
            Err(verdict) => return Judged::of(verdict),
        };
        // A tag is asked for each time: what it named before says nothing of what it names now.
        let (tag, image) = match &reference {
            ImageRef::Digested(image) => (None, image.clone()),
            ImageRef::Tagged(tagged) => match self.resolve(snapshot, &reference, traced).await {
                Ok(image) => (Some(tagged.tag().as_str()), image),
                Err(verdict) => return Judged { tagged: true, ..Judged::of(verdict) },
            },
        };
        let look = || {
            let (judge, snapshot, policy) = (Arc::clone(self), Arc::clone(snapshot), Arc::clone(policy));
            let (lookup, traced) = (Lookup::of(&image).asked_for(&reference), traced.clone());
            async move { judge.look(snapshot, policy, lookup, traced).await }
        };
        let (verdict, source) = self.cache.verdict(key(snapshot, policy, &image, tag), look).await;
        Judged { image: Some(image), tagged: tag.is_some(), verdict, source }
    }

    async fn resolve(&self, snapshot: &Snapshot, reference: &ImageRef, traced: &Traced) -> Result<DigestRef, Verdict> {
        let registry = reference.repository().registry();
        let store = self.stores.to(registry, &snapshot.private_registries);
        self.ask(traced, "resolve", registry, image::resolve(store, reference)).await
    }

    /// Fetches what is attached, and decides on a thread that may compute. Where older clients keep signatures
    /// is looked at only when nothing else is admitted.
    async fn look(
        self: Arc<Self>,
        snapshot: Arc<Snapshot>,
        policy: Arc<LoadedPolicy>,
        lookup: Lookup,
        traced: Traced,
    ) -> Verdict {
        let registry = &lookup.image().repository().registry().clone();
        let store = self.stores.to(registry, &snapshot.private_registries);
        let fetch = image::fetch(store, lookup);
        let candidates = match self.ask(&traced, "fetch", registry, fetch).await {
            Ok(candidates) => candidates,
            Err(verdict) => return verdict,
        };
        let (mut candidates, first) = self.decide(&snapshot, &policy, candidates, &traced).await;
        if matches!(first, Verdict::Admitted(_)) {
            return first;
        }
        let fetch = async {
            candidates.fetch_legacy(store).await;
            Ok(candidates)
        };
        match self.ask(&traced, "fetch-older", registry, fetch).await {
            Ok(candidates) => self.decide(&snapshot, &policy, candidates, &traced).await.1,
            Err(verdict) => verdict,
        }
    }

    async fn decide(
        &self,
        snapshot: &Arc<Snapshot>,
        policy: &Arc<LoadedPolicy>,
        candidates: Candidates,
        traced: &Traced,
    ) -> (Candidates, Verdict) {
        let mut span = traced.span("verify");
        let (snapshot, policy, now) = (Arc::clone(snapshot), Arc::clone(policy), self.environment.now());
        let kept = candidates.clone();
        let decide = move || verdict(&candidates.decide(&snapshot.verifier, &policy.trust, now));
        let decided = tokio::task::spawn_blocking(decide).await;
        let decided = decided.unwrap_or_else(|_| broken());
        span.text("sealmark.verdict", decided.word());
        span.text("sealmark.code", decided.label());
        (kept, decided)
    }

    /// Asks a registry within its bounds. Only silence and overload count against its health: whatever else comes
    /// is an answer, and may be the work of whoever owns one image.
    async fn ask<T>(
        &self,
        traced: &Traced,
        what: &'static str,
        registry: &Registry,
        question: impl Future<Output = Result<T, ImageError>>,
    ) -> Result<T, Verdict> {
        let name = registry.to_string();
        let leave: Leave =
            self.registries.enter(&name).await.map_err(|error| Verdict::against(error.code(), &error))?;
        let started = Instant::now();
        let (mut span, answer) = traced.asking(what, &name, question).await;
        if let Err(error) = &answer {
            span.fail(error.code().name());
        }
        drop(span);
        self.lookups.observe(started.elapsed());
        if !answer.as_ref().is_err_and(is_down) {
            leave.answered();
        }
        answer.map_err(|error| Verdict::against(error.code(), &error))
    }
}

/// Whether a registry gave no answer.
fn is_down(error: &ImageError) -> bool {
    let (ImageError::Store(error) | ImageError::Listing { error, .. }) = error else { return false };
    matches!(error, StoreError::Http(HttpError::Unreachable { .. } | HttpError::Unavailable { .. }))
}

impl Judged {
    /// Nothing was found out in the time that there was.
    pub(super) fn too_late() -> Self {
        Self::of(Verdict::against(too_late(), "it could not be checked in time"))
    }

    /// Says in a span what was found of a reference.
    fn tell(&self, span: &mut Span, reference: &str) {
        if !span.is_seen() {
            return;
        }
        span.text("sealmark.image", reference);
        if let Some(image) = &self.image {
            span.text("sealmark.digest", &image.digest().to_string());
        }
        span.text("sealmark.verdict", self.verdict.word());
        span.text("sealmark.code", self.verdict.label());
        span.text("sealmark.source", if self.source == Source::Kept { "kept" } else { "found" });
        if let Verdict::Undecided(objection) = self.verdict.as_ref() {
            span.fail(objection.code.name());
        }
    }

    fn of(verdict: Verdict) -> Self {
        Self { image: None, tagged: false, verdict: Arc::new(verdict), source: Source::Found }
    }
}

/// A task that ends with who waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The reference, when it is one and its registry may be asked.
fn parse(snapshot: &Snapshot, text: &str) -> Result<ImageRef, Verdict> {
    let reference = ImageRef::parse(text).map_err(|error| Verdict::against(error.code(), &error))?;
    addresses::permit(reference.repository().registry(), &snapshot.private_registries)
        .map_err(|error| Verdict::against(error.code(), &error))?;
    Ok(reference)
}

/// What a verdict depends on. The tag is part of it only beside the digest: a policy may bind both.
fn key(snapshot: &Snapshot, policy: &LoadedPolicy, image: &DigestRef, tag: Option<&str>) -> Key {
    let (registry, path) = (image.repository().registry(), image.repository().path());
    Key::over([
        registry.host().as_bytes(),
        &registry.port().unwrap_or(0).to_be_bytes(),
        path.as_bytes(),
        image.digest().as_bytes(),
        tag.unwrap_or_default().as_bytes(),
        &policy.version,
        &snapshot.trust_version,
    ])
}

/// The decision as it is kept: what the verifier holds is much, what is said of it little.
fn verdict(decision: &ImageDecision) -> Verdict {
    match (decision.admitted(), decision.error()) {
        (Some((verified, rule)), _) => Verdict::Admitted(Admission {
            rule: rule.unwrap_or_default().into(),
            signer: signer(verified).chars().take(limits::JOURNAL_TEXT).collect::<String>().into(),
        }),
        (None, Some(error)) => Verdict::against(error.code(), error).in_mode(decision.decision().mode()),
        (None, None) => broken(),
    }
}

/// The code of a deadline.
pub(super) fn too_late() -> Code {
    Code::undecided("gate-deadline", "try again; if it stays, see whether the registries are well")
}

fn signer(verified: &Verified) -> String {
    match verified.signer() {
        Signer::Certificate(signer) => signer.san().to_string(),
        Signer::Key(key) => format!("key {}", hex::encode(&key.spki_sha256())),
    }
}

fn broken() -> Verdict {
    let code = Code::undecided("gate-broken", "this is a fault of the gate: report it, with its journal");
    Verdict::against(code, "the gate failed while it verified")
}
