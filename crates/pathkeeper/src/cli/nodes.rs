//! `pathkeeper nodes`: how far each node can be believed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use pathkeeper_api::nodes::NodeRow;
use pathkeeper_model::NodeName;
use serde::Serialize;

use super::text::{Field, Tone, View, clean, count, field, span, table};
use super::{Failure, Globals, Output, out, versioned};
use crate::config::{Config, node_name_is_good};

/// Show how far each node can be believed, and its versions
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 if every node is online, fresh and its multipathd runs (or is not installed), else 3.

Examples:
  pathkeeper nodes
  pathkeeper nodes -o wide
  pathkeeper nodes forget pve9")]
pub struct NodesArgs {
    #[command(subcommand)]
    command: Option<NodesCommand>,
}

#[derive(Subcommand, Debug)]
enum NodesCommand {
    /// Remove a node that is gone for good, with everything it reported; refused while it is online
    ///
    /// Speaks to the store itself with this machine's settings, so it needs the right to read them (root). On Proxmox
    /// VE the cluster's own list of members rules: pvecm delnode.
    Forget {
        /// The node's name
        node: String,
        /// The agent's configuration file, if it is not /etc/pathkeeper/pathkeeper.toml
        #[arg(long, value_name = "FILE", env = "PATHKEEPER_CONFIG")]
        config: Option<PathBuf>,
    },
}

async fn forget(node: &str, config: Option<&Path>) -> Result<ExitCode, Failure> {
    let failed = |e: String| Failure::new(format!("nodes forget: {e}"));
    let name = NodeName::new(node).filter(|name| node_name_is_good(name.as_str()));
    let name = name.ok_or_else(|| failed(format!("{node:?} is no node name")))?;
    let config = Config::load(config, std::env::vars()).map_err(|e| failed(e.to_string()))?;
    if name == config.node {
        return Err(failed(format!(
            "{node} is this machine: pathkeeper agent --leave first, then from another node"
        )));
    }
    let told = crate::app::stores::forget(&config, &name).await.map_err(|e| failed(format!("{e:#}")))?;
    out::print(&told)?;
    Ok(ExitCode::SUCCESS)
}

/// Asks the agent what it knows of the nodes.
pub async fn run(args: NodesArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    if let Some(NodesCommand::Forget { node, config }) = &args.command {
        return forget(node, config.as_deref()).await;
    }
    let nodes = globals.client()?.nodes().await?;
    let exit = if nodes.iter().all(is_sound) { 0 } else { super::EXIT_UNKNOWN };
    if globals.output == Output::Json {
        #[derive(Serialize)]
        struct Answer {
            nodes: Vec<NodeRow>,
        }
        out::print(&versioned(&Answer { nodes }, true)?)?;
    } else {
        out::print(&render(&nodes, globals.output == Output::Wide, &globals.view()))?;
    }
    Ok(ExitCode::from(exit))
}

/// Whether what this node says can be taken as it is.
fn is_sound(node: &NodeRow) -> bool {
    node.status == "online"
        && node.report == "fresh"
        && matches!(node.multipathd.as_deref(), Some("running" | "absent"))
}

/// The table; why something is not as it should be stands below it.
pub fn render(nodes: &[NodeRow], wide: bool, view: &View) -> String {
    if nodes.is_empty() {
        return "no node is known yet\n".into();
    }
    let mut titles =
        vec!["NODE", "STATUS", "REPORT", "HEARD", "MULTIPATHD", "LUNS HERE", "PATHKEEPER", "MODE"];
    if wide {
        titles.extend(["KERNEL", "CLOCK", "INSTANCE"]);
    }
    let mut lines: Vec<Vec<Field>> = vec![titles.into_iter().map(|t| field(Tone::Strong, t)).collect()];
    for node in nodes {
        let heard = node.report_age_s.map_or_else(|| "never".into(), |s| format!("{} ago", span(signed(s))));
        let daemon = node.multipathd.as_deref().unwrap_or("?");
        let daemon = match node.multipath_tools.as_deref() {
            Some(version) => format!("{version} {daemon}"),
            None => daemon.to_owned(),
        };
        let good = |is: bool| if is { Tone::Good } else { Tone::Doubt };
        let mut line = vec![
            field(Tone::Plain, &node.node),
            field(good(node.status == "online"), &node.status),
            field(good(node.report == "fresh"), &node.report),
            field(Tone::Plain, heard),
            field(good(matches!(node.multipathd.as_deref(), Some("running" | "absent"))), daemon),
            cells(node),
            field(Tone::Plain, node.pathkeeper.as_deref().unwrap_or("?")),
            field(Tone::Plain, node.mode.as_deref().unwrap_or("?")),
        ];
        if wide {
            let skew = node.clock_skew_s.map_or_else(|| "?".into(), |s| format!("{s:+} s"));
            line.push(field(Tone::Plain, node.kernel.as_deref().unwrap_or("?")));
            line.push(field(Tone::Plain, skew));
            line.push(field(Tone::Plain, node.instance.as_deref().unwrap_or("?")));
        }
        lines.push(line);
    }
    let mut out = table(view, &lines);
    for node in nodes {
        for why in [&node.report_why, &node.multipathd_why].into_iter().flatten() {
            out.push_str(&format!("{}: {}\n", clean(&node.node), clean(why)));
        }
        if let Some(luns) = node.settling {
            let luns = count(luns.into(), "LUN");
            let node = clean(&node.node);
            out.push_str(&format!(
                "{node}: settling: it has just booted, and {luns} of it have no map yet\n"
            ));
        }
    }
    out
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// `12`, or `12, 1 failed, 2 degraded`.
fn cells(node: &NodeRow) -> Field {
    let c = &node.cells;
    let all = c.optimal + c.degraded + c.missing + c.failed + c.unknown;
    let bad =
        [(c.failed, "failed"), (c.missing, "missing"), (c.degraded, "degraded"), (c.unknown, "unknown")];
    let words = bad.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!(", {n} {word}"));
    let text = all.to_string() + &words.collect::<String>();
    let worst = bad.iter().find(|(n, _)| *n > 0).map(|(_, word)| *word);
    let tone = if all == 0 { Tone::Plain } else { super::text::tone_of(worst.unwrap_or("optimal")) };
    field(tone, text)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use pathkeeper_api::nodes::CellCounts;

    use super::*;
    use crate::cli::fixtures::{node, view};

    #[test]
    fn every_kind_of_node_has_its_words() {
        let nodes = [
            node("pve1", "fresh"),
            NodeRow {
                cells: CellCounts { optimal: 9, degraded: 2, failed: 1, ..Default::default() },
                ..node("pve2", "fresh")
            },
            NodeRow {
                multipathd: Some("hung".into()),
                multipathd_why: Some("it took the connection and said nothing for 5 s".into()),
                cells: CellCounts { unknown: 12, ..Default::default() },
                ..node("pve3", "fresh")
            },
            node("pve4", "stale"),
            NodeRow {
                settling: Some(2),
                cells: CellCounts { optimal: 10, unknown: 2, ..Default::default() },
                ..node("pve6", "fresh")
            },
            NodeRow {
                report_age_s: None,
                multipathd: None,
                multipath_tools: None,
                pathkeeper: None,
                mode: None,
                cells: CellCounts::default(),
                ..node("pve5", "offline")
            },
        ];
        expect![[r#"
            NODE  STATUS   REPORT   HEARD   MULTIPATHD     LUNS HERE                 PATHKEEPER  MODE
            pve1  online   fresh    3s ago  0.9.4 running  12                        0.1.0       observe
            pve2  online   fresh    3s ago  0.9.4 running  12, 1 failed, 2 degraded  0.1.0       observe
            pve3  online   fresh    3s ago  0.9.4 hung     12, 12 unknown            0.1.0       observe
            pve4  online   stale    3m ago  0.9.4 running  12                        0.1.0       observe
            pve6  online   fresh    3s ago  0.9.4 running  12, 2 unknown             0.1.0       observe
            pve5  offline  offline  never   ?              0                         ?           ?
            pve3: it took the connection and said nothing for 5 s
            pve4: nothing new for 190 s, the limit is 180 s
            pve6: settling: it has just booted, and 2 LUNs of it have no map yet
            pve5: nothing new for 190 s, the limit is 180 s
        "#]]
        .assert_eq(&render(&nodes, false, &view()));
        expect![[r#"
            NODE  STATUS  REPORT  HEARD   MULTIPATHD     LUNS HERE  PATHKEEPER  MODE     KERNEL          CLOCK  INSTANCE
            pve1  online  fresh   3s ago  0.9.4 running  12         0.1.0       observe  6.1.0-56-amd64  +0 s   00c0ffee00c0ffee
        "#]].assert_eq(&render(&nodes[..1], true, &view()));
        assert_eq!(nodes.iter().filter(|n| is_sound(n)).count(), 3);
    }
}
