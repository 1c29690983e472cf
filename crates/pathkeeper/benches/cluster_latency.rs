//! A path fails on one node: how long until the status of another says so. Three agents with simulated multipathds, each
//! with real sockets, one etcd cluster of three members on loopback, everything on this machine.
//!
//!     cargo bench --package pathkeeper --features etcd --bench cluster_latency [-- REPETITIONS]
//!
//! Taken from before the simulated fault is written into the machine's files to the event of the other node's API; the
//! agent is at rest before each fault, and faults come at random moments of its polls.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

#[path = "../../../tests/etcd_servers.rs"]
mod etcd_servers;

use std::time::{Duration, Instant};

use pathkeeper::demo::cluster::{ClusterOptions, DemoCluster};
use pathkeeper::demo::play;
use pathkeeper_api::client::Event;
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{Op, PathSet, San, SanConfig};
use pathkeeper_io::store::etcd::{self, EtcdConfig};
use tokio::sync::mpsc;

const NODES: usize = 3;
const LUNS: usize = 24;
const PATHS: usize = 4;
const REPETITIONS: usize = 200;
/// After a fault was seen and repaired: the last look of an agent comes a second after the last event.
const REST_MS: u64 = 1_500;
const LIMIT: Duration = Duration::from_secs(30);

/// What an observer's event stream said of the first node: when, which LUN, how many paths are usable.
type Told = (Instant, String, Option<u32>);

#[tokio::main(flavor = "multi_thread", worker_threads = 4)]
async fn main() {
    let repetitions = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(REPETITIONS);
    let servers = tokio::task::block_in_place(|| etcd_servers::Servers::start(NODES));
    let endpoints = servers.endpoints();
    let san = San::new(SanConfig { nodes: NODES, luns: LUNS, paths: PATHS, seed: 1 }).unwrap();
    let wwids: Vec<String> = san.luns.iter().map(|lun| lun.wwid.to_string()).collect();
    let victim = san.nodes[0].name.to_string();
    let open = Box::new(move |node: &_| {
        let config = EtcdConfig::new(endpoints.clone());
        Ok(etcd::open(&config, node)?)
    });
    let options = ClusterOptions { port: 0, version: Version::V0_9_4 };
    let mut cluster = DemoCluster::start_over(san, options, open).await.unwrap();
    for node in 0..NODES {
        play::caught_up_at(&cluster, node).await.unwrap_or_else(|e| panic!("{}", e.message()));
    }
    let (own, mut at_own) = mpsc::unbounded_channel();
    let (other, mut at_other) = mpsc::unbounded_channel();
    for (node, tell) in [(0, own), (1, other)] {
        tokio::spawn(listen(cluster.address(node).unwrap(), victim.clone(), tell));
    }
    let mut took = [Vec::new(), Vec::new()];
    for n in 0..repetitions {
        let (lun, path) = (n * 7 % LUNS, n * 5 % PATHS);
        let rest = REST_MS + (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000;
        tokio::time::sleep(Duration::from_millis(rest)).await;
        let began = Instant::now();
        cluster.apply(&Op::Path { node: 0, lun, path, set: PathSet::Fail }).await.unwrap();
        for (told, took) in [&mut at_own, &mut at_other].into_iter().zip(&mut took) {
            took.push(wait(told, &wwids[lun], PATHS as u32 - 1).await.duration_since(began));
        }
        cluster.apply(&Op::Path { node: 0, lun, path, set: PathSet::Up }).await.unwrap();
        for told in [&mut at_own, &mut at_other] {
            wait(told, &wwids[lun], PATHS as u32).await;
        }
    }
    println!(
        "{repetitions} path failures on {victim}, {NODES} agents, {LUNS} LUNs x {PATHS} paths, {NODES} members of etcd:"
    );
    for (what, took) in ["its own status", "the status of another node"].into_iter().zip(&mut took) {
        took.sort();
        let at = |share: f64| took[((took.len() - 1) as f64 * share).round() as usize];
        println!(
            "  fault -> {what}: median {:.0?}, p90 {:.0?}, p99 {:.0?}, max {:.0?}",
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0)
        );
    }
    cluster.stop().await;
    drop(servers);
}

/// Follows the event stream of one agent.
async fn listen(address: std::net::SocketAddr, victim: String, tell: mpsc::UnboundedSender<Told>) {
    let mut events = play::client(address).events().await.unwrap();
    // It ends with an error when the agents are stopped.
    while let Ok(Some(event)) = events.next().await {
        let at = Instant::now();
        let rows = match event {
            Event::Snapshot(status) => status.luns,
            Event::Delta(delta) => delta.luns,
            Event::Resync => continue,
        };
        for row in rows {
            let usable = row.nodes.get(&victim).and_then(|cell| cell.paths_active.flatten());
            if tell.send((at, row.wwid, usable)).is_err() {
                return;
            }
        }
    }
}

/// The first moment from now on at which the observer said so.
async fn wait(told: &mut mpsc::UnboundedReceiver<Told>, wwid: &str, usable: u32) -> Instant {
    let waiting = async {
        loop {
            let (at, of, said) = told.recv().await.unwrap();
            if of == wwid && said == Some(usable) {
                return at;
            }
        }
    };
    tokio::time::timeout(LIMIT, waiting)
        .await
        .unwrap_or_else(|_| panic!("{wwid} never had {usable} usable paths"))
}
