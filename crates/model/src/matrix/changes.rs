//! What changed since it was last asked.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

use super::{Matrix, RowId};
use crate::ids::Wwid;

/// Rows that changed since the last [`Matrix::take_changes`], each once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Rows that were created, or whose content may differ, by number. A row that changed and changed back is among them.
    pub rows: Vec<RowId>,
    /// Rows that are there no more; to be taken in before `rows`, where the same LUN may stand under a new number. The
    /// old numbers may come again from now on.
    pub removed: Vec<(RowId, Wwid)>,
}

impl Changes {
    /// True if nothing changed.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.removed.is_empty()
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    touched: FixedBitSet,
    /// Rows that a reader has heard of.
    known: FixedBitSet,
    gone: BTreeMap<u32, Wwid>,
    /// Row numbers that become free when the reader has heard of their end.
    freed: Vec<u32>,
}

impl Pending {
    #[inline]
    pub fn touched(&mut self, row: u32) {
        self.touched.grow_and_insert(row as usize);
    }

    pub fn appeared(&mut self, row: u32) {
        self.gone.remove(&row);
        self.touched(row);
    }

    pub fn vanished(&mut self, row: u32, wwid: &Wwid) {
        self.touched.grow(row as usize + 1);
        self.touched.set(row as usize, false);
        if self.known.contains(row as usize) {
            self.gone.insert(row, wwid.clone());
        }
    }

    pub fn freed(&mut self, row: u32) {
        self.freed.push(row);
    }
}

impl Matrix {
    /// The rows that changed since the last call. Costs what changed, and a look at each 64 rows.
    pub fn take_changes(&mut self) -> Changes {
        let pending = &mut self.changes;
        let rows: Vec<RowId> = pending.touched.ones().map(|row| RowId(row as u32)).collect();
        pending.touched.clear();
        let removed: Vec<(RowId, Wwid)> =
            std::mem::take(&mut pending.gone).into_iter().map(|(row, wwid)| (RowId(row), wwid)).collect();
        for (row, _) in &removed {
            pending.known.set(row.0 as usize, false);
        }
        for row in &rows {
            pending.known.grow_and_insert(row.0 as usize);
        }
        self.free_rows.append(&mut pending.freed);
        Changes { rows, removed }
    }
}
