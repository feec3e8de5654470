//! Sealmark signs artifacts from a CI identity token and verifies them, Sigstore-style.
//!
//! Two walks cross the library:
//!
//! ```text
//! sign:    identity token -> key -> certificate -> signature -> timestamp -> log entry -> bundle -> verify -> file
//! verify:  bundle -> log entries -> timestamps -> proven times -> chain -> SCT -> signature -> subject -> policy
//! ```
//!
//! The folders are layers; each may use only those above it in this list.
//!
//! | folder | what stands there |
//! | --- | --- |
//! | [`base`] | encodings, digests, keys, time, limits, error codes |
//! | [`mod@format`] | what the bytes mean: bundles, certificates, log entries, checkpoints, timestamps, trust documents, images |
//! | [`verify`] | the proof: a bundle against a trusted root; pure |
//! | [`policy`] | whom to trust: rules over what was proven; pure |
//! | [`admit`] | from bundles to a decision |
//! | `service` | the outside: HTTP, identities, signers, authorities, logs, registries (feature `sign`) |
//! | `sign` | signing acts over those (feature `sign`) |
//! | `carry` | images with all that is attached to them, from store to store (feature `sign`) |
//! | `monitor` | a log followed by someone who does not run it (feature `sign`) |
//! | `serve` | what the servers stand on (feature `serve`) |
//! | `gate` | the deploy gates: admission webhooks, verdicts over HTTP (feature `gate`) |
//! | `stack` | a private Sigstore (feature `stack`) |
//!
//! Without features the library only verifies: no async runtime, no network, no clock.
//!
//! The book is in [`manual`]: the walks step by step, threats and promises, formats, every refusal.
//!
//! # Verify
//!
//! ```no_run
//! use sealmark::admit::{Trust, decide};
//! use sealmark::base::time::UnixTime;
//! use sealmark::format::bundle::UnverifiedBundle;
//! use sealmark::format::trust::{Embedded, TrustedRoot};
//! use sealmark::policy::{Matcher, Policy, Rule};
//! use sealmark::verify::{Artifact, Verifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let root = TrustedRoot::parse(Embedded::PublicGood.trusted_root_json().as_bytes())?;
//! let verifier = Verifier::new(&root)?;
//! let rule = Rule::named("release")
//!     .identity(Matcher::glob("https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*")?)
//!     .issuer(Matcher::exact("https://token.actions.githubusercontent.com")?)
//!     .build()?;
//! let artifact = std::fs::read("app.tar.gz")?;
//! let bundles = UnverifiedBundle::parse_lines(&std::fs::read("app.tar.gz.sigstore.json")?)?;
//! let now = UnixTime::from_secs(1_790_000_000);
//! let decision =
//!     decide(&verifier, &Trust::Policy(Policy::of(rule)), &Artifact::from_bytes(&artifact), &bundles, now);
//! match decision.admitted() {
//!     Some((verified, _)) => println!("verified {}", verified.artifact()),
//!     None => println!("refused: {:?}", decision.refused().map(|reason| reason.code())),
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod admit;
pub mod base;
#[cfg(feature = "sign")]
pub mod carry;
pub mod format;
#[cfg(feature = "gate")]
pub mod gate;
pub mod manual;
#[cfg(feature = "sign")]
pub mod monitor;
pub mod policy;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "sign")]
pub mod service;
#[cfg(feature = "sign")]
pub mod sign;
#[cfg(feature = "stack")]
pub mod stack;
pub mod verify;
