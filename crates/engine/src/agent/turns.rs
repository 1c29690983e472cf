//! How often each adapter and target port of this node has lost usable paths and got them back.
//!
//! A cable that is pulled takes many paths one after the other, as the checker comes by: that is one change, and their
//! return is the next. So only a turn counts, from losing to getting back or the other way. What multipathd has not checked yet
//! says nothing, nor do the first looks after the node booted or multipathd began anew: only what is different when that has
//! settled counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use pathkeeper_model::local::{
    Daemon, NodeRead, PORT_CHANGES_MAX, PathDevice, Port, PortChange, PortChanges, port_of,
};
use pathkeeper_model::{EpochS, MonoMs, Now, Wwid, judge};

/// Turns that wait to be told.
const TURNED_MAX: usize = 1_024;
/// For so long after multipathd began anew nothing is compared: it assembles its maps and checks one path after the other.
const SETTLE_MS: u64 = 30_000;
/// How long turns are counted. One minute longer than anybody looks back, so that none is dropped before.
const MINUTES: i64 = 31;

/// A turn of a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turn {
    /// The port.
    pub port: Port,
    /// Usable paths over it came back; else it lost some.
    pub back: bool,
}

/// Usable paths of one LUN over each of its ports; `None` = that was never known.
type Usable = BTreeMap<Port, Option<i64>>;

/// Follows one read after the other.
#[derive(Debug, Default)]
pub(super) struct PortTurns {
    before: BTreeMap<Wwid, Usable>,
    ports: BTreeMap<Port, Followed>,
    turned: Vec<Turn>,
    totals: Arc<BTreeMap<Port, u64>>,
    told: Arc<PortChanges>,
    /// multipathd's process that answered last.
    pid: Option<u32>,
    /// It was gone, or was busy with its own beginning, since it answered last.
    away: bool,
    /// Nothing is compared before this.
    settles: Option<MonoMs>,
}

/// Times are seconds of the monotonic clock; what an earlier run saw may lie before its zero.
#[derive(Debug, Default)]
struct Followed {
    adapter_port: Option<Arc<str>>,
    /// Turns of this run.
    total: u64,
    /// Whether it was losing paths (negative) or getting them back when it last changed.
    direction: i64,
    last_s: Option<i64>,
    lately: Lately,
}

impl PortTurns {
    /// Takes a read in, and writes into it how often ports changed. `booting`: the node's disks are still coming.
    pub fn take(&mut self, read: &mut NodeRead, booting: bool, now: Now) {
        match &read.daemon {
            Daemon::Answering { pid } => {
                let other = pid.is_some_and(|pid| self.pid.is_some_and(|known| known != pid));
                if other || std::mem::take(&mut self.away) {
                    self.settles = Some(now.mono.plus(SETTLE_MS));
                }
                self.pid = pid.or(self.pid);
                if self.settles.is_some_and(|until| now.mono >= until) {
                    self.settles = None;
                }
                if booting || self.settles.is_none() {
                    let is = self.usable(read);
                    if !booting {
                        self.compare(&is, now);
                    }
                    self.before = is;
                }
                self.name_adapters(read);
            }
            Daemon::Absent | Daemon::Stopped | Daemon::Refused { .. } | Daemon::Reconfiguring { .. } => {
                self.away = true;
            }
            // The same process may go on. Nobody knows what happens meanwhile; what is different afterwards counts.
            Daemon::Hung { .. } | Daemon::Unreadable { .. } => {}
        }
        self.tell(read, now);
    }

    /// What this node wrote down of turns before this run.
    pub fn remember(&mut self, turns: &[(EpochS, Turn)], now: Now) {
        for (at, turn) in turns {
            let ago_s = now.wall.0.saturating_sub(at.0);
            if !(0..MINUTES * 60).contains(&ago_s) {
                continue;
            }
            let at_s = seconds(now.mono).saturating_sub(ago_s);
            let Some(port) = self.follow(&turn.port) else { continue };
            port.lately.add(at_s);
            if port.last_s.is_none_or(|last| last <= at_s) {
                port.last_s = Some(at_s);
                port.direction = if turn.back { 1 } else { -1 };
            }
        }
    }

    /// Turns of every port that was ever seen, in this run.
    pub fn totals(&self) -> &Arc<BTreeMap<Port, u64>> {
        &self.totals
    }

    /// Turns since this was last asked.
    pub fn turned(&mut self) -> Vec<Turn> {
        std::mem::take(&mut self.turned)
    }

    fn follow(&mut self, port: &Port) -> Option<&mut Followed> {
        if !self.ports.contains_key(port) && self.ports.len() >= PORT_CHANGES_MAX {
            return None;
        }
        Some(self.ports.entry(port.clone()).or_default())
    }

    /// Usable paths by LUN and port; a port over which none is usable stands there with 0. While a path of a port is neither
    /// usable nor proven down, what was known before stands.
    fn usable(&self, read: &NodeRead) -> BTreeMap<Wwid, Usable> {
        let mut all: BTreeMap<Wwid, Usable> = BTreeMap::new();
        for map in &read.maps {
            let of_lun = all.entry(map.wwid.clone()).or_default();
            let mut doubtful: Vec<Port> = Vec::new();
            for path in map.groups.iter().flat_map(|group| &group.paths) {
                let Some(port) = port_of(path) else { continue };
                if is_doubtful(path) {
                    doubtful.push(port.clone());
                }
                let n = of_lun.entry(port).or_insert(Some(0));
                *n = n.map(|n| n + i64::from(judge::is_usable(path)));
            }
            let was = self.before.get(&map.wwid);
            for port in doubtful {
                // A LUN that was known had no path there, if it says nothing of this port.
                let known = was.and_then(|was| was.get(&port).copied().unwrap_or(Some(0)));
                of_lun.insert(port, known);
            }
        }
        all
    }

    fn compare(&mut self, is: &BTreeMap<Wwid, Usable>, now: Now) {
        let mut net: BTreeMap<&Port, i64> = BTreeMap::new();
        let before = std::mem::take(&mut self.before);
        for (wwid, is) in is {
            // A LUN that is new or gone says nothing about ports.
            let was = before.get(wwid);
            for (port, n) in is {
                let was = was.and_then(|was| was.get(port).copied().unwrap_or(Some(0)));
                let change = n.zip(was).map_or(0, |(n, was)| n - was);
                *net.entry(port).or_default() += change;
            }
            for (port, n) in was.into_iter().flatten().filter(|(port, _)| !is.contains_key(*port)) {
                *net.entry(port).or_default() -= n.unwrap_or(0);
            }
        }
        let at_s = seconds(now.mono);
        for (name, change) in net {
            let Some(port) = self.follow(name) else { continue };
            if change == 0 {
                continue;
            }
            port.last_s = Some(at_s);
            if change.signum() != port.direction {
                port.direction = change.signum();
                port.total += 1;
                port.lately.add(at_s);
                if self.turned.len() < TURNED_MAX {
                    self.turned.push(Turn { port: name.clone(), back: change > 0 });
                }
            }
        }
    }

    /// Ports of adapters: a target port whose paths are all gone is told under the adapter's port too.
    fn name_adapters(&mut self, read: &NodeRead) {
        let paths = read.maps.iter().flat_map(|map| &map.groups).flat_map(|group| &group.paths);
        let of_paths =
            paths.filter_map(|path| Some((path.adapter.as_deref()?, path.adapter_port.as_deref()?)));
        let adapters = read.adapters.iter();
        let mut names: BTreeMap<&str, &str> =
            adapters.filter_map(|a| Some((a.name.as_str(), a.port_name.as_deref()?))).collect();
        names.extend(of_paths);
        for ((adapter, _), port) in self.ports.iter_mut().filter(|(_, port)| port.last_s.is_some()) {
            if let Some(name) = names.get(&**adapter)
                && port.adapter_port.as_deref() != Some(name)
            {
                port.adapter_port = Some(Arc::from(*name));
            }
        }
    }

    fn tell(&mut self, read: &mut NodeRead, now: Now) {
        let at_s = seconds(now.mono);
        let mut told = PortChanges::new();
        for (name, port) in &mut self.ports {
            let Some(last_s) = port.last_s else { continue };
            // By the time that has passed: a wall clock that is set moves nothing.
            let ago_s = at_s.saturating_sub(last_s).max(0);
            let change = PortChange {
                adapter_port: port.adapter_port.clone(),
                count_30_min: port.lately.count(at_s),
                last: EpochS(read.began.0.saturating_sub(ago_s)),
            };
            told.insert(name.clone(), change);
        }
        if *self.told != told {
            self.told = Arc::new(told);
        }
        read.port_changes = self.told.clone();
        let same = |(port, followed): (&Port, &Followed)| self.totals.get(port) == Some(&followed.total);
        if self.totals.len() != self.ports.len() || !self.ports.iter().all(same) {
            self.totals = Arc::new(self.ports.iter().map(|(port, of)| (port.clone(), of.total)).collect());
        }
    }
}

fn is_doubtful(path: &PathDevice) -> bool {
    !judge::is_usable(path) && !judge::is_proven_down(path)
}

fn seconds(at: MonoMs) -> i64 {
    i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX)
}

/// Turns by minute.
#[derive(Debug, Default)]
struct Lately {
    newest: i64,
    by_minute: [u16; MINUTES as usize],
}

impl Lately {
    fn slot(&mut self, minute: i64) -> Option<&mut u16> {
        self.by_minute.get_mut(usize::try_from(minute.rem_euclid(MINUTES)).ok()?)
    }

    fn roll(&mut self, minute: i64) {
        let from = (self.newest + 1).max(minute - MINUTES + 1);
        for minute in from..=minute {
            if let Some(n) = self.slot(minute) {
                *n = 0;
            }
        }
        self.newest = self.newest.max(minute);
    }

    fn add(&mut self, at_s: i64) {
        let minute = at_s.div_euclid(60);
        self.roll(minute);
        if self.newest - minute < MINUTES
            && let Some(n) = self.slot(minute)
        {
            *n = n.saturating_add(1);
        }
    }

    fn count(&mut self, at_s: i64) -> u16 {
        self.roll(at_s.div_euclid(60));
        self.by_minute.iter().fold(0, |sum: u16, n| sum.saturating_add(*n))
    }
}

#[cfg(test)]
mod tests;
