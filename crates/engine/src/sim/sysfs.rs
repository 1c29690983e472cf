//! The part of a node's /sys that a multipath host shows, as a list of files and links.
//!
//! Layout and attribute texts follow Linux 6.1 with a Fibre Channel driver: Documentation/ABI/stable/sysfs-block,
//! drivers/scsi/scsi_transport_fc.c, drivers/md/dm-sysfs.c.

use super::san::{Adapter, Condition, DM_MAJOR, Node, Path, PathSet, San};

/// One thing in the tree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SysfsEntry {
    /// Below the root of /sys, without a leading slash.
    pub path: String,
    /// What it is.
    pub kind: SysfsKind,
}

/// File, link or directory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SysfsKind {
    /// A file with this text.
    File(String),
    /// A symbolic link with this (relative) target.
    Link(String),
    /// A directory that may be empty.
    Directory,
}

/// Collects entries.
#[derive(Default)]
struct Tree(Vec<SysfsEntry>);

impl Tree {
    fn file(&mut self, path: String, text: impl std::fmt::Display) {
        // Attributes end with a line break.
        self.0.push(SysfsEntry { path, kind: SysfsKind::File(format!("{text}\n")) });
    }
    fn directory(&mut self, path: String) {
        self.0.push(SysfsEntry { path, kind: SysfsKind::Directory });
    }
    /// A link to another place of the tree, both named from the root.
    fn link(&mut self, path: String, to: &str) {
        let up = "../".repeat(path.matches('/').count());
        self.0.push(SysfsEntry { path, kind: SysfsKind::Link(format!("{up}{to}")) });
    }
}

impl San {
    /// The tree of one node; empty for a dead node or none.
    pub fn sysfs(&self, node: usize) -> Vec<SysfsEntry> {
        let Some(here) = self.nodes.get(node).filter(|n| n.alive) else { return Vec::new() };
        let mut tree = Tree::default();
        for dir in
            ["block", "class/fc_host", "class/fc_remote_ports", "class/fc_transport", "class/scsi_host"]
        {
            tree.directory(dir.to_owned());
        }
        for (a, adapter) in here.adapters.iter().enumerate() {
            self.adapter(&mut tree, a, adapter);
        }
        for (l, place) in here.luns.iter().enumerate() {
            for path in place.paths.iter().filter(|p| p.set != PathSet::Deleted) {
                self.disk(&mut tree, here, l, path);
            }
            if place.assembled {
                self.map(&mut tree, here, l);
            }
        }
        tree.0
    }

    fn adapter(&self, tree: &mut Tree, a: usize, adapter: &Adapter) {
        let host = host_dir(adapter);
        let name = &adapter.name;
        let fc = format!("{host}/fc_host/{name}");
        tree.link(format!("class/fc_host/{name}"), &fc);
        tree.file(format!("{fc}/port_name"), wwn(adapter.wwpn));
        tree.file(format!("{fc}/node_name"), wwn(adapter.wwnn));
        tree.file(format!("{fc}/fabric_name"), wwn(if adapter.up { adapter.fabric_name } else { u64::MAX }));
        tree.file(format!("{fc}/port_state"), if adapter.up { "Online" } else { "Linkdown" });
        tree.file(
            format!("{fc}/port_type"),
            if adapter.up { "NPort (fabric via point-to-point)" } else { "Unknown" },
        );
        tree.file(format!("{fc}/speed"), if adapter.up { "16 Gbit" } else { "unknown" });
        tree.file(format!("{fc}/supported_speeds"), "4 Gbit, 8 Gbit, 16 Gbit");
        let counters = [
            ("link_failure_count", adapter.link_failures),
            ("loss_of_sync_count", adapter.link_failures),
            ("loss_of_signal_count", 0),
            ("invalid_tx_word_count", 0),
            ("invalid_crc_count", 0),
            ("error_frames", 0),
            ("dumped_frames", 0),
            ("nos_count", 0),
            ("lip_count", 1),
        ];
        for (counter, value) in counters {
            // Statistics are printed in hexadecimal.
            tree.file(format!("{fc}/statistics/{counter}"), format_args!("{value:#x}"));
        }
        tree.link(format!("class/scsi_host/{name}"), &format!("{host}/scsi_host/{name}"));
        tree.file(format!("{host}/scsi_host/{name}/proc_name"), "qla2xxx");
        tree.file(format!("{host}/scsi_host/{name}/state"), "running");

        for (target, port) in self.ports.iter().filter(|p| p.fabric == a).enumerate() {
            let rport = format!("rport-{}:0-{target}", adapter.host);
            let dir = rport_dir(adapter, target);
            let remote = format!("{dir}/fc_remote_ports/{rport}");
            tree.link(format!("class/fc_remote_ports/{rport}"), &remote);
            let there = port.up && adapter.up;
            tree.file(format!("{remote}/port_name"), wwn(port.wwpn));
            tree.file(format!("{remote}/node_name"), wwn(port.wwnn));
            tree.file(format!("{remote}/port_state"), if there { "Online" } else { "Not Present" });
            tree.file(format!("{remote}/roles"), "FCP Target");
            tree.file(format!("{remote}/scsi_target_id"), target);
            let name = format!("target{}:0:{target}", adapter.host);
            let transport = format!("{dir}/{name}/fc_transport/{name}");
            tree.link(format!("class/fc_transport/{name}"), &transport);
            tree.file(format!("{transport}/port_name"), wwn(port.wwpn));
            tree.file(format!("{transport}/node_name"), wwn(port.wwnn));
        }
    }

    fn disk(&self, tree: &mut Tree, node: &Node, l: usize, path: &Path) {
        let (Some(lun), Some(place), Some(adapter)) =
            (self.luns.get(l), node.luns.get(l), node.adapters.get(path.adapter))
        else {
            return;
        };
        let hctl = path.hctl(node, lun);
        let target = format!("target{}:0:{}", adapter.host, path.target);
        let scsi = format!("{}/{target}/{hctl}", rport_dir(adapter, path.target));
        let block = format!("{scsi}/block/{}", path.dev);
        let offline = self.condition(node, place, path) == Condition::Offline;
        tree.link(format!("block/{}", path.dev), &block);
        tree.link(format!("{block}/device"), &scsi);
        tree.file(format!("{block}/size"), lun.size_bytes / 512);
        tree.file(format!("{block}/dev"), path.dev_t_text());
        tree.directory(format!("{block}/slaves"));
        tree.directory(format!("{block}/holders"));
        if place.assembled {
            tree.link(format!("{block}/holders/dm-{l}"), &format!("devices/virtual/block/dm-{l}"));
        }
        tree.file(format!("{scsi}/state"), if offline { "transport-offline" } else { "running" });
        let access = if path.priority == 50 { "active/optimized" } else { "active/non-optimized" };
        tree.file(format!("{scsi}/access_state"), access);
    }

    fn map(&self, tree: &mut Tree, node: &Node, l: usize) {
        let (Some(lun), Some(place)) = (self.luns.get(l), node.luns.get(l)) else { return };
        let dir = format!("devices/virtual/block/dm-{l}");
        tree.link(format!("block/dm-{l}"), &dir);
        tree.file(format!("{dir}/size"), place.map_size_bytes / 512);
        tree.file(format!("{dir}/dev"), format_args!("{DM_MAJOR}:{l}"));
        tree.file(format!("{dir}/dm/name"), &lun.alias);
        tree.file(format!("{dir}/dm/uuid"), format_args!("mpath-{}", lun.wwid));
        tree.file(format!("{dir}/dm/suspended"), u8::from(place.suspended));
        tree.directory(format!("{dir}/holders"));
        tree.directory(format!("{dir}/slaves"));
        for path in place.paths.iter().filter(|p| p.set != PathSet::Deleted) {
            tree.link(format!("{dir}/slaves/{}", path.dev), &format!("block/{}", path.dev));
        }
    }
}

fn host_dir(adapter: &Adapter) -> String {
    format!("devices/pci0000:3a/0000:3a:00.0/{}/{}", adapter.pci, adapter.name)
}

fn rport_dir(adapter: &Adapter, target: usize) -> String {
    format!("{}/rport-{}:0-{target}", host_dir(adapter), adapter.host)
}

fn wwn(n: u64) -> String {
    format!("0x{n:016x}")
}
