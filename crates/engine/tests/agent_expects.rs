//! What a node says of its LUNs by what it remembers, what is configured and what people ordered. Time is stepped by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use pathkeeper_engine::agent::{Agent, AgentConfig, AgentEffect, AgentEvent, NodeFacts};
use pathkeeper_engine::publish::{DetailDone, DetailDraft, PublishLimits, Put};
use pathkeeper_model::detail::{DetailPart, Packed};
use pathkeeper_model::ledger::{HOLD_MS, Ledger, Lun, Port, VgMark};
use pathkeeper_model::local::*;
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::node_value::NodeValue;
use pathkeeper_model::orders::{Order, OrderKind, Orders};
use pathkeeper_model::report::decode_part;
use pathkeeper_model::{EpochS, Instance, MonoMs, NodeName, Now, Wwid};

/// An agent that lives: its reads come back at once with `found`, its values are taken, multipathd is `calm`.
struct Lab {
    agent: Agent,
    ms: u64,
    found: NodeRead,
    calm: bool,
    /// What the store holds of this node.
    stored: std::collections::BTreeMap<String, Vec<u8>>,
    details: Vec<DetailDraft>,
    saved: Option<Ledger>,
}

const WALL: i64 = 1_783_082_400;

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

/// `w1 4` : a map with four usable paths; `w1 2/4`: two of its four are down. Each path has a target port of its own.
fn read(maps: &[&str]) -> NodeRead {
    let map = |text: &&str| {
        let (name, paths) = text.split_once(' ').unwrap();
        let (up, all) = paths.split_once('/').unwrap_or((paths, paths));
        let (up, all): (u32, u32) = (up.parse().unwrap(), all.parse().unwrap());
        let path = |n: u32| PathDevice {
            dm: if n < up { DmState::Active } else { DmState::Failed },
            check: if n < up { CheckState::Ready } else { CheckState::Faulty },
            device: DevState::Running,
            adapter_port: Some("a".into()),
            target_port: Some(format!("t{n}").into()),
            ..PathDevice::unknown("sda", "8:0")
        };
        let group = PathGroup {
            selector: "service-time 0".into(),
            priority: 1,
            status: "active".into(),
            marginal: false,
            paths: (0..all).map(path).collect(),
        };
        Map { groups: vec![group], ..Map::unknown(name, wwid(name)) }
    };
    NodeRead {
        maps: maps.iter().map(map).collect(),
        ..NodeRead::empty(EpochS(WALL), Daemon::Answering { pid: Some(1) })
    }
}

/// multipathd gives nothing; the kernel has these maps, all of their paths active.
fn without_multipathd(daemon: Daemon, maps: &[(&str, u32)]) -> NodeRead {
    let map = |(name, paths): &(&str, u32)| KernelMap {
        name: (*name).into(),
        wwid: wwid(name),
        dev_t: "253:0".into(),
        size_bytes: 0,
        open_count: 0,
        suspended: false,
        queue_if_no_path: false,
        queued: 0,
        paths: (0..*paths).map(|_| KernelPath { dev_t: "8:0".into(), active: true, fail_count: 0 }).collect(),
        unreadable: false,
    };
    NodeRead { daemon, kernel: Ok(maps.iter().map(map).collect()), ..read(&[]) }
}

fn hung() -> Daemon {
    Daemon::Hung { waited_ms: 4500 }
}

fn ledger(luns: &[(&str, u32)]) -> Ledger {
    let lun = |(name, paths): &(&str, u32)| {
        let port = |n| Port { adapter: "a".into(), target: format!("t{n}").into(), paths: 1 };
        let vg = Some(VgMark { name: format!("vg-{name}"), uuid: None });
        (wwid(name), Lun { since: EpochS(5), seen: EpochS(WALL), ports: (0..*paths).map(port).collect(), vg })
    };
    Ledger { luns: luns.iter().map(lun).collect(), ..Ledger::default() }
}

fn order(id: &str, kind: OrderKind, lun: &str) -> Order {
    let by = "root@pam".into();
    Order { id: id.into(), kind, wwid: wwid(lun), node: None, by, time: EpochS(WALL) }
}

fn ack(id: &str, lun: &str, shown: u32) -> Order {
    let paths = [(NodeName::new("pve1").unwrap(), shown)].into();
    order(id, OrderKind::AckPaths { paths }, lun)
}

impl Lab {
    fn new(uptime_ms: Option<u64>, found: NodeRead) -> Self {
        let config = AgentConfig {
            node: NodeName::new("pve1").unwrap(),
            instance: Instance(7),
            poll_ms: 10_000,
            limits: PublishLimits { floor_ms: 200, budget_bytes_per_min: None, refresh_by_marker: false },
            facts: NodeFacts { uptime_ms, ..NodeFacts::default() },
        };
        let agent = Agent::new(config, Now { mono: MonoMs(5_000), wall: EpochS(WALL) });
        let stored = Default::default();
        Self { agent, ms: 0, found, calm: true, stored, details: Vec::new(), saved: None }
    }

    /// Started with this ledger on its disk, in a store that holds nothing of it.
    fn started(uptime_ms: Option<u64>, luns: &[(&str, u32)], found: NodeRead) -> Self {
        let mut lab = Self::new(uptime_ms, found);
        lab.apply(AgentEvent::LedgerLoaded(ledger(luns)));
        lab.apply(AgentEvent::Store { own_keys: vec![], own_ledger: None });
        lab
    }

    fn apply(&mut self, event: AgentEvent) {
        let now = Now { mono: MonoMs(5_000 + self.ms), wall: EpochS(WALL + (self.ms / 1000) as i64) };
        let mut next = vec![event];
        while let Some(event) = next.pop() {
            for effect in self.agent.apply(event, now) {
                match effect {
                    AgentEffect::Read { id, .. } => {
                        let read = Some(Box::new(self.found.clone()));
                        next.push(AgentEvent::Read { id, read });
                    }
                    AgentEffect::Probe { id } => next.push(AgentEvent::Probed { id, calm: self.calm }),
                    AgentEffect::Publish(publication) => {
                        self.store(publication.values);
                        next.push(AgentEvent::Published { id: publication.id, taken: true });
                    }
                    AgentEffect::PublishDetail(draft) => {
                        let (values, parts) = draft.values();
                        self.store(values);
                        let done = DetailDone { id: draft.id, taken: true, bytes: 1, put_bytes: 1, parts };
                        self.details.push(draft);
                        next.push(AgentEvent::DetailPublished(done));
                    }
                    AgentEffect::SaveLedger(ledger) => self.saved = Some(Ledger::clone(&ledger)),
                    AgentEffect::Looked | AgentEffect::Abandon { .. } | AgentEffect::PublishTold(_) => {}
                }
            }
        }
    }

    fn store(&mut self, values: Vec<Put>) {
        for (key, value) in values {
            match value {
                Some(value) => drop(self.stored.insert(key, value)),
                None => drop(self.stored.remove(&key)),
            }
        }
    }

    /// Lives for so long, from deadline to deadline.
    fn live(&mut self, ms: u64) -> &mut Self {
        let end = self.ms + ms;
        loop {
            let due = self.agent.next_deadline().0.saturating_sub(5_000).max(self.ms);
            if due > end {
                self.ms = end;
                return self;
            }
            self.ms = due;
            self.apply(AgentEvent::Tick);
        }
    }

    /// The kernel gives a sign, and the node finds this; a moment later:
    fn find(&mut self, found: NodeRead) -> String {
        self.found = found;
        self.apply(AgentEvent::Trigger);
        self.live(1_500).says()
    }

    fn order(&mut self, entries: Vec<Order>) -> String {
        self.apply(AgentEvent::Orders(Orders { entries }));
        self.live(500).says()
    }

    fn configure(&mut self, text: Option<&str>) -> String {
        self.apply(AgentEvent::Config(Reading::parse(text.map(str::as_bytes))));
        self.live(500).says()
    }

    /// What the store holds: `w1 degraded 2/2 of 4, w2 unknown; settling 1`, or `nothing`.
    fn says(&self) -> String {
        let Some(report) = self.stored.get("multipath") else { return "nothing".into() };
        let report = decode_part(report).unwrap();
        let entry = |(wwid, entry): &(Wwid, pathkeeper_model::Entry)| {
            let counts = entry.paths_active.zip(entry.paths_total);
            let counts = counts.map_or(String::new(), |(active, total)| format!(" {active}/{total}"));
            let expected = entry.paths_expected.map_or(String::new(), |n| format!(" of {n}"));
            format!("{wwid} {}{counts}{expected}", entry.state.as_str())
        };
        let entries: Vec<String> = report.entries.iter().map(entry).collect();
        let about = NodeValue::decode(&self.stored["multipath-node"]).unwrap();
        let settling = Some(about.settling).filter(|n| *n > 0);
        entries.join(", ") + &settling.map_or(String::new(), |n| format!("; settling {n}"))
    }

    /// The ledger in the last detail: `w1 4 vg-w1`, and the ids that were obeyed.
    fn published(&self) -> (Vec<String>, Vec<String>) {
        let Some(draft) = self.details.last() else { return Default::default() };
        let (values, _) = draft.values();
        let parts = values.iter().rev().filter_map(|(_, v)| v.as_ref());
        let parts = parts.map(|v| DetailPart::decode(v).unwrap()).collect();
        let ledger = Packed::new(parts).unpack().unwrap().ledger.unwrap_or_default();
        let lun = |(wwid, lun): (&Wwid, &Lun)| {
            format!("{wwid} {} {}", lun.paths(), lun.vg.as_ref().map_or("", |vg| &vg.name))
        };
        (ledger.luns.iter().map(lun).collect(), ledger.obeyed.into_keys().collect())
    }
}

#[test]
fn a_path_that_the_kernel_forgets_is_missed() {
    let mut lab = Lab::started(None, &[], read(&["w1 2"]));
    assert_eq!(
        lab.live(HOLD_MS - 1_000).says(),
        "w1 optimal 2/2",
        "nothing is known of how many it should have"
    );
    assert_eq!(lab.live(20_000).says(), "w1 optimal 2/2 of 2");
    assert_eq!(lab.find(read(&["w1 1"])), "w1 degraded 1/1 of 2");
    assert_eq!(lab.live(24 * 3_600_000).says(), "w1 degraded 1/1 of 2", "time alone makes nothing well");
    // Also while nobody checks paths: the kernel's paths cannot be more than they are.
    assert_eq!(lab.find(without_multipathd(hung(), &[("w1", 1)])), "w1 degraded 1/1 of 2");
    assert_eq!(lab.find(without_multipathd(hung(), &[("w1", 2)])), "w1 unknown 2/2 of 2");
    assert_eq!(lab.find(read(&["w1 2"])), "w1 optimal 2/2 of 2");
    // More than ever: from then on that is what it should have.
    assert_eq!(lab.find(read(&["w1 4"])), "w1 optimal 4/4 of 2");
    assert_eq!(lab.live(HOLD_MS + 20_000).says(), "w1 optimal 4/4 of 4");
    assert_eq!(lab.find(read(&["w1 2"])), "w1 degraded 2/2 of 4");
}

#[test]
fn a_node_that_comes_back_with_half_of_its_paths_is_degraded_at_once() {
    let lab = Lab::started(None, &[("w1", 4), ("w2", 0)], read(&["w1 2", "w2 2"]));
    assert_eq!(lab.says(), "w1 degraded 2/2 of 4, w2 optimal 2/2", "one never had a usable path");
}

#[test]
fn a_section_is_stronger_than_the_defaults_and_those_than_memory() {
    let mut lab = Lab::started(None, &[("w1", 4), ("w2", 4)], read(&["w1 2", "w2 2"]));
    let both = |w1: &str, w2: &str| format!("w1 {w1}, w2 {w2}");
    assert_eq!(lab.says(), both("degraded 2/2 of 4", "degraded 2/2 of 4"));
    let defaults = "defaults: global\n\texpected-paths 2\n";
    assert_eq!(lab.configure(Some(defaults)), both("optimal 2/2 of 2", "optimal 2/2 of 2"));
    let section = format!("{defaults}\nwwid: w1\n\texpected-paths 8\n");
    let in_force = both("degraded 2/2 of 8", "optimal 2/2 of 2");
    assert_eq!(lab.configure(Some(&section)), in_force);
    // No instruction is not an empty one.
    for none in [None, Some(""), Some("wwid: w1\n\texpected-paths many\n")] {
        assert_eq!(lab.configure(none), in_force, "{none:?}");
    }
    assert_eq!(
        lab.configure(Some("wwid: w1\n\tcomment nothing of paths\n")),
        both("degraded 2/2 of 4", "degraded 2/2 of 4")
    );
}

#[test]
fn after_the_boot_a_lun_without_a_map_is_unknown_until_multipathd_was_idle() {
    let kept: &[(&str, u32)] = &[("w1", 2), ("w2", 4)];
    let settling = "w1 unknown of 2, w2 unknown of 4; settling 2";
    // multipathd is not there yet; then it assembles, and answers meanwhile; then it is idle.
    let mut lab = Lab::started(Some(20_000), kept, without_multipathd(Daemon::Stopped, &[]));
    assert_eq!(lab.says(), settling);
    lab.calm = false;
    assert_eq!(lab.live(10_000).find(read(&[])), settling);
    assert_eq!(lab.find(read(&["w1 2"])), "w1 optimal 2/2 of 2, w2 unknown of 4; settling 1");
    assert_eq!(lab.live(20_000).says(), "w1 optimal 2/2 of 2, w2 unknown of 4; settling 1");
    lab.calm = true;
    assert_eq!(lab.live(11_000).says(), "w1 optimal 2/2 of 2", "whoever expects the other finds it missing");
    // Two minutes after the boot it is over, whatever multipathd does.
    for found in [without_multipathd(Daemon::Stopped, &[]), without_multipathd(hung(), &[]), read(&[])] {
        let mut lab = Lab::new(Some(20_000), found);
        lab.calm = false;
        lab.apply(AgentEvent::LedgerLoaded(ledger(kept)));
        lab.apply(AgentEvent::Store { own_keys: vec![], own_ledger: None });
        assert_eq!(lab.live(99_990).says(), settling);
        assert_eq!(lab.live(310).says(), "");
    }
}

#[test]
fn who_was_not_just_booted_does_not_settle() {
    // Idle from the start: within the moment that asking takes.
    let mut lab = Lab::started(Some(20_000), &[("w1", 2)], read(&[]));
    assert_eq!(lab.live(300).says(), "");
    // An agent that is restarted later; a machine of which the boot is not known.
    for uptime_ms in [Some(120_000), Some(86_400_000), None] {
        let lab = Lab::started(uptime_ms, &[("w1", 2)], without_multipathd(Daemon::Stopped, &[]));
        assert_eq!(lab.says(), "", "{uptime_ms:?}");
    }
    // Without a ledger nothing is waited for.
    let lab = Lab::started(Some(20_000), &[], without_multipathd(Daemon::Stopped, &[]));
    assert_eq!(lab.says(), "nothing");
    // A machine that lost its state waits for what the store knows of it.
    let mut lab = Lab::new(Some(20_000), without_multipathd(Daemon::Stopped, &[]));
    lab.apply(AgentEvent::Tick);
    let own_ledger = Some(ledger(&[("w1", 2)]));
    lab.apply(AgentEvent::Store { own_keys: vec![], own_ledger });
    assert_eq!(lab.live(300).says(), "w1 unknown of 2; settling 1");
}

#[test]
fn acknowledged_paths_are_missed_no_more() {
    let mut lab = Lab::started(None, &[("w1", 4)], read(&["w1 2"]));
    let degraded = "w1 degraded 2/2 of 4";
    assert_eq!(lab.says(), degraded);
    let other = Order { node: NodeName::new("pve2"), ..ack("i0", "w1", 2) };
    assert_eq!(lab.order(vec![other.clone()]), degraded, "another node is meant");
    assert_eq!(lab.order(vec![other, ack("i1", "w1", 2)]), "w1 optimal 2/2 of 2");
    assert_eq!(lab.live(60_000).published(), (vec!["w1 2 vg-w1".into()], vec!["i1".into()]));
    assert_eq!(lab.saved.as_ref().unwrap().obeyed.len(), 1);
    // Once: the four come back and are held, and then two are away again while the order still stands.
    lab.find(read(&["w1 4"]));
    lab.live(HOLD_MS + 20_000);
    assert_eq!(lab.find(read(&["w1 2"])), degraded);
    assert_eq!(lab.order(vec![ack("i1", "w1", 2)]), degraded);
    // Nor after a restart.
    let saved = lab.saved.clone().unwrap();
    let mut lab = Lab::new(None, read(&["w1 2"]));
    lab.apply(AgentEvent::LedgerLoaded(saved));
    lab.apply(AgentEvent::Orders(Orders { entries: vec![ack("i1", "w1", 2)] }));
    lab.apply(AgentEvent::Store { own_keys: vec![], own_ledger: None });
    assert_eq!(lab.says(), degraded);
    // What multipathd does not tell nobody takes down; the order waits for its answer.
    let mut lab = Lab::started(None, &[("w1", 4)], without_multipathd(hung(), &[("w1", 2)]));
    assert_eq!(lab.order(vec![ack("i1", "w1", 1)]), degraded);
    assert_eq!(lab.find(read(&["w1 2"])), "w1 optimal 2/2 of 2");
}

#[test]
fn before_the_store_has_told_what_it_holds_nothing_is_obeyed() {
    let mut lab = Lab::new(None, read(&["w1 2"]));
    lab.apply(AgentEvent::Orders(Orders { entries: vec![ack("i1", "w1", 2)] }));
    lab.live(60_000);
    assert_eq!((lab.says().as_str(), lab.details.len()), ("w1 optimal 2/2", 0));
    let own_ledger = Some(ledger(&[("w1", 4), ("w2", 4)]));
    lab.apply(AgentEvent::Store { own_keys: vec![], own_ledger });
    assert_eq!(lab.live(60_000).says(), "w1 optimal 2/2 of 2");
    assert_eq!(lab.published(), (vec!["w1 2 vg-w1".into(), "w2 4 vg-w2".into()], vec!["i1".into()]));
}

#[test]
fn a_node_of_which_every_lun_was_retired_has_no_value() {
    let retire = |lun: &str| order(&format!("r-{lun}"), OrderKind::Retire, lun);
    let mut lab = Lab::started(None, &[("w1", 2), ("w2", 2)], read(&["w1 2", "w2 2"]));
    assert_eq!(lab.find(read(&["w2 2"])), "w2 optimal 2/2 of 2");
    // One that is still there is reported, whatever was ordered, and nothing is expected of it.
    assert_eq!(lab.order(vec![retire("w1"), retire("w2")]), "w2 optimal 2/2");
    assert_eq!(lab.live(HOLD_MS + 20_000).published().0, [""; 0], "nor is it learned");
    assert_eq!(lab.find(read(&[])), "nothing");
    assert_eq!(lab.find(read(&["w1 1"])), "w1 optimal 1/1");
    lab.order(vec![retire("w1"), retire("w2"), order("f", OrderKind::Forget, "w1")]);
    assert_eq!(lab.live(HOLD_MS + 20_000).says(), "w1 optimal 1/1 of 1");
    assert_eq!(lab.find(read(&[])), "", "and now it is missed again");
    // What one of them was and never counted is missed too.
    let mut lab = Lab::started(None, &[("w1", 2)], read(&["w1 2", "w2 2"]));
    lab.find(read(&[]));
    assert_eq!(lab.order(vec![retire("w1")]), "");
    // It was ordered while the agent was away: the value of its earlier run goes.
    let mut lab = Lab::new(None, read(&[]));
    lab.stored.insert("multipath".into(), b"{}".to_vec());
    lab.apply(AgentEvent::LedgerLoaded(ledger(&[("w1", 2)])));
    lab.apply(AgentEvent::Orders(Orders { entries: vec![retire("w1")] }));
    lab.apply(AgentEvent::Store { own_keys: vec!["multipath".into()], own_ledger: None });
    assert_eq!(lab.live(1_000).says(), "nothing");
    // A forgotten LUN is another thing: that it had one is not taken back.
    let mut lab = Lab::started(None, &[("w1", 2)], read(&["w1 2"]));
    lab.find(read(&[]));
    assert_eq!(lab.order(vec![order("f", OrderKind::Forget, "w1")]), "");
}

#[test]
fn a_state_directory_that_was_lost_comes_back_whole_from_the_store() {
    let mut lab = Lab::started(None, &[("w1", 4), ("w2", 2)], read(&["w1 2", "w2 2"]));
    lab.order(vec![ack("i1", "w1", 2)]);
    lab.live(60_000);
    let before = lab.published();
    assert_eq!(before, (vec!["w1 2 vg-w1".into(), "w2 2 vg-w2".into()], vec!["i1".to_owned()]));
    let (values, _) = lab.details.last().unwrap().values();
    let parts = values.iter().rev().filter_map(|(_, v)| v.as_ref());
    let stored = Packed::new(parts.map(|v| DetailPart::decode(v).unwrap()).collect()).unpack().unwrap();
    let mut lab = Lab::new(None, read(&["w2 2"]));
    lab.live(300_000);
    assert_eq!(lab.details.len(), 0, "nothing smaller is published while the store may hold more");
    lab.apply(AgentEvent::Store { own_keys: vec!["multipath".into()], own_ledger: stored.ledger });
    lab.live(60_000);
    assert_eq!(lab.published(), before);
    assert_eq!(lab.saved.as_ref().map(|saved| (saved.luns.len(), saved.obeyed.len())), Some((2, 1)));
    assert_eq!(lab.find(read(&["w1 2", "w2 2"])), "w1 optimal 2/2 of 2, w2 optimal 2/2 of 2");
}
