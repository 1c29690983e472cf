//! Whether a node would come back from a reboot with its LUNs, as far as it tells.

use crate::reboot::Doubt;
use crate::topology::HostSeen;

/// What a node says of its own reboot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ComesBack {
    /// Why it would not come back with all of its LUNs, one sentence each.
    pub doubts: Vec<String>,
    /// It told enough for the absence of doubts to mean something.
    pub told: bool,
}

impl ComesBack {
    /// From what a node publishes.
    pub fn of(host: &HostSeen) -> Self {
        let doubt = |doubt: Doubt| format!("{}; run first: {}", doubt.what, doubt.command);
        let doubts = host.reboot.reasons().into_iter().map(doubt).collect();
        Self { doubts, told: host.facts.daemon_unit.is_some() }
    }
}
