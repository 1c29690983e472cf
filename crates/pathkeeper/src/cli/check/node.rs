//! One node: its causes, its LUNs, its multipathd.

use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::{Cell, Finding, LunRow};

use super::words::{
    counts, exit_of, exit_of_finding, first, is_muted, is_told, line, paths, sums, untagged, untold, worst,
};
use super::{Seen, Verdict};
use crate::cli::text::{count, span};

/// What is known of a node.
pub struct Known<'a> {
    pub row: &'a NodeRow,
    /// The worst of its findings and of its LUNs that nobody muted.
    pub exit: u8,
    /// Findings that count and touch it, worst first.
    pub counted: Vec<&'a Finding>,
    /// How many that touch it are muted.
    pub muted: usize,
    pub lines: Vec<String>,
    /// LUNs that it has or should have.
    pub luns: u64,
    /// Usable paths, and those that should be there.
    pub paths: (u64, u64),
}

/// One node by its name.
pub fn known<'a>(seen: Seen<'a>, name: &'a str) -> Result<Known<'a>, Verdict> {
    let Some(row) = seen.nodes.iter().find(|node| node.node == name) else {
        return Err(Verdict::unknown(format!("no node is called {name}; pathkeeper nodes lists them")));
    };
    if row.report != "fresh" {
        let why = row.report_why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        let age = row.report_age_s.and_then(|s| i64::try_from(s).ok());
        let age = age.map_or_else(String::new, |s| format!(", heard {} ago", span(s)));
        return Err(Verdict::unknown(format!("{name} is {} ({}{age}){why}", row.status, row.report)));
    }
    let status = seen.status;
    let mine: Vec<(&LunRow, &Cell)> =
        status.luns.iter().filter_map(|row| Some((row, row.nodes.get(name)?))).collect();
    let touches = |finding: &Finding| {
        let explained = finding.explains.as_ref().is_some_and(|e| e.nodes.iter().any(|node| node == name));
        finding.scope.node.as_deref() == Some(name) || explained
    };
    let touching: Vec<&Finding> = status.findings.iter().filter(|finding| touches(finding)).collect();
    let counted: Vec<&Finding> = touching.iter().copied().filter(|finding| counts(finding)).collect();
    let muted = touching.iter().filter(|finding| finding.muted.is_some()).count();
    let bad = || {
        let unwell = mine.iter().filter(|(_, cell)| cell.state != "optimal");
        unwell.filter(|(row, cell)| !is_muted(seen, row, name, cell))
    };
    let mut exit = counted.iter().map(|finding| exit_of_finding(finding)).fold(0, worst);
    exit = bad().map(|(_, cell)| exit_of(&cell.state)).fold(exit, worst);
    let daemon = row.multipathd.as_deref().unwrap_or("unknown");
    if !matches!(daemon, "running" | "absent") || status.view.partial {
        exit = worst(exit, 3);
    }
    let bare = bad()
        .filter(|(row, cell)| !is_told(seen, row, name, cell))
        .map(|(row, cell)| (exit_of(&cell.state), format!("{} {}{}", row.label(), cell.state, paths(cell))));
    let lines = counted.iter().map(|finding| line(seen, finding)).chain(untold(bare.collect())).collect();
    let paths = sums(mine.iter().map(|(_, cell)| *cell));
    Ok(Known { row, exit, counted, muted, lines, luns: mine.len() as u64, paths })
}

impl Known<'_> {
    /// The verdict in words: the first cause, or that all is well.
    pub fn text(&self) -> String {
        let (daemon, (usable, all)) = (self.row.multipathd.as_deref().unwrap_or("unknown"), self.paths);
        let tools = self.row.multipath_tools.as_deref().map_or_else(String::new, |v| format!(" {v}"));
        let mut said: Vec<String> = self.counted.iter().map(|finding| finding.summary.clone()).collect();
        said.extend(self.lines.iter().skip(self.counted.len()).map(|line| untagged(line)));
        let muted = if self.muted > 0 { format!(", {} muted", self.muted) } else { String::new() };
        let text = match (first(&said), daemon) {
            (Some(text), _) => text,
            (None, "absent") if self.luns == 0 => "no multipath-tools here and no LUN expected".into(),
            (None, _) => {
                format!(
                    "{}, {usable} of {all} paths usable, multipathd{tools} {daemon}",
                    count(self.luns, "LUN")
                )
            }
        };
        text + &muted
    }
}

/// As a plugin.
pub fn verdict(seen: Seen<'_>, name: &str) -> Verdict {
    let known = match known(seen, name) {
        Ok(known) => known,
        Err(verdict) => return verdict,
    };
    let view = &seen.status.view;
    let part = if view.partial {
        let since = view.since.map_or_else(String::new, |at| format!(" since {}", seen.view.moment(at)));
        format!("; {} sees only a part of the cluster{since}", view.observer)
    } else {
        String::new()
    };
    let (usable, all) = known.paths;
    let perf = format!(
        "luns={};;;0 usable={usable};{all}:;{}:;0;{all} age={}s;;;0",
        known.luns,
        all / 2,
        known.row.report_age_s.unwrap_or(0)
    );
    Verdict { exit: known.exit, text: format!("{name}: {}{part}", known.text()), perf, lines: known.lines }
}
