//! Who is in the cluster, and when that is not to be believed.

use pathkeeper_io::store::{Hint, StoreError};

use super::{Cluster, SOON, hinted, key, online, settled, until, whole, why};

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_node_that_dies_is_offline_and_one_that_is_removed_is_gone_with_its_values() {
    let mut cluster = Cluster::start(&["pve1", "pve2", "pve3"]);
    let store = cluster.open("pve1");
    cluster.set_by_other("pve3", "kv/multipath", b"{\"maps\":{}}\0");
    let mut hints = settled(&store).await;
    cluster.kill("pve3");
    cluster.members(1);
    hinted(&mut hints, |hint| *hint == Hint::Members).await;
    let expect = [("pve1".into(), true), ("pve2".into(), true), ("pve3".into(), false)];
    until("pve3 is offline", SOON, async || online(&store).await == expect).await;
    assert!(whole(&store).await);
    assert!(super::get(&store, "pve3").await.is_some(), "what it said last stays");

    cluster.remove("pve3");
    until("pve3 is gone", SOON, async || online(&store).await == expect[..2]).await;
    assert_eq!(super::get(&store, "pve3").await, None);
    assert!(store.list().await.unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_flags_are_not_believed_without_quorum_which_moves_no_counter() {
    let mut cluster = Cluster::start(&["pve1", "pve2"]);
    let store = cluster.open("pve1");
    let mut hints = settled(&store).await;
    // corosync alone dies: the flags freeze, and only `quorate` tells.
    let frozen = ["pve1".to_owned(), "pve2".to_owned()];
    cluster.members_with(&frozen, 0, false);
    hinted(&mut hints, |hint| *hint == Hint::Members).await;
    until("it is noticed", SOON, async || why(&store).await.contains("no quorum")).await;
    // Values go on.
    store.put(key("multipath"), "{}".into()).await.unwrap();
    cluster.members_with(&frozen, 1, false);
    hinted(&mut hints, |hint| *hint == Hint::Members).await;
    until("it is believed again", SOON, async || whole(&store).await).await;
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_alone_is_told_from_one_without_its_corosync() {
    let cluster = Cluster::alone("pve1");
    let store = cluster.open("pve1");
    assert_eq!(store.limits().failover_worst_ms, 0, "nobody else's death stops it");
    settled(&store).await;
    assert_eq!(online(&store).await, [("pve1".into(), true)]);
    // The same answer from a node that belongs to a cluster.
    cluster.file("corosync.conf", b"totem {\n}\n");
    assert!(why(&store).await.contains("corosync is not running"), "{}", why(&store).await);
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_that_knows_this_node_by_another_name_takes_no_values() {
    let mut cluster = Cluster::start(&["pve1", "pve2", "pve3"]);
    let refused = |e: &StoreError| {
        let text = e.to_string();
        text.contains("set node = \"pve1\"") && text.contains("\"host1\"")
    };
    let e = cluster.try_open("pve1", "host1").err().unwrap();
    assert!(refused(&e), "{e}");

    // It was not there when the store was opened: the first value is not put under a wrong name either.
    cluster.kill("pve3");
    let store = cluster.try_open("pve3", "host1").unwrap();
    cluster.start_node("pve3");
    cluster.members(1);
    until("it takes no value", SOON, async || {
        let e = store.put(key("multipath"), "{}".into()).await.unwrap_err();
        e.to_string().contains("set node = \"pve3\"")
    })
    .await;
    assert_eq!(cluster.own_value("pve3", "kv/multipath"), None);

    // It may be renamed later.
    let store = cluster.open("pve2");
    settled(&store).await;
    cluster.members_as("pve2", "{\"nodename\": \"pve1\", \"version\": 9}");
    until("it is noticed", SOON, async || why(&store).await.contains("set node = \"pve1\"")).await;
    let e = store.put(key("multipath"), "{}".into()).await.unwrap_err();
    assert!(matches!(e, StoreError::Refused(_)), "{e}");
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_limits_follow_corosyncs_file() {
    let cluster = Cluster::start(&["pve1", "pve2", "pve3"]);
    let limits = cluster.open("pve1").limits();
    assert_eq!((limits.failover_worst_ms, limits.floor_ms), (6_875, 2_000));
    assert_eq!(limits.budget_bytes_per_min, Some(524_288));
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_forgets_nobody_and_says_who_does() {
    let cluster = Cluster::start(&["pve1", "pve2"]);
    let store = cluster.open("pve1");
    let e = store.forget(super::node("pve2")).await.unwrap_err();
    assert!(e.to_string().contains("pvecm delnode pve2"), "{e}");
    let e = store.leave().await.unwrap_err();
    assert!(e.to_string().contains("pvecm delnode pve1"), "{e}");
}
