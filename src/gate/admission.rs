//! The admission webhooks: `POST /validate` and `POST /mutate`.
//!
//! ```text
//! review ─► images of the object that are new ─► verdicts, all at once ─► allowed, or why not
//!                                                     │ /mutate: a tag becomes the digest that was verified
//! ```
//!
//! Both deny what the policy does not admit. `/mutate` replaces a tag by the digest that was verified in the same
//! lookup; `/validate` allows digests only, so that what is kept is what was verified also where `/mutate` was not
//! asked. Deletions and connections name no image and are allowed. An answer comes before the API server's
//! deadline: what is not decided by then is denied.

mod answer;
mod images;
mod review;
mod ruling;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Router, http};
use tokio::time::{Instant, timeout_at};

pub(super) use answer::visible;
pub use answer::{Answer, Denial, Pin};
pub use images::{ImageField, ImagesError};
pub use review::{Operation, Review, ReviewError};

use super::Gate;
use super::events::Happening;
use super::judge::too_late;
use super::settings::BreakGlass;
use crate::base::code::{Class, Code};
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::serve::journal::Line;
use crate::serve::{Status, body};
use ruling::{Ruling, rule};

/// Which webhook was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Webhook {
    Validate,
    Mutate,
}

impl Webhook {
    fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Mutate => "mutate",
        }
    }
}

/// The routes.
pub(super) fn routes(gate: Arc<Gate>) -> Router {
    let of = |webhook: Webhook| {
        post(async move |Shared(gate): Shared<Arc<Gate>>, request: Request| {
            let (head, body) = request.into_parts();
            handle(&gate, webhook, &head.uri, &head.headers, body).await.unwrap_or_else(|status| {
                gate.metrics.reviews.count(&[webhook.name(), "invalid"]);
                status.into_response()
            })
        })
    };
    Router::new().route("/validate", of(Webhook::Validate)).route("/mutate", of(Webhook::Mutate)).with_state(gate)
}

/// Reads a review, answers it within its time, and writes down what was answered.
async fn handle(
    gate: &Arc<Gate>,
    webhook: Webhook,
    uri: &http::Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Status> {
    let started = Instant::now();
    let (mut span, traced) = gate.traced("review", headers);
    span.text("sealmark.webhook", webhook.name());
    let deadline = started + time_for(uri.query().unwrap_or_default());
    check_form(headers)?;
    let bytes = timeout_at(deadline, body::read(body, limits::REVIEW_BYTES))
        .await
        .map_err(|_| Status::deadline("the review came too slowly"))??;
    let refused = |error: ReviewError| Status::invalid(format!("{}: {error}", error.code()));
    let json = Json::parse(&bytes).map_err(|error| refused(ReviewError::Json(error)))?;
    let review = Review::of(&json).map_err(refused)?;
    let ruling = match timeout_at(deadline, rule(gate, webhook, &review, &traced)).await {
        Ok(ruling) => ruling,
        Err(_) => Ruling::against(too_late(), "the images could not be checked in time"),
    };
    ruling.tell(&mut span, &review);
    gate.note(webhook, &review, &ruling);
    Ok(gate.say(webhook, &review, ruling, started.elapsed()))
}

impl Gate {
    /// Writes an answer down, counts it and gives it.
    fn say(&self, webhook: Webhook, review: &Review<'_>, ruling: Ruling, took: Duration) -> Response {
        let Ruling { mut answer, outcome, code, policy, found, break_glass } = ruling;
        self.metrics.reviews.count(&[webhook.name(), outcome]);
        self.metrics.review_seconds.observe(took);
        let version = policy.as_ref().map(|policy| policy.shown.as_str());
        let line = self.line(webhook, review, outcome).maybe("code", code.map(Code::name)).maybe("policy", version);
        let line = line.texts("images", found.iter().map(String::as_str));
        self.journal.write(line.number("micros", u64::try_from(took.as_micros()).unwrap_or(u64::MAX)));
        answer.annotations.push(("outcome", outcome.to_owned()));
        answer.annotations.extend(version.map(|version| ("policy", version.to_owned())));
        if !found.is_empty() {
            answer.annotations.push(("images", answer::cut(found.join("; "), limits::DENIAL_TEXT)));
        }
        if let Some(entry) = break_glass {
            answer.annotations.push(("break-glass", answer::visible(&entry.reason, limits::WARNING_TEXT).into_owned()));
        }
        body::json(answer.to_json(review.uid))
    }

    /// Has what was refused noted in the cluster, where that can be done.
    fn note(&self, webhook: Webhook, review: &Review<'_>, ruling: &Ruling) {
        let Some(events) = self.events.get().filter(|_| !review.dry_run) else { return };
        // What passes both webhooks is told by the last of them.
        let (reason, text) = match (ruling.outcome, webhook) {
            ("denied", _) => (denied_reason(ruling.code), ruling.answer.denial.as_ref().map(|denial| &denial.message)),
            ("warned", Webhook::Validate) => ("ImageWarned", ruling.answer.warnings.first()),
            ("broken-glass", Webhook::Validate) => ("BreakGlass", ruling.answer.warnings.first()),
            _ => return,
        };
        let code = ruling.code.map_or("", Code::name);
        if let Some(happening) = Happening::of(review, reason, code, text.map_or("", String::as_str)) {
            events.tell(happening);
        }
    }

    /// Writes down that something is allowed which would be denied; returns when it is written.
    fn write_break_glass(&self, review: &Review<'_>, entry: &BreakGlass, denial: &str) -> std::io::Result<()> {
        self.metrics.break_glass.count(&[]);
        let line = Line::new(self.environment.now(), "break-glass").text("uid", review.uid).text("user", review.user);
        let line = line.maybe("namespace", review.namespace).text("kind", review.kind).text("name", review.name);
        let until = entry.until.to_string();
        self.journal.insist(line.text("reason", &entry.reason).text("until", &until).text("denial", denial))
    }

    fn line(&self, webhook: Webhook, review: &Review<'_>, outcome: &str) -> Line {
        let line = Line::new(self.environment.now(), "decision").text("webhook", webhook.name());
        let line = line.text("outcome", outcome).text("uid", review.uid).text("operation", review.operation.name());
        let line = line.maybe("namespace", review.namespace).text("kind", review.kind).text("name", review.name);
        line.text("user", review.user).truth("dryRun", review.dry_run)
    }
}

/// What a denial is called in an event.
fn denied_reason(code: Option<Code>) -> &'static str {
    match code.map(Code::class) {
        Some(Class::Undecided) => "ImageUndecided",
        _ => "ImageDenied",
    }
}

/// JSON without an encoding: a compressed body could be a bomb, and no API server sends one.
fn check_form(headers: &HeaderMap) -> Result<(), Status> {
    let value = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let media_type = value(CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Status::media_type("a review is application/json"));
    }
    match value(CONTENT_ENCODING) {
        None | Some("identity") => Ok(()),
        Some(_) => Err(Status::media_type("a review is not encoded")),
    }
}

/// What remains for a review when the API server waits as long as `?timeout=10s` says: a tenth, and at least
/// 100 ms, is for the way back.
fn time_for(query: &str) -> Duration {
    let given = query.split('&').find_map(|pair| pair.strip_prefix("timeout=")).and_then(go_duration);
    let whole = given.unwrap_or(Duration::from_secs(limits::WEBHOOK_DEFAULT_SECS));
    let whole = whole.min(Duration::from_secs(limits::WEBHOOK_SECS));
    whole.saturating_sub((whole / 10).max(Duration::from_millis(100)))
}

/// A duration as Go writes it, in hours to milliseconds: `1m30s`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut left = text;
    let mut whole = Duration::ZERO;
    while !left.is_empty() {
        let digits = left.find(|c: char| !c.is_ascii_digit())?;
        let number: u32 = left.get(..digits)?.parse().ok()?;
        let rest = left.get(digits..)?;
        let units = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        let (unit, millis) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        whole = whole.checked_add(Duration::from_millis(millis).checked_mul(number)?)?;
        left = rest.get(unit.len()..)?;
    }
    (!text.is_empty()).then_some(whole)
}
