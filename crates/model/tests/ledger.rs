//! The ledger: what counts as held, what corrects it, and that it goes down by nothing that is only absent.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use crate::large;
use pathkeeper_model::ledger::{Change, HOLD_MS, Keeper, Ledger, Lun, Port, VgMark};
use pathkeeper_model::local::*;
use pathkeeper_model::{EpochS, MonoMs, NodeName, Now, Wwid};
use proptest::prelude::*;

struct Lab {
    keeper: Keeper,
    s: u64,
}

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).expect("not empty")
}

/// A map whose usable paths go over these: `a1>t1`; with `!` before it the path is down.
fn map(name: &str, paths: &str) -> Map {
    let path = |text: &str| {
        let (up, text) = text.strip_prefix('!').map_or((true, text), |rest| (false, rest));
        let (adapter, target) = text.split_once('>').expect("a route");
        PathDevice {
            dm: if up { DmState::Active } else { DmState::Failed },
            check: if up { CheckState::Ready } else { CheckState::Faulty },
            device: DevState::Running,
            adapter: Some(format!("host of {adapter}").into()),
            adapter_port: Some(adapter.into()),
            target_port: Some(target.into()),
            ..PathDevice::unknown("sda", "8:0")
        }
    };
    let group = PathGroup {
        selector: "".into(),
        priority: 1,
        status: "".into(),
        marginal: false,
        paths: paths.split_whitespace().map(path).collect(),
    };
    Map { groups: vec![group], ..Map::unknown(name, wwid(name)) }
}

fn read(maps: Vec<Map>) -> NodeRead {
    NodeRead { maps, ..large::node(0, 0) }
}

impl Lab {
    fn new() -> Self {
        Self { keeper: Keeper::default(), s: 0 }
    }

    fn now(&self) -> Now {
        Now { mono: MonoMs(self.s * 1000), wall: EpochS(1_000_000 + self.s as i64) }
    }

    /// Reads every 10 s for `s` seconds find this; gives how often the ledger changed.
    fn find(&mut self, s: u64, maps: &[(&str, &str)]) -> usize {
        let read = read(maps.iter().map(|(name, paths)| map(name, paths)).collect());
        let mut changes = 0;
        for _ in 0..s / 10 {
            self.s += 10;
            let now = self.now();
            changes += usize::from(self.keeper.observe(&read, now) == Change::Known);
        }
        changes
    }

    /// `w1 2: a1>t1 1 a1>t2 1`
    fn known(&self) -> Vec<String> {
        let lun = |(wwid, lun): (&Wwid, &Lun)| {
            let ports: Vec<String> =
                lun.ports.iter().map(|p| format!(" {}>{} {}", p.adapter, p.target, p.paths)).collect();
            format!("{wwid} {}:{}", lun.paths(), ports.concat())
        };
        self.keeper.ledger().luns.iter().map(lun).collect()
    }
}

#[test]
fn a_map_and_its_paths_count_when_they_were_held_together_for_ten_minutes() {
    let mut lab = Lab::new();
    assert_eq!(lab.find(600, &[("w1", "a1>t1 a2>t2 !a2>t3")]), 0);
    assert_eq!(lab.find(10, &[("w1", "a1>t1 a2>t2 !a2>t3")]), 1);
    assert_eq!(lab.known(), ["w1 2: a1>t1 1 a2>t2 1"]);
    let lun = &lab.keeper.ledger().luns[&wwid("w1")];
    assert_eq!((lun.since, lun.seen), (EpochS(1_000_010), EpochS(1_000_610)));
    // A path that comes later counts ten minutes later; one that flaps never does.
    assert_eq!(lab.find(600, &[("w1", "a1>t1 a2>t2 a2>t3")]), 0);
    assert_eq!(lab.find(10, &[("w1", "a1>t1 a2>t2 a2>t3")]), 1);
    for _ in 0..15 {
        assert_eq!(lab.find(300, &[("w1", "a1>t1 a2>t2 a2>t3 a1>t4")]), 0);
        lab.find(10, &[("w1", "a1>t1 a2>t2 a2>t3 !a1>t4")]);
    }
    assert_eq!(lab.known(), ["w1 3: a1>t1 1 a2>t2 1 a2>t3 1"]);
    // Two paths over one port are two.
    lab.find(620, &[("w1", "a1>t1 a1>t1 a2>t2 a2>t3")]);
    assert_eq!(lab.known(), ["w1 4: a1>t1 2 a2>t2 1 a2>t3 1"]);
}

#[test]
fn absence_takes_nothing_away_and_a_move_adds_nothing() {
    let mut lab = Lab::new();
    lab.find(620, &[("w1", "a1>t1 a1>t2 a2>t3 a2>t4"), ("w2", "a1>t1")]);
    let four = "w1 4: a1>t1 1 a1>t2 1 a2>t3 1 a2>t4 1";
    // Paths that are down, paths that are gone, a map that is gone, a map without paths.
    for found in [&[("w1", "a1>t1 !a1>t2 a2>t3")][..], &[("w1", "a1>t1")], &[], &[("w1", "")]] {
        lab.find(3_000, found);
        assert_eq!(lab.known(), [four, "w2 1: a1>t1 1"]);
    }
    assert_eq!(lab.keeper.ledger().luns[&wwid("w2")].seen, EpochS(1_000_620));
    // Another adapter, then another target port: a set of the same size takes the old one's place.
    lab.find(700, &[("w1", "a1>t1 a1>t2 a9>t3 a9>t4")]);
    assert_eq!(lab.known()[0], "w1 4: a1>t1 1 a1>t2 1 a9>t3 1 a9>t4 1");
    lab.find(700, &[("w1", "a1>t1 a1>t8 a9>t3 a9>t4")]);
    assert_eq!(lab.known()[0], "w1 4: a1>t1 1 a1>t8 1 a9>t3 1 a9>t4 1");
    // A smaller set does not, whatever ports it has.
    lab.find(700, &[("w1", "a1>t5 a1>t6 a9>t7")]);
    assert_eq!(lab.known()[0], "w1 4: a1>t1 1 a1>t8 1 a9>t3 1 a9>t4 1");
}

#[test]
fn what_was_not_seen_was_not_held() {
    let mut lab = Lab::new();
    lab.find(300, &[("w1", "a1>t1")]);
    lab.s += 400;
    assert_eq!(lab.find(600, &[("w1", "a1>t1")]), 0, "nothing is known of the time between");
    assert_eq!(lab.find(10, &[("w1", "a1>t1")]), 1);
    // Without an answer of multipathd's nothing is usable, and nothing is lost.
    let hung = NodeRead { daemon: Daemon::Hung { waited_ms: 1 }, ..read(vec![]) };
    let now = lab.now();
    assert_eq!(lab.keeper.observe(&hung, now), Change::None);
    assert_eq!(lab.known(), ["w1 1: a1>t1 1"]);
}

#[test]
fn a_ledger_comes_back_as_it_was_written_and_rubbish_is_refused() {
    let node = NodeName::new("pve1").expect("not empty");
    let mut lab = Lab::new();
    lab.find(620, &[("w1", "a1>t1 a1>t1 a2>t3"), ("w2", "a1>t1"), ("w\"3", "")]);
    let bytes = lab.keeper.ledger().encode(Some(&node));
    let (again, of) = Ledger::decode(&bytes).expect("what we write we read");
    assert_eq!((&again, of), (&**lab.keeper.ledger(), Some(node)));
    assert_eq!(again.encode(None).len(), bytes.len() - ",\"node\":\"pve1\"".len());
    for (text, words) in [
        ("", "no JSON"),
        ("7", "not an object"),
        ("{}", "there is no v"),
        (r#"{"v":2,"luns":{}}"#, "version 2"),
        (r#"{"v":1}"#, "luns"),
        (r#"{"v":1,"luns":[]}"#, "luns"),
    ] {
        let error = Ledger::decode(text.as_bytes()).expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    let odd = br#"{"v":1,"luns":{"w1":{"since":"x","seen":8,"paths":[[0,2],[9,1],[0,3],7,["a"],[0]]},"":{},"w2":5},"ports":[["a","t",1],7]}"#;
    let (odd, _) = Ledger::decode(odd).expect("readable");
    let w1 = &odd.luns[&wwid("w1")];
    assert_eq!((w1.since, w1.seen, w1.paths()), (EpochS(8), EpochS(8), 2));
    assert_eq!(odd.luns.len(), 2);
}

#[test]
fn an_earlier_ledger_adds_what_it_knows_more() {
    let lun = |since: i64, paths: u32| Lun {
        since: EpochS(since),
        seen: EpochS(50),
        ports: vec![Port { adapter: "a".into(), target: "t".into(), paths }],
        vg: None,
    };
    let ledger = |luns: &[(&str, i64, u32)]| Ledger {
        luns: luns.iter().map(|(w, since, paths)| (wwid(w), lun(*since, *paths))).collect(),
        ..Ledger::default()
    };
    let mut keeper = Keeper::new(ledger(&[("w1", 10, 2), ("w2", 10, 4)]));
    assert!(keeper.merge(ledger(&[("w1", 5, 4), ("w2", 20, 2), ("w3", 7, 1)])));
    assert_eq!(**keeper.ledger(), ledger(&[("w1", 5, 4), ("w2", 10, 4), ("w3", 7, 1)]));
    assert!(!keeper.merge(ledger(&[("w1", 6, 1)])));
}

/// `a/u1 b a` : names of groups with their UUIDs, one for each physical volume; `-` is one in no known group.
fn pvs(text: &str) -> Vec<Pv> {
    let pv = |text: &str| {
        let (name, uuid) = text.split_once('/').map_or((text, None), |(name, uuid)| (name, Some(uuid)));
        let vg_name = Some(name).filter(|name| *name != "-").map(str::to_owned);
        Pv { uuid: None, vg_name, vg_uuid: uuid.map(str::to_owned) }
    };
    text.split_whitespace().map(pv).collect()
}

#[test]
fn the_volume_group_last_seen_stays() {
    let mut lab = Lab::new();
    let mut find = |s: u64, text: &str| -> (usize, String) {
        let found = read(vec![Map { pvs: pvs(text), ..map("w1", "a1>t1") }]);
        let mut changes = 0;
        for _ in 0..s / 10 {
            lab.s += 10;
            let now = lab.now();
            changes += usize::from(lab.keeper.observe(&found, now) == Change::Known);
        }
        let mark = lab.keeper.ledger().luns.get(&wwid("w1")).and_then(|lun| lun.vg.clone());
        (changes, mark.map_or("-".into(), |m| m.name + &m.uuid.map_or(String::new(), |u| format!("/{u}"))))
    };
    for (s, found, changes, mark) in [
        (600, "data", 0, "-"),
        // With the LUN itself, in one change.
        (10, "data", 1, "data"),
        (20, "data/u1", 1, "data/u1"),
        // Gone, unreadable, inactive: what was known stays.
        (20, "", 0, "data/u1"),
        (20, "-", 0, "data/u1"),
        (20, "data", 0, "data/u1"),
        // Another group in its place; what is known of the old one is not said of the new one.
        (20, "other", 1, "other"),
        // The group was made anew under its old name.
        (20, "other/u2", 1, "other/u2"),
        (20, "other/u3", 1, "other/u3"),
        // Several physical volumes: the known group while it is there, else the first by name.
        (20, "data/u1 other", 0, "other/u3"),
        (20, "zz/u9 data/u1", 1, "data/u1"),
        (20, "zz/u9 aa/u8 data", 0, "data/u1"),
    ] {
        assert_eq!(find(s, found), (changes, mark.to_owned()), "{found}");
    }
    let bytes = lab.keeper.ledger().encode(None);
    assert_eq!(Ledger::decode(&bytes).expect("ours").0, **lab.keeper.ledger());
}

#[test]
fn ledgers_of_earlier_versions_are_read() {
    let old =
        br#"{"v":1,"node":"pve1","ports":[["a","t"]],"luns":{"w1":{"since":5,"seen":9,"paths":[[0,2]]}}}"#;
    let (ledger, _) = Ledger::decode(old).expect("readable");
    assert_eq!((ledger.luns[&wwid("w1")].paths(), &ledger.luns[&wwid("w1")].vg), (2, &None));
    assert_eq!(ledger.encode(NodeName::new("pve1").as_ref()), old, "and written as they were");
    let odd = br#"{"v":1,"luns":{"w1":{"since":5,"vg":"","vg-uuid":"u"},"w2":{"vg":"data","vg-uuid":7}},"obeyed":{"i1":["w1",7,8],"i2":["w2"],"i3":[7],"i4":9}}"#;
    let (ledger, _) = Ledger::decode(odd).expect("readable");
    assert_eq!(ledger.luns[&wwid("w1")].vg, None);
    assert_eq!(ledger.luns[&wwid("w2")].vg, Some(VgMark { name: "data".into(), uuid: None }));
    let obeyed: Vec<String> =
        ledger.obeyed.iter().map(|(id, of)| format!("{id} {} {}", of.wwid, of.time.0)).collect();
    assert_eq!(obeyed, ["i1 w1 7", "i2 w2 0"]);
}

proptest! {
    /// Whatever is found: no LUN leaves the ledger, and no number of paths goes down.
    #[test]
    fn it_never_goes_down(steps in proptest::collection::vec((proptest::sample::subsequence(vec!["a1>t1", "a1>t2", "a2>t1", "a2>t3", "!a2>t4"], 0..5), 0u64..900, any::<bool>()), 1..20)) {
        let mut lab = Lab::new();
        let mut before = Ledger::default();
        for (paths, s, there) in steps {
            let paths = paths.join(" ");
            let maps = [("w1", paths.as_str())];
            lab.find(s, if there { &maps } else { &[] });
            let now = lab.keeper.ledger();
            for (wwid, lun) in &before.luns {
                prop_assert!(now.luns[wwid].paths() >= lun.paths() && now.luns[wwid].since == lun.since);
                prop_assert!(now.luns[wwid].seen >= lun.seen);
                prop_assert!(now.luns[wwid].paths() <= 4);
            }
            before = Ledger::clone(now);
        }
        prop_assert!(HOLD_MS == 600_000);
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
        let _ = Ledger::decode(&bytes);
        let _ = Ledger::decode(text.as_bytes());
    }
}
