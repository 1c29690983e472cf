//! The API as clients see it: a real app, a real store, real sockets; only the local node is told by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod map;

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client, Event};
use pathkeeper_api::disks::NodeDisks;
use pathkeeper_api::{ErrorBody, openapi, paths};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::{Hub, HubStore};
use pathkeeper_io::store::{
    Document, DocumentName, Hints, Key, Limits, Members, Store, StoreError, StoreFuture, Value,
};
use pathkeeper_model::detail::{self, Head};
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::report::Stamp;
use pathkeeper_model::{EpochS, Instance, NodeName};
use tokio::sync::{mpsc, watch};

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
        took_ms: 1,
        maps: reply(name),
        tools_version: Some("0.9.4".into()),
        ..NodeRead::empty(EpochS(now as i64), Daemon::Answering { pid: Some(1) })
    }
}

impl Lab {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(dir.path()).unwrap();
        let store: Arc<dyn Store> = Arc::new(hub.node(&NodeName::new("pve1").unwrap()));
        Self::on(dir, hub, store).await
    }

    async fn on(dir: tempfile::TempDir, hub: Hub, store: Arc<dyn Store>) -> Self {
        let told = Arc::new(Mutex::new(read("02-multibus-all-up")));
        let (triggers, receiver) = mpsc::channel(4);
        let config = AppConfig {
            cluster: Some("san-a".into()),
            listen: Some("127.0.0.1:0".parse().unwrap()),
            socket: Some((dir.path().join("run/pathkeeper.sock"), None)),
            ..AppConfig::new(
                random_instance().unwrap(),
                NodeFacts { mode: "observe".into(), ..NodeFacts::default() },
            )
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
    assert_eq!(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
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
        let mut at = path.replace("{node}", "pve1").replace("{wwid}", WWID);
        // What they need to be asked with.
        at.push_str(match path.as_str() {
            paths::EXPLAIN => "?name=pve1",
            paths::CAN => "?deed=reboot&name=pve1",
            paths::LUN_GUIDE => "?for=retire",
            _ => "",
        });
        let (status, headers, body) = lab.raw("GET", &at, &[]).await;
        let orders = [
            paths::LUN_ACK_PATHS,
            paths::LUN_RETIRE,
            paths::LUN_FORGET,
            paths::MUTE,
            paths::WINDOW,
            paths::WINDOW_END,
            paths::ALERTS_TEST,
            paths::PLAN,
            paths::CONFIG_DEFAULTS,
            paths::ROLLOUT_PAUSE,
            paths::ROLLOUT_RESUME,
            paths::ROLLOUT_ABORT,
            paths::ROLLOUT_FORCE,
        ];
        if orders.contains(&path.as_str()) {
            assert_eq!(status, 501, "{path} is for orders");
            continue;
        }
        let kept = [paths::HISTORY, paths::LUN_HISTORY, paths::NODE_HISTORY, paths::CONFIG_ADOPT];
        if kept.contains(&path.as_str()) {
            // This laboratory has no state directory, and no files; tests/history.rs and tests/config/ have them.
            assert_eq!(status, 503, "{path}: {}", String::from_utf8_lossy(&body));
            continue;
        }
        // Nor has it a storage; tests/volumes.rs has some.
        let expect = if path == paths::NODE_CONTENT { 404 } else { 200 };
        assert_eq!(status, expect, "{path}: {}", String::from_utf8_lossy(&body));
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
        // The map alone is no text.
        if path.starts_with("/api2/json") && path != paths::MAP {
            assert!(body.starts_with(b"{\"data\":"), "{path}: {}", String::from_utf8_lossy(&body));
        }
    }
    let (status, body) = lab.refused("GET", "/api2/json/cluster/multipath/nothing").await;
    assert_eq!(
        (status, body.message.as_str()),
        (501, "Method 'GET /cluster/multipath/nothing' not implemented")
    );
    let (status, body) = lab.refused("DELETE", paths::STATUS).await;
    assert_eq!((status, body.message.as_str()), (401, "No ticket"), "whoever changes something has a name");
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
async fn any_nodes_maps_are_answered_as_it_published_them() {
    let lab = Lab::new().await;
    let pve2 = lab.hub.node(&NodeName::new("pve2").unwrap());
    let now = lab.told.lock().unwrap().began;
    lab.until(|status| status.view.nodes_known == 2).await;
    let refused = async |words: &str| {
        for _ in 0..400 {
            let (status, body) = lab.refused("GET", "/api2/json/nodes/pve2/disks/multipath").await;
            assert_eq!(status, 503);
            if body.message.contains(words) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never said {words:?}");
    };
    let put = async |key: &str, value: Vec<u8>| pve2.put(Key::new(key).unwrap(), value.into()).await.unwrap();
    refused("no agent of it has been heard").await;
    put("multipath", format!("{{\"maps\":{{}},\"time\":{}}}", now.0).into()).await;
    refused("Proxmox VE's own multipath series").await;
    put("multipath-node", br#"{"v":1,"versions":{"pathkeeper":"0.0.9"},"multipathd":{"state":"running"},"adapters":[{"name":"host6","transport":"fc"}]}"#.to_vec()).await;
    refused("it runs Pathkeeper 0.0.9, which has published none").await;
    put("multipath-detail", b"rubbish".to_vec()).await;
    refused("multipath-detail cannot be used: it is no JSON").await;

    let stamp = Stamp { instance: Instance(9), seq: 3 };
    let published = NodeRead { began: EpochS(now.0 - 100), ..read("11-one-path-offline") };
    let head = Head { node: NodeName::new("pve2").unwrap(), stamp, time: EpochS(now.0 - 90) };
    let value = detail::encode(&head, &published, None).unwrap().remove(0);
    put("multipath-detail", value).await;
    let asked = async |what: &str, wanted: &dyn Fn(&NodeDisks) -> bool| {
        let mut last = None;
        for _ in 0..400 {
            match lab.client.disks("pve2").await {
                Ok(answer) if wanted(&answer) => return answer,
                answer => last = Some(answer),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never {what}: {last:?}");
    };
    let shown = |answer: &NodeDisks| {
        let map = &answer.maps[0];
        let usable = map.groups.iter().flat_map(|group| &group.paths).filter(|path| path.usable).count();
        (map.state.clone(), map.paths_active, usable)
    };
    let answer = asked("a detail", &|_| true).await;
    assert_eq!(
        (answer.node.as_str(), answer.detail.as_str(), answer.time),
        ("pve2", "published", now.0 - 100)
    );
    assert!((90..110).contains(&answer.age_s.unwrap()), "{:?}", answer.age_s);
    assert_eq!((answer.report.as_deref(), answer.adapters[0].name.as_str()), (Some("fresh"), "host6"));
    // Its report is believed, and does not name what the older detail has.
    assert_eq!((answer.believed, shown(&answer)), (Some(true), ("unknown".into(), None, 0)));
    assert!(answer.maps[0].report_differs.as_ref().unwrap().contains("does not name"));

    let wwid = &answer.maps[0].wwid;
    let mut time = now.0;
    let mut report = async |state: &str, active: u32| {
        time += 1;
        let entry = format!(
            r#"{{"maps":{{"{wwid}":{{"state":"{state}","paths-active":{active},"paths-total":2}}}},"time":{time}}}"#
        );
        put("multipath", entry.into()).await;
        lab.until(|status| {
            let cell = status.luns[0].nodes.get("pve2");
            cell.is_some_and(|cell| cell.state == state && cell.paths_active.flatten() == Some(active))
        })
        .await;
        lab.client.disks("pve2").await.unwrap()
    };
    // The report says at once what the detail says half a minute later, or never.
    let late = report("failed", 0).await;
    assert_eq!(shown(&late), ("failed".into(), Some(0), 0));
    assert!(late.maps[0].report_differs.as_ref().unwrap().contains("says failed 0/2"));
    let early = report("optimal", 2).await;
    assert_eq!(shown(&early), ("degraded".into(), Some(1), 1), "until the detail says so too");
    assert!(early.maps[0].report_differs.as_ref().unwrap().contains("says optimal 2/2"));
    let answer = report("degraded", 1).await;
    assert_eq!((shown(&answer), &answer.maps[0].report_differs), (("degraded".into(), Some(1), 1), &None));

    *lab.told.lock().unwrap() = published;
    lab.triggers.send(()).await.unwrap();
    lab.until(|status| status.luns[0].nodes["pve1"].state == "degraded").await;
    let own = lab.client.disks("pve1").await.unwrap();
    assert_eq!((own.detail.as_str(), own.report.as_deref(), own.believed), ("live", None, None));
    assert_eq!(
        (&own.maps, &own.devices, &own.multipathd),
        (&answer.maps, &answer.devices, &answer.multipathd)
    );
    // What does not speak any more is shown, and is no health.
    lab.hub.set_member(&NodeName::new("pve2").unwrap(), false);
    lab.until(|status| status.findings.iter().any(|f| f.code == "NODE_OFFLINE")).await;
    let answer = lab.client.disks("pve2").await.unwrap();
    assert_eq!((answer.report.as_deref(), answer.believed), (Some("offline"), Some(false)));
    assert_eq!((shown(&answer), answer.maps[0].paths_total), (("unknown".into(), None, 0), Some(2)));
    let words = |disks: &NodeDisks| -> Vec<String> {
        let paths = disks.maps[0].groups.iter().flat_map(|group| &group.paths);
        paths.map(|path| format!("{} {} {}", path.dev, path.dm_state, path.check_state)).collect()
    };
    assert_eq!(words(&answer), words(&own), "as it was then");
    assert!(answer.report_why.unwrap().contains("offline"));
}

/// One value of a hostile node that would be hundreds of megabytes in the memory of whoever looks.
#[tokio::test]
async fn a_detail_that_would_fill_the_memory_is_an_error_in_words() {
    use base64::Engine as _;
    use std::io::Write as _;
    let lab = Lab::new().await;
    let pve2 = lab.hub.node(&NodeName::new("pve2").unwrap());
    lab.until(|status| status.view.nodes_known == 2).await;
    let route = "x".repeat(255);
    let plain = format!(
        r#"{{"v":1,"r":[{{"a":"{route}","ap":"{route}","tp":"{route}","tn":"{route}","tr":"{route}"}}],"m":[{{"w":"w","g":[{{"d":[{}]}}]}}]}}"#,
        vec![r#"{"r":0}"#; 65_536].join(",")
    );
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    zip.write_all(plain.as_bytes()).unwrap();
    let data = base64::engine::general_purpose::STANDARD.encode(zip.finish().unwrap());
    let value = format!(
        r#"{{"v":1,"node":"pve2","instance":"0000000000000009","seq":1,"part":1,"parts":1,"data":"{data}"}}"#
    );
    assert!(value.len() < 16 << 10);
    pve2.put(Key::new("multipath-detail").unwrap(), value.into()).await.unwrap();
    for _ in 0..400 {
        let (status, body) = lab.refused("GET", "/api2/json/nodes/pve2/disks/multipath").await;
        assert_eq!(status, 503);
        if body.message.contains("over 64 MiB of text") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was never told");
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
        listen: Some("0.0.0.0:0".parse().unwrap()),
        ..AppConfig::new(random_instance().unwrap(), NodeFacts::default())
    };
    let told = Arc::new(Mutex::new(read("02-multibus-all-up")));
    let look = Arc::new(move || Box::new(HandLook(told.clone())) as Box<dyn Look>);
    let store = Arc::new(hub.node(&NodeName::new("a").unwrap()));
    let e = App::start(config, store, look, mpsc::channel(1).1).await.unwrap_err().to_string();
    assert!(e.contains("without TLS is refused") && e.contains("ssh -L"), "{e}");
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
        listen: Some("127.0.0.1:0".parse().unwrap()),
        ..AppConfig::new(random_instance().unwrap(), NodeFacts::default())
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

/// A store that can stop working: reads and writes then hang until their deadline, as a stopped engine's do.
struct Sick {
    inner: HubStore,
    sick: watch::Sender<bool>,
}

impl Sick {
    async fn answer<T>(&self, call: StoreFuture<'_, T>) -> Result<T, StoreError> {
        if *self.sick.borrow() {
            tokio::time::sleep(Duration::from_millis(300)).await;
            return Err(StoreError::Timeout { what: "anything".into(), after_ms: 300 });
        }
        call.await
    }
}

impl Store for Sick {
    fn kind(&self) -> &'static str {
        "sick"
    }
    fn own_node(&self) -> &NodeName {
        self.inner.own_node()
    }
    fn limits(&self) -> Limits {
        self.inner.limits()
    }
    fn put(&self, key: Key, bytes: bytes::Bytes) -> StoreFuture<'_, ()> {
        Box::pin(self.answer(self.inner.put(key, bytes)))
    }
    fn clear(&self, key: Key) -> StoreFuture<'_, ()> {
        Box::pin(self.answer(self.inner.clear(key)))
    }
    fn get(&self, writer: NodeName, key: Key) -> StoreFuture<'_, Option<bytes::Bytes>> {
        Box::pin(self.answer(self.inner.get(writer, key)))
    }
    fn list(&self) -> StoreFuture<'_, Vec<Value>> {
        Box::pin(self.answer(self.inner.list()))
    }
    fn members(&self) -> StoreFuture<'_, Members> {
        Box::pin(self.answer(self.inner.members()))
    }
    fn read(&self, name: DocumentName) -> StoreFuture<'_, Document> {
        self.inner.read(name)
    }
    fn write(
        &self,
        name: DocumentName,
        bytes: Option<bytes::Bytes>,
        expected: String,
    ) -> StoreFuture<'_, String> {
        self.inner.write(name, bytes, expected)
    }
    fn hints(&self) -> Hints {
        self.inner.hints()
    }
    fn forget(&self, node: NodeName) -> StoreFuture<'_, ()> {
        self.inner.forget(node)
    }
}

#[tokio::test]
async fn a_store_that_hangs_takes_neither_the_own_paths_nor_the_truth_about_the_view() {
    let dir = tempfile::tempdir().unwrap();
    let hub = Hub::open(dir.path()).unwrap();
    let sick = watch::Sender::new(false);
    let inner = hub.node(&NodeName::new("pve1").unwrap());
    let lab = Lab::on(dir, hub.clone(), Arc::new(Sick { inner, sick: sick.clone() })).await;
    sick.send_replace(true);
    // A hint, so that somebody looks.
    hub.set_member(&NodeName::new("pve2").unwrap(), true);
    lab.until(|status| status.view.partial).await;
    *lab.told.lock().unwrap() = read("11-one-path-offline");
    lab.triggers.send(()).await.unwrap();
    lab.until(|status| status.luns[0].cluster_state == "degraded").await;
    let status = lab.client.status("").await.unwrap();
    // That the own node runs on its last path is known, and no partial view hides it.
    assert_eq!((status.summary.health.as_str(), status.summary.exit_status), ("HEALTH_ERR", 1));
    assert!(status.findings.iter().any(|f| f.code == "STORE_PARTIAL" && f.severity == "error"));
    assert!(
        status.view.why.as_deref().is_some_and(|why| why.contains("no answer within 300 ms")),
        "{status:?}"
    );
    assert_eq!(status.luns[0].nodes["pve1"].paths_active, Some(Some(1)));
    sick.send_replace(false);
    lab.until(|status| !status.view.partial && status.luns[0].cluster_state == "degraded").await;
    let nodes = lab.client.nodes().await.unwrap();
    assert_eq!((nodes[0].report.as_str(), nodes[1].report.as_str()), ("fresh", "silent"));
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

#[tokio::test]
async fn the_agent_notices_what_another_does_to_its_values_and_not_what_it_does_itself() {
    let lab = Lab::new().await;
    let lost = || {
        let local = lab.app.board.local();
        local.and_then(|l| l.events.iter().find(|(event, _)| *event == "own-value-lost").map(|(_, n)| *n))
    };
    let own = || Key::new("multipath-node").unwrap();
    let name = NodeName::new("pve1").unwrap();
    let speaks = async {
        while lab.store.get(name.clone(), own()).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), speaks).await.unwrap();
    assert_eq!(lost(), None);
    // One that an agent never put is nobody's loss.
    lab.hub.node(&name).put(Key::new("multipath-apply").unwrap(), "{}".into()).await.unwrap();
    let noticed = async {
        while lost().is_none() {
            // As `etcdctl del` would, and once more where the agent was just about to say all again.
            lab.hub.node(&name).clear(own()).await.unwrap();
            // A look shows what was counted.
            let _ = lab.triggers.try_send(());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), noticed).await.unwrap();
    assert_eq!(lost(), Some(1));
}

#[tokio::test]
async fn a_lost_ledger_is_taken_back_from_the_store_and_kept_on_disk() {
    use pathkeeper_model::ledger::{Ledger, Lun};
    let dir = tempfile::tempdir().unwrap();
    let name = NodeName::new("pve1").unwrap();
    let hub = Hub::open(dir.path()).unwrap();
    let store: Arc<dyn Store> = Arc::new(hub.node(&name));
    let lun = Lun { since: EpochS(5), seen: EpochS(9), ports: vec![], vg: None };
    let ledger =
        Ledger { luns: [(pathkeeper_model::Wwid::new("3600old").unwrap(), lun)].into(), ..Ledger::default() };
    let head = Head { node: name.clone(), stamp: Stamp { instance: Instance(1), seq: 1 }, time: EpochS(9) };
    let earlier = detail::encode(&head, &read("02-multibus-all-up"), Some(&ledger)).unwrap().remove(0);
    store.put(Key::new("multipath-detail").unwrap(), earlier.into()).await.unwrap();
    let file = dir.path().join("ledger.json");
    std::fs::write(&file, "half a file").unwrap();

    let (_triggers, receiver) = mpsc::channel(4);
    let config = AppConfig::new(random_instance().unwrap(), NodeFacts::default());
    let told = Arc::new(Mutex::new(NodeRead { maps: vec![], ..read("02-multibus-all-up") }));
    let look = Arc::new(move || Box::new(HandLook(told.clone())) as Box<dyn Look>);
    let state_dir = Some(dir.path().to_owned());
    let app = App::start_keeping(config, Vec::new(), state_dir, store.clone(), look, receiver).await.unwrap();
    let until = async |what: &str, wanted: &dyn Fn(&[Value]) -> bool| {
        for _ in 0..500 {
            if wanted(&store.list().await.unwrap()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    };
    until("the file is written", &|_| {
        std::fs::read(&file)
            .is_ok_and(|bytes| Ledger::decode(&bytes) == Ok((ledger.clone(), Some(name.clone()))))
    })
    .await;
    until("it is published again", &|values| {
        values.iter().filter(|v| v.key.as_str() == "multipath-detail").any(|v| {
            let part = pathkeeper_model::detail::DetailPart::decode(&v.bytes).unwrap();
            let detail = pathkeeper_model::detail::Packed::new(vec![part]).unpack().unwrap();
            detail.read.maps.is_empty() && detail.ledger.as_ref() == Some(&ledger)
        })
    })
    .await;
    until("a node that carried a LUN says that it has none", &|values| {
        values.iter().any(|v| v.key.as_str() == "multipath" && v.bytes.starts_with(b"{\"maps\":{}"))
    })
    .await;
    let aside = std::fs::read_dir(dir.path()).unwrap().flatten();
    assert!(aside.map(|e| e.file_name().into_string().unwrap()).any(|n| n.starts_with("ledger.json.bad-")));
    app.stop().await;
}

#[tokio::test]
async fn a_node_beside_proxmoxs_own_series_leaves_the_report_to_it() {
    struct Beside(Arc<std::sync::atomic::AtomicBool>);
    impl Look for Beside {
        fn read(&mut self, _: Depth) -> NodeRead {
            read("02-multibus-all-up")
        }
        fn probe(&mut self) -> bool {
            true
        }
        fn report_by(&mut self) -> Option<String> {
            self.0.load(std::sync::atomic::Ordering::Relaxed).then(|| "pve".to_owned())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let hub = Hub::open(dir.path()).unwrap();
    let store = Arc::new(hub.node(&NodeName::new("pve1").unwrap()));
    let config = AppConfig {
        poll_ms: 200,
        listen: Some("127.0.0.1:0".parse().unwrap()),
        ..AppConfig::new(random_instance().unwrap(), NodeFacts::default())
    };
    let installed = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let look = installed.clone();
    let make = Arc::new(move || Box::new(Beside(look.clone())) as Box<dyn Look>);
    let app = App::start(config, store.clone(), make, mpsc::channel(1).1).await.unwrap();
    let client = Client::new(Address::Tcp(app.address.unwrap().to_string()), Duration::from_secs(5));
    let until = |wanted: fn(&pathkeeper_api::status::ClusterStatus) -> bool| {
        let client = &client;
        async move {
            let polls = async {
                loop {
                    if let Ok(status) = client.status("").await
                        && wanted(&status)
                    {
                        return status;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), polls).await.unwrap()
        }
    };
    // It has reported nothing, so nobody speaks for this node's LUNs, and that is no health.
    let status = until(|s| s.findings.iter().any(|f| f.code == "NODE_STEPS_BACK")).await;
    assert_eq!((status.luns.len(), status.summary.health.as_str()), (0, "HEALTH_ERR"));
    let own = store.own().await.unwrap();
    assert!(own.iter().all(|value| value.key.as_str() != "multipath"), "{own:?}");
    // The series is removed: the next full read sees it.
    installed.store(false, std::sync::atomic::Ordering::Relaxed);
    let status = until(|s| s.luns.iter().any(|lun| lun.cluster_state == "optimal")).await;
    assert!(status.findings.iter().all(|f| f.code != "NODE_STEPS_BACK"), "{:?}", status.findings);
    app.stop().await;
}
