//! LUNs as tests have them.

use pathkeeper_api::discover::AskedNode;
use pathkeeper_api::luns::{Lun, LunOn, Luns, Order, PortPaths, Remembered};
use pathkeeper_api::status::{Cell, LunRow};

use crate::cli::fixtures::view;

/// A LUN that the status knows, on no node.
pub fn lun(wwid: &str, alias: Option<&str>) -> Lun {
    let row = LunRow {
        wwid: wwid.into(),
        alias: alias.map(str::to_owned),
        size: Some(1 << 40),
        cluster_state: "optimal".into(),
        ..row()
    };
    Lun { wwid: wwid.into(), status: Some(row), array: vec!["50:0a".into()], ..Lun::default() }
}

fn row() -> LunRow {
    serde_json::from_str(r#"{"wwid":"w","cluster-state":"optimal","nodes":{}}"#).unwrap()
}

/// The LUN on a node: its state there, usable paths, and how many are remembered.
pub fn with(mut lun: Lun, node: &str, state: &str, active: Option<u32>, remembered: Option<u32>) -> Lun {
    let cell = Cell {
        state: state.into(),
        paths_active: active.map(Some),
        paths_total: active.map(Some),
        paths_expected: remembered,
        transport: Some("fc".into()),
        causes: Vec::new(),
        unexplained: None,
        flapping: false,
        queueing: false,
        other_size: false,
    };
    let row = lun.status.as_mut().unwrap();
    row.nodes.insert(node.into(), cell);
    let port = |n: u32| PortPaths {
        adapter: format!("21:00:00:24:ff:4a:11:0{n}"),
        target: "50:0a:09:81:86:77:a5:00".into(),
        paths: 1,
    };
    let ledger = remembered.map(|paths| Remembered {
        since: view().now - 40 * 86_400,
        seen: view().now - 3600,
        paths,
        vg: Some("prod".into()),
        ports: (0..paths).map(port).collect(),
    });
    lun.nodes.insert(node.into(), LunOn { size: active.map(|_| 1 << 40), ledger });
    lun
}

/// An order that one node obeyed and another did not.
pub fn order(kind: &str, node: Option<&str>) -> Order {
    Order {
        id: "00c0ffee00c0ffee".into(),
        kind: kind.into(),
        node: node.map(str::to_owned),
        by: "root@pam".into(),
        time: view().now - 600,
        paths: Default::default(),
        obeyed: vec!["pve1".into()],
        waiting: vec!["pve2".into()],
    }
}

/// All of them, seen from two nodes.
pub fn luns(luns: Vec<Lun>) -> Luns {
    let node = |name: &str| AskedNode {
        node: name.into(),
        detail: "published".into(),
        age_s: Some(3),
        current: true,
        why: None,
    };
    Luns { made: view().now, luns, nodes: vec![node("pve1"), node("pve2")], problems: vec![], digest: None }
}
