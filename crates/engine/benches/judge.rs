//! How long after a report findings and causes stand, at 200 nodes × 1,000 LUNs × 4 paths, and what all of that takes of
//! memory. One adapter per node fails in turn, so that the damage grows until half of all paths are down.
//!
//!     cargo bench -p pathkeeper-engine --bench judge [-- NODES LUNS]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a tool that measures; the crate stays pure"
)]
#![allow(clippy::expect_used, reason = "a bench may panic")]

mod load;

use std::fs;
use std::time::{Duration, Instant};

use load::{Load, name, now};
use pathkeeper_engine::cluster::{Cluster, ClusterConfig, ClusterEvent};

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kib = line.split_whitespace().nth(1).expect("a number");
    kib.parse::<usize>().expect("a number") << 10
}

/// Times of one kind.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn print(mut self, what: &str) {
        self.0.sort_unstable();
        let ms = |at: usize| self.0.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e3);
        println!(
            "{what:<58} median {:8.2} ms  worst {:8.2} ms  ({} times)",
            ms(self.0.len() / 2),
            ms(self.0.len().saturating_sub(1)),
            self.0.len()
        );
    }
}

fn timed<T>(times: &mut Times, act: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let out = act();
    times.0.push(began.elapsed());
    out
}

fn main() {
    let number = |at, default| {
        std::env::args().filter_map(|word| word.parse::<usize>().ok()).nth(at).unwrap_or(default)
    };
    let mut load = Load::new(number(0, 200), number(1, 1_000));
    // What is only needed to make values is in the resident set before anything is kept.
    drop(load.values(0, None, 0));
    let config = ClusterConfig { observer: name(0), failover_worst_ms: 0 };
    let mut cluster = Cluster::new(config, now(0));
    let before = resident_bytes();
    cluster.take(load.members(), now(0));
    for node in 0..load.nodes {
        for value in load.values(node, None, 0) {
            cluster.take(value, now(0));
        }
    }
    cluster.apply(ClusterEvent::Listed, now(0));
    cluster.take_changes();
    println!(
        "{} nodes x {} LUNs x {} paths: {:.0} MiB; findings of a whole cluster: {:?}",
        load.nodes,
        load.luns,
        load::PATHS,
        resident_bytes().saturating_sub(before) as f64 / f64::from(1 << 20),
        cluster.findings().iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(),
    );
    let mut ms = 10_000;
    let ticks = |cluster: &mut Cluster, ms: &mut u64, what: &str| {
        let mut times = Times::default();
        for _ in 0..20 {
            *ms += 5_001;
            timed(&mut times, || cluster.apply(ClusterEvent::Tick, now(*ms)));
        }
        times.print(what);
    };
    ticks(&mut cluster, &mut ms, "a tick, nothing is wrong");
    let (mut whole, mut take, mut judge, mut again) =
        (Times::default(), Times::default(), Times::default(), Times::default());
    let mut rows = 0;
    for node in 0..load.nodes {
        ms += 50;
        let values = load.values(node, Some(node % 2), ms);
        timed(&mut whole, || {
            timed(&mut take, || values.into_iter().for_each(|value| cluster.take(value, now(ms))));
            timed(&mut judge, || cluster.judge(now(ms)));
        });
        rows = rows.max(cluster.take_changes().rows.len());
        // The same once more, with nothing new in it.
        let values = load.values(node, Some(node % 2), ms);
        timed(&mut again, || {
            values.into_iter().for_each(|value| cluster.take(value, now(ms)));
            cluster.judge(now(ms));
        });
        cluster.take_changes();
    }
    whole.print("an adapter fails: values -> findings and causes");
    take.print("  of that: values into the picture");
    judge.print("  of that: judgement");
    again.print("the node puts the same again");
    println!(
        "{} findings, {} causes, at most {rows} rows changed; {:.0} MiB",
        cluster.findings().len(),
        cluster.causes().list().len(),
        resident_bytes().saturating_sub(before) as f64 / f64::from(1 << 20),
    );
    assert_eq!(cluster.causes().list().len(), cluster.findings().len(), "{:?}", cluster.findings().last());
    ticks(&mut cluster, &mut ms, "a tick, an adapter of every node is down");
    // They come back, and all that is a judgement is one of them.
    let mut back = Times::default();
    for node in 0..load.nodes {
        ms += 50;
        let values = load.values(node, None, ms);
        timed(&mut back, || {
            values.into_iter().for_each(|value| cluster.take(value, now(ms)));
            cluster.judge(now(ms));
        });
        cluster.take_changes();
    }
    back.print("an adapter comes back: values -> findings and causes");
}
