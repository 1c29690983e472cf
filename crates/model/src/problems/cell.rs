//! One LUN on one node: which codes hold of it.

use crate::cause::CellCauses;
use crate::finding::{Code, Severity};
use crate::ids::NodeName;
use crate::local::Queueing;
use crate::matrix::{CellRef, ColumnRef, RowRef};
use crate::picture::NodePicture;
use crate::state::State;
use crate::topology::{LunSeen, NodePaths, PathWord};

/// How far a node's word about its LUNs counts now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// It is heard, and its multipathd answers as far as anybody says.
    Whole,
    /// Its multipathd does not answer: one finding says so for all of its LUNs. What the kernel proves still counts.
    KernelAlone,
    /// It is silent, or something else stands in the place of all that could be said of its LUNs.
    Nothing,
}

/// A node while it is looked at.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// Its name.
    pub name: &'a NodeName,
    /// What is known of it.
    pub node: &'a NodePicture<'a>,
    /// Its column in the matrix.
    pub column: Option<ColumnRef<'a>>,
    /// How far its word counts.
    pub word: Word,
}

impl<'a> At<'a> {
    /// What it published of its paths, where that tells of now.
    pub fn paths(&self) -> Option<&'a NodePaths> {
        paths_of(self.node, self.word)
    }
}

impl<'a> At<'a> {
    /// What it published of its paths, where multipathd itself says so, and now.
    pub fn whole(&self) -> Option<&'a NodePaths> {
        self.paths().filter(|_| self.word == Word::Whole)
    }
}

/// What a node whose word counts so far published of its paths, where that tells of now.
pub fn paths_of<'a>(node: &NodePicture<'a>, word: Word) -> Option<&'a NodePaths> {
    let counts = match word {
        Word::Whole => node.paths_count(),
        Word::KernelAlone => true,
        Word::Nothing => false,
    };
    node.paths.filter(|_| counts)
}

/// How far a node's word counts.
pub fn word_of(node: &NodePicture<'_>) -> Word {
    match node.swallowed.map(|by| by.code) {
        _ if !node.heard => Word::Nothing,
        None => Word::Whole,
        Some(Code::MultipathdDown | Code::MultipathdHung | Code::MultipathdAbsent) => Word::KernelAlone,
        Some(_) => Word::Nothing,
    }
}

/// One cell as the matrix and the published paths have it.
#[derive(Clone, Copy)]
pub struct Cell<'a> {
    /// As the node reports it.
    pub shown: CellRef<'a>,
    /// What it published of the LUN.
    pub seen: Option<&'a LunSeen>,
    /// How far that counts.
    pub word: Word,
    /// Usable paths, as reported.
    pub usable: u32,
    /// Paths in the map, as reported.
    pub known: u32,
    /// Paths that should be there; never fewer than `known`.
    pub expected: u32,
}

/// The number of paths that a node remembers of a LUN.
pub fn remembered(seen: &LunSeen) -> u32 {
    seen.remembered.iter().fold(0, |sum, (_, paths)| sum.saturating_add(u32::from(*paths)))
}

impl<'a> Cell<'a> {
    /// A cell; `None` where the node and the LUN have nothing to do with each other.
    pub fn of(at: &At<'a>, row: &RowRef<'a>, seen: Option<&'a LunSeen>) -> Option<Self> {
        let shown = row.cell_in(at.column?)?;
        let (usable, known) = match shown.counts {
            Some((usable, known)) => (usable.unwrap_or(0), known.or(usable).unwrap_or(0)),
            None => (0, 0),
        };
        let expected = shown.paths_expected.unwrap_or_else(|| seen.map_or(0, remembered));
        Some(Self { shown, seen, word: at.word, usable, known, expected: expected.max(known) })
    }

    /// The code of the state that it is in, and how bad that is.
    pub fn plight(&self) -> Option<(Code, Severity)> {
        match (self.shown.state, self.word) {
            (_, Word::Nothing) | (State::Optimal | State::Unknown, _) => None,
            (State::Failed, Word::KernelAlone) if self.queues() => {
                Some((Code::QueueWithoutDaemon, Severity::Error))
            }
            (State::Failed, _) if self.queues() => Some((Code::LunQueueing, Severity::Error)),
            (State::Failed, _) => Some((Code::LunFailed, Severity::Error)),
            // Nobody checks paths there, so that these words would be about the daemon.
            (_, Word::KernelAlone) => None,
            (State::Missing, _) => Some((Code::LunMissing, Severity::Error)),
            // Nothing proves that it cannot be used, and nothing that it can.
            (State::Degraded, _) if self.usable == 0 => Some((Code::LunFailed, Severity::Error)),
            (State::Degraded, _) if self.usable == 1 && self.expected > 1 => {
                Some((Code::LunLastPath, Severity::Error))
            }
            (State::Degraded, _) if self.usable < self.known || self.known >= self.expected => {
                Some((Code::LunDegraded, Severity::Warning))
            }
            (State::Degraded, _) => Some((Code::LunBelowExpected, Severity::Warning)),
        }
    }

    /// Its map queues. Paths are published later than reports: what would queue before the last path failed queues now.
    fn queues(&self) -> bool {
        let map = self.seen.and_then(|seen| seen.map.as_deref());
        let queueing = map.map_or(Queueing::Unknown, |map| map.queueing);
        matches!(queueing, Queueing::On | Queueing::Seconds(_) | Queueing::Checks(1..))
    }

    /// Paths that should be usable and are not.
    pub fn bad(&self) -> u32 {
        self.expected.saturating_sub(self.usable)
    }

    /// Whether listed causes explain all of that. What the matrix tells beyond the published paths no cause can know of.
    pub fn is_explained(&self, causes: &CellCauses) -> bool {
        let bad = self.bad().max(causes.expected.saturating_sub(self.usable));
        let has_devices =
            self.shown.state == State::Missing && self.seen.is_some_and(|seen| !seen.loose.is_empty());
        !causes.causes.is_empty() && bad > 0 && causes.explained >= bad && !has_devices
    }

    /// The report tells of fewer usable paths than the published ones: these are to follow.
    pub fn is_ahead(&self) -> bool {
        let Some(seen) = self.seen.filter(|_| self.word == Word::Whole) else { return false };
        match self.shown.state {
            State::Missing => seen.map.is_some(),
            _ => {
                seen.paths.iter().filter(|path| path.word == PathWord::Usable).count() > self.usable as usize
            }
        }
    }
}

/// The code for usable paths that all share one fault domain, where there is or was more than one.
pub fn shared_domains(causes: &CellCauses) -> impl Iterator<Item = Code> {
    let single = |(usable, all): (u32, u32)| usable == 1 && all > 1;
    // Who is on one fabric is on one adapter as well, mostly: one word.
    let near = if single(causes.fabrics) {
        Some(Code::LunSingleFabric)
    } else {
        single(causes.hbas).then_some(Code::LunSingleHba)
    };
    near.into_iter().chain(single(causes.controllers).then_some(Code::LunSingleController))
}
