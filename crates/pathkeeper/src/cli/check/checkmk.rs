//! Checkmk local checks: `STATE "Service" metrics text`, a line for each service.
//!
//! The lines of the cluster stand under a host of their own (piggyback): each node sends them, and as services of the nodes
//! there would be as many of them as nodes. The section header is repeated at the end, so that the output is good as a
//! plugin's and as a local check's.

use super::words::exit_of;
use super::{Seen, Verdict, What, cluster, lun, node, node_or_own, plain};

const SECTION: &str = "<<<local:sep(0)>>>\n";
/// A report is repeated every 60 s, so that it is as a rule not older than this.
const AGE_WARN_S: u64 = 90;
const AGE_CRITICAL_S: u64 = 180;

/// All that was asked for.
pub fn sections(seen: Seen<'_>, what: &What, piggyback: Option<&str>) -> String {
    let host = piggyback.or(seen.status.view.cluster.as_deref()).unwrap_or("pathkeeper");
    let mut out = SECTION.to_owned();
    match (&what.lun, &what.node) {
        (Some(name), _) => out.push_str(&piggybacked(host, &of_lun(seen, name))),
        (None, Some(name)) => out.push_str(&of_node(seen, node_or_own(seen, name))),
        (None, None) => {
            if !what.cluster {
                out.push_str(&of_node(seen, &seen.status.view.observer));
            }
            out.push_str(&piggybacked(host, &of_cluster(seen)));
        }
    }
    out
}

/// Nobody answers here. Of the cluster other nodes tell; of a node nobody else does.
pub fn silent(why: &str, what: &What) -> String {
    let mut out = SECTION.to_owned();
    if what.lun.is_none() && !what.cluster {
        let here = rustix::system::uname();
        let here = here.nodename().to_string_lossy();
        let host = here.split('.').next().unwrap_or_default();
        let name = what.node.as_deref().filter(|name| !name.is_empty()).unwrap_or(host);
        out.push_str(&service(3, &format!("Pathkeeper node {name}"), "", why));
        out.push_str(&service(3, "Pathkeeper multipathd", "", why));
    }
    out
}

fn piggybacked(host: &str, lines: &str) -> String {
    // A name of Checkmk's: what it does not take becomes an underscore.
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let host: String = host.chars().map(|c| if good(c) { c } else { '_' }).collect();
    format!("<<<<{host}>>>>\n{SECTION}{lines}<<<<>>>>\n{SECTION}")
}

fn service(state: u8, name: &str, metrics: &str, text: &str) -> String {
    let name = plain(name).replace('"', "'");
    let metrics = if metrics.is_empty() { "-" } else { metrics };
    format!("{state} \"{name}\" {metrics} {}\n", plain(text))
}

fn of_cluster(seen: Seen<'_>) -> String {
    let Verdict { exit, text, .. } = cluster::verdict(seen);
    let s = &seen.status.summary;
    let metrics = if seen.status.view.partial {
        String::new()
    } else {
        format!("failed={}|missing={}|degraded={}|unknown={}", s.failed, s.missing, s.degraded, s.unknown)
    };
    service(exit, "Pathkeeper cluster", &metrics, &text)
}

fn of_node(seen: Seen<'_>, name: &str) -> String {
    let service_name = format!("Pathkeeper node {name}");
    let known = match node::known(seen, name) {
        Ok(known) => known,
        Err(verdict) => {
            return service(3, &service_name, "", &verdict.text)
                + &service(3, "Pathkeeper multipathd", "", &verdict.text);
        }
    };
    let (usable, all) = known.paths;
    let metrics = format!("usable={usable};{all}:;{}:|expected={all}", all / 2);
    let daemon = known.row.multipathd.as_deref().unwrap_or("unknown");
    let age = known.row.report_age_s;
    let late = match age {
        Some(s) if s >= AGE_CRITICAL_S => 2,
        Some(s) if s >= AGE_WARN_S => 1,
        _ => 0,
    };
    let state = match daemon {
        "running" => late,
        "absent" if known.luns == 0 => 0,
        "absent" | "stopped" | "hung" | "refused" | "unreadable" => 2,
        "reconfiguring" => 1,
        _ => exit_of("unknown"),
    };
    let why = known.row.multipathd_why.as_deref().filter(|_| daemon != "running");
    let tools = known.row.multipath_tools.as_deref().map_or_else(String::new, |v| format!("{v} "));
    let words = match why {
        Some(why) => format!("{tools}{daemon}: {why}"),
        None => format!("{tools}{daemon}, {} maps", known.luns),
    };
    let age = age.map_or_else(String::new, |s| format!("age={s};{AGE_WARN_S};{AGE_CRITICAL_S}"));
    service(known.exit, &service_name, &metrics, &known.text())
        + &service(state, "Pathkeeper multipathd", &age, &words)
}

fn of_lun(seen: Seen<'_>, name: &str) -> String {
    let Verdict { exit, text, .. } = lun::verdict(seen, name);
    service(exit, &format!("Pathkeeper LUN {name}"), "", &text)
}
