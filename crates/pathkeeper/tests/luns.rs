//! What the API and the command line say and order of single LUNs: a real app, a real store, real sockets; only the nodes
//! are told by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::Hub;
use pathkeeper_io::store::{Key, Store};
use pathkeeper_model::detail::{self, Head};
use pathkeeper_model::ledger::Ledger;
use pathkeeper_model::local::{Daemon, NodeRead, PathDevice};
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
    _dir: tempfile::TempDir,
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
        unknown_words: 0,
        problems: vec![],
    }
}

/// A device of [`NEW`] that no map took.
fn loose(n: usize) -> PathDevice {
    PathDevice {
        wwid: Wwid::new(NEW),
        hctl: Some(format!("6:0:{n}:14")),
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
        };
        let make = Arc::new(move || Box::new(HandLook(told.clone())) as Box<dyn Look>);
        let app = App::start(config, store, make, mpsc::channel(1).1).await.unwrap();
        let address = Address::Unix(dir.path().join("run/pathkeeper.sock"));
        let client = Client::new(address, Duration::from_secs(10));
        let lab = Self { _dir: dir, app, hub, client };
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
