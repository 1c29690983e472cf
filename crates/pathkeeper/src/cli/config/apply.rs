//! `pathkeeper config apply`: shows the plan, asks, and starts a rollout of exactly what was shown.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::config::{PlanBody, Planned};
use pathkeeper_api::rollout::StartBody;

use super::super::text::clean;
use super::super::{Failure, Globals, Output, confirmed, out, versioned};
use super::{render, rollout};

/// Bring the pending documents to the nodes: shows the plan, asks, and starts a rollout of what was shown
///
/// One node goes first and alone; the others follow when it has verified, three at a time, and nobody follows a failure. A node that does
/// not manage (pathkeeper manage enable) takes no part. What takes LUNs out, renames maps in use, or takes over what was set up by hand
/// has to be agreed to by an option; a LUN in use is never taken out.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper config apply
  pathkeeper config apply --adopt all               first time on nodes that were set up by hand (config adopt)
  pathkeeper config apply --canary pve3 --wait
  pathkeeper config apply --digest 0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33 --yes

Exit status: 0 started; with --wait that of config rollout.")]
pub struct ApplyArgs {
    /// Of the multipath.cfg that you looked at; without it the plan is shown, and what it is of is applied
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Of the multipath-overrides.conf that you looked at
    #[arg(long, value_name = "DIGEST", requires = "digest")]
    overrides_digest: Option<String>,
    /// So many LUNs are taken out, and that is meant
    #[arg(long, value_name = "N")]
    allow_removal: Option<u64>,
    /// Maps that are in use may get another name
    #[arg(long)]
    rename_in_use: bool,
    /// Take over LUNs that were set up by hand: all (their maps keep their names), or these, as the document names them
    #[arg(long, value_name = "all|WWID,…")]
    adopt: Option<String>,
    /// This node goes first
    #[arg(long, value_name = "NODE")]
    canary: Option<String>,
    /// On this node alone
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Stay until it is over, or stuck
    #[arg(long)]
    wait: bool,
}

/// Runs the command.
pub(super) async fn run(args: ApplyArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    const UNDONE: &str = "nothing was started";
    let client = globals.client()?;
    let json = globals.output == Output::Json;
    let mut body = StartBody {
        allow_removal: args.allow_removal,
        rename_in_use: args.rename_in_use,
        adopt: args.adopt,
        canary: args.canary,
        node: args.node,
        ..StartBody::default()
    };
    match args.digest {
        Some(digest) => (body.digest, body.overrides_digest) = (digest, args.overrides_digest),
        None => {
            let asked = PlanBody {
                adopt: body.adopt.clone(),
                rename_in_use: body.rename_in_use,
                ..PlanBody::default()
            };
            let planned = client.plan(&asked).await?;
            let text = render::plan(&planned);
            if json {
                eprint!("{text}");
            } else {
                out::print(&text)?;
            }
            (body.digest, body.overrides_digest) = of(planned);
        }
    }
    if !args.yes {
        let whom = body.node.as_deref().map_or("the nodes".to_owned(), clean);
        confirmed(&format!("bring this to {whom}?"), UNDONE, "--yes does it without asking")?;
    }
    let started = client.start_rollout(&body).await?;
    if args.wait {
        return rollout::wait(&client, started.rollout.generation, globals).await;
    }
    if json {
        out::print(&versioned(&started, true)?)?;
    } else {
        let mut text = format!("generation {} is started\n", started.rollout.generation);
        started.notes.iter().for_each(|note| text.push_str(&format!("note: {}\n", clean(note))));
        text.push_str("how far it is: pathkeeper config rollout\n");
        out::print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What was planned, by its digests.
fn of(planned: Planned) -> (String, Option<String>) {
    (planned.config_digest, planned.overrides_digest)
}
