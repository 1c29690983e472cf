//! Maintenance windows: what is expected to be away for a while. The document `pathkeeper/windows`.

use crate::cause::Causes;
use crate::finding::Finding;
use crate::ids::{EpochS, NodeName, Wwid};
use crate::picture::Picture;

/// All windows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Windows {
    /// In the order in which they were given.
    pub entries: Vec<Window>,
}

/// One window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// Random.
    pub id: String,
    /// On what is worked.
    pub on: WindowOn,
    /// From when.
    pub from: EpochS,
    /// Until when.
    pub until: EpochS,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// On what is worked. Ports as [`crate::topology::port_text`] writes them; fabrics, controllers and arrays by the names that
/// [`crate::cause::Causes`] gives them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WindowOn {
    /// A whole node.
    Node(NodeName),
    /// An array.
    Array(String),
    /// A controller of an array.
    Controller(String),
    /// A target port.
    Port(String),
    /// A fabric.
    Fabric(String),
    /// A LUN.
    Lun(Wwid),
}

impl Windows {
    /// Marks what a window that is open now explains, and adds what goes beyond it.
    pub fn mark(&self, _findings: &mut Vec<Finding>, _picture: &Picture<'_>, _causes: &Causes) {}
}
