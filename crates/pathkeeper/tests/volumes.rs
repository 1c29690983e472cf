//! LUNs as volumes: a real app on the embedded store with the documents that name them, asked through the API, by the
//! command line, and by the storage plug-in for Proxmox VE with stand-ins of its base classes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client, Error};
use pathkeeper_api::volumes::Volume;
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::Hub;
use pathkeeper_io::store::{Key, Store};
use pathkeeper_model::detail::{self, Head};
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::report::Stamp;
use pathkeeper_model::{EpochS, Instance, NodeName};
use tokio::sync::mpsc;

/// How long a condition may take to come true on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const WWID: &str = "35000c500a0000001";
const STORAGES: &str = "\
multipath: san

multipath: some
\twwids 35000c500a0000001,3600a01
\tnodes pve1

multipath: off
\tdisable

dir: files
\tpath /srv
";

struct HandLook(Arc<Mutex<NodeRead>>);

impl Look for HandLook {
    fn read(&mut self, _: Depth) -> NodeRead {
        self.0.lock().unwrap().clone()
    }
    fn probe(&mut self) -> bool {
        true
    }
}

/// A node with one map of two paths.
fn read() -> NodeRead {
    let file = format!(
        "{}/../../tests/data/multipathd/0.9.4/02-multibus-all-up.show-maps.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let began = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut maps = pathkeeper_io::multipathd::json::decode(&std::fs::read(file).unwrap()).unwrap().maps;
    maps[0].size_bytes = Some(2 << 40);
    NodeRead { maps, ..NodeRead::empty(EpochS(began.as_secs() as i64), Daemon::Answering { pid: Some(1) }) }
}

struct Lab {
    dir: tempfile::TempDir,
    /// `None` once it was stopped.
    app: Option<App>,
    hub: Hub,
    client: Client,
}

impl Lab {
    async fn new(read: NodeRead) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let documents = dir.path().join("documents");
        std::fs::create_dir(&documents).unwrap();
        std::fs::write(documents.join("storage.cfg"), STORAGES).unwrap();
        std::fs::write(documents.join("multipath.cfg"), format!("wwid: {WWID}\n\talias oracle\n")).unwrap();
        let hub = Hub::open(dir.path()).unwrap();
        let store = Arc::new(hub.node(&NodeName::new("pve1").unwrap()));
        let socket = dir.path().join("run/pathkeeper.sock");
        let config = AppConfig {
            socket: Some((socket.clone(), None)),
            ..AppConfig::new(random_instance().unwrap(), NodeFacts::default())
        };
        let told = Arc::new(Mutex::new(read));
        let look = Arc::new(move || Box::new(HandLook(told.clone())) as Box<dyn Look>);
        let state_dir = Some(dir.path().to_owned());
        let app = App::start_keeping(config, Vec::new(), state_dir, store, look, mpsc::channel(1).1);
        let app = app.await.unwrap();
        let client = Client::new(Address::Unix(socket), LIMIT);
        let lab = Self { dir, app: Some(app), hub, client };
        lab.until("the documents are in force", "localhost", "san", |volumes| volumes.len() == 1).await;
        lab
    }

    async fn until(
        &self,
        what: &str,
        node: &str,
        storage: &str,
        wanted: impl Fn(&[Volume]) -> bool,
    ) -> Vec<Volume> {
        let began = Instant::now();
        loop {
            match self.client.content(node, storage).await {
                Ok(volumes) if wanted(&volumes) => return volumes,
                other => assert!(began.elapsed() < LIMIT, "never came true: {what}: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop().await;
        }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("run/pathkeeper.sock")
    }

    async fn run(&self, mut command: Command) -> Output {
        command.env("PATHKEEPER_SOCKET", self.socket()).env_remove("PATHKEEPER_SERVER").env("LC_ALL", "C");
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn cli(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pathkeeper"));
        command.args(args);
        said(&self.run(command).await)
    }

    /// One method of the plug-in; arguments are JSON.
    async fn plugin(&self, args: &[&str]) -> (i32, String, String) {
        let below = plugin_dir();
        let mut command = Command::new("perl");
        command.arg("-I").arg(below.join("t/stand-ins")).arg(below.join("t/call.pl"));
        command.arg(below.join("MultipathPlugin.pm")).args(args);
        command.env("PATHKEEPER", env!("CARGO_BIN_EXE_pathkeeper"));
        said(&self.run(command).await)
    }
}

fn plugin_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/pve").canonicalize().unwrap()
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn refused(answer: Result<Vec<Volume>, Error>) -> (u16, String) {
    match answer {
        Err(Error::Refused { status, body, .. }) => (status, format!("{} {:?}", body.message, body.errors)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_storage_lists_its_luns_as_they_are_on_the_node() {
    let mut lab = Lab::new(read()).await;
    let volumes = lab.until("it is read", "pve1", "san", |all| all[0].unusable.is_none()).await;
    let expect = Volume {
        volid: format!("san:{WWID}"),
        content: "images".into(),
        format: "raw".into(),
        size: Some(2 << 40),
        wwid: WWID.into(),
        alias: Some("oracle".into()),
        map: Some("data01".into()),
        path: Some(format!("/dev/disk/by-id/dm-uuid-mpath-{WWID}")),
        state: "optimal".into(),
        paths_active: Some(2),
        paths_total: Some(2),
        ..Volume::default()
    };
    assert_eq!(volumes, [expect]);
    let some = lab.client.content("localhost", "some").await.unwrap();
    assert_eq!(some.iter().map(|v| v.state.as_str()).collect::<Vec<_>>(), ["optimal", "missing"]);
    assert!(some[1].unusable.as_deref().unwrap().starts_with("it is not allowed"), "{some:?}");
    let check = async |node: &str, storage: &str, status: u16, words: &str| {
        let (got, why) = refused(lab.client.content(node, storage).await);
        assert!(got == status && why.contains(words), "{node} {storage}: {got} {why}");
    };
    check("localhost", "none", 404, "there is no storage none in storage.cfg").await;
    check("localhost", "files", 404, "is of type dir").await;
    check("localhost", "off", 404, "is disabled").await;
    check("localhost", &"x".repeat(300), 400, "storage").await;
    check("localhost", "../../etc", 404, "there is no storage").await;
    check("pve9", "san", 404, "no such node: pve9").await;
    let with = async |query: &str| {
        let path = format!("/api2/json/nodes/localhost/storage/san/content?{query}");
        lab.client.get::<Vec<Volume>>(&path).await
    };
    for (query, expect) in [("content=images", 1), ("content=iso", 0), ("vmid=101", 0)] {
        assert_eq!(with(query).await.unwrap().len(), expect, "{query}");
    }
    for query in ["content=disks", "vmid=x", "vmid=0", "more=1"] {
        assert_eq!(refused(with(query).await).0, 400, "{query}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn what_another_node_published_is_listed_and_what_it_no_longer_says_is_not_usable() {
    let mut lab = Lab::new(read()).await;
    let (status, why) = refused(lab.client.content("pve2", "san").await);
    assert_eq!((status, why.contains("no such node")), (404, true), "{why}");
    let read = read();
    let stamp = Stamp { instance: Instance(9), seq: 1 };
    let node = NodeName::new("pve2").unwrap();
    let store = lab.hub.node(&node);
    let head = Head { node, stamp, time: read.began };
    for (n, value) in detail::encode(&head, &read, None).unwrap().into_iter().enumerate() {
        store.put(Key::new(&detail::detail_key(n as u32 + 1)).unwrap(), value.into()).await.unwrap();
    }
    // Its report has not come, or no longer counts: what it published may have been so once.
    let doubted = lab.until("its maps are known", "pve2", "san", |all| all[0].map.is_some()).await;
    assert_eq!(doubted[0].state, "unknown");
    let why = doubted[0].unusable.as_deref().unwrap();
    assert!(why.starts_with("what pve2 has is not known now: "), "{why}");
    let report = format!(
        r#"{{"maps":{{"{WWID}":{{"state":"optimal","paths-active":2,"paths-total":2}}}},"time":{},"v":1,"instance":"{}","seq":1}}"#,
        read.began.0, stamp.instance
    );
    store.put(Key::new("multipath").unwrap(), report.into()).await.unwrap();
    let good = lab.until("it is believed", "pve2", "san", |all| all[0].unusable.is_none()).await;
    assert_eq!((good[0].state.as_str(), good[0].paths_active), ("optimal", Some(2)));
    let (_, why) = refused(lab.client.content("pve2", "some").await);
    assert!(why.contains("the storage some is not for pve2: its nodes in storage.cfg are pve1"), "{why}");
    lab.stop().await;
}

#[tokio::test]
async fn the_command_line_lists_and_prints_a_path_or_why_not() {
    let mut lab = Lab::new(read()).await;
    lab.until("it is read", "pve1", "san", |all| all[0].unusable.is_none()).await;
    let check = async |args: &[&str], exit: i32, stdout: &str, stderr: &str| {
        let (code, out, err) = lab.cli(args).await;
        let told = format!("{args:?}: {code}\n{out}\n{err}");
        assert!(code == exit && out.contains(stdout) && err.contains(stderr), "{told}");
        assert!(stdout.is_empty() == out.is_empty() && stderr.is_empty() == err.is_empty(), "{told}");
    };
    let volume = format!("san:{WWID}");
    check(&["volume", "list", "san"], 0, "oracle", "").await;
    check(&["volume", "list", "some", "-o", "wide"], 0, "some:3600a01 cannot be used: it is not allowed", "")
        .await;
    check(&["volume", "list", "san", "-o", "json"], 0, "\"schema\": 1", "").await;
    check(&["volume", "list", "none"], 3, "", "there is no storage none").await;
    check(&["volume", "list", "san", "--node", "pve9"], 3, "", "no such node: pve9").await;
    let path = format!("/dev/disk/by-id/dm-uuid-mpath-{WWID}\n");
    check(&["volume", "path", &volume], 0, &path, "").await;
    check(&["volume", "path", &volume, "-o", "json"], 0, "\"schema\": 1", "").await;
    check(&["volume", "path", "some:3600a01"], 2, "", "some:3600a01: it is not allowed").await;
    check(&["volume", "path", "some:3600a01", "-o", "json"], 2, "\"unusable\"", "it is not allowed").await;
    check(&["volume", "path", "san:oracle"], 2, "", &format!("oracle is {volume}")).await;
    check(&["volume", "path", "san:3600a09"], 2, "", "has no volume 3600a09").await;
    for bad in ["san", ":x", "san:"] {
        check(&["volume", "path", bad], 3, "", "is no volume: STORAGE:WWID").await;
    }
    lab.stop().await;
}

#[tokio::test]
async fn a_node_that_sees_nothing_hands_nothing_out() {
    let blind = NodeRead {
        kernel: Err("the kernel could not be asked".into()),
        ..NodeRead::empty(read().began, Daemon::Hung { waited_ms: 10_000 })
    };
    let mut lab = Lab::new(blind).await;
    let told = |all: &[Volume]| all[0].unusable.is_some();
    let volumes = lab.until("it is read", "pve1", "san", told).await;
    let volume = &volumes[0];
    assert_eq!((volume.state.as_str(), volume.path.as_deref()), ("unknown", None));
    let why = "neither multipathd nor the kernel tells what pve1 has";
    assert_eq!(volume.unusable.as_deref(), Some(why));
    lab.stop().await;
}

#[test]
fn proxmox_plugin_against_stand_ins_of_its_base_classes() {
    let below = plugin_dir();
    let mut command = Command::new("perl");
    command.arg("-T").arg("-I").arg(below.join("t/stand-ins")).arg(below.join("t/plugin.t"));
    let (code, out, err) = said(&command.arg(below.join("MultipathPlugin.pm")).output().unwrap());
    let failed: Vec<&str> = out.lines().filter(|line| line.trim_start().starts_with("not ok")).collect();
    assert!(code == 0 && failed.is_empty() && out.contains("\n1.."), "{code} {failed:#?}\n{err}");
}

#[tokio::test]
async fn proxmox_plugin_with_a_real_agent() {
    let mut lab = Lab::new(read()).await;
    lab.until("it is read", "pve1", "san", |all| all[0].unusable.is_none()).await;
    let good = async |args: &[&str], expect: &str| {
        let (code, out, err) = lab.plugin(args).await;
        assert_eq!((code, out.trim_end(), err.as_str()), (0, expect, ""), "{args:?}");
    };
    let bad = async |args: &[&str], expect: &str| {
        let (code, out, err) = lab.plugin(args).await;
        assert_eq!((code, out.as_str(), err.as_str()), (1, "", expect), "{args:?}");
    };
    let volname = format!("\"{WWID}\"");
    let size = 2_u64 << 40;
    good(
        &["list_images", "\"san\"", "{}"],
        &format!(
            r#"[[{{"content":"images","format":"raw","notes":"oracle, optimal","size":{size},"volid":"san:{WWID}"}}]]"#
        ),
    )
    .await;
    good(&["status", "\"san\"", "{}", "{}"], &format!("[{size},{size},0,1]")).await;
    good(&["activate_volume", "\"san\"", "{}", &volname], "[1]").await;
    bad(
        &["activate_volume", "\"some\"", "{}", "\"3600a01\""],
        "volume some:3600a01: it is not allowed: multipath.cfg has no section \"wwid: 3600a01\"\n",
    )
    .await;
    bad(
        &["status", "\"none\"", "{}", "{}"],
        &format!(
            "storage none: {0} answered /api2/json/nodes/localhost/storage/none/content with 404: there is no storage none \
             in storage.cfg, as far as this agent has read it\n",
            lab.socket().display()
        ),
    )
    .await;
    let path = format!(r#"["/dev/disk/by-id/dm-uuid-mpath-{WWID}",null,"images"]"#);
    good(&["path", "{}", &volname, "\"san\""], &path).await;
    lab.stop().await;
    // Without an agent: what must go on does, and what needs its word is refused in words.
    let (code, _, err) = lab.plugin(&["activate_volume", "\"san\"", "{}", &volname]).await;
    assert!(code == 1 && err.starts_with(&format!("volume san:{WWID}: no agent answers at ")), "{err}");
    assert!(err.contains("systemctl status pathkeeper"), "{err}");
    let (code, out, _) = lab.plugin(&["path", "{}", &volname, "\"san\""]).await;
    assert_eq!((code, out.trim_end()), (0, path.as_str()));
    let (code, out, _) = lab.plugin(&["deactivate_volume", "\"san\"", "{}", &volname]).await;
    assert_eq!((code, out.as_str()), (0, "[1]\n"));
}
