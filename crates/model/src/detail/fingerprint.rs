//! Whether a node's detail changed in a way that is worth telling.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::opens_by_kernel;
use crate::judge;
use crate::local::{Daemon, KernelMap, Map, NodeRead, PathDevice, PortChanges, Queueing, says_the_same};
use crate::node_value::DaemonWord;

/// A countdown's end is reckoned anew with each read, in whole seconds of two clocks.
const DEADLINE_SLACK_S: i64 = 5;

/// What a detail says, apart from what counts by itself: failure counters, how long a read took, when it began. Countdowns
/// are told by the moment at which they end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fingerprint {
    content: u64,
    /// Countdowns: the map, hashed, and when it ends.
    deadlines: Vec<(u64, i64)>,
    port_changes: Arc<PortChanges>,
}

impl Fingerprint {
    /// Of a read.
    pub fn of(read: &NodeRead) -> Self {
        // The standard hasher with fixed keys: the same everywhere, and it is compared within one run only.
        let mut to = DefaultHasher::new();
        let mut deadlines = Vec::new();
        DaemonWord::from(&read.daemon).hash(&mut to);
        if let Daemon::Answering { pid } = &read.daemon {
            pid.hash(&mut to);
        }
        read.tools_version.hash(&mut to);
        read.own_wwids.hash(&mut to);
        read.problems.hash(&mut to);
        read.host.hash(&mut to);
        let opens = opens_by_kernel(read);
        for map in &read.maps {
            // Whoever lists volume groups opens every map for a moment: that is no change of the map.
            let open = map.open_count.or_else(|| opens.get(&map.wwid).copied()).map(|n| n > 0);
            open.hash(&mut to);
            hash_map(map, &mut to);
            if let Queueing::Seconds(left_s) = map.queueing {
                let mut name = DefaultHasher::new();
                map.wwid.hash(&mut name);
                deadlines.push((name.finish(), read.began.0.saturating_add(i64::from(left_s))));
            }
        }
        0xa1u8.hash(&mut to);
        read.loose.iter().for_each(|path| hash_path(path, &mut to));
        0xa2u8.hash(&mut to);
        read.kernel.is_ok().hash(&mut to);
        if matches!(read.daemon, Daemon::Answering { .. }) {
            judge::unlisted(read, &read.kernel).for_each(|map| hash_kernel_map(map, &mut to));
        } else {
            read.kernel.iter().flatten().for_each(|map| hash_kernel_map(map, &mut to));
        }
        Self { content: to.finish(), deadlines, port_changes: read.port_changes.clone() }
    }

    /// Whether nothing is different that a reader would care for.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let close = |((a, until), (b, other)): (&(u64, i64), &(u64, i64))| {
            a == b && until.saturating_sub(*other).saturating_abs() <= DEADLINE_SLACK_S
        };
        self.content == other.content
            && self.deadlines.len() == other.deadlines.len()
            && self.deadlines.iter().zip(&other.deadlines).all(close)
            && says_the_same(&self.port_changes, &other.port_changes)
    }
}

fn hash_map(map: &Map, to: &mut impl Hasher) {
    let queueing = match map.queueing {
        Queueing::Off => 0u8,
        Queueing::On => 1,
        Queueing::Seconds(_) => 2,
        Queueing::Checks(_) => 3,
        Queueing::Unset => 4,
        Queueing::Unknown => 5,
    };
    (&map.name, &map.wwid, &map.dm, map.size_bytes, &map.holders, &map.pvs).hash(to);
    (map.suspended, queueing, &map.features, &map.hwhandler, &map.write_prot, &map.failback).hash(to);
    (&map.vendor, &map.product, &map.revision, &map.serial, map.incomplete).hash(to);
    for group in &map.groups {
        (0xb1u8, &group.selector, group.priority, &group.status, group.marginal).hash(to);
        group.paths.iter().for_each(|path| hash_path(path, to));
    }
    0xb2u8.hash(to);
}

fn hash_path(path: &PathDevice, to: &mut impl Hasher) {
    (&path.dev, &path.dev_t, &path.wwid, path.dm as u8, path.check as u8, path.device as u8).hash(to);
    (&path.words, path.priority, &path.hctl, &path.adapter, &path.adapter_port).hash(to);
    (&path.target_port, &path.target_node, &path.transport, path.size_bytes, &path.serial).hash(to);
    (&path.product, path.marginal, &path.signature, &path.loose_because).hash(to);
    (&path.rule, &path.used_by, path.port_group, path.access).hash(to);
}

fn hash_kernel_map(map: &KernelMap, to: &mut impl Hasher) {
    (&map.name, &map.wwid, &map.dev_t, map.size_bytes, map.open_count > 0, map.suspended).hash(to);
    (map.queue_if_no_path, map.unreadable).hash(to);
    map.paths.iter().for_each(|path| (&path.dev_t, path.active).hash(to));
    0xc1u8.hash(to);
}
