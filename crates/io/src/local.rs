//! One read of the whole local node: multipathd, the kernel, sysfs.
//!
//! Everything here blocks, within a deadline, and is meant for a thread that can be thrown away. A read never fails:
//! what could not be read says so in its place.

mod facts;

use crate::bounded::Problems;
use crate::dm::KernelReader;
use crate::host::HostReader;
use crate::multipathd::json::{self, MapsReply};
use crate::multipathd::reply::{self, Reply};
use crate::multipathd::{AskError, Connection, Deadline, Query, SocketAddress, raw};
use crate::process;
use crate::roots::Roots;
use crate::sysfs::file::read_at_most;
use facts::Facts;
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::{EpochS, Wwid};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A wwids file of some twenty thousand LUNs; a larger one is read so far.
const WWIDS_BYTES_MAX: usize = 1 << 20;

/// How to read.
#[derive(Clone, Debug)]
pub struct ReaderConfig {
    /// Where the machine's files are.
    pub roots: Roots,
    /// Where multipathd listens. Anything but [`SocketAddress::Auto`] is connected to without looking for a process.
    pub socket: SocketAddress,
    /// Bound of all that is asked of multipathd in one read, milliseconds. Above multipathd's own 4,000.
    pub deadline_ms: u32,
    /// The bound while it is stuck: two of three reads then ask only so long, milliseconds.
    pub stuck_deadline_ms: u32,
    /// sysfs is read anew every so many full reads, and whenever the set of paths changes.
    pub facts_every_reads: u32,
    /// Every path device is asked for every so many full reads, and whenever the set of paths changes.
    pub paths_every_reads: u32,
    /// Raised by whoever hears of a changed device; clones of this configuration share it.
    pub stale: StaleFlag,
    /// Raised by whoever has multipathd take another configuration; shared in the same way.
    pub reconfigured: StaleFlag,
}

/// Says to the next read, from any thread, that what was kept may be old.
#[derive(Clone, Debug, Default)]
pub struct StaleFlag(Arc<AtomicBool>);

impl StaleFlag {
    /// The next read takes it anew.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Default for ReaderConfig {
    fn default() -> Self {
        Self {
            roots: Roots::default(),
            socket: SocketAddress::Auto,
            deadline_ms: 4500,
            stuck_deadline_ms: 1000,
            facts_every_reads: 30,
            paths_every_reads: 6,
            stale: StaleFlag::default(),
            reconfigured: StaleFlag::default(),
        }
    }
}

/// How much to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Maps and the kernel; sysfs and path devices as they were, unless the set of paths changed. For an event.
    Quick,
    /// Also adapters, and from time to time everything. For a poll.
    Full,
}

/// What a light question found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProbeResult {
    /// It says it works (`idle`, `running`). A stuck daemon may say so too: only maps are an answer.
    Idle {
        /// Its process id by its own word.
        pid: u32,
        /// Its own word.
        phase: String,
    },
    /// It says it is starting, configuring or ending.
    Busy {
        /// Its process id by its own word.
        pid: u32,
        /// Its own word.
        phase: String,
    },
    /// It said nothing, or nothing that is an answer, within the bound: why, in words.
    NoAnswer(String),
    /// It runs and refuses: why, in words.
    Refused(String),
    /// No process, so it was not asked.
    NoProcess,
}

/// Room for replies that is kept between reads, bytes: the maps of a small node. A large one (2.7 MB for 500 maps of 8
/// paths) takes its room anew every 10 s, which costs less than holding it.
const BUFFER_KEPT_BYTES: usize = 256 << 10;

/// Between two readings of everything because of events: a fabric that fails makes thousands of events, and reading all of
/// sysfs for each burst would cost more than the maps, which are read anyway. The flag stays raised meanwhile.
const FORGET_PAUSE: Duration = Duration::from_secs(5);

/// Between two questions for the configuration because paths came or went: it is long, and a fabric that fails changes none.
const CONFIG_PAUSE: Duration = Duration::from_secs(5);

/// What is kept of the bound for asking a silent daemon what it is doing, milliseconds.
const PHASE_MS: u32 = 400;

/// After a probe without an answer the maps are waited for no longer than this, milliseconds. With the probe's own wait,
/// and the pause before it, a daemon that hung just after a read is still known within 10 s.
const SILENT_MS: u32 = 2_500;

/// Reads the local node again and again; keeps what seldom changes.
#[derive(Debug)]
pub struct LocalReader {
    config: ReaderConfig,
    buffer: Vec<u8>,
    kernel: KernelReader,
    facts: Facts,
    host: HostReader,
    /// The last maps had another set of paths than those before.
    set_changed: bool,
    pid: Option<u32>,
    version: Option<(Option<u32>, String)>,
    /// Digest of the effective configuration, and whose it is.
    config_digest: Option<(Option<u32>, String)>,
    /// The set of paths changed since the configuration was asked for: perhaps because that was changed.
    config_stale: bool,
    config_asked: Option<Instant>,
    own_wwids: Option<Vec<Wwid>>,
    stuck_in_row: u32,
    /// The last probe was not answered.
    silent: bool,
    full_reads: u32,
    forgot: Option<Instant>,
}

/// What asking for the maps came to.
enum Asked {
    Maps(MapsReply),
    Failed(Daemon),
}

/// Whether there is somebody to ask.
enum Presence {
    Process(Option<u32>),
    Nobody(Daemon),
}

impl LocalReader {
    /// A reader that has read nothing yet.
    pub fn new(config: ReaderConfig) -> Self {
        Self {
            config,
            buffer: Vec::new(),
            kernel: KernelReader::default(),
            facts: Facts::default(),
            host: HostReader::default(),
            set_changed: false,
            pid: None,
            version: None,
            own_wwids: None,
            config_digest: None,
            config_stale: false,
            config_asked: None,
            stuck_in_row: 0,
            silent: false,
            full_reads: 0,
            forgot: None,
        }
    }

    /// The process id of multipathd where the last read found one.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Reads the node. Takes at most the deadline and the little that the kernel needs.
    pub fn read(&mut self, depth: Depth) -> NodeRead {
        let started = Instant::now();
        let began = now_s();
        let rested = self.forgot.is_none_or(|at| at.elapsed() >= FORGET_PAUSE);
        if rested && self.config.stale.take() {
            self.facts.forget();
            self.forgot = Some(started);
        }
        // The kernel first: it never waits, and a daemon that is stuck takes none of it away.
        let kernel = self.kernel.read(&self.config.roots);
        let mut problems = Problems::default();
        let mut out = NodeRead { kernel, ..NodeRead::empty(began, Daemon::Stopped) };
        if depth == Depth::Full {
            self.full_reads = self.full_reads.wrapping_add(1);
        }
        match self.presence() {
            Presence::Nobody(daemon) => {
                self.stuck_in_row = 0;
                out.daemon = daemon;
            }
            Presence::Process(pid) => {
                self.pid = pid;
                let mut bound = bound_ms(&self.config, self.stuck_in_row);
                if std::mem::take(&mut self.silent) {
                    bound = bound.min(SILENT_MS);
                }
                let deadline = Deadline::in_ms(bound);
                match self.ask_maps(deadline) {
                    Asked::Maps(reply) => {
                        self.stuck_in_row = 0;
                        out.unknown_words += reply.unknown_words;
                        problems.extend(reply.problems);
                        out.maps = reply.maps;
                        out.daemon = Daemon::Answering { pid };
                        self.complete(&mut out, depth, deadline, &mut problems);
                    }
                    Asked::Failed(daemon) => {
                        let stuck = matches!(daemon, Daemon::Hung { .. } | Daemon::Reconfiguring { .. });
                        self.stuck_in_row = if stuck { self.stuck_in_row.saturating_add(1) } else { 0 };
                        out.daemon = daemon;
                    }
                }
            }
        }
        if matches!(out.daemon, Daemon::Stopped | Daemon::Absent) {
            self.pid = None;
        }
        let counters = self.is_due(depth, self.config.facts_every_reads);
        out.adapters = self.facts.adapters(&self.config.roots.sys, depth, counters);
        out.tools_version = self.version.as_ref().map(|(_, version)| version.clone());
        out.config_digest = self.config_digest.as_ref().map(|(_, digest)| digest.clone());
        if depth == Depth::Full {
            self.own_wwids = own_wwids(&self.config.roots.etc);
        }
        out.own_wwids.clone_from(&self.own_wwids);
        self.look_beside(&mut out, depth, counters);
        out.problems = problems.into_vec();
        // At rest a node holds what it knows, not the text that told it.
        if self.buffer.capacity() > BUFFER_KEPT_BYTES {
            self.buffer = Vec::new();
        }
        out.took_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        out
    }

    /// Reads what stands beside the maps, when it is due, and says of devices that no map took who uses or excludes them.
    fn look_beside(&mut self, out: &mut NodeRead, depth: Depth, anew: bool) {
        let roots = &self.config.roots;
        let changed = std::mem::take(&mut self.set_changed);
        let facts = &self.facts;
        out.host =
            self.host.read(roots, out, depth == Depth::Full, anew, changed, |dev| facts.is_listed(dev));
        if matches!(out.daemon, Daemon::Answering { .. }) {
            self.facts.add_unlisted(&roots.sys, out, self.host.unlisted());
        }
        for path in &mut out.loose {
            path.used_by = self.host.user_of(&path.dev).map(Into::into);
        }
    }

    /// Asks multipathd only what it is doing, and then something short that needs its lock, for at most `timeout_ms`.
    pub fn probe(&mut self, timeout_ms: u32) -> ProbeResult {
        match self.presence() {
            Presence::Nobody(_) => return ProbeResult::NoProcess,
            Presence::Process(pid) => self.pid = pid,
        }
        let deadline = Deadline::in_ms(timeout_ms);
        match self.ask_phase(deadline) {
            Ok(Some((pid, phase))) if reply::is_busy(&phase) => ProbeResult::Busy { pid, phase },
            // Without its lock it says this even when it is stuck.
            Ok(Some((pid, phase))) => match self.lock_is_held(deadline) {
                Some(why) => {
                    self.silent = true;
                    ProbeResult::NoAnswer(why)
                }
                None => ProbeResult::Idle { pid, phase },
            },
            Ok(None) => ProbeResult::NoAnswer("it answered, but not with its phase".to_owned()),
            Err(error @ (AskError::NobodyListens | AskError::Connect(_))) => match self.presence() {
                Presence::Process(Some(_)) => ProbeResult::Refused(error.to_string()),
                Presence::Process(None) if matches!(error, AskError::Connect(_)) => {
                    ProbeResult::Refused(error.to_string())
                }
                _ => ProbeResult::NoProcess,
            },
            Err(error) => {
                self.silent = true;
                ProbeResult::NoAnswer(error.to_string())
            }
        }
    }

    /// Why what needs its lock is not answered; `None` if it is, however.
    fn lock_is_held(&mut self, deadline: Deadline) -> Option<String> {
        let mut connection = Connection::open(&self.config.socket, &self.config.roots.run, deadline).ok()?;
        match connection.ask(Query::Status, &mut self.buffer, deadline) {
            Ok(bytes) => matches!(reply::classify(bytes), Reply::Timeout)
                .then(|| "it says that it works, and its lock is held for long".to_owned()),
            Err(error @ AskError::Deadline { .. }) => Some(error.to_string()),
            Err(_) => None,
        }
    }

    fn is_explicit(&self) -> bool {
        self.config.socket != SocketAddress::Auto
    }

    /// Looks for the process, so that nobody is asked who would be started by it.
    fn presence(&self) -> Presence {
        if self.is_explicit() {
            return Presence::Process(None);
        }
        match process::find(&self.config.roots, self.pid) {
            Some(pid) => Presence::Process(Some(pid)),
            None if process::is_installed(&self.config.roots) => Presence::Nobody(Daemon::Stopped),
            None => Presence::Nobody(Daemon::Absent),
        }
    }

    fn is_due(&self, depth: Depth, every: u32) -> bool {
        depth == Depth::Full && self.full_reads % every.max(1) == 1 % every.max(1)
    }

    fn ask_maps(&mut self, deadline: Deadline) -> Asked {
        let bound_ms = deadline.left_ms();
        // A part is kept for asking what it is doing, should it not answer.
        let maps_ms = bound_ms.saturating_sub(PHASE_MS).max(bound_ms / 2);
        let for_maps = deadline.at_most_ms(maps_ms);
        let mut failed_once = false;
        loop {
            let answer = Connection::open(&self.config.socket, &self.config.roots.run, for_maps).and_then(
                |mut connection| {
                    let bytes = connection.ask(Query::MapsJson, &mut self.buffer, for_maps)?;
                    Ok(reply::classify(bytes))
                },
            );
            let failed = match answer {
                Ok(Reply::Json(text)) => match json::decode(text) {
                    Ok(reply) => return Asked::Maps(reply),
                    Err(error) => Daemon::Unreadable { why: error.to_string() },
                },
                Ok(Reply::Ok) => return Asked::Maps(MapsReply::default()),
                Ok(Reply::Timeout) => self.stuck(deadline),
                Ok(Reply::Denied(why)) => Daemon::Refused { why },
                // One map that went away while it looked makes the whole fail: ask once more.
                Ok(Reply::Fail(_)) if !failed_once => {
                    failed_once = true;
                    continue;
                }
                Ok(Reply::Fail(why)) if why.is_empty() => {
                    Daemon::Refused { why: "it answered `fail` twice".to_owned() }
                }
                Ok(Reply::Fail(why)) => Daemon::Refused { why: format!("it answered `fail`: {why}") },
                Ok(Reply::Text(text)) => Daemon::Unreadable {
                    why: format!("it answered `{}`", reply::clip(text.lines().next().unwrap_or_default())),
                },
                Ok(Reply::Garbage) => {
                    Daemon::Unreadable { why: "it answered bytes that are no text".to_owned() }
                }
                Err(error) => self.daemon_of(&error, deadline),
            };
            return Asked::Failed(failed);
        }
    }

    /// What an exchange that gave no reply says about the daemon.
    fn daemon_of(&self, error: &AskError, deadline: Deadline) -> Daemon {
        let ended = || match self.presence() {
            Presence::Nobody(daemon) => Some(daemon),
            Presence::Process(None) if matches!(error, AskError::NobodyListens) => Some(Daemon::Stopped),
            Presence::Process(_) => None,
        };
        match error {
            AskError::Deadline { .. } => self.stuck(deadline),
            AskError::NobodyListens | AskError::Connect(_) | AskError::Closed { got: 0, .. } => {
                ended().unwrap_or_else(|| Daemon::Refused { why: error.to_string() })
            }
            AskError::Closed { .. } | AskError::BadLength(_) | AskError::Socket(_) => {
                ended().unwrap_or_else(|| Daemon::Unreadable { why: error.to_string() })
            }
        }
    }

    /// It gives no maps: is it busy by its own word, or does it hang?
    fn stuck(&self, deadline: Deadline) -> Daemon {
        let waited_ms = deadline.waited_ms();
        match self.ask_phase_with(deadline.at_most_ms(PHASE_MS), &mut Vec::new()) {
            Ok(Some((_, phase))) if reply::is_busy(&phase) => Daemon::Reconfiguring { phase },
            _ => Daemon::Hung { waited_ms },
        }
    }

    fn ask_phase(&mut self, deadline: Deadline) -> Result<Option<(u32, String)>, AskError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let answer = self.ask_phase_with(deadline, &mut buffer);
        self.buffer = buffer;
        answer
    }

    fn ask_phase_with(
        &self,
        deadline: Deadline,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<(u32, String)>, AskError> {
        let mut connection = Connection::open(&self.config.socket, &self.config.roots.run, deadline)?;
        let bytes = connection.ask(Query::Daemon, buffer, deadline)?;
        Ok(std::str::from_utf8(bytes).ok().and_then(reply::parse_daemon))
    }

    /// Adds to the maps what multipathd's JSON lacks. Nothing in here can turn an answering daemon into another state.
    fn complete(&mut self, out: &mut NodeRead, depth: Depth, deadline: Deadline, problems: &mut Problems) {
        let changed = self.facts.is_changed(&out.maps);
        self.set_changed = changed;
        if changed || self.is_due(depth, self.config.paths_every_reads) {
            match self.ask_text(Query::PathsRaw, deadline) {
                Ok(text) => {
                    let paths = raw::decode(&text);
                    out.unknown_words += paths.unknown_words;
                    self.facts.take_paths(paths);
                }
                Err(why) => problems.add(format!("multipathd did not list its path devices: {why}")),
            }
        }
        let pid = match &out.daemon {
            Daemon::Answering { pid } => *pid,
            _ => None,
        };
        let known =
            self.version.as_ref().is_some_and(|(whose, _)| *whose == pid && (pid.is_some() || !changed));
        if !known {
            self.version = self.ask_version(deadline).map(|version| (pid, version));
        }
        let anew = self.is_due(depth, self.config.facts_every_reads);
        self.config_stale |= changed;
        let rested = self.config_asked.is_none_or(|at| at.elapsed() >= CONFIG_PAUSE);
        let is_stale = self.config_stale && rested || self.config.reconfigured.take();
        if anew || is_stale || self.config_digest.as_ref().is_some_and(|(whose, _)| *whose != pid) {
            // One that does not tell is none of which anything could be said; what an earlier process told is old.
            self.config_stale = false;
            self.config_asked = Some(Instant::now());
            let before = self.config_digest.take();
            self.config_digest =
                self.ask_config_digest(before.as_ref(), deadline).map(|digest| (pid, digest));
            // What the files exclude may be another device now.
            self.set_changed |= before.is_some() && before != self.config_digest;
        }
        self.facts.fill(&self.config.roots, out, anew);
    }

    /// A reply that is a text or `ok` (nothing); the error is words.
    fn ask_text(&mut self, query: Query, deadline: Deadline) -> Result<String, String> {
        let mut connection =
            Connection::open(&self.config.socket, &self.config.roots.run, deadline).map_err(unmeasured)?;
        let bytes = connection.ask(query, &mut self.buffer, deadline).map_err(unmeasured)?;
        match reply::classify(bytes) {
            Reply::Text(text) => Ok(text.to_owned()),
            Reply::Ok => Ok(String::new()),
            Reply::Timeout => Err("it ran out of its own time".to_owned()),
            Reply::Fail(why) | Reply::Denied(why) => Err(format!("it answered `fail` {why}")),
            // A device's texts may be in any encoding; the rest of the lines is worth having.
            Reply::Garbage => Ok(String::from_utf8_lossy(bytes).into_owned()),
            Reply::Json(_) => Err("it answered with JSON".to_owned()),
        }
    }

    /// SHA-1 of the effective configuration as multipathd prints it; what is needed of it is kept.
    fn ask_config_digest(
        &mut self,
        before: Option<&(Option<u32>, String)>,
        deadline: Deadline,
    ) -> Option<String> {
        let text = self.ask_text(Query::Config, deadline).ok()?;
        // Anything else is an error in words.
        if !text.contains("defaults {") {
            return None;
        }
        let digest = crate::store::digest(text.as_bytes());
        // It has some thousand lines, and is nearly always the one that was read before.
        if before.is_none_or(|(_, known)| *known != digest) {
            self.host.take_config(&text);
        }
        Some(digest)
    }

    /// The version stands in the error text of a command that is none, in every version.
    fn ask_version(&mut self, deadline: Deadline) -> Option<String> {
        let mut connection = Connection::open(&self.config.socket, &self.config.roots.run, deadline).ok()?;
        let bytes = connection.ask(Query::Version, &mut self.buffer, deadline).ok()?;
        reply::parse_version(&String::from_utf8_lossy(bytes))
    }
}

/// An error in words that are the same whenever it is the same error: a detail goes out when its words change.
fn unmeasured(error: AskError) -> String {
    match error {
        AskError::Deadline { stage, .. } => format!("no answer in time (while {stage})"),
        AskError::Closed { .. } => "it closed the connection before its answer was whole".to_owned(),
        other => other.to_string(),
    }
}

/// While it is stuck, two of three reads ask only shortly: the kernel's view must not wait for it every time. The third
/// asks long, since a large node may need more than the short bound when it has recovered.
fn bound_ms(config: &ReaderConfig, stuck_in_row: u32) -> u32 {
    if stuck_in_row.is_multiple_of(3) {
        config.deadline_ms
    } else {
        config.stuck_deadline_ms.min(config.deadline_ms)
    }
}

/// The wwids file: `/WWID/` on a line of its own; `#` begins a comment, and an entry that was taken out is `#WWID/`
/// (multipath-tools, libmultipath/wwids.c). An absent file is an empty one.
fn own_wwids(etc: &Path) -> Option<Vec<Wwid>> {
    let file = etc.join("multipath/wwids");
    let Some(bytes) = read_at_most(&file, WWIDS_BYTES_MAX) else {
        return (!file.exists()).then(Vec::new);
    };
    let text = String::from_utf8_lossy(&bytes);
    let entry = |line: &str| Wwid::new(line.trim().strip_prefix('/')?.strip_suffix('/')?);
    let mut wwids: Vec<Wwid> = text.lines().filter_map(entry).collect();
    wwids.sort();
    wwids.dedup();
    Some(wwids)
}

fn now_s() -> EpochS {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    EpochS(since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fault_has_the_same_words_however_long_it_took() {
        let late = |waited_ms| unmeasured(AskError::Deadline { stage: "asking", waited_ms });
        assert_eq!((late(812), late(813)), (late(813), "no answer in time (while asking)".to_owned()));
        let closed = |got| unmeasured(AskError::Closed { got, want: 9 });
        assert_eq!(closed(3), closed(4));
    }

    #[test]
    fn the_wwids_file_is_read_as_multipath_reads_it() {
        let tree = crate::testing::Tree::new();
        assert_eq!(own_wwids(tree.root()), Some(vec![]));
        tree.file(
            "multipath/wwids",
            "# Multipath wwids, Version : 1.0\n/3600b/\n#3600c/\n /3600a/ \n/3600b/\nx\n//\n",
        );
        let own = own_wwids(tree.root()).unwrap();
        assert_eq!(own.iter().map(Wwid::as_str).collect::<Vec<_>>(), ["3600a", "3600b"]);
    }

    #[test]
    fn a_stuck_daemon_is_asked_shortly_and_each_third_time_long() {
        let config = ReaderConfig::default();
        let bounds: Vec<u32> = (0..7).map(|stuck| bound_ms(&config, stuck)).collect();
        assert_eq!(bounds, [4500, 1000, 1000, 4500, 1000, 1000, 4500]);
    }
}
