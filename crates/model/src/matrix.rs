//! The incremental matrix: events in, changed rows out; after any sequence of events it equals the fold from scratch.
//!
//! The matrix keeps what was fed into it ("named": a node's report names a LUN) and derives the cells:
//!
//! | the report names the LUN | the node is online | the node is expected | cell |
//! | --- | --- | --- | --- |
//! | yes | yes | – | as reported |
//! | yes | no | – | `unknown` |
//! | no | yes | yes | `missing` |
//! | no | no | yes | `unknown` |
//! | no | – | no | none |
//!
//! *Expected* is asked of watched rows alone: the explicit nodes, else every online node that has a report. The cluster
//! state is the worst of the cells that are not `unknown`, and `unknown` if there is none: so tallies per row are enough,
//! and every event costs what it changes (a node that comes or goes: one pass over its column).
//!
//! Storage is by column, because events come by node: eight bytes a cell, and a side table for what does not fit.

#![expect(
    clippy::indexing_slicing,
    reason = "row and column numbers are the matrix's own; names from outside are looked up, never used as numbers"
)]

mod cell;
mod changes;
mod read;

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use crate::ids::{NodeName, Wwid};
use crate::state::{Entry, State, Transport};
use cell::{Cell, Dictionary};

pub use changes::Changes;
pub use read::{CellRef, ColumnRef, RowRef, exit_status};

/// A row's number: stable while the row lives; used again for another LUN only after [`Matrix::take_changes`] has told
/// of the row's end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowId(pub u32);

/// Numbers of cells, or of rows, by state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ByState([u32; 5]);

impl ByState {
    /// How many have this state.
    #[inline]
    pub fn get(&self, state: State) -> u32 {
        self.0[state as usize]
    }

    /// How many there are.
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    #[inline]
    fn add(&mut self, state: State) {
        self.0[state as usize] += 1;
    }

    #[inline]
    fn sub(&mut self, state: State) {
        self.0[state as usize] -= 1;
    }

    /// The worst state, with `unknown` only where nothing else is (status.md, section 6, rule 5).
    #[inline]
    fn worst(&self) -> State {
        [State::Failed, State::Missing, State::Degraded, State::Optimal]
            .into_iter()
            .find(|&state| self.get(state) > 0)
            .unwrap_or(State::Unknown)
    }
}

/// The whole matrix in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Rows by cluster state.
    pub rows: ByState,
    /// Rows whose cluster state and every cell are optimal.
    pub clean: u32,
    /// Optimal rows with an unknown cell.
    pub doubt: u32,
}

/// The WWID × node matrix.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    rows: Vec<Row>,
    row_by_wwid: FxHashMap<Wwid, u32>,
    /// Rows that are shown, in byte order.
    shown: BTreeMap<Wwid, u32>,
    free_rows: Vec<u32>,

    columns: Vec<Column>,
    column_by_name: FxHashMap<NodeName, u32>,
    /// Columns in byte order of their names.
    column_order: Vec<u32>,
    free_columns: Vec<u32>,

    /// Watched rows without explicit nodes: every active node is expected to carry them.
    implicit: FixedBitSet,
    /// The allow-list proper, if there is one.
    allowed: Option<FixedBitSet>,
    transports: Dictionary,
    /// Entries that do not fit into eight bytes, by row and column.
    wide: FxHashMap<(u32, u32), Entry>,
    tally: Tally,
    changes: changes::Pending,
    /// Which rows a report has named so far; kept so that it is not allocated anew.
    seen: FixedBitSet,
}

#[derive(Clone, Debug)]
struct Row {
    wwid: Wwid,
    alias: Option<Box<str>>,
    used_by: Option<Box<str>>,
    /// It is in use: somebody named it, or an input mentions it. A row that is not is in a free list.
    live: bool,
    watched: bool,
    /// Explicit nodes; empty = none were given.
    expected: FixedBitSet,
    /// How many reports name it.
    named: u32,
    /// Cells by state.
    cells: ByState,
    /// What of it is counted in the matrix's tally; `None` while it is not shown.
    standing: Option<Standing>,
    size_bytes: Option<u64>,
    /// Which column gave `size_bytes`.
    size_column: u32,
    /// The two sizes that its cells may have without the side table, and how many have them.
    sizes: [u64; 2],
    size_users: [u32; 2],
    /// The row that came after it in the last report that named it: nodes mostly name the same LUNs in the same order.
    next: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Standing {
    state: State,
    clean: bool,
    doubt: bool,
}

#[derive(Clone, Debug)]
struct Column {
    name: NodeName,
    /// Place in byte order.
    rank: u32,
    online: bool,
    has_report: bool,
    /// How many rows name it as explicitly expected.
    expected_by: u32,
    /// By row; shorter than the rows where nothing was named beyond.
    cells: Vec<Cell>,
    /// How many cells are named.
    named: u32,
    /// Cells by state, the derived ones too.
    tally: ByState,
}

impl Column {
    #[inline]
    fn cell(&self, row: u32) -> Cell {
        self.cells.get(row as usize).copied().unwrap_or(Cell::NONE)
    }

    fn active(&self) -> bool {
        self.online && self.has_report
    }
}

/// A number that no row and no column has.
const NOWHERE: u32 = u32::MAX;

/// The derivation of the module's table.
#[inline]
fn derive(named: Option<State>, online: bool, expected: bool) -> Option<State> {
    match (named, online) {
        (Some(state), true) => Some(state),
        (Some(_), false) => Some(State::Unknown),
        (None, true) if expected => Some(State::Missing),
        (None, false) if expected => Some(State::Unknown),
        (None, _) => None,
    }
}

#[inline]
fn shift(row: &mut Row, column: &mut Column, old: Option<State>, new: Option<State>) -> bool {
    if old == new {
        return false;
    }
    if let Some(old) = old {
        row.cells.sub(old);
        column.tally.sub(old);
    }
    if let Some(new) = new {
        row.cells.add(new);
        column.tally.add(new);
    }
    true
}

/// True if a watched row expects the column, given whether that one is active.
#[inline]
fn expects(row: &Row, column: u32, active: bool) -> bool {
    row.watched && if row.expected.is_clear() { active } else { row.expected.contains(column as usize) }
}

impl Matrix {
    /// An empty matrix.
    pub fn new() -> Self {
        Self::default()
    }

    /// A node's whole report replaces the one before; `None`: it has no report any more. Of several entries for one LUN
    /// the last counts. The same report again changes nothing.
    pub fn set_report(&mut self, node: &NodeName, entries: Option<&[(Wwid, Entry)]>) {
        let Some(entries) = entries else {
            if let Some(&column) = self.column_by_name.get(node.as_str()) {
                self.name_entries(column, &[]);
                self.set_activity(column, self.columns[column as usize].online, false);
                self.columns[column as usize].cells = Vec::new();
                self.drop_column_if_unused(column);
            }
            return;
        };
        let column = self.column_for(node);
        self.set_activity(column, self.columns[column as usize].online, true);
        self.name_entries(column, entries);
    }

    /// Whether a node is online: a member, and its report not stale. A node that was never told of is offline.
    pub fn set_online(&mut self, node: &NodeName, online: bool) {
        if !online && !self.column_by_name.contains_key(node.as_str()) {
            return;
        }
        let column = self.column_for(node);
        self.set_activity(column, online, self.columns[column as usize].has_report);
        self.drop_column_if_unused(column);
    }

    /// A node that has no report and is not online. LUNs that expect it explicitly go on expecting it.
    pub fn forget_node(&mut self, node: &NodeName) {
        self.set_report(node, None);
        self.set_online(node, false);
    }

    /// The watched set, the fold's `allow`: it replaces the one before.
    pub fn set_watched(&mut self, watched: impl IntoIterator<Item = Wwid>) {
        let mut wanted = FixedBitSet::with_capacity(self.rows.len());
        for wwid in watched {
            let row = self.row_for(&wwid);
            wanted.grow_and_insert(row as usize);
        }
        for row in 0..self.rows.len() {
            let want = wanted.contains(row);
            if self.rows[row].live && self.rows[row].watched != want {
                self.set_expectation(row as u32, want, None);
            }
        }
    }

    /// The nodes that should carry a LUN; empty = nothing explicit. It is kept for LUNs that are not watched, too.
    pub fn set_expected(&mut self, wwid: &Wwid, nodes: &[NodeName]) {
        if nodes.is_empty() && !self.row_by_wwid.contains_key(wwid.as_str()) {
            return;
        }
        let row = self.row_for(wwid);
        let mut expected = FixedBitSet::new();
        for node in nodes {
            let column = self.column_for(node);
            expected.grow_and_insert(column as usize);
        }
        if self.rows[row as usize].expected.ones().eq(expected.ones()) {
            self.settle(row, false);
            return;
        }
        for column in expected.ones() {
            self.columns[column].expected_by += 1;
        }
        let old = std::mem::take(&mut self.rows[row as usize].expected);
        self.rows[row as usize].expected = old.clone();
        let watched = self.rows[row as usize].watched;
        self.set_expectation(row, watched, Some(expected));
        for column in old.ones() {
            self.columns[column].expected_by -= 1;
            self.drop_column_if_unused(column as u32);
        }
    }

    /// A LUN's alias; `None` = none.
    pub fn set_alias(&mut self, wwid: &Wwid, alias: Option<&str>) {
        self.set_text(wwid, alias, |row| &mut row.alias);
    }

    /// What consumes a LUN; `None` = nothing known.
    pub fn set_used_by(&mut self, wwid: &Wwid, used_by: Option<&str>) {
        self.set_text(wwid, used_by, |row| &mut row.used_by);
    }

    /// The allow-list proper; `None` = there is none, and no row says whether it is on it.
    pub fn set_allowed<I: IntoIterator<Item = Wwid>>(&mut self, allowed: Option<I>) {
        let new = allowed.map(|list| {
            let mut set = FixedBitSet::with_capacity(self.rows.len());
            for wwid in list {
                let row = self.row_for(&wwid);
                set.grow_and_insert(row as usize);
            }
            set
        });
        let old = std::mem::replace(&mut self.allowed, new);
        let bears = |set: &Option<FixedBitSet>, row: usize| set.as_ref().map(|set| set.contains(row));
        for row in 0..self.rows.len() {
            if self.rows[row].live && bears(&old, row) != bears(&self.allowed, row) {
                let changed = self.rows[row].watched;
                self.settle(row as u32, changed);
            }
        }
    }

    fn set_text(
        &mut self,
        wwid: &Wwid,
        text: Option<&str>,
        field: impl Fn(&mut Row) -> &mut Option<Box<str>>,
    ) {
        if text.is_none() && !self.row_by_wwid.contains_key(wwid.as_str()) {
            return;
        }
        let row = self.row_for(wwid);
        let place = field(&mut self.rows[row as usize]);
        let changed = place.as_deref() != text;
        if changed {
            *place = text.map(Box::from);
        }
        self.settle(row, changed);
    }

    /// Changes what a row expects, cell by cell.
    fn set_expectation(&mut self, row: u32, watched: bool, expected: Option<FixedBitSet>) {
        let mut changed = false;
        let at = row as usize;
        let old = &self.rows[at];
        let old_expected = old.expected.clone();
        let was_watched = old.watched;
        if let Some(expected) = expected {
            self.rows[at].expected = expected;
        }
        self.rows[at].watched = watched;
        let wants = |set: &FixedBitSet, watched: bool, column: usize, active: bool| {
            watched && if set.is_clear() { active } else { set.contains(column) }
        };
        for number in 0..self.columns.len() {
            let column = &mut self.columns[number];
            let named = column.cell(row).state();
            let active = column.active();
            let row = &mut self.rows[at];
            let old = derive(named, column.online, wants(&old_expected, was_watched, number, active));
            let new = derive(named, column.online, wants(&row.expected, watched, number, active));
            changed |= shift(row, column, old, new);
        }
        let implicit = watched && self.rows[at].expected.is_clear();
        self.implicit.grow(at + 1);
        self.implicit.set(at, implicit);
        // Being on the list is told of watched rows alone.
        changed |= was_watched != watched && self.allowed.is_some();
        self.settle(row, changed);
    }

    /// A column becomes online or offline, gets a report or loses it.
    fn set_activity(&mut self, number: u32, online: bool, has_report: bool) {
        let at = number as usize;
        let column = &self.columns[at];
        let (was_online, was_active) = (column.online, column.active());
        let active = online && has_report;
        self.columns[at].online = online;
        self.columns[at].has_report = has_report;
        if was_online == online {
            if was_active == active {
                return;
            }
            // Only rows that expect every active node see a difference.
            for row in 0..self.rows.len() {
                if !self.implicit.contains(row) {
                    continue;
                }
                let named = self.columns[at].cell(row as u32).state();
                let old = derive(named, online, was_active);
                let new = derive(named, online, active);
                if shift(&mut self.rows[row], &mut self.columns[at], old, new) {
                    self.settle(row as u32, true);
                }
            }
            return;
        }
        for row in 0..self.rows.len() {
            let cell = self.columns[at].cell(row as u32);
            let old_expected = expects(&self.rows[row], number, was_active);
            let new_expected = expects(&self.rows[row], number, active);
            let named = cell.state();
            if named.is_none() && !old_expected && !new_expected {
                continue;
            }
            let old = derive(named, was_online, old_expected);
            let new = derive(named, online, new_expected);
            shift(&mut self.rows[row], &mut self.columns[at], old, new);
            // A named cell shows its counts only while the node is online.
            let mut changed = named.is_some() || old != new;
            if named.is_some() {
                changed |= self.size_may_have_changed(row as u32, number);
            }
            if changed {
                self.settle(row as u32, true);
            }
        }
    }

    /// The whole report of a column that has one.
    fn name_entries(&mut self, number: u32, entries: &[(Wwid, Entry)]) {
        let at = number as usize;
        let room = self.rows.len().saturating_sub(self.columns[at].cells.len());
        self.columns[at].cells.reserve_exact(room);
        let mut seen = std::mem::take(&mut self.seen);
        seen.clear();
        seen.grow(self.rows.len());
        let mut previous = NOWHERE;
        // From the back: then the last of several entries comes first, and the others are passed over.
        for (wwid, entry) in entries.iter().rev() {
            let row = self.row_after(previous, wwid);
            previous = row;
            if row as usize >= seen.len() {
                seen.grow((row as usize + 1) * 2);
            }
            if !seen.put(row as usize) {
                self.set_cell(row, number, entry);
            }
        }
        let named = seen.count_ones(..);
        if named != self.columns[at].named as usize {
            for row in 0..self.columns[at].cells.len() {
                if self.columns[at].cells[row].is_named() && !seen.contains(row) {
                    self.clear_cell(row as u32, number);
                }
            }
        }
        self.seen = seen;
    }

    fn set_cell(&mut self, number: u32, column_number: u32, entry: &Entry) {
        let (at, column_at) = (number as usize, column_number as usize);
        let old = self.columns[column_at].cell(number);
        let row = &mut self.rows[at];
        // Which size code the entry would have as things stand; it takes a free one below, if its content is new at all.
        let mut code = match entry.size_bytes {
            None => Some(0),
            Some(size) => (1..=2u8).find(|&code| {
                row.size_users[usize::from(code) - 1] > 0 && row.sizes[usize::from(code) - 1] == size
            }),
        };
        let transport = self.transports.place(entry.transport.as_ref(), old.transport());
        if let (Some(code), Some(transport)) = (code, transport)
            && Cell::pack(entry, transport, code) == Some(old)
        {
            return;
        }

        let same_look = {
            let before = self.wide.get(&(number, column_number)).filter(|_| old.is_wide());
            old.state() == Some(entry.state)
                && match before {
                    Some(wide) => {
                        wide.paths_active == entry.paths_active
                            && wide.paths_total == entry.paths_total
                            && wide.paths_expected == entry.paths_expected
                            && wide.transport == entry.transport
                    }
                    None => {
                        old.active() == entry.paths_active
                            && old.total() == entry.paths_total
                            && old.expected() == entry.paths_expected
                            && self.transports.get(old.transport()) == entry.transport.as_ref()
                    }
                }
        };

        // Put the new entry into the old one's place.
        release_size(row, old);
        if let (None, Some(size)) = (code, entry.size_bytes)
            && let Some(free) = (1..=2u8).find(|&code| row.size_users[usize::from(code) - 1] == 0)
        {
            row.sizes[usize::from(free) - 1] = size;
            code = Some(free);
        }
        let packed = match (code, transport) {
            (Some(code), Some(transport)) => Cell::pack(entry, transport, code),
            _ => None,
        };
        let cell = packed.unwrap_or(Cell::wide(entry.state));
        if old.is_wide() && !cell.is_wide() {
            self.wide.remove(&(number, column_number));
        }
        if cell.is_wide() {
            self.wide.insert((number, column_number), entry.clone());
        }
        if cell.size_code() > 0 {
            row.size_users[usize::from(cell.size_code()) - 1] += 1;
        }

        let column = &mut self.columns[column_at];
        let (active, online) = (column.active(), column.online);
        let expected = expects(row, column_number, active);
        if column.cells.len() <= at {
            column.cells.resize(at + 1, Cell::NONE);
        }
        column.cells[at] = cell;
        if !old.is_named() {
            column.named += 1;
            row.named += 1;
        }
        let before = derive(old.state(), online, expected);
        let after = derive(Some(entry.state), online, expected);
        let mut changed = shift(row, column, before, after);
        // An offline node's cell shows its state alone, and that is in the shift.
        changed |= online && !same_look;
        changed |= self.size_may_have_changed(number, column_number);
        self.settle(number, changed);
    }

    fn clear_cell(&mut self, number: u32, column_number: u32) {
        let (at, column_at) = (number as usize, column_number as usize);
        let old = self.columns[column_at].cell(number);
        if !old.is_named() {
            return;
        }
        if old.is_wide() {
            self.wide.remove(&(number, column_number));
        }
        let (row, column) = (&mut self.rows[at], &mut self.columns[column_at]);
        release_size(row, old);
        column.cells[at] = Cell::NONE;
        column.named -= 1;
        row.named -= 1;
        let expected = expects(row, column_number, column.active());
        let before = derive(old.state(), column.online, expected);
        let after = derive(None, column.online, expected);
        shift(row, column, before, after);
        self.size_may_have_changed(number, column_number);
        // An offline node's expected LUN stays `unknown`, named or not; then nothing is to be seen.
        let online = self.columns[column_at].online;
        self.settle(number, before != after || online);
    }

    /// Keeps a row's size the first one reported by an online node; true if it changed.
    fn size_may_have_changed(&mut self, number: u32, column_number: u32) -> bool {
        let column = &self.columns[column_number as usize];
        let row = &self.rows[number as usize];
        let own = if column.online { self.cell_size(number, column_number) } else { None };
        let rank_of = |column: u32| self.columns[column as usize].rank;
        let (size, from) = match own {
            Some(size)
                if row.size_column == NOWHERE
                    || row.size_column == column_number
                    || column.rank < rank_of(row.size_column) =>
            {
                (Some(size), column_number)
            }
            None if row.size_column == column_number => self.first_size(number),
            _ => return false,
        };
        let row = &mut self.rows[number as usize];
        let changed = row.size_bytes != size;
        row.size_bytes = size;
        row.size_column = from;
        changed
    }

    fn first_size(&self, number: u32) -> (Option<u64>, u32) {
        self.column_order
            .iter()
            .filter(|&&column| self.columns[column as usize].online)
            .find_map(|&column| Some((Some(self.cell_size(number, column)?), column)))
            .unwrap_or((None, NOWHERE))
    }

    fn cell_size(&self, row: u32, column: u32) -> Option<u64> {
        let cell = self.columns[column as usize].cell(row);
        if cell.is_wide() {
            return self.wide.get(&(row, column))?.size_bytes;
        }
        match cell.size_code() {
            0 => None,
            code => Some(self.rows[row as usize].sizes[usize::from(code) - 1]),
        }
    }

    /// Brings a row's place in the tallies, in the order and among the changes up to date; ends it if nobody needs it.
    fn settle(&mut self, number: u32, changed: bool) {
        let at = number as usize;
        let row = &mut self.rows[at];
        let show = row.watched || row.named > 0;
        let standing = show.then(|| {
            let state = row.cells.worst();
            let doubtful = row.cells.get(State::Unknown) > 0;
            let optimal = state == State::Optimal;
            Standing { state, clean: optimal && !doubtful, doubt: optimal && doubtful }
        });
        if standing != row.standing {
            let tally = &mut self.tally;
            if let Some(old) = row.standing {
                tally.rows.sub(old.state);
                tally.clean -= u32::from(old.clean);
                tally.doubt -= u32::from(old.doubt);
            }
            if let Some(new) = standing {
                tally.rows.add(new.state);
                tally.clean += u32::from(new.clean);
                tally.doubt += u32::from(new.doubt);
            }
            let was_shown = row.standing.is_some();
            row.standing = standing;
            if was_shown != show {
                if show {
                    self.shown.insert(row.wwid.clone(), number);
                    self.changes.appeared(number);
                } else {
                    self.shown.remove(row.wwid.as_str());
                    self.changes.vanished(number, &row.wwid);
                }
            }
        }
        if show {
            if changed {
                self.changes.touched(number);
            }
            return;
        }
        let row = &self.rows[at];
        if !row.live {
            return;
        }
        let on_the_list = self.allowed.as_ref().is_some_and(|list| list.contains(at));
        if row.expected.is_clear() && row.alias.is_none() && row.used_by.is_none() && !on_the_list {
            self.row_by_wwid.remove(row.wwid.as_str());
            self.rows[at].live = false;
            self.changes.freed(number);
        }
    }

    fn row_for(&mut self, wwid: &Wwid) -> u32 {
        if let Some(&row) = self.row_by_wwid.get(wwid.as_str()) {
            return row;
        }
        let fresh = Row {
            wwid: wwid.clone(),
            alias: None,
            used_by: None,
            live: true,
            watched: false,
            expected: FixedBitSet::new(),
            named: 0,
            cells: ByState::default(),
            standing: None,
            size_bytes: None,
            size_column: NOWHERE,
            sizes: [0; 2],
            size_users: [0; 2],
            next: NOWHERE,
        };
        let row = match self.free_rows.pop() {
            Some(row) => {
                self.rows[row as usize] = fresh;
                row
            }
            None => {
                self.rows.push(fresh);
                // 2^32 rows would need a terabyte for themselves; a machine that has it is not this program's.
                (self.rows.len() - 1) as u32
            }
        };
        self.row_by_wwid.insert(wwid.clone(), row);
        row
    }

    /// [`Self::row_for`], with a guess from the row that came before in the same report.
    #[inline]
    fn row_after(&mut self, previous: u32, wwid: &Wwid) -> u32 {
        let guess = self.rows.get(previous as usize).map_or(NOWHERE, |row| row.next);
        if let Some(row) = self.rows.get(guess as usize)
            && row.live
            && row.wwid == *wwid
        {
            return guess;
        }
        let row = self.row_for(wwid);
        if let Some(previous) = self.rows.get_mut(previous as usize) {
            previous.next = row;
        }
        row
    }

    fn column_for(&mut self, node: &NodeName) -> u32 {
        if let Some(&column) = self.column_by_name.get(node.as_str()) {
            return column;
        }
        let fresh = Column {
            name: node.clone(),
            rank: 0,
            online: false,
            has_report: false,
            expected_by: 0,
            cells: Vec::new(),
            named: 0,
            tally: ByState::default(),
        };
        let number = match self.free_columns.pop() {
            Some(number) => {
                self.columns[number as usize] = fresh;
                number
            }
            None => {
                self.columns.push(fresh);
                (self.columns.len() - 1) as u32
            }
        };
        self.column_by_name.insert(node.clone(), number);
        let place = self.column_order.partition_point(|&other| self.columns[other as usize].name < *node);
        self.column_order.insert(place, number);
        self.rank_columns(place);
        number
    }

    fn drop_column_if_unused(&mut self, number: u32) {
        let column = &self.columns[number as usize];
        if column.online || column.has_report || column.expected_by > 0 {
            return;
        }
        if self.column_by_name.remove(column.name.as_str()).is_none() {
            return;
        }
        let place = column.rank as usize;
        self.column_order.remove(place);
        self.rank_columns(place);
        self.free_columns.push(number);
    }

    fn rank_columns(&mut self, from: usize) {
        for place in from..self.column_order.len() {
            self.columns[self.column_order[place] as usize].rank = place as u32;
        }
    }

    /// The transport that a cell shows.
    fn transport_of(&self, cell: Cell) -> Option<&Transport> {
        self.transports.get(cell.transport())
    }
}

fn release_size(row: &mut Row, cell: Cell) {
    if cell.size_code() > 0 {
        row.size_users[usize::from(cell.size_code()) - 1] -= 1;
    }
}
