//! The trust documents that come with the program, from `sigstore-trust-root`.

use sigstore_trust_root as upstream;

/// An instance whose trusted root is embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Embedded {
    /// The public-good instance, `sigstore.dev`.
    PublicGood,
    /// Its staging instance, `sigstage.dev`.
    Staging,
    /// GitHub's instance for private repositories: no transparency log, time from its own authority.
    GitHub,
}

impl Embedded {
    /// Every embedded instance.
    pub const ALL: [Self; 3] = [Self::PublicGood, Self::Staging, Self::GitHub];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublicGood => "public-good",
            Self::Staging => "staging",
            Self::GitHub => "github",
        }
    }

    /// The instance of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|instance| instance.name() == name)
    }

    /// Its `trusted_root.json`.
    pub const fn trusted_root_json(self) -> &'static str {
        match self {
            Self::PublicGood => upstream::SIGSTORE_PRODUCTION_TRUSTED_ROOT,
            Self::Staging => upstream::SIGSTORE_STAGING_TRUSTED_ROOT,
            Self::GitHub => upstream::SIGSTORE_GITHUB_TRUSTED_ROOT,
        }
    }

    /// Its `signing_config.v0.2.json`; GitHub's instance signs only for GitHub.
    pub const fn signing_config_json(self) -> Option<&'static str> {
        match self {
            Self::PublicGood => Some(upstream::SIGSTORE_PRODUCTION_SIGNING_CONFIG),
            Self::Staging => Some(upstream::SIGSTORE_STAGING_SIGNING_CONFIG),
            Self::GitHub => None,
        }
    }
}
