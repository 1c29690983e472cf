//! Tells the history what changed: follows the board, and never keeps it waiting.
//!
//! What the history does not take is told again with the next picture, and the time between is a gap: of it only how it
//! ended is known.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pathkeeper_io::history::{Condition, Full, History};
use pathkeeper_model::history::{Gap, Kind, Standing, Subject, Transition, What};
use pathkeeper_model::{EpochS, NodeName, Wwid};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};

use super::remembered::{Remembered, remember};
use super::told::{self, DocumentThen, Picture, Told};
use crate::app::board::{Board, RowBody, Snapshot};
use crate::app::clock::Clock;
use crate::app::convert;
use crate::app::documents::Digests;
use crate::app::follower::Followed;

/// Nodes are looked at so often where the status does not change.
const TICK: Duration = Duration::from_secs(5);
/// It is written down so often that somebody looked, though nothing changed.
const SEEN_S: i64 = 30;
/// A longer time between two looks is one in which nobody looked.
const LOOK_MAX_S: i64 = 120;
/// A first picture that lacks what this node reports is waited for no longer than this.
const WHOLE_AFTER_S: i64 = 60;
/// After the history could not be read.
const RETRY: Duration = Duration::from_secs(10);

/// Follows a board.
pub struct Recorder {
    /// What is followed.
    pub board: Arc<Board>,
    /// All clocks.
    pub clock: Clock,
    /// Where it is told.
    pub history: History,
    /// The observing node.
    pub node: NodeName,
    /// Which documents there are.
    pub digests: watch::Receiver<Digests>,
    /// Where the picture of the cluster hears what an earlier run knew.
    pub own: mpsc::Sender<Vec<Followed>>,
}

/// What was told.
#[derive(Default)]
struct Known {
    standing: Standing<Told>,
    rows: Vec<Arc<RowBody>>,
    /// Since when, and how many transitions, the history did not take.
    lost: Option<(EpochS, u64)>,
    ready: bool,
    seen: Option<EpochS>,
    looked: Option<EpochS>,
    began: Option<EpochS>,
}

impl Recorder {
    /// Until the board is gone.
    pub async fn run(mut self) {
        let mut condition = self.history.condition();
        let mut generation = condition.borrow_and_update().generation;
        let mut known = self.load(true).await;
        let mut told = None;
        let now = condition.borrow_and_update().clone();
        self.tell_condition(&mut told, &now).await;
        let (_, mut changes) = self.board.follow(None);
        loop {
            self.look(&mut known);
            tokio::select! {
                changed = changes.recv() => match changed {
                    // Whoever is behind looks at the newest picture alone.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                Ok(()) = condition.changed() => {
                    let now = condition.borrow_and_update().clone();
                    self.tell_condition(&mut told, &now).await;
                    if now.generation != generation {
                        // Another file knows nothing of what was told to the one before.
                        generation = now.generation;
                        known = Known::default();
                    }
                }
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// What an earlier run told last; it goes on from there.
    async fn load(&self, first: bool) -> Known {
        let then = loop {
            match self.history.at(EpochS(i64::MAX)).await {
                Ok(then) => break then,
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        };
        let mut known = Known::default();
        for row in then.rows {
            if let Some(value) = Told::of_history(&row) {
                let (at, subject) = (row.at, row.subject);
                known.standing.take(Transition { at, subject, what: What::Appeared, value });
            }
        }
        if first {
            let lives = self.history.lives().await.unwrap_or_default();
            let now = self.clock.now().wall;
            let remembered = remember(&known.standing, &lives, now);
            // The picture of the cluster may be busy; it is not waited for for ever, since it waits for us nowhere.
            let _ = self.own.send(vec![Followed::Remembered(remembered)]).await;
        }
        known
    }

    /// A file that was set aside is a finding of this node.
    async fn tell_condition(&self, told: &mut Option<PathBuf>, condition: &Condition) {
        let Some((aside, why)) = &condition.set_aside else { return };
        if told.replace(aside.clone()).as_ref() == Some(aside) {
            return;
        }
        let remembered = Remembered {
            findings: vec![super::remembered::set_aside(&self.node, aside, why)],
            ..Remembered::default()
        };
        let _ = self.own.send(vec![Followed::Remembered(remembered)]).await;
    }

    /// Tells what is different now.
    fn look(&mut self, known: &mut Known) {
        let Some(snapshot) = self.board.snapshot() else { return };
        let now = self.clock.now().wall;
        if let Some(before) = known.looked.replace(now).filter(|before| now.0 - before.0 > LOOK_MAX_S) {
            let why = "the machine slept, or its clock was set".to_owned();
            let _ = self.history.gap(Gap { since: before, until: now, lost: 0, why });
        }
        let began = *known.began.get_or_insert(now);
        if !known.ready && now.0.saturating_sub(began.0) < WHOLE_AFTER_S && !self.is_whole(&snapshot) {
            return;
        }
        let transitions = self.transitions(known, &snapshot, now);
        if transitions.is_empty() && known.lost.is_none() {
            known.rows.clone_from(&snapshot.rows);
            if known.ready && known.seen.is_none_or(|seen| now.0 - seen.0 >= SEEN_S || now.0 < seen.0) {
                // A word that finds no room is said again in a while.
                if self.history.seen(now).is_ok() {
                    known.seen = Some(now);
                }
            }
            if !known.ready {
                known.ready = self.history.ready(now).is_ok();
            }
            return;
        }
        let n = transitions.len() as u64;
        let rows = transitions.iter().map(told::row).collect();
        if let Err(Full) = self.history.record(rows, now) {
            // What stands is not touched: the next picture is held against what was taken last.
            let (_, lost) = known.lost.get_or_insert((now, 0));
            *lost = (*lost).max(n);
            return;
        }
        transitions.into_iter().for_each(|transition| known.standing.take(transition));
        known.rows.clone_from(&snapshot.rows);
        known.seen = Some(now);
        if let Some((since, lost)) = known.lost.take() {
            let why = "they came faster than the disk took them".to_owned();
            tracing::warn!("{lost} changes or more are not in the history: {why}");
            let _ = self.history.gap(Gap { since, until: EpochS(now.0.max(since.0 + 1)), lost, why });
        }
        if !known.ready {
            known.ready = self.history.ready(now).is_ok();
        }
    }

    /// Whether the picture knows what this node itself reports. Some stores forget that with the agent, and LUNs that are not
    /// in the first picture for this alone have not gone.
    fn is_whole(&self, snapshot: &Snapshot) -> bool {
        let stands =
            |wwid: &Wwid| snapshot.rows.binary_search_by(|row| row.wwid.as_str().cmp(wwid.as_str())).is_ok();
        self.board.local().is_some_and(|local| local.entries.iter().all(|(wwid, _)| stands(wwid)))
    }

    fn transitions(&self, known: &Known, snapshot: &Snapshot, now: EpochS) -> Vec<Transition<Told>> {
        let mut out = Vec::new();
        // Rows are made anew when they change: the same one says the same.
        let before: BTreeMap<&str, &Arc<RowBody>> =
            known.rows.iter().map(|row| (row.wwid.as_str(), row)).collect();
        for row in &snapshot.rows {
            if before.get(row.wwid.as_str()).is_some_and(|before| Arc::ptr_eq(before, row)) {
                continue;
            }
            let mut picture = Picture::new();
            if let (Some(wwid), Ok(wire)) = (Wwid::new(&row.wwid), serde_json::from_slice(&row.json)) {
                told::of_row(&wwid, wire, &mut picture);
                row_to(known, &wwid, &picture, now, &mut out);
            }
        }
        let stands =
            |wwid: &Wwid| snapshot.rows.binary_search_by(|row| row.wwid.as_str().cmp(wwid.as_str())).is_ok();
        let of_kind = |kind: Kind| move |subject: &Subject| subject.kind == kind;
        let gone: Vec<Wwid> = known
            .standing
            .range(&Subject::of(Kind::Lun), of_kind(Kind::Lun))
            .filter_map(|(subject, _)| subject.wwid.clone().filter(|wwid| !stands(wwid)))
            .collect();
        for wwid in gone {
            row_to(known, &wwid, &Picture::new(), now, &mut out);
        }
        let mut beside = Picture::new();
        told::of_beside(&snapshot.beside, &mut beside);
        for (node, tally) in &self.board.nodes().nodes {
            let apply = snapshot.beside.nodes.get(node.name.as_str());
            told::of_node(convert::node(node, *tally), apply, &mut beside);
        }
        for (name, digest) in &*self.digests.borrow() {
            let document = DocumentThen { digest: digest.clone() };
            beside.insert(Subject::object(Kind::Document, name), Told::Document(document));
        }
        for kind in [Kind::Node, Kind::View, Kind::Finding, Kind::Cause] {
            let (from, among) = (Subject::of(kind), of_kind(kind));
            let now_of = of_that_kind(&mut beside, kind);
            known.standing.to(&from, among, &now_of, now, &mut out);
        }
        // What nobody speaks of now has not become another.
        known.standing.to(&Subject::of(Kind::Config), |_| false, &beside, now, &mut out);
        out
    }
}

/// Takes what is told of one kind out of a picture.
fn of_that_kind(picture: &mut Picture, kind: Kind) -> Picture {
    let (of, others) = std::mem::take(picture).into_iter().partition(|(subject, _)| subject.kind == kind);
    *picture = others;
    of
}

/// From what stands of a row to what it is now.
fn row_to(known: &Known, wwid: &Wwid, now_of: &Picture, now: EpochS, out: &mut Vec<Transition<Told>>) {
    for kind in [Kind::Cell, Kind::Lun] {
        let from = Subject { wwid: Some(wwid.clone()), ..Subject::of(kind) };
        let among = |subject: &Subject| subject.kind == kind && subject.wwid.as_ref() == Some(wwid);
        let now_of = now_of.iter().filter(|(subject, _)| subject.kind == kind);
        let now_of = now_of.map(|(subject, told)| (subject.clone(), told.clone())).collect();
        known.standing.to(&from, among, &now_of, now, out);
    }
}
