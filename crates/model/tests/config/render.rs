//! The drop-in: its text, and that it is the same whatever the order.

use expect_test::expect;
use pathkeeper_model::config::Place;
use pathkeeper_model::config::overrides::Reading;
use pathkeeper_model::config::render::{Rendered, overrides_text};
use pathkeeper_model::multipath_conf::Conf;
use proptest::prelude::*;

use super::lab::{good, settings};

#[test]
fn what_people_want_becomes_a_drop_in() {
    let cfg = good(
        "defaults: global\n    path-selector service-time 0\n    no-path-retry 12\n    expected-paths 4\n    colour blue\n\n\
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
    .assert_eq(&Rendered::of(&cfg).text("d1"));
    let empty = Rendered::of(&good("# nobody\n")).text("d2\nx");
    assert!(!empty.contains("\nmultipaths") && empty.contains("digest d2x.\n"), "{empty}");
}

#[test]
fn overrides_are_rendered_word_for_word() {
    let Reading::Good(overrides) = Reading::parse(Some(b"# mine\noverrides {\n\tno_path_retry fail\n}"))
    else {
        panic!("it is good");
    };
    expect![[r#"
        # Made by Pathkeeper from the cluster's multipath-overrides.conf, digest d3.
        # It is written anew with each change there: pathkeeper config show
        # mine
        overrides {
        	no_path_retry fail
        }
    "#]]
    .assert_eq(&overrides_text(&overrides, "d3"));
}

type Section = (String, Vec<(&'static str, String)>);

fn text(sections: &[Section]) -> String {
    let one = |(head, of): &Section| {
        let lines: String = of.iter().map(|(key, value)| format!("    {key} {value}\n")).collect();
        format!("{head}\n{lines}")
    };
    sections.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// A document's sections, and the same sections and keys in another order.
fn twice() -> impl Strategy<Value = (Vec<Section>, Vec<Section>)> {
    let luns = prop::collection::btree_map("3[0-9a-f]{4}", settings(Place::Both, 5), 0..5);
    let all = (settings(Place::Defaults, 12), luns).prop_map(|(defaults, luns)| {
        let mut sections = vec![("defaults: global".to_owned(), defaults)];
        sections.extend(luns.into_iter().map(|(wwid, of)| (format!("wwid: {wwid}"), of)));
        sections
    });
    all.prop_flat_map(|sections| {
        let turned = sections.clone().into_iter().map(|(head, of)| (Just(head), Just(of).prop_shuffle()));
        let turned = turned.collect::<Vec<_>>().prop_flat_map(|sections| Just(sections).prop_shuffle());
        (Just(sections), turned)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
    #[test]
    fn the_order_in_which_things_were_typed_does_not_matter((first, second) in twice()) {
        let render = |sections: &[Section]| Rendered::of(&good(&text(sections))).text("d");
        let rendered = render(&first);
        prop_assert_eq!(&rendered, &render(&second));
        // What multipath's own grammar reads of it is what was typed, and nothing else.
        let conf = Conf::parse([("60", rendered.as_str())]);
        prop_assert_eq!(&conf.complaints, &vec![]);
        let of: usize = first.iter().map(|(_, of)| of.len()).sum();
        prop_assert_eq!(conf.entries.len(), 2 + of + first.len() - 1);
        for (head, settings) in &first {
            for (key, value) in settings {
                let accepted = pathkeeper_model::config::Keyword::of(key).unwrap().kind.accept(Some(value));
                let name = key.replace('-', "_");
                let wwid = head.strip_prefix("wwid: ");
                let block = conf.entries.iter().find(|e| wwid.is_some_and(|w| e.key == "wwid" && e.value == w));
                let found = conf.entries.iter().find(|e| {
                    e.key == name && (wwid.is_none() && e.section == "defaults" || block.is_some_and(|b| b.block == e.block))
                });
                prop_assert_eq!(found.map(|e| e.value.clone()), accepted.ok(), "{} {}", key, value);
            }
        }
    }
}
