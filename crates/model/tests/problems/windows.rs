//! What open windows hide, what they do not, and what goes beyond them.

use expect_test::{Expect, expect};
use pathkeeper_model::EpochS;
use pathkeeper_model::finding::Finding;
use pathkeeper_model::windows::{WindowOn, Windows};
use proptest::prelude::*;

use super::lab::{Lab, NOW, lab, line};

/// `--` counts, `w0` is hidden by that window.
fn shown(findings: &[Finding]) -> String {
    let mark =
        |finding: &Finding| finding.muted.as_ref().map_or_else(|| "--".to_owned(), |muted| muted.id.clone());
    findings.iter().map(|finding| format!("{} {}\n", mark(finding), line(finding))).collect()
}

fn check(text: &str, on: &[&str], expect: &Expect) {
    expect.assert_eq(&shown(&lab(text).judged(&Lab::windows(on)).0));
}

const NODE_AWAY: &str = "
    pve1 a uuuu
    pve1 b uuuu
    pve2 a uuuu
    pve2 b uudd
    pve3 a uuuu
    pve3 b uuuu
    pve3 !offline";

#[test]
fn a_node_takes_its_own_places_along_and_nobody_elses() {
    check(
        NODE_AWAY,
        &["node pve3"],
        &expect![[r#"
        -- W LUN_DEGRADED pve2/b
        -- W LUN_SINGLE_FABRIC pve2/b
        w0 W NODE_OFFLINE pve3
    "#]],
    );
    check(
        NODE_AWAY,
        &["node pve2"],
        &expect![[r#"
        w0 W LUN_DEGRADED pve2/b
        w0 W LUN_SINGLE_FABRIC pve2/b
        -- W NODE_OFFLINE pve3
    "#]],
    );
    // Its adapter is its own; one LUN of two that lost the same on another node is not.
    let adapters = "
        pve1 a uudd
        pve1 b uudd
        pve2 a uudd
        pve2 b uuuu
        pve3 a uuuu";
    check(
        adapters,
        &["node pve1"],
        &expect![[r#"
        w0 W HBA_DOWN pve1/host7
        -- W LUN_DEGRADED pve2/a
        -- W LUN_SINGLE_FABRIC pve2/a
    "#]],
    );
    // A setting, a stranger's serial or a mount beside the map does not follow from a reboot.
    let others = "
        pve1 a uu.. ow
        pve1 !bypass=sdb:a:mounted_at_/srv wwids=a
        pve2 a uuuu z400
        pve3 a uuuu";
    check(
        others,
        &["node pve1"],
        &expect![[r#"
        w0 W HBA_DOWN pve1/host7
        -- E LUN_IDENTITY_MISMATCH a
        -- W LUN_SIZE_MISMATCH a
        -- W NODE_REBOOT_UNSAFE pve1
        -- E PATH_BYPASSED pve1/a/sdb
    "#]],
    );
}

#[test]
fn paths_over_what_is_worked_on_may_be_away() {
    let port = "
        pve1 a duuu
        pve1 b duuu
        pve2 a duuu
        pve2 b duuu";
    check(
        port,
        &["port 50:1e"],
        &expect![[r#"
        w0 W TARGET_PORT_DOWN 50:1e
    "#]],
    );
    check(
        port,
        &["port 50:2e"],
        &expect![[r#"
            -- W TARGET_PORT_DOWN 50:1e
            -- E WINDOW_EXCEEDED port 50:2e, 50:1e
        "#]],
    );
    check(
        port,
        &["controller ctl1"],
        &expect![[r#"
        w0 W TARGET_PORT_DOWN 50:1e
    "#]],
    );
    check(
        port,
        &["fabric A"],
        &expect![[r#"
        w0 W TARGET_PORT_DOWN 50:1e
    "#]],
    );
    check(
        port,
        &["fabric B"],
        &expect![[r#"
            -- W TARGET_PORT_DOWN 50:1e
            -- E WINDOW_EXCEEDED fabric B, 50:1e
        "#]],
    );
    check(
        port,
        &["lun a"],
        &expect![[r#"
            -- W TARGET_PORT_DOWN 50:1e
        "#]],
    );
    check(
        port,
        &["lun a", "lun b"],
        &expect![[r#"
            -- W TARGET_PORT_DOWN 50:1e
        "#]],
    );
    let fabric = "
        pve1 a dduu
        pve1 b dduu
        pve2 a dduu
        pve2 b dduu";
    check(
        fabric,
        &["fabric A"],
        &expect![[r#"
        w0 W FABRIC_DOWN A
    "#]],
    );
    // One port is no fabric: the finding counts, and what else was lost goes beyond the window.
    check(
        fabric,
        &["port 50:1e"],
        &expect![[r#"
            -- W FABRIC_DOWN A
            -- E WINDOW_EXCEEDED port 50:1e, A
        "#]],
    );
    check(
        fabric,
        &["port 50:1e", "port 50:2e"],
        &expect![[r#"
        w0 W FABRIC_DOWN A
    "#]],
    );
    let all = "
        pve1 a dddd
        pve2 a dddd";
    check(
        all,
        &["array ctl1"],
        &expect![[r#"
        w0 E CONTROLLER_DOWN ctl1
        w0 E CONTROLLER_DOWN ctl2
    "#]],
    );
}

#[test]
fn one_more_lost_path_is_an_error() {
    let one_more = "
        pve1 a dudu
        pve1 b duuu
        pve2 a duuu
        pve2 b duuu";
    check(
        one_more,
        &["port 50:1e"],
        &expect![[r#"
            -- W LUN_DEGRADED pve1/a
            -- W LUN_SINGLE_CONTROLLER pve1/a
            w0 W TARGET_PORT_DOWN 50:1e
            -- E WINDOW_EXCEEDED pve1/a/port 50:1e
        "#]],
    );
    // A second window on the other port explains it.
    check(
        one_more,
        &["port 50:1e", "port 50:1f"],
        &expect![[r#"
        w0 W LUN_DEGRADED pve1/a
        w0 W LUN_SINGLE_CONTROLLER pve1/a
        w0 W TARGET_PORT_DOWN 50:1e
    "#]],
    );
    // The node is worked on as well.
    check(
        one_more,
        &["port 50:1e", "node pve1"],
        &expect![[r#"
        w1 W LUN_DEGRADED pve1/a
        w1 W LUN_SINGLE_CONTROLLER pve1/a
        w0 W TARGET_PORT_DOWN 50:1e
    "#]],
    );
    // An adapter goes while a fabric is worked on: said once, not for each LUN.
    let adapter = "
        pve1 a dddd
        pve1 b dddd
        pve2 a dduu
        pve2 b dduu";
    check(
        adapter,
        &["fabric A"],
        &expect![[r#"
        w0 E FABRIC_DOWN A
        -- E HBA_DOWN pve1/host7
        -- E WINDOW_EXCEEDED pve1/fabric A, host7
    "#]],
    );
    let text = lab(one_more).judged(&Lab::windows(&["port 50:1e"])).0;
    let of = text.iter().find(|finding| finding.code.as_str() == "WINDOW_EXCEEDED").unwrap();
    expect![[r#"
        a on pve1 also lost host7 to 50:1f, which the window on port 50:1e does not explain
        lost: host7 to 50:1f
        the window on port 50:1e is open from 2026-07-03 12:39:00 UTC until 2026-07-03 13:40:00 UTC, by kb@pam: firmware
        DO NOT widen the window to make it quiet
        Ask kb@pam: was more touched than port 50:1e? Stop the work until that is clear"#]].assert_eq(&format!("{}\n{}\n{}", of.summary, of.evidence.join("\n"), of.advice.join("\n")));
}

#[test]
fn what_stood_before_counts_as_before_and_is_no_news() {
    let one_more = "
        pve1 a dudu
        pve1 b duuu
        pve2 a duuu
        pve2 b duuu";
    let before = lab(one_more).after(3_600);
    expect![[r#"
        -- W LUN_DEGRADED pve1/a
        -- W LUN_SINGLE_CONTROLLER pve1/a
        w0 W TARGET_PORT_DOWN 50:1e
    "#]]
    .assert_eq(&shown(&before.judged(&Lab::windows(&["port 50:1e"])).0));
}

#[test]
fn only_an_open_window_hides() {
    let (text, mut windows) = (lab(NODE_AWAY), Lab::windows(&["node pve3"]));
    let hidden = |windows: &Windows| text.judged(windows).0.iter().filter(|of| of.muted.is_some()).count();
    assert_eq!(hidden(&windows), 1);
    assert_eq!(windows.next_change(NOW.wall), Some(EpochS(NOW.wall.0 + 3_600)));
    windows.entries[0].until = NOW.wall;
    assert_eq!(hidden(&windows), 0, "it ends at its end, and not after it");
    windows.entries[0].from = EpochS(NOW.wall.0 + 1);
    windows.entries[0].until = EpochS(NOW.wall.0 + 2);
    assert_eq!(hidden(&windows), 0, "it is not open yet");
    assert_eq!(windows.next_change(NOW.wall), Some(EpochS(NOW.wall.0 + 1)));
}

fn cells() -> impl Strategy<Value = String> {
    let cell = (0..3_usize, 0..3_usize, "[uuud.]{4}");
    prop::collection::vec(cell, 1..9).prop_map(|cells| {
        let mut seen = std::collections::BTreeSet::new();
        let mut out = String::new();
        for (node, lun, letters) in cells {
            if seen.insert((node, lun)) {
                out.push_str(&format!("pve{node} lun{lun} {letters}\n"));
            }
        }
        out
    })
}

fn on() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "node pve0",
        "node pve1",
        "lun lun1",
        "port 50:1e",
        "port 50:2f",
        "controller ctl1",
        "fabric A",
        "array ctl1",
        "port 99:99",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Windows change nothing of what is found but the mark, and add nothing but what goes beyond them.
    #[test]
    fn windows_change_only_what_counts(text in cells(), on in prop::collection::vec(on(), 0..3)) {
        let lab = lab(&text);
        let bare = lab.judged(&Windows::default()).0;
        let with = lab.judged(&Lab::windows(&on)).0;
        let mut again: Vec<Finding> = with.iter().filter(|of| of.code.as_str() != "WINDOW_EXCEEDED").cloned().collect();
        again.iter_mut().for_each(|finding| finding.muted = None);
        prop_assert_eq!(&bare, &again);
        prop_assert!(with.iter().filter(|of| of.code.as_str() == "WINDOW_EXCEEDED").all(|of| of.muted.is_none()));
    }

    /// What is hidden has lost nothing but what an open window's thing is under.
    #[test]
    fn nothing_is_hidden_that_is_about_none_of_its_objects(text in cells(), on in prop::collection::vec(on(), 1..3)) {
        let lab = lab(&text);
        let windows = Lab::windows(&on);
        let (found, causes) = lab.judged(&windows);
        for finding in found.iter().filter(|of| of.muted.is_some()) {
            let (Some(node), Some(wwid)) = (&finding.scope.node, &finding.scope.wwid) else { continue };
            let away = |way: &pathkeeper_model::cause::Way<'_>| windows.entries.iter().any(|window| match &window.on {
                WindowOn::Node(of) => of == node,
                WindowOn::Lun(of) => of == wwid,
                WindowOn::Port(of) => way.port == Some(of),
                WindowOn::Controller(of) => way.controller == Some(of),
                WindowOn::Fabric(of) => way.fabric == Some(of),
                WindowOn::Array(of) => way.array == Some(of),
            });
            let ways = causes.ways(node, wwid);
            prop_assert!(ways.iter().filter(|way| way.off > 0).all(away), "{finding:?}\n{text}");
        }
    }
}
