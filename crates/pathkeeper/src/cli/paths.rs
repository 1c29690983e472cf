//! `pathkeeper paths`: one line per path of this node, and the devices that no map took.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::disks::{NodeDisks, Path};
use serde::Serialize;

use super::maps::daemon_line;
use super::text::{Field, Tone, View, clean, field, table};
use super::{Failure, Globals, Output, out, versioned};

/// Show one line per path of this node, and the devices in no map
///
/// Address, device, three words (kernel, checker, device), adapter and target port, map.
/// Paths that cannot be used come first. Devices that no map took stand at the end, with the reason as far as
/// multipathd gives one.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper paths
  pathkeeper paths --down
  pathkeeper paths -o wide")]
pub struct PathsArgs {
    /// Only paths that cannot be used
    #[arg(long)]
    down: bool,
}

/// Asks the agent for its own node's paths. Exit status: 1 if one cannot be used, 3 if multipathd does not answer.
pub async fn run(args: PathsArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let disks = globals.client()?.disks("localhost").await?;
    let rows = rows(&disks, args.down);
    let exit = match () {
        () if rows.iter().any(|row| !row.path.usable) => 1,
        () if disks.multipathd != "running" && disks.multipathd != "absent" => 3,
        () => 0,
    };
    if globals.output == Output::Json {
        let answer = Answer { node: &disks.node, time: disks.time, paths: rows, devices: &disks.devices };
        out::print(&versioned(&answer, true)?)?;
    } else {
        out::print(&render(&disks, &rows, args.down, globals.output == Output::Wide, &globals.view()))?;
    }
    Ok(ExitCode::from(exit))
}

#[derive(Serialize)]
struct Answer<'a> {
    node: &'a str,
    time: i64,
    paths: Vec<Row<'a>>,
    devices: &'a [Path],
}

/// A path and the map that it is in.
#[derive(Serialize, Debug)]
pub struct Row<'a> {
    map: &'a str,
    #[serde(flatten)]
    path: &'a Path,
}

/// The paths that are in maps, unusable ones first, else in multipathd's order.
pub fn rows(disks: &NodeDisks, down: bool) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for map in &disks.maps {
        let paths = map.groups.iter().flat_map(|group| &group.paths);
        rows.extend(paths.filter(|p| !(down && p.usable)).map(|path| Row { map: &map.name, path }));
    }
    rows.sort_by_key(|row| row.path.usable);
    rows
}

/// The table.
pub fn render(disks: &NodeDisks, rows: &[Row<'_>], down: bool, wide: bool, view: &View) -> String {
    let mut out = daemon_line(disks, view);
    let mut titles = vec!["HCTL", "DEV", "DEV_T", "DM", "CHECK", "DEVICE", "ADAPTER -> TARGET PORT", "MAP"];
    if wide {
        titles.extend(["PRIO", "FAILURES", "BY", "ADAPTER PORT", "SERIAL", "WWID"]);
    }
    let mut lines: Vec<Vec<Field>> = vec![titles.into_iter().map(|t| field(Tone::Strong, t)).collect()];
    for Row { map, path } in rows {
        let tone = if path.usable { Tone::Plain } else { Tone::Bad };
        let mut line = start(path, tone);
        // The words say why a path is down; where they would pass for good, the mark says that it is not used.
        let mark = if path.usable { "" } else { view.mark("failed") };
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
        let what = if down { "every path in a map can be used" } else { "no path is in a map" };
        out.push_str(&format!("{}: {what}\n", clean(&disks.node)));
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
