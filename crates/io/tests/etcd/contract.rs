//! The contract of a store, and what is etcd's own in it.

use bytes::Bytes;
use pathkeeper_io::store::{Hint, StoreError, Trust, conformance};
use pathkeeper_model::fresh::FRESH_KEY;

use crate::etcd_servers::Servers;
use crate::node::{config, hinted, key, member, node, online, open, put, until, value};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_keeps_the_contract_of_a_store() {
    let servers = Servers::start(1);
    let (a, b) = (member(&config(&servers), "node-a").await, member(&config(&servers), "node-b").await);
    until("a knows b", async || online(&a.members().await.unwrap(), "node-b")).await;
    conformance::run(&*a, &*b).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_holds_what_the_documents_say_and_ignores_what_others_write() {
    let servers = Servers::start(1);
    servers.etcdctl(&["put", "/pathkeeper/values/bad name/x", "rubbish"]);
    servers.etcdctl(&["put", "/pathkeeper/nodes/", "rubbish"]);
    let a = member(&config(&servers), "a").await;
    put(&a, "multipath", "report").await;
    put(&a, FRESH_KEY, "marker").await;
    servers.etcdctl(&["put", "/pathkeeper/values/b/UPPER", "rubbish"]);
    servers.etcdctl(&["put", "/pathkeeper/values/b/large", &"x".repeat(40_000)]);
    servers.etcdctl(&["put", "/pathkeeper/values/b/multipath", "of b"]);
    until("b's value is seen", async || value(&a, "b", "multipath").await.is_some()).await;
    let mut keys: Vec<String> = servers
        .etcdctl(&["get", "/pathkeeper/", "--prefix", "--keys-only"])
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    keys.retain(|key| key.ends_with("/a") || key.contains("/a/"));
    assert_eq!(
        keys,
        [
            "/pathkeeper/alive/a",
            "/pathkeeper/fresh/a",
            "/pathkeeper/nodes/a",
            "/pathkeeper/values/a/multipath"
        ]
    );
    let list: Vec<(String, String)> =
        a.list().await.unwrap().iter().map(|v| (v.writer.to_string(), v.key.to_string())).collect();
    let expected = [("a", "multipath"), ("a", FRESH_KEY), ("b", "large"), ("b", "multipath")];
    assert_eq!(list, expected.map(|(writer, key)| (writer.to_owned(), key.to_owned())));
    assert_eq!(a.members().await.unwrap().nodes.len(), 1, "b wrote values and is no member");
    let large = value(&a, "b", "large").await;
    assert_eq!(large.as_deref(), Some(&b""[..]), "there, and of no use to anybody");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_node_whose_lease_is_taken_away_is_online_again_and_puts_everything() {
    let servers = Servers::start(1);
    let a = member(&config(&servers), "a").await;
    put(&a, "multipath", "report").await;
    let mut hints = a.hints();
    hinted(&mut hints, |hint| *hint == Hint::Resync).await;
    let answer = servers.etcdctl(&["get", "/pathkeeper/alive/a", "-w", "json"]);
    let json: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let lease = json["kvs"][0]["lease"].as_i64().unwrap();
    servers.etcdctl(&["lease", "revoke", &format!("{lease:x}")]);
    hinted(&mut hints, |hint| *hint == Hint::Resync).await;
    // The word may be an older one, from its start.
    let is_back = async || {
        let kept = servers.etcdctl(&["get", "/pathkeeper/alive/a", "-w", "json"]);
        let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        kept["kvs"][0]["lease"].as_i64().is_some_and(|new| new != lease)
            && online(&a.members().await.unwrap(), "a")
    };
    until("it is online by a new lease", is_back).await;
    until("its report is there", async || value(&a, "a", "multipath").await.is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_shows_a_node_that_left_or_ended_and_forgets_it() {
    let servers = Servers::start(1);
    let config = config(&servers);
    let (a, b) = (member(&config, "a").await, member(&config, "b").await);
    let looker = open(&config, "c");
    put(&b, "multipath", "of b").await;
    put(&b, FRESH_KEY, "marker").await;
    // What stands under its name may be of before a reboot until it has said all that it has to say.
    let early = open(&config, "d");
    drop(early.hints());
    put(&early, "multipath", "of d").await;
    until("a sees d's report", async || value(&a, "d", "multipath").await.is_some()).await;
    assert!(!online(&a.members().await.unwrap(), "d"), "it has not said yet what it is");
    early.clear(key("multipath")).await.unwrap();
    let sees = async |name: &str, wanted: bool| {
        until("membership", async || online(&a.members().await.unwrap(), name) == wanted).await
    };
    sees("b", true).await;
    // A clean stop keeps the lease: who starts again within its time was never away.
    drop(b);
    let b = member(&config, "b").await;
    assert!(online(&a.members().await.unwrap(), "b"), "still online");
    let mut hints = a.hints();
    b.leave().await.unwrap();
    hinted(&mut hints, |hint| *hint == Hint::Members).await;
    let gone = sees("b", false).await;
    assert!(gone.as_secs() < 5, "leaving is not waiting for the lease: {gone:?}");
    assert!(value(&a, "b", "multipath").await.is_some(), "its values stay");
    let e = a.forget(node("a")).await.unwrap_err();
    assert!(matches!(e, StoreError::Refused(_)), "{e}");
    // The command line forgets through a store of its own, which is no member by that.
    until("it sees that b is gone", async || !online(&looker.members().await.unwrap(), "b")).await;
    looker.forget(node("b")).await.unwrap();
    until("b is forgotten", async || !a.members().await.unwrap().nodes.contains_key(&node("b"))).await;
    assert_eq!(a.list().await.unwrap(), []);
    assert!(!a.members().await.unwrap().nodes.contains_key(&node("c")), "who only looks is no member");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_lists_page_by_page_at_one_revision() {
    let servers = Servers::start(1);
    let config = config(&servers);
    let a = member(&config, "a").await;
    // Three pages of 128, of the largest values: more than one answer may hold by the library's own bound.
    for n in 0..300 {
        let large = Bytes::from(vec![b'x'; 32_767]);
        a.put(key(&format!("value-{n:03}")), large).await.unwrap();
    }
    let b = member(&config, "b").await;
    assert_eq!(b.list().await.unwrap().len(), 300);
    assert_eq!(b.members().await.unwrap().trust, Trust::Whole);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_database_grows_as_the_documents_say() {
    let servers = Servers::start(1);
    let a = member(&config(&servers), "a").await;
    let size = || {
        let status = servers.etcdctl(&["endpoint", "status", "-w", "json"]);
        let json: serde_json::Value = serde_json::from_str(&status).unwrap();
        json[0]["Status"]["dbSize"].as_u64().unwrap()
    };
    let grown = async |name: &str, bytes: usize, writes: u64| {
        let before = size();
        for _ in 0..writes {
            a.put(key(name), Bytes::from(vec![b'x'; bytes])).await.unwrap();
        }
        (size() - before) / writes
    };
    let marker = grown(FRESH_KEY, 80, 4_000).await;
    let report = grown("multipath", 8_000, 400).await;
    println!("etcd database: {marker} bytes for each marker of 80, {report} for each report of 8000");
    assert!(marker <= 512, "docs/stores.md says half a KiB at most: {marker}");
    assert!(report <= 12_000, "docs/stores.md says its size and half of it at most: {report}");
}
