//! What seldom changes about devices and adapters, kept from read to read.
//!
//! With 500 maps of 8 paths a read of all of it costs some 40,000 system calls, so it is read when the set of paths
//! changes and from time to time; in between a read of the node touches no file of sysfs for the devices it knows.

use super::Depth;
use crate::lvm::{Backups, read_pvs, read_signature};
use crate::multipathd::raw::RawPaths;
use crate::roots::Roots;
use crate::sysfs::adapter::{Counters, read_adapters};
use crate::sysfs::device::{read_device, read_map};
use crate::sysfs::{DeviceFacts, MapFacts};
use pathkeeper_model::Wwid;
use pathkeeper_model::local::{Adapter, KernelMap, Map, NodeRead, PathDevice, Pv};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use smol_str::SmolStr;
use std::hash::{Hash, Hasher};
use std::path::Path;

/// Facts about one device, and which device that was.
#[derive(Debug)]
struct Kept<T> {
    dev_t: SmolStr,
    wwid: Option<Wwid>,
    facts: T,
}

/// What `show paths` told of a device beyond what the JSON tells anew each time. A large node has thousands of these.
#[derive(Debug)]
struct Told {
    dev_t: SmolStr,
    hctl: Option<SmolStr>,
    serial: Option<SmolStr>,
    transport: Option<SmolStr>,
    failures: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Facts {
    devices: FxHashMap<SmolStr, Kept<DeviceFacts>>,
    maps: FxHashMap<SmolStr, Kept<(MapFacts, Vec<Pv>)>>,
    /// What is on the devices that no map took.
    signatures: FxHashMap<SmolStr, Kept<Option<SmolStr>>>,
    /// By `show paths`, as it was told last.
    paths: FxHashMap<SmolStr, Told>,
    /// `show paths` told something, perhaps that there are none.
    told: bool,
    /// Devices that no map had taken then, sorted.
    loose: Vec<PathDevice>,
    adapters: Vec<Adapter>,
    /// A fingerprint of the set of paths; `None` before the first read and after [`Facts::forget`].
    set: Option<u64>,
}

impl Facts {
    pub(super) fn forget(&mut self) {
        self.set = None;
        self.devices.clear();
        self.maps.clear();
        self.signatures.clear();
    }

    /// Whether the set of paths is another one than at the last read; remembers the new one.
    pub(super) fn is_changed(&mut self, maps: &[Map]) -> bool {
        let set = Some(fingerprint(maps));
        std::mem::replace(&mut self.set, set) != set
    }

    /// Takes a new list of all path devices.
    pub(super) fn take_paths(&mut self, paths: RawPaths) {
        self.told = true;
        self.loose.clear();
        self.paths.clear();
        self.paths.reserve(paths.by_dev.len());
        for (dev, raw) in paths.by_dev {
            let told = Told {
                dev_t: raw.path.dev_t.clone(),
                hctl: raw.path.hctl.clone(),
                serial: raw.path.serial.clone(),
                transport: raw.transport,
                failures: raw.path.failures,
            };
            if raw.map.is_none() {
                self.loose.push(raw.path);
            }
            self.paths.insert(dev, told);
        }
        self.loose.sort_unstable_by(|a, b| (a.dev.len(), &a.dev).cmp(&(b.dev.len(), &b.dev)));
    }

    /// Whether multipathd lists a device; as long as it has not told, all are.
    pub(super) fn is_listed(&self, dev: &str) -> bool {
        !self.told || self.paths.contains_key(dev)
    }

    /// Adds devices that multipathd does not list to those that no map took, if none has by now.
    pub(super) fn add_unlisted(&mut self, sys: &Path, out: &mut NodeRead, unlisted: &[PathDevice]) {
        if unlisted.is_empty() {
            return;
        }
        let known: FxHashSet<&str> =
            devices(&out.maps).chain(out.loose.iter().map(|path| &*path.dev)).collect();
        let mut more: Vec<PathDevice> =
            unlisted.iter().filter(|path| !known.contains(path.dev.as_str())).cloned().collect();
        more.iter_mut().for_each(|path| self.fill_path(sys, path, None));
        out.loose.extend(more);
    }

    /// All adapters; links anew at a full read, counters (which some drivers ask their firmware for) only when `counters`.
    pub(super) fn adapters(&mut self, sys: &Path, depth: Depth, counters: bool) -> Vec<Adapter> {
        if depth == Depth::Full || self.adapters.is_empty() {
            let how = if counters { Counters::Read } else { Counters::Skip };
            let mut fresh = read_adapters(sys, how);
            if !counters {
                for adapter in &mut fresh {
                    if let Some(old) = self.adapters.iter().find(|old| old.name == adapter.name) {
                        adapter.counters.clone_from(&old.counters);
                    }
                }
            }
            self.adapters = fresh;
        }
        self.adapters.clone()
    }

    /// Fills in what the JSON lacks, and the devices that no map took. `anew` reads all of sysfs again.
    pub(super) fn fill(&mut self, roots: &Roots, out: &mut NodeRead, anew: bool) {
        if anew {
            self.devices.clear();
            self.maps.clear();
            self.signatures.clear();
        }
        let sys = &roots.sys;
        let kernel: FxHashMap<&Wwid, &KernelMap> =
            out.kernel.iter().flatten().map(|map| (&map.wwid, map)).collect();
        let mut backups = Backups::default();
        for map in &mut out.maps {
            if let Some(dm) = &map.dm {
                let read = || (read_map(sys, dm), read_pvs(roots, dm, &mut backups));
                let (facts, pvs) = keep(&mut self.maps, dm, "", Some(&map.wwid), read);
                map.size_bytes = facts.size_bytes;
                map.holders.clone_from(&facts.holders);
                map.pvs.clone_from(pvs);
            }
            if let Some(kernel) = kernel.get(&map.wwid) {
                map.open_count = Some(kernel.open_count);
                map.suspended |= kernel.suspended;
                if kernel.size_bytes > 0 {
                    map.size_bytes = Some(kernel.size_bytes);
                }
            }
            for path in map.groups.iter_mut().flat_map(|group| &mut group.paths) {
                self.fill_path(sys, path, Some(&map.wwid));
                if map.serial.is_none() {
                    map.serial.clone_from(&path.serial);
                }
            }
        }
        self.fill_loose(roots, out);
        self.drop_gone(out);
    }

    fn fill_path(&mut self, sys: &Path, path: &mut PathDevice, map: Option<&Wwid>) {
        let PathDevice { dev, dev_t, wwid, .. } = &*path;
        let facts = keep(&mut self.devices, dev, dev_t, wwid.as_ref(), || read_device(sys, dev));
        path.size_bytes = facts.size_bytes;
        path.adapter.clone_from(&facts.adapter);
        (path.port_group, path.access) = (facts.port_group, facts.access);
        let fill = |into: &mut Option<SmolStr>, from: &Option<SmolStr>| {
            if into.is_none() {
                into.clone_from(from);
            }
        };
        fill(&mut path.hctl, &facts.hctl);
        fill(&mut path.adapter_port, &facts.adapter_port);
        fill(&mut path.target_port, &facts.target_port);
        fill(&mut path.target_node, &facts.target_node);
        fill(&mut path.transport, &facts.transport);
        if let Some(told) = self.paths.get(&path.dev).filter(|told| told.dev_t == path.dev_t) {
            fill(&mut path.hctl, &told.hctl);
            fill(&mut path.transport, &told.transport);
            fill(&mut path.serial, &told.serial);
            path.failures = path.failures.or(told.failures);
        }
        // multipathd's JSON knows one WWID for all paths of a map; the device's own may be another by now.
        if let Some(other) = map.and_then(|map| facts.page83.contradicts(map.as_str())) {
            path.wwid = Wwid::new(&other);
        }
    }

    fn fill_loose(&mut self, roots: &Roots, out: &mut NodeRead) {
        let taken: FxHashSet<&str> = devices(&out.maps).collect();
        let mut loose: Vec<PathDevice> =
            self.loose.iter().filter(|path| !taken.contains(path.dev.as_str())).cloned().collect();
        for path in &mut loose {
            self.fill_path(&roots.sys, path, None);
            let PathDevice { dev, dev_t, wwid, .. } = &*path;
            let read = || read_signature(roots, dev).map(SmolStr::from);
            let signature = keep(&mut self.signatures, dev, dev_t, wwid.as_ref(), read);
            path.signature.clone_from(signature);
        }
        out.loose = loose;
    }

    /// What is kept is bounded by what is there.
    fn drop_gone(&mut self, out: &NodeRead) {
        let paths: usize = out.maps.iter().flat_map(|map| &map.groups).map(|group| group.paths.len()).sum();
        if self.devices.len() > 2 * (paths + out.loose.len()) + 64 {
            self.devices.clear();
        }
        if self.signatures.len() > 2 * out.loose.len() + 64 {
            self.signatures.clear();
        }
        if self.maps.len() > 2 * out.maps.len() + 64 {
            self.maps.clear();
        }
    }
}

/// Devices of all paths of these maps.
fn devices(maps: &[Map]) -> impl Iterator<Item = &str> {
    maps.iter().flat_map(|map| &map.groups).flat_map(|group| &group.paths).map(|path| path.dev.as_str())
}

/// The kept facts of a device if it is still the same one, else those read now.
fn keep<'k, T>(
    kept: &'k mut FxHashMap<SmolStr, Kept<T>>,
    name: &str,
    dev_t: &str,
    wwid: Option<&Wwid>,
    read: impl FnOnce() -> T,
) -> &'k T {
    let same = kept.get(name).is_some_and(|old| old.dev_t == dev_t && old.wwid.as_ref() == wwid);
    if !same {
        kept.remove(name);
    }
    let fresh = || Kept { dev_t: dev_t.into(), wwid: wwid.cloned(), facts: read() };
    &kept.entry(name.into()).or_insert_with(fresh).facts
}

/// Equal for equal sets of paths in any order.
fn fingerprint(maps: &[Map]) -> u64 {
    let mut sum = 0u64;
    for map in maps {
        for path in map.groups.iter().flat_map(|group| &group.paths) {
            let mut hasher = FxHasher::default();
            (&path.dev, &path.dev_t, &map.wwid).hash(&mut hasher);
            sum = sum.wrapping_add(hasher.finish() | 1);
        }
    }
    sum
}
