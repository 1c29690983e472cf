//! What Proxmox VE's files say of guests: `.vmlist`, a guest's configuration, `ha/resources.cfg`.
//!
//! Everything is total: what is not understood is no disk. A storage that is named and unknown does no harm, one that is
//! overlooked would make a blast radius too small; so every kind of disk counts, unused and pending ones too. Snapshots
//! name the same volumes as the guest, and are passed over.

use std::collections::{BTreeMap, BTreeSet};

use super::GuestKind;
use crate::ids::NodeName;
use crate::json::Scanner;
use crate::node_value::{Read, members, read_object, text, unsigned};
use crate::section::Document;

/// No cluster has more guests than are read.
pub const GUESTS_MAX: usize = 65_536;
/// Proxmox VE's own bound of a guest's number.
const ID_MAX: u64 = 999_999_999;
/// Storages of one guest, and volumes that are told by name.
const STORAGES_MAX: usize = 64;
/// No name of a volume is longer.
const VOLUME_BYTES_MAX: usize = 255;

/// A guest as `.vmlist` has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// What it is.
    pub kind: GuestKind,
    /// Where its configuration lies.
    pub node: NodeName,
    /// Moves when that changes.
    pub version: u64,
}

impl Listed {
    /// Where its configuration is, below pmxcfs's mount.
    pub fn path(&self, id: u32) -> String {
        let folder = match self.kind {
            GuestKind::Vm => "qemu-server",
            GuestKind::Ct => "lxc",
        };
        format!("nodes/{}/{folder}/{id}.conf", self.node)
    }
}

/// Reads `.vmlist`: `{"version":…,"ids":{"101":{"node":"pve1","type":"qemu","version":3}}}`.
///
/// # Errors
/// In words, if it is no such object.
pub fn vmlist(bytes: &[u8]) -> Result<BTreeMap<u32, Listed>, String> {
    let mut out = BTreeMap::new();
    let mut there = false;
    read_object(bytes, |key, scan| {
        if key != "ids" {
            return scan.skip();
        }
        there = true;
        members(scan, |id, scan| {
            let known = read_listed(scan)?;
            let id = id.parse::<u64>().ok().filter(|id| (1..=ID_MAX).contains(id));
            if let (Some(id), Some(known)) = (id.and_then(|id| u32::try_from(id).ok()), known)
                && out.len() < GUESTS_MAX
            {
                out.insert(id, known);
            }
            Ok(())
        })
    })
    .map_err(|e| format!("pmxcfs's list of guests cannot be read: {e}"))?;
    if there { Ok(out) } else { Err("pmxcfs's list of guests has no ids".to_owned()) }
}

fn read_listed(scan: &mut Scanner<'_>) -> Read<Option<Listed>> {
    let (mut node, mut kind, mut version) = (None, None, 0);
    members(scan, |key, scan| {
        match key {
            "node" => node = text(scan)?.as_deref().and_then(NodeName::new),
            "type" => {
                kind = match text(scan)?.as_deref() {
                    Some("qemu") => Some(GuestKind::Vm),
                    Some("lxc") => Some(GuestKind::Ct),
                    _ => None,
                }
            }
            "version" => version = unsigned(scan)?.unwrap_or(0),
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    Ok(kind.zip(node).map(|(kind, node)| Listed { kind, node, version }))
}

/// What a guest's configuration says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// What people call it.
    pub name: Option<String>,
    /// Storages of its disks.
    pub storages: BTreeSet<String>,
    /// As [`super::Guest::volumes`].
    pub volumes: BTreeSet<String>,
}

/// Reads a guest's configuration.
pub fn config(bytes: &[u8]) -> Config {
    let mut config = Config::default();
    let (mut pending, mut guest) = (false, true);
    for line in bytes.split(|b| *b == b'\n') {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        if let Some(section) = line.strip_prefix('[') {
            guest = false;
            pending =
                section.eq_ignore_ascii_case("PENDING]") || section.eq_ignore_ascii_case("pve:pending]");
            continue;
        }
        let Some((key, value)) = line.split_once(':').filter(|_| guest || pending) else { continue };
        let value = value.trim();
        if matches!(key, "name" | "hostname") && guest {
            config.name = Some(value.chars().take(255).collect()).filter(|name: &String| !name.is_empty());
        } else if is_disk(key)
            && let Some((storage, volume)) = volume_of(value)
        {
            if config.storages.len() < STORAGES_MAX {
                config.storages.insert(storage.to_owned());
            }
            if !is_made_for_a_guest(volume)
                && volume.len() <= VOLUME_BYTES_MAX
                && config.volumes.len() < STORAGES_MAX
            {
                config.volumes.insert(format!("{storage}:{volume}"));
            }
        }
    }
    config
}

/// `vm-101-disk-0`, `101/vm-101-disk-0.qcow2`, `base-100-disk-0/vm-101-disk-0`: Proxmox VE's own names. They are nearly
/// all, and nobody asks for them.
fn is_made_for_a_guest(volume: &str) -> bool {
    let own = |name: &str| {
        ["vm-", "base-", "subvol-", "basevol-"].iter().any(|start| {
            name.strip_prefix(start).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
    };
    volume.contains('/') || own(volume)
}

/// Keys of disks, of virtual machines and containers.
fn is_disk(key: &str) -> bool {
    let numbered = ["scsi", "virtio", "sata", "ide", "unused", "mp", "efidisk", "tpmstate"];
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    key == "rootfs" || numbered.iter().any(|kind| key.strip_prefix(kind).is_some_and(number))
}

/// Storage and volume of `vms:vm-101-disk-0,size=32G`. `none`, a device, a folder and an image in a drive have none.
fn volume_of(value: &str) -> Option<(&str, &str)> {
    let mut parts = value.split(',');
    let first = parts.next()?;
    let volume = first.strip_prefix("file=").or_else(|| first.strip_prefix("volume=")).unwrap_or(first);
    // An image in a drive is no disk; the drive that cloud-init writes is one.
    if parts.any(|part| part == "media=cdrom") && !volume.contains("cloudinit") {
        return None;
    }
    let (storage, volume) = volume.split_once(':')?;
    let is_id = storage.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && storage.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    is_id.then_some((storage, volume))
}

/// Guests that the cluster's high availability looks after. One that it is told to ignore is not.
pub fn ha(bytes: &[u8]) -> BTreeSet<u32> {
    let of = |section: &crate::section::Section| {
        let ignored = |property: &crate::section::Property| {
            property.key == "state" && property.value.as_deref() == Some("ignored")
        };
        let kind = matches!(section.kind.as_str(), "vm" | "ct");
        (kind && !section.properties.iter().any(ignored)).then(|| section.id.parse().ok()).flatten()
    };
    Document::parse(bytes).sections.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_guests() {
        let text = br#"{"version": 9, "ids": {
            "101": { "node": "pve1", "type": "qemu", "version": 3 },
            "102": { "type": "lxc", "version": 1, "node": "pve2", "more": [1] },
            "0": { "node": "pve1", "type": "qemu", "version": 1 },
            "x": { "node": "pve1", "type": "qemu", "version": 1 },
            "103": { "node": "pve1", "type": "openvz", "version": 1 },
            "104": { "node": "../x", "type": "qemu" } }}"#;
        let list = vmlist(text).unwrap();
        assert_eq!(list[&101].path(101), "nodes/pve1/qemu-server/101.conf");
        assert_eq!(list[&102].path(102), "nodes/pve2/lxc/102.conf");
        assert!(!list.contains_key(&0) && !list.contains_key(&103));
        for (bad, why) in [(&b"{"[..], "cannot be read"), (b"[]", "cannot be read"), (b"{}", "has no ids")] {
            let said = vmlist(bad).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        assert!(vmlist(br#"{"ids":{}}"#).unwrap().is_empty(), "a cluster without guests has none");
    }

    #[test]
    fn disks_of_guests() {
        let check = |text: &str, name: Option<&str>, expect: &[&str]| {
            let found = config(text.as_bytes());
            assert_eq!(found.name.as_deref(), name, "{text}");
            assert_eq!(found.storages.iter().map(String::as_str).collect::<Vec<_>>(), expect, "{text}");
        };
        check("", None, &[]);
        check(
            "boot: order=scsi0\nname: web\nscsi0: vms:vm-101-disk-0,iothread=1,size=32G\nscsi1: file=more:vm-101-disk-1\n\
             efidisk0: efi:vm-101-disk-2,size=528K\ntpmstate0: tpm:x\nvirtio15: v:x\nsata5: s:x\nunused0: old:x\n",
            Some("web"),
            &["efi", "more", "old", "s", "tpm", "v", "vms"],
        );
        check("ide2: local:iso/debian.iso,media=cdrom\nide0: vms:vm-1-cloudinit,media=cdrom", None, &["vms"]);
        check(
            "ide2: none,media=cdrom\nscsi0: /dev/disk/by-id/x,size=1G\nscsi1: 0:5\nscsihw: virtio:x",
            None,
            &[],
        );
        check(
            "hostname: ct\nrootfs: a:vm-102-disk-0,size=8G\nmp0: volume=b:x,mp=/b\nmp1: /srv,mp=/srv",
            Some("ct"),
            &["a", "b"],
        );
        // What is pending is there already; a snapshot has no disk of its own.
        check("scsi0: a:x\n\n[PENDING]\nscsi1: b:x\nname: other\n\n[snap]\nscsi0: c:x\n", None, &["a", "b"]);
        check("name: \u{fffd}\nscsi0: a\u{0}:x\nscsi: b:x\nunusedx: c:x", Some("\u{fffd}"), &[]);
    }

    #[test]
    fn luns_of_guests() {
        let check = |text: &str, expect: &[&str]| {
            let found = config(text.as_bytes()).volumes;
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expect, "{text}");
        };
        check(
            "scsi0: vms:vm-101-disk-0\nscsi1: nfs:101/vm-101-disk-1.qcow2,size=1G\nscsi2: z:base-9-disk-0/vm-1",
            &[],
        );
        check(
            "scsi1: san:3600a01,size=2T\nunused0: san:eui.0025\nmp0: volume=san:vm-x",
            &["san:3600a01", "san:eui.0025", "san:vm-x"],
        );
        check("[snap]\nscsi1: san:3600a01", &[]);
        check(&format!("scsi1: san:{}", "a".repeat(VOLUME_BYTES_MAX + 1)), &[]);
    }

    #[test]
    fn what_ha_looks_after() {
        let found = ha(b"vm: 101\n\tstate started\n\nct: 102\n\nvm: 103\n\tstate ignored\n\nfoo: 104\n");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [101, 102]);
        assert!(ha(b"").is_empty());
    }
}
