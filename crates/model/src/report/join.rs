//! Parts of one node to a whole report.

use std::collections::BTreeMap;

use super::{PARTS_MAX, Part, Problems, Report, Stamp, sort_and_dedup};

/// Joins the values under one node's keys `multipath`, `multipath-2`… by instance and seq, never by time.
///
/// It holds what each key's value is now. Until a newer set is whole, the last whole report stands with its own age;
/// that one is with the caller. What it holds is bounded by the values it is given, not by what they say of themselves.
#[derive(Clone, Debug, Default)]
pub struct Joiner {
    /// By the key's number.
    held: BTreeMap<u32, Part>,
    /// Of the last whole report.
    last: Option<Stamp>,
}

/// What a value made of the report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Join {
    /// A report is whole. Writers without instance and seq give one with each value; whether it is new tells its time.
    Whole(Report),
    /// The value belongs to the report that was whole last; the same as before.
    Same,
    /// The set that this value belongs to is not whole; the last whole report, if there is one, stands.
    Waiting {
        /// Parts of it that are here.
        have: u32,
        /// Parts it has.
        want: u32,
    },
    /// The value is of the same instance as the last whole report, and of an earlier seq; the last whole report stands.
    Older,
    /// The value stands under a key that its own number does not fit, or there is no such key; as if the key had no value.
    Misplaced,
}

impl Joiner {
    /// Knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key number `key` (1 for `multipath`) now has this value.
    pub fn set(&mut self, key: u32, part: Part) -> Join {
        self.held.remove(&key);
        if part.part != key || key > PARTS_MAX {
            return Join::Misplaced;
        }
        let Some(stamp) = part.stamp else {
            // Without a stamp there are no parts (the decoder keeps that), so this is whole, and replaces any set.
            self.held.clear();
            self.last = None;
            return Join::Whole(whole(None, vec![part]));
        };
        if let Some(last) = self.last.filter(|last| last.instance == stamp.instance) {
            if stamp.seq == last.seq {
                return Join::Same;
            }
            if stamp.seq < last.seq {
                return Join::Older;
            }
        }
        let parts = part.parts;
        self.held.insert(key, part);
        let of_set = |part: &Part| part.stamp == Some(stamp) && part.parts == parts;
        let have = self.held.range(1..=parts).filter(|(_, part)| of_set(part)).count();
        if u32::try_from(have) != Ok(parts) {
            return Join::Waiting { have: u32::try_from(have).unwrap_or(u32::MAX), want: parts };
        }
        // Everything else that is held is of other sets; parts of a newer one would be lost with it, so only older ones go.
        let mut set = Vec::with_capacity(have);
        for number in 1..=parts {
            set.extend(self.held.remove(&number));
        }
        self.held.retain(|_, part| part.stamp.is_some_and(|other| newer(other, stamp)));
        self.last = Some(stamp);
        Join::Whole(whole(Some(stamp), set))
    }

    /// The key number `key` has no value any more, or one that cannot be used.
    pub fn clear(&mut self, key: u32) {
        self.held.remove(&key);
    }

    /// The last whole report's instance and seq.
    pub fn last(&self) -> Option<Stamp> {
        self.last
    }
}

fn newer(other: Stamp, than: Stamp) -> bool {
    other.instance != than.instance || other.seq > than.seq
}

fn whole(stamp: Option<Stamp>, parts: Vec<Part>) -> Report {
    let time = parts.first().and_then(|part| part.time);
    let mut entries = Vec::with_capacity(parts.iter().map(|part| part.entries.len()).sum());
    let mut problems = Problems::default();
    for part in parts {
        entries.extend(part.entries);
        problems.append(part.problems);
    }
    sort_and_dedup(&mut entries);
    Report { stamp, time, entries, problems }
}
