//! Whatever a peer puts under `multipath-node` and `multipath-apply`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pathkeeper_model::node_value::{ApplyError, NodeValue};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = NodeValue::decode(bytes) {
        let written = value.encode();
        assert!(written.len() <= 4096);
        NodeValue::decode(&written).expect("what we write we read");
    }
    if let Ok(value) = ApplyError::decode(bytes) {
        ApplyError::decode(&value.encode()).expect("what we write we read");
    }
});
