//! Debian's Alertmanager: what the agents tell it reaches its own receiver once, and is over once, whoever dies meanwhile.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pathkeeper::config::AlertsChoice;
use pathkeeper::demo::cluster::{ClusterOptions, DemoCluster};
use pathkeeper::demo::play;
use pathkeeper_engine::alerts::Holds;
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{Op, San, SanConfig, Script};
use pathkeeper_io::notify::{SinkConfig, SinkKind, SinkUrl};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Longest wait for anything.
const LIMIT: Duration = Duration::from_secs(90);

/// How often each thing was said: `firing HBA_DOWN pve3/host7`.
type Said = Arc<Mutex<BTreeMap<String, usize>>>;

/// Where Alertmanager sends what it tells people.
async fn receiver() -> (SocketAddr, Said) {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (address, said) = (listener.local_addr().unwrap(), Said::default());
    let all = said.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let said = all.clone();
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                let (at, length) = loop {
                    assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "cut off");
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let Some(at) = text.find("\r\n\r\n") else { continue };
                    let length = text[..at].lines().find_map(|line| {
                        let (name, value) = line.split_once(':')?;
                        name.eq_ignore_ascii_case("content-length")
                            .then(|| value.trim().parse::<usize>().unwrap())
                    });
                    break (at + 4, length.unwrap());
                };
                while bytes.len() < at + length {
                    assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "cut off");
                }
                let body: Value = serde_json::from_slice(&bytes[at..]).unwrap();
                for alert in body["alerts"].as_array().unwrap() {
                    let word = |value: &Value| value.as_str().unwrap().to_owned();
                    let what =
                        format!("{} {}", word(&alert["status"]), word(&alert["labels"]["fingerprint"]));
                    // Shown where the test fails.
                    eprintln!("{what}, since {}, by {}", alert["startsAt"], alert["annotations"]["sender"]);
                    *said.lock().unwrap().entry(what).or_default() += 1;
                }
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .await
                    .unwrap();
            });
        }
    });
    (address, said)
}

/// A running Alertmanager; ends when it is dropped.
struct Alertmanager {
    child: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Alertmanager {
    fn start(receiver: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "route:\n  receiver: test\n  group_by: [alertname, fingerprint]\n  group_wait: 1s\n  group_interval: 1s\n  \
             repeat_interval: 1h\nreceivers:\n  - name: test\n    webhook_configs:\n      - url: http://{receiver}/\n"
        );
        let file = dir.path().join("alertmanager.yml");
        std::fs::write(&file, config).unwrap();
        // Free when we looked; Alertmanager ends at once if somebody was quicker, and the wait for an alert says so.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address, _dir: dir }
    }
}

async fn until(said: &Said, what: &str) {
    let began = Instant::now();
    while !said.lock().unwrap().contains_key(what) {
        assert!(began.elapsed() < LIMIT, "{what} was not said within {LIMIT:?}: {:?}", said.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn let_happen(cluster: &mut DemoCluster, script: &str) {
    let (script, problems) = Script::parse(script, &cluster.san());
    assert_eq!(problems, []);
    for step in &script.steps {
        cluster.apply(&step.op).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs prometheus-alertmanager (Debian: prometheus-alertmanager)"]
async fn a_real_alertmanager_tells_each_cause_once_and_its_end_once_while_the_sender_dies() {
    let (receiver, said) = receiver().await;
    let alertmanager = Alertmanager::start(receiver);
    let sink = SinkConfig {
        name: "alertmanager".into(),
        kind: SinkKind::Alertmanager { resend_ms: 1_000, expires_s: 3_600 },
        url: SinkUrl::parse(&format!("http://{}/api/v2/alerts", alertmanager.address)).unwrap(),
        token_file: None,
        headers: Vec::new(),
        ca_file: None,
        timeout_ms: 5_000,
    };
    let holds = Holds { urgent_ms: 2_000, cause_ms: 3_000, ..Holds::default() };
    let alerts = AlertsChoice { sinks: vec![sink], holds, resolve_after_s: 2, ..AlertsChoice::default() };
    let san = San::new(SanConfig { nodes: 4, luns: 6, paths: 4, seed: 1 }).unwrap();
    let options = ClusterOptions { port: 0, version: Version::V0_9_4 };
    let mut cluster = DemoCluster::start_alerting(san, options, alerts).await.unwrap();
    play::caught_up(&cluster).await.unwrap_or_else(|e| panic!("at the start: {}", e.message()));

    let_happen(&mut cluster, "+0s pve3 adapter host7 down").await;
    until(&said, "firing HBA_DOWN pve3/host7").await;
    // Whoever told it dies; another one answers for it from now on, and says that it is over.
    cluster.apply(&Op::Node { node: 0, alive: false }).await.unwrap();
    until(&said, "firing NODE_OFFLINE pve1").await;
    let_happen(&mut cluster, "+0s pve3 adapter host7 up").await;
    until(&said, "resolved HBA_DOWN pve3/host7").await;
    cluster.apply(&Op::Node { node: 0, alive: true }).await.unwrap();
    until(&said, "resolved NODE_OFFLINE pve1").await;
    let expect = [
        "firing HBA_DOWN pve3/host7",
        "firing NODE_OFFLINE pve1",
        "resolved HBA_DOWN pve3/host7",
        "resolved NODE_OFFLINE pve1",
    ];
    let expect: BTreeMap<String, usize> = expect.map(|what| (what.to_owned(), 1)).into();
    assert_eq!(*said.lock().unwrap(), expect);
    cluster.stop().await;
}
