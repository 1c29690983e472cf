//! Causes: what one broken thing explains of the failed and absent paths of all nodes.

use crate::finding::Finding;
use crate::ids::{NodeName, Wwid};
use crate::picture::Picture;

/// What was found out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Causes {
    list: Vec<Finding>,
}

/// What causes and fault domains say of one LUN on one node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CellCauses {
    /// Usable paths.
    pub usable: u32,
    /// Paths that the map has.
    pub known: u32,
    /// Paths that should be there: known ones and those that the ledger remembers beside them.
    pub expected: u32,
    /// Of those that are not usable or absent, how many a listed cause explains.
    pub explained: u32,
    /// Places in [`Causes::list`] of the causes that explain them, the one with the most paths first.
    pub causes: Vec<u32>,
    /// Adapters over which usable paths run, and over which paths run or ran.
    pub hbas: (u32, u32),
    /// Fabrics, the same; (0, 0) where they are not known.
    pub fabrics: (u32, u32),
    /// Controllers, the same; (0, 0) where they are not known.
    pub controllers: (u32, u32),
}

impl Causes {
    /// Finds causes over failed and absent paths. `before` are those of the last time, with their `since`: a cause that was
    /// named stays named while it still explains what it did.
    pub fn find(_picture: &Picture<'_>, _before: &Causes) -> Self {
        Self::default()
    }

    /// The causes, worst first, with what each explains.
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// The same, to be completed with what hangs under each.
    pub fn list_mut(&mut self) -> &mut [Finding] {
        &mut self.list
    }

    /// One cell; `None` where nothing is known of its paths.
    pub fn cell(&self, _node: &NodeName, _wwid: &Wwid) -> Option<CellCauses> {
        None
    }
}
