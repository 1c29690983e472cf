//! What the store's callers ask: answered from the copy, or by etcd itself within a deadline.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etcd_client::{Client, Compare, CompareOp, DeleteOptions, Error, Txn, TxnOp};
use pathkeeper_model::NodeName;
use pathkeeper_model::node_value::NODE_KEY;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::connect::asked;
use super::shared::{Link, Shared};
use super::words::{self, Fault, Kind};
use crate::store::{
    DOCUMENT_BYTES_MAX, Document, DocumentName, Hints, Key, Limits, Members, Notice, Refresh, Store,
    StoreError, StoreFuture, VALUE_BYTES_MAX, Value, digest, refuse_foreign,
};

/// No call takes longer.
const CALL_MS: u64 = 5_000;
/// One attempt at a write: far longer than a write takes, and short enough for the next leader to get one in time.
const ATTEMPT_MS: u64 = 1_000;
/// Between an attempt that was turned down and the next.
const PAUSE: Duration = Duration::from_millis(100);
/// After a write this long is waited until the own copy shows it. The write stands either way.
const SEEN_MS: u64 = 1_000;
/// A document that changes between reading and writing is read again so often; then somebody else tells the conflict.
const TRIES: usize = 3;
/// A document with its frame on the wire; also a bound on what a stranger's key can make us take in.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// One node's access to etcd.
pub(super) struct EtcdStore {
    pub(super) shared: Arc<Shared>,
    pub(super) task: AbortHandle,
}

impl Drop for EtcdStore {
    fn drop(&mut self) {
        // The lease is kept on purpose: an agent that is restarted within its time was never away.
        self.task.abort();
    }
}

/// One call: its deadline, its words, the connection it goes over.
struct Call<'a> {
    shared: &'a Shared,
    what: String,
    deadline: Instant,
    client: Box<Client>,
    endpoint: String,
}

impl<'a> Call<'a> {
    /// Waits for a connection, while there is hope for one.
    async fn new(shared: &'a Shared, what: String) -> Result<Self, StoreError> {
        Self::until(shared, what, Instant::now() + Duration::from_millis(CALL_MS)).await
    }

    async fn until(shared: &'a Shared, what: String, deadline: Instant) -> Result<Self, StoreError> {
        let mut link = shared.link.subscribe();
        let decided = link.wait_for(|link| !matches!(link, Link::Connecting));
        match tokio::time::timeout_at(deadline, decided).await {
            Ok(Ok(link)) => match &*link {
                Link::Up { client, endpoint } => {
                    let (client, endpoint) = (client.clone(), endpoint.clone());
                    Ok(Self { shared, what, deadline, client, endpoint })
                }
                Link::Down(error) => Err(error.clone()),
                Link::Connecting => Err(StoreError::Timeout { what, after_ms: CALL_MS }),
            },
            _ => Err(StoreError::Timeout { what, after_ms: CALL_MS }),
        }
    }

    /// Waits for an answer until the deadline, and puts what is wrong into words.
    async fn ask<T>(&self, asking: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
        match tokio::time::timeout_at(self.deadline, asking).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.fault(&error).store_error(&self.endpoint)),
            Err(_) => Err(StoreError::Timeout {
                what: format!("{} (etcd at {})", self.what, self.endpoint),
                after_ms: CALL_MS,
            }),
        }
    }

    /// What is wrong, in words.
    fn fault(&self, error: &Error) -> Fault {
        let fault = words::fault(error, asked(&self.shared.config, &self.what));
        if fault.kind == Kind::Full {
            self.shared.full(true);
        }
        fault
    }

    /// Waits until the own copy holds what was written, within a bound.
    async fn seen(&self, revision: i64) {
        let bound = self.deadline.min(Instant::now() + Duration::from_millis(SEEN_MS));
        let mut revisions = self.shared.revision.subscribe();
        if tokio::time::timeout_at(bound, revisions.wait_for(|have| *have >= revision)).await.is_err() {
            self.shared.missed.notify_one();
        }
    }

    /// A key's content and the revision of its last change (0 = absent), by the majority's word.
    async fn document(&self, key: &str) -> Result<(Document, i64), StoreError> {
        let mut kv = self.client.kv_client().max_decoding_message_size(ANSWER_BYTES_MAX);
        let answer = self.ask(kv.get(key, None)).await?;
        let kv = answer.kvs().first();
        let bytes = kv.map(|kv| Bytes::copy_from_slice(kv.value()));
        let document = Document { digest: digest(bytes.as_deref().unwrap_or_default()), bytes };
        Ok((document, kv.map_or(0, |kv| kv.mod_revision())))
    }
}

impl EtcdStore {
    async fn put_value(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        if bytes.len() > VALUE_BYTES_MAX {
            return Err(StoreError::Refused(format!(
                "a value of {} bytes under {key}: at most {VALUE_BYTES_MAX}",
                bytes.len()
            )));
        }
        let result = self.change_value("write", key, Some(bytes)).await;
        // What a node says of itself comes last of what it says. Were it online before, what it said before a reboot
        // would be believed until then. One that is refused must hear why it cannot be a member.
        if key.as_str() == NODE_KEY && matches!(result, Ok(()) | Err(StoreError::Refused(_))) {
            self.shared.want();
        }
        result?;
        self.shared.full(false);
        Ok(())
    }

    /// Puts or clears an own value. A write that goes to a leader which dies is lost without a word, so it is tried
    /// again within the call's deadline. So that an attempt which comes through late (a member that hung goes on)
    /// never undoes a newer value, each is made on the condition that the key is as it was known then.
    async fn change_value(&self, verb: &str, key: &Key, bytes: Option<Bytes>) -> Result<(), StoreError> {
        let path = self.shared.layout.value(&self.shared.node, key);
        let what = format!("{verb} {path}");
        let deadline = Instant::now() + Duration::from_millis(CALL_MS);
        let known = self.shared.look(|mirror| mirror.mod_revision(&self.shared.node, key));
        let mut known = known.unwrap_or(0);
        let mut failed = StoreError::Timeout { what: what.clone(), after_ms: CALL_MS };
        while Instant::now() < deadline {
            let call = Call::until(&self.shared, what.clone(), deadline).await?;
            let change = match &bytes {
                Some(bytes) => TxnOp::put(path.as_str(), bytes.clone(), None),
                None => TxnOp::delete(path.as_str(), None),
            };
            let txn = Txn::new()
                .when(vec![Compare::mod_revision(path.as_str(), CompareOp::Equal, known)])
                .and_then(vec![change]);
            let bound = deadline.min(Instant::now() + Duration::from_millis(ATTEMPT_MS));
            match tokio::time::timeout_at(bound, call.client.kv_client().txn(txn)).await {
                Ok(Ok(answer)) if answer.succeeded() => {
                    // Clearing what is not there changes nothing that could be seen.
                    if let (true, Some(header)) = (bytes.is_some() || known > 0, answer.header()) {
                        call.seen(header.revision()).await;
                    }
                    self.shared.took(key, None);
                    return Ok(());
                }
                Ok(Ok(_)) => {
                    // Something else is there: an attempt of before that was taken all the same, or one from the time
                    // before this process.
                    let (found, revision) = call.document(&path).await?;
                    if found.bytes == bytes {
                        return Ok(());
                    }
                    known = revision;
                }
                Ok(Err(error)) => {
                    let fault = call.fault(&error);
                    failed = fault.store_error(&call.endpoint);
                    match fault.kind {
                        Kind::Refused => {
                            self.shared.took(key, Some(format!("etcd: {}", fault.text)));
                            return Err(failed);
                        }
                        // That has a notice of its own.
                        Kind::Full => return Err(failed),
                        Kind::Away | Kind::NoQuorum | Kind::LeaseGone => {}
                    }
                    tokio::time::sleep_until(deadline.min(Instant::now() + PAUSE)).await;
                }
                Err(_) => {
                    self.shared.doubt.notify_one();
                    failed = StoreError::Timeout {
                        what: format!("{what} (etcd at {})", call.endpoint),
                        after_ms: CALL_MS,
                    };
                }
            }
        }
        Err(failed)
    }

    async fn write_document(
        &self,
        name: &DocumentName,
        bytes: Option<Bytes>,
        expected: &str,
    ) -> Result<String, StoreError> {
        if let Some(bytes) = bytes.as_ref().filter(|bytes| bytes.len() > DOCUMENT_BYTES_MAX) {
            return Err(StoreError::Refused(format!(
                "{} of {} bytes: a document is at most {DOCUMENT_BYTES_MAX} bytes",
                name.as_str(),
                bytes.len()
            )));
        }
        let path = self.shared.layout.document(name);
        let call = Call::new(&self.shared, format!("write {path}")).await?;
        let conflict = |found: String| StoreError::Conflict {
            name: name.as_str().into(),
            expected: expected.into(),
            found,
        };
        let mut found = String::new();
        for _ in 0..TRIES {
            let (document, mod_revision) = call.document(&path).await?;
            if document.digest != expected {
                return Err(conflict(document.digest));
            }
            found = document.digest;
            // A key that is absent has the revision 0.
            let unchanged = Compare::mod_revision(path.as_str(), CompareOp::Equal, mod_revision);
            let change = match &bytes {
                Some(bytes) => TxnOp::put(path.as_str(), bytes.clone(), None),
                None => TxnOp::delete(path.as_str(), None),
            };
            let txn = Txn::new().when(vec![unchanged]).and_then(vec![change]);
            if call.ask(call.client.kv_client().txn(txn)).await?.succeeded() {
                return Ok(digest(bytes.as_deref().unwrap_or_default()));
            }
        }
        // It was written again and again with the same content meanwhile.
        Err(conflict(found))
    }

    async fn forget_node(&self, node: &NodeName) -> Result<(), StoreError> {
        let layout = &self.shared.layout;
        let what = format!("delete the keys of {node}");
        let call = Call::new(&self.shared, what).await?;
        let gone = Compare::version(layout.alive(node), CompareOp::Equal, 0);
        let deletes = vec![
            TxnOp::delete(layout.values(node), Some(DeleteOptions::new().with_prefix())),
            TxnOp::delete(layout.fresh(node), None),
            TxnOp::delete(layout.known(node), None),
        ];
        let txn = Txn::new().when(vec![gone]).and_then(deletes);
        let answer = match call.ask(call.client.kv_client().txn(txn)).await {
            Err(StoreError::Refused(text)) => {
                return Err(StoreError::Refused(format!(
                    "{text}. Nodes may not forget each other; with a user who may write everything below {all}: \
                     etcdctl del --prefix {}; etcdctl del {}; etcdctl del {}",
                    layout.values(node),
                    layout.fresh(node),
                    layout.known(node),
                    all = layout.all(),
                )));
            }
            answer => answer?,
        };
        if !answer.succeeded() {
            return Err(StoreError::Refused(format!(
                "{node} is online: only a node that is gone is forgotten (stop its agent and wait {} s, or \
                 pathkeeper agent --leave there)",
                self.shared.config.lease_ttl_s
            )));
        }
        if let Some(header) = answer.header() {
            call.seen(header.revision()).await;
        }
        Ok(())
    }

    async fn leave_cluster(&self) -> Result<(), StoreError> {
        let lease = self.shared.leave();
        let path = self.shared.layout.alive(&self.shared.node);
        let call = Call::new(&self.shared, format!("delete {path}")).await?;
        // The key may hang on the lease of an agent that was stopped a moment ago.
        let answer = call.ask(call.client.kv_client().delete(path, None)).await?;
        if let Some(lease) = lease {
            // Nothing hangs on it any more; if this fails it ends by itself.
            let _ = call.ask(call.client.lease_client().revoke(lease)).await;
        }
        if let (1.., Some(header)) = (answer.deleted(), answer.header()) {
            call.seen(header.revision()).await;
        }
        Ok(())
    }
}

impl Store for EtcdStore {
    fn kind(&self) -> &'static str {
        "etcd"
    }

    fn own_node(&self) -> &NodeName {
        &self.shared.node
    }

    fn limits(&self) -> Limits {
        Limits {
            floor_ms: 200,
            budget_bytes_per_min: Some(4 << 20),
            // A new leader gives every lease its whole time again.
            failover_worst_ms: 2 * 1000 * u64::from(self.shared.config.lease_ttl_s),
            refresh: Refresh::Marker,
        }
    }

    fn put(&self, key: Key, bytes: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.put_value(&key, bytes).await })
    }

    fn clear(&self, key: Key) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.change_value("delete", &key, None).await })
    }

    fn get(&self, writer: NodeName, key: Key) -> StoreFuture<'_, Option<Bytes>> {
        Box::pin(async move { self.shared.answer(|mirror| mirror.get(&writer, &key)) })
    }

    fn list(&self) -> StoreFuture<'_, Vec<Value>> {
        Box::pin(async move { self.shared.answer(super::mirror::Mirror::list) })
    }

    fn members(&self) -> StoreFuture<'_, Members> {
        Box::pin(async move { Ok(self.shared.members()) })
    }

    fn read(&self, name: DocumentName) -> StoreFuture<'_, Document> {
        Box::pin(async move {
            let path = self.shared.layout.document(&name);
            let call = Call::new(&self.shared, format!("read {path}")).await?;
            call.document(&path).await.map(|(document, _)| document)
        })
    }

    fn write(&self, name: DocumentName, bytes: Option<Bytes>, expected: String) -> StoreFuture<'_, String> {
        Box::pin(async move {
            refuse_foreign(&name)?;
            self.write_document(&name, bytes, &expected).await
        })
    }

    fn hints(&self) -> Hints {
        Hints::new(self.shared.hints.subscribe())
    }

    fn notices(&self) -> Vec<Notice> {
        self.shared.notices()
    }

    fn leave(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.leave_cluster())
    }

    fn forget(&self, node: NodeName) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.forget_node(&node).await })
    }
}
