//! The report codec: bytes that are good, bad and of exactly the longest length; parts in any order.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic; clippy.toml lets only test functions"
)]

use std::sync::LazyLock;

use pathkeeper_model::report::{
    Encoded, Join, Joiner, Part, PartError, Problems, REPORT_BYTES_MAX, Stamp, decode_part, encode, part_key,
    part_of_key,
};
use pathkeeper_model::{Entry, EpochS, Instance, State, Transport, Wwid};
use proptest::prelude::*;

const TIME: EpochS = EpochS(1_783_082_400);

fn stamp(instance: u64, seq: u64) -> Stamp {
    Stamp { instance: Instance(instance), seq }
}

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).expect("not empty")
}

fn entry() -> Entry {
    Entry {
        state: State::Optimal,
        paths_active: Some(4),
        paths_total: Some(4),
        paths_expected: Some(4),
        transport: Some(Transport::Fc),
        size_bytes: Some(1_099_511_627_776),
    }
}

fn luns(count: usize) -> Vec<(Wwid, Entry)> {
    (0..count).map(|i| (wwid(&format!("3600a0980383044793634{i:012x}")), entry())).collect()
}

fn write(stamp: Stamp, entries: &[(Wwid, Entry)]) -> Encoded {
    encode(stamp, TIME, entries.iter().map(|(w, e)| (w, e)))
}

fn decode(text: &str) -> Part {
    decode_part(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn one(text: &str) -> (Entry, Vec<String>) {
    let part = decode(&format!(r#"{{"maps":{{"w":{text}}},"time":1}}"#));
    assert_eq!(part.entries.len(), 1, "{text}");
    (part.entries[0].1.clone(), part.problems.list().iter().map(|p| p.what.clone()).collect())
}

#[test]
fn the_wire_form_is_the_contract_s() {
    let encoded = write(stamp(0x9f00_0000_0000_0001, 412), &[(wwid("3600a0980"), entry())]);
    assert_eq!(encoded.left_out, []);
    assert_eq!(
        encoded.parts.iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect::<Vec<_>>(),
        [concat!(
            r#"{"maps":{"3600a0980":{"state":"optimal","paths-active":4,"paths-total":4,"paths-expected":4,"#,
            r#""transport":"fc","size":1099511627776}},"time":1783082400,"v":1,"#,
            r#""instance":"9f00000000000001","seq":412}"#
        )]
    );
    let empty = write(stamp(1, 1), &[]);
    assert_eq!(
        String::from_utf8_lossy(&empty.parts[0]),
        r#"{"maps":{},"time":1783082400,"v":1,"instance":"0000000000000001","seq":1}"#
    );
}

#[test]
fn keys_of_parts() {
    assert_eq!([part_key(1), part_key(2), part_key(13)], ["multipath", "multipath-2", "multipath-13"]);
    let check = |key, part| assert_eq!(part_of_key(key), part, "{key}");
    check("multipath", Some(1));
    check("multipath-2", Some(2));
    check("multipath-4096", Some(4096));
    for other in [
        "multipath-1",
        "multipath-02",
        "multipath-+2",
        "multipath-4097",
        "multipath-node",
        "multipath-",
        "multipathd",
        "",
    ] {
        check(other, None);
    }
}

#[test]
fn what_the_perl_series_writes() {
    let part = decode(
        r#"{"maps":{"w2":{"state":"degraded","paths-active":1,"paths-total":2,"transport":"iscsi"},
            "w1":{"size":5,"state":"failed","paths-total":null}},"time":1783082400}"#,
    );
    assert_eq!((part.stamp, part.time, part.part, part.parts), (None, Some(TIME), 1, 1));
    assert!(part.problems.is_empty(), "{:?}", part.problems);
    let names: Vec<_> = part.entries.iter().map(|(w, _)| w.as_str()).collect();
    assert_eq!(names, ["w1", "w2"]);
    assert_eq!(part.entries[0].1, Entry { size_bytes: Some(5), ..Entry::of(State::Failed) });
    assert_eq!(part.entries[1].1.transport, Some(Transport::Iscsi));
}

#[test]
fn a_value_that_cannot_be_used_says_why() {
    let check = |bytes: &[u8], words: &str| {
        let error = decode_part(bytes).expect_err(words);
        assert_eq!(error.to_string(), words, "{}", String::from_utf8_lossy(bytes));
    };
    check(b"", "it is no JSON: the text ends too early at byte 0");
    check(b"\0{\"maps\":{}}", "it is no JSON: the text ends too early at byte 0");
    check(b"[]", "it is an array, not an object");
    check(b"{}", "it has no key maps");
    check(b"{\"maps\":[]}", "under maps stands an array, not an object");
    check(b"{\"maps\":{},\"maps\":7}", "under maps stands a number, not an object");
    check(b"{\"maps\":{}} x", "it is no JSON: something follows the end of the value at byte 12");
    check(b"{\"maps\":{\"w\":{\"state\":\"opt", "it is no JSON: the text ends too early at byte 26");
    check(b"{\"maps\":{\"\xff\":{}}}", "it is no text: byte 10 is no UTF-8");
    check(b"{\"maps\":{},\"parts\":2}", "it is part 1 of 2 without instance and seq, so it cannot be joined");
    check(b"{\"maps\":{},\"parts\":2,\"part\":3}", "it says that it is part 3 of 2");
    for bad in ["0", "4097", "1e3", "-1", "\"2\"", "99999999999999999999"] {
        let text = format!(r#"{{"maps":{{}},"parts":{bad},"instance":"0000000000000001","seq":1}}"#);
        check(text.as_bytes(), "part or parts is no whole number from 1 to 4096");
    }
}

#[test]
fn bad_entries_become_data() {
    for bad in ["null", "7", "[]", "\"optimal\"", "true", "1e999"] {
        assert_eq!(
            one(bad),
            (Entry::of(State::Unknown), vec!["the entry is not an object".to_owned()]),
            "{bad}"
        );
    }
    let (e, problems) =
        one(r#"{"state":"frobnicated","paths-active":4294967296,"paths-total":-1,"size":1e999}"#);
    assert_eq!(e, Entry::of(State::Unknown));
    assert_eq!(problems.len(), 4, "{problems:?}");
    let (e, problems) = one(r#"{"state":"optimal","paths-active":4294967295,"size":9223372036854775807}"#);
    assert_eq!((e.paths_active, e.size_bytes), (Some(u32::MAX), Some(i64::MAX as u64)));
    assert!(problems.is_empty());
    let (e, _) = one(r#"{"state":"optimal","paths-active":4.0,"size":9223372036854775808,"transport":7}"#);
    assert_eq!(e, Entry::of(State::Optimal));
    let long = "x".repeat(256);
    let (e, problems) = one(&format!(r#"{{"state":"optimal","transport":"{long}"}}"#));
    assert_eq!((e.transport, problems.len()), (None, 1));
    let (e, _) = one(&format!(r#"{{"state":"optimal","transport":"{}"}}"#, &long[..255]));
    assert_eq!(e.transport.map(|t| t.as_str().len()), Some(255));
    let (e, problems) = one(r#"{"state":"failed","state":"optimal"}"#);
    assert_eq!((e.state, problems.len()), (State::Optimal, 0));
    let (e, problems) = one("{}");
    assert_eq!((e, problems), (Entry::of(State::Unknown), vec!["the entry has no state".to_owned()]));
}

#[test]
fn a_hostile_value_makes_few_problems_and_no_deep_stack() {
    let many: Vec<String> = (0..5000).map(|i| format!("\"w{i}\":0")).collect();
    let part = decode(&format!(r#"{{"maps":{{{}}}}}"#, many.join(",")));
    assert_eq!(part.entries.len(), 5000);
    assert_eq!((part.problems.list().len(), part.problems.count()), (Problems::KEPT_MAX, 5000));
    let deep = 1_000_000;
    let text = format!(r#"{{"x":{}{},"maps":{{}}}}"#, "[".repeat(deep), "]".repeat(deep));
    assert_eq!(decode(&text).entries, []);
    assert!(decode_part("[".repeat(deep).as_bytes()).is_err());
}

#[test]
fn later_duplicates_win_and_names_are_any_text() {
    let part = decode(
        r#"{"maps":{"b":{"state":"failed"},"a\u00e9\"":{"state":"optimal"},"b":{"state":"optimal"},"":{"state":"optimal"}}}"#,
    );
    let got: Vec<_> = part.entries.iter().map(|(w, e)| (w.as_str(), e.state)).collect();
    assert_eq!(got, [("aé\"", State::Optimal), ("b", State::Optimal)]);
    assert_eq!(part.problems.count(), 1);
}

#[test]
fn a_trailing_nul_is_cut() {
    let mut value = write(stamp(1, 1), &luns(2)).parts.remove(0);
    value.extend_from_slice(b"\0garbage");
    assert_eq!(decode_part(&value).map(|p| p.entries), Ok(luns(2)));
}

/// A report whose single value has exactly `bytes` bytes.
fn report_of(bytes: usize) -> Vec<(Wwid, Entry)> {
    let mut entries = luns(200);
    let short = write(stamp(1, 1), &entries).parts[0].len();
    let padded = format!("3{}", "z".repeat(bytes - short - r#","":{"state":"optimal"}"#.len() - 1));
    entries.push((wwid(&padded), Entry::of(State::Optimal)));
    entries
}

#[test]
fn exactly_the_longest_value_is_one_part_and_one_byte_more_is_two() {
    let fits = write(stamp(1, 1), &report_of(REPORT_BYTES_MAX));
    assert_eq!(fits.parts.iter().map(Vec::len).collect::<Vec<_>>(), [REPORT_BYTES_MAX]);
    let more = write(stamp(1, 1), &report_of(REPORT_BYTES_MAX + 1));
    assert_eq!(more.parts.len(), 2);
    assert!(more.parts.iter().all(|p| p.len() <= REPORT_BYTES_MAX));
}

#[test]
fn an_entry_that_no_value_can_hold_is_named() {
    let mut entries = luns(3);
    entries.push((wwid(&"y".repeat(REPORT_BYTES_MAX)), entry()));
    let encoded = write(stamp(1, 1), &entries);
    assert_eq!(encoded.left_out, [wwid(&"y".repeat(REPORT_BYTES_MAX))]);
    assert_eq!(decode_part(&encoded.parts[0]).map(|p| p.entries), Ok(luns(3)));
}

fn parts_of(stamp: Stamp, entries: &[(Wwid, Entry)]) -> Vec<Part> {
    write(stamp, entries).parts.iter().map(|p| decode_part(p).expect("our own")).collect()
}

fn whole(join: Join) -> Vec<(Wwid, Entry)> {
    match join {
        Join::Whole(report) => report.entries,
        other => panic!("not whole: {other:?}"),
    }
}

#[test]
fn parts_join_last_first_and_old_ones_do_not_disturb() {
    let old = parts_of(stamp(1, 7), &luns(600));
    let new = parts_of(stamp(1, 8), &luns(650));
    assert_eq!((old.len(), new.len()), (3, 3));
    let mut joiner = Joiner::new();
    assert_eq!(joiner.set(3, old[2].clone()), Join::Waiting { have: 1, want: 3 });
    assert_eq!(joiner.set(2, old[1].clone()), Join::Waiting { have: 2, want: 3 });
    assert_eq!(whole(joiner.set(1, old[0].clone())), luns(600));
    assert_eq!(joiner.set(3, new[2].clone()), Join::Waiting { have: 1, want: 3 });
    assert_eq!(joiner.set(2, old[1].clone()), Join::Same);
    assert_eq!(joiner.set(1, new[0].clone()), Join::Waiting { have: 2, want: 3 });
    assert_eq!(joiner.set(2, new[1].clone()).clone(), Join::Whole(whole_report(stamp(1, 8), &luns(650))));
    assert_eq!(joiner.set(1, old[0].clone()), Join::Older);
    assert_eq!(joiner.last(), Some(stamp(1, 8)));
    // One value is enough again.
    assert_eq!(whole(joiner.set(1, parts_of(stamp(1, 9), &luns(1)).remove(0))), luns(1));
}

fn whole_report(stamp: Stamp, entries: &[(Wwid, Entry)]) -> pathkeeper_model::report::Report {
    pathkeeper_model::report::Report {
        stamp: Some(stamp),
        time: Some(TIME),
        entries: entries.to_vec(),
        problems: Problems::default(),
    }
}

#[test]
fn a_part_under_a_foreign_key_counts_for_nothing() {
    let parts = parts_of(stamp(1, 7), &luns(600));
    let mut joiner = Joiner::new();
    assert_eq!(joiner.set(2, parts[0].clone()), Join::Misplaced);
    assert_eq!(joiner.set(u32::MAX, parts[0].clone()), Join::Misplaced);
    assert_eq!(joiner.set(1, parts[0].clone()), Join::Waiting { have: 1, want: 3 });
    joiner.clear(1);
    joiner.set(2, parts[1].clone());
    assert_eq!(joiner.set(3, parts[2].clone()), Join::Waiting { have: 2, want: 3 });
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let count = || prop::option::of(prop_oneof![0u32..9, Just(u32::MAX), Just(65_535), any::<u32>()]);
    let transport = prop::option::of(prop_oneof![
        Just(Transport::Fc),
        Just(Transport::Mixed),
        ".{0,8}".prop_map(|t| Transport::parse(&t).expect("short"))
    ]);
    let size = prop::option::of(prop_oneof![0u64..9, Just(i64::MAX as u64)]);
    (prop::sample::select(&State::ALL[..]), count(), count(), count(), transport, size).prop_map(
        |(state, paths_active, paths_total, paths_expected, transport, size_bytes)| Entry {
            state,
            paths_active,
            paths_total,
            paths_expected,
            transport,
            size_bytes,
        },
    )
}

fn any_report(most: usize) -> impl Strategy<Value = Vec<(Wwid, Entry)>> {
    prop::collection::btree_map(
        prop_oneof!["[a-z0-9.]{1,40}", ".{1,20}", Just("v".repeat(9_000))],
        any_entry(),
        0..most,
    )
    .prop_map(|map| map.into_iter().map(|(w, e)| (wwid(&w), e)).collect())
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(entries in any_report(40), copies in 1usize..20, seq: u64, instance: u64) {
        // Copies under longer names make reports of many parts.
        let mut all: Vec<(Wwid, Entry)> = Vec::new();
        for n in 0..copies {
            all.extend(entries.iter().map(|(w, e)| (wwid(&format!("{w}{n}")), e.clone())));
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.dedup_by(|a, b| a.0 == b.0);
        let encoded = write(stamp(instance, seq), &all);
        prop_assert_eq!(&encoded.left_out, &Vec::<Wwid>::new());
        let mut joiner = Joiner::new();
        let mut last = None;
        for (i, part) in encoded.parts.iter().enumerate().rev() {
            prop_assert!(part.len() <= REPORT_BYTES_MAX);
            let key = u32::try_from(i + 1).expect("small");
            let part = decode_part(part).expect("our own");
            prop_assert!(part.problems.is_empty());
            last = Some(joiner.set(key, part));
        }
        prop_assert_eq!(last, Some(Join::Whole(whole_report(stamp(instance, seq), &all))));
        // The order of the entries is nothing to the bytes.
        let mut shuffled = all.clone();
        shuffled.reverse();
        prop_assert_eq!(write(stamp(instance, seq), &shuffled), encoded);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_part(&bytes);
    }

    #[test]
    fn no_mangled_report_panics(cut in 0usize..700, at in 0usize..700, byte: u8) {
        let mut value = write(stamp(1, 1), &luns(4)).parts.remove(0);
        let len = value.len();
        value[at % len] = byte;
        value.truncate(len - cut % len);
        if let Ok(part) = decode_part(&value) {
            prop_assert!(part.entries.is_sorted_by(|a, b| a.0 < b.0));
        }
    }

    /// Parts of four sets in any order, with returns: a whole report is always one that was written, and never older
    /// than the last of the same instance.
    #[test]
    fn any_order_of_parts_gives_only_reports_that_were_written(order in prop::collection::vec((0usize..4, 0usize..3), 0..60)) {
        // Made once: the cases differ in the order alone.
        type Set = (Stamp, Vec<(Wwid, Entry)>);
        static SETS: LazyLock<[Set; 4]> = LazyLock::new(|| {
            [(1, 7, 600), (1, 8, 610), (1, 9, 620), (2, 1, 630)].map(|(i, s, n)| (stamp(i, s), luns(n)))
        });
        static PARTS: LazyLock<[Vec<Part>; 4]> = LazyLock::new(|| SETS.clone().map(|(s, e)| parts_of(s, &e)));
        static NEWEST: LazyLock<Vec<Part>> = LazyLock::new(|| parts_of(stamp(1, 10), &luns(640)));
        let (sets, parts, newest) = (&*SETS, &*PARTS, &*NEWEST);
        let mut joiner = Joiner::new();
        let mut last: Option<Stamp> = None;
        for (set, part) in order {
            let key = u32::try_from(part + 1).expect("small");
            if let Join::Whole(report) = joiner.set(key, parts[set][part].clone()) {
                let stamp = report.stamp.expect("ours");
                let written = sets.iter().find(|(s, _)| *s == stamp).expect("one of them");
                prop_assert_eq!(&report.entries, &written.1);
                if let Some(last) = last.filter(|last| last.instance == stamp.instance) {
                    prop_assert!(stamp.seq > last.seq);
                }
                last = Some(stamp);
            }
        }
        // Whatever came before, a newer set that comes whole is taken.
        joiner.set(3, newest[2].clone());
        joiner.set(2, newest[1].clone());
        prop_assert_eq!(whole(joiner.set(1, newest[0].clone())), luns(640));
    }
}

#[test]
fn errors_are_of_the_right_kind() {
    assert!(matches!(decode_part(b"x"), Err(PartError::NotJson(_))));
    assert!(matches!(decode_part(b"1"), Err(PartError::NotObject { .. })));
}
