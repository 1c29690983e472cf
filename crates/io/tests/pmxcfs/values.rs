//! Values: what stands in pmxcfs to the byte, how changes are noticed, and what that costs pmxcfs.

use std::time::Instant;

use bytes::Bytes;
use pathkeeper_io::store::pmxcfs::{PmxcfsConfig, open};
use pathkeeper_io::store::{Hint, StoreError};

use super::{Cluster, Duration, SOON, get, hinted, key, node, settled, until};

/// As Proxmox VE's series writes it: no `v`, no `instance`, a NUL at the end.
const PERL: &[u8] = b"{\"maps\":{\"3600a0980\":{\"state\":\"optimal\",\"paths-active\":4,\"paths-total\":4}},\"time\":1783082400}\0";

fn is_value(hint: &Hint, writer: &str) -> bool {
    matches!(hint, Hint::Value { writer: w, key } if w.as_str() == writer && key.as_str() == "multipath")
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_values_are_exchanged_with_the_perl_series() {
    let cluster = Cluster::start(&["pve1", "pve2"]);
    let store = cluster.open("pve1");
    let mut hints = settled(&store).await;
    store.put(key("multipath"), "{\"maps\":{}}".into()).await.unwrap();
    assert_eq!(cluster.own_value("pve1", "kv/multipath").as_deref(), Some(&b"{\"maps\":{}}\0"[..]));

    cluster.set_by_other("pve2", "kv/multipath", PERL);
    hinted(&mut hints, |hint| is_value(hint, "pve2")).await;
    assert_eq!(get(&store, "pve2").await.as_deref(), Some(&PERL[..PERL.len() - 1]));
    // Bytes behind the NUL are nobody's.
    cluster.set_by_other("pve2", "kv/multipath", b"{}\0rest");
    until("it is cut", SOON, async || get(&store, "pve2").await.as_deref() == Some(b"{}")).await;

    // Perl clears by '', which leaves a present value of one NUL.
    cluster.set_by_other("pve2", "kv/multipath", b"\0");
    until("it is cleared", SOON, async || get(&store, "pve2").await.is_none()).await;
    let own = store.list().await.unwrap();
    assert_eq!(own.iter().map(|v| v.writer.as_str()).collect::<Vec<_>>(), ["pve1"]);

    store.clear(key("multipath")).await.unwrap();
    assert_eq!(cluster.own_value("pve1", "kv/multipath"), None, "zero bytes delete");
    let e = store.put(key("multipath"), "{\0}".into()).await.unwrap_err();
    assert!(matches!(e, StoreError::Refused(_)), "{e}");
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_values_of_others_are_passed_over() {
    let cluster = Cluster::start(&["pve1", "pve2"]);
    let store = cluster.open("pve1");
    for name in ["tasklist", "rrd/x", "kv/version-info", "kv/Multipath", "multipath", "kv/"] {
        cluster.set_by_other("pve1", name, b"[]\0");
        cluster.set_by_other("pve2", name, b"[]\0");
    }
    cluster.set_by_other("pve2", "kv/multipath-node", b"{}\0");
    cluster.ask("pve1", "sync");
    let list: Vec<_> = store.list().await.unwrap().into_iter().map(|v| (v.writer, v.key, v.bytes)).collect();
    assert_eq!(list, [(node("pve2"), key("multipath-node"), Bytes::from_static(b"{}"))]);
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_at_rest_is_asked_twice_a_second_and_no_more() {
    let cluster = Cluster::start(&["pve1", "pve2", "pve3"]);
    for name in ["pve1", "pve2", "pve3"] {
        cluster.set_by_other(name, "kv/multipath", PERL);
    }
    let store = cluster.open("pve1");
    settled(&store).await;
    store.list().await.unwrap();
    let (before, start) = (cluster.counts("pve1"), Instant::now());
    let count =
        |counts: &std::collections::BTreeMap<String, u64>, id: &str| counts.get(id).copied().unwrap_or(0);
    until("ten looks", SOON, async || count(&cluster.counts("pve1"), "1") >= count(&before, "1") + 10).await;
    let after = cluster.counts("pve1");
    let half_seconds = u64::try_from(start.elapsed().as_millis()).unwrap() / 500 + 1;
    let more = |id: &str| count(&after, id) - count(&before, id);
    assert!(more("1") <= half_seconds, "FS_VERSION {} times in {half_seconds} half seconds", more("1"));
    assert!(more("2") <= half_seconds / 4 + 1, "CLUSTER_INFO {} times", more("2"));
    for id in ["4", "5", "6", "connections"] {
        assert_eq!(more(id), 0, "{id}: {before:?} {after:?}");
    }
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_values_sent_again_are_hints_and_cost_nothing_unless_somebody_looks() {
    let mut cluster = Cluster::start(&["pve1", "pve2"]);
    cluster.set_by_other("pve2", "kv/multipath", PERL);
    let store = cluster.open("pve1");
    let mut hints = settled(&store).await;
    let before = cluster.counts("pve1");
    cluster.members(1);
    hinted(&mut hints, |hint| is_value(hint, "pve2")).await;
    assert_eq!(cluster.counts("pve1").get("5"), before.get("5"));
    assert_eq!(get(&store, "pve2").await.as_deref(), Some(&PERL[..PERL.len() - 1]));
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_value_that_changes_behind_an_unmoved_counter_is_found_by_the_full_look() {
    let cluster = Cluster::start(&["pve1", "pve2"]);
    let config = PmxcfsConfig { full_look_s: 1, ..cluster.config("pve1") };
    let store = open(&config, &node("pve1")).unwrap();
    cluster.set_by_other("pve2", "kv/multipath", b"one\0");
    let mut hints = settled(&store).await;
    until("it is there", SOON, async || get(&store, "pve2").await.as_deref() == Some(b"one")).await;
    // Removed and set again between two looks: the counter is 0 as before.
    cluster.set_by_other("pve2", "kv/multipath", b"");
    cluster.set_by_other("pve2", "kv/multipath", b"two\0");
    hinted(&mut hints, |hint| is_value(hint, "pve2")).await;
    assert_eq!(get(&store, "pve2").await.as_deref(), Some(&b"two"[..]));
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_is_seen_within_a_second_of_a_change() {
    let cluster = Cluster::start(&["pve1", "pve2"]);
    let (a, b) = (cluster.open("pve1"), cluster.open("pve2"));
    let mut hints = settled(&b).await;
    a.put(key("multipath"), "{}".into()).await.unwrap();
    let start = Instant::now();
    hinted(&mut hints, |hint| is_value(hint, "pve1")).await;
    // Half a second between two looks; the rest is room for a busy machine.
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}
