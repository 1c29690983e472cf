//! What one node has: the files of its multipath, and the maps that live on it. All of it was read elsewhere; here it is only held.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Version;
use super::overrides::SeenPath;
use super::render::{DROP_IN, DROP_IN_FOLDER, DropIns, OVERRIDES_DROP_IN};
use crate::explain::times;
use crate::ids::{EpochS, NodeName, Wwid};
use crate::multipath_conf::Conf;

/// A text file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Its whole path, as it is shown.
    pub path: String,
    /// What stands in it; what is no UTF-8 is replaced.
    pub text: String,
}

/// A node, as it was at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeState {
    /// Its name.
    pub node: NodeName,
    /// When this was read, by its own wall clock.
    pub read_at: Option<EpochS>,
    /// Its multipath-tools; `None` = not known.
    pub version: Option<Version>,
    /// Text of `/etc/multipath/wwids`; empty where there is none.
    pub wwids: String,
    /// WWIDs that Pathkeeper itself put there, by its record in the state directory.
    pub recorded: BTreeSet<Wwid>,
    /// `/etc/multipath.conf` and the files of [`DROP_IN_FOLDER`], in any order, without Pathkeeper's own two.
    pub files: Vec<File>,
    /// Pathkeeper's own two, as they stand.
    pub drop_ins: DropIns,
    /// Text of `/etc/multipath/bindings`; empty where there is none.
    pub bindings: String,
    /// What multipathd printed on `show config`; `None` where it did not.
    pub effective: Option<String>,
    /// Maps that live.
    pub maps: Vec<LiveMap>,
    /// LUNs of which it sees paths that belong to no map.
    pub mapless: BTreeSet<Wwid>,
    /// Files that may name a map: LVM's configuration and devices file, fstab, crypttab, configurations of guests.
    pub mentions: Vec<File>,
    /// Its initramfs holds a configuration of multipath.
    pub initramfs: bool,
}

/// A map that lives on a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveMap {
    /// Its name.
    pub name: String,
    /// Its WWID.
    pub wwid: Wwid,
    /// How often it is open; `None` = not known, which counts as open.
    pub open: Option<u32>,
    /// Devices that stand on it.
    pub holders: Vec<String>,
    /// It carries a physical volume of LVM.
    pub pv: bool,
    /// As its paths tell it.
    pub vendor: Option<String>,
    /// As its paths tell it.
    pub product: Option<String>,
    /// Its paths.
    pub paths: Vec<LivePath>,
    /// How many it should have, where something other than `multipath.cfg` says so.
    pub expected_paths: Option<u32>,
}

/// A path of a map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LivePath {
    /// `sdk`.
    pub name: String,
    /// The kernel and multipathd both use it.
    pub usable: bool,
    /// `scsi:fcp`…
    pub protocol: String,
    /// Names of its udev properties; empty where nobody looked.
    pub properties: Vec<String>,
}

/// Why a LUN is in use.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Use {
    /// It is open there, so often; `None` = nobody can tell.
    Open(NodeName, Option<u32>),
    /// These devices stand on it there.
    Holders(NodeName, Vec<String>),
    /// It carries a physical volume, as seen there.
    Pv(NodeName),
    /// A storage consumes it.
    Storage(String),
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Use::Open(node, Some(count)) => write!(f, "open {} on {node}", times(*count)),
            Use::Open(node, None) => write!(f, "perhaps open on {node}"),
            Use::Holders(node, on_it) => write!(f, "under {} on {node}", on_it.join(", ")),
            Use::Pv(node) => write!(f, "carries a physical volume of LVM, as {node} sees it"),
            Use::Storage(storage) => write!(f, "consumed by the storage {storage}"),
        }
    }
}

/// Who uses which LUN, over all nodes. A LUN that is not here is used by nobody.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Uses(BTreeMap<Wwid, BTreeSet<Use>>);

impl Uses {
    /// From what all nodes see and the storages that consume a LUN, by name.
    pub fn of<'a>(
        nodes: impl IntoIterator<Item = &'a NodeState>,
        storages: impl IntoIterator<Item = (Wwid, String)>,
    ) -> Self {
        let mut uses = Self::default();
        for node in nodes {
            for map in &node.maps {
                let own = &node.node;
                let open = (map.open != Some(0)).then(|| Use::Open(own.clone(), map.open));
                let holders =
                    (!map.holders.is_empty()).then(|| Use::Holders(own.clone(), map.holders.clone()));
                let pv = map.pv.then(|| Use::Pv(own.clone()));
                for found in [open, holders, pv].into_iter().flatten() {
                    uses.0.entry(map.wwid.clone()).or_default().insert(found);
                }
            }
        }
        for (wwid, storage) in storages {
            uses.0.entry(wwid).or_default().insert(Use::Storage(storage));
        }
        uses
    }

    /// Why a LUN is in use; empty if it is not.
    pub fn of_lun(&self, wwid: &Wwid) -> Vec<Use> {
        self.0.get(wwid).into_iter().flatten().cloned().collect()
    }
}

impl NodeState {
    /// A node of which nothing is known yet.
    pub fn new(node: NodeName) -> Self {
        Self {
            node,
            read_at: None,
            version: None,
            wwids: String::new(),
            recorded: BTreeSet::new(),
            files: Vec::new(),
            drop_ins: DropIns::default(),
            bindings: String::new(),
            effective: None,
            maps: Vec::new(),
            mapless: BTreeSet::new(),
            mentions: Vec::new(),
            initramfs: false,
        }
    }

    /// All files as multipathd would read them with these drop-ins of ours: `multipath.conf`, then the others by name.
    pub fn conf_with(&self, drop_ins: &DropIns) -> Conf {
        let (config, overrides) = (own_path(DROP_IN), own_path(OVERRIDES_DROP_IN));
        let ours = [(&config, &drop_ins.config), (&overrides, &drop_ins.overrides)];
        let ours = ours.into_iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)));
        let theirs = self.files.iter().map(|file| (file.path.as_str(), file.text.as_str()));
        let mut all: Vec<(&str, &str)> =
            theirs.filter(|(path, _)| *path != config && *path != overrides).chain(ours).collect();
        // multipath.conf stands above the folder.
        all.sort_by_key(|(path, _)| (path.starts_with(DROP_IN_FOLDER), *path));
        Conf::parse(all)
    }

    /// WWIDs that the file `wwids` lists.
    pub fn listed(&self) -> BTreeSet<Wwid> {
        listed(&self.wwids)
    }
}

/// The path of one of our drop-ins.
pub fn own_path(name: &str) -> String {
    format!("{DROP_IN_FOLDER}/{name}")
}

/// WWIDs that the text of a file `wwids` lists: lines `/WWID/`; all others are comments. As multipath reads it, what stands behind
/// the second `/` does not count, and a WWID with a `/` in it is found never.
pub fn listed(text: &str) -> BTreeSet<Wwid> {
    let wwid = |line: &str| Wwid::new(line.strip_prefix('/')?.split_once('/')?.0);
    text.lines().filter_map(wwid).collect()
}

/// Names by WWID that the text of a file `bindings` gives: lines `NAME WWID`.
pub fn bound(text: &str) -> BTreeMap<Wwid, String> {
    let mut out = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(wwid)) = (words.next(), words.next().and_then(Wwid::new)) {
            // The first one counts.
            out.entry(wwid).or_insert_with(|| name.to_owned());
        }
    }
    out
}

impl LiveMap {
    /// One of its paths, as rules of a blacklist see it, with names of properties that the caller keeps.
    pub(super) fn seen_path<'a>(&'a self, path: &'a LivePath, properties: &'a [&'a str]) -> SeenPath<'a> {
        SeenPath {
            name: &path.name,
            vendor: self.vendor.as_deref(),
            product: self.product.as_deref(),
            protocol: &path.protocol,
            properties,
        }
    }
}
