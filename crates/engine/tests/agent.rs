//! The agent, driven by hand: time is an argument, so nothing here waits.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::sync::Arc;

use pathkeeper_engine::agent::{Agent, AgentConfig, AgentEffect, AgentEvent, Depth, NodeFacts};
use pathkeeper_engine::publish::{DetailDone, DetailDraft, PublishLimits, Put};
use pathkeeper_model::detail::{Detail, DetailPart, Packed};
use pathkeeper_model::fresh::Fresh;
use pathkeeper_model::ledger::{Ledger, Lun};
use pathkeeper_model::local::*;
use pathkeeper_model::node_value::NodeValue;
use pathkeeper_model::report::decode_part;
use pathkeeper_model::{EpochS, Instance, MonoMs, NodeName, Now, State, Wwid};
use proptest::prelude::*;

/// An agent, its clock, and what it did, one word for each effect.
struct Lab {
    agent: Agent,
    ms: u64,
    last_id: u64,
    published: Vec<(u64, Vec<Put>)>,
    details: Vec<DetailDraft>,
    saved: Vec<Arc<Ledger>>,
}

const WALL: i64 = 1_783_082_400;

impl Lab {
    fn new() -> Self {
        Self::with_limits(PublishLimits {
            floor_ms: 200,
            budget_bytes_per_min: None,
            refresh_by_marker: false,
        })
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
        Self {
            agent: Agent::new(config, now),
            ms: 0,
            last_id: 0,
            published: Vec::new(),
            details: Vec::new(),
            saved: Vec::new(),
        }
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
                AgentEffect::SaveLedger(ledger) => {
                    self.saved.push(ledger);
                    "save".into()
                }
                AgentEffect::Abandon { .. } => "abandon".into(),
                AgentEffect::Looked => "looked".into(),
                AgentEffect::PublishTold(p) => {
                    format!("tell {} {:?}", p.id, p.values.first().map(|v| v.0.clone()))
                }
                AgentEffect::PublishDetail(draft) => {
                    self.details.push(draft);
                    "detail".into()
                }
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

    fn detail_taken(&mut self, ms: u64, taken: bool) -> Vec<String> {
        let draft = self.details.last().unwrap();
        let (values, parts) = draft.values();
        let bytes = values.iter().map(|(k, v)| (k.len() + v.as_ref().map_or(0, Vec::len)) as u64).sum();
        let put_bytes = if taken { bytes } else { 0 };
        let done = DetailDone { id: draft.id, taken, bytes, put_bytes, parts };
        self.at(ms, AgentEvent::DetailPublished(done))
    }

    /// The last detail, as its reader sees it, and the keys that it puts or clears.
    fn detail(&self) -> (Detail, Vec<String>) {
        let (values, _) = self.details.last().unwrap().values();
        let parts = values.iter().rev().filter_map(|(_, v)| v.as_ref());
        let parts = parts.map(|v| DetailPart::decode(v).unwrap()).collect();
        let keys = values.iter().map(|(k, v)| format!("{k}:{}", v.is_some())).collect();
        (Packed::new(parts).unpack().unwrap(), keys)
    }

    /// Lives until `ms`, stepping from deadline to deadline: reads come back at once with `read`, probes are calm,
    /// publications are taken. Gives the times at which something was published.
    fn live(&mut self, ms: u64, read: &dyn Fn() -> NodeRead) -> Vec<u64> {
        let mut times = Vec::new();
        loop {
            let (before, details) = (self.published.len(), self.details.len());
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
            if self.details.len() > details {
                self.detail_taken(self.ms, true);
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
        assert_eq!(self.at(0, AgentEvent::Store { own_keys: vec![], own_ledger: None }), ["read full"]);
        assert_eq!(self.read_back(10, read(&[("w1", &[true, true])])), ["looked", "publish"]);
        if self.taken(20) == ["detail"] {
            assert_eq!(self.detail_taken(25, true), [""; 0]);
        } else {
            assert!(self.agent.over_budget());
        }
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
        took_ms: 3,
        maps: maps.iter().map(|(w, p)| map(w, p)).collect(),
        ..NodeRead::empty(EpochS(WALL), Daemon::Answering { pid: Some(1) })
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

/// The map of `w1` with its one path, as the kernel tells it.
fn kernel_map(suspended: bool) -> KernelMap {
    KernelMap {
        name: "w1".into(),
        wwid: Wwid::new("w1").unwrap(),
        dev_t: "254:0".into(),
        size_bytes: 1 << 30,
        open_count: 1,
        suspended,
        queue_if_no_path: false,
        queued: 0,
        paths: vec![KernelPath { dev_t: "8:0".into(), active: true, fail_count: 0 }],
        unreadable: false,
    }
}

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
    assert_eq!(lab.deadline_ms(), 5_020, "the detail of a LUN that has lost its last path");
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
fn where_a_history_is_kept_a_refresh_is_a_marker_while_all_that_was_sent_stands() {
    let limits = PublishLimits { floor_ms: 200, budget_bytes_per_min: None, refresh_by_marker: true };
    let keys = |lab: &Lab| lab.published.last().unwrap().1.iter().map(|(k, _)| k.clone()).collect::<Vec<_>>();
    let fresh = |lab: &Lab| Fresh::decode(lab.published.last().unwrap().1[0].1.as_ref().unwrap()).unwrap();
    let mut lab = Lab::with_limits(limits).at_rest();
    let later = || NodeRead { began: EpochS(WALL + 50), ..read(&[("w1", &[true, true])]) };
    assert_eq!(lab.live(61_000, &later).len(), 1);
    assert_eq!(keys(&lab), ["multipath-fresh"]);
    let marker = fresh(&lab);
    assert_eq!((marker.stamp.instance, marker.time), (Instance(7), Some(EpochS(WALL + 50))));
    assert!(marker.stamp.seq > lab.published[0].0, "it counts on");
    // What changed is written; the next refresh is a marker again, with a higher seq.
    let worse = || read(&[("w1", &[true, false])]);
    lab.at(62_000, AgentEvent::Trigger);
    assert_eq!(lab.live(62_300, &worse), [62_000]);
    assert_eq!(keys(&lab), ["multipath", "multipath-node"]);
    assert_eq!(lab.live(123_000, &worse).len(), 1);
    assert!(keys(&lab) == ["multipath-fresh"] && fresh(&lab).stamp.seq > marker.stamp.seq);
    // A store that was away may have lost it all; and so may a put that was not taken.
    lab.at(124_000, AgentEvent::Store { own_keys: vec![], own_ledger: None });
    assert_eq!(keys(&lab), ["multipath", "multipath-node"]);
    lab.taken(124_010);
    lab.at(125_000, AgentEvent::Trigger);
    let id = lab.last_id;
    lab.at(125_001, AgentEvent::Read { id, read: Some(Box::new(later())) });
    let id = lab.published.last().unwrap().0;
    lab.at(125_010, AgentEvent::Published { id, taken: false });
    lab.at(125_300, AgentEvent::Trigger);
    assert_eq!(lab.live(125_600, &worse), [125_510], "all is as it was, and the store may hold the other");
    assert_eq!(keys(&lab), ["multipath", "multipath-node"]);
}

const MARKERS: PublishLimits =
    PublishLimits { floor_ms: 200, budget_bytes_per_min: None, refresh_by_marker: true };

/// The keys that each publication put or cleared.
fn published(lab: &Lab) -> Vec<Vec<String>> {
    let keys = |values: &Vec<Put>| values.iter().map(|(k, v)| format!("{k}:{}", v.is_some())).collect();
    lab.published.iter().map(|(_, values)| keys(values)).collect()
}

#[test]
fn a_node_that_steps_back_says_nothing_of_the_report_that_it_wrote_before() {
    let mut lab = Lab::with_limits(MARKERS).at_rest();
    let well = || read(&[("w1", &[true, true])]);
    lab.at(1_000, AgentEvent::ReportBy(Some("pve".into())));
    lab.live(300_000, &well);
    let after = &published(&lab)[1..];
    assert!(after.len() >= 5 && after.iter().all(|keys| *keys == ["multipath-node:true"]), "{after:?}");
    // It reports again: at once, and from then on markers tell that this holds.
    assert_eq!(lab.at(300_300, AgentEvent::ReportBy(None)), ["publish"]);
    lab.taken(300_310);
    let before = lab.published.len();
    lab.live(430_000, &well);
    assert_eq!(published(&lab)[before - 1], ["multipath:true", "multipath-node:true"]);
    assert_eq!(published(&lab)[before..], [["multipath-fresh:true"], ["multipath-fresh:true"]]);
}

#[test]
fn a_run_that_has_not_reported_keeps_nothing_fresh() {
    // It starts while neither multipathd nor the kernel tells anything, and a report of an earlier run stands.
    let own_keys = || vec!["multipath".to_owned(), "multipath-2".to_owned()];
    let mut lab = Lab::with_limits(MARKERS);
    lab.at(0, AgentEvent::Store { own_keys: own_keys(), own_ledger: None });
    lab.live(300_000, &hung);
    let all = published(&lab);
    assert!(all.len() >= 5 && all.iter().all(|keys| *keys == ["multipath-node:true"]), "{all:?}");
    // The kernel tells that there is nothing, and else all is as before: that is a report, and it goes at once.
    let bare = || NodeRead { kernel: Ok(vec![]), ..hung() };
    let before = lab.published.len();
    lab.live(311_000, &bare);
    assert_eq!(published(&lab)[before..], [["multipath:true", "multipath-2:false", "multipath-node:true"]]);
    lab.live(375_000, &bare);
    assert_eq!(published(&lab).last().unwrap(), &["multipath-fresh:true"]);
    // An agent without maps: markers, but not before the store has told what stands there.
    let mut lab = Lab::with_limits(MARKERS);
    lab.tick(0);
    lab.live(130_000, &|| read(&[]));
    assert!(published(&lab).iter().all(|keys| *keys == ["multipath-node:true"]), "{:?}", published(&lab));
    lab.at(130_100, AgentEvent::Store { own_keys: vec![], own_ledger: None });
    lab.taken(130_110);
    lab.live(200_000, &|| read(&[]));
    assert_eq!(published(&lab).last().unwrap(), &["multipath-fresh:true"]);
    // What was said before the first read that proved anything is no report of this run, though it was taken after it.
    let mut lab = Lab::with_limits(MARKERS);
    lab.at(0, AgentEvent::Store { own_keys: own_keys(), own_ledger: None });
    assert_eq!(lab.read_back(10, hung()), ["looked", "publish"]);
    lab.at(300, AgentEvent::Trigger);
    assert_eq!(lab.read_back(310, bare()), ["looked"]);
    assert_eq!(lab.taken(400), ["publish"]);
    assert_eq!(
        published(&lab).last().unwrap(),
        &["multipath:true", "multipath-2:false", "multipath-node:true"]
    );
}

#[test]
fn a_node_whose_multipathd_hangs_does_not_write_its_report_at_each_read() {
    let turn = std::cell::Cell::new(0u32);
    // The bound alternates, and so does what was waited; counters count.
    let stuck = || {
        turn.set(turn.get() + 1);
        let waited_ms = if turn.get().is_multiple_of(3) { 4_500 + turn.get() } else { 1_000 + turn.get() };
        let adapter = Adapter {
            name: "host7".into(),
            transport: "fc".into(),
            port_name: None,
            fabric: None,
            link: Some("Online".into()),
            speed: None,
            counters: vec![("error_frames".into(), turn.get().into())],
        };
        NodeRead {
            daemon: Daemon::Hung { waited_ms },
            kernel: Ok(vec![kernel_map(false)]),
            adapters: vec![adapter],
            ..read(&[])
        }
    };
    for refresh_by_marker in [false, true] {
        let mut lab = Lab::with_limits(PublishLimits { refresh_by_marker, ..MARKERS }).at_rest();
        let first = lab.published.len();
        lab.live(620_000, &stuck);
        let details = lab.details.len();
        let (keys, all) = (published(&lab), lab.published.len());
        assert_eq!(keys[first], ["multipath:true", "multipath-node:true"]);
        let node = lab.published[first].1.last().unwrap().1.clone().unwrap();
        let node = NodeValue::decode(&node).unwrap();
        assert!(node.daemon_why.unwrap().contains("stuck"));
        assert_eq!(node.adapters[0].counters.len(), 1, "counters go with what is put");
        assert!((11..=13).contains(&(all - first)), "{} in ten minutes", all - first);
        let marker = |keys: &Vec<String>| *keys == ["multipath-fresh:true"];
        assert!(keys[first + 1..].iter().all(|keys| marker(keys) == refresh_by_marker), "{keys:?}");
        assert_eq!(details, 2, "one of each state");
    }
}

#[test]
fn a_multipathd_that_runs_with_another_configuration_is_told_of_though_no_path_changed() {
    let digest = std::cell::Cell::new("one");
    let runs = || NodeRead { config_digest: Some(digest.get().into()), ..read(&[("w1", &[true, true])]) };
    let mut lab = Lab::with_limits(MARKERS).at_rest();
    let said = |lab: &Lab| {
        let (_, values) = lab.published.last().unwrap();
        let (_, node) = values.iter().find(|(key, _)| key == "multipath-node").unwrap();
        NodeValue::decode(node.as_ref().unwrap()).unwrap().config_digest
    };
    lab.live(25_000, &runs);
    assert_eq!(said(&lab).as_deref(), Some("one"));
    digest.set("two");
    lab.live(50_000, &runs);
    assert_eq!(said(&lab).as_deref(), Some("two"));
}

#[test]
fn what_another_changed_in_the_store_is_said_again_by_the_next_refresh_and_no_sooner() {
    let lost = |key: &str| AgentEvent::OwnValueLost { key: key.into() };
    let well = || read(&[("w1", &[true, true])]);
    let mut lab = Lab::with_limits(MARKERS).at_rest();
    for key in ["multipath", "multipath-node"] {
        let before = lab.published.len();
        // A twin writes and writes.
        for _ in 0..20 {
            assert_eq!(lab.at(lab.ms + 100, lost(key)), NOTHING, "{key}");
        }
        lab.live(lab.ms + 60_000, &well);
        assert_eq!(published(&lab)[before..], [["multipath:true", "multipath-node:true"]], "{key}");
    }
    let before = lab.published.len();
    lab.at(lab.ms + 100, lost("no-key-of-ours"));
    lab.live(lab.ms + 60_000, &well);
    assert_eq!(published(&lab)[before..], [["multipath-fresh:true"]], "that was all");
    // A detail once a minute, too.
    assert_eq!(lab.details.len(), 1);
    assert_eq!(lab.at(lab.ms + 100, lost("multipath-detail")), ["detail"]);
    lab.detail_taken(lab.ms, true);
    let put = lab.ms;
    assert_eq!(lab.at(put + 100, lost("multipath-detail")), NOTHING);
    lab.live(put + 59_999, &well);
    assert_eq!(lab.details.len(), 2);
    lab.live(put + 60_000, &well);
    assert_eq!(lab.details.len(), 3);
    // Where another program writes the report, that it does is no loss.
    lab.at(lab.ms + 100, AgentEvent::ReportBy(Some("pve".into())));
    lab.live(lab.ms + 1_000, &well);
    let before = lab.published.len();
    assert_eq!(lab.at(lab.ms + 100, lost("multipath")), NOTHING);
    lab.live(lab.ms + 60_000, &well);
    assert_eq!(published(&lab)[before..], [["multipath-node:true"]]);
}

#[test]
fn what_is_worse_than_what_was_said_before_the_store_was_away_does_not_wait_either() {
    let mut lab = Lab::with_limits(PublishLimits { floor_ms: 10_000, ..MARKERS }).at_rest();
    lab.at(15_000, AgentEvent::Store { own_keys: vec![], own_ledger: None });
    lab.taken(15_010);
    lab.at(16_000, AgentEvent::Store { own_keys: vec![], own_ledger: None });
    let before = lab.published.len();
    lab.at(16_100, AgentEvent::Trigger);
    lab.live(16_300, &|| read(&[("w1", &[true, false])]));
    assert_eq!(lab.published.len(), before + 1);
    assert_eq!(lab.report().0[0].2, Some(1));
}

#[test]
fn what_became_worse_does_not_wait_for_a_slow_floor() {
    let mut lab = Lab::with_limits(PublishLimits {
        floor_ms: 10_000,
        budget_bytes_per_min: None,
        refresh_by_marker: false,
    })
    .at_rest();
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
    let mut lab = Lab::with_limits(PublishLimits {
        floor_ms: 200,
        budget_bytes_per_min: Some(100),
        refresh_by_marker: false,
    })
    .at_rest();
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
    let words = lab.at(1_800, AgentEvent::Store { own_keys, own_ledger: None });
    assert_eq!(words, ["publish"]);
    let keys: Vec<_> =
        lab.published.last().unwrap().1.iter().map(|(k, v)| format!("{k}:{}", v.is_some())).collect();
    assert_eq!(keys, ["multipath:true", "multipath-2:false", "multipath-3:false", "multipath-node:true"]);
}

#[test]
fn a_node_without_maps_has_no_report_unless_it_had_one() {
    let mut lab = Lab::new();
    lab.at(0, AgentEvent::Store { own_keys: vec![], own_ledger: None });
    lab.read_back(10, read(&[]));
    let keys: Vec<_> = lab.published[0].1.iter().map(|(k, _)| k.as_str()).collect();
    assert_eq!(keys, ["multipath-node"]);
    let mut lab = Lab::new();
    lab.at(0, AgentEvent::Store { own_keys: vec!["multipath".into()], own_ledger: None });
    lab.read_back(10, read(&[]));
    assert_eq!(lab.report().0, []);
}

#[test]
fn details_follow_the_report_when_they_change_and_every_30_s_at_most() {
    let mut lab = Lab::new().at_rest();
    let (detail, keys) = lab.detail();
    assert_eq!(
        (detail.read.maps, keys),
        (read(&[("w1", &[true, true])]).maps, vec!["multipath-detail:true".into()])
    );
    // What only counts is no change.
    let counted = || {
        let mut read = NodeRead { took_ms: 99, began: EpochS(WALL + 9), ..read(&[("w1", &[true, true])]) };
        read.maps[0].path_faults = 7;
        read
    };
    lab.live(40_000, &counted);
    assert_eq!(lab.details.len(), 1);
    // What changed goes at once, after the report; the next change waits for its time, and the report for nothing.
    let mut named = read(&[("w1", &[true, true])]);
    named.maps[0].name = "data01".into();
    lab.at(41_000, AgentEvent::Trigger);
    assert_eq!(lab.read_back(41_010, named), ["looked", "detail"], "the report says the same");
    assert_eq!(lab.detail().0.read.maps[0].name, "data01");
    lab.at(41_500, AgentEvent::Trigger);
    assert_eq!(
        lab.read_back(41_510, read(&[("w1", &[true, false])])),
        ["looked", "publish"],
        "beside a detail"
    );
    lab.taken(41_520);
    assert_eq!(lab.detail_taken(41_600, true), NOTHING);
    let worse = || read(&[("w1", &[true, false])]);
    lab.live(71_009, &worse);
    assert_eq!(lab.details.len(), 2);
    lab.live(71_010, &worse);
    assert_eq!((lab.details.len(), lab.detail().0.read.maps), (3, worse().maps));
}

#[test]
fn a_lun_that_lost_its_last_path_is_told_in_detail_within_5_s_and_so_is_the_end_of_its_waiting_and_its_return()
 {
    let mut lab = Lab::new().at_rest();
    lab.live(40_000, &|| read(&[("w1", &[true, true])]));
    lab.live(52_000, &|| read(&[("w1", &[true, false])]));
    assert_eq!(lab.details.len(), 2, "the first news after quiet goes at once");
    let without = |queueing: Queueing| {
        move || {
            let mut read = read(&[("w1", &[false, false])]);
            read.maps[0].queueing = queueing;
            read
        }
    };
    lab.live(63_000, &without(Queueing::Seconds(40)));
    assert_eq!((lab.details.len(), lab.detail().0.read.maps[0].queueing), (3, Queueing::Seconds(40)));
    lab.live(74_000, &without(Queueing::Off));
    assert_eq!((lab.details.len(), lab.detail().0.read.maps[0].queueing), (4, Queueing::Off));
    // That it has a path again, too; that it has one more waits as ever.
    let back = || read(&[("w1", &[true, false])]);
    lab.live(85_000, &back);
    assert_eq!((lab.details.len(), lab.detail().0.read.maps), (5, back().maps));
    lab.live(96_000, &|| read(&[("w1", &[true, true])]));
    assert_eq!(lab.details.len(), 5);
    // Its map goes, which is told at the next read, and then nothing more.
    lab.live(120_000, &|| read(&[("w1", &[true, true])]));
    lab.live(160_000, &back);
    let before = lab.details.len();
    lab.live(171_000, &|| read(&[]));
    assert_eq!((lab.details.len(), lab.detail().0.read.maps), (before + 1, vec![]));
    lab.live(200_000, &|| read(&[]));
    assert_eq!(lab.details.len(), before + 1);
}

#[test]
fn a_map_that_is_suspended_is_told_in_detail_within_5_s_and_so_is_that_it_is_not() {
    let mut lab = Lab::new().at_rest();
    let well = || read(&[("w1", &[true, true])]);
    let suspended = || {
        let mut read = well();
        read.maps[0].suspended = true;
        read
    };
    lab.live(40_000, &well);
    let before = lab.details.len();
    // A moment's suspension is seen, and is over at the next read: it must not stand for half a minute.
    for (at, (until, reads)) in
        (1..).zip([(51_000, &suspended as &dyn Fn() -> NodeRead), (62_000, &well), (73_000, &suspended)])
    {
        lab.live(until, &reads);
        assert_eq!((lab.details.len(), lab.detail().0.read.maps), (before + at, reads().maps), "{until}");
    }
    // Without multipathd the kernel's word counts.
    let kernel = |suspended: bool| {
        move || NodeRead { daemon: Daemon::Stopped, kernel: Ok(vec![kernel_map(suspended)]), ..read(&[]) }
    };
    for (at, (until, is)) in (4..).zip([(84_000, false), (95_000, true), (106_000, false)]) {
        lab.live(until, &kernel(is));
        assert_eq!(lab.details.len(), before + at, "{until}");
    }
}

#[test]
fn a_detail_that_was_not_taken_is_said_again_and_so_is_all_after_the_store_was_away() {
    let mut lab = Lab::new();
    lab.at(
        0,
        AgentEvent::Store {
            own_keys: vec!["multipath-detail-3".into(), "multipath-detail".into()],
            own_ledger: None,
        },
    );
    lab.read_back(10, read(&[("w1", &[true])]));
    assert_eq!(lab.taken(20), ["detail"]);
    assert_eq!(
        lab.detail().1,
        ["multipath-detail:true", "multipath-detail-2:false", "multipath-detail-3:false"]
    );
    lab.detail_taken(30, false);
    let well = || read(&[("w1", &[true])]);
    lab.live(30_019, &well);
    assert_eq!(lab.details.len(), 1);
    lab.live(30_020, &well);
    assert_eq!(lab.details.len(), 2);
    assert_eq!(lab.detail().1.len(), 3, "it may still hold them");
    lab.live(70_000, &well);
    assert_eq!(lab.details.len(), 2);
    assert_eq!(
        lab.at(70_100, AgentEvent::Store { own_keys: vec!["multipath-detail".into()], own_ledger: None }),
        ["publish"]
    );
    assert_eq!(lab.taken(70_110), ["detail"]);
    assert_eq!(lab.detail().1, ["multipath-detail:true"]);
}

#[test]
fn a_node_too_large_for_a_detail_clears_what_it_published_before() {
    let mut lab = Lab::new();
    lab.at(
        0,
        AgentEvent::Store {
            own_keys: vec!["multipath-detail-2".into(), "multipath-detail".into()],
            own_ledger: None,
        },
    );
    // Nine megabytes that nothing packs.
    let mut state = 1u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + (state >> 33) as u8 % 75)
    };
    let mut large = read(&[("w1", &[true, true])]);
    large.maps[0].features = (0..9 << 20).map(|_| letter()).filter(|c| *c != '\\').collect();
    lab.read_back(10, large);
    assert_eq!(lab.taken(20), ["detail"]);
    let values = |lab: &Lab| lab.details.last().unwrap().values();
    let cleared = ["multipath-detail", "multipath-detail-2"].map(|key| (key.to_owned(), None));
    assert_eq!(values(&lab), (cleared.to_vec(), 0));
    lab.detail_taken(30, true);
    // It shrinks: there is nothing left that would have to go.
    lab.live(40_000, &|| read(&[("w1", &[true])]));
    assert_eq!((lab.details.len(), lab.detail().1), (2, vec!["multipath-detail:true".to_owned()]));
}

#[test]
fn over_its_budget_a_node_gives_no_details_and_a_read_that_found_nothing_replaces_none() {
    let limits = PublishLimits { floor_ms: 200, budget_bytes_per_min: Some(5_000), refresh_by_marker: true };
    let mut lab = Lab::with_limits(limits);
    lab.at(0, AgentEvent::Store { own_keys: vec![], own_ledger: None });
    let names: Vec<String> = (0..100).map(|i| format!("w{i}")).collect();
    let many: Vec<(&str, &[bool])> = names.iter().map(|n| (n.as_str(), &[true][..])).collect();
    lab.read_back(10, read(&many));
    assert_eq!(lab.taken(20), NOTHING, "the report has used it up");
    let few = || read(&[("w1", &[true])]);
    lab.live(60_009, &few);
    assert_eq!(lab.details.len(), 0);
    lab.live(60_010, &few);
    assert_eq!(lab.details.len(), 1, "what is a minute old counts no longer");
    let mut lab = Lab::new().at_rest();
    lab.live(60_000, &hung);
    assert_eq!(lab.details.len(), 1, "what was seen before stands");
}

#[test]
fn a_detail_goes_when_the_budget_bears_it_and_every_ten_minutes_whatever_the_budget() {
    // Some hundred bytes for the report, some hundred for the detail: both do not fit into one minute.
    let limits = |budget| PublishLimits { budget_bytes_per_min: Some(budget), ..MARKERS };
    let named = |name: &str| {
        let mut read = read(&[("w1", &[true, true])]);
        read.maps[0].name = name.into();
        read
    };
    let mut lab = Lab::with_limits(limits(900)).at_rest();
    let size: u64 = {
        let (values, _) = lab.details[0].values();
        values.iter().map(|(k, v)| (k.len() + v.as_ref().map_or(0, Vec::len)) as u64).sum()
    };
    let report: u64 =
        lab.published[0].1.iter().map(|(k, v)| (k.len() + v.as_ref().map_or(0, Vec::len)) as u64).sum();
    assert!(report + size <= 900 && report + 2 * size > 900, "{report} and {size}");
    lab.live(31_000, &|| named("a"));
    assert_eq!((lab.details.len(), lab.agent.over_budget()), (1, false), "it would use it up");
    lab.live(60_100, &|| named("a"));
    assert_eq!((lab.details.len(), lab.agent.over_budget()), (2, false), "it is free again");
    // A budget that not even the report fits into.
    let mut lab = Lab::with_limits(PublishLimits { refresh_by_marker: false, ..limits(100) }).at_rest();
    assert_eq!(lab.details.len(), 0);
    lab.live(599_000, &|| named("a"));
    assert_eq!(lab.details.len(), 0);
    lab.live(601_000, &|| named("a"));
    assert_eq!(lab.details.len(), 1);
    lab.live(1_200_000, &|| named("b"));
    assert_eq!(lab.details.len(), 1);
    lab.live(1_250_000, &|| named("b"));
    assert_eq!(lab.details.len(), 2);
}

#[test]
fn attempts_that_the_store_did_not_take_use_up_no_budget() {
    let report = {
        let lab = Lab::new().at_rest();
        let values = &lab.published[0].1;
        values.iter().map(|(k, v)| (k.len() + v.as_ref().map_or(0, Vec::len)) as u64).sum::<u64>()
    };
    let mut lab =
        Lab::with_limits(PublishLimits { budget_bytes_per_min: Some(4 * report), ..MARKERS }).at_rest();
    lab.at(70_000, AgentEvent::Store { own_keys: vec![], own_ledger: None });
    let mut tries = 0;
    while lab.ms < 100_000 {
        match lab.agent.running() {
            Some((id, true)) => drop(lab.at(lab.ms, AgentEvent::Probed { id, calm: true })),
            Some(_) => drop(lab.read_back(lab.ms, read(&[("w1", &[true, true])]))),
            None => drop(lab.tick(lab.deadline_ms().max(lab.ms))),
        }
        let id = lab.published.last().unwrap().0;
        tries = lab.published.len();
        lab.at(lab.ms, AgentEvent::Published { id, taken: false });
        assert!(!lab.agent.over_budget(), "at {} ms", lab.ms);
    }
    assert!(tries > 6, "{tries}");
}

fn ledger(wwids: &[&str]) -> Ledger {
    let lun = Lun { since: EpochS(5), seen: EpochS(9), ports: vec![], vg: None };
    let luns = wwids.iter().map(|w| (Wwid::new(w).unwrap(), lun.clone())).collect();
    Ledger { luns, ..Ledger::default() }
}

#[test]
fn the_ledger_is_kept_on_disk_and_published_when_it_changes() {
    let mut lab = Lab::new().at_rest();
    let well = || read(&[("w1", &[true, true])]);
    lab.live(600_000, &well);
    assert_eq!(lab.saved.len(), 0, "a map counts after ten minutes");
    lab.live(611_000, &well);
    let known =
        |ledger: &Ledger| ledger.luns.iter().map(|(w, l)| (w.to_string(), l.paths())).collect::<Vec<_>>();
    assert_eq!(known(&lab.saved[0]), [("w1".to_string(), 2)]);
    let told = |lab: &Lab| lab.detail().0.ledger.map(|l| known(&l));
    assert_eq!(told(&lab), Some(vec![("w1".into(), 2)]));
    let details = lab.details.len();
    lab.live(3_000_000, &well);
    assert_eq!((lab.saved.len(), lab.details.len()), (1, details), "nothing changed");
    lab.live(8_000_000, &well);
    assert_eq!(
        (lab.saved.len(), lab.details.len()),
        (3, details),
        "when it was last seen is for the disk, once an hour"
    );
    // What is gone stays, and when it was last seen is known to the read.
    lab.live(8_100_000, &|| read(&[]));
    let gone = &lab.saved.last().unwrap().luns[&Wwid::new("w1").unwrap()];
    assert_eq!((gone.paths(), gone.seen), (2, EpochS(WALL + 8_000)));
    assert_eq!(told(&lab), Some(vec![("w1".into(), 2)]));
    assert_eq!(lab.report().0, [], "and the node says aloud that it has none");
}

#[test]
fn a_ledger_from_the_disk_counts_and_one_that_was_lost_is_taken_back_from_the_store() {
    let mut lab = Lab::new();
    lab.at(0, AgentEvent::LedgerLoaded(ledger(&["w7"])));
    lab.at(5, AgentEvent::Store { own_keys: vec![], own_ledger: Some(ledger(&["w8"])) });
    lab.read_back(10, read(&[]));
    assert_eq!(lab.report().0, [], "it once carried a LUN");
    lab.taken(20);
    assert_eq!(lab.detail().0.ledger, Some(ledger(&["w7", "w8"])), "merging only adds");
    assert_eq!(*lab.saved[0], ledger(&["w7", "w8"]));

    let mut lab = Lab::new();
    lab.tick(0);
    lab.read_back(10, read(&[]));
    lab.taken(20);
    assert_eq!(lab.details.len(), 0, "nothing empty is published over what may be there");
    let words = lab.at(30, AgentEvent::Store { own_keys: vec![], own_ledger: Some(ledger(&["w8"])) });
    assert_eq!(words, ["looked", "save"], "the store's floor holds the report");
    assert_eq!(*lab.saved[0], ledger(&["w8"]));
    lab.live(1_000, &|| read(&[]));
    assert_eq!((lab.report().0, lab.detail().0.ledger), (vec![], Some(ledger(&["w8"]))));
    // Only once: what the store says later is what this run said.
    lab.at(40_000, AgentEvent::Store { own_keys: vec![], own_ledger: Some(ledger(&["w9"])) });
    lab.live(140_000, &|| read(&[]));
    assert_eq!(lab.saved.len(), 1);
}

#[test]
fn where_another_program_reports_only_own_keys_are_written_and_nothing_of_it_is_cleared() {
    let keys = |lab: &Lab| -> Vec<String> {
        let (_, values) = lab.published.last().unwrap();
        values.iter().map(|(k, v)| format!("{k}:{}", v.is_some())).collect()
    };
    let by = |lab: &Lab| {
        let value = lab.published.last().unwrap().1.last().unwrap().1.clone().unwrap();
        NodeValue::decode(&value).unwrap().report_by
    };
    let well = || read(&[("w1", &[true, true])]);
    let mut lab = Lab::new();
    lab.at(
        0,
        AgentEvent::Store { own_keys: vec!["multipath".into(), "multipath-apply".into()], own_ledger: None },
    );
    lab.at(5, AgentEvent::ReportBy(Some("pve".into())));
    lab.read_back(10, well());
    assert_eq!((keys(&lab), by(&lab)), (vec!["multipath-node:true".to_string()], Some("pve".into())));
    assert_eq!(lab.taken(20), ["detail"], "the details are ours");
    lab.live(70_000, &well);
    assert_eq!(keys(&lab), ["multipath-node:true"], "and so is the refresh");
    lab.at(70_100, AgentEvent::ReportBy(Some("pve".into())));
    // It is removed: the node reports again.
    lab.at(70_200, AgentEvent::ReportBy(None));
    lab.live(71_000, &well);
    assert_eq!((keys(&lab), by(&lab)), (vec!["multipath:true".into(), "multipath-node:true".into()], None));
    // It is installed, and a large report of ours stands: the parts that it does not know are cleared, its key is not.
    let mut lab = Lab::new();
    let own_keys = ["multipath", "multipath-2", "multipath-3"].map(String::from).to_vec();
    lab.at(0, AgentEvent::Store { own_keys, own_ledger: None });
    lab.at(5, AgentEvent::ReportBy(Some("pve".into())));
    lab.read_back(10, well());
    assert_eq!(keys(&lab), ["multipath-2:false", "multipath-3:false", "multipath-node:true"]);
}

#[test]
fn before_a_read_has_proven_anything_no_report_is_touched() {
    let mut lab = Lab::new();
    let own_keys = ["multipath", "multipath-2"].map(String::from).to_vec();
    lab.at(0, AgentEvent::Store { own_keys, own_ledger: None });
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
    lab.at(0, AgentEvent::Store { own_keys: vec![], own_ledger: None });
    assert_eq!(lab.tick(8_000), ["abandon", "looked", "publish"]);
    assert!(matches!(lab.agent.last_read().unwrap().daemon, Daemon::Unreadable { .. }));
}

#[test]
fn a_store_that_comes_back_while_a_publication_is_under_way_gets_the_next_after_it() {
    let mut lab = Lab::new();
    lab.at(0, AgentEvent::Store { own_keys: vec![], own_ledger: None });
    assert_eq!(lab.read_back(10, read(&[("w1", &[true])])), ["looked", "publish"]);
    assert_eq!(
        lab.at(500, AgentEvent::Store { own_keys: vec![], own_ledger: None }),
        NOTHING,
        "one at a time"
    );
    assert_eq!(lab.taken(600), ["publish"], "and all is said again");
}

#[test]
fn a_large_report_is_put_last_part_first() {
    let mut lab = Lab::new();
    lab.at(0, AgentEvent::Store { own_keys: vec![], own_ledger: None });
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
    fn any_order_of_events(steps in proptest::collection::vec((0u8..11, 0u64..9_000), 1..80)) {
        let mut lab = Lab::new();
        lab.at(0, AgentEvent::Store { own_keys: vec![], own_ledger: None });
        for (what, wait) in steps {
            let ms = lab.ms + wait;
            let id = lab.last_id;
            match what {
                8 if !lab.details.is_empty() => drop(lab.detail_taken(ms, wait % 3 > 0)),
                9 => drop(lab.at(ms, AgentEvent::Store { own_keys: vec!["multipath-detail-4".into()], own_ledger: None })),
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
