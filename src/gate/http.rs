//! Verdicts on demand: `POST /v1/verdict`.
//!
//! ```text
//! {"image": "ghcr.io/acme/app:v1", "policy": "release"}     or "namespace" instead of "policy"
//! ```
//!
//! The answer has schema `sealmark.gate/v1` and the status 200 (admitted), 403 (refused) or 503 (could not be
//! looked at); a question that is wrong is answered 400. What is to be deployed is `reference`: the digest that was
//! verified.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use tokio::time::{Instant, timeout_at};

use super::Gate;
use super::admission::visible;
use super::cache::Source;
use super::judge::Judged;
use super::snapshot::{LoadedPolicy, Snapshot};
use super::verdict::Verdict;
use crate::base::encoding::hex;
use crate::base::encoding::json::{Fields, Json, canonical};
use crate::base::limits;
use crate::serve::journal::Line;
use crate::serve::{Status, body};

/// A question.
struct Question {
    image: String,
    policy: Arc<LoadedPolicy>,
}

/// The routes.
pub(super) fn routes(gate: Arc<Gate>) -> Router {
    let ask = async |Shared(gate): Shared<Arc<Gate>>, headers: HeaderMap, body: Body| {
        handle(&gate, &headers, body).await.unwrap_or_else(|status| {
            gate.metrics.reviews.count(&["http", "invalid"]);
            status.into_response()
        })
    };
    Router::new().route("/v1/verdict", post(ask)).with_state(gate)
}

async fn handle(gate: &Arc<Gate>, headers: &HeaderMap, body: Body) -> Result<Response, Status> {
    let started = Instant::now();
    let (mut span, traced) = gate.traced("verdict", headers);
    let client = gate.clients.get().map(|clients| clients.name(headers)).transpose()?;
    let bytes = body::read(body, limits::VERDICT_REQUEST_BYTES).await?;
    let snapshot = gate.state.current();
    let question = Question::parse(&bytes, &snapshot)?;
    let deadline = started + Duration::from_secs(limits::WEBHOOK_SECS);
    let judged = match timeout_at(deadline, gate.judge.one(&snapshot, &question.policy, &question.image, &traced)).await
    {
        Ok(judged) => judged,
        Err(_) => Judged::too_late(),
    };
    gate.metrics.verdict(&judged);
    let (status, outcome) = match judged.verdict.as_ref() {
        Verdict::Admitted(_) => (StatusCode::OK, "allowed"),
        Verdict::Refused(_) => (StatusCode::FORBIDDEN, "denied"),
        Verdict::Undecided(_) => (StatusCode::SERVICE_UNAVAILABLE, "denied"),
    };
    span.text("sealmark.outcome", outcome);
    span.text("sealmark.policy", &question.policy.shown);
    let took = started.elapsed();
    gate.metrics.reviews.count(&["http", outcome]);
    gate.metrics.review_seconds.observe(took);
    let digest = judged.image.as_ref().map(|image| image.digest().to_string());
    let line = Line::new(gate.environment.now(), "decision").text("webhook", "http").text("outcome", outcome);
    let line = line.text("code", judged.verdict.label()).text("policy", &question.policy.name);
    let line =
        line.maybe("client", client.as_deref()).text("image", &question.image).maybe("digest", digest.as_deref());
    gate.journal.write(line.number("micros", u64::try_from(took.as_micros()).unwrap_or(u64::MAX)));
    let mut response = body::json(question.answer(&judged, &snapshot));
    *response.status_mut() = status;
    Ok(response)
}

impl Question {
    fn parse(bytes: &[u8], snapshot: &Snapshot) -> Result<Self, Status> {
        let json = Json::parse(bytes).map_err(|error| Status::invalid(format!("the question is {error}")))?;
        let wrong = |error: &dyn std::fmt::Display| Status::invalid(format!("the question: {error}"));
        let mut fields = Fields::of(&json, "").map_err(|error| wrong(&error))?;
        let image = fields.require_string("image").map_err(|error| wrong(&error))?.to_owned();
        let namespace = fields.string("namespace").map_err(|error| wrong(&error))?;
        let policy = fields.string("policy").map_err(|error| wrong(&error))?;
        fields.finish().map_err(|error| wrong(&error))?;
        let mut all = snapshot.policies();
        let chosen = match (namespace, policy, all.next(), all.next()) {
            (Some(namespace), None, ..) => snapshot.policy_of(namespace).map(|(policy, _)| policy),
            (None, Some(policy), ..) => snapshot.policy(policy),
            (None, None, Some(only), None) => Some(only),
            _ => return Err(wrong(&"name one of policy and namespace")),
        };
        let policy = chosen.cloned().ok_or_else(|| wrong(&"there is no such policy, or none for that namespace"))?;
        Ok(Self { image, policy })
    }

    fn answer(&self, judged: &Judged, snapshot: &Snapshot) -> String {
        let text = |text: &str| Json::String(Cow::Owned(visible(text, limits::DENIAL_TEXT).into_owned()));
        let mut members: Vec<(Cow<'_, str>, Json<'_>)> = vec![
            ("schema".into(), text("sealmark.gate/v1")),
            ("image".into(), text(&self.image)),
            ("verdict".into(), text(judged.verdict.word())),
            ("policy".into(), text(&self.policy.name)),
            ("policyDigest".into(), text(&format!("sha256:{}", hex::encode(&self.policy.version)))),
            ("trustDigest".into(), text(&format!("sha256:{}", hex::encode(&snapshot.trust_version)))),
            ("kept".into(), Json::Bool(judged.source == Source::Kept)),
        ];
        match (judged.verdict.as_ref(), &judged.image) {
            (Verdict::Admitted(admission), Some(image)) => members.extend([
                ("reference".into(), text(&image.to_string())),
                ("digest".into(), text(&image.digest().to_string())),
                ("rule".into(), text(&admission.rule)),
                ("signer".into(), text(&admission.signer)),
            ]),
            (verdict, _) => members.extend(verdict.objection().into_iter().flat_map(|objection| {
                [
                    ("code".into(), text(objection.code.name())),
                    ("message".into(), text(&objection.message)),
                    ("hint".into(), text(objection.code.hint())),
                ]
            })),
        }
        canonical(&Json::Object(members)).unwrap_or_default()
    }
}
