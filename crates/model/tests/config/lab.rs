//! What several of these tests need.

use pathkeeper_model::Wwid;
use pathkeeper_model::config::keywords::ALL;
use pathkeeper_model::config::value::{Form, Kind};
use pathkeeper_model::config::{Keyword, Place};
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
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
