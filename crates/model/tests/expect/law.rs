//! Properties: nothing that is taken off a list makes anything look better, and what is told counts, not when.

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_model::expect::{By, Expectations, Outcome};
use pathkeeper_model::{NodeName, Wwid};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::lab::{World, all, config, facts, name, names, orders, storages, wwid};

const NODES: [&str; 4] = ["a", "b", "c", "d"];
const LUNS: [&str; 4] = ["w1", "w2", "w3", "w4"];

fn some_nodes() -> impl Strategy<Value = String> {
    subsequence(NODES.to_vec(), 0..=4).prop_map(|nodes| match nodes.as_slice() {
        [] => String::new(),
        nodes => format!("\tnodes {}\n", nodes.join(",")),
    })
}

/// One storage's section without its name.
fn storage() -> impl Strategy<Value = (&'static str, String)> {
    let vg = prop_oneof![Just("vg0"), Just("vg1")];
    let kind = prop_oneof![
        (vg.clone(), any::<bool>())
            .prop_map(|(vg, shared)| ("lvm", format!("\tvgname {vg}\n\tshared {}\n", u8::from(shared)))),
        select(LUNS.to_vec()).prop_map(|lun| ("lvm", format!("\tvgname vg0\n\tbase st1:0.0.1.scsi-{lun}\n"))),
        vg.prop_map(|vg| ("lvmthin", format!("\tvgname {vg}\n\tthinpool t\n"))),
        Just(("iscsi", "\tportal 10.0.0.1\n\ttarget iqn.t\n".to_owned())),
        subsequence(LUNS.to_vec(), 1..=3)
            .prop_map(|luns| ("multipath", format!("\twwids {}\n", luns.join(",")))),
        Just(("multipath", String::new())),
    ];
    (kind, some_nodes()).prop_map(|((kind, body), nodes)| (kind, format!("{body}{nodes}")))
}

/// What a node tells of one LUN.
fn word() -> impl Strategy<Value = String> {
    let vg = select(vec!["", "=vg0/U1", "=vg0/U1", "=vg0", "=vg0/U2", "=vg1/U9", "=?"]);
    let kind = select(vec!["", "led:", "map:"]);
    (kind, select(LUNS.to_vec()), vg, select(vec!["", "", ">iqn.t"]))
        .prop_map(|(kind, lun, vg, target)| format!("{kind}{lun}{vg}{target}"))
}

fn order() -> impl Strategy<Value = String> {
    let node = prop_oneof![Just(""), select(NODES.to_vec())];
    (select(vec!["retire", "forget"]), select(LUNS.to_vec()), node)
        .prop_map(|(k, l, n)| format!("{k} {l} {n}"))
}

/// A storage.cfg whose storage `off` is disabled and `without` is not there.
fn cfg_of(all: &[(&str, String)], off: Option<usize>, without: Option<usize>) -> String {
    let section = |(n, (kind, body)): (usize, &(&str, String))| {
        format!("{kind}: st{n}\n{body}{}\n", if off == Some(n) { "\tdisable\n" } else { "" })
    };
    all.iter().enumerate().filter(|(n, _)| without != Some(*n)).map(section).collect()
}

#[derive(Clone, Debug)]
struct Given {
    storages: Vec<(&'static str, String)>,
    sections: BTreeMap<&'static str, String>,
    nodes: Vec<Vec<String>>,
    orders: Vec<String>,
}

fn given() -> impl Strategy<Value = Given> {
    (
        prop::collection::vec(storage(), 0..5),
        prop::collection::btree_map(select(LUNS.to_vec()), some_nodes(), 0..3),
        prop::collection::vec(prop::collection::vec(word(), 0..6), 4),
        prop::collection::vec(order(), 0..3),
    )
        .prop_map(|(storages, sections, nodes, orders)| Given { storages, sections, nodes, orders })
}

impl Given {
    fn world(&self) -> World {
        let mut world = World::new("a b c d").storages(&cfg_of(&self.storages, None, None));
        world = world.config(&sections(&self.sections)).orders(&self.orders.join("\n"));
        for (node, words) in NODES.into_iter().zip(&self.nodes) {
            world = world.node(node, &words.join(" "));
        }
        world
    }
}

fn sections(all: &BTreeMap<&str, String>) -> String {
    all.iter().map(|(lun, body)| format!("wwid: {lun}\n{body}\n")).chain(["\n".to_owned()]).collect()
}

/// Nodes that have a LUN in their ledger and are not told that it is retired.
fn carriers(world: &World, made: &Expectations) -> BTreeMap<Wwid, BTreeSet<NodeName>> {
    let mut out: BTreeMap<Wwid, BTreeSet<NodeName>> = BTreeMap::new();
    for (node, text) in &world.nodes {
        for lun in facts(text).ledger.into_keys().filter(|lun| !made.is_retired(lun, &name(node))) {
            out.entry(lun).or_default().insert(name(node));
        }
    }
    out
}

fn expects(outcome: Option<&Outcome>, node: &NodeName) -> bool {
    outcome
        .is_some_and(|o| o.watched && (o.by == [By::Active] && o.nodes.is_empty() || o.nodes.contains(node)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// A storage is disabled: whoever has carried a LUN and was expected to is so still.
    #[test]
    fn to_disable_a_storage_frees_nobody_who_carried(given in given(), which: Index) {
        prop_assume!(!given.storages.is_empty());
        let world = given.world();
        let before = world.made();
        let off = Some(which.index(given.storages.len()));
        let after = World { storages: Some(cfg_of(&given.storages, off, None)), ..world.clone() }.made();
        for (lun, nodes) in carriers(&world, &before) {
            for node in nodes.iter().filter(|node| expects(before.of(&lun), node)) {
                prop_assert!(expects(after.of(&lun), node), "{lun} on {node}: {:?}", after.of(&lun));
            }
        }
    }

    /// A storage or a section goes: a LUN that somebody has carried is still watched, and somebody is expected.
    #[test]
    fn to_take_something_off_leaves_no_carried_lun_to_nobody(given in given(), which: Index) {
        let world = given.world();
        let before = world.made();
        let storages = given.storages.len();
        prop_assume!(storages + given.sections.len() > 0);
        let at = which.index(storages + given.sections.len());
        let mut after = world.clone();
        if at < storages {
            after.storages = Some(cfg_of(&given.storages, None, Some(at)));
        } else {
            let mut left = given.sections.clone();
            left.remove(given.sections.keys().nth(at - storages).unwrap());
            after.config = Some(sections(&left));
        }
        let after = after.made();
        for (lun, _) in carriers(&world, &before) {
            prop_assert!(after.of(&lun).is_some_and(|o| o.watched && !o.nodes.is_empty()), "{lun}: {:?}", after.of(&lun));
        }
    }

    /// All documents are emptied: exactly the ledgers are left.
    #[test]
    fn emptied_documents_leave_the_ledgers(given in given(), gone: bool) {
        let world = given.world();
        let storages = (!gone).then(String::new);
        let after = World { storages, config: Some("\n".into()), ..world.clone() }.made();
        let left: BTreeMap<Wwid, BTreeSet<NodeName>> = all(&after)
            .into_iter()
            .filter(|(_, o)| o.watched)
            .map(|(lun, o)| (lun, o.nodes.iter().cloned().collect()))
            .collect();
        prop_assert_eq!(left, carriers(&world, &after));
    }

    /// While no node has a LUN's map without its group, no map that goes takes the LUN out of the group.
    #[test]
    fn a_group_that_nobody_sees_any_more_keeps_its_luns(
        on in prop::collection::vec(select(vec!["vg0/U1", "vg0/U2", "vg1/U9"]), 4),
        nodes in prop::collection::vec(subsequence(LUNS.to_vec(), 0..=4), 4),
        lost in prop::collection::vec(subsequence(LUNS.to_vec(), 0..=4), 4),
    ) {
        let on: BTreeMap<&str, &str> = LUNS.into_iter().zip(on).collect();
        let tell = |lost: &[Vec<&str>]| {
            let cfg = "lvm: st0\n\tvgname vg0\n\tshared 1\n\nlvm: st1\n\tvgname vg1\n\tshared 1\n";
            let mut world = World::new("a b c d").storages(cfg);
            for (n, node) in NODES.into_iter().enumerate() {
                let word = |lun: &&str| {
                    let only = if lost.get(n).is_some_and(|lost| lost.contains(lun)) { "led:" } else { "" };
                    format!("{only}{lun}={}", on[lun])
                };
                world = world.node(node, &nodes[n].iter().map(word).collect::<Vec<_>>().join(" "));
            }
            all(&world.made())
        };
        prop_assert_eq!(tell(&[]), tell(&lost));
    }

    /// However it came to this: all that was told last gives the same as told once, in another order.
    #[test]
    fn what_was_told_last_counts_and_not_the_way(
        steps in prop::collection::vec((given(), 0u8..6, any::<bool>()), 1..8),
    ) {
        let mut live = Expectations::new();
        let mut last = World::new("");
        last.nodes = NODES.into_iter().map(|node| (node, String::new())).collect();
        let mut known: BTreeMap<&str, Option<String>> = BTreeMap::new();
        let mut told: BTreeMap<Wwid, Outcome> = BTreeMap::new();
        let mut watched: Vec<Wwid> = Vec::new();
        for (given, what, flag) in steps {
            match what {
                0 => {
                    last.members = if flag { "a b c d".into() } else { "a b".into() };
                    live.set_members(&names(&last.members));
                }
                1 => {
                    last.storages = flag.then(|| cfg_of(&given.storages, None, None));
                    live.set_storages(last.storages.as_deref().map(storages).as_ref());
                }
                2 => {
                    last.config = Some(sections(&given.sections));
                    live.set_config(&config(last.config.as_deref().unwrap()));
                }
                3 => {
                    last.orders = given.orders.join("\n");
                    live.set_orders(&orders(&last.orders));
                }
                _ => {
                    for (node, words) in NODES.into_iter().zip(&given.nodes).skip(usize::from(what) - 4) {
                        let text = (flag || words.len() % 2 == 0).then(|| words.join(" "));
                        live.set_node(&name(node), text.as_deref().map(facts).as_ref());
                        live.set_heard(&name(node), flag && text.is_some());
                        if !flag && text.is_some() {
                            last.silent.push(node);
                        } else {
                            last.silent.retain(|n| *n != node);
                        }
                        known.insert(node, text);
                    }
                }
            }
            let changes = live.take_changes();
            watched = changes.watched.unwrap_or(watched);
            for (lun, outcome) in changes.luns {
                prop_assert_ne!(told.get(&lun), Some(&outcome), "it is told only if it is another");
                told.insert(lun, outcome);
            }
        }
        last.nodes =
            known.into_iter().rev().filter_map(|(node, text)| Some((node, text?))).collect();
        let fresh = last.made();
        prop_assert_eq!(all(&live), all(&fresh));
        prop_assert_eq!(live.findings(&Default::default()), fresh.findings(&Default::default()));
        for lun in LUNS.map(wwid) {
            let of = fresh.of(&lun).cloned().unwrap_or_default();
            prop_assert_eq!(watched.contains(&lun), of.watched);
            prop_assert_eq!(told.get(&lun).cloned().unwrap_or_default(), of, "what was told of {}", lun);
        }
    }
}
