//! Three hosts: on each of them the real agent, a simulated multipathd below it, and a member of one etcd.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use pathkeeper::demo::expect::differences;
use pathkeeper::demo::machine::Machine;
use pathkeeper::demo::multipathd::Listen;
use pathkeeper_api::client::{Address, Client};
use pathkeeper_api::status::ClusterStatus;
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{Op, PathSet, San, SanConfig};
use pathkeeper_io::managing::{MARK_FILE, MARK_LINE};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::net::Network;
use super::watcher::Watcher;
use crate::etcd_servers::{MemberOptions, Options, Servers};
use crate::node::program;

/// Hosts.
pub const HOSTS: usize = 3;
/// The agents' lease, seconds: the shortest that the settings allow, since every loss waits for it.
pub const LEASE_S: u64 = 5;
/// Nobody tells an agent of a simulated fault, so it is seen at the next poll: the shortest that the settings allow.
pub const POLL_S: u64 = 2;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);
/// Lines of each log that a failed test prints.
const LOG_LINES: usize = 15;

/// The hosts. Everything ends and goes when this is dropped.
pub struct Lab {
    /// What every host says, all the time.
    pub watcher: Watcher,
    hosts: Vec<Host>,
    /// etcd; member `n` is on host `n`.
    pub etcd: Servers,
    /// The cables.
    pub net: Network,
    san: San,
    dir: TempDir,
    // Last: what runs on it is dropped first.
    runtime: Runtime,
}

struct Host {
    machine: Machine,
    agent: Option<Child>,
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            // A stopped process dies of it too.
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}

impl Lab {
    /// Starts everything, with LUNs of different health, and waits until every host says what is true.
    pub fn start() -> Self {
        let fail = |node, lun, path| Op::Path { node, lun, path, set: PathSet::Fail };
        Self::with(&[fail(0, 1, 0), Op::Mapping { node: 2, lun: 2, mapped: false }], |_, _, _, _| {})
    }

    /// Starts everything on machines that are managed and well: every LUN is Pathkeeper's already, and has the name that a file gives
    /// it which somebody wrote by hand.
    pub fn managed() -> Self {
        Self::with(&[], managed)
    }

    fn with(faults: &[Op], prepare: impl Fn(usize, &Path, &mut Machine, &San)) -> Self {
        let net = Network::new(HOSTS);
        let member = |host| MemberOptions {
            command: net.on(host),
            address: Some(net.address(host)),
            ..MemberOptions::default()
        };
        let etcd =
            Servers::spawn(Options { members: (0..HOSTS).map(member).collect(), ..Options::default() });
        // A socket's path has at most 107 bytes.
        let dir = tempfile::Builder::new().prefix(&super::net::name("")).tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let mut san = San::new(SanConfig { nodes: HOSTS, luns: 4, paths: 4, seed: 7 }).unwrap();
        for op in faults {
            san.apply(op).unwrap();
        }
        let here = runtime.enter();
        let hosts = (0..HOSTS).map(|n| {
            let root = dir.path().join(n.to_string());
            let mut machine = Machine::start(&san, n, Version::V0_9_4, &root, None).unwrap();
            for name in ["state", "run-agent"] {
                std::fs::create_dir(root.join(name)).unwrap();
            }
            prepare(n, &root, &mut machine, &san);
            Host { machine, agent: None }
        });
        let hosts: Vec<Host> = hosts.collect();
        let watcher = Watcher::start((0..HOSTS).map(|n| socket(&dir, n)).collect());
        drop(here);
        watcher.allow(&san);
        let mut lab = Self { watcher, hosts, etcd, net, san, dir, runtime };
        // Agents and etcd start together, as after a power cut.
        for host in 0..HOSTS {
            lab.start_agent(host);
        }
        lab.comes_true("three hosts agree after the start", &[true; HOSTS], 30.0);
        lab
    }

    /// Starts the agent of a host.
    pub fn start_agent(&mut self, host: usize) {
        let dir = self.dir.path().join(host.to_string());
        let log = File::options().append(true).create(true).open(self.log(host)).unwrap();
        let words = self.net.on(host);
        // Its own etcd first; the others serve it too.
        let mut endpoints = self.etcd.endpoints();
        endpoints.rotate_left(host);
        let Listen::Path(multipathd) = self.hosts[host].machine.socket() else { panic!("no path") };
        let kept = |name: &std::ffi::OsStr| !name.to_string_lossy().starts_with("PATHKEEPER_");
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg(program())
            .arg("agent")
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| kept(name)))
            .env("PATHKEEPER_NODE", self.name(host))
            .env("PATHKEEPER_STATE_DIR", dir.join("state"))
            .env("PATHKEEPER_RUN_DIR", dir.join("run-agent"))
            .env("PATHKEEPER_LISTEN", "127.0.0.1:8480")
            .env("PATHKEEPER_SOCKET_GROUP", "none")
            .env("PATHKEEPER_POLL_INTERVAL_S", POLL_S.to_string())
            .env("PATHKEEPER_MULTIPATHD_SOCKET", multipathd)
            .env("PATHKEEPER_ROOTS_SYSFS", dir.join("sys"))
            .env("PATHKEEPER_ROOTS_PROC", dir.join("proc"))
            .env("PATHKEEPER_ROOTS_ETC", dir.join("etc"))
            .env("PATHKEEPER_ROOTS_USR", dir.join("usr"))
            .env("PATHKEEPER_ROOTS_CLOCK_OFFSET", dir.join("clock-offset"))
            .env("PATHKEEPER_STORE_KIND", "etcd")
            .env("PATHKEEPER_STORE_ETCD_ENDPOINTS", endpoints.join(","))
            .env("PATHKEEPER_STORE_ETCD_LEASE_TTL_S", LEASE_S.to_string())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let agent = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        assert!(self.hosts[host].agent.replace(agent).is_none(), "the agent runs already");
    }

    /// SIGKILL, as when the power fails.
    pub fn kill_agent(&mut self, host: usize) {
        let mut agent = self.hosts[host].agent.take().unwrap();
        agent.kill().unwrap();
        agent.wait().unwrap();
    }

    /// SIGTERM, as systemd stops it; it must end well.
    pub fn stop_agent(&mut self, host: usize) {
        self.signal_agent(host, Signal::TERM);
        let mut agent = self.hosts[host].agent.take().unwrap();
        assert!(agent.wait().unwrap().success(), "the agent of {} ended badly", self.name(host));
    }

    /// SIGSTOP or SIGCONT.
    pub fn signal_agent(&self, host: usize, signal: Signal) {
        let agent = self.hosts[host].agent.as_ref().unwrap();
        kill_process(Pid::from_child(agent), signal).unwrap();
    }

    /// The power of a host fails: cable first, so that nobody gets a farewell.
    pub fn power_off(&mut self, host: usize) {
        self.net.unplug(host);
        self.kill_agent(host);
        self.etcd.kill(host);
    }

    /// It comes back with what was on its disk.
    pub fn power_on(&mut self, host: usize) {
        self.net.plug(host);
        self.etcd.start_member(host);
        self.start_agent(host);
    }

    /// Sets a host's clock, seconds away from this machine's.
    pub fn set_clock(&self, host: usize, offset_s: i64) {
        let file = self.dir.path().join(host.to_string()).join("clock-offset");
        // Renamed into its place: nobody reads half a number.
        std::fs::write(file.with_extension("new"), offset_s.to_string()).unwrap();
        std::fs::rename(file.with_extension("new"), file).unwrap();
    }

    /// Something happens to the SAN. From now on old and new are both allowed to be said.
    pub fn apply(&mut self, op: &Op) {
        let effects = self.san.apply(op).unwrap();
        self.watcher.allow(&self.san);
        for node in effects.nodes {
            self.hosts[node].machine.show(&self.san).unwrap();
        }
    }

    /// Somebody comes back who was away: everything that is true may be said again by everybody.
    pub fn allow_all(&self) {
        self.watcher.allow_returning(&self.san);
    }

    /// Waits until every host of `seen` says what follows when exactly these can be seen, and then holds them to it.
    /// Prints how long it took and the bound, seconds; gives the seconds.
    pub fn comes_true(&self, what: &str, seen: &[bool; HOSTS], bound_s: f64) -> f64 {
        let began = Instant::now();
        let expect = self.as_seen(seen);
        let hosts: Vec<usize> = (0..HOSTS).filter(|host| seen[*host]).collect();
        let differs = |status: &ClusterStatus| {
            let mut differs = differences(status, &expect, 3);
            if status.view.partial {
                differs.push(format!("its view is partial: {:?}", status.view.why));
            }
            if !differs.is_empty() {
                // Most often the reason.
                differs.extend(
                    status.findings.iter().map(|f| format!("{} {} {:?}", f.code, f.summary, f.evidence)),
                );
            }
            differs
        };
        let took_s = self.wait(what, began, bound_s, || {
            let told = hosts.iter().flat_map(|host| match self.watcher.status(*host) {
                Some(status) => differs(&status).into_iter().map(|d| format!("host {host}: {d}")).collect(),
                None => vec![format!("host {host} does not answer")],
            });
            let told: Vec<String> = told.collect();
            if !told.is_empty() {
                return told;
            }
            // An agent that was stopped has pushed nothing since, and its last word may be what is waited for: it is asked.
            let asked = hosts.iter().map(|host| (host, differs(&self.status(*host))));
            let told = asked.flat_map(|(host, differs)| differs.into_iter().map(move |d| (host, d)));
            told.map(|(host, d)| format!("host {host}, asked: {d}")).collect()
        });
        for host in hosts {
            self.watcher.hold_to(host, &expect);
            // What is asked for is the same as what was pushed.
            let status = self.status(host);
            assert_eq!(differs(&status), Vec::<String>::new(), "{what}: the status of host {host}");
            let nodes = self.runtime.block_on(self.client(host).nodes()).unwrap();
            for (node, seen) in seen.iter().enumerate() {
                let row = nodes.iter().find(|row| row.node == self.name(node));
                let told = row.map(|row| (row.status.as_str(), row.report.as_str()));
                let expect = if *seen { ("online", "fresh") } else { ("offline", "offline") };
                assert_eq!(told, Some(expect), "{what}: host {host} of {node}");
            }
        }
        took_s
    }

    /// Waits until `wrong` gives nothing any more; prints as [`Lab::comes_true`].
    pub fn wait(&self, what: &str, began: Instant, bound_s: f64, wrong: impl Fn() -> Vec<String>) -> f64 {
        loop {
            let wrong = wrong();
            let took_s = began.elapsed().as_secs_f64();
            if wrong.is_empty() {
                println!("{took_s:7.2} s (bound {bound_s:4.1} s)  {what}");
                return took_s;
            }
            assert!(took_s < bound_s, "{what}: not within {bound_s} s:\n  {}", wrong.join("\n  "));
            std::thread::sleep(LOOK);
        }
    }

    /// Nobody ever said what nobody may say.
    pub fn nothing_false_was_said(&self) {
        let wrong = self.watcher.wrong();
        assert!(wrong.is_empty(), "said and never true:\n  {}", wrong.join("\n  "));
        println!("                         nothing false in {} events", self.watcher.events());
    }

    /// Who called whom unknown at any moment since this was last asked.
    pub fn called_unknown(&self) -> Vec<String> {
        let told = (0..HOSTS).map(|host| (host, self.watcher.called_unknown(host)));
        told.filter(|(_, nodes)| !nodes.is_empty())
            .map(|(host, nodes)| format!("host {host}: {nodes:?}"))
            .collect()
    }

    /// The whole status, asked anew.
    pub fn status(&self, host: usize) -> ClusterStatus {
        self.runtime.block_on(self.client(host).status("")).unwrap()
    }

    /// How far each host is with which generation, as this one tells it: `3 pve1 verified`.
    pub fn rollout(&self, host: usize) -> Vec<String> {
        let told = self.runtime.block_on(self.client(host).rollout());
        let told = match told {
            Ok(told) => told.rollout,
            Err(e) => return vec![e.to_string()],
        };
        let Some(rollout) = told else { return Vec::new() };
        let said = rollout.nodes.iter().map(|(name, of)| {
            format!(
                "{} {name} {}",
                of.generation.unwrap_or_default(),
                of.state.as_deref().unwrap_or("silent")
            )
        });
        said.collect()
    }

    /// The program, as a person at this host uses it: its exit status, and all that it says.
    pub fn says(&self, host: usize, args: &[&str]) -> (Option<i32>, String) {
        let out = self.run(host, args);
        let text = [out.stdout, out.stderr].concat();
        (out.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    /// The same where it must go well: its answer.
    pub fn does(&self, host: usize, args: &[&str]) -> String {
        let out = self.run(host, args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    fn run(&self, host: usize, args: &[&str]) -> Output {
        let mut command = Command::new(program());
        command.arg("--socket").arg(socket(&self.dir, host)).args(["--timeout", "60"]).args(args);
        command.env("EDITOR", self.dir.path().join("editor")).stdin(Stdio::null()).output().unwrap()
    }

    /// What whoever edits a document next makes of it.
    pub fn edits_to(&self, text: &str) {
        let (editor, file) = (self.dir.path().join("editor"), self.dir.path().join("text"));
        std::fs::write(&file, text).unwrap();
        std::fs::write(&editor, format!("#!/bin/sh\ncat {} >\"$1\"\n", file.display())).unwrap();
        std::fs::set_permissions(&editor, Permissions::from_mode(0o755)).unwrap();
    }

    /// A file of a host's, below its root; nothing where it is not.
    pub fn file(&self, host: usize, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(host.to_string()).join(name)).unwrap_or_default()
    }

    fn client(&self, host: usize) -> Client {
        Client::new(Address::Unix(socket(&self.dir, host)), Duration::from_secs(5))
    }

    /// What is true of a host's own LUNs and of nobody else's.
    pub fn own_truth(&self, host: usize) -> San {
        let mut seen = [false; HOSTS];
        seen[host] = true;
        self.as_seen(&seen)
    }

    /// The host's name in the cluster.
    pub fn name(&self, host: usize) -> String {
        self.san.nodes[host].name.to_string()
    }

    /// The SAN as it is when only these hosts can be seen.
    fn as_seen(&self, seen: &[bool; HOSTS]) -> San {
        let mut san = self.san.clone();
        for (node, seen) in san.nodes.iter_mut().zip(seen) {
            node.alive = *seen;
        }
        san
    }

    fn log(&self, host: usize) -> PathBuf {
        self.dir.path().join(format!("agent{host}.log"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let agents = (0..HOSTS).map(|host| self.log(host));
        for log in agents.chain((0..self.etcd.count()).map(|member| self.etcd.log(member))) {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let mut last: Vec<&str> = text.lines().rev().take(LOG_LINES).collect();
            last.reverse();
            println!("\n{} ends:\n  {}", log.display(), last.join("\n  "));
        }
    }
}

/// The mark that `manage enable` writes, names by hand, and a `multipath -t` that accepts all.
fn managed(node: usize, root: &Path, machine: &mut Machine, san: &San) {
    let put = |name: &str, text: &str| {
        let file = root.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    let maps = san.kernel_maps(node);
    put(&format!("etc/{MARK_FILE}"), &format!("[Service]\n{MARK_LINE}\n"));
    let named = maps
        .iter()
        .map(|map| format!("\tmultipath {{\n\t\twwid {}\n\t\talias {}\n\t}}\n", map.wwid, map.name));
    put("etc/multipath/conf.d/10-names.conf", &format!("multipaths {{\n{}}}\n", named.collect::<String>()));
    let wwids = maps.iter().map(|map| format!("{}\n", map.wwid));
    put("state/config/wwids-added", &format!("# ours\n{}", wwids.collect::<String>()));
    put("sbin/multipath", "#!/bin/sh\nexit 0\n");
    std::fs::set_permissions(root.join("sbin/multipath"), Permissions::from_mode(0o755)).unwrap();
    machine.obey(san);
}

fn socket(dir: &TempDir, host: usize) -> PathBuf {
    dir.path().join(host.to_string()).join("run-agent/pathkeeper.sock")
}
