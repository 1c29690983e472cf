//! What our own agent says, read from its API's JSON by the names that are promised on the wire.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::views::{Maps, PathWords};

/// Status and the node's maps, asked in this order.
pub const STATUS: &str = "/api2/json/cluster/multipath/status";
/// The node's own maps.
pub const DISKS: &str = "/api2/json/nodes/localhost/disks/multipath";

/// The agent's answers of one moment.
#[derive(Debug)]
pub struct Report {
    /// Rows by WWID.
    pub rows: BTreeMap<String, Row>,
    /// How multipathd answered, the agent's word.
    pub multipathd: String,
    /// `multipathd` or `kernel`.
    pub source: String,
    /// The node's maps with the words of each path, and multipathd's word for queueing.
    pub maps: BTreeMap<String, NodeMap>,
}

/// One row of the status.
#[derive(Debug)]
pub struct Row {
    /// The cluster's state of the LUN.
    pub cluster_state: String,
    /// The node's cell: state, usable paths, paths.
    pub cell: (String, Option<u64>, Option<u64>),
}

/// One map of the node.
#[derive(Debug)]
pub struct NodeMap {
    /// State as the node judges it.
    pub state: String,
    /// `off`, `on`, `16 sec`…
    pub queueing: String,
    /// The words of each path and whether the agent calls it usable.
    pub paths: BTreeMap<String, (PathWords, bool)>,
}

impl Report {
    /// Reads the two bodies; the cells are `node`'s.
    pub fn parse(node: &str, status: &str, disks: &str) -> Result<Self> {
        let status: Value =
            serde_json::from_str(status).with_context(|| format!("status is no JSON: {status}"))?;
        let disks: Value =
            serde_json::from_str(disks).with_context(|| format!("disks is no JSON: {disks}"))?;
        let (status, disks) = (&status["data"], &disks["data"]);
        let mut rows = BTreeMap::new();
        for row in status["luns"].as_array().context("the status has no data.luns")? {
            let cell = &row["nodes"][node];
            let counts = (cell["paths-active"].as_u64(), cell["paths-total"].as_u64());
            let cell = (text(&cell["state"]), counts.0, counts.1);
            rows.insert(text(&row["wwid"]), Row { cluster_state: text(&row["cluster-state"]), cell });
        }
        let mut maps = BTreeMap::new();
        for map in disks["maps"].as_array().context("the disks have no data.maps")? {
            let groups = map["groups"].as_array().context("a map without groups")?;
            let paths = groups.iter().filter_map(|group| group["paths"].as_array()).flatten();
            let paths = paths.map(|path| {
                let words = PathWords {
                    dm: text(&path["dm-state"]),
                    check: Some(text(&path["check-state"])),
                    device: Some(text(&path["dev-state"])),
                };
                (text(&path["dev-t"]), (words, path["usable"] == true))
            });
            let paths = paths.collect();
            maps.insert(
                text(&map["wwid"]),
                NodeMap { state: text(&map["state"]), queueing: text(&map["queueing"]), paths },
            );
        }
        Ok(Self { rows, multipathd: text(&disks["multipathd"]), source: text(&disks["source"]), maps })
    }

    /// Holds the row against what `multipath -ll` says while multipathd answers: state, counts and every word.
    pub fn agrees(&self, wwid: &str, state: &str, listing: &Maps) -> Result<()> {
        let said = listing.get(wwid).with_context(|| format!("multipath -ll has no map {wwid}"))?;
        let usable = said.paths.values().filter(|path| path.usable()).count() as u64;
        self.row_is(wwid, state, Some(usable), Some(said.paths.len() as u64))?;
        ensure!(self.multipathd == "running", "multipathd runs, and the agent says {:?}", self.multipathd);
        ensure!(self.source == "multipathd", "the maps are told by {:?}", self.source);
        let map = self.maps.get(wwid).with_context(|| format!("the node's maps are without {wwid}"))?;
        ensure!(map.state == state, "the node calls its map {:?}, not {state:?}", map.state);
        let words: BTreeMap<_, _> =
            said.paths.iter().map(|(dev, words)| (dev.clone(), (words.clone(), words.usable()))).collect();
        ensure!(map.paths == words, "paths differ: the agent says {:?}, multipath -ll {words:?}", map.paths);
        Ok(())
    }

    /// Holds the row against what the kernel alone proves: multipathd is not there to ask.
    pub fn proves(&self, wwid: &str, state: &str, kernel: &Maps) -> Result<()> {
        let said = kernel.get(wwid).with_context(|| format!("dmsetup has no map {wwid}"))?;
        let active = said.paths.values().filter(|path| path.dm == "active").count() as u64;
        ensure!(state != "optimal", "without multipathd nothing is proven optimal");
        self.row_is(wwid, state, Some(active), Some(said.paths.len() as u64))?;
        ensure!(self.source == "kernel", "the maps are told by {:?}", self.source);
        Ok(())
    }

    fn row_is(&self, wwid: &str, state: &str, active: Option<u64>, total: Option<u64>) -> Result<()> {
        let row = self.rows.get(wwid).with_context(|| format!("the status has no row {wwid}"))?;
        let want = (state.to_owned(), active, total);
        ensure!(
            row.cluster_state == state,
            "{wwid} is {:?} in the cluster, not {state:?}",
            row.cluster_state
        );
        ensure!(row.cell == want, "the cell of {wwid} says {:?}, the witnesses {want:?}", row.cell);
        Ok(())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
