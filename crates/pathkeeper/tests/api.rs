//! The API as clients see it: a real app, a real store, real sockets; only the local node is told by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client, Event};
use pathkeeper_api::{ErrorBody, openapi, paths};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::Hub;
use pathkeeper_io::store::{Key, Store};
use pathkeeper_model::EpochS;
use pathkeeper_model::NodeName;
use pathkeeper_model::local::{Daemon, NodeRead};
use tokio::sync::mpsc;

/// What the local node is, told by hand.
type Told = Arc<Mutex<NodeRead>>;

struct HandLook(Told);

impl Look for HandLook {
    fn read(&mut self, _: Depth) -> NodeRead {
        self.0.lock().unwrap().clone()
    }
    fn probe(&mut self) -> bool {
        true
    }
}

struct Lab {
    dir: tempfile::TempDir,
    told: Told,
    triggers: mpsc::Sender<()>,
    app: App,
    hub: Hub,
    store: Arc<dyn Store>,
    client: Client,
}

fn reply(name: &str) -> Vec<pathkeeper_model::local::Map> {
    let file =
        format!("{}/../../tests/data/multipathd/0.9.4/{name}.show-maps.json", env!("CARGO_MANIFEST_DIR"));
    pathkeeper_io::multipathd::json::decode(&std::fs::read(file).unwrap()).unwrap().maps
}

fn read(name: &str) -> NodeRead {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    NodeRead {
        began: EpochS(now as i64),
        took_ms: 1,
        daemon: Daemon::Answering { pid: Some(1) },
        maps: reply(name),
        loose: vec![],
        kernel: Ok(vec![]),
        adapters: vec![],
        tools_version: Some("0.9.4".into()),
        unknown_words: 0,
        problems: vec![],
    }
}

impl Lab {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(dir.path()).unwrap();
        let store: Arc<dyn Store> = Arc::new(hub.node(&NodeName::new("pve1").unwrap()));
        let told = Arc::new(Mutex::new(read("02-multibus-all-up")));
        let (triggers, receiver) = mpsc::channel(4);
        let config = AppConfig {
            cluster: Some("san-a".into()),
            poll_ms: 10_000,
            listen: Some("127.0.0.1:0".parse().unwrap()),
            socket: Some((dir.path().join("run/pathkeeper.sock"), None)),
            instance: random_instance().unwrap(),
            facts: NodeFacts { mode: "observe".into(), ..NodeFacts::default() },
        };
        let look = told.clone();
        let app =
            App::start(config, store.clone(), Arc::new(move || Box::new(HandLook(look.clone()))), receiver)
                .await
                .unwrap();
        let address = Address::Tcp(app.address.unwrap().to_string());
        let client = Client::new(address, Duration::from_secs(10));
        let lab = Self { dir, told, triggers, app, hub, store, client };
        lab.until(|status| status.luns.len() == 1).await;
        lab
    }

    /// Follows the events until the status is as wanted.
    async fn until(&self, wanted: impl Fn(&pathkeeper_api::status::ClusterStatus) -> bool) {
        let follow = async {
            loop {
                let Ok(mut events) = self.client.events().await else {
                    // Not ready yet: 503 until the first list.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let mut status = None;
                while let Some(event) = events.next().await.unwrap() {
                    match event {
                        Event::Snapshot(s) => status = Some(s),
                        Event::Delta(delta) => status.as_mut().unwrap().apply(delta),
                        Event::Resync => {}
                    }
                    if status.as_ref().is_some_and(&wanted) {
                        let asked = self.client.status("").await.unwrap();
                        assert_eq!(status.unwrap().luns, asked.luns, "events and status agree");
                        return;
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), follow).await.unwrap();
    }

    async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, hyper::HeaderMap, Vec<u8>) {
        let io = tokio::net::TcpStream::connect(self.app.address.unwrap()).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
        tokio::spawn(connection);
        let mut request = hyper::Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            sender.send_request(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = if parts.headers.get("content-type").is_some_and(|t| t == "text/event-stream") {
            vec![]
        } else {
            body.collect().await.unwrap().to_bytes().to_vec()
        };
        (parts.status.as_u16(), parts.headers, body)
    }

    async fn refused(&self, method: &str, path: &str) -> (u16, ErrorBody) {
        let (status, _, body) = self.raw(method, path, &[]).await;
        (
            status,
            serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&body))),
        )
    }
}

const WWID: &str = "35000c500a0000001";

#[tokio::test]
async fn a_path_that_fails_shows_in_status_events_maps_and_metrics() {
    let lab = Lab::new().await;
    let status = lab.client.status("").await.unwrap();
    assert_eq!(status.luns[0].cluster_state, "optimal");
    assert_eq!(status.luns[0].name.as_deref(), Some("data01"));
    assert_eq!((status.summary.health.as_str(), status.summary.exit_status), ("HEALTH_OK", 0));
    assert_eq!((status.view.observer.as_str(), status.view.nodes_fresh), ("pve1", 1));
    *lab.told.lock().unwrap() = read("11-one-path-offline");
    lab.triggers.send(()).await.unwrap();
    lab.until(|status| status.luns[0].cluster_state == "degraded").await;
    let status = lab.client.status("").await.unwrap();
    assert_eq!(status.luns[0].nodes["pve1"].paths_active, Some(Some(1)));
    assert_eq!((status.summary.exit_status, status.summary.paths_active), (1, 1));
    let disks = lab.client.disks("localhost").await.unwrap();
    let paths: Vec<_> =
        disks.maps[0].groups.iter().flat_map(|g| &g.paths).map(|p| (p.dev.as_str(), p.usable)).collect();
    assert_eq!(paths, [("sdb", true), ("sda", false)]);
    let (_, headers, metrics) = lab.raw("GET", paths::METRICS, &[]).await;
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(headers["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "pathkeeper_map_state{node=\"pve1\",wwid=\"35000c500a0000001\",state=\"degraded\"} 1",
        "pathkeeper_map_state{node=\"pve1\",wwid=\"35000c500a0000001\",state=\"optimal\"} 0",
        "pathkeeper_map_paths{node=\"pve1\",wwid=\"35000c500a0000001\"} 2",
        "pathkeeper_map_paths_usable{node=\"pve1\",wwid=\"35000c500a0000001\"} 1",
        "pathkeeper_multipathd_up{node=\"pve1\"} 1",
        "pathkeeper_unknown_words_total{node=\"pve1\"} 0",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} is not in\n{metrics}");
    }
    let nodes = lab.client.nodes().await.unwrap();
    assert_eq!((nodes[0].report.as_str(), nodes[0].multipathd.as_deref()), ("fresh", Some("running")));
    assert_eq!(nodes[0].cells.degraded, 1);
}

#[tokio::test]
async fn a_hung_multipathd_is_a_finding_and_its_luns_are_unknown() {
    let lab = Lab::new().await;
    let hung = NodeRead {
        daemon: Daemon::Hung { waited_ms: 4500 },
        maps: vec![],
        kernel: Err("no".into()),
        ..read("02-multibus-all-up")
    };
    *lab.told.lock().unwrap() = hung;
    lab.triggers.send(()).await.unwrap();
    lab.until(|status| status.luns[0].cluster_state == "unknown" && !status.findings.is_empty()).await;
    let status = lab.client.status("").await.unwrap();
    assert_eq!(status.findings[0].code, "MULTIPATHD_HUNG");
    assert_eq!((status.summary.health.as_str(), status.summary.exit_status), ("HEALTH_ERR", 3));
    assert_eq!(lab.client.disks("pve1").await.unwrap().multipathd, "hung");
    let metrics = String::from_utf8(lab.raw("GET", paths::METRICS, &[]).await.2).unwrap();
    let line = "pathkeeper_map_state{node=\"pve1\",wwid=\"35000c500a0000001\",state=\"unknown\"} 1";
    assert!(metrics.lines().any(|l| l == line), "the series must not vanish:\n{metrics}");
}

#[tokio::test]
async fn every_documented_path_answers_and_nothing_else_does() {
    let lab = Lab::new().await;
    for path in openapi::documented_paths() {
        let (status, headers, body) = lab.raw("GET", &path.replace("{node}", "pve1"), &[]).await;
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
        if path.starts_with("/api2/json") {
            assert!(body.starts_with(b"{\"data\":"), "{path}: {}", String::from_utf8_lossy(&body));
        }
    }
    let (status, body) = lab.refused("GET", "/api2/json/cluster/multipath/nothing").await;
    assert_eq!(
        (status, body.message.as_str()),
        (501, "Method 'GET /cluster/multipath/nothing' not implemented")
    );
    let (status, body) = lab.refused("DELETE", paths::STATUS).await;
    assert_eq!(
        (status, body.message.as_str()),
        (501, "Method 'DELETE /cluster/multipath/status' not implemented")
    );
    assert_eq!(lab.refused("GET", "/nothing").await.0, 404);
    let (status, body) = lab.refused("GET", &format!("{}?state=green&colour=1", paths::STATUS)).await;
    assert_eq!(status, 400);
    assert_eq!(body.message, "Parameter verification failed.");
    assert_eq!(body.errors.keys().collect::<Vec<_>>(), ["colour", "state"]);
    assert_eq!(lab.refused("GET", &format!("{}?x=1", paths::NODES)).await.0, 400);
    assert_eq!(lab.refused("GET", "/api2/json/nodes/nobody/disks/multipath").await.0, 404);
    let (status, _, _) = lab.raw("GET", paths::STATUS, &[("host", "evil.example")]).await;
    assert_eq!(status, 421, "a name that a browser was tricked into");
}

#[tokio::test]
async fn another_nodes_maps_are_not_answered_yet() {
    let lab = Lab::new().await;
    lab.hub.node(&NodeName::new("pve2").unwrap());
    lab.until(|status| status.view.nodes_known == 2).await;
    let (status, body) = lab.refused("GET", "/api2/json/nodes/pve2/disks/multipath").await;
    assert_eq!(
        (status, body.message.as_str()),
        (501, "pve1 answers only for itself so far: ask the agent on pve2")
    );
    let (status, body) = lab.refused("GET", "/api2/json/nodes/pve9/disks/multipath").await;
    assert_eq!((status, body.message.as_str()), (404, "no such node: pve9"));
}

#[tokio::test]
async fn an_unchanged_status_costs_a_304_and_gzip_is_the_same_text() {
    let lab = Lab::new().await;
    let (_, headers, plain) = lab.raw("GET", paths::STATUS, &[]).await;
    let etag = headers["etag"].to_str().unwrap().to_owned();
    let (status, _, body) = lab.raw("GET", paths::STATUS, &[("if-none-match", &etag)]).await;
    assert_eq!((status, body.len()), (304, 0));
    let (_, headers, zipped) = lab.raw("GET", paths::STATUS, &[("accept-encoding", "gzip")]).await;
    assert_eq!(headers["content-encoding"], "gzip");
    let mut unzipped = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&zipped[..]), &mut unzipped).unwrap();
    assert_eq!(unzipped, plain);
    *lab.told.lock().unwrap() = read("11-one-path-offline");
    lab.triggers.send(()).await.unwrap();
    lab.until(|status| status.luns[0].cluster_state == "degraded").await;
    let (status, ..) = lab.raw("GET", paths::STATUS, &[("if-none-match", &etag)]).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn filters_leave_the_counts_whole() {
    let lab = Lab::new().await;
    for (query, rows) in [
        (String::new(), 1),
        ("state=optimal".into(), 1),
        ("state=failed,missing".into(), 0),
        ("unclean=1".into(), 0),
        ("node=pve1".into(), 1),
        ("node=pve2".into(), 0),
        (format!("wwid={WWID}"), 1),
        ("wwid=other".into(), 0),
    ] {
        let status = lab.client.status(&query).await.unwrap();
        assert_eq!((status.luns.len(), status.summary.luns), (rows, 1), "{query}");
    }
}

#[tokio::test]
async fn the_socket_is_for_root_and_this_user_and_gives_the_same() {
    let lab = Lab::new().await;
    let path = lab.dir.path().join("run/pathkeeper.sock");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let client = Client::new(Address::Unix(path), Duration::from_secs(10));
    assert_eq!(client.status("").await.unwrap().luns, lab.client.status("").await.unwrap().luns);
}

#[tokio::test]
async fn who_comes_back_with_an_old_id_is_told_to_begin_anew() {
    let lab = Lab::new().await;
    let (status, headers, _) =
        lab.raw("GET", paths::EVENTS, &[("last-event-id", "0000000000000000-1")]).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
}

#[tokio::test]
async fn listening_beyond_the_loopback_is_refused_with_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let hub = Hub::open(dir.path()).unwrap();
    let config = AppConfig {
        cluster: None,
        poll_ms: 10_000,
        listen: Some("0.0.0.0:0".parse().unwrap()),
        socket: None,
        instance: random_instance().unwrap(),
        facts: NodeFacts::default(),
    };
    let told = Arc::new(Mutex::new(read("02-multibus-all-up")));
    let look = Arc::new(move || Box::new(HandLook(told.clone())) as Box<dyn Look>);
    let store = Arc::new(hub.node(&NodeName::new("a").unwrap()));
    let e = App::start(config, store, look, mpsc::channel(1).1).await.unwrap_err().to_string();
    assert!(e.contains("refused until TLS and tokens exist") && e.contains("ssh -L"), "{e}");
}

#[tokio::test]
async fn a_read_that_hangs_hangs_nothing_else() {
    struct Hang(std::sync::mpsc::Receiver<()>);
    impl Look for Hang {
        fn read(&mut self, _: Depth) -> NodeRead {
            // Until the test ends.
            let _ = self.0.recv();
            read("02-multibus-all-up")
        }
        fn probe(&mut self) -> bool {
            false
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let hub = Hub::open(dir.path()).unwrap();
    let store = Arc::new(hub.node(&NodeName::new("a").unwrap()));
    let config = AppConfig {
        cluster: None,
        poll_ms: 10_000,
        listen: Some("127.0.0.1:0".parse().unwrap()),
        socket: None,
        instance: random_instance().unwrap(),
        facts: NodeFacts::default(),
    };
    let (release, held) = std::sync::mpsc::channel();
    let held = Mutex::new(Some(held));
    let look = Arc::new(move || {
        Box::new(Hang(held.lock().unwrap().take().unwrap_or_else(|| std::sync::mpsc::channel().1)))
            as Box<dyn Look>
    });
    let app = App::start(config, store, look, mpsc::channel(1).1).await.unwrap();
    let client = Client::new(Address::Tcp(app.address.unwrap().to_string()), Duration::from_secs(5));
    assert!(client.version().await.is_ok());
    let e = client.disks("localhost").await.unwrap_err().to_string();
    assert!(e.contains("503") && e.contains("has not been read yet"), "{e}");
    app.stop().await;
    drop(release);
}

#[tokio::test]
async fn put_values_show_up_whoever_wrote_them() {
    let lab = Lab::new().await;
    lab.store
        .put(Key::new("multipath-apply").unwrap(), r#"{"error":"no space","time":5}"#.into())
        .await
        .unwrap();
    lab.until(|status| status.nodes.contains_key("pve1")).await;
    assert_eq!(lab.client.status("").await.unwrap().nodes["pve1"].apply_error, "no space");
}
