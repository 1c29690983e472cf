//! `pathkeeper sim-multipathd`: one simulated machine by itself, in a process of its own, to measure an agent against.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{Op, San, SanConfig, Script, describe};
use tokio::sync::mpsc;

use super::machine::Machine;
use super::multipathd::Listen;
use crate::cli::{Failure, out};

/// One simulated machine: a multipathd that speaks the real protocol, and the files of its kernel.
///
/// Below --root it makes sys, proc, run, etc and sbin; an agent whose roots point there, and whose multipathd-socket
/// is --multipathd-socket, takes it for a machine. It prints a line when all is there, and runs until Ctrl-C.
#[derive(Args, Debug, Clone)]
pub struct SimArgs {
    /// The directory that stands for / on the machine; made where it is absent
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// multipathd's socket: a path, or @name for an abstract one; DIR/run/multipathd.socket if not given
    #[arg(long, value_name = "PATH", value_parser = |text: &str| Ok::<_, String>(Listen::parse(text)))]
    multipathd_socket: Option<Listen>,
    /// Maps
    #[arg(long, default_value_t = 24, value_name = "N")]
    maps: usize,
    /// Paths in each map
    #[arg(long, default_value_t = 4, value_name = "N")]
    paths: usize,
    /// Which multipath-tools it is: 0.9.4, 0.11.1 or 0.14.3
    #[arg(long, default_value = "0.9.4", value_name = "VERSION")]
    multipath_tools: Version,
    /// Names, WWIDs and sizes depend on this number alone
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Nodes of the SAN that it is one of; all of them see the same LUNs
    #[arg(long, default_value_t = 1, value_name = "N")]
    nodes: usize,
    /// Which of them it is: 1 is pve1
    #[arg(long, default_value_t = 1, value_name = "N")]
    node: usize,
    /// Read DIR/etc/multipath when told to reconfigure, as the real one does, and take names and maps from there
    #[arg(long)]
    obey: bool,
    /// What happens; played once. -: steps are read from standard input, and happen as they come
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// Steps that were read and are not played yet.
const STEPS_WAITING_MAX: usize = 64;

/// Runs until Ctrl-C or SIGTERM, then says what it was asked.
pub async fn run(args: SimArgs) -> Result<ExitCode, Failure> {
    let config = SanConfig { nodes: args.nodes, luns: args.maps, paths: args.paths, seed: args.seed };
    let mut san = San::new(config).map_err(|e| Failure::new(e.to_string()))?;
    let node = args.node.checked_sub(1).filter(|node| *node < args.nodes);
    let node = node.ok_or_else(|| {
        Failure::new(format!("--node {} is none of --nodes {}: they count from 1", args.node, args.nodes))
    })?;
    let is_told = args.script.as_deref().is_some_and(|file| file == Path::new("-"));
    let script = match &args.script {
        Some(file) if !is_told => super::read_script(file, &san)?,
        _ => Script::default(),
    };
    let mut told = if is_told { lines_of_stdin() } else { mpsc::channel(1).1 };
    let failed = |e: std::io::Error| Failure::new(format!("the simulated machine cannot be shown: {e}"));
    let mut machine =
        Machine::start(&san, node, args.multipath_tools, &args.root, args.multipathd_socket.clone())
            .map_err(failed)?;
    if args.obey {
        machine.obey(&san);
    }
    let mut stop = out::Stop::new()?;
    out::print(&format!(
        "ready: {} maps of {} paths below {}\n",
        args.maps,
        args.paths,
        args.root.display()
    ))?;
    let mut steps = script.steps.iter();
    let mut next = steps.next();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let mut due = tokio::time::Instant::now() + Duration::from_millis(next.map_or(0, |s| s.after_ms));
    loop {
        tokio::select! {
            () = stop.wait() => break,
            _ = second.tick() => {
                if !san.advance(1000).is_empty() {
                    machine.show_daemon(&san);
                }
            }
            Some(line) = told.recv() => {
                let (script, problems) = Script::parse(&line, &san);
                for problem in problems {
                    out::print(&format!("not played: {}\n", problem.what))?;
                }
                for step in script.steps {
                    happens(&step.op, &mut san, &mut machine)?;
                }
            }
            () = tokio::time::sleep_until(due), if next.is_some() => {
                if let Some(step) = next {
                    happens(&step.op, &mut san, &mut machine)?;
                }
                next = steps.next();
                due += Duration::from_millis(next.map_or(0, |s| s.after_ms));
            }
        }
    }
    let asked = machine.asked();
    out::print(&format!("asked {} times, {} to change something\n", asked.commands(), asked.changes()))?;
    Ok(ExitCode::SUCCESS)
}

fn happens(op: &Op, san: &mut San, machine: &mut Machine) -> Result<(), Failure> {
    san.apply(op).map_err(|e| Failure::new(e.to_string()))?;
    machine.show(san).map_err(|e| Failure::new(format!("the simulated machine cannot be shown: {e}")))?;
    out::print(&format!("{}\n", describe(op, san)))
}

/// Lines as somebody writes them. The thread that waits for them ends with the program.
fn lines_of_stdin() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(STEPS_WAITING_MAX);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut bounded = (&mut input).take(Script::LINE_BYTES_MAX as u64 + 1);
            match bounded.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if sender.blocking_send(String::from_utf8_lossy(&line).into_owned()).is_err() => return,
                Ok(_) => {}
            }
        }
    });
    receiver
}
