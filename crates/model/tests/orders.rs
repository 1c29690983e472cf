//! Orders: what is read and written, which of them counts, and what a node does on its ledger by them.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use crate::large;
use pathkeeper_model::ledger::{Change, Keeper, Ledger, Lun, Port};
use pathkeeper_model::local::*;
use pathkeeper_model::orders::{KEPT_S, ORDERS_MAX, Order, OrderKind, Orders};
use pathkeeper_model::{EpochS, MonoMs, NodeName, Now, Wwid};
use proptest::prelude::*;

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).expect("not empty")
}

fn node(text: &str) -> NodeName {
    NodeName::new(text).expect("not empty")
}

/// `retire w1`, `forget w1 @pve1`, `ack w1 pve1=2 pve2=4`: ids are i1, i2…, times 100, 101…
fn orders(lines: &[&str]) -> Orders {
    let order = |(n, line): (usize, &&str)| {
        let mut words = line.split(' ');
        let kind = words.next().expect("a kind");
        let wwid = wwid(words.next().expect("a LUN"));
        let (mut of, mut paths) = (None, std::collections::BTreeMap::new());
        for word in words {
            match word.strip_prefix('@') {
                Some(name) => of = Some(node(name)),
                None => {
                    let (name, n) = word.split_once('=').expect("node=n");
                    paths.insert(node(name), n.parse().expect("a number"));
                }
            }
        }
        let kind = match kind {
            "retire" => OrderKind::Retire,
            "forget" => OrderKind::Forget,
            _ => OrderKind::AckPaths { paths },
        };
        let time = EpochS(100 + n as i64);
        Order { id: format!("i{}", n + 1), kind, wwid, node: of, by: "root@pam".into(), time }
    };
    Orders { entries: lines.iter().enumerate().map(order).collect() }
}

#[test]
fn what_is_written_is_read_again() {
    for lines in [&[][..], &["retire w1", "forget w1 @pve1", "ack w\"2 pve1=2 pve2=4", "ack w3"]] {
        let written = orders(lines);
        assert_eq!(Orders::decode(&written.encode()), (written, vec![]));
    }
    assert_eq!(
        String::from_utf8(orders(&["ack w1 @a a=2"]).encode()).expect("text"),
        "{\"v\":1,\"entries\":[\n{\"id\":\"i1\",\"kind\":\"ack-paths\",\"wwid\":\"w1\",\"node\":\"a\",\
         \"by\":\"root@pam\",\"time\":100,\"paths\":{\"a\":2}}\n]}\n"
    );
}

#[test]
fn what_is_not_understood_is_left_out_and_told() {
    let check = |text: &str, taken: usize, problems: &[&str]| {
        let (orders, told) = Orders::decode(text.as_bytes());
        assert_eq!(orders.entries.len(), taken, "{text}");
        assert_eq!(told.len(), problems.len(), "{text}: {told:?}");
        for (told, words) in told.iter().zip(problems) {
            assert!(told.contains(words), "{text}: {told}");
        }
    };
    check("", 0, &["no JSON"]);
    check("[]", 0, &["not an object"]);
    check("{}", 0, &["no v"]);
    check(r#"{"v":2,"entries":[]}"#, 0, &["version 2"]);
    check(r#"{"v":1}"#, 0, &["no list"]);
    check(r#"{"v":1,"entries":{}}"#, 0, &["no list"]);
    let one = |members: &str| format!(r#"{{"v":1,"more":[],"entries":[{{{members}}}]}}"#);
    let good = r#""id":"i","kind":"retire","wwid":"w","time":5"#;
    check(&one(&format!(r#"{good},"new":{{}}"#)), 1, &[]);
    check(&one(&format!(r#"{good},"node":"a""#)), 1, &[]);
    check(&one(&format!(r#"{good},"node":7"#)), 0, &["its node is no name"]);
    check(&one(&format!(r#"{good},"node":"""#)), 0, &["its node is no name"]);
    check(&one(r#""id":"i","kind":"burn","wwid":"w","time":5"#), 0, &["\"burn\" is not known"]);
    check(&one(r#""id":"i","wwid":"w","time":5"#), 0, &["no kind"]);
    check(&one(r#""id":"","kind":"retire","wwid":"w","time":5"#), 0, &["no id"]);
    check(&one(r#""id":"i","kind":"retire","time":5"#), 0, &["names no LUN"]);
    check(&one(r#""id":"i","kind":"retire","wwid":"w","time":-5"#), 0, &["bears no time"]);
    let (read, _) = Orders::decode(
        one(r#""id":"i","kind":"ack-paths","wwid":"w","time":5,"paths":{"a":2,"b":-1,"c":"x","":3}"#)
            .as_bytes(),
    );
    assert_eq!(read.entries[0].kind, OrderKind::AckPaths { paths: [(node("a"), 2)].into() });
    check(&format!(r#"{{"v":1,"entries":[7,{{{good}}},{{{good}}}]}}"#), 1, &["entry 1", "entry 3"]);
    let many: Vec<String> =
        (0..ORDERS_MAX + 2).map(|n| good.replace("\"i\"", &format!("\"i{n}\""))).collect();
    let many = format!(r#"{{"v":1,"entries":[{{{}}}]}}"#, many.join("},{"));
    check(&many, ORDERS_MAX, &["the 2 oldest"]);
    assert_eq!(Orders::decode(many.as_bytes()).0.entries[0].id, "i2");
}

#[test]
fn of_retiring_and_forgetting_the_last_decides() {
    let check = |lines: &[&str], on_a: Option<&str>, on_b: Option<&str>| {
        let orders = orders(lines);
        for (name, expect) in [("a", on_a), ("b", on_b)] {
            let by = orders.retired(&wwid("w1"), &node(name)).map(|order| order.id.as_str());
            assert_eq!(by, expect, "{lines:?} on {name}");
            assert_eq!(orders.retired_on(&node(name)).contains(&wwid("w1")), expect.is_some());
        }
    };
    check(&[], None, None);
    check(&["retire w1"], Some("i1"), Some("i1"));
    check(&["retire w2", "ack w1 a=1"], None, None);
    check(&["retire w1 @a", "ack w1 a=1"], Some("i1"), None);
    check(&["retire w1", "forget w1 @a"], None, Some("i1"));
    check(&["retire w1 @a", "forget w1", "retire w1 @b"], None, Some("i3"));
    check(&["forget w1", "retire w1", "retire w1 @a"], Some("i3"), Some("i2"));
}

#[test]
fn orders_are_kept_for_ninety_days() {
    let mut kept = orders(&["retire w1", "retire w2", "retire w3"]);
    kept.prune(EpochS(101 + KEPT_S));
    assert_eq!(kept.entries.iter().map(|o| o.wwid.as_str()).collect::<Vec<_>>(), ["w2", "w3"]);
    let names: Vec<String> = (0..ORDERS_MAX + 3).map(|n| format!("retire w{n}")).collect();
    let mut many = orders(&names.iter().map(String::as_str).collect::<Vec<_>>());
    many.prune(EpochS(0));
    assert_eq!((many.entries.len(), many.entries[0].wwid.as_str()), (ORDERS_MAX, "w3"));
    assert!(many.encode().len() < 1 << 20, "it fits into a document");
}

/// A node's keeper, its clock, and what it reads: `a1>t1 !a2>t1`, a route for each path, `!` where it is down.
struct Lab {
    keeper: Keeper,
    s: u64,
}

const NODE: &str = "a";

impl Lab {
    fn new() -> Self {
        Self { keeper: Keeper::default(), s: 0 }
    }

    fn find(&mut self, s: u64, maps: &[(&str, &str)]) {
        let path = |text: &str| {
            let (up, text) = text.strip_prefix('!').map_or((true, text), |rest| (false, rest));
            let (adapter, target) = text.split_once('>').expect("a route");
            PathDevice {
                dm: if up { DmState::Active } else { DmState::Failed },
                check: if up { CheckState::Ready } else { CheckState::Faulty },
                device: DevState::Running,
                adapter_port: Some(adapter.into()),
                target_port: Some(target.into()),
                ..PathDevice::unknown("sda", "8:0")
            }
        };
        let map = |(name, paths): &(&str, &str)| {
            let group = PathGroup {
                selector: "".into(),
                priority: 1,
                status: "".into(),
                marginal: false,
                paths: paths.split_whitespace().map(path).collect(),
            };
            Map { groups: vec![group], ..Map::unknown(name, wwid(name)) }
        };
        let read = NodeRead { maps: maps.iter().map(map).collect(), ..large::node(0, 0) };
        for _ in 0..s.div_ceil(10) {
            self.s += 10;
            let now = Now { mono: MonoMs(self.s * 1000), wall: EpochS(self.s as i64) };
            self.keeper.observe(&read, now);
        }
    }

    /// The orders come and are obeyed; what that changed.
    fn order(&mut self, lines: &[&str]) -> Change {
        self.keeper.set_orders(&orders(lines), &node(NODE), EpochS(200));
        self.keeper.obey(&node(NODE), true)
    }

    /// `w1 2: a1>t1 1 a1>t2 1`
    fn known(&self) -> Vec<String> {
        let lun = |(wwid, lun): (&Wwid, &Lun)| {
            let ports: Vec<String> =
                lun.ports.iter().map(|p| format!(" {}>{} {}", p.adapter, p.target, p.paths)).collect();
            format!("{wwid} {}:{}", lun.paths(), ports.concat())
        };
        self.keeper.ledger().luns.iter().map(lun).collect()
    }
}

const FOUR: &str = "a1>t1 a1>t2 a2>t3 a2>t4";

#[test]
fn acknowledged_paths_go_down_to_what_is_usable_and_no_lower_than_was_shown() {
    let check = |found: &str, order: &str, expect: &str| {
        let mut lab = Lab::new();
        lab.find(700, &[("w1", FOUR)]);
        lab.find(20, &[("w1", found)]);
        assert_eq!(lab.order(&[order]), Change::Known);
        assert_eq!(lab.known(), [expect], "{found} {order}");
        // Once: when the paths are back for long enough they count again, and the order is no news.
        lab.find(700, &[("w1", FOUR)]);
        assert_eq!(lab.order(&[order]), Change::None);
        assert_eq!(lab.known(), ["w1 4: a1>t1 1 a1>t2 1 a2>t3 1 a2>t4 1"]);
    };
    check("a1>t1 a1>t2", "ack w1 a=2", "w1 2: a1>t1 1 a1>t2 1");
    check("a1>t1 !a1>t2 !a2>t3 a2>t4", "ack w1 @a a=2", "w1 2: a1>t1 1 a2>t4 1");
    // One more was lost after the person looked.
    check("a1>t1", "ack w1 a=2", "w1 2: a1>t1 1 a1>t2 1");
    check("a2>t4", "ack w1 a=3", "w1 3: a1>t1 1 a1>t2 1 a2>t4 1");
    // Two came back, over another port, since the person looked.
    check("a1>t1 a1>t2 a9>t9", "ack w1 a=1", "w1 3: a1>t1 1 a1>t2 1 a9>t9 1");
    // All of them did; it was shown more than is remembered; nothing of this node was shown; another node is meant.
    let whole = "w1 4: a1>t1 1 a1>t2 1 a2>t3 1 a2>t4 1";
    check(FOUR, "ack w1 a=2", whole);
    check("a1>t1", "ack w1 a=9", whole);
    check("a1>t1", "ack w1 b=1", whole);
    let mut lab = Lab::new();
    lab.find(700, &[("w1", FOUR)]);
    lab.find(20, &[("w1", "a1>t1")]);
    assert_eq!(lab.order(&["ack w1 @b a=1 b=1"]), Change::None);
    assert_eq!(lab.known(), [whole]);
}

#[test]
fn without_an_answer_no_number_goes_down_and_the_order_waits() {
    let mut lab = Lab::new();
    lab.find(700, &[("w1", FOUR)]);
    lab.keeper.set_orders(&orders(&["ack w1 a=0"]), &node(NODE), EpochS(200));
    assert_eq!(lab.keeper.obey(&node(NODE), false), Change::None);
    lab.find(20, &[("w1", "a1>t1 a1>t2")]);
    assert_eq!(lab.keeper.obey(&node(NODE), true), Change::Known);
    assert_eq!(lab.known(), ["w1 2: a1>t1 1 a1>t2 1"]);
}

#[test]
fn a_retired_lun_leaves_and_is_not_learned_until_it_is_forgotten() {
    let mut lab = Lab::new();
    let both = [("w1", FOUR), ("w2", "a1>t1")];
    lab.find(700, &both);
    assert_eq!(lab.order(&["retire w1 @b"]), Change::None);
    assert_eq!(lab.known().len(), 2);
    let retired = ["retire w1 @b", "retire w1"];
    assert_eq!(lab.order(&retired), Change::Known);
    lab.find(1_400, &both);
    assert_eq!((lab.known(), lab.order(&retired)), (vec!["w2 1: a1>t1 1".to_owned()], Change::None));
    assert!(lab.keeper.is_retired(&wwid("w1")) && !lab.keeper.is_retired(&wwid("w2")));
    // A ledger from elsewhere does not bring it back.
    let lun = |n| Lun {
        since: EpochS(1),
        seen: EpochS(1),
        ports: vec![Port { adapter: "x".into(), target: "y".into(), paths: n }],
        vg: None,
    };
    lab.keeper.merge(Ledger { luns: [(wwid("w1"), lun(8))].into(), ..Ledger::default() });
    lab.order(&retired);
    assert_eq!(lab.known(), ["w2 1: a1>t1 1"]);
    // Forgotten, it is learned as it is now.
    assert_eq!(lab.order(&["retire w1 @b", "retire w1", "forget w1"]), Change::Known);
    assert_eq!(lab.known(), ["w2 1: a1>t1 1"]);
    lab.find(700, &[("w1", "a1>t1 a1>t2")]);
    assert_eq!(lab.known()[0], "w1 2: a1>t1 1 a1>t2 1");
}

#[test]
fn a_forgotten_lun_is_learned_afresh() {
    let mut lab = Lab::new();
    lab.find(700, &[("w1", FOUR), ("w2", FOUR)]);
    lab.find(20, &[("w1", "a1>t1")]);
    lab.order(&["forget w1", "forget w2"]);
    assert_eq!(lab.known(), [""; 0]);
    lab.find(700, &[("w1", "a1>t1")]);
    lab.order(&["forget w1", "forget w2"]);
    assert_eq!(lab.known(), ["w1 1: a1>t1 1"]);
}

#[test]
fn an_order_that_was_obeyed_is_remembered_until_it_can_come_back_no_more() {
    let mut lab = Lab::new();
    lab.find(700, &[("w1", FOUR)]);
    lab.find(20, &[("w1", "a1>t1")]);
    lab.order(&["ack w1 a=1"]);
    lab.find(700, &[("w1", FOUR)]);
    // The document is lost, or cannot be read, and comes back from a backup while the paths are away once more.
    let lose = |lab: &mut Lab, at| lab.keeper.set_orders(&Orders::default(), &node(NODE), EpochS(at));
    assert_eq!(lose(&mut lab, 100 + KEPT_S), Change::None);
    lab.find(20, &[("w1", "a1>t1")]);
    assert_eq!(lab.order(&["ack w1 a=1"]), Change::None);
    assert!(lab.known()[0].starts_with("w1 4:"));
    assert_eq!(lose(&mut lab, 101 + KEPT_S), Change::Seen);
    assert_eq!(lab.keeper.ledger().obeyed.len(), 0);
}

#[test]
fn of_two_ledgers_the_one_that_obeyed_more_is_the_later_one() {
    let mut lab = Lab::new();
    lab.find(700, &[("w1", FOUR), ("w2", FOUR), ("w3", FOUR)]);
    let before = Ledger::clone(lab.keeper.ledger());
    lab.find(20, &[("w1", "a1>t1"), ("w2", FOUR), ("w3", FOUR)]);
    lab.order(&["ack w1 a=1", "forget w2"]);
    let after = Ledger::clone(lab.keeper.ledger());
    assert_eq!(after.luns.keys().map(Wwid::as_str).collect::<Vec<_>>(), ["w1", "w3"]);
    // The agent died before it published, so the store holds the older one; and the other way round.
    for (first, second) in [(&after, &before), (&before, &after)] {
        let mut keeper = Keeper::new(first.clone());
        keeper.merge(second.clone());
        keeper.set_orders(&orders(&["ack w1 a=1", "forget w2"]), &node(NODE), EpochS(200));
        keeper.obey(&node(NODE), true);
        assert_eq!(**keeper.ledger(), after);
    }
    // Of a node that lost its state everything comes back, also what it obeyed.
    let mut keeper = Keeper::default();
    assert!(keeper.merge(after.clone()) && !keeper.merge(after.clone()));
    assert_eq!(**keeper.ledger(), after);
}

proptest! {
    /// Whatever is ordered: no LUN has fewer paths than are usable, or than the person saw.
    #[test]
    fn never_below_what_is_usable(
        before in proptest::sample::subsequence(vec!["a1>t1", "a1>t1", "a1>t2", "a2>t1", "a2>t3"], 0..5),
        now in proptest::sample::subsequence(vec!["a1>t1", "a1>t1", "a1>t2", "a2>t1", "a3>t4"], 0..5),
        shown in 0u32..7,
    ) {
        let mut lab = Lab::new();
        lab.find(700, &[("w1", &before.join(" "))]);
        let (was, usable) = (before.len() as u32, now.len() as u32);
        lab.find(20, &[("w1", &now.join(" "))]);
        lab.order(&[&format!("ack w1 a={shown}")]);
        let is = lab.keeper.ledger().luns[&wwid("w1")].paths();
        prop_assert_eq!(is, was.min(usable.max(shown)));
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
        let _ = Orders::decode(&bytes);
        let _ = Orders::decode(text.as_bytes());
    }

    #[test]
    fn any_json(text in r#"\{"v":1,"entries":\[(\{("id"|"kind"|"wwid"|"time"|"paths"|"node"):("a"|"retire"|7|\{"a":1\}|null)(,"(id|kind|wwid|time)":("b"|"forget"|5)){0,4}\},?){0,4}\]\}"#) {
        let (orders, _) = Orders::decode(text.as_bytes());
        prop_assert_eq!(Orders::decode(&orders.encode()), (orders, vec![]));
    }
}
