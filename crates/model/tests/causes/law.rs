//! Laws over anything that nodes may tell.
#![allow(clippy::indexing_slicing, reason = "a generator may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pathkeeper_model::cause::{Causes, Index};
use pathkeeper_model::names::Names;
use pathkeeper_model::node_value::{DaemonWord, NodeValue};
use pathkeeper_model::topology::{NodePaths, PathWord, Route};
use pathkeeper_model::{EpochS, NodeName};
use proptest::prelude::*;

use super::lab::{ask, find, lun_seen, names_of, node_name, path, wwid};

/// Adapter, port, group, and how often it changed.
type Wire = (u8, u8, u8, u16);
/// Paths by wire and word, and what is remembered by wire.
type Cell = (Vec<(u16, u8)>, Vec<(u16, u16)>);

fn node(place: usize, wires: &[Wire], cells: &[Cell]) -> (NodePaths, NodeValue) {
    let text = |n: u8, of: &str| if n == 0 { Arc::from("") } else { Arc::from(format!("{of}{n}")) };
    let route = |&(adapter, port, group, changes): &Wire| Route {
        adapter: (adapter % 2 == 1).then(|| text(adapter, "host")),
        adapter_port: text(adapter, &format!("21:{place}:")),
        target_port: text(port, if port % 3 == 0 { "10.9.1." } else { "50:" }),
        target_node: (group % 2 == 0).then(|| text(group, "iqn")),
        port_group: (group > 0).then_some(u16::from(group)),
        changes_30_min: changes,
        changed_last: (changes > 3).then_some(EpochS(1_790_000_000)),
        ..Route::default()
    };
    let word = |n: u8| {
        [PathWord::Usable, PathWord::Down, PathWord::Contradiction, PathWord::Undecided][usize::from(n) % 4]
    };
    let luns = cells.iter().enumerate().map(|(lun, (paths, remembered))| {
        let paths = paths.iter().map(|(route, n)| path(*route, word(*n))).collect();
        lun_seen(wwid(lun), "x", paths, remembered.clone())
    });
    let routes = wires.iter().map(route).collect();
    let paths = NodePaths {
        read_at: Some(EpochS(1_790_000_060)),
        answered: true,
        routes,
        luns: luns.collect(),
        ..NodePaths::default()
    };
    (paths, NodeValue::of(DaemonWord::Running))
}

fn any_node() -> impl Strategy<Value = (Vec<Wire>, Vec<Cell>)> {
    let wire = (0..4_u8, 0..5_u8, 0..4_u8, 0..10_u16);
    let cell =
        (prop::collection::vec((0..9_u16, 0..4_u8), 0..6), prop::collection::vec((0..9_u16, 0..3_u16), 0..4));
    (prop::collection::vec(wire, 0..8), prop::collection::vec(cell, 0..6))
}

fn explained(
    causes: &Causes,
    told: &BTreeMap<NodeName, (NodePaths, NodeValue)>,
) -> Result<u32, TestCaseError> {
    let mut sum = 0;
    for (name, (paths, _)) in told {
        for cell in paths.luns.iter().filter_map(|lun| causes.cell(name, &lun.wwid)) {
            prop_assert!(cell.explained <= cell.expected - cell.usable);
            prop_assert!(cell.causes.iter().all(|at| (*at as usize) < causes.list().len()));
            sum += cell.explained;
        }
    }
    Ok(sum)
}

proptest! {
    #[test]
    fn each_path_has_one_cause_at_most_and_silence_claims_nothing(
        nodes in prop::collection::vec(any_node(), 1..5),
        silent in any::<prop::sample::Index>(),
    ) {
        let mut told: BTreeMap<_, _> = nodes
            .iter()
            .enumerate()
            .map(|(at, (wires, cells))| (node_name(at), node(at, wires, cells)))
            .collect();
        let (nobody, names) = (BTreeSet::new(), Names::default());
        let causes = find(&told, &nobody, &names, 1_000, &Causes::default());
        let sum = explained(&causes, &told)?;
        let claimed: u32 = causes.list().iter().filter_map(|f| Some(f.explains.as_ref()?.paths)).sum();
        prop_assert_eq!(sum, claimed);
        // The same again, and with what was found before: the same.
        prop_assert_eq!(names_of(&find(&told, &nobody, &names, 1_500, &causes)), names_of(&causes));
        // The order in which routes stand means nothing.
        let mut turned = told.clone();
        for (paths, _) in turned.values_mut() {
            let last = paths.routes.len().saturating_sub(1) as u16;
            paths.routes.reverse();
            for lun in &mut paths.luns {
                lun.paths.iter_mut().filter(|p| p.route <= last).for_each(|p| p.route = last - p.route);
                lun.remembered.iter_mut().filter(|r| r.0 <= last).for_each(|r| r.0 = last - r.0);
            }
        }
        if told.values().all(|(paths, _)| !paths.routes.is_empty()) {
            prop_assert_eq!(names_of(&find(&turned, &nobody, &names, 1_000, &Causes::default())), names_of(&causes));
        }
        // One more node that cannot be believed explains nothing more. It has the wiring of another: what a node that is silent
        // knows of groups and targets still counts, and may put names together or apart.
        let more = node_name(9);
        let (wires, cells) = silent.get(&nodes);
        told.insert(more.clone(), node(9, wires, cells));
        let with = find(&told, &BTreeSet::from([more]), &names, 1_000, &Causes::default());
        prop_assert_eq!(explained(&with, &told)?, sum);
    }

    /// An index that was told of each change answers as one that is made anew, whatever was found before.
    #[test]
    fn a_kept_index_is_as_good_as_a_new_one(
        steps in prop::collection::vec((0..4_usize, prop::option::weighted(0.8, any_node()), 0..90_u64), 1..12),
    ) {
        let (nobody, names) = (BTreeSet::new(), Names::default());
        let (mut told, mut index, mut before) = (BTreeMap::new(), Index::default(), Causes::default());
        let mut now_ms = 1_000;
        for (at, said, after_s) in steps {
            now_ms += after_s * 1_000;
            match said {
                Some((wires, cells)) => drop(told.insert(node_name(at), node(at, &wires, &cells))),
                None => drop(told.remove(&node_name(at))),
            }
            index.set(&node_name(at), told.get(&node_name(at)).map(|(paths, _)| paths));
            let kept = ask(&told, &nobody, &names, now_ms, |picture| Causes::find_in(picture, &index, &before));
            let anew = find(&told, &nobody, &names, now_ms, &before);
            prop_assert_eq!(kept.list(), anew.list());
            prop_assert_eq!(kept.domains(), anew.domains());
            for (name, (paths, _)) in &told {
                for lun in &paths.luns {
                    prop_assert_eq!(kept.cell(name, &lun.wwid), anew.cell(name, &lun.wwid));
                }
            }
            before = kept;
        }
    }
}
