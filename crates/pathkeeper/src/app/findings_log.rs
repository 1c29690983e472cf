//! Every finding that appears, changes or clears is one log line of each observer, with fields whose names stay.

use std::collections::BTreeMap;

use pathkeeper_api::status::Finding;
use tokio::sync::broadcast::error::RecvError;

use super::board::Board;
use super::clock::Clock;

/// Lines for one picture; the others are counted in one more.
const LINES_MAX: usize = 200;

/// Follows the board until it is gone. What stands at the start is told once.
pub async fn run(board: std::sync::Arc<Board>, clock: Clock) {
    let mut told = Told::default();
    let (_, mut changes) = board.follow(None);
    loop {
        if let Some(snapshot) = board.snapshot() {
            board.causes.take(snapshot.revision, &snapshot.beside.findings, clock.now().mono);
            for line in told.take(&snapshot.beside.findings) {
                line.log();
            }
        }
        match changes.recv().await {
            // Whoever is behind looks at the newest picture alone.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// What stands, as it was told last.
#[derive(Debug, Default)]
struct Told(BTreeMap<String, Finding>);

/// One line.
#[derive(Debug)]
enum Line {
    /// A finding, and what became of it: `appeared`, `changed` or `cleared`.
    Of(Box<Finding>, &'static str),
    /// So many more.
    More(usize),
}

impl Told {
    fn take(&mut self, findings: &[Finding]) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut now = BTreeMap::new();
        for finding in findings {
            let before = self.0.remove(&finding.fingerprint);
            let event = match &before {
                None => Some("appeared"),
                Some(before) if worth_a_line(before, finding) => Some("changed"),
                Some(_) => None,
            };
            if let Some(event) = event {
                lines.push(Line::Of(Box::new(finding.clone()), event));
            }
            now.insert(finding.fingerprint.clone(), finding.clone());
        }
        let gone = std::mem::replace(&mut self.0, now);
        lines.extend(gone.into_values().map(|finding| Line::Of(Box::new(finding), "cleared")));
        let more = lines.len().saturating_sub(LINES_MAX);
        lines.truncate(LINES_MAX);
        lines.extend((more > 0).then_some(Line::More(more)));
        lines
    }
}

/// Words and numbers move while something goes on; a line is worth what changes whether it counts.
pub fn worth_a_line(before: &Finding, now: &Finding) -> bool {
    let muted = |finding: &Finding| finding.muted.as_ref().map(|muted| muted.id.clone());
    before.severity != now.severity || before.cause != now.cause || muted(before) != muted(now)
}

impl Line {
    fn log(&self) {
        let (finding, event) = match self {
            Line::Of(finding, event) => (finding, *event),
            Line::More(n) => {
                return tracing::warn!(target: "finding", "and {n} more findings: pathkeeper health");
            }
        };
        let scope = &finding.scope;
        let muted = match (&finding.muted, &finding.cause) {
            (Some(muted), _) => format!(" (muted by {}: {})", muted.by, muted.reason),
            (None, Some(cause)) => format!(" (explained by {cause})"),
            (None, None) => String::new(),
        };
        macro_rules! say {
            ($level:ident) => {
                tracing::$level!(
                    target: "finding",
                    CODE = %finding.code,
                    WWID = scope.wwid.as_deref().map(tracing::field::display),
                    NODE = scope.node.as_deref().map(tracing::field::display),
                    OBJECT = scope.object.as_deref().or(scope.path.as_deref()).map(tracing::field::display),
                    SEVERITY = %finding.severity,
                    FINGERPRINT = %finding.fingerprint,
                    EVENT = %event,
                    "{event}: {}: {}{muted}", finding.fingerprint, finding.summary
                )
            };
        }
        match finding.severity.as_str() {
            _ if event == "cleared" || !muted.is_empty() => say!(info),
            "error" => say!(error),
            "warning" => say!(warn),
            _ => say!(info),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixtures::finding;
    use pathkeeper_api::status::Muted;

    fn lines(told: &mut Told, findings: &[Finding]) -> Vec<String> {
        let text = |line: &Line| match line {
            Line::Of(finding, event) => format!("{event} {}", finding.fingerprint),
            Line::More(n) => format!("{n} more"),
        };
        told.take(findings).iter().map(text).collect()
    }

    #[test]
    fn each_change_is_told_once() {
        let mut told = Told::default();
        let skew = |node: &str| finding("NODE_CLOCK_SKEW", "warning", node, "a minute");
        let worded = Finding { summary: "two minutes".into(), ..skew("a") };
        let worse = Finding { severity: "error".into(), ..skew("a") };
        let muted = Finding { muted: Some(Muted { id: "1".into(), ..Muted::default() }), ..worse.clone() };
        let explained = Finding { cause: Some("NODE_OFFLINE a".into()), ..muted.clone() };
        let nothing: [&str; 0] = [];
        for (findings, expect) in [
            (vec![], &nothing[..]),
            (vec![skew("a"), skew("b")], &["appeared NODE_CLOCK_SKEW a", "appeared NODE_CLOCK_SKEW b"]),
            (vec![worded, skew("b")], &nothing),
            (vec![worse.clone(), skew("b")], &["changed NODE_CLOCK_SKEW a"]),
            (vec![muted.clone()], &["changed NODE_CLOCK_SKEW a", "cleared NODE_CLOCK_SKEW b"]),
            (vec![explained], &["changed NODE_CLOCK_SKEW a"]),
            (vec![], &["cleared NODE_CLOCK_SKEW a"]),
        ] {
            assert_eq!(lines(&mut told, &findings), expect);
        }
        let many: Vec<Finding> = (0..1000).map(|n| skew(&format!("n{n}"))).collect();
        let said = lines(&mut told, &many);
        assert_eq!((said.len(), said.last().map(String::as_str)), (LINES_MAX + 1, Some("800 more")));
        assert_eq!(lines(&mut told, &many), nothing);
    }
}
