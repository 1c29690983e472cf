//! Memory of a matrix of 1,000 nodes × 10,000 LUNs, and of the kept detail of 32 nodes × 500 LUNs × 8 paths, all told: what
//! the process's resident set grows by.
//!
//! The resident set and not a counting allocator: it counts the allocator's own waste too, and needs no `unsafe`.
#![allow(clippy::disallowed_methods, reason = "a tool of its own that takes arguments; the crate stays pure")]
#![allow(clippy::expect_used, reason = "a bench may panic")]

use std::fs;

use pathkeeper_model::detail::{DetailPart, Facts, Head, Packed, encode};
use pathkeeper_model::expect::Expectations;
use pathkeeper_model::ledger::{Ledger, Lun, Port};
use pathkeeper_model::local::NodeRead;
use pathkeeper_model::matrix::Matrix;
use pathkeeper_model::report::Stamp;
use pathkeeper_model::topology::{NodePaths, Texts};
use pathkeeper_model::{Entry, EpochS, Instance, NodeName, State, Transport, Wwid};

#[path = "../tests/large/mod.rs"]
#[allow(dead_code, reason = "shared with tests")]
mod large;

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kib = line.split_whitespace().nth(1).expect("a number");
    kib.parse::<usize>().expect("a number") << 10
}

const DETAIL_NODES: usize = 32;
const DETAIL_LUNS: usize = 500;
const DETAIL_PATHS: usize = 8;

/// What one node publishes: all nodes see the same LUNs and target ports, each by adapters of its own, and remember all of it.
fn published(n: usize) -> Packed {
    let mut read: NodeRead = large::node(DETAIL_LUNS, DETAIL_PATHS);
    let mut ledger = Ledger::default();
    for map in &mut read.maps {
        let mut lun = Lun { since: EpochS(1), seen: EpochS(2), ports: Vec::new(), vg: None };
        for path in map.groups.iter_mut().flat_map(|group| &mut group.paths) {
            let port =
                path.adapter_port.as_deref().unwrap_or_default().replace("21:00", &format!("21:{n:02x}"));
            let target = path.target_port.as_deref().unwrap_or_default();
            lun.ports.push(Port { adapter: port.as_str().into(), target: target.into(), paths: 1 });
            path.adapter_port = Some(port.into());
        }
        ledger.luns.insert(map.wwid.clone(), lun);
    }
    read.own_wwids = Some(read.maps.iter().map(|map| map.wwid.clone()).collect());
    let node = NodeName::new(&format!("node{n:04}")).expect("text");
    let head = Head { node, stamp: Stamp { instance: Instance(n as u64), seq: 1 }, time: EpochS(1) };
    let parts = encode(&head, &read, Some(&ledger)).expect("it fits");
    Packed::new(parts.iter().map(|part| DetailPart::decode(part).expect("a part")).collect())
}

/// All that an observer keeps of what nodes publish of their paths: as it came, packed for findings, and for expectations.
fn detail() {
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    let take = |packed: &Packed, texts: &mut Texts| -> (NodePaths, Facts) {
        let detail = packed.unpack().expect("our own");
        (NodePaths::of(&detail, texts), Facts::of(&detail))
    };
    // What is only needed on the way is in the resident set before anything is kept.
    let _ = take(&published(DETAIL_NODES), &mut Texts::default());
    let before = resident_bytes();
    let all: Vec<Packed> = (0..DETAIL_NODES).map(published).collect();
    let came = resident_bytes();
    let (mut texts, mut expectations) = (Texts::default(), Expectations::new());
    let mut kept = Vec::new();
    for (n, packed) in all.iter().enumerate() {
        let (paths, facts) = take(packed, &mut texts);
        expectations.set_node(&NodeName::new(&format!("node{n:04}")).expect("text"), Some(&facts));
        kept.push(paths);
    }
    let after = resident_bytes();
    let paths: usize = kept.iter().flat_map(|node| &node.luns).map(|lun| lun.paths.len()).sum();
    println!(
        "detail of {DETAIL_NODES} nodes x {DETAIL_LUNS} LUNs x {DETAIL_PATHS} paths: {} bytes kept ({:.1} MiB): {:.1} MiB as \
         it came, {:.1} MiB for findings and expectations, {:.0} bytes a path, {} shared texts",
        after.saturating_sub(before),
        mib(after.saturating_sub(before)),
        mib(came.saturating_sub(before)),
        mib(after.saturating_sub(came)),
        after.saturating_sub(before) as f64 / paths as f64,
        texts.len(),
    );
}

fn main() {
    detail();
    let number = |i: usize, default| std::env::args().nth(i).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (nodes, luns) = (number(1, 1_000), number(2, 10_000));
    let wwid = |lun: usize| Wwid::new(&format!("3600a0980383044{lun:06}3634c4870{lun:08x}")).expect("text");
    let node = |n: usize| NodeName::new(&format!("node{n:04}")).expect("text");
    // One report is used for all nodes, so that only the matrix grows. Two sizes in one row of 100; counts beyond 16 bits
    // in one cell of 10,000: such go to the side table.
    let mut report: Vec<(Wwid, Entry)> = (0..luns)
        .map(|lun| {
            let entry = Entry {
                state: State::Optimal,
                paths_active: Some(4),
                paths_total: Some(4),
                paths_expected: Some(4),
                transport: Some(Transport::Fc),
                size_bytes: Some(1 << 40),
            };
            (wwid(lun), entry)
        })
        .collect();
    let before = resident_bytes();
    let mut matrix = Matrix::new();
    matrix.set_watched((0..luns).map(wwid));
    for n in 0..nodes {
        for (lun, (_, entry)) in report.iter_mut().enumerate() {
            entry.size_bytes = Some(if lun % 100 == 0 && n % 2 == 0 { 2 << 40 } else { 1 << 40 });
            entry.paths_total = Some(if (lun + n) % 10_000 == 0 { 70_000 } else { 4 });
        }
        matrix.set_online(&node(n), true);
        matrix.set_report(&node(n), Some(&report));
    }
    let changed = matrix.take_changes().rows.len();
    let grown = resident_bytes() - before;
    let cells = nodes * luns;
    println!(
        "{nodes} nodes x {luns} LUNs: {:.1} MiB, {:.2} bytes a cell ({changed} rows)",
        grown as f64 / f64::from(1 << 20),
        grown as f64 / cells as f64
    );
}
