//! What readers see: the last picture of the cluster, made once for each change, taken without waiting.
//!
//! The cluster loop writes, everyone else reads. Each row is rendered when it changes and never again; a whole body
//! is joined from the rows when the first reader asks for it.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use pathkeeper_api::disks::NodeDisks;
use pathkeeper_api::map::MapRow;
use pathkeeper_api::status;
use pathkeeper_engine::cluster::NodeView;
use pathkeeper_model::ledger::Ledger;
use pathkeeper_model::local::{NodeRead, Port};
use pathkeeper_model::matrix::ByState;
use pathkeeper_model::{Entry, EpochS, Instance, MonoMs, NodeName, State, Wwid};
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use tokio::sync::broadcast;

use super::alerts::AlertsBoard;
use super::cause_memory::CauseMemory;
use super::convert;
use super::map::{self, Axes, Columns};

pub use super::map::DeltaEvent;

/// Deltas that a reader who was away can be given; one that was away for longer gets a new snapshot.
const DELTAS_KEPT: usize = 256;
/// And no more bytes of them than this, the newest apart: when a large cluster comes up, each change is nearly all of it.
const DELTA_BYTES_KEPT: usize = 4 << 20;

/// One row, rendered.
#[derive(Debug)]
pub struct RowBody {
    /// For look-ups.
    pub wwid: String,
    /// For filters.
    pub state: State,
    /// Optimal on every node.
    pub clean: bool,
    /// Nodes that have a cell, in byte order.
    pub nodes: Vec<Arc<str>>,
    /// Their cells as the map has them.
    pub cells: Vec<u8>,
    /// What the map's rows are called.
    pub named: MapRow,
    /// The row as JSON.
    pub json: Bytes,
}

impl RowBody {
    /// Renders a row; its nodes' names are counted in `columns`.
    pub fn new(wire: &status::LunRow, state: State, clean: bool, columns: &mut Columns) -> Self {
        Self {
            wwid: wire.wwid.clone(),
            state,
            clean,
            nodes: wire.nodes.keys().map(|name| columns.add(name)).collect(),
            cells: wire.nodes.values().map(pathkeeper_api::map::cell).collect(),
            named: MapRow {
                wwid: wire.wwid.clone(),
                alias: wire.alias.clone(),
                name: wire.name.clone(),
                used_by: wire.used_by.clone(),
            },
            json: serde_json::to_vec(wire).unwrap_or_default().into(),
        }
    }

    /// The row as the API has it.
    pub fn read(&self) -> Option<status::LunRow> {
        serde_json::from_slice(&self.json).ok()
    }
}

/// Everything in the status but the rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Beside {
    /// Failed applies.
    pub nodes: std::collections::BTreeMap<String, status::ApplyError>,
    /// What this observer sees.
    pub view: status::View,
    /// Counts.
    pub summary: status::Summary,
    /// What is wrong.
    pub findings: Vec<status::Finding>,
}

/// One picture of the cluster.
#[derive(Debug)]
pub struct Snapshot {
    /// Grows with each change.
    pub revision: u64,
    /// Rows in byte order of the WWID.
    pub rows: Vec<Arc<RowBody>>,
    /// The rest.
    pub beside: Beside,
    /// What the map's columns are.
    pub axes: Arc<Axes>,
    plain: OnceLock<Bytes>,
    zipped: OnceLock<Bytes>,
    zipped_map: OnceLock<Bytes>,
}

impl Snapshot {
    /// A picture; its bodies are made when they are first asked for.
    pub fn new(revision: u64, rows: Vec<Arc<RowBody>>, beside: Beside) -> Self {
        Self {
            revision,
            rows,
            beside,
            axes: Arc::default(),
            plain: OnceLock::new(),
            zipped: OnceLock::new(),
            zipped_map: OnceLock::new(),
        }
    }

    /// With the columns of its map, without which that has none.
    #[must_use]
    pub fn with_axes(self, axes: Arc<Axes>) -> Self {
        Self { axes, ..self }
    }

    /// The status as JSON, in Proxmox's envelope.
    pub fn body(&self) -> Bytes {
        self.plain.get_or_init(|| self.render(self.rows.iter())).clone()
    }

    /// The same, gzipped.
    pub fn zipped_body(&self) -> Bytes {
        self.zipped.get_or_init(|| gzip(&self.body())).clone()
    }

    /// The map, gzipped.
    pub fn zipped_map(&self, instance: Instance) -> Bytes {
        self.zipped_map.get_or_init(|| gzip_map(&map::body(instance, self, None))).clone()
    }

    /// The status with only the rows that `keep` keeps.
    pub fn filtered_body(&self, keep: impl Fn(&RowBody) -> bool) -> Bytes {
        self.render(self.rows.iter().filter(|row| keep(row)))
    }

    /// The status as JSON without the envelope: the data of a snapshot event.
    pub fn bare(&self) -> Vec<u8> {
        Self::unveiled(&self.body())
    }

    /// The same with only the rows that `keep` keeps.
    pub fn filtered_bare(&self, keep: impl Fn(&RowBody) -> bool) -> Vec<u8> {
        Self::unveiled(&self.filtered_body(keep))
    }

    fn unveiled(body: &[u8]) -> Vec<u8> {
        let inner = body.strip_prefix(b"{\"data\":").and_then(|b| b.strip_suffix(b"}"));
        inner.unwrap_or_default().to_vec()
    }

    /// The rows one by one, read from their JSON: as in [`Snapshot::cell`], that costs whoever asks.
    pub fn luns(&self) -> impl Iterator<Item = status::LunRow> {
        self.rows.iter().filter_map(|row| row.read())
    }

    /// Usable paths of a LUN on each node that is `wanted` and gives a number.
    pub fn usable(
        &self,
        wwid: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> std::collections::BTreeMap<NodeName, u32> {
        let at = self.rows.binary_search_by(|row| row.wwid.as_str().cmp(wwid));
        let row = at.ok().and_then(|at| self.rows.get(at));
        let row = row.and_then(|row| row.read());
        let nodes = row.map(|row| row.nodes).unwrap_or_default().into_iter();
        nodes
            .filter(|(node, _)| wanted(node))
            .filter_map(|(node, cell)| Some((NodeName::new(&node)?, cell.paths_active.flatten()?)))
            .collect()
    }

    /// What the status shows of a LUN on a node; `None` where it has no such cell. The row is read from its JSON: that costs
    /// whoever asks some microseconds, and everybody else no memory.
    pub fn cell(&self, wwid: &str, node: &str) -> Option<status::Cell> {
        let at = self.rows.binary_search_by(|row| row.wwid.as_str().cmp(wwid)).ok()?;
        let row = self.rows.get(at)?;
        let mut reader = serde_json::Deserializer::from_slice(&row.json);
        reader.deserialize_map(CellOf { node, within: "nodes" }).ok()?
    }

    fn render<'a>(&self, rows: impl Iterator<Item = &'a Arc<RowBody>>) -> Bytes {
        let mut out =
            Vec::with_capacity(4096 + self.rows.iter().map(|row| row.json.len() + 1).sum::<usize>());
        out.extend_from_slice(b"{\"data\":{\"luns\":[");
        for (i, row) in rows.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&row.json);
        }
        out.extend_from_slice(b"],");
        // `Beside` is an object with fields, so its JSON is `{…}`: its inside goes on where the rows ended.
        let beside = serde_json::to_vec(&self.beside).unwrap_or_default();
        out.extend_from_slice(beside.get(1..).unwrap_or(b"}"));
        out.push(b'}');
        Bytes::from(out)
    }
}

/// Finds one node's cell in a row and reads nothing else of it.
#[derive(Clone, Copy)]
struct CellOf<'a> {
    node: &'a str,
    /// The member to look for; empty = this is the row's `nodes`.
    within: &'static str,
}

impl<'de> Visitor<'de> for CellOf<'_> {
    type Value = Option<status::Cell>;

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = members.next_key::<std::borrow::Cow<'de, str>>()? {
            if self.within.is_empty() && key == self.node {
                found = Some(members.next_value()?);
            } else if !self.within.is_empty() && key == self.within {
                found = members.next_value_seed(CellOf { within: "", ..self })?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

impl<'de> DeserializeSeed<'de> for CellOf<'_> {
    type Value = Option<status::Cell>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

/// Gzip at the fastest level: these bodies are made often and read on a LAN.
pub fn gzip(body: &[u8]) -> Bytes {
    gzip_at(flate2::Compression::fast(), body)
}

/// Gzip of a map: nearly all of it is the same few bytes, of which the fastest level makes twice as much.
pub fn gzip_map(body: &[u8]) -> Bytes {
    gzip_at(flate2::Compression::default(), body)
}

fn gzip_at(level: flate2::Compression, body: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 8), level);
    match encoder.write_all(body).and_then(|()| encoder.finish()) {
        Ok(zipped) => Bytes::from(zipped),
        Err(_) => Bytes::new(), // Writing into memory does not fail.
    }
}

/// What the local node has, as last read.
#[derive(Debug)]
pub struct LocalView {
    /// The node.
    pub node: NodeName,
    /// What was read.
    pub read: Arc<NodeRead>,
    /// What the node reports of its maps, also of those that could not be read now; sorted by WWID.
    pub entries: Arc<[(Wwid, Entry)]>,
    /// multipathd's process, and since when it is that one.
    pub daemon: Option<(u32, EpochS)>,
    /// Monotonic moment at which the read came back.
    pub at: MonoMs,
    /// Words in replies that this program does not know, so far.
    pub unknown_words: u64,
    /// What the node remembers of the LUNs that it carries.
    pub ledger: Arc<Ledger>,
    /// How often each port lost paths or got them back since the agent started.
    pub port_turns: Arc<BTreeMap<Port, u64>>,
    /// How often each kind of event came to the agent.
    pub events: Vec<(&'static str, u64)>,
}

impl LocalView {
    /// For the API. Made when somebody asks: a large node's is megabytes of texts.
    pub fn disks(&self, now: MonoMs) -> NodeDisks {
        let entry = |wwid: &Wwid| self.entries.binary_search_by(|(of, _)| of.cmp(wwid)).ok();
        let expected = |wwid: &Wwid| self.entries.get(entry(wwid)?).and_then(|(_, of)| of.paths_expected);
        let disks = convert::disks(&self.node, &self.read, self.daemon, &expected);
        NodeDisks { age_s: Some(now.since(self.at) / 1000), ..disks }
    }
}

/// All nodes at one moment.
#[derive(Debug)]
pub struct NodesView {
    /// The nodes, with their column of the matrix by state.
    pub nodes: Vec<(NodeView, ByState)>,
    /// The moment at which the ages in it were true.
    pub at: MonoMs,
    /// How often each kind of event came to the cluster's picture.
    pub events: Vec<(&'static str, u64)>,
}

/// The last deltas.
#[derive(Debug, Default)]
struct Kept {
    deltas: VecDeque<Arc<DeltaEvent>>,
    bytes: usize,
}

impl Kept {
    fn push(&mut self, delta: Arc<DeltaEvent>) {
        self.bytes += delta.bytes();
        self.deltas.push_back(delta);
        while self.deltas.len() > DELTAS_KEPT || (self.bytes > DELTA_BYTES_KEPT && self.deltas.len() > 1) {
            let Some(oldest) = self.deltas.pop_front() else { return };
            self.bytes -= oldest.bytes();
        }
    }
}

/// The board.
#[derive(Debug)]
pub struct Board {
    /// This run: revisions of another run mean nothing.
    pub instance: Instance,
    /// Causes that have cleared lately.
    pub causes: CauseMemory,
    /// What people outside were told.
    pub alerts: AlertsBoard,
    /// The store was asked and gave no answer.
    away: AtomicBool,
    snapshot: ArcSwapOption<Snapshot>,
    local: ArcSwapOption<LocalView>,
    nodes: ArcSwap<NodesView>,
    /// Weak, so that a reader who is slow holds nothing: what is no longer kept is lost to it.
    deltas: broadcast::Sender<Weak<DeltaEvent>>,
    kept: Mutex<Kept>,
}

impl Board {
    /// Nothing is known yet.
    pub fn new(instance: Instance) -> Self {
        Self {
            instance,
            causes: CauseMemory::default(),
            alerts: AlertsBoard::default(),
            away: AtomicBool::new(false),
            snapshot: ArcSwapOption::empty(),
            local: ArcSwapOption::empty(),
            nodes: ArcSwap::from_pointee(NodesView { nodes: Vec::new(), at: MonoMs(0), events: Vec::new() }),
            deltas: broadcast::channel(DELTAS_KEPT).0,
            kept: Mutex::new(Kept::default()),
        }
    }

    /// The last picture; `None` before the store's first whole list.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.load_full()
    }

    /// Whether the store was ever asked and gave no answer.
    pub fn store_was_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// The store gave no answer.
    pub fn set_store_away(&self) {
        self.away.store(true, Ordering::Relaxed);
    }

    /// The local node; `None` before the first read.
    pub fn local(&self) -> Option<Arc<LocalView>> {
        self.local.load_full()
    }

    /// The nodes.
    pub fn nodes(&self) -> Arc<NodesView> {
        self.nodes.load_full()
    }

    /// The local node was read.
    pub fn set_local(&self, local: LocalView) {
        self.local.store(Some(Arc::new(local)));
    }

    /// The nodes changed.
    pub fn set_nodes(&self, nodes: NodesView) {
        self.nodes.store(Arc::new(nodes));
    }

    /// A new picture, and how it differs from the one before.
    pub fn publish(&self, snapshot: Snapshot, delta: DeltaEvent) {
        let delta = Arc::new(delta);
        let mut kept = self.kept();
        self.snapshot.store(Some(Arc::new(snapshot)));
        // Sent under the lock, so that who subscribes under it misses nothing and sees nothing twice.
        let _ = self.deltas.send(Arc::downgrade(&delta));
        kept.push(delta);
    }

    /// Subscribes, giving where to begin: the deltas after `seen`, or the picture where those are not all kept.
    pub fn follow(&self, seen: Option<u64>) -> (Start, broadcast::Receiver<Weak<DeltaEvent>>) {
        let kept = self.kept();
        let receiver = self.deltas.subscribe();
        let missed = |seen: u64| -> Option<Vec<Arc<DeltaEvent>>> {
            let now = self.snapshot()?.revision;
            let first = kept.deltas.front().map_or(now + 1, |d| d.revision);
            let covered = seen == now || (seen < now && first <= seen + 1);
            covered.then(|| kept.deltas.iter().filter(|d| d.revision > seen).cloned().collect())
        };
        let start = match seen.map(missed) {
            Some(Some(deltas)) => Start::Deltas(deltas),
            Some(None) => Start::Resync(self.snapshot()),
            None => Start::Snapshot(self.snapshot()),
        };
        (start, receiver)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a follower begins.
#[derive(Debug)]
pub enum Start {
    /// With everything.
    Snapshot(Option<Arc<Snapshot>>),
    /// With what it missed.
    Deltas(Vec<Arc<DeltaEvent>>),
    /// With everything, because what it missed is not kept.
    Resync(Option<Arc<Snapshot>>),
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A row whose state does not matter.
    pub fn row(wwid: &str, nodes: &[(&str, status::Cell)], columns: &mut Columns) -> Arc<RowBody> {
        let wire = status::LunRow {
            wwid: wwid.into(),
            alias: Some("nodes".into()),
            name: None,
            used_by: None,
            expected_by: None,
            size: Some(1),
            cluster_state: "optimal".into(),
            allowed: None,
            doubt: vec!["a".into()],
            nodes: nodes.iter().map(|(name, cell)| ((*name).to_owned(), cell.clone())).collect(),
        };
        Arc::new(RowBody::new(&wire, State::Optimal, true, columns))
    }

    fn delta(revision: u64, beside: String) -> DeltaEvent {
        DeltaEvent { revision, rows: Vec::new(), removed: Vec::new(), beside, axes: Arc::default() }
    }

    /// A view in which nothing is.
    pub fn beside() -> Beside {
        Beside {
            nodes: Default::default(),
            view: status::View {
                partial: false,
                why: None,
                since: None,
                cluster: None,
                observer: "a".into(),
                store: "embedded".into(),
                mode: "observe".into(),
                nodes_known: 1,
                nodes_fresh: 1,
                multipathd_running: 1,
                made: 0,
            },
            summary: status::Summary::default(),
            findings: Vec::new(),
        }
    }

    #[test]
    fn large_deltas_are_kept_by_their_bytes() {
        let board = Board::new(Instance(1));
        let (_, mut reader) = board.follow(None);
        let json = "x".repeat(DELTA_BYTES_KEPT / 2);
        for revision in 1..=10 {
            board.publish(Snapshot::new(revision, Vec::new(), beside()), delta(revision, json.clone()));
        }
        assert_eq!(board.kept().bytes, 2 * json.len());
        assert!(matches!(board.follow(Some(7)).0, Start::Resync(_)));
        assert!(matches!(board.follow(Some(8)).0, Start::Deltas(d) if d.len() == 2));
        let read: Vec<_> =
            (0..10).map(|_| reader.try_recv().unwrap().upgrade().map(|delta| delta.revision)).collect();
        assert_eq!(read, [&[None; 8][..], &[Some(9), Some(10)]].concat());
        // One that is larger than all that is kept is kept as the newest.
        board.publish(Snapshot::new(11, Vec::new(), beside()), delta(11, json.repeat(3)));
        assert_eq!(reader.try_recv().unwrap().upgrade().map(|delta| delta.revision), Some(11));
    }

    fn board_at(revisions: std::ops::RangeInclusive<u64>) -> Board {
        let board = Board::new(Instance(1));
        for revision in revisions {
            board.publish(Snapshot::new(revision, Vec::new(), beside()), delta(revision, "{}".into()));
        }
        board
    }

    #[test]
    fn the_own_node_s_maps_are_judged_by_what_is_expected_of_them() {
        use pathkeeper_model::judge;
        use pathkeeper_model::local::{CheckState, DevState};
        use pathkeeper_model::local::{Daemon, DmState, KernelMap, KernelPath, Map, PathDevice, PathGroup};
        let wwid = |name: &str| Wwid::new(name).unwrap();
        let path = PathDevice {
            dm: DmState::Active,
            check: CheckState::Ready,
            device: DevState::Running,
            ..PathDevice::unknown("sda", "8:0")
        };
        let group = PathGroup {
            selector: "".into(),
            priority: 1,
            status: "".into(),
            marginal: false,
            paths: vec![path],
        };
        let map = |name: &str| Map { groups: vec![group.clone()], ..Map::unknown(name, wwid(name)) };
        let kernel_map = KernelMap {
            name: "w3".into(),
            wwid: wwid("w3"),
            dev_t: "253:3".into(),
            size_bytes: 1,
            open_count: 0,
            suspended: false,
            queue_if_no_path: false,
            queued: 0,
            paths: vec![KernelPath { dev_t: "8:0".into(), active: true, fail_count: 0 }],
            unreadable: false,
        };
        let answering = NodeRead {
            maps: vec![map("w1"), map("w2")],
            kernel: Ok(vec![kernel_map]),
            ..NodeRead::empty(EpochS(7), Daemon::Answering { pid: None })
        };
        // As after a kernel that deleted one of two paths: what is left looks whole.
        let expected = |of: &Wwid| (of.as_str() != "w2").then_some(2);
        for (read, expect) in [
            (
                answering.clone(),
                &[("w1", "degraded", Some(2)), ("w2", "optimal", None), ("w3", "degraded", Some(2))][..],
            ),
            (NodeRead { maps: vec![], daemon: Daemon::Stopped, ..answering }, &[("w3", "degraded", Some(2))]),
        ] {
            let mut entries = judge::judge(&read, &expected);
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let local = LocalView {
                node: NodeName::new("pve1").unwrap(),
                read: Arc::new(read),
                entries: entries.into(),
                daemon: None,
                at: MonoMs(0),
                unknown_words: 0,
                ledger: Arc::default(),
                port_turns: Arc::default(),
                events: Vec::new(),
            };
            let maps = local.disks(MonoMs(0)).maps;
            let said: Vec<_> =
                maps.iter().map(|m| (m.wwid.as_str(), m.state.as_str(), m.paths_expected)).collect();
            assert_eq!(said, expect);
        }
    }

    #[test]
    fn the_joined_body_is_the_status() {
        let row = status::LunRow {
            wwid: "w".into(),
            alias: None,
            name: None,
            used_by: None,
            expected_by: None,
            size: Some(1),
            cluster_state: "optimal".into(),
            allowed: None,
            doubt: Vec::new(),
            nodes: Default::default(),
        };
        let body = RowBody::new(&row, State::Optimal, true, &mut Columns::default());
        for rows in [vec![], vec![Arc::new(body)]] {
            let n = rows.len();
            let snapshot = Snapshot::new(1, rows, beside());
            let read: pathkeeper_api::Envelope<status::ClusterStatus> =
                serde_json::from_slice(&snapshot.body()).unwrap();
            assert_eq!(read.data.luns, vec![row.clone(); n]);
            let bare: status::ClusterStatus = serde_json::from_slice(&snapshot.bare()).unwrap();
            assert_eq!(bare, read.data);
        }
    }

    #[test]
    fn a_cell_is_found_in_its_row() {
        let cell = |state: &str, active: Option<u32>| status::Cell {
            state: state.into(),
            paths_active: active.map(Some),
            paths_total: Some(Some(4)),
            paths_expected: None,
            transport: None,
            causes: Vec::new(),
            unexplained: None,
            flapping: false,
            queueing: false,
            other_size: false,
        };
        let body = |wwid: &str, nodes: &[(&str, status::Cell)]| row(wwid, nodes, &mut Columns::default());
        let (down, no_number) = (cell("failed", Some(0)), cell("unknown", None));
        let odd = [("a\"b", down.clone()), ("nodes", no_number.clone()), ("z", cell("optimal", Some(4)))];
        let rows = vec![body("w1", &odd), body("w2", &[]), body("w3", &[("a", down.clone())])];
        let snapshot = Snapshot::new(1, rows, beside());
        assert_eq!(snapshot.cell("w1", "a\"b"), Some(down.clone()));
        assert_eq!(snapshot.cell("w1", "nodes"), Some(no_number));
        assert_eq!(snapshot.cell("w3", "a"), Some(down));
        for (wwid, node) in [("w1", "a"), ("w2", "a"), ("w4", "a"), ("", ""), ("w1", "")] {
            assert_eq!(snapshot.cell(wwid, node), None, "{wwid} {node}");
        }
    }

    #[test]
    fn who_was_away_gets_what_it_missed_or_everything() {
        let describe = |board: &Board, seen| match board.follow(seen).0 {
            Start::Snapshot(s) => format!("snapshot {}", s.map_or(0, |s| s.revision)),
            Start::Deltas(d) => format!("deltas {:?}", d.iter().map(|d| d.revision).collect::<Vec<_>>()),
            Start::Resync(s) => format!("resync {}", s.map_or(0, |s| s.revision)),
        };
        assert_eq!(describe(&Board::new(Instance(1)), None), "snapshot 0");
        assert_eq!(describe(&Board::new(Instance(1)), Some(3)), "resync 0");
        let board = board_at(1..=5);
        assert_eq!(describe(&board, None), "snapshot 5");
        assert_eq!(describe(&board, Some(3)), "deltas [4, 5]");
        assert_eq!(describe(&board, Some(5)), "deltas []");
        assert_eq!(describe(&board, Some(9)), "resync 5");
        let board = board_at(1..=300);
        assert_eq!(describe(&board, Some(10)), "resync 300");
        assert_eq!(describe(&board, Some(298)), "deltas [299, 300]");
    }
}
