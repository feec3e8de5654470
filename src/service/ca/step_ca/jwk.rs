//! The JWK provisioner: whoever has the password of its key makes the one-time token themselves.
//! <https://smallstep.com/docs/step-ca/provisioners/#jwk>; the rules of the token are those of
//! <https://github.com/smallstep/certificates/blob/v0.30.2/authority/provisioner/jwk.go>.

use std::fmt;

use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{Signature, SigningKey};
use zeroize::Zeroizing;

use super::jwe::{self, Closed};
use super::{StepCa, StepCaError};
use crate::base::crypto::sha256;
use crate::base::encoding::json::Json;
use crate::base::encoding::{base64, hex, pem};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::service::ca::{CaError, chain};

/// A token is for one request, right away.
const LIFE_SECS: i64 = 300;

/// A provisioner, and the password of its key.
#[derive(Clone)]
pub struct JwkProvisioner {
    name: String,
    password: Zeroizing<Vec<u8>>,
}

impl JwkProvisioner {
    /// The provisioner of that name.
    pub fn new(name: &str, password: Zeroizing<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), password }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for JwkProvisioner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwkProvisioner({:?})", self.name)
    }
}

/// What makes tokens: the provisioner's key, opened.
pub(super) struct TokenMaker {
    provisioner: String,
    kid: String,
    key: SigningKey,
}

impl StepCa {
    /// Gets the provisioner's key, and opens it.
    pub(super) async fn token_maker(&self, provisioner: &JwkProvisioner) -> Result<TokenMaker, CaError> {
        let body = self.get("provisioners").await?.body;
        let json = Json::parse(&body).map_err(|_| chain::malformed(&self.base, "no list of provisioners"))?;
        let Some(Json::Array(all)) = json.member("provisioners") else {
            return Err(chain::malformed(&self.base, "no list of provisioners"));
        };
        let text = |one: &Json<'_>, name| one.member(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let is_it =
            |one: &&Json<'_>| text(one, "type").eq_ignore_ascii_case("jwk") && text(one, "name") == provisioner.name;
        let name = || provisioner.name.clone();
        let found = all.iter().take(limits::ISSUERS).find(is_it);
        let found = found.ok_or_else(|| StepCaError::NoProvisioner { url: self.base.to_string(), name: name() })?;
        let kid = found.member("key").map(|key| text(key, "kid")).unwrap_or_default();
        let encrypted = text(found, "encryptedKey");
        if encrypted.is_empty() {
            return Err(StepCaError::NoKey { url: self.base.to_string(), name: name() }.into());
        }
        let jwk = jwe::open(&encrypted, &provisioner.password).map_err(|closed| match closed {
            Closed::Password => StepCaError::Password { name: name() },
            Closed::Unknown => StepCaError::Key { name: name() },
        })?;
        let key = signing_key(&jwk).ok_or_else(|| StepCaError::Key { name: name() })?;
        Ok(TokenMaker { provisioner: name(), kid, key })
    }
}

/// An EC key of P-256, which is what step makes.
fn signing_key(jwk: &[u8]) -> Option<SigningKey> {
    let json = Json::parse(jwk).ok()?;
    let text = |name| json.member(name).and_then(Json::as_str);
    if (text("kty")?, text("crv")?) != ("EC", "P-256") {
        return None;
    }
    let scalar = Zeroizing::new(base64::decode_url(text("d")?)?);
    SigningKey::from_slice(&scalar).ok()
}

impl TokenMaker {
    /// A token for one request (in PEM), at `sign`, that names these.
    pub(super) fn token(
        &self,
        sign: &str,
        csr: &str,
        names: &[String],
        now: UnixTime,
    ) -> Result<Zeroizing<String>, StepCaError> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|_| StepCaError::Randomness)?;
        let request = pem::decode_all(csr, "CERTIFICATE REQUEST").unwrap_or_default().concat();
        let header = serde_json::json!({ "alg": "ES256", "kid": self.kid, "typ": "JWT" });
        let claims = serde_json::json!({
            "iss": self.provisioner,
            "sub": names.first(),
            "sans": names,
            "aud": sign,
            "iat": now.secs(),
            "nbf": now.secs(),
            "exp": now.secs() + LIFE_SECS,
            "jti": hex::encode(&random),
            // It is of no use with another key.
            "cnf": { "x5rt#S256": base64::encode_url(&sha256(&[&request])) },
        });
        let part = |json: serde_json::Value| base64::encode_url(json.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let digest = sha256(&[signed.as_bytes()]);
        let signature: Signature = self.key.sign_prehash(&digest).map_err(|_| StepCaError::Randomness)?;
        Ok(Zeroizing::new(format!("{signed}.{}", base64::encode_url(&signature.to_bytes()))))
    }
}
