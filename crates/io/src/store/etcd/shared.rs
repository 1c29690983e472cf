//! What the task and the store's callers share: the copy of etcd, what is thought of it, the connection of now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use etcd_client::Client;
use pathkeeper_model::fresh::FRESH_KEY;
use pathkeeper_model::{EpochS, NodeName};
use tokio::sync::{Notify, broadcast, watch};

use super::EtcdConfig;
use super::layout::Layout;
use super::mirror::Mirror;
use crate::store::{Hint, Key, Members, Notice, StoreError, Trust};

/// Hints that a slow reader may lag behind before it must look at everything again.
const HINTS_MAX: usize = 4096;
/// So long after the last answer of the majority the picture still counts as whole: an election with the questions that
/// it swallows (2 s each, [`super::session`]) fits in, and not much more.
const WHOLE_FOR: Duration = Duration::from_secs(7);
/// So long after the watch's last word it still does: at rest it speaks every 4 s, when asked ([`super::follow`]).
const HEARD_FOR: Duration = Duration::from_secs(8);
/// etcd's quota unless it says otherwise (`--quota-backend-bytes`; before 3.6 it says nothing).
const QUOTA_BYTES: u64 = 2 << 30;

/// The connection as callers see it.
#[derive(Clone)]
pub(super) enum Link {
    /// No endpoint is known to have failed: worth waiting for.
    Connecting,
    Up {
        client: Box<Client>,
        endpoint: String,
    },
    /// Every endpoint failed.
    Down(StoreError),
}

pub(super) struct Shared {
    pub(super) config: EtcdConfig,
    pub(super) layout: Layout,
    pub(super) node: NodeName,
    state: Mutex<State>,
    pub(super) hints: broadcast::Sender<Hint>,
    pub(super) link: watch::Sender<Link>,
    /// The copy's revision, for those who wait until they see what they wrote.
    pub(super) revision: watch::Sender<i64>,
    /// This node shall be known and online.
    wanted: AtomicBool,
    /// It has left, and shall not come back by itself.
    left: AtomicBool,
    pub(super) changed: Notify,
    /// A caller waited in vain: the member may hang.
    pub(super) doubt: Notify,
    /// A caller's write was taken and did not come back: the watch may stand still.
    pub(super) missed: Notify,
}

struct State {
    mirror: Mirror,
    /// When the last question that the majority answered was asked.
    agreed: Option<Instant>,
    /// When the watch spoke last: an event, or that there is none.
    heard: Option<Instant>,
    /// Why etcd took none of this node's values when it last put one.
    refused: Option<String>,
    /// The same of its freshness marker, which is granted by itself.
    refused_marker: Option<String>,
    /// Why this node is not registered, if it should be.
    unregistered: Option<String>,
    /// What went wrong last on the way to etcd.
    fault: String,
    /// As last told to readers: whole, or why not and since when.
    told: Trust,
    lease: Option<i64>,
    /// A lease that nothing hangs on yet.
    granted: Option<i64>,
    space: Space,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Space {
    used_bytes: u64,
    limit_bytes: u64,
    full: bool,
}

impl Shared {
    pub(super) fn new(config: EtcdConfig, node: NodeName) -> Self {
        let fault = format!("connecting to etcd at {}", config.endpoints.join(", "));
        Self {
            layout: Layout::new(&config.prefix),
            config,
            node,
            state: Mutex::new(State {
                mirror: Mirror::default(),
                agreed: None,
                heard: None,
                refused: None,
                refused_marker: None,
                unregistered: None,
                told: Trust::None { why: fault.clone(), since: now() },
                fault,
                lease: None,
                granted: None,
                space: Space::default(),
            }),
            hints: broadcast::channel(HINTS_MAX).0,
            link: watch::channel(Link::Connecting).0,
            revision: watch::channel(0).0,
            wanted: AtomicBool::new(false),
            left: AtomicBool::new(false),
            changed: Notify::new(),
            doubt: Notify::new(),
            missed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each critical section is a whole change, so a panic elsewhere leaves nothing half done in here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hint(&self, hint: Hint) {
        // No reader is no fault.
        let _ = self.hints.send(hint);
    }

    /// From now on this node shall be a member.
    pub(super) fn want(&self) {
        if !self.wanted.swap(true, Ordering::Relaxed) {
            self.changed.notify_one();
        }
    }

    /// It leaves; gives its lease.
    pub(super) fn leave(&self) -> Option<i64> {
        self.left.store(true, Ordering::SeqCst);
        let mut state = self.state();
        let granted = state.granted.take();
        state.lease.take().or(granted)
    }

    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::SeqCst)
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) && !self.has_left()
    }

    /// The lease of this process, through all its connections.
    pub(super) fn lease(&self) -> Option<i64> {
        self.state().lease
    }

    /// This node is registered under a lease, or why not.
    pub(super) fn registered(&self, outcome: Result<i64, String>) {
        let mut state = self.state();
        match outcome {
            Ok(lease) => (state.lease, state.granted, state.unregistered) = (Some(lease), None, None),
            Err(why) => state.unregistered = Some(why),
        }
        drop(state);
        self.judge();
    }

    /// The lease has run out.
    pub(super) fn lease_gone(&self) {
        let mut state = self.state();
        (state.lease, state.granted) = (None, None);
    }

    /// A lease was granted; nothing hangs on it yet.
    pub(super) fn grant(&self, lease: i64) {
        self.state().granted = Some(lease);
    }

    /// The lease of an attempt to register that came no further.
    pub(super) fn granted(&self) -> Option<i64> {
        self.state().granted
    }

    /// Whether etcd took what this node put, or why a person must do something. A node that is online and whose values
    /// nobody gets must not look well to itself.
    pub(super) fn took(&self, key: &Key, refused: Option<String>) {
        let mut state = self.state();
        if key.as_str() == FRESH_KEY {
            state.refused_marker = refused;
        } else {
            state.refused = refused;
        }
        drop(state);
        self.judge();
    }

    /// Looks into the copy; `None` before anything was listed.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Mirror) -> T) -> Option<T> {
        let state = self.state();
        (state.mirror.revision() > 0).then(|| look(&state.mirror))
    }

    /// As [`Shared::look`]; before the first list the error that says why there is nothing.
    pub(super) fn answer<T>(&self, look: impl FnOnce(&Mirror) -> T) -> Result<T, StoreError> {
        self.look(look).ok_or_else(|| StoreError::Unreachable(self.state().fault.clone()))
    }

    /// Changes the copy; then tells how far it is, and only then what changed.
    pub(super) fn change(&self, change: impl FnOnce(&mut Mirror) -> Vec<Hint>) {
        let mut state = self.state();
        let hints = change(&mut state.mirror);
        let revision = state.mirror.revision();
        drop(state);
        self.revision.send_replace(revision);
        for hint in hints {
            self.hint(hint);
        }
    }

    /// The majority answered a question that was asked then.
    pub(super) fn agreed(&self, asked: Instant) {
        let mut state = self.state();
        state.agreed = state.agreed.max(Some(asked));
        drop(state);
        self.judge();
    }

    /// The watch spoke then.
    pub(super) fn heard(&self, at: Instant) {
        let mut state = self.state();
        state.heard = state.heard.max(Some(at));
        drop(state);
        self.judge();
    }

    /// The task that follows etcd is no more: nothing is followed, and nobody shall wait for it.
    pub(super) fn ended(&self) {
        let why = "the task that follows etcd has ended, by a defect in this program (its log says more): restart it";
        let mut state = self.state();
        (state.agreed, state.fault) = (None, why.to_owned());
        drop(state);
        self.link.send_replace(Link::Down(StoreError::Unreachable(why.to_owned())));
        self.judge();
    }

    /// How long ago the majority last answered.
    pub(super) fn silent_for(&self) -> Duration {
        self.state().agreed.map_or(Duration::MAX, |at| at.elapsed())
    }

    /// What is wrong on the way to etcd.
    pub(super) fn fault(&self, why: String) {
        self.state().fault = why;
        self.judge();
    }

    /// Tells readers if what may be believed has changed.
    pub(super) fn judge(&self) {
        let mut state = self.state();
        let next = state.trust();
        let changed = match (&state.told, &next) {
            (Trust::Whole, Trust::Whole) => false,
            (Trust::None { why: old, .. }, Trust::None { why: new, .. }) => old != new,
            _ => true,
        };
        state.told = next;
        drop(state);
        if changed {
            self.hint(Hint::Members);
        }
    }

    pub(super) fn members(&self) -> Members {
        let state = self.state();
        // Judged at the time of asking: this process may have been stopped for an hour until a moment ago.
        Members { trust: state.trust(), nodes: state.mirror.nodes() }
    }

    /// What etcd says of its database.
    pub(super) fn status(&self, status: &etcd_client::StatusResponse) {
        let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
        let quota = unsigned(status.db_size_quota());
        self.space(|space| {
            space.used_bytes = unsigned(status.db_size());
            space.limit_bytes = if quota == 0 { QUOTA_BYTES } else { quota };
            space.full = status.errors().iter().any(|error| error.contains("NOSPACE"));
        });
    }

    /// It refused a write for want of space, or took one.
    pub(super) fn full(&self, full: bool) {
        self.space(|space| space.full = full);
    }

    fn space(&self, change: impl FnOnce(&mut Space)) {
        let mut state = self.state();
        let before = state.space.is_notable();
        change(&mut state.space);
        let after = state.space.is_notable();
        drop(state);
        if before != after {
            self.hint(Hint::Members);
        }
    }

    pub(super) fn notices(&self) -> Vec<Notice> {
        let space = self.state().space;
        let Space { used_bytes, limit_bytes, full } = space;
        match space.is_notable() {
            (false, false) => Vec::new(),
            _ => vec![Notice::Space { used_bytes, limit_bytes, full }],
        }
    }
}

impl Space {
    /// Over half of it is used; nothing more goes in.
    fn is_notable(self) -> (bool, bool) {
        (self.used_bytes > self.limit_bytes / 2, self.full)
    }
}

impl State {
    fn trust(&self) -> Trust {
        let within = |at: Option<Instant>, bound| at.is_some_and(|at| at.elapsed() < bound);
        let why: &str = if !within(self.agreed, WHOLE_FOR) {
            &self.fault
        } else if !within(self.heard, HEARD_FOR) {
            "etcd answers, and its watch says nothing: what is shown may be old"
        } else if let Some(why) = self.unregistered.as_ref().or(self.refused.as_ref()) {
            why
        } else if let Some(why) = &self.refused_marker {
            why
        } else {
            return Trust::Whole;
        };
        let since = match &self.told {
            Trust::None { since, .. } => *since,
            Trust::Whole => now(),
        };
        Trust::None { why: why.to_owned(), since }
    }
}

/// The wall clock, for people.
fn now() -> EpochS {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    EpochS(i64::try_from(since).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;

    fn shared() -> Shared {
        let config = EtcdConfig { prefix: "/p".into(), ..EtcdConfig::new(vec!["http://a:1".into()]) };
        Shared::new(config, NodeName::new("a").unwrap())
    }

    fn why(shared: &Shared) -> Option<String> {
        match shared.members().trust {
            Trust::Whole => None,
            Trust::None { why, .. } => Some(why),
        }
    }

    #[test]
    fn the_view_is_whole_while_the_majority_has_answered_lately_and_the_node_is_registered() {
        let shared = shared();
        let mut hints = shared.hints.subscribe();
        assert_eq!(why(&shared).unwrap(), "connecting to etcd at http://a:1");
        assert!(matches!(shared.answer(Mirror::revision), Err(StoreError::Unreachable(_))));
        shared.agreed(Instant::now());
        assert_eq!(hints.try_recv(), Ok(Hint::Members));
        assert!(why(&shared).unwrap().contains("its watch says nothing"), "no watch stands yet");
        shared.heard(Instant::now());
        assert_eq!((why(&shared), hints.try_recv()), (None, Ok(Hint::Members)));
        shared.agreed(Instant::now());
        shared.fault("one endpoint is gone".into());
        assert_eq!((why(&shared), hints.try_recv()), (None, Err(TryRecvError::Empty)), "no news");
        shared.registered(Err("not allowed".into()));
        assert_eq!((why(&shared).unwrap().as_str(), hints.try_recv()), ("not allowed", Ok(Hint::Members)));
        shared.registered(Ok(7));
        assert_eq!((why(&shared), shared.lease()), (None, Some(7)));
        // A question of long ago that is answered now says nothing of now, and takes nothing back.
        let long_ago = Instant::now().checked_sub(WHOLE_FOR * 2).unwrap();
        shared.agreed(long_ago);
        assert_eq!(why(&shared), None);
        shared.heard(long_ago);
        assert_eq!(why(&shared), None);
        shared.state().heard = Some(long_ago);
        assert!(why(&shared).unwrap().contains("its watch says nothing"), "the majority alone is not enough");
        shared.state().agreed = Some(long_ago);
        assert_eq!(why(&shared).unwrap(), "one endpoint is gone", "judged when asked, not when told");
    }

    #[test]
    fn a_value_that_etcd_refuses_makes_the_view_partial_until_one_is_taken() {
        let shared = shared();
        shared.agreed(Instant::now());
        shared.heard(Instant::now());
        let (report, marker) = (Key::new("multipath").unwrap(), Key::new(FRESH_KEY).unwrap());
        let mut hints = shared.hints.subscribe();
        shared.took(&report, Some("not allowed".into()));
        assert_eq!((why(&shared).unwrap().as_str(), hints.try_recv()), ("not allowed", Ok(Hint::Members)));
        shared.took(&marker, None);
        assert_eq!(why(&shared).unwrap(), "not allowed", "the marker says nothing of values");
        shared.took(&report, None);
        assert_eq!((why(&shared), hints.try_recv()), (None, Ok(Hint::Members)));
        shared.took(&marker, Some("no marker".into()));
        shared.took(&report, None);
        assert_eq!(why(&shared).unwrap(), "no marker");
    }

    #[test]
    fn a_lease_is_kept_until_something_hangs_on_it() {
        let shared = shared();
        shared.grant(5);
        shared.registered(Err("not allowed".into()));
        assert_eq!((shared.granted(), shared.lease()), (Some(5), None));
        shared.registered(Ok(5));
        assert_eq!((shared.granted(), shared.lease()), (None, Some(5)));
        shared.lease_gone();
        shared.grant(6);
        assert_eq!(shared.leave(), Some(6), "nothing is left behind");
        assert_eq!((shared.granted(), shared.lease()), (None, None));
    }

    #[test]
    fn space_is_news_when_half_is_used_and_when_nothing_goes_in() {
        let shared = shared();
        let mut hints = shared.hints.subscribe();
        let set =
            |used_bytes, full| shared.space(|space| *space = Space { used_bytes, limit_bytes: 100, full });
        let notice = |used_bytes, full| vec![Notice::Space { used_bytes, limit_bytes: 100, full }];
        set(50, false);
        assert_eq!((shared.notices(), hints.try_recv()), (vec![], Err(TryRecvError::Empty)));
        set(51, false);
        assert_eq!((shared.notices(), hints.try_recv()), (notice(51, false), Ok(Hint::Members)));
        set(60, false);
        assert_eq!((shared.notices(), hints.try_recv()), (notice(60, false), Err(TryRecvError::Empty)));
        shared.full(true);
        assert_eq!((shared.notices(), hints.try_recv()), (notice(60, true), Ok(Hint::Members)));
    }
}
