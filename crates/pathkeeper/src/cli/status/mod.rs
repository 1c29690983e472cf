//! `pathkeeper status`: the whole cluster on one page.

mod live;
mod render;
mod rows;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::status::LunRow;

pub use render::{line, render};

use super::{Failure, Globals, Output, out, versioned};

/// Show the LUN by node matrix of the whole cluster, worst first
///
/// Line 1 is the verdict: health, the time, who looked, how much of the cluster is fresh. Below it what is wrong,
/// then the rows that are not optimal. A cell is usable/expected paths, or usable/known where no expectation is
/// recorded. All well is two lines.
#[derive(Args, Debug, Clone, Default)]
#[command(after_help = "\
Exit status: 0 all clean, 1 degraded, 2 missing or failed, 3 in doubt, partial view, or no answer.

Examples:
  pathkeeper status
  pathkeeper status --watch
  pathkeeper status --at 02:30
  pathkeeper status --state failed,missing
  pathkeeper status --node pve2 --unclean -o json")]
pub struct StatusArgs {
    /// Show every row, clean ones too, and every finding with all of its evidence
    #[arg(long)]
    all: bool,
    /// Only rows of these cluster-states
    #[arg(long, value_delimiter = ',', value_name = "STATE", value_parser = ["optimal", "degraded", "missing", "failed", "unknown"])]
    state: Vec<String>,
    /// Only rows that have a cell of this node
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Only rows that are not optimal on every node (what a table shows anyway; for json)
    #[arg(long)]
    unclean: bool,
    /// As it was then, from the history of the node that is asked: 02:30 (the last one), 2h (ago), "2026-11-23 02:30",
    /// 2026-11-23T02:30:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "watch")]
    at: Option<String>,
    /// Stay, and repaint when something changes; Ctrl-C ends it
    #[arg(long, short)]
    watch: bool,
}

/// What is shown, beside [`super::text::View`].
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Every row, nothing folded, all evidence.
    pub all: bool,
    /// Full WWID, size, transport, whatever the width.
    pub wide: bool,
    /// Only these cluster-states; empty = every one.
    pub states: Vec<String>,
    /// Only rows with a cell of this node.
    pub node: Option<String>,
    /// Only rows that are not clean.
    pub unclean: bool,
    /// The connection is gone: everything shown is past.
    pub lost: Option<Lost>,
}

/// Since when, and why, nothing is heard any more.
#[derive(Debug, Clone)]
pub struct Lost {
    /// Epoch seconds.
    pub since: i64,
    /// In words.
    pub why: String,
}

impl Options {
    fn of(args: &StatusArgs, globals: &Globals) -> Self {
        Self {
            all: args.all,
            wide: globals.output == Output::Wide,
            states: args.state.clone(),
            node: args.node.clone(),
            unclean: args.unclean,
            lost: None,
        }
    }

    /// Whether the filters let this row through.
    pub fn wants(&self, row: &LunRow) -> bool {
        (self.states.is_empty() || self.states.contains(&row.cluster_state))
            && self.node.as_ref().is_none_or(|node| row.nodes.contains_key(node))
            && !(self.unclean && row.is_clean())
    }

    fn is_filter(&self) -> bool {
        !self.states.is_empty() || self.node.is_some() || self.unclean
    }

    /// Whether clean rows are listed and not only counted.
    fn shows_clean(&self) -> bool {
        self.all || self.states.iter().any(|s| s == "optimal")
    }
}

/// Asks once, or stays with `--watch`. The exit status is the summary's.
pub async fn run(args: StatusArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let options = Options::of(&args, globals);
    if args.watch {
        return live::watch(globals, options).await;
    }
    let client = globals.client()?;
    let mut view = globals.view();
    let query = match &args.at {
        Some(at) => format!("at={}", super::when::past(at, &view)?),
        None => String::new(),
    };
    let mut status = client.status(&query).await?;
    if let Some(node) = options.node.as_ref() {
        let known = || status.luns.iter().any(|row| row.nodes.contains_key(node));
        if !known() && !client.nodes().await?.iter().any(|n| n.node == *node) {
            return Err(Failure::new(format!("no node is called {node}; pathkeeper nodes lists them")));
        }
    }
    let exit = ExitCode::from(status.summary.exit_status);
    if globals.output == Output::Json {
        status.luns.retain(|row| options.wants(row));
        out::print(&versioned(&status, true)?)?;
        return Ok(exit);
    }
    // The matrix is worth showing without the nodes' freshness in its headings.
    let nodes = match &status.as_of {
        Some(then) => {
            // Then is now: spans count from there.
            view.now = then.at;
            then.nodes.clone()
        }
        None => client.nodes().await.unwrap_or_default(),
    };
    out::print(&render(&status, &nodes, &view, &options))?;
    Ok(exit)
}
