//! The agent, driven by hand: time is an argument, so nothing here waits.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use pathkeeper_engine::agent::{Agent, AgentConfig, AgentEffect, AgentEvent, Depth, NodeFacts};
use pathkeeper_engine::publish::{PublishLimits, Put};
use pathkeeper_model::local::*;
use pathkeeper_model::report::decode_part;
use pathkeeper_model::{EpochS, Instance, MonoMs, NodeName, Now, State, Wwid};
use proptest::prelude::*;

/// An agent, its clock, and what it did, one word for each effect.
struct Lab {
    agent: Agent,
    ms: u64,
    last_id: u64,
    published: Vec<(u64, Vec<Put>)>,
}

const WALL: i64 = 1_783_082_400;

impl Lab {
    fn new() -> Self {
        Self::with_limits(PublishLimits { floor_ms: 200, budget_bytes_per_min: None })
    }

    fn with_limits(limits: PublishLimits) -> Self {
        let config = AgentConfig {
            node: NodeName::new("pve1").unwrap(),
            instance: Instance(7),
            poll_ms: 10_000,
            limits,
            facts: NodeFacts::default(),
        };
        let now = Now { mono: MonoMs(5_000), wall: EpochS(WALL) };
        Self { agent: Agent::new(config, now), ms: 0, last_id: 0, published: Vec::new() }
    }

    fn now(&self) -> Now {
        Now { mono: MonoMs(5_000 + self.ms), wall: EpochS(WALL + (self.ms / 1000) as i64) }
    }

    fn deadline_ms(&self) -> u64 {
        self.agent.next_deadline().0.saturating_sub(5_000)
    }

    /// Applies an event at `ms` and tells what was done: `read full`, `probe`, `abandon`, `looked`, `publish`.
    fn at(&mut self, ms: u64, event: AgentEvent) -> Vec<String> {
        assert!(ms >= self.ms, "time goes on");
        self.ms = ms;
        let effects = self.agent.apply(event, self.now());
        let mut words = Vec::new();
        for effect in effects {
            words.push(match effect {
                AgentEffect::Read { id, depth } => {
                    self.last_id = id;
                    if depth == Depth::Full { "read full".into() } else { "read quick".into() }
                }
                AgentEffect::Probe { id } => {
                    self.last_id = id;
                    "probe".into()
                }
                AgentEffect::Abandon { .. } => "abandon".into(),
                AgentEffect::Looked => "looked".into(),
                AgentEffect::Publish(p) => {
                    self.published.push((p.id, p.values));
                    "publish".into()
                }
            });
        }
        words
    }

    fn tick(&mut self, ms: u64) -> Vec<String> {
        self.at(ms, AgentEvent::Tick)
    }

    fn read_back(&mut self, ms: u64, read: NodeRead) -> Vec<String> {
        let id = self.last_id;
        self.at(ms, AgentEvent::Read { id, read: Some(Box::new(read)) })
    }

    fn taken(&mut self, ms: u64) -> Vec<String> {
        let id = self.published.last().unwrap().0;
        self.at(ms, AgentEvent::Published { id, taken: true })
    }

    /// Lives until `ms`, stepping from deadline to deadline: reads come back at once with `read`, probes are calm,
    /// publications are taken. Gives the times at which something was published.
    fn live(&mut self, ms: u64, read: &dyn Fn() -> NodeRead) -> Vec<u64> {
        let mut times = Vec::new();
        loop {
            let before = self.published.len();
            match self.agent.running() {
                Some((id, true)) => drop(self.at(self.ms, AgentEvent::Probed { id, calm: true })),
                Some((id, false)) => {
                    drop(self.at(self.ms, AgentEvent::Read { id, read: Some(Box::new(read())) }));
                }
                None if self.deadline_ms() > ms => return times,
                None => drop(self.tick(self.deadline_ms().max(self.ms))),
            }
            if self.published.len() > before {
                times.push(self.ms);
                self.taken(self.ms);
            }
        }
    }

    /// The states of the last published report, and its time.
    fn report(&self) -> (Vec<(String, State, Option<u32>)>, i64) {
        let (_, values) = self.published.last().unwrap();
        let bytes = values.iter().find(|(k, _)| k == "multipath").unwrap().1.as_ref().unwrap();
        let part = decode_part(bytes).unwrap();
        let entries = part.entries.iter().map(|(w, e)| (w.to_string(), e.state, e.paths_active)).collect();
        (entries, part.time.unwrap().0)
    }

    /// Started, read once, published, taken: at rest at 20 ms.
    fn at_rest(mut self) -> Self {
        assert_eq!(self.at(0, AgentEvent::Store { own_keys: vec![] }), ["read full"]);
        assert_eq!(self.read_back(10, read(&[("w1", &[true, true])])), ["looked", "publish"]);
        assert_eq!(self.taken(20), [""; 0]);
        self
    }
}

fn path(dev: &str, usable: bool) -> PathDevice {
    PathDevice {
        dm: if usable { DmState::Active } else { DmState::Failed },
        check: if usable { CheckState::Ready } else { CheckState::Faulty },
        device: DevState::Running,
        ..PathDevice::unknown(dev, "8:0")
    }
}

fn map(wwid: &str, paths: &[bool]) -> Map {
    let group = PathGroup {
        selector: "service-time 0".into(),
        priority: 1,
        status: "active".into(),
        marginal: false,
        paths: paths.iter().map(|up| path("sda", *up)).collect(),
    };
    Map { groups: vec![group], ..Map::unknown(wwid, Wwid::new(wwid).unwrap()) }
}

fn read(maps: &[(&str, &[bool])]) -> NodeRead {
    NodeRead {
        began: EpochS(WALL),
        took_ms: 3,
        daemon: Daemon::Answering { pid: Some(1) },
        maps: maps.iter().map(|(w, p)| map(w, p)).collect(),
        loose: vec![],
        kernel: Ok(vec![]),
        adapters: vec![],
        tools_version: None,
        unknown_words: 0,
        problems: vec![],
    }
}

fn hung() -> NodeRead {
    NodeRead {
        daemon: Daemon::Hung { waited_ms: 4500 },
        maps: vec![],
        kernel: Err("no dm".into()),
        ..read(&[])
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn it_looks_at_once_and_tells_what_it_saw() {
    let lab = Lab::new().at_rest();
    assert_eq!(lab.report(), (vec![("w1".into(), State::Optimal, Some(2))], WALL));
    let keys: Vec<_> = lab.published[0].1.iter().map(|(k, _)| k.as_str()).collect();
    assert_eq!(keys, ["multipath", "multipath-node"]);
}

#[test]
fn a_burst_of_events_is_read_at_once_then_every_200_ms_and_once_more_after_it() {
    let mut lab = Lab::new().at_rest();
    assert_eq!(lab.at(3_000, AgentEvent::Trigger), ["read quick"]);
    assert_eq!(lab.at(3_010, AgentEvent::Trigger), NOTHING);
    assert_eq!(lab.read_back(3_020, read(&[("w1", &[true, false])])), ["looked", "publish"]);
    lab.taken(3_021);
    assert_eq!(lab.tick(3_199), NOTHING);
    assert_eq!(lab.tick(3_200), ["read quick"]);
    assert_eq!(lab.read_back(3_210, read(&[("w1", &[false, false])])), ["looked"]);
    assert_eq!(lab.deadline_ms(), 3_220, "the store's floor");
    assert_eq!(lab.tick(3_220), ["publish"]);
    assert_eq!(lab.report().0[0].1, State::Failed);
    lab.taken(3_221);
    assert_eq!(lab.deadline_ms(), 4_010, "the last look");
    assert_eq!(lab.tick(4_010), ["read quick"]);
    assert_eq!(lab.read_back(4_020, read(&[("w1", &[false, false])])), ["looked"]);
    assert_eq!(lab.deadline_ms(), 9_020, "a sign of life between polls");
}

#[test]
fn between_polls_a_hung_daemon_is_found_within_ten_seconds() {
    let mut lab = Lab::new().at_rest();
    assert_eq!(lab.tick(5_010), ["probe"]);
    let id = lab.last_id;
    assert_eq!(lab.at(6_510, AgentEvent::Probed { id, calm: false }), ["read quick"]);
    assert_eq!(lab.read_back(9_000, hung()), ["looked", "publish"]);
    assert_eq!(lab.report(), (vec![("w1".into(), State::Unknown, None)], WALL));
    // A calm one costs nothing more.
    let mut lab = Lab::new().at_rest();
    lab.tick(5_010);
    let id = lab.last_id;
    assert_eq!(lab.at(5_012, AgentEvent::Probed { id, calm: true }), NOTHING);
    assert_eq!(lab.tick(9_999), NOTHING);
    assert_eq!(lab.tick(10_000), ["read full"]);
}

#[test]
fn a_read_that_never_comes_back_is_given_up_and_what_was_optimal_is_unknown() {
    let mut lab = Lab::new().at_rest();
    assert_eq!(lab.tick(10_000), ["read full"]);
    let first = lab.last_id;
    assert_eq!(lab.tick(17_999), NOTHING);
    assert_eq!(lab.tick(18_000), ["abandon", "looked", "publish"]);
    assert_eq!(lab.report(), (vec![("w1".into(), State::Unknown, None)], WALL));
    lab.taken(18_001);
    // Two more hang; then no thread is risked any more, until one comes back.
    for began in [20_000, 30_000] {
        assert_eq!(lab.tick(began), ["read full"]);
        assert_eq!(lab.tick(began + 8_000), ["abandon", "looked"]);
    }
    assert_eq!(lab.tick(60_000), NOTHING);
    let late = AgentEvent::Read { id: first, read: Some(Box::new(read(&[("w1", &[true, true])]))) };
    assert_eq!(lab.at(70_000, late), ["read full"], "an old read is no news");
    assert_eq!(lab.report().0[0].1, State::Unknown);
    assert_eq!(lab.read_back(70_010, read(&[("w1", &[true, true])])), ["looked", "publish"]);
    assert_eq!(lab.report().0[0].1, State::Optimal);
}

#[test]
fn a_refresh_says_it_again_and_does_not_move_the_time() {
    let mut lab = Lab::new().at_rest();
    lab.tick(10_000);
    lab.read_back(10_010, hung());
    lab.taken(10_020);
    let times = lab.live(75_000, &hung);
    assert_eq!(times.len(), 1, "{times:?}");
    assert!((64_000..=70_010).contains(&times[0]), "{times:?}");
    assert_eq!(lab.report().1, WALL, "no read succeeded since");
    let seqs: Vec<_> = lab.published.iter().map(|(id, _)| *id).collect();
    assert!(seqs.windows(2).all(|w| w[0] < w[1]), "{seqs:?}");
}

#[test]
fn what_became_worse_does_not_wait_for_a_slow_floor() {
    let mut lab = Lab::with_limits(PublishLimits { floor_ms: 10_000, budget_bytes_per_min: None }).at_rest();
    assert_eq!(lab.at(100, AgentEvent::Trigger), NOTHING);
    assert_eq!(lab.tick(200), ["read quick"]);
    assert_eq!(lab.read_back(205, read(&[("w1", &[true, false])])), ["looked", "publish"]);
    lab.taken(206);
    lab.at(500, AgentEvent::Trigger);
    assert_eq!(lab.live(600, &|| read(&[("w1", &[false, false])])), [0; 0], "once in 2 s");
    let dead = || read(&[("w1", &[false, false])]);
    assert_eq!(lab.live(2_900, &dead), [2_205]);
    lab.at(3_000, AgentEvent::Trigger);
    let well = || read(&[("w1", &[true, true])]);
    assert_eq!(lab.live(13_000, &well), [12_205], "good news waits for the floor");
}

#[test]
fn over_its_budget_a_node_speaks_every_ten_seconds() {
    let mut lab =
        Lab::with_limits(PublishLimits { floor_ms: 200, budget_bytes_per_min: Some(100) }).at_rest();
    lab.at(1_000, AgentEvent::Trigger);
    assert_eq!(lab.read_back(1_005, read(&[("w1", &[true, true]), ("w2", &[true])])), ["looked"]);
    assert!(lab.agent.over_budget());
    assert_eq!(lab.live(11_000, &|| read(&[("w1", &[true, true]), ("w2", &[true])])), [10_010]);
}

#[test]
fn a_store_that_was_away_is_told_everything_again_and_leftovers_are_cleared() {
    let mut lab = Lab::new().at_rest();
    let id = {
        lab.at(1_000, AgentEvent::Trigger);
        lab.read_back(1_001, read(&[("w1", &[false, true])]));
        lab.published.last().unwrap().0
    };
    lab.at(1_010, AgentEvent::Published { id, taken: false });
    assert_eq!(
        lab.live(1_700, &|| read(&[("w1", &[false, true])])),
        [1_510],
        "once more after half a second"
    );
    let own_keys = ["multipath", "multipath-2", "multipath-3", "multipath-node"].map(String::from).to_vec();
    let words = lab.at(1_800, AgentEvent::Store { own_keys });
    assert_eq!(words, ["publish"]);
    let keys: Vec<_> =
        lab.published.last().unwrap().1.iter().map(|(k, v)| format!("{k}:{}", v.is_some())).collect();
    assert_eq!(keys, ["multipath:true", "multipath-2:false", "multipath-3:false", "multipath-node:true"]);
}

#[test]
fn a_node_without_maps_has_no_report_unless_it_had_one() {
    let mut lab = Lab::new();
    lab.at(0, AgentEvent::Store { own_keys: vec![] });
    lab.read_back(10, read(&[]));
    let keys: Vec<_> = lab.published[0].1.iter().map(|(k, _)| k.as_str()).collect();
    assert_eq!(keys, ["multipath-node"]);
    let mut lab = Lab::new();
    lab.at(0, AgentEvent::Store { own_keys: vec!["multipath".into()] });
    lab.read_back(10, read(&[]));
    assert_eq!(lab.report().0, []);
}

#[test]
fn before_a_read_has_proven_anything_no_report_is_touched() {
    let mut lab = Lab::new();
    let own_keys = ["multipath", "multipath-2"].map(String::from).to_vec();
    lab.at(0, AgentEvent::Store { own_keys });
    lab.read_back(10, hung());
    let keys: Vec<_> = lab.published[0].1.iter().map(|(k, _)| k.as_str()).collect();
    assert_eq!(keys, ["multipath-node"], "what an earlier run said of its LUNs stands with its own age");
    lab.taken(11);
    lab.live(10_300, &|| read(&[("w1", &[true])]));
    let keys: Vec<_> =
        lab.published.last().unwrap().1.iter().map(|(k, v)| format!("{k}:{}", v.is_some())).collect();
    assert_eq!(keys, ["multipath:true", "multipath-2:false", "multipath-node:true"]);
}

#[test]
fn a_first_read_that_never_comes_back_is_told_all_the_same() {
    let mut lab = Lab::new();
    lab.at(0, AgentEvent::Store { own_keys: vec![] });
    assert_eq!(lab.tick(8_000), ["abandon", "looked", "publish"]);
    assert!(matches!(lab.agent.last_read().unwrap().daemon, Daemon::Unreadable { .. }));
}

#[test]
fn a_store_that_comes_back_while_a_publication_is_under_way_gets_the_next_after_it() {
    let mut lab = Lab::new();
    lab.at(0, AgentEvent::Store { own_keys: vec![] });
    assert_eq!(lab.read_back(10, read(&[("w1", &[true])])), ["looked", "publish"]);
    assert_eq!(lab.at(500, AgentEvent::Store { own_keys: vec![] }), NOTHING, "one at a time");
    assert_eq!(lab.taken(600), ["publish"], "and all is said again");
}

#[test]
fn a_large_report_is_put_last_part_first() {
    let mut lab = Lab::new();
    lab.at(0, AgentEvent::Store { own_keys: vec![] });
    let names: Vec<String> = (0..1000).map(|i| format!("3600a0980{i:024}")).collect();
    let maps: Vec<(&str, &[bool])> = names.iter().map(|n| (n.as_str(), &[true, true][..])).collect();
    lab.read_back(10, read(&maps));
    let keys: Vec<_> = lab.published[0].1.iter().map(|(k, _)| k.as_str()).collect();
    assert!(keys.len() > 3, "{keys:?}");
    let expect: Vec<_> =
        (1..keys.len()).rev().map(pathkeeper_model_part_key).chain(["multipath-node".into()]).collect();
    assert_eq!(keys, expect);
}

fn pathkeeper_model_part_key(part: usize) -> String {
    pathkeeper_model::report::part_key(part as u32)
}

proptest! {
    /// Whatever comes in whatever order: time alone never makes it spin, and it never says "optimal" while the last
    /// look proved nothing.
    #[test]
    fn any_order_of_events(steps in proptest::collection::vec((0u8..8, 0u64..9_000), 1..80)) {
        let mut lab = Lab::new();
        lab.at(0, AgentEvent::Store { own_keys: vec![] });
        for (what, wait) in steps {
            let ms = lab.ms + wait;
            let id = lab.last_id;
            match what {
                0 => drop(lab.at(ms, AgentEvent::Trigger)),
                1 => drop(lab.read_back(ms, read(&[("w1", &[true, true])]))),
                2 => drop(lab.read_back(ms, hung())),
                3 => drop(lab.at(ms, AgentEvent::Probed { id, calm: wait % 2 == 0 })),
                4 => drop(lab.at(ms, AgentEvent::Read { id: id / 2, read: None })),
                5 if !lab.published.is_empty() => drop(lab.taken(ms)),
                6 if !lab.published.is_empty() => {
                    let id = lab.published.last().unwrap().0;
                    lab.at(ms, AgentEvent::Published { id, taken: false });
                }
                _ => drop(lab.tick(ms)),
            }
            let proven = lab.agent.last_read().is_none_or(|r| matches!(r.daemon, Daemon::Answering { .. }));
            prop_assert!(proven || lab.agent.entries().iter().all(|(_, e)| e.state != State::Optimal));
            prop_assert!(lab.deadline_ms() > lab.ms, "it would spin at {} ms", lab.ms);
        }
    }
}
