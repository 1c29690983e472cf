//! `pathkeeper watch`: what changes, a line each, for logs and for eyes that are elsewhere.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::client::Event;
use pathkeeper_api::status::{Cell, ClusterStatus, Finding, LunRow};
use serde::Serialize;

use super::feed::{self, Heard};
use super::status;
use super::text::{View, clean, count, utc};
use super::{Failure, Globals, Output, SCHEMA, out};

/// Print one line for each change, as it happens
///
/// Until Ctrl-C; the page that repaints itself is status --watch.
/// The first line is the verdict; then every cell whose state or paths change, every finding that comes or goes,
/// and every change of the verdict. A lost connection is a line too: silence must not read as health.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper watch
  pathkeeper watch --node pve2
  pathkeeper watch -o json | jq -c 'select(.to == \"failed\")'")]
pub struct WatchArgs {
    /// Only changes on this node
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
}

/// So many cells that change alike at once are one line.
const ALIKE_MIN: usize = 4;
/// Names on such a line.
const NAMES_MAX: usize = 3;

/// One change.
#[derive(Serialize, Debug, Clone, PartialEq, Eq)]
#[serde(tag = "what", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Change {
    /// A LUN on a node; an absent word = no cell.
    Cell {
        /// Name or WWID.
        lun: String,
        /// WWID.
        wwid: String,
        /// Node.
        node: String,
        /// State before.
        from: Option<String>,
        /// State now.
        to: Option<String>,
        /// Usable/all paths before, as words.
        from_paths: String,
        /// Usable/all paths now, as words.
        to_paths: String,
        /// The LUN's state in the cluster now; absent = the row is gone.
        cluster_state: Option<String>,
        /// The cluster-state is optimal as far as is known, and some node is not known.
        doubt: bool,
    },
    /// A finding came or went.
    Finding {
        /// Its code.
        code: String,
        /// Its summary.
        summary: String,
        /// The node it is about.
        node: Option<String>,
        /// `error`, `warning`, `info`.
        severity: String,
        /// It is gone now.
        cleared: bool,
    },
    /// The verdict.
    Health {
        /// Before; absent on the first line.
        from: Option<String>,
        /// Now.
        to: String,
    },
    /// The connection was lost; nothing is known until the next `health` line.
    Lost {
        /// Why.
        why: String,
    },
}

/// Runs until Ctrl-C. The first connection must succeed; later ones are tried again.
pub async fn run(args: WatchArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let mut feed = feed::open(&client).await?;
    let mut stop = out::Stop::new()?;
    let mut known: Option<ClusterStatus> = None;
    let mut lost = false;
    loop {
        let heard = tokio::select! {
            () = stop.wait() => return Ok(ExitCode::SUCCESS),
            heard = feed.recv() => heard,
        };
        let mut said = Vec::new();
        match heard {
            None => return Err(Failure::new("the event stream ended".into())),
            Some(Heard::Lost(why)) => {
                if !std::mem::replace(&mut lost, true) {
                    said.push(Change::Lost { why });
                }
            }
            Some(Heard::Event(event)) => {
                let Some(now) = after(known.as_ref(), *event) else { continue };
                said = changes(known.as_ref(), &now);
                let verdict = !said.iter().any(|c| matches!(c, Change::Health { .. }));
                if std::mem::take(&mut lost) && verdict {
                    said.push(Change::Health { from: None, to: now.summary.health.clone() });
                }
                known = Some(now);
            }
        }
        said.retain(|change| change.is_about(args.node.as_deref()));
        print(&said, known.as_ref(), globals)?;
    }
}

/// The status after an event; `None` where the event says nothing by itself.
fn after(known: Option<&ClusterStatus>, event: Event) -> Option<ClusterStatus> {
    match event {
        Event::Snapshot(status) => Some(status),
        Event::Delta(delta) => {
            let mut status = known?.clone();
            status.apply(delta);
            Some(status)
        }
        Event::Resync => None,
    }
}

fn print(said: &[Change], known: Option<&ClusterStatus>, globals: &Globals) -> Result<(), Failure> {
    let view = globals.view();
    let mut text = String::new();
    if globals.output == Output::Json {
        #[derive(Serialize)]
        struct Line<'a> {
            schema: u32,
            time: String,
            #[serde(flatten)]
            change: &'a Change,
        }
        for change in said {
            let line = Line { schema: SCHEMA, time: utc(view.now), change };
            let json = serde_json::to_string(&line);
            text.push_str(&json.map_err(|e| Failure::new(format!("writing JSON: {e}")))?);
            text.push('\n');
        }
    } else {
        for line in lines(said, known, &view) {
            text.push_str(&format!("{}  {line}\n", view.clock(view.now)));
        }
    }
    out::print(&text)
}

/// Changes as lines for people. Cells of one node that changed alike at once, as with an adapter, are one line.
pub fn lines(said: &[Change], known: Option<&ClusterStatus>, view: &View) -> Vec<String> {
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for change in said {
        if let Change::Cell { lun, .. } = change {
            alike.entry(same_line(change)).or_default().push(lun);
        }
    }
    let mut lines = Vec::new();
    for change in said {
        match change {
            Change::Cell { .. } => match alike.get(&same_line(change)).map(Vec::as_slice) {
                Some(luns) if luns.len() >= ALIKE_MIN => {
                    let names: Vec<String> = luns.iter().take(NAMES_MAX).map(|lun| clean(lun)).collect();
                    let more = luns.len().saturating_sub(NAMES_MAX);
                    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                    let text =
                        format!("{}: {}{more}", words(change, view, Some(luns.len())), names.join(" "));
                    alike.remove(&same_line(change));
                    lines.push(text);
                }
                Some(_) => lines.push(words(change, view, None)),
                // Told with the first one of its kind.
                None => {}
            },
            Change::Health { .. } => {
                lines.push(known.map_or_else(|| words(change, view, None), status::line))
            }
            _ => lines.push(words(change, view, None)),
        }
    }
    lines
}

/// What two cells have in common that are told in one line.
fn same_line(change: &Change) -> String {
    match change {
        Change::Cell { node, from, to, from_paths, to_paths, cluster_state, doubt, .. } => {
            format!("{node}\n{from:?}\n{to:?}\n{from_paths}\n{to_paths}\n{cluster_state:?}\n{doubt}")
        }
        _ => String::new(),
    }
}

impl Change {
    fn is_about(&self, wanted: Option<&str>) -> bool {
        let Some(wanted) = wanted else { return true };
        match self {
            Change::Cell { node, .. } => node == wanted,
            Change::Finding { node, .. } => node.as_deref() == Some(wanted),
            Change::Health { .. } | Change::Lost { .. } => true,
        }
    }
}

/// A change as a line for people, without the time; `alike` = so many LUNs instead of the one.
fn words(change: &Change, view: &View, alike: Option<usize>) -> String {
    let state = |word: &Option<String>, paths: &str| match word {
        None => "gone".to_owned(),
        Some(word) => view.paint(super::text::tone_of(word), format!("{} {paths}", clean(word)).trim_end()),
    };
    match change {
        Change::Cell { lun, node, from, to, from_paths, to_paths, cluster_state, doubt, .. } => {
            let before =
                from.as_ref().map_or_else(|| "new".to_owned(), |w| format!("{} {from_paths}", clean(w)));
            let cluster = cluster_state
                .as_deref()
                .map_or_else(|| "not watched".to_owned(), |w| format!("cluster {}", clean(w)));
            let cluster = if *doubt { format!("{cluster}, in doubt") } else { cluster };
            format!(
                "{} on {}: {} -> {}   {cluster}",
                alike.map_or_else(|| clean(lun), |n| count(n as u64, "LUN")),
                clean(node),
                before.trim_end(),
                state(to, to_paths)
            )
        }
        Change::Finding { code, summary, severity, cleared, node } => {
            let severity = if *cleared { "cleared" } else { severity };
            let node = node
                .as_deref()
                .filter(|n| !summary.contains(n))
                .map_or_else(String::new, |n| format!("{n}: "));
            clean(&format!("{severity} {code}: {node}{summary}"))
        }
        Change::Health { to, .. } => clean(to),
        Change::Lost { why } => {
            let text = format!("NO CONNECTION: {}; nothing is known until it is back", clean(why));
            view.paint(super::text::Tone::Doubt, &text)
        }
    }
}

/// What differs between two statuses; without a first one only the verdict. Cells first, then findings, then the
/// verdict.
pub fn changes(before: Option<&ClusterStatus>, now: &ClusterStatus) -> Vec<Change> {
    let Some(before) = before else {
        return vec![Change::Health { from: None, to: now.summary.health.clone() }];
    };
    let mut said = Vec::new();
    let old: BTreeMap<&str, &LunRow> = before.luns.iter().map(|row| (row.wwid.as_str(), row)).collect();
    let new: BTreeMap<&str, &LunRow> = now.luns.iter().map(|row| (row.wwid.as_str(), row)).collect();
    for (wwid, row) in &new {
        row_changes(old.get(wwid).copied(), Some(row), &mut said);
    }
    for (wwid, row) in &old {
        if !new.contains_key(wwid) {
            row_changes(Some(row), None, &mut said);
        }
    }
    let same = |a: &Finding, b: &Finding| a.code == b.code && a.scope == b.scope;
    for (here, there, cleared) in
        [(&now.findings, &before.findings, false), (&before.findings, &now.findings, true)]
    {
        for f in here.iter().filter(|f| !there.iter().any(|other| same(f, other))) {
            said.push(Change::Finding {
                code: f.code.clone(),
                summary: f.summary.clone(),
                node: f.scope.node.clone(),
                severity: f.severity.clone(),
                cleared,
            });
        }
    }
    let verdict = |s: &ClusterStatus| {
        (s.summary.health.clone(), s.view.partial, s.view.nodes_fresh, s.view.nodes_known)
    };
    if verdict(before) != verdict(now) {
        said.push(Change::Health {
            from: Some(before.summary.health.clone()),
            to: now.summary.health.clone(),
        });
    }
    said
}

fn row_changes(before: Option<&LunRow>, now: Option<&LunRow>, said: &mut Vec<Change>) {
    let Some(any) = now.or(before) else { return };
    let none = BTreeMap::new();
    let old = before.map_or(&none, |row| &row.nodes);
    let new = now.map_or(&none, |row| &row.nodes);
    let nodes: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for node in nodes {
        let (from, to) = (old.get(node), new.get(node));
        if reading(from) != reading(to) {
            said.push(Change::Cell {
                lun: any.label().to_owned(),
                wwid: any.wwid.clone(),
                node: node.clone(),
                from: from.map(|c| c.state.clone()),
                to: to.map(|c| c.state.clone()),
                from_paths: reading(from).1,
                to_paths: reading(to).1,
                cluster_state: now.map(|row| row.cluster_state.clone()),
                doubt: now.is_some_and(|row| row.cluster_state == "optimal" && !row.is_clean()),
            });
        }
    }
}

/// State and paths of a cell as words.
fn reading(cell: Option<&Cell>) -> (&str, String) {
    let Some(cell) = cell else { return ("", String::new()) };
    let number = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let paths = match (cell.paths_active, cell.paths_total) {
        (None, None) => String::new(),
        (active, total) => format!("{}/{}", number(active.flatten()), number(total.flatten())),
    };
    (&cell.state, paths)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::cli::fixtures::{cluster, finding, summarize, view};

    fn check(before: &ClusterStatus, now: &ClusterStatus, expect: Expect) {
        let said = lines(&changes(Some(before), now), Some(now), &view());
        expect.assert_eq(&(said.join("\n") + "\n"));
        assert!(changes(Some(now), now).is_empty());
    }

    #[test]
    fn cells_findings_and_verdicts_each_have_a_line() {
        let before = cluster("a optimal pve1=4/4 pve2=4/4\nb optimal pve1=4/4\nd optimal pve1=4/4");
        let mut now = cluster(
            "a failed pve1=degraded:2/4 pve2=failed:0/4 pve3=missing
             b optimal pve1=8/8",
        );
        now.findings = vec![finding("MULTIPATHD_HUNG", "error", "pve3", "multipathd gives no maps")];
        summarize(&mut now);
        check(
            &before,
            &now,
            expect![[r#"
                a on pve1: optimal 4/4 -> degraded 2/4   cluster failed
                a on pve2: optimal 4/4 -> failed 0/4   cluster failed
                a on pve3: new -> missing   cluster failed
                b on pve1: optimal 4/4 -> optimal 8/8   cluster optimal
                d on pve1: optimal 4/4 -> gone   not watched
                error MULTIPATHD_HUNG: pve3: multipathd gives no maps
                san-a  HEALTH_ERR   4 of 4 nodes fresh   2 LUNs: 1 failed, 1 optimal
            "#]],
        );
        check(
            &now,
            &before,
            expect![[r#"
                a on pve1: degraded 2/4 -> optimal 4/4   cluster optimal
                a on pve2: failed 0/4 -> optimal 4/4   cluster optimal
                a on pve3: missing -> gone   cluster optimal
                b on pve1: optimal 8/8 -> optimal 4/4   cluster optimal
                d on pve1: new -> optimal 4/4   cluster optimal
                cleared MULTIPATHD_HUNG: pve3: multipathd gives no maps
                san-a  HEALTH_OK   4 of 4 nodes fresh   3 LUNs optimal in all 4 places, 16 of 16 paths usable
            "#]],
        );
        assert_eq!(changes(None, &now).len(), 1);
    }

    #[test]
    fn an_adapter_is_one_line_and_not_one_for_each_lun() {
        let rows = |state: &str, cell: &str| -> String {
            (1..=5).map(|n| format!("lun-{n} {state} pve1=4/4 pve2={cell}\n")).collect()
        };
        let before = cluster(&(rows("optimal", "4/4") + "x optimal pve2=2/2"));
        let now = cluster(&(rows("degraded", "degraded:2/4") + "x degraded pve2=degraded:1/2"));
        check(
            &before,
            &now,
            expect![[r#"
            5 LUNs on pve2: optimal 4/4 -> degraded 2/4   cluster degraded: lun-1 lun-2 lun-3 and 2 more
            x on pve2: optimal 2/2 -> degraded 1/2   cluster degraded
            san-a  HEALTH_WARN   4 of 4 nodes fresh   6 LUNs: 6 degraded, 0 optimal
        "#]],
        );
    }

    #[test]
    fn the_json_of_a_change_keeps_its_form() {
        let before = cluster("a optimal pve1=4/4");
        let now = cluster("a degraded pve1=degraded:2/4");
        let said = changes(Some(&before), &now);
        expect![[r#"
            [
              {
                "what": "cell",
                "lun": "a",
                "wwid": "3600a098038304479363f4c4870400000",
                "node": "pve1",
                "from": "optimal",
                "to": "degraded",
                "from-paths": "4/4",
                "to-paths": "2/4",
                "cluster-state": "degraded",
                "doubt": false
              },
              {
                "what": "health",
                "from": "HEALTH_OK",
                "to": "HEALTH_WARN"
              }
            ]"#]]
        .assert_eq(&serde_json::to_string_pretty(&said).unwrap());
        let lost = Change::Lost { why: "gone".into() };
        expect![[r#"
            NO CONNECTION: gone; nothing is known until it is back
            {"what":"lost","why":"gone"}"#]]
        .assert_eq(&format!("{}\n{}", words(&lost, &view(), None), serde_json::to_string(&lost).unwrap()));
    }
}
