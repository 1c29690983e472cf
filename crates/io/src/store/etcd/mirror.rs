//! The copy of what is in etcd, that this node answers from: filled by a list, kept by a watch.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use pathkeeper_model::NodeName;

use super::layout::{Layout, Place};
use crate::store::{Hint, Key, VALUE_BYTES_MAX, Value};

/// More keys than this are not kept: far more than a thousand nodes write, and a bound on what a stranger can do.
const KEYS_MAX: usize = 200_000;

/// One key as etcd gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    /// `None` = it was deleted.
    pub(super) value: Option<Bytes>,
    pub(super) mod_revision: i64,
    /// The lease that it ends with; 0 = none.
    pub(super) lease: i64,
}

/// What is known of etcd's content.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    /// Values and the revision of their last change.
    values: BTreeMap<(NodeName, Key), (Bytes, i64)>,
    known: BTreeSet<NodeName>,
    /// Online nodes and the lease that says so.
    alive: BTreeMap<NodeName, i64>,
    /// Everything up to this revision is in here; 0 = nothing was listed yet.
    revision: i64,
}

impl Mirror {
    /// What a list at `revision` gave.
    pub(super) fn of(layout: &Layout, entries: Vec<Entry>, revision: i64) -> Self {
        let mut mirror = Self::default();
        for entry in entries {
            mirror.apply(layout, entry);
        }
        mirror.revision = revision;
        mirror
    }

    /// Takes one change over; the hint for readers, if it is anything of ours.
    pub(super) fn apply(&mut self, layout: &Layout, entry: Entry) -> Option<Hint> {
        self.revision = self.revision.max(entry.mod_revision);
        let full = self.values.len() + self.known.len() + self.alive.len() >= KEYS_MAX;
        match (layout.place(&entry.key)?, entry.value) {
            (Place::Value(writer, key), value) => {
                let slot = (writer.clone(), key.clone());
                // Too large for any store: nobody of ours wrote it, the one before it no longer holds, and it is not
                // cleared either. What stands for it cannot be read as anything, and so readers say.
                let usable = |bytes: Bytes| if bytes.len() > VALUE_BYTES_MAX { Bytes::new() } else { bytes };
                match value.map(usable) {
                    Some(_) if full && !self.values.contains_key(&slot) => return None,
                    Some(bytes) => {
                        self.values.insert(slot, (bytes, entry.mod_revision));
                    }
                    None => {
                        self.values.remove(&slot);
                    }
                }
                Some(Hint::Value { writer, key })
            }
            (Place::Known(_) | Place::Alive(_), Some(_)) if full => None,
            (Place::Known(node), Some(_)) => self.known.insert(node).then_some(Hint::Members),
            (Place::Known(node), None) => self.known.remove(&node).then_some(Hint::Members),
            (Place::Alive(node), Some(_)) => {
                self.alive.insert(node, entry.lease).is_none().then_some(Hint::Members)
            }
            (Place::Alive(node), None) => self.alive.remove(&node).map(|_| Hint::Members),
            (Place::Document(name), _) => Some(Hint::Document(name)),
        }
    }

    pub(super) fn revision(&self) -> i64 {
        self.revision
    }

    pub(super) fn get(&self, writer: &NodeName, key: &Key) -> Option<Bytes> {
        // A BTreeMap of pairs is asked by a pair.
        self.values.get(&(writer.clone(), key.clone())).map(|(bytes, _)| bytes.clone())
    }

    /// The revision of a value's last change; 0 where there is none.
    pub(super) fn mod_revision(&self, writer: &NodeName, key: &Key) -> i64 {
        self.values.get(&(writer.clone(), key.clone())).map_or(0, |(_, revision)| *revision)
    }

    pub(super) fn list(&self) -> Vec<Value> {
        let value = |((writer, key), (bytes, _)): (&(NodeName, Key), &(Bytes, i64))| Value {
            writer: writer.clone(),
            key: key.clone(),
            bytes: bytes.clone(),
        };
        self.values.iter().map(value).collect()
    }

    /// Every known node and whether it is online.
    pub(super) fn nodes(&self) -> BTreeMap<NodeName, bool> {
        let offline = self.known.iter().map(|node| (node.clone(), false));
        let online = self.alive.keys().map(|node| (node.clone(), true));
        offline.chain(online).collect()
    }

    pub(super) fn is_known(&self, node: &NodeName) -> bool {
        self.known.contains(node)
    }

    /// The lease that says that a node is online.
    pub(super) fn lease(&self, node: &NodeName) -> Option<i64> {
        self.alive.get(node).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DocumentName;

    fn put(key: &str, value: &str, mod_revision: i64) -> Entry {
        Entry { key: key.into(), value: Some(Bytes::from(value.to_owned())), mod_revision, lease: 7 }
    }

    fn deleted(key: &str, mod_revision: i64) -> Entry {
        Entry { key: key.into(), value: None, mod_revision, lease: 0 }
    }

    fn node(name: &str) -> NodeName {
        NodeName::new(name).unwrap()
    }

    #[test]
    fn changes_show_and_give_hints_and_rubbish_gives_none() {
        let layout = Layout::new("/p");
        let (a, b) = (node("a"), node("b"));
        let mut mirror = Mirror::of(&layout, vec![put("/p/values/a/x", "1", 3), put("/p/nodes/b", "", 4)], 9);
        assert_eq!(mirror.revision(), 9);
        assert_eq!(mirror.nodes(), BTreeMap::from([(b.clone(), false)]));
        let x = Key::new("x").unwrap();
        let of_x = Some(Hint::Value { writer: a.clone(), key: x.clone() });
        assert_eq!(mirror.apply(&layout, put("/p/values/a/x", "2", 10)), of_x);
        assert_eq!(mirror.get(&a, &x).as_deref(), Some(&b"2"[..]));
        assert_eq!((mirror.mod_revision(&a, &x), mirror.mod_revision(&b, &x)), (10, 0));
        assert_eq!(mirror.apply(&layout, put("/p/alive/a", "", 11)), Some(Hint::Members));
        assert_eq!(mirror.apply(&layout, put("/p/alive/a", "", 12)), None, "online already");
        assert_eq!((mirror.lease(&a), mirror.lease(&b)), (Some(7), None));
        assert_eq!(mirror.nodes(), BTreeMap::from([(a.clone(), true), (b.clone(), false)]));
        assert_eq!(mirror.apply(&layout, deleted("/p/alive/a", 13)), Some(Hint::Members));
        assert_eq!(mirror.apply(&layout, deleted("/p/values/a/x", 14)), of_x);
        assert_eq!(mirror.list(), []);
        let name = DocumentName::new("multipath.cfg").unwrap();
        let document = mirror.apply(&layout, put("/p/documents/multipath.cfg", "", 15));
        assert_eq!(document, Some(Hint::Document(name)));
        assert_eq!(mirror.apply(&layout, put("/p/what/ever", "", 16)), None);
        assert_eq!(mirror.revision(), 16);
    }

    #[test]
    fn a_value_that_is_too_large_hides_the_one_before_it_and_is_not_absent() {
        let layout = Layout::new("/p");
        let mut mirror = Mirror::of(&layout, vec![put("/p/values/a/x", "1", 3)], 3);
        let large = "x".repeat(VALUE_BYTES_MAX + 1);
        assert!(mirror.apply(&layout, put("/p/values/a/x", &large, 4)).is_some());
        let (a, x) = (node("a"), Key::new("x").unwrap());
        assert_eq!(mirror.get(&a, &x), Some(Bytes::new()));
        assert_eq!((mirror.list().len(), mirror.mod_revision(&a, &x)), (1, 4));
    }
}
