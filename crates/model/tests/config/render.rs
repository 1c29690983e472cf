//! The drop-in: its text, and that it is the same whatever the order.

use expect_test::expect;
use pathkeeper_model::config::keywords::ALL;
use pathkeeper_model::config::render::{Rendered, unknown_keys};
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
use proptest::prelude::*;

fn good(text: &str) -> MultipathCfg {
    match Reading::parse(Some(text.as_bytes())) {
        Reading::Good(cfg) => cfg,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_people_want_becomes_a_drop_in() {
    let cfg = good(
        "defaults: global\n    path-selector service-time 0\n    no-path-retry 12\n    expected-paths 4\n\n\
         wwid: 3600a098038304479363f4c4870455a71\n    alias oracle-data\n    no-path-retry queue\n    skip-kpartx\n    \
         nodes a,b\n    used-by erp\n    comment say \"hi\"\n\nwwid: eui.0001\n    prio weightedpath\n    prio-args hbtl \"1:.*\" 5\n",
    );
    expect![[r#"
        # Made by Pathkeeper from the cluster's multipath.cfg, digest d1.
        # It is written anew with each change there: pathkeeper config show
        defaults {
        	find_multipaths "strict"
        	user_friendly_names "no"
        	no_path_retry "12"
        	path_selector "service-time 0"
        }
        multipaths {
        	multipath {
        		wwid "3600a098038304479363f4c4870455a71"
        		alias "oracle-data"
        		no_path_retry "queue"
        		skip_kpartx "yes"
        	}
        	multipath {
        		wwid "eui.0001"
        		prio "weightedpath"
        		prio_args "hbtl ""1:.*"" 5"
        	}
        }
    "#]]
    .assert_eq(&Rendered::of(&cfg).unwrap().text("d1"));
    let empty = Rendered::of(&good("# nobody\n")).unwrap().text("d2");
    assert!(!empty.contains("multipaths"), "{empty}");
}

#[test]
fn what_the_schema_refuses_is_told_with_its_line() {
    let cfg = good(
        "defaults: global\n    polling-interval abc\n    find-multipaths yes\n    colour blue\n\n\
         wwid: 36001\n    polling-interval 5\n    no-path-retry never\n    smell 3\n",
    );
    let problems: Vec<String> = Rendered::of(&cfg).unwrap_err().iter().map(ToString::to_string).collect();
    expect![[r#"
        line 2: polling-interval: "abc" is not allowed: a number from 1 to 3600
        line 3: find-multipaths: it cannot be set: it is always strict: nodes assemble the LUNs of the allow-list and no others
        line 7: polling-interval: it is for all LUNs alike: it stands in the section defaults
        line 8: no-path-retry: "never" is not allowed: a number from 1, or fail, queue"#]]
    .assert_eq(&problems.join("\n"));
    let unknown: Vec<String> = unknown_keys(&cfg).iter().map(ToString::to_string).collect();
    expect![[r#"
        line 4: "colour" is no setting that Pathkeeper knows: it is kept and not used
        line 9: "smell" is no setting that Pathkeeper knows: it is kept and not used"#]]
    .assert_eq(&unknown.join("\n"));
}

/// Settings of a section in some order, by their places in the list of all.
fn section(settings: &[(usize, u32)]) -> String {
    let line = |(at, n): &(usize, u32)| {
        let keyword = &ALL[at % ALL.len()];
        format!("    {} {}\n", keyword.key, n % 7)
    };
    settings.iter().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
    #[test]
    fn the_order_in_which_things_were_typed_does_not_matter(
        defaults in prop::collection::btree_map(0..ALL.len(), 0..100_u32, 0..6),
        luns in prop::collection::btree_map("3[0-9a-f]{4}", prop::collection::btree_map(0..ALL.len(), 0..100_u32, 0..4), 0..5),
        turned in any::<bool>(),
    ) {
        let mut sections = vec![("defaults: global\n".to_owned(), defaults.into_iter().collect::<Vec<_>>())];
        sections.extend(luns.into_iter().map(|(wwid, of)| (format!("wwid: {wwid}\n"), of.into_iter().collect())));
        let write = |sections: &[(String, Vec<(usize, u32)>)]| {
            let texts: Vec<String> = sections.iter().map(|(head, of)| format!("{head}{}", section(of))).collect();
            texts.join("\n")
        };
        let first = write(&sections);
        for (_, of) in &mut sections {
            of.reverse();
        }
        if turned {
            sections.reverse();
        }
        let second = write(&sections);
        let render = |text: &str| {
            let of = Rendered::of(&good(text));
            of.map(|of| of.text("d")).map_err(|problems| {
                let mut whats: Vec<String> = problems.into_iter().map(|problem| problem.what).collect();
                whats.sort();
                whats
            })
        };
        prop_assert_eq!(render(&first), render(&second));
    }
}
