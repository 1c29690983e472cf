//! What two machines show of one LUN that neither shows alone: sizes that differ. Played on the machines of [`crate::two_guests`].

use anyhow::Result;

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
