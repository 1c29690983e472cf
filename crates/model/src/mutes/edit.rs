//! Changing the document: what is not understood of it stays as it is.

use super::{BYTES_MAX, CLEARED_KEPT_S, KEPT_S, MUTES_MAX, Mute, Mutes, Shell, read_all, read_mute};
use crate::ids::EpochS;

/// The document, open for a change.
#[derive(Clone, Debug)]
pub struct MutesDocument(Shell);

impl MutesDocument {
    /// Opens it; an empty one has no mutes.
    ///
    /// # Errors
    /// In words, if it must not be written.
    pub fn open(bytes: &[u8]) -> Result<Self, String> {
        Shell::parse(bytes, "entries", false, BYTES_MAX).map(Self)
    }

    /// What is understood of it.
    pub fn mutes(&self) -> Mutes {
        read_all(&self.0).0
    }

    /// Adds one, unless one of its id is there, and leaves out what was over long ago.
    ///
    /// # Errors
    /// In words, if there is no room.
    pub fn add(&mut self, mute: &Mute, now: EpochS) -> Result<(), String> {
        if self.mutes().entries.iter().any(|known| known.id == mute.id) {
            return Ok(());
        }
        self.prune(now);
        if self.0.len() >= MUTES_MAX {
            return Err(format!("there are {MUTES_MAX} mutes already: remove some"));
        }
        self.0.push(mute.encode());
        Ok(())
    }

    /// Takes one away; gives it, if it was there.
    pub fn remove(&mut self, id: &str, now: EpochS) -> Option<Mute> {
        let mut gone = None;
        self.0.change(|_, item| match read_mute(&item) {
            Ok(mute) if mute.id == id => {
                gone.get_or_insert(mute);
                None
            }
            _ => Some(item),
        });
        self.prune(now);
        gone
    }

    fn prune(&mut self, now: EpochS) {
        let long_over = |mute: &Mute| match mute.until {
            Some(until) => now.0.saturating_sub(until.0) > KEPT_S,
            None => now.0.saturating_sub(mute.time.0) > CLEARED_KEPT_S,
        };
        self.0.change(|_, item| match read_mute(&item) {
            Ok(mute) if long_over(&mute) => None,
            _ => Some(item),
        });
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }
}
