//! One LUN by two paths, and everything that can happen to it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::lab::{Ask, Lab, Scenario, WITHOUT_MULTIPATHD, Want, want};
use crate::qemu::Shape;
use crate::views;

const SHAPE: Shape = Shape::ONE;

const SCENARIOS: [Scenario; 15] = [
    ("all paths up", all_up),
    ("one path offline under I/O, and back", one_path),
    ("the command line beside multipath -ll", command_line),
    ("from the kernel's event to the API", latency),
    ("both paths lost at once, I/O fails", both_paths_fail),
    ("both paths lost, I/O queues", both_paths_queue),
    ("a path deleted and found again", path_deleted),
    ("the map flushed and made again", map_flushed),
    ("multipathd stopped, and nobody starts it", multipathd_stopped),
    ("multipathd hung", multipathd_hung),
    ("multipathd killed, then paths are lost", multipathd_killed),
    ("multipathd killed while I/O queues", multipathd_killed_queueing),
    ("multipathd restarted", multipathd_restarted),
    ("the agent killed while a path is lost", agent_killed),
    ("the agent stopped and started", agent_restarted),
];

/// Boots once and plays all.
pub fn run(image: &Path) -> Result<()> {
    Lab::test(image, &SHAPE, &SCENARIOS, reset)
}

/// The one LUN.
fn lun(lab: &Lab) -> Vec<String> {
    lab.wwids.clone()
}

fn reset(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("io_stop; for s in /sys/block/sd*/device/state; do echo running >$s; done\n\
         find_paths 1; udevadm settle --timeout=30\n\
         kill -CONT $(mpd_pid) 2>/dev/null; mpd_conf fail; mpd_pid || mpd_start; until_true 60 mpd_answers\n\
         multipathd reconfigure; agent_pid || agent_start")?;
    all_up(lab)
}

fn all_up(lab: &mut Lab) -> Result<()> {
    lab.all_agree(&lun(lab), want(2, 2), "optimal")?;
    Ok(())
}

fn one_path(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok(&format!("io_start {}; set_path sda offline", lun[0]))?;
    lab.all_agree(&lun, want(1, 2), "degraded")?;
    lab.machine.ok("set_path sda running")?;
    lab.all_agree(&lun, want(2, 2), "optimal")?;
    lab.machine.ok("io_stop")?;
    Ok(())
}

/// Its port flaps: whoever wants no finding afterwards begins with a new agent.
///
/// The bound is far below the poll of 10 s, so only the event can have brought it about. A machine that does nothing
/// else is ten times faster than that.
fn latency(lab: &mut Lab) -> Result<()> {
    let text = lab.machine.ok(&format!("probe guest-probe latency {} sda 9", lun(lab)[0]))?;
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let median = |key: &str| -> Result<f64> {
        let mut all: Vec<f64> = lines.iter().filter_map(|line| line[key].as_f64()).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().with_context(|| format!("no {key} in {text}"))
    };
    let (event, stream) = (median("fault_to_event_ms")?, median("event_to_stream_ms")?);
    let status = median("event_to_status_ms")?;
    println!(
        "         medians of {}: fault → kernel's event {event:.0} ms; event → /events {stream:.0} ms, → status {status:.0} ms",
        lines.len()
    );
    ensure!(stream.max(status) < 3_000.0, "far from the event: {text}");
    Ok(())
}

/// `pathkeeper maps` keeps the words and the order of `multipath -ll`, so the same reader must find the same in both;
/// and scripts go by the exit status.
fn command_line(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    let tells = |lab: &mut Lab, active, state: &str, status: i32| -> Result<()> {
        let listing = lab.all_agree(&lun, want(active, 2), state)?.listing.context("not asked")?;
        for command in ["pathkeeper maps", "pathkeeper status", "pathkeeper check"] {
            let output = lab.machine.run(command, Duration::from_secs(60))?;
            if command == "pathkeeper maps" {
                let maps = views::multipath_ll(&output.text)?;
                ensure!(maps == listing, "pathkeeper maps: {}\nmultipath -ll: {listing:?}", output.text);
            }
            ensure!(
                output.status == status,
                "{state}: {command} ended with {}: {}",
                output.status,
                output.text
            );
        }
        Ok(())
    };
    tells(lab, 2, "optimal", 0)?;
    lab.machine.ok(&format!("io_start {}; set_path sda offline", lun[0]))?;
    tells(lab, 1, "degraded", 1)?;
    lab.machine.ok("set_path sdb offline")?;
    tells(lab, 0, "failed", 2)?;
    lab.machine.ok("set_path sda running; set_path sdb running; io_stop")?;
    tells(lab, 2, "optimal", 0)
}

/// Events of paths that fail together arrive in the wrong order nearly always: whoever believes the last one is left
/// with one path.
fn both_paths_fail(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    for _ in 0..3 {
        lab.machine.ok(&format!("io_start {}; set_path sda offline; set_path sdb offline", lun[0]))?;
        lab.all_agree(&lun, want(0, 2), "failed")?;
        lab.machine.ok("set_path sda running; set_path sdb running")?;
        lab.all_agree(&lun, want(2, 2), "optimal")?;
    }
    lab.machine.ok("io_stop")?;
    Ok(())
}

fn both_paths_queue(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok("mpd_conf queue; multipathd reconfigure")?;
    lab.all_agree(&lun, Want { active: 2, total: 2, queueing: true }, "optimal")?;
    lab.machine.ok(&format!("io_start {}; set_path sda offline; set_path sdb offline", lun[0]))?;
    let snapshot = lab.all_agree(&lun, Want { active: 0, total: 2, queueing: true }, "failed")?;
    let queueing = snapshot.agent.as_ref().map(|agent| agent.maps[&lun[0]].queueing.as_str());
    ensure!(queueing == Some("on"), "I/O waits for ever, and the agent says {queueing:?}");
    lab.machine.ok("set_path sda running; set_path sdb running")?;
    lab.all_agree(&lun, Want { active: 2, total: 2, queueing: true }, "optimal")?;
    lab.machine.ok("io_stop; mpd_conf fail; multipathd reconfigure")?;
    lab.all_agree(&lun, want(2, 2), "optimal")?;
    Ok(())
}

/// A deleted path leaves no trace: a node that has not held it for long knows only the paths that are there. (What it
/// remembers is in `remembered.rs`.)
fn path_deleted(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok("echo 1 >/sys/block/sdb/device/delete")?;
    lab.all_agree(&lun, want(1, 1), "optimal")?;
    lab.machine.ok("find_paths 1")?;
    lab.all_agree(&lun, want(2, 2), "optimal")?;
    Ok(())
}

/// Nobody watches this LUN, so its row goes with its map; then it comes back.
fn map_flushed(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok(&format!("multipathd remove map {}", lun[0]))?;
    lab.agent_says(&lun, "absent", 20)?;
    let snapshot = lab.snapshot(Ask { multipathd: true, listing: false, agent: true })?;
    ensure!(!snapshot.kernel.contains_key(&lun[0]), "the map is still there: {}", snapshot.text);
    let agent = snapshot.agent.context("not asked")?;
    ensure!(agent.maps.is_empty() && agent.multipathd == "running", "{}", snapshot.text);
    lab.machine.ok("multipathd reconfigure")?;
    lab.all_agree(&lun, want(2, 2), "optimal")?;
    Ok(())
}

fn multipathd_stopped(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    // Debian 12 would start it for whoever connects: the probe listens in systemd's place for three polls.
    lab.machine.ok("mpd_stop; probe guest-probe activation 32 >/run/activation </dev/null &")?;
    lab.kernel_proves(&lun[0], "stopped", "unknown")?;
    // A command waits for its children: nothing sleeps on the host.
    let told = lab
        .machine
        .ok("until_true 60 test -s /run/activation; cat /run/activation; mpd_pid || echo none runs")?;
    ensure!(told == "nobody\nnone runs\n", "an observer starts nothing, and here was {told:?}");
    lab.machine.ok("mpd_start; until_true 60 mpd_answers")?;
    lab.all_agree(&lun, want(2, 2), "optimal")?;
    Ok(())
}

fn multipathd_hung(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok("probe guest-probe next-read && kill -STOP $(mpd_pid)")?;
    lab.kernel_proves(&lun[0], "hung", "unknown")?;
    let slowest_ms: u64 = lab.machine.ok("probe guest-probe answers 12")?.trim().parse()?;
    println!("         slowest answer of the API meanwhile: {slowest_ms} ms");
    ensure!(slowest_ms < 3_000, "the API waited {slowest_ms} ms with multipathd");
    // The kernel alone goes on.
    lab.machine.ok(&format!("io_start {}; set_path sda offline", lun[0]))?;
    lab.kernel_proves(&lun[0], "hung", "degraded")?;
    lab.machine.ok("set_path sda running; kill -CONT $(mpd_pid); until_true 60 mpd_answers; io_stop")?;
    lab.all_agree(&lun, want(2, 2), "optimal")?;
    Ok(())
}

fn multipathd_killed(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok("mpd_kill")?;
    lab.kernel_proves(&lun[0], "stopped", "unknown")?;
    lab.machine.ok(&format!("io_start {}; set_path sda offline", lun[0]))?;
    lab.kernel_proves(&lun[0], "stopped", "degraded")?;
    lab.machine.ok("set_path sdb offline")?;
    lab.kernel_proves(&lun[0], "stopped", "failed")?;
    // Nobody brings the paths back: that is why multipathd's silence must not read as health.
    lab.machine.ok("set_path sda running; set_path sdb running; sleep 12")?;
    let snapshot = lab.snapshot(WITHOUT_MULTIPATHD)?;
    let agent = snapshot.agent.as_ref().context("not asked")?;
    agent.proves(&lun[0], "failed", &snapshot.kernel).with_context(|| snapshot.text.clone())?;
    lab.machine.ok("mpd_start; until_true 60 mpd_answers; io_stop")?;
    lab.all_agree(&lun, want(2, 2), "optimal")?;
    Ok(())
}

fn multipathd_killed_queueing(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok("mpd_conf queue; multipathd reconfigure")?;
    lab.all_agree(&lun, Want { active: 2, total: 2, queueing: true }, "optimal")?;
    lab.machine.ok(&format!("mpd_kill; io_start {}; set_path sda offline; set_path sdb offline", lun[0]))?;
    let snapshot = lab.kernel_proves(&lun[0], "stopped", "failed")?;
    // I/O hangs, and no daemon is there to say so: the kernel's table does.
    ensure!(snapshot.kernel[&lun[0]].queueing, "the lab is not queueing: {}", snapshot.text);
    let queueing = snapshot.agent.as_ref().map(|agent| agent.maps[&lun[0]].queueing.as_str());
    ensure!(queueing == Some("on"), "I/O waits for ever, and the agent says {queueing:?}");
    lab.machine.ok(
        "set_path sda running; set_path sdb running; mpd_conf fail; mpd_start; until_true 60 mpd_answers",
    )?;
    lab.machine.ok("io_stop; multipathd reconfigure")?;
    lab.all_agree(&lun, want(2, 2), "optimal")?;
    Ok(())
}

fn multipathd_restarted(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("mpd_stop; mpd_start; until_true 60 mpd_answers")?;
    lab.all_agree(&lun(lab), want(2, 2), "optimal")?;
    Ok(())
}

fn agent_killed(lab: &mut Lab) -> Result<()> {
    let lun = lun(lab);
    lab.machine.ok(&format!(
        "agent_kill -KILL; until_true 20 agent_gone; io_start {}; set_path sda offline",
        lun[0]
    ))?;
    lab.start_agent()?;
    lab.all_agree(&lun, want(1, 2), "degraded")?;
    lab.machine.ok("set_path sda running; io_stop")?;
    lab.all_agree(&lun, want(2, 2), "optimal")?;
    Ok(())
}

fn agent_restarted(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("agent_kill -TERM; until_true 20 agent_gone")?;
    lab.start_agent()?;
    lab.all_agree(&lun(lab), want(2, 2), "optimal")?;
    Ok(())
}
