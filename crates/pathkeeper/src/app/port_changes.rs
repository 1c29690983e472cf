//! How often each adapter and target port of this node has lost usable paths and got them back, since the agent started.
//!
//! A cable that is pulled takes many paths one after the other, as the checker comes by: that is one change, and their
//! return is the next. So only a turn counts, from losing to getting back or the other way.

use std::collections::BTreeMap;
use std::sync::Arc;

use pathkeeper_io::history::Row;
use pathkeeper_model::history::{Kind, Subject, What};
use pathkeeper_model::judge;
use pathkeeper_model::local::{Daemon, NodeRead, PathDevice};
use pathkeeper_model::topology::port_text;
use pathkeeper_model::{EpochS, NodeName};

/// Ports that are followed; further ones are not counted.
const PORTS_MAX: usize = 4_096;

/// Turns that wait to be told.
const TURNED_MAX: usize = 1_024;

/// An adapter (`host7`) and a target port, as people read it. Either may be empty: not known.
pub type Port = (Arc<str>, Arc<str>);

/// The port that a path runs over; `None` where neither end is known.
pub fn port_of(path: &PathDevice) -> Option<Port> {
    let hba = path.adapter.as_deref().unwrap_or_default();
    let target = path.target_port.as_deref().map(port_text).unwrap_or_default();
    (!hba.is_empty() || !target.is_empty()).then(|| (Arc::from(hba), target))
}

/// Usable paths of one LUN over each of its ports.
type Usable = BTreeMap<Port, i64>;

/// Follows one read after the other.
#[derive(Debug, Default)]
pub struct PortChanges {
    before: Option<BTreeMap<String, Usable>>,
    ports: BTreeMap<Port, Turns>,
    told: Arc<BTreeMap<Port, u64>>,
    /// Those that turned since this was last asked, and whether paths came back.
    turned: Vec<(Port, bool)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    count: u64,
    /// Whether it was losing paths (negative) or getting them back when it last changed.
    last: i64,
}

impl PortChanges {
    /// Takes a read in, and gives the changes so far of every port that was ever seen.
    pub fn take(&mut self, read: &NodeRead) -> Arc<BTreeMap<Port, u64>> {
        // Without multipathd nobody knows which paths are usable; the next answer is held against the last one.
        if matches!(read.daemon, Daemon::Answering { .. }) {
            let now = usable(read);
            self.compare(&now);
            self.before = Some(now);
            self.told =
                Arc::new(self.ports.iter().map(|(port, turns)| (port.clone(), turns.count)).collect());
        }
        self.told.clone()
    }

    /// The turns of the last reads as rows of the history.
    pub fn turned(&mut self, node: &NodeName, at: EpochS) -> Vec<Row> {
        let row = |((hba, target), back): (Port, bool)| {
            let object = if target.is_empty() { hba.to_string() } else { format!("{hba} -> {target}") };
            let text = if back { "usable paths over it came back" } else { "it lost usable paths" };
            Row {
                at,
                subject: Subject { object: Some(object.into()), ..Subject::node(Kind::Port, node) },
                code: None,
                what: What::Changed,
                text: text.into(),
                body: None,
                shared: None,
            }
        };
        self.turned.drain(..).map(row).collect()
    }

    fn compare(&mut self, now: &BTreeMap<String, Usable>) {
        let mut net: BTreeMap<Port, i64> = BTreeMap::new();
        for (wwid, is) in now {
            // A LUN that is new or gone says nothing about ports.
            let was = self.before.as_ref().and_then(|before| before.get(wwid));
            for (port, n) in is {
                *net.entry(port.clone()).or_default() += was.map_or(0, |_| *n);
            }
            for (port, n) in was.into_iter().flatten() {
                *net.entry(port.clone()).or_default() -= n;
            }
        }
        for (port, change) in net {
            if !self.ports.contains_key(&port) && self.ports.len() >= PORTS_MAX {
                continue;
            }
            let turns = self.ports.entry(port.clone()).or_default();
            if change != 0 && change.signum() != turns.last {
                turns.count += 1;
                turns.last = change.signum();
                if self.turned.len() < TURNED_MAX {
                    self.turned.push((port, change > 0));
                }
            }
        }
    }
}

/// Usable paths by LUN and port; a port over which none is usable stands there with 0.
fn usable(read: &NodeRead) -> BTreeMap<String, Usable> {
    let mut all: BTreeMap<String, Usable> = BTreeMap::new();
    for map in &read.maps {
        let of_lun = all.entry(map.wwid.to_string()).or_default();
        for path in map.groups.iter().flat_map(|group| &group.paths) {
            if let Some(port) = port_of(path) {
                *of_lun.entry(port).or_default() += i64::from(judge::is_usable(path));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathkeeper_model::Wwid;
    use pathkeeper_model::local::{CheckState, DevState, DmState, Map, PathGroup};

    /// `w1=++ w2=+-`: LUNs with a path over host6 and one over host7; `.` = the path is not there.
    fn read(text: &str) -> NodeRead {
        let path = |(at, word): (usize, char)| PathDevice {
            dm: if word == '+' { DmState::Active } else { DmState::Failed },
            check: CheckState::Ready,
            device: DevState::Running,
            adapter: Some(format!("host{}", 6 + at)),
            target_port: Some("0x2100000000000001".into()),
            ..PathDevice::unknown("sda", "8:0")
        };
        let map = |word: &str| {
            let (wwid, paths) = word.split_once('=').unwrap();
            let paths = paths.chars().enumerate().filter(|(_, c)| *c != '.').map(path).collect();
            let group = PathGroup {
                selector: String::new(),
                priority: 1,
                status: String::new(),
                marginal: false,
                paths,
            };
            Map { groups: vec![group], ..Map::unknown(wwid, Wwid::new(wwid).unwrap()) }
        };
        let daemon =
            if text == "hung" { Daemon::Hung { waited_ms: 1 } } else { Daemon::Answering { pid: None } };
        let maps = text.split_whitespace().filter(|word| word.contains('=')).map(map).collect();
        NodeRead { maps, ..NodeRead::empty(EpochS(1), daemon) }
    }

    #[test]
    fn turns_are_counted_and_not_paths() {
        for (reads, host6, host7) in [
            (&["a=++ b=++"][..], 0, 0),
            (&["a=++ b=++", "a=+- b=++", "a=+- b=+-"], 0, 1),
            (&["a=++ b=++", "a=+- b=++", "a=+- b=+-", "a=++ b=+-", "a=++ b=++"], 0, 2),
            (&["a=++", "a=+-", "a=++", "a=+-", "a=-+"], 1, 4),
            // The kernel deletes a path, and finds it again.
            (&["a=++", "a=+.", "a=++"], 0, 2),
            // LUNs come and go, and two that change places cancel out.
            (&["a=++", "a=++ b=--", "a=++"], 0, 0),
            (&["a=+- b=++", "a=++ b=+-"], 0, 0),
            // Nobody knows what happened meanwhile; what is different afterwards counts.
            (&["a=++", "hung", "a=+-", "hung"], 0, 1),
        ] {
            let mut changes = PortChanges::default();
            let told = reads.iter().map(|text| changes.take(&read(text))).last().unwrap();
            let of = |hba: &str| told[&(Arc::from(hba), Arc::from("21:00:00:00:00:00:00:01"))];
            assert_eq!((of("host6"), of("host7")), (host6, host7), "{reads:?}");
        }
    }
}
