//! What a picture says that was told of every change as it came is what one says that is told all of it at once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test may panic")]

use std::collections::BTreeMap;

use crate::load::{Load, name, now};
use pathkeeper_engine::cluster::{Cluster, ClusterConfig, ClusterEvent};
use proptest::prelude::*;

const NODES: usize = 4;
const LUNS: usize = 5;

fn cluster() -> Cluster {
    Cluster::new(ClusterConfig { observer: name(0), failover_worst_ms: 0 }, now(0))
}

/// What a node does: it puts its values, with this adapter down; or one of its values is cleared.
#[derive(Clone, Debug)]
enum Step {
    Puts(usize, Option<usize>),
    Clears(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..NODES, prop::option::of(0..2_usize)).prop_map(|(node, down)| Step::Puts(node, down)),
        1 => (0..NODES, 0..3_usize).prop_map(|(node, at)| Step::Clears(node, at)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn told_step_by_step_is_told_at_once(steps in prop::collection::vec(step(), 1..24), offline in 0..3_usize * NODES) {
        let mut load = Load::new(NODES, LUNS);
        let mut stepwise = cluster();
        let mut last: BTreeMap<(usize, String), Option<Vec<u8>>> = BTreeMap::new();
        let mut tell = |cluster: &mut Cluster, node: usize, values: Vec<ClusterEvent>, ms: u64| {
            for value in values {
                if let ClusterEvent::Value { key, bytes, .. } = &value {
                    last.insert((node, key.clone()), bytes.clone());
                }
                cluster.take(value, now(ms));
            }
        };
        let mut ms = 0;
        for node in 0..NODES {
            let values = load.values(node, None, ms);
            tell(&mut stepwise, node, values, ms);
        }
        for step in steps {
            ms += 100;
            match step {
                Step::Puts(node, down) => {
                    let values = load.values(node, down, ms);
                    tell(&mut stepwise, node, values, ms);
                }
                Step::Clears(node, at) => {
                    // A report that is cleared stands with its own age, and so does a detail: only who watched knows it.
                    let mut values = load.values(node, None, ms);
                    values.truncate(1);
                    if let Some(ClusterEvent::Value { bytes, .. }) = values.first_mut().filter(|_| at == 0) {
                        *bytes = None;
                    }
                    tell(&mut stepwise, node, values, ms);
                }
            }
        }
        let mut members = load.members();
        if let ClusterEvent::Members { nodes, .. } = &mut members
            && offline < NODES
        {
            nodes.insert(name(offline), false);
        }
        let mut at_once = cluster();
        for ((node, key), bytes) in last {
            at_once.take(ClusterEvent::Value { writer: name(node), key, bytes }, now(ms));
        }
        for cluster in [&mut stepwise, &mut at_once] {
            cluster.take(members.clone(), now(ms));
            cluster.apply(ClusterEvent::Listed, now(ms));
        }
        prop_assert_eq!(stepwise.findings(), at_once.findings());
        prop_assert_eq!(stepwise.causes().list(), at_once.causes().list());
        prop_assert_eq!(stepwise.health(), at_once.health());
        for row in stepwise.matrix().rows() {
            for (node, _) in row.cells() {
                let (one, other) = (stepwise.causes().cell(node, row.wwid()), at_once.causes().cell(node, row.wwid()));
                prop_assert_eq!(one, other);
            }
        }
        // Asked again, with what was found before in mind, nothing is another.
        let before = stepwise.findings().to_vec();
        stepwise.apply(ClusterEvent::Tick, now(ms + 5_001));
        prop_assert_eq!(stepwise.findings(), &before[..]);
    }
}
