//! Codes about a LUN on all nodes, about several LUNs, and about nodes and settings.

use super::lab::{lab, line, name, wwid};
use pathkeeper_model::finding::Code;
use pathkeeper_model::problems;

fn check(cases: &[(&str, &[&str])]) {
    for (text, expect) in cases {
        assert_eq!(lab(text).codes(), *expect, "{text}");
    }
}

fn summary(text: &str, code: &str) -> String {
    let found = lab(text).find();
    let lines: Vec<String> = found.iter().map(line).collect();
    let finding = found.iter().find(|finding| finding.code.as_str() == code);
    finding.unwrap_or_else(|| panic!("no {code} in {lines:?}")).summary.clone()
}

#[test]
fn lun_identity_mismatch() {
    let is = &["E LUN_IDENTITY_MISMATCH a"][..];
    check(&[
        ("pve1 a uu id=NETAPP/LUN/S1\npve2 a uu id=NETAPP/LUN/S2", is),
        ("pve1 a uu id=NETAPP/LUN/S1\npve2 a uu id=DGC/LUN/S1", is),
        ("pve1 a uu id=NETAPP/LUN/S1\npve2 a uu id=NETAPP/LUN/S1", &[]),
        // What is not known differs from nothing.
        ("pve1 a uu id=NETAPP/LUN/S1\npve2 a uu id=NETAPP//", &[]),
        ("pve1 a uu id=NETAPP//\npve2 a uu id=NETAPP/LUN/S1\npve3 a uu id=NETAPP/LUN/S2", is),
        ("pve1 a uu ow", is),
        ("pve1 a uu os", is),
        // No finding rests on what a silent node said once.
        ("pve1 a uu id=NETAPP/LUN/S1\npve2 a uu id=NETAPP/LUN/S2\npve2 !stale", &[]),
    ]);
    assert_eq!(
        summary(
            "pve1 a uu id=N/L/S1\npve2 a uu id=N/L/S2\npve3 a uu id=N/L/S2\npve4 a uu id=N/L/S2",
            "LUN_IDENTITY_MISMATCH"
        ),
        "a: NOT THE SAME LUN everywhere: serial S1 on pve1, serial S2 on 3 nodes"
    );
}

#[test]
fn lun_size_mismatch_and_resize_pending() {
    let grown = "pve1 a uu z500\npve2 a uu z750\npve3 a uu z750\npve4 a uu z750";
    check(&[
        (grown, &["W LUN_SIZE_MISMATCH a"]),
        ("pve1 a uu z500\npve2 a uu z500", &[]),
        ("pve1 a uu z500\npve2 a uu z750\npve2 !offline", &[]),
        // Its paths end before its map does.
        ("pve1 a uu z500 pz400\npve2 a uu z400", &["E LUN_SIZE_MISMATCH a"]),
        ("pve1 a uu z500 pz750\npve2 a uu z500", &["W LUN_RESIZE_PENDING a"]),
        ("pve1 a uu z500 pz500-750", &["W LUN_RESIZE_PENDING a"]),
        ("pve1 a uu z500 pz500", &[]),
        ("pve1 a uu z500 pz400", &["E LUN_RESIZE_PENDING a"]),
        // One word for both.
        ("pve1 a uu z500 pz750\npve2 a uu z750", &["W LUN_SIZE_MISMATCH a"]),
    ]);
    assert_eq!(lab(grown).after(15 * 60).codes(), ["W LUN_SIZE_MISMATCH a"]);
    assert_eq!(lab(grown).after(15 * 60 + 1).codes(), ["E LUN_SIZE_MISMATCH a"]);
    let found = lab(grown).find();
    assert_eq!(found[0].summary, "a: 500 GiB on pve1, 750 GiB on 3 nodes");
    assert!(found[0].evidence.contains(&"safe to pvresize: NO, not all nodes show 750 GiB".to_owned()));
    let commands: Vec<&String> =
        found[0].advice.iter().filter(|line| line.contains("multipathd resize map a")).collect();
    assert!(
        commands.len() == 1 && commands[0].starts_with("On pve1 (this changes something)"),
        "{commands:?}"
    );
    assert_eq!(
        summary("pve1 a uu z500 pz750\npve2 a uu z500", "LUN_RESIZE_PENDING"),
        "a: paths show 750 GiB on pve1, its map still has 500 GiB"
    );
}

#[test]
fn the_nodes_that_have_another_size_are_told_apart() {
    let check = |text: &str, expect: &[&str]| {
        let (_, causes) = lab(text).all();
        let odd = |node: &&str| causes.is_of_another_size(&name(node), &wwid("a"));
        let odd: Vec<&str> =
            ["pve1", "pve2", "pve3", "pve4"].iter().filter(|node| odd(node)).copied().collect();
        assert_eq!(odd, expect, "{text}");
    };
    check("pve1 a uu z500\npve2 a uu z750\npve3 a uu z750\npve4 a uu z750", &["pve1"]);
    check("pve1 a uu z750\npve2 a uu z500\npve3 a uu z500", &["pve1"]);
    // Of two as frequent the larger one is what the LUN has.
    check("pve1 a uu z500\npve2 a uu z750", &["pve1"]);
    // What most have is old where their paths have grown.
    check("pve1 a uu z500 pz750\npve2 a uu z750\npve3 a uu z500", &["pve1", "pve2"]);
    check("pve1 a uu z500 pz750\npve2 a uu z500", &["pve1"]);
    check("pve1 a uu z500\npve2 a uu z500", &[]);
    check("pve1 a uu z500\npve2 a uu z750\npve2 !offline", &[]);
    let of = |text: &str| lab(text).explained().len();
    assert_eq!((of("pve1 a uu z500\npve2 a uu z750"), of("pve1 a uu z500\npve2 a uu z500")), (1, 0));
}

#[test]
fn lun_name_mismatch() {
    check(&[
        ("pve1 a uu n=mpatha\npve2 a uu n=mpathb", &["W LUN_NAME_MISMATCH a"]),
        ("pve1 a uu n=mpatha\npve2 a uu n=mpatha", &[]),
        ("pve1 a uu n=mpatha\npve2 a uu n=mpathb\npve2 !hung", &[]),
    ]);
}

#[test]
fn lun_paths_uneven() {
    check(&[
        ("pve1 a uuuu\npve2 a uuuu\npve3 a uu", &["W LUN_PATHS_UNEVEN pve3"]),
        ("pve1 a uuuu\npve2 a uu", &["W LUN_PATHS_UNEVEN pve2"]),
        // More than the others is no fault.
        ("pve1 a uu\npve2 a uu\npve3 a uuuu", &[]),
        // As many paths, but all of them to two ports.
        ("pve1 a uuuu\npve2 a uuuu\npve3 a uuuu on=0,0,1,1", &["W LUN_PATHS_UNEVEN pve3"]),
        // It knows itself what it lacks.
        ("pve1 a uuuu\npve2 a uuuu\npve3 a uu..", &["W LUN_BELOW_EXPECTED pve3/a"]),
        ("pve1 a uuuu\npve2 a uuuu\npve3 a uu\npve3 !stale", &[]),
        ("pve1 a uuuu\npve2 a uuuu\npve3 a uu\nretire a pve3", &[]),
    ]);
    let two = "pve1 a uuuu\npve2 a uuuu\npve3 a uu\npve1 b uuuu\npve2 b uuuu\npve3 b uu";
    assert_eq!(
        summary(two, "LUN_PATHS_UNEVEN"),
        "pve3 has fewer paths than the other nodes to 2 LUNs: 2 paths instead of 4"
    );
    assert_eq!(lab(two).of_lun("b").iter().map(line).collect::<Vec<_>>(), ["W LUN_PATHS_UNEVEN pve3"]);
}

#[test]
fn path_nonoptimal() {
    check(&[
        ("pve1 a uuuu g=50:uu,10:uu*", &["W PATH_NONOPTIMAL a"]),
        ("pve1 a uuuu g=50:uu*,10:uu", &[]),
        ("pve1 a uuuu g=50:uu,10:uu", &[]),
        ("pve1 a uuuu g=50:uu*", &[]),
        // The optimised paths are down: there is nothing better.
        ("pve1 a dduu g=50:uu,10:uu*", &["W LUN_DEGRADED pve1/a"]),
        ("pve1 a uuuu g=50:uu,10:uu*\npve1 !down", &[]),
        ("pve1 a uuuu g=50:uu,10:uu*\npve2 a uuuu g=50:uu,10:uu*", &["W PATH_NONOPTIMAL a"]),
    ]);
}

#[test]
fn volumes_across_luns() {
    check(&[
        // A clone beside its original.
        ("pve1 a uu pv=P1/vg0/V1\npve1 b uu pv=P1/vg0/V1", &["E VG_DUPLICATE a/P1"]),
        // The clone is mapped to another node alone.
        ("pve1 a uu pv=P1 id=N/L/S1\npve2 b uu pv=P1 id=N/L/S2", &["E VG_DUPLICATE a/P1"]),
        // One LUN by two names.
        ("pve1 a uu pv=P1 id=N/L/S1\npve2 b uu pv=P1 id=N/L/S1", &["E LUN_WWID_DISAGREES a/b"]),
        ("pve1 a uu pv=P1\npve2 b uu pv=P1", &["E LUN_WWID_DISAGREES a/b"]),
        ("pve1 3600a uu id=N/L/600a\npve2 naa600a uu id=N/L/600a", &["E LUN_WWID_DISAGREES 3600a/naa600a"]),
        // The array gives all its LUNs one number.
        ("pve1 a uu id=N/L/ARRAY\npve2 b uu id=N/L/ARRAY", &[]),
        ("pve1 3600a uu id=N/L/600a\npve1 naa600a uu id=N/L/600a", &[]),
        ("pve1 3600a uu id=N/L/600a z1\npve2 naa600a uu id=N/L/600a z2", &[]),
        // A group over two LUNs is no fault, as long as nodes see both.
        ("pve1 a uu pv=P1/vg0/V1\npve1 b uu pv=P2/vg0/V1", &[]),
        ("pve1 a uu pv=P1/vg0/V1\npve1 b uu pv=P2/vg0/V1\npve2 a uu pv=P1/vg0", &["E VG_INCOMPLETE V1"]),
        // It should be there: that is said already.
        (
            "pve1 a uu pv=P1/vg0/V1\npve1 b uu pv=P2/vg0/V1\npve2 a uu pv=P1/vg0\npve2 b -",
            &["E LUN_MISSING pve2/b"],
        ),
        // Equal names of local groups are no group.
        ("pve1 a uu pv=P1/pve\npve2 b uu pv=P2/pve", &[]),
        ("pve1 a uu pv=P1\npve1 b uu pv=P1\npve1 !stale", &[]),
    ]);
}

#[test]
fn nodes_and_settings() {
    check(&[
        ("pve1 !wwids=a", &["W NODE_REBOOT_UNSAFE pve1"]),
        ("pve1 !initramfs", &["W NODE_REBOOT_UNSAFE pve1"]),
        ("pve1 !iscsi=10.9.0.1:3260", &["W NODE_REBOOT_UNSAFE pve1"]),
        ("pve1 !unit=masked", &["W NODE_REBOOT_UNSAFE pve1"]),
        ("pve1 !wwids=a stale", &[]),
        ("pve1 !wwids=a down", &["W NODE_REBOOT_UNSAFE pve1"]),
        ("pve1 !nvme=nqn.x", &["I NVME_NATIVE_UNWATCHED pve1"]),
        ("pve1 a uu\npve1 !bypass=sdb:a:mounted_at_/srv", &["E PATH_BYPASSED pve1/a/sdb"]),
        // One finding for one setting.
        ("pve1 !lint=queue@f:1@for_ever\npve2 !lint=queue@f:2@for_ever", &["W CONFIG_LINT queue"]),
        // Each node's own names hurt where they differ.
        ("pve1 a uu n=x\npve2 a uu n=x\npve1 !lint=user_friendly_names@f:1@on", &[]),
        (
            "pve1 a uu n=x\npve2 a uu n=y\npve1 !lint=user_friendly_names@f:1@on",
            &["W CONFIG_LINT user_friendly_names", "W LUN_NAME_MISMATCH a"],
        ),
        ("pve1 !tools=0.9.4 digest=d1\npve2 !tools=0.9.4 digest=d2", &["W CONFIG_DRIFT multipath.conf"]),
        ("pve1 !tools=0.9.4 digest=d1\npve2 !tools=0.9.4 digest=d1", &[]),
        ("pve1 !tools=0.9.4 digest=d1\npve2 !tools=0.9.4 digest=d2 stale", &[]),
        ("pve1 !tools=0.9.4 digest=d1\npve2 !tools=0.11.1 digest=d2", &["I VERSION_SKEW multipath-tools"]),
        ("pve1 !version=0.1\npve2 !version=0.2", &["I VERSION_SKEW pathkeeper"]),
        ("pve1 !version=0.1\npve2 !untold", &[]),
    ]);
    let found = lab("pve1 a uu\npve1 !bypass=sdb:a:mounted_at_/srv");
    assert_eq!(found.of_lun("a").iter().map(line).collect::<Vec<_>>(), ["E PATH_BYPASSED pve1/a/sdb"]);
}

#[test]
fn what_is_to_be_done_before_a_reboot_stands_with_each_reason() {
    let text = "pve1 !wwids=a wwids=b initramfs iscsi=10.9.0.1:3260 iscsi=10.9.0.2:3260 unit=disabled";
    let found = lab(text).find();
    assert_eq!(
        found[0].evidence,
        [
            "multipathd.service is not enabled: nothing starts it",
            "2 live maps are not in /etc/multipath/wwids: a, b",
            "/boot/initrd.img-6.1 (made 2026-10-03) is older than /etc/multipath.conf (changed 2026-11-09)",
            "2 iSCSI sessions are not logged in at boot (10.9.0.1:3260, 10.9.0.2:3260): node.startup is manual",
        ]
    );
    assert!(found[0].summary.ends_with("nothing starts it (3 more)"), "{}", found[0].summary);
    for command in ["systemctl enable multipathd", "multipath -a WWID", "update-initramfs -u", "node.startup"]
    {
        let is = |line: &&String| line.contains(command) && line.contains("this changes something");
        assert_eq!(found[0].advice.iter().filter(is).count(), 1, "{command}: {:?}", found[0].advice);
    }
}

#[test]
fn settings_that_differ_are_named() {
    let text = "pve1 !tools=0.9.4 digest=d1 set=defaults.no_path_retry:fail set=devices:1\n\
                pve2 !tools=0.9.4 digest=d2 set=defaults.no_path_retry:queue set=devices:1 set=x:y\n\
                pve3 !tools=0.9.4 digest=d2 set=defaults.no_path_retry:queue set=devices:1 set=x:y";
    let found = lab(text).find();
    assert_eq!(
        found[0].evidence[found[0].evidence.len() - 2..],
        ["defaults.no_path_retry: fail on pve1, queue on pve2, pve3", "x: not set on pve1, y on pve2, pve3"]
    );
}

#[test]
fn the_worst_and_what_hits_most_comes_first() {
    let text = "pve1 a uuud\npve1 b uuud\npve1 c dddd q\npve1 d uu ow\npve1 !nvme=nqn\n\
                lun b used-by=san\nguest 100 pve1 san\nguest 101 pve2 san";
    let lab = lab(text);
    let mut found = lab.find();
    lab.with(|picture| problems::order(&mut found, picture));
    let lines: Vec<String> = found.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "E LUN_IDENTITY_MISMATCH d",
            "E LUN_QUEUEING pve1/c",
            "W LUN_DEGRADED pve1/b",
            "W LUN_DEGRADED pve1/a",
            "I NVME_NATIVE_UNWATCHED pve1"
        ]
    );
}

#[test]
fn there_is_an_end_to_findings() {
    let mut text = String::new();
    for lun in 0..1_100 {
        text.push_str(&format!("pve1 lun{lun:04} uuud\npve2 lun{lun:04} uuud\n"));
    }
    text.push_str("pve3 zzz dddd\n");
    let found = lab(&text).find();
    assert_eq!(found.len(), problems::FINDINGS_MAX + 1);
    // The worst of them is not among those that are left out.
    assert!(found.iter().any(|finding| finding.code == Code::LunFailed));
    assert_eq!(
        found.last().unwrap().summary,
        "201 more findings about LUNs on nodes are not listed one by one"
    );
}

#[test]
fn lun_unmanaged() {
    let one = "lun a\npve1 a uu\npve1 b uu\npve2 a uu\npve2 b uu";
    check(&[
        // An observing node has no allow-list of its own to be off.
        (one, &[]),
        (&format!("{one}\npve1 !mode=manage"), &["I LUN_UNMANAGED multipath.cfg"]),
        (&format!("{one}\npve1 !mode=observe"), &[]),
        ("lun a\nlun b\npve1 a uu\npve1 b uu\npve1 !mode=manage", &[]),
        // Nobody says what a silent node has.
        (&format!("{one}\npve1 !mode=manage stale"), &[]),
    ]);
    let both = format!("{one}\npve1 !mode=manage\npve2 !mode=manage");
    assert_eq!(summary(&both, "LUN_UNMANAGED"), "1 map on managed nodes is not on the allow-list");
    let lab = lab(&both);
    let found = lab.find();
    let finding = found.iter().find(|finding| finding.code == Code::LunUnmanaged).unwrap();
    assert_eq!(finding.evidence, ["b (b): pve1, pve2"]);
    let many: String = ('a'..='k').map(|lun| format!("pve1 {lun} uu\n")).collect();
    let many = format!("lun z\n{many}pve1 !mode=manage");
    assert_eq!(summary(&many, "LUN_UNMANAGED"), "maps of 11 LUNs on managed nodes are not on the allow-list");
}
