//! What one node is to do, what it remembers of doing it, and what it says of it.

use pathkeeper_model::{EpochS, Wwid};

use super::sight::SeenMap;

/// One of the two drop-ins that are Pathkeeper's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ManagedFile {
    /// Baseline, knobs, and a section for each LUN.
    Main,
    /// The administrator's own text.
    Overrides,
}

/// A drop-in as it is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Which.
    pub which: ManagedFile,
    /// All of its text; `None` takes it away.
    pub content: Option<String>,
}

/// A map as it is, as it will be, or both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedMap {
    /// The LUN.
    pub wwid: Wwid,
    /// Its name now; `None` where there is no map yet.
    pub name_before: Option<String>,
    /// Its name afterwards; `None` where it is to go.
    pub name_after: Option<String>,
    /// How many paths it should have, where anybody said so.
    pub paths_expected: Option<u32>,
    /// Keywords and values that should be in force for it, as `show config local` prints them in the map's own section.
    pub values: Vec<(String, String)>,
}

/// What one node is to do for one generation. Made by whoever compares the cluster's documents with the node's files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Which rollout it belongs to; grows.
    pub generation: u64,
    /// SHA-1 hex of both drop-ins as they will be.
    pub digest: String,
    /// Drop-ins that change.
    pub files: Vec<File>,
    /// WWIDs for the wwids file.
    pub add: Vec<Wwid>,
    /// Entries of ours to be taken out of it.
    pub remove: Vec<Wwid>,
    /// Every map of the node that there is now or will be.
    pub maps: Vec<PlannedMap>,
    /// multipathd has to read its configuration anew.
    pub needs_reconfigure: bool,
    /// A person said that it must not be held for failed paths.
    pub forced: bool,
    /// A person ordered it once more after it went wrong.
    pub again: bool,
}

impl Plan {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.add.is_empty() && self.remove.is_empty() && !self.needs_reconfigure
    }
}

/// How far a node is, in the words of `multipath-config`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Progress {
    /// It has this configuration, with nothing to do.
    Current,
    /// multipathd is not idle, or the plan is too old.
    Waiting,
    /// It would have to reconfigure while a path is down.
    Held,
    /// It is at work, or was when it was last heard of.
    Applying,
    /// Done, and seen to be right.
    Verified,
    /// It went wrong, and is not as before.
    Failed,
    /// It went wrong, and is as before.
    RolledBack,
}

impl Progress {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Progress::Current => "current",
            Progress::Waiting => "waiting",
            Progress::Held => "held",
            Progress::Applying => "applying",
            Progress::Verified => "verified",
            Progress::Failed => "failed",
            Progress::RolledBack => "rolled-back",
        }
    }
}

/// What the node says of a generation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Of which.
    pub generation: u64,
    /// How far it is.
    pub progress: Progress,
    /// SHA-1 hex of both drop-ins as they will be, or are.
    pub digest: String,
    /// Since when it is so.
    pub since: EpochS,
    /// What holds it up, went wrong, or is worth knowing, one sentence each; bounded.
    pub why: Vec<String>,
    /// It has been held for longer than an hour: an error by now.
    pub overdue: bool,
}

/// How an attempt ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// [`Progress::Verified`], [`Progress::RolledBack`] or [`Progress::Failed`].
    pub progress: Progress,
    /// Notes, or what went wrong and what to do; one sentence each.
    pub why: Vec<String>,
    /// When, by the node's wall clock: people take this failure for over, and no later one.
    pub since: EpochS,
}

/// The node as it was just before anything was touched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Before {
    /// The kernel's boot id: devices have other numbers after a boot.
    pub boot_id: String,
    /// multipathd's process.
    pub pid: u32,
    /// Its maps with their paths.
    pub maps: Vec<SeenMap>,
    /// SHA-1 hex of its effective configuration.
    pub config_digest: Option<String>,
    /// Planned values that were in force already: LUN and keyword.
    pub held: Vec<(Wwid, String)>,
}

/// Whether multipathd may have read the new files.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Taken {
    /// It was not asked to, or shows that it has not.
    #[default]
    No,
    /// It may have.
    Perhaps,
    /// It hung when it should have: it is sent nothing more.
    Hung,
}

/// How far an attempt had come, as far as a later life must know it. Each is on the disk before what it announces is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Files may be touched from here on; multipathd was asked for nothing.
    Begun,
    /// multipathd may have been asked to act on them.
    Asked,
    /// It went wrong: files are being put back.
    Restoring {
        /// What was wrong.
        why: Vec<String>,
        /// Whether multipathd may run the new configuration.
        taken: Taken,
    },
    /// Files are back, and multipathd may have been asked to read them.
    AskedBack {
        /// What was wrong.
        why: Vec<String>,
    },
    /// It is over.
    Done(Outcome),
}

/// The attempt that a node is at, or was at last: all that survives a death.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// What was to be done.
    pub plan: Plan,
    /// What was there.
    pub before: Before,
    /// How far it came.
    pub mark: Mark,
}
