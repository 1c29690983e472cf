//! What a storage of type `multipath` lists, and who else has data on that.

use super::Expectations;
use super::consumers::Weight;
use crate::ids::Wwid;
use crate::storage_cfg::{Storage, StorageKind};

impl Expectations {
    /// All storages of `storage.cfg`, in its order; none where there is no such document.
    pub fn storages(&self) -> &[Storage] {
        &self.storages
    }

    /// The LUNs that a storage of type `multipath` lists, in byte order, allowed or not; `None` for one of another type.
    pub fn listed<'a>(&'a self, storage: &'a Storage) -> Option<Vec<&'a Wwid>> {
        match &storage.kind {
            StorageKind::Multipath { wwids: Some(wwids) } => Some(wwids.iter().collect()),
            StorageKind::Multipath { wwids: None } => Some(self.sections.keys().collect()),
            _ => None,
        }
    }

    /// Whether a LUN is on the allow-list; `None` while there was no word on that.
    pub fn is_allowed(&self, wwid: &Wwid) -> Option<bool> {
        self.has_list.then(|| self.sections.contains_key(wwid))
    }

    /// The lvm storages that have their data on a LUN, disabled ones too: to disable one erases nothing. Each is told with
    /// whether it is the same on every node. One that each node has for itself is named by its volume group alone, and a
    /// guest's own group on a LUN may have that name.
    pub fn data_of(&self, wwid: &Wwid) -> impl Iterator<Item = (&str, bool)> {
        let numbers = self.by_lun.get(wwid).into_iter().flatten();
        let consumers = numbers.filter_map(|number| self.consumers.get(*number as usize));
        consumers.filter_map(|consumer| match consumer.weight {
            Weight::Lvm => Some((consumer.id.as_str(), true)),
            Weight::Local => Some((consumer.id.as_str(), false)),
            Weight::Below => None,
        })
    }

    /// Who uses a LUN by the word of its own section.
    pub fn said_user(&self, wwid: &Wwid) -> Option<&str> {
        self.sections.get(wwid)?.used_by.as_deref()
    }
}
