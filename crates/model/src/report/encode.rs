//! A report to its parts.

use serde::Serialize;

use super::{REPORT_BYTES_MAX, Stamp, TEXT_BYTES_MAX};
use crate::ids::{EpochS, Wwid};
use crate::json::push_string;
use crate::state::Entry;

/// A report ready to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Encoded {
    /// The values in the order 1..N, never none. They are written last first, so that `multipath` comes when all others stand.
    pub parts: Vec<Vec<u8>>,
    /// LUNs whose entry alone is longer than a value may be; they are in no part, so peers that expect them say `missing`.
    pub left_out: Vec<Wwid>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct WireEntry<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    paths_active: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paths_total: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paths_expected: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

const HEAD: &[u8] = br#"{"maps":{"#;

/// Writes a report: one value if it fits into [`REPORT_BYTES_MAX`], else as few as filling them in byte order of the
/// WWIDs gives. The same input always gives the same bytes, in whatever order the entries come; of several for one
/// LUN the last counts.
pub fn encode<'a>(
    stamp: Stamp,
    time: EpochS,
    entries: impl IntoIterator<Item = (&'a Wwid, &'a Entry)>,
) -> Encoded {
    let mut sorted: Vec<(&Wwid, &Entry)> = entries.into_iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(b.0));
    let mut members: Vec<(&Wwid, Vec<u8>)> = Vec::with_capacity(sorted.len());
    for (wwid, entry) in sorted {
        let member = encode_member(wwid, entry);
        match members.last_mut() {
            Some(last) if last.0 == wwid => last.1 = member,
            _ => members.push((wwid, member)),
        }
    }

    let whole_tail = tail(stamp, time, None);
    let whole = HEAD.len() + joined_len(&members) + whole_tail.len();
    if whole <= REPORT_BYTES_MAX {
        let bodies = members.iter().map(|(_, body)| body.as_slice());
        return Encoded { parts: vec![assemble(bodies, &whole_tail)], left_out: Vec::new() };
    }

    // How long a tail gets is known only with the number of parts; the longest that can be is kept free.
    let room = REPORT_BYTES_MAX - HEAD.len() - tail(stamp, time, Some((u32::MAX, u32::MAX))).len();
    let mut groups: Vec<Vec<&[u8]>> = vec![Vec::new()];
    let mut used = 0;
    let mut left_out = Vec::new();
    for (wwid, body) in &members {
        if body.len() > room {
            left_out.push((*wwid).clone());
            continue;
        }
        if used > 0 && used + 1 + body.len() > room {
            groups.push(Vec::new());
            used = 0;
        }
        used += usize::from(used > 0) + body.len();
        if let Some(group) = groups.last_mut() {
            group.push(body);
        }
    }
    let count = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    let parts = groups
        .into_iter()
        .zip(1u32..)
        .map(|(group, part)| {
            let numbers = (count > 1).then_some((part, count));
            assemble(group.into_iter(), &tail(stamp, time, numbers))
        })
        .collect();
    Encoded { parts, left_out }
}

fn encode_member(wwid: &Wwid, entry: &Entry) -> Vec<u8> {
    let wire = WireEntry {
        state: entry.state.as_str(),
        paths_active: entry.paths_active,
        paths_total: entry.paths_total,
        paths_expected: entry.paths_expected,
        transport: entry.transport.as_ref().map(|t| t.as_str()).filter(|t| t.len() <= TEXT_BYTES_MAX),
        size: entry.size_bytes.filter(|&n| i64::try_from(n).is_ok()),
    };
    let mut body = Vec::with_capacity(192);
    push_string(&mut body, wwid.as_str());
    body.push(b':');
    // Writing plain fields into a Vec has no way to fail; were there one, the entry would read as malformed.
    if serde_json::to_writer(&mut body, &wire).is_err() {
        body.extend_from_slice(b"null");
    }
    body
}

fn joined_len(members: &[(&Wwid, Vec<u8>)]) -> usize {
    members.iter().map(|(_, body)| body.len() + 1).sum::<usize>().saturating_sub(1)
}

fn tail(stamp: Stamp, time: EpochS, part: Option<(u32, u32)>) -> Vec<u8> {
    let mut tail =
        format!(r#"}},"time":{},"v":1,"instance":"{}","seq":{}"#, time.0.max(0), stamp.instance, stamp.seq);
    if let Some((part, parts)) = part {
        tail.push_str(&format!(r#","parts":{parts},"part":{part}"#));
    }
    tail.push('}');
    tail.into_bytes()
}

fn assemble<'a>(bodies: impl Iterator<Item = &'a [u8]>, tail: &[u8]) -> Vec<u8> {
    let mut value = HEAD.to_vec();
    for (i, body) in bodies.enumerate() {
        if i > 0 {
            value.push(b',');
        }
        value.extend_from_slice(body);
    }
    value.extend_from_slice(tail);
    value
}
