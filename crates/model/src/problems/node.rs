//! What is wrong with nodes and with settings, beside their LUNs.

use std::collections::BTreeMap;

use super::cell::{At, Word};
use super::lun::Short;
use super::lun_words::{by_word, share_lines, shares};
use super::sweep::Sweep;
use super::text::{NAMED_MAX, count, few};
use crate::finding::{Code, Finding, Scope, Severity};
use crate::ids::NodeName;
use crate::local::{HostFacts, Lint, NvmeNative};
use crate::reboot::RebootDoubts;

/// No more sentences about settings are made findings of.
const LINTS_MAX: usize = 64;

/// A setting that hurts, and where it is so.
#[derive(Default)]
struct LintAt<'a> {
    nodes: Vec<&'a NodeName>,
    /// Each place with one of its nodes' words, and how many nodes have it there.
    at: BTreeMap<&'a str, (&'a Lint, u32)>,
}

/// All of them, without those about paths that are fewer than elsewhere.
pub fn findings(sweep: &Sweep<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut lints: BTreeMap<&str, LintAt<'_>> = BTreeMap::new();
    let names_differ = sweep.sums.iter().any(|sum| sum.names_differ);
    for at in sweep.nodes.iter().filter(|at| at.word != Word::Nothing) {
        let Some(paths) = at.node.paths else { continue };
        let facts = &paths.host.facts;
        found.extend(reboot(at, &paths.host.reboot));
        found.extend(nvme(at, &facts.nvme_native));
        found.extend(facts.bypassed.iter().map(|of| {
            let row = sweep.picture.matrix.row_of(&of.wwid);
            let name = row.map_or(of.wwid.as_str(), |row| sweep.name(&row));
            let scope = Scope { path: Some(of.dev.clone()), ..Scope::cell(at.name, &of.wwid) };
            bypassed(at.name, &of.dev, name, &of.what, scope)
        }));
        // Names that are given by each node for itself hurt where they differ, and nowhere else.
        for lint in facts.lints.iter().filter(|lint| names_differ || lint.name != "user_friendly_names") {
            if lints.len() < LINTS_MAX || lints.contains_key(lint.name.as_str()) {
                let of = lints.entry(&lint.name).or_default();
                if of.nodes.last() != Some(&at.name) {
                    of.nodes.push(at.name);
                }
                if of.at.len() < NAMED_MAX || of.at.contains_key(lint.at.as_str()) {
                    of.at.entry(&lint.at).or_insert((lint, 0)).1 += 1;
                }
            }
        }
    }
    found.extend(lints.into_iter().filter_map(|(name, of)| settings(name, &of)));
    let heard = || sweep.nodes.iter().filter(|at| at.word != Word::Nothing);
    let abouts = || heard().filter_map(|at| Some((at.name, at.node.about?)));
    found.extend(drift(heard()));
    found.extend(skew(
        "pathkeeper",
        abouts().filter_map(|(name, about)| Some((about.version_pathkeeper.as_deref()?, name))),
    ));
    found.extend(skew(
        "multipath-tools",
        abouts().filter_map(|(name, about)| Some((about.version_multipath_tools.as_deref()?, name))),
    ));
    found
}

fn reboot(at: &At<'_>, doubts: &RebootDoubts) -> Option<Finding> {
    let reasons = doubts.reasons();
    let first = reasons.first()?;
    let node = at.name;
    let more = reasons.len() - 1;
    let more = if more > 0 { format!(" ({more} more)") } else { String::new() };
    let mut advice = vec![
        format!("DO NOT reboot {node} before this is cured: what it carries now would not all come back"),
        format!("pathkeeper can reboot {node}"),
    ];
    advice.extend(reasons.iter().map(|of| format!("On {node} (this changes something): {}", of.command)));
    Some(Finding {
        evidence: reasons.iter().map(|of| of.what.clone()).collect(),
        advice,
        ..Finding::new(
            Code::NodeRebootUnsafe,
            Severity::Warning,
            Scope::node(node),
            format!("{node} would not come back from a reboot with all of its LUNs: {}{more}", first.what),
        )
    })
}

fn nvme(at: &At<'_>, subsystems: &[NvmeNative]) -> Option<Finding> {
    if subsystems.is_empty() {
        return None;
    }
    let node = at.name;
    let n = count(u32::try_from(subsystems.len()).unwrap_or(u32::MAX), "NVMe subsystem");
    Some(Finding {
        evidence: subsystems
            .iter()
            .take(NAMED_MAX)
            .map(|of| match of.controllers.len() {
                0 => format!("{}: no controller is left", of.nqn),
                _ => format!("{}: {}", of.nqn, few(&of.controllers)),
            })
            .collect(),
        advice: vec![
            format!("On {node}: nvme list-subsys"),
            "dm-multipath takes them instead with nvme_core.multipath=N on the kernel's command line and a reboot; many arrays advise against it".to_owned(),
        ],
        ..Finding::new(
            Code::NvmeNativeUnwatched,
            Severity::Info,
            Scope::node(node),
            format!("{node} has {n} with the kernel's own multipathing: Pathkeeper does not watch them"),
        )
    })
}

fn bypassed(node: &NodeName, dev: &str, name: &str, what: &str, scope: Scope) -> Finding {
    Finding {
        evidence: vec![
            format!("{dev} is one path of {name}; {what}"),
            "what goes by one path alone stops with it, and is written beside the map's users".to_owned(),
        ],
        advice: vec![
            format!("DO NOT activate or mount the same through the map while {dev} is in use"),
            format!("On {node}: lsblk -s /dev/{dev}; findmnt -S /dev/{dev}; pvs -o pv_name,vg_name (only while no LUN queues)"),
            format!("Stop what uses /dev/{dev}, and start it through the map (/dev/mapper/{name})"),
            "LVM took it: let LVM see multipath maps alone (devices/multipath_component_detection, or a filter that refuses their sd devices), then update-initramfs -u".to_owned(),
        ],
        ..Finding::new(
            Code::PathBypassed,
            Severity::Error,
            scope,
            format!("{dev} on {node} is used beside the map of {name}: {what}"),
        )
    }
}

fn settings(name: &str, of: &LintAt<'_>) -> Option<Finding> {
    let (_, (first, _)) = of.at.first_key_value()?;
    let place = |at: &str, lint: &Lint, n: u32| {
        let at = if at.is_empty() { "in force" } else { at };
        format!("{at} ({}): {}", count(n, "node"), lint.why)
    };
    let mut evidence = vec![format!("on {}", few(&of.nodes))];
    evidence.extend(of.at.iter().map(|(at, (lint, n))| place(at, lint, *n)));
    let mut advice: Vec<String> = of.at.values().map(|(lint, _)| lint.advice.clone()).collect();
    advice.sort();
    advice.dedup();
    advice.retain(|line| !line.is_empty());
    advice.push("On each of them, what is in force: multipathd show config local".to_owned());
    advice.push(
        "After a change, multipath -t shows on stderr what it does not understand; only then (this changes something): multipathd reconfigure"
            .to_owned(),
    );
    let at = if first.at.is_empty() { String::new() } else { format!("{}: ", first.at) };
    Some(Finding {
        evidence,
        advice,
        ..Finding::new(Code::ConfigLint, Severity::Warning, Scope::object(name), format!("{at}{}", first.why))
    })
}

/// Nodes of one version whose multipathd runs with other settings.
fn drift<'a>(nodes: impl Iterator<Item = &'a At<'a>>) -> Option<Finding> {
    // Each version has other built-in settings: only equals are compared.
    let mut by_version: BTreeMap<&str, Vec<(String, &NodeName)>> = BTreeMap::new();
    let mut told: BTreeMap<&str, Vec<(&NodeName, &HostFacts)>> = BTreeMap::new();
    for at in nodes {
        let Some(about) = at.node.about else { continue };
        if let Some((version, digest)) =
            about.version_multipath_tools.as_deref().zip(about.config_digest.as_deref())
        {
            let short: String = digest.chars().take(8).collect();
            by_version.entry(version).or_default().push((short, at.name));
            let facts = at.node.paths.map(|paths| &*paths.host.facts);
            if let Some(facts) = facts.filter(|facts| !facts.settings.is_empty()) {
                told.entry(version).or_default().push((at.name, facts));
            }
        }
    }
    let mut evidence = Vec::new();
    let mut summary = None;
    for (version, said) in by_version {
        let said = by_word(said);
        if said.len() < 2 {
            continue;
        }
        let odd: Vec<&NodeName> =
            said.iter().take(said.len() - 1).flat_map(|(_, nodes)| nodes.iter().copied()).collect();
        summary.get_or_insert_with(|| {
            format!("multipathd runs with other settings on {} than elsewhere", few(odd))
        });
        evidence.push(format!(
            "multipath-tools {version}, digests of what is in force (multipathd show config):"
        ));
        evidence.extend(share_lines(&said));
        evidence.extend(told.get(version).map(|told| keys_that_differ(told)).unwrap_or_default());
    }
    Some(Finding {
        evidence,
        advice: vec![
            "On two of them: multipathd show config > /tmp/config.$(hostname), then compare the files"
                .to_owned(),
            "Differences may be meant (a node's own disks in its blacklist): then mute this".to_owned(),
        ],
        ..Finding::new(Code::ConfigDrift, Severity::Warning, Scope::object("multipath.conf"), summary?)
    })
}

/// Which of the settings that nodes publish are not the same, and what they are where.
fn keys_that_differ(told: &[(&NodeName, &HostFacts)]) -> Vec<String> {
    let mut keys: BTreeMap<&str, Vec<(String, &NodeName)>> = BTreeMap::new();
    for (node, facts) in told {
        for of in &facts.settings {
            keys.entry(&of.name).or_default().push((of.value.clone(), node));
        }
    }
    let mut lines = Vec::new();
    let mut left_out = 0_usize;
    for (key, mut said) in keys {
        let silent = told.iter().filter(|(node, _)| !said.iter().any(|(_, of)| of == node));
        let silent: Vec<_> = silent.map(|(node, _)| ("not set".to_owned(), *node)).collect();
        said.extend(silent);
        let said = by_word(said);
        if said.len() < 2 {
            continue;
        }
        if lines.len() >= 2 * NAMED_MAX {
            left_out += 1;
            continue;
        }
        lines.push(format!("{key}: {}", shares(&said)));
    }
    if left_out > 0 {
        lines.push(format!("{left_out} more settings differ"));
    }
    lines
}

fn skew<'a>(of: &str, said: impl Iterator<Item = (&'a str, &'a NodeName)>) -> Option<Finding> {
    let said = by_word(said.map(|(version, node)| (version.to_owned(), node)));
    if said.len() < 2 {
        return None;
    }
    Some(Finding {
        evidence: share_lines(&said),
        advice: vec![format!(
            "Upgrade {of} node by node; until then, what the older one cannot say is not known of its nodes"
        )],
        ..Finding::new(
            Code::VersionSkew,
            Severity::Info,
            Scope::object(of),
            format!("nodes run different versions of {of}: {}", shares(&said)),
        )
    })
}

/// A node with fewer paths or ports than most others, of some LUNs: one finding, for it is one thing to mend.
pub fn uneven(node: &NodeName, luns: &[(&str, Short)]) -> Option<Finding> {
    let (name, first) = luns.first()?;
    let of = |short: &Short| {
        if short.paths < short.usual_paths {
            format!("{} instead of {}", count(short.paths, "path"), short.usual_paths)
        } else {
            format!("{} instead of {}", count(short.ports, "target port"), short.usual_ports)
        }
    };
    let which = match luns.len() {
        1 => (*name).to_owned(),
        n => format!("{n} LUNs"),
    };
    Some(Finding {
        evidence: luns
            .iter()
            .take(NAMED_MAX)
            .map(|(name, short)| format!("{name}: {}", of(short)))
            .chain((luns.len() > NAMED_MAX).then(|| format!("{} more", luns.len() - NAMED_MAX)))
            .collect(),
        advice: vec![
            format!(
                "Is {node} new? Compare its zoning (or its iSCSI portals) with a node that has all paths"
            ),
            format!(
                "On {node}: multipath -ll; grep . /sys/class/fc_host/host*/port_state; iscsiadm -m session"
            ),
            "Fewer are right there: mute this with the reason, and Pathkeeper says when it gets worse"
                .to_owned(),
        ],
        ..Finding::new(
            Code::LunPathsUneven,
            Severity::Warning,
            Scope::node(node),
            format!("{node} has fewer paths than the other nodes to {which}: {}", of(first)),
        )
    })
}
