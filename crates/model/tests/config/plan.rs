//! What a configuration would do to one node, and what stands against it.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use pathkeeper_model::Wwid;
use pathkeeper_model::config::Version;
use pathkeeper_model::config::edit::{Edit, Keys, edit};
use pathkeeper_model::config::node::{NodeState, Uses};
use pathkeeper_model::config::overrides::{Overrides, Reading};
use pathkeeper_model::config::plan::{Confirmed, Desired, Done, Plan, plan};
use pathkeeper_model::config::render::DropIns;
use pathkeeper_model::multipath_cfg::MultipathCfg;
use proptest::prelude::*;

use super::lab::{bare, file, good, map, with_maps, wwid};

fn overrides(text: &str) -> Overrides {
    match Reading::parse(Some(text.as_bytes())) {
        Reading::Good(overrides) => overrides,
        other => panic!("{other:?}"),
    }
}

fn desired(config: &MultipathCfg) -> Desired<'_> {
    Desired { config, config_digest: "d1", overrides: None }
}

fn made(node: &NodeState, config: &str, confirmed: &Confirmed) -> Plan {
    plan(node, &desired(&good(config)), &Uses::of([node], []), confirmed)
}

fn check(node: &NodeState, config: &str, expect: &Expect) -> Plan {
    let plan = made(node, config, &Confirmed::default());
    expect.assert_eq(&plan.to_string());
    plan
}

/// The node after a plan was carried out: files, wwids and record, and what a reconfigure does to maps.
fn applied(mut node: NodeState, plan: &Plan) -> NodeState {
    assert_eq!(plan.refusals, BTreeSet::new(), "{plan}");
    for change in &plan.files {
        let of = if change.path.contains("overrides") {
            &mut node.drop_ins.overrides
        } else {
            &mut node.drop_ins.config
        };
        assert_eq!(*of, change.before);
        *of = change.after.clone();
    }
    for wwid in &plan.add {
        node.wwids.push_str(&format!("/{wwid}/\n"));
        node.recorded.insert(wwid.clone());
    }
    for wwid in &plan.take_out {
        node.wwids = node.wwids.replace(&format!("/{wwid}/\n"), &format!("#{wwid}/\n"));
        node.recorded.remove(wwid);
    }
    for created in &plan.created {
        node.maps.push(map(&format!("{} {} sda sdb", created.name, created.wwid)));
        node.mapless.remove(&created.wwid);
    }
    if plan.reconfigure {
        node.maps.retain(|map| !plan.removed.iter().any(|gone| gone.wwid == map.wwid));
        for renamed in &plan.renamed {
            let map = node.maps.iter_mut().find(|map| map.wwid == renamed.wwid).unwrap();
            assert_eq!(map.name, renamed.from);
            map.name.clone_from(&renamed.to);
        }
    }
    node
}

fn set(of: &[&str]) -> BTreeSet<Wwid> {
    of.iter().map(|text| wwid(text)).collect()
}

#[test]
fn a_lun_is_allowed_named_and_taken_out_again() {
    let mut node = bare("pve1");
    node.mapless = set(&["3600a", "3600b"]);
    // The first configuration ever: what multipathd has to know makes it read its files.
    let first = check(
        &node,
        "wwid: 3600a\n\talias one\n",
        &expect![[r#"
        pve1: 1 change to maps, multipathd reads its configuration anew
          /etc/multipath/conf.d/60-pathkeeper.conf is written for the first time
          wwids: 3600a comes
          map one appears (3600a)
    "#]],
    );
    let node = applied(node, &first);
    assert!(made(&node, "wwid: 3600a\n\talias one\n", &Confirmed::default()).is_nothing());
    // A LUN without settings needs no reconfigure.
    let second = check(
        &node,
        "wwid: 3600a\n\talias one\n\nwwid: 3600b\n",
        &expect![[r#"
        pve1: 1 change to maps
          /etc/multipath/conf.d/60-pathkeeper.conf is written anew
          wwids: 3600b comes
          map 3600b appears (3600b)
    "#]],
    );
    assert!(!second.reconfigure && second.holds.is_empty());
    let node = applied(node, &second);
    assert!(made(&node, "wwid: 3600a\n\talias one\n\nwwid: 3600b\n", &Confirmed::default()).is_nothing());
    // A name is a rename, which somebody must see.
    let third = "wwid: 3600a\n\talias one\n\nwwid: 3600b\n\talias two\n";
    let seen = check(
        &node,
        third,
        &expect![[r#"
        pve1: 1 change to maps, multipathd reads its configuration anew
          refused: map 3600b (3600b) would become two, and nobody confirmed that: keep its name by taking its alias out, or confirm it
          /etc/multipath/conf.d/60-pathkeeper.conf is written anew
          map 3600b becomes two (3600b)
    "#]],
    );
    let confirmed = made(&node, third, &Confirmed::by([&seen]));
    let node = applied(node, &confirmed);
    // Nobody uses it: it can go, if somebody says so.
    let fourth = "wwid: 3600b\n\talias two\n";
    let seen = check(
        &node,
        fourth,
        &expect![[r#"
        pve1: 1 change to maps, multipathd reads its configuration anew
          refused: map one (3600a) would go, for its WWID would not be in wwids, and nobody confirmed that: allow it (pathkeeper lun add 3600a --adopt), or confirm that it goes
          /etc/multipath/conf.d/60-pathkeeper.conf is written anew
          wwids: 3600a goes
          map one goes (3600a): it would not be in wwids
    "#]],
    );
    let node = applied(node.clone(), &made(&node, fourth, &Confirmed::by([&seen])));
    assert_eq!(node.wwids, "#3600a/\n/3600b/\n");
    assert_eq!(node.maps.iter().map(|map| map.name.as_str()).collect::<Vec<_>>(), ["two"]);
}

#[test]
fn what_is_in_use_is_not_taken_out() {
    let config = "wwid: 3600a\n\talias one\n";
    for used in ["open", "pv", "holder", "doubt"] {
        let mut node = with_maps("pve1", &[&format!("one 3600a {used} sda sdb")]);
        node.recorded = set(&["3600a"]);
        node = applied(node.clone(), &made(&node, config, &Confirmed::default()));
        let all = Confirmed { remove: set(&["3600a"]), ..Confirmed::default() };
        let plan = made(&node, "wwid: 3600b\n", &all);
        assert!(plan.to_string().contains("is in use and is not taken out"), "{used}: {plan}");
        assert_eq!(plan.refusals.len(), 1, "{plan}");
    }
    // Closed here, and a storage or another node uses it.
    let mut node = with_maps("pve1", &["one 3600a sda sdb"]);
    node.recorded = set(&["3600a"]);
    node = applied(node.clone(), &made(&node, config, &Confirmed::default()));
    let other = with_maps("pve2", &["one 3600a pv open sda sdb"]);
    let uses = Uses::of([&node, &other], [(wwid("3600a"), "san".to_owned())]);
    let cfg = good("wwid: 3600b\n");
    let plan =
        plan(&node, &desired(&cfg), &uses, &Confirmed { remove: set(&["3600a"]), ..Confirmed::default() });
    expect![[r#"
        pve1: 1 change to maps, multipathd reads its configuration anew
          refused: the LUN 3600a, map one is in use and is not taken out: open 2 times on pve2; carries a physical volume of LVM, as pve2 sees it; consumed by the storage san; free it first (pathkeeper can remove lun 3600a)
          /etc/multipath/conf.d/60-pathkeeper.conf is written anew
          wwids: 3600b comes
          wwids: 3600a goes
          map one goes (3600a): it would not be in wwids
    "#]].assert_eq(&plan.to_string());
}

#[test]
fn what_was_set_up_by_hand_is_not_taken_over_in_passing() {
    let mut node =
        with_maps("pve1", &["mpatha 3600a sda sdb", "data 3600b open sda sdb", "mpathc 3600c sda"]);
    node.files = vec![
        file("/etc/multipath.conf", "defaults {\n\tuser_friendly_names yes\n\tfind_multipaths no\n}\n"),
        file(
            "/etc/multipath/conf.d/names.conf",
            "multipaths {\n\tmultipath {\n\t\twwid 3600b\n\t\talias data\n\t}\n}\n",
        ),
    ];
    node.bindings = "# bindings\nmpatha 3600a\nmpathc 3600c\n".into();
    node.wwids = "# wwids\n/3600a/\n#3600b/\n".into();
    node.mentions = vec![
        file(
            "/etc/fstab",
            "# mpatha\n/dev/mapper/mpatha-part1 /srv ext4 defaults 0 2\n/dev/mapper/mpathab / ext4\n",
        ),
        file("/etc/crypttab", "x UUID=1\ny /dev/mapper/mpathc none\n"),
    ];
    node.initramfs = true;
    // One of three is allowed: the others would go or be renamed.
    check(
        &node,
        "wwid: 3600a\n\talias mpatha\n",
        &expect![[r#"
        pve1: 2 changes to maps, multipathd reads its configuration anew
          refused: map data (3600b) would go, for its WWID would not be in wwids, and it is in use: open 2 times on pve1; allow it (pathkeeper lun add 3600b --adopt)
          refused: map mpathc (3600c) would go, for its WWID would not be in wwids, and nobody confirmed that: allow it (pathkeeper lun add 3600c --adopt), or confirm that it goes
          refused: the LUN 3600a, map mpatha was set up by hand on this node: look at it, then pathkeeper config apply --adopt 3600a
          /etc/multipath/conf.d/60-pathkeeper.conf is written for the first time
          map data loses its queueing and goes when it is closed (3600b): it would not be in wwids
          map mpathc goes (3600c): it would not be in wwids
          the initramfs holds what was before: update-initramfs -u is due afterwards
    "#]],
    );
    // All of them under their names: nothing happens to a map.
    let all = "wwid: 3600a\n\talias mpatha\n\nwwid: 3600b\n\talias data\n\nwwid: 3600c\n\talias mpathc\n";
    let adopt = Confirmed { adopt: set(&["3600a", "3600b", "3600c"]), ..Confirmed::default() };
    let plan = made(&node, all, &adopt);
    expect![[r#"
        pve1: 0 changes to maps, multipathd reads its configuration anew
          /etc/multipath/conf.d/60-pathkeeper.conf is written for the first time
          wwids: 3600b comes
          wwids: 3600c comes
          3600a was set up by hand and is managed from now on
          3600b was set up by hand and is managed from now on
          3600c was set up by hand and is managed from now on
          the initramfs holds what was before: update-initramfs -u is due afterwards
    "#]]
    .assert_eq(&plan.to_string());
    assert_eq!((plan.map_changes(), &plan.add, &plan.adopted), (0, &set(&["3600b", "3600c"]), &adopt.adopt));
    // What was there by hand stays when the LUN goes.
    let node = applied(node, &plan);
    assert_eq!(node.recorded, set(&["3600b", "3600c"]));
    let plan = made(&node, &all.replace("wwid: 3600a\n\talias mpatha\n\n", ""), &Confirmed::default());
    assert!(plan.take_out.is_empty() && plan.removed.is_empty(), "{plan}");
}

#[test]
fn a_name_that_is_used_or_taken_is_refused() {
    let node = with_maps("pve1", &["one 3600a pv sda sdb", "two 3600b sda sdb"]);
    let adopt = Confirmed { adopt: set(&["3600a", "3600b"]), ..Confirmed::default() };
    let node =
        applied(node.clone(), &made(&node, "wwid: 3600a\n\talias one\n\nwwid: 3600b\n\talias two\n", &adopt));
    let mut node = node;
    node.mentions = vec![
        file(
            "/etc/fstab",
            "# one\n/dev/mapper/one-part1 /a ext4\n/dev/mapper/one2 /b ext4\n/dev/mapper/onex /c ext4\n",
        ),
        file("/etc/crypttab", "x UUID=1\ny /dev/mapper/one none\n"),
        file("/etc/lvm/lvm.conf", "filter = [ \"a|/dev/mapper/one|\", \"r|.*|\" ]\n"),
        file(
            "/etc/lvm/devices/system.devices",
            "IDTYPE=mpath_uuid IDNAME=mpath-3600a DEVNAME=/dev/mapper/two\n",
        ),
    ];
    let config = "wwid: 3600a\n\talias uno\n\nwwid: 3600b\n\talias two\n";
    let seen = check(
        &node,
        config,
        &expect![[r#"
            pve1: 1 change to maps, multipathd reads its configuration anew
              refused: map one (3600a) would become uno and is in use: carries a physical volume of LVM, as pve1 sees it; keep its name (pathkeeper lun alias 3600a one), or confirm it with --rename-in-use
              /etc/multipath/conf.d/60-pathkeeper.conf is written anew
              map one becomes uno (3600a); the old name stands in /etc/fstab:2, /etc/fstab:3, /etc/crypttab:2, /etc/lvm/lvm.conf:1
        "#]],
    );
    // Its number is not enough.
    assert_eq!(made(&node, config, &Confirmed::by([&seen])).refusals.len(), 1);
    let used = Confirmed { rename_in_use: true, ..Confirmed::by([&seen]) };
    assert_eq!(made(&node, config, &used).refusals.len(), 0);
    // Two that change their names cannot do so at once.
    let swapped = "wwid: 3600a\n\talias two\n\nwwid: 3600b\n\talias one\n";
    let seen = made(&node, swapped, &Confirmed::default());
    let plan = made(&node, swapped, &Confirmed { rename_in_use: true, ..Confirmed::by([&seen]) });
    expect![[r#"
        pve1: 2 changes to maps, multipathd reads its configuration anew
          refused: the LUN 3600a would be named two, which is the name of 3600b: choose another alias
          refused: the LUN 3600b would be named one, which is the name of 3600a: choose another alias
          /etc/multipath/conf.d/60-pathkeeper.conf is written anew
          map one becomes two (3600a); the old name stands in /etc/fstab:2, /etc/fstab:3, /etc/crypttab:2, /etc/lvm/lvm.conf:1
          map two becomes one (3600b); the old name stands in /etc/lvm/devices/system.devices:1
    "#]]
    .assert_eq(&plan.to_string());
}

#[test]
fn what_beats_a_value_is_named_with_its_place_and_the_way_out() {
    let mut node = with_maps("pve1", &["one 3600a NETAPP/LUN sda sdb", "two 3600b ACME/disk sda sdb"]);
    node.files = vec![
        file("/etc/multipath/conf.d/70-local.conf", "defaults {\n\tpolling_interval 10\n}\n"),
        file("/etc/multipath/conf.d/10-local.conf", "defaults {\n\tverbosity 3\n}\n"),
        file(
            "/etc/multipath.conf",
            "overrides {\n\tprotocol {\n\t\ttype \"scsi:fcp\"\n\t\tfast_io_fail_tmo 7\n\t}\n}\ndevices {\n\tdevice {\n\t\tvendor ACME\n\t\tproduct .*\n\t\tprio const\n\t}\n}\n",
        ),
    ];
    let adopt = Confirmed { adopt: set(&["3600a", "3600b"]), ..Confirmed::default() };
    let config = "defaults: global\n\tno-path-retry 12\n\tpolling-interval 5\n\tverbosity 2\n\tfast-io-fail-tmo 5\n\tprio alua\n\n\
                  wwid: 3600a\n\talias one\n\tprio sysfs\n\nwwid: 3600b\n\talias two\n";
    let plan = made(&node, config, &adopt);
    expect![[r#"
        pve1: 2 changes to maps, multipathd reads its configuration anew
          /etc/multipath/conf.d/60-pathkeeper.conf is written for the first time
          3600a was set up by hand and is managed from now on
          3600b was set up by hand and is managed from now on
          map one gets other values: prio by the array → sysfs
          map two gets other values: no_path_retry fail → 12
          polling_interval stays 10 and not 5: defaults, /etc/multipath/conf.d/70-local.conf:2 is stronger; take that line out, or the setting
          fast_io_fail_tmo of 3600a stays 7 and not 5: overrides, /etc/multipath.conf:4 is stronger; take that line out, or the setting
          no_path_retry of 3600a stays queue and not 12: multipath's hardware table (NETAPP LUN) is stronger; the LUN's own section beats it: pathkeeper lun set; or overrides, for all LUNs
          fast_io_fail_tmo of 3600b stays 7 and not 5: overrides, /etc/multipath.conf:4 is stronger; take that line out, or the setting
          prio of 3600b stays const and not alua: a device section, /etc/multipath.conf:11 is stronger; the LUN's own section beats it: pathkeeper lun set; or overrides, for all LUNs
    "#]].assert_eq(&plan.to_string());
    let values: Vec<String> = plan
        .values
        .iter()
        .map(|of| {
            let whose = of.wwid.as_ref().map_or("all", |wwid| wwid.as_str());
            format!(
                "{whose} {} {} {} by {}",
                of.keyword,
                of.in_force,
                if of.as_wanted { "=" } else { "≠" },
                of.set_by
            )
        })
        .collect();
    expect![[r#"
        all polling_interval 10 ≠ by defaults, /etc/multipath/conf.d/70-local.conf:2
        all verbosity 2 = by defaults, /etc/multipath/conf.d/60-pathkeeper.conf:10
        3600a fast_io_fail_tmo 7 ≠ by overrides, /etc/multipath.conf:4
        3600a no_path_retry queue ≠ by multipath's hardware table (NETAPP LUN)
        3600a prio sysfs = by the LUN's section, /etc/multipath/conf.d/60-pathkeeper.conf:16
        3600b fast_io_fail_tmo 7 ≠ by overrides, /etc/multipath.conf:4
        3600b no_path_retry 12 = by defaults, /etc/multipath/conf.d/60-pathkeeper.conf:7
        3600b prio const ≠ by a device section, /etc/multipath.conf:11"#]]
    .assert_eq(&values.join("\n"));
    // A LUN's own section beats the table, and an override all of it.
    let said = good("wwid: 3600a\n\talias one\n\tno-path-retry 12\n");
    let own = plan_with(&node, &said, None, &adopt);
    assert_eq!(own.beaten().count(), 0, "{own}");
    let conf = overrides("overrides {\n\tno_path_retry 12\n}\n");
    let cfg = good("defaults: global\n\tno-path-retry 12\n\nwwid: 3600a\n\talias one\n");
    let over = plan_with(&node, &cfg, Some(&conf), &adopt);
    assert_eq!(over.beaten().count(), 0, "{over}");
    assert!(over.values.iter().any(|of| of.set_by.to_string().starts_with("overrides, ")), "{over}");
}

fn plan_with(
    node: &NodeState,
    config: &MultipathCfg,
    conf: Option<&Overrides>,
    confirmed: &Confirmed,
) -> Plan {
    let desired = Desired { config, config_digest: "d1", overrides: conf.map(|of| (of, "o1")) };
    plan(node, &desired, &Uses::of([node], []), confirmed)
}

#[test]
fn a_blacklist_that_hits_a_lun_is_refused() {
    let mut node = with_maps("pve1", &["one 3600a NETAPP/LUN sda sdb", "boot 3500f ACME/disk sdx"]);
    node.mapless = set(&["3600c"]);
    node.files = vec![file("/etc/multipath.conf", "blacklist {\n\twwid 3600d\n}\n")];
    let config =
        good("wwid: 3600a\n\talias one\n\nwwid: 3600c\n\nwwid: 3600d\n\nwwid: 3500f\n\talias boot\n");
    let adopt = Confirmed { adopt: set(&["3600a", "3500f"]), ..Confirmed::default() };
    let conf = overrides("blacklist {\n\twwid 3600c\n\tdevice {\n\t\tvendor ACME\n\t}\n}\n");
    let plan = plan_with(&node, &config, Some(&conf), &adopt);
    expect![[r#"
        pve1: 0 changes to maps, multipathd reads its configuration anew
          refused: the LUN 3500f, map boot would be excluded by device vendor "ACME" (/etc/multipath/conf.d/90-pathkeeper-overrides.conf:6): take the rule out, or except the LUN
          refused: the LUN 3600c would be excluded by wwid "3600c" (/etc/multipath/conf.d/90-pathkeeper-overrides.conf:4): take the rule out, or except the LUN
          /etc/multipath/conf.d/60-pathkeeper.conf is written for the first time
          /etc/multipath/conf.d/90-pathkeeper-overrides.conf is written for the first time
          wwids: 3600c comes
          wwids: 3600d comes
          3500f was set up by hand and is managed from now on
          3600a was set up by hand and is managed from now on
          note: the LUN 3600d gets no map here: excluded by wwid "3600d" (/etc/multipath.conf:2)
    "#]].assert_eq(&plan.to_string());
    let conf =
        overrides("blacklist {\n\twwid \"^3\"\n}\nblacklist_exceptions {\n\twwid \"^3[56]00[acf]$\"\n}\n");
    let plan = plan_with(&node, &config, Some(&conf), &adopt);
    assert!(plan.refusals.iter().all(|refusal| refusal.to_string().contains("3600d")), "{plan}");
}

#[test]
fn a_keyword_that_a_node_lacks_is_refused_with_its_version() {
    let config = "defaults: global\n\tauto-resize grow_only\n\tflush-on-last-del unused\n\tno-path-retry 5\n";
    check(
        &bare("pve1"),
        config,
        &expect![[r#"
        pve1: 0 changes to maps, multipathd reads its configuration anew
          refused: multipath-tools knows auto_resize since 0.9.7, and it is 0.9.4: update it there, or take the setting out
          refused: multipath-tools knows unused as a value of flush_on_last_del since 0.9.9, and it is 0.9.4: update it there, or take the setting out
          /etc/multipath/conf.d/60-pathkeeper.conf is written for the first time
    "#]],
    );
    let refusals = |version| {
        let node = NodeState { version, ..bare("pve1") };
        let refusals = made(&node, config, &Confirmed::default()).refusals;
        refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(refusals(Some(Version::new(0, 11, 1))), "");
    assert!(refusals(None).contains("its version is not known"), "{}", refusals(None));
}

#[test]
fn a_reconfigure_is_held_while_a_path_is_down_and_adding_is_not() {
    let mut node = with_maps("pve1", &["one 3600a sda sdb!", "two 3600b sdc", "odd 3600f sdx!"]);
    node.recorded = set(&["3600a", "3600b", "3600f"]);
    let before = "wwid: 3600a\n\talias one\n\nwwid: 3600b\n\talias two\n\texpected-paths 2\n\nwwid: 3600f\n\talias odd\n";
    node = applied(node.clone(), &made(&node, before, &Confirmed::default()));
    node.mapless = set(&["3600c"]);
    let added = made(&node, &format!("{before}\nwwid: 3600c\n"), &Confirmed::default());
    assert!(!added.reconfigure && added.holds.is_empty() && added.map_changes() == 1, "{added}");
    // One that is to go holds nothing.
    let knob = before
        .replace("alias one\n", "alias one\n\tno-path-retry 5\n")
        .replace("\nwwid: 3600f\n\talias odd\n", "");
    let remove = Confirmed { remove: set(&["3600f"]), ..Confirmed::default() };
    expect![[r#"
        pve1: 2 changes to maps, multipathd reads its configuration anew
          /etc/multipath/conf.d/60-pathkeeper.conf is written anew
          wwids: 3600f goes
          map odd goes (3600f): it would not be in wwids
          map one gets other values: no_path_retry queue → 5
          held: map one: sdb cannot be used
          held: map two: 1 of 2 paths
    "#]]
    .assert_eq(&made(&node, &knob, &remove).to_string());
}

#[test]
fn a_teardown_takes_out_what_pathkeeper_brought_and_nothing_else() {
    let mut node = with_maps("pve1", &["one 3600a sda sdb", "hand 3600h sdc"]);
    node.recorded = set(&["3600a"]);
    node.files = vec![file(
        "/etc/multipath.conf",
        "multipaths {\n\tmultipath {\n\t\twwid 3600h\n\t\talias hand\n\t}\n}\n",
    )];
    node = applied(node.clone(), &made(&node, "wwid: 3600a\n\talias one\n", &Confirmed::default()));
    let torn = "# pathkeeper: torn down by kb@pam at 2026-03-01\n";
    let seen = check(
        &node,
        torn,
        &expect![[r#"
        pve1: 1 change to maps, multipathd reads its configuration anew
          refused: map one (3600a) would go, for its WWID would not be in wwids, and nobody confirmed that: allow it (pathkeeper lun add 3600a --adopt), or confirm that it goes
          /etc/multipath/conf.d/60-pathkeeper.conf is removed
          wwids: 3600a goes
          map one goes (3600a): it would not be in wwids
    "#]],
    );
    let node = applied(node.clone(), &made(&node, torn, &Confirmed::by([&seen])));
    assert_eq!((node.drop_ins.clone(), node.wwids.as_str()), (DropIns::default(), "#3600a/\n/3600h/\n"));
    assert_eq!(node.maps.len(), 1);
    assert!(made(&node, torn, &Confirmed::default()).is_nothing());
}

#[test]
fn nothing_to_do_is_one_comparison() {
    let config = good("wwid: 3600a\n\talias one\n");
    let mut node = bare("pve1");
    let first = plan_with(&node, &config, None, &Confirmed::default());
    assert_eq!(Done::of(&first, &desired(&config), &node), None);
    node = applied(node, &first);
    let second = plan_with(&node, &config, None, &Confirmed::default());
    assert_eq!(second.to_string(), "pve1: nothing to do\n");
    let done = Done::of(&second, &desired(&config), &node).unwrap();
    let NodeState { drop_ins, wwids, .. } = &node;
    assert!(done.is_still("d1", None, drop_ins, wwids));
    let touched = DropIns { config: drop_ins.config.clone().map(|text| text + "#"), overrides: None };
    for other in [
        done.is_still("d2", None, drop_ins, wwids),
        done.is_still("d1", Some("o1"), drop_ins, wwids),
        done.is_still("d1", None, &touched, wwids),
        done.is_still("d1", None, drop_ins, "#3600a/\n"),
    ] {
        assert!(!other);
    }
}

#[test]
fn a_change_is_an_edit_a_plan_and_an_apply() {
    // The whole way of a knob: written, planned, in force, planned again.
    let mut node = with_maps("pve1", &["one 3600a sda sdb"]);
    node.recorded = set(&["3600a"]);
    let before = "wwid: 3600a\n\talias one\n";
    node = applied(node.clone(), &made(&node, before, &Confirmed::default()));
    let keys = Keys { set: vec![("no-path-retry".into(), Some("12".into()))], delete: vec![] };
    let after = edit(Some(before.as_bytes()), &[Edit::Lun(wwid("3600a"), keys)]).unwrap();
    let after = String::from_utf8(after).unwrap();
    let plan = check(
        &node,
        &after,
        &expect![[r#"
        pve1: 1 change to maps, multipathd reads its configuration anew
          /etc/multipath/conf.d/60-pathkeeper.conf is written anew
          map one gets other values: no_path_retry queue → 12
    "#]],
    );
    let node = applied(node, &plan);
    assert!(made(&node, &after, &Confirmed::default()).is_nothing());
    // Back again the table is in force.
    check(
        &node,
        before,
        &expect![[r#"
        pve1: 1 change to maps, multipathd reads its configuration anew
          /etc/multipath/conf.d/60-pathkeeper.conf is written anew
          map one gets other values: no_path_retry 12 → queue
    "#]],
    );
}

/// A LUN of a node: its map's use, whether Pathkeeper recorded it, whether `wwids` lists it, what the document says of it, and what
/// somebody agreed to.
#[derive(Clone, Debug)]
struct Any {
    live: Option<&'static str>,
    seen: bool,
    recorded: bool,
    listed: bool,
    before: Option<&'static str>,
    after: Option<&'static str>,
    adopt: bool,
    remove: bool,
    rename: bool,
}

fn any_lun() -> impl Strategy<Value = Any> {
    let live = prop_oneof![Just(None), prop::sample::select(vec!["closed", "open", "pv"]).prop_map(Some)];
    let said = || {
        prop_oneof![
            Just(None),
            prop::sample::select(vec!["", "alias", "other", "knob", "away"]).prop_map(Some)
        ]
    };
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (live, said(), said(), flags).prop_map(
        |(live, before, after, (seen, recorded, listed, adopt, remove, rename))| Any {
            live,
            seen,
            recorded,
            listed,
            before,
            after,
            adopt,
            remove,
            rename,
        },
    )
}

fn document(luns: &[Any], of: impl Fn(&Any) -> Option<&'static str>) -> String {
    let one = |(at, lun): (usize, &Any)| {
        let said = match of(lun)? {
            "alias" => format!("\talias name{at}\n"),
            "other" => format!("\talias other{at}\n"),
            "knob" => format!("\talias name{at}\n\tno-path-retry 5\n"),
            "away" => "\tnodes pve9\n".to_owned(),
            _ => String::new(),
        };
        Some(format!("wwid: 3600{at}\n{said}"))
    };
    let sections: Vec<String> = luns.iter().enumerate().filter_map(one).collect();
    format!("# LUNs\n\n{}", sections.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn nothing_happens_that_nobody_named_and_what_was_done_is_done(luns in prop::collection::vec(any_lun(), 0..6), used in any::<bool>()) {
        let mut node = bare("pve1");
        let mut confirmed = Confirmed { rename_in_use: used, ..Confirmed::default() };
        for (at, lun) in luns.iter().enumerate() {
            let id = wwid(&format!("3600{at}"));
            if let Some(of) = lun.live {
                node.maps.push(map(&format!("name{at} {id} {} sda sdb", of.replace("closed", "sdc"))));
            } else if lun.seen {
                node.mapless.insert(id.clone());
            }
            if lun.listed {
                node.wwids.push_str(&format!("/{id}/\n"));
            }
            for (is, set) in [
                (lun.recorded, &mut node.recorded),
                (lun.adopt, &mut confirmed.adopt),
                (lun.remove, &mut confirmed.remove),
                (lun.rename, &mut confirmed.rename),
            ] {
                if is {
                    set.insert(id.clone());
                }
            }
        }
        let before = good(&document(&luns, |lun| lun.before));
        node.drop_ins = desired(&before).drop_ins(&DropIns::default());
        let text = document(&luns, |lun| lun.after);
        let plan = made(&node, &text, &confirmed);
        let by_hand: BTreeSet<Wwid> = node.listed().difference(&node.recorded).cloned().collect();
        prop_assert!(plan.take_out.is_subset(&node.recorded) && plan.take_out.is_disjoint(&by_hand), "{}", plan);
        prop_assert!(plan.add.is_disjoint(&node.listed()), "{}", plan);
        for map in &plan.removed {
            prop_assert_eq!(map.confirmed, confirmed.remove.contains(&map.wwid) && map.uses.is_empty());
            prop_assert!(map.confirmed || !plan.refusals.is_empty(), "{}", plan);
        }
        for map in &plan.renamed {
            let named = confirmed.rename.contains(&map.wwid);
            prop_assert_eq!(map.confirmed, named && (map.uses.is_empty() || used));
            prop_assert!(map.confirmed || !plan.refusals.is_empty(), "{}", plan);
        }
        // What a reconfigure does of itself is all on the lists.
        if plan.reconfigure {
            let stays = |wwid: &Wwid| plan.add.contains(wwid) || node.listed().contains(wwid) && !plan.take_out.contains(wwid);
            for map in &node.maps {
                let goes = plan.removed.iter().any(|of| of.wwid == map.wwid);
                prop_assert_eq!(goes, !stays(&map.wwid), "{}", plan);
            }
        }
        if plan.refusals.is_empty() {
            let after = applied(node, &plan);
            let again = made(&after, &text, &Confirmed::default());
            prop_assert!(again.is_nothing() && again.refusals.is_empty(), "{}\n{}", plan, again);
            prop_assert!(by_hand.is_subset(&after.listed()), "{}", plan);
            prop_assert!(plan.map_changes() == 0 || plan.reconfigure || plan.created.len() == plan.map_changes());
        }
    }
}
