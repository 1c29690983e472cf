//! What a node remembers is stronger than what its kernel and its multipathd know: a path that is deleted leaves no trace in
//! either, a reboot brings back half of the paths, a LUN is not assembled again.
//!
//! A path counts when it was held for ten minutes, so the node begins with the ledger of a machine that did.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::agent::STATUS;
use crate::lab::{self, Lab, WITHOUT_MULTIPATHD, want};
use crate::qemu::Shape;

/// The nodes, with how multipathd and the agent are there.
const NODES: &str = "/api2/json/nodes";
/// Two polls, in the guest's seconds.
const SPEAK_LIMIT_S: u32 = 20;

const fn shape(paths: u16) -> Shape {
    Shape { luns: 2, paths, ..Shape::ONE }
}

/// Boots twice: what the first machine kept the second one finds, with one path less to each LUN.
pub fn run(image: &Path) -> Result<()> {
    lab::kept_where_it_fails(|dir| first_boot(image, dir).and_then(|()| second_boot(image, dir)))
}

fn first_boot(image: &Path, dir: &Path) -> Result<()> {
    let mut lab = Lab::start(image, dir, &shape(2))?;
    let luns: Vec<String> = lab
        .wwids
        .iter()
        .map(|wwid| format!(r#""{wwid}":{{"since":1783000000,"seen":1783000000,"paths":[[0,1],[1,1]]}}"#))
        .collect();
    let ledger = format!(
        r#"{{"v":1,"node":"node1","ports":[["host0","a"],["host1","a"]],"luns":{{{}}}}}"#,
        luns.join(",")
    );
    std::fs::write(lab.machine.share().join("ledger.json"), ledger)?;
    lab.machine.ok("mkdir -p /var/lib/pathkeeper && cp /host/ledger.json /var/lib/pathkeeper/")?;
    lab.start_multipathd("fail")?;
    lab.start_agent()?;
    let played = path_deleted(&mut lab).and_then(|()| {
        // The machine's own disk is in its memory: what it kept is carried to the next boot by hand.
        lab.machine
            .ok("agent_kill -TERM; until_true 20 agent_gone; cp -a /var/lib/pathkeeper /host/state; sync")
    });
    played.with_context(|| lab.machine.logs())?;
    println!("ok     a path deleted, and found again");
    lab.machine.power_off();
    Ok(())
}

/// After the deletion the kernel and multipathd know of one path, which is up.
fn path_deleted(lab: &mut Lab) -> Result<()> {
    let (one, both) = (lab.wwids[..1].to_vec(), lab.wwids.clone());
    lab.all_agree(&both, want(2, 2), "optimal")?;
    ensure!(cell(lab, &one[0])?["paths-expected"] == 2, "two paths were held before");
    let device = lab
        .machine
        .ok(&format!("multipathd show paths raw format '%w %d' | sed -n 's/^{} //p' | tail -n 1", one[0]))?;
    lab.machine.ok(&format!("echo 1 >/sys/block/{}/device/delete", device.trim()))?;
    lab.all_agree(&one, want(1, 1), "degraded")?;
    let is = cell(lab, &one[0])?;
    ensure!(is["paths-expected"] == 2, "the cell is {is}");
    let maps = lab.machine.run("pathkeeper maps", Duration::from_secs(60))?;
    ensure!(
        maps.status == 1 && maps.text.contains("degraded 1/1 of 2 expected"),
        "pathkeeper maps ended with {}: {}",
        maps.status,
        maps.text
    );
    // Without multipathd the kernel's table proves it too.
    lab.machine.ok("mpd_kill")?;
    // The one is degraded already: what the daemon's end changes is the other.
    lab.agent_says(&both[1..], "unknown", SPEAK_LIMIT_S)?;
    let snapshot = lab.kernel_proves(&one[0], "stopped", "degraded")?;
    let agent = snapshot.agent.context("not asked")?;
    agent.proves(&both[1], "unknown", &snapshot.kernel).context("the other LUN has all its paths")?;
    lab.machine.ok("mpd_start; until_true 60 mpd_answers; find_paths 2")?;
    lab.all_agree(&both, want(2, 2), "optimal")?;
    Ok(())
}

fn second_boot(image: &Path, dir: &Path) -> Result<()> {
    let mut lab = Lab::start(image, dir, &shape(1))?;
    let played = rebooted(&mut lab);
    played.with_context(|| lab.machine.logs())?;
    println!("ok     the second boot: settling, then half of the paths and a LUN that is not assembled");
    Ok(())
}

/// The agent comes before multipathd; that makes a map of the first LUN alone, for the second is not in its wwids file.
fn rebooted(lab: &mut Lab) -> Result<()> {
    let (one, two) = (lab.wwids[..1].to_vec(), lab.wwids[1..].to_vec());
    lab.machine.ok(&format!(
        "mkdir -p /var/lib/pathkeeper && cp -a /host/state/. /var/lib/pathkeeper/; mpd_conf fail\n\
         echo /{}/ >/etc/multipath/wwids",
        one[0]
    ))?;
    lab.start_agent()?;
    let booted_s: f64 = lab.machine.ok("cut -d' ' -f1 /proc/uptime")?.trim().parse()?;
    ensure!(booted_s < 90.0, "the guest took {booted_s} s to boot: there is nothing left to settle");
    let both = lab.wwids.clone();
    lab.agent_says(&both, "unknown", SPEAK_LIMIT_S)?;
    let is = cell(lab, &two[0])?;
    ensure!(is["state"] == "unknown" && is["paths-expected"] == 2, "the cell is {is}");
    let node = &json(lab, NODES)?["data"][0];
    ensure!(node["settling"] == 2, "the node is {node}");
    ensure!(lab.snapshot(WITHOUT_MULTIPATHD)?.text.contains("NODE_SETTLING"), "no finding names it");
    let nodes = lab.machine.run("pathkeeper nodes", Duration::from_secs(60))?.text;
    ensure!(
        nodes.contains("node1: settling: it has just booted, and 2 LUNs of it have no map yet"),
        "{nodes}"
    );

    lab.machine.ok("mpd_start; until_true 60 mpd_answers")?;
    // Whole by all that the kernel and multipathd know, and half of what it was.
    lab.all_agree(&one, want(1, 1), "degraded")?;
    let is = cell(lab, &one[0])?;
    ensure!(is["paths-expected"] == 2, "the cell is {is}");
    lab.agent_says(&two, "missing", SPEAK_LIMIT_S)?;
    ensure!(!lab.snapshot(WITHOUT_MULTIPATHD)?.kernel.contains_key(&two[0]), "the kernel has no such map");
    let node = &json(lab, NODES)?["data"][0];
    ensure!(node["settling"].is_null(), "the node is {node}");
    let status = lab.machine.run("pathkeeper status", Duration::from_secs(60))?;
    ensure!(status.status == 2, "pathkeeper status ended with {}: {}", status.status, status.text);
    // An agent that is restarted does not settle again: multipathd is idle.
    lab.machine.ok("agent_kill -TERM; until_true 20 agent_gone")?;
    lab.start_agent()?;
    lab.agent_says(&two, "missing", SPEAK_LIMIT_S)?;
    lab.agent_says(&one, "degraded", SPEAK_LIMIT_S)?;
    // The person adds what lacks: the LUN is whole again as far as it can be.
    lab.machine.ok(&format!("multipath -a {}; multipathd reconfigure", two[0]))?;
    lab.all_agree(&lab.wwids.clone(), want(1, 1), "degraded")?;
    Ok(())
}

fn json(lab: &mut Lab, path: &str) -> Result<Value> {
    let text = lab.machine.ok(&format!("api {path}"))?;
    serde_json::from_str(&text).with_context(|| format!("{path} is no JSON: {text}"))
}

/// The node's cell of this LUN in the status.
fn cell(lab: &mut Lab, wwid: &str) -> Result<Value> {
    let status = json(lab, STATUS)?;
    let rows = status["data"]["luns"].as_array().context("no data.luns in the status")?;
    let row = rows.iter().find(|row| row["wwid"] == wwid).context("there is no such row")?;
    Ok(row["nodes"][lab.node].clone())
}
