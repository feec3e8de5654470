//! The clock of this machine against those of the services.

use sealmark::base::code::Code;
use sealmark::base::limits;
use sealmark::base::time::UnixTime;
use sealmark::service::look::Seen;

use super::OFFLINE;

const CLOCK: &str = "clock";

/// What a network and a `Date` of whole seconds may add.
const UNREMARKABLE_SECS: i64 = 5;

const WRONG: Code = Code::refused("clock-not-set", "set this machine's clock, and keep it by NTP");
const OFF: Code = Code::refused("clock-off", "keep this machine's clock by NTP: a little more and signing fails");

/// What a service's clock said, and what ours said then.
pub(super) struct Clock {
    pub(super) whose: &'static str,
    pub(super) theirs: UnixTime,
    pub(super) local: UnixTime,
}

impl Clock {
    /// How far ours is ahead.
    fn ahead(&self) -> i64 {
        self.local.secs() - self.theirs.secs()
    }
}

/// One service may be wrong: ours is judged by the one that it is nearest to.
pub(super) fn judge(clocks: &[Clock], offline: bool) -> Seen {
    let Some(nearest) = clocks.iter().min_by_key(|clock| clock.ahead().abs()) else {
        let why = if offline { OFFLINE } else { "no service answered with its time" };
        return Seen::skipped(CLOCK, why);
    };
    let ahead = nearest.ahead();
    let words = match ahead {
        0 => format!("as that of {}", nearest.whose),
        ahead if ahead > 0 => format!("{ahead} s ahead of that of {}", nearest.whose),
        behind => format!("{} s behind that of {}", behind.abs(), nearest.whose),
    };
    match ahead.abs() {
        off if off > limits::CLOCK_TOLERANCE_SECS => Seen::failed(CLOCK, words, WRONG),
        off if off > UNREMARKABLE_SECS => Seen::doubtful(CLOCK, words, OFF),
        _ => Seen::good(CLOCK, words),
    }
}

#[cfg(test)]
mod tests {
    use sealmark::service::look::Status;

    use super::*;

    #[test]
    fn the_nearest_clock_judges() {
        let clock =
            |theirs| Clock { whose: "x", theirs: UnixTime::from_secs(theirs), local: UnixTime::from_secs(1000) };
        let judged = |clocks: &[i64]| {
            let seen = judge(&clocks.iter().map(|at| clock(*at)).collect::<Vec<_>>(), false);
            (seen.status, seen.code.map(Code::name))
        };
        assert_eq!(judged(&[]), (Status::NotLooked, None));
        assert_eq!(judged(&[1003, 5000]), (Status::Good, None));
        assert_eq!(judged(&[980]), (Status::Doubtful, Some("clock-off")));
        assert_eq!(judged(&[1061, 900]), (Status::Bad, Some("clock-not-set")));
    }
}
