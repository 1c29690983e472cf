//! Words that people gave to ports, and which fabric and controller they belong to: the document `pathkeeper/names`.

use std::collections::BTreeMap;

/// What people said of ports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    /// By the port's name as [`crate::topology::port_text`] writes it: WWPN, IQN, `address:port`.
    pub ports: BTreeMap<String, Named>,
}

/// What is said of one port, of an adapter or of a target. What is not said is found out as well as can be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Named {
    /// `netapp1 ctl1-0e`.
    pub name: Option<String>,
    /// Its fabric: `A`.
    pub fabric: Option<String>,
    /// For target ports, its controller: `netapp1 ctl1`.
    pub controller: Option<String>,
}
