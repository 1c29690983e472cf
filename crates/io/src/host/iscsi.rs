//! iSCSI sessions that live LUNs use, and whether open-iscsi logs in again at boot.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pathkeeper_model::local::{IscsiManual, LIST_MAX, NodeRead};

use crate::roots::Roots;
use crate::sysfs::file::{is_plain, names, read_at_most};

/// A node record: some 3 KiB.
const RECORD_BYTES_MAX: usize = 64 << 10;
/// Portals of one target, and interfaces of one portal.
const ENTRIES_MAX: usize = 256;
/// Sessions that are looked at.
const SESSIONS_MAX: usize = 1_024;

/// Those that do not.
pub(super) fn manual(roots: &Roots, read: &NodeRead) -> Vec<IscsiManual> {
    let paths = read.maps.iter().flat_map(|map| &map.groups).flat_map(|group| &group.paths);
    let iscsi = paths.filter(|path| path.transport.as_deref() == Some("iscsi"));
    let sessions: BTreeSet<(&str, &str)> = iscsi
        .filter_map(|path| Some((path.target_node.as_deref()?, path.target_port.as_deref()?)))
        .take(SESSIONS_MAX * 64)
        .collect();
    // Debian's place, and that of others and of newer ones.
    let places = [roots.etc.join("iscsi/nodes"), roots.var.join("lib/iscsi/nodes")];
    if !places.iter().any(|place| std::fs::read_dir(place).is_ok()) {
        // Offloaded and firmware sessions need no records, and what may not be read proves nothing.
        return Vec::new();
    }
    let mut out: Vec<IscsiManual> = Vec::new();
    for (target, portal) in sessions.into_iter().take(SESSIONS_MAX) {
        let startups: Vec<String> = places.iter().flat_map(|place| startups(place, target, portal)).collect();
        // `onboot` is done by firmware and the initramfs.
        if startups.iter().any(|startup| startup == "automatic" || startup == "onboot") {
            continue;
        }
        let startup = startups.into_iter().next();
        out.push(IscsiManual { target: target.to_owned(), portal: portal.to_owned(), startup });
    }
    out.truncate(LIST_MAX);
    out
}

/// `node.startup` of each record of a session: `nodes/IQN/ADDRESS,PORT,GROUP/INTERFACE`, or a file in the interface's place.
fn startups(nodes: &std::path::Path, target: &str, portal: &str) -> Vec<String> {
    if !is_plain(target) {
        return Vec::new();
    }
    let of_target = nodes.join(target);
    let wanted = portal_prefix(portal);
    let mut records: Vec<PathBuf> = Vec::new();
    for name in names(&of_target, ENTRIES_MAX).iter().filter(|name| name.starts_with(&wanted)) {
        let at = of_target.join(name);
        if at.is_dir() {
            records.extend(names(&at, ENTRIES_MAX).iter().map(|name| at.join(name)));
        } else {
            records.push(at);
        }
    }
    records.iter().filter_map(|record| startup(record)).collect()
}

/// `10.9.0.1:3260` is `10.9.0.1,3260,` in the records' names.
fn portal_prefix(portal: &str) -> String {
    match portal.rsplit_once(':') {
        Some((address, port)) => {
            format!("{},{port},", address.trim_start_matches('[').trim_end_matches(']'))
        }
        None => format!("{portal},"),
    }
}

fn startup(record: &std::path::Path) -> Option<String> {
    let text = read_at_most(record, RECORD_BYTES_MAX)?;
    let text = String::from_utf8_lossy(&text);
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "node.startup").then(|| value.trim().to_owned())
    })?;
    let plain = value.len() <= 32 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    plain.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;
    use pathkeeper_model::local::{Daemon, Map, PathDevice, PathGroup};
    use pathkeeper_model::{EpochS, Wwid};

    fn read(portals: &[&str]) -> NodeRead {
        let path = |portal: &&str| PathDevice {
            transport: Some("iscsi".into()),
            target_node: Some("iqn.2026-01.lab:san".into()),
            target_port: Some((*portal).into()),
            ..PathDevice::unknown("sda", "8:0")
        };
        let group = PathGroup {
            selector: "".into(),
            priority: 1,
            status: "".into(),
            marginal: false,
            paths: portals.iter().map(path).collect(),
        };
        let map = Map { groups: vec![group], ..Map::unknown("a", Wwid::new("a").unwrap()) };
        NodeRead { maps: vec![map], ..NodeRead::empty(EpochS(0), Daemon::Answering { pid: None }) }
    }

    fn found(tree: &Tree, portals: &[&str]) -> Vec<(String, Option<String>)> {
        let found = manual(&Roots::below(tree.root()), &read(portals));
        found.into_iter().map(|of| (of.portal, of.startup)).collect()
    }

    #[test]
    fn records_in_both_places_and_forms() {
        let tree = Tree::new();
        let both = ["10.9.0.1:3260", "10.9.0.2:3260"];
        // Without any records nothing is known.
        assert_eq!(found(&tree, &both), []);
        let record = |value: &str| format!("# BEGIN RECORD 2.1\nnode.name = x\nnode.startup = {value}\n");
        tree.file("etc/iscsi/nodes/iqn.2026-01.lab:san/10.9.0.1,3260,1/default", &record("automatic"));
        assert_eq!(found(&tree, &both), [("10.9.0.2:3260".to_owned(), None)]);
        tree.file("var/lib/iscsi/nodes/iqn.2026-01.lab:san/10.9.0.2,3260,2", &record("manual"));
        assert_eq!(found(&tree, &both), [("10.9.0.2:3260".to_owned(), Some("manual".to_owned()))]);
        // One interface that logs in is enough.
        tree.file("etc/iscsi/nodes/iqn.2026-01.lab:san/10.9.0.2,3260,2/eth1", &record("onboot"));
        assert_eq!(found(&tree, &both), []);
        tree.file("etc/iscsi/nodes/iqn.2026-01.lab:san/fd00::1,3260,1/default", &record("manual"));
        assert_eq!(found(&tree, &["[fd00::1]:3260"]).len(), 1);
        // What is no word is as if absent.
        tree.file("etc/iscsi/nodes/iqn.2026-01.lab:san/fd00::1,3260,1/default", &record("\u{1b}[2J"));
        assert_eq!(found(&tree, &["[fd00::1]:3260"]), [("[fd00::1]:3260".to_owned(), None)]);
    }
}
