//! What a configuration would do to one node: which files change, which WWIDs, which maps, and what stands against it. Pure.
//!
//! A `reconfigure` acts on two lists by itself, whoever caused it and long ago: under `find_multipaths strict` it flushes maps whose
//! WWID is not in the file `wwids` (open ones stay and lose their queueing), and it renames maps whose name the files give otherwise.
//! Both are told with each plan; whatever is on them and was not named in the plan that somebody confirmed is a refusal.

mod make;
mod text;

use std::collections::BTreeSet;

use super::effective::SetBy;
use super::node::{NodeState, Use, own_path};
use super::overrides::Overrides;
use super::render::{DROP_IN, DropIns, OVERRIDES_DROP_IN, Rendered, overrides_text};
use crate::ids::{EpochS, NodeName, Wwid};
use crate::multipath_cfg::MultipathCfg;
use crate::multipath_conf::At;

pub use make::plan;

/// What people want, with the digests by which it is named.
#[derive(Clone, Copy, Debug)]
pub struct Desired<'a> {
    /// `multipath.cfg`. One that is no instruction has no plan.
    pub config: &'a MultipathCfg,
    /// SHA-1 hex of its bytes.
    pub config_digest: &'a str,
    /// `multipath-overrides.conf` with its digest; `None`: no instruction, what stands there stays.
    pub overrides: Option<(&'a Overrides, &'a str)>,
}

/// What a person looked at and agreed to, by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Confirmed {
    /// LUNs that were set up by hand and are managed from now on (`--adopt`).
    pub adopt: BTreeSet<Wwid>,
    /// LUNs whose maps may go.
    pub remove: BTreeSet<Wwid>,
    /// LUNs whose maps may get another name.
    pub rename: BTreeSet<Wwid>,
    /// Also such as are in use (`--rename-in-use`).
    pub rename_in_use: bool,
}

/// A file that changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileChange {
    /// Its whole path.
    pub path: String,
    /// What stands in it; `None` = there is none.
    pub before: Option<String>,
    /// What will; `None` = there will be none.
    pub after: Option<String>,
}

/// A map of this node that a `reconfigure` takes away, as its WWID would not be in the file `wwids`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removed {
    /// The LUN.
    pub wwid: Wwid,
    /// The map's name.
    pub name: String,
    /// It stays, for it is open here, and loses its queueing.
    pub open: bool,
    /// Who uses the LUN, on any node.
    pub uses: Vec<Use>,
    /// Somebody agreed to it.
    pub confirmed: bool,
}

/// A map of this node that a `reconfigure` renames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renamed {
    /// The LUN.
    pub wwid: Wwid,
    /// Its name.
    pub from: String,
    /// The name that it gets.
    pub to: String,
    /// Who uses the LUN, on any node.
    pub uses: Vec<Use>,
    /// Where the old name is written.
    pub mentions: Vec<At>,
    /// Somebody agreed to it.
    pub confirmed: bool,
}

/// A map of this node that gets other values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reloaded {
    /// The LUN.
    pub wwid: Wwid,
    /// The map's name after it.
    pub name: String,
    /// Keywords with the values before and after.
    pub values: Vec<(String, String, String)>,
}

/// A map that appears.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    /// The LUN, whose paths this node sees.
    pub wwid: Wwid,
    /// The map's name.
    pub name: String,
}

/// A map for which a `reconfigure` waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// The LUN.
    pub wwid: Wwid,
    /// The map's name.
    pub name: String,
    /// Paths that cannot be used.
    pub failed: Vec<String>,
    /// How many there are, and how many there should be where that is more.
    pub too_few: Option<(u32, u32)>,
}

/// The value of a setting of the document, as it will be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// The LUN with a map here; `None`: it is said of all alike and nothing stronger says it of any.
    pub wwid: Option<Wwid>,
    /// multipath's keyword.
    pub keyword: String,
    /// What the document says.
    pub wanted: String,
    /// What will be in force.
    pub in_force: String,
    /// What sets that.
    pub set_by: SetBy,
    /// That is what the document says, or means the same.
    pub as_wanted: bool,
}

/// Why a plan is not carried out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// This node's multipath-tools does not know the keyword, or the value of it.
    Unknown {
        /// What is lacking, in words.
        what: String,
        /// Its version, in words.
        version: String,
    },
    /// The LUN would be taken out, and is in use.
    InUse {
        /// The LUN.
        wwid: Wwid,
        /// Its map's name here, where it has one.
        name: Option<String>,
        /// Who uses it.
        uses: Vec<Use>,
    },
    /// A map would go that somebody set up by hand, or nobody confirmed that it may.
    Goes {
        /// The LUN.
        wwid: Wwid,
        /// Its name.
        name: String,
        /// Who uses it: then it is not confirmed at all.
        uses: Vec<Use>,
    },
    /// A map would get another name, and nobody confirmed that.
    Renames {
        /// The LUN.
        wwid: Wwid,
        /// Its name.
        from: String,
        /// The other.
        to: String,
    },
    /// A map that is in use would get another name, and nobody confirmed that it may all the same.
    RenamesUsed {
        /// The LUN.
        wwid: Wwid,
        /// Its name.
        from: String,
        /// The other.
        to: String,
        /// Who uses it.
        uses: Vec<Use>,
    },
    /// A LUN would get a name that another map of this node bears, or would get too.
    NameTaken {
        /// The LUN.
        wwid: Wwid,
        /// The name.
        name: String,
        /// Whose it is.
        by: Wwid,
    },
    /// The LUN was set up by hand on this node.
    HandMade {
        /// The LUN.
        wwid: Wwid,
        /// Its map's name, where it has one.
        name: Option<String>,
    },
    /// A rule of a blacklist excludes the LUN.
    Excluded {
        /// The LUN.
        wwid: Wwid,
        /// Its map's name, where it has one.
        name: Option<String>,
        /// The rule with its place.
        rule: String,
    },
    /// The file `wwids` cannot hold the WWID.
    NotListable {
        /// The LUN.
        wwid: Wwid,
    },
}

/// What a configuration would do to one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The node.
    pub node: NodeName,
    /// When it was read, by its own wall clock.
    pub read_at: Option<EpochS>,
    /// Pathkeeper's own files that change.
    pub files: Vec<FileChange>,
    /// WWIDs that come into the file `wwids`.
    pub add: BTreeSet<Wwid>,
    /// WWIDs that go from it: such as Pathkeeper put there itself.
    pub take_out: BTreeSet<Wwid>,
    /// LUNs that somebody set up by hand here and that are managed from now on; their entries in `wwids` stay theirs.
    pub adopted: BTreeSet<Wwid>,
    /// multipathd has to read its files anew. Else entries in `wwids` are enough, and `add path` for the paths of what comes.
    pub reconfigure: bool,
    /// Maps that appear.
    pub created: Vec<Created>,
    /// Maps that go.
    pub removed: Vec<Removed>,
    /// Maps that get another name.
    pub renamed: Vec<Renamed>,
    /// Maps that get other values.
    pub reloaded: Vec<Reloaded>,
    /// What a `reconfigure` waits for.
    pub holds: Vec<Hold>,
    /// What stands against it.
    pub refusals: BTreeSet<Refusal>,
    /// Which values will be in force.
    pub values: Vec<Value>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// The initramfs holds what was before: `update-initramfs -u` is due.
    pub initramfs: bool,
}

impl Plan {
    /// How many maps come, go, or become others.
    pub fn map_changes(&self) -> usize {
        self.created.len() + self.removed.len() + self.renamed.len() + self.reloaded.len()
    }

    /// Nothing at all would be done.
    pub fn is_nothing(&self) -> bool {
        self.files.is_empty()
            && self.add.is_empty()
            && self.take_out.is_empty()
            && !self.reconfigure
            && self.map_changes() == 0
    }

    /// Values that something stronger than the document sets otherwise.
    pub fn beaten(&self) -> impl Iterator<Item = &Value> {
        self.values.iter().filter(|value| !value.as_wanted)
    }
}

impl Confirmed {
    /// What plans name: who confirms them confirms this, and nothing that comes to it later. Renaming what is in use, and taking over
    /// what was set up by hand, are asked for apart.
    pub fn by<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Self {
        let mut confirmed = Self::default();
        for plan in plans {
            confirmed.remove.extend(plan.removed.iter().map(|map| map.wwid.clone()));
            confirmed.remove.extend(plan.take_out.iter().cloned());
            confirmed.rename.extend(plan.renamed.iter().map(|map| map.wwid.clone()));
        }
        confirmed
    }
}

impl Desired<'_> {
    /// Both drop-ins as they should stand where these stand now.
    pub fn drop_ins(&self, present: &DropIns) -> DropIns {
        if self.config.torn_down.is_some() {
            return DropIns::default();
        }
        let config = Rendered::of(self.config).text(self.config_digest);
        let overrides = match self.overrides {
            Some((overrides, digest)) => Some(overrides_text(overrides, digest)),
            None => present.overrides.clone(),
        };
        DropIns { config: Some(config), overrides }
    }
}

/// What was found to be done, so that the next look costs a comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    config_digest: String,
    overrides_digest: Option<String>,
    drop_ins: DropIns,
    wwids: String,
}

impl Done {
    /// Remembers a node for which a plan came to nothing; `None` if it did not.
    pub fn of(plan: &Plan, desired: &Desired<'_>, node: &NodeState) -> Option<Self> {
        (plan.is_nothing() && plan.refusals.is_empty()).then(|| Self {
            config_digest: desired.config_digest.to_owned(),
            overrides_digest: desired.overrides.map(|(_, digest)| digest.to_owned()),
            drop_ins: node.drop_ins.clone(),
            wwids: node.wwids.clone(),
        })
    }

    /// Whether nothing has become of it since: the same documents, the same drop-ins, the same file `wwids`.
    pub fn is_still(
        &self,
        config_digest: &str,
        overrides_digest: Option<&str>,
        drop_ins: &DropIns,
        wwids: &str,
    ) -> bool {
        self.config_digest == config_digest
            && self.overrides_digest.as_deref() == overrides_digest
            && self.drop_ins == *drop_ins
            && self.wwids == wwids
    }
}

/// Pathkeeper's files that change from the one to the other.
fn file_changes(before: &DropIns, after: &DropIns) -> Vec<FileChange> {
    let pairs =
        [(DROP_IN, &before.config, &after.config), (OVERRIDES_DROP_IN, &before.overrides, &after.overrides)];
    let changed = pairs.into_iter().filter(|(_, before, after)| before != after);
    changed
        .map(|(name, before, after)| FileChange {
            path: own_path(name),
            before: before.clone(),
            after: after.clone(),
        })
        .collect()
}
