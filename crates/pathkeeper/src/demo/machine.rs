//! One simulated machine: its files below a directory of its own, its multipathd on a socket there.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{San, SysfsEntry, SysfsKind};

use super::multipathd::{Asked, Listen, Multipathd, Served};
use super::obeying::Obeying;
use super::tree::Tree;

/// A machine. Dropping it stops its multipathd; its files go with whoever owns the directory.
#[derive(Debug)]
pub struct Machine {
    node: usize,
    version: Version,
    root: PathBuf,
    sys: Tree,
    proc: Tree,
    multipathd: Multipathd,
    socket: Listen,
    /// What its wwids file names: each LUN that it ever had a map of.
    wwids: BTreeSet<String>,
    /// Its multipathd's configuration, where that obeys.
    obeying: Option<Arc<Mutex<Obeying>>>,
}

impl Machine {
    /// Builds the machine of one node below `root`, with its multipathd's socket there or at `socket`.
    ///
    /// # Errors
    /// What the file system or the socket says, with the path.
    pub fn start(
        san: &San,
        node: usize,
        version: Version,
        root: &Path,
        socket: Option<Listen>,
    ) -> io::Result<Self> {
        let program = root.join("sbin/multipathd");
        for dir in ["run", "etc/multipath", "sbin", "dev"] {
            let dir = root.join(dir);
            std::fs::create_dir_all(&dir).map_err(|e| at(&dir, &e))?;
        }
        // The agent looks whether multipath-tools is installed; nobody runs this.
        std::fs::write(&program, "").map_err(|e| at(&program, &e))?;
        let socket = socket.unwrap_or_else(|| Listen::Path(root.join("run/multipathd.socket")));
        let (mut sys, mut proc) = (Tree::new(root.join("sys")), Tree::new(root.join("proc")));
        sys.show(san.sysfs(node))?;
        proc.show(processes(san, node))?;
        let multipathd = Multipathd::start(socket.clone(), Served::of(san, node, version)).map_err(|e| {
            let place = match &socket {
                Listen::Path(path) => path.display().to_string(),
                Listen::Abstract(name) => format!("@{name}"),
            };
            io::Error::new(e.kind(), format!("listening at {place}: {e}"))
        })?;
        let wwids = BTreeSet::new();
        let root = root.to_owned();
        let mut machine = Self { node, version, root, sys, proc, multipathd, socket, wwids, obeying: None };
        machine.note_wwids(san)?;
        Ok(machine)
    }

    /// From now on its multipathd reads the machine's files, now and when root tells it to: maps and names are as those say, and the
    /// wwids file is no longer written here.
    pub fn obey(&mut self, san: &San) {
        let mut obeying = Obeying::new(&self.root.join("etc"));
        obeying.read_files();
        self.obeying = Some(Arc::new(Mutex::new(obeying)));
        self.show_daemon(san);
    }

    /// Shows the node as it is now in the SAN. Blocks on the file system, a moment.
    ///
    /// # Errors
    /// What the file system says, with the path.
    pub fn show(&mut self, san: &San) -> io::Result<()> {
        self.note_wwids(san)?;
        // The kernel knows first, then multipathd; its process is gone before its socket is.
        self.sys.show(san.sysfs(self.node))?;
        self.proc.show(processes(san, self.node))?;
        self.show_daemon(san);
        Ok(())
    }

    /// multipathd writes the WWID of each map that it makes into the file, and takes none out.
    fn note_wwids(&mut self, san: &San) -> io::Result<()> {
        let before = self.wwids.len();
        self.wwids.extend(san.kernel_maps(self.node).into_iter().map(|map| map.wwid.to_string()));
        if self.wwids.len() == before || self.obeying.is_some() {
            return Ok(());
        }
        let text: String = self.wwids.iter().map(|wwid| format!("/{wwid}/\n")).collect();
        let file = self.root.join("etc/multipath/wwids");
        std::fs::write(&file, text).map_err(|e| at(&file, &e))
    }

    /// Shows only what multipathd alone knows: its countdowns.
    pub fn show_daemon(&self, san: &San) {
        let served = Served::of(san, self.node, self.version);
        self.multipathd.set(Served { obeying: self.obeying.clone(), ..served });
    }

    /// The directory that stands for `/` on this machine.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where its multipathd listens.
    pub fn socket(&self) -> &Listen {
        &self.socket
    }

    /// What its multipathd was asked.
    pub fn asked(&self) -> &Asked {
        self.multipathd.asked()
    }
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// What /proc shows of multipathd: nothing while it does not run.
fn processes(san: &San, node: usize) -> Vec<SysfsEntry> {
    let Some(here) = san.nodes.get(node).filter(|n| n.alive) else { return Vec::new() };
    let file = |name: &str, text: String| SysfsEntry { path: name.to_owned(), kind: SysfsKind::File(text) };
    let boot_id = format!("{:08x}-0000-4000-8000-{:012x}", san.config.seed as u32, node + 1);
    let mut out = vec![
        file("sys/kernel/osrelease", "6.1.0-56-amd64\n".to_owned()),
        file("sys/kernel/random/boot_id", format!("{boot_id}\n")),
    ];
    if here.daemon.is_alive() {
        let pid = here.pid;
        // proc(5): the 22nd field is when the process started, in ticks since the machine did.
        let stat = format!(
            "{pid} (multipathd) S 1 {pid} {pid} 0 -1 4194560{} 20 0 7 0 {}",
            " 0".repeat(8),
            pid * 10
        );
        out.extend([
            file(&format!("{pid}/comm"), "multipathd\n".to_owned()),
            file(&format!("{pid}/cmdline"), "/sbin/multipathd\0-d\0-s\0".to_owned()),
            file(&format!("{pid}/stat"), format!("{stat} 0 0\n")),
        ]);
    }
    out
}
