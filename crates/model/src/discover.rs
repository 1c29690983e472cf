//! LUNs that nodes see and nobody watches, from what the nodes published of the devices that no map took.
//!
//! Nothing is read for it: what is not published is not known, and what is not known is not said. One node after the other is
//! taken in ([`Discovery::add`]), so that no more than one node's detail is unpacked at a time; the order does not matter.

mod notes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::arrays::{Arrays, Target};
use crate::ids::{NodeName, Wwid};
use crate::local::{Daemon, NodeRead, PathDevice};
use crate::node_value::clip;
use crate::report::TEXT_BYTES_MAX;

/// No more LUNs are gathered, those that nodes carry included.
const LUNS_MAX: usize = 65_536;
/// One LUN on one node is one place.
const PLACES_MAX: usize = 262_144;
/// Devices without a WWID that are listed.
const NAMELESS_MAX: usize = 1_024;
/// Texts that are kept once for all who bear them.
const TEXTS_MAX: usize = 32_768;
/// Different texts of a kind that are told of one LUN on one node.
const WORDS_MAX: usize = 4;

/// What a node is to the question, beside what it read.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// Its name.
    pub name: &'a NodeName,
    /// Why what it published is not what is so now; `None` = it is.
    pub doubt: Option<&'a str>,
    /// It never carried a LUN for long: its ledger is empty.
    pub is_new: bool,
}

/// LUNs that are seen and not watched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Discovered {
    /// LUNs of which no node has a map and which nobody watches, by WWID.
    pub luns: Vec<SeenLun>,
    /// LUNs that are watched or carried somewhere, and that other nodes see without having a map.
    pub partly: Vec<SeenLun>,
    /// Devices that look like a node's own disks: one node sees them by one path, and not over a network.
    pub local: Vec<LooseDevice>,
    /// Devices that say no WWID, so that nobody can tell which LUN they are.
    pub nameless: Vec<LooseDevice>,
    /// What found no room.
    pub left_out: u64,
}

/// A LUN that some node sees without having a map for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenLun {
    /// World Wide Identifier.
    pub wwid: Wwid,
    /// Bytes, where all nodes that tell it say the same.
    pub size_bytes: Option<u64>,
    /// Vendor and product.
    pub product: Option<Arc<str>>,
    /// Serial number.
    pub serial: Option<Arc<str>>,
    /// `fc`, `iscsi`, …
    pub transport: Option<Arc<str>>,
    /// The target nodes (WWNN, IQN, NQN) of its array, sorted; empty where none is known.
    pub array: Vec<Arc<str>>,
    /// The number under which the array shows it, where all nodes say the same.
    pub lun: Option<u64>,
    /// Nodes that see it without having a map.
    pub nodes: BTreeMap<NodeName, SeenOn>,
    /// Nodes that have a map for it.
    pub carried: Vec<NodeName>,
    /// What a person should know, most important first.
    pub notes: Vec<Note>,
}

/// A LUN's devices on one node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SeenOn {
    /// Devices, a path each.
    pub paths: u32,
    /// Bytes, where all of them say the same.
    pub size_bytes: Option<u64>,
    /// LUN number, where all of them say the same.
    pub lun: Option<u64>,
    /// Whether the WWID is in the node's wwids file; `None` where that was not read.
    pub in_wwids: Option<bool>,
    /// multipathd's words for why no map took them.
    pub because: Vec<Arc<str>>,
    /// What udev's database says is on them, e.g. `LVM PV of VG prod`. An empty list proves nothing: nobody looks at a
    /// standby path.
    pub signatures: Vec<Arc<str>>,
    /// The devices are as the node told when it last spoke.
    pub as_of_then: bool,
}

/// One line for a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Note {
    /// Whoever goes on without reading it may do harm.
    pub warning: bool,
    /// The words.
    pub text: String,
}

/// A device that stands for no LUN here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LooseDevice {
    /// Where.
    pub node: NodeName,
    /// `sdX`.
    pub dev: Arc<str>,
    /// Its WWID, where it says one.
    pub wwid: Option<Wwid>,
    /// Vendor and product.
    pub product: Option<Arc<str>>,
    /// Bytes.
    pub size_bytes: Option<u64>,
    /// `ata`, …
    pub transport: Option<Arc<str>>,
    /// multipathd's words for why no map took it.
    pub because: Arc<str>,
}

/// What one node told.
#[derive(Debug, Default)]
struct Told {
    is_new: bool,
    /// What it does not name is not there: it is believed, and its multipathd answers.
    is_current: bool,
    /// Targets that it sees anything of.
    targets: FxHashSet<Target>,
}

/// One LUN's devices on one node, as they are gathered.
#[derive(Debug, Default)]
struct Place {
    on: SeenOn,
    sizes: BTreeSet<u64>,
    luns: BTreeSet<u64>,
    /// For a device that turns out to be a local one.
    first: Option<Arc<str>>,
    far: bool,
    near: bool,
}

#[derive(Debug, Default)]
struct Lun {
    product: Option<Arc<str>>,
    serial: Option<Arc<str>>,
    transport: Option<Arc<str>>,
    target: Option<Target>,
    places: BTreeMap<NodeName, Place>,
    carried: BTreeSet<NodeName>,
}

/// Takes in what nodes published.
#[derive(Debug, Default)]
pub struct Discovery {
    known: FxHashSet<Wwid>,
    nodes: BTreeMap<NodeName, Told>,
    arrays: Arrays,
    luns: FxHashMap<Wwid, Lun>,
    places: usize,
    nameless: Vec<LooseDevice>,
    texts: Texts,
    left_out: u64,
}

#[derive(Debug, Default)]
struct Texts(FxHashSet<Arc<str>>);

impl Texts {
    fn keep(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let text: Arc<str> = Arc::from(&*clip(text, TEXT_BYTES_MAX));
        if self.0.len() < TEXTS_MAX {
            self.0.insert(text.clone());
        }
        text
    }

    fn keep_some(&mut self, text: Option<&str>) -> Option<Arc<str>> {
        text.filter(|text| !text.is_empty()).map(|text| self.keep(text))
    }
}

impl Discovery {
    /// Nothing was taken in yet. `known`: the LUNs that are watched or that a node reports.
    pub fn new(known: impl IntoIterator<Item = Wwid>) -> Self {
        Self { known: known.into_iter().collect(), ..Self::default() }
    }

    /// A node that has told nothing that can be used.
    pub fn add_unknown(&mut self, name: &NodeName) {
        self.nodes.entry(name.clone()).or_default();
    }

    /// Takes in what one node read. A name that came before is taken for the same node.
    pub fn add(&mut self, node: &Node<'_>, read: &NodeRead) {
        let mut told = self.nodes.remove(node.name).unwrap_or_default();
        told.is_new = node.is_new;
        told.is_current = node.doubt.is_none() && matches!(read.daemon, Daemon::Answering { .. });
        for map in &read.maps {
            let paths = map.groups.iter().flat_map(|group| &group.paths);
            let mut first = None;
            for path in paths {
                let target = self.arrays.target_of(path);
                self.see(&mut told, &mut first, target);
            }
            self.carry(&map.wwid, node.name, first);
        }
        for map in read.kernel.iter().flatten() {
            self.carry(&map.wwid, node.name, None);
        }
        let own: Option<FxHashSet<&Wwid>> = read.own_wwids.as_ref().map(|own| own.iter().collect());
        for path in read.loose.iter().filter(|path| !is_own_disk(path)) {
            let Some(wwid) = path.wwid.as_ref().filter(|wwid| wwid.as_str().len() <= TEXT_BYTES_MAX) else {
                self.add_nameless(node.name, path);
                continue;
            };
            let target = self.arrays.target_of(path);
            let mut of_lun = self.luns.get(wwid).and_then(|lun| lun.target);
            self.see(&mut told, &mut of_lun, target);
            let in_wwids = own.as_ref().map(|own| own.contains(wwid));
            self.add_device(node, path, wwid, of_lun, in_wwids);
        }
        self.nodes.insert(node.name.clone(), told);
    }

    /// A path of one LUN leads to `target`.
    fn see(&mut self, told: &mut Told, of_lun: &mut Option<Target>, target: Option<Target>) {
        let Some(target) = target else { return };
        told.targets.insert(target);
        match of_lun {
            Some(first) if *first != target => self.arrays.join(*first, target),
            _ => *of_lun = Some(target),
        }
    }

    fn lun(&mut self, wwid: &Wwid) -> Option<&mut Lun> {
        if !self.luns.contains_key(wwid) && self.luns.len() >= LUNS_MAX {
            self.left_out += 1;
            return None;
        }
        Some(self.luns.entry(wwid.clone()).or_default())
    }

    fn carry(&mut self, wwid: &Wwid, node: &NodeName, target: Option<Target>) {
        if wwid.as_str().len() > TEXT_BYTES_MAX || self.places >= PLACES_MAX {
            self.left_out += 1;
            return;
        }
        let Some(lun) = self.lun(wwid) else { return };
        let new = lun.carried.insert(node.clone());
        let before = lun.target;
        lun.target = before.or(target);
        self.places += usize::from(new);
        if let (Some(before), Some(target)) = (before, target) {
            self.arrays.join(before, target);
        }
    }

    fn add_nameless(&mut self, node: &NodeName, path: &PathDevice) {
        if self.nameless.len() >= NAMELESS_MAX {
            self.left_out += 1;
            return;
        }
        let texts = &mut self.texts;
        self.nameless.push(LooseDevice {
            node: node.clone(),
            dev: texts.keep(&path.dev),
            wwid: None,
            product: texts.keep_some(path.product.as_deref()),
            size_bytes: path.size_bytes,
            transport: texts.keep_some(path.transport.as_deref()),
            because: texts.keep(&path.loose_because),
        });
    }

    fn add_device(
        &mut self,
        node: &Node<'_>,
        path: &PathDevice,
        wwid: &Wwid,
        target: Option<Target>,
        in_wwids: Option<bool>,
    ) {
        let texts = &mut self.texts;
        let [product, serial, transport] =
            [&path.product, &path.serial, &path.transport].map(|text| texts.keep_some(text.as_deref()));
        let because = texts.keep_some(Some(&path.loose_because));
        let signature = texts.keep_some(path.signature.as_deref());
        let dev = texts.keep(&path.dev);
        let full = self.places >= PLACES_MAX;
        let Some(lun) = self.lun(wwid) else { return };
        if full && !lun.places.contains_key(node.name) {
            self.left_out += 1;
            return;
        }
        // Which of several words stands for the LUN must not depend on who was taken in first.
        let least = |into: &mut Option<Arc<str>>, new: Option<Arc<str>>| {
            if let Some(new) = new
                && into.as_ref().is_none_or(|old| new < *old)
            {
                *into = Some(new);
            }
        };
        least(&mut lun.product, product);
        least(&mut lun.serial, serial);
        least(&mut lun.transport, transport);
        lun.target = lun.target.or(target);
        let before = lun.places.len();
        let place = lun.places.entry(node.name.clone()).or_default();
        place.on.paths = place.on.paths.saturating_add(1);
        place.on.in_wwids = in_wwids;
        place.on.as_of_then = node.doubt.is_some();
        place.sizes.extend(path.size_bytes.filter(|_| place.sizes.len() < WORDS_MAX));
        place.luns.extend(lun_number(path).filter(|_| place.luns.len() < WORDS_MAX));
        place.first.get_or_insert(dev);
        place.far |= is_far(path);
        place.near |= matches!(path.transport.as_deref(), Some("ata" | "usb"));
        let add = |into: &mut Vec<Arc<str>>, text: Option<Arc<str>>| {
            if let Some(text) = text
                && !into.contains(&text)
                && into.len() < WORDS_MAX
            {
                into.push(text);
                into.sort_unstable();
            }
        };
        add(&mut place.on.because, because);
        add(&mut place.on.signatures, signature);
        let new = lun.places.len() > before;
        self.places += usize::from(new);
    }

    /// What came of it.
    pub fn finish(mut self) -> Discovered {
        let mut out = Discovered { left_out: self.left_out, ..Discovered::default() };
        let array_names = self.arrays.names();
        let seen_by = self.nodes_of_arrays();
        let mut luns: Vec<(Wwid, Lun)> = std::mem::take(&mut self.luns).into_iter().collect();
        luns.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (wwid, mut lun) in luns {
            // A further device of a LUN that the node carries is no news.
            let Lun { places, carried, .. } = &mut lun;
            places.retain(|node, _| !carried.contains(node));
            if lun.places.is_empty() {
                continue;
            }
            let is_known = self.known.contains(&wwid) || !lun.carried.is_empty();
            if !is_known && let Some(device) = local_disk(&wwid, &lun) {
                out.local.push(device);
                continue;
            }
            let array = lun.target.map(|target| self.arrays.array_of(target));
            let notes = notes::of(&lun, array.and_then(|array| seen_by.get(&array)), &self.nodes);
            let told = |kind: fn(&Place) -> &BTreeSet<u64>| {
                only(lun.places.values().flat_map(|place| kind(place).iter().copied()))
            };
            let (size_bytes, number) = (told(|place| &place.sizes), told(|place| &place.luns));
            let seen = SeenLun {
                wwid,
                size_bytes,
                product: lun.product,
                serial: lun.serial,
                transport: lun.transport,
                array: array.and_then(|array| array_names.get(&array)).cloned().unwrap_or_default(),
                lun: number,
                nodes: lun.places.into_iter().map(|(node, place)| (node, place.finish())).collect(),
                carried: lun.carried.into_iter().collect(),
                notes,
            };
            if is_known { out.partly.push(seen) } else { out.luns.push(seen) }
        }
        out.nameless = self.nameless;
        out.nameless.sort_unstable();
        out.local.sort_unstable();
        out
    }

    /// The nodes that see anything of each array.
    fn nodes_of_arrays(&mut self) -> BTreeMap<Target, BTreeSet<NodeName>> {
        let mut out: BTreeMap<Target, BTreeSet<NodeName>> = BTreeMap::new();
        for (name, told) in &self.nodes {
            for target in &told.targets {
                out.entry(self.arrays.array_of(*target)).or_default().insert(name.clone());
            }
        }
        out
    }
}

impl Place {
    fn finish(self) -> SeenOn {
        SeenOn { size_bytes: only(self.sizes), lun: only(self.luns), ..self.on }
    }
}

/// The one value that all say; `None` where nobody says one, or not all the same.
fn only(values: impl IntoIterator<Item = u64>) -> Option<u64> {
    let mut values = values.into_iter();
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

/// The last part of `host:channel:target:lun`.
fn lun_number(path: &PathDevice) -> Option<u64> {
    path.hctl.as_deref()?.rsplit(':').next()?.parse().ok()
}

/// Reached over a network.
fn is_far(path: &PathDevice) -> bool {
    match path.transport.as_deref() {
        Some("fc" | "fcoe" | "iscsi" | "srp") => true,
        // A controller on the PCI bus has a bus address there.
        Some("nvme") => path.target_port.as_deref().is_some_and(|port| port.contains("traddr=")),
        _ => false,
    }
}

/// The device, where one node alone sees it by one path, and not over a network.
fn local_disk(wwid: &Wwid, lun: &Lun) -> Option<LooseDevice> {
    let mut places = lun.places.iter();
    let (node, place) = places.next()?;
    if places.next().is_some() || place.far || (place.on.paths > 1 && !place.near) {
        return None;
    }
    Some(LooseDevice {
        node: node.clone(),
        dev: place.first.clone()?,
        wwid: Some(wwid.clone()),
        product: lun.product.clone(),
        size_bytes: only(place.sizes.iter().copied()),
        transport: lun.transport.clone(),
        because: place.on.because.first().cloned().unwrap_or_default(),
    })
}

/// Excluded on purpose, and not over a SAN's transport: a disk of the machine's own is no LUN that waits to be watched.
fn is_own_disk(path: &PathDevice) -> bool {
    let over_san = matches!(path.transport.as_deref(), Some("fc" | "fcoe" | "iscsi" | "srp"));
    path.loose_because == "blacklisted" && !over_san
}
