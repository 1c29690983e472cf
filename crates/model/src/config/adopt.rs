//! How a cluster that was set up by hand comes under one configuration: documents under which every live map keeps its name.
//!
//! Read of each node is what people wrote (its files, not Pathkeeper's own) and which maps live under which names. What all nodes
//! agree on becomes a document; what they do not agree on becomes a question, and stays as it is on each of them until somebody
//! answers. Sections of devices, overrides and blacklists stay in the files where they are: they work from there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::edit::{Edit, Keys, Refused, edit};
use super::node::NodeState;
use super::plan::Confirmed;
use super::render::DropIns;
use super::{Keyword, Place, Version};
use crate::ids::{NodeName, Wwid};
use crate::multipath_cfg::{check_alias, is_wwid};
use crate::section::quote;

/// Nodes that are named in one sentence.
const NODES_TOLD_MAX: usize = 8;
/// What is proposed where no node has a map, and none sets anything.
const EMPTY: &[u8] = b"defaults: global\n";

/// What nodes do not agree on, or what cannot become a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// A LUN's map bears several names: which nodes say which.
    Names {
        /// The LUN.
        wwid: Wwid,
        /// Names and nodes.
        names: BTreeMap<String, BTreeSet<NodeName>>,
    },
    /// Maps of several LUNs bear one name, on different nodes.
    OneName {
        /// The name.
        name: String,
        /// LUNs and nodes.
        luns: BTreeMap<Wwid, BTreeSet<NodeName>>,
    },
    /// A map's name cannot be an alias.
    NoAlias {
        /// The LUN.
        wwid: Wwid,
        /// The name.
        name: String,
        /// Why.
        why: String,
    },
    /// A LUN's WWID cannot stand in a document.
    NoWwid {
        /// What multipathd says of it.
        wwid: Wwid,
    },
    /// Nodes that carry the LUN, or all, set a keyword otherwise: which nodes say which value; `None` = it is not set there.
    Setting {
        /// The LUN; `None` = it stands in `defaults`.
        wwid: Option<Wwid>,
        /// The key, as `multipath.cfg` has it.
        key: String,
        /// Values and nodes.
        values: BTreeMap<Option<String>, BTreeSet<NodeName>>,
    },
    /// All nodes set a keyword alike, and it cannot be managed: it stays in their files.
    NotManaged {
        /// The LUN; `None` = it stands in `defaults`.
        wwid: Option<Wwid>,
        /// The key, as `multipath.cfg` would have it.
        key: String,
        /// Its value.
        value: String,
        /// Why.
        why: String,
    },
}

impl Question {
    /// It must be answered before the configuration can be applied without a map being renamed or lost. Others only leave a
    /// setting in the nodes' own files.
    pub fn is_about_a_map(&self) -> bool {
        !matches!(self, Question::Setting { .. } | Question::NotManaged { .. })
    }
}

/// What was made of nodes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// `multipath.cfg`.
    pub config: Vec<u8>,
    /// What to ask, maps first.
    pub questions: Vec<Question>,
    /// What is taken over by applying it: LUNs that were set up by hand.
    pub confirmed: Confirmed,
}

/// Proposes `multipath.cfg` from all nodes: `nodes` are known with their files, of `others` only maps and names are, and their
/// settings have no say. `answers` are names that somebody chose for LUNs.
///
/// # Errors
/// If the document would be longer than a store holds.
pub fn adopt(
    nodes: &[NodeState],
    others: &[&NodeState],
    answers: &BTreeMap<Wwid, String>,
) -> Result<Proposal, Refused> {
    let mut questions = Vec::new();
    let everybody = nodes.iter().chain(others.iter().copied());
    let named = names(everybody, answers, &mut questions);
    let written: Vec<Written> = nodes.iter().map(written).collect();
    // A node without maps has no say.
    let has_maps = |at: usize| nodes.get(at).is_some_and(|node| !node.maps.is_empty());
    let defaults = agreed(None, &written, has_maps, &mut questions);
    let mut edits = Vec::new();
    if !defaults.is_empty() {
        edits.push(Edit::Defaults(Keys { set: defaults, delete: Vec::new() }));
    }
    for (wwid, name) in &named {
        let alias = (name != wwid.as_str()).then(|| ("alias".to_owned(), Some(name.clone())));
        let carries =
            |at: usize| nodes.get(at).is_some_and(|node| node.maps.iter().any(|map| map.wwid == *wwid));
        let settings = agreed(Some(wwid), &written, carries, &mut questions);
        let set = alias.into_iter().chain(settings).collect();
        edits.push(Edit::Allow(wwid.clone(), Keys { set, delete: Vec::new() }));
    }
    questions.sort_by_key(|question| !question.is_about_a_map());
    let mut config = edit(None, &edits)?;
    if config.is_empty() {
        // A document without any section is none, and so no instruction.
        config = EMPTY.to_vec();
    }
    let confirmed = Confirmed { adopt: named.into_keys().collect(), ..Confirmed::default() };
    Ok(Proposal { config, questions, confirmed })
}

/// The name of each LUN that has one everywhere where it has a map.
fn names<'a>(
    nodes: impl Iterator<Item = &'a NodeState>,
    answers: &BTreeMap<Wwid, String>,
    questions: &mut Vec<Question>,
) -> BTreeMap<Wwid, String> {
    type Of<'a, T> = BTreeMap<T, BTreeMap<&'a str, BTreeSet<NodeName>>>;
    let mut by_lun: Of<'_, &Wwid> = BTreeMap::new();
    for node in nodes {
        for map in &node.maps {
            let of = by_lun.entry(&map.wwid).or_default();
            of.entry(map.name.as_str()).or_default().insert(node.node.clone());
        }
    }
    // A name that is one LUN's here and another's there can be neither's.
    let mut by_name: BTreeMap<&str, BTreeMap<Wwid, BTreeSet<NodeName>>> = BTreeMap::new();
    for (wwid, names) in &by_lun {
        let chosen = answers.get(*wwid);
        let names = names.iter().filter(|_| chosen.is_none());
        for (name, nodes) in names {
            by_name
                .entry(name)
                .or_default()
                .entry((*wwid).clone())
                .or_default()
                .extend(nodes.iter().cloned());
        }
        if let Some(chosen) = chosen {
            by_name.entry(chosen).or_default().entry((*wwid).clone()).or_default();
        }
    }
    let mut doubtful: BTreeSet<Wwid> = BTreeSet::new();
    for (name, luns) in by_name.into_iter().filter(|(_, luns)| luns.len() > 1) {
        doubtful.extend(luns.keys().cloned());
        questions.push(Question::OneName { name: name.to_owned(), luns });
    }
    let mut named = BTreeMap::new();
    for (wwid, names) in by_lun {
        let wwid = wwid.clone();
        let chosen = answers.get(&wwid).map(String::as_str);
        let one = (names.len() == 1).then(|| names.keys().next().copied()).flatten();
        let name = match chosen.or(one) {
            _ if !is_wwid(wwid.as_str()) || wwid.as_str().contains('/') => {
                questions.push(Question::NoWwid { wwid });
                continue;
            }
            None => {
                let names = names.into_iter().map(|(name, nodes)| (name.to_owned(), nodes)).collect();
                questions.push(Question::Names { wwid, names });
                continue;
            }
            Some(_) if doubtful.contains(&wwid) => continue,
            Some(name) => name.to_owned(),
        };
        match check_alias(&name) {
            Err(why) if name != wwid.as_str() => questions.push(Question::NoAlias { wwid, name, why }),
            _ => _ = named.insert(wwid, name),
        }
    }
    // An alias that is the WWID of another LUN would be refused.
    let odd: Vec<(Wwid, String)> = named
        .iter()
        .filter(|(wwid, name)| name.as_str() != wwid.as_str() && named.contains_key(name.as_str()))
        .map(|(wwid, name)| (wwid.clone(), name.clone()))
        .collect();
    for (wwid, name) in odd {
        named.remove(&wwid);
        questions.push(Question::NoAlias { wwid, name, why: "it is the WWID of another LUN".into() });
    }
    named
}

/// What people wrote on one node.
struct Written {
    node: NodeName,
    version: Option<Version>,
    defaults: BTreeMap<String, String>,
    luns: BTreeMap<Wwid, BTreeMap<String, String>>,
}

/// Keywords of `defaults` and of LUNs as the node's own files have them; of each the last counts.
fn written(node: &NodeState) -> Written {
    let conf = node.conf_with(&DropIns::default());
    let mut out = Written {
        node: node.node.clone(),
        version: node.version,
        defaults: BTreeMap::new(),
        luns: BTreeMap::new(),
    };
    let mut of_block: BTreeMap<u32, Wwid> = BTreeMap::new();
    for entry in conf.entries.iter().filter(|e| e.section == "multipaths.multipath" && e.key == "wwid") {
        if let Some(wwid) = Wwid::new(&entry.value) {
            of_block.insert(entry.block, wwid);
        }
    }
    for entry in &conf.entries {
        // What names maps and chooses LUNs is Pathkeeper's part.
        if matches!(entry.key.as_str(), "alias" | "wwid" | "user_friendly_names" | "find_multipaths") {
            continue;
        }
        let values = match entry.section.as_str() {
            "defaults" => &mut out.defaults,
            "multipaths.multipath" => match of_block.get(&entry.block) {
                Some(wwid) => out.luns.entry(wwid.clone()).or_default(),
                None => continue,
            },
            _ => continue,
        };
        values.insert(entry.key.replace('_', "-"), entry.value.clone());
    }
    out
}

/// Settings of `defaults` or of a LUN on which all nodes agree that have a say; what they do not agree on is asked.
fn agreed(
    wwid: Option<&Wwid>,
    written: &[Written],
    has_say: impl Fn(usize) -> bool,
    questions: &mut Vec<Question>,
) -> Vec<(String, Option<String>)> {
    let none = BTreeMap::new();
    let of = |written: &'_ Written| match wwid {
        None => written.defaults.clone(),
        Some(wwid) => written.luns.get(wwid).unwrap_or(&none).clone(),
    };
    let said: Vec<(&NodeName, BTreeMap<String, String>)> = written
        .iter()
        .enumerate()
        .filter(|(at, _)| has_say(*at))
        .map(|(_, written)| (&written.node, of(written)))
        .collect();
    let keys: BTreeSet<&String> = said.iter().flat_map(|(_, of)| of.keys()).collect();
    let place = if wwid.is_some() { Place::Both } else { Place::Defaults };
    let mut out = Vec::new();
    for key in keys {
        let mut values: BTreeMap<Option<String>, BTreeSet<NodeName>> = BTreeMap::new();
        for (node, of) in &said {
            let value = of.get(key).map(|value| accepted(key, value).unwrap_or_else(|_| value.clone()));
            values.entry(value).or_default().insert((*node).clone());
        }
        let (wwid, key) = (wwid.cloned(), key.clone());
        let one = (values.len() == 1).then(|| values.keys().next().cloned().flatten()).flatten();
        let Some(value) = one else {
            questions.push(Question::Setting { wwid, key, values });
            continue;
        };
        let why = match super::edit::settable(&key, place) {
            Err(refused) => Some(refused.to_string()),
            Ok(()) => accepted(&key, &value).err().or_else(|| lacking(&key, &value, written)),
        };
        match why {
            Some(why) => questions.push(Question::NotManaged { wwid, key, value, why }),
            None => out.push((key, Some(value))),
        }
    }
    out
}

/// What some node's release lacks of a setting: there it is only ignored now, and in a document it would be refused.
fn lacking(key: &str, value: &str, written: &[Written]) -> Option<String> {
    let keyword = Keyword::of(key)?;
    let lacks = |of: &Written| {
        let what = keyword.lacking(value, of.version.unwrap_or(Version::new(0, 0, 0)))?;
        let version =
            of.version.map_or_else(|| "an unknown version".to_owned(), |version| version.to_string());
        Some(format!("{what}, and {} has {version}", of.node))
    };
    written.iter().find_map(lacks)
}

/// A value as the schema has it.
fn accepted(key: &str, value: &str) -> Result<String, String> {
    match Keyword::of(key) {
        Some(keyword) => keyword.kind.accept(Some(value)),
        None => Err(format!("{} is no setting", quote(key))),
    }
}

fn told(nodes: &BTreeSet<NodeName>) -> String {
    let names: Vec<&str> = nodes.iter().take(NODES_TOLD_MAX).map(NodeName::as_str).collect();
    let more = nodes.len().saturating_sub(NODES_TOLD_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.join(", ") + &more
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = |wwid: &Option<Wwid>| wwid.as_ref().map(|wwid| format!(" of {wwid}")).unwrap_or_default();
        match self {
            Question::Names { wwid, names } => {
                let names: Vec<String> =
                    names.iter().map(|(name, nodes)| format!("{name} on {}", told(nodes))).collect();
                write!(f, "the LUN {wwid} is {}: which name shall it have?", names.join(", "))
            }
            Question::OneName { name, luns } => {
                let on = |nodes: &BTreeSet<NodeName>| match nodes.is_empty() {
                    true => "by choice".to_owned(),
                    false => format!("on {}", told(nodes)),
                };
                let luns: Vec<String> =
                    luns.iter().map(|(wwid, nodes)| format!("{wwid} {}", on(nodes))).collect();
                write!(f, "{name} is the name of {}: what shall they be called?", luns.join(", "))
            }
            Question::NoAlias { wwid, name, why } => {
                write!(
                    f,
                    "the LUN {wwid} is called {name}, which cannot be an alias: {why}; what shall it be called?"
                )
            }
            Question::NoWwid { wwid } => {
                write!(f, "{} cannot stand in multipath.cfg: the LUN is not managed", quote(wwid.as_str()))
            }
            Question::Setting { wwid, key, values } => {
                let values: Vec<String> = values
                    .iter()
                    .map(|(value, nodes)| {
                        format!("{} on {}", value.as_deref().unwrap_or("not set"), told(nodes))
                    })
                    .collect();
                write!(
                    f,
                    "{key}{} is {}: it stays in each node's files until it is set for all",
                    whose(wwid),
                    values.join(", ")
                )
            }
            Question::NotManaged { wwid, key, value, why } => {
                write!(f, "{key} {value}{} stays in the nodes' files: {why}", whose(wwid))
            }
        }
    }
}
