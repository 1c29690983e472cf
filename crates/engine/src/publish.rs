//! What this node has told the cluster, what it has to tell, and when it may.
//!
//! The rules are those of the store contract: at once when something changed, but not more often than the store's
//! floor; what became *worse* goes at once, once in 2 s, whatever the floor; over the budget the floor becomes 10 s;
//! every 60 s all is said again, or, where the store keeps a history of what is written, a marker says that it holds.

mod detail;
mod told;

use std::collections::VecDeque;
use std::sync::Arc;

use pathkeeper_model::alert::ALERTS_KEY;
use pathkeeper_model::detail::Head;
use pathkeeper_model::fresh::{FRESH_KEY, Fresh};
use pathkeeper_model::ledger::Ledger;
use pathkeeper_model::local::{Adapter, Daemon, NodeRead};
use pathkeeper_model::node_value::{DaemonWord, NODE_KEY, NodeValue};
use pathkeeper_model::report::{self, Stamp};
use pathkeeper_model::{Entry, EpochS, Instance, MonoMs, NodeName, Now, State, Wwid, judge};

use crate::agent::NodeFacts;
use detail::Details;
use told::Told;

pub use detail::{DetailDone, DetailDraft};

const REFRESH_MS: u64 = 60_000;
/// Refreshes come up to this much earlier, so that nodes that started together do not speak together for ever.
const REFRESH_JITTER_MS: u64 = 6_000;
const WORSE_GAP_MS: u64 = 2_000;
const OVER_BUDGET_FLOOR_MS: u64 = 10_000;
const MINUTE_MS: u64 = 60_000;
const RETRY_FIRST_MS: u64 = 500;
const RETRY_MAX_MS: u64 = 10_000;
/// A store call ends within its own bound; this is for a runner that never says how it ended.
const IN_FLIGHT_MAX_MS: u64 = 30_000;

const HUNG: &str = "multipathd takes connections and gives no maps: it is stuck, and checks no paths.";

/// What the store bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishLimits {
    /// No two publications within this time.
    pub floor_ms: u64,
    /// Bytes a minute; `None` = no bound.
    pub budget_bytes_per_min: Option<u64>,
    /// A refresh is [`FRESH_KEY`] alone, as long as everything that was sent stands.
    pub refresh_by_marker: bool,
}

/// A key and what to put there; `None` clears it.
pub type Put = (String, Option<Vec<u8>>);

/// Values to put, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Comes back in [`crate::agent::AgentEvent::Published`].
    pub id: u64,
    /// Keys and bytes: higher-numbered parts of the report first, `multipath` after them, then leftovers.
    pub values: Vec<Put>,
}

/// What the cluster should know of this node.
#[derive(Clone, Debug)]
pub struct Draft {
    /// `None`: this node never had a map, so it has no report.
    entries: Option<Vec<(Wwid, Entry)>>,
    daemon: DaemonWord,
    daemon_why: Option<String>,
    daemon_pid: Option<u32>,
    tools_version: Option<String>,
    config_digest: Option<String>,
    maps: usize,
    adapters: Vec<Adapter>,
    report_by: Option<String>,
    settling: u32,
}

/// What is measured or counted anew with each read is no news, or a node in trouble would write its whole report with
/// each: numbers in the words about multipathd, error counters of adapters. They go out with whatever else does.
impl PartialEq for Draft {
    fn eq(&self, other: &Self) -> bool {
        let why = |draft: &Self| {
            let why = draft.daemon_why.as_deref().unwrap_or_default();
            why.chars().filter(|c| !c.is_ascii_digit()).collect::<String>()
        };
        let adapter = |(a, b): (&Adapter, &Adapter)| {
            (&a.name, &a.transport, &a.port_name, &a.fabric, &a.link, &a.speed)
                == (&b.name, &b.transport, &b.port_name, &b.fabric, &b.link, &b.speed)
        };
        self.entries == other.entries
            && (self.daemon, self.daemon_pid, self.maps) == (other.daemon, other.daemon_pid, other.maps)
            && (&self.tools_version, &self.config_digest) == (&other.tools_version, &other.config_digest)
            && self.report_by == other.report_by
            && self.settling == other.settling
            && why(self) == why(other)
            && self.adapters.len() == other.adapters.len()
            && self.adapters.iter().zip(&other.adapters).all(adapter)
    }
}

impl Draft {
    /// What follows from a read. `report_by` is another program on this node that writes the report: then this one does
    /// not touch it.
    pub fn new(entries: Option<Vec<(Wwid, Entry)>>, read: &NodeRead, report_by: Option<String>) -> Self {
        let (daemon_why, daemon_pid) = match read.daemon {
            Daemon::Answering { pid } => (None, pid),
            // How long it was waited for changes from read to read.
            Daemon::Hung { .. } => (Some(HUNG.to_owned()), None),
            _ => (Some(judge::daemon_words(&read.daemon, read.maps.len()).sentence), None),
        };
        Self {
            entries,
            daemon: DaemonWord::from(&read.daemon),
            daemon_why,
            daemon_pid,
            tools_version: read.tools_version.clone(),
            config_digest: read.config_digest.clone(),
            maps: read.maps.len(),
            adapters: read.adapters.clone(),
            report_by,
            settling: 0,
        }
    }

    /// So many LUNs are reported `unknown` because the machine has just booted.
    #[must_use]
    pub fn settling(self, luns: u32) -> Self {
        Self { settling: luns, ..self }
    }
}

#[derive(Debug)]
struct InFlight {
    id: u64,
    began: MonoMs,
    /// `None`: a marker, which says nothing but that what was sent stands.
    draft: Option<Draft>,
    parts: u32,
    /// Parts of an earlier run's report that it did not replace were cleared.
    report_dealt_with: bool,
    bytes: u64,
    /// The store was away meanwhile: whatever became of it, all is said again.
    stale: bool,
}

/// Sends drafts when they are due.
#[derive(Debug)]
pub struct Publisher {
    node: NodeName,
    instance: Instance,
    limits: PublishLimits,
    facts: NodeFacts,
    seq: u64,
    time: Option<EpochS>,
    draft: Option<Draft>,
    /// What was taken last.
    sent: Option<Draft>,
    /// Whether `sent` is what the store holds: not after a publication that was not taken, or only in part.
    stands: bool,
    /// Whether `sent` went with a report: not where another program writes it, nor before a read has proven anything.
    report_sent: bool,
    /// What the store held of this node before is known.
    store_known: bool,
    /// Somebody changed in the store what was put there.
    lost: bool,
    /// Whether `sent` told that the budget is used up.
    sent_over_budget: bool,
    in_flight: Option<InFlight>,
    last_put: Option<MonoMs>,
    last_worse: Option<MonoMs>,
    next_refresh: MonoMs,
    retry_at: Option<MonoMs>,
    retry_ms: u64,
    recent: VecDeque<(MonoMs, u64)>,
    /// The sum of `recent`.
    spent_bytes: u64,
    over_budget: bool,
    /// Highest part that may stand in the store under this node's name.
    parts_there: u32,
    details: Details,
    told: Told,
}

impl Publisher {
    /// Nothing drafted, nothing sent.
    pub fn new(node: NodeName, instance: Instance, limits: PublishLimits, facts: NodeFacts) -> Self {
        Self {
            node,
            instance,
            limits,
            facts,
            seq: 0,
            time: None,
            draft: None,
            sent: None,
            stands: false,
            report_sent: false,
            store_known: false,
            lost: false,
            sent_over_budget: false,
            in_flight: None,
            last_put: None,
            last_worse: None,
            next_refresh: MonoMs(0),
            retry_at: None,
            retry_ms: RETRY_FIRST_MS,
            recent: VecDeque::new(),
            spent_bytes: 0,
            over_budget: false,
            parts_there: 0,
            details: Details::default(),
            told: Told::default(),
        }
    }

    /// A read that proved something began then: what is published bears this time.
    pub fn read_succeeded(&mut self, began: EpochS) {
        self.time = Some(began);
    }

    /// What is to be said from now on.
    pub fn draft(&mut self, draft: Draft) {
        self.draft = Some(draft);
    }

    /// What a detail is to be made of from now on.
    pub fn detail(&mut self, read: &Arc<NodeRead>) {
        self.details.take_read(read);
    }

    /// The ledger changed.
    pub fn ledger(&mut self, ledger: &Arc<Ledger>) {
        self.details.take_ledger(ledger);
    }

    /// The store may have forgotten everything: say it again.
    pub fn store_is_back(&mut self, own_keys: &[String]) {
        self.told.lost();
        self.details.store_is_back(own_keys);
        // `sent` stays: what is worse is worse than what was said last, wherever that is now.
        self.stands = false;
        self.store_known = true;
        if let Some(in_flight) = &mut self.in_flight {
            // Its task still puts: a second one beside it could be overtaken by it.
            in_flight.stale = true;
        }
        self.retry_at = None;
        let parts = own_keys.iter().filter_map(|k| report::part_of_key(k)).max().unwrap_or(0);
        self.parts_there = self.parts_there.max(parts);
    }

    /// The store holds something else under one of this node's keys than was put there last: another wrote or cleared it.
    /// The next refresh says it all, and no sooner: two agents of one name would do nothing but write.
    pub fn own_value_lost(&mut self, key: &str) {
        let by_other = self.draft.as_ref().is_some_and(|draft| draft.report_by.is_some());
        match report::part_of_key(key) {
            Some(1) if by_other => {}
            Some(_) => self.lost = true,
            None if key == NODE_KEY => self.lost = true,
            None if key == ALERTS_KEY => self.told.lost(),
            None => self.details.own_value_lost(key),
        }
    }

    /// Whether the budget is used up.
    pub fn over_budget(&self) -> bool {
        self.over_budget
    }

    /// The store's answer.
    pub fn published(&mut self, id: u64, taken: bool, now: Now) {
        let Some(done) = self.in_flight.take_if(|f| f.id == id) else { return };
        if taken {
            if let Some(draft) = done.draft {
                self.stands = !done.stale;
                self.report_sent = draft.report_by.is_none() && done.parts > 0;
                self.sent = Some(draft);
                self.parts_there = if done.report_dealt_with { done.parts } else { self.parts_there };
            }
            self.retry_ms = RETRY_FIRST_MS;
            self.retry_at = None;
        } else {
            // Attempts in a row count once: the store that takes nothing bears nothing.
            if self.retry_ms > RETRY_FIRST_MS {
                self.recent.retain(|spent| *spent != (done.began, done.bytes));
            }
            self.retry_at = Some(now.mono.plus(self.retry_ms));
            self.retry_ms = (self.retry_ms * 2).min(RETRY_MAX_MS);
        }
    }

    /// The store's answer to a detail.
    pub fn detail_published(&mut self, done: DetailDone, now: Now) {
        self.recent.push_back((now.mono, done.put_bytes));
        self.forget_old_bytes(now.mono);
        self.details.published(done, now.mono);
    }

    /// What people outside were told, as it is to stand in the store from now on.
    pub fn told(&mut self, value: Vec<u8>) {
        self.told.take(value);
    }

    /// The store's answer to that.
    pub fn told_published(&mut self, id: u64, taken: bool, now: Now) {
        self.told.published(id, taken, now.mono);
    }

    /// What of it is due now. It does not wait for the report: others would tell people the same once more meanwhile.
    pub fn told_due(&mut self, now: Now) -> Option<Publication> {
        self.told.give_up(now.mono);
        if self.told_deadline()? > now.mono {
            return None;
        }
        let publication = self.told.due(now.mono)?;
        let bytes =
            publication.values.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
        self.recent.push_back((now.mono, bytes.sum::<usize>() as u64));
        self.forget_old_bytes(now.mono);
        Some(publication)
    }

    fn told_deadline(&self) -> Option<MonoMs> {
        let gap_ms = if self.over_budget { OVER_BUDGET_FLOOR_MS } else { WORSE_GAP_MS };
        self.told.when(gap_ms, !self.limits.refresh_by_marker)
    }

    /// The detail that is due now, if any: never before the report that is to be said.
    pub fn detail_due(&mut self, now: Now) -> Option<DetailDraft> {
        self.details.give_up(now.mono);
        if !self.rests() || self.details.when()? > now.mono {
            return None;
        }
        if !self.has_room() && self.details.held_until(now.mono) > now.mono {
            return None;
        }
        let (node, instance, seq) = (&self.node, self.instance, &mut self.seq);
        self.details.due(now.mono, || {
            *seq += 1;
            Head { node: node.clone(), stamp: Stamp { instance, seq: *seq }, time: now.wall }
        })
    }

    /// The report is said and taken.
    fn rests(&self) -> bool {
        let said = self.draft.as_ref().is_some_and(|draft| !self.changed(draft));
        said && self.in_flight.is_none()
    }

    /// The budget bears a detail of the size that the last one had, so that reports need not wait for what only shows.
    fn has_room(&self) -> bool {
        let after = self.spent_bytes.saturating_add(self.details.size_bytes());
        self.limits.budget_bytes_per_min.is_none_or(|budget| after <= budget)
    }

    /// The publication that is due now, if any.
    pub fn due(&mut self, now: Now) -> Option<Publication> {
        self.in_flight.take_if(|f| now.mono.since(f.began) >= IN_FLIGHT_MAX_MS);
        self.forget_old_bytes(now.mono);
        if self.when()? > now.mono {
            return None;
        }
        let draft = self.draft.clone()?;
        if self.draft_is_worse() {
            self.last_worse = Some(now.mono);
        }
        let nothing_new = !self.changed(&draft) && self.sent_over_budget == self.over_budget && !self.lost;
        let marker = self.limits.refresh_by_marker && nothing_new && self.report_is_ours(&draft);
        self.seq += 1;
        let (values, parts) = if marker { (self.marker(), 0) } else { self.encode(&draft, now) };
        let bytes = values.iter().map(|(k, v)| (k.len() + v.as_ref().map_or(0, Vec::len)) as u64).sum();
        self.recent.push_back((now.mono, bytes));
        self.last_put = Some(now.mono);
        // The instance is random, so it spreads the nodes; the sequence number spreads one node's refreshes.
        let jitter = (self.instance.0 ^ self.seq.wrapping_mul(0x9e37_79b9_7f4a_7c15)) % REFRESH_JITTER_MS;
        self.next_refresh = now.mono.plus(REFRESH_MS - jitter);
        self.retry_at = None;
        let id = self.seq;
        if !marker {
            // A part of it may come to stand even if the whole is not taken.
            self.parts_there = self.parts_there.max(parts);
            self.stands = false;
            self.lost = false;
            self.sent_over_budget = self.over_budget;
        }
        let report_dealt_with = self.time.is_some() || draft.report_by.is_some();
        let draft = (!marker).then_some(draft);
        let began = now.mono;
        self.in_flight = Some(InFlight { id, began, draft, parts, report_dealt_with, bytes, stale: false });
        Some(Publication { id, values })
    }

    /// When [`Publisher::due`] has to be asked at the latest.
    pub fn next_deadline(&self) -> MonoMs {
        let report = match &self.in_flight {
            Some(f) => f.began.plus(IN_FLIGHT_MAX_MS),
            None => self.when().unwrap_or(MonoMs(u64::MAX)),
        };
        [self.detail_deadline(), self.details.gives_up_at(), self.told_deadline(), self.told.gives_up_at()]
            .into_iter()
            .flatten()
            .fold(report, MonoMs::min)
    }

    /// When a detail may go: where the budget does not bear it, when what counts against it now counts no longer, or
    /// when it has waited long enough.
    fn detail_deadline(&self) -> Option<MonoMs> {
        let when = self.details.when().filter(|_| self.rests())?;
        if self.has_room() {
            return Some(when);
        }
        let free = self.recent.front().map(|(at, _)| at.plus(MINUTE_MS));
        let held = self.details.held_at_most(when);
        Some(free.map_or(held, |free| free.min(held)).max(when))
    }

    /// When the draft may and must go; `None` while nothing is to be said or an answer is awaited.
    fn when(&self) -> Option<MonoMs> {
        let draft = self.draft.as_ref()?;
        if self.in_flight.is_some() {
            return None;
        }
        let wanted = if self.changed(draft) { MonoMs(0) } else { self.next_refresh };
        let floor_ms = if self.over_budget { OVER_BUDGET_FLOOR_MS } else { self.limits.floor_ms };
        let mut allowed = self.last_put.map_or(MonoMs(0), |at| at.plus(floor_ms));
        if self.draft_is_worse() {
            allowed = allowed.min(self.last_worse.map_or(MonoMs(0), |at| at.plus(WORSE_GAP_MS)));
        }
        Some(wanted.max(allowed).max(self.retry_at.unwrap_or(MonoMs(0))))
    }

    /// Whether the store holds something else than this, or may.
    fn changed(&self, draft: &Draft) -> bool {
        let report_lacks = !self.report_sent && self.gives_report(draft);
        !self.stands || report_lacks || self.sent.as_ref() != Some(draft)
    }

    fn gives_report(&self, draft: &Draft) -> bool {
        self.time.is_some() && draft.entries.is_some() && draft.report_by.is_none()
    }

    /// Whether everything that stands in the store under this node's name is of this run, so that a marker may say that it
    /// holds: it would keep fresh for ever what this run has not said, or no longer says. A node without a report has none
    /// of an earlier run either, once the store has told what it holds: else it had one.
    fn report_is_ours(&self, draft: &Draft) -> bool {
        draft.report_by.is_none() && self.store_known && (self.report_sent || draft.entries.is_none())
    }

    fn draft_is_worse(&self) -> bool {
        match (&self.draft, &self.sent) {
            (Some(draft), Some(sent)) => worse(sent.entries.as_deref(), draft.entries.as_deref()),
            _ => false,
        }
    }

    fn forget_old_bytes(&mut self, now: MonoMs) {
        while self.recent.front().is_some_and(|(at, _)| now.since(*at) >= MINUTE_MS) {
            self.recent.pop_front();
        }
        self.spent_bytes = self.recent.iter().map(|(_, bytes)| bytes).sum();
        self.over_budget = self.limits.budget_bytes_per_min.is_some_and(|budget| self.spent_bytes > budget);
    }

    fn marker(&self) -> Vec<Put> {
        let stamp = Stamp { instance: self.instance, seq: self.seq };
        vec![(FRESH_KEY.into(), Some(Fresh { stamp, time: self.time }.encode()))]
    }

    /// The values in the order in which they are put, and how many parts the report has.
    fn encode(&self, draft: &Draft, now: Now) -> (Vec<Put>, u32) {
        let mut values = Vec::new();
        let mut parts_now = 0;
        // Before a read has proven anything, a report would say that what stands in the store is no longer so.
        if draft.report_by.is_some() {
            // `multipath` is the other program's. It knows no parts: those that stand are of an earlier run of ours.
            values.extend((2..=self.parts_there).map(|part| (report::part_key(part), None)));
            parts_now = 1;
        } else if let Some(time) = self.time {
            if let Some(entries) = &draft.entries {
                let stamp = Stamp { instance: self.instance, seq: self.seq };
                let encoded = report::encode(stamp, time, entries.iter().map(|(w, e)| (w, e)));
                for (part, bytes) in (1..).zip(encoded.parts) {
                    values.push((report::part_key(part), Some(bytes)));
                    parts_now = part;
                }
                values.reverse();
            }
            values.extend((parts_now + 1..=self.parts_there).map(|part| (report::part_key(part), None)));
        }
        let node = NodeValue {
            node: Some(self.node.as_str().into()),
            instance: Some(self.instance),
            seq: Some(self.seq),
            time: Some(now.wall),
            version_pathkeeper: Some(self.facts.pathkeeper.clone()),
            version_multipath_tools: draft.tools_version.clone(),
            config_digest: draft.config_digest.clone(),
            version_kernel: Some(self.facts.kernel.clone()),
            mode: Some(self.facts.mode.clone()),
            daemon: draft.daemon,
            daemon_why: draft.daemon_why.clone(),
            daemon_pid: draft.daemon_pid,
            boot_id: Some(self.facts.boot_id.clone()),
            maps: u32::try_from(draft.maps).ok(),
            adapters: draft.adapters.clone(),
            adapters_left_out: 0,
            report_by: draft.report_by.clone(),
            over_budget: self.over_budget,
            settling: draft.settling,
        };
        values.push((NODE_KEY.into(), Some(node.encode())));
        (values, parts_now)
    }
}

/// Whether any LUN is in a worse state, has fewer usable paths, or is gone. Both sides are sorted by WWID.
fn worse(old: Option<&[(Wwid, Entry)]>, new: Option<&[(Wwid, Entry)]>) -> bool {
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let find = |wwid: &Wwid| new.binary_search_by(|(w, _)| w.cmp(wwid)).ok().and_then(|i| new.get(i));
    let appeared_bad =
        || new.iter().any(|(w, e)| e.state != State::Optimal && !old.iter().any(|(o, _)| o == w));
    old.iter().any(|(wwid, was)| match find(wwid) {
        None => true,
        Some((_, is)) => is.state.concern() > was.state.concern() || is.paths_active < was.paths_active,
    }) || (new.len() > old.len() && appeared_bad())
}
