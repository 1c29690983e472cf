//! What this node has told the cluster, what it has to tell, and when it may.
//!
//! The rules are those of the store contract: at once when something changed, but not more often than the store's
//! floor; what became *worse* goes at once, once in 2 s, whatever the floor; over the budget the floor becomes 10 s;
//! every 60 s all is said again.

use std::collections::VecDeque;

use pathkeeper_model::local::{Adapter, Daemon, NodeRead};
use pathkeeper_model::node_value::{DaemonWord, NODE_KEY, NodeValue};
use pathkeeper_model::report::{self, Stamp};
use pathkeeper_model::{Entry, EpochS, Instance, MonoMs, NodeName, Now, State, Wwid, judge};

use crate::agent::NodeFacts;

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

/// What the store bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishLimits {
    /// No two publications within this time.
    pub floor_ms: u64,
    /// Bytes a minute; `None` = no bound.
    pub budget_bytes_per_min: Option<u64>,
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
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// `None`: this node never had a map, so it has no report.
    entries: Option<Vec<(Wwid, Entry)>>,
    daemon: DaemonWord,
    daemon_why: Option<String>,
    daemon_pid: Option<u32>,
    tools_version: Option<String>,
    maps: usize,
    adapters: Vec<Adapter>,
}

impl Draft {
    /// What follows from a read.
    pub fn new(entries: Option<Vec<(Wwid, Entry)>>, read: &NodeRead) -> Self {
        let (daemon_why, daemon_pid) = match read.daemon {
            Daemon::Answering { pid } => (None, pid),
            _ => (Some(judge::daemon_words(&read.daemon, read.maps.len()).sentence), None),
        };
        Self {
            entries,
            daemon: DaemonWord::from(&read.daemon),
            daemon_why,
            daemon_pid,
            tools_version: read.tools_version.clone(),
            maps: read.maps.len(),
            adapters: read.adapters.clone(),
        }
    }
}

#[derive(Debug)]
struct InFlight {
    id: u64,
    began: MonoMs,
    draft: Draft,
    parts: u32,
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
    sent: Option<Draft>,
    in_flight: Option<InFlight>,
    last_put: Option<MonoMs>,
    last_worse: Option<MonoMs>,
    next_refresh: MonoMs,
    retry_at: Option<MonoMs>,
    retry_ms: u64,
    recent: VecDeque<(MonoMs, u64)>,
    over_budget: bool,
    /// Highest part that may stand in the store under this node's name.
    parts_there: u32,
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
            in_flight: None,
            last_put: None,
            last_worse: None,
            next_refresh: MonoMs(0),
            retry_at: None,
            retry_ms: RETRY_FIRST_MS,
            recent: VecDeque::new(),
            over_budget: false,
            parts_there: 0,
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

    /// The store may have forgotten everything: say it again.
    pub fn store_is_back(&mut self, own_keys: &[String]) {
        self.sent = None;
        if let Some(in_flight) = &mut self.in_flight {
            // Its task still puts: a second one beside it could be overtaken by it.
            in_flight.stale = true;
        }
        self.retry_at = None;
        let parts = own_keys.iter().filter_map(|k| report::part_of_key(k)).max().unwrap_or(0);
        self.parts_there = self.parts_there.max(parts);
    }

    /// Whether the budget is used up.
    pub fn over_budget(&self) -> bool {
        self.over_budget
    }

    /// The store's answer.
    pub fn published(&mut self, id: u64, taken: bool, now: Now) {
        let Some(done) = self.in_flight.take_if(|f| f.id == id) else { return };
        if taken {
            self.sent = (!done.stale).then_some(done.draft);
            self.parts_there = if self.time.is_some() { done.parts } else { self.parts_there };
            self.retry_ms = RETRY_FIRST_MS;
            self.retry_at = None;
        } else {
            self.retry_at = Some(now.mono.plus(self.retry_ms));
            self.retry_ms = (self.retry_ms * 2).min(RETRY_MAX_MS);
        }
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
        self.seq += 1;
        let (values, parts) = self.encode(&draft, now);
        let bytes = values.iter().map(|(k, v)| (k.len() + v.as_ref().map_or(0, Vec::len)) as u64).sum();
        self.recent.push_back((now.mono, bytes));
        self.last_put = Some(now.mono);
        // The instance is random, so it spreads the nodes; the sequence number spreads one node's refreshes.
        let jitter = (self.instance.0 ^ self.seq.wrapping_mul(0x9e37_79b9_7f4a_7c15)) % REFRESH_JITTER_MS;
        self.next_refresh = now.mono.plus(REFRESH_MS - jitter);
        self.retry_at = None;
        let id = self.seq;
        // A part of it may come to stand even if the whole is not taken.
        self.parts_there = self.parts_there.max(parts);
        self.in_flight = Some(InFlight { id, began: now.mono, draft, parts, stale: false });
        Some(Publication { id, values })
    }

    /// When [`Publisher::due`] has to be asked at the latest.
    pub fn next_deadline(&self) -> MonoMs {
        match &self.in_flight {
            Some(f) => f.began.plus(IN_FLIGHT_MAX_MS),
            None => self.when().unwrap_or(MonoMs(u64::MAX)),
        }
    }

    /// When the draft may and must go; `None` while nothing is to be said or an answer is awaited.
    fn when(&self) -> Option<MonoMs> {
        let draft = self.draft.as_ref()?;
        if self.in_flight.is_some() {
            return None;
        }
        let changed = self.sent.as_ref() != Some(draft);
        let wanted = if changed { MonoMs(0) } else { self.next_refresh };
        let floor_ms = if self.over_budget { OVER_BUDGET_FLOOR_MS } else { self.limits.floor_ms };
        let mut allowed = self.last_put.map_or(MonoMs(0), |at| at.plus(floor_ms));
        if self.draft_is_worse() {
            allowed = allowed.min(self.last_worse.map_or(MonoMs(0), |at| at.plus(WORSE_GAP_MS)));
        }
        Some(wanted.max(allowed).max(self.retry_at.unwrap_or(MonoMs(0))))
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
        let spent: u64 = self.recent.iter().map(|(_, bytes)| bytes).sum();
        self.over_budget = self.limits.budget_bytes_per_min.is_some_and(|budget| spent > budget);
    }

    /// The values in the order in which they are put, and how many parts the report has.
    fn encode(&self, draft: &Draft, now: Now) -> (Vec<Put>, u32) {
        let mut values = Vec::new();
        let mut parts_now = 0;
        // Before a read has proven anything, a report would say that what stands in the store is no longer so.
        if let Some(time) = self.time {
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
            version_kernel: Some(self.facts.kernel.clone()),
            mode: Some(self.facts.mode.clone()),
            daemon: draft.daemon,
            daemon_why: draft.daemon_why.clone(),
            daemon_pid: draft.daemon_pid,
            boot_id: Some(self.facts.boot_id.clone()),
            maps: u32::try_from(draft.maps).ok(),
            adapters: draft.adapters.clone(),
            adapters_left_out: 0,
            over_budget: self.over_budget,
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
