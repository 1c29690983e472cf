//! What is wrong with the configuration on the nodes: by the rollout, and by what each node says of it.

use super::rollout::{Applied, Course, Progress, Rollout};
use crate::finding::{Code, Finding, Scope, Severity};
use crate::ids::{EpochS, NodeName};

/// What is held for so long is an error.
pub const HELD_ERROR_S: i64 = 3_600;

/// The cluster's side: what is rolled out, and what is written and not rolled out yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rolling {
    /// The newest rollout, where there is one.
    pub rollout: Option<Rollout>,
    /// Documents that hold something else than is rolled out.
    pub pending: Vec<&'static str>,
}

/// One node, as far as its configuration goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node<'a> {
    /// Its name.
    pub name: &'a NodeName,
    /// The store says that it is offline.
    pub offline: bool,
    /// What it said last.
    pub said: &'a Applied,
}

/// All of it. Where nothing was ever rolled out nobody is told anything.
pub fn findings<'a>(rolling: &Rolling, nodes: impl Iterator<Item = Node<'a>>, now: EpochS) -> Vec<Finding> {
    let Some(rollout) = &rolling.rollout else { return Vec::new() };
    let mut found = Vec::new();
    for document in &rolling.pending {
        found.push(Finding {
            advice: vec!["pathkeeper config plan, then pathkeeper config apply".to_owned()],
            ..Finding::new(
                Code::ConfigPending,
                Severity::Info,
                Scope::object(document),
                format!(
                    "{document} was changed and is not applied: generation {} is in force",
                    rollout.generation
                ),
            )
        });
    }
    for node in nodes {
        if node.said.generation == rollout.generation {
            found.extend(of_state(rollout, node, now));
        }
        found.extend(drifted(node));
    }
    found
}

fn of_state(rollout: &Rollout, node: Node<'_>, now: EpochS) -> Option<Finding> {
    let Node { name, said, .. } = node;
    let generation = rollout.generation;
    let held_s = said.since.map_or(0, |since| now.0.saturating_sub(since.0));
    let resume = if rollout.course == Course::Running {
        "pathkeeper config rollout resume, or abort"
    } else {
        "pathkeeper config rollout"
    };
    let (code, severity, summary, advice) = match said.progress {
        Progress::Failed => (
            Code::ConfigApplyFailed,
            Severity::Error,
            format!(
                "configuration generation {generation} failed on {name}, which may be neither as before nor as wanted"
            ),
            format!("On {name} do what the reason says; then {resume}: no other node follows until then"),
        ),
        Progress::RolledBack => (
            Code::ConfigRolledBack,
            Severity::Error,
            format!(
                "configuration generation {generation} was not applied on {name}, which is as it was before"
            ),
            format!(
                "Mend what the reason names and apply it anew, or {resume}: no other node follows until then"
            ),
        ),
        Progress::Applying if node.offline => (
            Code::ConfigApplyFailed,
            Severity::Error,
            format!("{name} began configuration generation {generation} and was not heard of again"),
            format!("Look at {name} (it finds out by itself when it is back); then {resume}"),
        ),
        Progress::Held => (
            Code::ConfigHeld,
            if held_s >= HELD_ERROR_S { Severity::Error } else { Severity::Warning },
            format!(
                "configuration generation {generation} waits on {name}: a reconfigure now could cost a map its last path"
            ),
            format!("Bring the paths back. Not to wait for them: pathkeeper config rollout force {name}"),
        ),
        Progress::Current
        | Progress::Waiting
        | Progress::Applying
        | Progress::Verified
        | Progress::NotApplicable => return None,
    };
    Some(Finding {
        evidence: said.why.iter().cloned().collect(),
        advice: vec![advice],
        since: said.since,
        ..Finding::new(code, severity, Scope::node(name), summary)
    })
}

fn drifted(node: Node<'_>) -> Option<Finding> {
    let drift = node.said.drift.as_ref()?;
    let name = node.name;
    Some(Finding {
        evidence: vec![drift.clone()],
        advice: vec![
            format!("pathkeeper config plan, asked on {name}, shows each line; Pathkeeper mends none of it by itself"),
            "To have it as the cluster wants it: pathkeeper config apply. To keep it: pathkeeper config set, or edit".to_owned(),
        ],
        ..Finding::new(
            Code::ConfigDrift,
            Severity::Warning,
            Scope::of_node(name, "multipath.cfg"),
            format!("{name} is not configured as it was applied there"),
        )
    })
}
