//! The documents that a stack gives its clients.

use super::config::Config;
use super::ct::CtCodec;
use super::log::SigningError;
use super::rekor::RekorCodec;
use super::rekor_v1::RekorV1Codec;
use super::{Role, StackError, folder};
use crate::base::crypto::PublicKey;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::trust::{
    AuthorityInstance, ClientTrustConfig, LogInstance, Selector, Service, SigningConfig, TrustedRoot, Unsupported,
};
use crate::format::x509::Certificate;

/// What clients are to believe.
pub(super) struct Parts<'a> {
    pub(super) ca: Vec<Certificate>,
    pub(super) tsa: Vec<Certificate>,
    pub(super) ct: &'a CtCodec,
    pub(super) rekor: &'a RekorCodec,
    pub(super) rekor_v1: Option<&'a RekorV1Codec>,
}

/// The trusted root and the signing config. Exactly one service of each kind: clients differ in how they
/// choose among several.
pub(super) fn documents(config: &Config, from: UnixTime, parts: Parts<'_>) -> Result<ClientTrustConfig, StackError> {
    let validity = ValidityPeriod::new(from, None).ok_or(SigningError)?;
    let authority = |common_name: &str, (role, path): (Role, &str), chain| AuthorityInstance {
        organization: config.organization.clone(),
        common_name: common_name.to_owned(),
        uri: format!("{}{path}", config.url_of(role)),
        chain,
        validity,
    };
    let (logs, ct_logs) = logs(config, validity, (Some(parts.ct), Some(parts.rekor), parts.rekor_v1));
    let trusted_root = TrustedRoot {
        logs,
        ct_logs,
        certificate_authorities: vec![authority("sealmark root", (Role::Ca, ""), parts.ca)],
        timestamp_authorities: vec![authority("sealmark timestamp root", (Role::Tsa, TIMESTAMP), parts.tsa)],
        unsupported: Unsupported::default(),
    };
    let service = |role, path: &str, major_api_version| {
        let url = format!("{}{path}", config.url_of(role));
        vec![Service { url, major_api_version, validity, operator: config.organization.clone() }]
    };
    let signing_config = SigningConfig {
        ca: service(Role::Ca, "", 1),
        oidc: service(Role::Oidc, "", 1),
        logs: service(Role::Log, "", 2),
        log_selector: Some(Selector::Any),
        timestamp_authorities: service(Role::Tsa, TIMESTAMP, 1),
        timestamp_selector: Some(Selector::Any),
    };
    Ok(ClientTrustConfig { trusted_root, signing_config })
}

/// The transparency logs of a shard, and its CT logs, as far as they are given.
pub(super) fn logs(
    config: &Config,
    validity: ValidityPeriod,
    (ct, rekor, rekor_v1): (Option<&CtCodec>, Option<&RekorCodec>, Option<&RekorV1Codec>),
) -> (Vec<LogInstance>, Vec<LogInstance>) {
    let log = |name: String, key: &PublicKey, id: [u8; 32]| LogInstance {
        base_url: format!("http://{name}"),
        key: key.clone(),
        validity,
        log_id: id.to_vec(),
        operator: Some(config.organization.clone()),
    };
    let rekor = rekor.map(|rekor| log(config.log_name(), rekor.public_key(), rekor.log_id()));
    let mut logs = Vec::from_iter(rekor);
    logs.extend(rekor_v1.map(|v1| log(config.rekor_v1_name(), v1.public_key(), v1.log_id())));
    let ct = ct.map(|ct| log(config.ct_name(), ct.public_key(), ct.public_key().spki_sha256()));
    (logs, Vec::from_iter(ct))
}

/// The same services with the v1 log in the place of the v2 log.
pub(super) fn with_rekor_v1(config: &SigningConfig) -> SigningConfig {
    let mut config = config.clone();
    config.logs.iter_mut().for_each(|log| log.major_api_version = 1);
    config
}

/// The documents by the names of their files.
pub(super) fn texts(trust: &ClientTrustConfig, rekor_v1: bool) -> Vec<(&'static str, String)> {
    let mut documents = vec![
        (folder::TRUSTED_ROOT, trust.trusted_root.to_json()),
        (folder::SIGNING_CONFIG, trust.signing_config.to_json()),
    ];
    if rekor_v1 {
        documents.push((folder::SIGNING_CONFIG_V1, with_rekor_v1(&trust.signing_config).to_json()));
    }
    documents.push((folder::CLIENT_TRUST_CONFIG, trust.to_json()));
    documents
}

/// The path of the timestamp authority.
const TIMESTAMP: &str = "/api/v1/timestamp";
