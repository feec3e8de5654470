//! Logs: the checkpoint that they publish, under the trusted root's keys.

use super::{Looked, Seen};
use crate::base::code::Code;
use crate::base::encoding::base64;
use crate::base::encoding::json::{Fields, Json};
use crate::base::time::UnixTime;
use crate::format::checkpoint::{Checkpoint, Note, NoteKey, TreeHeadKey};
use crate::format::trust::{LogInstance, Service as Place};
use crate::service::http::{Endpoint, HttpClient, HttpError, Request, Response, Service};

const LOG: &str = "log";
const CT_LOG: &str = "ct log";

const LOG_UNKNOWN: Code = Code::refused(
    "log-untrusted",
    "update the trust root, or name the log that belongs to it: what this log takes would not verify",
);
const CT_LOG_UNKNOWN: Code =
    Code::refused("ct-log-untrusted", "update the trust root: certificates with SCTs of this log would not verify");
const CT_LOG_SILENT: Code = Code::undecided(
    "ct-log-unreachable",
    "signing asks the authority and not this log; if certificates come without SCTs, ask its operator",
);

/// Looks at a log of a signing config: it answers, and one of `known` signed its checkpoint.
pub async fn log(place: &Place, known: &[LogInstance], http: &HttpClient) -> Looked {
    let (note, date) = match checkpoint(place, http).await {
        Ok(found) => found,
        Err(error) => return Looked::at(vec![Seen::failed(LOG, error.to_string(), error.code())]),
    };
    let seen = match signed_by(&note, known, place.major_api_version == 1) {
        Some((log, size)) => Seen::good(LOG, format!("{} answers with {size} entries, signed by {log}", place.url)),
        None => {
            Seen::failed(LOG, format!("no log of the trust root signed the checkpoint of {}", place.url), LOG_UNKNOWN)
        }
    };
    Looked { date, ..Looked::at(vec![seen]) }
}

/// The note that a log publishes (Rekor v2: `api/v2/checkpoint`; v1: `api/v1/log`), and its clock.
async fn checkpoint(place: &Place, http: &HttpClient) -> Result<(String, Option<UnixTime>), HttpError> {
    let base = Endpoint::parse(Service::Log, &place.url)?;
    let malformed = |problem| HttpError::Malformed { service: Service::Log, url: base.to_string(), problem };
    if place.major_api_version != 1 {
        let response = get(http, &base.below("api/v2/checkpoint")).await?;
        let note = String::from_utf8(response.body.clone()).map_err(|_| malformed("a checkpoint is text"))?;
        return Ok((note, response.date()));
    }
    let response = get(http, &base.below("api/v1/log")).await?;
    let json = Json::parse(&response.body).map_err(|_| malformed("not JSON"))?;
    let note = json.member("signedTreeHead").and_then(Json::as_str);
    Ok((note.ok_or_else(|| malformed("signedTreeHead is missing"))?.to_owned(), response.date()))
}

async fn get(http: &HttpClient, endpoint: &Endpoint) -> Result<Response, HttpError> {
    let request = Request {
        service: Service::Log,
        endpoint,
        accept: "*/*",
        body: None,
        bearer: None,
        expected: &[200],
        secrets: &[],
    };
    http.send(request).await
}

/// The trusted log that signed a checkpoint, and how many entries it speaks of.
fn signed_by<'l>(note: &str, known: &'l [LogInstance], first_api: bool) -> Option<(&'l str, u64)> {
    let (checkpoint, note) = Checkpoint::parse(note).ok()?;
    let signed = |log: &&LogInstance| {
        // A log of the first API signs under a name of its own.
        let names = note.signatures().iter().map(|line| line.name()).filter(|name| first_api || *name == log.host());
        let key = |name: &str| match first_api {
            true => NoteKey::rekor_v1(name, log.key.clone()),
            false => NoteKey::new(name, log.key.clone()),
        };
        names.into_iter().any(|name| key(name).is_ok_and(|key| key.verify(&note).is_ok()))
    };
    known.iter().find(signed).map(|log| (log.base_url.as_str(), checkpoint.size()))
}

/// Looks at a CT log of a trusted root: it answers, and its own key signed its tree head. It is read in the form of
/// <https://c2sp.org/static-ct-api>, else in that of RFC 6962 section 4.3. A trusted root names logs by URLs where they
/// need not be: `place` is where this one is, when that is known.
pub async fn ct_log(log: &LogInstance, place: Option<&str>, http: &HttpClient) -> Looked {
    let unread =
        |error: &dyn std::fmt::Display, code| Looked::at(vec![Seen::doubtful(CT_LOG, error.to_string(), code)]);
    let place = place.unwrap_or(&log.base_url);
    let Ok(base) = Endpoint::parse(Service::Log, place) else {
        return Looked::at(vec![Seen::skipped(CT_LOG, format!("{place} is a name, and no place to look at"))]);
    };
    let (signed, date) = match get(http, &base.below("checkpoint")).await {
        Ok(response) => (signed_checkpoint(&response.body, log), response.date()),
        Err(HttpError::Refused { .. }) => match get(http, &base.below("ct/v1/get-sth")).await {
            Ok(response) => (signed_tree_head(&response.body, log), response.date()),
            Err(error) => return unread(&error, CT_LOG_SILENT),
        },
        Err(error) => return unread(&error, CT_LOG_SILENT),
    };
    let seen = match signed {
        Some(size) => Seen::good(CT_LOG, format!("{base} answers with {size} entries")),
        None => {
            Seen::failed(CT_LOG, format!("the trust root's key did not sign the tree head of {base}"), CT_LOG_UNKNOWN)
        }
    };
    Looked { date, ..Looked::at(vec![seen]) }
}

fn signed_checkpoint(body: &[u8], log: &LogInstance) -> Option<u64> {
    let (checkpoint, note) = Checkpoint::parse(std::str::from_utf8(body).ok()?).ok()?;
    let signed =
        |note: &Note, name: &str| TreeHeadKey::new(name, log.key.clone()).is_ok_and(|key| key.verify(note).is_ok());
    note.signatures().iter().any(|line| signed(&note, line.name())).then(|| checkpoint.size())
}

fn signed_tree_head(body: &[u8], log: &LogInstance) -> Option<u64> {
    let json = Json::parse(body).ok()?;
    let mut fields = Fields::of(&json, "").ok()?;
    let (size, millis) = (fields.unsigned("tree_size").ok()?, fields.unsigned("timestamp").ok()?);
    let root = base64::decode(json.member("sha256_root_hash")?.as_str()?)?.try_into().ok()?;
    let signature = base64::decode(json.member("tree_head_signature")?.as_str()?)?;
    let checkpoint = Checkpoint::new(log.host(), size, root).ok()?;
    let key = TreeHeadKey::new(log.host(), log.key.clone()).ok()?;
    key.signed(UnixTime::from_millis(i64::try_from(millis).ok()?), &checkpoint, &signature).then_some(size)
}
