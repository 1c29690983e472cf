//! One machine whose LUNs are not assembled, each time for another reason: what our agent says of it, and that the advice that
//! it gives makes the LUN come back.

use std::path::Path;

use anyhow::{Context, Result};

use crate::faults::remember;
use crate::lab::{self, Lab, Scenario};
use crate::qemu::Shape;

const PATHS: u16 = 2;
const SHAPE: Shape = Shape { luns: 2, paths: PATHS, memory_mib: 448, ..Shape::ONE };

const SCENARIOS: [Scenario; 2] =
    [("its WWID is not in the wwids file", not_in_wwids), ("a rule in a drop-in excludes it", blacklisted)];

/// Boots once and plays all.
pub fn run(image: &Path) -> Result<()> {
    lab::kept_where_it_fails(|dir| {
        let mut lab = Lab::start(image, dir, &SHAPE)?;
        let ready = begin(&mut lab);
        ready.with_context(|| lab.machine.logs())?;
        lab.play(&SCENARIOS, whole)
    })
}

fn begin(lab: &mut Lab) -> Result<()> {
    remember(lab, PATHS)?;
    lab.start_multipathd("fail")?;
    lab.start_agent()?;
    lab.finds_nothing()
}

fn whole(lab: &mut Lab) -> Result<()> {
    lab.machine.ok("find_paths 2; udevadm settle --timeout=30; rm -f /etc/multipath/conf.d/*\n\
         for d in /dev/sd?; do multipath -a $d; done; multipathd reconfigure; until_true 60 mpd_answers\n\
         agent_pid || agent_start; agent_anew")?;
    lab.finds_nothing()
}

/// `error LUN_MISSING node1/3500…` of LUN 1.
fn missing(lab: &Lab) -> String {
    format!("error LUN_MISSING {}/{}", lab.node, lab.wwids[0])
}

/// What the advice wants to be run, without what it says to look at afterwards.
fn first_command(advice: &str) -> &str {
    advice.split(';').next().unwrap_or(advice).trim()
}

const CHANGES: &str = "(this changes something): ";

fn not_in_wwids(lab: &mut Lab) -> Result<()> {
    let name = lab.wwids[0].clone();
    lab.machine.ok(&format!("multipath -w /dev/$(dev 1 0); multipathd remove map {name}"))?;
    let text = "not assembled on node1, 2 devices seen, its WWID is not in node1:/etc/multipath/wwids";
    let said = lab.finds_and_tells(
        &[missing(lab)],
        &name,
        &[text, "find_multipaths strict", "update-initramfs -u"],
    )?;
    lab.machine.ok(first_command(&said.advice("LUN_MISSING", CHANGES)?))?;
    lab.finds_nothing()
}

/// By a rule in a file of its own, whose name and line are told.
fn blacklisted(lab: &mut Lab) -> Result<()> {
    let name = lab.wwids[0].clone();
    lab.machine.ok(&format!(
        "mkdir -p /etc/multipath/conf.d\n\
         printf 'blacklist {{\n    wwid \"{name}\"\n}}\n' >/etc/multipath/conf.d/site.conf; multipathd reconfigure"
    ))?;
    let said = lab.finds_and_tells(
        &[missing(lab)],
        &name,
        &["2 devices seen, blacklisted", "/etc/multipath/conf.d/site.conf:2", "blacklist_exceptions { wwid"],
    )?;
    println!("         {}", said.of("LUN_MISSING")?["summary"]);
    lab.machine.ok("multipathd show blacklist | grep -A3 wwid; multipath -v3 -d /dev/$(dev 1 0) 2>&1 | grep -i blacklist")?;
    // As the advice has it: the rule is taken out, then the one command.
    lab.machine.ok("rm /etc/multipath/conf.d/site.conf")?;
    lab.machine.ok(&said.advice("LUN_MISSING", CHANGES)?)?;
    lab.finds_nothing()
}
