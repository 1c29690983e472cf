//! A node is rebooted: does it shut down, do its guests find their LUNs elsewhere, does the cluster keep its quorum, does it
//! come back.

use std::collections::{BTreeMap, BTreeSet};

use super::{ComesBack, Ground, Kind, Lines, few, hit, is_in_service, silent};
use crate::explain::{count, label};
use crate::ids::{NodeName, Wwid};
use crate::local::Queueing;
use crate::problems::storages;
use crate::state::State;
use crate::topology::PathWord;

pub(super) fn look(node: &NodeName, ground: Ground<'_>, lines: &mut Lines) {
    match silent(node, ground) {
        Some(why) => {
            lines.add(Kind::Unknown, format!("shuts down: nothing is known of the LUNs of {node} now: {why}"))
        }
        None => shuts_down(node, ground, lines),
    }
    if ground.picture.guests.all.is_some() {
        guests(node, ground, lines);
    } else {
        users(node, ground, lines);
    }
    quorum(node, ground, lines);
    comes_back(node, ground, lines);
}

fn shuts_down(node: &NodeName, ground: Ground<'_>, lines: &mut Lines) {
    let paths = ground.picture.nodes.get(node).and_then(|of| of.paths);
    let (mut hangs, mut slow, mut unsure) = (Vec::new(), Vec::new(), Vec::new());
    for lun in paths.into_iter().flat_map(|paths| &paths.luns) {
        let Some(map) = lun.map.as_deref() else { continue };
        let name = || label(&lun.wwid, ground.picture);
        let cell = ground.picture.matrix.row_of(&lun.wwid).and_then(|row| row.cell(node.as_str()));
        let failed = cell.is_some_and(|cell| cell.state == State::Failed);
        let usable = !failed && lun.paths.iter().any(|path| path.word == PathWord::Usable);
        match (map.suspended, usable, map.queueing) {
            (true, ..) => hangs.push(format!("{} is suspended", name())),
            (_, true, _) | (_, false, Queueing::Off) => {}
            (_, false, Queueing::Seconds(_))
                if map.queue_ends.is_some_and(|end| end <= ground.picture.now.wall) => {}
            (_, false, Queueing::Seconds(_)) => slow.push(name()),
            (_, false, Queueing::On | Queueing::Checks(_)) => {
                hangs.push(format!("{} has no path and queues", name()))
            }
            (_, false, Queueing::Unset | Queueing::Unknown) => unsure.push(name()),
        }
    }
    if !hangs.is_empty() {
        lines.add(Kind::Stop, format!("shutdown of {node} would hang: {}", few(&hangs)));
        lines.add(
            Kind::First,
            format!("pathkeeper explain {}: cure that, then ask again", first_word(&hangs)),
        );
    }
    if !slow.is_empty() {
        lines.add(Kind::Stop, format!("shutdown of {node} would hang until queueing ends: {}", few(&slow)));
        lines.add(Kind::First, "wait until queueing ends, or mend the paths, then ask again");
    }
    if !unsure.is_empty() {
        let text = format!("shutdown of {node} may hang, whether these queue is not known: {}", few(&unsure));
        lines.add(Kind::Unknown, text);
    }
    if hangs.is_empty() && slow.is_empty() && unsure.is_empty() {
        lines.add(Kind::Ok, format!("shuts down: no LUN queues or hangs on {node}"));
    }
}

fn first_word(texts: &[String]) -> &str {
    texts.first().and_then(|text| text.split(' ').next()).unwrap_or_default()
}

/// How another node carries a LUN.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum There {
    No,
    Untold,
    Degraded,
    Whole,
}

fn there(node: &NodeName, wwid: &Wwid, ground: Ground<'_>) -> There {
    let of = ground.picture.nodes.get(node);
    let cell = ground.picture.matrix.row_of(wwid).and_then(|row| row.cell(node.as_str()));
    if of.is_some_and(|of| of.online == Some(false)) || !is_in_service(node, wwid, ground) {
        return There::No;
    }
    if silent(node, ground).is_some() {
        return There::Untold;
    }
    match cell.map(|cell| cell.state) {
        Some(State::Optimal) => There::Whole,
        Some(State::Degraded) => There::Degraded,
        Some(State::Unknown) => There::Untold,
        Some(State::Missing | State::Failed) | None => There::No,
    }
}

fn guests(node: &NodeName, ground: Ground<'_>, lines: &mut Lines) {
    let mut by_storage: BTreeMap<&str, BTreeSet<&Wwid>> = BTreeMap::new();
    let rows: Vec<_> = ground.picture.matrix.rows().collect();
    for row in &rows {
        for storage in storages(ground.picture, row.wwid()) {
            by_storage.entry(storage).or_default().insert(row.wwid());
        }
    }
    let others: Vec<&NodeName> = ground.picture.nodes.keys().filter(|other| *other != node).collect();
    let all = ground.picture.guests.all.iter().flat_map(BTreeMap::values);
    let mut on_luns = 0_usize;
    let (mut find, mut lost, mut untold) = (0_usize, Vec::new(), Vec::new());
    let mut degraded: BTreeMap<&NodeName, usize> = BTreeMap::new();
    for guest in all.filter(|guest| guest.node == *node) {
        let luns: BTreeSet<&Wwid> = guest
            .storages
            .iter()
            .filter_map(|storage| by_storage.get(storage.as_str()))
            .flatten()
            .copied()
            .collect();
        if luns.is_empty() {
            continue;
        }
        on_luns += 1;
        let mut best = There::No;
        for &other in &others {
            // All of its LUNs must be there.
            let here = luns.iter().map(|wwid| there(other, wwid, ground)).min().unwrap_or(There::No);
            best = best.max(here);
            if here == There::Degraded {
                *degraded.entry(other).or_default() += 1;
            }
        }
        match best {
            There::Whole | There::Degraded => find += 1,
            There::Untold => untold.push(hit::word(guest)),
            There::No => lost.push(hit::word(guest)),
        }
    }
    if on_luns == 0 {
        lines.add(Kind::Ok, format!("guests: none on {node} has a disk on a LUN"));
        return;
    }
    if find > 0 {
        lines.add(Kind::Ok, format!("guests: {find} of {on_luns} can find their LUNs on another node"));
    }
    if !lost.is_empty() {
        let text = format!(
            "guests: {} of {on_luns} cannot find their LUNs on another node and are down meanwhile: {}",
            lost.len(),
            few(&lost)
        );
        lines.add(Kind::Caution, text);
    }
    if !untold.is_empty() {
        let text = format!(
            "guests: whether {} of {on_luns} can find their LUNs on another node cannot be told: {}",
            untold.len(),
            few(&untold)
        );
        lines.add(Kind::Unknown, text);
    }
    for (other, n) in degraded {
        let text = format!(
            "{} may move to {other}, where LUNs of theirs are degraded: avoid {other}",
            count(n, "guest")
        );
        lines.add(Kind::Caution, text);
    }
}

/// Where nobody tells of guests: LUNs that are open there, and whether anybody else has them.
fn users(node: &NodeName, ground: Ground<'_>, lines: &mut Lines) {
    let Some(paths) = ground.picture.nodes.get(node).and_then(|of| of.paths) else { return };
    let mut in_use: BTreeSet<&Wwid> = BTreeSet::new();
    for lun in &paths.luns {
        let Some(map) = lun.map.as_deref() else { continue };
        if map.open_count.is_none_or(|open| open > 0) && is_in_service(node, &lun.wwid, ground) {
            in_use.insert(&lun.wwid);
        }
    }
    if in_use.is_empty() {
        lines.add(Kind::Ok, format!("nothing on {node} has a LUN open"));
        return;
    }
    let text = format!(
        "nobody tells of guests here; {}: stop or move what uses them",
        hit::open(&in_use, node, ground)
    );
    lines.add(Kind::Caution, text);
    let others: Vec<&NodeName> = ground.picture.nodes.keys().filter(|other| *other != node).collect();
    let best =
        |wwid: &&&Wwid| others.iter().map(|other| there(other, wwid, ground)).max().unwrap_or(There::No);
    let (mut no, mut untold, mut find) = (Vec::new(), Vec::new(), 0_usize);
    for wwid in &in_use {
        match best(&wwid) {
            There::No => no.push(label(wwid, ground.picture)),
            There::Untold => untold.push(label(wwid, ground.picture)),
            There::Degraded | There::Whole => find += 1,
        }
    }
    if find > 0 {
        lines.add(Kind::Ok, format!("{} of them can be used on another node", count(find, "LUN")));
    }
    if !no.is_empty() {
        lines.add(Kind::Caution, format!("no other node can use {}", few(&no)));
    }
    if !untold.is_empty() {
        lines.add(Kind::Unknown, format!("whether another node can use {} cannot be told", few(&untold)));
    }
}

fn quorum(node: &NodeName, ground: Ground<'_>, lines: &mut Lines) {
    let nodes = &ground.picture.nodes;
    if nodes.len() == 1 {
        lines.add(Kind::Ok, "quorum: the node is alone");
        return;
    }
    if !ground.picture.members_trusted {
        lines.add(Kind::Unknown, "quorum: this node does not know who is in the cluster now");
        return;
    }
    let votes = nodes.values().filter(|of| of.online.is_some()).count();
    let online = nodes.iter().filter(|(_, of)| of.online == Some(true)).count();
    let up = nodes.get(node).is_some_and(|of| of.online == Some(true));
    let stay = online.saturating_sub(usize::from(up));
    let text = format!("quorum: {stay} of {votes} votes stay, if each node has one");
    match (stay * 2).cmp(&votes) {
        std::cmp::Ordering::Greater => lines.add(Kind::Ok, text),
        // A quorum device or a two-node setting may carry it; neither is known here.
        std::cmp::Ordering::Equal => {
            lines.add(Kind::Unknown, format!("{text}: enough only with a quorum device"))
        }
        std::cmp::Ordering::Less => {
            lines.add(Kind::Stop, format!("{text}: the others would stop, or fence themselves"));
            lines.add(Kind::First, "bring the nodes that are offline back, then ask again");
        }
    }
}

fn comes_back(node: &NodeName, ground: Ground<'_>, lines: &mut Lines) {
    let host = ground.picture.nodes.get(node).and_then(|of| of.paths).map(|paths| &paths.host);
    let back = host.map(ComesBack::of).unwrap_or_default();
    for doubt in &back.doubts {
        lines.add(Kind::Caution, format!("comes back: {doubt}"));
    }
    match (back.told && silent(node, ground).is_none(), back.doubts.is_empty()) {
        (true, true) => {
            lines.add(Kind::Ok, "comes back: nothing is known that would keep its LUNs away after the boot");
        }
        (true, false) => {}
        (false, _) => {
            let text =
                format!("cannot tell whether it comes back with its LUNs: {node} does not say how it boots");
            lines.add(Kind::Unknown, text);
        }
    }
}
