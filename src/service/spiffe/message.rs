//! The messages of
//! <https://github.com/spiffe/go-spiffe/blob/main/proto/spiffe/workload/workload.proto>, as far as they are used.

use std::collections::HashMap;

use prost::Message;
use zeroize::Zeroize as _;

pub(super) const FETCH_X509_SVID: &str = "/SpiffeWorkloadAPI/FetchX509SVID";
pub(super) const FETCH_X509_BUNDLES: &str = "/SpiffeWorkloadAPI/FetchX509Bundles";
pub(super) const FETCH_JWT_SVID: &str = "/SpiffeWorkloadAPI/FetchJWTSVID";

#[derive(Clone, PartialEq, Message)]
pub(super) struct X509SvidRequest {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct X509SvidResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) svids: Vec<X509SvidMessage>,
}

/// One identity with its private key, which is wiped.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct X509SvidMessage {
    #[prost(string, tag = "1")]
    pub(super) spiffe_id: String,
    /// DER, the leaf first, one after the other.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) x509_svid: Vec<u8>,
    /// PKCS#8 in DER.
    #[prost(bytes = "vec", tag = "3")]
    pub(super) x509_svid_key: Vec<u8>,
}

impl Drop for X509SvidMessage {
    fn drop(&mut self) {
        self.x509_svid_key.zeroize();
    }
}

impl std::fmt::Debug for X509SvidMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "X509SvidMessage({})", self.spiffe_id)
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct X509BundlesRequest {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct X509BundlesResponse {
    /// By `spiffe://trust-domain`; DER, one after the other.
    #[prost(map = "string, bytes", tag = "2")]
    pub(super) bundles: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct JwtSvidRequest {
    #[prost(string, repeated, tag = "1")]
    pub(super) audience: Vec<String>,
    #[prost(string, tag = "2")]
    pub(super) spiffe_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct JwtSvidResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) svids: Vec<JwtSvidMessage>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct JwtSvidMessage {
    #[prost(string, tag = "1")]
    pub(super) spiffe_id: String,
    #[prost(string, tag = "2")]
    pub(super) svid: String,
}

impl Drop for JwtSvidMessage {
    fn drop(&mut self) {
        self.svid.zeroize();
    }
}

impl std::fmt::Debug for JwtSvidMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JwtSvidMessage({})", self.spiffe_id)
    }
}
