//! Mutes: what people know of and do not want to hear again for now. The document `pathkeeper/mutes`.
//!
//! `{"v":1,"entries":[{"id","code","node","wwid","object","by","reason","time","until","severity","usable":{"<node>":n}}]}`.
//! A mute hides nothing: what it is for stays shown, and does not count. It ends
//!
//! - at its time; one without a time when the finding has cleared: it is for findings that stood when it was given, and not
//!   for one that begins later, so all observers agree without anybody writing that it is over;
//! - for what is worse than it was then: a higher severity, or fewer usable paths of the LUN on that node.
//!
//! What was lost once more on the same LUN under another code (`LUN_LAST_PATH`) was never muted.

mod edit;

pub use edit::MutesDocument;

use std::collections::BTreeMap;

use crate::finding::{Code, Finding, Muted, Scope, Severity};
use crate::ids::{EpochS, NodeName, Wwid};
use crate::json::Scanner;
use crate::matrix::Matrix;
use crate::node_value::{Read, epoch, members, small, text};
use crate::shell::{Problems, Shell, Writer};

/// The document's name in the store.
pub const MUTES_DOCUMENT: &str = "pathkeeper/mutes";
/// A longer document is not read. It is what a store's document may hold.
pub const BYTES_MAX: usize = 1 << 20;
/// No more mutes than this are read; who would add one more is refused.
pub const MUTES_MAX: usize = 1_024;
/// An id is never longer.
pub const ID_BYTES_MAX: usize = 64;
/// A reason is never longer.
pub const REASON_BYTES_MAX: usize = crate::report::TEXT_BYTES_MAX;
/// A mute that is over stays listed for so long, seconds.
pub const KEPT_S: i64 = 7 * 86_400;
/// One that ends with its finding is forgotten after so long, seconds: a year.
pub const CLEARED_KEPT_S: i64 = 365 * 86_400;
/// Clocks of nodes differ by so much, seconds: what began up to so long after a mute stood already when it was given.
const SLACK_S: i64 = 60;
/// What an observer first sees up to so long after it has begun, seconds, stood there before it came.
const ARRIVAL_S: i64 = 300;
/// No mute tells of more nodes than this.
const NODES_MAX: usize = 1_024;

/// All mutes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mutes {
    /// In the order in which they were given.
    pub entries: Vec<Mute>,
}

/// One mute: findings of this code, with what is given of the scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mute {
    /// Random. 1 to [`ID_BYTES_MAX`] bytes.
    pub id: String,
    /// The code.
    pub code: Code,
    /// On this node alone.
    pub node: Option<NodeName>,
    /// Of this LUN alone.
    pub wwid: Option<Wwid>,
    /// Of this object or path alone.
    pub object: Option<String>,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was given, by the wall clock of the node that took it.
    pub time: EpochS,
    /// When it ends; `None` = when the finding clears.
    pub until: Option<EpochS>,
    /// How bad the finding was when it was muted: what is worse is not muted.
    pub severity: Severity,
    /// For one LUN: its usable paths on each node when it was muted; where there are fewer it is not muted.
    pub usable: BTreeMap<NodeName, u32>,
}

/// From where an observer looks.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Usable paths, from the reports.
    pub matrix: &'a Matrix,
    /// Now, by this observer's wall clock.
    pub now: EpochS,
    /// Since when this observer has had a whole picture, by its wall clock.
    pub began: EpochS,
}

impl Mute {
    /// Its time is over. One that ends with its finding is not over by time.
    pub fn is_over(&self, now: EpochS) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether it is for this code and scope, whenever that began and however bad it is.
    pub fn is_for(&self, code: Code, scope: &Scope) -> bool {
        let object =
            |object: &String| [&scope.object, &scope.path].into_iter().any(|of| of.as_ref() == Some(object));
        self.code == code
            && self.node.as_ref().is_none_or(|node| scope.node.as_ref() == Some(node))
            && self.wwid.as_ref().is_none_or(|wwid| scope.wwid.as_ref() == Some(wwid))
            && self.object.as_ref().is_none_or(object)
    }

    /// Whether it mutes this finding now.
    pub fn mutes(&self, finding: &Finding, seen: &Seen<'_>) -> bool {
        self.is_for(finding.code, &finding.scope)
            && !self.is_over(seen.now)
            && finding.severity <= self.severity
            && (self.until.is_some() || self.stood(finding, seen))
            && !self.has_fewer_paths(finding, seen.matrix)
    }

    /// The finding stood when this was given.
    fn stood(&self, finding: &Finding, seen: &Seen<'_>) -> bool {
        let Some(since) = finding.since else { return true };
        // An observer that came later cannot know how old it is.
        let arrived = finding.since_first_seen && since.0 <= seen.began.0.saturating_add(ARRIVAL_S);
        arrived || since.0 <= self.time.0.saturating_add(SLACK_S)
    }

    fn has_fewer_paths(&self, finding: &Finding, matrix: &Matrix) -> bool {
        let Some(row) = finding.scope.wwid.as_ref().and_then(|wwid| matrix.row_of(wwid)) else {
            return false;
        };
        let fewer = |(node, then): (&NodeName, &u32)| {
            let here = finding.scope.node.as_ref().is_none_or(|of| of == node);
            let now = row.cell(node.as_str()).and_then(|cell| cell.counts).and_then(|(usable, _)| usable);
            here && now.is_some_and(|now| now < *then)
        };
        self.usable.iter().any(fewer)
    }

    fn encode(&self) -> String {
        Writer::new()
            .text("id", Some(&self.id))
            .text("code", Some(self.code.as_str()))
            .text("node", self.node.as_ref().map(NodeName::as_str))
            .text("wwid", self.wwid.as_ref().map(Wwid::as_str))
            .text("object", self.object.as_deref())
            .text("by", Some(&self.by))
            .text("reason", Some(&self.reason))
            .epoch("time", Some(self.time))
            .epoch("until", self.until)
            .text("severity", Some(self.severity.as_str()))
            .numbers("usable", self.usable.iter().map(|(node, n)| (node.as_str(), *n)))
            .end()
    }
}

impl Mutes {
    /// Marks what is muted now. What bears a mark already keeps it. Nothing else of a finding is touched.
    pub fn mark(&self, findings: &mut [Finding], seen: &Seen<'_>) {
        if self.entries.is_empty() {
            return;
        }
        for finding in findings.iter_mut().filter(|finding| finding.muted.is_none()) {
            let Some(mute) = self.entries.iter().find(|mute| mute.mutes(finding, seen)) else { continue };
            finding.muted = Some(Box::new(Muted {
                id: mute.id.clone(),
                by_window: false,
                by: mute.by.clone(),
                reason: mute.reason.clone(),
                until: mute.until,
            }));
        }
    }

    /// When the next one ends: then findings are to be marked anew.
    pub fn next_end(&self, now: EpochS) -> Option<EpochS> {
        self.entries.iter().filter_map(|mute| mute.until).filter(|until| *until > now).min()
    }

    /// Reads the document: what was understood, and what was not, one sentence each.
    pub fn decode(bytes: &[u8]) -> (Self, Vec<String>) {
        match Shell::parse(bytes, "entries", false, BYTES_MAX) {
            Ok(shell) => read_all(&shell),
            Err(why) => (Self::default(), vec![why]),
        }
    }
}

/// The mutes that are understood.
fn read_all(shell: &Shell) -> (Mutes, Vec<String>) {
    let (mut entries, mut problems) = (Vec::<Mute>::new(), Problems::default());
    for (at, (_, item)) in shell.items().enumerate() {
        let place = at + 1;
        match read_mute(item) {
            Err(what) => problems.add(|| format!("entry {place} does not count: {what}")),
            Ok(mute) if entries.iter().any(|known| known.id == mute.id) => {
                problems
                    .add(|| format!("entry {place} does not count: an earlier one has its id {:?}", mute.id));
            }
            Ok(_) if entries.len() >= MUTES_MAX => {
                problems.add(|| format!("it has more than {MUTES_MAX} entries: the last ones do not count"));
                break;
            }
            Ok(mute) => entries.push(mute),
        }
    }
    (Mutes { entries }, problems.0)
}

/// A mute's members as they came.
#[derive(Default)]
struct Raw {
    id: Option<String>,
    code: Option<String>,
    /// Members that were there: a mute for one thing must not become one for all because a name is bad.
    narrowed: [bool; 3],
    node: Option<NodeName>,
    wwid: Option<Wwid>,
    object: Option<String>,
    by: Option<String>,
    reason: Option<String>,
    time: Option<EpochS>,
    ends: bool,
    until: Option<EpochS>,
    severity: Option<String>,
    usable: BTreeMap<NodeName, u32>,
}

fn read_mute(item: &str) -> Result<Mute, String> {
    let mut raw = Raw::default();
    let mut scan = Scanner::new(item);
    members(&mut scan, |key, scan| raw.member(key, scan)).map_err(|e| e.to_string())?;
    raw.check()
}

impl Raw {
    fn member(&mut self, key: &str, scan: &mut Scanner<'_>) -> Read<()> {
        let [has_node, has_wwid, has_object] = &mut self.narrowed;
        match key {
            "id" => self.id = text(scan)?,
            "code" => self.code = text(scan)?,
            "node" => (*has_node, self.node) = (true, text(scan)?.as_deref().and_then(NodeName::new)),
            "wwid" => (*has_wwid, self.wwid) = (true, text(scan)?.as_deref().and_then(Wwid::new)),
            "object" => (*has_object, self.object) = (true, text(scan)?.filter(|text| !text.is_empty())),
            "by" => self.by = text(scan)?,
            "reason" => self.reason = text(scan)?,
            "time" => self.time = epoch(scan)?,
            "until" => (self.ends, self.until) = (true, epoch(scan)?),
            "severity" => self.severity = text(scan)?,
            "usable" => {
                self.usable.clear();
                members(scan, |node, scan| {
                    let n = small(scan)?;
                    if let (Some(node), Some(n)) = (NodeName::new(node), n)
                        && self.usable.len() < NODES_MAX
                    {
                        self.usable.insert(node, n);
                    }
                    Ok(())
                })?;
            }
            _ => scan.skip()?,
        }
        Ok(())
    }

    fn check(self) -> Result<Mute, String> {
        let id = self.id.filter(|id| (1..=ID_BYTES_MAX).contains(&id.len()));
        let Some(id) = id else { return Err(format!("it has no id of 1 to {ID_BYTES_MAX} bytes")) };
        let code = match self.code {
            Some(word) => Code::parse(&word).ok_or_else(|| format!("its code {word:?} is not known"))?,
            None => return Err("it has no code".into()),
        };
        let Some(time) = self.time else { return Err("it bears no time".into()) };
        let given = [self.node.is_some(), self.wwid.is_some(), self.object.is_some()];
        for ((there, good), what) in self.narrowed.into_iter().zip(given).zip(["node", "wwid", "object"]) {
            if there && !good {
                return Err(format!("its {what} is no name"));
            }
        }
        if self.ends && self.until.is_none() {
            return Err("its end is no time".into());
        }
        let severity = match self.severity.as_deref() {
            Some(word) => {
                Severity::parse(word).ok_or_else(|| format!("its severity {word:?} is not known"))?
            }
            None => return Err("it does not say how bad its finding was".into()),
        };
        Ok(Mute {
            id,
            code,
            node: self.node,
            wwid: self.wwid,
            object: self.object,
            by: self.by.unwrap_or_default(),
            reason: self.reason.unwrap_or_default(),
            time,
            until: self.until,
            severity,
            usable: self.usable,
        })
    }
}
