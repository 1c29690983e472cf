//! Expectations in the cluster's picture: documents, ledgers and details in, cells and findings out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;

use pathkeeper_engine::cluster::{Cluster, ClusterConfig, ClusterEvent};
use pathkeeper_model::detail::{Head, detail_key, encode as encode_detail};
use pathkeeper_model::ledger::{Ledger, Lun, VgMark};
use pathkeeper_model::local::{Daemon, Map, NodeRead, Pv};
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::orders::{Order, OrderKind, Orders};
use pathkeeper_model::report::{Stamp, encode, part_key};
use pathkeeper_model::storage_cfg::StorageCfg;
use pathkeeper_model::{Entry, EpochS, Instance, MonoMs, NodeName, Now, State, Wwid};

const WALL: i64 = 1_783_082_400;

struct Lab {
    cluster: Cluster,
    ms: u64,
    seq: u64,
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

const SAN: &str = "lvm: san\n\tvgname vg0\n\tshared 1\n";

impl Lab {
    fn new(members: &[(&str, bool)]) -> Self {
        let config = ClusterConfig { observer: name("a"), failover_worst_ms: 0 };
        let cluster = Cluster::new(config, Now { mono: MonoMs(0), wall: EpochS(WALL) });
        let mut lab = Self { cluster, ms: 0, seq: 0 };
        lab.members(members);
        lab.apply(ClusterEvent::Listed);
        lab
    }

    fn apply(&mut self, event: ClusterEvent) {
        let now = Now { mono: MonoMs(self.ms), wall: EpochS(WALL + (self.ms / 1000) as i64) };
        self.cluster.apply(event, now);
    }

    fn members(&mut self, list: &[(&str, bool)]) {
        let nodes = list.iter().map(|(n, online)| (name(n), *online)).collect();
        self.apply(ClusterEvent::Members { nodes, doubt: None });
    }

    fn value(&mut self, node: &str, key: String, bytes: Option<&[u8]>) {
        let bytes = bytes.map(<[u8]>::to_vec);
        self.apply(ClusterEvent::Value { writer: name(node), key, bytes });
    }

    /// A report with these LUNs, all well, and a detail: `w1=vg0` is a map with a volume group, `w1` one without, `led:w1=vg0`
    /// is in the ledger alone; what has a map is in the ledger too.
    fn tell(&mut self, node: &str, text: &str) {
        self.seq += 1;
        let instance = Instance(u64::from(node.as_bytes()[0]));
        let stamp = Stamp { instance, seq: self.seq };
        let time = EpochS(WALL + (self.ms / 1000) as i64);
        let mut read = NodeRead::empty(time, Daemon::Answering { pid: None });
        let mut ledger = Ledger::default();
        let mut entries = Vec::new();
        for word in text.split_whitespace() {
            let (rest, map) = word.strip_prefix("led:").map_or((word, true), |rest| (rest, false));
            let (lun, vg) = rest.split_once('=').map_or((rest, None), |(lun, vg)| (lun, Some(vg)));
            let uuid = vg.map(|vg| format!("uuid-{vg}"));
            let mark = vg.map(|vg| VgMark { name: vg.into(), uuid: uuid.clone() });
            let since = EpochS(WALL - 1_000);
            ledger.luns.insert(wwid(lun), Lun { since, seen: time, ports: Vec::new(), vg: mark });
            if map {
                let pv =
                    Pv { uuid: Some(format!("pv-{lun}")), vg_name: vg.map(str::to_owned), vg_uuid: uuid };
                let pvs = vg.map(|_| pv).into_iter().collect();
                read.maps.push(Map { pvs, ..Map::unknown(lun, wwid(lun)) });
                let paths_total = Some(2);
                entries.push((wwid(lun), Entry { paths_total, ..Entry::of(State::Optimal) }));
            }
        }
        let parts = encode(stamp, time, entries.iter().map(|(w, e)| (w, e))).parts;
        self.value(node, part_key(1), Some(&parts[0]));
        let head = Head { node: name(node), stamp, time };
        let parts = encode_detail(&head, &read, Some(&ledger)).unwrap();
        self.value(node, detail_key(1), Some(&parts[0]));
    }

    fn storages(&mut self, text: Option<&str>) {
        self.apply(ClusterEvent::StorageCfg(text.map(|text| StorageCfg::parse(text.as_bytes()))));
    }

    fn config(&mut self, text: Option<&str>) {
        self.apply(ClusterEvent::Config(Reading::parse(text.map(str::as_bytes))));
    }

    fn retire(&mut self, lun: &str) {
        let (wwid, by) = (wwid(lun), "root@pam".to_owned());
        let order =
            Order { id: "1".into(), kind: OrderKind::Retire, wwid, node: None, by, time: EpochS(WALL) };
        self.apply(ClusterEvent::Orders(Orders { entries: vec![order] }));
    }

    /// `w1 missing a=optimal b=missing by Storages(["san"])`; the alias stands in the WWID's place.
    fn rows(&self) -> Vec<String> {
        let row = |row: pathkeeper_model::matrix::RowRef<'_>| {
            let cells: Vec<String> = row.cells().map(|(n, c)| format!(" {n}={}", c.state)).collect();
            let of = self.cluster.expectations().of(row.wwid());
            let by = of.map(|of| of.by.iter().map(|by| format!(" by {by:?}")).collect::<String>());
            let label = row.alias().unwrap_or(row.wwid().as_str());
            format!("{label} {}{}{}", row.cluster_state(), cells.concat(), by.unwrap_or_default())
        };
        self.cluster.matrix().rows().map(row).collect()
    }

    /// What is wrong with LUNs on single nodes has tests of its own.
    fn codes(&self) -> Vec<String> {
        let code = |f: &pathkeeper_model::finding::Finding| {
            let scope = &f.scope;
            let wwid = scope.wwid.as_ref().map(Wwid::as_str);
            let about = scope.object.as_deref().or(wwid).or(scope.node.as_ref().map(NodeName::as_str));
            format!("{} {}", f.code.as_str(), about.unwrap_or_default())
        };
        let found = self.cluster.findings().iter();
        found.filter(|f| f.scope.node.is_none() || f.scope.wwid.is_none()).map(code).collect()
    }
}

/// Three nodes; a and b carry vg0 on w1, c does not.
fn three() -> Lab {
    let mut lab = Lab::new(&[("a", true), ("b", true), ("c", true)]);
    lab.tell("a", "w1=vg0");
    lab.tell("b", "w1=vg0");
    lab.tell("c", "");
    lab
}

const BY_LEDGER: &str = "by Ledger(EpochS(1783081400))";

#[test]
fn a_storage_makes_the_node_that_never_had_its_lun_missing() {
    let mut lab = three();
    assert_eq!(lab.rows(), [format!("w1 optimal a=optimal b=optimal {BY_LEDGER}")]);
    lab.cluster.take_changes();
    lab.storages(Some(SAN));
    assert_eq!(lab.rows(), [r#"w1 missing a=optimal b=optimal c=missing by Storages(["san"])"#]);
    let row = lab.cluster.matrix().row_of(&wwid("w1")).unwrap();
    assert_eq!((row.used_by(), row.allowed()), (Some("san"), None));
    assert_eq!(lab.cluster.take_changes().rows.len(), 1);
    // To the same nodes for another reason: nobody's cell changes, and the row is told of.
    lab.config(Some("wwid: w1\n\tnodes a,b,c\n\talias one\n"));
    assert_eq!(lab.rows(), ["one missing a=optimal b=optimal c=missing by Nodes"]);
    assert_eq!(lab.cluster.take_changes().rows.len(), 1);
    assert!(lab.codes().is_empty(), "{:?}", lab.codes());
}

#[test]
fn what_is_taken_off_leaves_the_ledger() {
    let mut lab = three();
    lab.storages(Some(SAN));
    lab.tell("b", "led:w1=vg0");
    let by_ledger = || [format!("w1 missing a=optimal b=missing {BY_LEDGER}")];
    for (off, code) in [
        (Some("lvm: san\n\tvgname vg0\n\tshared 1\n\tdisable\n"), &["STORAGE_NOBODY san"][..]),
        (Some(""), &[]),
        (None, &["CONFIG_ABSENT storage.cfg"]),
    ] {
        lab.storages(Some(SAN));
        assert_eq!(lab.rows(), [r#"w1 missing a=optimal b=missing c=missing by Storages(["san"])"#]);
        lab.storages(off);
        assert_eq!(lab.rows(), by_ledger(), "{off:?}");
        assert_eq!(lab.codes(), code, "{off:?}");
    }
    lab.retire("w1");
    assert_eq!(lab.rows(), ["w1 optimal a=optimal"]);
    assert_eq!(lab.codes(), ["CONFIG_ABSENT storage.cfg", "LUN_STILL_VISIBLE w1"]);
}

#[test]
fn a_group_that_nobody_sees_any_more_keeps_its_lun() {
    let mut lab = three();
    lab.storages(Some(SAN));
    lab.tell("a", "led:w1=vg0");
    lab.tell("b", "led:w1=vg0");
    assert_eq!(lab.rows(), [r#"w1 missing a=missing b=missing c=missing by Storages(["san"])"#]);
    assert!(
        lab.codes().is_empty(),
        "a storage names it, so it is missing and not forgotten: {:?}",
        lab.codes()
    );
    lab.storages(Some(""));
    assert_eq!(lab.rows(), [format!("w1 missing a=missing b=missing {BY_LEDGER}")]);
    assert_eq!(lab.codes(), ["LUN_GONE w1"]);
}

#[test]
fn a_silent_node_is_one_finding_whatever_it_should_carry() {
    let mut lab = three();
    lab.members(&[("a", true), ("b", true), ("c", true), ("d", true)]);
    lab.tell("a", "w1=vg0 w2=vg0 w3=vg0");
    lab.storages(Some(SAN));
    assert_eq!(lab.codes(), ["NODE_SILENT d"]);
    let of_d = lab.cluster.findings().iter().filter(|f| f.scope.node == Some(name("d")));
    let summaries: Vec<&str> = of_d.map(|f| f.summary.as_str()).collect();
    assert_eq!(summaries, ["d is online and should carry 3 LUNs, and no agent of it has reported"]);
}

#[test]
fn a_list_that_cannot_be_believed_takes_no_node_off() {
    let mut lab = three();
    lab.storages(Some(SAN));
    let before = lab.rows();
    let doubt = || Some(("no quorum".to_owned(), EpochS(WALL)));
    lab.apply(ClusterEvent::Members { nodes: BTreeMap::new(), doubt: doubt() });
    assert_eq!(lab.rows(), before, "c still reports, and still lacks it");
    lab.members(&[("a", true), ("b", true)]);
    assert_eq!(lab.rows(), [r#"w1 optimal a=optimal b=optimal by Storages(["san"])"#]);
}

#[test]
fn a_document_that_is_no_instruction_changes_nothing() {
    let mut lab = three();
    let row = || lab_row(&["w1"]);
    fn lab_row(allowed: &[&str]) -> Vec<(String, Option<bool>)> {
        ["w1"].iter().map(|w| ((*w).to_owned(), Some(allowed.contains(w)))).collect()
    }
    let allowed = |lab: &Lab| -> Vec<(String, Option<bool>)> {
        lab.cluster.matrix().rows().map(|row| (row.wwid().to_string(), row.allowed())).collect()
    };
    lab.config(None);
    assert_eq!(allowed(&lab), lab_row(&[]), "nothing is allowed, and w1 is watched");
    assert!(lab.codes().is_empty(), "it was never there");
    lab.config(Some("wwid: w1\n\tnodes c\n"));
    let expect = ["w1 missing a=optimal b=optimal c=missing by Nodes"];
    assert_eq!((lab.rows(), allowed(&lab)), (expect.map(str::to_owned).to_vec(), row()));
    for (text, code) in [
        (Some("wwid: w1\n\texpected-paths many\n"), "CONFIG_INVALID multipath.cfg"),
        (Some(""), "CONFIG_ABSENT multipath.cfg"),
        (None, "CONFIG_ABSENT multipath.cfg"),
    ] {
        lab.config(text);
        assert_eq!(lab.rows(), expect, "{text:?}");
        assert_eq!((lab.codes(), allowed(&lab)), (vec![code.to_owned()], row()), "{text:?}");
    }
    lab.config(Some("wwid: w1\n"));
    assert_eq!(lab.rows(), [format!("w1 optimal a=optimal b=optimal {BY_LEDGER}")]);
    assert!(lab.codes().is_empty());
}

#[test]
fn a_detail_that_cannot_be_read_leaves_what_the_one_before_said() {
    let mut lab = three();
    lab.storages(Some(SAN));
    let before = lab.rows();
    let rubbish = br#"{"v":1,"node":"a","instance":"0000000000000061","seq":99,"time":1783082400,"part":1,"parts":1,"data":"AAAA"}"#;
    lab.value("a", detail_key(1), Some(rubbish));
    assert_eq!(lab.rows(), before);
    assert_eq!(lab.codes(), ["REPORT_MALFORMED multipath-detail"]);
    lab.value("a", detail_key(1), None);
    assert_eq!(lab.rows(), before, "nor does one that was cleared");
}

#[test]
fn a_node_that_a_person_removed_is_expected_no_more() {
    let mut lab = three();
    lab.members(&[("a", true), ("c", true)]);
    assert_eq!(lab.rows(), [format!("w1 optimal a=optimal b=unknown {BY_LEDGER}")]);
    lab.value("b", part_key(1), None);
    assert_eq!(lab.rows(), [format!("w1 optimal a=optimal {BY_LEDGER}")]);
}
