//! A LUN that is taken out of service: first nobody uses it, then nobody misses it, then every node lets go of it, and only
//! then the array takes it away. The other way round its users wait for ever, or get I/O errors.

use super::{Guide, Side, Stage, Standing, Step, count, for_devices, quoted};
use crate::picture::Picture;

pub(super) fn fill(guide: &mut Guide, nodes: &[Side], picture: &Picture<'_>) {
    let row = picture.matrix.row_of(&guide.wwid);
    let storage = row.as_ref().and_then(|row| row.used_by()).map(str::to_owned);
    let mut steps = Vec::new();
    if let Some(id) = &storage {
        let guests: Vec<String> = picture.guests.on_storage(id).map(|guest| guest.id.to_string()).collect();
        let seen = match (&picture.guests.all, guests.len()) {
            (None, _) => {
                "who has a disk on it is not known here: look at stopped guests and unused disks too".into()
            }
            (Some(_), 0) => "no guest has a disk on it".into(),
            (Some(_), n) => format!(
                "disks of {} are on it (stopped ones and unused disks count): {}",
                count(n, "guest"),
                guests.join(" ")
            ),
        };
        let standing = match &picture.guests.all {
            None => Standing::Unknown,
            Some(_) if guests.is_empty() => Standing::Done,
            Some(_) => Standing::Next,
        };
        let what = format!("move or remove every disk on storage {id}");
        let commands = vec![format!("pvesm list {}", quoted(id))];
        steps.push(Step { node: None, what, commands, seen, standing });
    }
    let standing = if storage.is_some() { Standing::Next } else { Standing::Done };
    let seen =
        storage.as_ref().map_or_else(|| "no storage names it".into(), |id| format!("storage {id} names it"));
    let commands = storage.iter().map(|id| format!("pvesm remove {}", quoted(id))).collect();
    let what = "take the storage's definition away (the data stays)".into();
    let gone = Step { node: None, what, commands, seen, standing };
    guide.stages.push(Stage { title: "nobody uses it".into(), steps });
    guide.stages.push(Stage { title: "no storage names it".into(), steps: vec![gone] });
    let closed = nodes.iter().filter(|side| side.map.is_some() || !side.heard).map(|side| {
        let map = side.map.as_ref();
        let vgs = map.iter().flat_map(|map| &map.pvs).filter_map(|pv| pv.vg_name.as_deref());
        let mut commands: Vec<String> = vgs.map(|vg| format!("vgchange -an {}", quoted(vg))).collect();
        commands.dedup();
        let (open, holders) = map.map_or((Some(0), 0), |map| (map.open_count, map.holders.len()));
        let seen = match open {
            Some(0) if holders == 0 => "not open".into(),
            Some(n) => format!("open {}, {} on it", count(n as usize, "time"), count(holders, "device")),
            None => format!("{} on it; how often it is open is not known", count(holders, "device")),
        };
        side.step("close what lies on it".into(), commands, seen, open == Some(0) && holders == 0)
    });
    guide.stages.push(Stage { title: "every node has closed it".into(), steps: closed.collect() });
    let carried = |side: &&Side| {
        let lun = picture.nodes.get(&side.name).and_then(|node| node.paths?.lun(&guide.wwid));
        side.has_it() || lun.is_some_and(|lun| !lun.remembered.is_empty())
    };
    let retired =
        nodes.iter().filter(carried).all(|side| picture.expectations.is_retired(&guide.wwid, &side.name));
    guide.stages.push(Stage {
        title: "nobody misses it".into(),
        steps: vec![Step {
            node: None,
            what: "say that it is out of service: else it is missed as soon as it goes".into(),
            commands: vec![format!("pathkeeper lun retire {}", quoted(guide.wwid.as_str()))],
            seen: if retired { "it is retired on every node that carried it" } else { "it is expected" }
                .into(),
            standing: if retired { Standing::Done } else { Standing::Next },
        }],
    });
    let flushed = nodes.iter().filter(|side| side.has_it() || !side.heard).map(|side| {
        let wwid = quoted(guide.wwid.as_str());
        let mut commands: Vec<String> = Vec::new();
        commands.extend(side.map.as_ref().map(|map| format!("multipath -f {}", quoted(&map.name))));
        commands.push(format!("multipath -w {wwid}"));
        if !side.devices().is_empty() {
            commands.push(for_devices(&side.names(), "delete"));
        }
        let seen = match &side.map {
            Some(map) => format!("map {} with {} is there", map.name, count(side.devices().len(), "device")),
            None => format!("no map, {}", count(side.loose.len(), "device")),
        };
        side.step("remove its map, then its devices".into(), commands, seen, !side.has_it())
    });
    guide.stages.push(Stage { title: "no node has it".into(), steps: flushed.collect() });
    let all_gone = nodes.iter().all(|side| side.heard && !side.has_it());
    guide.stages.push(Stage {
        title: "the array takes it away".into(),
        steps: vec![Step {
            node: None,
            what: "now unmap it on the array; if a later rescan brings it back, LUN_STILL_VISIBLE says so"
                .into(),
            commands: Vec::new(),
            seen: if all_gone { "no node sees it" } else { "a node sees it, or is not heard" }.into(),
            standing: if all_gone { Standing::Unknown } else { Standing::Later },
        }],
    });
}
