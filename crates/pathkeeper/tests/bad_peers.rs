//! Peers that write what they should not: a real app on a real store, and beside it other nodes' values put by hand.
//! Whatever comes, the cells of the good nodes stay right, and what is bad can be seen.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client};
use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::{Cell, ClusterStatus, Finding};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::{Hub, HubStore};
use pathkeeper_io::store::{Key, Store, VALUE_BYTES_MAX};
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::report::{Stamp, encode, part_key};
use pathkeeper_model::{Entry, EpochS, Instance, NodeName, State, Transport, Wwid};
use tokio::sync::mpsc;

/// How long a condition may take to come true on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

/// A node without maps of its own, so that all that is seen comes from peers.
struct NoMaps;

impl Look for NoMaps {
    fn read(&mut self, _: Depth) -> NodeRead {
        NodeRead::empty(EpochS(wall()), Daemon::Answering { pid: None })
    }
    fn probe(&mut self) -> bool {
        true
    }
}

fn wall() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

fn entry(state: State, active: u32) -> Entry {
    Entry {
        state,
        paths_active: Some(active),
        paths_total: Some(4),
        paths_expected: None,
        transport: Some(Transport::Fc),
        size_bytes: Some(1 << 40),
    }
}

/// One who observes, and its API.
struct Observer {
    _app: App,
    client: Client,
}

impl Observer {
    async fn new(hub: &Hub, name: &str) -> Self {
        let config = AppConfig {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            ..AppConfig::new(
                random_instance().unwrap(),
                NodeFacts { mode: "observe".into(), ..NodeFacts::default() },
            )
        };
        let store = Arc::new(hub.node(&node(name)));
        let app = App::start(config, store, Arc::new(|| Box::new(NoMaps)), mpsc::channel(1).1).await.unwrap();
        let address = Address::Tcp(app.address.unwrap().to_string());
        Self { _app: app, client: Client::new(address, LIMIT) }
    }

    async fn status(&self) -> ClusterStatus {
        self.client.status("").await.unwrap()
    }

    /// What the list of nodes says of one.
    async fn row(&self, name: &str) -> NodeRow {
        let nodes = self.client.nodes().await.unwrap();
        nodes.into_iter().find(|row| row.node == name).unwrap_or_else(|| panic!("no node {name:?}"))
    }

    /// Polls until the status is as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&ClusterStatus) -> bool) -> ClusterStatus {
        let began = Instant::now();
        loop {
            // 503 until the first list.
            let status = self.client.status("").await;
            match status {
                Ok(status) if wanted(&status) => return status,
                status => assert!(began.elapsed() < LIMIT, "never came true: {what}: {status:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Polls until the list of nodes says this of one.
    async fn until_row(&self, name: &str, what: &str, wanted: impl Fn(&NodeRow) -> bool) -> NodeRow {
        let began = Instant::now();
        loop {
            let row = self.row(name).await;
            if wanted(&row) {
                return row;
            }
            assert!(began.elapsed() < LIMIT, "never came true: {what}: {row:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A node's findings, without those about its LUNs.
    async fn findings(&self, name: &str) -> Vec<Finding> {
        let findings = self.status().await.findings;
        findings
            .into_iter()
            .filter(|f| f.scope.node.as_deref() == Some(name) && f.scope.wwid.is_none())
            .collect()
    }

    async fn finding(&self, name: &str, code: &str) -> Finding {
        let all = self.findings(name).await;
        let found = all.iter().find(|f| f.code == code);
        found.unwrap_or_else(|| panic!("no {code} of {name} in {all:?}")).clone()
    }
}

/// A peer that is driven by hand.
struct Peer {
    store: HubStore,
    instance: u64,
    seq: u64,
}

impl Peer {
    fn new(hub: &Hub, name: &str, instance: u64) -> Self {
        Self { store: hub.node(&node(name)), instance, seq: 0 }
    }

    async fn put(&self, key: &str, bytes: impl Into<Bytes>) {
        self.store.put(Key::new(key).unwrap(), bytes.into()).await.unwrap();
    }

    /// The parts of the next report, not yet put.
    fn next(&mut self, entries: &[(Wwid, Entry)]) -> Vec<Vec<u8>> {
        self.seq += 1;
        let stamp = Stamp { instance: Instance(self.instance), seq: self.seq };
        encode(stamp, EpochS(wall()), entries.iter().map(|(w, e)| (w, e))).parts
    }

    async fn put_part(&self, parts: &[Vec<u8>], part: usize) {
        self.put(&part_key(part as u32), parts[part - 1].clone()).await;
    }

    /// A report as an agent writes it: the last part first.
    async fn report(&mut self, entries: &[(Wwid, Entry)]) {
        let parts = self.next(entries);
        for part in (1..=parts.len()).rev() {
            self.put_part(&parts, part).await;
        }
    }

    async fn says(&mut self, maps: &[(&str, State, u32)]) {
        let entries: Vec<_> = maps.iter().map(|(w, s, n)| (wwid(w), entry(*s, *n))).collect();
        self.report(&entries).await;
    }
}

/// One cell as it must be: state and usable paths.
type Want = (&'static str, Option<u32>);

/// An observer, two good peers and a hub for the bad ones.
struct Lab {
    hub: Hub,
    eye: Observer,
    good: [Peer; 2],
    told: u32,
    _dir: tempfile::TempDir,
}

/// What the good peers say, and after it a LUN whose paths count what was told: when it shows, all that was put before
/// has been taken in, for hints come in order.
const GOOD: [(&str, State, u32); 3] =
    [("w1", State::Optimal, 4), ("w2", State::Degraded, 3), ("w3", State::Failed, 0)];

impl Lab {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(dir.path()).unwrap();
        let eye = Observer::new(&hub, "eye").await;
        let good = [Peer::new(&hub, "good1", 0xa1), Peer::new(&hub, "good2", 0xa2)];
        let mut lab = Self { hub, eye, good, told: 0, _dir: dir };
        lab.settle().await;
        lab
    }

    fn peer(&self, name: &str, instance: u64) -> Peer {
        Peer::new(&self.hub, name, instance)
    }

    /// Waits until the observer has taken in what was put so far, then holds the good nodes' cells against what
    /// their peers said.
    async fn settle(&mut self) -> ClusterStatus {
        self.told += 1;
        let told = self.told;
        for peer in &mut self.good {
            let mut maps = GOOD.to_vec();
            maps.push(("told", State::Optimal, told));
            peer.says(&maps).await;
        }
        let shows = |status: &ClusterStatus, name: &str| {
            let row = status.luns.iter().find(|row| row.wwid == "told");
            row.and_then(|row| row.nodes.get(name)).and_then(|cell| cell.paths_active.flatten()) == Some(told)
        };
        let status = self
            .eye
            .until("the good nodes' last word", |status| shows(status, "good1") && shows(status, "good2"))
            .await;
        for name in ["good1", "good2"] {
            assert_eq!(self.eye.row(name).await.report, "fresh", "{name}");
            for (wwid, state, active) in GOOD {
                assert_eq!(cell(&status, wwid, name), Some((state.as_str().to_owned(), Some(active))));
            }
            let cells = status.luns.iter().filter(|row| row.nodes.contains_key(name)).count();
            assert_eq!(cells, GOOD.len() + 1, "{name} has a cell that it never spoke of");
            // What lay in the queue behind 10,000 LUNs of others on a busy machine looks like a clock that is late.
            let of_it = status.findings.iter().find(|f| {
                f.scope.node.as_deref() == Some(name) && f.scope.wwid.is_none() && f.code != "NODE_CLOCK_SKEW"
            });
            assert_eq!(of_it, None, "a good node is blamed");
        }
        status
    }

    /// The bad node's cells by LUN.
    async fn cells(&self, name: &str) -> BTreeMap<String, Cell> {
        let status = self.eye.status().await;
        let of =
            |row: &pathkeeper_api::status::LunRow| Some((row.wwid.clone(), row.nodes.get(name)?.clone()));
        status.luns.iter().filter_map(of).collect()
    }

    async fn is(&self, name: &str, wwid: &str, want: Want) {
        let found = cell(&self.eye.status().await, wwid, name);
        assert_eq!(found, Some((want.0.to_owned(), want.1)), "{wwid} on {name}");
    }
}

fn cell(status: &ClusterStatus, wwid: &str, node: &str) -> Option<(String, Option<u32>)> {
    let row = status.luns.iter().find(|row| row.wwid == wwid)?;
    row.nodes.get(node).map(|cell| (cell.state.clone(), cell.paths_active.flatten()))
}

fn cluster_state<'a>(status: &'a ClusterStatus, wwid: &str) -> &'a str {
    &status.luns.iter().find(|row| row.wwid == wwid).unwrap().cluster_state
}

/// A list of that many LUNs.
fn luns(n: usize, state: State) -> Vec<(Wwid, Entry)> {
    (0..n).map(|i| (wwid(&format!("3600a0980{i:024}")), entry(state, 4))).collect()
}

#[tokio::test]
async fn a_value_that_is_rubbish_makes_its_node_unknown_and_nobody_else() {
    let mut lab = Lab::new().await;
    let mut bad = lab.peer("bad", 0xbad);
    let whole = bad.next(&luns(100, State::Optimal)).remove(0);
    let bytes: Vec<u8> = (1..=255).cycle().take(20_000).collect();
    let deep = |n: usize| vec![b'['; n];
    let head = r#"{"maps":{},"time":1783082400,"instance":"0000000000000bad","seq":9"#;
    let rubbish: Vec<(&str, Vec<u8>)> = vec![
        ("bytes", bytes),
        ("no UTF-8", b"{\"maps\":{\"\xff\xfe\":{}}}".to_vec()),
        ("UTF-16", "{\"maps\":{}}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("nothing", vec![]),
        ("a NUL", vec![0; 100]),
        ("white space", vec![b' '; 32_000]),
        ("no JSON", b"the report".to_vec()),
        ("a number", b"7".to_vec()),
        ("a text", b"\"maps\"".to_vec()),
        ("null", b"null".to_vec()),
        ("a list", b"[{\"maps\":{}}]".to_vec()),
        ("no maps", b"{}".to_vec()),
        ("maps is a list", b"{\"maps\":[]}".to_vec()),
        ("maps is null", b"{\"maps\":null}".to_vec()),
        ("deep lists", deep(VALUE_BYTES_MAX)),
        ("deep lists in an entry", [br#"{"maps":{"w1":"#.to_vec(), deep(32_000)].concat()),
        ("deep objects", br#"{"a":"#.repeat(6_000)),
        ("cut off", whole[..whole.len() / 2].to_vec()),
        ("twice", [whole.clone(), whole.clone()].concat()),
        ("part 0", format!("{head},\"part\":0}}").into_bytes()),
        ("part 2 of 1", format!("{head},\"part\":2,\"parts\":1}}").into_bytes()),
        ("more parts than there are", format!("{head},\"part\":1,\"parts\":4097}}").into_bytes()),
        ("half a part", format!("{head},\"part\":1.5,\"parts\":2}}").into_bytes()),
        ("parts of nobody", br#"{"maps":{},"part":1,"parts":2}"#.to_vec()),
        ("the value of another key", format!("{head},\"part\":2,\"parts\":2}}").into_bytes()),
    ];
    for (what, value) in rubbish {
        bad.says(&[("w1", State::Failed, 0), ("only-here", State::Optimal, 4)]).await;
        lab.settle().await;
        lab.is("bad", "w1", ("failed", Some(0))).await;
        assert_eq!(lab.eye.row("bad").await.report, "fresh", "{what}");

        bad.put("multipath", value).await;
        let status = lab.settle().await;
        let row = lab.eye.until_row("bad", what, |row| row.report == "unusable").await;
        assert!(row.report_why.is_some_and(|why| why.len() > 10), "{what}: no reason is given");
        assert!(!lab.eye.finding("bad", "REPORT_MALFORMED").await.evidence.is_empty(), "{what}");
        lab.is("bad", "w1", ("unknown", None)).await;
        lab.is("bad", "only-here", ("unknown", None)).await;
        assert_eq!(cluster_state(&status, "w1"), "optimal", "{what}: two good nodes say so");
        assert!(
            !status.luns.iter().find(|row| row.wwid == "w1").unwrap().is_clean(),
            "{what}: it is in doubt"
        );
    }
    bad.says(&[("w1", State::Optimal, 4)]).await;
    lab.settle().await;
    assert_eq!(lab.eye.row("bad").await.report, "fresh");
    assert_eq!(lab.eye.findings("bad").await, []);
}

#[tokio::test]
async fn entries_that_are_rubbish_cost_themselves_only() {
    let mut lab = Lab::new().await;
    let bad = lab.peer("bad", 0xbad);
    let long = "x".repeat(300);
    let entries = [
        ("e-list", "[]".to_owned()),
        ("e-null", "null".to_owned()),
        ("e-deep", format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))),
        ("e-empty", "{}".to_owned()),
        ("e-state", r#"{"state":5,"paths-active":2,"paths-total":2}"#.to_owned()),
        ("e-word", r#"{"state":"OPTIMAL","paths-active":2,"paths-total":2}"#.to_owned()),
    ];
    let counts = [
        ("c-text", r#"{"state":"optimal","paths-active":"many","paths-total":2}"#.to_owned()),
        ("c-minus", r#"{"state":"optimal","paths-active":-1,"paths-total":2}"#.to_owned()),
        ("c-float", r#"{"state":"optimal","paths-active":1e999,"paths-total":2}"#.to_owned()),
        ("c-size", r#"{"state":"optimal","size":9223372036854775808}"#.to_owned()),
        ("c-transport", format!(r#"{{"state":"optimal","transport":"{long}"}}"#)),
    ];
    let all: Vec<String> = entries.iter().chain(&counts).map(|(w, e)| format!("\"{w}\":{e}")).collect();
    let json = format!(
        r#"{{"maps":{{{},"w1":{{"state":"optimal","paths-active":4,"paths-total":4}}}},"time":{},"instance":"{:016x}","seq":1}}"#,
        all.join(","),
        wall(),
        bad.instance
    );
    bad.put("multipath", json).await;
    lab.settle().await;
    assert_eq!(lab.eye.row("bad").await.report, "fresh");
    lab.is("bad", "w1", ("optimal", Some(4))).await;
    for (wwid, _) in &entries[..5] {
        assert_eq!(lab.cells("bad").await[*wwid].state, "unknown", "{wwid}");
    }
    for (wwid, _) in &counts {
        let cell = lab.cells("bad").await[*wwid].clone();
        assert_eq!((cell.state.as_str(), cell.paths_active.flatten()), ("optimal", None), "{wwid}");
        assert!(cell.transport.is_none_or(|t| t.len() <= 255), "{wwid}");
    }
    let finding = lab.eye.finding("bad", "REPORT_MALFORMED").await;
    assert!(finding.summary.contains("11 entries"), "{}", finding.summary);
    assert_eq!(finding.evidence.len(), 11);
}

#[tokio::test]
async fn other_keys_with_rubbish_are_told_and_keys_that_nobody_knows_are_ignored() {
    let mut lab = Lab::new().await;
    let mut bad = lab.peer("bad", 0xbad);
    bad.says(&[("w1", State::Optimal, 4)]).await;
    for key in
        ["multipath-0", "multipath-1", "multipath-007", "multipath-4097", "multipath-99999999999", "x.y_z-1"]
    {
        bad.put(key, vec![0xff; 1000]).await;
    }
    lab.settle().await;
    assert_eq!((lab.eye.row("bad").await.report.as_str(), lab.eye.findings("bad").await), ("fresh", vec![]));
    for value in [&b"\xff\xff"[..], b"[]", b"{\"v\":1,", b""] {
        bad.put("multipath-node", value.to_vec()).await;
        bad.put("multipath-fresh", value.to_vec()).await;
        bad.put("multipath-apply", value.to_vec()).await;
        let status = lab.settle().await;
        let findings = lab.eye.findings("bad").await;
        let objects: Vec<_> = findings.iter().map(|f| (f.code.as_str(), f.scope.object.as_deref())).collect();
        for key in ["multipath-node", "multipath-fresh"] {
            assert!(objects.contains(&("REPORT_MALFORMED", Some(key))), "{value:?}: {objects:?}");
        }
        assert!(status.nodes["bad"].apply_error.contains("cannot be read"), "{value:?}: {:?}", status.nodes);
        lab.is("bad", "w1", ("optimal", Some(4))).await;
    }
    // Words of the wrong type or of endless length.
    let long = "y".repeat(30_000);
    let about = format!(
        r#"{{"v":[1],"node":{{}},"instance":7,"seq":"x","time":1e9,"boot-id":"{long}","adapters":{{}}}}"#
    );
    bad.put("multipath-node", about).await;
    lab.settle().await;
    lab.is("bad", "w1", ("optimal", Some(4))).await;
    let rows = serde_json::to_string(&lab.eye.row("bad").await).unwrap();
    assert!(rows.len() < 4_000, "an endless word is passed on: {} bytes", rows.len());
}

#[tokio::test]
async fn parts_come_in_any_order() {
    let mut lab = Lab::new().await;
    let mut bad = lab.peer("bad", 0xbad);
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    for (round, order) in orders.into_iter().cycle().take(12).enumerate() {
        let state = [State::Optimal, State::Degraded, State::Failed][round % 3];
        let parts = bad.next(&luns(600, state));
        assert_eq!(parts.len(), 3);
        for part in order {
            // One that comes twice is no other.
            bad.put_part(&parts, part).await;
            bad.put_part(&parts, part).await;
        }
        lab.settle().await;
        let cells = lab.cells("bad").await;
        assert_eq!(cells.len(), 600);
        assert!(cells.values().all(|cell| cell.state == state.as_str()), "round {round}, {order:?}");
        assert_eq!(
            (lab.eye.row("bad").await.report.as_str(), lab.eye.findings("bad").await),
            ("fresh", vec![])
        );
    }
}

#[tokio::test]
async fn an_old_part_that_returns_changes_nothing_and_is_told() {
    let mut lab = Lab::new().await;
    let mut bad = lab.peer("bad", 0xbad);
    let old = bad.next(&luns(600, State::Optimal));
    for part in [3, 2, 1] {
        bad.put_part(&old, part).await;
    }
    lab.settle().await;
    bad.report(&luns(600, State::Failed)).await;
    lab.settle().await;
    for part in [1, 2, 3] {
        bad.put_part(&old, part).await;
        lab.settle().await;
        let cells = lab.cells("bad").await;
        assert!(cells.values().all(|cell| cell.state == "failed"), "an old part {part} counts again");
        assert_eq!(lab.eye.row("bad").await.report, "fresh");
        let finding = lab.eye.finding("bad", "REPORT_MALFORMED").await;
        assert!(finding.evidence[0].contains(&part_key(part as u32)), "{:?}", finding.evidence);
        if part < 3 {
            // Who comes now sees parts of two reports, and believes neither.
            let late = Observer::new(&lab.hub, &format!("late{part}")).await;
            let row = late.until("the first list", |_| true).await;
            drop(row);
            let row = late.until_row("bad", "seen", |row| row.report == "unusable").await;
            assert!(row.report_why.unwrap().contains("of 3 parts"));
            late.finding("bad", "REPORT_MALFORMED").await;
        }
    }
    bad.report(&luns(600, State::Degraded)).await;
    lab.settle().await;
    assert!(lab.cells("bad").await.values().all(|cell| cell.state == "degraded"));
    assert_eq!(lab.eye.findings("bad").await, []);
}

#[tokio::test]
async fn a_report_that_never_becomes_whole_leaves_the_one_before_and_a_first_one_is_unusable() {
    let mut lab = Lab::new().await;
    let mut bad = lab.peer("bad", 0xbad);
    let first = bad.next(&luns(600, State::Optimal));
    bad.put_part(&first, 3).await;
    bad.put_part(&first, 1).await;
    lab.settle().await;
    let row = lab.eye.row("bad").await;
    assert_eq!(
        (row.report.as_str(), row.report_why.as_deref()),
        ("unusable", Some("2 of 3 parts of its report are here"))
    );
    lab.eye.finding("bad", "REPORT_MALFORMED").await;
    assert_eq!(lab.cells("bad").await.len(), 0);
    bad.put_part(&first, 2).await;
    lab.settle().await;
    assert_eq!((lab.cells("bad").await.len(), lab.eye.findings("bad").await), (600, vec![]));
    let second = bad.next(&luns(600, State::Failed));
    bad.put_part(&second, 3).await;
    bad.put_part(&second, 2).await;
    lab.settle().await;
    assert!(lab.cells("bad").await.values().all(|cell| cell.state == "optimal"));
    let row = lab.eye.row("bad").await;
    assert_eq!(row.report, "fresh", "the one before stands, with its own age");
    // A run that ends there and one that begins anew is not held up by what it left.
    let mut again = lab.peer("bad", 0xbae);
    again.says(&[("w1", State::Degraded, 2)]).await;
    lab.settle().await;
    assert_eq!(lab.cells("bad").await.len(), 1);
    lab.is("bad", "w1", ("degraded", Some(2))).await;
}

#[tokio::test]
async fn twins_are_found_and_not_believed() {
    let mut lab = Lab::new().await;
    let (mut one, mut two) = (lab.peer("bad", 0xb1), lab.peer("bad", 0xb2));
    one.says(&[("w1", State::Optimal, 4), ("only-one", State::Optimal, 4)]).await;
    lab.settle().await;
    two.says(&[("w1", State::Optimal, 4), ("only-two", State::Optimal, 4)]).await;
    lab.settle().await;
    assert_eq!(lab.eye.row("bad").await.report, "fresh", "so far it is a restart");
    one.says(&[("w1", State::Optimal, 4), ("only-one", State::Optimal, 4)]).await;
    lab.settle().await;
    lab.is("bad", "w1", ("unknown", None)).await;
    let row = lab.eye.row("bad").await;
    assert_eq!(
        (row.report.as_str(), row.report_why.as_deref()),
        ("twins", Some("two agents write under its name by turns"))
    );
    let finding = lab.eye.finding("bad", "NODE_TWINS").await;
    assert!(
        finding.evidence[0].contains("00000000000000b1") && finding.evidence[0].contains("00000000000000b2")
    );
    for _ in 0..20 {
        two.says(&[("w1", State::Optimal, 4)]).await;
        one.says(&[("w1", State::Optimal, 4)]).await;
    }
    lab.settle().await;
    lab.is("bad", "w1", ("unknown", None)).await;
}

#[tokio::test]
async fn twins_whose_parts_mix_are_never_a_whole_report() {
    let mut lab = Lab::new().await;
    let (mut one, mut two) = (lab.peer("bad", 0xb1), lab.peer("bad", 0xb2));
    for _ in 0..5 {
        let (a, b) = (one.next(&luns(600, State::Optimal)), two.next(&luns(600, State::Failed)));
        // Each writes in its order, and the other's parts come between: neither set ever stands whole.
        two.put_part(&b, 3).await;
        one.put_part(&a, 3).await;
        one.put_part(&a, 2).await;
        two.put_part(&b, 2).await;
        two.put_part(&b, 1).await;
        one.put_part(&a, 1).await;
    }
    lab.settle().await;
    let row = lab.eye.row("bad").await;
    assert!(["unusable", "twins"].contains(&row.report.as_str()), "{row:?}");
    assert!(row.report_why.is_some());
    assert!(!lab.eye.findings("bad").await.is_empty());
    assert!(lab.cells("bad").await.values().all(|cell| cell.state == "unknown"));
}

#[tokio::test]
async fn two_agents_of_one_name_without_maps_are_twins_too() {
    let mut lab = Lab::new().await;
    let peer = lab.peer("bad", 0);
    let about = |instance: u64, seq: u64| {
        format!(
            r#"{{"v":1,"node":"bad","instance":"{instance:016x}","seq":{seq},"time":{},"multipathd":{{"state":"running"}}}}"#,
            wall()
        )
    };
    peer.put("multipath-node", about(0xb1, 5)).await;
    lab.settle().await;
    peer.put("multipath-node", about(0xb2, 1)).await;
    lab.settle().await;
    assert_eq!(lab.eye.row("bad").await.report, "silent", "a restart");
    peer.put("multipath-node", about(0xb1, 6)).await;
    lab.settle().await;
    assert_eq!(lab.eye.row("bad").await.report, "twins");
    lab.eye.finding("bad", "NODE_TWINS").await;
}

#[tokio::test]
async fn a_newer_version_is_understood_as_far_as_can_be() {
    let mut lab = Lab::new().await;
    let bad = lab.peer("newer", 0);
    let report = |maps: &str| {
        format!(
            r#"{{"v":2,"maps":{{{maps}}},"time":{},"instance":"00000000000000c1","seq":{},"later":{{"a":[1,{{"b":null}}]}},"sum":1.5}}"#,
            wall(),
            maps.len()
        )
    };
    let good = r#""w1":{"state":"optimal","paths-active":4,"paths-total":4,"weight":1.5,"paths":[{"x":[]}]}"#;
    bad.put("multipath", report(good)).await;
    bad.put(
        "multipath-node",
        r#"{"v":2,"node":"newer","versions":{"pathkeeper":"9.9.9"},"mode":"dream","multipathd":{"state":"asleep"},"q":{}}"#,
    )
    .await;
    lab.settle().await;
    lab.is("newer", "w1", ("optimal", Some(4))).await;
    let row = lab.eye.row("newer").await;
    assert_eq!((row.report.as_str(), row.pathkeeper.as_deref()), ("fresh", Some("9.9.9")));
    assert_eq!(lab.eye.findings("newer").await, [], "more keys are nothing bad");
    let new_word = r#""w2":{"state":"rebuilding","paths-active":4,"paths-total":4}"#;
    bad.put("multipath", report(&format!("{good},{new_word}"))).await;
    lab.settle().await;
    lab.is("newer", "w1", ("optimal", Some(4))).await;
    lab.is("newer", "w2", ("unknown", Some(4))).await;
    let finding = lab.eye.finding("newer", "REPORT_MALFORMED").await;
    assert!(finding.evidence[0].contains("none of the five words"), "{:?}", finding.evidence);
}

#[tokio::test]
async fn a_value_at_the_limit_is_taken_and_one_byte_more_is_refused() {
    let mut lab = Lab::new().await;
    let mut bad = lab.peer("big", 0xb16);
    let base = bad.next(&luns(150, State::Degraded)).remove(0);
    let base = String::from_utf8(base).unwrap();
    let padded = |bytes: usize| {
        let empty = base.strip_suffix('}').unwrap().to_owned() + ",\"pad\":\"\"}";
        empty.replace("\"pad\":\"", &format!("\"pad\":\"{}", "p".repeat(bytes - empty.len())))
    };
    let full = padded(VALUE_BYTES_MAX);
    assert_eq!(full.len(), 32_767);
    bad.put("multipath", full).await;
    lab.settle().await;
    assert_eq!(lab.cells("big").await.len(), 150);
    let error = bad
        .store
        .put(Key::new("multipath").unwrap(), padded(VALUE_BYTES_MAX + 1).into())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("32768 bytes") && error.contains("at most 32767"), "{error}");
    lab.settle().await;
    assert_eq!((lab.cells("big").await.len(), lab.eye.findings("big").await), (150, vec![]));
    // Names as long as they can be: one LUN of 32,000 characters.
    bad.says(&[(&"w".repeat(32_000), State::Failed, 0)]).await;
    lab.settle().await;
    assert_eq!(lab.cells("big").await.keys().map(String::len).collect::<Vec<_>>(), [32_000]);
}

#[tokio::test]
async fn ten_thousand_luns_of_three_nodes_are_all_there() {
    const LUNS: usize = 10_000;
    let mut lab = Lab::new().await;
    let mut peers = [1, 2, 3].map(|n| lab.peer(&format!("big{n}"), n));
    let mut said = [State::Optimal, State::Degraded, State::Optimal].map(|state| luns(LUNS, state));
    said[2][7777].1 = entry(State::Failed, 0);
    for (peer, entries) in peers.iter_mut().zip(&said) {
        peer.report(entries).await;
    }
    let status = lab.settle().await;
    let rows: Vec<_> = status.luns.iter().filter(|row| row.wwid.starts_with("3600")).collect();
    assert_eq!(rows.len(), LUNS);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(row.wwid, said[0][i].0.as_str());
        for (n, entries) in said.iter().enumerate() {
            let cell = &row.nodes[&format!("big{}", n + 1)];
            assert_eq!(
                (cell.state.as_str(), cell.paths_active),
                (entries[i].1.state.as_str(), Some(entries[i].1.paths_active))
            );
        }
        assert_eq!(row.cluster_state, if i == 7777 { "failed" } else { "degraded" });
    }
    assert_eq!(lab.eye.row("big1").await.cells.optimal, LUNS as u32);
    // One of many parts is spoilt: all that this node said is in doubt, and nothing that the others said.
    peers[0].put("multipath-30", &b"{\"maps\":"[..]).await;
    lab.settle().await;
    let row = lab.eye.until_row("big1", "unusable", |row| row.report == "unusable").await;
    assert!(row.report_why.unwrap().contains("multipath-30"));
    let status = lab.eye.status().await;
    for row in status.luns.iter().filter(|row| row.wwid.starts_with("3600")) {
        assert_eq!(
            (row.nodes["big1"].state.as_str(), row.nodes["big2"].state.as_str()),
            ("unknown", "degraded")
        );
    }
    peers[0].report(&said[0]).await;
    lab.settle().await;
    assert_eq!(lab.eye.row("big1").await.cells.optimal, LUNS as u32);
    assert_eq!(lab.eye.findings("big1").await, []);
}

#[tokio::test]
async fn members_with_odd_names_have_their_cells_and_steer_nothing() {
    let mut lab = Lab::new().await;
    let endless = "n".repeat(4_000);
    let names = [
        "ü",
        "a b",
        "x\"y",
        "..",
        "/etc/passwd",
        "<script>alert(1)</script>",
        "\u{1b}[31mred\u{7}",
        "new\nline",
        "{}",
        "\u{202e}txt",
        "😀",
        "%2e%2e",
        "a,b",
        "-",
        " ",
        "node1.example.org",
        &endless,
    ];
    let mut peers: Vec<_> = names.iter().map(|name| lab.peer(name, 0xdd)).collect();
    for peer in &mut peers {
        peer.says(&[("w1", State::Degraded, 3)]).await;
    }
    lab.hub.set_member(&node("only\u{0}member"), true);
    lab.settle().await;
    for name in names {
        lab.is(name, "w1", ("degraded", Some(3))).await;
        assert_eq!(lab.eye.row(name).await.report, "fresh", "{name:?}");
    }
    assert_eq!(lab.eye.row("only\u{0}member").await.report, "silent");
    // What a person sees of them in a terminal.
    let server = format!("http://{}", lab.eye._app.address.unwrap());
    for words in
        [&["nodes"][..], &["nodes", "-o", "wide"], &["status"], &["status", "-o", "wide"], &["check"]]
    {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_pathkeeper"))
            .args(words)
            .args(["--server", &server])
            .output()
            .await
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("panicked"), "{words:?}: {told}");
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.chars().any(steers), "{words:?} passes on what steers a terminal: {text:?}");
    }
    for name in names {
        let asked = lab.eye.client.disks(name).await;
        assert!(asked.is_err(), "{name:?} is not here, and its maps cannot be");
    }
}

#[tokio::test]
async fn a_flood_ends_in_the_last_word_and_fills_no_memory() {
    const PUTS: u64 = 6_000;
    let mut lab = Lab::new().await;
    let mut flood = [lab.peer("flood1", 0xf1), lab.peer("flood2", 0xf2)];
    let maps = luns(150, State::Optimal);
    let before = resident_bytes();
    let mut most = before;
    for n in 0..PUTS {
        let peer = &mut flood[(n % 2) as usize];
        match n % 10 {
            3 => peer.put("multipath", vec![b'['; 30_000]).await,
            7 => peer.put(&format!("multipath-{}", 2 + n % 40), vec![b'{'; 30_000]).await,
            _ => peer.report(&maps).await,
        }
        // At times so fast that the reader loses hints and lists again.
        if n % 16 == 0 && (n / 2_000) % 2 == 0 {
            tokio::task::yield_now().await;
        }
        if n % 256 == 0 {
            most = most.max(resident_bytes());
        }
    }
    for (n, peer) in flood.iter_mut().enumerate() {
        // As an agent does at its start: what it finds under its name beyond its parts is cleared.
        for part in 2..=41 {
            peer.store.clear(Key::new(&part_key(part)).unwrap()).await.unwrap();
        }
        peer.says(&[("w1", State::Degraded, n as u32)]).await;
    }
    lab.settle().await;
    for (n, name) in ["flood1", "flood2"].into_iter().enumerate() {
        lab.is(name, "w1", ("degraded", Some(n as u32))).await;
        assert_eq!((lab.cells(name).await.len(), lab.eye.findings(name).await), (1, vec![]));
        assert_eq!(lab.eye.row(name).await.report, "fresh");
    }
    // What was put is 150 MB; an endless queue would hold it.
    let grown = most.max(resident_bytes()).saturating_sub(before);
    assert!(grown < 80 << 20, "memory grew by {grown} bytes");
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
