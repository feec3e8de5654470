//! The leaf's certification path, RFC 5280 section 6, from the bundle to an authority of the trust root.
//!
//! Our own linear path rather than a general one: every reason has its name, each authority's own chain
//! is checked once when [`Authorities`] is made, so a bundle pays for its leaf's signature, and validity
//! is asked at every proven time.
//!
//! [`path`] has the rules that every purpose shares; `leaf` is the profile of code signing.

mod leaf;
mod names;
pub mod path;
mod search;

use thiserror::Error;

use self::path::{PathError, Purpose};
use self::search::Search;
use crate::base::code::Code;
use crate::base::crypto::PublicKey;
use crate::base::limits;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::trust::{AuthorityInstance, AuthorityKind, LeafProfile};
use crate::format::x509::{Certificate, San};

pub use self::leaf::LeafError;

/// Why a leaf has no path, or an authority no chain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// An authority of the trust root whose own chain does not hold.
    #[error("authority {authority:?} of the trust root: {error}")]
    Authority {
        /// The authority.
        authority: String,
        /// What is wrong with its chain.
        error: PathError,
    },
    /// No time at which the path could be checked.
    #[error("no time of signing is proven")]
    NoTime,
    /// More intermediates than [`limits::CHAIN`].
    #[error("{found} intermediates in the bundle, {limit} allowed", limit = limits::CHAIN)]
    TooLong {
        /// Intermediates found.
        found: usize,
    },
    /// More than [`limits::CHAIN_SIGNATURES`] signatures to check.
    #[error("too many certificates of one name: more than {limit} signatures to check", limit = limits::CHAIN_SIGNATURES)]
    TooManyWays,
    /// No authority of the trust root has the issuer's name.
    #[error("the certificate was issued by {issuer:?}, which the trust root does not lead to")]
    Untrusted {
        /// The leaf's issuer.
        issuer: String,
    },
    /// The path does not hold.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The leaf is none for code signing.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The leaf was not valid.
    #[error("the signing certificate was not valid at {at}, but from {validity}")]
    LeafNotValidAt {
        /// The time.
        at: UnixTime,
        /// The leaf's validity.
        validity: ValidityPeriod,
    },
    /// The trust root did not trust the authority at that time.
    #[error("the trust root does not trust {authority:?} at {at}, but {validity}")]
    AuthorityNotValidAt {
        /// The authority.
        authority: String,
        /// The time.
        at: UnixTime,
        /// Its window in the trust root.
        validity: ValidityPeriod,
    },
}

impl ChainError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Authority { error, .. } | Self::Path(error) => error.code(),
            Self::NoTime => {
                Code::refused("time-missing", "sign with a timestamp authority or a log that proves the time")
            }
            Self::TooLong { .. } | Self::TooManyWays => Code::refused(
                "limit-chain",
                "leave only the certificates between the signer's and the root in the bundle",
            ),
            Self::Untrusted { .. } => Code::refused(
                "chain-untrusted",
                "give the trust root of the instance that signed: `--trusted-root FILE`",
            ),
            Self::Leaf(error) => error.code(),
            Self::LeafNotValidAt { .. } => Code::refused(
                "cert-not-valid-at-time",
                "the signature was made outside the certificate's validity: sign anew, within it",
            ),
            Self::AuthorityNotValidAt { .. } => Code::refused(
                "ca-outside-validity",
                "the signature was made when the authority was not to be trusted: sign anew, or update the trust root",
            ),
        }
    }

    /// How specific a reason is: of several paths that fail, the highest is told.
    fn rank(&self) -> u8 {
        match self {
            Self::Untrusted { .. } => 0,
            Self::Path(PathError::Signature { .. }) => 1,
            _ => 2,
        }
    }
}

/// An authority whose own chain was checked.
#[derive(Debug, Clone)]
struct Authority {
    name: String,
    kind: AuthorityKind,
    profile: LeafProfile,
    /// The certificate that issues leaves first, the anchor last; never empty.
    chain: Vec<Certificate>,
    validity: ValidityPeriod,
}

/// The certificate authorities of a trust root, their chains checked.
#[derive(Debug, Clone)]
pub struct Authorities(Vec<Authority>);

impl Authorities {
    /// Checks each authority's chain, everything but the times: one that does not hold is an error, not
    /// left out, because a trust root that changes its meaning in silence is worse than none.
    pub fn new(instances: &[AuthorityInstance]) -> Result<Self, ChainError> {
        let check = |instance: &AuthorityInstance| {
            let name = instance.name();
            path::check_authorities(&instance.chain, Purpose::CodeSigning)
                .map_err(|error| ChainError::Authority { authority: name.clone(), error })?;
            let (kind, profile) = (instance.kind(), instance.leaf_profile());
            Ok(Authority { name, kind, profile, chain: instance.chain.clone(), validity: instance.validity })
        };
        instances.iter().map(check).collect::<Result<_, _>>().map(Self)
    }

    /// Finds a path from `leaf` to an authority that is valid at every one of `times`, at least one.
    ///
    /// `intermediates` are the bundle's: unproven, used only where no authority issued the leaf itself.
    pub fn verify_leaf(
        &self,
        leaf: &Certificate,
        intermediates: &[Certificate],
        times: &[UnixTime],
    ) -> Result<ChainValid, ChainError> {
        if times.is_empty() {
            return Err(ChainError::NoTime);
        }
        if intermediates.len() > limits::CHAIN {
            return Err(ChainError::TooLong { found: intermediates.len() });
        }
        let found = Search::new(&self.0, leaf, intermediates, times).run()?;
        let identity = leaf::check(leaf, &found.authority.profile)?;
        Ok(ChainValid {
            identity,
            authority: found.authority.name.clone(),
            kind: found.authority.kind,
            profile: found.authority.profile.clone(),
            issuer_key: found.issuer.public_key().clone(),
            path: found.path.into_iter().cloned().collect(),
            times: times.to_vec(),
        })
    }
}

/// Proof that a leaf has a path to an authority of the trust root, valid at every proven time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainValid {
    identity: San,
    authority: String,
    kind: AuthorityKind,
    profile: LeafProfile,
    issuer_key: PublicKey,
    path: Vec<Certificate>,
    times: Vec<UnixTime>,
}

impl ChainValid {
    /// The one subject alternative name of the leaf.
    pub fn identity(&self) -> &San {
        &self.identity
    }

    /// The authority's name in the trust root.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whose word the certificate is.
    pub fn kind(&self) -> AuthorityKind {
        self.kind
    }

    /// What the leaf was held to: the trust root says which for its authority.
    pub fn leaf_profile(&self) -> &LeafProfile {
        &self.profile
    }

    /// The certificates above the leaf, its issuer first, the anchor last.
    pub fn path(&self) -> &[Certificate] {
        &self.path
    }

    /// The key of the leaf's issuer: CT logs sign over it.
    pub fn issuer_key(&self) -> &PublicKey {
        &self.issuer_key
    }

    /// The times at which the path was checked.
    pub fn times(&self) -> &[UnixTime] {
        &self.times
    }
}

#[cfg(test)]
mod tests;
