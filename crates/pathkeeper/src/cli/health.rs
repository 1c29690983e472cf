//! `pathkeeper health`: what is wrong, one line for each finding that counts, causes with what they explain.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::status::{ClusterStatus, Finding};
use serde::Serialize;

use super::text::{Tone, View, clean, count, fit};
use super::{Failure, Globals, Output, out, versioned};

/// The column at which words begin.
const INDENT: usize = 8;
/// Nodes are named up to so many.
const NAMES_MAX: usize = 6;

/// Say what is wrong, one line for each cause and each finding that no cause explains
///
/// A finding that a listed cause explains is counted under it. Muted ones stay visible, and do not count.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 HEALTH_OK, 1 HEALTH_WARN, 2 HEALTH_ERR, 3 PARTIAL or no answer.

Examples:
  pathkeeper health
  pathkeeper health --detail
  pathkeeper health -o json")]
pub struct HealthArgs {
    /// With what was seen and what to do
    #[arg(long)]
    detail: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Answer<'a> {
    health: &'a str,
    view: &'a pathkeeper_api::status::View,
    findings: &'a [Finding],
}

/// Asks the agent.
pub async fn run(args: HealthArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let status = globals.client()?.status("").await?;
    let health = status.summary.health.as_str();
    let exit = match health {
        "HEALTH_OK" => 0,
        "HEALTH_WARN" => 1,
        "HEALTH_ERR" => 2,
        _ => super::EXIT_UNKNOWN,
    };
    if globals.output == Output::Json {
        let answer = Answer { health, view: &status.view, findings: &status.findings };
        out::print(&versioned(&answer, true)?)?;
    } else {
        out::print(&render(&status, args.detail, &globals.view()))?;
    }
    Ok(ExitCode::from(exit))
}

/// What it counts as.
fn word(finding: &Finding) -> (&'static str, Tone) {
    match (finding.muted.is_some(), finding.severity.as_str()) {
        (true, _) => ("MUTED", Tone::Faint),
        (false, "error") => ("ERROR", Tone::Bad),
        (false, "warning") => ("WARN", Tone::Warn),
        (false, _) => ("INFO", Tone::Plain),
    }
}

/// The verdict, a line for each finding, and what is well.
pub fn render(status: &ClusterStatus, detail: bool, view: &View) -> String {
    let seen = &status.view;
    let found: Vec<&Finding> = status.findings.iter().filter(|f| f.cause.is_none()).collect();
    let of = |wanted: &str| found.iter().filter(|f| word(f).0 == wanted).count() as u64;
    let counted: Vec<String> = [("ERROR", "error"), ("WARN", "warning")]
        .into_iter()
        .filter_map(|(of_word, name)| Some(of(of_word)).filter(|n| *n > 0).map(|n| count(n, name)))
        .chain(Some(of("MUTED")).filter(|n| *n > 0).map(|n| format!("{n} muted")))
        .collect();
    let counted = if counted.is_empty() { "nothing is wrong".into() } else { counted.join(", ") };
    let tone = match status.summary.health.as_str() {
        "HEALTH_OK" => Tone::Good,
        "HEALTH_WARN" => Tone::Warn,
        "HEALTH_ERR" => Tone::Bad,
        _ => Tone::Doubt,
    };
    let head = format!(
        "{}  {counted}   {} seen from {}, {}/{} fresh",
        clean(&status.summary.health),
        view.clock(view.now),
        clean(&seen.observer),
        seen.nodes_fresh,
        seen.nodes_known
    );
    let mut out = String::new();
    for line in fit(&head, view.width) {
        out.push_str(&format!("{}\n", view.paint(tone, &line)));
    }
    if let Some(why) = seen.why.as_deref().filter(|_| seen.partial) {
        fit(&clean(why), view.width).iter().for_each(|line| out.push_str(&format!("{line}\n")));
    }
    let code_width = found.iter().map(|f| f.code.len()).max().unwrap_or(0);
    let order = |f: &&&Finding| ["ERROR", "WARN", "INFO", "MUTED"].iter().position(|w| *w == word(f).0);
    let mut sorted: Vec<&&Finding> = found.iter().collect();
    sorted.sort_by_key(order);
    for finding in sorted {
        one(finding, code_width, detail, view, &mut out);
    }
    let mode = if seen.mode == "observe" { "configuration not managed" } else { "configuration managed" };
    out.push_str(&format!(
        "OK    {}/{} nodes fresh, {}/{} multipathd, {mode}, {}\n",
        seen.nodes_fresh,
        seen.nodes_known,
        seen.multipathd_running,
        seen.nodes_known,
        clocks(status)
    ));
    out
}

fn clocks(status: &ClusterStatus) -> &'static str {
    if status.findings.iter().any(|f| f.code == "NODE_CLOCK_SKEW") {
        "clocks differ"
    } else {
        "clocks within 30 s"
    }
}

fn one(finding: &Finding, code_width: usize, detail: bool, view: &View, out: &mut String) {
    let (said, tone) = word(finding);
    let lead = format!("{said:5} {:code_width$}  ", clean(&finding.code));
    let room = view.width.saturating_sub(lead.len()).max(24);
    for (at, line) in fit(&clean(&finding.summary), room).iter().enumerate() {
        if at == 0 {
            out.push_str(&format!("{}{line}\n", view.paint(tone, &lead)));
        } else {
            out.push_str(&format!("{:1$}{line}\n", "", lead.len()));
        }
    }
    let mut beneath = |text: &str| {
        for line in fit(&clean(text), view.width.saturating_sub(INDENT).max(24)) {
            out.push_str(&format!("{:INDENT$}{line}\n", ""));
        }
    };
    if let Some(explains) = &finding.explains {
        let codes: Vec<String> = explains.codes.iter().map(|(code, n)| format!("{n} {code}")).collect();
        let what =
            if codes.is_empty() { count(explains.paths.into(), "lost path") } else { codes.join(", ") };
        let nodes = match explains.nodes.len() {
            n @ 1..=NAMES_MAX => explains.nodes.get(..n).unwrap_or_default().join(" "),
            n => count(n as u64, "node"),
        };
        beneath(&format!("explains {what} on {nodes}"));
    }
    if let Some(guests) = finding.guests.filter(|n| *n > 0) {
        beneath(&format!("hits {}", count(guests.into(), "guest")));
    }
    if let Some(muted) = &finding.muted {
        let until =
            muted.until.map_or_else(|| "until it clears".into(), |at| format!("until {}", view.moment(at)));
        beneath(&format!("{until}, {} of {}: \"{}\"", muted.kind, muted.by, muted.reason));
    }
    if detail {
        finding.evidence.iter().for_each(|line| beneath(line));
        finding.advice.iter().for_each(|line| match line.strip_prefix("DO NOT ") {
            Some(line) => beneath(&format!("do not: {line}")),
            None => beneath(&format!("do: {line}")),
        });
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::cli::fixtures;
    use pathkeeper_api::status::{Explains, Muted};

    #[test]
    fn causes_count_their_consequences_and_mutes_stay_visible() {
        let mut status = fixtures::cluster("a degraded pve1=4/4 pve2=degraded:2/4");
        let mut cause = fixtures::finding("HBA_DOWN", "warning", "pve2", "pve2/host7 (fabric B): link down");
        cause.explains = Some(Explains {
            luns: 12,
            cells: 12,
            paths: 24,
            nodes: vec!["pve2".into()],
            codes: [("LUN_DEGRADED".to_owned(), 12)].into(),
        });
        let mut muted =
            fixtures::finding("LUN_BELOW_EXPECTED", "warning", "pve1", "vm-test-02 on pve1: 3 of 4");
        muted.muted = Some(Muted {
            id: "1".into(),
            kind: "mute".into(),
            by: "kb".into(),
            reason: "SFP ordered, ticket 4711".into(),
            until: None,
        });
        let error = fixtures::finding(
            "LUN_QUEUEING",
            "error",
            "pve3",
            "backup-01 on pve3: 0 of 4 paths, queues for ever",
        );
        status.findings = vec![muted, cause, error];
        status.summary.health = "HEALTH_ERR".into();
        expect![[r#"
            HEALTH_ERR  1 error, 1 warning, 1 muted   03:12:07 seen from pve1, 4/4 fresh
            ERROR LUN_QUEUEING        backup-01 on pve3: 0 of 4 paths, queues for ever
            WARN  HBA_DOWN            pve2/host7 (fabric B): link down
                    explains 12 LUN_DEGRADED on pve2
            MUTED LUN_BELOW_EXPECTED  vm-test-02 on pve1: 3 of 4
                    until it clears, mute of kb: "SFP ordered, ticket 4711"
            OK    4/4 nodes fresh, 4/4 multipathd, configuration not managed, clocks within 30 s
        "#]]
        .assert_eq(&render(&status, false, &fixtures::view()));
        let detailed = render(&status, true, &fixtures::view());
        assert!(detailed.contains("do: then restart it"), "{detailed}");
    }
}
