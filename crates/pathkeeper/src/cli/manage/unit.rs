//! Telling systemd that the agent's unit has changed.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use pathkeeper_io::Roots;
use tokio::process::Command;

/// The agent's unit.
const UNIT: &str = "pathkeeper.service";
/// What makes a changed drop-in count.
pub const COMMANDS: [&[&str]; 2] = [&["daemon-reload"], &["restart", UNIT]];
/// Longer than the unit may take to stop and to start (TimeoutStopSec=, TimeoutStartSec=), seconds.
const WAIT_S: u64 = 120;

/// The program, where systemd runs this machine (sd_booted(3)).
pub fn systemctl(roots: &Roots) -> Option<PathBuf> {
    let program = roots.programs.iter().map(|dir| dir.join("systemctl")).find(|path| path.is_file());
    program.filter(|_| roots.run.join("systemd/system").is_dir())
}

/// Both, one after the other.
pub async fn restart(systemctl: &PathBuf) -> Result<(), String> {
    for words in COMMANDS {
        let command = format!("systemctl {}", words.join(" "));
        let run = Command::new(systemctl).args(words).stdin(Stdio::null()).kill_on_drop(true).output();
        let output = match tokio::time::timeout(Duration::from_secs(WAIT_S), run).await {
            Err(_) => return Err(format!("{command} did not end within {WAIT_S} s")),
            Ok(Err(e)) => return Err(format!("{command}: {e}")),
            Ok(Ok(output)) => output,
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{command}: {} ({})", said.trim(), output.status));
        }
    }
    Ok(())
}

/// For a person to type.
pub fn typed() -> String {
    COMMANDS.iter().map(|words| format!("  systemctl {}\n", words.join(" "))).collect()
}
