//! The incremental matrix against the fold from scratch.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use crate::reference::{Cell, Inputs, Row, Spoken};
use pathkeeper_model::matrix::{ByState, CellRef, Matrix, RowId, RowRef, exit_status};
use pathkeeper_model::{Entry, NodeName, State, Transport, Wwid};
use proptest::prelude::*;

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).expect("not empty")
}

fn node(text: &str) -> NodeName {
    NodeName::new(text).expect("not empty")
}

fn shown_cell(cell: CellRef<'_>) -> Cell {
    match cell.counts {
        Some((paths_active, paths_total)) => Cell::Spoken(Spoken {
            paths_active,
            paths_total,
            state: cell.state.as_str(),
            transport: cell.transport.map(str::to_owned),
        }),
        None => Cell::Silent { state: cell.state.as_str() },
    }
}

fn shown_row(row: RowRef<'_>) -> Row {
    Row {
        alias: row.alias().map(str::to_owned),
        cluster_state: row.cluster_state().as_str(),
        nodes: row.cells().map(|(n, c)| (n.as_str().to_owned(), shown_cell(c))).collect(),
        size: row.size_bytes(),
        used_by: row.used_by().map(str::to_owned),
        wwid: row.wwid().as_str().to_owned(),
    }
}

fn json(matrix: &Matrix) -> String {
    let rows: Vec<Row> = matrix.rows().map(shown_row).collect();
    serde_json::to_string(&rows).expect("plain data")
}

#[derive(Clone, Debug)]
enum Event {
    Report(usize, Option<Vec<(usize, Entry)>>),
    SameAgain(usize),
    Online(usize, bool),
    Forget(usize),
    Watched(Vec<usize>),
    Expected(usize, Vec<usize>),
    Alias(usize, Option<String>),
    UsedBy(usize, Option<String>),
    Allowed(Option<Vec<usize>>),
    Take,
}

const NODES: [&str; 6] = ["n1", "n10", "n2", "pve-é", "A", "zz"];
const WWIDS: [&str; 9] = ["w1", "w2", "3600a", "3600b", "eui.1", "naa.6", "é", "w\"\\", "36"];

fn any_entry() -> impl Strategy<Value = Entry> {
    let count = || prop::option::of(prop_oneof![4 => 0u32..5, 1 => 65_533u32..65_538, 1 => Just(u32::MAX)]);
    let transport = prop::option::of(prop_oneof![
        Just(Transport::Fc),
        Just(Transport::Iscsi),
        "[a-c]{1,2}".prop_map(|t| Transport::parse(&t).expect("short"))
    ]);
    let size = prop::option::of(prop_oneof![Just(1u64), Just(2), Just(3), Just(4), Just(i64::MAX as u64)]);
    (prop::sample::select(&State::ALL[..]), count(), count(), count(), transport, size).prop_map(
        |(state, paths_active, paths_total, paths_expected, transport, size_bytes)| Entry {
            state,
            paths_active,
            paths_total,
            paths_expected,
            transport,
            size_bytes,
        },
    )
}

fn any_event() -> impl Strategy<Value = Event> {
    let n = || 0..NODES.len();
    let w = || 0..WWIDS.len();
    let entries = prop::collection::vec((w(), any_entry()), 0..9);
    prop_oneof![
        6 => (n(), prop::option::weighted(0.85, entries)).prop_map(|(n, e)| Event::Report(n, e)),
        1 => n().prop_map(Event::SameAgain),
        4 => (n(), any::<bool>()).prop_map(|(n, on)| Event::Online(n, on)),
        1 => n().prop_map(Event::Forget),
        2 => prop::collection::vec(w(), 0..9).prop_map(Event::Watched),
        3 => (w(), prop::collection::vec(n(), 0..4)).prop_map(|(w, n)| Event::Expected(w, n)),
        1 => (w(), prop::option::of("[a-z]{0,3}")).prop_map(|(w, t)| Event::Alias(w, t)),
        1 => (w(), prop::option::of("[a-z]{0,3}")).prop_map(|(w, t)| Event::UsedBy(w, t)),
        1 => prop::option::of(prop::collection::vec(w(), 0..5)).prop_map(Event::Allowed),
        2 => Just(Event::Take),
    ]
}

/// The matrix, the inputs of the fold from scratch, and a reader that knows only what the changes told it.
#[derive(Default)]
struct Bench {
    matrix: Matrix,
    inputs: Inputs,
    raw: BTreeMap<usize, Vec<(Wwid, Entry)>>,
    allowed: Option<BTreeSet<String>>,
    reader: BTreeMap<Wwid, (RowId, Row, Option<bool>)>,
}

fn named(list: &[usize], of: &[&str]) -> BTreeSet<String> {
    list.iter().map(|&i| of[i].to_owned()).collect()
}

fn put<V>(map: &mut BTreeMap<String, V>, key: &str, value: Option<V>) {
    match value {
        Some(value) => map.insert(key.to_owned(), value),
        None => map.remove(key),
    };
}

impl Bench {
    fn apply(&mut self, event: &Event) {
        match event {
            Event::Report(n, entries) => {
                let list: Option<Vec<(Wwid, Entry)>> = entries
                    .as_ref()
                    .map(|list| list.iter().map(|(w, e)| (wwid(WWIDS[*w]), e.clone())).collect());
                self.matrix.set_report(&node(NODES[*n]), list.as_deref());
                let map = list
                    .as_ref()
                    .map(|l| l.iter().map(|(w, e)| (w.as_str().to_owned(), e.clone())).collect());
                put(&mut self.inputs.reports, NODES[*n], map);
                match list {
                    Some(list) => self.raw.insert(*n, list),
                    None => self.raw.remove(n),
                };
            }
            Event::SameAgain(n) => {
                let Some(list) = self.raw.get(n).cloned() else { return };
                self.take();
                self.matrix.set_report(&node(NODES[*n]), Some(&list));
                assert!(self.matrix.take_changes().is_empty(), "an unchanged report changed rows");
            }
            Event::Online(n, online) => {
                self.matrix.set_online(&node(NODES[*n]), *online);
                self.inputs.online.insert(NODES[*n].to_owned(), *online);
            }
            Event::Forget(n) => {
                self.matrix.forget_node(&node(NODES[*n]));
                self.inputs.reports.remove(NODES[*n]);
                self.inputs.online.remove(NODES[*n]);
                self.raw.remove(n);
            }
            Event::Watched(list) => {
                self.matrix.set_watched(list.iter().map(|&w| wwid(WWIDS[w])));
                self.inputs.allow = named(list, &WWIDS);
            }
            Event::Expected(w, list) => {
                let nodes: Vec<NodeName> = list.iter().map(|&n| node(NODES[n])).collect();
                self.matrix.set_expected(&wwid(WWIDS[*w]), &nodes);
                put(&mut self.inputs.expected, WWIDS[*w], Some(named(list, &NODES)));
            }
            Event::Alias(w, text) => {
                self.matrix.set_alias(&wwid(WWIDS[*w]), text.as_deref());
                put(&mut self.inputs.aliases, WWIDS[*w], text.clone());
            }
            Event::UsedBy(w, text) => {
                self.matrix.set_used_by(&wwid(WWIDS[*w]), text.as_deref());
                put(&mut self.inputs.used_by, WWIDS[*w], text.clone());
            }
            Event::Allowed(list) => {
                self.matrix.set_allowed(list.as_ref().map(|l| l.iter().map(|&w| wwid(WWIDS[w]))));
                self.allowed = list.as_ref().map(|list| named(list, &WWIDS));
            }
            Event::Take => self.take(),
        }
    }

    /// The reader learns what changed; then it must know everything.
    fn take(&mut self) {
        let changes = self.matrix.take_changes();
        for (id, wwid) in changes.removed {
            assert_eq!(self.reader.remove(&wwid).map(|known| known.0), Some(id), "{wwid} was not known");
        }
        for id in changes.rows {
            let row = self.matrix.row(id).expect("a changed row is there");
            let known = self.reader.insert(row.wwid().clone(), (id, shown_row(row), row.allowed()));
            assert!(known.is_none_or(|known| known.0 == id), "a row changed its number");
        }
        let rows: Vec<&Row> = self.reader.values().map(|known| &known.1).collect();
        assert_eq!(serde_json::to_string(&rows).expect("plain"), json(&self.matrix));
        for (id, _, allowed) in self.reader.values() {
            assert_eq!(self.matrix.row(*id).map(|row| row.allowed()), Some(*allowed));
        }
    }

    fn compare(&self) {
        assert_eq!(json(&self.matrix), crate::reference::json(&self.inputs));
        let rows = crate::reference::fold(&self.inputs);
        let tally = self.matrix.tally();
        let mut columns: BTreeMap<&str, [u32; 5]> = BTreeMap::new();
        let (mut clean, mut doubt) = (0, 0);
        for row in &rows {
            let states: Vec<State> = row.nodes.values().map(state_of).collect();
            let optimal = row.cluster_state == "optimal";
            let is_clean = optimal && states.iter().all(|&s| s == State::Optimal);
            let doubtful: Vec<&String> = row
                .nodes
                .iter()
                .filter(|(_, cell)| optimal && state_of(cell) == State::Unknown)
                .map(|(node, _)| node)
                .collect();
            clean += u32::from(is_clean);
            doubt += u32::from(!doubtful.is_empty());
            let shown = self.matrix.row_of(&wwid(&row.wwid)).expect("a row");
            assert_eq!(shown.is_clean(), is_clean);
            assert_eq!(shown.doubt().map(NodeName::as_str).collect::<Vec<_>>(), doubtful);
            let watched = self.inputs.allow.contains(&row.wwid);
            let allowed = self.allowed.as_ref().filter(|_| watched).map(|list| list.contains(&row.wwid));
            assert_eq!(shown.allowed(), allowed);
            for (node, cell) in &row.nodes {
                columns.entry(node).or_default()[state_of(cell) as usize] += 1;
            }
        }
        assert_eq!((tally.clean, tally.doubt), (clean, doubt));
        for state in State::ALL {
            let count = rows.iter().filter(|row| row.cluster_state == state.as_str()).count();
            assert_eq!(tally.rows.get(state) as usize, count);
            for name in NODES {
                let want = columns.get(name).map_or(0, |c| c[state as usize]);
                assert_eq!(self.matrix.node_tally(&node(name)).get(state), want, "{name} {state}");
            }
        }
    }
}

fn state_of(cell: &Cell) -> State {
    let word = match cell {
        Cell::Spoken(spoken) => spoken.state,
        Cell::Silent { state } => state,
    };
    State::parse(word).expect("one of the five")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_is_the_fold_from_scratch(events in prop::collection::vec(any_event(), 0..60)) {
        let mut bench = Bench::default();
        for event in &events {
            bench.apply(event);
            bench.compare();
        }
        bench.take();
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(
        reports in prop::collection::btree_map(0..NODES.len(), prop::collection::btree_map(0..WWIDS.len(), any_entry(), 0..6), 0..5),
        online in prop::collection::btree_map(0..NODES.len(), any::<bool>(), 0..6),
        watched in prop::collection::vec(0..WWIDS.len(), 0..6),
        expected in prop::collection::btree_map(0..WWIDS.len(), prop::collection::vec(0..NODES.len(), 0..4), 0..4),
        order in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let mut events: Vec<Event> = Vec::new();
        events.extend(reports.into_iter().map(|(n, r)| Event::Report(n, Some(r.into_iter().collect()))));
        events.extend(online.into_iter().map(|(n, on)| Event::Online(n, on)));
        events.push(Event::Watched(watched));
        events.extend(expected.into_iter().map(|(w, n)| Event::Expected(w, n)));
        let mut straight = Bench::default();
        events.iter().for_each(|e| straight.apply(e));
        let mut shuffled = Bench::default();
        for index in order {
            if events.is_empty() { break }
            let event = events.remove(index.index(events.len()));
            shuffled.apply(&event);
        }
        events.iter().for_each(|e| shuffled.apply(e));
        prop_assert_eq!(json(&straight.matrix), json(&shuffled.matrix));
        prop_assert_eq!(straight.matrix.tally(), shuffled.matrix.tally());
    }
}

#[test]
fn a_row_s_number_is_used_again_only_after_its_end_was_told() {
    let mut matrix = Matrix::new();
    let (a, b) = (node("a"), node("b"));
    matrix.set_report(&a, Some(&[(wwid("w1"), Entry::of(State::Optimal))]));
    let first = matrix.take_changes();
    assert_eq!((first.rows.len(), first.removed.len()), (1, 0));
    matrix.set_report(&a, None);
    matrix.set_report(&b, Some(&[(wwid("w2"), Entry::of(State::Optimal))]));
    let second = matrix.take_changes();
    assert_eq!(second.removed, [(first.rows[0], wwid("w1"))]);
    assert_ne!(second.rows, first.rows);
    matrix.set_report(&a, Some(&[(wwid("w3"), Entry::of(State::Optimal))]));
    assert_eq!(matrix.take_changes().rows, first.rows);
    assert!(matrix.row(RowId(77)).is_none());
}

#[test]
fn nothing_is_left_when_everything_was_taken_back() {
    let mut matrix = Matrix::new();
    for round in 0..50 {
        let name = node(&format!("n{round}"));
        matrix.set_online(&name, true);
        matrix.set_report(&name, Some(&[(wwid(&format!("w{round}")), Entry::of(State::Failed))]));
        matrix.set_expected(&wwid("x"), &[node(&format!("ghost{round}"))]);
        matrix.set_watched([wwid("x")]);
        matrix.take_changes();
        matrix.forget_node(&name);
        matrix.set_expected(&wwid("x"), &[]);
        matrix.set_watched([]);
        let ids: Vec<u32> = matrix.take_changes().removed.iter().map(|r| r.0.0).collect();
        assert!(ids.iter().all(|&id| id < 4), "row numbers grow: {ids:?}");
        assert_eq!((matrix.rows().count(), matrix.nodes().count()), (0, 0));
        assert_eq!(matrix.tally().rows, ByState::default());
    }
}

#[test]
fn exit_status_is_the_first_that_applies() {
    let check = |states: &[State], partial: bool, status: u8| {
        let mut matrix = Matrix::new();
        matrix.set_online(&node("n"), true);
        let entries: Vec<_> =
            states.iter().enumerate().map(|(i, &s)| (wwid(&format!("w{i}")), Entry::of(s))).collect();
        matrix.set_report(&node("n"), Some(&entries));
        assert_eq!(exit_status(&matrix.tally(), partial), status, "{states:?} {partial}");
    };
    use State::{Degraded, Failed, Missing, Optimal, Unknown};
    check(&[], false, 0);
    check(&[], true, 3);
    check(&[Optimal, Optimal], false, 0);
    check(&[Optimal], true, 3);
    check(&[Optimal, Unknown], false, 3);
    check(&[Unknown, Degraded], true, 1);
    check(&[Degraded, Missing], true, 2);
    check(&[Failed, Unknown, Degraded], false, 2);
    // Doubt: an optimal row with a cell of which nobody can tell.
    let mut matrix = Matrix::new();
    matrix.set_online(&node("n"), true);
    for name in ["n", "off"] {
        matrix.set_report(&node(name), Some(&[(wwid("w"), Entry::of(Optimal))]));
    }
    assert_eq!(exit_status(&matrix.tally(), false), 3);
    assert_eq!(matrix.tally().doubt, 1);
}
