//! One managed machine: what the cluster's configuration does to a real multipathd, and what it never does.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::agent::DISKS;
use crate::config_kept;
use crate::keywords;
use crate::lab::{self, Lab, Scenario};
use crate::qemu::Shape;

const SHAPE: Shape = Shape { luns: 3, paths: 2, memory_mib: 448, ..Shape::ONE };

/// A command that waits for an apply ends within this.
const LIMIT: Duration = Duration::from_secs(400);

/// What stands in `wwids` and is nobody's business.
const HAND_MADE: &str = "# by hand, years ago\n/3600a0980deadbeef0000000000000001/\n";

const SCENARIOS: [Scenario; 15] = [
    ("what was set up by hand is refused until somebody takes it over", adopted),
    ("a setting and an alias reach multipathd", set),
    ("a LUN is allowed, and its map comes without a reconfigure", allowed),
    ("what multipath -t refuses never reaches multipathd", refused),
    ("a LUN in use is not taken out", in_use),
    ("a LUN that a storage consumes is not taken out", config_kept::consumed),
    ("a reconfigure is held while a path is down, and goes on when it is back", held),
    ("who does not want to wait forces it", forced),
    ("every keyword is accepted and in force", keywords::every_keyword),
    ("hostile texts are refused, or arrive as they were typed", keywords::hostile),
    (
        "a section of the array's that beats a value is told, and overrides beat it",
        config_kept::hardware_table,
    ),
    ("a path that fails in the middle is no reason to begin again", config_kept::path_lost),
    ("what the machine boots from stays", config_kept::boots_from),
    ("what is torn down leaves nothing behind, and can be put up again", config_kept::torn_down),
    ("a node that is released keeps its settings, and is asked nothing", config_kept::released),
];

/// Boots once and plays all.
pub fn run(image: &Path) -> Result<()> {
    lab::kept_where_it_fails(|dir| {
        let mut lab = Lab::start(image, dir, &SHAPE)?;
        let ready = begin(&mut lab);
        ready.with_context(|| lab.machine.logs())?;
        lab.play(&SCENARIOS, |_| Ok(()))
    })
}

/// LUN 3 is in nobody's list yet; the machine is managed before its agent starts.
fn begin(lab: &mut Lab) -> Result<()> {
    let third = lab.wwids[2].clone();
    ok(
        lab,
        &format!(
            "mpd_conf fail; sed -i '/{third}/d' /etc/multipath/wwids; printf '%s' '{HAND_MADE}' >>/etc/multipath/wwids\n\
         mpd_start; until_true 120 mpd_answers; until_true 60 maps_are 2 2\n\
         pathkeeper manage enable --yes --no-restart"
        ),
    )?;
    lab.start_agent()?;
    let text = ok(lab, "pathkeeper manage status")?;
    ensure!(text.contains("manage"), "{text}");
    Ok(())
}

/// Our program there, with time: under emulation a plan takes many seconds, nearly all of them for regular expressions.
fn patient(command: &str) -> String {
    command.replace("pathkeeper ", "pathkeeper --timeout 300 ")
}

/// Runs it, and each command of it must succeed.
pub fn ok(lab: &mut Lab, command: &str) -> Result<String> {
    lab.machine.ok(&format!("set -e\n{}", patient(command)))
}

/// The exit status, and what was printed.
pub fn says(lab: &mut Lab, command: &str) -> Result<(i32, String)> {
    let output = lab.machine.run(&patient(&format!("{command} 2>&1")), LIMIT)?;
    Ok((output.status, output.text))
}

/// Applies what is pending, and waits for its end. Not while udev looks into a map that was changed before: then it is open.
pub fn apply(lab: &mut Lab, options: &str) -> Result<String> {
    let (status, text) =
        says(lab, &format!("udevadm settle; pathkeeper config apply --yes --wait {options}"))?;
    ensure!(status == 0, "apply {options}: {status}\n{text}");
    Ok(text)
}

fn wwids(lab: &mut Lab) -> Result<String> {
    ok(lab, "cat /etc/multipath/wwids")
}

fn adopted(lab: &mut Lab) -> Result<()> {
    let before = (wwids(lab)?, ok(lab, "mpd_pid; dmsetup ls --target multipath | sort")?);
    ok(lab, "pathkeeper config adopt >/tmp/new.cfg; cat /tmp/new.cfg")?;
    let (_, plan) = says(lab, "pathkeeper config plan --config /tmp/new.cfg")?;
    ensure!(plan.contains("0 changes to maps"), "{plan}");
    let two = [lab.wwids[0].clone(), lab.wwids[1].clone()];
    for wwid in &two {
        ok(lab, &format!("pathkeeper lun add {wwid}"))?;
    }
    let (status, text) = says(lab, "pathkeeper config apply --yes --wait")?;
    ensure!(status != 0 && text.contains("--adopt"), "{status} {text}");
    ok(lab, "not ls /etc/multipath/conf.d/60-pathkeeper.conf")?;
    apply(lab, "--adopt all")?;
    let after = (wwids(lab)?, ok(lab, "mpd_pid; dmsetup ls --target multipath | sort")?);
    ensure!(before == after, "maps, names, wwids and the process stay: {before:?} {after:?}");
    ok(lab, "cat /etc/multipath/conf.d/60-pathkeeper.conf; until_true 30 maps_are 2 2")?;
    Ok(())
}

fn set(lab: &mut Lab) -> Result<()> {
    let wwid = lab.wwids[0].clone();
    let pid = ok(lab, "mpd_pid")?;
    let (status, text) = says(lab, "pathkeeper config set polling-interval abc")?;
    ensure!(status != 0 && text.contains("polling-interval"), "{status} {text}");
    ok(
        lab,
        &format!(
            "pathkeeper config set no-path-retry queue --lun {wwid}; pathkeeper config set failback manual"
        ),
    )?;
    apply(lab, "")?;
    lab.machine
        .ok(&format!("multipathd show config local | grep -A8 {wwid} | grep no_path_retry | grep queue"))?;
    ok(
        lab,
        &format!(
            "dmsetup table {wwid} | grep queue_if_no_path; pathkeeper config unset no-path-retry --lun {wwid}"
        ),
    )?;
    ok(lab, &format!("pathkeeper lun alias {wwid} oracle"))?;
    apply(lab, "")?;
    ok(
        lab,
        &format!(
            "dmsetup info oracle; not dmsetup info {wwid}; dmsetup table oracle | lacks queue_if_no_path\n\
         pathkeeper lun alias oracle --none"
        ),
    )?;
    apply(lab, "")?;
    ok(lab, &format!("dmsetup info {wwid}; not dmsetup info oracle; until_true 30 maps_are 2 2"))?;
    ensure!(ok(lab, "mpd_pid")? == pid, "multipathd is the same process");
    Ok(())
}

fn allowed(lab: &mut Lab) -> Result<()> {
    let wwid = lab.wwids[2].clone();
    let log = ok(lab, "grep -c reconfigure /host/multipathd.log || true")?;
    ok(lab, &format!("not dmsetup info {wwid}; pathkeeper lun add {wwid}"))?;
    apply(lab, "")?;
    ok(
        lab,
        &format!("dmsetup info {wwid}; until_true 30 maps_are 3 2; grep '^/{wwid}/$' /etc/multipath/wwids"),
    )?;
    ensure!(ok(lab, "grep -c reconfigure /host/multipathd.log || true")? == log, "no reconfigure");
    ensure!(wwids(lab)?.contains(HAND_MADE), "what others wrote is as it was");
    // And out again: what Pathkeeper put there goes, and the map with it, for nobody uses it.
    ok(lab, &format!("pathkeeper lun remove {wwid} --yes"))?;
    let (status, text) = says(lab, "pathkeeper config apply --yes --wait")?;
    ensure!(status != 0 && text.contains("--allow-removal"), "{status} {text}");
    apply(lab, "--allow-removal 1")?;
    ok(lab, &format!("until_true 60 maps_are 2 2; lacks '^/{wwid}/' /etc/multipath/wwids"))?;
    ensure!(wwids(lab)?.contains(HAND_MADE), "what others wrote is as it was");
    Ok(())
}

fn refused(lab: &mut Lab) -> Result<()> {
    let before = ok(lab, "multipathd show config local; cat /etc/multipath/conf.d/60-pathkeeper.conf")?;
    ok(
        lab,
        "editor 'printf \"overrides {\\n\\tno_such_keyword 1\\n}\\n\"'; pathkeeper overrides edit --yes",
    )?;
    let (status, text) = says(lab, "pathkeeper config apply --yes --wait")?;
    ensure!(status == 2 && text.contains("no_such_keyword"), "{status} {text}");
    let after = ok(lab, "multipathd show config local; cat /etc/multipath/conf.d/60-pathkeeper.conf")?;
    ensure!(before == after, "nothing was touched: {before} {after}");
    ok(
        lab,
        "not ls /etc/multipath/conf.d/90-pathkeeper-overrides.conf; until_true 60 sh -c 'pathkeeper health | grep CONFIG_ROLLED_BACK'",
    )?;
    ok(lab, "editor 'echo \"# none\"'; pathkeeper overrides edit --yes")?;
    apply(lab, "")?;
    Ok(())
}

fn in_use(lab: &mut Lab) -> Result<()> {
    let wwid = lab.wwids[1].clone();
    ok(lab, &format!("sleep 600 </dev/mapper/{wwid} & echo $! >/run/holder"))?;
    // The agent has to have seen it.
    ok(lab, &format!("until_true 60 sh -c 'probe guest-probe get {DISKS} | grep -q \\\"open-count\\\":1'"))?;
    let (status, text) = says(lab, &format!("pathkeeper lun remove {wwid} --yes"))?;
    ensure!(status != 0 && text.contains("in use"), "{status} {text}");
    ok(lab, &format!("kill $(cat /run/holder); dmsetup info {wwid}"))?;
    // Closed, and LVM's all the same.
    let looks = format!("until_true 120 sh -c 'probe guest-probe get {DISKS} | grep -q \\\"pvs\\\"'");
    ok(
        lab,
        &format!(
            "map=/dev/mapper/{wwid}; lvm_by $map pvcreate -q $map; udevadm settle; agent_anew; {looks} || api {DISKS}"
        ),
    )?;
    let (status, text) = says(lab, &format!("pathkeeper lun remove {wwid} --yes"))?;
    ensure!(status != 0 && text.contains("in use"), "{status} {text}");
    ok(lab, &format!("map=/dev/mapper/{wwid}; lvm_by $map pvremove -q $map; udevadm settle; agent_anew"))?;
    Ok(())
}

fn held(lab: &mut Lab) -> Result<()> {
    ok(
        lab,
        "path 1 0 offline; until_true 60 paths_up $(ls /dev/mapper | grep ^3 | head -1) 1; pathkeeper config set failback immediate",
    )?;
    ok(lab, "pathkeeper config apply --yes && until_true 90 sh -c 'pathkeeper config rollout | grep held'")?;
    ok(lab, "multipathd show config local | grep failback | lacks immediate")?;
    ok(lab, "path 1 0 running; until_true 120 rollout_is verified; until_true 30 maps_are 2 2")?;
    Ok(())
}

fn forced(lab: &mut Lab) -> Result<()> {
    ok(
        lab,
        "path 1 0 offline; until_true 60 paths_up $(ls /dev/mapper | grep ^3 | head -1) 1; pathkeeper config set failback 17",
    )?;
    ok(lab, "pathkeeper config apply --yes && until_true 90 sh -c 'pathkeeper config rollout | grep held'")?;
    ok(
        lab,
        "pathkeeper config rollout force $(hostname) && until_true 120 rollout_is verified\n\
         multipathd show config local | grep failback | grep 17; path 1 0 running; until_true 60 maps_are 2 2",
    )?;
    Ok(())
}
