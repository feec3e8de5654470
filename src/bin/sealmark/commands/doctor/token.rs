//! The token: whether there is one, whose, for whom, how long; or the key that signs instead.

use sealmark::base::code::Code;
use sealmark::base::time::UnixTime;
use sealmark::service::ca::CertificateAuthority as _;
use sealmark::service::http::{HttpClient, HttpError, Reach};
use sealmark::service::identity::{self, ExpectedIdentity, IdToken, IdentityError, TokenProblem};
use sealmark::service::look::Seen;
use sealmark::sign::credential::CredentialError;

use super::{OFFLINE, failed};
use crate::cli::Doctor;
use crate::report::Failure;
use crate::settings::{self, Signing};

const TOKEN: &str = "token";
const AUDIENCE: &str = "audience";
const EXPIRY: &str = "expiry";
const CLAIMS: &str = "claims";
const RECORD: &str = "record";

/// A token that ends sooner may end before the certificate is there.
const SOON_SECS: i64 = 60;

const EXPIRING: Code = Code::refused(
    "identity-token-expiring",
    "get the token right before signing: a slow step before it uses up its time",
);

/// What is seen of the signer; the token, when there is one.
pub(super) async fn look(args: &Doctor, signing: &Signing, seen: &mut Vec<Seen>) -> Result<Option<IdToken>, Failure> {
    let signer = &args.signer;
    if let Some(key) = &signer.key {
        let opened = match settings::signing_key(key, signer.key_password_file.as_deref()) {
            Ok(key) if !args.offline => key.open(signing.http()).await.map(Some),
            Ok(_) => Ok(None),
            Err(failure) => Err(failure),
        };
        seen.push(match opened {
            Ok(Some(key)) => Seen::good("key", format!("a {} key signs", key.public_key().kind())),
            Ok(None) => Seen::skipped("key", OFFLINE),
            Err(failure) => failed("key", &failure),
        });
        return Ok(None);
    }
    let environment = settings::environment();
    if let Some((agent, _)) = signing.workload_svid()? {
        seen.push(Seen::skipped(TOKEN, format!("{agent} gives certificate and key")));
        return Ok(None);
    }
    let authority = signing.certificate_authority()?;
    let Some(audience) = authority.audience() else {
        seen.push(Seen::skipped(TOKEN, format!("{} takes none", authority.name())));
        return Ok(None);
    };
    if args.offline && signer.token.identity_token_command.is_some() {
        seen.push(Seen::skipped(TOKEN, format!("{OFFLINE}: a program would be asked for it")));
        return Ok(None);
    }
    let http = if args.offline { nowhere(signing.http()) } else { signing.http().clone() };
    let sources = settings::token_sources(&signer.token, &http)?;
    let token = match identity::find(&sources, audience).await {
        Ok(token) => token,
        Err(IdentityError::Http(HttpError::Setup(_))) if args.offline => {
            seen.push(Seen::skipped(TOKEN, format!("{OFFLINE}: it would be asked for")));
            return Ok(None);
        }
        Err(error) => {
            seen.push(failed(TOKEN, &Failure::from(error)));
            return Ok(None);
        }
    };
    seen.push(found(&token));
    judge(&token, audience, environment.now(), seen);
    seen.extend(would_publish(&token, args, signing)?);
    Ok(Some(token))
}

/// A client that calls nobody.
fn nowhere(http: &HttpClient) -> HttpClient {
    HttpClient::new(sealmark::service::http::Settings { reach: Reach::Nowhere, ..http.settings().clone() })
}

fn found(token: &IdToken) -> Seen {
    let claims = token.claims();
    let who = match claims.expected_identity() {
        ExpectedIdentity::Certain(san) | ExpectedIdentity::Likely(san) => san.to_string(),
        ExpectedIdentity::Open => claims.subject().unwrap_or("nobody").to_owned(),
    };
    let issuer = claims.issuer().unwrap_or("no issuer");
    Seen::good(TOKEN, format!("from {}: {who}, by the word of {issuer}", token.origin()))
}

/// One line each for the audience and the time, and one for every claim that is missing.
fn judge(token: &IdToken, audience: &str, now: UnixTime, seen: &mut Vec<Seen>) {
    let claims = token.claims();
    let problems = claims.problems(audience, now);
    let of = |wanted: fn(&TokenProblem) -> bool| problems.iter().find(|problem| wanted(problem));
    seen.push(match of(|problem| matches!(problem, TokenProblem::Audience { .. })) {
        Some(problem) => failed(AUDIENCE, &Failure::from(problem)),
        None => Seen::good(AUDIENCE, audience),
    });
    let late = of(|problem| matches!(problem, TokenProblem::Expired { .. } | TokenProblem::NotYetValid { .. }));
    let left = claims.expires().map(|expires| expires.secs() - now.secs());
    seen.push(match (late, left) {
        (Some(problem), _) => failed(EXPIRY, &Failure::from(problem)),
        (None, Some(left)) if left < SOON_SECS => Seen::doubtful(EXPIRY, format!("in {left} s"), EXPIRING),
        (None, Some(left)) => Seen::good(EXPIRY, format!("in {} min {} s", left / 60, left % 60)),
        (None, None) => Seen::skipped(EXPIRY, "the token has none"),
    });
    for problem in &problems {
        let failure = || Failure::from(problem);
        match problem {
            TokenProblem::Missing { .. } => seen.push(failed(CLAIMS, &failure())),
            TokenProblem::EmailUnverified => {
                seen.push(Seen::doubtful(CLAIMS, failure().message(), problem.code()));
            }
            _ => {}
        }
    }
}

/// Whether a name that not everyone may see would be published.
fn would_publish(token: &IdToken, args: &Doctor, signing: &Signing) -> Result<Option<Seen>, Failure> {
    let public = signing.is_public() || signing.services()?.are_public();
    let hidden = token.claims().hidden_source().filter(|_| public && !args.signer.public_record);
    Ok(hidden.map(|visibility| {
        let leak = CredentialError::Leak { visibility: visibility.to_owned() };
        Seen::failed(RECORD, leak.to_string(), leak.code())
    }))
}
