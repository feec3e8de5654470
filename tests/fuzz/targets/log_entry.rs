//! Bodies of log entries.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    sealmark_fuzz::log_entry(bytes);
});
