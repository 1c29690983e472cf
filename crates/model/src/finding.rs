//! Findings: what is wrong, why, and what to do, with a code that is a public contract (docs/findings.md).

use std::collections::BTreeMap;

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

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Severity::Info, Severity::Warning, Severity::Error].into_iter().find(|of| of.as_str() == word)
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
            /// Reads a code as it is written everywhere.
            pub fn parse(text: &str) -> Option<Self> { match text { $($text => Some(Code::$variant),)+ _ => None } }
        }
    };
}
codes! {
    AlertsFailing = "ALERTS_FAILING",
    ConfigAbsent = "CONFIG_ABSENT",
    ConfigApplyFailed = "CONFIG_APPLY_FAILED",
    ConfigDrift = "CONFIG_DRIFT",
    ConfigHeld = "CONFIG_HELD",
    ConfigInvalid = "CONFIG_INVALID",
    ConfigLint = "CONFIG_LINT",
    ConfigPending = "CONFIG_PENDING",
    ConfigRolledBack = "CONFIG_ROLLED_BACK",
    ControllerDown = "CONTROLLER_DOWN",
    FabricDown = "FABRIC_DOWN",
    HbaDown = "HBA_DOWN",
    HistorySetAside = "HISTORY_SET_ASIDE",
    LunBelowExpected = "LUN_BELOW_EXPECTED",
    LunDegraded = "LUN_DEGRADED",
    LunFailed = "LUN_FAILED",
    LunGone = "LUN_GONE",
    LunIdentityMismatch = "LUN_IDENTITY_MISMATCH",
    LunLastPath = "LUN_LAST_PATH",
    LunMissing = "LUN_MISSING",
    LunNameMismatch = "LUN_NAME_MISMATCH",
    LunPathsUneven = "LUN_PATHS_UNEVEN",
    LunQueueing = "LUN_QUEUEING",
    LunResizePending = "LUN_RESIZE_PENDING",
    LunSingleController = "LUN_SINGLE_CONTROLLER",
    LunSingleFabric = "LUN_SINGLE_FABRIC",
    LunSingleHba = "LUN_SINGLE_HBA",
    LunSizeMismatch = "LUN_SIZE_MISMATCH",
    LunStillVisible = "LUN_STILL_VISIBLE",
    LunSuspended = "LUN_SUSPENDED",
    LunUnmanaged = "LUN_UNMANAGED",
    LunUnmapped = "LUN_UNMAPPED",
    LunWwidDisagrees = "LUN_WWID_DISAGREES",
    MultipathdAbsent = "MULTIPATHD_ABSENT",
    MultipathdDown = "MULTIPATHD_DOWN",
    MultipathdHung = "MULTIPATHD_HUNG",
    NodeBudget = "NODE_BUDGET",
    NodeClockSkew = "NODE_CLOCK_SKEW",
    NodeOffline = "NODE_OFFLINE",
    NodeRebootUnsafe = "NODE_REBOOT_UNSAFE",
    NodeSettling = "NODE_SETTLING",
    NodeSilent = "NODE_SILENT",
    NodeStale = "NODE_STALE",
    NodeStepsBack = "NODE_STEPS_BACK",
    NodeTwins = "NODE_TWINS",
    NvmeNativeUnwatched = "NVME_NATIVE_UNWATCHED",
    PathBypassed = "PATH_BYPASSED",
    PathContradiction = "PATH_CONTRADICTION",
    PathNonoptimal = "PATH_NONOPTIMAL",
    PortFlapping = "PORT_FLAPPING",
    PortPairDown = "PORT_PAIR_DOWN",
    QueueWithoutDaemon = "QUEUE_WITHOUT_DAEMON",
    ReportMalformed = "REPORT_MALFORMED",
    StorageBaseMissing = "STORAGE_BASE_MISSING",
    StorageNobody = "STORAGE_NOBODY",
    StorageNodeUnknown = "STORAGE_NODE_UNKNOWN",
    StorageVgAmbiguous = "STORAGE_VG_AMBIGUOUS",
    StorePartial = "STORE_PARTIAL",
    StoreSpace = "STORE_SPACE",
    TargetPortDown = "TARGET_PORT_DOWN",
    VersionSkew = "VERSION_SKEW",
    VgDuplicate = "VG_DUPLICATE",
    VgIncomplete = "VG_INCOMPLETE",
    WindowExceeded = "WINDOW_EXCEEDED",
}

/// What a finding is about. Together with the code it is the finding's fingerprint, equal on all nodes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Scope {
    /// The LUN.
    pub wwid: Option<Wwid>,
    /// The node.
    pub node: Option<NodeName>,
    /// One path of it, by its device (`sdk`).
    pub path: Option<String>,
    /// Anything else by name: a value's key, an adapter (`host7`), a target port (`21:00:00:24:ff:4a:11:07`), a fabric.
    pub object: Option<String>,
}

impl Scope {
    /// A node.
    pub fn node(node: &NodeName) -> Self {
        Self { node: Some(node.clone()), ..Self::default() }
    }
    /// A LUN, on every node.
    pub fn lun(wwid: &Wwid) -> Self {
        Self { wwid: Some(wwid.clone()), ..Self::default() }
    }
    /// A LUN on one node.
    pub fn cell(node: &NodeName, wwid: &Wwid) -> Self {
        Self { node: Some(node.clone()), wwid: Some(wwid.clone()), ..Self::default() }
    }
    /// Anything else of the cluster.
    pub fn object(object: &str) -> Self {
        Self { object: Some(object.to_owned()), ..Self::default() }
    }
    /// Anything else of one node.
    pub fn of_node(node: &NodeName, object: &str) -> Self {
        Self { object: Some(object.to_owned()), ..Self::node(node) }
    }
}

/// A code and what it is about: the same finding on every node, and from one evaluation to the next.
///
/// As text, `HBA_DOWN pve2/host7`: the code, a space, and node, WWID, path and object with `/` between them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fingerprint {
    /// The code.
    pub code: Code,
    /// About what.
    pub scope: Scope,
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.as_str())?;
        let Scope { wwid, node, path, object } = &self.scope;
        let parts = [
            node.as_ref().map(NodeName::as_str),
            wwid.as_ref().map(Wwid::as_str),
            path.as_deref(),
            object.as_deref(),
        ];
        for (part, before) in
            parts.into_iter().flatten().zip(std::iter::once(" ").chain(std::iter::repeat("/")))
        {
            write!(f, "{before}{part}")?;
        }
        Ok(())
    }
}

/// What a cause explains.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Explains {
    /// LUNs that it touches.
    pub luns: u32,
    /// Cells: a LUN on a node.
    pub cells: u32,
    /// Paths that are failed or absent by it.
    pub paths: u32,
    /// Nodes that it touches, in byte order.
    pub nodes: Vec<NodeName>,
    /// Findings that hang under it, by code: they are folded everywhere.
    pub codes: BTreeMap<Code, u32>,
}

/// Why a finding does not count now, although it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Muted {
    /// The id of the mute, or of the window that hides it.
    pub id: String,
    /// It is a window's.
    pub by_window: bool,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when; `None` = until it clears.
    pub until: Option<EpochS>,
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
    /// The listed cause that explains it: then it is a consequence and does not count.
    pub cause: Option<Fingerprint>,
    /// What hangs under it, where it is a cause.
    pub explains: Option<Box<Explains>>,
    /// Why it does not count now.
    pub muted: Option<Box<Muted>>,
    /// Guests that it hits ([`crate::problems::count_guests`]); `None` = nobody tells of guests, or it hits nobody by itself.
    pub guests: Option<u32>,
}

impl Finding {
    /// A finding without evidence and advice: a start for those who fill it.
    pub fn new(code: Code, severity: Severity, scope: Scope, summary: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            scope,
            summary: summary.into(),
            evidence: Vec::new(),
            advice: Vec::new(),
            since: None,
            since_first_seen: false,
            cause: None,
            explains: None,
            muted: None,
            guests: None,
        }
    }

    /// What tells it from others.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint { code: self.code, scope: self.scope.clone() }
    }

    /// Whether health is judged by it: it is neither muted nor explained by a listed cause.
    pub fn counts(&self) -> bool {
        self.cause.is_none() && self.muted.is_none()
    }
}
