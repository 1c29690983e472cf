//! A multipathd that is not there: the real socket protocol in front of a simulated node.
//!
//! Protocol (libmpathcmd/mpath_cmd.c, multipathd/uxlsnr.c): eight bytes of length in the machine's own order, counting
//! the NUL that ends the text, then the text; the same both ways; any number of commands on one connection, one at a
//! time. The daemon drops a client whose length does not come in one piece, is 0, or is over 512.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pathkeeper_engine::sim::multipathd::{Reply, Version, View, answer};
use pathkeeper_engine::sim::{DaemonMode, San};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::obeying::Obeying;

/// Longest command with its NUL, bytes (`_MAX_CMD_LEN`).
const COMMAND_BYTES_MAX: u64 = 512;
/// Clients at one time; the real daemon takes 16380.
const CLIENTS_MAX: usize = 1000;

/// Where the simulated daemon listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listen {
    /// A socket file.
    Path(PathBuf),
    /// A name in the abstract namespace, without the leading NUL.
    Abstract(String),
}

impl Listen {
    /// Reads `@name` as an abstract name, all else as a path.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('@') {
            Some(name) => Listen::Abstract(name.to_owned()),
            None => Listen::Path(text.into()),
        }
    }

    fn bind(&self) -> io::Result<UnixListener> {
        let listener = match self {
            Listen::Path(path) => {
                remove(path)?;
                std::os::unix::net::UnixListener::bind(path)?
            }
            Listen::Abstract(name) => {
                let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
                std::os::unix::net::UnixListener::bind_addr(&address)?
            }
        };
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    }
}

/// What the daemon is at one moment.
#[derive(Clone, Debug)]
pub struct Served {
    /// How it behaves.
    pub mode: DaemonMode,
    /// What it knows; `None` while there is no daemon.
    pub view: Option<View>,
    /// Which multipath-tools it is.
    pub version: Version,
    /// Its configuration, where it reads one and obeys root; else the SAN alone changes it.
    pub obeying: Option<Arc<Mutex<Obeying>>>,
}

impl Served {
    /// The daemon of one node of a simulated SAN. A dead node has none.
    pub fn of(san: &San, node: usize, version: Version) -> Self {
        let here = san.nodes.get(node).filter(|n| n.alive);
        let mode = here.map_or(DaemonMode::Stopped, |n| n.daemon);
        Self { mode, view: san.view(node), version, obeying: None }
    }
}

/// What was asked of a daemon since its start.
#[derive(Debug, Default)]
pub struct Asked {
    commands: AtomicU64,
    changes: AtomicU64,
}

impl Asked {
    /// Commands that were answered.
    pub fn commands(&self) -> u64 {
        self.commands.load(Ordering::Relaxed)
    }
    /// Commands that would have changed something. Whoever only observes never sends one.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }
}

/// A running daemon. Dropping it ends it and removes its socket file.
#[derive(Debug)]
pub struct Multipathd {
    listen: Listen,
    served: watch::Sender<Arc<Served>>,
    asked: Arc<Asked>,
    task: JoinHandle<()>,
}

impl Multipathd {
    /// Starts a daemon (inside a tokio runtime).
    ///
    /// # Errors
    /// When it should listen and cannot.
    pub fn start(listen: Listen, served: Served) -> io::Result<Self> {
        let first = if listens(served.mode) { Some(listen.bind()?) } else { None };
        let (sender, receiver) = watch::channel(Arc::new(served));
        let asked = Arc::new(Asked::default());
        let task = tokio::spawn(run(listen.clone(), first, receiver, Arc::clone(&asked)));
        Ok(Self { listen, served: sender, asked, task })
    }

    /// What it is from now on.
    pub fn set(&self, served: Served) {
        self.served.send_replace(Arc::new(served));
    }

    /// What was asked of it.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }
}

impl Drop for Multipathd {
    fn drop(&mut self) {
        self.task.abort();
        if let Listen::Path(path) = &self.listen {
            // It may be gone with its directory already.
            let _ = remove(path);
        }
    }
}

fn listens(mode: DaemonMode) -> bool {
    !matches!(mode, DaemonMode::Stopped | DaemonMode::Refusing)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Listens while the daemon does, and takes everything down when it stops.
async fn run(
    listen: Listen,
    mut listener: Option<UnixListener>,
    mut served: watch::Receiver<Arc<Served>>,
    asked: Arc<Asked>,
) {
    let mut clients = JoinSet::new();
    loop {
        let mode = served.borrow_and_update().mode;
        if !listens(mode) {
            listener = None;
            clients.shutdown().await;
            if let (Listen::Path(path), DaemonMode::Stopped) = (&listen, mode) {
                // Nobody listens behind the file that a killed daemon leaves; a stopped one takes it along.
                let _ = remove(path);
            }
            if served.changed().await.is_err() {
                return;
            }
            continue;
        }
        let open = match listener.take().map_or_else(|| listen.bind(), Ok) {
            Ok(open) => open,
            Err(error) => {
                tracing::warn!(%error, ?listen, "the simulated multipathd cannot listen");
                if served.changed().await.is_err() {
                    return;
                }
                continue;
            }
        };
        tokio::select! {
            changed = served.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            client = open.accept() => match client {
                Ok((stream, _)) if clients.len() < CLIENTS_MAX => {
                    clients.spawn(serve(stream, served.clone(), Arc::clone(&asked)));
                }
                Ok(_) => {}
                // Out of descriptors, most likely: do not spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = clients.join_next() => {}
        }
        listener = Some(open);
    }
}

/// One client, until it hangs up or sends what the daemon does not take.
async fn serve(mut stream: UnixStream, mut served: watch::Receiver<Arc<Served>>, asked: Arc<Asked>) {
    let root = stream.peer_cred().is_ok_and(|peer| peer.uid() == 0);
    loop {
        let mut length = [0u8; 8];
        match stream.read(&mut length).await {
            Ok(8) => {}
            _ => return,
        }
        let length = u64::from_ne_bytes(length);
        if length == 0 || length > COMMAND_BYTES_MAX {
            return;
        }
        let mut command = vec![0u8; length as usize];
        if stream.read_exact(&mut command).await.is_err() {
            return;
        }
        let text = command.split(|b| *b == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(text).into_owned();
        // A daemon that hangs answers when it wakes up, if it does.
        let Ok(now) = served.wait_for(|s| s.mode != DaemonMode::Hung).await.map(|s| Arc::clone(&s)) else {
            return;
        };
        let Some(view) = &now.view else { return };
        let reply = reply(&now, view, &text, root);
        asked.commands.fetch_add(1, Ordering::Relaxed);
        asked.changes.fetch_add(u64::from(reply.changes), Ordering::Relaxed);
        let delay_ms = match now.mode {
            DaemonMode::Slow { delay_ms } => reply.after_ms.saturating_add(delay_ms),
            _ => reply.after_ms,
        };
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms.into())).await;
        }
        let mut wire = Vec::with_capacity(reply.text.len() + 9);
        wire.extend_from_slice(&(reply.text.len() as u64 + 1).to_ne_bytes());
        wire.extend_from_slice(reply.text.as_bytes());
        wire.push(0);
        if stream.write_all(&wire).await.is_err() {
            return;
        }
    }
}

/// As its files say, where it reads them; only root may tell it to do something.
fn reply(now: &Served, view: &View, command: &str, root: bool) -> Reply {
    let Some(obeying) = &now.obeying else { return answer(view, command, root, now.version) };
    let mut obeying = obeying.lock().unwrap_or_else(PoisonError::into_inner);
    let told = if root { obeying.answer(view, command) } else { None };
    match told {
        Some(text) => Reply { after_ms: 0, text, changes: !command.starts_with("show ") },
        None => answer(&obeying.view(view), command, root, now.version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathkeeper_engine::sim::{Op, SanConfig};
    use pathkeeper_io::multipathd::{AskError, Connection, Deadline, Query, SocketAddress};

    struct Lab {
        san: San,
        daemon: Multipathd,
        dir: tempfile::TempDir,
    }

    impl Lab {
        fn new(version: Version) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let san = San::new(SanConfig { nodes: 1, luns: 2, paths: 4, seed: 1 }).unwrap();
            let listen = Listen::Path(dir.path().join("multipathd.socket"));
            let daemon = Multipathd::start(listen, Served::of(&san, 0, version)).unwrap();
            Self { san, daemon, dir }
        }
        fn apply(&mut self, op: Op) {
            self.san.apply(&op).unwrap();
            self.daemon.set(Served::of(&self.san, 0, Version::V0_9_4));
        }
        /// Asks with the agent's own client, on a thread as the agent does.
        async fn ask(&self, query: Query, within_ms: u32) -> Result<String, AskError> {
            let path = self.dir.path().join("multipathd.socket");
            tokio::task::spawn_blocking(move || {
                let deadline = Deadline::in_ms(within_ms);
                let mut connection =
                    Connection::open(&SocketAddress::Path(path), Path::new("/nowhere"), deadline)?;
                let mut buffer = Vec::new();
                let mut last = String::new();
                for _ in 0..3 {
                    last =
                        String::from_utf8_lossy(connection.ask(query, &mut buffer, deadline)?).into_owned();
                }
                Ok(last)
            })
            .await
            .unwrap()
        }
        async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
            let mut stream = UnixStream::connect(self.dir.path().join("multipathd.socket")).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).await.unwrap_or_default();
            got
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_agents_own_client_gets_whole_answers_many_on_one_connection() {
        let lab = Lab::new(Version::V0_9_4);
        let json = lab.ask(Query::MapsJson, 5_000).await.unwrap();
        assert!(json.starts_with("{\n   \"major_version\": 0,"), "{json}");
        assert_eq!(json.matches("\"dev\" : ").count(), 8);
        assert!(lab.ask(Query::Version, 5_000).await.unwrap().contains("multipath-tools v0.9.4"));
        assert_eq!(lab.ask(Query::PathsRaw, 5_000).await.unwrap().lines().count(), 8);
        assert_eq!((lab.daemon.asked().commands(), lab.daemon.asked().changes()), (9, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn stopped_refusing_and_hung_are_three_things() {
        let mut lab = Lab::new(Version::V0_9_4);
        let socket = lab.dir.path().join("multipathd.socket");
        lab.apply(Op::Multipathd { node: 0, mode: DaemonMode::Hung });
        let hung = lab.ask(Query::Daemon, 100).await;
        assert!(matches!(hung, Err(AskError::Deadline { stage: "waiting for the answer", .. })), "{hung:?}");
        lab.apply(Op::Multipathd { node: 0, mode: DaemonMode::Running });
        assert_eq!(lab.ask(Query::Daemon, 5_000).await.unwrap(), "pid 800 idle\n");
        lab.apply(Op::Multipathd { node: 0, mode: DaemonMode::Refusing });
        // The connection that is accepted before the daemon notices is dropped; then nobody listens.
        while !matches!(lab.ask(Query::Daemon, 5_000).await, Err(AskError::NobodyListens)) {}
        assert!(socket.exists());
        lab.apply(Op::Multipathd { node: 0, mode: DaemonMode::Stopped });
        while socket.exists() {
            tokio::task::yield_now().await;
        }
        lab.apply(Op::Multipathd { node: 0, mode: DaemonMode::Running });
        while lab.ask(Query::Daemon, 5_000).await.is_err() {}
        assert_eq!(lab.ask(Query::Daemon, 5_000).await.unwrap(), "pid 1800 idle\n");
        drop(lab.daemon);
        assert!(!socket.exists());
    }

    #[tokio::test]
    async fn what_the_real_daemon_does_not_take_is_dropped() {
        let lab = Lab::new(Version::V0_14_3);
        assert_eq!(lab.raw(&0u64.to_ne_bytes()).await, b"");
        let mut long = 513u64.to_ne_bytes().to_vec();
        long.extend_from_slice(&[b'x'; 513]);
        assert_eq!(lab.raw(&long).await, b"");
        assert_eq!(lab.raw(&(1u64 << 40).to_ne_bytes()).await, b"");
    }
}
