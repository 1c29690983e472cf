//! Reading the matrix.

use super::{ByState, Cell, Column, Matrix, Row, RowId, Tally, derive, expects};
use crate::ids::{NodeName, Wwid};
use crate::state::State;

/// One row, as it stands.
#[derive(Clone, Copy)]
pub struct RowRef<'a> {
    matrix: &'a Matrix,
    row: &'a Row,
    number: u32,
}

/// A node's column, for those who go through many rows of it; good as long as the matrix is not changed.
#[derive(Clone, Copy)]
pub struct ColumnRef<'a> {
    column: &'a Column,
    number: u32,
}

/// One cell, as it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CellRef<'a> {
    /// Its state.
    pub state: State,
    /// Usable and known paths, where the node itself speaks; each `None` if it gave no number.
    pub counts: Option<(Option<u32>, Option<u32>)>,
    /// By what its paths run, where reported.
    pub transport: Option<&'a str>,
    /// Paths that should be there, where reported; beside the fold.
    pub paths_expected: Option<u32>,
}

impl<'a> RowRef<'a> {
    /// The row's number.
    pub fn id(&self) -> RowId {
        RowId(self.number)
    }

    /// The LUN.
    pub fn wwid(&self) -> &'a Wwid {
        &self.row.wwid
    }

    /// The worst of the cells that are known.
    pub fn cluster_state(&self) -> State {
        self.row.cells.worst()
    }

    /// Its alias.
    pub fn alias(&self) -> Option<&'a str> {
        self.row.alias.as_deref()
    }

    /// What consumes it.
    pub fn used_by(&self) -> Option<&'a str> {
        self.row.used_by.as_deref()
    }

    /// The first size that an online node reports, in byte order of the nodes' names.
    pub fn size_bytes(&self) -> Option<u64> {
        self.row.size_bytes
    }

    /// Whether it is on the allow-list; `None` if there is no such list, or if the row is not watched.
    pub fn allowed(&self) -> Option<bool> {
        let list = self.matrix.allowed.as_ref()?;
        self.row.watched.then(|| list.contains(self.number as usize))
    }

    /// Whether it is in the watched set.
    pub fn is_watched(&self) -> bool {
        self.row.watched
    }

    /// How many reports name it, those of offline nodes too.
    pub fn named(&self) -> u32 {
        self.row.named
    }

    /// Its cells by state.
    pub fn tally(&self) -> ByState {
        self.row.cells
    }

    /// Its cluster state and every cell are optimal.
    pub fn is_clean(&self) -> bool {
        self.row.standing.is_some_and(|s| s.clean)
    }

    /// For an optimal row: the nodes of which nobody can tell, in byte order. Of other rows: none.
    pub fn doubt(&self) -> impl Iterator<Item = &'a NodeName> + use<'a> {
        let in_doubt = self.row.standing.is_some_and(|s| s.doubt);
        let cells = in_doubt.then(|| self.cells());
        cells.into_iter().flatten().filter(|(_, cell)| cell.state == State::Unknown).map(|(node, _)| node)
    }

    /// Its cells in byte order of the nodes' names.
    pub fn cells(&self) -> impl Iterator<Item = (&'a NodeName, CellRef<'a>)> + use<'a> {
        let RowRef { matrix, row, number } = *self;
        matrix.column_order.iter().filter_map(move |&at| {
            let column = &matrix.columns[at as usize];
            Some((&column.name, matrix.cell(row, number, column, at)?))
        })
    }

    /// One node's cell.
    pub fn cell(&self, node: &str) -> Option<CellRef<'a>> {
        let at = *self.matrix.column_by_name.get(node)?;
        self.matrix.cell(self.row, self.number, &self.matrix.columns[at as usize], at)
    }

    /// The cell in a column of the same matrix.
    pub fn cell_in(&self, column: ColumnRef<'a>) -> Option<CellRef<'a>> {
        self.matrix.cell(self.row, self.number, column.column, column.number)
    }
}

impl Matrix {
    /// All rows, in byte order of their WWIDs.
    pub fn rows(&self) -> impl Iterator<Item = RowRef<'_>> {
        self.shown.values().map(|&number| self.row_ref(number))
    }

    /// A row by its number; `None` if there is none of that number (any more).
    pub fn row(&self, id: RowId) -> Option<RowRef<'_>> {
        let row = self.rows.get(id.0 as usize)?;
        (row.live && row.standing.is_some()).then_some(RowRef { matrix: self, row, number: id.0 })
    }

    /// A LUN's row; `None` if it has none.
    pub fn row_of(&self, wwid: &Wwid) -> Option<RowRef<'_>> {
        self.row(RowId(*self.row_by_wwid.get(wwid.as_str())?))
    }

    /// All nodes that have a column, in byte order: those that report, are online, or are expected somewhere.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.column_order.iter().map(|&at| &self.columns[at as usize].name)
    }

    /// A node's column; `None` for a node that is not known.
    pub fn column(&self, node: &str) -> Option<ColumnRef<'_>> {
        let number = *self.column_by_name.get(node)?;
        Some(ColumnRef { column: &self.columns[number as usize], number })
    }

    /// The whole matrix in numbers.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// One column's cells by state; all 0 for a node that is not known.
    pub fn node_tally(&self, node: &NodeName) -> ByState {
        self.column_by_name
            .get(node.as_str())
            .map_or(ByState::default(), |&at| self.columns[at as usize].tally)
    }

    fn row_ref(&self, number: u32) -> RowRef<'_> {
        RowRef { matrix: self, row: &self.rows[number as usize], number }
    }

    fn cell<'a>(&'a self, row: &Row, number: u32, column: &'a Column, at: u32) -> Option<CellRef<'a>> {
        let cell: Cell = column.cell(number);
        let expected = !cell.is_named() && expects(row, at, column.active());
        let state = derive(cell.state(), column.online, expected)?;
        let mut shown = CellRef { state, counts: None, transport: None, paths_expected: None };
        if !cell.is_named() || !column.online {
            return Some(shown);
        }
        if cell.is_wide() {
            let entry = self.wide.get(&(number, at))?;
            shown.counts = Some((entry.paths_active, entry.paths_total));
            shown.transport = entry.transport.as_ref().map(|t| t.as_str());
            shown.paths_expected = entry.paths_expected;
        } else {
            shown.counts = Some((cell.active(), cell.total()));
            shown.transport = self.transport_of(cell).map(|t| t.as_str());
            shown.paths_expected = cell.expected();
        }
        Some(shown)
    }
}

/// The exit status of every command and check (status.md, section 7): 2 missing or failed, 1 degraded, 3 doubt, unknown
/// or a partial view, 0 all clean.
pub fn exit_status(tally: &Tally, partial_view: bool) -> u8 {
    let any = |state| tally.rows.get(state) > 0;
    if any(State::Failed) || any(State::Missing) {
        2
    } else if any(State::Degraded) {
        1
    } else if partial_view || tally.doubt > 0 || any(State::Unknown) {
        3
    } else {
        0
    }
}
