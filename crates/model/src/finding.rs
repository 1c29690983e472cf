//! Findings: what is wrong, why, and what to do, with a code that is a public contract (docs/findings.md).

use crate::ids::{EpochS, NodeName, Wwid};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Redundancy or certainty is lost.
    Warning,
    /// Something does not work.
    Error,
}

impl Severity {
    /// `info`, `warning`, `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($variant:ident = $text:literal),+ $(,)?) => {
        /// A finding's code. Each has a heading in docs/findings.md.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code { $(#[doc = $text] $variant),+ }
        impl Code {
            /// All codes that this version can give.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];
            /// The code as it is written everywhere.
            pub fn as_str(self) -> &'static str { match self { $(Code::$variant => $text),+ } }
        }
    };
}
codes! {
    ConfigAbsent = "CONFIG_ABSENT",
    ConfigInvalid = "CONFIG_INVALID",
    LunGone = "LUN_GONE",
    LunStillVisible = "LUN_STILL_VISIBLE",
    MultipathdAbsent = "MULTIPATHD_ABSENT",
    MultipathdDown = "MULTIPATHD_DOWN",
    MultipathdHung = "MULTIPATHD_HUNG",
    NodeBudget = "NODE_BUDGET",
    NodeClockSkew = "NODE_CLOCK_SKEW",
    NodeOffline = "NODE_OFFLINE",
    NodeSettling = "NODE_SETTLING",
    NodeSilent = "NODE_SILENT",
    NodeStale = "NODE_STALE",
    NodeStepsBack = "NODE_STEPS_BACK",
    NodeTwins = "NODE_TWINS",
    ReportMalformed = "REPORT_MALFORMED",
    StorageBaseMissing = "STORAGE_BASE_MISSING",
    StorageNobody = "STORAGE_NOBODY",
    StorageNodeUnknown = "STORAGE_NODE_UNKNOWN",
    StorageVgAmbiguous = "STORAGE_VG_AMBIGUOUS",
    StorePartial = "STORE_PARTIAL",
    StoreSpace = "STORE_SPACE",
}

/// What a finding is about. Together with the code it is the finding's fingerprint, equal on all nodes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Scope {
    /// The LUN.
    pub wwid: Option<Wwid>,
    /// The node.
    pub node: Option<NodeName>,
    /// Anything else by name: a value's key, an adapter.
    pub object: Option<String>,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The code.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// About what.
    pub scope: Scope,
    /// One line for a person.
    pub summary: String,
    /// What was seen, one line each.
    pub evidence: Vec<String>,
    /// What to do next, one line each.
    pub advice: Vec<String>,
    /// Since when: the reporting node's time where it knows, else this observer's first sight.
    pub since: Option<EpochS>,
    /// `since` is only this observer's first sight.
    pub since_first_seen: bool,
}
