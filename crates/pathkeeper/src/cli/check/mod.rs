//! `pathkeeper check`: a Nagios and Icinga plugin, and with `--checkmk` a Checkmk local check.
//!
//! The form is the Monitoring Plugins' guideline: exit 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; `text | perfdata` on the
//! first line, long text on the following ones. Causes come first, and what they explain is not said again. Whatever could
//! not be found out is UNKNOWN: silence is never OK.

mod checkmk;
mod cluster;
mod lun;
mod node;
#[cfg(test)]
mod tests;
mod words;

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::ClusterStatus;

use super::text::clean;
use super::{Failure, Globals, out};

/// Long lines are never more than this; what is left out is counted.
const LINES_MAX: usize = 30;

/// Be a Nagios and Icinga plugin, or a Checkmk local check
///
/// OK, WARNING, CRITICAL as the worst that is wrong, is not muted, and is not explained by a cause that is named; UNKNOWN
/// where it could not be found out.
///
/// Run --cluster on one node (or several: any node answers for all), --node on each. No agent, no answer in time,
/// a stale report, a partial view, a LUN in doubt: each is UNKNOWN, never OK.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. With --checkmk always 0: the states are in the lines.

Examples:
  pathkeeper check
  pathkeeper check --node
  pathkeeper check --node pve2
  pathkeeper check --lun backup-01 --timeout 5
  pathkeeper check --checkmk                        (all services of this node, and the cluster's by piggyback)
  pathkeeper check --checkmk --lun backup-01 --piggyback san-a")]
pub struct CheckArgs {
    #[command(flatten)]
    what: What,
    /// Print Checkmk local checks: of this node, and of the cluster as piggyback of a host of its own
    #[arg(long)]
    checkmk: bool,
    /// With --checkmk: the host that the cluster's line is for; without it the cluster's name
    #[arg(long, value_name = "HOST", requires = "checkmk")]
    piggyback: Option<String>,
}

/// What is checked.
#[derive(Args, Debug, Default)]
#[group(multiple = false)]
struct What {
    /// The whole cluster (the default)
    #[arg(long)]
    cluster: bool,
    /// One node: its LUNs, its multipathd, its report; without NAME the one that answers
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    node: Option<String>,
    /// One LUN on all of its nodes
    #[arg(long, value_name = "WWID|NAME")]
    lun: Option<String>,
}

/// What the plugin says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// 0 to 3.
    pub exit: u8,
    /// What follows `STATUS: `.
    pub text: String,
    /// Perfdata; may be empty.
    pub perf: String,
    /// Long lines.
    pub lines: Vec<String>,
}

/// What a verdict is made of.
#[derive(Clone, Copy)]
struct Seen<'a> {
    status: &'a ClusterStatus,
    nodes: &'a [NodeRow],
    view: &'a super::text::View,
}

impl Verdict {
    fn unknown(text: impl Into<String>) -> Self {
        Self { exit: 3, text: text.into(), perf: String::new(), lines: Vec::new() }
    }

    /// The output. `|` separates perfdata and a newline the long text, so names may bear neither.
    pub fn render(&self) -> String {
        let mut out = format!("{}: {}", words::of_exit(self.exit), plain(&self.text));
        if !self.perf.is_empty() {
            out.push_str(&format!(" | {}", self.perf));
        }
        out.push('\n');
        for line in self.lines.iter().take(LINES_MAX) {
            out.push_str(&plain(line));
            out.push('\n');
        }
        if self.lines.len() > LINES_MAX {
            out.push_str(&format!("and {} more: pathkeeper status\n", self.lines.len() - LINES_MAX));
        }
        out
    }
}

/// Text that cannot be taken for perfdata or for a line of its own.
fn plain(text: &str) -> String {
    clean(&text.replace(['\n', '\t'], " ")).replace('|', "/")
}

/// Asks the agent and prints; every failure is UNKNOWN on standard output, where the plugin's caller reads.
pub async fn run(args: CheckArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let asked = ask(globals).await;
    if args.checkmk {
        let text = match &asked {
            Ok((status, nodes)) => {
                let seen = Seen { status, nodes, view: &globals.view() };
                checkmk::sections(seen, &args.what, args.piggyback.as_deref())
            }
            Err(failure) => checkmk::silent(&told(failure), &args.what),
        };
        out::print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let verdict = match &asked {
        Ok((status, nodes)) => args.what.verdict(Seen { status, nodes, view: &globals.view() }),
        Err(failure) => Verdict::unknown(told(failure)),
    };
    out::print(&verdict.render())?;
    Ok(ExitCode::from(verdict.exit))
}

fn told(failure: &Failure) -> String {
    failure.message().replace("\n  ", "; ")
}

async fn ask(globals: &Globals) -> Result<(ClusterStatus, Vec<NodeRow>), Failure> {
    let client = globals.client()?;
    Ok((client.status("").await?, client.nodes().await?))
}

impl What {
    fn verdict(&self, seen: Seen<'_>) -> Verdict {
        match (&self.lun, &self.node) {
            (Some(lun), _) => lun::verdict(seen, lun),
            (None, Some(name)) => node::verdict(seen, node_or_own(seen, name)),
            (None, None) => cluster::verdict(seen),
        }
    }
}

/// The node that is meant: the one that answers, unless another is named.
fn node_or_own<'a>(seen: Seen<'a>, name: &'a str) -> &'a str {
    if name.is_empty() { &seen.status.view.observer } else { name }
}
