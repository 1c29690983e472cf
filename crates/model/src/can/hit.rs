//! Whom it would hit: guests where somebody tells of them, else who has the LUN open.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ground, few};
use crate::explain::{count, label, times};
use crate::guests::{Guest, GuestKind};
use crate::ids::{NodeName, Wwid};
use crate::problems::storages;

/// Guests on a node (or on any) that have a disk on one of these LUNs; `None` = nobody tells of guests.
pub(super) fn guests<'a>(
    luns: &BTreeSet<&Wwid>,
    node: Option<&NodeName>,
    ground: Ground<'a>,
) -> Option<Vec<&'a Guest>> {
    let storages: BTreeSet<&str> = luns.iter().flat_map(|wwid| storages(ground.picture, wwid)).collect();
    let all = ground.picture.guests.all.as_ref()?.values();
    let hit = |guest: &&Guest| {
        node.is_none_or(|node| guest.node == *node)
            && guest.storages.iter().any(|storage| storages.contains(storage.as_str()))
    };
    Some(all.filter(hit).collect())
}

/// `17 guests on pve2; 3 of them are HA: ha:vm:101, …`; else who has the LUNs open there.
pub(super) fn line(luns: &BTreeSet<&Wwid>, node: &NodeName, ground: Ground<'_>) -> String {
    match guests(luns, Some(node), ground) {
        Some(guests) if guests.is_empty() => format!("no guest on {node} has a disk on them"),
        Some(guests) => format!("{} on {node}{}", count(guests.len(), "guest"), of_ha(&guests)),
        None => format!("nobody tells of guests here; {}", open(luns, node, ground)),
    }
}

/// `; 3 of them are HA: ha:vm:101, ha:ct:102`.
pub(super) fn of_ha(guests: &[&Guest]) -> String {
    let named: Vec<String> = guests.iter().filter(|guest| guest.ha).map(|guest| word(guest)).collect();
    if named.is_empty() {
        String::new()
    } else {
        format!("; HA looks after {}: {}", named.len(), few(&named))
    }
}

/// `ha:vm:117`, `ct:102`.
pub(super) fn word(guest: &Guest) -> String {
    let kind = match guest.kind {
        GuestKind::Vm => "vm",
        GuestKind::Ct => "ct",
    };
    format!("{}{kind}:{}", if guest.ha { "ha:" } else { "" }, guest.id)
}

/// Who has them open on a node, as the node tells.
pub(super) fn open(luns: &BTreeSet<&Wwid>, node: &NodeName, ground: Ground<'_>) -> String {
    let paths = ground.picture.nodes.get(node).and_then(|node| node.paths);
    let mut known: BTreeMap<&Wwid, Option<u32>> = BTreeMap::new();
    for wwid in luns {
        let map = paths.and_then(|paths| paths.lun(wwid)?.map.as_deref());
        known.insert(wwid, map.and_then(|map| map.open_count.map(|open| open.max(u32::from(map.holders)))));
    }
    let in_use: Vec<String> = known
        .iter()
        .filter_map(|(wwid, open)| {
            let open = open.filter(|open| *open > 0)?;
            Some(format!("{} (open {})", label(wwid, ground.picture), times(open)))
        })
        .collect();
    let untold = known.values().filter(|open| open.is_none()).count();
    match (in_use.is_empty(), untold) {
        (false, _) => format!("in use on {node}: {}", few(&in_use)),
        (true, 0) => format!("nothing on {node} has them open"),
        (true, _) => format!("{node} does not tell who has them open"),
    }
}
