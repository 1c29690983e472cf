//! Runs the cluster's picture: follows the store, applies, and renders what changed, at most every 100 ms.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pathkeeper_api::status;
use pathkeeper_engine::cluster::{Answer, Cluster, ClusterChanges, ClusterEvent, Question, Space};
use pathkeeper_io::store::{Key, Notice, Trust};
use pathkeeper_model::finding::{Code, Severity};
use pathkeeper_model::health::Health;
use pathkeeper_model::matrix::exit_status;
use pathkeeper_model::{EpochS, MonoMs, NodeName, Now, State, Wwid};
use tokio::sync::{mpsc, oneshot, watch};

use super::alerts::Alerting;
use super::board::{Beside, Board, DeltaEvent, LocalView, NodesView, RowBody, Snapshot};
use super::clock::Clock;
use super::convert;
use super::documents::Said;
use super::follower::Followed;
use super::history::Remembered;
use super::map::{Axes, Columns};
use super::own::OwnValues;

/// Bodies are made at most this often.
const RENDER_GAP_MS: u64 = 100;

const NO_CHANGE: status::Delta = status::Delta {
    luns: Vec::new(),
    removed: Vec::new(),
    nodes: None,
    view: None,
    summary: None,
    findings: None,
    map: None,
};

/// What the loop needs.
pub struct ClusterLoop {
    /// The state machine.
    pub cluster: Cluster,
    /// What people outside are told of it.
    pub alerting: Alerting,
    /// All clocks.
    pub clock: Clock,
    /// What the store has and had.
    pub followed: mpsc::Receiver<Vec<Followed>>,
    /// The node that observes.
    pub observer: NodeName,
    /// What it says of itself.
    pub own: OwnValues,
    /// The store by name.
    pub store: &'static str,
    /// What readers ask.
    pub asked: mpsc::Receiver<Asked>,
    /// Where readers look.
    pub board: Arc<Board>,
    /// The cluster's name.
    pub cluster_name: Option<String>,
    /// `observe` or `manage`.
    pub mode: String,
    /// Moves on each turn of the loop: the watchdog's pulse.
    pub pulse: watch::Sender<u64>,
}

/// A question, and where the answer goes.
pub type Asked = (Question, oneshot::Sender<Answer>);

/// What was rendered, kept between changes.
struct Picture {
    revision: u64,
    rows: BTreeMap<Wwid, Arc<RowBody>>,
    /// Which nodes have cells.
    columns: Columns,
    /// What the map's rows and columns are called.
    axes: Arc<Axes>,
    beside: Option<Beside>,
    /// Changes that were not rendered yet.
    pending: ClusterChanges,
    rendered_at: Option<MonoMs>,
    /// The local read whose map names the rows bear.
    local: Option<Arc<LocalView>>,
    /// Map names here by WWID.
    names: BTreeMap<String, String>,
    /// Sums over all cells, kept by row.
    paths: BTreeMap<Wwid, RowSums>,
    sums: RowSums,
}

#[derive(Clone, Copy, Default)]
struct RowSums {
    places: u64,
    active: u64,
    total: u64,
}

impl ClusterLoop {
    /// Runs until the task is dropped.
    pub async fn run(mut self) {
        let mut picture = Picture {
            revision: 0,
            rows: BTreeMap::new(),
            columns: Columns::default(),
            axes: Arc::default(),
            beside: None,
            pending: ClusterChanges::default(),
            rendered_at: None,
            local: None,
            names: BTreeMap::new(),
            paths: BTreeMap::new(),
            sums: RowSums::default(),
        };
        loop {
            let wake = self.cluster.next_deadline(self.clock.now()).min(self.alerting.next_deadline());
            let render_at = self.render_at(&picture);
            let found = tokio::select! {
                found = self.followed.recv() => match found {
                    Some(found) => found,
                    None => return,
                },
                Some((question, answer)) = self.asked.recv() => {
                    let now = self.clock.now();
                    self.cluster.judge(now);
                    // Who asked may be gone.
                    let _ = answer.send(self.cluster.ask(&question, now));
                    Vec::new()
                }
                () = self.alerting.delivered() => Vec::new(),
                () = self.clock.sleep_until(wake.min(render_at)) => Vec::new(),
                () = tokio::time::sleep(Duration::from_secs(5)) => Vec::new(),
            };
            if found.is_empty() {
                self.cluster.take(ClusterEvent::Tick, self.clock.now());
            }
            for found in found {
                self.take(found);
            }
            let now = self.clock.now();
            if self.may_render(&picture) <= now.mono {
                // What is wrong is said anew as often as it is shown.
                self.cluster.judge(now);
                self.alerting.look(&self.cluster, now);
            } else if self.alerting.next_deadline() <= now.mono {
                self.alerting.look(&self.cluster, now);
            }
            let changes = self.cluster.take_changes();
            picture.pending.rows.extend(changes.rows);
            picture.pending.removed.extend(changes.removed);
            picture.pending.beside |= changes.beside || self.cluster.is_unjudged();
            self.take_names(&mut picture);
            if self.cluster.is_ready() && self.render_at(&picture) <= now.mono {
                self.render(&mut picture, now);
            }
            self.pulse.send_modify(|turns| *turns += 1);
        }
    }

    fn render_at(&self, picture: &Picture) -> MonoMs {
        if picture.pending.is_empty() || !self.cluster.is_ready() {
            return MonoMs(u64::MAX);
        }
        self.may_render(picture)
    }

    /// The earliest moment for the next body.
    fn may_render(&self, picture: &Picture) -> MonoMs {
        picture.rendered_at.map_or(MonoMs(0), |at| at.plus(RENDER_GAP_MS))
    }

    /// Rows bear the names that the maps have here; a name that changed changes its row.
    fn take_names(&self, picture: &mut Picture) {
        let local = self.board.local();
        let same = match (&local, &picture.local) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            (None, None) => true,
            _ => false,
        };
        if same {
            return;
        }
        let names = |local: &Option<Arc<LocalView>>| -> BTreeMap<String, String> {
            local.as_ref().map(|l| convert::map_names(&l.read)).unwrap_or_default()
        };
        let new = names(&local);
        let old = std::mem::replace(&mut picture.names, new);
        let changed =
            picture.names.iter().filter(|(wwid, name)| old.get(*wwid) != Some(name)).map(|(wwid, _)| wwid);
        let gone = old.keys().filter(|wwid| !picture.names.contains_key(*wwid));
        let rows = changed
            .chain(gone)
            .filter_map(|wwid| Some(self.cluster.matrix().row_of(&Wwid::new(wwid)?)?.id()));
        picture.pending.rows.extend(rows);
        picture.local = local;
    }

    /// Takes what the follower found, in its order.
    fn take(&mut self, found: Followed) {
        let now = self.clock.now();
        let event = match found {
            Followed::Value(writer, key, bytes) if self.own.is_news(&writer, &key, bytes.as_ref()) => {
                value_event(writer, &key, bytes)
            }
            Followed::Value(..) => return,
            Followed::Document(said) => match said {
                Said::Storages(cfg) => ClusterEvent::StorageCfg(cfg),
                Said::Config(reading) => ClusterEvent::Config(reading.as_ref().clone()),
                Said::Rolling(rolling) => ClusterEvent::Rolling(*rolling),
                Said::Orders(orders) => ClusterEvent::Orders(orders.as_ref().clone()),
                Said::Mutes(mutes) => ClusterEvent::Mutes(mutes),
                Said::Windows(windows) => ClusterEvent::Windows(windows),
                Said::Names(names) => ClusterEvent::Names(names),
            },
            Followed::Guests(guests) => ClusterEvent::Guests(guests.as_ref().clone()),
            Followed::Remembered(Remembered { first_seen, findings }) => {
                if !first_seen.is_empty() {
                    self.cluster.take(ClusterEvent::FirstSeen(first_seen), now);
                }
                ClusterEvent::OwnFindings(findings)
            }
            Followed::Own(values) => {
                let values = self.own.say(values);
                return self.take_own(values);
            }
            Followed::Listed => {
                let said = self.own.listed();
                self.take_own(said);
                ClusterEvent::Listed
            }
            Followed::Members(members, notices) => {
                let space = notices.iter().map(|notice| match *notice {
                    Notice::Space { used_bytes, limit_bytes, full } => {
                        Space { used_bytes, limit_bytes, full }
                    }
                });
                self.cluster.take(ClusterEvent::Space(space.max_by_key(|s| (s.full, s.used_bytes))), now);
                let doubt = match members.trust {
                    Trust::Whole => None,
                    Trust::None { why, since } => Some((why, since)),
                };
                ClusterEvent::Members { nodes: members.nodes, doubt }
            }
            Followed::Lost(why) => {
                self.board.set_store_away();
                let since = self.cluster.view().partial.as_ref().map_or(now.wall, |(_, since)| *since);
                ClusterEvent::Members { nodes: BTreeMap::new(), doubt: Some((why, since)) }
            }
        };
        self.cluster.take(event, now);
    }

    fn take_own(&mut self, values: Vec<(Key, Option<Bytes>)>) {
        for (key, bytes) in values {
            self.cluster.take(value_event(self.observer.clone(), &key, bytes), self.clock.now());
        }
    }

    fn render(&mut self, picture: &mut Picture, now: Now) {
        let mut delta = NO_CHANGE;
        let mut changed = Vec::new();
        let mut removed = Vec::new();
        let mut renamed = false;
        let mut ids = std::mem::take(&mut picture.pending.rows);
        ids.sort_unstable();
        ids.dedup();
        for wwid in std::mem::take(&mut picture.pending.removed) {
            // It may be back by now.
            if self.cluster.matrix().row_of(&wwid).is_some() {
                continue;
            }
            if let Some(gone) = picture.rows.remove(&wwid) {
                picture.columns.forget(&gone);
                picture.forget_sums(&wwid);
                renamed = true;
                removed.push(wwid.to_string());
            }
        }
        for row in ids.into_iter().filter_map(|id| self.cluster.matrix().row(id)) {
            let name = picture.names.get(row.wwid().as_str()).map(String::as_str);
            let mut wire = convert::row(&row, name, self.cluster.expectations().of(row.wwid()));
            convert::add_causes(&mut wire, row.wwid(), self.cluster.causes());
            picture.take_sums(row.wwid(), &wire);
            let turns = picture.columns.turns();
            let body = RowBody::new(&wire, row.cluster_state(), row.is_clean(), &mut picture.columns);
            let body = Arc::new(body);
            let old = picture.rows.insert(row.wwid().clone(), body.clone());
            if let Some(old) = &old {
                picture.columns.forget(old);
            }
            renamed |= old.is_none_or(|old| old.named != body.named) || picture.columns.turns() != turns;
            changed.push(body);
        }
        if renamed {
            picture.axes = Arc::new(Axes::new(picture.columns.names(), picture.rows.values()));
        }
        picture.pending.beside = false;
        let beside = self.beside(picture, now);
        self.publish_nodes(now);
        picture.rendered_at = Some(now.mono);
        let old = picture.beside.replace(beside.clone());
        let old = old.as_ref();
        if old.is_none_or(|b| b.nodes != beside.nodes) {
            delta.nodes = Some(beside.nodes.clone());
        }
        if old.is_none_or(|b| b.summary != beside.summary) {
            delta.summary = Some(beside.summary.clone());
        }
        if old.is_none_or(|b| b.findings != beside.findings) {
            delta.findings = Some(beside.findings.clone());
        }
        let same_view =
            old.is_some_and(|b| status::View { made: b.view.made, ..beside.view.clone() } == b.view);
        if same_view && delta == NO_CHANGE && changed.is_empty() && removed.is_empty() {
            // Only what the list of nodes shows: the status stays as it is, and so does its ETag.
            picture.beside = old.cloned();
            return;
        }
        delta.view = Some(beside.view.clone());
        picture.revision += 1;
        let revision = picture.revision;
        let rest = serde_json::to_string(&delta).unwrap_or_default();
        let rows = picture.rows.values().cloned().collect();
        let axes = picture.axes.clone();
        let delta = DeltaEvent { revision, rows: changed, removed, beside: rest, axes: axes.clone() };
        self.board.publish(Snapshot::new(revision, rows, beside).with_axes(axes), delta);
    }

    fn publish_nodes(&self, now: Now) {
        let nodes = self.cluster.nodes(now);
        let nodes = nodes.into_iter().map(|node| {
            let tally = self.cluster.matrix().node_tally(&node.name);
            (node, tally)
        });
        self.board.set_nodes(NodesView {
            nodes: nodes.collect(),
            at: now.mono,
            events: self.cluster.counts().iter().collect(),
        });
    }

    fn beside(&self, picture: &Picture, now: Now) -> Beside {
        let view = self.cluster.view();
        let apply_error = |(name, e): (&NodeName, &pathkeeper_model::node_value::ApplyError)| {
            let error = status::ApplyError { apply_error: e.error.clone(), apply_time: e.time.map(|t| t.0) };
            (name.to_string(), error)
        };
        Beside {
            nodes: self.cluster.apply_errors().map(apply_error).collect(),
            view: status::View {
                partial: view.partial.is_some(),
                why: view.partial.as_ref().map(|(why, _)| why.clone()),
                since: view.partial.as_ref().map(|(_, EpochS(since))| *since),
                cluster: self.cluster_name.clone(),
                observer: self.observer.to_string(),
                store: self.store.into(),
                mode: self.mode.clone(),
                nodes_known: view.known,
                nodes_fresh: view.fresh,
                multipathd_running: view.multipathd_running,
                made: now.wall.0,
            },
            summary: self.summary(picture),
            findings: self.cluster.findings().iter().map(convert::finding).collect(),
        }
    }

    fn summary(&self, picture: &Picture) -> status::Summary {
        let tally = self.cluster.matrix().tally();
        let partial = self.cluster.view().partial.is_some();
        let findings = self.cluster.findings();
        let worst =
            findings.iter().filter(|f| f.counts() && f.code != Code::StorePartial).map(|f| f.severity).max();
        let exit = match exit_status(&tally, partial) {
            // No row is no health where nobody speaks or something is broken.
            0 if self.cluster.view().fresh == 0 || worst == Some(Severity::Error) => 3,
            exit => exit,
        };
        let muted = findings.iter().any(|f| f.muted.is_some());
        let health = match self.cluster.health() {
            // What no finding speaks of is not well by that; what is muted was said.
            Health::Ok | Health::Warn if exit == 2 && !muted => Health::Err,
            Health::Ok if exit != 0 && !muted => Health::Warn,
            health => health,
        };
        status::Summary {
            health: health.as_str().into(),
            exit_status: exit,
            luns: tally.rows.total(),
            clean: tally.clean,
            doubt: tally.doubt,
            optimal: tally.rows.get(State::Optimal),
            degraded: tally.rows.get(State::Degraded),
            missing: tally.rows.get(State::Missing),
            failed: tally.rows.get(State::Failed),
            unknown: tally.rows.get(State::Unknown),
            places: picture.sums.places,
            paths_active: picture.sums.active,
            paths_total: picture.sums.total,
        }
    }
}

fn value_event(writer: NodeName, key: &Key, bytes: Option<Bytes>) -> ClusterEvent {
    ClusterEvent::Value { writer, key: key.as_str().to_owned(), bytes: bytes.map(Vec::from) }
}

impl Picture {
    fn forget_sums(&mut self, wwid: &Wwid) {
        if let Some(old) = self.paths.remove(wwid) {
            self.sums.places -= old.places;
            self.sums.active -= old.active;
            self.sums.total -= old.total;
        }
    }

    fn take_sums(&mut self, wwid: &Wwid, row: &status::LunRow) {
        self.forget_sums(wwid);
        let mut sums = RowSums::default();
        for cell in row.nodes.values() {
            sums.places += 1;
            sums.active += u64::from(cell.paths_active.flatten().unwrap_or(0));
            sums.total += u64::from(cell.paths_total.flatten().unwrap_or(0));
        }
        self.sums.places += sums.places;
        self.sums.active += sums.active;
        self.sums.total += sums.total;
        self.paths.insert(wwid.clone(), sums);
    }
}
