//! One node's way to the store, which can be shut while the others go on.
//!
//! As with pmxcfs: a node without quorum reads what it had, and writes are refused; a node whose file system stalls waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pathkeeper_io::store::embedded::HubStore;
use pathkeeper_io::store::{
    Document, DocumentName, Hint, Hints, Key, Limits, Members, Store, StoreError, StoreFuture, Trust, Value,
};
use pathkeeper_model::config::overrides;
use pathkeeper_model::config::rollout::ROLLOUT_DOCUMENT;
use pathkeeper_model::config::texts::TEXTS_DOCUMENT;
use pathkeeper_model::multipath_cfg::CONFIG_DOCUMENT;
use pathkeeper_model::{EpochS, NodeName};
use tokio::sync::{broadcast, watch};

/// How it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Everything passes.
    Open,
    /// Reads give what was there, writes are refused, and this node sees no quorum.
    Cut,
    /// Nothing comes back until it is open again.
    Stalled,
}

/// The store as this node has it.
pub struct Gate {
    store: HubStore,
    way: watch::Sender<Way>,
    /// What was there when it was cut.
    had: Mutex<(Vec<Value>, BTreeMap<String, Document>)>,
    hints: broadcast::Sender<Hint>,
}

impl Gate {
    pub fn new(store: HubStore) -> Arc<Self> {
        let hints = broadcast::channel(256).0;
        let gate = Arc::new(Self {
            store,
            way: watch::Sender::new(Way::Open),
            had: Mutex::default(),
            hints: hints.clone(),
        });
        let (mut from, mut way) = (gate.store.hints(), gate.way.subscribe());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    hint = from.next() => match hint {
                        // Nothing is heard of the others while it is shut.
                        Some(hint) if *way.borrow() == Way::Open => drop(hints.send(hint)),
                        Some(_) => {}
                        None => return,
                    },
                    changed = way.changed() => match changed {
                        Ok(()) => drop(hints.send(Hint::Resync)),
                        Err(_) => return,
                    },
                }
            }
        });
        gate
    }

    pub async fn set(&self, way: Way) {
        if way == Way::Cut {
            let mut documents = BTreeMap::new();
            for name in [ROLLOUT_DOCUMENT, TEXTS_DOCUMENT, CONFIG_DOCUMENT, overrides::FILE] {
                let document = self.store.read(DocumentName::new(name).unwrap()).await.unwrap();
                documents.insert(name.to_owned(), document);
            }
            *self.had.lock().unwrap() = (self.store.list().await.unwrap(), documents);
        }
        self.way.send_replace(way);
    }

    async fn pass(&self) -> Way {
        let mut way = self.way.subscribe();
        *way.wait_for(|way| *way != Way::Stalled).await.unwrap()
    }

    async fn write<T>(&self, write: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match self.pass().await {
            Way::Cut => Err(StoreError::Refused("no quorum".into())),
            _ => write.await,
        }
    }
}

impl Store for Gate {
    fn kind(&self) -> &'static str {
        self.store.kind()
    }
    fn own_node(&self) -> &NodeName {
        self.store.own_node()
    }
    fn limits(&self) -> Limits {
        self.store.limits()
    }
    fn put(&self, key: Key, bytes: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(self.write(self.store.put(key, bytes)))
    }
    fn clear(&self, key: Key) -> StoreFuture<'_, ()> {
        Box::pin(self.write(self.store.clear(key)))
    }
    fn get(&self, writer: NodeName, key: Key) -> StoreFuture<'_, Option<Bytes>> {
        Box::pin(async move {
            self.pass().await;
            self.store.get(writer, key).await
        })
    }
    fn list(&self) -> StoreFuture<'_, Vec<Value>> {
        Box::pin(async move {
            match self.pass().await {
                Way::Cut => Ok(self.had.lock().unwrap().0.clone()),
                _ => self.store.list().await,
            }
        })
    }
    fn members(&self) -> StoreFuture<'_, Members> {
        Box::pin(async move {
            let way = self.pass().await;
            let mut members = self.store.members().await?;
            if way == Way::Cut {
                members.trust = Trust::None { why: "no quorum".into(), since: EpochS(5) };
            }
            Ok(members)
        })
    }
    fn read(&self, name: DocumentName) -> StoreFuture<'_, Document> {
        Box::pin(async move {
            let had = || self.had.lock().unwrap().1.get(name.as_str()).cloned();
            match self.pass().await {
                Way::Cut => had().ok_or_else(|| StoreError::Unreachable("no quorum".into())),
                _ => self.store.read(name).await,
            }
        })
    }
    fn write(&self, name: DocumentName, bytes: Option<Bytes>, expected: String) -> StoreFuture<'_, String> {
        Box::pin(self.write(Store::write(&self.store, name, bytes, expected)))
    }
    fn hints(&self) -> Hints {
        Hints::new(self.hints.subscribe())
    }
    fn forget(&self, node: NodeName) -> StoreFuture<'_, ()> {
        Box::pin(self.write(self.store.forget(node)))
    }
}
