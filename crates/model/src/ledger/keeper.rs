//! How a ledger is learned from what reads find.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{HOLD_MS, LUNS_MAX, Ledger, Lun, PORTS_MAX, Port, VgMark};
use crate::ids::{EpochS, MonoMs, Now, Wwid};
use crate::judge;
use crate::local::{Daemon, NodeRead, PathDevice, Pv};
use crate::node_value::clip;
use crate::orders::Order;
use crate::report::TEXT_BYTES_MAX;

/// After a longer time without a successful read nothing is known to have been held meanwhile.
const GAP_MAX_MS: u64 = 180_000;
/// While a LUN is there, its "last seen" is written anew at most so often.
const SEEN_STEP_S: i64 = 3_600;

/// Texts that many hold, held once.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeSet<Arc<str>>);

impl Names {
    pub(super) fn share(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let name: Arc<str> = Arc::from(&*clip(name, TEXT_BYTES_MAX));
        if self.0.len() >= LUNS_MAX {
            self.0.clear();
        }
        self.0.insert(name.clone());
        name
    }
}

/// A path that is usable now, and since when without a break.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Up {
    pub adapter: Arc<str>,
    pub target: Arc<str>,
    pub since: MonoMs,
}

#[derive(Clone, Debug)]
pub(super) struct Watch {
    since: MonoMs,
    since_wall: EpochS,
    /// Sorted by adapter and target, the longest usable first.
    pub up: Vec<Up>,
}

/// What a read changed in the ledger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Change {
    /// Nothing.
    None,
    /// When LUNs that are there were last seen: worth keeping on the disk, for the power may fail; no news for others.
    Seen,
    /// What is known of a LUN.
    Known,
}

/// Keeps a [`Ledger`] from what reads find.
#[derive(Clone, Debug, Default)]
pub struct Keeper {
    /// Shared with those who write it somewhere; it is copied when it changes while they hold it.
    pub(super) ledger: Arc<Ledger>,
    /// The maps that the last answer of multipathd's named.
    pub(super) watched: BTreeMap<Wwid, Watch>,
    names: Names,
    last_read: Option<Now>,
    /// Orders to this node that were not carried out yet when they were told.
    pub(super) pending: Vec<Order>,
    /// LUNs that are out of service here by the orders: they are not learned.
    pub(super) retired: BTreeSet<Wwid>,
}

impl Keeper {
    /// Goes on from a ledger that was kept before.
    pub fn new(ledger: Ledger) -> Self {
        Self { ledger: Arc::new(ledger), ..Self::default() }
    }

    /// What is known now.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// A read came back. Only an answer of multipathd's tells which paths are usable.
    pub fn observe(&mut self, read: &NodeRead, now: Now) -> Change {
        if !matches!(read.daemon, Daemon::Answering { .. }) {
            return Change::None;
        }
        let last = self.last_read.replace(now);
        if last.is_some_and(|last| now.mono.since(last.mono) > GAP_MAX_MS) {
            self.watched.clear();
        }
        let mut changed = Change::None;
        let mut before = std::mem::take(&mut self.watched);
        for map in &read.maps {
            let usable =
                map.groups.iter().flat_map(|group| &group.paths).filter(|path| judge::is_usable(path));
            changed = changed.max(self.observe_map(&map.wwid, usable, before.remove(&map.wwid), now));
            changed = changed.max(self.mark_vg(&map.wwid, &map.pvs));
        }
        for map in judge::unlisted(read, &read.kernel) {
            let nothing = std::iter::empty();
            changed = changed.max(self.observe_map(&map.wwid, nothing, before.remove(&map.wwid), now));
        }
        for wwid in before.keys() {
            // It went between the last read and this one.
            if let (Some(lun), Some(last)) = (self.ledger.luns.get(wwid), last)
                && lun.seen < last.wall
            {
                self.change(wwid, |lun| lun.seen = last.wall);
                changed = Change::Known;
            }
        }
        changed
    }

    fn observe_map<'a>(
        &mut self,
        wwid: &Wwid,
        usable: impl Iterator<Item = &'a PathDevice>,
        before: Option<Watch>,
        now: Now,
    ) -> Change {
        let mut watch =
            before.unwrap_or_else(|| Watch { since: now.mono, since_wall: now.wall, up: Vec::new() });
        let mut up: Vec<Up> = usable
            .take(PORTS_MAX)
            .map(|path| Up {
                adapter: self
                    .names
                    .share(path.adapter_port.as_ref().or(path.adapter.as_ref()).map_or("", |a| a)),
                target: self.names.share(path.target_port.as_deref().unwrap_or("")),
                since: now.mono,
            })
            .collect();
        up.sort_by(|a, b| (&a.adapter, &a.target).cmp(&(&b.adapter, &b.target)));
        // Both are sorted: of each adapter and port as many go on as there were, the longest usable first.
        let mut old = watch.up.iter().peekable();
        for path in &mut up {
            let name = (&path.adapter, &path.target);
            while old.next_if(|o| (&o.adapter, &o.target) < name).is_some() {}
            if let Some(same) = old.next_if(|o| (&o.adapter, &o.target) == name) {
                path.since = same.since;
            }
        }
        watch.up = up;
        let carried = now.mono.since(watch.since) >= HOLD_MS;
        let changed = if carried { self.take_held(wwid, &watch, now) } else { Change::None };
        self.watched.insert(wwid.clone(), watch);
        changed
    }

    /// See [`VgMark`]. That no group is seen is no news: a node that cannot read a LUN's label sees none.
    fn mark_vg(&mut self, wwid: &Wwid, pvs: &[Pv]) -> Change {
        let known = self.ledger.luns.get(wwid).map(|lun| lun.vg.as_ref());
        let (Some(known), Some(seen)) = (known, vg_of(pvs, known.flatten())) else { return Change::None };
        if known == Some(&seen) {
            return Change::None;
        }
        self.change(wwid, |lun| lun.vg = Some(seen));
        Change::Known
    }

    fn take_held(&mut self, wwid: &Wwid, watch: &Watch, now: Now) -> Change {
        if self.retired.contains(wwid) {
            return Change::None;
        }
        let mut held: Vec<Port> = Vec::new();
        for up in watch.up.iter().filter(|up| now.mono.since(up.since) >= HOLD_MS) {
            match held.last_mut() {
                Some(port) if port.adapter == up.adapter && port.target == up.target => port.paths += 1,
                _ => held.push(Port { adapter: up.adapter.clone(), target: up.target.clone(), paths: 1 }),
            }
        }
        let Some(lun) = self.ledger.luns.get(wwid) else {
            if self.ledger.luns.len() >= LUNS_MAX {
                return Change::None;
            }
            let lun = Lun { since: watch.since_wall, seen: now.wall, ports: held, vg: None };
            Arc::make_mut(&mut self.ledger).luns.insert(wwid.clone(), lun);
            return Change::Known;
        };
        let most = lun.paths();
        let seen = now.wall.0.saturating_sub(lun.seen.0) >= SEEN_STEP_S;
        let better =
            !held.is_empty() && held.iter().map(|port| port.paths).sum::<u32>() >= most && lun.ports != held;
        if !better && !seen {
            return Change::None;
        }
        self.change(wwid, |lun| {
            if better {
                lun.ports = held;
            }
            if seen {
                lun.seen = now.wall;
            }
        });
        if better { Change::Known } else { Change::Seen }
    }

    pub(super) fn change(&mut self, wwid: &Wwid, change: impl FnOnce(&mut Lun)) {
        if let Some(lun) = Arc::make_mut(&mut self.ledger).luns.get_mut(wwid) {
            change(lun);
        }
    }
}

/// The volume group that a map's physical volumes show, given the one that is known.
fn vg_of(pvs: &[Pv], known: Option<&VgMark>) -> Option<VgMark> {
    let named = || pvs.iter().filter_map(|pv| Some((pv.vg_name.as_deref()?, pv.vg_uuid.as_deref())));
    let known_name = known.map(|mark| mark.name.as_str());
    let name = named().map(|(name, _)| name).filter(|name| !name.is_empty());
    // False sorts before true: the known one first.
    let name = name.min_by_key(|name| (Some(*name) != known_name, *name))?;
    let uuid = named().filter(|(of, _)| *of == name).find_map(|(_, uuid)| uuid);
    // A group that is not active shows its name alone, and its UUID is what it was.
    let kept = || known.filter(|mark| mark.name == name).and_then(|mark| mark.uuid.clone());
    let text = |text: &str| clip(text, TEXT_BYTES_MAX).into_owned();
    Some(VgMark { name: text(name), uuid: uuid.map(text).or_else(kept) })
}
