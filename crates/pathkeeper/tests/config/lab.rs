//! A real app, a real store, real files below a root of their own; only the maps are told by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::{Hub, HubStore};
use pathkeeper_io::store::{DocumentName, Key, Store};
use pathkeeper_io::{ReaderConfig, Roots};
use pathkeeper_model::config::rollout::Applied;
use pathkeeper_model::detail::{self, Head};
use pathkeeper_model::local::{Daemon, HostFacts, NodeRead, ShownConfig};
use pathkeeper_model::report::Stamp;
use pathkeeper_model::{EpochS, Instance, NodeName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

/// The LUN of the maps that are told.
pub const WWID: &str = "35000c500a0000001";
/// A LUN that no node has.
pub const NEW: &str = "3600a098038304479363f4c4870455b01";

/// What multipathd prints, as far as it matters here: an entry of its hardware table, and built-in values.
pub const SHOWN: &str = "defaults {\n\tfind_multipaths \"strict\"\n\tpolling_interval 5\n\tno_path_retry \"fail\"\n}\n\
                     devices {\n\tdevice {\n\t\tvendor \".*\"\n\t\tproduct \".*\"\n\t\tno_path_retry 24\n\t}\n}\n";

struct HandLook(NodeRead);

impl Look for HandLook {
    fn read(&mut self, _: Depth) -> NodeRead {
        self.0.clone()
    }
    fn probe(&mut self) -> bool {
        true
    }
}

pub fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

pub fn read(shown: Option<&str>) -> NodeRead {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let file = "/../../tests/data/multipathd/0.9.4/02-multibus-all-up.show-maps.json";
    let reply = std::fs::read(env!("CARGO_MANIFEST_DIR").to_owned() + file).unwrap();
    NodeRead {
        maps: pathkeeper_io::multipathd::json::decode(&reply).unwrap().maps,
        tools_version: Some("0.9.4".into()),
        own_wwids: Some(vec![]),
        host: Arc::new(HostFacts { shown: ShownConfig(shown.map(Into::into)), ..HostFacts::default() }),
        ..NodeRead::empty(EpochS(now as i64), Daemon::Answering { pid: Some(1) })
    }
}

pub struct Lab {
    pub dir: tempfile::TempDir,
    _app: App,
    pub hub: Hub,
    pub store: HubStore,
    pub client: Client,
    /// Over TCP, without a token: it may look.
    pub looker: Client,
}

impl Lab {
    pub async fn new(read: NodeRead) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(&dir.path().join("store")).unwrap();
        let store = hub.node(&name("pve1"));
        std::fs::create_dir_all(dir.path().join("root/etc/multipath/conf.d")).unwrap();
        let has_maps = !read.maps.is_empty();
        let config = AppConfig {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            socket: Some((dir.path().join("run/pathkeeper.sock"), None)),
            machine: Some(ReaderConfig {
                roots: Roots::below(&dir.path().join("root")),
                ..ReaderConfig::default()
            }),
            ..AppConfig::new(
                random_instance().unwrap(),
                NodeFacts { mode: "observe".into(), ..NodeFacts::default() },
            )
        };
        let look = Arc::new(move || Box::new(HandLook(read.clone())) as Box<dyn Look>);
        let app = App::start(config, Arc::new(store.clone()), look, mpsc::channel(1).1).await.unwrap();
        let client =
            Client::new(Address::Unix(dir.path().join("run/pathkeeper.sock")), Duration::from_secs(20));
        let looker = Client::new(Address::Tcp(app.address.unwrap().to_string()), Duration::from_secs(20));
        let lab = Self { dir, _app: app, hub, store, client, looker };
        lab.until("its picture", async || {
            let status = lab.client.status("").await.ok()?;
            (status.luns.is_empty() != has_maps && lab.client.disks("pve1").await.is_ok()).then_some(())
        })
        .await;
        lab
    }

    pub async fn until<T>(&self, what: &str, asked: impl AsyncFn() -> Option<T>) -> T {
        for _ in 0..1_000 {
            if let Some(answer) = asked().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    }

    pub fn etc(&self, file: &str) -> PathBuf {
        self.dir.path().join("root/etc").join(file)
    }

    pub fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.etc(file), text).unwrap();
    }

    /// The document is this from now on.
    pub async fn document(&self, document: &str, bytes: &[u8]) {
        let name = || DocumentName::new(document).unwrap();
        let before = self.store.read(name()).await.unwrap().digest;
        self.store.write(name(), Some(bytes.to_vec().into()), before).await.unwrap();
    }

    pub async fn publish(&self, node: &str, read: &NodeRead) {
        static SEQ: AtomicU64 = AtomicU64::new(1);
        let stamp = Stamp { instance: Instance(9), seq: SEQ.fetch_add(1, Ordering::Relaxed) };
        let head = Head { node: name(node), stamp, time: read.began };
        let store = self.hub.node(&name(node));
        for (n, value) in detail::encode(&head, read, None).unwrap().into_iter().enumerate() {
            store.put(Key::new(&detail::detail_key(n as u32 + 1)).unwrap(), value.into()).await.unwrap();
        }
    }

    /// What a document holds now.
    pub async fn text(&self, document: &str) -> String {
        let read = self.store.read(DocumentName::new(document).unwrap()).await.unwrap();
        String::from_utf8(read.bytes.unwrap_or_default().to_vec()).unwrap()
    }

    /// The digest of a document now.
    pub async fn digest(&self, document: &str) -> String {
        self.store.read(DocumentName::new(document).unwrap()).await.unwrap().digest
    }

    /// A node says how far it is.
    pub async fn says(&self, node: &str, generation: u64, state: &str, since: i64) {
        let value = format!("{{\"generation\":{generation},\"state\":\"{state}\",\"since\":{since}}}");
        let stamp = Stamp { instance: Instance(9), seq: generation };
        let head = Head { node: name(node), stamp, time: EpochS(since) };
        let value = Applied::decode(value.as_bytes()).unwrap().encode(&head);
        let key = Key::new("multipath-config").unwrap();
        self.hub.node(&name(node)).put(key, value.into()).await.unwrap();
    }

    /// A request as it goes over the socket: status and body.
    pub async fn raw(&self, method: &str, path: &str, kind: &str, body: &str) -> (u16, String) {
        let socket = self.dir.path().join("run/pathkeeper.sock");
        let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The same with a body of JSON; the answer is read as JSON.
    pub async fn json(&self, method: &str, path: &str, body: serde_json::Value) -> (u16, serde_json::Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, text) = self.raw(method, path, "application/json", &body).await;
        (status, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
    }

    /// Another node is there, with what it published.
    pub async fn joined(&self, node: &str, read: &NodeRead) {
        self.publish(node, read).await;
        self.until("the other node", async || {
            let nodes = self.client.nodes().await.ok()?;
            let online = nodes.iter().any(|of| of.node == node && of.status == "online");
            (online && self.client.disks(node).await.is_ok()).then_some(())
        })
        .await;
    }

    /// The program, asking this agent: exit status, standard output, standard error.
    pub async fn run(&self, args: &[&str]) -> (i32, String, String) {
        self.run_with(&[], args).await
    }

    /// The same with these variables.
    pub async fn run_with(&self, variables: &[(&str, &str)], args: &[&str]) -> (i32, String, String) {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("pathkeeper"));
        command.env("LC_ALL", "C").env_remove("PATHKEEPER_SERVER").args(args);
        command.envs(variables.iter().copied()).stdin(std::process::Stdio::null());
        command.arg("--socket").arg(self.dir.path().join("run/pathkeeper.sock"));
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// All files of the machine, and the documents, to see that nothing was written.
    pub async fn all(&self) -> Vec<(String, Vec<u8>)> {
        fn below(folder: &Path, out: &mut Vec<(String, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => below(&path, out),
                    false => out.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default())),
                }
            }
        }
        let mut out = Vec::new();
        below(&self.dir.path().join("root"), &mut out);
        for document in ["multipath.cfg", "multipath-overrides.conf"] {
            let read = self.store.read(DocumentName::new(document).unwrap()).await.unwrap();
            out.push((document.into(), read.bytes.unwrap_or_default().to_vec()));
        }
        out.sort();
        out
    }
}

pub fn good() -> String {
    format!(
        "defaults: global\n\tno-path-retry 12\n\nwwid: {WWID}\n\talias oracle\n\tfailback manual\n\nwwid: {NEW}\n"
    )
}
