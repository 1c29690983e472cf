//! What breaks in a SAN against what people get: simulated machines with real agents, and on each node the real picture, the
//! real causes and the real rules. The table of docs/performance.md is printed by
//! `cargo test -p pathkeeper-engine --test engine messages_against_causes -- --ignored --nocapture`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pathkeeper_engine::alerts::{AlertEffect, Alerts, AlertsConfig};
use pathkeeper_engine::cluster::{Cluster, ClusterConfig, ClusterEvent};
use pathkeeper_model::alert::{ALERTS_KEY, AlertAct, AlertMessage};
use pathkeeper_model::finding::{Code, Severity};
use pathkeeper_model::mutes::{Mute, Mutes};
use pathkeeper_model::windows::{Window, WindowOn, Windows};
use pathkeeper_model::{EpochS, Instance, NodeName};

use crate::stories::world::{MINUTE, SECOND, World};

/// The machines of every scenario.
const NODES: usize = 5;
const LUNS: usize = 6;

/// One node that watches and alerts.
struct Watcher {
    name: NodeName,
    runs: u64,
    alive: Option<(Cluster, Alerts)>,
    /// What it was told.
    seen: BTreeMap<(NodeName, String), Vec<u8>>,
    members: BTreeMap<NodeName, bool>,
    /// Which documents it has read.
    documents: u64,
    queue: Vec<AlertMessage>,
    /// On the small side of a partition.
    apart: bool,
}

pub struct Town {
    pub world: World,
    watchers: Vec<Watcher>,
    told: BTreeMap<NodeName, Vec<u8>>,
    mutes: Mutes,
    windows: Windows,
    documents: u64,
    arrived: Vec<AlertMessage>,
}

impl Town {
    pub fn new() -> Self {
        let world = World::settled(NODES, LUNS, 4);
        let watchers = world.san.nodes.iter().map(|node| Watcher {
            name: node.name.clone(),
            runs: 0,
            alive: None,
            seen: BTreeMap::new(),
            members: BTreeMap::new(),
            documents: 0,
            queue: Vec::new(),
            apart: false,
        });
        let mut town = Self {
            watchers: watchers.collect(),
            world,
            told: BTreeMap::new(),
            mutes: Mutes::default(),
            windows: Windows::default(),
            documents: 1,
            arrived: Vec::new(),
        };
        (1..=NODES).for_each(|number| town.start(number));
        town.run(60 * SECOND);
        assert_eq!(town.arrived, [], "nothing is wrong yet");
        town
    }

    fn start(&mut self, number: usize) {
        let now = self.world.now();
        let watcher = &mut self.watchers[number - 1];
        watcher.runs += 1;
        let name = watcher.name.clone();
        let instance = Instance(0xa1 << 48 | (number as u64) << 32 | watcher.runs);
        let cluster = Cluster::new(ClusterConfig { observer: name.clone(), failover_worst_ms: 0 }, now);
        watcher.alive = Some((cluster, Alerts::new(AlertsConfig::new(name, instance), None, now)));
        (watcher.seen, watcher.members, watcher.documents) = (BTreeMap::new(), BTreeMap::new(), 0);
    }

    /// The agent ends, and with it all that it had not sent.
    pub fn kill(&mut self, number: usize) {
        (self.watchers[number - 1].alive, self.watchers[number - 1].queue) = (None, Vec::new());
    }

    /// The whole machine.
    pub fn goes_down(&mut self, number: usize) {
        self.kill(number);
        self.world.goes_down(number);
    }

    pub fn boots(&mut self, number: usize) {
        self.world.boots(number);
        self.start(number);
    }

    pub fn play(&mut self, script: &str) {
        self.world.play(script);
    }

    pub fn mute(&mut self, code: Code, number: usize) {
        let mute = Mute {
            id: "m".into(),
            code,
            node: Some(self.world.node(number)),
            wwid: None,
            object: None,
            by: "kb".into(),
            reason: "known".into(),
            time: self.world.now().wall,
            until: None,
            severity: Severity::Error,
            usable: BTreeMap::new(),
        };
        self.mutes.entries.push(mute);
        self.documents += 1;
    }

    pub fn window(&mut self, on: WindowOn, seconds: i64) {
        let now = self.world.now().wall;
        let window = Window {
            id: format!("w{}", self.windows.entries.len()),
            on,
            from: now,
            until: EpochS(now.0 + seconds),
            by: "kb".into(),
            reason: "works".into(),
            time: now,
        };
        self.windows.entries.push(window);
        self.documents += 1;
    }

    /// These nodes are cut off from the others, or nobody is any more.
    pub fn part(&mut self, apart: &[usize]) {
        for (at, watcher) in self.watchers.iter_mut().enumerate() {
            watcher.apart = apart.contains(&(at + 1));
        }
    }

    pub fn run(&mut self, ms: u64) {
        for _ in 0..ms / (5 * SECOND) {
            self.world.run(5 * SECOND);
            for at in 0..self.watchers.len() {
                self.look(at);
            }
        }
    }

    fn look(&mut self, at: usize) {
        let Some((mut cluster, mut alerts)) = self.watchers[at].alive.take() else { return };
        let now = self.world.now();
        let apart = self.watchers[at].apart;
        let same_side = |name: &NodeName| {
            self.watchers.iter().find(|of| of.name == *name).is_none_or(|of| of.apart == apart)
        };
        let (values, members) = (&self.world.values, &self.world.members);
        let mut members = members.clone();
        members.iter_mut().for_each(|(name, online)| *online &= same_side(name));
        let first = self.watchers[at].members.is_empty();
        let mut values: BTreeMap<(NodeName, String), Vec<u8>> =
            values.iter().map(|(place, bytes)| (place.clone(), bytes.clone())).collect();
        for (name, bytes) in &self.told {
            values.insert((name.clone(), ALERTS_KEY.to_owned()), bytes.clone());
        }
        values.retain(|(writer, _), _| same_side(writer));
        if self.watchers[at].members != members {
            let doubt = apart.then(|| ("no quorum".to_owned(), now.wall));
            cluster.take(ClusterEvent::Members { nodes: members.clone(), doubt }, now);
            self.watchers[at].members = members;
        }
        if self.watchers[at].documents != self.documents {
            self.watchers[at].documents = self.documents;
            cluster.take(ClusterEvent::Mutes(self.mutes.clone()), now);
            cluster.take(ClusterEvent::Windows(self.windows.clone()), now);
        }
        for (place, bytes) in &values {
            if self.watchers[at].seen.get(place) != Some(bytes) {
                let (writer, key) = place.clone();
                cluster.take(ClusterEvent::Value { writer, key, bytes: Some(bytes.clone()) }, now);
                self.watchers[at].seen.insert(place.clone(), bytes.clone());
            }
        }
        cluster.take(if first { ClusterEvent::Listed } else { ClusterEvent::Tick }, now);
        cluster.judge(now);
        for message in std::mem::take(&mut self.watchers[at].queue) {
            alerts.delivered(&message.key, message.turn);
            self.arrived.push(message);
        }
        let scene = cluster.alert_scene(&alerts.firing(), now);
        for effect in alerts.look(&scene, now) {
            match effect {
                AlertEffect::Send(message) => self.watchers[at].queue.push(*message),
                AlertEffect::Drop(key, turn) => {
                    self.watchers[at].queue.retain(|of| of.key != key || of.turn != turn);
                }
                AlertEffect::Tell(value) => {
                    self.told.insert(self.watchers[at].name.clone(), value.encode());
                }
                AlertEffect::Standing(_) | AlertEffect::End(_) | AlertEffect::Said(..) => {}
            }
        }
        self.watchers[at].alive = Some((cluster, alerts));
    }

    /// Each thing that was told, with how often it was told so.
    pub fn heard(&self) -> String {
        let mut by: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for message in &self.arrived {
            let act = match &message.ending {
                Some((ending, _)) => format!("resolved {}", ending.as_str()),
                None => message.act.as_str().to_owned(),
            };
            let luns = self.world.san.luns.iter().enumerate();
            let key = luns.fold(message.key.to_string(), |key, (at, lun)| {
                key.replace(lun.wwid.as_str(), &format!("LUN{}", at + 1))
            });
            let partial = if message.partial { " partial" } else { "" };
            *by.entry(key).or_default().entry(format!("{act}{partial}")).or_default() += 1;
        }
        let mut out = String::new();
        for (key, acts) in by {
            let acts: Vec<String> = acts.iter().map(|(act, n)| format!("{n} {act}")).collect();
            let _ = writeln!(out, "{key}: {}", acts.join(", "));
        }
        out
    }

    fn count(&self, of: impl Fn(AlertAct) -> bool) -> usize {
        self.arrived.iter().filter(|message| of(message.act)).count()
    }
}

/// What happens, how many causes that are, and what is to be sent.
struct Scenario {
    name: &'static str,
    causes: usize,
    /// In the end it is repaired.
    happens: fn(&mut Town),
}

fn stands(town: &mut Town, script: &str) {
    town.play(script);
    town.run(17 * MINUTE);
    town.play("+0s array heal");
    town.run(5 * MINUTE);
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "an adapter's link is down",
        causes: 1,
        happens: |town| stands(town, "+0s pve2 adapter host7 down"),
    },
    Scenario {
        name: "an array port is down",
        causes: 1,
        happens: |town| stands(town, "+0s array port ctl1-0e down"),
    },
    Scenario {
        name: "a controller is down (both ports)",
        causes: 1,
        happens: |town| stands(town, "+0s array port ctl1-0e down\n+0s array port ctl1-0f down"),
    },
    Scenario {
        name: "a fabric is down (every port in it)",
        causes: 1,
        happens: |town| stands(town, "+0s array port ctl1-0f down\n+0s array port ctl2-0f down"),
    },
    Scenario {
        name: "a LUN is unmapped from one node",
        causes: 1,
        happens: |town| stands(town, "+0s pve3 lun 2 unmap"),
    },
    Scenario {
        name: "a LUN is unmapped from every node",
        causes: 1,
        happens: |town| {
            let script: String = (1..=NODES).map(|n| format!("+0s pve{n} lun 2 unmap\n")).collect();
            stands(town, &script);
        },
    },
    Scenario {
        name: "one path is deleted",
        causes: 1,
        happens: |town| stands(town, "+0s pve1 path 1 1 delete"),
    },
    Scenario {
        name: "a map is not assembled",
        causes: 1,
        happens: |town| stands(town, "+0s pve4 lun 3 forget"),
    },
    Scenario {
        name: "both adapters of a node: no path is left",
        causes: 2,
        happens: |town| stands(town, "+0s pve2 adapter host6 down\n+0s pve2 adapter host7 down"),
    },
    Scenario {
        name: "two causes at once, on two nodes and the array",
        causes: 2,
        happens: |town| stands(town, "+0s pve2 adapter host7 down\n+0s array port ctl2-0f down"),
    },
    Scenario {
        name: "an adapter that is down for 30 s",
        causes: 0,
        happens: |town| {
            town.play("+0s pve2 adapter host7 down");
            town.run(30 * SECOND);
            town.play("+0s pve2 adapter host7 up");
            town.run(30 * MINUTE);
        },
    },
    Scenario {
        name: "a port that flaps for 10 min, 40 s each way",
        causes: 1,
        happens: |town| {
            for _ in 0..8 {
                town.play("+0s array port ctl1-0e down");
                town.run(40 * SECOND);
                town.play("+0s array port ctl1-0e up");
                town.run(40 * SECOND);
            }
            town.run(60 * MINUTE);
        },
    },
    Scenario {
        name: "a node dies and comes back",
        causes: 1,
        happens: |town| {
            town.goes_down(3);
            town.run(20 * MINUTE);
            town.boots(3);
            town.run(20 * MINUTE);
        },
    },
    Scenario {
        name: "multipathd is dead",
        causes: 1,
        happens: |town| stands(town, "+0s pve2 multipathd stop"),
    },
    Scenario {
        name: "multipathd hangs, and is killed and started",
        causes: 1,
        happens: |town| {
            town.play("+0s pve2 multipathd hang");
            town.run(10 * MINUTE);
            town.play("+0s pve2 multipathd stop");
            town.run(10 * MINUTE);
            town.play("+0s pve2 multipathd start");
            town.run(20 * MINUTE);
        },
    },
    Scenario {
        name: "an adapter is down, then its node's multipathd dies",
        causes: 2,
        happens: |town| {
            town.play("+0s pve2 adapter host7 down");
            town.run(10 * MINUTE);
            town.play("+0s pve2 multipathd stop");
            town.run(10 * MINUTE);
            town.play("+0s pve2 multipathd start");
            town.run(10 * MINUTE);
            town.play("+0s array heal");
            town.run(20 * MINUTE);
        },
    },
    Scenario {
        name: "rolling reboot, each node in a window",
        causes: 0,
        happens: |town| {
            for number in 1..=NODES {
                let node = town.world.node(number);
                town.window(WindowOn::Node(node), 900);
                town.goes_down(number);
                town.run(4 * MINUTE);
                town.boots(number);
                town.run(5 * MINUTE);
            }
            town.run(20 * MINUTE);
        },
    },
    Scenario {
        name: "rolling reboot without windows",
        causes: NODES,
        happens: |town| {
            for number in 1..=NODES {
                town.goes_down(number);
                town.run(4 * MINUTE);
                town.boots(number);
                town.run(5 * MINUTE);
            }
            town.run(20 * MINUTE);
        },
    },
    Scenario {
        name: "an adapter that is muted",
        causes: 0,
        happens: |town| {
            town.play("+0s pve2 adapter host7 down");
            town.run(20 * SECOND);
            town.mute(Code::HbaDown, 2);
            town.run(20 * MINUTE);
            town.play("+0s array heal");
            town.run(20 * MINUTE);
        },
    },
    Scenario {
        name: "an adapter that is muted after it was told",
        causes: 1,
        happens: |town| {
            town.play("+0s pve2 adapter host7 down");
            town.run(5 * MINUTE);
            town.mute(Code::HbaDown, 2);
            town.run(20 * MINUTE);
            town.play("+0s array heal");
            town.run(20 * MINUTE);
        },
    },
    Scenario {
        name: "whoever told it dies, then it is repaired",
        causes: 2,
        happens: |town| {
            town.play("+0s pve3 adapter host7 down");
            town.run(3 * MINUTE);
            town.goes_down(1);
            town.run(10 * MINUTE);
            town.play("+0s pve3 adapter host7 up");
            town.run(10 * MINUTE);
            town.boots(1);
            town.run(20 * MINUTE);
        },
    },
    Scenario {
        name: "partition of 3 against 2 while an adapter is down",
        causes: 4,
        happens: |town| {
            town.play("+0s pve1 adapter host7 down");
            town.run(3 * MINUTE);
            town.part(&[4, 5]);
            town.run(15 * MINUTE);
            town.part(&[]);
            town.run(10 * MINUTE);
            town.play("+0s array heal");
            town.run(20 * MINUTE);
        },
    },
];

/// Prints the table of docs/performance.md. What was told is told as over in the end, whatever it was.
#[test]
#[ignore = "needs minutes: it prints the table of docs/performance.md"]
fn messages_against_causes() {
    println!("| scenario | causes | firing | updates | resolved |\n| --- | --- | --- | --- | --- |");
    for scenario in SCENARIOS {
        let mut town = Town::new();
        (scenario.happens)(&mut town);
        let firing = town.count(|act| act == AlertAct::Firing);
        let updates = town.count(|act| act == AlertAct::Update);
        let resolved = town.count(|act| act == AlertAct::Resolved);
        let (name, causes) = (scenario.name, scenario.causes);
        println!("| {name} | {causes} | {firing} | {updates} | {resolved} |");
        eprintln!("# {name}\n{}", town.heard());
        assert_eq!(firing, resolved, "{name}: what was told is over\n{}", town.heard());
    }
}

/// One message while it flaps, and one when half an hour was quiet.
#[test]
fn what_flaps_is_told_once() {
    let mut town = Town::new();
    let scenario = SCENARIOS.iter().find(|of| of.name.starts_with("a port that flaps")).expect("it is there");
    (scenario.happens)(&mut town);
    let heard = town.heard();
    let flapping: Vec<&str> = heard.lines().filter(|line| line.contains("PORT_FLAPPING")).collect();
    assert_eq!(flapping.len(), 1, "{heard}");
    let of = |act: AlertAct| {
        let is =
            |message: &&AlertMessage| message.act == act && message.key.to_string().contains("PORT_FLAPPING");
        town.arrived.iter().filter(is).count()
    };
    assert_eq!((of(AlertAct::Firing), of(AlertAct::Resolved)), (1, 1), "{heard}");
}
