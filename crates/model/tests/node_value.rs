//! `multipath-node` and `multipath-apply`: there and back, bounds, bad fields, any bytes.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use pathkeeper_model::local::Adapter;
use pathkeeper_model::node_value::{ApplyError, DaemonWord, NODE_VALUE_BYTES_MAX, NodeValue};
use pathkeeper_model::{EpochS, Instance};
use proptest::prelude::*;

fn adapter(n: usize) -> Adapter {
    Adapter {
        name: format!("host{n}"),
        transport: "fc".to_owned(),
        port_name: Some("21:00:00:24:ff:4a:11:07".to_owned()),
        fabric: None,
        link: Some("Online".to_owned()),
        speed: Some("16 Gbit".to_owned()),
        counters: vec![("link_failure_count".to_owned(), 3), ("loss_of_sync_count".to_owned(), 0)],
    }
}

fn value() -> NodeValue {
    NodeValue {
        node: Some("pve1".to_owned()),
        instance: Some(Instance(0x9f)),
        seq: Some(12),
        time: Some(EpochS(1_783_082_400)),
        version_pathkeeper: Some("0.1.0".to_owned()),
        version_multipath_tools: Some("0.9.4".to_owned()),
        version_kernel: Some("6.1.0-18-amd64".to_owned()),
        mode: Some("observe".to_owned()),
        daemon_why: Some("stopped by systemctl".to_owned()),
        daemon_pid: Some(612),
        config_digest: Some("da39a3ee5e6b4b0d3255bfef95601890afd80709".to_owned()),
        boot_id: Some("b6e2…".to_owned()),
        maps: Some(12),
        adapters: vec![adapter(6), adapter(7)],
        report_by: Some("pve".to_owned()),
        settling: 3,
        ..NodeValue::of(DaemonWord::Stopped)
    }
}

#[test]
fn there_and_back() {
    let bytes = value().encode();
    assert!(
        bytes.starts_with(
            br#"{"v":1,"node":"pve1","instance":"000000000000009f","seq":12,"time":1783082400,"#
        )
    );
    assert_eq!(NodeValue::decode(&bytes), Ok(value()));
    let mut cut = bytes.clone();
    cut.extend_from_slice(b"\0rest");
    assert_eq!(NodeValue::decode(&cut), Ok(value()));
    let least = NodeValue::of(DaemonWord::Running);
    assert_eq!(NodeValue::decode(&least.encode()), Ok(least));
}

#[test]
fn adapters_that_find_no_room_are_counted() {
    let many = NodeValue { adapters: (0..200).map(adapter).collect(), ..value() };
    let bytes = many.encode();
    assert!(bytes.len() <= NODE_VALUE_BYTES_MAX, "{}", bytes.len());
    let read = NodeValue::decode(&bytes).expect("our own");
    assert!(read.adapters.len() > 10);
    assert_eq!(read.adapters, many.adapters[..read.adapters.len()]);
    assert_eq!(read.adapters.len() + read.adapters_left_out as usize, 200);
}

#[test]
fn the_longest_texts_fit() {
    let long = Some("\"\\\u{1}é".repeat(2_000));
    let value = NodeValue {
        node: long.clone(),
        version_pathkeeper: long.clone(),
        version_multipath_tools: long.clone(),
        version_kernel: long.clone(),
        mode: long.clone(),
        daemon_why: long.clone(),
        boot_id: long,
        instance: Some(Instance(u64::MAX)),
        seq: Some(u64::MAX),
        time: Some(EpochS(i64::MAX)),
        ..value()
    };
    let bytes = value.encode();
    assert!(bytes.len() <= NODE_VALUE_BYTES_MAX, "{}", bytes.len());
    assert!(NodeValue::decode(&bytes).is_ok());
}

#[test]
fn bad_fields_are_as_if_absent() {
    let read = NodeValue::decode(
        br#"{"node":7,"instance":"x","seq":-1,"time":"now","mode":null,"maps":4294967296,"versions":[],
            "multipathd":{"state":"dancing","why":3,"pid":1e9},"adapters":[7,{"transport":"fc"},
            {"name":"host1","counters":{"a":1,"b":-1}}],"adapters-left-out":2,"new":{"deep":[[]]}}"#,
    )
    .expect("an object");
    let host1 = Adapter { name: "host1".to_owned(), counters: vec![("a".to_owned(), 1)], ..bare_adapter() };
    let want =
        NodeValue { adapters: vec![host1], adapters_left_out: 4, ..NodeValue::of(DaemonWord::Unknown) };
    assert_eq!(read, want);
    assert!(NodeValue::decode(b"[]").is_err());
    assert!(NodeValue::decode(b"").is_err());
}

fn bare_adapter() -> Adapter {
    Adapter {
        name: String::new(),
        transport: String::new(),
        port_name: None,
        fabric: None,
        link: None,
        speed: None,
        counters: Vec::new(),
    }
}

#[test]
fn an_apply_s_failure() {
    let apply = ApplyError { error: "reconfigure refused".to_owned(), time: Some(EpochS(9)) };
    assert_eq!(apply.encode(), br#"{"error":"reconfigure refused","time":9}"#);
    assert_eq!(ApplyError::decode(&apply.encode()), Ok(apply));
    // A value that is there means a failure, whatever it holds.
    for odd in [&b"{}"[..], br#"{"error":7}"#, br#"{"error":"","time":-3}"#] {
        let read = ApplyError::decode(odd).expect("an object");
        assert_eq!((read.error.is_empty(), read.time), (false, None));
    }
    let long = ApplyError { error: "x".repeat(100_000), time: None };
    assert!(long.encode().len() < 2_100);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, byte: u8) {
        let _ = NodeValue::decode(&bytes);
        let _ = ApplyError::decode(&bytes);
        let mut mangled = value().encode();
        let at = at.index(mangled.len());
        mangled[at] = byte;
        let _ = NodeValue::decode(&mangled);
    }
}
