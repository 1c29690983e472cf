//! Parts of one node to a whole report, or to another whole that is split in the same way.

use std::collections::BTreeMap;

use crate::ids::Instance;

use super::{PARTS_MAX, Part, Problems, Report, Stamp, sort_and_dedup};

/// A value that is one of several which belong together.
pub trait Piece {
    /// Who wrote it and as its which.
    fn stamp(&self) -> Option<Stamp>;
    /// Which part it says it is, from 1.
    fn part(&self) -> u32;
    /// How many it says there are.
    fn parts(&self) -> u32;
}

impl Piece for Part {
    fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }
    fn part(&self) -> u32 {
        self.part
    }
    fn parts(&self) -> u32 {
        self.parts
    }
}

/// Joins the values under one node's numbered keys (`multipath`, `multipath-2`…) by instance and seq, never by time.
///
/// It holds what each key's value is now. Until a newer set is whole, the last whole one stands with its own age;
/// that one is with the caller. What it holds is bounded by the values it is given, not by what they say of themselves.
#[derive(Clone, Debug)]
pub struct Pieces<P> {
    /// By the key's number.
    held: BTreeMap<u32, P>,
    /// Of the last whole set.
    last: Option<Stamp>,
}

impl<P> Default for Pieces<P> {
    fn default() -> Self {
        Self { held: BTreeMap::new(), last: None }
    }
}

/// What a value made of the set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Joined<W> {
    /// A set is whole. Writers without instance and seq give one with each value; whether it is new tells its time.
    Whole(W),
    /// The value belongs to the set that was whole last; the same as before.
    Same,
    /// The set that this value belongs to is not whole; the last whole one, if there is one, stands.
    Waiting {
        /// Parts of it that are here.
        have: u32,
        /// Parts it has.
        want: u32,
    },
    /// The value is of the same instance as the last whole set, and of an earlier seq; the last whole one stands.
    Older,
    /// The value stands under a key that its own number does not fit, or there is no such key; as if the key had no value.
    Misplaced,
}

impl<P: Piece> Pieces<P> {
    /// The key number `key` (1 for the one without a number) now has this value. A whole set comes in the order of its
    /// parts.
    pub fn set(&mut self, key: u32, part: P) -> Joined<Vec<P>> {
        self.held.remove(&key);
        if part.part() != key || key > PARTS_MAX {
            return Joined::Misplaced;
        }
        let Some(stamp) = part.stamp() else {
            // Without a stamp there are no parts (the decoders keep that), so this is whole, and replaces any set.
            self.held.clear();
            self.last = None;
            return Joined::Whole(vec![part]);
        };
        if let Some(last) = self.last.filter(|last| last.instance == stamp.instance) {
            if stamp.seq == last.seq {
                return Joined::Same;
            }
            if stamp.seq < last.seq {
                return Joined::Older;
            }
        }
        let parts = part.parts();
        self.held.insert(key, part);
        let of_set = |part: &P| part.stamp() == Some(stamp) && part.parts() == parts;
        let have = self.held.range(1..=parts).filter(|(_, part)| of_set(part)).count();
        if u32::try_from(have) != Ok(parts) {
            return Joined::Waiting { have: u32::try_from(have).unwrap_or(u32::MAX), want: parts };
        }
        // Everything else that is held is of other sets; parts of a newer one would be lost with it, so only older ones go.
        let mut set = Vec::with_capacity(have);
        for number in 1..=parts {
            set.extend(self.held.remove(&number));
        }
        self.held.retain(|_, part| part.stamp().is_some_and(|other| newer(other, stamp)));
        self.last = Some(stamp);
        Joined::Whole(set)
    }

    /// The key number `key` has no value any more, or one that cannot be used.
    pub fn clear(&mut self, key: u32) {
        self.held.remove(&key);
    }

    /// The last whole set's instance and seq.
    pub fn last(&self) -> Option<Stamp> {
        self.last
    }
}

/// [`Pieces`] of a report.
#[derive(Clone, Debug, Default)]
pub struct Joiner(Pieces<Part>);

/// What a value made of the report.
pub type Join = Joined<Report>;

impl Joiner {
    /// Knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key number `key` (1 for `multipath`) now has this value.
    pub fn set(&mut self, key: u32, part: Part) -> Join {
        match self.0.set(key, part) {
            Joined::Whole(parts) => Joined::Whole(whole(parts)),
            Joined::Same => Joined::Same,
            Joined::Waiting { have, want } => Joined::Waiting { have, want },
            Joined::Older => Joined::Older,
            Joined::Misplaced => Joined::Misplaced,
        }
    }

    /// The key number `key` has no value any more, or one that cannot be used.
    pub fn clear(&mut self, key: u32) {
        self.0.clear(key);
    }

    /// Whether no part waits for others.
    pub fn is_empty(&self) -> bool {
        self.0.held.is_empty()
    }

    /// Whether it holds parts of a report of this run that is not whole. Where a whole one of the run is known, they are
    /// of a newer one.
    pub fn holds_of(&self, instance: Instance) -> bool {
        self.0.held.values().any(|part| part.stamp.is_some_and(|stamp| stamp.instance == instance))
    }

    /// The last whole report's instance and seq.
    pub fn last(&self) -> Option<Stamp> {
        self.0.last()
    }
}

fn newer(other: Stamp, than: Stamp) -> bool {
    other.instance != than.instance || other.seq > than.seq
}

fn whole(parts: Vec<Part>) -> Report {
    let (stamp, time) = parts.first().map_or((None, None), |part| (part.stamp, part.time));
    let mut entries = Vec::with_capacity(parts.iter().map(|part| part.entries.len()).sum());
    let mut problems = Problems::default();
    for part in parts {
        entries.extend(part.entries);
        problems.append(part.problems);
    }
    sort_and_dedup(&mut entries);
    Report { stamp, time, entries, problems }
}
