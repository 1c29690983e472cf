//! A LUN is taken away for good: nobody may have it open, no guest may have a disk on it.

use std::collections::BTreeSet;

use super::{Ground, Kind, Lines, few, hit, is_in_service, silent};
use crate::explain::{count, label, times};
use crate::ids::Wwid;
use crate::problems::storages;

pub(super) fn look(wwid: &Wwid, ground: Ground<'_>, lines: &mut Lines) {
    let name = label(wwid, ground.picture);
    let row = ground.picture.matrix.row_of(wwid);
    let storage = storages(ground.picture, wwid).first().copied();
    match hit::guests(&BTreeSet::from([wwid]), None, ground) {
        Some(guests) if !guests.is_empty() => {
            let named: Vec<String> =
                guests.iter().map(|guest| format!("{} on {}", hit::word(guest), guest.node)).collect();
            let of = storage.unwrap_or("it");
            lines.add(
                Kind::Stop,
                format!(
                    "{} have disks on {of}, running or not: {}{}",
                    count(guests.len(), "guest"),
                    few(&named),
                    hit::of_ha(&guests)
                ),
            );
            lines.add(
                Kind::First,
                format!("move or remove the disks on {of} (unused ones too), then ask again"),
            );
        }
        Some(_) => lines.add(Kind::Ok, "no guest, running or not, has a disk on it"),
        None => lines.add(Kind::Caution, "nobody tells of guests here: only who has it open is known"),
    }
    if let Some(storage) = storage {
        lines.add(Kind::Caution, format!("the storage {storage} lies on it: take that out of use first"));
    }
    let mut free = Vec::new();
    for (node, of) in ground.picture.nodes {
        let seen = of.paths.and_then(|paths| paths.lun(wwid));
        let cell = row.as_ref().and_then(|row| row.cell(node.as_str()));
        if let Some(why) = silent(node, ground) {
            let idle = of.heard && of.swallowed.is_none() && cell.is_none();
            if !idle {
                lines.add(Kind::Unknown, format!("{node}: nobody knows who has it open there: {why}"));
            }
            continue;
        }
        let Some(map) = seen.and_then(|seen| seen.map.as_deref()) else {
            if cell.is_some_and(|cell| cell.counts.is_some()) {
                lines.add(Kind::Unknown, format!("{node} reports it, and has not published its map yet"));
            }
            continue;
        };
        let open = map.open_count.map(|open| open.max(u32::from(map.holders)));
        let vgs: BTreeSet<&str> = map.pvs.iter().filter_map(|pv| pv.vg_name.as_deref()).collect();
        let vg: Vec<&str> = vgs.into_iter().collect();
        let on_it = if vg.is_empty() { String::new() } else { format!(", volume group {}", vg.join(", ")) };
        match open {
            Some(0) => free.push(node.to_string()),
            Some(open) => {
                let open = times(open);
                lines.add(Kind::Stop, format!("open {open} on {node}: {}{on_it}", holders(map.holders)));
                lines.add(Kind::First, format!("stop what has it open on {node}, then ask again"));
            }
            None => lines.add(Kind::Unknown, format!("{node} does not tell who has it open")),
        }
        if !vg.is_empty() {
            lines.add(Kind::Caution, format!("it carries LVM's volume group {}: not empty", vg.join(", ")));
        } else if !map.pvs.is_empty() {
            lines.add(Kind::Caution, "it carries a physical volume of LVM's: not empty");
        }
    }
    if !free.is_empty() {
        lines.add(Kind::Ok, format!("not open on {}", few(&free)));
    }
    let in_service = ground.picture.nodes.keys().any(|node| is_in_service(node, wwid, ground));
    if lines.has(Kind::Stop) {
        return;
    }
    if in_service {
        lines.add(
            Kind::First,
            format!("pathkeeper lun retire {name}: the steps on each node, before the array is touched"),
        );
    }
}

fn holders(n: u16) -> String {
    match n {
        0 => "no device on top of it (mounted, or a guest's)".to_owned(),
        1 => "1 device on top of it".to_owned(),
        n => format!("{n} devices on top of it"),
    }
}
