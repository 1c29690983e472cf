//! What changed, when: transitions between two pictures, and the way back from transitions to a picture.
//!
//! Samples are never kept. Each thing that can change is a [`Subject`]; what is told of it is a value that somebody else
//! defines ([`Worth`] says which differences count). [`Standing`] is what was told last of each: it gives the transitions to
//! a new picture, and taking transitions in, one after the other, it is the picture after them.
//!
//! Nothing is known of a time at which nobody looked: [`observed`].

mod gaps;
mod standing;

use std::sync::Arc;

use crate::ids::{EpochS, NodeName, Wwid};

pub use gaps::{Gap, Run, Unobserved, observed};
pub use standing::{Standing, Worth};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// What sort of thing a transition is about.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Kind { $($(#[$doc])* $variant),+ }
        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),+];
            /// The word for it everywhere.
            pub fn as_str(self) -> &'static str { match self { $(Kind::$variant => $text),+ } }
            /// Reads that word.
            pub fn parse(word: &str) -> Option<Self> { match word { $($text => Some(Kind::$variant),)+ _ => None } }
        }
    };
}
kinds! {
    /// A LUN on a node: its state and its paths.
    Cell = "cell",
    /// A LUN itself: its names, its size, what consumes it.
    Lun = "lun",
    /// A node: online, how far it is believed, its multipathd.
    Node = "node",
    /// What this observer sees of the cluster, and the verdict.
    View = "view",
    /// Something that is wrong.
    Finding = "finding",
    /// A finding that explains others.
    Cause = "cause",
    /// What a node runs with: versions, multipathd's configuration.
    Config = "config",
    /// A document of the cluster.
    Document = "document",
    /// A message that was sent to people.
    Alert = "alert",
    /// An adapter and a target port of this node that lost usable paths or got them back.
    Port = "port",
    /// The agent that keeps this history: its starts and stops, and when it did not see.
    Agent = "agent",
}

impl Kind {
    /// Whether what was told last stands until the next word. Of the others each word is about its own moment.
    pub fn stands(self) -> bool {
        !matches!(self, Kind::Alert | Kind::Port | Kind::Agent)
    }
}

/// What a transition is about. Cells of one LUN are neighbours in this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subject {
    /// What sort of thing.
    pub kind: Kind,
    /// The LUN.
    pub wwid: Option<Wwid>,
    /// The node.
    pub node: Option<NodeName>,
    /// What tells it from others beside these: a fingerprint, a document's name, a port.
    pub object: Option<Arc<str>>,
}

impl Subject {
    /// Of this kind, and nothing else.
    pub fn of(kind: Kind) -> Self {
        Self { kind, wwid: None, node: None, object: None }
    }

    /// A node's.
    pub fn node(kind: Kind, node: &NodeName) -> Self {
        Self { node: Some(node.clone()), ..Self::of(kind) }
    }

    /// A LUN on a node.
    pub fn cell(wwid: &Wwid, node: &NodeName) -> Self {
        Self { wwid: Some(wwid.clone()), ..Self::node(Kind::Cell, node) }
    }

    /// A LUN.
    pub fn lun(wwid: &Wwid) -> Self {
        Self { wwid: Some(wwid.clone()), ..Self::of(Kind::Lun) }
    }

    /// Something with a name of its own.
    pub fn object(kind: Kind, object: &str) -> Self {
        Self { object: Some(Arc::from(object)), ..Self::of(kind) }
    }
}

/// What became of a subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// It was not there before.
    Appeared,
    /// It is another than before.
    Changed,
    /// It is there no more.
    Cleared,
}

impl What {
    /// All three.
    pub const ALL: [What; 3] = [What::Appeared, What::Changed, What::Cleared];

    /// `appeared`, `changed`, `cleared`.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Appeared => "appeared",
            What::Changed => "changed",
            What::Cleared => "cleared",
        }
    }
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transition<V> {
    /// When it was seen, by the observer's wall clock.
    pub at: EpochS,
    /// Of what.
    pub subject: Subject,
    /// What became of it.
    pub what: What,
    /// How it is now; how it was last, where it has cleared.
    pub value: V,
}

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Transitions that are older go, but for the last one of what still stands.
    pub age_s: i64,
    /// The file's size, bytes; the oldest go first.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { age_s: 90 * 86_400, bytes: 200 << 20 }
    }
}

impl Limits {
    /// What was before this is too old.
    pub fn cutoff(&self, now: EpochS) -> EpochS {
        EpochS(now.0.saturating_sub(self.age_s))
    }

    /// How many of the oldest of so many transitions go, since the file has so many bytes in use: what it is too much, and a
    /// twentieth more, so that this is not done for every batch.
    pub fn surplus(&self, used_bytes: u64, transitions: u64) -> u64 {
        let excess = used_bytes.saturating_sub(self.bytes);
        if excess == 0 || used_bytes == 0 {
            return 0;
        }
        let share = u128::from(transitions) * u128::from(excess) / u128::from(used_bytes);
        u64::try_from(share).unwrap_or(u64::MAX).saturating_add(transitions / 20).clamp(1, transitions.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(Kind::parse("weather"), None);
    }

    #[test]
    fn the_oldest_go_when_there_is_too_much() {
        let limits = Limits { age_s: 100, bytes: 1_000 };
        assert_eq!(limits.cutoff(EpochS(250)), EpochS(150));
        assert_eq!(limits.cutoff(EpochS(i64::MIN)), EpochS(i64::MIN));
        for (used, transitions, expect) in [
            (0, 0, 0),
            (1_000, 500, 0),
            (1_001, 500, 25),
            (2_000, 500, 275),
            (4_000, 10, 7),
            (u64::MAX, u64::MAX, u64::MAX),
            (2_000, 1, 1),
        ] {
            assert_eq!(limits.surplus(used, transitions), expect, "{used} {transitions}");
        }
    }
}
