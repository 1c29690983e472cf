//! A connection that stands: events into the copy, the lease kept, the majority asked.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_client::{
    Client, GetOptions, LeaseGrantOptions, PutOptions, StatusResponse, Txn, TxnOp, WatchResponse, WatchStream,
};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::connect::asked;
use super::session::{STEP_MS, bounded, canceled, entry};
use super::shared::Shared;
use super::words::{self, Fault, Kind};
use crate::store::Hint;

/// A question to the majority this often: it also is what finds a hung member.
const TICK_MS: u64 = 2_000;
/// Longer than a question takes anywhere but in an election.
const PROBE_MS: u64 = 2_000;
/// What a member answers by itself, without the others.
const STATUS_MS: u64 = 1_000;
/// A keep-alive that goes to a leader which dies is lost; the next must come in time.
const RENEW_MS: u64 = 2_000;
/// A member that answers without a majority is given up after so long without one.
const DISAGREEING_MS: u64 = 6_000;
/// How often the database's size is asked.
const SPACE_EVERY: Duration = Duration::from_secs(60);
/// A watch that says nothing for so long is asked where it is, at each tick,
const QUIET: Duration = Duration::from_secs(3);
/// and given up at the tick after so many questions without an answer: 9 s after its last word at most. Counted and
/// not timed, so that a process which was stopped for an hour hears first what lies in its socket.
const QUESTIONS: u32 = 2;

/// What was asked in the background.
enum Done {
    /// The majority, at that time.
    Probe(Instant, Result<(), Fault>),
    /// The member, after a question that the majority did not answer: its own state.
    Check(Result<StatusResponse, Fault>),
    /// To be known and online; asked at that time.
    Register(Instant, Result<i64, Fault>),
    /// To keep the lease; asked at that time.
    Renew(Instant, Result<(), Fault>),
    /// How large its database is.
    Space(Result<StatusResponse, Fault>),
}

type JobSet = JoinSet<Done>;

/// A connection that stands.
pub(super) struct Following<'a> {
    shared: &'a Arc<Shared>,
    client: Client,
    jobs: JobSet,
    probing: bool,
    checking: bool,
    registering: bool,
    registered: bool,
    /// The lease ran out on this connection.
    lost: bool,
    renewing: bool,
    /// The lease lived then.
    renewed: Instant,
    asked_space: Instant,
    ear: Ear,
}

/// Whether the watch still speaks. A watch can stand still while all else on its connection works.
struct Ear {
    /// It spoke last.
    heard: Instant,
    /// Questions since then.
    unanswered: u32,
}

/// What to do about the watch.
#[derive(Debug, PartialEq, Eq)]
enum Listen {
    On,
    /// Ask where it is. Up to some 3.4 and 3.5 the server answers at once, newer ones while the watch has caught up:
    /// one that has not has events to bring, which are as good.
    Ask,
    GiveUp,
}

impl Ear {
    /// At a tick.
    fn tick(&mut self, now: Instant) -> Listen {
        if self.unanswered >= QUESTIONS {
            return Listen::GiveUp;
        }
        if self.unanswered == 0 && now.saturating_duration_since(self.heard) < QUIET {
            return Listen::On;
        }
        self.unanswered += 1;
        Listen::Ask
    }

    /// Somebody misses an event that should have come: it is asked now, and not only when it has been quiet for long.
    fn missed(&mut self) -> Listen {
        if self.unanswered > 0 {
            return Listen::On;
        }
        self.unanswered = 1;
        Listen::Ask
    }

    fn spoke(&mut self, now: Instant) {
        (self.heard, self.unanswered) = (now, 0);
    }
}

impl<'a> Following<'a> {
    /// Of a session that has listed and has its watch.
    pub(super) fn new(shared: &'a Arc<Shared>, client: Client) -> Self {
        Self {
            shared,
            client,
            jobs: JobSet::new(),
            probing: false,
            checking: false,
            registering: false,
            registered: false,
            lost: false,
            renewing: false,
            renewed: Instant::now(),
            asked_space: Instant::now(),
            ear: Ear { heard: Instant::now(), unanswered: 0 },
        }
    }

    /// Until something is wrong: what, and whether the endpoint is still good.
    pub(super) async fn follow(&mut self, mut watch: WatchStream) -> (Fault, bool) {
        let mut ticks = interval(Duration::from_millis(TICK_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = watch.message() => match message {
                    Ok(Some(answer)) if answer.canceled() => {
                        return (canceled(self.shared, &answer), answer.compact_revision() > 0);
                    }
                    Ok(Some(answer)) => self.take(&answer),
                    Ok(None) => return (Fault::new(Kind::Away, "it ended the watch"), false),
                    Err(error) => {
                        return (words::fault(&error, asked(&self.shared.config, "follow the watch")), false);
                    }
                },
                Some(done) = self.jobs.join_next() => {
                    // A job that panicked is our own fault, and it took along what it was to say: a new connection
                    // asks everything anew.
                    let fault = match done {
                        Ok(done) => self.done(done),
                        Err(e) => Some(Fault::new(Kind::Away, format!("a defect in this program ({e})"))),
                    };
                    if let Some(fault) = fault {
                        return (fault, false);
                    }
                }
                () = self.shared.changed.notified() => self.register(),
                () = self.shared.doubt.notified() => self.check(),
                () = self.shared.missed.notified() => {
                    let listen = self.ear.missed();
                    if let Some(fault) = listening(listen, &mut watch).await {
                        return (fault, false);
                    }
                }
                _ = ticks.tick() => {
                    if let Some(fault) = self.tick(&mut watch).await {
                        return (fault, false);
                    }
                }
            }
        }
    }

    /// Events, first into the copy, then to the readers.
    fn take(&mut self, answer: &WatchResponse) {
        let (shared, now) = (self.shared, Instant::now());
        self.ear.spoke(now);
        let entries = answer.events().iter().filter_map(|event| event.kv().map(entry));
        shared.change(|mirror| entries.filter_map(|entry| mirror.apply(&shared.layout, entry)).collect());
        shared.heard(now);
        let away = shared.look(|mirror| mirror.lease(&shared.node).is_none()).unwrap_or(false);
        if self.registered && away {
            // Somebody deleted our key, or it hung on another's lease that ran out.
            self.registered = false;
            self.register();
        }
    }

    async fn tick(&mut self, watch: &mut WatchStream) -> Option<Fault> {
        self.probe();
        if !self.registered {
            self.register();
        }
        let ttl = Duration::from_secs(u64::from(self.shared.config.lease_ttl_s));
        if self.registered && self.renewed.elapsed() + Duration::from_millis(TICK_MS) > ttl * 2 / 5 {
            self.renew();
        }
        if self.registered && self.renewed.elapsed() > ttl * 9 / 10 {
            return Some(Fault::new(Kind::Away, "the lease cannot be kept alive through it"));
        }
        if self.asked_space.elapsed() > SPACE_EVERY {
            self.asked_space = Instant::now();
            let status = self.status();
            self.jobs.spawn(async move { Done::Space(status.await) });
        }
        listening(self.ear.tick(Instant::now()), watch).await
    }

    fn done(&mut self, done: Done) -> Option<Fault> {
        match done {
            Done::Probe(at, Ok(())) => {
                self.probing = false;
                self.shared.agreed(at);
            }
            Done::Probe(_, Err(fault)) => {
                self.probing = false;
                if fault.kind == Kind::Refused {
                    return Some(fault);
                }
                self.check();
            }
            Done::Check(Ok(_)) => {
                self.checking = false;
                if self.shared.silent_for() > Duration::from_millis(DISAGREEING_MS) {
                    return Some(Fault::new(Kind::NoQuorum, words::no_quorum()));
                }
                self.probe();
            }
            Done::Check(Err(fault)) => return Some(fault),
            Done::Register(at, Ok(lease)) => {
                self.registering = false;
                (self.registered, self.renewed) = (true, at);
                self.shared.registered(Ok(lease));
                if std::mem::take(&mut self.lost) {
                    // It was offline meanwhile: its peers shall hear everything anew.
                    self.shared.hint(Hint::Resync);
                }
            }
            Done::Register(_, Err(fault)) => {
                self.registering = false;
                if fault.kind == Kind::LeaseGone {
                    self.shared.lease_gone();
                    // A lease that is gone again and again is not asked for in a circle: the next tick does.
                    if !std::mem::replace(&mut self.lost, true) {
                        self.register();
                    }
                } else {
                    if fault.kind == Kind::Full {
                        self.shared.full(true);
                    }
                    // The next tick tries again.
                    self.shared.registered(Err(format!("etcd: {}", fault.text)));
                }
            }
            Done::Renew(at, Ok(())) => (self.renewing, self.renewed) = (false, at),
            Done::Renew(_, Err(fault)) => {
                self.renewing = false;
                if fault.kind == Kind::LeaseGone {
                    self.shared.lease_gone();
                    (self.registered, self.lost) = (false, true);
                    self.register();
                }
            }
            Done::Space(Ok(status)) => self.shared.status(&status),
            // The size is news, not health: the next one will do.
            Done::Space(Err(_)) => {}
        }
        None
    }

    /// Asks the majority.
    fn probe(&mut self) {
        if std::mem::replace(&mut self.probing, true) {
            return;
        }
        let (shared, mut kv) = (Arc::clone(self.shared), self.client.kv_client());
        self.jobs.spawn(async move {
            let began = Instant::now();
            let key = shared.layout.alive(&shared.node);
            let options = GetOptions::new().with_count_only();
            let what = format!("read {key}");
            let answer = bounded(&shared, &what, PROBE_MS, kv.get(key, Some(options))).await;
            Done::Probe(began, answer.map(|_| ()))
        });
    }

    /// Is it the member or the majority that gives no answer? The member's own state tells.
    fn check(&mut self) {
        if std::mem::replace(&mut self.checking, true) {
            return;
        }
        let status = self.status();
        self.jobs.spawn(async move { Done::Check(status.await) });
    }

    fn status(&self) -> impl Future<Output = Result<StatusResponse, Fault>> + Send + 'static {
        let (shared, mut maintenance) = (Arc::clone(self.shared), self.client.maintenance_client());
        async move { bounded(&shared, "say how it is", STATUS_MS, maintenance.status()).await }
    }

    fn renew(&mut self) {
        let Some(lease) = self.shared.lease() else { return };
        if std::mem::replace(&mut self.renewing, true) {
            return;
        }
        let (shared, client) = (Arc::clone(self.shared), self.client.clone());
        self.jobs.spawn(async move { Done::Renew(Instant::now(), renew(&shared, &client, lease).await) });
    }

    fn register(&mut self) {
        if !self.shared.is_wanted() || std::mem::replace(&mut self.registering, true) {
            return;
        }
        let (shared, client) = (Arc::clone(self.shared), self.client.clone());
        self.jobs.spawn(async move { Done::Register(Instant::now(), register(&shared, &client).await) });
    }
}

/// Does about the watch what is to be done.
async fn listening(listen: Listen, watch: &mut WatchStream) -> Option<Fault> {
    match listen {
        Listen::On => None,
        // A queue of its own takes the question: a server that reads nothing does not hold us up.
        Listen::Ask if watch.request_progress().await.is_ok() => None,
        Listen::Ask => Some(Fault::new(Kind::Away, "it ended the watch")),
        Listen::GiveUp => Some(Fault::new(Kind::Away, "its watch has fallen silent")),
    }
}

/// Keeps the lease; [`Kind::LeaseGone`] when it has run out.
async fn renew(shared: &Shared, client: &Client, lease: i64) -> Result<(), Fault> {
    let mut leases = client.lease_client();
    bounded(shared, "keep the lease", RENEW_MS, leases.keep_alive(lease)).await.map(|_| ())
}

/// Makes this node known and online: the lease of before if it lives, else a new one.
async fn register(shared: &Shared, client: &Client) -> Result<i64, Fault> {
    let (known, holder) =
        shared.look(|mirror| (mirror.is_known(&shared.node), mirror.lease(&shared.node))).unwrap_or_default();
    let lease = match shared.lease() {
        Some(lease) => {
            renew(shared, client, lease).await?;
            // Under another lease: a second agent of this name. Whoever puts the key anew at each look would fight.
            if known && holder.is_some() {
                return Ok(lease);
            }
            lease
        }
        None => granted(shared, client).await?,
    };
    let (alive, nodes) = (shared.layout.alive(&shared.node), shared.layout.known(&shared.node));
    let what = format!("write {alive} and {nodes}");
    let mut puts = vec![TxnOp::put(alive, "", Some(PutOptions::new().with_lease(lease)))];
    if !known {
        puts.push(TxnOp::put(nodes, "", None));
    }
    bounded(shared, &what, STEP_MS, client.kv_client().txn(Txn::new().and_then(puts))).await?;
    if shared.has_left() {
        // Meanwhile, and this may have brought back what was taken away then.
        let mut leases = client.lease_client();
        bounded(shared, "end the lease", STEP_MS, leases.revoke(lease)).await?;
        return Err(Fault::new(Kind::LeaseGone, "the node has left"));
    }
    Ok(lease)
}

/// A lease that nothing hangs on yet: the one of an attempt that came no further, else a new one. Otherwise every
/// attempt of a node that may not register would leave one in etcd.
async fn granted(shared: &Shared, client: &Client) -> Result<i64, Fault> {
    if let Some(lease) = shared.granted() {
        renew(shared, client, lease).await?;
        return Ok(lease);
    }
    let ttl_s = i64::from(shared.config.lease_ttl_s);
    let mut leases = client.lease_client();
    let asking = leases.grant(ttl_s, None::<LeaseGrantOptions>);
    let lease = bounded(shared, "be granted a lease", STEP_MS, asking).await?.id();
    shared.grant(lease);
    Ok(lease)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_that_says_nothing_is_asked_and_then_given_up() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let mut ear = Ear { heard: began, unanswered: 0 };
        assert_eq!(ear.tick(at(2_000)), Listen::On);
        assert_eq!(ear.tick(at(4_000)), Listen::Ask);
        ear.spoke(at(4_001));
        assert_eq!(ear.tick(at(6_000)), Listen::On, "it answered");
        assert_eq!(ear.tick(at(8_000)), Listen::Ask);
        assert_eq!(ear.tick(at(10_000)), Listen::Ask);
        assert_eq!(ear.tick(at(12_000)), Listen::GiveUp, "8 s after its last word");
        ear.spoke(at(12_001));
        assert_eq!(ear.tick(at(12_002)), Listen::On);
        // Somebody's own write is not seen: no waiting until it has been quiet for long, and no second question for
        // the next one who misses something.
        assert_eq!((ear.missed(), ear.missed()), (Listen::Ask, Listen::On));
        assert_eq!(ear.tick(at(14_000)), Listen::Ask);
        assert_eq!(ear.tick(at(16_000)), Listen::GiveUp);
        // After an hour in which this process was stopped it is asked, and not given up at once.
        let mut ear = Ear { heard: began, unanswered: 0 };
        assert_eq!(ear.tick(at(3_600_000)), Listen::Ask);
    }
}
