//! What is wrong with nodes and their values, in words. LUN findings and causes come from the matrix elsewhere.

use std::collections::BTreeMap;

use pathkeeper_model::detail::DETAIL_KEY;
use pathkeeper_model::finding::{Code, Finding, Scope, Severity};
use pathkeeper_model::fresh::FRESH_KEY;
use pathkeeper_model::local::DaemonEnd;
use pathkeeper_model::matrix::Matrix;
use pathkeeper_model::node_value::DaemonWord;
use pathkeeper_model::problems::utc;
use pathkeeper_model::report::part_key;
use pathkeeper_model::{EpochS, NodeName, Now};

use super::Space;
use super::node::{Belief, NodeRecord, Terms, WAITING_MAX_MS};

/// More names than this in one line help nobody.
const NAMES_MAX: usize = 8;

/// A clock that is further off than this is worth a word.
const SKEW_S: i64 = 30;

/// Whether the node says that its multipathd gave its maps.
pub(super) fn multipathd_answers(record: &NodeRecord) -> bool {
    record.about.as_ref().is_some_and(|about| about.daemon == DaemonWord::Running)
}

/// Why a node's report is not believed, for a person; empty when it is.
pub(super) fn why_not_fresh(record: &NodeRecord, belief: Belief, terms: Terms, now: Now) -> String {
    let age = || match record.age_ms(now) {
        Some(ms) => format!("nothing new from it for {} s", ms / 1000),
        None => "its report was already of no believable age when first seen".into(),
    };
    match belief {
        Belief::Fresh => String::new(),
        Belief::Stale => match waits_for_parts(record, now) {
            Some(parts) => format!("{}; {parts}", age()),
            None => age(),
        },
        Belief::Silent if left_to_nobody(record) => {
            "it leaves its report to another program, and that has reported nothing".into()
        }
        Belief::Silent if record.about.is_some() => "it has no maps and never had".into(),
        Belief::Silent if terms.trusted => "it is online, and no agent of it has reported".into(),
        Belief::Silent => "nothing is heard of it, and membership cannot be believed now".into(),
        Belief::Unusable => record.unusable.as_ref().map(|(_, why)| why.clone()).unwrap_or_default(),
        Belief::Twins => "two agents write under its name by turns".into(),
        Belief::Offline if record.member.is_none() => "it is not a member of the cluster".into(),
        Belief::Offline => "the cluster says that it is offline".into(),
    }
}

/// Whether the node's own word stands for it now: a report, or where it has no maps what it says of itself.
pub(super) fn speaks(record: &NodeRecord, belief: Belief) -> bool {
    match belief {
        Belief::Fresh => true,
        Belief::Silent => record.about.is_some() && !left_to_nobody(record),
        _ => false,
    }
}

/// The node has maps, leaves reporting to another program, and that has not reported: nobody speaks for them.
pub(super) fn left_to_nobody(record: &NodeRecord) -> bool {
    let Some(about) = &record.about else { return false };
    record.whole.is_none() && about.report_by.is_some() && about.maps != Some(0)
}

/// What lacks of a report that should be whole by now.
fn waits_for_parts(record: &NodeRecord, now: Now) -> Option<String> {
    let waiting = record.waiting.filter(|waiting| now.mono.since(waiting.since) >= WAITING_MAX_MS)?;
    Some(format!(
        "{} of {} parts of a newer report are here, for {} s and more",
        waiting.have,
        waiting.want,
        WAITING_MAX_MS / 1000
    ))
}

/// What is known of the store itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct AboutStore<'a> {
    /// Why the list of members cannot be believed, and since when.
    pub doubt: Option<&'a (String, EpochS)>,
    pub space: Option<Space>,
}

/// Findings about store and nodes, behind those that are known already.
pub(super) fn all(
    nodes: &BTreeMap<NodeName, NodeRecord>,
    matrix: &Matrix,
    store: AboutStore<'_>,
    mut found: Vec<Finding>,
    terms: Terms,
    now: Now,
) -> Vec<Finding> {
    about_store(nodes, store, terms, now, &mut found);
    for (name, record) in nodes {
        about_node(name, record, matrix, terms, now, &mut found);
        if speaks(record, record.belief(terms, now)) {
            super::alerts::failing_sinks(name, record, &mut found);
        }
    }
    found
}

fn about_store(
    nodes: &BTreeMap<NodeName, NodeRecord>,
    store: AboutStore<'_>,
    terms: Terms,
    now: Now,
    found: &mut Vec<Finding>,
) {
    let finding = |code, severity, summary: String, evidence, advice: &[&str], since| Finding {
        evidence,
        advice: advice.iter().map(|line| (*line).to_owned()).collect(),
        since,
        ..Finding::new(code, severity, Scope::default(), summary)
    };
    if let Some((why, since)) = store.doubt {
        let unseen: Vec<&str> = nodes
            .iter()
            .filter(|(_, record)| {
                let belief = record.belief(terms, now);
                !speaks(record, belief)
            })
            .map(|(name, _)| name.as_str())
            .collect();
        let seen = nodes.len() - unseen.len();
        let what = match unseen.len() {
            0 => "every known node is still heard; whether others are there cannot be known".to_owned(),
            n @ 1..=NAMES_MAX => {
                format!("not heard: {}; {seen} of {} nodes are", unseen.join(", "), seen + n)
            }
            n => format!("{n} nodes are not heard; {seen} are"),
        };
        found.push(finding(
            Code::StorePartial,
            Severity::Error,
            format!("this node's view of the cluster is partial: {what}"),
            vec![why.clone()],
            &[
                "pathkeeper doctor, on this node: is the store there, and does it have quorum?",
                "Look from another node: pathkeeper status there may see more.",
            ],
            Some(*since),
        ));
    }
    if let Some(Space { used_bytes, limit_bytes, full }) = store.space
        && (full || used_bytes >= limit_bytes / 2)
    {
        let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
        let (severity, summary) = if full {
            (Severity::Error, "the store is full and takes nothing more: what is shown ages".to_owned())
        } else {
            (Severity::Warning, "the store's database is over half of what it may grow to".to_owned())
        };
        found.push(finding(
            Code::StoreSpace,
            severity,
            summary,
            vec![format!("{} used of {}", mib(used_bytes), mib(limit_bytes))],
            &["docs/findings.md, STORE_SPACE: compaction, defragmentation, what fills it."],
            None,
        ));
    }
}

struct Words {
    code: Code,
    severity: Severity,
    object: Option<String>,
    summary: String,
    evidence: Vec<String>,
    advice: Vec<String>,
}

fn about_node(
    name: &NodeName,
    record: &NodeRecord,
    matrix: &Matrix,
    terms: Terms,
    now: Now,
    found: &mut Vec<Finding>,
) {
    let belief = record.belief(terms, now);
    let mut push = |words: Words| {
        found.push(Finding {
            evidence: words.evidence,
            advice: words.advice,
            ..Finding::new(
                words.code,
                words.severity,
                Scope { object: words.object, ..Scope::node(name) },
                words.summary,
            )
        });
    };
    let report_time = record.whole.as_ref().and_then(|w| w.time);
    let mut last_report = Vec::new();
    if let Some(time) = report_time {
        last_report.push(format!("its last report was read at {}", utc(time)));
    }
    let carried = matrix.node_tally(name).total();
    if carried > 0 {
        last_report.push(format!("LUNs that it carried or should carry: {carried}; on it they read unknown"));
    }
    match belief {
        Belief::Offline => push(Words {
            code: Code::NodeOffline,
            severity: Severity::Warning,
            object: None,
            summary: match record.member {
                Some(_) => format!("{name} is offline: what it carries is unknown"),
                None => {
                    format!("{name} has a report and is no member of the cluster: what it carries is unknown")
                }
            },
            evidence: last_report,
            advice: vec![
                format!(
                    "DO NOT take over what {name} carries before it is certain that it is off: two writers lose data"
                ),
                format!(
                    "If {name} should be up: look at its console, its power, its network and the cluster's membership"
                ),
            ],
        }),
        Belief::Stale => push(Words {
            code: Code::NodeStale,
            severity: Severity::Warning,
            object: None,
            summary: format!("{name} is online, and its report is too old to be believed"),
            evidence: std::iter::once(format!(
                "nothing new from it for over {} s",
                terms.stale_after_ms / 1000
            ))
            .chain(waits_for_parts(record, now))
            .chain(last_report)
            .collect(),
            advice: vec![
                "DO NOT take the LUNs' last known states for the present ones".into(),
                format!(
                    "On {name}: systemctl status pathkeeper; journalctl -u pathkeeper -n 50; pathkeeper doctor"
                ),
            ],
        }),
        Belief::Twins => push(Words {
            code: Code::NodeTwins,
            severity: Severity::Error,
            object: None,
            summary: format!("two agents report as {name}: its cells are unknown"),
            evidence: record
                .twins
                .map_or_else(Vec::new, |(a, b, _)| vec![format!("instances {a} and {b} write by turns")]),
            advice: vec![
                format!("Find the second machine (or container) that calls itself {name}."),
                "Give it its own name: node in /etc/pathkeeper/pathkeeper.toml, or its host name.".into(),
            ],
        }),
        Belief::Silent if record.about.is_none() && terms.trusted => {
            // One word for the node, whatever should be there.
            let expected = matrix.node_tally(name).total();
            let spoke = record.detail.is_some();
            push(Words {
                code: Code::NodeSilent,
                severity: if spoke { Severity::Error } else { Severity::Warning },
                object: None,
                summary: match expected {
                    0 => format!("{name} is online, and no agent of it has reported"),
                    1 => format!("{name} is online and should carry 1 LUN, and no agent of it has reported"),
                    n => {
                        format!("{name} is online and should carry {n} LUNs, and no agent of it has reported")
                    }
                },
                evidence: if spoke {
                    vec!["it has published its maps and paths before".to_owned()]
                } else {
                    Vec::new()
                },
                advice: vec![if spoke {
                    format!(
                        "On {name}: systemctl status pathkeeper; journalctl -u pathkeeper -n 50: why did it end?"
                    )
                } else {
                    format!("On {name} (this changes something): systemctl enable --now pathkeeper")
                }],
            });
        }
        Belief::Unusable => {}
        Belief::Fresh | Belief::Silent => {
            about_multipathd(name, record, matrix, &mut push);
        }
    }
    if let Some((_, why)) = record.unusable.as_ref().filter(|_| belief != Belief::Offline) {
        push(Words {
            code: Code::ReportMalformed,
            severity: Severity::Warning,
            object: Some("multipath".into()),
            summary: format!("{name}'s report cannot be used: its cells are unknown"),
            evidence: vec![why.clone()],
            advice: vec![format!(
                "Compare pathkeeper --version on {name} and here; see what else writes under its name."
            )],
        });
    }
    if let Some(why) = waits_for_parts(record, now).filter(|_| record.unusable.is_none()) {
        push(Words {
            code: Code::ReportMalformed,
            severity: Severity::Warning,
            object: Some("multipath parts".into()),
            summary: format!("a newer report of {name} is not whole: its last whole one stands"),
            evidence: vec![why],
            advice: vec![format!("On {name}: journalctl -u pathkeeper -n 50 (values that were not taken).")],
        });
    }
    if let Some((part, stamp)) = record.returned {
        push(Words {
            code: Code::ReportMalformed,
            severity: Severity::Info,
            object: Some("multipath parts".into()),
            summary: format!("an older value of {name} stands in the store: its newer report counts"),
            evidence: vec![format!(
                "{} is of its report {} (instance {}), which was followed by others",
                part_key(part),
                stamp.seq,
                stamp.instance
            )],
            advice: vec!["Was the store restored from a backup? The node's next report mends it.".into()],
        });
    }
    let problems = record.whole.as_ref().map(|w| &w.problems).filter(|p| !p.is_empty());
    if let Some(problems) = problems {
        push(Words {
            code: Code::ReportMalformed,
            severity: Severity::Warning,
            object: Some("multipath entries".into()),
            summary: format!("{} entries of {name}'s report are malformed", problems.count()),
            evidence: problems.list().iter().map(|p| p.what.clone()).collect(),
            advice: vec![format!("Compare pathkeeper --version on {name} and here.")],
        });
    }
    let detail_why = record.detail_unusable.as_ref().map(|(_, why)| why.clone());
    let beside = [
        (DETAIL_KEY, &detail_why, "{name}'s published maps and paths cannot be read: an earlier list stands"),
        ("multipath-node", &record.about_unusable, "what {name} says of itself cannot be read"),
        (FRESH_KEY, &record.marker_unusable, "{name}'s word that its report still holds cannot be read"),
    ];
    for (key, why, summary) in beside {
        let Some(why) = why else { continue };
        push(Words {
            code: Code::ReportMalformed,
            severity: Severity::Warning,
            object: Some(key.into()),
            summary: summary.replace("{name}", name.as_str()),
            evidence: vec![why.clone()],
            advice: vec![format!("Compare pathkeeper --version on {name} and here.")],
        });
    }
    let by = record.about.as_ref().and_then(|about| about.report_by.as_deref());
    if let Some(by) = by.filter(|_| belief != Belief::Offline) {
        let program = if by == "pve" { "Proxmox VE's own multipath series" } else { by };
        let nobody = left_to_nobody(record);
        let rest = if nobody { ", and that has reported nothing: its LUNs are unknown" } else { "" };
        push(Words {
            code: Code::NodeStepsBack,
            severity: if nobody { Severity::Error } else { Severity::Info },
            object: None,
            summary: format!("Pathkeeper on {name} leaves report and applying to {program}{rest}"),
            evidence: Vec::new(),
            advice: if nobody {
                vec![format!("On {name}: systemctl status pvestatd; journalctl -u pvestatd -n 50")]
            } else {
                Vec::new()
            },
        });
    }
    if belief == Belief::Fresh && record.about.as_ref().is_some_and(|about| about.over_budget) {
        push(Words {
            code: Code::NodeBudget,
            severity: Severity::Info,
            object: None,
            summary: format!(
                "{name} has more to say than the store bears: it reports every 10 s, what is worse at once"
            ),
            evidence: Vec::new(),
            advice: vec![format!(
                "Something flaps on {name}, or it carries very many LUNs: pathkeeper watch --node {name}"
            )],
        });
    }
    let settling = record.about.as_ref().map_or(0, |about| about.settling);
    if belief == Belief::Fresh && settling > 0 {
        let luns =
            if settling == 1 { "a LUN of it has".into() } else { format!("{settling} LUNs of it have") };
        push(Words {
            code: Code::NodeSettling,
            severity: Severity::Info,
            object: None,
            summary: format!("{name} is settling: it has just booted, and {luns} no map yet"),
            evidence: Vec::new(),
            advice: vec!["Wait: two minutes after the boot what is still not there reads missing.".into()],
        });
    }
    if let Some(skew) = record.skew_s.filter(|s| s.saturating_abs() > SKEW_S && belief == Belief::Fresh) {
        let (off, side) = (skew.saturating_abs(), if skew > 0 { "ahead of" } else { "behind" });
        push(Words {
            code: Code::NodeClockSkew,
            severity: Severity::Warning,
            object: None,
            summary: format!("{name}'s clock is {off} s {side} this node's"),
            evidence: Vec::new(),
            advice: vec!["timedatectl on both; Pathkeeper itself decides nothing by wall clocks.".into()],
        });
    }
}

/// What the kernel alone says of the node's maps, in the words of its last published read.
fn kernel_count(record: &NodeRecord) -> Option<String> {
    let maps = record.paths.as_ref()?.luns.iter().filter_map(|lun| lun.map.as_deref()?.kernel_paths);
    let (mut alive, mut all, mut n) = (0_u32, 0_u32, 0_u32);
    for (active, total) in maps {
        alive = alive.saturating_add(u32::from(active));
        all = all.saturating_add(u32::from(total));
        n = n.saturating_add(1);
    }
    (n > 0).then(|| format!("kernel: {alive} of {all} paths of {n} maps alive, unchecked"))
}

/// How it ended, as far as that can be known without asking systemd.
fn daemon_end(daemon: DaemonWord, record: &NodeRecord) -> Option<String> {
    if daemon != DaemonWord::Stopped {
        return None;
    }
    let end = record.paths.as_ref().and_then(|paths| paths.host.facts.daemon_end);
    let words = match end {
        Some(DaemonEnd::Broken) => {
            "its pid file is still there: it was killed or crashed (the signal is known to systemd alone)"
        }
        Some(DaemonEnd::InOrder) => {
            "its pid file is gone: it was told to end (systemctl stop, multipathd shutdown), or was not started since the boot"
        }
        None => "how it ended is not known here",
    };
    Some(words.to_owned())
}

fn about_multipathd(name: &NodeName, record: &NodeRecord, matrix: &Matrix, push: &mut impl FnMut(Words)) {
    let Some(about) = &record.about else { return };
    let (code, what) = match about.daemon {
        DaemonWord::Running | DaemonWord::Unknown => return,
        DaemonWord::Absent => {
            if matrix.node_tally(name).total() == 0 {
                return;
            }
            (Code::MultipathdAbsent, "multipath-tools is not there")
        }
        DaemonWord::Stopped => (Code::MultipathdDown, "multipathd is not running"),
        DaemonWord::Refused => (Code::MultipathdDown, "multipathd refuses to answer"),
        DaemonWord::Hung => (Code::MultipathdHung, "multipathd hangs"),
        DaemonWord::Reconfiguring => {
            (Code::MultipathdHung, "multipathd is busy configuring and gives no maps")
        }
        DaemonWord::Unreadable => (Code::MultipathdHung, "multipathd's answer cannot be read"),
    };
    let consequence = match matrix.node_tally(name).total() {
        0 => "nobody checks its paths".to_owned(),
        1 => "nobody checks the paths of its LUN; one that fails stays failed".to_owned(),
        n => format!("nobody checks the paths of its {n} LUNs; one that fails stays failed"),
    };
    push(Words {
        code,
        severity: Severity::Error,
        object: None,
        summary: format!("{name}: {what}; {consequence}"),
        evidence: about
            .daemon_why
            .iter()
            .cloned()
            .chain(daemon_end(about.daemon, record))
            .chain(kernel_count(record))
            .collect(),
        advice: match code {
            Code::MultipathdAbsent => vec![
                "DO NOT copy /etc/multipath/wwids or bindings from another node".into(),
                format!("On {name} (this changes something): apt-get install multipath-tools"),
            ],
            Code::MultipathdDown => vec![
                format!("DO NOT reboot {name} for it, and do not run multipath -F"),
                "DO NOT ask multipathd show … whether it runs: on Debian 12 asking starts it, and how it ended is lost".into(),
                format!("On {name}: systemctl status multipathd; journalctl -u multipathd -n 50: how did it end?"),
                format!("On {name} (this changes something): systemctl start multipathd"),
            ],
            _ => vec![
                "DO NOT restart it while a map has no path and queues, unless its users may get I/O errors".into(),
                "DO NOT send it reconfigure or other commands: they queue up behind the one that hangs".into(),
                format!("On {name}: ps -o pid,stat,wchan:32,etime,cmd -C multipathd; journalctl -u multipathd -n 50; dmesg | tail -50"),
                format!("State T is stopped; on {name} (this changes something): kill -CONT PID wakes it. State D waits for a device: cure that first"),
            ],
        },
    });
}
