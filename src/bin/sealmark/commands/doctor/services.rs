//! The services: authority, timestamp authorities, logs. Each is asked something harmless; its clock is noted.

use sealmark::base::code::Code;
use sealmark::base::time::UnixTime;
use sealmark::format::trust::{Choice, TrustError};
use sealmark::format::x509::Certificate;
use sealmark::service::ca::CertificateAuthority as _;
use sealmark::service::identity::IdToken;
use sealmark::service::look::{self, Looked, Seen};
use sealmark::sign::{CredentialSource as _, WorkloadSvid};
use sealmark::verify::times::TimestampAuthorities;

use super::OFFLINE;
use super::clock::Clock;
use crate::cli::Doctor;
use crate::report::Failure;
use crate::settings::{self, Signing};

const AUTHORITY: &str = "authority";
const LOG: &str = "log";
const TSA: &str = "tsa";
const CT_LOG: &str = "ct log";

const UNTRUSTED: Code = Code::refused(
    "ca-untrusted",
    "update the trust root, or add the authority to it: `sealmark trust add`; what it certifies would not verify",
);

/// Looks at all of them; gives what their clocks say.
pub(super) async fn look(
    args: &Doctor,
    signing: &Signing,
    token: Option<&IdToken>,
    seen: &mut Vec<Seen>,
) -> Result<Vec<Clock>, Failure> {
    if args.offline {
        let all = if args.signer.key.is_some() { &[TSA, LOG][..] } else { &[AUTHORITY, TSA, LOG, CT_LOG] };
        seen.extend(all.iter().map(|about| Seen::skipped(about, OFFLINE)));
        return Ok(Vec::new());
    }
    let mut round = Round { clocks: Vec::new(), seen };
    let agent = if args.signer.key.is_none() { signing.workload_svid()? } else { None };
    if let Some((address, svid)) = &agent {
        round.seen.push(look_at_agent(address, svid).await);
    } else if args.signer.key.is_none() {
        let authority = signing.certificate_authority()?;
        let looked = authority.look(token).await;
        let untrusted = untrusted(&looked.own_certificates, signing);
        round.take("the authority", looked);
        round.seen.extend(untrusted);
    }
    let (http, now) = (signing.http(), settings::environment().now());
    let known = TimestampAuthorities::new(&signing.root().timestamp_authorities);
    for place in round.chosen(TSA, signing.config().choose_timestamp_authorities(now)) {
        round.take("the timestamp authority", look::timestamp_authority(place, &known, http).await);
    }
    for place in round.chosen(LOG, signing.config().choose_logs(now)) {
        round.take("the log", look::log(place, &signing.root().logs, http).await);
    }
    if args.signer.key.is_none() && agent.is_none() {
        let mut logs = signing.root().ct_logs.iter().filter(|log| log.validity.contains(now)).peekable();
        if logs.peek().is_none() {
            round.seen.push(Seen::skipped(CT_LOG, "the trust root has none"));
        }
        let place = stack_ct_log(args, signing);
        for log in logs {
            round.take("the CT log", look::ct_log(log, place.as_deref(), http).await);
        }
    }
    Ok(round.clocks)
}

/// A SPIFFE agent gives what would sign, and the trust root says whether it may.
async fn look_at_agent(address: &str, svid: &WorkloadSvid) -> Seen {
    match svid.acquire().await {
        Ok(credential) => {
            let name = credential.certificate().and_then(|leaf| leaf.san().ok());
            let name = name.map_or_else(|| "somebody".to_owned(), |name| name.to_string());
            Seen::good(AUTHORITY, format!("{address} gives an SVID of {name}, which may sign by the trust root"))
        }
        Err(error) => Seen::failed(AUTHORITY, error.to_string(), error.code()),
    }
}

/// A stack names its CT log, and serves it beside its authority.
fn stack_ct_log(args: &Doctor, signing: &Signing) -> Option<String> {
    let authority = args.services.stack.as_ref().and(signing.config().ca.first())?;
    Some(format!("{}/ct", authority.url.trim_end_matches('/')))
}

/// What was seen and noted so far.
struct Round<'s> {
    clocks: Vec<Clock>,
    seen: &'s mut Vec<Seen>,
}

impl Round<'_> {
    /// The local clock is read now, right after the answer.
    fn take(&mut self, whose: &'static str, looked: Looked) {
        let local = settings::environment().now();
        self.clocks.extend(looked.date.map(|theirs: UnixTime| Clock { whose, theirs, local }));
        self.seen.extend(looked.seen);
    }

    /// The services that a signing config has; a config without is told.
    fn chosen<'c>(
        &mut self,
        about: &'static str,
        choice: Result<Choice<'c>, TrustError>,
    ) -> Vec<&'c sealmark::format::trust::Service> {
        match choice {
            Ok(choice) if choice.services.is_empty() => {
                self.seen.push(Seen::skipped(about, "the signing config has none"));
                Vec::new()
            }
            Ok(choice) => choice.services,
            Err(error) => {
                self.seen.push(Seen::failed(about, error.to_string(), error.code()));
                Vec::new()
            }
        }
    }
}

/// Of an authority that gives out its own certificates: whether the trust root has one of them.
fn untrusted(own: &[Certificate], signing: &Signing) -> Option<Seen> {
    let known = || signing.root().certificate_authorities.iter().flat_map(|instance| &instance.chain);
    let foreign = !own.is_empty() && !own.iter().any(|own| known().any(|known| known.der() == own.der()));
    let words = || format!("{} has no certificate of this authority", signing.source);
    foreign.then(|| Seen::failed(AUTHORITY, words(), UNTRUSTED))
}
