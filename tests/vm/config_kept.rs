//! One managed machine: what others set, hold open or leave behind is as they want it, through every apply to the end.

use anyhow::{Result, ensure};

use crate::agent::{DISKS, STATUS};
use crate::config::{apply, ok, says};
use crate::lab::Lab;

/// What tells whether multipathd was told to read its configuration.
const RECONFIGURES: &str = "grep -c reconfigure /host/multipathd.log || true";

/// A section for the array, by hand, beats what is set for all: the plan says so before, and overrides beat it.
pub fn hardware_table(lab: &mut Lab) -> Result<()> {
    let wwid = lab.wwids[0].clone();
    ok(
        lab,
        "cp /etc/multipath.conf /tmp/before.conf\n\
         printf 'devices {\\n\\tdevice {\\n\\t\\tvendor \"LABSAN\"\\n\\t\\tproduct \".*\"\\n\\t\\tno_path_retry 7\\n\\t}\\n}\\n' \
         >>/etc/multipath.conf; multipathd reconfigure; until_true 60 mpd_answers\n\
         pathkeeper config set no-path-retry 9",
    )?;
    let (status, plan) = says(lab, "pathkeeper config plan")?;
    ensure!(
        status == 0 && plan.contains("stays 7 and not 9") && plan.contains("or overrides, for all LUNs"),
        "{status} {plan}"
    );
    apply(lab, "")?;
    let has = |value: u32| {
        format!(
            "until_true 60 sh -c 'multipathd show maps raw format \"%w %Q\" | grep -q \"{wwid} {value}\"'"
        )
    };
    ok(lab, &format!("multipathd show maps raw format '%w %Q'; {}", has(7)))?;
    ok(lab, "editor 'printf \"overrides {\\n\\tno_path_retry 9\\n}\\n\"'; pathkeeper overrides edit --yes")?;
    let (_, plan) = says(lab, "pathkeeper config plan")?;
    ensure!(!plan.contains("stays 7"), "{plan}");
    apply(lab, "")?;
    ok(lab, &has(9))?;
    ok(
        lab,
        "cp /tmp/before.conf /etc/multipath.conf; pathkeeper config unset no-path-retry\n\
         editor 'echo \"# none\"'; pathkeeper overrides edit --yes",
    )?;
    apply(lab, "")?;
    Ok(())
}

/// A path that fails after multipathd was told is no reason to tell it again, nor to go back.
pub fn path_lost(lab: &mut Lab) -> Result<()> {
    let one = |lab: &mut Lab| -> Result<u32> { Ok(ok(lab, RECONFIGURES)?.trim().parse()?) };
    let before = one(lab)?;
    ok(lab, "pathkeeper config set failback 18")?;
    apply(lab, "")?;
    let of_one = one(lab)? - before;
    let before = one(lab)?;
    ok(
        lab,
        &format!(
            "pathkeeper config set failback 19; pathkeeper config apply --yes\n\
             until_true 120 sh -c '[ $(grep -c reconfigure /host/multipathd.log) -gt {before} ]'; path 2 1 offline\n\
             until_true 180 rollout_is verified; multipathd show config local | grep failback | grep 19"
        ),
    )?;
    let asked = one(lab)? - before;
    ensure!(asked == of_one, "it was told again: {asked} lines of a reconfigure, {of_one} for one");
    ok(lab, "path 2 1 running; until_true 60 maps_are 2 2")?;
    Ok(())
}

/// What a machine boots from: in `wwids` by hand, open, and on no list of ours. It outlives the configuration itself.
pub fn boots_from(lab: &mut Lab) -> Result<()> {
    let wwid = lab.wwids[2].clone();
    ok(
        lab,
        &format!(
            "echo /{wwid}/ >>/etc/multipath/wwids; for p in 0 1; do multipathd add path $(dev 3 $p); done; until_true 60 maps_are 3 2\n\
             n=$(dmsetup info -c --noheadings --separator : -o major,minor {wwid}); echo \"0 2048 linear $n 0\" | dmsetup create root"
        ),
    )?;
    let looks = format!(
        "dmsetup info -c --noheadings -o name,major,minor,open,uuid {wwid}; dmsetup table root; sort /etc/multipath/wwids; \
         cat /etc/multipath.conf"
    );
    let before = ok(lab, &looks)?;
    ok(lab, "pathkeeper config set failback 20")?;
    apply(lab, "")?;
    ensure!(ok(lab, &looks)? == before, "an apply changed it");
    ok(lab, "pathkeeper config unset failback")?;
    apply(lab, "")?;
    ensure!(ok(lab, &looks)? == before, "an apply changed it");
    Ok(())
}

/// A LUN is a storage's, though nothing of this node says so: it is closed, and carries nothing. It stays, also where the document
/// is written by hand.
pub fn consumed(lab: &mut Lab) -> Result<()> {
    const LOOKS: &str = "sort /etc/multipath/wwids; dmsetup ls --target multipath | sort; mpd_pid";
    let wwid = lab.wwids[0].clone();
    ok(
        lab,
        &format!(
            "until_true 60 sh -c 'probe guest-probe get {DISKS} | grep -q \\\"open-count\\\":0'\n\
             printf 'multipath: san\\n\\twwids {wwid}\\n' >$(documents)/storage.cfg\n\
             until_true 120 sh -c 'probe guest-probe get {STATUS} | grep -q \\\"used-by\\\":\\\"san\\\"'"
        ),
    )?;
    let (status, text) = says(lab, &format!("pathkeeper lun remove {wwid} --yes"))?;
    ensure!(status != 0 && text.contains("consumed by the storage san"), "{status} {text}");
    let before = ok(lab, LOOKS)?;
    ok(
        lab,
        &format!(
            "d=$(documents); cp $d/multipath.cfg /tmp/with; sed '/^wwid: {wwid}/,/^$/d' /tmp/with >/tmp/without\n\
             not cmp /tmp/with /tmp/without; cat /tmp/without >$d/multipath.cfg"
        ),
    )?;
    let (status, text) = says(lab, "pathkeeper config apply --yes --wait --allow-removal 1")?;
    ensure!(status != 0 && text.contains("consumed by the storage san"), "{status} {text}");
    let after = ok(lab, LOOKS)?;
    ensure!(before == after, "it was taken out:\n{before}\n{after}");
    // Nobody's any more it may go from the list: a storage of another kind in the same place.
    ok(
        lab,
        &format!(
            "d=$(documents); cat /tmp/with >$d/multipath.cfg; printf 'dir: local\\n\\tpath /var/lib/vz\\n' >$d/storage.cfg\n\
             until_true 120 sh -c '! probe guest-probe get {STATUS} | grep -q \\\"used-by\\\":\\\"san\\\"'\n\
             pathkeeper lun remove {wwid} --yes"
        ),
    )?;
    apply(lab, "--allow-removal 1")?;
    ok(lab, &format!("lacks {wwid} $(documents)/multipath.cfg; pathkeeper lun add {wwid} --adopt"))?;
    apply(lab, "--adopt all")?;
    let last = ok(lab, LOOKS)?;
    ensure!(before == last, "what was made by hand stays, on the list or not:\n{before}\n{last}");
    Ok(())
}

/// The node is given up: the same settings stay in force, for a person, and multipathd is not asked.
pub fn released(lab: &mut Lab) -> Result<()> {
    ok(lab, "pathkeeper config set failback 23")?;
    apply(lab, "")?;
    let looks = "multipathd show config local | grep -v ^#; multipathd show maps raw format '%w %n %N' | sort; mpd_pid; sort /etc/multipath/wwids";
    let (before, told) = (ok(lab, looks)?, ok(lab, RECONFIGURES)?);
    let text = ok(lab, "pathkeeper config release --yes --no-restart")?;
    ensure!(text.contains("60-pathkeeper-released.conf"), "{text}");
    ensure!(ok(lab, RECONFIGURES)? == told, "multipathd was told something");
    ok(
        lab,
        "not ls /etc/multipath/conf.d/60-pathkeeper.conf; multipath -t >/dev/null; multipathd reconfigure; until_true 60 mpd_answers",
    )?;
    let after = ok(lab, looks)?;
    ensure!(before == after, "something changed by the release:\n{before}\n{after}");
    // Who observes applies nothing.
    ok(lab, "agent_anew; pathkeeper manage status | grep observe")?;
    let (status, text) =
        says(lab, "pathkeeper config set failback 24; pathkeeper config apply --yes --wait")?;
    ensure!(status != 0, "{text}");
    ok(lab, "multipathd show config local | grep failback | grep 23")?;
    Ok(())
}

/// All of it is taken out of force again: the files are as they were before there was any, and so are the maps.
pub fn torn_down(lab: &mut Lab) -> Result<()> {
    ok(lab, "pathkeeper config set failback 26")?;
    apply(lab, "")?;
    ok(lab, "multipathd show config local | grep failback | grep 26")?;
    let looks = "multipathd show maps raw format '%w %n %N' | sort; mpd_pid; sort /etc/multipath/wwids; cat /etc/multipath.conf";
    let before = ok(lab, looks)?;
    ok(lab, "cp $(documents)/multipath.cfg /tmp/taken-down; pathkeeper config teardown --yes")?;
    apply(lab, "--allow-removal 2")?;
    ok(
        lab,
        "not ls /etc/multipath/conf.d/60-pathkeeper.conf; multipathd show config local | grep failback | lacks 26",
    )?;
    let after = ok(lab, looks)?;
    ensure!(before == after, "something else changed:\n{before}\n{after}");
    // And in force again, as somebody kept it.
    ok(lab, "editor 'cat /tmp/taken-down'; pathkeeper config edit --yes")?;
    apply(lab, "--adopt all")?;
    ok(lab, "multipathd show config local | grep failback | grep 26")?;
    Ok(())
}
