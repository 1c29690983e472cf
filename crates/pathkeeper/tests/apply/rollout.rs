//! A rollout over several agents: one goes first, nobody follows a failure, and each node decides for itself.

use std::time::{Duration, Instant};

use pathkeeper_io::managing::MARK_FILE;
use pathkeeper_io::store::{Key, Store as _, Trust};
use pathkeeper_model::EpochS;
use pathkeeper_model::config::rollout::Progress;
use pathkeeper_model::config::texts::TEXTS_DOCUMENT;
use pathkeeper_model::multipath_cfg::CONFIG_DOCUMENT;

use super::lab::{Lab, MAIN, OVERRIDES, name};
use super::played::is_root;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_knob_reaches_all_nodes_and_one_goes_first() {
    if !is_root() {
        return;
    }
    let lab = Lab::started(3).await;
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    lab.all_say(1, "verified verified verified").await;
    let began = Instant::now();
    lab.roll_out(&lab.text("\tno-path-retry 7\n"), "", |_| {}).await;
    let said = lab.all_say(2, "verified verified verified").await;
    eprintln!("one changed knob, three nodes, verified after {:?}", began.elapsed());
    for n in 0..3 {
        assert!(lab.has(n, "no_path_retry \"7\""), "{:?}", lab.file(n, MAIN));
        assert_eq!(lab.orders(n), ["reconfigure", "reconfigure"]);
    }
    // The canary is the first by name, and was done before the others.
    let since = |n: usize| said[name(n).as_str()].since;
    assert!(since(0) <= since(1) && since(0) <= since(2), "{said:#?}");
    // The same once more is nothing to do, anywhere.
    lab.roll_out(&lab.text("\tno-path-retry 7\n"), "", |_| {}).await;
    lab.all_say(3, "current current current").await;
    assert_eq!(lab.orders(1).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_follows_a_canary_that_is_refused_and_an_abort_brings_back_what_was() {
    if !is_root() {
        return;
    }
    let lab = Lab::started(3).await;
    let good = lab.text("\tno-path-retry 12\n");
    lab.roll_out(&good, "", |_| {}).await;
    lab.all_say(1, "verified verified verified").await;
    let before: Vec<Option<String>> = (0..3).map(|n| lab.file(n, MAIN)).collect();
    let broken = "overrides {\n\tno_such_keyword 1\n}\n";
    lab.roll_out(&lab.text("\tno-path-retry 7\n"), broken, |_| {}).await;
    let said = lab.all_say(2, "rolled-back waiting waiting").await;
    let why = said["pve1"].why.clone().unwrap();
    assert!(
        why.contains("multipath -t refuses it") && why.contains("90-pathkeeper-overrides.conf:"),
        "{why}"
    );
    lab.until_why(1, "it is rolled-back on pve1").await;
    lab.until_why(2, "it is rolled-back on pve1").await;
    for (n, before) in before.iter().enumerate() {
        assert_eq!((lab.file(n, MAIN), lab.file(n, OVERRIDES)), (before.clone(), None));
        assert_eq!(lab.orders(n), ["reconfigure"]);
    }
    // The abort is a generation of its own that has nothing to do.
    lab.roll_out(&good, "", |_| {}).await;
    lab.all_say(3, "current current current").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observing_node_is_touched_by_nobody_and_holds_up_nobody() {
    if !is_root() {
        return;
    }
    let lab = Lab::started(3).await;
    std::fs::remove_file(lab.nodes[0].played.root().join("etc").join(MARK_FILE)).unwrap();
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    let said = lab.all_say(1, "not-applicable verified verified").await;
    assert!(said["pve1"].why.as_ref().unwrap().contains("this node observes"), "{said:#?}");
    assert_eq!((lab.file(0, MAIN), lab.orders(0)), (None, vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_takes_what_is_in_force_and_not_what_is_pending() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::started(3).await;
    lab.stop(2).await;
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    lab.all_say(1, "verified verified -").await;
    // Somebody writes on, and applies nothing.
    lab.document(CONFIG_DOCUMENT, lab.text("\tno-path-retry 3\n").as_bytes()).await;
    lab.start(2).await;
    lab.all_say(1, "verified verified verified").await;
    assert!((0..3).all(|n| lab.has(n, "no_path_retry \"12\"")));
    // What other hands make of the documents changes nothing either.
    for text in ["", "wwid: a\n\tno_such\n", "\u{0}\u{0}"] {
        lab.document(CONFIG_DOCUMENT, text.as_bytes()).await;
        lab.document(TEXTS_DOCUMENT, b"{\"v\":1,\"texts\":{").await;
    }
    lab.stop(2).await;
    lab.start(2).await;
    lab.all_say(1, "verified verified verified").await;
    assert!((0..3).all(|n| lab.has(n, "no_path_retry \"12\"") && lab.orders(n).len() == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_at_work_blocks_all_until_a_person_resumes() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::started(3).await;
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    lab.all_say(1, "verified verified verified").await;
    // It asks multipathd and hears nothing any more; then the node is gone.
    let daemon = lab.nodes[0].played.daemon.clone();
    lab.roll_out(&lab.text("\tno-path-retry 7\n"), "", |_| {}).await;
    lab.all_say(2, "applying - -").await;
    daemon.lock().unwrap().hangs = true;
    lab.stop(0).await;
    let said = lab.all_say(2, "applying waiting waiting").await;
    let why = lab.until_why(1, "began and was not heard of again").await;
    assert!(why.contains("pathkeeper config rollout resume"), "{why} {said:#?}");
    assert!(lab.orders(1).len() == 1 && lab.orders(2).len() == 1);
    let since = lab.said().await["pve1"].since;
    lab.change(|rollout| {
        rollout.resumed.insert(name(0), since);
    })
    .await;
    lab.all_say(2, "applying verified verified").await;
    // It comes back, looks what is there, and applies nothing anew.
    daemon.lock().unwrap().hangs = false;
    lab.start(0).await;
    let said = lab.until_done(2, 0).await;
    assert!(lab.orders(0).len() <= 2, "{said:?}: {:?}", lab.orders(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_whole_cluster_nobody_begins() {
    if !is_root() {
        return;
    }
    let lab = Lab::started(2).await;
    lab.hub.set_trust(Trust::None { why: "no quorum".into(), since: EpochS(5) });
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    let said = lab.all_say(1, "waiting waiting").await;
    assert!(said["pve1"].why.as_ref().unwrap().contains("does not see the whole cluster"), "{said:#?}");
    assert_eq!(lab.file(0, MAIN), None);
    lab.hub.set_trust(Trust::Whole);
    lab.all_say(1, "verified verified").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_alone_is_applied_then_all() {
    if !is_root() {
        return;
    }
    let lab = Lab::started(3).await;
    let text = lab.text("\tno-path-retry 12\n");
    lab.roll_out(&text, "", |rollout| rollout.only = Some(name(1))).await;
    let said = lab.all_say(1, "waiting verified waiting").await;
    assert!(said["pve1"].why.as_ref().unwrap().contains("for pve2 alone"), "{said:#?}");
    assert!(lab.has(1, "no_path_retry") && lab.file(0, MAIN).is_none());
    lab.roll_out(&text, "", |_| {}).await;
    lab.all_say(2, "verified current verified").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_set_up_by_hand_is_refused_until_somebody_takes_it_over() {
    let lab = Lab::started(2).await;
    for node in &lab.nodes {
        node.played.put("state/config/wwids-added", "# ours\n");
    }
    let text = lab.text("");
    lab.roll_out(&text, "", |_| {}).await;
    let said = lab.all_say(1, "rolled-back rolled-back").await;
    let why = said["pve1"].why.as_ref().unwrap();
    assert!(why.contains("refused, and nothing was touched") && why.contains("--adopt"), "{why}");
    assert_eq!((lab.file(0, MAIN), lab.orders(0)), (None, vec![]));
    if !is_root() {
        return;
    }
    let adopt = lab.wwids.iter().map(|wwid| pathkeeper_model::Wwid::new(wwid).unwrap()).collect();
    lab.roll_out(&text, "", |rollout| rollout.confirmed.adopt = adopt).await;
    lab.all_say(2, "verified verified").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_by_other_hands_is_told_and_not_mended() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::started(1).await;
    lab.roll_out(&lab.text("\tno-path-retry 12\n"), "", |_| {}).await;
    lab.all_say(1, "verified").await;
    let theirs = "# somebody's\ndefaults {\n}\n";
    lab.nodes[0].played.put(MAIN, theirs);
    // It is looked at each minute, and at the start.
    lab.stop(0).await;
    lab.start(0).await;
    let began = Instant::now();
    let drift = loop {
        if let Some(drift) = lab.said().await["pve1"].drift.clone() {
            break drift;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{:#?}", lab.said().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(drift.contains("60-pathkeeper.conf was changed by other hands"), "{drift}");
    assert_eq!((lab.file(0, MAIN).as_deref(), lab.orders(0).len()), (Some(theirs), 1));
    assert_eq!(lab.said().await["pve1"].progress, Progress::Verified);
    let key = Key::new("multipath-apply").unwrap();
    assert_eq!(lab.store.get(name(0), key).await.unwrap(), None, "no apply failed");
}
