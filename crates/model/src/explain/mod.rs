//! What is known of one name that was printed somewhere: a LUN, a storage, a node, an adapter, a port, a fabric, a
//! controller, a finding's code. What is wrong with it, whom it hits, what was seen, what to do and what not.

mod lun;
mod resolve;

use std::collections::BTreeSet;

use crate::cause::Causes;
use crate::detail::Detail;
use crate::finding::{Code, Finding, Severity};
use crate::guests::{Guest, GuestKind};
use crate::ids::{EpochS, NodeName, Wwid};
use crate::picture::Picture;

pub(crate) use lun::bytes;
pub use resolve::{Unresolved, resolve};

/// No section has more lines; the rest is counted.
const LINES_MAX: usize = 40;
/// More names than this in one line help nobody.
const NAMES_MAX: usize = 8;

/// What a name means.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Object {
    /// A LUN.
    Lun(Wwid),
    /// A storage of storage.cfg.
    Storage(String),
    /// A node.
    Node(NodeName),
    /// An adapter of a node.
    Hba(NodeName, String),
    /// A target port or an adapter's port.
    Port(String),
    /// A fabric.
    Fabric(String),
    /// A controller.
    Controller(String),
    /// A finding's code.
    Code(Code),
}

impl Object {
    /// `lun`, `storage`, `node`, `hba`, `port`, `fabric`, `controller`, `code`.
    pub fn kind(&self) -> &'static str {
        match self {
            Object::Lun(_) => "lun",
            Object::Storage(_) => "storage",
            Object::Node(_) => "node",
            Object::Hba(..) => "hba",
            Object::Port(_) => "port",
            Object::Fabric(_) => "fabric",
            Object::Controller(_) => "controller",
            Object::Code(_) => "code",
        }
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Object::Lun(wwid) => f.write_str(wwid.as_str()),
            Object::Node(node) => f.write_str(node.as_str()),
            Object::Hba(node, hba) => write!(f, "{node}/{hba}"),
            Object::Storage(name) | Object::Port(name) | Object::Fabric(name) | Object::Controller(name) => {
                f.write_str(name)
            }
            Object::Code(code) => f.write_str(code.as_str()),
        }
    }
}

/// The parts of an explanation, in the order in which they are read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Section {
    /// Whom it hits.
    Hit,
    /// What was seen.
    Seen,
    /// Why that is so, as far as it follows from what was seen.
    Why,
    /// What to do, in this order.
    Do,
    /// What not to do.
    DoNot,
}

impl Section {
    /// `HIT`, `SEEN`, `WHY`, `DO`, `DO NOT`.
    pub fn as_str(self) -> &'static str {
        match self {
            Section::Hit => "HIT",
            Section::Seen => "SEEN",
            Section::Why => "WHY",
            Section::Do => "DO",
            Section::DoNot => "DO NOT",
        }
    }
}

/// An explanation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained {
    /// Of what.
    pub object: Object,
    /// How people call it.
    pub name: String,
    /// What it is, in few words: WWID, array, size, storage.
    pub about: Vec<String>,
    /// The worst that is wrong, in one line, or that nothing is.
    pub headline: String,
    /// How bad that is.
    pub severity: Option<Severity>,
    /// Since when.
    pub since: Option<EpochS>,
    /// The sections that have lines.
    pub sections: Vec<(Section, Vec<String>)>,
    /// Codes of what is wrong, worst first: each has its chapter.
    pub codes: Vec<Code>,
}

/// What an explanation is made of, beside the picture.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The cluster.
    pub picture: &'a Picture<'a>,
    /// What explains lost paths.
    pub causes: &'a Causes,
    /// All findings that stand.
    pub findings: &'a [Finding],
    /// Unpacks what a node published last.
    pub detail: &'a dyn Fn(&NodeName) -> Option<Detail>,
}

/// Explains.
pub fn explain(object: &Object, ground: Ground<'_>) -> Explained {
    match object {
        Object::Lun(wwid) => lun::explain(wwid, ground),
        _ => others(object, ground),
    }
}

/// An explanation from the findings that speak of the object.
fn others(object: &Object, ground: Ground<'_>) -> Explained {
    let speaks = |finding: &&Finding| match object {
        Object::Lun(wwid) => finding.scope.wwid.as_ref() == Some(wwid),
        Object::Storage(id) => {
            finding.scope.object.as_deref() == Some(id)
                || finding
                    .scope
                    .wwid
                    .as_ref()
                    .is_some_and(|wwid| used_by(wwid, ground.picture) == Some(id.as_str()))
        }
        Object::Node(node) => finding.scope.node.as_ref() == Some(node),
        Object::Hba(node, hba) => {
            finding.scope.node.as_ref() == Some(node) && finding.scope.object.as_deref() == Some(hba)
        }
        Object::Port(name) | Object::Fabric(name) | Object::Controller(name) => {
            finding.scope.object.as_deref() == Some(name)
        }
        Object::Code(code) => finding.code == *code,
    };
    let found: Vec<&Finding> = ground.findings.iter().filter(speaks).collect();
    let luns: BTreeSet<&Wwid> = match object {
        Object::Storage(id) => {
            let rows = ground.picture.matrix.rows();
            rows.filter(|row| row.used_by() == Some(id)).map(|row| row.wwid()).collect()
        }
        Object::Node(node) => {
            let rows = ground.picture.matrix.rows();
            rows.filter(|row| row.cell(node.as_str()).is_some()).map(|row| row.wwid()).collect()
        }
        _ => BTreeSet::new(),
    };
    let mut about = Vec::new();
    if !luns.is_empty() {
        let labels: Vec<String> =
            luns.iter().take(NAMES_MAX).map(|wwid| label(wwid, ground.picture)).collect();
        let more = luns.len().saturating_sub(labels.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        about.push(format!("{}: {}{more}", count(luns.len(), "LUN"), labels.join(" ")));
    }
    let guests: Vec<&Guest> = match object {
        Object::Storage(id) => ground.picture.guests.on_storage(id).collect(),
        Object::Node(node) => {
            let all = ground.picture.guests.all.iter().flat_map(|all| all.values());
            all.filter(|guest| guest.node == *node).collect()
        }
        _ => Vec::new(),
    };
    let mut out = assembled(object.clone(), object.to_string(), &found);
    out.about = about;
    if !guests.is_empty() {
        out.sections.insert(0, (Section::Hit, vec![guests_line(&guests)]));
    }
    out
}

/// Why, do and do not from findings, worst first.
fn assembled(object: Object, name: String, found: &[&Finding]) -> Explained {
    let mut why = Vec::new();
    let mut to_do: Vec<String> = Vec::new();
    let mut not: Vec<String> = Vec::new();
    for finding in found {
        why.push(finding.summary.clone());
        why.extend(finding.evidence.iter().map(|line| format!("  {line}")));
        if let Some(cause) = &finding.cause {
            why.push(format!("  explained by {cause}"));
        }
        if let Some(muted) = &finding.muted {
            let kind = if muted.by_window { "a window" } else { "a mute" };
            why.push(format!("  hidden by {kind} of {}: {}", muted.by, muted.reason));
        }
        for line in &finding.advice {
            let (to, line) = match line.strip_prefix("DO NOT ") {
                Some(line) => (&mut not, line),
                None => (&mut to_do, line.as_str()),
            };
            if !to.iter().any(|known| known == line) {
                to.push(line.to_owned());
            }
        }
    }
    let worst = found.first();
    let mut codes: Vec<Code> = Vec::new();
    for finding in found {
        if !codes.contains(&finding.code) {
            codes.push(finding.code);
        }
    }
    let mut out = Explained {
        object,
        name,
        about: Vec::new(),
        headline: worst
            .map_or_else(|| "nothing is wrong with it that is known".into(), |f| f.summary.clone()),
        severity: worst.map(|f| f.severity),
        since: worst.and_then(|f| f.since),
        sections: Vec::new(),
        codes,
    };
    for (section, lines) in [(Section::Why, why), (Section::Do, to_do), (Section::DoNot, not)] {
        out.add(section, lines);
    }
    out
}

impl Explained {
    /// Adds a section, bounded, if it has lines.
    fn add(&mut self, section: Section, mut lines: Vec<String>) {
        if lines.len() > LINES_MAX {
            let more = lines.len() - LINES_MAX;
            lines.truncate(LINES_MAX);
            lines.push(format!("{more} more lines"));
        }
        if !lines.is_empty() {
            self.sections.push((section, lines));
            self.sections.sort_by_key(|(section, _)| *section);
        }
    }
}

fn used_by<'a>(wwid: &Wwid, picture: &'a Picture<'_>) -> Option<&'a str> {
    picture.matrix.row_of(wwid)?.used_by()
}

/// How people call a LUN: its alias, else the name of its map on the first node that has one, else the WWID.
pub fn label(wwid: &Wwid, picture: &Picture<'_>) -> String {
    if let Some(alias) = picture.matrix.row_of(wwid).and_then(|row| row.alias()) {
        return alias.to_owned();
    }
    let named = picture.nodes.values().filter_map(|node| node.paths?.lun(wwid)?.map.as_deref());
    named
        .map(|map| map.name.to_string())
        .find(|name| name != wwid.as_str())
        .unwrap_or_else(|| wwid.to_string())
}

/// `3 guests: vm:101 web1, ct:102, ha:vm:117 db`.
fn guests_line(guests: &[&Guest]) -> String {
    let one = |guest: &&Guest| {
        let kind = match guest.kind {
            GuestKind::Vm => "vm",
            GuestKind::Ct => "ct",
        };
        let name = guest.name.as_deref().map_or_else(String::new, |name| format!(" {name}"));
        let ha = if guest.ha { "ha:" } else { "" };
        format!("{ha}{kind}:{}{name}", guest.id)
    };
    let named: Vec<String> = guests.iter().take(NAMES_MAX).map(one).collect();
    let more = guests.len().saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}: {}{more}", count(guests.len(), "guest"), named.join(", "))
}

/// `once`, `3 times`.
pub(crate) fn times(n: u32) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

pub(crate) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
