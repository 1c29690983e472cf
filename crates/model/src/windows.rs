//! Maintenance windows: what is expected to be away for a while. The document `pathkeeper/windows`.
//!
//! `{"v":1,"entries":[{"id","on","name","from","until","by","reason","time"}]}`; `on` is `node`, `array`, `controller`, `port`,
//! `fabric` or `lun`, and `name` which one. A window hides nothing: what it explains stays shown, and does not count (`mark`).

mod edit;
mod mark;

use std::collections::BTreeSet;

use crate::ids::{EpochS, NodeName, Wwid};
use crate::json::Scanner;
use crate::node_value::{epoch, members, text};
use crate::shell::{Problems, Shell, Writer};

pub use edit::WindowsDocument;

/// The document's name in the store.
pub const WINDOWS_DOCUMENT: &str = "pathkeeper/windows";
/// A longer document is not read. It is what a store's document may hold.
pub const BYTES_MAX: usize = 1 << 20;
/// No more windows than this are read; who would add one more is refused.
pub const WINDOWS_MAX: usize = 1_024;
/// An id is never longer.
pub const ID_BYTES_MAX: usize = 64;
/// A reason is never longer.
pub const REASON_BYTES_MAX: usize = crate::report::TEXT_BYTES_MAX;
/// A window stays listed for so long after its end, seconds.
pub const KEPT_S: i64 = 30 * 86_400;
/// No window is longer, seconds: a week. Who needs more time says so again.
pub const LONGEST_S: i64 = 7 * 86_400;

/// All windows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Windows {
    /// In the order in which they were given.
    pub entries: Vec<Window>,
}

/// One window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// Random. 1 to [`ID_BYTES_MAX`] bytes.
    pub id: String,
    /// On what is worked.
    pub on: WindowOn,
    /// From when.
    pub from: EpochS,
    /// Until when.
    pub until: EpochS,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was given, by the wall clock of the node that took it.
    pub time: EpochS,
}

/// On what is worked. Ports as [`crate::topology::port_text`] writes them; fabrics, controllers and arrays by the names that
/// [`crate::cause::Causes`] gives them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WindowOn {
    /// A whole node.
    Node(NodeName),
    /// An array.
    Array(String),
    /// A controller of an array.
    Controller(String),
    /// A target port.
    Port(String),
    /// A fabric.
    Fabric(String),
    /// A LUN.
    Lun(Wwid),
}

impl WindowOn {
    /// What kind of thing it is: `node`, `array`, `controller`, `port`, `fabric`, `lun`.
    pub fn kind(&self) -> &'static str {
        match self {
            WindowOn::Node(_) => "node",
            WindowOn::Array(_) => "array",
            WindowOn::Controller(_) => "controller",
            WindowOn::Port(_) => "port",
            WindowOn::Fabric(_) => "fabric",
            WindowOn::Lun(_) => "lun",
        }
    }

    /// Which one.
    pub fn name(&self) -> &str {
        match self {
            WindowOn::Node(node) => node.as_str(),
            WindowOn::Lun(wwid) => wwid.as_str(),
            WindowOn::Array(name)
            | WindowOn::Controller(name)
            | WindowOn::Port(name)
            | WindowOn::Fabric(name) => name,
        }
    }

    /// From both words; `None` for an unknown kind or an empty name.
    pub fn of(kind: &str, name: &str) -> Option<Self> {
        let text = || (!name.is_empty()).then(|| name.to_owned());
        match kind {
            "node" => NodeName::new(name).map(WindowOn::Node),
            "array" => text().map(WindowOn::Array),
            "controller" => text().map(WindowOn::Controller),
            "port" => crate::names::port_of(name).map(WindowOn::Port),
            "fabric" => text().map(WindowOn::Fabric),
            "lun" => Wwid::new(name).map(WindowOn::Lun),
            _ => None,
        }
    }
}

impl std::fmt::Display for WindowOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())
    }
}

impl Window {
    /// Whether it is open.
    pub fn is_open(&self, now: EpochS) -> bool {
        self.from <= now && now < self.until
    }

    fn encode(&self) -> String {
        Writer::new()
            .text("id", Some(&self.id))
            .text("on", Some(self.on.kind()))
            .text("name", Some(self.on.name()))
            .epoch("from", Some(self.from))
            .epoch("until", Some(self.until))
            .text("by", Some(&self.by))
            .text("reason", Some(&self.reason))
            .epoch("time", Some(self.time))
            .end()
    }
}

impl Windows {
    /// When the next one opens or ends: then findings are to be marked anew.
    pub fn next_change(&self, now: EpochS) -> Option<EpochS> {
        let moments = self.entries.iter().flat_map(|window| [window.from, window.until]);
        moments.filter(|at| *at > now).min()
    }

    /// Reads the document: what was understood, and what was not, one sentence each.
    pub fn decode(bytes: &[u8]) -> (Self, Vec<String>) {
        match Shell::parse(bytes, "entries", false, BYTES_MAX) {
            Ok(shell) => read_all(&shell),
            Err(why) => (Self::default(), vec![why]),
        }
    }
}

fn read_all(shell: &Shell) -> (Windows, Vec<String>) {
    let (mut entries, mut problems) = (Vec::<Window>::new(), Problems::default());
    let mut ids = BTreeSet::new();
    for (at, (_, item)) in shell.items().enumerate() {
        let place = at + 1;
        match read_window(item) {
            Err(what) => problems.add(|| format!("entry {place} does not count: {what}")),
            Ok(window) if ids.contains(&window.id) => {
                problems.add(|| {
                    format!("entry {place} does not count: an earlier one has its id {:?}", window.id)
                });
            }
            Ok(_) if entries.len() >= WINDOWS_MAX => {
                problems
                    .add(|| format!("it has more than {WINDOWS_MAX} entries: the last ones do not count"));
                break;
            }
            Ok(window) => {
                ids.insert(window.id.clone());
                entries.push(window);
            }
        }
    }
    (Windows { entries }, problems.0)
}

fn read_window(item: &str) -> Result<Window, String> {
    let mut texts: [Option<String>; 5] = Default::default();
    let mut times: [Option<EpochS>; 3] = Default::default();
    let mut scan = Scanner::new(item);
    let read = members(&mut scan, |key, scan| {
        let [id, on, name, by, reason] = &mut texts;
        let [from, until, time] = &mut times;
        match key {
            "id" => *id = text(scan)?,
            "on" => *on = text(scan)?,
            "name" => *name = text(scan)?,
            "by" => *by = text(scan)?,
            "reason" => *reason = text(scan)?,
            "from" => *from = epoch(scan)?,
            "until" => *until = epoch(scan)?,
            "time" => *time = epoch(scan)?,
            _ => scan.skip()?,
        }
        Ok(())
    });
    read.map_err(|e| e.to_string())?;
    let [id, on, name, by, reason] = texts;
    let [from, until, time] = times;
    let id = id.filter(|id| (1..=ID_BYTES_MAX).contains(&id.len()));
    let Some(id) = id else { return Err(format!("it has no id of 1 to {ID_BYTES_MAX} bytes")) };
    let (Some(kind), Some(name)) = (on, name) else { return Err("it does not say on what is worked".into()) };
    let on = WindowOn::of(&kind, &name);
    let Some(on) = on else { return Err(format!("{kind:?} {name:?} is nothing that is known")) };
    let (Some(from), Some(until)) = (from, until) else { return Err("it lacks its beginning or end".into()) };
    if until.0.saturating_sub(from.0) > LONGEST_S {
        return Err(format!("it is longer than {} days", LONGEST_S / 86_400));
    }
    let time = time.unwrap_or(from);
    Ok(Window { id, on, from, until, by: by.unwrap_or_default(), reason: reason.unwrap_or_default(), time })
}
