//! What a process that holds tokens or keys does first.

/// Turns core dumps off, and with them other processes' view of this one's memory. A system that refuses
/// leaves things as they were: the secrets are short-lived, and signing goes on.
pub(crate) fn keep_from_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
