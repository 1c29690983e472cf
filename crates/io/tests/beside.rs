//! What a node says beside its maps, end to end: files below a root, a multipathd on a socket, one read of the node.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use pathkeeper_io::{Depth, LocalReader, ReaderConfig, Roots, SocketAddress};
use pathkeeper_model::detail::{Detail, DetailPart, Head, Packed, encode};
use pathkeeper_model::local::{Access, Daemon, DaemonEnd, NodeRead, UnitState};
use pathkeeper_model::report::Stamp;
use pathkeeper_model::topology::{LooseWhy, NodePaths, Texts};
use pathkeeper_model::{EpochS, Instance, NodeName, Wwid};

/// The map of this recording has sda and sdb.
const MAPS: &str = "0.9.4/02-multibus-all-up.show-maps.json";
const WWID: &str = "35000c500a0000001";
const CONFIG: &str = "defaults {\n\tfind_multipaths \"strict\"\n\tuid_attribute \"ID_SERIAL\"\n}\nblacklist {\n\tdevnode \"!^(sd[a-z]|dasd[a-z]|nvme[0-9])\"\n\twwid \"3600b\"\n}\nblacklist_exceptions {\n\tproperty \"(SCSI_IDENT_|ID_WWN)\"\n}\n";

/// Answers what it is asked; `paths` is the reply to `show paths raw`.
fn multipathd(socket: &Path, paths: &'static str) {
    let listener = UnixListener::bind(socket).unwrap();
    let maps =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/multipathd").join(MAPS))
            .unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            while let Some(command) = next_command(&mut stream) {
                let reply: &[u8] = match command.as_str() {
                    "show maps json" => &maps,
                    "show config" => CONFIG.as_bytes(),
                    "show daemon" => b"pid 7 idle\n",
                    command if command.starts_with("show paths") => paths.as_bytes(),
                    _ => b"fail\n",
                };
                let _ = stream.write_all(&(reply.len() + 1).to_ne_bytes());
                let _ = stream.write_all(reply);
                let _ = stream.write_all(&[0]);
            }
        }
    });
}

fn next_command(stream: &mut UnixStream) -> Option<String> {
    let mut length = [0; 8];
    stream.read_exact(&mut length).ok()?;
    let mut text = vec![0; usize::from_ne_bytes(length)];
    stream.read_exact(&mut text).ok()?;
    text.pop();
    String::from_utf8(text).ok()
}

struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for (disk, number) in [("sda", 0), ("sdb", 16), ("sdc", 32)] {
            let scsi = format!("sys/devices/pci0/host0/target0:0:0/0:0:0:{number}");
            machine
                .file(&format!("{scsi}/block/{disk}/dev"), format!("8:{number}\n"))
                .file(&format!("{scsi}/block/{disk}/size"), "2048\n")
                .link(
                    &format!("sys/block/{disk}"),
                    &format!("../devices/pci0/host0/target0:0:0/0:0:0:{number}/block/{disk}"),
                )
                .link(
                    &format!("sys/dev/block/8:{number}"),
                    &format!("../../devices/pci0/host0/target0:0:0/0:0:0:{number}/block/{disk}"),
                )
                .link(&format!("{scsi}/block/{disk}/device"), "../..");
        }
        machine
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn file(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.at(path), text).unwrap();
        self
    }

    fn link(&self, path: &str, to: &str) -> &Self {
        let _ = std::fs::remove_file(self.at(path));
        std::os::unix::fs::symlink(to, self.at(path)).unwrap();
        self
    }

    fn reader(&self, socket: SocketAddress) -> LocalReader {
        let roots = Roots::below(self.0.path());
        LocalReader::new(ReaderConfig { roots, socket, deadline_ms: 20_000, ..ReaderConfig::default() })
    }

    fn read(&self, paths: &'static str) -> NodeRead {
        let socket = self.0.path().join("socket");
        multipathd(&socket, paths);
        self.reader(SocketAddress::Path(socket)).read(Depth::Full)
    }
}

/// What others see of it.
fn published(read: &NodeRead) -> NodePaths {
    let head = Head {
        node: NodeName::new("pve1").unwrap(),
        stamp: Stamp { instance: Instance(1), seq: 1 },
        time: EpochS(1),
    };
    let parts = encode(&head, read, None).unwrap();
    let packed = Packed::new(parts.iter().map(|part| DetailPart::decode(part).unwrap()).collect());
    let detail: Detail = packed.unpack().unwrap();
    NodePaths::of(&detail, &mut Texts::default())
}

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

#[test]
fn a_blacklisted_lun_is_found_with_its_rule_and_what_uses_it() {
    let machine = Machine::new();
    machine
        .file("run/udev/data/b8:32", "E:ID_SERIAL=3600b\nE:ID_WWN=0x600b\n")
        .file("etc/multipath.conf", "defaults {\n}\nblacklist {\n  wwid 3600b # an old disk\n}\n")
        .file("proc/self/mountinfo", "22 1 8:32 / /srv rw - ext4 /dev/sdc rw\n");
    let read = machine.read("ok\n");
    let seen = published(&read);
    let lun = seen.lun(&wwid("3600b")).unwrap();
    let [device] = &*lun.loose else { panic!("{lun:?}") };
    assert_eq!((&*device.dev, device.because), ("sdc", LooseWhy::Blacklisted));
    assert_eq!(device.rule.as_deref(), Some("wwid \"3600b\" (/etc/multipath.conf:4)"));
    assert_eq!(device.used_by.as_deref(), Some("mounted at /srv"));
    // The paths of its map are listed by nobody here, and are no blacklisted devices.
    assert_eq!(read.loose.len(), 1);
}

#[test]
fn what_stands_on_one_path_and_what_its_page_says() {
    let machine = Machine::new();
    let scsi = "sys/devices/pci0/host0/target0:0:0/0:0:0:16";
    let naa = [0x50, 0, 0xc5, 0, 0xa0, 0, 0, 2];
    let page = [&[0, 0x83, 0, 20, 1, 3, 0, 8][..], &naa, &[1, 0x15, 0, 4, 0, 0, 0, 9]].concat();
    machine
        .file(&format!("{scsi}/vpd_pg83"), page)
        .file(&format!("{scsi}/access_state"), "standby\n")
        .file("sys/block/dm-9/dm/uuid", "LVM-x\n")
        .file("sys/block/dm-9/dm/name", "vg0-data\n")
        .file("sys/block/dm-9/slaves/sdb/x", "");
    let read = machine.read("ok\n");
    assert!(matches!(read.daemon, Daemon::Answering { .. }), "{:?}", read.daemon);
    let seen = published(&read);
    let [of] = &seen.host.facts.bypassed[..] else { panic!("{:?}", seen.host.facts) };
    assert_eq!((of.dev.as_str(), &of.wwid, of.what.as_str()), ("sdb", &wwid(WWID), "LVM (vg0-data)"));
    let lun = seen.lun(&wwid(WWID)).unwrap();
    let odd: Vec<_> = lun.paths.iter().filter(|path| path.other_wwid).collect();
    assert_eq!((lun.paths.len(), odd.len()), (2, 1));
    assert_eq!(odd[0].access, Access::Standby);
    assert_eq!(seen.routes[usize::from(odd[0].route)].port_group, Some(9));
}

#[test]
fn settings_doubts_and_lints_go_out_with_the_detail() {
    let machine = Machine::new();
    machine
        .file("etc/multipath.conf", "defaults {\n  no_path_retry queue\n  user_friendly_names yes\n")
        .file("etc/pve/x", "")
        .file("usr/lib/systemd/system/multipathd.service", "[Unit]\n");
    let seen = published(&machine.read("ok\n"));
    let reboot = &seen.host.reboot;
    assert_eq!(reboot.daemon_unit, Some(UnitState::Disabled));
    assert_eq!(reboot.not_in_wwids.len(), 1);
    assert_eq!(seen.host.facts.setting("find_multipaths"), Some("strict"));
    let lints: Vec<String> =
        seen.host.facts.lints.iter().map(|of| format!("{} {}", of.name, of.at)).collect();
    assert_eq!(
        lints,
        [
            "unreadable /etc/multipath.conf:1",
            "user_friendly_names /etc/multipath.conf:3",
            "no_path_retry /etc/multipath.conf:2"
        ]
    );
}

#[test]
fn a_multipathd_that_was_killed_left_its_pid_file() {
    let machine = Machine::new();
    machine.file("usr/sbin/multipathd", "");
    let read = || machine.reader(SocketAddress::Auto).read(Depth::Full);
    assert_eq!((read().daemon, read().host.daemon_end), (Daemon::Stopped, Some(DaemonEnd::InOrder)));
    machine.file("run/multipathd.pid", "4194304\n");
    assert_eq!(read().host.daemon_end, Some(DaemonEnd::Broken));
    // The same reader sees it at once, though the rest is kept.
    let mut one = machine.reader(SocketAddress::Auto);
    assert_eq!(one.read(Depth::Full).host.daemon_end, Some(DaemonEnd::Broken));
    std::fs::remove_file(machine.0.path().join("run/multipathd.pid")).unwrap();
    assert_eq!(one.read(Depth::Quick).host.daemon_end, Some(DaemonEnd::InOrder));
}
