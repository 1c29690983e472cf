//! Guests, as pmxcfs has them: asked by its own IPC and little by little, never through its mount.
//!
//! `.version` says whether anything is different; `.vmlist` which guests are; of those the configuration is read, so many
//! in a round. Until all were read once nothing is told, for a part would look like the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use pathkeeper_model::guests::read::{self, Listed};
use pathkeeper_model::guests::{Guest, Guests};
use rustix::io::Errno;

use super::ipc::Ipc;
use super::wire::{Request, words};
use crate::store::{GuestsSeen, StoreError};

/// Configurations that are read in one round: some 0.2 ms of pmxcfs's one thread each.
const CONFIGS_MAX: usize = 200;
/// Bytes of them in one round.
const ROUND_BYTES_MAX: usize = 4 << 20;
/// What HA looks after.
const HA_RESOURCES: &str = "ha/resources.cfg";

/// What is known of the guests.
#[derive(Default)]
pub struct Known {
    /// By what counters, and of which pmxcfs, the list below was read whole.
    at: Option<(u64, super::version::Guests)>,
    /// The list, as it was told last.
    listed: BTreeMap<u32, Listed>,
    /// Of each guest: by which entry of the list its configuration was read, and what that said.
    read: BTreeMap<u32, (Listed, Guest)>,
    /// Listed, and without a configuration at the last look.
    missing: BTreeMap<u32, Listed>,
    ha: BTreeSet<u32>,
    told: Option<Arc<Guests>>,
}

impl Known {
    /// One round. What could not be read is read in a later one.
    pub async fn look(&mut self, ipc: &Ipc) -> Result<GuestsSeen, StoreError> {
        let (connection, version) = super::shared::changes(ipc.ask(Request::FsVersion).await?)?;
        let now = (connection, version.guests);
        if self.at == Some(now) {
            return Ok(GuestsSeen { guests: self.told.clone(), whole: true });
        }
        let list = refused("the list of guests", ipc.ask(Request::GuestList).await?.data)?;
        self.listed = read::vmlist(&list).map_err(StoreError::Refused)?;
        let resources = Request::GetConfig { path: HA_RESOURCES.into() };
        self.ha = match ipc.ask(resources).await?.data {
            Ok(bytes) => read::ha(&bytes),
            Err(Errno::NOENT) => BTreeSet::new(),
            Err(e) => return Err(StoreError::Refused(format!("reading {HA_RESOURCES}: {}", words(e)))),
        };
        // Another pmxcfs counts anew: the same number may be another configuration.
        if self.at.is_some_and(|(other, guests)| other != connection || guests.starttime != now.1.starttime) {
            self.read.clear();
        }
        self.read.retain(|id, _| self.listed.contains_key(id));
        self.missing.retain(|id, _| self.listed.contains_key(id));
        let whole = self.configs(ipc).await?;
        if whole {
            self.at = Some(now);
            self.tell();
        } else {
            self.at = None;
        }
        Ok(GuestsSeen { guests: self.told.clone(), whole })
    }

    /// Reads configurations that are new or changed; whether there are no more.
    async fn configs(&mut self, ipc: &Ipc) -> Result<bool, StoreError> {
        let wanted: Vec<(u32, Listed)> = self
            .listed
            .iter()
            .filter(|(id, listed)| self.read.get(id).is_none_or(|(of, _)| of != *listed))
            .map(|(id, listed)| (*id, listed.clone()))
            .collect();
        let (mut left, mut bytes) = (wanted.len(), 0);
        for (id, listed) in wanted.into_iter().take(CONFIGS_MAX) {
            if bytes >= ROUND_BYTES_MAX {
                break;
            }
            let path = listed.path(id);
            match ipc.ask(Request::GetConfig { path: path.clone() }).await?.data {
                Ok(text) => {
                    bytes += text.len();
                    let read::Config { name, storages, volumes } = read::config(&text);
                    let (kind, node) = (listed.kind, listed.node.clone());
                    let guest = Guest { id, kind, name, node, storages, volumes, ha: false };
                    self.read.insert(id, (listed, guest));
                    left -= 1;
                }
                // It moved or was removed since the list was made: the next list says so. What is listed and twice not
                // there has no disks, or one such guest would keep all others from being told.
                Err(Errno::NOENT) if self.missing.get(&id) != Some(&listed) => {
                    self.missing.insert(id, listed);
                }
                Err(Errno::NOENT) => {
                    let (kind, node) = (listed.kind, listed.node.clone());
                    let (name, storages, volumes) = Default::default();
                    let guest = Guest { id, kind, name, node, storages, volumes, ha: false };
                    self.read.insert(id, (listed, guest));
                    left -= 1;
                }
                Err(e) => return Err(StoreError::Refused(format!("reading {path}: {}", words(e)))),
            }
        }
        Ok(left == 0)
    }

    fn tell(&mut self) {
        let all = self
            .read
            .iter()
            .map(|(id, (_, guest))| (*id, Guest { ha: self.ha.contains(id), ..guest.clone() }));
        let guests = Guests { all: Some(all.collect()) };
        if self.told.as_deref() != Some(&guests) {
            self.told = Some(Arc::new(guests));
        }
    }
}

fn refused(what: &str, data: Result<Bytes, Errno>) -> Result<Bytes, StoreError> {
    data.map_err(|e| StoreError::Refused(format!("asking for {what}: {}", words(e))))
}
