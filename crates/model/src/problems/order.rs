//! What a person reads first: the worst, and of that what hits most guests.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::cause::Causes;
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
            Reverse(finding.guests.map_or_else(|| radius.of_finding(picture, finding), |n| n as usize)),
            finding.code,
            finding.scope.clone(),
        )
    });
}

/// Says of each finding how many guests it hits, where somebody tells of guests: those with a disk on its LUN (on its node, if
/// it is about one), those of a node that is away, and of a cause those whose paths it takes.
pub fn count_guests(findings: &mut [Finding], picture: &Picture<'_>, causes: &Causes) {
    let radius = Radius::of(picture);
    if !radius.told {
        return;
    }
    let of_causes = radius.of_causes(picture, causes);
    for finding in findings {
        let n = match (&finding.scope.wwid, &finding.scope.node) {
            (Some(wwid), node) => radius.of_lun(picture, wwid, node.as_ref()),
            (None, Some(node)) if finding.explains.is_none() && of_node(finding.code) => {
                let mut all: Vec<u32> = radius
                    .by_storage
                    .values()
                    .flatten()
                    .filter(|(_, on)| *on == node)
                    .map(|(id, _)| *id)
                    .collect();
                all.sort_unstable();
                all.dedup();
                all.len()
            }
            _ => {
                let is_it = |cause: &Finding| cause.code == finding.code && cause.scope == finding.scope;
                let Some(at) = causes.list().iter().position(is_it) else { continue };
                of_causes.get(at).map_or(0, BTreeSet::len)
            }
        };
        finding.guests = u32::try_from(n).ok();
    }
}

/// Codes that are about a whole node and what runs on it.
fn of_node(code: Code) -> bool {
    use Code::{
        MultipathdAbsent, MultipathdDown, MultipathdHung, NodeOffline, NodeSilent, NodeStale, NodeTwins,
    };
    matches!(
        code,
        MultipathdAbsent | MultipathdDown | MultipathdHung | NodeOffline | NodeSilent | NodeStale | NodeTwins
    )
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
        // Those of a node stand together.
        by_storage.values_mut().for_each(|guests| guests.sort_unstable_by_key(|(id, node)| (*node, *id)));
        Self { by_storage, told: picture.guests.all.is_some() }
    }

    /// Guests whose paths each cause takes, on their nodes.
    fn of_causes(&self, picture: &Picture<'_>, causes: &Causes) -> Vec<BTreeSet<u32>> {
        let mut out = vec![BTreeSet::new(); causes.list().len()];
        if out.is_empty() {
            return out;
        }
        for row in picture.matrix.rows().filter(|row| !row.is_clean()) {
            for guests in storages(picture, row.wwid()).iter().filter_map(|id| self.by_storage.get(id)) {
                let mut at: Option<(&NodeName, Vec<u32>)> = None;
                for &(id, node) in guests {
                    if at.as_ref().is_none_or(|(known, _)| *known != node) {
                        let cell = causes.cell(node, row.wwid());
                        at = Some((node, cell.map(|cell| cell.causes.to_vec()).unwrap_or_default()));
                    }
                    let by = at.iter().flat_map(|(_, by)| by);
                    by.filter_map(|cause| out.get_mut(*cause as usize).map(|of| of.insert(id)))
                        .for_each(drop);
                }
            }
        }
        out
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
            let one = node.map(|node| picture.nodes.get(node).into_iter());
            let all = one.is_none().then(|| picture.nodes.values());
            let nodes = one.into_iter().flatten().chain(all.into_iter().flatten());
            let open = nodes.filter_map(|at| at.paths?.lun(wwid)?.map.as_ref()?.open_count);
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
