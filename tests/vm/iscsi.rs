//! An iSCSI SAN of machines: one is the array, with three ports in two networks, two are nodes with a session to each port, and
//! an etcd on the host joins them. A port that goes has one name on both nodes, a network that goes another.

use std::path::Path;
use std::thread;

use anyhow::{Context, Result, ensure};

use crate::etcd_servers::Servers;
use crate::lab::Lab;
use crate::machine::Machine;
use crate::qemu::{self, Lans, Shape};
use crate::switch::Switch;
use crate::two_guests::door;
use crate::verdict::Verdict;

/// The array's ports: two in the first network, one in the second.
const PORTALS: [&str; 3] = ["10.9.1.1:3260", "10.9.1.1:3261", "10.9.2.1:3260"];
const LUNS: usize = 2;

/// The machines and what joins them.
struct San {
    array: Machine,
    nodes: Vec<Lab>,
    switches: [Switch; 2],
}

type Step = (&'static str, fn(&mut San) -> Result<()>);
const STEPS: [Step; 5] = [
    ("one port of the array is lost", port_lost),
    ("one network is lost", network_lost),
    ("one node logs out of one port", session_lost),
    ("one node's session hangs where the other's works", one_node_cut),
    ("a LUN is unmapped", lun_unmapped),
];

/// Boots three machines and plays the story. The machines' files stay where it failed.
pub fn run(image: &Path) -> Result<()> {
    let dir = tempfile::Builder::new().prefix("vm-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let played = play(image, dir.path());
    if played.is_err() {
        let _ = dir.keep();
    }
    played
}

fn shape(switches: &[Switch; 2], node: &'static str, host: u8) -> Shape {
    let switches = [switches[0].port(), switches[1].port()];
    Shape { luns: 0, paths: 0, memory_mib: 384, node, lans: Lans { switches, host }, ..Shape::ONE }
}

fn play(image: &Path, dir: &Path) -> Result<()> {
    let servers = Servers::start(1);
    let endpoint = servers.endpoint(0);
    let etcd = endpoint.strip_prefix("http://").context("etcd listens without TLS here")?;
    let switches = [Switch::start()?, Switch::start()?];
    let mut nodes = Vec::new();
    for (node, host) in [("node1", 2), ("node2", 3)] {
        let dir = dir.join(node);
        std::fs::create_dir_all(dir.join("share"))?;
        let store =
            format!("\n[store.etcd]\nendpoints = [\"http://{}:{}\"]\n", qemu::HOST, door(etcd.to_owned())?);
        std::fs::write(dir.join("share/store.toml"), store)?;
        nodes.push((dir, Shape { network: true, memory_mib: 448, ..shape(&switches, node, host) }));
    }
    let array = {
        let mut machine = Machine::boot(image, &dir.join("array"), &shape(&switches, "array", 1))?;
        let ready = machine.ok(&format!("lans_up; san_start {LUNS} {}", PORTALS.join(" ")));
        ready.with_context(|| machine.logs())?;
        machine
    };
    let nodes: Vec<Lab> = thread::scope(|scope| {
        let booting: Vec<_> =
            nodes.iter().map(|(dir, shape)| scope.spawn(|| boot(image, dir, shape))).collect();
        booting
            .into_iter()
            .map(|boot| boot.join().unwrap_or_else(|_| anyhow::bail!("a boot panicked")))
            .collect::<Result<_>>()
    })?;
    let mut san = San { array, nodes, switches };
    let logs = |san: &San| {
        let nodes: Vec<String> = san.nodes.iter().map(|lab| lab.machine.logs()).collect();
        format!("--- the array\n{}\n--- {}", san.array.logs(), nodes.join("\n--- "))
    };
    both_find(&mut san, &[], &[]).with_context(|| logs(&san))?;
    for (name, step) in STEPS {
        let began = std::time::Instant::now();
        let played = step(&mut san).with_context(|| format!("{name}\n{}", logs(&san)));
        if let Err(error) = &played {
            println!("FAILED {name}: {error:#}");
        }
        played?;
        println!("ok     {:5.1} s  {name}", began.elapsed().as_secs_f64());
    }
    println!("{} steps passed", STEPS.len());
    Ok(())
}

/// A node with its sessions and maps, as one that has long held them.
fn boot(image: &Path, dir: &Path, shape: &Shape) -> Result<Lab> {
    let mut lab = Lab::start(image, dir, shape)?;
    let ready = join(&mut lab, shape.lans.host);
    ready.with_context(|| lab.machine.logs())?;
    Ok(lab)
}

fn join(lab: &mut Lab, host: u8) -> Result<()> {
    lab.machine.ok("lans_up")?;
    let login = lab.machine.run("san_login 10.9.1.1", std::time::Duration::from_secs(240))?;
    ensure!(login.status == 0, "{}: {}", lab.node, login.text);
    lab.start_multipathd("fail")?;
    let maps = format!("until_true 60 maps_are {LUNS} {}; multipathd show maps raw format %w", PORTALS.len());
    let maps = lab.machine.ok(&maps)?;
    lab.wwids = maps.lines().skip_while(|line| !line.starts_with("36001405")).map(str::to_owned).collect();
    lab.wwids.sort_unstable();
    ensure!(lab.wwids.len() == LUNS, "{} has the maps {maps:?}", lab.node);
    let adapters = [1, 1, 2].map(|lan| format!("10.9.{lan}.{host}"));
    let ports: Vec<String> =
        adapters.iter().zip(PORTALS).map(|(adapter, port)| format!(r#"["{adapter}","{port}"]"#)).collect();
    let lun = |wwid: &String| {
        format!(r#""{wwid}":{{"since":1783000000,"seen":1783000000,"paths":[[0,1],[1,1],[2,1]]}}"#)
    };
    let luns: Vec<String> = lab.wwids.iter().map(lun).collect();
    let ledger = format!(
        r#"{{"v":1,"node":"{}","ports":[{}],"luns":{{{}}}}}"#,
        lab.node,
        ports.join(","),
        luns.join(",")
    );
    std::fs::write(lab.machine.share().join("ledger.json"), ledger)?;
    lab.machine.ok("mkdir -p /var/lib/pathkeeper && cp /host/ledger.json /var/lib/pathkeeper/")?;
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

fn port_lost(san: &mut San) -> Result<()> {
    san.array.ok("san_port 2 0")?;
    let port = PORTALS[1];
    let said = both_find(
        san,
        &[&format!("warning TARGET_PORT_DOWN {port}")],
        &[&format!("target port {port}"), "node1", "node2", "iscsiadm -m session -P 1"],
    )?;
    said.folds("TARGET_PORT_DOWN", &[("LUN_DEGRADED", 4)])?;
    let explained = san.nodes[0]
        .machine
        .run(&format!("pathkeeper explain {port}"), std::time::Duration::from_secs(60))?;
    ensure!(explained.status == 1 && explained.text.contains("iqn.2026-01.lab:san"), "{}", explained.text);
    // What the advice wants to be looked at.
    println!("{}", san.nodes[0].machine.ok("iscsiadm -m session -P 1 | grep -E 'Portal|State'")?);
    san.array.ok("san_port 2 1")?;
    both_find(san, &[], &[])?;
    Ok(())
}

fn network_lost(san: &mut San) -> Result<()> {
    san.switches[0].power(false);
    let said = both_find(san, &["error FABRIC_DOWN 10.9.1.0/24"], &[])?;
    println!("{:#}", said.of("FABRIC_DOWN")?);
    san.switches[0].power(true);
    both_find(san, &[], &[])?;
    Ok(())
}

fn session_lost(san: &mut San) -> Result<()> {
    let logout = format!("iscsiadm -m node -T iqn.2026-01.lab:san -p {}", PORTALS[2]);
    san.nodes[0].machine.ok(&format!("{logout} --logout"))?;
    let said = both_find(san, &["warning HBA_DOWN node1/10.9.2.2"], &[])?;
    println!("{:#}", said.of("HBA_DOWN")?);
    san.nodes[0].machine.ok(&format!("{logout} --login; udevadm settle --timeout=60"))?;
    both_find(san, &[], &[])?;
    Ok(())
}

fn one_node_cut(san: &mut San) -> Result<()> {
    let card = "$(ip -o -4 addr show to 10.9.2.2 | cut -d' ' -f2)";
    san.nodes[0].machine.ok(&format!("echo {card} >/run/card; ip link set $(cat /run/card) down"))?;
    let said = both_find(san, &["warning HBA_DOWN node1/10.9.2.2"], &[])?;
    println!("{:#}", said.of("HBA_DOWN")?);
    san.nodes[0].machine.ok("ip link set $(cat /run/card) up")?;
    both_find(san, &[], &[])?;
    Ok(())
}

fn lun_unmapped(san: &mut San) -> Result<()> {
    san.array.ok("for t in 1 2 3; do rm $SAN/tpgt_$t/lun/lun_1/lab; done")?;
    let lun = san.nodes[0].wwids[0].clone();
    let said = both_find(san, &[&format!("error LUN_UNMAPPED {lun}")], &[])?;
    println!("{:#}", said.of("LUN_UNMAPPED")?);
    san.array.ok("for t in 1 2 3; do ln -s /sys/kernel/config/target/core/fileio_0/lun1 $SAN/tpgt_$t/lun/lun_1/lab; done")?;
    both_find(san, &[], &[])?;
    Ok(())
}
