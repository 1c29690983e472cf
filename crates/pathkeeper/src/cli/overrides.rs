//! `pathkeeper overrides`: `multipath-overrides.conf`, the administrator's own text for hardware.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::text::clean;
use super::{Failure, Globals, Output, config, out, versioned};

/// multipath-overrides.conf: multipath's own grammar, for hardware
///
/// devices, overrides, blacklist and blacklist_exceptions may stand in it. It is brought to the nodes beside multipath.cfg (pathkeeper
/// config apply), and beats what multipath's hardware table says.
#[derive(Args, Debug)]
pub struct OverridesArgs {
    #[command(subcommand)]
    command: OverridesCommand,
}

#[derive(Subcommand, Debug)]
enum OverridesCommand {
    /// Print it; its state goes to standard error
    Show,
    /// Open $VISUAL or $EDITOR on a copy, judge it, show the plan, ask, and write it
    Edit {
        /// Write what the editor leaves without asking
        #[arg(long, short)]
        yes: bool,
    },
}

/// Runs the command.
pub async fn run(args: OverridesArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    match args.command {
        OverridesCommand::Edit { yes } => config::edit::edit(true, yes, globals).await,
        OverridesCommand::Show => {
            let document = globals.client()?.overrides().await?;
            if globals.output == Output::Json {
                out::print(&versioned(&document, true)?)?;
                return Ok(ExitCode::SUCCESS);
            }
            // Its bytes, but for what would steer this terminal.
            let text = document.text.as_deref().unwrap_or_default();
            let lines =
                text.lines().map(|line| line.split('\t').map(clean).collect::<Vec<_>>().join("\t") + "\n");
            out::print(&lines.collect::<String>())?;
            let pending = if document.pending { ", pending" } else { "" };
            eprintln!(
                "multipath-overrides.conf is {}{pending}; digest {}",
                clean(&document.state),
                clean(&document.digest)
            );
            for problem in &document.problems {
                eprintln!("line {}: {}", problem.line, clean(&problem.what));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
