//! Looking at a Fulcio: its configuration names the issuers that it takes tokens of, its trust bundle its own
//! certificates.

use super::{Fulcio, Told};
use crate::base::code::Code;
use crate::base::encoding::json::Json;
use crate::base::encoding::pem;
use crate::base::limits;
use crate::format::x509::Certificate;
use crate::service::http::Response;
use crate::service::identity::IdToken;
use crate::service::look::{Looked, Seen};

const ABOUT: &str = "authority";

const UNTOLD: Code = Code::undecided(
    "ca-issuers-untold",
    "it may be an older one that has no list of issuers: sign something to see, or ask its operator",
);

impl Fulcio {
    pub(super) async fn look_at(&self, token: Option<&IdToken>) -> Looked {
        let told = self.told().await;
        let answers = matches!(told, Ok(Told::Issuers(_) | Told::NoList));
        let seen = match told {
            Ok(told) => self.judge(&told, token),
            Err(error) => Seen::failed(ABOUT, error.to_string(), error.code()),
        };
        let bundle = if answers { self.call(&self.trust_bundle, None, None).await.ok() } else { None };
        let date = bundle.as_ref().and_then(Response::date);
        let own_certificates = bundle.map(|bundle| certificates(&bundle.body)).unwrap_or_default();
        Looked { date, own_certificates, ..Looked::at(vec![seen]) }
    }

    fn judge(&self, told: &Told, token: Option<&IdToken>) -> Seen {
        let name = self.configuration.to_string();
        let issuers = match told {
            Told::Issuers(issuers) => issuers,
            Told::NoList => return Seen::doubtful(ABOUT, format!("{name} lists no issuers"), UNTOLD),
            Told::NoConfiguration => {
                return Seen::doubtful(ABOUT, format!("{name} answers, and has no list of its issuers"), UNTOLD);
            }
        };
        match token.and_then(|token| token.claims().issuer()) {
            None => Seen::good(ABOUT, format!("{name} answers")),
            Some(issuer) if issuers.contains(issuer) => Seen::good(ABOUT, format!("{name} takes tokens of {issuer}")),
            Some(issuer) => {
                let error = self.unknown(issuer, issuers);
                Seen::failed(ABOUT, error.to_string(), error.code())
            }
        }
    }
}

/// What can be read of a trust bundle; what cannot is left out.
fn certificates(body: &[u8]) -> Vec<Certificate> {
    let Ok(json) = Json::parse(body) else { return Vec::new() };
    let Some(Json::Array(chains)) = json.member("chains") else { return Vec::new() };
    let chains = chains.iter().take(limits::CHAIN).filter_map(|chain| chain.member("certificates"));
    let texts = chains.flat_map(|list| if let Json::Array(items) = list { items.as_slice() } else { &[] });
    let ders = texts.take(limits::ISSUERS).filter_map(|text| pem::decode_all(text.as_str()?, "CERTIFICATE").ok());
    ders.flatten().filter_map(|der| Certificate::from_der(&der).ok()).collect()
}
