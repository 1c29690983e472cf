//! Nights on call, as far as one picture shows them: exactly these findings, with what is counted under causes left out.

use super::lab::lab;

fn check(story: &str, text: &str, expect: &[&str]) {
    assert_eq!(lab(text).codes(), expect, "{story}");
}

#[test]
fn a_lun_is_unmapped_by_mistake_and_queues() {
    // Nobody else uses the ports in this picture, so that it may be anything: the finding stands by itself.
    check("alone", "pve3 backup-01 dddd q\npve3 !untold", &["E LUN_FAILED pve3/backup-01"]);
}

#[test]
fn a_lun_is_resized_and_one_node_is_forgotten() {
    check(
        "grown, pve1 not rescanned",
        "pve1 oracle uuuu z500\npve2 oracle uuuu z750\npve3 oracle uuuu z750\npve4 oracle uuuu z750",
        &["W LUN_SIZE_MISMATCH oracle"],
    );
    check(
        "the array grew it, and nobody resized a map",
        "pve1 oracle uuuu z500 pz750\npve2 oracle uuuu z500 pz750",
        &["W LUN_RESIZE_PENDING oracle"],
    );
}

#[test]
fn multipathd_dies() {
    check(
        "all paths alive: one word for the node, and it is not ours",
        "pve3 a uuuu\npve3 b uuuu\npve3 !down",
        &[],
    );
    check(
        "without a path, queueing",
        "pve3 a dddd q\npve3 b uuuu\npve3 !down",
        &["E QUEUE_WITHOUT_DAEMON pve3/a"],
    );
}

#[test]
fn a_new_node_is_badly_zoned() {
    check(
        "two paths where others have four, on every LUN: one thing to mend",
        "pve1 a uuuu\npve2 a uuuu\npve3 a uuuu\npve4 a uu\npve1 b uuuu\npve2 b uuuu\npve3 b uuuu\npve4 b uu",
        &["W LUN_PATHS_UNEVEN pve4"],
    );
}

#[test]
fn a_volume_group_lies_on_the_wrong_lun() {
    check(
        "a clone is mapped beside its original",
        "pve1 a uuuu pv=P1/prod/V1\npve1 copy uuuu pv=P1/prod/V1\npve2 a uuuu pv=P1/prod/V1",
        &["E VG_DUPLICATE a/P1"],
    );
    check(
        "LVM took the bare device",
        "pve1 a uuuu\npve1 !bypass=sdk:a:LVM_PV_of_VG_prod",
        &["E PATH_BYPASSED pve1/a/sdk"],
    );
}

#[test]
fn the_array_is_unmapped_before_the_nodes() {
    check(
        "decommissioned in the wrong order, and retired too late",
        "pve1 old dddd q\npve2 old dddd q\nretire old\npve1 !untold\npve2 !untold",
        &["E LUN_FAILED pve1/old", "E LUN_FAILED pve2/old"],
    );
}

#[test]
fn a_lun_is_not_assembled_on_one_node() {
    check(
        "four devices are there, and the WWID is not in the file",
        "pve1 vm-prod-03 uuuu\npve2 vm-prod-03 uuuu\npve4 vm-prod-03 - loose=sdk,sdl,sdm,sdn wwids=no",
        &["E LUN_MISSING pve4/vm-prod-03"],
    );
}

#[test]
fn guests_are_counted_where_somebody_tells_of_them() {
    let text = "
        lun a used-by=vms
        lun b used-by=other
        pve1 a uudd
        pve1 b uudd
        pve2 a uuuu
        pve2 b uuud
        pve3 a uuuu
        pve3 !offline
        guest 1 pve1 vms
        guest 2 pve1 other
        guest 3 pve2 vms
        guest 4 pve2 other
        guest 5 pve3 vms";
    let counted = |text: &str| {
        let lab = super::lab::lab(text);
        let (mut found, causes) = lab.judged(&pathkeeper_model::windows::Windows::default());
        lab.with(|picture| pathkeeper_model::problems::count_guests(&mut found, picture, &causes));
        found.iter().map(|finding| (super::lab::line(finding), finding.guests)).collect::<Vec<_>>()
    };
    let of = |all: &[(String, Option<u32>)], what: &str| all.iter().find(|(line, _)| line == what).unwrap().1;
    let all = counted(text);
    assert_eq!(of(&all, "W HBA_DOWN pve1/host7"), Some(2));
    assert_eq!(of(&all, "W LUN_DEGRADED pve2/b"), Some(1));
    assert_eq!(of(&all, "W NODE_OFFLINE pve3"), Some(1));
    let untold: Vec<&str> = text.lines().filter(|line| !line.contains("guest")).collect();
    assert!(counted(&untold.join("\n")).iter().all(|(_, guests)| guests.is_none()), "nobody tells");
}
