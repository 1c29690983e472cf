//! Brings the cluster's configuration onto this node: follows the rollout, thinks its plan through, waits for its turn, and lets
//! the apply machine do it.
//!
//! The node decides for itself, from the rollout's document and from what all nodes say of themselves; there is no leader. Whether it
//! may touch anything is asked of its own mark, each time: an observing node says that it observes, and does nothing.
//! Everything that waits for the store or the disk is done beside the loop, within bounds.

mod desired;
mod own;
mod peers;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pathkeeper_engine::apply::{Answer, Apply, Effect, Event, Plan, Progress as Did, Told, What};
use pathkeeper_io::managing::NotManaged;
use pathkeeper_io::store::{Hint, Key, Store, StoreError};
use pathkeeper_model::config::rollout::{Applied, CONFIG_KEY, Progress, Rollout, Turn, turn};
use pathkeeper_model::detail::Head;
use pathkeeper_model::node_value::{APPLY_KEY, ApplyError};
use pathkeeper_model::report::Stamp;
use pathkeeper_model::{EpochS, Instance, MonoMs, NodeName};
use tokio::sync::mpsc;

use super::apply::Hands;
use super::board::Board;
use super::clock::Clock;
use super::mode::Mode;
use super::node_state::OwnMachine;
use desired::{DOCUMENTS, Desired, Texts};
use own::{Planned, Thought, think};
use peers::{Peers, Touched};

/// Between two looks while a rollout is not done here.
const BUSY_LOOK_MS: u64 = 2_000;
/// And otherwise: whether something was changed by other hands, and what was not hinted at.
const REST_LOOK_MS: u64 = 60_000;
/// After the store or the disk gave nothing.
const RETRY_MS: u64 = 5_000;
/// A look at the node's files and a plan take no longer, or are given up.
const THINK_MAX: Duration = Duration::from_secs(30);

/// What the manager needs.
pub struct Manager {
    /// All clocks.
    pub clock: Clock,
    /// Where documents and values are.
    pub store: Arc<dyn Store>,
    /// What this node saw of itself and of the others.
    pub board: Arc<Board>,
    /// Where its files and its multipathd are.
    pub machine: OwnMachine,
    /// This run.
    pub instance: Instance,
}

/// Something that was done beside the loop.
enum Back {
    /// An effect of the machine.
    Effect(u64, Answer),
    /// This was put, and read back with what all nodes say now.
    Published(u64, Box<Applied>, Result<Peers, StoreError>),
}

struct Run {
    node: NodeName,
    clock: Clock,
    store: Arc<dyn Store>,
    board: Arc<Board>,
    machine: OwnMachine,
    hands: Arc<Hands>,
    apply: Apply,
    desired: Desired,
    peers: Peers,
    /// What the state directory remembers was told to the machine.
    loaded: bool,
    /// What the next value says of itself.
    stamp: Stamp,
    /// What this node said last, as far as the store took it.
    said: Option<Applied>,
    /// What was found to be done for good, so that the next look is a comparison.
    done: Option<(u64, own::Done)>,
    /// LUNs that this rollout touches.
    touched: Touched,
    /// The generation that is to be tried once more, for a person looked at its failure.
    again: Option<u64>,
    look_at: MonoMs,
    back: mpsc::UnboundedSender<Back>,
}

impl Manager {
    /// Runs until the task is dropped or the store is gone.
    pub async fn run(self) {
        let Self { clock, store, board, machine, instance } = self;
        let Some(state_dir) = machine.state_dir.as_deref() else { return };
        let (back, mut came_back) = mpsc::unbounded_channel();
        let mut hints = store.hints();
        let mut run = Run {
            node: store.own_node().clone(),
            hands: Arc::new(Hands::new(machine.reader.clone(), state_dir)),
            clock,
            store,
            board,
            machine,
            apply: Apply::default(),
            desired: Desired::default(),
            peers: Peers::default(),
            loaded: false,
            stamp: Stamp { instance, seq: 0 },
            said: None,
            done: None,
            touched: Touched::default(),
            again: None,
            look_at: MonoMs(0),
            back,
        };
        loop {
            let wake = run.apply.next_deadline().min(run.look_at);
            tokio::select! {
                hint = hints.next() => match hint {
                    Some(hint) => run.note(&hint),
                    None => return,
                },
                Some(back) = came_back.recv() => run.came_back(back),
                () = run.clock.sleep_until(wake) => {}
            }
            if run.look_at <= run.clock.now().mono {
                run.look().await;
            }
            let effects = run.apply.apply(Event::Tick, run.clock.now());
            run.carry_out_all(effects);
        }
    }
}

impl Run {
    /// A hint says what is to be looked at again.
    fn note(&mut self, hint: &Hint) {
        match hint {
            Hint::Document(name) if DOCUMENTS.contains(&name.as_str()) => self.desired.forget(),
            Hint::Value { key, writer } if key.as_str() == CONFIG_KEY && *writer != self.node => {
                self.peers.forget()
            }
            Hint::Members => self.peers.forget(),
            Hint::Resync => {
                self.desired.forget();
                self.peers.forget();
                // What the store lost is said anew.
                self.said = None;
            }
            Hint::Document(_) | Hint::Value { .. } => return,
        }
        self.look_at = MonoMs(0);
    }

    async fn look(&mut self) {
        let after_ms = match self.decide().await {
            Ok(true) => REST_LOOK_MS,
            Ok(false) => BUSY_LOOK_MS,
            Err(e) => {
                tracing::debug!("the configuration cannot be looked at now: {e}");
                RETRY_MS
            }
        };
        self.look_at = self.clock.now().mono.plus(after_ms);
    }

    /// What is to be done now. Gives whether nothing more is to be done here for this rollout.
    async fn decide(&mut self) -> Result<bool, StoreError> {
        self.desired.refresh(&*self.store).await?;
        let Some(rollout) = self.desired.rollout().cloned() else {
            self.withdraw();
            return Ok(true);
        };
        self.peers.refresh(&*self.store).await?;
        if self.said.is_none() {
            self.said = self.peers.said(&self.node).cloned();
        }
        let mode = Mode::of_node(&self.machine.reader.roots, self.store.kind() == "pmxcfs");
        if !mode.manages {
            self.withdraw();
            let why = mode.doubt.unwrap_or_else(|| NotManaged::Observing.to_string());
            self.say(&rollout, Progress::NotApplicable, why).await?;
            return Ok(true);
        }
        if !self.loaded && !self.load(&rollout).await? {
            return Ok(false);
        }
        if self.apply.is_working() {
            return Ok(false);
        }
        let thought = match self.desired.texts(&rollout) {
            Ok(texts) => self.think(&rollout, texts).await,
            Err(why) => Thought::Unknown(why),
        };
        match (thought, self.stands(rollout.generation)) {
            (Thought::Still, _) => {
                let told = self.apply.told().filter(|told| told.generation == rollout.generation);
                if let Some(told) = told.map(of_told).filter(|_| self.said.is_none()) {
                    // The store lost it.
                    self.publish(told).await?;
                }
                Ok(true)
            }
            // It was applied once, well or not: what cannot be told now changes nothing of that.
            (Thought::Unknown(_) | Thought::NotApplicable(_), Some(_)) => Ok(false),
            (Thought::Unknown(why), None) => {
                self.withdraw();
                self.say(&rollout, Progress::Waiting, why).await?;
                Ok(false)
            }
            (Thought::NotApplicable(why), None) => {
                self.withdraw();
                self.say(&rollout, Progress::NotApplicable, why).await?;
                Ok(true)
            }
            (Thought::Planned(planned), stands) => self.go_on(&rollout, *planned, stands).await,
        }
    }

    /// How it ended here, if it did.
    fn stands(&self, generation: u64) -> Option<Applied> {
        let told = self.apply.told().filter(|told| told.generation == generation && is_over(told.progress));
        // A plan that was refused never came to the machine.
        let refused =
            |said: &&Applied| said.generation == generation && said.progress == Progress::RolledBack;
        told.map(of_told).or_else(|| self.said.as_ref().filter(refused).cloned())
    }

    async fn think(&self, rollout: &Rollout, texts: Texts) -> Thought {
        let Some(local) = self.board.local() else {
            return Thought::Unknown("the node was not read yet".into());
        };
        let done = self.done.as_ref().filter(|(generation, _)| *generation == rollout.generation);
        let done = done.map(|(_, done)| done.clone());
        let (machine, board) = (self.machine.clone(), self.board.clone());
        let confirmed = rollout.confirmed.clone();
        let thought = beside(move || think(&local, &machine, &board, &texts, &confirmed, done)).await;
        thought.unwrap_or_else(Thought::Unknown)
    }

    async fn go_on(
        &mut self,
        rollout: &Rollout,
        planned: Planned,
        stands: Option<Applied>,
    ) -> Result<bool, StoreError> {
        let generation = rollout.generation;
        self.done = planned.done.map(|done| (generation, done));
        if let Some(stands) = stands {
            if !stands.progress.is_wrong() {
                // What was begun once is not begun again; what became of it since is told.
                self.publish(Applied { drift: planned.drift, ..stands }).await?;
                return Ok(true);
            }
            if stands.since.is_none() || rollout.resumed.get(&self.node) != Some(&stands.since) {
                // A person has to look first.
                return Ok(true);
            }
            self.again = Some(generation);
        }
        if let Some(why) = planned.refused {
            self.withdraw();
            let since = Some(self.clock.now().wall);
            self.publish(applied(generation, Progress::RolledBack, Some(why), since)).await?;
            return Ok(true);
        }
        let plan = Plan {
            generation,
            forced: rollout.force.contains(&self.node),
            again: self.again == Some(generation),
            ..planned.plan
        };
        if plan.is_empty() {
            self.feed(plan);
            return Ok(true);
        }
        self.touched = planned.touched;
        match self.turn(rollout) {
            Turn::Begin => self.feed(plan),
            Turn::Wait(why) => {
                self.withdraw();
                self.say(rollout, Progress::Waiting, why.to_string()).await?;
            }
        }
        Ok(false)
    }

    fn turn(&self, rollout: &Rollout) -> Turn {
        let peers = self.peers.for_turn(&self.board, &self.touched);
        turn(&self.node, rollout, &peers, self.peers.whole())
    }

    /// Takes what an earlier life left.
    async fn load(&mut self, rollout: &Rollout) -> Result<bool, StoreError> {
        let hands = self.hands.clone();
        match beside(move || hands.load()).await.unwrap_or_else(Err) {
            Ok(attempt) => {
                self.loaded = true;
                let now = self.clock.now();
                let effects = self.apply.apply(Event::Loaded(attempt.map(Box::new)), now);
                self.carry_out_all(effects);
                Ok(true)
            }
            Err(why) => {
                // It is not known what was done last: nobody follows until it is.
                self.say(rollout, Progress::Failed, why).await?;
                Ok(false)
            }
        }
    }

    fn feed(&mut self, plan: Plan) {
        let effects = self.apply.apply(Event::Plan(Box::new(plan)), self.clock.now());
        self.carry_out_all(effects);
    }

    /// What has not touched the node yet does not go on.
    fn withdraw(&mut self) {
        let effects = self.apply.apply(Event::Withdraw, self.clock.now());
        self.carry_out_all(effects);
    }

    fn came_back(&mut self, back: Back) {
        let (id, answer) = match back {
            Back::Effect(id, answer) => (id, answer),
            Back::Published(id, _, Err(e)) => (id, Answer::Failed(e.to_string())),
            Back::Published(id, applied, Ok(peers)) => {
                let applying = applied.progress == Progress::Applying;
                self.peers = peers;
                self.said = Some(*applied);
                (id, if applying { self.still_its_turn() } else { Answer::Did })
            }
        };
        let effects = self.apply.apply(Event::Done { id, answer }, self.clock.now());
        self.carry_out_all(effects);
        self.look_at = self.look_at.min(self.clock.now().mono.plus(BUSY_LOOK_MS));
    }

    /// `applying` stands in the store, and so does what others said before: of two that believe that they go first, one at least
    /// sees the other now.
    fn still_its_turn(&mut self) -> Answer {
        let Some(rollout) = self.desired.rollout() else {
            return Answer::Failed("the rollout is gone".into());
        };
        match self.turn(rollout) {
            Turn::Begin => Answer::Did,
            Turn::Wait(why) => {
                // The look says so, and takes the plan back.
                self.look_at = MonoMs(0);
                Answer::Failed(why.to_string())
            }
        }
    }

    /// What a value that goes out now says of itself.
    fn head(&mut self) -> Head {
        self.stamp.seq += 1;
        Head { node: self.node.clone(), stamp: self.stamp, time: self.clock.now().wall }
    }

    fn carry_out_all(&mut self, effects: Vec<Effect>) {
        for Effect { id, what } in effects {
            match what {
                What::Publish(told) => self.announce(id, &told),
                what => self.act(id, what),
            }
        }
    }

    /// On a thread of its own: what hangs in the kernel is left behind.
    fn act(&self, id: u64, what: What) {
        let (hands, back) = (self.hands.clone(), self.back.clone());
        let work = move || {
            let answer = hands.carry_out(&what);
            // Who asked may be gone.
            let _ = back.send(Back::Effect(id, answer));
        };
        if let Err(e) = std::thread::Builder::new().name("apply".into()).spawn(work) {
            let _ = self.back.send(Back::Effect(id, Answer::Failed(format!("no thread for it: {e}"))));
        }
    }

    fn announce(&mut self, id: u64, told: &Told) {
        let applied = of_told(told);
        tracing::info!(
            "configuration, generation {}: {}{}",
            applied.generation,
            applied.progress.as_str(),
            applied.why.as_ref().map_or(String::new(), |why| format!(": {why}"))
        );
        let (store, back, head) = (self.store.clone(), self.back.clone(), self.head());
        tokio::spawn(async move {
            let said = async {
                put(&*store, &head, &applied).await?;
                let mut peers = Peers::default();
                peers.refresh(&*store).await?;
                Ok(peers)
            };
            let said: Result<Peers, StoreError> = said.await;
            let _ = back.send(Back::Published(id, Box::new(applied), said));
        });
    }

    /// Says where this node stands, if that is new.
    async fn say(&mut self, rollout: &Rollout, progress: Progress, why: String) -> Result<(), StoreError> {
        let said = self.said.as_ref();
        let same = said.filter(|said| said.generation == rollout.generation && said.progress == progress);
        let since = same.and_then(|said| said.since).unwrap_or_else(|| self.clock.now().wall);
        self.publish(applied(rollout.generation, progress, Some(why), Some(since))).await
    }

    async fn publish(&mut self, applied: Applied) -> Result<(), StoreError> {
        if self.said.as_ref() == Some(&applied) {
            return Ok(());
        }
        let head = self.head();
        put(&*self.store, &head, &applied).await?;
        self.said = Some(applied);
        Ok(())
    }
}

fn of_told(told: &Told) -> Applied {
    let why = (!told.why.is_empty()).then(|| told.why.join("; "));
    let applied = applied(told.generation, of_engine(told.progress), why, Some(told.since));
    Applied { digest: Some(told.digest.clone()), ..applied }
}

fn applied(generation: u64, progress: Progress, why: Option<String>, since: Option<EpochS>) -> Applied {
    Applied { generation, progress, digest: None, since, why, drift: None }.clipped()
}

/// Puts what the node says of the configuration, and beside it whether its last apply failed.
async fn put(store: &dyn Store, head: &Head, applied: &Applied) -> Result<(), StoreError> {
    store.put(Key::new(CONFIG_KEY)?, Bytes::from(applied.encode(head))).await?;
    let key = Key::new(APPLY_KEY)?;
    match applied.progress {
        progress if progress.is_wrong() => {
            let error = ApplyError { error: applied.why.clone().unwrap_or_default(), time: applied.since };
            store.put(key, Bytes::from(error.encode())).await
        }
        Progress::Current | Progress::Verified => store.clear(key).await,
        _ => Ok(()),
    }
}

/// A machine that said this is done with the generation, well or not.
fn is_over(progress: Did) -> bool {
    matches!(progress, Did::Verified | Did::Failed | Did::RolledBack)
}

fn of_engine(progress: Did) -> Progress {
    match progress {
        Did::Current => Progress::Current,
        Did::Waiting => Progress::Waiting,
        Did::Held => Progress::Held,
        Did::Applying => Progress::Applying,
        Did::Verified => Progress::Verified,
        Did::Failed => Progress::Failed,
        Did::RolledBack => Progress::RolledBack,
    }
}

/// Does something that blocks, on a thread beside the runtime's.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    match tokio::time::timeout(THINK_MAX, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(e)) => Err(format!("this is a fault of Pathkeeper: {e}")),
        Err(_) => Err(format!("the node's files gave nothing within {} s", THINK_MAX.as_secs())),
    }
}
