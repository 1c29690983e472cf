//! `multipath-overrides.conf`: the administrator's own text in multipath's grammar, for hardware tuning.
//!
//! It is rendered word for word, so what it may say is judged here: no section that would quietly beat what Pathkeeper manages, no
//! line that multipathd reads otherwise than it looks, no value that the schema refuses, no rule that excludes an allowed LUN. Like
//! `multipath.cfg`, an absent or broken document is no instruction; one that holds a comment alone overrides nothing.

use super::keywords::Keyword;
use crate::ids::Wwid;
use crate::multipath_conf::{Conf, Device, Entry, Rules};
use crate::section::{DOCUMENT_BYTES_MAX, Problem, Problems, quote};

/// The document's name, as problems name it.
pub const FILE: &str = "multipath-overrides.conf";
/// Sections that may stand at the top.
pub const SECTIONS: [&str; 4] = ["devices", "overrides", "blacklist", "blacklist_exceptions"];

/// What a read of the document means.
#[derive(Clone, Debug)]
pub enum Reading {
    /// There is none, or it has no bytes: no instruction.
    Absent,
    /// It has problems: no instruction either.
    Invalid(Vec<Problem>),
    /// It can be followed.
    Good(Overrides),
}

/// A document without problems.
#[derive(Clone, Debug)]
pub struct Overrides {
    text: String,
    conf: Conf,
    rules: Rules,
}

/// A LUN, as rules of a blacklist see it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its WWID.
    pub wwid: &'a Wwid,
    /// A path of it that somebody sees; `None`: nobody does, and rules about WWIDs alone are held against it.
    pub path: Option<SeenPath<'a>>,
}

/// A path, as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct SeenPath<'a> {
    /// `sdk`.
    pub name: &'a str,
    /// As sysfs tells it.
    pub vendor: Option<&'a str>,
    /// As sysfs tells it.
    pub product: Option<&'a str>,
    /// `scsi:fcp`…
    pub protocol: &'a str,
    /// Names of its udev properties; empty where nobody looked, and then it has those that any LUN has.
    pub properties: &'a [&'a str],
}

impl Reading {
    /// Reads a document; `None` where there is none. Total.
    pub fn parse(bytes: Option<&[u8]>) -> Self {
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Reading::Absent };
        let mut problems = Problems::default();
        if bytes.len() > DOCUMENT_BYTES_MAX {
            let what = format!("it has {} bytes, and at most {DOCUMENT_BYTES_MAX} are read", bytes.len());
            problems.add(0, what);
            return Reading::Invalid(problems.finish());
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => {
                let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
                let line = before.iter().filter(|b| **b == b'\n').count() + 1;
                problems.add(u32::try_from(line).unwrap_or(u32::MAX), "it is not UTF-8".into());
                return Reading::Invalid(problems.finish());
            }
        };
        letters(text, &mut problems);
        let conf = Conf::parse([(FILE, text)]);
        for complaint in &conf.complaints {
            problems.add(complaint.at.line, complaint.what.clone());
        }
        for opened in &conf.opened {
            let top = opened.section.split('.').next().unwrap_or_default();
            if !SECTIONS.contains(&top) && top == opened.section {
                let what = format!("section {top} cannot stand here: {}", instead(top));
                problems.add(opened.at.line, what);
            }
        }
        for entry in &conf.entries {
            if let Err(what) = check(entry) {
                problems.add(entry.at.line, what);
            }
        }
        let rules = Rules::of(&conf, None);
        for (at, rule) in rules.unreadable() {
            let what = format!("{} is no regular expression that can be read", quote(rule));
            problems.add(at.line, what);
        }
        let problems = problems.finish();
        if !problems.is_empty() {
            return Reading::Invalid(problems);
        }
        Reading::Good(Overrides { text: text.to_owned(), conf, rules })
    }
}

impl Overrides {
    /// The document as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says, with lines.
    pub fn conf(&self) -> &Conf {
        &self.conf
    }

    /// The rule of this document that excludes a LUN, in words with its line; `None` if none does. LUNs that are allowed, or have a
    /// map somewhere, must not be excluded.
    pub fn excluding(&self, lun: &Seen<'_>) -> Option<String> {
        // What multipathd has built in is not this document's doing.
        self.rules.excluding(&device(lun)).filter(|rule| !rule.ends_with("(built in)"))
    }
}

/// A LUN's path as a device that rules are held against.
pub(super) fn device<'a>(lun: &Seen<'a>) -> Device<'a> {
    // Nobody looked: a name that any SCSI LUN may have, and nothing by which it could be told apart.
    let unknown = SeenPath { name: "sda", vendor: None, product: None, protocol: "", properties: &[] };
    let SeenPath { name, vendor, product, protocol, properties } = lun.path.unwrap_or(unknown);
    // As multipathd has it where nobody says otherwise.
    let uid_attribute = if name.starts_with("nvme") { "ID_WWN" } else { "ID_SERIAL" };
    Device { name, vendor, product, protocol, wwid: Some(lun.wwid.as_str()), properties, uid_attribute }
}

/// Text is printable: a NUL hides the rest of a line from multipathd and not from people, and what is not ASCII it passes over.
fn letters(text: &str, problems: &mut Problems) {
    for (line, at) in text.split('\n').zip(1_u32..) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some(odd) = line.chars().find(|c| c.is_control() && *c != '\t') {
            problems.add(at, format!("{odd:?} cannot stand in it"));
        } else if let Some(odd) = line.chars().find(|c| !c.is_ascii())
            && !line.trim_start().starts_with(['#', '!'])
        {
            let what = format!("{odd:?} can stand in lines of comment alone: multipathd passes over it");
            problems.add(at, what);
        }
    }
}

fn instead(section: &str) -> &'static str {
    match section {
        "defaults" => "it would quietly beat what multipath.cfg sets; pathkeeper config set, or overrides",
        "multipaths" => "it would quietly beat what multipath.cfg sets; pathkeeper lun set",
        "devnode_blacklist" => "it is an old word for blacklist",
        _ => "devices, overrides, blacklist and blacklist_exceptions can",
    }
}

/// A keyword whose values are known has one of these; names of arrays, rules and the like are free.
fn check(entry: &Entry) -> Result<(), String> {
    let section = entry.section.as_str();
    if !(section.starts_with("devices") || section.starts_with("overrides")) {
        return Ok(());
    }
    match entry.key.as_str() {
        // They are Pathkeeper's, or would give every LUN another name or WWID.
        "user_friendly_names" => Err("user_friendly_names is always no: a LUN's alias names it".into()),
        key => match Keyword::of(&key.replace('_', "-")) {
            Some(keyword) => match keyword.kind.accept(Some(&entry.value)) {
                Ok(_) => Ok(()),
                // What multipath.conf(5) has beside the words of the schema.
                Err(_) if entry.value == "0" && key == "no_path_retry" => Ok(()),
                Err(why) => Err(format!("{key}: {why}")),
            },
            None => Ok(()),
        },
    }
}
