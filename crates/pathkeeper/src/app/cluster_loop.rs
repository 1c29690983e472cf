//! Runs the cluster's picture: follows the store, applies, and renders what changed, at most every 100 ms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pathkeeper_api::status;
use pathkeeper_engine::cluster::{Cluster, ClusterChanges, ClusterEvent};
use pathkeeper_io::store::{Hint, Key, Store, StoreError, Trust};
use pathkeeper_model::finding::Severity;
use pathkeeper_model::matrix::{RowRef, exit_status};
use pathkeeper_model::{EpochS, MonoMs, NodeName, Now, State, Wwid};
use tokio::sync::watch;

use super::board::{Beside, Board, DeltaEvent, LocalView, NodesView, RowBody, Snapshot};
use super::clock::Clock;
use super::convert;

/// Bodies are made at most this often.
const RENDER_GAP_MS: u64 = 100;
/// After the store could not be read.
const RETRY_MS: u64 = 1_000;
/// A node's key that is gone from a whole list was cleared while nobody told.
type Seen = BTreeSet<(NodeName, Key)>;

const NO_CHANGE: status::Delta = status::Delta {
    luns: Vec::new(),
    removed: Vec::new(),
    nodes: None,
    view: None,
    summary: None,
    findings: None,
};

/// What the loop needs.
pub struct ClusterLoop {
    /// The state machine.
    pub cluster: Cluster,
    /// All clocks.
    pub clock: Clock,
    /// What it follows.
    pub store: Arc<dyn Store>,
    /// Where readers look.
    pub board: Arc<Board>,
    /// The cluster's name.
    pub cluster_name: Option<String>,
    /// `observe` or `manage`.
    pub mode: String,
    /// Moves on each turn of the loop: the watchdog's pulse.
    pub pulse: watch::Sender<u64>,
}

/// What was rendered, kept between changes.
struct Picture {
    revision: u64,
    rows: BTreeMap<Wwid, Arc<RowBody>>,
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
        let mut hints = self.store.hints();
        let mut seen = Seen::new();
        let mut picture = Picture {
            revision: 0,
            rows: BTreeMap::new(),
            beside: None,
            pending: ClusterChanges::default(),
            rendered_at: None,
            local: None,
            names: BTreeMap::new(),
            paths: BTreeMap::new(),
            sums: RowSums::default(),
        };
        let mut retry = false;
        loop {
            let wake = self.cluster.next_deadline(self.clock.now());
            let render_at = self.render_at(&picture);
            let woken = tokio::select! {
                hint = hints.next(), if !retry => match hint {
                    Some(hint) => Woken::Hint(hint),
                    None => return,
                },
                () = self.clock.sleep_until(wake.min(render_at)) => Woken::Time,
                () = tokio::time::sleep(Duration::from_millis(RETRY_MS)), if retry => Woken::Hint(Hint::Resync),
                () = tokio::time::sleep(Duration::from_secs(5)) => Woken::Time,
            };
            match woken {
                Woken::Hint(hint) => retry = !self.follow(hint, &mut seen).await,
                Woken::Time => self.cluster.apply(ClusterEvent::Tick, self.clock.now()),
            }
            let changes = self.cluster.take_changes();
            picture.pending.rows.extend(changes.rows);
            picture.pending.removed.extend(changes.removed);
            picture.pending.beside |= changes.beside;
            self.take_names(&mut picture);
            let now = self.clock.now();
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

    /// Looks at what the hint names. False if the store could not be read: then everything is listed again later.
    async fn follow(&mut self, hint: Hint, seen: &mut Seen) -> bool {
        let result = match hint {
            Hint::Resync => self.list(seen).await,
            Hint::Members => self.members().await,
            Hint::Document(_) => Ok(()),
            Hint::Value { writer, key } => self.value(writer, key, seen).await,
        };
        match result {
            Ok(()) => true,
            Err(e) => {
                tracing::warn!("the store cannot be followed: {e}");
                let now = self.clock.now();
                let since = self.cluster.view().partial.as_ref().map_or(now.wall, |(_, since)| *since);
                let doubt = Some((e.to_string(), since));
                self.cluster.apply(ClusterEvent::Members { nodes: BTreeMap::new(), doubt }, now);
                false
            }
        }
    }

    async fn list(&mut self, seen: &mut Seen) -> Result<(), StoreError> {
        self.members().await?;
        let values = self.store.list().await?;
        let mut gone = std::mem::take(seen);
        for value in values {
            gone.remove(&(value.writer.clone(), value.key.clone()));
            seen.insert((value.writer.clone(), value.key.clone()));
            self.take(value.writer, value.key, Some(value.bytes));
        }
        for (writer, key) in gone {
            self.take(writer, key, None);
        }
        self.cluster.apply(ClusterEvent::Listed, self.clock.now());
        Ok(())
    }

    async fn members(&mut self) -> Result<(), StoreError> {
        let members = self.store.members().await?;
        let doubt = match members.trust {
            Trust::Whole => None,
            Trust::None { why, since } => Some((why, since)),
        };
        self.cluster.apply(ClusterEvent::Members { nodes: members.nodes, doubt }, self.clock.now());
        Ok(())
    }

    async fn value(&mut self, writer: NodeName, key: Key, seen: &mut Seen) -> Result<(), StoreError> {
        let bytes = self.store.get(writer.clone(), key.clone()).await?;
        match bytes {
            Some(_) => seen.insert((writer.clone(), key.clone())),
            None => seen.remove(&(writer.clone(), key.clone())),
        };
        self.take(writer, key, bytes);
        Ok(())
    }

    fn take(&mut self, writer: NodeName, key: Key, bytes: Option<Bytes>) {
        let event = ClusterEvent::Value { writer, key: key.as_str().to_owned(), bytes: bytes.map(Vec::from) };
        self.cluster.apply(event, self.clock.now());
    }

    fn render(&mut self, picture: &mut Picture, now: Now) {
        let mut delta = NO_CHANGE;
        let mut ids = std::mem::take(&mut picture.pending.rows);
        ids.sort_unstable();
        ids.dedup();
        for wwid in std::mem::take(&mut picture.pending.removed) {
            // It may be back by now.
            if self.cluster.matrix().row_of(&wwid).is_none() && picture.rows.remove(&wwid).is_some() {
                picture.forget_sums(&wwid);
                delta.removed.push(wwid.to_string());
            }
        }
        for row in ids.into_iter().filter_map(|id| self.cluster.matrix().row(id)) {
            let wire = convert::row(&row, picture.names.get(row.wwid().as_str()).map(String::as_str));
            picture.take_sums(row.wwid(), &wire);
            picture.rows.insert(row.wwid().clone(), Arc::new(row_body(&row, &wire)));
            delta.luns.push(wire);
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
        if same_view && delta == NO_CHANGE {
            // Only what the list of nodes shows: the status stays as it is, and so does its ETag.
            picture.beside = old.cloned();
            return;
        }
        delta.view = Some(beside.view.clone());
        picture.revision += 1;
        let revision = picture.revision;
        let json = serde_json::to_string(&delta).unwrap_or_default();
        let rows = picture.rows.values().cloned().collect();
        self.board.publish(Snapshot::new(revision, rows, beside), DeltaEvent { revision, json });
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
                observer: self.store.own_node().to_string(),
                store: self.store.kind().into(),
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
        let worst = self.cluster.findings().first().map(|f| f.severity);
        let exit = match exit_status(&tally, partial) {
            // No row is no health where nobody speaks or something is broken.
            0 if self.cluster.view().fresh == 0 || worst == Some(Severity::Error) => 3,
            exit => exit,
        };
        let health = match (exit, worst) {
            (2, _) | (_, Some(Severity::Error)) => "HEALTH_ERR",
            _ if partial => "PARTIAL",
            (0, None | Some(Severity::Info)) => "HEALTH_OK",
            _ => "HEALTH_WARN",
        };
        status::Summary {
            health: health.into(),
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

enum Woken {
    Hint(Hint),
    Time,
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

fn row_body(row: &RowRef<'_>, wire: &status::LunRow) -> RowBody {
    RowBody {
        wwid: row.wwid().to_string(),
        state: row.cluster_state(),
        clean: row.is_clean(),
        nodes: wire.nodes.keys().map(|name| Arc::from(name.as_str())).collect(),
        json: serde_json::to_vec(wire).unwrap_or_default().into(),
    }
}
