//! Signature Version 4 of AWS, as far as a POST to `/` needs it:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::fmt;

use aws_lc_rs::hmac;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::base::time::UnixTime;
use crate::service::environment::Environment;
use crate::service::http::Endpoint;

/// Who asks.
pub(in crate::service) struct Credentials {
    id: String,
    secret: Zeroizing<String>,
    session: Option<Zeroizing<String>>,
}

/// What is asked.
pub(in crate::service) struct Signing<'a> {
    pub(in crate::service) endpoint: &'a Endpoint,
    pub(in crate::service) region: &'a str,
    pub(in crate::service) service: &'a str,
    /// `Content-Type`.
    pub(in crate::service) content_type: &'a str,
    /// `X-Amz-Target`.
    pub(in crate::service) target: Option<&'a str>,
    pub(in crate::service) body: &'a [u8],
    pub(in crate::service) now: UnixTime,
}

/// The host of a service in a region; China has a domain of its own
/// (<https://docs.amazonaws.cn/en_us/general/latest/gr/endpoints-arns.html>).
pub(in crate::service) fn host(service: &str, region: &str) -> String {
    let country = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("{service}.{region}.amazonaws.com{country}")
}

impl Credentials {
    /// Those of the environment, or what is missing.
    pub(in crate::service) fn of(environment: &dyn Environment) -> Result<Self, &'static str> {
        let (id, secret) = (environment.var("AWS_ACCESS_KEY_ID"), environment.var("AWS_SECRET_ACCESS_KEY"));
        let (Some(id), Some(secret)) = (id, secret) else {
            return Err("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set");
        };
        let session = environment.var("AWS_SESSION_TOKEN").map(Zeroizing::new);
        Ok(Self { id, secret: Zeroizing::new(secret), session })
    }

    /// What no error may show.
    pub(in crate::service) fn secrets(&self) -> Vec<&str> {
        std::iter::once(self.secret.as_str()).chain(self.session.as_deref().map(String::as_str)).collect()
    }

    /// The header fields of a signed request; `None` when one of them cannot stand in a header.
    pub(in crate::service) fn sign(&self, request: &Signing<'_>) -> Option<HeaderMap> {
        let (year, month, day, hour, minute, second) = request.now.civil();
        let date = format!("{year:04}{month:02}{day:02}");
        let time = format!("{date}T{hour:02}{minute:02}{second:02}Z");
        // In the order of their names.
        let mut fields = vec![
            ("content-type", request.content_type),
            ("host", request.endpoint.authority()),
            ("x-amz-date", time.as_str()),
        ];
        if let Some(session) = &self.session {
            fields.push(("x-amz-security-token", session));
        }
        if let Some(target) = request.target {
            fields.push(("x-amz-target", target));
        }
        let names = fields.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = fields.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("POST\n/\n\n{lines}\n{names}\n{}", hex::encode(&sha256(&[request.body])));
        let scope = format!("{date}/{}/{}/aws4_request", request.region, request.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(&sha256(&[canonical.as_bytes()])));
        let key = Zeroizing::new(format!("AWS4{}", *self.secret).into_bytes());
        let key = [date.as_str(), request.region, request.service, "aws4_request"]
            .into_iter()
            .fold(key, |key, part| Zeroizing::new(mac(&key, part.as_bytes())));
        let signature = hex::encode(&mac(&key, to_sign.as_bytes()));
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", self.id);
        let mut headers = HeaderMap::new();
        for (name, value) in fields.into_iter().filter(|(name, _)| *name != "host") {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(name == "x-amz-security-token");
            headers.insert(HeaderName::from_static(name), value);
        }
        let mut value = HeaderValue::from_str(&authorization).ok()?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        Some(headers)
    }
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::environment::FixedEnvironment;
    use crate::service::http::Service;

    /// Signatures that botocore 1.40 makes of the same request at the same time.
    #[test]
    fn signs_as_botocore_does() {
        let endpoint = Endpoint::parse(Service::KeyService, "https://kms.us-east-2.amazonaws.com/").unwrap();
        let fields = "content-type;host;x-amz-date;";
        for (session, names, signature) in [
            ("", "x-amz-target", "913a5c16f2d1884e942b91fd6e34654981bdba44dfae3d02b13d88f3f91e0f32"),
            (
                "session-token/==",
                "x-amz-security-token;x-amz-target",
                "ba9c8fd083e4d08dfdc3a9d29e1d007758dc035489eeac73116e3bcb07d2d786",
            ),
        ] {
            let environment = FixedEnvironment::with_variables([
                ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                ("AWS_SESSION_TOKEN", session),
            ]);
            let credentials = Credentials::of(&environment).unwrap();
            let headers = credentials.sign(&Signing {
                endpoint: &endpoint,
                region: "us-east-2",
                service: "kms",
                content_type: "application/x-amz-json-1.1",
                target: Some("TrentService.GetPublicKey"),
                body: br#"{"KeyId":"alias/release"}"#,
                now: UnixTime::from_civil(2026, 1, 2, 3, 4, 5).unwrap(),
            });
            let headers = headers.unwrap();
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-2/kms/aws4_request, \
                 SignedHeaders={fields}{names}, Signature={signature}"
            );
            assert_eq!(headers["authorization"], expected);
            assert_eq!(headers["x-amz-date"], "20260102T030405Z");
            assert!(!format!("{credentials:?} {headers:?}").contains("wJalr"));
        }
    }

    #[test]
    fn hosts_of_regions() {
        for (service, region, expected) in [
            ("sts", "eu-central-1", "sts.eu-central-1.amazonaws.com"),
            ("sts", "us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
            ("sts", "cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
            ("kms", "cn-northwest-1", "kms.cn-northwest-1.amazonaws.com.cn"),
        ] {
            assert_eq!(host(service, region), expected);
        }
    }
}
