//! What one observer knows of one node: its report, how old it is, and whether it can be believed.

use pathkeeper_model::alert::AlertsValue;
use pathkeeper_model::config::rollout::Applied;
use pathkeeper_model::detail::{DetailPart, Packed};
use pathkeeper_model::fresh::Fresh;
use pathkeeper_model::node_value::{ApplyError, NodeValue};
use pathkeeper_model::report::{Joiner, Pieces, Problems, Report, Stamp};
use pathkeeper_model::topology::NodePaths;
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
    /// What it has told people outside.
    pub alerts: Option<AlertsValue>,
    /// A newer report that is not whole.
    pub waiting: Option<Waiting>,
    /// A key under which stands a part of an older report than the whole one.
    pub returned: Option<(u32, Stamp)>,
    /// Instances that wrote before the present one, and when each was last heard.
    pub earlier: Vec<(Instance, MonoMs)>,
    /// Two instances wrote by turns; the last time that this was seen.
    pub twins: Option<(Instance, Instance, MonoMs)>,
    /// The newest freshness marker, and how old it was when.
    pub marker: Option<Marker>,
    pub marker_unusable: Option<String>,
    /// The highest seq heard of each instance, in a report or a marker; the one heard last is last.
    pub heard: Vec<(Instance, u64)>,
    /// As `heard`, in whole reports alone.
    pub reported: Vec<(Instance, u64)>,
    /// Instances that refresh what they no longer wrote last: when each was heard last, and how often.
    pub strangers: Vec<(Instance, MonoMs, u32)>,
    /// The node's wall clock minus ours at the last new report, seconds.
    pub skew_s: Option<i64>,
    pub about: Option<NodeValue>,
    /// When what it says of itself was last new, and how old that already was then; as for the report.
    pub about_new_at: Option<MonoMs>,
    pub about_aged_ms: u64,
    pub about_unusable: Option<String>,
    /// As `earlier`, of what the node says of itself: a twin without maps has no report.
    pub earlier_about: Vec<(Instance, MonoMs)>,
    pub detail_pieces: Pieces<DetailPart>,
    /// The last whole detail as it came.
    pub detail: Option<Packed>,
    /// When it was new, and how old it already was then; `None` = not known.
    pub detail_at: Option<(MonoMs, u64)>,
    pub detail_unusable: Option<(u32, String)>,
    /// Its paths, from the last whole detail that could be read.
    pub paths: Option<NodePaths>,
    pub apply: Option<ApplyError>,
    /// What it says of the cluster's configuration.
    pub config: Option<Applied>,
    /// The value under `multipath` was cleared while we watched.
    pub cleared: bool,
}

/// Parts of a newer report that are here, how many it has, and since when a newer one than the whole one is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Waiting {
    pub have: u32,
    pub want: u32,
    pub since: MonoMs,
}

/// A report is written in one go, and a publication that failed is repeated within seconds: parts that lack for longer
/// than a refresh takes do not come by themselves.
pub(super) const WAITING_MAX_MS: u64 = 60_000;

/// A freshness marker as it was heard: as if all values of its instance had been written again then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Marker {
    pub fresh: Fresh,
    /// When it was new, and how old it already was then; `None` = at first sight of no believable age.
    pub at: Option<(MonoMs, u64)>,
    /// Heard while we watched, so that its time tells about the writer's clock.
    pub live: bool,
}

/// Instances that can be told apart; restarts in a row are many, two that write by turns are two.
const INSTANCES_MAX: usize = 16;

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
    /// What the node says of the configuration; whether that is new.
    pub fn take_config(&mut self, bytes: Option<&[u8]>) -> bool {
        let said = bytes.and_then(|bytes| Applied::decode(bytes).ok());
        let new = self.config != said;
        self.config = said;
        new
    }

    /// Whether its last apply failed.
    pub fn take_apply(&mut self, bytes: Option<&[u8]>) {
        self.apply = bytes.map(|bytes| {
            ApplyError::decode(bytes).unwrap_or_else(|e| ApplyError {
                error: format!("the node published an apply status that cannot be read: {e}"),
                time: None,
            })
        });
    }

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
            let twins = twins_of(&mut self.earlier, old.instance, new.instance, terms, now);
            self.twins = twins.or(self.twins);
        }
        if let Identity::Stamp(stamp) = identity {
            // Its markers came before it, as a list in the order of keys or of arrival may bring them.
            self.strangers.retain(|(instance, ..)| *instance != stamp.instance);
            hear(&mut self.heard, stamp);
            hear(&mut self.reported, stamp);
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
        self.returned = None;
        self.cleared = false;
        self.freshen(now);
    }

    /// Whether this is a report that was whole here before and has been replaced since: its run has said it or a later one,
    /// and another one stands.
    pub fn was_replaced(&self, stamp: Stamp) -> bool {
        let stands = self.whole.as_ref().is_some_and(|whole| whole.identity == Identity::Stamp(stamp));
        !stands && self.reported.iter().any(|(of, seq)| *of == stamp.instance && *seq >= stamp.seq)
    }

    /// A freshness marker came.
    pub fn take_marker(&mut self, fresh: Fresh, terms: Terms, now: Now) {
        self.marker_unusable = None;
        let Stamp { instance, seq } = fresh.stamp;
        if self.heard.iter().any(|(of, heard)| *of == instance && *heard >= seq) {
            return;
        }
        hear(&mut self.heard, fresh.stamp);
        let live = self.marker.is_some();
        let at = if live {
            Some((now.mono, 0))
        } else {
            first_sight(fresh.time, terms, now).map(|aged| (now.mono, aged))
        };
        self.marker = Some(Marker { fresh, at, live });
        match self.whole.as_ref().map(|whole| whole.identity) {
            Some(Identity::Stamp(report)) if report.instance != instance => {
                self.watch_strangers(instance, report.instance, terms, now);
            }
            _ => {}
        }
        self.freshen(now);
    }

    /// A marker counts as the values of its instance written again, in whatever order it and they came.
    fn freshen(&mut self, now: Now) {
        let Some(Marker { fresh, at: Some((at, aged_ms)), live }) = self.marker else { return };
        let age = |at: MonoMs, aged_ms: u64| now.mono.since(at).saturating_add(aged_ms);
        let newer = |than: Option<MonoMs>, than_aged_ms: u64| {
            than.is_none_or(|than| age(at, aged_ms) < age(than, than_aged_ms))
        };
        if let Some(whole) = &mut self.whole
            && let Identity::Stamp(report) = whole.identity
            && report.instance == fresh.stamp.instance
            && report.seq < fresh.stamp.seq
            // What still holds is the newer one that is not whole here.
            && !self.joiner.holds_of(report.instance)
        {
            if newer(self.new_at, self.aged_ms) {
                (self.new_at, self.aged_ms) = (Some(at), aged_ms);
            }
            if let Some(time) = fresh.time.filter(|time| Some(*time) > whole.time) {
                whole.time = Some(time);
                if live && at == now.mono {
                    self.skew_s = Some(time.0.saturating_sub(now.wall.0));
                }
            }
        }
        if let Some(about) = &self.about
            && about.instance == Some(fresh.stamp.instance)
            && about.seq < Some(fresh.stamp.seq)
            && newer(self.about_new_at, self.about_aged_ms)
        {
            (self.about_new_at, self.about_aged_ms) = (Some(at), aged_ms);
        }
    }

    /// A marker of another instance than the report's. One may be the last word of a run that ended, or the first of one
    /// whose report is still to come; a second is of an agent that believes that what it wrote still stands.
    fn watch_strangers(&mut self, stranger: Instance, writer: Instance, terms: Terms, now: Now) {
        self.strangers.retain(|(_, at, _)| now.mono.since(*at) < terms.stale_after_ms);
        let before = self.strangers.iter().position(|(instance, ..)| *instance == stranger);
        let times = before.map_or(0, |at| self.strangers.remove(at).2).saturating_add(1);
        if times >= 2 {
            self.twins = Some((stranger.min(writer), stranger.max(writer), now.mono));
        }
        self.strangers.push((stranger, now.mono, times));
        if self.strangers.len() > INSTANCES_MAX {
            self.strangers.remove(0);
        }
    }

    /// What the node says of itself came.
    pub fn take_about(&mut self, about: NodeValue, terms: Terms, now: Now) {
        let identity = |a: &NodeValue| (a.instance, a.seq, a.time);
        let before = self.about.as_ref().map(identity);
        if before != Some(identity(&about)) {
            if let (Some(Some(old)), Some(new)) = (before.map(|(instance, ..)| instance), about.instance) {
                let twins = twins_of(&mut self.earlier_about, old, new, terms, now);
                self.twins = twins.or(self.twins);
            }
            (self.about_new_at, self.about_aged_ms) = match before {
                Some(_) => (Some(now.mono), 0),
                None => {
                    first_sight(about.time, terms, now).map_or((None, 0), |aged_ms| (Some(now.mono), aged_ms))
                }
            };
        }
        self.about = Some(about);
        self.about_unusable = None;
        self.freshen(now);
    }

    /// A whole detail was joined; whether it is another than the one before.
    pub fn take_detail(&mut self, detail: Packed, now: Now) -> bool {
        if self.detail.as_ref().and_then(Packed::stamp) == detail.stamp() {
            return false;
        }
        self.detail_at = match self.detail {
            Some(_) => Some((now.mono, 0)),
            // It goes out when it changes, so at first sight it may be of any age; only a clock ahead of ours tells none.
            None => age_by_wall(detail.time(), now).map(|aged_ms| (now.mono, aged_ms)),
        };
        self.detail = Some(detail);
        self.detail_unusable = None;
        true
    }

    /// Milliseconds since the last whole detail was new.
    pub fn detail_age_ms(&self, now: Now) -> Option<u64> {
        self.detail_at.map(|(at, aged_ms)| now.mono.since(at).saturating_add(aged_ms))
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
        if let Some(waiting) = self.waiting {
            consider(waiting.since.plus(WAITING_MAX_MS));
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

fn hear(heard: &mut Vec<(Instance, u64)>, stamp: Stamp) {
    let before = heard.iter().position(|(instance, _)| *instance == stamp.instance);
    let seq = before.map_or(0, |at| heard.remove(at).1).max(stamp.seq);
    heard.push((stamp.instance, seq));
    if heard.len() > INSTANCES_MAX {
        heard.remove(0);
    }
}

/// A value of instance `new` came after one of `old`. Gives the two if they write by turns.
fn twins_of(
    earlier: &mut Vec<(Instance, MonoMs)>,
    old: Instance,
    new: Instance,
    terms: Terms,
    now: Now,
) -> Option<(Instance, Instance, MonoMs)> {
    earlier.retain(|(_, at)| now.mono.since(*at) < terms.stale_after_ms);
    if old == new {
        return None;
    }
    // It was replaced and speaks again: that is no restart, these are two.
    let replaced = earlier.iter().any(|(instance, _)| *instance == new);
    earlier.retain(|(instance, _)| *instance != old);
    earlier.push((old, now.mono));
    // Restarts in a row are bounded by what one can tell apart; the oldest go.
    if earlier.len() > INSTANCES_MAX {
        earlier.remove(0);
    }
    replaced.then(|| (old.min(new), old.max(new), now.mono))
}

/// The age of a value that we see for the first time is what its writer's clock says, if that can be true.
fn first_sight(time: Option<EpochS>, terms: Terms, now: Now) -> Option<u64> {
    age_by_wall(time, now).filter(|age_ms| *age_ms <= terms.stale_after_ms)
}

/// How old a value is by its writer's clock and ours, milliseconds; `None` if it would lie in the future.
fn age_by_wall(time: Option<EpochS>, now: Now) -> Option<u64> {
    let age_s = now.wall.0.saturating_sub(time?.0);
    (age_s >= -FUTURE_S).then(|| u64::try_from(age_s).unwrap_or(0).saturating_mul(1000))
}
