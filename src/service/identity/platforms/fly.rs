//! Fly.io: a socket in every Machine gives tokens.

use crate::service::identity::ask::{Ask, Call};
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "fly",
    name: "Fly.io",
    search: Search::Automatic,
    marks: &[Mark::Set("FLY_APP_NAME"), Mark::Exists("/.fly/api")],
    ask: &[Ask::Call(Call {
        post: true,
        url: "http://localhost/v1/tokens/oidc",
        query: &[],
        headers: &[],
        authorization: None,
        body: Some("aud"),
        value: None,
        socket: Some("/.fly/api"),
    })],
    issuer: "https://oidc.fly.io/ORGANISATION",
    public: &[],
    claims: "app_id, app_name, image, image_digest, machine_id, org_id, region",
    san: "a private Fulcio's template",
    fix: Fix {
        say: "let the user that signs use the Machine's socket (it is root's):",
        lines: "chmod a+rw /.fly/api",
        language: "sh",
    },
    documentation: "https://fly.io/docs/security/openid-connect/",
    run: Run { against: "a strict fake on a Unix socket", test: "fly_is_asked_over_its_socket" },
};
