//! Documents: files below the mount, under the cluster's locks.

use std::time::{Duration, SystemTime};

use pathkeeper_io::store::{DocumentName, Hint, Store, StoreError, digest};

use super::{Cluster, hinted, settled};

fn document(name: &str) -> DocumentName {
    DocumentName::new(name).unwrap()
}

fn files(cluster: &Cluster, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(cluster.mount().join(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Adds one to the number in the document, as often as said.
async fn count_up(store: std::sync::Arc<dyn Store>, times: u32) {
    for _ in 0..times {
        loop {
            let now = store.read(document("pathkeeper/rollout")).await.unwrap();
            let text = now.bytes.map_or_else(|| "0".into(), |b| String::from_utf8(b.to_vec()).unwrap());
            let next = (text.parse::<u32>().unwrap() + 1).to_string();
            match store.write(document("pathkeeper/rollout"), Some(next.into()), now.digest).await {
                Ok(_) => break,
                Err(StoreError::Conflict { .. }) => {}
                Err(e) => panic!("{e}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libqb"]
async fn pmxcfs_documents_lose_no_update_of_two_writers() {
    let cluster = Cluster::start(&["pve1", "pve2"]);
    let (a, b) = (cluster.open("pve1"), cluster.open("pve2"));
    let (one, two) = (tokio::spawn(count_up(a.clone(), 100)), tokio::spawn(count_up(b, 100)));
    one.await.unwrap();
    two.await.unwrap();
    let end = a.read(document("pathkeeper/rollout")).await.unwrap();
    assert_eq!(end.bytes.as_deref(), Some(&b"200"[..]));
    assert_eq!(files(&cluster, "pathkeeper"), ["rollout"], "no temporary file stays");
    assert!(files(&cluster, "priv/lock").is_empty(), "no lock stays");
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_document_that_another_node_writes_is_hinted_at() {
    let cluster = Cluster::start(&["pve1", "pve2"]);
    let (a, b) = (cluster.open("pve1"), cluster.open("pve2"));
    let mut hints = settled(&b).await;
    let absent = b.read(document("multipath.cfg")).await.unwrap();
    a.write(document("multipath.cfg"), Some("new".into()), absent.digest).await.unwrap();
    hinted(&mut hints, |hint| *hint == Hint::Document(document("multipath.cfg"))).await;
    assert_eq!(b.read(document("multipath.cfg")).await.unwrap().digest, digest(b"new"));
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_document_is_written_over_what_a_killed_writer_left() {
    let cluster = Cluster::start(&["pve1"]);
    let store = cluster.open("pve1");
    let left = format!("multipath.cfg.tmp.{}", std::process::id());
    cluster.file(&left, b"half");
    store.write(document("multipath.cfg"), Some("whole".into()), digest(b"")).await.unwrap();
    assert_eq!(files(&cluster, "."), ["corosync.conf", "multipath.cfg", "priv"]);
    store.write(document("multipath.cfg"), None, digest(b"whole")).await.unwrap();
    assert_eq!(files(&cluster, "."), ["corosync.conf", "priv"]);
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_lock_of_another_is_waited_for_and_asked_back() {
    let cluster = Cluster::start(&["pve1"]);
    let store = cluster.open("pve1");
    let lock = cluster.mount().join("priv/lock/file-multipath_cfg");
    std::fs::create_dir_all(&lock).unwrap();
    let writing = {
        let store = store.clone();
        tokio::spawn(
            async move { store.write(document("multipath.cfg"), Some("x".into()), digest(b"")).await },
        )
    };
    let asked = || std::fs::metadata(&lock).unwrap().modified().unwrap() == SystemTime::UNIX_EPOCH;
    super::until("it is asked back", super::SOON, async || asked()).await;
    assert!(
        files(&cluster, "priv/lock").contains(&"domain-multipath".into()),
        "the first lock is held meanwhile"
    );
    std::fs::remove_dir(&lock).unwrap();
    writing.await.unwrap().unwrap();

    std::fs::create_dir(&lock).unwrap();
    let start = std::time::Instant::now();
    let e = store.write(document("multipath.cfg"), Some("y".into()), digest(b"x")).await.unwrap_err();
    assert!(e.to_string().contains("holds the lock") && start.elapsed() >= Duration::from_secs(9), "{e}");
    assert_eq!(files(&cluster, "priv/lock"), ["file-multipath_cfg"], "ours is given back, the other's stays");
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_documents_of_others_are_left_alone() {
    let cluster = Cluster::start(&["pve1"]);
    let store = cluster.open("pve1");
    for name in ["storage.cfg", "corosync.conf", "priv/token.cfg", "pathkeeper"] {
        let e = store.write(document(name), Some("x".into()), digest(b"")).await.unwrap_err();
        assert!(matches!(e, StoreError::Refused(_)), "{name}: {e}");
    }
    let large = bytes::Bytes::from(vec![b'x'; (1 << 20) + 1]);
    let e = store.write(document("multipath.cfg"), Some(large.clone()), digest(b"")).await.unwrap_err();
    assert!(matches!(e, StoreError::Refused(_)), "{e}");
    assert_eq!(files(&cluster, "."), ["corosync.conf"]);
    // The largest there is comes back whole.
    let largest = large.slice(1..);
    let written = store.write(document("multipath.cfg"), Some(largest.clone()), digest(b"")).await.unwrap();
    assert_eq!(store.read(document("multipath.cfg")).await.unwrap().digest, written);
}

#[tokio::test]
#[ignore = "needs libqb"]
async fn pmxcfs_document_that_nobody_waits_for_is_not_written() {
    let cluster = Cluster::start(&["pve1"]);
    let store = cluster.open("pve1");
    settled(&store).await;
    // The comparison under the locks takes its time.
    cluster.tell("pve1", "delay 700 1000");
    let writing = {
        let store = store.clone();
        tokio::spawn(
            async move { store.write(document("multipath.cfg"), Some("x".into()), digest(b"")).await },
        )
    };
    let held = || std::fs::read_dir(cluster.mount().join("priv/lock")).map_or(0, Iterator::count);
    super::until("both locks are held", super::SOON, async || held() == 2).await;
    writing.abort();
    super::until("the locks are given back", super::SOON, async || held() == 0).await;
    assert!(!cluster.mount().join("multipath.cfg").exists());
    assert_eq!(files(&cluster, "."), ["corosync.conf", "priv"]);
}
