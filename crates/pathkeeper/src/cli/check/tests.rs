use expect_test::{Expect, expect};

use pathkeeper_api::status::{Explains, Finding, Muted};

use super::*;
use crate::cli::fixtures::{NOW, cluster, finding, node, nodes, summarize, view};
use crate::cli::text::View;

fn cluster_verdict(status: &ClusterStatus, nodes: &[NodeRow], view: &View) -> Verdict {
    super::cluster::verdict(Seen { status, nodes, view })
}

fn node_verdict(status: &ClusterStatus, nodes: &[NodeRow], name: &str, view: &View) -> Verdict {
    super::node::verdict(Seen { status, nodes, view }, name)
}

fn lun_verdict(status: &ClusterStatus, name: &str) -> Verdict {
    super::lun::verdict(Seen { status, nodes: &nodes(), view: &view() }, name)
}

fn check(verdict: Verdict, exit: u8, expect: Expect) {
    let text = verdict.render();
    assert_eq!(verdict.exit, exit, "{text}");
    let first = text.lines().next().unwrap();
    assert!(first.matches('|').count() <= 1, "{first}");
    expect.assert_eq(&text);
}

const FAULTS: &str = "
    backup-01   failed   pve1=4/4 pve2=degraded:2/4 pve3=failed:0/4 pve4=4/4
    vm-prod-03  missing  pve1=4/4 pve2=degraded:2/4 pve3=4/4 pve4=missing
    vm-test-02  degraded pve1=degraded:3/4 pve2=degraded:2/4 pve3=4/4 pve4=4/4
    vm-test-03  optimal  pve1=4/4 pve2=4/4 pve3=4/4 pve4=unknown
    vm-test-04  optimal  pve1=4/4";

#[test]
fn clusters() {
    let check = |status: &ClusterStatus, exit: u8, expect: Expect| {
        check(cluster_verdict(status, &nodes(), &view()), exit, expect);
    };
    check(
        &cluster("a optimal pve1=4/4 pve2=4/4"),
        0,
        expect![[r#"
            OK: 1 LUN optimal in 2 places, 8 of 8 paths usable | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;3:;0;4
        "#]],
    );
    check(
        &cluster(FAULTS),
        2,
        expect![[r#"
            CRITICAL: 4 of 5 LUNs not clean - backup-01 failed on pve3 (0/4) and 1 more node (+3) | luns=5;;;0 failed=1;;0;0 missing=1;;0;0 degraded=1;0;;0 unknown=0;;;0 doubt=1;;;0 nodes_fresh=4;4:;3:;0;4
            [CRITICAL] backup-01 failed on pve3 (0/4) and 1 more node
            [CRITICAL] vm-prod-03 missing on pve4 and 1 more node
            [WARNING]  vm-test-02 degraded on pve1 (3/4) and 1 more node
            [UNKNOWN]  vm-test-03 unknown on pve4
        "#]],
    );
    check(
        &cluster("a degraded pve1=4/4 pve2=degraded:1/4"),
        1,
        expect![[r#"
            WARNING: 1 of 1 LUN not clean - a degraded on pve2 (1/4) | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=1;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;3:;0;4
            [WARNING]  a degraded on pve2 (1/4)
        "#]],
    );
    check(
        &cluster("a optimal pve1=4/4 pve2=unknown"),
        3,
        expect![[r#"
            UNKNOWN: 1 of 1 LUN not clean - a unknown on pve2 | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=1;;;0 nodes_fresh=4;4:;3:;0;4
            [UNKNOWN]  a unknown on pve2
        "#]],
    );
    check(
        &cluster("a unknown pve1=unknown"),
        3,
        expect![[r#"
            UNKNOWN: 1 of 1 LUN not clean - a unknown on pve1 | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=1;;;0 doubt=0;;;0 nodes_fresh=4;4:;3:;0;4
            [UNKNOWN]  a unknown on pve1
        "#]],
    );
    check(
        &cluster(""),
        0,
        expect![[r#"
            OK: nothing to watch, no node has a multipath map | luns=0;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;3:;0;4
        "#]],
    );
    let mut hung = cluster("a optimal pve1=4/4");
    hung.findings =
        vec![finding("NODE_CLOCK_SKEW", "warning", "pve2", "the clock of pve2 is 41 s | ahead\n!")];
    summarize(&mut hung);
    hung.summary.exit_status = 0;
    check(
        &hung,
        1,
        expect![[r#"
            WARNING: 1 cause - the clock of pve2 is 41 s / ahead ! | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;3:;0;4
            [WARNING]  NODE_CLOCK_SKEW pve2 the clock of pve2 is 41 s / ahead ! since 02:59:07
        "#]],
    );
}

#[test]
fn silence_is_never_ok() {
    let mut stale = cluster("a optimal pve1=4/4");
    stale.view.nodes_fresh = 3;
    let some = [node("pve1", "fresh"), node("pve2", "stale")];
    check(
        cluster_verdict(&stale, &some, &view()),
        3,
        expect![[r#"
            UNKNOWN: 1 of 4 nodes not fresh: pve2 stale (heard 3m ago) | luns=1;;;0 failed=0;;0;0 missing=0;;0;0 degraded=0;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=3;4:;3:;0;4
        "#]],
    );
    let mut alone = cluster("");
    alone.view.nodes_fresh = 0;
    assert_eq!(cluster_verdict(&alone, &[], &view()).exit, 3);
    let mut partial = cluster("a optimal pve1=4/4");
    partial.view.partial = true;
    partial.view.why = Some("NO QUORUM".into());
    partial.view.since = Some(NOW - 427);
    summarize(&mut partial);
    check(
        cluster_verdict(&partial, &some, &view()),
        3,
        expect![[r#"
            UNKNOWN: pve1: NO QUORUM since 03:05, view of 1 node is 190 s old | nodes_fresh=4;4:;3:;0;4
        "#]],
    );
    assert_eq!(lun_verdict(&partial, "a").exit, 3);
    assert_eq!(node_verdict(&partial, &nodes(), "pve1", &view()).exit, 3);
}

#[test]
fn single_nodes() {
    let status = cluster(FAULTS);
    let check = |name: &str, exit: u8, expect: Expect| {
        let nodes = [
            node("pve1", "fresh"),
            node("pve2", "fresh"),
            node("pve3", "fresh"),
            node("pve4", "stale"),
            NodeRow { multipathd: Some("hung".into()), ..node("pve5", "fresh") },
            NodeRow { multipathd: Some("absent".into()), multipath_tools: None, ..node("pve6", "fresh") },
        ];
        check(node_verdict(&status, &nodes, name, &view()), exit, expect);
    };
    check(
        "pve1",
        1,
        expect![[r#"
            WARNING: pve1: vm-test-02 degraded (3/4) | luns=5;;;0 usable=19;20:;10:;0;20 age=3s;;;0
            [WARNING]  vm-test-02 degraded (3/4)
        "#]],
    );
    check(
        "pve3",
        2,
        expect![[r#"
            CRITICAL: pve3: backup-01 failed (0/4) | luns=4;;;0 usable=12;16:;8:;0;16 age=3s;;;0
            [CRITICAL] backup-01 failed (0/4)
        "#]],
    );
    check(
        "pve4",
        3,
        expect![[r#"
        UNKNOWN: pve4 is online (stale, heard 3m ago): nothing new for 190 s, the limit is 180 s
    "#]],
    );
    check(
        "pve5",
        3,
        expect![[r#"
            UNKNOWN: pve5: 0 LUNs, 0 of 0 paths usable, multipathd 0.9.4 hung | luns=0;;;0 usable=0;0:;0:;0;0 age=3s;;;0
        "#]],
    );
    check(
        "pve6",
        0,
        expect![[r#"
            OK: pve6: no multipath-tools here and no LUN expected | luns=0;;;0 usable=0;0:;0:;0;0 age=3s;;;0
        "#]],
    );
    check(
        "pve9",
        3,
        expect![[r#"
        UNKNOWN: no node is called pve9; pathkeeper nodes lists them
    "#]],
    );
}

#[test]
fn single_luns() {
    let status = cluster(&format!("{FAULTS}\nvm-test-04 optimal pve1=4/4\nx optimal pve1=4/4/4"));
    let check = |name: &str, exit: u8, expect: Expect| check(lun_verdict(&status, name), exit, expect);
    check(
        "x",
        0,
        expect![[r#"
        OK: x optimal on 1 node | usable=4;4:;;0;4 nodes_optimal=1;1:;;0;1
        pve1: optimal (4/4)
    "#]],
    );
    check(
        "backup-01",
        2,
        expect![[r#"
        CRITICAL: backup-01 failed on pve3 (0/4) and 1 more node | usable=10;16:;;0;16 nodes_optimal=2;4:;;0;4
        pve1: optimal (4/4)
        pve2: degraded (2/4)
        pve3: failed (0/4)
        pve4: optimal (4/4)
    "#]],
    );
    check(
        "vm-test-02",
        1,
        expect![[r#"
        WARNING: vm-test-02 degraded on pve1 (3/4) and 1 more node | usable=13;16:;;0;16 nodes_optimal=2;4:;;0;4
        pve1: degraded (3/4)
        pve2: degraded (2/4)
        pve3: optimal (4/4)
        pve4: optimal (4/4)
    "#]],
    );
    check(
        "vm-test-03",
        3,
        expect![[r#"
        UNKNOWN: vm-test-03 optimal, 3 of 4 nodes known | usable=12;12:;;0;12 nodes_optimal=3;4:;;0;4
        pve1: optimal (4/4)
        pve2: optimal (4/4)
        pve3: optimal (4/4)
        pve4: unknown
    "#]],
    );
    check(
        "vm-test-04",
        3,
        expect![[r#"
        UNKNOWN: more than one LUN is called vm-test-04: give its WWID
    "#]],
    );
    check(
        "nope",
        3,
        expect![[r#"
        UNKNOWN: no LUN is called nope; pathkeeper status --all lists them
    "#]],
    );
}
/// A cause of paths that are lost on pve2, and a LUN that queues on pve3: what a night looks like.
fn night() -> ClusterStatus {
    let mut status = cluster(
        "
        backup-01   failed   pve1=4/4 pve2=degraded:2/4 pve3=failed:0/4 pve4=4/4
        vm-prod-03  missing  pve1=4/4 pve2=degraded:2/4 pve3=4/4 pve4=missing
        vm-test-02  degraded pve1=4/4 pve2=degraded:2/4 pve3=4/4 pve4=4/4",
    );
    let wwid = |name: &str| status.luns.iter().find(|row| row.label() == name).map(|row| row.wwid.clone());
    let of_lun = |code: &str, name: &str, node: &str, summary: &str| {
        let mut found = finding(code, "error", node, summary);
        found.scope.wwid = wwid(name);
        found.fingerprint = format!("{code} {node}/{}", wwid(name).unwrap());
        found
    };
    let hba = Finding {
        explains: Some(Explains {
            luns: 3,
            cells: 3,
            paths: 6,
            nodes: vec!["pve2".into()],
            ..Explains::default()
        }),
        fingerprint: "HBA_DOWN pve2/host7".into(),
        ..finding("HBA_DOWN", "warning", "pve2", "pve2/host7 (fabric B): link down, 3 LUNs on 2/4")
    };
    let mut hba = hba;
    hba.scope.object = Some("host7".into());
    let queues = of_lun("LUN_QUEUEING", "backup-01", "pve3", "backup-01: no path on pve3, queues for ever");
    let missing =
        of_lun("LUN_MISSING", "vm-prod-03", "pve4", "vm-prod-03: not assembled on pve4, not in wwids");
    status.findings = vec![queues, missing, hba];
    for row in &mut status.luns {
        if let Some(cell) = row.nodes.get_mut("pve2") {
            cell.causes = vec!["HBA_DOWN pve2/host7".into()];
        }
    }
    summarize(&mut status);
    status
}

#[test]
fn causes_come_first_and_what_they_explain_is_not_said_again() {
    check(
        cluster_verdict(&night(), &nodes(), &view()),
        2,
        expect![[r#"
        CRITICAL: 3 causes - backup-01: no path on pve3, queues for ever (+2) | luns=3;;;0 failed=1;;0;0 missing=1;;0;0 degraded=1;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;3:;0;4
        [CRITICAL] LUN_QUEUEING backup-01 pve3 0/4 since 02:59:07
        [CRITICAL] LUN_MISSING vm-prod-03 pve4 not assembled on pve4, not in wwids since 02:59:07
        [WARNING]  HBA_DOWN pve2/host7 3 LUNs since 02:59:07
    "#]],
    );
    check(
        node_verdict(&night(), &nodes(), "pve2", &view()),
        1,
        expect![[r#"
        WARNING: pve2: pve2/host7 (fabric B): link down, 3 LUNs on 2/4 | luns=3;;;0 usable=6;12:;6:;0;12 age=3s;;;0
        [WARNING]  HBA_DOWN pve2/host7 3 LUNs since 02:59:07
    "#]],
    );
    check(
        node_verdict(&night(), &nodes(), "pve1", &view()),
        0,
        expect![[r#"
        OK: pve1: 3 LUNs, 12 of 12 paths usable, multipathd 0.9.4 running | luns=3;;;0 usable=12;12:;6:;0;12 age=3s;;;0
    "#]],
    );
    check(
        lun_verdict(&night(), "backup-01"),
        2,
        expect![[r#"
        CRITICAL: 2 causes - backup-01: no path on pve3, queues for ever (+1) | usable=10;16:;;0;16 nodes_optimal=2;4:;;0;4
        [CRITICAL] LUN_QUEUEING backup-01 pve3 0/4 since 02:59:07
        [WARNING]  HBA_DOWN pve2/host7 3 LUNs since 02:59:07
        pve1: optimal (4/4)
        pve2: degraded (2/4), HBA_DOWN pve2/host7
        pve3: failed (0/4)
        pve4: optimal (4/4)
    "#]],
    );
    check(
        lun_verdict(&night(), "vm-test-02"),
        1,
        expect![[r#"
        WARNING: 1 cause - pve2/host7 (fabric B): link down, 3 LUNs on 2/4 | usable=14;16:;;0;16 nodes_optimal=3;4:;;0;4
        [WARNING]  HBA_DOWN pve2/host7 3 LUNs since 02:59:07
        pve1: optimal (4/4)
        pve2: degraded (2/4), HBA_DOWN pve2/host7
        pve3: optimal (4/4)
        pve4: optimal (4/4)
    "#]],
    );
}

#[test]
fn what_is_muted_does_not_count_and_is_not_hidden() {
    let mut status = night();
    let muted = Muted { id: "1".into(), kind: "mute".into(), by: "kb".into(), ..Muted::default() };
    status.findings.last_mut().unwrap().muted = Some(muted.clone());
    check(
        node_verdict(&status, &nodes(), "pve2", &view()),
        0,
        expect![[r#"
        OK: pve2: 3 LUNs, 6 of 12 paths usable, multipathd 0.9.4 running, 1 muted | luns=3;;;0 usable=6;12:;6:;0;12 age=3s;;;0
    "#]],
    );
    check(
        lun_verdict(&status, "vm-test-02"),
        0,
        expect![[r#"
        OK: vm-test-02 degraded on pve2 (2/4), and that is muted | usable=14;16:;;0;16 nodes_optimal=3;4:;;0;4
        pve1: optimal (4/4)
        pve2: degraded (2/4), HBA_DOWN pve2/host7
        pve3: optimal (4/4)
        pve4: optimal (4/4)
    "#]],
    );
    check(
        cluster_verdict(&status, &nodes(), &view()),
        2,
        expect![[r#"
        CRITICAL: 2 causes - backup-01: no path on pve3, queues for ever (+1), 1 muted | luns=3;;;0 failed=1;;0;0 missing=1;;0;0 degraded=1;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;3:;0;4
        [CRITICAL] LUN_QUEUEING backup-01 pve3 0/4 since 02:59:07
        [CRITICAL] LUN_MISSING vm-prod-03 pve4 not assembled on pve4, not in wwids since 02:59:07
    "#]],
    );
    for finding in &mut status.findings {
        finding.muted = Some(muted.clone());
    }
    // As the server judges it.
    status.summary.health = "HEALTH_OK".into();
    check(
        cluster_verdict(&status, &nodes(), &view()),
        0,
        expect![[r#"
        OK: 3 of 3 LUNs not clean, all of it muted | luns=3;;;0 failed=1;;0;0 missing=1;;0;0 degraded=1;0;;0 unknown=0;;;0 doubt=0;;;0 nodes_fresh=4;4:;3:;0;4
    "#]],
    );
}

#[test]
fn checkmk() {
    let check = |status: &ClusterStatus, what: &What, expect: Expect| {
        let (nodes, view) = (nodes(), view());
        expect.assert_eq(&super::checkmk::sections(Seen { status, nodes: &nodes, view: &view }, what, None));
    };
    check(
        &night(),
        &What::default(),
        expect![[r#"
        <<<local:sep(0)>>>
        0 "Pathkeeper node pve1" usable=12;12:;6:|expected=12 3 LUNs, 12 of 12 paths usable, multipathd 0.9.4 running
        0 "Pathkeeper multipathd" age=3;90;180 0.9.4 running, 3 maps
        <<<<san-a>>>>
        <<<local:sep(0)>>>
        2 "Pathkeeper cluster" failed=1|missing=1|degraded=1|unknown=0 3 causes - backup-01: no path on pve3, queues for ever (+2)
        <<<<>>>>
        <<<local:sep(0)>>>
    "#]],
    );
    let other = What { node: Some("pve2".into()), ..What::default() };
    check(
        &night(),
        &other,
        expect![[r#"
        <<<local:sep(0)>>>
        1 "Pathkeeper node pve2" usable=6;12:;6:|expected=12 pve2/host7 (fabric B): link down, 3 LUNs on 2/4
        0 "Pathkeeper multipathd" age=3;90;180 0.9.4 running, 3 maps
    "#]],
    );
    let lun = What { lun: Some("backup-01".into()), ..What::default() };
    check(
        &night(),
        &lun,
        expect![[r#"
        <<<local:sep(0)>>>
        <<<<san-a>>>>
        <<<local:sep(0)>>>
        2 "Pathkeeper LUN backup-01" - 2 causes - backup-01: no path on pve3, queues for ever (+1)
        <<<<>>>>
        <<<local:sep(0)>>>
    "#]],
    );
    let mut hostile = night();
    hostile.view.cluster = Some("a b>>>>\n0 \"x\" - y".into());
    hostile.findings[0].summary = "one\n0 \"Pathkeeper cluster\" - all is well | x=1".into();
    check(
        &hostile,
        &What { cluster: true, ..What::default() },
        expect![[r#"
        <<<local:sep(0)>>>
        <<<<a_b_____0__x__-_y>>>>
        <<<local:sep(0)>>>
        2 "Pathkeeper cluster" failed=1|missing=1|degraded=1|unknown=0 3 causes - one 0 "Pathkeeper cluster" - all is well / x=1 (+2)
        <<<<>>>>
        <<<local:sep(0)>>>
    "#]],
    );
    let silent = super::checkmk::silent("no agent answers", &other);
    expect![[r#"
        <<<local:sep(0)>>>
        3 "Pathkeeper node pve2" - no agent answers
        3 "Pathkeeper multipathd" - no agent answers
    "#]]
    .assert_eq(&silent);
}
