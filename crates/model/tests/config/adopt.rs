//! A cluster that was set up by hand comes under one configuration, and no map notices.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;
use pathkeeper_model::Wwid;
use pathkeeper_model::config::Version;
use pathkeeper_model::config::adopt::{Proposal, Question, adopt};
use pathkeeper_model::config::node::{NodeState, Uses};
use pathkeeper_model::config::plan::{Desired, Plan, plan};
use proptest::prelude::*;

use super::lab::{bare, file, good, map, with_maps, wwid};

fn proposed(nodes: &[NodeState], answers: &[(&str, &str)]) -> Proposal {
    let answers = answers.iter().map(|(lun, name)| (wwid(lun), (*name).to_owned())).collect();
    adopt(nodes, &[], &answers).unwrap()
}

fn text(proposal: &Proposal) -> String {
    let questions: Vec<String> = proposal.questions.iter().map(|of| format!("? {of}\n")).collect();
    String::from_utf8(proposal.config.clone()).unwrap() + &questions.concat()
}

fn plans(nodes: &[NodeState], proposal: &Proposal) -> Vec<Plan> {
    let config = good(std::str::from_utf8(&proposal.config).unwrap());
    let desired = Desired { config: &config, config_digest: "d1", overrides: None };
    let uses = Uses::of(nodes, []);
    nodes.iter().map(|node| plan(node, &desired, &uses, &proposal.confirmed)).collect()
}

/// Two nodes as people set them up: one names by hand, the other lets multipathd count.
fn cluster() -> [NodeState; 2] {
    let mut one =
        with_maps("pve1", &["oracle 3600a open sda sdb", "mpatha 3600b pv sdc sdd", "3600c 3600c sde"]);
    one.files = vec![file(
        "/etc/multipath.conf",
        "defaults {\n\tuser_friendly_names yes\n\tno_path_retry queue\n\tpolling_interval 7\n\tskip_kpartx 1\n\tconfig_dir /x\n}\n\
         multipaths {\n\tmultipath {\n\t\twwid 3600a\n\t\talias oracle\n\t\tno_path_retry 12\n\t\tprio alua\n\t}\n}\n\
         devices {\n\tdevice {\n\t\tvendor ACME\n\t\tproduct .*\n\t}\n}\n",
    )];
    one.bindings = "mpatha 3600b\n".into();
    let mut two = with_maps("pve2", &["oracle 3600a sda sdb", "mpatha 3600b sdc sdd"]);
    two.files = vec![
        file(
            "/etc/multipath.conf",
            "defaults {\n\tuser_friendly_names no\n\tno_path_retry queue\n\tpolling_interval 5\n\tskip_kpartx yes\n\tconfig_dir /x\n}\n",
        ),
        file(
            "/etc/multipath/conf.d/names.conf",
            "multipaths {\n\tmultipath {\n\t\tno_path_retry 12\n\t\twwid 3600a\n\t\talias oracle\n\t}\n\tmultipath {\n\t\twwid 3600b\n\t\talias mpatha\n\t}\n}\n",
        ),
    ];
    [one, two]
}

#[test]
fn what_all_nodes_agree_on_becomes_a_document_and_the_rest_a_question() {
    let nodes = cluster();
    let proposal = proposed(&nodes, &[]);
    expect![[r#"
        defaults: global
            no-path-retry queue
            skip-kpartx yes

        wwid: 3600a
            alias oracle
            no-path-retry 12

        wwid: 3600b
            alias mpatha

        wwid: 3600c
        ? config-dir /x stays in the nodes' files: config-dir cannot be set: multipath-tools ignores it since 0.9.7 or longer
        ? polling-interval is 5 on pve2, 7 on pve1: it stays in each node's files until it is set for all
        ? prio of 3600a is not set on pve2, alua on pve1: it stays in each node's files until it is set for all
    "#]].assert_eq(&text(&proposal));
    for plan in plans(&nodes, &proposal) {
        assert_eq!((plan.map_changes(), plan.refusals.len()), (0, 0), "{plan}");
    }
    assert!(proposal.questions.iter().all(|question| !question.is_about_a_map()));
}

#[test]
fn names_that_differ_are_asked_for_and_an_answer_is_taken() {
    let nodes = [
        with_maps(
            "pve1",
            &["mpatha 3600a sda", "mpathb 3600b sdb", "same 3600c sdc", "a/b 3600d sdd", "3600e 36/0 sde"],
        ),
        with_maps("pve2", &["mpathb 3600a sda", "mpathc 3600b sdb", "same 3600c sdc"]),
    ];
    expect![[r#"
        wwid: 3600c
            alias same
        ? mpathb is the name of 3600a on pve2, 3600b on pve1: what shall they be called?
        ? "36/0" cannot stand in multipath.cfg: the LUN is not managed
        ? the LUN 3600a is mpatha on pve1, mpathb on pve2: which name shall it have?
        ? the LUN 3600b is mpathb on pve1, mpathc on pve2: which name shall it have?
        ? the LUN 3600d is called a/b, which cannot be an alias: '/' cannot stand in a map's name: letters, digits and #+-.:=@_ can; what shall it be called?
    "#]].assert_eq(&text(&proposed(&nodes, &[])));
    let answers = [("3600a", "data"), ("3600b", "logs"), ("3600d", "ab")];
    expect![[r#"
        wwid: 3600a
            alias data

        wwid: 3600b
            alias logs

        wwid: 3600c
            alias same

        wwid: 3600d
            alias ab
        ? "36/0" cannot stand in multipath.cfg: the LUN is not managed
    "#]]
    .assert_eq(&text(&proposed(&nodes, &answers)));
    // What was answered is renamed where it was called otherwise, and the plan says so.
    let plan = &plans(&nodes, &proposed(&nodes, &answers))[1];
    assert_eq!(plan.renamed.iter().map(|map| map.to.as_str()).collect::<Vec<_>>(), ["data", "logs"]);
    // An answer does not help that is another's name.
    let taken = proposed(&nodes, &[("3600a", "same"), ("3600b", "logs")]);
    assert!(
        text(&taken).contains("same is the name of 3600a by choice, 3600c on pve1, pve2"),
        "{}",
        text(&taken)
    );
}

#[test]
fn a_setting_that_some_release_lacks_stays_where_it_is() {
    let files = vec![file("/etc/multipath.conf", "defaults {\n\tauto_resize grow_only\n}\n")];
    let old = NodeState { files: files.clone(), ..with_maps("pve1", &["3600a 3600a sda"]) };
    let new =
        NodeState { files, version: Some(Version::new(0, 11, 1)), ..with_maps("pve2", &["3600a 3600a sda"]) };
    expect![[r#"
        wwid: 3600a
        ? auto-resize grow_only stays in the nodes' files: multipath-tools knows auto_resize since 0.9.7, and pve1 has 0.9.4
    "#]].assert_eq(&text(&proposed(&[old, new], &[])));
    // Where there is nothing the proposal is still an instruction.
    assert_eq!(text(&proposed(&[bare("pve1")], &[])), "defaults: global\n");
}

/// How a LUN came by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    Wwid,
    Alias,
    Counting,
}

#[derive(Clone, Debug)]
struct Made {
    find_multipaths: &'static str,
    /// Which LUNs it carries, and with which of two names.
    carries: Vec<Option<bool>>,
    defaults: Vec<(&'static str, &'static str)>,
    of_lun: Vec<(usize, &'static str, &'static str)>,
    drop_in: &'static str,
}

const DEFAULTS: [(&str, &str); 7] = [
    ("no_path_retry", "12"),
    ("no_path_retry", "queue"),
    ("polling_interval", "7"),
    ("skip_kpartx", "1"),
    ("skip_kpartx", "yes"),
    ("eh_deadline", "5"),
    ("bindings_file", "/x"),
];
const OF_LUN: [(&str, &str); 4] =
    [("no_path_retry", "5"), ("no_path_retry", "fail"), ("prio", "const"), ("features", "odd words")];

fn made() -> impl Strategy<Value = Made> {
    let of_lun = (0..5_usize, prop::sample::select(OF_LUN.to_vec())).prop_map(|(at, (k, v))| (at, k, v));
    (
        prop::sample::select(vec!["strict", "no", "yes", "smart"]),
        // Names seldom differ.
        prop::collection::vec(prop::option::weighted(0.8, prop::bool::weighted(0.05)), 5),
        prop::sample::subsequence(DEFAULTS.to_vec(), 0..4),
        prop::collection::vec(of_lun, 0..4),
        prop::sample::select(vec!["10-names.conf", "70-names.conf", "95-names.conf"]),
    )
        .prop_map(|(find_multipaths, carries, defaults, of_lun, drop_in)| Made {
            find_multipaths,
            carries,
            defaults,
            of_lun,
            drop_in,
        })
}

const LETTERS: [char; 5] = ['a', 'b', 'c', 'd', 'e'];

fn node(at: usize, made: &Made, by: &[By]) -> NodeState {
    let mut node = bare(&format!("pve{at}"));
    let mut conf =
        format!("defaults {{\n\tfind_multipaths {}\n\tuser_friendly_names yes\n", made.find_multipaths);
    for (key, value) in &made.defaults {
        conf.push_str(&format!("\t{key} \"{value}\"\n"));
    }
    conf.push_str("}\n");
    let mut names = "multipaths {\n".to_owned();
    for (lun, other) in made.carries.iter().enumerate().filter_map(|(lun, other)| Some((lun, (*other)?))) {
        let (wwid, c) = (format!("3600{}", LETTERS[lun]), LETTERS[lun]);
        let name = match by[lun] {
            By::Wwid => wwid.clone(),
            By::Alias if other => format!("other-{c}"),
            By::Alias => format!("lun-{c}"),
            By::Counting if other => format!("mpathx{c}"),
            By::Counting => format!("mpath{c}"),
        };
        match by[lun] {
            By::Wwid => {}
            By::Alias => {
                names.push_str(&format!("\tmultipath {{\n\t\twwid {wwid}\n\t\talias {name}\n\t}}\n"));
            }
            By::Counting => node.bindings.push_str(&format!("{name} {wwid}\n")),
        }
        // Where it is not needed somebody may have left it out.
        if made.find_multipaths == "strict" || lun % 2 == 0 {
            node.wwids.push_str(&format!("/{wwid}/\n"));
        }
        node.maps.push(map(&format!("{name} {wwid} pv sda sdb")));
    }
    for (lun, key, value) in &made.of_lun {
        names.push_str(&format!(
            "\tmultipath {{\n\t\twwid 3600{}\n\t\t{key} \"{value}\"\n\t}}\n",
            LETTERS[*lun]
        ));
    }
    names.push_str("}\n");
    node.files = vec![
        file(&format!("/etc/multipath/conf.d/{}", made.drop_in), &names),
        file("/etc/multipath.conf", &conf),
    ];
    node
}

/// LUNs that questions name.
fn asked(questions: &[Question]) -> BTreeSet<Wwid> {
    let mut out = BTreeSet::new();
    for question in questions {
        match question {
            Question::Names { wwid, .. } | Question::NoAlias { wwid, .. } | Question::NoWwid { wwid } => {
                out.insert(wwid.clone());
            }
            Question::OneName { luns, .. } => out.extend(luns.keys().cloned()),
            Question::Setting { .. } | Question::NotManaged { .. } => {}
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]
    #[test]
    fn the_plan_of_what_was_adopted_changes_no_map(
        all in prop::collection::vec(made(), 1..5),
        by in prop::collection::vec(prop::sample::select(vec![By::Wwid, By::Alias, By::Counting]), 5),
    ) {
        let nodes: Vec<NodeState> = all.iter().enumerate().map(|(at, made)| node(at, made, &by)).collect();
        let proposal = adopt(&nodes, &[], &BTreeMap::new()).unwrap();
        let asked = asked(&proposal.questions);
        for plan in plans(&nodes, &proposal) {
            let changed = plan.created.iter().map(|of| &of.wwid).chain(plan.removed.iter().map(|of| &of.wwid));
            let changed = changed.chain(plan.renamed.iter().map(|of| &of.wwid)).chain(plan.reloaded.iter().map(|of| &of.wwid));
            for wwid in changed {
                prop_assert!(asked.contains(wwid), "{}\n{}", plan, text(&proposal));
            }
            if asked.is_empty() {
                prop_assert!(plan.map_changes() == 0 && plan.refusals.is_empty(), "{}\n{}", plan, text(&proposal));
            }
        }
        // And nobody is asked where all agree on a name.
        for (lun, by) in by.iter().enumerate() {
            let names: BTreeSet<bool> = all.iter().filter_map(|made| made.carries[lun]).collect();
            let of = wwid(&format!("3600{}", LETTERS[lun]));
            prop_assert_eq!(asked.contains(&of), names.len() == 2 && *by != By::Wwid, "{}", text(&proposal));
        }
    }
}
