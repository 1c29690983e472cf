//! What the store and its follower share: pmxcfs as it was seen last, and the questions that both ask.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use pathkeeper_model::{EpochS, NodeName};
use rustix::io::Errno;
use tokio::sync::broadcast;

use super::documents::Documents;
use super::ipc::{Ipc, IpcError, Reply};
use super::version::{self, PREFIX, Version};
use super::wire::{Request, words};
use super::{guests, members};
use crate::store::{
    Document, DocumentName, GuestsSeen, Hint, Key, Members, StoreError, Trust, Value, digest,
};

/// Listing all values ends within this.
const LIST_MS: u64 = 10_000;
/// Documents that are looked at for changes: those that somebody here has read.
const WATCHED_DOCUMENTS_MAX: usize = 32;
/// The file of corosync: where it is there, this node belongs to a cluster.
pub const COROSYNC_CONF: &str = "corosync.conf";
/// Hints that a slow reader may lag behind before it must look at everything again.
const HINTS_MAX: usize = 1_024;

/// What the store and its follower share.
pub struct Shared {
    ipc: Ipc,
    pub documents: Documents,
    pub node: NodeName,
    pub hints: broadcast::Sender<Hint>,
    state: Mutex<State>,
    /// One look at a time.
    guests: tokio::sync::Mutex<guests::Known>,
}

#[derive(Default)]
struct State {
    /// Why changes are not seen now, if they are not.
    follows_not: Option<String>,
    /// Since when membership cannot be believed, if it cannot.
    doubt_since: Option<EpochS>,
    /// The members as they were told last.
    members: Option<Members>,
    /// pmxcfs has said what it calls this node.
    named: bool,
    /// Why nothing may be put: it has another name for it.
    misnamed: Option<String>,
    /// What each value was when it was read last, by digest.
    seen: BTreeMap<(NodeName, Key), String>,
    /// The digest of each watched document.
    documents: BTreeMap<DocumentName, String>,
}

impl Shared {
    /// Nothing is known yet.
    pub fn new(ipc: Ipc, documents: Documents, node: &NodeName) -> Self {
        Self {
            ipc,
            documents,
            node: node.clone(),
            hints: broadcast::channel(HINTS_MAX).0,
            state: Mutex::default(),
            guests: tokio::sync::Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each critical section is a whole change, so a panic elsewhere leaves nothing half done in here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn hint(&self, hint: Hint) {
        // No reader is no fault.
        let _ = self.hints.send(hint);
    }

    /// What changed, and on which connection that came.
    pub async fn version(&self) -> Result<(u64, Version), IpcError> {
        changes(self.ipc.ask(Request::FsVersion).await?)
    }

    /// Changes are seen again. True if they were not before.
    pub fn follows(&self) -> bool {
        let back = self.state().follows_not.take().is_some();
        if back {
            tracing::info!("pmxcfs is followed again");
        }
        back
    }

    /// Changes are not seen.
    pub fn follows_not(&self, why: &str) {
        let before = self.state().follows_not.replace(why.into());
        if before.is_none() {
            tracing::warn!("pmxcfs cannot be followed: {why}");
            let doubt = self.doubt(why.into());
            self.told(&doubt);
        }
    }

    pub fn forget_seen(&self) {
        self.state().seen.clear();
    }

    /// One node's value, without its NUL and what follows that; a value of nothing else is a cleared one.
    pub async fn fetch(&self, writer: &NodeName, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let question = Request::GetStatus { name: format!("{PREFIX}{key}"), node: writer.as_str().into() };
        let value = match self.ipc.ask(question).await?.data {
            Ok(mut bytes) => {
                bytes.truncate(bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len()));
                Some(bytes).filter(|bytes| !bytes.is_empty())
            }
            // No such value, no such node, or none that could be.
            Err(Errno::NOENT | Errno::NAMETOOLONG | Errno::INVAL) => None,
            Err(e) => return Err(StoreError::Refused(format!("{key} of {writer}: {}", words(e)))),
        };
        Ok(value)
    }

    /// Remembers what a value is. True if it was something else before.
    pub fn saw(&self, writer: &NodeName, key: &Key, value: Option<&Bytes>) -> bool {
        let mut state = self.state();
        let name = (writer.clone(), key.clone());
        let old = match value {
            Some(value) => state.seen.insert(name, digest(value)),
            None => state.seen.remove(&name),
        };
        old != value.map(|value| digest(value))
    }

    /// All values, or those of one node, within [`LIST_MS`].
    pub async fn list(&self, of: Option<&NodeName>) -> Result<Vec<Value>, StoreError> {
        tokio::time::timeout(Duration::from_millis(LIST_MS), self.list_unbounded(of)).await.unwrap_or_else(
            |_| Err(StoreError::Timeout { what: "pmxcfs: all values".into(), after_ms: LIST_MS }),
        )
    }

    async fn list_unbounded(&self, of: Option<&NodeName>) -> Result<Vec<Value>, StoreError> {
        let (_, version) = self.version().await?;
        let mut out = Vec::new();
        let wanted = version.values.into_keys().filter(|(writer, _)| of.is_none_or(|node| node == writer));
        for (writer, key) in wanted {
            let bytes = self.fetch(&writer, &key).await?;
            self.saw(&writer, &key, bytes.as_ref());
            out.extend(bytes.map(|bytes| Value { writer, key, bytes }));
        }
        Ok(out)
    }

    /// Looks at each value of `version`, and hints at those that are not what was read last.
    pub async fn look_at_values(&self, version: &Version) {
        let look = async {
            for (writer, key) in version.values.keys() {
                let bytes = self.fetch(writer, key).await?;
                if self.saw(writer, key, bytes.as_ref()) {
                    self.hint(Hint::Value { writer: writer.clone(), key: key.clone() });
                }
            }
            Ok::<_, StoreError>(())
        };
        // What could not be looked at is looked at the next time.
        if let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(LIST_MS), look).await {
            self.state().seen.retain(|name, _| version.values.contains_key(name));
        }
    }

    pub async fn read(&self, name: &DocumentName) -> Result<Document, StoreError> {
        let document = self.documents.read(name).await?;
        self.saw_document(name, &document.digest);
        Ok(document)
    }

    /// Remembers what a document is, and hints if it was something else before: whoever reads is not the only reader.
    pub fn saw_document(&self, name: &DocumentName, digest: &str) {
        let changed = {
            let mut state = self.state();
            let room = state.documents.len() < WATCHED_DOCUMENTS_MAX;
            match state.documents.get_mut(name) {
                Some(old) => std::mem::replace(old, digest.into()) != digest,
                None if room => {
                    state.documents.insert(name.clone(), digest.into());
                    false
                }
                None => false,
            }
        };
        if changed {
            self.hint(Hint::Document(name.clone()));
        }
    }

    /// Guests: a bounded part of what is different is read.
    pub async fn guests(&self) -> Result<GuestsSeen, StoreError> {
        self.guests.lock().await.look(&self.ipc).await
    }

    pub async fn look_at_documents(&self) {
        let names: Vec<DocumentName> = self.state().documents.keys().cloned().collect();
        for name in names {
            if self.read(&name).await.is_err() {
                break;
            }
        }
    }

    /// Who is in the cluster. All readers are hinted at if that is not what was told last.
    pub async fn members(&self) -> Members {
        let members = match self.judge_members().await {
            Ok(nodes) => {
                self.state().doubt_since = None;
                Members { trust: Trust::Whole, nodes }
            }
            Err(why) => self.doubt(why),
        };
        self.told(&members);
        members
    }

    /// The members, or in words why they cannot be believed.
    async fn judge_members(&self) -> Result<BTreeMap<NodeName, bool>, String> {
        let reply = self.ipc.ask(Request::ClusterInfo).await.map_err(|e| e.words())?;
        let info = members::parse(&reply.data.map_err(|e| format!("asked for the members: {}", words(e)))?)?;
        let misnamed = other_name(&self.node, &info.nodename);
        {
            let mut state = self.state();
            state.named = true;
            state.misnamed.clone_from(&misnamed);
        }
        if let Some(why) = misnamed {
            return Err(why);
        }
        let nodes = match info.cluster {
            Some(cluster) => {
                // Then the flags may be those of an hour ago.
                if !cluster.quorate {
                    return Err("this node has no quorum (pvecm status): it cannot tell who is online".into());
                }
                cluster.nodes
            }
            None => {
                let conf = Request::GetConfig { path: COROSYNC_CONF.into() };
                match self.ipc.ask(conf).await.map_err(|e| e.words())?.data {
                    Err(Errno::NOENT) => BTreeMap::from([(self.node.clone(), true)]),
                    Ok(_) => {
                        return Err("corosync is not running here: pmxcfs answers like one that stands alone, but there is \
                                    a corosync.conf (systemctl status corosync)"
                            .into());
                    }
                    Err(e) => return Err(format!("asked for {COROSYNC_CONF}: {}", words(e))),
                }
            }
        };
        // Membership that cannot be kept up is not believed either.
        match &self.state().follows_not {
            Some(why) => Err(why.clone()),
            None => Ok(nodes),
        }
    }

    /// Members that cannot be believed: those known last, and since when.
    fn doubt(&self, why: String) -> Members {
        let mut state = self.state();
        let since = *state.doubt_since.get_or_insert_with(wall_clock);
        let nodes = state.members.as_ref().map(|members| members.nodes.clone()).unwrap_or_default();
        Members { trust: Trust::None { why, since }, nodes }
    }

    fn told(&self, members: &Members) {
        let changed = self.state().members.replace(members.clone()).as_ref() != Some(members);
        if changed {
            self.hint(Hint::Members);
        }
    }

    pub async fn set(&self, key: &Key, data: Bytes) -> Result<(), StoreError> {
        if !self.state().named {
            self.members().await;
        }
        if let Some(why) = self.state().misnamed.clone() {
            return Err(StoreError::Refused(why));
        }
        match self.ipc.ask(Request::SetStatus { name: format!("{PREFIX}{key}"), data }).await?.data {
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(StoreError::Refused(format!("{key}: {}", words(e)))),
        }
    }
}

/// Only shown: when doubt began.
fn wall_clock() -> EpochS {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    EpochS(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The reply to FS_VERSION: what changed, and on which connection that came.
pub fn changes(reply: Reply) -> Result<(u64, Version), IpcError> {
    let data =
        reply.data.map_err(|e| IpcError::Unreachable(format!("asked what has changed: {}", words(e))))?;
    Ok((reply.connection, version::parse(&data).map_err(IpcError::Garbage)?))
}

/// Values would stand under another name than the one that this node's reports bear: in words, if it is so.
pub fn other_name(node: &NodeName, nodename: &str) -> Option<String> {
    (node.as_str() != nodename).then(|| {
        format!(
            "pmxcfs knows this node as {nodename:?}, and its values would stand under that name, but Pathkeeper calls it \
             {:?}: set node = {nodename:?} in pathkeeper.toml, or remove that line",
            node.as_str()
        )
    })
}
