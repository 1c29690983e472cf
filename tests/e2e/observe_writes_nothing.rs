//! An observing agent writes nothing outside its state and run directories, starts no program, and asks
//! device-mapper only questions: seen by strace, from its start to its end.
//!
//! Needs strace and the right to trace; `cargo xtask test` skips it by its module's name where either is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::trace::{self, Allowed, Seen};

/// strace that writes to `log` and runs what is added as arguments.
fn strace(log: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "4096", "-e", "signal=none", "-e", trace::CALLS, "-o"]).arg(log);
    strace.stdin(Stdio::null());
    strace
}

fn judge(log: &Path, folders: &[PathBuf]) -> Seen {
    let text = std::fs::read_to_string(log).unwrap();
    let allowed =
        Allowed { folders, files: &["/dev/null", "/dev/mapper/control"], working_dir: Path::new("/") };
    trace::judge(&text, &allowed)
}

/// The instrument itself: a program that writes once at home and three times elsewhere is caught three times.
#[test]
#[ignore = "needs strace: cargo xtask test"]
fn a_program_that_writes_is_caught() {
    let dir = tempfile::tempdir().unwrap();
    let (home, other, log) = (dir.path().join("home"), dir.path().join("other"), dir.path().join("log"));
    std::fs::create_dir(&home).unwrap();
    std::fs::create_dir(&other).unwrap();
    let script = r#"echo 1 > "$1/a"; echo 2 > "$2/a"; (cd "$2" && echo 3 > b); echo 4 >> "$2/a""#;
    let status = strace(&log)
        .current_dir("/")
        .args(["sh", "-c", script, "sh"])
        .arg(&home)
        .arg(&other)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let seen = judge(&log, std::slice::from_ref(&home));
    let writes = seen.violations.iter().filter(|line| line.contains("openat")).count();
    assert_eq!(writes, 3, "{:#?}", seen.violations);
    assert_eq!(seen.allowed_writes, 1);
}
