//! The cluster as one observer sees it: store changes in, matrix and findings out.
//!
//! Freshness and trust are judged here (status.md, sections 3 and 4) and decide what is fed to the fold; the fold
//! itself is [`pathkeeper_model::matrix`]. Nothing here can fail: what cannot be used becomes a finding.

mod alerts;
mod ask;
mod documents;
mod findings;
mod judged;
mod node;
mod replay;

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_model::alert::{ALERTS_KEY, AlertsValue};
use pathkeeper_model::cause::{Causes, Index};
use pathkeeper_model::config::findings::Rolling;
use pathkeeper_model::config::rollout::CONFIG_KEY;
use pathkeeper_model::detail::{DetailPart, Facts, Packed, detail_key, part_of_detail_key};
use pathkeeper_model::expect::Expectations;
use pathkeeper_model::finding::{Finding, Fingerprint};
use pathkeeper_model::fresh::{FRESH_KEY, Fresh};
use pathkeeper_model::guests::Guests;
use pathkeeper_model::health::Health;
use pathkeeper_model::matrix::{Matrix, RowId};
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::mutes::Mutes;
use pathkeeper_model::names::Names;
use pathkeeper_model::node_value::{APPLY_KEY, ApplyError, NODE_KEY, NodeValue};
use pathkeeper_model::orders::Orders;
use pathkeeper_model::picture::Picture;
use pathkeeper_model::report::{Join, Joined, Stamp, decode_part, part_key, part_of_key};
use pathkeeper_model::storage_cfg::StorageCfg;
use pathkeeper_model::topology::{NodePaths, Texts};
use pathkeeper_model::windows::Windows;
use pathkeeper_model::{EpochS, MonoMs, NodeName, Now, Wwid};

use crate::counts::Counts;
use node::{NodeRecord, Terms, Waiting};

pub use ask::{Answer, Question};
pub use node::Belief;

/// No report is believed for less than this without a new one.
const STALE_MIN_MS: u64 = 180_000;
/// Two refreshes and a poll.
const STALE_BASE_MS: u64 = 2 * 60_000 + 10_000;
/// Time alone changes what is wrong (a window ends, a suspension has lasted too long) within this.
const JUDGED_MAX_MS: u64 = 5_000;
/// A wall clock that moved this much against the monotonic one has been set.
const STEP_S: i64 = 30;

/// What an observer is told at its start.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// The node that observes.
    pub observer: NodeName,
    /// The store's own worst fail-over (S), milliseconds.
    pub failover_worst_ms: u64,
}

/// What can happen to the cluster's picture.
#[derive(Clone, Debug)]
pub enum ClusterEvent {
    /// A value is there now, or was cleared.
    Value {
        /// The node under whose name it stands.
        writer: NodeName,
        /// Its key.
        key: String,
        /// Its bytes; `None` = there is none.
        bytes: Option<Vec<u8>>,
    },
    /// Everything that the store holds has been told once: from now on there is a status.
    Listed,
    /// Who is in the cluster.
    Members {
        /// Every known node and whether it is online.
        nodes: BTreeMap<NodeName, bool>,
        /// Why the list cannot be believed, and since when; `None` = it can.
        doubt: Option<(String, EpochS)>,
    },
    /// How full the store's engine is, where it says so.
    Space(Option<Space>),
    /// LUNs that are watched by the word of whoever started the agent, whatever else is known of them.
    Watched(Vec<Wwid>),
    /// Proxmox VE's `storage.cfg`; `None` = there is none.
    StorageCfg(Option<StorageCfg>),
    /// The document `multipath.cfg` was read.
    Config(Reading),
    /// What is rolled out, and what of the documents is not yet.
    Rolling(Rolling),
    /// What people ordered of the ledgers: the document `pathkeeper/ledger`.
    Orders(Orders),
    /// What people muted: the document `pathkeeper/mutes`.
    Mutes(Mutes),
    /// On what people work: the document `pathkeeper/windows`.
    Windows(Windows),
    /// What people call ports: the document `pathkeeper/names`.
    Names(Names),
    /// Who runs where, where somebody tells.
    Guests(Guests),
    /// Since when findings stood that stood when an earlier run of this observer ended.
    FirstSeen(Vec<(Fingerprint, EpochS)>),
    /// What is wrong with this observer itself, beside what was told of it before: that stays.
    OwnFindings(Vec<Finding>),
    /// Time has come.
    Tick,
}

/// How full the store's engine is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// Bytes in use.
    pub used_bytes: u64,
    /// Bytes that it may grow to.
    pub limit_bytes: u64,
    /// It refuses writes already.
    pub full: bool,
}

/// What became different.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ClusterChanges {
    /// Rows that are new or changed.
    pub rows: Vec<RowId>,
    /// Rows that are gone.
    pub removed: Vec<Wwid>,
    /// Nodes, view or findings.
    pub beside: bool,
}

impl ClusterChanges {
    /// Nothing did.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.removed.is_empty() && !self.beside
    }
}

/// What this observer can see.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct View {
    /// Why it is partial and since when; `None` = it is whole.
    pub partial: Option<(String, EpochS)>,
    /// Nodes known.
    pub known: u32,
    /// Nodes whose report is fresh.
    pub fresh: u32,
    /// Nodes with a fresh report whose multipathd answers.
    pub multipathd_running: u32,
}

/// One node, for those who show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Its name.
    pub name: NodeName,
    /// Online by the store's list; `None` = not on it, or the list cannot be believed.
    pub online: Option<bool>,
    /// How far its report can be believed.
    pub belief: Belief,
    /// Why not, in words; empty when fresh.
    pub why: String,
    /// The report's own time.
    pub report_time: Option<EpochS>,
    /// Monotonic moment since which its report has this age: milliseconds ago.
    pub age_ms: Option<u64>,
    /// Its clock minus ours.
    pub skew_s: Option<i64>,
    /// Which run of its agent reported last.
    pub instance: Option<pathkeeper_model::Instance>,
    /// What it says of itself.
    pub about: Option<NodeValue>,
    /// The last whole detail of its maps and paths, as it came, also while it is offline.
    pub detail: Option<Packed>,
    /// How long ago that was new, milliseconds; `None` where that is not known.
    pub detail_age_ms: Option<u64>,
    /// Why its newest detail cannot be used, in words.
    pub detail_why: Option<String>,
}

/// The cluster's picture.
#[derive(Debug)]
pub struct Cluster {
    config: ClusterConfig,
    nodes: BTreeMap<NodeName, NodeRecord>,
    member_list_empty: bool,
    doubt: Option<(String, EpochS)>,
    space: Option<Space>,
    listed: bool,
    /// When that was, by the wall clock.
    began: Option<EpochS>,
    matrix: Matrix,
    expectations: Expectations,
    documents: documents::Documents,
    /// Every node that was on a list of members since the last one that could be believed, and those on that one.
    members: BTreeSet<NodeName>,
    /// LUNs of which something beside the matrix may be different: why they are expected.
    reworded: BTreeSet<Wwid>,
    /// What the matrix was last told about each node.
    fed_online: BTreeMap<NodeName, bool>,
    /// Texts that nodes' paths share.
    texts: Texts,
    /// Every node's paths, ready to be searched for causes.
    index: Index,
    beside: judged::Beside,
    own_findings: Vec<Finding>,
    judged: judged::Judged,
    /// Until when that stands by itself; `None` = something is different since.
    judged_until: Option<MonoMs>,
    view: View,
    beside_changed: bool,
    last_now: Now,
    stepped_at: Option<MonoMs>,
    counts: Counts,
}

impl Cluster {
    /// Knows nothing yet.
    pub fn new(config: ClusterConfig, now: Now) -> Self {
        Self {
            config,
            nodes: BTreeMap::new(),
            member_list_empty: true,
            doubt: None,
            space: None,
            listed: false,
            began: None,
            matrix: Matrix::new(),
            expectations: Expectations::new(),
            documents: documents::Documents::default(),
            members: BTreeSet::new(),
            reworded: BTreeSet::new(),
            fed_online: BTreeMap::new(),
            texts: Texts::default(),
            index: Index::default(),
            beside: judged::Beside::default(),
            own_findings: Vec::new(),
            judged: judged::Judged::default(),
            judged_until: None,
            view: View::default(),
            beside_changed: true,
            last_now: now,
            stepped_at: None,
            counts: Counts::default(),
        }
    }

    /// Whether there is a status: not before the store's first whole list.
    pub fn is_ready(&self) -> bool {
        self.listed
    }

    /// The matrix.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// Who should carry what, and why.
    pub fn expectations(&self) -> &Expectations {
        &self.expectations
    }

    /// What is wrong, worst first.
    pub fn findings(&self) -> &[Finding] {
        &self.judged.findings
    }

    /// What explains failed and absent paths.
    pub fn causes(&self) -> &Causes {
        &self.judged.causes
    }

    /// The verdict.
    pub fn health(&self) -> Health {
        self.judged.health(self.view.partial.is_some())
    }

    /// What this observer can see.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// How often each kind of event came.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Limit L of status.md section 4, milliseconds: max(180 s, 2 × 60 s + 10 s + 1.5 × S).
    pub fn stale_after_ms(&self) -> u64 {
        STALE_MIN_MS.max(STALE_BASE_MS + self.config.failover_worst_ms * 3 / 2)
    }

    /// Members that are online and whose last apply failed.
    pub fn apply_errors(&self) -> impl Iterator<Item = (&NodeName, &ApplyError)> {
        let trusted = self.terms(self.last_now).trusted;
        self.nodes
            .iter()
            .filter(move |(_, record)| !trusted || record.member == Some(true))
            .filter_map(|(name, record)| Some((name, record.apply.as_ref()?)))
    }

    /// All nodes, in byte order.
    pub fn nodes(&self, now: Now) -> Vec<NodeView> {
        let terms = self.terms(now);
        let view = |(name, record): (&NodeName, &NodeRecord)| {
            let belief = record.belief(terms, now);
            NodeView {
                name: name.clone(),
                online: record.member.filter(|_| terms.trusted),
                belief,
                why: findings::why_not_fresh(record, belief, terms, now),
                report_time: record.whole.as_ref().and_then(|w| w.time),
                age_ms: record.age_ms(now),
                skew_s: record.skew_s,
                instance: match record.whole.as_ref().map(|w| w.identity) {
                    Some(node::Identity::Stamp(stamp)) => Some(stamp.instance),
                    _ => None,
                },
                about: record.about.clone(),
                detail: record.detail.clone(),
                detail_age_ms: record.detail_age_ms(now),
                detail_why: record.detail_unusable.as_ref().map(|(_, why)| why.clone()),
            }
        };
        self.nodes.iter().map(view).collect()
    }

    /// Takes one event, and judges.
    pub fn apply(&mut self, event: ClusterEvent, now: Now) {
        self.take(event, now);
        self.judge(now);
    }

    /// Takes one event. What is wrong is as it was until [`Self::judge`]: one judgement serves many events.
    pub fn take(&mut self, event: ClusterEvent, now: Now) {
        self.watch_the_clock(now);
        if !matches!(event, ClusterEvent::Tick) {
            self.judged_until = None;
        }
        match event {
            ClusterEvent::Value { writer, key, bytes } => {
                self.counts.add("value");
                self.take_value(writer, &key, bytes.as_deref(), now);
            }
            ClusterEvent::Listed => {
                self.counts.add("listed");
                self.listed = true;
                self.began.get_or_insert(now.wall);
                self.beside_changed = true;
            }
            ClusterEvent::Members { nodes, doubt } => {
                self.counts.add("members");
                self.take_members(nodes, doubt);
            }
            ClusterEvent::Space(space) => {
                self.counts.add("space");
                self.space = space;
            }
            ClusterEvent::Watched(wwids) => {
                self.counts.add("watched");
                self.expectations.set_pinned(wwids);
            }
            ClusterEvent::StorageCfg(cfg) => {
                self.counts.add("storage-cfg");
                self.documents.take_storages(cfg, &mut self.expectations);
            }
            ClusterEvent::Config(reading) => {
                self.counts.add("config");
                self.documents.take_config(reading, &mut self.expectations);
            }
            ClusterEvent::Rolling(rolling) => {
                self.counts.add("rolling");
                self.documents.rolling = rolling;
            }
            ClusterEvent::Orders(orders) => {
                self.counts.add("orders");
                self.expectations.set_orders(&orders);
            }
            ClusterEvent::Mutes(mutes) => {
                self.counts.add("mutes");
                self.beside.mutes = mutes;
            }
            ClusterEvent::Windows(windows) => {
                self.counts.add("windows");
                self.beside.windows = windows;
            }
            ClusterEvent::Names(names) => {
                self.counts.add("names");
                self.beside.names = names;
            }
            ClusterEvent::Guests(guests) => {
                self.counts.add("guests");
                self.beside.guests = guests;
            }
            ClusterEvent::FirstSeen(known) => {
                self.counts.add("first-seen");
                self.judged.remember(known, now);
            }
            ClusterEvent::OwnFindings(found) => {
                self.counts.add("own-findings");
                self.own_findings
                    .retain(|known| found.iter().all(|new| new.fingerprint() != known.fingerprint()));
                self.own_findings.extend(found);
            }
            ClusterEvent::Tick => self.counts.add("tick"),
        }
        self.restore(now);
    }

    /// What became different since this was last asked.
    pub fn take_changes(&mut self) -> ClusterChanges {
        let rows = self.matrix.take_changes();
        let reworded = std::mem::take(&mut self.reworded);
        let reworded = reworded.iter().filter_map(|wwid| Some(self.matrix.row_of(wwid)?.id()));
        let changed: BTreeSet<RowId> = rows.rows.into_iter().chain(reworded).collect();
        ClusterChanges {
            rows: changed.into_iter().collect(),
            removed: rows.removed.into_iter().map(|(_, wwid)| wwid).collect(),
            beside: std::mem::take(&mut self.beside_changed),
        }
    }

    /// When [`ClusterEvent::Tick`] is needed at the latest.
    pub fn next_deadline(&self, now: Now) -> MonoMs {
        let terms = self.terms(now);
        let stepped = self.stepped_at.map(|at| at.plus(terms.stale_after_ms)).filter(|at| *at > now.mono);
        let nodes = self.nodes.values().filter_map(|record| record.next_change(terms, now));
        // By the wall clock: one that is set in between is looked at again within five seconds.
        let said = [self.beside.windows.next_change(now.wall), self.beside.mutes.next_end(now.wall)];
        let said = said.into_iter().flatten().map(|at| {
            let in_s = u64::try_from(at.0.saturating_sub(now.wall.0)).unwrap_or(0);
            now.mono.plus(in_s.saturating_mul(1_000))
        });
        nodes.chain(stepped).chain(said).min().unwrap_or(MonoMs(u64::MAX))
    }

    fn terms(&self, now: Now) -> Terms {
        let stale_after_ms = self.stale_after_ms();
        Terms {
            stale_after_ms,
            // One machine alone with no membership at all: every reporter is a member.
            trusted: self.doubt.is_none() && !self.member_list_empty,
            clock_stepped: self.stepped_at.is_some_and(|at| now.mono.since(at) < stale_after_ms),
        }
    }

    fn watch_the_clock(&mut self, now: Now) {
        let by_wall = now.wall.0.saturating_sub(self.last_now.wall.0);
        let by_mono = i64::try_from(now.mono.since(self.last_now.mono) / 1000).unwrap_or(i64::MAX);
        if by_wall.saturating_sub(by_mono).saturating_abs() > STEP_S {
            self.stepped_at = Some(now.mono);
        }
        self.last_now = now;
    }

    fn take_value(&mut self, writer: NodeName, key: &str, bytes: Option<&[u8]>, now: Now) {
        let terms = self.terms(now);
        if let Some(part) = part_of_key(key) {
            // A node that has only cleared values is no news.
            if bytes.is_none() && !self.nodes.contains_key(&writer) {
                return;
            }
            let record = self.nodes.entry(writer.clone()).or_default();
            let taken = take_report_value(record, part, bytes, terms, now);
            if let Some(whole) = record.whole.as_ref().filter(|_| taken) {
                // The matrix finds out by itself what is the same as before.
                self.matrix.set_report(&writer, Some(&whole.entries));
            }
        } else if let Some(part) = part_of_detail_key(key) {
            if bytes.is_none() && !self.nodes.contains_key(&writer) {
                return;
            }
            let record = self.nodes.entry(writer.clone()).or_default();
            if let Some(facts) = take_detail_value(record, part, bytes, &mut self.texts, now) {
                self.expectations.set_node(&writer, Some(&facts));
                self.index.set(&writer, record.paths.as_ref());
            }
            self.beside_changed = true;
        } else if key == NODE_KEY {
            let record = self.nodes.entry(writer).or_default();
            match bytes.map(NodeValue::decode) {
                None => (record.about, record.about_unusable) = (None, None),
                Some(Ok(about)) => record.take_about(about, terms, now),
                // What it said before is not true for ever, so it does not stand.
                Some(Err(e)) => (record.about, record.about_unusable) = (None, Some(e.to_string())),
            }
            self.beside_changed = true;
        } else if key == FRESH_KEY {
            // Its absence says nothing: ages go on.
            let Some(bytes) = bytes else {
                self.nodes.entry(writer).and_modify(|record| record.marker_unusable = None);
                return;
            };
            let record = self.nodes.entry(writer).or_default();
            match Fresh::decode(bytes) {
                Ok(fresh) => record.take_marker(fresh, terms, now),
                Err(e) => record.marker_unusable = Some(e.to_string()),
            }
            self.beside_changed = true;
        } else if key == ALERTS_KEY {
            // What cannot be read is as if nothing had been told: then it is told once more.
            let alerts = bytes.and_then(|bytes| AlertsValue::decode(bytes).ok());
            match self.nodes.get_mut(&writer) {
                Some(record) => record.alerts = alerts,
                None if alerts.is_some() => self.nodes.entry(writer).or_default().alerts = alerts,
                None => {}
            }
        } else if key == CONFIG_KEY {
            self.beside_changed |= self.nodes.entry(writer).or_default().take_config(bytes);
        } else if key == APPLY_KEY {
            self.nodes.entry(writer).or_default().take_apply(bytes);
            self.beside_changed = true;
        }
    }

    fn take_members(&mut self, nodes: BTreeMap<NodeName, bool>, doubt: Option<(String, EpochS)>) {
        self.member_list_empty = nodes.is_empty();
        if doubt.is_none() {
            self.members.clear();
        }
        // Who is not on a list that cannot be believed is a member all the same.
        self.members.extend(nodes.keys().cloned());
        self.expectations.set_members(&self.members);
        self.doubt = doubt;
        for (name, record) in &mut self.nodes {
            record.member = nodes.get(name).copied();
        }
        for (name, online) in nodes {
            self.nodes.entry(name).or_default().member = Some(online);
        }
        self.beside_changed = true;
    }

    /// After every event: what follows from the nodes is told to the matrix and written into view and findings.
    fn restore(&mut self, now: Now) {
        let terms = self.terms(now);
        self.drop_retired_reports();
        if terms.trusted {
            // A person removed it: it is no member and its values are gone. Nothing else makes a node go away.
            // Values may come before their node is a member: the first parts of its first report wait for the others.
            self.nodes.retain(|name, record| {
                let speaks = match record.whole {
                    Some(_) => !record.cleared,
                    None => record.about.is_some() || record.unusable.is_some() || !record.joiner.is_empty(),
                };
                let keep = record.member.is_some() || speaks;
                if !keep {
                    self.matrix.forget_node(name);
                    self.index.set(name, None);
                    self.fed_online.remove(name);
                    self.expectations.set_node(name, None);
                    self.expectations.set_heard(name, false);
                }
                keep
            });
        }
        let mut view = View { partial: self.doubt.clone(), ..View::default() };
        for (name, record) in &self.nodes {
            let belief = record.belief(terms, now);
            let online = match belief {
                Belief::Fresh => true,
                // Without a report membership alone says whether the node could have one.
                Belief::Silent | Belief::Stale if record.whole.is_none() => {
                    terms.trusted && record.member == Some(true)
                }
                _ => false,
            };
            if self.fed_online.get(name) != Some(&online) {
                self.matrix.set_online(name, online);
                self.fed_online.insert(name.clone(), online);
            }
            self.expectations.set_heard(name, belief == Belief::Fresh);
            view.known += 1;
            let speaks = findings::speaks(record, belief);
            view.fresh += u32::from(speaks);
            view.multipathd_running += u32::from(speaks && findings::multipathd_answers(record));
        }
        self.take_expectations();
        if view != self.view {
            self.view = view;
            self.beside_changed = true;
            self.judged_until = None;
        }
    }

    /// Says anew what is wrong, if something happened since the last time, or time itself may have changed it.
    pub fn judge(&mut self, now: Now) {
        if self.judged_until.is_some_and(|until| now.mono < until) {
            return;
        }
        self.judged_until = Some(self.next_deadline(now).min(now.mono.plus(JUDGED_MAX_MS)));
        let terms = self.terms(now);
        let store = findings::AboutStore { doubt: self.doubt.as_ref(), space: self.space };
        let mut found = self.expectations.findings(&self.matrix);
        self.documents.findings(&self.nodes, now.wall, &mut found);
        found.extend(self.own_findings.iter().cloned());
        let found = findings::all(&self.nodes, &self.matrix, store, found, terms, now);
        let known = judged::Known {
            nodes: &self.nodes,
            index: &self.index,
            matrix: &self.matrix,
            expectations: &self.expectations,
            beside: &self.beside,
            terms,
            began: self.began.unwrap_or(now.wall),
            now,
        };
        let (judged, changed) = known.judge(found, &self.judged);
        self.beside_changed |= judged.findings != self.judged.findings;
        self.judged = judged;
        let changed = changed.into_iter().filter_map(|id| Some(self.matrix.row(id)?.wwid().clone()));
        self.reworded.extend(changed);
    }

    /// Whether something happened since it was said what is wrong.
    pub fn is_unjudged(&self) -> bool {
        self.judged_until.is_none()
    }

    /// Everything that is known, put together for one question.
    fn ask_picture<T>(&self, now: Now, ask: impl FnOnce(&Picture<'_>, &Causes) -> T) -> T {
        let known = judged::Known {
            nodes: &self.nodes,
            index: &self.index,
            matrix: &self.matrix,
            expectations: &self.expectations,
            beside: &self.beside,
            terms: self.terms(now),
            began: self.began.unwrap_or(now.wall),
            now,
        };
        let nodes = known.nodes(&self.judged.swallowed);
        ask(&known.picture(&nodes, &self.judged.first_seen), &self.judged.causes)
    }

    /// A node whose LUNs were all retired has no report any more: it cleared its value, and the one before, if nothing stands
    /// in it but what a person took out of service, must not grow old in its place.
    fn drop_retired_reports(&mut self) {
        for (name, record) in self.nodes.iter_mut().filter(|(_, record)| record.cleared) {
            let Some(whole) = &record.whole else { continue };
            if whole.entries.iter().all(|(wwid, _)| self.expectations.is_retired(wwid, name)) {
                record.whole = None;
                self.matrix.set_report(name, None);
                self.beside_changed = true;
            }
        }
    }

    /// Tells the matrix what became of the expectations.
    fn take_expectations(&mut self) {
        let changes = self.expectations.take_changes();
        for (wwid, outcome) in changes.luns {
            self.matrix.set_expected(&wwid, if outcome.watched { &outcome.nodes } else { &[] });
            self.matrix.set_alias(&wwid, outcome.alias.as_deref());
            self.matrix.set_used_by(&wwid, outcome.used_by.as_deref());
            self.reworded.insert(wwid);
        }
        if let Some(watched) = changes.watched {
            self.matrix.set_watched(watched);
        }
        if let Some(allowed) = changes.allowed {
            self.matrix.set_allowed(Some(allowed));
        }
    }
}

/// Whether a whole report was taken.
fn take_report_value(
    record: &mut NodeRecord,
    part: u32,
    bytes: Option<&[u8]>,
    terms: Terms,
    now: Now,
) -> bool {
    let Some(bytes) = bytes else {
        // Silence is no recovery: the last whole report stands with its own age.
        record.joiner.clear(part);
        // What could not be used is gone, and what was waited for may be.
        let nothing_left = record.joiner.is_empty();
        record.unusable.take_if(|(of, _)| *of == part || (nothing_left && record.whole.is_none()));
        record.waiting.take_if(|_| nothing_left);
        record.returned.take_if(|(of, _)| *of == part);
        record.cleared |= part == 1;
        return false;
    };
    match decode_part(bytes) {
        Err(e) => {
            record.joiner.clear(part);
            record.unusable = Some((part, format!("its value {} cannot be used: {e}", part_key(part))));
            false
        }
        Ok(decoded) => {
            let stamp = decoded.stamp;
            let joined = record.joiner.set(part, decoded);
            record.returned.take_if(|(of, _)| *of == part);
            let taken = take_joined(record, part, stamp, joined, terms, now);
            if record.joiner.is_empty() {
                record.waiting = None;
            }
            taken
        }
    }
}

/// What a part made of the report; whether a whole one was taken.
fn take_joined(
    record: &mut NodeRecord,
    part: u32,
    stamp: Option<Stamp>,
    joined: Join,
    terms: Terms,
    now: Now,
) -> bool {
    match joined {
        Join::Whole(report) => {
            if let Some(stamp) = report.stamp.filter(|stamp| record.was_replaced(*stamp)) {
                // Somebody put back what an earlier run wrote: that makes nothing new.
                record.unusable.take_if(|(of, _)| *of == part);
                record.returned = Some((part, stamp));
                return false;
            }
            record.take(report, terms, now);
            return true;
        }
        Join::Waiting { have, want } => {
            let since = record.waiting.map_or(now.mono, |waiting| waiting.since);
            record.waiting = Some(Waiting { have, want, since });
            if record.whole.is_none() {
                record.unusable = Some((part, format!("{have} of {want} parts of its report are here")));
            }
        }
        Join::Same => {
            record.unusable.take_if(|(of, _)| *of == part);
        }
        Join::Older => {
            record.unusable.take_if(|(of, _)| *of == part);
            record.returned = stamp.map(|stamp| (part, stamp));
        }
        Join::Misplaced => {
            record.unusable =
                Some((part, format!("the value under {} says that it is another part", part_key(part))));
        }
    }
    false
}

/// What a new whole detail says of expectations; `None` if there is none, or none that can be read: then what the one before
/// said stands.
fn take_detail_value(
    record: &mut NodeRecord,
    part: u32,
    bytes: Option<&[u8]>,
    texts: &mut Texts,
    now: Now,
) -> Option<Facts> {
    let Some(bytes) = bytes else {
        // What was published last is shown with its age until the node is forgotten.
        record.detail_pieces.clear(part);
        record.detail_unusable.take_if(|(of, _)| *of == part);
        return None;
    };
    match DetailPart::decode(bytes) {
        Err(e) => {
            record.detail_pieces.clear(part);
            let why = format!("its value {} cannot be used: {e}", detail_key(part));
            record.detail_unusable = Some((part, why));
        }
        Ok(decoded) => {
            record.detail_unusable.take_if(|(of, _)| *of == part);
            match record.detail_pieces.set(part, decoded) {
                Joined::Whole(parts) => {
                    let packed = Packed::new(parts);
                    if !record.take_detail(packed.clone(), now) {
                        return None;
                    }
                    match packed.unpack() {
                        Ok(detail) => {
                            record.paths = Some(NodePaths::of(&detail, texts));
                            return Some(Facts::of(&detail));
                        }
                        Err(e) => record.detail_unusable = Some((part, e.to_string())),
                    }
                }
                Joined::Misplaced => {
                    let why = format!("the value under {} says that it is another part", detail_key(part));
                    record.detail_unusable = Some((part, why));
                }
                Joined::Same | Joined::Older | Joined::Waiting { .. } => {}
            }
        }
    }
    None
}
