//! What one observer knows of one node: its report, how old it is, and whether it can be believed.

use pathkeeper_model::node_value::{ApplyError, NodeValue};
use pathkeeper_model::report::{Joiner, Problems, Report, Stamp};
use pathkeeper_model::{Entry, EpochS, Instance, MonoMs, Now, Wwid};

/// Writers without `instance` (the Perl series) are also stale when their wall clock says so.
const WALL_STALE_S: i64 = 180;
/// A report whose `time` lies this far in the future is of no known age.
const FUTURE_S: i64 = 30;

/// Tells one value from the next: instance and seq, or for writers without them their time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Identity {
    Stamp(Stamp),
    Time(Option<EpochS>),
}

/// The last whole report.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub identity: Identity,
    pub time: Option<EpochS>,
    pub entries: Vec<(Wwid, Entry)>,
    pub problems: Problems,
}

/// One node as this observer knows it.
#[derive(Debug, Default)]
pub(super) struct NodeRecord {
    /// On the store's list of members, and online there.
    pub member: Option<bool>,
    pub joiner: Joiner,
    pub whole: Option<Whole>,
    /// When the last whole report was last new on this observer's monotonic clock; `None` = at first sight it was
    /// of no believable age, so it is stale until a new one comes.
    pub new_at: Option<MonoMs>,
    /// How old it already was then: not 0 only at first sight.
    pub aged_ms: u64,
    /// Which part's newest value cannot be used, and why.
    pub unusable: Option<(u32, String)>,
    /// Parts of a newer report that are here, and how many it has.
    pub waiting: Option<(u32, u32)>,
    /// Instances that wrote before the present one, and when each was last heard.
    pub earlier: Vec<(Instance, MonoMs)>,
    /// Two instances wrote by turns; the last time that this was seen.
    pub twins: Option<(Instance, Instance, MonoMs)>,
    /// The node's wall clock minus ours at the last new report, seconds.
    pub skew_s: Option<i64>,
    pub about: Option<NodeValue>,
    /// When what it says of itself was last new, and how old that already was then; as for the report.
    pub about_new_at: Option<MonoMs>,
    pub about_aged_ms: u64,
    pub about_unusable: Option<String>,
    pub apply: Option<ApplyError>,
    /// The value under `multipath` was cleared while we watched.
    pub cleared: bool,
}

/// How far a node's report can be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Belief {
    /// New enough.
    Fresh,
    /// Nothing new for longer than the limit.
    Stale,
    /// A member without any report.
    Silent,
    /// A value that cannot be used.
    Unusable,
    /// Two writers under one name.
    Twins,
    /// The store says that the node is offline (or it is no member).
    Offline,
}

impl Belief {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Belief::Fresh => "fresh",
            Belief::Stale => "stale",
            Belief::Silent => "silent",
            Belief::Unusable => "unusable",
            Belief::Twins => "twins",
            Belief::Offline => "offline",
        }
    }
}

/// What belief depends on besides the node itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// L of status.md section 4, milliseconds.
    pub stale_after_ms: u64,
    /// Whether the list of members can be believed.
    pub trusted: bool,
    /// This observer's wall clock jumped within L: wall clocks tell nothing now.
    pub clock_stepped: bool,
}

impl NodeRecord {
    /// A whole report was joined.
    pub fn take(&mut self, report: Report, terms: Terms, now: Now) {
        let identity = report.stamp.map_or(Identity::Time(report.time), Identity::Stamp);
        let before = self.whole.as_ref().map(|w| w.identity);
        if before == Some(identity) {
            if let Some(whole) = self.whole.as_mut().filter(|whole| whole.entries != report.entries) {
                // A writer without a stamp spoke twice within its second: its age is the same, its words are not.
                (whole.entries, whole.problems) = (report.entries, report.problems);
                self.unusable = None;
                self.cleared = false;
            }
            return;
        }
        if let (Some(Identity::Stamp(old)), Identity::Stamp(new)) = (before, identity) {
            self.watch_for_twins(old.instance, new.instance, terms, now);
        }
        (self.new_at, self.aged_ms) = match before {
            Some(_) => (Some(now.mono), 0),
            None => {
                first_sight(report.time, terms, now).map_or((None, 0), |aged_ms| (Some(now.mono), aged_ms))
            }
        };
        // A value that was there before us tells nothing about its writer's clock now.
        self.skew_s = report.time.filter(|_| before.is_some()).map(|t| t.0.saturating_sub(now.wall.0));
        self.whole =
            Some(Whole { identity, time: report.time, entries: report.entries, problems: report.problems });
        self.unusable = None;
        self.waiting = None;
        self.cleared = false;
    }

    fn watch_for_twins(&mut self, old: Instance, new: Instance, terms: Terms, now: Now) {
        self.earlier.retain(|(_, at)| now.mono.since(*at) < terms.stale_after_ms);
        if old == new {
            return;
        }
        if self.earlier.iter().any(|(instance, _)| *instance == new) {
            // It was replaced and speaks again: that is no restart, these are two.
            self.twins = Some((old.min(new), old.max(new), now.mono));
        }
        self.earlier.retain(|(instance, _)| *instance != old);
        self.earlier.push((old, now.mono));
        // Restarts in a row are bounded by what one can tell apart; the oldest go.
        if self.earlier.len() > 16 {
            self.earlier.remove(0);
        }
    }

    /// What the node says of itself came.
    pub fn take_about(&mut self, about: NodeValue, terms: Terms, now: Now) {
        let identity = |a: &NodeValue| (a.instance, a.seq, a.time);
        let before = self.about.as_ref().map(identity);
        if before != Some(identity(&about)) {
            (self.about_new_at, self.about_aged_ms) = match before {
                Some(_) => (Some(now.mono), 0),
                None => {
                    first_sight(about.time, terms, now).map_or((None, 0), |aged_ms| (Some(now.mono), aged_ms))
                }
            };
        }
        self.about = Some(about);
        self.about_unusable = None;
    }

    /// Milliseconds since the node last said something new: its report, or what it says of itself where it has none.
    /// `None` where that is not known.
    pub fn age_ms(&self, now: Now) -> Option<u64> {
        let (at, aged_ms) = match self.whole {
            Some(_) => (self.new_at, self.aged_ms),
            None => (self.about_new_at, self.about_aged_ms),
        };
        at.map(|at| now.mono.since(at).saturating_add(aged_ms))
    }

    pub fn belief(&self, terms: Terms, now: Now) -> Belief {
        if terms.trusted && self.member != Some(true) {
            return Belief::Offline;
        }
        if self.twins.is_some_and(|(_, _, at)| now.mono.since(at) < terms.stale_after_ms) {
            return Belief::Twins;
        }
        if self.unusable.is_some() {
            return Belief::Unusable;
        }
        let fresh = self.age_ms(now).is_some_and(|age| age <= terms.stale_after_ms);
        let Some(whole) = &self.whole else {
            // An agent without maps speaks of itself; when that ends it is as stale as any other.
            return if self.about.is_some() && !fresh { Belief::Stale } else { Belief::Silent };
        };
        let by_wall = match whole.identity {
            Identity::Time(Some(time)) if !terms.clock_stepped => {
                now.wall.0.saturating_sub(time.0) > WALL_STALE_S
            }
            _ => false,
        };
        if fresh && !by_wall { Belief::Fresh } else { Belief::Stale }
    }

    /// The next moment at which belief can change by time alone.
    pub fn next_change(&self, terms: Terms, now: Now) -> Option<MonoMs> {
        let mut next: Option<MonoMs> = None;
        let mut consider = |at: MonoMs| {
            if at > now.mono {
                next = Some(next.map_or(at, |n| n.min(at)));
            }
        };
        if let Some(at) = self.new_at {
            consider(at.plus((terms.stale_after_ms + 1).saturating_sub(self.aged_ms)));
        }
        if let Some(at) = self.about_new_at.filter(|_| self.whole.is_none()) {
            consider(at.plus((terms.stale_after_ms + 1).saturating_sub(self.about_aged_ms)));
        }
        if let Some((_, _, at)) = self.twins {
            consider(at.plus(terms.stale_after_ms));
        }
        if let Some(Identity::Time(Some(time))) = self.whole.as_ref().map(|w| w.identity) {
            let left_s = time.0.saturating_add(WALL_STALE_S + 1).saturating_sub(now.wall.0);
            if let Ok(left_s) = u64::try_from(left_s) {
                consider(
                    now.mono.plus(left_s.min(WALL_STALE_S.unsigned_abs() * 2).saturating_mul(1000).max(1000)),
                );
            }
        }
        next
    }
}

/// The age of a value that we see for the first time is what its writer's clock says, if that can be true.
fn first_sight(time: Option<EpochS>, terms: Terms, now: Now) -> Option<u64> {
    let age_s = now.wall.0.saturating_sub(time?.0);
    if age_s < -FUTURE_S {
        return None;
    }
    let age_ms = u64::try_from(age_s).unwrap_or(0).saturating_mul(1000);
    (age_ms <= terms.stale_after_ms).then_some(age_ms)
}
