//! What the fold is given now, as a fold document (docs/status.md, section 9): whoever replays it gets the rows of the status.

use pathkeeper_model::Wwid;
use pathkeeper_model::json::{push_number, push_string};
use pathkeeper_model::state::Entry;

use super::Cluster;

/// Appends members with commas between them.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Members<'a> {
    fn new(out: &'a mut Vec<u8>, name: &str) -> Self {
        push_string(out, name);
        out.push(b':');
        out.push(if name == "allow" { b'[' } else { b'{' });
        Self { out, first: true }
    }

    fn next(&mut self, text: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        push_string(self.out, text);
        self.out
    }
}

impl Cluster {
    /// One line without its end.
    pub(super) fn fold_document(&self) -> String {
        let mut out = b"{".to_vec();
        let rows = || self.matrix.rows();
        let mut allow = Members::new(&mut out, "allow");
        rows().filter(|row| row.is_watched()).for_each(|row| {
            allow.next(row.wwid().as_str());
        });
        out.extend_from_slice(b"],");
        let mut aliases = Members::new(&mut out, "aliases");
        for (wwid, alias) in rows().filter_map(|row| Some((row.wwid(), row.alias()?))) {
            let out = aliases.next(wwid.as_str());
            out.push(b':');
            push_string(out, alias);
        }
        out.extend_from_slice(b"},");
        let mut used_by = Members::new(&mut out, "used-by");
        for (wwid, used) in rows().filter_map(|row| Some((row.wwid(), row.used_by()?))) {
            let out = used_by.next(wwid.as_str());
            out.push(b':');
            push_string(out, used);
        }
        out.extend_from_slice(b"},");
        let mut expected = Members::new(&mut out, "expected");
        for row in rows().filter(|row| row.is_watched()) {
            let nodes =
                self.expectations.of(row.wwid()).map(|outcome| outcome.nodes.clone()).unwrap_or_default();
            if nodes.is_empty() {
                continue;
            }
            let out = expected.next(row.wwid().as_str());
            out.extend_from_slice(b":[");
            for (at, node) in nodes.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_string(out, node.as_str());
            }
            out.push(b']');
        }
        out.extend_from_slice(b"},");
        let mut online = Members::new(&mut out, "online");
        for (node, is) in &self.fed_online {
            let word: &[u8] = if *is { b":true" } else { b":false" };
            online.next(node.as_str()).extend_from_slice(word);
        }
        out.extend_from_slice(b"},");
        let mut reports = Members::new(&mut out, "reports");
        for (node, record) in &self.nodes {
            let Some(whole) = &record.whole else { continue };
            let out = reports.next(node.as_str());
            out.extend_from_slice(b":{");
            for (at, (wwid, entry)) in whole.entries.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_entry(out, wwid, entry);
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"}}");
        String::from_utf8_lossy(&out).into_owned()
    }
}

fn push_entry(out: &mut Vec<u8>, wwid: &Wwid, entry: &Entry) {
    push_string(out, wwid.as_str());
    out.extend_from_slice(br#":{"state":"#);
    push_string(out, entry.state.as_str());
    let counts = [
        (&b",\"paths-active\":"[..], entry.paths_active),
        (b",\"paths-total\":", entry.paths_total),
        (b",\"paths-expected\":", entry.paths_expected),
    ];
    for (name, n) in counts {
        if let Some(n) = n {
            out.extend_from_slice(name);
            push_number(out, n.into());
        }
    }
    if let Some(size) = entry.size_bytes {
        out.extend_from_slice(b",\"size\":");
        push_number(out, size);
    }
    if let Some(transport) = &entry.transport {
        out.extend_from_slice(b",\"transport\":");
        push_string(out, transport.as_str());
    }
    out.push(b'}');
}
