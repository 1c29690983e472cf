//! Causes in words: one line that says what, lines that say how it is known, and what else it could be.

#![expect(clippy::indexing_slicing, reason = "numbers are the SAN's own")]

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::advice;
use super::super::choose::{Choice, Chosen, Thing};
use super::super::domains::of_value;
use super::super::san::{Link, SanAdapter};
use super::super::unmapped::Unmapped;
use super::{Count, NAMED_MAX};
use crate::finding::Scope;
use crate::ids::Wwid;
use crate::local::{Adapter, Queueing};
use crate::picture::Picture;
use crate::problems::utc;

/// Says it.
pub(super) struct Words<'s> {
    pub picture: &'s Picture<'s>,
    pub choice: &'s Choice<'s>,
}

/// `1 LUN`, `2 LUNs`.
fn many(n: u32, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

fn few(names: &[String]) -> String {
    let head = names.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => head,
        more => format!("{head} and {more} more"),
    }
}

/// `fabric B`, whatever people call it.
fn fabric(name: &str) -> String {
    if name.to_ascii_lowercase().starts_with("fabric") { name.to_owned() } else { format!("fabric {name}") }
}

impl Words<'_> {
    fn adapter_object(&self, adapter: &SanAdapter) -> Arc<str> {
        let node = &self.choice.san.nodes[adapter.node];
        let known = self.choice.domains.adapter_object(node.name, adapter.at).cloned();
        known.unwrap_or_else(|| node.index.adapters[adapter.at].port.clone())
    }

    pub fn adapter_scope(&self, at: usize) -> Scope {
        let adapter = &self.choice.san.adapters[at];
        Scope::of_node(self.choice.san.nodes[adapter.node].name, &self.adapter_object(adapter))
    }

    pub fn pair_scope(&self, at: usize) -> Scope {
        let pair = &self.choice.san.pairs[at];
        let node = self.choice.san.nodes[pair.node].name;
        let adapter = pair.adapter.map(|at| self.adapter_object(&self.choice.san.adapters[at]));
        let port = pair.port.map_or("", |at| self.choice.san.ports[at].name);
        Scope::of_node(node, &format!("{} to {port}", adapter.as_deref().unwrap_or_default()))
    }

    /// `pve2/host7`.
    fn adapter_name(&self, at: usize) -> String {
        let adapter = &self.choice.san.adapters[at];
        format!("{}/{}", self.choice.san.nodes[adapter.node].name, self.adapter_object(adapter))
    }

    fn in_fabric(&self, id: Option<u16>) -> String {
        id.map_or_else(String::new, |id| format!(" ({})", fabric(self.choice.domains.fabric_name(id))))
    }

    fn port_name(&self, at: usize) -> String {
        let name = self.choice.san.ports[at].name;
        self.choice.domains.word_of_port(name).map_or_else(|| name.to_string(), str::to_owned)
    }

    fn lun_name(&self, wwid: &Wwid) -> String {
        if let Some(alias) = self.picture.matrix.row_of(wwid).and_then(|row| row.alias()) {
            return alias.to_owned();
        }
        let map = self.picture.nodes.values().find_map(|node| node.paths?.lun(wwid)?.map.as_ref());
        map.map_or_else(|| wwid.to_string(), |map| map.name.to_string())
    }

    /// `3 nodes`, or the one.
    fn nodes(&self, nodes: &BTreeSet<usize>) -> String {
        match nodes.first() {
            Some(only) if nodes.len() == 1 => self.choice.san.nodes[*only].name.to_string(),
            _ => many(nodes.len() as u32, "node"),
        }
    }

    fn named_nodes(&self, nodes: &BTreeSet<usize>) -> String {
        few(&nodes.iter().map(|at| self.choice.san.nodes[*at].name.to_string()).collect::<Vec<_>>())
    }

    /// Adapters and ports of what a thing explains.
    fn ends(&self, thing: Thing) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let pairs = self.choice.pairs_of(thing);
        let bad = pairs.iter().map(|at| &self.choice.san.pairs[*at as usize]).filter(|pair| pair.sum.bad > 0);
        (bad.clone().filter_map(|pair| pair.adapter).collect(), bad.filter_map(|pair| pair.port).collect())
    }

    /// Something of another fabric is not whole.
    pub fn another_fabric_is_hurt(&self, id: u16) -> bool {
        let pairs = 0..self.choice.san.pairs.len();
        pairs.into_iter().any(|at| {
            self.choice.san.pairs[at].sum.bad > 0
                && self.choice.san.pair_fabric(at).is_some_and(|other| other != id)
        })
    }

    pub fn summary(&self, chosen: Chosen, count: &Count) -> String {
        let san = self.choice.san;
        let (adapters, ports) = self.ends(chosen.thing);
        let n_ports = many(ports.len() as u32, "target port");
        let from = self.nodes(&count.nodes);
        let text = match chosen.thing {
            Thing::Adapter(at) => {
                let adapter = &san.adapters[at];
                let name = format!("{}{}", self.adapter_name(at), self.in_fabric(adapter.fabric));
                if chosen.flapping {
                    return format!("{name}: {}", self.went_and_came(chosen.thing));
                } else if adapter.link == Link::Down {
                    format!("{name}: link down")
                } else if count.failed == 0 && !ports.is_empty() {
                    format!("{name}: sees 0 of {n_ports}")
                } else if ports.is_empty() {
                    format!("{name}: no usable path")
                } else {
                    format!("{name}: no usable path, {n_ports}")
                }
            }
            Thing::Port(at) => {
                let name = format!("{}{}", self.port_name(at), self.in_fabric(san.ports[at].fabric));
                if chosen.flapping {
                    return format!("target port {name}: {}", self.went_and_came(chosen.thing));
                }
                format!("target port {name}: no usable path from {from}")
            }
            Thing::Controller(id) => {
                let name = self.choice.domains.controller_name(id);
                format!("controller {name}: none of its {n_ports} can be reached from {from}")
            }
            Thing::Fabric(id) => {
                let name = fabric(self.choice.domains.fabric_name(id));
                let adapters = many(adapters.len() as u32, "adapter");
                format!("{name} is down: {adapters} on {from} and {n_ports} have no usable path")
            }
            Thing::Pair(at) => {
                let pair = &san.pairs[at];
                let adapter = pair.adapter.map(|at| self.adapter_name(at)).unwrap_or_default();
                let port = pair.port.map(|at| self.port_name(at)).unwrap_or_default();
                if chosen.flapping {
                    return format!("{adapter} to {port}: {}", self.went_and_came(chosen.thing));
                }
                format!("{adapter} reaches {port} no more; both work otherwise")
            }
        };
        if chosen.waning.is_some() { format!("{text} (coming back)") } else { text }
    }

    fn changes(&self, thing: Thing) -> u16 {
        self.choice.pairs_of(thing).into_iter().map(|at| self.choice.changes(at as usize)).max().unwrap_or(0)
    }

    fn went_and_came(&self, thing: Thing) -> String {
        format!("paths went or came {} times in 30 minutes", self.changes(thing))
    }

    fn adapter_values(&self, at: usize) -> Vec<&Adapter> {
        let adapter = &self.choice.san.adapters[at];
        let node = &self.choice.san.nodes[adapter.node];
        let value = node.picture.about.map_or(&[][..], |about| &about.adapters);
        of_value(value, &node.index.adapters[adapter.at]).collect()
    }

    /// Link and counters of an adapter as its node tells them.
    fn link_line(&self, at: usize) -> String {
        let values = self.adapter_values(at);
        let name = self.adapter_name(at);
        let word = values.iter().find_map(|adapter| adapter.link.as_deref()).unwrap_or("not told");
        let mut line = format!("{name}: link {word}");
        let port = &self.choice.san.nodes[self.choice.san.adapters[at].node].index.adapters
            [self.choice.san.adapters[at].at]
            .port;
        if !name.ends_with(&**port) {
            line.push_str(&format!(", port {port}"));
        }
        let counters = values.iter().flat_map(|adapter| &adapter.counters).filter(|(_, n)| *n > 0);
        let counters: Vec<String> = counters.map(|(name, n)| format!("{name} {n}")).collect();
        if !counters.is_empty() {
            line.push_str(&format!("; counters since boot: {}", counters.join(", ")));
        }
        line
    }

    pub fn evidence(&self, chosen: Chosen, count: &Count) -> Vec<String> {
        let san = self.choice.san;
        let mut out = Vec::new();
        let (adapters, ports) = self.ends(chosen.thing);
        let mut kinds = Vec::new();
        for (n, word) in [(count.failed, "failed"), (count.absent, "absent"), (count.undecided, "undecided")]
        {
            if n > 0 {
                kinds.push(format!("{n} {word}"));
            }
        }
        let all: u32 = count.nodes.iter().map(|at| self.paths_of(*at)).sum();
        let luns = count.luns.count_ones(..) as u32;
        if count.paths() > 0 {
            out.push(format!(
                "{} of {all} paths of {}, {}: {}",
                count.paths(),
                self.named_nodes(&count.nodes),
                many(luns, "LUN"),
                kinds.join(", ")
            ));
        } else {
            out.push("all paths over it are usable at the moment".to_owned());
        }
        if count.dead_cells > 0 {
            let names: Vec<String> = count.dead.iter().map(|wwid| self.lun_name(wwid)).collect();
            let more = if count.dead_cells as usize > names.len() { ", …" } else { "" };
            out.push(format!(
                "without any path there: {} ({}{more})",
                many(count.dead_cells, "LUN"),
                names.join(", ")
            ));
        }
        if chosen.flapping {
            out.push(self.went_and_came(chosen.thing));
        }
        match chosen.thing {
            Thing::Adapter(at) => {
                out.push(self.link_line(at));
                self.adapter_evidence(at, &ports, &mut out);
            }
            Thing::Pair(at) => {
                out.extend(san.pairs[at].adapter.map(|at| self.link_line(at)));
                out.push(format!(
                    "usable over the adapter's other ports and over the port's other adapters; {}",
                    many(san.nodes[san.pairs[at].node].index.pairs[san.pairs[at].at].cells, "LUN")
                ));
            }
            Thing::Port(_) | Thing::Controller(_) | Thing::Fabric(_) => {
                let names: Vec<String> = ports.iter().map(|at| self.port_name(*at)).collect();
                out.push(format!("target ports: {}", few(&names)));
                let lines: Vec<String> = adapters.iter().map(|at| self.link_line(*at)).collect();
                out.extend(lines.iter().take(NAMED_MAX).cloned());
                self.port_evidence(chosen.thing, &adapters, &ports, &mut out);
            }
        }
        if chosen.waning.is_some() {
            out.push(
                "some of its paths are usable again; it is taken off the list within a minute".to_owned(),
            );
        }
        if san.silent > 0 {
            out.push(format!(
                "judged by {} that can tell; {} cannot now and count neither for nor against",
                many(san.nodes.len() as u32, "node"),
                many(san.silent as u32, "other")
            ));
        }
        out
    }

    fn paths_of(&self, node: usize) -> u32 {
        self.choice.san.nodes[node].index.patterns.iter().map(|p| p.expected.saturating_mul(p.cells)).sum()
    }

    fn adapter_evidence(&self, at: usize, ports: &BTreeSet<usize>, out: &mut Vec<String>) {
        let san = self.choice.san;
        let users: BTreeSet<usize> = ports
            .iter()
            .flat_map(|port| &san.ports[*port].pairs)
            .map(|pair| &san.pairs[*pair as usize])
            .filter(|pair| pair.sum.good > 0)
            .filter_map(|pair| pair.adapter)
            .collect();
        let names: Vec<String> = users.iter().map(|at| self.adapter_name(*at)).collect();
        if !names.is_empty() {
            out.push(format!("the same target ports are usable from {}", few(&names)));
        } else if san.adapters[at].link != Link::Down && !ports.is_empty() {
            out.push("nobody else who can tell uses these target ports: they, or the way to them, may be down instead".into());
        }
        if san.adapters[at].link == Link::Up {
            out.push(
                "its link is up: rather zoning, the switch behind it, or the array's list of hosts".into(),
            );
        }
    }

    fn port_evidence(
        &self,
        thing: Thing,
        adapters: &BTreeSet<usize>,
        ports: &BTreeSet<usize>,
        out: &mut Vec<String>,
    ) {
        let san = self.choice.san;
        let working = adapters.iter().filter(|at| san.adapters[**at].sum.good > 0).count();
        if working > 0 && !matches!(thing, Thing::Fabric(_)) {
            let of = adapters.len();
            out.push(format!("{working} of {of} adapters that used it work with other target ports"));
        }
        if adapters.len() == 1 {
            out.push("one adapter alone tells of it: its zoning may be to blame instead".into());
        }
        if let Thing::Port(at) = thing
            && let Some(id) = san.ports[at].controller
        {
            out.push(format!("a port of controller {}", self.choice.domains.controller_name(id)));
        }
        if let Thing::Fabric(id) = thing {
            let others: BTreeSet<u16> = san
                .adapters
                .iter()
                .filter(|a| a.sum.good > 0)
                .filter_map(|a| a.fabric)
                .filter(|f| *f != id)
                .collect();
            let names: Vec<String> =
                others.iter().map(|id| fabric(self.choice.domains.fabric_name(*id))).collect();
            if !names.is_empty() {
                out.push(format!("usable paths run over {} alone", names.join(" and ")));
            }
            let arrays: BTreeSet<&str> = ports
                .iter()
                .filter_map(|at| self.choice.domains.array_of_port(san.ports[*at].name))
                .collect();
            if arrays.len() == 1 && adapters.iter().all(|at| san.adapters[*at].link == Link::Up) {
                out.push("all links are up and all ports are one array's: its ports may be down instead of the switch".into());
            }
        }
    }

    pub fn advice(&self, chosen: Chosen) -> Vec<String> {
        let san = self.choice.san;
        let (adapters, ports) = self.ends(chosen.thing);
        let first = match chosen.thing {
            Thing::Adapter(at) => Some(at),
            Thing::Pair(at) => san.pairs[at].adapter,
            _ => adapters.first().copied(),
        };
        let Some(first) = first else { return Vec::new() };
        let node = &san.nodes[san.adapters[first].node];
        let place = advice::Place {
            node: node.name.as_str(),
            host: &self.adapter_object(&san.adapters[first]),
            adapter: &node.index.adapters[san.adapters[first].at],
            port: ports.first().map(|at| &**san.ports[*at].name),
        };
        advice::of_thing(chosen, &place)
    }

    /// Other LUNs with usable paths over the pairs that this LUN lost, on one node.
    fn others_over(&self, node: usize, cell: usize) -> u32 {
        let index = self.choice.san.nodes[node].index;
        let own = &index.patterns[index.cells[cell].pattern as usize];
        let lost: Vec<u16> = own.paths.iter().filter(|part| part.bad() > 0).map(|part| part.pair).collect();
        let over = index
            .patterns
            .iter()
            .filter(|pattern| pattern.paths.iter().any(|part| part.usable > 0 && lost.contains(&part.pair)));
        over.map(|pattern| pattern.cells).sum()
    }

    pub fn lun_summary(&self, lun: &Unmapped<'_>, cell: Option<(usize, usize)>) -> String {
        let name = self.lun_name(lun.wwid);
        let places: Vec<(usize, usize)> = cell.map_or_else(|| lun.cells.clone(), |cell| vec![cell]);
        let where_to = match cell {
            Some((node, _)) => format!("on {}", self.choice.san.nodes[node].name),
            None => format!("on any of {} nodes", lun.cells.len()),
        };
        let others = places.iter().map(|(node, cell)| self.others_over(*node, *cell)).max().unwrap_or(0);
        let io = self.waiting(lun.wwid, &places);
        if others > 0 {
            format!("{name}: no path {where_to}, {io}; its ports carry {}", many(others, "other LUN"))
        } else {
            format!(
                "{name}: no path {where_to}, {io}; its paths there carry nothing else, their ends seem to work"
            )
        }
    }

    /// What becomes of I/O to a LUN that has no path at these places: the worst of them.
    fn waiting(&self, wwid: &Wwid, places: &[(usize, usize)]) -> String {
        let maps = places.iter().filter_map(|(node, _)| {
            let paths = self.picture.nodes.get(self.choice.san.nodes[*node].name)?.paths?;
            paths.lun(wwid)?.map.as_deref()
        });
        let (mut for_ever, mut for_a_time, mut ends) = (false, false, None);
        for map in maps {
            match map.queueing {
                Queueing::On => for_ever = true,
                Queueing::Seconds(_) => ends = ends.max(map.queue_ends),
                Queueing::Checks(1..) => for_a_time = true,
                _ => {}
            }
        }
        match ends {
            _ if for_ever => "I/O queues FOR EVER".to_owned(),
            Some(ends) => format!("I/O queues until {}, then fails", utc(ends)),
            None if for_a_time => "I/O queues for some time, then fails".to_owned(),
            None => "I/O fails".to_owned(),
        }
    }

    pub fn lun_evidence(
        &self,
        lun: &Unmapped<'_>,
        cell: Option<(usize, usize)>,
        count: &Count,
    ) -> Vec<String> {
        let san = self.choice.san;
        let mut out = Vec::new();
        let places: Vec<(usize, usize)> = cell.map_or_else(|| lun.cells.clone(), |cell| vec![cell]);
        for (node, cell) in places.iter().take(NAMED_MAX) {
            let index = san.nodes[*node].index;
            let pattern = &index.patterns[index.cells[*cell].pattern as usize];
            let failed: u32 = pattern.paths.iter().map(|part| u32::from(part.failed)).sum();
            let absent: u32 = pattern.paths.iter().map(|part| u32::from(part.absent)).sum();
            let others = self.others_over(*node, *cell);
            out.push(format!(
                "{}: {failed} failed, {absent} absent, none usable; {} usable over the same adapters and ports",
                san.nodes[*node].name,
                many(others, "other LUN")
            ));
        }
        let here: BTreeSet<usize> = count.nodes.clone();
        let keep: BTreeSet<usize> = (0..san.nodes.len())
            .filter(|at| {
                let index = san.nodes[*at].index;
                let cell = index.cell(lun.wwid);
                !here.contains(at)
                    && cell.is_some_and(|cell| index.patterns[cell.pattern as usize].usable > 0)
            })
            .collect();
        if !keep.is_empty() {
            out.push(format!("{} of {} nodes keep it: {}", keep.len(), lun.carried, self.named_nodes(&keep)));
        } else if cell.is_none() {
            out.push(format!(
                "none of the {} nodes that carried it and can tell has a path to it",
                lun.carried
            ));
        }
        if places.iter().all(|(node, cell)| self.others_over(*node, *cell) == 0) {
            out.push(
                "no other LUN proves that these adapters and ports work together: they may be down instead"
                    .into(),
            );
        } else {
            out.push("so no cable, switch, adapter or controller; the array itself is not asked".into());
        }
        if san.silent > 0 {
            out.push(format!("judged by {} that can tell", many(san.nodes.len() as u32, "node")));
        }
        out
    }

    pub fn lun_advice(&self, lun: &Unmapped<'_>, cell: Option<(usize, usize)>) -> Vec<String> {
        let san = self.choice.san;
        let Some((node, place)) = cell.or_else(|| lun.cells.first().copied()) else { return Vec::new() };
        let index = san.nodes[node].index;
        let pattern = &index.patterns[index.cells[place].pattern as usize];
        let adapters: BTreeSet<u16> =
            pattern.paths.iter().map(|part| index.pairs[usize::from(part.pair)].adapter).collect();
        let ports: Vec<String> = adapters
            .iter()
            .filter_map(|at| index.adapters.get(usize::from(*at)))
            .map(|a| a.port.to_string())
            .collect();
        let node = cell.map(|_| san.nodes[node].name.as_str());
        advice::of_lun(&self.lun_name(lun.wwid), lun.wwid.as_str(), node, &ports)
    }
}
