//! A picture in parts, for pages: what stands beside the rows and the rows that are shown first, then the others. Each part is
//! rendered when it is asked for, so that one who reads slowly holds a picture that is there anyway, and no text of it.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use pathkeeper_api::status::PackedRow;

use super::board::{RowBody, Snapshot};

/// So many rows come first: what a large screen shows of them.
const FIRST_ROWS: usize = 48;
/// A further part ends with the row that makes it as large as this.
const PART_BYTES: usize = 256 * 1024;

/// Which rows are shown first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// Those that are not clean; without it all are in one order.
    pub unclean: bool,
    /// Rows of one storage stand together.
    pub by_storage: bool,
}

/// The parts of one picture, one after the other.
#[derive(Debug)]
pub struct Parts {
    snapshot: Arc<Snapshot>,
    /// Places of rows, in the order in which they come.
    order: Vec<usize>,
    sent: usize,
    is_over: bool,
}

/// One of them.
#[derive(Debug)]
pub struct Part {
    /// As [`pathkeeper_api::status::Part`], the first one with what stands beside the rows.
    pub json: String,
    /// It begins the picture.
    pub is_first: bool,
    /// The picture is whole with it.
    pub is_last: bool,
}

impl Parts {
    /// Of this picture, in the order in which the matrix has its rows (`ui/model/rows.js`).
    pub fn new(snapshot: Arc<Snapshot>, first: &First) -> Self {
        let mut rows: Vec<(usize, &RowBody)> = snapshot.rows.iter().map(Arc::as_ref).enumerate().collect();
        rows.sort_by(|(_, a), (_, b)| {
            let unclean = first.unclean.then(|| a.clean.cmp(&b.clean));
            let worst = badness(b).cmp(&badness(a));
            unclean.unwrap_or(Ordering::Equal).then(worst).then_with(|| by_number(label(a), label(b)))
        });
        if first.by_storage {
            // Rows that are not clean are a list of their own where they come first.
            let mut groups: HashMap<(bool, &str), usize> = HashMap::new();
            let group = |row: &RowBody| first.unclean && row.clean;
            for (_, row) in &rows {
                let next = groups.len();
                groups.entry((group(row), storage(row))).or_insert(next);
            }
            // The sort is stable: a group has the order that its rows had.
            rows.sort_by_key(|(_, row)| groups.get(&(group(row), storage(row))).copied());
        }
        let order = rows.into_iter().map(|(at, _)| at).collect();
        Self { snapshot, order, sent: 0, is_over: false }
    }
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        if self.is_over {
            return None;
        }
        let is_first = self.sent == 0;
        let mut json = String::from("{");
        if is_first {
            let columns: Vec<&str> = self.snapshot.axes.columns.iter().map(AsRef::as_ref).collect();
            push(&mut json, "columns", &columns);
        }
        json.push_str("\"luns\":[");
        let waiting = self.order.get(self.sent..).unwrap_or_default().iter();
        for (n, row) in waiting.filter_map(|at| self.snapshot.rows.get(*at)).enumerate() {
            let is_full = if is_first { n == FIRST_ROWS } else { json.len() >= PART_BYTES };
            if is_full {
                break;
            }
            if n > 0 {
                json.push(',');
            }
            // It was made of a row.
            let packed = row.read().map(PackedRow::from);
            json.push_str(&serde_json::to_string(&packed).unwrap_or_default());
            self.sent += 1;
        }
        json.push_str("],");
        let rest = self.order.len().saturating_sub(self.sent);
        push(&mut json, "rest", &rest);
        if is_first {
            let beside = serde_json::to_string(&self.snapshot.beside).unwrap_or_default();
            json.push_str(beside.strip_prefix('{').unwrap_or("}"));
        } else {
            json.pop();
            json.push('}');
        }
        self.is_over = rest == 0;
        Some(Part { json, is_first, is_last: self.is_over })
    }
}

/// A member and the comma behind it.
fn push<T: serde::Serialize + ?Sized>(json: &mut String, name: &str, value: &T) {
    json.push_str(&format!("\"{name}\":{},", serde_json::to_string(value).unwrap_or_default()));
}

/// Worst is most; optimal with a cell that nobody knows stands between unknown and optimal.
fn badness(row: &RowBody) -> (u8, bool) {
    (row.state.concern(), !row.clean)
}

fn label(row: &RowBody) -> &str {
    row.named.alias.as_deref().or(row.named.name.as_deref()).unwrap_or(&row.wwid)
}

fn storage(row: &RowBody) -> &str {
    row.named.used_by.as_deref().unwrap_or_default()
}

/// As people count: `lun2` before `lun10`, whatever the case. A page compares as its language does and may put a few names
/// elsewhere; it sorts what it has.
fn by_number(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.chars().peekable(), b.chars().peekable());
    loop {
        match (a.peek().copied(), b.peek().copied()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (m, n) = (digits(&mut a), digits(&mut b));
                let order = m.len().cmp(&n.len()).then_with(|| m.cmp(&n));
                if order.is_ne() {
                    return order;
                }
            }
            (Some(x), Some(y)) => {
                let order = x.to_lowercase().cmp(y.to_lowercase());
                if order.is_ne() {
                    return order;
                }
                a.next();
                b.next();
            }
            (x, y) => return x.is_some().cmp(&y.is_some()),
        }
    }
}

/// The digits that stand there, without zeros before them.
fn digits(text: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut all = String::new();
    while let Some(digit) = text.next_if(char::is_ascii_digit) {
        all.push(digit);
    }
    all.trim_start_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::board::tests::beside;
    use super::super::map::{Axes, Columns};
    use super::*;
    use pathkeeper_api::status::{Cell, ClusterStatus, LunRow, Part as Wire};
    use pathkeeper_model::State;

    /// A row of a name, a storage and a cell on each of three nodes.
    fn row(name: &str, storage: &str, state: &str, clean: bool, columns: &mut Columns) -> Arc<RowBody> {
        let cell: Cell = serde_json::from_value(serde_json::json!({ "state": state })).unwrap();
        let wire = LunRow {
            wwid: format!("w-{name}"),
            alias: Some(name.to_owned()),
            name: None,
            used_by: (!storage.is_empty()).then(|| storage.to_owned()),
            expected_by: None,
            size: None,
            cluster_state: state.into(),
            allowed: None,
            doubt: Vec::new(),
            nodes: ["b", "a", "c"].into_iter().map(|node| (node.to_owned(), cell.clone())).collect(),
        };
        Arc::new(RowBody::new(&wire, State::parse(state).unwrap(), clean, columns))
    }

    fn picture(rows: &[(&str, &str, &str, bool)]) -> Arc<Snapshot> {
        let mut columns = Columns::default();
        let mut rows: Vec<_> = rows
            .iter()
            .map(|(name, storage, state, clean)| row(name, storage, state, *clean, &mut columns))
            .collect();
        rows.sort_by(|a, b| a.wwid.cmp(&b.wwid));
        let axes = Arc::new(Axes::new(columns.names(), rows.iter()));
        Arc::new(Snapshot::new(7, rows, beside()).with_axes(axes))
    }

    #[test]
    fn rows_come_as_the_matrix_shows_them() {
        let rows = [
            ("lun10", "store", "optimal", true),
            ("lun2", "store", "optimal", true),
            ("Lun3", "store", "degraded", false),
            ("lun5", "", "optimal", false),
            ("lun4", "other", "failed", false),
            ("lun1", "other", "optimal", true),
            ("lun6", "other", "degraded", false),
        ];
        let order = |unclean, by_storage| {
            let parts = Parts::new(picture(&rows), &First { unclean, by_storage });
            let names =
                parts.order.iter().map(|at| label(&parts.snapshot.rows[*at]).to_owned()).collect::<Vec<_>>();
            names.join(" ")
        };
        assert_eq!(order(false, false), "lun4 Lun3 lun6 lun5 lun1 lun2 lun10");
        assert_eq!(order(true, false), "lun4 Lun3 lun6 lun5 lun1 lun2 lun10");
        assert_eq!(order(false, true), "lun4 lun6 lun1 Lun3 lun2 lun10 lun5");
        assert_eq!(order(true, true), "lun4 lun6 Lun3 lun5 lun1 lun2 lun10");
    }

    #[test]
    fn names_are_compared_as_people_count() {
        for (a, b, order) in [
            ("lun2", "lun10", Ordering::Less),
            ("lun02", "lun2", Ordering::Equal),
            ("LUN2", "lun2", Ordering::Equal),
            ("a", "a1", Ordering::Less),
            ("1a2", "1a", Ordering::Greater),
            ("", "", Ordering::Equal),
            ("99999999999999999999999", "100000000000000000000000", Ordering::Less),
            ("ä", "Ä", Ordering::Equal),
        ] {
            assert_eq!(by_number(a, b), order, "{a} {b}");
            assert_eq!(by_number(b, a), order.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn together_the_parts_are_the_status_and_each_says_what_is_missing() {
        for count in [0, 1, FIRST_ROWS, FIRST_ROWS + 1, 5_000] {
            let names: Vec<String> = (0..count).map(|n| format!("lun{n}")).collect();
            let rows: Vec<_> = names.iter().map(|name| (name.as_str(), "s", "optimal", true)).collect();
            let snapshot = picture(&rows);
            let parts: Vec<Part> =
                Parts::new(snapshot.clone(), &First { unclean: true, by_storage: true }).collect();
            let mut left = count as u64;
            let mut luns = Vec::new();
            for (n, part) in parts.iter().enumerate() {
                let wire: Wire = serde_json::from_str(&part.json).unwrap();
                left -= wire.luns.len() as u64;
                assert_eq!((part.is_first, part.is_last), (n == 0, n + 1 == parts.len()), "{count}: {n}");
                assert_eq!((wire.rest, part.is_last), (left, left == 0), "{count}: {n}");
                let columns: &[&str] = if n == 0 && count > 0 { &["a", "b", "c"] } else { &[] };
                assert_eq!(wire.columns, columns, "{count}: {n}");
                // One row may be beyond the bound.
                assert!(part.json.len() < PART_BYTES + 4096, "{count}: {n}");
                luns.extend(wire.luns.into_iter().map(LunRow::from));
            }
            luns.sort_by(|a, b| a.wwid.cmp(&b.wwid));
            let mut first: serde_json::Value = serde_json::from_str(&parts[0].json).unwrap();
            first["luns"] = serde_json::json!([]);
            let first: ClusterStatus = serde_json::from_value(first).unwrap();
            let whole: ClusterStatus = serde_json::from_slice(&snapshot.bare()).unwrap();
            assert_eq!(ClusterStatus { luns, ..first }, whole, "{count}");
            assert!(count < 5_000 || parts.len() > 2, "{count}");
        }
    }
}
