#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| lodestore_fuzz::sorted_set::run(data));
