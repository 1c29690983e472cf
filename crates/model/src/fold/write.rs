//! Rows as JSON: object keys sorted, cells with the fields of section 6 alone.

use std::ops::Range;

use super::{HAS_ACTIVE, HAS_TOTAL, Rows, Spot};
use crate::json::{push_number, push_string};
use crate::state::State;

/// Names as they stand in the output, made once.
#[derive(Debug)]
pub struct Rendered {
    /// By rank: `"node":{`.
    nodes: Vec<Box<[u8]>>,
    /// By id: `,"transport":"fc"}`.
    transports: Vec<Box<[u8]>>,
}

impl Rows<'_> {
    /// Makes what [`Self::write`] needs.
    pub fn render(&self) -> Rendered {
        let text = |before: &str, name: &str, after: &str| {
            let mut out = before.as_bytes().to_vec();
            push_string(&mut out, name);
            out.extend_from_slice(after.as_bytes());
            out.into_boxed_slice()
        };
        Rendered {
            nodes: (0..self.node_order.len() as u32)
                .map(|rank| text("", self.node(rank).name, ":{"))
                .collect(),
            transports: self
                .input
                .transports
                .iter()
                .map(|word| text(r#","transport":"#, word, "}"))
                .collect(),
        }
    }

    /// Appends some of the rows, with commas between them and before all but the first row of all.
    pub fn write(&self, rendered: &Rendered, range: Range<usize>, out: &mut Vec<u8>) {
        for at in range {
            let Some(row) = self.rows.get(at) else { return };
            out.extend_from_slice(if at == 0 { b"{" } else { b",{" });
            if let Some(alias) = self.input.aliases.get(&row.wwid) {
                out.extend_from_slice(br#""alias":"#);
                push_string(out, alias);
                out.push(b',');
            }
            out.extend_from_slice(br#""cluster-state":""#);
            out.extend_from_slice(row.state.as_str().as_bytes());
            out.extend_from_slice(br#"","nodes":{"#);
            let mut first = true;
            for spot in self.spots(at) {
                if !first {
                    out.push(b',');
                }
                first = false;
                write_cell(out, &rendered.nodes[spot.rank as usize], spot, rendered);
            }
            out.push(b'}');
            if let Some(size) = row.size {
                out.extend_from_slice(br#","size":"#);
                push_number(out, size);
            }
            if let Some(used_by) = self.input.used_by.get(&row.wwid) {
                out.extend_from_slice(br#","used-by":"#);
                push_string(out, used_by);
            }
            out.extend_from_slice(br#","wwid":"#);
            push_string(out, self.input.wwids[row.wwid as usize]);
            out.push(b'}');
        }
    }

    /// All rows as one array, without a line end.
    pub fn to_json(&self) -> Vec<u8> {
        let rendered = self.render();
        let mut out = vec![b'['];
        self.write(&rendered, 0..self.len(), &mut out);
        out.push(b']');
        out
    }
}

#[inline]
fn write_cell(out: &mut Vec<u8>, node: &[u8], spot: Spot<'_>, rendered: &Rendered) {
    out.extend_from_slice(node);
    let Some(spoken) = spot.spoken else {
        out.extend_from_slice(state_text(spot.state).get(1..).unwrap_or_default());
        out.push(b'}');
        return;
    };
    out.extend_from_slice(br#""paths-active":"#);
    write_count(out, spoken.what & HAS_ACTIVE != 0, spoken.active);
    out.extend_from_slice(br#","paths-total":"#);
    write_count(out, spoken.what & HAS_TOTAL != 0, spoken.total);
    out.extend_from_slice(state_text(spot.state));
    match spoken.transport().and_then(|id| rendered.transports.get(id as usize)) {
        Some(tail) => out.extend_from_slice(tail),
        None => out.push(b'}'),
    }
}

#[inline]
fn write_count(out: &mut Vec<u8>, is: bool, count: u32) {
    if is {
        push_number(out, u64::from(count));
    } else {
        out.extend_from_slice(b"null");
    }
}

fn state_text(state: State) -> &'static [u8] {
    match state {
        State::Optimal => br#","state":"optimal""#,
        State::Degraded => br#","state":"degraded""#,
        State::Missing => br#","state":"missing""#,
        State::Failed => br#","state":"failed""#,
        State::Unknown => br#","state":"unknown""#,
    }
}
