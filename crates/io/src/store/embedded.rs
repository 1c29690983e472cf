//! The embedded store: one process, values in memory, documents in files.
//!
//! For one machine, for the demo and for a first look. [`Hub`] owns the state directory; `hub.node(name)` is one
//! node's store.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pathkeeper_model::NodeName;
use tokio::sync::broadcast;

use crate::state_file;
use crate::state_lock::StateLock;

use super::{
    DOCUMENT_BYTES_MAX, Document, DocumentName, Hint, Hints, Key, Limits, Members, Refresh, Store,
    StoreError, StoreFuture, Trust, VALUE_BYTES_MAX, Value, digest, refuse_foreign,
};

/// Hints that a slow reader may lag behind before it must look at everything again.
const HINTS_MAX: usize = 1024;

/// The embedded store of this process.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    documents: PathBuf,
    state: Mutex<State>,
    /// One document write at a time: compare and rename belong together.
    writing: Mutex<()>,
    hints: broadcast::Sender<Hint>,
    _lock: StateLock,
}

#[derive(Debug)]
struct State {
    values: BTreeMap<(NodeName, Key), Bytes>,
    members: Members,
}

impl Hub {
    /// Opens the hub in `dir`, making it where it is absent. A second process on the same directory fails, naming
    /// the first.
    pub fn open(dir: &Path) -> Result<Hub, StoreError> {
        let lock = StateLock::take(dir)?;
        let documents = dir.join("documents");
        std::fs::create_dir_all(&documents).map_err(|e| StoreError::io("create", &documents, &e))?;
        Ok(Hub(Arc::new(Inner {
            documents,
            state: Mutex::new(State {
                values: BTreeMap::new(),
                members: Members { trust: Trust::Whole, nodes: BTreeMap::new() },
            }),
            writing: Mutex::new(()),
            hints: broadcast::channel(HINTS_MAX).0,
            _lock: lock,
        })))
    }

    /// One node's store. The node becomes an online member.
    pub fn node(&self, name: &NodeName) -> HubStore {
        self.set_member(name, true);
        HubStore { hub: self.clone(), name: name.clone() }
    }

    /// Makes `name` a member that is online or not: the demo's and the tests' hand.
    pub fn set_member(&self, name: &NodeName, online: bool) {
        self.change_members(|members| members.nodes.insert(name.clone(), online));
    }

    /// Takes `name` off the list of members.
    pub fn remove_member(&self, name: &NodeName) {
        self.change_members(|members| members.nodes.remove(name));
    }

    /// Whether membership can be believed: the demo's and the tests' hand.
    pub fn set_trust(&self, trust: Trust) {
        self.change_members(|members| std::mem::replace(&mut members.trust, trust));
    }

    fn change_members<T>(&self, change: impl FnOnce(&mut Members) -> T) {
        change(&mut self.state().members);
        self.hint(Hint::Members);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each critical section is a whole change, so a panic elsewhere leaves nothing half done in here.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hint(&self, hint: Hint) {
        // No reader is no fault.
        let _ = self.0.hints.send(hint);
    }

    fn read_document(&self, name: &DocumentName) -> Result<Document, StoreError> {
        let path = self.0.documents.join(name.as_str());
        let bytes = state_file::read(&path, DOCUMENT_BYTES_MAX as u64)
            .map_err(|e| StoreError::io("read", &path, &e))?
            .map(Bytes::from);
        Ok(Document { digest: digest(bytes.as_deref().unwrap_or_default()), bytes })
    }

    fn write_document(
        &self,
        name: &DocumentName,
        bytes: Option<&[u8]>,
        expected: &str,
    ) -> Result<String, StoreError> {
        let _one = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.read_document(name)?.digest;
        if found != expected {
            return Err(StoreError::Conflict {
                name: name.as_str().into(),
                expected: expected.into(),
                found,
            });
        }
        let path = self.0.documents.join(name.as_str());
        let folder = path.parent().unwrap_or(&self.0.documents);
        std::fs::create_dir_all(folder).map_err(|e| StoreError::io("create", folder, &e))?;
        match bytes {
            Some(bytes) => {
                let mut file = tempfile::NamedTempFile::new_in(folder)
                    .map_err(|e| StoreError::io("write in", folder, &e))?;
                file.write_all(bytes)
                    .and_then(|()| file.as_file().sync_all())
                    .map_err(|e| StoreError::io("write", &path, &e))?;
                file.persist(&path).map_err(|e| StoreError::io("rename to", &path, &e.error))?;
            }
            None => match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &path, &e));
                }
                _ => {}
            },
        }
        File::open(folder).and_then(|dir| dir.sync_all()).map_err(|e| StoreError::io("sync", folder, &e))?;
        Ok(digest(bytes.unwrap_or_default()))
    }
}

/// One node's access to the hub.
#[derive(Clone, Debug)]
pub struct HubStore {
    hub: Hub,
    name: NodeName,
}

impl Store for HubStore {
    fn kind(&self) -> &'static str {
        "embedded"
    }

    fn own_node(&self) -> &NodeName {
        &self.name
    }

    fn limits(&self) -> Limits {
        Limits { floor_ms: 200, budget_bytes_per_min: None, failover_worst_ms: 0, refresh: Refresh::Rewrite }
    }

    fn put(&self, key: Key, bytes: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            if bytes.len() > VALUE_BYTES_MAX {
                return Err(StoreError::Refused(format!(
                    "a value of {} bytes under {key}: at most {VALUE_BYTES_MAX}",
                    bytes.len()
                )));
            }
            self.hub.state().values.insert((self.name.clone(), key.clone()), bytes);
            self.hub.hint(Hint::Value { writer: self.name.clone(), key });
            Ok(())
        })
    }

    fn clear(&self, key: Key) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            if self.hub.state().values.remove(&(self.name.clone(), key.clone())).is_some() {
                self.hub.hint(Hint::Value { writer: self.name.clone(), key });
            }
            Ok(())
        })
    }

    fn get(&self, writer: NodeName, key: Key) -> StoreFuture<'_, Option<Bytes>> {
        Box::pin(async move { Ok(self.hub.state().values.get(&(writer, key)).cloned()) })
    }

    fn list(&self) -> StoreFuture<'_, Vec<Value>> {
        Box::pin(async move {
            let state = self.hub.state();
            let value = |((writer, key), bytes): (&(NodeName, Key), &Bytes)| Value {
                writer: writer.clone(),
                key: key.clone(),
                bytes: bytes.clone(),
            };
            Ok(state.values.iter().map(value).collect())
        })
    }

    fn members(&self) -> StoreFuture<'_, Members> {
        Box::pin(async move { Ok(self.hub.state().members.clone()) })
    }

    fn read(&self, name: DocumentName) -> StoreFuture<'_, Document> {
        let hub = self.hub.clone();
        Box::pin(async move { on_thread("read a document", move || hub.read_document(&name)).await })
    }

    fn write(&self, name: DocumentName, bytes: Option<Bytes>, expected: String) -> StoreFuture<'_, String> {
        let hub = self.hub.clone();
        Box::pin(async move {
            refuse_foreign(&name)?;
            if bytes.as_ref().is_some_and(|b| b.len() > DOCUMENT_BYTES_MAX) {
                return Err(StoreError::Refused(format!("a document is at most {DOCUMENT_BYTES_MAX} bytes")));
            }
            let hint = Hint::Document(name.clone());
            let written = {
                let hub = hub.clone();
                on_thread("write a document", move || hub.write_document(&name, bytes.as_deref(), &expected))
                    .await?
            };
            hub.hint(hint);
            Ok(written)
        })
    }

    fn hints(&self) -> Hints {
        Hints::new(self.hub.0.hints.subscribe())
    }

    fn forget(&self, node: NodeName) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let mut state = self.hub.state();
            if state.members.nodes.get(&node) == Some(&true) {
                return Err(StoreError::Refused(format!(
                    "{node} is online: only a node that is gone is forgotten"
                )));
            }
            state.members.nodes.remove(&node);
            let keys: Vec<_> = state.values.keys().filter(|(writer, _)| *writer == node).cloned().collect();
            for key in &keys {
                state.values.remove(key);
            }
            drop(state);
            for (writer, key) in keys {
                self.hub.hint(Hint::Value { writer, key });
            }
            self.hub.hint(Hint::Members);
            Ok(())
        })
    }
}

/// Disks can hang: the call waits on a thread of its own, with a bound.
async fn on_thread<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    const WAIT_MS: u64 = 10_000;
    let waiting =
        tokio::time::timeout(std::time::Duration::from_millis(WAIT_MS), tokio::task::spawn_blocking(work));
    match waiting.await {
        Ok(Ok(result)) => result,
        Ok(Err(e)) => Err(StoreError::Io { what: format!("cannot {what}"), why: e.to_string() }),
        Err(_) => Err(StoreError::Timeout { what: what.into(), after_ms: WAIT_MS }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[tokio::test]
    async fn keeps_the_contract_of_a_store() {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(dir.path()).unwrap();
        let (a, b) = (NodeName::new("node-a").unwrap(), NodeName::new("node-b").unwrap());
        conformance::run(&hub.node(&a), &hub.node(&b)).await;
    }

    #[test]
    fn a_second_opener_is_refused_and_told_by_whom() {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(dir.path()).unwrap();
        let e = Hub::open(dir.path()).unwrap_err().to_string();
        assert!(e.contains(&format!("process {}", std::process::id())), "{e}");
        drop(hub);
        Hub::open(dir.path()).unwrap();
    }

    #[tokio::test]
    async fn a_document_outlives_the_hub_and_leaves_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let name = DocumentName::new("pathkeeper/names").unwrap();
        let node = NodeName::new("a").unwrap();
        let absent = digest(b"");
        Hub::open(dir.path())
            .unwrap()
            .node(&node)
            .write(name.clone(), Some("x".into()), absent)
            .await
            .unwrap();
        let read = Hub::open(dir.path()).unwrap().node(&node).read(name).await.unwrap();
        assert_eq!(read.bytes.as_deref(), Some(&b"x"[..]));
        let files: Vec<_> = std::fs::read_dir(dir.path().join("documents/pathkeeper")).unwrap().collect();
        assert_eq!(files.len(), 1);
    }
}
