//! What this node says of itself goes into its own picture at once, whether the store takes it or not.
//!
//! A node that is cut off from the others (no quorum, no network) cannot put; its own paths it still knows better than
//! anyone. Without this its own column would show what the store took last, for as long as that is believed.

use std::collections::BTreeMap;

use bytes::Bytes;
use pathkeeper_io::store::Key;
use pathkeeper_model::NodeName;
use pathkeeper_model::fresh::FRESH_KEY;
use pathkeeper_model::node_value::NODE_KEY;

/// Keeps what the agent says and what the store holds of this node from contradicting each other.
#[derive(Debug)]
pub struct OwnValues {
    node: NodeName,
    /// What an earlier run left in the store. While our own values are not taken, each new list of the store brings it
    /// again, and it would look like a second agent of this name.
    before: BTreeMap<Key, Bytes>,
    /// What was said last, and whether the store has shown just that. Until then what it shows under that key is older: of
    /// an earlier run, perhaps one that the others took while we were cut off from them, or an earlier word of ours.
    said: BTreeMap<Key, (Bytes, bool)>,
    /// The store has told everything once.
    listed: bool,
    /// Said before that.
    waiting: Vec<(Key, Option<Bytes>)>,
}

impl OwnValues {
    /// Nothing was said yet.
    pub fn new(node: NodeName) -> Self {
        Self { node, before: BTreeMap::new(), said: BTreeMap::new(), listed: false, waiting: Vec::new() }
    }

    /// Whether a value from the store is news.
    pub fn is_news(&mut self, writer: &NodeName, key: &Key, bytes: Option<&Bytes>) -> bool {
        if *writer != self.node {
            return true;
        }
        let Some(bytes) = bytes else { return true };
        if self.listed {
            return match self.said.get_mut(key) {
                Some((said, shown)) if !*shown => {
                    *shown = said == bytes;
                    *shown
                }
                _ => self.before.get(key) != Some(bytes),
            };
        }
        self.before.insert(key.clone(), bytes.clone());
        true
    }

    /// The agent says something: what is to be taken now.
    pub fn say(&mut self, values: Vec<(Key, Option<Bytes>)>) -> Vec<(Key, Option<Bytes>)> {
        let told = |key: &Key| values.iter().any(|(told, _)| told == key);
        if values.iter().any(|(key, _)| key.as_str() == NODE_KEY) {
            // Everything but the marker is said at once, so what is not said any more is left to others.
            self.said.retain(|key, _| key.as_str() == FRESH_KEY || told(key));
        }
        for (key, bytes) in &values {
            match bytes {
                None => drop(self.said.remove(key)),
                Some(bytes) if self.said.get(key).is_some_and(|(said, _)| said == bytes) => {}
                Some(bytes) => drop(self.said.insert(key.clone(), (bytes.clone(), false))),
            }
        }
        if self.listed {
            return values;
        }
        // Only the last of each is worth anything: what was not taken in time is said anew, with all of its parts.
        self.waiting.retain(|(old, _)| !values.iter().any(|(new, _)| new == old));
        self.waiting.extend(values);
        Vec::new()
    }

    /// The store has told everything: what was said meanwhile is to be taken now.
    pub fn listed(&mut self) -> Vec<(Key, Option<Bytes>)> {
        self.listed = true;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_run_left_is_news_once_and_a_second_agent_always() {
        let (me, other) = (NodeName::new("a").unwrap(), NodeName::new("b").unwrap());
        let key = Key::new("multipath").unwrap();
        let value = |text: &'static str| Bytes::from_static(text.as_bytes());
        let mut own = OwnValues::new(me.clone());
        assert_eq!(own.say(vec![(key.clone(), Some(value("mine 1")))]), []);
        assert_eq!(own.say(vec![(key.clone(), Some(value("mine 2")))]), []);
        assert!(own.is_news(&me, &key, Some(&value("left over"))));
        assert_eq!(own.listed(), [(key.clone(), Some(value("mine 2")))]);
        assert!(!own.is_news(&me, &key, Some(&value("left over"))));
        assert!(!own.is_news(&me, &key, Some(&value("left over, and new to this side of the cut"))));
        assert!(own.is_news(&me, &key, Some(&value("mine 2"))));
        assert!(!own.is_news(&me, &key, Some(&value("left over"))));
        assert!(own.is_news(&me, &key, Some(&value("a twin's"))));
        let never_said = Key::new("multipath-apply").unwrap();
        assert!(own.is_news(&me, &never_said, Some(&value("another program's"))));
        assert!(own.is_news(&me, &key, None));
        assert!(own.is_news(&other, &key, Some(&value("left over"))));
        assert_eq!(own.say(vec![(key.clone(), None)]), [(key.clone(), None)]);
        assert!(own.is_news(&me, &key, Some(&value("what is put where we cleared"))));
    }

    #[test]
    fn an_older_word_of_ours_is_no_news_and_what_we_leave_to_others_is() {
        let me = NodeName::new("a").unwrap();
        let (key, about) = (Key::new("multipath").unwrap(), Key::new(NODE_KEY).unwrap());
        let value = |text: &'static str| Bytes::from_static(text.as_bytes());
        let mut own = OwnValues::new(me.clone());
        own.listed();
        own.say(vec![(key.clone(), Some(value("1"))), (about.clone(), Some(value("n")))]);
        assert!(own.is_news(&me, &key, Some(&value("1"))));
        // Cut off: this is not taken, and each new list brings the word before it.
        own.say(vec![(key.clone(), Some(value("2"))), (about.clone(), Some(value("n")))]);
        assert!(!own.is_news(&me, &key, Some(&value("1"))));
        // From now on another program reports for this node.
        own.say(vec![(about, Some(value("n2")))]);
        assert!(own.is_news(&me, &key, Some(&value("the other program's"))));
    }
}
