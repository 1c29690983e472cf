//! Real apps on pmxcfs test servers: what a cluster of Proxmox VE sees while one of its nodes runs the Perl series, one
//! pmxcfs hangs, and one is started anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

#[allow(dead_code)]
#[path = "../../io/tests/pmxcfs/cluster.rs"]
mod cluster;
#[allow(dead_code)]
#[path = "../../io/tests/pmxcfs/server.rs"]
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client};
use pathkeeper_api::status::ClusterStatus;
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_model::EpochS;
use pathkeeper_model::local::{Daemon, Map, NodeRead};
use tokio::sync::mpsc;

use cluster::Cluster;

/// How long a condition may take to come true on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const WWID: &str = "35000c500a0000001";

/// What [`Cluster`] starts as a process of its own.
#[test]
#[ignore = "needs libqb"]
fn pmxcfs_server_process() {
    if std::env::var_os(server::CONTROL).is_some() {
        server::run();
    } else {
        server::Qb::load();
    }
}

/// A node with one map, all of its paths up.
struct OneMap;

fn maps() -> Vec<Map> {
    let file = format!(
        "{}/../../tests/data/multipathd/0.9.4/02-multibus-all-up.show-maps.json",
        env!("CARGO_MANIFEST_DIR")
    );
    pathkeeper_io::multipathd::json::decode(&std::fs::read(file).unwrap()).unwrap().maps
}

fn wall_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

impl Look for OneMap {
    fn read(&mut self, _: Depth) -> NodeRead {
        NodeRead {
            took_ms: 1,
            maps: maps(),
            ..NodeRead::empty(EpochS(i64::try_from(wall_s()).unwrap()), Daemon::Answering { pid: Some(1) })
        }
    }
    fn probe(&mut self) -> bool {
        true
    }
}

/// A report as the Perl series writes it: `maps` and `time` alone, and a NUL.
fn perl(state: &str, active: u32) -> Vec<u8> {
    format!(
        "{{\"time\":{},\"maps\":{{\"{WWID}\":{{\"paths-active\":{active},\"paths-total\":4,\"state\":\"{state}\",\
         \"transport\":\"fc\",\"size\":1073741824}}}}}}\0",
        wall_s()
    )
    .into_bytes()
}

/// An app on one node, and its API.
struct Node {
    _app: App,
    client: Client,
}

impl Node {
    async fn start(cluster: &Cluster, name: &str) -> Self {
        let config = AppConfig {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            ..AppConfig::new(
                random_instance().unwrap(),
                NodeFacts { mode: "observe".into(), ..NodeFacts::default() },
            )
        };
        let look: Arc<dyn Fn() -> Box<dyn Look> + Send + Sync> = Arc::new(|| Box::new(OneMap));
        let app = App::start(config, cluster.open(name), look, mpsc::channel(1).1).await.unwrap();
        let address = Address::Tcp(app.address.unwrap().to_string());
        Self { _app: app, client: Client::new(address, Duration::from_secs(10)) }
    }

    /// Polls until the status is as wanted, and each answer comes at once whatever the store does.
    async fn until(&self, what: &str, wanted: impl Fn(&ClusterStatus) -> bool) -> ClusterStatus {
        let began = Instant::now();
        loop {
            let asked = Instant::now();
            // 503 until the first list.
            let status = self.client.status("").await;
            assert!(asked.elapsed() < Duration::from_secs(5), "an answer took {:?}: {what}", asked.elapsed());
            match status {
                Ok(status) if wanted(&status) => return status,
                status => assert!(began.elapsed() < LIMIT, "never came true: {what}: {status:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The state of the one LUN on each of the nodes, in order.
fn cells(status: &ClusterStatus) -> Vec<&str> {
    let row = status.luns.iter().find(|row| row.wwid == WWID);
    row.map(|row| row.nodes.values().map(|cell| cell.state.as_str()).collect()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libqb"]
async fn pmxcfs_cluster_with_a_node_of_the_perl_series_hangs_dies_and_comes_back() {
    let mut cluster = Cluster::start(&["pve1", "pve2", "pve3"]);
    cluster.set_by_other("pve3", "kv/multipath", &perl("optimal", 4));
    let one = Node::start(&cluster, "pve1").await;
    let two = Node::start(&cluster, "pve2").await;
    for node in [&one, &two] {
        let all = ["optimal", "optimal", "optimal"];
        let status = node.until("three nodes agree", |s| cells(s) == all && !s.view.partial).await;
        assert_eq!((status.view.store.as_str(), status.view.nodes_fresh), ("pmxcfs", 3));
    }
    // What a Perl reader finds: JSON, then a NUL, and the keys that it knows.
    let ours = cluster.own_value("pve1", "kv/multipath").unwrap();
    let (nul, json) = ours.split_last().unwrap();
    assert!(*nul == 0 && !json.contains(&0));
    let json: serde_json::Value = serde_json::from_slice(json).unwrap();
    assert_eq!(json["maps"][WWID]["state"], "optimal");
    assert!(json["maps"][WWID]["paths-active"].is_u64() && json["time"].is_u64());

    cluster.set_by_other("pve3", "kv/multipath", &perl("degraded", 2));
    one.until("the Perl node's path has failed", |s| cells(s) == ["optimal", "optimal", "degraded"]).await;

    // pmxcfs hangs under one agent: that one knows that it cannot know, and goes on by itself.
    cluster.stop("pve1");
    let status = one.until("the view is partial", |s| s.view.partial).await;
    assert!(status.view.why.as_deref().unwrap_or_default().contains("does not answer"), "{:?}", status.view);
    two.until("the other one sees all", |s| !s.view.partial && cells(s).len() == 3).await;
    cluster.go_on("pve1");
    one.until("the view is whole", |s| !s.view.partial).await;

    // pmxcfs dies: its node is unknown elsewhere, not healthy; then it has lost its values, and gets them again.
    cluster.kill("pve1");
    cluster.members(1);
    two.until("pve1 is offline", |s| cells(s) == ["unknown", "optimal", "degraded"]).await;
    one.until("the view is partial", |s| s.view.partial).await;
    cluster.start_node("pve1");
    cluster.members(1);
    let began = Instant::now();
    while cluster.own_value("pve1", "kv/multipath").is_none() {
        assert!(began.elapsed() < LIMIT, "nothing was put again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for node in [&one, &two] {
        let all = ["optimal", "optimal", "degraded"];
        node.until("all is as before", |s| cells(s) == all && !s.view.partial).await;
    }
}
