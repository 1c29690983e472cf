//! Mutes: what people know of and do not want to hear again for now. The document `pathkeeper/mutes`.

use crate::finding::{Code, Finding, Severity};
use crate::ids::{EpochS, NodeName, Wwid};

/// All mutes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mutes {
    /// In the order in which they were given.
    pub entries: Vec<Mute>,
}

/// One mute: findings of this code, with what is given of the scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mute {
    /// Random.
    pub id: String,
    /// The code.
    pub code: Code,
    /// On this node alone.
    pub node: Option<NodeName>,
    /// Of this LUN alone.
    pub wwid: Option<Wwid>,
    /// Of this object alone.
    pub object: Option<String>,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was given.
    pub time: EpochS,
    /// When it ends; `None` = when the finding clears.
    pub until: Option<EpochS>,
    /// How bad the finding was when it was muted: what is worse is not muted.
    pub severity: Severity,
}

impl Mutes {
    /// Marks what is muted now.
    pub fn mark(&self, _findings: &mut [Finding], _now: EpochS) {}
}
