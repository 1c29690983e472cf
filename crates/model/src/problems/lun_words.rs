//! Words for what nodes together show of one LUN.

use std::collections::BTreeMap;

use super::cell::At;
use super::lun::{Sum, maps, texts};
use super::sweep::Sweep;
use super::text::{few, size, word};
use crate::finding::{Code, Finding, Fingerprint, Scope, Severity};
use crate::ids::NodeName;
use crate::matrix::RowRef;
use crate::topology::{LunSeen, MapSeen, has_stranger, is_nonoptimal, is_resized};

/// Growing a LUN is work for so long; then somebody forgot a node.
const GROWTH_S: i64 = 15 * 60;

type OnNode<'a> = (At<'a>, &'a LunSeen, &'a MapSeen);

/// All findings of one LUN on all nodes.
pub fn findings(sweep: &Sweep<'_>, row: &RowRef<'_>, sum: &Sum<'_>, found: &mut Vec<Finding>) {
    let on = maps(&sweep.nodes, row);
    let name = sweep.name(row);
    if sum.identity_differs {
        found.extend(identity(name, row, &on));
    }
    if sum.sizes_differ() {
        found.push(sizes(sweep, name, row, &on));
    } else if sum.resize {
        found.extend(resize(name, row, &on));
    }
    if sum.names_differ {
        found.push(names(row, &on));
    }
    if sum.nonoptimal {
        found.extend(nonoptimal(name, row, &on));
    }
}

fn about(code: Code, severity: Severity, row: &RowRef<'_>, summary: String) -> Finding {
    Finding::new(code, severity, Scope::lun(row.wwid()), summary)
}

/// Who says what; who is alone with his word comes first.
pub fn by_word<'a>(
    said: impl IntoIterator<Item = (String, &'a NodeName)>,
) -> Vec<(String, Vec<&'a NodeName>)> {
    let mut out: Vec<(String, Vec<&NodeName>)> = Vec::new();
    for (word, node) in said {
        match out.iter_mut().find(|(other, _)| *other == word) {
            Some((_, nodes)) => nodes.push(node),
            None => out.push((word, vec![node])),
        }
    }
    out.sort_by_key(|(_, nodes)| nodes.len());
    out
}

/// `500 GiB on pve1, 750 GiB on 3 nodes`.
pub fn shares(shares: &[(String, Vec<&NodeName>)]) -> String {
    few(shares.iter().map(|(word, nodes)| match nodes.as_slice() {
        [] | [_] | [_, _] => format!("{word} on {}", few(nodes)),
        _ => format!("{word} on {} nodes", nodes.len()),
    }))
}

/// A line for each word.
pub fn share_lines(shares: &[(String, Vec<&NodeName>)]) -> Vec<String> {
    shares
        .iter()
        .take(super::text::NAMED_MAX)
        .map(|(word, nodes)| format!("{word}: {}", few(nodes)))
        .collect()
}

fn identity(name: &str, row: &RowRef<'_>, on: &[OnNode<'_>]) -> Option<Finding> {
    let mut evidence = Vec::new();
    let mut what = None;
    for (at, label) in ["vendor", "product", "serial"].into_iter().enumerate() {
        let said = on.iter().filter_map(|(node, _, map)| {
            let text = texts(&map.identity).get(at).copied().filter(|text| !text.is_empty())?;
            Some((format!("{label} {text}"), node.name))
        });
        let said = by_word(said);
        if said.len() > 1 {
            what.get_or_insert_with(|| shares(&said));
            evidence.extend(share_lines(&said));
        }
    }
    let strangers: Vec<&NodeName> =
        on.iter().filter(|(_, seen, _)| has_stranger(seen)).map(|(at, _, _)| at.name).collect();
    if !strangers.is_empty() {
        let paths = || on.iter().flat_map(|(_, seen, _)| &seen.paths);
        let says = [
            (paths().any(|path| path.other_wwid), "WWID"),
            (paths().any(|path| path.other_serial), "serial number"),
            (paths().any(|path| path.other_product), "vendor or product"),
        ];
        let says = few(says.into_iter().filter(|(any, _)| *any).map(|(_, word)| word));
        let line = format!("a path says another {says} than its map on {}", few(&strangers));
        what.get_or_insert_with(|| line.clone());
        evidence.push(line);
    }
    let what = what?;
    let nodes: Vec<&NodeName> = on.iter().map(|(at, _, _)| at.name).collect();
    evidence.push(
        "one name, two LUNs: what one node writes lands in another LUN, or only on some of the paths"
            .to_owned(),
    );
    Some(Finding {
        evidence,
        advice: vec![
            format!("DO NOT start, move or restore anything on {name}, and do not run fsck or vgck on it"),
            format!("Stop what writes to {name} on {}: guests first, then the storage", few(&nodes)),
            format!(
                "On each node: for d in $(ls /sys/block/$(basename $(readlink -f /dev/mapper/{}))/slaves); do \
                 echo $d $(cat /sys/block/$d/device/wwid /sys/block/$d/device/vendor) $(tail -c +5 /sys/block/$d/device/vpd_pg80); done",
                word(name)
            ),
            "Array: which LUN has this WWID, and was another one mapped under the same LUN number?".to_owned(),
            "A device that shows what was there before is cured by deleting it and looking for it anew (this changes something): \
             echo 1 > /sys/block/sdX/device/delete; then echo '- - -' > /sys/class/scsi_host/hostN/scan"
                .to_owned(),
        ],
        ..about(
            Code::LunIdentityMismatch,
            Severity::Error,
            row,
            format!("{name}: NOT THE SAME LUN everywhere: {what}"),
        )
    })
}

/// A map that is larger than what is left of its LUN.
fn is_short(map: &MapSeen) -> bool {
    is_resized(map) && map.path_size_bytes.zip(map.size_bytes).is_some_and(|((least, _), size)| least < size)
}

/// Nodes whose paths have another size than their map.
fn resized_lines(on: &[OnNode<'_>]) -> Vec<String> {
    let lines = on.iter().filter(|(_, _, map)| is_resized(map)).map(|(at, _, map)| {
        let (least, most) = map.path_size_bytes.unwrap_or_default();
        let paths = if least == most { size(least) } else { format!("{} to {}", size(least), size(most)) };
        format!("{}: paths {paths}, map {}", at.name, size(map.size_bytes.unwrap_or(0)))
    });
    lines.take(super::text::NAMED_MAX).collect()
}

fn resize_on(at: &At<'_>, map: &MapSeen) -> String {
    let slaves = match map.dm.as_deref() {
        Some(dm) => format!("/sys/block/{dm}/slaves"),
        None => format!("/sys/block/$(basename $(readlink -f /dev/mapper/{}))/slaves", word(&map.name)),
    };
    format!(
        "On {} (this changes something): for d in $(ls {slaves}); do echo 1 > /sys/block/$d/device/rescan; done; \
         multipathd resize map {}",
        at.name,
        word(&map.name)
    )
}

fn sizes(sweep: &Sweep<'_>, name: &str, row: &RowRef<'_>, on: &[OnNode<'_>]) -> Finding {
    let known = on.iter().filter_map(|(at, _, map)| Some((map.size_bytes.filter(|n| *n > 0)?, at.name)));
    let most = known.clone().map(|(bytes, _)| bytes).max().unwrap_or(0);
    let said = by_word(known.map(|(bytes, node)| (size(bytes), node)));
    let shrank = on.iter().any(|(_, _, map)| is_short(map));
    let code = Code::LunSizeMismatch;
    let since = sweep.picture.first_seen.get(&Fingerprint { code, scope: Scope::lun(row.wwid()) });
    let stood_s = since.map_or(0, |since| sweep.picture.now.wall.0.saturating_sub(since.0));
    let mut evidence = share_lines(&said);
    evidence.extend(resized_lines(on));
    let mut advice = vec![format!(
        "DO NOT run pvresize, and do not grow a file system on {name}, before all nodes show one size"
    )];
    if shrank {
        evidence.push(
            "its paths are smaller than its map: what lies behind their end is gone for that node".to_owned(),
        );
        advice.push(format!("DO NOT resize the map to the smaller size while {name} is in use: the end of its data would be cut off"));
        advice
            .push("Array: was the LUN shrunk, or replaced by a smaller one? Grow it back first.".to_owned());
    } else {
        evidence.push(format!("safe to pvresize: NO, not all nodes show {}", size(most)));
        let behind = on.iter().filter(|(_, _, map)| map.size_bytes.is_some_and(|bytes| bytes < most));
        advice.extend(behind.take(super::text::NAMED_MAX).map(|(at, _, map)| resize_on(at, map)));
        advice.push(format!("Then look: pathkeeper lun show {}", word(name)));
    }
    let severity = if shrank || stood_s > GROWTH_S { Severity::Error } else { Severity::Warning };
    Finding { evidence, advice, ..about(code, severity, row, format!("{name}: {}", shares(&said))) }
}

fn resize(name: &str, row: &RowRef<'_>, on: &[OnNode<'_>]) -> Option<Finding> {
    let mut pending = on.iter().filter(|(_, _, map)| is_resized(map)).peekable();
    let (_, _, first) = pending.peek()?;
    let (least, most) = first.path_size_bytes?;
    let map_size = first.size_bytes?;
    let shrank = on.iter().any(|(_, _, map)| is_short(map));
    let paths = if shrank { least } else { most };
    let nodes: Vec<&NodeName> = pending.clone().map(|(at, _, _)| at.name).collect();
    let mut advice = Vec::new();
    if shrank {
        advice.push(format!("DO NOT run multipathd resize map on {name} while it is in use: the end of its data would be cut off"));
        advice
            .push("Array: was the LUN shrunk, or replaced by a smaller one? Grow it back first.".to_owned());
    } else {
        advice.push(format!("DO NOT run pvresize on {name} before every node's map has the new size"));
        advice.extend(pending.take(super::text::NAMED_MAX).map(|(at, _, map)| resize_on(at, map)));
    }
    Some(Finding {
        evidence: resized_lines(on),
        advice,
        ..about(
            Code::LunResizePending,
            if shrank { Severity::Error } else { Severity::Warning },
            row,
            format!(
                "{name}: paths show {} on {}, its map still has {}",
                size(paths),
                few(nodes),
                size(map_size)
            ),
        )
    })
}

/// Nodes whose map of a LUN has another size than most (of two as frequent the larger one counts), or than its own paths.
pub fn of_another_size<'a>(nodes: &[At<'a>], row: &RowRef<'a>) -> Vec<&'a NodeName> {
    let on = maps(nodes, row);
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    for bytes in on.iter().filter_map(|(_, _, map)| map.size_bytes) {
        *counts.entry(bytes).or_default() += 1;
    }
    let usual = counts.iter().max_by_key(|(bytes, nodes)| (**nodes, **bytes)).map(|(bytes, _)| *bytes);
    let is_other = |map: &MapSeen| is_resized(map) || map.size_bytes.is_some_and(|own| Some(own) != usual);
    on.iter().filter(|(_, _, map)| is_other(map)).map(|(at, _, _)| at.name).collect()
}

fn names(row: &RowRef<'_>, on: &[OnNode<'_>]) -> Finding {
    let said = by_word(on.iter().map(|(at, _, map)| (map.name.to_string(), at.name)));
    Finding {
        evidence: share_lines(&said),
        advice: vec![
            "DO NOT rename a map that something names by /dev/mapper (LVM filters, fstab, guests) before that is changed".to_owned(),
            format!(
                "One name on all nodes: multipaths {{ multipath {{ wwid \"{}\" alias NAME }} }} in /etc/multipath.conf of each, \
                 then (this changes something): multipathd reconfigure",
                row.wwid()
            ),
        ],
        ..about(
            Code::LunNameMismatch,
            Severity::Warning,
            row,
            format!("{}: its map is called {}", row.alias().unwrap_or(row.wwid().as_str()), shares(&said)),
        )
    }
}

fn nonoptimal(name: &str, row: &RowRef<'_>, on: &[OnNode<'_>]) -> Option<Finding> {
    let of: Vec<&OnNode<'_>> = on.iter().filter(|(_, seen, map)| is_nonoptimal(map, seen)).collect();
    let (at, _, map) = of.first()?;
    let nodes: Vec<&NodeName> = of.iter().map(|(at, _, _)| at.name).collect();
    let groups = map
        .groups
        .iter()
        .map(|(priority, active)| format!("priority {priority}{}", if *active { ", in use" } else { "" }));
    Some(Finding {
        evidence: vec![
            format!("path groups on {}: {}", at.name, few(groups)),
            "the group of higher priority has a usable path, and I/O does not go over it: the LUN is slower, and its controllers are loaded unevenly".to_owned(),
        ],
        advice: vec![
            format!("On {}: multipath -ll {}; multipathd show maps format '%n %F' (failback)", at.name, word(&map.name)),
            "failback manual waits for a person; failback immediate or a number of seconds goes back by itself".to_owned(),
            format!("To go back now, on {} (this changes something): multipathd switchgroup map {} group N", few(&nodes), word(&map.name)),
        ],
        ..about(
            Code::PathNonoptimal,
            Severity::Warning,
            row,
            format!("{name}: I/O on {} goes over a non-optimised group, and an optimised one is usable", few(&nodes)),
        )
    })
}
