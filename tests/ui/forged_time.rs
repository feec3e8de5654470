//! A time is proven or it is not there: a number does not become one.
//! E0451

use sealmark::base::time::UnixTime;
use sealmark::verify::{ProvenTime, TimeSource};

fn backdate(source: TimeSource) -> ProvenTime {
    ProvenTime { time: UnixTime::from_secs(0), source }
}

fn main() {}
