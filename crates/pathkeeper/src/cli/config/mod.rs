//! `pathkeeper config`: the cluster's multipath configuration, looked at and thought through. Nothing is written.

mod render;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use pathkeeper_api::config::PlanBody;
use pathkeeper_model::config::overrides;
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::section::Problem;

use super::text::clean;
use super::{Failure, Globals, Output, out, read_small, versioned};

/// One multipath configuration for the cluster: what it says, what is in force here and what sets it, what it would change
///
/// Looks and thinks; nothing is written, and nothing is applied yet. The documents are multipath.cfg (settings, allowed LUNs,
/// aliases) and multipath-overrides.conf (multipath's own grammar, for hardware) in the store: on Proxmox VE /etc/pve/multipath.cfg and
/// /etc/pve/multipath-overrides.conf.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper config show                            what is said, and what sets what is in force on the answering node
  pathkeeper config get no-path-retry               one setting, of every LUN
  pathkeeper config diff new.cfg                    what a file would change in the store's document
  pathkeeper config plan --config new.cfg           what it would change on each node, and what stands against it
  pathkeeper config adopt > new.cfg                 a document under which this node's maps keep their names

Exit status: 0; diff: 1 the texts differ; plan: 1 something is refused, or no plan can be made for the answering node; 3 nothing is known.")]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Subcommand, Debug)]
enum ConfigCommand {
    /// Show the documents' settings and LUNs, and what is in force on the answering node; -o wide: built-in values too
    Show,
    /// Show one setting: what is said, what is in force and what sets it, of every LUN
    Get {
        /// The setting, as no-path-retry
        key: String,
    },
    /// Compare the store's document with a file, which is judged too
    Diff {
        /// The file
        file: PathBuf,
        /// It is a multipath-overrides.conf
        #[arg(long)]
        overrides: bool,
    },
    /// Show what the store's documents, or these files, would change on each node
    Plan {
        /// A multipath.cfg in place of the store's
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// A multipath-overrides.conf in place of the store's
        #[arg(long, value_name = "FILE")]
        overrides: Option<PathBuf>,
    },
    /// Print a document under which every map of the answering node keeps its name; what has to be asked goes to standard error
    ///
    /// Made of the answering node alone: its files, maps and names. Other nodes' files are not seen from here.
    Adopt,
}

/// Runs the command.
pub async fn run(args: ConfigArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let json = globals.output == Output::Json;
    let view = globals.view();
    match args.command {
        ConfigCommand::Show => {
            let config = client.config(None).await?;
            let wide = globals.output == Output::Wide;
            out::print(&if json { versioned(&config, true)? } else { render::show(&config, &view, wide) })?;
        }
        ConfigCommand::Get { key } => {
            let config = client.config(Some(&key)).await?;
            let key = key.replace('_', "-");
            out::print(&if json { versioned(&config, true)? } else { render::get(&config, &key, &view) })?;
        }
        ConfigCommand::Diff { file, overrides } => {
            let text = read_text(&file, "config diff")?;
            let config = client.config(None).await?;
            let (name, document) = match overrides {
                true => (overrides::FILE, config.overrides),
                false => ("multipath.cfg", config.config),
            };
            if document.text.is_none() && document.state == "invalid" {
                return Err(Failure::new(format!("{name} in the store is no UTF-8: it cannot be compared")));
            }
            let shown = file.display().to_string();
            let diff =
                render::diff(name, document.text.as_deref().unwrap_or_default(), &clean(&shown), &text);
            out::print(&diff)?;
            for problem in problems(&text, overrides) {
                eprintln!("pathkeeper: {}: {}", clean(&shown), clean(&problem.to_string()));
            }
            return Ok(if diff.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) });
        }
        ConfigCommand::Plan { config, overrides } => {
            let text =
                |file: Option<PathBuf>, option: &str| file.map(|file| read_text(&file, option)).transpose();
            let body =
                PlanBody { config: text(config, "--config")?, overrides: text(overrides, "--overrides")? };
            let planned = client.plan(&body).await?;
            out::print(&if json { versioned(&planned, true)? } else { render::plan(&planned) })?;
            let refused = planned.nodes.values().any(|node| !node.refusals.is_empty());
            let known = planned.nodes.values().any(|node| node.basis == "files");
            return Ok(if refused || !known { ExitCode::from(1) } else { ExitCode::SUCCESS });
        }
        ConfigCommand::Adopt => {
            let adopted = client.config_adopt().await?;
            if json {
                out::print(&versioned(&adopted, true)?)?;
            } else {
                out::print(&adopted.config)?;
                eprint!("{}", render::asked(&adopted));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A document that a person names; one that is no UTF-8 is none.
fn read_text(file: &Path, option: &str) -> Result<String, Failure> {
    let bytes = read_small(file, option)?;
    String::from_utf8(bytes).map_err(|e| {
        Failure::new(format!("{option} {}: it is not UTF-8: {}", file.display(), e.utf8_error()))
    })
}

/// Why a text would be no instruction.
fn problems(text: &str, is_overrides: bool) -> Vec<Problem> {
    if is_overrides {
        return match overrides::Reading::parse(Some(text.as_bytes())) {
            overrides::Reading::Invalid(problems) => problems,
            _ => Vec::new(),
        };
    }
    match Reading::parse(Some(text.as_bytes())) {
        Reading::Invalid(problems) => problems,
        _ => Vec::new(),
    }
}
