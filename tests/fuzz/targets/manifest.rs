//! Manifests, indexes and payloads of older signatures.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    sealmark_fuzz::manifest(bytes);
});
