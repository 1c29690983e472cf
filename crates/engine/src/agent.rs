//! The agent of one node: when to look at multipathd and the kernel, and what follows from what was seen.
//!
//! `effects = agent.apply(event, now)` is the whole interface: no clock, no thread, no socket. The runner carries the
//! effects out and comes back with events; [`Agent::next_deadline`] says when to come back with [`AgentEvent::Tick`]
//! at the latest.
//!
//! A read can hang for ever (a stopped multipathd, a device that does not answer), so a read is something that can
//! be given up: the runner throws its thread away, and the node reports what it then knows, which is "unknown".

mod judging;
mod look;
mod turns;

use std::collections::BTreeMap;
use std::sync::Arc;

use pathkeeper_model::ledger::{Keeper, Ledger};
use pathkeeper_model::local::{NodeRead, Port};
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
use pathkeeper_model::orders::Orders;
use pathkeeper_model::{Entry, EpochS, Instance, MonoMs, NodeName, Now, Wwid};

use crate::counts::Counts;
use crate::publish::{DetailDone, DetailDraft, Publication, PublishLimits, Publisher};
use judging::{Booting, Had};
use turns::PortTurns;

pub use turns::Turn;

/// After the last event one more look, for what multipathd does a moment later.
const SETTLE_MS: u64 = 1_000;
/// Between two polls multipathd is asked for a sign of life, so that one that hangs is known within 10 s.
const PROBE_AFTER_MS: u64 = 5_000;
/// The ledger is not written to the disk more often than this.
const LEDGER_GAP_MS: u64 = 60_000;

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
    /// For how long the machine had been up when the agent started, milliseconds; `None` = not known, so long.
    pub uptime_ms: Option<u64>,
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
    /// People outside were told this: the value `multipath-alerts` is this from now on.
    Told(Vec<u8>),
    /// The store took that, or did not; its id is that of [`AgentEffect::PublishTold`].
    ToldPublished {
        /// As in [`AgentEffect::PublishTold`].
        id: u64,
        /// It was taken.
        taken: bool,
    },
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
    /// Turns of ports that this node wrote down before this run, the oldest first.
    TurnsRemembered(Vec<(EpochS, Turn)>),
    /// The ledger that this node kept on disk was read. The one in the store is added to it.
    LedgerLoaded(Ledger),
    /// The cluster's multipath configuration was read: how many paths LUNs should have.
    Config(Reading),
    /// What people ordered of ledgers, as it stands in the store; none if there is no such document.
    Orders(Orders),
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
    /// Put what people outside were told.
    PublishTold(Publication),
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
    had: Had,
    turns: PortTurns,
    /// The machine has just booted; see [`Agent::end_boot`].
    booting: Option<Booting>,
    /// LUNs that are reported `unknown` for that.
    settling: u32,
    publisher: Publisher,
    /// Another program on this node that writes its report.
    report_by: Option<String>,
    ledger: Keeper,
    /// The last reading of the configuration that gave an instruction.
    config_read: Option<MultipathCfg>,
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
            booting: Booting::at(config.facts.uptime_ms, now),
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
            had: Had::default(),
            turns: PortTurns::default(),
            settling: 0,
            publisher,
            report_by: None,
            ledger: Keeper::default(),
            config_read: None,
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

    /// What the node remembers of the LUNs that it carries.
    pub fn ledger(&self) -> &Ledger {
        self.ledger.ledger()
    }

    /// How often each port that was ever seen has lost usable paths or got them back in this run.
    pub fn port_turns(&self) -> &Arc<BTreeMap<Port, u64>> {
        self.turns.totals()
    }

    /// Turns of ports since this was last asked.
    pub fn turned(&mut self) -> Vec<Turn> {
        self.turns.turned()
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
                    Some(_) if self.booting.is_some() && self.is_answered() => {
                        self.booting.iter_mut().for_each(|boot| boot.idle = true);
                        self.want_read(now);
                    }
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
            AgentEvent::Told(value) => {
                self.counts.add("told");
                self.publisher.told(value);
            }
            AgentEvent::ToldPublished { id, taken } => {
                self.counts.add("told-published");
                self.publisher.told_published(id, taken, now);
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
            AgentEvent::TurnsRemembered(turns) => {
                self.counts.add("turns-remembered");
                self.turns.remember(&turns, now);
            }
            AgentEvent::LedgerLoaded(ledger) => {
                self.counts.add("ledger-loaded");
                self.merge_ledger(ledger);
                self.judge_again(&mut effects);
            }
            AgentEvent::Config(reading) => {
                self.counts.add("config");
                self.take_config(reading, &mut effects);
            }
            AgentEvent::Orders(orders) => {
                self.counts.add("orders");
                self.take_orders(orders, now, &mut effects);
            }
            AgentEvent::Store { own_keys, own_ledger } => {
                self.counts.add("store");
                // Once: later it is what this run said. What the disk holds may be the older one, of a copied or restored
                // machine; merging only adds.
                let earlier = if std::mem::replace(&mut self.store_told, true) { None } else { own_ledger };
                // A value of an earlier run stands for maps that this node had: their absence must be said aloud.
                self.had.earlier |= own_keys.iter().any(|k| k == "multipath");
                let more = earlier.is_some_and(|ledger| self.merge_ledger(ledger));
                self.ledger_dirty |= more;
                if self.obey() || more {
                    self.judge_again(&mut effects);
                }
                self.publisher.store_is_back(&own_keys);
                self.draft();
            }
        }
        if self.end_boot(now, false) {
            self.judge_again(&mut effects);
        }
        self.give_up_what_hangs(now, &mut effects);
        self.start_what_is_due(now, &mut effects);
        if let Some(publication) = self.publisher.due(now) {
            effects.push(AgentEffect::Publish(publication));
        }
        if let Some(publication) = self.publisher.told_due(now) {
            effects.push(AgentEffect::PublishTold(publication));
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
        let booted = self.booting.as_ref().map(|boot| boot.until);
        let others = [Some(self.publisher.next_deadline()), self.ledger_due(), booted];
        others.into_iter().flatten().fold(self.look_deadline(), MonoMs::min)
    }
}
