//! One managed machine to which things happen while it takes a configuration: never half a file, never a second apply, and nothing
//! that somebody made by hand is touched.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::config::{apply, ok, says};
use crate::lab::{self, Lab, Scenario};
use crate::qemu::Shape;

const SHAPE: Shape = Shape { luns: 2, paths: 2, memory_mib: 448, ..Shape::ONE };

const MAIN: &str = "/etc/multipath/conf.d/60-pathkeeper.conf";
/// Until the newest rollout is over here, well or not.
const OVER: &str = "until_true 300 rollout_is 'verified|current|failed|rolled-back'";

const SCENARIOS: [Scenario; 7] = [
    ("names that multipath gave stay, and so does what it keeps of them", names_stay),
    ("whatever becomes of the document, the node stays as it is", garbled),
    ("a disk that is full or read-only leaves all as it was", no_room),
    ("a judge that does not come to an end is a no", slow_judge),
    ("multipathd dies in the middle", daemon_dies),
    ("multipathd hangs in the middle", daemon_hangs),
    ("the agent dies at any moment, and applies nothing twice", agent_dies),
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

/// Set up by hand in the old way: maps named by number, in a file of multipath's own.
fn begin(lab: &mut Lab) -> Result<()> {
    ok(
        lab,
        "mpd_conf fail; sed -i 's/user_friendly_names no/user_friendly_names yes/' /etc/multipath.conf\n\
         mpd_start; until_true 120 mpd_answers; until_true 60 maps_are 2 2; until_true 60 ls /dev/mapper/mpatha /dev/mapper/mpathb\n\
         pathkeeper manage enable --yes --no-restart",
    )?;
    lab.start_agent()
}

fn names_stay(lab: &mut Lab) -> Result<()> {
    let by_hand = "cat /etc/multipath/bindings /etc/multipath/wwids /etc/multipath.conf; mpd_pid; dmsetup ls --target multipath | sort";
    let before = ok(lab, by_hand)?;
    let wwid = lab.wwids[0].clone();
    // One of them alone: the other would lose its name, which nobody agreed to.
    ok(lab, &format!("pathkeeper lun add {wwid} --adopt"))?;
    let (status, text) = says(lab, "pathkeeper config apply --yes --wait --adopt all")?;
    ensure!(status != 0 && text.contains("mpath"), "{status} {text}");
    ok(
        lab,
        "pathkeeper config adopt >/tmp/new.cfg; editor 'cat /tmp/new.cfg'; pathkeeper config edit --yes\n\
         grep 'alias mpatha' /tmp/new.cfg; grep 'alias mpathb' /tmp/new.cfg",
    )?;
    let (_, plan) = says(lab, "pathkeeper config plan --adopt all")?;
    ensure!(plan.contains("0 changes to maps") && !plan.contains("refused"), "{plan}");
    apply(lab, "--adopt all")?;
    let after = ok(lab, by_hand)?;
    ensure!(before == after, "what was made by hand changed:\n{before}\n{after}");
    Ok(())
}

fn garbled(lab: &mut Lab) -> Result<()> {
    let main = ok(lab, &format!("cat {MAIN}; multipathd show config local"))?;
    ok(
        lab,
        "doc=$(documents)/multipath.cfg; echo $doc >/tmp/doc; cp $doc /tmp/good; : >$doc\n\
         until_true 120 sh -c 'pathkeeper health | grep CONFIG_ABSENT'; rm $doc",
    )?;
    // An agent that starts believes at once what is there, and so is told without the minute after which it looks again.
    for (garble, told) in [
        // What is cut may still be a document: one that nobody applied.
        ("head -c 40 /tmp/good", "CONFIG_INVALID|CONFIG_PENDING"),
        ("printf 'wwid\\n\\t{'", "CONFIG_INVALID"),
        ("sed 's/^wwid: 3/wwid 3/' /tmp/good", "CONFIG_INVALID"),
    ] {
        ok(
            lab,
            &format!(
                "{garble} >$(cat /tmp/doc); agent_kill -TERM; until_true 60 agent_gone; agent_start; probe guest-probe ready 120\n\
                 until_true 60 sh -c 'pathkeeper health | grep -E \"{told}\"'"
            ),
        )
        .with_context(|| garble.to_owned())?;
    }
    ok(lab, "cp /tmp/good $(cat /tmp/doc)")?;
    let after = ok(lab, &format!("cat {MAIN}; multipathd show config local"))?;
    ensure!(main == after, "the node changed: {main} {after}");
    ok(
        lab,
        "until_true 120 sh -c '! pathkeeper health | grep -E \"CONFIG_(ABSENT|INVALID)\"'; until_true 30 maps_are 2 2",
    )?;
    Ok(())
}

/// Applies another value of `failback`, which must fail, with these words, and leave the file as it was.
fn fails(lab: &mut Lab, value: &str, words: &str) -> Result<()> {
    let before = ok(lab, &format!("cat {MAIN}; multipathd show config local"))?;
    ok(lab, &format!("pathkeeper config set failback {value}"))?;
    let (status, text) = says(lab, "pathkeeper config apply --yes --wait")?;
    ensure!(status == 2 && text.contains(words), "{status} {text}");
    let after = ok(lab, &format!("cat {MAIN}; multipathd show config local"))?;
    ensure!(before == after, "the node changed: {before} {after}");
    Ok(())
}

/// What stood in the way is gone, and a person says so.
fn goes_on(lab: &mut Lab, value: &str) -> Result<()> {
    ok(lab, "pathkeeper config rollout resume; until_true 300 rollout_is verified")?;
    ok(
        lab,
        &format!("multipathd show config local | grep failback | grep {value}; until_true 60 maps_are 2 2"),
    )?;
    Ok(())
}

fn no_room(lab: &mut Lab) -> Result<()> {
    ok(lab, "mount --bind /etc/multipath /etc/multipath; mount -o remount,ro,bind /etc/multipath")?;
    fails(lab, "11", "ead-only")?;
    ok(lab, "umount /etc/multipath")?;
    goes_on(lab, "11")?;
    ok(
        lab,
        "d=/etc/multipath/conf.d; cp -a $d /tmp/conf.d; mount -t tmpfs -o size=12k small $d; cp /tmp/conf.d/* $d\n\
         dd if=/dev/zero of=$d/.full bs=4096 count=9 2>/dev/null || true",
    )?;
    fails(lab, "12", "o space")?;
    ok(lab, "umount /etc/multipath/conf.d")?;
    goes_on(lab, "12")
}

fn slow_judge(lab: &mut Lab) -> Result<()> {
    ok(
        lab,
        "printf '#!/bin/sh\\nsleep 100\\n' >/tmp/slow; chmod 755 /tmp/slow; m=$(readlink -f $(which multipath)); echo $m >/tmp/judge\n\
         mount --bind /tmp/slow $m",
    )?;
    fails(lab, "13", "multipath -t")?;
    ok(lab, "umount -l $(cat /tmp/judge)")?;
    goes_on(lab, "13")
}

/// Begins to apply another value of `failback`, and waits until its file is there.
fn begun(lab: &mut Lab, value: &str) -> Result<()> {
    ok(
        lab,
        &format!(
            "pathkeeper config set failback {value}; pathkeeper config apply --yes; until_true 120 grep -q 'failback \"{value}\"' {MAIN}"
        ),
    )?;
    Ok(())
}

fn daemon_dies(lab: &mut Lab) -> Result<()> {
    let before = ok(lab, &format!("cat {MAIN}"))?;
    begun(lab, "21")?;
    let after = ok(lab, &format!("mpd_kill; {OVER} >&2; cat {MAIN}"))?;
    ensure!(after == before || after.contains("failback \"21\""), "half a file: {after}");
    ok(lab, "mpd_start; until_true 120 mpd_answers; until_true 60 maps_are 2 2")?;
    goes_on(lab, "21")
}

fn daemon_hangs(lab: &mut Lab) -> Result<()> {
    let before = ok(lab, &format!("cat {MAIN}"))?;
    begun(lab, "22")?;
    // Within the time that it has to verify: if it had verified already, that were no hang in the middle.
    let (_, text) =
        says(lab, &format!("kill -STOP $(mpd_pid); {OVER}; pathkeeper config rollout; cat {MAIN}"))?;
    if text.contains("verified") {
        println!("         it had verified before multipathd hung");
    } else {
        ensure!(text.trim_end().ends_with(before.trim_end()), "its files are back: {text}");
    }
    ok(lab, "kill -CONT $(mpd_pid); until_true 120 mpd_answers; until_true 60 maps_are 2 2")?;
    goes_on(lab, "22")
}

fn agent_dies(lab: &mut Lab) -> Result<()> {
    let one = ok(lab, "grep -c reconfigure /host/multipathd.log || true")?.trim().parse::<u32>()?;
    ok(lab, "pathkeeper config set failback 30")?;
    apply(lab, "")?;
    let of_one = ok(lab, "grep -c reconfigure /host/multipathd.log || true")?.trim().parse::<u32>()? - one;
    let mut last = 30;
    for round in 0..4 {
        let (value, before) = (31 + round, ok(lab, "grep -c reconfigure /host/multipathd.log || true")?);
        let text = ok(
            lab,
            &format!(
                "pathkeeper config set failback {value}; pathkeeper config apply --yes; usleep $(({round} * 900000))\n\
                 agent_kill -KILL; until_true 20 agent_gone; cp {MAIN} /tmp/main; agent_start; probe guest-probe ready 120; {OVER}\n\
                 cat /tmp/main; echo =====; cat {MAIN}; grep -c reconfigure /host/multipathd.log"
            ),
        )?;
        let (at_death, then) = text.split_once("=====").context("two parts")?;
        for file in [at_death, then] {
            let whole = file.contains(&format!("failback \"{last}\""))
                || file.contains(&format!("failback \"{value}\""));
            let is_closed = file.lines().filter(|line| line.trim_end() == "}").count() == 2;
            ensure!(whole && is_closed, "half a file: {text}");
        }
        let count = then.trim().rsplit('\n').next().context("a count")?.parse::<u32>()?;
        let asked = count - before.trim().parse::<u32>()?;
        println!("         killed after {} ms: {asked} of {of_one} lines of a reconfigure", round * 900);
        ensure!(asked <= of_one, "it was told twice: {asked} lines, {of_one} for one");
        let (_, said) = says(lab, "pathkeeper config rollout")?;
        if !said.lines().any(|line| line.starts_with("node1") && line.contains(" verified")) {
            goes_on(lab, &value.to_string())?;
        }
        last = value;
    }
    ok(lab, "until_true 60 maps_are 2 2")?;
    Ok(())
}
