//! What the API and the command line say and order of single LUNs: a real app, a real store, real sockets; only the nodes
//! are told by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client, Error};
use pathkeeper_api::luns::{OrderBody, Ordered};
use pathkeeper_api::{ErrorBody, paths};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::Hub;
use pathkeeper_io::store::{DocumentName, Key, Store};
use pathkeeper_model::detail::{self, Head};
use pathkeeper_model::ledger::{Ledger, Lun, Port};
use pathkeeper_model::local::{Daemon, NodeRead, PathDevice};
use pathkeeper_model::orders::{ORDERS_DOCUMENT, Order, OrderKind, Orders};
use pathkeeper_model::report::Stamp;
use pathkeeper_model::{EpochS, Instance, NodeName, Wwid};
use tokio::sync::mpsc;

const NEW: &str = "3600a098038304479363f4c4870455b01";

struct HandLook(Arc<Mutex<NodeRead>>);

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
    app: App,
    hub: Hub,
    client: Client,
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn read() -> NodeRead {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let file = "/../../tests/data/multipathd/0.9.4/02-multibus-all-up.show-maps.json";
    let reply = std::fs::read(env!("CARGO_MANIFEST_DIR").to_owned() + file).unwrap();
    NodeRead {
        began: EpochS(now as i64),
        took_ms: 1,
        daemon: Daemon::Answering { pid: Some(1) },
        maps: pathkeeper_io::multipathd::json::decode(&reply).unwrap().maps,
        loose: vec![],
        kernel: Ok(vec![]),
        adapters: vec![],
        tools_version: Some("0.9.4".into()),
        config_digest: None,
        own_wwids: Some(vec![]),
        host: Default::default(),
        port_changes: Default::default(),
        unknown_words: 0,
        problems: vec![],
    }
}

/// A device of [`NEW`] that no map took.
fn loose(n: usize) -> PathDevice {
    PathDevice {
        wwid: Wwid::new(NEW),
        hctl: Some(format!("6:0:{n}:14").into()),
        target_node: Some("50:0a:09:80:86:77:a5:00".into()),
        transport: Some("fc".into()),
        size_bytes: Some(2 << 40),
        product: Some("NETAPP LUN C-Mode".into()),
        loose_because: "orphan".into(),
        ..PathDevice::unknown(&format!("sd{n}"), &format!("8:{n}"))
    }
}

impl Lab {
    /// pve1 has one LUN, and sees a second one that no map took.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(dir.path()).unwrap();
        let store: Arc<dyn Store> = Arc::new(hub.node(&name("pve1")));
        let mut told = read();
        told.loose = vec![loose(1), loose(2)];
        let told = Arc::new(Mutex::new(told));
        let config = AppConfig {
            cluster: None,
            poll_ms: 10_000,
            listen: None,
            socket: Some((dir.path().join("run/pathkeeper.sock"), None)),
            instance: random_instance().unwrap(),
            facts: NodeFacts { mode: "observe".into(), ..NodeFacts::default() },
            clock_offset: Default::default(),
            doors: Default::default(),
            alerts: Default::default(),
            history: Default::default(),
            machine: None,
        };
        let make = Arc::new(move || Box::new(HandLook(told.clone())) as Box<dyn Look>);
        let app = App::start(config, store, make, mpsc::channel(1).1).await.unwrap();
        let address = Address::Unix(dir.path().join("run/pathkeeper.sock"));
        let client = Client::new(address, Duration::from_secs(10));
        let lab = Self { dir, app, hub, client };
        lab.until("a row", async || {
            lab.client.status("").await.is_ok_and(|status| status.luns.len() == 1).then_some(())
        })
        .await;
        lab
    }

    /// Asks again and again until there is an answer.
    async fn until<T>(&self, what: &str, asked: impl AsyncFn() -> Option<T>) -> T {
        for _ in 0..1_000 {
            if let Some(answer) = asked().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    }

    /// Another node publishes what it found and carried.
    async fn publish(&self, node: &str, read: &NodeRead, ledger: Option<&Ledger>) {
        static SEQ: AtomicU64 = AtomicU64::new(1);
        let stamp = Stamp { instance: Instance(9), seq: SEQ.fetch_add(1, Ordering::Relaxed) };
        let head = Head { node: name(node), stamp, time: read.began };
        let store = self.hub.node(&name(node));
        let put = async |key: &str, value: Vec<u8>| {
            store.put(Key::new(key).unwrap(), value.into()).await.unwrap();
        };
        let about = format!(
            r#"{{"v":1,"node":"{node}","instance":"{}","seq":1,"time":{},"multipathd":{{"state":"running"}}}}"#,
            stamp.instance, read.began.0
        );
        put("multipath-node", about.into()).await;
        for (n, value) in detail::encode(&head, read, ledger).unwrap().into_iter().enumerate() {
            put(&detail::detail_key(n as u32 + 1), value).await;
        }
    }
}

const WWID: &str = "35000c500a0000001";

/// pve2 carries pve1's LUN too, degraded, and remembers four paths; it has its own of which it alone speaks.
async fn with_a_second_node(lab: &Lab) -> NodeRead {
    let read = read();
    let mut ledger = Ledger::default();
    let port = |n: u32| Port { adapter: "21:00".into(), target: format!("50:0{n}").into(), paths: 1 };
    for (wwid, paths) in [(WWID, 4), ("gone", 2)] {
        let (since, seen) = (EpochS(read.began.0 - 9_000), EpochS(read.began.0 - 100));
        let lun = Lun { since, seen, ports: (0..paths).map(port).collect(), vg: None };
        ledger.luns.insert(Wwid::new(wwid).unwrap(), lun);
    }
    lab.publish("pve2", &read, Some(&ledger)).await;
    let report = format!(
        r#"{{"maps":{{"{WWID}":{{"state":"degraded","paths-active":2,"paths-total":2,"paths-expected":4}}}},"time":{},"v":1,"instance":"0000000000000009","seq":1}}"#,
        read.began.0
    );
    lab.hub.node(&name("pve2")).put(Key::new("multipath").unwrap(), report.into()).await.unwrap();
    lab.until("pve2's ledger", async || {
        let luns = lab.client.luns().await.unwrap();
        let row = luns.luns.iter().find(|lun| lun.wwid == WWID)?.status.as_ref()?;
        let known = luns.luns.iter().any(|lun| lun.wwid == "gone");
        (known && row.nodes.get("pve2")?.state == "degraded").then_some(())
    })
    .await;
    read
}

async fn document(lab: &Lab) -> Orders {
    let name = DocumentName::new(ORDERS_DOCUMENT).unwrap();
    let document = lab.hub.node(&self::name("pve1")).read(name).await.unwrap();
    let (orders, problems) = Orders::decode(&document.bytes.unwrap());
    assert_eq!(problems, Vec::<String>::new());
    orders
}

fn refused(answer: Result<Ordered, Error>) -> (u16, ErrorBody) {
    match answer {
        Err(Error::Refused { status, body, .. }) => (status, body),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lun_is_listed_with_what_each_node_remembers_and_shown_with_its_ports() {
    let lab = Lab::new().await;
    with_a_second_node(&lab).await;
    let luns = lab.client.luns().await.unwrap();
    let wwids: Vec<&str> = luns.luns.iter().map(|lun| lun.wwid.as_str()).collect();
    assert_eq!(wwids, [WWID, "gone"]);
    let on = &luns.luns[0].nodes["pve2"];
    let ledger = on.ledger.as_ref().unwrap();
    assert_eq!((ledger.paths, ledger.ports.len()), (4, 0));
    assert!(luns.problems.is_empty() && luns.nodes.iter().all(|node| node.current), "{luns:?}");
    let shown = lab.client.lun(WWID).await.unwrap();
    assert_eq!(shown.luns.len(), 1);
    assert_eq!(shown.luns[0].nodes["pve2"].ledger.as_ref().unwrap().ports.len(), 4);
    match lab.client.lun("nobody's").await {
        Err(Error::Refused { status: 404, .. }) => {}
        other => panic!("{other:?}"),
    }
    lab.app.stop().await;
}

#[tokio::test]
async fn whatever_is_printed_can_be_explained() {
    let lab = Lab::new().await;
    with_a_second_node(&lab).await;
    let check = async |name: &str, kind: &str, id: &str| {
        let explained = lab.client.explain(name).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((explained.kind.as_str(), explained.id.as_str()), (kind, id), "{name}");
        explained
    };
    let lun = check(WWID, "lun", WWID).await;
    assert!(lun.about.iter().any(|text| text == WWID), "{lun:?}");
    check(&WWID[WWID.len() - 6..], "lun", WWID).await;
    check("pve2", "node", "pve2").await;
    check("lun_failed", "code", "LUN_FAILED").await;
    match lab.client.explain("nobody").await {
        Err(Error::Refused { status: 404, .. }) => {}
        other => panic!("{other:?}"),
    }
    for name in ["", &"x".repeat(300)] {
        match lab.client.explain(name).await {
            Err(Error::Refused { status: 400, .. }) => {}
            other => panic!("{name:?}: {other:?}"),
        }
    }
    lab.app.stop().await;
}

#[tokio::test]
async fn an_order_stands_in_the_store_and_its_parameters_are_checked_by_name() {
    let lab = Lab::new().await;
    with_a_second_node(&lab).await;
    let order = async |path: &str, wwid: &str, body: &OrderBody| lab.client.order(path, wwid, body).await;
    let ack = |paths: &[(&str, u32)], node: Option<&str>| OrderBody {
        node: node.map(str::to_owned),
        paths: paths.iter().map(|(node, n)| ((*node).to_owned(), *n)).collect(),
        force: false,
    };
    let nothing = OrderBody::default();
    let bad = [
        (paths::LUN_ACK_PATHS, nothing.clone(), "paths"),
        (paths::LUN_ACK_PATHS, ack(&[("pve2", 0)], None), "paths"),
        (paths::LUN_ACK_PATHS, ack(&[("pve9", 2)], None), "paths"),
        (paths::LUN_ACK_PATHS, ack(&[("pve2", 2)], Some("pve1")), "paths"),
        (paths::LUN_ACK_PATHS, OrderBody { force: true, ..ack(&[("pve2", 2)], None) }, "force"),
        (paths::LUN_RETIRE, OrderBody { node: Some("pve9".into()), ..nothing.clone() }, "node"),
        (paths::LUN_RETIRE, ack(&[("pve2", 2)], None), "paths"),
        (paths::LUN_FORGET, OrderBody { node: Some("pve1".into()), ..nothing.clone() }, "node"),
    ];
    for (path, body, parameter) in bad {
        let (status, error) = refused(order(path, WWID, &body).await);
        assert_eq!(status, 400, "{path} {body:?}: {error:?}");
        assert_eq!(error.errors.keys().collect::<Vec<_>>(), [parameter], "{path} {body:?}: {error:?}");
    }
    assert_eq!(refused(order(paths::LUN_FORGET, "nobody's", &nothing).await).0, 404);
    assert_eq!(refused(order(paths::LUN_FORGET, &"x".repeat(300), &nothing).await).0, 400);

    let taken = order(paths::LUN_ACK_PATHS, WWID, &ack(&[("pve2", 2)], None)).await.unwrap();
    assert_eq!((taken.order.kind.as_str(), taken.order.waiting.len()), ("ack-paths", 2));
    assert_ne!(taken.before, taken.after);
    let entries = document(&lab).await.entries;
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((entry.id.as_str(), entry.wwid.as_str()), (taken.order.id.as_str(), WWID));
    assert_eq!(entry.kind, OrderKind::AckPaths { paths: [(name("pve2"), 2)].into() });
    assert!(!entry.by.is_empty());
    order(paths::LUN_RETIRE, "gone", &OrderBody { node: Some("pve2".into()), ..nothing.clone() })
        .await
        .unwrap();
    let shown = lab.client.lun("gone").await.unwrap();
    assert_eq!(shown.luns[0].retired, ["pve2"]);
    assert_eq!(shown.luns[0].orders[0].waiting, ["pve2"]);
    order(paths::LUN_FORGET, "gone", &nothing).await.unwrap();
    assert!(lab.client.lun("gone").await.unwrap().luns[0].retired.is_empty());
    lab.app.stop().await;
}

#[tokio::test]
async fn a_lun_in_use_is_not_retired_unless_a_person_insists() {
    let lab = Lab::new().await;
    let mut read = with_a_second_node(&lab).await;
    read.maps[0].holders = vec!["dm-7".into()];
    lab.publish("pve2", &read, None).await;
    lab.until("it is in use", async || {
        (!lab.client.lun(WWID).await.unwrap().luns[0].in_use.is_empty()).then_some(())
    })
    .await;
    let retire = async |node: Option<&str>, force: bool| {
        let body = OrderBody { node: node.map(str::to_owned), force, ..OrderBody::default() };
        lab.client.order(paths::LUN_RETIRE, WWID, &body).await
    };
    let (status, error) = refused(retire(None, false).await);
    assert_eq!(status, 409);
    assert!(error.message.contains("pve2: 1 device stands on it: dm-7"), "{}", error.message);
    assert_eq!(refused(retire(Some("pve2"), false).await).0, 409);
    retire(Some("pve1"), false).await.unwrap();
    retire(Some("pve2"), true).await.unwrap();
    let nodes: Vec<_> = document(&lab).await.entries.into_iter().filter_map(|order| order.node).collect();
    assert_eq!(nodes, [name("pve1"), name("pve2")]);
    lab.app.stop().await;
}

#[tokio::test]
async fn orders_that_are_given_while_others_write_are_all_kept() {
    const ORDERS: usize = 6;
    let lab = Lab::new().await;
    with_a_second_node(&lab).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut writers = tokio::task::JoinSet::new();
    for writer in ["w1", "w2"] {
        let (store, stopped) = (lab.hub.node(&name("pve2")), stopped.clone());
        writers.spawn(async move {
            let document = DocumentName::new(ORDERS_DOCUMENT).unwrap();
            let mut written = 0;
            while !*stopped.borrow() || written < 3 {
                let now = store.read(document.clone()).await.unwrap();
                let mut orders = now.bytes.map_or_else(Orders::default, |bytes| Orders::decode(&bytes).0);
                orders.entries.push(Order {
                    id: format!("{writer}-{written}"),
                    kind: OrderKind::Forget,
                    wwid: Wwid::new("other").unwrap(),
                    node: None,
                    by: writer.into(),
                    time: EpochS(1_783_082_400 + 90 * 86_400 * 100),
                });
                let wrote = store.write(document.clone(), Some(orders.encode().into()), now.digest).await;
                written += usize::from(wrote.is_ok());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            written
        });
    }
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..ORDERS {
        let taken = lab.client.order(paths::LUN_RETIRE, "gone", &OrderBody::default()).await.unwrap();
        assert!(ids.insert(taken.order.id), "each is one of its own");
    }
    stop.send(true).unwrap();
    let written: usize = writers.join_all().await.into_iter().sum();
    let entries = document(&lab).await.entries;
    let ours = entries.iter().filter(|order| ids.contains(&order.id)).count();
    assert_eq!((ours, entries.len()), (ORDERS, ORDERS + written));

    // What is not understood is not written over.
    let store = lab.hub.node(&name("pve2"));
    let document = DocumentName::new(ORDERS_DOCUMENT).unwrap();
    let now = store.read(document.clone()).await.unwrap();
    store.write(document.clone(), Some("{\"v\":2,\"entries\":[]}".into()), now.digest).await.unwrap();
    let answer = lab.client.order(paths::LUN_RETIRE, "gone", &OrderBody::default()).await;
    let (status, error) = refused(answer);
    assert_eq!(status, 409);
    assert!(error.message.contains("version 2"), "{}", error.message);
    assert_eq!(store.read(document).await.unwrap().bytes.unwrap(), "{\"v\":2,\"entries\":[]}");
    assert_eq!(lab.client.luns().await.unwrap().problems.len(), 1, "and readers are told");
    lab.app.stop().await;
}

/// The program itself, against the lab's socket: exit status, standard output, standard error.
async fn pathkeeper(lab: &Lab, args: &[&str]) -> (Option<i32>, String, String) {
    let socket = lab.dir.path().join("run/pathkeeper.sock");
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let run = tokio::task::spawn_blocking(move || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pathkeeper"));
        for name in ["PATHKEEPER_SERVER", "PATHKEEPER_CONFIG", "PATHKEEPER_SOCKET"] {
            command.env_remove(name);
        }
        command.args(args).arg("--socket").arg(socket).env("LC_ALL", "C").stdin(std::process::Stdio::null());
        command.output().unwrap()
    });
    let output = run.await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_lists_shows_asks_and_orders() {
    let lab = Lab::new().await;
    with_a_second_node(&lab).await;
    let check = async |args: &[&str], exit: i32, stdout: &str, stderr: &str| {
        let (code, out, err) = pathkeeper(&lab, args).await;
        let told = format!("{args:?}\n-- stdout\n{out}\n-- stderr\n{err}");
        assert_eq!(code, Some(exit), "{told}");
        assert!(out.contains(stdout), "no {stdout:?} in {told}");
        assert!(err.contains(stderr), "no {stderr:?} in {told}");
        out
    };
    check(&["lun", "list"], 0, "PATHS REMEMBERED", "").await;
    check(&["lun", "list", "-o", "json"], 0, "\"schema\": 1", "").await;
    check(&["lun", "discover"], 0, NEW, "").await;
    check(&["lun", "discover", "--how"], 0, "iscsiadm -m session --rescan", "").await;
    check(&["lun", "show", "35000c5"], 0, "pve2  ! degraded", "").await;
    check(&["lun", "show", "nope"], 3, "", "no LUN is named nope").await;
    check(&["lun", "ack-paths", WWID, "--node", "pve9", "--yes"], 3, "", "no node is named pve9").await;
    check(&["lun", "ack-paths", "gone", "--yes"], 3, "", "there is nothing to acknowledge").await;
    // Who cannot be asked has not said yes.
    check(&["lun", "ack-paths", WWID], 3, "2 usable, 4 remembered", "there is no terminal to ask at").await;
    check(&["lun", "ack-paths", WWID, "--yes"], 0, "ordered. Each node obeys by itself", "").await;
    let kind = document(&lab).await.entries[0].kind.clone();
    assert_eq!(kind, OrderKind::AckPaths { paths: [(name("pve2"), 2)].into() });
    let out = check(
        &["lun", "retire", "gone", "--yes", "-o", "json"],
        0,
        "\"ordered\"",
        "leaves the ledger of pve2",
    )
    .await;
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&answer["schema"], &answer["ordered"][0]["order"]["kind"]), (&1.into(), &"retire".into()));
    check(&["lun", "show", "gone"], 0, "not yet by pve1 pve2", "").await;
    check(&["lun", "forget", "gone", "--yes"], 0, "it is no longer retired on pve1 pve2", "").await;
    assert_eq!(document(&lab).await.entries.len(), 3);
    lab.app.stop().await;
}

#[tokio::test]
async fn a_lun_that_no_map_took_is_discovered_with_who_sees_it() {
    let lab = Lab::new().await;
    let found = lab.client.discover().await.unwrap();
    let [lun] = &found.luns[..] else { panic!("{found:?}") };
    assert_eq!((lun.wwid.as_str(), lun.size, lun.lun), (NEW, Some(2 << 40), Some(14)));
    assert_eq!((lun.nodes.len(), lun.nodes["pve1"].paths), (1, 2));
    assert_eq!(
        (found.nodes.len(), found.nodes[0].detail.as_str(), found.nodes[0].current),
        (1, "live", true)
    );
    assert_eq!((found.partly.len(), found.local.len(), found.nameless.len()), (0, 0, 0));

    // A node that has published nothing is named, and its silence is not taken for an absence.
    let pve2 = lab.hub.node(&name("pve2"));
    let found = lab.until("a second node", async || {
        let found = lab.client.discover().await.unwrap();
        (found.nodes.len() == 2).then_some(found)
    });
    let found = found.await;
    assert_eq!((found.nodes[1].detail.as_str(), found.nodes[1].current), ("none", false));
    assert_eq!(found.nodes[1].why.as_deref(), Some("no agent of it has been heard"));
    let texts = |found: &pathkeeper_api::discover::Discovered| -> Vec<String> {
        found.luns[0].notes.iter().map(|note| note.text.clone()).collect()
    };
    assert_eq!(texts(&found), ["not in the wwids file of pve1"]);

    // It speaks, and sees nothing of it; then it sees it too.
    let mut read = NodeRead { maps: vec![], own_wwids: None, ..read() };
    lab.publish("pve2", &read, None).await;
    let known = |n| {
        let client = lab.client.clone();
        async move || {
            let found = client.discover().await.unwrap();
            let known = found.nodes[1].current && found.luns[0].nodes.len() == n;
            known.then_some(found)
        }
    };
    let found = lab.until("pve2 sees nothing", known(1)).await;
    assert_eq!(found.nodes[1].detail, "published");
    assert_eq!(texts(&found)[0], "only pve1 sees this array: zoned to another cluster?");
    read.loose = vec![loose(1)];
    lab.publish("pve2", &read, None).await;
    drop(pve2);
    let found = lab.until("pve2 sees it", known(2)).await;
    assert_eq!(texts(&found), ["not in the wwids file of pve1"]);
    assert_eq!(found.luns[0].nodes["pve2"].paths, 1);

    // What was heard long ago is as of then.
    lab.hub.set_member(&name("pve2"), false);
    let old = lab.until("pve2 is offline", async || {
        let found = lab.client.discover().await.unwrap();
        (!found.nodes[1].current).then_some(found)
    });
    let old = old.await;
    assert!(old.luns[0].nodes["pve2"].as_of_then && !old.luns[0].nodes["pve1"].as_of_then);
    lab.app.stop().await;
}
