//! `pathkeeper demo`: a simulated cluster with real agents, and the simulated daemons by themselves.
//!
//! The SAN and what happens to it are [`pathkeeper_engine::sim`]; here are the sockets, files and agents around it.
//! Tests use [`cluster::DemoCluster`] as the demo does.

pub mod alone;
pub mod cluster;
pub mod expect;
pub mod machine;
pub mod multipathd;
pub mod obeying;
pub mod play;
pub mod tree;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{San, SanConfig, Script, faults_in_place, story};

use crate::cli::status::{Options, render};
use crate::cli::{Failure, Globals, out};
use cluster::{ClusterOptions, DemoCluster, DemoToken};

/// A script is never larger than this.
const SCRIPT_BYTES_MAX: u64 = 1 << 20;
/// Problems of a script that are told at most.
const PROBLEMS_SHOWN: usize = 20;

/// A simulated cluster on this machine: real agents, real HTTP, simulated multipathds.
///
/// It plays a small story of faults again and again - a path, a whole adapter, a LUN that the array takes away, one
/// that a node never assembled, a multipathd that hangs, a node that dies - and shows what the cluster says of it.
/// Nothing outside a temporary directory and the loopback is touched.
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
A script has one operation a line, with the time since the one before:
  +2s    pve2 adapter host7 down
  +5s    pve2 adapter host7 up
  +500ms pve3 path vm-prod-01 2 fail      (up fail offline ghost shaky delete)
  +1s    pve3 lun 4 unmap                 (map unmap forget assemble suspend resume resize-map)
  +1s    pve4 multipathd hang             (start stop hang refuse reconfigure, slow 300ms)
  +1s    pve4 dies                        (dies returns)
  +1s    array port ctl1-0e down
  +1s    array lun 4 resize 750G
  +1s    array lun 4 queue 12             (on off, or a number of checks)
  +10s   array heal

Examples:
  pathkeeper demo
  pathkeeper demo --once
  pathkeeper demo --nodes 8 --luns 200 --speed 4
  pathkeeper demo --print-script > my.story")]
pub struct DemoArgs {
    /// Nodes, named pve1, pve2, …
    #[arg(long, default_value_t = 4, value_name = "N")]
    nodes: usize,
    /// LUNs of the array
    #[arg(long, default_value_t = 24, value_name = "N")]
    luns: usize,
    /// Paths from each node to each LUN
    #[arg(long, default_value_t = 4, value_name = "N")]
    paths: usize,
    /// Names, WWIDs and sizes depend on this number alone
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Play this instead of the built-in story
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Print the script that would be played, and end
    #[arg(long)]
    print_script: bool,
    /// Do all that the script says (without one: faults of every kind) at once, wait until the cluster knows each path (half a minute), print the status, and end
    #[arg(long)]
    once: bool,
    /// Port of the first node; the others take the next ones. 0 takes free ones
    #[arg(long, default_value_t = 8480, value_name = "PORT")]
    port: u16,
    /// Which multipath-tools is simulated: 0.9.4, 0.11.1 or 0.14.3
    #[arg(long, default_value = "0.9.4", value_name = "VERSION")]
    multipath_tools: Version,
    /// So many times as fast
    #[arg(long, default_value_t = 1.0, value_name = "F")]
    speed: f64,
}

/// `pathkeeper demo`, in a runtime of its own.
///
/// # Errors
/// As [`run`].
pub fn main(args: DemoArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    runtime()?.block_on(run(args, globals))
}

/// `pathkeeper sim-multipathd`, in a runtime of its own.
///
/// # Errors
/// As [`alone::run`].
pub fn sim_main(args: alone::SimArgs) -> Result<ExitCode, Failure> {
    runtime()?.block_on(alone::run(args))
}

/// Several nodes wait for each other's files and sockets, so one thread is not enough.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    built.map_err(|e| Failure::new(format!("starting: {e}")))
}

/// Runs the demo until Ctrl-C, or until the status is printed with `--once`.
///
/// # Errors
/// In words: sizes out of bounds, a script with mistakes, a port that is taken.
pub async fn run(args: DemoArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    if !(0.01..=1000.0).contains(&args.speed) {
        return Err(Failure::new(format!("--speed {} cannot be played: choose 0.01 to 1000", args.speed)));
    }
    let config = SanConfig { nodes: args.nodes, luns: args.luns, paths: args.paths, seed: args.seed };
    let san = San::new(config).map_err(|e| Failure::new(e.to_string()))?;
    let given = args.script.as_deref().map(|file| read_script(file, &san)).transpose()?;
    if args.print_script {
        let text = match &args.script {
            Some(file) => read_text(file)?,
            None => story(&san),
        };
        out::print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let told = |script: Script| if script.steps.is_empty() { None } else { Some(script) };
    let script = match (given, args.once) {
        (Some(script), _) => told(script).ok_or_else(|| Failure::new("the script does nothing".into()))?,
        (None, true) => faults_in_place(&san),
        (None, false) => Script::parse(&story(&san), &san).0,
    };
    let options = ClusterOptions { port: args.port, version: args.multipath_tools };
    let failed = |e: anyhow::Error| Failure::new(format!("{e:#}"));
    let token = DemoToken::new().map_err(failed)?;
    let mut cluster = match args.once {
        true => DemoCluster::start(san, options).await,
        false => DemoCluster::start_keeping(san, options, &token).await,
    }
    .map_err(failed)?;
    if args.once {
        // Everybody is well at first, so that the cluster knows what a node that dies had.
        play::caught_up(&cluster).await?;
        for step in &script.steps {
            cluster.apply(&step.op).await.map_err(failed)?;
        }
        let status = play::explained(&cluster).await?;
        let nodes = match cluster.observer() {
            Some((_, address)) => play::client(address).nodes().await.unwrap_or_default(),
            None => Vec::new(),
        };
        out::print(&render(&status, &nodes, &globals.view(), &Options::default()))?;
    } else {
        play::live(&mut cluster, &script, args.speed, &token, globals).await?;
    }
    cluster.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn read_text(file: &Path) -> Result<String, Failure> {
    let failed = |why: String| Failure::new(format!("{} cannot be read: {why}", file.display()));
    let mut text = String::new();
    let mut open = std::fs::File::open(file).map_err(|e| failed(e.to_string()))?.take(SCRIPT_BYTES_MAX + 1);
    open.read_to_string(&mut text).map_err(|e| failed(e.to_string()))?;
    if text.len() as u64 > SCRIPT_BYTES_MAX {
        return Err(failed(format!("a script has at most {SCRIPT_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// Reads a script for one SAN; mistakes are told with their lines.
fn read_script(file: &Path, san: &San) -> Result<Script, Failure> {
    let (script, problems) = Script::parse(&read_text(file)?, san);
    if problems.is_empty() {
        return Ok(script);
    }
    let name = file.display();
    let told: Vec<String> = problems.iter().take(PROBLEMS_SHOWN).map(|p| format!("{name} {p}")).collect();
    let more = match problems.len().saturating_sub(PROBLEMS_SHOWN) {
        0 => String::new(),
        n => format!("\n  and {n} more"),
    };
    Err(Failure::new(format!("the script cannot be played\n  {}{more}", told.join("\n  "))))
}
