//! What people order of a ledger, and what an earlier ledger of the same node adds.
//!
//! A ledger grows by itself and goes down by a person alone. So an order is carried out by the node that it is meant for,
//! which knows what is usable at that moment, and only once: by when its paths are back, an old order must not take them
//! out of the ledger again.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::keeper::Up;
use super::{Change, Keeper, LUNS_MAX, Ledger, Lun, Obeyed, Port};
use crate::ids::{EpochS, NodeName, Wwid};
use crate::orders::{KEPT_S, ORDERS_MAX, Order, OrderKind, Orders};

impl Keeper {
    /// The orders as they stand now. From now on LUNs that are retired on `node` are not learned; the rest is for
    /// [`Keeper::obey`]. That an order is carried out is remembered as long as the document has it, and as long as it could
    /// come back into it: the document may be restored from a backup.
    pub fn set_orders(&mut self, orders: &Orders, node: &NodeName, now: EpochS) -> Change {
        self.retired = orders.retired_on(node);
        let there: BTreeSet<&str> = orders.entries.iter().map(|order| order.id.as_str()).collect();
        let old = |obeyed: &Obeyed| now.0.saturating_sub(obeyed.time.0) > KEPT_S;
        let done = |(id, obeyed): &(&String, &Obeyed)| old(obeyed) && !there.contains(id.as_str());
        let done: Vec<String> = self.ledger.obeyed.iter().filter(done).map(|(id, _)| id.clone()).collect();
        let pending = |order: &&Order| order.is_for(node) && !self.ledger.obeyed.contains_key(&order.id);
        self.pending = orders.entries.iter().filter(pending).cloned().collect();
        if done.is_empty() {
            return Change::None;
        }
        let ledger = Arc::make_mut(&mut self.ledger);
        done.iter().for_each(|id| drop(ledger.obeyed.remove(id)));
        Change::Seen
    }

    /// Whether this LUN is out of service on this node, by a person's word.
    pub fn is_retired(&self, wwid: &Wwid) -> bool {
        self.retired.contains(wwid)
    }

    /// Carries out what was ordered and is not carried out yet. `answering`: the last read is an answer of multipathd's, so
    /// it is known which paths are usable now; without it no number of paths goes down.
    ///
    /// Not to be called before an earlier ledger was merged: what is not there yet would count as dealt with.
    pub fn obey(&mut self, node: &NodeName, answering: bool) -> Change {
        let mut changed = Change::None;
        // Not once but as long as it stands: a ledger from elsewhere may bring the LUN back.
        let back = |wwid: &&Wwid| self.ledger.luns.contains_key(*wwid);
        for wwid in self.retired.iter().filter(back).cloned().collect::<Vec<_>>() {
            changed = changed.max(self.erase(&wwid));
        }
        for order in std::mem::take(&mut self.pending) {
            // A ledger that was merged since may have known it.
            if self.ledger.obeyed.contains_key(&order.id) {
                continue;
            }
            match &order.kind {
                OrderKind::AckPaths { .. } if !answering => {
                    self.pending.push(order);
                    continue;
                }
                OrderKind::AckPaths { paths } => self.lower(&order.wwid, paths.get(node).copied()),
                OrderKind::Forget => drop(self.erase(&order.wwid)),
                OrderKind::Retire => {}
            }
            self.remember(order);
            changed = Change::Known;
        }
        changed
    }

    fn remember(&mut self, order: Order) {
        let obeyed = &mut Arc::make_mut(&mut self.ledger).obeyed;
        if obeyed.len() >= ORDERS_MAX
            && let Some(oldest) = obeyed.iter().min_by_key(|(_, done)| done.time).map(|(id, _)| id.clone())
        {
            obeyed.remove(&oldest);
        }
        obeyed.insert(order.id, Obeyed { wwid: order.wwid, time: order.time });
    }

    fn erase(&mut self, wwid: &Wwid) -> Change {
        if !self.ledger.luns.contains_key(wwid) {
            return Change::None;
        }
        Arc::make_mut(&mut self.ledger).luns.remove(wwid);
        Change::Known
    }

    /// Sets what is remembered down to the paths that are usable now, and to no fewer than the person was shown. Who was
    /// shown no number of this node acknowledged none.
    fn lower(&mut self, wwid: &Wwid, shown: Option<u32>) {
        let (Some(lun), Some(shown)) = (self.ledger.luns.get(wwid), shown) else { return };
        let up = self.watched.get(wwid).map_or(&[][..], |watch| &watch.up);
        let mut ports = ports_of(up);
        let usable = paths_of(&ports);
        let least = usable.max(shown);
        if lun.paths() <= least {
            return;
        }
        // What was shown and is not usable now stays remembered over the ports that it had.
        let mut lacking = least - usable;
        for old in &lun.ports {
            let same = |port: &&mut Port| port.adapter == old.adapter && port.target == old.target;
            let here = ports.iter_mut().find(same);
            let more = old.paths.saturating_sub(here.as_ref().map_or(0, |port| port.paths)).min(lacking);
            lacking -= more;
            match here {
                Some(port) => port.paths += more,
                None if more > 0 => ports.push(Port { paths: more, ..old.clone() }),
                None => {}
            }
        }
        ports.sort();
        self.change(wwid, |lun| lun.ports = ports);
    }

    /// An earlier ledger of this node turned up: what it knows beyond this one is taken over. True if it knew more.
    ///
    /// Of two ledgers neither need be the older one as a whole (a machine that was restored, an agent that died before it
    /// published), so for each LUN the one that obeyed an order about it which the other did not is the later one.
    pub fn merge(&mut self, earlier: Ledger) -> bool {
        let only = |of: &Ledger, other: &Ledger| -> BTreeSet<Wwid> {
            let unknown = of.obeyed.iter().filter(|(id, _)| !other.obeyed.contains_key(*id));
            unknown.map(|(_, obeyed)| obeyed.wwid.clone()).collect()
        };
        let (ours_later, theirs_later) = (only(&self.ledger, &earlier), only(&earlier, &self.ledger));
        let mut changed = false;
        let ledger = Arc::make_mut(&mut self.ledger);
        for (id, obeyed) in earlier.obeyed {
            // What it took out and is still here is taken out again: carried out twice is better than half.
            let undone = ledger.luns.contains_key(&obeyed.wwid) && !earlier.luns.contains_key(&obeyed.wwid);
            if !undone && ledger.obeyed.len() < ORDERS_MAX && !ledger.obeyed.contains_key(&id) {
                ledger.obeyed.insert(id, obeyed);
                changed = true;
            }
        }
        for (wwid, old) in earlier.luns {
            let later = (ours_later.contains(&wwid), theirs_later.contains(&wwid));
            let room = ledger.luns.len() < LUNS_MAX;
            match ledger.luns.get_mut(&wwid) {
                None if later == (true, false) || !room => {}
                None => {
                    ledger.luns.insert(wwid, old);
                    changed = true;
                }
                Some(known) => changed |= known.merge(old, later),
            }
        }
        changed
    }
}

impl Lun {
    /// `(ours, theirs)`: which of both was written after an order that the other does not know.
    fn merge(&mut self, old: Lun, later: (bool, bool)) -> bool {
        let mut changed = false;
        if old.since < self.since {
            self.since = old.since;
            changed = true;
        }
        if self.vg.is_none() && old.vg.is_some() {
            self.vg = old.vg;
            changed = true;
        }
        let better = match later {
            (true, false) => false,
            (false, true) => self.ports != old.ports,
            _ => old.ports != self.ports && paths_of(&old.ports) > self.paths(),
        };
        if better {
            self.ports = old.ports;
        }
        changed || better
    }
}

fn paths_of(ports: &[Port]) -> u32 {
    ports.iter().fold(0, |sum, port| sum.saturating_add(port.paths))
}

/// Usable paths by adapter and target port; both sides are sorted by these.
fn ports_of(up: &[Up]) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    for up in up {
        match ports.last_mut() {
            Some(port) if port.adapter == up.adapter && port.target == up.target => port.paths += 1,
            _ => ports.push(Port { adapter: up.adapter.clone(), target: up.target.clone(), paths: 1 }),
        }
    }
    ports
}
