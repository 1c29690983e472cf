//! A node whose multipathd reads its files when it is told to, as far as configuration goes; what it knows of paths comes from the
//! simulator.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use pathkeeper::demo::machine::Machine;
use pathkeeper::demo::multipathd::Listen;
use pathkeeper_engine::sim::San;
use pathkeeper_engine::sim::multipathd::{Chk, PathDm, Version, View, answer};
use pathkeeper_io::{ReaderConfig, Roots, SocketAddress};
use pathkeeper_model::multipath_conf::Conf;

const VERSION: Version = Version::V0_9_4;

/// multipathd as far as configuration goes, in front of what the simulator knows of paths.
pub struct Daemon {
    root: PathBuf,
    /// All maps that the SAN could have here.
    pub all: View,
    conf: Conf,
    allowed: BTreeSet<String>,
    /// What it was told to do.
    pub orders: Vec<String>,
    /// It takes the connection and says nothing.
    pub hangs: bool,
    /// It will, once it has read its files anew.
    pub hangs_on_reconfigure: bool,
}

impl Daemon {
    /// Reads its files, as it does at its start and when it is told to.
    pub fn read_files(&mut self) {
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

    pub fn view(&self) -> View {
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
                self.hangs |= self.hangs_on_reconfigure;
                "ok\n".to_owned()
            }
            "show config" | "show config local" => {
                let mut text = "defaults {\n\tverbosity 2\n".to_owned();
                for entry in self.conf.entries.iter().filter(|entry| entry.section == "defaults") {
                    text.push_str(&format!("\t{} \"{}\"\n", entry.key, entry.value));
                }
                text.push_str("}\nmultipaths {\n");
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
        let mut served = daemon.lock().unwrap();
        if served.hangs {
            drop(served);
            // Until whoever asked gives up.
            let _ = stream.read(&mut [0]);
            return;
        }
        let reply = served.answer(&String::from_utf8(text).unwrap());
        drop(served);
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

/// A node: its files, and its multipathd behind a real socket.
pub struct Played {
    dir: tempfile::TempDir,
    _machine: Machine,
    _runtime: Option<tokio::runtime::Runtime>,
    pub daemon: Arc<Mutex<Daemon>>,
}

impl Played {
    /// The node of this number in the SAN, of which multipath allows nothing yet.
    pub fn new(san: &San, n: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        // Its files; its own multipathd is not the one that is asked here.
        let unused = Listen::Path(root.join("unused.socket"));
        let (machine, runtime) = match tokio::runtime::Handle::try_current() {
            Ok(_) => (Machine::start(san, n, VERSION, &root, Some(unused)).unwrap(), None),
            Err(_) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let entered = runtime.enter();
                let machine = Machine::start(san, n, VERSION, &root, Some(unused)).unwrap();
                drop(entered);
                (machine, Some(runtime))
            }
        };
        let daemon = Daemon {
            root: root.clone(),
            all: san.view(n).unwrap(),
            conf: Conf::default(),
            allowed: BTreeSet::new(),
            orders: Vec::new(),
            hangs: false,
            hangs_on_reconfigure: false,
        };
        let played = Self { dir, _machine: machine, _runtime: runtime, daemon: Arc::new(Mutex::new(daemon)) };
        played.put("sbin/multipath", &PLAYED.replace("ROOT", &root.to_string_lossy()));
        std::fs::set_permissions(root.join("sbin/multipath"), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::create_dir(root.join("state")).unwrap();
        std::fs::create_dir_all(root.join("etc/multipath/conf.d")).unwrap();
        let listener = UnixListener::bind(root.join("socket")).unwrap();
        let serving = played.daemon.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let daemon = serving.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &daemon));
            }
        });
        played
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn put(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn wwids(&self) -> Vec<String> {
        self.daemon.lock().unwrap().all.maps.iter().map(|map| map.wwid.clone()).collect()
    }

    /// How an agent reads it.
    pub fn reader(&self) -> ReaderConfig {
        ReaderConfig {
            roots: Roots::below(self.root()),
            socket: SocketAddress::Path(self.root().join("socket")),
            deadline_ms: 20_000,
            ..ReaderConfig::default()
        }
    }
}

pub fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED, for this is not root: drop-ins are judged in a mount namespace");
    }
    root
}
