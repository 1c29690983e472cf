use expect_test::{Expect, expect};
use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::ClusterStatus;

use super::{Lost, Options, render};
use crate::cli::fixtures::{NOW, cluster, finding, node, nodes, summarize, view};
use crate::cli::text::View;

fn check_as(status: &ClusterStatus, nodes: &[NodeRow], view: &View, options: &Options, expect: Expect) {
    let text = render(status, nodes, view, options);
    for line in text.lines() {
        assert!(options.wide || line.chars().count() <= view.width, "{} columns: {line}", view.width);
        assert_eq!(line, line.trim_end());
    }
    expect.assert_eq(&text);
}

fn check(status: &ClusterStatus, expect: Expect) {
    check_as(status, &nodes(), &view(), &Options::default(), expect);
}

const FAULTS: &str = "
    backup-01   failed   pve1=4/4 pve2=degraded:2/4 pve3=failed:0/4 pve4=4/4
    vm-prod-03  missing  pve1=4/4 pve2=degraded:2/4 pve3=4/4 pve4=missing
    vm-test-02  degraded pve1=degraded:3/4 pve2=degraded:2/4 pve3=4/4 pve4=4/4
    vm-test-03  degraded pve1=4/4 pve2=degraded:2/4 pve3=4/4 pve4=4/4
    vm-test-04  degraded pve1=4/4 pve2=degraded:2/4 pve3=4/4 pve4=4/4
    vm-test-05  degraded pve1=4/4 pve2=degraded:2/4 pve3=4/4 pve4=4/4
    vm-test-06  optimal  pve1=4/4 pve3=4/4
    vm-test-07  optimal  pve1=4/4 pve3=4/4";

fn faults() -> ClusterStatus {
    let mut status = cluster(FAULTS);
    status.findings = vec![
        finding(
            "MULTIPATHD_HUNG",
            "error",
            "pve3",
            "multipathd gives no maps: it took the connection and said nothing for 5 s",
        ),
        finding("NODE_CLOCK_SKEW", "warning", "pve2", "the clock of pve2 is 41 s ahead"),
    ];
    if let Some(second) = status.findings.get_mut(1) {
        second.since_first_seen = true;
        second.since = Some(NOW - 300_000);
    }
    summarize(&mut status);
    status
}

#[test]
fn all_well_is_two_lines() {
    check(
        &cluster("a optimal pve1=4/4 pve2=4/4\nb optimal pve1=4/4"),
        expect![[r#"
        san-a  HEALTH_OK   03:12:07 seen from pve1   4 of 4 nodes fresh
        2 LUNs optimal in all 3 places, 12 of 12 paths usable
    "#]],
    );
}

#[test]
fn several_faults() {
    check(
        &faults(),
        expect![[r#"
            san-a  HEALTH_ERR   03:12:07 seen from pve1   4 of 4 nodes fresh
            8 LUNs: 1 failed, 1 missing, 4 degraded, 2 optimal   2 causes

            SEV    CAUSE                                                       SINCE
            ERROR  pve3: multipathd gives no maps: it took the connection and  02:59 13m
                   said nothing for 5 s
                   kernel: 48 of 48 paths alive, nobody checks them
            WARN   the clock of pve2 is 41 s ahead                             29 Jun >3d11h
                   kernel: 48 of 48 paths alive, nobody checks them

            LUN         STATE       pve1   pve2   pve3   pve4
            backup-01   X failed    4/4    2/4 !  0/4 X  4/4
            vm-prod-03  - missing   4/4    2/4 !  4/4    none -
            vm-test-02  ! degraded  3/4 !  2/4 !  4/4    4/4
            vm-test-03  ! degraded  4/4    2/4 !  4/4    4/4
            2 more      ! degraded  4/4    2/4 !  4/4    4/4

            multipathd 4/4 running   mode: observe (nothing is written)
            2 optimal LUNs not shown: --all
            cells usable/known   ! paths lost   X no path   - no map
            next: pathkeeper explain pve3   all of it: --all   live: --watch
        "#]],
    );
}

#[test]
fn all_rows_and_all_evidence() {
    let options = Options { all: true, ..Options::default() };
    check_as(
        &faults(),
        &nodes(),
        &view(),
        &options,
        expect![[r#"
            san-a  HEALTH_ERR   03:12:07 seen from pve1   4 of 4 nodes fresh
            8 LUNs: 1 failed, 1 missing, 4 degraded, 2 optimal   2 causes

            SEV    CAUSE                                                       SINCE
            ERROR  pve3: multipathd gives no maps: it took the connection and  02:59 13m
                   said nothing for 5 s
                   kernel: 48 of 48 paths alive, nobody checks them
                   unit: failed
                   do: systemctl status multipathd on pve3
                   do: then restart it
            WARN   the clock of pve2 is 41 s ahead                             29 Jun >3d11h
                   kernel: 48 of 48 paths alive, nobody checks them
                   unit: failed
                   do: systemctl status multipathd on pve2
                   do: then restart it

            LUN         STATE       pve1   pve2   pve3   pve4
            backup-01   X failed    4/4    2/4 !  0/4 X  4/4
            vm-prod-03  - missing   4/4    2/4 !  4/4    none -
            vm-test-02  ! degraded  3/4 !  2/4 !  4/4    4/4
            vm-test-03  ! degraded  4/4    2/4 !  4/4    4/4
            vm-test-04  ! degraded  4/4    2/4 !  4/4    4/4
            vm-test-05  ! degraded  4/4    2/4 !  4/4    4/4
            vm-test-06    optimal   4/4           4/4
            vm-test-07    optimal   4/4           4/4

            multipathd 4/4 running   mode: observe (nothing is written)
            cells usable/known   ! paths lost   X no path   - no map
            next: pathkeeper explain pve3   live: --watch
        "#]],
    );
}

#[test]
fn unicode_has_shapes_and_the_same_words() {
    let unicode = View { unicode: true, ..view() };
    check_as(
        &faults(),
        &nodes(),
        &unicode,
        &Options::default(),
        expect![[r#"
            san-a  HEALTH_ERR   03:12:07 seen from pve1   4 of 4 nodes fresh
            8 LUNs: 1 failed, 1 missing, 4 degraded, 2 optimal   2 causes

            SEV    CAUSE                                                       SINCE
            ERROR  pve3: multipathd gives no maps: it took the connection and  02:59 13m
                   said nothing for 5 s
                   kernel: 48 of 48 paths alive, nobody checks them
            WARN   the clock of pve2 is 41 s ahead                             29 Jun >3d11h
                   kernel: 48 of 48 paths alive, nobody checks them

            LUN         STATE       pve1   pve2   pve3   pve4
            backup-01   ✖ failed    4/4    2/4 ▲  0/4 ✖  4/4
            vm-prod-03  ○ missing   4/4    2/4 ▲  4/4    none ○
            vm-test-02  ▲ degraded  3/4 ▲  2/4 ▲  4/4    4/4
            vm-test-03  ▲ degraded  4/4    2/4 ▲  4/4    4/4
            2 more      ▲ degraded  4/4    2/4 ▲  4/4    4/4

            multipathd 4/4 running   mode: observe (nothing is written)
            2 optimal LUNs not shown: --all
            cells usable/known   ▲ paths lost   ✖ no path   ○ no map
            next: pathkeeper explain pve3   all of it: --all   live: --watch
        "#]],
    );
}

#[test]
fn colour_adds_nothing_but_colour() {
    let plain = render(&faults(), &nodes(), &view(), &Options::default());
    let colored = render(&faults(), &nodes(), &View { color: true, ..view() }, &Options::default());
    assert_ne!(plain, colored);
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
}

#[test]
fn sixty_columns() {
    check_as(
        &faults(),
        &nodes(),
        &View { width: 60, ..view() },
        &Options::default(),
        expect![[r#"
            san-a  HEALTH_ERR   03:12:07 seen from pve1
            4 of 4 nodes fresh
            8 LUNs: 1 failed, 1 missing, 4 degraded, 2 optimal
            2 causes

            SEV    CAUSE                                   SINCE
            ERROR  pve3: multipathd gives no maps: it      02:59 13m
                   took the connection and said nothing
                   for 5 s
                   kernel: 48 of 48 paths alive, nobody
                   checks them
            WARN   the clock of pve2 is 41 s ahead         29 Jun >3d11h
                   kernel: 48 of 48 paths alive, nobody
                   checks them

            LUN         STATE       pve1   pve2   pve3   pve4
            backup-01   X failed    4/4    2/4 !  0/4 X  4/4
            vm-prod-03  - missing   4/4    2/4 !  4/4    none -
            vm-test-02  ! degraded  3/4 !  2/4 !  4/4    4/4
            vm-test-03  ! degraded  4/4    2/4 !  4/4    4/4
            2 more      ! degraded  4/4    2/4 !  4/4    4/4

            multipathd 4/4 running   mode: observe (nothing is written)
            2 optimal LUNs not shown: --all
            cells usable/known   ! paths lost   X no path   - no map
            next: pathkeeper explain pve3   all of it: --all
            live: --watch
        "#]],
    );
}

#[test]
fn wide_shows_everything_whatever_the_width() {
    let options = Options { wide: true, ..Options::default() };
    let mut status = faults();
    let why = ["ledger since 2026-06-01T08:00:00Z", "storage:san, storage:san2", "nodes"];
    for (row, why) in status.luns.iter_mut().zip(why) {
        row.expected_by = Some(why.into());
        row.allowed = (why != "nodes").then_some(false);
    }
    check_as(
        &status,
        &nodes(),
        &view(),
        &options,
        expect![[r#"
            san-a  HEALTH_ERR   03:12:07 seen from pve1   4 of 4 nodes fresh
            8 LUNs: 1 failed, 1 missing, 4 degraded, 2 optimal   2 causes

            SEV    CAUSE                                                       SINCE
            ERROR  pve3: multipathd gives no maps: it took the connection and  02:59 13m
                   said nothing for 5 s
                   kernel: 48 of 48 paths alive, nobody checks them
            WARN   the clock of pve2 is 41 s ahead                             29 Jun >3d11h
                   kernel: 48 of 48 paths alive, nobody checks them

            LUN         STATE       pve1   pve2   pve3   pve4    SIZE     BY  EXPECTED BY                        ALLOWED  WWID
            backup-01   X failed    4/4    2/4 !  0/4 X  4/4     1.0 TiB  fc  ledger since 2026-06-01T08:00:00Z  no       3600a098038304479363f4c4870400000
            vm-prod-03  - missing   4/4    2/4 !  4/4    none -  1.0 TiB  fc  storage:san, storage:san2          no       3600a098038304479363f4c4870400001
            vm-test-02  ! degraded  3/4 !  2/4 !  4/4    4/4     1.0 TiB  fc  nodes                              yes      3600a098038304479363f4c4870400002
            vm-test-03  ! degraded  4/4    2/4 !  4/4    4/4     1.0 TiB  fc  nobody                             yes      3600a098038304479363f4c4870400003
            2 more      ! degraded  4/4    2/4 !  4/4    4/4

            multipathd 4/4 running   mode: observe (nothing is written)
            2 optimal LUNs not shown: --all
            cells usable/known   ! paths lost   X no path   - no map
            next: pathkeeper explain pve3   all of it: --all   live: --watch
        "#]],
    );
}

#[test]
fn a_partial_view_replaces_line_1() {
    let mut status = cluster(
        "a unknown pve1=unknown pve3=unknown
         b optimal pve1=unknown pve3=4/4",
    );
    status.view.partial = true;
    status.view.why = Some("NO QUORUM".into());
    status.view.since = Some(NOW - 427);
    status.view.observer = "pve3".into();
    status.view.nodes_fresh = 1;
    summarize(&mut status);
    let nodes = [node("pve1", "stale"), node("pve2", "stale"), node("pve3", "fresh")];
    check_as(
        &status,
        &nodes,
        &view(),
        &Options::default(),
        expect![[r#"
        san-a  PARTIAL since 03:05   seen from pve3: NO QUORUM, pve1 pve2 unknown
        2 LUNs: 1 unknown, 1 optimal but in doubt, 0 optimal

        LUN  STATE                          pve1 ?  pve3
        a    ? unknown                      ?       ?
        b    ? optimal, 1 of 2 nodes known  ?       4/4

        multipathd 4/4 running   mode: observe (nothing is written)
        cells usable/known   ? unknown
    "#]],
    );
}

#[test]
fn doubt_is_not_health() {
    let mut status = cluster(
        "a optimal pve1=4/4 pve2=4/4 pve3=unknown
         b optimal pve1=4/4 pve2=4/4 pve3=unknown:4/4
         c optimal pve1=4/4 pve2=4/4",
    );
    status.view.nodes_fresh = 3;
    status.view.multipathd_running = 3;
    let nodes = [node("pve1", "fresh"), node("pve2", "fresh"), node("pve3", "stale")];
    check_as(
        &status,
        &nodes,
        &view(),
        &Options::default(),
        expect![[r#"
        san-a  HEALTH_WARN   03:12:07 seen from pve1   3 of 4 nodes fresh
        3 LUNs: 2 optimal but in doubt, 1 optimal

        LUN  STATE                          pve1  pve2  pve3 ?
        a    ? optimal, 2 of 3 nodes known  4/4   4/4   ?
        b    ? optimal, 2 of 3 nodes known  4/4   4/4   4/4 ?

        multipathd 3/4 running   mode: observe (nothing is written)
        1 optimal LUN not shown: --all
        cells usable/known   ? unknown
    "#]],
    );
}

#[test]
fn eight_nodes_show_only_the_cells_that_matter() {
    let mut text = String::new();
    for (lun, state, bad) in [("db-1", "failed", 7), ("db-2", "degraded", 1), ("db-3", "degraded", 0)] {
        text.push_str(&format!("{lun} {state}"));
        for n in 1..=8 {
            let cell = match (bad, n) {
                (7, 1..=7) => "failed:0/4",
                (1, 5) => "degraded:2/4",
                (0, _) => "degraded:3/4/4",
                _ => "4/4",
            };
            text.push_str(&format!(" node{n}={cell}"));
        }
        text.push('\n');
    }
    let status = cluster(&text);
    check(
        &status,
        expect![[r#"
            san-a  HEALTH_ERR   03:12:07 seen from pve1   4 of 4 nodes fresh
            3 LUNs: 1 failed, 2 degraded, 0 optimal

            LUN   STATE       NODES
            db-1  X failed    node1 0/4 X, node2 0/4 X, node3 0/4 X, node4 0/4 X,
                              node5 0/4 X, node6 0/4 X, node7 0/4 X
            db-3  ! degraded  all 8 nodes 3/4 !
            db-2  ! degraded  node5 2/4 !

            multipathd 4/4 running   mode: observe (nothing is written)
            cells usable/expected   ! paths lost   X no path
        "#]],
    );
    let narrow = View { width: 60, ..view() };
    let options = Options { all: true, ..Options::default() };
    check_as(
        &status,
        &nodes(),
        &narrow,
        &options,
        expect![[r#"
            san-a  HEALTH_ERR   03:12:07 seen from pve1
            4 of 4 nodes fresh
            3 LUNs: 1 failed, 2 degraded, 0 optimal

            LUN   STATE       NODES
            db-1  X failed    node1 0/4 X, node2 0/4 X, node3 0/4 X,
                              node4 0/4 X, node5 0/4 X, node6 0/4 X,
                              node7 0/4 X
            db-3  ! degraded  all 8 nodes 3/4 !
            db-2  ! degraded  node5 2/4 !

            multipathd 4/4 running   mode: observe (nothing is written)
            cells usable/expected   ! paths lost   X no path
        "#]],
    );
}

#[test]
fn long_and_nameless_luns() {
    check(
        &cluster(
            "3600a098038304479363f4c4870455a7c degraded pve1=degraded:2/4/4 pve2=4/4
             3600a098038304479363f4c4870455a7d degraded pve1=degraded:2/2/4 pve2=4/4
             a-very-long-alias-that-somebody-gave-a-lun failed pve1=failed:0/4 pve2=4/4
             bad\u{1b}[2Jname degraded pve1=degraded pve2=failed",
        ),
        expect![[r#"
            san-a  HEALTH_ERR   03:12:07 seen from pve1   4 of 4 nodes fresh
            4 LUNs: 1 failed, 3 degraded, 0 optimal

            LUN                       STATE       pve1    pve2
            a-very-long..-gave-a-lun  X failed    0/4 X   4/4
            bad?[2Jname               ! degraded  some !  none X
            3600..70455a7c            ! degraded  2/4 !   4/4
            3600..70455a7d            ! degraded  2/4 !   4/4

            multipathd 4/4 running   mode: observe (nothing is written)
            cells usable/expected   ! paths lost   X no path
        "#]],
    );
}

#[test]
fn no_luns_at_all() {
    check(
        &cluster(""),
        expect![[r#"
        san-a  HEALTH_OK   03:12:07 seen from pve1   4 of 4 nodes fresh
        nothing to watch: no node has a multipath map
    "#]],
    );
    let mut silent = cluster("");
    silent.view.nodes_fresh = 1;
    check(
        &silent,
        expect![[r#"
        san-a  HEALTH_OK   03:12:07 seen from pve1   1 of 4 nodes fresh
        no LUN is known, and 3 nodes cannot be seen
    "#]],
    );
}

#[test]
fn a_lost_connection_greys_everything() {
    let options = Options {
        lost: Some(Lost {
            since: NOW - 14,
            why: "the agent at /run/pathkeeper/pathkeeper.sock ended the stream".into(),
        }),
        ..Options::default()
    };
    check_as(
        &cluster("a optimal pve1=4/4"),
        &nodes(),
        &view(),
        &options,
        expect![[r#"
            NO CONNECTION since 03:11:53 (14s): the agent at /run/pathkeeper/pathkeeper.sock
            ended the stream
            What follows was true then. Nothing of it is known now.

            san-a  HEALTH_OK   03:11:53 seen from pve1   4 of 4 nodes fresh
            1 LUN optimal in the 1 place, 4 of 4 paths usable
        "#]],
    );
}

#[test]
fn filters_choose_rows_and_never_touch_the_verdict() {
    let states = Options { states: vec!["failed".into(), "optimal".into()], ..Options::default() };
    check_as(
        &faults(),
        &nodes(),
        &view(),
        &states,
        expect![[r#"
            san-a  HEALTH_ERR   03:12:07 seen from pve1   4 of 4 nodes fresh
            8 LUNs: 1 failed, 1 missing, 4 degraded, 2 optimal   2 causes

            SEV    CAUSE                                                       SINCE
            ERROR  pve3: multipathd gives no maps: it took the connection and  02:59 13m
                   said nothing for 5 s
                   kernel: 48 of 48 paths alive, nobody checks them
            WARN   the clock of pve2 is 41 s ahead                             29 Jun >3d11h
                   kernel: 48 of 48 paths alive, nobody checks them

            LUN         STATE      pve1  pve2   pve3   pve4
            backup-01   X failed   4/4   2/4 !  0/4 X  4/4
            vm-test-06    optimal  4/4          4/4
            vm-test-07    optimal  4/4          4/4

            multipathd 4/4 running   mode: observe (nothing is written)
            cells usable/known   ! paths lost   X no path
            next: pathkeeper explain pve3   all of it: --all   live: --watch
        "#]],
    );
    let node = Options { node: Some("pve9".into()), ..Options::default() };
    let text = render(&faults(), &nodes(), &view(), &node);
    assert!(text.contains("no LUN matches this filter") && text.contains("HEALTH_ERR"), "{text}");
}

#[test]
fn marks_of_cells_and_what_is_muted_in_them() {
    let mut status =
        cluster("a degraded pve1=degraded:2/4 pve2=degraded:2/4 pve3=degraded:3/4 pve4=degraded:3/4");
    let row = status.luns.first_mut().unwrap();
    let wwid = row.wwid.clone();
    row.nodes.get_mut("pve1").unwrap().other_size = true;
    let explained = row.nodes.get_mut("pve2").unwrap();
    explained.causes = vec!["HBA_DOWN pve2/host7".to_owned()];
    explained.flapping = true;
    let muted = |code: &str, node: &str, wwid: Option<&str>, fingerprint: &str| {
        let mut of = finding(code, "warning", node, code);
        of.scope.wwid = wwid.map(str::to_owned);
        of.fingerprint = fingerprint.to_owned();
        of.muted = Some(pathkeeper_api::status::Muted {
            kind: "mute".into(),
            id: "1".into(),
            by: "root@pam".into(),
            reason: "ticket 4711".into(),
            until: None,
        });
        of
    };
    status.findings = vec![
        muted("HBA_DOWN", "pve2", None, "HBA_DOWN pve2/host7"),
        muted("LUN_DEGRADED", "pve3", Some(&wwid), "LUN_DEGRADED pve3/a"),
    ];
    let marked = |status: &ClusterStatus| {
        let marks = super::rows::Marks::of(status);
        let row = status.luns.first().unwrap();
        let cell = |(node, shown)| marks.cell(&view(), row, node, shown).text;
        row.nodes.iter().map(|(node, shown)| cell((node.as_str(), shown))).collect::<Vec<_>>()
    };
    assert_eq!(marked(&status), ["2/4 !s", "2/4 !m~", "3/4 !m", "3/4 !"]);
    // A size that is muted is muted where it differs.
    let mut size = muted("LUN_SIZE_MISMATCH", "pve1", Some(&wwid), "LUN_SIZE_MISMATCH a");
    size.scope.node = None;
    status.findings = vec![size];
    assert_eq!(marked(&status), ["2/4 !ms", "2/4 !~", "3/4 !", "3/4 !"]);
}
