//! Words for what is wrong with one LUN on one node.

use super::cell::{At, Cell, Word};
use super::missing;
use super::sweep::{Candidate, Sweep};
use super::text::{NAMED_MAX, count, few, guest, utc, word};
use crate::expect::By;
use crate::finding::{Code, Finding, Scope};
use crate::ids::NodeName;
use crate::local::Queueing;
use crate::matrix::RowRef;
use crate::names::Names;
use crate::topology::{LunSeen, NodePaths, PathWord, Route};

/// What a candidate says.
pub fn finding(sweep: &Sweep<'_>, candidate: &Candidate) -> Option<Finding> {
    let (at, row, cell) = sweep.cell(candidate)?;
    let (severity, code) = candidate.kind();
    let told = Told { sweep, at, row: *row, cell, name: sweep.name(row) };
    let words = match code {
        Code::LunMissing => missing::words(&told),
        Code::LunFailed => failed(&told),
        Code::LunQueueing => queueing(&told),
        Code::QueueWithoutDaemon => queue_without_daemon(&told),
        Code::LunLastPath => last_path(&told),
        Code::LunDegraded => degraded(&told),
        Code::LunBelowExpected => below_expected(&told),
        Code::LunSuspended => suspended(&told),
        Code::PathContradiction => contradiction(&told),
        Code::LunSingleFabric => single(&told, "fabric"),
        Code::LunSingleHba => single(&told, "adapter"),
        Code::LunSingleController => single(&told, "controller"),
        _ => return None,
    };
    let Words { summary, evidence, advice } = words;
    let scope = Scope::cell(at.name, row.wwid());
    Some(Finding { evidence, advice, ..Finding::new(code, severity, scope, summary) })
}

/// A finding's texts.
#[derive(Default)]
pub struct Words {
    /// One line.
    pub summary: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What to do next.
    pub advice: Vec<String>,
}

/// One cell, to be told.
pub struct Told<'s, 'a> {
    /// All else.
    pub sweep: &'s Sweep<'a>,
    /// The node.
    pub at: &'s At<'a>,
    /// The LUN.
    pub row: RowRef<'a>,
    /// What is known of both.
    pub cell: Cell<'a>,
    /// What people call the LUN.
    pub name: &'a str,
}

impl Told<'_, '_> {
    /// The node's name.
    pub fn node(&self) -> &NodeName {
        self.at.name
    }

    /// What `multipath -ll` takes on the node.
    pub fn map_name(&self) -> String {
        let map = self.cell.seen.and_then(|seen| seen.map.as_deref());
        word(map.map_or(self.row.wwid().as_str(), |map| &map.name))
    }

    /// A shell's words for the devices of its paths on the node.
    fn slaves(&self) -> String {
        match self.cell.seen.and_then(|seen| seen.map.as_ref()?.dm.as_deref()) {
            Some(dm) => format!("$(ls /sys/block/{dm}/slaves)"),
            None => {
                format!("$(ls /sys/block/$(basename $(readlink -f /dev/mapper/{}))/slaves)", self.map_name())
            }
        }
    }

    /// Who is hit: guests of the node that use the LUN, else who has it open.
    pub fn hit(&self, out: &mut Vec<String>) {
        let picture = self.sweep.picture;
        let mut storages: Vec<&str> = Vec::new();
        if let Some(of) = picture.expectations.of(self.row.wwid()) {
            for by in &of.by {
                if let By::Storages(ids) = by {
                    storages.extend(ids.iter().map(String::as_str));
                }
            }
        }
        if storages.is_empty() {
            storages.extend(self.row.used_by());
        }
        let all = picture.guests.all.iter().flat_map(|all| all.values());
        let here = all.filter(|guest| guest.node == *self.at.name);
        let mut on_it =
            here.filter(|guest| storages.iter().any(|id| guest.storages.contains(*id))).peekable();
        if on_it.peek().is_some() {
            out.push(format!("guests of {} on it: {}", self.node(), few(on_it.map(guest))));
        } else if let Some(open) =
            self.cell.seen.and_then(|seen| seen.map.as_ref()?.open_count).filter(|n| *n > 0)
        {
            out.push(format!("its map on {} is open, {}", self.node(), count(open, "time")));
        }
    }

    /// How many paths are there, how the others fare, and who else carries the LUN.
    fn state(&self, out: &mut Vec<String>) {
        let Cell { usable, known, expected, .. } = self.cell;
        let absent = expected - known;
        let absent = if absent > 0 { format!(", {absent} absent") } else { String::new() };
        out.push(format!(
            "{usable} of {expected} paths usable: {} not usable{absent}",
            known.saturating_sub(usable)
        ));
        if self.cell.word == Word::KernelAlone {
            out.push("multipathd does not answer there: this is the kernel's own count".to_owned());
        }
        if self.cell.is_ahead() {
            out.push("this is its report; its paths one by one are still to be published".to_owned());
        }
        if let Some((paths, seen)) = self.at.paths().zip(self.cell.seen) {
            routes(paths, seen, self.sweep.picture.names, out);
        }
        self.elsewhere(out);
    }

    /// Who else carries the LUN.
    pub fn elsewhere(&self, out: &mut Vec<String>) {
        let (whole, part) = self.sweep.carriers(&self.row, self.at.name);
        if !whole.is_empty() {
            out.push(format!("all paths on {}", few(whole)));
        }
        if !part.is_empty() {
            out.push(format!("some paths on {}", few(part)));
        }
    }

    /// Names of the ports of the node's adapters, as an array's administrator wants them.
    pub fn initiators(&self) -> Vec<&str> {
        let mut ports: Vec<&str> = Vec::new();
        for route in self.at.paths().iter().flat_map(|paths| &paths.routes) {
            if !route.adapter_port.is_empty() && route.adapter.as_deref() != Some(&*route.adapter_port) {
                ports.push(&route.adapter_port);
            }
        }
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// The question for the array's administrator.
    pub fn ask_array(&self) -> String {
        let ports = self.initiators();
        if ports.is_empty() {
            return format!("Array: is the LUN mapped to {}?", self.node());
        }
        format!("Array: is the LUN mapped to {} ({})?", self.node(), few(ports))
    }
}

/// A port with the name that people gave it.
pub fn port(names: &Names, port: &str) -> String {
    match names.ports.get(port).and_then(|named| named.name.as_deref()) {
        Some(name) => format!("{name} ({port})"),
        None if port.is_empty() => "a port that is not known".to_owned(),
        None => port.to_owned(),
    }
}

/// `host7 -> netapp1 ctl1-0f`.
pub fn route_text(names: &Names, route: &Route) -> String {
    let adapter = match route.adapter.as_deref() {
        Some(adapter) => adapter.to_owned(),
        None => port(names, &route.adapter_port),
    };
    format!("{adapter} -> {}", port(names, &route.target_port))
}

/// Each route of a LUN that bears fewer usable paths than it did, and which ones are left.
fn routes(paths: &NodePaths, seen: &LunSeen, names: &Names, out: &mut Vec<String>) {
    let same = |a: &Route, b: &Route| a.adapter_port == b.adapter_port && a.target_port == b.target_port;
    let route = |at: u16| paths.routes.get(usize::from(at));
    // Of each route: usable, down, contradicting, undecided, absent.
    let mut by_route: Vec<(&Route, [u32; 5])> = Vec::new();
    let mut add = |of: &'_ Route, word: usize, n: u32| -> Option<()> {
        let of = paths.routes.iter().find(|route| same(route, of))?;
        let at = match by_route.iter().position(|(route, _)| same(route, of)) {
            Some(at) => at,
            None => {
                by_route.push((of, [0; 5]));
                by_route.len() - 1
            }
        };
        let counts = by_route.get_mut(at)?.1.get_mut(word)?;
        *counts = counts.saturating_add(n);
        Some(())
    };
    for path in &seen.paths {
        let word = match path.word {
            PathWord::Usable => 0,
            PathWord::Down => 1,
            PathWord::Contradiction => 2,
            PathWord::Undecided => 3,
        };
        let _ = route(path.route).and_then(|of| add(of, word, 1));
    }
    for (at, held) in &seen.remembered {
        let Some(of) = route(*at) else { continue };
        let there =
            seen.paths.iter().filter(|path| route(path.route).is_some_and(|other| same(other, of))).count();
        let absent = u32::from(*held).saturating_sub(u32::try_from(there).unwrap_or(u32::MAX));
        if absent > 0 {
            let _ = add(of, 4, absent);
        }
    }
    let words = ["usable", "down", "contradicting", "undecided", "absent: never came back"];
    let lines = by_route.iter().map(|(route, counts)| {
        let said: Vec<String> = words
            .iter()
            .zip(counts)
            .filter(|(_, n)| **n > 0)
            .map(|(word, n)| format!("{n} {word}"))
            .collect();
        format!("{}: {}", route_text(names, route), said.join(", "))
    });
    let total = lines.len();
    out.extend(lines.take(2 * NAMED_MAX));
    if total > 2 * NAMED_MAX {
        out.push(format!("{} more pairs of ports", total - 2 * NAMED_MAX));
    }
}

/// `0 of 4`, or `none` where no number is known.
fn of_expected(cell: &Cell<'_>) -> String {
    match cell.expected {
        0 => "none".to_owned(),
        expected => format!("{} of {expected}", cell.usable),
    }
}

fn seen_and_hit(told: &Told<'_, '_>) -> Vec<String> {
    let mut evidence = Vec::new();
    told.hit(&mut evidence);
    told.state(&mut evidence);
    evidence
}

/// What to look at where a LUN has no path, and how its paths are looked for anew.
fn look_for_paths(told: &Told<'_, '_>, advice: &mut Vec<String>) {
    let (node, map) = (told.node(), told.map_name());
    advice.push(format!("On {node}: multipath -ll {map}; dmesg | tail -50"));
    advice.push(told.ask_array());
    advice.push(format!(
        "Mapped and cabled again: paths return within 20 s. If not, on {node} (this changes something): \
         for d in {}; do echo 1 > /sys/block/$d/device/rescan; done",
        told.slaves()
    ));
    advice.push(format!("Removed on purpose: pathkeeper lun retire {}", told.row.wwid()));
}

fn failed(told: &Told<'_, '_>) -> Words {
    let (node, name) = (told.node(), told.name);
    let doubt = told.cell.shown.state != crate::state::State::Failed;
    let mut advice = vec![format!(
        "DO NOT write to {name} from another node to save data of {node}: first be sure that {node} does not write"
    )];
    look_for_paths(told, &mut advice);
    Words {
        summary: if doubt {
            format!("{name}: no path on {node} is certain to work ({})", of_expected(&told.cell))
        } else {
            format!("{name}: no path on {node} ({}), I/O fails", of_expected(&told.cell))
        },
        evidence: seen_and_hit(told),
        advice,
    }
}

fn queueing(told: &Told<'_, '_>) -> Words {
    let (node, name) = (told.node(), told.name);
    let map = told.cell.seen.and_then(|seen| seen.map.as_deref());
    let ends = map.and_then(|map| map.queue_ends);
    let queueing = map.map_or(Queueing::Unknown, |map| map.queueing);
    let counts_down = matches!(queueing, Queueing::Seconds(_) | Queueing::Checks(_));
    let mut evidence = Vec::new();
    told.hit(&mut evidence);
    evidence.push(if counts_down {
        "when the time is over, every I/O that waits gets an error (EIO): file systems of guests go read-only"
            .to_owned()
    } else {
        "nothing ends the waiting by itself: who writes hangs (state D) until a path is back".to_owned()
    });
    told.state(&mut evidence);
    let mut advice = vec![
        format!("DO NOT reboot {node}: its shutdown waits for the same I/O and hangs"),
        format!(
            "DO NOT run vgs, lvs, blkid, multipath -F, multipathd reconfigure or dmsetup remove on {node}: they hang or lose the map"
        ),
        format!(
            "DO NOT run multipathd disablequeueing map {} unless its users may get I/O errors at once: that is the price of ending the wait",
            told.map_name()
        ),
    ];
    look_for_paths(told, &mut advice);
    let what = match (queueing, ends) {
        (Queueing::Seconds(_), Some(ends)) => format!("I/O queues until {}, then fails", utc(ends)),
        (Queueing::Seconds(_), None) => "I/O queues for some seconds more, then fails".to_owned(),
        (Queueing::Checks(checks), _) => {
            format!("I/O queues for {} of multipathd's, then fails", count(checks, "check"))
        }
        _ => "I/O queues FOR EVER".to_owned(),
    };
    Words { summary: format!("{name}: no path on {node}, {what}"), evidence, advice }
}

fn queue_without_daemon(told: &Told<'_, '_>) -> Words {
    let (node, name) = (told.node(), told.name);
    let mut evidence = Vec::new();
    told.hit(&mut evidence);
    evidence.push(
        "the kernel queues, and without multipathd nobody counts retries and nobody brings a path back"
            .to_owned(),
    );
    told.state(&mut evidence);
    Words {
        summary: format!("{name}: no path on {node}, I/O queues and no multipathd is left to end it"),
        evidence,
        advice: vec![
            format!("DO NOT reboot {node}: its shutdown waits for the same I/O and hangs"),
            format!("DO NOT run vgs, lvs, blkid or dmsetup remove on {node}: they hang or lose the map"),
            format!("First the way to the array: cable, switch port, mapping. On {node}: dmesg | tail -50"),
            format!("Then, on {node} (this changes something): systemctl start multipathd; it brings paths back, and counts retries again"),
            "Started without a path it fails waiting I/O when its retries are over (no_path_retry), or goes on queueing".to_owned(),
        ],
    }
}

fn last_path(told: &Told<'_, '_>) -> Words {
    let (node, name) = (told.node(), told.name);
    let names = told.sweep.picture.names;
    let left = told.at.paths().zip(told.cell.seen).and_then(|(paths, seen)| {
        let path = seen.paths.iter().find(|path| path.word == PathWord::Usable)?;
        Some(route_text(names, paths.routes.get(usize::from(path.route))?))
    });
    let mut advice = vec![match &left {
        Some(left) => format!("DO NOT touch {left} of {node}: it carries the last path"),
        None => format!(
            "DO NOT pull or reset anything on the way from {node} to the array before the others are back"
        ),
    }];
    advice.push(format!("On {node}: multipath -ll {}; dmesg | tail -50", told.map_name()));
    advice.push(format!("Guests that can: move them off {node} while the last path holds"));
    advice.push(format!("Then the lost paths: link, cable, switch port, zoning. {}", told.ask_array()));
    Words {
        summary: format!("{name}: last path on {node} ({})", of_expected(&told.cell)),
        evidence: seen_and_hit(told),
        advice,
    }
}

fn degraded(told: &Told<'_, '_>) -> Words {
    let (node, name) = (told.node(), told.name);
    let cell = &told.cell;
    let absent = cell.expected - cell.known;
    let mut summary = format!("{name}: {} of {} paths usable on {node}", cell.usable, cell.expected);
    if cell.usable >= cell.expected {
        summary = format!("{name}: {node} calls it degraded, with {} usable", count(cell.usable, "path"));
    } else if absent > 0 {
        summary.push_str(&format!(", {absent} of the others absent"));
    }
    Words {
        summary,
        evidence: seen_and_hit(told),
        advice: vec![
            format!("On {node}: multipath -ll {}; dmesg | tail -50", told.map_name()),
            "Compare the pairs of ports above: one adapter, one target port, or this LUN alone?".to_owned(),
            format!("What may be touched meanwhile: pathkeeper can offline hba {node}/hostN"),
        ],
    }
}

fn below_expected(told: &Told<'_, '_>) -> Words {
    let (node, name) = (told.node(), told.name);
    let cell = &told.cell;
    let absent = cell.expected - cell.known;
    let goes_by = |names: &[&str]| {
        let routes = told.at.paths().map_or(&[][..], |paths| &paths.routes);
        routes.iter().any(|route| route.transport.as_deref().is_some_and(|name| names.contains(&name)))
    };
    let mut advice = vec![format!("On {node}: multipath -ll {}", told.map_name())];
    if goes_by(&["iscsi"]) {
        advice.push(format!(
            "On {node}: iscsiadm -m session shows the portals that are logged in; for a lost one (this changes something): \
             iscsiadm -m node -T TARGET -p PORTAL --login"
        ));
    } else if goes_by(&["fc", "fcoe"]) {
        advice.push(format!(
            "On {node}: grep . /sys/class/fc_host/host*/port_state /sys/class/fc_remote_ports/*/port_state"
        ));
        advice.push(format!(
            "Is the link up and the zone there, look for devices anew on {node} (this changes something): \
             for h in /sys/class/fc_host/host*; do echo '- - -' > /sys/class/scsi_host/${{h##*/}}/scan; done"
        ));
    } else {
        advice.push(format!(
            "Look for devices anew on {node} (this changes something): \
             for h in /sys/class/scsi_host/host*; do echo '- - -' > $h/scan; done"
        ));
    }
    advice.push(told.ask_array());
    advice.push(format!(
        "If fewer are right from now on: pathkeeper lun ack-paths {} --node {node}",
        told.row.wwid()
    ));
    Words {
        summary: format!(
            "{name}: {} of {} paths known on {node}, {absent} never came back",
            cell.known, cell.expected
        ),
        evidence: seen_and_hit(told),
        advice,
    }
}

fn suspended(told: &Told<'_, '_>) -> Words {
    let (node, name, map) = (told.node(), told.name, told.map_name());
    let mut evidence = Vec::new();
    told.hit(&mut evidence);
    evidence
        .push("device-mapper says suspended: every I/O to the map waits, whatever its paths do".to_owned());
    Words {
        summary: format!("{name}: its map on {node} is suspended, I/O waits"),
        evidence,
        advice: vec![
            format!("DO NOT run vgs, lvs or blkid on {node}: they wait for the same map"),
            format!(
                "On {node}: dmsetup info {map}; ps -eo pid,stat,etime,cmd | grep -E 'dmsetup|multipath|lv'"
            ),
            format!(
                "If nothing works on it any more, on {node} (this changes something): dmsetup resume {map}"
            ),
        ],
    }
}

fn contradiction(told: &Told<'_, '_>) -> Words {
    let (node, name) = (told.node(), told.name);
    let mut evidence = Vec::new();
    let mut n = 0;
    if let Some((paths, seen)) = told.at.paths().zip(told.cell.seen) {
        n = u32::try_from(seen.paths.iter().filter(|path| path.word == PathWord::Contradiction).count())
            .unwrap_or(u32::MAX);
        routes(paths, seen, told.sweep.picture.names, &mut evidence);
    }
    Words {
        summary: format!("{name}: multipathd and the kernel disagree about {} on {node}", count(n, "path")),
        evidence,
        advice: vec![
            format!(
                "On {node}: multipathd show paths format '%d %t %T %o %p %i'; dmsetup status {}",
                told.map_name()
            ),
            format!(
                "If somebody took a path out by hand (multipathd fail path, or state offline), on {node} (this changes something): \
                 multipathd reinstate path sdX"
            ),
        ],
    }
}

fn single(told: &Told<'_, '_>, domain: &str) -> Words {
    let (node, name) = (told.node(), told.name);
    Words {
        summary: format!("{name}: all usable paths on {node} share one {domain}"),
        evidence: seen_and_hit(told),
        advice: vec![
            format!("DO NOT take that {domain} out of service: {name} would lose every path on {node}"),
            format!("On {node}: multipath -ll {}", told.map_name()),
        ],
    }
}
