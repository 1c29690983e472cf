//! A LUN that is to be used: every node sees it over all ports, sees the same, has a map of it; then one node writes on it.

use super::{Guide, Side, Stage, Standing, Step, count, quoted};
use crate::picture::Picture;

pub(super) fn fill(guide: &mut Guide, nodes: &[Side], picture: &Picture<'_>) {
    let most = nodes.iter().map(|side| side.devices().len()).max().unwrap_or(0);
    for path in nodes.iter().flat_map(|side| side.devices()) {
        if let Some(signature) = &path.signature {
            let caution = format!("NOT EMPTY: {signature} is on it. Is it another cluster's?");
            if !guide.cautions.contains(&caution) {
                guide.cautions.push(caution);
            }
        }
    }
    let serials: std::collections::BTreeSet<&str> =
        nodes.iter().flat_map(|side| side.devices()).filter_map(|path| path.serial.as_deref()).collect();
    if serials.len() > 1 {
        guide.cautions.push(
            "its devices bear different serial numbers: do not use it before that is understood".into(),
        );
    }
    let wanted = |side: &&Side| match picture.expectations.of(&guide.wwid) {
        Some(outcome) if !outcome.nodes.is_empty() => outcome.nodes.contains(&side.name),
        _ => true,
    };
    let sides: Vec<&Side> = nodes.iter().filter(wanted).collect();
    let visible = sides.iter().map(|side| {
        let n = side.devices().len();
        let commands = vec![
            "for h in /sys/class/fc_host/*; do echo '- - -' > /sys/class/scsi_host/${h##*/}/scan; done"
                .to_owned(),
            "iscsiadm -m session --rescan".to_owned(),
        ];
        let seen = match n {
            0 => "no device of it: is it mapped to this host on the array?".into(),
            n if n < most => {
                format!(
                    "{}, other nodes have {most}: zoning, or a session that is missing",
                    count(n, "device")
                )
            }
            n => count(n, "device"),
        };
        side.step("look for new LUNs (FC, iSCSI: what there is)".into(), commands, seen, n > 0 && n == most)
    });
    guide.stages.push(Stage { title: "every node sees it, over all ports".into(), steps: visible.collect() });
    let maps = sides.iter().map(|side| {
        let first =
            side.devices().first().map_or_else(|| "/dev/sdX".to_owned(), |path| format!("/dev/{}", path.dev));
        let wwid = quoted(guide.wwid.as_str());
        let commands = vec![format!("multipath -a {wwid}"), format!("multipath {}", quoted(&first))];
        let seen = match &side.map {
            Some(map) if side.loose.is_empty() => {
                format!("map {} with {}", map.name, count(side.devices().len(), "path"))
            }
            Some(map) => {
                format!("map {}, and {} that it did not take", map.name, count(side.loose.len(), "device"))
            }
            None => "no map".into(),
        };
        let done = side.map.is_some() && side.loose.is_empty();
        side.step("let multipath assemble it, now and after a reboot".into(), commands, seen, done)
    });
    guide.stages.push(Stage { title: "every node has a map of it".into(), steps: maps.collect() });
    let used = picture.matrix.row_of(&guide.wwid).and_then(|row| row.used_by()).map(str::to_owned);
    let name = quoted(&guide.name);
    guide.stages.push(Stage {
        title: "one node writes on it, the others look again".into(),
        steps: vec![Step {
            node: None,
            what:
                "on ONE node: make it LVM's, and tell the cluster (Proxmox VE); VG and ID are yours to choose"
                    .into(),
            commands: vec![
                format!("pvcreate /dev/mapper/{name}"),
                format!("vgcreate VG /dev/mapper/{name}"),
                "pvesm add lvm ID --vgname VG --shared 1".into(),
            ],
            seen: used
                .as_ref()
                .map_or_else(|| "no storage uses it".into(), |id| format!("storage {id} uses it")),
            standing: if used.is_some() { Standing::Done } else { Standing::Next },
        }],
    });
}
