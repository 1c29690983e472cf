//! From the model's types to the wire's. Only the binary knows both.

use std::collections::BTreeMap;
use std::sync::Arc;

use pathkeeper_api::{discover, disks, nodes, status};
use pathkeeper_engine::cluster::{Belief, NodeView};
use pathkeeper_model::cause::Causes;
use pathkeeper_model::detail::Detail;
use pathkeeper_model::expect::{By, Outcome};
use pathkeeper_model::finding::{self, Code, Finding};
use pathkeeper_model::local::{self, Daemon, NodeRead, Queueing};
use pathkeeper_model::matrix::{ByState, RowRef};
use pathkeeper_model::{EpochS, NodeName, State, Wwid, judge};

/// A row of the matrix as a row of the status.
pub fn row(row: &RowRef<'_>, name_here: Option<&str>, expected: Option<&Outcome>) -> status::LunRow {
    status::LunRow {
        wwid: row.wwid().to_string(),
        alias: row.alias().map(str::to_owned),
        name: name_here.filter(|name| *name != row.wwid().as_str()).map(str::to_owned),
        used_by: row.used_by().map(str::to_owned),
        expected_by: expected.and_then(|outcome| expected_by(&outcome.by)),
        size: row.size_bytes(),
        cluster_state: row.cluster_state().as_str().into(),
        allowed: row.allowed().filter(|allowed| !allowed),
        doubt: row.doubt().map(ToString::to_string).collect(),
        nodes: row
            .cells()
            .map(|(node, cell)| {
                let cell = status::Cell {
                    state: cell.state.as_str().into(),
                    paths_active: cell.counts.map(|(active, _)| active),
                    paths_total: cell.counts.map(|(_, total)| total),
                    paths_expected: cell.paths_expected,
                    transport: cell.transport.map(str::to_owned),
                    causes: Vec::new(),
                    unexplained: None,
                    flapping: false,
                    queueing: false,
                    other_size: false,
                };
                (node.to_string(), cell)
            })
            .collect(),
    }
}

/// Why nodes are expected, as it is written everywhere; `None` where nobody is.
pub fn expected_by(by: &[By]) -> Option<String> {
    let words = by.iter().map(|by| match by {
        By::Nodes => "nodes".to_owned(),
        By::Storages(ids) => ids.iter().map(|id| format!("storage:{id}")).collect::<Vec<_>>().join(", "),
        By::Ledger(EpochS(since)) => match jiff::Timestamp::from_second(*since) {
            Ok(time) => format!("ledger since {time}"),
            Err(_) => format!("ledger since {since}"),
        },
        By::Active => "active".to_owned(),
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Which listed causes explain what is wrong in each cell, and what none explains.
pub fn add_causes(wire: &mut status::LunRow, wwid: &Wwid, causes: &Causes) {
    if causes.list().iter().any(|cause| cause.code == Code::PortFlapping) {
        for (name, shown) in &mut wire.nodes {
            let cell = NodeName::new(name).and_then(|node| causes.cell(&node, wwid));
            shown.flapping = cell.is_some_and(|cell| cell.flaps);
        }
    }
    for (name, shown) in &mut wire.nodes {
        let Some(node) = NodeName::new(name) else { continue };
        shown.other_size = shown.state != "unknown" && causes.is_of_another_size(&node, wwid);
        if shown.state == "optimal" {
            continue;
        }
        shown.queueing = causes.is_queueing(&node, wwid);
        let Some(cell) = causes.cell(&node, wwid) else { continue };
        let of = |at: &u32| causes.list().get(*at as usize).map(|cause| cause.fingerprint().to_string());
        shown.causes = cell.causes.iter().filter_map(of).collect();
        shown.unexplained = Some(cell.unexplained()).filter(|n| *n > 0);
    }
}

/// A finding.
pub fn finding(finding: &Finding) -> status::Finding {
    status::Finding {
        code: finding.code.as_str().into(),
        severity: finding.severity.as_str().into(),
        scope: status::Scope {
            wwid: finding.scope.wwid.as_ref().map(ToString::to_string),
            node: finding.scope.node.as_ref().map(ToString::to_string),
            path: finding.scope.path.clone(),
            object: finding.scope.object.clone(),
        },
        summary: finding.summary.clone(),
        evidence: finding.evidence.clone(),
        advice: finding.advice.clone(),
        since: finding.since.map(|s| s.0),
        since_first_seen: finding.since_first_seen,
        fingerprint: finding.fingerprint().to_string(),
        cause: finding.cause.as_ref().map(ToString::to_string),
        explains: finding.explains.as_deref().map(explains),
        muted: finding.muted.as_deref().map(muted),
        guests: finding.guests,
    }
}

fn explains(explains: &finding::Explains) -> status::Explains {
    status::Explains {
        luns: explains.luns,
        cells: explains.cells,
        paths: explains.paths,
        nodes: explains.nodes.iter().map(ToString::to_string).collect(),
        codes: explains.codes.iter().map(|(code, n)| (code.as_str().to_owned(), *n)).collect(),
    }
}

fn muted(muted: &finding::Muted) -> status::Muted {
    status::Muted {
        id: muted.id.clone(),
        kind: if muted.by_window { "window" } else { "mute" }.into(),
        by: muted.by.clone(),
        reason: muted.reason.clone(),
        until: muted.until.map(|until| until.0),
    }
}

/// A node; `tally` is its column of the matrix.
pub fn node(view: &NodeView, tally: ByState) -> nodes::NodeRow {
    let about = view.about.as_ref();
    nodes::NodeRow {
        node: view.name.to_string(),
        kind: "node".into(),
        status: match view.online {
            Some(true) => "online",
            Some(false) => "offline",
            None if view.belief == Belief::Offline => "offline",
            None => "unknown",
        }
        .into(),
        report: view.belief.as_str().into(),
        report_why: Some(view.why.clone()).filter(|why| !why.is_empty()),
        report_time: view.report_time.map(|t| t.0),
        report_age_s: view.age_ms.map(|ms| ms / 1000),
        clock_skew_s: view.skew_s,
        instance: view.instance.map(|i| i.to_string()),
        mode: about.and_then(|a| a.mode.clone()),
        multipathd: about.map(|a| a.daemon.as_str().into()),
        multipathd_why: about.and_then(|a| a.daemon_why.clone()),
        multipath_tools: about.and_then(|a| a.version_multipath_tools.clone()),
        config_digest: about.and_then(|a| a.config_digest.clone()),
        settling: about.map(|a| a.settling).filter(|luns| *luns > 0),
        pathkeeper: about.and_then(|a| a.version_pathkeeper.clone()),
        kernel: about.and_then(|a| a.version_kernel.clone()),
        cells: nodes::CellCounts {
            optimal: tally.get(State::Optimal),
            degraded: tally.get(State::Degraded),
            missing: tally.get(State::Missing),
            failed: tally.get(State::Failed),
            unknown: tally.get(State::Unknown),
        },
    }
}

/// What the local node has, from its last read; `daemon` is multipathd's process and since when it is that one, `expected`
/// how many paths a LUN should have there.
pub fn disks(
    node: &NodeName,
    read: &NodeRead,
    daemon: Option<(u32, EpochS)>,
    expected: &dyn Fn(&Wwid) -> Option<u32>,
) -> disks::NodeDisks {
    let words = judge::daemon_words(&read.daemon, read.maps.len());
    let answers = matches!(read.daemon, Daemon::Answering { .. });
    let kernel: BTreeMap<&Wwid, &local::KernelMap> =
        read.kernel.iter().flatten().map(|map| (&map.wwid, map)).collect();
    let end = |map: &local::Map| match map.queueing {
        Queueing::Seconds(left_s) => Some((map.wwid.to_string(), read.began.0.saturating_add(left_s.into()))),
        _ => None,
    };
    let ends: BTreeMap<String, i64> = read.maps.iter().filter_map(end).collect();
    let of_kernel = |map: &local::KernelMap| kernel_map(map, expected(&map.wwid));
    let maps = if answers {
        let listed = read.maps.iter().map(|map| {
            let map = daemon_map(map, kernel.get(&map.wwid).copied(), expected(&map.wwid));
            disks::Map { queueing_until: ends.get(map.wwid.as_str()).copied(), ..map }
        });
        listed.chain(judge::unlisted(read, &read.kernel).map(of_kernel)).collect()
    } else {
        kernel.values().copied().map(of_kernel).collect()
    };
    disks::NodeDisks {
        node: node.to_string(),
        time: read.began.0,
        detail: "live".into(),
        age_s: None,
        heard_s: None,
        report: None,
        report_why: None,
        believed: None,
        multipathd: pathkeeper_model::node_value::DaemonWord::from(&read.daemon).as_str().into(),
        multipathd_why: (!answers).then_some(words.sentence),
        multipathd_pid: daemon.map(|(pid, _)| pid),
        multipathd_since: daemon.map(|(_, since)| since.0),
        multipath_tools: read.tools_version.clone(),
        source: if answers { "multipathd" } else { "kernel" }.into(),
        maps,
        devices: read.loose.iter().map(path).collect(),
        adapters: read.adapters.iter().map(adapter).collect(),
        wwids: read.own_wwids.as_ref().map(|all| all.iter().map(ToString::to_string).collect()),
        problems: read.problems.clone(),
    }
}

/// What another node published; `view` says with which ages and how far it can be believed now, `cell` what the status
/// shows of a LUN on that node.
pub fn published(
    view: &NodeView,
    detail: &Detail,
    cell: impl Fn(&str) -> Option<status::Cell>,
) -> disks::NodeDisks {
    let daemon = match detail.read.daemon {
        Daemon::Answering { pid } => pid,
        _ => None,
    };
    // What is expected there is in the node's report, which the maps are held against below.
    let mut answer = disks(&view.name, &detail.read, None, &|_| None);
    answer.multipathd_pid = daemon;
    answer.detail = "published".into();
    answer.age_s = view.detail_age_ms.map(|ms| ms / 1000);
    answer.heard_s = view.age_ms.map(|ms| ms / 1000);
    answer.report = Some(view.belief.as_str().into());
    answer.report_why = Some(view.why.clone()).filter(|why| !why.is_empty());
    if let Some(about) = &view.about {
        // What it says of itself goes out before its details, so this is never the older of the two.
        answer.multipathd = about.daemon.as_str().into();
        answer.multipathd_why.clone_from(&about.daemon_why);
        answer.multipath_tools = about.version_multipath_tools.clone().or(answer.multipath_tools);
        answer.adapters = about.adapters.iter().map(adapter).collect();
    }
    // An agent without maps has no report, and is believed as long as it speaks of itself.
    let has_none = |maps: Option<u32>| maps.is_none_or(|n| n == 0) && answer.maps.is_empty();
    let believed = match view.belief {
        Belief::Fresh => true,
        Belief::Silent => view.about.as_ref().is_some_and(|about| has_none(about.maps)),
        _ => false,
    };
    answer.believed = Some(believed);
    if believed {
        answer.maps.iter_mut().for_each(|map| hold_against(map, cell(&map.wwid)));
    } else {
        // It was so once. What stopped speaking must not look well.
        answer.maps.iter_mut().for_each(nobody_knows);
        answer.devices.iter_mut().for_each(|path| path.usable = false);
    }
    answer
}

const NOT_NAMED: &str = "the node's last report does not name this map";

/// The report goes out at once, the detail after it or never: where they differ, the worse is shown.
fn hold_against(map: &mut disks::Map, cell: Option<status::Cell>) {
    let Some(cell) = cell else {
        nobody_knows(map);
        map.report_differs = Some(NOT_NAMED.into());
        return;
    };
    let said = State::parse(&cell.state).unwrap_or(State::Unknown);
    let mut listed = State::parse(&map.state).unwrap_or(State::Unknown);
    map.paths_expected = cell.paths_expected;
    let expected = cell.paths_expected.unwrap_or(0);
    if listed == State::Optimal && map.paths_active.is_some_and(|active| active < expected) {
        listed = State::Degraded;
    }
    let (active, total) = (cell.paths_active.flatten(), cell.paths_total.flatten());
    let fewer = matches!((active, map.paths_active), (Some(said), Some(listed)) if said < listed);
    let more = matches!((active, map.paths_active), (Some(said), Some(listed)) if said > listed);
    // Of what the node itself does not know, no older list is proof.
    let doubted = said == State::Unknown && listed != State::Unknown;
    let worse = said.concern() > listed.concern() || (said == listed && fewer) || doubted;
    if said != listed || fewer || more {
        let of = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
        map.report_differs = Some(match (active, said) {
            (Some(_), _) => format!(
                "the node's last report says {} {}/{}, and what is listed here is older",
                cell.state,
                of(active),
                of(total)
            ),
            (None, State::Missing) => NOT_NAMED.into(),
            (None, _) => {
                format!("the node's last report says {}, and what is listed here is older", cell.state)
            }
        });
    }
    if worse {
        (map.paths_active, map.paths_total) = (active, total.or(map.paths_total));
        no_path_is_usable(map);
    }
    map.state = if said.concern() > listed.concern() { said } else { listed }.as_str().into();
}

fn nobody_knows(map: &mut disks::Map) {
    map.state = State::Unknown.as_str().into();
    map.paths_active = None;
    no_path_is_usable(map);
}

/// Which of them are down is not known, and a script that looks for those must not find all well.
fn no_path_is_usable(map: &mut disks::Map) {
    map.groups.iter_mut().flat_map(|group| &mut group.paths).for_each(|path| path.usable = false);
}

/// What nodes see without a map.
pub fn discovered(
    found: pathkeeper_model::discover::Discovered,
    nodes: Vec<discover::AskedNode>,
    made: i64,
) -> discover::Discovered {
    use pathkeeper_model::discover as model;
    let text = |text: Option<Arc<str>>| text.map(|text| text.to_string());
    let texts = |texts: Vec<Arc<str>>| texts.iter().map(ToString::to_string).collect();
    let on = |on: model::SeenOn| discover::SeenOn {
        paths: on.paths,
        size: on.size_bytes,
        lun: on.lun,
        in_wwids: on.in_wwids,
        because: texts(on.because),
        signatures: texts(on.signatures),
        as_of_then: on.as_of_then,
    };
    let lun = |lun: model::SeenLun| discover::SeenLun {
        wwid: lun.wwid.to_string(),
        size: lun.size_bytes,
        product: text(lun.product),
        serial: text(lun.serial),
        transport: text(lun.transport),
        array: texts(lun.array),
        lun: lun.lun,
        nodes: lun.nodes.into_iter().map(|(name, seen)| (name.to_string(), on(seen))).collect(),
        carried: lun.carried.iter().map(ToString::to_string).collect(),
        notes: lun.notes.into_iter().map(|n| discover::Note { warning: n.warning, text: n.text }).collect(),
    };
    let device = |device: model::LooseDevice| discover::LooseDevice {
        node: device.node.to_string(),
        dev: device.dev.to_string(),
        wwid: device.wwid.map(|wwid| wwid.to_string()),
        product: text(device.product),
        size: device.size_bytes,
        transport: text(device.transport),
        because: device.because.to_string(),
    };
    discover::Discovered {
        made,
        luns: found.luns.into_iter().map(lun).collect(),
        partly: found.partly.into_iter().map(lun).collect(),
        local: found.local.into_iter().map(device).collect(),
        nameless: found.nameless.into_iter().map(device).collect(),
        nodes,
        left_out: found.left_out,
    }
}

/// Names of the maps here by WWID: multipathd's, or the kernel's while it does not answer.
pub fn map_names(read: &NodeRead) -> BTreeMap<String, String> {
    if matches!(read.daemon, Daemon::Answering { .. }) {
        read.maps.iter().map(|map| (map.wwid.to_string(), map.name.clone())).collect()
    } else {
        read.kernel.iter().flatten().map(|map| (map.wwid.to_string(), map.name.clone())).collect()
    }
}

fn daemon_map(map: &local::Map, kernel: Option<&local::KernelMap>, expected: Option<u32>) -> disks::Map {
    let entry = judge::judge_map(map, expected);
    disks::Map {
        name: map.name.clone(),
        wwid: map.wwid.to_string(),
        state: entry.state.as_str().into(),
        report_differs: None,
        paths_active: entry.paths_active,
        paths_total: entry.paths_total,
        paths_expected: entry.paths_expected,
        dm: map.dm.clone(),
        size: map.size_bytes,
        open_count: map.open_count.or(kernel.map(|k| k.open_count)),
        holders: map.holders.clone(),
        pvs: map.pvs.iter().map(pv).collect(),
        suspended: map.suspended,
        queueing: queueing(map.queueing),
        queueing_until: None,
        features: map.features.to_string(),
        hwhandler: map.hwhandler.to_string(),
        write_prot: map.write_prot.to_string(),
        failback: map.failback.to_string(),
        vendor: map.vendor.to_string(),
        product: map.product.to_string(),
        revision: map.revision.to_string(),
        serial: text(map.serial.as_deref()),
        groups: map
            .groups
            .iter()
            .map(|group| disks::Group {
                policy: group.selector.to_string(),
                prio: group.priority,
                status: group.status.to_string(),
                marginal: group.marginal,
                paths: group.paths.iter().map(path).collect(),
            })
            .collect(),
    }
}

fn pv(pv: &local::Pv) -> disks::Pv {
    disks::Pv { uuid: pv.uuid.clone(), vg_name: pv.vg_name.clone(), vg_uuid: pv.vg_uuid.clone() }
}

/// While multipathd does not answer, the kernel still knows its paths; nobody checks them.
fn kernel_map(map: &local::KernelMap, expected: Option<u32>) -> disks::Map {
    let entry = judge::judge_kernel_map(map, expected);
    let paths = map.paths.iter().map(|path| disks::Path {
        dev: String::new(),
        dev_t: path.dev_t.to_string(),
        hctl: None,
        wwid: None,
        usable: false,
        dm_state: if path.active { "active" } else { "failed" }.into(),
        check_state: "unchecked".into(),
        dev_state: "unknown".into(),
        prio: -1,
        adapter: None,
        adapter_port: None,
        target_port: None,
        transport: None,
        port_group: None,
        access_state: None,
        size: None,
        failures: Some(path.fail_count),
        serial: None,
        product: None,
        loose_because: None,
    });
    let queue = map.queue_if_no_path;
    disks::Map {
        name: map.name.clone(),
        wwid: map.wwid.to_string(),
        state: entry.state.as_str().into(),
        report_differs: None,
        paths_active: entry.paths_active,
        paths_total: entry.paths_total,
        paths_expected: entry.paths_expected,
        dm: map.dev_t.split_once(':').map(|(_, minor)| format!("dm-{minor}")),
        size: Some(map.size_bytes),
        open_count: Some(map.open_count),
        holders: Vec::new(),
        pvs: Vec::new(),
        suspended: map.suspended,
        queueing: if queue { "on" } else { "off" }.into(),
        queueing_until: None,
        features: if queue { "1 queue_if_no_path" } else { "0" }.into(),
        hwhandler: "unknown".into(),
        write_prot: "unknown".into(),
        failback: "unknown".into(),
        vendor: String::new(),
        product: String::new(),
        revision: String::new(),
        serial: None,
        groups: vec![disks::Group {
            policy: "unknown".into(),
            prio: -1,
            status: "unknown".into(),
            marginal: false,
            paths: paths.collect(),
        }],
    }
}

fn queueing(queueing: Queueing) -> String {
    match queueing {
        Queueing::Off => "off".into(),
        Queueing::On => "on".into(),
        Queueing::Seconds(s) => format!("{s} sec"),
        Queueing::Checks(n) => format!("{n} chk"),
        Queueing::Unset => "-".into(),
        Queueing::Unknown => "unknown".into(),
    }
}

fn text(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

/// ALUA's words, as the kernel's files have them.
fn access(access: local::Access) -> Option<String> {
    let word = match access {
        local::Access::Optimized => "optimized",
        local::Access::NonOptimized => "non-optimized",
        local::Access::Standby => "standby",
        local::Access::Other => "other",
        local::Access::Unknown => return None,
    };
    Some(word.to_owned())
}

fn path(path: &local::PathDevice) -> disks::Path {
    let [dm_state, check_state, dev_state] = path.words.clone().map(String::from);
    disks::Path {
        dev: path.dev.to_string(),
        dev_t: path.dev_t.to_string(),
        hctl: text(path.hctl.as_deref()),
        wwid: path.wwid.as_ref().map(ToString::to_string),
        usable: judge::is_usable(path),
        dm_state,
        check_state,
        dev_state,
        prio: path.priority,
        adapter: text(path.adapter.as_deref()),
        adapter_port: text(path.adapter_port.as_deref()),
        target_port: text(path.target_port.as_deref()),
        transport: text(path.transport.as_deref()),
        port_group: path.port_group,
        access_state: access(path.access),
        size: path.size_bytes,
        failures: path.failures,
        serial: text(path.serial.as_deref()),
        product: text(path.product.as_deref()),
        loose_because: text(Some(&*path.loose_because).filter(|why| !why.is_empty())),
    }
}

fn adapter(adapter: &local::Adapter) -> disks::Adapter {
    disks::Adapter {
        name: adapter.name.clone(),
        transport: adapter.transport.clone(),
        port_name: adapter.port_name.clone(),
        fabric: adapter.fabric.clone(),
        link: adapter.link.clone(),
        speed: adapter.speed.clone(),
    }
}
