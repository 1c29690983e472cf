//! What is wrong, from all that is known: the picture is put together, causes and findings are asked for, and what people
//! muted is marked.

use std::collections::BTreeMap;
use std::sync::Arc;

use pathkeeper_model::cause::{Causes, Index};
use pathkeeper_model::expect::Expectations;
use pathkeeper_model::finding::{Code, Finding, Fingerprint};
use pathkeeper_model::guests::Guests;
use pathkeeper_model::health::Health;
use pathkeeper_model::ids::{EpochS, MonoMs, NodeName, Now};
use pathkeeper_model::matrix::{Matrix, RowId};
use pathkeeper_model::mutes::{Mutes, Seen};
use pathkeeper_model::names::Names;
use pathkeeper_model::picture::{NodePicture, Picture};
use pathkeeper_model::problems;
use pathkeeper_model::windows::Windows;
use rustc_hash::FxHashMap;

use super::node::{Belief, NodeRecord, Terms};

/// A finding that stood when an earlier run ended is that finding if it is seen again within this.
const REMEMBERED_MS: u64 = 600_000;

/// What people said beside the configuration, and who runs where.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub mutes: Mutes,
    pub windows: Windows,
    pub names: Names,
    pub guests: Guests,
}

/// The last evaluation.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub findings: Vec<Finding>,
    pub causes: Causes,
    /// The findings about nodes that swallow what would be said of their LUNs.
    pub swallowed: BTreeMap<NodeName, Fingerprint>,
    /// When this observer first saw each finding that stands.
    pub first_seen: BTreeMap<Fingerprint, EpochS>,
    /// What an earlier run saw first, and until when that counts: a finding may need a while to be seen again.
    remembered: Option<(Arc<BTreeMap<Fingerprint, EpochS>>, MonoMs)>,
    /// Of each row that is not clean, which causes explain what of it.
    explained: FxHashMap<RowId, u64>,
}

/// What an evaluation needs.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub nodes: &'a BTreeMap<NodeName, NodeRecord>,
    /// Their paths, ready to be searched for causes.
    pub index: &'a Index,
    pub matrix: &'a Matrix,
    pub expectations: &'a Expectations,
    pub beside: &'a Beside,
    pub terms: Terms,
    /// When this observer had its first whole list, or now.
    pub began: EpochS,
    pub now: Now,
}

/// Codes that swallow a node's LUN findings: its cells are unknown, and one word says why.
fn swallows(code: Code) -> bool {
    use Code::{
        MultipathdAbsent, MultipathdDown, MultipathdHung, NodeOffline, NodeSilent, NodeStale, NodeTwins,
    };
    matches!(
        code,
        MultipathdAbsent | MultipathdDown | MultipathdHung | NodeOffline | NodeSilent | NodeStale | NodeTwins
    )
}

impl<'a> Known<'a> {
    /// Each node for those who judge.
    pub fn nodes(
        self,
        swallowed: &'a BTreeMap<NodeName, Fingerprint>,
    ) -> BTreeMap<NodeName, NodePicture<'a>> {
        let picture = |(name, record): (&'a NodeName, &'a NodeRecord)| {
            let node = NodePicture {
                online: record.member.filter(|_| self.terms.trusted),
                heard: record.belief(self.terms, self.now) == Belief::Fresh,
                swallowed: swallowed.get(name),
                about: record.about.as_ref(),
                paths: record.paths.as_ref(),
                report_time: record.whole.as_ref().and_then(|whole| whole.time),
                paths_age_ms: record.detail_age_ms(self.now),
            };
            (name.clone(), node)
        };
        self.nodes.iter().map(picture).collect()
    }

    /// The whole.
    pub fn picture(
        self,
        nodes: &'a BTreeMap<NodeName, NodePicture<'a>>,
        first_seen: &'a BTreeMap<Fingerprint, EpochS>,
    ) -> Picture<'a> {
        Picture {
            matrix: self.matrix,
            expectations: self.expectations,
            nodes,
            names: &self.beside.names,
            guests: &self.beside.guests,
            first_seen,
            members_trusted: self.terms.trusted,
            now: self.now,
        }
    }

    /// Evaluates; `found` are the findings about nodes, store and documents. Also gives the rows of which something beside
    /// the matrix is different.
    pub fn judge(self, mut found: Vec<Finding>, before: &Judged) -> (Judged, Vec<RowId>) {
        let mut swallowed = BTreeMap::new();
        for finding in found.iter().filter(|finding| swallows(finding.code)) {
            if let Some(node) = &finding.scope.node {
                swallowed.entry(node.clone()).or_insert_with(|| finding.fingerprint());
            }
        }
        let nodes = self.nodes(&swallowed);
        let picture = self.picture(&nodes, &before.first_seen);
        found.retain(|finding| {
            let gone = finding.scope.wwid.as_ref().filter(|_| finding.code == Code::LunGone);
            gone.is_none_or(|wwid| !problems::is_seen(&picture, wwid))
        });
        let mut causes = Causes::find_in(&picture, self.index, &before.causes);
        let problems::Found { findings, standing, explained } = problems::find(&picture, &mut causes);
        found.extend(findings);
        let mut first_seen = BTreeMap::new();
        let mut date = |finding: &mut Finding| {
            let fingerprint = finding.fingerprint();
            let since = before.since(&fingerprint).unwrap_or(self.now.wall);
            if finding.since.is_none() {
                finding.since = Some(since);
                finding.since_first_seen = true;
            }
            first_seen.insert(fingerprint, since);
        };
        causes.list_mut().iter_mut().for_each(&mut date);
        found.iter_mut().for_each(&mut date);
        let stands =
            |(at, cause): &(usize, &Finding)| cause.code == Code::PortFlapping || standing.contains(*at);
        found.extend(causes.list().iter().enumerate().filter(stands).map(|(_, cause)| cause.clone()));
        self.beside.windows.mark(&mut found, &picture, &causes);
        // What goes beyond a window has no date yet.
        found.iter_mut().filter(|finding| finding.since.is_none()).for_each(&mut date);
        let seen = Seen { matrix: self.matrix, now: self.now.wall, began: self.began };
        self.beside.mutes.mark(&mut found, &seen);
        problems::count_guests(&mut found, &picture, &causes);
        problems::order(&mut found, &picture);
        let changed = explained
            .iter()
            .filter(|(row, print)| before.explained.get(row) != Some(print))
            .map(|(row, _)| *row)
            .chain(before.explained.keys().copied().filter(|row| !explained.contains_key(row)))
            .collect();
        let remembered = before.remembered.clone().filter(|(_, until)| self.now.mono < *until);
        (Judged { findings: found, causes, swallowed, first_seen, remembered, explained }, changed)
    }
}

impl Judged {
    /// Takes in what an earlier run saw first.
    pub fn remember(&mut self, known: Vec<(Fingerprint, EpochS)>, now: Now) {
        self.remembered = Some((Arc::new(known.into_iter().collect()), now.mono.plus(REMEMBERED_MS)));
    }

    /// Since when a finding stands, as far as this observer saw it, in this run or the one before.
    fn since(&self, fingerprint: &Fingerprint) -> Option<EpochS> {
        let earlier = self.remembered.as_ref().and_then(|(known, _)| known.get(fingerprint));
        [self.first_seen.get(fingerprint), earlier].into_iter().flatten().min().copied()
    }

    /// The verdict.
    pub fn health(&self, partial: bool) -> Health {
        Health::of(&self.findings, partial)
    }
}
