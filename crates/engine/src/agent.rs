//! The agent of one node: when to look at multipathd and the kernel, and what follows from what was seen.
//!
//! `effects = agent.apply(event, now)` is the whole interface: no clock, no thread, no socket. The runner carries the
//! effects out and comes back with events; [`Agent::next_deadline`] says when to come back with [`AgentEvent::Tick`]
//! at the latest.
//!
//! A read can hang for ever (a stopped multipathd, a device that does not answer), so a read is something that can
//! be given up: the runner throws its thread away, and the node reports what it then knows, which is "unknown".

use std::sync::Arc;

use pathkeeper_model::judge;
use pathkeeper_model::ledger::{Change, Keeper, Ledger};
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::{Entry, Instance, MonoMs, NodeName, Now, Wwid};

use crate::counts::Counts;
use crate::publish::{DetailDone, DetailDraft, Draft, Publication, PublishLimits, Publisher};

/// While events keep coming, a read begins at most this often.
const EVENT_GAP_MS: u64 = 200;
/// After the last event one more look, for what multipathd does a moment later.
const SETTLE_MS: u64 = 1_000;
/// Between two polls multipathd is asked for a sign of life, so that one that hangs is known within 10 s.
const PROBE_AFTER_MS: u64 = 5_000;
/// A read that has not come back by then is given up. The reader's own bounds are shorter; this one is for a thread
/// that the kernel does not let go.
const READ_GIVE_UP_MS: u64 = 8_000;
/// The ledger is not written to the disk more often than this.
const LEDGER_GAP_MS: u64 = 60_000;
/// No more threads than this are left behind in the kernel; then reading waits until one comes back.
const READS_STUCK_MAX: u32 = 3;

/// What an agent is told at its start.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Its name in the cluster.
    pub node: NodeName,
    /// This run, random.
    pub instance: Instance,
    /// Milliseconds from the begin of one poll to that of the next.
    pub poll_ms: u64,
    /// What the store bears.
    pub limits: PublishLimits,
    /// What does not change while it runs: versions, boot id, mode.
    pub facts: NodeFacts,
}

/// What a node says of itself in `multipath-node`, apart from what reads find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Pathkeeper's version.
    pub pathkeeper: String,
    /// Kernel release.
    pub kernel: String,
    /// The kernel's boot id.
    pub boot_id: String,
    /// `observe` or `manage`.
    pub mode: String,
}

/// How much a read looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// multipathd's maps and the kernel's: on an event.
    Quick,
    /// Everything: at a poll.
    Full,
}

/// What can happen to an agent.
#[derive(Debug)]
pub enum AgentEvent {
    /// Time has come (or the first event of all).
    Tick,
    /// The kernel or multipathd's process gave a sign that something changed. Never the truth, only a reason to look.
    Trigger,
    /// A read came back, perhaps long after it was given up.
    Read {
        /// As in [`AgentEffect::Read`].
        id: u64,
        /// What it found; `None` if its thread died.
        read: Option<Box<NodeRead>>,
    },
    /// A sign of life was asked for.
    Probed {
        /// As in [`AgentEffect::Probe`].
        id: u64,
        /// multipathd is there and says that it works, or is known not to be there as before.
        calm: bool,
    },
    /// The store took a publication, or did not.
    Published {
        /// As in [`AgentEffect::Publish`].
        id: u64,
        /// All of its values were taken.
        taken: bool,
    },
    /// The store took a detail, or did not; its id is that of [`AgentEffect::PublishDetail`].
    DetailPublished(DetailDone),
    /// The store holds something else under this key of this node than was put there last, or nothing.
    OwnValueLost {
        /// Which.
        key: String,
    },
    /// The store is (again) there: these are the keys that it holds of this node. Everything is put once more.
    Store {
        /// Keys of this node.
        own_keys: Vec<String>,
        /// The ledger that this node published last, if there is one.
        own_ledger: Option<Ledger>,
    },
    /// Another program on this node writes its report (its short name), or none does: told before each full read.
    ReportBy(Option<String>),
    /// The ledger that this node kept on disk was read. The one in the store is added to it.
    LedgerLoaded(Ledger),
}

/// What an agent wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum AgentEffect {
    /// Read the local node on a thread that can be thrown away.
    Read {
        /// Comes back with the result.
        id: u64,
        /// How much to look at.
        depth: Depth,
    },
    /// Ask multipathd for a sign of life on the same thread.
    Probe {
        /// Comes back with the result.
        id: u64,
    },
    /// The thread of this read or probe has not come back: throw it away and take a new one.
    Abandon {
        /// Which.
        id: u64,
    },
    /// Put these values, in order; a `None` clears.
    Publish(Publication),
    /// Pack this on a thread that nobody waits for, and put its values in order.
    PublishDetail(DetailDraft),
    /// The ledger changed: keep this one on disk.
    SaveLedger(Arc<Ledger>),
    /// [`Agent::last_read`] and [`Agent::entries`] are new.
    Looked,
}

#[derive(Debug)]
struct Running {
    id: u64,
    began: MonoMs,
    probe: bool,
}

/// The agent of one node.
#[derive(Debug)]
pub struct Agent {
    config: AgentConfig,
    running: Option<Running>,
    next_id: u64,
    stuck: u32,
    next_poll: MonoMs,
    next_probe: MonoMs,
    read_began: Option<MonoMs>,
    /// An event asks for a read, not before this moment.
    wanted: Option<MonoMs>,
    /// The last look after events.
    settle: Option<MonoMs>,
    last: Option<Arc<NodeRead>>,
    entries: Vec<(Wwid, Entry)>,
    had_maps: bool,
    publisher: Publisher,
    /// Another program on this node that writes its report.
    report_by: Option<String>,
    ledger: Keeper,
    /// The store has told once what it holds of this node.
    store_told: bool,
    /// The ledger changed since it was given out to be kept.
    ledger_dirty: bool,
    ledger_saved: Option<MonoMs>,
    counts: Counts,
}

impl Agent {
    /// An agent that will look at once.
    pub fn new(config: AgentConfig, now: Now) -> Self {
        let publisher =
            Publisher::new(config.node.clone(), config.instance, config.limits, config.facts.clone());
        Self {
            config,
            running: None,
            next_id: 0,
            stuck: 0,
            next_poll: now.mono,
            next_probe: now.mono,
            read_began: None,
            wanted: None,
            settle: None,
            last: None,
            entries: Vec::new(),
            had_maps: false,
            publisher,
            report_by: None,
            ledger: Keeper::default(),
            store_told: false,
            ledger_dirty: false,
            ledger_saved: None,
            counts: Counts::default(),
        }
    }

    /// The last read that came back in time; shared, since a large node's is megabytes.
    pub fn last_read(&self) -> Option<&Arc<NodeRead>> {
        self.last.as_ref()
    }

    /// What this node reports, sorted by WWID.
    pub fn entries(&self) -> &[(Wwid, Entry)] {
        &self.entries
    }

    /// Whether the store's budget is used up and reports are held back.
    pub fn over_budget(&self) -> bool {
        self.publisher.over_budget()
    }

    /// How often each kind of event came.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Takes one event and says what is to be done.
    pub fn apply(&mut self, event: AgentEvent, now: Now) -> Vec<AgentEffect> {
        let mut effects = Vec::new();
        match event {
            AgentEvent::Tick => self.counts.add("tick"),
            AgentEvent::Trigger => {
                self.counts.add("trigger");
                self.want_read(now);
                self.settle = Some(now.mono.plus(SETTLE_MS));
            }
            AgentEvent::Read { id, read } => {
                self.counts.add("read");
                self.read_came_back(id, read, now, &mut effects);
            }
            AgentEvent::Probed { id, calm } => {
                self.counts.add("probed");
                match self.running.take_if(|r| r.id == id) {
                    Some(_) if !calm => self.want_read(now),
                    Some(_) => {}
                    None => self.stuck = self.stuck.saturating_sub(1),
                }
                self.next_probe = now.mono.plus(PROBE_AFTER_MS);
            }
            AgentEvent::Published { id, taken } => {
                self.counts.add("published");
                self.publisher.published(id, taken, now);
            }
            AgentEvent::DetailPublished(done) => {
                self.counts.add("detail-published");
                self.publisher.detail_published(done, now);
            }
            AgentEvent::OwnValueLost { key } => {
                self.counts.add("own-value-lost");
                self.publisher.own_value_lost(&key);
            }
            AgentEvent::ReportBy(program) => {
                self.counts.add("report-by");
                if self.report_by != program {
                    self.report_by = program;
                    self.draft();
                }
            }
            AgentEvent::LedgerLoaded(ledger) => {
                self.counts.add("ledger-loaded");
                self.ledger.merge(ledger);
                self.publisher.ledger(self.ledger.ledger());
                self.draft();
            }
            AgentEvent::Store { own_keys, own_ledger } => {
                self.counts.add("store");
                // Once: later it is what this run said. What the disk holds may be the older one, of a copied or restored
                // machine; merging only adds.
                let earlier = if std::mem::replace(&mut self.store_told, true) { None } else { own_ledger };
                if earlier.is_some_and(|ledger| self.ledger.merge(ledger)) {
                    self.ledger_changed();
                }
                // A value of an earlier run stands for maps that this node had: their absence must be said aloud.
                self.had_maps |= own_keys.iter().any(|k| k == "multipath");
                self.publisher.store_is_back(&own_keys);
                self.draft();
            }
        }
        self.give_up_what_hangs(now, &mut effects);
        self.start_what_is_due(now, &mut effects);
        if let Some(publication) = self.publisher.due(now) {
            effects.push(AgentEffect::Publish(publication));
        }
        if self.ledger_due().is_some_and(|at| at <= now.mono) {
            self.ledger_dirty = false;
            self.ledger_saved = Some(now.mono);
            effects.push(AgentEffect::SaveLedger(self.ledger.ledger().clone()));
        }
        if let Some(draft) = self.publisher.detail_due(now) {
            effects.push(AgentEffect::PublishDetail(draft));
        }
        effects
    }

    /// When [`AgentEvent::Tick`] is needed at the latest.
    pub fn next_deadline(&self) -> MonoMs {
        let reading = match &self.running {
            Some(running) => running.began.plus(READ_GIVE_UP_MS),
            None if self.stuck >= READS_STUCK_MAX => MonoMs(u64::MAX),
            None => self.next_read().min(self.next_probe),
        };
        reading.min(self.publisher.next_deadline()).min(self.ledger_due().unwrap_or(MonoMs(u64::MAX)))
    }

    fn ledger_changed(&mut self) {
        self.ledger_dirty = true;
        self.publisher.ledger(self.ledger.ledger());
    }

    /// When the ledger is to be kept on disk, if it changed.
    fn ledger_due(&self) -> Option<MonoMs> {
        let due = self.ledger_saved.map_or(MonoMs(0), |at| at.plus(LEDGER_GAP_MS));
        self.ledger_dirty.then_some(due)
    }

    fn next_read(&self) -> MonoMs {
        [self.wanted, self.settle].into_iter().flatten().fold(self.next_poll, MonoMs::min)
    }

    fn want_read(&mut self, now: Now) {
        let earliest = self.read_began.map_or(now.mono, |began| began.plus(EVENT_GAP_MS).max(now.mono));
        self.wanted = Some(self.wanted.map_or(earliest, |w| w.min(earliest)));
    }

    fn read_came_back(
        &mut self,
        id: u64,
        read: Option<Box<NodeRead>>,
        now: Now,
        effects: &mut Vec<AgentEffect>,
    ) {
        if self.running.take_if(|r| r.id == id).is_none() {
            // It was given up long ago: what it saw is old, that it came back is news.
            self.stuck = self.stuck.saturating_sub(1);
            self.want_read(now);
            return;
        }
        self.next_probe = now.mono.plus(PROBE_AFTER_MS);
        match read {
            Some(read) => self.take_read(read, now, effects),
            None => self.go_blind(now, effects),
        }
    }

    fn take_read(&mut self, read: Box<NodeRead>, now: Now, effects: &mut Vec<AgentEffect>) {
        let restarted = match (self.last.as_deref().map(|l| &l.daemon), &read.daemon) {
            (Some(Daemon::Answering { pid: old }), Daemon::Answering { pid: new }) => old != new,
            (Some(Daemon::Answering { .. }), _) | (None, _) => false,
            (Some(_), Daemon::Answering { .. }) => true,
            _ => false,
        };
        if restarted {
            // A daemon that just started assembles its maps one after the other.
            self.settle = Some(now.mono.plus(SETTLE_MS));
        }
        let blind = judge::is_blind(&read);
        let mut entries = if blind {
            judge::judge_blind(&self.known_wwids())
        } else {
            // Expectations (settings, the ledger) do not exist yet: nothing is expected beyond what is known.
            judge::judge(&read, &|_| None)
        };
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        self.had_maps |= !entries.is_empty();
        match self.ledger.observe(&read, now) {
            Change::None => {}
            Change::Seen => self.ledger_dirty = true,
            Change::Known => self.ledger_changed(),
        }
        if !blind {
            self.publisher.read_succeeded(read.began);
        }
        self.entries = entries;
        self.last = Some(Arc::from(read));
        self.draft();
        effects.push(AgentEffect::Looked);
    }

    fn known_wwids(&self) -> Vec<Wwid> {
        self.entries.iter().map(|(wwid, _)| wwid.clone()).collect()
    }

    /// Nothing could be read at all: every LUN that was known is unknown now.
    fn go_blind(&mut self, now: Now, effects: &mut Vec<AgentEffect>) {
        self.entries = judge::judge_blind(&self.known_wwids());
        let why = format!(
            "the read of this node did not come back within {READ_GIVE_UP_MS} ms: the kernel holds it, or it broke off"
        );
        let before = self.last.as_deref();
        self.last = Some(Arc::new(NodeRead {
            kernel: Err(why.clone()),
            adapters: before.map(|read| read.adapters.clone()).unwrap_or_default(),
            tools_version: before.and_then(|read| read.tools_version.clone()),
            config_digest: before.and_then(|read| read.config_digest.clone()),
            own_wwids: before.and_then(|read| read.own_wwids.clone()),
            problems: vec![why.clone()],
            ..NodeRead::empty(before.map_or(now.wall, |read| read.began), Daemon::Unreadable { why })
        }));
        self.draft();
        effects.push(AgentEffect::Looked);
    }

    fn draft(&mut self) {
        let Some(read) = &self.last else { return };
        self.publisher.detail(read);
        // A node that once carried a LUN says aloud that it has none.
        let had_maps = self.had_maps || !self.ledger.ledger().is_empty();
        self.publisher.draft(Draft::new(
            had_maps.then(|| self.entries.clone()),
            read,
            self.report_by.clone(),
        ));
    }

    fn give_up_what_hangs(&mut self, now: Now, effects: &mut Vec<AgentEffect>) {
        if let Some(running) = self.running.take_if(|r| now.mono.since(r.began) >= READ_GIVE_UP_MS) {
            self.stuck += 1;
            self.next_probe = now.mono.plus(PROBE_AFTER_MS);
            effects.push(AgentEffect::Abandon { id: running.id });
            self.go_blind(now, effects);
        }
    }

    fn start_what_is_due(&mut self, now: Now, effects: &mut Vec<AgentEffect>) {
        if self.running.is_some() || self.stuck >= READS_STUCK_MAX {
            return;
        }
        let poll = self.next_poll <= now.mono;
        let read = poll || self.next_read() <= now.mono;
        if !read && self.next_probe > now.mono {
            return;
        }
        self.next_id += 1;
        let id = self.next_id;
        self.running = Some(Running { id, began: now.mono, probe: !read });
        if !read {
            effects.push(AgentEffect::Probe { id });
            return;
        }
        if poll {
            self.next_poll = now.mono.plus(self.config.poll_ms);
        }
        self.read_began = Some(now.mono);
        self.wanted = None;
        self.settle = self.settle.filter(|s| *s > now.mono);
        effects.push(AgentEffect::Read { id, depth: if poll { Depth::Full } else { Depth::Quick } });
    }

    /// Whether a read or probe is under way: (id, it is a probe).
    pub fn running(&self) -> Option<(u64, bool)> {
        self.running.as_ref().map(|r| (r.id, r.probe))
    }
}
