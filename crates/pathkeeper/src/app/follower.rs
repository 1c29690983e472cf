//! Follows the store for the cluster's picture: hints in, what they point to out.
//!
//! On a task of its own, for a store that hangs must hang nobody else: the picture goes on ageing, the API goes on
//! answering, and says that its view is partial.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pathkeeper_io::store::{DocumentName, Hint, Hints, Key, Members, Notice, Store, StoreError};
use pathkeeper_model::NodeName;
use pathkeeper_model::guests::Guests;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::documents::{Digests, Documents, Said, Told};
use super::history::Remembered;

/// After the store could not be read everything is listed again after this, which doubles up to the second.
const RETRY_FIRST_MS: u64 = 100;
const RETRY_MAX_MS: u64 = 1_000;
/// What the picture has not taken yet; a follower that is ahead waits.
const BATCHES_MAX: usize = 64;

/// Between two looks at the guests; while there are more to be read, and otherwise.
const GUESTS_MORE: Duration = Duration::from_millis(500);
const GUESTS_LOOK: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug)]
pub enum Followed {
    /// A value is there now, or is gone.
    Value(NodeName, Key, Option<Bytes>),
    /// Everything was told once.
    Listed,
    /// A document says this now.
    Document(Said),
    /// Who runs where.
    Guests(Arc<Guests>),
    /// Who is in the cluster, and what is to be known of the engine.
    Members(Members, Vec<Notice>),
    /// The store could not be read; why.
    Lost(String),
    /// What the history of an earlier run knows, and what is wrong with the history.
    Remembered(Remembered),
    /// This node says it of itself; a `None` is cleared.
    Own(Vec<(Key, Option<Bytes>)>),
}

/// The follower of one store.
pub struct Follower {
    store: Arc<dyn Store>,
    hints: Hints,
    /// What was there at the last look: a key that is gone from a whole list was cleared while nobody told.
    seen: BTreeSet<(NodeName, Key)>,
    documents: Documents,
    /// The guests as they were told last, and when they are to be looked at.
    guests: (Option<Arc<Guests>>, Instant),
    out: mpsc::Sender<Vec<Followed>>,
}

impl Follower {
    /// A follower, and where what it finds comes out.
    pub fn new(store: Arc<dyn Store>) -> (Self, mpsc::Receiver<Vec<Followed>>) {
        let (out, followed) = mpsc::channel(BATCHES_MAX);
        let documents = Documents::new(store.clone());
        let guests = (None, Instant::now());
        (Self { hints: store.hints(), store, seen: BTreeSet::new(), documents, guests, out }, followed)
    }

    /// What the node itself has to know of the cluster's documents.
    pub fn told(&self) -> watch::Receiver<Told> {
        self.documents.told()
    }

    /// Which documents there are.
    pub fn digests(&self) -> watch::Receiver<Digests> {
        self.documents.digests()
    }

    /// Where this node says what it says of itself; what finds no room comes by way of the store.
    pub fn own(&self) -> mpsc::Sender<Vec<Followed>> {
        self.out.clone()
    }

    /// Runs until the task is dropped, the store is gone or nobody listens.
    pub async fn run(mut self) {
        let mut retry_ms = 0;
        let mut lost = String::new();
        let mut listed = false;
        loop {
            let hint = if retry_ms > 0 {
                tokio::time::sleep(Duration::from_millis(retry_ms)).await;
                Hint::Resync
            } else {
                tokio::select! {
                    hint = self.hints.next() => match hint {
                        Some(hint) => hint,
                        None => return,
                    },
                    () = tokio::time::sleep_until(self.documents.next_look()), if listed => {
                        let found = self.documents(None).await;
                        if !found.is_empty() && self.out.send(found).await.is_err() {
                            return;
                        }
                        continue;
                    }
                    () = tokio::time::sleep_until(self.guests.1), if listed => {
                        if let Some(guests) = self.guests().await
                            && self.out.send(vec![Followed::Guests(guests)]).await.is_err()
                        {
                            return;
                        }
                        continue;
                    }
                }
            };
            let found = match self.look(hint).await {
                Ok(found) => {
                    if !lost.is_empty() {
                        tracing::info!("the store is followed again");
                    }
                    (retry_ms, lost, listed) = (0, String::new(), true);
                    found
                }
                Err(e) => {
                    retry_ms = (retry_ms * 2).clamp(RETRY_FIRST_MS, RETRY_MAX_MS);
                    let why = e.to_string();
                    // Once for each reason: a store may be away for days.
                    if lost != why {
                        tracing::warn!("the store cannot be followed: {why}");
                        lost.clone_from(&why);
                    }
                    vec![Followed::Lost(why)]
                }
            };
            if !found.is_empty() && self.out.send(found).await.is_err() {
                return;
            }
        }
    }

    /// What the hint points to.
    async fn look(&mut self, hint: Hint) -> Result<Vec<Followed>, StoreError> {
        match hint {
            Hint::Resync => self.list().await,
            Hint::Members => Ok(vec![self.members().await?]),
            Hint::Document(name) => Ok(self.documents(Some(&name)).await),
            Hint::Value { writer, key } => {
                let bytes = self.store.get(writer.clone(), key.clone()).await?;
                match bytes {
                    Some(_) => self.seen.insert((writer.clone(), key.clone())),
                    None => self.seen.remove(&(writer.clone(), key.clone())),
                };
                Ok(vec![Followed::Value(writer, key, bytes)])
            }
        }
    }

    async fn members(&self) -> Result<Followed, StoreError> {
        Ok(Followed::Members(self.store.members().await?, self.store.notices()))
    }

    /// The guests, if they are others than were told. A store that cannot tell now is told of elsewhere; what it said of
    /// guests stays.
    async fn guests(&mut self) -> Option<Arc<Guests>> {
        let seen = match self.store.guests().await {
            Ok(seen) => seen,
            Err(e) => {
                tracing::debug!("the guests cannot be read: {e}");
                self.guests.1 = Instant::now() + GUESTS_LOOK;
                return None;
            }
        };
        self.guests.1 = Instant::now() + if seen.whole { GUESTS_LOOK } else { GUESTS_MORE };
        let guests = seen.guests.filter(|guests| self.guests.0.as_ref() != Some(guests))?;
        self.guests.0 = Some(guests.clone());
        Some(guests)
    }

    async fn documents(&mut self, name: Option<&DocumentName>) -> Vec<Followed> {
        self.documents.look(name).await.into_iter().map(Followed::Document).collect()
    }

    async fn list(&mut self) -> Result<Vec<Followed>, StoreError> {
        let mut found = vec![self.members().await?];
        let values = self.store.list().await?;
        // Before the end of the list: from then on there is a status, and it must know who should carry what.
        found.extend(self.documents(None).await);
        let mut gone = std::mem::take(&mut self.seen);
        for value in values {
            gone.remove(&(value.writer.clone(), value.key.clone()));
            self.seen.insert((value.writer.clone(), value.key.clone()));
            found.push(Followed::Value(value.writer, value.key, Some(value.bytes)));
        }
        found.extend(gone.into_iter().map(|(writer, key)| Followed::Value(writer, key, None)));
        found.push(Followed::Listed);
        Ok(found)
    }
}
