//! Times of the expectations. docs/performance.md has the targets and what was measured.
#![allow(clippy::expect_used, reason = "a bench may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pathkeeper_model::detail::{Carried, Facts, OnMap};
use pathkeeper_model::expect::Expectations;
use pathkeeper_model::ledger::VgMark;
use pathkeeper_model::local::Pv;
use pathkeeper_model::storage_cfg::{Storage, StorageCfg, StorageKind};
use pathkeeper_model::{EpochS, NodeName, Wwid};

const LUNS: usize = 1_000;
const NODES: usize = 100;
const STORAGES: usize = 300;

fn node(number: usize) -> NodeName {
    NodeName::new(&format!("node{number:04}")).expect("not empty")
}

/// Every node carries every LUN; three or four LUNs are a volume group, whose UUID only some nodes know now.
fn facts(node: usize) -> Facts {
    let mut facts = Facts::default();
    for lun in 0..LUNS {
        let wwid = Wwid::new(&format!("3600a0980383044{lun:06}3634c4870{:08x}", lun as u32 ^ 0x5bd1_e995));
        let wwid = wwid.expect("not empty");
        let (name, uuid) = (format!("vg{:03}", lun % STORAGES), Some(format!("uuid-{:03}", lun % STORAGES)));
        let active = (lun + node).is_multiple_of(4);
        let pv = Pv {
            uuid: Some(format!("pv-{lun}")),
            vg_name: Some(name.clone()),
            vg_uuid: uuid.clone().filter(|_| active),
        };
        facts.maps.insert(wwid.clone(), OnMap { pvs: vec![pv], targets: BTreeSet::new() });
        let since = EpochS(1_783_000_000 + node as i64);
        facts.ledger.insert(wwid, Carried { since, vg: Some(VgMark { name, uuid }) });
    }
    facts
}

/// A shared lvm storage for each volume group; every other one is for 30 nodes.
fn storages() -> StorageCfg {
    let storage = |n: usize| Storage {
        id: format!("san{n:03}"),
        line: 1,
        disabled: false,
        nodes: (n % 2 == 1).then(|| (0..30).map(|k| node((n + 3 * k) % NODES)).collect()),
        kind: StorageKind::Lvm { vg: format!("vg{n:03}"), base: None, shared: true },
    };
    StorageCfg { storages: (0..STORAGES).map(storage).collect(), problems: Vec::new() }
}

fn expectations(c: &mut Criterion) {
    let all: BTreeMap<NodeName, Facts> = (0..NODES).map(|n| (node(n), facts(n))).collect();
    let members: BTreeSet<NodeName> = all.keys().cloned().collect();
    let cfg = storages();
    let told = || {
        let mut all_told = Expectations::new();
        all_told.set_members(&members);
        all_told.set_storages(Some(&cfg));
        for (node, facts) in &all {
            all_told.set_heard(node, true);
            all_told.set_node(node, Some(facts));
        }
        all_told
    };
    let mut group = c.benchmark_group("expectations 1000x100x300");
    group.sample_size(20);
    group.bench_function("all that is told, to who should carry what", |b| {
        b.iter(|| {
            let mut made = told();
            let changes = made.take_changes();
            assert_eq!(changes.luns.len(), LUNS);
            // Dropping is no part of it.
            made
        });
    });
    group.bench_function("what is told stands, all is made of it", |b| {
        b.iter_batched(told, |mut made| (made.take_changes(), made), BatchSize::PerIteration);
    });

    let mut made = told();
    made.take_changes();
    let mut other = cfg.clone();
    if let Some(storage) = other.storages.get_mut(STORAGES / 2) {
        storage.nodes = Some((0..10).map(node).collect());
    }
    let mut turn = false;
    group.bench_function("one storage changed", |b| {
        b.iter(|| {
            turn = !turn;
            made.set_storages(Some(if turn { &other } else { &cfg }));
            let changes = made.take_changes();
            assert!((1..10).contains(&changes.luns.len()));
            black_box(changes)
        });
    });
    let mut less = members.clone();
    less.pop_last();
    group.bench_function("one member more or less", |b| {
        b.iter(|| {
            turn = !turn;
            made.set_members(if turn { &less } else { &members });
            black_box(made.take_changes())
        });
    });
    made.set_members(&members);
    let (name, mut fewer) = (node(7), facts(7));
    fewer.maps.pop_last();
    fewer.ledger.pop_last();
    let whole = facts(7);
    group.bench_function("one node with one LUN more or less", |b| {
        b.iter(|| {
            turn = !turn;
            made.set_node(&name, Some(if turn { &fewer } else { &whole }));
            black_box(made.take_changes())
        });
    });
    group.finish();
}

criterion_group!(benches, expectations);
criterion_main!(benches);
