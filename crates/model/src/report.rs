//! The report on the wire (status.md, section 3): what one node says about its maps, in one value or in several parts.
//!
//! Writing splits by WWID so that no value is over [`REPORT_BYTES_MAX`]. Reading is total: whatever the bytes are, the
//! answer is a part with its problems beside it, or one error in words. [`Joiner`] makes parts whole again.

mod decode;
mod encode;
mod join;

pub use decode::decode_part;
pub(crate) use decode::read_entry;
pub use encode::{Encoded, encode};
pub use join::{Join, Joined, Joiner, Piece, Pieces};

use crate::ids::{EpochS, Instance, Wwid};
use crate::json::JsonError;
use crate::state::Entry;

/// No value of the store is longer than this (status.md, section 3).
pub const REPORT_BYTES_MAX: usize = 32_767;

/// More parts than this are not believed: 4,096 parts are 128 MiB, some 800,000 LUNs of one node.
pub const PARTS_MAX: u32 = 4_096;

/// A text that is longer than this is as if absent (status.md, section 6).
pub const TEXT_BYTES_MAX: usize = 255;

/// The store's key of part `part` (from 1): `multipath`, `multipath-2`, `multipath-3`…
pub fn part_key(part: u32) -> String {
    if part <= 1 { "multipath".to_owned() } else { format!("multipath-{part}") }
}

/// Which part a store's key holds; `None` for any other key, and for numbers that [`part_key`] never writes.
pub fn part_of_key(key: &str) -> Option<u32> {
    let rest = key.strip_prefix("multipath")?;
    if rest.is_empty() {
        return Some(1);
    }
    let number = rest.strip_prefix('-')?;
    let n: u32 = number.parse().ok()?;
    ((2..=PARTS_MAX).contains(&n) && !number.starts_with(['0', '+'])).then_some(n)
}

/// Who wrote a value and as its which: `instance` is random at the agent's start, `seq` grows from 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stamp {
    /// The run of the agent.
    pub instance: Instance,
    /// The how-manieth report of that run.
    pub seq: u64,
}

/// One value as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// `None` for writers of the Perl series.
    pub stamp: Option<Stamp>,
    /// The writer's wall clock when its read began; `None` where it is no integer.
    pub time: Option<EpochS>,
    /// Which part this is, from 1.
    pub part: u32,
    /// How many there are.
    pub parts: u32,
    /// What it says, in byte order of the WWIDs, each once.
    pub entries: Vec<(Wwid, Entry)>,
    /// What was malformed in it.
    pub problems: Problems,
}

/// A whole report of one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// `None` for writers of the Perl series: then `time` tells new from old.
    pub stamp: Option<Stamp>,
    /// The writer's wall clock when its read began.
    pub time: Option<EpochS>,
    /// What it says, in byte order of the WWIDs, each once.
    pub entries: Vec<(Wwid, Entry)>,
    /// What was malformed in it.
    pub problems: Problems,
}

/// One malformed thing in a value that could be used otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The LUN whose entry it is, if it is one's.
    pub wwid: Option<Wwid>,
    /// What is wrong, in words.
    pub what: String,
}

/// Problems, of which the first few are kept and the others counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    left_out: u64,
}

impl Problems {
    /// How many are kept with their words.
    pub const KEPT_MAX: usize = 16;

    /// Adds one, or counts it if enough are kept. The words are made only if they are kept.
    pub fn add(&mut self, wwid: Option<&Wwid>, what: impl FnOnce() -> String) {
        if self.list.len() < Self::KEPT_MAX {
            self.list.push(Problem { wwid: wwid.cloned(), what: what() });
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// The kept ones, in the order of the text.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// All of them, counted.
    pub fn count(&self) -> u64 {
        self.left_out.saturating_add(self.list.len() as u64)
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn append(&mut self, other: Problems) {
        for problem in other.list {
            let Problem { wwid, what } = problem;
            self.add(wwid.as_ref(), || what);
        }
        self.left_out = self.left_out.saturating_add(other.left_out);
    }
}

/// Why a value cannot be used at all.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PartError {
    /// The bytes are no UTF-8.
    #[error("it is no text: byte {at} is no UTF-8")]
    NotText {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// The text is no JSON.
    #[error("it is no JSON: {0}")]
    NotJson(#[from] JsonError),
    /// JSON, but no object.
    #[error("it is {kind}, not an object")]
    NotObject {
        /// What it is instead, with its article.
        kind: &'static str,
    },
    /// No object stands under `maps`.
    #[error("{what}")]
    NoMaps {
        /// What stands there instead, in words.
        what: String,
    },
    /// `part` and `parts` make no sense.
    #[error("{what}")]
    BadParts {
        /// What is wrong, in words.
        what: String,
    },
}

/// Puts entries into byte order of their WWIDs, each once; of several the last in the given order.
fn sort_and_dedup(entries: &mut Vec<(Wwid, Entry)>) {
    if entries.is_sorted_by(|a, b| a.0 < b.0) {
        return;
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    // `dedup_by` keeps the first of a run and the sort is stable, so the later one is moved into the kept place.
    entries.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
}
