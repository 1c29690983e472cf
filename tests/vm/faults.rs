//! One machine, two LUNs by three paths, and one fault after the other: what our agent calls it, that it says nothing else,
//! and that its own advice cures it.
//!
//! The machine has held all of its paths before, so that what is gone is known to be gone.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::lab::{self, Lab, Scenario};
use crate::qemu::Shape;

const LUNS: u16 = 2;
const PATHS: u16 = 3;
const SHAPE: Shape = Shape { luns: LUNS, paths: PATHS, ..Shape::ONE };

const SCENARIOS: [Scenario; 6] = [
    ("one path of three offline, then two", paths_offline),
    ("a path deleted, found by the advice's rescan", path_deleted),
    ("every path of one LUN offline", lun_lost),
    ("I/O queues for a time that runs out", queueing_ends),
    ("I/O queues for ever, and a person ends it", queueing_for_ever),
    ("multipathd killed while I/O queues without a path", killed_queueing),
];

/// What else breaks.
const MORE: [Scenario; 8] = [
    ("every path of the node offline", all_lost),
    ("one adapter loses all LUNs", adapter_lost),
    ("multipathd hung", hung),
    ("multipathd killed", killed),
    ("a path taken out by hand", taken_out),
    ("a map suspended", suspended),
    ("I/O over the group of lower priority", nonoptimal),
    ("LVM stands on one path beside the map", bypassed),
];

/// Boots once and plays what happens most.
pub fn run(image: &Path) -> Result<()> {
    play(image, &SCENARIOS)
}

/// Boots once and plays the others.
pub fn run_more(image: &Path) -> Result<()> {
    play(image, &MORE)
}

fn play(image: &Path, scenarios: &[Scenario]) -> Result<()> {
    lab::kept_where_it_fails(|dir| {
        let mut lab = Lab::start(image, dir, &SHAPE)?;
        let ready = remember(&mut lab, PATHS).and_then(|()| lab.start_multipathd("fail"));
        let ready = ready.and_then(|()| lab.start_agent()).and_then(|()| lab.finds_nothing());
        ready.with_context(|| lab.machine.logs())?;
        lab.play(scenarios, reset)
    })
}

/// Gives the machine the ledger of one that has long held all LUNs by each of its adapters.
pub fn remember(lab: &mut Lab, paths: u16) -> Result<()> {
    remember_ways(lab, &(0..paths).map(|host| (format!("host{host}"), String::new())).collect::<Vec<_>>())
}

/// The same, by each of these adapters and target ports.
pub fn remember_ways(lab: &mut Lab, ways: &[(String, String)]) -> Result<()> {
    let ports: Vec<String> = ways.iter().map(|(from, to)| format!(r#"["{from}","{to}"]"#)).collect();
    let held: Vec<String> = (0..ways.len()).map(|way| format!("[{way},1]")).collect();
    let lun = |wwid: &String| {
        format!(r#""{wwid}":{{"since":1783000000,"seen":1783000000,"paths":[{}]}}"#, held.join(","))
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
    Ok(())
}

fn reset(lab: &mut Lab) -> Result<()> {
    lab.machine.ok(&format!(
        "io_stop; dmsetup remove vg0-data 2>/dev/null; find_paths {LUNS}; for s in /sys/block/sd*/device/state; do echo running >$s; done\n\
         rm -f /etc/multipath/conf.d/*; udevadm settle --timeout=30\n\
         kill -CONT $(mpd_pid) 2>/dev/null; mpd_conf fail; mpd_pid || mpd_start; until_true 60 mpd_answers\n\
         for m in $(dmsetup ls --target multipath | cut -f1); do dmsetup resume $m; done\n\
         multipathd reconfigure; agent_pid || agent_start"
    ))?;
    whole(lab)
}

/// Begins anew from a machine that is whole. A scenario that would make a port turn for the seventh time in half an hour does, for
/// that would be a finding of its own.
fn whole(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("until_true 60 mpd_answers; agent_anew")?;
    lab.finds_nothing()
}

/// `error LUN_FAILED node1/3500…` for the LUN, counted from 1.
fn of_lun(lab: &Lab, kind: &str, lun: usize) -> String {
    format!("{kind} {}/{}", lab.node, lab.wwids[lun - 1])
}

/// The same for a finding that is about the LUN on all nodes.
fn everywhere(lab: &Lab, kind: &str, lun: usize) -> String {
    format!("{kind} {}", lab.wwids[lun - 1])
}

fn paths_offline(lab: &mut Lab) -> Result<()> {
    let name = lab.wwids[0].clone();
    lab.machine.ok("path 1 0 offline")?;
    let degraded = of_lun(lab, "warning LUN_DEGRADED", 1);
    lab.finds_and_tells(
        std::slice::from_ref(&degraded),
        &name,
        &["2 of 3 paths usable on node1", "host0", "1 down", "multipath -ll"],
    )?;
    lab.machine.ok("path 1 1 offline")?;
    lab.finds_and_tells(
        &[of_lun(lab, "error LUN_LAST_PATH", 1)],
        &name,
        &["last path on node1 (1 of 3)", "DO NOT touch host2"],
    )?;
    lab.machine.ok("path 1 1 running")?;
    lab.finds(&[degraded], &[])?;
    lab.machine.ok("path 1 0 running")?;
    lab.finds_nothing()
}

fn path_deleted(lab: &mut Lab) -> Result<()> {
    let name = lab.wwids[0].clone();
    lab.machine.ok("echo 1 >/sys/block/$(dev 1 1)/device/delete")?;
    let texts =
        ["2 of 3 paths known on node1, 1 never came back", "host1", "absent: never came back", "ack-paths"];
    lab.finds_and_tells(&[of_lun(lab, "warning LUN_BELOW_EXPECTED", 1)], &name, &texts)?;
    // As the chapter has it.
    lab.machine.ok("echo '- - -' > /sys/class/scsi_host/host1/scan")?;
    lab.finds_nothing()
}

fn lun_lost(lab: &mut Lab) -> Result<()> {
    let name = lab.wwids[0].clone();
    lab.machine.ok("for p in 0 1 2; do path 1 $p offline; done")?;
    let said = lab.finds_and_tells(
        &[of_lun(lab, "error LUN_UNMAPPED", 1)],
        &name,
        &["its ports carry 1 other LUN"],
    )?;
    said.folds("LUN_UNMAPPED", &[("LUN_FAILED", 1)])?;
    lab.machine.ok("for p in 0 1 2; do path 1 $p running; done")?;
    lab.finds_nothing()
}

/// Both LUNs at once: nothing proves that the adapters work.
fn all_lost(lab: &mut Lab) -> Result<()> {
    let name = lab.wwids[0].clone();
    lab.machine.ok("for l in 1 2; do for p in 0 1 2; do path $l $p offline; done; done")?;
    let adapters = [0, 1, 2].map(|host| format!("error HBA_DOWN node1/host{host}"));
    lab.finds_and_tells(&adapters, &name, &["without any path there: 2 LUNs"])?;
    lab.machine.ok("for l in 1 2; do for p in 0 1 2; do path $l $p running; done; done")?;
    lab.finds_nothing()
}

fn adapter_lost(lab: &mut Lab) -> Result<()> {
    // Reads find at once what the checker would find one by one.
    let reads: Vec<String> = lab.wwids.iter().map(|name| format!("reads {name} 9")).collect();
    lab.machine.ok(&format!("for l in 1 2; do path $l 1 offline; done; {}", reads.join(" & ")))?;
    let said = lab.finds_and_tells(&["warning HBA_DOWN node1/host1".to_owned()], "node1/host1", &[])?;
    said.folds("HBA_DOWN", &[("LUN_DEGRADED", 2)])?;
    lab.machine.ok("for l in 1 2; do path $l 1 running; done")?;
    lab.finds_nothing()
}

fn queueing_ends(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("mpd_conf 25; multipathd reconfigure")?;
    whole(lab)?;
    let name = lab.wwids[0].clone();
    lab.machine.ok("for p in 0 1 2; do path 1 $p offline; done")?;
    let unmapped = [of_lun(lab, "error LUN_UNMAPPED", 1)];
    let said = lab.finds_and_tells(&unmapped, &name, &["no path on node1, I/O queues until "])?;
    said.folds("LUN_UNMAPPED", &[("LUN_QUEUEING", 1)])?;
    let said = lab.finds(&unmapped, &["no path on node1, I/O fails"])?;
    said.folds("LUN_UNMAPPED", &[("LUN_FAILED", 1)])?;
    lab.machine.ok("for p in 0 1 2; do path 1 $p running; done; mpd_conf fail; multipathd reconfigure")?;
    lab.finds_nothing()
}

fn queueing_for_ever(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("mpd_conf queue; multipathd reconfigure; until_true 60 mpd_answers")?;
    let name = lab.wwids[0].clone();
    lab.machine.ok("for p in 0 1 2; do path 1 $p offline; done")?;
    let unmapped = [of_lun(lab, "error LUN_UNMAPPED", 1)];
    lab.finds_and_tells(&unmapped, &name, &["no path on node1, I/O queues FOR EVER"])?;
    // The price: what waits fails at once.
    let told = lab.machine.ok(&format!("multipathd disablequeueing map {name}"))?;
    println!("         disablequeueing: {}", told.trim());
    lab.finds(&unmapped, &["no path on node1, I/O fails"])?;
    lab.machine.ok("for p in 0 1 2; do path 1 $p running; done; mpd_conf fail; multipathd reconfigure")?;
    lab.finds_nothing()
}

fn hung(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("kill -STOP $(mpd_pid)")?;
    lab.finds_and_tells(&["error MULTIPATHD_HUNG node1".to_owned()], "node1", &["T"])?;
    lab.machine.ok("kill -CONT $(mpd_pid); until_true 60 mpd_answers")?;
    lab.finds_nothing()
}

fn killed(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("mpd_kill")?;
    lab.finds_and_tells(&["error MULTIPATHD_DOWN node1".to_owned()], "node1", &["2 maps", "6 paths"])?;
    let status = lab.machine.run("pathkeeper status", std::time::Duration::from_secs(120))?;
    ensure!(status.text.contains("3/3 ?"), "the kernel's count is not shown: {}", status.text);
    lab.machine.ok("mpd_start; until_true 60 mpd_answers")?;
    lab.finds_nothing()
}

fn killed_queueing(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("mpd_conf queue; multipathd reconfigure; until_true 60 mpd_answers")?;
    let name = lab.wwids[0].clone();
    // Without multipathd nobody but who reads notices that a path is dead.
    lab.machine.ok(&format!("mpd_kill; io_start {name}; for p in 0 1 2; do path 1 $p offline; done"))?;
    let want = [of_lun(lab, "error QUEUE_WITHOUT_DAEMON", 1), "error MULTIPATHD_DOWN node1".to_owned()];
    lab.finds_and_tells(&want, &name, &["no multipathd is left to end it", "systemctl start multipathd"])?;
    lab.machine
        .ok("for p in 0 1 2; do path 1 $p running; done; mpd_start; until_true 60 mpd_answers; io_stop")?;
    lab.finds_nothing()?;
    lab.machine.ok("mpd_conf fail; multipathd reconfigure")?;
    lab.finds_nothing()
}

/// multipathd asks such a path no more, so it stays so until a person takes it back.
fn taken_out(lab: &mut Lab) -> Result<()> {
    let name = lab.wwids[0].clone();
    lab.machine.ok("multipathd fail path $(dev 1 0)")?;
    lab.finds_and_tells(&[of_lun(lab, "warning LUN_DEGRADED", 1)], &name, &[])?;
    lab.machine.ok("multipathd reinstate path $(dev 1 0)")?;
    lab.finds_nothing()
}

fn suspended(lab: &mut Lab) -> Result<()> {
    let name = lab.wwids[0].clone();
    lab.machine.ok(&format!("dmsetup suspend {name}"))?;
    let said = lab.finds_and_tells(&[of_lun(lab, "error LUN_SUSPENDED", 1)], &name, &[])?;
    lab.machine.ok(&said.advice("LUN_SUSPENDED", "(this changes something): ")?)?;
    lab.finds_nothing()
}

/// Priorities as an array with ALUA has them, given by a prioritizer that is told them.
fn nonoptimal(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("mkdir -p /etc/multipath/conf.d; cat >/etc/multipath/conf.d/alua.conf <<END\n\
         overrides {\n\
         prio weightedpath\n\
         prio_args \"hbtl 0:.:.:. 50 [12]:.:.:. 10\"\n\
         path_grouping_policy group_by_prio\n\
         failback manual\n\
         }\n\
         END\n\
         multipathd reconfigure; until_true 60 mpd_answers")?;
    let name = lab.wwids[0].clone();
    lab.machine.ok(&format!("multipathd switchgroup map {name} group 2; read_once {name}"))?;
    let said = lab.finds_and_tells(&[everywhere(lab, "warning PATH_NONOPTIMAL", 1)], &name, &[])?;
    let back = said.advice("PATH_NONOPTIMAL", "(this changes something): ")?.replace("group N", "group 1");
    lab.machine.ok(&format!("{back}; read_once {name}"))?;
    lab.finds_nothing()?;
    lab.machine.ok("rm /etc/multipath/conf.d/alua.conf; multipathd reconfigure")?;
    Ok(())
}

/// A volume group that was made on the map, and taken by LVM through one path: as after a boot at which LVM came first. The kernel
/// lets it, for both are device-mapper.
fn bypassed(lab: &mut Lab) -> Result<()> {
    let name = lab.wwids[0].clone();
    let dev = lab.machine.ok("dev 1 0")?.trim().to_owned();
    lab.machine.ok(&format!(
        "map=/dev/mapper/{name}; lvm_by $map pvcreate -q $map && lvm_by $map vgcreate -q vg0 $map &&\n\
         lvm_by $map lvcreate -q -an -Zn -Wn -n data -L 4M vg0 && lvm_by /dev/{dev} vgchange -ay vg0; agent_anew"
    ))?;
    let told = format!("{dev} on node1 is used beside the map of {name}: LVM (vg0-data)");
    let want = format!("{}/{dev}", of_lun(lab, "error PATH_BYPASSED", 1));
    lab.finds_and_tells(&[want], &name, &[&told, "DO NOT activate or mount the same through the map"])?;
    // As the advice has it: look, stop what uses the path, and start it through the map.
    let holders = lab.machine.ok(&format!("for h in /sys/block/{dev}/holders/*; do cat $h/dm/name; done"))?;
    ensure!(holders.contains("vg0-data") && holders.contains(&name), "{dev} is held by {holders}");
    lab.machine.ok(&format!(
        "lvm_by /dev/{dev} vgchange -an vg0 && lvm_by /dev/mapper/{name} vgchange -ay vg0; agent_anew"
    ))?;
    lab.finds_nothing()?;
    lab.machine.ok(&format!(
        "lvm_by /dev/mapper/{name} vgchange -an vg0 && dd if=/dev/zero of=/dev/mapper/{name} bs=1M count=1"
    ))?;
    Ok(())
}
