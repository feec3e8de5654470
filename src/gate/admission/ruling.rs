//! From verdicts to an answer: modes, break-glass, and which fields are pinned.

use std::collections::HashMap;
use std::sync::Arc;

use super::Webhook;
use super::answer::{self, Answer, Denial, Pin};
use super::images::{self, ImageField};
use super::review::{Operation, Review};
use crate::base::code::{Class, Code};
use crate::base::limits;
use crate::gate::Gate;
use crate::gate::judge::Judged;
use crate::gate::settings::BreakGlass;
use crate::gate::snapshot::{LoadedPolicy, Snapshot};
use crate::gate::tracing::Traced;
use crate::gate::verdict::Verdict;
use crate::policy::Mode;
use crate::serve::traces::Span;

/// An answer, with what the journal and the metrics have of it.
#[derive(Debug, Default)]
pub(super) struct Ruling {
    pub(super) answer: Answer,
    /// `allowed`, `denied`, `warned`, `audited` or `broken-glass`.
    pub(super) outcome: &'static str,
    /// The code of the first objection.
    pub(super) code: Option<Code>,
    /// The policy that decided.
    pub(super) policy: Option<Arc<LoadedPolicy>>,
    /// One a reference: what was found of it.
    pub(super) found: Vec<String>,
    /// The entry under which it was allowed all the same.
    pub(super) break_glass: Option<BreakGlass>,
}

impl Ruling {
    /// Nothing to look at.
    fn nothing() -> Self {
        Self { outcome: "allowed", ..Self::default() }
    }

    /// Says in a span what was ruled.
    pub(super) fn tell(&self, span: &mut Span, review: &Review<'_>) {
        if !span.is_seen() {
            return;
        }
        span.text("sealmark.review.uid", review.uid);
        span.text("sealmark.outcome", self.outcome);
        span.text("k8s.namespace.name", review.namespace.unwrap_or_default());
        span.text("sealmark.kind", review.kind);
        span.text("sealmark.policy", self.policy.as_ref().map_or("", |policy| policy.shown.as_str()));
        if let Some(code) = self.code {
            span.text("sealmark.code", code.name());
            if code.class() == Class::Undecided {
                span.fail(code.name());
            }
        }
    }

    /// A denial of the whole object.
    pub(super) fn against(code: Code, what: &str) -> Self {
        let message = format!("{code}: {} (hint: {})", answer::visible(what, limits::DENIAL_IMAGE_TEXT), code.hint());
        Self::denied(code, message)
    }

    fn denied(code: Code, message: String) -> Self {
        let status = if code.class() == Class::Undecided { 503 } else { 403 };
        let denial = Some(Denial { status, message });
        Self { answer: Answer { denial, ..Answer::default() }, outcome: "denied", code: Some(code), ..Self::default() }
    }
}

/// Rules over a review. Everything that it depends on is taken once, at its beginning.
pub(super) async fn rule(gate: &Gate, webhook: Webhook, review: &Review<'_>, traced: &Traced) -> Ruling {
    if matches!(review.operation, Operation::Delete | Operation::Connect) {
        return Ruling::nothing();
    }
    let snapshot = gate.state.current();
    let fields = match images::new_images(review, &snapshot.settings.kinds) {
        Ok(fields) => fields,
        Err(error) => return glass(gate, &snapshot, review, Ruling::against(error.code(), &error.to_string())),
    };
    if fields.is_empty() {
        return Ruling::nothing();
    }
    let namespace = review.namespace.unwrap_or_default();
    let chosen = if namespace.is_empty() { None } else { snapshot.policy_of(namespace) };
    let Some((policy, mode)) = chosen else {
        let code = Code::refused("gate-no-policy", "name the namespace in the gate's settings");
        return Ruling::against(code, &format!("no policy is for namespace \"{namespace}\""));
    };
    let judged = gate.judge.all(&snapshot, policy, fields.iter().map(|field| field.image), traced).await;
    for one in judged.values() {
        gate.metrics.verdict(one);
    }
    let ruling = decide(webhook, &fields, &judged, mode);
    let found = judged.iter().map(|(reference, judged)| describe(reference, judged)).collect();
    glass(gate, &snapshot, review, Ruling { policy: Some(Arc::clone(policy)), found, ..ruling })
}

/// What was found of a reference, in a line for the journal and the audit log.
fn describe(reference: &str, judged: &Judged) -> String {
    let reference = answer::visible(reference, 300);
    let digest = judged.image.as_ref().map(|image| format!(" {}", image.digest())).unwrap_or_default();
    match judged.verdict.as_ref() {
        Verdict::Admitted(admission) => {
            let signer = answer::visible(&admission.signer, 300);
            format!("{reference}{digest} admitted by rule {}, signed by {signer}", answer::visible(&admission.rule, 80))
        }
        verdict => format!("{reference}{digest} {}: {}", verdict.word(), verdict.label()),
    }
}

/// Puts verdicts together: one objection is enough for a no.
fn decide(webhook: Webhook, fields: &[ImageField<'_>], judged: &HashMap<&str, Judged>, mode: Mode) -> Ruling {
    let mut objections = Vec::new();
    let mut patch = Vec::new();
    for field in fields {
        match judged.get(field.image).map(|judged| (judged, judged.verdict.as_ref())) {
            Some((judged, Verdict::Admitted(_))) if !judged.tagged => {}
            Some((Judged { image: Some(image), .. }, Verdict::Admitted(_))) if webhook == Webhook::Mutate => {
                patch.push(Pin::new(field, image.to_string()));
            }
            Some((_, Verdict::Admitted(_))) => objections.push((field, unpinned())),
            Some((_, verdict)) => objections.push((field, verdict.clone())),
            None => objections.push((field, Verdict::against(unpinned_code(), "it was not looked at"))),
        }
    }
    let Some((_, first)) = objections.first() else {
        return Ruling { answer: Answer { patch, ..Answer::default() }, outcome: "allowed", ..Ruling::default() };
    };
    // What was looked at and is no good comes before what could not be looked at.
    let worst = objections.iter().map(|(_, verdict)| verdict).find(|verdict| matches!(verdict, Verdict::Refused(_)));
    let code = worst.unwrap_or(first).objection().map_or_else(unpinned_code, |objection| objection.code);
    let told = objections
        .iter()
        .filter_map(|(field, verdict)| Some((*field, answer::objection(field, verdict, verdict.objection()?))));
    // Both the policy and the namespace may be mild; of several objections the strictest counts.
    let of_policy = objections.iter().filter_map(|(_, verdict)| Some(verdict.objection()?.mode)).max();
    let mode = mode.min(of_policy.unwrap_or(Mode::Enforce));
    match mode {
        Mode::Enforce => Ruling::denied(code, answer::message(told)),
        Mode::Warn | Mode::Audit => {
            let warnings = match mode {
                Mode::Warn => told
                    .map(|(_, text)| answer::visible(&text, limits::WARNING_TEXT).into_owned())
                    .take(limits::DENIAL_IMAGES)
                    .collect(),
                _ => Vec::new(),
            };
            let outcome = if mode == Mode::Warn { "warned" } else { "audited" };
            Ruling {
                answer: Answer { warnings, patch, ..Answer::default() },
                outcome,
                code: Some(code),
                ..Ruling::default()
            }
        }
    }
}

fn unpinned_code() -> Code {
    Code::refused("image-not-pinned", "name the digest, or let the gate's mutating webhook pin it")
}

fn unpinned() -> Verdict {
    Verdict::against(unpinned_code(), "it is named by a tag, which its owner may move after it was checked")
}

/// Allows what would be denied where an entry of the settings says so, and only when that could be written down.
fn glass(gate: &Gate, snapshot: &Snapshot, review: &Review<'_>, ruling: Ruling) -> Ruling {
    let Some(denial) = &ruling.answer.denial else { return ruling };
    let namespace = review.namespace.unwrap_or_default();
    let Some(entry) = snapshot.settings.broken_glass(namespace, gate.environment.now()) else { return ruling };
    if gate.write_break_glass(review, entry, &denial.message).is_err() {
        let code = Code::undecided("break-glass-unwritten", "see where the gate's journal goes");
        return Ruling {
            policy: ruling.policy,
            found: ruling.found,
            ..Ruling::against(code, "it could not be written down")
        };
    }
    let warning = format!("allowed by break-glass until {}: {}", entry.until, denial.message);
    let answer =
        Answer { warnings: vec![answer::visible(&warning, limits::WARNING_TEXT).into_owned()], ..Answer::default() };
    Ruling { answer, outcome: "broken-glass", break_glass: Some(entry.clone()), ..ruling }
}
