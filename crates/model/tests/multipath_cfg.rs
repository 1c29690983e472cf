//! `multipath.cfg`: what it says, what makes it no instruction, that its bytes stay.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use pathkeeper_model::Wwid;
use pathkeeper_model::multipath_cfg::{LunSection, MultipathCfg, Reading};
use pathkeeper_model::section::DOCUMENT_BYTES_MAX;
use proptest::prelude::*;

const EXAMPLE: &str = "\
# the cluster's LUNs
defaults: global
    path-selector service-time 0
    expected-paths 4

wwid: 3600a098038304479363f4c4870455a71
    alias oracle-data
    # ticket 4711
    no-path-retry queue
    expected-paths 8
    nodes pve1, pve2
    used-by backup server
    comment moved in March

wwid: 3600a098038304479363f4c4870455a72

tier: gold
    colour yellow
";

fn good(text: &str) -> MultipathCfg {
    match Reading::parse(Some(text.as_bytes())) {
        Reading::Good(cfg) => cfg,
        other => panic!("{text}{other:?}"),
    }
}

/// The document is no instruction because of these lines, and the first says this.
fn invalid(text: &str, lines: &[u32], word: &str) {
    match Reading::parse(Some(text.as_bytes())) {
        Reading::Invalid(problems) => {
            let got: Vec<u32> = problems.iter().map(|problem| problem.line).collect();
            assert_eq!(got, lines, "{text}{problems:#?}");
            assert!(problems[0].what.contains(word), "{text}{problems:#?}");
        }
        other => panic!("{text}{other:?}"),
    }
}

/// One LUN with this line.
fn lun(line: &str) -> LunSection {
    let cfg = good(&format!("wwid: 3600a\n\t{line}\n"));
    cfg.luns["3600a"].clone()
}

/// A LUN with this line makes the document no instruction.
fn bad(line: &str, word: &str) {
    invalid(&format!("wwid: 3600a\n\t{line}\n"), &[2], word);
}

#[test]
fn what_it_says() {
    let cfg = good(EXAMPLE);
    let (first, second) = (
        Wwid::new("3600a098038304479363f4c4870455a71").expect("not empty"),
        Wwid::new("3600a098038304479363f4c4870455a72").expect("not empty"),
    );
    let lun = &cfg.luns[&first];
    assert_eq!((lun.line, lun.alias.as_deref()), (6, Some("oracle-data")));
    assert_eq!(lun.nodes.iter().flatten().map(|n| n.as_str()).collect::<Vec<_>>(), ["pve1", "pve2"]);
    assert_eq!(lun.used_by.as_deref(), Some("backup server"));
    assert_eq!(lun.comment.as_deref(), Some("moved in March"));
    assert_eq!(
        (lun.settings.len(), lun.settings[0].line, lun.settings[0].key.as_str()),
        (1, 9, "no-path-retry")
    );
    assert_eq!(cfg.luns[&second], LunSection { line: 15, ..LunSection::default() });
    assert_eq!(cfg.settings[0].value.as_deref(), Some("service-time 0"));
    assert_eq!(
        [&first, &second, &Wwid::new("x").expect("not empty")].map(|wwid| cfg.expected_paths_of(wwid)),
        [Some(8), Some(4), Some(4)]
    );
    // An unknown section is told, and stops nothing.
    assert_eq!(cfg.remarks.iter().map(|remark| remark.line).collect::<Vec<_>>(), [17]);
    assert_eq!(cfg.write(), EXAMPLE.as_bytes());
}

#[test]
fn no_instruction_is_not_an_empty_document() {
    assert_eq!(Reading::parse(None), Reading::Absent);
    assert_eq!(Reading::parse(Some(b"")), Reading::Absent);
    for empty in ["\n", "# pathkeeper: torn down by root@pam at 2026-03-01T00:00:00Z\n"] {
        assert_eq!((good(empty).luns.len(), good(empty).write()), (0, empty.into()));
    }
}

#[test]
fn what_the_grammar_passes_over_is_a_problem_here() {
    invalid("wwid: 3600a\n\talias a\nwwid: 3600b\n", &[3], "no empty line precedes");
    invalid("wwid: 3600a\n\talias a\n \nwwid: 3600b\n", &[4], "white space");
    invalid("wwid: 3600a\r\n\talias a\r\n\r\nwwid: 3600b\r\n", &[4], "DOS");
    invalid("wwid: 3600a\nalias a\n", &[2], "not indented");
    invalid("alias a\n", &[1], "outside");
    invalid("wwid: 3600a\n0\n\talias a\n", &[3], "outside");
    invalid("wwid:\n\talias a\n", &[1, 2], "outside");
    invalid(&"#".repeat(DOCUMENT_BYTES_MAX + 1), &[0], "nothing of it counts");
    let latin = Reading::parse(Some(b"wwid: 3600a\n\tcomment \xe9\n"));
    assert!(matches!(latin, Reading::Invalid(problems) if problems[0].what.contains("UTF-8")));
    // In a comment nobody minds.
    assert!(matches!(Reading::parse(Some(b"# \xe9\nwwid: 3600a\n")), Reading::Good(_)));
    // Lines that look empty and separate nothing do no harm.
    assert_eq!(good("wwid: 3600a\n  \n\talias a\n \t\n\n \nwwid: 3600b\n").luns.len(), 2);
}

#[test]
fn sections_stand_once() {
    invalid("defaults: global\n\ndefaults: more\n", &[3], "at most one");
    invalid("wwid: 3600a\n\nwwid: 3600b\n\nwwid: 3600a\n", &[5], "line 1");
    invalid("wwid: 3600a\n\talias a\n\talias b\n", &[3], "twice");
    invalid("wwid: 3600a\n\tno-path-retry 5\n\tno-path-retry 6\n", &[3], "twice");
    invalid("defaults: global\n\talias a\n", &[2], "no place in a section defaults");
    // Kinds are as they are written.
    assert_eq!(good("WWID: 3600a\n").remarks.len(), 1);
}

#[test]
fn wwids() {
    for text in
        ["3600a098038304479363f4c4870455a71", "eui.0025385b71b00001", "0QEMU_QEMU_HARDDISK_d0", "1ATA:x+y/z"]
    {
        assert_eq!(good(&format!("wwid: {text}\n")).luns.len(), 1, "{text}");
    }
    for text in ["3600\u{e9}", "36\"00", "36\x0100", &"3".repeat(128), "/3600a/", "#3600a"] {
        invalid(&format!("wwid: {text}\n"), &[1], "is no WWID");
    }
}

#[test]
fn aliases() {
    for text in ["oracle-data", "a", "x.y_z-1", "_old", "SAN#1+2=3@4:5", "3par", "deadbeef", &"a".repeat(127)]
    {
        assert_eq!(lun(&format!("alias {text}")).alias.as_deref(), Some(text));
    }
    bad("alias", "no value");
    bad("alias two words", "' '");
    bad("alias a/b", "'/'");
    bad("alias ..", "begins");
    bad("alias -rf", "begins");
    bad("alias é", "cannot stand");
    bad("alias a\0b", "control");
    bad(&format!("alias {}", "a".repeat(128)), "longer");
    bad("alias control", "device-mapper");
    bad("alias 3600a098038304479363f4c4870455a79", "WWID");
    bad("alias 3600140512345678a", "WWID");
    bad("alias eui.0025385b71b00001", "WWID");
    invalid("wwid: 3600a\n\talias x\n\nwwid: 3600b\n\talias x\n", &[5], "line 2");
    invalid("wwid: 3600a\n\talias QEMU_1\n\nwwid: QEMU_1\n", &[2], "WWID of a LUN");
    // multipathd's own names are doubtful, and may be live ones that were taken over.
    let cfg = good("wwid: 3600a\n\talias mpatha\n");
    assert_eq!((cfg.luns["3600a"].alias.as_deref(), cfg.remarks[0].line), (Some("mpatha"), 2));
    assert_eq!(good("wwid: 3600a\n\talias mpath1\n").remarks, []);
}

#[test]
fn nodes() {
    let names =
        |line: &str| lun(line).nodes.iter().flatten().map(|n| n.to_string()).collect::<Vec<_>>().join("+");
    assert_eq!(names("nodes b,a;a c"), "a+b+c");
    assert_eq!(names("nodes host_1.lab"), "host_1.lab");
    assert_eq!(lun("alias x").nodes, None);
    bad("nodes", "no value");
    bad("nodes ,", "names nobody");
    bad("nodes a,-b", "is no node's name");
    bad("nodes a,b/c", "is no node's name");
    bad(&format!("nodes {}", "a".repeat(256)), "is no node's name");
}

#[test]
fn numbers_and_texts() {
    assert_eq!(lun("expected-paths 1").expected_paths, Some(1));
    assert_eq!(lun("expected-paths 1024").expected_paths, Some(1024));
    for text in ["0", "1025", "-1", "+4", "04", "4x", "4 8", "99999999999", "٤"] {
        bad(&format!("expected-paths {text}"), "is no number");
    }
    bad("expected-paths", "no value");
    bad("used-by", "no value");
    bad(&format!("used-by {}", "a".repeat(256)), "longer");
    bad(&format!("comment {}", "a".repeat(4097)), "longer");
    bad("comment a\u{1b}[31m", "control");
    assert_eq!(lun("comment ä # b").comment.as_deref(), Some("ä # b"));
}

#[test]
fn multipaths_own_settings() {
    let of = |line: &str| lun(line).settings[0].rendered.clone();
    assert_eq!(of("prio alua").as_deref(), Some("alua"));
    assert_eq!(of("skip-kpartx").as_deref(), Some("yes"));
    bad("prio alua\x01", "'\\u{1}' cannot stand in it");
    bad("flush-on-last-del", "no value");
    bad("no-path-retry never", "is not allowed: a number from 1, or fail, queue");
    bad("polling-interval 5", "for all LUNs alike");
    bad("user-friendly-names yes", "it is always no");
    invalid(
        "defaults: global\n\tpolling-interval abc\n\tfind-multipaths yes\n",
        &[2, 3],
        "\"abc\" is not allowed",
    );
    // What nobody knows is kept, is told, and does nothing.
    let cfg = good("defaults: global\n\tcolour blue\n\nwwid: 3600a\n\tno_path_retry 5\n");
    assert_eq!(cfg.remarks.iter().map(|remark| remark.line).collect::<Vec<_>>(), [2, 5]);
    assert!(cfg.remarks[1].what.contains("\"no_path_retry\" is no setting"), "{:?}", cfg.remarks);
    assert_eq!(
        (cfg.settings[0].rendered.as_ref(), cfg.luns["3600a"].settings[0].rendered.as_ref()),
        (None, None)
    );
}

fn documents() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        3 => "(wwid|defaults|tier): [a-d]{1,2}",
        3 => "[ \t](alias|nodes|used-by|expected-paths|comment|prio) ?[a-d1,]{0,3}",
        4 => Just(String::new()),
        1 => "#.{0,4}",
        1 => "\\PC{0,4}",
    ];
    let text = prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n").into_bytes());
    prop_oneof![9 => text, 1 => prop::collection::vec(any::<u8>(), 0..60)]
}

proptest! {
    #[test]
    fn any_document_is_read_and_a_good_one_keeps_its_bytes(bytes in documents()) {
        match Reading::parse(Some(&bytes)) {
            Reading::Absent => prop_assert!(bytes.is_empty()),
            Reading::Invalid(problems) => prop_assert!(!problems.is_empty()),
            Reading::Good(cfg) => {
                prop_assert_eq!(cfg.write(), &bytes[..]);
                let aliases: Vec<&str> = cfg.luns.values().filter_map(|lun| lun.alias.as_deref()).collect();
                let once: std::collections::BTreeSet<&&str> = aliases.iter().collect();
                prop_assert_eq!(once.len(), aliases.len());
                prop_assert!(cfg.luns.values().all(|lun| lun.nodes.as_ref().is_none_or(|nodes| !nodes.is_empty())));
            }
        }
    }
}
