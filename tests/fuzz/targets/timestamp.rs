//! Timestamp responses and requests.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    sealmark_fuzz::timestamp(bytes);
});
