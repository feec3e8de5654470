//! AWS, outbound identity federation: STS says in a token who holds these credentials. Looked for when it was named:
//! credentials of AWS are in many jobs that do not want to sign as them.

use reqwest::header::{self, HeaderValue};
use zeroize::Zeroizing;

use crate::service::BoxFuture;
use crate::service::http::{Endpoint, Service};
use crate::service::identity::ask::{Ask, Asked, Site, malformed};
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};
use crate::service::identity::{IdToken, IdentityError};
use crate::service::sigv4::{Credentials, Signing, host};

pub(super) static PLATFORM: Platform = Platform {
    key: "aws",
    name: "AWS",
    search: Search::Named,
    marks: &[Mark::Set("AWS_ACCESS_KEY_ID"), Mark::Set("AWS_SECRET_ACCESS_KEY")],
    ask: &[Ask::Own { how: "`GetWebIdentityToken` of the region's STS, signed with the credentials", find }],
    issuer: "https://ID.tokens.sts.global.api.aws, one for each account",
    public: &[],
    claims: "sub (the role's ARN), https://sts.amazonaws.com/ (aws_account, org_id, principal_tags)",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "have the account issue tokens, and allow the role `sts:GetWebIdentityToken` for the audience {audience}; the region's endpoint has it, the global one has not:",
        lines: "\
aws iam enable-outbound-web-identity-federation
export AWS_REGION=eu-central-1",
        language: "sh",
    },
    documentation: "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html",
    run: Run { against: "a strict fake of STS that checks the signature's form", test: "aws_is_asked_by_name" },
};

fn find<'a>(site: &'a Site, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
    Box::pin(async move { request(site, audience).await.map(Some) })
}

async fn request(site: &Site, audience: &str) -> Result<IdToken, IdentityError> {
    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
    let stopped = |problem: String| IdentityError::Platform {
        platform: PLATFORM.name,
        problem,
        fix: PLATFORM.fix.text(audience),
    };
    let environment = &*site.environment;
    let credentials = Credentials::of(environment).map_err(|problem| stopped(problem.to_owned()))?;
    let region = environment.var("AWS_REGION").or_else(|| environment.var("AWS_DEFAULT_REGION"));
    let region = region.ok_or_else(|| stopped("AWS_REGION is not set".to_owned()))?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !region.chars().all(plain) {
        return Err(stopped("the region is no name of a region".to_owned()));
    }
    let own = environment.var("AWS_ENDPOINT_URL_STS").or_else(|| environment.var("AWS_ENDPOINT_URL"));
    let url = own.unwrap_or_else(|| format!("https://{}/", host("sts", &region)));
    let endpoint = Endpoint::parse(Service::IdentityProvider, &url)?;
    let audience_field: String = encode(audience);
    let body = format!(
        "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1={audience_field}&DurationSeconds=300&SigningAlgorithm=RS256"
    );
    let headers = credentials.sign(&Signing {
        endpoint: &endpoint,
        region: &region,
        service: "sts",
        content_type: FORM,
        target: None,
        body: body.as_bytes(),
        now: environment.now(),
    });
    let mut headers = headers.ok_or_else(|| stopped("the credentials are no header text".to_owned()))?;
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/xml"));
    let secret = credentials.secrets().join(" ");
    let asked = Asked { http: &site.http, endpoint: &endpoint, headers: &headers, body: Some(&body), secret: &secret };
    let answer = asked.send(true).await.map_err(|error| error.stopped(stopped))?;
    let token = element(&answer.body).map(|text| Zeroizing::new(text.to_owned()));
    IdToken::new(token.ok_or_else(|| malformed(&endpoint))?, PLATFORM.name)
}

/// The token of the answer: base64url and dots need no XML.
fn element(body: &[u8]) -> Option<&str> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once("<WebIdentityToken>")?;
    rest.split_once("</WebIdentityToken>").map(|(token, _)| token)
}

/// As a value of a form.
fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
