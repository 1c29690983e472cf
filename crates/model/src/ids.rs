//! Names and numbers that everything else is built from.

use std::fmt;
use std::sync::Arc;

/// A World Wide Identifier of a LUN: any non-empty text (`3600a0980…`, `eui.…`, `naa.…`).
///
/// multipathd prints it without the `mpath-` of device-mapper's UUID. Cloning shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wwid(Arc<str>);

/// A node's name as its peers know it: any non-empty text; by default the host name up to the first dot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(Arc<str>);

macro_rules! text_name {
    ($t:ident) => {
        impl $t {
            /// Takes any non-empty text; `None` for the empty one.
            pub fn new(text: &str) -> Option<Self> {
                (!text.is_empty()).then(|| Self(Arc::from(text)))
            }
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
        impl std::borrow::Borrow<str> for $t {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}
impl Wwid {
    /// Whether somebody else holds the same text too.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}
text_name!(Wwid);
text_name!(NodeName);

/// Seconds since 1970 by some wall clock. Wall clocks are shown and compared for skew; they decide nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EpochS(pub i64);

/// Milliseconds on this process's monotonic clock since an arbitrary start. All judgement of age uses it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MonoMs(pub u64);

impl MonoMs {
    /// This moment, `ms` later.
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
    /// Milliseconds from `earlier` to this moment; 0 if `earlier` lies in the future.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// "Now", as every state machine is told it: one reading of each clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Monotonic time: ages and deadlines.
    pub mono: MonoMs,
    /// Wall-clock time: what is shown and what `time` in a report bears.
    pub wall: EpochS,
}

/// Which run of an agent wrote a value: 64 random bits, on the wire 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(pub u64);

impl Instance {
    /// Reads the wire form: exactly 16 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| u64::from_str_radix(text, 16).ok().map(Self))
            .flatten()
    }
}
impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({self})")
    }
}
