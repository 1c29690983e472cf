//! Everything that findings, causes and answers to questions are made of, as one observer has it at one moment.

use std::collections::BTreeMap;

use crate::expect::Expectations;
use crate::finding::Fingerprint;
use crate::guests::Guests;
use crate::ids::{EpochS, NodeName, Now};
use crate::matrix::Matrix;
use crate::names::Names;
use crate::node_value::NodeValue;
use crate::topology::NodePaths;

/// The cluster, for those who judge it.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// LUNs by nodes, from the reports.
    pub matrix: &'a Matrix,
    /// Who should carry what, and why.
    pub expectations: &'a Expectations,
    /// Every known node.
    pub nodes: &'a BTreeMap<NodeName, NodePicture<'a>>,
    /// Words and fabrics that people gave.
    pub names: &'a Names,
    /// Guests, where somebody tells of them.
    pub guests: &'a Guests,
    /// When this observer first saw each finding that stood at the last evaluation.
    pub first_seen: &'a BTreeMap<Fingerprint, EpochS>,
    /// Whether the list of members can be believed.
    pub members_trusted: bool,
    /// Both clocks.
    pub now: Now,
}

/// One node.
#[derive(Clone, Copy, Debug)]
pub struct NodePicture<'a> {
    /// On the store's list, and online there; `None` = not on it, or it cannot be believed.
    pub online: Option<bool>,
    /// Its report is fresh.
    pub heard: bool,
    /// The finding about the node that swallows what would be said of its LUNs (it is offline, its multipathd hangs…): its
    /// cells are unknown, and one word says why.
    pub swallowed: Option<&'a Fingerprint>,
    /// What it says of itself.
    pub about: Option<&'a NodeValue>,
    /// Its paths, from its last published read, also while it is offline.
    pub paths: Option<&'a NodePaths>,
    /// When its report's read began, its own clock: paths that were read earlier than this lag behind the matrix.
    pub report_time: Option<EpochS>,
    /// How long ago its paths were new, milliseconds.
    pub paths_age_ms: Option<u64>,
}

impl NodePicture<'_> {
    /// Whether its paths tell of now: it is heard, its multipathd answered, and nothing swallows it.
    pub fn paths_count(&self) -> bool {
        self.heard && self.swallowed.is_none() && self.paths.is_some_and(|paths| paths.answered)
    }
}
