//! Documents of the cluster, in a real app on the embedded store: what they say shows, and what cannot be followed
//! changes nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client};
use pathkeeper_api::status::ClusterStatus;
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::{Hub, HubStore};
use pathkeeper_io::store::{DocumentName, Store};
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::{EpochS, NodeName};
use tokio::sync::mpsc;

/// How long a condition may take to come true on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const WWID: &str = "35000c500a0000001";

/// A node with one map of two paths.
struct OneMap;

impl Look for OneMap {
    fn read(&mut self, _: Depth) -> NodeRead {
        let file = format!(
            "{}/../../tests/data/multipathd/0.9.4/02-multibus-all-up.show-maps.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let began = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        NodeRead {
            maps: pathkeeper_io::multipathd::json::decode(&std::fs::read(file).unwrap()).unwrap().maps,
            ..NodeRead::empty(EpochS(began.as_secs() as i64), Daemon::Answering { pid: Some(1) })
        }
    }
    fn probe(&mut self) -> bool {
        true
    }
}

struct Lab {
    _dir: tempfile::TempDir,
    _app: App,
    store: HubStore,
    client: Client,
}

impl Lab {
    /// An app on a state directory that holds these documents.
    async fn new(documents: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("documents")).unwrap();
        for (name, text) in documents {
            std::fs::write(dir.path().join("documents").join(name), text).unwrap();
        }
        let store = Hub::open(dir.path()).unwrap().node(&NodeName::new("pve1").unwrap());
        let config = AppConfig {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            ..AppConfig::new(random_instance().unwrap(), NodeFacts::default())
        };
        let state_dir = Some(dir.path().to_owned());
        let (to, look) = (Arc::new(store.clone()), Arc::new(|| Box::new(OneMap) as Box<dyn Look>));
        let app = App::start_keeping(config, Vec::new(), state_dir, to, look, mpsc::channel(1).1);
        let app = app.await.unwrap();
        let address = Address::Tcp(app.address.unwrap().to_string());
        Self { _dir: dir, _app: app, store, client: Client::new(address, LIMIT) }
    }

    async fn write(&self, name: &str, text: Option<&str>) {
        let name = DocumentName::new(name).unwrap();
        let digest = self.store.read(name.clone()).await.unwrap().digest;
        self.store.write(name, text.map(|text| text.to_owned().into()), digest).await.unwrap();
    }

    /// Polls until the status is as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&ClusterStatus) -> bool) -> ClusterStatus {
        let began = Instant::now();
        loop {
            // 503 until the first list.
            let status = self.client.status("").await;
            match status {
                Ok(status) if wanted(&status) => return status,
                status => assert!(began.elapsed() < LIMIT, "never came true: {what}: {status:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn alias(status: &ClusterStatus) -> Option<&str> {
    status.luns.first()?.alias.as_deref()
}

fn found(status: &ClusterStatus, code: &str) -> bool {
    status.findings.iter().any(|finding| finding.code == code)
}

#[tokio::test]
async fn an_alias_shows_and_a_garbled_document_changes_nothing() {
    let lab = Lab::new(&[]).await;
    lab.until("the LUN shows", |status| status.luns.len() == 1 && alias(status).is_none()).await;
    let good = format!("wwid: {WWID}\n\talias oracle\n\texpected-paths 4\n");
    lab.write("multipath.cfg", Some(&good)).await;
    let with_alias = |status: &ClusterStatus| {
        // The observer heard of the alias, and the node itself of the paths.
        alias(status) == Some("oracle") && status.luns[0].cluster_state == "degraded"
    };
    lab.until("the document is in force", |status| with_alias(status) && !found(status, "CONFIG_INVALID"))
        .await;
    lab.write("multipath.cfg", Some(&good.replace("\talias", "alias").replace('4', "1"))).await;
    let status = lab.until("the problem is told", |status| found(status, "CONFIG_INVALID")).await;
    assert!(with_alias(&status), "{status:?}");
    let finding = status.findings.iter().find(|finding| finding.code == "CONFIG_INVALID").unwrap();
    assert!(finding.evidence.iter().any(|line| line.contains("line 2")), "{finding:?}");
    lab.write("multipath.cfg", None).await;
    let status = lab.until("its absence is told", |status| found(status, "CONFIG_ABSENT")).await;
    assert!(with_alias(&status), "{status:?}");
    lab.write("multipath.cfg", Some(&good.replace("oracle", "mail"))).await;
    let status = lab.until("the new one is in force", |status| alias(status) == Some("mail")).await;
    assert!(!found(&status, "CONFIG_ABSENT"), "{status:?}");
}

#[tokio::test]
async fn the_first_status_knows_who_should_carry_what() {
    let storages = format!("multipath: san\n\twwids {WWID} 3600a\n");
    let lab = Lab::new(&[("storage.cfg", &storages), ("multipath.cfg", "wwid: 3600a\n\talias gone\n")]).await;
    let began = Instant::now();
    let first = loop {
        match lab.client.status("").await {
            Ok(status) => break status,
            Err(e) => assert!(began.elapsed() < LIMIT, "{e}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let gone = first.luns.iter().find(|row| row.wwid == "3600a").unwrap();
    assert_eq!((gone.alias.as_deref(), gone.used_by.as_deref()), (Some("gone"), Some("san")));
    let e = lab
        .store
        .write(
            DocumentName::new("storage.cfg").unwrap(),
            None,
            pathkeeper_io::store::digest(storages.as_bytes()),
        )
        .await
        .unwrap_err();
    assert!(e.to_string().contains("Proxmox VE's own"), "{e}");
}

/// From the document to the node's own ledger, and from there to what is shown of it.
#[tokio::test]
async fn a_node_misses_what_it_held_until_a_person_acknowledges() {
    let ledger = format!(
        r#"{{"v":1,"node":"pve1","ports":[["a","t"]],"luns":{{"{WWID}":{{"since":5,"seen":9,"paths":[[0,4]]}}}}}}"#
    );
    let lab = Lab::new(&[("../ledger.json", &ledger)]).await;
    let cell = |status: &ClusterStatus| {
        let cell = status.luns.first()?.nodes.get("pve1")?.clone();
        Some((cell.state, cell.paths_expected))
    };
    let shown = async || {
        let map = lab.client.disks("localhost").await.unwrap().maps.remove(0);
        (map.state, map.paths_expected)
    };
    let four = ("degraded".to_owned(), Some(4));
    lab.until("two of its four paths are missed", |status| cell(status).as_ref() == Some(&four)).await;
    assert_eq!(shown().await, four, "its maps say what the status says");
    let ack = |shown: u32| {
        format!(
            r#"{{"v":1,"entries":[{{"id":"i{shown}","kind":"ack-paths","wwid":"{WWID}","by":"root@pam","time":7,"paths":{{"pve1":{shown}}}}}]}}"#
        )
    };
    lab.write("pathkeeper/ledger", Some(&ack(3))).await;
    let three = ("degraded".to_owned(), Some(3));
    lab.until("no lower than was shown", |status| cell(status).as_ref() == Some(&three)).await;
    lab.write("pathkeeper/ledger", Some(&ack(2))).await;
    let two = ("optimal".to_owned(), Some(2));
    lab.until("both are acknowledged", |status| cell(status).as_ref() == Some(&two)).await;
    assert_eq!(shown().await, two);
    // Rubbish is no order, and a retired LUN is shown as long as it is there, with nothing expected of it.
    lab.write("pathkeeper/ledger", Some("rubbish")).await;
    let retire = format!(r#"{{"v":1,"entries":[{{"id":"r","kind":"retire","wwid":"{WWID}","time":8}}]}}"#);
    lab.write("pathkeeper/ledger", Some(&retire)).await;
    let none = ("optimal".to_owned(), None);
    lab.until("it is retired", |status| cell(status).as_ref() == Some(&none)).await;
}
