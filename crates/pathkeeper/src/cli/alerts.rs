//! `pathkeeper alerts`: what people outside were told, by whom, and whether the ways there work.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use pathkeeper_api::alerts::{Alert, Alerts, TestBody, Tested};

use super::text::{Field, Tone, View, clean, count, field, span, table, wrap};
use super::{Failure, Globals, Output, out, versioned};

/// Alerts that agents have sent, and how this node's sinks stand
///
/// Agents send alerts themselves where [[alerts.webhook]] or [[alerts.alertmanager]] is set up in pathkeeper.toml; each
/// thing is sent once by the whole cluster.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 all sinks take what they are sent, 1 one does not; of test: 0 all took it, 2 one did not.

Examples:
  pathkeeper alerts
  pathkeeper alerts --all            also what is over
  pathkeeper alerts test             a test message to every sink of this node
  pathkeeper alerts test ops")]
pub struct AlertsArgs {
    /// Also what was resolved in the last 24 hours
    #[arg(long)]
    all: bool,
    #[command(subcommand)]
    command: Option<AlertsCommand>,
}

#[derive(Subcommand, Debug)]
enum AlertsCommand {
    /// Send a test message now, and say what each sink answers
    Test {
        /// One sink by its name; all of this node without
        sink: Option<String>,
    },
}

/// Runs the command.
pub async fn run(args: AlertsArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let json = globals.output == Output::Json;
    if let Some(AlertsCommand::Test { sink }) = args.command {
        let tested = client.test_alerts(&TestBody { sink }).await?;
        out::print(&if json { versioned(&tested, true)? } else { render_test(&tested, &globals.view()) })?;
        let all = tested.results.iter().all(|result| result.taken);
        return Ok(ExitCode::from(if all { 0 } else { 2 }));
    }
    let mut alerts = client.alerts().await?;
    if !args.all {
        alerts.alerts.retain(|alert| alert.state != "resolved");
    }
    out::print(&if json { versioned(&alerts, true)? } else { render(&alerts, &globals.view()) })?;
    Ok(ExitCode::from(u8::from(alerts.sinks.iter().any(|sink| sink.failing_since.is_some()))))
}

fn render(alerts: &Alerts, view: &View) -> String {
    let mut out = String::new();
    if alerts.alerts.is_empty() {
        out.push_str("no alert stands\n");
    } else {
        let titles = ["STATE", "SEVERITY", "ALERT", "SINCE", "TOLD"];
        let mut rows: Vec<Vec<Field>> = vec![titles.map(|title| field(Tone::Strong, title)).into()];
        rows.extend(alerts.alerts.iter().map(|alert| row(alert, view)));
        out.push_str(&table(view, &rows));
    }
    if alerts.held_back > 0 {
        let words =
            format!("{} more are not sent: too many stand already", count(alerts.held_back.into(), "alert"));
        out.push_str(&(view.paint(Tone::Warn, &words) + "\n"));
    }
    out.push('\n');
    if alerts.sinks.is_empty() {
        out.push_str(
            "this node has no sinks and sends nothing: [[alerts.webhook]] in pathkeeper.toml sets one up\n",
        );
        return out;
    }
    let titles = ["SINK", "KIND", "ADDRESS", "SENT", "WAITING", "DROPPED", "LAST"];
    let mut rows: Vec<Vec<Field>> = vec![titles.map(|title| field(Tone::Strong, title)).into()];
    for sink in &alerts.sinks {
        let tone = if sink.failing_since.is_some() { Tone::Bad } else { Tone::Plain };
        rows.push(vec![
            field(tone, &sink.name),
            field(Tone::Plain, &sink.kind),
            field(Tone::Plain, &sink.url),
            field(Tone::Plain, sink.sent.to_string()),
            field(Tone::Plain, sink.waiting.to_string()),
            field(Tone::Plain, sink.dropped.to_string()),
            field(Tone::Plain, sink.last_sent.map_or_else(|| "-".into(), |at| view.moment(at))),
        ]);
    }
    out.push_str(&table(view, &rows));
    for sink in &alerts.sinks {
        let Some(since) = sink.failing_since else { continue };
        let why = sink.why.as_deref().unwrap_or("no reason is known");
        let words = format!("{}: nothing is taken since {}: {why}", sink.name, view.moment(since));
        for line in wrap(&clean(&words), view.width) {
            out.push_str(&(view.paint(Tone::Bad, &line) + "\n"));
        }
    }
    out
}

fn row(alert: &Alert, view: &View) -> Vec<Field> {
    let tone = match (alert.state.as_str(), alert.severity.as_str()) {
        ("resolved", _) => Tone::Faint,
        (_, "error") => Tone::Bad,
        _ => Tone::Warn,
    };
    let told = match (&alert.by, alert.told, alert.due_in_s) {
        (Some(by), Some(told), _) => {
            let partial = if alert.partial { ", partial" } else { "" };
            format!("{} by {by}{partial}", view.moment(told))
        }
        (_, _, Some(due_s)) => format!("in {}, if it stands", span(i64::try_from(due_s).unwrap_or(i64::MAX))),
        _ => "-".into(),
    };
    vec![
        field(tone, &alert.state),
        field(tone, &alert.severity),
        field(Tone::Plain, &alert.fingerprint),
        field(Tone::Plain, view.moment(alert.since)),
        field(Tone::Plain, told),
    ]
}

fn render_test(tested: &Tested, view: &View) -> String {
    let mut out = String::new();
    for result in &tested.results {
        let (word, tone) = if result.taken { ("ok", Tone::Good) } else { ("FAILED", Tone::Bad) };
        let words = format!("{} ({}): {} ({} ms)", result.sink, result.url, result.said, result.took_ms);
        for (at, line) in wrap(&clean(&words), view.width.saturating_sub(8).max(30)).iter().enumerate() {
            let lead =
                if at == 0 { view.paint(tone, word) + &" ".repeat(8 - word.len()) } else { " ".repeat(8) };
            out.push_str(&format!("{lead}{line}\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use pathkeeper_api::alerts::{Sink, TestResult};

    use super::*;
    use crate::cli::fixtures::view;

    fn alert(state: &str, fingerprint: &str) -> Alert {
        let now = view().now;
        Alert {
            fingerprint: fingerprint.into(),
            code: String::new(),
            severity: "warning".into(),
            state: state.into(),
            summary: String::new(),
            since: now - 600,
            told: Some(now - 300),
            by: Some("pve1".into()),
            due_in_s: None,
            turn: 1,
            partial: false,
            luns: 12,
            nodes: vec![],
        }
    }

    #[test]
    fn alerts_and_sinks_as_tables() {
        let now = view().now;
        let sink = |name: &str| Sink {
            name: name.into(),
            kind: "webhook".into(),
            url: "https://hooks.example:443/…".into(),
            sent: 3,
            failed: 0,
            dropped: 0,
            waiting: 0,
            last_sent: Some(now - 300),
            failing_since: None,
            why: None,
        };
        let broken = Sink {
            failing_since: Some(now - 200),
            why: Some("no answer within 10000 ms".into()),
            waiting: 2,
            ..sink("chat")
        };
        let waiting =
            Alert { by: None, told: None, due_in_s: Some(75), ..alert("waiting", "LUN_DEGRADED pve2/3600a") };
        let partial = Alert { partial: true, severity: "error".into(), ..alert("firing", "STORE_PARTIAL") };
        let alerts = Alerts {
            alerts: vec![partial, alert("firing", "HBA_DOWN pve2/host7"), waiting],
            sinks: vec![sink("ops"), broken],
            held_back: 3,
        };
        let text = render(&alerts, &view());
        for part in [
            "STORE_PARTIAL",
            ", partial",
            "in 1m, if it stands",
            "by pve1",
            "3 alerts more are not sent",
            "chat: nothing is taken",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        let none = Alerts { alerts: vec![], sinks: vec![], held_back: 0 };
        let text = render(&none, &view());
        assert!(text.contains("no alert stands") && text.contains("has no sinks"), "{text}");
        let tested = Tested {
            results: [true, false]
                .map(|taken| TestResult {
                    sink: "ops".into(),
                    url: "http://h:80".into(),
                    taken,
                    said: if taken {
                        "it took the test message"
                    } else {
                        "it answered 401; look at token-file"
                    }
                    .into(),
                    took_ms: 7,
                })
                .into(),
        };
        let text = render_test(&tested, &view());
        assert!(text.contains("ok") && text.contains("FAILED") && text.contains("401"), "{text}");
    }
}
