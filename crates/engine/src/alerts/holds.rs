//! How long something has to stand before people are told, and which codes say one and the same thing of a node.

use pathkeeper_model::finding::{Code, Finding, Severity};

/// How long something stands before it is told, milliseconds by kind. The defaults are those of the alert rules for Prometheus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holds {
    /// What hurts guests within seconds or loses data: I/O that queues, two LUNs under one name; and what has been watched
    /// for a while before it is a finding. Not zero: paths are published a moment after the states that they explain.
    pub urgent_ms: u64,
    /// Causes, last paths, multipathd and nodes.
    pub cause_ms: u64,
    /// Any other error.
    pub error_ms: u64,
    /// Any other warning.
    pub warning_ms: u64,
    /// That this node does not see the whole cluster.
    pub view_ms: u64,
}

impl Default for Holds {
    fn default() -> Self {
        Self { urgent_ms: 10_000, cause_ms: 60_000, error_ms: 120_000, warning_ms: 900_000, view_ms: 300_000 }
    }
}

impl Holds {
    /// For this finding.
    pub fn of(&self, finding: &Finding) -> u64 {
        use Code::{
            AlertsFailing, ConfigAbsent, ConfigDrift, ConfigHeld, ConfigInvalid, ConfigLint, ControllerDown,
            FabricDown, HbaDown, LunIdentityMismatch, LunLastPath, LunQueueing, LunSuspended, LunUnmapped,
            MultipathdAbsent, MultipathdDown, MultipathdHung, NodeOffline, NodeSilent, NodeStale, NodeTwins,
            PortFlapping, PortPairDown, QueueWithoutDaemon, StorePartial, StoreSpace, TargetPortDown,
            WindowExceeded,
        };
        match finding.code {
            LunQueueing | QueueWithoutDaemon | LunIdentityMismatch | PortFlapping => self.urgent_ms,
            HbaDown | TargetPortDown | ControllerDown | FabricDown | PortPairDown | LunUnmapped
            | LunLastPath | LunSuspended | MultipathdDown | MultipathdHung | MultipathdAbsent
            | NodeOffline | NodeStale | NodeSilent | NodeTwins | WindowExceeded => self.cause_ms,
            StorePartial | StoreSpace | ConfigAbsent | ConfigDrift | ConfigHeld | ConfigInvalid
            | ConfigLint | AlertsFailing => self.view_ms,
            _ if finding.severity == Severity::Error => self.error_ms,
            _ => self.warning_ms,
        }
    }
}

/// Codes of which one at a time speaks of a node, each in place of another: a node that was offline is stale before it speaks
/// again, a multipathd that hung is killed. While one of them was told the next one is no news.
pub(super) const FAMILIES: &[&[Code]] = &[
    &[Code::NodeOffline, Code::NodeStale, Code::NodeSilent],
    &[Code::MultipathdDown, Code::MultipathdHung, Code::MultipathdAbsent],
];

/// The other codes of its family.
pub(super) fn family(code: &str) -> impl Iterator<Item = Code> + '_ {
    let of = FAMILIES.iter().find(|family| family.iter().any(|member| member.as_str() == code));
    of.into_iter().flat_map(|family| family.iter()).copied().filter(move |member| member.as_str() != code)
}

/// What somebody without a whole view cannot know: it may be himself who is cut off.
pub(super) fn is_absence(code: Code) -> bool {
    matches!(code, Code::NodeOffline | Code::NodeStale | Code::NodeSilent | Code::LunGone)
}

/// Findings that stand by what an observer has seen itself: one that has just begun knows nothing of them.
pub(super) fn is_remembered(code: &str) -> bool {
    code == Code::PortFlapping.as_str()
}

/// About store and configuration: nobody else has to be heard for it.
pub(super) fn is_of_the_store(code: &str) -> bool {
    ["STORE_", "CONFIG_", "STORAGE_"].iter().any(|prefix| code.starts_with(prefix))
}

/// Causes that are of the same thing and wider: what was told as the narrower one is theirs when they stand.
pub(crate) fn wider(code: &str) -> &'static [Code] {
    use Code::{ControllerDown, FabricDown, HbaDown, PortFlapping, PortPairDown, TargetPortDown};
    match Code::parse(code) {
        Some(HbaDown) => &[FabricDown, PortFlapping],
        Some(TargetPortDown) => &[ControllerDown, FabricDown, PortFlapping],
        Some(PortPairDown) => &[HbaDown, TargetPortDown, ControllerDown, FabricDown, PortFlapping],
        Some(ControllerDown) => &[FabricDown],
        _ => &[],
    }
}
