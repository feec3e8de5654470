//! The token sources made of platforms, and the platforms that have none.

use super::ask::Site;
use super::platform::{Mark, Platform};
use super::{IdToken, IdentityError, IdentityTokenSource};
use crate::service::BoxFuture;

/// Takes or asks for the token of one platform.
#[derive(Debug)]
pub struct PlatformToken {
    platform: &'static Platform,
    site: Site,
    named: bool,
}

impl PlatformToken {
    /// Looks whether this is `platform`.
    pub fn new(platform: &'static Platform, site: Site) -> Self {
        Self { platform, site, named: false }
    }

    /// Takes it for granted that this is `platform`.
    pub fn named(platform: &'static Platform, site: Site) -> Self {
        Self { platform, site, named: true }
    }

    async fn token(&self, audience: &str) -> Result<IdToken, IdentityError> {
        let fix = self.platform.fix.text(audience);
        let mut found = None;
        for way in self.platform.ask {
            let Some(token) = way.find(&self.site, self.platform.name, audience, &fix).await? else { continue };
            if token.claims().audience().iter().any(|found| found == audience) {
                return Ok(token);
            }
            found = Some(token.claims().audience().join(", "));
        }
        let audience = audience.to_owned();
        Err(IdentityError::Undeclared { platform: self.platform.name, audience, found, fix })
    }
}

impl IdentityTokenSource for PlatformToken {
    fn name(&self) -> &'static str {
        self.platform.name
    }

    fn detect<'a>(&'a self, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async move {
            if !self.named && !self.platform.is_here(&*self.site.environment) {
                return Ok(None);
            }
            self.token(audience).await.map(Some)
        })
    }
}

/// A platform that gives its jobs no token.
#[derive(Debug)]
pub struct Tokenless {
    /// The name that people know it by.
    pub name: &'static str,
    /// What it is known by.
    pub marks: &'static [Mark],
}

/// Every platform that is known to give its jobs no token.
pub static TOKENLESS: &[Tokenless] = &[
    Tokenless { name: "Gitea Actions", marks: &[Mark::Is("GITEA_ACTIONS", "true")] },
    Tokenless {
        name: "Woodpecker",
        marks: &[Mark::Any(&[Mark::Is("CI", "woodpecker"), Mark::Is("CI_SYSTEM_NAME", "woodpecker")])],
    },
    Tokenless { name: "Travis CI", marks: &[Mark::Is("TRAVIS", "true")] },
    Tokenless { name: "Drone", marks: &[Mark::Is("DRONE", "true"), Mark::Not(&Mark::Set("HARNESS_ACCOUNT_ID"))] },
    Tokenless { name: "TeamCity", marks: &[Mark::Set("TEAMCITY_VERSION")] },
    Tokenless { name: "AppVeyor", marks: &[Mark::Is("APPVEYOR", "true")] },
    Tokenless { name: "Bamboo", marks: &[Mark::Set("bamboo_buildKey")] },
    Tokenless { name: "Heroku CI", marks: &[Mark::Set("HEROKU_TEST_RUN_ID")] },
];

/// Ends the search on a platform that gives no token, or whose way to one is not confirmed: what the machine below it
/// could give would be the identity of everybody who runs jobs there.
#[derive(Debug)]
pub(super) struct EndOfSearch {
    pub(super) unconfirmed: Vec<&'static Platform>,
    pub(super) site: Site,
}

impl IdentityTokenSource for EndOfSearch {
    fn name(&self) -> &'static str {
        "platforms without tokens"
    }

    fn detect<'a>(&'a self, _audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async {
            let environment = &*self.site.environment;
            if let Some(platform) = self.unconfirmed.iter().find(|platform| platform.is_here(environment)) {
                return Err(IdentityError::Unconfirmed { platform: platform.name, key: platform.key });
            }
            let here = |platform: &&Tokenless| platform.marks.iter().all(|mark| mark.holds(environment));
            match TOKENLESS.iter().find(here) {
                Some(platform) => Err(IdentityError::Tokenless { platform: platform.name }),
                None => Ok(None),
            }
        })
    }
}
