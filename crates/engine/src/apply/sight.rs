//! What a look at the node showed: multipathd's maps, and the kernel's word about each path.

use std::collections::BTreeMap;

use pathkeeper_model::Wwid;
use pathkeeper_model::local::{DevState, DmState, NodeRead};
use pathkeeper_model::multipath_conf::Conf;

/// What multipathd does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Phase {
    /// It says `idle`, with nothing pending.
    Idle {
        /// Its process.
        pid: u32,
    },
    /// It says something else.
    Busy {
        /// Its process.
        pid: u32,
        /// Its own word.
        word: String,
    },
    /// It is not there, refuses, or gives no answer: why, in words.
    Silent(String),
}

/// One path of a map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenPath {
    /// `sdb`.
    pub dev: String,
    /// `8:16`.
    pub dev_t: String,
    /// The kernel would use it.
    pub usable: bool,
}

/// A device of which the kernel is asked whether it works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// `sdb`.
    pub dev: String,
    /// `8:16`: another device may have its name by now.
    pub dev_t: String,
}

/// One map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenMap {
    /// The LUN.
    pub wwid: Wwid,
    /// Alias or WWID.
    pub name: String,
    /// `dm-3`.
    pub dm: Option<String>,
    /// Its paths.
    pub paths: Vec<SeenPath>,
}

/// A path device that no map took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoosePath {
    /// The LUN that it says it leads to.
    pub wwid: Option<Wwid>,
    /// `sdb`.
    pub dev: String,
    /// It works, as far as multipathd or the kernel says.
    pub running: bool,
}

/// One look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sight {
    /// The kernel's boot id.
    pub boot_id: String,
    /// What multipathd does; of all but [`Phase::Idle`] the rest proves nothing.
    pub phase: Phase,
    /// Its maps.
    pub maps: Vec<SeenMap>,
    /// Devices that no map took.
    pub loose: Vec<LoosePath>,
    /// Of the devices that were asked for (`8:16`), those that the kernel has and calls working.
    pub working: Vec<String>,
    /// SHA-1 hex of the effective configuration.
    pub config_digest: Option<String>,
    /// What `show config local` printed.
    pub local_config: Option<String>,
}

impl Sight {
    /// A look at a multipathd of which nothing but this is known.
    pub fn silent(why: String) -> Self {
        Self {
            boot_id: String::new(),
            phase: Phase::Silent(why),
            maps: Vec::new(),
            loose: Vec::new(),
            working: Vec::new(),
            config_digest: None,
            local_config: None,
        }
    }

    /// A look, made of one read of the node and what was asked beside it. The kernel's word about a path goes before
    /// multipathd's, where it gave one.
    pub fn of(
        read: &NodeRead,
        boot_id: String,
        phase: Phase,
        working: Vec<String>,
        local_config: Option<String>,
    ) -> Self {
        let kernel: BTreeMap<&str, bool> = read
            .kernel
            .iter()
            .flatten()
            .filter(|map| !map.unreadable)
            .flat_map(|map| map.paths.iter().map(|path| (path.dev_t.as_str(), path.active)))
            .collect();
        let map = |map: &pathkeeper_model::local::Map| SeenMap {
            wwid: map.wwid.clone(),
            name: map.name.clone(),
            dm: map.dm.clone(),
            paths: map
                .groups
                .iter()
                .flat_map(|group| &group.paths)
                .map(|path| {
                    let active =
                        kernel.get(path.dev_t.as_str()).copied().unwrap_or(path.dm == DmState::Active);
                    SeenPath {
                        dev: path.dev.to_string(),
                        dev_t: path.dev_t.to_string(),
                        usable: active && path.device != DevState::Offline,
                    }
                })
                .collect(),
        };
        Self {
            boot_id,
            phase,
            maps: read.maps.iter().map(map).collect(),
            loose: read
                .loose
                .iter()
                .map(|path| LoosePath {
                    wwid: path.wwid.clone(),
                    dev: path.dev.to_string(),
                    running: path.device != DevState::Offline,
                })
                .collect(),
            working,
            config_digest: read.config_digest.clone(),
            local_config,
        }
    }

    /// multipathd's process, where it is idle.
    pub fn idle_pid(&self) -> Option<u32> {
        match self.phase {
            Phase::Idle { pid } => Some(pid),
            _ => None,
        }
    }

    /// Why it is not idle, a sentence.
    pub fn not_idle(&self) -> Option<String> {
        match &self.phase {
            Phase::Idle { .. } => None,
            Phase::Busy { word, .. } => Some(format!("multipathd is not idle: it says `{word}`")),
            Phase::Silent(why) => Some(format!("multipathd gives no answer: {why}")),
        }
    }

    /// The map of this LUN.
    pub fn map(&self, wwid: &Wwid) -> Option<&SeenMap> {
        self.maps.iter().find(|map| map.wwid == *wwid)
    }

    /// This node sees the LUN: by a map, or by a device that works and that no map took.
    pub fn sees(&self, wwid: &Wwid) -> bool {
        self.map(wwid).is_some() || self.loose_paths(wwid).next().is_some()
    }

    /// Devices that lead to this LUN, work, and are in no map.
    pub fn loose_paths<'a>(&'a self, wwid: &'a Wwid) -> impl Iterator<Item = &'a LoosePath> {
        self.loose.iter().filter(move |path| path.running && path.wwid.as_ref() == Some(wwid))
    }

    /// Keywords in force in the maps' own sections, where the configuration was told: LUN, keyword, value.
    pub fn values(&self) -> BTreeMap<(String, String), String> {
        let Some(text) = &self.local_config else { return BTreeMap::new() };
        let conf = Conf::parse([("show config local", text.as_str())]);
        let of_maps = || conf.entries.iter().filter(|entry| entry.section == "multipaths.multipath");
        let wwids: BTreeMap<u32, &str> = of_maps()
            .filter(|entry| entry.key == "wwid")
            .map(|entry| (entry.block, entry.value.as_str()))
            .collect();
        of_maps()
            .filter_map(|entry| {
                let wwid = wwids.get(&entry.block)?;
                Some((((*wwid).to_owned(), entry.key.clone()), entry.value.clone()))
            })
            .collect()
    }
}
