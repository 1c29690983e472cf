//! `cluster/multipath/config` and `…/plan`: the cluster's multipath configuration as it is said, as it is in force, and what it
//! would change.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rollout::Rollout;

/// The configuration, with what of it is in force on the answering node.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Config {
    /// The answering node: values in force are its own.
    pub node: String,
    /// `multipath.cfg`.
    pub config: Document,
    /// `multipath-overrides.conf`.
    pub overrides: Document,
    /// `observe`, or `manage`: what a rollout brings is applied there.
    pub mode: String,
    /// The newest rollout: what it names is in force, and documents that differ are pending; absent: there was none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Why the rollout is not known, though there may be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_problem: Option<String>,
    /// Settings of all LUNs, by key as `multipath.cfg` has it.
    pub defaults: BTreeMap<String, Setting>,
    /// LUNs that the document allows or the answering node has a map of, by WWID.
    pub luns: BTreeMap<String, ConfigLun>,
    /// What of the answering node could not be read, sentences; then values in force are not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_known: Vec<String>,
}

/// One document.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Document {
    /// `good`; `absent` or `invalid` are no instruction: what was applied stays; `torn-down`.
    pub state: String,
    /// SHA-1 hex of its bytes; of an absent one that of no bytes.
    pub digest: String,
    /// It is an instruction that no rollout has brought yet.
    #[serde(default)]
    pub pending: bool,
    /// Its text, where it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why it is no instruction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// What stops nothing and should be known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Problem>,
}

/// What is wrong in a document.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// The line, from 1; 0 = the document as a whole.
    pub line: u32,
    /// In words.
    pub what: String,
}

/// One setting.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Setting {
    /// What the document says; absent where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// Its line there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What the answering node's files give; absent where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<String>,
    /// What sets that: `lun`, `overrides`, `device`, `hardware-table`, `defaults`, `built-in`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
    /// The file and line of that, or the entry of the hardware table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Both mean the same; absent where either is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_said: Option<bool>,
}

/// What may stand in `multipath.cfg`.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Schema {
    /// multipath's settings by key, those too that are set by Pathkeeper alone.
    pub settings: BTreeMap<String, Keyword>,
}

/// One of multipath's settings.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Keyword {
    /// What it does, one line.
    pub meaning: String,
    /// What holds where nobody sets it, in words; absent for a fixed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What it may be, in words; absent for a fixed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes: Option<String>,
    /// It may stand for one LUN too.
    #[serde(default)]
    pub for_luns: bool,
    /// The first release of multipath-tools that knows it; absent: every one that Pathkeeper runs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Nobody can set it: Pathkeeper always writes this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
}

/// A LUN of the document, or of the answering node.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct ConfigLun {
    /// The document allows it; absent where the document is no instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// The line of its section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The name that its maps should have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The name that its map on the answering node has; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// Exactly these nodes should carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<BTreeSet<String>>,
    /// Who uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<String>,
    /// How many paths each node should have to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_paths: Option<u32>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Settings that the document says of it or of all, and such as a file of the node says of it or of its array.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Setting>,
}

/// The body of `POST plan`: texts that are thought through in place of the store's documents.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlanBody {
    /// A `multipath.cfg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// A `multipath-overrides.conf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<String>,
    /// What would be agreed to, as in `POST rollout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<String>,
    /// As in `POST rollout`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rename_in_use: bool,
}

/// The body of `PUT config` and `PUT overrides`: the whole document.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TextBody {
    /// Its text.
    pub text: String,
    /// The digest of what it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// The body of `PUT config/defaults` and `PUT luns/{wwid}`: settings by key as `multipath.cfg` has them, and of one LUN `alias`, `nodes`,
/// `used-by`, `expected-paths`, `comment`. A value is text, a number, or true and false.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct KeysBody {
    /// Keys that are taken away; as text separated by commas, too.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub delete: BTreeSet<String>,
    /// The digest of the document that somebody looked at; another one is refused (409).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What is set.
    #[serde(flatten)]
    pub set: BTreeMap<String, String>,
}

/// The body of `POST luns`: a LUN that is allowed from now on, with settings as `PUT luns/{wwid}` takes them.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct LunBody {
    /// Its whole WWID.
    pub wwid: String,
    /// The digest of the document that somebody looked at; another one is refused (409).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What is set.
    #[serde(flatten)]
    pub set: BTreeMap<String, String>,
}

/// What a write made of a document. Nothing applies it by itself.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Written {
    /// Its bytes are others.
    pub changed: bool,
    /// Its digest before.
    pub before: String,
    /// And after.
    pub after: String,
    /// What no rollout has brought yet; absent where that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<bool>,
    /// What should be known, sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a configuration would do to the cluster's nodes.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Planned {
    /// Digest of the `multipath.cfg` that this is about.
    pub config_digest: String,
    /// Digest of its overrides; absent where those are no instruction and what stands on nodes stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides_digest: Option<String>,
    /// By name.
    pub nodes: BTreeMap<String, NodePlan>,
}

/// What it would do to one node.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct NodePlan {
    /// `files`: made of the node's own files and last read, whole. `published`: of what it told the others; its files are not
    /// known. `nothing`: no plan can be made.
    pub basis: String,
    /// When that was read, epoch seconds by that node's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<i64>,
    /// What is not known, and so not in here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_known: Vec<String>,
    /// Maps that come, go or become others; absent unless all is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_changes: Option<u64>,
    /// multipathd would read its files anew; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconfigure: Option<bool>,
    /// Pathkeeper's own files that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileChange>,
    /// WWIDs that come into the file `wwids`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub add: BTreeSet<String>,
    /// WWIDs that go from it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub take_out: BTreeSet<String>,
    /// Maps that appear, by WWID, with their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub created: BTreeMap<String, String>,
    /// Maps that a `reconfigure` takes away, by WWID, with their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub removed: BTreeMap<String, String>,
    /// Maps that get another name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed: Vec<Renamed>,
    /// Maps that get other values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reloaded: Vec<Reloaded>,
    /// What applying would wait for, sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<String>,
    /// Why it would not be applied, sentences with what to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
    /// Settings of the document and what would be in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// What a person should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The same for people, lines.
    pub text: String,
}

/// A file before and after.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct FileChange {
    /// Its whole path.
    pub path: String,
    /// What stands in it; absent = there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What will; absent = there will be none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A map that gets another name.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Renamed {
    /// The LUN.
    pub wwid: String,
    /// The name now.
    pub from: String,
    /// The name then.
    pub to: String,
    /// Who uses the LUN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<String>,
    /// Files and lines where the name of now is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
}

/// A map that gets other values.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Reloaded {
    /// The LUN.
    pub wwid: String,
    /// The map's name after it.
    pub name: String,
    /// By multipath's keyword: before and after.
    pub values: BTreeMap<String, [String; 2]>,
}

/// A setting of the document, and what would be in force.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Value {
    /// The LUN; absent: it is said of all alike, and nothing stronger says it of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwid: Option<String>,
    /// multipath's keyword.
    pub keyword: String,
    /// What the document says.
    pub wanted: String,
    /// What would be in force.
    pub in_force: String,
    /// What sets that, in words with file and line.
    pub set_by: String,
    /// That is what the document says.
    pub as_wanted: bool,
}

/// A proposal.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Adopted {
    /// Nodes whose maps and names it is made of: the answering one, and those that published theirs.
    pub nodes: BTreeSet<String>,
    /// Nodes whose settings it is made of: the answering one, for files of others are not seen from here.
    pub settings_of: BTreeSet<String>,
    /// Nodes of which nothing is known here.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<String>,
    /// A `multipath.cfg`.
    pub config: String,
    /// The digest of it.
    pub digest: String,
    /// What has to be asked, those about maps first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// LUNs that were set up by hand and would be managed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub luns: BTreeSet<String>,
}

/// What has to be asked.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Question {
    /// Else a map would be renamed or lost.
    pub about_a_map: bool,
    /// In words.
    pub text: String,
}
