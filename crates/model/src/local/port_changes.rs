//! How often ports of a node lost usable paths and got them back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::PathDevice;
use crate::ids::EpochS;
use crate::topology::port_text;

/// Times of one change differ by no more than this, seconds: they are told by the time that has passed since.
const SAME_TIME_S: i64 = 5;

/// An adapter (`host7`) and a target port, as people read it ([`port_text`]). Either may be empty: not known.
pub type Port = (Arc<str>, Arc<str>);

/// The port that a path runs over; `None` where neither end is known.
pub fn port_of(path: &PathDevice) -> Option<Port> {
    let hba = path.adapter.as_deref().unwrap_or_default();
    let target = path.target_port.as_deref().map(port_text).unwrap_or_default();
    (!hba.is_empty() || !target.is_empty()).then(|| (Arc::from(hba), target))
}

/// What is known of one port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortChange {
    /// The adapter's port as the kernel writes it, where it is known.
    pub adapter_port: Option<Arc<str>>,
    /// How often usable paths over it were lost or came back in the last half hour. A cable that is pulled takes many paths
    /// one after the other: that is one change, and their return is the next.
    pub count_30_min: u16,
    /// When a path over it went or came last, the node's wall clock.
    pub last: EpochS,
}

/// Ports over which paths went or came. At most [`PORT_CHANGES_MAX`].
pub type PortChanges = BTreeMap<Port, PortChange>;

/// More ports than this are neither followed nor believed.
pub const PORT_CHANGES_MAX: usize = 4_096;

/// Whether nothing is different that a reader would care for: nothing happened since, and the count has not fallen by half.
pub fn says_the_same(told: &PortChanges, now: &PortChanges) -> bool {
    told.len() == now.len()
        && now.iter().all(|(port, now)| {
            told.get(port).is_some_and(|told| {
                let (was, is) = (told.count_30_min, now.count_30_min);
                let apart_s = told.last.0.saturating_sub(now.last.0).saturating_abs();
                is <= was && (is == was || is > was / 2) && apart_s <= SAME_TIME_S
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_telling() {
        let of = |ports: &[(&str, u16, i64)]| -> PortChanges {
            let one = |&(port, count_30_min, last): &(&str, u16, i64)| {
                let change = PortChange { adapter_port: None, count_30_min, last: EpochS(last) };
                ((Arc::from(port), Arc::from("")), change)
            };
            ports.iter().map(one).collect()
        };
        for (told, now, same) in [
            (&[][..], &[][..], true),
            (&[], &[("a", 1, 50)], false),
            (&[("a", 1, 50)], &[("a", 1, 52)], true),
            (&[("a", 1, 50)], &[("a", 1, 90)], false),
            (&[("a", 1, 50)], &[("a", 2, 50)], false),
            (&[("a", 8, 50)], &[("a", 7, 50)], true),
            (&[("a", 8, 50)], &[("a", 5, 50)], true),
            (&[("a", 8, 50)], &[("a", 4, 50)], false),
            (&[("a", 1, 50)], &[("a", 0, 50)], false),
            (&[("a", 0, 50)], &[("a", 0, 50)], true),
            (&[("a", 1, 50)], &[("b", 1, 50)], false),
            (&[("a", 1, 50)], &[], false),
        ] {
            assert_eq!(says_the_same(&of(told), &of(now)), same, "{told:?} {now:?}");
        }
    }
}
