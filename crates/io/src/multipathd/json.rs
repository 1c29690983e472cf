//! `show maps json` of multipath-tools 0.7 to 0.14, decoded so that no odd field takes the rest with it.
//!
//! The printer (libmultipath/print.c, schema 0/1 in all these versions) glues texts together and escapes nothing. Up to
//! 0.8.1 there is no `marginal_st`, up to 0.8 no `lun_hex`. Here every field may be absent or of another type, unknown
//! fields and words are counted, a map without WWID is a problem beside the others. Only broken syntax fails the whole,
//! and even that is mended first where a text with a quote in it is the cause ([`super::mend`]).

use super::mend;
use crate::bounded::Problems;
use pathkeeper_model::Wwid;
use pathkeeper_model::local::{CheckState, DevState, DmState, Map, PathDevice, PathGroup, Queueing};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::fmt;

/// What a maps reply said.
#[derive(Clone, Debug, Default)]
pub struct MapsReply {
    /// The maps in multipathd's order. What sysfs and the kernel add is not in them yet.
    pub maps: Vec<Map>,
    /// Fields and words that this program does not know, counted.
    pub unknown_words: u64,
    /// What was left out or mended, one sentence each; bounded.
    pub problems: Vec<String>,
}

/// Why a reply is no maps reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonError {
    /// Where in the reply, bytes from its start.
    pub offset: usize,
    /// What is wrong there.
    pub why: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.why)
    }
}

/// More objects than any real reply has; beyond it the reply is refused, since each costs far more memory than text.
const OBJECTS_MAX: usize = 400_000;

/// Decodes a reply (without its closing NUL). Any bytes may come; none make it panic.
pub fn decode(bytes: &[u8]) -> Result<MapsReply, JsonError> {
    let mut problems = Problems::default();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(error) => {
            problems
                .add(format!("the maps reply has bytes that are no UTF-8 (at byte {})", error.valid_up_to()));
            String::from_utf8_lossy(bytes)
        }
    };
    if count_braces(text.as_bytes()) > OBJECTS_MAX {
        return Err(JsonError { offset: 0, why: format!("it has more than {OBJECTS_MAX} objects") });
    }
    match serde_json::from_str::<RawReply>(&text) {
        Ok(raw) => finish(raw, problems),
        Err(error) => {
            let error = json_error(&text, &error);
            let mended = mend::escape_texts(&text);
            let Ok(raw) = serde_json::from_str::<RawReply>(&mended) else { return Err(error) };
            problems.add(format!("multipathd's JSON is broken {error}; mended by escaping the text there"));
            finish(raw, problems)
        }
    }
}

/// How many `{` there are; by short pieces, which compilers turn into vector code.
fn count_braces(bytes: &[u8]) -> usize {
    let piece = |piece: &[u8]| usize::from(piece.iter().map(|b| u8::from(*b == b'{')).sum::<u8>());
    bytes.chunks(128).map(piece).sum()
}

/// serde_json's line and column as a byte offset.
fn json_error(text: &str, error: &serde_json::Error) -> JsonError {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let offset = before.saturating_add(error.column().saturating_sub(1)).min(text.len());
    let said = error.to_string();
    let why = said.split(" at line ").next().unwrap_or(&said);
    JsonError { offset, why: super::reply::clip(why) }
}

fn finish(raw: RawReply, mut problems: Problems) -> Result<MapsReply, JsonError> {
    if raw.maps.unlike || !raw.maps.present {
        return Err(JsonError { offset: 0, why: "there is no list of maps in it".to_owned() });
    }
    if raw.major_version.0.is_some_and(|major| major != 0) {
        problems.add(format!(
            "multipathd's JSON is of schema {}.x, newer than this program knows",
            raw.major_version.0.unwrap_or_default()
        ));
    }
    let mut count = raw.unknown;
    if raw.maps.left_out > 0 {
        problems.add(format!("{} entries in the list of maps are no objects; left out", raw.maps.left_out));
    }
    let mut maps = Vec::with_capacity(raw.maps.items.len());
    for (at, map) in raw.maps.items.into_iter().enumerate() {
        match convert_map(map, &mut count, &mut problems) {
            Ok(map) => maps.push(map),
            Err(name) => problems.add(format!("map {} ({name}) has no WWID; left out", at + 1)),
        }
    }
    Ok(MapsReply { maps, unknown_words: count, problems: problems.into_vec() })
}

fn convert_map(raw: RawMap, count: &mut u64, problems: &mut Problems) -> Result<Map, String> {
    *count += raw.unknown;
    let Some(wwid) = Wwid::new(raw.uuid.as_str().trim()) else { return Err(raw.name.owned()) };
    let name = if raw.name.as_str().is_empty() { wwid.as_str().to_owned() } else { raw.name.owned() };
    let mut incomplete = raw.groups.is_doubtful();
    let mut groups = Vec::with_capacity(raw.groups.items.len());
    for group in raw.groups.items {
        *count += group.unknown;
        incomplete |= group.paths.is_doubtful();
        let marginal = is_marginal(&group.marginal, count);
        let mut paths = Vec::with_capacity(group.paths.items.len());
        for path in group.paths.items {
            paths.push(convert_path(path, &wwid, count));
        }
        groups.push(PathGroup {
            selector: group.selector.short(),
            priority: group.priority.i32_or(-1),
            status: group.status.short(),
            marginal,
            paths,
        });
    }
    if incomplete {
        problems.add(format!(
            "map {} ({wwid}): part of its groups or paths cannot be read",
            super::reply::clip(&name)
        ));
    }
    Ok(Map {
        name,
        dm: raw.sysfs.known().filter(|word| *word != "undef").map(str::to_owned),
        suspended: match raw.status.as_str() {
            "suspend" => true,
            "active" | "undef" | "" => false,
            _ => {
                *count += 1;
                false
            }
        },
        queueing: queueing(raw.queueing.as_str(), count),
        features: raw.features.short(),
        hwhandler: raw.hwhandler.short(),
        write_prot: raw.write_prot.short(),
        failback: raw.failback.short(),
        vendor: raw.vendor.trimmed(),
        product: raw.product.trimmed(),
        revision: raw.revision.trimmed(),
        path_faults: raw.path_faults.0.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        groups,
        incomplete,
        ..Map::unknown("", wwid)
    })
}

fn convert_path(raw: RawPath, wwid: &Wwid, count: &mut u64) -> PathDevice {
    *count += raw.unknown;
    let (dm, check, device) = (raw.dm.as_str(), raw.check.as_str(), raw.device.as_str());
    PathDevice {
        dev: raw.dev.short(),
        dev_t: raw.dev_t.short(),
        wwid: Some(wwid.clone()),
        dm: dm_state(dm, count),
        check: check_state(check, count),
        device: dev_state(device, count),
        words: [dm.into(), check.into(), device.into()],
        priority: raw.priority.i32_or(-1),
        adapter_port: first_known([&raw.host_wwpn, &raw.host_adapter]),
        target_port: first_known([&raw.target_wwpn]),
        target_node: first_known([&raw.target_wwnn]),
        marginal: is_marginal(&raw.marginal, count),
        ..PathDevice::unknown("", "")
    }
}

/// The kernel's word about a path; an unknown one is counted.
pub fn dm_state(word: &str, count: &mut u64) -> DmState {
    match word {
        "active" => DmState::Active,
        "failed" => DmState::Failed,
        "undef" => DmState::Undef,
        _ => unknown(count, DmState::Unknown),
    }
}

/// The checker's word; an unknown one is counted.
pub fn check_state(word: &str, count: &mut u64) -> CheckState {
    match word {
        "ready" => CheckState::Ready,
        "ghost" => CheckState::Ghost,
        "faulty" => CheckState::Faulty,
        "shaky" => CheckState::Shaky,
        "i/o pending" => CheckState::Pending,
        "i/o timeout" => CheckState::Timeout,
        "delayed" => CheckState::Delayed,
        "disconnected" => CheckState::Disconnected,
        "undef" => CheckState::Undef,
        _ => unknown(count, CheckState::Unknown),
    }
}

/// The device's word; an unknown one is counted.
pub fn dev_state(word: &str, count: &mut u64) -> DevState {
    match word {
        "running" | "live" => DevState::Running,
        "offline" | "transport-offline" | "dead" | "removed" => DevState::Offline,
        "unknown" | "undef" => DevState::Undef,
        _ => unknown(count, DevState::Unknown),
    }
}

/// `off`, `on`, `-`, `12 sec`, `3 chk`; absent is [`Queueing::Unset`].
fn queueing(word: &str, count: &mut u64) -> Queueing {
    let number = |suffix: &str| word.strip_suffix(suffix).and_then(|n| n.trim().parse().ok());
    match word {
        "off" => Queueing::Off,
        "on" => Queueing::On,
        "-" | "" => Queueing::Unset,
        _ => match (number("sec"), number("chk")) {
            (Some(seconds), _) => Queueing::Seconds(seconds),
            (None, Some(checks)) => Queueing::Checks(checks),
            (None, None) => unknown(count, Queueing::Unknown),
        },
    }
}

fn is_marginal(word: &Text<'_>, count: &mut u64) -> bool {
    match word.as_str() {
        "marginal" => true,
        "normal" | "undef" | "" => false,
        _ => unknown(count, false),
    }
}

fn unknown<T>(count: &mut u64, value: T) -> T {
    *count += 1;
    value
}

/// `[undef]` and `[unknown]` are how multipathd prints that it has no such name.
fn first_known<const N: usize>(texts: [&Text<'_>; N]) -> Option<SmolStr> {
    texts.into_iter().find_map(|text| text.known()).map(SmolStr::from)
}

/// A text field: a string as it is, a number or boolean by its digits, anything else as if absent.
#[derive(Default)]
struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("")
    }
    fn owned(self) -> String {
        self.0.map(Cow::into_owned).unwrap_or_default()
    }
    fn short(&self) -> SmolStr {
        self.as_str().into()
    }
    fn trimmed(&self) -> SmolStr {
        self.as_str().trim().into()
    }
    fn known(&self) -> Option<&str> {
        Some(self.as_str().trim()).filter(|text| !matches!(*text, "" | "[undef]" | "[unknown]"))
    }
}

/// A whole number, also where it came as a string; anything else as if absent.
#[derive(Default, Clone, Copy)]
struct Number(Option<i64>);

impl Number {
    fn i32_or(self, fallback: i32) -> i32 {
        self.0.and_then(|n| i32::try_from(n).ok()).unwrap_or(fallback)
    }
}

/// A list of objects; what is in it and is no object is counted and left out.
struct List<T> {
    items: Vec<T>,
    left_out: usize,
    present: bool,
    unlike: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), left_out: 0, present: false, unlike: false }
    }
}

impl<T> List<T> {
    fn is_doubtful(&self) -> bool {
        !self.present || self.unlike || self.left_out > 0
    }
}

/// Takes what a visitor gets and does not want, so that a field of another type never fails the decode.
macro_rules! otherwise {
    ($value:expr; $($kind:ident),+) => { $(otherwise!(@ $kind $value);)+ };
    (@ null $value:expr) => { fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok($value) } };
    (@ bool $value:expr) => { fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok($value) } };
    (@ int $value:expr) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok($value) }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok($value) }
    };
    (@ float $value:expr) => { fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok($value) } };
    (@ text $value:expr) => { fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok($value) } };
    (@ list $value:expr) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
    (@ object $value:expr) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_i64<E>(self, n: i64) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(n.to_string()))))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(n.to_string()))))
            }
            fn visit_f64<E>(self, n: f64) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(n.to_string()))))
            }
            otherwise!(Text(None); null, bool, list, object);
        }
        deserializer.deserialize_any(V)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E>(self, n: i64) -> Result<Number, E> {
                Ok(Number(Some(n)))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Number, E> {
                Ok(Number(i64::try_from(n).ok()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.trim().parse().ok()))
            }
            otherwise!(Number(None); null, bool, float, list, object);
        }
        deserializer.deserialize_any(V)
    }
}

impl<'de, T: RawObject + Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<T>(std::marker::PhantomData<T>);
        fn unlike<T>() -> List<T> {
            List { present: true, unlike: true, ..List::default() }
        }
        impl<'de, T: RawObject + Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = List { present: true, ..List::default() };
                while let Some(item) = seq.next_element::<T>()? {
                    if item.is_object() { list.items.push(item) } else { list.left_out += 1 }
                }
                Ok(list)
            }
            otherwise!(unlike(); null, bool, int, float, text, object);
        }
        deserializer.deserialize_any(V(std::marker::PhantomData))
    }
}

trait RawObject {
    /// Whether an object stood there, and not something else.
    fn is_object(&self) -> bool;
}

/// A JSON object of which each field is known by its key, other keys are counted, and those after `-` are passed over.
macro_rules! object {
    ($name:ident { $($field:ident: $ty:ty = $key:literal),* $(,)? } - [$($ignored:literal),*]) => {
        #[derive(Default)]
        struct $name<'a> { $($field: $ty,)* unknown: u64, object: bool, marker: std::marker::PhantomData<&'a ()> }
        impl RawObject for $name<'_> {
            fn is_object(&self) -> bool { self.object }
        }
        impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct V;
                impl<'de> Visitor<'de> for V {
                    type Value = $name<'de>;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("an object") }
                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut out = $name { object: true, ..$name::default() };
                        while let Some(key) = map.next_key::<Text<'de>>()? {
                            match key.as_str() {
                                $($key => out.$field = map.next_value()?,)*
                                $($ignored => { map.next_value::<IgnoredAny>()?; })*
                                _ => { out.unknown += 1; map.next_value::<IgnoredAny>()?; }
                            }
                        }
                        Ok(out)
                    }
                    otherwise!($name::default(); null, bool, int, float, text, list);
                }
                deserializer.deserialize_any(V)
            }
        }
    };
}

object!(RawReply {
    major_version: Number = "major_version",
    maps: List<RawMap<'a>> = "maps",
} - ["minor_version"]);

object!(RawMap {
    name: Text<'a> = "name",
    uuid: Text<'a> = "uuid",
    sysfs: Text<'a> = "sysfs",
    failback: Text<'a> = "failback",
    queueing: Text<'a> = "queueing",
    write_prot: Text<'a> = "write_prot",
    status: Text<'a> = "dm_st",
    features: Text<'a> = "features",
    hwhandler: Text<'a> = "hwhandler",
    path_faults: Number = "path_faults",
    vendor: Text<'a> = "vend",
    product: Text<'a> = "prod",
    revision: Text<'a> = "rev",
    groups: List<RawGroup<'a>> = "path_groups",
} - ["paths", "action", "switch_grp", "map_loads", "total_q_time", "q_timeouts"]);

object!(RawGroup {
    selector: Text<'a> = "selector",
    priority: Number = "pri",
    status: Text<'a> = "dm_st",
    marginal: Text<'a> = "marginal_st",
    paths: List<RawPath<'a>> = "paths",
} - ["group"]);

object!(RawPath {
    dev: Text<'a> = "dev",
    dev_t: Text<'a> = "dev_t",
    dm: Text<'a> = "dm_st",
    device: Text<'a> = "dev_st",
    check: Text<'a> = "chk_st",
    priority: Number = "pri",
    target_wwnn: Text<'a> = "target_wwnn",
    host_wwpn: Text<'a> = "host_wwpn",
    target_wwpn: Text<'a> = "target_wwpn",
    host_adapter: Text<'a> = "host_adapter",
    marginal: Text<'a> = "marginal_st",
} - ["checker", "host_wwnn", "lun_hex"]);
