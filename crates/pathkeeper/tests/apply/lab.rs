//! Several agents with their own files and multipathds, and one store into which people write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pathkeeper::app::reader::{Look, PROBE_MS, depth_of};
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_engine::sim::{San, SanConfig};
use pathkeeper_io::managing::{MARK_FILE, MARK_LINE};
use pathkeeper_io::store::embedded::{Hub, HubStore};
use pathkeeper_io::store::{DocumentName, Store, digest};
use pathkeeper_io::{LocalReader, ProbeResult, SocketAddress};
use pathkeeper_model::config::overrides;
use pathkeeper_model::config::plan::Confirmed;
use pathkeeper_model::config::rollout::{Applied, CONFIG_KEY, Course, ROLLOUT_DOCUMENT, Rollout};
use pathkeeper_model::config::texts::{TEXTS_DOCUMENT, Texts};
use pathkeeper_model::local::NodeRead;
use pathkeeper_model::multipath_cfg::CONFIG_DOCUMENT;
use pathkeeper_model::{EpochS, NodeName};
use tokio::sync::mpsc;

use super::gate::Gate;
use super::played::Played;

pub const MAIN: &str = "etc/multipath/conf.d/60-pathkeeper.conf";
pub const OVERRIDES: &str = "etc/multipath/conf.d/90-pathkeeper-overrides.conf";

struct RealLook(LocalReader);

impl Look for RealLook {
    fn read(&mut self, depth: Depth) -> NodeRead {
        self.0.read(depth_of(depth))
    }
    fn probe(&mut self) -> bool {
        matches!(self.0.probe(PROBE_MS), ProbeResult::Idle { .. })
    }
}

pub struct Node {
    pub name: NodeName,
    pub played: Played,
    pub app: Option<App>,
    /// Its way to the store.
    pub gate: Arc<Gate>,
    /// multipath-tools is not on it.
    pub without_tools: bool,
}

pub struct Lab {
    _dir: tempfile::TempDir,
    pub hub: Hub,
    /// Whoever writes documents.
    pub store: HubStore,
    pub nodes: Vec<Node>,
    pub wwids: Vec<String>,
}

pub fn name(n: usize) -> NodeName {
    NodeName::new(&format!("pve{}", n + 1)).unwrap()
}

impl Lab {
    /// Managed nodes with three LUNs, all of them allowed and Pathkeeper's already.
    pub async fn new(nodes: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(&dir.path().join("store")).unwrap();
        let san = San::new(SanConfig { nodes, luns: 3, paths: 4, seed: 3 }).unwrap();
        let mut lab =
            Self { store: hub.node(&name(0)), _dir: dir, hub, nodes: Vec::new(), wwids: Vec::new() };
        for n in 0..nodes {
            let played = Played::new(&san, n);
            lab.wwids = played.wwids();
            let listed: String = lab.wwids.iter().map(|wwid| format!("/{wwid}/\n")).collect();
            let recorded = lab.wwids.join("\n");
            played.put("etc/multipath/wwids", &listed);
            played.put("state/config/wwids-added", &format!("# ours\n{recorded}\n"));
            played.put(&format!("etc/{MARK_FILE}"), MARK_LINE);
            played.daemon.lock().unwrap().read_files();
            let gate = Gate::new(lab.hub.node(&name(n)));
            lab.nodes.push(Node { name: name(n), played, app: None, gate, without_tools: false });
        }
        lab
    }

    /// The same, and each with its agent.
    pub async fn started(nodes: usize) -> Self {
        let mut lab = Self::new(nodes).await;
        for n in 0..nodes {
            lab.start(n).await;
        }
        lab
    }

    /// All of them have taken one configuration already.
    pub async fn applied(nodes: usize) -> Self {
        let lab = Self::started(nodes).await;
        lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
        lab.all_say(1, &vec!["verified"; nodes].join(" ")).await;
        lab
    }

    pub async fn start(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        let mut reader = node.played.reader();
        if node.without_tools {
            for folder in ["sbin", "proc"] {
                std::fs::remove_dir_all(node.played.root().join(folder)).unwrap();
            }
            reader.socket = SocketAddress::Auto;
        }
        let config = AppConfig {
            machine: Some(reader.clone()),
            poll_ms: 1_000,
            ..AppConfig::new(
                random_instance().unwrap(),
                NodeFacts { mode: "manage".into(), ..NodeFacts::default() },
            )
        };
        let look = Arc::new(move || Box::new(RealLook(LocalReader::new(reader.clone()))) as Box<dyn Look>);
        let store = node.gate.clone();
        let state = Some(node.played.root().join("state"));
        let app =
            App::start_keeping(config, Vec::new(), state, store, look, mpsc::channel(1).1).await.unwrap();
        node.app = Some(app);
        self.until("its picture", || {
            let app = self.nodes[n].app.as_ref().unwrap();
            (app.board.local().is_some() && app.board.snapshot().is_some()).then_some(())
        })
        .await;
        self.hub.set_member(&self.nodes[n].name, true);
    }

    pub async fn stop(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        if let Some(app) = node.app.take() {
            app.stop().await;
        }
        self.hub.set_member(&self.nodes[n].name, false);
    }

    pub async fn until<T>(&self, what: &str, mut asked: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(60) {
            if let Some(answer) = asked() {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never: {what}: {:#?}", self.said().await);
    }

    pub async fn document(&self, document: &str, bytes: &[u8]) {
        let name = || DocumentName::new(document).unwrap();
        let before = self.store.read(name()).await.unwrap().digest;
        self.store.write(name(), Some(bytes.to_vec().into()), before).await.unwrap();
    }

    /// All three LUNs, with these lines for all of them.
    pub fn text(&self, defaults: &str) -> String {
        let luns: String = self.wwids.iter().map(|wwid| format!("\nwwid: {wwid}\n")).collect();
        format!("defaults: global\n{defaults}{luns}")
    }

    /// Rolls out what the documents say, as a person's command does.
    pub async fn roll_out(&self, config: &str, overrides: &str, change: impl FnOnce(&mut Rollout)) {
        let read = async |name: &str| {
            let document = self.store.read(DocumentName::new(name).unwrap()).await.unwrap();
            document.bytes.unwrap_or_default()
        };
        let before = Rollout::decode(&read(ROLLOUT_DOCUMENT).await).unwrap();
        let mut rollout = Rollout {
            generation: before.as_ref().map_or(1, |before| before.generation + 1),
            config: digest(config.as_bytes()),
            overrides: digest(overrides.as_bytes()),
            course: Course::Running,
            canary: None,
            force: Default::default(),
            resumed: BTreeMap::new(),
            by: "kb@pam".into(),
            time: Some(EpochS(1_700_000_000)),
            previous: before.map(|before| (before.config, before.overrides)),
            only: None,
            confirmed: Confirmed::default(),
        };
        change(&mut rollout);
        let mut texts = Texts::decode(&read(TEXTS_DOCUMENT).await).unwrap();
        texts.put(&rollout.config, config);
        texts.put(&rollout.overrides, overrides);
        texts.keep_for(&rollout).unwrap();
        self.document(CONFIG_DOCUMENT, config.as_bytes()).await;
        if !overrides.is_empty() {
            self.document(overrides::FILE, overrides.as_bytes()).await;
        }
        self.document(TEXTS_DOCUMENT, &texts.encode()).await;
        self.document(ROLLOUT_DOCUMENT, &rollout.encode()).await;
    }

    /// The rollout's document becomes another.
    pub async fn change(&self, change: impl FnOnce(&mut Rollout)) {
        let name = || DocumentName::new(ROLLOUT_DOCUMENT).unwrap();
        let bytes = self.store.read(name()).await.unwrap().bytes.unwrap();
        let mut rollout = Rollout::decode(&bytes).unwrap().unwrap();
        change(&mut rollout);
        self.document(ROLLOUT_DOCUMENT, &rollout.encode()).await;
    }

    pub async fn said(&self) -> BTreeMap<String, Applied> {
        let values = self.store.list().await.unwrap().into_iter();
        let values = values.filter(|value| value.key.as_str() == CONFIG_KEY);
        values.map(|value| (value.writer.to_string(), Applied::decode(&value.bytes).unwrap())).collect()
    }

    /// Waits until each node said this of the generation: one word for each, in their order; `-` = anything.
    pub async fn all_say(&self, generation: u64, words: &str) -> BTreeMap<String, Applied> {
        let wanted: Vec<&str> = words.split(' ').collect();
        let began = Instant::now();
        loop {
            let said = self.said().await;
            let is = |(n, word): (usize, &&str)| {
                let of = said.get(name(n).as_str()).filter(|of| of.generation == generation);
                *word == "-" || of.is_some_and(|of| of.progress.as_str() == *word)
            };
            if wanted.iter().enumerate().all(is) {
                return said;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "never {words}: {said:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn file(&self, n: usize, file: &str) -> Option<String> {
        std::fs::read_to_string(self.nodes[n].played.root().join(file)).ok()
    }

    pub fn orders(&self, n: usize) -> Vec<String> {
        self.nodes[n].played.daemon.lock().unwrap().orders()
    }

    /// What the document says stands on this node.
    pub fn has(&self, n: usize, words: &str) -> bool {
        self.file(n, MAIN).is_some_and(|text| text.contains(words))
    }
}

impl Lab {
    /// Waits until a node's reason holds these words.
    pub async fn until_why(&self, n: usize, words: &str) -> String {
        let began = Instant::now();
        loop {
            let said = self.said().await;
            let why = said.get(name(n).as_str()).and_then(|said| said.why.clone()).unwrap_or_default();
            if why.contains(words) {
                return why;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "never {words:?}: {said:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a node is done with a generation, well or not.
    pub async fn until_done(&self, generation: u64, n: usize) -> Applied {
        let began = Instant::now();
        loop {
            let said =
                self.said().await.remove(name(n).as_str()).filter(|said| said.generation == generation);
            if let Some(said) = said.filter(|said| said.progress.is_done() || said.progress.is_wrong()) {
                return said;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "never done: {:#?}", self.said().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
