//! Section 6 of the contract word for word: slow, plain, and independent of what it checks.
#![allow(clippy::expect_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_model::{Entry, State};
use serde::Serialize;

/// The fold's inputs.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    pub allow: BTreeSet<String>,
    pub aliases: BTreeMap<String, String>,
    pub used_by: BTreeMap<String, String>,
    pub reports: BTreeMap<String, BTreeMap<String, Entry>>,
    pub online: BTreeMap<String, bool>,
    pub expected: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Serialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    pub cluster_state: &'static str,
    pub nodes: BTreeMap<String, Cell>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_by: Option<String>,
    pub wwid: String,
}

#[derive(Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum Cell {
    Spoken(Spoken),
    Silent { state: &'static str },
}

#[derive(Serialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Spoken {
    pub paths_active: Option<u32>,
    pub paths_total: Option<u32>,
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
}

/// The rows.
pub fn fold(inputs: &Inputs) -> Vec<Row> {
    let mut wwids: BTreeSet<&String> = inputs.allow.iter().collect();
    wwids.extend(inputs.reports.values().flat_map(|report| report.keys()));
    wwids.into_iter().map(|wwid| row(inputs, wwid)).collect()
}

/// The rows as they are printed.
pub fn json(inputs: &Inputs) -> String {
    serde_json::to_string(&fold(inputs)).expect("plain data")
}

fn row(inputs: &Inputs, wwid: &String) -> Row {
    let online = |node: &String| inputs.online.get(node).copied().unwrap_or(false);

    // 1. Expected set.
    let expected: BTreeSet<&String> = if !inputs.allow.contains(wwid) {
        BTreeSet::new()
    } else {
        match inputs.expected.get(wwid) {
            Some(nodes) if !nodes.is_empty() => nodes.iter().collect(),
            _ => inputs.reports.keys().filter(|node| online(node)).collect(),
        }
    };

    let mut nodes = BTreeMap::new();
    let mut ranks = Vec::new();
    let mut voice = false;
    let mut size = None;
    let silent = |state: State| Cell::Silent { state: state.as_str() };

    // 2. Each node that has a report.
    for (node, report) in &inputs.reports {
        match (online(node), report.get(wwid)) {
            (false, Some(_)) => {
                nodes.insert(node.clone(), silent(State::Unknown));
            }
            (true, Some(entry)) => {
                nodes.insert(
                    node.clone(),
                    Cell::Spoken(Spoken {
                        paths_active: entry.paths_active,
                        paths_total: entry.paths_total,
                        state: entry.state.as_str(),
                        transport: entry.transport.as_ref().map(|t| t.as_str().to_owned()),
                    }),
                );
                ranks.push(entry.state.rank());
                voice |= entry.state != State::Unknown;
                size = size.or(entry.size_bytes); // 4.
            }
            (true, None) if expected.contains(node) => {
                nodes.insert(node.clone(), silent(State::Missing));
                ranks.push(State::Missing.rank());
                voice = true;
            }
            _ => {}
        }
    }

    // 3. Each expected node that has no cell yet.
    for node in expected {
        if nodes.contains_key(node) {
            continue;
        }
        if online(node) {
            nodes.insert(node.clone(), silent(State::Missing));
            ranks.push(State::Missing.rank());
            voice = true;
        } else {
            nodes.insert(node.clone(), silent(State::Unknown));
        }
    }

    // 5.
    let worst = ranks.into_iter().max().unwrap_or(0).max(0);
    let state =
        if voice { *State::ALL.iter().find(|s| s.rank() == worst).expect("a rank") } else { State::Unknown };
    Row {
        alias: inputs.aliases.get(wwid).cloned(),
        cluster_state: state.as_str(),
        nodes,
        size,
        used_by: inputs.used_by.get(wwid).cloned(),
        wwid: wwid.clone(),
    }
}
