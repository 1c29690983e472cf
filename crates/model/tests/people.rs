//! What people say of findings and ports: documents that are read, changed and written, and what mutes hide.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;

use pathkeeper_model::finding::{Code, Finding, Scope, Severity};
use pathkeeper_model::matrix::Matrix;
use pathkeeper_model::mutes::{self, Mute, Mutes, MutesDocument, Seen};
use pathkeeper_model::names::{self, Change, Named, Names, NamesDocument};
use pathkeeper_model::windows::{self, Window, WindowOn, Windows, WindowsDocument};
use pathkeeper_model::{Entry, EpochS, NodeName, State, Wwid};
use proptest::prelude::*;

fn node(text: &str) -> NodeName {
    NodeName::new(text).expect("not empty")
}

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).expect("not empty")
}

/// Until cleared, given at 1,000, for warnings.
fn mute(id: &str, code: Code) -> Mute {
    Mute {
        id: id.into(),
        code,
        node: None,
        wwid: None,
        object: None,
        by: "kb@pam".into(),
        reason: "ticket \"4711\"".into(),
        time: EpochS(1_000),
        until: None,
        severity: Severity::Warning,
        usable: BTreeMap::new(),
    }
}

fn window(id: &str, on: WindowOn) -> Window {
    Window {
        id: id.into(),
        on,
        from: EpochS(1_000),
        until: EpochS(5_000),
        by: "kb@pam".into(),
        reason: "kernel".into(),
        time: EpochS(900),
    }
}

#[test]
fn mutes_that_are_written_are_read_again() {
    let mut document = MutesDocument::open(b"").unwrap();
    let all = [
        mute("a", Code::HbaDown),
        Mute {
            node: Some(node("pve1")),
            wwid: Some(wwid("w\"1")),
            object: Some("host7".into()),
            until: Some(EpochS(2_000)),
            severity: Severity::Error,
            usable: [(node("pve1"), 3), (node("pve2"), 4)].into(),
            ..mute("b", Code::LunDegraded)
        },
    ];
    for mute in &all {
        document.add(mute, EpochS(1_000)).unwrap();
        document.add(mute, EpochS(1_000)).unwrap();
    }
    let bytes = document.encode();
    assert_eq!(Mutes::decode(&bytes), (Mutes { entries: all.to_vec() }, vec![]));
    assert_eq!(MutesDocument::open(&bytes).unwrap().encode(), bytes);
    assert_eq!(
        String::from_utf8(bytes).unwrap().lines().nth(1).unwrap(),
        r#"{"id":"a","code":"HBA_DOWN","by":"kb@pam","reason":"ticket \"4711\"","time":1000,"severity":"warning"},"#
    );
    let gone = document.remove("a", EpochS(1_000));
    assert_eq!(gone.map(|mute| mute.code), Some(Code::HbaDown));
    assert_eq!(document.remove("a", EpochS(1_000)), None);
    assert_eq!(document.mutes().entries.len(), 1);
}

/// What is not understood stays in the document, whatever is done beside it.
#[test]
fn what_a_newer_version_wrote_is_not_lost() {
    let text = r#"{"v":1,"more":{"a":[1,2]},"entries":[
{"id":"n","code":"NEW_CODE","time":5,"severity":"warning","x":1},
{"id":"old","code":"HBA_DOWN","time":5,"severity":"warning","future":"kept"},
[3]
]}"#;
    let (mutes, problems) = Mutes::decode(text.as_bytes());
    assert_eq!(mutes.entries.len(), 1);
    assert_eq!(problems.len(), 2, "{problems:?}");
    let mut document = MutesDocument::open(text.as_bytes()).unwrap();
    document.add(&mute("a", Code::HbaDown), EpochS(1_000)).unwrap();
    document.remove("a", EpochS(1_000)).unwrap();
    let after = String::from_utf8(document.encode()).unwrap();
    for piece in
        [r#""more":{"a":[1,2]}"#, r#""code":"NEW_CODE","time":5,"severity":"warning","x":1"#, "kept", "[3]"]
    {
        assert!(after.contains(piece), "{piece}: {after}");
    }

    let text = r#"{"v":1,"entries":[{"id":"w","on":"node","name":"a","from":10,"until":90,"shade":"blue"},{"id":"x","on":"moon"}]}"#;
    let mut document = WindowsDocument::open(text.as_bytes()).unwrap();
    let ended = document.end("w", EpochS(50)).unwrap();
    assert_eq!((ended.from, ended.until), (EpochS(10), EpochS(50)));
    let after = String::from_utf8(document.encode()).unwrap();
    assert!(after.contains(r#""shade":"blue""#) && after.contains("moon"), "{after}");
    assert_eq!(Windows::decode(after.as_bytes()).0.entries, [ended]);

    let text = r#"{"v":1,"ports":{"0x21000024ff4a1107":{"name":"n","colour":"red"},"q":7}}"#;
    let mut document = NamesDocument::open(text.as_bytes()).unwrap();
    let change = Change { fabric: Some(Some("A".into())), ..Change::default() };
    let changed = document.apply(&[("21:00:00:24:ff:4a:11:07".to_owned(), Some(change))].into()).unwrap();
    assert_eq!(changed.len(), 1);
    let after = String::from_utf8(document.encode()).unwrap();
    assert!(after.contains(r#""colour":"red""#) && after.contains(r#""q":7"#), "{after}");
    let named = Named { name: Some("n".into()), fabric: Some("A".into()), controller: None };
    assert_eq!(
        Names::decode(after.as_bytes()).0.ports,
        [("21:00:00:24:ff:4a:11:07".to_owned(), named)].into()
    );
}

#[test]
fn a_document_of_another_version_is_not_written() {
    for text in
        ["[]", "{", "{}", r#"{"v":2,"entries":[]}"#, r#"{"v":1}"#, r#"{"v":1,"entries":{},"ports":[]}"#]
    {
        let bytes = text.as_bytes();
        assert!(MutesDocument::open(bytes).is_err(), "{text}");
        assert!(WindowsDocument::open(bytes).is_err(), "{text}");
        assert!(NamesDocument::open(bytes).is_err(), "{text}");
        assert_eq!(Mutes::decode(bytes).0, Mutes::default());
        assert_eq!(Mutes::decode(bytes).1.len(), 1);
    }
}

#[test]
fn what_is_not_understood_does_not_count() {
    let mute = |members: &str, expect: &str| {
        let text = format!(r#"{{"v":1,"entries":[{{{members}}}]}}"#);
        let (mutes, told) = Mutes::decode(text.as_bytes());
        assert_eq!(mutes.entries.len(), usize::from(expect.is_empty()), "{members}");
        assert!(told.join(" ").contains(expect), "{members}: {told:?}");
    };
    let good = r#""id":"i","code":"HBA_DOWN","time":5,"severity":"warning""#;
    mute(good, "");
    // A mute for one thing must not become one for everything, nor one for an hour one for ever.
    mute(&format!(r#"{good},"node":"""#), "its node is no name");
    mute(&format!(r#"{good},"wwid":7"#), "its wwid is no name");
    mute(&format!(r#"{good},"object":null"#), "its object is no name");
    mute(&format!(r#"{good},"until":"soon""#), "its end is no time");
    mute(r#""code":"HBA_DOWN","time":5,"severity":"warning""#, "no id");
    mute(r#""id":"i","time":5,"severity":"warning""#, "no code");
    mute(r#""id":"i","code":"X","time":5,"severity":"warning""#, "is not known");
    mute(r#""id":"i","code":"HBA_DOWN","severity":"warning""#, "no time");
    mute(r#""id":"i","code":"HBA_DOWN","time":5"#, "how bad");
    mute(r#""id":"i","code":"HBA_DOWN","time":5,"severity":"dire""#, "is not known");

    let window = |members: &str, expect: &str| {
        let text = format!(r#"{{"v":1,"entries":[{{{members}}}]}}"#);
        let (windows, told) = Windows::decode(text.as_bytes());
        assert_eq!(windows.entries.len(), usize::from(expect.is_empty()), "{members}");
        assert!(told.join(" ").contains(expect), "{members}: {told:?}");
    };
    window(r#""id":"i","on":"node","name":"a","from":1,"until":2"#, "");
    window(r#""id":"i","on":"port","name":"0x21000024FF4A1107","from":1,"until":2"#, "");
    window(r#""on":"node","name":"a","from":1,"until":2"#, "no id");
    window(r#""id":"i","on":"node","from":1,"until":2"#, "on what");
    window(r#""id":"i","on":"moon","name":"a","from":1,"until":2"#, "nothing that is known");
    window(r#""id":"i","on":"node","name":"a","from":1"#, "beginning or end");
    window(r#""id":"i","on":"node","name":"a","from":1,"until":9999999"#, "longer than 7 days");
}

#[test]
fn what_ended_long_ago_is_left_out_at_the_next_change() {
    let mut document = MutesDocument::open(b"").unwrap();
    let ends = |id: &str, until: i64| Mute { until: Some(EpochS(until)), ..mute(id, Code::HbaDown) };
    document.add(&ends("a", 2_000), EpochS(1_000)).unwrap();
    document.add(&mute("b", Code::HbaDown), EpochS(1_000)).unwrap();
    let ids = |document: &MutesDocument| -> Vec<String> {
        document.mutes().entries.into_iter().map(|mute| mute.id).collect()
    };
    document.add(&ends("c", 9_999_999), EpochS(2_000 + mutes::KEPT_S)).unwrap();
    assert_eq!(ids(&document), ["a", "b", "c"]);
    document.add(&ends("d", 9_999_999), EpochS(2_001 + mutes::KEPT_S)).unwrap();
    assert_eq!(ids(&document), ["b", "c", "d"]);

    let mut document = WindowsDocument::open(b"").unwrap();
    document.add(&window("a", WindowOn::Node(node("pve1"))), EpochS(900)).unwrap();
    document.remove("x", EpochS(5_000 + windows::KEPT_S));
    assert_eq!(document.windows().entries.len(), 1);
    document.remove("x", EpochS(5_001 + windows::KEPT_S));
    assert_eq!(document.windows().entries.len(), 0);
}

#[test]
fn no_more_are_taken_than_are_read() {
    let one = r#"{"id":"#;
    let entries: Vec<String> = (0..mutes::MUTES_MAX)
        .map(|n| format!(r#"{one}"{n}","code":"HBA_DOWN","time":1000,"severity":"warning"}}"#))
        .collect();
    let text = format!(r#"{{"v":1,"entries":[{}]}}"#, entries.join(","));
    let mut document = MutesDocument::open(text.as_bytes()).unwrap();
    let full = document.add(&mute("one more", Code::HbaDown), EpochS(1_000));
    assert!(full.unwrap_err().contains("1024 mutes already"));
    assert_eq!(document.mutes().entries.len(), mutes::MUTES_MAX);
    let mut document = NamesDocument::open(b"").unwrap();
    let said = Change { name: Some(Some("n".into())), ..Change::default() };
    let all: BTreeMap<_, _> = (0..=names::PORTS_MAX).map(|n| (format!("p{n}"), Some(said.clone()))).collect();
    assert!(document.apply(&all).is_err());
    assert_eq!(document.names().ports.len(), 0, "all of it or nothing");
}

#[test]
fn a_window_that_has_not_begun_never_does_once_it_was_ended() {
    let mut document = WindowsDocument::open(b"").unwrap();
    document.add(&window("a", WindowOn::Fabric("A".into())), EpochS(900)).unwrap();
    let open = |document: &WindowsDocument, at: i64| document.windows().entries[0].is_open(EpochS(at));
    assert!(
        !open(&document, 999) && open(&document, 1_000) && open(&document, 4_999) && !open(&document, 5_000)
    );
    assert_eq!(document.windows().next_change(EpochS(900)), Some(EpochS(1_000)));
    assert_eq!(document.windows().next_change(EpochS(1_000)), Some(EpochS(5_000)));
    document.end("a", EpochS(950)).unwrap();
    for at in [900, 950, 1_000, 4_999] {
        assert!(!open(&document, at), "{at}");
    }
    assert_eq!(document.end("a", EpochS(4_000)).unwrap().until, EpochS(950), "it ends once");
    assert_eq!(document.end("b", EpochS(4_000)), None);
}

#[test]
fn ports_as_people_write_them() {
    for (text, expect) in [
        ("21:00:00:24:ff:4a:11:07", Some("21:00:00:24:ff:4a:11:07")),
        ("21:00:00:24:FF:4A:11:07", Some("21:00:00:24:ff:4a:11:07")),
        (" 0x21000024FF4A1107 ", Some("21:00:00:24:ff:4a:11:07")),
        ("21000024ff4a1107", Some("21:00:00:24:ff:4a:11:07")),
        ("naa.21000024ff4a1107", Some("21:00:00:24:ff:4a:11:07")),
        ("2100:0024ff4a1107", Some("2100:0024ff4a1107")),
        ("iqn.2020-01.com.example:t1", Some("iqn.2020-01.com.example:t1")),
        ("10.9.0.1:3260", Some("10.9.0.1:3260")),
        ("", None),
        (" ", None),
        ("a\nb", None),
    ] {
        assert_eq!(names::port_of(text).as_deref(), expect, "{text:?}");
    }
}

#[test]
fn names_are_said_changed_and_said_no_more() {
    let mut document = NamesDocument::open(b"").unwrap();
    let mut say = |port: &str, change: Option<[&str; 2]>, expect: &[(&str, &str, &str)], changed: usize| {
        // `-` stays, an empty text is said no more.
        let word = |text: &str| match text {
            "-" => None,
            "" => Some(None),
            text => Some(Some(text.to_owned())),
        };
        let change =
            change.map(|[name, fabric]| Change { name: word(name), fabric: word(fabric), controller: None });
        let told = document.apply(&[(port.to_owned(), change)].into()).unwrap();
        assert_eq!(told.len(), changed, "{port}");
        let (names, problems) = Names::decode(&document.encode());
        assert_eq!(problems, [""; 0]);
        let flat: Vec<_> = names.ports.iter().map(|(port, named)| (port.as_str(), named)).collect();
        let expect_named = expect.iter().map(|(port, name, fabric)| {
            let word = |text: &str| (text != "-").then(|| text.to_owned());
            (*port, Named { name: word(name), fabric: word(fabric), controller: None })
        });
        let expect_named: Vec<_> = expect_named.collect();
        assert_eq!(flat, expect_named.iter().map(|(port, named)| (*port, named)).collect::<Vec<_>>());
    };
    say("p", Some(["n", "-"]), &[("p", "n", "-")], 1);
    say("p", Some(["n", "-"]), &[("p", "n", "-")], 0);
    say("p", Some(["-", "A"]), &[("p", "n", "A")], 1);
    say("q", Some(["", ""]), &[("p", "n", "A")], 0);
    say("q", Some(["m", "B"]), &[("p", "n", "A"), ("q", "m", "B")], 1);
    say("p", Some(["", "-"]), &[("p", "-", "A"), ("q", "m", "B")], 1);
    say("p", Some(["-", ""]), &[("q", "m", "B")], 1);
    say("q", None, &[], 1);
    say("q", None, &[], 0);
}

/// pve1 has the LUN with so many of four paths usable.
fn matrix(usable: u32) -> Matrix {
    let mut matrix = Matrix::new();
    let entry = Entry {
        state: State::Degraded,
        paths_active: Some(usable),
        paths_total: Some(4),
        ..Entry::of(State::Degraded)
    };
    matrix.set_online(&node("pve1"), true);
    matrix.set_report(&node("pve1"), Some(&[(wwid("w"), entry)]));
    matrix.set_watched([wwid("w")]);
    matrix
}

fn degraded(since: Option<i64>) -> Finding {
    let scope = Scope::cell(&node("pve1"), &wwid("w"));
    let since = since.map(EpochS);
    Finding { since, ..Finding::new(Code::LunDegraded, Severity::Warning, scope, "3 of 4") }
}

#[test]
fn what_a_mute_is_for() {
    let base = mute("a", Code::LunDegraded);
    let check = |mute: Mute, finding: &Finding, usable: u32, now: i64, expect: bool, why: &str| {
        let matrix = matrix(usable);
        let seen = Seen { matrix: &matrix, now: EpochS(now), began: EpochS(0) };
        let mut found = vec![finding.clone()];
        Mutes { entries: vec![mute] }.mark(&mut found, &seen);
        assert_eq!(found[0].muted.is_some(), expect, "{why}");
        assert_eq!(found[0].counts(), !expect, "{why}");
        assert_eq!(Finding { muted: None, ..found[0].clone() }, *finding, "nothing else is touched: {why}");
    };
    let stood = degraded(Some(900));
    let timed = Mute { until: Some(EpochS(2_000)), ..base.clone() };
    check(base.clone(), &stood, 3, 1_500, true, "it stood when it was muted");
    check(base.clone(), &degraded(Some(1_050)), 3, 1_500, true, "clocks differ a little");
    check(base.clone(), &degraded(Some(1_061)), 3, 1_500, false, "it has cleared and come back");
    check(base.clone(), &degraded(None), 3, 1_500, true, "since when is not known");
    check(timed.clone(), &degraded(Some(1_500)), 3, 1_600, true, "until its time, whatever comes");
    check(timed.clone(), &stood, 3, 1_999, true, "its last second");
    check(timed.clone(), &stood, 3, 2_000, false, "it is over");
    let worse = Finding { severity: Severity::Error, ..stood.clone() };
    check(base.clone(), &worse, 3, 1_500, false, "it got worse");
    check(Mute { severity: Severity::Error, ..base.clone() }, &worse, 3, 1_500, true, "as bad as then");
    let counted = Mute { usable: [(node("pve1"), 3)].into(), ..base.clone() };
    check(counted.clone(), &stood, 3, 1_500, true, "as many paths as then");
    check(counted.clone(), &stood, 4, 1_500, true, "more paths");
    check(counted.clone(), &stood, 2, 1_500, false, "fewer paths");
    let elsewhere = Mute { usable: [(node("pve9"), 3)].into(), ..base.clone() };
    check(elsewhere, &stood, 2, 1_500, true, "nothing is known of that node now");
    check(mute("a", Code::LunFailed), &stood, 3, 1_500, false, "another code");
    check(Mute { node: Some(node("pve1")), ..base.clone() }, &stood, 3, 1_500, true, "its node");
    check(Mute { node: Some(node("pve2")), ..base.clone() }, &stood, 3, 1_500, false, "another node");
    check(Mute { wwid: Some(wwid("w")), ..base.clone() }, &stood, 3, 1_500, true, "its LUN");
    check(Mute { wwid: Some(wwid("v")), ..base.clone() }, &stood, 3, 1_500, false, "another LUN");
    check(
        Mute { object: Some("host7".into()), ..base },
        &stood,
        3,
        1_500,
        false,
        "an object that it is not about",
    );
}

/// Two observers agree about a finding of which nobody but they knows the beginning.
#[test]
fn who_came_later_mutes_what_was_there_before_it() {
    let mute = mute("a", Code::LunDegraded);
    let check = |since: i64, began: i64, expect: bool| {
        let matrix = matrix(3);
        let finding = Finding { since_first_seen: true, ..degraded(Some(since)) };
        let seen = Seen { matrix: &matrix, now: EpochS(90_000), began: EpochS(began) };
        assert_eq!(mute.mutes(&finding, &seen), expect, "{since} {began}");
    };
    check(900, 0, true);
    check(9_000, 8_900, true);
    check(9_000, 0, false);
}

prop_compose! {
    fn any_finding()(
        code in prop::sample::select(Code::ALL),
        node_at in 0..4_usize, wwid_at in 0..4_usize, object in 0..3_usize,
        error: bool, since in prop::option::of(0..3_000_i64),
    ) -> Finding {
        let scope = Scope {
            node: ["", "pve1", "pve2", "pve3"].get(node_at).and_then(|n| NodeName::new(n)),
            wwid: ["", "w", "v", "u"].get(wwid_at).and_then(|w| Wwid::new(w)),
            path: None,
            object: ["", "host7", "host8"].get(object).filter(|o| !o.is_empty()).map(|o| (*o).to_owned()),
        };
        let severity = if error { Severity::Error } else { Severity::Warning };
        Finding { since: since.map(EpochS), ..Finding::new(code, severity, scope, "s") }
    }
}

prop_compose! {
    fn any_mute()(of in any_finding(), until in prop::option::of(0..3_000_i64), usable in 0..5_u32) -> Mute {
        Mute {
            node: of.scope.node,
            wwid: of.scope.wwid,
            object: of.scope.object,
            severity: of.severity,
            until: until.map(EpochS),
            usable: [(node("pve1"), usable)].into(),
            ..mute("a", of.code)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_mute_never_hides_what_is_outside_its_scope(
        mutes in prop::collection::vec(any_mute(), 0..6),
        findings in prop::collection::vec(any_finding(), 0..30),
        now in 0..3_000_i64,
    ) {
        let matrix = matrix(2);
        let before = format!("{:?}", matrix.tally());
        let seen = Seen { matrix: &matrix, now: EpochS(now), began: EpochS(0) };
        let mut marked = findings.clone();
        Mutes { entries: mutes.clone() }.mark(&mut marked, &seen);
        prop_assert_eq!(marked.len(), findings.len());
        for (after, finding) in marked.iter().zip(&findings) {
            let within = mutes.iter().any(|m| {
                m.code == finding.code
                    && finding.severity <= m.severity
                    && m.node.as_ref().is_none_or(|n| finding.scope.node.as_ref() == Some(n))
                    && m.wwid.as_ref().is_none_or(|w| finding.scope.wwid.as_ref() == Some(w))
                    && m.object.as_ref().is_none_or(|o| finding.scope.object.as_ref() == Some(o))
            });
            prop_assert!(within || after.muted.is_none());
            prop_assert_eq!(&Finding { muted: None, ..after.clone() }, finding);
        }
        prop_assert_eq!(before, format!("{:?}", matrix.tally()));
    }

    #[test]
    fn any_bytes_are_read_and_what_can_be_written_reads_the_same(text in "\\PC{0,60}", items in "(\\{\"id\":\"[a-c]\",\"code\":\"HBA_DOWN\",\"time\":5,\"severity\":\"error\",\"x\":[0-9]\\},){0,4}\\[\\]") {
        for text in [text, format!("{{\"v\":1,\"entries\":[{items}],\"ports\":{{}}}}")] {
            let _ = Mutes::decode(text.as_bytes());
            let _ = Windows::decode(text.as_bytes());
            let _ = Names::decode(text.as_bytes());
            if let Ok(document) = MutesDocument::open(text.as_bytes()) {
                let bytes = document.encode();
                prop_assert_eq!(Mutes::decode(&bytes), Mutes::decode(text.as_bytes()));
                prop_assert_eq!(MutesDocument::open(&bytes).unwrap().encode(), bytes);
            }
        }
    }
}
