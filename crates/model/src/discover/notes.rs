//! What a person should know of a LUN that is seen without a map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Lun, Note, Place, Told};
use crate::ids::NodeName;

/// More nodes than this are counted, not named.
const NAMES_MAX: usize = 8;

/// `array_seen_by`: the nodes that see anything of its array; `None` where the array is not known.
pub(super) fn of(
    lun: &Lun,
    array_seen_by: Option<&BTreeSet<NodeName>>,
    nodes: &BTreeMap<NodeName, Told>,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |warning: bool, text: String| notes.push(Note { warning, text });
    for (signature, on) in by_text(lun, |place| &place.on.signatures) {
        say(true, format!("NOT EMPTY: {signature}, says udev's database of {}", list(&on)));
    }
    differences(lun, &mut say);
    let lacks: Vec<&NodeName> = nodes
        .iter()
        .filter(|(name, told)| {
            told.is_current && !lun.places.contains_key(*name) && !lun.carried.contains(*name)
        })
        .map(|(name, _)| name)
        .collect();
    let alone = lun.places.keys().next().filter(|_| lun.places.len() == 1 && lun.carried.is_empty());
    match (alone, array_seen_by) {
        (Some(node), Some(by)) if by.len() == 1 && !lacks.is_empty() => {
            // Where all are new, as after an installation everywhere, that says nothing.
            let new = nodes.get(node).is_some_and(|told| told.is_new)
                && nodes.values().any(|told| told.is_current && !told.is_new);
            let new = if new { "the new node " } else { "" };
            say(true, format!("only {new}{node} sees this array: zoned to another cluster?"));
        }
        (_, Some(by)) => {
            let (sees, not): (Vec<_>, Vec<_>) = lacks.into_iter().partition(|name| by.contains(*name));
            if !sees.is_empty() {
                say(false, format!("{}: no device (mapping?)", list(&sees)));
            }
            if !not.is_empty() {
                say(false, format!("{}: no device of this array (zoning?)", list(&not)));
            }
        }
        (_, None) if !lacks.is_empty() => say(false, format!("{}: no device", list(&lacks))),
        (_, None) => {}
    }
    why_no_map(lun, &mut say);
    let then = names(lun, |place| place.on.as_of_then);
    if !then.is_empty() {
        say(false, format!("{}: as it was when it last spoke, which may be so no more", list(&then)));
    }
    notes
}

fn differences(lun: &Lun, say: &mut impl FnMut(bool, String)) {
    let each = |kind: fn(&Place) -> &BTreeSet<u64>, word: &str| -> Option<String> {
        let all: BTreeSet<u64> = lun.places.values().flat_map(|place| kind(place).iter().copied()).collect();
        if all.len() < 2 {
            return None;
        }
        let value = |value: &u64| {
            let on = names(lun, |place| kind(place).contains(value));
            format!("{value}{word} on {}", list(&on))
        };
        Some(all.iter().map(value).collect::<Vec<_>>().join(", "))
    };
    if let Some(sizes) = each(|place| &place.sizes, " bytes") {
        say(true, format!("the sizes differ: {sizes}; resized on the array and not rescanned everywhere?"));
    }
    if let Some(numbers) = each(|place| &place.luns, "") {
        say(false, format!("the LUN numbers differ: {numbers}"));
    }
}

fn why_no_map(lun: &Lun, say: &mut impl FnMut(bool, String)) {
    let absent = names(lun, |place| place.on.in_wwids == Some(false));
    if !absent.is_empty() && absent.len() == lun.places.len() {
        let of = if absent.len() == 1 { "" } else { "any of " };
        say(false, format!("not in the wwids file of {of}{}", list(&absent)));
    } else if !absent.is_empty() {
        say(false, format!("not in the wwids file of {}", list(&absent)));
    }
    for (word, on) in by_text(lun, |place| &place.on.because) {
        // `orphan` alone only says that there is no map. Where the wwids file has the LUN, that is what is odd.
        let odd: Vec<&NodeName> = if &*word == "orphan" {
            let listed =
                |node: &&NodeName| lun.places.get(*node).is_some_and(|place| place.on.in_wwids == Some(true));
            on.into_iter().filter(listed).collect()
        } else {
            on
        };
        if odd.is_empty() {
            continue;
        }
        let listed = if &*word == "orphan" { "in the wwids file, and " } else { "" };
        say(false, format!("{}: {listed}multipathd calls its devices: {word}", list(&odd)));
    }
}

fn names(lun: &Lun, which: impl Fn(&Place) -> bool) -> Vec<&NodeName> {
    lun.places.iter().filter(|(_, place)| which(place)).map(|(name, _)| name).collect()
}

fn by_text(lun: &Lun, texts: impl Fn(&Place) -> &Vec<Arc<str>>) -> BTreeMap<Arc<str>, Vec<&NodeName>> {
    let mut out: BTreeMap<Arc<str>, Vec<&NodeName>> = BTreeMap::new();
    for (name, place) in &lun.places {
        for text in texts(place) {
            out.entry(text.clone()).or_default().push(name);
        }
    }
    out
}

/// `pve1 pve2 pve3`, or how many there are.
fn list(nodes: &[&NodeName]) -> String {
    if nodes.len() > NAMES_MAX {
        return format!("{} nodes", nodes.len());
    }
    nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(" ")
}
