//! SPIFFE: a JWT-SVID of the agent beside this process, for the audience at hand.
//! <https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md>

use crate::service::BoxFuture;
use crate::service::identity::ask::{Ask, Site};
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};
use crate::service::identity::{IdToken, IdentityError};
use crate::service::spiffe::{SOCKET_VARIABLE, WorkloadApi};

pub(super) static PLATFORM: Platform = Platform {
    key: "spiffe",
    name: "SPIFFE",
    search: Search::Automatic,
    marks: &[Mark::Set(SOCKET_VARIABLE)],
    ask: &[Ask::Own { how: "`FetchJWTSVID` of the Workload API at `SPIFFE_ENDPOINT_SOCKET`", find }],
    issuer: "the trust domain's, of SPIRE its `jwt_issuer`",
    public: &[],
    claims: "sub (the SPIFFE ID)",
    san: "the SPIFFE ID, by a private Fulcio's type `spiffe`",
    fix: Fix {
        say: "name the agent's socket, and have an entry for this process:",
        lines: "\
export SPIFFE_ENDPOINT_SOCKET=unix:///run/spire/agent/public/api.sock
spire-server entry create -parentID spiffe://DOMAIN/AGENT -spiffeID spiffe://DOMAIN/signer -selector unix:uid:1000",
        language: "sh",
    },
    documentation: "https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md",
    run: Run { against: "an agent of ours; SPIRE's own (`--servers`)", test: "a_jwt_svid_is_an_identity_token" },
};

fn find<'a>(site: &'a Site, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
    Box::pin(async {
        let Some(agent) = WorkloadApi::of(&*site.environment)? else { return Ok(None) };
        IdToken::new(agent.jwt_svid(audience).await?, PLATFORM.name).map(Some)
    })
}
