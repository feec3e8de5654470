//! Every platform, in the order of asking: first those whose jobs declare a token and use the variable that all
//! Sigstore clients read, then that variable, then those that are asked for one, then an agent, then files, and machines
//! last.

mod aks;
mod aws;
mod azure_devops;
mod bitbucket;
mod bitrise;
mod buddy;
mod buildkite;
mod circleci;
mod codefresh;
mod depot;
mod eks;
mod fly;
mod forgejo;
mod github;
mod gitlab;
mod google;
mod harness;
mod jenkins;
mod kubernetes;
mod projected;
mod semaphore;
mod spacelift;
#[cfg(feature = "spiffe")]
mod spiffe;
mod terraform;

use super::platform::Platform;

pub use github::{MissingPermission, server as github_server};

/// Platforms whose jobs have their token beforehand. They know how to have the variable of Sigstore clients set.
pub(super) static DECLARING: &[&Platform] = &[
    &gitlab::PLATFORM,
    &jenkins::PLATFORM,
    &bitbucket::PLATFORM,
    &terraform::PLATFORM,
    &spacelift::PLATFORM,
    &semaphore::PLATFORM,
];

/// Platforms that are asked for a token by a job.
pub(super) static ASKED: &[&Platform] = &[
    &forgejo::PLATFORM,
    &depot::PLATFORM,
    &github::PLATFORM,
    &circleci::PLATFORM,
    &buildkite::PLATFORM,
    &codefresh::PLATFORM,
    &azure_devops::PLATFORM,
    &buddy::PLATFORM,
    &harness::PLATFORM,
    &bitrise::PLATFORM,
];

/// Agents beside the process.
pub(super) static AGENTS: &[&Platform] = &[
    #[cfg(feature = "spiffe")]
    &spiffe::PLATFORM,
];

/// Files that somebody put there for this purpose.
pub(super) static FILES: &[&Platform] = &[&projected::PLATFORM, &eks::PLATFORM, &aks::PLATFORM];

/// The machine, asked when nothing else was found.
pub(super) static MACHINES: &[&Platform] = &[&fly::PLATFORM, &kubernetes::PLATFORM, &google::PLATFORM, &aws::PLATFORM];

/// The platforms that run jobs.
#[cfg(feature = "login")]
pub(super) fn jobs() -> impl Iterator<Item = &'static Platform> {
    [DECLARING, ASKED].into_iter().flatten().copied()
}

/// Every platform, in the order of asking.
pub fn platforms() -> impl Iterator<Item = &'static Platform> {
    [DECLARING, ASKED, AGENTS, FILES, MACHINES].into_iter().flatten().copied()
}
