//! What two machines show of one LUN that neither shows alone: sizes and serial numbers that differ. Played on the machines of
//! [`crate::two_guests`].

use anyhow::{Result, ensure};

use crate::qemu;
use crate::two_guests::Pair;
use crate::verdict::Verdict;

/// A LUN was grown this long ago, and a node still has the old size: then it was forgotten.
const FORGOTTEN_S: u32 = 16 * 60;

/// Both machines find the same; the second one's verdict.
fn both_find(pair: &mut Pair, want: &[String], texts: &[&str]) -> Result<Verdict> {
    pair.one.finds(want, texts)?;
    pair.two.finds(want, texts)
}

/// Node 1 is told that the LUN grew, grows its map, and is ahead of node 2, until that follows.
pub fn resized(pair: &mut Pair) -> Result<()> {
    let lun = pair.lun[0].clone();
    pair.one.machine.monitor().resize(1, 96 << 20)?;
    let pending = format!("warning LUN_RESIZE_PENDING {lun}");
    let said = both_find(
        pair,
        &[pending],
        &["paths show 96 MiB on node1, its map still has 64 MiB", "DO NOT run pvresize"],
    )?;
    let advice = said.advice("LUN_RESIZE_PENDING", "On node1 (this changes something): ")?;
    pair.one.machine.ok(&advice)?;

    let said = both_find(
        pair,
        &[format!("warning LUN_SIZE_MISMATCH {lun}")],
        &["96 MiB on node1", "64 MiB on node2", "safe to pvresize: NO"],
    )?;
    clocks(pair, FORGOTTEN_S)?;
    both_find(pair, &[format!("error LUN_SIZE_MISMATCH {lun}")], &[])?;

    pair.two.machine.monitor().resize(1, 96 << 20)?;
    let advice = said.advice("LUN_SIZE_MISMATCH", "On node2 (this changes something): ")?;
    pair.two.machine.ok(&advice)?;
    both_find(pair, &[], &[])?;
    clocks(pair, 0)
}

/// Sets the wall clocks of both agents ahead.
fn clocks(pair: &mut Pair, ahead_s: u32) -> Result<()> {
    for lab in [&mut pair.one, &mut pair.two] {
        lab.machine.ok(&format!("echo {ahead_s} >/run/clock-offset"))?;
    }
    Ok(())
}

/// On node 2 the LUN is unmapped, and another one is mapped under its name: first on one path, then on all.
pub fn other_lun_under_its_name(pair: &mut Pair) -> Result<()> {
    let lun = pair.lun[0].clone();
    let mismatch = [format!("error LUN_IDENTITY_MISMATCH {lun}")];
    swap(pair, 1, "OTHER001")?;
    let texts = ["a path says another serial number than its map on node2", "DO NOT start"];
    both_find(pair, &mismatch, &texts)?;
    swap(pair, 0, "OTHER001")?;
    let texts = ["NOT THE SAME LUN everywhere", "serial LUN0001: node1", "serial OTHER001: node2"];
    both_find(pair, &mismatch, &texts)?;
    let said = pair.one.finds_and_tells(&mismatch, &lun, &texts)?;
    // What the advice has one look at: one name everywhere, and another serial number on node 2.
    let look = said.advice("LUN_IDENTITY_MISMATCH", "On each node: ")?;
    for (lab, serial) in [(&mut pair.one, "LUN0001"), (&mut pair.two, "OTHER001")] {
        let seen = lab.machine.ok(&look)?;
        let told = format!(" naa.{} LABSAN {serial}", &lun[1..]);
        let same = seen.lines().count() == 2 && seen.lines().all(|path| path.ends_with(&told));
        ensure!(same, "{} shows {seen:?}, and not {told:?} on each path", lab.node);
    }
    for path in [0, 1] {
        swap(pair, path, &qemu::serial(1))?;
    }
    both_find(pair, &[], &[])?;
    Ok(())
}

/// Puts a LUN with this serial number in the place of one path of node 2.
fn swap(pair: &mut Pair, path: u16, serial: &str) -> Result<()> {
    let two = &mut pair.two.machine;
    two.monitor().unplug(1, path)?;
    two.ok(&format!("until_true 60 dev_gone 1 {path}"))?;
    two.monitor().plug(1, path, serial)?;
    two.ok(&format!("until_true 60 dev 1 {path}; udevadm settle --timeout=120"))?;
    Ok(())
}
