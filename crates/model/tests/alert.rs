//! The value `multipath-alerts`: what is written is read, whatever stands there, and it is never too long.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may panic"
)]

use pathkeeper_model::alert::{
    ALERTS_BYTES_MAX, AlertEntry, AlertKey, AlertState, AlertsValue, FailingSink, NODES_MAX, newer,
};
use pathkeeper_model::finding::Severity;
use pathkeeper_model::{EpochS, Instance};
use proptest::prelude::*;

fn entry(code: &str, at: i64) -> AlertEntry {
    AlertEntry {
        key: AlertKey {
            code: code.into(),
            node: Some("pve-node-07".into()),
            wwid: Some("3600a098038314752475d4f7a6b6d3031".into()),
            ..AlertKey::default()
        },
        turn: 3,
        state: AlertState::Firing,
        severity: Severity::Error,
        since: EpochS(at - 60),
        at: EpochS(at),
        delivered: true,
        partial: false,
        luns: 1,
        nodes: vec!["pve-node-07".into()],
        summary: "backup-01 has no path on pve-node-07, and what is written to it queues for ever".into(),
    }
}

fn value(entries: Vec<AlertEntry>) -> AlertsValue {
    AlertsValue {
        node: Some("pve1".into()),
        instance: Some(Instance(9)),
        seq: Some(4),
        time: Some(EpochS(1_783_082_400)),
        entries,
        left_out: 0,
        failing: vec![FailingSink { sink: "ops".into(), since: EpochS(5), why: "no answer".into() }],
    }
}

#[test]
fn what_is_written_is_read() {
    let sending = AlertEntry { delivered: false, partial: true, ..entry("LUN_FAILED", 100) };
    let cause = AlertEntry {
        key: AlertKey {
            code: "TARGET_PORT_DOWN".into(),
            object: Some("ctl1-0e".into()),
            ..AlertKey::default()
        },
        nodes: vec!["a".into(), "b".into()],
        luns: 12,
        state: AlertState::Resolved,
        ..entry("", 90)
    };
    let written = value(vec![sending, cause]);
    assert_eq!(AlertsValue::decode(&written.encode()).unwrap(), written);
    assert_eq!(
        written.entries[0].key.to_string(),
        "LUN_FAILED pve-node-07/3600a098038314752475d4f7a6b6d3031"
    );
}

#[test]
fn words_go_first_then_what_is_over_then_what_is_mild() {
    let entries = |n: usize| -> Vec<AlertEntry> {
        let one = |at: usize| {
            let mut entry = entry(&format!("CODE_{at:03}"), 1_783_082_400 + at as i64);
            if at.is_multiple_of(2) {
                entry.severity = Severity::Warning;
            }
            entry
        };
        (0..n).map(one).collect()
    };
    // As many as stand at a time in all find room, without their words.
    let decoded = AlertsValue::decode(&value(entries(32)).encode()).unwrap();
    assert_eq!((decoded.entries.len(), decoded.left_out), (32, 0));
    assert!(decoded.entries.iter().all(|entry| entry.summary.is_empty()));
    let mut many = entries(200);
    many[199].state = AlertState::Resolved;
    let bytes = value(many).encode();
    assert!(bytes.len() <= ALERTS_BYTES_MAX);
    let decoded = AlertsValue::decode(&bytes).unwrap();
    assert_eq!(decoded.entries.len() + decoded.left_out as usize, 200);
    assert!(decoded.entries.iter().all(|entry| entry.severity == Severity::Error));
    assert!(decoded.entries.iter().all(|entry| entry.state == AlertState::Firing));
}

#[test]
fn what_is_no_alert_is_left_out_and_counted() {
    for (text, entries, left_out) in [
        ("{}", 0, 0),
        (r#"{"entries":7,"left-out":-1}"#, 0, 0),
        (r#"{"entries":[{},{"code":"A"},[],1],"left-out":2}"#, 0, 6),
        (r#"{"entries":[{"code":"A","turn":0,"state":"firing","severity":"error"}]}"#, 0, 1),
        (r#"{"entries":[{"code":"A","turn":1,"state":"odd","severity":"error"}]}"#, 0, 1),
        (r#"{"entries":[{"code":"A","turn":1,"state":"firing","severity":"error","x":[1]}]}"#, 1, 0),
        (
            r#"{"entries":[{"code":"A","turn":1,"state":"firing","severity":"error"},
                {"code":"A","turn":2,"state":"resolved","severity":"error"}]}"#,
            1,
            1,
        ),
    ] {
        let decoded = AlertsValue::decode(text.as_bytes()).unwrap();
        assert_eq!((decoded.entries.len(), decoded.left_out), (entries, left_out), "{text}");
    }
    for bad in ["", "[]", "{", "null", "{\"entries\":[}"] {
        assert!(AlertsValue::decode(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn the_newest_word_counts_whatever_clocks_say() {
    let old = AlertEntry { turn: 1, at: EpochS(i64::MAX), ..entry("A", 0) };
    let over = AlertEntry { turn: 2, state: AlertState::Resolved, at: EpochS(0), ..entry("A", 0) };
    let again = AlertEntry { turn: 2, ..entry("A", 0) };
    let sending = AlertEntry { delivered: false, ..again.clone() };
    let order = [&old, &over, &sending, &again];
    for (at, a) in order.iter().enumerate() {
        for (than, b) in order.iter().enumerate() {
            assert_eq!(newer(a, b), at > than, "{a:?} {b:?}");
        }
    }
}

fn any_entry() -> impl Strategy<Value = AlertEntry> {
    let part = proptest::option::of(".{1,400}");
    let key = (".{1,300}", part.clone(), part.clone(), part.clone(), part);
    let rest = (
        any::<u64>(),
        any::<bool>(),
        any::<bool>(),
        any::<i64>(),
        proptest::collection::vec(".{1,300}", 0..12),
        ".{0,400}",
    );
    (key, rest).prop_map(
        |((code, node, wwid, path, object), (turn, firing, delivered, at, nodes, summary))| AlertEntry {
            key: AlertKey { code, node, wwid, path, object },
            turn,
            state: if firing { AlertState::Firing } else { AlertState::Resolved },
            severity: if delivered { Severity::Error } else { Severity::Warning },
            since: EpochS(at),
            at: EpochS(at),
            delivered,
            partial: firing,
            luns: 1,
            nodes,
            summary,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_value_is_bounded_and_what_is_read_is_written_alike(entries in proptest::collection::vec(any_entry(), 0..40)) {
        let bytes = value(entries.clone()).encode();
        prop_assert!(bytes.len() <= ALERTS_BYTES_MAX);
        let decoded = AlertsValue::decode(&bytes).unwrap();
        prop_assert!(decoded.entries.len() <= entries.len());
        prop_assert!(decoded.entries.iter().all(|entry| entry.nodes.len() <= NODES_MAX));
        let again = AlertsValue::decode(&decoded.encode()).unwrap();
        prop_assert_eq!(again.entries.len(), decoded.entries.len());
    }

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = AlertsValue::decode(&bytes);
    }
}
