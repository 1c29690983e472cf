//! `pathkeeper manage`: whether this node's multipath configuration is Pathkeeper's business. A local act of root's on the
//! node itself; no API does it, and no agent can (docs/configuration.md, "Managing a node").

mod mark;
pub mod release;
mod status;
mod unit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use pathkeeper_io::Roots;
use pathkeeper_io::dropins::{DropIn, NodeFiles};
use pathkeeper_model::EpochS;

use super::text::clean;
use super::{Failure, Globals, confirmed, out};
use crate::app::mode::{Mode, SERIES};
use crate::app::{service, stores};
use crate::config::Config;
use crate::http::audit;

/// Let Pathkeeper manage multipath's configuration on this node, or only observe again
///
/// As installed Pathkeeper observes. A managed node applies what a rollout of the cluster's configuration says. This is
/// said on each node itself, as root; there is no other way, and an agent cannot say it to itself.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper manage status
  pathkeeper manage enable
  pathkeeper manage enable --yes --no-restart     prints the commands that make it count
  pathkeeper manage disable")]
pub struct ManageArgs {
    #[command(subcommand)]
    command: ManageCommand,
    /// The agent's configuration file, if it is not /etc/pathkeeper/pathkeeper.toml
    #[arg(long, global = true, value_name = "FILE", env = "PATHKEEPER_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum ManageCommand {
    /// Manage this node: show what will be Pathkeeper's own, ask, and restart the agent
    Enable {
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        restart: Restart,
    },
    /// Observe again: files, maps and the configuration in force stay as they are
    Disable {
        #[command(flatten)]
        restart: Restart,
    },
    /// Show whether this node is managed, why, and which files here are Pathkeeper's
    Status,
}

#[derive(Args, Debug, Clone, Copy)]
struct Restart {
    /// Leave the agent alone: print the commands that make the change count
    #[arg(long)]
    no_restart: bool,
}

/// This node, as far as these commands touch it.
struct Here {
    node: String,
    roots: Roots,
    state_dir: PathBuf,
    files: NodeFiles,
    is_pmxcfs: bool,
}

/// Does it.
pub async fn run(args: ManageArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let (here, config) = Here::found(args.config.as_deref(), globals, "manage")?;
    match args.command {
        ManageCommand::Enable { yes, restart } => here.enable(yes, restart).await,
        ManageCommand::Disable { restart } => here.disable(&config, restart).await,
        ManageCommand::Status => here.status(globals).await,
    }
}

impl Here {
    /// This node, with its agent's configuration.
    fn found(config: Option<&Path>, globals: &Globals, command: &str) -> Result<(Self, Config), Failure> {
        if globals.server.is_some() {
            return Err(Failure::new(format!(
                "{command}: this is said on the node that is meant, by root there: without --server (and PATHKEEPER_SERVER), on \
                 that node"
            )));
        }
        let config =
            Config::load(config, std::env::vars()).map_err(|e| Failure::new(format!("{command}: {e}")))?;
        Ok((Self::of(&config), config))
    }

    fn of(config: &Config) -> Self {
        let mut roots = service::reader_config(config).roots;
        // Where the files are not this machine's own, systemd is none of this machine's either.
        roots.run = Roots::below(roots.etc.parent().unwrap_or(&roots.etc)).run;
        let files = NodeFiles::new(&roots, &config.state_dir);
        Self {
            node: config.node.to_string(),
            roots,
            state_dir: config.state_dir.clone(),
            files,
            is_pmxcfs: stores::is_pmxcfs(config),
        }
    }

    fn mode(&self) -> Mode {
        Mode::of_node(&self.roots, self.is_pmxcfs)
    }

    async fn enable(&self, yes: bool, restart: Restart) -> Result<ExitCode, Failure> {
        let fail = |why: &str| Failure::new(format!("manage enable: {why}"));
        only_root("manage enable")?;
        if let Some(why) = self.refusal() {
            return Err(fail(&format!("{why}; nothing was changed")));
        }
        if mark::is_set(&self.roots) {
            out::print(&format!(
                "{} is managed already ({}); pathkeeper manage status shows whether its agent knows\n",
                clean(&self.node),
                mark::path(&self.roots).display()
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        out::print(&self.what_it_means())?;
        if !yes {
            confirmed(
                &format!("manage multipath's configuration on {}?", clean(&self.node)),
                "nothing was changed",
                "--yes enables without asking",
            )?;
        }
        mark::make_folder(&self.roots).and_then(|()| mark::set(&self.roots)).map_err(|why| fail(&why))?;
        self.record("manage enable");
        out::print(&format!("{} was written\n", mark::path(&self.roots).display()))?;
        if let Err(why) = self.restart(restart).await? {
            // Whatever it was: an agent that watches is worth more than one that manages.
            let undone = mark::remove(&self.roots).map_err(|why| fail(&why))?;
            self.record("manage disable");
            let again = match unit::systemctl(&self.roots) {
                Some(systemctl) if undone => unit::restart(&systemctl).await.err(),
                _ => None,
            };
            let again = again.map_or_else(
                || "the agent was started again as it was".to_owned(),
                |why| format!("the agent does not run: {why}"),
            );
            return Err(fail(&format!(
                "{why}\n  this node observes: the mark was taken away, and {again}\n  \
                 journalctl -u pathkeeper says more; --no-restart where another unit runs the agent"
            )));
        }
        out::print(&format!(
            "{} is managed. What a rollout would change here: pathkeeper config plan\n",
            clean(&self.node)
        ))?;
        Ok(ExitCode::SUCCESS)
    }

    async fn disable(&self, config: &Config, restart: Restart) -> Result<ExitCode, Failure> {
        let fail = |why: &str| Failure::new(format!("manage disable: {why}"));
        only_root("manage disable")?;
        if !mark::remove(&self.roots).map_err(|why| fail(&why))? {
            out::print(&format!("{} observes already: there is no mark\n", clean(&self.node)))?;
            return Ok(ExitCode::SUCCESS);
        }
        self.record("manage disable");
        out::print(&format!("{} was removed\n", mark::path(&self.roots).display()))?;
        if let Err(why) = self.rests(config) {
            // Whoever wants it to stop wants it now; but it is not as before, and not as wanted.
            out::print(&format!("note: {why}\n"))?;
        }
        let restarted = self.restart(restart).await?;
        out::print(&self.what_stays())?;
        restarted.map_err(|why| self.not_restarted("manage disable", &why))?;
        Ok(ExitCode::SUCCESS)
    }

    /// The agent runs as it was started.
    fn not_restarted(&self, command: &str, why: &str) -> Failure {
        Failure::new(format!(
            "{command}: {why}\n  the mark is gone, so nothing is changed on {} any more; the agent must still be restarted:\n{}",
            clean(&self.node),
            unit::typed().trim_end()
        ))
    }

    /// Why this node cannot be managed, whatever a person says.
    fn refusal(&self) -> Option<String> {
        if self.is_pmxcfs && self.roots.has_pve_series() {
            return Some(format!("{SERIES}: two that write the same files would undo each other's work"));
        }
        let is_there = |name: &str| self.roots.programs.iter().any(|dir| dir.join(name).is_file());
        let missing: Vec<&str> =
            ["multipathd", "multipath"].into_iter().filter(|name| !is_there(name)).collect();
        (!missing.is_empty())
            .then(|| format!("{} is not on this machine: install multipath-tools", missing.join(" and ")))
    }

    /// All that a person says yes to.
    fn what_it_means(&self) -> String {
        let file = |which| self.files.path(which).display().to_string();
        let etc = self.roots.etc.display();
        format!(
            "\
On {node}, Pathkeeper will own
  {main}
  {overrides}
  in {wwids}, the entries that it adds itself
  {record}, which are these
and will tell multipathd `reconfigure` and `add path`. It applies what a rollout of the cluster's configuration says,
once it is this node's turn; the one that there is already, too: pathkeeper config plan shows what.

It never touches {etc}/multipath.conf, other files in {etc}/multipath/conf.d, or entries that somebody else
made in wwids. It takes no map away, removes no device, and stops no service.
",
            node = clean(&self.node),
            main = file(DropIn::Main),
            overrides = file(DropIn::Overrides),
            wwids = self.files.wwids_path().display(),
            record = self.files.record_path().display(),
        )
    }

    /// After it was disabled: nothing was undone.
    fn what_stays(&self) -> String {
        let there = self.present();
        if there.is_empty() {
            return format!(
                "{} observes. Pathkeeper had no file or entry of its own here\n",
                clean(&self.node)
            );
        }
        format!(
            "\
{} observes. These stay, multipathd goes on with them, and no map was touched:
{}To have them taken out in good order, manage this node again and use pathkeeper config release (the same settings,
as plain files of yours) or pathkeeper config teardown first.
",
            clean(&self.node),
            there.iter().map(|what| format!("  {what}\n")).collect::<String>()
        )
    }

    /// Lets systemd read the drop-in and start the agent anew; prints what a person must do where that is not for us.
    /// The inner error is systemd's.
    async fn restart(&self, restart: Restart) -> Result<Result<(), String>, Failure> {
        let systemctl = unit::systemctl(&self.roots);
        match systemctl.filter(|_| !restart.no_restart) {
            Some(systemctl) => match unit::restart(&systemctl).await {
                Ok(()) => out::print("the agent was restarted\n").map(Ok),
                Err(why) => Ok(Err(why)),
            },
            None if restart.no_restart => {
                out::print(&format!("it counts for the agent after\n{}", unit::typed())).map(Ok)
            }
            None => {
                let text = "systemd does not run here: restart the agent; under systemd that is";
                out::print(&format!("{text}\n{}", unit::typed())).map(Ok)
            }
        }
    }

    /// The record of writes has these too. It is no reason to fail: what was asked for is done.
    fn record(&self, what: &str) {
        let line = audit::Line {
            time: audit::time(EpochS(jiff::Timestamp::now().as_second())),
            by: crate::http::auth::user(rustix::process::getuid().as_raw()),
            peer: "command line".into(),
            method: what.into(),
            path: mark::path(&self.roots).to_string_lossy().into_owned(),
            parameters: Default::default(),
            status: 0,
            changes: Vec::new(),
        };
        if let Err(e) = audit::record_command(&self.state_dir, &line) {
            eprintln!(
                "pathkeeper: {} was not written: {e}",
                self.state_dir.join(audit::AUDIT_FILE).display()
            );
        }
    }
}

fn only_root(what: &str) -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::new(format!("{what}: only root may; sudo pathkeeper {what}")))
}
