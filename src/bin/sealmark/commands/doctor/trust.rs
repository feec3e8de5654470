//! The trust root: whether what it holds is still to be believed, and for how long.

use sealmark::base::code::Code;
use sealmark::base::time::{UnixTime, ValidityPeriod};
use sealmark::format::trust::AuthorityInstance;
use sealmark::service::look::Seen;
use sealmark::service::tuf::{TRUSTED_ROOT, TrustFolder};

use crate::cli::Doctor;
use crate::report::Failure;
use crate::settings::{self, Signing};

const ROOT: &str = "trust root";
const FOLDER: &str = "trust folder";

const DAY_SECS: i64 = 24 * 60 * 60;
/// Whoever runs the services has to renew it within this time.
const ENDING_DAYS: i64 = 30;
/// Terms of trust folders that are told apart.
const TERMS_DAYS: [i64; 4] = [1, 3, 7, 30];

const OUTDATED: Code = Code::refused(
    "trust-outdated",
    "get the trust root of today: `sealmark trust update`, a newer sealmark, or from whoever runs the services",
);
const ENDING: Code =
    Code::refused("trust-ending", "see to it that a newer trust root is there before: signing stops with this one");
const FOLDER_ENDING: Code =
    Code::refused("trust-folder-ending", "run `sealmark trust update DIR`, and regularly: daily is usual");

pub(super) fn look(args: &Doctor, signing: &Signing) -> Result<Vec<Seen>, Failure> {
    let now = settings::environment().now();
    let mut seen = judge(signing, now);
    if let Some(dir) = &args.trust_folder {
        seen.push(match TrustFolder::open(dir).and_then(|folder| folder.read(TRUSTED_ROOT, now).map(|_| folder)) {
            Ok(folder) => term(&folder, now),
            Err(error) => super::failed(FOLDER, &Failure::from(error)),
        });
    }
    Ok(seen)
}

/// A line for each kind that nothing is valid of now, or one for all.
fn judge(signing: &Signing, now: UnixTime) -> Vec<Seen> {
    let (root, source) = (signing.root(), &signing.source);
    let authority = |instance: &AuthorityInstance| {
        let links = instance.chain.iter().map(|certificate| certificate.validity());
        std::iter::once(instance.validity).chain(links).collect::<Vec<_>>()
    };
    let kinds: [(&str, Vec<Vec<ValidityPeriod>>); 4] = [
        ("certificate authority", root.certificate_authorities.iter().map(authority).collect()),
        ("transparency log", root.logs.iter().map(|log| vec![log.validity]).collect()),
        ("timestamp authority", root.timestamp_authorities.iter().map(authority).collect()),
        ("CT log", root.ct_logs.iter().map(|log| vec![log.validity]).collect()),
    ];
    let mut seen = Vec::new();
    let mut first_end: Option<(UnixTime, &str)> = None;
    for (kind, instances) in kinds.iter().filter(|(_, instances)| !instances.is_empty()) {
        let valid = instances.iter().filter(|windows| windows.iter().all(|window| window.contains(now)));
        // The last of a kind to end is when the kind ends.
        let end = |windows: &Vec<ValidityPeriod>| {
            windows.iter().filter_map(|window| window.end()).min().unwrap_or(UnixTime::from_secs(i64::MAX / 1000))
        };
        match valid.map(end).max() {
            None => {
                let words = format!("{source} has no {kind} that is to be believed now");
                seen.push(Seen::failed(ROOT, words, OUTDATED));
            }
            Some(end) if first_end.is_none_or(|(first, _)| end < first) => first_end = Some((end, kind)),
            Some(_) => {}
        }
    }
    match first_end {
        _ if !seen.is_empty() => {}
        Some((end, kind)) if end < now.plus_secs(ENDING_DAYS * DAY_SECS) => {
            seen.push(Seen::doubtful(ROOT, format!("the last {kind} of {source} ends at {end}"), ENDING));
        }
        Some((end, _)) if end.secs() < i64::MAX / 1000 => {
            seen.push(Seen::good(ROOT, format!("{source}, to be believed until {end}")));
        }
        _ => seen.push(Seen::good(ROOT, format!("{source}, with no end"))),
    }
    seen
}

/// How long a folder's metadata will do, by asking it about later days.
fn term(folder: &TrustFolder, now: UnixTime) -> Seen {
    let good = |days: &&i64| folder.read(TRUSTED_ROOT, now.plus_secs(**days * DAY_SECS)).is_ok();
    match TERMS_DAYS.iter().filter(good).max() {
        Some(days) => Seen::good(FOLDER, format!("its metadata will do for more than {} h", days * 24)),
        None => Seen::doubtful(FOLDER, "its metadata expires within a day", FOLDER_ENDING),
    }
}
