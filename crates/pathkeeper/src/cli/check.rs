//! `pathkeeper check`: a Nagios and Icinga plugin.
//!
//! The form is the Monitoring Plugins' guideline: exit 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; `text | perfdata` on the
//! first line, long text on the following ones. Whatever could not be found out is UNKNOWN: silence is never OK.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::{Cell, ClusterStatus, LunRow};

use super::text::{View, clean, count, span};
use super::{Failure, Globals, out};

/// Long lines are never more than this; what is left out is counted.
const LINES_MAX: usize = 30;

/// Be a Nagios and Icinga plugin
///
/// OK, WARNING (degraded), CRITICAL (missing or failed), UNKNOWN (anything else).
///
/// Run --cluster on one node (or several: any node answers for all), --node on each. No agent, no answer in time,
/// a stale report, a partial view, a LUN in doubt: each is UNKNOWN, never OK.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.

Examples:
  pathkeeper check
  pathkeeper check --node
  pathkeeper check --node pve2
  pathkeeper check --lun backup-01 --timeout 5")]
#[group(multiple = false)]
pub struct CheckArgs {
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

impl Verdict {
    fn unknown(text: impl Into<String>) -> Self {
        Self { exit: 3, text: text.into(), perf: String::new(), lines: Vec::new() }
    }

    /// The output. `|` separates perfdata and a newline the long text, so names may bear neither.
    pub fn render(&self) -> String {
        let plain = |text: &str| clean(&text.replace(['\n', '\t'], " ")).replace('|', "/");
        let word = match self.exit {
            0 => "OK",
            1 => "WARNING",
            2 => "CRITICAL",
            _ => "UNKNOWN",
        };
        let mut out = format!("{word}: {}", plain(&self.text));
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

/// Asks the agent and prints; every failure is UNKNOWN on standard output, where the plugin's caller reads.
pub async fn run(args: CheckArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let verdict = match ask(&args, globals).await {
        Ok(verdict) => verdict,
        Err(failure) => Verdict::unknown(failure.message().replace("\n  ", "; ")),
    };
    out::print(&verdict.render())?;
    Ok(ExitCode::from(verdict.exit))
}

async fn ask(args: &CheckArgs, globals: &Globals) -> Result<Verdict, Failure> {
    let client = globals.client()?;
    let status = client.status("").await?;
    let view = globals.view();
    if let Some(lun) = &args.lun {
        return Ok(lun_verdict(&status, lun));
    }
    let nodes = client.nodes().await?;
    Ok(match &args.node {
        Some(name) => {
            let name = if name.is_empty() { status.view.observer.clone() } else { name.clone() };
            node_verdict(&status, &nodes, &name, &view)
        }
        None => cluster_verdict(&status, &nodes, &view),
    })
}

/// 2 before 1 before 3 before 0, as status.md's section 7 has it.
fn worst(a: u8, b: u8) -> u8 {
    let rank = |exit: u8| match exit {
        2 => 3,
        1 => 2,
        3 => 1,
        _ => 0,
    };
    if rank(a) >= rank(b) { a } else { b }
}

fn exit_of(state: &str) -> u8 {
    match state {
        "optimal" => 0,
        "degraded" => 1,
        "missing" | "failed" => 2,
        _ => 3,
    }
}

/// The exit status of a row: its worst cell, and doubt.
fn exit_of_row(row: &LunRow) -> u8 {
    row.nodes.values().map(|c| exit_of(&c.state)).fold(exit_of(&row.cluster_state), worst)
}

/// `backup-01 failed on pve3 (0/4)` for the worst cell of a row.
fn sentence(row: &LunRow) -> String {
    let bad = |(_, cell): &(&String, &Cell)| cell.state != "optimal";
    let rank = |cell: &Cell| match exit_of(&cell.state) {
        2 => (3, u8::from(cell.state == "failed")),
        1 => (2, 0),
        3 => (1, 0),
        _ => (0, 0),
    };
    let cells: Vec<(&String, &Cell)> = row.nodes.iter().filter(bad).collect();
    // The first of the worst: max_by_key would give the last.
    let mut picked: Option<(&String, &Cell)> = None;
    for (node, cell) in &cells {
        if picked.is_none_or(|(_, worst)| rank(cell) > rank(worst)) {
            picked = Some((node, cell));
        }
    }
    let Some((node, cell)) = picked else { return format!("{} is {}", row.label(), row.cluster_state) };
    let others = if cells.len() > 1 {
        format!(" and {}", count(cells.len() as u64 - 1, "more node"))
    } else {
        String::new()
    };
    format!("{} {} on {node}{}{others}", row.label(), cell.state, paths(cell))
}

/// ` (2/4)`, or nothing.
fn paths(cell: &Cell) -> String {
    match (cell.paths_active.flatten(), cell.paths_total.flatten().max(cell.paths_expected)) {
        (Some(active), Some(total)) => format!(" ({active}/{total})"),
        _ => String::new(),
    }
}

/// Long lines, `[CRITICAL] …`: rows that are not clean, worst first.
fn row_lines<'a>(rows: impl Iterator<Item = &'a LunRow>) -> Vec<String> {
    let mut bad: Vec<(u8, &LunRow)> =
        rows.map(|row| (exit_of_row(row), row)).filter(|(exit, _)| *exit > 0).collect();
    let rank = |exit: u8| [3, 1, 0, 2].get(usize::from(exit)).copied().unwrap_or(3);
    bad.sort_by_key(|(exit, row)| (rank(*exit), row.label().to_owned()));
    bad.into_iter()
        .map(|(exit, row)| {
            let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"].get(usize::from(exit)).copied();
            format!("[{}] {}", word.unwrap_or("UNKNOWN"), sentence(row))
        })
        .collect()
}

fn finding_lines(status: &ClusterStatus, node: Option<&str>) -> Vec<String> {
    let about = |f: &&pathkeeper_api::status::Finding| node.is_none() || f.scope.node.as_deref() == node;
    let word = |severity: &str| match severity {
        "error" => "CRITICAL",
        "warning" => "WARNING",
        _ => "INFO",
    };
    let found = status.findings.iter().filter(about);
    found.map(|f| format!("[{}] {} {}", word(&f.severity), f.code, f.summary)).collect()
}

/// The whole cluster. The summary's exit status, and never better than its health: a warning that touches no LUN is
/// still one.
pub fn cluster_verdict(status: &ClusterStatus, nodes: &[NodeRow], view: &View) -> Verdict {
    let (s, seen) = (&status.summary, &status.view);
    let health = match s.health.as_str() {
        "HEALTH_OK" => 0,
        "HEALTH_WARN" => 1,
        "HEALTH_ERR" => 2,
        _ => 3,
    };
    let silent = seen.nodes_known.saturating_sub(seen.nodes_fresh);
    let blind = seen.partial || silent > 0 || seen.nodes_fresh == 0;
    let mut exit = s.exit_status.min(3);
    if exit == 0 {
        exit = if blind { 3 } else { health };
    }
    let rows = row_lines(status.luns.iter());
    let found = finding_lines(status, None);
    let dark: Vec<String> = nodes
        .iter()
        .filter(|n| n.report != "fresh")
        .map(|n| match n.report_age_s {
            Some(age) => {
                format!(
                    "{} {} (heard {} ago)",
                    n.node,
                    n.report,
                    span(i64::try_from(age).unwrap_or(i64::MAX))
                )
            }
            None => format!("{} {}", n.node, n.report),
        })
        .collect();
    let first = |lines: &[String]| {
        let said = lines.first().map(|l| l.split_once("] ").map_or(l.as_str(), |(_, rest)| rest).to_owned());
        let more = lines.len().saturating_sub(1);
        said.map(|text| if more > 0 { format!("{text} (+{more})") } else { text })
    };
    let text = if seen.partial && (exit == 3 || rows.is_empty()) {
        let since = seen.since.map_or_else(String::new, |at| format!(" since {}", view.moment(at)));
        let why = seen.why.as_deref().unwrap_or("partial view");
        let dark = if dark.is_empty() { String::new() } else { format!("; {}", dark.join(", ")) };
        format!("{} sees only a part{since}: {why}{dark}", seen.observer)
    } else if exit == 3 && !dark.is_empty() {
        format!("{} of {} nodes not fresh: {}", dark.len(), seen.nodes_known, dark.join(", "))
    } else if exit == 0 && s.luns == 0 {
        "nothing to watch, no node has a multipath map".into()
    } else if exit == 0 {
        let places = count(s.places, "place");
        format!(
            "{} optimal in {places}, {} of {} paths usable",
            count(s.luns.into(), "LUN"),
            s.paths_active,
            s.paths_total
        )
    } else {
        let of = format!("{} of {} not clean", s.luns.saturating_sub(s.clean), count(s.luns.into(), "LUN"));
        match (first(&rows), first(&found)) {
            (Some(row), _) => format!("{of} - {row}"),
            (None, Some(finding)) => finding,
            (None, None) => of,
        }
    };
    let perf = format!(
        "luns={};;;0 failed={};;0;0 missing={};;0;0 degraded={};0;;0 unknown={};;;0 doubt={};;;0 nodes_fresh={};{known}:;;0;{known}",
        s.luns,
        s.failed,
        s.missing,
        s.degraded,
        s.unknown,
        s.doubt,
        seen.nodes_fresh,
        known = seen.nodes_known
    );
    Verdict { exit, text, perf, lines: found.into_iter().chain(rows).collect() }
}

/// One node: its cells, its findings, its multipathd.
pub fn node_verdict(status: &ClusterStatus, nodes: &[NodeRow], name: &str, view: &View) -> Verdict {
    let Some(node) = nodes.iter().find(|n| n.node == name) else {
        return Verdict::unknown(format!("no node is called {name}; pathkeeper nodes lists them"));
    };
    if node.report != "fresh" {
        let why = node.report_why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        let age = node.report_age_s.and_then(|s| i64::try_from(s).ok());
        let age = age.map_or_else(String::new, |s| format!(", heard {} ago", span(s)));
        return Verdict::unknown(format!("{name} is {} ({}{age}){why}", node.status, node.report));
    }
    let mine = || status.luns.iter().filter_map(|row| Some((row, row.nodes.get(name)?)));
    let mut exit = mine().map(|(_, cell)| exit_of(&cell.state)).fold(0, worst);
    let of_node = |f: &&pathkeeper_api::status::Finding| f.scope.node.as_deref() == Some(name);
    for finding in status.findings.iter().filter(of_node) {
        let severity = match finding.severity.as_str() {
            "error" => 2,
            "warning" => 1,
            _ => 0,
        };
        exit = worst(exit, severity);
    }
    let daemon = node.multipathd.as_deref().unwrap_or("unknown");
    if !matches!(daemon, "running" | "absent") {
        exit = worst(exit, 3);
    }
    if status.view.partial {
        exit = worst(exit, 3);
    }
    let sum = |number: fn(&Cell) -> Option<u32>| -> u64 {
        mine().filter_map(|(_, c)| number(c)).map(u64::from).sum()
    };
    let usable = sum(|c| c.paths_active.flatten());
    let all = sum(|c| c.paths_total.flatten().max(c.paths_expected));
    let luns = mine().count() as u64;
    let mut bad: Vec<(u8, String)> = mine()
        .filter(|(_, cell)| cell.state != "optimal")
        .map(|(row, cell)| (exit_of(&cell.state), format!("{} {}{}", row.label(), cell.state, paths(cell))))
        .collect();
    let rank = |exit: u8| [3, 1, 0, 2].get(usize::from(exit)).copied().unwrap_or(3);
    bad.sort_by_key(|(exit, text)| (rank(*exit), text.clone()));
    let tools = node.multipath_tools.as_deref().map_or_else(String::new, |v| format!(" {v}"));
    let first = bad.first().map(|(_, text)| text.clone());
    let more = if bad.len() > 1 { format!(" (+{})", bad.len() - 1) } else { String::new() };
    let lines: Vec<String> = finding_lines(status, Some(name))
        .into_iter()
        .chain(bad.iter().map(|(exit, text)| {
            let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"].get(usize::from(*exit)).copied();
            format!("[{}] {text}", word.unwrap_or("UNKNOWN"))
        }))
        .collect();
    let state = match (first, daemon) {
        (Some(text), _) => format!("{text}{more}, multipathd{tools} {daemon}"),
        (None, "absent") if luns == 0 => "no multipath-tools here and no LUN expected".into(),
        (None, _) => {
            format!("{}, {usable} of {all} paths usable, multipathd{tools} {daemon}", count(luns, "LUN"))
        }
    };
    let part = if status.view.partial {
        let since = status.view.since.map_or_else(String::new, |at| format!(" since {}", view.moment(at)));
        format!("; {} sees only a part of the cluster{since}", status.view.observer)
    } else {
        String::new()
    };
    let perf = format!(
        "luns={luns};;;0 usable={usable};{all}:;;0;{all} age={}s;;;0",
        node.report_age_s.unwrap_or(0)
    );
    Verdict { exit, text: format!("{name}: {state}{part}"), perf, lines }
}

/// One LUN on all of its nodes, by WWID or by a name that only it has.
pub fn lun_verdict(status: &ClusterStatus, name: &str) -> Verdict {
    let mut found = status.luns.iter().filter(|row| row.wwid == name || row.label() == name);
    let row = match (found.next(), found.next()) {
        (None, _) => {
            return Verdict::unknown(format!("no LUN is called {name}; pathkeeper status --all lists them"));
        }
        (Some(_), Some(_)) => {
            return Verdict::unknown(format!("more than one LUN is called {name}: give its WWID"));
        }
        (Some(row), None) => row,
    };
    let mut exit = exit_of_row(row);
    if status.view.partial {
        exit = worst(exit, 3);
    }
    let known = row.nodes.values().filter(|c| c.state != "unknown").count();
    let text = match exit {
        0 => format!("{} optimal on {}", row.label(), count(row.nodes.len() as u64, "node")),
        3 if row.cluster_state == "optimal" => {
            format!("{} optimal, {known} of {} nodes known", row.label(), row.nodes.len())
        }
        _ => sentence(row),
    };
    let sum = |number: fn(&Cell) -> Option<u32>| -> u64 {
        row.nodes.values().filter_map(number).map(u64::from).sum()
    };
    let usable = sum(|c| c.paths_active.flatten());
    let all = sum(|c| c.paths_total.flatten().max(c.paths_expected));
    let optimal = row.nodes.values().filter(|c| c.state == "optimal").count();
    let cells = row.nodes.len();
    let lines = row.nodes.iter().map(|(node, c)| format!("{node}: {}{}", c.state, paths(c))).collect();
    Verdict {
        exit,
        text,
        perf: format!("usable={usable};{all}:;;0;{all} nodes_optimal={optimal};{cells}:;;0;{cells}"),
        lines,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::cli::fixtures::{NOW, cluster, finding, node, nodes, summarize, view};

    fn check(verdict: Verdict, exit: u8, expect: Expect) {
        let text = verdict.render();
        assert_eq!(verdict.exit, exit, "{text}");
        let first = text.lines().next().unwrap();
        assert!(first.matches('|').count() <= 1, "{first}");
        expect.assert_eq(&text);
    }

    const FAULTS: &str = "
        backup-01   failed   pve1=4/4 pve2=degraded:2/4 pve3=failed:0/4 pve4=4/4
        vm-prod-03  missing  pve1=4/4 pve2=degraded:2/4 pve3=4/4 pve4=missing
        vm-test-02  degraded pve1=degraded:3/4 pve2=degraded:2/4 pve3=4/4 pve4=4/4
        vm-test-03  optimal  pve1=4/4 pve2=4/4 pve3=4/4 pve4=unknown
        vm-test-04  optimal  pve1=4/4";

    #[test]
    fn clusters() {
        let check = |status: &ClusterStatus, exit: u8, expect: Expect| {
            check(cluster_verdict(status, &nodes(), &view()), exit, expect);
        };
        check(
            &cluster("a optimal pve1=4/4 pve2=4/4"),
            0,
            expect![[r#"
            OK: 1 LUN optimal in 2 places, 8 of 8 paths usable | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;;0;4
        "#]],
        );
        check(
            &cluster(FAULTS),
            2,
            expect![[r#"
            CRITICAL: 4 of 5 LUNs not clean - backup-01 failed on pve3 (0/4) and 1 more node (+3) | luns=5;;;0 failed=1;;0;0 missing=1;;0;0 degraded=1;0;;0 unknown=0;;;0 doubt=1;;;0 nodes_fresh=4;4:;;0;4
            [CRITICAL] backup-01 failed on pve3 (0/4) and 1 more node
            [CRITICAL] vm-prod-03 missing on pve4 and 1 more node
            [WARNING] vm-test-02 degraded on pve1 (3/4) and 1 more node
            [UNKNOWN] vm-test-03 unknown on pve4
        "#]],
        );
        check(
            &cluster("a degraded pve1=4/4 pve2=degraded:1/4"),
            1,
            expect![[r#"
            WARNING: 1 of 1 LUN not clean - a degraded on pve2 (1/4) | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=1;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;;0;4
            [WARNING] a degraded on pve2 (1/4)
        "#]],
        );
        check(
            &cluster("a optimal pve1=4/4 pve2=unknown"),
            3,
            expect![[r#"
            UNKNOWN: 1 of 1 LUN not clean - a unknown on pve2 | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=1;;;0 nodes_fresh=4;4:;;0;4
            [UNKNOWN] a unknown on pve2
        "#]],
        );
        check(
            &cluster("a unknown pve1=unknown"),
            3,
            expect![[r#"
            UNKNOWN: 1 of 1 LUN not clean - a unknown on pve1 | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=1;;;0 doubt=0;;;0 nodes_fresh=4;4:;;0;4
            [UNKNOWN] a unknown on pve1
        "#]],
        );
        check(
            &cluster(""),
            0,
            expect![[r#"
            OK: nothing to watch, no node has a multipath map | luns=0;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;;0;4
        "#]],
        );
        let mut hung = cluster("a optimal pve1=4/4");
        hung.findings =
            vec![finding("NODE_CLOCK_SKEW", "warning", "pve2", "the clock of pve2 is 41 s | ahead\n!")];
        summarize(&mut hung);
        hung.summary.exit_status = 0;
        check(
            &hung,
            1,
            expect![[r#"
            WARNING: NODE_CLOCK_SKEW the clock of pve2 is 41 s / ahead ! | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;;0;4
            [WARNING] NODE_CLOCK_SKEW the clock of pve2 is 41 s / ahead !
        "#]],
        );
    }

    #[test]
    fn silence_is_never_ok() {
        let mut stale = cluster("a optimal pve1=4/4");
        stale.view.nodes_fresh = 3;
        let some = [node("pve1", "fresh"), node("pve2", "stale")];
        check(
            cluster_verdict(&stale, &some, &view()),
            3,
            expect![[r#"
                UNKNOWN: 1 of 4 nodes not fresh: pve2 stale (heard 3m ago) | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=3;4:;;0;4
            "#]],
        );
        let mut alone = cluster("");
        alone.view.nodes_fresh = 0;
        assert_eq!(cluster_verdict(&alone, &[], &view()).exit, 3);
        let mut partial = cluster("a optimal pve1=4/4");
        partial.view.partial = true;
        partial.view.why = Some("NO QUORUM".into());
        partial.view.since = Some(NOW - 427);
        summarize(&mut partial);
        check(
            cluster_verdict(&partial, &some, &view()),
            3,
            expect![[r#"
            UNKNOWN: pve1 sees only a part since 03:05: NO QUORUM; pve2 stale (heard 3m ago) | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;;0;4
        "#]],
        );
        assert_eq!(lun_verdict(&partial, "a").exit, 3);
        assert_eq!(node_verdict(&partial, &nodes(), "pve1", &view()).exit, 3);
    }

    #[test]
    fn single_nodes() {
        let status = cluster(FAULTS);
        let check = |name: &str, exit: u8, expect: Expect| {
            let nodes = [
                node("pve1", "fresh"),
                node("pve2", "fresh"),
                node("pve3", "fresh"),
                node("pve4", "stale"),
                NodeRow { multipathd: Some("hung".into()), ..node("pve5", "fresh") },
                NodeRow { multipathd: Some("absent".into()), multipath_tools: None, ..node("pve6", "fresh") },
            ];
            check(node_verdict(&status, &nodes, name, &view()), exit, expect);
        };
        check(
            "pve1",
            1,
            expect![[r#"
                WARNING: pve1: vm-test-02 degraded (3/4), multipathd 0.9.4 running | luns=5;;;0 usable=19;20:;;0;20 age=3s;;;0
                [WARNING] vm-test-02 degraded (3/4)
            "#]],
        );
        check(
            "pve3",
            2,
            expect![[r#"
                CRITICAL: pve3: backup-01 failed (0/4), multipathd 0.9.4 running | luns=4;;;0 usable=12;16:;;0;16 age=3s;;;0
                [CRITICAL] backup-01 failed (0/4)
            "#]],
        );
        check(
            "pve4",
            3,
            expect![[r#"
            UNKNOWN: pve4 is online (stale, heard 3m ago): nothing new for 190 s, the limit is 180 s
        "#]],
        );
        check(
            "pve5",
            3,
            expect![[r#"
                UNKNOWN: pve5: 0 LUNs, 0 of 0 paths usable, multipathd 0.9.4 hung | luns=0;;;0 usable=0;0:;;0;0 age=3s;;;0
            "#]],
        );
        check(
            "pve6",
            0,
            expect![[r#"
                OK: pve6: no multipath-tools here and no LUN expected | luns=0;;;0 usable=0;0:;;0;0 age=3s;;;0
            "#]],
        );
        check(
            "pve9",
            3,
            expect![[r#"
            UNKNOWN: no node is called pve9; pathkeeper nodes lists them
        "#]],
        );
    }

    #[test]
    fn single_luns() {
        let status = cluster(&format!("{FAULTS}\nvm-test-04 optimal pve1=4/4\nx optimal pve1=4/4/4"));
        let check = |name: &str, exit: u8, expect: Expect| check(lun_verdict(&status, name), exit, expect);
        check(
            "x",
            0,
            expect![[r#"
            OK: x optimal on 1 node | usable=4;4:;;0;4 nodes_optimal=1;1:;;0;1
            pve1: optimal (4/4)
        "#]],
        );
        check(
            "backup-01",
            2,
            expect![[r#"
            CRITICAL: backup-01 failed on pve3 (0/4) and 1 more node | usable=10;16:;;0;16 nodes_optimal=2;4:;;0;4
            pve1: optimal (4/4)
            pve2: degraded (2/4)
            pve3: failed (0/4)
            pve4: optimal (4/4)
        "#]],
        );
        check(
            "vm-test-02",
            1,
            expect![[r#"
            WARNING: vm-test-02 degraded on pve1 (3/4) and 1 more node | usable=13;16:;;0;16 nodes_optimal=2;4:;;0;4
            pve1: degraded (3/4)
            pve2: degraded (2/4)
            pve3: optimal (4/4)
            pve4: optimal (4/4)
        "#]],
        );
        check(
            "vm-test-03",
            3,
            expect![[r#"
            UNKNOWN: vm-test-03 optimal, 3 of 4 nodes known | usable=12;12:;;0;12 nodes_optimal=3;4:;;0;4
            pve1: optimal (4/4)
            pve2: optimal (4/4)
            pve3: optimal (4/4)
            pve4: unknown
        "#]],
        );
        check(
            "vm-test-04",
            3,
            expect![[r#"
            UNKNOWN: more than one LUN is called vm-test-04: give its WWID
        "#]],
        );
        check(
            "nope",
            3,
            expect![[r#"
            UNKNOWN: no LUN is called nope; pathkeeper status --all lists them
        "#]],
        );
    }
}
