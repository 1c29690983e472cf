//! `multipath.cfg`: what people want of the cluster's LUNs, as far as it is read.
//!
//! ```text
//! defaults: global
//!     expected-paths 4
//!
//! wwid: 3600a098038304479363f4c4870455a71
//!     alias oracle-data
//!     nodes pve1,pve2
//!     used-by backup server
//!     expected-paths 8
//! ```
//!
//! A document that is absent or has a problem is *no instruction*: it is not an empty one, and what was in force stays so.
//! The keys above and `comment` are Pathkeeper's own and judged here; all others are settings of multipath and judged by
//! [`crate::config::keywords`]. Keys that nobody knows are kept, are told as a remark, and do nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::keywords::{Keyword, Place, refusal};
use crate::config::teardown::TornDown;
use crate::ids::{NodeName, Wwid};
use crate::report::TEXT_BYTES_MAX;
use crate::section::{Document, Problem, Problems, Property, Section, quote, split_list};

/// More paths than any LUN has.
pub const EXPECTED_PATHS_MAX: u32 = 1_024;
/// multipathd takes a WWID of 127 bytes, device-mapper a name of as many.
pub const NAME_BYTES_MAX: usize = 127;
/// A comment is no longer than this.
pub const COMMENT_BYTES_MAX: usize = 4_096;

/// The document's name in the store.
pub const CONFIG_DOCUMENT: &str = "multipath.cfg";

/// What a read of the document means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading {
    /// There is none, or it has no bytes: no instruction.
    Absent,
    /// It has problems: no instruction either.
    Invalid(Vec<Problem>),
    /// It can be followed.
    Good(MultipathCfg),
}

/// A document without problems. It keeps its own bytes, comments and unknown keys too.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MultipathCfg {
    /// How many paths each node should have to a LUN whose section says nothing else.
    pub expected_paths: Option<u32>,
    /// The allowed LUNs.
    pub luns: BTreeMap<Wwid, LunSection>,
    /// multipath's settings for all LUNs, in the order of the file.
    pub settings: Vec<Setting>,
    /// What a person should know and what stops nothing: sections and keys that nobody knows, doubtful names.
    pub remarks: Vec<Problem>,
    /// The document says nothing but that somebody tore the configuration down.
    pub torn_down: Option<TornDown>,
    document: Document,
}

/// What one `wwid` section says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LunSection {
    /// The line of its header, from 1.
    pub line: u32,
    /// The map's name.
    pub alias: Option<String>,
    /// Exactly these nodes should carry it; never empty.
    pub nodes: Option<BTreeSet<NodeName>>,
    /// Who uses it, where no storage says so.
    pub used_by: Option<String>,
    /// How many paths each node should have to it.
    pub expected_paths: Option<u32>,
    /// For people.
    pub comment: Option<String>,
    /// multipath's settings for this LUN, in the order of the file.
    pub settings: Vec<Setting>,
}

/// A key that is multipath's, as it stands in the document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Its line, from 1.
    pub line: u32,
    /// The key, kebab-case.
    pub key: String,
    /// The value; `None` for a bare key.
    pub value: Option<String>,
    /// The value as multipath gets it, not yet quoted; `None` for a key that nobody knows.
    pub rendered: Option<String>,
}

impl Reading {
    /// Reads a document; `None` where there is none. Total.
    pub fn parse(bytes: Option<&[u8]>) -> Self {
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Reading::Absent };
        let mut read = Reader::default();
        let mut document = Document::parse(bytes);
        read.problems.take(&mut document);
        for section in &document.sections {
            match section.kind.as_str() {
                "defaults" => read.defaults(section),
                "wwid" => read.lun(section),
                kind => {
                    let what = format!(
                        "{} is no section that Pathkeeper knows: it is kept and not used",
                        quote(kind)
                    );
                    read.remarks.add(section.line, what);
                }
            }
        }
        read.names();
        let problems = read.problems.finish();
        if !problems.is_empty() {
            return Reading::Invalid(problems);
        }
        let torn_down = TornDown::parse(bytes);
        Reading::Good(MultipathCfg { remarks: read.remarks.finish(), torn_down, document, ..read.cfg })
    }
}

impl MultipathCfg {
    /// The document's bytes. Unchanged they are those that were read.
    pub fn write(&self) -> Vec<u8> {
        self.document.bytes().to_vec()
    }

    /// Its sections, as they stand.
    pub(crate) fn document(&self) -> &Document {
        &self.document
    }

    /// How many paths a node should have to a LUN, as far as the document says.
    pub fn expected_paths_of(&self, wwid: &Wwid) -> Option<u32> {
        self.luns.get(wwid).and_then(|lun| lun.expected_paths).or(self.expected_paths)
    }
}

#[derive(Default)]
struct Reader {
    cfg: MultipathCfg,
    defaults_line: Option<u32>,
    /// Line of each alias.
    aliases: BTreeMap<String, u32>,
    problems: Problems,
    remarks: Problems,
}

impl Reader {
    fn defaults(&mut self, section: &Section) {
        if let Some(first) = self.defaults_line {
            let what = format!("defaults stand in line {first} already: there is at most one such section");
            return self.problems.add(section.line, what);
        }
        self.defaults_line = Some(section.line);
        let said = self.properties(section, "defaults", &["expected-paths", "comment"]);
        self.cfg.expected_paths = said.expected_paths;
        self.cfg.settings = said.settings;
    }

    fn lun(&mut self, section: &Section) {
        let Some(wwid) = Wwid::new(&section.id).filter(|_| is_wwid(&section.id)) else {
            let what = format!(
                "{} is no WWID: 1 to {NAME_BYTES_MAX} visible characters, and neither / nor # before them",
                quote(&section.id)
            );
            return self.problems.add(section.line, what);
        };
        if let Some(first) = self.cfg.luns.get(&wwid) {
            let what = format!("the LUN {wwid} stands in line {} already", first.line);
            return self.problems.add(section.line, what);
        }
        let keys = ["alias", "nodes", "used-by", "expected-paths", "comment"];
        let lun = self.properties(section, "wwid", &keys);
        self.cfg.luns.insert(wwid, lun);
    }

    /// What a section's properties say; `keys` are those of ours that may stand there.
    fn properties(&mut self, section: &Section, kind: &str, keys: &[&str]) -> LunSection {
        const OURS: [&str; 5] = ["alias", "nodes", "used-by", "expected-paths", "comment"];
        let mut lun = LunSection { line: section.line, ..LunSection::default() };
        let mut seen = BTreeSet::new();
        for property in &section.properties {
            let (line, key) = (property.line, property.key.as_str());
            if !seen.insert(key) {
                let what = format!("{} stands twice in the section of line {}", quote(key), section.line);
                self.problems.add(line, what);
                continue;
            }
            if !OURS.contains(&key) {
                let place = if kind == "defaults" { Place::Defaults } else { Place::Both };
                match setting(property, place) {
                    Ok(setting) => {
                        if setting.rendered.is_none() {
                            let what = format!(
                                "{} is no setting that Pathkeeper knows: it is kept and not used",
                                quote(key)
                            );
                            self.remarks.add(line, what);
                        }
                        lun.settings.push(setting);
                    }
                    Err(why) => self.problems.add(line, format!("{key}: {why}")),
                }
                continue;
            }
            let read = match property.value.as_deref() {
                _ if !keys.contains(&key) => Err(format!("it has no place in a section {kind}")),
                None => Err("it has no value".to_owned()),
                Some(value) if value.chars().any(char::is_control) => {
                    Err("a control character stands in it".to_owned())
                }
                Some(value) => self.ours(key, value, line, &mut lun),
            };
            if let Err(why) = read {
                self.problems.add(line, format!("{key}: {why}"));
            }
        }
        lun
    }

    fn ours(&mut self, key: &str, value: &str, line: u32, lun: &mut LunSection) -> Result<(), String> {
        match key {
            "alias" => {
                check_alias(value)?;
                if let Some(first) = self.aliases.get(value) {
                    return Err(format!(
                        "{} is the alias of another LUN already, in line {first}",
                        quote(value)
                    ));
                }
                self.aliases.insert(value.to_owned(), line);
                if is_numbered(value) {
                    let what = format!(
                        "alias {value}: multipathd gives such names by itself, and another map may have it on some node"
                    );
                    self.remarks.add(line, what);
                }
                lun.alias = Some(value.to_owned());
            }
            "nodes" => lun.nodes = Some(nodes(value)?),
            "used-by" => lun.used_by = Some(text(value, TEXT_BYTES_MAX)?),
            "comment" => lun.comment = Some(text(value, COMMENT_BYTES_MAX)?),
            _ => lun.expected_paths = Some(paths(value)?),
        }
        Ok(())
    }

    /// What can be told only when all sections are known: no LUN bears another one's WWID as its name.
    fn names(&mut self) {
        for (alias, line) in &self.aliases {
            if self.cfg.luns.contains_key(alias.as_str()) {
                let what = format!("alias: {} is the WWID of a LUN in this document", quote(alias));
                self.problems.add(*line, what);
            }
        }
    }
}

/// A setting of multipath's, of its type and within its bounds; `place` is where it stands.
fn setting(property: &Property, place: Place) -> Result<Setting, String> {
    let Property { line, key, value } = property;
    if let Some(why) = refusal(key) {
        return Err(format!("it cannot be set: {why}"));
    }
    let rendered = match Keyword::of(key) {
        None => None,
        Some(keyword) if place == Place::Both && keyword.place == Place::Defaults => {
            return Err("it is for all LUNs alike: it stands in the section defaults".into());
        }
        Some(keyword) => Some(keyword.kind.accept(value.as_deref())?),
    };
    Ok(Setting { line: *line, key: key.clone(), value: value.clone(), rendered })
}

fn text(value: &str, max: usize) -> Result<String, String> {
    if value.len() <= max { Ok(value.to_owned()) } else { Err(format!("it is longer than {max} bytes")) }
}

fn paths(value: &str) -> Result<u32, String> {
    let plain = value.bytes().all(|b| b.is_ascii_digit()) && !value.starts_with('0');
    value
        .parse::<u32>()
        .ok()
        .filter(|n| plain && (1..=EXPECTED_PATHS_MAX).contains(n))
        .ok_or_else(|| format!("{} is no number from 1 to {EXPECTED_PATHS_MAX}", quote(value)))
}

fn nodes(value: &str) -> Result<BTreeSet<NodeName>, String> {
    let read = |name: &str| {
        let good = name.len() <= TEXT_BYTES_MAX
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            && name.starts_with(|c: char| c.is_ascii_alphanumeric());
        NodeName::new(name).filter(|_| good).ok_or_else(|| format!("{} is no node's name", quote(name)))
    };
    let nodes: BTreeSet<NodeName> = split_list(value).into_iter().map(read).collect::<Result<_, _>>()?;
    if nodes.is_empty() {
        // Else a stray comma would silence a LUN on every node.
        return Err("it names nobody; a LUN that was taken out of service is retired".to_owned());
    }
    Ok(nodes)
}

/// Slashes stand around it in multipath's own `wwids` file, where `#` begins a comment: no WWID begins with either.
pub(crate) fn is_wwid(text: &str) -> bool {
    !text.starts_with(['/', '#'])
        && text.len() <= NAME_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"')
}

/// A map's name: device-mapper, udev and the shell take it as it is.
pub(crate) fn check_alias(alias: &str) -> Result<(), String> {
    let odd = |c: &char| !(c.is_ascii_alphanumeric() || "#+-.:=@_".contains(*c));
    if alias.len() > NAME_BYTES_MAX {
        return Err(format!("it is longer than {NAME_BYTES_MAX} bytes"));
    }
    if let Some(c) = alias.chars().find(odd) {
        return Err(format!("{c:?} cannot stand in a map's name: letters, digits and #+-.:=@_ can"));
    }
    if !alias.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return Err("a map's name begins with a letter, a digit or _".to_owned());
    }
    // The node through which device-mapper is told what to do stands among the maps.
    if alias == "control" {
        return Err("\"control\" is device-mapper's own".to_owned());
    }
    if looks_like_wwid(alias) {
        return Err(format!(
            "{} looks like a WWID, and a name that is none of this LUN misleads",
            quote(alias)
        ));
    }
    Ok(())
}

/// `3600…`, `2…` (NAA and EUI-64 with udev's digit before), `eui.…` and the like.
fn looks_like_wwid(text: &str) -> bool {
    let hex = |digits: &str| matches!(digits.len(), 16 | 32) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    text.strip_prefix(['2', '3']).is_some_and(hex)
        || hex(text)
        || ["eui.", "naa.", "nvme.", "t10.", "uuid."].iter().any(|start| text.starts_with(start))
}

/// `mpatha`, `mpathb`, …: what multipathd calls maps with `user_friendly_names`.
fn is_numbered(alias: &str) -> bool {
    alias
        .strip_prefix("mpath")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase()))
}
