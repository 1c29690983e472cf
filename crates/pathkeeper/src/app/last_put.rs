//! What this node put last under each of its keys, so that another's change of it is noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pathkeeper_io::store::{Key, Store, StoreError};
use pathkeeper_model::fresh::FRESH_KEY;

/// From a hint to [`LastPut::compare`]: a publication is many hints, and what follows a store may be a moment behind.
pub const COMPARE_AFTER: Duration = Duration::from_secs(2);

/// What is known of one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Put {
    /// It is being put, or was not taken: what stands there is not known.
    Unsure,
    /// It was taken; a hash of the bytes, `None` where it was cleared.
    Taken(Option<u64>),
}

/// Shared by those who put and those who compare. At most one entry for each key that this run put.
#[derive(Clone, Debug, Default)]
pub struct LastPut(Arc<Mutex<BTreeMap<Key, (u64, Put)>>>);

impl LastPut {
    /// Puts a value, or clears it, and remembers that.
    ///
    /// # Errors
    /// As the store's.
    pub async fn put(&self, store: &dyn Store, key: Key, bytes: Option<Bytes>) -> Result<(), StoreError> {
        self.set(&key, Put::Unsure);
        let now = Put::Taken(bytes.as_deref().map(hash));
        match bytes {
            Some(bytes) => store.put(key.clone(), bytes).await?,
            None => store.clear(key.clone()).await?,
        }
        self.set(&key, now);
        Ok(())
    }

    /// Whether a change under this own key would be another's, if it is not what was put.
    pub fn concerns(&self, key: &Key) -> bool {
        // A marker that is lost says nothing, and the next one comes.
        key.as_str() != FRESH_KEY && self.of(key).is_some()
    }

    /// Asks what stands under these keys. Gives those under which stands something else than was put last, and those that
    /// are to be asked again, since they were put meanwhile or could not be had.
    pub async fn compare(self, store: Arc<dyn Store>, keys: BTreeSet<Key>) -> Compared {
        let mut compared = Compared::default();
        for key in keys {
            let Some(before) = self.of(&key) else { continue };
            let (_, Put::Taken(put)) = before else {
                compared.again.insert(key);
                continue;
            };
            match store.get(store.own_node().clone(), key.clone()).await {
                Ok(found) if self.of(&key) == Some(before) => {
                    if found.as_deref().map(hash) != put {
                        compared.lost.push(key);
                    }
                }
                _ => drop(compared.again.insert(key)),
            }
        }
        compared
    }

    fn of(&self, key: &Key) -> Option<(u64, Put)> {
        self.entries().get(key).copied()
    }

    fn set(&self, key: &Key, put: Put) {
        let mut entries = self.entries();
        // The number tells one put from the next of the same bytes.
        let number = entries.get(key).map_or(0, |(number, _)| number.wrapping_add(1));
        entries.insert(key.clone(), (number, put));
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Key, (u64, Put)>> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Compared {
    /// Something else stands there.
    pub lost: Vec<Key>,
    /// It is not known.
    pub again: BTreeSet<Key>,
}

/// Some stores give a value with a final NUL.
fn hash(bytes: &[u8]) -> u64 {
    let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
    let mut to = DefaultHasher::new();
    text.hash(&mut to);
    to.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathkeeper_io::store::embedded::Hub;
    use pathkeeper_model::NodeName;

    #[tokio::test]
    async fn what_another_wrote_or_cleared_is_found_and_own_words_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(dir.path()).unwrap();
        let node = NodeName::new("pve1").unwrap();
        let (store, twin) = (Arc::new(hub.node(&node)), hub.node(&node));
        let key = |text: &str| Key::new(text).unwrap();
        let last = LastPut::default();
        for name in ["multipath", "multipath-2", "multipath-node", FRESH_KEY] {
            last.put(&*store, key(name), Some(Bytes::from_static(b"{}"))).await.unwrap();
        }
        last.put(&*store, key("multipath-2"), None).await.unwrap();
        let all = || ["multipath", "multipath-2", "multipath-node", "not-ours"].map(key).into();
        let lost = async || {
            let compared = last.clone().compare(store.clone(), all()).await;
            assert!(compared.again.is_empty());
            compared.lost.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(lost().await, [""; 0]);
        twin.put(key("multipath-2"), Bytes::from_static(b"{}")).await.unwrap();
        twin.put(key("multipath-node"), Bytes::from_static(b"{}\0")).await.unwrap();
        twin.clear(key("multipath")).await.unwrap();
        assert_eq!(lost().await, ["multipath", "multipath-2"]);
        assert!(last.concerns(&key("multipath")) && !last.concerns(&key("not-ours")));
        assert!(!last.concerns(&key(FRESH_KEY)));
        // What is being put, or was not taken, is asked again later.
        last.put(&*store, key("multipath"), Some(vec![b' '; 40_000].into())).await.unwrap_err();
        let compared = last.clone().compare(store.clone(), all()).await;
        assert_eq!(compared.again, BTreeSet::from([key("multipath")]));
    }
}
