//! Timestamp authorities: a timestamp, under the trusted root.

use super::{Looked, Seen};
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::time::UnixTime;
use crate::format::trust::Service as Place;
use crate::service::http::HttpClient;
use crate::service::tsa::{Rfc3161, TimestampAuthority as _};
use crate::verify::times::TimestampAuthorities;

const TSA: &str = "tsa";

/// What is timestamped: nothing that anybody signed.
const SAMPLE: &[u8] = b"sealmark looks whether this authority answers";

/// Looks at a timestamp authority of a signing config: it gives a timestamp that verifies under `known`. Its time is
/// its clock; how far it may be off is not for this to say.
pub async fn timestamp_authority(place: &Place, known: &TimestampAuthorities, http: &HttpClient) -> Looked {
    let authority = match Rfc3161::new(&place.url, http.clone()) {
        Ok(authority) => authority,
        Err(error) => return Looked::at(vec![Seen::failed(TSA, error.to_string(), error.code())]),
    };
    let response = match authority.timestamp(Digest::of(DigestAlgorithm::Sha256, SAMPLE)).await {
        Ok(response) => response,
        Err(error) => return Looked::at(vec![Seen::failed(TSA, error.to_string(), error.code())]),
    };
    match known.verify_token(&response, SAMPLE, UnixTime::from_secs(i64::MAX / 1000)) {
        Ok(valid) => {
            let seen = Seen::good(TSA, format!("{} answers as {}", place.url, valid.authority()));
            Looked { date: Some(valid.time()), ..Looked::at(vec![seen]) }
        }
        Err(error) => Looked::at(vec![Seen::failed(TSA, format!("{}: {error}", place.url), error.code())]),
    }
}
