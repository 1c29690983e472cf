//! A node whose multipathd reads its files when it is told to, as far as configuration goes; what it knows of paths comes from the
//! simulator.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use pathkeeper::demo::machine::Machine;
use pathkeeper::demo::multipathd::Listen;
use pathkeeper::demo::obeying::Obeying;
use pathkeeper_engine::sim::San;
use pathkeeper_engine::sim::multipathd::{Version, View, answer};
use pathkeeper_io::{ReaderConfig, Roots, SocketAddress};

const VERSION: Version = Version::V0_9_4;

/// multipathd as far as configuration goes, in front of what the simulator knows of paths.
pub struct Daemon {
    /// All maps that the SAN could have here.
    pub all: View,
    obeying: Obeying,
    /// It takes the connection and says nothing.
    pub hangs: bool,
    /// It will, once it has read its files anew.
    pub hangs_on_reconfigure: bool,
}

impl Daemon {
    pub fn read_files(&mut self) {
        self.obeying.read_files();
    }

    /// What it was told to do.
    pub fn orders(&self) -> Vec<String> {
        self.obeying.orders.clone()
    }

    pub fn view(&self) -> View {
        self.obeying.view(&self.all)
    }

    fn answer(&mut self, command: &str) -> String {
        let told = self.obeying.answer(&self.all, command);
        self.hangs |= self.hangs_on_reconfigure && command == "reconfigure";
        told.unwrap_or_else(|| answer(&self.view(), command, true, VERSION).text)
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
            all: san.view(n).unwrap(),
            obeying: Obeying::new(&root.join("etc")),
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
