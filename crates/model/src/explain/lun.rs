//! One LUN, over all nodes.

use super::{Explained, Ground, NAMES_MAX, Object, Section, assembled, count, guests_line, label, times};
use crate::finding::Finding;
use crate::guests::Guest;
use crate::ids::{NodeName, Wwid};
use crate::judge;
use crate::local::PathDevice;
use crate::matrix::{CellRef, RowRef};
use crate::picture::{NodePicture, Picture};
use crate::problems;
use crate::state::State;
use crate::topology::{MapSeen, port_text};

/// Paths are listed for so many nodes at most.
const NODES_MAX: usize = 4;

pub(super) fn explain(wwid: &Wwid, ground: Ground<'_>) -> Explained {
    let picture = ground.picture;
    let found = all_findings(wwid, ground);
    let mut out =
        assembled(Object::Lun(wwid.clone()), label(wwid, picture), &found.iter().collect::<Vec<_>>());
    let Some(row) = picture.matrix.row_of(wwid) else { return out };
    out.about = about(&row, picture);
    if found.is_empty() && !row.is_clean() {
        out.headline = format!("{}, and no finding says why", row.cluster_state().as_str());
    }
    let guests: Vec<&Guest> =
        row.used_by().map(|storage| picture.guests.on_storage(storage).collect()).unwrap_or_default();
    out.add(Section::Hit, hit(&row, &guests, picture));
    out.add(Section::Seen, seen(&row, ground));
    out
}

/// What is said of the LUN, and the causes that explain it behind their consequences.
fn all_findings(wwid: &Wwid, ground: Ground<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> =
        ground.findings.iter().filter(|f| f.scope.wwid.as_ref() == Some(wwid)).cloned().collect();
    for finding in problems::of_lun(ground.picture, ground.causes, wwid) {
        if !found.iter().any(|known| known.fingerprint() == finding.fingerprint()) {
            found.push(finding);
        }
    }
    let causes: Vec<&Finding> = ground
        .findings
        .iter()
        .filter(|cause| {
            let explains = |f: &Finding| f.cause.as_ref().is_some_and(|by| *by == cause.fingerprint());
            found.iter().any(explains)
        })
        .collect();
    let nodes: Vec<&NodeName> = ground
        .picture
        .matrix
        .row_of(wwid)
        .map(|row| {
            row.cells().filter(|(_, cell)| cell.state == State::Unknown).map(|(node, _)| node).collect()
        })
        .unwrap_or_default();
    let swallowing = ground.findings.iter().filter(|f| {
        let by = |node: &&&NodeName| {
            let swallowed = ground.picture.nodes.get(node.as_str()).and_then(|node| node.swallowed);
            swallowed.is_some_and(|by| *by == f.fingerprint())
        };
        nodes.iter().any(|node| by(&node))
    });
    let more: Vec<Finding> = causes.into_iter().chain(swallowing).cloned().collect();
    for finding in more {
        if !found.iter().any(|known| known.fingerprint() == finding.fingerprint()) {
            found.push(finding);
        }
    }
    found.sort_by(|a, b| b.counts().cmp(&a.counts()).then(b.severity.cmp(&a.severity)));
    found
}

fn about(row: &RowRef<'_>, picture: &Picture<'_>) -> Vec<String> {
    let mut out = vec![row.wwid().to_string()];
    let map = picture.nodes.values().find_map(|node| node.paths?.lun(row.wwid())?.map.as_deref());
    if let Some(MapSeen { identity, .. }) = map {
        let made = format!("{} {}", identity.vendor, identity.product);
        out.extend(Some(made.trim().to_owned()).filter(|made| !made.is_empty()));
    }
    out.extend(row.size_bytes().map(bytes));
    out.extend(row.used_by().map(str::to_owned));
    out
}

/// Bytes in the largest unit of 1,024 that leaves more than one.
pub(crate) fn bytes(n: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let at = (n.max(1).ilog2() / 10).min(5);
    let whole = n as f64 / f64::from(1 << 10).powi(i32::try_from(at).unwrap_or(0));
    let unit = units.get(at as usize).copied().unwrap_or_default();
    if whole.fract() == 0.0 { format!("{whole} {unit}") } else { format!("{whole:.1} {unit}") }
}

fn hit(row: &RowRef<'_>, guests: &[&Guest], picture: &Picture<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let bad = |state: State| matches!(state, State::Failed | State::Missing);
    let down: Vec<&NodeName> = row.cells().filter(|(_, c)| bad(c.state)).map(|(node, _)| node).collect();
    let here: Vec<&Guest> = guests.iter().copied().filter(|guest| down.contains(&&guest.node)).collect();
    if !here.is_empty() {
        let queues = down.iter().any(|node| {
            let map =
                picture.nodes.get(node.as_str()).and_then(|node| node.paths?.lun(row.wwid())?.map.as_deref());
            map.is_some_and(|map| !matches!(map.queueing, crate::local::Queueing::Off))
        });
        let what = if queues { "their writes hang" } else { "their reads and writes fail" };
        out.push(format!("on nodes without a path: {}; {what}", guests_line(&here)));
    }
    if !guests.is_empty() {
        out.push(format!("on this LUN's storage in all: {}", guests_line(guests)));
    } else if !row.is_clean() {
        let open = picture.nodes.iter().filter_map(|(name, node)| {
            let map = node.paths?.lun(row.wwid())?.map.as_deref()?;
            let n = map.open_count.filter(|n| *n > 0)?;
            Some(format!("{name}: open {}, {}", times(n), count(map.holders.into(), "holder")))
        });
        out.extend(open.take(NAMES_MAX));
    }
    let well: Vec<String> = row
        .cells()
        .filter(|(_, cell)| matches!(cell.state, State::Optimal | State::Degraded))
        .take(NAMES_MAX)
        .map(|(node, cell)| format!("{node} {}", fraction(&cell)))
        .collect();
    if !down.is_empty() && !well.is_empty() {
        out.push(format!("still served on {}", well.join(", ")));
    }
    out
}

/// `2/4`: usable of expected paths.
fn fraction(cell: &CellRef<'_>) -> String {
    let (active, total) = cell.counts.unwrap_or((None, None));
    let of = total.unwrap_or(0).max(cell.paths_expected.unwrap_or(0));
    active.map_or_else(|| "?".to_owned(), |active| format!("{active}/{of}"))
}

/// The cells that are not optimal, with their paths as the node published them.
fn seen(row: &RowRef<'_>, ground: Ground<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let bad: Vec<(&NodeName, CellRef<'_>)> =
        row.cells().filter(|(_, cell)| cell.state != State::Optimal).collect();
    for (at, (name, cell)) in bad.iter().enumerate() {
        let node = ground.picture.nodes.get(name.as_str());
        let age = node.and_then(|node| node.paths_age_ms).map_or_else(
            || "its paths were never published".to_owned(),
            |ms| format!("paths published {} s ago", ms / 1000),
        );
        let counts = if cell.counts.is_some() { format!(" {}", fraction(cell)) } else { String::new() };
        out.push(format!("{name}: {}{counts}, {age}{}", cell.state.as_str(), doubt(node)));
        if at < NODES_MAX {
            paths(name, row.wwid(), ground, &mut out);
        }
    }
    out
}

fn doubt(node: Option<&NodePicture<'_>>) -> String {
    match node.and_then(|node| node.swallowed) {
        Some(by) => format!(" ({by})"),
        None => String::new(),
    }
}

fn paths(name: &NodeName, wwid: &Wwid, ground: Ground<'_>, out: &mut Vec<String>) {
    let Some(detail) = (ground.detail)(name) else { return };
    let of_map = detail.read.maps.iter().filter(|map| map.wwid == *wwid);
    let of_map = of_map.flat_map(|map| map.groups.iter().flat_map(|group| &group.paths));
    let loose = detail.read.loose.iter().filter(|path| path.wwid.as_ref() == Some(wwid));
    for path in of_map.chain(loose) {
        let [dm, check, device] = &path.words;
        let usable = if judge::is_usable(path) { "" } else { " !" };
        let why = if path.loose_because.is_empty() {
            String::new()
        } else {
            format!(" (in no map: {})", path.loose_because)
        };
        out.push(format!(
            "  {}   {}   {dm} {check} {device}{usable}{why}",
            route(path, ground.picture),
            path.dev
        ));
    }
}

/// `host6 -> netapp1 ctl1-0e`.
fn route(path: &PathDevice, picture: &Picture<'_>) -> String {
    let target = path.target_port.as_deref().map(|port| {
        let port = port_text(port);
        let named = picture.names.ports.get(&*port).and_then(|named| named.name.clone());
        named.unwrap_or_else(|| port.to_string())
    });
    match (path.adapter.as_deref(), target) {
        (Some(adapter), Some(target)) => format!("{adapter} -> {target}"),
        (Some(adapter), None) => adapter.to_owned(),
        (None, Some(target)) => format!("-> {target}"),
        (None, None) => path.hctl.as_deref().unwrap_or_default().to_owned(),
    }
}
