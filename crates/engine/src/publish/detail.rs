//! When a node's details go out: when they changed, at most every 30 s, after the report and never in its way. That a LUN has
//! no path any more or has one again, that its map is suspended or is not, or that its I/O waits no longer, is told sooner.

use std::sync::Arc;

use pathkeeper_model::detail::{self, Fingerprint, Head};
use pathkeeper_model::ledger::Ledger;
use pathkeeper_model::local::{Map, NodeRead, Queueing};
use pathkeeper_model::{MonoMs, Wwid, judge};

use super::{Put, RETRY_FIRST_MS, RETRY_MAX_MS};

/// No two details within this time.
const GAP_MS: u64 = 30_000;
/// The same for a LUN that has just lost its last path or its map, or whose I/O without a path has another end than was told:
/// nobody is to read that I/O fails while it waits, or waits when it has failed, or long in vain for why there is no map. For one
/// that has a path again: what it loses next is not to be laid to adapters that work by now. And for a map that is suspended,
/// or no more: each load of a table suspends it for a moment, which must not be taken for longer.
const DEAD_GAP_MS: u64 = 5_000;
/// Packing and putting a large node's parts ends sooner; this is for a runner that never says how it ended.
const IN_FLIGHT_MAX_MS: u64 = 60_000;
/// A detail waits no longer than this for room in the budget.
const HELD_MAX_MS: u64 = 600_000;
/// What another has changed is put again so long after it was put: two agents of one name must not do nothing but that.
const LOST_GAP_MS: u64 = 60_000;

/// What became of a detail.
#[derive(Clone, Copy, Debug)]
pub struct DetailDone {
    /// As in [`DetailDraft::id`].
    pub id: u64,
    /// All of its values were taken.
    pub taken: bool,
    /// Keys and values, bytes, whether taken or not.
    pub bytes: u64,
    /// Bytes of those that the store took.
    pub put_bytes: u64,
    /// How many parts it has.
    pub parts: u32,
}

/// A detail to be packed and put. [`DetailDraft::values`] takes some ten milliseconds for a large node, so it belongs on
/// a thread that nobody waits for.
#[derive(Clone, Debug)]
pub struct DetailDraft {
    /// Comes back in [`crate::agent::AgentEvent::DetailPublished`].
    pub id: u64,
    head: Head,
    read: Arc<NodeRead>,
    ledger: Arc<Ledger>,
    /// Highest part that may stand in the store.
    parts_there: u32,
}

/// Two drafts are one publication if they bear one number.
impl PartialEq for DetailDraft {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl Eq for DetailDraft {}

impl DetailDraft {
    /// The values in the order in which they are put (last part first, then leftovers), and how many parts there are.
    /// 0 parts if the node is too large for a detail: then what stands of an earlier one is cleared, first part first, so
    /// that it is whole no more.
    pub fn values(&self) -> (Vec<Put>, u32) {
        let Some(encoded) = detail::encode(&self.head, &self.read, Some(&self.ledger)) else {
            return ((1..=self.parts_there).map(|part| (detail::detail_key(part), None)).collect(), 0);
        };
        let mut values: Vec<Put> = Vec::new();
        let mut parts = 0;
        for (part, bytes) in (1..).zip(encoded) {
            values.push((detail::detail_key(part), Some(bytes)));
            parts = part;
        }
        values.reverse();
        values.extend((parts + 1..=self.parts_there).map(|part| (detail::detail_key(part), None)));
        (values, parts)
    }
}

#[derive(Debug)]
struct InFlight {
    id: u64,
    began: MonoMs,
    told: Told,
    stale: bool,
}

#[derive(Debug)]
struct Told {
    print: Fingerprint,
    /// Ledgers are never changed in place while others hold them, so the same one is the same.
    ledger: Arc<Ledger>,
}

/// LUNs without a usable path and what becomes of their I/O, in byte order.
type Dead = Vec<(Wwid, Io)>;

/// What becomes of I/O that finds no path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Io {
    Fails,
    WaitsForATime,
    WaitsForEver,
}

fn dead(read: &NodeRead) -> Dead {
    let is_dead = |map: &&Map| !map.groups.iter().flat_map(|group| &group.paths).any(judge::is_usable);
    let maps = read.maps.iter().filter(is_dead).map(|map| {
        let io = match map.queueing {
            Queueing::On => Io::WaitsForEver,
            Queueing::Seconds(_) | Queueing::Checks(_) => Io::WaitsForATime,
            Queueing::Off | Queueing::Unset | Queueing::Unknown => Io::Fails,
        };
        (map.wwid.clone(), io)
    });
    let kernel = judge::unlisted(read, &read.kernel).filter(|map| !map.paths.iter().any(|path| path.active));
    let kernel =
        kernel.map(|map| (map.wwid.clone(), if map.queue_if_no_path { Io::WaitsForEver } else { Io::Fails }));
    let mut dead: Dead = maps.chain(kernel).collect();
    dead.sort_unstable();
    dead
}

/// LUNs whose map is suspended, in byte order.
fn suspended(read: &NodeRead) -> Vec<Wwid> {
    let maps = read.maps.iter().filter(|map| map.suspended).map(|map| map.wwid.clone());
    let kernel = judge::unlisted(read, &read.kernel).filter(|map| map.suspended);
    let mut suspended: Vec<Wwid> = maps.chain(kernel.map(|map| map.wwid.clone())).collect();
    suspended.sort_unstable();
    suspended
}

/// LUNs that have a map, in byte order.
fn mapped(read: &NodeRead) -> Vec<Wwid> {
    let kernel = read.kernel.iter().flatten().map(|map| &map.wwid);
    let mut maps: Vec<Wwid> = read.maps.iter().map(|map| &map.wwid).chain(kernel).cloned().collect();
    maps.sort_unstable();
    maps.dedup();
    maps
}

/// What was told of the details, and what is to be told.
#[derive(Debug, Default)]
pub(super) struct Details {
    read: Option<Arc<NodeRead>>,
    /// What the last draft told of LUNs without a path.
    dead_told: Dead,
    /// The LUNs of which it told a map, in byte order.
    maps_told: Vec<Wwid>,
    /// The LUNs of which it told a suspended map, in byte order.
    suspended_told: Vec<Wwid>,
    /// The last read tells otherwise.
    urgent: bool,
    ledger: Arc<Ledger>,
    /// Something came since it was last compared with what was told.
    dirty: bool,
    /// What the store held of this node before is known.
    store_known: bool,
    /// What the store holds, as far as is known.
    told: Option<Told>,
    in_flight: Option<InFlight>,
    last: Option<MonoMs>,
    retry_at: Option<MonoMs>,
    retry_ms: u64,
    parts_there: u32,
    size_bytes: u64,
    /// Since when there is no room in the budget for it.
    held: Option<MonoMs>,
}

impl Details {
    pub fn take_read(&mut self, read: &Arc<NodeRead>) {
        // A read that found nothing at all replaces nothing: what was seen before stands, with its age.
        if !judge::is_blind(read) {
            let maps = mapped(read);
            self.urgent = self.dead_told != dead(read)
                || self.suspended_told != suspended(read)
                || self.maps_told.iter().any(|lun| maps.binary_search(lun).is_err());
            self.read = Some(read.clone());
            self.dirty = true;
        }
    }

    pub fn take_ledger(&mut self, ledger: &Arc<Ledger>) {
        self.ledger = ledger.clone();
        self.dirty = true;
    }

    pub fn store_is_back(&mut self, own_keys: &[String]) {
        self.store_known = true;
        self.dirty = true;
        self.told = None;
        self.retry_at = None;
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.stale = true;
        }
        let parts = own_keys.iter().filter_map(|key| detail::part_of_detail_key(key)).max().unwrap_or(0);
        self.parts_there = self.parts_there.max(parts);
    }

    /// When it may be asked whether something is to be told; `None` while nothing is.
    pub fn when(&self) -> Option<MonoMs> {
        if !self.dirty || !self.store_known || self.read.is_none() || self.in_flight.is_some() {
            return None;
        }
        let gap_ms = if self.urgent { DEAD_GAP_MS } else { GAP_MS };
        let gap = self.last.map_or(MonoMs(0), |at| at.plus(gap_ms));
        Some(gap.max(self.retry_at.unwrap_or(MonoMs(0))))
    }

    /// Another changed what was put under this key.
    pub fn own_value_lost(&mut self, key: &str) {
        if detail::part_of_detail_key(key).is_none() || self.in_flight.is_some() || self.told.is_none() {
            return;
        }
        self.told = None;
        self.dirty = true;
        self.retry_at = self.retry_at.max(self.last.map(|at| at.plus(LOST_GAP_MS)));
    }

    /// What the last one came to; 0 while that is not known.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// There is no room for it: when it goes all the same.
    pub fn held_until(&mut self, now: MonoMs) -> MonoMs {
        self.held.get_or_insert(now).plus(HELD_MAX_MS)
    }

    /// As [`Details::held_until`]; `when`, if it is not held yet.
    pub fn held_at_most(&self, when: MonoMs) -> MonoMs {
        self.held.map_or(when, |since| since.plus(HELD_MAX_MS))
    }

    pub fn give_up(&mut self, now: MonoMs) {
        if self.in_flight.take_if(|f| now.since(f.began) >= IN_FLIGHT_MAX_MS).is_some() {
            self.dirty = true;
        }
    }

    pub fn gives_up_at(&self) -> Option<MonoMs> {
        self.in_flight.as_ref().map(|f| f.began.plus(IN_FLIGHT_MAX_MS))
    }

    /// What is to be told now, if [`Details::when`] has come and it differs from what was told.
    pub fn due(&mut self, now: MonoMs, head: impl FnOnce() -> Head) -> Option<DetailDraft> {
        if self.when()? > now {
            return None;
        }
        self.dirty = false;
        self.held = None;
        let read = self.read.clone()?;
        (self.dead_told, self.maps_told, self.urgent) = (dead(&read), mapped(&read), false);
        self.suspended_told = suspended(&read);
        let told = Told { print: Fingerprint::of(&read), ledger: self.ledger.clone() };
        let same = |before: &Told| {
            before.print.says_the_same(&told.print) && Arc::ptr_eq(&before.ledger, &told.ledger)
        };
        if self.told.as_ref().is_some_and(same) {
            return None;
        }
        let head = head();
        let id = head.stamp.seq;
        self.last = Some(now);
        self.retry_at = None;
        // Whatever becomes of it, what was told before no longer stands as a whole.
        self.told = None;
        self.in_flight = Some(InFlight { id, began: now, told, stale: false });
        Some(DetailDraft { id, head, read, ledger: self.ledger.clone(), parts_there: self.parts_there })
    }

    /// The store's answer.
    pub fn published(&mut self, told: DetailDone, now: MonoMs) {
        let DetailDone { id, taken, bytes, parts, .. } = told;
        let Some(done) = self.in_flight.take_if(|f| f.id == id) else { return };
        self.size_bytes = bytes;
        if taken {
            self.told = (!done.stale).then_some(done.told);
            self.dirty |= done.stale;
            self.parts_there = parts;
            self.retry_ms = RETRY_FIRST_MS;
        } else {
            self.dirty = true;
            self.parts_there = self.parts_there.max(parts);
            self.retry_ms = self.retry_ms.max(RETRY_FIRST_MS);
            self.retry_at = Some(now.plus(self.retry_ms));
            self.retry_ms = (self.retry_ms * 2).min(RETRY_MAX_MS);
        }
    }
}
