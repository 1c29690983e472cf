//! Changes of `multipath.cfg` that a person orders: settings, the allow-list, aliases. What is not named stays byte for byte.
//!
//! A change is judged before it is written: its keys and values by the schema, the document that comes of it by the same reader that
//! every node uses. A document that is no instruction is not changed but mended by hand, or written anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::keywords::{ALL, Keyword, Place, refusal};
use crate::ids::Wwid;
use crate::multipath_cfg::{LunSection, MultipathCfg, Reading, is_wwid};
use crate::section::{DOCUMENT_BYTES_MAX, Document, Problem, is_one_line, is_word, quote};

/// Keys of ours that a LUN's section takes.
pub const OWN_KEYS: [&str; 5] = ["alias", "comment", "expected-paths", "nodes", "used-by"];
/// Keys of ours that stand in `defaults` too.
const OWN_DEFAULTS: [&str; 2] = ["comment", "expected-paths"];
/// Problems that are told in one sentence.
const PROBLEMS_TOLD_MAX: usize = 3;
/// A LUN on which single keys are tried. No alias can be spelt so.
const TRIED: &str = "~";

/// Keys to set and to unset, of `defaults` or of one LUN.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Keys {
    /// Keys with their values; `None` = a bare key, which is 1.
    pub set: Vec<(String, Option<String>)>,
    /// Keys to take away; one that is not set is no error.
    pub delete: Vec<String>,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Edit {
    /// Changes settings for all LUNs.
    Defaults(Keys),
    /// Allows a LUN that is not allowed yet.
    Allow(Wwid, Keys),
    /// Changes a LUN's section.
    Lun(Wwid, Keys),
    /// Takes a LUN off the list.
    Remove(Wwid),
}

/// Why a change is not made; nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The document has problems.
    #[error("multipath.cfg cannot be followed as it is, and so it is not changed: {}; mend it first: pathkeeper config edit", told(.0))]
    NoInstruction(Vec<Problem>),
    /// Nobody knows the key.
    #[error("{} is no setting{}", quote(.key), did_you_mean(.near))]
    UnknownKey {
        /// The key.
        key: String,
        /// What is spelt like it.
        near: Option<&'static str>,
    },
    /// The key is known and cannot be set.
    #[error("{key} cannot be set: {why}")]
    NotSettable {
        /// The key.
        key: String,
        /// Why.
        why: String,
    },
    /// The schema refuses the value.
    #[error("{key}: {why}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong and what is allowed.
        why: String,
    },
    /// A key is named twice, or is set and deleted at once.
    #[error("{} is named twice in one change: say once what it should be", quote(.0))]
    Twice(String),
    /// The LUN is on the list already.
    #[error("the LUN {0} is allowed already, in line {1}: change it with pathkeeper lun set")]
    Allowed(Wwid, u32),
    /// It is not on the list.
    #[error("the LUN {0} is not in multipath.cfg: allow it with pathkeeper lun add")]
    NotAllowed(Wwid),
    /// It is no WWID.
    #[error("{} is no WWID: 1 to 127 visible characters, and neither / nor # before them", quote(.0))]
    NoWwid(String),
    /// The document that would come of it has problems.
    #[error("multipath.cfg could not be followed any more: {}", told(.0))]
    Breaks(Vec<Problem>),
    /// It would be longer than pmxcfs holds.
    #[error("multipath.cfg would have {0} bytes, and {DOCUMENT_BYTES_MAX} are the most")]
    TooLong(usize),
}

impl Refused {
    /// The same where the key is named already.
    fn of_key(&self, key: &str) -> String {
        match self {
            Refused::NotSettable { why, .. } => format!("it cannot be set: {why}"),
            Refused::Value { why, .. } => why.clone(),
            Refused::Breaks(problems) => {
                let begin = format!("{key}: ");
                let what = problems.iter().map(|problem| problem.what.as_str());
                let words: Vec<&str> = what.map(|what| what.strip_prefix(&begin).unwrap_or(what)).collect();
                words.join("; ")
            }
            other => other.to_string(),
        }
    }

    /// Keys of this change that the document has no room for, in words by key: an alias that another LUN bears. Empty if it is refused
    /// for another reason.
    pub fn by_key(&self, keys: &Keys) -> BTreeMap<String, String> {
        let Refused::Breaks(problems) = self else { return BTreeMap::new() };
        let of = |problem: &Problem| {
            let (key, why) = problem.what.split_once(": ")?;
            keys.set.iter().any(|(set, _)| set == key).then(|| (key.to_owned(), why.to_owned()))
        };
        problems.iter().filter_map(of).collect()
    }
}

fn told(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().take(PROBLEMS_TOLD_MAX).map(Problem::to_string).collect();
    let more = problems.len().saturating_sub(PROBLEMS_TOLD_MAX);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    lines.join("; ") + &more
}

fn did_you_mean(near: &Option<&'static str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

/// Makes changes, one after the other; `None` and no bytes are a document that is written for the first time, and one that was torn
/// down begins anew.
///
/// # Errors
/// The first change that cannot be made, and why.
pub fn edit(document: Option<&[u8]>, edits: &[Edit]) -> Result<Vec<u8>, Refused> {
    let mut bytes = document.unwrap_or_default().to_vec();
    let mut cfg = read(&bytes, Refused::NoInstruction)?;
    if cfg.torn_down.is_some() && !edits.is_empty() {
        (bytes, cfg) = (Vec::new(), MultipathCfg::default());
    }
    for change in edits {
        bytes = cfg.with(change)?;
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(Refused::TooLong(bytes.len()));
        }
        cfg = read(&bytes, Refused::Breaks)?;
    }
    Ok(bytes)
}

fn read(bytes: &[u8], refused: impl Fn(Vec<Problem>) -> Refused) -> Result<MultipathCfg, Refused> {
    match Reading::parse(Some(bytes)) {
        Reading::Absent => Ok(MultipathCfg::default()),
        Reading::Good(cfg) => Ok(cfg),
        Reading::Invalid(problems) => Err(refused(problems)),
    }
}

impl MultipathCfg {
    /// The document's bytes with one change.
    fn with(&self, change: &Edit) -> Result<Vec<u8>, Refused> {
        let document = self.document();
        let at = |line: u32| document.sections.iter().position(|section| section.line == line);
        match change {
            Edit::Defaults(keys) => {
                keys.check(Place::Defaults)?;
                match document.sections.iter().position(|section| section.kind == "defaults") {
                    Some(section) => Ok(keys.made_in(document, section)),
                    // No section is made to take something out of it.
                    None if keys.set.is_empty() => Ok(self.write()),
                    None => Ok(document.with_section("defaults", "global", keys.pairs())),
                }
            }
            Edit::Allow(wwid, keys) => {
                keys.check(Place::Both)?;
                if !(is_wwid(wwid.as_str()) && is_word(wwid.as_str())) {
                    return Err(Refused::NoWwid(wwid.to_string()));
                }
                if let Some(lun) = self.luns.get(wwid) {
                    return Err(Refused::Allowed(wwid.clone(), lun.line));
                }
                Ok(document.with_section("wwid", wwid.as_str(), keys.pairs()))
            }
            Edit::Lun(wwid, keys) => {
                keys.check(Place::Both)?;
                let lun = self.luns.get(wwid).and_then(|lun| at(lun.line));
                lun.map(|lun| keys.made_in(document, lun)).ok_or_else(|| Refused::NotAllowed(wwid.clone()))
            }
            Edit::Remove(wwid) => {
                let lun = self.luns.get(wwid).and_then(|lun| at(lun.line));
                lun.map(|lun| document.without_section(lun)).ok_or_else(|| Refused::NotAllowed(wwid.clone()))
            }
        }
    }
}

impl Keys {
    fn pairs(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.set.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
    }

    /// What is wrong with single keys, whatever else the document says: by key, in words. A change of which nothing is wrong here
    /// may still not fit the document.
    pub fn wrong(&self, place: Place) -> BTreeMap<String, String> {
        let mut wrong = BTreeMap::new();
        for (key, value) in &self.set {
            let alone = Keys { set: vec![(key.clone(), value.clone())], delete: Vec::new() };
            let tried = match (place, Wwid::new(TRIED)) {
                (Place::Both, Some(lun)) => edit(None, &[Edit::Allow(lun, alone)]),
                _ => edit(None, &[Edit::Defaults(alone)]),
            };
            wrong.extend(tried.err().map(|refused| (key.clone(), refused.of_key(key))));
        }
        for key in &self.delete {
            wrong.extend(settable(key, place).err().map(|refused| (key.clone(), refused.of_key(key))));
            if self.set.iter().any(|(set, _)| set == key) {
                wrong.insert(key.clone(), "it is to be set and to be deleted at once".to_owned());
            }
        }
        wrong
    }

    /// A section with these changes; the caller has checked them.
    fn made_in(&self, document: &Document, section: usize) -> Vec<u8> {
        let mut document = document.clone();
        for key in &self.delete {
            document = Document::parse(&document.without(section, key));
        }
        for (key, value) in self.pairs() {
            document = Document::parse(&document.with(section, key, value));
        }
        document.bytes().to_vec()
    }

    fn check(&self, place: Place) -> Result<(), Refused> {
        let mut named = BTreeSet::new();
        let keys = self.set.iter().map(|(key, _)| key).chain(&self.delete);
        for key in keys {
            if !named.insert(key) {
                return Err(Refused::Twice(key.clone()));
            }
            settable(key, place)?;
        }
        for (key, value) in self.pairs() {
            let refused = |why: String| Refused::Value { key: key.to_owned(), why };
            if value.is_some_and(|value| !is_one_line(value)) {
                let what =
                    "a value is one line that neither begins nor ends with white space, and is not empty";
                return Err(refused(what.into()));
            }
            // Ours are judged by the reader of the document.
            if let Some(keyword) = Keyword::of(key) {
                keyword.kind.accept(value).map_err(refused)?;
            }
        }
        Ok(())
    }
}

/// Whether a key may be set, and unset, in `defaults` or in a LUN's section.
///
/// # Errors
/// Why not.
pub fn settable(key: &str, place: Place) -> Result<(), Refused> {
    let not = |why: &str| Err(Refused::NotSettable { key: key.to_owned(), why: why.to_owned() });
    if OWN_KEYS.contains(&key) {
        if place == Place::Defaults && !OWN_DEFAULTS.contains(&key) {
            return not("it is one LUN's: pathkeeper lun set");
        }
        return Ok(());
    }
    if let Some(why) = refusal(key) {
        return not(why);
    }
    match Keyword::of(key) {
        Some(keyword) if place == Place::Both && keyword.place == Place::Defaults => {
            not("it is for all LUNs alike: pathkeeper config set")
        }
        Some(_) => Ok(()),
        None => {
            let known = ALL.iter().map(|keyword| keyword.key).chain(OWN_KEYS);
            let written = key.replace('_', "-");
            let best = known.map(|known| (strsim::jaro_winkler(&written, known), known));
            let best = best.filter(|(like, _)| *like > 0.85).max_by(|a, b| a.0.total_cmp(&b.0));
            Err(Refused::UnknownKey { key: key.to_owned(), near: best.map(|(_, known)| known) })
        }
    }
}

/// What a new document changes of the one before, as far as a person must confirm it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// LUNs that come.
    pub added: BTreeSet<Wwid>,
    /// LUNs that go.
    pub removed: BTreeSet<Wwid>,
    /// LUNs whose name becomes another: before and after, `None` = its WWID.
    pub renamed: Vec<(Wwid, Option<String>, Option<String>)>,
    /// How many there were.
    pub before: usize,
}

impl Change {
    /// From one document to another.
    pub fn between(before: &MultipathCfg, after: &MultipathCfg) -> Self {
        let only = |of: &MultipathCfg, other: &MultipathCfg| {
            of.luns.keys().filter(|wwid| !other.luns.contains_key(*wwid)).cloned().collect()
        };
        let renamed = |(wwid, lun): (&Wwid, &LunSection)| {
            let new = after.luns.get(wwid).filter(|new| new.alias != lun.alias)?;
            Some((wwid.clone(), lun.alias.clone(), new.alias.clone()))
        };
        Self {
            added: only(after, before),
            removed: only(before, after),
            renamed: before.luns.iter().filter_map(renamed).collect(),
            before: before.luns.len(),
        }
    }

    /// It takes out more than half of all LUNs.
    pub fn takes_more_than_half(&self) -> bool {
        self.removed.len() * 2 > self.before
    }

    /// Why it is held until somebody confirms it; `None` if it need not be, or was. `allowed` is the number of LUNs that somebody
    /// said go.
    pub fn held(&self, allowed: Option<usize>) -> Option<Held> {
        let going = self.removed.len();
        (going > 0 && allowed != Some(going)).then(|| Held {
            going,
            before: self.before,
            more_than_half: self.takes_more_than_half(),
            allowed,
        })
    }
}

/// A change that takes LUNs out and that nobody confirmed with their number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// So many go.
    pub going: usize,
    /// Of so many.
    pub before: usize,
    /// That is more than half.
    pub more_than_half: bool,
    /// So many were confirmed.
    pub allowed: Option<usize>,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Held { going, before, .. } = self;
        let half = if self.more_than_half { ", more than half" } else { "" };
        write!(f, "it takes out {going} of {before} LUNs{half}")?;
        match self.allowed {
            Some(allowed) => write!(f, ", and {allowed} were confirmed")?,
            None => f.write_str(", and nobody confirmed that")?,
        }
        write!(f, ": look at the plan, then --allow-removal {going}")
    }
}
