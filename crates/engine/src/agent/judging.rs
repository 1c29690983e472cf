//! What a node says of its LUNs: each map's state by what is expected of it, what its ledger remembers, what people ordered.

use std::collections::BTreeSet;

use pathkeeper_model::judge;
use pathkeeper_model::ledger::{Change, Ledger};
use pathkeeper_model::local::Daemon;
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::orders::Orders;
use pathkeeper_model::{Entry, MonoMs, Now, State, Wwid};

use super::{Agent, AgentEffect, LEDGER_GAP_MS};
use crate::publish::Draft;

/// After its boot a machine's disks come one after the other: so long nobody says that one is missing.
const BOOT_MS: u64 = 120_000;

/// The machine has just booted, and multipathd has not said since then that it is done with its first round.
#[derive(Debug)]
pub(super) struct Booting {
    /// When this ends at the latest.
    pub until: MonoMs,
    /// multipathd answered, and was asked at once whether it is idle.
    pub asked: bool,
    /// It was: the next look is the first that counts.
    pub idle: bool,
}

impl Booting {
    /// By the time since the boot at this moment; `None` where it was long ago or is not known.
    pub fn at(uptime_ms: Option<u64>, now: Now) -> Option<Self> {
        let left_ms = BOOT_MS.checked_sub(uptime_ms?).filter(|left_ms| *left_ms > 0)?;
        Some(Self { until: now.mono.plus(left_ms), asked: false, idle: false })
    }
}

/// What the node had to report at any time, so that its absence must be said aloud.
#[derive(Debug, Default)]
pub(super) struct Had {
    /// An earlier run left a report in the store.
    pub earlier: bool,
    /// LUNs that this run reported.
    pub luns: BTreeSet<Wwid>,
}

impl Agent {
    /// How many paths this LUN should have here: by its section, else by the defaults, else by what is remembered.
    fn paths_expected(&self, wwid: &Wwid) -> Option<u32> {
        let configured = self.config_read.as_ref().and_then(|cfg| {
            cfg.luns.get(wwid).and_then(|section| section.expected_paths).or(cfg.expected_paths)
        });
        let remembered = || self.ledger.ledger().luns.get(wwid).map(|lun| lun.paths());
        // A map that never had a usable path is remembered with none: nothing is known of how many it should have.
        configured.or_else(remembered).filter(|paths| *paths > 0)
    }

    /// Judges the last read anew.
    pub(super) fn judge(&mut self) {
        let Some(read) = self.last.clone() else { return };
        let mut entries = if judge::is_blind(&read) {
            judge::judge_blind(&self.known_wwids())
        } else {
            judge::judge(&read, &|wwid| self.paths_expected(wwid))
        };
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        self.settling = 0;
        if self.booting.is_some() {
            let named = |wwid: &Wwid| entries.binary_search_by(|(named, _)| named.cmp(wwid)).is_ok();
            let absent = self.ledger.ledger().luns.keys().filter(|wwid| !named(wwid));
            let unknown = |wwid: &Wwid| {
                let entry = Entry { paths_expected: self.paths_expected(wwid), ..Entry::of(State::Unknown) };
                (wwid.clone(), entry)
            };
            let absent: Vec<_> = absent.map(unknown).collect();
            self.settling = u32::try_from(absent.len()).unwrap_or(u32::MAX);
            entries.extend(absent);
            entries.sort_by(|a, b| a.0.cmp(&b.0));
        }
        for (wwid, _) in &entries {
            if !self.had.luns.contains(wwid) {
                self.had.luns.insert(wwid.clone());
            }
        }
        self.entries = entries;
        self.draft();
    }

    /// Something else than a read changed what the last one means.
    pub(super) fn judge_again(&mut self, effects: &mut Vec<AgentEffect>) {
        if self.last.is_some() {
            self.judge();
            effects.push(AgentEffect::Looked);
        }
    }

    /// The time after the boot is over, or multipathd has answered since it was idle.
    pub(super) fn end_boot(&mut self, now: Now, answered: bool) -> bool {
        self.booting.take_if(|boot| boot.until <= now.mono || (answered && boot.idle)).is_some()
    }

    pub(super) fn known_wwids(&self) -> Vec<Wwid> {
        self.entries.iter().map(|(wwid, _)| wwid.clone()).collect()
    }

    /// multipathd answered the last read.
    pub(super) fn is_answered(&self) -> bool {
        self.last.as_deref().is_some_and(|read| matches!(read.daemon, Daemon::Answering { .. }))
    }

    pub(super) fn draft(&mut self) {
        let Some(read) = &self.last else { return };
        self.publisher.detail(read);
        // A node that once carried a LUN says aloud that it has none.
        let speaks = self.has_value();
        self.publisher.draft(
            Draft::new(speaks.then(|| self.entries.clone()), read, self.report_by.clone())
                .settling(self.settling),
        );
    }

    fn has_value(&self) -> bool {
        let in_service = |wwid: &Wwid| !self.ledger.is_retired(wwid);
        !self.entries.is_empty()
            || !self.ledger.ledger().is_empty()
            || self.had.earlier
            || self.had.luns.iter().any(in_service)
    }

    /// A new reading of the configuration. One that gives no instruction changes nothing.
    pub(super) fn take_config(&mut self, reading: Reading, effects: &mut Vec<AgentEffect>) {
        if let Reading::Good(cfg) = reading {
            self.config_read = Some(cfg);
            self.judge_again(effects);
        }
    }

    /// The orders as they stand in the store.
    pub(super) fn take_orders(&mut self, orders: Orders, now: Now, effects: &mut Vec<AgentEffect>) {
        let change = self.ledger.set_orders(&orders, &self.config.node, now.wall);
        self.ledger_dirty |= change > Change::None;
        if self.obey() {
            self.judge_again(effects);
        }
    }

    /// Carries out what is ordered; true if that changed the ledger. Before the store has told what it holds of this node
    /// the ledger may not be whole, and nothing is obeyed.
    pub(super) fn obey(&mut self) -> bool {
        if !self.store_told {
            return false;
        }
        let retires = self.ledger.ledger().luns.keys().any(|wwid| self.ledger.is_retired(wwid));
        let changed = self.ledger.obey(&self.config.node, self.is_answered()) > Change::None;
        if changed {
            self.ledger_changed();
        }
        // What an earlier run reported is what its ledger held.
        self.had.earlier &= !(retires && self.ledger.ledger().is_empty());
        changed
    }

    /// An earlier ledger of this node: what it knows beyond this one is taken over.
    pub(super) fn merge_ledger(&mut self, ledger: Ledger) -> bool {
        let more = self.ledger.merge(ledger);
        if more {
            self.publisher.ledger(self.ledger.ledger());
        }
        more
    }

    pub(super) fn ledger_changed(&mut self) {
        self.ledger_dirty = true;
        self.publisher.ledger(self.ledger.ledger());
    }

    /// When the ledger is to be kept on disk, if it changed.
    pub(super) fn ledger_due(&self) -> Option<MonoMs> {
        let due = self.ledger_saved.map_or(MonoMs(0), |at| at.plus(LEDGER_GAP_MS));
        self.ledger_dirty.then_some(due)
    }
}
