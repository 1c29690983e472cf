//! The law: absence is never recovery, doubt is never health. What the fold keeps of it by itself, as its module's
//! comment says; the last test pins what it cannot keep, so that nobody relies on it.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_model::matrix::{Matrix, exit_status};
use pathkeeper_model::{Entry, NodeName, State, Wwid};
use proptest::prelude::*;

const NODES: [&str; 4] = ["a", "b", "c", "d"];
const WWIDS: [&str; 4] = ["w1", "w2", "w3", "w4"];

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).expect("not empty")
}

fn node(text: &str) -> NodeName {
    NodeName::new(text).expect("not empty")
}

#[derive(Clone, Debug)]
struct Cluster {
    reports: BTreeMap<usize, BTreeMap<usize, State>>,
    online: BTreeSet<usize>,
    watched: BTreeSet<usize>,
    expected: BTreeMap<usize, BTreeSet<usize>>,
}

impl Cluster {
    fn matrix(&self) -> Matrix {
        let mut matrix = Matrix::new();
        for (&n, report) in &self.reports {
            let entries: Vec<_> = report.iter().map(|(&w, &s)| (wwid(WWIDS[w]), Entry::of(s))).collect();
            matrix.set_report(&node(NODES[n]), Some(&entries));
        }
        self.online.iter().for_each(|&n| matrix.set_online(&node(NODES[n]), true));
        matrix.set_watched(self.watched.iter().map(|&w| wwid(WWIDS[w])));
        for (&w, nodes) in &self.expected {
            let nodes: Vec<NodeName> = nodes.iter().map(|&n| node(NODES[n])).collect();
            matrix.set_expected(&wwid(WWIDS[w]), &nodes);
        }
        matrix
    }

    fn names(&self, n: usize, w: usize) -> bool {
        self.reports.get(&n).is_some_and(|report| report.contains_key(&w))
    }

    fn expects(&self, w: usize, n: usize) -> bool {
        self.watched.contains(&w) && self.expected.get(&w).is_some_and(|nodes| nodes.contains(&n))
    }
}

fn any_cluster() -> impl Strategy<Value = Cluster> {
    let state = prop_oneof![5 => Just(State::Optimal), 2 => prop::sample::select(&State::ALL[..])];
    (
        prop::collection::btree_map(0..4usize, prop::collection::btree_map(0..4usize, state, 0..5), 0..5),
        prop::collection::btree_set(0..4usize, 0..5),
        prop::collection::btree_set(0..4usize, 0..5),
        prop::collection::btree_map(0..4usize, prop::collection::btree_set(0..4usize, 0..5), 0..5),
    )
        .prop_map(|(reports, online, watched, expected)| Cluster { reports, online, watched, expected })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// A node that goes silent makes no LUN clean that it named or should carry, and touches no other.
    #[test]
    fn silence_makes_nothing_clean(cluster in any_cluster(), n in 0..4usize) {
        let before = cluster.matrix();
        let mut after = before.clone();
        after.set_online(&node(NODES[n]), false);
        for (w, &name) in WWIDS.iter().enumerate() {
            let Some(row) = after.row_of(&wwid(name)) else {
                prop_assert!(before.row_of(&wwid(name)).is_none());
                continue;
            };
            if cluster.names(n, w) || cluster.expects(w, n) {
                prop_assert!(!row.is_clean());
                prop_assert_eq!(row.cell(NODES[n]).map(|cell| cell.state), Some(State::Unknown));
                prop_assert_ne!(exit_status(&after.tally(), false), 0);
            }
            for other in (0..4).filter(|&other| other != n) {
                let state = |m: &Matrix| m.row_of(&wwid(name)).and_then(|r| r.cell(NODES[other])).map(|c| c.state);
                prop_assert_eq!(state(&before), state(&after));
            }
        }
    }

    /// A report that is taken away leaves `missing` or `unknown` where the node is explicitly expected; no cell of another
    /// node changes.
    #[test]
    fn a_report_that_goes_leaves_no_good_cell(cluster in any_cluster(), n in 0..4usize) {
        let mut after = cluster.matrix();
        after.set_report(&node(NODES[n]), None);
        for (w, &name) in WWIDS.iter().enumerate() {
            let row = after.row_of(&wwid(name));
            let cell = row.and_then(|row| row.cell(NODES[n])).map(|cell| cell.state);
            if cluster.expects(w, n) {
                let want = if cluster.online.contains(&n) { State::Missing } else { State::Unknown };
                prop_assert_eq!(cell, Some(want));
                prop_assert!(!row.is_some_and(|row| row.is_clean()));
            } else {
                prop_assert_eq!(cell, None);
            }
        }
    }

    /// `optimal` is only ever an online node's own word.
    #[test]
    fn nobody_is_optimal_by_hearsay(cluster in any_cluster()) {
        for row in cluster.matrix().rows() {
            for (name, cell) in row.cells() {
                if cell.state == State::Optimal {
                    let n = NODES.iter().position(|x| *x == name.as_str()).expect("a node");
                    let w = WWIDS.iter().position(|x| *x == row.wwid().as_str()).expect("a LUN");
                    prop_assert!(cluster.online.contains(&n));
                    prop_assert_eq!(cluster.reports[&n].get(&w), Some(&State::Optimal));
                }
            }
            if row.cluster_state() == State::Optimal {
                prop_assert!(row.cells().any(|(_, cell)| cell.state == State::Optimal));
            }
        }
    }
}

/// What the contract's fold lets go, and what is fed into it has to hold: see the comment of `fold`.
#[test]
fn what_the_fold_cannot_keep_by_itself() {
    let optimal = |w: &str| (wwid(w), Entry::of(State::Optimal));
    let mut matrix = Matrix::new();
    for name in ["a", "b"] {
        matrix.set_online(&node(name), true);
    }
    matrix.set_watched([wwid("w1")]);
    matrix.set_report(&node("a"), Some(&[optimal("w1")]));
    matrix.set_report(&node("b"), Some(&[]));
    let state = |m: &Matrix| m.row_of(&wwid("w1")).map(|row| (row.cluster_state(), row.is_clean()));
    assert_eq!(state(&matrix), Some((State::Missing, false)));

    // Without explicit nodes, a silent node that did not name the LUN leaves the expected set.
    let mut silent = matrix.clone();
    silent.set_online(&node("b"), false);
    assert_eq!(state(&silent), Some((State::Optimal, true)));
    // With explicit nodes it does not.
    matrix.set_expected(&wwid("w1"), &[node("a"), node("b")]);
    let mut silent = matrix.clone();
    silent.set_online(&node("b"), false);
    assert_eq!(state(&silent), Some((State::Optimal, false)));
    assert_eq!(exit_status(&silent.tally(), false), 3);
    // A LUN that is taken off the watched set is expected by nobody.
    matrix.set_watched([]);
    assert_eq!(state(&matrix), Some((State::Optimal, true)));
}
