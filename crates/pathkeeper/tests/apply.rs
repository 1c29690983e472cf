//! A configuration applied on one node: the machine, its hands, real files, and the simulator's multipathd behind a real
//! socket, which here reads the files when it is told to.
//!
//! `multipath -t` runs in a mount namespace of its own, so what has a drop-in to be judged needs root, and says loudly that it
//! was skipped elsewhere. Time is stepped by hand: a minute of verifying takes as long as its looks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pathkeeper::app::apply::Hands;
use pathkeeper::demo::machine::Machine;
use pathkeeper::demo::multipathd::Listen;
use pathkeeper_engine::apply::*;
use pathkeeper_engine::sim::multipathd::{Chk, PathDm, Version, View, answer};
use pathkeeper_engine::sim::{San, SanConfig};
use pathkeeper_io::managing::{MARK_FILE, MARK_LINE};
use pathkeeper_io::{ReaderConfig, Roots, SocketAddress};
use pathkeeper_model::multipath_conf::Conf;
use pathkeeper_model::{EpochS, MonoMs, Now, Wwid};

const VERSION: Version = Version::V0_9_4;

/// multipathd as far as configuration goes, in front of what the simulator knows of paths.
struct Daemon {
    root: PathBuf,
    /// All maps that the SAN could have here.
    all: View,
    conf: Conf,
    allowed: BTreeSet<String>,
    /// Maps that were added since.
    orders: Vec<String>,
}

impl Daemon {
    /// Reads its files, as it does at its start and when it is told to.
    fn read_files(&mut self) {
        let etc = self.root.join("etc");
        let mut paths: Vec<PathBuf> = std::fs::read_dir(etc.join("multipath/conf.d"))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "conf"))
            .collect();
        paths.sort();
        let texts: Vec<String> =
            paths.iter().map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect();
        self.conf = Conf::parse(texts.iter().map(|text| ("file", text.as_str())));
        self.allowed = self.wwids();
    }

    fn wwids(&self) -> BTreeSet<String> {
        let text = std::fs::read_to_string(self.root.join("etc/multipath/wwids")).unwrap_or_default();
        let entry = |line: &str| Some(line.strip_prefix('/')?.split_once('/')?.0.to_owned());
        text.lines().filter_map(entry).collect()
    }

    /// Keywords in force in the map's own section, the last one of each.
    fn section(&self, wwid: &str) -> Vec<(String, String)> {
        let of_maps = || self.conf.entries.iter().filter(|entry| entry.section == "multipaths.multipath");
        let blocks: BTreeSet<u32> =
            of_maps().filter(|e| e.key == "wwid" && e.value == wwid).map(|e| e.block).collect();
        let mut out: Vec<(String, String)> = Vec::new();
        for entry in of_maps().filter(|e| blocks.contains(&e.block) && e.key != "wwid") {
            out.retain(|(key, _)| *key != entry.key);
            out.push((entry.key.clone(), entry.value.clone()));
        }
        out
    }

    fn view(&self) -> View {
        let mut view = self.all.clone();
        let rule = self.conf.last("blacklist", "devnode").map(|entry| entry.value.clone());
        let excluded = |dev: &str| rule.as_ref().is_some_and(|rule| *rule == format!("^{dev}$"));
        view.maps.retain(|map| self.allowed.contains(&map.wwid));
        for map in &mut view.maps {
            let alias = self.section(&map.wwid).into_iter().find(|(key, _)| key == "alias");
            map.name = alias.map_or_else(|| map.wwid.clone(), |(_, value)| value);
            for group in &mut map.groups {
                group.paths.retain(|at| !excluded(&view.paths[*at].dev));
            }
        }
        for path in &mut view.paths {
            match view.maps.iter().find(|map| map.wwid == path.wwid) {
                Some(map) => path.map = map.name.clone(),
                None => {
                    path.map = "[orphan]".into();
                    (path.dm, path.chk) = (PathDm::Undef, Chk::Unchecked);
                }
            }
        }
        view
    }

    fn answer(&mut self, command: &str) -> String {
        match command {
            "reconfigure" => {
                self.orders.push(command.to_owned());
                self.read_files();
                "ok\n".to_owned()
            }
            "show config" | "show config local" => {
                let mut text = "defaults {\n\tverbosity 2\n}\nmultipaths {\n".to_owned();
                for map in &self.view().maps {
                    text.push_str(&format!("\tmultipath {{\n\t\twwid \"{}\"\n", map.wwid));
                    for (key, value) in self.section(&map.wwid) {
                        text.push_str(&format!("\t\t{key} \"{value}\"\n"));
                    }
                    text.push_str("\t}\n");
                }
                text + "}\n"
            }
            _ => match command.strip_prefix("add path ") {
                Some(dev) => {
                    self.orders.push(command.to_owned());
                    let wwid =
                        self.all.paths.iter().find(|path| path.dev == dev).map(|path| path.wwid.clone());
                    let wwids = self.wwids();
                    self.allowed.extend(wwid.filter(|wwid| wwids.contains(wwid)));
                    "ok\n".to_owned()
                }
                None => answer(&self.view(), command, true, VERSION).text,
            },
        }
    }
}

fn serve(mut stream: UnixStream, daemon: &Mutex<Daemon>) {
    let mut length = [0; 8];
    while stream.read_exact(&mut length).is_ok() {
        let mut text = vec![0; usize::from_ne_bytes(length)];
        stream.read_exact(&mut text).unwrap();
        text.pop();
        let reply = daemon.lock().unwrap().answer(&String::from_utf8(text).unwrap());
        let mut wire = (reply.len() + 1).to_ne_bytes().to_vec();
        wire.extend(reply.as_bytes());
        wire.push(0);
        if stream.write_all(&wire).is_err() {
            return;
        }
    }
}

/// What plays `multipath -t`: it does not understand one word.
const PLAYED: &str = r#"#!/bin/sh
grep -Hn no_such_keyword ROOT/etc/multipath/conf.d/*.conf >&2
exit 0
"#;

struct Lab {
    dir: tempfile::TempDir,
    _machine: Machine,
    _runtime: tokio::runtime::Runtime,
    daemon: Arc<Mutex<Daemon>>,
    hands: Hands,
    wwids: Vec<String>,
    apply: Apply,
    ms: u64,
    published: Vec<Told>,
}

const OLD: &str = "# hand-made\n/HAND/\n";

impl Lab {
    /// Three LUNs with four paths each, of which two are allowed; the first has an alias of ours.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        let san = San::new(SanConfig { nodes: 1, luns: 3, paths: 4, seed: 3 }).unwrap();
        // Its files; its own multipathd is not the one that is asked here.
        let unused = Listen::Path(root.join("unused.socket"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let entered = runtime.enter();
        let machine = Machine::start(&san, 0, VERSION, &root, Some(unused)).unwrap();
        drop(entered);
        let all = san.view(0).unwrap();
        let wwids: Vec<String> = all.maps.iter().map(|map| map.wwid.clone()).collect();
        let put = |name: &str, text: &str| {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("etc/multipath/wwids", &format!("{OLD}/{}/\n/{}/\n", wwids[0], wwids[1]));
        put("etc/multipath/conf.d/60-pathkeeper.conf", &main_text(&wwids, "fail"));
        put("sbin/multipath", &PLAYED.replace("ROOT", &root.to_string_lossy()));
        std::fs::set_permissions(root.join("sbin/multipath"), PermissionsExt::from_mode(0o755)).unwrap();
        put(&format!("etc/{MARK_FILE}"), MARK_LINE);
        std::fs::create_dir(root.join("state")).unwrap();
        let mut daemon = Daemon {
            root: root.clone(),
            all,
            conf: Conf::default(),
            allowed: BTreeSet::new(),
            orders: Vec::new(),
        };
        daemon.read_files();
        let daemon = Arc::new(Mutex::new(daemon));
        let socket = root.join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let serving = daemon.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let daemon = serving.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &daemon));
            }
        });
        let config = ReaderConfig {
            roots: Roots::below(&root),
            socket: SocketAddress::Path(socket),
            deadline_ms: 20_000,
            ..ReaderConfig::default()
        };
        let hands = Hands::new(config, &root.join("state"));
        let (apply, published) = (Apply::default(), Vec::new());
        Self { dir, _machine: machine, _runtime: runtime, daemon, hands, wwids, apply, ms: 1_000, published }
    }

    fn now(&self) -> Now {
        Now { mono: MonoMs(self.ms), wall: EpochS(1_783_082_400 + (self.ms / 1_000) as i64) }
    }

    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.dir.path().join("etc/multipath").join(name)).ok()
    }

    fn orders(&self) -> Vec<String> {
        self.daemon.lock().unwrap().orders.clone()
    }

    /// One knob of the first LUN, from `fail` to `queue`.
    fn knob(&self) -> Plan {
        let wwid = |n: usize| Wwid::new(&self.wwids[n]).unwrap();
        let planned = |n: usize, name: &str| PlannedMap {
            wwid: wwid(n),
            name_before: Some(name.to_owned()),
            name_after: Some(name.to_owned()),
            paths_expected: Some(4),
            values: Vec::new(),
        };
        let mut maps = vec![planned(0, "oracle"), planned(1, &self.wwids[1])];
        maps[0].values.push(("no_path_retry".into(), "queue".into()));
        Plan {
            generation: 5,
            digest: "d5".into(),
            files: vec![File { which: ManagedFile::Main, content: Some(main_text(&self.wwids, "queue")) }],
            maps,
            needs_reconfigure: true,
            ..Plan::default()
        }
    }

    /// The same with this text for overrides.
    fn overrides(&self, text: &str) -> Plan {
        let mut plan = self.knob();
        plan.files.push(File { which: ManagedFile::Overrides, content: Some(text.to_owned()) });
        plan
    }

    /// The third LUN is allowed.
    fn add(&self) -> Plan {
        let wwid = Wwid::new(&self.wwids[2]).unwrap();
        let mut plan = Plan { generation: 6, files: vec![], needs_reconfigure: false, ..self.knob() };
        plan.maps[0].values.clear();
        plan.maps.push(PlannedMap {
            wwid: wwid.clone(),
            name_before: None,
            name_after: Some(self.wwids[2].clone()),
            paths_expected: None,
            values: Vec::new(),
        });
        plan.add.push(wwid);
        plan
    }

    /// pathkeeper starts: a new machine that is told what the disk remembers.
    fn start(&mut self, plan: &Plan) -> Vec<Effect> {
        self.apply = Apply::default();
        let memory = self.hands.load().unwrap().map(Box::new);
        let mut effects = self.apply.apply(Event::Loaded(memory), self.now());
        effects.extend(self.apply.apply(Event::Plan(Box::new(plan.clone())), self.now()));
        effects
    }

    /// One life that ends by itself, or after so many effects, looks in a row being one; true if by itself.
    fn live(&mut self, plan: &Plan, mut effects_max: usize) -> bool {
        let mut queue = self.start(plan);
        let mut looked = false;
        loop {
            while !queue.is_empty() {
                let effect = queue.remove(0);
                let looks = matches!(effect.what, What::Look { .. });
                if !(looks && looked) {
                    if effects_max == 0 {
                        return false;
                    }
                    effects_max -= 1;
                }
                looked = looks;
                let answer = match effect.what {
                    What::Publish(told) => {
                        self.published.push(told);
                        Answer::Did
                    }
                    what => self.hands.carry_out(&what),
                };
                self.ms += 50;
                let now = self.now();
                queue.extend(self.apply.apply(Event::Done { id: effect.id, answer }, now));
            }
            let next = self.apply.next_deadline();
            if next == MonoMs(u64::MAX) {
                return true;
            }
            assert!(self.ms < 900_000, "it does not end: {:#?}", self.apply);
            self.ms = self.ms.max(next.0);
            let now = self.now();
            queue.extend(self.apply.apply(Event::Tick, now));
        }
    }

    fn run(&mut self, plan: &Plan) -> (Progress, String) {
        assert!(self.live(plan, usize::MAX));
        let told = self.apply.told().unwrap().clone();
        assert_eq!(self.published.last(), Some(&told), "the store knows it");
        (told.progress, told.why.join("\n"))
    }
}

fn main_text(wwids: &[String], retry: &str) -> String {
    format!(
        "multipaths {{\n\tmultipath {{\n\t\twwid {}\n\t\talias oracle\n\t\tno_path_retry {retry}\n\t}}\n}}\n",
        wwids[0]
    )
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED, for this is not root: drop-ins are judged in a mount namespace");
    }
    root
}

#[test]
fn a_knob_is_set_judged_written_read_and_verified() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::new();
    let plan = lab.knob();
    assert_eq!(lab.run(&plan), (Progress::Verified, String::new()));
    assert_eq!(lab.text("conf.d/60-pathkeeper.conf").unwrap(), main_text(&lab.wwids, "queue"));
    assert_eq!(lab.orders(), ["reconfigure"]);
    let words: Vec<Progress> = lab.published.iter().map(|told| told.progress).collect();
    assert_eq!(words, [Progress::Applying, Progress::Verified]);
    // A new start knows that it is done, and begins nothing.
    assert_eq!(lab.run(&plan).0, Progress::Verified);
    assert_eq!(lab.orders(), ["reconfigure"]);
}

#[test]
fn what_multipath_refuses_never_reaches_multipathd() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::new();
    let plan = lab.overrides("overrides {\n\tno_such_keyword 1\n}\n");
    let (progress, why) = lab.run(&plan);
    assert_eq!(progress, Progress::RolledBack, "{why}");
    assert!(why.contains("90-pathkeeper-overrides.conf:2") && why.contains("nothing was touched"), "{why}");
    assert_eq!(lab.text("conf.d/60-pathkeeper.conf").unwrap(), main_text(&lab.wwids, "fail"));
    assert_eq!((lab.text("conf.d/90-pathkeeper-overrides.conf"), lab.orders()), (None, vec![]));
}

#[test]
fn overrides_that_put_a_path_out_of_its_map_are_rolled_back() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::new();
    let dev = lab.daemon.lock().unwrap().all.paths[0].dev.clone();
    let plan = lab.overrides(&format!("blacklist {{\n\tdevnode \"^{dev}$\"\n}}\n"));
    let (progress, why) = lab.run(&plan);
    assert_eq!(progress, Progress::RolledBack, "{why}");
    assert!(why.contains(&format!("path {dev}")) && why.contains("the kernel says that it works"), "{why}");
    assert_eq!(lab.text("conf.d/60-pathkeeper.conf").unwrap(), main_text(&lab.wwids, "fail"));
    assert_eq!(lab.text("conf.d/90-pathkeeper-overrides.conf"), None);
    assert_eq!(lab.orders(), ["reconfigure", "reconfigure"]);
    let view = lab.daemon.lock().unwrap().view();
    let paths: usize = view.maps[0].groups.iter().map(|group| group.paths.len()).sum();
    assert_eq!((view.maps[0].name.as_str(), paths), ("oracle", 4), "multipathd runs what it ran");
}

#[test]
fn a_lun_is_allowed_and_its_map_comes_without_a_reconfigure() {
    let mut lab = Lab::new();
    let plan = lab.add();
    assert_eq!(lab.run(&plan), (Progress::Verified, String::new()));
    let orders = lab.orders();
    assert_eq!(orders.len(), 4, "{orders:?}");
    assert!(orders.iter().all(|order| order.starts_with("add path ")), "{orders:?}");
    let text = lab.text("wwids").unwrap();
    assert!(text.starts_with(OLD) && text.ends_with(&format!("/{}/\n", lab.wwids[2])), "{text}");
    let added = lab.hands.files().read().unwrap().added;
    assert_eq!(added, [Wwid::new(&lab.wwids[2]).unwrap()]);
}

#[test]
fn a_node_that_was_not_told_to_be_managed_is_not_touched() {
    let mut lab = Lab::new();
    let mark: PathBuf = lab.dir.path().join("etc").join(MARK_FILE);
    let plan = lab.add();
    // The mark goes while it is at work: what is left to do is not done.
    lab.live(&plan, 2);
    std::fs::remove_file(&mark).unwrap();
    assert!(lab.hands.load().unwrap_err().contains("this node observes"));
    let files = vec![File { which: ManagedFile::Main, content: None }];
    let attempt = Attempt { plan, before: Before::default(), mark: Mark::Begun };
    for what in [
        What::Write(files[0].clone()),
        What::Judge { files },
        What::Keep { generation: 1 },
        What::Restore { generation: 1 },
        What::Remember(Box::new(attempt)),
        What::Wwids { add: vec![Wwid::new("3600x").unwrap()], remove: vec![] },
        What::AddPaths { devices: vec!["sda".into()] },
        What::Reconfigure,
    ] {
        match lab.hands.carry_out(&what) {
            Answer::Failed(why) => assert!(why.contains("this node observes"), "{why}"),
            other => panic!("{what:?}: {other:?}"),
        }
    }
    assert_eq!(lab.orders(), Vec::<String>::new());
    let conf_d = std::fs::read_dir(lab.dir.path().join("etc/multipath/conf.d")).unwrap();
    assert_eq!(conf_d.count(), 1);
    assert!(
        !lab.dir.path().join("state/config").exists() && !lab.dir.path().join("state/apply.json").exists()
    );
}

#[test]
fn what_is_remembered_and_cannot_be_read_stops_everything() {
    let lab = Lab::new();
    std::fs::write(lab.dir.path().join("state/apply.json"), "{\"schema\":1,").unwrap();
    let why = lab.hands.load().unwrap_err();
    assert!(why.contains("nothing is applied here until it is moved away"), "{why}");
}

#[test]
fn a_start_after_each_effect_ends_whole_and_asks_once() {
    if !is_root() {
        return;
    }
    let mut places = 0;
    for effects in 0.. {
        let mut lab = Lab::new();
        let plan = lab.knob();
        if lab.live(&plan, effects) {
            break;
        }
        places += 1;
        let (progress, why) = lab.run(&plan);
        let text = lab.text("conf.d/60-pathkeeper.conf").unwrap();
        let expect = match progress {
            Progress::Verified => main_text(&lab.wwids, "queue"),
            Progress::RolledBack => main_text(&lab.wwids, "fail"),
            other => panic!("after {effects} effects: {other:?} {why}"),
        };
        assert_eq!(text, expect, "after {effects} effects: {why}");
        assert!(lab.orders().len() <= 1, "after {effects} effects: {:?}", lab.orders());
    }
    assert!(places > 8, "it was ended at {places} places only");
}
