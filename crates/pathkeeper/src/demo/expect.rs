//! What the status must say when it has caught up with the simulation.

use pathkeeper_api::status::ClusterStatus;
use pathkeeper_engine::sim::San;
use pathkeeper_model::judge::usable_paths;

use crate::app::board::NodesView;

/// How a status differs from what is true of a SAN all of whose LUNs are watched; empty when it has caught up.
/// At most `max` sentences.
pub fn differences(status: &ClusterStatus, san: &San, max: usize) -> Vec<String> {
    let mut out = Vec::new();
    let truths: Vec<_> = (0..san.nodes.len()).filter_map(|n| san.truth(n)).collect();
    let alive = truths.iter().filter(|t| t.alive).count();
    let answering = truths.iter().filter(|t| t.alive && t.answers).count();
    for (what, found, expect) in [
        ("nodes fresh", status.view.nodes_fresh, alive),
        ("multipathds running", status.view.multipathd_running, answering),
    ] {
        if found as usize != expect {
            out.push(format!("{found} {what}, should be {expect}"));
        }
    }
    for (l, lun) in san.luns.iter().enumerate() {
        let row = status.luns.iter().find(|row| row.wwid == lun.wwid.as_str());
        for truth in &truths {
            if out.len() >= max {
                return out;
            }
            let map = truth.maps.iter().find(|m| m.wwid == lun.wwid);
            let node = truth.name.as_str();
            let cell = row.and_then(|row| row.nodes.get(node));
            let expect = match map {
                // What a dead node last said is not believed; what it never said gives no cell.
                _ if !truth.alive && cell.is_none() => continue,
                _ if !truth.alive => "unknown",
                Some(map) => map.state.as_str(),
                None => "missing",
            };
            let found = cell.map_or("no cell", |cell| cell.state.as_str());
            let counted = map.filter(|_| truth.alive && truth.answers);
            if found != expect {
                out.push(format!("{} (LUN {}) on {node}: {found}, should be {expect}", lun.alias, l + 1));
            } else if let (Some(map), Some(cell)) = (counted, cell) {
                let counts = (cell.paths_active.flatten(), cell.paths_total.flatten());
                if counts != (Some(map.active), Some(map.total)) {
                    let (active, total) = (map.active, map.total);
                    out.push(format!(
                        "{} on {node}: {counts:?} paths, should be {active}/{total}",
                        lun.alias
                    ));
                }
            }
        }
    }
    out
}

/// The maps, in words, whose usable paths are others than what their node told of its paths; nodes that are dead or silent
/// tell nothing. At most `max`.
pub fn paths_untold(told: &NodesView, san: &San, max: usize) -> Vec<String> {
    let mut out = Vec::new();
    let truths = (0..san.nodes.len()).filter_map(|n| san.truth(n)).filter(|t| t.alive && t.answers);
    for truth in truths {
        let view = told.nodes.iter().map(|(view, _)| view).find(|view| view.name == truth.name);
        let detail = view.and_then(|view| view.detail.as_ref()?.unpack().ok());
        for map in &truth.maps {
            let known =
                detail.as_ref().and_then(|detail| detail.read.maps.iter().find(|m| m.wwid == map.wwid));
            let usable = known.map(usable_paths);
            if usable != Some(map.active as usize) && out.len() < max {
                out.push(format!("{} on {}: which paths it has is not known yet", map.name, truth.name));
            }
        }
    }
    out
}
