//! A shell in the test machine, for a person.

#[path = "../../../tests/vm/qemu.rs"]
mod qemu;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Boots a machine with so many LUNs and paths on this terminal and returns when it is off (`exit`, or Ctrl-A X).
///
/// # Errors
/// When its files cannot be made or QEMU does not run.
pub fn shell(workspace: &Path, luns: u16, paths: u16) -> Result<()> {
    let image = super::build(workspace)?;
    let dir = image.dir.join("shell");
    let share = dir.join("share");
    fs::create_dir_all(&share).with_context(|| format!("create {}", share.display()))?;
    fs::copy(workspace.join("tests/vm/guest/lib.sh"), share.join("lib.sh")).context("copy guest/lib.sh")?;
    let program = super::target_dir(workspace).join("debug/pathkeeper");
    if program.is_file() {
        // Without its debug information it is ten times smaller; without `strip` it only starts more slowly.
        let to = share.join("pathkeeper");
        let stripped = Command::new("strip").arg("--strip-debug").arg("-o").arg(&to).arg(&program).status();
        if !stripped.is_ok_and(|status| status.success()) {
            fs::copy(&program, &to)?;
        }
    }
    let shape = qemu::Shape { luns, paths, memory_mib: 512, ..qemu::Shape::ONE };
    for lun in 1..=luns {
        File::create(dir.join(qemu::lun_file(lun)))?.set_len(shape.lun_bytes)?;
    }
    println!(
        "LUN 1 is {}. In the guest: `mpd_conf fail; mpd_start; multipath -ll`; other words are in\n\
         tests/vm/guest/lib.sh; {} is /host there. End with `exit` or Ctrl-A X.",
        qemu::wwid(1),
        share.display()
    );
    let status = Command::new(image.dir.join("qemu"))
        .args(qemu::arguments(&image.dir, &shape, qemu::Console::Terminal))
        .current_dir(&dir)
        .status()
        .context("start QEMU")?;
    ensure!(status.success(), "QEMU ended with {status}");
    Ok(())
}
