//! A hundred agents of five hundred LUNs each, at rest, on one etcd: what they cost.
//!
//!     cargo bench --package pathkeeper --features etcd --bench etcd_at_rest [-- AGENTS LUNS SECONDS]
//!
//! All agents run in this process, with HTTP off and a local node that is a read held in memory (four paths a map), so
//! that what is measured is what the cluster costs: an agent's own reads are measured elsewhere (docs/performance.md).
//! All nodes carry the same LUNs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

#[path = "../../../tests/etcd_servers.rs"]
mod etcd_servers;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::etcd::{self, EtcdConfig};
use pathkeeper_model::local::{
    CheckState, Daemon, DevState, DmState, Map, NodeRead, PathDevice, PathGroup, Queueing,
};
use pathkeeper_model::{EpochS, NodeName, Wwid};
use tokio::sync::mpsc;

const AGENTS: usize = 100;
const LUNS: usize = 500;
const PATHS: usize = 4;
/// Two refreshes of every node and more.
const SECONDS: u64 = 180;
/// Until a node that has come is known to all.
const STEP_LIMIT: Duration = Duration::from_secs(60);
/// After that: what was put at the start is put again after a list, and the first refreshes come.
const QUIET: Duration = Duration::from_secs(75);

/// The local node, read from memory.
struct Canned(Arc<NodeRead>);

impl Look for Canned {
    fn read(&mut self, _: Depth) -> NodeRead {
        NodeRead { began: wall(), ..NodeRead::clone(&self.0) }
    }
    fn probe(&mut self) -> bool {
        true
    }
}

fn wall() -> EpochS {
    EpochS(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64)
}

fn canned(luns: usize) -> NodeRead {
    NodeRead {
        took_ms: 1,
        maps: (0..luns).map(map).collect(),
        tools_version: Some("0.9.4".into()),
        ..NodeRead::empty(wall(), Daemon::Answering { pid: Some(1) })
    }
}

fn map(lun: usize) -> Map {
    let wwid = Wwid::new(&format!("3600a0980{lun:024}")).unwrap();
    let path = |path: usize| {
        let disk = lun * PATHS + path;
        PathDevice {
            wwid: Some(wwid.clone()),
            dm: DmState::Active,
            check: CheckState::Ready,
            device: DevState::Running,
            words: ["active".into(), "ready".into(), "running".into()],
            priority: if path < PATHS / 2 { 50 } else { 10 },
            hctl: Some(format!("{path}:0:0:{lun}").into()),
            adapter: Some(format!("host{path}").into()),
            target_port: Some(format!("0x50000973b000{path:04x}").into()),
            transport: Some("fc".into()),
            size_bytes: Some(1 << 40),
            ..PathDevice::unknown(&format!("sd{disk}"), &format!("{}:{}", 8 + disk / 256, disk % 256))
        }
    };
    let group = |first: usize| PathGroup {
        selector: "service-time 0".into(),
        priority: if first == 0 { 50 } else { 10 },
        status: if first == 0 { "active".into() } else { "enabled".into() },
        marginal: false,
        paths: (first..first + PATHS / 2).map(path).collect(),
    };
    Map {
        dm: Some(format!("dm-{lun}")),
        size_bytes: Some(1 << 40),
        open_count: Some(1),
        queueing: Queueing::On,
        features: "1 queue_if_no_path".into(),
        hwhandler: "1 alua".into(),
        write_prot: "rw".into(),
        failback: "immediate".into(),
        vendor: "NETAPP".into(),
        product: "LUN C-Mode".into(),
        revision: "9101".into(),
        groups: vec![group(0), group(PATHS / 2)],
        ..Map::unknown(&format!("vm-{lun:04}"), wwid)
    }
}

// Many threads, so that one agent at work does not keep the others from their deadlines.
#[tokio::main(flavor = "multi_thread", worker_threads = 32)]
async fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let agents = numbers.first().copied().unwrap_or(AGENTS);
    let luns = numbers.get(1).copied().unwrap_or(LUNS);
    let window = Duration::from_secs(numbers.get(2).map_or(SECONDS, |n| *n as u64));
    let servers = tokio::task::block_in_place(|| etcd_servers::Servers::start(1));
    let endpoint = servers.endpoint(0);
    let read = Arc::new(canned(luns));
    let began = Instant::now();
    let mut apps = Vec::new();
    let mut triggers = Vec::new();
    for n in 0..agents {
        let config = EtcdConfig::new(vec![endpoint.clone()]);
        let store = etcd::open(&config, &NodeName::new(&format!("node{n:03}")).unwrap()).unwrap();
        let config = AppConfig::new(
            random_instance().unwrap(),
            NodeFacts { mode: "observe".into(), ..NodeFacts::default() },
        );
        let (trigger, signs) = mpsc::channel(1);
        triggers.push(trigger);
        let read = read.clone();
        let look = Arc::new(move || Box::new(Canned(read.clone())) as Box<dyn Look>);
        apps.push(App::start(config, store, look, signs).await.unwrap());
        // One after the other, each when all before it know each other: a hundred hosts have a hundred times the processors
        // of this machine, and a picture of all cells is made by each of them at each step.
        let (known, step) = (n + 1, Instant::now());
        let whole = |app: &App| {
            app.board.snapshot().is_some_and(|s| {
                let (summary, view) = (&s.beside.summary, &s.beside.view);
                s.rows.len() == luns && summary.clean as usize == luns && view.nodes_fresh as usize == known
            })
        };
        while !apps.iter().all(whole) {
            if step.elapsed() > STEP_LIMIT {
                let seen = |app: &App| app.board.snapshot().map(|s| (s.rows.len(), s.beside.clone()));
                let odd = apps.iter().enumerate().find(|(_, app)| !whole(app)).map(|(n, app)| (n, seen(app)));
                panic!("{known} agents do not know each other after {STEP_LIMIT:?}: {odd:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if known % 20 == 0 {
            println!("{known} agents know each other after {:.0?}", began.elapsed());
        }
    }
    let whole = |app: &App| {
        app.board.snapshot().is_some_and(|s| {
            s.beside.summary.clean as usize == luns && s.beside.view.nodes_fresh as usize == agents
        })
    };
    println!("{agents} agents x {luns} LUNs");
    tokio::time::sleep(QUIET).await;

    let pid = servers.pid(0).unwrap();
    let before = Moment::take(&endpoint, pid);
    tokio::time::sleep(window).await;
    let after = Moment::take(&endpoint, pid);
    assert!(apps.iter().all(whole), "the picture changed meanwhile: that was no rest");

    let seconds = after.at.duration_since(before.at).as_secs_f64();
    let per_second = |name: &str| (after.metric(name) - before.metric(name)) / seconds;
    println!("at rest, {seconds:.0} s:");
    println!(
        "  agents: {:.3} % of a core each",
        (after.own_cpu_s - before.own_cpu_s) / seconds * 100.0 / agents as f64
    );
    println!("  etcd: {:.1} % of a core", (after.etcd_cpu_s - before.etcd_cpu_s) / seconds * 100.0);
    let (received, sent) = (
        per_second("etcd_network_client_grpc_received_bytes_total"),
        per_second("etcd_network_client_grpc_sent_bytes_total"),
    );
    println!("  etcd receives {:.1} and sends {:.1} KB/s", received / 1000.0, sent / 1000.0);
    println!(
        "  its database: {:.0} KB, of them in use {:.0} KB; grows by {:.2} KB/s, in use by {:.2} KB/s",
        after.metric("etcd_mvcc_db_total_size_in_bytes") / 1000.0,
        after.metric("etcd_mvcc_db_total_size_in_use_in_bytes") / 1000.0,
        per_second("etcd_mvcc_db_total_size_in_bytes") / 1000.0,
        per_second("etcd_mvcc_db_total_size_in_use_in_bytes") / 1000.0
    );
    println!(
        "  a second: {:.2} puts, {:.2} ranges, {:.0} events to watchers",
        per_second("etcd_mvcc_put_total"),
        per_second("etcd_mvcc_range_total"),
        per_second("etcd_debugging_mvcc_events_total")
    );
    println!("  messages of the client API, a second:");
    for (name, value) in &after.metrics {
        let of = before.metrics.get(name).copied().unwrap_or_default();
        let rate = (value - of) / seconds;
        let counts = name.starts_with("grpc_server_msg_received_total")
            || name.starts_with("grpc_server_msg_sent_total");
        if counts && rate > 0.01 {
            println!("    {rate:8.2}  {name}");
        }
    }
    println!("  this process holds {:.0} MB for all agents", resident_mb());
    for app in apps {
        app.stop().await;
    }
    drop(servers);
}

/// Counters at one moment.
struct Moment {
    at: Instant,
    own_cpu_s: f64,
    etcd_cpu_s: f64,
    /// By name with labels.
    metrics: BTreeMap<String, f64>,
}

impl Moment {
    fn take(endpoint: &str, etcd: u32) -> Self {
        Self {
            at: Instant::now(),
            own_cpu_s: cpu_s(std::process::id()),
            etcd_cpu_s: cpu_s(etcd),
            metrics: metrics(endpoint),
        }
    }

    /// Summed over labels.
    fn metric(&self, name: &str) -> f64 {
        let of = |key: &&String| key.split('{').next() == Some(name);
        self.metrics.iter().filter(|(key, _)| of(key)).map(|(_, value)| value).sum()
    }
}

/// User and system time so far; a tick is 10 ms.
fn cpu_s(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1000.0
}

/// etcd's own numbers.
fn metrics(endpoint: &str) -> BTreeMap<String, f64> {
    let host = endpoint.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let number = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(number).collect()
}
