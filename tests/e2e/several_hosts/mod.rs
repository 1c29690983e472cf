//! Several hosts: real agents and a real etcd, one of each in its own network namespace, and what can go wrong between
//! them. After each fault every host that can be asked says what is true, within a bound that is printed; and at no
//! moment did any of them say what was not.

mod lab;
mod net;
mod rollout;
mod watcher;

use std::time::Instant;

use pathkeeper_api::status::ClusterStatus;
use pathkeeper_engine::sim::{Op, PathSet, San};
use rustix::process::Signal;

use lab::{HOSTS, LEASE_S, Lab, POLL_S};

/// Everybody can be seen.
const ALL: [bool; HOSTS] = [true; HOSTS];
/// A host that is gone is unknown within its lease and this, seconds.
const GONE_S: f64 = LEASE_S as f64 + 3.0;
/// As long if etcd's leader goes with it: an election takes one to two seconds, and the new leader gives each lease its
/// whole time anew, and a second more.
const GONE_WITH_LEADER_S: f64 = GONE_S + 1.5;
/// A host that is back is believed again within this, seconds.
const BACK_S: f64 = 15.0;
/// Reports flow again after etcd's leader died within this, seconds.
const FLOWS_S: f64 = 5.0;
/// The same where packets are late and lost: some are sent again and again, and etcd may need a new leader.
const BAD_S: f64 = 45.0;
/// A change is everywhere within a poll and this, seconds.
const TOLD_S: f64 = POLL_S as f64 + 4.0;

fn path(node: usize, lun: usize, path: usize, set: PathSet) -> Op {
    Op::Path { node, lun, path, set }
}

fn without(gone: usize) -> [bool; HOSTS] {
    let mut seen = ALL;
    seen[gone] = false;
    seen
}

#[test]
#[ignore = "needs root, network namespaces and etcd"]
fn several_hosts_lose_agents_and_nodes() {
    let mut lab = Lab::start();

    lab.kill_agent(1);
    lab.comes_true("agent killed: its cells are unknown", &without(1), GONE_S);
    lab.apply(&path(1, 0, 0, PathSet::Fail));
    lab.apply(&path(2, 0, 0, PathSet::Fail));
    lab.comes_true("a path fails meanwhile on another host", &without(1), TOLD_S);
    lab.allow_all();
    lab.start_agent(1);
    lab.comes_true("agent started again: it tells what happened meanwhile", &ALL, BACK_S);
    lab.nothing_false_was_said();

    lab.signal_agent(2, Signal::STOP);
    lab.comes_true("agent stopped in its tracks: its cells are unknown", &without(2), GONE_S);
    lab.apply(&path(2, 0, 0, PathSet::Up));
    lab.apply(&path(2, 0, 1, PathSet::Fail));
    lab.apply(&path(2, 3, 1, PathSet::Fail));
    lab.allow_all();
    lab.signal_agent(2, Signal::CONT);
    lab.comes_true("agent continued after its lease ran out", &ALL, BACK_S);
    lab.nothing_false_was_said();

    let leader = lab.etcd.leader();
    let follower = (leader + 1) % HOSTS;
    lab.power_off(follower);
    lab.comes_true("node killed, etcd's follower with it: its cells are unknown", &without(follower), GONE_S);
    lab.allow_all();
    lab.power_on(follower);
    lab.comes_true("node back", &ALL, BACK_S);
    lab.nothing_false_was_said();

    let leader = lab.etcd.leader();
    lab.power_off(leader);
    let what = "node killed, etcd's leader with it: its cells are unknown";
    lab.comes_true(what, &without(leader), GONE_WITH_LEADER_S);
    lab.allow_all();
    lab.power_on(leader);
    lab.comes_true("node back", &ALL, BACK_S);
    lab.nothing_false_was_said();

    for round in 0..2 {
        lab.etcd.wait_healthy();
        let leader = lab.etcd.leader();
        lab.called_unknown();
        lab.etcd.kill(leader);
        let set = if round == 0 { PathSet::Fail } else { PathSet::Up };
        for host in 0..HOSTS {
            lab.apply(&path(host, 3, 3, set));
        }
        lab.comes_true("etcd's leader killed: reports of all three hosts flow again", &ALL, FLOWS_S);
        assert_eq!(lab.called_unknown(), Vec::<String>::new(), "no node was away");
        lab.etcd.start_member(leader);
        lab.nothing_false_was_said();
    }
}

#[test]
#[ignore = "needs root, network namespaces and etcd"]
fn several_hosts_lose_their_network() {
    let mut lab = Lab::start();
    for (way, cut, heal) in [
        ("cable pulled", cut_by_cable as fn(&Lab), heal_by_cable as fn(&Lab)),
        ("switch parted in two", |lab| lab.net.part(2), |lab| lab.net.join(2)),
    ] {
        lab.etcd.wait_healthy();
        let (who, bound_s) = match lab.etcd.leader() {
            2 => ("the third, etcd's leader with it,", GONE_WITH_LEADER_S),
            _ => ("the third", GONE_S),
        };
        cut(&lab);
        let began = Instant::now();
        lab.comes_true(&format!("{way}: two hosts call {who} unknown"), &without(2), bound_s);
        lab.wait(&format!("{way}: the third says that it sees a part"), began, BACK_S, || alone(&lab, 2));
        // What happens on both sides meanwhile.
        lab.apply(&path(0, 0, 1, PathSet::Fail));
        lab.apply(&path(2, 3, 2, PathSet::Fail));
        let began = Instant::now();
        lab.comes_true(&format!("{way}: a path fails on this side"), &without(2), TOLD_S);
        lab.wait(&format!("{way}: a path fails on that side"), began, TOLD_S, || own_cells(&lab, 2));
        assert_eq!(alone(&lab, 2), Vec::<String>::new());
        // Who starts without the others has only what its etcd holds, and what it sees itself.
        lab.kill_agent(2);
        lab.apply(&path(2, 1, 2, PathSet::Fail));
        lab.start_agent(2);
        let began = Instant::now();
        let both = || [alone(&lab, 2), own_cells(&lab, 2)].concat();
        lab.wait(&format!("{way}: the third's agent started again"), began, BACK_S, both);
        lab.allow_all();
        heal(&lab);
        lab.comes_true(&format!("{way}: healed"), &ALL, BACK_S);
        lab.apply(&path(0, 0, 1, PathSet::Up));
        lab.apply(&path(2, 3, 2, PathSet::Up));
        lab.apply(&path(2, 1, 2, PathSet::Up));
        lab.comes_true("both paths come back", &ALL, TOLD_S);
        lab.nothing_false_was_said();
    }

    lab.etcd.wait_healthy();
    let how = lab.net.spoil();
    for (node, set) in [(0, PathSet::Fail), (1, PathSet::Fail), (2, PathSet::Fail), (0, PathSet::Up)] {
        lab.apply(&path(node, 0, 2, set));
        lab.comes_true(&format!("bad cables ({how}): a path on host {node}: {set:?}"), &ALL, BAD_S);
    }
    println!("                         {} packets dropped", lab.net.dropped());
    lab.net.mend();
    lab.apply(&path(1, 0, 2, PathSet::Up));
    lab.comes_true("good cables again", &ALL, BACK_S);
    lab.nothing_false_was_said();
}

#[test]
#[ignore = "needs root, network namespaces and etcd"]
fn several_hosts_have_other_clocks_and_are_restarted() {
    let mut lab = Lab::start();
    lab.called_unknown();

    // A host's clock is set while it runs. Its next report tells the others, and theirs tell it.
    for (offset_s, set) in
        [(3600, PathSet::Fail), (-3600, PathSet::Up), (0, PathSet::Fail), (120, PathSet::Up)]
    {
        lab.set_clock(1, offset_s);
        lab.apply(&path(1, 0, 3, set));
        lab.apply(&path(0, 0, 3, set));
        lab.comes_true(&format!("host 1's clock is {offset_s} s ahead"), &ALL, TOLD_S);
        let began = Instant::now();
        lab.wait("who sees it says so", began, TOLD_S, || skew(&lab, offset_s));
    }
    assert_eq!(lab.called_unknown(), Vec::<String>::new(), "a clock tells nothing of a LUN");
    lab.set_clock(1, 0);
    lab.apply(&path(1, 0, 3, PathSet::Fail));
    lab.apply(&path(0, 0, 3, PathSet::Fail));
    lab.comes_true("host 1's clock is right again", &ALL, TOLD_S);
    lab.wait("nobody says otherwise", Instant::now(), TOLD_S, || skew(&lab, 0));
    lab.nothing_false_was_said();

    // A new version: one agent after the other is stopped and started, each at once after the one before.
    let began = Instant::now();
    for host in 0..HOSTS {
        lab.stop_agent(host);
        lab.apply(&path(host, 3, 0, PathSet::Fail));
        lab.start_agent(host);
        lab.comes_true(&format!("host {host} runs a new version"), &ALL, BACK_S);
    }
    println!("{:7.2} s                 the whole roll", began.elapsed().as_secs_f64());
    assert_eq!(lab.called_unknown(), Vec::<String>::new(), "who is back within its lease was never away");
    lab.nothing_false_was_said();

    // Everything, in no good order: agents first and etcd after them, all at once.
    for host in 0..HOSTS {
        lab.kill_agent(host);
        lab.etcd.kill(host);
    }
    lab.apply(&path(0, 3, 0, PathSet::Up));
    for host in 0..HOSTS {
        lab.start_agent(host);
        lab.etcd.start_member(host);
    }
    lab.comes_true("everything killed and started again", &ALL, 30.0);
    lab.nothing_false_was_said();
}

fn cut_by_cable(lab: &Lab) {
    lab.net.unplug(2);
}

fn heal_by_cable(lab: &Lab) {
    lab.net.plug(2);
}

/// What is wrong with what a host says that sees nobody: it must say so, and call nothing of others healthier than it
/// was. (That nothing is shown that was never true is watched all the time.)
fn alone(lab: &Lab, host: usize) -> Vec<String> {
    let Some(status) = lab.watcher.status(host) else { return vec!["it does not answer".to_owned()] };
    let (view, summary) = (&status.view, &status.summary);
    let mut wrong = Vec::new();
    if !view.partial || view.why.as_ref().is_none_or(String::is_empty) || view.since.is_none() {
        wrong.push(format!("its view is not partial, or it does not say why and since when: {view:?}"));
    }
    if summary.exit_status == 0 || summary.health == "HEALTH_OK" {
        wrong.push(format!("it calls everything healthy: {summary:?}"));
    }
    wrong
}

/// What is wrong with what a host says of its own LUNs.
fn own_cells(lab: &Lab, host: usize) -> Vec<String> {
    let Some(status) = lab.watcher.status(host) else { return vec!["it does not answer".to_owned()] };
    let truth: San = lab.own_truth(host);
    let maps = truth.truth(host).map(|truth| truth.maps).unwrap_or_default();
    let wrong = maps.into_iter().filter_map(|map| {
        let found = cell(&status, map.wwid.as_str(), &lab.name(host));
        (found != map.state.as_str()).then(|| format!("{} here: {found}, should be {}", map.name, map.state))
    });
    wrong.collect()
}

/// What is wrong with what is said of clocks while host 1's is off by so much: the others say it of that one, and it
/// says it of those that it hears.
fn skew(lab: &Lab, offset_s: i64) -> Vec<String> {
    let mut wrong = Vec::new();
    for (host, of) in [(0, 1), (2, 1), (1, 0)] {
        let Some(status) = lab.watcher.status(host) else { return vec![format!("host {host} is silent")] };
        let told = status.findings.iter().any(|finding| {
            finding.code == "NODE_CLOCK_SKEW" && finding.scope.node.as_deref() == Some(&lab.name(of))
        });
        if told != (offset_s != 0) {
            wrong.push(format!("host {host}: NODE_CLOCK_SKEW of {of} stands: {told}"));
        }
    }
    wrong
}

fn cell<'a>(status: &'a ClusterStatus, wwid: &str, node: &str) -> &'a str {
    let row = status.luns.iter().find(|row| row.wwid == wwid);
    row.and_then(|row| row.nodes.get(node)).map_or("no cell", |cell| cell.state.as_str())
}
