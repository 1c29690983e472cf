//! `pathkeeper config release`: this node keeps what it has, as plain files of the administrator's, and observes from now on.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pathkeeper_io::Managing;
use pathkeeper_io::dropins::Released;

use super::super::text::{clean, count};
use super::super::{Failure, Globals, confirmed, out};
use super::{Here, Restart, mark, only_root};
use crate::app::apply::Hands;
use crate::app::service;
use crate::config::Config;

/// Give this node up: the same settings stay, as plain files of yours, and Pathkeeper only observes here
///
/// A local act of root's on each node, as manage enable is. multipathd is told nothing and no map is touched, for what it reads says the
/// same. The cluster's documents stay, for the other nodes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper config release
  pathkeeper config release --yes --no-restart    prints the commands that make it count for the agent

To take the configuration out of force instead: pathkeeper config teardown")]
pub struct ReleaseArgs {
    /// The agent's configuration file, if it is not /etc/pathkeeper/pathkeeper.toml
    #[arg(long, value_name = "FILE", env = "PATHKEEPER_CONFIG")]
    config: Option<PathBuf>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    restart: Restart,
}

/// Does it.
pub async fn run(args: ReleaseArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    const COMMAND: &str = "config release";
    let fail = |why: &str| Failure::new(format!("{COMMAND}: {why}"));
    let (here, config) = Here::found(args.config.as_deref(), globals, COMMAND)?;
    only_root(COMMAND)?;
    let right = Managing::of_node(&here.roots).map_err(|why| fail(&format!("{why}; nothing was changed")))?;
    here.rests(&config).map_err(|why| fail(&why))?;
    out::print(&here.what_is_released())?;
    if !args.yes {
        let question = format!("release {}?", clean(&here.node));
        confirmed(&question, "nothing was changed", "--yes does it without asking")?;
    }
    // First of all, so that the agent begins nothing meanwhile: it looks for the mark before each thing that it does.
    mark::remove(&here.roots).map_err(|why| fail(&why))?;
    let released = here.rests(&config).and_then(|()| here.files.release(&right).map_err(|e| e.to_string()));
    let released = released.map_err(|why| {
        let back = mark::set(&here.roots).err().map_or(String::new(), |why| format!("; {why}"));
        fail(&format!("{why}; this node is managed as before{back}"))
    })?;
    here.record(COMMAND);
    out::print(&told(&here.node, &released))?;
    here.restart(args.restart).await?.map_err(|why| here.not_restarted(COMMAND, &why))?;
    Ok(ExitCode::SUCCESS)
}

impl Here {
    /// Nothing is being applied here.
    pub(super) fn rests(&self, config: &Config) -> Result<(), String> {
        match Hands::new(service::reader_config(config), &self.state_dir).under_way()? {
            None => Ok(()),
            Some(generation) => Err(format!(
                "generation {generation} is being applied here: pathkeeper config rollout shows how far it is; again when that is over"
            )),
        }
    }

    fn what_is_released(&self) -> String {
        let there = self.present();
        let there: String = there.iter().map(|what| format!("  {what}\n")).collect();
        format!(
            "On {}, these are given up, and become plain files and entries of yours that say the same:\n{there}\
             No map is touched, and multipathd is told nothing. Pathkeeper only observes here from then on.\n",
            clean(&self.node)
        )
    }
}

fn told(node: &str, released: &Released) -> String {
    let mut text = String::new();
    for (from, to) in &released.files {
        text.push_str(&format!("{} became {}\n", from.display(), to.display()));
    }
    if released.wwids > 0 {
        let what = count(released.wwids as u64, "WWID");
        text.push_str(&format!("{what} in wwids that Pathkeeper had put there: yours from now on\n"));
    }
    text.push_str(&format!("{} is released, and observes\n", clean(node)));
    text
}
