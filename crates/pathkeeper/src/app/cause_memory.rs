//! Causes that have cleared are counted as 0 for an hour, so that whoever looks at a graph sees them end and not vanish.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use pathkeeper_api::status::Finding;
use pathkeeper_model::MonoMs;

/// How long a cause is told after it cleared.
const KEPT_MS: u64 = 3_600_000;
/// Causes that are told, standing ones and cleared ones each; findings come worst first.
pub const CAUSES_MAX: usize = 1_000;

/// What tells one series of causes from the others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CauseSeries {
    /// The finding's fingerprint.
    pub cause: String,
    /// Its code.
    pub kind: String,
    /// What it is about beside the node: an adapter, a port, a fabric, a LUN.
    pub object: String,
    /// The node, where it is about one.
    pub node: String,
    /// `error` or `warning`.
    pub severity: String,
    /// It is muted, by a mute or by a window.
    pub muted: bool,
}

impl CauseSeries {
    /// A finding as a cause, and how many LUNs it touches; `None` if it is another's consequence, touches no LUN, or is
    /// only worth knowing.
    pub fn of(finding: &Finding) -> Option<(Self, u32)> {
        let scope = &finding.scope;
        let luns = match &finding.explains {
            Some(explains) => explains.luns.max(u32::from(scope.wwid.is_some())),
            None => u32::from(scope.wwid.is_some()),
        };
        if finding.cause.is_some() || luns == 0 || finding.severity == "info" {
            return None;
        }
        let object = scope.object.as_ref().or(scope.path.as_ref()).or(scope.wwid.as_ref());
        let series = Self {
            cause: finding.fingerprint.clone(),
            kind: finding.code.clone(),
            object: object.cloned().unwrap_or_default(),
            node: scope.node.clone().unwrap_or_default(),
            severity: finding.severity.clone(),
            muted: finding.muted.is_some(),
        };
        Some((series, luns))
    }
}

/// Which causes stand, and which stood a short while ago.
#[derive(Debug, Default)]
pub struct CauseMemory(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    revision: u64,
    standing: BTreeSet<CauseSeries>,
    cleared: BTreeMap<CauseSeries, MonoMs>,
}

impl CauseMemory {
    /// Takes in the findings of one picture; of an older picture than the last one nothing is taken.
    pub fn take(&self, revision: u64, findings: &[Finding], now: MonoMs) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if revision < known.revision {
            return;
        }
        let standing: BTreeSet<CauseSeries> =
            findings.iter().filter_map(|f| Some(CauseSeries::of(f)?.0)).take(CAUSES_MAX).collect();
        let before = std::mem::replace(&mut known.standing, standing.clone());
        known.revision = revision;
        known.cleared.extend(before.into_iter().map(|series| (series, now)));
        known.cleared.retain(|series, at| !standing.contains(series) && now.since(*at) < KEPT_MS);
        while known.cleared.len() > CAUSES_MAX {
            let oldest = known.cleared.iter().min_by_key(|(_, at)| **at).map(|(series, _)| series.clone());
            oldest.and_then(|series| known.cleared.remove(&series));
        }
    }

    /// What stood within the last hour and stands no more.
    pub fn cleared(&self, now: MonoMs) -> Vec<CauseSeries> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known.cleared.iter().filter(|(_, at)| now.since(**at) < KEPT_MS);
        kept.map(|(series, _)| series.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixtures::finding;
    use pathkeeper_api::status::{Explains, Muted};

    fn hba(node: &str, luns: u32) -> Finding {
        let explains = Explains { luns, ..Explains::default() };
        let mut found = finding("HBA_DOWN", "warning", node, "link down");
        found.scope.object = Some("host7".into());
        Finding { explains: Some(explains), ..found }
    }

    #[test]
    fn what_counts_as_a_cause() {
        let lun = |severity: &str| {
            let mut found = finding("LUN_FAILED", severity, "pve1", "no path");
            found.scope.wwid = Some("w".into());
            found
        };
        let consequence = Finding { cause: Some("HBA_DOWN pve1/host7".into()), ..lun("error") };
        for (finding, expect) in [
            (hba("pve1", 12), Some(("host7", 12))),
            (hba("pve1", 0), None),
            (lun("error"), Some(("w", 1))),
            (lun("info"), None),
            (consequence, None),
            (finding("NODE_CLOCK_SKEW", "warning", "pve1", "a minute"), None),
        ] {
            let series = CauseSeries::of(&finding);
            let said = series.as_ref().map(|(series, luns)| (series.object.as_str(), *luns));
            assert_eq!(said, expect, "{finding:?}");
        }
    }

    #[test]
    fn a_cause_is_told_for_an_hour_after_it_cleared() {
        let memory = CauseMemory::default();
        let cleared = |now: u64| {
            let all = memory.cleared(MonoMs(now));
            all.iter().map(|s| format!("{} {}", s.node, s.muted)).collect::<Vec<_>>().join(", ")
        };
        let muted = Finding { muted: Some(Muted::default()), ..hba("pve1", 12) };
        memory.take(1, &[hba("pve1", 12), hba("pve2", 12)], MonoMs(0));
        assert_eq!(cleared(1), "");
        memory.take(2, &[muted], MonoMs(1000));
        assert_eq!(cleared(1000), "pve1 false, pve2 false", "as not muted it stands no more");
        memory.take(1, &[], MonoMs(1500));
        memory.take(3, &[hba("pve1", 1)], MonoMs(2000));
        assert_eq!(cleared(2000), "pve1 true, pve2 false");
        assert_eq!(cleared(1000 + KEPT_MS), "pve1 true");
        memory.take(4, &[hba("pve1", 1)], MonoMs(2000 + KEPT_MS));
        assert_eq!(cleared(2000 + KEPT_MS), "");
        for n in 0..5_000 {
            memory.take(5 + n, &[hba(&format!("n{n}"), 1)], MonoMs(2000 + KEPT_MS));
        }
        assert_eq!(memory.cleared(MonoMs(2000 + KEPT_MS)).len(), CAUSES_MAX);
    }
}
