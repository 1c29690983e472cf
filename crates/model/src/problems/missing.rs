//! Why a LUN that should be on a node is not assembled there: one of five reasons, each with its own cure.

use super::cell_words::{Told, Words, port};
use super::text::{NAMED_MAX, count, few, word};
use crate::topology::{LooseSeen, LooseWhy, NodePaths};

/// The reason, as far as the node tells.
enum Reason<'a> {
    /// The node publishes nothing of its devices.
    Untold,
    /// A rule excludes it.
    Blacklisted(Option<&'a str>),
    /// Something else holds its device.
    Claimed(&'a LooseSeen, &'a str),
    /// multipathd takes only what its wwids file names.
    NotInWwids,
    /// multipathd has everything that it needs, and made no map.
    MapFailed,
    /// There is no device of it.
    NoDevice,
    /// The map is there by now, and its report is to follow.
    Assembled,
    /// The map was there when the paths were published, and the report is newer.
    Awaited,
}

/// Whether the words tell of somebody who holds the device, and not only of what lies on it.
fn holds(used_by: &str) -> bool {
    ["mounted", "swap", "LVM (", "md", "dm-", "in use", "held", "open"]
        .iter()
        .any(|start| used_by.starts_with(start))
}

fn reason<'a>(told: &Told<'_, 'a>) -> Reason<'a> {
    let Some(_) = told.at.paths() else { return Reason::Untold };
    let Some(seen) = told.cell.seen else { return Reason::NoDevice };
    if seen.map.is_some() {
        let published = told.at.paths().and_then(|paths| paths.read_at);
        let is_older = published.zip(told.at.node.report_time).is_some_and(|(paths, report)| paths < report);
        return if is_older { Reason::Awaited } else { Reason::Assembled };
    }
    if seen.loose.is_empty() {
        return Reason::NoDevice;
    }
    if let Some(excluded) = seen.loose.iter().find(|loose| loose.because == LooseWhy::Blacklisted) {
        return Reason::Blacklisted(excluded.rule.as_deref());
    }
    let held =
        seen.loose.iter().find_map(|loose| Some((loose, loose.used_by.as_deref().filter(|by| holds(by))?)));
    match held {
        Some((loose, by)) => Reason::Claimed(loose, by),
        None if seen.in_wwids == Some(false) => Reason::NotInWwids,
        None => Reason::MapFailed,
    }
}

/// What a missing LUN's finding says.
pub fn words(told: &Told<'_, '_>) -> Words {
    let (node, name, wwid) = (told.node(), told.name, word(told.row.wwid().as_str()));
    let loose = told.cell.seen.map_or(&[][..], |seen| &seen.loose);
    let devices = count(u32::try_from(loose.len()).unwrap_or(u32::MAX), "device");
    let first = loose.first().map_or("sdX", |loose| &*loose.dev);
    let mut evidence = Vec::new();
    told.hit(&mut evidence);
    for device in loose.iter().take(NAMED_MAX) {
        let on_it = device.used_by.as_ref().map(|by| format!(": {by}")).unwrap_or_default();
        evidence.push(format!("{node} has {}{on_it}", device.dev));
    }
    let reason = reason(told);
    let (what, advice) = match &reason {
        Reason::Untold => {
            evidence.push(format!("{node} publishes nothing of its devices, so the reason is not known"));
            (
                "why is not known".to_owned(),
                vec![format!(
                    "On {node}: multipathd show paths; grep {wwid} /etc/multipath/wwids; lsblk -o NAME,WWN,MOUNTPOINT"
                )],
            )
        }
        Reason::Assembled => {
            evidence.push("its published paths show a map by now: the next report tells".to_owned());
            ("its map is to be reported".to_owned(), vec![format!("On {node}: multipath -ll {wwid}")])
        }
        Reason::Awaited => {
            evidence.push(
                "its map went since the node published its paths: why will be known within 30 s".to_owned(),
            );
            (
                "its map has just gone".to_owned(),
                vec![format!("On {node}: multipath -ll {wwid}; journalctl -u multipathd -n 20")],
            )
        }
        Reason::NotInWwids => {
            evidence.push(format!("its WWID is not in {node}:/etc/multipath/wwids, and multipathd takes only what is (find_multipaths strict)"));
            (
                format!("{devices} seen, its WWID is not in {node}:/etc/multipath/wwids"),
                vec![
                    format!("DO NOT mount or use {first} meanwhile: it is one path of {name}"),
                    format!("On {node}: lsblk /dev/{first} (nothing may be mounted on it)"),
                    format!(
                        "On {node} (this changes something): multipath -a /dev/{first} && multipathd reconfigure; then multipath -ll {wwid}"
                    ),
                    format!(
                        "It must be found after a reboot too: on {node} (this changes something): update-initramfs -u"
                    ),
                ],
            )
        }
        Reason::Blacklisted(rule) => {
            let rule = rule.unwrap_or("which rule is not known");
            evidence.push(format!("a blacklist rule excludes it: {rule}"));
            (
                format!("{devices} seen, blacklisted ({rule})"),
                vec![
                    format!(
                        "On {node}: multipathd show blacklist; multipath -v3 -d /dev/{first} 2>&1 | grep -i blacklist"
                    ),
                    format!(
                        "Take the rule out, or except the LUN by a rule of the same kind (an exception saves from rules of its own kind alone): \
                         blacklist_exceptions {{ {} }} in /etc/multipath/conf.d/; then on {node} (this changes something): multipathd reconfigure",
                        exception(rule, told.row.wwid().as_str())
                    ),
                ],
            )
        }
        Reason::Claimed(device, by) => {
            evidence
                .push(format!("{} is in use by itself ({by}), so device-mapper cannot take it", device.dev));
            (
                format!("{} is held by something else: {by}", device.dev),
                vec![
                    format!("DO NOT assemble it by force: what is on {} writes beside the other nodes' maps", device.dev),
                    format!("On {node}: lsblk -s /dev/{0}; findmnt -S /dev/{0}; ls /sys/block/{0}/holders", device.dev),
                    format!(
                        "Stop what uses {} (unmount; vgchange -an; mdadm --stop), then on {node} (this changes something): \
                         multipath -a /dev/{first} && multipathd reconfigure",
                        device.dev
                    ),
                    "LVM took it: give LVM a filter that refuses sd devices of multipath LUNs, and update the initramfs".to_owned(),
                ],
            )
        }
        Reason::MapFailed => {
            if told.cell.seen.is_some_and(|seen| seen.in_wwids.is_none()) {
                evidence.push(format!("whether {node}:/etc/multipath/wwids names it is not known"));
            } else {
                evidence.push(format!("{node}:/etc/multipath/wwids names it, no rule excludes it, and nothing is known to hold it"));
            }
            (
                format!("{devices} seen, no map was made"),
                vec![
                    format!(
                        "On {node}: journalctl -u multipathd -n 50; dmesg | tail -50; multipath -v3 -d /dev/{first}"
                    ),
                    format!(
                        "On {node} (this changes something): multipathd add map {wwid}; look with multipath -ll {wwid}, whatever it replies"
                    ),
                ],
            )
        }
        Reason::NoDevice => no_device(told, &mut evidence),
    };
    told.elsewhere(&mut evidence);
    Words { summary: format!("{name}: not assembled on {node}, {what}"), evidence, advice }
}

/// What saves a LUN from a rule, in the configuration's own words.
fn exception(rule: &str, wwid: &str) -> String {
    match rule.split(' ').next().unwrap_or_default() {
        "devnode" => "devnode \"^sd\"".to_owned(),
        "protocol" => "protocol \"scsi:…\"".to_owned(),
        "property" | "no" => "property \"…\"".to_owned(),
        "device" => "device { vendor \"…\" product \"…\" }, each on lines of its own,".to_owned(),
        _ => format!("wwid \"{wwid}\""),
    }
}

/// No device of it: zoning, masking, or a session that is not there. Other LUNs by the same ports tell which.
fn no_device(told: &Told<'_, '_>, evidence: &mut Vec<String>) -> (String, Vec<String>) {
    let (node, wwid) = (told.node(), word(told.row.wwid().as_str()));
    let here = told.at.paths();
    let wanted = target_ports(told);
    let reached = here.map(|paths| reached(paths, &wanted)).unwrap_or_default();
    let mut advice = Vec::new();
    let names = told.sweep.picture.names;
    let what;
    if wanted.is_empty() {
        what = "no device of it".to_owned();
    } else if reached.is_empty() {
        what = "no device of it, and none of its target ports is reached".to_owned();
        evidence.push(format!("its target ports: {}", few(wanted.iter().map(|name| port(names, name)))));
        evidence.push(format!("{node} has no device behind any of them: zoning, cable, or session"));
        advice.push(format!("Zoning or network: does {node} reach these ports? {}", told.ask_array()));
    } else {
        what = "no device of it, though its target ports are reached".to_owned();
        evidence
            .push(format!("{node} has other LUNs by {}", few(reached.iter().map(|name| port(names, name)))));
        evidence.push("so it is the mapping of this LUN on the array, or a rescan that lacks".to_owned());
        advice.push(told.ask_array());
    }
    let iscsi =
        here.is_some_and(|paths| paths.routes.iter().any(|r| r.transport.as_deref() == Some("iscsi")));
    if iscsi {
        advice.push(format!(
            "On {node}: iscsiadm -m session; then (this changes something): iscsiadm -m session --rescan"
        ));
    } else {
        advice.push(format!(
            "Look for devices anew on {node} (this changes something): \
             for h in /sys/class/scsi_host/host*; do echo '- - -' > $h/scan; done"
        ));
    }
    advice.push(format!("On {node}, then: multipath -ll {wwid}"));
    advice.push(format!("It should not be there: pathkeeper lun retire {} --node {node}", told.row.wwid()));
    (what, advice)
}

/// Target ports by which the LUN is or was reached: from this node, else from any.
fn target_ports(told: &Told<'_, '_>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let of = |at: &super::cell::At<'_>, out: &mut Vec<String>| {
        let Some(paths) = at.node.paths else { return };
        let Some(seen) = paths.lun(told.row.wwid()) else { return };
        let routes =
            seen.paths.iter().map(|path| path.route).chain(seen.remembered.iter().map(|(route, _)| *route));
        for route in routes.filter_map(|route| paths.routes.get(usize::from(route))) {
            if !route.target_port.is_empty() && !out.iter().any(|port| **port == *route.target_port) {
                out.push(route.target_port.to_string());
            }
        }
    };
    of(told.at, &mut out);
    for at in &told.sweep.nodes {
        if !out.is_empty() {
            break;
        }
        of(at, &mut out);
    }
    out.sort_unstable();
    out
}

/// Those of the ports behind which the node has a device of any LUN.
fn reached(paths: &NodePaths, wanted: &[String]) -> Vec<String> {
    let is_used = |route: u16| {
        paths.luns.iter().any(|lun| {
            lun.paths.iter().any(|path| path.route == route)
                || lun.loose.iter().any(|loose| loose.route == Some(route))
        })
    };
    let mut out: Vec<String> = Vec::new();
    for (at, route) in (0_u16..).zip(&paths.routes) {
        if wanted.iter().any(|port| **port == *route.target_port) && is_used(at) {
            out.push(route.target_port.to_string());
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}
