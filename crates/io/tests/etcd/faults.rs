//! Servers that die, hang, stop and lose their majority under nodes that work. Each test prints what it measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pathkeeper_io::store::{Hint, Store, Trust};
use tokio::task::JoinHandle;

use crate::etcd_servers::Servers;
use crate::node::{config, hinted, member, online, put, until, value, why};

const NODES: [&str; 3] = ["a", "b", "c"];

/// Nodes that put without a pause, and somebody who looks at each node's view all the time.
struct Load {
    stores: Vec<Arc<dyn Store>>,
    stop: Arc<AtomicBool>,
    putting: Vec<JoinHandle<Put>>,
    looking: JoinHandle<Looked>,
}

/// What one node's putting was like.
#[derive(Debug, Default)]
struct Put {
    taken: u64,
    refused: u64,
    longest_gap: Duration,
}

/// What looking showed.
#[derive(Debug, Default)]
struct Looked {
    /// A whole view in which a living node was offline or absent: must not be.
    false_offline: Vec<String>,
    /// The longest time for which one view was partial.
    longest_partial: Duration,
}

impl Load {
    async fn start(servers: &Servers) -> Self {
        let config = config(servers);
        let mut stores = Vec::new();
        for name in NODES {
            stores.push(member(&config, name).await);
        }
        for store in &stores {
            until("everybody knows everybody", async || all_online(store).await).await;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let putting = stores.iter().map(|store| tokio::spawn(putting(Arc::clone(store), Arc::clone(&stop))));
        let putting = putting.collect();
        let looking = tokio::spawn(looking(stores.clone(), Arc::clone(&stop)));
        Self { stores, stop, putting, looking }
    }

    /// Ends it; what was last put must be seen by everybody.
    async fn end(self) -> (Vec<Put>, Looked) {
        self.stop.store(true, Ordering::Relaxed);
        let mut puts = Vec::new();
        for (name, putting) in NODES.iter().zip(self.putting) {
            let done = putting.await.unwrap();
            let last = done.taken.to_string();
            for store in &self.stores {
                until("the last value that was taken is seen", async || {
                    value(store, name, "multipath").await.as_deref() == Some(last.as_bytes())
                })
                .await;
            }
            puts.push(done);
        }
        (puts, self.looking.await.unwrap())
    }
}

async fn all_online(store: &Arc<dyn Store>) -> bool {
    let members = store.members().await.unwrap();
    NODES.iter().all(|name| online(&members, name))
}

async fn putting(store: Arc<dyn Store>, stop: Arc<AtomicBool>) -> Put {
    let mut put = Put::default();
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let text = (put.taken + 1).to_string();
        match store.put(crate::node::key("multipath"), text.into()).await {
            Ok(()) => {
                put.taken += 1;
                put.longest_gap = put.longest_gap.max(last.elapsed());
                last = Instant::now();
            }
            Err(_) => put.refused += 1,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // One that was refused may have been taken all the same: the last word is one that was taken.
    put.taken += 1;
    crate::node::put(&store, "multipath", &put.taken.to_string()).await;
    put
}

async fn looking(stores: Vec<Arc<dyn Store>>, stop: Arc<AtomicBool>) -> Looked {
    let mut looked = Looked::default();
    let mut partial: Vec<Option<Instant>> = vec![None; stores.len()];
    while !stop.load(Ordering::Relaxed) {
        for (store, partial) in stores.iter().zip(&mut partial) {
            let members = store.members().await.unwrap();
            match members.trust {
                Trust::Whole => {
                    *partial = None;
                    if !NODES.iter().all(|name| online(&members, name)) {
                        looked.false_offline.push(format!("{}: {:?}", store.own_node(), members.nodes));
                    }
                }
                Trust::None { .. } => {
                    let since = partial.get_or_insert_with(Instant::now);
                    looked.longest_partial = looked.longest_partial.max(since.elapsed());
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    looked
}

/// Longest gap between two puts that were taken, over all nodes.
fn gap(puts: &[Put]) -> Duration {
    puts.iter().map(|put| put.longest_gap).max().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_leader_killed_under_load_loses_nothing_and_nobody() {
    let mut servers = Servers::start(3);
    let load = Load::start(&servers).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let leader = servers.leader();
    servers.kill(leader);
    // The time in which leases would have run out, and the new leader's.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let (puts, looked) = load.end().await;
    println!("etcd leader killed: longest gap between puts {:?}; {puts:?}; {looked:?}", gap(&puts));
    assert_eq!(looked.false_offline, Vec::<String>::new());
    assert!(gap(&puts) < Duration::from_secs(5), "puts flow again within 5 s");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_member_that_hangs_is_left_for_another() {
    let servers = Servers::start(3);
    for index in 0..3 {
        // Each in turn: one of them is the one that a node is connected to, one is the leader.
        let load = Load::start(&servers).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        servers.pause(index);
        tokio::time::sleep(Duration::from_secs(15)).await;
        let (puts, looked) = load.end().await;
        servers.resume(index);
        println!("etcd member {index} hung: longest gap between puts {:?}; {puts:?}; {looked:?}", gap(&puts));
        assert_eq!(looked.false_offline, Vec::<String>::new());
        assert!(gap(&puts) < Duration::from_secs(10), "puts flow again within 10 s");
        tokio::task::block_in_place(|| servers.wait_healthy());
        // What lay in its sockets while it hung comes through now, and undoes nothing that is newer.
        for (name, put) in NODES.iter().zip(&puts) {
            let path = format!("/pathkeeper/values/{name}/multipath");
            let found = servers.etcdctl(&["get", &path, "--print-value-only"]);
            assert_eq!(found.trim(), put.taken.to_string(), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_member_that_hangs_is_noticed_by_who_only_reads() {
    let servers = Servers::start(3);
    let config = config(&servers);
    let (a, b) = (member(&config, "a").await, member(&config, "b").await);
    let mut longest = Duration::ZERO;
    for index in 0..3 {
        servers.pause(index);
        // What b puts is seen by a, whichever of both was connected to the member that hangs now.
        let began = Instant::now();
        let text = format!("while {index} hangs");
        put(&b, "multipath", &text).await;
        until("a sees it", async || value(&a, "b", "multipath").await.as_deref() == Some(text.as_bytes()))
            .await;
        longest = longest.max(began.elapsed());
        servers.resume(index);
        tokio::task::block_in_place(|| servers.wait_healthy());
    }
    println!("etcd member hung: a value is put and seen elsewhere within {longest:?} at most");
    assert!(longest < Duration::from_secs(10), "{longest:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_stopped_and_started_whole_has_everything_and_asks_for_it_again() {
    let mut servers = Servers::start(3);
    let config = config(&servers);
    let (a, b) = (member(&config, "a").await, member(&config, "b").await);
    put(&a, "multipath", "of a").await;
    put(&b, "multipath", "of b").await;
    until("a sees b's", async || value(&a, "b", "multipath").await.is_some()).await;
    let mut hints = a.hints();
    hinted(&mut hints, |hint| *hint == Hint::Resync).await;
    for index in 0..3 {
        servers.stop(index);
    }
    let noticed = until("the view is partial", async || why(&a).await.is_some()).await;
    let said = why(&a).await.unwrap();
    println!("etcd all stopped: view partial after {noticed:?}: {said}");
    assert!(said.contains("connection refused"), "{said}");
    for endpoint in servers.endpoints() {
        assert!(said.contains(&endpoint), "{said}");
    }
    // The last picture stays, and nobody calls it whole; a put says at once that nobody is there.
    assert_eq!(value(&a, "b", "multipath").await.as_deref(), Some(&b"of b"[..]));
    let e = a.put(crate::node::key("multipath"), "x".into()).await.unwrap_err();
    assert!(e.to_string().contains("connection refused"), "{e}");
    for index in 0..3 {
        servers.start_member(index);
    }
    let back = until("the view is whole again", async || why(&a).await.is_none()).await;
    println!("etcd all started: view whole after {back:?}");
    hinted(&mut hints, |hint| *hint == Hint::Resync).await;
    assert_eq!(value(&a, "b", "multipath").await.as_deref(), Some(&b"of b"[..]));
    until("both are online", async || {
        let members = a.members().await.unwrap();
        online(&members, "a") && online(&members, "b")
    })
    .await;
    put(&b, "multipath", "of b again").await;
    until("it flows again", async || {
        value(&a, "b", "multipath").await.as_deref() == Some(&b"of b again"[..])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_without_a_majority_is_read_and_not_believed() {
    let mut servers = Servers::start(3);
    let config = config(&servers);
    let a = member(&config, "a").await;
    put(&a, "multipath", "of a").await;
    let dead = [servers.leader(), (servers.leader() + 1) % 3];
    for index in dead {
        servers.kill(index);
    }
    let noticed = until("the view is partial", async || why(&a).await.is_some()).await;
    until("it says what is wrong", async || {
        why(&a).await.is_some_and(|why| why.contains("its cluster does not agree"))
    })
    .await;
    println!("etcd without a majority: view partial after {noticed:?}: {}", why(&a).await.unwrap());
    assert_eq!(value(&a, "a", "multipath").await.as_deref(), Some(&b"of a"[..]));
    // One that starts now has never seen anything: the member that is left shows what it has.
    let b = crate::node::open(&config, "b");
    until("a newcomer reads", async || {
        b.list().await.is_ok_and(|list| list.iter().any(|v| v.bytes == "of a"))
    })
    .await;
    assert!(why(&b).await.is_some(), "and does not believe");
    for index in dead {
        servers.start_member(index);
    }
    let back = until("both believe again", async || why(&a).await.is_none() && why(&b).await.is_none()).await;
    println!("etcd with a majority again: views whole after {back:?}");
    put(&b, "multipath-node", "{}").await;
    until("the newcomer is a member", async || online(&a.members().await.unwrap(), "b")).await;
    put(&a, "multipath", "of a again").await;
}
