//! The five states of a LUN and what a node says about one map.

use std::fmt;
use std::sync::Arc;

/// The state of a LUN on a node or in the cluster.
///
/// The numbers are a storage form, not the rank: see [`State::rank`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum State {
    /// Every path that is known or expected is usable.
    Optimal = 0,
    /// Some path is usable, and some is not or is not there.
    Degraded = 1,
    /// A node that should carry the LUN and could speak has no map for it. Only the fold gives it.
    Missing = 2,
    /// No usable path.
    Failed = 3,
    /// Nobody can tell.
    Unknown = 4,
}

impl State {
    /// All five, in storage order.
    pub const ALL: [State; 5] =
        [State::Optimal, State::Degraded, State::Missing, State::Failed, State::Unknown];

    /// How bad: 0 optimal, 1 degraded, 2 missing, 3 failed; −1 unknown (it never outranks what is known).
    pub fn rank(self) -> i8 {
        match self {
            State::Unknown => -1,
            State::Optimal => 0,
            State::Degraded => 1,
            State::Missing => 2,
            State::Failed => 3,
        }
    }

    /// How much a state alarms, for choosing between two statements: the proven worse first, then doubt, then health.
    /// Unlike [`State::rank`], here doubt is worse than health.
    pub fn concern(self) -> u8 {
        match self {
            State::Optimal => 0,
            State::Unknown => 1,
            State::Degraded => 2,
            State::Missing => 3,
            State::Failed => 4,
        }
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Optimal => "optimal",
            State::Degraded => "degraded",
            State::Missing => "missing",
            State::Failed => "failed",
            State::Unknown => "unknown",
        }
    }

    /// Reads the word on the wire; `None` for any other word (the fold makes that `unknown`).
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// By what a LUN's paths run. Words that we do not know are kept as they came (at most 255 bytes).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// Fibre Channel.
    Fc,
    /// iSCSI.
    Iscsi,
    /// NVMe over anything, through dm-multipath.
    Nvme,
    /// Serial Attached SCSI.
    Sas,
    /// Fibre Channel over Ethernet.
    Fcoe,
    /// SCSI RDMA Protocol.
    Srp,
    /// Paths of one map differ.
    Mixed,
    /// Another word.
    Other(Arc<str>),
}

impl Transport {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Transport::Fc => "fc",
            Transport::Iscsi => "iscsi",
            Transport::Nvme => "nvme",
            Transport::Sas => "sas",
            Transport::Fcoe => "fcoe",
            Transport::Srp => "srp",
            Transport::Mixed => "mixed",
            Transport::Other(word) => word,
        }
    }

    /// Takes any word of at most 255 bytes; a longer one is as if absent.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "fc" => Transport::Fc,
            "iscsi" => Transport::Iscsi,
            "nvme" => Transport::Nvme,
            "sas" => Transport::Sas,
            "fcoe" => Transport::Fcoe,
            "srp" => Transport::Srp,
            "mixed" => Transport::Mixed,
            _ if word.len() <= 255 => Transport::Other(Arc::from(word)),
            _ => return None,
        })
    }
}

/// What one node reports about one map (status.md, section 3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The map's state as its own node judged it; `Unknown` for a word that we do not know.
    pub state: State,
    /// Usable paths; `None` where absent or no integer in 0..=4,294,967,295.
    pub paths_active: Option<u32>,
    /// Paths in the map's groups.
    pub paths_total: Option<u32>,
    /// Paths that should be there (setting or ledger); beside the fold.
    pub paths_expected: Option<u32>,
    /// By what the paths run.
    pub transport: Option<Transport>,
    /// Size of the map in bytes, 0..=2^63−1.
    pub size_bytes: Option<u64>,
}

impl Entry {
    /// An entry that says only a state.
    pub fn of(state: State) -> Self {
        Self {
            state,
            paths_active: None,
            paths_total: None,
            paths_expected: None,
            transport: None,
            size_bytes: None,
        }
    }
}
