//! One configuration for several hosts, while cables are pulled: each host takes it once, whoever was away takes it when it is back,
//! and nobody follows a first one of whom nothing is heard.

use std::time::Instant;

use pathkeeper_engine::sim::{DaemonMode, Op};

use super::lab::{LEASE_S, Lab};
use super::{ALL, BACK_S, without};

const MAIN: &str = "etc/multipath/conf.d/60-pathkeeper.conf";
/// A rollout over hosts that can all be reached takes no longer, seconds.
const APPLIED_S: f64 = 20.0;

#[test]
#[ignore = "needs root, network namespaces and etcd"]
fn several_hosts_take_a_configuration() {
    let mut lab = Lab::managed();

    // What a person does first, at any host.
    let proposed = lab.does(1, &["config", "adopt"]);
    lab.edits_to(&proposed);
    lab.does(1, &["config", "edit", "--yes"]);
    lab.does(1, &["config", "apply", "--yes", "--wait", "--adopt", "all"]);
    stands(&lab, "taken over by hand-made names: every host", &[0, 1, 2], 1, "verified", None);

    set(&lab, 0, "15");
    stands(&lab, "a setting is in force on every host", &[0, 1, 2], 2, "verified", Some("15"));

    // One is away the whole time.
    lab.net.unplug(2);
    lab.comes_true("cable pulled", &without(2), LEASE_S as f64 + 4.5);
    set(&lab, 0, "16");
    stands(&lab, "one host is away: the others have it", &[0, 1], 3, "verified", Some("16"));
    assert!(lab.file(2, MAIN).contains("15"), "{}", lab.file(2, MAIN));
    let (status, text) = lab.says(2, &["config", "set", "failback", "17"]);
    assert_ne!(status, Some(0), "a host by itself writes nothing for all: {text}");
    lab.allow_all();
    lab.net.plug(2);
    stands(&lab, "it is back, and takes it", &[0, 1, 2], 3, "verified", Some("16"));
    lab.comes_true("all agree", &ALL, BACK_S);

    // The first one is cut off while it is at it: the others wait for its word.
    lab.apply(&Op::Multipathd { node: 0, mode: DaemonMode::Slow { delay_ms: 600 } });
    lab.does(1, &["config", "set", "failback", "18"]);
    let began = Instant::now();
    lab.does(1, &["config", "apply", "--yes", "--canary", &lab.name(0)]);
    lab.wait("the first one is at it", began, BACK_S, || {
        lacks(&lab, 1, &[format!("4 {} applying", lab.name(0))])
    });
    lab.net.unplug(0);
    lab.comes_true("the first one's cable pulled in the middle", &without(0), LEASE_S as f64 + 4.5);
    for host in [1, 2] {
        assert!(lab.file(host, MAIN).contains("16"), "host {host} followed nobody: {:?}", lab.rollout(host));
    }
    lab.allow_all();
    lab.apply(&Op::Multipathd { node: 0, mode: DaemonMode::Running });
    lab.net.plug(0);
    stands(
        &lab,
        "it is back, says that it went well, and the others follow",
        &[0, 1, 2],
        4,
        "verified",
        Some("18"),
    );
    lab.comes_true("all agree", &ALL, BACK_S);

    // Parted: two that agree go on, the third by itself does not.
    lab.net.part(2);
    lab.comes_true("switch parted in two", &without(2), LEASE_S as f64 + 4.5);
    set(&lab, 1, "19");
    stands(&lab, "the greater part has it", &[0, 1], 5, "verified", Some("19"));
    let (status, text) = lab.says(2, &["config", "apply", "--yes"]);
    assert_ne!(status, Some(0), "{text}");
    assert!(lab.file(2, MAIN).contains("18"), "{}", lab.file(2, MAIN));
    lab.allow_all();
    lab.net.join(2);
    stands(&lab, "joined: the third has it too", &[0, 1, 2], 5, "verified", Some("19"));
    lab.nothing_false_was_said();
}

/// Somebody at this host sets `failback` and applies it.
fn set(lab: &Lab, host: usize, value: &str) {
    lab.does(host, &["config", "set", "failback", value]);
    lab.does(host, &["config", "apply", "--yes"]);
}

/// What of this a host does not say of the rollout.
fn lacks(lab: &Lab, host: usize, lines: &[String]) -> Vec<String> {
    let told = lab.rollout(host);
    let lacks = lines.iter().filter(|line| !told.contains(line));
    lacks.map(|line| format!("host {host} does not say {line}: {told:?}")).collect()
}

/// Waits until each of these hosts says of all of them that they are so far, and their files hold the value.
fn stands(lab: &Lab, what: &str, hosts: &[usize], generation: u64, state: &str, value: Option<&str>) {
    let lines: Vec<String> =
        hosts.iter().map(|host| format!("{generation} {} {state}", lab.name(*host))).collect();
    let bound_s = APPLIED_S + BACK_S;
    lab.wait(what, Instant::now(), bound_s, || {
        let told = hosts.iter().flat_map(|host| lacks(lab, *host, &lines));
        let files = hosts.iter().filter(|host| {
            value.is_some_and(|value| !lab.file(**host, MAIN).contains(&format!("failback \"{value}\"")))
        });
        told.chain(files.map(|host| format!("host {host} has not {value:?}: {}", lab.file(*host, MAIN))))
            .collect()
    });
}
