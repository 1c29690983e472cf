//! Proxmox VE's pmxcfs as a store: its status values and files, by its own IPC.
//!
//! Layers: `qb` calls libqb, `wire` knows the bytes, `ipc` has the thread and the deadlines, `version` and
//! `members` read what pmxcfs tells, `guests` who runs where, `follow` asks what has changed, `documents` writes files. What pmxcfs does
//! when, was measured on real clusters; docs/stores.md tells what follows from it for whoever runs one.

mod documents;
mod find;
mod follow;
mod guests;
mod ipc;
mod members;
mod qb;
mod shared;
mod version;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pathkeeper_model::NodeName;
use rustix::io::Errno;

pub use find::find;

use self::documents::Documents;
use self::ipc::Ipc;
use self::qb::Library;
use self::shared::{COROSYNC_CONF, Shared, changes, other_name};
use self::wire::Request;
use super::{
    Document, DocumentName, GuestsSeen, Hints, Key, Limits, Members, Refresh, Store, StoreError, StoreFuture,
    VALUE_BYTES_MAX, Value,
};

/// No two reports of a node within this time, milliseconds: each put is sent to all nodes in an agreed order.
const FLOOR_MS: u64 = 2_000;
/// Bytes that a node may put in a minute: while a node dies, corosync holds some 3 MB before it makes pmxcfs wait, and
/// all of Proxmox VE with it.
const BUDGET_BYTES_PER_MIN: u64 = 512 * 1024;

/// Where pmxcfs is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PmxcfsConfig {
    /// Name of its IPC service: `pve2`.
    pub service: String,
    /// Its mount: `/etc/pve`. Written below (documents), never read through.
    pub mount: PathBuf,
    /// The mounts of this process: `/proc/self/mountinfo`.
    pub mountinfo: PathBuf,
    /// Between two looks at every value, changed or not: 60 s.
    pub full_look_s: u64,
}

impl Default for PmxcfsConfig {
    fn default() -> Self {
        Self {
            service: "pve2".into(),
            mount: "/etc/pve".into(),
            mountinfo: "/proc/self/mountinfo".into(),
            full_look_s: 60,
        }
    }
}

/// Starts following pmxcfs in the background. One that does not answer is no error here: the agent starts, the view is
/// partial, and it connects when it can. Waits some seconds at most.
///
/// # Errors
/// libqb cannot be loaded; pmxcfs knows this node by another name; there is no tokio runtime.
pub fn open(config: &PmxcfsConfig, node: &NodeName) -> Result<Arc<dyn Store>, StoreError> {
    let library = Library::get().map_err(StoreError::Refused)?;
    let runtime = tokio::runtime::Handle::try_current()
        .map_err(|e| StoreError::Refused(format!("pmxcfs can be followed inside of a runtime alone: {e}")))?;
    let ipc = Ipc::new(library, &config.service);
    if let Ok(Ok(reply)) = ipc.ask_blocking(Request::ClusterInfo).map(|reply| reply.data)
        && let Ok(info) = members::parse(&reply)
        && let Some(why) = other_name(node, &info.nodename)
    {
        return Err(StoreError::Refused(why));
    }
    let failover_worst_ms = match ipc.ask_blocking(Request::GetConfig { path: COROSYNC_CONF.into() }) {
        Ok(reply) => match reply.data {
            Ok(text) => members::failover_worst_ms(Some(&String::from_utf8_lossy(&text))),
            // One machine alone: nobody else's death stops it.
            Err(Errno::NOENT) => 0,
            Err(_) => members::failover_worst_ms(None),
        },
        Err(_) => members::failover_worst_ms(None),
    };
    // Taken before anybody can look, so that what changes after a look is seen as a change.
    let first = ipc.ask_blocking(Request::FsVersion).and_then(changes).ok();
    let documents = Documents::new(ipc.clone(), &config.mount);
    let shared = Arc::new(Shared::new(ipc, documents, node));
    let full_look = Duration::from_secs(config.full_look_s.max(1));
    runtime.spawn(follow::run(Arc::downgrade(&shared), first, full_look));
    Ok(Arc::new(PmxcfsStore { shared, failover_worst_ms }))
}

/// One node's access to its pmxcfs.
struct PmxcfsStore {
    shared: Arc<Shared>,
    failover_worst_ms: u64,
}

impl Store for PmxcfsStore {
    fn kind(&self) -> &'static str {
        "pmxcfs"
    }

    fn own_node(&self) -> &NodeName {
        &self.shared.node
    }

    fn limits(&self) -> Limits {
        Limits {
            floor_ms: FLOOR_MS,
            budget_bytes_per_min: Some(BUDGET_BYTES_PER_MIN),
            failover_worst_ms: self.failover_worst_ms,
            refresh: Refresh::Rewrite,
        }
    }

    fn put(&self, key: Key, bytes: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            if bytes.len() > VALUE_BYTES_MAX {
                return Err(StoreError::Refused(format!(
                    "a value of {} bytes under {key}: at most {VALUE_BYTES_MAX}",
                    bytes.len()
                )));
            }
            if bytes.contains(&0) {
                return Err(StoreError::Refused(format!(
                    "the value under {key} holds a NUL, where readers end it"
                )));
            }
            // A value of the NUL alone would be a present one for pmxcfs, and is a cleared one for all readers.
            if bytes.is_empty() {
                return self.shared.set(&key, Bytes::new()).await;
            }
            let mut data = Vec::with_capacity(bytes.len() + 1);
            data.extend_from_slice(&bytes);
            data.push(0);
            self.shared.set(&key, data.into()).await
        })
    }

    fn clear(&self, key: Key) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.shared.set(&key, Bytes::new()).await })
    }

    fn get(&self, writer: NodeName, key: Key) -> StoreFuture<'_, Option<Bytes>> {
        Box::pin(async move {
            let value = self.shared.fetch(&writer, &key).await?;
            self.shared.saw(&writer, &key, value.as_ref());
            Ok(value)
        })
    }

    fn list(&self) -> StoreFuture<'_, Vec<Value>> {
        Box::pin(self.shared.list(None))
    }

    fn own(&self) -> StoreFuture<'_, Vec<Value>> {
        Box::pin(self.shared.list(Some(&self.shared.node)))
    }

    fn members(&self) -> StoreFuture<'_, Members> {
        Box::pin(async move { Ok(self.shared.members().await) })
    }

    fn read(&self, name: DocumentName) -> StoreFuture<'_, Document> {
        Box::pin(async move { self.shared.read(&name).await })
    }

    fn write(&self, name: DocumentName, bytes: Option<Bytes>, expected: String) -> StoreFuture<'_, String> {
        Box::pin(async move {
            let written = self.shared.documents.write(name.clone(), bytes, expected).await?;
            self.shared.saw_document(&name, &written);
            Ok(written)
        })
    }

    fn hints(&self) -> Hints {
        Hints::new(self.shared.hints.subscribe())
    }

    fn guests(&self) -> StoreFuture<'_, GuestsSeen> {
        Box::pin(self.shared.guests())
    }

    fn leave(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let node = &self.shared.node;
            Err(StoreError::Refused(format!(
                "on Proxmox VE {node} is a member for as long as corosync lists it; to take it out of the cluster, on \
                 another node: pvecm delnode {node}"
            )))
        })
    }

    fn forget(&self, node: NodeName) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            Err(StoreError::Refused(format!(
                "on Proxmox VE corosync's list of nodes rules, and {node} is gone from here when it is gone from there: \
                 pvecm delnode {node}"
            )))
        })
    }
}
