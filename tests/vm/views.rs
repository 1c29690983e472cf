//! What different witnesses in the guest say about the same maps at the same moment. Read here independently of the
//! program's own parsers, which are what is being tested.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Paths of one map by `major:minor`.
pub type Paths = BTreeMap<String, PathWords>;

/// The three words of one path, as far as the witness has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathWords {
    /// The kernel's: `active` or `failed`.
    pub dm: String,
    /// The checker's, if told.
    pub check: Option<String>,
    /// The device's, if told.
    pub device: Option<String>,
}

impl PathWords {
    /// Whether a path with these words carries I/O.
    pub fn usable(&self) -> bool {
        self.dm == "active"
            && matches!(self.check.as_deref(), Some("ready" | "ghost"))
            && self.device.as_deref() == Some("running")
    }
}

/// One map as one witness tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapView {
    /// Its paths.
    pub paths: Paths,
    /// Whether I/O without a path waits.
    pub queueing: bool,
}

/// Maps by WWID.
pub type Maps = BTreeMap<String, MapView>;

#[derive(Deserialize)]
struct Reply {
    maps: Vec<JsonMap>,
}

#[derive(Deserialize)]
struct JsonMap {
    uuid: String,
    features: String,
    path_groups: Vec<JsonGroup>,
}

#[derive(Deserialize)]
struct JsonGroup {
    paths: Vec<JsonPath>,
}

#[derive(Deserialize)]
struct JsonPath {
    dev_t: String,
    dm_st: String,
    dev_st: String,
    chk_st: String,
}

/// `multipathd show maps json`.
pub fn multipathd_json(text: &str) -> Result<Maps> {
    let reply: Reply = serde_json::from_str(text).with_context(|| format!("no maps reply: {text}"))?;
    let view = |map: JsonMap| {
        let paths = map.path_groups.into_iter().flat_map(|group| group.paths);
        let words = |path: JsonPath| {
            (path.dev_t, PathWords { dm: path.dm_st, check: Some(path.chk_st), device: Some(path.dev_st) })
        };
        let queueing = map.features.contains("queue_if_no_path");
        (map.uuid, MapView { paths: paths.map(words).collect(), queueing })
    };
    Ok(reply.maps.into_iter().map(view).collect())
}

/// `dmsetup status` and `dmsetup table --target multipath`, joined by name; maps are named by their WWID in the lab.
///
/// Status: `NAME: 0 32768 multipath 2 0 0 0 1 1 A 0 2 2 8:0 F 1 0 1 8:16 A 0 0 1`.
pub fn device_mapper(status: &str, table: &str) -> Result<Maps> {
    let mut maps = Maps::new();
    for line in status.lines().filter(|line| line.contains(" multipath ")) {
        let (name, rest) =
            line.split_once(": ").with_context(|| format!("a status line without name: {line}"))?;
        let words: Vec<&str> = rest.split_whitespace().collect();
        let mut paths = Paths::new();
        for pair in words.windows(2).filter(|pair| pair[0].contains(':')) {
            let dm = match pair[1] {
                "A" => "active",
                "F" => "failed",
                other => other,
            };
            paths.insert(pair[0].to_owned(), PathWords { dm: dm.to_owned(), check: None, device: None });
        }
        ensure!(!line.contains(':') || !name.is_empty(), "a status line without name: {line}");
        maps.insert(name.to_owned(), MapView { paths, queueing: false });
    }
    for line in table.lines() {
        if let Some((name, rest)) = line.split_once(": ")
            && let Some(map) = maps.get_mut(name)
        {
            map.queueing = rest.contains(" queue_if_no_path ");
        }
    }
    Ok(maps)
}

/// `multipath -ll`, the words that a person reads:
/// `  |- 0:0:0:1 sda 8:0  active ready running` below `35000c500a0000001 dm-0 LABSAN,VDISK`.
pub fn multipath_ll(text: &str) -> Result<Maps> {
    let mut maps = Maps::new();
    let mut current = None;
    for line in text.lines() {
        let words: Vec<&str> =
            line.trim_start_matches([' ', '|', '`', '-', '+']).split_whitespace().collect();
        if let [_, _, dev_t, dm, check, device, ..] = words[..]
            && words[0].split(':').count() == 4
        {
            let name = current.clone().context("a path line before any map")?;
            let map: &mut MapView = maps.entry(name).or_default();
            let told = PathWords {
                dm: dm.to_owned(),
                check: Some(check.to_owned()),
                device: Some(device.to_owned()),
            };
            map.paths.insert(dev_t.to_owned(), told);
        } else if words.get(1).is_some_and(|word| word.starts_with("dm-")) {
            current = words.first().map(|name| (*name).to_owned());
            maps.insert(words[0].to_owned(), MapView::default());
        } else if let (Some(name), Some(at)) = (&current, line.find("features='"))
            && let Some(map) = maps.get_mut(name)
        {
            map.queueing =
                line[at..].split('\'').nth(1).is_some_and(|text| text.contains("queue_if_no_path"));
        }
    }
    Ok(maps)
}
