//! A JSON document that people and several versions of this program change together, taken apart into pieces of its own text.
//!
//! `{"v":1,"entries":[…]}` or `{"v":1,"ports":{…}}`. Who adds or takes away one entry gives all others back as they came:
//! what is not understood, perhaps of a newer version, is not lost, and neither are members beside the list.

use crate::json::{Scanner, push_number, push_string};
use crate::node_value::{Read, read_object, unsigned};

/// The version that this program writes and understands.
const VERSION: u64 = 1;

/// A document's pieces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shell {
    /// The name of the member that holds the entries.
    list: &'static str,
    /// Entries stand in an object, by a key.
    keyed: bool,
    /// Other members, as they came.
    others: Vec<(String, String)>,
    /// Entries as they came; the key is empty in a list.
    items: Vec<(String, String)>,
}

impl Shell {
    /// A document without entries.
    pub fn new(list: &'static str, keyed: bool) -> Self {
        Self { list, keyed, others: Vec::new(), items: Vec::new() }
    }

    /// Takes a document apart; an empty one has no entries.
    ///
    /// # Errors
    /// In words, if it is no document of this version. Then it must not be written.
    pub fn parse(bytes: &[u8], list: &'static str, keyed: bool, bytes_max: usize) -> Result<Self, String> {
        let mut shell = Self::new(list, keyed);
        if bytes.is_empty() {
            return Ok(shell);
        }
        if bytes.len() > bytes_max {
            return Err(format!("it is longer than {bytes_max} bytes"));
        }
        let (mut version, mut there) = (None, false);
        let read = read_object(bytes, |key, scan| {
            if key == "v" {
                version = unsigned(scan)?;
            } else if key == list {
                there = shell.take_items(scan)?;
            } else {
                let raw = raw(scan)?;
                shell.others.retain(|(known, _)| known != key);
                shell.others.push((key.to_owned(), raw));
            }
            Ok(())
        });
        read.map_err(|e| e.to_string())?;
        match version {
            Some(VERSION) if there => Ok(shell),
            Some(VERSION) => Err(format!("no {} stands under {list}", if keyed { "object" } else { "list" })),
            Some(v) => Err(format!("it is of version {v}, and this program knows version {VERSION}")),
            None => Err("it does not say what it is: there is no v".into()),
        }
    }

    /// Whether the entries were there.
    fn take_items(&mut self, scan: &mut Scanner<'_>) -> Read<bool> {
        self.items.clear();
        let mut first = true;
        if self.keyed && scan.open_object() {
            while let Some(key) = scan.next_key(&mut first)? {
                let raw = raw(scan)?;
                self.items.push((key.into_owned(), raw));
            }
        } else if !self.keyed && scan.open_array() {
            while scan.next_item(&mut first)? {
                let raw = raw(scan)?;
                self.items.push((String::new(), raw));
            }
        } else {
            scan.skip()?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Keys, which are empty in a list, and entries, each one JSON value.
    pub fn items(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items.iter().map(|(key, item)| (key.as_str(), item.as_str()))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Adds an entry at the end of a list.
    pub fn push(&mut self, item: String) {
        self.items.push((String::new(), item));
    }

    /// Adds an entry under a key that is not there yet.
    pub fn put_new(&mut self, key: &str, item: String) {
        self.items.push((key.to_owned(), item));
    }

    /// Changes or takes away each entry: what `change` gives stays.
    pub fn change(&mut self, mut change: impl FnMut(&str, String) -> Option<String>) {
        let items = std::mem::take(&mut self.items);
        self.items = items
            .into_iter()
            .filter_map(|(key, item)| {
                let item = change(&key, item)?;
                Some((key, item))
            })
            .collect();
    }

    /// Writes the document. The same pieces always give the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = b"{\"v\":".to_vec();
        push_number(&mut out, VERSION);
        for (key, value) in &self.others {
            out.push(b',');
            push_string(&mut out, key);
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b',');
        push_string(&mut out, self.list);
        out.extend_from_slice(if self.keyed { b":{" } else { b":[" });
        for (i, (key, item)) in self.items.iter().enumerate() {
            out.extend_from_slice(if i > 0 { b",\n" } else { b"\n" });
            if self.keyed {
                push_string(&mut out, key);
                out.push(b':');
            }
            out.extend_from_slice(item.as_bytes());
        }
        out.extend_from_slice(if self.keyed { b"\n}}\n" } else { b"\n]}\n" });
        out
    }
}

/// The next value as it stands there.
fn raw(scan: &mut Scanner<'_>) -> Read<String> {
    scan.peek();
    let from = scan.offset();
    scan.skip()?;
    Ok(scan.since(from).to_owned())
}

/// Writes one entry: an object of members in the order given.
#[derive(Debug)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// An object without members.
    pub fn new() -> Self {
        Self(vec![b'{'])
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        push_string(&mut self.0, key);
        self.0.push(b':');
    }

    /// A text; `None` is left out.
    pub fn text(mut self, key: &str, text: Option<&str>) -> Self {
        if let Some(text) = text {
            self.key(key);
            push_string(&mut self.0, text);
        }
        self
    }

    /// A value as it came.
    pub fn raw(mut self, key: &str, raw: &str) -> Self {
        self.key(key);
        self.0.extend_from_slice(raw.as_bytes());
        self
    }

    /// A moment; `None` is left out.
    pub fn epoch(mut self, key: &str, at: Option<crate::EpochS>) -> Self {
        if let Some(at) = at {
            self.key(key);
            push_number(&mut self.0, at.0.max(0).unsigned_abs());
        }
        self
    }

    /// Numbers by name; left out where there are none.
    pub fn numbers<'a>(mut self, key: &str, numbers: impl Iterator<Item = (&'a str, u32)>) -> Self {
        let mut some = false;
        for (name, n) in numbers {
            if some {
                self.0.push(b',');
            } else {
                self.key(key);
                self.0.push(b'{');
                some = true;
            }
            push_string(&mut self.0, name);
            self.0.push(b':');
            push_number(&mut self.0, u64::from(n));
        }
        if some {
            self.0.push(b'}');
        }
        self
    }

    /// The object.
    pub fn end(mut self) -> String {
        self.0.push(b'}');
        // Every piece is text.
        String::from_utf8(self.0).unwrap_or_default()
    }
}

/// What was not understood, within bounds.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub Vec<String>);

impl Problems {
    /// No more problems than this are told.
    const MAX: usize = 16;

    /// Adds one.
    pub fn add(&mut self, what: impl FnOnce() -> String) {
        if self.0.len() < Self::MAX {
            self.0.push(what());
        }
    }
}
