//! The status as text: verdict, counts, findings, matrix, legend. Pure.

use pathkeeper_api::history::AsOf;
use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::{ClusterStatus, Finding};

use super::{Options, rows};
use crate::cli::text::{Field, Tone, View, clean, count, field, span, table, table_width, width, wrap};

/// More nodes than this, and the matrix names only the cells that are not optimal.
const COLUMNS_MAX: usize = 5;
/// The column with the number of LUNs.
const LUNS_WIDTH: usize = 4;
/// Findings that are shown without `--all`.
const FINDINGS_MAX: usize = 10;

/// Line 1 is the verdict; causes come before rows; all well is two lines.
pub fn render(status: &ClusterStatus, nodes: &[NodeRow], view: &View, options: &Options) -> String {
    let Some(lost) = &options.lost else { return render_certain(status, nodes, view, options) };
    // The page as it was when the last word came: its clock stands still.
    let grey = View { color: false, now: lost.since, ..view.clone() };
    let head = format!(
        "NO CONNECTION since {} ({}): {}",
        view.clock(lost.since),
        span(view.now - lost.since),
        clean(&lost.why)
    );
    let mut out = String::new();
    for line in wrap(&head, view.width) {
        out.push_str(&view.paint(Tone::Doubt, &line));
        out.push('\n');
    }
    out.push_str("What follows was true then. Nothing of it is known now.\n\n");
    for line in render_certain(status, nodes, &grey, options).lines() {
        out.push_str(&view.paint(Tone::Faint, line));
        out.push('\n');
    }
    out
}

fn render_certain(status: &ClusterStatus, nodes: &[NodeRow], view: &View, options: &Options) -> String {
    let mut out = verdict(status, nodes, view);
    out.push_str(&flow(view, &[(Tone::Plain, tally(status)), (Tone::Plain, counted(status))]));
    out.push_str(&findings(status, view, options));
    for (node, error) in &status.nodes {
        let text = format!("{}: the last apply failed: {}", clean(node), clean(&error.apply_error));
        out.push_str(&view.paint(Tone::Bad, &text));
        out.push('\n');
    }
    let rows = rows::chosen(status, options);
    let hidden = rows.iter().filter(|r| r.is_clean()).count();
    let shown: Vec<_> = rows.into_iter().filter(|r| options.shows_clean() || !r.is_clean()).collect();
    if !shown.is_empty() {
        out.push('\n');
        let marks = rows::Marks::of(status);
        let lines = rows::folded(view, &shown, &marks, options.all);
        out.push_str(&matrix(status, nodes, &lines, &marks, view, options));
        out.push('\n');
        out.push_str(&footer(status, &shown, &marks, view, options, hidden));
        out.push_str(&next(status, view, options));
    } else if options.is_filter() && hidden == 0 {
        out.push_str("\nno LUN matches this filter\n");
    }
    out
}

/// Verdict and counts as one line without the time, for a log.
pub fn line(status: &ClusterStatus) -> String {
    let cluster = status.view.cluster.as_deref().map_or_else(String::new, |c| format!("{}  ", clean(c)));
    let seen = &status.view;
    let fresh = format!("{} of {} nodes fresh", seen.nodes_fresh, seen.nodes_known);
    let verdict = if seen.partial { "PARTIAL" } else { status.summary.health.as_str() };
    format!("{cluster}{}   {fresh}   {}", clean(verdict), tally(status))
}

/// Sets segments on a line three spaces apart; one that does not fit begins the next line.
fn flow(view: &View, segments: &[(Tone, String)]) -> String {
    let mut out = String::new();
    let mut used = 0;
    for (tone, text) in segments.iter().filter(|(_, text)| !text.is_empty()) {
        let w = width(text);
        if used > 0 && used + 3 + w > view.width {
            out.push('\n');
            used = 0;
        } else if used > 0 {
            out.push_str("   ");
            used += 3;
        }
        out.push_str(&view.paint(*tone, text));
        used += w;
    }
    out.push('\n');
    out
}

/// Line 1.
pub(super) fn verdict(status: &ClusterStatus, nodes: &[NodeRow], view: &View) -> String {
    let seen = &status.view;
    let cluster = seen.cluster.as_deref().map_or_else(String::new, |c| format!("{}  ", clean(c)));
    if let Some(then) = &status.as_of {
        return as_of(status, then, &cluster, view);
    }
    if seen.partial {
        let since = seen.since.map_or_else(String::new, |at| format!(" since {}", view.moment(at)));
        let why = seen.why.as_deref().unwrap_or("it cannot see the whole cluster");
        let dark: Vec<String> =
            nodes.iter().filter(|n| n.report != "fresh").map(|n| clean(&n.node)).collect();
        let dark = if dark.is_empty() { String::new() } else { format!(", {} unknown", dark.join(" ")) };
        return flow(
            view,
            &[
                (Tone::Doubt, format!("{cluster}PARTIAL{since}")),
                (Tone::Plain, format!("seen from {}: {}{dark}", clean(&seen.observer), clean(why))),
            ],
        );
    }
    let health = &status.summary.health;
    let tone = match health.as_str() {
        "HEALTH_OK" => Tone::Good,
        "HEALTH_WARN" => Tone::Warn,
        "HEALTH_ERR" => Tone::Bad,
        _ => Tone::Doubt,
    };
    let all_fresh = seen.nodes_fresh >= seen.nodes_known;
    flow(
        view,
        &[
            (tone, format!("{cluster}{}", clean(health))),
            (Tone::Plain, format!("{} seen from {}", view.clock(view.now), clean(&seen.observer))),
            (
                if all_fresh { Tone::Plain } else { Tone::Doubt },
                format!("{} of {} nodes fresh", seen.nodes_fresh, seen.nodes_known),
            ),
        ],
    )
}

/// Line 1 of a status that is past: the time, whose word it is, and what nobody saw.
fn as_of(status: &ClusterStatus, then: &AsOf, cluster: &str, view: &View) -> String {
    let at = format!("as of {} {}", view.day(then.at), view.clock(then.at));
    let whose = format!("from the history of {}", clean(&then.node));
    let seen = &status.view;
    let Some(gap) = &then.unobserved else {
        let health = if seen.partial { "PARTIAL" } else { status.summary.health.as_str() };
        let tone = if health == "HEALTH_OK" { Tone::Good } else { Tone::Doubt };
        let why = seen.why.as_deref().filter(|_| seen.partial).map_or_else(String::new, clean);
        let fresh = format!("{} of {} nodes fresh", seen.nodes_fresh, seen.nodes_known);
        return flow(
            view,
            &[
                (tone, format!("{cluster}{}", clean(health))),
                (Tone::Plain, at),
                (Tone::Plain, whose),
                (Tone::Plain, fresh),
                (Tone::Doubt, why),
            ],
        );
    };
    let between = match (gap.since, gap.until) {
        (Some(since), Some(until)) => format!("between {} and {}", view.dated(since), view.dated(until)),
        (None, Some(until)) => format!("before {}", view.dated(until)),
        (Some(since), None) => format!("since {}", view.dated(since)),
        (None, None) => "at any time".to_owned(),
    };
    flow(view, &[(Tone::Doubt, format!("{cluster}NOT OBSERVED")), (Tone::Plain, at), (Tone::Plain, whose)])
        + &flow(view, &[(Tone::Doubt, format!("nothing was observed {between}: {}", clean(&gap.why)))])
        + "LUNs are those that were known last; how they were at that time nobody knows.\n"
}

/// Line 2: the counts, or that all is well, or that there is nothing to watch.
fn tally(status: &ClusterStatus) -> String {
    let s = &status.summary;
    if s.luns == 0 {
        let silent = status.view.nodes_known.saturating_sub(status.view.nodes_fresh);
        return if silent == 0 && !status.view.partial {
            "nothing to watch: no node has a multipath map".into()
        } else {
            format!("no LUN is known, and {} cannot be seen", count(silent.into(), "node"))
        };
    }
    if s.clean == s.luns {
        let luns = count(s.luns.into(), "LUN");
        let places = if s.places == 1 { "the 1 place".into() } else { format!("all {} places", s.places) };
        return format!("{luns} optimal in {places}, {} of {} paths usable", s.paths_active, s.paths_total);
    }
    let parts: Vec<String> = [
        (s.failed, "failed"),
        (s.missing, "missing"),
        (s.degraded, "degraded"),
        (s.unknown, "unknown"),
        (s.doubt, "optimal but in doubt"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, word)| format!("{n} {word}, "))
    .collect();
    format!("{}: {}{} optimal", count(s.luns.into(), "LUN"), parts.concat(), s.clean)
}

/// `4 causes, 1 muted`.
fn counted(status: &ClusterStatus) -> String {
    let muted = status.findings.iter().filter(|f| f.muted.is_some()).count();
    let stand = status.findings.iter().filter(|f| f.muted.is_none() && f.cause.is_none()).count() as u64;
    let muted = Some(format!("{muted} muted")).filter(|_| muted > 0);
    let stand = Some(count(stand, "cause")).filter(|_| stand > 0);
    stand.into_iter().chain(muted).collect::<Vec<_>>().join(", ")
}

/// What is wrong, causes and what no cause explains, with the first line of what was seen; `--all` gives all of that, what
/// to do, and what is muted.
fn findings(status: &ClusterStatus, view: &View, options: &Options) -> String {
    let listed = |f: &&Finding| f.cause.is_none() && (options.all || f.muted.is_none());
    let found: Vec<&Finding> = status.findings.iter().filter(listed).collect();
    if found.is_empty() {
        return String::new();
    }
    let shown = if options.all { found.len() } else { FINDINGS_MAX };
    let lines_max = if options.all { usize::MAX } else { 1 };
    let since: Vec<String> = found.iter().map(|f| since(f, view)).collect();
    let since_width = since.iter().map(|s| width(s)).max().unwrap_or(0).max(5);
    let touches = found.iter().take(shown).any(|f| !luns(f).is_empty());
    let luns_width = if touches { 2 + LUNS_WIDTH } else { 0 };
    let text_width = view.width.saturating_sub(7 + 2 + since_width + luns_width).max(24);
    let mut rows = vec![vec![
        field(Tone::Strong, "SEV"),
        field(Tone::Strong, format!("{:text_width$}", "CAUSE")),
        field(Tone::Strong, "SINCE"),
        field(Tone::Strong, if touches { format!("{:>LUNS_WIDTH$}", "LUNs") } else { String::new() }),
    ]];
    for (f, since) in found.iter().zip(&since).take(shown) {
        let (word, tone) = match f.severity.as_str() {
            _ if f.muted.is_some() => ("MUTED", Tone::Faint),
            "error" => ("ERROR", Tone::Bad),
            "warning" => ("WARN", Tone::Warn),
            _ => ("INFO", Tone::Plain),
        };
        let node = f.scope.node.as_deref().filter(|node| !f.summary.contains(node));
        let said = node.map_or_else(|| f.summary.clone(), |node| format!("{node}: {}", f.summary));
        let mut first = true;
        for line in wrap(&clean(&said), text_width) {
            let lead = if first { word } else { "" };
            let end = if first { since.as_str() } else { "" };
            let luns = if first { luns(f) } else { String::new() };
            rows.push(vec![
                field(tone, lead),
                field(Tone::Plain, line),
                field(Tone::Plain, end),
                field(Tone::Plain, luns),
            ]);
            first = false;
        }
        let mut beneath = |text: &str| {
            for line in wrap(&clean(text), text_width) {
                rows.push(vec![field(Tone::Plain, ""), field(Tone::Faint, line)]);
            }
        };
        if let Some(guests) = f.guests.filter(|n| *n > 0) {
            beneath(&format!("hits {}", count(guests.into(), "guest")));
        }
        f.evidence.iter().take(lines_max).for_each(|line| beneath(line));
        if options.all {
            f.advice.iter().for_each(|line| match line.strip_prefix("DO NOT ") {
                Some(line) => beneath(&format!("do not: {line}")),
                None => beneath(&format!("do: {line}")),
            });
        }
    }
    let mut out = String::from("\n");
    out.push_str(&table(view, &rows));
    if found.len() > shown {
        out.push_str(&format!("       {}: --all\n", count((found.len() - shown) as u64, "more finding")));
    }
    out
}

/// How many LUNs it touches, right-aligned; nothing where it is about none.
fn luns(finding: &Finding) -> String {
    let n = match (&finding.explains, &finding.scope.wwid) {
        (Some(explains), _) => explains.luns,
        (None, Some(_)) => 1,
        (None, None) => return String::new(),
    };
    format!("{n:>LUNS_WIDTH$}")
}

/// Where more is.
fn next(status: &ClusterStatus, view: &View, options: &Options) -> String {
    let named = status.findings.iter().filter(|f| f.cause.is_none() && f.muted.is_none()).find_map(|f| {
        let lun = f.scope.wwid.as_ref().and_then(|wwid| status.luns.iter().find(|row| row.wwid == *wwid));
        match (lun, &f.scope.node, &f.scope.object) {
            (Some(lun), ..) => Some(lun.label().to_owned()),
            (None, Some(node), Some(object)) if f.explains.is_some() => Some(format!("{node}/{object}")),
            (None, Some(node), _) => Some(node.clone()),
            (None, None, object) => object.clone(),
        }
    });
    let Some(name) = named else { return String::new() };
    let name = clean(&name);
    let name = if name.contains(char::is_whitespace) { format!("'{name}'") } else { name };
    let all = if options.all { "" } else { "all of it: --all" };
    flow(
        view,
        &[
            (Tone::Faint, format!("next: pathkeeper explain {name}")),
            (Tone::Faint, all.into()),
            (Tone::Faint, "live: --watch".into()),
        ],
    )
}

/// `02:58 13m`; `>` before the age where it may be older than this observer knows.
fn since(finding: &Finding, view: &View) -> String {
    finding.since.map_or_else(String::new, |at| {
        let at_least = if finding.since_first_seen { ">" } else { "" };
        format!("{} {at_least}{}", view.moment(at), span(view.now - at))
    })
}

fn matrix(
    status: &ClusterStatus,
    nodes: &[NodeRow],
    lines: &[rows::Line<'_>],
    marks: &rows::Marks<'_>,
    view: &View,
    options: &Options,
) -> String {
    let columns = rows::columns(status);
    let wide = full_table(status, nodes, lines, marks, view, options);
    if options.wide || (columns.len() <= COLUMNS_MAX && table_width(&wide) <= view.width) {
        return table(view, &wide);
    }
    narrow(status, lines, marks, view)
}

/// Many nodes or few columns: each row names only its cells that are not optimal.
fn narrow(status: &ClusterStatus, lines: &[rows::Line<'_>], marks: &rows::Marks<'_>, view: &View) -> String {
    let used_by = has_storages(status);
    let heads: Vec<Vec<Field>> = std::iter::once(head_titles(used_by))
        .chain(lines.iter().map(|line| row_head(status, line, view, used_by, 20)))
        .collect();
    let lead = table_width(&heads) + 2;
    let mut heads = crate::cli::text::padded(view, &heads).into_iter();
    let mut out = heads.next().unwrap_or_default() + &view.paint(Tone::Strong, "NODES") + "\n";
    for (line, head) in lines.iter().zip(heads) {
        let cells = rows::unhealthy(view, line.row, marks, view.width.saturating_sub(lead).max(12));
        for (at, fields) in cells.iter().enumerate() {
            let start = if at == 0 { head.clone() } else { " ".repeat(lead) };
            let said: Vec<String> = match fields.as_slice() {
                [] => vec![
                    view.paint(Tone::Good, &format!("all {}", count(line.row.nodes.len() as u64, "node"))),
                ],
                some => some.iter().map(|f| view.paint(f.tone, &f.text)).collect(),
            };
            let comma = if at + 1 < cells.len() { "," } else { "" };
            out.push_str(&format!("{start}{}{comma}\n", said.join(", ")));
        }
    }
    out
}

fn has_storages(status: &ClusterStatus) -> bool {
    status.luns.iter().any(|row| row.used_by.is_some())
}

fn head_titles(used_by: bool) -> Vec<Field> {
    let mut titles = vec![field(Tone::Strong, "LUN")];
    if used_by {
        titles.push(field(Tone::Strong, "USED BY"));
    }
    titles.push(field(Tone::Strong, "STATE"));
    titles
}

/// Name, storage if any row has one, state.
fn row_head(
    status: &ClusterStatus,
    line: &rows::Line<'_>,
    view: &View,
    used_by: bool,
    name_width: usize,
) -> Vec<Field> {
    let name = match line.more {
        0 => view.squeeze(&rows::label(view, status, line.row), name_width),
        more => format!("{more} more"),
    };
    let mut head = vec![field(Tone::Plain, name)];
    if used_by {
        let storage = if line.more == 0 { line.row.used_by.as_deref().unwrap_or("") } else { "" };
        head.push(field(Tone::Plain, view.squeeze(storage, 16)));
    }
    head.push(rows::state(view, line.row));
    head
}

/// The matrix with a column for each node.
fn full_table(
    status: &ClusterStatus,
    nodes: &[NodeRow],
    lines: &[rows::Line<'_>],
    marks: &rows::Marks<'_>,
    view: &View,
    options: &Options,
) -> Vec<Vec<Field>> {
    let columns = rows::columns(status);
    let used_by = has_storages(status);
    let mut titles = head_titles(used_by);
    for column in &columns {
        let fresh = nodes.iter().find(|n| n.node == *column).is_none_or(|n| n.report == "fresh");
        titles.push(if fresh {
            field(Tone::Strong, column)
        } else {
            field(Tone::Doubt, format!("{column} ?"))
        });
    }
    // Nobody asks for it where everything is allowed.
    let allowed = status.luns.iter().any(|row| row.allowed == Some(false));
    if options.wide {
        let more = ["SIZE", "BY", "EXPECTED BY"].into_iter().chain(allowed.then_some("ALLOWED"));
        titles.extend(more.chain(["WWID"]).map(|t| field(Tone::Strong, t)));
    }
    let mut out = vec![titles];
    for line in lines {
        let name_width = if options.wide { usize::MAX } else { 24 };
        let mut row = row_head(status, line, view, used_by, name_width);
        for column in &columns {
            let cell = |cell| marks.cell(view, line.row, column, cell);
            row.push(line.row.nodes.get(*column).map_or(field(Tone::Plain, ""), cell));
        }
        if options.wide && line.more == 0 {
            let size = line.row.size.map_or_else(String::new, crate::cli::text::bytes);
            let by = line.row.nodes.values().find_map(|c| c.transport.as_deref()).unwrap_or("");
            let why = clean(line.row.expected_by.as_deref().unwrap_or("nobody"));
            row.extend([size.as_str(), by, &why].map(|t| field(Tone::Plain, t)));
            let word = if line.row.allowed == Some(false) { "no" } else { "yes" };
            row.extend(allowed.then(|| field(Tone::Plain, word)));
            row.push(field(Tone::Plain, &line.row.wwid));
        }
        out.push(row);
    }
    out
}

/// What the program does, what the marks mean, where more is.
fn footer(
    status: &ClusterStatus,
    shown: &[&pathkeeper_api::status::LunRow],
    marks: &rows::Marks<'_>,
    view: &View,
    options: &Options,
    hidden: usize,
) -> String {
    let seen = &status.view;
    let cells = || shown.iter().flat_map(|row| row.nodes.values());
    let has = |state: &str| cells().any(|c| c.state == state);
    let expected = if cells().any(|c| c.paths_expected.is_some()) { "expected" } else { "known" };
    let mut legend = vec![(Tone::Faint, format!("cells usable/{expected}"))];
    let words =
        [("degraded", "paths lost"), ("failed", "no path"), ("missing", "no map"), ("unknown", "unknown")];
    for (state, word) in words {
        if has(state) {
            legend.push((Tone::Faint, format!("{} {word}", view.mark(state))));
        }
    }
    for (mark, word) in rows::MARKS {
        if marks.has(mark, shown) {
            legend.push((Tone::Faint, format!("{mark} {word}")));
        }
    }
    let mode = match seen.mode.as_str() {
        "observe" => "mode: observe (nothing is written)".into(),
        other => format!("mode: {}", clean(other)),
    };
    let clean_rows = if options.shows_clean() || hidden == 0 {
        String::new()
    } else {
        format!("{} not shown: --all", count(hidden as u64, "optimal LUN"))
    };
    let running = (
        if seen.multipathd_running < seen.nodes_known { Tone::Warn } else { Tone::Faint },
        format!("multipathd {}/{} running", seen.multipathd_running, seen.nodes_known),
    );
    flow(view, &[running, (Tone::Faint, mode), (Tone::Faint, clean_rows)]) + &flow(view, &legend)
}
