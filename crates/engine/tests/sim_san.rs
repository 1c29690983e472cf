//! The simulated SAN: what follows from what, and that truth, multipathd's view and the kernel's view agree.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test"
)]

use pathkeeper_engine::sim::multipathd::{Chk, PathDm, Retry, Version, answer};
use pathkeeper_engine::sim::{
    DaemonMode, KernelEventKind, Op, PathSet, San, SanConfig, SanError, Script, describe, disk_name,
    disk_numbers, faults_in_place, story,
};
use pathkeeper_model::State;
use proptest::prelude::*;

fn san(nodes: usize, luns: usize, paths: usize) -> San {
    San::new(SanConfig { nodes, luns, paths, seed: 7 }).unwrap()
}

/// The states of all maps of a node in one line: `odfu-`, `-` for a LUN that has no map.
fn states(san: &San, node: usize) -> String {
    let truth = san.truth(node).unwrap();
    san.luns
        .iter()
        .map(|lun| match truth.maps.iter().find(|m| m.wwid == lun.wwid).map(|m| m.state) {
            None => '-',
            Some(State::Optimal) => 'o',
            Some(State::Degraded) => 'd',
            Some(State::Failed) => 'f',
            Some(State::Unknown) => 'u',
            Some(State::Missing) => 'm',
        })
        .collect()
}

/// Plays a script (3 nodes, 3 LUNs, 4 paths) and gives the states of each node.
fn check(script: &str, expect: [&str; 3]) {
    let mut san = san(3, 3, 4);
    let (script, problems) = Script::parse(script, &san);
    assert!(problems.is_empty(), "{problems:?}");
    for step in &script.steps {
        san.apply(&step.op).unwrap();
    }
    for (node, expect) in expect.iter().enumerate() {
        assert_eq!(states(&san, node), *expect, "node {}", node + 1);
    }
}

#[test]
fn what_follows_from_what() {
    check("", ["ooo", "ooo", "ooo"]);
    check("+1s pve2 path 1 1 fail", ["ooo", "doo", "ooo"]);
    check("+1s pve2 path 1 1 fail\n+1s pve2 path 1 1 up", ["ooo", "ooo", "ooo"]);
    check("+1s pve2 path 1 1 ghost", ["ooo", "ooo", "ooo"]);
    check("+1s pve2 path 1 1 shaky", ["ooo", "doo", "ooo"]);
    // A deleted path leaves no trace on its own node.
    check("+1s pve2 path 1 1 delete", ["ooo", "ooo", "ooo"]);
    check("+1s pve1 adapter host7 down", ["ddd", "ooo", "ooo"]);
    check("+1s pve1 adapter host7 down\n+1s pve1 adapter host6 down", ["fff", "ooo", "ooo"]);
    check("+1s array port ctl1-0e down", ["ddd", "ddd", "ddd"]);
    check("+1s pve3 lun 2 unmap", ["ooo", "ooo", "ofo"]);
    check("+1s pve3 lun 2 forget", ["ooo", "ooo", "o-o"]);
    check("+1s pve3 lun 2 forget\n+1s pve3 lun 2 assemble", ["ooo", "ooo", "ooo"]);
    // Without an answering multipathd: the worst that is proven, never optimal.
    check("+1s pve1 multipathd hang", ["uuu", "ooo", "ooo"]);
    check("+1s pve1 multipathd stop\n+1s pve1 path 1 1 fail", ["duu", "ooo", "ooo"]);
    check("+1s pve1 multipathd reconfigure\n+1s pve1 lun 1 unmap", ["fuu", "ooo", "ooo"]);
    check("+1s pve1 multipathd slow 300ms\n+1s pve1 lun 1 unmap", ["foo", "ooo", "ooo"]);
    // Nobody but multipathd brings a path back.
    check("+1s pve1 multipathd stop\n+1s pve1 path 1 1 fail\n+1s pve1 path 1 1 up", ["duu", "ooo", "ooo"]);
    check(
        "+1s pve1 multipathd stop\n+1s pve1 path 1 1 fail\n+1s pve1 path 1 1 up\n+1s pve1 multipathd start",
        ["ooo", "ooo", "ooo"],
    );
    check(
        "+1s array port ctl2-0f down\n+1s pve2 lun 1 forget\n+1s pve2 dies\n+1s array heal",
        ["ooo", "ooo", "ooo"],
    );
}

#[test]
fn a_seed_means_one_san_on_every_machine() {
    let lines = |seed| -> String {
        let san = San::new(SanConfig { nodes: 2, luns: 3, paths: 4, seed }).unwrap();
        san.luns.iter().map(|l| format!("{} {} {}\n", l.wwid, l.alias, l.size_bytes >> 30)).collect()
    };
    assert_eq!(lines(7), lines(7));
    assert_ne!(lines(7), lines(8));
    for line in lines(7).lines() {
        assert!(line.starts_with("3600a0980"), "{line}");
        assert_eq!(line.split(' ').next().unwrap().len(), 33, "{line}");
    }
}

#[test]
fn disks_are_named_and_numbered_as_the_kernel_does() {
    for (index, name, numbers) in [
        (0, "sda", (8, 0)),
        (1, "sdb", (8, 16)),
        (15, "sdp", (8, 240)),
        (16, "sdq", (65, 0)),
        (26, "sdaa", (65, 160)),
        (128, "sddy", (128, 0)),
        (255, "sdiv", (135, 240)),
        (256, "sdiw", (8, 256)),
        (702, "sdaaa", (131, 736)),
    ] {
        assert_eq!((disk_name(index).as_str(), disk_numbers(index)), (name, numbers), "{index}");
    }
}

#[test]
fn sizes_have_bounds_and_say_so() {
    let check = |nodes, luns, paths, expect: &str| {
        let why = San::new(SanConfig { nodes, luns, paths, seed: 0 }).unwrap_err();
        assert_eq!(why.to_string(), expect);
    };
    check(0, 1, 1, "0 nodes cannot be simulated: choose 1 to 64");
    check(1, 0, 1, "0 LUNs cannot be simulated: choose 1 to 4000");
    check(1, 1, 33, "33 paths cannot be simulated: choose 1 to 32");
    check(
        64,
        4000,
        32,
        "8192000 path devices (nodes times LUNs times paths) cannot be simulated: choose 1 to 250000",
    );
    assert_eq!(san(1, 1, 1).nodes[0].luns[0].paths.len(), 1);
    assert_eq!(san(1, 1, 3).nodes[0].luns[0].paths.len(), 3);
}

#[test]
fn an_operation_on_what_is_not_there_is_refused() {
    let mut san = san(1, 1, 1);
    let refused = san.apply(&Op::Adapter { node: 0, adapter: 1, up: false });
    assert_eq!(refused, Err(SanError::NoSuch { what: "adapter", index: 1 }));
    let refused = san.apply(&Op::Mapping { node: 3, lun: 0, mapped: false });
    assert_eq!(refused, Err(SanError::NoSuch { what: "node", index: 3 }));
}

#[test]
fn paths_that_fail_together_are_told_last_first() {
    let mut san = san(1, 1, 4);
    let effects = san.apply(&Op::Adapter { node: 0, adapter: 1, up: false }).unwrap();
    let told: Vec<(u32, usize)> = effects
        .events
        .iter()
        .map(|e| match &e.kind {
            KernelEventKind::PathFailed { valid, .. } => (e.dm_seqnum, *valid),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [(2, 2), (1, 3)]);
    let payload = String::from_utf8(effects.events[0].payload(1126)).unwrap();
    let fields: Vec<&str> = payload.split_terminator('\0').collect();
    assert_eq!(fields[0], "change@/devices/virtual/block/dm-0");
    assert!(fields.contains(&"DM_ACTION=PATH_FAILED"), "{fields:?}");
    assert!(fields.contains(&"DM_NR_VALID_PATHS=2"), "{fields:?}");
}

#[test]
fn retries_run_out_by_the_clock_that_is_handed_in() {
    let mut san = san(1, 1, 2);
    let queueing = |san: &San| {
        let view = san.view(0).unwrap();
        answer(&view, "show maps raw format \"%Q %N %f %4\"", false, Version::V0_9_4).text
    };
    san.apply(&Op::Retry { lun: 0, retry: Retry::Checks(3) }).unwrap();
    assert_eq!(queueing(&san), "3 chk 2 3 queue_if_no_path pg_init_retries 50 0\n");
    san.apply(&Op::Mapping { node: 0, lun: 0, mapped: false }).unwrap();
    assert_eq!(queueing(&san), "15 sec 0 3 queue_if_no_path pg_init_retries 50 1\n");
    assert!(san.truth(0).unwrap().maps[0].queues);
    san.advance(4_200);
    assert_eq!(queueing(&san), "11 sec 0 3 queue_if_no_path pg_init_retries 50 1\n");
    san.advance(60_000);
    assert_eq!(queueing(&san), "off 0 2 pg_init_retries 50 1\n");
    assert!(!san.truth(0).unwrap().maps[0].queues);
}

#[test]
fn a_script_is_read_to_its_end_and_every_bad_line_is_named() {
    let san = san(2, 2, 4);
    let check = |line: &str, expect: &str| {
        let text = format!("# one\n\n{line}\n+1s pve1 dies\n");
        let (script, problems) = Script::parse(&text, &san);
        assert_eq!(script.steps.len(), 1, "the good line is read");
        assert_eq!(problems.len(), 1, "{line}");
        let problem = problems[0].to_string();
        assert!(problem.starts_with("line 3: ") && problem.contains(expect), "{problem}");
    };
    check("pve1 dies", "begins with no time");
    check("+5 pve1 dies", "is no time");
    check("+99999999999999999999s pve1 dies", "is no time");
    check("+5s", "nothing behind the time");
    check("+5s pve9 dies", "no node \"pve9\"; there are pve1 to pve2");
    check("+5s pve1 explodes", "behind a node comes");
    check("+5s pve1 adapter host9 down", "it has host6 and host7");
    check("+5s pve1 adapter host7 sideways", "neither up nor down");
    check("+5s pve1 path 1 5 fail", "a number from 1 to 4 or one of sdb, sdd, sdf, sdh");
    check("+5s pve1 path nosuch 1 fail", "there is no LUN \"nosuch\"");
    check("+5s pve1 path 0 1 fail", "there is no LUN \"0\"");
    check("+5s pve1 path 1 1 loud", "nothing that a path can be");
    check("+5s pve1 lun 1 burn", "nothing that a node's LUN can be told");
    check("+5s pve1 multipathd slow", "behind multipathd comes");
    check("+5s array port ctl9 down", "the array has no port");
    check("+5s array lun 1 resize 0G", "is no size");
    check("+5s array lun 1 resize 99999999T", "is no size");
    check("+5s array lun 1 queue 0", "neither on, off");
    check("+5s array", "behind array comes");
    check(&format!("+5s pve1 {}", "x".repeat(600)), "longer than 512 bytes");
}

#[test]
fn the_story_fits_every_san_and_ends_well() {
    for (nodes, luns, paths) in [(1, 1, 1), (1, 24, 4), (2, 1, 2), (3, 5, 3), (4, 24, 4), (8, 30, 8)] {
        let mut san = san(nodes, luns, paths);
        let (script, problems) = Script::parse(&story(&san), &san);
        assert!(problems.is_empty(), "{nodes} x {luns} x {paths}: {problems:?}");
        let mut worst = String::new();
        for step in &script.steps {
            san.apply(&step.op).unwrap();
            worst.extend((0..nodes).map(|n| states(&san, n)));
        }
        for letter in ['d', 'f', 'u', '-'] {
            // With one path a lost path is a lost LUN, nothing in between.
            assert!(worst.contains(letter) || paths == 1, "{letter} in {nodes} x {luns} x {paths}");
        }
        for n in 0..nodes {
            assert_eq!(states(&san, n), "o".repeat(luns));
            assert!(san.nodes[n].alive);
        }
        for step in &faults_in_place(&san).steps {
            san.apply(&step.op).unwrap();
        }
    }
}

#[test]
fn sysfs_is_a_tree_whose_links_lead_somewhere() {
    let mut san = san(2, 3, 4);
    san.apply(&Op::Path { node: 0, lun: 1, path: 2, set: PathSet::Deleted }).unwrap();
    san.apply(&Op::Assembly { node: 0, lun: 2, assembled: false }).unwrap();
    let tree = san.sysfs(0);
    use pathkeeper_engine::sim::SysfsKind;
    let mut paths: Vec<&str> = tree.iter().map(|e| e.path.as_str()).collect();
    paths.sort_unstable();
    let count = paths.len();
    paths.dedup();
    assert_eq!(paths.len(), count, "no path is given twice");
    for entry in &tree {
        let SysfsKind::Link(to) = &entry.kind else { continue };
        let mut at: Vec<&str> = entry.path.split('/').collect();
        at.pop();
        for part in to.split('/') {
            if part == ".." {
                at.pop().expect("the link stays below the root");
            } else {
                at.push(part);
            }
        }
        let target = at.join("/");
        let below = format!("{target}/");
        assert!(paths.iter().any(|p| *p == target || p.starts_with(&below)), "{} -> {to}", entry.path);
    }
    let gone = &san.nodes[0].luns[1].paths[2].dev;
    assert!(!paths.iter().any(|p| p.split('/').any(|part| part == gone)), "{gone} is deleted");
    assert!(!paths.contains(&"block/dm-2"));
}

fn any_op() -> impl Strategy<Value = Op> {
    let set = prop_oneof![
        Just(PathSet::Up),
        Just(PathSet::Fail),
        Just(PathSet::Offline),
        Just(PathSet::Ghost),
        Just(PathSet::Shaky),
        Just(PathSet::Deleted)
    ];
    let mode = prop_oneof![
        Just(DaemonMode::Running),
        Just(DaemonMode::Stopped),
        Just(DaemonMode::Hung),
        Just(DaemonMode::Refusing),
        Just(DaemonMode::Reconfiguring),
        (0..60_000u32).prop_map(|delay_ms| DaemonMode::Slow { delay_ms })
    ];
    let retry = prop_oneof![Just(Retry::Queue), Just(Retry::Fail), (1..1000u32).prop_map(Retry::Checks)];
    let (node, lun) = (0..3usize, 0..3usize);
    prop_oneof![
        8 => (node.clone(), lun.clone(), 0..4usize, set)
            .prop_map(|(node, lun, path, set)| Op::Path { node, lun, path, set }),
        1 => (node.clone(), 0..2usize, any::<bool>()).prop_map(|(node, adapter, up)| Op::Adapter { node, adapter, up }),
        1 => (0..4usize, any::<bool>()).prop_map(|(port, up)| Op::Port { port, up }),
        1 => (node.clone(), lun.clone(), any::<bool>()).prop_map(|(node, lun, mapped)| Op::Mapping { node, lun, mapped }),
        1 => (node.clone(), lun.clone(), any::<bool>())
            .prop_map(|(node, lun, assembled)| Op::Assembly { node, lun, assembled }),
        1 => (node.clone(), lun.clone(), any::<bool>())
            .prop_map(|(node, lun, suspended)| Op::Suspend { node, lun, suspended }),
        1 => (node.clone(), lun.clone()).prop_map(|(node, lun)| Op::ResizeMap { node, lun }),
        1 => (node.clone(), mode).prop_map(|(node, mode)| Op::Multipathd { node, mode }),
        1 => (node, any::<bool>()).prop_map(|(node, alive)| Op::Node { node, alive }),
        1 => (lun.clone(), 1..4096u64).prop_map(|(lun, gib)| Op::ResizeLun { lun, size_bytes: gib << 30 }),
        1 => (lun, retry).prop_map(|(lun, retry)| Op::Retry { lun, retry }),
        1 => Just(Op::Heal),
    ]
}

proptest! {
    #[test]
    fn every_operation_can_be_written_down_and_read_again(op in any_op()) {
        let san = san(3, 3, 4);
        let (script, problems) = Script::parse(&format!("+0s {}", describe(&op, &san)), &san);
        prop_assert_eq!(problems, vec![]);
        prop_assert_eq!(&script.steps[0].op, &op);
    }

    #[test]
    fn truth_daemon_and_kernel_agree_whatever_happens(ops in prop::collection::vec(any_op(), 0..40)) {
        let mut san = san(3, 3, 4);
        for op in &ops {
            san.apply(op).unwrap();
            san.advance(1700);
            for n in 0..3 {
                let truth = san.truth(n).unwrap();
                let kernel = san.kernel_maps(n);
                if !truth.alive {
                    prop_assert!(kernel.is_empty() && san.view(n).is_none() && san.sysfs(n).is_empty());
                    continue;
                }
                prop_assert_eq!(kernel.len(), truth.maps.len());
                for (map, kernel) in truth.maps.iter().zip(&kernel) {
                    prop_assert_eq!(&map.wwid, &kernel.wwid);
                    prop_assert_eq!(map.total as usize, kernel.paths.len());
                    let active = kernel.paths.iter().filter(|p| p.active).count();
                    prop_assert!(map.active as usize <= active);
                    if !truth.answers {
                        prop_assert_eq!(map.active as usize, active);
                        prop_assert_ne!(map.state, State::Optimal);
                    }
                }
                let Some(view) = san.view(n).filter(|_| truth.answers) else { continue };
                prop_assert_eq!(view.maps.len(), truth.maps.len());
                for (map, seen) in truth.maps.iter().zip(&view.maps) {
                    let paths: Vec<_> = seen.groups.iter().flat_map(|g| &g.paths).map(|&i| &view.paths[i]).collect();
                    let usable = paths.iter().filter(|p| {
                        p.dm == PathDm::Active && matches!(p.chk, Chk::Up | Chk::Ghost) && p.dev_st == "running"
                    });
                    prop_assert_eq!(map.active as usize, usable.count());
                    prop_assert_eq!(map.total as usize, paths.len());
                }
            }
        }
        san.apply(&Op::Heal).unwrap();
        for n in 0..3 {
            prop_assert_eq!(states(&san, n), "ooo");
        }
    }

    #[test]
    fn no_script_text_panics(text in "(\\+[0-9]{1,3}(s|ms|m)? )?(pve[0-9]|array)?( (adapter|path|lun|port|multipathd|[0-9]{1,20}|host7|up|heal|resize|[0-9]G)){0,5}") {
        let san = san(1, 2, 2);
        let (script, problems) = Script::parse(&text, &san);
        prop_assert!(script.steps.len() + problems.len() <= 1);
    }
}
