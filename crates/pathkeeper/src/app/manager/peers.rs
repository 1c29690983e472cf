//! What all nodes say of the configuration, and who is there.

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_io::store::{Members, Store, StoreError, Trust};
use pathkeeper_model::config::rollout::{Applied, CONFIG_KEY, Peer};
use pathkeeper_model::{NodeName, Wwid};

use crate::app::board::Board;

/// LUNs that a rollout touches.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Touched {
    /// Every one.
    #[default]
    All,
    /// These.
    These(BTreeSet<Wwid>),
}

/// The nodes as the store had them last.
#[derive(Debug, Default)]
pub struct Peers {
    read: Option<Read>,
}

#[derive(Debug)]
struct Read {
    members: Members,
    said: BTreeMap<NodeName, Applied>,
}

impl Peers {
    /// It may have changed: the next [`Peers::refresh`] reads it.
    pub fn forget(&mut self) {
        self.read = None;
    }

    /// Reads what is not known.
    ///
    /// # Errors
    /// From the store.
    pub async fn refresh(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        if self.read.is_some() {
            return Ok(());
        }
        let members = store.members().await?;
        let values = store.list().await?;
        let values = values.into_iter().filter(|value| value.key.as_str() == CONFIG_KEY);
        // A value that is no object says nothing of what its node does.
        let said = values.filter_map(|value| Some((value.writer, Applied::decode(&value.bytes).ok()?)));
        self.read = Some(Read { members, said: said.collect() });
        Ok(())
    }

    /// What a node said last.
    pub fn said(&self, node: &NodeName) -> Option<&Applied> {
        self.read.as_ref()?.said.get(node)
    }

    /// The whole cluster is seen.
    pub fn whole(&self) -> bool {
        self.read.as_ref().is_some_and(|read| read.members.trust == Trust::Whole)
    }

    /// All known nodes, for those who ask whose turn it is.
    pub fn for_turn(&self, board: &Board, touched: &Touched) -> BTreeMap<NodeName, Peer> {
        let Some(read) = &self.read else { return BTreeMap::new() };
        let carries = carriers(board, touched);
        let peer = |(name, online): (&NodeName, &bool)| {
            let touched = carries.contains(name.as_str());
            (name.clone(), Peer { online: *online, touched, said: read.said.get(name).cloned() })
        };
        read.members.nodes.iter().map(peer).collect()
    }
}

/// Nodes that have a map of what is touched.
fn carriers(board: &Board, touched: &Touched) -> BTreeSet<String> {
    let Some(snapshot) = board.snapshot() else { return BTreeSet::new() };
    let wanted = |wwid: &str| match touched {
        Touched::All => true,
        Touched::These(these) => Wwid::new(wwid).is_some_and(|wwid| these.contains(&wwid)),
    };
    let rows = snapshot.rows.iter().filter(|row| wanted(&row.wwid)).filter_map(|row| row.read());
    let carrying = rows.flat_map(|row| {
        row.nodes.into_iter().filter(|(_, cell)| cell.paths_total.is_some()).map(|(node, _)| node)
    });
    carrying.collect()
}
