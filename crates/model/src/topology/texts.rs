//! Texts that many nodes say, each held once.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Identity;
use crate::ids::Wwid;

/// Below so many texts nobody looks for those that are not held any more.
const ROOM_MIN: usize = 1_024;

/// Texts that many paths and nodes share.
///
/// What nobody holds any more is dropped once the number of texts has doubled, so this is never more than twice as large as
/// what is in use.
#[derive(Debug, Default)]
pub struct Texts {
    texts: FxHashSet<Arc<str>>,
    wwids: FxHashSet<Wwid>,
    identities: FxHashSet<Arc<Identity>>,
    /// Beyond so many those that nobody holds are dropped.
    room: usize,
}

impl Texts {
    /// The one copy of this text.
    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let text: Arc<str> = Arc::from(text);
        self.texts.insert(text.clone());
        text
    }

    pub(super) fn share_some(&mut self, text: Option<&str>) -> Option<Arc<str>> {
        text.map(|text| self.share(text))
    }

    pub(super) fn wwid(&mut self, wwid: &Wwid) -> Wwid {
        if let Some(known) = self.wwids.get(wwid) {
            return known.clone();
        }
        self.wwids.insert(wwid.clone());
        wwid.clone()
    }

    pub(super) fn identity(&mut self, identity: Identity) -> Arc<Identity> {
        if let Some(known) = self.identities.get(&identity) {
            return known.clone();
        }
        let identity = Arc::new(identity);
        self.identities.insert(identity.clone());
        identity
    }

    /// How many texts are held.
    pub fn len(&self) -> usize {
        self.texts.len() + self.wwids.len() + self.identities.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops what nobody holds, when it is time.
    pub(super) fn tidy(&mut self) {
        if self.len() <= self.room.max(ROOM_MIN) {
            return;
        }
        self.texts.retain(|text| Arc::strong_count(text) > 1);
        self.wwids.retain(Wwid::is_shared);
        self.identities.retain(|identity| Arc::strong_count(identity) > 1);
        self.room = 2 * self.len();
        self.texts.shrink_to(self.room);
        self.wwids.shrink_to(self.room);
        self.identities.shrink_to(self.room);
    }
}
