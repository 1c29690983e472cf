//! What to do about a cause: commands that only read first, and whether they were ever run in a lab.

use super::choose::{Chosen, Thing};
use super::index::AdapterAt;

/// Where to look.
pub(super) struct Place<'a> {
    pub node: &'a str,
    /// `host7`, or the port's name.
    pub host: &'a str,
    pub adapter: &'a AdapterAt,
    pub port: Option<&'a str>,
}

/// No lab of ours has Fibre Channel.
const NEVER_RUN: &str = "(never run in a lab: none with Fibre Channel was at hand)";

/// Commands that show an adapter's side.
fn look(place: &Place<'_>) -> Vec<String> {
    let Place { node, host, adapter, .. } = place;
    match adapter.transport.as_deref() {
        Some("iscsi") => vec![
            format!("on {node}, look at the sessions: iscsiadm -m session -P 1"),
            format!("on {node}, look at the network: ip -br address; ip -s link"),
        ],
        Some("fc" | "fcoe") => {
            let at = if host.starts_with("host") { *host } else { "host*" };
            vec![
                format!(
                    "on {node}, look at the link: grep . /sys/class/fc_host/{at}/port_state /sys/class/fc_host/{at}/speed {NEVER_RUN}"
                ),
                format!(
                    "on {node}, look at the counters: grep . /sys/class/fc_host/{at}/statistics/* {NEVER_RUN}"
                ),
                format!(
                    "on {node}, look at what it sees: grep . /sys/class/fc_remote_ports/rport-*/port_state {NEVER_RUN}"
                ),
            ]
        }
        _ => vec![format!(
            "on {node}, look at what the kernel said: journalctl -k --since -1h --grep '{host}|sd '"
        )],
    }
}

pub(super) fn of_thing(chosen: Chosen, place: &Place<'_>) -> Vec<String> {
    let mut out = look(place);
    let port = place.port.unwrap_or("the target port");
    out.push(match (chosen.flapping, chosen.thing) {
        (true, _) => "a port that goes and comes: change SFP and cable first, one end at a time; multipathd calls such \
                      paths marginal or shaky only if its settings say so"
            .to_owned(),
        (_, Thing::Adapter(_)) if place.adapter.transport.as_deref() == Some("iscsi") => {
            "check the NIC, its cable and its switch port; sessions come back by themselves, if they are logged in".to_owned()
        }
        (_, Thing::Adapter(_)) => "check SFP, cable and switch port, then zoning".to_owned(),
        (_, Thing::Port(_)) => format!("on the array and on its switch, look at port {port}"),
        (_, Thing::Controller(_)) => "on the array, look at the controller: was it taken over, is it restarting?".to_owned(),
        (_, Thing::Fabric(_)) => "look at the switches of this fabric; do not touch the other one, all I/O runs there".to_owned(),
        (_, Thing::Pair(_)) => format!("look at the zone of this adapter and {port}, and, with iSCSI, whether the session is logged in"),
    });
    out.push(
        "paths come back by themselves within some 20 s of the repair; nothing needs to be restarted"
            .to_owned(),
    );
    out
}

pub(super) fn of_lun(name: &str, wwid: &str, node: Option<&str>, ports: &[String]) -> Vec<String> {
    let to = node.map_or_else(|| "the hosts".to_owned(), |node| format!("the host group of {node}"));
    let mut out = vec![format!("on the array: is {name} ({wwid}) there, online, and mapped to {to}?")];
    if node.is_some() && !ports.is_empty() {
        out.push(format!("the host's ports: {}", ports.join(" ")));
    }
    let on = node.unwrap_or("a node");
    out.push(format!(
        "on {on}, what the kernel was told: journalctl -k --since -1h --grep 'Logical unit not supported|sd '"
    ));
    out.push("mapped again, paths come back within some 20 s; deleted devices come back after a rescan of the hosts".to_owned());
    out.push(format!("removed on purpose: pathkeeper lun retire {wwid}"));
    out
}
