//! What is wrong with nodes and with settings, beside their LUNs.

use std::collections::BTreeMap;

use super::cell::{At, Word};
use super::lun::Short;
use super::lun_words::{by_word, share_lines, shares};
use super::sweep::Sweep;
use super::text::{NAMED_MAX, count, few};
use crate::finding::{Code, Finding, Scope, Severity};
use crate::ids::NodeName;
use crate::node_value::NodeValue;

/// No more sentences about settings are made findings of.
const LINTS_MAX: usize = 64;
/// A sentence's name is never longer.
const LINT_NAME_BYTES_MAX: usize = 64;

/// All of them, without those about paths that are fewer than elsewhere.
pub fn findings(sweep: &Sweep<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut lints: BTreeMap<&str, Vec<&NodeName>> = BTreeMap::new();
    for at in sweep.nodes.iter().filter(|at| at.word != Word::Nothing) {
        let Some(paths) = at.node.paths else { continue };
        found.extend(reboot(at, &paths.host.reboot_doubts));
        found.extend(nvme(at, &paths.host.nvme_native));
        found.extend(paths.host.bypassed.iter().map(|(dev, wwid, what)| {
            let row = sweep.picture.matrix.row_of(wwid);
            let name = row.map_or(wwid.as_str(), |row| sweep.name(&row));
            let scope = Scope { path: Some(dev.clone()), ..Scope::cell(at.name, wwid) };
            bypassed(at.name, dev, name, what, scope)
        }));
        for lint in &paths.host.lint {
            if lints.len() < LINTS_MAX || lints.contains_key(lint.as_str()) {
                lints.entry(lint).or_default().push(at.name);
            }
        }
    }
    found.extend(lints.into_iter().map(|(lint, nodes)| settings(lint, &nodes)));
    let abouts = || {
        sweep
            .nodes
            .iter()
            .filter(|at| at.word != Word::Nothing)
            .filter_map(|at| Some((at.name, at.node.about?)))
    };
    found.extend(drift(abouts()));
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

fn reboot(at: &At<'_>, doubts: &[String]) -> Option<Finding> {
    let first = doubts.first()?;
    let node = at.name;
    let more = doubts.len() - 1;
    let more = if more > 0 { format!(" ({more} more)") } else { String::new() };
    Some(Finding {
        evidence: doubts.iter().take(NAMED_MAX).cloned().collect(),
        advice: vec![
            format!("DO NOT reboot {node} before this is cured: what it carries now would not come back"),
            format!("pathkeeper can reboot {node}"),
            format!(
                "WWIDs that lack in /etc/multipath/wwids, on {node} (this changes something): multipath -a /dev/sdX for a path of each"
            ),
            format!(
                "An initramfs that is older than the configuration, on {node} (this changes something): update-initramfs -u"
            ),
            format!(
                "What does not start by itself, on {node} (this changes something): systemctl enable multipathd; iscsiadm -m node -o update -n node.startup -v automatic"
            ),
        ],
        ..Finding::new(
            Code::NodeRebootUnsafe,
            Severity::Warning,
            Scope::node(node),
            format!("{node} would not come back from a reboot with all of its LUNs: {first}{more}"),
        )
    })
}

fn nvme(at: &At<'_>, subsystems: &[String]) -> Option<Finding> {
    if subsystems.is_empty() {
        return None;
    }
    let node = at.name;
    let n = count(u32::try_from(subsystems.len()).unwrap_or(u32::MAX), "NVMe subsystem");
    Some(Finding {
        evidence: subsystems.iter().take(NAMED_MAX).cloned().collect(),
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

/// What names a sentence from one evaluation to the next: what stands before its colon.
fn lint_name(lint: &str) -> &str {
    let name = lint.split(':').next().unwrap_or(lint).trim();
    let mut end = name.len().min(LINT_NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default()
}

fn settings(lint: &str, nodes: &[&NodeName]) -> Finding {
    Finding {
        evidence: vec![format!("on {}", few(nodes))],
        advice: vec![
            "On each of them: multipathd show config local (what is in force); grep -rn SETTING /etc/multipath.conf /etc/multipath/conf.d".to_owned(),
            "After a change, multipath -t shows on stderr what it does not understand; only then (this changes something): multipathd reconfigure".to_owned(),
        ],
        ..Finding::new(Code::ConfigLint, Severity::Warning, Scope::object(lint_name(lint)), lint.to_owned())
    }
}

/// Nodes of one version whose multipathd runs with other settings.
fn drift<'a>(abouts: impl Iterator<Item = (&'a NodeName, &'a NodeValue)>) -> Option<Finding> {
    // Each version has other built-in settings: only equals are compared.
    let mut by_version: BTreeMap<&str, Vec<(String, &NodeName)>> = BTreeMap::new();
    for (node, about) in abouts {
        if let Some((version, digest)) =
            about.version_multipath_tools.as_deref().zip(about.config_digest.as_deref())
        {
            let short: String = digest.chars().take(8).collect();
            by_version.entry(version).or_default().push((short, node));
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
