//! Memory of a matrix of 1,000 nodes × 10,000 LUNs, all told: what the process's resident set grows by.
//!
//! The resident set and not a counting allocator: it counts the allocator's own waste too, and needs no `unsafe`.
#![allow(clippy::disallowed_methods, reason = "a tool of its own that takes arguments; the crate stays pure")]
#![allow(clippy::expect_used, reason = "a bench may panic")]

use std::fs;

use pathkeeper_model::matrix::Matrix;
use pathkeeper_model::{Entry, NodeName, State, Transport, Wwid};

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kib = line.split_whitespace().nth(1).expect("a number");
    kib.parse::<usize>().expect("a number") << 10
}

fn main() {
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
