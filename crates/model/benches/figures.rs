//! Times of the fold, the matrix and the report codec. docs/performance.md has the targets and what was measured.
#![allow(clippy::expect_used, reason = "a bench may panic")]

#[path = "../tests/large/mod.rs"]
#[allow(dead_code, reason = "shared with tests")]
mod large;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pathkeeper_model::detail::{DetailPart, Fingerprint, Head, Packed, encode as encode_detail};
use pathkeeper_model::discover::{Discovery, Node};
use pathkeeper_model::fold::{Input, Interner, NodeInput, Spoken, fold};
use pathkeeper_model::local::PathDevice;
use pathkeeper_model::matrix::Matrix;
use pathkeeper_model::report::{Join, Joiner, Stamp, decode_part, encode};
use pathkeeper_model::{Entry, EpochS, Instance, NodeName, State, Transport, Wwid};

const NODES: usize = 1_000;
const LUNS: usize = 1_000;

fn wwid(lun: usize) -> Wwid {
    Wwid::new(&format!("3600a0980383044{lun:06}3634c4870{:08x}", lun as u32 ^ 0x5bd1_e995))
        .expect("not empty")
}

fn node(number: usize) -> NodeName {
    NodeName::new(&format!("node{number:04}")).expect("not empty")
}

fn entry(state: State, paths_active: u32) -> Entry {
    Entry {
        state,
        paths_active: Some(paths_active),
        paths_total: Some(4),
        paths_expected: Some(4),
        transport: Some(Transport::Fc),
        size_bytes: Some(1 << 40),
    }
}

/// Each node's report as the codec gives it: every WWID a string of its own.
fn reports() -> Vec<(NodeName, Vec<(Wwid, Entry)>)> {
    (0..NODES)
        .map(|n| (node(n), (0..LUNS).map(|lun| (wwid(lun), entry(State::Optimal, 4))).collect()))
        .collect()
}

fn live_matrix(reports: &[(NodeName, Vec<(Wwid, Entry)>)]) -> Matrix {
    let mut matrix = Matrix::new();
    matrix.set_watched((0..LUNS).map(wwid));
    for (node, report) in reports {
        matrix.set_online(node, true);
        matrix.set_report(node, Some(report));
    }
    matrix.take_changes();
    matrix
}

/// The fold of 1,000 × 1,000 from scratch. The time of one iteration in milliseconds is nanoseconds a cell.
fn from_scratch(c: &mut Criterion) {
    let reports = reports();
    let mut group = c.benchmark_group("from scratch 1000x1000");
    group.sample_size(20).throughput(Throughput::Elements((NODES * LUNS) as u64));
    let watched: Vec<Wwid> = (0..LUNS).map(wwid).collect();
    group.bench_function("decoded reports to rows", |b| {
        b.iter(|| {
            let mut wwids = Interner::default();
            let mut transports = Interner::default();
            let allow: Vec<u32> = watched.iter().map(|w| wwids.id(w.as_str())).collect();
            let spoken: Vec<Vec<Spoken>> =
                reports.iter().map(|(_, report)| wwids.report(&mut transports, report)).collect();
            let input = input(&reports, &spoken, &wwids, &transports, allow);
            black_box(fold(&input).len())
        });
    });
    let mut wwids = Interner::default();
    let mut transports = Interner::default();
    let spoken: Vec<Vec<Spoken>> =
        reports.iter().map(|(_, report)| wwids.report(&mut transports, report)).collect();
    let input = input(&reports, &spoken, &wwids, &transports, (0..LUNS as u32).collect());
    group.bench_function("interned ids to rows", |b| b.iter(|| black_box(fold(&input).len())));
    group.bench_function("decoded reports to a live matrix", |b| {
        b.iter(|| black_box(live_matrix(&reports).tally()));
    });
    group.finish();
}

fn input<'a>(
    reports: &'a [(NodeName, Vec<(Wwid, Entry)>)],
    spoken: &'a [Vec<Spoken>],
    wwids: &Interner<'a>,
    transports: &Interner<'a>,
    allow: Vec<u32>,
) -> Input<'a> {
    Input {
        wwids: wwids.names().to_vec(),
        transports: transports.names().to_vec(),
        nodes: reports
            .iter()
            .zip(spoken)
            .map(|((node, _), report)| NodeInput { name: node.as_str(), online: true, report: Some(report) })
            .collect(),
        allow,
        ..Input::default()
    }
}

/// One report of 1,000 LUNs into a live matrix of 1,000 × 1,000.
fn live(c: &mut Criterion) {
    let mut matrix = live_matrix(&reports());
    let name = node(NODES / 2);
    let report = |state, active| -> Vec<(Wwid, Entry)> {
        (0..LUNS).map(|lun| (wwid(lun), entry(state, active))).collect()
    };
    let good = report(State::Optimal, 4);
    let bad = report(State::Degraded, 2);
    let mut one = good.clone();
    if let Some(first) = one.first_mut() {
        first.1 = entry(State::Degraded, 2);
    }
    let mut group = c.benchmark_group("one report of 1000 LUNs into 1000x1000");
    let mut turn = false;
    let mut pick = |a, b| {
        turn = !turn;
        if turn { a } else { b }
    };
    group.bench_function("decoded to changed rows, nothing changed", |b| {
        b.iter(|| {
            matrix.set_report(&name, Some(&good));
            assert!(matrix.take_changes().is_empty());
        });
    });
    group.bench_function("decoded to changed rows, one changed", |b| {
        b.iter(|| {
            matrix.set_report(&name, Some(pick(&one, &good)));
            black_box(matrix.take_changes())
        });
    });
    group.bench_function("decoded to changed rows, all changed", |b| {
        b.iter(|| {
            matrix.set_report(&name, Some(pick(&bad, &good)));
            black_box(matrix.take_changes())
        });
    });

    let written = |entries: &[(Wwid, Entry)], seq| {
        let stamp = Stamp { instance: Instance(7), seq };
        encode(stamp, EpochS(1_783_082_400), entries.iter().map(|(w, e)| (w, e))).parts
    };
    let mut seq = 0;
    let mut joiner = Joiner::new();
    group.bench_function("bytes to changed rows, all changed", |b| {
        b.iter_batched(
            || {
                seq += 1;
                written(pick(&bad, &good), seq)
            },
            |parts| {
                let mut changed = 0;
                for (at, part) in parts.iter().enumerate().rev() {
                    let key = u32::try_from(at + 1).expect("few");
                    let part = decode_part(part).expect("our own");
                    if let Join::Whole(report) = joiner.set(key, part) {
                        matrix.set_report(&name, Some(&report.entries));
                        changed = matrix.take_changes().rows.len();
                    }
                }
                changed
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("the node goes offline and comes back", |b| {
        let mut online = true;
        b.iter(|| {
            online = !online;
            matrix.set_online(&name, online);
            black_box(matrix.take_changes())
        });
    });
    group.bench_function("entries to bytes", |b| b.iter(|| black_box(written(&good, 1))));
    group.finish();
}

/// What a large node publishes of its maps and paths: is it another, packing it, unpacking it.
fn detail(c: &mut Criterion) {
    let read = large::node(500, 8);
    let stamp = Stamp { instance: Instance(1), seq: 1 };
    let head = Head { node: node(1), stamp, time: EpochS(1) };
    let parts = encode_detail(&head, &read, None).expect("it fits");
    let packed = Packed::new(parts.iter().map(|part| DetailPart::decode(part).expect("a part")).collect());
    let mut group = c.benchmark_group("detail 500x8");
    group.sample_size(20);
    group.bench_function("fingerprint", |b| b.iter(|| black_box(Fingerprint::of(&read))));
    group.bench_function("read to parts", |b| b.iter(|| black_box(encode_detail(&head, &read, None))));
    group.bench_function("parts to read", |b| b.iter(|| black_box(packed.unpack())));
    group.finish();
}

/// 32 nodes that see 125 new LUNs by 4 paths each: taking in what they read, and unpacking what they published.
fn discover(c: &mut Criterion) {
    const DISCOVER_NODES: usize = 32;
    let read = |_| {
        let mut read = large::node(125, 4);
        let maps = std::mem::take(&mut read.maps);
        let paths = maps.into_iter().flat_map(|map| map.groups).flat_map(|group| group.paths);
        read.loose = paths
            .map(|path| PathDevice {
                product: Some("NETAPP LUN C-Mode".into()),
                loose_because: "orphan".into(),
                ..path
            })
            .collect();
        read.own_wwids = Some((0..500).map(wwid).collect());
        read
    };
    let reads: Vec<_> = (0..DISCOVER_NODES).map(read).collect();
    let names: Vec<_> = (0..DISCOVER_NODES).map(node).collect();
    let stamp = Stamp { instance: Instance(1), seq: 1 };
    let pack = |(name, read)| {
        let head = Head { node: Clone::clone(name), stamp, time: EpochS(1) };
        let parts = encode_detail(&head, read, None).expect("it fits");
        Packed::new(parts.iter().map(|part| DetailPart::decode(part).expect("a part")).collect())
    };
    let packed: Vec<Packed> = names.iter().zip(&reads).map(pack).collect();
    let known: Vec<Wwid> = (0..LUNS).map(wwid).collect();
    let mut group = c.benchmark_group("discover 32 nodes x 500 devices");
    group.sample_size(20);
    group.bench_function("reads to LUNs", |b| {
        b.iter(|| {
            let mut discovery = Discovery::new(known.iter().cloned());
            for (name, read) in names.iter().zip(&reads) {
                discovery.add(&Node { name, doubt: None, is_new: false }, read);
            }
            black_box(discovery.finish().luns.len())
        });
    });
    group.bench_function("unpacking", |b| {
        b.iter(|| {
            packed.iter().for_each(|packed| drop(black_box(packed.unpack())));
        });
    });
    group.finish();
}

criterion_group!(benches, from_scratch, live, detail, discover);
criterion_main!(benches);
