//! A published detail to [`NodePaths`].

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Briefs, Identity, LooseSeen, LooseWhy, LunSeen, MapSeen, NodePaths, PathSeen, PathWord, Route, Texts,
    port_text,
};
use crate::detail::Detail;
use crate::ids::{EpochS, Wwid};
use crate::judge;
use crate::ledger::Ledger;
use crate::local::{
    CheckState, Daemon, DevState, DmState, KernelMap, Map, NodeRead, PathDevice, PortChanges, Queueing,
};
use crate::reboot::RebootDoubts;

/// Places of routes are 16 bits wide. What goes over further routes goes over the one of which nothing is known.
const ROUTES_MAX: usize = u16::MAX as usize;
/// Places of groups are 8 bits wide.
const GROUPS_MAX: usize = u8::MAX as usize + 1;

pub(super) fn pack(detail: &Detail, texts: &mut Texts) -> NodePaths {
    let read = &detail.read;
    let mut routes =
        Routes { texts, list: Vec::new(), places: FxHashMap::default(), ports: FxHashMap::default() };
    let mut luns: BTreeMap<&Wwid, Lun> = BTreeMap::new();
    for map in &read.maps {
        let usable = judge::usable_paths(map);
        let lun = luns.entry(&map.wwid).or_default();
        // One name twice cannot be; if it is, the worse one is believed.
        if lun.usable.is_none_or(|before| usable < before) {
            let (map, paths) = routes.map(map, read);
            (lun.usable, lun.map, lun.paths) = (Some(usable), Some(map), paths);
        }
    }
    for map in judge::unlisted(read, &read.kernel) {
        let lun = luns.entry(&map.wwid).or_default();
        lun.map.get_or_insert_with(|| kernel_map(map, routes.texts));
    }
    for path in &read.loose {
        let Some(wwid) = &path.wwid else { continue };
        let loose = routes.loose(path);
        luns.entry(wwid).or_default().loose.push(loose);
    }
    if let Some(ledger) = &detail.ledger {
        routes.remember(ledger, &mut luns);
    }
    routes.tell_changes(&read.port_changes);
    let own: Option<FxHashSet<&Wwid>> = read.own_wwids.as_ref().map(|own| own.iter().collect());
    let Routes { texts, list, .. } = routes;
    let finish = |(wwid, lun): (&Wwid, Lun)| LunSeen {
        wwid: texts.wwid(wwid),
        map: lun.map.map(Box::new),
        paths: lun.paths.into(),
        remembered: lun.remembered.into(),
        loose: lun.loose.into(),
        in_wwids: own.as_ref().map(|own| own.contains(wwid)),
    };
    let luns = luns.into_iter().map(finish).collect();
    texts.tidy();
    NodePaths {
        read_at: Some(read.began),
        answered: matches!(read.daemon, Daemon::Answering { .. }),
        routes: list,
        luns,
        briefs: Briefs::default(),
        host: super::HostSeen { reboot: RebootDoubts::of(read), facts: read.host.clone() },
    }
}

/// A LUN on its way.
#[derive(Default)]
struct Lun {
    usable: Option<usize>,
    map: Option<MapSeen>,
    paths: Vec<PathSeen>,
    remembered: Vec<(u16, u16)>,
    loose: Vec<LooseSeen>,
}

/// What tells one route from another: adapter, its port, the target port.
type Key = (Arc<str>, Arc<str>, Arc<str>);

/// The routes found so far.
struct Routes<'t, 'd> {
    texts: &'t mut Texts,
    list: Vec<Route>,
    places: FxHashMap<Key, u16>,
    /// Ports as they came, and as they are written.
    ports: FxHashMap<&'d str, Arc<str>>,
}

impl<'d> Routes<'_, 'd> {
    fn port(&mut self, raw: &'d str) -> Arc<str> {
        let texts = &mut *self.texts;
        self.ports.entry(raw).or_insert_with(|| texts.share(&port_text(raw))).clone()
    }

    fn place(&mut self, path: &'d PathDevice) -> u16 {
        let adapter = path.adapter.as_deref().unwrap_or_default();
        let adapter_port = self.port(path.adapter_port.as_deref().unwrap_or(adapter));
        let target_port = self.port(path.target_port.as_deref().unwrap_or_default());
        let key = (self.texts.share(adapter), adapter_port, target_port);
        let (place, known) = self.place_of(key);
        let target_node = path.target_node.as_deref().map(|node| self.port(node));
        let transport = self.texts.share_some(path.transport.as_deref());
        if known && let Some(route) = self.list.get_mut(usize::from(place)) {
            fill(&mut route.target_node, target_node);
            fill(&mut route.transport, transport);
            fill(&mut route.port_group, path.port_group);
        }
        place
    }

    /// The place of a route, and whether it is this very one.
    fn place_of(&mut self, key: Key) -> (u16, bool) {
        if let Some(place) = self.places.get(&key) {
            return (*place, true);
        }
        let full = self.list.len() >= ROUTES_MAX - 1;
        let key = if full { (self.port(""), self.port(""), self.port("")) } else { key };
        let next = u16::try_from(self.list.len()).unwrap_or(u16::MAX);
        let place = *self.places.entry(key.clone()).or_insert(next);
        if place == next {
            let (adapter, adapter_port, target_port) = key;
            let adapter = Some(adapter).filter(|adapter| !adapter.is_empty());
            self.list.push(Route { adapter, adapter_port, target_port, ..Route::default() });
        }
        (place, !full)
    }

    fn map(&mut self, map: &'d Map, read: &NodeRead) -> (MapSeen, Vec<PathSeen>) {
        let (mut paths, mut sizes) =
            (Vec::with_capacity(map.groups.iter().map(|g| g.paths.len()).sum()), None);
        for (group, at) in map.groups.iter().zip(0..=u8::MAX) {
            for path in &group.paths {
                paths.push(PathSeen { route: self.place(path), group: at, ..path_seen(path, map) });
                if let Some(bytes) = path.size_bytes {
                    let (least, most) = sizes.unwrap_or((bytes, bytes));
                    sizes = Some((bytes.min(least), bytes.max(most)));
                }
            }
        }
        let identity = Identity {
            vendor: map.vendor.as_str().into(),
            product: map.product.as_str().into(),
            serial: map.serial.as_deref().unwrap_or_default().into(),
        };
        let queue_ends = match map.queueing {
            Queueing::Seconds(left_s) => Some(EpochS(read.began.0.saturating_add(i64::from(left_s)))),
            _ => None,
        };
        let seen = MapSeen {
            name: self.texts.share(&map.name),
            dm: self.texts.share_some(map.dm.as_deref()),
            size_bytes: map.size_bytes,
            path_size_bytes: sizes,
            queueing: map.queueing,
            queue_ends,
            suspended: map.suspended,
            open_count: map.open_count,
            holders: u16::try_from(map.holders.len()).unwrap_or(u16::MAX),
            identity: self.texts.identity(identity),
            pvs: map.pvs.as_slice().into(),
            groups: map.groups.iter().take(GROUPS_MAX).map(|g| (g.priority, g.status == "active")).collect(),
            incomplete: map.incomplete || map.groups.len() > GROUPS_MAX,
            kernel_paths: None,
        };
        (seen, paths)
    }

    fn loose(&mut self, path: &'d PathDevice) -> LooseSeen {
        let nowhere = path.adapter.is_none() && path.adapter_port.is_none() && path.target_port.is_none();
        let because = match path.loose_because.as_str() {
            why if why.contains("blacklist") => LooseWhy::Blacklisted,
            why if why.contains("orphan") => LooseWhy::Orphan,
            _ => LooseWhy::Unknown,
        };
        LooseSeen {
            dev: self.texts.share(&path.dev),
            route: (!nowhere).then(|| self.place(path)),
            because,
            rule: self.texts.share_some(path.rule.as_deref()),
            used_by: self.texts.share_some(path.used_by.as_deref().or(path.signature.as_deref())),
        }
    }

    /// What the ledger names: routes that paths take now, and those that nobody takes any more.
    fn remember<'a>(&mut self, ledger: &'d Ledger, luns: &mut BTreeMap<&'a Wwid, Lun>)
    where
        'd: 'a,
    {
        let live = Live::of(&self.list);
        let mut known: FxHashMap<(&str, &str), u16> = FxHashMap::default();
        for (wwid, lun) in &ledger.luns {
            let into = &mut luns.entry(wwid).or_default().remembered;
            for port in &lun.ports {
                let place = match known.get(&(&*port.adapter, &*port.target)) {
                    Some(place) => *place,
                    None => {
                        let place = self.place_of_port(&port.adapter, &port.target, &live);
                        known.insert((&port.adapter, &port.target), place);
                        place
                    }
                };
                into.push((place, u16::try_from(port.paths).unwrap_or(u16::MAX)));
            }
            into.sort_unstable();
            // Two ports may be written alike, e.g. in capitals and not.
            into.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                kept.1 = if same { kept.1.saturating_add(next.1) } else { kept.1 };
                same
            });
        }
    }

    /// How often paths over each route went and came. A port over which there is no path any more is that of the ledger, or
    /// else one of its own.
    fn tell_changes(&mut self, changes: &'d PortChanges) {
        if changes.is_empty() {
            return;
        }
        let live = Live::of(&self.list);
        let mut by_port: FxHashMap<(Arc<str>, Arc<str>), u16> = FxHashMap::default();
        for (route, place) in self.list.iter().zip(0..=u16::MAX) {
            let port = (route.adapter.clone().unwrap_or_default(), route.target_port.clone());
            by_port.entry(port).or_insert(place);
        }
        for ((adapter, target), change) in changes {
            let adapter_port = self.port(change.adapter_port.as_deref().unwrap_or(adapter));
            let (adapter, target) = (self.texts.share(adapter), self.port(target));
            let known = by_port.get(&(adapter.clone(), target.clone()));
            let known = known.or_else(|| live.routes.get(&(adapter_port.clone(), target.clone())));
            let place = match known {
                Some(place) => *place,
                None => match self.place_of((adapter, adapter_port, target)) {
                    (place, true) => place,
                    (_, false) => continue,
                },
            };
            if let Some(route) = self.list.get_mut(usize::from(place)) {
                route.changes_30_min = route.changes_30_min.max(change.count_30_min);
                route.changed_last = route.changed_last.max(Some(change.last));
            }
        }
    }

    fn place_of_port(&mut self, adapter: &'d str, target: &'d str, live: &Live) -> u16 {
        let (adapter, target) = (self.port(adapter), self.port(target));
        if let Some(place) = live.routes.get(&(adapter.clone(), target.clone())) {
            return *place;
        }
        // The adapter is there as far as other paths go over it, and so is the target port.
        let of_adapter = live.adapters.get(&adapter).cloned().flatten();
        let of_target = live.targets.get(&target).and_then(|place| self.list.get(*place)).cloned();
        let key = (of_adapter.unwrap_or_else(|| self.port("")), adapter, target);
        let (place, known) = self.place_of(key);
        if known && let (Some(of), Some(route)) = (of_target, self.list.get_mut(usize::from(place))) {
            fill(&mut route.target_node, of.target_node);
            fill(&mut route.transport, of.transport);
            fill(&mut route.port_group, of.port_group);
        }
        place
    }
}

/// What the routes say that paths take now.
struct Live {
    /// By adapter port and target port.
    routes: FxHashMap<(Arc<str>, Arc<str>), u16>,
    /// The adapter of each adapter port, where it is only one: each iSCSI session is an adapter to the kernel.
    adapters: FxHashMap<Arc<str>, Option<Arc<str>>>,
    /// One route to each target port.
    targets: FxHashMap<Arc<str>, usize>,
}

impl Live {
    fn of(routes: &[Route]) -> Self {
        let mut live = Self {
            routes: FxHashMap::default(),
            adapters: FxHashMap::default(),
            targets: FxHashMap::default(),
        };
        for (at, route) in routes.iter().enumerate() {
            let Ok(place) = u16::try_from(at) else { break };
            live.routes.entry((route.adapter_port.clone(), route.target_port.clone())).or_insert(place);
            live.adapters
                .entry(route.adapter_port.clone())
                .and_modify(|known| {
                    if *known != route.adapter {
                        *known = None;
                    }
                })
                .or_insert_with(|| route.adapter.clone());
            if !route.target_port.is_empty() {
                live.targets.entry(route.target_port.clone()).or_insert(at);
            }
        }
        live
    }
}

fn fill<T>(into: &mut Option<T>, from: Option<T>) {
    if into.is_none() {
        *into = from;
    }
}

fn path_seen(path: &PathDevice, map: &Map) -> PathSeen {
    let word = match (judge::is_usable(path), judge::is_proven_down(path)) {
        (true, _) => PathWord::Usable,
        (false, true) if contradicts(path) => PathWord::Contradiction,
        (false, true) => PathWord::Down,
        (false, false) => PathWord::Undecided,
    };
    let differs = |own: Option<&str>, map: Option<&str>| {
        let own_and_map = own.zip(map).filter(|(own, map)| !own.is_empty() && !map.is_empty());
        own_and_map.is_some_and(|(own, map)| own != map)
    };
    PathSeen {
        route: 0,
        group: 0,
        word,
        access: path.access,
        marginal: path.marginal,
        other_wwid: path.wwid.as_ref().is_some_and(|own| *own != map.wwid),
        other_serial: differs(path.serial.as_deref(), map.serial.as_deref()),
        other_product: false,
    }
}

/// Of kernel and checker one says that it works and the other, or the device, that it does not. That the device runs while
/// both call the path failed is how most failures look.
fn contradicts(path: &PathDevice) -> bool {
    let checked = matches!(path.check, CheckState::Ready | CheckState::Ghost);
    match path.dm {
        DmState::Active => !judge::is_usable(path),
        DmState::Failed => checked,
        DmState::Undef | DmState::Unknown => checked && path.device == DevState::Offline,
    }
}

/// A map of which only the kernel speaks.
fn kernel_map(map: &KernelMap, texts: &mut Texts) -> MapSeen {
    let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let active = map.paths.iter().filter(|path| path.active).count();
    MapSeen {
        name: texts.share(&map.name),
        // device-mapper's minor number is the number in the name.
        dm: map.dev_t.split_once(':').map(|(_, minor)| texts.share(&format!("dm-{minor}"))),
        size_bytes: Some(map.size_bytes).filter(|bytes| *bytes > 0),
        path_size_bytes: None,
        queueing: if map.queue_if_no_path { Queueing::On } else { Queueing::Off },
        queue_ends: None,
        suspended: map.suspended,
        open_count: Some(map.open_count),
        holders: 0,
        identity: texts.identity(Identity::default()),
        pvs: Box::default(),
        groups: Box::default(),
        incomplete: map.unreadable,
        kernel_paths: (!map.unreadable).then(|| (count(active), count(map.paths.len()))),
    }
}
