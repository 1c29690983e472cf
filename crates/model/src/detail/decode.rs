//! Unpacked bytes to a read. Whatever they are: unknown keys are ignored, bad fields are as if absent, what is too much
//! is left out and told.

use std::sync::Arc;

use smol_str::SmolStr;

use super::encode::{ACCESS, CHECK, DEVICE, DM, usual_words};
use super::host::read_host;
use super::{Detail, DetailError, PATH_TEXT_BYTES_MAX, STATE_LETTERS};
use crate::ids::{EpochS, Wwid};
use crate::json::{Scalar, Scanner};
use crate::ledger::Ledger;
use crate::local::{
    Access, CheckState, Daemon, DevState, DmState, KernelMap, KernelPath, Map, NodeRead, PORT_CHANGES_MAX,
    PathDevice, PathGroup, PortChange, PortChanges, Pv, Queueing,
};
use crate::node_value::{DaemonWord, Read, epoch, members, read_object, short_text, small, text, unsigned};
use crate::report::PartError;
use crate::topology::port_text;

/// More of a kind than this is left out: what is packed in a few bytes must not fill the memory of who looks.
const MAPS_MAX: usize = 16_384;
const PATHS_MAX: usize = 131_072;
/// A group without paths takes three bytes to say and a hundred to keep.
const GROUPS_MAX: usize = PATHS_MAX;
/// Holders of all maps; one takes three bytes to say and some thirty to keep.
const HOLDERS_MAX: usize = PATHS_MAX;
/// Physical volumes of all maps; one takes ten bytes to say and some hundred to keep.
const PVS_MAX: usize = PATHS_MAX;
const SHORT_MAX: usize = 256;
/// WWIDs of a wwids file: a megabyte of them.
const OWN_MAX: usize = 65_536;

/// What all paths share.
#[derive(Clone, Default)]
struct Route {
    adapter: Option<SmolStr>,
    adapter_port: Option<SmolStr>,
    target_port: Option<SmolStr>,
    target_node: Option<SmolStr>,
    transport: Option<SmolStr>,
    port_group: Option<u16>,
    /// [`printed_bytes`] of all of it.
    printed_bytes: usize,
}

/// What is said once and shown with each path is many times as long as what was packed.
struct Room {
    left_bytes: usize,
}

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), DetailError> {
        self.left_bytes = self.left_bytes.checked_sub(bytes).ok_or(DetailError::TooMuchText)?;
        Ok(())
    }
}

/// How long a text is in JSON: what is printed is what the reader's memory has to bear.
fn printed_bytes(text: &str) -> usize {
    let printed = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(printed).sum()
}

fn all_printed_bytes<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> usize {
    texts.into_iter().flatten().map(printed_bytes).fold(0, usize::saturating_add)
}

#[derive(Default)]
struct Reader {
    began: Option<EpochS>,
    paths: usize,
    groups: usize,
    holders: usize,
    pvs: usize,
    left_out: u64,
    routes: Vec<Route>,
    port_changes: PortChanges,
}

/// A path, with what has to wait for the rest of the text.
struct RawPath {
    path: PathDevice,
    route: Option<u32>,
    priority: Option<i32>,
    wwid: Option<Option<Wwid>>,
    size: Option<Option<u64>>,
    serial: Option<Option<SmolStr>>,
}

struct RawMap {
    map: Map,
    groups: Vec<(PathGroup, Vec<RawPath>)>,
    end: Option<i64>,
}

pub(super) fn decode(plain: &[u8]) -> Result<Detail, DetailError> {
    let mut reader = Reader::default();
    let mut version = None;
    let (mut maps, mut loose): (Vec<RawMap>, Vec<RawPath>) = (Vec::new(), Vec::new());
    let mut kernel: Result<Vec<KernelMap>, String> = Ok(Vec::new());
    let mut daemon = (DaemonWord::Unknown, None, None, None);
    let (mut tools_version, mut own_wwids, mut problems, mut ledger) = (None, None, Vec::new(), None);
    let mut host = Arc::default();
    read_object(plain, |key, scan| {
        match key {
            "v" => version = unsigned(scan)?,
            "t" => reader.began = epoch(scan)?,
            "d" => members(scan, |key, scan| {
                match key {
                    "s" => {
                        daemon.0 = text(scan)?.map_or(DaemonWord::Unknown, |word| DaemonWord::parse(&word))
                    }
                    "p" => daemon.1 = small(scan)?,
                    "y" => daemon.2 = text(scan)?,
                    "ms" => daemon.3 = small(scan)?,
                    _ => scan.skip()?,
                }
                Ok(())
            })?,
            "tv" => tools_version = text(scan)?,
            "own" => {
                let mut own = Vec::new();
                items(scan, |scan| {
                    let wwid = text(scan)?.as_deref().and_then(Wwid::new);
                    match wwid {
                        Some(wwid) if own.len() < OWN_MAX => own.push(wwid),
                        _ => reader.left_out += 1,
                    }
                    Ok(())
                })?;
                own_wwids = Some(own);
            }
            "r" => reader.read_routes(scan)?,
            "m" => items(scan, |scan| {
                let map = reader.read_map(scan)?;
                match map {
                    Some(map) if maps.len() < MAPS_MAX => maps.push(map),
                    _ => reader.left_out += 1,
                }
                Ok(())
            })?,
            "l" => items(scan, |scan| reader.read_path(scan, &mut loose).map(|_| ()))?,
            "k" => items(scan, |scan| {
                let map = reader.read_kernel_map(scan)?;
                if let Ok(kernel) = &mut kernel {
                    match map {
                        Some(map) if kernel.len() < MAPS_MAX => kernel.push(map),
                        _ => reader.left_out += 1,
                    }
                }
                Ok(())
            })?,
            "ke" => {
                if let Some(why) = text(scan)? {
                    kernel = Err(why);
                }
            }
            "p" => texts(scan, &mut problems)?,
            "h" => host = Arc::new(read_host(scan)?),
            "led" => ledger = Ledger::read(scan)?,
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    if version != Some(1) {
        let what = match version {
            Some(v) => format!("it is a detail of version {v}, and this program knows version 1"),
            None => "it does not say that it is a detail: there is no v".to_owned(),
        };
        return Err(PartError::BadParts { what }.into());
    }
    let began = reader.began.unwrap_or(EpochS(0));
    if reader.left_out > 0 {
        problems
            .push(format!("{} entries of the published detail were malformed or too many", reader.left_out));
    }
    let daemon = match daemon {
        (DaemonWord::Running, pid, ..) => Daemon::Answering { pid },
        (DaemonWord::Absent, ..) => Daemon::Absent,
        (DaemonWord::Stopped, ..) => Daemon::Stopped,
        (DaemonWord::Refused, _, why, _) => Daemon::Refused { why: why.unwrap_or_default() },
        (DaemonWord::Hung, _, _, ms) => Daemon::Hung { waited_ms: ms.unwrap_or(0) },
        (DaemonWord::Reconfiguring, _, why, _) => Daemon::Reconfiguring { phase: why.unwrap_or_default() },
        (DaemonWord::Unreadable, _, why, _) => Daemon::Unreadable { why: why.unwrap_or_default() },
        // A word of a newer version's: doubt, so no map in here is taken for well.
        (DaemonWord::Unknown, ..) => {
            Daemon::Unreadable { why: "the node says of it a word that is not known here".into() }
        }
    };
    let mut room = Room { left_bytes: PATH_TEXT_BYTES_MAX };
    let maps = maps.into_iter().map(|raw| raw.finish(began, &reader.routes, &mut room));
    let maps = maps.collect::<Result<_, _>>()?;
    let loose = loose.into_iter().map(|raw| raw.finish(None, &reader.routes, &mut room));
    let loose = loose.collect::<Result<_, _>>()?;
    let read = NodeRead {
        began,
        took_ms: 0,
        daemon,
        maps,
        loose,
        kernel,
        adapters: Vec::new(),
        tools_version,
        config_digest: None,
        own_wwids,
        host,
        port_changes: Arc::new(reader.port_changes),
        unknown_words: 0,
        problems,
    };
    Ok(Detail { read, ledger })
}

impl Reader {
    fn read_routes(&mut self, scan: &mut Scanner<'_>) -> Read<()> {
        self.routes.clear();
        self.port_changes.clear();
        items(scan, |scan| {
            let mut route = Route::default();
            let (mut count, mut last) = (None, None);
            members(scan, |key, scan| {
                match key {
                    "a" => route.adapter = short_text(scan)?,
                    "ap" => route.adapter_port = short_text(scan)?,
                    "tp" => route.target_port = short_text(scan)?,
                    "tn" => route.target_node = short_text(scan)?,
                    "tr" => route.transport = short_text(scan)?,
                    "pg" => route.port_group = small(scan)?.and_then(|n| u16::try_from(n).ok()),
                    "c" => count = small(scan)?,
                    "ct" => last = epoch(scan)?,
                    _ => scan.skip()?,
                }
                Ok(())
            })?;
            let Route { adapter, adapter_port, target_port, target_node, transport, .. } = &route;
            let texts = [adapter, adapter_port, target_port, target_node, transport];
            route.printed_bytes = all_printed_bytes(texts.map(Option::as_deref));
            if let Some(last) = last
                && self.port_changes.len() < PORT_CHANGES_MAX
            {
                let count_30_min = u16::try_from(count.unwrap_or(0)).unwrap_or(u16::MAX);
                let adapter_port = route.adapter_port.as_deref().map(Arc::from);
                let port = (
                    route.adapter.as_deref().unwrap_or_default().into(),
                    route.target_port.as_deref().map(port_text).unwrap_or_default(),
                );
                self.port_changes.insert(port, PortChange { adapter_port, count_30_min, last });
            }
            if self.routes.len() < PATHS_MAX {
                self.routes.push(route);
            }
            Ok(())
        })
    }

    fn read_map(&mut self, scan: &mut Scanner<'_>) -> Read<Option<RawMap>> {
        let (mut wwid, mut name) = (None, None);
        let (mut word, mut checks, mut end) = (None, None, None);
        let (mut said_incomplete, mut lost_paths) = (false, false);
        // Its WWID may stand behind the rest.
        let Some(nobody) = Wwid::new("-") else { return Ok(None) };
        let mut map = Map::unknown("", nobody);
        let mut groups: Vec<(PathGroup, Vec<RawPath>)> = Vec::new();
        members(scan, |key, scan| {
            match key {
                "w" => wwid = text(scan)?.as_deref().and_then(Wwid::new),
                "n" => name = text(scan)?,
                "d" => map.dm = text(scan)?,
                "z" => map.size_bytes = unsigned(scan)?,
                "o" => map.open_count = small(scan)?,
                "h" => {
                    texts(scan, &mut map.holders)?;
                    let left = HOLDERS_MAX.saturating_sub(self.holders);
                    self.left_out += map.holders.len().saturating_sub(left) as u64;
                    map.holders.truncate(left);
                    map.holders.shrink_to_fit();
                    self.holders += map.holders.len();
                }
                "pv" => self.read_pvs(scan, &mut map.pvs)?,
                "u" => map.suspended = flag(scan)?,
                "q" => word = text(scan)?,
                "qn" => checks = small(scan)?,
                "qe" => end = epoch(scan)?,
                "f" => map.features = short_text(scan)?.unwrap_or_default(),
                "hw" => map.hwhandler = short_text(scan)?.unwrap_or_default(),
                "wp" => map.write_prot = short_text(scan)?.unwrap_or_default(),
                "fb" => map.failback = short_text(scan)?.unwrap_or_default(),
                "ve" => map.vendor = short_text(scan)?.unwrap_or_default(),
                "pr" => map.product = short_text(scan)?.unwrap_or_default(),
                "re" => map.revision = short_text(scan)?.unwrap_or_default(),
                "s" => map.serial = short_text(scan)?,
                "pf" => map.path_faults = unsigned(scan)?.unwrap_or(0),
                "i" => said_incomplete = flag(scan)?,
                "g" => {
                    groups.clear();
                    items(scan, |scan| {
                        let (group, paths, lost) = self.read_group(scan)?;
                        // Paths that are not shown could be the ones that are down.
                        lost_paths |= lost;
                        if groups.len() < SHORT_MAX && self.groups < GROUPS_MAX {
                            self.groups += 1;
                            groups.push((group, paths));
                        } else {
                            lost_paths = true;
                            self.left_out += 1;
                        }
                        Ok(())
                    })?;
                }
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        let Some(wwid) = wwid else { return Ok(None) };
        map.name = name.unwrap_or_else(|| wwid.to_string());
        map.wwid = wwid;
        map.incomplete = said_incomplete || lost_paths;
        map.queueing = match (word.as_deref(), checks, end) {
            (Some("off"), ..) => Queueing::Off,
            (Some("on"), ..) => Queueing::On,
            (Some("s"), _, Some(_)) => Queueing::Seconds(0),
            (Some("chk"), Some(n), _) => Queueing::Checks(n),
            (Some("-"), ..) => Queueing::Unset,
            _ => Queueing::Unknown,
        };
        let end = end.filter(|_| map.queueing == Queueing::Seconds(0)).map(|EpochS(end)| end);
        Ok(Some(RawMap { map, groups, end }))
    }

    fn read_pvs(&mut self, scan: &mut Scanner<'_>, into: &mut Vec<Pv>) -> Read<()> {
        into.clear();
        items(scan, |scan| {
            let pv = read_pv(scan)?;
            if pv == Pv::default() {
                return Ok(());
            }
            self.pvs += 1;
            if self.pvs <= PVS_MAX && into.len() < SHORT_MAX {
                into.push(pv);
            } else {
                self.left_out += 1;
            }
            Ok(())
        })
    }

    /// A group with its paths, and whether some were left out.
    fn read_group(&mut self, scan: &mut Scanner<'_>) -> Read<(PathGroup, Vec<RawPath>, bool)> {
        let mut group = PathGroup {
            selector: SmolStr::default(),
            priority: -1,
            status: SmolStr::default(),
            marginal: false,
            paths: Vec::new(),
        };
        let (mut paths, mut lost) = (Vec::new(), false);
        members(scan, |key, scan| {
            match key {
                "s" => group.selector = short_text(scan)?.unwrap_or_default(),
                "p" => group.priority = signed(scan)?.unwrap_or(-1),
                "st" => group.status = short_text(scan)?.unwrap_or_default(),
                "m" => group.marginal = flag(scan)?,
                "d" => items(scan, |scan| {
                    lost |= !self.read_path(scan, &mut paths)?;
                    Ok(())
                })?,
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        Ok((group, paths, lost))
    }

    /// Whether there was room for it.
    fn read_path(&mut self, scan: &mut Scanner<'_>, into: &mut Vec<RawPath>) -> Read<bool> {
        let mut raw = RawPath {
            path: PathDevice::unknown("", ""),
            route: None,
            priority: None,
            wwid: None,
            size: None,
            serial: None,
        };
        let mut words: Vec<String> = Vec::new();
        members(scan, |key, scan| {
            let path = &mut raw.path;
            match key {
                "d" => path.dev = short_text(scan)?.unwrap_or_default(),
                "t" => path.dev_t = short_text(scan)?.unwrap_or_default(),
                "s" => {
                    let letters = text(scan)?.unwrap_or_default();
                    let mut letters = letters.chars();
                    let [dm, check, device] = STATE_LETTERS;
                    path.dm = state(&DM, dm, letters.next(), DmState::Unknown);
                    path.check = state(&CHECK, check, letters.next(), CheckState::Unknown);
                    path.device = state(&DEVICE, device, letters.next(), DevState::Unknown);
                }
                "x" => texts(scan, &mut words)?,
                "p" => raw.priority = signed(scan)?,
                "h" => path.hctl = short_text(scan)?,
                "r" => raw.route = small(scan)?,
                "w" => raw.wwid = Some(text(scan)?.as_deref().and_then(Wwid::new)),
                "z" => raw.size = Some(unsigned(scan)?),
                "n" => raw.serial = Some(short_text(scan)?),
                "f" => path.failures = unsigned(scan)?,
                "m" => path.marginal = flag(scan)?,
                "v" => path.product = short_text(scan)?,
                "sg" => path.signature = short_text(scan)?,
                "b" => path.loose_because = short_text(scan)?.unwrap_or_default(),
                "ru" => path.rule = short_text(scan)?,
                "ub" => path.used_by = short_text(scan)?,
                "ac" => path.access = access(&text(scan)?.unwrap_or_default()),
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        raw.path.words = match <[String; 3]>::try_from(words) {
            Ok(words) => words.map(SmolStr::from),
            Err(_) => usual_words(&raw.path).map(SmolStr::new_static),
        };
        self.paths += 1;
        let room = self.paths <= PATHS_MAX;
        if room {
            into.push(raw);
        } else {
            self.left_out += 1;
        }
        Ok(room)
    }

    fn read_kernel_map(&mut self, scan: &mut Scanner<'_>) -> Read<Option<KernelMap>> {
        let mut wwid = None;
        let Some(nobody) = Wwid::new("-") else { return Ok(None) };
        let mut map = KernelMap {
            name: String::new(),
            wwid: nobody,
            dev_t: String::new(),
            size_bytes: 0,
            open_count: 0,
            suspended: false,
            queue_if_no_path: false,
            queued: 0,
            paths: Vec::new(),
            unreadable: false,
        };
        members(scan, |key, scan| {
            match key {
                "n" => map.name = text(scan)?.unwrap_or_default(),
                "w" => wwid = text(scan)?.as_deref().and_then(Wwid::new),
                "t" => map.dev_t = text(scan)?.unwrap_or_default(),
                "z" => map.size_bytes = unsigned(scan)?.unwrap_or(0),
                "o" => map.open_count = small(scan)?.unwrap_or(0),
                "u" => map.suspended = flag(scan)?,
                "q" => map.queue_if_no_path = flag(scan)?,
                "qd" => map.queued = small(scan)?.unwrap_or(0),
                "x" => map.unreadable = flag(scan)?,
                "p" => items(scan, |scan| {
                    let mut path = KernelPath { dev_t: SmolStr::default(), active: false, fail_count: 0 };
                    let mut place = 0;
                    items(scan, |scan| {
                        match place {
                            0 => path.dev_t = short_text(scan)?.unwrap_or_default(),
                            1 => path.active = unsigned(scan)? == Some(1),
                            2 => path.fail_count = unsigned(scan)?.unwrap_or(0),
                            _ => scan.skip()?,
                        }
                        place += 1;
                        Ok(())
                    })?;
                    self.paths += 1;
                    if self.paths <= PATHS_MAX {
                        map.paths.push(path);
                    } else {
                        map.unreadable = true;
                        self.left_out += 1;
                    }
                    Ok(())
                })?,
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        Ok(wwid.map(|wwid| KernelMap { wwid, ..map }))
    }
}

impl RawMap {
    fn finish(self, began: EpochS, routes: &[Route], room: &mut Room) -> Result<Map, DetailError> {
        let mut map = self.map;
        if let Some(end) = self.end {
            let left_s = end.saturating_sub(began.0).max(0);
            map.queueing = Queueing::Seconds(u32::try_from(left_s).unwrap_or(u32::MAX));
        }
        for (mut group, paths) in self.groups {
            let finish = |raw: RawPath| raw.finish(Some((&map, group.priority)), routes, room);
            group.paths = paths.into_iter().map(finish).collect::<Result<_, _>>()?;
            map.groups.push(group);
        }
        Ok(map)
    }
}

impl RawPath {
    fn finish(
        self,
        within: Option<(&Map, i32)>,
        routes: &[Route],
        room: &mut Room,
    ) -> Result<PathDevice, DetailError> {
        let mut path = self.path;
        let route = self.route.and_then(|r| routes.get(usize::try_from(r).ok()?));
        let inherited = within.map(|(map, _)| map);
        let wwid = match &self.wwid {
            Some(own) => own.as_ref(),
            None => inherited.map(|map| &map.wwid),
        };
        let serial = match &self.serial {
            Some(own) => own.as_deref(),
            None => inherited.and_then(|map| map.serial.as_deref()),
        };
        let own = [Some(path.dev.as_str()), Some(&path.dev_t), path.hctl.as_deref(), path.product.as_deref()];
        let loose = [path.rule.as_deref(), path.used_by.as_deref()];
        let shared = [wwid.map(Wwid::as_str), serial, Some(&path.loose_because), path.signature.as_deref()];
        let words = path.words.iter().map(|word| Some(word.as_str()));
        let bytes = all_printed_bytes(own.into_iter().chain(loose).chain(shared).chain(words));
        // Before anything is copied.
        room.take(bytes.saturating_add(route.map_or(0, |route| route.printed_bytes)))?;
        if let Some(route) = route {
            let route = route.clone();
            (path.adapter, path.adapter_port) = (route.adapter, route.adapter_port);
            (path.target_port, path.target_node) = (route.target_port, route.target_node);
            (path.transport, path.port_group) = (route.transport, route.port_group);
        }
        path.priority = self.priority.unwrap_or(within.map_or(-1, |(_, priority)| priority));
        path.wwid = self.wwid.unwrap_or_else(|| within.map(|(map, _)| map.wwid.clone()));
        path.size_bytes = self.size.unwrap_or_else(|| within.and_then(|(map, _)| map.size_bytes));
        path.serial = self.serial.unwrap_or_else(|| within.and_then(|(map, _)| map.serial.clone()));
        Ok(path)
    }
}

fn read_pv(scan: &mut Scanner<'_>) -> Read<Pv> {
    let mut pv = Pv::default();
    members(scan, |key, scan| {
        match key {
            "u" => pv.uuid = text(scan)?,
            "n" => pv.vg_name = text(scan)?,
            "g" => pv.vg_uuid = text(scan)?,
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    Ok(pv)
}

fn access(letter: &str) -> Access {
    ACCESS.iter().find(|(_, of)| *of == letter).map_or(Access::Unknown, |(access, _)| *access)
}

fn state<T: Copy>(table: &[(T, &str)], letters: &str, letter: Option<char>, other: T) -> T {
    let place = letter.and_then(|letter| letters.chars().position(|l| l == letter));
    place.and_then(|place| table.get(place)).map_or(other, |(state, _)| *state)
}

/// Goes through the items of an array; anything else is skipped.
pub(super) fn items<'a>(
    scan: &mut Scanner<'a>,
    mut item: impl FnMut(&mut Scanner<'a>) -> Read<()>,
) -> Read<()> {
    if !scan.open_array() {
        return scan.skip();
    }
    let mut first = true;
    while scan.next_item(&mut first)? {
        item(scan)?;
    }
    Ok(())
}

pub(super) fn texts(scan: &mut Scanner<'_>, into: &mut Vec<String>) -> Read<()> {
    into.clear();
    items(scan, |scan| {
        if let Some(text) = text(scan)?
            && into.len() < SHORT_MAX
        {
            into.push(text);
        }
        Ok(())
    })
}

fn flag(scan: &mut Scanner<'_>) -> Read<bool> {
    Ok(matches!(scan.value()?, Scalar::Bool(true)))
}

/// A whole number that may be negative: the scanner's own numbers are not.
fn signed(scan: &mut Scanner<'_>) -> Read<Option<i32>> {
    if scan.peek() == Some(b'-') {
        let from = scan.offset();
        scan.skip()?;
        return Ok(scan.since(from).parse().ok());
    }
    Ok(unsigned(scan)?.and_then(|n| i32::try_from(n).ok()))
}
