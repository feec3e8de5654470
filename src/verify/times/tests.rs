mod authority;
mod forge;
mod token;

use self::forge::{SIGNATURE, Tsa};
use super::{TimestampAuthorities, TimestampError, TimestampValid};
use crate::base::time::UnixTime;
use crate::format::trust::AuthorityInstance;
use crate::format::x509::testing::SIGNED;
use crate::verify::testing::cases;

/// A minute after the tokens of these tests.
const NOW: UnixTime = SIGNED.plus_secs(60);

fn verify(entries: &[AuthorityInstance], response: &[u8]) -> Result<TimestampValid, TimestampError> {
    let verdict = TimestampAuthorities::new(entries).verify_token(response, SIGNATURE, NOW);
    if let Err(error) = &verdict {
        cases::timestamp(entries, response, SIGNATURE, NOW, error.code());
    }
    verdict
}

/// The code that a response is refused with under `tsa` alone.
fn refusal(tsa: &Tsa, response: &[u8]) -> &'static str {
    verify(&[tsa.entry()], response).map_or_else(|error| error.code().name(), |_| "accepted")
}
