//! Blacklist rules: which of them excludes a device, as multipathd decides it.
//!
//! Rules are POSIX extended regular expressions, matched anywhere in the text; a `!` in front turns one around. The library
//! that matches here differs from POSIX in what almost nobody writes: a backslash within `[…]` escapes, `{` that begins no
//! count is an error, and there is no collation. A rule that it cannot read is passed over, and then no file and line is told.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use super::{At, Conf};

/// What a compiled rule may take, bytes.
const REGEX_BYTES_MAX: usize = 256 << 10;
/// Rules that are kept.
const RULES_MAX: usize = 2_048;

/// multipathd's own rules where it did not tell them (its blacklist.c; equal in 0.7 to 0.14).
const DEVNODE_BUILT_IN: &str = "!^(sd[a-z]|dasd[a-z]|nvme[0-9])";
const PROPERTY_BUILT_IN: &str = "(SCSI_IDENT_|ID_WWN)";

/// What a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Devnode,
    Wwid,
    Property,
    Protocol,
    Device,
}

/// A device as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// `sdk`.
    pub name: &'a str,
    /// As sysfs tells it.
    pub vendor: Option<&'a str>,
    /// As sysfs tells it.
    pub product: Option<&'a str>,
    /// `scsi:fcp`…
    pub protocol: &'a str,
    /// Its WWID by udev.
    pub wwid: Option<&'a str>,
    /// Names of its udev properties.
    pub properties: &'a [&'a str],
    /// The property that is its WWID.
    pub uid_attribute: &'a str,
}

/// It is compiled when the first device is held against it: most nodes have no device that multipathd does not list, and a
/// read of the node has a deadline.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    /// `None`: it cannot be compiled.
    regex: OnceLock<Option<Regex>>,
    inverted: bool,
}

impl Pattern {
    fn of(text: &str) -> Self {
        Self { text: text.to_owned(), regex: OnceLock::new(), inverted: text.starts_with('!') }
    }

    /// What is to be compiled: without the sign that inverts it, or the backslash that says it is none.
    fn source(&self) -> &str {
        match self.text.strip_prefix('!') {
            Some(rest) => rest,
            None => self.text.strip_prefix('\\').filter(|rest| rest.starts_with('!')).unwrap_or(&self.text),
        }
    }

    fn regex(&self) -> Option<&Regex> {
        let compile = || {
            let mut builder = RegexBuilder::new(self.source());
            builder.size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build().ok()
        };
        self.regex.get_or_init(compile).as_ref()
    }

    fn matches(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text) != self.inverted)
    }
}

#[derive(Clone, Debug)]
struct Rule {
    kind: Kind,
    exception: bool,
    /// One, or of a device vendor and product, as far as they are set.
    patterns: [Option<Pattern>; 2],
    /// `None`: built in.
    at: Option<At>,
}

impl Rule {
    fn words(&self) -> String {
        let place = match &self.at {
            Some(at) => at.to_string(),
            None => "built in".to_owned(),
        };
        let text = |at: usize| self.patterns.get(at).and_then(Option::as_ref).map(|p| p.text.as_str());
        match self.kind {
            Kind::Device => {
                let vendor = text(0).map(|v| format!(" vendor \"{v}\"")).unwrap_or_default();
                let product = text(1).map(|p| format!(" product \"{p}\"")).unwrap_or_default();
                format!("device{vendor}{product} ({place})")
            }
            kind => format!("{} \"{}\" ({place})", word_of(kind), text(0).unwrap_or_default()),
        }
    }

    fn holds(&self, texts: [Option<&str>; 2]) -> bool {
        let mut any = false;
        for (pattern, text) in self.patterns.iter().zip(texts) {
            let Some(pattern) = pattern else { continue };
            any = true;
            if !text.is_some_and(|text| pattern.matches(text)) {
                return false;
            }
        }
        any
    }
}

fn word_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Devnode => "devnode",
        Kind::Wwid => "wwid",
        Kind::Property => "property",
        Kind::Protocol => "protocol",
        Kind::Device => "device",
    }
}

/// All rules and exceptions.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Those in force, as `show config` printed them, each with its place in the files; without a print those of the files and
    /// the built-in ones.
    pub fn of(files: &Conf, effective: Option<&Conf>) -> Self {
        let written = read(files);
        let Some(effective) = effective else {
            let mut rules = written;
            for (kind, exception, text) in
                [(Kind::Devnode, false, DEVNODE_BUILT_IN), (Kind::Property, true, PROPERTY_BUILT_IN)]
            {
                let patterns = [Some(Pattern::of(text)), None];
                rules.push(Rule { kind, exception, patterns, at: None });
            }
            return Self(rules);
        };
        let mut rules = read(effective);
        let text = |pattern: &Option<Pattern>| pattern.as_ref().map(|of| of.text.clone());
        for rule in &mut rules {
            let same = |of: &&Rule| {
                (of.kind, of.exception) == (rule.kind, rule.exception)
                    && of.patterns.iter().map(text).eq(rule.patterns.iter().map(text))
            };
            rule.at = written.iter().find(same).and_then(|of| of.at.clone());
        }
        Self(rules)
    }

    /// The rule that excludes a device, in words with its place; `None` if none does.
    pub fn excluding(&self, device: &Device<'_>) -> Option<String> {
        // Properties first, then name, maker, protocol, WWID; an exception saves from rules of its own kind alone.
        self.by_property(device)
            .or_else(|| self.by(Kind::Devnode, [Some(device.name), None]))
            .or_else(|| {
                let both = device.vendor.zip(device.product)?;
                self.by(Kind::Device, [Some(both.0), Some(both.1)])
            })
            .or_else(|| self.by(Kind::Protocol, [Some(device.protocol), None]))
            .or_else(|| self.by(Kind::Wwid, [device.wwid, None]))
    }

    /// Rules that cannot be compiled, each with its place.
    pub fn unreadable(&self) -> impl Iterator<Item = (&At, &str)> {
        self.0.iter().flat_map(|rule| {
            let odd = rule.patterns.iter().flatten().filter(|pattern| pattern.regex().is_none());
            odd.filter_map(|pattern| Some((rule.at.as_ref()?, pattern.text.as_str())))
        })
    }

    fn of_kind(&self, kind: Kind, exception: bool) -> impl Iterator<Item = &Rule> {
        self.0.iter().filter(move |rule| rule.kind == kind && rule.exception == exception)
    }

    fn by(&self, kind: Kind, texts: [Option<&str>; 2]) -> Option<String> {
        if self.of_kind(kind, true).any(|rule| rule.holds(texts)) {
            return None;
        }
        self.of_kind(kind, false).find(|rule| rule.holds(texts)).map(Rule::words)
    }

    /// Properties are looked at one after the other; a device that bears none of those that are excepted is excluded, but
    /// only if udev knew its WWID.
    fn by_property(&self, device: &Device<'_>) -> Option<String> {
        for name in device.properties {
            let holds = |rule: &Rule| rule.holds([Some(name), None]);
            if self.of_kind(Kind::Property, true).any(holds) {
                return None;
            }
            let found = self.of_kind(Kind::Property, false).find(|rule| holds(rule));
            if let Some(rule) = found {
                return Some(rule.words());
            }
        }
        let knows_wwid = device.properties.contains(&device.uid_attribute);
        let wanted = self.of_kind(Kind::Property, true).next().filter(|_| knows_wwid)?;
        Some(format!("no udev property is as blacklist_exceptions wants it: {}", wanted.words()))
    }
}

/// Rules as they stand in a configuration.
fn read(conf: &Conf) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut block = 0;
    for entry in &conf.entries {
        if rules.len() >= RULES_MAX {
            break;
        }
        let (top, sub) = entry.section.split_once('.').unwrap_or((&entry.section, ""));
        let exception = match top {
            "blacklist" | "devnode_blacklist" => false,
            "blacklist_exceptions" => true,
            _ => continue,
        };
        let kind = match (sub, entry.key.as_str()) {
            ("", "devnode") => Kind::Devnode,
            ("", "wwid") => Kind::Wwid,
            ("", "property") => Kind::Property,
            ("", "protocol") => Kind::Protocol,
            ("device", "vendor" | "product") => {
                let pattern = Some(Pattern::of(&entry.value));
                if block != entry.block {
                    block = entry.block;
                    let at = Some(entry.at.clone());
                    rules.push(Rule { kind: Kind::Device, exception, patterns: [None, None], at });
                }
                if let Some(rule) = rules.iter_mut().rev().find(|rule| rule.kind == Kind::Device)
                    && let [vendor, product] = &mut rule.patterns
                {
                    *(if entry.key == "vendor" { vendor } else { product }) = pattern;
                }
                continue;
            }
            _ => continue,
        };
        let at = Some(entry.at.clone());
        rules.push(Rule { kind, exception, patterns: [Some(Pattern::of(&entry.value)), None], at });
    }
    rules
}
