//! A node in a process of its own, that can be stopped in the middle of everything.
//!
//! The process is this test program again, told by its environment to be a node.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pathkeeper_io::store::Hint;
use pathkeeper_io::store::etcd::EtcdConfig;
use rustix::process::{Pid, Signal, kill_process};

use crate::etcd_servers::Servers;
use crate::node::{config, key, member, online, open, until, value};

const ENDPOINTS: &str = "ETCD_TEST_ENDPOINTS";
const TTL_S: &str = "ETCD_TEST_TTL_S";

/// The other process; killed when dropped.
struct Process(Child);

impl Process {
    /// Starts the node `b`: it puts `multipath` anew at each `Resync`, and says in `seen` what it sees of `a`.
    fn start(config: &EtcdConfig) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--include-ignored",
                "process::etcd_node_killed_is_offline_when_its_lease_ends",
            ])
            .env(ENDPOINTS, config.endpoints.join(","))
            .env(TTL_S, config.lease_ttl_s.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn();
        Self(child.unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What the process does.
async fn be_a_node(endpoints: &str, ttl_s: &str) {
    let config = EtcdConfig {
        lease_ttl_s: ttl_s.parse().unwrap(),
        ..EtcdConfig::new(endpoints.split(',').map(str::to_owned).collect())
    };
    let store = open(&config, "b");
    let mut hints = store.hints();
    let mut resyncs = 0;
    while let Some(hint) = hints.next().await {
        if hint == Hint::Resync {
            resyncs += 1;
            crate::node::put(&store, "multipath", &format!("resync {resyncs}")).await;
            crate::node::put(&store, "multipath-node", "{}").await;
        }
        let seen = match store.get(crate::node::node("a"), key("multipath")).await {
            Ok(Some(bytes)) => String::from_utf8_lossy(&bytes).chars().take(40).collect(),
            _ => "nothing".to_owned(),
        };
        // Its own hint ends the loop when nothing is new.
        if store.get(crate::node::node("b"), key("seen")).await.ok().flatten().as_deref()
            != Some(seen.as_bytes())
        {
            crate::node::put(&store, "seen", &seen).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_node_killed_is_offline_when_its_lease_ends() {
    if let (Ok(endpoints), Ok(ttl_s)) = (std::env::var(ENDPOINTS), std::env::var(TTL_S)) {
        be_a_node(&endpoints, &ttl_s).await;
        return;
    }
    let servers = Servers::start(1);
    let config = config(&servers);
    let a = member(&config, "a").await;
    let process = Process::start(&config);
    until("b is online and has put", async || {
        online(&a.members().await.unwrap(), "b") && value(&a, "b", "multipath").await.is_some()
    })
    .await;
    drop(process);
    let gone = until("b is offline", async || !online(&a.members().await.unwrap(), "b")).await;
    println!("etcd node killed: offline after {gone:?} with a lease of {} s", config.lease_ttl_s);
    assert!(gone < Duration::from_secs(u64::from(config.lease_ttl_s) + 3), "{gone:?}");
    assert!(value(&a, "b", "multipath").await.is_some(), "what it said last stays");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_node_stopped_longer_than_its_lease_comes_back_and_puts_again() {
    let servers = Servers::start(3);
    let config = EtcdConfig { lease_ttl_s: 5, ..config(&servers) };
    let a = member(&config, "a").await;
    let process = Process::start(&config);
    until("b is online and has put", async || {
        online(&a.members().await.unwrap(), "b") && value(&a, "b", "multipath").await.is_some()
    })
    .await;
    process.signal(Signal::STOP);
    let gone = until("b is offline", async || !online(&a.members().await.unwrap(), "b")).await;
    // What it had put is gone too: it must not come back without.
    a.forget(crate::node::node("b")).await.unwrap();
    assert_eq!(value(&a, "b", "multipath").await, None);
    process.signal(Signal::CONT);
    let back = until("b is online", async || online(&a.members().await.unwrap(), "b")).await;
    until("b has put again", async || value(&a, "b", "multipath").await.is_some()).await;
    println!("etcd node stopped: offline after {gone:?} with a lease of 5 s; back {back:?} after it went on");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_history_compacted_behind_a_watcher_costs_it_nothing() {
    let servers = Servers::start(1);
    // A lease that outlives the pause: what is lost is the watch alone.
    let config = EtcdConfig { lease_ttl_s: 60, ..config(&servers) };
    let a = member(&config, "a").await;
    let process = Process::start(&config);
    let sees = async |text: &str| {
        until("b sees what a put", async || value(&a, "b", "seen").await.as_deref() == Some(text.as_bytes()))
            .await
    };
    crate::node::put(&a, "multipath", "first").await;
    sees("first").await;
    let before = value(&a, "b", "multipath").await;
    process.signal(Signal::STOP);
    // More than sockets and windows between them hold, so that the server must keep the rest; then it forgets it.
    let large = "x".repeat(32_000);
    for n in 0..600 {
        crate::node::put(&a, &format!("filler-{}", n % 8), &large).await;
    }
    crate::node::put(&a, "multipath", "last").await;
    let answer = servers.etcdctl_at(0, &["get", "/pathkeeper/nodes/a", "-w", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
    let revision = json["header"]["revision"].as_i64().unwrap();
    servers.etcdctl(&["compact", &revision.to_string()]);
    process.signal(Signal::CONT);
    let seen = sees("last").await;
    // Its lease lives and its connection stood, so this resync is the list after the cut.
    until("b has read everything again", async || value(&a, "b", "multipath").await != before).await;
    println!("etcd history compacted behind a watcher: it sees the last value {seen:?} after it went on");
}
