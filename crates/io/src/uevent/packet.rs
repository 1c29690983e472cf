//! One uevent packet: `action@devpath`, then `KEY=VALUE`, each ended by NUL (the kernel's lib/kobject_uevent.c).

use super::Trigger;
use pathkeeper_model::Wwid;

/// Variables looked at in one packet at most; the kernel's own bound is 64.
const VARIABLES_MAX: usize = 128;

/// An event as the kernel sent it, borrowed from the packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Uevent<'a> {
    /// `add`, `remove`, `change`, …
    pub action: &'a str,
    /// Below /sys, e.g. `/devices/virtual/block/dm-0`.
    pub devpath: &'a str,
    variables: &'a str,
}

impl<'a> Uevent<'a> {
    /// A variable's value; the first of that name.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.variables
            .split('\0')
            .take(VARIABLES_MAX)
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }
}

/// Reads a packet; `None` for anything that the kernel would not send (udev's own packets too).
pub fn parse(packet: &[u8]) -> Option<Uevent<'_>> {
    let text = std::str::from_utf8(packet).ok()?;
    let (head, variables) = text.split_once('\0')?;
    let (action, devpath) = head.split_once('@')?;
    (!action.is_empty() && devpath.starts_with('/')).then_some(Uevent { action, devpath, variables })
}

/// Block devices that are never a path of multipath, by how their names begin.
const NO_PATHS: [&str; 11] = ["loop", "ram", "zram", "sr", "fd", "nbd", "md", "drbd", "rbd", "zd", "bcache"];

/// Whether an event is a reason to look, and of what kind.
pub fn trigger(event: &Uevent<'_>) -> Option<Trigger> {
    // Made by a write to a `uevent` file, as udev does whenever a device that was open for writing is closed: nothing
    // changed in the kernel.
    if event.get("SYNTH_UUID").is_some() {
        return None;
    }
    let name = event.get("DEVNAME").or_else(|| event.devpath.rsplit('/').next()).unwrap_or_default();
    let comes_or_goes = matches!(event.action, "add" | "remove" | "bind" | "unbind" | "online" | "offline");
    let devices = |why: &str| {
        Some(Trigger::Devices { what: format!("{name} {} {why}", event.action).trim_end().to_owned() })
    };
    match event.get("SUBSYSTEM")? {
        "block" if event.get("DEVTYPE") == Some("partition") => None,
        "block" if name.starts_with("dm-") => device_mapper(event, name),
        "block" if NO_PATHS.iter().any(|kind| name.strip_prefix(kind).is_some_and(numbered)) => None,
        "block" if event.get("RESIZE").is_some() => devices("RESIZE"),
        "block" => devices(""),
        "scsi" => match event.get("SDEV_UA") {
            Some(condition) => devices(condition),
            None if comes_or_goes && event.get("DEVTYPE") == Some("scsi_device") => devices(""),
            None => None,
        },
        "nvme" | "nvme-subsystem" => devices(event.get("NVME_EVENT").unwrap_or_default()),
        "fc_host" | "fc_remote_ports" | "iscsi_session" | "iscsi_connection" | "iscsi_host" | "sas_host"
        | "srp_host" => devices(""),
        _ => None,
    }
}

fn numbered(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_digit())
}

fn device_mapper(event: &Uevent<'_>, name: &str) -> Option<Trigger> {
    let wwid = match event.get("DM_UUID") {
        // Only dm-multipath itself names its device in an event; for the others there is but a cookie.
        Some(uuid) => match uuid.strip_prefix("mpath-") {
            Some(wwid) => Wwid::new(wwid),
            None => return None,
        },
        None => None,
    };
    let action = event.get("DM_ACTION").unwrap_or(event.action);
    let path = event.get("DM_PATH").unwrap_or_default();
    Some(Trigger::Maps { wwid, what: format!("{name} {action} {path}").trim_end().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn packet(text: &str) -> Vec<u8> {
        text.split_whitespace().flat_map(|line| line.bytes().chain([0])).collect()
    }

    fn say(bytes: &[u8]) -> String {
        match parse(bytes).as_ref().and_then(trigger) {
            Some(Trigger::Maps { wwid, what }) => {
                format!("maps {} {what}", wwid.map_or("-".into(), |w| w.to_string()))
            }
            Some(Trigger::Devices { what }) => format!("devices {what}"),
            Some(other) => format!("{other:?}"),
            None => String::new(),
        }
    }

    #[test]
    fn what_counts() {
        for (text, want) in [
            (
                "change@/devices/virtual/block/dm-0 SUBSYSTEM=block DM_TARGET=multipath DM_ACTION=PATH_FAILED DM_PATH=8:0 \
                 DM_UUID=mpath-3600 DEVNAME=dm-0",
                "maps 3600 dm-0 PATH_FAILED 8:0",
            ),
            (
                "change@/devices/virtual/block/dm-0 SUBSYSTEM=block DM_COOKIE=1 DEVNAME=dm-0",
                "maps - dm-0 change",
            ),
            ("remove@/devices/virtual/block/dm-0 SUBSYSTEM=block DEVNAME=dm-0", "maps - dm-0 remove"),
            ("change@/devices/virtual/block/dm-1 SUBSYSTEM=block DM_UUID=LVM-x DEVNAME=dm-1", ""),
            ("change@/devices/virtual/block/dm-0 SUBSYSTEM=block DEVNAME=dm-0 SYNTH_UUID=0", ""),
            ("remove@/devices/x/block/sda SUBSYSTEM=block DEVNAME=sda DEVTYPE=disk", "devices sda remove"),
            ("add@/devices/x/block/sda/sda1 SUBSYSTEM=block DEVNAME=sda1 DEVTYPE=partition", ""),
            ("change@/devices/x/block/sda SUBSYSTEM=block DEVNAME=sda RESIZE=1", "devices sda change RESIZE"),
            ("change@/devices/virtual/block/loop0 SUBSYSTEM=block DEVNAME=loop0 DEVTYPE=disk", ""),
            ("add@/devices/x/block/sdr SUBSYSTEM=block DEVNAME=sdr", "devices sdr add"),
            (
                "change@/devices/x/0:0:0:1 SUBSYSTEM=scsi SDEV_UA=CAPACITY_DATA_HAS_CHANGED DEVTYPE=scsi_device",
                "devices 0:0:0:1 change CAPACITY_DATA_HAS_CHANGED",
            ),
            ("remove@/devices/x/0:0:0:1 SUBSYSTEM=scsi DEVTYPE=scsi_device", "devices 0:0:0:1 remove"),
            ("add@/devices/x/target0:0:0 SUBSYSTEM=scsi DEVTYPE=scsi_target", ""),
            ("remove@/devices/x/session1 SUBSYSTEM=iscsi_session", "devices session1 remove"),
            ("change@/devices/virtual/net/lo SUBSYSTEM=net", ""),
            ("libudev SUBSYSTEM=block", ""),
            ("", ""),
            ("change@dm-0 SUBSYSTEM=block DEVNAME=dm-0", ""),
        ] {
            assert_eq!(say(&packet(text)), want, "{text}");
        }
    }

    /// The packets in the recordings: a line `[time] len=n`, then each text indented.
    fn recorded() -> BTreeMap<String, Vec<Vec<u8>>> {
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/multipathd");
        let mut out = BTreeMap::new();
        for folder in std::fs::read_dir(data).unwrap() {
            let folder = folder.unwrap().path();
            for file in std::fs::read_dir(&folder).into_iter().flatten() {
                let file = file.unwrap().path();
                let name = file.strip_prefix(data).unwrap().to_str().unwrap().to_owned();
                if !name.contains("uevents") {
                    continue;
                }
                let mut packets: Vec<Vec<u8>> = Vec::new();
                for line in std::fs::read_to_string(&file).unwrap().lines() {
                    if line.starts_with('[') {
                        packets.push(Vec::new());
                    } else if let (Some(packet), Some(text)) = (packets.last_mut(), line.strip_prefix("  ")) {
                        packet.extend(text.bytes().chain([0]));
                    }
                }
                out.insert(name, packets);
            }
        }
        out
    }

    #[test]
    fn recorded_packets() {
        let recorded = recorded();
        assert!(recorded.len() > 20, "{}", recorded.len());
        for (name, packets) in &recorded {
            assert!(!packets.is_empty(), "{name}");
            assert!(packets.iter().all(|packet| parse(packet).is_some()), "{name}");
            // Whatever was recorded there happened to a map or its paths, so something in it must make us look.
            assert!(packets.iter().any(|packet| !say(packet).is_empty()), "{name}");
        }
        let lines = |name: &str| -> Vec<String> {
            recorded[name].iter().map(|packet| say(packet)).filter(|line| !line.is_empty()).collect()
        };
        assert_eq!(
            lines("0.9.4/12-offline-with-io.uevents.txt"),
            [
                "maps 35000c500a0000001 dm-0 PATH_FAILED 8:0",
                "maps 35000c500a0000001 dm-0 PATH_REINSTATED 8:0"
            ]
        );
        let deleted = lines("0.9.4/30-path-delete.uevents.txt");
        assert!(
            deleted.iter().any(|line| line.starts_with("devices sd") && line.ends_with("remove")),
            "{deleted:?}"
        );
        assert!(deleted.iter().any(|line| line == "maps - dm-0 change"), "{deleted:?}");
        let resized = lines("0.9.4/61-resize.uevents.txt");
        assert!(
            resized
                .iter()
                .any(|line| line.ends_with("CAPACITY_DATA_HAS_CHANGED") || line.ends_with("RESIZE")),
            "{resized:?}"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = say(&bytes);
        }

        #[test]
        fn no_damage_panics(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let all: Vec<Vec<u8>> = recorded().into_values().flatten().collect();
            let mut packet = all[which.index(all.len())].clone();
            let at = at.index(packet.len());
            packet[at] = byte;
            packet.truncate(cut.index(packet.len()));
            let _ = say(&packet);
        }
    }
}
