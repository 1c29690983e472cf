//! Scripts: what happens, and every message with its second, its sender and what it says.

use expect_test::expect;
use pathkeeper_model::finding::{Finding, Severity};

use super::fleet::{Fleet, hba, muted, port, queueing};

#[test]
fn one_message_and_one_resolved_whoever_is_asked() {
    let mut fleet = Fleet::new(5);
    fleet.truth = vec![hba("pve02")];
    fleet.run(600);
    fleet.truth.clear();
    fleet.run(600);
    expect![[r#"
        62 pve01 firing HBA_DOWN pve02/host7 warning
        662 pve01 resolved HBA_DOWN pve02/host7 warning cleared
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn what_is_over_before_anybody_was_told_is_not_told() {
    let mut fleet = Fleet::new(3);
    for _ in 0..10 {
        fleet.truth = vec![hba("pve02")];
        fleet.run(50);
        fleet.truth.clear();
        fleet.run(10);
    }
    expect![""].assert_eq(&fleet.news());
    // And what comes back before it was told as over is the same alert.
    fleet.truth = vec![hba("pve02")];
    fleet.run(100);
    for _ in 0..5 {
        fleet.truth.clear();
        fleet.run(40);
        fleet.truth = vec![hba("pve02")];
        fleet.run(40);
    }
    expect![[r#"
        662 pve01 firing HBA_DOWN pve02/host7 warning
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn the_next_one_tells_when_the_first_is_dead() {
    let mut fleet = Fleet::new(4);
    fleet.truth = vec![hba("pve03")];
    fleet.run(30);
    fleet.kill(1);
    fleet.run(120);
    // It dies after it has told; another one says that it is over.
    fleet.kill(2);
    fleet.run(5);
    fleet.truth.clear();
    fleet.machines[2].stale = false;
    fleet.run(400);
    expect![[r#"
        62 pve02 firing HBA_DOWN pve03/host7 warning
        92 pve02 firing NODE_OFFLINE pve01 warning
        452 pve03 firing STORE_PARTIAL error partial
    "#]]
    .assert_eq(&fleet.news());
    // Two of four are no quorum: nothing is over by that. With one more it is.
    fleet.start(2);
    fleet.run(400);
    expect![[r#"
        617 pve02 resolved HBA_DOWN pve03/host7 warning cleared
        617 pve02 resolved STORE_PARTIAL error cleared
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn one_who_says_that_it_is_over_is_not_contradicted_by_one_who_has_not_heard() {
    let mut fleet = Fleet::new(5);
    fleet.kill(1);
    fleet.run(200);
    assert_eq!(fleet.kept.len(), 1, "told");
    // It is the first again, and says so itself; the one that told it says that it stands until it hears of that.
    fleet.start(1);
    fleet.run(200);
    expect![[r#"
        62 pve02 firing NODE_OFFLINE pve01 warning
        262 pve01 resolved NODE_OFFLINE pve01 warning cleared
    "#]]
    .assert_eq(&fleet.news());
    assert_eq!(fleet.kept, [].into());
}

#[test]
fn another_severity_by_anothers_word_ends_the_alert_of_the_old_one() {
    let mut fleet = Fleet::new(5);
    fleet.kill(1);
    fleet.truth = vec![hba("pve03")];
    fleet.run(200);
    fleet.start(1);
    fleet.run(200);
    fleet.truth = vec![Finding { severity: Severity::Error, ..hba("pve03") }];
    fleet.run(100);
    expect![[r#"
        62 pve02 firing HBA_DOWN pve03/host7 warning
        62 pve02 firing NODE_OFFLINE pve01 warning
        262 pve01 resolved NODE_OFFLINE pve01 warning cleared
        412 pve01 update HBA_DOWN pve03/host7 error
    "#]]
    .assert_eq(&fleet.news());
    assert_eq!(fleet.kept, [((&hba("pve03").fingerprint()).into(), Severity::Error)].into());
}

#[test]
fn a_claim_of_one_who_died_is_taken_over() {
    let mut fleet = Fleet::new(5);
    fleet.machines[0].sink_down = true;
    fleet.truth = vec![hba("pve03")];
    fleet.run(61);
    fleet.kill(1);
    fleet.run(100);
    fleet.truth.clear();
    fleet.run(100);
    expect![[r#"
        63 pve02 firing HBA_DOWN pve03/host7 warning
        123 pve02 firing NODE_OFFLINE pve01 warning
        223 pve02 resolved HBA_DOWN pve03/host7 warning cleared
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn a_sink_that_one_node_cannot_reach_is_reached_by_another() {
    let mut fleet = Fleet::new(5);
    fleet.machines[0].sink_down = true;
    fleet.truth = vec![hba("pve03")];
    fleet.run(200);
    fleet.machines[0].sink_down = false;
    fleet.run(200);
    fleet.truth.clear();
    fleet.run(200);
    expect![[r#"
        138 pve02 firing HBA_DOWN pve03/host7 warning
        462 pve01 resolved HBA_DOWN pve03/host7 warning cleared
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn both_sides_of_a_partition_and_the_heal() {
    let mut fleet = Fleet::new(5);
    fleet.truth = vec![hba("pve01"), hba("pve04")];
    fleet.run(100);
    expect![[r#"
        62 pve01 firing HBA_DOWN pve01/host7 warning
        62 pve01 firing HBA_DOWN pve04/host7 warning
    "#]]
    .assert_eq(&fleet.news());
    fleet.part(3);
    // It is repaired where only the small side sees it, and another breaks on each side.
    fleet.truth = vec![hba("pve04"), queueing("pve02", "w1"), hba("pve05")];
    fleet.run(600);
    expect![[r#"
        112 pve01 firing LUN_QUEUEING pve02/w1 error partial
        162 pve03 firing HBA_DOWN pve05/host7 warning
        162 pve03 firing NODE_OFFLINE pve01 warning
        162 pve03 firing NODE_OFFLINE pve02 warning
        402 pve01 firing STORE_PARTIAL error partial
    "#]]
    .assert_eq(&fleet.news());
    fleet.heal();
    fleet.run(300);
    expect![[r#"
        762 pve01 resolved HBA_DOWN pve01/host7 warning cleared
        762 pve01 resolved NODE_OFFLINE pve01 warning cleared
        762 pve01 resolved NODE_OFFLINE pve02 warning cleared
        762 pve01 resolved STORE_PARTIAL error cleared
    "#]]
    .assert_eq(&fleet.news());
    fleet.truth.clear();
    fleet.run(300);
    expect![[r#"
        1062 pve01 resolved HBA_DOWN pve04/host7 warning cleared
        1062 pve01 resolved HBA_DOWN pve05/host7 warning cleared
        1062 pve01 resolved LUN_QUEUEING pve02/w1 error cleared
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn doubt_resolves_nothing() {
    let mut fleet = Fleet::new(3);
    fleet.truth = vec![hba("pve02"), port(&["pve02", "pve03"])];
    fleet.run(100);
    fleet.machines[1].stale = true;
    fleet.truth = vec![port(&["pve02", "pve03"])];
    fleet.run(600);
    expect![[r#"
        62 pve01 firing HBA_DOWN pve02/host7 warning
        62 pve01 firing TARGET_PORT_DOWN ctl1-0e warning
        162 pve01 firing NODE_STALE pve02 warning
    "#]]
    .assert_eq(&fleet.news());
    // The store is lost everywhere, and the port is up: nobody can know.
    fleet.machines.iter_mut().for_each(|machine| machine.stalled = true);
    fleet.truth.clear();
    fleet.run(200);
    expect![""].assert_eq(&fleet.news());
    fleet.machines.iter_mut().for_each(|machine| machine.stalled = false);
    fleet.run(200);
    expect![""].assert_eq(&fleet.news());
    // pve02 speaks again.
    fleet.machines[1].stale = false;
    fleet.run(200);
    expect![[r#"
        1162 pve01 resolved HBA_DOWN pve02/host7 warning cleared
        1162 pve01 resolved NODE_STALE pve02 warning cleared
        1162 pve01 resolved TARGET_PORT_DOWN ctl1-0e warning cleared
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn everybody_fails_open_without_a_store() {
    let mut fleet = Fleet::new(3);
    fleet.machines.iter_mut().for_each(|machine| machine.stalled = true);
    fleet.truth = vec![hba("pve02")];
    fleet.run(400);
    expect![[r#"
        62 pve02 firing HBA_DOWN pve02/host7 warning partial
        302 pve01 firing STORE_PARTIAL error partial
        302 pve02 firing STORE_PARTIAL error partial
        302 pve03 firing STORE_PARTIAL error partial
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn an_agent_that_restarts_and_a_whole_cluster_that_does() {
    let mut fleet = Fleet::new(3);
    fleet.truth = vec![hba("pve02")];
    fleet.run(100);
    fleet.start(1);
    fleet.run(300);
    (1..=3).for_each(|number| fleet.start(number));
    fleet.truth.clear();
    fleet.run(300);
    expect![[r#"
        62 pve01 firing HBA_DOWN pve02/host7 warning
        462 pve01 resolved HBA_DOWN pve02/host7 warning cleared
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn worse_is_an_update_and_growth_is_not_one_message_each() {
    let mut fleet = Fleet::new(3);
    let grown = |luns: u32, severity: Severity| {
        let mut finding = Finding { severity, ..hba("pve02") };
        finding.explains.as_mut().unwrap().luns = luns;
        finding
    };
    fleet.truth = vec![grown(1, Severity::Warning)];
    fleet.run(100);
    for luns in 2..100 {
        fleet.truth = vec![grown(luns, Severity::Warning)];
        fleet.run(20);
    }
    expect![[r#"
        62 pve01 firing HBA_DOWN pve02/host7 warning
        962 pve01 update HBA_DOWN pve02/host7 warning
        1862 pve01 update HBA_DOWN pve02/host7 warning
    "#]]
    .assert_eq(&fleet.news());
    fleet.truth = vec![grown(100, Severity::Error)];
    fleet.run(100);
    expect![[r#"
        2072 pve01 update HBA_DOWN pve02/host7 error
    "#]]
    .assert_eq(&fleet.news());
    // Better than it was is no news until it is over.
    fleet.truth = vec![grown(1, Severity::Warning)];
    fleet.run(2000);
    fleet.truth.clear();
    fleet.run(100);
    expect![[r#"
        4222 pve01 resolved HBA_DOWN pve02/host7 error cleared
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn what_people_muted_is_not_told_and_what_they_mute_later_ends() {
    let mut fleet = Fleet::new(3);
    fleet.truth = vec![muted(&hba("pve01"), false), muted(&hba("pve02"), true), hba("pve03")];
    fleet.run(300);
    expect![[r#"
        62 pve01 firing HBA_DOWN pve03/host7 warning
    "#]]
    .assert_eq(&fleet.news());
    fleet.truth = vec![hba("pve01"), muted(&hba("pve03"), false)];
    fleet.run(300);
    expect![[r#"
        312 pve01 resolved HBA_DOWN pve03/host7 warning muted (muted, by kb: known; it has not recovered)
        362 pve01 firing HBA_DOWN pve01/host7 warning
    "#]]
    .assert_eq(&fleet.news());
    // It was muted, and clears: that is told nobody. The mute ends first: it is told anew.
    fleet.truth = vec![muted(&hba("pve01"), true), hba("pve03")];
    fleet.run(300);
    expect![[r#"
        612 pve01 resolved HBA_DOWN pve01/host7 warning window (a maintenance window hides it, by kb: known; it has not recovered)
        662 pve01 firing HBA_DOWN pve03/host7 warning
    "#]].assert_eq(&fleet.news());
}

#[test]
fn a_node_that_is_offline_and_then_stale_is_one_alert() {
    let mut fleet = Fleet::new(3);
    fleet.kill(3);
    fleet.run(300);
    fleet.machines[2].stale = true;
    fleet.start(3);
    fleet.run(300);
    fleet.machines[2].stale = false;
    fleet.run(300);
    expect![[r#"
        62 pve01 firing NODE_OFFLINE pve03 warning
        662 pve01 resolved NODE_OFFLINE pve03 warning cleared
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn clocks_decide_nothing() {
    let mut fleet = Fleet::new(4);
    fleet.machines[0].clock_off_s = -86_400 * 400;
    fleet.machines[1].clock_off_s = 86_400 * 400;
    fleet.truth = vec![hba("pve04")];
    fleet.run(100);
    fleet.kill(1);
    fleet.run(5);
    fleet.truth.clear();
    fleet.machines[1].clock_off_s = 0;
    fleet.run(300);
    expect![[r#"
        62 pve01 firing HBA_DOWN pve04/host7 warning
        162 pve02 firing NODE_OFFLINE pve01 warning
        167 pve02 resolved HBA_DOWN pve04/host7 warning cleared
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn reminders_come_from_whoever_told_it() {
    let mut fleet = Fleet::new(3);
    for number in 1..=3 {
        fleet.machines[number - 1].config = |config| config.remind_ms = Some(600_000);
        fleet.start(number);
    }
    fleet.truth = vec![hba("pve02")];
    fleet.run(1400);
    expect![[r#"
        62 pve01 firing HBA_DOWN pve02/host7 warning
        662 pve01 reminder HBA_DOWN pve02/host7 warning
        1262 pve01 reminder HBA_DOWN pve02/host7 warning
    "#]]
    .assert_eq(&fleet.news());
}

#[test]
fn so_many_alerts_and_no_more_at_a_time() {
    let mut fleet = Fleet::new(2);
    let many = |n: usize| (0..n).map(|at| queueing("pve01", &format!("3600a{at:04}"))).collect::<Vec<_>>();
    fleet.truth = many(100);
    fleet.run(300);
    assert_eq!(fleet.arrived.len(), pathkeeper_engine::alerts::FIRING_MAX);
    fleet.truth = many(0);
    fleet.run(300);
    let resolved = fleet.arrived.iter().filter(|of| of.message.ending.is_some()).count();
    assert_eq!((fleet.arrived.len(), resolved), (64, 32));
}
