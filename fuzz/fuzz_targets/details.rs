//! Whatever a peer puts under `multipath-detail`: as a value, and as what is packed in one.
#![no_main]

use std::io::Write as _;

use base64::Engine as _;
use libfuzzer_sys::fuzz_target;
use pathkeeper_model::detail::{DetailPart, Head, Packed, encode};
use pathkeeper_model::ledger::Ledger;
use pathkeeper_model::report::{REPORT_BYTES_MAX, Stamp};
use pathkeeper_model::{EpochS, Instance, NodeName};

fuzz_target!(|bytes: &[u8]| {
    let _ = Ledger::decode(bytes);
    if let Ok(part) = DetailPart::decode(bytes) {
        let _ = Packed::new(vec![part]).unpack();
    }
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    zip.write_all(bytes).expect("memory");
    let data = base64::engine::general_purpose::STANDARD.encode(zip.finish().expect("memory")).into();
    let stamp = Stamp { instance: Instance(1), seq: 1 };
    let packed = Packed::new(vec![DetailPart { stamp, time: None, part: 1, parts: 1, data }]);
    let facts = packed.facts();
    let Ok(detail) = packed.unpack() else { return };
    assert!(facts.is_ok(), "what is understood whole is understood in part");
    let head = Head { node: NodeName::new("a").expect("not empty"), stamp, time: EpochS(1) };
    let parts = encode(&head, &detail.read, detail.ledger.as_ref()).expect("it came out of one part");
    assert!(parts.iter().all(|part| part.len() <= REPORT_BYTES_MAX));
    let parts = parts.iter().map(|part| DetailPart::decode(part).expect("what we write we read")).collect();
    let again = Packed::new(parts).unpack().expect("what we write we read");
    assert_eq!(again.read.maps, detail.read.maps);
});
