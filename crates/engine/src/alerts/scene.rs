//! What alerts are judged by.

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_model::NodeName;
use pathkeeper_model::alert::{AlertKey, AlertsValue};
use pathkeeper_model::finding::Finding;

/// A node, as far as alerts care.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NodeSeen {
    /// On the store's list of members.
    pub member: bool,
    /// Online by that list, believed or not.
    pub online: bool,
    /// Its own word stands for it now: its report is fresh.
    pub heard: bool,
    /// And that word tells of its LUNs: its multipathd answers, it has settled after its boot, no LUN on it is unknown.
    pub sees_luns: bool,
}

/// All that is seen.
#[derive(Debug)]
pub struct Scene<'a> {
    /// What is wrong, worst first, also what does not count.
    pub findings: &'a [Finding],
    /// Of what was told: what is no finding by itself any more, since this listed cause explains it.
    pub explained: BTreeMap<AlertKey, AlertKey>,
    /// Of what was told: LUNs on nodes that are unknown now.
    pub unknown: BTreeSet<AlertKey>,
    /// Every known node.
    pub nodes: BTreeMap<NodeName, NodeSeen>,
    /// Everything that the store holds was told once.
    pub listed: bool,
    /// The list of members cannot be believed, or the store cannot be read.
    pub doubted: bool,
    /// What each node has told, this one too.
    pub values: BTreeMap<NodeName, &'a AlertsValue>,
}

impl Scene<'_> {
    /// Everything can be seen.
    pub fn is_whole(&self) -> bool {
        self.listed && !self.doubted
    }

    pub(super) fn node(&self, name: &str) -> Option<NodeSeen> {
        self.nodes.iter().find(|(node, _)| node.as_str() == name).map(|(_, seen)| *seen)
    }
}
