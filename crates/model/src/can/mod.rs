//! "Can I?": whether a node can be rebooted, an adapter, port, controller or fabric taken down, a LUN taken away, without
//! that anybody loses a disk. Pure, over what one observer knows.
//!
//! **Doubt is never yes**: what a node does not tell may be its last path. Paths that the ledger remembers and the kernel
//! does not have are down. Mutes and windows hide nothing here.

mod away;
mod back;
mod hit;
mod name;
mod reboot;
mod remove;

use std::collections::BTreeSet;

use crate::cause::Causes;
use crate::finding::Finding;
use crate::ids::{NodeName, Wwid};
use crate::picture::Picture;
use crate::problems::utc;
use crate::windows::{WindowOn, Windows};

pub use back::ComesBack;
pub use name::Unknown;

/// No answer has more lines of one kind; the rest is counted.
const LINES_MAX: usize = 20;
/// More names than this in one line help nobody.
const NAMES_MAX: usize = 8;

/// What somebody wants to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Deed {
    /// Reboot a node.
    Reboot,
    /// Take an adapter of a node down: `NODE/HBA`.
    OfflineHba,
    /// Take a target port down.
    OfflinePort,
    /// Take a controller of an array down.
    OfflineController,
    /// Take a fabric down.
    OfflineFabric,
    /// Take a LUN away for good.
    RemoveLun,
}

impl Deed {
    /// All.
    pub const ALL: [Deed; 6] = [
        Deed::Reboot,
        Deed::OfflineHba,
        Deed::OfflinePort,
        Deed::OfflineController,
        Deed::OfflineFabric,
        Deed::RemoveLun,
    ];

    /// `reboot`, `offline-hba`, `offline-port`, `offline-controller`, `offline-fabric`, `remove-lun`.
    pub fn as_str(self) -> &'static str {
        match self {
            Deed::Reboot => "reboot",
            Deed::OfflineHba => "offline-hba",
            Deed::OfflinePort => "offline-port",
            Deed::OfflineController => "offline-controller",
            Deed::OfflineFabric => "offline-fabric",
            Deed::RemoveLun => "remove-lun",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.as_str() == word)
    }
}

/// The answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// Nothing speaks against it.
    Yes,
    /// Nobody loses anything, and something is to be known first.
    YesBut,
    /// Somebody would lose something, or it would hang.
    No,
    /// What is known is not enough.
    CannotTell,
}

impl Verdict {
    /// `yes`, `yes-but`, `no`, `cannot-tell`.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Yes => "yes",
            Verdict::YesBut => "yes-but",
            Verdict::No => "no",
            Verdict::CannotTell => "cannot-tell",
        }
    }

    /// 0 yes, 1 yes with cautions, 2 no, 3 cannot tell.
    pub fn exit_status(self) -> u8 {
        match self {
            Verdict::Yes => 0,
            Verdict::YesBut => 1,
            Verdict::No => 2,
            Verdict::CannotTell => 3,
        }
    }
}

/// What a line is. In the order in which lines are read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Why not.
    Stop,
    /// What cannot be told, and why.
    Unknown,
    /// What was looked at and is well.
    Ok,
    /// What to know first.
    Caution,
    /// What to do first.
    First,
}

impl Kind {
    /// `stop`, `unknown`, `ok`, `caution`, `first`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Stop => "stop",
            Kind::Unknown => "unknown",
            Kind::Ok => "ok",
            Kind::Caution => "caution",
            Kind::First => "first",
        }
    }
}

/// Everything that an answer is made of.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The cluster.
    pub picture: &'a Picture<'a>,
    /// What explains lost paths, and what runs over what.
    pub causes: &'a Causes,
    /// All findings that stand.
    pub findings: &'a [Finding],
    /// On what people work.
    pub windows: &'a Windows,
}

/// The whole answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Can {
    /// What was asked.
    pub deed: Deed,
    /// Of what, as it is called.
    pub name: String,
    /// The answer.
    pub verdict: Verdict,
    /// Why.
    pub lines: Vec<(Kind, String)>,
    /// How old the oldest facts are that it rests on, milliseconds; `None` = there are none.
    pub age_ms: Option<u64>,
    /// Nodes that tell of their paths now, and all.
    pub nodes: (u32, u32),
}

/// Lines that are being gathered.
#[derive(Default)]
struct Lines(Vec<(Kind, String)>);

impl Lines {
    fn add(&mut self, kind: Kind, text: impl Into<String>) {
        let text = text.into();
        if !self.0.iter().any(|(of, known)| *of == kind && *known == text) {
            self.0.push((kind, text));
        }
    }

    fn has(&self, kind: Kind) -> bool {
        self.0.iter().any(|(of, _)| *of == kind)
    }

    fn verdict(&self) -> Verdict {
        if self.has(Kind::Stop) {
            Verdict::No
        } else if self.has(Kind::Unknown) {
            Verdict::CannotTell
        } else if self.has(Kind::Caution) {
            Verdict::YesBut
        } else {
            Verdict::Yes
        }
    }

    /// In their order, each kind bounded.
    fn done(mut self) -> Vec<(Kind, String)> {
        self.0.sort_by_key(|(kind, _)| *kind);
        let mut out: Vec<(Kind, String)> = Vec::new();
        for kind in [Kind::Stop, Kind::Unknown, Kind::Ok, Kind::Caution, Kind::First] {
            let of: Vec<String> =
                self.0.iter().filter(|(k, _)| *k == kind).map(|(_, text)| text.clone()).collect();
            let more = of.len().saturating_sub(LINES_MAX);
            out.extend(of.into_iter().take(LINES_MAX).map(|text| (kind, text)));
            if more > 0 {
                out.push((kind, format!("{more} more lines like these")));
            }
        }
        out
    }
}

/// Answers.
///
/// # Errors
/// If nothing, or more than one thing, is called so; with what was perhaps meant.
pub fn can(deed: Deed, name: &str, ground: Ground<'_>) -> Result<Can, Unknown> {
    let mut lines = Lines::default();
    let (name, on) = match deed {
        Deed::Reboot => {
            let node = name::node(name, ground)?;
            reboot::look(&node, ground, &mut lines);
            (node.to_string(), vec![WindowOn::Node(node)])
        }
        Deed::RemoveLun => {
            let wwid = name::lun(name, ground)?;
            remove::look(&wwid, ground, &mut lines);
            (crate::explain::label(&wwid, ground.picture), vec![WindowOn::Lun(wwid)])
        }
        Deed::OfflineHba | Deed::OfflinePort | Deed::OfflineController | Deed::OfflineFabric => {
            let thing = name::thing(deed, name, ground)?;
            away::look(&thing, ground, &mut lines);
            (thing.to_string(), thing.windows())
        }
    };
    of_windows(&on, ground, &mut lines);
    let telling: Vec<&NodeName> = ground.causes.nodes_that_tell().collect();
    let ages = telling.iter().filter_map(|node| ground.picture.nodes.get(*node)?.paths_age_ms);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(Can {
        deed,
        name,
        verdict: lines.verdict(),
        age_ms: ages.max(),
        nodes: (count(telling.len()), count(ground.picture.nodes.len())),
        lines: lines.done(),
    })
}

/// Work that is going on already, and what people muted.
fn of_windows(on: &[WindowOn], ground: Ground<'_>, lines: &mut Lines) {
    for window in ground.windows.open(ground.picture.now.wall) {
        let (until, by, reason) = (utc(window.until), &window.by, &window.reason);
        if on.contains(&window.on) {
            lines
                .add(Kind::Ok, format!("a window on {} is open until {until}, by {by}: {reason}", window.on));
        } else {
            let text = format!("{} is worked on until {until}, by {by}: {reason}", window.on);
            lines.add(Kind::Caution, text);
        }
    }
    let muted = |finding: &&Finding| finding.muted.as_ref().is_some_and(|muted| !muted.by_window);
    let muted = ground.findings.iter().filter(muted).count();
    if muted > 0 {
        let muted = crate::explain::count(muted, "muted finding");
        lines.add(Kind::Ok, format!("{muted}: what they are about was looked at here as if they were not"));
    }
}

/// `a, b and 3 more`.
fn few(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Names of LUNs, the same way.
fn few_luns(luns: &BTreeSet<&Wwid>, picture: &Picture<'_>) -> String {
    let shown: Vec<String> =
        luns.iter().take(NAMES_MAX).map(|wwid| crate::explain::label(wwid, picture)).collect();
    match luns.len().saturating_sub(shown.len()) {
        0 => few(&shown),
        more => format!("{} and {more} more", few(&shown)),
    }
}

/// Why nothing can be said of a node's paths; `None` = it tells.
fn silent(node: &NodeName, ground: Ground<'_>) -> Option<String> {
    if ground.causes.tells(node) {
        return None;
    }
    let Some(known) = ground.picture.nodes.get(node) else { return Some("it is not known".to_owned()) };
    if known.online == Some(false) {
        return Some("it is offline".to_owned());
    }
    if let Some(by) = known.swallowed {
        return Some(by.code.as_str().to_owned());
    }
    Some(if known.heard { "it has published no paths" } else { "its report is not fresh" }.to_owned())
}

/// The LUN is somebody's, and not taken out of service there.
fn is_in_service(node: &NodeName, wwid: &Wwid, ground: Ground<'_>) -> bool {
    !ground.picture.expectations.is_retired(wwid, node)
}
