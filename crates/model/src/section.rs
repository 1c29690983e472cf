//! Proxmox's section-config grammar: how `storage.cfg` and `multipath.cfg` are written.
//!
//! ```text
//! lvm: vm-prod
//!         vgname vg0
//!         shared 1
//!
//! # a comment
//! ```
//!
//! A header `type: id` stands at column 0, its properties are indented, and a truly empty line ends it; so does a line
//! `0`, as it is as false as the empty one to the language that Proxmox reads with. Lines that begin with `#` after white
//! space vanish everywhere, inside of sections too. What this grammar passes over (a header that no empty line precedes, a
//! property at column 0) is told as a [`Flaw`]: the reader of a document decides what it means there.

mod edit;

use std::fmt;

pub use edit::{is_one_line, is_word};

/// A longer document is not read: pmxcfs has no larger files.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;
/// Sections after these are not read.
pub const SECTIONS_MAX: usize = 16_384;
/// Flaws and problems after these are counted only.
pub const PROBLEMS_MAX: usize = 100;
/// Of a line that is quoted.
const QUOTE_CHARS_MAX: usize = 60;

/// Something in a document that does not do what was perhaps meant, and on which line, from 1; 0 = the document as a
/// whole.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Problem {
    /// The line.
    pub line: u32,
    /// What is wrong, in words.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

/// What the grammar itself passes over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// More than [`DOCUMENT_BYTES_MAX`]; nothing was read.
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// More than [`SECTIONS_MAX`]; the rest was not read.
    TooMany,
    /// A line outside of any section that is no header.
    Outside(String),
    /// A header where a section has not ended: it begins none, and its properties fall into the one before.
    HeaderInside {
        /// The header.
        header: String,
        /// The line before it holds white space alone, which ends nothing.
        after_blank: bool,
    },
    /// A line in a section that is no property: it is not indented.
    NotIndented(String),
    /// A header or property that is no UTF-8; the bytes that are not are replaced in what was read.
    NotText(String),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::TooLong { bytes } => {
                write!(
                    f,
                    "the document has {bytes} bytes, and at most {DOCUMENT_BYTES_MAX} are read: nothing of it counts"
                )
            }
            Flaw::TooMany => {
                write!(
                    f,
                    "there are more than {SECTIONS_MAX} sections: this one and all after it do not count"
                )
            }
            Flaw::Outside(line) => write!(f, "{line} stands outside of any section and is ignored"),
            Flaw::HeaderInside { header, after_blank: false } => write!(
                f,
                "no empty line precedes {header}, so it begins no section and its lines fall into the section before: put \
                 an empty line before it"
            ),
            Flaw::HeaderInside { header, after_blank: true } => write!(
                f,
                "the line before {header} looks empty and holds white space (or the file has DOS line ends), so it begins \
                 no section and its lines fall into the section before: only a line without any character ends a section"
            ),
            Flaw::NotIndented(line) => {
                write!(f, "{line} is not indented and is ignored: a property begins with a space or tab")
            }
            Flaw::NotText(line) => write!(f, "{line} is not UTF-8"),
        }
    }
}

/// A flaw and its line, from 1; 0 = the document as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlawAt {
    /// The line.
    pub line: u32,
    /// What is there.
    pub flaw: Flaw,
}

impl From<FlawAt> for Problem {
    fn from(found: FlawAt) -> Self {
        Problem { line: found.line, what: found.flaw.to_string() }
    }
}

/// A header with its properties, in the order of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// The line of the header, from 1.
    pub line: u32,
    /// What stands before the colon.
    pub kind: String,
    /// What stands after it.
    pub id: String,
    /// All properties, duplicates too.
    pub properties: Vec<Property>,
}

/// One indented line of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Property {
    /// Its line, from 1.
    pub line: u32,
    /// Its first word.
    pub key: String,
    /// The rest without white space around it; `None` for a bare key.
    pub value: Option<String>,
}

/// A document as this grammar reads it. It keeps its own bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Document {
    text: Vec<u8>,
    /// Sections in the order of the file, duplicates too.
    pub sections: Vec<Section>,
    /// What was passed over, at most [`PROBLEMS_MAX`].
    pub flaws: Vec<FlawAt>,
    /// How many more flaws there are.
    pub flaws_left_out: u32,
}

/// White space as the grammar's regular expressions know it on bytes.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    text
}

fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

/// The first word, and what follows it from its white space on.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|b| is_space(*b)).unwrap_or(text.len()))
}

/// `^(\S+):\s*(\S+)\s*$`: up to the last colon after which an id is left.
fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = word(line);
    let rest = trim_end(trim_start(rest));
    if rest.is_empty() {
        // `type:id`: neither side is empty.
        let inner = first.get(..first.len().checked_sub(1)?)?;
        let colon = inner.iter().rposition(|b| *b == b':').filter(|at| *at > 0)?;
        return Some((first.get(..colon)?, first.get(colon + 1..)?));
    }
    let kind = first.strip_suffix(b":").filter(|kind| !kind.is_empty())?;
    let (id, more) = word(rest);
    more.is_empty().then_some((kind, id))
}

/// `^\s+(\S+)(\s+(.*\S))?\s*$`
fn property(line: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let inner = trim_end(trim_start(line));
    if inner.is_empty() || !line.first().is_some_and(|b| is_space(*b)) {
        return None;
    }
    let (key, rest) = word(inner);
    let value = trim_start(rest);
    Some((key, (!value.is_empty()).then_some(value)))
}

/// A text from outside as it may stand in a sentence: in quotes, escaped, not endless.
pub(crate) fn quote(text: &str) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(QUOTE_CHARS_MAX).collect();
    let more = if chars.next().is_some() { "…" } else { "" };
    format!("\"{}{more}\"", head.escape_debug())
}

fn quoted(line: &[u8]) -> String {
    // Four bytes a character at most.
    let head = line.get(..(QUOTE_CHARS_MAX + 1) * 4).unwrap_or(line);
    quote(String::from_utf8_lossy(trim_end(head)).trim_start())
}

impl Document {
    /// Reads a document. Total: what cannot be used is a flaw.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut document = Self { text: bytes.to_vec(), ..Self::default() };
        if bytes.len() > DOCUMENT_BYTES_MAX {
            document.flaw(0, Flaw::TooLong { bytes: bytes.len() });
            return document;
        }
        let mut open = false;
        let mut after_blank = false;
        // 1 MiB has no more lines than that.
        for (line, at) in bytes.split(|b| *b == b'\n').zip(1_u32..) {
            if trim_start(line).first() == Some(&b'#') {
                continue;
            }
            if line.is_empty() || line == b"0" {
                open = false;
            } else if !open {
                match header(line) {
                    Some(_) if document.sections.len() >= SECTIONS_MAX => {
                        document.flaw(at, Flaw::TooMany);
                        break;
                    }
                    Some((kind, id)) => {
                        let (kind, id) = (document.text_of(kind, at, line), document.text_of(id, at, line));
                        document.sections.push(Section { line: at, kind, id, properties: Vec::new() });
                        open = true;
                    }
                    None if trim_start(line).is_empty() => {}
                    None => document.flaw(at, Flaw::Outside(quoted(line))),
                }
            } else if let Some((key, value)) = property(line) {
                let key = document.text_of(key, at, line);
                let value = value.map(|value| document.text_of(value, at, line));
                if let Some(section) = document.sections.last_mut() {
                    section.properties.push(Property { line: at, key, value });
                }
            } else if header(line).is_some() {
                document.flaw(at, Flaw::HeaderInside { header: quoted(line), after_blank });
            } else if !trim_start(line).is_empty() {
                document.flaw(at, Flaw::NotIndented(quoted(line)));
            }
            after_blank = !line.is_empty() && trim_start(line).is_empty();
        }
        document
    }

    /// The document's bytes, as they were read.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    fn text_of(&mut self, bytes: &[u8], at: u32, line: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        let bad = matches!(text, std::borrow::Cow::Owned(_));
        let text = text.into_owned();
        let told = self.flaws.last().is_some_and(|f| f.line == at);
        if bad && !told {
            self.flaw(at, Flaw::NotText(quoted(line)));
        }
        text
    }

    fn flaw(&mut self, line: u32, flaw: Flaw) {
        if self.flaws.len() < PROBLEMS_MAX {
            self.flaws.push(FlawAt { line, flaw });
        } else {
            self.flaws_left_out = self.flaws_left_out.saturating_add(1);
        }
    }
}

/// Problems in the order of their lines, at most [`PROBLEMS_MAX`] and one that counts the rest.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    left_out: u32,
}

impl Problems {
    pub(crate) fn add(&mut self, line: u32, what: String) {
        if self.list.len() < PROBLEMS_MAX {
            self.list.push(Problem { line, what });
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Takes over what the grammar passed over.
    pub(crate) fn take(&mut self, document: &mut Document) {
        for found in std::mem::take(&mut document.flaws) {
            let Problem { line, what } = found.into();
            self.add(line, what);
        }
        self.left_out = self.left_out.saturating_add(document.flaws_left_out);
    }

    pub(crate) fn finish(mut self) -> Vec<Problem> {
        self.list.sort();
        if self.left_out > 0 {
            self.list.push(Problem { line: 0, what: format!("and {} more", self.left_out) });
        }
        self.list
    }
}

/// The entries of a list as Proxmox splits one: at commas, semicolons and white space, or, where there is a NUL, at NULs
/// alone.
pub(crate) fn split_list(text: &str) -> Vec<&str> {
    if text.contains('\0') {
        let mut parts: Vec<&str> = text.split('\0').collect();
        while parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
        return parts;
    }
    let between = |c: char| matches!(c, ',' | ';') || u8::try_from(c).is_ok_and(is_space);
    text.split(between).filter(|part| !part.is_empty()).collect()
}
