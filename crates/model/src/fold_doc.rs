//! Fold documents (status.md, section 9): one JSON object with the fold's inputs, as `pathkeeper fold` reads it.
//!
//! Reading is pure and total. A big document can be read by two threads: [`guess_split`] finds a place in the middle that
//! looks like the start of a node's report; one thread reads up to it with [`read_front`], the other from it with
//! [`read_back`], and [`join`] puts the halves together. The guess cannot do harm: the front goes by what stands in the
//! text, and unless it arrives at the guessed place just where a report begins, it reads on to the end by itself.
//!
//! What is no fold document: anything but an object; a key of section 6 with a value of another shape; an empty name of a
//! node or LUN. What is as if absent: aliases and consumers that are no text of at most 255 bytes, and what an entry has
//! beyond its bounds. An absent key is empty, unknown keys are ignored, of duplicate keys the last counts: a wrong shape
//! under an earlier one does no harm, so shapes are judged at the end.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::fold::{Input, NodeInput, Spoken, TRANSPORTS_MAX};
use crate::json::{JsonError, Scalar, Scanner};
use crate::report::{TEXT_BYTES_MAX, read_entry};

/// Why a text is no fold document.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DocError {
    /// Not UTF-8.
    #[error("no text: byte {at} is no UTF-8")]
    NotText {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// Not JSON.
    #[error("no JSON: {0}")]
    NotJson(#[from] JsonError),
    /// JSON of another shape.
    #[error("no fold document: {0}")]
    Shape(String),
}

/// A fold document, read.
#[derive(Debug, Default)]
pub struct Document<'a> {
    wwids: Names<'a>,
    transports: Names<'a>,
    nodes: Names<'a>,
    /// By node id.
    reports: Vec<Option<Vec<Spoken>>>,
    /// By node id.
    online: Vec<bool>,
    allow: Vec<u32>,
    aliases: FxHashMap<u32, Cow<'a, str>>,
    used_by: FxHashMap<u32, Cow<'a, str>>,
    expected: FxHashMap<u32, Vec<u32>>,
}

/// The first part of a document that two threads read.
#[derive(Debug)]
pub struct Front<'a> {
    half: Half<'a>,
    /// It stopped at the split; otherwise it is the whole document.
    stopped: bool,
}

/// The second part.
#[derive(Debug)]
pub struct Back<'a>(Half<'a>);

/// The text of a document.
///
/// # Errors
/// If it is no UTF-8.
pub fn text_of(line: &[u8]) -> Result<&str, DocError> {
    std::str::from_utf8(line).map_err(|e| DocError::NotText { at: e.valid_up_to() })
}

/// Reads a whole document.
///
/// # Errors
/// In words, with the place where there is one.
pub fn read(text: &str) -> Result<Document<'_>, DocError> {
    read_front(text, usize::MAX)?.half.finish()
}

/// Reads one line whatever it is, folds it and appends the rows as one line.
///
/// # Errors
/// If it is no fold document; then nothing is appended.
pub fn fold_line(line: &[u8], out: &mut Vec<u8>) -> Result<(), DocError> {
    let document = read(text_of(line)?)?;
    let input = document.input();
    out.extend_from_slice(&crate::fold::fold(&input).to_json());
    out.push(b'\n');
    Ok(())
}

/// A place behind the middle of a text that looks like the name of a node before its report; `None` if there is none.
pub fn guess_split(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = bytes.len() / 2;
    loop {
        // A report ends with its last entry's brace and its own.
        at += bytes.get(at..)?.windows(2).position(|two| two == b"}}")? + 2;
        let mut scan = Scanner::from_offset(text, at);
        if scan.next_member(&mut false).is_ok_and(|more| more) && scan.peek() == Some(b'"') {
            return Some(scan.offset());
        }
    }
}

/// Reads the document up to `split` if a report begins there, else all of it.
///
/// # Errors
/// As [`read`].
pub fn read_front(text: &str, split: usize) -> Result<Front<'_>, DocError> {
    let mut scan = Scanner::new(text);
    if !scan.open_object() {
        let kind = scan.value()?.kind();
        scan.end()?;
        return Err(DocError::Shape(format!("it is {kind}, not an object")));
    }
    let mut half = Half::default();
    let stopped = half.members(&mut scan, &mut true, split)?;
    Ok(Front { half, stopped })
}

/// Reads from `split`, as if a node's report began there, to the end of the document.
///
/// # Errors
/// As [`read`]; but as `split` is a guess, an error counts only if [`join`] says so.
pub fn read_back(text: &str, split: usize) -> Result<Back<'_>, DocError> {
    let mut scan = Scanner::from_offset(text, split);
    let mut half = Half::default();
    half.reports(&mut scan, &mut true, usize::MAX)?;
    half.members(&mut scan, &mut false, usize::MAX)?;
    Ok(Back(half))
}

/// Puts the halves together.
///
/// # Errors
/// The back's, if the front says that it begins where a report does.
pub fn join<'a>(front: Front<'a>, back: Result<Back<'a>, DocError>) -> Result<Document<'a>, DocError> {
    let mut half = front.half;
    if front.stopped {
        half.append(back?.0);
    }
    half.finish()
}

impl Document<'_> {
    /// The fold's input.
    pub fn input(&self) -> Input<'_> {
        Input {
            wwids: self.wwids.list.iter().map(|name| &**name).collect(),
            transports: self.transports.list.iter().map(|word| &**word).collect(),
            nodes: self
                .nodes
                .list
                .iter()
                .enumerate()
                .map(|(id, name)| NodeInput {
                    name,
                    online: self.online.get(id).copied().unwrap_or(false),
                    report: self.reports.get(id).and_then(Option::as_deref),
                })
                .collect(),
            allow: self.allow.clone(),
            expected: self.expected.clone(),
            aliases: self.aliases.iter().map(|(&wwid, text)| (wwid, &**text)).collect(),
            used_by: self.used_by.iter().map(|(&wwid, text)| (wwid, &**text)).collect(),
        }
    }
}

/// Names with ids in order of their coming.
#[derive(Debug, Default)]
struct Names<'a> {
    list: Vec<Cow<'a, str>>,
    ids: FxHashMap<Cow<'a, str>, u32>,
    /// The id that came after each: reports mostly name the same LUNs in the same order.
    next: Vec<u32>,
}

impl<'a> Names<'a> {
    fn id(&mut self, name: Cow<'a, str>) -> u32 {
        if let Some(&id) = self.ids.get(&*name) {
            return id;
        }
        let id = self.list.len() as u32;
        self.list.push(name.clone());
        self.next.push(0);
        self.ids.insert(name, id);
        id
    }

    /// As [`Self::id`]; `previous` is the id that came before, whose follower is tried first.
    #[inline]
    fn id_after(&mut self, previous: u32, name: Cow<'a, str>) -> u32 {
        let guess = self.next.get(previous as usize).copied().unwrap_or(0);
        if self.list.get(guess as usize).is_some_and(|known| **known == *name) {
            return guess;
        }
        let id = self.id(name);
        if let Some(next) = self.next.get_mut(previous as usize) {
            *next = id;
        }
        id
    }
}

/// A value of the right shape, or what is wrong with it.
type Shaped<T> = Result<T, String>;
type NameList<'a> = Shaped<Vec<Cow<'a, str>>>;
type Named<'a, T> = Vec<(Cow<'a, str>, T)>;

/// What one reader found. Keys that it did not meet are `None`: they do not override what stood before.
#[derive(Debug, Default)]
struct Half<'a> {
    allow: Option<NameList<'a>>,
    aliases: Option<Shaped<Named<'a, Option<Cow<'a, str>>>>>,
    used_by: Option<Shaped<Named<'a, Option<Cow<'a, str>>>>>,
    online: Option<Shaped<Named<'a, Shaped<bool>>>>,
    expected: Option<Shaped<Named<'a, NameList<'a>>>>,
    /// Reports in the order of the text; a later one of the same node replaces an earlier one.
    reports: Named<'a, Shaped<Vec<Spoken>>>,
    /// What stands under `reports`, if it is no object.
    reports_wrong: Option<String>,
    /// A key `reports` began in this half, so reports of a half before do not count.
    reports_anew: bool,
    wwids: Names<'a>,
    transports: Names<'a>,
    /// By WWID id: in the how-manieth report it was named last, and where in it.
    seen: Vec<(u32, u32)>,
    reports_read: u32,
}

impl<'a> Half<'a> {
    /// Reads members of the document up to its end; true if it stopped at `split`.
    fn members(&mut self, scan: &mut Scanner<'a>, first: &mut bool, split: usize) -> Result<bool, JsonError> {
        while let Some(key) = scan.next_key(first)? {
            match &*key {
                "allow" => self.allow = Some(names(scan)?),
                "aliases" => self.aliases = Some(members(scan, text)?),
                "used-by" => self.used_by = Some(members(scan, text)?),
                "online" => {
                    self.online = Some(members(scan, |scan| {
                        Ok(match scan.value()? {
                            Scalar::Bool(online) => Ok(online),
                            other => Err(format!("{}, not true or false", other.kind())),
                        })
                    })?);
                }
                "expected" => self.expected = Some(members(scan, names)?),
                "reports" => {
                    self.reports.clear();
                    self.reports_anew = true;
                    self.reports_wrong = None;
                    if !scan.open_object() {
                        self.reports_wrong = Some(format!("{}, not an object", scan.value()?.kind()));
                    } else if self.reports(scan, &mut true, split)? {
                        return Ok(true);
                    }
                }
                _ => scan.skip()?,
            }
        }
        scan.end()?;
        Ok(false)
    }

    /// Reads reports up to the end of their object; true if it stopped at `split`.
    fn reports(&mut self, scan: &mut Scanner<'a>, first: &mut bool, split: usize) -> Result<bool, JsonError> {
        while scan.next_member(first)? {
            if scan.offset() == split {
                return Ok(true);
            }
            let node = scan.key()?;
            let report = if scan.open_object() {
                self.report(scan)?
            } else {
                Err(format!("{}, not an object", scan.value()?.kind()))
            };
            self.reports.push((node, report));
        }
        Ok(false)
    }

    /// Reads one node's report; its brace has been taken.
    fn report(&mut self, scan: &mut Scanner<'a>) -> Result<Shaped<Vec<Spoken>>, JsonError> {
        self.reports_read += 1;
        let number = self.reports_read;
        let like = self.reports.last().and_then(|(_, report)| report.as_ref().ok()).map_or(0, Vec::len);
        let mut entries = Vec::with_capacity(like);
        let mut previous = u32::MAX;
        let mut last_transport = 0;
        let mut nameless = false;
        let mut first = true;
        while let Some(wwid) = scan.next_key(&mut first)? {
            nameless |= wwid.is_empty();
            let id = self.wwids.id_after(previous, wwid);
            previous = id;
            let raw = read_entry(scan, |_| ())?;
            let transport = raw.transport.map(|word| {
                last_transport = self.transports.id_after(last_transport, word);
                last_transport
            });
            let entry = Spoken::new(id, raw.state, raw.active, raw.total, transport, raw.size_bytes);
            let place = id as usize;
            if self.seen.len() <= place {
                self.seen.resize(place + 1, (0, 0));
            }
            match self.seen.get_mut(place) {
                Some(seen) if seen.0 == number => {
                    if let Some(earlier) = entries.get_mut(seen.1 as usize) {
                        *earlier = entry;
                    }
                }
                Some(seen) => {
                    *seen = (number, entries.len() as u32);
                    entries.push(entry);
                }
                None => {}
            }
        }
        Ok(if nameless { Err("a report with an empty WWID".to_owned()) } else { Ok(entries) })
    }

    /// Takes over what the half after this one found.
    fn append(&mut self, back: Half<'a>) {
        self.allow = back.allow.or(self.allow.take());
        self.aliases = back.aliases.or(self.aliases.take());
        self.used_by = back.used_by.or(self.used_by.take());
        self.online = back.online.or(self.online.take());
        self.expected = back.expected.or(self.expected.take());
        if back.reports_anew {
            self.reports.clear();
            self.reports_wrong = back.reports_wrong;
        }
        let wwids: Vec<u32> = back.wwids.list.into_iter().map(|name| self.wwids.id(name)).collect();
        let transports: Vec<u32> = back.transports.list.into_iter().map(|w| self.transports.id(w)).collect();
        for (node, mut report) in back.reports {
            for entry in report.iter_mut().flatten() {
                if let Some(&id) = wwids.get(entry.wwid() as usize) {
                    *entry = entry.with_wwid(id);
                }
                if let Some(&id) = entry.transport().and_then(|t| transports.get(t as usize)) {
                    *entry = entry.with_transport(id);
                }
            }
            self.reports.push((node, report));
        }
    }

    fn finish(self) -> Result<Document<'a>, DocError> {
        if self.transports.list.len() >= TRANSPORTS_MAX as usize {
            return Err(DocError::Shape(format!("it has {TRANSPORTS_MAX} different transports or more")));
        }
        let mut document = Document { wwids: self.wwids, transports: self.transports, ..Document::default() };
        if let Some(wrong) = self.reports_wrong {
            return Err(DocError::Shape(format!("reports is {wrong}")));
        }
        for (node, report) in last_of_each("reports", Ok(self.reports))? {
            let id = document.node(node);
            if let Some(place) = document.reports.get_mut(id as usize) {
                *place = Some(report);
            }
        }
        for (node, online) in last_of_each("online", self.online.unwrap_or(Ok(Vec::new())))? {
            let id = document.node(node);
            if let Some(place) = document.online.get_mut(id as usize) {
                *place = online;
            }
        }
        let allow = self.allow.unwrap_or(Ok(Vec::new()));
        let allow = allow.map_err(|wrong| DocError::Shape(format!("allow is {wrong}")))?;
        document.allow = allow.into_iter().map(|wwid| document.wwids.id(wwid)).collect();
        for (wwid, nodes) in last_of_each("expected", self.expected.unwrap_or(Ok(Vec::new())))? {
            let wwid = document.wwids.id(wwid);
            let nodes = nodes.into_iter().map(|node| document.node(node)).collect();
            document.expected.insert(wwid, nodes);
        }
        let mut texts = |place, list: Option<Shaped<Named<'a, Option<Cow<'a, str>>>>>| {
            let list = list
                .unwrap_or(Ok(Vec::new()))
                .map(|list| list.into_iter().map(|(w, t)| (w, Ok(t))).collect());
            let mut map = FxHashMap::default();
            for (wwid, text) in last_of_each(place, list)? {
                if let Some(text) = text {
                    map.insert(document.wwids.id(wwid), text);
                }
            }
            Ok::<_, DocError>(map)
        };
        let aliases = texts("aliases", self.aliases)?;
        let used_by = texts("used-by", self.used_by)?;
        Ok(Document { aliases, used_by, ..document })
    }
}

/// The last value of each name, in the order of the names' coming; or the words for the first that has a wrong shape.
fn last_of_each<'a, T>(place: &str, list: Shaped<Named<'a, Shaped<T>>>) -> Result<Named<'a, T>, DocError> {
    let list = list.map_err(|wrong| DocError::Shape(format!("{place} is {wrong}")))?;
    let mut at: FxHashMap<Cow<'a, str>, usize> = FxHashMap::default();
    let mut values: Named<'a, Shaped<T>> = Vec::with_capacity(list.len());
    for (name, value) in list {
        if name.is_empty() {
            return Err(DocError::Shape(format!("{place}: a name is empty")));
        }
        match at.get(&*name).and_then(|&at| values.get_mut(at)) {
            Some(earlier) => earlier.1 = value,
            None => {
                at.insert(name.clone(), values.len());
                values.push((name, value));
            }
        }
    }
    values
        .into_iter()
        .map(|(name, value)| match value {
            Ok(value) => Ok((name, value)),
            Err(wrong) => Err(DocError::Shape(format!("{place}: {} is {wrong}", quote(&name)))),
        })
        .collect()
}

impl<'a> Document<'a> {
    fn node(&mut self, name: Cow<'a, str>) -> u32 {
        let id = self.nodes.id(name);
        if self.reports.len() <= id as usize {
            self.reports.push(None);
            self.online.push(false);
        }
        id
    }
}

/// A name for an error message: short, and on one line.
fn quote(name: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    let mut shown: String = name.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// An object's members, each read by `member`; or what stands there instead.
fn members<'a, T>(
    scan: &mut Scanner<'a>,
    mut member: impl FnMut(&mut Scanner<'a>) -> Result<T, JsonError>,
) -> Result<Shaped<Named<'a, T>>, JsonError> {
    if !scan.open_object() {
        return Ok(Err(format!("{}, not an object", scan.value()?.kind())));
    }
    let mut list = Vec::new();
    let mut first = true;
    while let Some(name) = scan.next_key(&mut first)? {
        list.push((name, member(scan)?));
    }
    Ok(Ok(list))
}

/// An array of names that are not empty; or what stands there instead.
fn names<'a>(scan: &mut Scanner<'a>) -> Result<NameList<'a>, JsonError> {
    if !scan.open_array() {
        return Ok(Err(format!("{}, not an array", scan.value()?.kind())));
    }
    let mut list = Ok(Vec::new());
    let mut first = true;
    while scan.next_item(&mut first)? {
        let item = match scan.value()? {
            Scalar::Text(name) if !name.is_empty() => Ok(name),
            Scalar::Text(_) => Err("an array with an empty name".to_owned()),
            other => Err(format!("an array with {} among the names", other.kind())),
        };
        match (&mut list, item) {
            (Ok(names), Ok(name)) => names.push(name),
            (Ok(_), Err(wrong)) => list = Err(wrong),
            (Err(_), _) => {}
        }
    }
    Ok(list)
}

/// A text; `None` for what is no text, or too long a one.
fn text<'a>(scan: &mut Scanner<'a>) -> Result<Option<Cow<'a, str>>, JsonError> {
    Ok(match scan.value()? {
        Scalar::Text(text) if text.len() <= TEXT_BYTES_MAX => Some(text),
        _ => None,
    })
}
