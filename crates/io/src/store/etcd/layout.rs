//! What is written where: keys below the prefix, and what a key found there means.
//!
//! | key | what |
//! | --- | --- |
//! | `P/values/<node>/<key>` | a value |
//! | `P/fresh/<node>` | the value [`FRESH_KEY`], the only one that is written while nothing changes |
//! | `P/nodes/<node>` | the node is known |
//! | `P/alive/<node>` | it is online; bound to a lease |
//! | `P/documents/<name>` | a document |

use pathkeeper_model::NodeName;
use pathkeeper_model::fresh::FRESH_KEY;

use crate::store::{DocumentName, Key};

/// The keys below one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    prefix: String,
}

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Value(NodeName, Key),
    Known(NodeName),
    Alive(NodeName),
    Document(DocumentName),
}

impl Layout {
    /// Below `prefix`, which ends in no slash.
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.trim_end_matches('/').to_owned() }
    }

    /// All of ours: the prefix to watch and to be granted.
    pub(super) fn all(&self) -> String {
        format!("{}/", self.prefix)
    }

    /// The ranges that hold everything but documents, which are read one by one: `[from, to)` each.
    pub(super) fn mirrored(&self) -> [(String, String); 2] {
        // '0' is the character after '/': the end of everything below a folder.
        let p = &self.prefix;
        [(format!("{p}/alive/"), format!("{p}/alive0")), (format!("{p}/fresh/"), format!("{p}/values0"))]
    }

    pub(super) fn value(&self, node: &NodeName, key: &Key) -> String {
        if key.as_str() == FRESH_KEY {
            return format!("{}/fresh/{node}", self.prefix);
        }
        format!("{}/values/{node}/{key}", self.prefix)
    }

    /// All values of a node but the freshness marker.
    pub(super) fn values(&self, node: &NodeName) -> String {
        format!("{}/values/{node}/", self.prefix)
    }

    pub(super) fn fresh(&self, node: &NodeName) -> String {
        format!("{}/fresh/{node}", self.prefix)
    }

    pub(super) fn known(&self, node: &NodeName) -> String {
        format!("{}/nodes/{node}", self.prefix)
    }

    pub(super) fn alive(&self, node: &NodeName) -> String {
        format!("{}/alive/{node}", self.prefix)
    }

    pub(super) fn document(&self, name: &DocumentName) -> String {
        format!("{}/documents/{}", self.prefix, name.as_str())
    }

    /// What a key stands for; `None` for one that nobody of ours wrote.
    pub(super) fn place(&self, key: &[u8]) -> Option<Place> {
        let key = std::str::from_utf8(key).ok()?;
        let (kind, rest) = key.strip_prefix(&self.prefix)?.strip_prefix('/')?.split_once('/')?;
        match kind {
            "values" => {
                let (writer, key) = rest.split_once('/')?;
                // The marker has its own place; one that stands here is not ours.
                let key = Key::new(key).ok().filter(|key| key.as_str() != FRESH_KEY)?;
                Some(Place::Value(node(writer)?, key))
            }
            "fresh" => Some(Place::Value(node(rest)?, Key::new(FRESH_KEY).ok()?)),
            "nodes" => Some(Place::Known(node(rest)?)),
            "alive" => Some(Place::Alive(node(rest)?)),
            "documents" => Some(Place::Document(DocumentName::new(rest).ok()?)),
            _ => None,
        }
    }
}

/// A node's name as the settings take it: 1 to 63 letters, digits, `.`, `_`, `-`.
pub(super) fn node(name: &str) -> Option<NodeName> {
    let good = (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if good { NodeName::new(name) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout::new("/p/k")
    }

    #[test]
    fn every_key_that_is_written_is_found_again_and_lies_in_what_is_listed() {
        let layout = layout();
        let a = NodeName::new("pve-1.A_b").unwrap();
        let (fresh, other) = (Key::new(FRESH_KEY).unwrap(), Key::new("multipath-detail-2").unwrap());
        let document = DocumentName::new("pathkeeper/rollout").unwrap();
        let pairs = [
            (layout.value(&a, &fresh), Place::Value(a.clone(), fresh)),
            (layout.value(&a, &other), Place::Value(a.clone(), other)),
            (layout.known(&a), Place::Known(a.clone())),
            (layout.alive(&a), Place::Alive(a.clone())),
            (layout.document(&document), Place::Document(document)),
        ];
        for (key, place) in pairs {
            assert!(key.starts_with(&layout.all()), "{key}");
            let listed = layout.mirrored().iter().any(|(from, to)| (from..to).contains(&&key));
            assert_eq!(listed, !matches!(place, Place::Document(_)), "{key}");
            assert_eq!(layout.place(key.as_bytes()), Some(place), "{key}");
        }
        assert_eq!(layout.value(&a, &Key::new(FRESH_KEY).unwrap()), layout.fresh(&a));
        assert!(layout.value(&a, &Key::new("x").unwrap()).starts_with(&layout.values(&a)));
    }

    #[test]
    fn what_nobody_of_ours_wrote_stands_for_nothing() {
        let long = format!("/p/k/nodes/{}", "n".repeat(64));
        let rubbish = [
            "",
            "/p/k",
            "/p/k/",
            "/p/kk/nodes/a",
            "/p/k/nodes/",
            "/p/k/nodes/a/b",
            "/p/k/nodes/a b",
            "/p/k/nodes/ä",
            "/p/k/values/a",
            "/p/k/values//x",
            "/p/k/values/a/",
            "/p/k/values/a/X",
            "/p/k/values/a/b/c",
            "/p/k/values/a/multipath-fresh",
            "/p/k/documents/",
            "/p/k/documents/../x",
            "/p/k/elsewhere/a",
            "/other/nodes/a",
            &long,
        ];
        for key in rubbish {
            assert_eq!(layout().place(key.as_bytes()), None, "{key}");
        }
        assert_eq!(layout().place(b"/p/k/nodes/\xff"), None);
    }
}
