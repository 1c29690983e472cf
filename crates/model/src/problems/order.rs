//! What a person reads first: the worst, and of that what hits most guests.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::expect::By;
use crate::finding::{Code, Finding};
use crate::ids::{NodeName, Wwid};
use crate::picture::Picture;

/// Sorts: two LUNs under one name before all else, then by severity, by how many guests it hits (or, where nobody tells of
/// guests, how many have the LUN open), then by code and scope.
pub fn order(findings: &mut [Finding], picture: &Picture<'_>) {
    let radius = Radius::of(picture);
    findings.sort_by_cached_key(|finding| {
        (
            finding.code != Code::LunIdentityMismatch,
            Reverse(finding.severity),
            Reverse(radius.of_finding(picture, finding)),
            finding.code,
            finding.scope.clone(),
        )
    });
}

/// Guests by storage, and of these how many are on each node.
struct Radius<'a> {
    by_storage: FxHashMap<&'a str, Vec<(u32, &'a NodeName)>>,
    told: bool,
}

impl<'a> Radius<'a> {
    fn of(picture: &Picture<'a>) -> Self {
        let mut by_storage: FxHashMap<&str, Vec<(u32, &NodeName)>> = FxHashMap::default();
        for guest in picture.guests.all.iter().flat_map(|all| all.values()) {
            for storage in &guest.storages {
                by_storage.entry(storage).or_default().push((guest.id, &guest.node));
            }
        }
        Self { by_storage, told: picture.guests.all.is_some() }
    }

    fn of_finding(&self, picture: &Picture<'_>, finding: &Finding) -> usize {
        let node = finding.scope.node.as_ref();
        match (&finding.scope.wwid, &finding.explains) {
            (Some(wwid), _) => self.of_lun(picture, wwid, node),
            (None, Some(explains)) => explains.cells as usize,
            (None, None) => node
                .map_or(0, |node| self.by_storage.values().flatten().filter(|(_, on)| *on == node).count()),
        }
    }

    fn of_lun(&self, picture: &Picture<'_>, wwid: &Wwid, node: Option<&NodeName>) -> usize {
        let here = |other: &NodeName| node.is_none_or(|node| node == other);
        if !self.told {
            let nodes = picture.nodes.iter().filter(|(name, _)| here(name));
            let open = nodes.filter_map(|(_, at)| at.paths?.lun(wwid)?.map.as_ref()?.open_count);
            return open.fold(0_usize, |sum, n| sum.saturating_add(n as usize));
        }
        let storages = storages(picture, wwid);
        let mut hit: Vec<u32> = Vec::new();
        for guests in storages.iter().filter_map(|id| self.by_storage.get(id)) {
            hit.extend(guests.iter().filter(|(_, on)| here(on)).map(|(id, _)| *id));
        }
        hit.sort_unstable();
        hit.dedup();
        hit.len()
    }
}

/// Storages that lie on a LUN.
pub fn storages<'a>(picture: &Picture<'a>, wwid: &Wwid) -> Vec<&'a str> {
    let mut out: Vec<&str> = Vec::new();
    if let Some(of) = picture.expectations.of(wwid) {
        for by in &of.by {
            if let By::Storages(ids) = by {
                out.extend(ids.iter().map(String::as_str));
            }
        }
    }
    if out.is_empty() {
        out.extend(picture.matrix.row_of(wwid).and_then(|row| row.used_by()));
    }
    out
}
