//! A thing that paths run over is taken down: who loses the last path, who is left with one, or with one fabric.

use std::collections::{BTreeMap, BTreeSet};

use super::name::Thing;
use super::{Ground, Kind, Lines, few, few_luns, hit, is_in_service, silent};
use crate::cause::{Alike, Way};
use crate::explain::count;
use crate::ids::{NodeName, Wwid};
use crate::state::State;

/// What becomes of a LUN on a node.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fate {
    /// Its last path goes.
    Lost,
    /// Nobody knows: what the node reports and what it published differ, or nobody knows what is in there.
    Unsure,
    /// It has no path already.
    Dead,
    /// One path stays of several.
    One,
    /// Those that stay run over one fabric of several.
    Alone(String),
    /// Several stay.
    Keeps,
    /// None of its paths is concerned.
    Untouched,
}

#[derive(Default)]
struct OnNode<'a> {
    luns: BTreeMap<Fate, BTreeSet<&'a Wwid>>,
    /// What is down already of those that lose the last path.
    down: BTreeSet<String>,
}

impl<'a> OnNode<'a> {
    fn of(&self, fate: &Fate) -> Option<&BTreeSet<&'a Wwid>> {
        self.luns.get(fate)
    }
}

pub(super) fn look(thing: &Thing, ground: Ground<'_>, lines: &mut Lines) {
    let mut keep = Vec::new();
    for node in ground.picture.nodes.keys() {
        if matches!(thing, Thing::Hba(of, ..) if of != node) {
            continue;
        }
        if let Some(why) = silent(node, ground) {
            // A node that has no LUN to lose is no doubt, as long as it says so.
            let idle = ground.picture.nodes.get(node).is_some_and(|of| of.heard && of.swallowed.is_none())
                && ground.picture.matrix.node_tally(node).total() == 0;
            if !idle {
                lines.add(Kind::Unknown, format!("{node}: nothing is known of its paths now: {why}"));
            }
            continue;
        }
        tell(node, thing, &on_node(node, thing, ground), ground, lines, &mut keep);
    }
    if !keep.is_empty() {
        let verb = if keep.len() == 1 { "keeps" } else { "keep" };
        lines.add(Kind::Ok, format!("{} {verb} a path to every LUN that has one there now", few(&keep)));
    }
}

fn on_node<'a>(node: &'a NodeName, thing: &Thing, ground: Ground<'a>) -> OnNode<'a> {
    let mut out = OnNode::default();
    for Alike { luns, ways } in ground.causes.alike(node) {
        for wwid in luns.into_iter().filter(|wwid| is_in_service(node, wwid, ground)) {
            let fate = fate(node, wwid, thing, &ways, ground);
            if fate == Fate::Lost {
                let off = ways.iter().filter(|way| way.off > 0 && !thing.takes(way));
                out.down.extend(off.map(|way| down_word(way, ground)));
            }
            out.luns.entry(fate).or_default().insert(wwid);
        }
    }
    // What it reports and has not published.
    for row in ground.picture.matrix.rows() {
        let told = ground.causes.knows(node, row.wwid());
        if let Some(cell) =
            row.cell(node.as_str()).filter(|_| !told && is_in_service(node, row.wwid(), ground))
        {
            let fate =
                if matches!(cell.state, State::Missing | State::Failed) { Fate::Dead } else { Fate::Unsure };
            out.luns.entry(fate).or_default().insert(row.wwid());
        }
    }
    out
}

/// What is down: the cause that says so, else the way.
fn down_word(way: &Way<'_>, ground: Ground<'_>) -> String {
    let cause = way.cause.and_then(|at| ground.causes.list().get(at as usize));
    match cause.map(|cause| (&cause.scope.node, &cause.scope.object)) {
        Some((Some(node), Some(object))) => format!("{node}/{object}"),
        Some((None, Some(object))) => object.clone(),
        _ => format!("{}/{way}", way.node),
    }
}

fn fate(node: &NodeName, wwid: &Wwid, thing: &Thing, ways: &[Way<'_>], ground: Ground<'_>) -> Fate {
    let before: u32 = ways.iter().map(|way| way.usable).sum();
    let cell = ground.picture.matrix.row_of(wwid).and_then(|row| row.cell(node.as_str()));
    let reported = cell.and_then(|cell| cell.counts).and_then(|(usable, _)| usable);
    if cell.is_some_and(|cell| matches!(cell.state, State::Failed | State::Missing)) || before == 0 {
        return Fate::Dead;
    }
    let in_there = |way: &&Way<'_>| way.usable > 0 && thing.takes(way);
    let taken: u32 = ways.iter().filter(in_there).map(|way| way.usable).sum();
    // Ways of which nobody knows whether they are in there may be.
    let perhaps = ways.iter().filter(|way| way.usable > 0 && !thing.is_known_of(way));
    let perhaps: u32 = perhaps.map(|way| way.usable).sum();
    // Paths are published later than reports: which of them went is not known yet.
    let lag = reported.map_or(before, |reported| before.saturating_sub(reported));
    let after = before.saturating_sub(taken);
    if taken > 0 && after == 0 {
        return Fate::Lost;
    }
    if after <= perhaps.saturating_add(lag) && (taken > 0 || perhaps > 0) {
        return Fate::Unsure;
    }
    if taken == 0 {
        return Fate::Untouched;
    }
    if after == 1 {
        return Fate::One;
    }
    let fabrics = |all: bool| -> Option<BTreeSet<&str>> {
        ways.iter().filter(|way| way.usable > 0 && (all || !thing.takes(way))).map(|way| way.fabric).collect()
    };
    match (fabrics(true), fabrics(false)) {
        (Some(before), Some(after)) if before.len() > 1 && after.len() == 1 => {
            Fate::Alone(after.first().map(|name| (*name).to_owned()).unwrap_or_default())
        }
        _ => Fate::Keeps,
    }
}

fn tell(
    node: &NodeName,
    thing: &Thing,
    on: &OnNode<'_>,
    ground: Ground<'_>,
    lines: &mut Lines,
    keep: &mut Vec<String>,
) {
    let names = |luns: &BTreeSet<&Wwid>| few_luns(luns, ground.picture);
    if let Some(lost) = on.of(&Fate::Lost) {
        let down: Vec<String> = on.down.iter().cloned().collect();
        let already = match down.len() {
            0 => "they have no other".to_owned(),
            1 => format!("{} is down", few(&down)),
            _ => format!("{} are down", few(&down)),
        };
        lines.add(
            Kind::Stop,
            format!(
                "{} on {node} would lose the last path ({already}): {}",
                count(lost.len(), "LUN"),
                names(lost)
            ),
        );
        lines.add(Kind::Stop, format!("whom it hits: {}", hit::line(lost, node, ground)));
        let repair = if down.is_empty() {
            format!("give {node} a path beside {thing}")
        } else {
            format!("repair {}", few(&down))
        };
        let move_away = if ground.picture.guests.all.is_some() {
            format!(", or move the guests off {node}")
        } else {
            format!(", or stop what uses them on {node}")
        };
        lines.add(Kind::First, format!("{repair}{move_away}, then ask again"));
    } else if !on.luns.is_empty() {
        keep.push(node.to_string());
    }
    if let Some(unsure) = on.of(&Fate::Unsure) {
        let text = format!(
            "{node}: which paths stay to {} cannot be told (its report and what it published differ, or ends of its paths \
             are not known): {}",
            count(unsure.len(), "LUN"),
            names(unsure)
        );
        lines.add(Kind::Unknown, text);
        keep.retain(|name| name != node.as_str());
    }
    if let Some(dead) = on.of(&Fate::Dead) {
        let text = format!("{} on {node} has no path already: {}", count(dead.len(), "LUN"), names(dead));
        lines.add(Kind::Caution, text);
    }
    if let Some(one) = on.of(&Fate::One) {
        let text =
            format!("{} on {node} would be left with one path: {}", count(one.len(), "LUN"), names(one));
        lines.add(Kind::Caution, text);
    }
    for (fate, luns) in &on.luns {
        if let Fate::Alone(fabric) = fate {
            let text = format!("{} on {node} would run on fabric {fabric} alone", count(luns.len(), "LUN"));
            lines.add(Kind::Caution, text);
        }
    }
}
