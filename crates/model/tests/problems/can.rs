//! "Can I?": a table of questions and answers, and what holds of every answer.

use expect_test::{Expect, expect};
use pathkeeper_model::can::{Can, Deed, Verdict};
use pathkeeper_model::windows::Windows;
use proptest::prelude::*;

use super::lab::{Lab, lab, name};

fn text(can: &Can) -> String {
    let lines = can.lines.iter().map(|(kind, text)| format!("  {:8}{text}\n", kind.as_str()));
    format!(
        "{} {} of {} nodes\n{}",
        can.verdict.as_str(),
        can.nodes.0,
        can.nodes.1,
        lines.collect::<String>()
    )
}

fn ask(text_of: &str, deed: Deed, of: &str) -> String {
    match lab(text_of).can(deed, of, &Windows::default()) {
        Ok(can) => text(&can),
        Err(why) => format!("{why}\n"),
    }
}

fn check(text_of: &str, deed: Deed, of: &str, expect: &Expect) {
    expect.assert_eq(&ask(text_of, deed, of));
}

/// Three nodes, two LUNs, all well.
const WELL: &str = "
    lun a alias=backup-01 used-by=backup
    lun b alias=vm-01 used-by=vms
    pve1 a uuuu open=1
    pve1 b uuuu open=2
    pve1 !unit=enabled
    pve2 a uuuu open=1
    pve2 b uuuu open=0
    pve2 !unit=enabled
    pve3 a uuuu open=1
    pve3 b uuuu open=0
    pve3 !unit=enabled
    guest 101 pve1 vms web ha
    guest 102 pve2 vms db
    guest 103 pve1 local other
";

fn well(more: &str) -> String {
    let more: Vec<&str> = more.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let place = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let replaced = |line: &&str| !more.iter().any(|other| place(other) == place(line) && !line.contains('!'));
    let kept: Vec<&str> = WELL.lines().map(str::trim).filter(replaced).collect();
    format!("{}\n{}", kept.join("\n"), more.join("\n"))
}

#[test]
fn reboot() {
    check(
        &well(""),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            yes 3 of 3 nodes
              ok      shuts down: no LUN queues or hangs on pve1
              ok      guests: 1 of 1 can find their LUNs on another node
              ok      quorum: 2 of 3 votes stay, if each node has one
              ok      comes back: nothing is known that would keep its LUNs away after the boot
        "#]],
    );
    check(
        &well("pve1 a dddd q"),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            no 3 of 3 nodes
              stop    shutdown of pve1 would hang: backup-01 has no path and queues
              ok      guests: 1 of 1 can find their LUNs on another node
              ok      quorum: 2 of 3 votes stay, if each node has one
              ok      comes back: nothing is known that would keep its LUNs away after the boot
              first   pathkeeper explain backup-01: cure that, then ask again
        "#]],
    );
    check(
        &well("pve1 a dddd q30"),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            no 3 of 3 nodes
              stop    shutdown of pve1 would hang until queueing ends: backup-01
              ok      guests: 1 of 1 can find their LUNs on another node
              ok      quorum: 2 of 3 votes stay, if each node has one
              ok      comes back: nothing is known that would keep its LUNs away after the boot
              first   wait until queueing ends, or mend the paths, then ask again
        "#]],
    );
    check(
        &well("pve1 a uuuu s"),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            no 3 of 3 nodes
              stop    shutdown of pve1 would hang: backup-01 is suspended
              ok      guests: 1 of 1 can find their LUNs on another node
              ok      quorum: 2 of 3 votes stay, if each node has one
              ok      comes back: nothing is known that would keep its LUNs away after the boot
              first   pathkeeper explain backup-01: cure that, then ask again
        "#]],
    );
    check(
        &well("pve1 a dddd"),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            yes 3 of 3 nodes
              ok      shuts down: no LUN queues or hangs on pve1
              ok      guests: 1 of 1 can find their LUNs on another node
              ok      quorum: 2 of 3 votes stay, if each node has one
              ok      comes back: nothing is known that would keep its LUNs away after the boot
        "#]],
    );
    check(
        &well("pve2 b uudd"),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            yes-but 3 of 3 nodes
              ok      shuts down: no LUN queues or hangs on pve1
              ok      guests: 1 of 1 can find their LUNs on another node
              ok      quorum: 2 of 3 votes stay, if each node has one
              ok      comes back: nothing is known that would keep its LUNs away after the boot
              caution 1 guest may move to pve2, where LUNs of theirs are degraded: avoid pve2
        "#]],
    );
    check(
        &well("pve2 b dddd\npve3 b - "),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            yes-but 3 of 3 nodes
              ok      shuts down: no LUN queues or hangs on pve1
              ok      quorum: 2 of 3 votes stay, if each node has one
              ok      comes back: nothing is known that would keep its LUNs away after the boot
              caution guests: 1 of 1 cannot find their LUNs on another node and are down meanwhile: ha:vm:101
        "#]],
    );
    check(
        &well("pve2 !stale\npve3 !stale"),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            no 1 of 3 nodes
              stop    quorum: 0 of 3 votes stay, if each node has one: the others would stop, or fence themselves
              ok      shuts down: no LUN queues or hangs on pve1
              ok      comes back: nothing is known that would keep its LUNs away after the boot
              caution guests: 1 of 1 cannot find their LUNs on another node and are down meanwhile: ha:vm:101
              first   bring the nodes that are offline back, then ask again
        "#]],
    );
    check(
        &well("pve3 !offline"),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            no 2 of 3 nodes
              stop    quorum: 1 of 3 votes stay, if each node has one: the others would stop, or fence themselves
              ok      shuts down: no LUN queues or hangs on pve1
              ok      guests: 1 of 1 can find their LUNs on another node
              ok      comes back: nothing is known that would keep its LUNs away after the boot
              first   bring the nodes that are offline back, then ask again
        "#]],
    );
    check(
        &well("pve1 !hung"),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            cannot-tell 2 of 3 nodes
              unknown shuts down: nothing is known of the LUNs of pve1 now: MULTIPATHD_HUNG
              unknown cannot tell whether it comes back with its LUNs: pve1 does not say how it boots
              ok      guests: 1 of 1 can find their LUNs on another node
              ok      quorum: 2 of 3 votes stay, if each node has one
        "#]],
    );
    check(
        &well("pve1 !wwids=a wwids=b"),
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            yes-but 3 of 3 nodes
              ok      shuts down: no LUN queues or hangs on pve1
              ok      guests: 1 of 1 can find their LUNs on another node
              ok      quorum: 2 of 3 votes stay, if each node has one
              caution comes back: 2 live maps are not in /etc/multipath/wwids: a, b; run first: multipath -a WWID for each (a b)
        "#]],
    );
    check(
        "pve1 a uuuu open=1\npve2 a uuuu open=0",
        Deed::Reboot,
        "pve1",
        &expect![[r#"
            cannot-tell 2 of 2 nodes
              unknown quorum: 1 of 2 votes stay, if each node has one: enough only with a quorum device
              unknown cannot tell whether it comes back with its LUNs: pve1 does not say how it boots
              ok      shuts down: no LUN queues or hangs on pve1
              ok      1 LUN of them can be used on another node
              caution nobody tells of guests here; in use on pve1: a (open once): stop or move what uses them
        "#]],
    );
    check(
        "pve1 a uuuu open=0\npve1 !unit=enabled",
        Deed::Reboot,
        "pve1",
        &expect![[r#"
        yes 1 of 1 nodes
          ok      shuts down: no LUN queues or hangs on pve1
          ok      nothing on pve1 has a LUN open
          ok      quorum: the node is alone
          ok      comes back: nothing is known that would keep its LUNs away after the boot
    "#]],
    );
    check(
        &well(""),
        Deed::Reboot,
        "pve9",
        &expect![[r#"
        no node is called pve9; is it pve1, pve2, pve3?
    "#]],
    );
    check(
        &well(""),
        Deed::Reboot,
        "backup-01",
        &expect![[r#"
        no node is called backup-01
    "#]],
    );
}

#[test]
fn offline() {
    check(
        &well(""),
        Deed::OfflineFabric,
        "A",
        &expect![[r#"
        yes-but 3 of 3 nodes
          ok      pve1, pve2, pve3 keep a path to every LUN that has one there now
          caution 2 LUNs on pve1 would run on fabric B alone
          caution 2 LUNs on pve2 would run on fabric B alone
          caution 2 LUNs on pve3 would run on fabric B alone
    "#]],
    );
    check(
        &well("pve2 a uudd\npve2 b uudd"),
        Deed::OfflineFabric,
        "A",
        &expect![[r#"
        no 3 of 3 nodes
          stop    2 LUNs on pve2 would lose the last path (pve2/host7 is down): backup-01, vm-01
          stop    whom it hits: 1 guest on pve2
          ok      pve1, pve3 keep a path to every LUN that has one there now
          caution 2 LUNs on pve1 would run on fabric B alone
          caution 2 LUNs on pve3 would run on fabric B alone
          first   repair pve2/host7, or move the guests off pve2, then ask again
    "#]],
    );
    // Paths that the ledger remembers and nobody sees are down.
    check(
        &well("pve2 a uu..\npve2 b uu.."),
        Deed::OfflineFabric,
        "A",
        &expect![[r#"
        no 3 of 3 nodes
          stop    2 LUNs on pve2 would lose the last path (pve2/host7 is down): backup-01, vm-01
          stop    whom it hits: 1 guest on pve2
          ok      pve1, pve3 keep a path to every LUN that has one there now
          caution 2 LUNs on pve1 would run on fabric B alone
          caution 2 LUNs on pve3 would run on fabric B alone
          first   repair pve2/host7, or move the guests off pve2, then ask again
    "#]],
    );
    check(
        &well("pve2 b uudd"),
        Deed::OfflineFabric,
        "B",
        &expect![[r#"
        yes-but 3 of 3 nodes
          ok      pve1, pve2, pve3 keep a path to every LUN that has one there now
          caution 2 LUNs on pve1 would run on fabric A alone
          caution 1 LUN on pve2 would run on fabric A alone
          caution 2 LUNs on pve3 would run on fabric A alone
    "#]],
    );
    check(
        &well("pve3 !stale"),
        Deed::OfflineFabric,
        "A",
        &expect![[r#"
        cannot-tell 2 of 3 nodes
          unknown pve3: nothing is known of its paths now: it is offline
          ok      pve1, pve2 keep a path to every LUN that has one there now
          caution 2 LUNs on pve1 would run on fabric B alone
          caution 2 LUNs on pve2 would run on fabric B alone
    "#]],
    );
    check(
        &well("pve3 !untold"),
        Deed::OfflineFabric,
        "A",
        &expect![[r#"
        cannot-tell 2 of 3 nodes
          unknown pve3: nothing is known of its paths now: it has published no paths
          ok      pve1, pve2 keep a path to every LUN that has one there now
          caution 2 LUNs on pve1 would run on fabric B alone
          caution 2 LUNs on pve2 would run on fabric B alone
    "#]],
    );
    check(
        &well("pve3 !offline\npve2 b uudd"),
        Deed::OfflineFabric,
        "A",
        &expect![[r#"
            no 2 of 3 nodes
              stop    1 LUN on pve2 would lose the last path (pve2/host7 to 50:1f, pve2/host7 to 50:2f are down): vm-01
              stop    whom it hits: 1 guest on pve2
              unknown pve3: nothing is known of its paths now: it is offline
              ok      pve1 keeps a path to every LUN that has one there now
              caution 2 LUNs on pve1 would run on fabric B alone
              caution 1 LUN on pve2 would run on fabric B alone
              first   repair pve2/host7 to 50:1f, pve2/host7 to 50:2f, or move the guests off pve2, then ask again
        "#]],
    );
    check(
        &well(""),
        Deed::OfflinePort,
        "50:1e",
        &expect![[r#"
        yes 3 of 3 nodes
          ok      pve1, pve2, pve3 keep a path to every LUN that has one there now
    "#]],
    );
    check(
        &well("port 50:1e \"netapp1 ctl1-0e\""),
        Deed::OfflinePort,
        "netapp1 ctl1-0e",
        &expect![[r#"
        yes 3 of 3 nodes
          ok      pve1, pve2, pve3 keep a path to every LUN that has one there now
    "#]],
    );
    check(
        &well("pve1 b uddd"),
        Deed::OfflinePort,
        "50:1e",
        &expect![[r#"
            no 3 of 3 nodes
              stop    1 LUN on pve1 would lose the last path (pve1/host6 to 50:2e, pve1/host7 to 50:1f, pve1/host7 to 50:2f are down): vm-01
              stop    whom it hits: 1 guest on pve1; HA looks after 1: ha:vm:101
              ok      pve2, pve3 keep a path to every LUN that has one there now
              first   repair pve1/host6 to 50:2e, pve1/host7 to 50:1f, pve1/host7 to 50:2f, or move the guests off pve1, then ask again
        "#]],
    );
    check(
        &well("pve1 b uudd"),
        Deed::OfflinePort,
        "50:1e",
        &expect![[r#"
        yes-but 3 of 3 nodes
          ok      pve1, pve2, pve3 keep a path to every LUN that has one there now
          caution 1 LUN on pve1 would be left with one path: vm-01
    "#]],
    );
    check(
        &well("pve1 b dddd"),
        Deed::OfflinePort,
        "50:1e",
        &expect![[r#"
        yes-but 3 of 3 nodes
          ok      pve1, pve2, pve3 keep a path to every LUN that has one there now
          caution 1 LUN on pve1 has no path already: vm-01
    "#]],
    );
    check(
        &well("pve1 b uxxx"),
        Deed::OfflinePort,
        "50:1e",
        &expect![[r#"
            no 3 of 3 nodes
              stop    1 LUN on pve1 would lose the last path (pve1/host6 to 50:2e, pve1/host7 to 50:1f, pve1/host7 to 50:2f are down): vm-01
              stop    whom it hits: 1 guest on pve1; HA looks after 1: ha:vm:101
              ok      pve2, pve3 keep a path to every LUN that has one there now
              first   repair pve1/host6 to 50:2e, pve1/host7 to 50:1f, pve1/host7 to 50:2f, or move the guests off pve1, then ask again
        "#]],
    );
    check(
        &well("pve1 b uuuu rep=2/4"),
        Deed::OfflineController,
        "ctl1",
        &expect![[r#"
        cannot-tell 3 of 3 nodes
          unknown pve1: which paths stay to 1 LUN cannot be told (its report and what it published differ, or ends of its paths are not known): vm-01
          ok      pve2, pve3 keep a path to every LUN that has one there now
    "#]],
    );
    check(
        &well(""),
        Deed::OfflineController,
        "ctl1",
        &expect![[r#"
        yes 3 of 3 nodes
          ok      pve1, pve2, pve3 keep a path to every LUN that has one there now
    "#]],
    );
    check(
        &well(""),
        Deed::OfflineHba,
        "pve1/host6",
        &expect![[r#"
        yes-but 3 of 3 nodes
          ok      pve1 keeps a path to every LUN that has one there now
          caution 2 LUNs on pve1 would run on fabric B alone
    "#]],
    );
    check(
        &well("pve1 b dduu"),
        Deed::OfflineHba,
        "pve1/21:07",
        &expect![[r#"
            no 3 of 3 nodes
              stop    1 LUN on pve1 would lose the last path (pve1/host6 to 50:1e, pve1/host6 to 50:2e are down): vm-01
              stop    whom it hits: 1 guest on pve1; HA looks after 1: ha:vm:101
              caution 1 LUN on pve1 would run on fabric A alone
              first   repair pve1/host6 to 50:1e, pve1/host6 to 50:2e, or move the guests off pve1, then ask again
        "#]],
    );
    check(
        &well("pve1 !down"),
        Deed::OfflineHba,
        "pve1/host6",
        &expect![[r#"
        cannot-tell 2 of 3 nodes
          unknown pve1: nothing is known of its paths now: MULTIPATHD_DOWN
    "#]],
    );
    check(
        &well(""),
        Deed::OfflineHba,
        "pve1/host9",
        &expect![[r#"
        pve1 has no adapter host9 with paths; is it pve1/host6, pve1/host7, pve2/host6, pve2/host7, pve3/host6, pve3/host7?
    "#]],
    );
    check(
        &well(""),
        Deed::OfflineHba,
        "host6",
        &expect![[r#"
        host6: an adapter is named NODE/HBA; is it pve1/host6, pve2/host6, pve3/host6?
    "#]],
    );
    check(
        &well(""),
        Deed::OfflinePort,
        "21:06",
        &expect![[r#"
        21:06 is no target port but an adapter's: pathkeeper can offline hba pve1/host6
    "#]],
    );
    check(
        &well(""),
        Deed::OfflinePort,
        "50:1g",
        &expect![[r#"
        no target port is called 50:1g; is it 50:1e, 50:1f, 50:2e, 50:2f?
    "#]],
    );
    check(
        &well(""),
        Deed::OfflineFabric,
        "C",
        &expect![[r#"
        no fabric is called C
    "#]],
    );
}

#[test]
fn remove() {
    check(
        &well(""),
        Deed::RemoveLun,
        "vm-01",
        &expect![[r#"
            no 3 of 3 nodes
              stop    2 guests have disks on vms, running or not: ha:vm:101 on pve1, vm:102 on pve2; HA looks after 1: ha:vm:101
              stop    open 2 times on pve1: no device on top of it (mounted, or a guest's)
              ok      not open on pve2, pve3
              caution the storage vms lies on it: take that out of use first
              first   move or remove the disks on vms (unused ones too), then ask again
              first   stop what has it open on pve1, then ask again
        "#]],
    );
    check(
        &well(""),
        Deed::RemoveLun,
        "backup-01",
        &expect![[r#"
            no 3 of 3 nodes
              stop    open once on pve1: no device on top of it (mounted, or a guest's)
              stop    open once on pve2: no device on top of it (mounted, or a guest's)
              stop    open once on pve3: no device on top of it (mounted, or a guest's)
              ok      no guest, running or not, has a disk on it
              caution the storage backup lies on it: take that out of use first
              first   stop what has it open on pve1, then ask again
              first   stop what has it open on pve2, then ask again
              first   stop what has it open on pve3, then ask again
        "#]],
    );
    check(
        "pve1 a uuuu open=0\npve2 a uuuu open=0",
        Deed::RemoveLun,
        "a",
        &expect![[r#"
        yes-but 2 of 2 nodes
          ok      not open on pve1, pve2
          caution nobody tells of guests here: only who has it open is known
          first   pathkeeper lun retire a: the steps on each node, before the array is touched
    "#]],
    );
    check(
        "pve1 a uuuu open=0 pv=P/vg0/V\npve2 a uuuu",
        Deed::RemoveLun,
        "a",
        &expect![[r#"
        cannot-tell 2 of 2 nodes
          unknown pve2 does not tell who has it open
          ok      not open on pve1
          caution nobody tells of guests here: only who has it open is known
          caution it carries LVM's volume group vg0: not empty
          first   pathkeeper lun retire a: the steps on each node, before the array is touched
    "#]],
    );
    check(
        "pve1 a uuuu open=0\npve2 a uuuu open=0\npve2 !stale",
        Deed::RemoveLun,
        "a",
        &expect![[r#"
        cannot-tell 1 of 2 nodes
          unknown pve2: nobody knows who has it open there: it is offline
          ok      not open on pve1
          caution nobody tells of guests here: only who has it open is known
          first   pathkeeper lun retire a: the steps on each node, before the array is touched
    "#]],
    );
    check(
        &well(""),
        Deed::RemoveLun,
        "backup-02",
        &expect![[r#"
            no LUN is called backup-02; is it backup-01?
        "#]],
    );
}

#[test]
fn work_that_goes_on_is_told() {
    let windows = Lab::windows(&["fabric A", "node pve2"]);
    let can = lab(&well("")).can(Deed::OfflineFabric, "A", &windows).unwrap();
    expect![[r#"
        yes-but 3 of 3 nodes
          ok      pve1, pve2, pve3 keep a path to every LUN that has one there now
          ok      a window on fabric A is open until 2026-07-03 13:40:00 UTC, by kb@pam: firmware
          caution 2 LUNs on pve1 would run on fabric B alone
          caution 2 LUNs on pve2 would run on fabric B alone
          caution 2 LUNs on pve3 would run on fabric B alone
          caution node pve2 is worked on until 2026-07-03 13:40:00 UTC, by kb@pam: firmware
    "#]]
    .assert_eq(&text(&can));
}

const QUESTIONS: [(Deed, &str); 8] = [
    (Deed::Reboot, "pve0"),
    (Deed::OfflineHba, "pve0/host6"),
    (Deed::OfflinePort, "50:1e"),
    (Deed::OfflineController, "ctl1"),
    (Deed::OfflineFabric, "A"),
    (Deed::OfflineFabric, "B"),
    (Deed::RemoveLun, "lun0"),
    (Deed::RemoveLun, "lun1"),
];

/// Cells of three nodes by three LUNs; all nodes have all adapters and ports, so that things are called as they are.
fn cells() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[uuud.]{4}( open=[012])?", 9)
}

fn of_cells(cells: &[String]) -> String {
    let line = |(at, cell): (usize, &String)| format!("pve{} lun{} {cell}\n", at / 3, at % 3);
    let whole = "pve3 lun9 uuuu open=0\npve3 !unit=enabled\n";
    format!("{}{whole}", cells.iter().enumerate().map(line).collect::<String>())
}

/// How bad an answer is for who wants to go on: yes, yes with cautions, cannot tell, no.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Yes => 0,
        Verdict::YesBut => 1,
        Verdict::CannotTell => 2,
        Verdict::No => 3,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// One more path goes down: what was not safe does not become it.
    #[test]
    fn more_damage_never_turns_no_into_yes(cells in cells(), at in 0..9_usize, path in 0..4_usize, question in 0..8_usize) {
        let (deed, of) = QUESTIONS[question];
        let mut worse = cells.clone();
        worse[at].replace_range(path..=path, "d");
        let (Ok(before), Ok(after)) = (
            lab(&of_cells(&cells)).can(deed, of, &Windows::default()),
            lab(&of_cells(&worse)).can(deed, of, &Windows::default()),
        ) else { return Ok(()) };
        // Who has no path any more loses none; that is told, and is no yes.
        if before.verdict == Verdict::No {
            prop_assert!(after.verdict != Verdict::Yes, "{}\n{}", text(&before), text(&after));
        }
    }

    /// A node falls silent, or its paths are not known: no answer gets better but to "cannot tell".
    #[test]
    fn doubt_is_never_yes(cells in cells(), node in 0..3_usize, how in 0..4_usize, question in 0..8_usize) {
        let (deed, of) = QUESTIONS[question];
        let Ok(before) = lab(&of_cells(&cells)).can(deed, of, &Windows::default()) else { return Ok(()) };
        let mut less = lab(&of_cells(&cells));
        let said = less.nodes.get_mut(&name(&format!("pve{node}"))).unwrap();
        match how {
            0 => said.heard = false,
            1 => said.paths = None,
            2 => said.paths.as_mut().unwrap().answered = false,
            _ => (said.about, said.heard) = (None, false),
        }
        let Ok(after) = less.can(deed, of, &Windows::default()) else { return Ok(()) };
        if rank(before.verdict) > 0 {
            prop_assert!(rank(after.verdict) >= rank(before.verdict).min(2), "{}\n{}", text(&before), text(&after));
        }
    }
}
