//! Statuses for tests, written as a person would note them down.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use pathkeeper_api::disks::{Group, Map, NodeDisks, Path};
use pathkeeper_api::nodes::{CellCounts, NodeRow};
use pathkeeper_api::status::{Cell, ClusterStatus, Finding, LunRow, Scope, Summary, View as Seen};

use super::text::View;

/// 2026-07-03 03:12:07 UTC.
pub const NOW: i64 = 1_783_048_327;

/// 80 columns of plain ASCII.
pub fn view() -> View {
    View { width: 80, unicode: false, color: false, now: NOW, zone: TimeZone::UTC }
}

/// One row a line: `NAME CLUSTER-STATE NODE=4/4 NODE=degraded:2/4 NODE=missing NODE=unknown:4/4 NODE=unknown`.
/// A name that begins with `3` is a WWID without a name. `NODE=4/4/8` means that 8 are expected.
pub fn cluster(rows: &str) -> ClusterStatus {
    let mut luns: Vec<LunRow> = rows.lines().filter(|l| !l.trim().is_empty()).enumerate().map(row).collect();
    luns.sort_by(|a, b| a.wwid.cmp(&b.wwid));
    let mut status = ClusterStatus {
        luns,
        nodes: BTreeMap::new(),
        view: Seen {
            partial: false,
            why: None,
            since: None,
            cluster: Some("san-a".into()),
            observer: "pve1".into(),
            store: "embedded".into(),
            mode: "observe".into(),
            nodes_known: 4,
            nodes_fresh: 4,
            multipathd_running: 4,
            made: NOW,
        },
        summary: Summary::default(),
        findings: Vec::new(),
        as_of: None,
    };
    summarize(&mut status);
    status
}

fn row((at, line): (usize, &str)) -> LunRow {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap();
    let named = !name.starts_with('3');
    LunRow {
        wwid: if named { format!("3600a098038304479363f4c48704{at:05}") } else { name.into() },
        alias: named.then(|| name.into()),
        name: None,
        used_by: None,
        expected_by: None,
        size: Some(1 << 40),
        cluster_state: words.next().unwrap().into(),
        allowed: None,
        doubt: Vec::new(),
        nodes: words.map(|w| w.split_once('=').unwrap()).map(|(n, c)| (n.to_owned(), cell(c))).collect(),
    }
}

fn cell(text: &str) -> Cell {
    let (state, counts) = match text.split_once(':') {
        Some((state, counts)) => (state, Some(counts)),
        None if text.contains('/') => ("optimal", Some(text)),
        None => (text, None),
    };
    let mut numbers = counts.into_iter().flat_map(|c| c.split('/')).map(|n| n.parse().unwrap());
    Cell {
        state: state.into(),
        paths_active: numbers.next().map(Some),
        paths_total: numbers.next().map(Some),
        paths_expected: numbers.next(),
        transport: (state != "missing").then(|| "fc".into()),
        causes: Vec::new(),
        unexplained: None,
        flapping: false,
        queueing: false,
        other_size: false,
    }
}

/// Counts the rows anew, as a server does.
pub fn summarize(status: &mut ClusterStatus) {
    let mut s = Summary { luns: status.luns.len() as u32, ..Default::default() };
    for row in &status.luns {
        s.clean += u32::from(row.is_clean());
        match row.cluster_state.as_str() {
            "optimal" => s.optimal += 1,
            "degraded" => s.degraded += 1,
            "missing" => s.missing += 1,
            "failed" => s.failed += 1,
            _ => s.unknown += 1,
        }
        for cell in row.nodes.values() {
            s.places += 1;
            s.paths_active += u64::from(cell.paths_active.flatten().unwrap_or(0));
            s.paths_total += u64::from(cell.paths_total.flatten().unwrap_or(0));
        }
    }
    s.doubt = s.optimal - s.clean;
    s.exit_status = match () {
        () if s.failed + s.missing > 0 => 2,
        () if s.degraded > 0 => 1,
        () if status.view.partial || s.clean < s.luns => 3,
        () => 0,
    };
    s.health = match s.exit_status {
        _ if status.view.partial => "PARTIAL",
        0 if status.findings.is_empty() => "HEALTH_OK",
        2 => "HEALTH_ERR",
        _ => "HEALTH_WARN",
    }
    .into();
    status.summary = s;
}

/// A finding about a node.
pub fn finding(code: &str, severity: &str, node: &str, summary: &str) -> Finding {
    Finding {
        code: code.into(),
        severity: severity.into(),
        scope: Scope { node: Some(node.into()), ..Default::default() },
        summary: summary.into(),
        evidence: vec!["kernel: 48 of 48 paths alive, nobody checks them".into(), "unit: failed".into()],
        advice: vec![format!("systemctl status multipathd on {node}"), "then restart it".into()],
        since: Some(NOW - 780),
        since_first_seen: false,
        fingerprint: format!("{code} {node}"),
        cause: None,
        explains: None,
        muted: None,
        guests: None,
    }
}

/// A node whose report is `report`.
pub fn node(name: &str, report: &str) -> NodeRow {
    let fresh = report == "fresh";
    NodeRow {
        settling: None,
        node: name.into(),
        kind: "node".into(),
        status: if report == "offline" { "offline" } else { "online" }.into(),
        report: report.into(),
        report_why: (!fresh).then(|| "nothing new for 190 s, the limit is 180 s".into()),
        report_time: Some(NOW - 3),
        report_age_s: Some(if fresh { 3 } else { 190 }),
        clock_skew_s: Some(0),
        instance: Some("00c0ffee00c0ffee".into()),
        mode: Some("observe".into()),
        multipathd: Some("running".into()),
        multipathd_why: None,
        multipath_tools: Some("0.9.4".into()),
        config_digest: None,
        pathkeeper: Some("0.1.0".into()),
        kernel: Some("6.1.0-56-amd64".into()),
        cells: CellCounts { optimal: 12, ..Default::default() },
    }
}

/// pve1 to pve4, all fresh.
pub fn nodes() -> Vec<NodeRow> {
    ["pve1", "pve2", "pve3", "pve4"].map(|name| node(name, "fresh")).into()
}

/// Recorded states, `VERSION/PREFIX`, that have a topology.
pub fn sample_names() -> Vec<String> {
    let mut names = Vec::new();
    for version in std::fs::read_dir(samples()).unwrap().map(|e| e.unwrap().path()) {
        for file in std::fs::read_dir(&version).into_iter().flatten().map(|e| e.unwrap().path()) {
            let file = file.file_name().unwrap().to_str().unwrap();
            if let Some(prefix) = file.strip_suffix(".topology.txt") {
                names.push(format!("{}/{prefix}", version.file_name().unwrap().to_str().unwrap()));
            }
        }
    }
    names.sort();
    names
}

fn samples() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/multipathd")
}

/// The node of a recorded state as the API would give it, and `show topology` of the same moment; `None` where the
/// daemon did not answer. Host addresses come from `show paths`, sizes from the kernel's tables.
pub fn disks(sample: &str) -> Option<(NodeDisks, String)> {
    let read = |kind: &str| std::fs::read_to_string(samples().join(format!("{sample}.{kind}"))).ok();
    let topology = read("topology.txt")?;
    let reply: Reply = serde_json::from_str(&read("show-maps.json")?).ok()?;
    let raw = read("paths-raw-allfields.txt")?;
    let dmsetup = read("dmsetup.txt")?;
    // Fields: w|i|d|D|p|t|T|o|s|c|C|S|z|M|m|…|P|…
    let paths: Vec<Vec<&str>> =
        raw.lines().map(|l| l.split('|').collect()).filter(|f: &Vec<_>| f.len() > 20).collect();
    let sectors = |map: &str| {
        let table = dmsetup.lines().find_map(|l| l.strip_prefix(map)?.strip_prefix(": 0 "))?;
        table.split(' ').next()?.parse::<u64>().ok()
    };
    let known = |word: &str| (!word.starts_with('[')).then(|| word.to_owned());
    let path = |dev: &str, words: [&str; 3]| {
        let f = paths.iter().find(|f| f[2] == dev).unwrap();
        Path {
            dev: dev.into(),
            dev_t: f[3].into(),
            hctl: Some(f[1].into()),
            wwid: Some(f[0].into()),
            usable: words[0] == "active" && matches!(words[1], "ready" | "ghost") && words[2] == "running",
            dm_state: words[0].into(),
            check_state: words[1].into(),
            dev_state: words[2].into(),
            prio: f[4].parse().unwrap(),
            adapter: f[1].split(':').next().map(|host| format!("host{host}")),
            adapter_port: known(f[19]),
            target_port: known(f[16]),
            transport: None,
            port_group: None,
            access_state: None,
            size: None,
            failures: f[21].parse().ok(),
            serial: Some(f[12].into()),
            product: Some(f[8].into()),
            loose_because: (f[10] == "orphan").then(|| "orphan".into()),
        }
    };
    let mut maps = Vec::new();
    for m in reply.maps {
        let groups: Vec<Group> = m
            .path_groups
            .into_iter()
            .map(|g| Group {
                policy: g.selector,
                prio: g.pri,
                status: g.dm_st,
                marginal: false,
                paths: g.paths.iter().map(|p| path(&p.dev, [&p.dm_st, &p.chk_st, &p.dev_st])).collect(),
            })
            .collect();
        let all = || groups.iter().flat_map(|g| &g.paths);
        let (active, total) = (all().filter(|p| p.usable).count() as u32, all().count() as u32);
        maps.push(Map {
            paths_expected: None,
            size: sectors(&m.name).map(|s| s * 512),
            name: m.name,
            wwid: m.uuid,
            state: if active == 0 {
                "failed"
            } else if active < total {
                "degraded"
            } else {
                "optimal"
            }
            .into(),
            report_differs: None,
            paths_active: Some(active),
            paths_total: Some(total),
            dm: Some(m.sysfs),
            open_count: None,
            holders: Vec::new(),
            pvs: Vec::new(),
            suspended: m.dm_st == "suspend",
            queueing: m.queueing,
            queueing_until: None,
            features: m.features,
            hwhandler: m.hwhandler,
            write_prot: m.write_prot,
            failback: String::new(),
            vendor: m.vend,
            product: m.prod,
            revision: m.rev,
            serial: None,
            groups,
        });
    }
    let devices =
        paths.iter().filter(|f| f[10] == "orphan").map(|f| path(f[2], [f[5], f[6], f[7]])).collect();
    let disks = NodeDisks {
        node: "pve1".into(),
        time: NOW,
        detail: "live".into(),
        age_s: Some(2),
        heard_s: None,
        report: None,
        report_why: None,
        believed: None,
        multipathd: "running".into(),
        multipathd_why: None,
        multipathd_pid: None,
        multipathd_since: None,
        multipath_tools: None,
        source: "multipathd".into(),
        maps,
        devices,
        adapters: Vec::new(),
        wwids: None,
        problems: Vec::new(),
    };
    Some((disks, topology))
}

#[derive(serde::Deserialize)]
struct Reply {
    maps: Vec<ReplyMap>,
}

#[derive(serde::Deserialize)]
struct ReplyMap {
    name: String,
    uuid: String,
    sysfs: String,
    queueing: String,
    write_prot: String,
    dm_st: String,
    features: String,
    hwhandler: String,
    vend: String,
    prod: String,
    rev: String,
    path_groups: Vec<ReplyGroup>,
}

#[derive(serde::Deserialize)]
struct ReplyGroup {
    selector: String,
    pri: i32,
    dm_st: String,
    paths: Vec<ReplyPath>,
}

#[derive(serde::Deserialize)]
struct ReplyPath {
    dev: String,
    dm_st: String,
    dev_st: String,
    chk_st: String,
}
