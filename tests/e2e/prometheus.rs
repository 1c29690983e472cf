//! Debian's Prometheus, and promtool: they read what we write, and every query and rule that we ship runs.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pathkeeper::demo::cluster::{ClusterOptions, DemoCluster};
use pathkeeper::demo::play;
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{San, SanConfig, Script};
use serde_json::Value;

/// Longest wait for anything.
const LIMIT: Duration = Duration::from_secs(60);
/// A larger answer is none of Prometheus'.
const BODY_BYTES_MAX: u64 = 16 << 20;

/// Queries of the dashboard to which nothing is the right answer in this demo, by a part of each, and why.
const EMPTY: &[(&str, &str)] = &[
    ("pathkeeper_map_queue_deadline_timestamp_seconds", "the LUN without a path waits for ever"),
    ("pathkeeper_config_in_force", "the simulated multipathds print no configuration to make a digest of"),
];

/// What stands in the demo's SAN: a path, an adapter, a LUN without a path, and one that was not assembled.
const FAULTS: &str = "
    +0s pve1 path 1 1 fail
    +0s pve2 adapter host7 down
    +0s pve3 lun 2 unmap
    +0s pve4 lun 3 forget";

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(file)
}

/// What an HTTP server on this machine answers to one GET.
fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    // 1.0, so that the body comes in one piece.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.take(BODY_BYTES_MAX).read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

async fn faulty_cluster() -> DemoCluster {
    let san = San::new(SanConfig { nodes: 4, luns: 6, paths: 4, seed: 1 }).unwrap();
    let (script, problems) = Script::parse(FAULTS, &san);
    assert_eq!(problems, []);
    let mut cluster =
        DemoCluster::start(san, ClusterOptions { port: 0, version: Version::V0_9_4 }).await.unwrap();
    play::caught_up(&cluster).await.unwrap_or_else(|e| panic!("at the start: {}", e.message()));
    for step in &script.steps {
        cluster.apply(&step.op).await.unwrap();
    }
    for n in 0..4 {
        play::caught_up_at(&cluster, n).await.unwrap_or_else(|e| panic!("pve{}: {}", n + 1, e.message()));
    }
    cluster
}

fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
#[ignore = "needs promtool (Debian: prometheus)"]
fn the_rules_alert_as_their_tests_say() {
    let rules = packaging("prometheus/pathkeeper.rules.yml");
    let (good, said) = promtool(&["check", "rules", rules.to_str().unwrap()], "");
    assert!(good && said.contains("SUCCESS"), "{said}");
    let tests: Vec<PathBuf> =
        std::fs::read_dir(packaging("prometheus/tests")).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(tests.len() >= 2);
    for file in tests {
        let (good, said) = promtool(&["test", "rules", file.to_str().unwrap()], "");
        assert!(good && said.contains("SUCCESS"), "{}: {said}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs promtool (Debian: prometheus)"]
async fn promtool_finds_nothing_in_prometheus_pages() {
    let cluster = faulty_cluster().await;
    for n in 0..4 {
        for path in ["/metrics", "/metrics/cluster"] {
            let (status, page) = get(cluster.address(n).unwrap(), path).unwrap();
            assert_eq!(status, 200, "{path}");
            let (good, said) = promtool(&["check", "metrics"], &page);
            assert!(good && said.is_empty(), "pve{} {path}: {said}\n{page}", n + 1);
        }
    }
    cluster.stop().await;
}

/// A running Prometheus; ends when it is dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Scrapes these agents each second, both pages of each.
    fn start(agents: &[SocketAddr]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let targets: Vec<String> = agents.iter().map(|agent| format!("'{agent}'")).collect();
        let job = |name: &str, path: &str| {
            format!(
                "  - job_name: {name}\n    metrics_path: {path}\n    static_configs:\n      - targets: [{}]\n",
                targets.join(", ")
            )
        };
        let config = format!(
            "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\nrule_files: ['{}']\nscrape_configs:\n{}{}",
            packaging("prometheus/pathkeeper.rules.yml").canonicalize().unwrap().display(),
            job("pathkeeper", "/metrics"),
            job("pathkeeper-cluster", "/metrics/cluster"),
        );
        let file = dir.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        // Free when we looked; Prometheus ends at once if somebody was quicker, and the wait below says so.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address, _dir: dir }
    }

    fn ask(&self, path: &str) -> Result<Value, String> {
        let (status, body) = get(self.address, path).ok_or("no answer")?;
        let value: Value = serde_json::from_str(&body).map_err(|e| format!("{status} {e}: {body}"))?;
        match &value["status"] {
            Value::String(word) if word == "success" => Ok(value["data"].clone()),
            _ => Err(body),
        }
    }

    /// The series that a query gives.
    fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let data = self.ask(&format!("/api/v1/query?query={encoded}"))?;
        Ok(data["result"].as_array().cloned().unwrap_or_default())
    }

    /// Waits until a query gives as many series as wanted.
    fn until(&self, query: &str, wanted: usize) {
        let began = Instant::now();
        let mut last = Err("not asked".to_owned());
        while began.elapsed() < LIMIT {
            last = self.query(query);
            if last.as_ref().is_ok_and(|series| series.len() >= wanted) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{query} gave no {wanted} series within {LIMIT:?}; last: {last:?}");
    }
}

/// Every expression of the dashboard with its panel's title, as Grafana asks it when all nodes are chosen.
fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().unwrap();
    let of_panel = |panel: &Value| -> Vec<(String, String)> {
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        let title = panel["title"].as_str().unwrap();
        targets
            .iter()
            .map(|target| (title.to_owned(), target["expr"].as_str().unwrap().replace("$node", ".*")))
            .collect()
    };
    panels.iter().flat_map(of_panel).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs prometheus (Debian: prometheus)"]
async fn a_real_prometheus_answers_every_query_of_the_dashboard_and_evaluates_every_rule() {
    let cluster = faulty_cluster().await;
    let agents: Vec<SocketAddr> = (0..4).map(|n| cluster.address(n).unwrap()).collect();
    let prometheus = Prometheus::start(&agents);
    prometheus.until("up == 1", 2 * agents.len());
    // A rate wants two samples.
    prometheus.until("count_over_time(pathkeeper_unknown_words_total[1m]) >= 2", agents.len());

    let dashboard = std::fs::read_to_string(packaging("grafana/pathkeeper.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let all = expressions(&dashboard);
    assert!(all.len() > 25, "{}", all.len());
    let mut unused: BTreeMap<&str, &str> = EMPTY.iter().copied().collect();
    for (title, query) in &all {
        let series = prometheus.query(query).unwrap_or_else(|e| panic!("{title}: {query}: {e}"));
        let excused = EMPTY.iter().find(|(part, _)| query.contains(part));
        if let Some((part, _)) = excused {
            unused.remove(part);
        }
        assert_eq!(series.is_empty(), excused.is_some(), "{title}: {query}: {series:?}");
    }
    assert_eq!(unused, BTreeMap::new(), "no query is excused by these any more");
    let nodes = prometheus.query("group by (node) (pathkeeper_node_online)").unwrap();
    assert_eq!(nodes.len(), 4, "what the dashboard's variable lists: {nodes:?}");

    // The LUN without a path is told at once, and every rule can be evaluated.
    prometheus.until("ALERTS{alertname=\"PathkeeperQueueing\",alertstate=\"firing\",node=\"pve3\"}", 1);
    let groups = prometheus.ask("/api/v1/rules").unwrap();
    let rules = groups["groups"][0]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 11);
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        for alert in rule["alerts"].as_array().into_iter().flatten() {
            let said = alert["annotations"].to_string();
            assert!(!said.contains("no value") && !said.contains("error"), "{said}");
        }
    }
    let missing = prometheus.query("ALERTS{alertname=\"PathkeeperLunNotServed\"}").unwrap();
    assert!(missing.len() >= 2, "{missing:?}");
    drop(prometheus);
    cluster.stop().await;
}
