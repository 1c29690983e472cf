//! What was before: a real app that is told by hand, stopped and started again.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client};
use pathkeeper_api::history::Timeline;
use pathkeeper_api::status::ClusterStatus;
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::{Hub, HubStore};
use pathkeeper_io::store::{DocumentName, Store};
use pathkeeper_model::fold_doc::fold_line;
use pathkeeper_model::local::{CheckState, Daemon, DevState, DmState, Map, NodeRead, PathDevice, PathGroup};
use pathkeeper_model::{EpochS, NodeName, Wwid};
use tokio::sync::mpsc;

const WWID: &str = "3600a098038304479363f4c4870455a7c";

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

type Told = Arc<Mutex<u32>>;

/// One LUN with four paths, of which so many are usable.
struct Hand(Told);

impl Look for Hand {
    fn read(&mut self, _: Depth) -> NodeRead {
        let usable = *self.0.lock().unwrap();
        let path = |n: u32| PathDevice {
            dm: if n < usable { DmState::Active } else { DmState::Failed },
            check: if n < usable { CheckState::Ready } else { CheckState::Faulty },
            device: DevState::Running,
            adapter: Some(format!("host{}", n % 2).into()),
            target_port: Some(format!("0x210000000000000{n}").into()),
            ..PathDevice::unknown(&format!("sd{n}"), &format!("8:{n}"))
        };
        let group = PathGroup {
            selector: "".into(),
            priority: 1,
            status: "active".into(),
            marginal: false,
            paths: (0..4).map(path).collect(),
        };
        let map = Map { groups: vec![group], ..Map::unknown("backup-01", Wwid::new(WWID).unwrap()) };
        NodeRead { maps: vec![map], ..NodeRead::empty(EpochS(now()), Daemon::Answering { pid: Some(7) }) }
    }
    fn probe(&mut self) -> bool {
        true
    }
}

struct Lab {
    app: App,
    told: Told,
    triggers: mpsc::Sender<()>,
    client: Client,
    store: HubStore,
}

impl Lab {
    async fn start(dir: &Path, usable: u32) -> Self {
        // The one before lets go of it when its last task is gone.
        let hub = loop {
            match Hub::open(dir) {
                Ok(hub) => break hub,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let store = hub.node(&NodeName::new("pve1").unwrap());
        let facts = NodeFacts { mode: "observe".into(), ..NodeFacts::default() };
        let socket = dir.join("run/pathkeeper.sock");
        let config = AppConfig {
            socket: Some((socket.clone(), None)),
            ..AppConfig::new(random_instance().unwrap(), facts)
        };
        let told = Arc::new(Mutex::new(usable));
        let hand = told.clone();
        let look = Arc::new(move || Box::new(Hand(hand.clone())) as Box<dyn Look>);
        let (triggers, receiver) = mpsc::channel(1);
        let app = App::start_keeping(
            config,
            Vec::new(),
            Some(dir.to_owned()),
            Arc::new(store.clone()),
            look,
            receiver,
        );
        let app = app.await.unwrap();
        let client = Client::new(Address::Unix(socket), Duration::from_secs(20));
        Self { app, told, triggers, client, store }
    }

    async fn stop(self) {
        self.app.stop().await;
    }

    async fn becomes(&self, usable: u32, state: &str) {
        *self.told.lock().unwrap() = usable;
        self.triggers.send(()).await.unwrap();
        self.until(state, |status| {
            status.luns.first().is_some_and(|row| {
                let cell = &row.nodes["pve1"];
                cell.state == state && cell.paths_active == Some(Some(usable))
            })
        })
        .await;
    }

    async fn until(&self, what: &str, wanted: impl Fn(&ClusterStatus) -> bool) -> ClusterStatus {
        for _ in 0..9_000 {
            if let Ok(status) = self.client.status("").await
                && wanted(&status)
            {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the status never said: {what}");
    }

    /// Asks until the history has told what is wanted.
    async fn history(&self, query: &str, wanted: impl Fn(&Timeline) -> bool) -> Timeline {
        let mut last = None;
        for _ in 0..9_000 {
            match self.client.history(query).await {
                Ok(timeline) if wanted(&timeline) => return timeline,
                other => last = Some(other),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the history never told it: {last:?}");
    }
}

fn cells(timeline: &Timeline) -> Vec<&str> {
    timeline.events.iter().filter(|event| event.kind == "cell").map(|event| event.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_told_and_what_nobody_saw_is_not_made_up() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::start(dir.path(), 4).await;
    lab.until("optimal", |status| status.luns.iter().any(|row| row.cluster_state == "optimal")).await;
    lab.history("limit=50", |told| cells(told) == ["optimal 4/4"]).await;
    lab.becomes(2, "degraded").await;
    lab.history("limit=50", |told| cells(told) == ["optimal 4/4", "degraded 2/4"]).await;
    lab.becomes(0, "failed").await;
    let of = |told: &Timeline, code: &str| {
        told.events.iter().find(|event| event.code.as_deref() == Some(code)).cloned()
    };
    let failed = |told: &Timeline| of(told, "LUN_FAILED").or_else(|| of(told, "LUN_QUEUEING"));
    let told = lab.history("limit=50", |told| failed(told).is_some()).await;
    assert_eq!(cells(&told), ["optimal 4/4", "degraded 2/4", "failed 0/4"]);
    let failed = failed(&told).unwrap();
    assert!(!failed.advice.is_empty() && failed.severity.is_some(), "{failed:?}");
    let of_lun = lab.history(&format!("wwid={WWID}&kind=cell"), |told| told.events.len() == 3).await;
    assert!(of_lun.events.iter().all(|event| event.name.as_deref() == Some("backup-01")));

    // As it is now, by the history, is as it is.
    let bare = |status: &ClusterStatus| {
        let mut rows = status.luns.clone();
        rows.iter_mut().flat_map(|row| row.nodes.values_mut()).for_each(|cell| {
            (cell.causes, cell.unexplained) = (Vec::new(), None);
        });
        let mut findings: Vec<_> = status.findings.iter().map(|f| f.fingerprint.clone()).collect();
        findings.sort();
        (rows, status.summary.clone(), findings)
    };
    let mut tries = 0;
    let is = loop {
        let is = lab.client.status("").await.unwrap();
        let then = lab.client.status(&format!("at={}", now())).await.unwrap();
        let as_of = then.as_of.clone().unwrap();
        if bare(&then) == bare(&is) && as_of.unobserved.is_none() {
            assert_eq!(as_of.nodes.len(), 1);
            break is;
        }
        tries += 1;
        assert!(tries < 500, "{:#?}\n{:#?}", bare(&then), bare(&is));
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let explained = lab.client.explain("backup-01").await.unwrap();
    let steps: Vec<&str> = explained.before[0].steps.iter().map(|step| step.text.as_str()).collect();
    assert_eq!(steps, ["4/4", "2/4", "0/4"]);

    // Its paths are told some seconds after its state; from then on the adapters are to blame, and nothing more changes.
    let blamed = is.findings.iter().any(|f| f.code == "HBA_DOWN");
    assert!(blamed || is.findings.iter().any(|f| f.since_first_seen), "{:#?}", is.findings);
    lab.until("the cause", |status| status.findings.iter().any(|f| f.code == "HBA_DOWN")).await;
    lab.history("limit=50", |told| of(told, "HBA_DOWN").is_some()).await;

    // Nobody looks for a while.
    lab.stop().await;
    let stopped = now();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let away = stopped + 1;
    let lab = Lab::start(dir.path(), 0).await;
    lab.until("failed", |status| status.luns.iter().any(|row| row.cluster_state == "failed")).await;
    let then = loop {
        let then = lab.client.status(&format!("at={away}")).await.unwrap();
        if then.as_of.as_ref().unwrap().unobserved.as_ref().is_some_and(|gap| gap.until.is_some()) {
            break then;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let gap = then.as_of.clone().unwrap().unobserved.unwrap();
    assert!(gap.since.unwrap() <= away && gap.until.unwrap() > away, "{gap:?} {away}");
    assert!(then.luns.iter().all(|row| row.cluster_state == "unknown"));
    assert_eq!((then.summary.exit_status, then.findings.len(), then.view.partial), (3, 0, true));
    // It stands since before: by the node's own word of its ports where that is known, else by what this observer saw before it
    // stopped.
    lab.until("a finding that is known since before", |status| {
        status.findings.iter().any(|f| f.since.is_some_and(|since| since <= stopped))
    })
    .await;
    let told = lab.history("kind=agent", |told| told.events.len() == 3).await;
    let words: Vec<&str> = told.events.iter().map(|event| event.text.split(',').next().unwrap()).collect();
    assert_eq!(words, ["the agent started", "the agent stopped", "the agent started"]);

    // What cannot be meant is refused by its parameter.
    for query in ["limit=0", "limit=x", "kind=weather", "code=NO_SUCH", "colour=red", "since=soon", "node="] {
        assert!(lab.client.history(query).await.is_err(), "{query}");
    }
    for query in [format!("at={}", now() + 60), "at=noon".into(), "at=1&node=pve1".into()] {
        assert!(lab.client.status(&query).await.is_err(), "{query}");
    }
    lab.stop().await;
}

/// Secrets are planted wherever one may be; not one of them is in the bundle.
#[tokio::test(flavor = "multi_thread")]
async fn a_support_bundle_replays_and_holds_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::start(dir.path(), 2).await;
    let status =
        lab.until("degraded", |status| status.luns.iter().any(|row| row.cluster_state != "optimal")).await;
    let support = lab.client.support().await.unwrap();
    let mut rows = Vec::new();
    fold_line(support.fold.as_bytes(), &mut rows).unwrap();
    let rows: serde_json::Value = serde_json::from_slice(&rows).unwrap();
    let mut shown = serde_json::to_value(&status.luns).unwrap();
    for row in shown.as_array_mut().unwrap() {
        let row = row.as_object_mut().unwrap();
        row.retain(|key, _| {
            ["wwid", "alias", "used-by", "size", "cluster-state", "nodes"].contains(&key.as_str())
        });
        for cell in row["nodes"].as_object_mut().unwrap().values_mut() {
            let cell = cell.as_object_mut().unwrap();
            cell.retain(|key, _| {
                ["state", "paths-active", "paths-total", "transport"].contains(&key.as_str())
            });
        }
    }
    assert_eq!(rows, shown);

    let storages = "lvm: st\n\tvgname vg0\n\ncifs: backup\n\tserver nas\n\tpassword HUSH\n";
    std::fs::write(dir.path().join("documents/storage.cfg"), storages).unwrap();
    let store = &lab.store;
    for (name, text) in [
        (
            "multipath.cfg",
            "wwid: 3600aa\n\talias x\n\tcomment see https://u:HUSH@wiki.example.org/x?token=HUSH\n",
        ),
        ("pathkeeper/names", r#"{"v":1,"ports":{"p":{"name":"n","token":"HUSH","note":"Bearer HUSH"}}}"#),
    ] {
        let name = DocumentName::new(name).unwrap();
        let old = store.read(name.clone()).await.unwrap();
        store.write(name, Some(bytes::Bytes::from_static(text.as_bytes())), old.digest).await.unwrap();
    }
    let support = lab.client.support().await.unwrap();
    assert!(support.documents["storage.cfg"].as_ref().unwrap().contains("vgname vg0"));
    let file = dir.path().join("bundle.tar.gz");
    let run = |file: &Path| {
        let out = Command::new(env!("CARGO_BIN_EXE_pathkeeper"))
            .args(["support-bundle", "--file"])
            .arg(file)
            .args(["--socket"])
            .arg(dir.path().join("run/pathkeeper.sock"))
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    assert_eq!(run(&file).0, Some(0), "{:?}", run(&file));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(run(&file).0, Some(3), "it overwrites nothing");
    let mut names = Vec::new();
    let unzipped = flate2::read::GzDecoder::new(std::fs::File::open(&file).unwrap());
    for entry in tar::Archive::new(unzipped).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert!(!text.contains("HUSH"), "{name}: {text}");
        if name == "pathkeeper/history.jsonl" {
            assert!(text.lines().any(|line| line.contains("degraded 2/4")), "{text}");
        }
        names.push(name);
    }
    for wanted in
        ["README", "fold.jsonl", "status.json", "history.jsonl", "documents/storage.cfg", "metrics.txt"]
    {
        assert!(names.contains(&format!("pathkeeper/{wanted}")), "{wanted}: {names:?}");
    }
    lab.stop().await;
}
