//! A token cannot be printed or copied by mistake.
//! E0277 E0308

use sealmark::service::identity::IdToken;

fn show(token: &IdToken) -> String {
    format!("signing with {token}")
}

fn keep(token: &IdToken) -> IdToken {
    token.clone()
}

fn main() {}
