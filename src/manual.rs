//! The book: what happens, what is promised, and how to run it. Each page is a module, so that its links into
//! the code are checked.
//!
//! | page | read it |
//! | --- | --- |
//! | [`walks`] | to follow a signature from the token to the verdict, step by step, with the code beside |
//! | [`threats`] | to know what a yes means, against whom, and what holds that |
//! | [`formats`] | before you write or read our files with another program |
//! | [`policies`] | to say whom you trust for what |
//! | [`provenance`] | to attest how a CI job built, and to read what it attested |
//! | [`refusals`] | when you were refused, or to see what is refused at all |
//! | [`operating`] | to run a private stack |
//! | [`stack`] | when a stack's logs say that something is wrong; and to rotate them |
//! | [`monitoring`] | to watch a log, your own or another's, and who signs as you |
//! | [`gates`] | to run a gate in front of a cluster or a pipeline |
//! | [`images`] | to sign, verify and carry container images |
//! | [`registries`] | to see how images are found, and where credentials go |
//! | [`migrating`] | when you come from cosign |
//! | [`identities`] | to sign as the job that runs, on whichever platform |
//! | [`authorities`] | to have signers and services certified by what your site trusts |
//! | [`pipelines`] | to sign in a CI job, and to find out why it does not |
//! | [`keys`] | to sign with a key that a token, a service or another program holds |
//! | [`benchmarks`] | for how fast, and how that was measured |

#[doc = include_str!("manual/walks.md")]
pub mod walks {}

#[doc = include_str!("manual/threats.md")]
pub mod threats {}

#[doc = include_str!("manual/formats.md")]
pub mod formats {}

#[doc = include_str!("manual/policies.md")]
pub mod policies {}

#[doc = include_str!("manual/provenance.md")]
pub mod provenance {}

#[doc = include_str!("manual/refusals.md")]
pub mod refusals {}

#[doc = include_str!("manual/operating.md")]
pub mod operating {}

#[doc = include_str!("manual/stack.md")]
pub mod stack {}

#[doc = include_str!("manual/monitoring.md")]
pub mod monitoring {}

#[doc = include_str!("manual/gates.md")]
pub mod gates {}

#[doc = include_str!("manual/images.md")]
pub mod images {}

#[doc = include_str!("manual/registries.md")]
pub mod registries {}

#[doc = include_str!("manual/migrating.md")]
pub mod migrating {}

#[doc = include_str!("manual/identities.md")]
pub mod identities {}

#[doc = include_str!("manual/pipelines.md")]
pub mod pipelines {}

#[doc = include_str!("manual/authorities.md")]
pub mod authorities {}

#[doc = include_str!("manual/keys.md")]
pub mod keys {}

#[doc = include_str!("manual/benchmarks.md")]
pub mod benchmarks {}
