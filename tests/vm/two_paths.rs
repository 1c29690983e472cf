//! One LUN by two paths, and everything that can happen to it.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::lab::{Lab, Scenario, Want, want};
use crate::qemu::Shape;

const SHAPE: Shape =
    Shape { luns: 1, paths: 2, lun_bytes: 64 << 20, cpus: 1, memory_mib: 384, node: "node1" };

const SCENARIOS: [Scenario; 7] = [
    ("all paths up", all_up),
    ("one path offline under I/O, and back", one_path),
    ("both paths lost at once, I/O fails", both_paths_fail),
    ("both paths lost, I/O queues", both_paths_queue),
    ("a path deleted and found again", path_deleted),
    ("the map flushed and made again", map_flushed),
    ("a path lost while multipathd is dead", fault_without_multipathd),
];

/// Boots once and plays all.
pub fn run(image: &Path) -> Result<()> {
    let dir = tempfile::Builder::new().prefix("vm-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut lab = Lab::start(image, dir.path(), &SHAPE)?;
    lab.start_multipathd("fail")?;
    let played = lab.play(&SCENARIOS, reset);
    drop(lab);
    if played.is_err() {
        let _ = dir.keep();
    }
    played
}

fn lun(lab: &Lab) -> String {
    lab.wwids[0].clone()
}

fn reset(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("io_stop; for s in /sys/block/sd*/device/state; do echo running >$s; done\n\
         find_paths 1; udevadm settle --timeout=30\n\
         kill -CONT $(mpd_pid) 2>/dev/null; mpd_pid || mpd_start; until_true 60 mpd_answers\n\
         mpd_conf fail; multipathd reconfigure")?;
    all_up(lab)
}

fn all_up(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.witnesses_say(&lun, want(2, 2))?;
    Ok(())
}

fn one_path(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok(&format!("io_start {lun}; set_path sda offline"))?;
    lab.witnesses_say(&lun, want(1, 2))?;
    lab.machine.ok("set_path sda running")?;
    lab.witnesses_say(&lun, want(2, 2))?;
    lab.machine.ok("io_stop")?;
    Ok(())
}

fn both_paths_fail(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok(&format!("io_start {lun}; set_path sda offline; set_path sdb offline"))?;
    lab.witnesses_say(&lun, want(0, 2))?;
    lab.machine.ok("set_path sda running; set_path sdb running")?;
    lab.witnesses_say(&lun, want(2, 2))?;
    lab.machine.ok("io_stop")?;
    Ok(())
}

fn both_paths_queue(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok("mpd_conf queue; multipathd reconfigure")?;
    lab.witnesses_say(&lun, Want { active: 2, total: 2, queueing: true })?;
    lab.machine.ok(&format!("io_start {lun}; set_path sda offline; set_path sdb offline"))?;
    lab.witnesses_say(&lun, Want { active: 0, total: 2, queueing: true })?;
    lab.machine.ok("set_path sda running; set_path sdb running")?;
    lab.witnesses_say(&lun, Want { active: 2, total: 2, queueing: true })?;
    lab.machine.ok("io_stop; mpd_conf fail; multipathd reconfigure")?;
    lab.witnesses_say(&lun, want(2, 2))?;
    Ok(())
}

fn path_deleted(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok("echo 1 >/sys/block/sdb/device/delete")?;
    lab.witnesses_say(&lun, want(1, 1))?;
    lab.machine.ok("find_paths 1")?;
    lab.witnesses_say(&lun, want(2, 2))?;
    Ok(())
}

fn map_flushed(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok(&format!("multipathd remove map {lun}"))?;
    let snapshot = lab.snapshot(true)?;
    ensure!(!snapshot.kernel.contains_key(&lun), "the map is still there: {}", snapshot.text);
    lab.machine.ok("multipathd reconfigure")?;
    lab.witnesses_say(&lun, want(2, 2))?;
    Ok(())
}

fn fault_without_multipathd(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok(&format!("mpd_kill; io_start {lun}; set_path sda offline; usleep 500000"))?;
    let snapshot = lab.snapshot(false)?;
    let failed = snapshot.kernel[&lun].paths.values().filter(|path| path.dm == "failed").count();
    ensure!(failed == 1, "the kernel must have failed one path: {}", snapshot.text);
    // Nobody brings it back: that is why silence of multipathd must not read as health.
    lab.machine.ok("set_path sda running; sleep 3")?;
    let snapshot = lab.snapshot(false)?;
    ensure!(snapshot.kernel[&lun].paths["8:0"].dm == "failed", "who reinstated it? {}", snapshot.text);
    lab.machine.ok("mpd_start; until_true 60 mpd_answers; io_stop")?;
    lab.witnesses_say(&lun, want(2, 2))?;
    Ok(())
}
