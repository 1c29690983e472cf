//! How a plan is made.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Confirmed, Created, Desired, Hold, Plan, Refusal, Reloaded, Removed, Renamed, Value, file_changes,
};
use crate::config::effective::{Array, Effective, InForce, Lun, Table, same};
use crate::config::node::{LiveMap, LivePath, NodeState, Use, Uses, bound, own_path};
use crate::config::overrides::{Seen, device};
use crate::config::render::{DROP_IN, OVERRIDES_DROP_IN, Rendered};
use crate::config::{Keyword, Place, Version};
use crate::ids::Wwid;
use crate::multipath_conf::{At, Conf, Entry, Rules};

/// What our drop-ins say: by section, WWID and keyword; sections that say nothing but a WWID are not there.
type Said<'a> = BTreeMap<(&'a str, &'a str, &'a str), &'a str>;

/// What a configuration would do to a node. `uses` are over all nodes.
pub fn plan(node: &NodeState, desired: &Desired<'_>, uses: &Uses, confirmed: &Confirmed) -> Plan {
    let drop_ins = desired.drop_ins(&node.drop_ins);
    let before = node.conf_with(&node.drop_ins);
    let after = node.conf_with(&drop_ins);
    let shown = node.effective.as_deref().map(|text| Conf::parse([("show config", text)]));
    let table = Table::of(shown.as_ref(), &before);
    let mut make = Make {
        node,
        desired,
        uses,
        confirmed,
        before: Effective::of(&before, &table),
        after: Effective::of(&after, &table),
        arrays: FxHashMap::default(),
        rendered: Rendered::of(desired.config),
        listed: node.listed(),
        bound: bound(&node.bindings),
        live: node.maps.iter().map(|map| (&map.wwid, map)).collect(),
        plan: empty(node),
    };
    make.plan.files = file_changes(&node.drop_ins, &drop_ins);
    make.wwids();
    make.adopted(&before);
    let changed = changed_keys(&before, &after);
    make.plan.reconfigure = !changed.is_empty();
    make.lists();
    make.excluded(&after);
    make.created();
    make.reloaded(&changed);
    make.names_taken();
    make.holds();
    make.unknown();
    make.values();
    make.notes(shown.is_none());
    make.plan
}

fn empty(node: &NodeState) -> Plan {
    Plan {
        node: node.node.clone(),
        read_at: node.read_at,
        files: Vec::new(),
        add: BTreeSet::new(),
        take_out: BTreeSet::new(),
        adopted: BTreeSet::new(),
        reconfigure: false,
        created: Vec::new(),
        removed: Vec::new(),
        renamed: Vec::new(),
        reloaded: Vec::new(),
        holds: Vec::new(),
        refusals: BTreeSet::new(),
        values: Vec::new(),
        notes: Vec::new(),
        initramfs: false,
    }
}

/// The kinds of array on a node, by vendor and product, each as the files before and after match it.
type Arrays<'a> = FxHashMap<(Option<&'a str>, Option<&'a str>), (Array, Array)>;

struct Make<'a> {
    node: &'a NodeState,
    desired: &'a Desired<'a>,
    uses: &'a Uses,
    confirmed: &'a Confirmed,
    before: Effective<'a>,
    after: Effective<'a>,
    arrays: Arrays<'a>,
    rendered: Rendered,
    listed: BTreeSet<Wwid>,
    bound: BTreeMap<Wwid, String>,
    live: FxHashMap<&'a Wwid, &'a LiveMap>,
    plan: Plan,
}

impl<'a> Make<'a> {
    fn name_here(&self, wwid: &Wwid) -> Option<String> {
        self.live.get(wwid).map(|map| map.name.clone())
    }

    fn array(&mut self, map: &'a LiveMap) -> (Array, Array) {
        let key = (map.vendor.as_deref(), map.product.as_deref());
        let (before, after) = (&self.before, &self.after);
        self.arrays
            .entry(key)
            .or_insert_with(|| (before.array(key.0, key.1), after.array(key.0, key.1)))
            .clone()
    }

    /// Entries of the file `wwids`: allowed LUNs come; of what is not allowed any more what Pathkeeper put there goes.
    fn wwids(&mut self) {
        for wwid in self.desired.config.luns.keys().filter(|wwid| is_for(self.desired, self.node, wwid)) {
            if wwid.as_str().contains('/') {
                self.plan.refusals.insert(Refusal::NotListable { wwid: wwid.clone() });
            } else if !self.listed.contains(wwid) {
                self.plan.add.insert(wwid.clone());
            }
        }
        for wwid in self.node.recorded.iter().filter(|wwid| self.listed.contains(*wwid)) {
            if is_for(self.desired, self.node, wwid) {
                continue;
            }
            self.plan.take_out.insert(wwid.clone());
            let uses = self.uses.of_lun(wwid);
            if !uses.is_empty() {
                let name = self.name_here(wwid);
                self.plan.refusals.insert(Refusal::InUse { wwid: wwid.clone(), name, uses });
            }
        }
    }

    /// LUNs that come under management and were set up by hand here.
    fn adopted(&mut self, before: &Conf) {
        let own = own_path(DROP_IN);
        let managed: FxHashSet<&str> = before
            .entries
            .iter()
            .filter(|e| e.section == "multipaths.multipath" && e.key == "wwid" && *e.at.file == *own)
            .map(|e| e.value.as_str())
            .collect();
        for wwid in self.desired.config.luns.keys() {
            let by_hand = self.listed.contains(wwid) || self.live.contains_key(wwid);
            if !by_hand || managed.contains(wwid.as_str()) || self.node.recorded.contains(wwid) {
                continue;
            }
            if self.confirmed.adopt.contains(wwid) {
                self.plan.adopted.insert(wwid.clone());
            } else {
                let name = self.name_here(wwid);
                self.plan.refusals.insert(Refusal::HandMade { wwid: wwid.clone(), name });
            }
        }
    }

    /// The two lists on which a `reconfigure` acts by itself.
    fn lists(&mut self) {
        let stays = |wwid: &Wwid, plan: &Plan, listed: &BTreeSet<Wwid>| {
            plan.add.contains(wwid) || listed.contains(wwid) && !plan.take_out.contains(wwid)
        };
        let strict = self.after.is_strict();
        // What is taken out and lives is to go, and goes when multipathd reads its files.
        let live = &self.live;
        self.plan.reconfigure |= strict && self.plan.take_out.iter().any(|wwid| live.contains_key(wwid));
        if !self.plan.reconfigure {
            return;
        }
        for map in &self.node.maps {
            let uses = self.uses.of_lun(&map.wwid);
            if strict && !stays(&map.wwid, &self.plan, &self.listed) {
                let confirmed = self.confirmed.remove.contains(&map.wwid) && uses.is_empty();
                let (wwid, name) = (map.wwid.clone(), map.name.clone());
                // Of what is taken out its use is told already.
                if !confirmed && (uses.is_empty() || !self.plan.take_out.contains(&wwid)) {
                    let (wwid, name, uses) = (wwid.clone(), name.clone(), uses.clone());
                    self.plan.refusals.insert(Refusal::Goes { wwid, name, uses });
                }
                let open = map.open != Some(0);
                self.plan.removed.push(Removed { wwid, name, open, uses, confirmed });
                continue;
            }
            let (_, array) = self.array(map);
            let bound = self.bound.get(&map.wwid).map(String::as_str);
            let to = self.after.name(lun(map, &array), bound, &map.name);
            if to != map.name {
                self.renamed(map, to, uses);
            }
        }
        self.mentions();
    }

    fn renamed(&mut self, map: &LiveMap, to: String, uses: Vec<Use>) {
        let named = self.confirmed.rename.contains(&map.wwid);
        let confirmed = named && (uses.is_empty() || self.confirmed.rename_in_use);
        let (wwid, from) = (map.wwid.clone(), map.name.clone());
        if !confirmed {
            let (wwid, from, to) = (wwid.clone(), from.clone(), to.clone());
            self.plan.refusals.insert(if uses.is_empty() {
                Refusal::Renames { wwid, from, to }
            } else {
                Refusal::RenamesUsed { wwid, from, to, uses: uses.clone() }
            });
        }
        let mentions = Vec::new();
        self.plan.renamed.push(Renamed { wwid, from, to, uses, mentions, confirmed });
    }

    /// Where old names are written.
    fn mentions(&mut self) {
        let names: FxHashMap<String, usize> =
            self.plan.renamed.iter().enumerate().map(|(at, map)| (map.from.clone(), at)).collect();
        if names.is_empty() {
            return;
        }
        for file in &self.node.mentions {
            let path: std::sync::Arc<str> = file.path.as_str().into();
            for (text, line) in file.text.lines().zip(1_u32..) {
                if text.trim_start().starts_with('#') {
                    continue;
                }
                let found: BTreeSet<usize> =
                    words(text).filter_map(|word| names.get(word).copied()).collect();
                for at in found {
                    if let Some(map) = self.plan.renamed.get_mut(at) {
                        map.mentions.push(At { file: path.clone(), line });
                    }
                }
            }
        }
    }

    /// LUNs that are allowed or have a map, and that a blacklist excludes when multipathd reads its files.
    fn excluded(&mut self, after: &Conf) {
        let rules = Rules::of(after, None);
        let overrides = own_path(OVERRIDES_DROP_IN);
        let written = |rule: &String| !rule.ends_with("(built in)");
        let mut refuse = |wwid: &Wwid, name: Option<String>, rule: String| {
            self.plan.refusals.insert(Refusal::Excluded { wwid: wwid.clone(), name, rule });
        };
        if self.plan.reconfigure {
            for map in &self.node.maps {
                let excluding = |path: &LivePath| {
                    let properties: Vec<&str> = path.properties.iter().map(String::as_str).collect();
                    let path = Some(map.seen_path(path, &properties));
                    rules.excluding(&device(&Seen { wwid: &map.wwid, path })).filter(written)
                };
                let unseen =
                    || rules.excluding(&device(&Seen { wwid: &map.wwid, path: None })).filter(written);
                let found = map.paths.iter().find_map(excluding);
                if let Some(rule) = found.or_else(|| unseen().filter(|_| map.paths.is_empty())) {
                    refuse(&map.wwid, Some(map.name.clone()), rule);
                }
            }
        }
        for wwid in self.desired.config.luns.keys().filter(|wwid| !self.live.contains_key(wwid)) {
            let rule = rules.excluding(&device(&Seen { wwid, path: None })).filter(written);
            // What the administrator wrote elsewhere keeps a map from appearing, and no map goes.
            match rule {
                Some(rule) if rule.contains(&overrides) => refuse(wwid, None, rule),
                Some(rule) => {
                    self.plan.notes.push(format!("the LUN {wwid} gets no map here: excluded by {rule}"))
                }
                None => {}
            }
        }
    }

    fn created(&mut self) {
        let excluded: BTreeSet<&Wwid> = self
            .plan
            .refusals
            .iter()
            .filter_map(|refusal| match refusal {
                Refusal::Excluded { wwid, .. } => Some(wwid),
                _ => None,
            })
            .collect();
        let comes = |wwid: &&Wwid| {
            is_for(self.desired, self.node, wwid)
                && self.node.mapless.contains(*wwid)
                && !self.live.contains_key(*wwid)
                && !excluded.contains(*wwid)
        };
        let none = Array::default();
        let created = self.desired.config.luns.keys().filter(comes).map(|wwid| {
            let lun = Lun { wwid, array: &none, protocol: "" };
            let bound = self.bound.get(wwid).map(String::as_str);
            Created { wwid: wwid.clone(), name: self.after.name(lun, bound, wwid.as_str()) }
        });
        self.plan.created = created.collect();
    }

    /// Maps whose values become others; only what the change is about is looked at.
    fn reloaded(&mut self, changed: &BTreeSet<String>) {
        let of_maps = |key: &&String| {
            Keyword::of(&key.replace('_', "-")).is_some_and(|keyword| keyword.place == Place::Both)
                || key.as_str() == "hardware_handler"
        };
        let keys: Vec<&String> = changed.iter().filter(of_maps).collect();
        let gone: BTreeSet<Wwid> = self.plan.removed.iter().map(|map| map.wwid.clone()).collect();
        let names: FxHashMap<Wwid, String> =
            self.plan.renamed.iter().map(|map| (map.wwid.clone(), map.to.clone())).collect();
        for map in self.node.maps.iter().filter(|map| !gone.contains(&map.wwid)) {
            let (before, after) = self.array(map);
            let differ = |key: &&String| {
                let old = self.before.value(lun(map, &before), key).value;
                let new = self.after.value(lun(map, &after), key).value;
                (!same(key, &old, &new)).then(|| ((*key).clone(), old, new))
            };
            let values: Vec<_> = keys.iter().filter_map(differ).collect();
            if !values.is_empty() {
                let name = names.get(&map.wwid).unwrap_or(&map.name).clone();
                self.plan.reloaded.push(Reloaded { wwid: map.wwid.clone(), name, values });
            }
        }
    }

    /// No two maps bear one name, and none gets one that another bears now: multipathd renames them one after the other.
    fn names_taken(&mut self) {
        let live: FxHashMap<&str, &Wwid> =
            self.node.maps.iter().map(|map| (map.name.as_str(), &map.wwid)).collect();
        let mut given: FxHashMap<&str, &Wwid> = FxHashMap::default();
        let mut taken = Vec::new();
        let coming = self.plan.created.iter().map(|map| (&map.wwid, &map.name));
        for (wwid, name) in coming.chain(self.plan.renamed.iter().map(|map| (&map.wwid, &map.to))) {
            let by = live.get(name.as_str()).copied().or_else(|| given.insert(name, wwid));
            if let Some(by) = by.filter(|by| *by != wwid) {
                taken.push(Refusal::NameTaken { wwid: wwid.clone(), name: name.clone(), by: by.clone() });
            }
        }
        self.plan.refusals.extend(taken);
    }

    /// A `reconfigure` while paths are down can lose a map its last ones.
    fn holds(&mut self) {
        if !self.plan.reconfigure {
            return;
        }
        let gone: BTreeSet<&Wwid> = self.plan.removed.iter().map(|map| &map.wwid).collect();
        for map in self.node.maps.iter().filter(|map| !gone.contains(&map.wwid)) {
            let failed: Vec<String> =
                map.paths.iter().filter(|path| !path.usable).map(|path| path.name.clone()).collect();
            // What the document says of all LUNs it says of those that it allows.
            let said = self.desired.config.luns.contains_key(&map.wwid);
            let said = said.then(|| self.desired.config.expected_paths_of(&map.wwid)).flatten();
            let expected = said.or(map.expected_paths);
            let there = u32::try_from(map.paths.len()).unwrap_or(u32::MAX);
            let too_few = expected.filter(|expected| there < *expected).map(|expected| (there, expected));
            if !failed.is_empty() || too_few.is_some() {
                let (wwid, name) = (map.wwid.clone(), map.name.clone());
                self.plan.holds.push(Hold { wwid, name, failed, too_few });
            }
        }
    }

    /// Keywords and values that this node's multipath-tools lacks.
    fn unknown(&mut self) {
        if self.desired.config.torn_down.is_some() {
            return;
        }
        // What is not known knows nothing that came later than the oldest.
        let version = self.node.version.unwrap_or(Version::new(0, 0, 0));
        let words = match self.node.version {
            Some(version) => format!("it is {version}"),
            None => "its version is not known".to_owned(),
        };
        let config = self.desired.config;
        for setting in config.settings.iter().chain(config.luns.values().flat_map(|lun| &lun.settings)) {
            let Some(value) = &setting.rendered else { continue };
            let lacking = Keyword::of(&setting.key).and_then(|keyword| keyword.lacking(value, version));
            if let Some(what) = lacking {
                self.plan.refusals.insert(Refusal::Unknown { what, version: words.clone() });
            }
        }
    }

    /// Which of the document's settings will be in force.
    fn values(&mut self) {
        if self.desired.config.torn_down.is_some() {
            return;
        }
        let defaults = self.rendered.defaults.clone();
        let (everywhere, by_lun): (Vec<_>, Vec<_>) =
            defaults.iter().partition(|(key, _)| !self.after.is_said_of_some(key));
        for (keyword, wanted) in everywhere {
            let in_force = self.after.default(keyword);
            self.plan.values.push(value(None, keyword, wanted, in_force));
        }
        for map in &self.node.maps {
            let Some(own) = self.rendered.luns.get(&map.wwid).cloned() else { continue };
            let (_, array) = self.array(map);
            let wanted = by_lun.iter().copied().filter(|(key, _)| !own.contains_key(*key)).chain(&own);
            for (keyword, wanted) in wanted.filter(|(key, _)| key.as_str() != "alias") {
                let in_force = self.after.value(lun(map, &array), keyword);
                self.plan.values.push(value(Some(map.wwid.clone()), keyword, wanted, in_force));
            }
        }
        if !self.after.is_strict() {
            let in_force = self.after.default("find_multipaths");
            self.plan.values.push(value(None, "find_multipaths", "strict", in_force));
        }
    }

    fn notes(&mut self, nothing_shown: bool) {
        if nothing_shown {
            let what = "multipathd did not tell its configuration: whether its hardware table beats a value is not known";
            self.plan.notes.push(what.into());
        }
        let of_array = |map: &&LiveMap| map.vendor.is_none() || map.product.is_none();
        for map in
            self.node.maps.iter().filter(of_array).filter(|map| self.rendered.luns.contains_key(&map.wwid))
        {
            let what = format!(
                "the array behind {} is not known: whether a device section beats its values is not known",
                map.name
            );
            self.plan.notes.push(what);
        }
        let changes =
            !(self.plan.files.is_empty() && self.plan.add.is_empty() && self.plan.take_out.is_empty());
        self.plan.initramfs = self.node.initramfs && changes;
    }
}

/// Whether a LUN of the document is for a node.
fn is_for(desired: &Desired<'_>, node: &NodeState, wwid: &Wwid) -> bool {
    let lun = desired.config.luns.get(wwid);
    lun.is_some_and(|lun| lun.nodes.as_ref().is_none_or(|nodes| nodes.contains(&node.node)))
}

fn lun<'a>(map: &'a LiveMap, array: &'a Array) -> Lun<'a> {
    let protocol = map.paths.first().map_or("", |path| path.protocol.as_str());
    Lun { wwid: &map.wwid, array, protocol }
}

fn value(wwid: Option<Wwid>, keyword: &str, wanted: &str, in_force: InForce) -> Value {
    Value {
        wwid,
        keyword: keyword.to_owned(),
        wanted: wanted.to_owned(),
        as_wanted: same(keyword, wanted, &in_force.value),
        in_force: in_force.value,
        set_by: in_force.set_by,
    }
}

/// Keywords that our drop-ins say otherwise before and after, of anything. Sections that say nothing, and comments, are no change.
fn changed_keys(before: &Conf, after: &Conf) -> BTreeSet<String> {
    let ours = [own_path(DROP_IN), own_path(OVERRIDES_DROP_IN)];
    fn said<'a>(conf: &'a Conf, ours: &[String; 2]) -> Said<'a> {
        let own = || conf.entries.iter().filter(|e| ours.iter().any(|path| *path == *e.at.file));
        let mut of_block: FxHashMap<u32, &str> = FxHashMap::default();
        for entry in own().filter(|e| e.section == "multipaths.multipath" && e.key == "wwid") {
            of_block.insert(entry.block, &entry.value);
        }
        let own = own().filter(|e| !(e.section == "multipaths.multipath" && e.key == "wwid"));
        let key = |e: &'a Entry| {
            let of = of_block.get(&e.block).copied().unwrap_or_default();
            ((e.section.as_str(), of, e.key.as_str()), e.value.as_str())
        };
        own.map(key).collect()
    }
    let (old, new) = (said(before, &ours), said(after, &ours));
    let mut changed = BTreeSet::new();
    for (key, value) in &old {
        if new.get(key) != Some(value) {
            changed.insert(key.2.to_owned());
        }
    }
    for key in new.keys().filter(|key| !old.contains_key(*key)) {
        changed.insert(key.2.to_owned());
    }
    // Devices and rules of the overrides stand in an order, and one keyword many times.
    let all = |conf: &Conf| {
        let own = conf.entries.iter().filter(|e| *e.at.file == *ours[1]);
        own.map(|e| (e.section.clone(), e.key.clone(), e.value.clone())).collect::<Vec<_>>()
    };
    let (old, new) = (all(before), all(after));
    if old != new {
        changed.extend(old.into_iter().chain(new).map(|(_, key, _)| key));
    }
    changed
}

/// Words of a line that may name a map: also a partition of it is its name.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| !(c.is_ascii_alphanumeric() || "#+-.:=@_".contains(c));
    line.split(between).filter(|word| !word.is_empty()).flat_map(|word| {
        let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let part = (bare.len() < word.len())
            .then(|| bare.strip_suffix("-part").or_else(|| bare.strip_suffix('p')).unwrap_or(bare));
        // `#` and `=` stand in names, and in what is written around them.
        let after = word.rsplit_once(['=', '#']).map(|(_, after)| after);
        [Some(word), part, after].into_iter().flatten()
    })
}
