//! multipath-tools' own configuration, read with file and line: `multipath.conf`, its drop-ins, and what `show config` prints.
//!
//! The grammar is that of libmultipath's parser.c, told by what a real multipathd did with files (and not taken from it): a
//! line is words; `{` stands on the line that names the section, `}` alone; a value is one word or one text in `"`, in which
//! `""` is a quote; outside of quotes `#` and `!` begin a comment. Files are read one after the other; of one keyword in one
//! section the last counts, sections that stand twice add up. What multipathd does not understand it logs and passes over,
//! and what it did not read is then as if it were not set: so each such line is a complaint here.

mod lint;
mod rules;

use crate::local::Setting;

pub use lint::{Context, lint};
pub use rules::{Device, Rules};

/// Lines of all files together; what comes after is not read.
const LINES_MAX: usize = 100_000;
/// multipathd's own buffer for a line, with its end (parser.c, MAXBUF).
const LINE_BYTES_MAX: usize = 1_023;
/// Complaints that are kept.
const COMPLAINTS_MAX: usize = 64;

/// Where something stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct At {
    /// The file, as it is shown.
    pub file: std::sync::Arc<str>,
    /// From 1.
    pub line: u32,
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A keyword with its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// `defaults`, `blacklist`, `blacklist.device`, `devices.device`, `overrides.protocol`, `multipaths.multipath`…
    pub section: String,
    /// Which of the sections of this kind, over all files: keywords of one device have one number.
    pub block: u32,
    /// The keyword.
    pub key: String,
    /// Its value without quotes.
    pub value: String,
    /// Where it stands.
    pub at: At,
}

/// A line that multipathd passes over, or reads otherwise than it looks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// Where.
    pub at: At,
    /// What is wrong, a clause.
    pub what: String,
}

/// A section that a line opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// As [`Entry::section`] names it.
    pub section: String,
    /// Where.
    pub at: At,
}

/// All files together, in the order in which they were read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Conf {
    /// Keywords in that order.
    pub entries: Vec<Entry>,
    /// Sections in that order, those that say nothing too.
    pub opened: Vec<Opened>,
    /// What is not understood.
    pub complaints: Vec<Complaint>,
}

/// Sections, and what they may stand in.
const SECTIONS: &[(&str, &str)] = &[
    ("", "defaults"),
    ("", "blacklist"),
    ("", "devnode_blacklist"),
    ("", "blacklist_exceptions"),
    ("", "devices"),
    ("", "overrides"),
    ("", "multipaths"),
    ("blacklist", "device"),
    ("blacklist_exceptions", "device"),
    ("devices", "device"),
    ("multipaths", "multipath"),
    ("overrides", "protocol"),
];

fn is_section(word: &str) -> bool {
    SECTIONS.iter().any(|(_, name)| *name == word)
}

/// What a line is made of.
struct Words {
    first: String,
    /// The second word, or the text in quotes.
    second: Option<String>,
    /// The second was in quotes, and these were closed.
    quoted: Option<bool>,
    /// There is more.
    extra: bool,
}

impl Conf {
    /// Reads files, each with the name by which it is shown. Total: any text may come.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut conf = Conf::default();
        let (mut lines_left, mut blocks) = (LINES_MAX, 0);
        for (name, text) in files {
            let file: std::sync::Arc<str> = name.into();
            // The open sections, with the number and the line of each.
            let mut open: Vec<(String, u32, u32)> = Vec::new();
            // Lines within braces that open nothing known.
            let mut strange = 0_u32;
            for (line, text) in (1..).zip(text.lines().take(lines_left)) {
                lines_left -= 1;
                let at = || At { file: file.clone(), line };
                if text.len() > LINE_BYTES_MAX {
                    conf.complain(
                        at(),
                        "the line is longer than 1,023 bytes: multipathd reads its rest as another line",
                    );
                }
                let Some(words) = words(text) else { continue };
                match (words.first.as_str(), words.second.as_deref()) {
                    ("}", _) if strange > 0 => strange -= 1,
                    ("}", rest) => {
                        if rest.is_some() {
                            conf.complain(at(), "what stands after `}` is ignored");
                        }
                        if open.pop().is_none() {
                            conf.complain(at(), "`}` closes nothing");
                        }
                    }
                    ("{", _) => conf.complain(
                        at(),
                        "`{` must stand on the line of its section: that section is not opened",
                    ),
                    (_, Some("{")) if strange > 0 => strange += 1,
                    _ if strange > 0 => {}
                    (name, Some("{")) if words.quoted.is_none() => {
                        let within = open.last().map_or("", |(name, ..)| name.as_str());
                        if SECTIONS.contains(&(within, name)) && open.len() < 2 {
                            blocks += 1;
                            open.push((name.to_owned(), blocks, line));
                            conf.opened.push(Opened { section: joined(&open), at: at() });
                        } else {
                            let within = if within.is_empty() { "at the top" } else { within };
                            let what =
                                format!("section {name} is not known here ({within}): all of it is ignored");
                            conf.complain(at(), what);
                            strange = 1;
                        }
                    }
                    (name, None) if is_section(name) => {
                        conf.complain(
                            at(),
                            format!("`{{` is missing after {name}: the section is not opened"),
                        );
                    }
                    (name, _) if open.is_empty() => {
                        conf.complain(at(), format!("{name} stands outside of any section and is ignored"));
                    }
                    (name, None) => conf.complain(at(), format!("{name} has no value and is ignored")),
                    (name, Some(value)) => {
                        if words.quoted == Some(false) {
                            conf.complain(at(), format!("the quote after {name} is not closed"));
                        } else if words.extra {
                            conf.complain(at(), format!("{name} takes one word or one text in quotes: the rest of the line is ignored"));
                        }
                        let section = joined(&open);
                        let block = open.last().map_or(0, |(_, block, _)| *block);
                        let (key, value) = (name.to_owned(), value.to_owned());
                        conf.entries.push(Entry { section, block, key, value, at: at() });
                    }
                }
            }
            for (name, _, line) in open {
                conf.complain(At { file: file.clone(), line }, format!("section {name} is not closed"));
            }
        }
        conf
    }

    fn complain(&mut self, at: At, what: impl Into<String>) {
        if self.complaints.len() < COMPLAINTS_MAX {
            self.complaints.push(Complaint { at, what: what.into() });
        }
    }

    /// What counts of a keyword in a section that stands once: what was read last.
    pub fn last(&self, section: &str, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.section == section && entry.key == key)
    }
}

/// Settings in force: keywords of `defaults` and `overrides` by themselves, of each other section a digest of all of it.
pub fn in_force(effective: &Conf, digest: impl Fn(&str) -> String) -> Vec<Setting> {
    let mut out: Vec<Setting> = Vec::new();
    let mut sections: std::collections::BTreeMap<&str, String> = std::collections::BTreeMap::new();
    for entry in &effective.entries {
        if matches!(entry.section.as_str(), "defaults" | "overrides") {
            let name = format!("{}.{}", entry.section, entry.key);
            let value = entry.value.clone();
            if let Some(of) = out.iter_mut().find(|of| of.name == name) {
                of.value = value;
            } else if out.len() < crate::local::LIST_MAX {
                out.push(Setting { name, value });
            }
        } else {
            let top = entry.section.split('.').next().unwrap_or_default();
            let text = sections.entry(top).or_default();
            text.push_str(&format!("{}\u{1}{}\u{1}{}\n", entry.section, entry.key, entry.value));
        }
    }
    out.extend(
        sections.into_iter().map(|(name, text)| Setting { name: name.to_owned(), value: digest(&text) }),
    );
    out.truncate(crate::local::LIST_MAX);
    out
}

/// The open sections by their names.
fn joined(open: &[(String, u32, u32)]) -> String {
    let names: Vec<&str> = open.iter().map(|(name, ..)| name.as_str()).collect();
    names.join(".")
}

/// A line's words; `None` for one without any.
fn words(line: &str) -> Option<Words> {
    let (first, rest) = word(line)?;
    let mut out = Words { first, second: None, quoted: None, extra: false };
    let rest = rest.trim_start_matches(is_blank);
    if let Some(text) = rest.strip_prefix('"') {
        let mut value = String::new();
        let mut chars = text.char_indices().peekable();
        let mut end = None;
        while let Some((at, c)) = chars.next() {
            if c != '"' {
                value.push(c);
            } else if chars.next_if(|(_, next)| *next == '"').is_some() {
                value.push('"');
            } else {
                end = Some(at + 1);
                break;
            }
        }
        out.second = Some(value);
        out.quoted = Some(end.is_some());
        out.extra = end.and_then(|end| word(text.get(end..)?)).is_some();
    } else if let Some((second, rest)) = word(rest) {
        out.second = Some(second);
        out.extra = word(rest).is_some();
    }
    Some(out)
}

fn is_blank(c: char) -> bool {
    // multipathd passes over what is not ASCII as if it were a blank.
    c.is_ascii_whitespace() || c == '\u{b}' || !c.is_ascii()
}

/// The next word and what comes after it; a brace is a word of its own. `None` at the end, and where a comment begins.
fn word(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches(is_blank);
    let first = text.chars().next()?;
    if matches!(first, '#' | '!') {
        return None;
    }
    if matches!(first, '{' | '}' | '"') {
        return Some((first.to_string(), text.get(1..)?));
    }
    let ends = |c: char| is_blank(c) || matches!(c, '!' | '#' | '{' | '}' | '"');
    let end = text.find(ends).unwrap_or(text.len());
    Some((text.get(..end)?.to_owned(), text.get(end..)?))
}
