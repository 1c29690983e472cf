//! What is wrong with expectations, in words.

use std::collections::BTreeMap;

use super::judge::left_to_nobody;
use super::{By, Expectations};
use crate::finding::{Code, Finding, Scope, Severity};
use crate::ids::{NodeName, Wwid};
use crate::matrix::{Matrix, RowRef};
use crate::state::State;
use crate::storage_cfg::StorageKind;

/// More lines or names than this help nobody.
const NAMED_MAX: usize = 8;

/// At most so many of them, and how many there are besides.
fn few<T: ToString>(all: &[T]) -> String {
    let mut out: Vec<String> = all.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    if all.len() > NAMED_MAX {
        out.push(format!("{} more", all.len() - NAMED_MAX));
    }
    out.join(", ")
}

fn about_storage(code: Code, id: &str, summary: String, evidence: Vec<String>, advice: &str) -> Finding {
    Finding {
        evidence,
        advice: vec![advice.to_owned()],
        ..Finding::new(code, Severity::Warning, Scope::object(id), summary)
    }
}

impl Expectations {
    /// What follows from documents, ledgers and details alone.
    pub(super) fn find(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for consumer in &self.consumers {
            let id = consumer.id.as_str();
            if let Some(problem) = &consumer.base_problem {
                found.push(about_storage(
                    Code::StorageBaseMissing,
                    id,
                    format!("storage {id}: {problem}"),
                    Vec::new(),
                    "pvesm status; grep -A8 base /etc/pve/storage.cfg: was the iSCSI storage renamed or removed?",
                ));
            }
            if !consumer.strangers.is_empty() && !consumer.disabled {
                found.push(about_storage(
                    Code::StorageNodeUnknown,
                    id,
                    format!(
                        "storage {id} names nodes that the cluster has not: {}",
                        few(&consumer.strangers)
                    ),
                    Vec::new(),
                    &format!("pvesm set {id} --nodes …, with the names of nodes that are there"),
                ));
            }
        }
        let why: BTreeMap<&str, &str> =
            self.consumers.iter().map(|c| (c.id.as_str(), &*c.why_nobody)).collect();
        for (id, luns) in left_to_nobody(self) {
            let why = why.get(id).copied().unwrap_or_default();
            found.push(about_storage(
                Code::StorageNobody,
                id,
                format!("storage {id} leaves no node for its LUNs: {why}"),
                vec![
                    format!("its LUNs: {}", few(&luns)),
                    "on its account nobody is expected to carry them; what ledgers know still counts".into(),
                ],
                "If the LUNs are out of service for good: pathkeeper lun retire WWID",
            ));
        }
        self.find_rivals(&mut found);
        if !self.storage_problems.is_empty() {
            let evidence = self.storage_problems.iter().take(NAMED_MAX).cloned();
            let more = self.storage_problems.len().saturating_sub(NAMED_MAX);
            found.push(Finding {
                evidence: evidence.chain((more > 0).then(|| format!("{more} more"))).collect(),
                ..about_storage(
                    Code::ConfigInvalid,
                    "storage.cfg",
                    "storage.cfg has lines that Proxmox VE passes over: who should carry a LUN may not be what was meant"
                        .into(),
                    Vec::new(),
                    "Look at the lines in /etc/pve/storage.cfg; pvesm set writes them anew.",
                )
            });
        }
        found
    }

    /// One name, two volume groups, and a shared storage that has to choose.
    fn find_rivals(&self, found: &mut Vec<Finding>) {
        for storage in &self.storages {
            let StorageKind::Lvm { vg, base, shared: true } = &storage.kind else { continue };
            let Some(set) = self.vgs.get(vg.as_str()).filter(|set| !set.rivals.is_empty()) else { continue };
            if base.as_ref().is_some_and(|base| base.wwid.is_some()) {
                continue;
            }
            let nodes = |n: usize| if n == 1 { "1 node".to_owned() } else { format!("{n} nodes") };
            let mut evidence = vec![format!(
                "{} is taken for the storage's: {} reports it, on {}",
                set.uuid.as_deref().unwrap_or_default(),
                nodes(set.votes),
                few(&set.luns)
            )];
            let rivals = set.rivals.iter().take(NAMED_MAX);
            evidence.extend(rivals.map(|(uuid, votes)| format!("{uuid}: reported by {}", nodes(*votes))));
            found.push(about_storage(
                Code::StorageVgAmbiguous,
                &storage.id,
                format!("storage {}: the nodes see different volume groups of the name {vg}", storage.id),
                evidence,
                "vgs -o vg_name,vg_uuid,pv_name on the nodes, while no LUN queues; rename the group that is not the storage's.",
            ));
        }
    }

    /// All findings; those that depend on what is seen now are asked of the matrix.
    pub fn findings(&self, matrix: &Matrix) -> Vec<Finding> {
        let mut found = self.found.clone();
        for wwid in self.retired.keys() {
            found.extend(matrix.row_of(wwid).and_then(|row| self.still_visible(&row)));
        }
        if matrix.tally().rows.get(State::Missing) > 0 {
            let by_ledger = |(_, lun): &(&Wwid, &super::Lun)| matches!(*lun.outcome.by, [By::Ledger(_)]);
            for (wwid, _) in self.luns.iter().filter(by_ledger) {
                found.extend(matrix.row_of(wwid).and_then(|row| gone(&row)));
            }
        }
        found
    }

    fn still_visible(&self, row: &RowRef<'_>) -> Option<Finding> {
        // A node that cannot tell names a LUN without paths: that is no sight of it.
        let seen = row.cells().filter(|(_, cell)| matches!(cell.counts, Some((_, Some(total))) if total > 0));
        let nodes: Vec<&NodeName> =
            seen.map(|(node, _)| node).filter(|node| self.is_retired(row.wwid(), node)).collect();
        if nodes.is_empty() {
            return None;
        }
        let wwid = row.wwid();
        Some(Finding {
            evidence: vec![format!("nodes that see it: {}", few(&nodes))],
            advice: vec![
                "Unmap it on the array, then remove its map and paths on each of these nodes.".into(),
                format!("If it is back in service: pathkeeper lun forget {wwid}"),
            ],
            ..Finding::new(
                Code::LunStillVisible,
                Severity::Warning,
                Scope::lun(wwid),
                format!("{} is retired, and the array still maps it", name(row)),
            )
        })
    }
}

fn name(row: &RowRef<'_>) -> String {
    match row.alias() {
        Some(alias) => format!("{alias} ({})", row.wwid()),
        None => row.wwid().to_string(),
    }
}

/// A LUN that only ledgers know, and that no node has any more.
fn gone(row: &RowRef<'_>) -> Option<Finding> {
    if row.named() > 0 || row.cluster_state() != State::Missing {
        return None;
    }
    let wwid = row.wwid();
    let nodes: Vec<&NodeName> = row.cells().map(|(node, _)| node).collect();
    Some(Finding {
        evidence: vec![format!("in the ledger of {}", few(&nodes))],
        advice: vec![
            "Is the LUN still mapped on the array, and do the nodes have paths to its ports?".into(),
            format!("If it was taken out of service: pathkeeper lun retire {wwid}"),
        ],
        ..Finding::new(
            Code::LunGone,
            Severity::Error,
            Scope::lun(wwid),
            format!("{} was carried before, and no node sees it any more", name(row)),
        )
    })
}
