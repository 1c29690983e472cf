//! `pathkeeper paths`: one line per path of a node, and the devices that no map took.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::disks::{NodeDisks, Path};
use serde::Serialize;

use super::maps::{age_line, daemon_line, is_as_of_then};
use super::text::{Field, Tone, View, clean, field, table};
use super::{Failure, Globals, Output, out, versioned};

/// Show one line per path of a node, and the devices in no map
///
/// This node's are live; another's are as it published them, with their age, also while it is offline.
///
/// Address, device, three words (kernel, checker, device), adapter and target port, map.
/// Paths that cannot be used come first. Devices that no map took stand at the end, with the reason as far as
/// multipathd gives one.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper paths
  pathkeeper paths --down
  pathkeeper paths --node pve2
  pathkeeper paths -o wide")]
pub struct PathsArgs {
    /// Another node's paths
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Only paths that cannot be used
    #[arg(long)]
    down: bool,
}

/// Asks the agent for its own node's paths, or another's. Exit status: 1 if one cannot be used, 3 if multipathd or
/// the node does not answer.
pub async fn run(args: PathsArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let disks = globals.client()?.disks(args.node.as_deref().unwrap_or("localhost")).await?;
    let rows = rows(&disks, args.down);
    let exit = exit_status(&disks, &rows);
    if globals.output == Output::Json {
        let answer = Answer {
            node: &disks.node,
            time: disks.time,
            detail: &disks.detail,
            age_s: disks.age_s,
            report: disks.report.as_deref(),
            believed: disks.believed,
            paths: rows,
            devices: &disks.devices,
        };
        out::print(&versioned(&answer, true)?)?;
    } else {
        out::print(&render(&disks, &rows, args.down, globals.output == Output::Wide, &globals.view()))?;
    }
    Ok(ExitCode::from(exit))
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Answer<'a> {
    node: &'a str,
    time: i64,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    believed: Option<bool>,
    paths: Vec<Row<'a>>,
    devices: &'a [Path],
}

/// A path and the map that it is in.
#[derive(Serialize, Debug)]
pub struct Row<'a> {
    map: &'a str,
    #[serde(flatten)]
    path: &'a Path,
    /// What is said of it is not what its node says now.
    #[serde(skip)]
    as_of_then: bool,
}

/// 1 a path cannot be used, 3 nobody knows, 0 every path can be used.
pub fn exit_status(disks: &NodeDisks, rows: &[Row<'_>]) -> u8 {
    // The report says worse than the list: which path it is will be known later.
    let worse = |state: &str| ["failed", "missing", "degraded"].contains(&state);
    let differs = || disks.maps.iter().filter(|map| map.report_differs.is_some());
    match () {
        () if !disks.is_believed() => 3,
        () if rows.iter().any(|row| !row.path.usable && !row.as_of_then) => 1,
        () if differs().any(|map| worse(&map.state)) => 1,
        () if differs().next().is_some() => 3,
        () if disks.multipathd != "running" && disks.multipathd != "absent" => 3,
        () => 0,
    }
}

/// The paths that are in maps, unusable ones first, else in multipathd's order.
pub fn rows(disks: &NodeDisks, down: bool) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for map in &disks.maps {
        let paths = map.groups.iter().flat_map(|group| &group.paths);
        let as_of_then = is_as_of_then(disks, map);
        let listed = paths.filter(|p| !(down && p.usable));
        rows.extend(listed.map(|path| Row { map: &map.name, path, as_of_then }));
    }
    rows.sort_by_key(|row| row.path.usable);
    rows
}

/// The table.
pub fn render(disks: &NodeDisks, rows: &[Row<'_>], down: bool, wide: bool, view: &View) -> String {
    let mut out = age_line(disks, view) + &daemon_line(disks, view);
    let mut titles = vec!["HCTL", "DEV", "DEV_T", "DM", "CHECK", "DEVICE", "ADAPTER -> TARGET PORT", "MAP"];
    if wide {
        titles.extend(["PRIO", "FAILURES", "BY", "ADAPTER PORT", "SERIAL", "WWID"]);
    }
    let mut lines: Vec<Vec<Field>> = vec![titles.into_iter().map(|t| field(Tone::Strong, t)).collect()];
    for Row { map, path, as_of_then } in rows {
        let (tone, mark) = match (path.usable, as_of_then) {
            (true, _) => (Tone::Plain, ""),
            (false, true) => (Tone::Doubt, view.mark("unknown")),
            (false, false) => (Tone::Bad, view.mark("failed")),
        };
        let mut line = start(path, tone);
        // The words say why a path is down; where they would pass for good, the mark says that it is not used.
        line.push(field(Tone::Plain, format!("{map} {mark}").trim_end()));
        if wide {
            let failures = path.failures.map_or_else(String::new, |n| n.to_string());
            line.push(field(Tone::Plain, path.prio.to_string()));
            line.push(field(Tone::Plain, failures));
            for text in [&path.transport, &path.adapter_port, &path.serial, &path.wwid] {
                line.push(field(Tone::Plain, text.as_deref().unwrap_or("")));
            }
        }
        lines.push(line);
    }
    if lines.len() > 1 {
        out.push_str(&table(view, &lines));
    } else {
        let what = match () {
            () if !disks.is_believed() => "no path was in a map then",
            () if down && disks.maps.iter().any(|map| map.report_differs.is_some()) => {
                "no path of these is known to be down"
            }
            () if down => "every path in a map can be used",
            () => "no path is in a map",
        };
        out.push_str(&format!("{}: {what}\n", clean(&disks.node)));
    }
    for map in &disks.maps {
        let Some(why) = &map.report_differs else { continue };
        out.push_str(&view.paint(Tone::Doubt, &format!("{}: {}", clean(&map.name), clean(why))));
        out.push('\n');
    }
    if !disks.devices.is_empty() && !down {
        out.push_str("\nin no map:\n");
        let lines: Vec<Vec<Field>> = disks.devices.iter().map(|path| loose(path, wide)).collect();
        out.push_str(&table(view, &lines));
    }
    out
}

fn start(path: &Path, tone: Tone) -> Vec<Field> {
    let mut line: Vec<Field> =
        [path.hctl.as_deref().unwrap_or("-"), &path.dev, &path.dev_t].map(|t| field(Tone::Plain, t)).into();
    line.extend([&path.dm_state, &path.check_state, &path.dev_state].map(|t| field(tone, t)));
    line.push(field(Tone::Plain, route(path)));
    line
}

/// `host7 -> 50:06:…`, with as much of it as is known.
fn route(path: &Path) -> String {
    match (&path.adapter, &path.target_port) {
        (None, None) => "-".into(),
        (adapter, target) => {
            format!("{} -> {}", adapter.as_deref().unwrap_or("?"), target.as_deref().unwrap_or("?"))
        }
    }
}

/// A device that no map took: what it is, and why, as far as is known.
fn loose(path: &Path, wide: bool) -> Vec<Field> {
    let mut line = start(path, Tone::Doubt);
    let size = path.size.map_or_else(String::new, super::text::bytes);
    let product = path.product.as_deref().unwrap_or("");
    let why = path.loose_because.as_deref().unwrap_or("no reason given");
    line.push(field(Tone::Plain, why));
    let wwid = path.wwid.as_deref().unwrap_or("no WWID");
    line.extend([wwid, &size, product].map(|t| field(Tone::Plain, t)));
    if wide {
        line.push(field(Tone::Plain, path.serial.as_deref().unwrap_or("")));
    }
    line
}
