//! A read to its parts.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use smol_str::SmolStr;

use super::host::WireHost;
use super::{BASE64, DETAIL_PARTS_MAX, Head, STATE_LETTERS, opens_by_kernel};
use crate::ids::Wwid;
use crate::json::push_string;
use crate::judge;
use crate::ledger::Ledger;
use crate::local::{
    Access, CheckState, Daemon, DevState, DmState, KernelMap, Map, NodeRead, PathDevice, PathGroup, Port,
    PortChange, PortChanges, Pv, Queueing,
};
use crate::node_value::{DaemonWord, clip};
use crate::report::{REPORT_BYTES_MAX, TEXT_BYTES_MAX};
use crate::topology::port_text;

/// Writes a detail: its parts in the order 1..N, never none, each at most [`REPORT_BYTES_MAX`] bytes. The same read always
/// gives the same data. `None` if it would have more parts than readers believe, which takes a hundred thousand paths.
///
/// For a large node this takes some ten milliseconds: it is not for a thread that others wait for.
pub fn encode(head: &Head, read: &NodeRead, ledger: Option<&Ledger>) -> Option<Vec<Vec<u8>>> {
    let plain = plain(read, ledger);
    let mut zipped = GzEncoder::new(Vec::with_capacity(plain.len() / 6), Compression::default());
    // Packing into memory has no way to fail; were there one, nothing would be published.
    zipped.write_all(&plain).ok()?;
    let data = BASE64.encode(zipped.finish().ok()?);

    let frame = |part: usize, parts: usize, data: &str| {
        let mut out = br#"{"v":1,"node":"#.to_vec();
        push_string(&mut out, head.node.as_str());
        let (stamp, time) = (head.stamp, head.time.0.max(0));
        let rest = format!(
            r#","instance":"{}","seq":{},"time":{time},"part":{part},"parts":{parts},"data":""#,
            stamp.instance, stamp.seq
        );
        out.extend_from_slice(rest.as_bytes());
        out.extend_from_slice(data.as_bytes());
        out.extend_from_slice(b"\"}");
        out
    };
    let most = DETAIL_PARTS_MAX as usize;
    let room = REPORT_BYTES_MAX.checked_sub(frame(most, most, "").len()).filter(|room| *room > 0)?;
    let parts = data.len().div_ceil(room).max(1);
    if parts > most {
        return None;
    }
    // Base64 is ASCII, so every place is a boundary.
    let piece = |n: usize| data.get(n * room..data.len().min((n + 1) * room)).unwrap_or_default();
    Some((0..parts).map(|n| frame(n + 1, parts, piece(n))).collect())
}

#[derive(Serialize)]
struct WireDaemon<'a> {
    s: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<u32>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct WireRoute<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ap: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pg: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ct: Option<i64>,
}

#[derive(Serialize)]
struct WireMap<'a> {
    w: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    z: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    o: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    h: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pv: Vec<WirePv<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    u: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    q: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qn: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qe: Option<i64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    f: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    hw: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    wp: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    fb: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    ve: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pr: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    re: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    pf: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    i: bool,
    g: Vec<WireGroup<'a>>,
}

#[derive(Serialize)]
struct WirePv<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    u: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    g: Option<&'a str>,
}

#[derive(Serialize)]
struct WireGroup<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    s: &'a str,
    p: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    st: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    m: bool,
    d: Vec<WirePath<'a>>,
}

/// What is left out is as in the map or the group; `Some(None)` is said as null.
#[derive(Serialize)]
struct WirePath<'a> {
    d: &'a str,
    t: &'a str,
    s: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<&'a [SmolStr; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    h: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    w: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    z: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    m: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    v: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sg: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    b: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ru: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ub: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ac: Option<&'static str>,
}

#[derive(Serialize)]
struct WireKernelMap<'a> {
    n: &'a str,
    w: &'a str,
    t: &'a str,
    z: u64,
    o: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    u: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    q: bool,
    #[serde(skip_serializing_if = "is_zero_u32")]
    qd: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    x: bool,
    p: Vec<(&'a str, u8, u64)>,
}

#[derive(Serialize)]
struct Wire<'a> {
    v: u8,
    t: i64,
    d: WireDaemon<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tv: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<Vec<&'a str>>,
    m: Vec<WireMap<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    l: Vec<WirePath<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    k: Vec<WireKernelMap<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ke: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    p: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    h: Option<WireHost<'a>>,
    r: Vec<WireRoute<'a>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands out a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands out a reference")]
fn is_zero_u32(n: &u32) -> bool {
    *n == 0
}

/// Routes are few, and thousands of paths go over them.
#[derive(Default)]
struct Routes<'a> {
    list: Vec<WireRoute<'a>>,
    places: FxHashMap<WireRoute<'a>, u32>,
}

impl<'a> Routes<'a> {
    fn place(&mut self, path: &'a PathDevice) -> Option<u32> {
        let route = WireRoute {
            a: path.adapter.as_deref(),
            ap: path.adapter_port.as_deref(),
            tp: path.target_port.as_deref(),
            tn: path.target_node.as_deref(),
            tr: path.transport.as_deref(),
            pg: path.port_group,
            ..WireRoute::default()
        };
        if route == WireRoute::default() {
            return None;
        }
        let next = u32::try_from(self.list.len()).ok()?;
        let place = *self.places.entry(route).or_insert(next);
        if place == next {
            self.list.push(route);
        }
        Some(place)
    }

    /// Says of each route how often paths over it went and came. A port whose paths are all gone is a route of its own.
    fn tell_changes(&mut self, changes: &'a PortChanges) {
        let mut untold: FxHashSet<&Port> = changes.keys().collect();
        for route in &mut self.list {
            let port: Port =
                (Arc::from(route.a.unwrap_or_default()), route.tp.map(port_text).unwrap_or_default());
            if let Some((port, change)) = changes.get_key_value(&port)
                && untold.remove(port)
            {
                (route.c, route.ct) = told_change(change);
            }
        }
        for (port, change) in changes.iter().filter(|(port, _)| untold.contains(port)) {
            let some = |text: &'a Arc<str>| Some(&**text).filter(|text| !text.is_empty());
            let (c, ct) = told_change(change);
            let (a, ap, tp) = (some(&port.0), change.adapter_port.as_deref(), some(&port.1));
            self.list.push(WireRoute { a, ap, tp, c, ct, ..WireRoute::default() });
        }
    }
}

fn told_change(change: &PortChange) -> (Option<u16>, Option<i64>) {
    (Some(change.count_30_min).filter(|n| *n > 0), Some(change.last.0.max(0)))
}

fn plain(read: &NodeRead, ledger: Option<&Ledger>) -> Vec<u8> {
    let answers = matches!(read.daemon, Daemon::Answering { .. });
    let mut routes = Routes::default();
    let opens = opens_by_kernel(read);
    let map = |map| {
        let wire = wire_map(map, read, &mut routes);
        WireMap { o: wire.o.or_else(|| opens.get(&map.wwid).copied()), ..wire }
    };
    let maps: Vec<_> = read.maps.iter().map(map).collect();
    let loose = read.loose.iter().map(|path| wire_path(path, None, &mut routes)).collect();
    let kernel = if answers {
        judge::unlisted(read, &read.kernel).map(wire_kernel_map).collect()
    } else {
        read.kernel.iter().flatten().map(wire_kernel_map).collect()
    };
    routes.tell_changes(&read.port_changes);
    let wire = Wire {
        v: 1,
        t: read.began.0.max(0),
        d: wire_daemon(&read.daemon),
        tv: read.tools_version.as_deref(),
        own: read.own_wwids.as_ref().map(|all| all.iter().map(Wwid::as_str).collect()),
        m: maps,
        l: loose,
        k: kernel,
        ke: read.kernel.as_ref().err().map(|why| clip(why, TEXT_BYTES_MAX)),
        p: read.problems.iter().map(|what| clip(what, TEXT_BYTES_MAX)).collect(),
        h: WireHost::of(&read.host),
        r: routes.list,
    };
    let mut out = serde_json::to_vec(&wire).unwrap_or_default();
    if let Some(ledger) = ledger.filter(|ledger| **ledger != Ledger::default())
        && out.pop() == Some(b'}')
    {
        out.extend_from_slice(br#","led":"#);
        out.extend_from_slice(&ledger.encode(None));
        out.push(b'}');
    }
    out
}

fn wire_daemon(daemon: &Daemon) -> WireDaemon<'_> {
    let (p, y, ms) = match daemon {
        Daemon::Answering { pid } => (*pid, None, None),
        Daemon::Absent | Daemon::Stopped => (None, None, None),
        Daemon::Refused { why } | Daemon::Unreadable { why } => (None, Some(clip(why, TEXT_BYTES_MAX)), None),
        Daemon::Hung { waited_ms } => (None, None, Some(*waited_ms)),
        Daemon::Reconfiguring { phase } => (None, Some(clip(phase, TEXT_BYTES_MAX)), None),
    };
    WireDaemon { s: DaemonWord::from(daemon).as_str(), p, y, ms }
}

fn wire_map<'a>(map: &'a Map, read: &'a NodeRead, routes: &mut Routes<'a>) -> WireMap<'a> {
    let (q, qn, qe) = match map.queueing {
        Queueing::Off => (Some("off"), None, None),
        Queueing::On => (Some("on"), None, None),
        Queueing::Seconds(left_s) => {
            (Some("s"), None, Some(read.began.0.saturating_add(i64::from(left_s)).max(0)))
        }
        Queueing::Checks(n) => (Some("chk"), Some(n), None),
        Queueing::Unset => (Some("-"), None, None),
        Queueing::Unknown => (None, None, None),
    };
    WireMap {
        w: map.wwid.as_str(),
        n: Some(map.name.as_str()).filter(|name| *name != map.wwid.as_str()),
        d: map.dm.as_deref(),
        z: map.size_bytes,
        o: map.open_count,
        h: &map.holders,
        pv: map.pvs.iter().map(wire_pv).collect(),
        u: map.suspended,
        q,
        qn,
        qe,
        f: &map.features,
        hw: &map.hwhandler,
        wp: &map.write_prot,
        fb: &map.failback,
        ve: &map.vendor,
        pr: &map.product,
        re: &map.revision,
        s: map.serial.as_deref(),
        pf: map.path_faults,
        i: map.incomplete,
        g: map
            .groups
            .iter()
            .map(|group| WireGroup {
                s: &group.selector,
                p: group.priority,
                st: &group.status,
                m: group.marginal,
                d: group.paths.iter().map(|path| wire_path(path, Some((map, group)), routes)).collect(),
            })
            .collect(),
    }
}

fn wire_pv(pv: &Pv) -> WirePv<'_> {
    WirePv { u: pv.uuid.as_deref(), n: pv.vg_name.as_deref(), g: pv.vg_uuid.as_deref() }
}

fn wire_path<'a>(
    path: &'a PathDevice,
    within: Option<(&'a Map, &PathGroup)>,
    routes: &mut Routes<'a>,
) -> WirePath<'a> {
    // Beside what is said of the map, only what differs is said of the path.
    let (wwid, size, serial) = match within {
        Some((map, _)) => (Some(&map.wwid), map.size_bytes, map.serial.as_deref()),
        None => (None, None, None),
    };
    let usual = usual_words(path);
    WirePath {
        d: &path.dev,
        t: &path.dev_t,
        s: letters(path),
        x: (path.words.iter().map(SmolStr::as_str).ne(usual)).then_some(&path.words),
        p: Some(path.priority).filter(|prio| within.is_none_or(|(_, group)| group.priority != *prio)),
        h: path.hctl.as_deref(),
        r: routes.place(path),
        w: (path.wwid.as_ref() != wwid).then(|| path.wwid.as_ref().map(|w| w.as_str())),
        z: (path.size_bytes != size).then_some(path.size_bytes),
        n: (path.serial.as_deref() != serial).then_some(path.serial.as_deref()),
        f: path.failures,
        m: path.marginal,
        v: path.product.as_deref(),
        sg: path.signature.as_deref(),
        b: &path.loose_because,
        ru: path.rule.as_deref().map(|rule| clip(rule, TEXT_BYTES_MAX)),
        ub: path.used_by.as_deref().map(|by| clip(by, TEXT_BYTES_MAX)),
        ac: ACCESS.iter().find(|(access, _)| *access == path.access).map(|(_, letter)| *letter),
    }
}

fn wire_kernel_map(map: &KernelMap) -> WireKernelMap<'_> {
    WireKernelMap {
        n: &map.name,
        w: map.wwid.as_str(),
        t: &map.dev_t,
        z: map.size_bytes,
        o: map.open_count,
        u: map.suspended,
        q: map.queue_if_no_path,
        qd: map.queued,
        x: map.unreadable,
        p: map.paths.iter().map(|p| (p.dev_t.as_str(), u8::from(p.active), p.fail_count)).collect(),
    }
}

/// What is not known is not said.
pub(super) const ACCESS: [(Access, &str); 4] =
    [(Access::Optimized, "o"), (Access::NonOptimized, "n"), (Access::Standby, "s"), (Access::Other, "x")];
pub(super) const DM: [(DmState, &str); 4] = [
    (DmState::Active, "active"),
    (DmState::Failed, "failed"),
    (DmState::Undef, "undef"),
    (DmState::Unknown, ""),
];
pub(super) const CHECK: [(CheckState, &str); 10] = [
    (CheckState::Ready, "ready"),
    (CheckState::Ghost, "ghost"),
    (CheckState::Faulty, "faulty"),
    (CheckState::Shaky, "shaky"),
    (CheckState::Pending, "i/o pending"),
    (CheckState::Timeout, "i/o timeout"),
    (CheckState::Delayed, "delayed"),
    (CheckState::Disconnected, "disconnected"),
    (CheckState::Undef, "undef"),
    (CheckState::Unknown, ""),
];
pub(super) const DEVICE: [(DevState, &str); 4] = [
    (DevState::Running, "running"),
    (DevState::Offline, "offline"),
    (DevState::Undef, "unknown"),
    (DevState::Unknown, ""),
];

/// The words that go with the letters, most often as they were printed.
pub(super) fn usual_words(path: &PathDevice) -> [&'static str; 3] {
    fn word<T: PartialEq>(table: &[(T, &'static str)], state: &T) -> &'static str {
        table.iter().find(|(s, _)| s == state).map_or("", |(_, word)| word)
    }
    [word(&DM, &path.dm), word(&CHECK, &path.check), word(&DEVICE, &path.device)]
}

fn letters(path: &PathDevice) -> String {
    fn letter<T: PartialEq>(table: &[(T, &str)], state: &T, letters: &str) -> char {
        let place = table.iter().position(|(s, _)| s == state);
        place.and_then(|place| letters.chars().nth(place)).unwrap_or('?')
    }
    let [dm, check, device] = STATE_LETTERS;
    [letter(&DM, &path.dm, dm), letter(&CHECK, &path.check, check), letter(&DEVICE, &path.device, device)]
        .iter()
        .collect()
}
