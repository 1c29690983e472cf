//! Whatever a peer puts under `multipath`: decoded, joined, written again and decoded to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pathkeeper_model::report::{Join, Joiner, REPORT_BYTES_MAX, Stamp, decode_part, encode};
use pathkeeper_model::{EpochS, Instance};

fuzz_target!(|bytes: &[u8]| {
    let Ok(part) = decode_part(bytes) else { return };
    let mut joiner = Joiner::new();
    let key = part.part;
    if let Join::Whole(report) = joiner.set(key, part) {
        let stamp = report.stamp.unwrap_or(Stamp { instance: Instance(1), seq: 1 });
        let time = report.time.unwrap_or(EpochS(0));
        let encoded = encode(stamp, time, report.entries.iter().map(|(w, e)| (w, e)));
        let mut again = Vec::new();
        for bytes in &encoded.parts {
            assert!(bytes.len() <= REPORT_BYTES_MAX);
            again.extend(decode_part(bytes).expect("what we write we read").entries);
        }
        let kept: Vec<_> =
            report.entries.into_iter().filter(|(wwid, _)| !encoded.left_out.contains(wwid)).collect();
        assert_eq!(again, kept);
    }
});
