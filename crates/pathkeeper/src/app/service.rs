//! `pathkeeper agent`: the app as a service on a real node.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use pathkeeper_engine::agent::Depth;
use pathkeeper_io::local::{LocalReader, ProbeResult, ReaderConfig, StaleFlag};
use pathkeeper_io::multipathd::socket::SocketAddress;
use pathkeeper_io::process::ProcessWatch;
use pathkeeper_io::roots::Roots;
use pathkeeper_io::uevent::{Trigger, UeventSource};
use pathkeeper_model::local::NodeRead;
use rustix::mm::{MlockAllFlags, mlockall};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};

use super::clock::ClockOffset;
use super::mode::Mode;
use super::reader::{Look, MakeLook, PROBE_MS, depth_of};
use super::{App, AppConfig, Doors, logging, stores};
use crate::config::Config;
use crate::tls::Keeper;

/// Triggers that wait to be taken; more than one says nothing more than one.
const TRIGGERS_MAX: usize = 4;

/// `pathkeeper agent`
#[derive(Args, Debug, Default)]
pub struct AgentArgs {
    /// Configuration file; without it /etc/pathkeeper/pathkeeper.toml, which may be absent.
    #[arg(long, value_name = "FILE", env = "PATHKEEPER_CONFIG")]
    pub config: Option<PathBuf>,
    /// Do not run: end this node's membership in the cluster, so that it is offline at once. Only when the agent is stopped
    #[arg(long)]
    pub leave: bool,
}

/// Runs the agent until it is told to stop.
///
/// # Errors
/// In words: a configuration that cannot be used, a state directory in use, an address that cannot be had.
pub fn run(args: &AgentArgs) -> anyhow::Result<()> {
    let config = Config::load(args.config.as_deref(), std::env::vars())?;
    let _flush = logging::start(&config.log, &config.roots.journal)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if !args.leave {
        lock_memory();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .thread_stack_size(512 * 1024)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result =
        runtime.block_on(async { if args.leave { leave(config).await } else { serve(config).await } });
    // A read that hangs in the kernel keeps its thread; it must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

async fn leave(config: Config) -> anyhow::Result<()> {
    let told = stores::leave(&config).await?;
    crate::cli::out::print(&told).map_err(|e| anyhow::anyhow!(e.message().to_owned()))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // Signals first: one that comes while starting must not be lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    let socket = config.socket();
    // It may wait some seconds for an engine that is slow.
    let opened = tokio::task::block_in_place(|| stores::open(&config))?;
    let store = opened.store.clone();
    let daemon = Arc::new(DaemonPid::default());
    let (triggers, receiver) = mpsc::channel(TRIGGERS_MAX);
    tokio::spawn(watch_daemon(daemon.clone(), triggers.clone()));
    let reader = reader_config(&config);
    // Proxmox VE's own series writes into pmxcfs alone: in another store nobody else reports for this node.
    let beside_series = store.kind() == "pmxcfs";
    let mode = Mode::of_node(&reader.roots, beside_series);
    if let Some(doubt) = &mode.doubt {
        tracing::warn!("{doubt}");
    }
    let clock_offset = ClockOffset::from_file(config.roots.clock_offset.clone());
    tokio::spawn(watch_kernel(triggers, reader.stale.clone()));
    let app = AppConfig {
        cluster: config.cluster.clone(),
        poll_ms: config.poll_interval_s * 1000,
        listen: config.listen,
        socket: Some((socket.clone(), config.socket_group.clone())),
        instance: super::random_instance()?,
        facts: super::node_facts(&reader.roots, &mode),
        clock_offset: clock_offset.clone(),
        alerts: config.alerts.clone(),
        doors: Doors {
            tls: config.certificate_source(),
            loopback_needs_token: config.loopback_needs_token,
            ..Doors::default()
        },
        history: config.history,
        machine: Some(reader.clone()),
    };
    let look = node_look(reader, daemon, clock_offset, beside_series);
    let state_dir = Some(config.state_dir.clone());
    let mut app = App::start_keeping(app, Vec::new(), state_dir, store.clone(), look, receiver).await?;
    let scheme = if app.certificate.is_some() { "https" } else { "http" };
    let at = app.address.map_or_else(|| "no TCP port".into(), |a| format!("{scheme}://{a}"));
    let (node, kind) = (&config.node, store.kind());
    let does = if mode.manages { "manages multipath's configuration" } else { "observes" };
    tracing::info!("{node} {does}; store {kind}; {at}; socket {}", socket.display());
    let pulses = app.pulses.clone();
    let status = if mode.manages { "managing" } else { "observing" };
    tokio::spawn(notify_systemd(app.board.clone(), pulses, status));
    tokio::spawn(reload_when_told(hangup, app.certificate.clone()));
    let failed = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        part = app.failed() => Some(part),
    };
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    app.stop().await;
    std::fs::remove_file(&socket).ok();
    match failed {
        None => Ok(()),
        Some(part) => Err(anyhow::anyhow!("{part}; this is a fault of Pathkeeper")),
    }
}

/// SIGHUP: the certificate is read again at once. It is looked at every half minute besides.
async fn reload_when_told(mut hangup: Signal, certificate: Option<Keeper>) {
    while hangup.recv().await.is_some() {
        let Some(keeper) = certificate.clone() else {
            tracing::info!(
                "SIGHUP: there is no certificate to read again; settings are read at the start alone"
            );
            continue;
        };
        match tokio::task::spawn_blocking(move || keeper.reload()).await {
            Ok(Ok(())) => tracing::info!("SIGHUP: the certificate was read again"),
            Ok(Err(why)) => tracing::error!("SIGHUP: {why}"),
            Err(e) => tracing::error!("SIGHUP: {e}"),
        }
    }
}

/// All of the program is in memory from here on, and what it takes later stays: a page that must come back from a
/// disk that hangs would stop us just when we are needed.
fn lock_memory() {
    let result = mlockall(MlockAllFlags::CURRENT)
        // What is mapped later is locked when it is touched, so that untouched stacks cost nothing.
        .and_then(|()| mlockall(MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT));
    if let Err(e) = result {
        tracing::warn!("memory is not locked ({e}): on a host that boots from SAN set LimitMEMLOCK=infinity");
    }
}

/// multipathd's process id as the last read found it, for the one that watches it.
#[derive(Debug, Default)]
struct DaemonPid {
    /// 0 = none.
    pid: AtomicU32,
    changed: Notify,
}

struct NodeLook {
    reader: LocalReader,
    roots: Roots,
    daemon: Arc<DaemonPid>,
    clock_offset: ClockOffset,
    /// Proxmox VE's own series, where it is installed, writes into this agent's store.
    beside_series: bool,
    last_pid: Option<u32>,
}

impl Look for NodeLook {
    fn read(&mut self, depth: Depth) -> NodeRead {
        let mut read = self.reader.read(depth_of(depth));
        read.began = self.clock_offset.shift(read.began);
        self.last_pid = self.reader.pid();
        let pid = self.last_pid.unwrap_or(0);
        if self.daemon.pid.swap(pid, Ordering::Relaxed) != pid {
            self.daemon.changed.notify_one();
        }
        read
    }

    fn report_by(&mut self) -> Option<String> {
        (self.beside_series && self.roots.has_pve_series()).then(|| "pve".to_owned())
    }

    fn probe(&mut self) -> bool {
        match self.reader.probe(PROBE_MS) {
            ProbeResult::Idle { .. } => true,
            ProbeResult::NoProcess => self.last_pid.is_none(),
            ProbeResult::Busy { .. } | ProbeResult::NoAnswer(_) | ProbeResult::Refused(_) => false,
        }
    }
}

fn node_look(
    reader: ReaderConfig,
    daemon: Arc<DaemonPid>,
    clock_offset: ClockOffset,
    beside_series: bool,
) -> MakeLook {
    Arc::new(move || {
        Box::new(NodeLook {
            reader: LocalReader::new(reader.clone()),
            roots: reader.roots.clone(),
            daemon: daemon.clone(),
            clock_offset: clock_offset.clone(),
            beside_series,
            last_pid: None,
        })
    })
}

/// How the local node is read by this configuration.
pub fn reader_config(config: &Config) -> ReaderConfig {
    let socket = match config.multipathd_socket.as_deref() {
        None => SocketAddress::Auto,
        Some(name) => match name.strip_prefix('@') {
            Some(abstract_name) => SocketAddress::Abstract(abstract_name.into()),
            None => SocketAddress::Path(name.into()),
        },
    };
    // What stands beside /etc on this machine stands beside it where the roots are others, too.
    let beside_etc = Roots::below(config.roots.etc.parent().unwrap_or(Path::new("/")));
    let roots = Roots {
        boot: beside_etc.boot,
        var: beside_etc.var,
        programs: beside_etc.programs,
        sys: config.roots.sysfs.clone(),
        proc: config.roots.proc.clone(),
        etc: config.roots.etc.clone(),
        usr: config.roots.usr.clone(),
        ..Roots::default()
    };
    ReaderConfig { roots, socket, ..ReaderConfig::default() }
}

/// A multipathd that ends is seen at once, not at the next poll.
async fn watch_daemon(daemon: Arc<DaemonPid>, triggers: mpsc::Sender<()>) {
    loop {
        let pid = daemon.pid.load(Ordering::Relaxed);
        let gone = async {
            match (pid, ProcessWatch::new(pid)) {
                (1.., Ok(watch)) => watch.gone().await.is_ok(),
                // It went between the read and now.
                (1.., Err(_)) => true,
                (0, _) => std::future::pending().await,
            }
        };
        tokio::select! {
            gone = gone => {
                if gone {
                    trigger(&triggers);
                }
                // The read that follows tells the new process, or that there is none.
                daemon.changed.notified().await;
            }
            () = daemon.changed.notified() => {}
        }
    }
}

fn trigger(triggers: &mpsc::Sender<()>) {
    // A full queue holds a reason to look already.
    let _ = triggers.try_send(());
}

/// READY after the first read and the store's first list or first silence: one that is away at boot must not keep
/// the node's own picture from anybody. Then the watchdog, fed only while both loops turn. A hung
/// multipathd hangs no loop, so it does not trip it.
async fn notify_systemd(
    board: Arc<super::board::Board>,
    pulses: [tokio::sync::watch::Receiver<u64>; 2],
    status: &'static str,
) {
    let mut pulses = pulses;
    while board.local().is_none() || !(board.snapshot().is_some() || board.store_was_away()) {
        for pulse in &mut pulses {
            let _ = tokio::time::timeout(Duration::from_millis(50), pulse.changed()).await;
        }
    }
    let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)]);
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    let mut last = pulses.clone().map(|pulse| *pulse.borrow());
    loop {
        // The loops turn at least every 5 s.
        tokio::time::sleep((period / 3).max(Duration::from_secs(1))).await;
        let now = pulses.clone().map(|pulse| *pulse.borrow());
        if last.iter().zip(&now).all(|(before, after)| before != after) {
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            last = now;
        } else {
            tracing::error!("a loop stands still: {last:?}, {now:?}");
        }
    }
}

/// Kernel uevents: reasons to look, never the truth. Without them the polls are left.
async fn watch_kernel(triggers: mpsc::Sender<()>, stale: StaleFlag) {
    match UeventSource::open() {
        Ok(mut events) => loop {
            match events.next().await {
                Trigger::Broken(why) => tracing::warn!("{why}: changes are seen at the next poll"),
                Trigger::Devices { .. } | Trigger::Resync => stale.raise(),
                Trigger::Maps { .. } => {}
            }
            trigger(&triggers);
        },
        Err(e) => {
            tracing::warn!("the kernel's events cannot be heard ({e}): changes are seen at the next poll")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_in_its_own_store_does_the_series_of_proxmox_report_for_this_node() {
        let usr = tempfile::tempdir().unwrap();
        let series = usr.path().join("share/perl5/PVE/Multipath.pm");
        std::fs::create_dir_all(series.parent().unwrap()).unwrap();
        let roots = Roots { usr: usr.path().to_owned(), ..Roots::default() };
        let reader = ReaderConfig { roots, ..ReaderConfig::default() };
        let by = |beside_series| {
            let daemon = Arc::new(DaemonPid::default());
            node_look(reader.clone(), daemon, ClockOffset::default(), beside_series)().report_by()
        };
        assert_eq!((by(true), by(false)), (None, None), "it is not installed");
        std::fs::write(&series, "1;").unwrap();
        assert_eq!((by(true), by(false)), (Some("pve".to_owned()), None));
    }
}
