//! `pathkeeper sim-multipathd`: one simulated machine by itself, in a process of its own, to measure an agent against.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{San, SanConfig, Script, describe};

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
    /// What happens (for the node pve1); played once
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// Runs until Ctrl-C or SIGTERM, then says what it was asked.
pub async fn run(args: SimArgs) -> Result<ExitCode, Failure> {
    let config = SanConfig { nodes: 1, luns: args.maps, paths: args.paths, seed: args.seed };
    let mut san = San::new(config).map_err(|e| Failure::new(e.to_string()))?;
    let script = match &args.script {
        Some(file) => super::read_script(file, &san)?,
        None => Script::default(),
    };
    let failed = |e: std::io::Error| Failure::new(format!("the simulated machine cannot be shown: {e}"));
    let mut machine =
        Machine::start(&san, 0, args.multipath_tools, &args.root, args.multipathd_socket.clone())
            .map_err(failed)?;
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
            () = tokio::time::sleep_until(due), if next.is_some() => {
                if let Some(step) = next {
                    san.apply(&step.op).map_err(|e| Failure::new(e.to_string()))?;
                    machine.show(&san).map_err(failed)?;
                    out::print(&format!("{}\n", describe(&step.op, &san)))?;
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
