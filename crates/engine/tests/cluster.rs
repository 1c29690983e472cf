//! The cluster's picture, driven by hand: values, membership and time in, states out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::BTreeMap;

use crate::load::large;
use pathkeeper_engine::cluster::{Belief, Cluster, ClusterConfig, ClusterEvent, Space};
use pathkeeper_model::detail::{Head, detail_key, encode as encode_detail};
use pathkeeper_model::finding::{Code, Severity};
use pathkeeper_model::fresh::{FRESH_KEY, Fresh};
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::report::{Stamp, encode, part_key};
use pathkeeper_model::{Entry, EpochS, Instance, MonoMs, NodeName, Now, State, Wwid};
use proptest::prelude::*;

const WALL: i64 = 1_783_082_400;

struct Lab {
    cluster: Cluster,
    ms: u64,
    /// Added to the observer's wall clock.
    step_s: i64,
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

impl Lab {
    fn new() -> Self {
        Self::with_failover(0)
    }

    fn with_failover(failover_worst_ms: u64) -> Self {
        let now = Now { mono: MonoMs(0), wall: EpochS(WALL) };
        let config = ClusterConfig { observer: name("a"), failover_worst_ms };
        Self { cluster: Cluster::new(config, now), ms: 0, step_s: 0 }
    }

    fn now(&self) -> Now {
        Now { mono: MonoMs(self.ms), wall: EpochS(WALL + self.step_s + (self.ms / 1000) as i64) }
    }

    fn apply(&mut self, event: ClusterEvent) {
        self.cluster.apply(event, self.now());
    }

    fn at_s(&mut self, s: u64) -> &mut Self {
        self.ms = s * 1000;
        self.apply(ClusterEvent::Tick);
        self
    }

    fn config(&mut self, text: &str) {
        self.apply(ClusterEvent::Config(Reading::parse(Some(text.as_bytes()))));
    }

    fn members(&mut self, list: &[(&str, bool)]) {
        let nodes = list.iter().map(|(n, online)| (name(n), *online)).collect();
        self.apply(ClusterEvent::Members { nodes, doubt: None });
    }

    fn raw(&mut self, node: &str, key: &str, bytes: Option<&[u8]>) {
        let event =
            ClusterEvent::Value { writer: name(node), key: key.into(), bytes: bytes.map(<[u8]>::to_vec) };
        self.apply(event);
    }

    /// A report of one instance: `w1 optimal 4` and so on.
    fn report(&mut self, node: &str, instance: u64, seq: u64, age_s: i64, maps: &[(&str, State)]) {
        let time = EpochS(self.now().wall.0 - age_s);
        let entries: Vec<_> = maps.iter().map(|(w, s)| (wwid(w), Entry::of(*s))).collect();
        let stamp = Stamp { instance: Instance(instance), seq };
        let parts = encode(stamp, time, entries.iter().map(|(w, e)| (w, e))).parts;
        for (i, part) in parts.iter().enumerate().rev() {
            self.raw(node, &part_key(i as u32 + 1), Some(part));
        }
    }

    /// The report of a node that runs the Perl series.
    fn perl(&mut self, node: &str, age_s: i64, state: &str) {
        let time = self.now().wall.0 - age_s;
        let json = format!(
            "{{\"maps\":{{\"w1\":{{\"state\":\"{state}\",\"paths-active\":2,\"paths-total\":2}}}},\"time\":{time}}}\0"
        );
        self.raw(node, "multipath", Some(json.as_bytes()));
    }

    fn marker(&mut self, node: &str, instance: u64, seq: u64, age_s: i64) {
        let time = Some(EpochS(self.now().wall.0 - age_s));
        let fresh = Fresh { stamp: Stamp { instance: Instance(instance), seq }, time };
        self.raw(node, FRESH_KEY, Some(&fresh.encode()));
    }

    /// One line: `w1 degraded a=optimal b=unknown`.
    fn rows(&self) -> Vec<String> {
        let row = |row: pathkeeper_model::matrix::RowRef<'_>| {
            let cells: Vec<String> = row.cells().map(|(n, c)| format!(" {n}={}", c.state)).collect();
            format!("{} {}{}", row.wwid(), row.cluster_state(), cells.concat())
        };
        self.cluster.matrix().rows().map(row).collect()
    }

    fn belief(&self, node: &str) -> Belief {
        let nodes = self.cluster.nodes(self.now());
        nodes.iter().find(|n| n.name == name(node)).unwrap().belief
    }

    /// What is wrong with LUNs has tests of its own.
    fn codes(&self) -> Vec<String> {
        let code = |f: &pathkeeper_model::finding::Finding| {
            format!("{} {}", f.code.as_str(), f.scope.node.as_ref().map_or("", |n| n.as_str()))
        };
        self.cluster.findings().iter().filter(|f| f.scope.wwid.is_none()).map(code).collect()
    }
}

/// Two nodes, both online, one LUN each sees well.
fn pair() -> Lab {
    let mut lab = Lab::new();
    lab.members(&[("a", true), ("b", true)]);
    lab.report("a", 1, 1, 0, &[("w1", State::Optimal)]);
    lab.report("b", 2, 1, 0, &[("w1", State::Optimal)]);
    lab.apply(ClusterEvent::Listed);
    lab
}

const NONE: [String; 0] = [];

#[test]
fn there_is_no_status_before_the_first_whole_list() {
    let mut lab = Lab::new();
    lab.report("a", 1, 1, 0, &[("w1", State::Optimal)]);
    assert!(!lab.cluster.is_ready());
    lab.apply(ClusterEvent::Listed);
    assert!(lab.cluster.is_ready());
}

#[test]
fn a_node_that_stops_speaking_becomes_unknown_and_never_better() {
    let mut lab = pair();
    assert_eq!(lab.rows(), ["w1 optimal a=optimal b=optimal"]);
    lab.report("b", 2, 2, 0, &[("w1", State::Degraded)]);
    lab.at_s(100);
    lab.report("a", 1, 2, 0, &[("w1", State::Optimal)]);
    assert_eq!(lab.at_s(180).rows(), ["w1 degraded a=optimal b=degraded"]);
    assert_eq!(lab.cluster.next_deadline(lab.now()), MonoMs(180_001));
    assert_eq!(
        lab.at_s(181).rows(),
        ["w1 optimal a=optimal b=unknown"],
        "the fold: unknown outranks nothing"
    );
    assert_eq!(lab.codes(), ["NODE_STALE b"]);
    assert_eq!(lab.cluster.matrix().tally().doubt, 1, "but it is not clean");
    // The same value sent again is no news; a newer one is.
    lab.report("b", 2, 2, 0, &[("w1", State::Degraded)]);
    assert_eq!(lab.belief("b"), Belief::Stale);
    lab.report("b", 2, 3, 0, &[("w1", State::Degraded)]);
    assert_eq!((lab.belief("b"), lab.codes()), (Belief::Fresh, NONE.to_vec()));
}

#[test]
fn the_limit_grows_with_the_store() {
    assert_eq!(Lab::new().cluster.stale_after_ms(), 180_000);
    assert_eq!(Lab::with_failover(20_000).cluster.stale_after_ms(), 180_000);
    assert_eq!(Lab::with_failover(60_000).cluster.stale_after_ms(), 220_000);
}

#[test]
fn at_first_sight_a_report_is_as_old_as_its_writer_says_if_that_can_be_true() {
    let check = |age_s: i64, now: Belief, stale_at_s: Option<u64>| {
        let mut lab = Lab::new();
        lab.members(&[("b", true)]);
        lab.report("b", 2, 1, age_s, &[("w1", State::Optimal)]);
        assert_eq!(lab.belief("b"), now, "age {age_s}");
        if let Some(s) = stale_at_s {
            assert_eq!(
                (lab.at_s(s).belief("b"), lab.at_s(s + 1).belief("b")),
                (Belief::Fresh, Belief::Stale),
                "{age_s}"
            );
        }
    };
    check(0, Belief::Fresh, Some(180));
    check(100, Belief::Fresh, Some(80));
    check(180, Belief::Fresh, Some(0));
    check(181, Belief::Stale, None);
    check(-30, Belief::Fresh, Some(180));
    check(-31, Belief::Stale, None);
    check(i64::MAX / 2, Belief::Stale, None);
    check(i64::MIN / 4, Belief::Stale, None);
}

#[test]
fn a_wall_clock_decides_nothing_but_is_told() {
    let mut lab = pair();
    lab.at_s(10);
    lab.report("b", 2, 2, 3600, &[("w1", State::Optimal)]);
    assert_eq!(lab.belief("b"), Belief::Fresh);
    assert_eq!(lab.codes(), ["NODE_CLOCK_SKEW b"]);
    lab.report("b", 2, 3, 10, &[("w1", State::Optimal)]);
    assert_eq!(lab.codes(), NONE);
}

#[test]
fn a_perl_writer_is_new_by_its_time_and_stale_by_the_wall_too() {
    let mut lab = Lab::new();
    lab.members(&[("p", true)]);
    lab.perl("p", 0, "optimal");
    assert_eq!(lab.rows(), ["w1 optimal p=optimal"]);
    lab.at_s(60);
    lab.perl("p", 0, "failed");
    assert_eq!(lab.rows(), ["w1 failed p=failed"]);
    // Its agent goes on writing, and its clock stands three minutes back: new, and stale by the wall.
    lab.at_s(70);
    lab.perl("p", 200, "optimal");
    assert_eq!(lab.belief("p"), Belief::Stale);
    lab.perl("p", 1, "optimal");
    assert_eq!(lab.belief("p"), Belief::Fresh);
    // The observer's own clock jumps ahead: that says nothing about the node.
    lab.step_s = 3600;
    assert_eq!(lab.at_s(71).belief("p"), Belief::Fresh);
    lab.perl("p", 3600 + 30, "optimal");
    assert_eq!(lab.at_s(200).belief("p"), Belief::Fresh);
    assert_eq!(lab.at_s(252).belief("p"), Belief::Stale, "after L the jump no longer excuses");
}

#[test]
fn membership_rules_and_its_doubt_is_told() {
    let mut lab = pair();
    lab.members(&[("a", true), ("b", false)]);
    assert_eq!(lab.rows(), ["w1 optimal a=optimal b=unknown"]);
    assert_eq!(lab.codes(), ["NODE_OFFLINE b"]);
    // Off the list altogether: it does not vanish, and what it said is not believed.
    lab.members(&[("a", true)]);
    assert_eq!(lab.rows(), ["w1 optimal a=optimal b=unknown"]);
    // No quorum: who speaks is there.
    let doubt = Some(("no quorum".to_owned(), EpochS(WALL)));
    lab.apply(ClusterEvent::Members { nodes: BTreeMap::new(), doubt });
    assert_eq!(lab.rows(), ["w1 optimal a=optimal b=optimal"]);
    assert_eq!(lab.cluster.view().partial, Some(("no quorum".into(), EpochS(WALL))));
}

#[test]
fn an_expected_node_is_missing_when_it_could_speak_and_unknown_when_it_could_not() {
    let mut lab = pair();
    lab.members(&[("a", true), ("b", true), ("c", true), ("d", false)]);
    lab.config("wwid: w1\n\tnodes a,b,c,d\n");
    assert_eq!(lab.rows(), ["w1 missing a=optimal b=optimal c=missing d=unknown"]);
    let doubt = Some(("no quorum".to_owned(), EpochS(WALL)));
    let nodes = [("a", true), ("b", true), ("c", true), ("d", false)].map(|(n, o)| (name(n), o)).into();
    lab.apply(ClusterEvent::Members { nodes, doubt });
    assert_eq!(lab.rows(), ["w1 optimal a=optimal b=optimal c=unknown d=unknown"]);
}

#[test]
fn a_value_that_is_cleared_is_silence_and_a_removed_node_goes() {
    let mut lab = pair();
    lab.report("b", 2, 2, 0, &[("w1", State::Failed)]);
    lab.raw("b", "multipath", None);
    assert_eq!(lab.rows(), ["w1 failed a=optimal b=failed"], "absence is no recovery");
    lab.members(&[("a", true)]);
    assert_eq!(lab.rows(), ["w1 optimal a=optimal"], "a person removed it: no member, no value");
    assert_eq!(lab.cluster.view().known, 1);
}

#[test]
fn a_value_that_cannot_be_used_makes_its_node_unknown_and_says_why() {
    let mut lab = pair();
    for rubbish in [&b"no json"[..], b"[1]", b"{\"maps\":7}", b"", b"\xff"] {
        lab.raw("b", "multipath", Some(rubbish));
        assert_eq!(lab.rows(), ["w1 optimal a=optimal b=unknown"]);
        assert_eq!(lab.codes(), ["REPORT_MALFORMED b"]);
        assert!(!lab.cluster.findings()[0].evidence[0].is_empty());
    }
    lab.report("b", 2, 1, 0, &[("w1", State::Optimal)]);
    assert_eq!(lab.rows(), ["w1 optimal a=optimal b=optimal"], "the good value is back");
    // A bad entry costs itself only.
    let json = br#"{"maps":{"w1":{"state":"optimal"},"w2":7},"time":1783082400,"v":1,"instance":"0000000000000002","seq":9}"#;
    lab.raw("b", "multipath", Some(json));
    assert_eq!(lab.rows(), ["w1 optimal a=optimal b=optimal", "w2 unknown b=unknown"]);
    assert_eq!(lab.codes(), ["REPORT_MALFORMED b"]);
}

#[test]
fn two_writers_of_one_name_are_found_and_not_believed() {
    let mut lab = pair();
    lab.at_s(1);
    lab.report("b", 3, 1, 0, &[("w1", State::Optimal)]);
    assert_eq!(lab.belief("b"), Belief::Fresh, "a restart");
    lab.at_s(2);
    lab.report("b", 2, 7, 0, &[("w1", State::Optimal)]);
    assert_eq!(lab.belief("b"), Belief::Twins, "the replaced one speaks again");
    assert_eq!(lab.rows(), ["w1 optimal a=optimal b=unknown"]);
    assert_eq!(lab.codes(), ["NODE_TWINS b"]);
    for s in (30..400).step_by(30) {
        lab.at_s(s);
        lab.report("a", 1, 2 + s, 0, &[("w1", State::Optimal)]);
        lab.report("b", 2, 7 + s, 0, &[("w1", State::Optimal)]);
    }
    assert_eq!(lab.belief("b"), Belief::Fresh, "one of them is gone for longer than L");
}

#[test]
fn a_report_in_parts_counts_when_it_is_whole() {
    let names: Vec<String> = (0..700).map(|i| format!("3600a0980{i:023}")).collect();
    let maps: Vec<_> = names.iter().map(|n| (n.as_str(), State::Optimal)).collect();
    let mut lab = Lab::new();
    lab.members(&[("b", true)]);
    lab.report("b", 2, 1, 0, &maps);
    assert_eq!(lab.rows().len(), 700);
    // The next comes half: the one before stands with its own age.
    lab.at_s(170);
    let entries: Vec<_> = names.iter().map(|w| (wwid(w), Entry::of(State::Failed))).collect();
    let stamp = Stamp { instance: Instance(2), seq: 2 };
    let parts = encode(stamp, lab.now().wall, entries.iter().map(|(w, e)| (w, e))).parts;
    lab.raw("b", "multipath-2", Some(&parts[1]));
    assert!(lab.rows().iter().all(|r| r.ends_with("b=optimal")));
    assert_eq!(lab.at_s(181).belief("b"), Belief::Stale);
    for (i, part) in parts.iter().enumerate().rev() {
        lab.raw("b", &part_key(i as u32 + 1), Some(part));
    }
    assert!(lab.rows().iter().all(|r| r.ends_with("b=failed")));
}

#[test]
fn parts_that_lack_for_longer_than_a_refresh_are_told() {
    let names: Vec<String> = (0..700).map(|i| format!("3600a0980{i:023}")).collect();
    let maps: Vec<_> = names.iter().map(|n| (n.as_str(), State::Optimal)).collect();
    let mut lab = Lab::new();
    lab.members(&[("b", true)]);
    lab.report("b", 2, 1, 0, &maps);
    lab.at_s(10);
    let entries: Vec<_> = names.iter().map(|w| (wwid(w), Entry::of(State::Failed))).collect();
    let newer = |seq| {
        let stamp = Stamp { instance: Instance(2), seq };
        encode(stamp, EpochS(WALL), entries.iter().map(|(w, e)| (w, e))).parts
    };
    lab.raw("b", "multipath-2", Some(&newer(2)[1]));
    lab.at_s(40);
    // A newer one that is not whole either does not begin the waiting anew.
    lab.raw("b", "multipath-2", Some(&newer(3)[1]));
    assert_eq!((lab.at_s(69).codes(), lab.belief("b")), (NONE.to_vec(), Belief::Fresh));
    assert_eq!(lab.cluster.next_deadline(lab.now()), MonoMs(70_000));
    assert_eq!((lab.at_s(70).codes(), lab.belief("b")), (vec!["REPORT_MALFORMED b".into()], Belief::Fresh));
    assert!(lab.cluster.findings()[0].evidence[0].starts_with("1 of 2 parts of a newer report"));
    lab.at_s(190);
    let view = &lab.cluster.nodes(lab.now())[0];
    assert!(view.belief == Belief::Stale && view.why.contains("1 of 2 parts"), "{}", view.why);
    lab.report("b", 2, 4, 0, &maps);
    assert_eq!((lab.codes(), lab.belief("b")), (NONE.to_vec(), Belief::Fresh));
}

#[test]
fn parts_that_come_before_their_node_is_a_member_wait_for_the_others() {
    let names: Vec<String> = (0..700).map(|i| format!("3600a0980{i:023}")).collect();
    let entries: Vec<_> = names.iter().map(|w| (wwid(w), Entry::of(State::Optimal))).collect();
    let stamp = Stamp { instance: Instance(2), seq: 1 };
    let parts = encode(stamp, EpochS(WALL), entries.iter().map(|(w, e)| (w, e))).parts;
    let mut lab = Lab::new();
    lab.members(&[("a", true)]);
    lab.raw("b", "multipath-2", Some(&parts[1]));
    lab.at_s(1);
    lab.members(&[("a", true), ("b", true)]);
    lab.raw("b", "multipath", Some(&parts[0]));
    assert_eq!((lab.belief("b"), lab.rows().len()), (Belief::Fresh, 700));
    // What is cleared before it was ever whole leaves nothing of a node that is no member.
    lab.raw("c", "multipath-2", Some(&parts[1]));
    assert_eq!(lab.cluster.view().known, 3);
    lab.raw("c", "multipath-2", None);
    assert_eq!(lab.cluster.view().known, 2);
    lab.raw("c", "multipath", Some(b"rubbish"));
    assert_eq!(lab.cluster.view().known, 3, "it is shown, not hidden");
    lab.raw("c", "multipath", None);
    assert_eq!(lab.cluster.view().known, 2);
}

#[test]
fn an_older_part_that_stands_again_is_told_until_it_is_gone() {
    let mut lab = Lab::new();
    lab.members(&[("b", true)]);
    let part = |seq| {
        let stamp = Stamp { instance: Instance(2), seq };
        let entries = [(wwid("w1"), Entry::of(State::Optimal))];
        encode(stamp, EpochS(WALL), entries.iter().map(|(w, e)| (w, e))).parts.remove(0)
    };
    lab.raw("b", "multipath", Some(&part(1)));
    lab.raw("b", "multipath", Some(&part(2)));
    assert_eq!(lab.codes(), NONE);
    lab.raw("b", "multipath", Some(&part(1)));
    assert_eq!((lab.codes(), lab.belief("b")), (vec!["REPORT_MALFORMED b".into()], Belief::Fresh));
    lab.raw("b", "multipath", Some(&part(2)));
    assert_eq!(lab.codes(), NONE, "the newer one is back");
    lab.raw("b", "multipath", Some(&part(1)));
    lab.raw("b", "multipath", Some(&part(3)));
    assert_eq!(lab.codes(), NONE);
}

#[test]
fn multipathd_in_trouble_is_one_finding_of_its_node() {
    let mut lab = pair();
    let about = |word: &str| {
        format!("{{\"v\":1,\"node\":\"b\",\"multipathd\":{{\"state\":\"{word}\",\"why\":\"so\"}}}}")
    };
    for (word, code) in [
        ("running", None),
        ("stopped", Some("MULTIPATHD_DOWN b")),
        ("refused", Some("MULTIPATHD_DOWN b")),
        ("hung", Some("MULTIPATHD_HUNG b")),
        ("reconfiguring", Some("MULTIPATHD_HUNG b")),
        ("unreadable", Some("MULTIPATHD_HUNG b")),
        ("absent", Some("MULTIPATHD_ABSENT b")),
        ("some-new-word", None),
    ] {
        lab.raw("b", "multipath-node", Some(about(word).as_bytes()));
        assert_eq!(lab.codes(), code.into_iter().collect::<Vec<_>>(), "{word}");
    }
    // A LUN that nobody has there is no reason to ask for multipath-tools.
    lab.report("b", 2, 2, 0, &[]);
    lab.raw("b", "multipath-node", Some(about("absent").as_bytes()));
    assert_eq!(lab.codes(), NONE);
    let busy = br#"{"v":1,"node":"b","multipathd":{"state":"running"},"over-budget":true}"#;
    lab.raw("b", "multipath-node", Some(busy));
    assert_eq!(lab.codes(), ["NODE_BUDGET b"]);
    lab.raw("b", "multipath-node", Some(b"rubbish"));
    assert_eq!(lab.codes(), ["REPORT_MALFORMED b"]);
}

#[test]
fn a_marker_counts_as_the_report_written_again() {
    let mut lab = pair();
    let seen = |lab: &Lab| lab.cluster.nodes(lab.now()).into_iter().find(|n| n.name == name("b")).unwrap();
    for (s, seq) in [(60, 2), (120, 3), (180, 4), (240, 5)] {
        lab.at_s(s);
        lab.marker("b", 2, seq, 0);
        assert_eq!((lab.belief("b"), seen(&lab).age_ms), (Belief::Fresh, Some(0)), "at {s} s");
        assert_eq!(seen(&lab).report_time, Some(EpochS(WALL + s as i64)));
    }
    // The same one again, an older one, and one of nobody who wrote: nothing new.
    lab.at_s(300);
    lab.marker("b", 2, 5, 0);
    lab.marker("b", 2, 4, 0);
    lab.marker("b", 9, 900, 0);
    assert_eq!(seen(&lab).age_ms, Some(60_000));
    assert_eq!(lab.cluster.next_deadline(lab.now()), MonoMs(420_001));
    assert_eq!((lab.at_s(420).belief("b"), lab.at_s(421).belief("b")), (Belief::Fresh, Belief::Stale));
    // Its time tells of its clock.
    lab.at_s(430);
    lab.marker("b", 2, 6, -100);
    assert_eq!(
        (lab.belief("b"), lab.codes()),
        (Belief::Fresh, vec!["NODE_CLOCK_SKEW b".into(), "NODE_STALE a".into()])
    );
}

#[test]
fn a_marker_does_not_freshen_what_a_newer_report_replaces_that_is_not_whole_here() {
    let names: Vec<String> = (0..700).map(|i| format!("3600a0980{i:023}")).collect();
    let maps: Vec<_> = names.iter().map(|n| (n.as_str(), State::Optimal)).collect();
    let mut lab = Lab::new();
    lab.members(&[("b", true)]);
    lab.report("b", 2, 1, 0, &maps);
    let entries: Vec<_> = names.iter().map(|w| (wwid(w), Entry::of(State::Failed))).collect();
    let part = |instance, seq| {
        let stamp = Stamp { instance: Instance(instance), seq };
        encode(stamp, EpochS(WALL), entries.iter().map(|(w, e)| (w, e))).parts[1].clone()
    };
    lab.raw("b", "multipath-2", Some(&part(2, 2)));
    for (s, seq) in [(60, 3), (120, 4), (180, 5)] {
        lab.at_s(s);
        lab.marker("b", 2, seq, 0);
    }
    assert_eq!(lab.at_s(181).belief("b"), Belief::Stale, "what it says still holds is not here");
    assert_eq!(lab.codes(), ["NODE_STALE b", "REPORT_MALFORMED b"]);
    // What was incomplete is gone: nothing is waited for, and the next marker counts again.
    lab.raw("b", "multipath-2", None);
    assert_eq!(lab.codes(), ["NODE_STALE b"]);
    lab.marker("b", 2, 6, 0);
    assert_eq!((lab.belief("b"), lab.codes()), (Belief::Fresh, NONE.to_vec()));
    // What an earlier run left behind is not waited for by this one.
    lab.raw("b", "multipath-2", Some(&part(1, 9)));
    lab.at_s(240);
    lab.marker("b", 2, 7, 0);
    assert_eq!(lab.at_s(400).belief("b"), Belief::Fresh);
}

#[test]
fn a_value_that_could_not_be_used_and_is_cleared_is_no_longer_in_the_way() {
    let mut lab = pair();
    lab.raw("b", "multipath-2", Some(b"rubbish"));
    assert_eq!((lab.belief("b"), lab.codes()), (Belief::Unusable, vec!["REPORT_MALFORMED b".into()]));
    lab.raw("b", "multipath-2", None);
    assert_eq!((lab.belief("b"), lab.codes()), (Belief::Fresh, NONE.to_vec()));
}

#[test]
fn a_report_of_an_earlier_run_that_is_put_back_is_no_news() {
    let mut lab = pair();
    lab.at_s(50);
    lab.report("b", 3, 1, 0, &[("w1", State::Failed)]);
    lab.report("b", 3, 2, 0, &[("w1", State::Failed)]);
    assert_eq!(lab.rows(), ["w1 failed a=optimal b=failed"]);
    lab.at_s(100);
    // From a snapshot: what was optimal then is not so now, and it is no second agent.
    lab.report("b", 2, 1, 0, &[("w1", State::Optimal)]);
    assert_eq!(lab.rows(), ["w1 failed a=optimal b=failed"]);
    assert_eq!(lab.codes(), ["REPORT_MALFORMED b"]);
    let b = lab.cluster.nodes(lab.now()).remove(1);
    assert_eq!((b.belief, b.age_ms), (Belief::Fresh, Some(50_000)));
    assert_eq!(lab.at_s(231).belief("b"), Belief::Stale);
    // The node writes again.
    lab.report("b", 3, 5, 0, &[("w1", State::Degraded)]);
    assert_eq!((lab.belief("b"), lab.codes()), (Belief::Fresh, vec!["NODE_STALE a".into()]));
    // A run that is heard of for the first time is one, and so is a later word of an earlier one: then there are two.
    lab.report("b", 4, 1, 0, &[("w1", State::Optimal)]);
    assert_eq!(lab.belief("b"), Belief::Fresh);
    lab.report("b", 3, 6, 0, &[("w1", State::Optimal)]);
    assert_eq!(lab.belief("b"), Belief::Twins);
}

#[test]
fn at_first_sight_the_newest_of_report_and_marker_tells_the_age_in_whatever_order() {
    let check = |report_s: i64, marker_s: i64, want: Belief, age_s: Option<u64>| {
        for marker_first in [true, false] {
            let mut lab = Lab::new();
            lab.members(&[("b", true)]);
            if marker_first {
                lab.marker("b", 2, 9, marker_s);
            }
            lab.report("b", 2, 1, report_s, &[("w1", State::Optimal)]);
            if !marker_first {
                lab.marker("b", 2, 9, marker_s);
            }
            let seen = lab.cluster.nodes(lab.now()).remove(0);
            assert_eq!((seen.belief, seen.age_ms), (want, age_s.map(|s| s * 1000)), "{report_s} {marker_s}");
        }
    };
    check(100, 20, Belief::Fresh, Some(20));
    check(4000, 20, Belief::Fresh, Some(20));
    check(4000, 500, Belief::Stale, None);
    check(4000, -500, Belief::Stale, None);
    check(20, 4000, Belief::Fresh, Some(20));
    // Of an earlier run: it says nothing about this report.
    let mut lab = Lab::new();
    lab.members(&[("b", true)]);
    lab.marker("b", 3, 9, 0);
    lab.report("b", 2, 1, 4000, &[("w1", State::Optimal)]);
    assert_eq!((lab.belief("b"), lab.rows()), (Belief::Stale, vec!["w1 unknown b=unknown".into()]));
}

#[test]
fn two_agents_that_only_refresh_by_turns_are_found_and_a_restart_is_none() {
    let mut lab = pair();
    lab.at_s(1);
    lab.report("b", 3, 1, 0, &[("w1", State::Optimal)]);
    lab.at_s(61);
    lab.marker("b", 2, 2, 0);
    lab.marker("b", 3, 2, 0);
    assert_eq!(lab.belief("b"), Belief::Fresh, "the last word of the run before may come late");
    lab.at_s(121);
    lab.marker("b", 2, 3, 0);
    assert_eq!(lab.belief("b"), Belief::Twins);
    assert_eq!(lab.rows(), ["w1 optimal a=optimal b=unknown"]);
    lab.at_s(200);
    lab.marker("b", 3, 3, 0);
    lab.at_s(299);
    lab.marker("b", 3, 4, 0);
    assert_eq!(lab.at_s(301).belief("b"), Belief::Fresh, "the other is gone for longer than L");
    // While we could not see, one run ended and two more began: a list has the last words of two of them.
    let mut lab = pair();
    lab.marker("b", 2, 2, 0);
    lab.at_s(100);
    lab.marker("b", 5, 4, 0);
    lab.report("b", 6, 1, 0, &[("w1", State::Optimal)]);
    for seq in 2..6 {
        lab.at_s(40 + 60 * seq);
        lab.marker("b", 6, seq, 0);
        assert_eq!(lab.belief("b"), Belief::Fresh);
    }
}

#[test]
fn a_marker_that_cannot_be_read_freshens_nothing_and_one_alone_keeps_an_agent_without_maps() {
    let mut lab = pair();
    lab.at_s(170);
    lab.report("a", 1, 2, 0, &[("w1", State::Optimal)]);
    for rubbish in [&b"no json"[..], b"", b"[]", b"{}", br#"{"instance":"0000000000000002","seq":-3}"#] {
        lab.raw("b", FRESH_KEY, Some(rubbish));
        assert_eq!(lab.codes(), ["REPORT_MALFORMED b"]);
    }
    assert_eq!((lab.at_s(180).belief("b"), lab.at_s(181).belief("b")), (Belief::Fresh, Belief::Stale));
    lab.marker("b", 2, 2, 0);
    assert_eq!((lab.belief("b"), lab.codes()), (Belief::Fresh, NONE.to_vec()));
    let mut lab = Lab::new();
    lab.members(&[("c", true)]);
    let about = format!(
        "{{\"v\":1,\"instance\":\"0000000000000009\",\"seq\":1,\"time\":{WALL},\"multipathd\":{{\"state\":\"running\"}}}}"
    );
    lab.raw("c", "multipath-node", Some(about.as_bytes()));
    for seq in 2..6 {
        lab.at_s(60 * seq);
        lab.marker("c", 9, seq, 0);
        assert_eq!(lab.belief("c"), Belief::Silent);
    }
    assert_eq!((lab.at_s(480).belief("c"), lab.at_s(481).belief("c")), (Belief::Silent, Belief::Stale));
}

#[test]
fn the_last_whole_detail_is_kept_with_its_age_whatever_becomes_of_its_node() {
    let encode = |seq: u64, age_s: i64, now: Now| {
        let read = large::node(2000, 8);
        let stamp = Stamp { instance: Instance(2), seq };
        let head = Head { node: name("b"), stamp, time: EpochS(now.wall.0 - age_s) };
        encode_detail(&head, &read, None).unwrap()
    };
    let put = |lab: &mut Lab, parts: &[Vec<u8>]| {
        for (n, part) in parts.iter().enumerate().rev() {
            lab.raw("b", &detail_key(n as u32 + 1), Some(part));
        }
    };
    let seen = |lab: &Lab| {
        let node = lab.cluster.nodes(lab.now()).into_iter().find(|n| n.name == name("b")).unwrap();
        (node.detail.and_then(|d| d.stamp()).map(|s| s.seq), node.detail_age_ms, node.detail_why)
    };
    let mut lab = pair();
    assert_eq!(seen(&lab), (None, None, None));
    let first = encode(5, 3_600, lab.now());
    assert!(first.len() > 2, "{}", first.len());
    put(&mut lab, &first);
    assert_eq!(
        seen(&lab),
        (Some(5), Some(3_600_000), None),
        "at first sight as old as it says, also beyond L"
    );
    // The next comes in part: the one before stands. Then whole: new now, whatever its clock says.
    lab.at_s(10);
    let next = encode(9, -500, lab.now());
    lab.raw("b", &detail_key(2), Some(&next[1]));
    assert_eq!(seen(&lab), (Some(5), Some(3_610_000), None));
    put(&mut lab, &next);
    assert_eq!(seen(&lab), (Some(9), Some(0), None));
    assert_eq!(lab.belief("b"), Belief::Fresh, "a detail is no report");
    lab.members(&[("a", true), ("b", false)]);
    for part in 1..=next.len() as u32 {
        lab.raw("b", &detail_key(part), None);
    }
    assert_eq!(lab.at_s(500).belief("b"), Belief::Offline);
    assert_eq!(seen(&lab), (Some(9), Some(490_000), None), "what is cleared is silence");
    lab.members(&[("a", true), ("b", true)]);
    lab.raw("b", &detail_key(1), Some(b"rubbish"));
    assert_eq!((seen(&lab).0, seen(&lab).2.is_some()), (Some(9), true));
    assert!(lab.codes().contains(&"REPORT_MALFORMED b".into()), "{:?}", lab.codes());
    let whole = lab.cluster.nodes(lab.now()).remove(1).detail.unwrap().unpack().unwrap();
    assert_eq!(whole.read.maps.len(), 2000);
}

#[test]
fn a_partial_view_says_what_cannot_be_seen_and_a_full_store_says_so() {
    let mut lab = pair();
    lab.report("c", 3, 1, 0, &[("w1", State::Optimal)]);
    lab.at_s(100);
    lab.report("b", 2, 2, 0, &[("w1", State::Optimal)]);
    let doubt = Some(("no quorum: 1 of 3 members".to_owned(), EpochS(WALL + 90)));
    lab.apply(ClusterEvent::Members { nodes: BTreeMap::new(), doubt });
    let found = |lab: &Lab| {
        let f = lab.cluster.findings().iter().find(|f| f.code == Code::StorePartial).cloned();
        f.map(|f| (f.severity, f.summary, f.evidence, f.since, f.since_first_seen))
    };
    let (severity, summary, evidence, since, first) = found(&lab).unwrap();
    assert!(summary.contains("every known node is still heard"), "{summary}");
    assert_eq!((severity, since, first), (Severity::Error, Some(EpochS(WALL + 90)), false));
    assert_eq!(evidence, ["no quorum: 1 of 3 members"]);
    lab.at_s(200);
    let (_, summary, ..) = found(&lab).unwrap();
    assert!(summary.contains("not heard: a, c; 1 of 3 nodes are"), "{summary}");
    lab.members(&[("a", true), ("b", true), ("c", true)]);
    assert_eq!(found(&lab), None);

    let mut lab = pair();
    let space =
        |used_bytes, full| ClusterEvent::Space(Some(Space { used_bytes, limit_bytes: 2 << 30, full }));
    for (event, severity) in [
        (space((1 << 30) - 1, false), None),
        (space(1 << 30, false), Some(Severity::Warning)),
        (space(1, true), Some(Severity::Error)),
        (ClusterEvent::Space(None), None),
    ] {
        lab.apply(event);
        let found = lab.cluster.findings().iter().find(|f| f.code == Code::StoreSpace);
        assert_eq!(found.map(|f| f.severity), severity);
    }
}

#[test]
fn a_node_that_leaves_its_report_to_another_program_says_so() {
    let about = br#"{"v":1,"instance":"0000000000000009","seq":1,"time":1783082400,"multipathd":{"state":"running"},"maps":2,"report-by":"pve"}"#;
    let severity = |lab: &Lab| {
        let f = lab.cluster.findings().iter().find(|f| f.code == Code::NodeStepsBack);
        f.map(|f| f.severity)
    };
    let mut lab = Lab::new();
    lab.members(&[("p", true)]);
    lab.raw("p", "multipath-node", Some(about));
    assert_eq!(severity(&lab), Some(Severity::Error), "nobody speaks for its maps");
    assert_eq!((lab.belief("p"), lab.cluster.view().fresh), (Belief::Silent, 0));
    lab.perl("p", 0, "optimal");
    assert_eq!((severity(&lab), lab.belief("p")), (Some(Severity::Info), Belief::Fresh));
    assert_eq!((lab.rows(), lab.cluster.view().fresh), (vec!["w1 optimal p=optimal".into()], 1));
    // Its agent's word does not freshen the other's report.
    lab.at_s(170);
    let again = String::from_utf8(about.to_vec()).unwrap().replace("\"seq\":1", "\"seq\":2");
    lab.raw("p", "multipath-node", Some(again.as_bytes()));
    assert_eq!(lab.at_s(181).belief("p"), Belief::Stale);
}

#[test]
fn an_agent_without_maps_is_stale_when_it_falls_silent() {
    let about = |time: i64, seq: u64| {
        format!(
            "{{\"v\":1,\"node\":\"c\",\"instance\":\"0000000000000009\",\"seq\":{seq},\"time\":{time},\"multipathd\":{{\"state\":\"running\"}}}}"
        )
    };
    let mut lab = Lab::new();
    lab.members(&[("c", true)]);
    lab.raw("c", "multipath-node", Some(about(WALL, 1).as_bytes()));
    assert_eq!((lab.belief("c"), lab.cluster.view().fresh), (Belief::Silent, 1));
    lab.at_s(100);
    lab.raw("c", "multipath-node", Some(about(WALL + 100, 2).as_bytes()));
    assert_eq!(lab.at_s(280).belief("c"), Belief::Silent);
    assert_eq!(lab.cluster.next_deadline(lab.now()), MonoMs(280_001));
    assert_eq!(lab.at_s(281).belief("c"), Belief::Stale);
    assert_eq!((lab.cluster.view().fresh, lab.cluster.view().multipathd_running), (0, 0));
    assert_eq!(lab.codes(), ["NODE_STALE c"]);
    // It is still there to carry a LUN.
    lab.config("wwid: w1\n\tnodes c\n");
    assert_eq!(lab.rows(), ["w1 missing c=missing"]);
}

#[test]
fn a_perl_writer_that_speaks_twice_in_a_second_is_heard_twice() {
    let mut lab = Lab::new();
    lab.members(&[("p", true)]);
    lab.perl("p", 0, "optimal");
    lab.perl("p", 0, "failed");
    assert_eq!(lab.rows(), ["w1 failed p=failed"]);
}

#[test]
fn a_failed_apply_stands_while_its_node_is_a_member() {
    let mut lab = pair();
    lab.raw("b", "multipath-apply", Some(br#"{"error":"no space","time":5}"#));
    let errors =
        |lab: &Lab| lab.cluster.apply_errors().map(|(n, e)| format!("{n}: {}", e.error)).collect::<Vec<_>>();
    assert_eq!(errors(&lab), ["b: no space"]);
    lab.at_s(1000);
    assert_eq!(errors(&lab), ["b: no space"], "no staleness rule here");
    lab.members(&[("a", true), ("b", false)]);
    assert_eq!(errors(&lab), NONE);
    lab.members(&[("a", true), ("b", true)]);
    lab.raw("b", "multipath-apply", None);
    assert_eq!(errors(&lab), NONE);
}

proptest! {
    /// Doubt is never health: no marker of another run, none that was heard before and none that cannot be read makes
    /// anybody fresh; and no marker at all changes what a report said.
    #[test]
    fn only_a_newer_marker_of_the_run_that_reported_freshens(
        steps in proptest::collection::vec((3u64..6, 1u64..9, -200i64..200, proptest::collection::vec(any::<u8>(), 0..30)), 0..20),
        state in 0..5usize,
    ) {
        let mut lab = Lab::new();
        lab.members(&[("b", true)]);
        lab.report("b", 2, 5, 0, &[("w1", State::ALL[state])]);
        lab.marker("b", 2, 9, 0);
        lab.at_s(181);
        for (instance, seq, age_s, bytes) in steps {
            lab.marker("b", instance, seq, age_s);
            lab.marker("b", 2, seq, age_s);
            lab.raw("b", FRESH_KEY, Some(&bytes));
            lab.raw("b", FRESH_KEY, None);
            prop_assert_ne!(lab.belief("b"), Belief::Fresh);
            prop_assert_eq!(lab.rows(), vec!["w1 unknown b=unknown"]);
        }
        lab.at_s(400);
        lab.marker("b", 2, 10, 0);
        prop_assert_eq!(lab.rows(), vec![format!("w1 {0} b={0}", State::ALL[state])]);
    }

    /// Whatever comes: no panic, no deadline in the past, and a node that is not fresh has no cell but unknown.
    #[test]
    fn any_events(steps in proptest::collection::vec((0u8..12, 0u8..3, 0u64..100, proptest::collection::vec(any::<u8>(), 0..40)), 1..60)) {
        let mut lab = Lab::new();
        let mut seq = 0;
        for (what, node, wait, bytes) in steps {
            let marker = wait % 3;
            let node = ["a", "b", "c"][node as usize];
            lab.ms += wait * 1000;
            seq += 1;
            match what {
                0 => lab.raw(node, "multipath", Some(&bytes)),
                1 => lab.raw(node, "multipath-node", Some(&bytes)),
                2 => lab.raw(node, "multipath-3", Some(&bytes)),
                3 => lab.raw(node, "multipath", None),
                4 => lab.members(&[("a", true), (node, wait % 2 == 0)]),
                5 => lab.report(node, wait % 3, seq, wait as i64, &[("w1", State::ALL[bytes.len() % 5])]),
                6 => lab.perl(node, wait as i64 * 3, "optimal"),
                7 => lab.step_s += wait as i64 - 50,
                8 => lab.raw(node, FRESH_KEY, Some(&bytes)),
                10 => lab.raw(node, "multipath-detail", Some(&bytes)),
                9 => lab.marker(node, marker, seq, wait as i64),
                _ => lab.apply(ClusterEvent::Tick),
            }
            lab.apply(ClusterEvent::Tick);
            let now = lab.now();
            prop_assert!(lab.cluster.next_deadline(now) > now.mono);
            for view in lab.cluster.nodes(now) {
                if view.belief == Belief::Fresh { continue }
                for row in lab.cluster.matrix().rows() {
                    if let Some(cell) = row.cell(view.name.as_str()) {
                        prop_assert_eq!(cell.state, State::Unknown, "{} {:?}", view.name, view.belief);
                    }
                }
            }
        }
    }
}

#[test]
fn a_node_that_has_just_booted_is_named() {
    use pathkeeper_model::node_value::{DaemonWord, NODE_KEY, NodeValue};
    let mut lab = Lab::new();
    lab.members(&[("a", true), ("b", true)]);
    lab.report("b", 7, 1, 0, &[("w1", State::Optimal), ("w2", State::Unknown)]);
    let mut said = |settling| {
        let about = NodeValue { settling, instance: Some(Instance(7)), ..NodeValue::of(DaemonWord::Running) };
        lab.raw("b", NODE_KEY, Some(&about.encode()));
        let found = lab.cluster.findings().iter().filter(|f| f.code == Code::NodeSettling);
        found.map(|f| format!("{:?} {}", f.severity, f.summary)).collect::<Vec<_>>()
    };
    assert_eq!(said(1), ["Info b is settling: it has just booted, and a LUN of it has no map yet"]);
    assert_eq!(said(2), ["Info b is settling: it has just booted, and 2 LUNs of it have no map yet"]);
    assert_eq!(said(0), [""; 0]);
}
