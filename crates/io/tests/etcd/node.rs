//! One node's store under test, and waiting for what it shows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pathkeeper_io::store::etcd::{self, EtcdConfig};
use pathkeeper_io::store::{Hint, Hints, Key, Members, Store, Trust};
use pathkeeper_model::NodeName;

use crate::etcd_servers::Servers;

/// Longest wait for anything; what is expected to be quick is measured by the test itself.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Settings for these servers.
pub fn config(servers: &Servers) -> EtcdConfig {
    EtcdConfig::new(servers.endpoints())
}

/// A node's store, not yet a member.
pub fn open(config: &EtcdConfig, name: &str) -> Arc<dyn Store> {
    etcd::open(config, &node(name)).unwrap()
}

/// A node's store that is a member, its view whole.
pub async fn member(config: &EtcdConfig, name: &str) -> Arc<dyn Store> {
    let store = open(config, name);
    // Whoever said something of itself is a member.
    put(&store, "multipath-node", "{}").await;
    store.clear(key("multipath-node")).await.unwrap();
    until("the node is online and its view whole", async || {
        let members = store.members().await.unwrap();
        members.trust == Trust::Whole && online(&members, name)
    })
    .await;
    store
}

pub fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

pub fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

pub fn online(members: &Members, name: &str) -> bool {
    members.nodes.get(&node(name)) == Some(&true)
}

/// A value as this store sees it.
pub async fn value(store: &Arc<dyn Store>, writer: &str, name: &str) -> Option<Bytes> {
    store.get(node(writer), key(name)).await.unwrap()
}

/// Puts until it is taken; how long that took.
pub async fn put(store: &Arc<dyn Store>, name: &str, text: &str) -> Duration {
    let began = Instant::now();
    let mut last = None;
    while began.elapsed() < LIMIT {
        match store.put(key(name), Bytes::from(text.to_owned())).await {
            Ok(()) => return began.elapsed(),
            Err(e) => last = Some(e),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{name} was not taken within {LIMIT:?}: {last:?}");
}

/// Waits until something holds; how long that took.
pub async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        if look().await {
            return began.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within {LIMIT:?}: {what}");
}

/// Waits for a hint of this kind.
pub async fn hinted(hints: &mut Hints, wanted: impl Fn(&Hint) -> bool) {
    let waiting = async {
        loop {
            let hint = hints.next().await.expect("an open store");
            if wanted(&hint) {
                return;
            }
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.expect("a hint within the limit");
}

/// Why the view is partial.
pub async fn why(store: &Arc<dyn Store>) -> Option<String> {
    match store.members().await.unwrap().trust {
        Trust::Whole => None,
        Trust::None { why, .. } => Some(why),
    }
}
