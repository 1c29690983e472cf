//! Several agents with their own files and multipathds, one store, and what people write into it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pathkeeper::app::reader::{Look, PROBE_MS, depth_of};
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_engine::sim::{San, SanConfig};
use pathkeeper_io::managing::{MARK_FILE, MARK_LINE};
use pathkeeper_io::store::embedded::{Hub, HubStore};
use pathkeeper_io::store::{DocumentName, Key, Store, Trust, digest};
use pathkeeper_io::{LocalReader, ProbeResult};
use pathkeeper_model::config::overrides;
use pathkeeper_model::config::plan::Confirmed;
use pathkeeper_model::config::rollout::{Applied, CONFIG_KEY, Course, Progress, ROLLOUT_DOCUMENT, Rollout};
use pathkeeper_model::config::texts::{TEXTS_DOCUMENT, Texts};
use pathkeeper_model::local::NodeRead;
use pathkeeper_model::multipath_cfg::CONFIG_DOCUMENT;
use pathkeeper_model::{EpochS, NodeName};
use tokio::sync::mpsc;

use crate::played::{Played, is_root};

const MAIN: &str = "etc/multipath/conf.d/60-pathkeeper.conf";
const OVERRIDES: &str = "etc/multipath/conf.d/90-pathkeeper-overrides.conf";

struct RealLook(LocalReader);

impl Look for RealLook {
    fn read(&mut self, depth: Depth) -> NodeRead {
        self.0.read(depth_of(depth))
    }
    fn probe(&mut self) -> bool {
        matches!(self.0.probe(PROBE_MS), ProbeResult::Idle { .. })
    }
}

struct Node {
    name: NodeName,
    played: Played,
    app: Option<App>,
}

struct Lab {
    dir: tempfile::TempDir,
    hub: Hub,
    /// Whoever writes documents.
    store: HubStore,
    nodes: Vec<Node>,
    wwids: Vec<String>,
}

fn name(n: usize) -> NodeName {
    NodeName::new(&format!("pve{}", n + 1)).unwrap()
}

impl Lab {
    /// Managed nodes with three LUNs, all of them allowed and Pathkeeper's already.
    async fn new(nodes: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(&dir.path().join("store")).unwrap();
        let san = San::new(SanConfig { nodes, luns: 3, paths: 4, seed: 3 }).unwrap();
        let mut lab = Self { store: hub.node(&name(0)), dir, hub, nodes: Vec::new(), wwids: Vec::new() };
        for n in 0..nodes {
            let played = Played::new(&san, n);
            lab.wwids = played.wwids();
            let listed: String = lab.wwids.iter().map(|wwid| format!("/{wwid}/\n")).collect();
            let recorded = lab.wwids.join("\n");
            played.put("etc/multipath/wwids", &listed);
            played.put("state/config/wwids-added", &format!("# ours\n{recorded}\n"));
            played.put(&format!("etc/{MARK_FILE}"), MARK_LINE);
            played.daemon.lock().unwrap().read_files();
            lab.nodes.push(Node { name: name(n), played, app: None });
        }
        for n in 0..nodes {
            lab.start(n).await;
        }
        lab
    }

    async fn start(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        let reader = node.played.reader();
        let config = AppConfig {
            machine: Some(reader.clone()),
            poll_ms: 1_000,
            ..AppConfig::new(
                random_instance().unwrap(),
                NodeFacts { mode: "manage".into(), ..NodeFacts::default() },
            )
        };
        let look = Arc::new(move || Box::new(RealLook(LocalReader::new(reader.clone()))) as Box<dyn Look>);
        let store = Arc::new(self.hub.node(&node.name));
        let state = Some(node.played.root().join("state"));
        let app =
            App::start_keeping(config, Vec::new(), state, store, look, mpsc::channel(1).1).await.unwrap();
        node.app = Some(app);
        self.until("its picture", || {
            let app = self.nodes[n].app.as_ref().unwrap();
            (app.board.local().is_some() && app.board.snapshot().is_some()).then_some(())
        })
        .await;
    }

    async fn stop(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        if let Some(app) = node.app.take() {
            app.stop().await;
        }
        self.hub.set_member(&self.nodes[n].name, false);
    }

    async fn until<T>(&self, what: &str, mut asked: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(60) {
            if let Some(answer) = asked() {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never: {what}: {:#?}", self.said().await);
    }

    async fn document(&self, document: &str, bytes: &[u8]) {
        let name = || DocumentName::new(document).unwrap();
        let before = self.store.read(name()).await.unwrap().digest;
        self.store.write(name(), Some(bytes.to_vec().into()), before).await.unwrap();
    }

    /// All three LUNs, with these lines for all of them.
    fn text(&self, defaults: &str) -> String {
        let luns: String = self.wwids.iter().map(|wwid| format!("\nwwid: {wwid}\n")).collect();
        format!("defaults: global\n{defaults}{luns}")
    }

    /// Rolls out what the documents say, as a person's command does.
    async fn roll_out(&self, config: &str, overrides: &str, change: impl FnOnce(&mut Rollout)) {
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
    async fn change(&self, change: impl FnOnce(&mut Rollout)) {
        let name = || DocumentName::new(ROLLOUT_DOCUMENT).unwrap();
        let bytes = self.store.read(name()).await.unwrap().bytes.unwrap();
        let mut rollout = Rollout::decode(&bytes).unwrap().unwrap();
        change(&mut rollout);
        self.document(ROLLOUT_DOCUMENT, &rollout.encode()).await;
    }

    async fn said(&self) -> BTreeMap<String, Applied> {
        let values = self.store.list().await.unwrap().into_iter();
        let values = values.filter(|value| value.key.as_str() == CONFIG_KEY);
        values.map(|value| (value.writer.to_string(), Applied::decode(&value.bytes).unwrap())).collect()
    }

    /// Waits until each node said this of the generation: one word for each, in their order; `-` = anything.
    async fn all_say(&self, generation: u64, words: &str) -> BTreeMap<String, Applied> {
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

    fn file(&self, n: usize, file: &str) -> Option<String> {
        std::fs::read_to_string(self.nodes[n].played.root().join(file)).ok()
    }

    fn orders(&self, n: usize) -> Vec<String> {
        self.nodes[n].played.daemon.lock().unwrap().orders.clone()
    }

    /// What the document says stands on this node.
    fn has(&self, n: usize, words: &str) -> bool {
        self.file(n, MAIN).is_some_and(|text| text.contains(words))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_knob_reaches_all_nodes_and_one_goes_first() {
    if !is_root() {
        return;
    }
    let lab = Lab::new(3).await;
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    lab.all_say(1, "verified verified verified").await;
    let began = Instant::now();
    lab.roll_out(&lab.text("\tno-path-retry 7\n"), "", |_| {}).await;
    let said = lab.all_say(2, "verified verified verified").await;
    eprintln!("one changed knob, three nodes, verified after {:?}", began.elapsed());
    for n in 0..3 {
        assert!(lab.has(n, "no_path_retry \"7\""), "{:?}", lab.file(n, MAIN));
        assert_eq!(lab.orders(n), ["reconfigure", "reconfigure"]);
    }
    // The canary is the first by name, and was done before the others.
    let since = |n: usize| said[name(n).as_str()].since;
    assert!(since(0) <= since(1) && since(0) <= since(2), "{said:#?}");
    // The same once more is nothing to do, anywhere.
    lab.roll_out(&lab.text("\tno-path-retry 7\n"), "", |_| {}).await;
    lab.all_say(3, "current current current").await;
    assert_eq!(lab.orders(1).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_follows_a_canary_that_is_refused_and_an_abort_brings_back_what_was() {
    if !is_root() {
        return;
    }
    let lab = Lab::new(3).await;
    let good = lab.text("\tno-path-retry 12\n");
    lab.roll_out(&good, "", |_| {}).await;
    lab.all_say(1, "verified verified verified").await;
    let before: Vec<Option<String>> = (0..3).map(|n| lab.file(n, MAIN)).collect();
    let broken = "overrides {\n\tno_such_keyword 1\n}\n";
    lab.roll_out(&lab.text("\tno-path-retry 7\n"), broken, |_| {}).await;
    let said = lab.all_say(2, "rolled-back waiting waiting").await;
    let why = said["pve1"].why.clone().unwrap();
    assert!(
        why.contains("multipath -t refuses it") && why.contains("90-pathkeeper-overrides.conf:"),
        "{why}"
    );
    lab.until_why(1, "it is rolled-back on pve1").await;
    lab.until_why(2, "it is rolled-back on pve1").await;
    for (n, before) in before.iter().enumerate() {
        assert_eq!((lab.file(n, MAIN), lab.file(n, OVERRIDES)), (before.clone(), None));
        assert_eq!(lab.orders(n), ["reconfigure"]);
    }
    // The abort is a generation of its own that has nothing to do.
    lab.roll_out(&good, "", |_| {}).await;
    lab.all_say(3, "current current current").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observing_node_is_touched_by_nobody_and_holds_up_nobody() {
    if !is_root() {
        return;
    }
    let lab = Lab::new(3).await;
    std::fs::remove_file(lab.nodes[0].played.root().join("etc").join(MARK_FILE)).unwrap();
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    let said = lab.all_say(1, "not-applicable verified verified").await;
    assert!(said["pve1"].why.as_ref().unwrap().contains("this node observes"), "{said:#?}");
    assert_eq!((lab.file(0, MAIN), lab.orders(0)), (None, vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_takes_what_is_in_force_and_not_what_is_pending() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::new(3).await;
    lab.stop(2).await;
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    lab.all_say(1, "verified verified -").await;
    // Somebody writes on, and applies nothing.
    lab.document(CONFIG_DOCUMENT, lab.text("\tno-path-retry 3\n").as_bytes()).await;
    lab.start(2).await;
    lab.all_say(1, "verified verified verified").await;
    assert!((0..3).all(|n| lab.has(n, "no_path_retry \"12\"")));
    // What other hands make of the documents changes nothing either.
    for text in ["", "wwid: a\n\tno_such\n", "\u{0}\u{0}"] {
        lab.document(CONFIG_DOCUMENT, text.as_bytes()).await;
        lab.document(TEXTS_DOCUMENT, b"{\"v\":1,\"texts\":{").await;
    }
    lab.stop(2).await;
    lab.start(2).await;
    lab.all_say(1, "verified verified verified").await;
    assert!((0..3).all(|n| lab.has(n, "no_path_retry \"12\"") && lab.orders(n).len() == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_at_work_blocks_all_until_a_person_resumes() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::new(3).await;
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    lab.all_say(1, "verified verified verified").await;
    // It asks multipathd and hears nothing any more; then the node is gone.
    let daemon = lab.nodes[0].played.daemon.clone();
    lab.roll_out(&lab.text("\tno-path-retry 7\n"), "", |_| {}).await;
    lab.all_say(2, "applying - -").await;
    daemon.lock().unwrap().hangs = true;
    lab.stop(0).await;
    let said = lab.all_say(2, "applying waiting waiting").await;
    let why = lab.until_why(1, "began and was not heard of again").await;
    assert!(why.contains("pathkeeper config rollout resume"), "{why} {said:#?}");
    assert!(lab.orders(1).len() == 1 && lab.orders(2).len() == 1);
    let since = lab.said().await["pve1"].since;
    lab.change(|rollout| {
        rollout.resumed.insert(name(0), since);
    })
    .await;
    lab.all_say(2, "applying verified verified").await;
    // It comes back, looks what is there, and applies nothing anew.
    daemon.lock().unwrap().hangs = false;
    lab.start(0).await;
    let said = lab.until_done(2, 0).await;
    assert!(lab.orders(0).len() <= 2, "{said:?}: {:?}", lab.orders(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_whole_cluster_nobody_begins() {
    if !is_root() {
        return;
    }
    let lab = Lab::new(2).await;
    lab.hub.set_trust(Trust::None { why: "no quorum".into(), since: EpochS(5) });
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    let said = lab.all_say(1, "waiting waiting").await;
    assert!(said["pve1"].why.as_ref().unwrap().contains("does not see the whole cluster"), "{said:#?}");
    assert_eq!(lab.file(0, MAIN), None);
    lab.hub.set_trust(Trust::Whole);
    lab.all_say(1, "verified verified").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_alone_is_applied_then_all() {
    if !is_root() {
        return;
    }
    let lab = Lab::new(3).await;
    let text = lab.text("\tno-path-retry 12\n");
    lab.roll_out(&text, "", |rollout| rollout.only = Some(name(1))).await;
    let said = lab.all_say(1, "waiting verified waiting").await;
    assert!(said["pve1"].why.as_ref().unwrap().contains("for pve2 alone"), "{said:#?}");
    assert!(lab.has(1, "no_path_retry") && lab.file(0, MAIN).is_none());
    lab.roll_out(&text, "", |_| {}).await;
    lab.all_say(2, "verified current verified").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_set_up_by_hand_is_refused_until_somebody_takes_it_over() {
    let lab = Lab::new(2).await;
    for node in &lab.nodes {
        node.played.put("state/config/wwids-added", "# ours\n");
    }
    let text = lab.text("");
    lab.roll_out(&text, "", |_| {}).await;
    let said = lab.all_say(1, "rolled-back rolled-back").await;
    let why = said["pve1"].why.as_ref().unwrap();
    assert!(why.contains("refused, and nothing was touched") && why.contains("--adopt"), "{why}");
    assert_eq!((lab.file(0, MAIN), lab.orders(0)), (None, vec![]));
    if !is_root() {
        return;
    }
    let adopt = lab.wwids.iter().map(|wwid| pathkeeper_model::Wwid::new(wwid).unwrap()).collect();
    lab.roll_out(&text, "", |rollout| rollout.confirmed.adopt = adopt).await;
    lab.all_say(2, "verified verified").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_by_other_hands_is_told_and_not_mended() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::new(1).await;
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    lab.all_say(1, "verified").await;
    let theirs = "# somebody's\ndefaults {\n}\n";
    lab.nodes[0].played.put(MAIN, theirs);
    // It is looked at each minute, and at the start.
    lab.stop(0).await;
    lab.start(0).await;
    let began = Instant::now();
    let drift = loop {
        if let Some(drift) = lab.said().await["pve1"].drift.clone() {
            break drift;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{:#?}", lab.said().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(drift.contains("60-pathkeeper.conf was changed by other hands"), "{drift}");
    assert_eq!((lab.file(0, MAIN).as_deref(), lab.orders(0).len()), (Some(theirs), 1));
    assert_eq!(lab.said().await["pve1"].progress, Progress::Verified);
    let key = Key::new("multipath-apply").unwrap();
    assert_eq!(lab.store.get(name(0), key).await.unwrap(), None, "no apply failed");
    assert!(lab.dir.path().exists());
}

impl Lab {
    /// Waits until a node's reason holds these words.
    async fn until_why(&self, n: usize, words: &str) -> String {
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
    async fn until_done(&self, generation: u64, n: usize) -> Applied {
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
