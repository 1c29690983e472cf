//! pmxcfs as a store, against a test server that speaks its protocol through libqb.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cluster;
mod documents;
mod faults;
mod guests;
mod membership;
mod server;
mod values;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pathkeeper_io::store::{Hint, Hints, Key, Members, Store, Trust, conformance};
use pathkeeper_model::NodeName;

use cluster::Cluster;

/// Not a test in itself: what [`Cluster`] starts as a process of its own. By itself it shows that libqb has a server
/// side that can be used.
#[test]
#[ignore = "needs libqb"]
fn pmxcfs_server_process() {
    if std::env::var_os(server::CONTROL).is_some() {
        server::run();
    } else {
        server::Qb::load();
    }
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

/// Looks until it is so; how long that took.
async fn until(what: &str, within: Duration, mut look: impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !look().await {
        assert!(start.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

async fn get(store: &Arc<dyn Store>, writer: &str) -> Option<Bytes> {
    store.get(node(writer), key("multipath")).await.ok().flatten()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libqb"]
async fn pmxcfs_keeps_the_contract_of_a_store() {
    let cluster = Cluster::start(&["pve1", "pve2", "pve3"]);
    conformance::run(&*cluster.open("pve1"), &*cluster.open("pve2")).await;
}

/// Hints from when the members are known and believed: what comes from now on is a change.
async fn settled(store: &Arc<dyn Store>) -> Hints {
    until("the members are believed", SOON, async || whole(store).await).await;
    let mut hints = store.hints();
    // Each stream begins with one.
    hinted(&mut hints, |hint| *hint == Hint::Resync).await;
    hints
}

/// What the store notices at its next look, with room for a busy machine.
const SOON: Duration = Duration::from_secs(10);

async fn hinted(hints: &mut Hints, wanted: impl Fn(&Hint) -> bool) {
    let wait = async {
        while let Some(hint) = hints.next().await {
            if wanted(&hint) {
                return;
            }
        }
        panic!("the store is gone");
    };
    tokio::time::timeout(SOON, wait).await.expect("a hint");
}

async fn members(store: &Arc<dyn Store>) -> Members {
    store.members().await.unwrap()
}

async fn whole(store: &Arc<dyn Store>) -> bool {
    members(store).await.trust == Trust::Whole
}

/// Why membership is not believed; empty if it is.
async fn why(store: &Arc<dyn Store>) -> String {
    match members(store).await.trust {
        Trust::Whole => String::new(),
        Trust::None { why, .. } => why,
    }
}

async fn online(store: &Arc<dyn Store>) -> Vec<(String, bool)> {
    members(store).await.nodes.iter().map(|(name, online)| (name.to_string(), *online)).collect()
}
