//! `pathkeeper history`: what changed, when, as one node saw it.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::client::{Client, encoded};
use pathkeeper_api::history::{Event, Timeline};

use super::lun::find::find;
use super::text::{Tone, View, clean, field, table, utc, wrap};
use super::{Failure, Globals, Output, out, versioned, when};

/// Show what changed, when, as this node saw it; the newest last
///
/// Transitions of LUNs on nodes, of nodes, findings, causes, configuration and documents, each with what was seen then; and when
/// the agent itself did not look. Every node keeps its own history: another one's by --server.
#[derive(Args, Debug)]
#[command(after_help = "\
Times: 02:30 (the last one), 2026-11-23, \"2026-11-23 02:30\" (local), 2026-11-23T02:30:00Z, or a length of time back from
now: 90m, 2d.

Examples:
  pathkeeper history --since 2h
  pathkeeper history --lun backup-01 --since 2d
  pathkeeper history --node pve3 --code HBA_DOWN --limit 20
  pathkeeper history --since 02:30 --until 03:30 -o wide")]
pub struct HistoryArgs {
    /// Only of this LUN: alias, map name or WWID, or its beginning
    #[arg(long, value_name = "NAME")]
    lun: Option<String>,
    /// Only of this node
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Only findings of this code
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Not before this time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Not after this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The newest of them, so many at most
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5000))]
    limit: u32,
}

/// Runs the command.
pub async fn run(args: HistoryArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let (client, view) = (globals.client()?, globals.view());
    let query = query(&args, &client, &view).await?;
    let timeline = client.history(&query).await?;
    let text = match globals.output {
        Output::Json => json(&timeline)?,
        output => render(&timeline, &view, output == Output::Wide),
    };
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn query(args: &HistoryArgs, client: &Client, view: &View) -> Result<String, Failure> {
    let mut query = vec![format!("limit={}", args.limit)];
    if let Some(name) = &args.lun {
        // What is no name any more may still be a WWID of which the history tells.
        let wwid = match find(&client.luns().await?, name) {
            Ok(lun) => lun.wwid.clone(),
            Err(_)
                if name.len() >= 8
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b)) =>
            {
                name.clone()
            }
            Err(e) => return Err(e),
        };
        query.push(format!("wwid={}", encoded(&wwid)));
    }
    for (key, value) in [("node", &args.node), ("code", &args.code)] {
        query.extend(value.as_ref().map(|value| format!("{key}={}", encoded(value))));
    }
    for (key, value) in [("since", &args.since), ("until", &args.until)] {
        if let Some(value) = value {
            query.push(format!("{key}={}", when::past(value, view)?));
        }
    }
    Ok(query.join("&"))
}

/// Times in UTC, for programs.
fn json(timeline: &Timeline) -> Result<String, Failure> {
    #[derive(serde::Serialize)]
    struct Timed<'a> {
        time: String,
        #[serde(flatten)]
        event: &'a Event,
    }
    #[derive(serde::Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct All<'a> {
        node: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kept_since: Option<String>,
        events: Vec<Timed<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        older: Option<i64>,
    }
    let all = All {
        node: &timeline.node,
        kept_since: timeline.kept_since.map(utc),
        events: timeline.events.iter().map(|event| Timed { time: utc(event.at), event }).collect(),
        older: timeline.older,
    };
    versioned(&all, true)
}

/// One line for each change, by days.
pub fn render(timeline: &Timeline, view: &View, wide: bool) -> String {
    let node = clean(&timeline.node);
    if timeline.events.is_empty() {
        let kept = timeline
            .kept_since
            .map_or_else(String::new, |at| format!("; it goes back to {}", view.dated(at)));
        return format!("nothing of it is in the history of {node}{kept}\n");
    }
    let mut rows = vec![["TIME", "WHERE", "WHAT", ""].map(|title| field(Tone::Strong, title)).to_vec()];
    let room = view.width.saturating_sub(8 + 2 + 22 + 2 + 9 + 2).max(32);
    let mut day = String::new();
    for event in &timeline.events {
        let today = view.day(event.at);
        if today != day {
            rows.push(vec![field(Tone::Faint, &today)]);
            day = today;
        }
        let (place, what, tone, said) = words(event, view);
        let evidence = if wide { event.evidence.as_slice() } else { &[] };
        let lines = wrap(&clean(&said), room).into_iter();
        let lines = lines.chain(evidence.iter().flat_map(|line| wrap(&format!("  {}", clean(line)), room)));
        for (n, line) in lines.enumerate() {
            let first = |text: String| if n == 0 { text } else { String::new() };
            rows.push(vec![
                field(Tone::Plain, first(view.clock(event.at))),
                field(Tone::Plain, first(view.squeeze(&place, 22))),
                field(tone, first(what.clone())),
                field(if n == 0 { Tone::Plain } else { Tone::Faint }, line),
            ]);
        }
    }
    let mut out = table(view, &rows);
    let older = timeline.older.map(|_| "older ones are not shown: --limit, --until".to_owned());
    let kept = timeline.kept_since.map(|at| format!("it goes back to {}", view.dated(at)));
    let more: Vec<String> = older.into_iter().chain(kept).collect();
    out.push_str(&format!("\nthe history of {node}; {}\n", more.join("; ")));
    out
}

/// Where, what, and what is said of it.
fn words(event: &Event, view: &View) -> (String, String, Tone, String) {
    let scope = &event.scope;
    let lun = event.name.clone().or_else(|| scope.wwid.as_deref().map(|wwid| view.short_wwid(wwid)));
    let object =
        scope.object.as_ref().or(scope.path.as_ref()).filter(|_| event.kind != "finding" || lun.is_none());
    let parts = [scope.node.clone(), lun, object.cloned()];
    let place = clean(&parts.into_iter().flatten().collect::<Vec<_>>().join("/"));
    let cleared = event.what == "cleared";
    match event.kind.as_str() {
        "cell" if cleared => {
            (place, "expected".into(), Tone::Faint, "no longer carried nor expected here".into())
        }
        "cell" => {
            let (state, counts) = event.text.split_once(' ').unwrap_or((&event.text, ""));
            (place, state.to_owned(), super::text::tone_of(state), counts.to_owned())
        }
        "finding" | "cause" => {
            let tone = match event.severity.as_deref() {
                _ if cleared => Tone::Good,
                Some("error") => Tone::Bad,
                Some("warning") => Tone::Warn,
                _ => Tone::Plain,
            };
            let code = event.code.as_deref().unwrap_or_default();
            (place, event.what.clone(), tone, format!("{code}: {}", event.text))
        }
        "agent" => (place, "agent".into(), Tone::Doubt, event.text.clone()),
        kind => {
            let gone = if cleared { "gone: " } else { "" };
            (place, kind.to_owned(), Tone::Plain, format!("{gone}{}", event.text))
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use pathkeeper_api::status::Scope;

    use super::*;
    use crate::cli::fixtures::{NOW, view};

    fn event(at: i64, kind: &str, what: &str, text: &str) -> Event {
        Event {
            id: at,
            at: NOW + at,
            kind: kind.into(),
            what: what.into(),
            scope: Scope { node: Some("pve3".into()), ..Scope::default() },
            name: None,
            code: None,
            text: text.into(),
            severity: None,
            evidence: Vec::new(),
            advice: Vec::new(),
        }
    }

    #[test]
    fn a_timeline_reads_from_top_to_bottom() {
        let cell = |at: i64, text: &str| {
            let of = event(at, "cell", "changed", text);
            Event {
                name: Some("backup-01".into()),
                scope: Scope { wwid: Some("3600a1".into()), ..of.scope },
                ..of
            }
        };
        let finding = event(-806, "cause", "appeared", "pve3/host7: link down");
        let finding = Event {
            code: Some("HBA_DOWN".into()),
            severity: Some("error".into()),
            scope: Scope { object: Some("host7".into()), ..finding.scope },
            evidence: vec!["24 of 48 paths of pve3".into()],
            ..finding
        };
        let cleared = Event { what: "cleared".into(), severity: None, at: NOW - 10, ..finding.clone() };
        let timeline = Timeline {
            node: "pve1".into(),
            kept_since: Some(NOW - 40 * 86_400),
            events: vec![
                event(-90_000, "agent", "appeared", "the agent started, version 0.1.0"),
                cell(-807, "degraded 2/4"),
                finding,
                cell(-805, "failed 0/4"),
                event(
                    -100,
                    "node",
                    "changed",
                    "online, report stale (nothing new from it for 190 s), multipathd running",
                ),
                cleared,
            ],
            older: Some(5),
        };
        expect![[r#"
            TIME            WHERE           WHAT
            Thu 2 Jul 2026
            02:12:07        pve3            agent     the agent started, version 0.1.0
            Fri 3 Jul 2026
            02:58:40        pve3/backup-01  degraded  2/4
            02:58:41        pve3/host7      appeared  HBA_DOWN: pve3/host7: link down
                                                      24 of 48 paths of pve3
            02:58:42        pve3/backup-01  failed    0/4
            03:10:27        pve3            node      online, report stale (nothing new
                                                      from it for 190 s), multipathd
                                                      running
            03:11:57        pve3/host7      cleared   HBA_DOWN: pve3/host7: link down
                                                      24 of 48 paths of pve3

            the history of pve1; older ones are not shown: --limit, --until; it goes back to 24 May 03:12:07
        "#]]
        .assert_eq(&render(&timeline, &view(), true));
        let none = Timeline { events: Vec::new(), older: None, ..timeline };
        expect![[r#"
            nothing of it is in the history of pve1; it goes back to 24 May 03:12:07
        "#]]
        .assert_eq(&render(&none, &view(), false));
    }
}
