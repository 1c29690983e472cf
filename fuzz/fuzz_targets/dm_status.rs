//! Whatever device-mapper prints for a multipath target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pathkeeper_io::dm::text;

fuzz_target!(|line: &str| {
    let _ = text::parse_status(line);
    let _ = text::parse_table(line);
});
