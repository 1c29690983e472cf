//! The demo's cluster over a real etcd of three members: as in the embedded store, every node comes to say what is true;
//! that a node is gone is known by its lease.

use pathkeeper::demo::cluster::{ClusterOptions, DemoCluster};
use pathkeeper::demo::play;
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{San, SanConfig, Script, describe};
use pathkeeper_io::store::etcd::{self, EtcdConfig};

use crate::etcd_servers::Servers;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn the_status_of_every_node_follows_every_fault_over_etcd() {
    let servers = tokio::task::block_in_place(|| Servers::start(3));
    let san = San::new(SanConfig { nodes: 3, luns: 6, paths: 4, seed: 11 }).unwrap();
    let script = "
        +0s pve1 path 1 1 fail
        +0s pve2 adapter host7 down
        +0s pve3 lun 2 unmap
        +0s pve3 lun 3 forget
        +0s pve2 multipathd stop
        +0s pve2 multipathd start
        +0s pve3 dies
        +0s pve1 path 4 1 delete
        +0s pve3 returns
        +0s array heal";
    let (script, problems) = Script::parse(script, &san);
    assert_eq!(problems, []);
    let endpoints = servers.endpoints();
    let open = Box::new(move |node: &_| {
        let config = EtcdConfig::new(endpoints.clone());
        Ok(etcd::open(&config, node)?)
    });
    let options = ClusterOptions { port: 0, version: Version::V0_14_3 };
    let mut cluster = DemoCluster::start_over(san, options, open).await.unwrap();
    everybody_knows(&cluster, "at the start").await;
    for step in &script.steps {
        let words = describe(&step.op, &cluster.san());
        cluster.apply(&step.op).await.unwrap();
        everybody_knows(&cluster, &words).await;
    }
    assert_eq!(cluster.changes_asked(), 0, "an observing agent asked a multipathd to change something");
    cluster.stop().await;
    drop(servers);
}

/// Every node that is alive comes to say what is true.
async fn everybody_knows(cluster: &DemoCluster, what: &str) {
    for n in (0..3).filter(|n| cluster.address(*n).is_some()) {
        let known = play::caught_up_at(cluster, n).await;
        known.unwrap_or_else(|e| panic!("{what}, pve{}: {}", n + 1, e.message()));
    }
}
