//! Whatever a peer puts under `multipath-node`, `multipath-alerts` and `multipath-apply`, and into the document `pathkeeper/ledger`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pathkeeper_model::alert::{ALERTS_BYTES_MAX, AlertsValue};
use pathkeeper_model::node_value::{ApplyError, NodeValue};
use pathkeeper_model::orders::Orders;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = NodeValue::decode(bytes) {
        let written = value.encode();
        assert!(written.len() <= 4096);
        NodeValue::decode(&written).expect("what we write we read");
    }
    if let Ok(value) = AlertsValue::decode(bytes) {
        let written = value.encode();
        assert!(written.len() <= ALERTS_BYTES_MAX);
        AlertsValue::decode(&written).expect("what we write we read");
    }
    let (orders, _) = Orders::decode(bytes);
    assert_eq!(Orders::decode(&orders.encode()), (orders, vec![]));
    if let Ok(value) = ApplyError::decode(bytes) {
        ApplyError::decode(&value.encode()).expect("what we write we read");
    }
});
