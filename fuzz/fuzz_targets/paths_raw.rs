//! Whatever multipathd replies to `show paths raw format`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pathkeeper_io::multipathd::raw;

fuzz_target!(|text: &str| {
    let _ = raw::decode(text);
});
