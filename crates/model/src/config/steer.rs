//! What people do with a rollout: they start one, pause, resume, abort it, and make nodes go on that hold. Pure: from the rollout that
//! stands, and what nodes said of it, to the one that is to stand.

use std::collections::{BTreeMap, BTreeSet};

use super::edit::Change;
use super::plan::Confirmed;
use super::rollout::{Course, Peer, Progress, Rollout};
use crate::ids::{EpochS, NodeName, Wwid};
use crate::multipath_cfg::MultipathCfg;

/// What is to be rolled out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// Digest of `multipath.cfg`.
    pub config: String,
    /// Digest of the overrides.
    pub overrides: String,
    /// Who goes first, where somebody chose.
    pub canary: Option<NodeName>,
    /// It is for this node alone.
    pub only: Option<NodeName>,
    /// What was agreed to.
    pub confirmed: Confirmed,
}

/// Who orders, and when.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// The user.
    pub by: &'a str,
    /// By the clock of the node that took it.
    pub time: EpochS,
}

/// LUNs that are taken over though they were set up by hand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Adopt {
    /// None.
    #[default]
    Nothing,
    /// These; who names a LUN agrees to the name that the document gives it.
    Named(BTreeSet<Wwid>),
    /// Each that the document allows; their maps keep their names, or it is refused.
    All,
}

/// Why nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Nobody goes on with it.
    #[error("generation {0} was aborted, and nothing was before it: start anew with pathkeeper config apply")]
    Over(u64),
    /// What was before is not known any more.
    #[error(
        "what was before generation {0} cannot be read any more ({1}), so it cannot come back: pause it, or apply another configuration"
    )]
    NothingToGoBackTo(u64, String),
}

/// What comes of it; `None`: it is so already.
pub type Steered = Result<Option<Rollout>, Refused>;

/// What a new configuration takes, given what people said: `change` is from what is in force.
pub fn consent(config: &MultipathCfg, change: &Change, adopt: &Adopt, rename_in_use: bool) -> Confirmed {
    let mut rename: BTreeSet<Wwid> = change.renamed.iter().map(|(wwid, ..)| wwid.clone()).collect();
    let adopt = match adopt {
        Adopt::Nothing => BTreeSet::new(),
        Adopt::All => config.luns.keys().cloned().collect(),
        Adopt::Named(named) => {
            rename.extend(named.iter().cloned());
            named.clone()
        }
    };
    Confirmed { adopt, remove: change.removed.clone(), rename, rename_in_use }
}

/// A generation after `old`.
pub fn start(old: Option<&Rollout>, wanted: Start, word: Word<'_>) -> Rollout {
    let previous = old.and_then(|old| {
        let same = old.config == wanted.config && old.overrides == wanted.overrides;
        if same || old.course == Course::Aborted {
            // Tried once more, or never come to its end: before it is what was before that.
            old.previous.clone()
        } else {
            Some((old.config.clone(), old.overrides.clone()))
        }
    });
    Rollout {
        generation: old.map_or(0, |old| old.generation).saturating_add(1),
        config: wanted.config,
        overrides: wanted.overrides,
        course: Course::Running,
        canary: wanted.canary,
        force: BTreeSet::new(),
        resumed: BTreeMap::new(),
        by: word.by.to_owned(),
        time: Some(word.time),
        previous,
        only: wanted.only,
        confirmed: wanted.confirmed,
    }
}

/// Nobody begins any more.
///
/// # Errors
/// If it is over.
pub fn pause(old: &Rollout) -> Steered {
    match old.course {
        Course::Running => Ok(Some(Rollout { course: Course::Paused, ..old.clone() })),
        Course::Paused => Ok(None),
        Course::Aborted => Err(Refused::Over(old.generation)),
    }
}

/// It goes on, and what went wrong so far, or ended nobody knows how, was looked at.
///
/// # Errors
/// If it is over.
pub fn resume(old: &Rollout, nodes: &BTreeMap<NodeName, Peer>) -> Steered {
    if old.course == Course::Aborted {
        return Err(Refused::Over(old.generation));
    }
    let mut new = Rollout { course: Course::Running, ..old.clone() };
    new.resumed.extend(stuck(old, nodes).map(|(node, since)| (node.clone(), since)));
    Ok(Some(new).filter(|new| new != old))
}

/// Nodes that hold up a rollout until somebody has looked, each with the `since` of what it says.
pub fn stuck<'a>(
    rollout: &'a Rollout,
    nodes: &'a BTreeMap<NodeName, Peer>,
) -> impl Iterator<Item = (&'a NodeName, Option<EpochS>)> {
    nodes.iter().filter_map(|(node, peer)| {
        let said = peer.said.as_ref().filter(|said| said.generation == rollout.generation)?;
        let lost = said.progress == Progress::Applying && !peer.online;
        let settled = rollout.resumed.get(node) == Some(&said.since);
        ((said.progress.is_wrong() || lost) && !settled).then_some((node, said.since))
    })
}

/// These nodes do not hold for failed paths.
///
/// # Errors
/// If it is over.
pub fn force(old: &Rollout, nodes: &BTreeSet<NodeName>) -> Steered {
    if old.course == Course::Aborted {
        return Err(Refused::Over(old.generation));
    }
    let force = old.force.union(nodes).cloned().collect();
    Ok(Some(Rollout { force, ..old.clone() }).filter(|new| new != old))
}

/// What was before comes back, as a generation of its own; where nothing was, it only ends. `texts` are the configuration before and the
/// one that is aborted; why they are not known otherwise.
///
/// # Errors
/// If what was before is not known any more.
pub fn abort(
    old: &Rollout,
    texts: Result<(&MultipathCfg, &MultipathCfg), String>,
    word: Word<'_>,
) -> Steered {
    let Some((config, overrides)) = old.previous.clone() else {
        return Ok(
            (old.course != Course::Aborted).then(|| Rollout { course: Course::Aborted, ..old.clone() })
        );
    };
    let (before, aborted) = texts.map_err(|why| Refused::NothingToGoBackTo(old.generation, why))?;
    let back = Change::between(aborted, before);
    // Who started it agreed to both sides of it. What it had taken out comes back although maps of it live on.
    let confirmed = Confirmed {
        adopt: old.confirmed.adopt.iter().chain(&back.added).cloned().collect(),
        remove: back.removed,
        rename: back.renamed.into_iter().map(|(wwid, ..)| wwid).chain(back.added).collect(),
        rename_in_use: old.confirmed.rename_in_use,
    };
    Ok(Some(Rollout {
        generation: old.generation.saturating_add(1),
        config,
        overrides,
        course: Course::Running,
        canary: None,
        force: BTreeSet::new(),
        resumed: BTreeMap::new(),
        by: word.by.to_owned(),
        time: Some(word.time),
        previous: Some((old.config.clone(), old.overrides.clone())),
        only: old.only.clone(),
        confirmed,
    }))
}
