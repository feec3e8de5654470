//! Older signatures and attestations of images.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    sealmark_fuzz::legacy(bytes);
});
