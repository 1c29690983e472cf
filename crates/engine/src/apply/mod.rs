//! How one node applies a configuration: looks, holds, has it judged, writes, lets multipathd read it, verifies, goes back.
//!
//! `effects = apply.apply(event, now)` is the whole interface, as with the agent. At most one effect that touches the node is
//! under way at any time, and each comes back as [`Event::Done`]; what the node says of itself goes out beside that.
//!
//! The rules, each of which is there because the obvious way damages a SAN:
//!
//! - Nothing is touched before the store has taken `applying` and it was read back.
//! - A `reconfigure` while a path is down can cost the map its last one: so it is held. Adding a LUN needs none and is not.
//! - multipathd says `ok` to a `reconfigure` whatever comes of it: only looking tells.
//! - A wrong configuration is rolled back; a path that the kernel lost meanwhile is no fault of it. A second `reconfigure`
//!   is sent only if every path that was usable is usable. A multipathd that hangs is sent nothing.
//! - What is done is on the disk before it is begun ([`Mark`]). A later life looks where the earlier one was, verifies or goes back, and
//!   never applies by itself what was begun once.

mod go;
mod plan;
mod sight;
mod tell;
mod verify;

use pathkeeper_model::{EpochS, MonoMs, Now, Wwid};

use crate::counts::Counts;

pub use plan::{Attempt, Before, File, ManagedFile, Mark, Outcome, Plan, PlannedMap, Progress, Taken, Told};
pub use sight::{Device, LoosePath, Phase, SeenMap, SeenPath, Sight};
use tell::Teller;

/// multipathd must show the new configuration within this.
pub const VERIFY_MS: u64 = 60_000;
/// Between two looks while it is verified.
const VERIFY_STEP_MS: u64 = 1_000;
/// Where nothing shows that multipathd has read its files anew, what it shows is not believed before this has passed.
const SETTLE_MS: u64 = 5_000;
/// Between two looks while it waits or is held.
const CHECK_STEP_MS: u64 = 5_000;
/// What is held for so long is an error.
pub const HELD_OVERDUE_MS: u64 = 3_600_000;

/// What can happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Time has come.
    Tick,
    /// What the state directory remembers, at the start. Before this nothing is done.
    Loaded(Option<Box<Attempt>>),
    /// It is this node's turn to do this. One with [`Plan::again`] is told once.
    Plan(Box<Plan>),
    /// It is not, any more: the rollout stands still or is over. What has touched the node already goes on to its end.
    Withdraw,
    /// An effect came back.
    Done {
        /// Which.
        id: u64,
        /// With what.
        answer: Answer,
    },
}

/// What an effect came back with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// [`What::Look`]: this.
    Saw(Box<Sight>),
    /// [`What::Judge`]: multipath takes it, or refuses it for these reasons.
    Judged(Vec<String>),
    /// It was done, or was so already. Of [`What::Publish`]: taken, and read back.
    Did,
    /// It was not done: why, a sentence.
    Failed(String),
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Effect {
    /// Comes back with the answer.
    pub id: u64,
    /// What.
    pub what: What,
}

/// Kinds of effects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Ask multipathd what it is doing, read the node, and ask the kernel whether these devices work.
    Look {
        /// Devices.
        devices: Vec<Device>,
    },
    /// Have multipath judge these drop-ins, the others as they are.
    Judge {
        /// Those that change.
        files: Vec<File>,
    },
    /// Keep both drop-ins as they are.
    Keep {
        /// Under this name.
        generation: u64,
    },
    /// Remember this on the disk in place of what is remembered.
    Remember(Box<Attempt>),
    /// Write or remove a drop-in, whole.
    Write(File),
    /// Add entries to the wwids file and take entries out.
    Wwids {
        /// To be added.
        add: Vec<Wwid>,
        /// To be taken out.
        remove: Vec<Wwid>,
    },
    /// Tell multipathd to take these devices.
    AddPaths {
        /// `sdb`…
        devices: Vec<String>,
    },
    /// Tell multipathd to read its configuration anew.
    Reconfigure,
    /// Put both drop-ins back as they were kept.
    Restore {
        /// Under this name.
        generation: u64,
    },
    /// Publish this and read it back. It may be under way beside another effect.
    Publish(Told),
}

impl What {
    /// After so long it is taken for not coming back, milliseconds. Its own bounds are shorter: this is for what the
    /// kernel does not let go.
    fn give_up_ms(&self) -> u64 {
        match self {
            What::Look { .. } | What::Reconfigure => 20_000,
            // Some thousand devices, one after the other.
            What::AddPaths { .. } => 120_000,
            What::Judge { .. } => 40_000,
            _ => 30_000,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            What::Look { .. } => "look",
            What::Judge { .. } => "judge",
            What::Keep { .. } => "keep",
            What::Remember(_) => "remember",
            What::Write(_) => "write",
            What::Wwids { .. } => "wwids",
            What::AddPaths { .. } => "add-paths",
            What::Reconfigure => "reconfigure",
            What::Restore { .. } => "restore",
            What::Publish(_) => "publish",
        }
    }

    /// One that hangs may still be done when it wakes up, and must have nothing done beside it.
    fn writes(&self) -> bool {
        matches!(
            self,
            What::Keep { .. }
                | What::Remember(_)
                | What::Write(_)
                | What::Wwids { .. }
                | What::Restore { .. }
        )
    }
}

/// Where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    /// It has not been told what the disk remembers.
    Unloaded,
    /// Nothing is to be done.
    Rest,
    /// Is multipathd idle, is the plan right, does a path hold it up?
    Check,
    Judge,
    /// Waiting for the store to take `applying`.
    Announce,
    /// As `Check`, now that it is announced; what is seen is remembered as "before".
    Recheck,
    Keep,
    MarkBegun,
    Write(usize),
    /// In plans that change no file, before the wwids file is touched; else after it.
    MarkAsked,
    Wwids,
    Ask,
    /// `sure`: multipathd has said `ok` in this life.
    Verify {
        until: MonoMs,
        asked: MonoMs,
        sure: bool,
    },
    /// An earlier life touched files and had asked multipathd for nothing.
    Cut {
        until: MonoMs,
    },
    MarkRestoring,
    Restore,
    RestoreWwids,
    /// Is it safe to reconfigure once more?
    Decide,
    MarkBack,
    AskBack,
    VerifyBack {
        until: MonoMs,
    },
    MarkDone(Outcome),
}

#[derive(Debug)]
struct Running {
    id: u64,
    began: MonoMs,
    what: What,
}

/// What went wrong, while it is being undone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Fault {
    why: Vec<String>,
    taken: Taken,
    /// Files could not be put back.
    not_restored: Option<String>,
}

/// The apply of one node.
#[derive(Debug)]
pub struct Apply {
    step: Step,
    /// What is being done, or waits for being done.
    plan: Plan,
    /// What comes after it.
    next: Option<Plan>,
    before: Before,
    /// Devices for which `add path` is to be told.
    new_paths: Vec<String>,
    fault: Fault,
    /// The wwids file was edited.
    wwids_touched: bool,
    /// What the disk remembers: (generation, it is over, it went well).
    last: Option<(u64, bool, bool)>,
    look_at: MonoMs,
    held_since: Option<(MonoMs, EpochS)>,
    running: Option<Running>,
    /// A write that never came back: nothing is done any more in this life.
    stuck: bool,
    next_id: u64,
    teller: Teller,
    counts: Counts,
}

impl Default for Apply {
    fn default() -> Self {
        Self {
            step: Step::Unloaded,
            plan: Plan::default(),
            next: None,
            before: Before::default(),
            new_paths: Vec::new(),
            fault: Fault::default(),
            wwids_touched: false,
            last: None,
            look_at: MonoMs(0),
            held_since: None,
            running: None,
            stuck: false,
            next_id: 0,
            teller: Teller::default(),
            counts: Counts::default(),
        }
    }
}

impl Apply {
    /// Takes one event and says what is to be done.
    pub fn apply(&mut self, event: Event, now: Now) -> Vec<Effect> {
        match event {
            Event::Tick => self.counts.add("tick"),
            Event::Loaded(attempt) => {
                self.counts.add("loaded");
                if self.step == Step::Unloaded {
                    self.resume(attempt.map(|attempt| *attempt), now);
                }
            }
            Event::Plan(plan) => {
                self.counts.add("plan");
                self.next = Some(*plan);
            }
            Event::Withdraw => {
                self.counts.add("withdraw");
                self.next = None;
                if self.is_untouched() {
                    self.tell(Progress::Waiting, vec!["the rollout does not go on".to_owned()], now);
                    self.rest();
                }
            }
            Event::Done { id, answer } => {
                self.counts.add("done");
                if let Some(running) = self.running.take_if(|running| running.id == id) {
                    self.counts.add(running.what.kind());
                    self.take(answer, now);
                } else {
                    self.teller.came_back(id, &answer, now);
                }
            }
        }
        self.give_up_what_hangs(now);
        self.admit(now);
        let mut effects = Vec::new();
        self.announced(now);
        if let Some(what) = self.due(now) {
            let id = self.new_id();
            self.running = Some(Running { id, began: now.mono, what: what.clone() });
            effects.push(Effect { id, what });
        }
        if self.teller.is_due(now) {
            let id = self.new_id();
            effects.extend(self.teller.start(id, now).map(|told| Effect { id, what: What::Publish(told) }));
        }
        effects
    }

    /// When [`Event::Tick`] is needed at the latest.
    pub fn next_deadline(&self) -> MonoMs {
        let running = match &self.running {
            Some(running) => running.began.plus(running.what.give_up_ms()),
            None => match self.step {
                Step::Check
                | Step::Recheck
                | Step::Verify { .. }
                | Step::VerifyBack { .. }
                | Step::Cut { .. }
                    if !self.stuck =>
                {
                    self.look_at
                }
                _ => MonoMs(u64::MAX),
            },
        };
        running.min(self.teller.next_deadline())
    }

    /// What the node says of itself, whether or not the store has it yet.
    pub fn told(&self) -> Option<&Told> {
        self.teller.told()
    }

    /// It has touched the node, or is about to, and is not done with it.
    pub fn is_working(&self) -> bool {
        !matches!(self.step, Step::Unloaded | Step::Rest) && !self.is_untouched()
    }

    /// How often each kind of event and of finished effect came.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// It is at a plan, and has not touched the node for it.
    fn is_untouched(&self) -> bool {
        matches!(self.step, Step::Check | Step::Judge | Step::Announce | Step::Recheck)
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn tell(&mut self, progress: Progress, why: Vec<String>, now: Now) {
        let since = match (progress, &self.held_since) {
            (Progress::Held, Some((_, since))) => *since,
            _ => now.wall,
        };
        let overdue = progress == Progress::Held
            && self.held_since.is_some_and(|(since, _)| now.mono.since(since) >= HELD_OVERDUE_MS);
        let told = Told {
            generation: self.plan.generation,
            progress,
            digest: self.plan.digest.clone(),
            since,
            why,
            overdue,
        };
        self.teller.set(told, now);
    }

    fn rest(&mut self) {
        self.step = Step::Rest;
        self.running = None;
        self.held_since = None;
    }

    /// Takes the plan that waits, if nothing of an earlier one touches the node.
    fn admit(&mut self, now: Now) {
        if self.stuck || !(self.step == Step::Rest || self.is_untouched()) {
            return;
        }
        let Some(next) = self.next.take() else { return };
        if self.is_untouched() && next == self.plan {
            return;
        }
        let known = self.last.filter(|(generation, ..)| *generation >= next.generation && !next.again);
        if let Some((generation, _, well)) = known
            // What was begun once is not begun again by itself. That there is nothing to do may be said of what went wrong.
            && (well || generation > next.generation || !next.is_empty())
        {
            return;
        }
        self.rest();
        self.plan = next;
        if self.plan.is_empty() {
            self.tell(Progress::Current, Vec::new(), now);
            return;
        }
        self.step = Step::Check;
        self.look_at = now.mono;
    }

    fn give_up_what_hangs(&mut self, now: Now) {
        let gives_up = |running: &mut Running| now.mono.since(running.began) >= running.what.give_up_ms();
        let Some(running) = self.running.take_if(gives_up) else { return };
        let seconds = running.what.give_up_ms() / 1_000;
        self.counts.add("given-up");
        let why = format!("`{}` did not come back within {seconds} s", running.what.kind());
        if running.what.writes() {
            // It may still write when it wakes up. Whatever were done now would race with it.
            self.stuck = true;
            let next = "look at the disk of /etc and of the state directory, then restart pathkeeper: it looks what is there";
            self.tell(Progress::Failed, vec![format!("{why}: {next}")], now);
        } else {
            self.take(Answer::Failed(why), now);
        }
    }
}
