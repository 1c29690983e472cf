//! The store: how nodes hear of each other (values, members, documents, events).
//!
//! One trait, one conformance suite ([`conformance`]), several engines. A store gives no history and no expiry:
//! freshness is judged by readers.

pub mod conformance;
pub mod embedded;
#[cfg(feature = "etcd")]
pub mod etcd;
pub mod pmxcfs;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use pathkeeper_model::guests::Guests;
use pathkeeper_model::{EpochS, NodeName};

/// A future of a store call. Every call ends within the store's own deadline.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A value's key: 1 to 200 characters of `[a-z0-9._-]` (anything else can break a pmxcfs cluster).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(Box<str>);

impl Key {
    /// Takes a key, or says why not.
    pub fn new(text: &str) -> Result<Self, StoreError> {
        let good = (1..=200).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
        if good {
            Ok(Self(text.into()))
        } else {
            Err(StoreError::Refused(format!(
                "{text:?} is no key: 1 to 200 of a-z, 0-9, dot, underscore, dash"
            )))
        }
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A document's name: keys joined by `/` (`multipath.cfg`, `pathkeeper/rollout`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DocumentName(Box<str>);

impl DocumentName {
    /// Takes a name, or says why not. `.` and `..` are no parts.
    pub fn new(text: &str) -> Result<Self, StoreError> {
        for part in text.split('/') {
            Key::new(part)?;
            if part.starts_with('.') {
                return Err(StoreError::Refused(format!(
                    "{text:?} is no document: a part starts with a dot"
                )));
            }
        }
        Ok(Self(text.into()))
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Proxmox VE's own document: read where it is, and written by no store of ours.
pub const STORAGE_CFG: &str = "storage.cfg";

/// Refuses to write what is not ours.
pub(crate) fn refuse_foreign(name: &DocumentName) -> Result<(), StoreError> {
    if name.as_str() == STORAGE_CFG {
        return Err(StoreError::Refused(format!(
            "{STORAGE_CFG} is Proxmox VE's own (pvesm): it is only read"
        )));
    }
    Ok(())
}

/// One value and who wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// The node under whose name it stands.
    pub writer: NodeName,
    /// Its key.
    pub key: Key,
    /// Its bytes, at most 32,767.
    pub bytes: Bytes,
}

/// No value is larger, on any store (pmxcfs takes 32 KiB with the final NUL).
pub const VALUE_BYTES_MAX: usize = 32_767;
/// No document is larger, on any store (pmxcfs takes 1 MiB a file).
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Who is in the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Members {
    /// Whether this list can be believed.
    pub trust: Trust,
    /// Every known node and whether it is online.
    pub nodes: BTreeMap<NodeName, bool>,
}

/// Whether membership can be believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trust {
    /// The store has quorum and answers.
    Whole,
    /// It has not: membership is left out of every judgement.
    None {
        /// Why, in words.
        why: String,
        /// Since when.
        since: EpochS,
    },
}

/// A document: its bytes (`None` = absent) and their digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// The content; `None` where there is no such document.
    pub bytes: Option<Bytes>,
    /// SHA-1 hex of the bytes; of an absent document that of zero bytes (Proxmox's convention).
    pub digest: String,
}

/// SHA-1 in lower-case hex: how a document's state is named in reads, writes and conflicts.
pub fn digest(bytes: &[u8]) -> String {
    use sha1::Digest;
    sha1::Sha1::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Something changed. A hint: the reader looks for itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hint {
    /// A value was put or cleared.
    Value {
        /// Whose.
        writer: NodeName,
        /// Which.
        key: Key,
    },
    /// Membership or trust.
    Members,
    /// A document.
    Document(DocumentName),
    /// Hints may have been lost (or this is the first): list everything again, and put own values again.
    Resync,
}

/// What a store bears.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// No two reports of a node within this time, milliseconds.
    pub floor_ms: u64,
    /// Bytes that one node may put in a minute; `None` = no budget.
    pub budget_bytes_per_min: Option<u64>,
    /// The store's own worst fail-over, milliseconds (S of status.md section 4).
    pub failover_worst_ms: u64,
    /// How values are kept fresh.
    pub refresh: Refresh,
}

/// How a node says that what it put still holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refresh {
    /// Everything is put again.
    Rewrite,
    /// Only [`pathkeeper_model::fresh::FRESH_KEY`] is put: the engine keeps a history of what is written, and a
    /// refresh must not fill it.
    Marker,
}

/// Something about the engine itself that a person should know while it still works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Its database is filling up.
    Space {
        /// Bytes in use.
        used_bytes: u64,
        /// Bytes that it may grow to.
        limit_bytes: u64,
        /// It refuses writes already.
        full: bool,
    },
}

/// Why a store call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nobody answers.
    #[error("the store cannot be reached: {0}")]
    Unreachable(String),
    /// It did not answer within the bound.
    #[error("the store gave no answer within {after_ms} ms to: {what}")]
    Timeout {
        /// The call.
        what: String,
        /// The bound.
        after_ms: u64,
    },
    /// It, or this program on its behalf, refuses.
    #[error("refused: {0}")]
    Refused(String),
    /// A document is not as the writer last read it; nothing was changed.
    #[error("{name} was changed meanwhile: expected digest {expected}, found {found}")]
    Conflict {
        /// The document.
        name: String,
        /// What the writer had read.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The local disk.
    #[error("{what}: {why}")]
    Io {
        /// What was done on which file.
        what: String,
        /// The system's word.
        why: String,
    },
}

impl StoreError {
    /// Something that could not be done on a file.
    pub(crate) fn io(what: &str, path: &std::path::Path, why: &std::io::Error) -> Self {
        Self::Io { what: format!("cannot {what} {}", path.display()), why: why.to_string() }
    }
}

/// Guests, as far as an engine knows of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GuestsSeen {
    /// All of them; `None` = not known, or not yet. The same value until something is different.
    pub guests: Option<std::sync::Arc<Guests>>,
    /// There is nothing more to be read now: the next look can wait.
    pub whole: bool,
}

/// One node's access to the store.
pub trait Store: Send + Sync + 'static {
    /// `embedded`, `etcd`, `pmxcfs`.
    fn kind(&self) -> &'static str;
    /// The node under whose name this store puts.
    fn own_node(&self) -> &NodeName;
    /// What it bears.
    fn limits(&self) -> Limits;
    /// Puts one of this node's values. Success means "taken", not "seen by all".
    fn put(&self, key: Key, bytes: Bytes) -> StoreFuture<'_, ()>;
    /// Clears one of this node's values; clearing an absent one is success.
    fn clear(&self, key: Key) -> StoreFuture<'_, ()>;
    /// One value of any node.
    fn get(&self, writer: NodeName, key: Key) -> StoreFuture<'_, Option<Bytes>>;
    /// All values of all nodes.
    fn list(&self) -> StoreFuture<'_, Vec<Value>>;
    /// This node's own values.
    fn own(&self) -> StoreFuture<'_, Vec<Value>> {
        Box::pin(async move {
            let all = self.list().await?;
            Ok(all.into_iter().filter(|value| value.writer == *self.own_node()).collect())
        })
    }
    /// Who is in the cluster, now.
    fn members(&self) -> StoreFuture<'_, Members>;
    /// Reads a document.
    fn read(&self, name: DocumentName) -> StoreFuture<'_, Document>;
    /// Writes a document if its digest still is `expected`, else [`StoreError::Conflict`]. `None` removes it.
    /// Gives the new digest.
    fn write(&self, name: DocumentName, bytes: Option<Bytes>, expected: String) -> StoreFuture<'_, String>;
    /// Hints from now on. The first is [`Hint::Resync`].
    fn hints(&self) -> Hints;
    /// What a person should know of the engine now; it changes with a [`Hint::Members`].
    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }
    /// Guests that run in the cluster, where the engine knows of them: Proxmox VE's. Each call reads a bounded part of what
    /// is different.
    fn guests(&self) -> StoreFuture<'_, GuestsSeen> {
        Box::pin(async { Ok(GuestsSeen { guests: None, whole: true }) })
    }
    /// This node leaves for good: it is offline at once, not when its lease runs out. Its values stay.
    fn leave(&self) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
    /// Removes a node that is gone, with its values. [`StoreError::Refused`] while it is online, and where the engine
    /// has its own list of members that is edited elsewhere (the words say where).
    fn forget(&self, node: NodeName) -> StoreFuture<'_, ()>;
}

/// A stream of hints. Slow readers lose single hints and get [`Hint::Resync`] instead.
#[derive(Debug)]
pub struct Hints {
    receiver: tokio::sync::broadcast::Receiver<Hint>,
    first: bool,
}

impl Hints {
    /// Hints from a bounded channel.
    pub fn new(receiver: tokio::sync::broadcast::Receiver<Hint>) -> Self {
        Self { receiver, first: true }
    }

    /// The next hint; `None` when the store is gone. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Hint> {
        if self.first {
            self.first = false;
            return Some(Hint::Resync);
        }
        match self.receiver.recv().await {
            Ok(hint) => Some(hint),
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => Some(Hint::Resync),
            Err(tokio::sync::broadcast::error::RecvError::Closed) => None,
        }
    }
}
