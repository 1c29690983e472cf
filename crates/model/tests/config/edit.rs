//! Changes of `multipath.cfg`: what is not named stays, what cannot be is refused in words.

use expect_test::expect;
use pathkeeper_model::config::edit::{Change, Edit, Keys, edit};
use pathkeeper_model::config::teardown::TornDown;
use pathkeeper_model::multipath_cfg::Reading;
use proptest::prelude::*;

use super::lab::{good, wwid};

const DOCUMENT: &str = "\
# the cluster's LUNs
defaults: global
\tno-path-retry 12
  # for the old array
  colour blue

# ours
wwid: 3600a
    alias one
    # ticket 4711
    no-path-retry queue

wwid: 3600b

tier: gold
    x y
";

fn keys(set: &[(&str, Option<&str>)], delete: &[&str]) -> Keys {
    Keys {
        set: set.iter().map(|(key, value)| (key.to_string(), value.map(str::to_owned))).collect(),
        delete: delete.iter().map(|key| key.to_string()).collect(),
    }
}

fn set(key: &str, value: &str) -> Keys {
    keys(&[(key, Some(value))], &[])
}

fn edited(document: &str, edits: &[Edit]) -> String {
    match edit(Some(document.as_bytes()), edits) {
        Ok(bytes) => String::from_utf8(bytes).unwrap(),
        Err(refused) => format!("refused: {refused}"),
    }
}

/// The lines that went, with `-`, and those that came, with `+`.
fn difference(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let tail =
        before[same..].iter().rev().zip(after[same..].iter().rev()).take_while(|(a, b)| a == b).count();
    let gone = before[same..before.len() - tail].iter().map(|line| format!("-{line}"));
    let came = after[same..after.len() - tail].iter().map(|line| format!("+{line}"));
    gone.chain(came).collect::<Vec<_>>().join("|")
}

#[test]
fn a_change_touches_its_own_lines_alone() {
    for (change, expect) in [
        (Edit::Defaults(set("no-path-retry", "5")), "-\tno-path-retry 12|+\tno-path-retry 5"),
        // Behind the last key, as that one is indented.
        (Edit::Defaults(set("prio", "alua")), "+  prio alua"),
        (
            Edit::Defaults(keys(&[("skip-kpartx", None)], &["no-path-retry"])),
            "-\tno-path-retry 12|-  # for the old array|-  colour blue|+  # for the old array|+  colour blue|+  skip-kpartx",
        ),
        (Edit::Defaults(keys(&[], &["prio"])), ""),
        (Edit::Lun(wwid("3600a"), set("alias", "two")), "-    alias one|+    alias two"),
        (Edit::Lun(wwid("3600a"), keys(&[], &["alias"])), "-    alias one"),
        (Edit::Lun(wwid("3600b"), set("alias", "two")), "+    alias two"),
        (Edit::Lun(wwid("3600b"), set("comment", "a # b \"c\" ä")), "+    comment a # b \"c\" ä"),
        (Edit::Remove(wwid("3600b")), "-wwid: 3600b|-"),
        // Comments stay, those of what goes too.
        (
            Edit::Remove(wwid("3600a")),
            "-wwid: 3600a|-    alias one|-    # ticket 4711|-    no-path-retry queue|+    # ticket 4711",
        ),
        (Edit::Allow(wwid("3600c"), set("alias", "c")), "+|+wwid: 3600c|+    alias c"),
        (Edit::Allow(wwid("3600c"), Keys::default()), "+|+wwid: 3600c"),
    ] {
        let after = edited(DOCUMENT, std::slice::from_ref(&change));
        assert_eq!(difference(DOCUMENT, &after), expect, "{change:?}");
    }
    assert_eq!(edited(DOCUMENT, &[]), DOCUMENT);
    // There and back.
    let there = [Edit::Allow(wwid("3600c"), Keys::default()), Edit::Remove(wwid("3600c"))];
    assert_eq!(edited(DOCUMENT, &there), DOCUMENT);
    // The last line need not have ended.
    assert_eq!(edited("wwid: 1", &[Edit::Lun(wwid("1"), set("alias", "a"))]), "wwid: 1\n    alias a\n");
    assert_eq!(edited("wwid: 1", &[Edit::Allow(wwid("2"), Keys::default())]), "wwid: 1\n\nwwid: 2\n");
}

#[test]
fn a_document_can_begin_with_a_change() {
    let first = [
        Edit::Allow(wwid("3600a"), keys(&[("alias", Some("a")), ("skip-kpartx", None)], &[])),
        Edit::Defaults(set("no-path-retry", "12")),
    ];
    let expect = "wwid: 3600a\n    alias a\n    skip-kpartx\n\ndefaults: global\n    no-path-retry 12\n";
    let torn = TornDown::new("kb@pam", "2026-03-01").to_string();
    for none in [None, Some(&b""[..]), Some(torn.as_bytes())] {
        assert_eq!(edit(none, &first).map(|bytes| String::from_utf8(bytes).unwrap()), Ok(expect.into()));
    }
    // Without a change it is what it was.
    assert_eq!(edit(Some(torn.as_bytes()), &[]), Ok(torn.clone().into_bytes()));
    assert_eq!(edit(None, &[Edit::Defaults(keys(&[], &["prio"]))]), Ok(vec![]));
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let lun = |keys: Keys| edited(DOCUMENT, &[Edit::Lun(wwid("3600a"), keys)]);
    let defaults = |keys: Keys| edited(DOCUMENT, &[Edit::Defaults(keys)]);
    let said = [
        defaults(set("polling-interval", "abc")),
        defaults(set("no_path_retry", "5")),
        defaults(set("colour", "red")),
        defaults(set("user-friendly-names", "yes")),
        defaults(set("alias", "x")),
        defaults(keys(&[], &["nodes"])),
        lun(set("polling-interval", "5")),
        lun(set("no-path-retry", "5\n\nwwid: evil")),
        lun(set("comment", " blank")),
        lun(set("comment", "")),
        lun(set("prio-args", "ä")),
        lun(set("alias", "a/b")),
        lun(keys(&[("alias", None)], &[])),
        lun(keys(&[("alias", Some("x"))], &["alias"])),
        edited(DOCUMENT, &[Edit::Lun(wwid("3600b"), set("alias", "one"))]),
        edited(DOCUMENT, &[Edit::Allow(wwid("3600a"), Keys::default())]),
        edited(DOCUMENT, &[Edit::Allow(wwid("36 00"), Keys::default())]),
        edited(DOCUMENT, &[Edit::Remove(wwid("3600c"))]),
        edited(DOCUMENT, &[Edit::Lun(wwid("3600c"), set("alias", "x"))]),
        edited("wwid: 3600a\nwwid: 3600b\n", &[Edit::Remove(wwid("3600a"))]),
        edited(&"#\n".repeat(1 << 19), &[Edit::Allow(wwid("3600a"), Keys::default())]),
    ];
    expect![[r#"
        refused: polling-interval: "abc" is not allowed: a number from 1 to 3600
        refused: "no_path_retry" is no setting; did you mean no-path-retry?
        refused: "colour" is no setting
        refused: user-friendly-names cannot be set: it is always no: names that each node counts for itself differ between nodes; a LUN's alias names it
        refused: alias cannot be set: it is one LUN's: pathkeeper lun set
        refused: nodes cannot be set: it is one LUN's: pathkeeper lun set
        refused: polling-interval cannot be set: it is for all LUNs alike: pathkeeper config set
        refused: no-path-retry: a value is one line that neither begins nor ends with white space, and is not empty
        refused: comment: a value is one line that neither begins nor ends with white space, and is not empty
        refused: comment: a value is one line that neither begins nor ends with white space, and is not empty
        refused: prio-args: 'ä' cannot stand in it: printable ASCII can
        refused: multipath.cfg could not be followed any more: line 9: alias: '/' cannot stand in a map's name: letters, digits and #+-.:=@_ can
        refused: multipath.cfg could not be followed any more: line 9: alias: it has no value
        refused: "alias" is named twice in one change: say once what it should be
        refused: multipath.cfg could not be followed any more: line 14: alias: "one" is the alias of another LUN already, in line 9
        refused: the LUN 3600a is allowed already, in line 8: change it with pathkeeper lun set
        refused: "36 00" is no WWID: 1 to 127 visible characters, and neither / nor # before them
        refused: the LUN 3600c is not in multipath.cfg: allow it with pathkeeper lun add
        refused: the LUN 3600c is not in multipath.cfg: allow it with pathkeeper lun add
        refused: multipath.cfg cannot be followed as it is, and so it is not changed: line 2: no empty line precedes "wwid: 3600b", so it begins no section and its lines fall into the section before: put an empty line before it; mend it first: pathkeeper config edit
        refused: multipath.cfg would have 1048589 bytes, and 1048576 are the most"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn a_wwid_begins_no_comment() {
    let said = edited(DOCUMENT, &[Edit::Allow(wwid("#36"), Keys::default())]);
    assert!(said.contains("is no WWID"), "{said}");
}

#[test]
fn only_one_text_tears_down() {
    let text = TornDown::new("kb@pam", "2026-03-01T00:00:00Z").to_string();
    assert_eq!(text, "# pathkeeper: torn down by kb@pam at 2026-03-01T00:00:00Z\n");
    let torn = |text: &str| match Reading::parse(Some(text.as_bytes())) {
        Reading::Good(cfg) => cfg.torn_down.map(|of| (of.by, of.at)),
        _ => None,
    };
    let read = Some(("kb@pam".to_owned(), "2026-03-01T00:00:00Z".to_owned()));
    assert_eq!((torn(&text), torn(text.trim_end())), (read.clone(), read));
    for other in [
        "",
        "\n",
        "# nothing\n",
        " # pathkeeper: torn down by a at b\n",
        "# pathkeeper: torn down by a at b\n\n",
        "# pathkeeper: torn down by a at b\r\n",
        "# pathkeeper: torn down by a\n",
        "# pathkeeper: torn down by  at b\n",
        "# pathkeeper: torn down by a at b\n\nwwid: 3600a\n",
        "# pathkeeper: torn down by a at b\n# more\n",
    ] {
        assert_eq!(torn(other), None, "{other:?}");
    }
    // Who writes it cannot break it.
    for (by, at) in [("a\nwwid: x", "b"), ("a at b", "c at d"), ("", ""), (&"é".repeat(300), "t")] {
        let text = TornDown::new(by, at).to_string();
        assert!(torn(&text).is_some(), "{text}");
    }
}

#[test]
fn a_change_that_takes_luns_out_is_held() {
    let change = |after: &str| Change::between(&good(DOCUMENT), &good(after));
    let held =
        |after: &str, allowed| change(after).held(allowed).map(|held| held.to_string()).unwrap_or_default();
    assert_eq!(held(DOCUMENT, None), "");
    assert_eq!(held("wwid: 3600a\n\nwwid: 3600b\n\nwwid: 3600c\n", None), "");
    assert_eq!(
        held("wwid: 3600a\n", None),
        "it takes out 1 of 2 LUNs, and nobody confirmed that: look at the plan, then --allow-removal 1"
    );
    assert_eq!(
        held("# none\n", Some(1)),
        "it takes out 2 of 2 LUNs, more than half, and 1 were confirmed: look at the plan, then --allow-removal 2"
    );
    assert_eq!(held("# none\n", Some(2)), "");
    let renamed = change("wwid: 3600a\n\nwwid: 3600b\n\talias b\n").renamed;
    assert_eq!(renamed, [(wwid("3600a"), Some("one".into()), None), (wwid("3600b"), None, Some("b".into()))]);
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let keys = || {
        let key = prop::sample::select(vec![
            "alias",
            "comment",
            "no-path-retry",
            "skip-kpartx",
            "nodes",
            "expected-paths",
        ]);
        let value = prop::option::of(prop_oneof!["[a-c1-3]{1,3}", "\\PC{0,6}", Just("queue".into())]);
        (prop::collection::vec((key.clone(), value), 0..3), prop::collection::vec(key, 0..2)).prop_map(
            |(set, delete)| Keys {
                set: set.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                delete: delete.into_iter().map(str::to_owned).collect(),
            },
        )
    };
    let lun = || "3600[a-c]".prop_map(|text| wwid(&text));
    prop_oneof![
        keys().prop_map(Edit::Defaults),
        (lun(), keys()).prop_map(|(wwid, keys)| Edit::Allow(wwid, keys)),
        (lun(), keys()).prop_map(|(wwid, keys)| Edit::Lun(wwid, keys)),
        lun().prop_map(Edit::Remove),
    ]
}

/// Documents of some such lines that have no problems.
fn documents() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => "(wwid: 3600[a-c]|defaults: global|tier: gold)",
        3 => "[ \t](alias|no-path-retry|skip-kpartx|smell|comment) ?[a-d1]{0,2}",
        4 => Just(String::new()),
        1 => " ?#.{0,4}",
        1 => Just("0".to_owned()),
        1 => Just("  ".to_owned()),
    ];
    let text = prop::collection::vec(line, 0..14).prop_map(|lines| lines.join("\n"));
    text.prop_filter("it can be followed", |text| {
        !matches!(Reading::parse(Some(text.as_bytes())), Reading::Invalid(_))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_global_rejects: 200_000, ..ProptestConfig::default() })]
    #[test]
    fn a_change_does_what_it_says_and_no_comment_is_lost(document in documents(), change in any_edit()) {
        let Ok(after) = edit(Some(document.as_bytes()), std::slice::from_ref(&change)) else { return Ok(()) };
        let comments = |text: &str| {
            text.split('\n').filter(|line| line.trim_start().starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
        };
        let text = String::from_utf8(after.clone()).unwrap();
        prop_assert_eq!(comments(&document), comments(&text));
        let (before, after) = (Reading::parse(Some(document.as_bytes())), Reading::parse(Some(&after)));
        let cfg = |reading| match reading {
            Reading::Good(cfg) => cfg,
            Reading::Absent => Default::default(),
            Reading::Invalid(problems) => panic!("{problems:?}\n{text}"),
        };
        let (mut before, mut after) = (cfg(before), cfg(after));
        match &change {
            Edit::Remove(wwid) => {
                prop_assert!(before.luns.remove(wwid).is_some() && !after.luns.contains_key(wwid));
            }
            Edit::Allow(wwid, _) => {
                prop_assert!(!before.luns.contains_key(wwid) && after.luns.remove(wwid).is_some());
            }
            Edit::Lun(wwid, keys) => {
                let (old, new) = (before.luns.remove(wwid).unwrap(), after.luns.remove(wwid).unwrap());
                let value = |key: &str| {
                    let set = keys.set.iter().find(|(of, _)| of == key);
                    set.map(|(_, value)| value.clone()).or(keys.delete.iter().any(|of| of == key).then_some(None))
                };
                prop_assert_eq!(new.alias, value("alias").unwrap_or(old.alias));
                prop_assert_eq!(new.comment, value("comment").unwrap_or(old.comment));
            }
            Edit::Defaults(_) => {
                before.expected_paths = after.expected_paths;
                before.settings.clear();
                after.settings.clear();
            }
        }
        // All else is as before, but for the numbers of its lines.
        let flat = |cfg: &pathkeeper_model::multipath_cfg::MultipathCfg| {
            let settings = |of: &[pathkeeper_model::multipath_cfg::Setting]| {
                of.iter().map(|s| (s.key.clone(), s.value.clone())).collect::<Vec<_>>()
            };
            let luns: Vec<_> = cfg.luns.iter().map(|(wwid, lun)| {
                (wwid.clone(), lun.alias.clone(), lun.nodes.clone(), lun.comment.clone(), settings(&lun.settings))
            }).collect();
            (cfg.expected_paths, settings(&cfg.settings), luns)
        };
        prop_assert_eq!(flat(&before), flat(&after));
    }
}
