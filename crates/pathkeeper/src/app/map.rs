//! The whole matrix as bytes, from rows that were encoded when they changed, and the streams' deltas.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pathkeeper_api::Envelope;
use pathkeeper_api::map::{EXPLAINED, HEADER_BYTES, Header, LIT, MapDelta, MapNames, state};
use pathkeeper_model::Instance;

use super::board::{RowBody, Snapshot};

/// Rows of one delta, encoded; where more changed at once, the map is asked for anew.
const DELTA_BYTES_MAX: usize = 1 << 20;

/// What the columns are, and a tag of the names of columns and rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Axes {
    /// Every node that has a cell, in byte order.
    pub columns: Vec<Arc<str>>,
    /// Another value wherever a name, a row or a column is another one.
    pub names: u64,
}

impl Axes {
    /// Of all rows, in byte order of the WWID.
    pub fn new<'a>(columns: Vec<Arc<str>>, rows: impl Iterator<Item = &'a Arc<RowBody>>) -> Self {
        // Its keys are fixed: the same names have the same tag on every node and in every run.
        let mut hasher = DefaultHasher::new();
        columns.hash(&mut hasher);
        for row in rows {
            row.named.hash(&mut hasher);
        }
        Self { columns, names: hasher.finish() }
    }

    fn tag(&self) -> String {
        format!("{:016x}", self.names)
    }
}

/// Counts who has a cell in which column, so that the columns are known without a look at every cell.
#[derive(Debug, Default)]
pub struct Columns {
    cells: BTreeMap<Arc<str>, usize>,
    /// How often a column came or went.
    turns: u64,
}

impl Columns {
    /// A column has one cell more. The name is one text for all rows.
    pub fn add(&mut self, name: &str) -> Arc<str> {
        let known = self.cells.get_key_value(name).map(|(known, _)| known.clone());
        let name = known.unwrap_or_else(|| {
            self.turns += 1;
            Arc::from(name)
        });
        *self.cells.entry(name.clone()).or_default() += 1;
        name
    }

    /// A row is gone.
    pub fn forget(&mut self, row: &RowBody) {
        for name in &row.nodes {
            if let Some(count) = self.cells.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    self.cells.remove(name);
                    self.turns += 1;
                }
            }
        }
    }

    /// In byte order.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.cells.keys().cloned().collect()
    }

    /// Another value after a column came or went.
    pub fn turns(&self) -> u64 {
        self.turns
    }
}

/// Appends a row's cells, one for each column. `lit` is the cause whose cells are marked.
fn spread(row: &RowBody, axes: &Axes, lit: Option<&str>, out: &mut Vec<u8>) {
    // A cell that no cause explains is none of this one's, and only the row's text knows causes by name.
    let asked = lit.filter(|_| row.cells.iter().any(|cell| cell & EXPLAINED != 0));
    let causes = asked.and_then(|cause| Some((cause, row.read()?)));
    let is_lit = |node: &str| {
        let cell = causes.as_ref().and_then(|(cause, wire)| Some((cause, wire.nodes.get(node)?)));
        cell.is_some_and(|(cause, cell)| cell.causes.iter().any(|of| of == cause))
    };
    let mut cells = row.nodes.iter().zip(&row.cells).peekable();
    for column in &axes.columns {
        // Texts of names are shared, so most comparisons are of two addresses.
        let here = cells.next_if(|(node, _)| Arc::ptr_eq(node, column) || *node == column);
        out.push(here.map_or(0, |(node, cell)| if is_lit(node) { cell | LIT } else { *cell }));
    }
}

/// The map of a picture.
pub fn body(instance: Instance, snapshot: &Snapshot, lit: Option<&str>) -> Vec<u8> {
    let axes = &snapshot.axes;
    let header = Header {
        epoch: instance.0,
        revision: snapshot.revision,
        names: axes.names,
        rows: u32::try_from(snapshot.rows.len()).unwrap_or(u32::MAX),
        columns: u32::try_from(axes.columns.len()).unwrap_or(u32::MAX),
    };
    let mut out = header.bytes();
    out.reserve(snapshot.rows.len() * (axes.columns.len() + 1));
    out.extend(snapshot.rows.iter().map(|row| state(row.state.as_str())));
    debug_assert_eq!(out.len(), HEADER_BYTES + snapshot.rows.len());
    for row in &snapshot.rows {
        spread(row, axes, lit, &mut out);
    }
    out
}

/// The names of a picture's rows and columns, as the API's body.
pub fn names(snapshot: &Snapshot) -> Vec<u8> {
    let data = MapNames {
        names: snapshot.axes.tag(),
        columns: snapshot.axes.columns.iter().map(|name| name.to_string()).collect(),
        rows: snapshot.rows.iter().map(|row| row.named.clone()).collect(),
    };
    serde_json::to_vec(&Envelope { data }).unwrap_or_default()
}

/// One change, for event streams: what is made of it depends on who listens.
#[derive(Debug)]
pub struct DeltaEvent {
    /// The revision that it leads to.
    pub revision: u64,
    /// New or changed rows.
    pub rows: Vec<Arc<RowBody>>,
    /// WWIDs of rows that are gone.
    pub removed: Vec<String>,
    /// The rest of [`pathkeeper_api::status::Delta`] as a JSON object with at least one member.
    pub beside: String,
    /// Of the revision.
    pub axes: Arc<Axes>,
}

impl DeltaEvent {
    /// About what it holds in memory.
    pub fn bytes(&self) -> usize {
        self.beside.len() + self.rows.iter().map(|row| row.json.len()).sum::<usize>()
    }

    /// With the rows that are wanted; one that is not wanted now may have been before, and is said to be gone.
    pub fn with_rows(&self, keep: impl Fn(&RowBody) -> bool) -> String {
        let (kept, others): (Vec<_>, Vec<_>) = self.rows.iter().partition(|row| keep(row));
        let mut out = String::with_capacity(self.bytes() + 64);
        out.push('{');
        let mut begin = "\"luns\":[";
        for row in &kept {
            out.push_str(begin);
            // It was made of text.
            out.push_str(std::str::from_utf8(&row.json).unwrap_or("null"));
            begin = ",";
        }
        if !kept.is_empty() {
            out.push_str("],");
        }
        let gone: Vec<&str> = self
            .removed
            .iter()
            .map(String::as_str)
            .chain(others.iter().map(|row| row.wwid.as_str()))
            .collect();
        if !gone.is_empty() {
            out.push_str("\"removed\":");
            out.push_str(&serde_json::to_string(&gone).unwrap_or_default());
            out.push(',');
        }
        self.end(out)
    }

    /// Without rows.
    pub fn without_rows(&self) -> String {
        self.end(String::from("{"))
    }

    /// With rows of the map. What is gone is seen by the names.
    pub fn with_map(&self) -> String {
        let fits = self.rows.len() * (self.axes.columns.len() + 1) <= DELTA_BYTES_MAX;
        let rows = fits.then(|| self.rows.iter().map(|row| (row.wwid.clone(), self.encoded(row))).collect());
        let map = MapDelta { names: self.axes.tag(), rows };
        let map = serde_json::to_string(&map).unwrap_or_default();
        self.end(format!("{{\"map\":{map},"))
    }

    fn encoded(&self, row: &RowBody) -> String {
        let mut bytes = vec![state(row.state.as_str())];
        spread(row, &self.axes, None, &mut bytes);
        STANDARD.encode(bytes)
    }

    fn end(&self, mut begun: String) -> String {
        begun.push_str(self.beside.strip_prefix('{').unwrap_or("}"));
        begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::board::tests::{beside, row};
    use pathkeeper_api::map::{Map, QUEUEING, UNEXPLAINED};
    use pathkeeper_api::status::{Cell, Delta};

    fn cell(state: &str, causes: &[&str]) -> Cell {
        let causes = causes.iter().map(|cause| (*cause).to_owned()).collect();
        Cell {
            state: state.into(),
            paths_active: None,
            paths_total: None,
            paths_expected: None,
            transport: None,
            causes,
            unexplained: None,
            flapping: false,
            queueing: state == "failed",
            other_size: false,
        }
    }

    /// Two LUNs on three nodes; `c` has the first one alone.
    fn two() -> (Vec<Arc<RowBody>>, Arc<Axes>) {
        let mut columns = Columns::default();
        let first = [("a", cell("optimal", &[])), ("c", cell("degraded", &["HBA_DOWN c/h1", "OTHER"]))];
        let second = [("a", cell("failed", &["OTHER"])), ("b", cell("missing", &[]))];
        let rows = vec![row("w1", &first, &mut columns), row("w2", &second, &mut columns)];
        let axes = Axes::new(columns.names(), rows.iter());
        (rows, Arc::new(axes))
    }

    fn snapshot(rows: Vec<Arc<RowBody>>, axes: Arc<Axes>) -> Snapshot {
        Snapshot::new(7, rows, beside()).with_axes(axes)
    }

    #[test]
    fn a_picture_is_bytes_row_after_row_and_a_cause_lights_its_own_cells() {
        let (rows, axes) = two();
        let snapshot = snapshot(rows, axes);
        let cells = |lit| Map::read(&body(Instance(5), &snapshot, lit)).unwrap().cells.to_vec();
        let failed = 4 | QUEUEING | EXPLAINED;
        assert_eq!(cells(None), [1, 0, 2 | EXPLAINED, failed, 3 | UNEXPLAINED, 0]);
        assert_eq!(cells(Some("HBA_DOWN c/h1")), [1, 0, 2 | EXPLAINED | LIT, failed, 3 | UNEXPLAINED, 0]);
        assert_eq!(cells(Some("OTHER")), [1, 0, 2 | EXPLAINED | LIT, failed | LIT, 3 | UNEXPLAINED, 0]);
        assert_eq!(cells(Some("")), cells(None));
        let whole = body(Instance(5), &snapshot, None);
        let map = Map::read(&whole).unwrap();
        assert_eq!((map.header.epoch, map.header.revision), (5, 7));
        assert_eq!((map.header.rows, map.header.columns, map.rows), (2, 3, &[1, 1][..]));
        let named: Envelope<MapNames> = serde_json::from_slice(&names(&snapshot)).unwrap();
        assert_eq!(named.data.names, format!("{:016x}", map.header.names));
        assert_eq!(named.data.columns, ["a", "b", "c"]);
        assert_eq!(named.data.rows.iter().map(|row| row.wwid.as_str()).collect::<Vec<_>>(), ["w1", "w2"]);
    }

    #[test]
    fn a_cluster_without_a_lun_is_a_header() {
        let empty = Snapshot::new(1, Vec::new(), beside());
        let whole = body(Instance(1), &empty, Some("HBA_DOWN c/h1"));
        assert_eq!(whole.len(), HEADER_BYTES);
        assert_eq!(Map::read(&whole).unwrap().header.rows, 0);
        let named: Envelope<MapNames> = serde_json::from_slice(&names(&empty)).unwrap();
        assert!(named.data.rows.is_empty() && named.data.columns.is_empty());
    }

    #[test]
    fn columns_come_with_their_first_cell_and_go_with_the_last() {
        let mut columns = Columns::default();
        let on = |names: &[&'static str]| {
            names.iter().map(|name| (*name, cell("optimal", &[]))).collect::<Vec<_>>()
        };
        let (one, other) = (row("w1", &on(&["a", "b"]), &mut columns), row("w2", &on(&["b"]), &mut columns));
        assert!(Arc::ptr_eq(&one.nodes[1], &other.nodes[0]), "a name is one text");
        let names =
            |columns: &Columns| columns.names().iter().map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&columns), ["a", "b"]);
        columns.forget(&one);
        assert_eq!(names(&columns), ["b"]);
        columns.forget(&other);
        assert_eq!((names(&columns).len(), columns.turns()), (0, 4));
    }

    #[test]
    fn the_tag_is_another_one_whenever_a_name_is() {
        let (rows, axes) = two();
        let tag = |columns: &[&str], rows: &[Arc<RowBody>]| {
            Axes::new(columns.iter().map(|name| Arc::from(*name)).collect(), rows.iter()).names
        };
        let same = tag(&["a", "b", "c"], &rows);
        assert_eq!(same, axes.names);
        let others = [tag(&["a", "b"], &rows), tag(&["a", "bc"], &rows), tag(&["a", "b", "c"], &rows[..1])];
        assert!(others.iter().all(|other| *other != same));
    }

    #[test]
    fn who_listens_gets_what_they_asked_for() {
        let (rows, axes) = two();
        let beside = serde_json::json!({ "summary": pathkeeper_api::status::Summary::default() }).to_string();
        let delta = DeltaEvent { revision: 8, rows, removed: vec!["w0".into()], beside, axes: axes.clone() };
        let read = |json: String| serde_json::from_str::<Delta>(&json).unwrap();
        let all = read(delta.with_rows(|_| true));
        assert_eq!((all.luns.len(), all.removed.as_slice()), (2, &["w0".to_owned()][..]));
        let one = read(delta.with_rows(|row| row.wwid == "w2"));
        assert_eq!(one.luns[0].wwid, "w2");
        assert_eq!(one.removed, ["w0", "w1"], "what is no longer wanted is gone for who listens");
        let none = read(delta.without_rows());
        assert!(
            none.luns.is_empty() && none.removed.is_empty() && none.summary.is_some() && none.map.is_none()
        );
        let map = read(delta.with_map()).map.unwrap();
        assert_eq!(map.names, format!("{:016x}", axes.names));
        let sent = map.rows.unwrap();
        assert_eq!(STANDARD.decode(&sent["w2"]).unwrap(), [1, 4 | QUEUEING | EXPLAINED, 3 | UNEXPLAINED, 0]);
        // So much that the whole is shorter.
        let many = Axes { columns: vec![Arc::from("n"); DELTA_BYTES_MAX], names: 1 };
        let large = DeltaEvent { axes: Arc::new(many), ..delta };
        assert_eq!(read(large.with_map()).map.unwrap().rows, None);
    }
}
