//! Rows of the matrix: which are shown, in which order, with what in each cell, and which repeat each other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use pathkeeper_api::status::{Cell, ClusterStatus, Finding, LunRow};

use super::Options;
use crate::cli::text::{Field, Tone, View, clean, field, tone_of, width};

/// A row of many nodes takes at most so many lines; the rest is counted.
const LINES_MAX: usize = 3;

/// How bad a row is, for sorting: greater is worse. A clean row is 0.
pub fn badness(row: &LunRow) -> u8 {
    match row.cluster_state.as_str() {
        "failed" => 5,
        "missing" => 4,
        "degraded" => 3,
        "optimal" if row.is_clean() => 0,
        "optimal" => 1,
        _ => 2,
    }
}

/// The rows that `options` ask for, worst first (by state, then by how many nodes it touches), then by name.
pub fn chosen<'a>(status: &'a ClusterStatus, options: &Options) -> Vec<&'a LunRow> {
    let mut rows: Vec<&LunRow> = status.luns.iter().filter(|row| options.wants(row)).collect();
    let unhealthy = |row: &LunRow| row.nodes.values().filter(|c| c.state != "optimal").count();
    rows.sort_by_key(|row| (Reverse((badness(row), unhealthy(row))), row.label(), row.wwid.as_str()));
    rows
}

/// What a row is called on the screen: its name, or its WWID made short where that stays unique.
pub fn label(view: &View, status: &ClusterStatus, row: &LunRow) -> String {
    if row.label() != row.wwid {
        return clean(row.label());
    }
    let short = view.short_wwid(&row.wwid);
    let same = |other: &&LunRow| view.short_wwid(&other.wwid) == short;
    if status.luns.iter().filter(same).nth(1).is_some() { clean(&row.wwid) } else { short }
}

/// `! degraded`; for a row in doubt `? optimal, 2 of 3 nodes known`.
pub fn state(view: &View, row: &LunRow) -> Field {
    if row.cluster_state == "optimal" && !row.is_clean() {
        let known = row.nodes.values().filter(|c| c.state != "unknown").count();
        let text = format!("{} optimal, {known} of {} nodes known", view.mark("unknown"), row.nodes.len());
        return field(Tone::Doubt, text);
    }
    let word = &row.cluster_state;
    field(tone_of(word), format!("{} {word}", view.mark(word)))
}

/// Usable paths of those that should be there: `2/4`; `?` for a number that the report lacks.
fn counts(cell: &Cell) -> Option<String> {
    let number = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let active = cell.paths_active.flatten();
    let total = cell.paths_total.flatten();
    if active.is_none() && total.is_none() && cell.paths_expected.is_none() {
        return None;
    }
    Some(format!("{}/{}", number(active), number(total.max(cell.paths_expected))))
}

/// What findings say of single cells, and which of them flap: letters behind their numbers.
#[derive(Debug, Default)]
pub struct Marks<'a> {
    by_cell: BTreeMap<(&'a str, &'a str), BTreeSet<char>>,
}

/// The LUN and the node of a finding that is about one cell.
fn about_cell(finding: &Finding) -> Option<(&str, &str)> {
    Some((finding.scope.wwid.as_deref()?, finding.scope.node.as_deref()?))
}

/// Each letter and what it says.
pub const MARKS: [(char, &str); 4] = [('Q', "queues"), ('s', "size"), ('~', "flaps"), ('m', "muted")];

impl<'a> Marks<'a> {
    /// From all findings of a status. A cell is muted where a muted finding is about it, or is a cause that explains it.
    pub fn of(status: &'a ClusterStatus) -> Self {
        let muted: Vec<&Finding> = status.findings.iter().filter(|finding| finding.muted.is_some()).collect();
        let causes: BTreeSet<&str> = muted.iter().map(|finding| finding.fingerprint.as_str()).collect();
        let about: BTreeSet<(&str, &str)> = muted.iter().filter_map(|finding| about_cell(finding)).collect();
        let other_size: BTreeSet<&str> = muted
            .iter()
            .filter(|finding| matches!(finding.code.as_str(), "LUN_SIZE_MISMATCH" | "LUN_RESIZE_PENDING"))
            .filter_map(|finding| finding.scope.wwid.as_deref())
            .collect();
        let mut by_cell: BTreeMap<(&str, &str), BTreeSet<char>> = BTreeMap::new();
        for row in &status.luns {
            for (node, cell) in &row.nodes {
                let of = (row.wwid.as_str(), node.as_str());
                let is_muted = about.contains(&of)
                    || cell.causes.iter().any(|cause| causes.contains(cause.as_str()))
                    || (cell.other_size && other_size.contains(row.wwid.as_str()));
                let marks =
                    [(cell.queueing, 'Q'), (cell.other_size, 's'), (cell.flapping, '~'), (is_muted, 'm')];
                let marks: BTreeSet<char> =
                    marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
                if !marks.is_empty() {
                    by_cell.insert(of, marks);
                }
            }
        }
        Self { by_cell }
    }

    /// Whether any of these rows bears this letter.
    pub fn has(&self, mark: char, rows: &[&LunRow]) -> bool {
        let bears = |(of, marks): (&(&str, &str), &BTreeSet<char>)| {
            marks.contains(&mark) && rows.iter().any(|row| row.wwid == of.0)
        };
        self.by_cell.iter().any(bears)
    }

    /// `4/4`, `2/4 !m`, `0/4 XQ`, `none -`.
    pub fn cell(&self, view: &View, row: &LunRow, node: &str, shown: &Cell) -> Field {
        let mut out = cell(view, shown);
        if let Some(marks) = self.by_cell.get(&(row.wwid.as_str(), node)) {
            if !out.text.contains(' ') {
                out.text.push(' ');
            }
            out.text.extend(marks);
        }
        out
    }
}

/// `4/4`, `2/4 !`, `0/4 X`, `none -`, `?`, `4/4 ?`.
fn cell(view: &View, cell: &Cell) -> Field {
    let mark = view.mark(&cell.state);
    let text = match (cell.state.as_str(), counts(cell)) {
        ("optimal", counts) => counts.unwrap_or_else(|| "ok".into()),
        ("missing", _) => format!("none {mark}"),
        (_, Some(counts)) => format!("{counts} {mark}"),
        ("degraded", None) => format!("some {mark}"),
        ("failed", None) => format!("none {mark}"),
        _ => mark.into(),
    };
    field(tone_of(&cell.state), text)
}

/// The nodes that have a cell in any row, in order.
pub fn columns(status: &ClusterStatus) -> Vec<&str> {
    let names: BTreeSet<&str> =
        status.luns.iter().flat_map(|row| row.nodes.keys()).map(String::as_str).collect();
    names.into_iter().collect()
}

/// One line of the matrix: a row, or several that read the same.
#[derive(Debug)]
pub struct Line<'a> {
    /// The row whose name is shown, or the first of those that are only counted.
    pub row: &'a LunRow,
    /// How many further rows this line stands for instead of naming one; 0 = it names `row`.
    pub more: usize,
}

/// Folds rows that read the same: the first keeps its name, the others become `n more` where there are two or
/// more of them.
pub fn folded<'a>(view: &View, rows: &[&'a LunRow], marks: &Marks<'_>, all: bool) -> Vec<Line<'a>> {
    // Rows are sorted by badness; those that read the same need not be adjacent within it.
    let mut groups: Vec<Vec<&'a LunRow>> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for row in rows {
        let key = reading(view, row, marks);
        match seen.get(&key).filter(|_| !all).and_then(|at| groups.get_mut(*at)) {
            Some(members) => members.push(row),
            None => {
                seen.insert(key, groups.len());
                groups.push(vec![row]);
            }
        }
    }
    let mut lines = Vec::new();
    for members in groups {
        match members.as_slice() {
            [first, second, rest @ ..] if !rest.is_empty() => {
                lines.push(Line { row: first, more: 0 });
                lines.push(Line { row: second, more: rest.len() + 1 });
            }
            few => lines.extend(few.iter().map(|row| Line { row, more: 0 })),
        }
    }
    lines
}

/// What the row's state and cells read, as one text.
fn reading(view: &View, row: &LunRow, marks: &Marks<'_>) -> String {
    let mut text = state(view, row).text;
    for (node, c) in &row.nodes {
        text.push('\n');
        text.push_str(node);
        text.push('\n');
        text.push_str(&marks.cell(view, row, node, c).text);
    }
    text
}

/// The cells that are not optimal, `pve2 2/4 !`, set in lines of at most `columns`; at most three lines. A row that is
/// the same on more than three nodes says so once.
pub fn unhealthy(view: &View, row: &LunRow, marks: &Marks<'_>, columns: usize) -> Vec<Vec<Field>> {
    let all: Vec<(&str, Field, bool)> = row
        .nodes
        .iter()
        .map(|(node, c)| (node.as_str(), marks.cell(view, row, node, c), c.state != "optimal"))
        .collect();
    if let [(_, first, true), .., _, _, _] = all.as_slice()
        && all.iter().all(|(_, other, _)| other == first)
    {
        return vec![vec![field(first.tone, format!("all {} nodes {}", all.len(), first.text))]];
    }
    let items: Vec<Field> = all
        .into_iter()
        .filter(|(_, _, unhealthy)| *unhealthy)
        .map(|(node, f, _)| field(f.tone, format!("{node} {}", f.text)))
        .collect();
    let (mut lines, mut line, mut used) = (Vec::new(), Vec::new(), 0);
    for (done, item) in items.iter().enumerate() {
        let room = width(&item.text) + 2;
        if !line.is_empty() && used + room > columns {
            if lines.len() == LINES_MAX - 1 {
                line.push(field(Tone::Plain, format!("+{}", items.len() - done)));
                break;
            }
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        used += room;
        line.push(item.clone());
    }
    lines.push(line);
    lines
}
