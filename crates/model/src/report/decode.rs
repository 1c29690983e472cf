//! Bytes to a part.

use std::borrow::Cow;

use super::{PARTS_MAX, Part, PartError, Problems, Stamp, TEXT_BYTES_MAX, sort_and_dedup};
use crate::ids::{EpochS, Instance, Wwid};
use crate::json::{JsonError, Scalar, Scanner};
use crate::state::{Entry, State, Transport};

/// Reads one value of the key `multipath` or `multipath-N`.
///
/// A NUL and what follows it is cut (pmxcfs values end so). Unknown keys are ignored, of duplicate keys the last
/// counts. A bad entry becomes one of state `unknown` without counts, and a problem.
///
/// # Errors
/// In words, if the value cannot be used at all: no JSON object, no object under `maps`, or parts that make no sense.
pub fn decode_part(value: &[u8]) -> Result<Part, PartError> {
    let value = value.split(|&b| b == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(value).map_err(|e| PartError::NotText { at: e.valid_up_to() })?;
    let mut scan = Scanner::new(text);
    if !scan.open_object() {
        let kind = scan.value()?.kind();
        scan.end()?;
        return Err(PartError::NotObject { kind });
    }

    let mut maps: Result<Vec<(Wwid, Entry)>, &'static str> = Err("nothing");
    let mut problems = Problems::default();
    let mut maps_problems = Problems::default();
    let (mut time, mut instance, mut seq, mut part, mut parts) = (None, None, None, None, None);
    let mut first = true;
    while let Some(key) = scan.next_key(&mut first)? {
        match &*key {
            "maps" => {
                maps_problems = Problems::default();
                maps = if scan.open_object() {
                    Ok(read_maps(&mut scan, &mut maps_problems)?)
                } else {
                    Err(scan.value()?.kind())
                };
            }
            "time" => time = Some(scan.value()?),
            "instance" => instance = Some(scan.value()?),
            "seq" => seq = Some(scan.value()?),
            "part" => part = Some(scan.value()?),
            "parts" => parts = Some(scan.value()?),
            _ => scan.skip()?,
        }
    }
    scan.end()?;

    let mut entries = match maps {
        Ok(entries) => entries,
        Err("nothing") => return Err(PartError::NoMaps { what: "it has no key maps".to_owned() }),
        Err(kind) => {
            return Err(PartError::NoMaps { what: format!("under maps stands {kind}, not an object") });
        }
    };
    sort_and_dedup(&mut entries);

    let time = match time {
        None => None,
        Some(Scalar::Unsigned(n)) if i64::try_from(n).is_ok() => i64::try_from(n).ok().map(EpochS),
        Some(_) => {
            problems.add(None, || "time is no whole number of seconds".to_owned());
            None
        }
    };
    let stamp = read_stamp(instance, seq, &mut problems);
    let (part, parts) = read_part_numbers(part, parts, stamp.is_some())?;
    problems.append(maps_problems);
    Ok(Part { stamp, time, part, parts, entries, problems })
}

fn read_stamp(
    instance: Option<Scalar<'_>>,
    seq: Option<Scalar<'_>>,
    problems: &mut Problems,
) -> Option<Stamp> {
    let instance = match instance {
        None => None,
        Some(Scalar::Text(text)) if Instance::parse(&text).is_some() => Instance::parse(&text),
        Some(_) => {
            problems.add(None, || "instance is no string of 16 hex digits".to_owned());
            None
        }
    };
    let seq = match seq {
        None => None,
        Some(Scalar::Unsigned(n)) => Some(n),
        Some(_) => {
            problems.add(None, || "seq is no whole number".to_owned());
            None
        }
    };
    Some(Stamp { instance: instance?, seq: seq? })
}

fn read_part_numbers(
    part: Option<Scalar<'_>>,
    parts: Option<Scalar<'_>>,
    stamped: bool,
) -> Result<(u32, u32), PartError> {
    let bad = |what: String| Err(PartError::BadParts { what });
    let number = |value: Option<Scalar<'_>>| match value {
        None => Some(1),
        Some(Scalar::Unsigned(n)) => u32::try_from(n).ok().filter(|n| (1..=PARTS_MAX).contains(n)),
        Some(_) => None,
    };
    let (Some(part), Some(parts)) = (number(part), number(parts)) else {
        return bad(format!("part or parts is no whole number from 1 to {PARTS_MAX}"));
    };
    if part > parts {
        return bad(format!("it says that it is part {part} of {parts}"));
    }
    if parts > 1 && !stamped {
        return bad(format!("it is part {part} of {parts} without instance and seq, so it cannot be joined"));
    }
    Ok((part, parts))
}

/// Reads the members of `maps`; its brace has been taken.
fn read_maps<'a>(scan: &mut Scanner<'a>, problems: &mut Problems) -> Result<Vec<(Wwid, Entry)>, JsonError> {
    let mut entries = Vec::new();
    let mut first = true;
    while let Some(key) = scan.next_key(&mut first)? {
        let wwid = Wwid::new(&key);
        let entry = read_entry(scan, |what| problems.add(wwid.as_ref(), || what.to_owned()))?;
        match wwid {
            Some(wwid) => entries.push((wwid, entry.into())),
            None => problems.add(None, || "an entry without a name".to_owned()),
        }
    }
    Ok(entries)
}

/// An entry that still borrows from its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RawEntry<'a> {
    pub state: State,
    pub active: Option<u32>,
    pub total: Option<u32>,
    pub expected: Option<u32>,
    pub transport: Option<Cow<'a, str>>,
    pub size_bytes: Option<u64>,
}

impl From<RawEntry<'_>> for Entry {
    fn from(raw: RawEntry<'_>) -> Self {
        Entry {
            state: raw.state,
            paths_active: raw.active,
            paths_total: raw.total,
            paths_expected: raw.expected,
            transport: raw.transport.as_deref().and_then(Transport::parse),
            size_bytes: raw.size_bytes,
        }
    }
}

/// Reads one entry, whatever stands there. `note` hears what was malformed.
#[inline]
pub(crate) fn read_entry<'a>(
    scan: &mut Scanner<'a>,
    mut note: impl FnMut(&'static str),
) -> Result<RawEntry<'a>, JsonError> {
    let mut entry = RawEntry {
        state: State::Unknown,
        active: None,
        total: None,
        expected: None,
        transport: None,
        size_bytes: None,
    };
    if !scan.open_object() {
        scan.skip()?;
        note("the entry is not an object");
        return Ok(entry);
    }
    let mut has_state = false;
    let mut first = true;
    while let Some(key) = scan.next_key(&mut first)? {
        match &*key {
            "state" => {
                has_state = true;
                let word = match scan.value()? {
                    Scalar::Text(word) => State::parse(&word),
                    _ => None,
                };
                entry.state = word.unwrap_or(State::Unknown);
                if word.is_none() {
                    note("state is none of the five words");
                }
            }
            "paths-active" => {
                entry.active =
                    read_count(scan, || note("paths-active is no whole number from 0 to 4294967295"))?;
            }
            "paths-total" => {
                entry.total =
                    read_count(scan, || note("paths-total is no whole number from 0 to 4294967295"))?;
            }
            "paths-expected" => {
                entry.expected =
                    read_count(scan, || note("paths-expected is no whole number from 0 to 4294967295"))?;
            }
            "transport" => {
                entry.transport = match scan.value()? {
                    Scalar::Text(word) if word.len() <= TEXT_BYTES_MAX => Some(word),
                    Scalar::Null => None,
                    _ => {
                        note("transport is no text of at most 255 bytes");
                        None
                    }
                };
            }
            "size" => {
                entry.size_bytes = match scan.value()? {
                    Scalar::Unsigned(n) if i64::try_from(n).is_ok() => Some(n),
                    Scalar::Null => None,
                    _ => {
                        note("size is no whole number from 0 to 2^63-1");
                        None
                    }
                };
            }
            _ => scan.skip()?,
        }
    }
    if !has_state {
        note("the entry has no state");
    }
    Ok(entry)
}

#[inline]
fn read_count(scan: &mut Scanner<'_>, bad: impl FnOnce()) -> Result<Option<u32>, JsonError> {
    Ok(match scan.value()? {
        Scalar::Unsigned(n) if u32::try_from(n).is_ok() => u32::try_from(n).ok(),
        Scalar::Null => None,
        _ => {
            bad();
            None
        }
    })
}
