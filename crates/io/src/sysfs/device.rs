//! One block device: size, how it is reached, what stands on it.
//!
//! How a device is reached is read off its place in the device tree, e.g.
//! `…/host7/rport-7:0-1/target7:0:1/7:0:1:3/block/sdb` (Fibre Channel), `…/host3/session1/target3:0:0/…` (iSCSI),
//! `…/host0/port-0:1/end_device-0:1/…` (SAS), `…/nvme-fabrics/ctl/nvme2/nvme2n1` (NVMe).

use super::file::{is_plain, names, read_number, read_text};
use super::page83::{self, Page83};
use pathkeeper_model::local::Access;
use smol_str::SmolStr;
use std::path::{Path, PathBuf};

/// Bytes of a sector in sysfs' `size`, whatever the device's own block size.
const SECTOR_BYTES: u64 = 512;

/// Holders read of one device at most.
const HOLDERS_MAX: usize = 256;

/// What sysfs knows about a path device. Every field may be absent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeviceFacts {
    /// Bytes.
    pub size_bytes: Option<u64>,
    /// `host:channel:target:lun`.
    pub hctl: Option<SmolStr>,
    /// `host7`, `nvme2`.
    pub adapter: Option<SmolStr>,
    /// WWPN of the adapter, initiator's address or IQN.
    pub adapter_port: Option<SmolStr>,
    /// WWPN, `address:port`, SAS address of the target port.
    pub target_port: Option<SmolStr>,
    /// WWNN, IQN, NQN of the target.
    pub target_node: Option<SmolStr>,
    /// `fc`, `fcoe`, `iscsi`, `sas`, `srp`, `nvme`, `ata`, `usb`.
    pub transport: Option<SmolStr>,
    /// ALUA target port group of the port that it leads to, by its page 83.
    pub port_group: Option<u16>,
    /// ALUA's state.
    pub access: Access,
    /// What else its page 83 says.
    pub page83: Page83,
}

/// What sysfs knows about a map's device.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MapFacts {
    /// Bytes.
    pub size_bytes: Option<u64>,
    /// Devices on top of it.
    pub holders: Vec<String>,
}

/// Where a device hangs in the tree, as far as its place tells.
#[derive(Default, PartialEq, Eq, Debug)]
struct Place<'a> {
    host: Option<&'a str>,
    rport: Option<&'a str>,
    session: Option<&'a str>,
    end_device: Option<&'a str>,
    port: Option<&'a str>,
    hctl: Option<&'a str>,
    nvme: Option<&'a str>,
    ata: bool,
    usb: bool,
}

/// Reads the components of `../devices/pci0000:00/…/host7/…/block/sdb`.
fn place(link: &str) -> Place<'_> {
    fn all_digits(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
    }
    let mut out = Place::default();
    for part in link.split('/') {
        let numbered = |prefix: &str| {
            part.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        if numbered("host") {
            out.host = Some(part);
        } else if numbered("rport-") {
            out.rport = Some(part);
        } else if numbered("session") {
            out.session = Some(part);
        } else if numbered("end_device-") {
            out.end_device = Some(part);
        } else if numbered("port-") {
            out.port = Some(part);
        } else if numbered("ata") {
            out.ata = true;
        } else if numbered("usb") {
            out.usb = true;
        } else if part.strip_prefix("nvme").is_some_and(all_digits) {
            out.nvme = Some(part);
        } else if part.split(':').count() == 4 && part.split(':').all(all_digits) {
            out.hctl = Some(part);
        }
    }
    out
}

/// Whether the kernel has this device under this name and number, and calls it working. One without a state of its own works.
pub fn works(sys: &Path, dev: &str, dev_t: &str) -> bool {
    if !is_plain(dev) {
        return false;
    }
    let block = sys.join("block").join(dev);
    read_text(&block.join("dev")).as_deref() == Some(dev_t)
        && read_text(&block.join("device/state"))
            .is_none_or(|state| matches!(state.as_str(), "running" | "live"))
}

/// Reads a path device's facts; `sys` is sysfs' root.
pub fn read_device(sys: &Path, dev: &str) -> DeviceFacts {
    if !is_plain(dev) {
        return DeviceFacts::default();
    }
    let block = sys.join("block").join(dev);
    let link = std::fs::read_link(&block).unwrap_or_default();
    let link = link.to_string_lossy();
    let place = place(&link);
    let mut facts = DeviceFacts {
        size_bytes: size_bytes(&block),
        hctl: place.hctl.map(Into::into),
        adapter: place.host.map(Into::into),
        ..DeviceFacts::default()
    };
    if place.hctl.is_some() {
        facts.page83 = page83::read(&block.join("device/vpd_pg83"));
        facts.port_group = facts.page83.port_group;
        facts.access = access(&block.join("device/access_state"));
    }
    let class = |name: &str| sys.join("class").join(name);
    if let Some(rport) = place.rport {
        fibre_channel(&class, place.host, rport, &mut facts);
    } else if let Some(session) = place.session {
        iscsi(&class, place.host, session, &mut facts);
    } else if place.nvme.is_some() || dev.starts_with("nvme") {
        nvme(&class, place.nvme, &block, &mut facts);
    } else if let Some(end_device) = place.end_device {
        facts.transport = Some("sas".into());
        facts.target_port = short_text(&class("sas_device").join(end_device).join("sas_address"));
    } else if place.port.is_some() && place.host.is_some_and(|host| class("srp_host").join(host).exists()) {
        facts.transport = Some("srp".into());
    } else if place.usb {
        facts.transport = Some("usb".into());
    } else if place.ata {
        facts.transport = Some("ata".into());
    } else if let Some(host) = place.host {
        facts.transport = transport_of_host(&class, host).map(Into::into);
    }
    facts
}

/// The kernel's words of drivers/scsi/scsi_sysfs.c.
fn access(file: &Path) -> Access {
    match read_text(file).as_deref() {
        None => Access::Unknown,
        Some("active/optimized") => Access::Optimized,
        Some("active/non-optimized") => Access::NonOptimized,
        Some("standby") => Access::Standby,
        Some(_) => Access::Other,
    }
}

fn short_text(file: &Path) -> Option<SmolStr> {
    read_text(file).map(SmolStr::from)
}

fn fibre_channel(class: &dyn Fn(&str) -> PathBuf, host: Option<&str>, rport: &str, facts: &mut DeviceFacts) {
    let remote = class("fc_remote_ports").join(rport);
    facts.target_port = short_text(&remote.join("port_name"));
    facts.target_node = short_text(&remote.join("node_name"));
    facts.transport = Some("fc".into());
    if let Some(host) = host {
        let host = class("fc_host").join(host);
        facts.adapter_port = short_text(&host.join("port_name"));
        facts.transport = Some(fc_or_fcoe(&host).into());
    }
}

/// Software and offloaded FCoE name the network device: `fcoe v0.1 over eth2` (util-linux' lsblk looks there too).
pub(super) fn fc_or_fcoe(fc_host: &Path) -> &'static str {
    let name = read_text(&fc_host.join("symbolic_name")).unwrap_or_default();
    if name.contains(" over ") { "fcoe" } else { "fc" }
}

fn iscsi(class: &dyn Fn(&str) -> PathBuf, host: Option<&str>, session: &str, facts: &mut DeviceFacts) {
    let at = class("iscsi_session").join(session);
    facts.transport = Some("iscsi".into());
    facts.target_node = short_text(&at.join("targetname"));
    facts.adapter_port = host
        .and_then(|host| short_text(&class("iscsi_host").join(host).join("ipaddress")))
        .filter(|address| address != "(null)")
        .or_else(|| short_text(&at.join("initiatorname")));
    // A session's first connection: `connection1:0`. open-iscsi makes one connection a session.
    let number = session.strip_prefix("session").unwrap_or_default();
    let connection = class("iscsi_connection").join(format!("connection{number}:0"));
    let either = |name: &str| {
        [name.to_owned(), format!("persistent_{name}")]
            .into_iter()
            .find_map(|name| read_text(&connection.join(name)).filter(|text| text != "(null)"))
    };
    facts.target_port = either("address").map(|address| match either("port") {
        Some(port) if address.contains(':') => format!("[{address}]:{port}").into(),
        Some(port) => format!("{address}:{port}").into(),
        None => address.into(),
    });
}

fn nvme(class: &dyn Fn(&str) -> PathBuf, controller: Option<&str>, block: &Path, facts: &mut DeviceFacts) {
    facts.transport = Some("nvme".into());
    let linked = std::fs::read_link(block.join("device")).ok();
    let linked = linked.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    let Some(name) = controller.or(linked.filter(|name| name.starts_with("nvme"))) else { return };
    let at = class("nvme").join(name);
    facts.adapter = Some(name.into());
    facts.target_port = short_text(&at.join("address"));
    facts.target_node = short_text(&at.join("subsysnqn"));
    facts.adapter_port = short_text(&at.join("hostnqn"));
}

fn transport_of_host(class: &dyn Fn(&str) -> PathBuf, host: &str) -> Option<&'static str> {
    [
        ("fc_host", "fc"),
        ("iscsi_host", "iscsi"),
        ("sas_host", "sas"),
        ("srp_host", "srp"),
        ("spi_host", "spi"),
    ]
    .into_iter()
    .find_map(|(name, word)| class(name).join(host).exists().then_some(word))
}

/// Reads a map's facts by its `dm-N`.
pub fn read_map(sys: &Path, dm: &str) -> MapFacts {
    if !is_plain(dm) {
        return MapFacts::default();
    }
    let block = sys.join("block").join(dm);
    MapFacts { size_bytes: size_bytes(&block), holders: names(&block.join("holders"), HOLDERS_MAX) }
}

fn size_bytes(block: &Path) -> Option<u64> {
    read_number(&block.join("size"))?.checked_mul(SECTOR_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_works_by_the_kernels_word_alone() {
        let tree = crate::testing::Tree::new();
        tree.file("block/sda/dev", "8:0\n").file("block/sda/device/state", "running\n");
        tree.file("block/sdb/dev", "8:16\n").file("block/sdb/device/state", "offline\n");
        tree.file("block/nvme0n1/dev", "259:0\n").file("block/nvme0n1/device/state", "live\n");
        tree.file("block/dasda/dev", "94:0\n");
        let check = |dev, dev_t, expect| assert_eq!(works(tree.root(), dev, dev_t), expect, "{dev} {dev_t}");
        check("sda", "8:0", true);
        check("sda", "8:32", false);
        check("sdb", "8:16", false);
        check("nvme0n1", "259:0", true);
        check("dasda", "94:0", true);
        check("sdz", "8:0", false);
        check("../block/sda", "8:0", false);
    }
    use crate::testing::Tree;

    #[test]
    fn places() {
        let got = place("../devices/pci0000:00/0000:00:04.0/virtio3/host1/target1:0:0/1:0:0:1/block/sda");
        assert_eq!((got.host, got.hctl, got.rport), (Some("host1"), Some("1:0:0:1"), None));
        let got = place("../devices/pci0/host7/rport-7:0-1/target7:0:1/7:0:1:3/block/sdb");
        assert_eq!((got.rport, got.hctl), (Some("rport-7:0-1"), Some("7:0:1:3")));
        let got = place("../devices/virtual/nvme-fabrics/ctl/nvme12/nvme12n1");
        assert_eq!(got.nvme, Some("nvme12"));
        assert_eq!(place(""), Place::default());
    }

    #[test]
    fn fibre_channel_and_fcoe() {
        let tree = Tree::new();
        tree.link("block/sdb", "../devices/pci0/host7/rport-7:0-1/target7:0:1/7:0:1:3/block/sdb")
            .file("devices/pci0/host7/rport-7:0-1/target7:0:1/7:0:1:3/block/sdb/size", "2048\n")
            .file("class/fc_remote_ports/rport-7:0-1/port_name", "0x5006016108e00fa2\n")
            .file("class/fc_remote_ports/rport-7:0-1/node_name", "0x5006016088e00fa2\n")
            .file("class/fc_host/host7/port_name", "0x21000024ff3dcb4e\n")
            .file("class/fc_host/host7/symbolic_name", "QLE2562 FW:v8.03.00\n");
        let got = read_device(tree.root(), "sdb");
        assert_eq!(
            got,
            DeviceFacts {
                size_bytes: Some(1 << 20),
                hctl: Some("7:0:1:3".into()),
                adapter: Some("host7".into()),
                adapter_port: Some("0x21000024ff3dcb4e".into()),
                target_port: Some("0x5006016108e00fa2".into()),
                target_node: Some("0x5006016088e00fa2".into()),
                transport: Some("fc".into()),
                ..DeviceFacts::default()
            }
        );
        let scsi = "devices/pci0/host7/rport-7:0-1/target7:0:1/7:0:1:3";
        tree.link(&format!("{scsi}/block/sdb/device"), "../..");
        for (text, expect) in [
            ("active/optimized\n", Access::Optimized),
            ("active/non-optimized\n", Access::NonOptimized),
            ("standby\n", Access::Standby),
            ("transitioning\n", Access::Other),
            ("\n", Access::Unknown),
        ] {
            tree.file(&format!("{scsi}/access_state"), text);
            assert_eq!(read_device(tree.root(), "sdb").access, expect);
        }
        std::fs::write(
            tree.root().join(format!("{scsi}/vpd_pg83")),
            [0, 0x83, 0, 8, 1, 0x15, 0, 4, 0, 0, 1, 2],
        )
        .unwrap();
        assert_eq!(read_device(tree.root(), "sdb").port_group, Some(0x102));
        tree.file("class/fc_host/host7/symbolic_name", "fcoe v0.1 over eth2\n");
        assert_eq!(read_device(tree.root(), "sdb").transport.as_deref(), Some("fcoe"));
    }

    #[test]
    fn iscsi_session() {
        let tree = Tree::new();
        tree.link("block/sda", "../devices/platform/host0/session12/target0:0:0/0:0:0:0/block/sda")
            .file("devices/platform/host0/session12/target0:0:0/0:0:0:0/block/sda/size", "131072")
            .file("class/iscsi_session/session12/targetname", "iqn.2026-01.lab:san")
            .file("class/iscsi_session/session12/initiatorname", "iqn.1993-08.org.debian:01:a")
            .file("class/iscsi_connection/connection12:0/address", "10.9.0.1")
            .file("class/iscsi_connection/connection12:0/port", "3261");
        let got = read_device(tree.root(), "sda");
        assert_eq!(got.transport.as_deref(), Some("iscsi"));
        assert_eq!(got.target_port.as_deref(), Some("10.9.0.1:3261"));
        assert_eq!(got.target_node.as_deref(), Some("iqn.2026-01.lab:san"));
        assert_eq!(got.adapter_port.as_deref(), Some("iqn.1993-08.org.debian:01:a"));
        assert_eq!(got.adapter.as_deref(), Some("host0"));
        tree.file("class/iscsi_connection/connection12:0/address", "fd00::1");
        assert_eq!(read_device(tree.root(), "sda").target_port.as_deref(), Some("[fd00::1]:3261"));
    }

    #[test]
    fn others() {
        let tree = Tree::new();
        tree.link("block/sdc", "../devices/pci0/host0/port-0:1/end_device-0:1/target0:0:1/0:0:1:0/block/sdc")
            .file("class/sas_device/end_device-0:1/sas_address", "0x5000c500a0000001")
            .link("block/sdd", "../devices/pci0/ata1/host2/target2:0:0/2:0:0:0/block/sdd")
            .link("block/sde", "../devices/pci0/host4/port-4:1/target4:0:0/4:0:0:0/block/sde")
            .file("class/srp_host/host4/x", "")
            .link("block/nvme2n1", "../devices/virtual/nvme-fabrics/ctl/nvme2/nvme2n1")
            .file("class/nvme/nvme2/address", "traddr=10.0.0.1,trsvcid=4420")
            .file("class/nvme/nvme2/subsysnqn", "nqn.2014-08.org:x")
            .link("block/sdv", "../devices/pci0/virtio3/host1/target1:0:0/1:0:0:1/block/sdv");
        let transport = |dev: &str| read_device(tree.root(), dev).transport;
        assert_eq!(transport("sdc").as_deref(), Some("sas"));
        assert_eq!(read_device(tree.root(), "sdc").target_port.as_deref(), Some("0x5000c500a0000001"));
        assert_eq!(transport("sdd").as_deref(), Some("ata"));
        assert_eq!(transport("sde").as_deref(), Some("srp"));
        let nvme = read_device(tree.root(), "nvme2n1");
        assert_eq!((nvme.transport.as_deref(), nvme.adapter.as_deref()), (Some("nvme"), Some("nvme2")));
        assert_eq!(nvme.target_port.as_deref(), Some("traddr=10.0.0.1,trsvcid=4420"));
        assert_eq!(transport("sdv"), None);
        assert_eq!(read_device(tree.root(), "sdzz"), DeviceFacts::default());
        assert_eq!(read_device(tree.root(), "../../etc"), DeviceFacts::default());
    }

    #[test]
    fn maps() {
        let tree = Tree::new();
        tree.file("block/dm-0/size", "524288")
            .file("block/dm-0/holders/dm-7", "")
            .file("block/dm-0/holders/dm-12", "");
        let got = read_map(tree.root(), "dm-0");
        assert_eq!(got.size_bytes, Some(256 << 20));
        assert_eq!(got.holders, ["dm-12", "dm-7"]);
        assert_eq!(read_map(tree.root(), "dm-9"), MapFacts::default());
    }
}
