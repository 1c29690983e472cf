//! Codes about one LUN on one node.

use pathkeeper_model::EpochS;

use super::lab::{NOW, lab, line, name};

fn check(cases: &[(&str, &[&str])]) {
    for (text, expect) in cases {
        assert_eq!(lab(text).codes(), *expect, "{text}");
    }
}

/// The summary of the one finding of this code.
fn summary(text: &str, code: &str) -> String {
    let found = lab(text).find();
    let mut of = found.iter().filter(|finding| finding.code.as_str() == code);
    let first =
        of.next().unwrap_or_else(|| panic!("no {code} in {:?}", found.iter().map(line).collect::<Vec<_>>()));
    assert!(of.next().is_none());
    first.summary.clone()
}

/// All lines of the finding of this code.
fn told(text: &str, code: &str) -> String {
    let found = lab(text).find();
    let finding = found.iter().find(|finding| finding.code.as_str() == code).unwrap();
    let lines = std::iter::once(&finding.summary).chain(&finding.evidence).chain(&finding.advice);
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn nothing_is_wrong() {
    check(&[
        ("", &[]),
        ("pve1 a uuuu\npve2 a uuuu", &[]),
        ("pve1 a u", &[]),
        // Not watched, not carried: no business of the node's.
        ("pve1 a uu noled\npve2 b uu noled", &[]),
    ]);
}

#[test]
fn lun_failed() {
    check(&[
        ("pve1 a dddd", &["E LUN_FAILED pve1/a"]),
        ("pve1 a d noled", &["E LUN_FAILED pve1/a"]),
        ("pve1 a ....", &["E LUN_FAILED pve1/a"]),
        // The published paths lag behind the report, and the report counts.
        ("pve1 a uuuu rep=0/4", &["E LUN_FAILED pve1/a"]),
        ("pve1 a uuuu rep=0/4\npve1 !untold", &["E LUN_FAILED pve1/a"]),
        // Nothing proves that a path works, and that is no better than the last path.
        ("pve1 a dddx", &["E LUN_FAILED pve1/a"]),
        // Each node for itself.
        ("pve1 a dd\npve2 a dd\npve3 a uu", &["E LUN_FAILED pve1/a", "E LUN_FAILED pve2/a"]),
        // A person's order does not make waiting or failing I/O go away.
        ("pve1 a dd\nretire a", &["E LUN_FAILED pve1/a"]),
        // What the kernel proves stands while nobody checks paths.
        ("pve1 a dd\npve1 !down", &["E LUN_FAILED pve1/a"]),
        // The node is silent: one finding about the node is in its place.
        ("pve1 a dd\npve1 !stale", &[]),
        ("pve1 a dd\npve1 !unheard", &[]),
    ]);
    assert_eq!(
        summary("pve1 a dddd\nlun a alias=data01", "LUN_FAILED"),
        "data01: no path on pve1 (0 of 4), I/O fails"
    );
    assert_eq!(summary("pve1 a dddd n=mpatha", "LUN_FAILED"), "mpatha: no path on pve1 (0 of 4), I/O fails");
    assert_eq!(summary("pve1 a dx", "LUN_FAILED"), "a: no path on pve1 is certain to work (0 of 2)");
    let all = told("pve1 a uuuu rep=0/4", "LUN_FAILED");
    assert!(all.contains("its paths one by one are still to be published"), "{all}");
}

#[test]
fn lun_queueing() {
    check(&[
        ("pve1 a dddd q", &["E LUN_QUEUEING pve1/a"]),
        ("pve1 a dddd q48", &["E LUN_QUEUEING pve1/a"]),
        // The report is newer than what was published of the paths: it waits by now.
        ("pve1 a uuuu chk rep=0/4", &["E LUN_QUEUEING pve1/a"]),
        ("pve1 a uuuu chk", &[]),
        // It would, and it has paths.
        ("pve1 a uuuu q", &[]),
        ("pve1 a duuu q", &["W LUN_DEGRADED pve1/a"]),
        ("pve1 a dd q\npve1 !down", &["E QUEUE_WITHOUT_DAEMON pve1/a"]),
        ("pve1 a dd q\npve1 !hung", &["E QUEUE_WITHOUT_DAEMON pve1/a"]),
        ("pve1 a uu q\npve1 !down", &[]),
        ("pve1 a dd q\npve1 !offline", &[]),
    ]);
    let code = "LUN_QUEUEING";
    assert_eq!(summary("pve3 a dddd q", code), "a: no path on pve3, I/O queues FOR EVER");
    assert_eq!(
        summary("pve3 a dddd q48", code),
        "a: no path on pve3, I/O queues until 2026-07-03 12:40:48 UTC, then fails"
    );
    assert_eq!(
        summary("pve3 a uuuu chk rep=0/4", code),
        "a: no path on pve3, I/O queues for 12 checks of multipathd's, then fails"
    );
    let all = told(
        "pve3 a dddd q\nlun a alias=backup-01 used-by=backup-lvm\nguest 311 pve3 backup-lvm bkp-srv",
        code,
    );
    assert!(all.contains("guests of pve3 on it: VM 311 bkp-srv"), "{all}");
    // The price stands in the same line as the command.
    let line = all.lines().find(|line| line.contains("disablequeueing")).unwrap();
    assert!(line.starts_with("DO NOT ") && line.contains("I/O errors"), "{line}");
    assert!(!told("pve3 a dddd q48", code).contains("nothing ends the waiting"));
}

#[test]
fn lun_last_path() {
    check(&[
        ("pve1 a uddd", &["E LUN_LAST_PATH pve1/a"]),
        ("pve1 a u...", &["E LUN_LAST_PATH pve1/a"]),
        ("pve1 a uuuu rep=1/4", &["E LUN_LAST_PATH pve1/a"]),
        ("pve1 a uudd", &["W LUN_DEGRADED pve1/a"]),
        ("pve1 a u", &[]),
        ("pve1 a ud\npve1 !down", &[]),
        ("pve1 a ud\nretire a", &[]),
        ("pve1 a ud\nretire a pve2", &["E LUN_LAST_PATH pve1/a"]),
    ]);
    let all = told("pve1 a uddd\nport 50:1e \"netapp1 ctl1-0e\"", "LUN_LAST_PATH");
    assert!(all.contains("a: last path on pve1 (1 of 4)"), "{all}");
    assert!(
        all.contains("DO NOT touch host6 -> netapp1 ctl1-0e (50:1e) of pve1: it carries the last path"),
        "{all}"
    );
}

#[test]
fn lun_degraded_and_below_expected() {
    check(&[
        ("pve1 a uuud", &["W LUN_DEGRADED pve1/a"]),
        ("pve1 a uuu.", &["W LUN_BELOW_EXPECTED pve1/a"]),
        // One finding for one cell; it tells of both.
        ("pve1 a uud.", &["W LUN_DEGRADED pve1/a"]),
        ("pve1 a uuu. noled", &[]),
        ("pve1 a uuux", &["W LUN_DEGRADED pve1/a"]),
        ("pve1 a uuuu rep=3/4\npve1 !untold", &["W LUN_DEGRADED pve1/a"]),
        ("pve1 a uuud\npve1 !hung", &[]),
        ("pve1 a uuud\npve1 !stale", &[]),
        ("pve1 a uuud\nretire a", &[]),
    ]);
    assert_eq!(
        summary("pve1 a uud.", "LUN_DEGRADED"),
        "a: 2 of 4 paths usable on pve1, 1 of the others absent"
    );
    let all = told("pve1 a uuu.", "LUN_BELOW_EXPECTED");
    assert!(all.contains("a: 3 of 4 paths known on pve1, 1 never came back"), "{all}");
    assert!(all.contains("host7 -> 50:2f: 1 absent: never came back"), "{all}");
}

#[test]
fn lun_missing() {
    let a = "pve1 a uuuu\n";
    for (line, expect) in [
        (
            "pve2 a - loose=sdk,sdl wwids=no",
            "a: not assembled on pve2, 2 devices seen, its WWID is not in pve2:/etc/multipath/wwids",
        ),
        (
            "pve2 a - loose=sdk why=blacklisted rule=wwid_\".*\"_(multipath.conf:7) wwids=no",
            "a: not assembled on pve2, 1 device seen, blacklisted (wwid \".*\" (multipath.conf:7))",
        ),
        (
            "pve2 a - loose=sdk by=mounted_at_/srv wwids=no",
            "a: not assembled on pve2, sdk is held by something else: mounted at /srv",
        ),
        // What lies on it holds nothing.
        (
            "pve2 a - loose=sdk by=LVM_PV_of_VG_prod wwids=no",
            "a: not assembled on pve2, 1 device seen, its WWID is not in pve2:/etc/multipath/wwids",
        ),
        ("pve2 a - loose=sdk wwids=yes", "a: not assembled on pve2, 1 device seen, no map was made"),
        ("pve2 a - loose=sdk", "a: not assembled on pve2, 1 device seen, no map was made"),
        ("pve2 a -", "a: not assembled on pve2, no device of it, and none of its target ports is reached"),
        (
            "pve2 a -\npve2 b uuuu",
            "a: not assembled on pve2, no device of it, though its target ports are reached",
        ),
        ("pve2 a -\npve2 !untold", "a: not assembled on pve2, why is not known"),
    ] {
        assert_eq!(summary(&format!("{a}{line}"), "LUN_MISSING"), expect);
    }
    check(&[
        ("pve1 a uu\npve2 a -", &["E LUN_MISSING pve2/a"]),
        ("pve1 a uu\npve2 a -\npve2 !stale", &[]),
        ("pve1 a uu\npve2 a -\npve2 !down", &[]),
        ("pve1 a uu\npve2 a -\nretire a pve2", &[]),
        // Nobody has it: LUN_GONE says that once, and is not ours.
        ("pve1 a -\npve2 a -", &[]),
        // Who has its devices has not lost it.
        ("pve1 a - loose=sdk wwids=no", &["E LUN_MISSING pve1/a"]),
        ("pve1 a - loose=sdk wwids=no\npve2 a -", &["E LUN_MISSING pve1/a", "E LUN_MISSING pve2/a"]),
        ("pve1 a - loose=sdk wwids=no\npve1 !stale\npve2 a -", &[]),
    ]);
    let all = told(&format!("{a}pve2 a - loose=sdk,sdl wwids=no"), "LUN_MISSING");
    assert!(all.contains("On pve2 (this changes something): multipath -a /dev/sdk"), "{all}");
    assert!(all.contains("all paths on pve1"), "{all}");
}

#[test]
fn a_map_that_went_since_the_paths_were_published_is_missing_and_not_gone() {
    let mut lab = lab("pve1 a uuuu");
    let node = lab.nodes.get_mut(&name("pve1")).unwrap();
    node.entries = Some(Vec::new());
    node.paths.as_mut().unwrap().read_at = Some(EpochS(NOW.wall.0 - 20));
    let found = lab.find();
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), ["E LUN_MISSING pve1/a"]);
    assert_eq!(found[0].summary, "a: not assembled on pve1, its map has just gone");
}

#[test]
fn lun_suspended_and_contradiction() {
    check(&[
        // It passes by itself, mostly.
        ("pve1 a uuuu s", &["I LUN_SUSPENDED pve1/a"]),
        ("pve1 a uuuu s\npve1 !stale", &[]),
        ("pve1 a uuuc", &["I PATH_CONTRADICTION pve1/a", "W LUN_DEGRADED pve1/a"]),
        ("pve1 a uuud", &["W LUN_DEGRADED pve1/a"]),
        ("pve1 a uuuc\npve1 !down", &[]),
    ]);
    for (text, seconds, expect) in [
        ("pve1 a uuuu s", 10, "I LUN_SUSPENDED pve1/a"),
        ("pve1 a uuuu s", 11, "E LUN_SUSPENDED pve1/a"),
        ("pve1 a uuuc", 20, "I PATH_CONTRADICTION pve1/a"),
        ("pve1 a uuuc", 21, "W PATH_CONTRADICTION pve1/a"),
    ] {
        let codes = lab(text).after(seconds).codes();
        assert!(codes.iter().any(|code| code == expect), "{text} {seconds}: {codes:?}");
    }
    assert_eq!(
        summary("pve1 a uucc", "PATH_CONTRADICTION"),
        "a: multipathd and the kernel disagree about 2 paths on pve1"
    );
}

#[test]
fn of_a_lun_all_is_told() {
    let lab = lab("pve1 a uuud\npve2 a dddd q\npve3 b uuud");
    let lines: Vec<String> = lab.of_lun("a").iter().map(line).collect();
    assert_eq!(lines, ["W LUN_DEGRADED pve1/a", "E LUN_QUEUEING pve2/a"]);
    assert!(lab.of_lun("nobody").is_empty());
}
