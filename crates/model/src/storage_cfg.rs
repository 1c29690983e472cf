//! `storage.cfg`: which storages a Proxmox VE cluster has, as Proxmox VE itself understands the file.
//!
//! Its reader is forgiving in ways that surprise, and this one is forgiving in the same ways: a bad value drops its key
//! and keeps the section (so `disable yes` leaves the storage enabled, and one bad name in `nodes` opens it to every node),
//! of a key that stands twice the first good value counts, of an id that stands twice the last section. Everything that
//! was dropped is told as a problem. Beyond Proxmox's own types it knows `multipath`, which is Pathkeeper's.

use std::collections::BTreeSet;

use crate::ids::{NodeName, Wwid};
use crate::report::TEXT_BYTES_MAX;
use crate::section::{Document, Problem, Problems, Property, Section, quote, split_list};

/// What a `storage.cfg` says of LUNs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StorageCfg {
    /// Usable storages in the order in which Proxmox VE sees them; no id stands twice. `local` is always there.
    pub storages: Vec<Storage>,
    /// What does not do what was perhaps meant.
    pub problems: Vec<Problem>,
}

/// One storage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Storage {
    /// Its name.
    pub id: String,
    /// The line of its header, from 1; 0 for a `local` that no section describes.
    pub line: u32,
    /// Nobody uses it.
    pub disabled: bool,
    /// Only these nodes use it, members of the cluster or not; `None` = every node of the cluster, an empty set = nobody.
    pub nodes: Option<BTreeSet<NodeName>>,
    /// What it is.
    pub kind: StorageKind,
}

/// What a storage is, as far as LUNs go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StorageKind {
    /// A volume group.
    Lvm {
        /// Its name.
        vg: String,
        /// The LUN that it was made on, where that is known.
        base: Option<Base>,
        /// The same volume group is on every node.
        shared: bool,
    },
    /// A thin pool in a volume group; never shared.
    LvmThin {
        /// The volume group.
        vg: String,
    },
    /// The LUNs of an iSCSI target.
    Iscsi {
        /// Address and port.
        portal: String,
        /// The target's name.
        target: String,
    },
    /// LUNs by name; `None` = every allowed LUN.
    Multipath {
        /// Their WWIDs.
        wwids: Option<BTreeSet<Wwid>>,
    },
    /// Another of Proxmox VE's types: it says nothing of LUNs.
    Other(String),
}

impl StorageKind {
    /// The type's word in `storage.cfg`.
    pub fn as_str(&self) -> &str {
        match self {
            StorageKind::Lvm { .. } => "lvm",
            StorageKind::LvmThin { .. } => "lvmthin",
            StorageKind::Iscsi { .. } => "iscsi",
            StorageKind::Multipath { .. } => "multipath",
            StorageKind::Other(kind) => kind,
        }
    }
}

/// A LUN as a volume of another storage: `STORAGE:VOLUME`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Base {
    /// The storage; it may be absent, and is of use only if it is an iSCSI one.
    pub storage: String,
    /// The volume: `channel.id.lun.NAME`, the name as below /dev/disk/by-id.
    pub volume: String,
    /// The WWID in that name; `None` where it is neither `scsi-…` nor `dm-uuid-mpath-…`.
    pub wwid: Option<Wwid>,
}

/// Types of Proxmox VE that say nothing of LUNs.
const OTHERS: [&str; 13] = [
    "btrfs",
    "cephfs",
    "cifs",
    "dir",
    "drbd",
    "esxi",
    "glusterfs",
    "iscsidirect",
    "nfs",
    "pbs",
    "rbd",
    "zfs",
    "zfspool",
];
/// Keys of any type that are of use here.
const COMMON_KEYS: [&str; 4] = ["type", "nodes", "disable", "content"];
/// What any storage can hold.
const CONTENTS: [&str; 8] = ["backup", "images", "import", "iso", "none", "rootdir", "snippets", "vztmpl"];

impl StorageCfg {
    /// Reads the file. Total; an empty file is one with `local` alone.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut document = Document::parse(bytes);
        let mut read = Reader::default();
        read.problems.take(&mut document);
        for section in &document.sections {
            read.section(section);
        }
        read.local();
        Self { storages: read.storages, problems: read.problems.finish() }
    }

    /// The storage of this name.
    pub fn get(&self, id: &str) -> Option<&Storage> {
        self.storages.iter().find(|storage| storage.id == id)
    }
}

#[derive(Default)]
struct Reader {
    storages: Vec<Storage>,
    /// A section `local` that Proxmox VE takes for its own; its path is the right one.
    local_is_usual: bool,
    problems: Problems,
}

/// What a section's properties say, each key once.
#[derive(Default)]
struct Values {
    disabled: Option<bool>,
    nodes: Option<BTreeSet<NodeName>>,
    content: Option<BTreeSet<&'static str>>,
    vg: Option<String>,
    thinpool: Option<String>,
    base: Option<Base>,
    shared: Option<bool>,
    portal: Option<String>,
    target: Option<String>,
    wwids: Option<BTreeSet<Wwid>>,
    path: Option<String>,
    /// Keys that are known and of no use here, to tell a second one.
    others: BTreeSet<String>,
}

impl Reader {
    fn section(&mut self, section: &Section) {
        let id = &section.id;
        let kind = section.kind.to_ascii_lowercase();
        if !is_name(id, true) {
            let what = format!(
                "the storage {} does not count: an id begins with a letter, ends with a letter or digit, has two characters \
                 or more, and dashes, underscores and dots between",
                quote(id)
            );
            return self.problems.add(section.line, what);
        }
        let ours = known_keys(&kind);
        if ours.is_none() && !OTHERS.contains(&kind.as_str()) {
            let what = format!(
                "the storage {id} does not count: {} is no type that Proxmox VE knows by itself",
                quote(&section.kind)
            );
            return self.problems.add(section.line, what);
        }
        let mut values = Values::default();
        for property in &section.properties {
            if let Err(why) = values.take(&kind, ours, property) {
                let what = format!("{} of the storage {id} does not count: {why}", quote(&property.key));
                self.problems.add(property.line, what);
            }
        }
        let path_is_usual = values.path.as_deref().is_none_or(|path| path == "/var/lib/vz");
        // The last section of this id takes the place of earlier ones, also where it cannot be used.
        self.storages.retain(|storage| {
            let double = storage.id == *id;
            if double {
                let what = format!("the storage {id} stands again in line {}, which counts", section.line);
                self.problems.add(storage.line, what);
            }
            !double
        });
        if *id == "local" {
            self.local_is_usual = kind == "dir" && path_is_usual;
        }
        let nodes = values.nodes.take();
        let disabled = values.disabled == Some(true);
        match values.kind(kind) {
            Ok(kind) => {
                self.storages.push(Storage { id: id.clone(), line: section.line, disabled, nodes, kind })
            }
            Err(why) => self.problems.add(section.line, format!("the storage {id} does not count: {why}")),
        }
    }

    /// `local` is a directory of every node, whatever the file says.
    fn local(&mut self) {
        let usual = self.local_is_usual;
        if let Some(local) = self.storages.iter_mut().find(|storage| storage.id == "local") {
            if local.nodes.take().is_some() {
                let what = "nodes of the storage local do not count: it is on every node";
                self.problems.add(local.line, what.to_owned());
            }
            if !usual {
                let what = "the storage local does not count: it is always the directory /var/lib/vz";
                self.problems.add(local.line, what.to_owned());
                local.disabled = false;
                local.kind = StorageKind::Other("dir".to_owned());
            }
            return;
        }
        let local = Storage {
            id: "local".to_owned(),
            line: 0,
            disabled: false,
            nodes: None,
            kind: StorageKind::Other("dir".to_owned()),
        };
        self.storages.insert(0, local);
    }
}

/// The keys that a type has beside the common ones; `None` for types that say nothing of LUNs, whose keys are not judged.
fn known_keys(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "lvm" => &[
            "vgname",
            "base",
            "shared",
            "saferemove",
            "saferemove-stepsize",
            "saferemove_throughput",
            "tagged_only",
            "bwlimit",
            "snapshot-as-volume-chain",
        ],
        "lvmthin" => &["vgname", "thinpool", "bwlimit"],
        "iscsi" => &["portal", "target", "bwlimit"],
        "multipath" => &["wwids", "bwlimit", "shared"],
        _ => return None,
    })
}

impl Values {
    fn take(&mut self, kind: &str, ours: Option<&[&str]>, property: &Property) -> Result<(), String> {
        let (key, value) = (property.key.as_str(), property.value.as_deref());
        match ours {
            // Only what is the same in all types is looked at; `path` tells whether `local` is the usual one.
            None if !COMMON_KEYS.contains(&key) && key != "path" => return Ok(()),
            Some(ours) if !COMMON_KEYS.contains(&key) && !ours.contains(&key) => {
                return Err(format!("the type {kind} has no such key"));
            }
            _ => {}
        }
        match key {
            "disable" => set(&mut self.disabled, || boolean(value)),
            "shared" => set(&mut self.shared, || boolean(value)),
            "nodes" => set(&mut self.nodes, || nodes(need(value)?)),
            "content" => set(&mut self.content, || contents(need(value)?)),
            "vgname" => set(&mut self.vg, || volume_group(need(value)?)),
            "thinpool" => set(&mut self.thinpool, || volume_group(need(value)?)),
            "base" => set(&mut self.base, || base(need(value)?)),
            "portal" => set(&mut self.portal, || portal(need(value)?)),
            "target" => set(&mut self.target, || text(need(value)?)),
            "wwids" => set(&mut self.wwids, || wwids(need(value)?)),
            "path" => set(&mut self.path, || text(need(value)?)),
            "type" => match value {
                Some(value) if value == kind => Ok(()),
                _ => Err("the header alone says the type".to_owned()),
            },
            // Known, and of no use here: only the second one is worth a word.
            _ if self.others.insert(key.to_owned()) => Ok(()),
            _ => Err(TWICE.to_owned()),
        }
    }

    /// What the storage is, or why it cannot be used at all.
    fn kind(self, kind: String) -> Result<StorageKind, String> {
        let must = |key: &str, value: Option<String>| value.ok_or_else(|| format!("it has no {key}"));
        let only = |content: &Option<BTreeSet<&str>>, can: &[&str]| match content {
            Some(content) if !content.iter().any(|one| can.contains(one)) => {
                Err(format!("its content is nothing that the type {kind} can hold ({})", can.join(", ")))
            }
            _ => Ok(()),
        };
        match kind.as_str() {
            "lvm" => {
                only(&self.content, &["images", "rootdir"])?;
                let vg = must("vgname", self.vg)?;
                Ok(StorageKind::Lvm { vg, base: self.base, shared: self.shared == Some(true) })
            }
            "lvmthin" => {
                only(&self.content, &["images", "rootdir"])?;
                must("thinpool", self.thinpool)?;
                Ok(StorageKind::LvmThin { vg: must("vgname", self.vg)? })
            }
            "iscsi" => {
                let content = self.content.unwrap_or_default();
                if content.contains("none") && content.contains("images") {
                    return Err("its content cannot be none and images at once".to_owned());
                }
                let portal = must("portal", self.portal)?;
                Ok(StorageKind::Iscsi { portal, target: must("target", self.target)? })
            }
            "multipath" => Ok(StorageKind::Multipath { wwids: self.wwids }),
            _ => Ok(StorageKind::Other(kind)),
        }
    }
}

const TWICE: &str = "the key stands twice, and the first one counts";

/// The first good value counts. A bad one is as if it were not there, so a good one after it is the first.
fn set<T>(slot: &mut Option<T>, read: impl FnOnce() -> Result<T, String>) -> Result<(), String> {
    if slot.is_some() {
        return Err(TWICE.to_owned());
    }
    *slot = Some(read()?);
    Ok(())
}

fn need(value: Option<&str>) -> Result<&str, String> {
    let value = value.ok_or("it has no value")?;
    if value.contains('\r') { Err("a carriage return stands in it".to_owned()) } else { Ok(value) }
}

fn boolean(value: Option<&str>) -> Result<bool, String> {
    match value {
        None | Some("1") => Ok(true),
        Some("0") => Ok(false),
        Some(other) => Err(format!("{} is neither 1 nor 0", quote(other))),
    }
}

fn nodes(value: &str) -> Result<BTreeSet<NodeName>, String> {
    let read = |name: &str| {
        NodeName::new(name).filter(|_| is_node_name(name)).ok_or_else(|| {
            format!(
                "{} is no node's name (letters, digits, dashes between), so no node is left out: the storage counts for all",
                quote(name)
            )
        })
    };
    split_list(value).into_iter().map(read).collect()
}

fn contents(value: &str) -> Result<BTreeSet<&'static str>, String> {
    let read = |one: &str| {
        CONTENTS
            .into_iter()
            .find(|known| *known == one)
            .ok_or_else(|| format!("{} is no content", quote(one)))
    };
    split_list(value).into_iter().map(read).collect()
}

fn wwids(value: &str) -> Result<BTreeSet<Wwid>, String> {
    let read = |one: &str| {
        let good = one.len() <= TEXT_BYTES_MAX && !one.chars().any(char::is_control);
        Wwid::new(one).filter(|_| good).ok_or_else(|| {
            format!("{} is no WWID, so none is left out: the storage has every allowed LUN", quote(one))
        })
    };
    split_list(value).into_iter().map(read).collect()
}

fn volume_group(value: &str) -> Result<String, String> {
    if is_name(value, false) {
        Ok(value.to_owned())
    } else {
        Err(format!("{} is no name that LVM takes", quote(value)))
    }
}

fn portal(value: &str) -> Result<String, String> {
    let good = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
    if good && value.len() <= TEXT_BYTES_MAX {
        Ok(value.to_owned())
    } else {
        Err(format!("{} is no address with a port", quote(value)))
    }
}

fn text(value: &str) -> Result<String, String> {
    if value.len() <= TEXT_BYTES_MAX { Ok(value.to_owned()) } else { Err("it is too long".to_owned()) }
}

fn base(value: &str) -> Result<Base, String> {
    let (storage, volume) = value
        .split_once(':')
        .filter(|(storage, volume)| is_name(storage, true) && !volume.is_empty())
        .ok_or_else(|| format!("{} is no volume of a storage (STORAGE:VOLUME)", quote(value)))?;
    if volume.len() > TEXT_BYTES_MAX {
        return Err("it is too long".to_owned());
    }
    Ok(Base { storage: storage.to_owned(), volume: volume.to_owned(), wwid: wwid_of_volume(volume) })
}

/// The WWID in `channel.id.lun.NAME`.
fn wwid_of_volume(volume: &str) -> Option<Wwid> {
    let mut rest = volume;
    for _ in 0..3 {
        let (number, after) = rest.split_once('.')?;
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        rest = after;
    }
    if rest.contains('/') || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    Wwid::new(rest.strip_prefix("dm-uuid-mpath-").or_else(|| rest.strip_prefix("scsi-"))?)
}

/// A storage's id (which begins with a letter) or a volume group's name.
fn is_name(text: &str, letter_first: bool) -> bool {
    let bytes = text.as_bytes();
    let [first, inner @ .., last] = bytes else { return false };
    let good_first = if letter_first { first.is_ascii_alphabetic() } else { first.is_ascii_alphanumeric() };
    good_first
        && last.is_ascii_alphanumeric()
        && inner.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
        && bytes.len() <= TEXT_BYTES_MAX
}

/// A node's name as Proxmox VE takes it: no dots, no underscores.
fn is_node_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && bytes.len() <= TEXT_BYTES_MAX
}
