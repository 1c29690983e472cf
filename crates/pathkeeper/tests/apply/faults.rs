//! A rollout while things go wrong: nodes that hang, hold, are cut off, stall, join, and people who are in a hurry.

use std::time::Duration;

use pathkeeper_engine::sim::multipathd::{Chk, PathDm};
use pathkeeper_model::config::rollout::Applied;

use super::gate::Way;
use super::lab::{Lab, MAIN, name};
use super::played::is_root;

/// How long pmxcfs was seen to stall when a node of it died.
const STALL: Duration = Duration::from_secs(26);

fn retry(n: u32) -> String {
    format!("\tno-path-retry {n}\n")
}

impl Lab {
    /// A path of the first LUN fails on a node, or is back.
    fn set_path(&self, n: usize, usable: bool) {
        let mut daemon = self.nodes[n].played.daemon.lock().unwrap();
        let path = &mut daemon.all.paths[0];
        (path.dm, path.chk) = match usable {
            true => (PathDm::Active, Chk::Up),
            false => (PathDm::Failed, Chk::Down),
        };
    }

    /// The canary takes a configuration, and its multipathd hangs on it.
    async fn hang_the_canary(&self, generation: u64) {
        let daemon = self.nodes[0].played.daemon.clone();
        daemon.lock().unwrap().hangs_on_reconfigure = true;
        self.roll_out(&self.text(&retry(7)), "", |_| {}).await;
        self.until("the hang", || daemon.lock().unwrap().hangs.then_some(())).await;
        self.all_say(generation, "applying -").await;
    }

    fn works_again(&self) {
        let mut daemon = self.nodes[0].played.daemon.lock().unwrap();
        (daemon.hangs, daemon.hangs_on_reconfigure) = (false, false);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_configurations_in_quick_succession_the_newest_is_in_force_and_none_is_applied_twice() {
    if !is_root() {
        return;
    }
    let lab = Lab::applied(3).await;
    for (generation, value) in [(2, 7), (3, 8), (4, 9)] {
        lab.roll_out(&lab.text(&retry(value)), "", |_| {}).await;
        if generation == 3 {
            // In the middle of it, too.
            lab.all_say(3, "applying - -").await;
        }
    }
    lab.all_say(4, "verified verified verified").await;
    for n in 0..3 {
        assert!(lab.has(n, "no_path_retry \"9\""), "{:?}", lab.file(n, MAIN));
        let orders = lab.orders(n);
        assert!(orders.len() <= 4 && orders.iter().all(|order| order == "reconfigure"), "{orders:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_that_holds_lets_another_go_first_and_goes_when_it_is_forced() {
    if !is_root() {
        return;
    }
    let lab = Lab::applied(3).await;
    lab.set_path(0, false);
    lab.until_seen(0, "degraded").await;
    lab.roll_out(&lab.text(&retry(7)), "", |_| {}).await;
    let said = lab.all_say(2, "held verified verified").await;
    let why = said["pve1"].why.clone().unwrap();
    assert!(why.contains("sda") || why.contains("path"), "{why}");
    assert!(lab.has(0, "no_path_retry \"12\"") && lab.orders(0).len() == 1);
    lab.change(|rollout| _ = rollout.force.insert(name(0))).await;
    lab.all_say(2, "verified verified verified").await;
    assert!(lab.has(0, "no_path_retry \"7\"") && lab.orders(0).len() == 2);
    // What holds goes on by itself when the paths are back.
    lab.roll_out(&lab.text(&retry(5)), "", |_| {}).await;
    lab.all_say(3, "held verified verified").await;
    lab.set_path(0, true);
    lab.all_say(3, "verified verified verified").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_whose_multipathd_hangs_has_its_files_back_and_nobody_follows() {
    if !is_root() {
        return;
    }
    let lab = Lab::applied(2).await;
    lab.hang_the_canary(2).await;
    let said: Applied = lab.until_done(2, 0).await;
    assert!(said.progress.is_wrong(), "{said:?}");
    assert!(lab.has(0, "no_path_retry \"12\""), "{:?}", lab.file(0, MAIN));
    lab.until_why(1, "on pve1").await;
    assert_eq!((lab.orders(1).len(), lab.has(1, "no_path_retry \"12\"")), (1, true));
    // A person looked, and multipathd works again: it goes once more, and the other follows.
    lab.works_again();
    lab.until_seen(0, "optimal").await;
    lab.change(|rollout| _ = rollout.resumed.insert(name(0), said.since)).await;
    lab.all_say(2, "verified verified").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_that_is_cut_off_in_the_middle_blocks_until_it_is_heard_again() {
    if !is_root() {
        return;
    }
    let lab = Lab::applied(3).await;
    lab.hang_the_canary(2).await;
    lab.nodes[0].gate.set(Way::Cut).await;
    lab.hub.set_member(&name(0), false);
    lab.works_again();
    lab.until_why(1, "began and was not heard of again").await;
    lab.until_why(2, "began and was not heard of again").await;
    assert!(lab.orders(1).len() == 1 && lab.orders(2).len() == 1);
    lab.nodes[0].gate.set(Way::Open).await;
    lab.hub.set_member(&name(0), true);
    lab.all_say(2, "verified verified verified").await;
    assert!(lab.orders(0).len() <= 2, "{:?}", lab.orders(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minority_takes_nothing_and_catches_up_when_it_is_back() {
    if !is_root() {
        return;
    }
    let lab = Lab::applied(3).await;
    lab.nodes[2].gate.set(Way::Cut).await;
    lab.hub.set_member(&name(2), false);
    lab.roll_out(&lab.text(&retry(7)), "", |_| {}).await;
    lab.all_say(2, "verified verified -").await;
    lab.roll_out(&lab.text(&retry(8)), "", |_| {}).await;
    lab.all_say(3, "verified verified -").await;
    assert!(lab.has(2, "no_path_retry \"12\"") && lab.orders(2).len() == 1);
    lab.nodes[2].gate.set(Way::Open).await;
    lab.hub.set_member(&name(2), true);
    lab.all_say(3, "verified verified verified").await;
    // Generation 2 is over: nobody goes through it any more.
    assert!(lab.has(2, "no_path_retry \"8\"") && lab.orders(2).len() == 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stalls_for_26_s_delays_and_breaks_nothing() {
    if !is_root() {
        return;
    }
    let lab = Lab::applied(3).await;
    lab.roll_out(&lab.text(&retry(7)), "", |_| {}).await;
    lab.all_say(2, "applying - -").await;
    for node in &lab.nodes {
        node.gate.set(Way::Stalled).await;
    }
    // The length of it is what is tried.
    tokio::time::sleep(STALL).await;
    for node in &lab.nodes {
        node.gate.set(Way::Open).await;
    }
    lab.all_say(2, "verified verified verified").await;
    for n in 0..3 {
        assert!(lab.has(n, "no_path_retry \"7\""));
        assert_eq!(lab.orders(n), ["reconfigure", "reconfigure"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_nothing_to_do_with_it_goes_not_first() {
    if !is_root() {
        return;
    }
    // The first node has no multipath-tools; the second does not carry the LUN.
    let mut lab = Lab::new(4).await;
    lab.nodes[0].without_tools = true;
    let wwid = {
        let all = &mut lab.nodes[1].played.daemon.lock().unwrap().all;
        let gone = all.maps.pop().unwrap();
        // Maps name their paths by place.
        let stay = |at: &usize| all.paths[*at].wwid != gone.wwid;
        let places: Vec<usize> = (0..all.paths.len()).filter(stay).collect();
        for at in all.maps.iter_mut().flat_map(|map| &mut map.groups).flat_map(|group| &mut group.paths) {
            *at = places.binary_search(at).unwrap();
        }
        all.paths.retain(|path| path.wwid != gone.wwid);
        gone.wwid
    };
    for n in 0..4 {
        lab.start(n).await;
    }
    lab.roll_out(&lab.text(&retry(12)), "", |_| {}).await;
    let said = lab.all_say(1, "not-applicable verified verified verified").await;
    assert!(said["pve1"].why.as_ref().unwrap().contains("multipath-tools is not installed"), "{said:#?}");
    assert_eq!(lab.file(0, MAIN), None);
    let text = lab
        .text(&retry(12))
        .replace(&format!("wwid: {wwid}\n"), &format!("wwid: {wwid}\n\tno-path-retry 3\n"));
    // The one that would be first carries it and is slow: the second waits for it all the same.
    lab.roll_out(&text, "", |_| {}).await;
    lab.until_why(1, "pve3").await;
    lab.all_say(2, "not-applicable verified verified verified").await;
    // A node that was never there takes what is in force.
    lab.stop(3).await;
    lab.roll_out(&lab.text(&retry(4)), "", |_| {}).await;
    lab.all_say(3, "not-applicable verified verified -").await;
    lab.start(3).await;
    lab.all_say(3, "not-applicable verified verified verified").await;
}

impl Lab {
    /// A node's own picture says this of the first LUN's map there.
    async fn until_seen(&self, n: usize, state: &str) {
        let wwid = self.nodes[n].played.daemon.lock().unwrap().all.paths[0].wwid.clone();
        let node = self.nodes[n].name.clone();
        self.until(state, || {
            let board = &self.nodes[n].app.as_ref().unwrap().board;
            let cell = board.snapshot()?.cell(&wwid, node.as_str())?;
            (cell.state == state).then_some(())
        })
        .await;
    }
}
