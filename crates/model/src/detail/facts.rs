//! Of what a node publishes, that which says who should carry a LUN: its ledger, and what lies on the maps that it has.
//!
//! An observer reads this of every node each time that a node publishes anew, so paths are passed over but for their
//! targets, and nothing is kept of them.

use std::collections::{BTreeMap, BTreeSet};

use super::decode::{MAPS_MAX, PATHS_MAX, PVS_MAX, SHORT_MAX, items, read_pv};
use super::{DetailError, Packed};
use crate::ids::{EpochS, Wwid};
use crate::json::Scanner;
use crate::ledger::{Ledger, VgMark};
use crate::local::Pv;
use crate::node_value::{Read, members, read_object, small, text, unsigned};
use crate::report::PartError;

/// What one node publishes, as far as expectations go.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// What it has carried.
    pub ledger: BTreeMap<Wwid, Carried>,
    /// Maps that it has now, as multipathd lists them.
    pub maps: BTreeMap<Wwid, OnMap>,
}

/// A LUN in a node's ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carried {
    /// Since when, the node's wall clock.
    pub since: EpochS,
    /// The volume group last seen on it.
    pub vg: Option<VgMark>,
}

/// What lies on a map, and where its paths lead.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OnMap {
    /// LVM's physical volumes.
    pub pvs: Vec<Pv>,
    /// Names of the iSCSI targets that its paths lead to; empty for other transports.
    pub targets: BTreeSet<String>,
}

impl Packed {
    /// Unpacks what expectations need; as much as [`Self::unpack`] understands of it, and for a fraction of its cost.
    ///
    /// # Errors
    /// In words, whatever the bytes are: they come from outside.
    pub fn facts(&self) -> Result<Facts, DetailError> {
        let plain = self.plain()?;
        let mut version = None;
        let (mut facts, mut iscsi) = (Facts::default(), Vec::new());
        let mut reader = Reader::default();
        read_object(&plain, |key, scan| {
            match key {
                "v" => version = unsigned(scan)?,
                "r" => iscsi = read_routes(scan)?,
                "m" => items(scan, |scan| reader.read_map(scan))?,
                "led" => {
                    let luns = Ledger::read(scan)?.unwrap_or_default().luns.into_iter();
                    facts.ledger =
                        luns.map(|(wwid, lun)| (wwid, Carried { since: lun.since, vg: lun.vg })).collect();
                }
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        if version != Some(1) {
            return Err(PartError::BadParts { what: "it is no detail of version 1".into() }.into());
        }
        for (wwid, pvs, routes) in reader.maps {
            let named =
                routes.into_iter().filter_map(|route| iscsi.get(usize::try_from(route).ok()?)?.clone());
            facts.maps.insert(wwid, OnMap { pvs, targets: named.collect() });
        }
        Ok(facts)
    }
}

#[derive(Default)]
struct Reader {
    /// WWID, physical volumes, and places in the routes: those may stand behind the maps.
    maps: Vec<(Wwid, Vec<Pv>, BTreeSet<u32>)>,
    routes: usize,
    pvs: usize,
}

/// The target of each route, where it is iSCSI's.
fn read_routes(scan: &mut Scanner<'_>) -> Read<Vec<Option<String>>> {
    let mut routes = Vec::new();
    items(scan, |scan| {
        let (mut target, mut transport) = (None, None);
        members(scan, |key, scan| {
            match key {
                "tn" => target = text(scan)?,
                "tr" => transport = text(scan)?,
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        if routes.len() < PATHS_MAX {
            routes.push(target.filter(|_| transport.as_deref() == Some("iscsi")));
        }
        Ok(())
    })?;
    Ok(routes)
}

impl Reader {
    fn read_map(&mut self, scan: &mut Scanner<'_>) -> Read<()> {
        let (mut wwid, mut pvs, mut routes) = (None, Vec::new(), BTreeSet::new());
        members(scan, |key, scan| {
            match key {
                "w" => wwid = text(scan)?.as_deref().and_then(Wwid::new),
                "pv" => items(scan, |scan| {
                    let pv = read_pv(scan)?;
                    if pv != Pv::default() && pvs.len() < SHORT_MAX && self.pvs < PVS_MAX {
                        self.pvs += 1;
                        pvs.push(pv);
                    }
                    Ok(())
                })?,
                "g" => items(scan, |scan| {
                    members(scan, |key, scan| match key {
                        "d" => items(scan, |scan| {
                            members(scan, |key, scan| {
                                if key != "r" {
                                    return scan.skip();
                                }
                                if let Some(route) = small(scan)?
                                    && self.routes < PATHS_MAX
                                {
                                    self.routes += usize::from(routes.insert(route));
                                }
                                Ok(())
                            })
                        }),
                        _ => scan.skip(),
                    })
                })?,
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        if let Some(wwid) = wwid
            && self.maps.len() < MAPS_MAX
        {
            self.maps.push((wwid, pvs, routes));
        }
        Ok(())
    }
}
