//! The ledger: what a node has carried, so that what is gone is missed.
//!
//! For each LUN: since when, when it was last seen, and the most usable paths that were held together for
//! [`HOLD_MS`], by adapter and target port. It corrects itself upward and goes down only by a person. The set of paths is
//! always one that was held at one time: an adapter that is replaced or a port that moves gives another set of the same
//! size, which takes the old one's place, and never the sum of both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ids::{EpochS, MonoMs, NodeName, Now, Wwid};
use crate::json::{Scanner, push_number, push_string};
use crate::judge;
use crate::local::{Daemon, NodeRead, PathDevice};
use crate::node_value::{Read, clip, epoch, members, read_object, small, text, unsigned};
use crate::report::{PartError, TEXT_BYTES_MAX};

/// A map or a path counts when it was there for so long.
pub const HOLD_MS: u64 = 600_000;
/// After a longer time without a successful read nothing is known to have been held meanwhile.
const GAP_MAX_MS: u64 = 180_000;
/// While a LUN is there, its "last seen" is written anew at most so often.
const SEEN_STEP_S: i64 = 3_600;
/// A ledger has no more LUNs than this; further ones are not remembered.
pub const LUNS_MAX: usize = 16_384;
/// No LUN is remembered with paths over more adapters and ports than this.
const PORTS_MAX: usize = 1_024;

/// One adapter and target port, and how many usable paths were held over them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Port {
    /// The adapter's port (WWPN, initiator name or address), else its name; empty where neither is known.
    pub adapter: Arc<str>,
    /// The target port; empty where it is not known.
    pub target: Arc<str>,
    /// Usable paths.
    pub paths: u32,
}

/// What is remembered of one LUN.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lun {
    /// Since when this node has carried it, the node's wall clock.
    pub since: EpochS,
    /// When it was last seen here; exact once it is gone, to the hour while it is there.
    pub seen: EpochS,
    /// The most usable paths held together, sorted.
    pub ports: Vec<Port>,
}

impl Lun {
    /// How many paths that is.
    pub fn paths(&self) -> u32 {
        self.ports.iter().fold(0, |sum, port| sum.saturating_add(port.paths))
    }
}

/// All LUNs that a node has carried.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    /// By WWID.
    pub luns: BTreeMap<Wwid, Lun>,
}

impl Ledger {
    /// Whether the node never had a LUN that counts.
    pub fn is_empty(&self) -> bool {
        self.luns.is_empty()
    }

    /// Writes it as JSON: `{"v":1,"node":…,"ports":[[adapter,target],…],"luns":{"<wwid>":{"since","seen","paths":[[port,n],…]}}}`,
    /// where `port` is the place in `ports`. The same ledger always gives the same bytes.
    pub fn encode(&self, node: Option<&NodeName>) -> Vec<u8> {
        let mut ports: Vec<(&str, &str)> = Vec::new();
        let mut places: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for port in self.luns.values().flat_map(|lun| &lun.ports) {
            let name = (&*port.adapter, &*port.target);
            places.entry(name).or_insert_with(|| {
                ports.push(name);
                ports.len() as u64 - 1
            });
        }
        let mut out = br#"{"v":1"#.to_vec();
        if let Some(node) = node {
            out.extend_from_slice(br#","node":"#);
            push_string(&mut out, node.as_str());
        }
        out.extend_from_slice(br#","ports":["#);
        for (i, (adapter, target)) in ports.iter().enumerate() {
            out.extend_from_slice(if i > 0 { b",[" } else { b"[" });
            push_string(&mut out, adapter);
            out.push(b',');
            push_string(&mut out, target);
            out.push(b']');
        }
        out.extend_from_slice(br#"],"luns":{"#);
        for (i, (wwid, lun)) in self.luns.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            push_string(&mut out, wwid.as_str());
            out.extend_from_slice(br#":{"since":"#);
            push_number(&mut out, lun.since.0.max(0).unsigned_abs());
            out.extend_from_slice(br#","seen":"#);
            push_number(&mut out, lun.seen.0.max(0).unsigned_abs());
            out.extend_from_slice(br#","paths":["#);
            for (i, port) in lun.ports.iter().enumerate() {
                out.extend_from_slice(if i > 0 { b",[" } else { b"[" });
                push_number(&mut out, places.get(&(&*port.adapter, &*port.target)).copied().unwrap_or(0));
                out.push(b',');
                push_number(&mut out, u64::from(port.paths));
                out.push(b']');
            }
            out.extend_from_slice(b"]}");
        }
        out.extend_from_slice(b"}}");
        out
    }

    /// Reads a ledger, and whose it says it is. What is malformed inside is left out.
    ///
    /// # Errors
    /// If it is no JSON object, or not of this form: of another version, or without LUNs.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Option<NodeName>), PartError> {
        let mut raw = Raw::default();
        read_object(bytes, |key, scan| raw.member(key, scan))?;
        let bad = |what: &str| PartError::BadParts { what: what.to_owned() };
        match raw.version {
            Some(1) => {}
            Some(v) => {
                return Err(bad(&format!("it is a ledger of version {v}, and this program knows version 1")));
            }
            None => return Err(bad("it does not say that it is a ledger: there is no v")),
        }
        let node = raw.node.as_deref().and_then(NodeName::new);
        raw.ledger().map(|ledger| (ledger, node)).ok_or_else(|| bad("no object stands under luns"))
    }

    /// A ledger that stands inside another value.
    pub(crate) fn read(scan: &mut Scanner<'_>) -> Read<Option<Self>> {
        let mut raw = Raw::default();
        members(scan, |key, scan| raw.member(key, scan))?;
        Ok(if raw.version == Some(1) { raw.ledger() } else { None })
    }
}

/// A ledger as it is read: ports may stand behind the LUNs that name them.
#[derive(Default)]
struct Raw {
    version: Option<u64>,
    node: Option<String>,
    ports: Vec<(Arc<str>, Arc<str>)>,
    luns: Option<BTreeMap<Wwid, RawLun>>,
}

#[derive(Default)]
struct RawLun {
    since: Option<EpochS>,
    seen: Option<EpochS>,
    paths: Vec<(u32, u32)>,
}

impl Raw {
    fn member(&mut self, key: &str, scan: &mut Scanner<'_>) -> Read<()> {
        match key {
            "v" => self.version = unsigned(scan)?,
            "node" => self.node = text(scan)?,
            "ports" => self.ports = read_ports(scan)?,
            "luns" if scan.peek() == Some(b'{') => {
                let mut luns = BTreeMap::new();
                members(scan, |wwid, scan| {
                    let lun = read_lun(scan)?;
                    if let Some(wwid) = Wwid::new(wwid).filter(|w| w.as_str().len() <= TEXT_BYTES_MAX)
                        && luns.len() < LUNS_MAX
                    {
                        luns.insert(wwid, lun);
                    }
                    Ok(())
                })?;
                self.luns = Some(luns);
            }
            _ => scan.skip()?,
        }
        Ok(())
    }

    fn ledger(self) -> Option<Ledger> {
        let Raw { ports, luns, .. } = self;
        let lun = |raw: RawLun| {
            let mut of: Vec<Port> = Vec::with_capacity(raw.paths.len());
            for (place, paths) in raw.paths {
                if let Some((adapter, target)) = usize::try_from(place).ok().and_then(|p| ports.get(p)) {
                    of.push(Port { adapter: adapter.clone(), target: target.clone(), paths });
                }
            }
            of.sort();
            of.dedup_by(|a, b| a.adapter == b.adapter && a.target == b.target);
            let since = raw.since.or(raw.seen).unwrap_or(EpochS(0));
            Lun { since, seen: raw.seen.unwrap_or(since), ports: of }
        };
        Some(Ledger { luns: luns?.into_iter().map(|(wwid, raw)| (wwid, lun(raw))).collect() })
    }
}

fn read_ports(scan: &mut Scanner<'_>) -> Read<Vec<(Arc<str>, Arc<str>)>> {
    let mut ports = Vec::new();
    let mut names = Names::default();
    if !scan.open_array() {
        scan.skip()?;
        return Ok(ports);
    }
    let mut first = true;
    while scan.next_item(&mut first)? {
        let mut pair = [None, None];
        if scan.open_array() {
            let (mut at, mut first) = (pair.iter_mut(), true);
            while scan.next_item(&mut first)? {
                match at.next() {
                    Some(place) => *place = text(scan)?,
                    None => scan.skip()?,
                }
            }
        } else {
            scan.skip()?;
        }
        let [adapter, target] = pair.map(|name| names.share(&name.unwrap_or_default()));
        if ports.len() < LUNS_MAX {
            ports.push((adapter, target));
        }
    }
    Ok(ports)
}

fn read_lun(scan: &mut Scanner<'_>) -> Read<RawLun> {
    let mut lun = RawLun::default();
    members(scan, |key, scan| {
        match key {
            "since" => lun.since = epoch(scan)?,
            "seen" => lun.seen = epoch(scan)?,
            "paths" if scan.open_array() => {
                lun.paths.clear();
                let mut first = true;
                while scan.next_item(&mut first)? {
                    let mut pair = [None, None];
                    if scan.open_array() {
                        let (mut at, mut first) = (pair.iter_mut(), true);
                        while scan.next_item(&mut first)? {
                            match at.next() {
                                Some(place) => *place = small(scan)?,
                                None => scan.skip()?,
                            }
                        }
                    } else {
                        scan.skip()?;
                    }
                    if let [Some(port), Some(paths)] = pair
                        && lun.paths.len() < PORTS_MAX
                    {
                        lun.paths.push((port, paths));
                    }
                }
            }
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    Ok(lun)
}

/// Texts that many hold, held once.
#[derive(Clone, Debug, Default)]
struct Names(BTreeSet<Arc<str>>);

impl Names {
    fn share(&mut self, name: &str) -> Arc<str> {
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
struct Up {
    adapter: Arc<str>,
    target: Arc<str>,
    since: MonoMs,
}

#[derive(Clone, Debug)]
struct Watch {
    since: MonoMs,
    since_wall: EpochS,
    /// Sorted by adapter and target, the longest usable first.
    up: Vec<Up>,
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
    ledger: Arc<Ledger>,
    watched: BTreeMap<Wwid, Watch>,
    names: Names,
    last_read: Option<Now>,
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

    /// An earlier ledger of this node turned up: what it knows beyond this one is taken over. True if it knew more.
    pub fn merge(&mut self, earlier: Ledger) -> bool {
        let mut changed = false;
        let luns = &mut Arc::make_mut(&mut self.ledger).luns;
        for (wwid, old) in earlier.luns {
            let room = luns.len() < LUNS_MAX;
            match luns.get_mut(&wwid) {
                None if room => {
                    luns.insert(wwid, old);
                    changed = true;
                }
                None => {}
                Some(known) => {
                    if old.since < known.since {
                        known.since = old.since;
                        changed = true;
                    }
                    if old.paths() > known.paths() {
                        known.ports = old.ports;
                        changed = true;
                    }
                }
            }
        }
        changed
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

    fn take_held(&mut self, wwid: &Wwid, watch: &Watch, now: Now) -> Change {
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
            let lun = Lun { since: watch.since_wall, seen: now.wall, ports: held };
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

    fn change(&mut self, wwid: &Wwid, change: impl FnOnce(&mut Lun)) {
        if let Some(lun) = Arc::make_mut(&mut self.ledger).luns.get_mut(wwid) {
            change(lun);
        }
    }
}
