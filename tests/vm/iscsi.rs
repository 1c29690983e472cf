//! An iSCSI SAN of machines: one is the array (the kernel's own target), with three ports in two networks; two are nodes with a
//! session to each port; an etcd on the host joins what they say. A port that goes has one name on both nodes, a network that
//! goes another, and one session of one node a third.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::etcd_servers::Servers;
use crate::faults::remember_ways;
use crate::lab::{self, Lab, is_wanted};
use crate::machine::Machine;
use crate::qemu::{self, Lans, Shape};
use crate::switch::Switch;
use crate::two_guests::{door, told};
use crate::verdict::Verdict;

/// The array's ports: two in the first network, one in the second.
const PORTALS: [&str; 3] = ["10.9.1.1:3260", "10.9.1.1:3261", "10.9.2.1:3260"];
/// The array's name for itself.
const TARGET: &str = "iqn.2026-01.lab:san";
/// Which network each of them is in.
const NETWORKS: [u8; 3] = [1, 1, 2];
const LUNS: usize = 2;

/// The machines and what joins them.
struct San {
    array: Machine,
    nodes: Vec<Lab>,
    switches: [Switch; 2],
}

type Step = (&'static str, fn(&mut San) -> Result<()>);
const STEPS: [Step; 3] = [
    ("one node has no session to one port", session_lost),
    ("one port of the array is out of service", port_lost),
    ("one network carries nothing", network_lost),
];

/// Boots three machines and plays the story. The machines' files stay where it failed.
pub fn run(image: &Path) -> Result<()> {
    lab::kept_where_it_fails(|dir| play(image, dir))
}

fn play(image: &Path, dir: &Path) -> Result<()> {
    let began = Instant::now();
    let servers = Servers::start(1);
    let endpoint = servers.endpoint(0);
    let etcd = endpoint.strip_prefix("http://").context("etcd listens without TLS here")?;
    let switches = [Switch::start()?, Switch::start()?];
    let lans = |host| Lans { switches: [switches[0].port(), switches[1].port()], host };
    let shape = |node, host| Shape { luns: 0, paths: 0, node, lans: lans(host), ..Shape::ONE };
    let mut nodes = Vec::new();
    for (node, host) in [("node1", 2), ("node2", 3)] {
        let dir = dir.join(node);
        std::fs::create_dir_all(dir.join("share"))?;
        let door = door(etcd.to_owned())?;
        let store = format!("\n[store.etcd]\nendpoints = [\"http://{}:{door}\"]\n", qemu::HOST);
        std::fs::write(dir.join("share/store.toml"), store)?;
        nodes.push((dir, Shape { network: true, memory_mib: 448, ..shape(node, host) }));
    }
    let (array, nodes) = boot(image, (&dir.join("array"), shape("array", 1)), &nodes)?;
    let mut san = San { array, nodes, switches };
    println!("three machines booted after {:.1} s", began.elapsed().as_secs_f64());
    let begin: Step = ("all sessions, paths and nodes are there", begin);
    let steps = STEPS.into_iter().filter(|(name, _)| is_wanted(name));
    for (name, step) in std::iter::once(begin).chain(steps) {
        told(name, || step(&mut san)).with_context(|| {
            let logs: Vec<String> = san.nodes.iter().map(|lab| lab.machine.logs()).collect();
            format!("{name}\n--- the array\n{}\n--- {}", san.array.logs(), logs.join("\n--- "))
        })?;
    }
    println!("passed in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Boots all machines side by side.
fn boot(image: &Path, array: (&Path, Shape), nodes: &[(PathBuf, Shape)]) -> Result<(Machine, Vec<Lab>)> {
    thread::scope(|scope| {
        let (dir, shape) = array;
        let array = scope.spawn(move || Machine::boot(image, dir, &shape));
        let start = |(dir, shape): &'_ (PathBuf, Shape)| Lab::start(image, dir, shape);
        let nodes: Vec<_> = nodes.iter().map(|node| scope.spawn(move || start(node))).collect();
        let dead = "a thread that booted a machine died";
        let array = array.join().unwrap_or_else(|_| bail!(dead));
        let nodes = nodes.into_iter().map(|node| node.join().unwrap_or_else(|_| bail!(dead)));
        let nodes: Result<Vec<Lab>> = nodes.collect();
        Ok((array?, nodes?))
    })
}

fn begin(san: &mut San) -> Result<()> {
    san.array.ok(&format!("lans_up; san_start {LUNS} {}", PORTALS.join(" ")))?;
    thread::scope(|scope| {
        let hosts = 2_u8..;
        let joining: Vec<_> =
            san.nodes.iter_mut().zip(hosts).map(|(lab, host)| scope.spawn(move || join(lab, host))).collect();
        joining.into_iter().try_for_each(|join| join.join().unwrap_or_else(|_| bail!("a thread died")))
    })?;
    both_find(san, &[], &[])?;
    Ok(())
}

/// A node with its sessions and maps, as one that has long held them.
fn join(lab: &mut Lab, host: u8) -> Result<()> {
    lab.machine.ok("lans_up")?;
    let login = lab.machine.run("san_login 10.9.1.1", Duration::from_secs(240))?;
    ensure!(login.status == 0, "{}: {}", lab.node, login.text);
    lab.start_multipathd("fail")?;
    let maps = format!("until_true 60 maps_are {LUNS} {}; multipathd show maps raw format %w", PORTALS.len());
    let maps = lab.machine.ok(&maps)?;
    lab.wwids =
        maps.lines().map(str::trim).filter(|w| w.starts_with("36001405")).map(str::to_owned).collect();
    lab.wwids.sort_unstable();
    ensure!(lab.wwids.len() == LUNS, "{} has the maps {maps:?}", lab.node);
    let ways = NETWORKS.iter().zip(PORTALS);
    let ways: Vec<_> =
        ways.map(|(network, port)| (format!("10.9.{network}.{host}"), port.to_owned())).collect();
    remember_ways(lab, &ways)?;
    lab.start_agent()
}

/// Both nodes find the same; the second one's verdict.
fn both_find(san: &mut San, want: &[&str], texts: &[&str]) -> Result<Verdict> {
    let want: Vec<String> = want.iter().map(|line| (*line).to_owned()).collect();
    let mut last = None;
    for lab in &mut san.nodes {
        last = Some(lab.finds(&want, texts)?);
    }
    last.context("there are two nodes")
}

/// One node has no session to one port any more, and logs in again as the chapter says.
fn session_lost(san: &mut San) -> Result<()> {
    let (array_port, node) = (PORTALS[1], &mut san.nodes[0]);
    node.machine.ok(&format!("iscsiadm -m node -T {TARGET} -p {array_port} --logout"))?;
    let pair = format!("warning PORT_PAIR_DOWN node1/10.9.1.2 to {array_port}");
    let said = both_find(san, &[&pair], &[])?;
    said.folds("PORT_PAIR_DOWN", &[("LUN_BELOW_EXPECTED", LUNS as u32)])?;
    let node = &mut san.nodes[0];
    let sessions = node.machine.ok("iscsiadm -m session")?;
    ensure!(!sessions.contains(array_port) && sessions.contains(PORTALS[0]), "{sessions}");
    node.machine.ok(&format!("iscsiadm -m node -T {TARGET} -p {array_port} --login"))?;
    both_find(san, &[], &[])?;
    Ok(())
}

/// The array takes one port out of service: both nodes name it, and nothing else.
fn port_lost(san: &mut San) -> Result<()> {
    san.array.ok("san_port 2 0")?;
    let port = PORTALS[1];
    let want = format!("warning TARGET_PORT_DOWN {port}");
    let texts =
        [&*format!("target port {port} (fabric 10.9.1.0/24): no usable path from 2 nodes"), "node1, node2"];
    let said = both_find(san, &[&want], &texts)?;
    said.folds("TARGET_PORT_DOWN", &[("LUN_DEGRADED", 2 * LUNS as u32)])?;
    san.nodes[0].finds_and_tells(&[want], port, &texts)?;
    san.array.ok("san_port 2 1")?;
    both_find(san, &[], &[])?;
    Ok(())
}

/// A switch without power: no card sees its link go down.
fn network_lost(san: &mut San) -> Result<()> {
    san.switches[0].power(false);
    // No more than a warning: the other network is whole.
    let said = both_find(san, &["warning FABRIC_DOWN 10.9.1.0/24"], &[])?;
    said.folds("FABRIC_DOWN", &[("LUN_LAST_PATH", 2 * LUNS as u32)])?;
    san.switches[0].power(true);
    both_find(san, &[], &[])?;
    Ok(())
}
