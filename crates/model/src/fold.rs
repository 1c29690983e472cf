//! The fold of the contract (status.md, section 6), from scratch over interned names.
//!
//! It is what `pathkeeper fold` runs and what the incremental [`crate::matrix`] must equal. Memory and time go with the
//! number of reported entries and of cells that are read, never with WWIDs × nodes.
//!
//! # The law, and which part of it is kept here
//!
//! *Absence is never recovery, doubt is never health.* Say that a row gets worse from `optimal` over `degraded` and
//! `missing` to `failed`, that `unknown` is beside these, and that a row is *clean* if it is optimal without an unknown
//! cell. The fold keeps, for every row and whatever the other inputs are:
//!
//! - When a node goes offline, no row that its report names or that explicitly expects it is clean afterwards: the cell
//!   turns `unknown`. Cells of other nodes do not change.
//! - No cell ever shows `optimal` but from an online node's own report of now.
//! - With explicit nodes, a report that is taken away leaves `missing` (online) or `unknown` (offline) cells, never none.
//!
//! The fold alone cannot keep the following, and what is fed into it does:
//!
//! - The *cluster state* gets better when the one node that reported the worst goes offline: rule 2 lets nothing rank. The
//!   row is then in doubt, and everything that judges goes by clean and doubt (section 7), not by the state alone.
//! - A LUN that is taken off the watched set is expected by nobody, so its `missing` cells go; one that nobody expects
//!   loses its cell, or its row, when a report ceases to name it. The watched set and the expectations (section 5) are
//!   made so that this is nobody's LUN: they grow by themselves, and only a person takes off.
//! - A watched LUN without explicit nodes expects the active nodes; one that goes silent leaves that set, and with an
//!   entry that did not name the LUN its `missing` goes too. The ledger makes expectations explicit for that reason.

#![expect(
    clippy::indexing_slicing,
    reason = "ids are checked against the tables' lengths when the input is made; ranks and rows are the fold's own"
)]

mod write;

pub use write::Rendered;

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use crate::ids::Wwid;
use crate::state::{Entry, State};

/// What one node reports about one LUN, names as ids, in 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spoken {
    size: u64,
    wwid: u32,
    active: u32,
    total: u32,
    /// Bits 0–3: what is there; 4–7: the state; from 8: the transport.
    what: u32,
}

const HAS_ACTIVE: u32 = 1;
const HAS_TOTAL: u32 = 2;
const HAS_SIZE: u32 = 4;
const HAS_TRANSPORT: u32 = 8;
const STATE_SHIFT: u32 = 4;
const TRANSPORT_SHIFT: u32 = 8;

/// A fold knows fewer different words for transports than this.
pub const TRANSPORTS_MAX: u32 = 1 << 24;

impl Spoken {
    /// From the parts of an entry; `transport` is an id of [`Input::transports`]. One that is not below [`TRANSPORTS_MAX`] is
    /// as if absent.
    #[inline]
    pub fn new(
        wwid: u32,
        state: State,
        active: Option<u32>,
        total: Option<u32>,
        transport: Option<u32>,
        size_bytes: Option<u64>,
    ) -> Self {
        let flag = |is: bool, bit: u32| if is { bit } else { 0 };
        let transport = transport.filter(|&id| id < TRANSPORTS_MAX);
        Self {
            size: size_bytes.unwrap_or(0),
            wwid,
            active: active.unwrap_or(0),
            total: total.unwrap_or(0),
            what: flag(active.is_some(), HAS_ACTIVE)
                | flag(total.is_some(), HAS_TOTAL)
                | flag(size_bytes.is_some(), HAS_SIZE)
                | flag(transport.is_some(), HAS_TRANSPORT)
                | ((state as u32) << STATE_SHIFT)
                | (transport.unwrap_or(0) << TRANSPORT_SHIFT),
        }
    }

    /// Which LUN it is about.
    pub fn wwid(&self) -> u32 {
        self.wwid
    }

    /// The same, about another id.
    pub fn with_wwid(self, wwid: u32) -> Self {
        Self { wwid, ..self }
    }

    /// The id of its transport, if it has one.
    #[inline]
    pub fn transport(&self) -> Option<u32> {
        (self.what & HAS_TRANSPORT != 0).then_some(self.what >> TRANSPORT_SHIFT)
    }

    /// The same, by another transport.
    pub fn with_transport(self, transport: u32) -> Self {
        let count = |has: u32, n: u32| (self.what & has != 0).then_some(n);
        let size = (self.what & HAS_SIZE != 0).then_some(self.size);
        Self::new(
            self.wwid,
            self.state(),
            count(HAS_ACTIVE, self.active),
            count(HAS_TOTAL, self.total),
            Some(transport),
            size,
        )
    }

    #[inline]
    fn state_bits(&self) -> u32 {
        (self.what >> STATE_SHIFT) & 15
    }

    #[inline]
    fn state(&self) -> State {
        State::ALL.get(self.state_bits() as usize).copied().unwrap_or(State::Unknown)
    }
}

/// One node's part of the input.
#[derive(Clone, Copy, Debug)]
pub struct NodeInput<'a> {
    /// Its name; each node stands once in the input.
    pub name: &'a str,
    /// Whether it is online.
    pub online: bool,
    /// Its report, each LUN once, fewer than 2^32 of them; `None` if it has none.
    pub report: Option<&'a [Spoken]>,
}

/// The fold's inputs, names as ids (places in `wwids`, `nodes`, `transports`). Ids that no table has are passed over.
#[derive(Clone, Debug, Default)]
pub struct Input<'a> {
    /// WWIDs by id, each once. Having an id does not make a row.
    pub wwids: Vec<&'a str>,
    /// Nodes by id.
    pub nodes: Vec<NodeInput<'a>>,
    /// Words for transports by id.
    pub transports: Vec<&'a str>,
    /// The contract's `allow`.
    pub allow: Vec<u32>,
    /// Explicit nodes of a LUN.
    pub expected: FxHashMap<u32, Vec<u32>>,
    /// Aliases of LUNs.
    pub aliases: FxHashMap<u32, &'a str>,
    /// Consumers of LUNs.
    pub used_by: FxHashMap<u32, &'a str>,
}

/// The fold's result: rows in byte order of their WWIDs.
#[derive(Debug)]
pub struct Rows<'a> {
    input: &'a Input<'a>,
    /// Node ids in byte order of their names; a place in here is a node's rank.
    node_order: Vec<u32>,
    /// Ranks of the nodes that are online and have a report.
    active: Vec<u32>,
    rows: Vec<Row>,
    /// Reported cells, row after row, in node order: the node's rank in the upper half, the place in its report below. The
    /// entries stay where they are: moving them would cost more than all the rest.
    cells: Vec<u64>,
    /// Explicitly expected ranks of watched rows, in order, by WWID id.
    explicit: FxHashMap<u32, Vec<u32>>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    wwid: u32,
    /// Its cells end here, and begin where the row before ends.
    end: usize,
    size: Option<u64>,
    expects: Expects,
    /// One bit for each state that an online node reports.
    seen: u8,
    state: State,
    /// How many active nodes name it.
    named_by_active: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expects {
    Nobody,
    Active,
    Explicit,
}

/// A cell as it is shown: its node's rank, its state, and what the node says of it if it speaks itself.
#[derive(Clone, Copy, Debug)]
struct Spot<'a> {
    rank: u32,
    state: State,
    spoken: Option<&'a Spoken>,
}

/// Folds.
pub fn fold<'a>(input: &'a Input<'a>) -> Rows<'a> {
    let wwid_count = input.wwids.len();
    let known = |wwid: u32| (wwid as usize) < wwid_count;

    let mut node_order: Vec<u32> = (0..input.nodes.len() as u32).collect();
    node_order.sort_unstable_by_key(|&node| input.nodes[node as usize].name);
    let mut rank_of = vec![0u32; input.nodes.len()];
    for (rank, &node) in node_order.iter().enumerate() {
        rank_of[node as usize] = rank as u32;
    }
    let is_active = |node: &NodeInput<'_>| node.online && node.report.is_some();
    let active: Vec<u32> = (0..node_order.len() as u32)
        .filter(|&rank| is_active(&input.nodes[node_order[rank as usize] as usize]))
        .collect();

    // Which LUNs have a row, and how many reported cells.
    let mut counts = vec![0usize; wwid_count];
    for entry in input.nodes.iter().filter_map(|node| node.report).flatten() {
        if let Some(count) = counts.get_mut(entry.wwid as usize) {
            *count += 1;
        }
    }
    let mut watched = FixedBitSet::with_capacity(wwid_count);
    input.allow.iter().filter(|&&wwid| known(wwid)).for_each(|&wwid| watched.insert(wwid as usize));
    let mut order: Vec<u32> =
        (0..wwid_count as u32).filter(|&w| counts[w as usize] > 0 || watched.contains(w as usize)).collect();
    order.sort_unstable_by_key(|&wwid| input.wwids[wwid as usize]);

    let mut explicit: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for (&wwid, nodes) in &input.expected {
        if !known(wwid) || !watched.contains(wwid as usize) {
            continue;
        }
        let mut ranks: Vec<u32> =
            nodes.iter().filter_map(|&node| rank_of.get(node as usize).copied()).collect();
        ranks.sort_unstable();
        ranks.dedup();
        if !ranks.is_empty() {
            explicit.insert(wwid, ranks);
        }
    }

    // Room for each row's cells, then the cells in node order: a transposition by counting.
    let mut row_of = vec![u32::MAX; wwid_count];
    let mut rows: Vec<Row> = Vec::with_capacity(order.len());
    let mut next = 0;
    for &wwid in &order {
        row_of[wwid as usize] = rows.len() as u32;
        let expects = match (watched.contains(wwid as usize), explicit.contains_key(&wwid)) {
            (false, _) => Expects::Nobody,
            (true, true) => Expects::Explicit,
            (true, false) => Expects::Active,
        };
        // `end` starts as the place of the row's first cell and moves as cells come.
        rows.push(Row {
            wwid,
            end: next,
            size: None,
            expects,
            seen: 0,
            state: State::Unknown,
            named_by_active: 0,
        });
        next += counts[wwid as usize];
    }
    let mut cells = vec![0u64; next];
    for (rank, &node) in node_order.iter().enumerate() {
        let node = &input.nodes[node as usize];
        let cells_of_node = (rank as u64) << 32..;
        for (cell, entry) in cells_of_node.zip(node.report.unwrap_or_default()) {
            if let Some(&row) = row_of.get(entry.wwid as usize) {
                let row = &mut rows[row as usize];
                cells[row.end] = cell;
                row.end += 1;
                if node.online {
                    row.seen |= 1 << entry.state_bits();
                    row.named_by_active += 1;
                    if row.size.is_none() && entry.what & HAS_SIZE != 0 {
                        row.size = Some(entry.size);
                    }
                }
            }
        }
    }

    let mut rows = Rows { input, node_order, active, rows, cells, explicit };
    rows.judge();
    rows
}

impl<'a> Rows<'a> {
    /// Gives each row its cluster state (rule 5).
    fn judge(&mut self) {
        for at in 0..self.rows.len() {
            let row = self.rows[at];
            let missing = match row.expects {
                Expects::Nobody => false,
                Expects::Active => (row.named_by_active as usize) < self.active.len(),
                Expects::Explicit => self.spots(at).any(|spot| spot.state == State::Missing),
            };
            let seen = row.seen | u8::from(missing) << State::Missing as u8;
            // From the worst down; `unknown` has no voice.
            self.rows[at].state = [State::Failed, State::Missing, State::Degraded, State::Optimal]
                .into_iter()
                .find(|&state| seen & (1 << state as u8) != 0)
                .unwrap_or(State::Unknown);
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The most cells that a row can have.
    pub fn nodes_max(&self) -> usize {
        self.node_order.len()
    }

    /// The WWID and cluster state of a row.
    pub fn state(&self, row: usize) -> Option<(&'a str, State)> {
        let row = self.rows.get(row)?;
        Some((self.input.wwids[row.wwid as usize], row.state))
    }

    fn node(&self, rank: u32) -> &NodeInput<'a> {
        &self.input.nodes[self.node_order[rank as usize] as usize]
    }

    #[inline]
    fn spot(&self, cell: u64) -> Spot<'a> {
        let rank = (cell >> 32) as u32;
        let node = self.node(rank);
        match node.report.and_then(|report| report.get(cell as u32 as usize)) {
            Some(entry) if node.online => Spot { rank, state: entry.state(), spoken: Some(entry) },
            _ => Spot { rank, state: State::Unknown, spoken: None },
        }
    }

    /// A row's cells in node order: the reported ones, and those of expected nodes that did not name it.
    fn spots(&self, at: usize) -> impl Iterator<Item = Spot<'a>> {
        let row = &self.rows[at];
        let start = if at == 0 { 0 } else { self.rows[at - 1].end };
        let mut named = self.cells[start..row.end].iter().map(|&cell| self.spot(cell)).peekable();
        let mut expected = match row.expects {
            Expects::Nobody => &[][..],
            Expects::Active => &self.active[..],
            Expects::Explicit => self.explicit.get(&row.wwid).map_or(&[][..], Vec::as_slice),
        };
        std::iter::from_fn(move || {
            let Some((&silent, rest)) = expected.split_first() else { return named.next() };
            match named.peek() {
                Some(spot) if spot.rank < silent => named.next(),
                Some(spot) if spot.rank == silent => {
                    expected = rest;
                    named.next()
                }
                _ => {
                    expected = rest;
                    let state = if self.node(silent).online { State::Missing } else { State::Unknown };
                    Some(Spot { rank: silent, state, spoken: None })
                }
            }
        })
    }
}

/// Gives names ids for a fold. For tests, benches and callers that have whole [`Entry`] values; the fold documents have
/// their own reader.
#[derive(Debug, Default)]
pub struct Interner<'a> {
    names: Vec<&'a str>,
    ids: FxHashMap<&'a str, u32>,
    /// The id that came after each: reports mostly name the same LUNs in the same order.
    next: Vec<u32>,
}

impl<'a> Interner<'a> {
    /// The id of a name; a new one if it has none.
    pub fn id(&mut self, name: &'a str) -> u32 {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = self.names.len() as u32;
        self.names.push(name);
        self.next.push(u32::MAX);
        self.ids.insert(name, id);
        id
    }

    /// As [`Self::id`], with a guess from the id that was asked before.
    #[inline]
    pub fn id_after(&mut self, previous: Option<u32>, name: &'a str) -> u32 {
        let guess = previous.and_then(|p| self.next.get(p as usize)).copied().unwrap_or(0);
        if self.names.get(guess as usize) == Some(&name) {
            return guess;
        }
        let id = self.id(name);
        if let Some(next) = previous.and_then(|p| self.next.get_mut(p as usize)) {
            *next = id;
        }
        id
    }

    /// The names by id.
    pub fn names(&self) -> &[&'a str] {
        &self.names
    }

    /// Interns a decoded report. Each LUN stands in it once.
    pub fn report(&mut self, transports: &mut Interner<'a>, entries: &'a [(Wwid, Entry)]) -> Vec<Spoken> {
        let mut previous = None;
        entries
            .iter()
            .map(|(wwid, entry)| {
                let id = self.id_after(previous, wwid.as_str());
                previous = Some(id);
                let transport = entry.transport.as_ref().map(|t| transports.id_after(Some(0), t.as_str()));
                Spoken::new(
                    id,
                    entry.state,
                    entry.paths_active,
                    entry.paths_total,
                    transport,
                    entry.size_bytes,
                )
            })
            .collect()
    }
}
