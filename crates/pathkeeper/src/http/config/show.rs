//! `GET config`: what the documents say, and what is in force on this node.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Request, State};
use axum::response::Response;
use pathkeeper_api::config as wire;
use pathkeeper_model::Wwid;
use pathkeeper_model::config::effective::{Array, Effective, InForce, Lun, SetBy, Table, same};
use pathkeeper_model::config::keywords::{ALL, Keyword, Place};
use pathkeeper_model::config::node::LiveMap;
use pathkeeper_model::config::render::BASELINE;
use pathkeeper_model::multipath_cfg::{CONFIG_DOCUMENT, MultipathCfg, Reading, Setting};
use pathkeeper_model::multipath_conf::Conf;

use super::rollout::Rollouts;
use super::{OVERRIDES_DOCUMENT, Read, own, read};
use crate::app::node_state::OwnNode;
use crate::http::errors::{self, ApiError};
use crate::http::{Context, enveloped, off_thread};

/// Said where multipathd did not print its configuration.
const NO_TABLE: &str = "multipathd did not tell its configuration: values of its hardware table, and values that nobody sets, \
                        are not told";

pub(super) async fn config(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    let mut only = None;
    for (name, value) in errors::query_pairs(request.uri()) {
        let wrong = |why: String| ApiError::parameters([(name.clone(), why)].into());
        match name.as_str() {
            "key" => only = Some(key(&value).map_err(wrong)?),
            _ => return Err(wrong(errors::NOT_DEFINED.to_owned())),
        }
    }
    let config = read(&context, CONFIG_DOCUMENT).await?;
    let overrides = read(&context, OVERRIDES_DOCUMENT).await?;
    let rollouts = Rollouts::look(&context).await?;
    let own = own(&context).await?;
    let mode = context.facts.mode.clone();
    Ok(enveloped(
        off_thread(move || whole(&config, &overrides, rollouts, &own, mode, only.as_deref())).await?,
    ))
}

/// A setting's key, as `multipath.cfg` has it; multipath's own spelling is taken too.
fn key(text: &str) -> Result<String, String> {
    let key = text.replace('_', "-");
    let fixed = BASELINE.iter().any(|(name, _)| name.replace('_', "-") == key);
    if Keyword::of(&key).is_some() || fixed {
        return Ok(key);
    }
    Err("value must be a setting that multipath.cfg knows, as no-path-retry".into())
}

fn whole(
    config: &Read,
    overrides: &Read,
    rollouts: Rollouts,
    own: &OwnNode,
    mode: String,
    only: Option<&str>,
) -> wire::Config {
    let reading = config.config();
    let mut document = match &reading {
        Reading::Absent => config.wire("absent", &[], &[]),
        Reading::Invalid(problems) => config.wire("invalid", problems, &[]),
        Reading::Good(cfg) => {
            config.wire(if cfg.torn_down.is_some() { "torn-down" } else { "good" }, &[], &cfg.remarks)
        }
    };
    let overrides =
        overrides.overrides_wire(rollouts.standing.is_pending(OVERRIDES_DOCUMENT, &overrides.digest));
    // What is no instruction waits for nothing.
    document.pending = matches!(document.state.as_str(), "good" | "torn-down")
        && rollouts.standing.is_pending(CONFIG_DOCUMENT, &config.digest);
    let nothing = MultipathCfg::default();
    let cfg = match &reading {
        Reading::Good(cfg) => cfg,
        _ => &nothing,
    };
    let mut not_known = own.not_known();
    let files = own.state.conf_with(&own.state.drop_ins);
    let shown = own.state.effective.as_deref().map(|text| Conf::parse([("show config", text)]));
    if shown.is_none() && own.mapless.is_none() {
        not_known.push(NO_TABLE.to_owned());
    }
    let table = Table::of(shown.as_ref(), &files);
    let effective = Effective::of(&files, &table);
    let mut arrays = BTreeMap::new();
    for map in &own.state.maps {
        let (vendor, product) = kind(map);
        arrays.entry((vendor, product)).or_insert_with(|| effective.array(vendor, product));
    }
    let look = Look {
        cfg,
        effective,
        arrays,
        by_protocol: files.entries.iter().any(|entry| entry.section == "overrides.protocol"),
        files_known: own.unread.is_empty(),
        table_known: shown.is_some(),
        only,
    };
    let maps: BTreeMap<&Wwid, &LiveMap> = own.state.maps.iter().map(|map| (&map.wwid, map)).collect();
    let wwids: BTreeSet<&Wwid> = cfg.luns.keys().chain(maps.keys().copied()).collect();
    let is_instruction = matches!(reading, Reading::Good(_));
    let lun = |wwid: &Wwid| {
        let mut lun = look.lun(wwid, maps.get(wwid).copied());
        lun.allowed = is_instruction.then(|| cfg.luns.contains_key(wwid));
        (wwid.to_string(), lun)
    };
    wire::Config {
        node: own.state.node.to_string(),
        config: document,
        overrides,
        mode,
        rollout: rollouts.told,
        rollout_problem: rollouts.standing.problem(),
        defaults: look.defaults(),
        luns: wwids.into_iter().map(lun).collect(),
        not_known,
    }
}

/// What values are looked up in.
struct Look<'a> {
    cfg: &'a MultipathCfg,
    effective: Effective<'a>,
    arrays: BTreeMap<(Option<&'a str>, Option<&'a str>), Array>,
    /// Some overrides are for one protocol.
    by_protocol: bool,
    files_known: bool,
    table_known: bool,
    only: Option<&'a str>,
}

impl Look<'_> {
    fn defaults(&self) -> BTreeMap<String, wire::Setting> {
        let said: BTreeMap<&str, &Setting> = by_key(&self.cfg.settings);
        let fixed = BASELINE.map(|(name, _)| name.replace('_', "-"));
        let known = ALL.iter().map(|keyword| keyword.key).chain(fixed.iter().map(String::as_str));
        let keys: BTreeSet<&str> = match self.only {
            Some(key) => [key].into(),
            None => known.chain(said.keys().copied()).collect(),
        };
        let setting = |key: &str| {
            let found = self.effective.default(&key.replace('-', "_"));
            // What is built in is told by multipathd alone: releases differ.
            let known = self.files_known && (self.table_known || found.set_by != SetBy::BuiltIn);
            (key.to_owned(), setting(key, said.get(key).copied(), known.then_some(found)))
        };
        keys.into_iter().map(setting).collect()
    }

    fn lun(&self, wwid: &Wwid, map: Option<&LiveMap>) -> wire::ConfigLun {
        let section = self.cfg.luns.get(wwid);
        let own = section.map(|section| by_key(&section.settings)).unwrap_or_default();
        // What is said of all LUNs is said of those that are allowed.
        let all = section.map(|_| by_key(&self.cfg.settings)).unwrap_or_default();
        let in_force = |key: &str| self.in_force(wwid, map, &key.replace('-', "_"));
        let mut settings = BTreeMap::new();
        let keys = ALL.iter().map(|keyword| keyword.key).chain(own.keys().copied());
        let keys: BTreeSet<&str> = match self.only {
            Some(key) => [key].into(),
            None => keys.collect(),
        };
        for key in keys {
            let for_luns = Keyword::of(key).is_none_or(|keyword| keyword.place == Place::Both);
            let said = own.get(key).or_else(|| all.get(key).filter(|_| for_luns)).copied();
            let found = in_force(key);
            let is_of_it = found.as_ref().is_some_and(|found| {
                matches!(found.set_by, SetBy::Lun(_) | SetBy::Override(_) | SetBy::Device(_))
            });
            let asked = self.only.is_some() && (for_luns || is_of_it || is_of_table(found.as_ref()));
            if said.is_some() || is_of_it || asked {
                settings.insert(key.to_owned(), setting(key, said, found));
            }
        }
        wire::ConfigLun {
            allowed: None,
            line: section.map(|section| section.line),
            alias: section.and_then(|section| section.alias.clone()),
            map: map.map(|map| map.name.clone()),
            nodes: section
                .and_then(|section| section.nodes.as_ref())
                .map(|nodes| nodes.iter().map(ToString::to_string).collect()),
            used_by: section.and_then(|section| section.used_by.clone()),
            expected_paths: self.cfg.expected_paths_of(wwid).filter(|_| section.is_some()),
            comment: section.and_then(|section| section.comment.clone()),
            settings,
        }
    }

    /// The value for a LUN, where it can be told: without a map its array is not known, and without what multipathd prints the
    /// hardware table is not, which may beat what is weaker.
    fn in_force(&self, wwid: &Wwid, map: Option<&LiveMap>, key: &str) -> Option<InForce> {
        let none = Array::default();
        let array = map.and_then(|map| self.arrays.get(&kind(map))).unwrap_or(&none);
        let protocol = map.and_then(|map| map.paths.first()).map_or("", |path| path.protocol.as_str());
        let found = self.effective.value(Lun { wwid, array, protocol }, key);
        // What is said of one protocol may be said of this LUN, where its own is not known.
        let protocol_known = !protocol.is_empty() || !self.by_protocol;
        let array_known =
            protocol_known && map.is_some_and(|map| map.vendor.is_some() && map.product.is_some());
        let certain = match found.set_by {
            SetBy::Lun(_) => true,
            SetBy::Override(_) => protocol_known,
            SetBy::Device(_) => array_known,
            SetBy::HardwareTable(_) | SetBy::Defaults(_) | SetBy::BuiltIn => array_known && self.table_known,
        };
        (self.files_known && certain).then_some(found)
    }
}

/// What tells one kind of array from another.
fn kind(map: &LiveMap) -> (Option<&str>, Option<&str>) {
    (map.vendor.as_deref(), map.product.as_deref())
}

fn is_of_table(found: Option<&InForce>) -> bool {
    found.is_some_and(|found| matches!(found.set_by, SetBy::HardwareTable(_)))
}

fn by_key(settings: &[Setting]) -> BTreeMap<&str, &Setting> {
    settings.iter().map(|setting| (setting.key.as_str(), setting)).collect()
}

fn setting(key: &str, said: Option<&Setting>, found: Option<InForce>) -> wire::Setting {
    // A bare key is a 1.
    let word = |said: &Setting| said.value.clone().unwrap_or_else(|| "1".into());
    let wanted = said.and_then(|said| said.rendered.as_deref());
    let as_said = wanted.zip(found.as_ref()).map(|(a, b)| same(&key.replace('-', "_"), a, &b.value));
    let (set_by, at) = match found.as_ref().map(|found| &found.set_by) {
        None => (None, None),
        Some(SetBy::Lun(at)) => (Some("lun"), Some(at.to_string())),
        Some(SetBy::Override(at)) => (Some("overrides"), Some(at.to_string())),
        Some(SetBy::Device(at)) => (Some("device"), Some(at.to_string())),
        Some(SetBy::HardwareTable(array)) => (Some("hardware-table"), Some(array.clone())),
        Some(SetBy::Defaults(at)) => (Some("defaults"), Some(at.to_string())),
        Some(SetBy::BuiltIn) => (Some("built-in"), None),
    };
    wire::Setting {
        said: said.map(word),
        line: said.map(|said| said.line),
        in_force: found.map(|found| found.value),
        set_by: set_by.map(str::to_owned),
        at,
        as_said,
    }
}
