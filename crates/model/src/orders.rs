//! The document `pathkeeper/ledger`: what people ordered of the nodes' ledgers.
//!
//! `{"v":1,"entries":[{"id","kind","wwid","node","by","time","paths":{"<node>":n}}]}`, in the order in which they were given.
//! A ledger is its node's own, so nobody writes it from elsewhere: an order stands here, and each node that it is meant for
//! obeys it on its own ledger ([`crate::ledger::Keeper::obey`]). Entries are kept for [`KEPT_S`], far longer than a node is
//! away that still counts.
//!
//! Reading is total. Who reads, changes and writes the document must not do so where there were problems: what was not
//! understood, perhaps of a newer version, would be lost.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{EpochS, NodeName, Wwid};
use crate::json::{Scanner, push_number, push_string};
use crate::node_value::{Read, epoch, members, read_object, small, text, unsigned};
use crate::report::TEXT_BYTES_MAX;

/// The document's name in the store.
pub const ORDERS_DOCUMENT: &str = "pathkeeper/ledger";
/// An order is kept for so long, seconds.
pub const KEPT_S: i64 = 90 * 86_400;
/// No more orders than this are read or written; the newest are kept.
pub const ORDERS_MAX: usize = 2_048;
/// A longer document is not read. It is what a store's document may hold.
pub const BYTES_MAX: usize = 1 << 20;
/// An order's id is never longer.
pub const ID_BYTES_MAX: usize = 64;
/// No order tells of more nodes than this.
const NODES_MAX: usize = 1_024;
/// No more problems than this are told.
const PROBLEMS_MAX: usize = 16;

/// The orders that stand, in the order in which they were given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Orders {
    /// The last one was given last. Wall clocks of those who gave them are not compared.
    pub entries: Vec<Order>,
}

/// One order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Random, by whoever gave it: no two orders have the same. 1 to [`ID_BYTES_MAX`] bytes.
    pub id: String,
    /// What is to be done.
    pub kind: OrderKind,
    /// With which LUN.
    pub wwid: Wwid,
    /// On which node; `None` = on every node.
    pub node: Option<NodeName>,
    /// Who gave it, for people.
    pub by: String,
    /// When, by the wall clock of the node that took it.
    pub time: EpochS,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrderKind {
    /// Paths that are gone are gone for good: the LUN's remembered paths go down to what is usable.
    AckPaths {
        /// How many usable paths each node had, as the person who acknowledged saw it: a node goes no lower.
        paths: BTreeMap<NodeName, u32>,
    },
    /// The LUN was taken out of service: it leaves the ledger and is not learned again.
    Retire,
    /// What is remembered of the LUN is erased, a retirement too, and learned afresh.
    Forget,
}

impl OrderKind {
    /// The word in the document.
    pub fn as_str(&self) -> &'static str {
        match self {
            OrderKind::AckPaths { .. } => "ack-paths",
            OrderKind::Retire => "retire",
            OrderKind::Forget => "forget",
        }
    }
}

impl Order {
    /// Whether this node is meant.
    pub fn is_for(&self, node: &NodeName) -> bool {
        self.node.as_ref().is_none_or(|of| of == node)
    }
}

impl Orders {
    /// The order by which this LUN is out of service on this node: of those to retire and to forget it the last decides.
    pub fn retired(&self, wwid: &Wwid, node: &NodeName) -> Option<&Order> {
        let decides =
            |order: &&Order| order.wwid == *wwid && !matches!(order.kind, OrderKind::AckPaths { .. });
        let last = self.entries.iter().rev().filter(decides).find(|order| order.is_for(node))?;
        (last.kind == OrderKind::Retire).then_some(last)
    }

    /// All LUNs that are out of service on this node: those of which [`Orders::retired`] gives an order, in one pass.
    pub fn retired_on(&self, node: &NodeName) -> BTreeSet<Wwid> {
        let mut retired = BTreeSet::new();
        for order in self.entries.iter().filter(|order| order.is_for(node)) {
            match order.kind {
                OrderKind::Retire => drop(retired.insert(order.wwid.clone())),
                OrderKind::Forget => drop(retired.remove(&order.wwid)),
                OrderKind::AckPaths { .. } => {}
            }
        }
        retired
    }

    /// Leaves out what was kept long enough, and the oldest where there are more than [`ORDERS_MAX`].
    pub fn prune(&mut self, now: EpochS) {
        self.entries.retain(|order| now.0.saturating_sub(order.time.0) <= KEPT_S);
        let over = self.entries.len().saturating_sub(ORDERS_MAX);
        self.entries.drain(..over);
    }

    /// Writes the document. The same orders always give the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = br#"{"v":1,"entries":["#.to_vec();
        for (i, order) in self.entries.iter().enumerate() {
            out.extend_from_slice(if i > 0 { b",\n" } else { b"\n" });
            let node = order.node.as_ref().map(NodeName::as_str);
            let texts = [
                ("{\"id\":", Some(order.id.as_str())),
                (",\"kind\":", Some(order.kind.as_str())),
                (",\"wwid\":", Some(order.wwid.as_str())),
                (",\"node\":", node),
                (",\"by\":", Some(order.by.as_str())),
            ];
            for (key, text) in texts.into_iter().filter_map(|(key, text)| Some((key, text?))) {
                out.extend_from_slice(key.as_bytes());
                push_string(&mut out, text);
            }
            out.extend_from_slice(b",\"time\":");
            push_number(&mut out, order.time.0.max(0).unsigned_abs());
            if let OrderKind::AckPaths { paths } = &order.kind {
                for (i, (node, n)) in paths.iter().enumerate() {
                    out.extend_from_slice(if i > 0 { b"," } else { b",\"paths\":{" });
                    push_string(&mut out, node.as_str());
                    out.push(b':');
                    push_number(&mut out, u64::from(*n));
                }
                if !paths.is_empty() {
                    out.push(b'}');
                }
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"\n]}\n");
        out
    }

    /// Reads the document: what was understood, and what was not, one sentence each.
    ///
    /// An order that lacks something it needs, or whose kind is not known, is left out; unknown keys are ignored. A
    /// document that cannot be read at all gives no order and says why.
    pub fn decode(bytes: &[u8]) -> (Self, Vec<String>) {
        let mut raw = Raw::default();
        if bytes.len() > BYTES_MAX {
            return (Self::default(), vec![format!("it is longer than {BYTES_MAX} bytes")]);
        }
        if let Err(e) = read_object(bytes, |key, scan| raw.member(key, scan)) {
            return (Self::default(), vec![e.to_string()]);
        }
        match raw.version {
            Some(1) if raw.there => {}
            Some(1) => return (Self::default(), vec!["no list stands under entries".into()]),
            Some(v) => {
                let what = format!("it is of version {v}, and this program knows version 1");
                return (Self::default(), vec![what]);
            }
            None => return (Self::default(), vec!["it does not say what it is: there is no v".into()]),
        }
        let over = raw.entries.len().saturating_sub(ORDERS_MAX);
        if over > 0 {
            raw.problem(|| format!("it has more than {ORDERS_MAX} entries: the {over} oldest are left out"));
            raw.entries.drain(..over);
        }
        (Self { entries: raw.entries }, raw.problems)
    }
}

#[derive(Default)]
struct Raw {
    version: Option<u64>,
    there: bool,
    entries: Vec<Order>,
    ids: BTreeSet<String>,
    problems: Vec<String>,
}

/// An order's members as they came.
#[derive(Default)]
struct RawOrder {
    id: Option<String>,
    kind: Option<String>,
    wwid: Option<Wwid>,
    /// A member of this name was there: an order for one node must not become one for all because its name is bad.
    for_one: bool,
    node: Option<NodeName>,
    by: Option<String>,
    time: Option<EpochS>,
    paths: BTreeMap<NodeName, u32>,
}

impl Raw {
    fn problem(&mut self, what: impl FnOnce() -> String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(what());
        }
    }

    fn member(&mut self, key: &str, scan: &mut Scanner<'_>) -> Read<()> {
        match key {
            "v" => self.version = unsigned(scan)?,
            "entries" if scan.open_array() => {
                self.there = true;
                self.entries.clear();
                self.ids.clear();
                let (mut first, mut place) = (true, 0_usize);
                while scan.next_item(&mut first)? {
                    place += 1;
                    let order = read_order(scan)?;
                    match order.check() {
                        Err(what) => self.problem(|| format!("entry {place} is left out: {what}")),
                        Ok(order) => self.take(order, place),
                    }
                }
            }
            _ => scan.skip()?,
        }
        Ok(())
    }

    fn take(&mut self, order: Order, place: usize) {
        if !self.ids.insert(order.id.clone()) {
            let id = order.id;
            self.problem(|| format!("entry {place} is left out: an earlier one has its id {id:?}"));
        } else {
            self.entries.push(order);
        }
    }
}

impl RawOrder {
    fn check(self) -> Result<Order, String> {
        let id = self.id.filter(|id| (1..=ID_BYTES_MAX).contains(&id.len()));
        let Some(id) = id else { return Err(format!("it has no id of 1 to {ID_BYTES_MAX} bytes")) };
        let Some(wwid) = self.wwid else { return Err("it names no LUN".into()) };
        let Some(time) = self.time else { return Err("it bears no time".into()) };
        if self.for_one && self.node.is_none() {
            return Err("its node is no name".into());
        }
        let kind = match self.kind.as_deref() {
            Some("ack-paths") => OrderKind::AckPaths { paths: self.paths },
            Some("retire") => OrderKind::Retire,
            Some("forget") => OrderKind::Forget,
            Some(other) => return Err(format!("its kind {other:?} is not known")),
            None => return Err("it has no kind".into()),
        };
        Ok(Order { id, kind, wwid, node: self.node, by: self.by.unwrap_or_default(), time })
    }
}

fn read_order(scan: &mut Scanner<'_>) -> Read<RawOrder> {
    let mut order = RawOrder::default();
    members(scan, |key, scan| {
        match key {
            "id" => order.id = text(scan)?,
            "kind" => order.kind = text(scan)?,
            "wwid" => order.wwid = text(scan)?.as_deref().and_then(Wwid::new),
            "node" => {
                order.for_one = true;
                order.node = text(scan)?.as_deref().and_then(NodeName::new);
            }
            "by" => order.by = text(scan)?,
            "time" => order.time = epoch(scan)?,
            "paths" => {
                order.paths.clear();
                members(scan, |node, scan| {
                    let n = small(scan)?;
                    if let (Some(node), Some(n)) = (NodeName::new(node), n)
                        && node.as_str().len() <= TEXT_BYTES_MAX
                        && order.paths.len() < NODES_MAX
                    {
                        order.paths.insert(node, n);
                    }
                    Ok(())
                })?;
            }
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    Ok(order)
}
