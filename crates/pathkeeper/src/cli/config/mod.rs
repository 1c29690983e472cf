//! `pathkeeper config`: the cluster's multipath configuration, looked at, thought through, written, and brought to the nodes.

mod apply;
pub(super) mod edit;
mod render;
mod rollout;
pub(super) mod write;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use pathkeeper_api::config::PlanBody;
use pathkeeper_model::config::overrides;
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::section::Problem;

use super::manage::release::{self, ReleaseArgs};
use super::text::clean;
use super::{Failure, Globals, Output, out, read_small, versioned};

/// One multipath configuration for the cluster: what it says, what is in force here and what sets it, what it would change
///
/// The documents are multipath.cfg (settings, allowed LUNs, aliases) and multipath-overrides.conf (multipath's own grammar, for
/// hardware; pathkeeper overrides) in the store: on Proxmox VE /etc/pve/multipath.cfg and /etc/pve/multipath-overrides.conf. Writing one
/// only makes it pending; apply brings both to the nodes that manage. LUNs: pathkeeper lun add, remove, set, alias.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper config show                            what is said, and what sets what is in force on the answering node
  pathkeeper config get no-path-retry               one setting, of every LUN
  pathkeeper config keys retry                      what settings with that word in their names do and may be
  pathkeeper config diff new.cfg                    what a file would change in the store's document
  pathkeeper config plan --config new.cfg           what it would change on each node, and what stands against it
  pathkeeper config adopt > new.cfg                 a document under which every map keeps its name
  pathkeeper config set no-path-retry 12            for all LUNs; --lun NAME for one
  pathkeeper config apply                           shows the plan, asks, starts a rollout
  pathkeeper config rollout                         how far each node is

Exit status: 0; diff: 1 the texts differ; plan: 1 something is refused, or no plan can be made for the answering node; rollout: how far
it is; 3 nothing is known, or nothing was done.")]
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
    /// List multipath's settings, or these: what each does, what it may be, and what holds where nobody sets it
    Keys {
        /// Settings, as no-path-retry, or parts of their names
        #[arg(value_name = "KEY")]
        keys: Vec<String>,
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
        /// As it would be if these LUNs were taken over that were set up by hand: config apply --adopt
        #[arg(long, value_name = "all|WWID,…")]
        adopt: Option<String>,
        /// As it would be if maps in use might get another name: config apply --rename-in-use
        #[arg(long)]
        rename_in_use: bool,
    },
    /// Set one setting, for all LUNs or for one; pending until it is applied
    Set {
        /// The setting, as no-path-retry
        key: String,
        /// Its value
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// For this LUN: alias, map name or WWID, or its beginning
        #[arg(long, value_name = "NAME")]
        lun: Option<String>,
    },
    /// Take settings away, of all LUNs or of one; pending until it is applied
    Unset {
        /// The settings
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
        /// Of this LUN
        #[arg(long, value_name = "NAME")]
        lun: Option<String>,
    },
    /// Open $VISUAL or $EDITOR on a copy of multipath.cfg, judge it, show the plan, ask, and write it
    Edit {
        /// Write what the editor leaves without asking
        #[arg(long, short)]
        yes: bool,
    },
    Apply(apply::ApplyArgs),
    Rollout(rollout::RolloutArgs),
    /// Write the document that takes the configuration down; pending until it is applied, and refused while a LUN is in use
    Teardown {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    Release(ReleaseArgs),
    /// Show when the answering node saw the documents and the rollout change, and the newest generation
    History {
        /// Of the newest changes of all documents, so many are looked at
        #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=5000))]
        limit: u32,
    },
    /// Print a document under which every map keeps its name; what has to be asked goes to standard error
    ///
    /// Maps and names are those of all nodes, as far as they published them; settings are those of the answering node's files, for other
    /// nodes' files are not seen from here.
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
            // An agent of an older release does not tell what it means.
            let schema = if json { None } else { client.config_schema().await.ok() };
            let keyword = schema.as_ref().and_then(|schema| schema.settings.get(&key));
            let people = || render::get(&config, &key, keyword, &view);
            out::print(&if json { versioned(&config, true)? } else { people() })?;
        }
        ConfigCommand::Keys { keys } => {
            let mut schema = client.config_schema().await?;
            let words: Vec<String> = keys.iter().map(|key| key.replace('_', "-")).collect();
            schema.settings.retain(|key, _| words.is_empty() || words.iter().any(|word| key.contains(word)));
            if schema.settings.is_empty() {
                let why =
                    format!("no setting has {} in its name (pathkeeper config keys)", words.join(" or "));
                return Err(Failure::new(clean(&why)));
            }
            out::print(&if json { versioned(&schema, true)? } else { render::keys(&schema, &view) })?;
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
        ConfigCommand::Plan { config, overrides, adopt, rename_in_use } => {
            let text =
                |file: Option<PathBuf>, option: &str| file.map(|file| read_text(&file, option)).transpose();
            let body = PlanBody {
                config: text(config, "--config")?,
                overrides: text(overrides, "--overrides")?,
                adopt,
                rename_in_use,
            };
            let planned = client.plan(&body).await?;
            let people = || {
                render::plan(&planned)
                    + "\nNothing was changed. To bring it to the nodes: pathkeeper config apply\n"
            };
            out::print(&if json { versioned(&planned, true)? } else { people() })?;
            let refused = planned.nodes.values().any(|node| !node.refusals.is_empty());
            let known = planned.nodes.values().any(|node| node.basis == "files");
            return Ok(if refused || !known { ExitCode::from(1) } else { ExitCode::SUCCESS });
        }
        ConfigCommand::Set { key, value, lun } => {
            return write::set(&key, value, lun.as_deref(), globals).await;
        }
        ConfigCommand::Unset { keys, lun } => return write::unset(&keys, lun.as_deref(), globals).await,
        ConfigCommand::Edit { yes } => return edit::edit(false, yes, globals).await,
        ConfigCommand::Apply(args) => return apply::run(args, globals).await,
        ConfigCommand::Rollout(args) => return rollout::run(args, globals).await,
        ConfigCommand::Teardown { yes } => return write::teardown(yes, globals).await,
        ConfigCommand::Release(args) => return release::run(args, globals).await,
        ConfigCommand::History { limit } => return write::history(limit, globals).await,
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
