//! What the picture of the cluster hears of an earlier run, and of the history itself.

use std::path::Path;

use pathkeeper_api::status;
use pathkeeper_io::history::Lives;
use pathkeeper_model::finding::{Code, Finding, Fingerprint, Scope, Severity};
use pathkeeper_model::history::{Kind, Standing, Subject};
use pathkeeper_model::{EpochS, NodeName, Wwid};

use super::told::Told;

/// A finding that stood when the agent stopped still counts from then, if nobody looked for no longer than this. It may have
/// cleared meanwhile and come again; after a longer time that is likelier than not.
const AWAY_MAX_S: i64 = 3_600;

/// What is heard.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// Since when findings stood that stood when an earlier run ended.
    pub first_seen: Vec<(Fingerprint, EpochS)>,
    /// What is wrong with the history.
    pub findings: Vec<Finding>,
}

/// What stood when the run before ended.
pub(super) fn remember(standing: &Standing<Told>, lives: &Lives, now: EpochS) -> Remembered {
    // The last one is this run.
    let before = lives.runs.iter().rev().skip(1).find(|run| run.since.is_some());
    if before.is_none_or(|run| now.0.saturating_sub(run.until.0) > AWAY_MAX_S) {
        return Remembered::default();
    }
    let finding = |(subject, at, told): (&Subject, EpochS, &Told)| match told {
        Told::Finding(finding) if matches!(subject.kind, Kind::Finding | Kind::Cause) => {
            Some((fingerprint(finding)?, EpochS(finding.since.unwrap_or(at.0))))
        }
        _ => None,
    };
    Remembered { first_seen: standing.iter().filter_map(finding).collect(), findings: Vec::new() }
}

/// The wire's finding back to what tells it from others; `None` for a code that this version does not know.
fn fingerprint(finding: &status::Finding) -> Option<Fingerprint> {
    let scope = &finding.scope;
    Some(Fingerprint {
        code: Code::parse(&finding.code)?,
        scope: Scope {
            wwid: scope.wwid.as_deref().and_then(Wwid::new),
            node: scope.node.as_deref().and_then(NodeName::new),
            path: scope.path.clone(),
            object: scope.object.clone(),
        },
    })
}

/// The finding about a file that was set aside.
pub(super) fn set_aside(node: &NodeName, aside: &Path, why: &str) -> Finding {
    let shown = aside.display();
    Finding {
        evidence: vec![format!("{why}; it is {shown} now")],
        advice: vec![
            "df -h; dmesg | tail -50: is the disk sound and not full?".into(),
            format!(
                "Look at what it held: sqlite3 {shown} .recover; remove it when nobody wants it any more."
            ),
            "DO NOT copy it back while the agent runs".into(),
        ],
        ..Finding::new(
            Code::HistorySetAside,
            Severity::Info,
            Scope::node(node),
            format!("{node}'s history could not be used and was put aside: what was before now is not shown"),
        )
    }
}

#[cfg(test)]
mod tests {
    use pathkeeper_model::history::{Run, Transition, What};

    use super::*;

    #[test]
    fn what_stood_when_the_agent_stopped_is_remembered_for_an_hour() {
        let mut finding = crate::cli::fixtures::finding("HBA_DOWN", "warning", "pve1", "down");
        finding.scope.object = Some("host7".into());
        finding.since = None;
        let mut standing = Standing::default();
        let told = |finding: &status::Finding| Transition {
            at: EpochS(70),
            subject: super::super::told::finding_subject(finding),
            what: What::Appeared,
            value: Told::Finding(Box::new(finding.clone())),
        };
        standing.take(told(&finding));
        standing.take(told(&status::Finding {
            code: "OF_TOMORROW".into(),
            fingerprint: "x".into(),
            ..finding.clone()
        }));
        let lives = |until: i64| Lives {
            kept: Some(EpochS(0)),
            runs: vec![
                Run { since: Some(EpochS(1)), until: EpochS(until) },
                Run { since: None, until: EpochS(until + 5) },
                Run { since: None, until: EpochS(10_000) },
            ],
            gaps: Vec::new(),
        };
        let of = |standing: &Standing<Told>, until: i64| {
            remember(standing, &lives(until), EpochS(10_000)).first_seen
        };
        let fingerprint = fingerprint(&finding).unwrap();
        assert_eq!(of(&standing, 10_000 - AWAY_MAX_S), [(fingerprint.clone(), EpochS(70))]);
        assert_eq!(of(&standing, 10_000 - AWAY_MAX_S - 1), []);
        finding.since = Some(55);
        standing.take(told(&finding));
        assert_eq!(of(&standing, 9_000), [(fingerprint, EpochS(55))]);
        assert_eq!(remember(&standing, &Lives::default(), EpochS(9)).first_seen, []);
    }
}
