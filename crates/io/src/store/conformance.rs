//! The conformance suite: what every store must do, run on every implementation.
//!
//! It panics where the contract is broken; only tests call it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use bytes::Bytes;

use super::{DocumentName, Hint, Hints, Key, STORAGE_CFG, Store, StoreError, Trust, VALUE_BYTES_MAX, digest};

/// Runs the suite with two nodes' access to one empty store. All keys begin with `multipath`, as ours do: a store that
/// others use too may pass over what does not.
pub async fn run(a: &dyn Store, b: &dyn Store) {
    names_are_checked();
    values_stand_under_their_writer(a, b).await;
    values_have_a_bound(a).await;
    hints_come_after_the_change(a, b).await;
    members_are_known(a, b).await;
    documents_are_guarded_by_their_digest(a, b).await;
    of_two_writers_at_once_one_is_told(a, b).await;
    a_foreign_document_is_only_read(a).await;
    who_is_alive_is_not_forgotten(a, b).await;
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn names_are_checked() {
    for bad in ["", "A", "a\"b", "a b", "a/b", "ä", &"x".repeat(201)] {
        assert!(Key::new(bad).is_err(), "{bad:?} must be no key");
    }
    for bad in ["", "/", "a//b", "../a", "a/..", "a/.b", "A"] {
        assert!(DocumentName::new(bad).is_err(), "{bad:?} must be no document");
    }
    DocumentName::new("pathkeeper/rollout").unwrap();
}

async fn values_stand_under_their_writer(a: &dyn Store, b: &dyn Store) {
    a.put(key("multipath"), Bytes::from_static(b"from a")).await.unwrap();
    b.put(key("multipath"), Bytes::from_static(b"from b")).await.unwrap();
    b.put(key("multipath"), Bytes::from_static(b"from b again")).await.unwrap();
    for reader in [a, b] {
        // "Taken" is not yet "seen": a reader looks until it sees, within a bound.
        eventually(|| async {
            reader.get(b.own_node().clone(), key("multipath")).await.unwrap().as_deref()
                == Some(b"from b again")
        })
        .await;
        eventually(|| async {
            reader.get(a.own_node().clone(), key("multipath")).await.unwrap().as_deref() == Some(b"from a")
        })
        .await;
        let list = reader.list().await.unwrap();
        assert_eq!(list.iter().filter(|v| v.key == key("multipath")).count(), 2, "{list:?}");
        let own = reader.own().await.unwrap();
        assert!(own.iter().all(|v| v.writer == *reader.own_node()), "{own:?}");
        assert!(own.iter().any(|v| v.key == key("multipath")), "{own:?}");
    }
    a.clear(key("multipath")).await.unwrap();
    a.clear(key("multipath-never-put")).await.unwrap();
    eventually(|| async { b.get(a.own_node().clone(), key("multipath")).await.unwrap().is_none() }).await;
    assert!(
        b.get(b.own_node().clone(), key("multipath")).await.unwrap().is_some(),
        "another node's value must stay"
    );
}

async fn values_have_a_bound(a: &dyn Store) {
    a.put(key("multipath-large"), Bytes::from(vec![b'x'; VALUE_BYTES_MAX])).await.unwrap();
    let e = a.put(key("multipath-large"), Bytes::from(vec![b'x'; VALUE_BYTES_MAX + 1])).await.unwrap_err();
    assert!(matches!(e, StoreError::Refused(_)), "{e}");
    assert_eq!(
        a.get(a.own_node().clone(), key("multipath-large")).await.unwrap().unwrap().len(),
        VALUE_BYTES_MAX
    );
    a.clear(key("multipath-large")).await.unwrap();
}

async fn hints_come_after_the_change(a: &dyn Store, b: &dyn Store) {
    let mut hints = b.hints();
    assert_eq!(within(&mut hints).await, Hint::Resync, "the first hint");
    a.put(key("multipath-hinted"), Bytes::from_static(b"1")).await.unwrap();
    loop {
        match within(&mut hints).await {
            Hint::Resync => break,
            Hint::Value { writer, key: k } if writer == *a.own_node() && k == key("multipath-hinted") => {
                break;
            }
            _ => {}
        }
    }
    assert!(
        b.get(a.own_node().clone(), key("multipath-hinted")).await.unwrap().is_some(),
        "a hint must not run ahead"
    );
}

async fn members_are_known(a: &dyn Store, b: &dyn Store) {
    let members = a.members().await.unwrap();
    assert_eq!(members.trust, Trust::Whole);
    for node in [a.own_node(), b.own_node()] {
        assert_eq!(members.nodes.get(node), Some(&true), "{node}");
    }
}

async fn documents_are_guarded_by_their_digest(a: &dyn Store, b: &dyn Store) {
    let name = DocumentName::new("multipath.cfg").unwrap();
    let absent = a.read(name.clone()).await.unwrap();
    assert_eq!(
        (absent.bytes.clone(), absent.digest.as_str()),
        (None, "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    );
    let first = a.write(name.clone(), Some("one".into()), absent.digest.clone()).await.unwrap();
    assert_eq!(first, digest(b"one"));
    let e = b.write(name.clone(), Some("two".into()), absent.digest.clone()).await.unwrap_err();
    assert!(matches!(&e, StoreError::Conflict { found, .. } if *found == first), "{e}");
    assert_eq!(
        b.read(name.clone()).await.unwrap().bytes.as_deref(),
        Some(&b"one"[..]),
        "a conflict changes nothing"
    );
    let second = b.write(name.clone(), Some("two".into()), first).await.unwrap();
    assert_eq!(a.read(name.clone()).await.unwrap().digest, second);
    a.write(name.clone(), None, second).await.unwrap();
    assert_eq!(b.read(name).await.unwrap().bytes, None);
}

/// A hundred times two nodes change the same document at once: one does, the other is told, and no change is lost.
async fn of_two_writers_at_once_one_is_told(a: &dyn Store, b: &dyn Store) {
    const ROUNDS: usize = 100;
    let name = DocumentName::new("pathkeeper/rollout").unwrap();
    let read = async |store: &dyn Store| {
        let document = store.read(name.clone()).await.unwrap();
        (String::from_utf8(document.bytes.unwrap_or_default().to_vec()).unwrap(), document.digest)
    };
    for round in 0..ROUNDS {
        let ((text, digest), (same, _)) = (read(a).await, read(b).await);
        assert_eq!(text, same, "both see what was written last");
        assert_eq!(text.lines().count(), round, "{text}");
        let by = |who: &str| Some(format!("{text}{round} {who}\n").into());
        let (by_a, by_b) = tokio::join!(
            a.write(name.clone(), by("a"), digest.clone()),
            b.write(name.clone(), by("b"), digest.clone())
        );
        let (won, lost) = match (by_a, by_b) {
            (Ok(_), Err(lost)) => ("a", lost),
            (Err(lost), Ok(_)) => ("b", lost),
            both => panic!("round {round}: {both:?}"),
        };
        let StoreError::Conflict { expected, found, .. } = &lost else { panic!("round {round}: {lost}") };
        let (now, after) = read(a).await;
        assert_eq!(now, format!("{text}{round} {won}\n"));
        assert_eq!((expected, found), (&digest, &after));
    }
    let (_, digest) = read(a).await;
    a.write(name, None, digest).await.unwrap();
}

async fn a_foreign_document_is_only_read(a: &dyn Store) {
    let name = DocumentName::new(STORAGE_CFG).unwrap();
    let before = a.read(name.clone()).await.unwrap();
    let e = a.write(name.clone(), Some("dir: local\n".into()), before.digest.clone()).await.unwrap_err();
    assert!(matches!(e, StoreError::Refused(_)), "{e}");
    assert_eq!(a.read(name).await.unwrap(), before);
}

async fn who_is_alive_is_not_forgotten(a: &dyn Store, b: &dyn Store) {
    let e = a.forget(b.own_node().clone()).await.unwrap_err();
    assert!(matches!(e, StoreError::Refused(_)), "{e}");
    assert_eq!(a.members().await.unwrap().nodes.get(b.own_node()), Some(&true));
}

async fn within(hints: &mut Hints) -> Hint {
    tokio::time::timeout(Duration::from_secs(10), hints.next())
        .await
        .expect("a hint within 10 s")
        .expect("an open store")
}

async fn eventually<F: Future<Output = bool>>(look: impl Fn() -> F) {
    for _ in 0..200 {
        if look().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the change was not seen within 10 s");
}
