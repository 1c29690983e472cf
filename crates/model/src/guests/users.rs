//! Which guests need which LUNs: those on a storage that has its data there, and those that have a LUN itself as a disk.

use std::collections::{BTreeMap, BTreeSet};

use super::{Guest, Guests};
use crate::expect::{By, Expectations};
use crate::ids::Wwid;
use crate::matrix::Matrix;
use crate::storage_cfg::StorageKind;

/// Guests, and storages by LUN.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Users {
    /// Whether anybody tells of guests here.
    pub told: bool,
    /// Guests that need something, by number.
    pub guests: Vec<User>,
    /// Storages that have their data on a LUN; a LUN without is left out.
    pub luns: BTreeMap<Wwid, BTreeSet<String>>,
}

/// One guest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// It.
    pub guest: Guest,
    /// Storages on which it has a disk, but for those whose volumes are LUNs.
    pub storages: Vec<String>,
    /// LUNs that it has as disks.
    pub luns: Vec<Wwid>,
}

/// Who needs what, of the LUNs in the matrix. As long as guests and LUNs together, however many LUNs a guest needs.
pub fn users(expectations: &Expectations, matrix: &Matrix, guests: &Guests) -> Users {
    let whole = |id: &str| {
        let known = expectations.storages().iter().find(|storage| storage.id == id);
        known.is_some_and(|storage| matches!(storage.kind, StorageKind::Multipath { .. }))
    };
    let mut luns: BTreeMap<Wwid, BTreeSet<String>> = BTreeMap::new();
    for row in matrix.rows() {
        let data = expectations.data_of(row.wwid()).map(|(id, _)| id);
        let by = expectations.of(row.wwid()).into_iter().flat_map(|outcome| &outcome.by);
        let expected = by.flat_map(|by| match by {
            By::Storages(ids) => ids.as_slice(),
            By::Nodes | By::Ledger(_) | By::Active => &[],
        });
        let ids = data.chain(expected.map(String::as_str)).filter(|id| !whole(id));
        let ids: BTreeSet<String> = ids.map(str::to_owned).collect();
        if !ids.is_empty() {
            luns.insert(row.wwid().clone(), ids);
        }
    }
    let user = |guest: &Guest| {
        let volumes = guest.volumes.iter().filter_map(|volume| volume.split_once(':'));
        let luns: BTreeSet<Wwid> =
            volumes.filter(|(storage, _)| whole(storage)).filter_map(|(_, wwid)| Wwid::new(wwid)).collect();
        let storages: Vec<String> = guest.storages.iter().filter(|id| !whole(id)).cloned().collect();
        let needs = !luns.is_empty() || !storages.is_empty();
        needs.then(|| User { guest: guest.clone(), storages, luns: luns.into_iter().collect() })
    };
    let all = guests.all.iter().flat_map(BTreeMap::values);
    Users { told: guests.all.is_some(), guests: all.filter_map(user).collect(), luns }
}
