//! Which value of a keyword is in force for a LUN, and what sets it.
//!
//! multipath's order of strength is multipaths > overrides > devices, the built-in hardware table included > defaults > what is
//! built in. Of two that are equally strong the one that is read later counts; of devices the last that matches.

use std::fmt;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use rustc_hash::FxHashMap;

use super::Keyword;
use crate::ids::Wwid;
use crate::multipath_conf::{At, Conf, Entry};

/// What a compiled expression may take, bytes.
const REGEX_BYTES_MAX: usize = 256 << 10;
/// What means something else than itself in an expression.
const SPECIAL: [char; 14] = ['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'];

/// What sets a value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SetBy {
    /// A LUN's own section.
    Lun(At),
    /// `overrides`, or a protocol's section in it.
    Override(At),
    /// A section `device` that somebody wrote.
    Device(At),
    /// multipath's own table of arrays: vendor and product of its entry.
    HardwareTable(String),
    /// `defaults`.
    Defaults(At),
    /// Nobody.
    BuiltIn,
}

impl SetBy {
    /// The file and line, where there are any.
    pub fn at(&self) -> Option<&At> {
        match self {
            SetBy::Lun(at) | SetBy::Override(at) | SetBy::Device(at) | SetBy::Defaults(at) => Some(at),
            SetBy::HardwareTable(_) | SetBy::BuiltIn => None,
        }
    }
}

impl fmt::Display for SetBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetBy::Lun(at) => write!(f, "the LUN's section, {at}"),
            SetBy::Override(at) => write!(f, "overrides, {at}"),
            SetBy::Device(at) => write!(f, "a device section, {at}"),
            SetBy::HardwareTable(array) => write!(f, "multipath's hardware table ({array})"),
            SetBy::Defaults(at) => write!(f, "defaults, {at}"),
            SetBy::BuiltIn => f.write_str("multipath itself"),
        }
    }
}

/// A value and what sets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InForce {
    /// As multipath has it; in words where it is built in and was not told.
    pub value: String,
    /// What sets it.
    pub set_by: SetBy,
}

/// An expression of a section `device`. multipath's table has more than a hundred of them, and of nearly all it is enough to
/// look whether a word stands there: so each is compiled when it has to be, and kept.
#[derive(Clone, Debug, Default)]
struct Pattern(OnceLock<Option<Regex>>);

impl Pattern {
    fn matches(&self, expression: &str, text: &str) -> bool {
        let (word, begins) = match expression.strip_prefix('^') {
            Some(word) => (word, true),
            None => (expression, false),
        };
        let (word, ends) = match word.strip_suffix('$') {
            Some(word) => (word, true),
            None => (word, false),
        };
        if !word.contains(SPECIAL) {
            return match (begins, ends) {
                (true, true) => text == word,
                (true, false) => text.starts_with(word),
                (false, true) => text.ends_with(word),
                (false, false) => text.contains(word),
            };
        }
        let compile = || RegexBuilder::new(expression).size_limit(REGEX_BYTES_MAX).build().ok();
        self.0.get_or_init(compile).as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// One section `device`.
#[derive(Clone, Debug, Default)]
struct Device<'a> {
    vendor: &'a str,
    product: &'a str,
    revision: &'a str,
    vendors: Pattern,
    products: Pattern,
    values: Vec<&'a Entry>,
}

impl<'a> Device<'a> {
    /// All of a configuration, in its order.
    fn all(conf: &'a Conf) -> Vec<Self> {
        let mut out: Vec<(u32, Self)> = Vec::new();
        for entry in conf.entries.iter().filter(|entry| entry.section == "devices.device") {
            if out.last().is_none_or(|(block, _)| *block != entry.block) {
                out.push((entry.block, Self::default()));
            }
            let Some((_, device)) = out.last_mut() else { continue };
            match entry.key.as_str() {
                "vendor" => device.vendor = &entry.value,
                "product" => device.product = &entry.value,
                "revision" => device.revision = &entry.value,
                _ => device.values.push(entry),
            }
        }
        out.into_iter().map(|(_, device)| device).collect()
    }

    /// Revisions are not known of maps: a device that asks for one is taken to match. An expression that cannot be read matches nothing.
    fn matches(&self, vendor: &str, product: &str) -> bool {
        self.vendors.matches(self.vendor, vendor) && self.products.matches(self.product, product)
    }

    fn value(&self, key: &str) -> Option<&'a Entry> {
        self.values.iter().rev().find(|entry| entry.key == key).copied()
    }
}

/// multipath's own table of arrays and its built-in values, as `show config` tells them: what it prints and no file says.
#[derive(Debug, Default)]
pub struct Table<'a> {
    devices: Vec<Device<'a>>,
    defaults: FxHashMap<&'a str, &'a str>,
}

impl<'a> Table<'a> {
    /// From `show config`, and the files as they were when it was printed.
    pub fn of(shown: Option<&'a Conf>, files: &Conf) -> Self {
        let Some(shown) = shown else { return Self::default() };
        let written = Device::all(files);
        let mut devices = Device::all(shown);
        for device in &mut devices {
            let same = |of: &&Device<'_>| {
                (of.vendor, of.product, of.revision) == (device.vendor, device.product, device.revision)
            };
            // A section of a file is merged into the table's entry of the same names: what is left is the table's.
            if let Some(of) = written.iter().rev().find(same) {
                device.values.retain(|entry| of.value(&entry.key).is_none());
            }
        }
        devices.retain(|device| !device.values.is_empty());
        let built_in =
            |entry: &&Entry| entry.section == "defaults" && files.last("defaults", &entry.key).is_none();
        let defaults = shown.entries.iter().filter(built_in).map(|e| (e.key.as_str(), e.value.as_str()));
        Self { devices, defaults: defaults.collect() }
    }
}

/// Files, ready to be asked.
#[derive(Debug)]
pub struct Effective<'a> {
    luns: FxHashMap<&'a str, Vec<&'a Entry>>,
    overrides: FxHashMap<&'a str, &'a Entry>,
    /// By protocol.
    protocols: FxHashMap<(&'a str, &'a str), &'a Entry>,
    devices: Vec<Device<'a>>,
    defaults: FxHashMap<&'a str, &'a Entry>,
    table: &'a Table<'a>,
}

/// Devices that match one kind of array, strongest first.
#[derive(Clone, Debug, Default)]
pub struct Array {
    own: Vec<usize>,
    table: Vec<usize>,
}

/// A LUN, as far as values depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Lun<'a> {
    /// Its WWID.
    pub wwid: &'a Wwid,
    /// Its array.
    pub array: &'a Array,
    /// `scsi:fcp`…; empty where it is not known.
    pub protocol: &'a str,
}

impl<'a> Effective<'a> {
    /// Of all files together.
    pub fn of(files: &'a Conf, table: &'a Table<'a>) -> Self {
        let mut of = Self {
            luns: FxHashMap::default(),
            overrides: FxHashMap::default(),
            protocols: FxHashMap::default(),
            devices: Device::all(files),
            defaults: FxHashMap::default(),
            table,
        };
        // What tells sections of one kind apart may stand behind their values.
        let (mut wwids, mut types) = (FxHashMap::default(), FxHashMap::default());
        for entry in &files.entries {
            match (entry.section.as_str(), entry.key.as_str()) {
                ("multipaths.multipath", "wwid") => _ = wwids.insert(entry.block, entry.value.as_str()),
                ("overrides.protocol", "type") => _ = types.insert(entry.block, entry.value.as_str()),
                _ => {}
            }
        }
        for entry in &files.entries {
            let key = entry.key.as_str();
            match entry.section.as_str() {
                "defaults" => _ = of.defaults.insert(key, entry),
                "overrides" => _ = of.overrides.insert(key, entry),
                "overrides.protocol" => {
                    if let Some(protocol) = types.get(&entry.block) {
                        of.protocols.insert((*protocol, key), entry);
                    }
                }
                "multipaths.multipath" if key != "wwid" => {
                    if let Some(wwid) = wwids.get(&entry.block) {
                        of.luns.entry(*wwid).or_default().push(entry);
                    }
                }
                _ => {}
            }
        }
        of
    }

    /// What matches an array; without its names nothing does.
    pub fn array(&self, vendor: Option<&str>, product: Option<&str>) -> Array {
        let Some((vendor, product)) = vendor.zip(product) else { return Array::default() };
        let (vendor, product) = (vendor.trim_end(), product.trim_end());
        let matching = |devices: &[Device<'_>]| {
            (0..devices.len())
                .rev()
                .filter(|at| devices.get(*at).is_some_and(|of| of.matches(vendor, product)))
                .collect()
        };
        Array { own: matching(&self.devices), table: matching(&self.table.devices) }
    }

    /// The value of a keyword for a LUN.
    pub fn value(&self, lun: Lun<'_>, key: &str) -> InForce {
        let own = self.luns.get(lun.wwid.as_str()).and_then(|of| of.iter().rev().find(|e| e.key == key));
        if let Some(entry) = own {
            return InForce { value: entry.value.clone(), set_by: SetBy::Lun(entry.at.clone()) };
        }
        let of_protocol = self.protocols.get(&(lun.protocol, key));
        if let Some(entry) = of_protocol.or_else(|| self.overrides.get(key)) {
            return InForce { value: entry.value.clone(), set_by: SetBy::Override(entry.at.clone()) };
        }
        for at in &lun.array.own {
            if let Some(entry) = self.devices.get(*at).and_then(|of| of.value(key)) {
                return InForce { value: entry.value.clone(), set_by: SetBy::Device(entry.at.clone()) };
            }
        }
        for at in &lun.array.table {
            let Some(device) = self.table.devices.get(*at) else { continue };
            if let Some(entry) = device.value(key) {
                let array = format!("{} {}", device.vendor, device.product);
                return InForce { value: entry.value.clone(), set_by: SetBy::HardwareTable(array) };
            }
        }
        self.default(key)
    }

    /// The value of a keyword where nothing is said of LUNs and arrays.
    pub fn default(&self, key: &str) -> InForce {
        if let Some(entry) = self.defaults.get(key) {
            return InForce { value: entry.value.clone(), set_by: SetBy::Defaults(entry.at.clone()) };
        }
        let told = self.table.defaults.get(key).map(|value| (*value).to_owned());
        let value = told.or_else(|| Keyword::of(&key.replace('_', "-")).map(|of| of.default.to_owned()));
        InForce { value: value.unwrap_or_default(), set_by: SetBy::BuiltIn }
    }

    /// Whether anything that is stronger than `defaults` says this keyword, of any LUN or array.
    pub fn is_said_of_some(&self, key: &str) -> bool {
        let of = |devices: &[Device<'_>]| devices.iter().any(|device| device.value(key).is_some());
        self.overrides.contains_key(key)
            || self.protocols.keys().any(|(_, of)| *of == key)
            || of(&self.devices)
            || of(&self.table.devices)
            || self.luns.values().flatten().any(|entry| entry.key == key)
    }

    /// The name of a LUN's map; `bound` is the name that the file `bindings` has for it, and `live` the one it bears.
    pub fn name(&self, lun: Lun<'_>, bound: Option<&str>, live: &str) -> String {
        let own = self.luns.get(lun.wwid.as_str()).and_then(|of| of.iter().rev().find(|e| e.key == "alias"));
        if let Some(alias) = own {
            return alias.value.clone();
        }
        if is_yes(&self.value(lun, "user_friendly_names").value) {
            // Without a binding multipathd keeps the name that a map bears.
            return bound.unwrap_or(live).to_owned();
        }
        lun.wwid.to_string()
    }

    /// Whether a map lives on only if its WWID is in the file `wwids`.
    pub fn is_strict(&self) -> bool {
        // It is what newer releases have built in; where nobody told, the worse is assumed.
        matches!(self.default("find_multipaths").value.as_str(), "strict" | "")
    }
}

/// As multipath reads it.
fn is_yes(value: &str) -> bool {
    matches!(value, "yes" | "1")
}

/// Whether two values of a keyword mean the same.
pub fn same(key: &str, a: &str, b: &str) -> bool {
    a == b
        || Keyword::of(&key.replace('_', "-")).is_some_and(|keyword| {
            let of = |value| keyword.kind.accept(Some(value)).ok();
            of(a).is_some() && of(a) == of(b)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_expressions_match_alike() {
        let texts = ["", "DGC", "DGC ", "xDGCx", "NETAPP", "LUN C-Mode", "LUN", "a.b", "axb", "^DGC", "DGC$"];
        let expressions = [
            "",
            "^",
            "$",
            "^$",
            "DGC",
            "^DGC",
            "DGC$",
            "^DGC$",
            "(DGC|LUN)",
            "^LUN",
            "a.b",
            "a\\.b",
            ".*",
            "[D",
            "LUN.*",
        ];
        for expression in expressions {
            let regex = Regex::new(expression).ok();
            for text in texts {
                let expect = regex.as_ref().is_some_and(|regex| regex.is_match(text));
                let pattern = Pattern::default();
                for _ in 0..2 {
                    assert_eq!(pattern.matches(expression, text), expect, "{expression:?} {text:?}");
                }
            }
        }
    }
}
