//! What several of these tests need.

use pathkeeper_model::config::keywords::ALL;
use pathkeeper_model::config::node::{File, LiveMap, LivePath, NodeState};
use pathkeeper_model::config::value::{Form, Kind};
use pathkeeper_model::config::{Keyword, Place, Version};
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
use pathkeeper_model::{EpochS, NodeName, Wwid};
use proptest::prelude::*;

pub fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

/// A document without problems.
pub fn good(text: &str) -> MultipathCfg {
    match Reading::parse(Some(text.as_bytes())) {
        Reading::Good(cfg) => cfg,
        other => panic!("{text}{other:?}"),
    }
}

/// A value that a keyword takes; another one for many `n`.
pub fn right(kind: Kind, n: u32) -> String {
    let of = |words: &[&str]| words[n as usize % words.len()].to_owned();
    match kind {
        Kind::YesNo => of(&["1", "0", "yes", "no"]),
        Kind::Number(low, high) => (low + n % (high - low + 1)).to_string(),
        Kind::NumberOr(_, _, words) if n.is_multiple_of(3) => of(words),
        Kind::NumberOr(low, high, _) => (low + n % (high - low + 1)).to_string(),
        Kind::Words(words) => of(words),
        Kind::Form(form) => of(match form {
            Form::Selector => &["queue-length 0", "service-time 0"],
            Form::Features => &["0", "1 queue_if_no_path", "2 pg_init_retries 50"],
            Form::PrioArgs => &["exclusive_pref_bit", "hbtl \"1:.*\" 5", "a{} % b"],
            Form::ReservationKey => &["0x1", "0xabc:aptpl", "file"],
            Form::Mode => &["0600", "660"],
            Form::Owner => &["root", "0", "64055"],
            Form::UdevName => &["ID_SERIAL", "ID_WWN"],
            Form::UdevNames => &["sd:ID_SERIAL", "sd:ID_SERIAL nvme:ID_WWN"],
            Form::Pattern => &["nvme", "^n{1}\"#!"],
            Form::NamePart => &["part", "-part"],
            Form::Seconds => &["-5", "10"],
        }),
    }
}

/// Settings that may stand at a place, each with a value that is right, in some order.
pub fn settings(place: Place, most: usize) -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let can: Vec<&'static Keyword> =
        ALL.iter().filter(|of| place == Place::Defaults || of.place == Place::Both).collect();
    let some = prop::sample::subsequence(can, 0..most);
    (some.prop_shuffle(), any::<u16>()).prop_map(|(keywords, n)| {
        let value = |of: &Keyword| (of.key, right(of.kind, u32::from(n) + of.key.len() as u32));
        keywords.into_iter().map(value).collect()
    })
}

/// Of an 0.9.4: defaults and some arrays.
const SHOWN: &str = "defaults {\n\tverbosity 2\n\tpolling_interval 5\n\tno_path_retry \"fail\"\n\tfind_multipaths \"strict\"\n\
    \tuser_friendly_names \"no\"\n}\ndevices {\n\tdevice {\n\t\tvendor \"NETAPP\"\n\t\tproduct \"LUN\"\n\t\tfailback \"immediate\"\n\
    \t\tno_path_retry \"queue\"\n\t}\n\tdevice {\n\t\tvendor \"(LIO-ORG|SUSE)\"\n\t\tproduct \".*\"\n\t\tno_path_retry 12\n\t}\n}\n";

/// A node with nothing but multipath-tools.
pub fn bare(name: &str) -> NodeState {
    NodeState {
        version: Some(Version::new(0, 9, 4)),
        effective: Some(SHOWN.into()),
        read_at: Some(EpochS(1_700_000_000)),
        ..NodeState::new(NodeName::new(name).unwrap())
    }
}

/// `NAME WWID [VENDOR/PRODUCT] [open|pv|holder|closed] [sda sdb!]`: a path with `!` cannot be used.
pub fn map(text: &str) -> LiveMap {
    let mut words = text.split(' ');
    let (name, lun) = (words.next().unwrap(), words.next().unwrap());
    let mut map = LiveMap {
        name: name.into(),
        wwid: wwid(lun),
        open: Some(0),
        holders: vec![],
        pv: false,
        vendor: Some("NETAPP  ".into()),
        product: Some("LUN C-Mode".into()),
        paths: vec![],
        expected_paths: None,
    };
    for word in words {
        match word {
            "open" => map.open = Some(2),
            "doubt" => map.open = None,
            "pv" => map.pv = true,
            "holder" => map.holders.push("dm-7".into()),
            of if of.contains('/') => {
                let (vendor, product) = of.split_once('/').unwrap();
                (map.vendor, map.product) = (Some(vendor.into()), Some(product.into()));
            }
            path => map.paths.push(LivePath {
                name: path.trim_end_matches('!').into(),
                usable: !path.ends_with('!'),
                protocol: "scsi:fcp".into(),
                properties: vec![],
            }),
        }
    }
    map
}

pub fn file(path: &str, text: &str) -> File {
    File { path: path.into(), text: text.into() }
}

/// A node with these maps, all of which multipath lists by hand.
pub fn with_maps(name: &str, maps: &[&str]) -> NodeState {
    let maps: Vec<LiveMap> = maps.iter().map(|text| map(text)).collect();
    let wwids = maps.iter().map(|map| format!("/{}/\n", map.wwid)).collect();
    NodeState { maps, wwids, ..bare(name) }
}
